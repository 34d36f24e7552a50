"""The space that a budget is spent over: which scenarios in which weathers, how often each is met, and draws of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field

from av_synth import documents
from av_synth import scenario as scenarios
from av_synth.documents import DocumentName, Strict
from av_synth.errors import DocumentError, Problem
from av_synth.farm.planning.document import short_weather, simulator_value
from av_synth.query import SLICES, SampleFacts, weather_values
from av_synth.rig import load as load_rig
from av_synth.scenario import Scenario
from av_synth.scenario.distributions import Distribution
from av_synth.scenario.expressions import Value
from av_synth.scenario.weather import WeatherSpec

KIND = "configs/spaces"
FIRST_HELD_OUT_SEED = 1_000_000_000
"""Held-out runs are drawn by this seed and later ones, all others by earlier ones."""

_PARTS = 3  # of the range of a parameter
_MOST_WORDS = 12  # values of a parameter that are told apart
_TRIED, _TRIED_FOR_ONE = 100, 10  # draws of a cell that are looked at; of all cells, for one that is spent

Traits = Mapping[str, str]
"""What is known of a run before it is played, by axis: scenario, weather, light, and its parameters."""


class _Shared(Strict):
    share: float = Field(default=1.0, gt=0, description="how often it is met, compared with the others")


class SpaceScenario(_Shared):
    """A scenario of a space."""

    scenario: str = Field(description="the name of a built-in scenario, or a path to a YAML file")


class SpaceWeather(_Shared):
    """A weather of a space."""

    weather: Annotated[WeatherSpec, BeforeValidator(short_weather)] = Field(description="a preset or a mapping")


class SpaceDocument(Strict):
    """A whole file of a space."""

    name: DocumentName = Field(description="the space's name")
    description: str = Field(description="what is in it, in a sentence")
    rig: str = Field(description="the name of a built-in rig, or a path to a YAML file")
    simulator: Annotated[Any, AfterValidator(simulator_value)] = Field(
        default="embedded", description="as in a campaign"
    )
    scenarios: Annotated[list[SpaceScenario], Field(min_length=1, max_length=200)] = Field(
        description="a list of scenarios with their shares"
    )
    weathers: Annotated[list[SpaceWeather], Field(min_length=1, max_length=50)] = Field(
        description="a list of weathers with their shares"
    )


@dataclass(frozen=True)
class Cell:
    """A scenario in a weather.

    Attributes:
        scenario: its number in the space.
        weather: its number in the space.
        share: of all that is met, 0 to 1.
    """

    scenario: int
    weather: int
    share: float


@dataclass(frozen=True)
class Draw:
    """One run that might be asked for: a cell, a seed, and what is known of it before it is played."""

    cell: Cell
    seed: int
    traits: Traits


@dataclass(frozen=True)
class Space:
    """A space that was read.

    Attributes:
        path: its file.
        document: its content.
        scenarios: those of the document, loaded.
        cells: every scenario in every weather.
    """

    path: Path
    document: SpaceDocument
    scenarios: tuple[Scenario, ...]
    cells: tuple[Cell, ...]

    @property
    def digest(self) -> str:
        """Equal for spaces of which equal draws come."""
        texts = [self.path.read_bytes(), *(repr(one.document.data).encode() for one in self.scenarios)]
        return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]

    def draw(self, cell: Cell, seed: int) -> Draw:
        """What a seed draws of a cell; no simulator is asked."""
        scenario = self.scenarios[cell.scenario]
        traits = {"scenario": scenario.name, **self._weather_traits(cell.weather)}
        for name, value in scenario.chance.draw(seed, {}).items():
            traits[f"parameters.{name}"] = part_of(scenario.parameters[name], value)
        return Draw(cell, seed, traits)

    def traits_of(self, sample: SampleFacts) -> dict[str, str]:
        """The same of a run that is in a dataset, by one of its samples."""
        name = str(sample.values.get("scenario", ""))
        traits = {axis: SLICES[axis].value(sample, None) for axis in ("scenario", "weather", "light")}
        known = next((one for one in self.scenarios if one.name == name), None)
        for parameter, distribution in known.parameters.items() if known else ():
            value = sample.values.get(f"parameters.{parameter}")
            if isinstance(value, int | float | str):
                traits[f"parameters.{parameter}"] = part_of(distribution, value)
        return traits

    def by_shares(self, count: int, random: np.random.Generator) -> list[Draw]:
        """Draws as they are met: cells by their shares, parameters by their distributions."""
        shares = np.array([cell.share for cell in self.cells])
        chosen = random.choice(len(self.cells), size=count, p=shares / shares.sum())
        return [self.draw(self.cells[at], _seed(random)) for at in chosen]

    def evenly(self, count: int) -> list[Draw]:
        """Held-out draws: of each cell as many, whatever its share, the first cells one more if need be."""
        turns = range(count)
        return [self.draw(self.cells[at % len(self.cells)], FIRST_HELD_OUT_SEED + at) for at in turns]

    def by_need(self, count: int, need: Mapping[str, Mapping[str, float]], random: np.random.Generator) -> list[Draw]:
        """Draws by what is needed: a draw's weight is the product over its traits of what is needed of each.

        Shares say how often something is met, not how much of it is needed, and count for nothing here.

        Args:
            count: how many.
            need: by axis and value, how much it is needed, 1 for as much as on average.
            random: where chance comes from.
        """
        of_each = max(_TRIED, -(-_TRIED_FOR_ONE * count // len(self.cells)))
        tried = [self.draw(cell, _seed(random)) for cell in self.cells for _ in range(of_each)]
        weights = np.array([_product(draw.traits, need) for draw in tried])
        # without replacement: a seed is spent once
        chosen = random.choice(len(tried), size=count, replace=False, p=weights / weights.sum())
        return [tried[at] for at in chosen]

    def weather_name(self, cell: Cell) -> str:
        """The weather of a cell in words: its preset, and what it says beside it."""
        said = self.document.weathers[cell.weather].weather.model_dump(exclude_unset=True)
        preset = str(said.pop("preset", "clear_noon"))
        return " ".join([preset, *(f"{name}={value:g}" for name, value in said.items())])

    def _weather_traits(self, number: int) -> dict[str, str]:
        values = weather_values(self.document.weathers[number].weather.resolve().to_json())
        sample = SampleFacts("", "", 0.0, "", values, ())
        return {axis: SLICES[axis].value(sample, None) for axis in ("weather", "light")}


def load(name_or_path: str) -> Space:
    """Read a space and every scenario that it names. Paths in it are from its own folder on.

    Raises:
        DocumentError: with every mistake in it, or in what it names.
    """
    path = documents.find(KIND, name_or_path)
    document = documents.read(path)
    asked = documents.validate(document, SpaceDocument)
    found, wrong = [], []
    for number, entry in enumerate(asked.scenarios):
        try:
            found.append(scenarios.load(_from_folder(path.parent, entry.scenario)))
        except DocumentError as error:
            wrong += [_at(document, ("scenarios", number, "scenario"), problem) for problem in error.problems]
    try:
        load_rig(_from_folder(path.parent, asked.rig))
    except DocumentError as error:
        wrong += [_at(document, ("rig",), problem) for problem in error.problems]
    if wrong:
        raise DocumentError(wrong)
    shares = np.outer([one.share for one in asked.scenarios], [one.share for one in asked.weathers])
    shares /= shares.sum()
    cells = tuple(Cell(place[0], place[1], float(share)) for place, share in np.ndenumerate(shares))
    return Space(path, asked, tuple(found), cells)


def _from_folder(folder: Path, name: str) -> str:
    """A name as it is, a path of YAML from the folder of the document that names it."""
    return str((folder / name).resolve()) if name.endswith((".yaml", ".yml")) else name


def part_of(distribution: Distribution, value: Value) -> str:
    """In which part of what a parameter may be a value lies: itself where there are few, else a third of all draws."""
    words = distribution.values
    if words is not None and len(words) <= _MOST_WORDS:
        return str(value)
    if not isinstance(value, int | float) or distribution.discrete is not None:
        return str(value)
    ends = [float(distribution.at(part / _PARTS)) for part in range(1, _PARTS)]
    return f"part {1 + sum(value >= end for end in ends)} of {_PARTS}"


def campaign_of(space: Space, draws: Sequence[Draw], name: str) -> dict[str, Any]:
    """A campaign file, as plain values, that makes these runs."""
    grouped: dict[Cell, list[int]] = {}
    for draw in draws:
        grouped.setdefault(draw.cell, []).append(draw.seed)
    folder = space.path.parent
    runs = [
        {
            "scenario": _from_folder(folder, space.document.scenarios[cell.scenario].scenario),
            "rig": _from_folder(folder, space.document.rig),
            "seeds": sorted(grouped[cell]),
            "weather": [space.document.weathers[cell.weather].weather.model_dump(exclude_unset=True)],
        }
        for cell in sorted(grouped, key=lambda cell: (cell.scenario, cell.weather))
    ]
    about = f"Drawn of the space {space.document.name}."
    return {"name": name, "description": about, "simulator": space.document.simulator, "runs": runs}


def _at(document: documents.Document, path: tuple[str | int, ...], problem: Problem) -> Problem:
    return problem if problem.where else document.problem(path, problem.message)


def _product(traits: Traits, need: Mapping[str, Mapping[str, float]]) -> float:
    """What is not in the data yet is needed as much as what is needed most."""
    factors = []
    for axis, value in traits.items():
        known = need.get(axis, {})
        factors.append(known.get(value, max(known.values(), default=1.0)))
    return float(np.prod(factors))


def _seed(random: np.random.Generator) -> int:
    return int(random.integers(FIRST_HELD_OUT_SEED))
