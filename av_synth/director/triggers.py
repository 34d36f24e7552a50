"""Triggers: when an event of the scenario begins."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from av_synth.director.control import WALKER_ACCELERATION_MPS2
from av_synth.director.view import Along, View
from av_synth.metrics import distance_m, time_to_collision_s
from av_synth.scenario.model import EventSpec
from av_synth.scenario.triggers import Between, When
from av_synth.scenario.words import EGO

MOVING_MPS = 0.1
Condition = Callable[[View], bool]


def arrival_s(ego: Along, actor: Along) -> float:
    """Time until the ego's front is level with the actor's middle, at the ego's present speed; inf if it stands."""
    to_go = actor.middle_m - ego.front_m
    return to_go / ego.speed_mps if ego.speed_mps > MOVING_MPS else math.inf


def watch(event: EventSpec) -> Condition:
    """A condition that is to be asked once at every frame, in order, until it holds; it keeps count of the time.

    What is asked of somebody who is not on stage never holds.
    """
    return _watch(event.when, event)


def _watch(when: When, event: EventSpec) -> Condition:
    if when.all is not None:
        return _lasting(_all([_watch(part, event) for part in when.all]), when)
    if when.any is not None:
        return _lasting(_any([_watch(part, event) for part in when.any]), when)
    if when.then is not None:
        return _lasting(_then([_watch(part, event) for part in when.then]), when)
    return _lasting(_single(when, event), when)


def _lasting(holds: Condition, when: When) -> Condition:
    """The same, once it has held for so long and then some time has passed."""
    if when.for_s == 0.0 and when.delay_s == 0.0:
        return holds
    since_us: int | None = None
    met_us: int | None = None

    def look(view: View) -> bool:
        nonlocal since_us, met_us
        if met_us is None:
            if not holds(view):
                since_us = None
                return False
            since_us = view.time_us if since_us is None else since_us
            if view.time_us - since_us < when.for_s * 1e6:
                return False
            met_us = view.time_us
        return view.time_us - met_us >= when.delay_s * 1e6

    return look


def _all(parts: list[Condition]) -> Condition:
    def look(view: View) -> bool:
        held = [part(view) for part in parts]  # each keeps count, so each is asked
        return all(held)

    return look


def _any(parts: list[Condition]) -> Condition:
    def look(view: View) -> bool:
        held = [part(view) for part in parts]
        return any(held)

    return look


def _then(parts: list[Condition]) -> Condition:
    met = 0

    def look(view: View) -> bool:
        nonlocal met
        if met < len(parts) and parts[met](view):
            met += 1
        return met == len(parts)

    return look


def _single(when: When, event: EventSpec) -> Condition:
    made = _of_time(when) or _of_two(when, event) or _of_place(when, event) or _of_sight(when, event)
    if made is None:
        raise ValueError(f"no such condition: {when.kind}")
    return made


def _of_time(when: When) -> Condition | None:
    if when.time_s is not None:
        at_us = when.time_s * 1e6
        return lambda view: view.time_us >= at_us
    if when.after is not None:
        after = when.after

        def look(view: View) -> bool:
            times_us = view.scene.over_us if after.done else view.scene.begun_us
            return after.event in times_us and view.time_us >= times_us[after.event] + after.after_s * 1e6

        return look
    if when.signal is not None:
        signal = when.signal
        return lambda view: view.scene.light(signal.arm) == signal.state
    return None


