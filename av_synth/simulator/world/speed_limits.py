"""Speed limits by place: the town's zones drawn once into a grid, so that all vehicles are looked up at once."""

from __future__ import annotations

import math

import numpy as np
import shapely

from av_synth.geometry.transforms import Array
from av_synth.simulator.town.model import Town

_CELL_M = 1.0
_MAX_CELLS = 4_000_000  # of larger towns the cells are larger


class SpeedLimits:
    """Limits in km/h on a grid over the town; 0 where no zone says anything."""

    def __init__(self, town: Town) -> None:
        """Draw the zones of `town`; where zones overlap the first counts."""
        x0, y0, x1, y1 = town.bounds_m
        self._origin = np.array([x0, y0])
        self._cell_m = cell = max(_CELL_M, math.sqrt((x1 - x0) * (y1 - y0) / _MAX_CELLS))
        columns, rows = int((x1 - x0) / cell) + 1, int((y1 - y0) / cell) + 1
        xs, ys = x0 + (np.arange(columns) + 0.5) * cell, y0 + (np.arange(rows) + 0.5) * cell
        self._grid = np.zeros((rows, columns), dtype=np.float32)
        for zone in reversed(town.speed_zones):
            low_x, low_y, high_x, high_y = zone.area.bounds
            window = slice(*np.searchsorted(ys, [low_y, high_y])), slice(*np.searchsorted(xs, [low_x, high_x]))
            inside = shapely.contains_xy(zone.area, *np.meshgrid(xs[window[1]], ys[window[0]]))
            self._grid[window][inside] = zone.speed_kmh

    def at(self, positions: Array, otherwise: Array) -> Array:
        """Limits (N,) in km/h at world positions (N, 2); `otherwise` (N,) where there is none."""
        cell = np.floor((positions - self._origin) / self._cell_m).astype(int)
        inside = (cell >= 0).all(axis=1) & (cell[:, 1] < self._grid.shape[0]) & (cell[:, 0] < self._grid.shape[1])
        cell = np.where(inside[:, None], cell, 0)
        limit = np.where(inside, self._grid[cell[:, 1], cell[:, 0]], 0.0)
        return np.where(limit > 0.0, limit, otherwise)
