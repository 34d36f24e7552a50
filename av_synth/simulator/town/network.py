"""Builds a street network: streets between crossings; paths, pavement corners and lights inside the crossings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.town.reference import ReferenceLine, turn_between
from av_synth.simulator.town.roads import (
    GIVE_WAY,
    SPEED_LIMIT,
    STOP,
    TRAFFIC_LIGHT,
    Connection,
    Contact,
    Crosswalk,
    Junction,
    Lane,
    LaneKind,
    Mark,
    Road,
    RoadEnd,
    RoadKind,
    Section,
    Signal,
    SignalKind,
)

LANE_M = 3.5
PARKING_M = 2.3
PAVEMENT_M = 4.0
_KERB_RADIUS_M = 7.0
_CROSSWALK_M = 3.6
_CROSSWALK_GAP_M = 0.8  # between the mouth of the crossing and the zebra
_STOP_LINE_S_M = _CROSSWALK_GAP_M + _CROSSWALK_M + 1.0
TAPER_M = 4.0
POLE_T_M = 0.6  # poles of lights and signs stand this far behind the kerb
COMPASS = {"E": 0.0, "N": math.pi / 2, "W": math.pi, "S": -math.pi / 2}
_OPPOSITE = {"E": "W", "W": "E", "N": "S", "S": "N"}


@dataclass(frozen=True)
class Node:
    """A crossing at (x, y).

    Attributes:
        arms: maps a direction (E, N, W, S) to its driving lanes each way.
        lights: whether it has traffic lights.
        stops: arms whose traffic meets a STOP sign; without lights, the stem of a T gives way if it does not stop.
        zebras: whether crosswalks cross its arms; they do wherever there are lights.
    """

    id: int
    name: str
    x_m: float
    y_m: float
    arms: dict[str, int]
    lights: bool = False
    stops: tuple[str, ...] = ()
    zebras: bool = False

    def mouth_m(self, arm: str) -> float:
        """Distance from the middle to where an arm's road begins: clear of the kerb corners of the arms beside it."""
        beside = [lanes for other, lanes in self.arms.items() if (other in "EW") != (arm in "EW")]
        return max(beside) * LANE_M + _KERB_RADIUS_M

    def junction_id(self, arm: str) -> int:
        """Id of the OpenDRIVE junction that an arm's street meets: one for the whole crossing."""
        del arm
        return self.id

    def sign(self, arm: str) -> SignalKind | None:
        """What tells the traffic that comes by an arm to wait."""
        if self.lights:
            return TRAFFIC_LIGHT
        if arm in self.stops:
            return STOP
        return None if _OPPOSITE[arm] in self.arms else GIVE_WAY  # the stem of a T gives way

    def has_zebra(self, arm: str) -> bool:
        """Whether a crosswalk crosses an arm."""
        del arm
        return self.lights or self.zebras

    def lay_out(self, streets: Sequence[Road]) -> tuple[list[Road], list[Junction]]:
        """Work out the roads and the junctions of the crossing, given all streets."""
        paths, junction = _Crossing(self, streets).build()
        return paths, [junction]


@dataclass(frozen=True)
class Street:
    """A street from one crossing's arm to another's.

    Attributes:
        path: continues the reference line from the first mouth; ends on the tangent of the last straight.
        parking: (from, to) distances along the street between which both sides have parking bays, or None.
        speed_signs: distances s and whether along the street, where a speed limit sign stands.
        zebras: distances s of crosswalks without lights between the crossings.
        signs: distances s, whether along the street, and the kind of further signs.
        sections: its lanes, where they are not those of a street with pavements.
    """

    id: int
    name: str
    begins: tuple[int, str]
    finishes: tuple[int, str]
    speed_kmh: float
    path: Callable[[ReferenceLine], ReferenceLine] = field(default=lambda line: line)
    parking: tuple[float, float] | None = None
    speed_signs: tuple[tuple[float, bool], ...] = ()
    zebras: tuple[float, ...] = ()
    signs: tuple[tuple[float, bool, SignalKind], ...] = ()
    sections: tuple[Section, ...] = ()
    kind: RoadKind = "town"


