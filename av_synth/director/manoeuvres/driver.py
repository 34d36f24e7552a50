"""The ego's driver: sees hazards when they can be seen, brakes a reaction time later, drives on after."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from av_synth.director.manoeuvres.paces import SpeedPlan
from av_synth.director.manoeuvres.vehicle_player import VehiclePlayer
from av_synth.director.model import Event
from av_synth.director.roads.courses import Line
from av_synth.director.roads.path import Path
from av_synth.director.view import View
from av_synth.metrics import Footprint, time_to_collision_s
from av_synth.scenario.model import Reaction

_NOTICE_TTC_S = 4.0  # a conflict further away than this alarms nobody
_CLEARANCE_M = 0.5  # drivers want this much air around what they react to
_STEADY_MPS, _MOVES_MPS = 0.3, 1.0  # sideways, less than this is keeping one's line; along it, more is being under way
_STOP_SHORT_M = 1.5
_EMERGENCY_MPS2 = 9.0
_CALM_S = 1.0  # after the conflict is over, before driving on
_RESUME_MPS2 = 1.5
_HEADWAY_S, _STANDSTILL_GAP_M = 1.2, 3.0  # kept to somebody ahead once the event is over
# who expects to have to brake does so after this: M. Green, "How long does it take to stop?" Transportation Human
# Factors 2(3), 2000
AWAKE_S = 0.7


class Driver:
    """Reacts to hazards by capping what its vehicle's pace asks for: the most urgent one counts.

    Attributes:
        player: the vehicle that is driven.
    """

    def __init__(self, player: VehiclePlayer, reaction: Reaction) -> None:
        self.player = player
        self._watches = [_Watch(reaction, name) for name in reaction.to]

    def look(self, view: View) -> tuple[Event, ...]:
        """Watch the hazards at one frame."""
        events = [event for watch in self._watches for event in watch.look(view, self.player)]
        caps = [watch.cap for watch in self._watches if watch.cap is not None]
        self.player.cap = min(caps, key=lambda cap: (cap.target_mps, -cap.deceleration_mps2), default=None)
        return tuple(events)


class _Watch:
    """One hazard: seen, braked for, over."""

    def __init__(self, reaction: Reaction, name: str) -> None:
        self.cap: SpeedPlan | None = None
        self._reaction = reaction
        self._name = name
        self._seen_us: int | None = None
        self._slower_us: int | None = None
        self._calm_since_us: int | None = None
        self._braking = self._braked = False

    def look(self, view: View, player: VehiclePlayer) -> tuple[Event, ...]:
        """Watch it at one frame."""
        ego_id, hazard_id = player.actor.id, view.scene.ids.get(self._name)
        if hazard_id is None:  # not there, or gone
            self.cap = self._seen_us = self._slower_us = self._calm_since_us = None
            self._braking = False
            return ()
        pair = _Pair.of(view.box(ego_id), view.box(hazard_id), player.line)
        conflict, now = pair.conflict, view.time_us
        if self._braking:
            return self._while_braking(view, pair, ego_id, hazard_id)
        if self._seen_us is None:
            if not conflict or not view.sees(ego_id, hazard_id):
                self._follow(view, pair, ego_id, hazard_id)
                return ()
            self._seen_us = now
            detail = {"ttc_s": round(pair.ttc_s, 3)} if math.isfinite(pair.ttc_s) else {}
            return (Event(now, "seen", ego_id, hazard_id, detail),)
        delay_s = min(self._reaction.delay_s, AWAKE_S) if self._braked else self._reaction.delay_s
        if now - self._seen_us >= delay_s * 1e6:
            self._braking = self._braked = True
            self._calm_since_us = None
            self._brake(pair)
            return (Event(now, "brake", ego_id, hazard_id),)
        return ()

    def _while_braking(self, view: View, pair: _Pair, ego_id: int, hazard_id: int) -> tuple[Event, ...]:
        if pair.conflict:
            self._calm_since_us = None
            self._brake(pair)
            return ()
        if self._calm_since_us is None:
            self._calm_since_us = view.time_us
        if view.time_us - self._calm_since_us < _CALM_S * 1e6:
            self._brake(pair)
            return ()
        self._braking, self._seen_us = False, None
        self._follow(view, pair, ego_id, hazard_id)
        return (Event(view.time_us, "resume", ego_id, hazard_id),)

    def _brake(self, pair: _Pair) -> None:
        room = max(pair.gap_m - _STOP_SHORT_M, 0.3)
        needed = max(pair.closing_mps, 0.0) ** 2 / (2.0 * room) if pair.gap_m > -1.0 else 0.0
        hard = min(max(self._reaction.deceleration_mps2, needed), _EMERGENCY_MPS2)
        self.cap = SpeedPlan(max(pair.lead_mps - 1.0, 0.0), _RESUME_MPS2, hard)

    def _follow(self, view: View, pair: _Pair, ego_id: int, hazard_id: int) -> None:
        """Cap the speed at what keeps the distance to the hazard, if it drives ahead; gently.

        A reaction time after it was first seen to ask for that, or at once after a braking.
        """
        target = math.inf
        if pair.lead_mps > _MOVES_MPS and pair.gap_m > 0.0 and pair.aside_m < 0.0:
            keeps_m = _STANDSTILL_GAP_M + _HEADWAY_S * pair.lead_mps
            target = max(pair.lead_mps + 0.2 * (pair.gap_m - keeps_m), 0.0)
        if math.isinf(target):
            self._slower_us = None
        elif self._slower_us is None and target < pair.ego_mps and view.sees(ego_id, hazard_id):
            self._slower_us = view.time_us
        delay_us = self._reaction.delay_s * 1e6
        follows = self._slower_us is not None and view.time_us - self._slower_us >= delay_us
        self.cap = SpeedPlan(target, _RESUME_MPS2, _RESUME_MPS2) if self._braked or follows else None


@dataclass(frozen=True)
class _Pair:
    """The ego and a hazard at a frame, in the world or along the ego's line as if that were straight.

    Attributes:
        ego, hazard: their boxes.
        offset_m: of the hazard's middle from the line.
        aside_m: free width between the hazard and what the ego takes up on its line; negative if it is in the way.
        passed: the hazard drives beside that, and keeps its line.
    """

    ego: Footprint
    hazard: Footprint
    offset_m: float
    aside_m: float
    passed: bool

    @staticmethod
    def of(ego: Footprint, hazard: Footprint, line: Line) -> _Pair:
        """Along the line only if the hazard stands or drives ahead in it; who comes into it comes straight."""
        here, there = _straightened(ego, line.path), _straightened(hazard, line.path)
        along_mps, left_mps = there.velocity_mps.tolist()
        steady, moves = abs(left_mps) < _STEADY_MPS, along_mps > _MOVES_MPS
        offset = float(there.centre_m[1]) - line.offset_m
        aside = abs(offset) - float(ego.half_m[1] + np.abs(there.axes[:, 1]) @ there.half_m)
        passed = steady and moves and aside >= 0.0
        in_line = steady and not passed and aside < _CLEARANCE_M and there.centre_m[0] > here.centre_m[0]
        return _Pair(*((here, there) if in_line else (ego, hazard)), offset, aside, passed)

    @property
    def ttc_s(self) -> float:
        """Time to collision."""
        return time_to_collision_s(self.ego, self.hazard)

    @property
    def conflict(self) -> bool:
        """Whether the two would come too close to each other soon if neither changed its way."""
        air = 0.0 if self.passed else _CLEARANCE_M
        wide = replace(self.hazard, half_m=self.hazard.half_m + np.array([_CLEARANCE_M, air]))
        if time_to_collision_s(self.ego, wide, _NOTICE_TTC_S) < math.inf:
            return True
        # somebody standing, or slower, right in the way stays one while the ego stands before it
        in_the_way = abs(self.offset_m) < self.ego.half_m[1] + min(self.hazard.half_m) + air
        return in_the_way and 0.0 <= self.gap_m < 2.0 * _STOP_SHORT_M + max(self.closing_mps, 0.0)

    @property
    def gap_m(self) -> float:
        """Free length ahead up to the hazard, along the ego's heading."""
        forward = self.ego.axes[0]
        reach = float(np.abs(self.hazard.axes @ forward) @ self.hazard.half_m) + float(self.ego.half_m[0])
        return float((self.hazard.centre_m - self.ego.centre_m) @ forward) - reach

    @property
    def closing_mps(self) -> float:
        """The speed at which that shrinks."""
        return self.ego_mps - self.lead_mps

    @property
    def ego_mps(self) -> float:
        """The ego's speed ahead."""
        return float(self.ego.velocity_mps @ self.ego.axes[0])

    @property
    def lead_mps(self) -> float:
        """The hazard's speed that way."""
        return float(self.hazard.velocity_mps @ self.ego.axes[0])


def _straightened(box: Footprint, path: Path) -> Footprint:
    """A box in stations and offsets of a path, as if that were straight."""
    station, offset = path.project(box.centre_m)
    heading = path.heading_rad(station)
    cos, sin = math.cos(heading), math.sin(heading)
    turned = np.array([[cos, sin], [-sin, cos]])
    return replace(
        box,
        centre_m=np.array([station, offset]),
        yaw_rad=math.remainder(box.yaw_rad - heading, math.tau),
        velocity_mps=turned @ box.velocity_mps,
    )
