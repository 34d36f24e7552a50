"""Lanes, lane connectors and road blocks: the lanes of OpenDRIVE's sections joined where nothing changes for cars.

A block is all lanes of one direction of a road, for as long as they stay the same lanes: a new one begins where a lane
opens or ends. In a junction a block is a connecting road, and its lanes are lane connectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from av_synth.export.nuscenes.map_lanes import INSIDE_M, TIP_M, Mark, Network, Road
from av_synth.geometry.transforms import Array

LaneKey = tuple[int, int, int]
"""Road id, index of the section, lane id."""

_JOINED_M = 0.05
_HOP_M = 0.02
_TAPER_M = 1.0  # a lane that opens this soon after its block's start follows the lane before

# nuScenes has six names for what divides lanes, none for a single dashed line, and readers refuse others
_SEGMENT_TYPES = {
    "solid": "SINGLE_SOLID_WHITE",
    "solid solid": "DOUBLE_SOLID_WHITE",
    "solid broken": "DOUBLE_SOLID_WHITE",
    "broken solid": "DOUBLE_SOLID_WHITE",
    "broken": "DOUBLE_DASHED_WHITE",
    "broken broken": "DOUBLE_DASHED_WHITE",
    "botts dots": "DOUBLE_DASHED_WHITE",
}


@dataclass(frozen=True)
class Edge:
    """One side of a lane, in the direction of its traffic.

    Attributes:
        points_m: (N, 2) world metres.
        types: N names of what divides the lanes from each point on, as nuScenes has them.
    """

    points_m: Array
    types: tuple[str, ...]

    def reversed(self) -> Edge:
        """The same line the other way; a type then holds to the point before."""
        return Edge(self.points_m[::-1], (*self.types[-2::-1], self.types[0]) if self.types else ())


@dataclass(frozen=True)
class _Node:
    """A point (2,) of an edge at a station, and what divides the lanes from there on."""

    s_m: float
    point_m: Array
    name: str


@dataclass(frozen=True)
class CarLane:
    """A lane or lane connector.

    Attributes:
        keys: what it is made of, in the direction of its traffic; the first is its name.
        left, right: its sides, from where the lane has a width to where it has none.
        whole_m: its left and right side (N, 2) from the start of its block to the end, where they may be one line.
        stretches: points (N, 2) of its centre line, cut where the road's formula changes.
        opens, shuts: whether it begins or ends inside its block, by its width.
    """

    keys: tuple[LaneKey, ...]
    left: Edge
    right: Edge
    whole_m: tuple[Array, Array]
    stretches: tuple[Array, ...]
    opens: bool
    shuts: bool


@dataclass(frozen=True)
class Block:
    """The lanes of one direction of a road.

    Attributes:
        road: what it is on.
        along: whether its traffic goes in the direction of the reference line.
        sections: index of the first and the last section.
        lanes: from left to right in the direction of traffic.
    """

    road: Road
    along: bool
    sections: tuple[int, int]
    lanes: tuple[CarLane, ...]

    @property
    def name(self) -> LaneKey:
        """What tells the block from all others."""
        return self.lanes[0].keys[0]

    def edge_points(self, at_end: bool) -> list[Array]:
        """Points (2,) of the lane edges where the traffic comes in or goes out, from left to right."""
        k = -1 if at_end else 0
        points = [side[k] for lane in self.lanes for side in lane.whole_m]
        return [p for i, p in enumerate(points) if i == 0 or np.linalg.norm(p - points[i - 1]) > _JOINED_M]


class Welder:
    """Makes one of points that are all but the same, so that lanes that follow each other share nodes."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], list[Array]] = {}

    def __call__(self, point: Array) -> Array:
        """The point (2,) seen before within 5 cm, or this one."""
        column, row = int(point[0] // _JOINED_M), int(point[1] // _JOINED_M)
        for i in (column - 1, column, column + 1):
            for j in (row - 1, row, row + 1):
                for known in self._cells.get((i, j), ()):
                    if np.linalg.norm(known - point) < _JOINED_M:
                        return known
        self._cells.setdefault((column, row), []).append(point)
        return point

    def ends(self, points: Array) -> Array:
        """A line (N, 2) with its two ends welded."""
        welded = points.copy()
        welded[0], welded[-1] = self(points[0]), self(points[-1])
        return welded


def segment_type(marks: Sequence[Mark], s_m: float) -> str:
    """Name in nuScenes for what is painted at a station; NIL where nothing is, or a kerb."""
    mark = mark_at(marks, s_m)
    if mark is None:
        return "NIL"
    name = _SEGMENT_TYPES.get(mark.kind, "NIL")
    return "SINGLE_SOLID_YELLOW" if mark.color == "yellow" and "SOLID" in name else name


def mark_at(marks: Sequence[Mark], s_m: float) -> Mark | None:
    """What is painted at a station, if anything."""
    past = [mark for mark in marks if mark.s_m <= s_m + 2 * INSIDE_M]
    return past[-1] if past and past[-1].kind != "none" else None


def read_blocks(network: Network) -> list[Block]:
    """All blocks of a town, connecting roads included, in order of road."""
    weld = Welder()
    return [block for road in network.roads for along in (True, False) for block in _blocks(road, along, weld)]


def read_links(network: Network, blocks: Sequence[Block]) -> dict[LaneKey, list[LaneKey]]:
    """The lanes that follow each lane, by their names, as the reader of the run has it."""
    roads = network.by_id
    owner = {key: lane.keys[0] for block in blocks for lane in block.lanes for key in lane.keys}
    opening = {lane.keys[0] for block in blocks for lane in block.lanes if lane.opens}
    links: dict[LaneKey, list[LaneKey]] = {}
    for block in blocks:
        for lane in block.lanes:
            if lane.shuts:
                links[lane.keys[0]] = []
                continue
            road_id, index, lane_id = lane.keys[-1]
            s_m = roads[road_id].sections[index].s_m
            waypoint = network.world.get_waypoint_xodr(road_id, lane_id, float(s_m[-1] if block.along else s_m[0]))
            ahead = () if waypoint is None else waypoint.next(_HOP_M)
            keys = [(w.road_id, roads[w.road_id].section_at(w.s), w.lane_id) for w in ahead if w.road_id in roads]
            links[lane.keys[0]] = sorted({owner[key] for key in keys if key in owner} - opening)
    return links


def _blocks(road: Road, along: bool, weld: Welder) -> Iterator[Block]:
    chains: list[list[int]] = []
    first = 0
    for index in range(len(road.sections)):
        ids = [lane.id for lane in road.car_lanes(index) if road.along(lane.id) == along]
        lanes = road.sections[index - 1].lanes
        if chains and ids == [lanes[chain[-1]].after for chain in chains]:
            for chain, lane_id in zip(chains, ids, strict=True):
                chain.append(lane_id)
            continue
        if chains:
            yield _block(road, along, first, chains, weld)
        chains, first = [[lane_id] for lane_id in ids], index
    if chains:
        yield _block(road, along, first, chains, weld)


def _block(road: Road, along: bool, first: int, chains: Sequence[Sequence[int]], weld: Welder) -> Block:
    lanes = [_car_lane(road, along, first, chain, weld) for chain in chains]
    return Block(road, along, (first, first + len(chains[0]) - 1), tuple(lanes if along else reversed(lanes)))


def _car_lane(road: Road, along: bool, first: int, chain: Sequence[int], weld: Welder) -> CarLane:
    keys = [(road.id, first + k, lane_id) for k, lane_id in enumerate(chain)]
    start, end = (float(road.sections[keys[k][1]].s_m[k]) for k in (0, -1))
    low, high = _open_span(road, keys)
    late, early = low > start + _TAPER_M, high < end - _TAPER_M
    low, high = low if late else start, high if early else end
    nodes = [_side(road, keys, left) for left in (True, False)]
    whole = [weld.ends(np.array([node.point_m for node in side])) for side in nodes]
    inside = [[low <= node.s_m <= high for node in side] for side in nodes]
    edges = [
        Edge(line[kept], tuple(node.name for node, keep in zip(side, kept, strict=True) if keep))
        for side, line, kept in zip(nodes, whole, inside, strict=True)
    ]
    stretches = [stretch for key in keys for stretch in _stretches(road, key, low, high)]
    if along:
        return CarLane(tuple(keys), edges[0], edges[1], (whole[0], whole[1]), tuple(stretches), late, early)
    return CarLane(
        keys=tuple(reversed(keys)),
        left=edges[1].reversed(),
        right=edges[0].reversed(),
        whole_m=(whole[1][::-1], whole[0][::-1]),
        stretches=tuple(stretch[::-1] for stretch in reversed(stretches)),
        opens=early,
        shuts=late,
    )


def _open_span(road: Road, keys: Sequence[LaneKey]) -> tuple[float, float]:
    """First and last station between which a lane has a width, with the tips at its ends."""
    low, high = np.inf, -np.inf
    for _, index, lane_id in keys:
        section = road.sections[index]
        left, right = section.sides(lane_id)
        wide = np.flatnonzero(np.linalg.norm(left - right, axis=1) > TIP_M)
        if len(wide):
            low = min(low, float(section.s_m[max(0, wide[0] - 1)]))
            high = max(high, float(section.s_m[min(len(section.s_m) - 1, wide[-1] + 1)]))
    return low, high


def _side(road: Road, keys: Sequence[LaneKey], left: bool) -> list[_Node]:
    """One side, left or right along the reference line, without points that two sections share."""
    nodes: list[_Node] = []
    for _, index, lane_id in keys:
        section = road.sections[index]
        line, marks = section.sides(lane_id)[0 if left else 1], section.side_marks(lane_id)[0 if left else 1]
        for k in section.keep:
            s_m, point = float(section.s_m[k]), line[k]
            if nodes and np.linalg.norm(point - nodes[-1].point_m) < _JOINED_M:
                s_m, point = nodes.pop().s_m, point
            nodes.append(_Node(s_m, point, segment_type(marks, float(section.s_m[k]))))
    return nodes if len(nodes) > 1 else nodes * 2


def _stretches(road: Road, key: LaneKey, low_m: float, high_m: float) -> Iterator[Array]:
    """Centre line of one section of a lane along the reference line, between two stations, cut at the road's breaks."""
    _, index, lane_id = key
    section = road.sections[index]
    inside = (section.s_m >= low_m) & (section.s_m <= high_m)
    left, right = section.sides(lane_id)
    s_m, middle = section.s_m[inside], ((left + right) / 2)[inside]
    if len(s_m) > 1:
        cuts = sorted({int(np.argmin(np.abs(s_m - s))) for s in road.breaks_m} | {0, len(middle) - 1})
        for a, b in pairwise(cuts):
            yield middle[a : b + 1]
