"""The fixed vocabulary of nuScenes: categories in index order, attributes, visibility levels, channels, radar fields.

Source: the names and their order are those of nuScenes with lidar segmentation; readers compare them literally.
"""

from __future__ import annotations

import numpy as np

CATEGORIES: tuple[tuple[str, str], ...] = (
    ("noise", "Lidar return that belongs to no surface."),
    ("animal", "Any animal."),
    ("human.pedestrian.adult", "Grown-up on foot."),
    ("human.pedestrian.child", "Child on foot."),
    ("human.pedestrian.construction_worker", "Person on foot in working clothes of a building site."),
    ("human.pedestrian.personal_mobility", "Person on a small vehicle such as a scooter or skateboard."),
    ("human.pedestrian.police_officer", "Police officer on foot."),
    ("human.pedestrian.stroller", "Pram or pushchair, with the child in it."),
    ("human.pedestrian.wheelchair", "Wheelchair, with the person in it."),
    ("movable_object.barrier", "Temporary barrier that keeps traffic out."),
    ("movable_object.debris", "Thing on the road that is too large to drive over."),
    ("movable_object.pushable_pullable", "Thing that people push or pull, such as a bin or a trolley."),
    ("movable_object.trafficcone", "Traffic cone of any kind."),
    ("static_object.bicycle_rack", "Place made for parking bicycles."),
    ("vehicle.bicycle", "Bicycle, with its rider if there is one."),
    ("vehicle.bus.bendy", "Bus of two or more jointed parts."),
    ("vehicle.bus.rigid", "Bus of one part."),
    ("vehicle.car", "Car, van for private use, or pick-up."),
    ("vehicle.construction", "Machine made for building sites."),
    ("vehicle.emergency.ambulance", "Ambulance."),
    ("vehicle.emergency.police", "Police car or motorcycle."),
    ("vehicle.motorcycle", "Motorcycle or moped, with its rider if there is one."),
    ("vehicle.trailer", "Trailer, by itself or behind a vehicle."),
    ("vehicle.truck", "Vehicle made to carry goods."),
    ("flat.driveable_surface", "Ground that a vehicle may drive on."),
    ("flat.other", "Other level ground, such as a traffic island."),
    ("flat.sidewalk", "Pavement, footpath or cycle path."),
    ("flat.terrain", "Grass, soil or gravel."),
    ("static.manmade", "Building, wall, pole, sign or other fixed structure."),
    ("static.other", "Fixed thing that fits nowhere else."),
    ("static.vegetation", "Tree, bush or other plant."),
    ("vehicle.ego", "The vehicle that carries the sensors."),
)
CATEGORY_NAMES = frozenset(name for name, _ in CATEGORIES)

ATTRIBUTES: tuple[tuple[str, str], ...] = (
    ("vehicle.moving", "The vehicle moves."),
    ("vehicle.stopped", "The vehicle stands, and means to go on."),
    ("vehicle.parked", "The vehicle stands, and will stay."),
    ("cycle.with_rider", "Somebody rides it."),
    ("cycle.without_rider", "Nobody is on it."),
    ("pedestrian.sitting_lying_down", "The person sits or lies."),
    ("pedestrian.standing", "The person stands."),
    ("pedestrian.moving", "The person moves."),
)
ATTRIBUTE_NAMES = frozenset(name for name, _ in ATTRIBUTES)

VISIBILITY: tuple[tuple[str, str, str], ...] = (
    ("1", "v0-40", "0 to 40 % of the object is visible in the six cameras together."),
    ("2", "v40-60", "40 to 60 % of the object is visible in the six cameras together."),
    ("3", "v60-80", "60 to 80 % of the object is visible in the six cameras together."),
    ("4", "v80-100", "80 to 100 % of the object is visible in the six cameras together."),
)

_CHANNELS = (
    "CAM_FRONT",
    "CAM_FRONT_RIGHT",
    "CAM_FRONT_LEFT",
    "CAM_BACK",
    "CAM_BACK_LEFT",
    "CAM_BACK_RIGHT",
    "LIDAR_TOP",
    "RADAR_FRONT",
    "RADAR_FRONT_LEFT",
    "RADAR_FRONT_RIGHT",
    "RADAR_BACK_LEFT",
    "RADAR_BACK_RIGHT",
)

RADAR_POINT = np.dtype(
    [(name, "<f4") for name in "xyz"]
    + [("dyn_prop", "i1"), ("id", "<i2"), ("rcs", "<f4")]
    + [(name, "<f4") for name in ("vx", "vy", "vx_comp", "vy_comp")]
    + [(name, "i1") for name in ("is_quality_valid", "ambig_state", "x_rms", "y_rms", "invalid_state", "pdh0")]
    + [(name, "i1") for name in ("vx_rms", "vy_rms")]
)
"""A return in a radar's .pcd: source nuscenes-devkit 1.2.0, utils/data_classes.py."""

LIDAR_TIME = np.dtype([("time_us", "<i4"), ("echo", "u1"), ("weather", "u1")])
"""What is told of each point of a lidar that is a device: when it was measured, microseconds from the frame's moment,
which of its beam's echoes it is (0 the strongest), and whether it is of the weather (1: rain, snow, fog, dust or spray)
or not (0)."""

RADAR_TRUTH = np.dtype([("actor_id", "<u4"), ("origin", "u1")])
"""What is true of a return: whom it is of, 0 for nobody, and `sensing.radar_model.Origin`."""


def channel_order(channel: str) -> tuple[int, str]:
    """Sort key: the twelve nuScenes channels first, others by name."""
    return (_CHANNELS.index(channel) if channel in _CHANNELS else len(_CHANNELS), channel)


def attribute_family(category: str) -> str:
    """Prefix that an attribute of this category must have ('vehicle.', 'cycle.', 'pedestrian.'); '' if it has none."""
    if category in ("vehicle.bicycle", "vehicle.motorcycle", "human.pedestrian.personal_mobility"):
        return "cycle."
    if category.startswith("vehicle."):
        return "vehicle."
    return "pedestrian." if category.startswith("human.pedestrian.") else ""
