"""`av-synth scenarios`: what can be played."""

from __future__ import annotations

import typer

from av_synth import scenario
from av_synth.cli.output import say, say_item


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("scenarios")(scenarios)


def scenarios(
    name: str | None = typer.Argument(None, help="One scenario, by its name or the path of a YAML file."),
) -> None:
    """List the built-in scenarios, or show one with its parameters and check its file.

    Example: av-synth scenarios pedestrian_runs_out
    """
    if name is not None:
        _show(name)
        return
    names = scenario.names()
    for each in names:
        say_item(each, scenario.load(each).description, max(map(len, names)))


def _show(name: str) -> None:
    found = scenario.load(name)
    say(f"{found.name}: {' '.join(found.description.split())}")
    say(f"file: {found.document.where} (a copy of it is a good beginning for your own)")
    if found.parameters:
        say()
        say("parameters (give one by hand with --set NAME=VALUE):")
    width = max(map(len, found.parameters), default=0)
    for parameter, distribution in found.parameters.items():
        say_item(parameter, distribution.in_words(), width)
    say()
    fixed = [f" --set {parameter}={each.middle}" for parameter, each in found.parameters.items()][:1]
    say(f"play it: av-synth run {name} --rig tiny --out out/first{''.join(fixed)}")
