"""`av-synth search`: near-misses by request."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import typer

from av_synth import search as searching
from av_synth.cli.options import pairs
from av_synth.cli.output import progress, say
from av_synth.launch.choose import EMBEDDED


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("search")(search)


def search(
    scenario: str = typer.Argument(help="Name of a built-in scenario, or a path to a YAML file."),
    target: str = typer.Option(help='What is wanted, such as "ttc=0.5..1.5, contact=false" (docs/how-to/search.md).'),
    out: Path = typer.Option(help="The campaign file; one of the same search is gone on with."),
    count: int = typer.Option(20, help="How many draws are wanted, at most 500."),
    of: str | None = typer.Option(None, help="The actor that challenges the ego; the scenario's first."),
    seed: int = typer.Option(0, min=0, help="Equal seeds find equal draws."),
    town: str | None = typer.Option(None, help="Play in this town instead of the scenario's own."),
    set_: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", help="Give a parameter by hand; may be repeated. The others vary."
    ),
    correct: list[str] = typer.Option(
        [],
        metavar="NAME",
        help="A parameter that may be corrected; at most three. Those the events wait by if left out.",
    ),
    simulator: str = typer.Option(EMBEDDED, help="Where the draws are to be rendered, as for `av-synth run`."),
    workers: int | None = typer.Option(
        None, min=1, max=64, help="Processes, each with a simulator of its own; as many as cores if left out."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the summary as JSON."),
) -> None:
    """Search for draws of a scenario that reach a target, and write them as a campaign.

    Draws are played without sensors; one counts when it reaches the target on the simulator that is to render it.
    Ctrl-C keeps what was found; the same command goes on from there.

    Example: av-synth search cut_in_wet --target "ttc=0.5..1.5, contact=false" --count 200 --out out/cut_in.yaml

    Then: av-synth run out/cut_in.yaml --rig tiny --out out/cut_in
    """
    asked = searching.Request(
        scenario, target, count, out, of, seed, town, pairs(set_, "--set"), tuple(correct), simulator
    )
    asked = asked if workers is None else replace(asked, workers=workers)
    try:
        if as_json:
            typer.echo(json.dumps(searching.search(asked).to_json(), indent=1))
            return
        with progress(f"searching {scenario} for {target}") as on_accepted:
            found = searching.search(asked, on_accepted)
    except KeyboardInterrupt:
        say(f"what was accepted is in {out}; the same command goes on from there")
        raise
    rates, told = found.campaign.rates, found.to_json()
    say(f"{len(found.campaign.draws)} draws of {scenario} reach {found.campaign.target}: {out}")
    say(f"  tried {rates.tried}, of which {rates.replayed} reached it and were replayed on {simulator}")
    say(f"  reached there: {rates.before:.1%} as drawn, {rates.after:.1%} after correction")
    say(f"  near-copies left out: {rates.near_copies}; the rest amounts to {rates.effective:g} different draws")
    say(f"  {found.wall_s:.0f} s, {told['ticks_per_s']} ticks/s, {told['accepted_per_min']} draws a minute")
    say(f"render them: av-synth run {out} --rig tiny --out {out.with_suffix('')}")
