"""What a search is made of, without a simulator."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from av_synth import scenario as scenarios
from av_synth.documents import parse
from av_synth.errors import CastError, ConnectionLostError, DocumentError
from av_synth.geometry.transforms import from_yaw
from av_synth.log.state import ActorInfo, ActorState, WorldState
from av_synth.scenario.expressions import Value
from av_synth.scenario.scenario import Scenario, from_document
from av_synth.search.campaign import Accepted, Campaign, Rates, digest, is_campaign, load_campaign, save_campaign, specs
from av_synth.search.correct import MOST_TRIES, correct, trigger_parameters
from av_synth.search.measure import TargetWatch
from av_synth.search.propose import BLOCK, DESIGN, Proposer, Seen
from av_synth.search.search import Request, Search, search
from av_synth.search.space import Space, effective_count, outcome
from av_synth.search.target import Condition, parse_target
from av_synth.search.worker import Job, Setting, Tried, Worker
from tests.launch.processes import stillborn
from tests.search.near_miss import SHORT


def short() -> Scenario:
    return from_document(parse(SHORT, "short_cut_in.yaml"))


def test_a_target_is_conditions_with_ranges_one_end_or_a_yes_or_no():
    target = parse_target("ttc=0.5..1.5, contact=false,drac>3 , distance<2")

    assert target.conditions == (
        Condition("ttc", 0.5, 1.5),
        Condition("contact", -math.inf, 0.5),
        Condition("drac", 3.0, math.inf),
        Condition("distance", -math.inf, 2.0),
    )
    assert parse_target(str(target)) == target
    assert target.reached({"ttc": 1.0, "contact": 0.0, "drac": 4.0, "distance": 1.0})
    assert not target.reached({"ttc": 1.0, "contact": 1.0, "drac": 4.0, "distance": 1.0})


def test_every_mistake_in_a_target_is_told_at_once_with_the_nearest_word():
    with pytest.raises(DocumentError) as caught:
        parse_target("tcc=1..2, contact=1..2, pet=2..1, ttc=true, ttc<1, ttc<2, ")

    told = [problem.message for problem in caught.value.problems]
    assert len(told) == 6
    assert "no metric 'tcc'; did you mean 'ttc'?" in told
    assert any("want contact=true or contact=false" in each for each in told)
    assert any("want LOW..HIGH" in each for each in told)
    assert any("given twice" in each for each in told)


def test_a_run_is_given_up_only_where_nothing_that_comes_can_reach_the_target():
    least, most = Condition("ttc", 0.5, 1.5), Condition("drac", 1.0, 3.0)

    assert least.lost(0.4)
    assert not least.lost(1.6)
    assert most.lost(3.1)
    assert not most.lost(0.0)
    assert Condition("contact", -math.inf, 0.5).lost(1.0)
    assert not Condition("contact", 0.5, math.inf).lost(0.0)
    assert not parse_target("pet=1..2, ttc<1").lost({"ttc": 1.2})


def approach(gap_m: float, closing_mps: float, braking_mps2: float, time_s: float) -> WorldState:
    """The ego behind a car that stands at x = 0; both 4 m long."""
    size, box = np.array([4.0, 2.0, 1.5]), np.array([0.0, 0.0, 0.75])
    infos = {
        1: ActorInfo(1, "vehicle.a", "ego", "vehicle.car", box, size),
        2: ActorInfo(2, "vehicle.b", "van", "vehicle.car", box, size),
    }
    speed = closing_mps - braking_mps2 * time_s
    x = -4.0 - gap_m + closing_mps * time_s - braking_mps2 * time_s**2 / 2.0
    still = np.zeros(3)
    actors = {
        1: ActorState(from_yaw(x, 0.0, 0.0, 0.0), np.array([speed, 0.0, 0.0]), still, still),
        2: ActorState(from_yaw(0.0, 0.0, 0.0, 0.0), still, still, still),
    }
    return WorldState(round(time_s * 20), round(time_s * 1e6), actors, infos)


@pytest.mark.parametrize("ticks", [7, 20, 33])
def test_a_watcher_measures_every_metric_over_all_states_however_many_there_are(ticks):
    watcher = TargetWatch(parse_target("ttc<9, pet<9"), "van", early=True)
    times = [tick * 0.05 for tick in range(ticks)]

    assert not any(watcher(approach(20.0, 8.0, 4.0, time_s)) for time_s in times)
    end_s = times[-1]
    found = watcher.measured()
    gaps = np.array([20.0 - 8.0 * t + 2.0 * t**2 for t in times])
    speeds = np.array([8.0 - 4.0 * t for t in times])

    assert found["distance"] == pytest.approx(gaps.min())
    assert found["ttc"] == pytest.approx((gaps / speeds).min())
    assert found["headway"] == pytest.approx((gaps / speeds).min())
    assert found["drac"] == pytest.approx((speeds**2 / 2.0 / gaps).max())
    assert found["deceleration"] == pytest.approx(4.0 if end_s > 0.29 else 0.0)
    assert found["pet"] == math.inf
    assert found["contact"] == 0.0


def test_who_vanishes_is_measured_while_they_are_there_and_again_when_they_come_back():
    watcher = TargetWatch(parse_target("ttc<9, pet<9"), "van", early=True)
    for tick in range(30):
        state = approach(20.0, 8.0, 4.0, tick * 0.05)
        if tick >= 5:
            van, info = state.actors.pop(2), state.infos.pop(2)
            if tick in (27, 28):  # as the simulator has whoever is put there anew
                state.actors[7], state.infos[7] = van, replace(info, actor_id=7)
        assert not watcher(state)
    found = watcher.measured()

    assert found["distance"] == pytest.approx(20.0 - 8.0 * 1.4 + 2.0 * 1.4**2)
    assert found["ttc"] == pytest.approx(20.0 / 8.0)
    assert found["deceleration"] == pytest.approx(4.0)
    assert found["pet"] == math.inf


def test_a_watcher_ends_a_run_when_its_target_is_lost_and_sees_contacts():
    watcher = TargetWatch(parse_target("contact=false"), "van", early=True)
    ended = [watcher(approach(2.0, 10.0, 0.0, tick * 0.05)) for tick in range(10)]
    whole = TargetWatch(parse_target("contact=false"), "van", early=False)

    assert ended == [False] * 9 + [True]
    assert watcher.measured()["contact"] == 1.0
    assert not any(whole(approach(2.0, 10.0, 0.0, tick * 0.05)) for tick in range(10))
    assert whole.measured()["ttc"] == 0.0


def test_the_space_has_the_free_parameters_and_says_how_far_draws_are_apart():
    scenario = short()
    space = Space.of(scenario, {"ego_speed_kmh": "50"})
    here = space.position({"slower_by_kmh": 19.0, "gap_m": 6.0, "cutter": "car"})
    there = space.position({"slower_by_kmh": 19.0, "gap_m": 14.0, "cutter": "van"})

    assert space.names == ("slower_by_kmh", "gap_m", "cutter")
    np.testing.assert_allclose(here, [0.5, 0.0, 0.0])
    np.testing.assert_allclose(space.apart(np.stack([here, there]), here), [0.0, math.sqrt(2.0 / 3.0)])
    assert space.features(np.stack([here, there])).tolist() == [[1, 0, 0, -0.5, 0.25, 0], [1, 0, 0, 0.5, 0.25, 1]]
    np.testing.assert_allclose(outcome(parse_target("ttc=0.5..1.5, drac>3"), {"ttc": 1.0, "drac": 5.0}), [1.0, 0.25])


def test_the_effective_count_counts_near_copies_once():
    space = Space.of(short(), {})
    far = [np.array([0.1, 0.1, 0.1, 0.0]), np.array([0.9, 0.1, 0.1, 0.0]), np.array([0.1, 0.1, 0.1, 1.0])]

    assert effective_count(space, far, 0.03) == pytest.approx(3.0, abs=1e-6)
    assert effective_count(space, [*far, *far], 0.03) == pytest.approx(3.0, abs=1e-6)
    assert effective_count(space, [], 0.03) == 0.0


def ttc_of(values: Mapping[str, Value]) -> float:
    """Stands in for a run: a smooth metric of the parameters."""
    return 0.2 * float(values["gap_m"]) - 0.05 * (float(values["slower_by_kmh"]) - 14.0)


def test_after_the_design_draws_are_proposed_where_the_target_is_reached_and_no_two_are_alike():
    scenario, target = short(), parse_target("ttc=0.9..1.0")
    space = Space.of(scenario, {})
    proposer, again = Proposer(space, target, 3, 0.03), Proposer(space, target, 3, 0.03)
    seen: list[Seen] = []
    tried: list[np.ndarray] = []
    reached: list[bool] = []
    for number in range(DESIGN // BLOCK + 4):
        points = proposer.block(number, seen, tried)
        assert points == again.block(number, seen, tried)
        for point in points:
            value = ttc_of(point)
            seen.append(Seen(space.position(point), np.array([value])))
            reached.append(target.reached({"ttc": value}))
            tried.append(space.position(point))

    assert np.mean(reached[:DESIGN]) < 0.1
    assert np.mean(reached[DESIGN:]) > 0.6
    assert min(space.apart(np.stack(tried[:k]), tried[k]).min() for k in range(1, len(tried))) >= 0.02


def test_a_correction_finds_the_root_within_the_ranges_in_at_most_eight_tries():
    scenario, target = short(), parse_target("ttc=1.4..1.5")
    played: list[Mapping[str, Value]] = []

    def play(values: Mapping[str, Value]) -> dict[str, float]:
        played.append(values)
        return {"ttc": 0.02 * float(values["gap_m"]) ** 2 - 0.01 * float(values["slower_by_kmh"])}

    for gap_m in (6.0, 8.0, 13.9):
        begin: dict[str, Value] = {"ego_speed_kmh": 50.0, "slower_by_kmh": 20.0, "gap_m": gap_m, "cutter": "car"}
        played.clear()
        found = correct(scenario, target, ("gap_m",), begin, play(begin), play)

        assert found.reached
        assert target.reached(found.measured)
        assert found.tries == len(played) - 1 <= MOST_TRIES
        assert found.values == {**begin, "gap_m": found.values["gap_m"]}


def test_a_correction_goes_on_to_the_next_parameter_where_one_does_nothing_and_gives_up_at_the_limits():
    scenario = short()
    begin: dict[str, Value] = {"ego_speed_kmh": 50.0, "slower_by_kmh": 20.0, "gap_m": 10.0, "cutter": "car"}

    def play(values: Mapping[str, Value]) -> dict[str, float]:
        return {"ttc": 0.1 * float(values["gap_m"])}

    names = ("slower_by_kmh", "gap_m")
    reached = correct(scenario, parse_target("ttc=1.3..1.35"), names, begin, play(begin), play)
    out_of_reach = correct(scenario, parse_target("ttc=3..4"), names, begin, play(begin), play)

    assert reached.reached
    assert reached.values["slower_by_kmh"] == 20.0
    assert not out_of_reach.reached
    assert out_of_reach.tries <= MOST_TRIES
    assert out_of_reach.values["gap_m"] == 14.0


def test_what_an_event_waits_by_is_corrected_through_derived_values_too_unless_others_are_named():
    scenario = short()

    assert trigger_parameters(scenario, (), {}) == ("gap_m",)
    assert trigger_parameters(scenario, (), {"gap_m": "10"}) == ()
    assert trigger_parameters(scenario, ("slower_by_kmh",), {}) == ("slower_by_kmh",)
    assert trigger_parameters(scenarios.load("cut_in_wet"), (), {}) == ("gap_m",)
    with pytest.raises(DocumentError, match=r"'gapm'.*did you mean 'gap_m'"):
        trigger_parameters(scenario, ("gapm",), {})
    with pytest.raises(DocumentError, match="'cutter' is no numeric parameter"):
        trigger_parameters(scenario, ("cutter",), {})


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    path = tmp_path / "short_cut_in.yaml"
    path.write_text(SHORT)
    values: dict[str, Value] = {"ego_speed_kmh": 50.0, "slower_by_kmh": 20.0, "gap_m": 10.0, "cutter": "car"}
    one = Accepted(seed=7, values=values, measured={"ttc": 1.0}, corrected={"gap_m": 9.5}, hash="ab", ticks="00ffe123")
    return Campaign(
        scenario=str(path),
        scenario_digest=digest(scenarios.load(str(path))),
        of="cutter",
        target="ttc=0.5..1.5",
        simulator="embedded",
        tick_us=50_000,
        seed=0,
        rates=Rates(tried=4, replayed=2, reached=1, corrected=1, effective=1.0),
        draws=[one, one.model_copy(update={"seed": 8})],
    )


def test_a_campaign_reads_back_as_it_was_written_and_gives_a_run_for_each_draw(campaign, tmp_path):
    path = tmp_path / "campaign.yaml"
    save_campaign(path, campaign)
    save_campaign(path, campaign)

    assert load_campaign(path).campaign == campaign
    assert (campaign.rates.before, campaign.rates.after) == (0.5, 1.0)
    made = specs(path, "tiny")
    assert [spec.scenario.seed for spec in made] == [7, 8]
    assert made[0].expected == ("00ff", "e123")
    assert made[0].scenario.parameters == campaign.draws[0].values
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize(
    ("name", "text", "is_one"),
    [
        ("near.yaml", "campaign: 1\ndraws: []\n", True),
        ("near.yml", "campaign: 1\ndraws: []\n", True),
        ("cut_in.yaml", "name: cut_in\n", False),
        ("broken.yaml", "campaign: [\n", False),
        ("near.txt", "campaign: 1\n", False),
    ],
)
def test_a_campaign_is_known_by_its_first_key_whichever_ending_of_yaml_it_has(name, text, is_one, tmp_path):
    (tmp_path / name).write_text(text)

    assert is_campaign(str(tmp_path / name)) is is_one
    assert not is_campaign(str(tmp_path / "not" / "there.yaml"))


def test_a_campaign_of_a_changed_scenario_or_for_another_tick_is_refused(campaign, tmp_path):
    path = tmp_path / "campaign.yaml"
    save_campaign(path, campaign.model_copy(update={"tick_us": 25_000}))
    with pytest.raises(DocumentError, match=r"ticks every 50000 us, the search did every 25000 us"):
        specs(path, "tiny")
    Path(campaign.scenario).write_text(SHORT.replace("duration_s: 3", "duration_s: 4"))
    with pytest.raises(DocumentError, match=r"campaign.yaml:3: scenario: .*has changed since it was searched"):
        load_campaign(path)


def test_every_mistake_in_a_request_is_told_before_anything_is_started(campaign, tmp_path):
    request = Request(campaign.scenario, "tcc=1..2", 0, tmp_path / "out.txt", of="cuter", workers=0)
    with pytest.raises(DocumentError) as caught:
        search(request)

    assert {problem.path for problem in caught.value.problems} == {"--count", "--out", "--target", "--of", "--workers"}
    good = replace(request, target="ttc<1", count=1, out=tmp_path / "c.yaml", of=None, workers=1)
    with pytest.raises(DocumentError, match="no such parameter"):
        search(replace(good, overrides={"x": "1"}))
    save_campaign(tmp_path / "c.yaml", campaign)
    with pytest.raises(DocumentError, match=r"is of another search \(target\); want another file"):
        search(good)
    assert list(tmp_path.glob("logs")) == []


def came_to(job: Job, ttc_s: float) -> Tried:
    measured = {"ttc": ttc_s, "contact": 0.0, "distance": 1.0}
    good = ttc_s <= 1.5
    replayed, values = (measured, job.values) if good else ({}, {})
    return Tried(job, measured, good, replayed, good, good, values, ("ab12",))


def take_all(looking: Search, play: Callable[[Job], Tried]) -> None:
    while True:
        for job in looking.block():
            looking.take(play(job))


def test_a_target_out_of_reach_ends_the_search_with_the_nearest_draw_and_the_limits_that_are_in_the_way(
    campaign, tmp_path
):
    asked = Request(campaign.scenario, "ttc=0.5..1.5, contact=false", 5, tmp_path / "c.yaml")
    looking = Search(asked)
    with pytest.raises(DocumentError) as caught:
        take_all(looking, lambda job: came_to(job, 0.5 * float(job.values["gap_m"])))

    told = str(caught.value)
    assert told.startswith("--target: 0 of 5 draws were found for ttc=0.5..1.5, contact=false, none in the last 400")
    assert "came to ttc = 3" in told
    assert "at the limits of gap_m (at least 6): want wider ones" in told


def test_a_search_where_nobody_can_be_placed_ends_with_the_reason(campaign, tmp_path):
    looking = Search(Request(campaign.scenario, "ttc<1", 5, tmp_path / "c.yaml"))
    with pytest.raises(CastError, match="none of 16 draws could be placed: the kerb is in the way"):
        take_all(looking, lambda job: Tried(job, refused="the kerb is in the way"))


def test_near_copies_are_counted_and_left_out(campaign, tmp_path):
    looking = Search(Request(campaign.scenario, "ttc=0.5..1.5, contact=false", 50, tmp_path / "c.yaml"))
    jobs = looking.block()
    copies = [Job(job.number, job.seed, jobs[0].values) for job in jobs[:3]]
    for job, ttc_s in zip([*copies, jobs[4]], (1.0, 1.01, 1.2, 1.01), strict=True):
        looking.take(came_to(job, ttc_s))
    found = looking.save()

    assert [one.measured["ttc"] for one in found.draws] == [1.0, 1.2, 1.01]
    assert found.rates.near_copies == 1
    assert found.rates.tried == 4
    assert found.draws[0].seed != found.draws[1].seed
    assert load_campaign(tmp_path / "c.yaml").campaign == found


def test_a_draw_whose_process_is_lost_each_time_is_an_error_with_its_log(tmp_path, monkeypatch):
    monkeypatch.setattr("av_synth.search.worker.start_child", lambda *_: stillborn(3))
    log = tmp_path / "search.log"
    worker = Worker(Setting("cut_in_wet", None, "cutter", "ttc=0.5..1.5", (), "embedded", log))
    worker.give(Job(0, 0, {}))

    assert worker.said() is None  # a new one is tried
    assert worker.said() is None
    why = rf"a search process ended with exit status 3, 3 times with one draw; its log is {log}"
    with pytest.raises(ConnectionLostError, match=why):
        worker.said()
    worker.close()


def test_search_processes_that_have_started_are_ended_where_the_next_one_cannot_start(tmp_path, monkeypatch):
    ended = []

    class First:
        def __init__(self, setting: Setting) -> None:
            if started:
                raise OSError(errno.EMFILE, "too many open files")
            started.append(setting)

        def close(self) -> None:
            ended.append(self)

    started: list[Setting] = []
    monkeypatch.setattr(import_module("av_synth.search.search"), "Worker", First)
    with pytest.raises(OSError, match="too many open files"):
        search(Request("cut_in_wet", "ttc=0.5..1.5", 1, tmp_path / "found.yaml", workers=2))

    assert len(ended) == len(started) == 1
