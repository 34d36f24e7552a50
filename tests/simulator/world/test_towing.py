"""The rear section of a bendy bus follows its front one."""

from __future__ import annotations

import numpy as np
import pytest

from av_synth.geometry.transforms import from_yaw, yaw
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.world import VehicleControl

FRONT = catalogue()["vehicle.avsynth.bendy_bus"]
REAR = catalogue()[FRONT.attributes["avsynth.tows"]]
HOOK_M, EYE_M = float(FRONT.attributes["avsynth.hitch_x"]), float(REAR.attributes["avsynth.hitch_x"])
AXLE_M = float(REAR.wheels[0].position_m[0])


@pytest.fixture
def bus(world):
    front = world.spawn(FRONT.blueprint_id, {"color": "36,84,138"}, from_yaw(250.0, 58.25, 0.1, 0.0))
    rear = world.spawn(REAR.blueprint_id, {}, from_yaw(HOOK_M - EYE_M, 0.0, 0.0, 0.0), front.id)
    world.run(2.0)
    return front, rear


def hitch_gap_m(front, rear):
    hook = front.world_from_actor[:3, 3] + HOOK_M * front.world_from_actor[:3, 0]
    return float(np.linalg.norm(hook - rear.world_from_actor[:3, 3] - EYE_M * rear.world_from_actor[:3, 0]))


def test_it_comes_to_rest_straight_behind_on_the_ground(world, bus):
    front, rear = bus
    before = rear.world_from_actor.copy()
    world.run(0.5)

    assert hitch_gap_m(front, rear) < 1e-6
    assert yaw(rear.world_from_actor) == pytest.approx(yaw(front.world_from_actor), abs=1e-6)
    axle = rear.world_from_actor[:3, 3] + AXLE_M * rear.world_from_actor[:3, 0]
    assert axle[2] == pytest.approx(world.town.ground_height_m(axle[:1], axle[1:2])[0], abs=0.02)
    assert (rear.world_from_actor == before).all()
    assert rear.colour == front.colour == (36, 84, 138)
    assert not rear.velocity_mps.any()


def test_in_a_bend_it_turns_later_and_its_axle_never_slips_sideways(world, bus):
    front, rear = bus
    world.set_target_velocity(front.id, (6.0, 0.0, 0.0))
    bends = []
    for _ in range(60):
        world.apply_vehicle_control(front.id, VehicleControl(throttle=0.35, steer=-0.12))
        old = rear.world_from_actor.copy()
        world.step(0.05)
        pose = rear.world_from_actor
        axle = [p[:3, 3] + AXLE_M * p[:3, 0] for p in (old, pose)]
        middle = old[:3, 0] + pose[:3, 0]
        across = np.array([-middle[1], middle[0]]) / np.linalg.norm(middle[:2])
        assert abs((axle[1] - axle[0])[:2] @ across) < 2e-3
        assert hitch_gap_m(front, rear) < 1e-6
        np.testing.assert_allclose(rear.velocity_mps, (pose[:3, 3] - old[:3, 3]) / 0.05, atol=1e-9)
        bends.append(yaw(front.world_from_actor) - yaw(pose))

    assert max(bends) > np.radians(8.0)
    assert yaw(rear.world_from_actor) > np.radians(4.0)


def test_it_stays_behind_when_the_bus_is_put_elsewhere_and_stays_behind_alone_when_it_is_gone(world, bus):
    front, rear = bus
    world.set_transform(front.id, from_yaw(200.0, 61.75, 0.05, np.pi))
    world.run(1.0)
    assert hitch_gap_m(front, rear) < 1e-6
    assert abs(np.cos(yaw(rear.world_from_actor)) + 1.0) < 1e-6

    aside = from_yaw(205.0, 63.0, 0.1, 2.0)
    world.set_transform(rear.id, aside)
    world.set_target_velocity(rear.id, [1.0, 2.0, 0.0])
    world.step(0.05)  # who puts it somewhere has it there for a step
    assert np.array_equal(rear.world_from_actor, aside)
    assert rear.velocity_mps.tolist() == [1.0, 2.0, 0.0]
    world.step(0.05)
    assert hitch_gap_m(front, rear) < 1e-6

    world.destroy(front.id)
    world.run(0.5)
    assert rear.parent_id == 0
    assert world.destroy(rear.id)
    world.run(0.1)