@dataclass(frozen=True)
class Network:
    """Streets and paths through crossings (`roads`), and the crossings."""

    roads: tuple[Road, ...]
    junctions: tuple[Junction, ...]


def build(nodes: Sequence[Node], streets: Sequence[Street]) -> Network:
    """Lay out a network.

    Raises:
        ValueError: if a street does not end smoothly at its crossing, or an arm has no or two streets.
    """
    by_id = {node.id: node for node in nodes}
    roads = [_street_road(street, by_id) for street in streets]
    junctions: list[Junction] = []
    for node in nodes:
        paths, met = node.lay_out(roads)
        roads += paths
        junctions += met
    return Network(tuple(roads), tuple(junctions))


def _street_road(street: Street, nodes: dict[int, Node]) -> Road:
    first, last = nodes[street.begins[0]], nodes[street.finishes[0]]
    lanes = first.arms[street.begins[1]]
    if last.arms[street.finishes[1]] != lanes:
        raise ValueError(f"{street.name}: {lanes} lanes at one end, {last.arms[street.finishes[1]]} at the other")
    heading = COMPASS[street.begins[1]]
    reach = first.mouth_m(street.begins[1])
    line = ReferenceLine.at(first.x_m + math.cos(heading) * reach, first.y_m + math.sin(heading) * reach, heading)
    heading = COMPASS[street.finishes[1]]
    reach = last.mouth_m(street.finishes[1])
    line = street.path(line).line_to(last.x_m + math.cos(heading) * reach, last.y_m + math.sin(heading) * reach)
    ends = _ends(street, first, last, line.length_m)
    half_zebra = _CROSSWALK_GAP_M + _CROSSWALK_M / 2
    zebras = [(k, end.inset(half_zebra)) for k, end in enumerate(ends) if end.node.has_zebra(end.arm)]
    zebras += list(enumerate(street.zebras, start=2))
    return Road(
        id=street.id,
        name=street.name,
        line=line,
        sections=street.sections or _street_sections(lanes, street.parking),
        speed_kmh=street.speed_kmh,
        kind=street.kind,
        begins_at=first.junction_id(street.begins[1]),
        finishes_at=last.junction_id(street.finishes[1]),
        signals=_street_signals(street, ends, lanes),
        crosswalks=tuple(Crosswalk(f"{street.id}{k}", s, _CROSSWALK_M, 2 * lanes * LANE_M) for k, s in zebras),
        stop_lines=tuple(
            (end.inset(_STOP_LINE_S_M), end.along) for end in ends if end.node.sign(end.arm) in (TRAFFIC_LIGHT, STOP)
        ),
    )


class _End(NamedTuple):
    """An end of a street: the crossing there, at which arm, whether traffic along the street comes by it, its s."""

    node: Node
    arm: str
    along: bool
    s_m: float

    def inset(self, by_m: float) -> float:
        """Distance along the street of what is this far from its end."""
        return self.s_m - by_m if self.along else by_m


def _ends(street: Street, first: Node, last: Node, length_m: float) -> tuple[_End, _End]:
    return _End(first, street.begins[1], False, 0.0), _End(last, street.finishes[1], True, length_m)


def _street_sections(lanes: int, parking: tuple[float, float] | None) -> tuple[Section, ...]:
    centre = Mark.DOUBLE_CENTRE if lanes > 1 else Mark.CENTRE
    driving = tuple(Lane.of(LaneKind.DRIVING, LANE_M, Mark.LANE) for _ in range(lanes - 1))
    kerb_lane = Lane.of(LaneKind.DRIVING, LANE_M)
    pavement = Lane.of(LaneKind.SIDEWALK, PAVEMENT_M)
    plain = (*driving, kerb_lane, pavement)
    if parking is None:
        return (Section(0.0, plain, plain, centre),)
    begins, ends = parking
    # smooth steps 3 w x^2 - 2 w x^3 from no bay to a bay and back
    square, cube = 3 * PARKING_M / TAPER_M**2, 2 * PARKING_M / TAPER_M**3
    sections = [Section(0.0, plain, plain, centre)]
    # sections of their own: CARLA finds the nearest lane by straight lines between a section's ends
    for s, width in (
        (begins, (0.0, 0.0, square, -cube)),
        (begins + TAPER_M, (PARKING_M, 0.0, 0.0, 0.0)),
        (ends - TAPER_M, (PARKING_M, 0.0, -square, cube)),
    ):
        bays = Lane(LaneKind.PARKING, width)
        lanes_there = (*driving, Lane.of(LaneKind.DRIVING, LANE_M, Mark.EDGE), bays, pavement)
        sections.append(Section(s, lanes_there, lanes_there, centre))
    return (*sections, Section(ends, plain, plain, centre))


