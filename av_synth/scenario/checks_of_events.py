"""Rules about events: who can do what, what can be waited for, and that something of it can ever come to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from av_synth.documents import Document, Strict
from av_synth.errors import Problem
from av_synth.messages import shown
from av_synth.plain_yaml import KeyPath
from av_synth.scenario.manoeuvres import ANYWHERE, OF_EGO, OF_PEOPLE, OF_VEHICLES, Do
from av_synth.scenario.model import Actor, EventSpec
from av_synth.scenario.parts import Hints, Parts
from av_synth.scenario.road import ANCHORS, Road
from av_synth.scenario.triggers import When
from av_synth.scenario.words import EGO, THINGS, is_body, is_person, is_thing, is_vehicle

_OF_PARKED = ("open_door", "lights")
_TWO_WHEELED = ("bicycle", "motorcycle")
_BETWEEN = ("gap_m", "gap_s", "distance_m", "ttc_s", "aside_m", "faster_kmh", "contact")
_OTHERS = ("who", "into")  # keys of manoeuvres that name another actor
_OF_ITSELF = ("ego_arrives_in_s", "ego_gap_m", "crosses_before_ego_s")


def check_events(document: Document, parts: Parts, hints: Hints) -> Iterator[Problem]:
    """Every broken rule about events."""
    seen: set[str] = set()
    after: dict[str, list[str]] = {}
    numbers: dict[str, int] = {}
    for index, event in parts.events.items():
        path: KeyPath = ("events", index)
        yield from _actor(document, parts, path, event, hints)
        if event.do is not None:
            yield from _manoeuvre(document, parts, (*path, "do"), event.actor or "", event.do, hints)
        if event.signals is not None:
            message = signal_problem(parts)
            if message:
                yield document.problem((*path, "signals"), message)
        if event.fault is not None and event.fault.kind == "miscalibration":
            yield from _whole_run(document, path, event)
        needed: list[str] = []
        for place, when, must in _conditions((*path, "when"), event.when):
            yield from _condition(document, parts, place, when, event, hints)
            if when.after is not None and must:
                needed.append(when.after.event)
        if event.name is not None:
            if event.name in seen:
                yield document.problem((*path, "name"), f"got {event.name!r} a second time; want another name")
            seen.add(event.name)
            numbers.setdefault(event.name, index)
            after.setdefault(event.name, needed)
    yield from _never_there(document, parts)
    for circle in circles(after):
        message = f"can only come after itself: {told(circle)}; want no circle"
        yield document.problem(("events", numbers[circle[0]], "when"), message)


def circles(after: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """The circles in what comes after what, each told once, from its first name on and back to it."""
    done: set[str] = set()
    for first in after:
        trail: dict[str, Iterator[str]] = {}  # from `first` to here, each with what it still has to look at
        here: str | None = None if first in done else first
        while here is not None:
            trail.setdefault(here, iter(after[here]))
            other = next(trail[here], None)
            if other is None:
                done.add(here)
                del trail[here]
                here = next(reversed(trail), None)
            elif other in trail:
                names = list(trail)
                yield [*names[names.index(other) :], other]
            elif other in after and other not in done:
                here = other


def told(circle: Sequence[str]) -> str:
    """A circle in words; of a long one, the ends."""
    left_out = len(circle) - 8
    names = [*circle[:4], f"{left_out} more", *circle[-4:]] if left_out > 1 else circle
    return " -> ".join(names)


def place_problem(parts: Parts, name: str, hints: Hints, *, ego: bool = False) -> str | None:
    """What is wrong with the name of a feature or an actor that stations count from."""
    known = (*parts.names, EGO) if ego else parts.names
    if not parts.lacks(name, *known) or (parts.road is None and name in ANCHORS):
        return None
    anchors = ("start",) if parts.road is None else parts.road.anchors
    if name in anchors:
        return None
    if name in ANCHORS:
        feature = name.removesuffix("_exit")
        return f"the road has no {feature}; want road.{feature}, or one of {', '.join(anchors)}"
    return f"there is no place and no actor {name!r}; {hints.nearest(name, (*anchors, *known))}"


def exact_problem(parts: Parts) -> str | None:
    """What is wrong with a road that is not on a named map, where a place of one is told."""
    if parts.road is None or parts.road.town is not None:
        return None
    return "is a place of a named map; want road.town"


def signal_problem(parts: Parts) -> str | None:
    """What is wrong with a road that has no traffic lights, where some are needed."""
    road = parts.road
    if road is None or road.pose is not None or (road.junction is not None and road.junction.control == "signals"):
        return None
    return "there are no traffic lights; want road.junction with control: signals"


def _actor(document: Document, parts: Parts, path: KeyPath, event: EventSpec, hints: Hints) -> Iterator[Problem]:
    name = event.actor
    if name is not None and parts.lacks(name, EGO):
        yield document.problem((*path, "actor"), hints.nobody(name, (*parts.names, EGO)))


def _whole_run(document: Document, path: KeyPath, event: EventSpec) -> Iterator[Problem]:
    if event.when.time_s != 0.0:
        message = "a miscalibration is there from the start; want time_s: 0"
        yield document.problem((*path, "when"), message)
    if event.for_s is not None:
        message = "a miscalibration lasts as long as the run; want for_s left out"
        yield document.problem((*path, "for_s"), message)


def _manoeuvre(document: Document, parts: Parts, path: KeyPath, name: str, do: Do, hints: Hints) -> Iterator[Problem]:
    kind = do.kind
    actor = parts.actors.get(name)
    message: str | None = None
    deeper = True
    if name == EGO and kind not in OF_EGO:
        message = f"the ego cannot; {hints.nearest(kind, OF_EGO)}"
    elif actor is not None and is_body(actor.body):
        message, deeper = _ability(name, actor, kind)
    message = message or _needs(parts.road, kind) or (signal_problem(parts) if kind == "run_light" else None)
    if message:
        yield document.problem((*path, kind) if deeper else path, message)
    for key in _OTHERS:
        who = getattr(getattr(do, kind), key, None)
        others = tuple(other for other in (*parts.names, EGO) if other != name)
        if who is not None and (who == name or parts.lacks(who, *others)):
            why = "is itself" if who == name else "is nobody"
            yield document.problem((*path, kind, key), f"{who!r} {why}; {hints.nearest(who, others)}")
    strange = exact_problem(parts)
    for key in _exact(do) if strange else ():
        yield document.problem((*path, kind, key), strange or "")
    if do.stop is not None:
        strange = place_problem(parts, do.stop.of, hints)
        if strange:
            yield document.problem((*path, kind, "of"), strange)
    if do.drop is not None and not is_thing(do.drop.body):
        message = f"got {shown(do.drop.body)}; want a thing; {hints.nearest(do.drop.body, THINGS)}"
        yield document.problem((*path, kind, "body"), message)


def _exact(do: Do) -> tuple[str, ...]:
    """The keys of a manoeuvre that only a named map gives a meaning."""
    if do.arrive_together is not None:
        return ("at", "who_at")
    if do.follow_course is not None and do.follow_course.frame == "map":
        return ("timed",) if do.follow_course.timed else ("line",)
    change = do.lane_change or do.cut_out
    if change is not None and change.lane_id is not None:
        return ("lane_id",)
    return ("at",) if do.appear is not None else ("through",) if do.take_route is not None else ()


def _never_there(document: Document, parts: Parts) -> Iterator[Problem]:
    """Who is absent from the start to the end; told when every event is sound, for one that is not may be the one."""
    if not parts.all_events:
        return
    appearing = {event.actor for event in parts.events.values() if event.do is not None and event.do.appear is not None}
    for name, actor in parts.actors.items():
        if actor.absent and name not in appearing:
            message = f"no event lets {name} appear; want one with do: appear, or it left out"
            yield document.problem(("actors", name, "absent"), message)


def _ability(name: str, actor: Actor, kind: str) -> tuple[str | None, bool]:
    """Why an actor cannot do something, if so; and whether that is about what it does, not about who does anything."""
    body = actor.body
    if kind in ANYWHERE:
        return None, True
    if not (is_person(body) or is_vehicle(body)) or (actor.stands and not actor.parked):
        return f"{name} is {shown(body)}, which stands; want an actor that can move", False
    if actor.parked:
        wrong = kind not in _OF_PARKED or is_person(body)
        want = f"want {' or '.join(_OF_PARKED)}, or an actor that can move"
        return (f"{name} is parked; {want}" if wrong else None), False
    if is_person(body):
        if kind in OF_PEOPLE:
            return None, True
        return f"{name} is {shown(body)}; want {', '.join(OF_PEOPLE[:-1])} or {OF_PEOPLE[-1]} of a pedestrian", True
    if kind not in OF_VEHICLES:
        others = f"or another of its {len(OF_VEHICLES)} manoeuvres (docs/reference/scenarios.md)"
        return f"{name} is {shown(body)}; want drive, cut_in or brake of a vehicle, {others}", True
    if kind == "drop" and actor.absent:  # loads hang on the vehicles from the start
        return f"{name} is absent at the start, and has no load; want an actor that is there from the start", True
    two = body in _TWO_WHEELED
    if kind == "open_door" and two:
        return f"{name} is {shown(body)}, which has no doors; want another vehicle", True
    if kind == "fall" and not two and "." not in body:  # of a blueprint, only its simulator knows
        return f"{name} is {shown(body)}, which cannot fall; want a pedestrian, a bicycle or a motorcycle", True
    return None, True


def _needs(road: Road | None, kind: str) -> str | None:
    """What a manoeuvre needs of the road that is not there."""
    if road is None or road.pose is not None:
        return None
    if kind == "merge" and road.entry is None:
        return "there is no acceleration lane; want road.entry"
    if kind == "turn" and road.junction is None and road.roundabout is None:
        return "there is no junction; want one in road.junction"
    return None


def _conditions(path: KeyPath, when: When, must: bool = True) -> Iterator[tuple[KeyPath, When, bool]]:
    """A condition and those that it joins, each with whether it has to hold for the event to begin."""
    yield path, when, must
    for key in ("all", "any", "none", "then"):
        joined: tuple[When, ...] = getattr(when, key) or ()
        needed = must and key != "none" and (key != "any" or len(joined) == 1)
        for index, each in enumerate(joined):
            yield from _conditions((*path, key, index), each, needed)


def _condition(
    document: Document, parts: Parts, path: KeyPath, when: When, event: EventSpec, hints: Hints
) -> Iterator[Problem]:
    kind = when.kind
    known = (*parts.names, EGO)
    condition = getattr(when, kind)
    fields = type(condition).model_fields if isinstance(condition, Strict) else {}
    for key in ("of", "to", "by"):
        name = getattr(condition, key) if key in fields else None
        if name is not None and parts.lacks(name, EGO):
            yield document.problem((*path, kind, key), hints.nobody(name, known))
    own = "of" in fields and condition.of is None
    if own and event.actor is None:
        yield document.problem((*path, kind), "of whom? The event has no actor; want `of`")
    elif kind in (*_BETWEEN, "sees", "loses_sight"):
        one = condition.of or event.actor
        other = condition.to if kind in _BETWEEN else condition.by
        if one == other:
            yield document.problem((*path, kind), f"is between {one} and itself; want two actors")
    strange = exact_problem(parts) if when.near is not None else None
    if strange:
        yield document.problem((*path, kind, "at"), strange)
    if "anchor" in fields:
        strange = place_problem(parts, condition.anchor, hints, ego=True)
        if strange:
            yield document.problem((*path, kind, "anchor"), strange)
    yield from _times(document, parts, path, when, event)
    if when.signal is not None:
        dark = signal_problem(parts)
        if dark:
            yield document.problem((*path, kind), dark)
    if when.after is not None and when.after.event not in parts.event_names:
        message = f"no event has the name {when.after.event!r}; {hints.nearest(when.after.event, parts.event_names)}"
        yield document.problem((*path, kind, "event"), message)


def _times(document: Document, parts: Parts, path: KeyPath, when: When, event: EventSpec) -> Iterator[Problem]:
    kind = when.kind
    if kind in _OF_ITSELF and (event.actor is None or event.actor == EGO):
        message = "is about the event's own actor and the ego; want an event of another actor"
        yield document.problem((*path, kind), message)
    elif when.crosses_before_ego_s is not None and event.do is not None and event.do.cross is None:
        message = f"goes with cross only, not with {event.do.kind}; want another trigger"
        yield document.problem((*path, kind), message)
    if when.time_s is not None and parts.duration_s is not None and when.time_s >= parts.duration_s:
        message = f"got {when.time_s:g}; want less than duration_s = {parts.duration_s:g}"
        yield document.problem((*path, kind), message)
