"""The ego's driver on frames of a test's own: when hazards are seen and braked for, and how it ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from av_synth.director.manoeuvres.driver import AWAKE_S, Driver
from av_synth.director.manoeuvres.paces import SpeedPlan
from av_synth.director.roads.courses import Line
from av_synth.director.roads.path import Path
from av_synth.scenario.model import Reaction
from tests.director.views import EGO_ID, OTHER_ID, frame, look, scene, straight

DT_S = 0.05
Hazard = Callable[[float, "Drive"], tuple[float, float, float] | None]
"""Station, offset and speed along the ego's path, by the time and what was so far; None while it is not there."""


@dataclass
class Drive:
    """An ego that keeps to a path and to its driver's caps."""

    path: Path
    reaction: Reaction
    speed_mps: float
    station_m: float = 0.0
    events: list[tuple[float, str]] = field(default_factory=list)
    gaps_m: list[float] = field(default_factory=list)
    ttcs_s: list[float] = field(default_factory=list)
    speeds_mps: list[float] = field(default_factory=list)

    def go(self, hazard: Hazard, seconds: float) -> Drive:
        wanted, stage = self.speed_mps, scene(self.path)
        player = SimpleNamespace(actor=SimpleNamespace(id=EGO_ID), line=Line(self.path), cap=None)
        driver = Driver(player, self.reaction)  # type: ignore[arg-type]
        for k in range(round(seconds / DT_S)):
            t = k * DT_S
            placed = {EGO_ID: ("ego", *self._at(self.station_m, 0.0), self.speed_mps)}
            there = hazard(t, self)
            stage.ids = {"ego": EGO_ID}
            if there is not None:
                station, offset, speed = there
                placed[OTHER_ID] = ("other", *self._at(station, offset), speed)
                stage.ids["other"] = OTHER_ID
                self.gaps_m.append(station - self.station_m - 4.0)
                closing = self.speed_mps - speed
                self.ttcs_s.append(self.gaps_m[-1] / closing if closing > 0 else math.inf)
            self.events += [(round(t, 2), event.kind) for event in driver.look(look(stage, frame(t, placed)))]
            plan = player.cap or SpeedPlan(wanted)
            target = min(plan.target_mps, wanted)
            step = target - self.speed_mps
            self.speed_mps += min(max(step, -plan.deceleration_mps2 * DT_S), plan.acceleration_mps2 * DT_S)
            self.station_m += self.speed_mps * DT_S
            self.speeds_mps.append(self.speed_mps)
        return self

    def at(self, kind: str) -> list[float]:
        return [time for time, found in self.events if found == kind]

    def _at(self, station: float, offset: float) -> tuple[float, float, float]:
        x, y, _ = self.path.point(station, offset).tolist()
        return x, y, self.path.heading_rad(station)


def reaction(delay_s: float, deceleration_mps2: float = 6.0) -> Reaction:
    return Reaction(to=("other",), delay_s=delay_s, deceleration_mps2=deceleration_mps2)


def bend(radius_m: float) -> Path:
    angles = np.linspace(-1.0, 3.0, 400)
    return Path(np.column_stack([radius_m * np.sin(angles), radius_m * (1 - np.cos(angles)), 0 * angles]), 100)


def test_somebody_who_stands_in_a_bend_is_seen_along_the_bend_as_soon_as_on_a_straight_road() -> None:
    in_bend, on_straight = (
        Drive(path, reaction(1.4), 11.0).go(lambda *_: (65.0, 0.0, 0.0), 12.0) for path in (bend(40.0), straight(200.0))
    )

    assert in_bend.events[:2] == [(1.5, "seen"), (2.9, "brake")]
    assert in_bend.events == on_straight.events
    assert min(in_bend.gaps_m) > 2.0


def test_a_slower_one_ahead_is_slowed_down_for_a_reaction_time_after_it_asks_for_that() -> None:
    def lead(t: float, _: Drive) -> tuple[float, float, float]:
        return 120.0 + 5.0 * t, 0.0, 5.0

    quick, slow = (Drive(straight(400.0), reaction(delay_s), 20.0).go(lead, 20.0) for delay_s in (0.3, 2.0))
    asks_s = next(k for k, gap in enumerate(slow.gaps_m) if 5.0 + 0.2 * (gap - 3.0 - 1.2 * 5.0) < 20.0) * DT_S
    slows_s = [next(k for k, v in enumerate(drive.speeds_mps) if v < 20.0) * DT_S for drive in (quick, slow)]

    assert slows_s[0] == pytest.approx(asks_s + 0.3, abs=0.051)
    assert slows_s[1] == pytest.approx(slow.at("seen")[0] + 2.0, abs=0.051)
    assert min(slow.ttcs_s) < 2.1
    assert min(quick.ttcs_s) > 3.5
    assert min(slow.gaps_m) > 5.0
    assert slow.speeds_mps[-1] == pytest.approx(5.0, abs=0.5)


def test_who_has_braked_once_is_awake_and_brakes_sooner_the_next_time() -> None:
    drive = Drive(straight(400.0), reaction(2.2), 10.0).go(lambda *_: (80.0, 0.0, 0.0), 20.0)
    delays = [brake - seen for seen, brake in zip(drive.at("seen"), drive.at("brake"), strict=True)]

    assert delays[0] == pytest.approx(2.2)
    assert len(delays) > 1
    assert delays[1:] == pytest.approx([AWAKE_S] * len(delays[1:]))
    assert min(drive.gaps_m) > 1.5


def test_a_cyclist_who_keeps_beside_the_ego_is_no_conflict_and_one_who_stands_so_near_is() -> None:
    beside = Drive(straight(400.0), reaction(0.4), 7.0).go(
        lambda t, _: (3.0 * math.sin(t) + 7.0 * t, -2.3, 7.0 + 3.0 * math.cos(t)), 20.0
    )
    stands = Drive(straight(400.0), reaction(0.4), 7.0).go(lambda *_: (60.0, -2.3, 0.0), 20.0)

    assert beside.events == []
    assert min(beside.speeds_mps) == 7.0
    assert [kind for _, kind in stands.events[:2]] == ["seen", "brake"]
    assert stands.station_m < 58.0


def test_a_slower_one_that_vanishes_and_comes_again_is_followed_a_reaction_time_after_it_came_again() -> None:
    def lead(t: float, drive: Drive) -> tuple[float, float, float] | None:
        return None if 3.0 <= t < 8.0 else (drive.station_m + 30.0, 0.0, 17.0)

    drive = Drive(straight(400.0), reaction(1.5), 20.0).go(lead, 11.0)
    slows_s = [k * DT_S for k in range(1, len(drive.speeds_mps)) if drive.speeds_mps[k] < drive.speeds_mps[k - 1]]

    assert drive.at("brake") == []
    assert next(time for time in slows_s if time < 3.0) == pytest.approx(1.5, abs=0.051)
    assert next(time for time in slows_s if time >= 3.0) == pytest.approx(9.5, abs=0.051)


def test_who_appears_is_reacted_to_and_who_vanishes_is_driven_on_for() -> None:
    drive = Drive(straight(400.0), reaction(0.5), 10.0).go(
        lambda t, _: (50.0, 0.0, 0.0) if 2.0 <= t < 8.0 else None, 14.0
    )

    assert drive.events[:2] == [(2.0, "seen"), (2.5, "brake")]
    assert min(drive.gaps_m) > 0.0
    assert drive.speeds_mps[-1] == 10.0
