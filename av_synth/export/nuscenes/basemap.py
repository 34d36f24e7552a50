"""The basemap of a town: a picture of its ground for people to look at, from the polygons of the map expansion.

As in nuScenes, the picture covers the whole canvas at 0.1 m a pixel, its lower-left corner at the origin. nuScenes'
own are lidar intensities on white; readers turn them grey and take white for nothing, so what is no ground is white.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.export.nuscenes.map_blocks import mark_at
from av_synth.export.nuscenes.map_lanes import DRIVABLE, GROUND, PAVEMENT, Mark, Network, Section
from av_synth.export.nuscenes.town_map import PIXELS_PER_M
from av_synth.export.nuscenes.values import Offset
from av_synth.geometry.transforms import Array

_SHIFT = 4  # fractional bits of OpenCV's coordinates
_LINE_PX, _THIN_PX = 2, 1
_DASH_M, _DASH_EVERY_M = 3.0, 9.0
_BAR_M, _BAR_EVERY_M = 0.5, 1.0
_APART_M = 0.15

# colours R, G, B
_NOTHING = (255, 255, 255)
_BESIDE = (170, 166, 160)  # kerbs, borders, cycle lanes
_WALK = (206, 200, 192)
_ROAD = (88, 91, 97)
_PARKING = (108, 113, 124)
_WHITE = (244, 244, 240)
_YELLOW = (232, 184, 58)

_Paint = tuple[Array, tuple[int, int, int], int]
"""A line (N, 2) in world metres, its colour, and its width in pixels."""
_Tables = Mapping[str, Any]


def draw_basemap(content: _Tables, network: Network, offset_m: Offset, size_px: tuple[int, int]) -> bytes:
    """The picture, PNG, 8-bit RGB.

    Args:
        content: the map expansion, see `map_expansion.build_map_expansion`.
        network: the lanes that it was made of; road marks come from here, with their colours and dashes.
        offset_m: added to the network's coordinates.
        size_px: width and height.
    """
    image = np.full((size_px[1], size_px[0], 3), _NOTHING, np.uint8)
    shapes = _Shapes(content)
    for quads in network.quads(GROUND - DRIVABLE - PAVEMENT):
        _fill_each(image, quads + np.asarray(offset_m), _BESIDE)
    for layer, colour in (("walkway", _WALK), ("drivable_area", _ROAD), ("carpark_area", _PARKING)):
        for row in content[layer]:
            for token in row.get("polygon_tokens", [row.get("polygon_token")]):
                _fill(image, shapes.rings(token), colour)
    for line, colour, width in _marks(network):
        cv2.polylines(image, [_pixels(image, line + np.asarray(offset_m))], False, colour, width, cv2.LINE_AA, _SHIFT)
    for row in content["ped_crossing"]:
        outline = shapes.rings(row["polygon_token"])[0]
        _fill(image, [outline], _ROAD)
        _fill_each(image, _bars(outline), _WHITE)
    for row in content["stop_line"]:
        outline = shapes.rings(row["polygon_token"])[0]
        _fill_each(image, _bars(outline) if row["stop_line_type"] == "YIELD" else [outline], _WHITE)
    done, png = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 4])
    if not done:
        raise DataError(f"basemap of {size_px[0]} x {size_px[1]} pixels cannot be encoded")
    return bytes(png)


class _Shapes:
    """Looks polygons of the tables up."""

    def __init__(self, content: _Tables) -> None:
        self._nodes = {row["token"]: (row["x"], row["y"]) for row in content["node"]}
        self._polygons = {row["token"]: row for row in content["polygon"]}

    def rings(self, token: str) -> list[Array]:
        """Rings (N, 2) of a polygon in map metres, the outer one first."""
        row = self._polygons[token]
        groups = [row["exterior_node_tokens"], *(hole["node_tokens"] for hole in row["holes"])]
        return [np.array([self._nodes[node] for node in group]) for group in groups]


def _pixels(image: npt.NDArray[np.uint8], points_m: Array) -> npt.NDArray[np.int32]:
    """OpenCV's coordinates, with fractional bits, of points (N, 2) in map metres; it counts from pixel centres."""
    height = image.shape[0]
    placed = np.stack([points_m[:, 0] * PIXELS_PER_M, height - points_m[:, 1] * PIXELS_PER_M], axis=1) - 0.5
    return np.round(placed * (1 << _SHIFT)).astype(np.int32)


