"""One simulator for all the short scenarios."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from av_synth.director import Director
from av_synth.launch import Address, launch_embedded
from tests.director.played import Play, Run


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with launch_embedded("AvSynth01", tmp_path_factory.mktemp("log") / "simulator.log") as found:
        yield found


@pytest.fixture
def play(address: Address, tmp_path: Path) -> Play:
    def run(
        text: str,
        duration_s: float = 5.0,
        change: Callable[[Director], None] | None = None,
        town: str = "AvSynth01",
    ) -> Run:
        return Run(address, tmp_path, text, duration_s, change, town)

    return run
