"""`av-synth simulator`: the embedded CARLA server, for any 0.9.16 client."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from av_synth.cli.output import say


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("simulator")(simulator)


def simulator(
    port: int = typer.Option(2000, min=0, max=65534, help="RPC port; streams use the next one. 0 picks a free pair."),
    town: str = typer.Option(
        "AvSynth01", help="The town to begin with: a name, or a path to an OpenDRIVE file (.xodr)."
    ),
    alias: list[str] = typer.Option(
        [],
        metavar="NAME=TOWN",
        help="Another name for a town, as --town takes it, for scripts that ask for that name. "
        "`carla` names towns as CARLA's are: Town01 to 07 and Town10HD, and each with _Opt. May be given again.",
    ),
    host: str = typer.Option("127.0.0.1", help="Address to listen on. Anybody who reaches it controls the simulator."),
    profile: str = typer.Option(
        "native",
        help="`ue4` takes on the habits of Unreal's server (docs/reference/ue4-profile.md); "
        "+SWITCH and -SWITCH change it.",
    ),
    quality: str = typer.Option(
        "default",
        help="Of pictures: fast, default, or high (docs/reference/quality.md). Labels are the same at each.",
    ),
    recordings: Path | None = typer.Option(
        None,
        help="Folder that clients' recordings are written to and replayed from, and nothing outside it; "
        "~/.local/state/av_synth/recordings if left out.",
    ),
) -> None:
    """Run the embedded simulator, a server that the official carla 0.9.16 client can drive, until Ctrl-C.

    It says `ready HOST:PORT` when clients may connect: carla.Client("127.0.0.1", 2000), or
    av-synth run ... --simulator 127.0.0.1:2000

    Example: av-synth simulator --port 2000 --town my_city.xodr

    Example: av-synth simulator --alias carla --alias Town03=my_city.xodr
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as launch/ does; before anything that reads it is imported
    from av_synth.simulator.profile import parse_profile
    from av_synth.simulator.quality import parse_quality
    from av_synth.simulator.server import serve  # the only door to the simulator besides launch/

    try:
        habits, work = parse_profile(profile), parse_quality(quality)
        serve(
            host=host,
            port=port,
            town=town,
            ready=lambda bound: say(f"ready {host}:{bound}"),
            profile=habits,
            recordings=recordings,
            aliases=alias,
            quality=work,
        )
    except KeyboardInterrupt:
        say("ended")
