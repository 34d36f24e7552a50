"""`av-synth vary`: a run again with one thing otherwise, and a table of which is a pair with which."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.export import say_dataset
from av_synth.cli.output import progress, say
from av_synth.cli.run import say_made
from av_synth.launch.choose import EMBEDDED
from av_synth.store import open_named


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("vary")(vary)


def vary(
    run: Path = typer.Argument(help="Folder of a run, such as out/first/runs/<run id>; or a folder with just one."),
    out: Path = typer.Option(help="Folder for base/, a folder for each variation, pairs.json and pairs.csv."),
    weather: str | None = typer.Option(
        None,
        help="Other weathers, each for a variation, separated by commas: presets such as clear_night, or changes of "
        "what it was, such as night,fog,night+rain,sun_altitude_angle=-5.",
    ),
    only: list[str] = typer.Option(
        [],
        metavar="actor=NAME.colour",
        help="Somebody in another colour: in each that is recommended for such a body, or, with =R,G,B after it, in "
        "that one. May be repeated.",
    ),
    most: int = typer.Option(3, min=1, help="How many colours somebody gets at most, evenly from those recommended."),
    seed: int | None = typer.Option(None, min=0, help="As of `av-synth replay`."),
    rig: str | None = typer.Option(None, help="As of `av-synth replay`, for all of them."),
    at: str | None = typer.Option(None, help="As of `av-synth replay`, for all of them."),
    simulator: str = typer.Option(EMBEDDED, help="As of `av-synth run`."),
    adopt: bool = typer.Option(False, "--adopt", help="As of `av-synth run`."),
) -> None:
    """Make counterfactual pairs: a run as it was and with one thing otherwise, the same motion in both.

    Everything that is looked at is measured anew. In all of the datasets an instance has the token that it has in that
    of the run. What is in the folder already is not played again.

    Example: av-synth vary out/first --weather night,fog --only actor=van.colour --out out/pairs
    """
    from av_synth.replay.pairs import make_pairs
    from av_synth.replay.request import Request
    from av_synth.replay.vary import ask

    asked = ask(open_named(run, seed), Request(rig=rig, at=at), [] if weather is None else weather.split(","), only)
    table = make_pairs(asked, out, simulator, progress, say_made, say_dataset, most=most, adopt=adopt)
    say(f"pairs: {table}")
