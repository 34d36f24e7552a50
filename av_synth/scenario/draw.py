"""Drawing: from a scenario and a seed to a concrete scenario."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from av_synth.errors import DocumentError, Problem
from av_synth.messages import nearest, shown
from av_synth.scenario.concrete import ConcreteScenario, CrowdPlan, Flowing, FlowPlan, Row, Slot, Stroller, TrafficPlan
from av_synth.scenario.distributions import stream
from av_synth.scenario.expressions import Value
from av_synth.scenario.model import Crowd, EventSpec, Flow, ParkedRow, ScenarioModel, WeatherChange
from av_synth.scenario.road import Road
from av_synth.scenario.scenario import Scenario, problem_in
from av_synth.scenario.units import in_unit, unit_of
from av_synth.scenario.words import TOWN, is_opendrive

_SHORTEST_VEHICLE_M = 1.5
_STROLLING_M = 0.5  # how far from a pavement's centre people stroll: the narrowest one has 1.5 m
_MAX_SEED = 2**63 - 1
_WANT_MAP = "want the path of an OpenDRIVE file; put the map there, or say where it is"


def draw(
    scenario: Scenario,
    seed: int,
    overrides: Mapping[str, str] | None = None,
    values: Mapping[str, Value] | None = None,
    *,
    without: Collection[str] = (),
    town: str | None = None,
) -> ConcreteScenario:
    """Draw a concrete scenario.

    Args:
        scenario: the logical scenario.
        seed: 0 or more; equal seeds give equal draws.
        overrides: parameter values given by hand (`--set name=value`), as text.
        values: parameter values of a design (see `scenario.designs`), or `scenario.defaults`; overrides win over them.
            What neither gives is drawn by the seed.
        without: actors to take out; what the others draw stays.
        town: the map it is to happen on, whatever the scenario says; poses are taken on an OpenDRIVE file as they are.

    Raises:
        DocumentError: if an override or a value names no parameter or is out of its range, the constraints could not be
            met, the seed is negative, there is no such actor, or the town is no name, a file that is not there, or
            another than that of a pose.
    """
    if not 0 <= seed <= _MAX_SEED:
        raise DocumentError([Problem("", "--seed", f"got {seed}; want 0 to {_MAX_SEED}")])
    drawn = scenario.chance.draw(seed, _fixed(scenario, overrides or {}, values or {}))
    model = scenario.fill(drawn)
    _can_go(model, without)
    road = model.road if town is None else _moved(model.road, town)
    return ConcreteScenario(
        name=model.name,
        description=model.description.strip(),
        town=_found_from_here(scenario, road.town) if town is None else town,
        seed=seed,
        duration_s=model.duration_s,
        parameters=drawn,
        weather=model.weather.resolve(),
        road=road,
        ego=model.ego,
        actors=dict(model.actors),
        rows=tuple(_row(model.name, index, row, seed) for index, row in enumerate(model.parked)),
        traffic=_traffic(model, seed),
        events=tuple(_in_numbers(event) for event in model.events if event.actor not in without),
        expectations=model.expectations,
        picks={key: _pick(model.name, key, seed) for key in ("town", "road", "ego", *model.actors)},
        flows=tuple(_flow(model.name, index, flow, seed) for index, flow in enumerate(model.flows)),
        crowds=tuple(_crowd(model.name, index, crowd, seed) for index, crowd in enumerate(model.crowds)),
        signals=model.signals,
        without=tuple(name for name in model.actors if name in without),
        sun_bearing_deg=model.weather.sun_bearing_deg,
    )


def _can_go(model: ScenarioModel, without: Collection[str]) -> None:
    found = [
        Problem("", "--without", f"{model.name} has no actor {name!r}; {nearest(name, model.actors)}")
        for name in without
        if name not in model.actors
    ]
    if found:
        raise DocumentError(found)


def _moved(road: Road, town: str) -> Road:
    if not re.fullmatch(TOWN, town):
        raise DocumentError([Problem("", "--town", f"got {shown(town)}; want a town's name")])
    if is_opendrive(town):
        if not Path(town).is_file():
            raise DocumentError([Problem("", "--town", f"got {shown(town)}, and there is no such file; {_WANT_MAP}")])
    elif road.pose is not None and town != road.town:
        want = f"want {road.town}, where road.pose is, or the path of an OpenDRIVE file of it"
        raise DocumentError([Problem("", "--town", f"got {shown(town)}; {want}")])
    return road.model_copy(update={"town": town})


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


def _found_from_here(scenario: Scenario, town: str | None) -> str | None:
    """The town; an OpenDRIVE file, which is named from the scenario's own folder, as it is found from here."""
    if town is None or not is_opendrive(town):
        return town
    return (Path(scenario.document.where).parent / town).as_posix()


def need_map(scenario: Scenario | None, concrete: ConcreteScenario) -> None:
    """Refuse to play a draw whose OpenDRIVE file is not there; drawing, checking and exporting it need none.

    Raises:
        DocumentError: with the line that names it, where the scenario is at hand.
    """
    town = concrete.town
    if town is not None and is_opendrive(town) and not Path(town).is_file():
        said = shown(concrete.road.town)
        reason = f"got {said}, and there is no file {town}; {_WANT_MAP}"
        raise DocumentError([problem_in(scenario, ("road", "town"), reason)])


def _in_numbers(event: EventSpec) -> EventSpec:
    """An event with the numbers of the preset that it names: as JSON, one that is named and one left out are alike."""
    change = event.weather
    if change is None or "preset" not in change.model_fields_set:
        return event
    numbers = WeatherChange.model_validate({**change.resolve().to_json(), "over_s": change.over_s})
    return event.model_copy(update={"weather": numbers})


def _pick(scenario: str, key: str, seed: int) -> float:
    return round(float(stream(scenario, f"pick {key}", seed).random()), 6)


def _row(scenario: str, index: int, row: ParkedRow, seed: int) -> Row:
    slots = []
    for number in range(math.ceil((row.to_m - row.from_m) / _SHORTEST_VEHICLE_M)):
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


def _flow(scenario: str, index: int, flow: Flow, seed: int) -> FlowPlan:
    vehicles = []
    for number in range(flow.vehicles):
        random = stream(scenario, f"flow {index} {number}", seed)
        gap_s = float(flow.every_s.draw(random))
        body = flow.bodies[int(random.random() * len(flow.bodies))]
        vehicles.append(Flowing(body, round(float(random.random()), 6), gap_s))
    return FlowPlan(flow.lane, flow.arm, flow.route, flow.first_m, flow.speed_kmh, tuple(vehicles))


def _crowd(scenario: str, index: int, crowd: Crowd, seed: int) -> CrowdPlan:
    people = []
    for number in range(crowd.people):
        random = stream(scenario, f"crowd {index} {number}", seed)
        speed_kmh = float(crowd.speed_kmh.draw(random))
        body = crowd.bodies[int(random.random() * len(crowd.bodies))]
        pick, at_m, offset_m = random.random(), random.uniform(crowd.from_m, crowd.to_m), random.uniform(-1.0, 1.0)
        along = bool(random.random() < 0.5)
        people.append(
            Stroller(
                body,
                round(float(pick), 6),
                round(float(at_m), 3),
                round(float(offset_m) * _STROLLING_M, 3),
                speed_kmh,
                "along" if along else "against",
            )
        )
    return CrowdPlan(crowd.side, crowd.from_m, crowd.to_m, tuple(people))
