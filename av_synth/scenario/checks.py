"""Rules that tie the parts of a scenario to each other: names that must exist, bodies that can do what is asked.

Those about events are in `checks_of_events`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from av_synth.documents import Document
from av_synth.errors import Problem
from av_synth.messages import shown
from av_synth.plain_yaml import KeyPath
from av_synth.scenario.checks_of_events import check_events, circles, exact_problem, place_problem, signal_problem, told
from av_synth.scenario.model import Actor, Crowd, Flow, ParkedRow
from av_synth.scenario.parts import Hints, Parts
from av_synth.scenario.road import ANCHORS, Lane, Road
from av_synth.scenario.words import (
    EGO,
    PEOPLE,
    THINGS,
    VEHICLES,
    can_drive,
    is_body,
    is_person,
    is_vehicle,
)

_BESIDE = ("parking", "pavement", "shoulder")


def check(document: Document, parts: Parts) -> Iterator[Problem]:
    """Every broken rule between the sound parts of a document, each at its place."""
    hints = Hints()
    yield from _names(document, parts, hints)
    yield from _bodies(document, parts, hints)
    yield from _places(document, parts, hints)
    yield from _sides(document, parts)
    yield from check_events(document, parts, hints)


def _names(document: Document, parts: Parts, hints: Hints) -> Iterator[Problem]:
    for index, expected in parts.expectations.items():
        for key in ("of", "to"):
            name = getattr(expected, key)
            if parts.lacks(name, EGO):
                yield document.problem(("expectations", index, key), hints.nobody(name, (*parts.names, EGO)))
    for name in parts.watched:
        if parts.lacks(name):
            yield document.problem(("ego", "reaction", "to"), hints.nobody(name, parts.names))
    for name in parts.names:
        if name in (EGO, *ANCHORS):
            whose = "is the ego's own name" if name == EGO else "is the name of a place on the road"
            yield document.problem(("actors", name), f"{whose}; want another")


def _bodies(document: Document, parts: Parts, hints: Hints) -> Iterator[Problem]:
    drivers: list[tuple[KeyPath, str]] = [] if parts.ego is None else [(("ego", "body"), parts.ego.body)]
    if parts.traffic is not None:
        drivers += [(("traffic", "bodies", item), body) for item, body in enumerate(parts.traffic.bodies)]
    drivers += _listed("flows", parts.flows)
    for path, body in drivers:
        if not can_drive(body):
            what = "nobody drives one" if is_vehicle(body) else hints.nearest(body, filter(can_drive, VEHICLES))
            yield document.problem(path, f"got {shown(body)}; want a category or blueprint of vehicle; {what}")
    of_kind: list[tuple[KeyPath, str, str, bool, tuple[str, ...]]]
    of_kind = [(path, body, "vehicle", is_vehicle(body), VEHICLES) for path, body in _listed("parked", parts.parked)]
    of_kind += [(path, body, "walker", is_person(body), PEOPLE) for path, body in _listed("crowds", parts.crowds)]
    for path, body, kind, fits, known in of_kind:
        if not fits:
            message = f"got {shown(body)}; want a category or blueprint of {kind}; {hints.nearest(body, known)}"
            yield document.problem(path, message)
    for name, actor in parts.actors.items():
        if not is_body(actor.body):
            want = "want a category, or a blueprint of vehicle, walker or prop"
            hint = hints.nearest(actor.body, (*VEHICLES, *PEOPLE, *THINGS))
            yield document.problem(("actors", name, "body"), f"got {shown(actor.body)}; {want}; {hint}")
        else:
            if actor.parked and is_person(actor.body):
                message = "is for vehicles; a pedestrian stands until an event has it do something; want it left out"
                yield document.problem(("actors", name, "parked"), message)
            yield from _drives(document, name, actor)


def _listed(key: str, found: Mapping[int, ParkedRow | Flow | Crowd]) -> list[tuple[KeyPath, str]]:
    return [
        ((key, index, "bodies", item), body) for index, one in found.items() for item, body in enumerate(one.bodies)
    ]


def _drives(document: Document, name: str, actor: Actor) -> Iterator[Problem]:
    """What only somebody who drives from the start on can have."""
    if not (actor.stands or is_person(actor.body)):
        return
    what = "a pedestrian, who moves by events only"
    if actor.stands:
        what = "something parked" if actor.parked else "what never moves"
    if actor.speed_kmh > 0:
        yield document.problem(("actors", name, "speed_kmh"), f"got {actor.speed_kmh:g}; want 0 for {what}")
    for key in ("route", "through", "careful"):
        if getattr(actor, key):
            yield document.problem(("actors", name, key), f"is nothing for {what}; want it left out")
    if actor.lights and not is_vehicle(actor.body):
        yield document.problem(("actors", name, "lights"), f"{actor.body} has none; want it left out")


def _places(document: Document, parts: Parts, hints: Hints) -> Iterator[Problem]:
    after: dict[str, list[str]] = {}
    for name, actor in parts.actors.items():
        at, path = actor.at, ("actors", name, "at")
        for key in ("beyond", "behind"):
            other = getattr(at, key)
            if other is not None and parts.lacks(other):
                yield document.problem((*path, key), hints.nobody(other, parts.names))
        if "of" in at.model_fields_set:
            strange = place_problem(parts, at.of, hints)
            if strange:
                yield document.problem((*path, "of"), strange)
        if at.pose is not None and parts.road is not None and parts.road.pose is None:
            message = "goes with an exact place of the ego only; want road.pose and road.town"
            yield document.problem((*path, "pose"), message)
        strange = exact_problem(parts)
        if strange and actor.through:
            yield document.problem(("actors", name, "through"), strange)
        if actor.through and actor.route:
            yield document.problem(("actors", name, "through"), "is there beside route; want one of them")
        if at.arm is not None:
            yield from _arm(document, parts.road, (*path, "arm"))
        after[name] = [other for other in (at.beyond, at.behind, at.of) if other is not None and other in parts.actors]
    for circle in circles(after):
        key = next(key for key in ("beyond", "behind", "of") if getattr(parts.actors[circle[0]].at, key) == circle[1])
        what = "stands beyond itself" if key == "beyond" else "is placed by itself"
        yield document.problem(("actors", circle[0], "at", key), f"{what}: {told(circle)}; want no circle")


def _arm(document: Document, road: Road | None, path: Sequence[str | int]) -> Iterator[Problem]:
    if road is not None and road.pose is None and road.junction is None and road.roundabout is None:
        yield document.problem(path, "there is no junction; want one in road.junction")


def _sides(document: Document, parts: Parts) -> Iterator[Problem]:
    """Lanes beside the driving lanes, junctions and lights: what the road must be asked for."""
    road = parts.road
    if road is None or road.pose is not None:
        return  # what there is at an exact place, its map says
    dark = None if parts.signals is None else signal_problem(parts)
    if dark:
        yield document.problem(("signals",), dark)
    for index, flow in parts.flows.items():
        if flow.arm is not None:
            yield from _arm(document, road, ("flows", index, "arm"))
    sides = [("parked", "parking", index, row.side) for index, row in parts.parked.items()]
    sides += [("crowds", "pavement", index, crowd.side) for index, crowd in parts.crowds.items()]
    for key, kind, index, side in sides:
        if side not in getattr(road, kind):
            what = "a parking lane" if kind == "parking" else "a pavement"
            message = f"got {shown(side)}; want a side with {what}: add it to road.{kind}"
            yield document.problem((key, index, "side"), message)
    lanes: list[tuple[KeyPath, Lane]] = [
        (("actors", name, "at", "lane"), actor.at.lane) for name, actor in parts.actors.items() if not actor.at.arm
    ]
    lanes += [(("flows", index, "lane"), flow.lane) for index, flow in parts.flows.items() if not flow.arm]
    for path, lane in lanes:
        want = _lane(road, lane)
        if want:
            yield document.problem(path, f"got {shown(lane)}; {want}")


def _lane(road: Road, lane: Lane) -> str | None:
    """What to want instead of a lane that such a road need not have."""
    kind, _, detail = lane.partition("_")
    if kind in _BESIDE and detail not in getattr(road, kind):
        return f"want road.{kind} to ask for one: [{', '.join((*getattr(road, kind), detail))}]"
    if kind == "oncoming" and road.oncoming is False:
        return "want another lane, for road.oncoming is false"
    most = None if road.lanes is None else road.lanes.max
    beside_ramp = kind == "right" and (road.entry is not None or road.exit is not None)
    if kind in ("left", "right") and most is not None and road.ego_lane != "entry" and not beside_ramp:
        outermost = (road.ego_lane, kind) in (("leftmost", "left"), ("rightmost", "right"))
        there = 0 if outermost else most - 2 if road.ego_lane == "middle" else most - 1
        if there < int(detail or 1):
            return f"want a lane that is there: the ego's is the {road.ego_lane} of {most:g}"
    return None
