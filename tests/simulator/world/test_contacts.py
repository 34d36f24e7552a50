from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.runs import runs
from av_synth.simulator.scene import Tag
from av_synth.simulator.world import SpawnRefused, VehicleControl, WalkerControl, contacts
from av_synth.simulator.world.contacts import Boxes, body_overlaps, body_pairs


def polygons(actors):
    boxes = Boxes.of(
        np.array([a.world_from_actor for a in actors]),
        np.array([a.body.box_centre_m for a in actors]),
        np.array([a.body.box_half_m for a in actors]),
    )
    return [shapely.Polygon(corners) for corners in boxes.corners]


def momentum(actors):
    return sum(a.body.mass_kg * a.velocity_mps[:2] for a in actors)


def random_boxes(rng, count):
    pose = np.array([from_yaw(*rng.uniform(0, 30, 2), rng.uniform(0, 2), rng.uniform(-4, 4)) for _ in range(count)])
    half = np.column_stack([rng.uniform(0.2, 5, count), rng.uniform(0.2, 1.2, count), np.ones(count)])
    return pose, Boxes.of(pose, np.zeros((count, 3)), half)


def test_overlaps_are_those_that_shapely_finds_and_the_push_frees_them(rng):
    count = 60
    pose, boxes = random_boxes(rng, count)
    everyone = np.ones(count, dtype=bool)
    first, second = body_pairs(boxes, everyone, everyone)
    found = body_overlaps(boxes, first, second, np.zeros((count, 3)), 0.1)
    shapes = [shapely.Polygon(corners) for corners in boxes.corners]
    true = {
        (i, j)
        for i in range(count)
        for j in range(i + 1, count)
        if shapes[i].intersects(shapes[j]) and abs(pose[i, 2, 3] - pose[j, 2, 3]) < 2.0
    }

    assert len(true) > 20
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == true
    for i, j, depth, push, point in zip(found.first, found.second, found.depth_m, found.push, found.point, strict=True):
        moved = shapely.affinity.translate(shapes[i], *(push * (depth + 1e-6)))
        assert not moved.intersects(shapes[j])
        assert max(shapely.Point(point).distance(shapes[k]) for k in (i, j)) < depth + 0.05


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_pairs_are_those_whose_bounds_overlap_and_of_which_one_moves_and_is_in_the_way(rng, share):
    _, boxes = random_boxes(rng, 60)
    usable, active = rng.random(60) < 0.8, rng.random(60) < share
    low, high = boxes.bounds
    wanted = [
        (i, j)
        for i in range(60)
        for j in range(i + 1, 60)
        if usable[i] and usable[j] and (active[i] or active[j])
        if (low[i] < high[j]).all() and (low[j] < high[i]).all()
        if boxes.bottom[i] < boxes.top[j] and boxes.bottom[j] < boxes.top[i]
    ]

    assert list(zip(*(rows.tolist() for rows in body_pairs(boxes, usable, active)), strict=True)) == wanted
    assert (len(wanted) > 0) == (share > 0.0)


def test_bodies_at_rest_are_not_compared_with_each_other_however_many_stand_in_one_place(monkeypatch):
    compared = []
    monkeypatch.setattr(contacts, "runs", lambda starts, counts: compared.append(counts.sum()) or runs(starts, counts))
    boxes = Boxes.of(*(np.repeat(each[None], 500, axis=0) for each in (np.eye(4), np.zeros(3), np.ones(3))))
    everyone, one = np.ones(500, dtype=bool), np.arange(500) == 250

    assert len(body_pairs(boxes, everyone, one)[0]) == 499 == sum(compared)


