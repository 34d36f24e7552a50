"""Single conditions of a trigger: what is asked of one frame, of the time, of somebody, of two, of the road."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import carla
import numpy as np

from av_synth.director.footprints import touching
from av_synth.director.manoeuvres.control import WALKER_ACCELERATION_MPS2
from av_synth.director.roads.lanes import DRIVEN
from av_synth.director.roads.poses import locate
from av_synth.director.roads.routes import heading_rad
from av_synth.director.view import Along, View
from av_synth.geometry.carla import location_from_point
from av_synth.geometry.transforms import Array
from av_synth.metrics import Footprint, distance_m, time_to_collision_s
from av_synth.scenario.exact import Near
from av_synth.scenario.model import EventSpec
from av_synth.scenario.triggers import (
    Between,
    Gap,
    Own,
    Progress,
    Reaches,
    Region,
    Sight,
    SignalState,
    Speed,
    Touch,
    When,
    Whose,
)
from av_synth.scenario.words import EGO

_MOVING_MPS = 0.1
DRIVING = sum(int(getattr(carla.LaneType, name)) for name in DRIVEN)
Condition = Callable[[View], bool]


def single(when: When, event: EventSpec) -> Condition:
    """The condition that `when` has, whatever it says of how long and how often; it joins no others.

    It does not hold of somebody who is not on stage.
    """
    return _KINDS[when.kind](getattr(when, when.kind), event)


def arrival_s(ego: Along, actor: Along) -> float:
    """Time until the ego's front is level with the actor's middle, at the ego's present speed; inf if it stands."""
    to_go = actor.middle_m - ego.front_m
    return to_go / ego.speed_mps if ego.speed_mps > _MOVING_MPS else math.inf


def _asked(holds: Callable[..., bool], *names: str | None) -> Condition:
    """`holds(view, id, ...)` while all of them are on stage."""

    def look(view: View) -> bool:
        ids = [view.scene.ids.get(name or "") for name in names]
        return None not in ids and holds(view, *ids)

    return look


def _places(holds: Callable[..., bool], *names: str | None) -> Condition:
    return _asked(lambda view, *ids: holds(*map(view.along, ids)), *names)


def _boxes(holds: Callable[..., bool], *names: str | None) -> Condition:
    return _asked(lambda view, *ids: holds(*map(view.box, ids)), *names)


# -- of the time, and of lights ---------------------------------------------------------------------------------


def _time(time_s: float, _: EventSpec) -> Condition:
    return lambda view: view.time_us >= time_s * 1e6


def _after(after: Progress, _: EventSpec) -> Condition:
    def look(view: View) -> bool:
        times_us = view.scene.over_us if after.done else view.scene.begun_us
        return after.event in times_us and view.time_us >= times_us[after.event] + after.after_s * 1e6

    return look


def _signal(signal: SignalState, _: EventSpec) -> Condition:
    return lambda view: view.scene.light(signal.arm) == signal.state


# -- of two, along the ego's path -------------------------------------------------------------------------------


def _arrives(arrives_in_s: float, event: EventSpec) -> Condition:
    return _places(lambda ego, actor: arrival_s(ego, actor) <= arrives_in_s, EGO, event.actor)


def _crosses(before_s: float, event: EventSpec) -> Condition:
    cross = None if event.do is None else event.do.cross
    if cross is None:
        return lambda _: False
    speed = cross.speed_kmh / 3.6

    def due(ego: Along, actor: Along) -> bool:
        crossing_s = abs(actor.offset_m) / speed + speed / (2.0 * WALKER_ACCELERATION_MPS2)
        return arrival_s(ego, actor) <= crossing_s + before_s

    return _places(due, EGO, event.actor)


def _ego_gap(gap_m: float, event: EventSpec) -> Condition:
    return _places(lambda ego, actor: actor.gap_m(ego) <= gap_m, EGO, event.actor)


def _gap(measure: Callable[[Gap, Along, Along], float], gap: Gap, event: EventSpec) -> Condition:
    def holds(one: Along, other: Along) -> bool:
        ahead = (other.middle_m > one.middle_m) == one.along
        return (ahead or not gap.ahead) and gap.holds(measure(gap, one, other))

    return _places(holds, gap.of or event.actor, gap.to)


def _room_m(gap: Gap, one: Along, other: Along) -> float:
    return abs(one.middle_m - other.middle_m) if gap.centres else one.gap_m(other)


def _room_s(gap: Gap, one: Along, other: Along) -> float:
    """The room at the speed of the one behind, as it goes forward; inf if that one stands."""
    behind = one if gap.ahead or one.middle_m < other.middle_m else other
    speed = behind.speed_mps if behind.along or not gap.ahead else -behind.speed_mps
    return _room_m(gap, one, other) / speed if speed > _MOVING_MPS else math.inf


def _aside_m(gap: Gap, one: Along, other: Along) -> float:
    apart = abs(one.offset_m - other.offset_m)
    return apart if gap.centres else apart - one.half_width_m - other.half_width_m


# -- of two, wherever they are ----------------------------------------------------------------------------------


def _distance(gap: Gap, event: EventSpec) -> Condition:
    def holds(one: Footprint, other: Footprint) -> bool:
        apart = other.centre_m - one.centre_m
        if gap.ahead and float(apart @ one.axes[0]) <= 0.0:
            return False
        return gap.holds(math.hypot(*apart) if gap.centres else distance_m(one, other))

    return _boxes(holds, gap.of or event.actor, gap.to)


