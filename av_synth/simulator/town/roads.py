"""Roads, lanes, junctions and signals: the one description that the OpenDRIVE text and the mesh are made from.

Lane ids are OpenDRIVE's: -1, -2, ... to the right of the reference line going out from it, 1, 2, ... to the left.
Traffic on the right-hand lanes travels along the reference line, on the left-hand lanes against it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.town.reference import SAGITTA_M, ReferenceLine

LINE_WIDTH_M = 0.15
_TAPER_STEP_M = 0.25  # chords of a bay's smooth step then stay within a centimetre; longer tapers need fewer

Contact = Literal["start", "end"]
RoadKind = Literal["town", "motorway", "rural"]
SignalKind = Literal["1000001", "205", "206", "274", "136", "350"]
"""Type of a signal: OpenDRIVE's of a traffic light, else the number of a sign in Germany's catalogue."""
TRAFFIC_LIGHT: Final = "1000001"
GIVE_WAY: Final = "205"
STOP: Final = "206"
SPEED_LIMIT: Final = "274"
CHILDREN: Final = "136"
CROSSWALK: Final = "350"


class LaneKind(Enum):
    """Type of a lane, in OpenDRIVE's words."""

    DRIVING = "driving"
    PARKING = "parking"
    SIDEWALK = "sidewalk"
    SHOULDER = "shoulder"
    BORDER = "border"  # a verge of gravel and grass, level with the road
    NONE = "none"  # grass between carriageways of one road


PAVED = frozenset({LaneKind.DRIVING, LaneKind.PARKING, LaneKind.SHOULDER})
"""Lanes that are carriageway."""


class Mark(Enum):
    """Road marking on a lane's outer edge (or on the centre line): OpenDRIVE's type, colour and lane change."""

    NONE = ("none", "standard", "none")
    EDGE = ("solid", "white", "none")
    LANE = ("broken", "white", "both")
    GUIDE = ("broken", "white", "none")
    CENTRE = ("broken", "yellow", "none")
    DOUBLE_CENTRE = ("solid solid", "yellow", "none")


@dataclass(frozen=True)
class Lane:
    """A lane; its inner edge is the outer edge of the lane before it.

    Attributes:
        width: a, b, c, d of its width a + b ds + c ds^2 + d ds^3, in metres, ds from the start of its section.
        mark: on its outer edge.
        speed_kmh: a limit of its own, if it is not the road's.
    """

    kind: LaneKind
    width: tuple[float, float, float, float]
    mark: Mark = Mark.NONE
    speed_kmh: float | None = None

    @staticmethod
    def of(kind: LaneKind, width_m: float, mark: Mark = Mark.NONE) -> Lane:
        """A lane of constant width."""
        return Lane(kind, (width_m, 0.0, 0.0, 0.0), mark)

    @property
    def tapers(self) -> bool:
        """Whether its width changes."""
        return any(self.width[1:])

    def width_m(self, ds_m: Array) -> Array:
        """(N,) widths at distances (N,) from the start of the section."""
        a, b, c, d = self.width
        return a + ds_m * (b + ds_m * (c + ds_m * d))

    def bend_1pm(self, length_m: float) -> float:
        """Greatest second derivative of its width over a section of this length."""
        _, _, c, d = self.width
        return max(abs(2 * c), abs(2 * c + 6 * d * length_m))


@dataclass(frozen=True)
class Section:
    """A stretch of road with the same lanes, from `s_m` on; lanes are listed from the reference line outwards."""

    s_m: float
    left: tuple[Lane, ...]
    right: tuple[Lane, ...]
    centre_mark: Mark = Mark.NONE


