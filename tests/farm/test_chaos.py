"""The farm under seeded misfortune loses nothing, doubles nothing, tears nothing and leaves nothing behind.

A failing seed is played again alone, and what it leaves is kept, by `python -m tests.farm.chaos --seed SEED`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.farm import nemesis

ROOT = Path(__file__).parents[2]
TOURS = tuple(range(len(nemesis.tours())))
SEEDS = (*TOURS, 104, 121, 130, 222, 231, 239, 255, 273, 275, 298, 301)

Outcomes = dict[int, dict[str, Any]]


def played(seeds: Iterable[int], keep: Path) -> Outcomes:
    """What became of schedules."""
    command = [sys.executable, "-m", "tests.farm.chaos", "--lines", "--keep", str(keep)]
    command += [f"--seed={seed}" for seed in seeds]
    made = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    lines = [json.loads(line) for line in made.stdout.splitlines()]
    return {line["seed"]: line for line in lines}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What became of each schedule."""
    return played(SEEDS, tmp_path_factory.mktemp("chaos") / "kept")


@pytest.fixture(scope="module")
def outcomes_on_ray(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Likewise, of those on a Ray."""
    return played(nemesis.RAY, tmp_path_factory.mktemp("chaos") / "kept")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_campaign_under_a_schedule_loses_nothing(seed, outcomes):
    assert outcomes[seed]["findings"] == []


@pytest.mark.parametrize("seed", nemesis.RAY)
def test_a_campaign_on_ray_under_a_schedule_loses_nothing(seed, outcomes_on_ray):
    outcome = outcomes_on_ray[seed]
    schedule = nemesis.draw(seed)

    assert outcome["findings"] == []
    wanted = {*schedule.poisons.values(), *schedule.once.values(), *(fault.kind for fault in schedule.faults)}
    assert wanted - set(outcome["fired"]) == set()


def test_a_driver_or_a_retry_has_died_at_every_crash_point_there_is(outcomes):
    died_at = {name for seed in TOURS for name in outcomes[seed]["fired"]}

    assert set(nemesis.crash_points()) - died_at == set()


def test_every_kind_of_misfortune_took_place(outcomes):
    took_place = {name for outcome in outcomes.values() for name in outcome["fired"]}
    damages = {f"damage: {name}" for name in nemesis.DAMAGES}
    wanted = {*nemesis.AT_EVENTS, *nemesis.POISONS, *nemesis.ONCE, *damages, nemesis.TAKEN, nemesis.ANSWERS}

    assert wanted - took_place == set()


def test_a_schedule_is_a_function_of_its_seed():
    assert nemesis.draw(1234) == nemesis.draw(1234)
    assert len({str(nemesis.draw(seed)) for seed in range(100, 200)}) == 100
