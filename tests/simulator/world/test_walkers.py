from __future__ import annotations

import math

import numpy as np
import pytest

from av_synth.geometry.transforms import from_yaw, rigid, yaw
from av_synth.simulator.scene import Tag
from av_synth.simulator.world import NotSupported, WalkerControl


@pytest.fixture
def walker(world, street):
    actor = world.spawn("walker.pedestrian.0001", {}, street.at(200.0, street.pavement_y_m, z_m=1.3))
    world.run(1.0)
    return actor


def pose_of(world, actor):
    return next(i.pose for i in world.scene().instances if i.actor_id == actor.id)


def test_a_walker_goes_at_its_speed_at_once_and_turns_to_where_it_goes(world, walker):
    world.apply_walker_control(walker.id, WalkerControl((0.0, 3.0, 0.0), 1.4))
    start = walker.world_from_actor[:3, 3].copy()
    world.step(0.05)
    assert walker.velocity_mps == pytest.approx([0.0, 1.4, 0.0])
    world.run(0.95)
    assert walker.world_from_actor[:2, 3] - start[:2] == pytest.approx([0.0, 1.4])
    assert yaw(walker.world_from_actor) == pytest.approx(math.pi / 2)
    world.apply_walker_control(walker.id, WalkerControl())
    world.step(0.05)
    assert not walker.velocity_mps.any()


def test_the_gait_turns_once_in_a_stride_and_rests_with_the_walker(world, walker):
    assert pose_of(world, walker) == 0
    world.apply_walker_control(walker.id, WalkerControl((1.0, 0.0, 0.0), 1.0))
    seen, walked = [], 0.0
    while walked < walker.body.stride_m - 0.06:
        world.step(0.05)
        walked += 0.05
        seen.append(pose_of(world, walker))
    assert seen == [int(0.05 * (k + 1) / walker.body.stride_m * 16.0 + 1e-9) % 16 for k in range(len(seen))]
    assert len(set(seen)) >= 10


def test_walkers_stand_on_the_pavement_and_step_down_to_the_road(world, walker):
    half = walker.body.box_half_m[2] - walker.body.box_centre_m[2]
    assert walker.world_from_actor[2, 3] == pytest.approx(0.12 + half)
    world.apply_walker_control(walker.id, WalkerControl((0.0, 1.0, 0.0), 2.0))
    world.run(2.5)
    assert walker.world_from_actor[1, 3] == pytest.approx(57.5)
    assert walker.world_from_actor[2, 3] == pytest.approx(half)


def test_a_led_walker_is_where_it_is_put_and_lifted_to_the_ground(world, walker):
    for k in range(20):
        world.set_walker_state(walker.id, from_yaw(200.0 + 0.07 * (k + 1), 52.5, 0.0, 0.0), 1.4)
        world.step(0.05)
    assert walker.world_from_actor[0, 3] == pytest.approx(201.4)
    assert walker.world_from_actor[2, 3] == pytest.approx(
        0.12 + walker.body.box_half_m[2] - walker.body.box_centre_m[2]
    )
    assert walker.velocity_mps == pytest.approx([1.4, 0.0, 0.0])
    assert pose_of(world, walker) == int(1.4 / walker.body.stride_m * 16.0) % 16
    assert walker.walker.control.speed_mps == 1.4


def test_who_is_led_without_physics_has_its_feet_at_the_height_that_is_asked_for(world, walker):
    world.set_simulate_physics(walker.id, False)
    world.set_walker_state(walker.id, from_yaw(201.0, 52.5, 0.4, 0.0), 1.4)
    world.step(0.05)
    half = walker.body.box_half_m[2] - walker.body.box_centre_m[2]
    assert walker.world_from_actor[:3, 3] == pytest.approx([201.0, 52.5, 0.4 + half])
    assert walker.velocity_mps == pytest.approx([1.4, 0.0, 0.0])


def test_walkers_step_up_a_kerb(world, walker):
    half = walker.body.box_half_m[2] - walker.body.box_centre_m[2]
    world.apply_walker_control(walker.id, WalkerControl((0.0, 1.0, 0.0), 2.0))
    world.run(2.5)
    assert walker.world_from_actor[2, 3] == pytest.approx(half)
    world.apply_walker_control(walker.id, WalkerControl((0.0, -1.0, 0.0), 2.0))
    world.run(2.5)
    assert walker.world_from_actor[1, 3] == pytest.approx(52.5)
    assert walker.world_from_actor[2, 3] == pytest.approx(0.12 + half)


def test_who_is_put_from_place_to_place_walks_but_not_in_jumps_nor_lying(world, street):
    steps = {}
    for name, walks in (("walks", True), ("put", False)):
        actor = world.spawn("walker.pedestrian.0001", {}, street.at(200.0, street.pavement_y_m, z_m=1.3))
        world.run(1.0)
        world.set_simulate_physics(actor.id, walks)
        world.apply_walker_control(actor.id, WalkerControl((1.0, 0.0, 0.0), 1.0))
        seen = []
        for k in range(20):
            if not walks:
                ahead = street.at(200.0 + 0.05 * (k + 1), street.pavement_y_m, z_m=1.3)
                world.set_transform(actor.id, ahead)
            world.step(0.05)
            seen.append(pose_of(world, actor))
        steps[name] = seen, actor
        world.set_simulate_physics(actor.id, False)
        world.set_transform(actor.id, street.at(240.0, street.pavement_y_m, z_m=1.3))
        world.step(0.05)
        assert pose_of(world, actor) == seen[-1]
    assert steps["put"][0] == steps["walks"][0]
    assert len(set(steps["put"][0])) >= 10

    lying = rigid([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]], np.zeros(3))
    for k in range(4):
        world.set_transform(actor.id, street.at(240.0 + 0.1 * k, street.pavement_y_m) @ lying)
        world.step(0.05)
        assert pose_of(world, actor) == seen[-1]


def test_walkers_stop_at_walls_and_two_do_not_share_a_place(world, walker, street):
    other = world.spawn("walker.pedestrian.0002", {}, street.at(203.0, street.pavement_y_m, z_m=1.3))
    world.apply_walker_control(walker.id, WalkerControl((1.0, 0.0, 0.0), 2.0))
    world.run(3.0)
    gap = float(np.linalg.norm((other.world_from_actor - walker.world_from_actor)[:2, 3]))
    assert gap > 0.3
    world.apply_walker_control(walker.id, WalkerControl((0.0, -1.0, 0.0), 2.0))
    world.run(3.0)  # it would be 6 m further
    x, y = walker.world_from_actor[:2, 3]
    houses = [f.polygon for f in world.town.footprints if f.tag is Tag.BUILDINGS and f.polygon[:, 1].max() < y]
    wall_m = max(house[:, 1].max() for house in houses if house[:, 0].min() < x < house[:, 0].max())
    assert 0.2 < y - wall_m < 0.5


def test_what_walkers_cannot_do_is_named(world, walker):
    with pytest.raises(NotSupported, match="jump"):
        world.apply_walker_control(walker.id, WalkerControl(jump=True))
    with pytest.raises(NotSupported, match="set_actor_target_velocity"):
        world.set_target_velocity(walker.id, (1.0, 0.0, 0.0))
    world.set_dead(walker.id)
    world.apply_walker_control(walker.id, WalkerControl((1.0, 0.0, 0.0), 1.0))
    world.step(0.05)
    assert not walker.velocity_mps.any()
