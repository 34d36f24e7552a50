"""Rules that tie the parts of a scenario to each other: names that must exist, bodies that can do what is asked."""

from __future__ import annotations

from collections.abc import Iterator

from av_synth.documents import Document, nearest, shown
from av_synth.errors import Problem
from av_synth.plain_yaml import KeyPath
from av_synth.scenario.model import ScenarioModel
from av_synth.scenario.words import EGO, PEOPLE, THINGS, VEHICLES, can_drive, is_person, is_thing, is_vehicle


def check(document: Document, model: ScenarioModel) -> Iterator[Problem]:
    """Every broken rule, each at its place in the document."""
    yield from _names(document, model)
    yield from _bodies(document, model)
    yield from _chains(document, model)
    yield from _events(document, model)
    for index, row in enumerate(model.parked):
        if row.side not in model.road.parking:
            message = f"got {shown(row.side)}; want a side with a parking lane: add it to road.parking"
            yield document.problem(("parked", index, "side"), message)


def _names(document: Document, model: ScenarioModel) -> Iterator[Problem]:
    actors = model.actors
    used: list[tuple[KeyPath, str]] = [
        (("expectations", index, "of"), expectation.of) for index, expectation in enumerate(model.expectations)
    ]
    used += [(("events", index, "actor"), event.actor) for index, event in enumerate(model.events) if event.actor]
    used += [
        (("actors", name, "at", "beyond"), actor.at.beyond)
        for name, actor in actors.items()
        if actor.at.beyond is not None
    ]
    if model.ego.reaction is not None:
        used += [(("ego", "reaction", "to"), name) for name in model.ego.reaction.to]
    for path, name in used:
        if name not in actors:
            yield document.problem(path, f"there is no actor {name!r}; {nearest(name, actors)}")
    if EGO in actors:
        yield document.problem(("actors", EGO), "is the ego's own name; want another")


def _bodies(document: Document, model: ScenarioModel) -> Iterator[Problem]:
    for name, actor in model.actors.items():
        if not (is_vehicle(actor.body) or is_person(actor.body) or is_thing(actor.body)):
            want = "want a category, or a blueprint of vehicle, walker or prop"
            hint = nearest(actor.body, (*VEHICLES, *PEOPLE, *THINGS))
            yield document.problem(("actors", name, "body"), f"got {shown(actor.body)}; {want}; {hint}")
    drivers: list[tuple[KeyPath, str]] = [(("ego", "body"), model.ego.body)]
    drivers += [(("traffic", "bodies", item), body) for item, body in enumerate(model.traffic.bodies)]
    for path, body in drivers:
        if not can_drive(body):
            what = "nobody drives one" if is_vehicle(body) else nearest(body, filter(can_drive, VEHICLES))
            yield document.problem(path, f"got {shown(body)}; want a category or blueprint of vehicle; {what}")
    for index, row in enumerate(model.parked):
        for item, body in enumerate(row.bodies):
            if not is_vehicle(body):
                message = f"got {shown(body)}; want a category or blueprint of vehicle; {nearest(body, VEHICLES)}"
                yield document.problem(("parked", index, "bodies", item), message)
    for name, actor in model.actors.items():
        if (actor.stands or is_person(actor.body)) and actor.speed_kmh > 0:
            what = "a pedestrian, who moves by events only"
            if actor.stands:
                what = "something parked" if actor.parked else "what never moves"
            yield document.problem(("actors", name, "speed_kmh"), f"got {actor.speed_kmh:g}; want 0 for {what}")


def _chains(document: Document, model: ScenarioModel) -> Iterator[Problem]:
    for name in model.actors:
        seen, here = [name], model.actors[name].at.beyond
        while here is not None and here in model.actors and here not in seen:
            seen.append(here)
            here = model.actors[here].at.beyond
        if here == name:
            chain = " -> ".join([*seen, name])
            yield document.problem(("actors", name, "at", "beyond"), f"stands beyond itself: {chain}; want no circle")


def _events(document: Document, model: ScenarioModel) -> Iterator[Problem]:
    for index, event in enumerate(model.events):
        actor = model.actors.get(event.actor or "")
        if actor is None or event.do is None:
            continue
        path = ("events", index, "do")
        doing = event.do.kind
        if actor.stands:
            why = "is parked" if actor.parked else f"is {shown(actor.body)}, which stands"
            yield document.problem(path, f"{event.actor} {why}; want an actor that can move")
        elif (doing == "cross") != is_person(actor.body):
            want = "drive, cut_in or brake of a vehicle" if doing == "cross" else "cross of a pedestrian"
            yield document.problem((*path, doing), f"{event.actor} is {shown(actor.body)}; want {want}")
        if event.when.crosses_before_ego_s is not None and doing != "cross":
            message = f"goes with cross only, not with {doing}; want another trigger"
            yield document.problem(("events", index, "when", "crosses_before_ego_s"), message)
        if event.when.time_s is not None and event.when.time_s >= model.duration_s:
            message = f"got {event.when.time_s:g}; want less than duration_s = {model.duration_s:g}"
            yield document.problem(("events", index, "when", "time_s"), message)
