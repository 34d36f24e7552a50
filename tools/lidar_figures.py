"""Figures of lidar turns beside each other: ring spacing, range noise, intensities, how far they see.

    python -m tools.lidar_figures REAL.ply OURS.pcd.bin ...

A real turn is a binary PLY file of x, y, z and intensity, such as `data/source.ply` of the source distribution of
small-gicp on PyPI, which is of a Velodyne HDL-32E by its looks; ours is nuScenes' `.pcd.bin`. Prints one table, a
column for each file.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LOWEST_DEG, _SPACING_DEG, _BEAMS = -30.67, 41.34 / 31.0, 32
_RANGES_M = (1, 5, 10, 20, 40, 100)
_INTENSITIES = (0, 5, 10, 20, 30, 40, 60, 80, 101, 256)
_SMOOTH_M, _STEP_DEG = 0.3, 1.0 / 3.0


@dataclass(frozen=True)
class Turn:
    """A turn: azimuth and elevation in degrees, range in metres, intensity, all (N,)."""

    azimuth_deg: Floats
    elevation_deg: Floats
    range_m: Floats
    intensity: Floats

    @property
    def ring(self) -> npt.NDArray[np.int64]:
        """The nearest beam (N,) of a table in even steps, 0 the lowest."""
        return np.rint((self.elevation_deg - _LOWEST_DEG) / _SPACING_DEG).astype(np.int64)


def _read(path: Path) -> Turn:
    """A turn from a file; points at the sensor itself are no returns."""
    data = path.read_bytes()
    if path.suffix == ".ply":
        begin = data.index(b"end_header\n") + len(b"end_header\n")
        rows = np.frombuffer(data[begin:], "<f4").reshape(-1, 4)
    else:
        rows = np.frombuffer(data, "<f4").reshape(-1, 5)
    x, y, z, intensity = (rows[:, k].astype(np.float64) for k in range(4))
    range_m = np.sqrt(x * x + y * y + z * z)
    kept = range_m > 0.5
    x, y, z, intensity, range_m = x[kept], y[kept], z[kept], intensity[kept], range_m[kept]
    return Turn(np.degrees(np.arctan2(y, x)), np.degrees(np.arcsin(z / range_m)), range_m, intensity)


def _range_noise(turn: Turn) -> tuple[Floats, Floats]:
    """Ranges (K,) and second differences (K,) of returns in a row of one beam: noise alone where walls are even."""
    ranges, second = [np.zeros(0)], [np.zeros(0)]
    for ring in range(_BEAMS):
        own = turn.ring == ring
        order = np.argsort(turn.azimuth_deg[own])
        r, azimuth = turn.range_m[own][order], turn.azimuth_deg[own][order]
        if len(r) < 9:
            continue
        step = max(round(_STEP_DEG / float(np.median(np.diff(azimuth)))), 1)  # walls bend alike in all files
        r, azimuth = r[::step], azimuth[::step]
        near = np.diff(azimuth) < 1.4 * _STEP_DEG
        difference = r[2:] - 2.0 * r[1:-1] + r[:-2]
        kept = near[1:] & near[:-1] & (np.abs(difference) < _SMOOTH_M)
        ranges.append(r[1:-1][kept])
        second.append(difference[kept])
    return np.concatenate(ranges), np.concatenate(second)


def _figures(turn: Turn) -> dict[str, str]:
    """What is printed of a turn, by its name."""
    ring = turn.ring
    spacing = np.diff([np.median(turn.elevation_deg[ring == k]) for k in range(_BEAMS) if (ring == k).any()])
    off = turn.elevation_deg - (_LOWEST_DEG + ring * _SPACING_DEG)
    found = {
        "returns": f"{len(ring)}",
        "ring spacing, degrees": f"{spacing.min():.3f} to {spacing.max():.3f}",
        "farthest from its ring, degrees": f"{np.abs(off).max():.3f}",
    }
    ranges, second = _range_noise(turn)
    for low, high in pairwise(_RANGES_M):
        own = np.abs(second[(ranges >= low) & (ranges < high)])
        # the quartile, not the median: half of a street may be even, trees never are
        noise = np.percentile(own, 25) / 0.3186 / np.sqrt(6.0) * 1000.0 if len(own) > 50 else np.nan
        found[f"range noise from {low} to {high} m, mm"] = f"{noise:.1f}"
    share = np.histogram(turn.intensity, _INTENSITIES)[0] / max(len(ring), 1)
    for (low, high), value in zip(pairwise(_INTENSITIES), share, strict=True):
        found[f"intensity {low} to {high - 1}, %"] = f"{100.0 * value:.1f}"
    found["median intensity"] = f"{np.median(turn.intensity):.0f}"
    for percent in (50, 95, 99):
        found[f"{percent} % are nearer than, m"] = f"{np.percentile(turn.range_m, percent):.1f}"
    return found


def table(paths: list[Path]) -> str:
    """The figures of files, in Markdown."""
    columns = [_figures(_read(path)) for path in paths]
    lines = [["", *(path.name for path in paths)], ["---"] * (len(paths) + 1)]
    lines += [[name, *(column[name] for column in columns)] for name in columns[0]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.stdout.write(table([Path(name) for name in sys.argv[1:]]) + "\n")
