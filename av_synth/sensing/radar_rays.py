"""Which way the rays of a radar go: the same grid in every scan, known to who fires them and to who reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from av_synth.sensing.radar_model import Floats

_STEPS_DEG = (0.5, 0.25)
_ROWS = 24


@dataclass(frozen=True)
class RayGrid:
    """What shapes the rays: full angles in degrees, metres.

    Attributes:
        far_fov_deg: width of the field in which rays go to `range_m`; 0: all of it. There, a second grid of finer steps
            stands for what is beyond `near_range_m`.
        steps_deg: between columns, of the wide field and of the far one.
        rows: in elevation, closer to each other towards the middle, where all is that is far away.
    """

    horizontal_fov_deg: float
    vertical_fov_deg: float
    range_m: float
    near_range_m: float
    far_fov_deg: float
    steps_deg: tuple[float, float] = _STEPS_DEG
    rows: int = _ROWS


@dataclass(frozen=True)
class Rays:
    """The rays (N,) of a scan: unit directions (N, 3), radar axes; from how far and how far each looks; solid angles.

    Rays of the far grid tell nothing of what is nearer than `from_m`, though they meet it.
    """

    directions: Floats
    from_m: Floats
    limit_m: Floats
    steradian: Floats


@lru_cache(maxsize=32)
def ray_grid(grid: RayGrid) -> Rays:
    """The rays of a grid, row after row from the top, each from right to left; first the wide grid, then the far."""
    near_m = grid.near_range_m if grid.far_fov_deg > 0.0 else grid.range_m
    parts = [_rectangle(grid.horizontal_fov_deg, grid, grid.steps_deg[0], 0.0, min(near_m, grid.range_m))]
    if grid.far_fov_deg > 0.0 and grid.near_range_m < grid.range_m:
        wide = min(grid.far_fov_deg, grid.horizontal_fov_deg)
        parts.append(_rectangle(wide, grid, grid.steps_deg[1], grid.near_range_m, grid.range_m))
    fields = (np.concatenate([getattr(part, name) for part in parts]) for name in Rays.__dataclass_fields__)
    rays = Rays(*fields)
    for values in vars(rays).values():
        values.setflags(write=False)
    return rays


def _rectangle(wide_deg: float, grid: RayGrid, step_deg: float, from_m: float, limit_m: float) -> Rays:
    columns = max(1, round(wide_deg / step_deg))
    edges = np.linspace(-1.0, 1.0, grid.rows + 1)
    edges = -np.radians(grid.vertical_fov_deg / 2.0) * np.sign(edges) * edges**2
    up = (edges[1:] + edges[:-1]) / 2.0
    step_rad = np.radians(wide_deg) / columns
    azimuth = (np.arange(columns) + 0.5) * step_rad - np.radians(wide_deg) / 2.0
    level, height = np.cos(up)[:, None], np.broadcast_to(np.sin(up)[:, None], (grid.rows, columns))
    directions = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), height], axis=-1)
    each = step_rad * (np.sin(edges[:-1]) - np.sin(edges[1:]))
    count = grid.rows * columns
    return Rays(
        directions.reshape(-1, 3).astype(np.float32),
        np.full(count, from_m, dtype=np.float32),
        np.full(count, limit_m, dtype=np.float32),
        np.repeat(each, columns).astype(np.float32),
    )
