from __future__ import annotations

import math

import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.world import LightState, WrongActorKind

G, Y, R = LightState.GREEN, LightState.YELLOW, LightState.RED


def lights(world):
    return [a for a in world.actors.values() if a.traffic_light is not None]


def limit_kmh(world, car):
    told = world.all_told()
    return told.limit_kmh[told.actors.index(car)]


def test_phases_take_turns_and_never_meet(world):
    everyone = lights(world)
    phases = sorted({a.traffic_light.phase for a in everyone})
    history = {phase: [] for phase in phases}
    for _ in range(15 * len(phases)):
        for phase in phases:
            states = {a.traffic_light.state for a in everyone if a.traffic_light.phase == phase}
            assert len(states) == 1
            history[phase].append(states.pop())
        world.step(1.0)
    assert len(phases) > 1
    for k, phase in enumerate(phases):
        turn = history[phase][15 * k : 15 * k + 15]
        assert turn == [G] * 10 + [Y] * 3 + [R] * 2
        assert set(history[phase][: 15 * k] + history[phase][15 * k + 15 :]) <= {R}


def test_frozen_lights_keep_their_colour_and_take_the_one_they_are_given(world):
    first, *rest = lights(world)
    world.freeze_all_traffic_lights(True)
    world.set_traffic_light_state(first.id, Y)
    world.run(30.0, 0.5)
    assert first.traffic_light.state is Y
    assert first.traffic_light.elapsed_s == 0.0
    assert all(a.traffic_light.frozen for a in rest)
    world.freeze_all_traffic_lights(False)
    world.reset_all_traffic_lights()
    assert not any(a.traffic_light.frozen for a in (first, *rest))
    world.run(14.0, 0.5)
    assert {a.traffic_light.state for a in (first, *rest)} == {
        R
    }  # between the yellow of one phase and the next's green


def test_times_hold_for_a_phase_and_a_group_can_start_again(world):
    first = next(a for a in lights(world) if a.traffic_light.phase == 0)
    world.set_traffic_light_times(first.id, green_s=4.0, yellow_s=1.0, red_s=1.0)
    twins = [
        a for a in lights(world) if (a.traffic_light.group, a.traffic_light.phase) == (first.traffic_light.group, 0)
    ]
    assert {a.traffic_light.green_s for a in twins} == {4.0}
    world.run(4.5)
    assert first.traffic_light.state is Y
    world.reset_traffic_light_group(first.id)
    assert (first.traffic_light.state, first.traffic_light.elapsed_s) == (G, 0.0)
    assert set(world.traffic_light_group(first.id)) == {
        a.id for a in lights(world) if a.traffic_light.group == first.traffic_light.group
    }
    with pytest.raises(DataError, match="green_s"):
        world.set_traffic_light_times(first.id, green_s=-1.0)
    with pytest.raises(WrongActorKind, match="spectator"):
        world.set_traffic_light_state(world.spectator_id, G)


@pytest.mark.parametrize("reset", ["reset_all_traffic_lights", "reset_traffic_light_group"])
def test_a_reset_starts_the_clock_of_every_light_also_of_those_that_stay_red(world, reset):
    group = [a for a in lights(world) if a.traffic_light.group == lights(world)[0].traffic_light.group]
    world.run(4.0)
    assert min(a.traffic_light.elapsed_s for a in group) == pytest.approx(4.0)
    getattr(world, reset)(*([group[0].id] if reset.endswith("group") else []))
    assert {a.traffic_light.elapsed_s for a in group} == {0.0}


def test_a_vehicle_is_at_a_light_inside_its_stop_area_and_in_its_direction_only(world):
    car = world.car(200.0)
    for actor, light in zip(lights(world), world.town.traffic_lights, strict=True):
        for area, heading in zip(light.stop_areas, light.stop_headings_rad, strict=True):
            middle = np.asarray(area).mean(axis=0)
            for turn, wanted in ((0.0, actor), (math.pi, None)):
                world.set_transform(car.id, from_yaw(*middle, 0.0, heading + turn))
                world.step(0.05)
                assert world.traffic_light_of(car) is wanted
    world.set_transform(car.id, from_yaw(300.0, 58.25, 0.0, 0.0))
    world.step(0.05)
    assert world.traffic_light_of(car) is None


def test_speed_limits_follow_the_road_and_hold_inside_junctions(world):
    car = world.car(300.0)
    assert limit_kmh(world, car) == 50.0
    world.set_transform(car.id, from_yaw(58.25, 230.0, 0.0, math.pi / 2))
    world.step(0.05)
    assert limit_kmh(world, car) == 30.0
    world.set_transform(car.id, from_yaw(160.0, 180.0, 0.0, 0.0))
    world.step(0.05)
    assert limit_kmh(world, car) == 30.0
