"""Plans: run ids before anything is played, what a simulator cannot cast, and a plan that stays as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import carla
import pytest
from small_campaign import MANY, SHORT, campaign

from av_synth import __version__
from av_synth.errors import DocumentError, StoreError, UserError
from av_synth.farm.model import PlannedRun, Recipe
from av_synth.farm.planning import plan as plans
from av_synth.farm.planning.campaign import load
from av_synth.farm.planning.recipes import Desk
from av_synth.launch import Address
from av_synth.run import execute


def test_a_run_has_the_id_in_the_plan_that_it_has_when_it_is_played(many, address, tmp_path):
    asked, plan = many
    desk = Desk(plans.freeze(plan, asked, tmp_path))
    found = []

    def refuse(run_id: str, _: object) -> bool:
        found.append(run_id)
        return False

    for run in plan.runs:
        execute(desk.run(run.recipe), address, wanted=refuse)

    assert found == [run.run_id for run in plan.runs] == sorted(found)
    assert len(set(found)) == 4
    assert {run.frames for run in plan.runs} == {11}
    assert {run.town for run in plan.runs} == set(plan.facts)
    assert [town for town in plan.facts if town.startswith("opendrive_")]


def test_a_plan_made_twice_is_equal_and_its_file_too_and_the_world_is_left_as_it_was(many, address, tmp_path):
    asked, plan = many
    again = plans.make(asked, Address(address.host, address.port), tmp_path / "plan.log")

    assert again == plan
    first, second = (plans.freeze(made, asked, tmp_path / name) for made, name in ((plan, "one"), (again, "two")))
    assert contents(first) == contents(second)
    assert plans.read(tmp_path / "one") == plan
    assert not carla.Client(address.host, address.port).get_world().get_settings().synchronous_mode


def test_runs_that_two_entries_ask_for_in_two_ways_are_one(many):
    asked, plan = many

    assert len(asked.recipes) == 5
    assert sorted(run.entry for run in plan.runs) == [0, 0, 1, 2]


def test_what_a_simulator_cannot_cast_is_told_of_all_entries_at_once(address, tmp_path):
    broad = SHORT.replace("choice: [car, van]", "choice: [car, vehicle.nobody.built]")
    long = SHORT.replace("name: short", "name: long_road").replace("length_m: 60", "town: AvSynth01, length_m: 900")
    path = campaign(
        tmp_path,
        "  - {scenario: short.yaml, rig: none, seeds: [0], set: {ahead: vehicle.nobody.built}, towns: [AvSynth01]}\n"
        "  - {scenario: short.yaml, rig: none, seeds: [0, 1], towns: [Town99], set: {ahead: car}}\n"
        "  - {scenario: short.yaml, rig: none, seeds: [0], set: {ahead: car}, towns: [AvSynth01]}\n"
        "  - {scenario: long_road.yaml, rig: none, seeds: [0]}\n"
        "  - {scenario: tied.yaml, rig: none, seeds: [0, 1], set: {speed_kmh: 28}}\n",
        scenario=broad,
    )
    tied = 'constraints: ["${gap_m > 19.99 or speed_kmh < 28}"]\nroad:'
    (tmp_path / "tied.yaml").write_text(SHORT.replace("name: short", "name: tied").replace("road:", tied))
    (tmp_path / "long_road.yaml").write_text(long)
    asked = load(str(path))
    # what only some draws meet is seen when they are drawn
    hopeless = [(entry, replace(one, values={"gap_m": 15.0}) if entry == 4 else one) for entry, one in asked.recipes]
    asked = replace(asked, recipes=tuple(hopeless))
    with pytest.raises(DocumentError) as caught:
        plans.make(asked, address, tmp_path / "plan.log")

    told = [str(problem) for problem in caught.value.problems]
    assert "few.yaml:4: runs[0]: 1 of 1 cannot be played, the first with seed 0: the simulator has no 'v" in told[0]
    assert "few.yaml:5: runs[1]: 2 of 2 cannot be played, the first with seed 0: simulator at" in told[1]
    assert "has no town 'Town99'; it has AvSynth01" in told[1]
    assert "few.yaml:7: runs[3]: 1 of 1 cannot be played, the first with seed 0: " in told[2]
    assert "no road fits" in told[2]
    assert "few.yaml:8: runs[4]: 2 of 2 cannot be played" in told[3]
    assert f"{tmp_path}/tied.yaml:8: constraints[0]" in told[3]  # and not in the copy that it is drawn of
    assert len(told) == 4


def test_a_frozen_plan_draws_the_same_whatever_becomes_of_the_users_files(many, tmp_path):
    asked, plan = many
    here = load(str(campaign(tmp_path / "mine", MANY)))
    folder = plans.freeze(plan, here, tmp_path / "store")
    before = [Desk(folder).run(run.recipe) for run in plan.runs]
    for path in (tmp_path / "mine").iterdir():
        path.unlink()

    assert [Desk(folder).run(run.recipe) for run in plan.runs] == before
    assert all(path.stat().st_mode & 0o222 == 0 for path in folder.rglob("*") if path.is_file())
    assert asked.recipes == here.recipes


def test_the_same_campaign_goes_on_and_another_is_refused_with_what_has_changed(many, tmp_path):
    _, plan = many
    here = campaign(tmp_path / "mine", MANY)
    folder = plans.freeze(plan, load(str(here)), tmp_path / "store")
    before = contents(folder)

    # neither a comment nor a budget makes other runs
    here.write_text("# a note\nbudget: {runs: 100}\n" + here.read_text())
    plans.refuse_changes(load(str(here)), tmp_path / "store")
    plans.freeze(plan, load(str(here)), tmp_path / "store")

    here.write_text(here.read_text().replace("set: {gap_m: 12}", "set: {gap_m: 13}"))
    (here.parent / "short.yaml").write_text(SHORT.replace("[20, 30]", "[21, 30]") + "weather: {preset: clear_night}\n")
    (here.parent / "straight.xodr").write_text((here.parent / "straight.xodr").read_text() + "<!-- -->")
    with pytest.raises(UserError) as caught:
        plans.refuse_changes(load(str(here)), tmp_path / "store")
    told = str(caught.value).splitlines()
    assert told[0].endswith("store: was planned with something else:")
    assert [line.rpartition("mine/")[2] for line in told[1:-1]] == [
        "few.yaml: runs[1]: set: gap_m: is 13, was 12",
        "short.yaml: parameters: speed_kmh: uniform[0]: is 21, was 20",
        "short.yaml: weather is new",
        "straight.xodr: has changed",
    ]

    with pytest.raises(UserError, match="was planned with something else"):
        plans.freeze(replace(plan, runs=plan.runs[1:]), load(str(here)), tmp_path / "store")
    assert contents(folder) == before
    assert list((tmp_path / "store" / "staging").iterdir()) == []


def test_a_plan_of_another_release_is_not_gone_on_with(many, tmp_path, monkeypatch):
    asked, plan = many
    plans.freeze(plan, asked, tmp_path)
    monkeypatch.setattr(plans, "__version__", "9.9.9")

    with pytest.raises(UserError, match=f"av_synth is 9.9.9, was {__version__}"):
        plans.refuse_changes(asked, tmp_path)


def test_ten_thousand_runs_are_read_as_they_were_planned_and_nothing_is_drawn(many, tmp_path):
    asked, plan = many
    runs = tuple(
        PlannedRun(f"{number:020x}", Recipe("short.yaml", None, number, {"gap_m": 12.5}), "AvSynth01", 0, 11)
        for number in range(10_000)
    )
    plans.freeze(replace(plan, runs=runs), asked, tmp_path)
    for path in (tmp_path / "plan").rglob("*.yaml"):
        path.unlink()

    assert plans.read(tmp_path).runs == runs
    # whoever only looks at a plan waits for no library
    code = (
        "import sys, json, pathlib; from av_synth.farm.planning import plan; plan.read(pathlib.Path(sys.argv[1]));"
        "print(json.dumps(sorted({'carla', 'numpy', 'pyarrow', 'pydantic', 'ray'} & set(sys.modules))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=os.environ, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


def test_a_folder_without_a_plan_and_a_plan_that_is_none_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="has no plan; want a folder that `av-synth campaign --out` wrote"):
        plans.read(tmp_path)
    (tmp_path / "plan").mkdir()
    for text in ("{", "[]", '{"version": 1}', '{"version": 99}'):
        (tmp_path / "plan" / "plan.json").write_text(text)
        with pytest.raises(StoreError, match=r"plan\.json: is "):
            plans.read(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
