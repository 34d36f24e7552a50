"""Concrete scenarios: one draw each, with every number fixed and nothing left to chance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from av_synth.errors import DocumentError, Problem
from av_synth.scenario.dumped import as_given
from av_synth.scenario.expectations import Expectation
from av_synth.scenario.expressions import Value
from av_synth.scenario.model import Actor, Ego, EventSpec
from av_synth.scenario.road import Lane, Road
from av_synth.scenario.signals import SignalPlan
from av_synth.scenario.weather import Weather
from av_synth.scenario.words import Arm, Side, Turn


@dataclass(frozen=True)
class Slot:
    """One place in a row of parked vehicles.

    Attributes:
        body: category or blueprint id.
        gap_m: free length before it.
        pick: in [0, 1), chooses among the blueprints and colours of the category.
        offset_m: how far left of the lane's centre it was left standing.
        yaw_rad: how crooked.
    """

    body: str
    gap_m: float
    pick: float
    offset_m: float
    yaw_rad: float


@dataclass(frozen=True)
class Row:
    """A row of parked vehicles: as many of the slots as fit between from_m and to_m."""

    side: Side
    from_m: float
    to_m: float
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class TrafficPlan:
    """Background traffic: body and pick of each vehicle; `seed` shuffles the places they start from."""

    seed: int
    bodies: tuple[str, ...]
    picks: tuple[float, ...]


@dataclass(frozen=True)
class Flowing:
    """One vehicle of a flow: category or blueprint id, its pick in [0, 1), and the time gap to the one before it."""

    body: str
    pick: float
    gap_s: float


@dataclass(frozen=True)
class FlowPlan:
    """A stream of vehicles; see `model.Flow`. Nobody is before the first, which starts at `first_m`."""

    lane: Lane
    arm: Arm | None
    route: tuple[Turn, ...]
    first_m: float
    speed_kmh: float
    vehicles: tuple[Flowing, ...]


@dataclass(frozen=True)
class Stroller:
    """One of a crowd.

    Attributes:
        body: category or blueprint id.
        pick: in [0, 1), chooses among the blueprints of the category.
        at_m: where along the path.
        offset_m: to the left of the pavement's centre.
        speed_kmh: how fast.
        direction: seen from the ego; at the end of the crowd's stretch it turns round.
    """

    body: str
    pick: float
    at_m: float
    offset_m: float
    speed_kmh: float
    direction: Literal["along", "against"]


@dataclass(frozen=True)
class CrowdPlan:
    """People on a pavement, between two stations."""

    side: Side
    from_m: float
    to_m: float
    people: tuple[Stroller, ...]


@dataclass(frozen=True)
class ConcreteScenario:
    """A scenario with every number fixed; what a run plays, and part of its identity.

    Attributes:
        name, description, duration_s: of the scenario.
        town: map name; None for any town that has such a road.
        seed: of the draw.
        parameters: value by name; derived values follow from them and are not told.
        weather, road, ego, actors, rows, traffic, flows, crowds, signals, expectations: see `scenario.model` and above.
        events: those of actors that were taken out are not among them.
        picks: numbers in [0, 1) by what they choose: 'road' among the roads that fit, an actor's name its body.
        without: actors that were taken out. They stay in `actors`, for others are placed by them, but nobody plays
            them.
        sun_bearing_deg: from where the ego heads at the start to the sun, to the left; None for where `weather` has it.
    """

    name: str
    description: str
    town: str | None
    seed: int
    duration_s: float
    parameters: Mapping[str, Value]
    weather: Weather
    road: Road
    ego: Ego
    actors: Mapping[str, Actor]
    rows: tuple[Row, ...]
    traffic: TrafficPlan
    events: tuple[EventSpec, ...]
    expectations: tuple[Expectation, ...]
    picks: Mapping[str, float]
    flows: tuple[FlowPlan, ...] = ()
    crowds: tuple[CrowdPlan, ...] = ()
    signals: SignalPlan | None = None
    without: tuple[str, ...] = ()
    sun_bearing_deg: float | None = None

    def to_json(self) -> dict[str, object]:
        """Everything as plain JSON values; equal for equal draws."""
        return {
            "name": self.name,
            "description": self.description,
            "town": self.town,
            "seed": self.seed,
            "duration_s": self.duration_s,
            "parameters": dict(self.parameters),
            "weather": self.weather.to_json(),
            "road": self.road.model_dump(mode="json"),
            "ego": self.ego.model_dump(mode="json"),
            "actors": {name: actor.model_dump(mode="json") for name, actor in self.actors.items()},
            "actor_order": list(self.actors),  # in which they are placed; files may have their keys sorted
            "rows": to_jsonable_python(self.rows),
            "traffic": to_jsonable_python(self.traffic),
            "events": [event.model_dump(mode="json", exclude_none=True) for event in self.events],
            "expectations": [item.model_dump(mode="json", exclude_none=True) for item in self.expectations],
            "picks": dict(self.picks),
            "flows": to_jsonable_python(self.flows),
            "crowds": to_jsonable_python(self.crowds),
            "signals": None if self.signals is None else self.signals.model_dump(mode="json", exclude_none=True),
            "without": list(self.without),
            # only where it is said: what never had one keeps its hash
            **({} if self.sun_bearing_deg is None else {"sun_bearing_deg": self.sun_bearing_deg}),
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> ConcreteScenario:
        """A draw of what `to_json` said of it.

        Raises:
            DocumentError: with everything in it that no draw can have, by its key path.
        """
        try:
            kinds = get_type_hints(ConcreteScenario)
            given = {key: as_given(kinds[key], value) for key, value in values.items() if key in kinds}
            drawn = TypeAdapter(ConcreteScenario).validate_json(json.dumps(given))
            return replace(drawn, actors={name: drawn.actors[name] for name in values["actor_order"]})
        except KeyError as error:
            raise DocumentError([Problem("", "actor_order", f"{error}: want the name of every actor")]) from error
        except ValidationError as error:
            wrong = ((".".join(map(str, each["loc"])), each["msg"]) for each in error.errors())
            raise DocumentError([Problem("", path, message) for path, message in wrong]) from error
