"""Lidar intensity from what a ray knows of its return."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.sensing.tags import Tag

# Diffuse reflectance at 905 nm by CARLA's CityObjectLabel: rough values of common materials (asphalt 0.1 to 0.2, paint
# on roads 0.5 to 0.8, foliage 0.4 to 0.6, concrete 0.3 to 0.4). Source: the orders of magnitude in Kashani et al.,
# "A Review of LIDAR Radiometric Processing", Sensors 15 (2015).
REFLECTANCE = np.full(256, 0.30, dtype=np.float32)
for _tag, _value in {
    Tag.ROADS: 0.15,
    Tag.SIDEWALKS: 0.32,
    Tag.BUILDINGS: 0.35,
    Tag.WALLS: 0.35,
    Tag.FENCES: 0.30,
    Tag.POLES: 0.40,
    Tag.TRAFFIC_LIGHT: 0.40,
    Tag.TRAFFIC_SIGNS: 0.85,
    Tag.VEGETATION: 0.45,
    Tag.TERRAIN: 0.40,
    Tag.PEDESTRIANS: 0.35,
    Tag.RIDER: 0.35,
    Tag.CAR: 0.45,
    Tag.TRUCK: 0.45,
    Tag.BUS: 0.45,
    Tag.MOTORCYCLE: 0.35,
    Tag.BICYCLE: 0.30,
    Tag.STATIC: 0.45,
    Tag.ROAD_LINES: 0.65,
}.items():
    REFLECTANCE[_tag] = _value

# Extinction of clear air, 1/m: CARLA's own default for its lidar. Source: CARLA 0.9.16, Docs/ref_sensors.md.
_ATTENUATION_PER_M = 0.004


def lidar_intensity(
    cos_incidence: npt.NDArray[np.floating],
    distance_m: npt.NDArray[np.floating],
    tag: npt.NDArray[np.uint8],
    range_m: float,
) -> npt.NDArray[np.float32]:
    """Intensity (N,) float32, 0 to 255: Lambert's cosine, the class's reflectance, and attenuation by clear air.

    Range itself is taken out, as sensors do that report calibrated reflectivity.

    Args:
        cos_incidence: (N,), of the angle between the ray and the surface normal.
        distance_m: (N,).
        tag: (N,), CARLA's CityObjectLabel.
        range_m: the sensor's range; nothing returns beyond it.
    """
    strength = REFLECTANCE[tag] * np.abs(cos_incidence) * np.exp(-_ATTENUATION_PER_M * np.minimum(distance_m, range_m))
    intensity: npt.NDArray[np.float32] = np.clip(np.round(strength * 255.0), 0.0, 255.0).astype(np.float32)
    return intensity
