"""Campaigns: the draws that a search accepted, as a file that can be read, gone on with and played."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field

from av_synth import documents
from av_synth import rig as rigs
from av_synth import scenario as scenarios
from av_synth.documents import Matching, Strict
from av_synth.errors import DocumentError, Problem
from av_synth.rig.model import Rig
from av_synth.run import RunSpec
from av_synth.run.sensors import missing_sensors
from av_synth.scenario import ConcreteScenario
from av_synth.scenario.expressions import Value
from av_synth.store import replace_file

MAX_DRAWS = 500  # more than the bounds of a YAML document allow; several campaigns with other seeds do
_TICK_HEX = 4  # digits of each tick's state hash: enough to name the first that differs
HEADER = "# Draws that reach a target, found by `av-synth search`; play them with `av-synth run FILE --rig NAME`.\n"

Hex = Annotated[str, Matching("[0-9a-f]*", "hexadecimal digits")]


class Accepted(Strict):
    """A draw that reached the target when it was replayed on the simulator that renders."""

    seed: int = Field(ge=0, description="the seed of the draw")
    values: dict[str, Value] = Field(description="the value of every parameter")
    measured: dict[str, float] = Field(description="what it came to; of what never came, the cap of the metric")
    corrected: dict[str, Value] = Field(default_factory=dict, description="values as they were before a correction")
    hash: Hex = Field(description="SHA-256 over the state hashes of all ticks")
    ticks: Hex = Field(description="the first digits of each tick's state hash, one after the other")


class Rates(Strict):
    """How a search went.

    `replayed` draws reached the target in the search and were replayed; `reached` of them did without a correction,
    `corrected` with one.
    """

    tried: int = Field(default=0, ge=0, description="draws played in the search")
    replayed: int = Field(default=0, ge=0, description="draws that reached the target there")
    reached: int = Field(default=0, ge=0, description="of these, on the simulator that renders as they were")
    corrected: int = Field(default=0, ge=0, description="and after a correction")
    near_copies: int = Field(default=0, ge=0, description="draws left out because one like them was there")
    refused: int = Field(default=0, ge=0, description="draws that could not be placed")
    effective: float = Field(default=0.0, ge=0, description="how many different draws the accepted ones amount to")

    @property
    def before(self) -> float:
        """Share of replayed draws that reach the target uncorrected."""
        return self.reached / self.replayed if self.replayed else 0.0

    @property
    def after(self) -> float:
        """Share of replayed draws that reach the target in the end."""
        return (self.reached + self.corrected) / self.replayed if self.replayed else 0.0


class Campaign(Strict):
    """A campaign file."""

    campaign: Literal[1] = Field(default=1, description="the version of this format, 1")
    scenario: str = Field(description="the name of a built-in scenario, or a path")
    scenario_digest: Hex = Field(description="SHA-256 of the scenario's content when it was searched")
    town: str | None = Field(default=None, description="the town to play in; the scenario's own if left out")
    of: str = Field(description="the challenging actor")
    target: str = Field(description="what was asked for")
    simulator: str = Field(description="the simulator that was replayed on")
    tick_us: int = Field(ge=1, description="the length of a tick, microseconds")
    seed: int = Field(ge=0, description="the seed of the search")
    overrides: dict[str, str] = Field(default_factory=dict, description="parameters given by hand")
    rates: Rates = Field(default_factory=Rates, description="how the search went")
    draws: Annotated[list[Accepted], Field(max_length=MAX_DRAWS)] = Field(description="the accepted draws")


@dataclass(frozen=True)
class Player:
    """A campaign with the scenario that it plays."""

    campaign: Campaign
    scenario: scenarios.Scenario

    def concrete(self, values: dict[str, Value], seed: int) -> ConcreteScenario:
        """The scenario with these values."""
        return concrete(self.scenario, seed, values, self.campaign.town)

    def specs(self, rig: Rig | None) -> list[RunSpec]:
        """A run for each accepted draw, that ends where a tick is not as it was.

        Raises:
            DocumentError: if the scenario names sensors that the rig has not.
        """
        specs = [RunSpec(self.concrete(one.values, one.seed), rig, ticks_of(one.ticks)) for one in self.campaign.draws]
        wrong = [problem for spec in specs for problem in missing_sensors(self.scenario, spec.scenario, rig)]
        if wrong:
            raise DocumentError(list(dict.fromkeys(wrong)))
        return specs


def concrete(scenario: scenarios.Scenario, seed: int, values: dict[str, Value], town: str | None) -> ConcreteScenario:
    """A draw with these values, in another town if one is given."""
    drawn = scenarios.draw(scenario, seed, values=values)
    return drawn if town is None else replace(drawn, town=town)


def digest(scenario: scenarios.Scenario) -> str:
    """SHA-256 (hex) of a scenario's content."""
    return sha256(repr(scenario.document.data).encode()).hexdigest()


def hashes(ticks: Sequence[str]) -> tuple[str, str]:
    """`hash` and `ticks` of an accepted draw, from the state hash of each tick."""
    return sha256("".join(ticks).encode()).hexdigest(), "".join(tick[:_TICK_HEX] for tick in ticks)


def is_campaign(name_or_path: str) -> bool:
    """Whether this is the path of a campaign."""
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    with suppress(DocumentError):
        return "campaign" in documents.read(path).keys
    return False


def load_campaign(path: Path) -> Player:
    """Load a campaign and its scenario.

    Raises:
        DocumentError: if it is none, or the scenario is not the one that was searched.
    """
    document = documents.read(path)
    campaign = documents.validate(document, Campaign)
    scenario = scenarios.load(campaign.scenario)
    if digest(scenario) != campaign.scenario_digest:
        message = f"{campaign.scenario!r} has changed since it was searched; want it as it was, or a new search"
        raise DocumentError([document.problem(("scenario",), message)])
    return Player(campaign, scenario)


def specs(path: Path, rig: str | None) -> list[RunSpec]:
    """The runs of a campaign, seen by a rig.

    Raises:
        DocumentError: if the campaign, its scenario or the rig is wrong, or the rig has another tick.
    """
    player, looks = load_campaign(path), None if rig is None else rigs.load(rig)
    tick_us = player.campaign.tick_us
    if looks is not None and looks.tick_us != tick_us:
        message = f"the rig {rig!r} ticks every {looks.tick_us} us, the search did every {tick_us} us; want a rig alike"
        raise DocumentError([Problem(str(path), "tick_us", message)])
    return player.specs(looks)


def save_campaign(path: Path, campaign: Campaign) -> None:
    """Write a campaign in one step; the old one stays until the new one is there.

    Raises:
        StoreError: if it cannot be written.
    """
    head = campaign.model_dump(mode="json", exclude={"draws"}, exclude_none=True)
    lines = [HEADER, yaml.safe_dump(head, sort_keys=False, allow_unicode=True), "draws:\n"]
    if not campaign.draws:
        lines[-1] = "draws: []\n"
    for one in campaign.draws:
        row = one.model_dump(mode="json", exclude_defaults=True)
        text = yaml.safe_dump(row, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True)
        lines.append(f"- {text}")
    replace_file(path, "".join(lines).encode())


def ticks_of(ticks: str) -> tuple[str, ...]:
    """The first digits of each tick's state hash, of `Accepted.ticks`."""
    return tuple(ticks[start : start + _TICK_HEX] for start in range(0, len(ticks), _TICK_HEX))
