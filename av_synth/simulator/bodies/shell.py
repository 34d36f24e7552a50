"""The skin of a car, van or bus: cross-sections lofted along x, with wheel arches, glass and an underbody.

A section is half an outline, mirrored: sill, flank, belt line (the shoulder, or the edge of the bonnet), side window,
roof edge, middle of the roof. Where there is no cabin the window rows shrink to the rounded edge of the bonnet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.shapes import DARK, GLASS, PAINT, PLASTIC, Finish
from av_synth.simulator.bodies.skin import Skin, curve

_FLANK = (0.0, 0.22, 0.48, 0.74, 1.0)  # rows from sill to belt, as a share of that height
_WINDOW = (0.07, 0.88, 1.0)  # rows from belt to roof edge: foot of the glass, top of the glass, roof edge
_ROOF = (0.8, 0.42, 0.0)  # rows across the roof, as a share of its half width
_GLASS_ROW = len(_FLANK)  # cell between foot and top of the side windows
_ROOF_ROW = len(_FLANK) + len(_WINDOW) - 1  # first cell of the top
_HALF = len(_FLANK) + len(_WINDOW) + len(_ROOF)


@dataclass(frozen=True)
class Section:
    """One row of the table that shapes a body; metres, z above the ground.

    Attributes:
        x: place along the body, forward.
        sill: lower edge of the flank.
        wide: greatest half width, half way up the flank.
        belt: height of the shoulder, and `belt_w` its half width.
        roof: height of the roof's (or bonnet's) edge, and `roof_w` its half width.
        crown: how much higher the middle is than that edge.
    """

    x: float
    sill: float
    wide: float
    belt: float
    belt_w: float
    roof: float
    roof_w: float
    crown: float


@dataclass(frozen=True)
class Shell:
    """A body shape: its sections (x rising), wheels and what is glass.

    Attributes:
        axles_x: where the axles are; every one gets a pair of arches.
        wheel_radius_m: tyre radius; the arch is `arch_gap_m` larger.
        side_windows: x ranges with glass in the flank, rising; what is between them is a dark pillar.
        top_windows: x ranges with glass from edge to edge of the top: windscreen and rear window.
        finish: of the outside.
        cladding: dark sill and bumper edge.
        shift_x_m: added to every x of the table, for tables written from another origin.
    """

    sections: tuple[Section, ...]
    axles_x: tuple[float, ...]
    wheel_radius_m: float
    side_windows: tuple[tuple[float, float], ...]
    top_windows: tuple[tuple[float, float], ...]
    finish: Finish = PAINT
    cladding: bool = False
    arch_gap_m: float = 0.05
    shift_x_m: float = 0.0
    step_m: float = 0.4

    def at(self, name: str, x_m: float) -> float:
        """The table's column `name`, interpolated at `x_m` of the table."""
        return float(curve([(row.x, getattr(row, name)) for row in self.sections], x_m))

    def build(self, skin: Skin) -> None:
        """Loft the body into `skin`; x is shifted by `shift_x_m`."""
        x = self._stations()
        sill = self._column("sill", x)
        low = np.maximum(sill, self._arches(x))
        outline = self._outline(x, sill, low)
        skin.grid(outline, self._finishes(x))
        self._underside(skin, x, sill, low, outline)
        for end, flip in ((0, True), (-1, False)):
            half = outline[end, :_HALF]
            cap = np.stack([half, half * [1.0, -1.0, 1.0]])
            skin.grid(cap, self.finish, flip=flip)

    def _column(self, name: str, x: Array) -> Array:
        return curve([(row.x, getattr(row, name)) for row in self.sections], x)

    def _stations(self) -> Array:
        """Table rows, arches, window edges, and enough in between; rising, none closer than 8 mm."""
        fixed = [row.x for row in self.sections]
        for first, last in (*self.side_windows, *self.top_windows):
            fixed += [first, last]
        arch = self.wheel_radius_m + self.arch_gap_m
        for axle in self.axles_x:
            fixed += [axle + arch * float(np.cos(t)) for t in np.linspace(0, np.pi, 9)]
            fixed += [axle - arch - 0.012, axle + arch + 0.012]
        ends = (self.sections[0].x, self.sections[-1].x)
        kept: list[float] = []
        for x in sorted(v for v in fixed if ends[0] <= v <= ends[1]):
            if kept and x - kept[-1] > self.step_m:
                kept += list(np.linspace(kept[-1], x, int((x - kept[-1]) / self.step_m) + 2)[1:-1])
            if not kept or x - kept[-1] > 0.008:
                kept.append(x)
        kept[-1] = ends[1]
        return np.array(kept)

    def _arches(self, x: Array) -> Array:
        """Lower edge that the wheel arches ask for; -1 away from them."""
        arch = self.wheel_radius_m + self.arch_gap_m
        low: Array = np.full(len(x), -1.0)
        for axle in self.axles_x:
            reach = arch**2 - (x - axle) ** 2
            low = np.where(reach > -1e-9, self.wheel_radius_m + np.sqrt(np.maximum(reach, 0.0)), low)
        return low

    def _outline(self, x: Array, sill: Array, low: Array) -> Array:
        """Whole sections (stations, rows, 3), from the left sill over the roof to the right sill."""
        wide, belt, belt_w = (self._column(name, x) for name in ("wide", "belt", "belt_w"))
        roof, roof_w, crown = (self._column(name, x) for name in ("roof", "roof_w", "crown"))
        middle = sill + 0.5 * (belt - sill)
        rows = []
        for share in _FLANK:
            z = low + share * (belt - low)
            above = np.clip((z - middle) / (belt - middle), 0, 1)
            below = np.clip((middle - z) / (middle - sill), 0, 1)
            rows.append((wide - (wide - belt_w) * above**2 - 0.05 * wide * below**2, z))
        for share in _WINDOW:
            bulge = share + 0.16 * share * (1 - share)  # side glass is curved
            rows.append((belt_w + (roof_w - belt_w) * share, belt + (roof - belt) * bulge))
        for share in _ROOF:
            rows.append((roof_w * share, roof + crown * (1 - share**2)))
        half = np.stack([np.stack([x + self.shift_x_m, y, z], axis=-1) for y, z in rows], axis=1)
        return np.concatenate([half, half[:, -2::-1] * [1.0, -1.0, 1.0]], axis=1)

    def _finishes(self, x: Array) -> list[list[Finish]]:
        rows = []
        for middle in (x[:-1] + x[1:]) / 2:
            half = [self.finish] * (_HALF - 1)
            if self.cladding:
                half[0] = PLASTIC
            if any(first < middle < last for first, last in self.side_windows):
                half[_GLASS_ROW] = GLASS
            elif self.side_windows and self.side_windows[0][0] < middle < self.side_windows[-1][1]:
                half[_GLASS_ROW] = PLASTIC  # pillars between windows
            if any(first < middle < last for first, last in self.top_windows):
                half[_ROOF_ROW:] = [GLASS] * (_HALF - 1 - _ROOF_ROW)
            rows.append(half + half[::-1])
        return rows

    def _underside(self, skin: Skin, x: Array, sill: Array, low: Array, outline: Array) -> None:
        """Floor, the roofs of the wheel arches and their inner walls, all dark."""
        edge = outline[:, 0, 1]
        inner = np.minimum(edge - 0.05, np.maximum(0.3, edge - 0.34))
        at = x + self.shift_x_m
        floor = np.stack([np.stack([at, s * inner, sill], axis=-1) for s in (-1.0, 1.0)], axis=1)
        skin.grid(floor, DARK)
        for s in (1.0, -1.0):
            roof_out, roof_in = np.stack([at, s * edge, low], axis=-1), np.stack([at, s * inner, low], axis=-1)
            foot = np.stack([at, s * inner, sill], axis=-1)
            skin.grid(np.stack([roof_in, roof_out], axis=1), DARK, flip=s < 0)
            skin.grid(np.stack([foot, roof_in], axis=1), DARK, flip=s < 0)
