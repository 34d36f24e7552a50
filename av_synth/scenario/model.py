"""The scenario language: what each key of scenarios/*.yaml means (docs/reference/scenarios.md is its reference).

`road.py` says where, `triggers.py` when, `manoeuvres.py` what, `expectations.py` what must come of it.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from av_synth.documents import DocumentName, Matching, Strict, Written
from av_synth.scenario.distributions import Distribution
from av_synth.scenario.exact import Way
from av_synth.scenario.expectations import Expectation
from av_synth.scenario.faults import Fault
from av_synth.scenario.manoeuvres import Do
from av_synth.scenario.road import Lane, Placement, Road
from av_synth.scenario.signals import SignalPlan
from av_synth.scenario.triggers import When
from av_synth.scenario.weather import Preset, StartingWeather, WeatherSpec
from av_synth.scenario.words import (
    Arm,
    Body,
    Lamp,
    Listed,
    Metres,
    Name,
    Seconds,
    Side,
    SpeedKmh,
    Turn,
    can_drive,
    is_person,
)

_MAX_ACTORS = 200
MAX_EVENTS = 300
LONGEST_S = 600
_MAX_BODIES = 100
WHAT = ("do", "signals", "weather", "fault")
"""What an event can be: exactly one of these."""
Driver = Annotated[
    str,
    Matching(
        "scripted|traffic_manager|[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*",
        "scripted, traffic_manager, or module:Class",
    ),
]


Drawn = Annotated[Distribution, Written({"type": ["number", "string", "boolean"]})]


def _within(name: str, distribution: Distribution, low: float, high: float) -> None:
    values = distribution.limits or distribution.values or ()
    if not all(isinstance(value, int | float) and low <= value <= high for value in values):
        raise ValueError(f"{name}: want numbers from {low:g} to {high:g}")


class Reaction(Strict):
    """How the ego's driver answers a hazard: sees it, and a delay later brakes."""

    to: Listed[Name] = Field(
        min_length=1, max_length=_MAX_ACTORS, description="the actor that is watched, or a list of them"
    )
    delay_s: float = Field(ge=0, le=5, description="from seeing the conflict to the brake")
    deceleration_mps2: float = Field(gt=0, le=10, description="braking at least this hard; harder if it must")


class Ego(Strict):
    """The vehicle that carries the rig, and its driver: keeps its lane and speed, and reacts."""

    body: Body = Field(default="vehicle.audi.a2", description="a blueprint id or a category")
    speed_kmh: SpeedKmh = Field(description="its speed from the start on")
    driver: Driver = Field(
        default="scripted", description="scripted, CARLA's traffic_manager, or your own agent as module:Class"
    )
    reaction: Reaction | None = Field(default=None, description="the hazards it brakes for; none: it never brakes")


class Actor(Strict):
    """A named actor."""

    body: Body = Field(description="a category (car, child, ...) or a blueprint id")
    at: Placement = Field(description="where it is at the start")
    parked: bool = Field(default=False, description="it stands there for good, engine off")
    speed_kmh: SpeedKmh = Field(default=0.0, description="a vehicle's speed from the start on")
    route: Listed[Turn] = Field(
        default=(), max_length=10, description="where it goes at the junctions on its way; straight on if left out"
    )
    through: Way = Field(default=(), description="instead of route: places of a named map on its way, in turn")
    absent: bool = Field(default=False, description="it is not there until an event lets it `appear`")
    careful: bool = Field(default=False, description="it brakes for whoever is ahead of it in its lane")
    lights: Listed[Lamp] | None = Field(
        default=None, description="lights that are on from the start; by the weather if left out"
    )

    @property
    def stands(self) -> bool:
        """Whether it never moves: it is parked, a thing, or a trailer that nothing pulls."""
        return self.parked or not (is_person(self.body) or can_drive(self.body))


class ParkedRow(Strict):
    """Vehicles parked bumper to bumper in a parking lane; room is left around named actors."""

    side: Side = Field(default="right", description="which side of the road, seen from the ego")
    from_m: Metres = Field(description="where the row begins, along the path")
    to_m: Metres = Field(description="where it ends")
    gap_m: Drawn = Field(
        default_factory=lambda: Distribution(uniform=(0.8, 2.0)), description="free length between two, drawn for each"
    )
    bodies: Listed[Body] = Field(
        default=("car", "car", "car", "van"), min_length=1, max_length=_MAX_BODIES, description="drawn from for each"
    )

    @model_validator(mode="after")
    def _sane(self) -> ParkedRow:
        if not self.from_m < self.to_m <= self.from_m + 500:
            raise ValueError(f"from_m = {self.from_m}, to_m = {self.to_m}; want from_m below to_m, at most 500 m apart")
        _within("gap_m", self.gap_m, 0.3, 100)
        return self


class Traffic(Strict):
    """Background traffic, driven by CARLA's Traffic Manager; none of it can reach the event while it lasts."""

    vehicles: int = Field(ge=0, le=200, description="how many, where the town has room")
    bodies: Listed[Body] = Field(
        default=("car", "car", "van"), min_length=1, max_length=_MAX_BODIES, description="drawn from for each"
    )


