"""An improvement in a process of its own that is killed, as by kill -9, at a moment that its arguments name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import painted
from colours import Colours
from small_request import request, unshown

from av_synth.farm.dispatch.driver import Ended
from av_synth.improve import LabelledImage, improve
from av_synth.improve.space import Space, load


def kill(space: Space, store: Path, where: str, times: int) -> subprocess.CompletedProcess[bytes]:
    """Have it killed when it fits, or before or after it has a campaign made, for the nth time."""
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    command = [sys.executable, __file__, str(space.path), str(store), where, str(times)]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, check=False, capture_output=True)


def _main(space: str, store: str, dies: str, times: str) -> None:
    left = int(times)

    def at(where: str) -> None:
        nonlocal left
        left -= where == dies
        if where == dies and not left:
            os.kill(os.getpid(), signal.SIGKILL)

    class Dying(Colours):
        def fit(self, images: Sequence[LabelledImage], seed: int) -> None:
            at("fit")
            super().fit(images, seed)

    def paint(campaign: Path, into: Path, export: bool) -> Ended:
        at("before")
        ended = painted.paint(campaign, into, export)
        at("after")
        return ended

    improve(Dying(), request(load(space), Path(store)), paint, unshown)


if __name__ == "__main__":
    _main(*sys.argv[1:])
