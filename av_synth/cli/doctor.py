"""`av-synth doctor`: what this machine has of what runs need."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.output import say
from av_synth.launch.carla_spec import names_carla, parse_carla
from av_synth.launch.doctor import examine
from av_synth.launch.embedded import parse_address

_WANTED = "HOST:PORT, carla:FOLDER or carla:docker:IMAGE"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(
    out: Path = typer.Option(Path("out"), help="Where runs are to be written."),
    simulator: str = typer.Option(
        "127.0.0.1:2000",
        help="HOST:PORT where a real CARLA may be; or carla:FOLDER or carla:docker:IMAGE, to see whether it starts.",
    ),
) -> None:
    """Check versions, the GL renderer, the embedded simulator and its ports, disk, and whether a CARLA is reachable.

    Ends with exit status 1 if anything that runs need is missing, and says what to do about it.

    Example: av-synth doctor --out out/first
    """
    good = True
    real = parse_carla(simulator) if names_carla(simulator) else parse_address(simulator, _WANTED)
    for finding in examine(out, real):
        say(f"{'ok  ' if finding.good else 'BAD '} {finding.what}: {finding.seen}", None if finding.good else "red")
        good = good and finding.good
    if not good:
        raise typer.Exit(1)
