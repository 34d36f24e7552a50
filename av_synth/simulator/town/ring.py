"""A motorway in a closed ring: two carriageways around a median, and what stands along them.

The ring starts with a straight to the east that has the rest areas; legs follow counter-clockwise until it closes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from av_synth.simulator.town.motorside import concrete_barrier, gantry, guard_rail, tunnel
from av_synth.simulator.town.motorway import (
    APART_S_M,
    EXIT_S_M,
    GORE_M,
    MERGE_M,
    MERGE_S_M,
    REST_S_M,
    SHOULDER_M,
    Stretch,
    carriageway,
)
from av_synth.simulator.town.network import LANE_M, Network
from av_synth.simulator.town.reference import ReferenceLine
from av_synth.simulator.town.roads import Road, Tunnel
from av_synth.simulator.town.rural import barn, delineate
from av_synth.simulator.town.shapes import rectangle
from av_synth.simulator.town.signs import put_up_signs
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.trees import Tree, plant
from av_synth.simulator.town.wayside import noise_barrier, phones_and_markers

_MEDIAN_M = 2.5  # from the middle of the motorway to the left edge of a left lane
_WALL_M = 0.4  # from the hard shoulder to the wall of a tunnel
_OUTER_ID, _INNER_ID = 10, 20  # of the first roads
_LONG_M = 150.0  # roads that have phones
_HUT = (186, 178, 162)


@dataclass(frozen=True)
class Leg:
    """A piece of the ring.

    Attributes:
        name: of it.
        angle_rad: how far it turns to the left; 0 if it is straight.
        size_m: its radius or, if it is straight, its length.
        speed_kmh: its limit.
        tunnel_m: portals along it, in the middle of the motorway.
    """

    name: str
    angle_rad: float
    size_m: float
    speed_kmh: float
    tunnel_m: tuple[float, float] | None = None

    def after(self, line: ReferenceLine, side_m: float = 0.0, turn: float = 1.0) -> ReferenceLine:
        """A line continued along the leg, `side_m` further out, turning the other way if `turn` is -1."""
        if self.angle_rad:
            return line.arc(turn * self.angle_rad, self.size_m + side_m)
        return line.line(self.size_m)

    def tunnels(self, side_m: float, outer: bool) -> tuple[Tunnel, ...]:
        """Its tunnel, along a carriageway in its own direction."""
        if self.tunnel_m is None:
            return ()
        begins, ends = self.tunnel_m
        length = self.angle_rad * self.size_m if self.angle_rad else self.size_m
        share = (self.size_m + side_m) / self.size_m if self.angle_rad else 1.0
        s = begins if outer else length - ends
        return (Tunnel(f"{self.name} 1", self.name, s * share, (ends - begins) * share),)


@dataclass(frozen=True)
class Ring:
    """A ring of motorway.

    Attributes:
        x_m, y_m: where its first straight, to the east, begins.
        straight_m: its length.
        speed_kmh: the limit there.
        legs: what follows.
        lanes: each way.
    """

    x_m: float
    y_m: float
    straight_m: float
    speed_kmh: float
    legs: tuple[Leg, ...]
    lanes: int

    @property
    def edge_t_m(self) -> float:
        """From a carriageway's reference line to the outer edge of its hard shoulder."""
        return self.lanes * LANE_M + SHOULDER_M

    def middle(self) -> ReferenceLine:
        """The middle of the motorway, counter-clockwise."""
        line = ReferenceLine.at(self.x_m, self.y_m, 0.0).line(self.straight_m)
        for leg in self.legs:
            line = leg.after(line)
        return line

    def network(self) -> Network:
        """Lay out both carriageways."""
        outer, entry = carriageway(_OUTER_ID, 1, self.lanes, *self._stretches(outer=True))
        inner, other_entry = carriageway(_INNER_ID, 2, self.lanes, *self._stretches(outer=False))
        return Network((*outer, *inner), (entry, other_entry))

    def _stretches(self, outer: bool) -> tuple[Stretch, list[Stretch]]:
        """A carriageway in its own direction: the outer one runs counter-clockwise, the inner one clockwise."""
        name, side, turn = ("Outer", _MEDIAN_M, 1.0) if outer else ("Inner", -_MEDIAN_M, -1.0)
        x, y, heading = (
            (self.x_m, self.y_m - _MEDIAN_M, 0.0)
            if outer
            else (self.x_m + self.straight_m, self.y_m + _MEDIAN_M, math.pi)
        )
        line = ReferenceLine.at(x, y, heading).line(MERGE_S_M + MERGE_M)
        rest = Stretch(f"{name} South", line, self.speed_kmh)
        others = []
        for k, leg in enumerate(self.legs if outer else self.legs[::-1]):
            start = ReferenceLine.at(*line.end)
            line = leg.after(start if k else start.line(self.straight_m - MERGE_S_M - MERGE_M), side, turn)
            others.append(Stretch(f"{name} {leg.name}", line, leg.speed_kmh, leg.tunnels(side, outer)))
        return rest, others


