"""`av-synth vary`: a run again with one thing otherwise, and a table of which is a pair with which."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.export import VERIFIED, export_with_progress
from av_synth.cli.output import progress, say
from av_synth.cli.run import say_made
from av_synth.errors import DocumentError, Problem, UserError
from av_synth.export.dataset import DATASET, refuse_dataset
from av_synth.launch import Address
from av_synth.launch.choose import EMBEDDED, simulator_at
from av_synth.run import RunSpec
from av_synth.run.attempt import logs
from av_synth.run.generate import folder_of, generate_at
from av_synth.store import Run, open_run, runs


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
    from av_synth.replay import vary as pairs
    from av_synth.replay.request import Request, open_named

    found = open_named(run)
    asked = pairs.ask(found, Request(rig=rig, at=at), [] if weather is None else weather.split(","), only)
    if asked.base.rig is None:
        raise DocumentError([Problem("", "--rig", f"run {found.run_id} had no sensors; want the name of a rig")])
    with folder_of(out), simulator_at(simulator, logs(out) / "simulator.log", adopt=adopt) as address:
        variations = asked.settled(pairs.palettes_of(address, asked.bodies), most)
        pairs.refuse_others(out, asked, variations)
        names = (pairs.BASE, *(each.name for each in variations))
        for name in names:
            refuse_dataset(out / name)
        base = _make(asked.base, out, pairs.BASE, address)
        made = [_make(each.spec, out, each.name, address) for each in variations]
    for store in names:
        say(f"dataset: {export_with_progress(out / store)}{VERIFIED}")
    rows = [pairs.pair(each, base, one, DATASET) for each, one in zip(variations, made, strict=True)]
    say(f"pairs: {pairs.write_pairs(out, rows)}")


def _make(spec: RunSpec, out: Path, name: str, address: Address) -> Run:
    with progress(f"playing back {name}") as on_tick:
        made = generate_at(spec, out / name, address, on_tick, logs(out))
    say_made(made)
    if len(runs(out / name)) > 1:
        raise UserError(f"{out / name}: holds runs of several simulators or releases; want another --out")
    return open_run(made.run, files=False)
