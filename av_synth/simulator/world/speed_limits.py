"""Speed limits by place: the town's zones drawn once into a grid, so that all vehicles are looked up at once."""

from __future__ import annotations

import numpy as np
import shapely

from av_synth.geometry.transforms import Array
from av_synth.simulator.town.model import Town

_CELL_M = 1.0


class SpeedLimits:
    """Limits in km/h on a grid over the town; 0 where no zone says anything."""

    def __init__(self, town: Town) -> None:
        """Draw the zones of `town`; where zones overlap the first counts."""
        x0, y0, x1, y1 = town.bounds_m
        self._origin = np.array([x0, y0])
        columns, rows = int((x1 - x0) / _CELL_M) + 1, int((y1 - y0) / _CELL_M) + 1
        x, y = np.meshgrid(x0 + (np.arange(columns) + 0.5) * _CELL_M, y0 + (np.arange(rows) + 0.5) * _CELL_M)
        self._grid = np.zeros((rows, columns))
        for zone in reversed(town.speed_zones):
            low, high = np.reshape(zone.area.bounds, (2, 2))
            first = np.maximum((low - self._origin) / _CELL_M, 0.0).astype(int)
            last = np.maximum((high - self._origin) / _CELL_M, -1.0).astype(int) + 1
            part = slice(first[1], last[1]), slice(first[0], last[0])
            self._grid[part][shapely.contains_xy(zone.area, x[part], y[part])] = zone.speed_kmh

    def at(self, positions: Array, otherwise: Array) -> Array:
        """Limits (N,) in km/h at world positions (N, 2); `otherwise` (N,) where there is none."""
        cell = np.floor((positions - self._origin) / _CELL_M).astype(int)
        inside = (cell >= 0).all(axis=1) & (cell[:, 1] < self._grid.shape[0]) & (cell[:, 0] < self._grid.shape[1])
        cell = np.where(inside[:, None], cell, 0)
        limit = np.where(inside, self._grid[cell[:, 1], cell[:, 0]], 0.0)
        return np.where(limit > 0.0, limit, otherwise)
