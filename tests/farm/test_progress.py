"""What is shown of a campaign, folded from the events of its driver."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av_synth.farm.model import Advanced, FailureClass
from av_synth.farm.status.progress import Progress
from av_synth.farm.status.words import duration, size, told
from tests.farm.campaign_events import Clock, committed, failed, opened, planned, quarantined, started


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_each_planned_run_is_committed_quarantined_or_remaining(clock: Clock):
    runs = planned(5)
    progress = Progress(runs, clock=clock)
    for event in (opened(), started(runs[0], 0), started(runs[1], 1), committed(runs[0], 0)):
        progress.tell(event)
    progress.tell(failed(runs[1], 1, "deterministic"))
    progress.tell(quarantined(runs[1]))
    progress.tell(started(runs[2], 0))
    snapshot = progress.snapshot()

    assert (snapshot.planned, snapshot.committed, snapshot.quarantined, snapshot.remaining, snapshot.running) == (
        5,
        1,
        1,
        3,
        1,
    )
    assert snapshot.attempts == {"committed": 1, "deterministic": 1}


@given(st.lists(st.tuples(st.sampled_from(["committed", "quarantined", "released"]), st.integers(0, 3)), max_size=30))
def test_whatever_is_told_in_whatever_order_no_run_is_counted_twice(told: list[tuple[str, int]]):
    runs = planned(3)
    progress = Progress(runs, clock=Clock())
    there: set[int] = set()
    given_up: set[int] = set()
    for what, k in told:
        run = planned(4)[k]  # the fourth is not of the plan
        progress.tell({**committed(run), "event": what, "attempts": 3})
        if k < 3 and what == "committed":
            there.add(k)
        elif k < 3 and what == "quarantined":
            given_up.add(k)
        elif what == "released":
            given_up.discard(k)
    snapshot = progress.snapshot()

    assert snapshot.committed == len(there)
    assert snapshot.quarantined == len(given_up - there)
    assert snapshot.remaining == 3 - len(there | given_up)
    assert snapshot.left_s is None or (snapshot.left_s.middle == 0.0) == (snapshot.remaining == 0)


def test_a_worker_shows_what_it_plays_how_far_it_is_and_how_long_it_has_been_silent(clock: Clock):
    runs = planned(2)
    progress = Progress(runs, clock=clock)
    progress.tell(started(runs[0], slot=3, attempt=2))
    clock.now_s += 4.0
    progress.tell(Advanced(3, runs[0].run_id, 25, 40))
    clock.now_s += 7.5
    (worker,) = progress.snapshot().workers

    assert (worker.slot, worker.machine, worker.run, worker.attempt) == (3, "here", runs[0], 2)
    assert (worker.done, worker.of, worker.quiet_s) == (25, 40, 7.5)

    progress.tell(committed(runs[0], slot=3))
    assert progress.snapshot().workers[0].run is None
    progress.tell({"event": "lost", "t": 0.0, "slot": 3, "machine": "here", "why": "killed by signal 9"})
    assert progress.snapshot().workers == ()
    assert progress.snapshot().lost == 1


def test_what_comes_late_of_an_attempt_that_has_ended_is_passed_over(clock: Clock):
    runs = planned(2)
    progress = Progress(runs, clock=clock)
    for event in (started(runs[0]), failed(runs[0]), started(runs[1])):
        progress.tell(event)
    progress.tell(Advanced(0, runs[0].run_id, 39, 40))
    progress.tell({"event": "something new", "t": 0.0})

    assert progress.snapshot().workers[0].done == 0


def test_rates_are_of_this_driver_and_count_what_it_has_played(clock: Clock):
    runs = planned(6)
    progress = Progress(runs, committed=[runs[5].run_id], history=[committed(runs[5])], clock=clock)
    assert (progress.snapshot().runs_per_h, progress.snapshot().frames_per_s) == (None, None)

    clock.now_s += 30.0
    progress.tell(started(runs[0], 0))
    progress.tell(Advanced(0, runs[0].run_id, 1, 40))
    clock.now_s += 10.0
    progress.tell(Advanced(0, runs[0].run_id, 21, 40))
    assert progress.snapshot().frames_per_s == pytest.approx(2.0)

    clock.now_s += 10.0
    progress.tell(committed(runs[0], 0))
    progress.tell(committed(runs[1], 0, played=False))
    snapshot = progress.snapshot()

    assert snapshot.runs_per_h == pytest.approx(180.0)
    assert snapshot.elapsed_s == 50.0
    assert snapshot.bytes == 90_000_000

    clock.now_s += 600.0
    assert progress.snapshot().frames_per_s == pytest.approx(0.0, abs=0.1)


def test_the_estimate_has_a_range_from_the_quartiles_and_counts_the_workers_that_are_busy(clock: Clock):
    runs = planned(14)
    progress = Progress(runs, clock=clock)
    progress.tell(opened(workers=4))
    assert progress.snapshot().left_s is None
    for run, wall_s in zip(runs, (8.0, 9.0, 11.0, 14.0), strict=False):
        progress.tell(committed(run, wall_s=wall_s))
    left_s = progress.snapshot().left_s

    assert left_s is not None
    assert (left_s.low, left_s.middle, left_s.high) == pytest.approx((8.75 * 10 / 4, 10.0 * 10 / 4, 11.75 * 10 / 4))

    for slot in (0, 1):
        progress.tell(started(runs[4 + slot], slot))
    clock.now_s += 5.0
    left_s = progress.snapshot().left_s
    assert left_s is not None
    assert left_s.middle == pytest.approx((10 - 2 * 0.5) * 10.0 / 2)


def test_the_estimate_knows_that_one_town_takes_longer_than_another(clock: Clock):
    fast, slow = planned(6, "Small"), planned(10, "Large", first=100)
    walls = [committed(run, wall_s=10.0) for run in fast[:4]] + [committed(run, wall_s=100.0) for run in slow[:4]]
    done = [run.run_id for run in (*fast[:4], *slow[:4])]
    progress = Progress([*fast, *slow], committed=done, history=walls, clock=clock)
    progress.tell(opened(workers=1))
    left_s = progress.snapshot().left_s

    assert left_s is not None
    assert left_s.middle == pytest.approx(2 * 10.0 + 6 * 100.0)


def test_the_last_run_takes_as_long_as_a_run_takes_however_many_workers_there_are(clock: Clock):
    runs = planned(3)
    progress = Progress(runs, clock=clock)
    progress.tell(opened(workers=50))
    for event in (committed(runs[0]), committed(runs[1])):
        progress.tell(event)
    assert progress.snapshot().left_s is not None
    assert progress.snapshot().left_s.middle == pytest.approx(10.0)  # type: ignore[union-attr]

    progress.tell(started(runs[2], 0))
    clock.now_s += 7.5
    assert progress.snapshot().left_s.middle == pytest.approx(2.5)  # type: ignore[union-attr]

    progress.tell(committed(runs[2]))
    assert progress.snapshot().left_s.high == 0.0  # type: ignore[union-attr]


def test_attempts_that_fail_make_the_estimate_longer(clock: Clock):
    runs = planned(4)
    progress = Progress(runs, clock=clock)
    progress.tell(opened(workers=1))
    progress.tell(started(runs[0]))
    clock.now_s += 5.0
    progress.tell(failed(runs[0]))
    progress.tell(committed(runs[0]))

    assert progress.snapshot().left_s.middle == pytest.approx(3 * 10.0 * 1.5)  # type: ignore[union-attr]

    progress.tell(started(runs[1]))
    clock.now_s += 5.0
    progress.tell({"event": "lost", "t": 0.0, "slot": 0, "machine": "here", "why": "killed by signal 9"})
    progress.tell(failed(runs[1], error="worker lost"))
    assert progress.snapshot().left_s.middle == pytest.approx(3 * 10.0 * 2.0)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", list(FailureClass))
def test_a_failure_of_every_class_says_where_it_was_and_what_to_do(kind: FailureClass, clock: Clock):
    runs = planned(1)
    progress = Progress(runs, clock=clock)
    progress.tell(failed(runs[0], kind=kind))
    (trouble,) = progress.snapshot().troubles

    assert (trouble.run_id, trouble.attempt, trouble.machine, trouble.kind) == (runs[0].run_id, 1, "here", kind.value)
    assert trouble.log == "logs/w.log"
    assert trouble.advice
    assert progress.snapshot().attempts == {kind.value: 1}


def test_a_pause_is_told_for_its_time_and_until_something_is_started_again(clock: Clock):
    runs = planned(2)
    progress = Progress(runs, clock=clock)
    progress.tell({"event": "paused", "t": 0.0, "why": "the disk is full", "for_s": 30})
    clock.now_s += 31.0
    assert progress.snapshot().note == "paused for 30 s: the disk is full"
    progress.tell(started(runs[0]))
    assert progress.snapshot().note == ""

    progress.tell({"event": "paused", "t": 0.0, "why": "machine-1: no GPU", "for_s": 300})
    progress.tell(started(runs[1], slot=1))
    assert progress.snapshot().note == "paused for 5 min: machine-1: no GPU"
    clock.now_s += 301.0
    assert progress.snapshot().note == ""


def test_why_a_driver_ends_stays_to_be_read(clock: Clock):
    progress = Progress(planned(2), clock=clock)
    progress.tell({"event": "breaker", "t": 0.0, "why": "12 of 50 attempts failed"})
    progress.tell({"event": "closed", "t": 0.0, "exit_code": 4})
    assert progress.snapshot().note == "stopped: 12 of 50 attempts failed"
    progress.tell(opened())
    assert progress.snapshot().note == ""
    progress.tell({"event": "closed", "t": 0.0, "exit_code": 0})
    assert progress.snapshot().note == "closed with exit status 0"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (119.0, "119 s"),
        (750.0, "12 min"),
        (9900.0, "2 h 45 min"),
        (7199.9, "120 min"),
        (270_000, "3 d 3 h"),
    ],
)
def test_durations_are_told_as_people_do(seconds: float, words: str):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("amount", "words"), [(0, "0 B"), (999, "999 B"), (999_600, "1 MB"), (34e6, "34 MB"), (1.32e10, "13.2 GB")]
)
def test_sizes_are_told_as_people_do(amount: float, words: str):
    assert size(amount) == words


def test_a_committed_run_that_was_damaged_remains_again_and_is_told_with_what_is_wrong(clock: Clock):
    runs = planned(2)
    progress = Progress(runs, committed=[run.run_id for run in runs], clock=clock)
    event = {"event": "released", "t": 0.0, "run": runs[0].run_id, "damaged": "runs/0: 'rig.json' is not\nwhat it was"}
    progress.tell(event)

    assert (progress.snapshot().committed, progress.snapshot().remaining) == (1, 1)
    line = told(event, progress.runs)
    assert line is not None
    assert line.endswith(
        f"released     {runs[0].run_id}  cut_in in AvSynth01, is kept in quarantine/.released and played again: "
        "runs/0: 'rig.json' is not what it was"
    )
    assert told({"event": "released", "t": 0.0, "run": runs[0].run_id}, progress.runs) is None
