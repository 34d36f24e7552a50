"""`av-synth retry`: runs that were given up, or are damaged, are to be made again."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.output import say
from av_synth.errors import UserError
from av_synth.farm.again import make_again


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("retry")(retry)


def retry(
    store: Path = typer.Argument(help="The folder that `av-synth campaign --out` writes."),
    run_ids: list[str] = typer.Argument(None, metavar="RUN_ID", help="Which runs; none named: all of them."),
    damaged: bool = typer.Option(
        False,
        "--damaged",
        help="Not those in quarantine, but committed runs that are damaged, as resuming does by itself.",
    ),
    deep: bool = typer.Option(False, "--deep", help="With --damaged: read every file and compare its hash."),
) -> None:
    """Have runs made again that are in quarantine, by the next `av-synth campaign` on the store.

    Their attempts count anew. Nothing is deleted: what is known of them is in quarantine/.released afterwards.

    Example: av-synth retry out/night
    """
    if deep and not damaged:
        raise UserError("--deep: is for --damaged only")
    moved = make_again(store, run_ids or (), damaged=damaged, deep=deep)
    for path in moved:
        say(f"{path.name.rpartition('-')[0]}: to be made again; what was known of it is in {path}")
    if moved:
        say("the command that began the campaign makes them")
    else:
        say(f"{store}: {'no run is damaged' if damaged else 'nothing is in quarantine'}")
