"""Paces: at what speed a vehicle drives, each a function of what it sees at a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from av_synth.director.roads.courses import Line
from av_synth.director.view import View
from av_synth.geometry.transforms import Array
from av_synth.metrics import Footprint

USUAL_ACCELERATION_MPS2 = 2.0
_USUAL_DECELERATION_MPS2 = 3.0
_HARDEST_MPS2 = 9.0
_HEADWAY_S, _STANDSTILL_GAP_M = 1.2, 2.5  # of somebody careful
_LOOK_M, _LOOK_STEP_M = 80.0, 2.0
_EAGER_MPS = 100.0
_AIR_M = 0.2  # left beside who is passed
STOPPED_MPS = 0.2
_REACHED_MPS = 0.3  # so near to a speed it drives at it


@dataclass(frozen=True)
class SpeedPlan:
    """What speed a vehicle is to get to and how hard."""

    target_mps: float
    acceleration_mps2: float = USUAL_ACCELERATION_MPS2
    deceleration_mps2: float = _USUAL_DECELERATION_MPS2


@dataclass(frozen=True)
class Me:
    """A vehicle at a frame: on its own line, the station of its middle, its speed, half its length and width."""

    actor_id: int
    line: Line
    station_m: float
    speed_mps: float
    half_m: Array


class Pace(Protocol):
    """At what speed a vehicle drives."""

    def plan(self, me: Me, view: View, /) -> SpeedPlan:
        """What to do next."""

    def over(self, me: Me, view: View, /) -> bool:
        """Whether it has come to its end."""


@dataclass(frozen=True)
class Keep:
    """One speed."""

    speed: SpeedPlan

    def plan(self, _me: Me, _view: View) -> SpeedPlan:
        """That speed."""
        return self.speed

    def over(self, me: Me, _view: View) -> bool:
        """Once it drives at it."""
        return abs(me.speed_mps - self.speed.target_mps) < _REACHED_MPS


@dataclass(frozen=True)
class Profile:
    """Speeds (m/s) over times (s) since it began."""

    times_s: tuple[float, ...]
    speeds_mps: tuple[float, ...]
    began_us: int

    def plan(self, _me: Me, view: View) -> SpeedPlan:
        """The speed of now."""
        now_s = (view.time_us - self.began_us) * 1e-6
        return SpeedPlan(float(np.interp(now_s, self.times_s, self.speeds_mps)), _HARDEST_MPS2, _HARDEST_MPS2)

    def over(self, _me: Me, view: View) -> bool:
        """After its last point."""
        return view.time_us >= self.began_us + self.times_s[-1] * 1e6


def profile(points: tuple[tuple[float, float], ...], me: Me, view: View) -> Profile:
    """Speeds (km/h) over times (s) from this frame on; from the present speed, where they begin later."""
    if points[0][0] > 0.0:
        points = ((0.0, me.speed_mps * 3.6), *points)
    times, speeds = zip(*points, strict=True)
    return Profile(times, tuple(speed / 3.6 for speed in speeds), view.time_us)


class Ramp(Profile):
    """A profile whose last speed is then kept, and got back to, as any other."""

    def plan(self, me: Me, view: View) -> SpeedPlan:
        """The speed of now."""
        return SpeedPlan(self.speeds_mps[-1]) if self.over(me, view) else super().plan(me, view)


def evenly(speed_mps: float, over_s: float, me: Me, view: View) -> Ramp:
    """From the present speed to another in so long."""
    return Ramp((0.0, over_s), (max(me.speed_mps, 0.0), speed_mps), view.time_us)


@dataclass
class Match:
    """A speed told by what somebody else has at each frame."""

    who: str
    factor: float
    faster_mps: float
    speed: SpeedPlan

    def plan(self, _me: Me, view: View) -> SpeedPlan:
        """That speed; the last one of somebody who is gone."""
        actor_id = view.scene.ids.get(self.who)
        if actor_id is not None:
            theirs = float(np.hypot(*view.box(actor_id).velocity_mps))
            self.speed = replace(self.speed, target_mps=max(theirs * self.factor + self.faster_mps, 0.0))
        return self.speed

    def over(self, _me: Me, _view: View) -> bool:
        """Never by itself."""
        return False


@dataclass(frozen=True)
class Behind:
    """Keeps a time gap, or a free length, to somebody ahead, at most at its own speed."""

    who: str
    gap_s: float
    own: SpeedPlan
    gap_m: float | None

    def plan(self, me: Me, view: View) -> SpeedPlan:
        """Its own speed, or what the gap wants."""
        actor_id = view.scene.ids.get(self.who)
        if actor_id is None:
            return self.own
        box = view.box(actor_id)
        station, _ = me.line.path.project(box.centre_m)
        heading = me.line.path.heading_rad(station)
        forward = np.array([math.cos(heading), math.sin(heading)])
        reach = float(np.abs(box.axes @ forward) @ box.half_m) + float(me.half_m[0])
        gap = station - me.station_m - reach
        if gap < -reach:  # it is behind
            return self.own
        eager = replace(self.own, target_mps=_EAGER_MPS)  # its own speed only caps it: the gap is what it keeps
        plan = following(me.speed_mps, eager, gap, float(box.velocity_mps @ forward), self.gap_s, self.gap_m)
        return replace(plan, target_mps=min(plan.target_mps, self.own.target_mps))

    def over(self, _me: Me, _view: View) -> bool:
        """Never by itself."""
        return False


@dataclass
class StopAt:
    """Stops with its front at a station of its own path, waits, and drives on as before."""

    front_m: float
    wait_s: float | None
    before: Pace
    _stopped_us: int | None = field(default=None, init=False)

    def plan(self, me: Me, view: View) -> SpeedPlan:
        """An even braking that ends there."""
        if self._waited(view):
            return self.before.plan(me, view)
        room = self.front_m - me.station_m - float(me.half_m[0])
        if self._stopped_us is None and me.speed_mps < STOPPED_MPS and room < 1.0:
            self._stopped_us = view.time_us
        if self._stopped_us is not None or room <= 0.05:
            return SpeedPlan(0.0, USUAL_ACCELERATION_MPS2, _HARDEST_MPS2)
        allowed = math.sqrt(2.0 * _USUAL_DECELERATION_MPS2 * room)
        free = self.before.plan(me, view)
        if allowed >= free.target_mps:
            return free
        needed = me.speed_mps**2 / (2.0 * room)
        # a crawl at the end, so that it does not stop short of the place
        return SpeedPlan(max(allowed, 0.4), free.acceleration_mps2, min(max(needed, 2.0) + 1.0, _HARDEST_MPS2))

    def over(self, _me: Me, view: View) -> bool:
        """Once it stands, or has waited."""
        return self._stopped_us is not None and (self.wait_s is None or self._waited(view))

    def _waited(self, view: View) -> bool:
        if self._stopped_us is None or self.wait_s is None:
            return False
        return view.time_us - self._stopped_us >= self.wait_s * 1e6


@dataclass(frozen=True)
class Backwards:
    """Drives backwards from a station, for a distance, and stands."""

    from_m: float
    distance_m: float
    speed_mps: float

    def plan(self, me: Me, _view: View) -> SpeedPlan:
        """The speed backwards, as a positive number."""
        room = self.distance_m - (self.from_m - me.station_m)
        if room <= 0.05:
            return SpeedPlan(0.0, USUAL_ACCELERATION_MPS2, _HARDEST_MPS2)
        allowed = max(math.sqrt(2.0 * _USUAL_DECELERATION_MPS2 * room), 0.3)
        return SpeedPlan(min(self.speed_mps, allowed), USUAL_ACCELERATION_MPS2, _HARDEST_MPS2)

    def over(self, me: Me, _view: View) -> bool:
        """Once it has gone so far; without a distance, once it drives at that speed."""
        if math.isinf(self.distance_m):
            return abs(me.speed_mps + self.speed_mps) < _REACHED_MPS
        return self.from_m - me.station_m >= self.distance_m - 0.1


def following(
    speed_mps: float,
    own: SpeedPlan,
    gap_m: float,
    lead_mps: float,
    headway_s: float = _HEADWAY_S,
    apart_m: float | None = None,
) -> SpeedPlan:
    """The speed of the next second behind somebody: the Intelligent Driver Model; `apart_m` is kept instead of a time.

    Source: M. Treiber, A. Hennecke, D. Helbing, Congested traffic states in empirical observations and microscopic
    simulations, Physical Review E 62, 2000; the standing gap is the least one here, not added to the time gap.
    """
    a, b = own.acceleration_mps2, _USUAL_DECELERATION_MPS2
    closing = speed_mps * (speed_mps - lead_mps) / (2.0 * math.sqrt(a * b))
    if apart_m is None:
        wanted = max(speed_mps * headway_s + closing, _STANDSTILL_GAP_M)
    else:
        wanted = max(apart_m + closing, min(apart_m, _STANDSTILL_GAP_M))
    free = (speed_mps / max(own.target_mps, 0.1)) ** 4
    push = max(a * (1.0 - free - (wanted / max(gap_m, 0.1)) ** 2), -_HARDEST_MPS2)
    target = min(max(speed_mps + push, 0.0), own.target_mps)
    if push < 0.0:
        return SpeedPlan(target, a, min(max(-push, 0.3), _HARDEST_MPS2))
    return SpeedPlan(target, max(push, 0.1), own.deceleration_mps2)


def careful(me: Me, view: View, own: SpeedPlan) -> SpeedPlan:
    """Its own speed, or what whoever is ahead on its own line allows."""
    begin = me.station_m
    stations: Array = begin + _LOOK_STEP_M * np.arange(int(_LOOK_M / _LOOK_STEP_M), dtype=np.float64)
    path = me.line.path
    points: Array = np.column_stack([np.interp(stations, path.stations_m, path.points_m[:, axis]) for axis in (0, 1)])
    steps = np.diff(points, axis=0, append=2.0 * points[-1:] - points[-2:-1])
    ways: Array = steps / np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-9)
    plan = own
    for box in view.others(me.actor_id):
        found = _ahead(me, box, stations, points, ways)
        if found is not None:
            behind = following(me.speed_mps, own, *found)
            plan = behind if behind.target_mps < plan.target_mps else plan
    return plan


def _ahead(me: Me, box: Footprint, stations: Array, points: Array, ways: Array) -> tuple[float, float] | None:
    """Free length to somebody in one's way, and their speed along it; None if they are not in it."""
    apart = box.centre_m - points
    nearest = int((apart * apart).sum(axis=1).argmin())
    way = ways[nearest]
    along = float(apart[nearest] @ way)
    aside = float(way[0] * apart[nearest, 1] - way[1] * apart[nearest, 0]) - me.line.offset_m
    if nearest == len(points) - 1 or (nearest == 0 and along <= 0.0):
        return None
    turned = np.abs(box.axes @ np.array([way, [-way[1], way[0]]]).T)
    reach = box.half_m @ turned
    if abs(aside) > float(reach[1]) + float(me.half_m[1]) + _AIR_M:
        return None
    gap = float(stations[nearest]) + along - me.station_m - float(reach[0]) - float(me.half_m[0])
    return gap, float(box.velocity_mps @ way)
