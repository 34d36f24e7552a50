"""`av-synth formats`: what can be written."""

from __future__ import annotations

import typer

from av_synth.cli.output import say, say_item
from av_synth.errors import UserError
from av_synth.export import formats as known


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("formats")(formats)


def formats(
    name: str | None = typer.Argument(None, help="One format; all if left out."),
) -> None:
    """List the formats that `av-synth export --format` writes, those of installed packages too; or show one.

    Example: av-synth formats webdataset
    """
    names = known.names()
    if name is None:
        for each in names:
            say_item(each, _in_a_word(each), max(map(len, names)))
        return
    found = known.load(name)
    say(f"{found.name}: {found.summary}")
    if found.defaults:
        say("options (give one with --option NAME=VALUE):")
    for option, default in found.defaults.items():
        told = str(default).lower() if isinstance(default, bool) else default if default != "" else "what fits"
        say_item(option, f"{told} if not given", 12)
    say(f"write it: av-synth export STORE --format {name}")


def _in_a_word(name: str) -> str:
    try:
        found = known.load(name)
    except UserError as error:  # one that cannot be used hides none of the others
        return f"cannot be used: {error}"
    return found.summary if found.origin == "av_synth" else f"{found.summary} (from the package {found.origin})"
