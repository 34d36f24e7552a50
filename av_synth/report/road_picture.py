"""A town's roads from above: lanes by their kind, paint, kerbs and crossings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from av_synth.export.nuscenes.map_lanes import CAR_LANES, Mark, Network, Section
from av_synth.export.nuscenes.map_signs import read_crossings
from av_synth.geometry.transforms import Array
from av_synth.report import drawing
from av_synth.report.drawing import Colour, Image

Place = Callable[[Array], Array]
"""From metres (N, 2), world frame, to pixels (N, 2)."""

GROUND: Colour = (44, 52, 44)
_ASPHALT: Colour = (72, 68, 66)
_LANES: dict[str, Colour] = {
    "parking": (86, 80, 74),
    "shoulder": (62, 58, 56),
    "stop": (62, 58, 56),
    "biking": (70, 64, 92),
    "sidewalk": (118, 116, 114),
    "median": (52, 66, 52),
}
_DRIVEN = CAR_LANES | {"bidirectional"}
PAINT: Colour = (225, 225, 225)
YELLOW: Colour = (70, 190, 235)
KERB: Colour = (175, 175, 172)
_DASH_M, _PERIOD_M = 3.0, 9.0
_STRIPE_M = 0.5


@dataclass(frozen=True)
class Roads:
    """What is drawn of a town, read once: its lanes and crossings."""

    network: Network
    crossings: tuple[Array, ...]


def read_roads(network: Network) -> Roads:
    """What a picture needs of a network."""
    return Roads(network, tuple(read_crossings(network)))


def draw_roads(canvas: Image, roads: Roads, at: Place, centre_m: Array, reach_m: float, px_per_m: float) -> None:
    """Draw what is within `reach_m` of a point (2,) on a canvas (H, W, 3) uint8 BGR."""
    sections = [
        section
        for road in roads.network.roads
        for section in road.sections
        if np.hypot(*(section.edges_m[0] - centre_m).T).min() < reach_m + 20.0
    ]
    for driven in (False, True):  # carriageways lie over the pavements that junctions cut
        for section in sections:
            for lane in section.lanes.values():
                colour = _ASPHALT if lane.kind in _DRIVEN else _LANES.get(lane.kind)
                if colour is not None and (lane.kind in _DRIVEN) == driven:
                    quads = _near(section.quads(lane.id), centre_m, reach_m)
                    for quad in quads:
                        drawing.fill(canvas, at(quad), colour, 1.0)
                        # neighbours meet without a seam
                        drawing.polyline(canvas, at(quad), colour, 1)
    for outline in roads.crossings:
        if np.hypot(*(outline - centre_m).T).min() < reach_m + 20.0:
            _zebra(canvas, at, outline)
    width = max(1, round(0.12 * px_per_m))
    for section in sections:
        for points, colour, broken in lines(section):
            _line(canvas, at, points[np.hypot(*(points - centre_m).T) < reach_m + 20.0], colour, broken, width)


def _near(quads: Array, centre_m: Array, reach_m: float) -> Array:
    near: Array = quads[np.hypot(*(quads.mean(axis=1) - centre_m).T) < reach_m + 10.0]
    return near


def lines(section: Section) -> Iterator[tuple[Array, Colour, bool]]:
    """Kerbs and paint: points of the section's edges, colour (KERB, PAINT or YELLOW), and whether it is broken."""
    for lane in section.lanes.values():
        if lane.kind == "sidewalk":
            yield section.edges_m[lane.inner], KERB, False
    for edge, marks in ((0, section.centre_marks), *((lane.id, lane.marks) for lane in section.lanes.values())):
        for mark, points in _painted(section, edge, marks):
            yield points, YELLOW if mark.color == "yellow" else PAINT, mark.kind.startswith("broken")


def _painted(section: Section, edge: int, marks: tuple[Mark, ...]) -> Iterator[tuple[Mark, Array]]:
    for number, mark in enumerate(marks):
        last_m = marks[number + 1].s_m if number + 1 < len(marks) else np.inf
        inside = (section.s_m >= mark.s_m) & (section.s_m <= last_m)
        if mark.kind not in ("none", "curb", "grass") and inside.sum() > 1:
            yield mark, section.edges_m[edge][inside]


def _line(canvas: Image, at: Place, points: Array, colour: Colour, broken: bool, width: int) -> None:
    if len(points) < 2:
        return
    if not broken:
        drawing.polyline(canvas, at(points), colour, width, closed=False)
        return
    for dash in dashes(points):
        first, last = at(dash)
        drawing.line(canvas, first, last, colour, width)


def dashes(points: Array) -> Iterator[Array]:
    """The ends (2, D) of the dashes of a broken line through points (N, D)."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    for begin in np.arange(0.0, along[-1], _PERIOD_M):
        ends = np.array([begin, min(begin + _DASH_M, along[-1])])
        yield np.stack([np.interp(ends, along, column) for column in points.T], axis=1)


def _zebra(canvas: Image, at: Place, outline: Array) -> None:
    for stripe in stripes(outline):
        drawing.fill(canvas, at(stripe), PAINT, 0.75)


def stripes(outline: Array) -> Iterator[Array]:
    """Stripes (4, 2) of a crossing (N, 2) along the way that cars go, over its short side."""
    box = cv2.minAreaRect(outline.astype(np.float32))
    corners = cv2.boxPoints(box).astype(np.float64)
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(*sides.T)
    first = int(np.argmax(lengths[:2]))
    origin, walk, drive = corners[first], sides[first], sides[(first + 1) % 4]
    count = max(1, int(lengths[first] / (2 * _STRIPE_M)))
    for number in range(count):
        a, b = (2 * number + 0.5) / (2 * count), (2 * number + 1.5) / (2 * count)
        yield np.array([origin + a * walk, origin + b * walk, origin + b * walk + drive, origin + a * walk + drive])
