"""Traffic of the client's own Traffic Manager in the towns: it keeps to its lanes and gets on."""

from __future__ import annotations

import math
import socket
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import carla
import pytest
from server_process import connect, fresh_world, running_simulator

SECONDS, TICKS_A_SECOND = 30, 20


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[carla.Client]:
    with running_simulator() as (_, port):
        yield connect(port, tmp_path_factory.mktemp("cache"))


@dataclass
class Drive:
    """How one car drove: how far, how far from its lane's middle, its longest wait (ticks) but at lights, where."""

    metres: float = 0.0
    aside_m: float = 0.0
    waiting: int = 0
    longest: int = 0
    roads: set[int] = field(default_factory=set)


def drives(client: carla.Client, town: str, starts: list[tuple[float, float]]) -> list[Drive]:
    """Let a car drive from the spawn point next to each of `starts`, without changing lanes."""
    world = fresh_world(client, town)
    roads = world.get_map()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free_port = probe.getsockname()[1]
    manager = client.get_trafficmanager(free_port)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(5)
    car = world.get_blueprint_library().find("vehicle.audi.a2")
    found: dict[int, Drive] = defaultdict(Drive)
    actors, last = {}, {}
    for x, y in starts:
        start = min(roads.get_spawn_points(), key=lambda p: math.hypot(p.location.x - x, p.location.y + y))
        actor = world.spawn_actor(car, start)
        actor.set_autopilot(True, free_port)
        manager.auto_lane_change(actor, False)
        actors[actor.id], last[actor.id] = actor, start.location
    for _ in range(SECONDS * TICKS_A_SECOND):
        world.tick()
        snapshot = world.get_snapshot()
        for actor_id, before in last.items():
            drive, state = found[actor_id], snapshot.find(actor_id)
            here = state.get_transform().location
            lane = roads.get_waypoint(here)
            if not lane.is_junction:  # inside, the next path may be nearer
                drive.aside_m = max(drive.aside_m, lane.transform.location.distance_2d(here))
            drive.metres += before.distance_2d(here)
            waits = state.get_velocity().length() < 0.1 and not actors[actor_id].is_at_traffic_light()
            drive.waiting = drive.waiting + 1 if waits else 0
            drive.longest = max(drive.longest, drive.waiting)
            drive.roads.add(lane.road_id)
            last[actor_id] = here
    manager.shut_down()
    return list(found.values())


def test_cars_of_the_suburb_drive_round_its_roundabout_and_never_stand_for_long(client: carla.Client) -> None:
    # towards the roundabout by three arms, and along the parked street
    found = drives(client, "AvSynth03", [(180.0, 163.25), (241.75, 90.0), (300.0, 166.75), (300.0, 44.25)])

    assert len(found) == 4
    for drive in found:
        assert drive.metres > 120.0
        assert drive.aside_m < 1.2
        assert drive.longest < 10 * TICKS_A_SECOND
    assert sum(bool(drive.roads & {96, 97, 98, 99}) for drive in found) >= 2


@pytest.mark.long
def test_cars_downtown_get_on_past_lights_stop_signs_and_a_crossing_without_either(client: carla.Client) -> None:
    found = drives(client, "AvSynth02", [(250.0, 138.25), (481.75, 80.0), (481.75, 200.0), (250.0, 251.75)])

    assert len(found) == 4
    for drive in found:
        assert drive.metres > 50.0
        assert drive.aside_m < 1.2
        assert drive.longest < 10 * TICKS_A_SECOND
    assert sum(len(drive.roads) > 2 for drive in found) >= 2
