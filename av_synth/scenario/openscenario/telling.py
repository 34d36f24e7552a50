"""Our triggers in OpenSCENARIO 1.2's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

from av_synth.scenario.exact import Near
from av_synth.scenario.manoeuvres import Do
from av_synth.scenario.openscenario.conditions import STANDS_KMH
from av_synth.scenario.openscenario.context import KMH
from av_synth.scenario.openscenario.report import UnsaidError
from av_synth.scenario.openscenario.writing import Xml, limited, opposite, world, xml
from av_synth.scenario.triggers import Between, Gap, Own, Progress, Reaches, Touch, When, Whose
from av_synth.scenario.words import EGO

_WALKER_STARTS_S = 0.5  # until a pedestrian has its speed
_MOST_GROUPS = 64


@dataclass(frozen=True)
class Teller:
    """Who speaks.

    Attributes:
        names: of the actors of the file; ego is one of them.
        me: the event's actor.
        walks_to: `along` or `against`: where it comes if it goes straight ahead; empty where that is across.
        aside_m: how far its own line is from the ego's.
        anchors_m: how far along the ego's path features of the road are.
    """

    names: tuple[str, ...]
    me: str
    walks_to: str = ""
    aside_m: float = 3.5
    anchors_m: Mapping[str, float] = field(default_factory=dict)

    def who(self, name: str | None) -> str:
        """An actor; the event's own actor if none is named.

        Raises:
            UnsaidError: if it is not in the file.
        """
        found = name or self.me
        if found not in self.names:
            raise UnsaidError(f"{found} is not in the file")
        return found


Told = tuple[str, Xml]
"""Whose condition it is ('' for nobody's), and the condition."""
Groups = list[list[Xml]]


@dataclass(frozen=True)
class _Beside:
    """What a condition may be told by beside its own value: the rest of `when`, what the event has its actor do.

    `how` notes how what is told differs from ours.
    """

    when: When
    do: Do | None
    how: list[str]


def trigger(teller: Teller, when: When, do: Do | None) -> tuple[Xml, str]:
    """A StartTrigger, and how it differs from ours if it does.

    Raises:
        UnsaidError: if it cannot be told.
    """
    how: list[str] = []
    groups = _groups(teller, when, do, how)
    if len(groups) > _MOST_GROUPS:
        raise UnsaidError("it has too many combinations")
    inside = [xml("ConditionGroup", *conditions) for conditions in groups]
    return xml("StartTrigger", *inside), "; ".join(dict.fromkeys(how))


def _groups(teller: Teller, when: When, do: Do | None, how: list[str], later_s: float = 0.0) -> Groups:
    """Groups of which one must hold, each of conditions that must all hold; all of them so much later."""
    later_s += when.delay_s
    if when.for_s and not _can_last(when):
        raise UnsaidError("how long a condition must hold has no words")
    if when.anew and (when.kind in ("all", "any", "then") or len(when.none or ()) > 1):
        raise UnsaidError("that several conditions come to hold anew has no words")
    if when.any is not None:
        return [group for one in when.any for group in _groups(teller, one, do, how, later_s)]
    if when.all is not None or when.then is not None:
        if when.then is not None:
            how.append("all at once instead of one after the other")
        parts = [_groups(teller, one, do, how, later_s) for one in when.all or when.then or ()]
        return [[one for group in chosen for one in group] for chosen in product(*parts)]
    if when.none is not None:
        if any(one.for_s or one.delay_s or one.anew for one in when.none):
            raise UnsaidError("that a condition with a time or a beginning of its own does not hold has no words")
        return [[_condition(teller, one, do, how, later_s, rising=when.anew, negated=True) for one in when.none]]
    if when.gap_s is not None and not when.gap_s.ahead:  # a headway is to somebody ahead
        of, to = teller.who(when.gap_s.of), teller.who(when.gap_s.to)
        orders = [{"of": of, "to": to}, {"of": to, "to": of}]
        gaps = [when.gap_s.model_copy(update={**order, "ahead": True}) for order in orders]
        both = [when.model_copy(update={"gap_s": gap}) for gap in gaps]
        return [[_condition(teller, one, do, how, later_s, rising=when.anew)] for one in both]
    return [[_condition(teller, when, do, how, later_s, rising=when.anew)]]


def _can_last(when: When) -> bool:
    """Whether there are words for how long a condition must hold."""
    speed = when.speed_kmh
    stands = speed is not None and speed.min is None and speed.max is not None and speed.max <= STANDS_KMH
    return stands or when.lane_ends is not None or when.off_road is not None


def _condition(
    teller: Teller, when: When, do: Do | None, how: list[str], later_s: float, *, rising: bool, negated: bool = False
) -> Xml:
    kind = when.kind
    if kind not in _CONDITIONS:
        raise UnsaidError(f"there is no condition such as {kind}")
    whose, one = _CONDITIONS[kind](teller, getattr(when, kind), _Beside(when, do, how))
    if negated:
        if "rule" not in one.attrib:
            raise UnsaidError(f"that {kind} does not hold has no words")
        one.set("rule", opposite(one.attrib["rule"]))
    if when.after is not None:
        later_s += when.after.after_s
    inside = xml("ByValueCondition", one)
    if whose:
        triggering = xml("TriggeringEntities", xml("EntityRef", entityRef=whose), triggeringEntitiesRule="any")
        inside = xml("ByEntityCondition", triggering, xml("EntityCondition", one))
    return xml("Condition", inside, name=kind, delay=later_s, conditionEdge="rising" if rising else "none")


def _one(rules: list[tuple[str, float]]) -> tuple[str, float]:
    if len(rules) > 1:
        raise UnsaidError("a range with two ends has no words; want one end")
    return rules[0]


def _room(teller: Teller, gap: Gap, beside: _Beside) -> Told:
    kind = beside.when.kind
    if gap.ahead and kind != "gap_s":
        beside.how.append("whoever of the two is ahead")
    rule, value = _one(limited((gap.min, gap.max)))
    of, to = teller.who(gap.of), teller.who(gap.to)
    common: dict[str, object] = {"entityRef": to, "freespace": not gap.centres, "value": value, "rule": rule}
    if kind == "gap_s":
        road = {"coordinateSystem": "road", "relativeDistanceType": "longitudinal"}
        return of, xml("TimeHeadwayCondition", **common, **road)
    if kind == "distance_m":
        return of, xml("RelativeDistanceCondition", relativeDistanceType="euclidianDistance", **common)
    across = "lateral" if kind == "aside_m" else "longitudinal"
    return of, xml("RelativeDistanceCondition", relativeDistanceType=across, coordinateSystem="road", **common)


def _ego_gap(teller: Teller, gap_m: float, _: _Beside) -> Told:
    given = {"freespace": True, "relativeDistanceType": "longitudinal", "coordinateSystem": "road"}
    return teller.me, xml("RelativeDistanceCondition", entityRef=EGO, rule="lessOrEqual", value=gap_m, **given)


def _headway_of_ego(teller: Teller, seconds: float) -> Told:
    given = {"freespace": True, "relativeDistanceType": "longitudinal", "coordinateSystem": "road"}
    return EGO, xml("TimeHeadwayCondition", entityRef=teller.me, rule="lessOrEqual", value=seconds, **given)


def _arrives(teller: Teller, arrives_in_s: float, beside: _Beside) -> Told:
    beside.how.append("time to arrive as headway")
    return _headway_of_ego(teller, arrives_in_s)


def _crosses(teller: Teller, before_s: float, beside: _Beside) -> Told:
    cross = None if beside.do is None else beside.do.cross
    if cross is None:
        raise UnsaidError("it goes with cross only")
    beside.how.append("headway at which the way to the ego's line takes as long")
    walking = teller.aside_m / (cross.speed_kmh / KMH) + _WALKER_STARTS_S
    return _headway_of_ego(teller, max(walking + before_s, 0.0))


def _speed(teller: Teller, speed: Own, beside: _Beside) -> Told:
    if beside.when.for_s:
        return teller.who(speed.of), xml("StandStillCondition", duration=beside.when.for_s)
    return _own("SpeedCondition", teller, speed, 1.0 / KMH)


def _own(tag: str, teller: Teller, own: Own, factor: float = 1.0) -> Told:
    rule, value = _one(limited((own.min, own.max), factor))
    return teller.who(own.of), xml(tag, value=value, rule=rule)


def _travelled(teller: Teller, own: Own, _: _Beside) -> Told:
    if own.min is None or own.max is not None:
        raise UnsaidError("only a least way has words")
    return teller.who(own.of), xml("TraveledDistanceCondition", value=own.min)


def _reaches(teller: Teller, reaches: Reaches, beside: _Beside) -> Told:
    if teller.who(reaches.of) != EGO or reaches.anchor not in teller.anchors_m:
        raise UnsaidError("a station that another than the ego comes to, or that is told by another, has no words")
    beside.how.append("by the way that the ego has come")
    return EGO, xml("TraveledDistanceCondition", value=max(teller.anchors_m[reaches.anchor] + reaches.ahead_m, 0.0))


def _lasting(tag: str, teller: Teller, whose: Whose, beside: _Beside) -> Told:
    return teller.who(whose.of), xml(tag, duration=beside.when.for_s)


def _time(_: Teller, time_s: float, __: _Beside) -> Told:
    return "", xml("SimulationTimeCondition", value=time_s, rule="greaterOrEqual")


def _after(_: Teller, after: Progress, __: _Beside) -> Told:
    state = "endTransition" if after.done else "startTransition"
    given = {"storyboardElementType": "event", "storyboardElementRef": after.event, "state": state}
    return "", xml("StoryboardElementStateCondition", **given)


def _collides(teller: Teller, ttc: Between, _: _Beside) -> Told:
    rule, value = _one(limited((ttc.min, ttc.max)))
    target = xml("TimeToCollisionConditionTarget", xml("EntityRef", entityRef=teller.who(ttc.to)))
    given = {"freespace": True, "coordinateSystem": "entity", "relativeDistanceType": "euclidianDistance"}
    return teller.who(ttc.of), xml("TimeToCollisionCondition", target, value=value, rule=rule, **given)


def _touches(teller: Teller, touch: Touch, _: _Beside) -> Told:
    if touch.to is None:
        raise UnsaidError("a contact with whatever it is has no words")
    return teller.who(touch.of), xml("CollisionCondition", xml("EntityRef", entityRef=teller.who(touch.to)))


def _near(teller: Teller, near: Near, _: _Beside) -> Told:
    return teller.who(near.of), xml("ReachPositionCondition", world(near.at), tolerance=near.within_m)


def _faster(teller: Teller, between: Between, _: _Beside) -> Told:
    rule, value = _one(limited((between.min, between.max), 1.0 / KMH))
    return teller.who(between.of), xml(
        "RelativeSpeedCondition", entityRef=teller.who(between.to), value=value, rule=rule
    )


_CONDITIONS: Mapping[str, Callable[[Teller, Any, _Beside], Told]] = {
    "time_s": _time,
    "after": _after,
    "ego_gap_m": _ego_gap,
    "ego_arrives_in_s": _arrives,
    "crosses_before_ego_s": _crosses,
    **dict.fromkeys(("gap_m", "gap_s", "distance_m", "aside_m"), _room),
    "ttc_s": _collides,
    "speed_kmh": _speed,
    "acceleration_mps2": lambda teller, own, _: _own("AccelerationCondition", teller, own),
    "travelled_m": _travelled,
    "reaches": _reaches,
    "contact": _touches,
    "lane_ends": partial(_lasting, "EndOfRoadCondition"),
    "off_road": partial(_lasting, "OffroadCondition"),
    "near": _near,
    "faster_kmh": _faster,
}
