"""The command line: one verb a file, each calling one library function."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the program; see `av_synth.cli.app`.

    It takes a second to import everything, in which somebody who changes his mind is not to be shown where.
    """
    try:
        from av_synth.cli.app import main as run
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    run()
