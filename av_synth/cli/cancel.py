"""`av-synth cancel`: the driver of a campaign is asked to stop."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.output import say
from av_synth.errors import UserError
from av_synth.farm.planning.plan import is_planned
from av_synth.farm.records.lease import ask_to_stop


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("cancel")(cancel)


def cancel(store: Path = typer.Argument(help="The folder that `av-synth campaign --out` writes.")) -> None:
    """Ask whoever drives a campaign to stop: runs that are being made end or are given back, and no other begins.

    It is as one Ctrl-C where it runs. Nothing is lost: the command that began the campaign resumes it.

    Example: av-synth cancel out/night
    """
    if not is_planned(store):
        raise UserError(f"{store}: has no plan; want a folder that `av-synth campaign --out` wrote")
    asked = ask_to_stop(store)
    if asked is None:
        say(f"{store}: nobody is at it, so there is nothing to cancel")
    else:
        say(f"{store}: {asked} is asked to stop; `av-synth status {store}` tells when it has")
