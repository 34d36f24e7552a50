"""Rays of a rig's lidars: what to ask of a server for them, and what they met, as its measurements have it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.capture.decode import detections
from av_synth.geometry.carla import flip_y
from av_synth.geometry.transforms import Array, rotate
from av_synth.rig.model import Firing, Lidar
from av_synth.sensing.lidar import LidarDevice, LidarHits
from av_synth.sensing.materials import UNKNOWN

STOCK, RAYS = "sensor.lidar.ray_cast_semantic", "avsynth.lidar.device"
_EVEN_DEG = 0.01  # beams so near to evenly spread ones, straight along their column, are those


def lidar_attributes(lidar: Lidar, tick_us: int) -> dict[str, str]:
    """CARLA's attributes of a lidar."""
    ticks_per_s = 1e6 / tick_us
    return {
        "channels": str(lidar.beams),
        "range": str(lidar.range_m),
        "points_per_second": str(round(lidar.beams * lidar.columns * ticks_per_s)),
        "rotation_frequency": str(ticks_per_s),  # a whole turn in every tick, also in those that are not kept
        "upper_fov": str(lidar.upper_deg),
        "lower_fov": str(lidar.lower_deg),
        "horizontal_fov": str(lidar.turn_deg),
    }


def ray_attributes(lidar: Lidar, device: LidarDevice, firing: Firing) -> dict[str, str]:
    """What `avsynth.lidar.device` is told besides."""

    def table(lowest_first: tuple[float, ...] | None) -> str:
        return " ".join(repr(value) for value in reversed(lowest_first or ()))

    return {
        "avsynth.elevations": table(lidar.elevations_deg),
        "avsynth.azimuths": table(lidar.azimuths_deg),
        "avsynth.firing_us": table(firing.firing_us),
        "avsynth.divergence_mrad": repr(device.divergence_mrad),
        "avsynth.motion": "false" if firing.motion == "none" else "true",
    }


def why_not_stock(lidar: Lidar, firing: Firing) -> str:
    """What a device wants that CARLA's own lidar cannot give, in words; '' if it can stand in."""
    if firing.motion != "none":
        return f"motion: {firing.motion}"
    even_deg = replace(lidar, elevations_deg=None).table_deg
    if max(abs(wanted - got) for wanted, got in zip(lidar.table_deg, even_deg, strict=True)) > _EVEN_DEG:
        return "elevations_deg that are not evenly spread"
    if max((abs(aside) for aside in lidar.azimuths_deg or ()), default=0.0) > _EVEN_DEG:
        return "azimuths_deg, beams beside their column,"
    return ""


def ray_hits(measurement: Any, sensor_from_body: Array, lidar: Lidar, tick_us: int) -> LidarHits:
    """What rays of `avsynth.lidar.device` met, and those that met nothing: channels of what, then as many of how.

    Args:
        measurement: a carla.SemanticLidarMeasurement (docs/reference/extensions.md).
        sensor_from_body: (4, 4), from the lidar actor's right-handed axes to the rig's axes for it.
        lidar: which it is.
        tick_us: how long its turn takes.
    """
    rows, ring = detections(measurement, lidar.beams, 2 * lidar.beams)
    half = len(rows) // 2
    how = rows[half:]
    met = replace(
        _met(rows[:half], ring[:half], sensor_from_body),
        material=how["tag"].astype(np.uint8),
        weight=how["xyz"][:, 1].copy(),
        transmission=how["xyz"][:, 2].copy(),
        time_s=how["xyz"][:, 0].copy(),
        column=np.rint(how["cos"]).astype(np.int32),
    )
    return _with_lost(met, _Grid(lidar, measurement.horizontal_angle, tick_us), sensor_from_body)


def stock_hits(measurement: Any, sensor_from_body: Array, lidar: Lidar, tick_us: int) -> LidarHits:
    """What the rays of CARLA's own semantic lidar met, which are lines and say nothing of glass, material and time.

    Args:
        measurement: a carla.SemanticLidarMeasurement.
        sensor_from_body: (4, 4), from the lidar actor's right-handed axes to the rig's axes for it.
        lidar: which it stands in for.
        tick_us: how long its turn takes.
    """
    rows, ring = detections(measurement, lidar.beams, lidar.beams)
    grid = _Grid(replace(lidar, azimuths_deg=None, firing=None), measurement.horizontal_angle, tick_us)
    met = replace(_met(rows, ring, sensor_from_body), column=grid.columns_of(flip_y(rows["xyz"])))
    return _with_lost(met, grid, sensor_from_body)


