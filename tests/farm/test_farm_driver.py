"""The driver with workers that are told what to do, on times of our own."""

from __future__ import annotations

import errno
import json
import os
import platform
import signal
from collections import Counter, namedtuple
from itertools import pairwise
from pathlib import Path

import pytest
from fake_farm import (
    CRASH,
    FULL,
    NAN,
    PLAY_S,
    Act,
    FakeFarm,
    acts,
    campaign,
    check,
    driven,
    dying_at,
    events,
    put_run,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth import store as stores
from av_synth.errors import OtherEpochError, StoreError, UserError
from av_synth.farm.dispatch.driver import Ended, drive
from av_synth.farm.dispatch.policy import Rules
from av_synth.farm.dispatch.schedule import Schedule
from av_synth.farm.model import Advanced, Committed, Failed, Figures, Job, Lost, Report, Slot, Started
from av_synth.farm.records import quarantine
from av_synth.farm.records.journal import Journal, read_journal
from av_synth.farm.records.lease import driver_lease
from av_synth.farm.records.quarantine import listed, release
from av_synth.store.runs import SCHEMA_EPOCH
from tests.farm.committing import commit

Space = namedtuple("Space", "free")


def names(store: Path) -> Counter[str]:
    return Counter(event["event"] for event in read_journal(store))


def started(farm: FakeFarm, number: int) -> list[tuple[int, int]]:
    """Where, and which attempt, of a run by its number."""
    run_id = campaign(number + 1)[number].run_id
    return [(slot, job.attempt) for slot, job in farm.jobs if job.run.run_id == run_id]


def test_every_run_is_played_once_and_the_journal_says_so(tmp_path):
    told: list[object] = []
    farm = FakeFarm(tmp_path)
    assert driven(campaign(5), farm, on_event=told.append) == Ended(0, "", 5, 0, 0)
    assert [job for _, job in farm.jobs] == [Job(run, 1) for run in campaign(5)]
    assert names(tmp_path) == {"planned": 1, "opened": 1, "started": 5, "committed": 5, "closed": 1}
    assert events(tmp_path, "planned")[0]["runs"] == 5
    assert events(tmp_path, "opened")[0]["workers"] == 2
    one = events(tmp_path, "committed")[0]
    assert {name: one[name] for name in one if name not in ("t", "run")} == {
        "event": "committed",
        "attempt": 1,
        "slot": 0,
        "machine": "a",
        "played": True,
        "held": True,
        "never_began": 0,
        "wall_s": PLAY_S,
        "cpu_s": PLAY_S,
        "bytes": 1000,
        "frames": 10,
    }
    assert events(tmp_path, "started")[0]["pids"] == [1000]
    assert events(tmp_path, "closed")[0]["exit_code"] == 0
    assert [one for one in told if not isinstance(one, Advanced)] == read_journal(tmp_path)
    assert sum(isinstance(one, Advanced) for one in told) == 5 * 11
    assert farm.closed == 0


def test_the_same_call_again_plays_nothing_and_a_grown_plan_only_what_is_new(tmp_path):
    driven(campaign(3), FakeFarm(tmp_path))
    farm = FakeFarm(tmp_path)
    assert driven(campaign(3), farm) == Ended(0, "", 3, 0, 0)
    assert farm.jobs == []
    assert driven(campaign(4), farm).committed == 4
    assert [job.run for _, job in farm.jobs] == campaign(4)[3:]
    assert [event["runs"] for event in events(tmp_path, "planned")] == [3, 4]


def test_a_second_driver_is_refused(tmp_path):
    farm = FakeFarm(tmp_path)
    with driver_lease(tmp_path), pytest.raises(UserError, match="is driven by process"):
        driven(campaign(1), farm)
    assert farm.jobs == []


def test_runs_of_one_town_and_rig_follow_each_other_and_towns_are_shared_among_workers(tmp_path):
    plan = campaign(40, towns=4)
    farm = FakeFarm(tmp_path, machines=("a", "a", "b", "b"))
    driven(plan, farm)
    for slot in range(4):
        towns = [job.run.town for at, job in farm.jobs if at == slot]
        assert towns == [towns[0]] * 10
    assert {job.run.town for _, job in farm.jobs[:4]} == {"Town00", "Town01", "Town02", "Town03"}


def test_a_worker_takes_over_from_others_when_its_own_town_is_done(tmp_path):
    plan = [run for run in campaign(40, towns=2) if run.town == "Town00" or run in campaign(4, towns=2)]
    farm = FakeFarm(tmp_path)
    assert driven(plan, farm).committed == 22
    assert Counter(slot for slot, _ in farm.jobs) == {0: 11, 1: 11}


def test_a_crash_is_played_again_elsewhere_after_a_pause(tmp_path):
    plan = campaign(30)
    farm = FakeFarm(tmp_path, acts({3: [Act(CRASH), Act("die"), Act()]}, plan), machines=("a", "a", "a"))
    assert driven(plan, farm) == Ended(0, "", 30, 0, 0)
    tried = started(farm, 3)
    assert [attempt for _, attempt in tried] == [1, 2, 3]
    assert len({slot for slot, _ in tried}) == 3
    first, second = events(tmp_path, "failed")
    assert (first["kind"], first["error"], first["charged"]) == ("transient", "ConnectionLostError", True)
    assert (second["error"], second["message"]) == ("worker lost", "the worker ended with exit status 7")
    assert [event["after_s"] > 0.0 for event in events(tmp_path, "retried")] == [True, True]
    assert len(events(tmp_path, "lost")) == 1
    # the evidence of what was made again is kept
    assert [failure.error for failure in quarantine.evidence(tmp_path, plan[3].run_id).values()] == [
        "ConnectionLostError",
        "worker lost",
    ]


def test_a_run_that_failed_goes_to_another_machine_if_there_is_one(tmp_path):
    plan = campaign(30)
    farm = FakeFarm(tmp_path, acts({0: [Act(CRASH), Act(CRASH), Act()]}, plan), machines=("a", "a", "b", "b"))
    driven(plan, farm)
    first, second, third = (slot for slot, _ in started(farm, 0))
    assert farm.machines[first] != farm.machines[second]
    assert third not in (first, second)


def test_a_poison_run_is_given_up_after_three_attempts_and_no_other_suffers(tmp_path):
    plan = campaign(100)
    farm = FakeFarm(tmp_path, acts({42: [Act("die")]}, plan))
    assert driven(plan, farm) == Ended(3, "", 99, 1, 0)
    assert listed(tmp_path) == (plan[42].run_id,)
    assert len(farm.jobs) == 102
    (given_up,) = events(tmp_path, "quarantined")
    assert (given_up["run"], given_up["attempts"]) == (plan[42].run_id, 3)
    assert given_up["why"] == "3 attempts failed, the last with worker lost"
    assert sorted(quarantine.evidence(tmp_path, plan[42].run_id)) == [1, 2, 3]
    assert driven(plan, FakeFarm(tmp_path)) == Ended(3, "", 99, 1, 0)


def test_what_is_deterministic_is_confirmed_once(tmp_path):
    plan = campaign(20)
    farm = FakeFarm(tmp_path, acts({4: [Act(NAN)]}, plan))
    assert driven(plan, farm) == Ended(3, "", 19, 1, 0)
    assert len({slot for slot, _ in started(farm, 4)}) == len(started(farm, 4)) == 2


def test_a_released_run_is_played_again_with_three_attempts_of_its_own(tmp_path):
    plan = campaign(5)
    driven(plan, FakeFarm(tmp_path, acts({4: [Act("die")]}, plan)))
    with Journal(tmp_path) as journal:
        release(tmp_path, [plan[4].run_id], journal.append)
    farm = FakeFarm(tmp_path, acts({4: [Act("die"), Act("die"), Act()]}, plan))
    assert driven(plan, farm) == Ended(0, "", 5, 0, 0)
    assert [attempt for _, attempt in started(farm, 4)] == [1, 2, 3]


def test_attempts_of_a_driver_that_died_count(tmp_path):
    plan = campaign(3)
    farm = FakeFarm(tmp_path, acts({1: [Act("die")]}, plan))

    def die() -> None:
        if len(events(tmp_path, "failed")) == 2:
            raise KeyboardInterrupt

    farm.at_poll = die
    with pytest.raises(KeyboardInterrupt):
        driven(plan, farm)
    again = FakeFarm(tmp_path, acts({1: [Act("die")]}, plan))
    assert driven(plan, again) == Ended(3, "", 2, 1, 0)
    assert [attempt for _, attempt in started(again, 1)] == [3]


def test_a_charged_attempt_that_was_told_twice_counts_once(tmp_path):
    plan = campaign(2)
    with Journal(tmp_path) as journal:
        for attempt in (1, 1, 2):
            facts = {"run": plan[0].run_id, "attempt": attempt, "slot": 0, "machine": "a", "logs": [], "charged": True}
            journal.append({"event": "failed", "kind": "transient", "error": "x", "message": "y", **facts})
    farm = FakeFarm(tmp_path)
    assert driven(plan, farm) == Ended(0, "", 2, 0, 0)
    assert started(farm, 0) == [(0, 3)]


def test_a_run_that_was_given_up_and_is_there_after_all_counts_as_committed(tmp_path):
    plan = campaign(2)
    driven(plan, FakeFarm(tmp_path, acts({1: [Act("die")]}, plan)))
    put_run(tmp_path, plan[1].run_id)
    assert driven(plan, FakeFarm(tmp_path)) == Ended(0, "", 2, 0, 0)


def test_a_worker_that_dies_after_the_rename_has_committed(tmp_path):
    plan = campaign(3)
    farm = FakeFarm(tmp_path, acts({1: [Act("die after commit")]}, plan))
    assert driven(plan, farm) == Ended(0, "", 3, 0, 0)
    assert len(farm.jobs) == 3
    assert [event["played"] for event in events(tmp_path, "committed")] == [True, False, True]
    assert events(tmp_path, "failed") == []


def test_a_commit_that_is_told_and_is_not_there_is_none(tmp_path):
    plan = campaign(3)
    farm = FakeFarm(tmp_path, acts({1: [Act("lie"), Act()]}, plan))
    assert driven(plan, farm) == Ended(0, "", 3, 0, 0)
    assert [event["error"] for event in events(tmp_path, "failed")] == ["not committed"]


@pytest.mark.parametrize(
    ("act", "silent_s", "said"),
    [
        (Act("hang", at=-1), 200.0, "begun to play"),
        (Act("hang", at=0), 65.0, "got beyond frame 0 of 10"),
        (Act("hang", at=5), 65.0, "got beyond frame 5 of 10"),
        (Act("hang", at=10), 620.0, "committed what it had played"),
    ],
    ids=["opening", "at the first frame", "between frames", "committing"],
)
def test_a_worker_that_hangs_is_killed_when_it_has_been_silent_for_too_long(tmp_path, act, silent_s, said):
    plan = campaign(1)
    farm = FakeFarm(tmp_path, acts({0: [act, Act()]}, plan))
    began_s = farm.clock.now_s
    at_kill_s: list[float] = []
    farm.at_poll = lambda: at_kill_s.append(farm.clock.now_s) if farm.killed and not at_kill_s else None
    assert driven(plan, farm, Rules(run_bytes=1, retry_s=0.0)) == Ended(0, "", 1, 0, 0)
    (failed,) = events(tmp_path, "failed")
    assert failed["error"] == "stalled"
    assert failed["message"].startswith(f"the worker has not {said} for ")
    assert farm.killed == [farm.jobs[0][0]]
    ticked_s = max(act.at, 0) * PLAY_S / 10
    assert silent_s < at_kill_s[0] - began_s - ticked_s <= silent_s + 2.0


def test_a_slow_worker_is_not_killed_and_twenty_ticks_are_what_it_gets(tmp_path):
    plan = campaign(1)
    farm = FakeFarm(tmp_path, lambda *_: Act(took_s=300.0))
    assert driven(plan, farm).exit_code == 0
    assert farm.killed == []
    slow = FakeFarm(tmp_path / "other", acts({0: [Act("hang", at=5, took_s=300.0), Act()]}, plan))
    slow.store.mkdir()
    driven(plan, slow)
    assert "for 601 s" in events(slow.store, "failed")[0]["message"]


def test_a_run_that_ticks_for_ever_is_ended_at_three_times_what_is_usual(tmp_path):
    plan = campaign(5)
    rules = Rules(run_bytes=1, deadline_least_s=25.0, deadline_unknown_s=90.0)
    farm = FakeFarm(tmp_path, acts({4: [Act("for ever"), Act()]}, plan), machines=("a",))
    assert driven(plan, farm, rules) == Ended(0, "", 5, 0, 0)
    (failed,) = events(tmp_path, "failed")
    assert failed["error"] == "deadline"
    assert failed["message"].startswith("the worker was at it for 3")
    first = FakeFarm(tmp_path / "other", acts({0: [Act("for ever"), Act()]}, plan), machines=("a",))
    first.store.mkdir()
    driven(plan, first, rules)
    assert "for 9" in events(first.store, "failed")[0]["message"]  # nothing was known of such runs


def test_what_is_usual_is_known_from_the_journal(tmp_path):
    plan = campaign(3)
    rules = Rules(run_bytes=1, deadline_least_s=1.0)
    driven(plan[:2], FakeFarm(tmp_path), rules)
    driven(plan, FakeFarm(tmp_path, acts({2: [Act("for ever"), Act()]}, plan)), rules)
    assert "for 3" in events(tmp_path, "failed")[0]["message"]


def test_a_full_disk_of_a_worker_pauses_its_machine_and_charges_nobody(tmp_path):
    plan = campaign(6)
    farm = FakeFarm(tmp_path)
    farm.play = lambda *_: Act(FULL) if farm.clock.now_s < 1100.0 else Act()
    assert driven(plan, farm) == Ended(0, "", 6, 0, 0)
    failed = events(tmp_path, "failed")
    assert {event["charged"] for event in failed} == {False}
    assert {event["attempt"] for event in failed} == {1}
    paused = [event["for_s"] for event in events(tmp_path, "paused")]
    assert paused == [5.0, 10.0, 20.0, 40.0, 80.0][: len(paused)]
    assert len(paused) >= 3
    assert len(failed) <= len(paused) + 1  # after the first pause one run at a time tries
    assert {job.attempt for _, job in farm.jobs} == {1}


def test_a_machine_that_cannot_start_its_simulator_leaves_the_runs_to_the_others(tmp_path):
    farm = FakeFarm(
        tmp_path, lambda _, slot: Act(FULL) if slot.machine == "b" else Act(), machines=("a", "a", "b", "b")
    )
    assert driven(campaign(100), farm) == Ended(0, "", 100, 0, 0)
    assert len([slot for slot, _ in farm.jobs if slot in (2, 3)]) < 10


def test_a_town_that_cannot_be_loaded_does_not_keep_others_from_being_played(tmp_path):
    plan = campaign(12, towns=3)
    rules = Rules(run_bytes=1, pause_limit_s=1800.0)
    farm = FakeFarm(tmp_path, lambda job, _: Act(FULL) if job.run.town == "Town00" else Act(), machines=("a",))
    ended = driven(plan, farm, rules)
    assert (ended.exit_code, ended.committed, ended.remaining) == (4, 8, 4)
    assert ended.why.startswith("nothing could be played for 1")
    assert "StoreError: no space left" in ended.why
    assert events(tmp_path, "closed")[-1]["exit_code"] == 4


def test_with_no_worker_for_too_long_the_campaign_is_paused(tmp_path):
    farm = FakeFarm(tmp_path, machines=())
    ended = driven(campaign(2), farm)
    assert ended == Ended(4, "nothing could be played for 3601 s: there is no worker", 0, 0, 2)


def test_nothing_is_started_while_the_disk_has_no_room_for_what_may_run(tmp_path):
    farm = FakeFarm(tmp_path)
    asked: list[Path] = []

    def usage(path: Path) -> Space:
        asked.append(path)
        # room for one run at first; then somebody takes it, and gives it back
        return Space(2 * 2 * 1000 if not 1020.0 <= farm.clock.now_s < 1050.0 else 2 * 2 * 1000 - 1)

    rules = Rules(run_bytes=1000)
    at_s: list[float] = []
    farm.play = lambda *_: (at_s.append(farm.clock.now_s), Act())[1]
    assert driven(campaign(10), farm, rules, usage=usage) == Ended(0, "", 10, 0, 0)
    assert not any(1020.0 <= start_s < 1050.0 for start_s in at_s)
    assert any(1050.0 <= start_s < 1051.1 for start_s in at_s)  # it looks every second
    assert set(asked) == {tmp_path}
    (paused,) = events(tmp_path, "paused")
    assert "make room" in paused["why"]
    assert events(tmp_path, "failed") == []


def test_where_runs_are_committed_to_an_address_room_is_kept_for_the_workers_of_this_machine_only(tmp_path):
    (tmp_path / "object_store.json").write_text(json.dumps({"address": f"file://{tmp_path}/object_store"}))
    farm = FakeFarm(tmp_path, machines=(platform.node(), "b", "b"))

    drive(campaign(6), tmp_path, farm, Rules(run_bytes=1000), clock=farm.clock, usage=lambda _: Space(2 * 1000))

    assert {slot for slot, _ in farm.jobs} == {0, 1, 2}
    assert events(tmp_path, "paused") == []


def test_a_disk_that_stays_full_ends_the_campaign_as_paused(tmp_path):
    farm = FakeFarm(tmp_path)
    beats: list[float] = []
    ended = driven(campaign(2), farm, usage=lambda _: Space(0), on_beat=lambda: beats.append(farm.clock.now_s))
    assert max(later - before for before, later in pairwise(beats)) <= 1.0  # it is alive all the time
    assert (ended.exit_code, ended.remaining) == (4, 2)
    assert "make room" in ended.why
    assert farm.jobs == []


def test_events_that_the_disk_refuses_are_written_later_and_nothing_is_started_meanwhile(tmp_path, monkeypatch):
    farm = FakeFarm(tmp_path)
    append = Journal.append

    def full_for_a_while(self: Journal, event: dict) -> None:
        if 1005.0 <= farm.clock.now_s < 1100.0:
            raise StoreError("journal: cannot be written: no space left")
        append(self, event)

    monkeypatch.setattr(Journal, "append", full_for_a_while)
    assert driven(campaign(6), farm) == Ended(0, "", 6, 0, 0)
    assert len(events(tmp_path, "committed")) == 6
    assert len(events(tmp_path, "started")) == 6
    assert farm.clock.now_s > 1100.0


def test_a_run_is_given_up_when_the_disk_takes_the_evidence_again(tmp_path, monkeypatch):
    plan = campaign(1)
    farm = FakeFarm(tmp_path, lambda *_: Act("die"))
    put = quarantine.put

    def full_for_a_while(*what: object) -> Path:
        if farm.clock.now_s < 1500.0:
            raise StoreError("quarantine: cannot be written: no space left")
        return put(*what)

    monkeypatch.setattr(quarantine, "put", full_for_a_while)
    assert driven(plan, farm) == Ended(3, "", 0, 1, 0)
    assert len(farm.jobs) == 3


def test_a_bad_machine_is_left_out_and_no_good_run_is_given_up(tmp_path):
    farm = FakeFarm(tmp_path, lambda _, slot: Act("die") if slot.machine == "b" else Act(), machines=("a", "a", "b"))
    assert driven(campaign(100), farm) == Ended(0, "", 100, 0, 0)
    assert len([slot for slot, _ in farm.jobs if slot == 2]) <= 5
    paused = {event["why"].partition(" failed")[0] for event in events(tmp_path, "paused")}
    assert paused == {"b: 3 runs", "slot 2: 3 runs"}


def test_a_bad_slot_of_a_good_machine_is_left_out_and_comes_back_when_it_works_again(tmp_path):
    farm = FakeFarm(tmp_path, machines=("a", "a", "a"))
    farm.play = lambda _, slot: Act("die") if slot.number == 2 and farm.clock.now_s < 1500.0 else Act()
    assert driven(campaign(200), farm) == Ended(0, "", 200, 0, 0)
    on_it = [job for slot, job in farm.jobs if slot == 2]
    assert len(on_it) > 10
    assert len(events(tmp_path, "failed")) <= 5


def test_the_breaker_stops_a_campaign_in_which_too_much_fails(tmp_path):
    plan = campaign(200)
    farm = FakeFarm(tmp_path, lambda job, _: Act("die") if int(job.run.run_id, 16) % 3 == 0 else Act())
    ended = driven(plan, farm)
    assert ended.exit_code == 4
    assert "of the last 50 attempts failed" in ended.why
    assert ended.remaining > 100
    assert events(tmp_path, "breaker")[0]["why"] == ended.why
    assert len(farm.jobs) < 60


def interrupting(farm: FakeFarm, number: int, at_s: float) -> None:
    """Send this process signals, a second apart, from a time on."""
    sent = 0

    def send() -> None:
        nonlocal sent
        if sent < number and farm.clock.now_s >= at_s + sent:
            sent += 1
            os.kill(os.getpid(), signal.SIGINT if sent == 1 else signal.SIGTERM)

    farm.at_poll = send


def test_the_first_interrupt_lets_end_what_is_being_played(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    farm = FakeFarm(tmp_path)
    interrupting(farm, 1, 1013.0)
    ended = driven(campaign(10), farm)
    assert (ended.exit_code, ended.committed, ended.remaining) == (130, 4, 6)
    assert ended.why.startswith("interrupted")
    assert farm.killed == []
    assert len(events(tmp_path, "draining")) == 1
    assert signal.getsignal(signal.SIGINT) is before
    assert driven(campaign(10), FakeFarm(tmp_path)) == Ended(0, "", 10, 0, 0)


def test_the_second_interrupt_ends_everything_at_once_and_charges_nobody(tmp_path):
    farm = FakeFarm(tmp_path)
    interrupting(farm, 2, 1013.0)
    ended = driven(campaign(10), farm)
    assert (ended.exit_code, ended.committed, ended.remaining) == (130, 2, 8)
    assert sorted(farm.killed) == [0, 1]
    assert farm.closed == 1
    failed = events(tmp_path, "failed")
    assert [(event["kind"], event["charged"]) for event in failed] == [("cancelled", False)] * 2
    # also of a worker that had no time to say anything
    assert [event["logs"] for event in failed] == [
        [str(tmp_path / f"logs/worker-{slot}/worker.log")] for slot in (0, 1)
    ]
    assert driven(campaign(10), FakeFarm(tmp_path)) == Ended(0, "", 10, 0, 0)


def test_an_interrupt_when_all_that_is_left_is_being_played_changes_nothing(tmp_path):
    farm = FakeFarm(tmp_path)
    interrupting(farm, 1, 1003.0)
    assert driven(campaign(2), farm) == Ended(0, "", 2, 0, 0)


def test_a_stop_file_lets_end_what_is_being_played_and_is_forgotten_by_the_next_driver(tmp_path):
    farm = FakeFarm(tmp_path)
    farm.at_poll = lambda: (tmp_path / "STOP").touch() if farm.clock.now_s >= 1013.0 else None
    ended = driven(campaign(10), farm)
    assert (ended.exit_code, ended.committed, ended.remaining) == (130, 4, 6)
    assert ended.why == "asked to stop: what is being played may end"
    assert (tmp_path / "STOP").exists()
    assert driven(campaign(10), FakeFarm(tmp_path)) == Ended(0, "", 10, 0, 0)
    assert not (tmp_path / "STOP").exists()


def test_a_driver_that_is_asked_to_stop_while_it_sweeps_stops(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "clear_staging", lambda store: (store / "STOP").touch())
    assert driven(campaign(2), FakeFarm(tmp_path)).exit_code == 130


def test_a_worker_that_hangs_does_not_hold_up_a_stop(tmp_path):
    plan = campaign(10)
    farm = FakeFarm(tmp_path, acts({0: [Act("hang")]}, plan))
    interrupting(farm, 1, 1001.0)
    ended = driven(plan, farm)
    assert (ended.exit_code, ended.committed, ended.remaining) == (130, 1, 9)
    assert farm.killed == [0]


MISHAPS = {1: [Act("die"), Act()], 2: [Act(NAN)], 3: [Act("die after commit")], 4: [Act(FULL), Act("hang"), Act()]}


def test_a_driver_that_dies_between_any_two_steps_loses_nothing(tmp_path):
    plan = campaign(5)
    with dying_at(-1) as reached:
        (tmp_path / "whole").mkdir()
        assert driven(plan, FakeFarm(tmp_path / "whole", acts(MISHAPS, plan))) == Ended(3, "", 4, 1, 0)
    assert {name for name in reached if name.startswith("driver.")} == {
        *(f"driver.begin.{step}" for step in ("cleared", "planned", "opened")),
        *("driver.start.decided", "driver.start.given", "driver.ended.seen", "driver.committed.told"),
        *("driver.failed.noted", "driver.failed.told", "driver.failed.judged", "driver.watch.killed"),
        *("driver.given_up.decided", "driver.given_up.put", "driver.given_up.told"),
        *("driver.end.decided", "driver.end.closed"),
    }
    # each kind of step once: that many of them are alike
    first = sorted({name: reached.index(name) for name in reached}.values())
    for number in first:
        store = tmp_path / str(number)
        store.mkdir()
        play = acts(MISHAPS, plan)  # workers do not forget what the driver does
        before: set[str] = set()
        with dying_at(number):
            driven(plan, FakeFarm(store, play))
        before = {path.name for path in stores.runs(store)}
        check(plan, store)
        ended = driven(plan, FakeFarm(store, play))
        assert (ended.exit_code, ended.remaining) in ((3, 0), (0, 0)), reached[number]
        assert before <= {path.name for path in stores.runs(store)}
        assert set(listed(store)) == {plan[2].run_id}


class Chaos:
    """Workers that say anything of anybody at any time, as long as `draw` gives something; then they work."""

    def __init__(self, store: Path, plan: list, script: list) -> None:
        self.farm = FakeFarm(store, machines=("a", "b", "b"))
        self.store, self.clock = store, self.farm.clock
        self._plan, self._script = plan, script
        self.jobs, self.killed = self.farm.jobs, self.farm.killed
        self.start, self.kill, self.close, self.slots = (
            self.farm.start,
            self.farm.kill,
            self.farm.close,
            self.farm.slots,
        )

    def poll(self, timeout_s: float) -> list[Report]:
        if not self._script:
            return list(self.farm.poll(timeout_s))
        what, number, slot = self._script.pop()
        run_id = self._plan[number].run_id
        self.clock.now_s += 3.0
        if what in ("commit", "commit unheard"):
            put_run(self.store, run_id)
        report: Report = {
            "commit": Committed(slot, run_id, Figures(1.0, 1.0, 10, 1)),
            "commit unheard": Advanced(slot, run_id, 3, 10),
            "lie": Committed(slot, run_id, Figures(1.0, 1.0, 10, 1)),
            "start": Started(slot, run_id, 1, ()),
            "advance": Advanced(slot, run_id, 3, 10),
            "crash": Failed(slot, run_id, CRASH),
            "nan": Failed(slot, run_id, NAN),
            "full": Failed(slot, run_id, FULL),
            "lost": Lost(slot, run_id, "why", "a"),
            "lost idle": Lost(slot, None, "why", "b"),
        }[what]
        if isinstance(report, Committed | Failed | Lost):
            self.farm.kill(slot)
        return [report]


WHATS = ["commit", "commit unheard", "lie", "start", "advance", "crash", "nan", "full", "lost", "lost idle"]


@settings(max_examples=80)
@given(
    script=st.lists(st.tuples(st.sampled_from(WHATS), st.integers(0, 3), st.integers(0, 2)), max_size=40),
    interrupted=st.booleans(),
)
def test_whatever_workers_tell_every_run_ends_as_exactly_one_of_committed_quarantined_and_remaining(
    tmp_path_factory, script, interrupted
):
    plan = campaign(4)
    store = tmp_path_factory.mktemp("store")
    farm = Chaos(store, plan, list(script))
    if interrupted:
        farm.farm.at_poll = lambda: (store / "STOP").touch()
    ended = driven(plan, farm)  # it checks I1 and I7
    assert ended.exit_code == (130 if ended.remaining else 3 if ended.quarantined else 0)
    assert interrupted or not ended.remaining
    after = driven(plan, FakeFarm(store))
    assert after.remaining == 0
    assert after.committed >= ended.committed


def test_a_schedule_prefers_what_is_loaded_to_what_is_due_and_what_is_due_to_what_is_not(tmp_path):
    near, far, again = campaign(3, towns=3)
    waiting = Schedule([near, far])
    waiting.put_again(again, 10.0, [("a", 0)])
    slot, other = Slot(0, "a", affinity=near.affinity), Slot(1, "a")
    assert waiting.next_s(5.0) == 10.0
    assert len(waiting) == 3
    assert waiting.take(slot, [slot, other], 20.0, shunned=near.affinity) == far
    assert waiting.take(slot, [slot, other], 20.0) == near
    assert waiting.take(slot, [slot, other], 20.0) is None  # it failed there
    assert waiting.take(other, [slot, other], 9.0) is None  # it is not due
    assert waiting.take(slot, [slot], 20.0) == again  # there is no other place
    assert len(waiting) == 0


def test_committed_runs_that_are_damaged_are_played_again_and_kept_as_they_were(tmp_path):
    plan = campaign(6)
    runs = [commit(tmp_path, run.run_id) for run in plan[:5]]
    for path in (runs[0] / "tables/boxes.parquet", runs[3] / "blobs/CAM_FRONT/000000.jpg"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[1:] + b"\0" * (path.suffix == ".jpg"))
    (runs[1] / "blobs/CAM_FRONT/000000.jpg").unlink()
    (runs[2] / "manifest.json").unlink()
    told = []

    farm = FakeFarm(tmp_path)
    assert driven(plan, farm, on_event=told.append) == Ended(0, "", 6, 0, 0)
    assert [job.run for _, job in farm.jobs] == [*plan[:3], plan[5]]
    for run in plan[:3]:
        kept = tmp_path / "quarantine/.released" / f"{run.run_id}-1"
        assert (kept / "damage.json").is_file()
        assert (kept / "run/scenario.json").is_file()
    released = [event for event in told if not isinstance(event, Advanced) and event["event"] == "released"]
    why = {event["run"]: event["damaged"] for event in released}
    assert list(why) == sorted(run.run_id for run in plan[:3])
    assert why[plan[0].run_id].endswith("'tables/boxes.parquet' is not what was committed")  # and no word of moving it

    # a byte of an image that was flipped is found by its hash
    farm = FakeFarm(tmp_path)
    assert driven(plan, farm, deep=True) == Ended(0, "", 6, 0, 0)
    assert [job.run for _, job in farm.jobs] == [plan[3]]


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EACCES, errno.EMFILE, errno.EINTR])
def test_a_run_that_cannot_be_read_just_now_is_not_taken_for_damaged(code, tmp_path, monkeypatch):
    plan = campaign(2)
    for run in plan:
        commit(tmp_path, run.run_id)
    stat, refused = os.stat, str(stores.run_path(tmp_path, plan[1].run_id) / "scenario.json")

    def refuse(path, **how):
        if os.path.normpath(str(path)) == refused:
            raise OSError(code, os.strerror(code), refused)
        return stat(path, **how)

    monkeypatch.setattr(os, "stat", refuse)
    farm = FakeFarm(tmp_path)
    with pytest.raises(StoreError, match="that says nothing of the run; try again when it can be read"):
        driven(plan, farm)
    assert len(stores.runs(tmp_path)) == 2
    assert farm.jobs == []


def test_runs_of_another_version_are_not_taken_for_damaged(tmp_path):
    plan = campaign(2)
    for run in plan:
        path = commit(tmp_path, run.run_id) / "manifest.json"
        path.chmod(0o644)
        now = path.read_bytes()
        path.write_bytes(now.replace(b'"schema_epoch": %d' % SCHEMA_EPOCH, b'"schema_epoch": 1'))
        assert path.read_bytes() != now
    wanted = f"schema_epoch 1; this av_synth reads {SCHEMA_EPOCH}; want the av_synth that wrote it"
    with pytest.raises(OtherEpochError, match=wanted):
        driven(plan, FakeFarm(tmp_path))
    assert len(stores.runs(tmp_path)) == 2
