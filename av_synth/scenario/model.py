"""The scenario language: what each key of scenarios/*.yaml means (docs/scenarios.md is its reference).

Positions are given along the ego's *path*: the centre line of its lane, with s = 0 where the ego's centre is at
recorded time zero, s growing ahead and offsets positive to the left.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from av_synth.documents import DocumentName, Strict, matching
from av_synth.scenario.distributions import Distribution
from av_synth.scenario.weather import WeatherSpec

Name = Annotated[str, matching("[a-z][a-z0-9_]{0,40}", "lower-case letters, digits and _, beginning with a letter")]
Body = Annotated[str, matching("[a-z][a-z0-9_.]{0,80}", "a category (car, van, child, ...) or a blueprint id")]
Town = Annotated[str, matching("[A-Za-z0-9_]{1,64}", "a town's name")]
SpeedKmh = Annotated[float, Field(ge=0, le=200)]
Metres = Annotated[float, Field(ge=-1000, le=1000)]
Side = Literal["left", "right"]
Lane = Literal["same", "left", "right", "oncoming", "parking_left", "parking_right", "pavement_left", "pavement_right"]

PEOPLE = (
    "adult",
    "child",
    "construction_worker",
    "police_officer",
    "personal_mobility",
    "wheelchair",
    "stroller",
    "animal",
)
TRAILER = "trailer"
VEHICLES = (
    "car",
    "van",
    "truck",
    "bus",
    "bendy_bus",
    "motorcycle",
    "bicycle",
    "police",
    "police_car",
    "ambulance",
    "construction_vehicle",
    TRAILER,
)
THINGS = ("barrier", "cone", "debris", "pushable", "bicycle_rack")
EGO = "ego"


def is_person(body: str) -> bool:
    """Whether a body, by category or by blueprint id, walks or rolls as pedestrians do; animals too."""
    return body in PEOPLE or body.startswith("walker.")


def is_vehicle(body: str) -> bool:
    """Whether a body, by category or by blueprint id, is a vehicle."""
    return body in VEHICLES or body.startswith("vehicle.")


def is_thing(body: str) -> bool:
    """Whether a body, by category or by blueprint id, is a prop."""
    return body in THINGS or body.startswith("static.prop.")


def can_drive(body: str) -> bool:
    """Whether a body is a vehicle that somebody drives."""
    return is_vehicle(body) and body != TRAILER


def exactly_one(model: Strict, what: str) -> None:
    """Refuse a model in which not exactly one key was given.

    Raises:
        ValueError: with the keys it got and those it could have.
    """
    if len(model.model_fields_set) != 1:
        given = ", ".join(sorted(model.model_fields_set)) or "none"
        raise ValueError(f"got {given}; want exactly one {what} of {', '.join(type(model).model_fields)}")


class Road(Strict):
    """The road that the scenario needs, found in the town's map; ties are broken by the draw."""

    town: Town = Field(description="a town's name")
    length_m: float = Field(ge=10, le=2000, description="straight road ahead of the ego's start, without junctions")
    lanes: int | None = Field(default=None, ge=1, le=8, description="driving lanes in the ego's direction")
    ego_lane: Literal["leftmost", "rightmost"] = Field(default="rightmost", description="the lane the ego starts in")
    oncoming: bool | None = Field(default=None, description="whether there must, or must not, be an oncoming lane")
    parking: tuple[Side, ...] = Field(default=(), description="sides that must have a parking lane")
    pavement: tuple[Side, ...] = Field(default=(), description="sides that must have a pavement")


class Reaction(Strict):
    """How the ego's driver answers a hazard: sees it, and a delay later brakes."""

    to: Name = Field(description="the actor that is watched")
    delay_s: float = Field(ge=0, le=5, description="from seeing the conflict to the brake")
    deceleration_mps2: float = Field(gt=0, le=10, description="braking at least this hard; harder if it must")


