"""The ego's driver: sees hazards when they can be seen, brakes a reaction time later, drives on after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from av_synth.director.model import Event
from av_synth.director.path import Path
from av_synth.director.speeds import SpeedPlan
from av_synth.director.vehicle_player import VehiclePlayer
from av_synth.director.view import View
from av_synth.metrics import Footprint, time_to_collision_s
from av_synth.scenario.model import Reaction

NOTICE_TTC_S = 4.0  # a conflict further away than this alarms nobody
CLEARANCE_M = 0.5  # drivers want this much air around what they react to
STOP_SHORT_M = 1.5
EMERGENCY_MPS2 = 9.0
CALM_S = 1.0  # after the conflict is over, before driving on
RESUME_MPS2 = 1.5
HEADWAY_S, STANDSTILL_GAP_M = 1.2, 3.0  # kept to somebody ahead once the event is over


class Driver:
    """Reacts to hazards by capping what its vehicle's pace asks for: the most urgent one counts."""

    def __init__(self, player: VehiclePlayer, path: Path, reaction: Reaction, hazard_ids: Sequence[int]) -> None:
        self._player = player
        self._watches = [_Watch(player, path, reaction, hazard_id) for hazard_id in hazard_ids]

    def look(self, view: View) -> tuple[Event, ...]:
        """Watch the hazards at one frame."""
        events = [event for watch in self._watches for event in watch.look(view)]
        caps = [watch.cap for watch in self._watches if watch.cap is not None]
        self._player.cap = min(caps, key=lambda cap: (cap.target_mps, -cap.deceleration_mps2), default=None)
        return tuple(events)


class _Watch:
    """One hazard: seen, braked for, over."""

    def __init__(self, player: VehiclePlayer, path: Path, reaction: Reaction, hazard_id: int) -> None:
        self.cap: SpeedPlan | None = None
        self._ego_id = player.actor.id
        self._path = path
        self._reaction = reaction
        self._hazard_id = hazard_id
        self._seen_us: int | None = None
        self._calm_since_us: int | None = None
        self._braking = self._braked = False

    def look(self, view: View) -> tuple[Event, ...]:
        """Watch it at one frame."""
        ego, hazard = view.box(self._ego_id), view.box(self._hazard_id)
        conflict = self._conflict(ego, hazard)
        now = view.time_us
        if self._braking:
            return self._while_braking(now, ego, hazard, conflict)
        if self._seen_us is None:
            if not conflict or not view.sees(self._ego_id, self._hazard_id):
                self._follow(ego, hazard)
                return ()
            self._seen_us = now
            ttc = time_to_collision_s(ego, hazard)
            detail = {"ttc_s": round(ttc, 3)} if math.isfinite(ttc) else {}
            return (Event(now, "seen", self._ego_id, self._hazard_id, detail),)
        if now - self._seen_us >= self._reaction.delay_s * 1e6:
            self._braking = self._braked = True
            self._calm_since_us = None
            self._brake(ego, hazard)
            return (Event(now, "brake", self._ego_id, self._hazard_id),)
        return ()

    def _while_braking(self, now_us: int, ego: Footprint, hazard: Footprint, conflict: bool) -> tuple[Event, ...]:
        if conflict:
            self._calm_since_us = None
            self._brake(ego, hazard)
            return ()
        if self._calm_since_us is None:
            self._calm_since_us = now_us
        if now_us - self._calm_since_us < CALM_S * 1e6:
            self._brake(ego, hazard)
            return ()
        self._braking, self._seen_us = False, None
        self._follow(ego, hazard)
        return (Event(now_us, "resume", self._ego_id, self._hazard_id),)

    def _conflict(self, ego: Footprint, hazard: Footprint) -> bool:
        """Whether the two would come too close to each other soon if neither changed its way."""
        wide = replace(hazard, half_m=hazard.half_m + CLEARANCE_M)
        if time_to_collision_s(ego, wide, NOTICE_TTC_S) < math.inf:
            return True
        # somebody standing, or slower, right in the way stays one while the ego stands before it
        gap, closing = self._gap(ego, hazard)
        _, offset = self._path.project(hazard.centre_m)
        in_the_way = abs(offset) < ego.half_m[1] + min(hazard.half_m) + CLEARANCE_M
        return in_the_way and 0.0 <= gap < 2.0 * STOP_SHORT_M + max(closing, 0.0)

    def _gap(self, ego: Footprint, hazard: Footprint) -> tuple[float, float]:
        """Free length ahead up to the hazard, and the speed at which it shrinks, along the ego's heading."""
        forward = ego.axes[0]
        reach = float(np.abs(hazard.axes @ forward) @ hazard.half_m) + float(ego.half_m[0])
        gap = float((hazard.centre_m - ego.centre_m) @ forward) - reach
        return gap, float((ego.velocity_mps - hazard.velocity_mps) @ forward)

    def _brake(self, ego: Footprint, hazard: Footprint) -> None:
        gap, closing = self._gap(ego, hazard)
        room = max(gap - STOP_SHORT_M, 0.3)
        needed = max(closing, 0.0) ** 2 / (2.0 * room) if gap > -1.0 else 0.0
        hard = min(max(self._reaction.deceleration_mps2, needed), EMERGENCY_MPS2)
        lead = max(float(hazard.velocity_mps @ ego.axes[0]), 0.0)
        self.cap = SpeedPlan(max(lead - 1.0, 0.0), RESUME_MPS2, hard)

    def _follow(self, ego: Footprint, hazard: Footprint) -> None:
        """Cap the speed at what keeps the distance to the hazard, if it drives ahead; gently, after a braking."""
        gap, _ = self._gap(ego, hazard)
        lead = float(hazard.velocity_mps @ ego.axes[0])
        _, offset = self._path.project(hazard.centre_m)
        target = math.inf
        if lead > 1.0 and gap > 0.0 and abs(offset) < ego.half_m[1] + hazard.half_m[1]:
            target = max(lead + 0.2 * (gap - STANDSTILL_GAP_M - HEADWAY_S * lead), 0.0)
        self.cap = SpeedPlan(target, RESUME_MPS2, RESUME_MPS2) if self._braked or target < math.inf else None
