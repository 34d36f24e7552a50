"""The lanes of a town, as the map picture and the map expansion need them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from xml.etree import ElementTree

import carla
import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array

CAR_LANES = frozenset({"driving", "entry", "exit", "onRamp", "offRamp", "connectingRamp"})
"""Lane types that cars drive along: lanes and lane connectors of the map expansion."""

DRIVABLE = CAR_LANES | {"bidirectional", "parking", "shoulder", "stop", "bus", "taxi", "HOV"}
"""Lane types that a car can stand on."""

PAVEMENT = frozenset({"sidewalk", "walking"})

GROUND = DRIVABLE | PAVEMENT | {"biking", "border", "curb", "tram", "restricted"}
"""Everything between the buildings, kerbs and borders too, so that no slit stays open in the map picture."""

PATCH_M2 = 50.0
"""A hole in the ground that is smaller is none: it is a patch amid a junction that no lane crosses."""

INSIDE_M = 1e-3
"""How far inside a section its ends are read: at the border itself the reader may answer for the neighbour."""

TIP_M = 0.05
"""A lane narrower than this is not there."""


@dataclass(frozen=True)
class Mark:
    """What is painted from a station on, until the next mark.

    Attributes:
        s_m: where it begins along the road.
        kind: OpenDRIVE's road mark type, such as "solid", "broken", "solid solid", "none".
        color: OpenDRIVE's colour; "standard" is white.
    """

    s_m: float
    kind: str
    color: str


@dataclass(frozen=True)
class Lane:
    """A lane of one lane section.

    Attributes:
        id: positive on the left of the reference line, growing outwards; negative on the right.
        kind: OpenDRIVE's lane type.
        inner: id of the neighbour towards the reference line; 0 is the line itself.
        after: id of the lane that continues it in the next section of the same road.
        marks: what is painted on its outer edge.
    """

    id: int
    kind: str
    inner: int
    after: int | None
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Section:
    """A stretch of road with the same lanes all along.

    Attributes:
        s_m: (N,) stations.
        edges_m: by lane id, (N, 2) outer edge of the lane in world metres; 0 is the reference line.
        lefts: (N, 2) unit vectors across the road, to the left.
        lanes: by id, from left to right in the direction of the reference line.
        centre_marks: what is painted on the reference line.
        keep: indices of the stations that a polyline of the edges needs.
    """

    s_m: Array
    edges_m: Mapping[int, Array]
    lefts: Array
    lanes: Mapping[int, Lane]
    centre_marks: tuple[Mark, ...]
    keep: npt.NDArray[np.int_]

    def side_ids(self, lane_id: int) -> tuple[int, int]:
        """Which edges are the left and the right one of a lane, seen along the reference line."""
        inner = self.lanes[lane_id].inner
        return (lane_id, inner) if lane_id > 0 else (inner, lane_id)

    def sides(self, lane_id: int) -> tuple[Array, Array]:
        """Left and right edge (N, 2) of a lane, seen along the reference line."""
        left, right = self.side_ids(lane_id)
        return self.edges_m[left], self.edges_m[right]

    def side_marks(self, lane_id: int) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
        """What is painted on the left and right edge of a lane, seen along the reference line."""
        left, right = (self.lanes[i].marks if i else self.centre_marks for i in self.side_ids(lane_id))
        return left, right

    def point(self, lane_id: int, s_m: float) -> Array:
        """Where (2,) the outer edge of a lane, or for 0 the reference line, is at a station."""
        edge = self.edges_m[lane_id]
        return np.array([np.interp(s_m, self.s_m, edge[:, axis]) for axis in (0, 1)])

    def quads(self, lane_id: int) -> Array:
        """Quadrilaterals (N - 1, 4, 2) that cover a lane."""
        sides = np.stack(self.sides(lane_id), axis=1)
        return np.concatenate([sides[:-1], sides[1:, ::-1]], axis=1)


@dataclass(frozen=True)
class Road:
    """A road with its lanes.

    Attributes:
        id: as in the file.
        junction: id of the junction whose connecting road it is; -1 for a road proper.
        left_hand: whether its traffic keeps to the left.
        breaks_m: stations at which the formula of the reference line or of a width changes.
        sections: in order of station.
    """

    id: int
    junction: int
    left_hand: bool
    breaks_m: tuple[float, ...]
    sections: tuple[Section, ...]

    def along(self, lane_id: int) -> bool:
        """Whether traffic on a lane goes in the direction of the reference line."""
        return (lane_id < 0) != self.left_hand

    def car_lanes(self, index: int) -> list[Lane]:
        """Lanes that cars drive along in a section, from left to right in the direction of the reference line."""
        return [lane for lane in self.sections[index].lanes.values() if lane.kind in CAR_LANES]

    def frame(self, s_m: float) -> tuple[Array, Array]:
        """Point (2,) of the reference line at a station, and matrix (2, 2) whose columns point along it and left."""
        section = self.sections[self.section_at(s_m)]
        left = np.array([np.interp(s_m, section.s_m, section.lefts[:, axis]) for axis in (0, 1)])
        left /= np.linalg.norm(left)
        return section.point(0, s_m), np.array([[left[1], left[0]], [-left[0], left[1]]])

    def section_at(self, s_m: float) -> int:
        """Index of the section that a station is in."""
        starts = [float(section.s_m[0]) for section in self.sections]
        return max(0, int(np.searchsorted(starts, s_m + 2 * INSIDE_M, side="right")) - 1)


@dataclass(frozen=True)
class Network:
    """All roads of a town.

    Attributes:
        name: of the town.
        roads: in the file's order.
        world: the client's reader of the file.
        root: the file's tree.
    """

    name: str
    roads: tuple[Road, ...]
    world: carla.Map
    root: ElementTree.Element

    @cached_property
    def by_id(self) -> Mapping[int, Road]:
        """The roads by their ids."""
        return {road.id: road for road in self.roads}

    def quads(self, kinds: Iterable[str]) -> list[Array]:
        """Quadrilaterals (N, 4, 2) that cover the lanes of some types, an array for each lane."""
        wanted = frozenset(kinds)
        return [
            section.quads(lane.id)
            for road in self.roads
            for section in road.sections
            for lane in section.lanes.values()
            if lane.kind in wanted
        ]