def settle(site: Site, ring: Ring, roads: Sequence[Road], trees: list[Tree], rng: np.random.Generator) -> None:
    """Put up barriers, tunnels, guard rails, gantries, signs and the rest areas along a ring's roads."""
    middle = ring.middle()
    s, open_from = ring.straight_m, 0.0
    for leg, piece in zip(ring.legs, middle.pieces[1:], strict=True):
        if leg.tunnel_m is not None:
            begins, ends = (s + at for at in leg.tunnel_m)
            concrete_barrier(site, middle, open_from, begins)
            tunnel(site, middle, begins, ends, _MEDIAN_M + ring.edge_t_m + _WALL_M)
            open_from = ends
        s += piece.length_m
    concrete_barrier(site, middle, open_from, middle.length_m)
    put_up_signs(site, roads)
    for road in roads:
        if road.id in (_OUTER_ID, _INNER_ID):
            _rest_area(site, ring, road, trees, rng)
        elif road.junction_id < 0:
            _along(site, ring, road)
    for road in roads:
        if road.junction_id < 0 and road.line.length_m > _LONG_M:
            phones_and_markers(site, road, -ring.edge_t_m - 2.2)


def _along(site: Site, ring: Ring, road: Road) -> None:
    """Guard rails but for tunnels; along open straights delineators and a gantry."""
    if "North" in road.name and not road.tunnels:
        delineate(site, road, 0.5)
        gantry(site, road, 140.0, (-ring.edge_t_m - 1.2, 1.7), _boards(ring))
        return
    spans = [(12.0, road.line.length_m - 2.0)]
    for bore in road.tunnels:
        spans = [(12.0, bore.s_m), (bore.s_m + bore.length_m, road.line.length_m - 2.0)]
    for begins, ends in spans:
        guard_rail(site, road.line, begins, ends, -ring.edge_t_m - 1.3)
        if road.name.startswith("Inner"):
            noise_barrier(site, road, (begins + 20.0, ends - 20.0), -ring.edge_t_m - 3.2)


def _boards(ring: Ring) -> list[tuple[float, float, str]]:
    return [(-LANE_M * (k + 0.5), 3.0, "A4") for k in range(ring.lanes)]


def _rest_area(site: Site, ring: Ring, road: Road, trees: list[Tree], rng: np.random.Generator) -> None:
    """Gantries before the exit, and a small building under trees behind the rest area."""
    edge_t, boards = ring.edge_t_m, _boards(ring)
    gantry(site, road, 22.0, (-edge_t - 1.2, 1.7), boards)
    exit_board = (-LANE_M * (ring.lanes + 0.5), 3.0, "P")
    gantry(site, road, APART_S_M - 20.0, (-edge_t - LANE_M - 1.2, 1.7), [*boards, exit_board])
    guard_rail(site, road.line, EXIT_S_M + 100.0, APART_S_M - 30.0, -edge_t - LANE_M - 1.3)
    ramp_t = -(edge_t + GORE_M + LANE_M + SHOULDER_M)
    x, y = road.line.point(REST_S_M + 25.0, ramp_t - 7.0)
    barn(site, x, y, float(road.line.poses([0.0])[0, 2]) + math.pi, (4.0, 3.0), 3.0, _HUT)
    for s in np.arange(APART_S_M, REST_S_M + 130.0, 7.0):
        tx, ty = road.line.point(float(s), ramp_t - float(rng.uniform(4.0, 12.0)))
        if site.is_free(rectangle(tx, ty, 1.2, 1.2, 0.0), 1.0):
            plant(site, trees, tx, ty, rng, largest=1.5)


def tree_groups(
    site: Site,
    trees: list[Tree],
    bounds_m: tuple[float, float, float, float],
    count: int,
    rng: np.random.Generator,
) -> None:
    """Groups of trees on the land, clear of the roads."""
    x0, y0, x1, y1 = bounds_m
    for x, y in rng.uniform([x0 + 5, y0 + 5], [x1 - 5, y1 - 5], (count, 2)):
        for dx, dy in rng.uniform(-9.0, 9.0, (3, 2)):
            tx, ty = float(x + dx), float(y + dy)
            if site.is_free(rectangle(tx, ty, 1.5, 1.5, 0.0), 0.5) and not site.near_pavement(tx, ty, 6.0):
                plant(site, trees, tx, ty, rng, largest=1.8)