class Flow(Strict):
    """A stream of vehicles, one after the other in a lane; each keeps its speed and brakes for whoever is ahead."""

    lane: Lane = Field(
        default="oncoming", description="which lane, seen from the ego; with arm, seen by who comes there"
    )
    arm: Arm | None = Field(default=None, description="it comes to the ego's junction on this arm")
    route: Listed[Turn] = Field(default=(), max_length=10, description="where it goes at the junctions on its way")
    first_m: Metres = Field(
        default=30.0, description="where the first is at the start: ahead of the ego, or before the junction with arm"
    )
    every_s: Drawn = Field(
        default_factory=lambda: Distribution(uniform=(2.0, 5.0)),
        description="time from one to the next, drawn for each",
    )
    vehicles: int = Field(default=10, ge=1, le=60, description="how many at most, as far as the road reaches")
    speed_kmh: SpeedKmh = Field(description="how fast they go")
    bodies: Listed[Body] = Field(
        default=("car", "car", "van"), min_length=1, max_length=_MAX_BODIES, description="drawn from for each"
    )

    @model_validator(mode="after")
    def _sane(self) -> Flow:
        _within("every_s", self.every_s, 0.3, 600)
        return self


class Crowd(Strict):
    """People who stroll up and down a pavement."""

    side: Side = Field(default="right", description="which side of the road, seen from the ego")
    from_m: Metres = Field(description="where they are, along the path: from here")
    to_m: Metres = Field(description="to here")
    people: int = Field(ge=1, le=60, description="how many")
    bodies: Listed[Body] = Field(
        default=("adult", "adult", "child"), min_length=1, max_length=_MAX_BODIES, description="drawn from for each"
    )
    speed_kmh: Drawn = Field(default_factory=lambda: Distribution(uniform=(3.5, 5.5)), description="drawn for each")

    @model_validator(mode="after")
    def _sane(self) -> Crowd:
        if not self.from_m < self.to_m:
            raise ValueError(f"from_m = {self.from_m}, to_m = {self.to_m}; want from_m below to_m")
        _within("speed_kmh", self.speed_kmh, 0.1, 40)
        return self


def _no_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


class WeatherChange(WeatherSpec):
    """Weather that comes over some time; fields that are left out stay as they are."""

    preset: Preset = Field(
        default="clear_noon",  # never taken: `upon` asks whether it is in the file
        json_schema_extra=_no_default,
        description="where to begin; without it everything stays as it is but what is named here",
    )
    over_s: Seconds = Field(default=0.0, description="how long the change takes")


class EventSpec(Strict):
    """The first time that something holds, an actor does something, lights or weather change, or sensors fail."""

    name: Name | None = Field(default=None, description="for other events to refer to")
    actor: Name | None = Field(default=None, description="who acts, with `do`")
    when: When = Field(description="what it waits for")
    do: Do | None = Field(default=None, description="what the actor does then")
    for_s: Seconds | None = Field(
        default=None,
        description="with do: it ends after so long, and goes on as before; by itself if left out. With fault: it is "
        "over after so long; never if left out",
    )
    times: int = Field(
        default=1, ge=1, le=1000, description="how often at most; again when what it did is over and `when` holds anew"
    )
    signals: SignalPlan | None = Field(default=None, description="instead: the junction's lights change")
    weather: WeatherChange | None = Field(default=None, description="instead: the weather changes")
    fault: Fault | None = Field(default=None, description="instead: sensors fail")

    @model_validator(mode="after")
    def _one(self) -> EventSpec:
        given = [name for name in WHAT if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"got {' and '.join(given) or 'none'}; want exactly one of {', '.join(WHAT)}")
        if (self.actor is None) != (self.do is None):
            raise ValueError("actor and do go together; want both or neither")
        if self.for_s is not None and self.do is None and self.fault is None:
            raise ValueError("for_s goes with do and with fault; want it left out")
        return self


class ScenarioModel(Strict):
    """A whole scenario, all references filled in."""

    name: DocumentName = Field(description="the scenario's name")
    description: str = Field(min_length=1, max_length=2000, description="what happens, in a sentence or two")
    source: str | None = Field(default=None, max_length=500, description="where type and ranges come from")
    duration_s: float = Field(ge=0.5, le=LONGEST_S, description="recorded time in seconds")
    parameters: dict[Name, Drawn] = Field(default={}, max_length=200, description="what varies from draw to draw")
    weather: StartingWeather = Field(default=StartingWeather(), description="the weather")
    road: Road = Field(description="where it happens")
    ego: Ego = Field(description="the vehicle with the sensors")
    actors: dict[Name, Actor] = Field(
        default={},
        max_length=_MAX_ACTORS,
        description="everybody with a name but the ego; the first is the challenging one",
    )
    parked: tuple[ParkedRow, ...] = Field(default=(), max_length=20, description="rows of parked vehicles")
    traffic: Traffic = Field(default=Traffic(vehicles=0), description="background traffic")
    flows: tuple[Flow, ...] = Field(default=(), max_length=10, description="streams of vehicles")
    crowds: tuple[Crowd, ...] = Field(default=(), max_length=10, description="people on the pavements")
    signals: SignalPlan | None = Field(
        default=None, description="the lights at the start: green for the ego, red across, if left out"
    )
    events: tuple[EventSpec, ...] = Field(default=(), max_length=MAX_EVENTS, description="what happens, and when")
    expectations: tuple[Expectation, ...] = Field(default=(), max_length=_MAX_ACTORS, description="what must hold")
