"""The town's ground around the ego's way, from the run's OpenDRIVE: lanes by their kind, kerbs, paint, crossings.

Everything is quadrilaterals. Heights are those of the reference lines; what a file says of superelevation and of the
shapes of lanes across the road is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from av_synth.export.nuscenes.map_lanes import DRIVABLE, PAVEMENT, Network, Section
from av_synth.export.nuscenes.map_reading import read_network
from av_synth.export.nuscenes.map_signs import read_crossings
from av_synth.export.scene import Scene
from av_synth.geometry.transforms import Array
from av_synth.report.road_picture import KERB, YELLOW, dashes, lines, stripes
from av_synth.report.viewer.pack import Pack
from av_synth.store import OPENDRIVE

KINDS = ("road", "parking", "sidewalk", "other", "paint", "yellow", "kerb")
"""What a quadrilateral is, by its number in the array `town_kinds`."""

_REACH_M, _STEP_M = 160.0, 5.0
_LINE_M, _KERB_M = 0.14, 0.18
_PARKED_ON = frozenset({"parking", "shoulder", "stop"})
# what lies over what, metres: nothing flickers where lanes of two roads cover the same ground
_LIFT_M = {
    "other": -0.03,
    "sidewalk": -0.02,
    "parking": -0.01,
    "road": 0.0,
    "kerb": 0.02,
    "paint": 0.03,
    "yellow": 0.03,
}


def add_town(pack: Pack, scene: Scene, origin: Array, way: Array) -> None:
    """Add the ground within 160 m of the ego's way (N, 2), world metres, as quadrilaterals from `origin`.

    Raises:
        DataError: if the run's OpenDRIVE cannot be parsed.
    """
    network = read_network(scene.run_id, scene.run.path(OPENDRIVE).read_text(encoding="utf-8"))
    found = list(_quads(network))
    kinds = np.concatenate([np.full(len(quads), KINDS.index(kind)) for kind, quads in found] or [np.empty(0)])
    quads = np.concatenate([quads for _, quads in found] or [np.empty((0, 4, 3))])
    if len(quads):
        near = _near(quads[:, :, :2].mean(axis=1), way)
        kinds, quads = kinds[near], quads[near] - origin
        quads[:, :, 2] += np.array([_LIFT_M[kind] for kind in KINDS])[kinds.astype(int), None]
    pack.add("town_kinds", kinds.astype(np.uint8))
    pack.add("town_quads", quads.astype(np.float32))
    pack.about["townKinds"] = KINDS


def _near(points: Array, way: Array) -> npt.NDArray[np.bool_]:
    """Which points (N, 2) are within reach of a way, looked at every few metres of it."""
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    marks = np.unique(np.floor(steps / _STEP_M), return_index=True)[1]
    near = np.zeros(len(points), dtype=bool)
    for place in way[marks]:
        near |= np.hypot(*(points - place).T) < _REACH_M
    return near


def _quads(network: Network) -> Iterator[tuple[str, Array]]:
    """Kind and quadrilaterals (N, 4, 3), world metres."""
    ground: list[Array] = []
    for road, element in zip(network.roads, network.root.iter("road"), strict=True):
        for flat in road.sections:
            section = _raised(flat, element)
            for lane in section.lanes.values():
                kind = _kind(lane.kind)
                if kind:
                    ground.append(section.quads(lane.id))
                    yield kind, ground[-1]
            for points, colour, broken in lines(section):
                if colour == KERB:
                    yield "kerb", _band(points, _KERB_M)
                    continue
                kind = "yellow" if colour == YELLOW else "paint"
                for piece in dashes(points) if broken else (points,):
                    yield kind, _band(piece, _LINE_M)
    if ground:
        corners = np.concatenate(ground).reshape(-1, 3)
        for outline in read_crossings(network):
            for stripe in stripes(outline):
                nearest = np.argmin(np.hypot(*(corners[:, :2] - stripe.mean(axis=0)).T))
                yield "paint", np.concatenate([stripe, np.full((4, 1), corners[nearest, 2])], axis=1)[None]


def _kind(lane: str) -> str:
    if lane in _PARKED_ON:
        return "parking"
    if lane in DRIVABLE:
        return "road"
    if lane in PAVEMENT:
        return "sidewalk"
    return "" if lane == "none" else "other"


def _raised(section: Section, road: ElementTree.Element) -> Section:
    """A section whose edges (N, 3) are as high as its reference line."""
    heights = np.zeros(len(section.s_m))
    for part in sorted(road.iterfind("elevationProfile/elevation"), key=lambda part: float(part.get("s") or 0)):
        s, a, b, c, d = (float(part.get(name) or 0) for name in "sabcd")
        along = section.s_m - s
        heights = np.where(along >= 0.0, a + along * (b + along * (c + along * d)), heights)
    edges = {key: np.concatenate([edge, heights[:, None]], axis=1) for key, edge in section.edges_m.items()}
    return replace(section, edges_m=edges)


def _band(points: Array, width_m: float) -> Array:
    """Quadrilaterals (N - 1, 4, 3) along a line (N, 3)."""
    points = points[np.concatenate([[True], np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1) > 1e-6])]
    if len(points) < 2:
        return np.empty((0, 4, 3))
    ahead = np.gradient(points[:, :2], axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    side = np.stack([-ahead[:, 1], ahead[:, 0], np.zeros(len(ahead))], axis=1) * (width_m / 2.0)
    left, right = points + side, points - side
    return np.stack([left[:-1], right[:-1], right[1:], left[1:]], axis=1)
