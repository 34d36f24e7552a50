"""Errors of labels, gathered by quantity, class, range and visibility in little memory."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_RANGES_M = ((0.0, 20.0), (20.0, 40.0), (40.0, 80.0))

QUANTITIES: Mapping[str, tuple[str, str]] = {
    "box_left": ("px", "left side of the projected 3D box from the mask's, of what is seen whole"),
    "box_top": ("px", "top side of the projected 3D box from the mask's"),
    "box_right": ("px", "right side of the projected 3D box from the mask's"),
    "box_bottom": ("px", "bottom side of the projected 3D box from the mask's"),
    "tight_box": ("px", "worst side of the tight 2D box from the mask's"),
    "points_outside": ("share", "lidar points on the thing's mask, at its depth, that are outside its box"),
    "faces_touched": ("faces", "upright faces towards the lidar that have a lidar point within 0.25 m"),
    "lidar_gap": ("m", "from the box's nearest upright face to the lidar point nearest to it"),
    "points_in_no_box": ("points", "per sample, points of things by their class that no box has"),
    "without_evidence": ("share", "boxes with no lidar point, radar point or pixel"),
    "visibility": ("levels", "level from the one that pixels over amodal pixels give"),
    "heading": ("deg", "heading from the direction of motion, of what moves at 2 m/s or more"),
    "lamps": ("share", "views with red rear lamps in which they are on the front of the box"),
    "velocity": ("m/s", "true velocity from central differences of the boxes"),
    "points_off_mask": ("share", "lidar points of a fully visible box that miss its mask"),
}
"""What is measured: unit and meaning. All values are 0 or more."""

# edges of a histogram in steps of 5 %, from 0.001 to 1000, so that percentiles are good to that
_EDGES = tuple(1e-3 * 1.05**k for k in range(284))


@dataclass
class Spread:
    """The distribution of one quantity: exact number, mean and largest; percentiles to 5 %."""

    n: int = 0
    total: float = 0.0
    largest: float = 0.0
    bins: dict[int, int] = field(default_factory=dict)

    def add(self, value: float, n: int = 1) -> None:
        """Count a value of 0 or more, n times."""
        self.n += n
        self.total += value * n
        self.largest = max(self.largest, value)
        place = bisect.bisect_left(_EDGES, value) if value > 0 else 0
        self.bins[place] = self.bins.get(place, 0) + n

    def merge(self, other: Spread) -> None:
        """Take in another spread."""
        self.n += other.n
        self.total += other.total
        self.largest = max(self.largest, other.largest)
        for place, n in other.bins.items():
            self.bins[place] = self.bins.get(place, 0) + n

    @property
    def mean(self) -> float:
        """The mean; 0 of nothing."""
        return self.total / self.n if self.n else 0.0

    def percentile(self, share: float) -> float:
        """The value that this share of values does not exceed, at most 5 % too large."""
        wanted, seen = share * self.n, 0
        for place in sorted(self.bins):
            seen += self.bins[place]
            if seen >= wanted:
                return 0.0 if place == 0 else min(self.largest, _EDGES[min(place, len(_EDGES) - 1)])
        return self.largest


_WORST_KEPT = 6
"""Largest values of each quantity whose annotations are remembered."""


@dataclass(frozen=True, order=True)
class Worst:
    """A large error: its value, the annotation's token, and the camera keyframe in which it is (a token, or '')."""

    value: float
    annotation: str
    data: str = ""


Cell = tuple[str, str, str]
"""Class, range such as '0-20 m' and visibility level; '' for what has none."""


class Measures:
    """Spreads by quantity and cell, and figures of sensors such as calibration residuals."""

    def __init__(self) -> None:
        self.spreads: dict[str, dict[Cell, Spread]] = {}
        self.sensors: dict[str, dict[str, float]] = {}
        self.worst: dict[str, list[Worst]] = {}

    def add(
        self,
        quantity: str,
        category: str,
        range_m: float,
        visibility: str,
        value: float,
        annotation: str = "",
        data: str = "",
    ) -> None:
        """Count one value of a quantity of `QUANTITIES`; what is not finite or beyond all ranges is left out.

        Args:
            quantity: one of `QUANTITIES`.
            category: of the thing.
            range_m: how far it is, in metres.
            visibility: its level.
            value: 0 or more.
            annotation: the token of the annotation that it is about, to be remembered if it is one of the largest.
            data: the token of the camera keyframe in which it was measured.
        """
        if not math.isfinite(value) or quantity not in QUANTITIES or not 0.0 <= range_m < _RANGES_M[-1][1]:
            return
        span = next(f"{low:g}-{high:g} m" for low, high in _RANGES_M if range_m < high)
        cells = self.spreads.setdefault(quantity, {})
        cells.setdefault((category, span, visibility), Spread()).add(value)
        if annotation and value > 0:
            self._remember(quantity, [Worst(value, annotation, data)])

    def _remember(self, quantity: str, found: list[Worst]) -> None:
        kept = self.worst.get(quantity, [])
        if len(kept) < _WORST_KEPT or found[0] > kept[-1]:
            best: dict[str, Worst] = {}
            for one in sorted([*kept, *found], reverse=True):
                best.setdefault(one.annotation, one)
            self.worst[quantity] = list(best.values())[:_WORST_KEPT]

    def sensor(self, name: str, figure: str, value: float) -> None:
        """Note a figure of a sensor, such as its residual yaw; the figure of largest size counts."""
        figures = self.sensors.setdefault(name, {})
        if abs(value) >= abs(figures.get(figure, 0.0)):
            figures[figure] = value

    def merge(self, other: Measures) -> None:
        """Take in what was measured elsewhere."""
        for quantity, cells in other.spreads.items():
            own = self.spreads.setdefault(quantity, {})
            for cell, spread in cells.items():
                own.setdefault(cell, Spread()).merge(spread)
        for quantity, found in other.worst.items():
            self._remember(quantity, found)
        for name, figures in other.sensors.items():
            for figure, value in figures.items():
                self.sensor(name, figure, value)

    def rows(self) -> Iterator[tuple[str, Cell, Spread]]:
        """Every spread, in the order of `QUANTITIES` and by cell."""
        for quantity in QUANTITIES:
            for cell, spread in sorted(self.spreads.get(quantity, {}).items()):
                yield quantity, cell, spread

    def overall(self, quantity: str) -> Spread:
        """One spread over all cells of a quantity."""
        total = Spread()
        for spread in self.spreads.get(quantity, {}).values():
            total.merge(spread)
        return total
