"""Motorway carriageways: one-way roads in a ring, each with a rest area between an exit and an entry.

A carriageway's reference line is the left edge of its left lane. The exit lane opens beside the right lane and leaves
as a lane of the same road, with grass growing between; the entry lane comes back the same way, runs beside the right
lane and ends in a junction whose two paths, straight on and over to the left, become one lane.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from av_synth.simulator.town.network import LANE_M, POLE_T_M
from av_synth.simulator.town.reference import ReferenceLine
from av_synth.simulator.town.roads import (
    SPEED_LIMIT,
    Connection,
    Junction,
    Lane,
    LaneKind,
    Mark,
    Road,
    RoadEnd,
    Section,
    Signal,
    Tunnel,
)

_INNER_SHOULDER_M, SHOULDER_M = 1.0, 2.5
GORE_M = 7.0  # of grass between motorway and rest area
_RAMP_KMH = 60.0
# along the road with the rest area
TAPER_M, _SLOW_LANE_M, _APART_M, _REST_M, _FAST_LANE_M = 50.0, 150.0, 80.0, 50.0, 160.0
EXIT_S_M = 40.0
APART_S_M = EXIT_S_M + TAPER_M + _SLOW_LANE_M
REST_S_M = APART_S_M + _APART_M
_TOGETHER_S_M = REST_S_M + _REST_M
_FAST_S_M = _TOGETHER_S_M + _APART_M
MERGE_S_M = _FAST_S_M + _FAST_LANE_M
MERGE_M = 70.0
_PARTS = 5  # sections to a taper: CARLA finds the nearest lane by straight lines between a section's ends

Cubic = tuple[float, float, float, float]
_LEFT = (Lane.of(LaneKind.SHOULDER, _INNER_SHOULDER_M),)


@dataclass(frozen=True)
class Stretch:
    """A piece of a carriageway between two other roads."""

    name: str
    line: ReferenceLine
    speed_kmh: float
    tunnels: tuple[Tunnel, ...] = ()


def carriageway(
    first_id: int, junction_id: int, lanes: int, rest: Stretch, others: Sequence[Stretch]
) -> tuple[list[Road], Junction]:
    """A closed one-way ring: the road with the rest area, the junction where its entry ends, and the others in turn.

    Args:
        first_id: id of the first road; the others count on from it.
        junction_id: of the junction; its paths are numbered from a hundred times it.
        lanes: through lanes.
        rest: the straight with the rest area, `MERGE_S_M` + `MERGE_M` long, which the junction takes the end of.
        others: the stretches that follow, each from where the one before ended; the last ends where `rest` begins.
    """
    main = tuple(range(-1, -lanes - 2, -1))  # the lanes and the hard shoulder
    ids = [first_id + k for k in range(len(others) + 1)]
    x, y, heading = (float(v) for v in rest.line.poses([0.0])[0])
    line = ReferenceLine.at(x, y, heading).line(MERGE_S_M)
    first = Road(
        id=ids[0],
        name=rest.name,
        line=line,
        sections=_rest_sections(lanes),
        speed_kmh=rest.speed_kmh,
        kind="motorway",
        finishes_at=junction_id,
        comes_from=RoadEnd(ids[-1], "end", main, (1,)),
        signals=(
            _limit(ids[0], 1, 6.0, rest.speed_kmh, (-lanes, -1)),
            _limit(ids[0], 2, APART_S_M - 4.0, _RAMP_KMH, (-lanes - 1, -lanes - 1)),
        ),
    )
    roads = [first, *_merge(first, ids[1], junction_id, lanes)]
    for k, stretch in enumerate(others):
        following = ids[(k + 2) % len(ids)]
        roads.append(
            Road(
                id=ids[k + 1],
                name=stretch.name,
                line=stretch.line,
                sections=(Section(0.0, _LEFT, _plain(lanes), Mark.EDGE),),
                speed_kmh=stretch.speed_kmh,
                kind="motorway",
                begins_at=-1 if k else junction_id,
                comes_from=RoadEnd(ids[k], "end", main, (1,)) if k else None,
                goes_to=RoadEnd(following, "start", main, (1,)),
                signals=(_limit(ids[k + 1], 1, 6.0, stretch.speed_kmh, (-lanes, -1)),),
                tunnels=stretch.tunnels,
            )
        )
    through, merging = roads[1], roads[2]
    links = tuple((lane, lane) for lane in (*main[:-1], -lanes - 2))
    connections = (Connection(ids[0], through.id, links), Connection(ids[0], merging.id, ((-lanes - 1, -1),)))
    middle = through.line.point(MERGE_M / 2, -LANE_M * (lanes - 1))
    return roads, Junction(junction_id, f"{rest.name} Entry", middle, connections, np.empty((0, 2)))


def _merge(first: Road, following_id: int, junction_id: int, lanes: int) -> list[Road]:
    """The two paths where the entry lane ends: straight on, and from the entry lane over into the right lane."""
    x, y, heading = first.line.end
    entry_x, entry_y = first.line.point(MERGE_S_M, -lanes * LANE_M)
    half_turn = 2.0 * math.atan(LANE_M / MERGE_M)
    radius = MERGE_M / (2.0 * math.sin(half_turn))
    over = ReferenceLine.at(entry_x, entry_y, heading).arc(half_turn, radius).arc(-half_turn, radius)
    hard, main = Lane.of(LaneKind.SHOULDER, SHOULDER_M), tuple(range(-1, -lanes - 1, -1))
    through = Road(
        id=junction_id * 100,
        name=f"{first.name} Through",
        line=ReferenceLine.at(x, y, heading).line(MERGE_M),
        sections=tuple(
            Section(s, _LEFT, (*_lanes(lanes, Mark.GUIDE), Lane(LaneKind.SHOULDER, width, Mark.EDGE), hard), Mark.EDGE)
            for s, width in _eased(0.0, MERGE_M, LANE_M, 0.0)
        ),
        speed_kmh=first.speed_kmh,
        kind="motorway",
        junction_id=junction_id,
        comes_from=RoadEnd(first.id, "end", (*main, 0, -lanes - 2), (1,)),
        goes_to=RoadEnd(following_id, "start", (*main, 0, -lanes - 1), (1,)),
    )
    merging = Road(
        id=junction_id * 100 + 1,
        name=f"{first.name} Entry",
        line=over,
        sections=(Section(0.0, (), (Lane.of(LaneKind.DRIVING, LANE_M),)),),
        speed_kmh=first.speed_kmh,
        kind="motorway",
        junction_id=junction_id,
        comes_from=RoadEnd(first.id, "end", (-lanes - 1,)),
        goes_to=RoadEnd(following_id, "start", (-lanes,)),
        paved=False,
    )
    return [through, merging]


def _limit(road_id: int, number: int, s_m: float, kmh: float, lanes: tuple[int, int]) -> Signal:
    t = -lanes[0] * LANE_M + SHOULDER_M + POLE_T_M
    return Signal(f"{road_id}{number:02d}", SPEED_LIMIT, s_m, -t, True, lanes, kmh)


def _lanes(count: int, outer: Mark) -> tuple[Lane, ...]:
    """The through lanes; `outer` is painted on the right of the right one."""
    lane = Lane.of(LaneKind.DRIVING, LANE_M, Mark.LANE)
    return (lane,) * (count - 1) + (replace(lane, mark=outer),)


def _plain(lanes: int) -> tuple[Lane, ...]:
    return (*_lanes(lanes, Mark.EDGE), Lane.of(LaneKind.SHOULDER, SHOULDER_M))


def _rest_sections(lanes: int) -> tuple[Section, ...]:
    """From the start: exit lane opens, leaves; rest area; comes back; entry lane."""
    hard = Lane.of(LaneKind.SHOULDER, SHOULDER_M)
    beside = (*_lanes(lanes, Mark.LANE), Lane.of(LaneKind.DRIVING, LANE_M, Mark.EDGE), hard)
    sections = [(0.0, _plain(lanes))]
    for s, width in _eased(EXIT_S_M, TAPER_M, 0.0, LANE_M):
        sections.append((s, (*_lanes(lanes, Mark.LANE), Lane(LaneKind.DRIVING, width, Mark.EDGE), hard)))
    sections.append((EXIT_S_M + TAPER_M, beside))
    sections += _apart(lanes, APART_S_M, _APART_M, 0.0, 1.0)
    sections += _apart(lanes, REST_S_M, 0.0, 1.0, 1.0)
    sections += _apart(lanes, _TOGETHER_S_M, _APART_M, 1.0, 0.0)
    sections.append((_FAST_S_M, beside))
    return tuple(Section(s, _LEFT, right, Mark.EDGE) for s, right in sections)


def _apart(lanes: int, s_m: float, length_m: float, begins: float, ends: float) -> list[tuple[float, tuple[Lane, ...]]]:
    """Sections with the exit or entry lane apart: shares of the hard shoulder and the grass between, from and to."""
    ramp = replace(Lane.of(LaneKind.DRIVING, LANE_M, Mark.EDGE), speed_kmh=_RAMP_KMH)
    edge = Lane.of(LaneKind.SHOULDER, SHOULDER_M)
    return [
        (
            s,
            (
                *_lanes(lanes, Mark.EDGE),
                Lane(LaneKind.SHOULDER, _times(share, SHOULDER_M)),
                Lane(LaneKind.NONE, _times(share, GORE_M), Mark.EDGE),
                ramp,
                edge,
            ),
        )
        for s, share in _eased(s_m, length_m, begins, ends)
    ]


def _eased(s_m: float, length_m: float, begins: float, ends: float) -> list[tuple[float, Cubic]]:
    """A smooth step from one value to another, 3 u^2 - 2 u^3, in `_PARTS` cubics: where each begins, and it."""
    if begins == ends:
        return [(s_m, (begins, 0.0, 0.0, 0.0))]
    found = []
    for k in range(_PARTS):
        u, rise = k / _PARTS, ends - begins
        value = begins + rise * u * u * (3.0 - 2.0 * u)
        slope, bend = rise * 6.0 * u * (1.0 - u) / length_m, rise * (3.0 - 6.0 * u) / length_m**2
        found.append((s_m + k * length_m / _PARTS, (value, slope, bend, -2.0 * rise / length_m**3)))
    return found


def _times(cubic: Cubic, factor: float) -> Cubic:
    a, b, c, d = (v * factor for v in cubic)
    return a, b, c, d