def test_a_head_on_crash_keeps_momentum_and_both_sides_report_it(world):
    east, west = world.car(200.0), world.car(212.0, yaw_rad=math.pi)
    world.set_target_velocity(east.id, (10.0, 0.0, 0.0))
    world.set_target_velocity(west.id, (-6.0, 0.0, 0.0))
    hits = []
    for _ in range(20):
        before = momentum((east, west))
        world.step(0.05)
        if world.collisions_this_frame:
            hits.append(world.collisions_this_frame)
            assert np.linalg.norm(momentum((east, west)) - before) < 0.06 * east.body.mass_kg
            break
    (one, other) = hits[0]

    assert (one.actor_id, one.other_id, other.actor_id, other.other_id) == (east.id, west.id, west.id, east.id)
    assert one.impulse_ns[0] < -1000.0
    assert (one.impulse_ns == -other.impulse_ns).all()
    assert one.tag is Tag.CAR
    a, b = polygons((east, west))
    assert a.intersection(b).area < 1e-6


def test_a_parked_car_is_not_moved_and_the_one_that_hits_it_stops_short(world):
    parked, car = world.car(215.0), world.car(200.0)
    world.set_simulate_physics(parked.id, False)
    before = parked.world_from_actor.copy()
    world.set_target_velocity(car.id, (12.0, 0.0, 0.0))
    world.run(3.0)

    assert (parked.world_from_actor == before).all()
    assert polygons((car,))[0].distance(polygons((parked,))[0]) < 1.5
    assert car.world_from_actor[0, 3] < parked.world_from_actor[0, 3] - 4.0


def test_a_car_held_at_a_velocity_still_collides(world):
    parked, car = world.car(215.0), world.car(200.0)
    world.set_simulate_physics(parked.id, False)
    world.enable_constant_velocity(car.id, (10.0, 0.0, 0.0))
    hits = set()
    for _ in range(40):
        world.step(0.05)
        hits |= {(c.actor_id, c.other_id) for c in world.collisions_this_frame}
    assert hits == {(car.id, parked.id), (parked.id, car.id)}
    assert car.world_from_actor[0, 3] < 212.0


def test_a_side_hit_spins_the_car_that_is_hit(world):
    hit, car = world.car(160.0, 180.0), world.car(161.4, 172.0, yaw_rad=math.pi / 2)
    world.set_target_velocity(car.id, (0.0, 8.0, 0.0))
    world.run(1.0)
    assert hit.world_from_actor[1, 3] > 180.3
    assert hit.world_from_actor[1, 0] > 0.02  # its front, which was hit, went along


def test_buildings_stop_cars_and_say_what_they_are(world):
    building = next(f for f in world.town.footprints if f.tag is Tag.BUILDINGS and f.bottom_m < 0.5)
    edge = building.polygon[1] - building.polygon[0]
    out = np.array([edge[1], -edge[0]]) / np.hypot(*edge)
    foot = 0.5 * (building.polygon[0] + building.polygon[1]) + out * 0.3
    car = world.spawn("vehicle.audi.a2", {}, from_yaw(400.0, 58.25, 0.0, 0.0))
    heading = math.atan2(-out[1], -out[0])
    world.set_transform(car.id, from_yaw(*(foot + out * 3.0), 0.12, heading))
    world.set_target_velocity(car.id, (*(-8.0 * out), 0.0))
    world.apply_vehicle_control(car.id, VehicleControl(throttle=0.5))
    tags = set()
    for _ in range(60):
        world.step(0.05)
        tags |= {(c.other_id, c.tag) for c in world.collisions_this_frame}

    assert (0, Tag.BUILDINGS) in tags
    assert polygons((car,))[0].intersection(shapely.Polygon(building.polygon)).area < 0.2


def test_a_thin_pole_stops_a_fast_car_in_front_and_does_not_push_it_aside(world):
    pole = next(f for f in world.town.footprints if f.tag is Tag.POLES and np.ptp(f.polygon[:, 0]) < 0.5)
    x, y = pole.polygon.mean(axis=0)
    car = world.car(400.0)
    for k in range(len(world.town.footprints)):
        if world.town.footprints[k] is not pole:
            world._static.bottom[k] = 1e6  # only the pole is left
    world.set_transform(car.id, from_yaw(x - 9.0, y + 0.5, 0.12, 0.0))
    world.set_target_velocity(car.id, (15.0, 0.0, 0.0))
    world.run(1.0)
    assert car.world_from_actor[0, 3] < x - 1.5
    assert abs(car.world_from_actor[1, 3] - y) < 1.6


