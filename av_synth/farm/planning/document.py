"""What a campaign's YAML file may say."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from av_synth.documents import DocumentName, Strict
from av_synth.errors import DocumentError
from av_synth.export.dataset import DATASET
from av_synth.launch import parse_address
from av_synth.launch.carla_spec import names_carla, parse_carla, spec_from
from av_synth.launch.choose import EMBEDDED, is_embedded
from av_synth.messages import shown
from av_synth.rig.loader import NO_RIG
from av_synth.scenario.expressions import Value
from av_synth.scenario.weather import WeatherSpec
from av_synth.scenario.words import Town, exactly_one

MAX_RUNS = 100_000  # of a campaign


def _seeds(value: object) -> object:
    """`{from: 0, count: 100}` is short for a list of so many."""
    if not isinstance(value, dict):
        return tuple(value) if isinstance(value, list) else value
    first, count = value.get("from", 0), value.get("count")
    if value.keys() - {"from", "count"} or type(first) is not int or type(count) is not int:
        raise ValueError(f"got {shown(value)}; want a list of seeds, or {{from: 0, count: 100}}")
    if not 1 <= count <= MAX_RUNS:
        raise ValueError(f"got count: {count}; want 1 to {MAX_RUNS}")
    return tuple(range(first, first + count))


def _grid(value: object) -> object:
    def good(levels: object) -> bool:
        plain = isinstance(levels, list) and all(isinstance(one, str | float | int) for one in levels)
        return (type(levels) is int and levels > 0) or (plain and bool(levels))

    if type(value) is int and value > 0:
        return value
    if isinstance(value, dict) and value and all(map(good, value.values())):
        return value
    raise ValueError(f"got {shown(value)}; want a number of levels, or of some parameters their levels or values")


def simulator_value(value: object) -> object:
    """`embedded[:PROFILE][@QUALITY]`, HOST:PORT, or what a CARLA is started by."""
    if is_embedded(value):
        return value
    try:
        if isinstance(value, dict):
            spec_from(value)
        elif isinstance(value, str) and names_carla(value):
            parse_carla(value)
        else:
            parse_address(
                str(value), f"`{EMBEDDED}`, HOST:PORT, carla:FOLDER or a mapping such as {{carla: /opt/carla}}"
            )
    except DocumentError as error:
        told = (
            f"{problem.path}: {problem.message}" if problem.path[:1] != "-" else problem.message
            for problem in error.problems
        )
        raise ValueError("; ".join(told)) from None
    return value


def short_weather(value: object) -> object:
    """A preset's name is short for it alone."""
    return {"preset": value} if isinstance(value, str) else value


Seed = Annotated[int, Field(ge=0)]
Seeds = Annotated[tuple[Seed, ...], BeforeValidator(_seeds), Field(min_length=1, max_length=MAX_RUNS)]
Count = Annotated[int, Field(ge=1, le=MAX_RUNS)]


class Design(Strict):
    """How values of the parameters are chosen together; see docs/how-to/campaigns.md."""

    grid: Annotated[Any, AfterValidator(_grid)] = Field(
        default=None, description="every combination of so many levels, or of some parameters their levels or values"
    )
    latin_hypercube: Count | None = Field(default=None, description="so many points, spread over each parameter")
    sobol: Count | None = Field(default=None, description="so many points of a Sobol sequence")
    t_wise: Annotated[int, Field(ge=1, le=6)] | None = Field(default=None, description="2: all pairs of levels")

    @model_validator(mode="after")
    def _one(self) -> Design:
        exactly_one(self, "design")
        return self


class Search(Strict):
    """Draws that reach a target, looked for when the campaign is planned; see docs/how-to/search.md."""

    scenario: str = Field(description="the name of a built-in scenario, or a path to a YAML file")
    target: str = Field(description="what is wanted, such as 'ttc=0.5..1.5, contact=false'")
    count: int = Field(description="how many draws are wanted")
    of: str | None = Field(default=None, description="the actor that challenges the ego; the first one")
    seed: int = Field(default=0, ge=0, description="of the search")


class Entry(Strict):
    """Runs of one scenario with one rig: drawn, or of a file of draws, or searched for."""

    scenario: str | None = Field(default=None, description="the name of a built-in scenario, or a path to a YAML file")
    draws: str | None = Field(default=None, description="the path of a file that `av-synth search` wrote")
    search: Search | None = Field(default=None, description="scenario, target and count")
    rig: str = Field(description=f"the name of a built-in rig, a path to a YAML file, or {NO_RIG}")
    seeds: Seeds = Field(default=(), description="a list of seeds, or {from: 0, count: 100}; [0] with a design")
    design: Design | None = Field(default=None, description="values of the parameters chosen together")
    set: dict[str, Value] = Field(default={}, description="values of parameters")
    weather: tuple[Annotated[WeatherSpec, BeforeValidator(short_weather)], ...] = Field(
        default=(), description="presets or mappings: each draw in each of them"
    )
    towns: tuple[Town, ...] = Field(default=(), description="each draw in each of them")
    without: tuple[str, ...] = Field(default=(), description="actors to take out")

    @model_validator(mode="after")
    def _one(self) -> Entry:
        given = [name for name in ("scenario", "draws", "search") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"got {' and '.join(given) or 'none'}; want exactly one of scenario, draws and search")
        more = sorted(self.model_fields_set - {"rig", *given})
        if given != ["scenario"] and more:
            raise ValueError(
                f"got {', '.join(more)} beside {given[0]}, whose draws are what they are; want them left out"
            )
        if given == ["scenario"] and not self.seeds and self.design is None:
            raise ValueError("got neither seeds nor design; want how many draws, such as seeds: {from: 0, count: 10}")
        return self


class Budget(Strict):
    """What a campaign may take at most."""

    runs: Annotated[int, Field(ge=1)] | None = Field(default=None, description="so many runs")
    core_hours: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="hours of one core, all together"
    )
    gigabytes: Annotated[float, Field(gt=0)] | None = Field(default=None, description="of committed runs")


class Recycle(Strict):
    """When a worker starts its simulator and its client anew."""

    runs: Annotated[int, Field(ge=1)] | None = Field(default=None, description="after so many runs")
    gigabytes: Annotated[float, Field(gt=0)] | None = Field(default=None, description="of memory resident")


class CampaignDocument(Strict):
    """A whole campaign file."""

    name: DocumentName = Field(description="the campaign's name")
    description: str = Field(description="what this makes, in a sentence")
    runs: Annotated[list[Entry], Field(min_length=1)] = Field(description="a list of scenario, rig and seeds")
    simulator: Annotated[Any, AfterValidator(simulator_value)] = Field(
        default=EMBEDDED, description="`embedded`, HOST:PORT, or a mapping such as {carla: /opt/carla}"
    )
    budget: Budget = Field(default=Budget(), description="what it may take at most")
    format: str = Field(default=DATASET, description="what is exported at the end; `av-synth formats` lists them")
    recycle: Recycle = Field(default=Recycle(), description="when a worker starts its simulator anew")
