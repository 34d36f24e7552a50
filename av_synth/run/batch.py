"""Reads configs/*.yaml: which scenarios, seen by which rig, drawn by which seeds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from av_synth import documents
from av_synth.documents import DocumentName, Strict
from av_synth.run.generate import plan
from av_synth.run.spec import RunSpec

KIND = "configs"


class _Entry(Strict):
    scenario: str = Field(description="the name of a built-in scenario, or a path to a YAML file")
    rig: str = Field(description="the name of a built-in rig, or a path to a YAML file")
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=10_000)] = Field(
        description="a list of seeds, one run each"
    )


class _Config(Strict):
    name: DocumentName = Field(description="the config's name")
    description: str = Field(description="what this makes, in a sentence")
    runs: Annotated[list[_Entry], Field(min_length=1)] = Field(description="a list of scenario, rig and seeds")


def names() -> tuple[str, ...]:
    """Names of the built-in configs."""
    return documents.names(KIND)


def load(name_or_path: str, rig: str | None = None) -> tuple[RunSpec, ...]:
    """The runs that a config asks for, in its order.

    Args:
        name_or_path: a built-in name, or a path that ends in .yaml.
        rig: looks instead of the rigs that the config names.

    Raises:
        DocumentError: with every mistake in the config, or in what it names.
    """
    config = documents.validate(documents.read(documents.find(KIND, name_or_path)), _Config)
    return tuple(plan(entry.scenario, rig or entry.rig, seed, {}) for entry in config.runs for seed in entry.seeds)