class Ego(Strict):
    """The vehicle that carries the rig, and its driver: keeps its lane and speed, and reacts."""

    body: Body = Field(default="vehicle.audi.a2", description="a blueprint id or a category")
    speed_kmh: SpeedKmh = Field(description="its speed from the start on")
    reaction: Reaction | None = Field(default=None, description="the hazard it brakes for; none: it never brakes")


class Placement(Strict):
    """Where an actor is at recorded time zero."""

    ahead_m: Metres | None = Field(default=None, description="from the ego's centre to the actor's, along the path")
    beyond: Name | None = Field(
        default=None, description="instead of ahead_m: just past this actor, as the ego sees it"
    )
    gap_m: float = Field(default=0.5, ge=0, le=100, description="free length left, with `beyond`")
    lane: Lane = Field(default="same", description="the lane, seen from the ego")
    offset_m: Annotated[float, Field(ge=-20, le=20)] = Field(
        default=0.0, description="to the left of that lane's centre"
    )
    heading: Literal["along", "against", "left", "right"] | None = Field(
        None, description="along the path; against it in the oncoming lane"
    )

    @model_validator(mode="after")
    def _one_station(self) -> Placement:
        if (self.ahead_m is None) == (self.beyond is None):
            raise ValueError("want exactly one of ahead_m and beyond")
        if self.beyond is None and "gap_m" in self.model_fields_set:
            raise ValueError("gap_m goes with beyond; want it left out with ahead_m")
        return self


class Actor(Strict):
    """A named participant."""

    body: Body = Field(description="a category (car, child, ...) or a blueprint id")
    at: Placement = Field(description="where it is at the start")
    parked: bool = Field(default=False, description="it stands there for good, engine off")
    speed_kmh: SpeedKmh = Field(default=0.0, description="a vehicle's speed from the start on")

    @property
    def stands(self) -> bool:
        """Whether it never moves: it is parked, a thing, or a trailer that nothing pulls."""
        return self.parked or not (is_person(self.body) or can_drive(self.body))


class ParkedRow(Strict):
    """Vehicles parked bumper to bumper in a parking lane; room is left around named actors."""

    side: Side = Field(default="right", description="which side of the road, seen from the ego")
    from_m: Metres = Field(description="where the row begins, along the path")
    to_m: Metres = Field(description="where it ends")
    gap_m: Distribution = Field(
        default_factory=lambda: Distribution(uniform=(0.8, 2.0)), description="free length between two, drawn for each"
    )
    bodies: tuple[Body, ...] = Field(
        default=("car", "car", "car", "van"), min_length=1, description="drawn from for each"
    )

    @model_validator(mode="after")
    def _sane(self) -> ParkedRow:
        if not self.from_m < self.to_m <= self.from_m + 500:
            raise ValueError(f"from_m = {self.from_m}, to_m = {self.to_m}; want from_m below to_m, at most 500 m apart")
        limits = self.gap_m.limits or (self.gap_m.middle, self.gap_m.middle)
        if not all(isinstance(limit, int | float) and 0.3 <= limit <= 100 for limit in limits):
            raise ValueError("gap_m: want numbers from 0.3 to 100")
        return self


class Traffic(Strict):
    """Background traffic, driven by CARLA's Traffic Manager; none of it can reach the event while it lasts."""

    vehicles: int = Field(ge=0, le=200, description="how many, where the town has room")
    bodies: tuple[Body, ...] = Field(default=("car", "car", "van"), min_length=1, description="drawn from for each")


class When(Strict):
    """What an event waits for: exactly one of the keys."""

    time_s: float | None = Field(default=None, ge=0, le=3600, description="recorded time")
    ego_arrives_in_s: float | None = Field(
        None, ge=0, le=60, description="time until the ego's front is level with the actor, at the ego's present speed"
    )
    crosses_before_ego_s: float | None = Field(
        default=None,
        ge=-5,
        le=30,
        description="with run_across: it is in the middle of the ego's path so long before the ego, did nobody brake",
    )
    ego_gap_m: float | None = Field(
        default=None, ge=0, le=500, description="free length between the two along the path"
    )

    @model_validator(mode="after")
    def _one(self) -> When:
        exactly_one(self, "trigger")
        return self


