"""Traffic of the client's own Traffic Manager in the towns: it keeps to its lanes and gets on."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import carla
import pytest
from server_process import fresh_world

from av_synth.session.traffic_manager import start_traffic_manager
from av_synth.simulator import town

TICKS_A_SECOND = 20
SETTLED_TICK, GOING_TICK = 40, 300
WIDE_OF_A_LANE_M = 1.2  # a car of 1.8 m then reaches over the line by 0.3 m


@dataclass
class Drive:
    """How one car drove.

    Attributes:
        metres: how far.
        aside_m: furthest from its lane's middle, outside junctions.
        off_ground_m: furthest above or below the ground.
        waiting, longest: ticks that it stands, not at a light: now, and at most.
        slowest_kmh: once it had time to speed up.
        highest_m: ground that it came over.
        roads: where it was.
    """

    metres: float = 0.0
    aside_m: float = 0.0
    off_ground_m: float = 0.0
    waiting: int = 0
    longest: int = 0
    slowest_kmh: float = math.inf
    highest_m: float = 0.0
    roads: set[int] = field(default_factory=set)


def spawn_points_near(world: carla.World, *places: tuple[float, float]) -> list[carla.Transform]:
    points = world.get_map().get_spawn_points()
    return [min(points, key=lambda p: math.hypot(p.location.x - x, p.location.y + y)) for x, y in places]


def on_lanes(world: carla.World, *places: tuple[int, int, float]) -> list[carla.Transform]:
    """Poses at road, lane and distance along the road."""
    poses = [world.get_map().get_waypoint_xodr(*place).transform for place in places]
    for pose in poses:
        pose.location.z += 0.3
    return poses


def drives(client: carla.Client, world: carla.World, starts: list[carla.Transform], seconds: int = 30) -> list[Drive]:
    """Let a car drive from each start, without changing lanes."""
    roads = world.get_map()
    place = town.load(roads.name.rsplit("/", 1)[-1].split("_")[0])
    manager = start_traffic_manager(client, 5)
    try:
        world.tick()  # the manager's first round goes by its own clock: nobody is there yet
        body = world.get_blueprint_library().find("vehicle.audi.a2")
        actors, last = {}, {}
        for start in starts:
            actor = world.spawn_actor(body, start)
            actor.set_autopilot(True, manager.get_port())
            manager.auto_lane_change(actor, False)
            actors[actor.id], last[actor.id] = actor, start.location
        found: dict[int, Drive] = defaultdict(Drive)
        for tick in range(seconds * TICKS_A_SECOND):
            world.tick()
            snapshot = world.get_snapshot()
            for actor_id, before in last.items():
                drive, state = found[actor_id], snapshot.find(actor_id)
                here, speed = state.get_transform().location, state.get_velocity().length()
                lane, ground = roads.get_waypoint(here), float(place.ground_height_m(here.x, -here.y))
                if not lane.is_junction:  # inside, the next path may be nearer
                    drive.aside_m = max(drive.aside_m, lane.transform.location.distance_2d(here))
                if tick > SETTLED_TICK:
                    drive.off_ground_m = max(drive.off_ground_m, abs(here.z - ground))
                if tick > GOING_TICK:
                    drive.slowest_kmh = min(drive.slowest_kmh, 3.6 * speed)
                drive.metres += before.distance_2d(here)
                waits = speed < 0.1 and not actors[actor_id].is_at_traffic_light()
                drive.waiting = drive.waiting + 1 if waits else 0
                drive.longest = max(drive.longest, drive.waiting)
                drive.highest_m = max(drive.highest_m, ground)
                drive.roads.add(lane.road_id)
                last[actor_id] = here
    finally:
        manager.shut_down()
    assert len(found) == len(starts)
    for drive in found.values():
        assert drive.aside_m < WIDE_OF_A_LANE_M
        assert drive.off_ground_m < 0.03
        assert drive.longest < 10 * TICKS_A_SECOND
    return list(found.values())


def test_cars_of_the_suburb_drive_round_its_roundabout_and_never_stand_for_long(client: carla.Client) -> None:
    world = fresh_world(client, "AvSynth03")
    # towards the roundabout by three arms, and along the parked street
    starts = spawn_points_near(world, (180.0, 163.25), (241.75, 90.0), (300.0, 166.75), (300.0, 44.25))
    found = drives(client, world, starts)

    assert all(drive.metres > 120.0 for drive in found)
    assert sum(bool(drive.roads & {96, 97, 98, 99}) for drive in found) >= 2


@pytest.mark.long
def test_cars_downtown_get_on_past_lights_stop_signs_and_a_crossing_without_either(client: carla.Client) -> None:
    world = fresh_world(client, "AvSynth02")
    starts = spawn_points_near(world, (250.0, 138.25), (481.75, 80.0), (481.75, 200.0), (250.0, 251.75))
    found = drives(client, world, starts)

    assert all(drive.metres > 50.0 for drive in found)
    assert sum(len(drive.roads) > 2 for drive in found) >= 2


@pytest.mark.long
def test_cars_on_the_motorway_pass_the_end_of_the_entry_without_slowing_down(client: carla.Client) -> None:
    world = fresh_world(client, "AvSynth04")
    # a left lane, the entry lane, a right lane before the tunnel
    found = drives(client, world, on_lanes(world, (10, -2, 30.0), (10, -4, 500.0), (21, -3, 700.0)), seconds=60)

    assert all(drive.slowest_kmh > 75.0 for drive in found)
    assert set().union(*(drive.roads for drive in found)) >= {100, 101, 11, 22}


@pytest.mark.long
def test_a_car_on_the_country_roads_goes_over_the_crest(client: carla.Client) -> None:
    world = fresh_world(client, "AvSynth05")
    over, _ = drives(client, world, on_lanes(world, (11, -1, 120.0), (13, -1, 30.0)), seconds=60)

    assert over.highest_m == pytest.approx(6.0, abs=0.01)


@pytest.mark.long
def test_cars_of_the_ring_and_of_the_streets_inside_it_meet_everything_there(client: carla.Client) -> None:
    world = fresh_world(client, "AvSynth06")
    # the entry lane, towards the tunnel, to the roundabout beside parked cars, over the crest, through the STOP
    starts = on_lanes(
        world, (10, -3, 480.0), (11, -2, 500.0), (30, 1, 150.0), (40, -1, 60.0), (37, -1, 60.0), (31, 1, 240.0)
    )
    entry, tunnel, parked, crest, stop, zebra = drives(client, world, starts, seconds=60)

    assert entry.slowest_kmh > 50.0
    assert entry.roads >= {10, 101, 11}
    assert tunnel.slowest_kmh > 50.0
    assert 12 in tunnel.roads
    assert parked.roads & {96, 97, 98, 99}
    assert crest.highest_m == pytest.approx(6.0, abs=0.01)
    assert stop.roads - {37}
    assert zebra.metres > 200.0
