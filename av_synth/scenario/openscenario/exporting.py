"""Export of one draw of a scenario as ASAM OpenSCENARIO XML 1.2, as far as that has words for it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from av_synth.documents import Document
from av_synth.plain_yaml import KeyPath, dotted
from av_synth.scenario.concrete import ConcreteScenario
from av_synth.scenario.exact import Pose
from av_synth.scenario.manoeuvres import HARDEST_MPS2, Do
from av_synth.scenario.model import Actor, EventSpec
from av_synth.scenario.openscenario.context import KMH
from av_synth.scenario.openscenario.doing import actions, route, speed_action
from av_synth.scenario.openscenario.placing import anchors_m, placed, walks_to
from av_synth.scenario.openscenario.report import Report, UnsaidError
from av_synth.scenario.openscenario.surroundings import environment
from av_synth.scenario.openscenario.telling import Teller, trigger
from av_synth.scenario.openscenario.tree import Element
from av_synth.scenario.openscenario.writing import SIZES_M, Xml, category_of, text, world, xml
from av_synth.scenario.road import Road
from av_synth.scenario.words import EGO, Lamp, is_opendrive

VERSION = "1.2"
DATE = "1970-01-01T00:00:00"  # the same draw gives the same bytes


@dataclass(frozen=True)
class Exported:
    """A draw in OpenSCENARIO's words.

    Attributes:
        text: the XML file.
        report: what became of each part of the draw.
    """

    text: str
    report: Report


def export(concrete: ConcreteScenario, document: Document, out: Path | None = None) -> Exported:
    """Write a draw as OpenSCENARIO 1.2.

    A road that is told by what it is like, and not by a pose, becomes three parameters: EgoRoad, EgoLane and EgoS.

    Args:
        concrete: the draw.
        document: the scenario's file, for the report.
        out: where the file is going to be; an OpenDRIVE file is named from there, from here if None. Nothing is
            written.
    """
    town = concrete.town
    if town is not None and out is not None and is_opendrive(town):
        town = Path(os.path.relpath(town, out.parent)).as_posix()
    return _Export(replace(concrete, town=town), document, Report(VERSION)).file()


@dataclass(frozen=True)
class _Export:
    concrete: ConcreteScenario
    document: Document
    report: Report

    def file(self) -> Exported:
        concrete = self.concrete
        init, stations = self._init()
        names = (EGO, *stations)
        stop = xml("SimulationTimeCondition", value=concrete.duration_s, rule="greaterOrEqual")
        ends = xml("Condition", xml("ByValueCondition", stop), name="end", delay=0.0, conditionEdge="none")
        self._left_out()
        root = xml(
            "OpenSCENARIO",
            xml(
                "FileHeader",
                revMajor=1,
                revMinor=2,
                date=DATE,
                description=" ".join(concrete.description.removeprefix("CARLA:").split()),
                author="av_synth",
            ),
            self._parameters(),
            xml("CatalogLocations"),
            xml("RoadNetwork", *([xml("LogicFile", filepath=concrete.town)] if concrete.town else [])),
            xml("Entities", *self._entities(names)),
            xml(
                "Storyboard",
                xml("Init", xml("Actions", *init)),
                xml("Story", self._act(names), name="story"),
                xml("StopTrigger", xml("ConditionGroup", ends)),
            ),
        )
        ElementTree.indent(root)
        body = ElementTree.tostring(root, encoding="unicode")
        return Exported(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n', self.report)

    def _parameters(self) -> Xml:
        if self.concrete.road.pose is not None:
            return xml("ParameterDeclarations")
        values = (("EgoRoad", "string", "0"), ("EgoLane", "string", "-1"), ("EgoS", "double", "50"))
        return xml(
            "ParameterDeclarations",
            *(xml("ParameterDeclaration", name=name, parameterType=kind, value=value) for name, kind, value in values),
        )

    def _entities(self, names: tuple[str, ...]) -> Iterator[Xml]:
        for name in names:
            body = self.concrete.ego.body if name == EGO else self.concrete.actors[name].body
            path: KeyPath = ("ego",) if name == EGO else ("actors", name, "body")
            self.report.kept(self._part(path))
            yield xml("ScenarioObject", _entity(name, body), name=name)

    def _init(self) -> tuple[list[Xml], dict[str, float]]:
        """What is so at the start, and how far aside of the ego's line everybody is that is in the file."""
        concrete = self.concrete
        self.report.nearly(self._part(("weather",)), "what CARLA's weather has and OpenSCENARIO knows")
        starting = [xml("GlobalAction", xml("EnvironmentAction", environment(concrete.weather)))]
        if concrete.sun_bearing_deg is not None:
            why = "the sun's place by the ego's heading has no words"
            self.report.lost(self._part(("weather", "sun_bearing_deg")), why, changes=False)
        ego_at = self._ego_at(concrete.road)
        routed = concrete.road.through
        starting.append(_private(EGO, ego_at, concrete.ego.speed_kmh / KMH, routed))
        aside: dict[str, float] = {}
        for name, actor in concrete.actors.items():
            if name in concrete.without:
                continue
            part = self._part(("actors", name, "at"))
            try:
                place = placed(concrete, actor)
            except UnsaidError as error:
                self.report.lost(part, str(error), changes=True)
                continue
            if place.how:
                self.report.nearly(part, place.how)
            else:
                self.report.kept(part)
            self._unsaid(name, actor)
            aside[name] = place.aside_m
            starting.append(_private(name, place.position, actor.speed_kmh / KMH, actor.through))
            if actor.absent:
                gone = xml("EntityAction", xml("DeleteEntityAction"), entityRef=name)
                starting.insert(1, xml("GlobalAction", gone))  # those of all come before those of one
        return starting, aside

    def _unsaid(self, name: str, actor: Actor) -> None:
        """What an actor has beside its body, place, way and speed."""
        if actor.route:
            self.report.lost(self._part(("actors", name, "route")), "a route by turns has no words", changes=True)
        if actor.careful:
            why = "braking for whoever is ahead has no words"
            self.report.lost(self._part(("actors", name, "careful")), why, changes=True)
        if actor.lights is not None:
            why = "lights at the start are not written"
            self.report.lost(self._part(("actors", name, "lights")), why, changes=False)
        if actor.parked:
            self.report.nearly(self._part(("actors", name, "parked")), "as somebody who stands there")

    def _ego_at(self, road: Road) -> Xml:
        part = self._part(("road",))
        if road.pose is not None:
            self.report.kept(part)
            return world(road.pose)
        self.report.nearly(
            part, "where it is, is up to the parameters EgoRoad, EgoLane and EgoS; want a road that fits"
        )
        return xml("Position", xml("LanePosition", roadId="$EgoRoad", laneId="$EgoLane", s="$EgoS", offset=0.0))

    def _act(self, names: tuple[str, ...]) -> Xml:
        groups = []
        told = self._told(names)
        taken = {event.name for event in self.concrete.events}
        for index, event, begin, acts, how in told:
            name = event.name or next(one for one in _numbered(f"event_{index + 1}") if one not in taken)
            if how:
                self.report.nearly(self._part(("events", index)), how)
            else:
                self.report.kept(self._part(("events", index)))
            doing = [xml("Action", act, name=f"{name}_action_{number}") for number, act in enumerate(acts, 1)]
            one = xml("Event", *doing, begin, name=name, priority="override")
            one.set("maximumExecutionCount", text(event.times))
            refs = [xml("EntityRef", entityRef=event.actor)] if event.actor else []
            actors = xml("Actors", *refs, selectTriggeringEntities=False)
            groups.append(
                xml(
                    "ManeuverGroup",
                    actors,
                    xml("Maneuver", one, name=f"{name}_maneuver"),
                    maximumExecutionCount=1,
                    name=f"{name}_group",
                )
            )
        if not groups:  # an act has one at least
            nobody = xml("Actors", selectTriggeringEntities=False)
            groups.append(xml("ManeuverGroup", nobody, maximumExecutionCount=1, name="nothing"))
        start = xml("SimulationTimeCondition", value=0.0, rule="greaterOrEqual")
        begins = xml("Condition", xml("ByValueCondition", start), name="begin", delay=0.0, conditionEdge="none")
        return xml("Act", *groups, xml("StartTrigger", xml("ConditionGroup", begins)), name="act")

    def _told(self, names: tuple[str, ...]) -> list[tuple[int, EventSpec, Xml, list[Xml], str]]:
        found = []
        lost: set[str] = set()
        for index, event in enumerate(self.concrete.events):
            try:
                begin, act, how = self._event(event, names)
            except UnsaidError as error:
                self.report.lost(self._part(("events", index)), str(error), changes=True)
                lost |= {event.name} if event.name else set()
                continue
            if event.for_s is not None:
                why = "it goes on instead of ending after a time"
                self.report.lost(self._part(("events", index, "for_s")), why, changes=True)
            found.append((index, event, begin, act, how))
        waiting = True
        while waiting:  # who waits for something that is not there waits for ever, and so does who waits for that
            waiting = False
            for one in [*found]:
                if lost & {each.get("storyboardElementRef") for each in one[2].iter()}:
                    found.remove(one)
                    self.report.lost(self._part(("events", one[0])), "it waits for an event that is lost", changes=True)
                    lost |= {one[1].name} if one[1].name else set()
                    waiting = True
        return found

    def _event(self, event: EventSpec, names: tuple[str, ...]) -> tuple[Xml, list[Xml], str]:
        anchors = anchors_m(self.concrete)
        if event.weather is not None:
            # nobody acts: whoever is not named in a condition is a mistake that loading finds
            begin, how = trigger(Teller(names, EGO, anchors_m=anchors), event.when, None)
            changed = event.weather.upon(self.concrete.weather)
            act = xml("GlobalAction", xml("EnvironmentAction", environment(changed)))
            return begin, [act], "; ".join(filter(None, [how, "what OpenSCENARIO knows of weather, at once"]))
        if event.fault is not None:
            raise UnsaidError("sensor faults have no words")
        if event.do is None or event.actor is None:
            raise UnsaidError("the lights of the ego's junction have no words")
        if event.actor not in names:
            raise UnsaidError(f"{event.actor} is not in the file")
        me = self.concrete.actors.get(event.actor)
        way = "" if me is None else walks_to(self.concrete, me)
        teller = Teller(names, event.actor, way, self._aside_m(event.actor, event.do), anchors)
        begin, how = trigger(teller, event.when, event.do)
        if event.do.vanish is not None:
            act = xml("GlobalAction", xml("EntityAction", xml("DeleteEntityAction"), entityRef=event.actor))
            return begin, [act], how
        if event.do.appear is not None and me is not None and self._comes_and_goes(event.actor):
            adding = xml("AddEntityAction", world(event.do.appear.at))
            return begin, [xml("GlobalAction", xml("EntityAction", adding, entityRef=event.actor))], how
        return begin, actions(teller, event.do, self._lamps(event.actor)), how

    def _comes_and_goes(self, name: str) -> bool:
        """Whether somebody is not there all the time."""
        gone = any(event.actor == name and event.do and event.do.vanish for event in self.concrete.events)
        return gone or self.concrete.actors[name].absent

    def _lamps(self, name: str) -> set[Lamp]:
        """Every light of somebody that is ever switched."""
        told = [
            event.do.lights.on for event in self.concrete.events if event.actor == name and event.do and event.do.lights
        ]
        return {lamp for on in told for lamp in on}

    def _aside_m(self, name: str, do: Do) -> float:
        """How far somebody who crosses has to the ego's line."""
        if do.cross is None or name == EGO:
            return 3.5
        return do.cross.distance_m / 2.0

    def _left_out(self) -> None:
        concrete = self.concrete
        driven = concrete.ego.driver != "scripted"
        turns = concrete.road.roundabout or (concrete.road.junction and concrete.road.junction.turn != "straight")
        lost: Mapping[KeyPath, tuple[bool, str, bool]] = {
            ("road",): (bool(turns), "where the ego turns has no words", True),
            ("ego", "driver"): (driven, "its driver is not written", True),
            ("ego", "reaction"): (concrete.ego.reaction is not None, "how its driver answers has no words", True),
            ("parked",): (bool(concrete.rows), "rows of parked vehicles are not written", False),
            ("traffic",): (bool(concrete.traffic.bodies), "background traffic is not written", False),
            ("flows",): (bool(concrete.flows), "streams of vehicles are not written", True),
            ("crowds",): (bool(concrete.crowds), "people on the pavements are not written", False),
            ("signals",): (concrete.signals is not None, "the lights of the ego's junction have no words", True),
            ("expectations",): (bool(concrete.expectations), "OpenSCENARIO has no expectations", False),
        }
        for path, (there, why, changes) in lost.items():
            if there:
                self.report.lost(self._part(path), why, changes=changes)

    def _part(self, path: KeyPath) -> Element:
        return Element(dotted(path), self.document.problem(path, "").where, {})


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in itertools.count(2))


