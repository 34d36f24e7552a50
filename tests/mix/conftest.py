"""Two datasets to mix, made once: one of av_synth's, and one as somebody else's would be, without anything of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.as_nuscenes import export
from tests.export.synthetic_run import TINY, SyntheticTown, build_run
from tests.mix.copies import stripped

LAST_FRAME = 20  # three samples a scene


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes, of two seeds."""
    root = tmp_path_factory.mktemp("ours")
    return export([build_run(root / "store", seed, sensors=TINY, last_frame=LAST_FRAME) for seed in (0, 1)], root / "a")


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes with official names in an official location: one of mini_train, one of mini_val."""
    root = tmp_path_factory.mktemp("real")
    town = SyntheticTown("Elsewhere", (35.0, 45.0))
    runs = [build_run(root / "store", seed, town, TINY, last_frame=LAST_FRAME) for seed in (2, 3)]
    return stripped(export(runs, root / "b", profile="compat"))


@pytest.fixture(scope="session")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One scene of ours in another folder of tables, v1.0-mini, in an official location."""
    root = tmp_path_factory.mktemp("mini")
    return export([build_run(root / "store", 4, sensors=TINY, last_frame=LAST_FRAME)], root / "c", profile="compat")
