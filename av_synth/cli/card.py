"""`av-synth card`: what a dataset is, for people and machines."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.card import About, Card, write_card
from av_synth.cli.output import progress, say
from av_synth.errors import UserError
from av_synth.farm.records.journal import read_journal


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("card")(card)


def card(
    dataset: Path = typer.Argument(help="A nuScenes dataset: the folder that holds v1.0-*/, samples/, sweeps/, maps/."),
    out: Path | None = typer.Option(
        None, help="The folder that README.md and croissant.json go to; the dataset itself if not given."
    ),
    name: str | None = typer.Option(None, help="What the dataset is called; its folder's name if not given."),
    licence: str = typer.Option("", help="What the data may be used for: a URL, or words."),
    creator: str = typer.Option("", help="Who publishes it."),
    url: str = typer.Option("", help="Where it can be had."),
    date: str = typer.Option("", help="When it was published, YYYY-MM-DD."),
    store: list[Path] = typer.Option(
        [],
        help="A store whose campaign made runs of it, for what they cost; may be repeated. If not given, the folder "
        "that the dataset is in.",
    ),
    price: float | None = typer.Option(None, "--price-per-core-hour", min=0.0, help="What an hour of one core costs."),
    measure: bool = typer.Option(
        True, "--verify/--no-verify", help="Verify it now, which reads everything, for how far labels are off."
    ),
    version: str | None = typer.Option(None, help="Its version folder, if there are several."),
) -> None:
    """Write the card of a dataset: README.md to read, and croissant.json (Croissant 1.1) for machines.

    They say what is in it, how it was made and by which versions, that no real person is in it, how far labels are
    off, where it ends, licences and attributions, what a labelled sample cost, and the commands that make it again.

    Example: av-synth card out/first/nuscenes --licence https://creativecommons.org/licenses/by/4.0/
    """
    for each in store:
        if not each.is_dir():
            raise UserError(f"--store: {each}: there is no such folder; want a store that a campaign was made in")
    core_s: dict[str, float] = {}
    for each in store or [dataset.resolve().parent]:
        core_s |= {
            str(event["run"]): float(event["cpu_s"])
            for event in read_journal(each)
            if event["event"] == "committed" and event["played"]
        }
    about = About(name or dataset.resolve().name, licence, creator, url, date)
    with progress(f"reading {dataset}", counted=False):
        written = write_card(dataset, out, about, version=version, core_s=core_s, price=price, measure=measure)
    _say(written)


def _say(written: Card) -> None:
    if written.true is False:
        say("the dataset is NOT TRUE, and the card says so: av-synth verify has it all", "red")
    if written.cost.samples:
        say(f"cost: {written.cost.core_s_per_sample:.3g} core-seconds for each labelled sample")
    runs = len(written.facts.runs)
    if runs:
        say(f"made again: by commands that were checked, {written.exact} of {runs} runs")
    say(f"card: {written.page}")
    say(f"for machines: {written.document}")
