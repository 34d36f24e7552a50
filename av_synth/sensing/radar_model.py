"""What a radar is, what its rays met, and what it reports: the values that `sensing.radar` computes with.

Axes are the radar's own: x forward, y left, z up. Range rates are positive for what goes away. Cross-sections are in
square metres, or in dBsm: decibels over one square metre.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array

Floats = npt.NDArray[np.float32]


class Origin(IntEnum):
    """What a return comes from, in truth."""

    ACTOR = 0
    STATIC = 1  # poles, signs, houses: what stands there and may be located by
    CLUTTER = 2  # ground, guard rails, fences and plants
    GHOST = 3  # nothing is there: the wave went round by a wall, or twice between two cars


@dataclass(frozen=True)
class RadarMode:
    """One of the two ways in which a radar looks.

    Attributes:
        range_resolution_m: depth of a cell; what is in one cell is one return.
        azimuth_resolution_deg: width of a cell straight ahead; to the side it grows with 1 / cos.
        square_metre_m: how far ahead one square metre is just detected in clear air.
    """

    range_resolution_m: float
    azimuth_resolution_deg: float
    square_metre_m: float


@dataclass(frozen=True)
class RadarDevice:
    """A long-range radar at 77 GHz, which looks near in a wide field of view and far in a narrow one.

    The defaults are the data sheet's of Continental's ARS 408-21 (ranges, fields of view, resolutions of range,
    azimuth and speed), the radar of the nuScenes car. How far it detects a square metre, and its threshold, no sheet
    tells: with these a car of 10 dBsm is seen to the end of the far range.

    Attributes:
        near_range_m: how far it looks outside the far field of view.
        far_fov_deg: width of the field of view in which it looks to the end of its range.
        min_range_m: nothing nearer is reported.
        near, far: what it resolves up to `near_range_m`, and beyond.
        full_gain_m: from here on it receives with all its gain; nearer, strengths no longer grow (sensitivity time
            control), so that the road before the bumper does not fill the scan.
        speed_resolution_mps: height of a cell in range rate.
        threshold_db: signal over noise from which on a cell is a return.
        recognised: share of ghosts, and of clutter near the threshold, that the device knows and marks invalid.
        weather: whether rain and fog weaken what it receives.
    """

    near_range_m: float = 70.0
    far_fov_deg: float = 18.0
    min_range_m: float = 0.2
    near: RadarMode = RadarMode(0.39, 3.2, 70.0)
    far: RadarMode = RadarMode(1.79, 1.6, 140.0)
    full_gain_m: float = 20.0
    speed_resolution_mps: float = 0.1
    threshold_db: float = 12.0
    recognised: float = 0.7
    weather: bool = True


@dataclass(frozen=True)
class RadarField:
    """Where a radar looks, and how much it tells: full angles, the end of its range, returns at most."""

    horizontal_fov_deg: float
    vertical_fov_deg: float
    range_m: float
    points: int


@dataclass(frozen=True)
class RadarHits:
    """What the rays of one scan met; (M,) each.

    Attributes:
        directions: (M, 3) float32, unit.
        range_m: float32.
        range_rate_mps: float32, of the surface against the radar.
        cos_incidence: float32, between the ray back and the surface's normal.
        normal_rad: float32, where the surface's normal points, seen from above; NaN where nobody tells.
        steradian: float32, what part of the field of view the ray stands for.
        tag: uint8, CARLA's CityObjectLabel.
        material: uint8, `materials.Material`; `materials.UNKNOWN` from simulators that do not tell it.
        actor_id: uint32, 0 is the static world.
    """

    directions: Floats
    range_m: Floats
    range_rate_mps: Floats
    cos_incidence: Floats
    normal_rad: Floats
    steradian: Floats
    tag: npt.NDArray[np.uint8]
    material: npt.NDArray[np.uint8]
    actor_id: npt.NDArray[np.uint32]

    def chosen(self, places: npt.NDArray[np.intp]) -> RadarHits:
        """Some of them."""
        return RadarHits(**{name: values[places] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Bodies:
    """Actors around a radar, in its axes.

    Attributes:
        actor_id: (K,) uint32, rising.
        yaw_rad: (K,), where each looks.
        lwh_m: (K, 3), length, width, height.
        velocity_mps: (K, 3), over ground.
        own_velocity_mps: (3,), the radar's own over ground.
    """

    actor_id: npt.NDArray[np.uint32]
    yaw_rad: Array
    lwh_m: Array
    velocity_mps: Array
    own_velocity_mps: Array


@dataclass(frozen=True)
class RadarReturns:
    """What the device reports of one scan, strongest first; (N,) each.

    It has no elevation: what it measures is in its own plane.

    Attributes:
        range_m, azimuth_rad, range_rate_mps: float64, as measured.
        range_sigma_m, azimuth_sigma_rad, rate_sigma_mps: float64, standard deviations that the device knows of.
        rcs_dbsm: float32, by the radar equation for clear air.
        margin_db: float32, signal over the threshold.
        recognised: bool, marked by the device as a ghost or as clutter.
        actor_id: uint32, in truth: whom it is of, ghosts included; 0 for nobody.
        origin: uint8, `Origin`, in truth.
    """

    range_m: Array
    azimuth_rad: Array
    range_rate_mps: Array
    range_sigma_m: Array
    azimuth_sigma_rad: Array
    rate_sigma_mps: Array
    rcs_dbsm: Floats
    margin_db: Floats
    recognised: npt.NDArray[np.bool_]
    actor_id: npt.NDArray[np.uint32]
    origin: npt.NDArray[np.uint8]
