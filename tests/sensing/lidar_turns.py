"""Turns of a lidar for tests: walls of one material around it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.scenario.weather import Weather
from av_synth.sensing.air import Air, air
from av_synth.sensing.lidar import LidarHits
from av_synth.sensing.materials import Material

BUILDINGS, ROADS, CAR = 3, 1, 14


def weather(**changes: float) -> Air:
    """The air of a weather, of which the clear one is all that is not named."""
    return air(Weather(**{"fog_distance": 0.0, "fog_falloff": 0.0, **changes}).to_json())


CLEAR = weather()


def turn(
    range_m: npt.ArrayLike,
    *,
    material: int = Material.FACADE,
    tag: int = BUILDINGS,
    cos: npt.ArrayLike = 1.0,
    weight: npt.ArrayLike = 1.0,
    actor_id: npt.ArrayLike = 0,
    transmission: npt.ArrayLike = 1.0,
    columns: npt.ArrayLike | None = None,
    rises: npt.ArrayLike = 0.0,
) -> LidarHits:
    """One beam for each range, all around; `columns` tells which of them are of one beam, `rises` the sine upwards."""
    ranges = np.atleast_1d(np.asarray(range_m, dtype=np.float32))
    n = len(ranges)
    column = np.arange(n) if columns is None else np.asarray(columns)
    angle = np.radians(column * 360.0 / max(n, 1))
    up = np.full(n, rises, dtype=np.float64)
    flat = np.sqrt(1.0 - up * up)
    return LidarHits(
        directions=np.stack([flat * np.cos(angle), flat * np.sin(angle), up], axis=1).astype(np.float32),
        range_m=ranges,
        cos_incidence=np.full(n, cos, dtype=np.float32),
        tag=np.full(n, tag, dtype=np.uint8),
        material=np.full(n, material, dtype=np.uint8),
        actor_id=np.full(n, actor_id, dtype=np.uint32),
        weight=np.full(n, weight, dtype=np.float32),
        transmission=np.full(n, transmission, dtype=np.float32),
        time_s=(-0.05 * (1.0 - column / max(n, 1))).astype(np.float32),
        column=column.astype(np.int32),
        ring=np.zeros(n, dtype=np.uint8),
    )
