"""The snapshot of all actors at once, held against one that is written actor by actor, number by number."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from av_synth.geometry.carla import angular_to_carla, carla_from_matrices, carla_from_matrix
from av_synth.geometry.transforms import from_yaw, rigid
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.protocol.bodies import SensorType, header
from av_synth.simulator.protocol.snapshot import snapshot
from av_synth.simulator.town import load
from av_synth.simulator.world import World
from av_synth.simulator.world.model import Actor, VehicleControl, WalkerControl
from av_synth.simulator.world.triggers import FRICTION_TRIGGER_ID

SEED = 11
KINDS = {"vehicle", "walker", "prop", "traffic_light", "sensor", "controller", "trigger", "spectator"}


def one_by_one(world: World, delta_s: float, flags: int) -> bytes:
    """What the wire has, as its reference says it, of one actor after the other."""
    head = struct.pack("<Qdf3iI", world.episode_id, world.elapsed_s, delta_s, 0, 0, 0, flags)
    out = [header(SensorType.WORLD_OBSERVER, world.frame, world.elapsed_s), head]
    for actor_id, actor in sorted(world.actors.items()):
        pose, velocity, turn = world.told(actor)
        location, rotation = carla_from_matrix(pose)
        left = [(x, -y, z) for x, y, z in (velocity.tolist(), actor.acceleration_mps2.tolist())]
        motion = (*location, *rotation, *left[0], *angular_to_carla(turn).tolist(), *left[1])
        out.append(struct.pack("<IB15f54s", actor_id, 1, *motion, state(world, actor)))
    return b"".join(out)


def state(world: World, actor: Actor) -> bytes:
    """What only an actor's kind has."""
    if actor.vehicle is not None:
        c, light = actor.vehicle.control, world.traffic_light_of(actor)
        pedals = struct.pack("<fff???", c.throttle, c.steer, c.brake, c.hand_brake, c.reverse, c.manual_gear_shift)
        told = world.all_told()
        limit_kmh = told.limit_kmh[told.actors.index(actor)]
        known = (2, False, 0) if light is None else (int(light.traffic_light.state), True, light.id)
        road = struct.pack("<ifBBI", actor.vehicle.gear, limit_kmh, *known)
        return pedals + road + bytes([actor.vehicle.failure])
    if actor.walker is not None:
        x, y, z = actor.walker.control.direction
        return struct.pack("<4f?", x, -y, z, actor.walker.control.speed_mps, actor.walker.control.jump)
    if actor.traffic_light is not None:
        t = actor.traffic_light
        times = struct.pack("<4f", t.green_s, t.yellow_s, t.red_s, t.elapsed_s)
        return (
            struct.pack("<32s", t.signal_id.encode()[:31])
            + times
            + struct.pack("<I?B", t.pole_index, t.frozen, t.state)
        )
    return b""


@pytest.fixture
def busy() -> World:
    """A world with actors of all kinds, whose ids do not come in the order in which they were spawned."""
    world = World(load("AvSynth01"), catalogue())
    cars = [world.spawn("vehicle.audi.a2", {}, place) for place in world.town.spawn_points[:8]]
    far = [
        world.spawn("vehicle.carlamotors.firetruck", {}, from_yaw(3000.0, 20.0 * k, 1.0, k), 0, 900 - k) for k in (0, 1)
    ]
    walker = world.spawn("walker.pedestrian.0001", {}, from_yaw(3000.0, -40.0, 1.0, 0.3))
    lying = rigid(np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), np.array([3000.0, -60.0, 2.0]))
    world.spawn("static.prop.trafficcone01", {}, lying)
    world.spawn("sensor.other.imu", {}, from_yaw(1.0, 0.0, 1.5, 0.1), cars[0].id)
    world.spawn("controller.ai.walker", {}, np.eye(4), walker.id)
    world.spawn(FRICTION_TRIGGER_ID, {"friction": "0.3"}, from_yaw(5.0, 5.0, 0.0, -2.0))
    light = world.town.traffic_lights[0]
    middle, heading = np.mean(light.stop_areas[0], axis=0), light.stop_headings_rad[0]
    world.set_transform(far[0].id, from_yaw(*middle, 0.5, heading))
    world.set_dead(cars[1].id)
    return world


def test_the_snapshot_has_the_bytes_that_one_actor_after_the_other_has(busy):
    rng = np.random.default_rng(SEED)
    assert {actor.kind for actor in busy.actors.values()} == KINDS
    assert list(busy.actors) != sorted(busy.actors)

    assert snapshot(busy, 0.0, 1) == one_by_one(busy, 0.0, 1)  # nothing has been told yet
    for _ in range(60):
        for actor in busy.actors.values():
            if actor.vehicle is not None and rng.uniform() < 0.3:
                pedals = VehicleControl(rng.uniform(), rng.uniform(-1, 1), rng.uniform(), reverse=bool(rng.integers(2)))
                busy.apply_vehicle_control(actor.id, pedals)
            elif actor.walker is not None:
                busy.apply_walker_control(actor.id, WalkerControl((rng.normal(), rng.normal(), 0.0), 1.5))
        busy.step(0.05)
        assert snapshot(busy, 0.05, 0) == one_by_one(busy, 0.05, 0)
    assert any(busy.traffic_light_of(actor) for actor in busy.actors.values() if actor.vehicle is not None)

    mover = next(actor for actor in busy.actors.values() if actor.vehicle is not None)
    busy.set_transform(mover.id, from_yaw(2900.0, -50.0, 0.0, 3.0))  # told at once, though no step was made
    assert snapshot(busy, 0.05, 0) == one_by_one(busy, 0.05, 0)


def test_a_world_that_has_nobody_has_a_snapshot():
    world = World(load("AvSynth04"), catalogue())

    assert snapshot(world, 0.05, 0) == one_by_one(world, 0.05, 0)


def test_poses_of_many_are_the_poses_of_each():
    turned = [rigid(np.linalg.qr(m)[0], m[0]) for m in np.random.default_rng(SEED).normal(size=(200, 3, 3))]
    poses = np.array([*turned, np.eye(4), from_yaw(0.0, -0.0, 1.0, np.pi)])
    each = [[*location, *rotation] for location, rotation in map(carla_from_matrix, poses)]

    found = carla_from_matrices(poses)

    np.testing.assert_allclose(found, each, rtol=1e-14)
    assert (np.signbit(found) == np.signbit(each)).all()
    assert np.isfinite(found).all()
