"""Runs that the tests of several formats read, made once for the whole suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.synthetic_run import Rows, build_run


@pytest.fixture(scope="session")
def full_runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs with every sensor, in order of run id."""
    root = tmp_path_factory.mktemp("full_runs")
    return sorted(build_run(root, seed) for seed in range(2))


@pytest.fixture(scope="session")
def eventful_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every sensor and two events: between keyframes, and one that two actors take part in."""

    def happen(rows: Rows) -> None:
        event = {"frame": 14, "time_us": 700_000, "kind": "brakes", "actor_id": 2, "other_id": 0, "detail": "{}"}
        rows["events"] = [event, {**event, "frame": 30, "time_us": 1_500_000, "kind": "passes", "other_id": 4}]

    return build_run(tmp_path_factory.mktemp("eventful_run"), 0, change=happen)