def _of_two(when: When, event: EventSpec) -> Condition | None:
    """Conditions between the ego, or another, and the event's actor."""
    if when.ego_arrives_in_s is not None:
        arrives_in_s = when.ego_arrives_in_s
        return _along(EGO, event.actor, lambda ego, actor: arrival_s(ego, actor) <= arrives_in_s)
    if when.crosses_before_ego_s is not None:
        before_s, cross = when.crosses_before_ego_s, None if event.do is None else event.do.cross
        if cross is None:
            return lambda _: False
        speed = cross.speed_kmh / 3.6

        def due(ego: Along, actor: Along) -> bool:
            crossing_s = abs(actor.offset_m) / speed + speed / (2.0 * WALKER_ACCELERATION_MPS2)
            return arrival_s(ego, actor) <= crossing_s + before_s

        return _along(EGO, event.actor, due)
    if when.ego_gap_m is not None:
        ego_gap_m = when.ego_gap_m
        return _along(EGO, event.actor, lambda ego, actor: actor.gap_m(ego) <= ego_gap_m)
    if when.gap_m is not None:
        gap_m = when.gap_m
        return _along(*_pair(gap_m, event), lambda one, other: gap_m.holds(one.gap_m(other)))
    if when.gap_s is not None:
        gap_s = when.gap_s
        return _along(*_pair(gap_s, event), lambda one, other: gap_s.holds(time_gap_s(one, other)))
    for asked, measure in ((when.distance_m, distance_m), (when.ttc_s, time_to_collision_s)):
        if asked is not None:
            return _boxes(*_pair(asked, event), lambda one, other, a=asked, m=measure: a.holds(m(one, other)))
    return None


def time_gap_s(one: Along, other: Along) -> float:
    """Free length between two at the speed of the one behind, as it goes forward; inf if that one stands."""
    behind = one if one.middle_m < other.middle_m else other
    return one.gap_m(other) / behind.speed_mps if behind.speed_mps > MOVING_MPS else math.inf


def _of_place(when: When, event: EventSpec) -> Condition | None:
    if when.speed_kmh is not None:
        speed = when.speed_kmh
        return _boxes(
            speed.of or event.actor, EGO, lambda box, _: speed.holds(float(np.hypot(*box.velocity_mps)) * 3.6)
        )
    if when.reaches is not None:
        reaches = when.reaches

        def there(view: View) -> bool:
            anchor, actor = view.anchor_m(reaches.anchor), view.scene.ids.get(reaches.of or event.actor or "")
            if anchor is None or actor is None:
                return False
            place = view.along(actor)
            beyond_m = place.middle_m - anchor - reaches.ahead_m
            return beyond_m >= 0.0 if place.along else beyond_m <= 0.0

        return there
    if when.region is not None:
        region = when.region

        def inside(view: View) -> bool:
            anchor, actor = view.anchor_m(region.anchor), view.scene.ids.get(region.of or event.actor or "")
            if anchor is None or actor is None:
                return False
            place = view.along(actor)
            between = region.from_m <= place.middle_m - anchor <= region.to_m
            return between and region.right_m <= place.offset_m <= region.left_m

        return inside
    return None


def _of_sight(when: When, event: EventSpec) -> Condition | None:
    sight = when.sees or when.loses_sight
    if sight is None:
        return None
    by, of, wants = sight.by, sight.of or event.actor or "", when.sees is not None
    saw = False

    def look(view: View) -> bool:
        nonlocal saw
        if by not in view.scene.ids or of not in view.scene.ids:
            return False
        sees = view.sees(view.scene.ids[by], view.scene.ids[of])
        saw = saw or sees
        return sees if wants else saw and not sees

    return look


def _pair(between: Between, event: EventSpec) -> tuple[str | None, str]:
    return between.of or event.actor, between.to


def _along(one: str | None, other: str | None, holds: Callable[[Along, Along], bool]) -> Condition:
    def look(view: View) -> bool:
        ids = [view.scene.ids.get(name or "") for name in (one, other)]
        return None not in ids and holds(*(view.along(actor_id) for actor_id in ids if actor_id is not None))

    return look


def _boxes(one: str | None, other: str | None, holds: Callable[..., bool]) -> Condition:
    def look(view: View) -> bool:
        ids = [view.scene.ids.get(name or "") for name in (one, other)]
        return None not in ids and holds(*(view.box(actor_id) for actor_id in ids if actor_id is not None))

    return look
