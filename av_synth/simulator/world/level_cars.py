"""Parked cars that are parts of a town instead of actors, as the towns of CARLA have them.

They stand at the kerbs of the quietest streets, the same ones every time, seen by all sensors and in everybody's way
until somebody hides them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import shapely

from av_synth.geometry.transforms import Array, from_yaw, yaw
from av_synth.simulator.bodies.model import Body, Catalogue
from av_synth.simulator.scene import UNPAINTED, Instance
from av_synth.simulator.town.model import EnvironmentObject, Footprint, Town
from av_synth.simulator.town.xodr import NAME as OPENDRIVE_TOWN

FIRST_LEVEL_ID = 65_500  # up to 65,535, so that they can be drawn; no actor has these
COUNT = 6
_ASIDE_M = 3.3  # from the middle of the lane to that of the car: two wheels on the pavement
_CLEAR_M = 0.3
# what parks there; more cars in the catalogue do not change a town
_PARKED = (
    "vehicle.audi.a2",
    "vehicle.tesla.model3",
    "vehicle.audi.tt",
    "vehicle.nissan.patrol",
    "vehicle.dodge.charger_police",
)
_EVERY = 2  # spawn points, which are about 18 m apart


@dataclass(frozen=True)
class LevelCar:
    """One of them: what the map lists, what stops others and what is drawn."""

    thing: EnvironmentObject
    footprint: Footprint
    instance: Instance


def level_cars(town: Town, catalogue: Catalogue) -> tuple[LevelCar, ...]:
    """The parked cars of a town, beside the streets with its lowest speed limit."""
    # as in CARLA, a map that a client sent has none
    if town.name == OPENDRIVE_TOWN:
        return ()
    bodies = [catalogue[name] for name in _PARKED]
    slowest = min((zone.speed_kmh for zone in town.speed_zones), default=0.0)
    limits = [town.speed_limit_kmh(float(point[0, 3]), float(point[1, 3])) for point in town.spawn_points]
    quiet = [point for point, limit in zip(town.spawn_points, limits, strict=True) if limit == slowest]
    taken = [shapely.Polygon(footprint.polygon) for footprint in town.footprints]
    found: list[LevelCar] = []
    for point in quiet[::_EVERY]:
        body = bodies[len(found) % len(bodies)]
        x, y = (point @ np.array([0.0, -_ASIDE_M, 0.0, 1.0]))[:2]
        pose = town.relief.lift_pose(from_yaw(float(x), float(y), 0.0, yaw(point)))
        pose[2, 3] = town.ground_height_m(float(x), float(y))
        corners = _corners(pose, body)
        if shapely.contains_xy(town.carriageway, x, y):
            continue  # another lane, or a hard shoulder
        if len(found) < COUNT and not (shapely.distance(taken, shapely.Polygon(corners)) < _CLEAR_M).any():
            found.append(_level_car(town.name, len(found), pose, corners, body))
    return tuple(found)


def _level_car(town: str, index: int, pose: Array, corners: Array, body: Body) -> LevelCar:
    name = f"ParkedCar_{index + 1:03d}"
    identity = int.from_bytes(hashlib.sha256(f"{town}/{name}".encode()).digest()[:8], "big")
    centre = pose[:3, :3] @ body.box_centre_m + pose[:3, 3]
    still = np.zeros(3)
    colour = body.colours[index % len(body.colours)] if body.colours else UNPAINTED
    return LevelCar(
        EnvironmentObject(identity, name, body.tag, centre, body.box_half_m, yaw(pose)),
        Footprint(corners, float(pose[2, 3]), float(centre[2] + body.box_half_m[2]), body.tag),
        Instance(FIRST_LEVEL_ID + index, body.blueprint_id, 0, pose, still, still, colour, 0),
    )


def _corners(pose: Array, body: Body) -> Array:
    signs = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    local = np.zeros((4, 3))
    local[:, :2] = body.box_centre_m[:2] + signs * body.box_half_m[:2]
    corners: Array = (local @ pose[:3, :3].T + pose[:3, 3])[:, :2]
    return corners
