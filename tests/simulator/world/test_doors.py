"""Doors of vehicles: they swing by ticks, block who drives into them, and every sensor sees them as their vehicle."""

from __future__ import annotations

import math

import numpy as np
import pytest

from av_synth.geometry.transforms import apply
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.bodies.model import behind_doors, door_panels, shown
from av_synth.simulator.raycast import RayScene
from av_synth.simulator.scene import Tag
from av_synth.simulator.world import NotSupported, WrongActorKind
from av_synth.simulator.world.doors import DoorIndex, move_door

WITH_DOORS = [name for name, body in catalogue().items() if body.doors is not None]


def parts(world, actor):
    """What is seen of an actor, by the body's name."""
    return {seen.body: seen for seen in world.scene().instances if seen.actor_id == actor.id}


def angle_deg(world, actor):
    panel = parts(world, actor)[door_panels(actor.blueprint_id)]
    turn = actor.world_from_actor[:3, :3].T @ panel.world_from_body[:3, :3]
    return math.degrees(math.atan2(turn[1, 0], turn[0, 0]))


def test_vehicles_of_the_second_generation_and_those_that_scenarios_cast_have_front_doors_and_say_so():
    cast = {"vehicle.audi.a2", "vehicle.audi.tt", "vehicle.nissan.patrol", "vehicle.tesla.model3"}
    second = {name for name, body in catalogue().items() if body.attributes.get("generation") == "2"}
    newer = {name for name in second if catalogue()[name].tag in (Tag.CAR, Tag.TRUCK)}
    said = {name for name, body in catalogue().items() if body.attributes.get("has_dynamic_doors") == "true"}

    assert said == set(WITH_DOORS)
    assert len(newer) == 12
    assert newer | cast | {"vehicle.carlamotors.carlacola", "vehicle.dodge.charger_police"} <= said


@pytest.mark.parametrize("name", WITH_DOORS)
def test_a_closed_door_is_where_the_body_has_its_skin_and_an_open_one_stands_out_of_the_box(name):
    body = catalogue()[name]
    for side, (panel, hinge) in enumerate(zip(body.doors.panels, body.doors.hinges_m, strict=True)):
        out = 1.0 if side == DoorIndex.FL else -1.0
        closed = panel.positions_m + hinge
        turn = body.doors.open_rad[side]
        x, y = panel.positions_m[:, 0], panel.positions_m[:, 1]
        opened_y = math.sin(turn) * x + math.cos(turn) * y + hinge[1]

        assert (np.abs(closed - body.box_centre_m) <= body.box_half_m + 1e-3).all()
        assert 0.55 < (out * opened_y).max() - body.box_half_m[1] + 0.25 < 1.3
        assert 0.7 < np.ptp(x) < 1.3
        for mesh in (*body.doors.behind, *body.doors.panels):
            np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-3)
            assert set(mesh.tags.tolist()) == {int(body.tag)}
            assert len(mesh.triangles) < 5500


def test_a_door_opens_over_some_ticks_to_its_left_and_closes_at_once(world):
    car = world.car(205.0)
    world.step(0.05)
    assert set(parts(world, car)) == {car.blueprint_id}
    move_door(car, DoorIndex.FL, opened=True)
    world.step(0.05)
    first = angle_deg(world, car)
    world.run(1.0)

    assert set(parts(world, car)) == {behind_doors(car.blueprint_id), door_panels(car.blueprint_id)}
    assert -10.0 < first < 0.0
    assert angle_deg(world, car) == pytest.approx(-65.0)
    move_door(car, DoorIndex.ALL, opened=False)
    assert set(parts(world, car)) == {car.blueprint_id}


def test_a_swinging_door_has_the_speed_of_its_swing_and_where_it_was_on_the_frame_before(world):
    car = world.car(205.0)
    move_door(car, DoorIndex.FR, opened=True)
    world.step(0.05)
    before = parts(world, car)[door_panels(car.blueprint_id)]
    world.step(0.05)
    panel = parts(world, car)[door_panels(car.blueprint_id)]
    edge = np.array([-0.7, 0.0, 1.0])
    moved = (apply(panel.world_from_body, edge[None]) - apply(before.world_from_body, edge[None]))[0] / 0.05
    swing = panel.velocity_mps + np.cross(panel.angular_velocity_radps, panel.world_from_body[:3, :3] @ edge)

    np.testing.assert_array_equal(panel.last_world_from_body, before.world_from_body)
    np.testing.assert_allclose(swing, moved, atol=0.15)
    assert np.linalg.norm(swing) > 0.5


def test_rays_meet_an_open_door_as_its_vehicle_and_the_others_where_it_was(world):
    car = world.car(205.0)
    rays = RayScene(world.town.mesh, shown(catalogue()))
    # along the flank, half a metre beside it
    origin, forward = [200.0, car.world_from_actor[1, 3] + 1.35, 1.0], [[1.0, 0.0, 0.0]]
    closed = rays.trace(world.scene(), origin, forward, 20.0)
    move_door(car, DoorIndex.FL, opened=True)
    world.run(1.0)
    opened = rays.trace(world.scene(), origin, forward, 20.0)

    assert closed.actor_id[0] == 0
    assert (opened.actor_id[0], opened.tag[0]) == (car.id, int(Tag.CAR))
    assert opened.range_m[0] == pytest.approx(5.4, abs=0.3)


@pytest.mark.parametrize("opened", [False, True])
def test_who_drives_by_too_closely_hits_an_open_door_and_both_report_it(world, street, opened):
    parked = world.car(215.0)
    passer = world.car(204.0, street.lane_y_m + 2.25)
    if opened:
        move_door(parked, DoorIndex.FL, opened=True)
        world.run(0.7)
    world.set_target_velocity(passer.id, (8.0, 0.0, 0.0))
    met = set()
    for _ in range(40):
        world.step(0.05)
        met |= {(hit.actor_id, hit.other_id) for hit in world.collisions_this_frame}

    assert met == ({(parked.id, passer.id), (passer.id, parked.id)} if opened else set())
    assert (passer.world_from_actor[0, 3] < 217.0) == opened


def test_doors_that_are_not_there_are_refused_by_name(world, street):
    car = world.car(205.0)
    bus = world.spawn("vehicle.mitsubishi.fusorosa", {}, street.at(230.0))
    walker = world.spawn("walker.pedestrian.0001", {}, street.at(205.0, street.pavement_y_m, z_m=1.0))
    with pytest.raises(NotSupported, match=r"open_vehicle_door.* no door 2; .*FL, FR"):
        move_door(car, DoorIndex.RL, opened=True)
    with pytest.raises(NotSupported, match=r"close_vehicle_door.* none"):
        move_door(bus, DoorIndex.ALL, opened=False)
    with pytest.raises(WrongActorKind):
        move_door(walker, DoorIndex.FL, opened=True)