def _street_signals(street: Street, ends: tuple[_End, _End], lanes: int) -> tuple[Signal, ...]:
    signals: list[Signal] = []
    for end in ends:
        kind = end.node.sign(end.arm)
        if kind is not None:
            name = f"{street.id}{len(signals) + 1:02d}"
            signals.append(_signal(name, kind, end.inset(_STOP_LINE_S_M), end.along, lanes))
    signals += [
        _signal(f"{street.id}{k + 50:02d}", SPEED_LIMIT, s, along, lanes, street.speed_kmh)
        for k, (s, along) in enumerate(street.speed_signs)
    ]
    signals += [
        _signal(f"{street.id}{k + 70:02d}", kind, s, along, lanes) for k, (s, along, kind) in enumerate(street.signs)
    ]
    return tuple(signals)


def _signal(signal_id: str, kind: SignalKind, s_m: float, along: bool, lanes: int, value: float = -1.0) -> Signal:
    t = lanes * LANE_M + POLE_T_M
    return Signal(signal_id, kind, s_m, -t if along else t, along, (-lanes, -1) if along else (1, lanes), value)


def streets_at(node: Node, streets: Sequence[Road]) -> dict[str, tuple[Road, Contact]]:
    """The street at each arm of a crossing, and which end of it.

    Raises:
        ValueError: if an arm has no or two streets.
    """
    found: dict[str, tuple[Road, Contact]] = {}
    for road in streets:
        ends: tuple[tuple[int, Contact, float], ...] = (
            (road.begins_at, "start", float(road.line.poses([0.0])[0, 2])),
            (road.finishes_at, "end", road.line.end[2] + math.pi),
        )
        for junction, contact, outward in ends:
            for arm in node.arms:
                if junction != node.junction_id(arm) or abs(math.remainder(COMPASS[arm] - outward, math.tau)) > 1e-6:
                    continue
                if arm in found:
                    raise ValueError(f"{node.name}: two streets at arm {arm}")
                found[arm] = (road, contact)
    if set(found) != set(node.arms):
        raise ValueError(f"{node.name}: arms {sorted(node.arms)}, streets only at {sorted(found)}")
    return found


def connection_of(path: Road) -> Connection:
    """The entry in its junction's table of a path through it."""
    if path.comes_from is None:
        raise ValueError(f"{path.name} comes from nowhere")
    links = tuple((lane, -k - 1) for k, lane in enumerate(path.comes_from.lane_ids))
    return Connection(path.comes_from.road_id, path.id, links)


