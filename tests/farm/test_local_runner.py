"""The workers of this machine: all of them are heard, the dead are replaced, and none is left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from stand_in import planned, setting

from av_synth.farm.local import FIRST_PAUSE_S, LocalRunner
from av_synth.farm.model import Committed, Job, Lost, Report, Slot, Started

LONG_S = 120.0  # nothing here takes so long, however busy the machine


@contextmanager
def runner(
    store: Path, slots: int, clock: Callable[[], float] | None = None, **options: object
) -> Iterator[LocalRunner]:
    settings = [setting(store, slot, **options) for slot in range(slots)]
    made = LocalRunner(settings) if clock is None else LocalRunner(settings, clock)
    try:
        yield made
    finally:
        made.close()


def until(runner: LocalRunner, done: Callable[[list[Report]], bool]) -> list[Report]:
    reports: list[Report] = []
    while not done(reports):
        new = runner.poll(LONG_S)
        assert new, f"nothing was told in {LONG_S:.0f} s"
        reports += new
    return reports


def running() -> list[tuple[int, str]]:
    return [(process.pid, process.info["status"]) for process in psutil.process_iter(["status"])]


def some(kind: type[Report], count: int = 1) -> Callable[[list[Report]], bool]:
    return lambda reports: sum(isinstance(one, kind) for one in reports) >= count


def test_each_worker_plays_what_it_was_given_and_all_are_heard(tmp_path):
    with runner(tmp_path, 2) as farm:
        assert farm.slots() == [Slot(0, os.uname().nodename), Slot(1, os.uname().nodename)]
        for slot in (0, 1):
            farm.start(slot, Job(planned(slot), 1))
        assert [slot.run_id for slot in farm.slots()] == [planned(0).run_id, planned(1).run_id]

        reports = until(farm, some(Committed, 2))

        assert {(one.slot, one.run_id) for one in reports if isinstance(one, Committed)} == {
            (slot, planned(slot).run_id) for slot in (0, 1)
        }
        assert [(slot.run_id, slot.affinity) for slot in farm.slots()] == [(None, ("Town01", "tiny.yaml"))] * 2
        assert farm.poll(0.0) == []


def test_a_worker_that_is_killed_is_lost_and_another_plays_in_its_slot(tmp_path):
    behaviours = {planned(0).run_id: {"do": "hang", "attempts": 1}}
    with runner(tmp_path, 1, runs=behaviours) as farm:
        farm.start(0, Job(planned(0), 1))
        (started,) = (one for one in until(farm, some(Started)) if isinstance(one, Started))
        os.kill(started.pids[0], signal.SIGKILL)

        lost = until(farm, some(Lost))[-1]

        assert isinstance(lost, Lost)
        assert (lost.slot, lost.run_id) == (0, planned(0).run_id)
        farm.start(0, Job(planned(0), 2))
        assert isinstance(until(farm, some(Committed))[-1], Committed)


def test_a_slot_that_is_killed_tells_nothing_of_its_job_and_is_free_again(tmp_path):
    behaviours = {planned(0).run_id: {"do": "hang"}}
    with runner(tmp_path, 1, runs=behaviours, child=["cat"]) as farm:
        farm.start(0, Job(planned(0), 1))
        (started,) = (one for one in until(farm, some(Started)) if isinstance(one, Started))

        farm.kill(0)

        assert started.pids[0] not in psutil.pids()
        assert farm.slots() == [Slot(0, os.uname().nodename)]
        farm.start(0, Job(planned(1), 1))
        assert {one.run_id for one in until(farm, some(Committed)) if not isinstance(one, Lost)} == {planned(1).run_id}


def test_workers_that_die_one_after_the_other_with_nothing_done_are_replaced_ever_later(tmp_path):
    now = 0.0
    with runner(tmp_path, 1, lambda: now, open={"do": "exit"}) as farm:
        waited = []
        for attempt in range(4):
            farm.start(0, Job(planned(0), attempt + 1))
            until(farm, some(Lost))
            before = now
            while not farm.slots():
                now += FIRST_PAUSE_S / 2.0
            waited.append(now - before)
        assert waited == [0.0, FIRST_PAUSE_S, 2.0 * FIRST_PAUSE_S, 4.0 * FIRST_PAUSE_S]


def test_nothing_is_left_when_it_is_closed_twice_with_a_job_in_hand(tmp_path):
    with runner(tmp_path, 2, runs={planned(0).run_id: {"do": "hang"}}, child=["cat"]) as farm:
        for slot in (0, 1):
            farm.start(slot, Job(planned(slot), 1))
        reports = until(farm, lambda told: some(Started, 2)(told) and some(Committed)(told))
        processes = [pid for one in reports if isinstance(one, Started) for pid in one.pids]
        farm.close()
        assert farm.slots() == []
    assert len(processes) == 4
    assert not any(pid in processes and status != psutil.STATUS_ZOMBIE for pid, status in running())
