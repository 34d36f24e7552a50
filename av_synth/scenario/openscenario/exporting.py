"""Export of one draw of a scenario as ASAM OpenSCENARIO XML 1.2, as far as that has words for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from xml.etree import ElementTree

from av_synth.documents import Document
from av_synth.plain_yaml import KeyPath, dotted
from av_synth.scenario.draw import ConcreteScenario
from av_synth.scenario.exact import Pose
from av_synth.scenario.manoeuvres import Do
from av_synth.scenario.model import Actor, EventSpec
from av_synth.scenario.openscenario.context import KMH
from av_synth.scenario.openscenario.doing import actions, route, speed_action
from av_synth.scenario.openscenario.report import Report, UnsaidError
from av_synth.scenario.openscenario.telling import Teller, trigger
from av_synth.scenario.openscenario.tree import Element
from av_synth.scenario.openscenario.writing import CATEGORIES, SIZES_M, Xml, text, world, xml
from av_synth.scenario.road import Placement, Road
from av_synth.scenario.weather import PRESETS, Weather, WeatherSpec, with_rain
from av_synth.scenario.words import EGO, is_person, is_vehicle

VERSION = "1.2"
DATE = "1970-01-01T00:00:00"  # the same draw gives the same bytes
FAR_M = 10_000.0
# lanes beside the ego's, counted to the left
LANES = {"same": 0, "left": 1, "left_2": 2, "right": -1, "right_2": -2}
GUESSED = {"oncoming": 1, "oncoming_2": 2, "parking": 1, "shoulder": 1, "pavement": 2, "verge": 3}


@dataclass(frozen=True)
class Exported:
    """A draw in OpenSCENARIO's words.

    Attributes:
        text: the XML file.
        report: what became of each part of the draw.
    """

    text: str
    report: Report


def export(concrete: ConcreteScenario, document: Document) -> Exported:
    """Write a draw as OpenSCENARIO 1.2.

    A road that is told by what it is like, and not by a pose, becomes three parameters: EgoRoad, EgoLane and EgoS.

    Args:
        concrete: the draw.
        document: the scenario's file, for the report.
    """
    return _Export(concrete, document, Report(VERSION)).file()


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
        starting = [xml("GlobalAction", xml("EnvironmentAction", self._environment(concrete.weather)))]
        ego_at = self._ego_at(concrete.road)
        routed = concrete.road.through
        starting.append(_private(EGO, ego_at, concrete.ego.speed_kmh / KMH, routed))
        aside: dict[str, float] = {}
        for name, actor in concrete.actors.items():
            part = self._part(("actors", name, "at"))
            try:
                place, offset, how = self._place(actor)
            except UnsaidError as error:
                self.report.lost(part, str(error), changes=True)
                continue
            if how:
                self.report.nearly(part, how)
            else:
                self.report.kept(part)
            if actor.route or actor.careful:
                self.report.lost(self._part(("actors", name)), "its route or its care has no words", changes=True)
            aside[name] = offset
            starting.append(_private(name, place, actor.speed_kmh / KMH, actor.through))
        return starting, aside

    def _ego_at(self, road: Road) -> Xml:
        part = self._part(("road",))
        if road.pose is not None:
            self.report.kept(part)
            return world(road.pose)
        self.report.nearly(
            part, "where it is, is up to the parameters EgoRoad, EgoLane and EgoS; want a road that fits"
        )
        return xml("Position", xml("LanePosition", roadId="$EgoRoad", laneId="$EgoLane", s="$EgoS", offset=0.0))

    def _place(self, actor: Actor) -> tuple[Xml, float, str]:
        at, how = actor.at, ""
        if at.pose is not None:
            return world(at.pose), 3.5, ""
        if at.ahead_s is not None:
            ahead = at.ahead_s * self.concrete.ego.speed_kmh / KMH
        elif at.ahead_m is not None and at.of == "start":
            ahead = at.ahead_m
        elif at.beyond is not None or at.behind is not None:
            ahead, how = self._behind(at, actor.body), "by the usual sizes of such bodies"
        else:
            raise UnsaidError("a place told by a feature of the road has no words")
        lane, side = at.lane, 1
        if lane in LANES:
            steps = LANES[lane]
        else:
            kind, _, where = lane.partition("_")
            side = -1 if where == "right" else 1
            steps = side * GUESSED.get(lane, GUESSED.get(kind, 1))
            how = f"{lane} as the lane number {steps} to the left of the ego's"
        turn = {"along": 0.0, "against": 180.0, "left": 90.0, "right": -90.0}
        heading = at.heading or ("against" if lane.startswith("oncoming") else "along")
        h = math.radians(turn[heading] + at.turn_deg)
        facing = (xml("Orientation", type="relative", h=h),) if h else ()
        given = {"entityRef": EGO, "dLane": steps, "ds": ahead, "offset": at.offset_m}
        return xml("Position", xml("RelativeLanePosition", *facing, **given)), abs(steps) * 3.5 or 3.5, how

    def _behind(self, at: Placement, body: str) -> float:
        other = self.concrete.actors.get(at.beyond or at.behind or "")
        if other is None or other.at.ahead_m is None:
            raise UnsaidError("a place told by a place that is told otherwise has no words")
        room = (SIZES_M[_category(body)][0] + SIZES_M[_category(other.body)][0]) / 2.0 + at.gap_m
        return other.at.ahead_m + (room if at.beyond else -room)

    def _changed(self, change: WeatherSpec) -> Weather:
        """The weather at the start with what a change of it says."""
        given = change.model_dump(exclude={"preset", "rain_mm_h", "over_s"}, exclude_none=True)
        before = PRESETS[change.preset] if "preset" in change.model_fields_set else self.concrete.weather
        return replace(before if change.rain_mm_h is None else with_rain(before, change.rain_mm_h), **given)

    def _environment(self, weather: Weather) -> Xml:
        rain = weather.precipitation / 2.0  # with_rain: 100 % are 50 mm/h
        oktas = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
        cover = f"{oktas[round(weather.cloudiness / 12.5)]}Oktas"
        sun = xml(
            "Sun",
            azimuth=math.radians(weather.sun_azimuth_angle),
            elevation=math.radians(weather.sun_altitude_angle),
            illuminance=max(math.sin(math.radians(weather.sun_altitude_angle)), 0.0) * 1e5,
        )
        fog = xml("Fog", visualRange=FAR_M / 10.0 ** (3.0 * weather.fog_density / 100.0))
        fall = xml("Precipitation", precipitationType="rain" if rain else "dry", precipitationIntensity=rain)
        wind = xml("Wind", direction=0.0, speed=weather.wind_intensity / 4.0)
        return xml(
            "Environment",
            xml("Weather", sun, fog, fall, wind, fractionalCloudCover=cover),
            xml("RoadCondition", frictionScaleFactor=1.0),
            name="weather",
        )

    def _act(self, names: tuple[str, ...]) -> Xml:
        groups = []
        told = self._told(names)
        for index, event, begin, acts, how in told:
            name = event.name or f"event_{index + 1}"
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
                how = "; ".join(filter(None, [how, "it goes on instead of ending after a time"]))
            found.append((index, event, begin, act, how))
        if lost:  # who waits for something that is not there waits for ever
            for one in [*found]:
                refs = {each.get("storyboardElementRef") for each in one[2].iter()}
                if refs & lost:
                    found.remove(one)
                    self.report.lost(self._part(("events", one[0])), "it waits for an event that is lost", changes=True)
        return found

    def _event(self, event: EventSpec, names: tuple[str, ...]) -> tuple[Xml, list[Xml], str]:
        if event.weather is not None:
            begin, how = trigger(Teller(names, EGO), event.when, None)
            changed = self._changed(event.weather)
            act = xml("GlobalAction", xml("EnvironmentAction", self._environment(changed)))
            return begin, [act], "; ".join(filter(None, [how, "what OpenSCENARIO knows of weather, at once"]))
        if event.do is None or event.actor is None:
            raise UnsaidError("the lights of the ego's junction have no words")
        if event.actor not in names:
            raise UnsaidError(f"{event.actor} is not in the file")
        body = self.concrete.ego.body if event.actor == EGO else self.concrete.actors[event.actor].body
        teller = Teller(names, event.actor, is_person(body), self._aside_m(event.actor, event.do))
        begin, how = trigger(teller, event.when, event.do)
        if event.do.vanish is not None:
            act = xml("GlobalAction", xml("EntityAction", xml("DeleteEntityAction"), entityRef=event.actor))
            return begin, [act], how
        return begin, actions(teller, event.do, self._lamps(event.actor)), how

    def _lamps(self, name: str) -> set[str]:
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
        lost: Mapping[str, tuple[bool, str, bool]] = {
            "parked": (bool(concrete.rows), "rows of parked vehicles are not written", False),
            "traffic": (bool(concrete.traffic.bodies), "background traffic is not written", False),
            "expectations": (bool(concrete.expectations), "OpenSCENARIO has no expectations", False),
        }
        for key, (there, why, changes) in lost.items():
            if there:
                self.report.lost(self._part((key,)), why, changes=changes)
        if concrete.ego.reaction is not None:
            self.report.lost(self._part(("ego", "reaction")), "how its driver answers has no words", changes=True)

    def _part(self, path: KeyPath) -> Element:
        return Element(dotted(path), self.document.problem(path, "").where, {})


def _private(name: str, place: Xml, speed_mps: float, through: tuple[Pose, ...]) -> Xml:
    inside = [xml("PrivateAction", xml("TeleportAction", place))]
    if speed_mps:
        inside.append(xml("PrivateAction", speed_action(speed_mps, "step", "time", 0.0)))
    if through:
        inside.append(xml("PrivateAction", xml("RoutingAction", xml("AssignRouteAction", route(through)))))
    return xml("Private", *inside, entityRef=name)


def _category(body: str) -> str:
    if is_vehicle(body):
        return CATEGORIES.get(body, "car")
    return "pedestrian" if is_person(body) else "thing"


def _entity(name: str, body: str) -> Xml:
    kind = _category(body)
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
        xml("Performance", maxSpeed=70.0, maxAcceleration=12.0, maxDeceleration=12.0),
        xml("Axles", _axle("FrontAxle", 0.3 * length), _axle("RearAxle", -0.3 * length)),
        rest,
        vehicleCategory=kind,
        name=name,
    )


def _axle(tag: str, at_m: float) -> Xml:
    steering = 0.6 if tag == "FrontAxle" else 0.0
    return xml(tag, maxSteering=steering, wheelDiameter=0.7, trackWidth=1.6, positionX=at_m, positionZ=0.35)
