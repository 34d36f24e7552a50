"""`av-synth run`: one scenario, one rig, one run, one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from av_synth.cli.export import say_dataset
from av_synth.cli.options import cast_errors_with_line, pairs
from av_synth.cli.output import progress, say, say_outcome
from av_synth.errors import DocumentError, Problem
from av_synth.launch.choose import EMBEDDED
from av_synth.run import RunSpec
from av_synth.run.generate import Generated, generate_dataset, plan
from av_synth.search.campaign import is_campaign
from av_synth.search.campaign import specs as campaign_specs


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run")(run)


def run(
    scenario: str = typer.Argument(
        help="Name of a built-in scenario, or a path to a YAML file; or to a campaign that `av-synth search` wrote."
    ),
    rig: str = typer.Option(help="Name of a built-in rig, or a path to a YAML file."),
    out: Path = typer.Option(help="Folder for runs/ and the nuScenes dataset; runs in it are kept and exported too."),
    seed: int = typer.Option(0, min=0, help="Draws the scenario's parameters; equal seeds, equal data."),
    set_: list[str] = typer.Option(
        [],
        "--set",
        metavar="NAME=VALUE",
        help="Give a parameter by hand; may be repeated. `av-synth scenarios NAME` lists them.",
    ),
    without: list[str] = typer.Option(
        [], metavar="NAME", help="Take an actor out, to see what it makes of the scenario; may be repeated."
    ),
    town: str | None = typer.Option(None, help="The town to play it in, whatever the scenario says."),
    simulator: str = typer.Option(
        EMBEDDED,
        help="`embedded`, `embedded:ue4` (docs/reference/ue4-profile.md), `embedded@fast` or `embedded@high` "
        "(docs/reference/quality.md), `carla:FOLDER` or `carla:docker:IMAGE` of a "
        "CARLA 0.9.16 that is started (docs/how-to/real-carla.md), or HOST:PORT of one that runs or of "
        "`av-synth simulator`.",
    ),
    adopt: bool = typer.Option(
        False,
        "--adopt",
        help="Take a simulator at HOST:PORT over even if its world is in use: the vehicles, walkers, sensors and "
        "controllers of others in it are destroyed, as a town is loaded, and its clock is stopped for the run. Without "
        "it such a world is refused and left alone.",
    ),
) -> None:
    """Play a scenario and write labelled sensor data as a nuScenes dataset.

    A run that is in the folder already is not played again.

    Example: av-synth run cut_in_wet --rig nuscenes --out out/first --seed 3 --set ego_speed_kmh=45
    """
    if is_campaign(scenario):
        if seed or set_ or without or town:
            option = "--seed" if seed else "--set" if set_ else "--without" if without else "--town"
            raise DocumentError([Problem("", option, f"{scenario} is a campaign, its draws are fixed; leave it out")])
        make(campaign_specs(Path(scenario), rig), out, simulator, adopt=adopt)
        return
    spec = plan(scenario, rig, seed, pairs(set_, "--set"), without=without, town=town)
    with cast_errors_with_line(scenario, town, rig):
        make([spec], out, simulator, adopt=adopt)


def say_made(made: Generated) -> None:
    """Say what became of a run."""
    say(f"run {made.run.name}: {'committed' if made.made else 'was there already, not played again'} ({made.run})")
    if made.result is not None:
        say_outcome(made.result.outcome)
    for limit in made.limits():
        say(f"  note: {limit}", "yellow")


def make(specs: Sequence[RunSpec], out: Path, simulator: str, *, adopt: bool = False) -> Path:
    """Make runs and a dataset, say what came of each, and return the dataset."""
    dataset = generate_dataset(specs, out, simulator, progress, say_made, adopt=adopt)
    say_dataset(dataset)
    return dataset
