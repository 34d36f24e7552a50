"""Workers are fresh interpreters: they find the stand-in player by their path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_campaign import MANY, campaign

from av_synth.farm.planning import plan as plans
from av_synth.farm.planning.campaign import Campaign, load
from av_synth.launch import Address, launch_embedded


@pytest.fixture(scope="session", autouse=True)
def _workers_find_the_stand_in() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        there = os.environ.get("PYTHONPATH")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *([there] if there else [])]))
        yield


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """One simulator for everybody who only asks."""
    with launch_embedded("AvSynth01", tmp_path_factory.mktemp("simulator") / "log", render_threads=1) as found:
        yield found


@pytest.fixture(scope="session")
def many(address: Address, tmp_path_factory: pytest.TempPathFactory) -> tuple[Campaign, plans.Plan]:
    """A campaign of several kinds of entries, and its plan."""
    folder = tmp_path_factory.mktemp("many")
    asked = load(str(campaign(folder, MANY)))
    return asked, plans.make(asked, address, folder / "plan.log")