def _private(name: str, place: Xml, speed_mps: float, through: tuple[Pose, ...]) -> Xml:
    inside = [xml("PrivateAction", xml("TeleportAction", place))]
    if speed_mps:
        inside.append(xml("PrivateAction", speed_action(speed_mps, "step", "time", 0.0)))
    if through:
        inside.append(xml("PrivateAction", xml("RoutingAction", xml("AssignRouteAction", route(through)))))
    return xml("Private", *inside, entityRef=name)


def _entity(name: str, body: str) -> Xml:
    kind = category_of(body)
    length, width, height = SIZES_M[kind]
    box = xml(
        "BoundingBox",
        xml("Center", x=0.0, y=0.0, z=height / 2.0),
        xml("Dimensions", length=length, width=width, height=height),
    )
    rest = xml("Properties", xml("Property", name="av_synth.body", value=body))
    if kind == "thing":
        category = "barrier" if body == "barrier" else "obstacle"
        return xml("MiscObject", box, rest, miscObjectCategory=category, mass=20.0, name=name)
    if kind == "pedestrian":
        category = body if body in ("wheelchair", "animal") else "pedestrian"
        return xml("Pedestrian", box, rest, pedestrianCategory=category, mass=70.0, name=name, model=body)
    return xml(
        "Vehicle",
        box,
        xml("Performance", maxSpeed=70.0, maxAcceleration=HARDEST_MPS2, maxDeceleration=HARDEST_MPS2),
        xml("Axles", _axle("FrontAxle", 0.3 * length), _axle("RearAxle", -0.3 * length)),
        rest,
        vehicleCategory=kind,
        name=name,
    )


def _axle(tag: str, at_m: float) -> Xml:
    steering = 0.6 if tag == "FrontAxle" else 0.0
    return xml(tag, maxSteering=steering, wheelDiameter=0.7, trackWidth=1.6, positionX=at_m, positionZ=0.35)
