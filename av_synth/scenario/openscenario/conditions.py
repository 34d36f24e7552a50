"""Triggers of OpenSCENARIO as our `when`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from av_synth.scenario.openscenario.context import KMH, Context, Happening, Words, rounded
from av_synth.scenario.openscenario.parameters import compare
from av_synth.scenario.openscenario.report import UnsaidError
from av_synth.scenario.openscenario.tree import Element
from av_synth.scenario.words import LONGEST_WAIT_S

STANDS_KMH = 0.5
_CLOSE = 0.1  # equality of measured numbers, in their own unit
_MOST_JOINED = 10  # of the language's all, any and then
Held = Words | bool
"""A condition, or whether it is always or never so."""
_ENDED = ("endTransition", "completeState", "stopTransition")
_BEGUN = ("startTransition", "runningState")
_DISTANCES = {"longitudinal": "gap_m", "lateral": "aside_m"}


@dataclass
class Part:
    """An element of the storyboard that triggers can name.

    Attributes:
        element: it.
        kind: as triggers call it.
        path: its name after those of the elements around it, see `path_of`.
        happenings: the events in it.
    """

    element: Element
    kind: str
    path: str
    happenings: list[Happening] = field(default_factory=list)


def path_of(*names: str) -> str:
    """Names one inside the other; within one, `::`, `:` and `/` are between names too."""
    parts = [part for name in names for part in name.replace(":", "/").split("/") if part]
    return "".join(f"/{part}" for part in parts)


def _common(path: str, other: str) -> int:
    pairs = zip(path.split("/"), other.split("/"), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


class Triggers:
    """Puts triggers into our words.

    Args:
        context: see there.
        story: the storyboard's elements.
        parameters: their values, and those of variables, at the start.
        settings: what happens in the story that gives one of them another value, and which.
    """

    def __init__(
        self,
        context: Context,
        story: Sequence[Part],
        parameters: Mapping[str, str],
        settings: Mapping[str, list[tuple[Happening, str]]],
    ) -> None:
        self._context = context
        self._story = story
        self._parameters = parameters
        self._settings = settings
        self._inside: list[Element] = []

    def of(self, happening: Happening) -> Held:
        """When an event happens: its own trigger, once its act has begun.

        Raises:
            UnsaidError: if it cannot be told.
        """
        if happening.element in self._inside:
            raise UnsaidError("it waits for itself")
        self._inside.append(happening.element)
        try:
            gate = True if happening.gate is None else self.trigger(happening.gate)
            start = happening.element.find("StartTrigger")
            return _then(gate, True if start is None else self.trigger(start))
        finally:
            self._inside.pop()

    def trigger(self, element: Element) -> Held:
        """A trigger: groups of which one must hold.

        Raises:
            UnsaidError: if none of them can be told.
        """
        groups = element.all("ConditionGroup")
        if not groups:
            # a start that nothing triggers is at once
            self._context.report.kept(element)
            return True
        held: list[Held] = []
        why: UnsaidError | None = None
        for group in groups:
            try:
                held.append(_all([self._condition(one) for one in group.all("Condition")]))
            except UnsaidError as error:
                why = error
        if not held and why is not None:
            raise why
        return _any(held)

    def _condition(self, element: Element) -> Held:
        try:
            kind = next((one for one in element.inside if one.tag.startswith("By")), None)
            if kind is None:
                raise element.wrong("has no condition; want one")
            held = self._by_entity(kind) if kind.tag == "ByEntityCondition" else self._by_value(kind)
        except UnsaidError as error:
            self._context.report.lost(element, str(error), changes=True)
            raise UnsaidError(f"its condition {element.word('name', '')!r} has no words: {error}") from error
        if isinstance(held, bool):
            self._context.report.kept(element)
            return held
        held = _edged(held, element.word("conditionEdge", "none"))
        delay = element.number("delay", 0.0)
        if delay > 0:
            delay += float(str(held.get("delay_s", 0.0)))  # of what it stands for
            held = {**held, "delay_s": rounded(min(delay, LONGEST_WAIT_S))}
        self._context.report.kept(element)
        return held

    def _by_value(self, kind: Element) -> Held:
        one = _only(kind)
        if one.tag == "SimulationTimeCondition":
            return _time(one)
        if one.tag in ("StoryboardElementStateCondition", "StoryElementStateCondition"):
            return self._progress(one)
        if one.tag in ("ParameterCondition", "VariableCondition"):
            name = one.word("parameterRef", one.word("variableRef", "")).lstrip("$")
            if name not in self._parameters:
                # what others use for their own pass criteria; it cannot become true by the file itself
                return False
            return self._value(name, one.word("rule"), one.word("value"))
        raise UnsaidError(f"there is no such trigger as {one.tag}")

    def _value(self, name: str, rule: str, limit: str) -> Held:
        """What a parameter is at the start, or once an event has set it."""
        settings = self._settings.get(name, [])
        told = [compare(rule, value, limit) for value in (self._parameters[name], *(text for _, text in settings))]
        if None in told:
            raise UnsaidError(f"{name} cannot be compared")
        if len({*told}) == 1:
            return bool(told[0])
        if len(settings) > 1:
            raise UnsaidError(f"{name} is set by several events")
        held = self._begun(settings[0][0])
        if isinstance(held, bool):
            return held == bool(told[1])
        return held if told[1] else {"none": [held]}

    def _progress(self, one: Element) -> Held:
        kind, name = one.word("storyboardElementType"), one.word("storyboardElementRef")
        state = one.word("state")
        happenings = self._called(kind, name)
        if state in _ENDED:
            return _all([self._over(one) for one in happenings])
        if state in _BEGUN:
            if kind in ("event", "action"):
                return _any([self._begun(one) for one in happenings])
            gate = happenings[0].gate if happenings else None
            return True if gate is None or kind == "story" else self.trigger(gate)
        raise UnsaidError(f"the state {state} of {name!r} has no words")

    def _called(self, kind: str, name: str) -> list[Happening]:
        """The events below the element of this name, which may have names of those around it before it."""
        end = path_of(name)
        found = [one for one in self._story if one.path.endswith(end)]
        found = [one for one in found if one.kind == kind] or found
        if not found:
            raise UnsaidError(f"there is no {kind} {name!r}")
        # a manoeuvre of a catalog is there several times, and each means its own events
        asks = next((one.path for one in self._story if self._inside and one.element is self._inside[-1]), "")
        common = [_common(one.path, asks) for one in found]
        near = [one for one, names in zip(found, common, strict=True) if names == max(common)]
        if len(near) > 1:
            raise UnsaidError(f"{name!r} is the name of {len(near)} parts of the storyboard")
        return near[0].happenings

    def _begun(self, happening: Happening) -> Held:
        return {"after": {"event": happening.names[0]}} if happening.names else self.of(happening)

    def _over(self, happening: Happening) -> Held:
        if not happening.names:
            return self.of(happening)
        if happening.lasts_s is not None:
            after = {"event": happening.names[0]}
            return {"after": {**after, "after_s": rounded(happening.lasts_s)} if happening.lasts_s else after}
        return _all([{"after": {"event": name, "done": True}} for name in happening.names])

    def _by_entity(self, kind: Element) -> Held:
        triggering = kind.need("TriggeringEntities")
        names = [self._context.actor(one).entity.name for one in triggering.all("EntityRef")]
        one = _only(kind.need("EntityCondition"))
        if one.tag not in _BY_ENTITY:
            raise UnsaidError(f"there is no such trigger as {one.tag}")
        held = [_BY_ENTITY[one.tag](self._context, one, name) for name in names]
        every = triggering.word("triggeringEntitiesRule", "any") == "all"
        return _all(held) if every else _any(held)


def _only(element: Element) -> Element:
    if not element.inside:
        raise element.wrong("is empty")
    return element.inside[0]


def _edged(held: Words, edge: str) -> Words:
    certain = {"time_s", "travelled_m", "contact", "after", "all", "any", "then"}
    if edge == "falling":
        return {"none": [held], "anew": True}
    if edge == "risingOrFalling" and not certain & held.keys():
        return {"any": [{**held, "anew": True}, {"none": [held], "anew": True}]}
    return {**held, "anew": True} if edge == "rising" and not certain & held.keys() else held


def _time(one: Element) -> Held:
    value, rule = one.number("value"), one.word("rule")
    if rule in ("greaterThan", "greaterOrEqual", "equalTo"):
        return {"time_s": rounded(min(value, LONGEST_WAIT_S))} if value > 0.01 else True
    if rule in ("lessThan", "lessOrEqual"):
        return {"none": [{"time_s": rounded(min(value, LONGEST_WAIT_S))}]} if value > 0 else False
    return value != 0


def _limits(one: Element, factor: float = 1.0, attribute: str = "value") -> Words:
    """A rule and its value as a range."""
    value, rule = one.number(attribute) * factor, one.word("rule")
    if rule in ("greaterThan", "greaterOrEqual"):
        return {"min": rounded(value)}
    if rule in ("lessThan", "lessOrEqual"):
        return {"max": rounded(value)}
    if rule == "equalTo":
        return {"min": rounded(value - _CLOSE), "max": rounded(value + _CLOSE)}
    raise UnsaidError(f"the rule {rule} has no words")


def _between(context: Context, one: Element, me: str) -> Words:
    room = {} if one.flag("freespace") else {"centres": True}
    return {"of": me, "to": context.actor(one).entity.name, **room}


def _headway(context: Context, one: Element, me: str) -> Held:
    # esmini and the standard know a headway to what is ahead only
    return {"gap_s": {**_between(context, one, me), **_limits(one), "ahead": True}}


def _distance(context: Context, one: Element, me: str) -> Held:
    kind = _DISTANCES.get(one.word("relativeDistanceType", "euclidianDistance"), "distance_m")
    return {kind: {**_between(context, one, me), **_limits(one)}}


def _collision_time(context: Context, one: Element, me: str) -> Held:
    target = one.need("TimeToCollisionConditionTarget").find("EntityRef")
    if target is None:
        raise UnsaidError("time to collision with a place has no words")
    return {"ttc_s": {"of": me, "to": context.actor(target).entity.name, **_limits(one)}}


def _collision(context: Context, one: Element, me: str) -> Held:
    target = one.find("EntityRef")
    if target is None:
        return {"contact": {"of": me, "to": None}}
    return {"contact": {"of": me, "to": context.actor(target).entity.name}}


def _near(context: Context, position: Element, me: str, within_m: float) -> Words:
    who = next(actor for actor in context.actors.values() if actor.entity.name == me)
    spot = context.passed(position, who)
    return {"near": {"of": me, "at": spot.place(), "within_m": max(rounded(within_m), 0.1)}}


def _reach(context: Context, one: Element, me: str) -> Held:
    return _near(context, one.need("Position"), me, one.number("tolerance"))


def _place_distance(context: Context, one: Element, me: str) -> Held:
    near = _near(context, one.need("Position"), me, one.number("value"))
    rule = one.word("rule")
    if rule in ("lessThan", "lessOrEqual"):
        return near
    if rule in ("greaterThan", "greaterOrEqual"):
        return {"none": [near]}
    raise UnsaidError(f"the rule {rule} has no words")


def _relative_speed(context: Context, one: Element, me: str) -> Held:
    return {"faster_kmh": {"of": me, "to": context.actor(one).entity.name, **_limits(one, KMH)}}


def _acceleration(_: Context, one: Element, me: str) -> Held:
    if one.word("direction", "longitudinal") != "longitudinal":
        raise UnsaidError(f"an acceleration that is {one.word('direction')} has no words")
    return {"acceleration_mps2": {"of": me, **_limits(one)}}


_BY_ENTITY: Mapping[str, Callable[[Context, Element, str], Held]] = {
    "TimeHeadwayCondition": _headway,
    "RelativeDistanceCondition": _distance,
    "TimeToCollisionCondition": _collision_time,
    "CollisionCondition": _collision,
    "ReachPositionCondition": _reach,
    "DistanceCondition": _place_distance,
    "RelativeSpeedCondition": _relative_speed,
    "SpeedCondition": lambda _, one, me: {"speed_kmh": {"of": me, **_limits(one, KMH)}},
    "AccelerationCondition": _acceleration,
    "StandStillCondition": lambda _, one, me: {
        "speed_kmh": {"of": me, "max": STANDS_KMH},
        "for_s": rounded(one.number("duration")),
    },
    "TraveledDistanceCondition": lambda _, one, me: {"travelled_m": {"of": me, "min": rounded(one.number("value"))}},
    "EndOfRoadCondition": lambda _, one, me: {"lane_ends": {"of": me}, "for_s": rounded(one.number("duration"))},
    "OffroadCondition": lambda _, one, me: {"off_road": {"of": me}, "for_s": rounded(one.number("duration"))},
}


def _joined(key: str, parts: list[Words]) -> Words:
    if len(parts) == 1:
        return parts[0]
    while len(parts) > _MOST_JOINED:
        parts = [
            {key: parts[first : first + _MOST_JOINED]} if parts[first + 1 :] else parts[first]
            for first in range(0, len(parts), _MOST_JOINED)
        ]
    return {key: parts}


def _all(held: list[Held]) -> Held:
    if any(one is False for one in held):
        return False
    parts = [one for one in held if not isinstance(one, bool)]
    return _joined("all", parts) if parts else True


def _any(held: list[Held]) -> Held:
    if any(one is True for one in held):
        return True
    parts = [one for one in held if not isinstance(one, bool)]
    return _joined("any", parts) if parts else False


def _then(first: Held, second: Held) -> Held:
    if first is False or second is False:
        return False
    if isinstance(first, bool):
        return second
    return first if isinstance(second, bool) else {"then": [first, second]}
