"""What takes a while is made once."""

from __future__ import annotations

from pathlib import Path

import painted
import pytest
from colours import Colours
from small_request import request, unshown

from av_synth.improve import Improvement, improve
from av_synth.improve.space import Space


@pytest.fixture(scope="session")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    return painted.space(tmp_path_factory.mktemp("space"))


@pytest.fixture(scope="session")
def improved(space: Space, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Improvement]:
    """A store after a first batch and one round, and what came of it."""
    store = tmp_path_factory.mktemp("improved") / "store"
    return store, improve(Colours(), request(space, store), painted.paint, unshown)
