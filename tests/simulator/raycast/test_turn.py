"""A lidar's turn, beam by beam: where they point, when they are fired, and all that they meet."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from pyquaternion import Quaternion

from av_synth.geometry.transforms import Array, apply, from_yaw, rigid, turned
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.raycast import RayScene, lidar
from av_synth.simulator.raycast.fan import Head, Lidar, Watch, fan
from av_synth.simulator.raycast.path import Path
from av_synth.simulator.raycast.turn import Turn, turn
from av_synth.simulator.scene import Instance, Material, Mesh, Scene, Tag, Weather
from tests.simulator.raycast.test_sensors import plain, scene

TICK_S, COLUMNS, HERE = 0.05, 360, np.eye(4)
SPIN = Lidar(16, 10.0, -20.0, 16 * COLUMNS * 20, 20.0, 80.0, 360.0)
LAST = rigid(turned(0.30, 0.02, -0.01), [3.0, -4.0, 1.84])
NOW = rigid(turned(0.38, 0.01, 0.01), [4.1, -4.2, 1.80])


def wall(x_m: float, left_m: tuple[float, float], material: Material = Material.MATTE) -> Mesh:
    """An upright face across the x axis, 20 m high and deep."""
    right, left = left_m
    corners = np.float32([[x_m, right, -20], [x_m, left, -20], [x_m, left, 20], [x_m, right, 20]])
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
    tags = np.full(4, Tag.WALLS, np.uint8)
    towards = np.tile(np.float32([-1, 0, 0]), (4, 1))
    return Mesh(corners, towards, np.zeros((4, 3), np.uint8), np.full(4, material, np.uint8), tags, faces)


def fired(town: Mesh, head: Head, world_from_sensor: Array = HERE, last: Array | None = None) -> Turn:
    return turn(RayScene(town, catalogue()), scene(), head, world_from_sensor, last, TICK_S, 0.0)


def pose_between(last: Array, now: Array, share: float) -> Array:
    start, end = Quaternion(matrix=last[:3, :3]), Quaternion(matrix=now[:3, :3])
    mixed = Quaternion.slerp(start, end, share).rotation_matrix
    return rigid(mixed, last[:3, 3] + share * (now[:3, 3] - last[:3, 3]))


def test_with_nothing_said_the_beams_are_those_of_carlas_lidar() -> None:
    cars = (Instance(5, "vehicle.audi.tt", 0, from_yaw(9.0, 3.0, 0.0, 0.5)),)
    rays = RayScene(plain(200.0), catalogue())
    plainly = lidar.scan(rays, scene(*cars), NOW, SPIN, TICK_S, 30.0)
    made = turn(rays, scene(*cars), Head(SPIN), NOW, None, TICK_S, 30.0).candidates
    first = made.number == 0

    np.testing.assert_array_equal(made.points_m[first], plainly.points_m)
    np.testing.assert_array_equal(made.actor_id[first], plainly.actor_id)
    np.testing.assert_array_equal(made.cos_incidence[first], plainly.cos_incidence)
    assert set(np.unique(made.material[made.actor_id == 5])) > {Material.PAINT, Material.GLASS}


def test_beams_point_where_their_tables_say_and_the_head_turns_while_a_column_is_fired() -> None:
    elevations, azimuths = (5.0, -4.0, -7.5, -24.0), (1.5, -1.5, 0.0, 0.25)
    firing_s = (0.0, 20e-6, 40e-6, 60e-6)
    slow = replace(SPIN, channels=4, points_per_second=4 * COLUMNS * 20)
    head = Head(slow, elevations, azimuths, firing_s, moves=True)
    made = fan(head, TICK_S, 0.0)
    x, y, z = made.directions.reshape(4, COLUMNS, 3).astype(float).transpose(2, 0, 1)
    column = 180.0 - np.arange(COLUMNS)

    np.testing.assert_allclose(np.degrees(np.arcsin(z)), np.tile(np.array(elevations)[:, None], COLUMNS), atol=1e-4)
    turned_deg = np.array(firing_s)[:, None] / TICK_S * 360.0
    off = np.degrees(np.arctan2(y, x)) - (column + np.array(azimuths)[:, None] - turned_deg)
    np.testing.assert_allclose((off + 180.0) % 360.0 - 180.0, 0.0, atol=1e-4)
    times = fired(plain(200.0), head, NOW, LAST).time_s.reshape(4, COLUMNS)
    wanted = -TICK_S + TICK_S * np.arange(COLUMNS) / COLUMNS + np.array(firing_s)[:, None]
    np.testing.assert_allclose(times, wanted, atol=1e-8)
    assert (times <= 0.0).all()


def test_a_beam_meets_a_pane_and_what_is_behind_it_weaker() -> None:
    town = Mesh.merge([wall(10.0, (-4.0, 4.0), Material.GLASS), wall(20.0, (-60.0, 60.0))])
    made = fired(town, Head(SPIN)).candidates
    pane, behind, beside = (
        np.flatnonzero(rows)
        for rows in (
            made.material == Material.GLASS,
            made.number == 1,
            (made.number == 0) & (made.material == Material.MATTE),
        )
    )

    assert len(pane) > 300
    np.testing.assert_array_equal(made.beam[pane], made.beam[behind])
    np.testing.assert_allclose(made.points_m[pane, 0], 10.0, atol=1e-4)
    np.testing.assert_allclose(made.points_m[behind, 0], 20.0, atol=1e-4)
    np.testing.assert_array_equal(made.transmission[np.r_[pane, beside]], 1.0)
    straight = behind[np.argmax(made.cos_incidence[behind])]
    assert made.transmission[straight] == pytest.approx(0.7**2, abs=1e-3)
    steeper = made.transmission[behind][np.argsort(made.cos_incidence[behind])]
    assert (np.diff(steeper) >= -1e-6).all()
    np.testing.assert_array_equal(made.weight, 1.0)


def test_the_third_pane_in_a_row_lets_nothing_through() -> None:
    panes = [wall(x, (-x, x), Material.GLASS) for x in (5.0, 6.0, 7.0)]
    made = fired(Mesh.merge([*panes, wall(20.0, (-60.0, 60.0))]), Head(SPIN)).candidates
    ahead = made.points_m[np.isin(made.beam, made.beam[made.number == 2])][:, 0]

    assert set(np.unique(np.round(ahead, 3))) == {5.0, 6.0, 7.0}


def test_beams_on_an_edge_meet_both_sides_by_their_shares_and_only_they() -> None:
    divergence_rad, edge_m = 0.006, 1.234
    town = Mesh.merge([wall(10.0, (-200.0, edge_m)), wall(16.0, (-200.0, 200.0))])
    thin, wide = (fired(town, Head(SPIN, divergence_rad=d)).candidates for d in (0.0, divergence_rad))

    assert (thin.number == 0).all()
    split = np.unique(wide.beam[wide.number == 1])
    azimuth = np.arctan2(thin.points_m[:, 1], thin.points_m[:, 0])[np.searchsorted(thin.beam, split)]
    assert len(split) == SPIN.channels
    assert np.abs(azimuth - np.arctan(edge_m / 10.0)).max() < divergence_rad / 2.0
    totals = np.bincount(wide.beam, wide.weight, minlength=len(thin.beam))
    np.testing.assert_allclose(totals[split], 1.0, atol=1e-6)
    # what of a disc is to the left of a straight edge
    off = (azimuth - np.arctan(edge_m / 10.0)) / (divergence_rad / 2.0)
    beyond = 0.5 + (np.arcsin(off) + off * np.sqrt(1.0 - off**2)) / np.pi
    far = wide.points_m[:, 0] > 13.0
    found = np.array([wide.weight[(wide.beam == beam) & far].sum() for beam in split])
    np.testing.assert_allclose(found, beyond, atol=0.2)


def test_a_beam_that_half_misses_comes_back_with_what_it_met() -> None:
    made = fired(wall(10.0, (-30.0, 1.234)), Head(SPIN, divergence_rad=0.01)).candidates
    cut = made.weight < 0.99

    assert cut.sum() >= SPIN.channels
    assert (made.number == 0).all()
    np.testing.assert_allclose(made.weight * 7.0, np.round(made.weight * 7.0), atol=1e-5)


def test_level_ground_has_no_edges_however_flat_beams_strike_it() -> None:
    made = fired(plain(200.0), Head(SPIN, divergence_rad=0.003), from_yaw(0.0, 0.0, 1.84, 0.0)).candidates

    # the ground ends within the range nowhere
    lowest = made.beam >= COLUMNS * 8
    assert lowest.any()
    assert (made.weight[lowest] == 1.0).all()


def test_walls_that_stand_still_are_straight_once_the_sensors_way_is_undone() -> None:
    town = Mesh.merge([wall(20.0, (-60.0, 60.0)), plain(200.0)])
    made = fired(town, Head(SPIN, moves=True), NOW, LAST)
    met = made.candidates
    share = 1.0 + made.time_s[met.beam] / TICK_S
    world = np.array(
        [apply(pose_between(LAST, NOW, s), p) for s, p in zip(share, met.points_m.astype(float), strict=True)]
    )
    upright = met.tag == Tag.WALLS

    assert upright.sum() > 300
    np.testing.assert_allclose(world[upright, 0], 20.0, atol=2e-3)
    np.testing.assert_allclose(world[~upright, 2], 0.0, atol=2e-3)
    assert np.abs(apply(NOW, met.points_m)[upright, 0] - 20.0).max() > 0.5


def test_every_ray_meets_actors_where_they_are_at_its_own_time() -> None:
    random = np.random.default_rng(4)
    cars, last_cars = [], []
    for k in range(12):
        yaw, away = k * np.pi / 6.0, random.uniform(6.0, 25.0)
        last_cars.append(from_yaw(4.0 + away * np.cos(yaw), -4.0 + away * np.sin(yaw), 0.0, random.uniform(-3.0, 3.0)))
        cars.append(last_cars[-1] @ from_yaw(random.uniform(0.2, 1.5), 0.1, 0.0, random.uniform(-0.4, 0.4)))
    moving = scene(
        *(
            Instance(k + 1, "vehicle.nissan.patrol", 0, now, last_world_from_body=last)
            for k, (now, last) in enumerate(zip(cars, last_cars, strict=True))
        )
    )
    rays = RayScene(plain(200.0), catalogue())
    made = turn(rays, moving, Head(SPIN, moves=True), NOW, LAST, TICK_S, 0.0)
    met = made.candidates
    first = np.full(len(made.time_s), np.inf)
    first[met.beam[met.number == 0]] = np.linalg.norm(met.points_m[met.number == 0], axis=1)
    whose, cosine = np.zeros(len(made.time_s), dtype=int), np.zeros(len(made.time_s))
    cosine[met.beam[met.number == 0]] = met.cos_incidence[met.number == 0]
    whose[met.beam[met.number == 0]] = met.actor_id[met.number == 0]

    agree = []
    for column in range(0, COLUMNS, 5):
        share = column / COLUMNS
        beams = np.arange(16) * COLUMNS + column
        still = scene(
            *(
                Instance(k + 1, "vehicle.nissan.patrol", 0, pose_between(last, now, share))
                for k, (now, last) in enumerate(zip(cars, last_cars, strict=True))
            )
        )
        sensor = pose_between(LAST, NOW, share)
        world = made.fan.directions[beams] @ sensor[:3, :3].T
        hits = rays.trace(still, sensor[:3, 3], world, 80.0)
        same = np.isclose(first[beams], hits.range_m, atol=3e-3) & (whose[beams] == hits.actor_id)
        agree += list(same & np.isclose(cosine[beams], -(hits.normal * world).sum(axis=1), atol=1e-3))

    assert len(np.unique(whose)) == 13
    # rounding may decide otherwise within a hair of an edge
    assert np.mean(agree) > 0.995


@pytest.mark.parametrize("turned_rad", [0.0, 0.1, 1.4])
def test_looking_only_where_actors_are_finds_all_that_looking_everywhere_does(turned_rad: float) -> None:
    random, moves = np.random.default_rng(8), turned_rad > 0.0
    last_pose = NOW @ from_yaw(-1.0, 0.2, 0.0, -turned_rad)
    things = []
    for k in range(30):
        pose = rigid(turned(*random.uniform(-3.0, 3.0, 3)), NOW[:3, 3] + random.uniform(-15.0, 15.0, 3))
        last = pose @ rigid(turned(*random.uniform(-0.3, 0.3, 3)), random.uniform(-1.0, 1.0, 3))
        body = ("vehicle.carlamotors.firetruck", "walker.pedestrian.0002", "vehicle.bh.crossbike")[k % 3]
        things.append(Instance(k + 1, body, 0, pose, last_world_from_body=last))
    own, own_last = (pose @ from_yaw(-0.9, 0.0, -1.84, 0.0) for pose in (NOW, last_pose))
    things.append(Instance(31, "vehicle.audi.a2", 0, own, last_world_from_body=own_last))
    rays, busy = RayScene(plain(200.0), catalogue()), scene(*things)
    tables = {"elevations_deg": tuple(np.linspace(80.0, -70.0, 16)), "azimuths_deg": tuple(range(-8, 8))}
    head = Head(SPIN, **tables, moves=moves)
    spread, path = fan(head, TICK_S, 0.0), Path(NOW, last_pose if moves else None)
    share = spread.fired if moves else None
    world = path.outward(spread.directions, share)
    origins = path.origins(spread.fired) if moves else NOW[:3, 3]

    everywhere = rays.trace(busy, origins, world, 80.0, share=share)
    there = rays.trace(busy, origins, world, 80.0, share=share, near=Watch(spread, path, head))

    own = (everywhere.actor_id == 31) | (there.actor_id == 31)
    np.testing.assert_allclose(there.range_m[~own], everywhere.range_m[~own], rtol=0.0, atol=1e-4)
    np.testing.assert_array_equal(there.actor_id[~own], everywhere.actor_id[~own])
    # the sensor is bolted to its car and keeps its place on it; paths of both by themselves part by the chord of a turn
    same = np.isclose(there.range_m[own], everywhere.range_m[own], rtol=0.0, atol=1e-4 + turned_rad**2)
    assert same.mean() > 0.98
    assert len(np.unique(there.actor_id)) >= 10
    assert (there.actor_id == 31).sum() > 50


def test_rays_within_beams_meet_the_last_of_many_actors_too_from_wherever_the_sensor_was() -> None:
    random = np.random.default_rng(9)
    things = []
    for k in range(80):
        pose = NOW @ from_yaw(*random.uniform(-25.0, 25.0, 2), -1.8, random.uniform(-3.0, 3.0))
        last = pose @ from_yaw(*random.uniform(-0.5, 0.5, 2), 0.0, random.uniform(-0.2, 0.2))
        things.append(Instance(k + 1, "vehicle.bh.crossbike", 0, pose, last_world_from_body=last))
    rays, busy, head = RayScene(plain(200.0), catalogue()), scene(*things), Head(SPIN, moves=True)
    spread, path = fan(head, TICK_S, 0.0), Path(NOW, LAST)
    beam = random.permutation(len(spread.directions))[:3000]
    share = spread.fired[beam]
    world, origins = path.outward(spread.directions[beam], share), path.origins(share)

    everywhere = rays.trace(busy, origins, world, 80.0, share=share)
    watch = Watch(spread, path, head)
    for ahead in (False, True):
        there = rays.trace(busy, origins, world, 80.0, share=share, near=watch.over(beam, ahead=ahead), source=path)
        same = np.isclose(there.range_m, everywhere.range_m, rtol=0.0, atol=1e-4)  # two misses are close too
        # rounding may decide otherwise within a hair of an edge
        assert same.mean() > 0.998
        np.testing.assert_array_equal(there.actor_id[same], everywhere.actor_id[same])
    assert len(np.unique(everywhere.actor_id)) > 40
    assert everywhere.actor_id.max() > 64


def test_the_same_turn_twice_is_the_same() -> None:
    car = Instance(3, "vehicle.audi.tt", 0, from_yaw(9.0, 3.0, 0.0, 0.5), last_world_from_body=from_yaw(8, 3, 0, 0.4))
    head = Head(SPIN, divergence_rad=0.003, moves=True)
    rays = RayScene(plain(200.0), catalogue())
    one, two = (turn(rays, Scene(1, 0.05, (car,), Weather()), head, NOW, LAST, TICK_S, 0.0) for _ in range(2))

    for field in fields(one.candidates):
        np.testing.assert_array_equal(getattr(one.candidates, field.name), getattr(two.candidates, field.name))


def bolted(now: Array, last: Array, rattle_rad: float = 0.0) -> Instance:
    """The car under a sensor on its roof; `rattle_rad`: by how much the two turned against each other."""
    below = from_yaw(-0.9, 0.0, -1.84, 0.0)
    before = last @ below @ from_yaw(0.0, 0.0, 0.0, rattle_rad)
    return Instance(31, "vehicle.audi.a2", 0, now @ below, last_world_from_body=before)


def test_what_a_sensor_is_bolted_to_it_meets_the_same_wherever_it_goes() -> None:
    head, town = Head(SPIN, moves=True), wall(500.0, (-1.0, 1.0))
    rays = RayScene(town, catalogue())
    there = [(pose @ NOW, pose @ LAST) for pose in (np.eye(4), rigid(turned(2.0, 0.05, -0.02), [310.0, -77.0, 2.5]))]
    one, two = (turn(rays, scene(bolted(now, last)), head, now, last, TICK_S, 0.0).candidates for now, last in there)

    assert (one.actor_id == 31).sum() > 300
    np.testing.assert_array_equal(one.points_m, two.points_m)
    np.testing.assert_array_equal(one.beam, two.beam)


def test_what_moves_against_the_sensor_is_met_where_it_is_at_each_rays_time() -> None:
    head, rays = Head(SPIN, moves=True), RayScene(plain(200.0), catalogue())
    spread, path = fan(head, TICK_S, 0.0), Path(NOW, LAST)
    world, origins = path.outward(spread.directions, spread.fired), path.origins(spread.fired)
    fixed, loose = scene(bolted(NOW, LAST)), scene(bolted(NOW, LAST, 0.05))
    for each in (fixed, loose):
        watch = Watch(spread, path, head)
        there = rays.trace(each, origins, world, 80.0, share=spread.fired, near=watch, source=path)
        everywhere = rays.trace(each, origins, world, 80.0, share=spread.fired)
        same = np.isclose(there.range_m, everywhere.range_m, rtol=0.0, atol=1e-3)
        # rounding may decide otherwise within a hair of an edge
        assert same.mean() > 0.998
        assert (there.actor_id[same] == 31).sum() > 300
