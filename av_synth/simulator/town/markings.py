"""Road paint as meshes: lane lines, parking bays, stop and give-way lines, zebra crossings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.network import LANE_M, PARKING_M
from av_synth.simulator.town.roads import GIVE_WAY, LINE_WIDTH_M, Crosswalk, Lane, LaneKind, Mark, Road, Signal
from av_synth.simulator.town.shapes import Look
from av_synth.simulator.town.surface import ribbon

PAINT_Z_M = 0.008  # above the asphalt: enough for a depth buffer, too little for a lidar
WHITE = (206, 206, 200)
YELLOW = (198, 156, 48)
DASH_M, GAP_M = 3.0, 6.0
_EDGE_STEP_M = 6.0
_BAY_LENGTH_M = 6.0
STOP_LINE_M = 0.4
_GIVE_WAY_INSET_M = 2.0
_AT_END_M = 2.0  # a zebra this near to a road's end is that of the crossing there
BAR_M = 0.5  # zebra bars and the gaps between them


def paint(roads: tuple[Road, ...]) -> Mesh:
    """All the paint of a network's streets; paths over crossings have none."""
    return Mesh.merge([part for road in roads if road.paved for part in _street(road)])


def _street(road: Road) -> Iterator[Mesh]:
    # lines begin and end at the stop lines, or at the zebras at the road's ends
    zebras = [(c.s_m - c.along_m / 2, c.s_m + c.along_m / 2) for c in road.crosswalks]
    starts = [end for begin, end in zebras if begin < _AT_END_M]
    ends = [begin for begin, end in zebras if end > road.line.length_m - _AT_END_M]
    clear_start = max((s for s, along in road.stop_lines if not along), default=max(starts, default=0.0))
    clear_end = min((s for s, along in road.stop_lines if along), default=min(ends, default=road.line.length_m))
    for index, section in enumerate(road.sections):
        low, high = max(section.s_m, clear_start), min(road.section_end_m(index), clear_end)
        if section.centre_mark is Mark.DOUBLE_CENTRE:
            yield from (_line(road, low, high, t, YELLOW) for t in (LINE_WIDTH_M, -LINE_WIDTH_M))
        elif section.centre_mark is Mark.EDGE:
            yield _line(road, low, high, 0.0, WHITE)
        elif section.centre_mark is not Mark.NONE:
            colour = WHITE if section.centre_mark is Mark.LANE else YELLOW
            yield from _dashes(road, low, high, 0.0, colour)
        for side, lanes in ((1, section.left), (-1, section.right)):
            for k, lane in enumerate(lanes):
                yield from _lane(road, index, lane, (low, high), k, side)
    half = _half_width_m(road)
    for s, along in road.stop_lines:
        yield _across(road, s, STOP_LINE_M, 0.0, -half if along else half)
    for signal in road.signals:
        if signal.kind == GIVE_WAY:
            yield from _give_way(road, signal, half)
    for crosswalk in road.crosswalks:
        yield from _zebra(road, crosswalk)


def _half_width_m(road: Road) -> float:
    return LANE_M * sum(lane.kind is LaneKind.DRIVING for lane in road.sections[0].right)


def _lane(road: Road, index: int, lane: Lane, span_m: tuple[float, float], k: int, side: int) -> Iterator[Mesh]:
    """The line on the outer edge of lane k of a side; the bays, if it is a parking lane."""
    section = road.sections[index]
    slants = any(inner.tapers for inner in (section.left if side > 0 else section.right)[: k + 1])
    t = float(road.edge_t_m(index, side, k + 1, np.array([section.s_m]))[0])
    if lane.mark in (Mark.LANE, Mark.GUIDE):
        yield from _dashes(road, *span_m, t, WHITE)  # lanes open and close beside such lines, which run straight
    elif lane.mark is Mark.EDGE and not slants:
        yield _line(road, *span_m, t, WHITE)
    elif lane.mark is Mark.EDGE:
        s = road.section_stations(index, _EDGE_STEP_M)
        s = np.unique(np.clip(s, *span_m))
        t_edge = road.edge_t_m(index, side, k + 1, s)
        look = Look(WHITE, Material.MARKING, Tag.ROAD_LINES)
        yield ribbon(road, s, t_edge + LINE_WIDTH_M / 2, t_edge - LINE_WIDTH_M / 2, PAINT_Z_M, look)
    if lane.kind is LaneKind.PARKING and not lane.tapers:
        yield from _bays(road, *span_m, side * k * LANE_M, side)


def _give_way(road: Road, signal: Signal, half_m: float) -> Iterator[Mesh]:
    """A row of short bars at the mouth of the crossing, or at the sign if a zebra lies between."""
    side, s = (-1, road.line.length_m - _GIVE_WAY_INSET_M) if signal.along else (1, _GIVE_WAY_INSET_M)
    if any(abs(crosswalk.s_m - s) < crosswalk.along_m for crosswalk in road.crosswalks):
        s = signal.s_m
    for t in np.arange(0.3, half_m - 0.5, 0.9):
        yield _across(road, s, STOP_LINE_M, side * float(t), side * (float(t) + 0.6))


def _line(road: Road, low_m: float, high_m: float, t_m: float, colour: tuple[int, int, int]) -> Mesh:
    s = np.array(road.line.stations(_EDGE_STEP_M, low_m, high_m))
    half = np.full(len(s), LINE_WIDTH_M / 2)
    return ribbon(road, s, t_m + half, t_m - half, PAINT_Z_M, Look(colour, Material.MARKING, Tag.ROAD_LINES))


def _dashes(road: Road, low_m: float, high_m: float, t_m: float, colour: tuple[int, int, int]) -> Iterator[Mesh]:
    for s in np.arange(low_m + GAP_M / 2, high_m - DASH_M, DASH_M + GAP_M):
        if any(abs(s + DASH_M / 2 - zebra.s_m) < (DASH_M + zebra.along_m) / 2 for zebra in road.crosswalks):
            continue
        yield _line(road, float(s), float(s) + DASH_M, t_m, colour)


def _across(road: Road, s_m: float, length_m: float, t_a_m: float, t_b_m: float) -> Mesh:
    """A bar from one offset to another, `length_m` along the road."""
    s = np.array([s_m - length_m / 2, s_m + length_m / 2])
    look = Look(WHITE, Material.MARKING, Tag.ROAD_LINES)
    return ribbon(road, s, np.full(2, t_a_m), np.full(2, t_b_m), PAINT_Z_M, look)


def _bays(road: Road, low_m: float, high_m: float, t_m: float, side: int) -> Iterator[Mesh]:
    """The lines between parking bays; a last bay that would be short is left open."""
    for s in np.arange(low_m, high_m + 0.1, _BAY_LENGTH_M):
        yield _across(road, float(s), 0.1, t_m, t_m + side * PARKING_M)


def _zebra(road: Road, crosswalk: Crosswalk) -> Iterator[Mesh]:
    half = crosswalk.across_m / 2
    for t in np.arange(-half + BAR_M / 2, half - BAR_M / 2, 2 * BAR_M):
        yield _across(road, crosswalk.s_m, crosswalk.along_m, float(t), float(t) + BAR_M)
