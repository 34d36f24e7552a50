"""`av-synth scenarios`: what can be played."""

from __future__ import annotations

import typer

from av_synth import scenario
from av_synth.cli.output import say


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("scenarios")(scenarios)


def scenarios(name: str | None = typer.Argument(None, help="One scenario, to see its parameters.")) -> None:
    """List the built-in scenarios, or the parameters of one."""
    if name is None:
        names = scenario.names()
        width = max(map(len, names))
        for each in names:
            say(f"{each:<{width}}  {_first_line(scenario.load(each).description)}")
        return
    found = scenario.load(name)
    say(f"{found.name}: {found.description.strip()}")
    say()
    say("parameters (--set NAME=VALUE):")
    for parameter, distribution in found.parameters.items():
        say(f"  {parameter}: {distribution}")


def _first_line(text: str) -> str:
    return " ".join(text.split())
