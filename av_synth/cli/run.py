"""`av-synth run`: one scenario, one rig, one run, one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from av_synth.cli.output import progress, say
from av_synth.errors import DocumentError, Problem
from av_synth.run import RunSpec
from av_synth.run.generate import EMBEDDED, export_dataset, generate, plan


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run")(run)


def run(
    scenario: str = typer.Argument(help="Name of a built-in scenario, or a path to a YAML file."),
    rig: str = typer.Option(help="Name of a built-in rig, or a path to a YAML file."),
    out: Path = typer.Option(help="Folder for runs/ and the nuScenes dataset; runs in it are kept and exported too."),
    seed: int = typer.Option(0, min=0, help="Draws the scenario's parameters; equal seeds, equal data."),
    set_: list[str] = typer.Option([], "--set", metavar="NAME=VALUE", help="Fix a parameter; may be repeated."),
    simulator: str = typer.Option(EMBEDDED, help="`embedded`, or HOST:PORT of a running CARLA 0.9.16."),
) -> None:
    """Play a scenario and write labelled sensor data as a nuScenes dataset.

    Example: av-synth run cut_in_wet --rig nuscenes --out out/first --seed 3 --set ego_speed_kmh=45
    """
    spec = plan(scenario, rig, seed, overrides(set_))
    make([spec], out, simulator)


def overrides(pairs: list[str]) -> dict[str, str]:
    """NAME=VALUE pairs as a mapping.

    Raises:
        DocumentError: naming each that is not one, or that comes twice.
    """
    found: dict[str, str] = {}
    problems = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or not value:
            problems.append(Problem("", "--set", f"got {pair!r}; want NAME=VALUE"))
        elif name in found:
            problems.append(Problem("", "--set", f"{name} is given twice"))
        found[name] = value
    if problems:
        raise DocumentError(problems)
    return found


def make(specs: Sequence[RunSpec], out: Path, simulator: str) -> Path:
    """Generate runs, say what came of each, export them all, and return the dataset."""
    for spec in specs:
        with progress(f"running {spec.scenario.name}, seed {spec.scenario.seed}") as on_tick:
            made = generate(spec, out, simulator, on_tick)
        say(f"run {made.run.name}: {'committed' if made.made else 'was there already, not played again'} ({made.run})")
        for expectation in () if made.result is None else made.result.outcome.expectations:
            say(f"  {expectation}")
    with progress(f"exporting {out}"):
        dataset = export_dataset(out)
    say(f"dataset: {dataset} (verified)")
    return dataset
