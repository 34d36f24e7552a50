"""The classes of the nuScenes detection task, and what it asks for of each.

Source: nuScenes detection task, configuration detection_cvpr_2019; category names by nuScenes' own list.
"""

from __future__ import annotations

from collections.abc import Mapping

RANGE_M: Mapping[str, float] = {
    **dict.fromkeys(("car", "truck", "bus", "trailer", "construction_vehicle"), 50.0),
    **dict.fromkeys(("pedestrian", "motorcycle", "bicycle"), 40.0),
    **dict.fromkeys(("traffic_cone", "barrier"), 30.0),
}
"""Up to which distance from the ego, over the ground, each class is graded in 3D."""

CLASSES = tuple(RANGE_M)
"""All ten, in the order in which indices of classes count."""

CLASS_OF_CATEGORY: Mapping[str, str] = {
    "vehicle.car": "car",
    "vehicle.truck": "truck",
    "vehicle.bus.bendy": "bus",
    "vehicle.bus.rigid": "bus",
    "vehicle.trailer": "trailer",
    "vehicle.construction": "construction_vehicle",
    "human.pedestrian.adult": "pedestrian",
    "human.pedestrian.child": "pedestrian",
    "human.pedestrian.construction_worker": "pedestrian",
    "human.pedestrian.police_officer": "pedestrian",
    "vehicle.motorcycle": "motorcycle",
    "vehicle.bicycle": "bicycle",
    "movable_object.trafficcone": "traffic_cone",
    "movable_object.barrier": "barrier",
}
"""Categories that are graded; all others are neither asked for nor wrong."""

BICYCLE_RACK = "static_object.bicycle_rack"
"""What stands in one is neither asked for nor wrong."""

ATTRIBUTES = (
    *("pedestrian.moving", "pedestrian.sitting_lying_down", "pedestrian.standing"),
    *("cycle.with_rider", "cycle.without_rider"),
    *("vehicle.moving", "vehicle.parked", "vehicle.stopped"),
)
"""In the order in which indices of attributes count."""