class _Grid:
    """Where the rays of a turn go: CARLA's pattern, whose angle grows clockwise from half the turn to the left."""

    def __init__(self, lidar: Lidar, angle_rad: float, tick_us: int) -> None:
        """Of a turn that ends, as it begins, at CARLA's horizontal angle `angle_rad`."""
        self.columns, self.beams = lidar.columns, lidar.beams
        self._fov_rad = math.radians(lidar.turn_deg)
        self._start_rad = angle_rad % self._fov_rad
        self._up = np.radians(lidar.table_deg)
        nothing = np.zeros(lidar.beams)
        firing = lidar.firing
        self._aside = np.radians(nothing if lidar.azimuths_deg is None else np.array(lidar.azimuths_deg))
        fired_us = nothing if firing is None or firing.firing_us is None else np.array(firing.firing_us)
        self._fired, self._tick_s = fired_us / tick_us, tick_us / 1e6
        self._moves = firing is not None and firing.motion != "none"

    def columns_of(self, body: Array) -> npt.NDArray[np.int32]:
        """The columns (N,) that points (N, 3) in the lidar actor's right-handed axes are in."""
        angle = self._fov_rad / 2.0 - np.arctan2(body[:, 1], body[:, 0]) - self._start_rad
        return np.rint(angle / self._fov_rad * self.columns).astype(np.int32) % self.columns

    def directions(self, ring: npt.NDArray[np.intp], column: npt.NDArray[np.intp]) -> Array:
        """Unit vectors (N, 3) in the lidar actor's right-handed axes."""
        angle = (self._start_rad + self._fov_rad * column / self.columns) % self._fov_rad
        azimuth = self._fov_rad / 2.0 - angle + self._aside[ring] - self._fov_rad * self._fired[ring]
        level = np.cos(self._up[ring])
        return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(self._up[ring])], axis=1)

    def time_s(self, ring: npt.NDArray[np.intp], column: npt.NDArray[np.intp]) -> Array:
        """When they are fired (N,), seconds relative to the frame."""
        share = column / self.columns + self._fired[ring] - 1.0
        return share * self._tick_s if self._moves else np.zeros(len(ring))


def _with_lost(met: LidarHits, grid: _Grid, sensor_from_body: Array) -> LidarHits:
    """And the rays that met nothing: there may be rain in their way."""
    lost = np.ones(grid.beams * grid.columns, dtype=np.bool_)
    lost[met.ring * np.int32(grid.columns) + met.column] = False
    ring, column = np.divmod(np.flatnonzero(lost), grid.columns)
    n = len(ring)
    nothing = LidarHits(
        directions=rotate(sensor_from_body, grid.directions(ring, column)).astype(np.float32),
        range_m=np.full(n, np.inf, dtype=np.float32),
        cos_incidence=np.ones(n, dtype=np.float32),
        tag=np.zeros(n, dtype=np.uint8),
        material=np.full(n, UNKNOWN, dtype=np.uint8),
        actor_id=np.zeros(n, dtype=np.uint32),
        weight=np.zeros(n, dtype=np.float32),
        transmission=np.ones(n, dtype=np.float32),
        time_s=grid.time_s(ring, column).astype(np.float32),
        column=column.astype(np.int32),
        ring=ring.astype(np.uint8),
    )
    return LidarHits(**{name: np.concatenate([values, getattr(nothing, name)]) for name, values in vars(met).items()})


def _met(rows: npt.NDArray[np.void], ring: npt.NDArray[np.uint8], sensor_from_body: Array) -> LidarHits:
    """What a semantic lidar says of each hit, the rest as it is of a whole beam through clear air at once."""
    # by columns: arrays of three a row take numpy several times as long
    x, y, z = met = np.empty((3, len(rows)))
    for axis in range(3):
        met[axis] = rows["xyz"][:, axis]
    range_m = np.sqrt(x * x + y * y + z * z)
    directions = (sensor_from_body[:3, :3] @ flip_y(np.eye(3)) @ met) / np.maximum(range_m, 1e-6)
    n = len(rows)
    return LidarHits(
        directions=directions.astype(np.float32).T,
        range_m=range_m.astype(np.float32),
        cos_incidence=rows["cos"].copy(),
        tag=rows["tag"].astype(np.uint8),
        material=np.full(n, UNKNOWN, dtype=np.uint8),
        actor_id=rows["actor_id"].copy(),
        weight=np.ones(n, dtype=np.float32),
        transmission=np.ones(n, dtype=np.float32),
        time_s=np.zeros(n, dtype=np.float32),
        column=np.zeros(n, dtype=np.int32),
        ring=ring,
    )