def _between(measure: Callable[[Footprint, Footprint], float], between: Between, event: EventSpec) -> Condition:
    return _boxes(lambda one, other: between.holds(measure(one, other)), between.of or event.actor, between.to)


def _faster_kmh(one: Footprint, other: Footprint) -> float:
    return _speed_kmh(one) - _speed_kmh(other)


def _contact(touch: Touch, event: EventSpec) -> Condition:
    """Of the boxes of actors: what belongs to a town, its houses and posts, has none."""
    one = touch.of or event.actor
    if touch.to is not None:
        return _boxes(touching, one, touch.to)
    return _asked(lambda view, actor_id: view.touched(actor_id), one)


def _sees(sight: Sight, event: EventSpec) -> Condition:
    return _asked(lambda view, by, of: view.sees(by, of), sight.by, sight.of or event.actor)


def _loses_sight(sight: Sight, event: EventSpec) -> Condition:
    saw = False

    def lost(view: View, by: int, of: int) -> bool:
        nonlocal saw
        sees = view.sees(by, of)
        saw = saw or sees
        return saw and not sees

    return _asked(lost, sight.by, sight.of or event.actor)


# -- of one -----------------------------------------------------------------------------------------------------


def _speed_kmh(box: Footprint) -> float:
    return math.hypot(*box.velocity_mps) * 3.6


def _speed(speed: Speed, event: EventSpec) -> Condition:
    return _boxes(lambda box: speed.holds(_speed_kmh(box)), speed.of or event.actor)


def _acceleration(own: Own, event: EventSpec) -> Condition:
    return _asked(lambda view, actor_id: own.holds(view.acceleration_mps2(actor_id)), own.of or event.actor)


def _travelled(own: Own, event: EventSpec) -> Condition:
    name = own.of or event.actor or ""
    return _asked(lambda view, _: own.holds(view.scene.travelled_m.get(name, 0.0)), name)


def _from_anchor(holds: Callable[[Along, float], bool], asked: Reaches | Region, event: EventSpec) -> Condition:
    """`holds(place, how far it is beyond the anchor)`."""

    def look(view: View, actor_id: int) -> bool:
        anchor, place = view.anchor_m(asked.anchor), view.along(actor_id)
        return anchor is not None and holds(place, place.middle_m - anchor)

    return _asked(look, asked.of or event.actor)


def _reaches(reaches: Reaches, event: EventSpec) -> Condition:
    def there(place: Along, beyond_m: float) -> bool:
        return beyond_m >= reaches.ahead_m if place.along else beyond_m <= reaches.ahead_m

    return _from_anchor(there, reaches, event)


def _region(region: Region, event: EventSpec) -> Condition:
    def inside(place: Along, beyond_m: float) -> bool:
        across = region.right_m <= place.offset_m <= region.left_m
        return across and region.from_m <= beyond_m <= region.to_m

    return _from_anchor(inside, region, event)


# -- of one, on the map -----------------------------------------------------------------------------------------


def _near(near: Near, event: EventSpec) -> Condition:
    spot: Array | None = None

    def look(view: View, actor_id: int) -> bool:
        nonlocal spot
        if spot is None:
            spot = locate(view.scene.map, near.at).point_m[:2]
        return math.hypot(*(view.box(actor_id).centre_m - spot)) <= near.within_m

    return _asked(look, near.of or event.actor)


def _location(box: Footprint) -> carla.Location:
    return location_from_point(np.array([*box.centre_m, box.bottom_m]))


def _lane_ends(whose: Whose, event: EventSpec) -> Condition:
    """No lane goes on from where its front is; for who faces against it, none comes from there."""

    def look(view: View, actor_id: int) -> bool:
        box = view.box(actor_id)
        here = view.scene.map.get_waypoint(_location(box), lane_type=DRIVING)
        if here is None:
            return False
        reach_m = float(box.half_m[0])
        along = math.cos(heading_rad(here) - box.yaw_rad) >= 0.0
        return not (here.next(reach_m) if along else here.previous(reach_m))

    return _asked(look, whose.of or event.actor)


def _off_road(whose: Whose, event: EventSpec) -> Condition:
    def look(view: View, actor_id: int) -> bool:
        here = _location(view.box(actor_id))
        return view.scene.map.get_waypoint(here, project_to_road=False, lane_type=DRIVING) is None

    return _asked(look, whose.of or event.actor)


_KINDS: Mapping[str, Callable[[Any, EventSpec], Condition]] = {
    "time_s": _time,
    "after": _after,
    "signal": _signal,
    "ego_arrives_in_s": _arrives,
    "crosses_before_ego_s": _crosses,
    "ego_gap_m": _ego_gap,
    "gap_m": partial(_gap, _room_m),
    "gap_s": partial(_gap, _room_s),
    "aside_m": partial(_gap, _aside_m),
    "distance_m": _distance,
    "ttc_s": partial(_between, time_to_collision_s),
    "faster_kmh": partial(_between, _faster_kmh),
    "contact": _contact,
    "sees": _sees,
    "loses_sight": _loses_sight,
    "speed_kmh": _speed,
    "acceleration_mps2": _acceleration,
    "travelled_m": _travelled,
    "reaches": _reaches,
    "region": _region,
    "near": _near,
    "lane_ends": _lane_ends,
    "off_road": _off_road,
}