def _fill(image: npt.NDArray[np.uint8], rings_m: Sequence[Array], colour: tuple[int, int, int]) -> None:
    cv2.fillPoly(image, [_pixels(image, ring) for ring in rings_m], colour, lineType=cv2.LINE_AA, shift=_SHIFT)


def _fill_each(image: npt.NDArray[np.uint8], shapes_m: Iterable[Array], colour: tuple[int, int, int]) -> None:
    for shape in shapes_m:
        _fill(image, [shape], colour)


def _marks(network: Network) -> Iterator[_Paint]:
    """Painted lines; none in junctions, where files repeat them all over."""
    for road in network.roads:
        if road.junction < 0:
            for section in road.sections:
                yield from _section_marks(section)


def _section_marks(section: Section) -> Iterator[_Paint]:
    painted = {0: section.centre_marks, **{lane.id: lane.marks for lane in section.lanes.values()}}
    for edge_id, marks in painted.items():
        for mark, line, s_m, lefts in _spans(section, edge_id, marks):
            colour = _YELLOW if mark.color == "yellow" else _WHITE
            for side, kind in _lines(mark.kind):
                shifted = line + lefts * (side * _APART_M)
                width = _THIN_PX if side else _LINE_PX
                pieces = _dashes(shifted, s_m) if kind == "broken" else (shifted,)
                yield from ((piece, colour, width) for piece in pieces)


def _spans(section: Section, edge_id: int, marks: Sequence[Mark]) -> Iterator[tuple[Mark, Array, Array, Array]]:
    """Stretches of an edge with one mark: the mark, the edge (N, 2), its stations (N,) and normals (N, 2)."""
    found = [mark_at(marks, float(s)) for s in section.s_m]
    starts = [k for k in range(len(found)) if k == 0 or found[k] is not found[k - 1]]
    for first, last in zip(starts, [*starts[1:], len(found) - 1], strict=True):
        mark = found[first]
        if mark is not None and last > first:
            part = slice(first, last + 1)
            yield mark, section.edges_m[edge_id][part], section.s_m[part], section.lefts[part]


def _lines(kind: str) -> list[tuple[int, str]]:
    """The lines that a mark consists of: how far to the left, in units of half their distance, and which kind."""
    words = [word for word in kind.split() if word in ("solid", "broken")]
    if len(words) == 2:
        return [(1, words[0]), (-1, words[1])]
    return [(0, word) for word in words]


def _dashes(line_m: Array, s_m: Array) -> Iterator[Array]:
    for start in np.arange(s_m[0] + _DASH_M, s_m[-1] - _DASH_M, _DASH_EVERY_M):
        stations = np.linspace(start, start + _DASH_M, 4)
        yield np.stack([np.interp(stations, s_m, line_m[:, axis]) for axis in (0, 1)], axis=1)


def _bars(outline_m: Array) -> Iterable[Array]:
    """The bars of a zebra crossing or a give-way line, along the shorter sides of its outline."""
    corners = cv2.boxPoints(cv2.minAreaRect(outline_m.astype(np.float32))).astype(np.float64)
    if np.linalg.norm(corners[1] - corners[0]) > np.linalg.norm(corners[2] - corners[1]):
        corners = np.roll(corners, 1, axis=0)
    across, way = corners[1] - corners[0], corners[2] - corners[1]
    length = float(np.linalg.norm(way))
    for start in np.arange(_BAR_M / 2, length - _BAR_M / 2, _BAR_EVERY_M):
        begin, end = (corners[0] + way * (t / length) for t in (start, min(start + _BAR_M, length)))
        yield np.array([begin, begin + across, end + across, end])
