"""CARLA's Traffic Manager drives for a minute on the motorway and on the country roads."""

from __future__ import annotations

import math
import socket
from pathlib import Path

import pytest

from av_synth.simulator import town
from tests.simulator.server_process import TICK_S, connect, running_simulator

MINUTE = 1200
LANE_HALF_M = 1.75


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "starts", "kmh", "passed"),
    [
        # a left lane, the entry lane, a right lane before the tunnel
        ("AvSynth04", [(10, -2, 30.0), (10, -4, 500.0), (21, -3, 700.0)], 75.0, {100, 101, 11, 22}),
        # towards the crest, and on the long road away from the crossroads
        ("AvSynth05", [(11, -1, 120.0), (13, -1, 30.0)], 0.0, {11, 13}),
    ],
)
def test_cars_of_the_traffic_manager_keep_their_lanes_for_a_minute(
    name: str, starts: list[tuple[int, int, float]], kmh: float, passed: set[int], tmp_path: Path
) -> None:
    place = town.load(name)
    with running_simulator("--town", name) as (_, port), socket.socket() as probe:
        world = connect(port, tmp_path).get_world()
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, TICK_S
        world.apply_settings(settings)
        probe.bind(("127.0.0.1", 0))
        free_port = probe.getsockname()[1]
        probe.close()
        manager = connect(port, tmp_path).get_trafficmanager(free_port)
        manager.set_synchronous_mode(True)
        manager.set_random_device_seed(3)
        roads, body = world.get_map(), world.get_blueprint_library().find("vehicle.audi.a2")
        cars = []
        for start in starts:
            there = roads.get_waypoint_xodr(*start).transform
            there.location.z += 0.3
            cars.append(world.spawn_actor(body, there))
            cars[-1].set_autopilot(True, free_port)
            manager.auto_lane_change(cars[-1], False)
        seen, highest = set(), 0.0
        for tick in range(MINUTE):
            world.tick()
            for car in cars:
                here = car.get_transform().location
                ground = place.ground_height_m(here.x, -here.y)
                lane = roads.get_waypoint(here)
                seen.add(lane.road_id)
                highest = max(highest, ground)
                if tick > 40:
                    assert here.z == pytest.approx(ground, abs=0.03)
                    if not lane.is_junction:  # on a crossing, the nearest path may be another one
                        away = math.dist((here.x, here.y), (lane.transform.location.x, lane.transform.location.y))
                        assert away < LANE_HALF_M - car.bounding_box.extent.y + 0.3
                if tick > 300:
                    assert 3.6 * car.get_velocity().length() >= kmh
        manager.shut_down()
    assert seen >= passed
    assert highest == pytest.approx(6.0 if name == "AvSynth05" else 0.0, abs=0.01)
