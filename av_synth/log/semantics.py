"""What CARLA's semantic tags are called, and which nuScenes category a surface of each tag is.

Source of the tags: CARLA 0.9.16, PythonAPI, carla.CityObjectLabel, and Docs/ref_sensors.md, semantic segmentation
camera. Source of the categories: the lidar segmentation's own descriptions in nuScenes, docs/instructions_lidarseg.md:
hydrants, poles, signs and traffic lights are manmade; rail tracks, traffic islands and water are flat.other; what
matches no other label is static.other.
"""

from __future__ import annotations

from collections.abc import Mapping

SURFACES: Mapping[int, tuple[str, str]] = {
    0: ("NONE", ""),
    1: ("Roads", "flat.driveable_surface"),
    2: ("Sidewalks", "flat.sidewalk"),
    3: ("Buildings", "static.manmade"),
    4: ("Walls", "static.manmade"),
    5: ("Fences", "static.manmade"),
    6: ("Poles", "static.manmade"),
    7: ("TrafficLight", "static.manmade"),
    8: ("TrafficSigns", "static.manmade"),
    9: ("Vegetation", "static.vegetation"),
    10: ("Terrain", "flat.terrain"),
    11: ("Sky", ""),
    12: ("Pedestrians", "human.pedestrian.adult"),
    13: ("Rider", ""),  # part of a bicycle or a motorcycle, and only its actor tells which
    14: ("Car", "vehicle.car"),
    15: ("Truck", "vehicle.truck"),
    16: ("Bus", "vehicle.bus.rigid"),
    17: ("Train", ""),
    18: ("Motorcycle", "vehicle.motorcycle"),
    19: ("Bicycle", "vehicle.bicycle"),
    20: ("Static", "static.manmade"),
    21: ("Dynamic", ""),
    22: ("Other", "static.other"),
    23: ("Water", "flat.other"),
    24: ("RoadLines", "flat.driveable_surface"),
    25: ("Ground", "flat.other"),
    26: ("Bridge", "static.manmade"),
    27: ("RailTrack", "flat.other"),
    28: ("GuardRail", "static.manmade"),
}
"""By CityObjectLabel: CARLA's name for it, and the nuScenes category that it has if no actor says more; '' for none."""

NO_CATEGORY = "static.other"
"""What a lidar point is that met a surface without a category: nuScenes' label for what matches no other."""

NOISE_CATEGORY = "noise"
"""What a lidar point is that met no surface, but rain, snow, fog, dust or spray."""

EGO_CATEGORY = "vehicle.ego"
