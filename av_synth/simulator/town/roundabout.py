"""Roundabouts: one lane round a raised island, and at each arm a junction where traffic gives way, joins and leaves.

Each arm is an OpenDRIVE junction of three paths: on round the island, off to the arm, and in from the arm. Short roads
join one junction to the next. Reference lines lie on the left edge of a lane, so the ring's is the kerb of the island.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from av_synth.simulator.town.network import COMPASS, LANE_M, PAVEMENT_M, Node, connection_of, streets_at
from av_synth.simulator.town.reference import ReferenceLine, turn_between
from av_synth.simulator.town.roads import (
    GIVE_WAY,
    Contact,
    Junction,
    Lane,
    LaneKind,
    Road,
    RoadEnd,
    Section,
    SignalKind,
)

ISLAND_M = 14.0  # radius of the kerb of the island
_RING_LANE_M = 4.5  # lorries need more than a street's lane
_REACH_RAD = math.radians(30.0)  # paths leave and join the ring this far before and after an arm
_MOUTH_M = 24.0
APRON_M = 1.2  # paved edge of the island
_SPEED_KMH = 30.0


@dataclass(frozen=True)
class Roundabout(Node):
    """A roundabout; its arms, in the order of the compass round it, have one lane each way.

    Its junctions have the ids 10 id + 1 and so on, its ring roads 10 id + 6 and so on.
    """

    def mouth_m(self, arm: str) -> float:
        """Distance from the middle to where an arm's road begins."""
        del arm
        return _MOUTH_M

    def junction_id(self, arm: str) -> int:
        """Id of the junction at an arm."""
        return self.id * 10 + 1 + self._order.index(arm)

    def sign(self, arm: str) -> SignalKind | None:
        """All that enters gives way."""
        del arm
        return GIVE_WAY

    def lay_out(self, streets: Sequence[Road]) -> tuple[list[Road], list[Junction]]:
        """Work out ring roads, paths and junctions, given all streets."""
        at = streets_at(self, streets)
        rings = [self._ring(arm, self._after(arm)) for arm in self._order]
        paths: list[Road] = []
        junctions = []
        for arm in self._order:
            three = self._paths(arm, *at[arm])
            paths += three
            junctions.append(self._junction(arm, three))
        return [*rings, *paths], junctions

    @property
    def _order(self) -> list[str]:
        """Arms counter-clockwise, as traffic meets them."""
        return [arm for arm in COMPASS if arm in self.arms]

    def _after(self, arm: str) -> str:
        return self._order[(self._order.index(arm) + 1) % len(self._order)]

    def _ring_id(self, arm: str) -> int:
        """The ring road that begins after an arm."""
        return self.id * 10 + 6 + self._order.index(arm)

    def _on_ring(self, angle_rad: float) -> tuple[float, float, float]:
        """Pose on the ring's reference line in a direction from the middle."""
        x, y = self.x_m + ISLAND_M * math.cos(angle_rad), self.y_m + ISLAND_M * math.sin(angle_rad)
        return x, y, math.remainder(angle_rad + math.pi / 2, math.tau)

    def _ring(self, arm: str, after: str) -> Road:
        begins, turn = COMPASS[arm] + _REACH_RAD, (COMPASS[after] - COMPASS[arm]) % math.tau - 2 * _REACH_RAD
        lanes = (Lane.of(LaneKind.DRIVING, _RING_LANE_M), Lane.of(LaneKind.SIDEWALK, PAVEMENT_M))
        return Road(
            id=self._ring_id(arm),
            name=f"{self.name} {arm}{after}",
            line=ReferenceLine.at(*self._on_ring(begins)).arc(turn, ISLAND_M),
            sections=(Section(0.0, (), lanes),),
            speed_kmh=_SPEED_KMH,
            begins_at=self.junction_id(arm),
            finishes_at=self.junction_id(after),
            apron_m=APRON_M,
        )

    def _paths(self, arm: str, street: Road, contact: Contact) -> list[Road]:
        """Round the island, off to the arm, in from the arm."""
        out = COMPASS[arm]
        before = self._order[self._order.index(arm) - 1]
        came = RoadEnd(self._ring_id(before), "end", (-1, -2))
        on = RoadEnd(self._ring_id(arm), "start", (-1, -2))
        # lanes of the arm's street on its right-hand side are those that travel along it
        inward, outward = (1, -1) if contact == "start" else (-1, 1)
        entry = RoadEnd(street.id, contact, (inward, 2 * inward))
        leave = RoadEnd(street.id, contact, (outward, 2 * outward))
        mouth = self.x_m + _MOUTH_M * math.cos(out), self.y_m + _MOUTH_M * math.sin(out)
        joins, parts = self._on_ring(out + _REACH_RAD), self._on_ring(out - _REACH_RAD)
        round_it = ReferenceLine.at(*parts).arc(2 * _REACH_RAD, ISLAND_M)
        off = turn_between(parts, (*mouth, out))
        into = turn_between((*mouth, math.remainder(out + math.pi, math.tau)), joins)
        one = RoadEnd(came.road_id, came.contact, (-1,)), RoadEnd(on.road_id, on.contact, (-1,))
        return [
            self._path(arm, 0, round_it, one, (_RING_LANE_M, _RING_LANE_M)),
            self._path(arm, 1, off, (came, leave), (_RING_LANE_M, LANE_M)),
            self._path(arm, 2, into, (entry, on), (LANE_M, _RING_LANE_M)),
        ]

    def _path(
        self,
        arm: str,
        number: int,
        line: ReferenceLine,
        ends: tuple[RoadEnd, RoadEnd],
        widths_m: tuple[float, float],
    ) -> Road:
        low, grows = widths_m[0], widths_m[1] - widths_m[0]
        # a smooth step from one width to the other
        width = (low, 0.0, 3 * grows / line.length_m**2, -2 * grows / line.length_m**3)
        lanes = [Lane(LaneKind.DRIVING, width)]
        if len(ends[0].lane_ids) > 1:
            lanes.append(Lane.of(LaneKind.SIDEWALK, PAVEMENT_M))
        return Road(
            id=self.junction_id(arm) * 100 + number,
            name=f"{self.name} {arm} {('round', 'off', 'in')[number]}",
            line=line,
            sections=(Section(0.0, (), tuple(lanes)),),
            speed_kmh=_SPEED_KMH,
            junction_id=self.junction_id(arm),
            comes_from=ends[0],
            goes_to=ends[1],
            apron_m=0.0 if len(lanes) > 1 else APRON_M,
            paved=False,
        )

    def _junction(self, arm: str, paths: Sequence[Road]) -> Junction:
        round_it, off, into = paths
        kerbs = []
        for path in (off, into):
            s = path.section_stations(0, 8.0)
            kerbs.append(path.line.points(s, path.edge_t_m(0, -1, 1, s)))
        island = round_it.line.points(round_it.section_stations(0, 8.0), 0.0)[::-1]
        # seen from here, a little off the ring, every kerb is in full view
        away = ISLAND_M + _RING_LANE_M - 0.3
        out = COMPASS[arm]
        centre = self.x_m + away * math.cos(out), self.y_m + away * math.sin(out)
        return Junction(
            self.junction_id(arm),
            f"{self.name} {arm}",
            centre,
            tuple(connection_of(path) for path in paths),
            np.concatenate([*kerbs, island]),
        )
