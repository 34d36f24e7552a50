"""`python -m av_synth.simulator --port N --town T`: says `ready HOST:PORT DIGEST_OF_BODIES` on stdout, then serves."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path

from av_synth.errors import AvSynthError, DocumentError
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.profile import NATIVE, parse_profile
from av_synth.simulator.quality import DEFAULT, QUALITIES, parse_quality
from av_synth.simulator.server import DEFAULT_HOST, DEFAULT_PORT, DEFAULT_TOWN, serve


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM; returns an exit status only if that cannot begin."""
    parser = argparse.ArgumentParser(prog="python -m av_synth.simulator", description=__doc__)
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="RPC port, streams use the next; 0: a free pair")
    parser.add_argument("--town", default=DEFAULT_TOWN, help="the town to begin with: a name or a .xodr file")
    parser.add_argument("--profile", default=NATIVE.name, help="native, or ue4: with the habits of Unreal's server")
    parser.add_argument("--quality", default=DEFAULT.name, help=f"of pictures: {', '.join(QUALITIES)}")
    parser.add_argument("--recordings", type=Path, help="folder of what clients record and replay (default: a user's)")
    parser.add_argument("--alias", action="append", default=[], help="NAME=TOWN, or carla; may be given again")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input does, not by Ctrl-C")
    options = parser.parse_args(argv)
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )

    def ready(port: int) -> None:
        sys.stdout.write(f"ready {options.host}:{port} {catalogue().digest}\n")
        sys.stdout.flush()

    # as SIGTERM: at once; but what a terminal sends to all of its processes is for a parent to decide, as whom we end
    signal.signal(signal.SIGINT, signal.SIG_IGN if options.with_parent else signal.SIG_DFL)
    try:
        serve(
            options.host,
            options.port,
            options.town,
            ready,
            profile=parse_profile(options.profile),
            recordings=options.recordings,
            aliases=options.alias,
            with_parent=options.with_parent,
            quality=parse_quality(options.quality),
        )
    except AvSynthError as error:
        sys.stderr.write(f"{error}\n")
        if isinstance(error, DocumentError):  # whoever waits for `ready` can say this better than an exit status
            sys.stdout.write(f"refused {' '.join(str(error).split())}\n")
            sys.stdout.flush()
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