class _Crossing:
    """Works out one crossing: paths from lane to lane, pavement corners, the kerb outline, the phases of the lights."""

    def __init__(self, node: Node, streets: Sequence[Road]) -> None:
        self.node = node
        self.arms = streets_at(node, streets)

    def build(self) -> tuple[list[Road], Junction]:
        paths: list[Road] = []
        connections = []
        for came in self.arms:
            for left in self.arms:
                if came != left:
                    for lane_in, lane_out in self._lane_pairs(came, left):
                        path = self._path(self.node.id * 100 + len(paths), came, left, lane_in, lane_out)
                        paths.append(path)
                        connections.append(connection_of(path))
        phases: tuple[tuple[str, ...], ...] = ()
        if self.node.lights:
            # one approach at a time, as CARLA's own towns do: left turns never meet oncoming traffic
            phases = tuple((self._light_id(arm),) for arm in sorted(self.arms, key=COMPASS.__getitem__))
        junction = Junction(
            self.node.id,
            self.node.name,
            (self.node.x_m, self.node.y_m),
            tuple(connections),
            self._outline(paths),
            phases,
        )
        return paths, junction

    def _lane_pairs(self, came: str, left: str) -> list[tuple[int, int]]:
        """Which lane leads to which, both counted from the middle: right keeps right, left keeps left, on stays."""
        lanes_in, lanes_out = self.node.arms[came], self.node.arms[left]
        turn = self._turn(came, left)
        if turn < 0:
            return [(lanes_in, lanes_out)]
        if turn > 0:
            return [(1, 1)]
        if lanes_in != lanes_out:
            raise ValueError(f"{self.node.name}: {lanes_in} lanes lead straight on into {lanes_out}")
        return [(k, k) for k in range(1, lanes_in + 1)]

    @staticmethod
    def _turn(came: str, left: str) -> int:
        """-1 for a right turn, 0 straight on, 1 a left turn."""
        angle = math.remainder(COMPASS[left] - COMPASS[came] - math.pi, 2 * math.pi)
        return 0 if abs(angle) < 1e-6 else (1 if angle > 0 else -1)

    def _pose(self, arm: str, lane: int, inward: bool) -> tuple[float, float, float]:
        """Where the inner edge of a lane crosses an arm's mouth, with the direction of travel."""
        out = COMPASS[arm]
        heading = out + math.pi if inward else out
        reach, aside = self.node.mouth_m(arm), (lane - 1) * LANE_M
        x = self.node.x_m + math.cos(out) * reach + math.sin(heading) * aside
        y = self.node.y_m + math.sin(out) * reach - math.cos(heading) * aside
        return x, y, math.remainder(heading, 2 * math.pi)

    def _path(self, road_id: int, came: str, left: str, lane_in: int, lane_out: int) -> Road:
        (road_in, contact_in), (road_out, contact_out) = self.arms[came], self.arms[left]
        sign_in, sign_out = (1 if contact_in == "start" else -1), (1 if contact_out == "end" else -1)
        lanes = [Lane.of(LaneKind.DRIVING, LANE_M)]
        ids_in, ids_out = [sign_in * lane_in], [sign_out * lane_out]
        turn = self._turn(came, left)
        beside = next(arm for arm in COMPASS if self._turn(came, arm) == -1 and arm != came)
        kerb_on_right = turn < 0 or (turn == 0 and lane_in == self.node.arms[came] and beside not in self.arms)
        if kerb_on_right:
            lanes.append(road_in.sections[0].right[-1])  # what lies at the kerb goes round the corner
            ids_in.append(sign_in * (self.node.arms[came] + 1))
            ids_out.append(sign_out * (self.node.arms[left] + 1))
        return Road(
            id=road_id,
            name=f"{self.node.name} {came}{left}",
            line=turn_between(self._pose(came, lane_in, inward=True), self._pose(left, lane_out, inward=False)),
            sections=(Section(0.0, (), tuple(lanes)),),
            speed_kmh=min(road_in.speed_kmh, road_out.speed_kmh),
            junction_id=self.node.id,
            comes_from=RoadEnd(road_in.id, contact_in, tuple(ids_in)),
            goes_to=RoadEnd(road_out.id, contact_out, tuple(ids_out)),
            paved=False,
        )

    def _outline(self, paths: Sequence[Road]) -> Array:
        """Kerb after kerb, counter-clockwise; the straight mouths between them come by themselves."""
        kerbs = []
        for path in paths:
            if len(path.sections[0].right) == 2:
                s = path.section_stations(0, 8.0)
                kerbs.append(path.line.points(s, path.edge_t_m(0, -1, 1, s)))
        centre = np.array([self.node.x_m, self.node.y_m])

        def angle(kerb: Array) -> float:
            x, y = kerb[len(kerb) // 2] - centre
            return math.atan2(y, x)

        return np.concatenate(sorted(kerbs, key=angle))

    def _light_id(self, arm: str) -> str:
        road, contact = self.arms[arm]
        return next(s.id for s in road.signals if s.kind == TRAFFIC_LIGHT and s.along == (contact == "end"))
