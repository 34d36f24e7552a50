"""What a campaign will take: arithmetic on what was committed, trials where nothing was, and the budget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from committing import commit
from fake_farm import FakeFarm, driven, put_run
from small_campaign import campaign

from av_synth import rig as rigs
from av_synth import store as stores
from av_synth.errors import DocumentError
from av_synth.farm import prepare
from av_synth.farm.dispatch.budget import BudgetWatch
from av_synth.farm.dispatch.policy import Rules
from av_synth.farm.estimate import Cost, Rate, estimate, most_bytes, trial
from av_synth.farm.model import Advanced, PlannedRun, Recipe
from av_synth.farm.planning import plan as plans
from av_synth.farm.planning.campaign import laid_out, load
from av_synth.farm.planning.document import Budget
from av_synth.farm.planning.recipes import Desk
from av_synth.farm.prepare import needs_of, outlook, rules_of, settings_here
from av_synth.farm.records.journal import Journal
from av_synth.farm.workers.ray_worker import CARLA_NEEDS, EMBEDDED_NEEDS
from av_synth.sensing.lidar import LidarDevice

HOUR_S = 3600.0


def run(number: int, scenario: str, rig: str | None = "tiny.yaml", frames: int = 100) -> PlannedRun:
    return PlannedRun(f"{number:020x}", Recipe(scenario, rig, number), "AvSynth01", 0, frames)


def committed(of: PlannedRun, cpu_s: float, wall_s: float, size: int, played: bool = True) -> dict[str, object]:
    figures = {"cpu_s": cpu_s, "wall_s": wall_s, "bytes": size, "frames": of.frames}
    return {"event": "committed", "run": of.run_id, "played": played, **figures}


def nobody(asked: PlannedRun) -> Rate:
    raise AssertionError(f"{asked} was tried, and what was committed tells enough")


def test_what_is_left_is_estimated_by_what_was_committed_of_its_scenario_else_of_its_rig():
    first, second, other = run(0, "a.yaml"), run(1, "a.yaml"), run(2, "b.yaml")
    left = [run(3, "a.yaml", frames=200), run(4, "c.yaml", frames=10)]
    events = [
        {"event": "planned", "runs": 5},
        committed(first, 40.0, 20.0, 1000),
        committed(second, 60.0, 30.0, 3000),
        committed(second, 9e9, 9e9, 0, played=False),
        committed(other, 150.0, 75.0, 4000),
        committed(run(99, "a.yaml"), 9e9, 9e9, 0),  # of nobody's plan
    ]
    found = estimate([first, second, other, *left], events, frozenset(f"{n:020x}" for n in range(3)), nobody)

    # a.yaml takes 0.5 s of CPU and 20 bytes a frame, b.yaml 1.5 s and 40 bytes, what nobody knows their mean
    assert found.runs == 2
    assert found.total.cpu_s == pytest.approx(200 * 0.5 + 10 * 1.0)
    assert found.total.wall_s == pytest.approx(found.total.cpu_s / 2)
    assert found.total.bytes == pytest.approx(200 * 20 + 10 * 30)
    assert found.how == "3 committed runs"
    assert found.wall_s(workers=1, cores=8) == pytest.approx(55.0)
    assert found.wall_s(workers=11, cores=8) == pytest.approx(110.0 / 8)


def test_of_a_rig_of_which_nothing_was_committed_its_three_commonest_kinds_are_tried():
    asked = []

    def measure(one: PlannedRun) -> Rate:
        asked.append(one.recipe.scenario)
        return Rate(Cost(1.0, 2.0, 100.0), Cost(float(len(asked)), 1.0, 10.0))

    names = ["a"] * 2 + ["b"] * 4 + ["c"] * 3 + ["d"]
    runs = [run(number, f"{name}.yaml", frames=10) for number, name in enumerate(names)]
    seen = run(50, "a.yaml", rig=None)
    found = estimate([*runs, seen], [committed(seen, 1.0, 1.0, 1)], frozenset({seen.run_id}), measure)

    assert asked == ["b.yaml", "c.yaml", "a.yaml"]
    assert found.total.cpu_s == pytest.approx(len(runs) * 1.0 + 10 * (4 * 1 + 3 * 2 + 2 * 3 + 1 * 2))
    assert found.total.bytes == pytest.approx(len(runs) * 200.0)
    assert found.how == "1 committed runs and 3 trials of at most 1 s on this machine"


def test_a_trial_of_a_whole_short_run_is_all_that_it_takes_and_leaves_nothing(address, tmp_path):
    asked = load(
        str(campaign(tmp_path / "mine", "  - {scenario: short.yaml, rig: tiny, seeds: [0], towns: [AvSynth01]}\n"))
    )
    (tmp_path / "logs").mkdir()
    with laid_out(asked) as folder:
        rate = trial(Desk(folder).run(asked.recipes[0][1]), address, tmp_path / "logs")

    whole = rate.of(11)
    # a lidar scan of 16 beams and 3 echoes a frame alone has more than a hundred kilobytes
    assert 100_000 < rate.frame.bytes * 11 < whole.bytes
    assert rate.start.cpu_s > 0.0
    assert rate.frame.cpu_s > 0.0
    assert 0.0 < rate.frame.wall_s < whole.wall_s
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["client.log"]


@pytest.mark.long
def test_an_outlook_tells_runs_what_cannot_be_cast_and_what_is_over_budget_and_writes_nothing(address, tmp_path):
    path = campaign(
        tmp_path,
        "  - {scenario: short.yaml, rig: none, seeds: [0, 1], towns: [AvSynth01]}\n"
        "  - {scenario: short.yaml, rig: none, seeds: [0], towns: [Town99]}\n",
        f"simulator: {address}\nbudget: {{core_hours: 1.0e-9, gigabytes: 100}}\n",
    )
    found = outlook(load(str(path)), tmp_path / "store")

    assert [run.entry for run in found.plan.runs] == [0, 0]
    assert found.estimate.runs == 2
    assert found.estimate.how == "1 trial of at most 1 s on this machine"
    assert [problem.path for problem in found.problems] == ["runs[1]"]
    assert len(found.over) == 1
    assert found.over[0].endswith("core-hours, the budget is 1e-09")
    assert not (tmp_path / "store").exists()


def test_a_purse_is_empty_once_when_what_was_committed_before_and_now_is_the_budget():
    spent: list[str] = []
    budget, one = Budget(core_hours=3.0), run(0, "a.yaml")
    spending = BudgetWatch(budget, [committed(one, HOUR_S, 1.0, 10**9)], lambda: spent.append("spent"))
    for event in (Advanced(0, one.run_id, 1, 2), {"event": "failed"}, committed(one, 9e9, 1.0, 1, played=False)):
        spending.tell(event)
    spending.tell(committed(one, HOUR_S, 1.0, 1))
    assert (spending.why_empty(), spent) == (None, [])

    for _ in range(2):
        spending.tell(committed(one, HOUR_S, 1.0, 1))
    assert spending.why_empty() == "4 core-hours are spent, the budget is 3"
    assert spent == ["spent"]
    failing = BudgetWatch(Budget(core_hours=1.0), [{"event": "failed", "cpu_s": HOUR_S / 2}] * 2, lambda: None)
    assert failing.why_empty() == "1 core-hours are spent, the budget is 1"
    full = BudgetWatch(Budget(gigabytes=0.5), [committed(one, 1.0, 1.0, 10**9)], lambda: spent.append("too much"))
    assert full.why_empty() == "1 GB are written, the budget is 0.5"
    assert spent == ["spent"]
    full.tell(committed(one, 1.0, 1.0, 1))  # a damaged run that was made again
    assert spent == ["spent", "too much"]


def test_what_is_over_budget_is_what_is_spent_and_what_is_left_together(many, tmp_path):
    asked, plan = many
    plans.freeze(plan, asked, tmp_path)
    with Journal(tmp_path) as journal:
        for rig in (None, "tiny.yaml"):
            one = next(each for each in plan.runs if (each.recipe.rig is None) == (rig is None))
            journal.append({**committed(one, HOUR_S, 1.0, 10**6), "t": 0.0})
    put_run(tmp_path, plan.runs[0].run_id)
    most = Budget(core_hours=len(plan.runs) + 0.5)

    found = outlook(replace(asked, document=asked.document.model_copy(update={"budget": most})), tmp_path)

    assert found.over == (f"{len(plan.runs) + 1} core-hours (2 of them spent), the budget is {most.core_hours:g}",)


def test_workers_share_the_cores_and_a_simulator_at_an_address_has_one(tmp_path, monkeypatch):
    monkeypatch.setattr("av_synth.farm.prepare.CORES", (0, 1, 2, 3, 4))
    monkeypatch.setattr("av_synth.farm.prepare.CORE_COUNT", 5)
    runs = "  - {scenario: short.yaml, rig: none, seeds: [0]}\n"

    def cores(simulator: str, workers: int | None, more: str = "") -> list[tuple[int, ...]]:
        path = campaign(tmp_path, runs, f"simulator: {simulator}\n{more}")
        found = settings_here(load(str(path)), Path("out"), workers)
        assert [one.slot for one in found] == list(range(len(found)))
        return [one.cores for one in found]

    assert cores("embedded", None) == [(0,), (1,), (2,), (3,), (4,)]
    assert cores("embedded", 2) == [(0, 2, 4), (1, 3)]
    assert cores("embedded:ue4", 7) == [(0,), (1,), (2,), (3,), (4,), (0,), (1,)]
    assert cores("embedded@fast", 1) == cores("embedded:ue4@fast", 1) == [(0, 1, 2, 3, 4)]
    assert cores("somewhere:2000", None) == [()]
    assert cores("{carla: /opt/carla}", None) == [()]
    assert cores("{carla: /opt/carla}", 3) == [(), (), ()]
    with pytest.raises(DocumentError, match="--workers: got 2; want 1, because the simulator at somewhere:2000"):
        cores("somewhere:2000", 2)

    assert cores("carla:/opt/carla", 2) == [(), ()]
    for host in ("carla:2000", "embedded:2000", "embedded1:2000"):
        assert cores(host, None) == [()]
        with pytest.raises(DocumentError, match=f"the simulator at {host} plays one run at a time"):
            cores(host, 2)
    needs = {
        simulator: needs_of(load(str(campaign(tmp_path, runs, f"simulator: {simulator}\n"))))
        for simulator in ("embedded", "embedded:ue4", "carla:/opt/carla", "{carla: /opt/carla}")
    }
    assert list(needs.values()) == [EMBEDDED_NEEDS, EMBEDDED_NEEDS, CARLA_NEEDS, CARLA_NEEDS]

    path = campaign(tmp_path, runs, "recycle: {runs: 9, gigabytes: 2.5}\n")
    options = settings_here(load(str(path)), tmp_path, 1)[0].options
    assert options == {"simulator": "embedded", "recycle_runs": 9, "recycle_bytes": 2_500_000_000}


def test_a_worker_may_be_silent_for_longer_than_its_simulator_may_take_to_be_ready(tmp_path):
    def begin_s(simulator: str) -> float:
        path = campaign(tmp_path, "  - {scenario: short.yaml, rig: none, seeds: [0]}\n", f"simulator: {simulator}\n")
        return rules_of(load(str(path)), 1).patience.begin_s

    asked = ("embedded", "here:2000", "carla:/opt/carla", "{carla: /opt, ready_s: 20}", "{carla: /opt, ready_s: 900}")
    assert [begin_s(one) for one in asked] == [200.0, 200.0, 240.0, 200.0, 960.0]


def test_a_store_with_a_plan_is_gone_on_with_and_asks_no_simulator(many, tmp_path, monkeypatch):
    asked, plan = many
    plans.freeze(plan, asked, tmp_path)
    monkeypatch.setattr(prepare, "at_simulator", None)

    assert prepare.planned(asked, tmp_path) == plan


def test_before_anything_is_committed_the_largest_run_is_reckoned_from_what_the_rigs_record():
    runs = [run(0, "a.yaml", frames=161), run(1, "a.yaml", "nuscenes.yaml", frames=161), run(2, "a.yaml", None, 9999)]
    few, many, none = (most_bytes([one], lambda name: name and rigs.load(name.removesuffix(".yaml"))) for one in runs)

    assert 33_400_000 < few < 2 * 31_900_000  # what runs of 161 frames took with these rigs
    assert 279_000_000 < many < 2 * 255_200_000
    assert none == 1_000_000
    assert most_bytes(runs, lambda name: name and rigs.load(name.removesuffix(".yaml"))) == many
    assert most_bytes([], lambda _: None) == 0


def test_a_device_may_make_as_many_points_of_a_ray_as_it_has_echoes():
    def taken(device: LidarDevice | None) -> int:
        tiny = rigs.load("tiny")
        rig = replace(tiny, lidars=(replace(tiny.lidars[0], device=device),))
        return most_bytes([run(0, "a.yaml", frames=100)], lambda _: rig)

    none, one, two = (taken(device) for device in (None, LidarDevice(), LidarDevice(echoes=2)))
    assert one - none == 6 * 100 * 16 * 542
    assert two - one == (22 + 6) * 100 * 16 * 542


def test_a_driver_that_begins_reserves_room_for_the_largest_run_that_is_there(tmp_path):
    size = sum(entry.bytes for entry in stores.open_run(commit(tmp_path, run(0, "a.yaml").run_id)).files.values())
    asked = []
    told = driven(
        [run(0, "a.yaml"), run(1, "a.yaml")],
        FakeFarm(tmp_path, machines=("a",)),
        Rules(run_bytes=10**12, pause_limit_s=1.0),
        usage=lambda path: asked.append(path) or SimpleNamespace(free=2 * size),
    )

    assert asked
    assert told.exit_code == 0