def test_a_car_throws_a_walker_ahead_and_loses_a_little_speed(world, street):
    car = world.car(200.0)
    walker = world.spawn("walker.pedestrian.0001", {}, street.at(206.0, z_m=1.0))
    world.run(0.5)
    world.set_target_velocity(car.id, (10.0, 0.0, 0.0))
    events = []
    for _ in range(30):
        world.step(0.05)
        events += world.collisions_this_frame

    assert {(e.actor_id, e.other_id) for e in events} == {(car.id, walker.id), (walker.id, car.id)}
    assert walker.world_from_actor[0, 3] > 209.0
    assert 6.0 < car.velocity_mps[0] < 9.5
    assert polygons((car,))[0].intersection(polygons((walker,))[0]).area < 1e-6


def test_a_walker_neither_moves_a_standing_car_nor_walks_through_it(world, street):
    car = world.car(200.0)
    walker = world.spawn("walker.pedestrian.0001", {}, street.at(200.0, 55.0, z_m=1.0))
    world.run(1.0)
    before = car.world_from_actor.copy()
    world.apply_walker_control(walker.id, WalkerControl((0.0, 1.0, 0.0), 1.5))
    world.run(4.0)
    assert (car.world_from_actor == before).all()
    assert walker.world_from_actor[1, 3] < 57.5


@pytest.mark.parametrize("speed_mps", [0.0, 6.0], ids=["standing", "going"])
def test_a_walker_that_a_car_holds_up_has_the_velocity_of_the_way_that_it_makes(world, street, speed_mps):
    car = world.car(200.0)
    walker = world.spawn("walker.pedestrian.0001", {}, street.at(200.0, 55.0, z_m=1.0))
    world.run(1.0)
    world.enable_constant_velocity(car.id, (speed_mps, 0.0, 0.0))
    world.set_transform(car.id, street.at(200.0 - speed_mps))
    world.apply_walker_control(walker.id, WalkerControl((0.0, 1.0, 0.0), 2.5))
    held_up = []
    for _ in range(40):
        before = walker.world_from_actor[:2, 3].copy()
        world.step(0.05)
        moved = (walker.world_from_actor[:2, 3] - before) / 0.05
        assert walker.velocity_mps[:2] == pytest.approx(moved, abs=1e-9)
        if world.collisions_this_frame:
            held_up.append(float(np.hypot(*walker.velocity_mps[:2])))
    assert len(held_up) > 3
    assert max(held_up[1:]) < 0.2


def test_passing_close_is_no_contact_and_switched_off_collisions_let_through(world):
    parked, car, ghost = world.car(215.0), world.car(200.0, 58.25 + 1.9), world.car(190.0)
    world.set_simulate_physics(parked.id, False)
    for actor in (car, ghost):
        world.set_target_velocity(actor.id, (14.0, 0.0, 0.0))
        world.apply_vehicle_control(actor.id, VehicleControl(throttle=0.3))
    world.set_collisions(ghost.id, False)
    for _ in range(80):
        world.step(0.05)
        assert not world.collisions_this_frame
    assert ghost.world_from_actor[0, 3] > 225.0


def test_nothing_is_spawned_into_anything_else(world, street):
    world.car(200.0)
    with pytest.raises(SpawnRefused, match=r"^Spawn failed because of collision at spawn position$"):
        world.car(202.0)
    with pytest.raises(SpawnRefused, match="collision"):
        world.spawn("walker.pedestrian.0001", {}, street.at(200.0, z_m=1.0))
    building = next(f for f in world.town.footprints if f.tag is Tag.BUILDINGS)
    with pytest.raises(SpawnRefused, match="collision"):
        world.spawn("vehicle.audi.a2", {}, from_yaw(*building.polygon.mean(axis=0), 0.3, 0.0))
    before = dict(world.actors)
    assert world.car(206.0).id == max(i for i in before if i < 1_000_000) + 1
