"""One draw of a scenario: all numbers fixed, nothing left to chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from av_synth.documents import nearest, shown
from av_synth.errors import DocumentError, Problem
from av_synth.scenario.distributions import stream
from av_synth.scenario.expectations import Expectation
from av_synth.scenario.expressions import Value
from av_synth.scenario.model import Actor, Ego, EventSpec, ParkedRow, ScenarioModel
from av_synth.scenario.road import Road
from av_synth.scenario.scenario import Scenario
from av_synth.scenario.units import in_unit, unit_of
from av_synth.scenario.weather import Weather
from av_synth.scenario.words import Side

SHORTEST_VEHICLE_M = 1.5
MAX_SEED = 2**63 - 1


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
class ConcreteScenario:
    """A scenario with every number fixed; what a run plays, and part of its identity.

    Attributes:
        name, description, duration_s: of the scenario.
        town: map name.
        seed: of the draw.
        parameters: value by name; derived values follow from them and are not told.
        weather, road, ego, actors, rows, traffic, events, expectations: see `scenario.model` and above.
        picks: numbers in [0, 1) by what they choose: 'road' among the roads that fit, an actor's name its body.
    """

    name: str
    description: str
    town: str
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
            "rows": [
                {"side": row.side, "from_m": row.from_m, "to_m": row.to_m, "slots": [vars(slot) for slot in row.slots]}
                for row in self.rows
            ],
            "traffic": {
                "seed": self.traffic.seed,
                "bodies": list(self.traffic.bodies),
                "picks": list(self.traffic.picks),
            },
            "events": [event.model_dump(mode="json", exclude_none=True) for event in self.events],
            "expectations": [item.model_dump(mode="json", exclude_none=True) for item in self.expectations],
            "picks": dict(self.picks),
        }


def draw(
    scenario: Scenario,
    seed: int,
    overrides: Mapping[str, str] | None = None,
    values: Mapping[str, Value] | None = None,
) -> ConcreteScenario:
    """Draw a concrete scenario.

    Args:
        scenario: the logical scenario.
        seed: 0 or more; equal seeds give equal draws.
        overrides: parameter values given by hand (`--set name=value`), as text.
        values: parameter values of a design (see `scenario.designs`), or `scenario.defaults`; overrides win over them.
            What neither gives is drawn by the seed.

    Raises:
        DocumentError: if an override or a value names no parameter or is out of its range, the constraints could not be
            met, or the seed is negative.
    """
    if not 0 <= seed <= MAX_SEED:
        raise DocumentError([Problem("", "--seed", f"got {seed}; want 0 to {MAX_SEED}")])
    drawn = scenario.chance.draw(seed, _fixed(scenario, overrides or {}, values or {}))
    model = scenario.fill(drawn)
    return ConcreteScenario(
        name=model.name,
        description=model.description.strip(),
        town=model.road.town or "",
        seed=seed,
        duration_s=model.duration_s,
        parameters=drawn,
        weather=model.weather.resolve(),
        road=model.road,
        ego=model.ego,
        actors=dict(model.actors),
        rows=tuple(_row(model.name, index, row, seed) for index, row in enumerate(model.parked)),
        traffic=_traffic(model, seed),
        events=model.events,
        expectations=model.expectations,
        picks={key: _pick(model.name, key, seed) for key in ("road", "ego", *model.actors)},
    )


def _fixed(scenario: Scenario, overrides: Mapping[str, str], values: Mapping[str, Value]) -> dict[str, Value]:
    """The values given by hand or by a design, as they would have been drawn."""
    found: list[Problem] = []
    fixed: dict[str, Value] = {}
    given: list[tuple[str, str, Value]] = [("", name, value) for name, value in values.items()]
    given += [("--set ", name, text) for name, text in overrides.items()]
    for by, name, value in given:
        try:
            fixed[name] = _taken(scenario, name, value, as_text=bool(by))
        except ValueError as error:
            found.append(Problem("", f"{by}{name}", str(error)))
    if found:
        raise DocumentError(found)
    return fixed


def _taken(scenario: Scenario, name: str, value: Value, as_text: bool) -> Value:
    distribution = scenario.parameters.get(name)
    if distribution is None:
        if name in scenario.chance.derived:
            raise ValueError(f"follows from {', '.join(scenario.chance.derived[name].uses()) or 'nothing'}; set that")
        raise ValueError(f"{scenario.name} has no such parameter; {nearest(name, scenario.parameters)}")
    unit = unit_of(name)
    converted = in_unit(value, name, unit) if isinstance(value, str) and unit is not None else None
    if converted is not None:
        try:
            return distribution.take(converted)
        except ValueError as error:
            want = str(error).partition("; ")[2]
            raise ValueError(f"got {shown(value)}, which is {converted:g} {unit}; {want}") from None
    return distribution.parse(value) if as_text and isinstance(value, str) else distribution.take(value)


def _pick(scenario: str, key: str, seed: int) -> float:
    return round(float(stream(scenario, f"pick {key}", seed).random()), 6)


def _row(scenario: str, index: int, row: ParkedRow, seed: int) -> Row:
    slots = []
    for number in range(math.ceil((row.to_m - row.from_m) / SHORTEST_VEHICLE_M)):
        # a stream a slot: a longer row begins with the same vehicles
        random = stream(scenario, f"parked {index} {number}", seed)
        gap_m = row.gap_m.draw(random)
        body = row.bodies[int(random.random() * len(row.bodies))]
        pick, offset_m, yaw_rad = random.random(), random.normal(0.0, 0.06), random.normal(0.0, 0.008)
        crooked = min(max(yaw_rad, -0.02), 0.02)
        aside_m = min(max(offset_m, -0.12), 0.12)
        slots.append(Slot(body, float(gap_m), round(pick, 6), round(aside_m, 4), round(crooked, 5)))
    return Row(row.side, row.from_m, row.to_m, tuple(slots))


def _traffic(model: ScenarioModel, seed: int) -> TrafficPlan:
    count = model.traffic.vehicles
    random = [stream(model.name, f"traffic {number}", seed) for number in range(count)]
    bodies = tuple(model.traffic.bodies[int(one.random() * len(model.traffic.bodies))] for one in random)
    picks = tuple(round(float(one.random()), 6) for one in random)
    return TrafficPlan(int(stream(model.name, "traffic", seed).integers(2**31)), bodies, picks)
