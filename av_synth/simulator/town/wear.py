"""What lies flat on streets: gutters, drains, manhole covers, mended asphalt, and arrows before junctions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.markings import PAINT_Z_M, WHITE
from av_synth.simulator.town.network import LANE_M
from av_synth.simulator.town.roads import LaneKind, Road
from av_synth.simulator.town.shapes import Look, circle, flat, shade
from av_synth.simulator.town.surface import ASPHALT, ribbon

_PATCH_Z_M, _IRON_Z_M = 0.004, 0.006  # above the asphalt, below the paint
_GUTTER_M = 0.32
_STEP_M = 6.0
_DRAIN_EVERY_M = 24.0
_COVER_EVERY_M = 38.0
_PATCH_EVERY_M = 26.0
_BESIDE_ZEBRA_M = 1.0  # nor is there a cover so near to a zebra
_CLEAR_M = 9.0  # nothing is mended so near to a road's ends
_GUTTER = Look((98, 97, 94), Material.ASPHALT, Tag.ROADS)
_IRON, _RIM, _SLOT = (Look(c, Material.MATTE, Tag.ROADS) for c in ((62, 60, 58), (104, 102, 98), (26, 26, 28)))
_PAINT = Look(WHITE, Material.MARKING, Tag.ROAD_LINES)
_ARROW_S_M = (5.0, 24.0)  # before a stop line
_STRAIGHT = math.radians(30.0)

Turns = Mapping[tuple[int, int], set[int]]


def wear(roads: Sequence[Road], seed: int) -> list[Mesh]:
    """All of it, on the streets among some roads."""
    turns = _turns(roads)
    parts: list[Mesh] = []
    for road in roads:
        if road.paved and road.kind == "town" and road.junction_id < 0:
            rng = np.random.default_rng([seed, road.id])
            parts += [*_gutters(road), *_covers(road, rng), *_patches(road, rng), *_arrows(road, turns)]
    return parts


def _gutters(road: Road) -> Iterator[Mesh]:
    """A strip along each kerb, and drains in it."""
    for index, section in enumerate(road.sections):
        s = road.section_stations(index, _STEP_M)
        for side, lanes in ((1, section.left), (-1, section.right)):
            if not lanes or lanes[-1].kind is not LaneKind.SIDEWALK:
                continue
            t = road.edge_t_m(index, side, len(lanes) - 1, s)
            yield ribbon(road, s, t, t - side * _GUTTER_M, _PATCH_Z_M, _GUTTER)
            for at in np.arange(s[0] + 5.0, s[-1] - 2.0, _DRAIN_EVERY_M):
                edge = float(np.interp(at, s, t)) - side * 0.03
                yield _plate(road, float(at), edge, 0.46, -side * 0.3, _IRON)
                for k in (-0.14, 0.0, 0.14):
                    yield _plate(road, float(at) + k, edge - side * 0.05, 0.06, -side * 0.2, _SLOT, 0.001)


def _plate(
    road: Road, s_m: float, t_m: float, along_m: float, across_m: float, look: Look, lift_m: float = 0.0
) -> Mesh:
    s = np.array([s_m - along_m / 2, s_m + along_m / 2])
    return ribbon(road, s, np.full(2, t_m), np.full(2, t_m + across_m), _IRON_Z_M + lift_m, look)


def _covers(road: Road, rng: np.random.Generator) -> Iterator[Mesh]:
    fan = [[0, k, k + 1] for k in range(1, 7)]
    for s in np.arange(_CLEAR_M, road.line.length_m - _CLEAR_M, _COVER_EVERY_M):
        at, t = float(s + rng.uniform(0.0, 20.0)), float(rng.uniform(-LANE_M + 0.6, LANE_M - 0.6))
        if at < road.line.length_m - _CLEAR_M and not _on_zebra(road, at):
            x, y = road.line.point(at, t)
            yield flat(circle(x, y, 0.36, 8), fan, _IRON_Z_M, _RIM)
            yield flat(circle(x, y, 0.3, 8), fan, _IRON_Z_M + 0.001, _IRON)


def _on_zebra(road: Road, s_m: float) -> bool:
    return any(abs(s_m - zebra.s_m) < zebra.along_m / 2 + _BESIDE_ZEBRA_M for zebra in road.crosswalks)


def _patches(road: Road, rng: np.random.Generator) -> Iterator[Mesh]:
    """Where a trench was dug or a hole filled, with a seam around."""
    for s in np.arange(_CLEAR_M, road.line.length_m - _CLEAR_M, _PATCH_EVERY_M):
        if rng.random() < 0.5:
            continue
        long = rng.random() < 0.4
        half_s, half_t = (float(rng.uniform(4.0, 9.0)), 0.35) if long else (float(v) for v in rng.uniform(0.5, 1.5, 2))
        at = float(s) + float(rng.uniform(0.0, 8.0)) + half_s
        t = float(rng.uniform(-LANE_M + 1.6, LANE_M - 1.6))
        if at + half_s > road.line.length_m - _CLEAR_M:
            continue
        stations = np.array(road.line.stations(_STEP_M, at - half_s, at + half_s))
        tone = shade(ASPHALT, float(rng.choice([0.78, 0.86, 1.14, 1.22])))
        for grown, z, colour in ((0.03, 0.0, shade(ASPHALT, 0.7)), (0.0, 0.001, tone)):
            half = np.full(len(stations), half_t + grown)
            look = Look(colour, Material.ASPHALT, Tag.ROADS)
            yield ribbon(road, stations, t + half, t - half, _PATCH_Z_M + z, look)


def _turns(roads: Sequence[Road]) -> Turns:
    """Which ways lead on from a lane of a road: -1 right, 0 straight on, 1 left."""
    found: dict[tuple[int, int], set[int]] = defaultdict(set)
    for path in roads:
        if path.comes_from is not None:
            start, end = float(path.line.poses([0.0])[0, 2]), path.line.end[2]
            angle = math.remainder(end - start, math.tau)
            way = 0 if abs(angle) < _STRAIGHT else (1 if angle > 0 else -1)
            found[path.comes_from.road_id, path.comes_from.lane_ids[0]].add(way)
    return found


def _arrows(road: Road, turns: Turns) -> Iterator[Mesh]:
    """Arrows in the lanes before stop lines, where there are several to choose from."""
    lanes = sum(lane.kind is LaneKind.DRIVING for lane in road.sections[0].right)
    if lanes < 2:
        return
    for s, along in road.stop_lines:
        side = -1 if along else 1
        for lane in range(1, lanes + 1):
            ways = turns.get((road.id, side * lane), set())
            for back in _ARROW_S_M:
                foot = s - back - 4.0 if along else s + back + 4.0
                if ways and 0.0 < foot < road.line.length_m:
                    yield from _arrow(road, foot, side, (lane - 0.5) * LANE_M, ways)


def _arrow(road: Road, foot_m: float, side: int, aside_m: float, ways: set[int]) -> Iterator[Mesh]:
    """An arrow 4 m long whose foot is at a distance along the road, in the direction of a lane's traffic."""
    heading = float(road.line.poses([foot_m])[0, 2]) + (0.0 if side < 0 else math.pi)
    x, y = road.line.point(foot_m, side * aside_m)
    c, s = math.cos(heading), math.sin(heading)

    def shape(corners: Sequence[tuple[float, float]]) -> Mesh:
        points = np.array([[x + c * u - s * v, y + s * u + c * v] for u, v in corners])
        return flat(points, [[0, k, k + 1] for k in range(1, len(corners) - 1)], PAINT_Z_M, _PAINT)

    straight = 0 in ways
    yield shape([(0.0, -0.07), (2.8 if straight else 2.0, -0.07), (2.8 if straight else 2.0, 0.07), (0.0, 0.07)])
    if straight:
        yield shape([(2.8, -0.28), (4.0, 0.0), (2.8, 0.28)])
    for way in sorted(ways - {0}):
        yield shape([(1.5, 0.0), (1.9, 0.0), (2.3, way * 0.55), (2.0, way * 0.62)])
        yield shape([(1.75, way * 0.5), (2.55, way * 0.4), (2.35, way * 1.05)])
