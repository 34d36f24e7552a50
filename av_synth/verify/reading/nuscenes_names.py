"""The names that nuScenes readers know. Source: nuScenes' schema and its devkit 1.2.0."""

from __future__ import annotations

CATEGORIES = (
    "noise",
    "animal",
    "human.pedestrian.adult",
    "human.pedestrian.child",
    "human.pedestrian.construction_worker",
    "human.pedestrian.personal_mobility",
    "human.pedestrian.police_officer",
    "human.pedestrian.stroller",
    "human.pedestrian.wheelchair",
    "movable_object.barrier",
    "movable_object.debris",
    "movable_object.pushable_pullable",
    "movable_object.trafficcone",
    "static_object.bicycle_rack",
    "vehicle.bicycle",
    "vehicle.bus.bendy",
    "vehicle.bus.rigid",
    "vehicle.car",
    "vehicle.construction",
    "vehicle.emergency.ambulance",
    "vehicle.emergency.police",
    "vehicle.motorcycle",
    "vehicle.trailer",
    "vehicle.truck",
    "flat.driveable_surface",
    "flat.other",
    "flat.sidewalk",
    "flat.terrain",
    "static.manmade",
    "static.other",
    "static.vegetation",
    "vehicle.ego",
)
"""Category names; the place in this tuple is the category's index."""

ATTRIBUTES = frozenset(
    {
        "vehicle.moving",
        "vehicle.stopped",
        "vehicle.parked",
        "cycle.with_rider",
        "cycle.without_rider",
        "pedestrian.sitting_lying_down",
        "pedestrian.standing",
        "pedestrian.moving",
    }
)

VISIBILITY_LEVELS = {"1": "v0-40", "2": "v40-60", "3": "v60-80", "4": "v80-100"}
VISIBILITY_BOUNDS = {"1": (0.0, 0.4), "2": (0.4, 0.6), "3": (0.6, 0.8), "4": (0.8, 1.0)}

MODALITY_BY_PREFIX = {"CAM": "camera", "LIDAR": "lidar", "RADAR": "radar"}
FILE_FORMATS = {"camera": ("jpg", ".jpg"), "lidar": ("pcd", ".pcd.bin"), "radar": ("pcd", ".pcd")}

NUSCENES_CAMERAS = (
    "CAM_FRONT",
    "CAM_FRONT_RIGHT",
    "CAM_FRONT_LEFT",
    "CAM_BACK",
    "CAM_BACK_LEFT",
    "CAM_BACK_RIGHT",
)

NO_CAN_DATA = frozenset((*range(161, 169), *range(170, 177), *range(309, 315)))
"""Numbers of scenes that NuScenesCanBus refuses."""


def attribute_family(category: str) -> str | None:
    """The first part of the attributes that a category may have: vehicle, cycle, pedestrian, or None for none."""
    if category in ("vehicle.bicycle", "vehicle.motorcycle", "human.pedestrian.personal_mobility"):
        return "cycle"
    if category.startswith("vehicle."):
        return "vehicle"
    if category.startswith("human.pedestrian."):
        return "pedestrian"
    return None


THINGS = tuple(range(1, 24))
"""Indices of the categories that have instances in panoptic labels."""

LOCATIONS = ("singapore-onenorth", "singapore-hollandvillage", "singapore-queenstown", "boston-seaport")
"""The locations that readers with hard-coded maps know."""


def category_index(category: str) -> int:
    """The index of a category; -1 for one that nuScenes does not have."""
    return CATEGORIES.index(category) if category in CATEGORIES else -1