@dataclass(frozen=True)
class RoadEnd:
    """An end of a road that another road meets: the road, its 'start' or 'end', and the lanes met, inside out.

    `lane_ids` are met by the lanes on the right, `left_ids` by those on the left; 0 is no lane.
    """

    road_id: int
    contact: Contact
    lane_ids: tuple[int, ...]
    left_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Signal:
    """A traffic light (type 1000001) or sign beside a road, for the traffic of lanes `lanes` (from, to).

    Attributes:
        id: unique in the town; traffic light actors carry it.
        along: whether it is for traffic that travels along the reference line.
        value: km/h of a speed limit sign, else -1.
    """

    id: str
    kind: SignalKind
    s_m: float
    t_m: float
    along: bool
    lanes: tuple[int, int]
    value: float = -1.0


@dataclass(frozen=True)
class Tunnel:
    """A stretch of road under a roof."""

    id: str
    name: str
    s_m: float
    length_m: float


@dataclass(frozen=True)
class Crosswalk:
    """A zebra crossing over a whole road: its middle line and width along the road."""

    id: str
    s_m: float
    along_m: float
    across_m: float


@dataclass(frozen=True)
class Road:
    """A road, or one path through a junction (`junction_id` >= 0, right-hand lanes only).

    Attributes:
        begins_at, finishes_at: junction ids at the ends of an ordinary road.
        comes_from, goes_to: what a path through a junction joins, or a road that goes on without a junction.
        paved: whether it has ground and paint of its own; a path over a crossing has not.
    """

    id: int
    name: str
    line: ReferenceLine
    sections: tuple[Section, ...]
    speed_kmh: float
    junction_id: int = -1
    kind: RoadKind = "town"
    begins_at: int = -1
    finishes_at: int = -1
    comes_from: RoadEnd | None = None
    goes_to: RoadEnd | None = None
    signals: tuple[Signal, ...] = ()
    crosswalks: tuple[Crosswalk, ...] = ()
    stop_lines: tuple[tuple[float, bool], ...] = ()  # (s, for traffic along the reference line?)
    tunnels: tuple[Tunnel, ...] = ()
    paved: bool = True
    apron_m: float = 0.0  # width of raised paving to the left of the reference line, where there are no lanes

    def section_end_m(self, index: int) -> float:
        """Distance along the road at which section `index` ends."""
        return self.sections[index + 1].s_m if index + 1 < len(self.sections) else self.line.length_m

    def section_at(self, s_m: float) -> int:
        """Index of the section that a distance along the road is in."""
        return max(i for i, section in enumerate(self.sections) if section.s_m <= s_m + 1e-9)

    def edge_t_m(self, index: int, side: int, lanes: int, s_m: Array) -> Array:
        """Signed offsets t (N,) of the outer edge of the first `lanes` lanes of a side (1 left, -1 right)."""
        section = self.sections[index]
        chosen = (section.left if side > 0 else section.right)[:lanes]
        total: Array = np.zeros(len(s_m))
        for lane in chosen:
            total = total + lane.width_m(s_m - section.s_m)
        return side * total

    def section_stations(self, index: int, longest_m: float) -> Array:
        """Distances along the road at which a mesh of section `index` needs a cross-section."""
        section = self.sections[index]
        length_m = self.section_end_m(index) - section.s_m
        bend = sum(lane.bend_1pm(length_m) for lane in section.left + section.right)
        step = min(longest_m, max(_TAPER_STEP_M, math.sqrt(8.0 * SAGITTA_M / bend))) if bend else longest_m
        return np.array(self.line.stations(step, section.s_m, self.section_end_m(index)))


@dataclass(frozen=True)
class Connection:
    """One path through a junction: from an incoming road onto a connecting road, lane by lane (from, to)."""

    incoming_road: int
    connecting_road: int
    lane_links: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Junction:
    """Where roads meet.

    Attributes:
        outline: (N, 2) carriageway between the kerbs and the mouths, counter-clockwise, star-shaped from `centre`;
            empty where the paths have ground of their own.
        phases: for each phase of its traffic lights the ids of the signals that are green; empty without lights.
    """

    id: int
    name: str
    centre: tuple[float, float]
    connections: tuple[Connection, ...]
    outline: Array
    phases: tuple[tuple[str, ...], ...] = ()
