"""What is read out of an OpenDRIVE file: roads with their lanes, and where a place on them is in the world.

Lanes have OpenDRIVE's ids: negative to the right of the reference line going along it, positive to the left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.town.xodr.curves import Cubics, Piece, poses

# where vehicles may drive; CARLA's Traffic Manager and spawn points keep to `DRIVING`
DRIVING = frozenset({"driving", "bidirectional"})
CARRIAGEWAY = DRIVING | {
    *("stop", "shoulder", "border", "biking", "restricted", "parking", "bus", "taxi", "hov", "tram", "rail"),
    *("entry", "exit", "onramp", "offramp", "connectingramp", "sliplane", "mwyentry", "mwyexit", "roadworks"),
    *("special1", "special2", "special3"),
}
VERGE = "verge"  # not OpenDRIVE's
RAISED = frozenset({"sidewalk", "walking", "curb"})
TO_KMH = {"km/h": 1.0, "mph": 1.609344, "m/s": 3.6}


@dataclass(frozen=True)
class Stripe:
    """One line of a road mark, `t_m` to the left of the lane's edge.

    Its dashes are `length_m` long with gaps of `space_m`; one of them 0: it is unbroken.
    """

    t_m: float
    width_m: float
    length_m: float
    space_m: float


@dataclass(frozen=True)
class Mark:
    """A road mark from `s_m` (of the road) on, on the outer edge of its lane."""

    s_m: float
    colour: str
    stripes: tuple[Stripe, ...]


@dataclass(frozen=True)
class Lane:
    """A lane of a section.

    Attributes:
        kind: OpenDRIVE's type in small letters, or VERGE.
        width: metres, by distance from the section's start.
        marks: on its outer edge, sorted.
        height_m: of its inner and its outer edge above the road.
    """

    id: int
    kind: str
    width: Cubics
    marks: tuple[Mark, ...]
    height_m: tuple[float, float]


@dataclass(frozen=True)
class Section:
    """A stretch of road with the same lanes; `left` and `right` are sorted from the reference line outwards."""

    s_m: float
    end_m: float
    left: tuple[Lane, ...]
    right: tuple[Lane, ...]
    centre_marks: tuple[Mark, ...]

    def sides(self) -> tuple[tuple[int, tuple[Lane, ...]], ...]:
        """Both sides with their sign: 1 left, -1 right."""
        return (1, self.left), (-1, self.right)


@dataclass(frozen=True)
class Road:
    """A road.

    Attributes:
        junction_id: of the junction that it leads through, or -1.
        ends_at: junction at its start and at its end, or -1.
        neighbours: road at its start and at its end, or -1.
        left_hand: traffic keeps to the left.
        speeds: (from s, km/h), sorted; 0 where the file says nothing of use.
    """

    id: int
    length_m: float
    junction_id: int
    ends_at: tuple[int, int]
    neighbours: tuple[int, int]
    left_hand: bool
    pieces: tuple[Piece, ...]
    elevation: Cubics
    lane_offset: Cubics
    sections: tuple[Section, ...]
    speeds: tuple[tuple[float, float], ...]

    def points(self, s_m: npt.ArrayLike, t_m: npt.ArrayLike) -> Array:
        """(N, 3) world points at distances (N,) along the reference line and (N,) to its left, on the road."""
        s, t = np.broadcast_arrays(np.asarray(s_m, dtype=np.float64), np.asarray(t_m, dtype=np.float64))
        x, y, heading = poses(self.pieces, s).T
        return np.column_stack([x - np.sin(heading) * t, y + np.cos(heading) * t, self.elevation.at(s)])

    def heading_rad(self, s_m: float) -> float:
        """Direction of the reference line."""
        return float(poses(self.pieces, [s_m])[0, 2])

    def edges(self, section: Section, side: int, s_m: Array) -> Array:
        """(K + 1, N) offsets t of the edges of the K lanes of a side, from the middle outwards."""
        lanes = section.left if side > 0 else section.right
        widths = [np.maximum(lane.width.at(s_m - section.s_m), 0.0) for lane in lanes]
        return self.lane_offset.at(s_m) + side * np.cumsum([np.zeros(len(s_m)), *widths], axis=0)

    def section_at(self, s_m: float) -> Section:
        """The section that a place is in."""
        return next((section for section in reversed(self.sections) if section.s_m <= s_m), self.sections[0])

    def travels_along(self, lane_id: int) -> bool:
        """Whether traffic on a lane goes along the reference line."""
        return (lane_id < 0) != self.left_hand

    def speed_kmh(self, s_m: float) -> float:
        """The speed limit at a place, 0 if the file has none."""
        return next((kmh for start, kmh in reversed(self.speeds) if start <= s_m), 0.0)