class RunAcross(Strict):
    """A pedestrian crosses, straight ahead of where it faces."""

    speed_kmh: float = Field(gt=0, le=40, description="how fast")
    distance_m: float = Field(default=12.0, gt=0, le=100, description="how far; it stops there")


class CutIn(Strict):
    """A vehicle changes into the ego's lane."""

    duration_s: float = Field(ge=0.8, le=10, description="from leaving its lane's centre to reaching the ego's")
    speed_kmh: SpeedKmh | None = Field(default=None, description="the speed it takes meanwhile; its own if left out")


class Drive(Strict):
    """A vehicle takes another speed."""

    speed_kmh: SpeedKmh = Field(description="the new speed")
    acceleration_mps2: float = Field(default=2.0, gt=0, le=6, description="how fast it gets there")


class Brake(Strict):
    """A vehicle brakes."""

    deceleration_mps2: float = Field(gt=0, le=10, description="how hard")
    to_kmh: SpeedKmh = Field(default=0.0, description="down to this speed")


class Do(Strict):
    """What an actor does: exactly one of the keys."""

    run_across: RunAcross | None = Field(default=None, description="a pedestrian crosses")
    cut_in: CutIn | None = Field(default=None, description="a vehicle changes into the ego's lane")
    drive: Drive | None = Field(default=None, description="a vehicle takes another speed")
    brake: Brake | None = Field(default=None, description="a vehicle brakes")

    @model_validator(mode="after")
    def _one(self) -> Do:
        exactly_one(self, "manoeuvre")
        return self


class EventSpec(Strict):
    """When something holds for the first time, an actor does something."""

    actor: Name = Field(description="who acts")
    when: When = Field(description="what it waits for")
    do: Do = Field(description="what it does then")


class Range(Strict):
    """A closed range; either end may be left out."""

    min: float | None = Field(default=None, description="the lower end")
    max: float | None = Field(default=None, description="the upper end")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("want min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min = {self.min}; want it at most max = {self.max}")
        return self


class Expectation(Strict):
    """What must hold between the ego and an actor over the recorded time."""

    of: Name = Field(description="the actor; the other party is the ego")
    ttc_s: Range | None = Field(default=None, description="the least time to collision")
    distance_m: Range | None = Field(default=None, description="the least distance between the boxes")
    contact: bool | None = Field(default=None, description="whether they touch")

    @model_validator(mode="after")
    def _some(self) -> Expectation:
        if self.ttc_s is None and self.distance_m is None and self.contact is None:
            raise ValueError("want at least one of ttc_s, distance_m, contact")
        return self


class ScenarioModel(Strict):
    """A whole scenario, all references filled in."""

    name: DocumentName = Field(description="the scenario's name")
    description: str = Field(min_length=1, max_length=2000, description="what happens, in a sentence or two")
    duration_s: float = Field(ge=0.5, le=600, description="recorded time in seconds")
    parameters: dict[Name, Distribution] = Field(default={}, description="what varies from draw to draw")
    weather: WeatherSpec = Field(default=WeatherSpec(), description="the weather")
    road: Road = Field(description="where it happens")
    ego: Ego = Field(description="the vehicle with the sensors")
    actors: dict[Name, Actor] = Field(default={}, description="named participants")
    parked: tuple[ParkedRow, ...] = Field(default=(), description="rows of parked vehicles")
    traffic: Traffic = Field(default=Traffic(vehicles=0), description="background traffic")
    events: tuple[EventSpec, ...] = Field(default=(), description="what happens, and when")
    expectations: tuple[Expectation, ...] = Field(default=(), description="what must hold")
