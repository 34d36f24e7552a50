"""A sphere pushed ahead touches a triangle just where its middle comes as near as its radius."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array, from_yaw
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.raycast import RayScene
from av_synth.simulator.raycast.sweep import first_contact
from av_synth.simulator.scene import Instance, Scene, Tag, Weather
from tests.simulator.raycast.test_sensors import plain

RADIUS_M = 0.4


def _gaps(corners: Array, middles: Array) -> Array:
    """Distance of each middle (M, 3) from a triangle (3, 3), by very many points of it."""
    steps = np.linspace(0.0, 1.0, 61)
    u, v = (each.ravel() for each in np.meshgrid(steps, steps))
    u, v = u[u + v <= 1.0 + 1e-9], v[u + v <= 1.0 + 1e-9]
    points = corners[0] + u[:, None] * (corners[1] - corners[0]) + v[:, None] * (corners[2] - corners[0])
    return np.array([np.sqrt(((points - middle) ** 2).sum(axis=1).min()) for middle in middles])


def test_first_contact_is_where_a_dense_search_finds_it():
    random = np.random.default_rng(7)
    direction = np.array([0.8, -0.6, 0.0])
    way = np.linspace(0.0, 6.0, 151)
    outcomes = {"at once": 0, "later": 0, "never": 0}
    for k in range(60):
        corners = random.normal(0.0, 0.7, (3, 3)) + random.normal(0.0, 0.6, 3) + (2.0, 0.3)[k % 2] * direction
        found = first_contact(corners[None], np.zeros(3), direction, RADIUS_M)[0]
        near = _gaps(corners, way[:, None] * direction) <= RADIUS_M
        searched = way[np.argmax(near)] if near.any() else np.inf
        outcomes["at once" if found == 0.0 else "later" if found < np.inf else "never"] += 1
        assert found == searched or abs(found - searched) < 0.1, (corners, found, searched)
    assert min(outcomes.values()) >= 5, outcomes


def test_a_turned_car_is_met_before_the_road_and_ignored_or_without_the_town_nothing_is():
    rays = RayScene(plain(200.0), catalogue())
    car = catalogue()["vehicle.audi.a2"]
    scene = Scene(1, 0.05, (Instance(9, "vehicle.audi.a2", 0, from_yaw(10.0, 0.0, 0.0, np.pi / 2)),), Weather())
    ahead, start = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.7])

    contact = rays.sweep(scene, start, ahead, 30.0, RADIUS_M)
    assert contact is not None
    assert (contact.actor_id, contact.tag) == (9, Tag.CAR)
    assert abs(contact.distance_m - (10.0 - car.box_half_m[1] - RADIUS_M)) < 0.15
    assert rays.sweep(scene, start, ahead, contact.distance_m - 0.01, RADIUS_M) is None
    assert rays.sweep(scene, start, ahead, 30.0, RADIUS_M, ignore=frozenset({9})) is None
    down = np.array([0.6, 0.0, -0.8])
    road = rays.sweep(scene, start, down, 30.0, RADIUS_M)
    assert road is not None
    assert (road.actor_id, road.tag) == (0, Tag.ROADS)
    assert abs(road.distance_m - (0.7 - RADIUS_M) / 0.8) < 1e-6
    assert rays.sweep(scene, start, down, 4.0, RADIUS_M, town=False) is None
