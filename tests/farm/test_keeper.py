"""A worker and its keeper: real processes, killed, stopped, recycled, and gone when they should be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import attached
import psutil
import pytest
from stand_in import FRAMES, planned, setting

from av_synth import store
from av_synth.errors import OccupiedError
from av_synth.farm.model import Advanced, Committed, Failed, FailureClass, Job, Lost, Report, Started
from av_synth.farm.workers.keeper import Keeper
from av_synth.launch import Address, launch_embedded
from av_synth.session import Session, open_session

LONG_S = 120.0  # nothing here takes so long, however busy the machine


def until(keeper: Keeper, kind: type[Report]) -> list[Report]:
    """All reports up to one of a kind."""
    reports: list[Report] = []
    while not any(isinstance(one, kind) for one in reports):
        new = keeper.poll(LONG_S)
        assert new, f"nothing was told in {LONG_S:.0f} s"
        reports += new
    return reports


def play(keeper: Keeper, number: int, attempt: int = 1, kind: type[Report] = Committed) -> list[Report]:
    keeper.give(Job(planned(number), attempt))
    return until(keeper, kind)


def gone(pids: tuple[int, ...]) -> bool:
    """Whether none of them runs any more; whose parent has not heard of its end yet does not."""
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                return False
    return True


def told(path: Path) -> list[str]:
    return path.read_text().splitlines()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    """One worker for the tests that leave it alive."""
    behaviours = {
        planned(10).run_id: {"do": "raise", "error": "ConnectionLostError", "message": "no answer"},
        planned(11).run_id: {"do": "raise", "error": "CastError"},
        planned(12).run_id: {"do": "raise", "error": "ENOSPC"},
    }
    root = tmp_path_factory.mktemp("store")
    core = min(os.sched_getaffinity(0))
    made = setting(root, 3, runs=behaviours, told=str(root / "told"), child=["cat"])
    with closing(Keeper(type(made)(**{**vars(made), "cores": (core,)}))) as keeper:
        yield keeper


def test_a_job_is_started_advances_and_is_committed_with_its_figures(shared):
    assert not shared.busy
    started, *advanced, committed = play(shared, 1)

    run_id = planned(1).run_id
    assert isinstance(started, Started)
    assert (started.slot, started.run_id, started.attempt) == (3, run_id, 1)
    assert len(started.pids) == 2  # the worker, and what its player has started
    assert shared.pids[0] == started.pids[0] != os.getpid()
    assert advanced[0] == Advanced(3, run_id, 0, FRAMES)
    assert advanced[-1] == Advanced(3, run_id, FRAMES, FRAMES)
    assert isinstance(committed, Committed)
    assert (committed.slot, committed.run_id, committed.played, committed.held) == (3, run_id, True, True)
    files = store.open_run(store.run_path(shared.setting.store, run_id), deep=True).files
    assert committed.figures.bytes == sum(file.bytes for file in files.values())
    assert committed.figures.frames == FRAMES
    assert committed.figures.wall_s > 0.0
    assert committed.figures.cpu_s > 0.0
    assert not shared.busy


def test_a_run_that_is_there_is_found_and_not_played_again(shared):
    play(shared, 2)
    before = store.open_run(store.run_path(shared.setting.store, planned(2).run_id)).files

    committed = play(shared, 2)[-1]

    assert isinstance(committed, Committed)
    assert not committed.played
    assert store.open_run(store.run_path(shared.setting.store, planned(2).run_id)).files == before


def test_a_worker_runs_where_it_was_told_to(shared):
    play(shared, 3)
    assert {tuple(psutil.Process(pid).cpu_affinity()) for pid in shared.pids} == {shared.setting.cores}


@pytest.mark.parametrize(
    ("number", "error", "kind", "anew"),
    [
        (10, "ConnectionLostError", FailureClass.TRANSIENT, True),
        (11, "CastError", FailureClass.DETERMINISTIC, False),
        (12, "StoreError", FailureClass.ENVIRONMENTAL, True),
    ],
)
def test_an_error_is_a_failure_of_its_class_and_the_worker_goes_on_with_a_fresh_player_where_it_may_matter(
    shared, number, error, kind, anew
):
    play(shared, 20 + number)
    before = len(told(Path(shared.setting.options["told"])))

    failed = play(shared, number, kind=Failed)[-1]

    assert isinstance(failed, Failed)
    assert (failed.failure.error, failed.failure.kind, failed.failure.machine) == (error, kind, os.uname().nodename)
    assert failed.failure.wall_s > 0.0
    assert failed.failure.cpu_s >= 0.0
    assert [log.name for log in failed.failure.logs] == ["worker.log"]
    assert f"{error}" in failed.failure.logs[0].read_text()
    assert not store.run_path(shared.setting.store, planned(number).run_id).exists()
    assert not list((shared.setting.store / "staging").rglob("*"))
    play(shared, 40 + number)
    lines = [line.split()[0] for line in told(Path(shared.setting.options["told"]))[before:]]
    assert lines == (["played", "closed", "opened", "played"] if anew else ["played", "played"])


def test_a_player_is_opened_anew_after_so_many_runs_or_when_it_has_grown(tmp_path):
    with closing(Keeper(setting(tmp_path, recycle_runs=2, told=str(tmp_path / "told")))) as keeper:
        for number in range(3):
            play(keeper, number)
    assert [line.split()[0] for line in told(tmp_path / "told")] == [
        *("opened", "played", "played", "closed"),
        *("opened", "played", "closed"),
    ]


def test_a_player_that_holds_too_much_memory_is_opened_anew(tmp_path):
    leaks = {planned(1).run_id: {"do": "leak", "at": FRAMES, "bytes": 300_000_000}}
    options = {"runs": leaks, "recycle_bytes": 290_000_000, "told": str(tmp_path / "told")}
    with closing(Keeper(setting(tmp_path, **options))) as keeper:
        for number in range(3):
            play(keeper, number)
    lines = [line.split()[0] for line in told(tmp_path / "told")]
    assert lines == ["opened", "played", "played", "closed", "opened", "played", "closed"]


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ({"do": "exit"}, "the worker ended with exit status 7"),
        ({"do": "kill", "at": 3}, "the worker was ended by signal 9 (SIGKILL; "),
    ],
    ids=["exit", "kill"],
)
def test_a_worker_that_dies_is_lost_with_its_run_and_what_it_had_started_is_ended(tmp_path, behaviour, why):
    # what it has started here does not end by itself
    stubborn = [sys.executable, "-c", "import signal; signal.pause()"]
    keeper = Keeper(setting(tmp_path, runs={"*": behaviour}, child=stubborn))
    reports = play(keeper, 1, kind=Lost)

    lost = reports[-1]
    assert isinstance(lost, Lost)
    assert (lost.slot, lost.run_id, lost.machine) == (0, planned(1).run_id, os.uname().nodename)
    assert lost.why.startswith(why)
    assert isinstance(reports[0], Started)
    assert len(reports[0].pids) == 2
    assert gone(reports[0].pids)
    assert keeper.poll(0.0) == []
    keeper.close()


def test_a_worker_that_does_not_end_when_it_is_killed_is_lost_and_holds_nobody_up(tmp_path, monkeypatch):
    def never(timeout: float | None = None) -> int:
        assert timeout is not None
        raise subprocess.TimeoutExpired("a worker", timeout)

    keeper = Keeper(setting(tmp_path, runs={"*": {"do": "exit"}}))
    with monkeypatch.context() as patch:
        patch.setattr(keeper._process, "wait", never)
        patch.setattr(keeper._process, "poll", lambda: None)
        lost = play(keeper, 1, kind=Lost)[-1]

    assert isinstance(lost, Lost)
    assert lost.why.startswith("the worker was killed and does not end; its log is ")
    keeper._process.wait(LONG_S)


def test_a_worker_that_is_stopped_is_killed_with_its_tree(tmp_path):
    stubborn = [sys.executable, "-c", "import signal; signal.pause()"]
    keeper = Keeper(setting(tmp_path, runs={"*": {"do": "hang"}}, child=stubborn))
    keeper.give(Job(planned(1), 1))
    started, *_ = until(keeper, Advanced)
    assert isinstance(started, Started)
    os.kill(started.pids[0], signal.SIGSTOP)

    keeper.kill()

    assert len(started.pids) == 2
    assert gone(started.pids)
    assert keeper.poll(0.0) == []
    keeper.close()
    assert store.clear_staging(tmp_path)  # what it was writing


def test_a_simulator_that_is_not_ours_is_given_back_when_the_worker_that_uses_it_is_killed(tmp_path):
    with launch_embedded("AvSynth01", render_threads=1) as launched:
        made = setting(tmp_path, port=launched.port, cache=str(tmp_path / "theirs"))
        keeper = Keeper(replace(made, player=attached.PLAYER))
        keeper.give(Job(planned(1, "AvSynth01"), 1))
        until(keeper, Advanced)
        os.kill(keeper.pids[0], signal.SIGKILL)
        until(keeper, Lost)

        with _as_soon_as_free(Address(launched.host, launched.port), tmp_path / "ours") as session:
            session.tick()


@contextmanager
def _as_soon_as_free(address: Address, cache: Path) -> Iterator[Session]:
    """A session on a simulator whose caretaker may still be giving it back, for which it has ten seconds."""
    deadline = time.monotonic() + 10.0
    with ExitStack() as stack:
        while True:
            try:
                session = stack.enter_context(open_session(address, "AvSynth01", 50_000, 0, cache))
                break
            except OccupiedError:
                if time.monotonic() > deadline:
                    raise
        yield session


def test_an_idle_worker_is_asked_to_close_its_player_and_a_busy_one_is_not(tmp_path):
    options = {"runs": {planned(2).run_id: {"do": "hang"}}, "told": str(tmp_path / "told")}
    idle, busy = (Keeper(setting(tmp_path, slot, **options)) for slot in (0, 1))
    play(idle, 1)
    busy.give(Job(planned(2), 1))
    until(busy, Started)

    idle.close()
    busy.close()

    assert [line for line in told(tmp_path / "told") if line.startswith("closed")] == ["closed 0"]
    assert gone((*idle.pids, *busy.pids))


def test_a_worker_ends_when_its_keeper_is_gone_even_while_it_plays(tmp_path):
    keeper = Keeper(setting(tmp_path, runs={"*": {"do": "hang"}}, child=["cat"]))
    keeper.give(Job(planned(1), 1))
    until(keeper, Started)
    processes = [psutil.Process(pid) for pid in keeper.pids]

    keeper.pipe.close()

    assert psutil.wait_procs(processes, timeout=LONG_S)[1] == []
    keeper.close()


def test_a_log_on_a_full_disk_is_no_failure_of_its_own(tmp_path):
    made = setting(tmp_path, runs={planned(1).run_id: {"do": "raise", "error": "ENOSPC"}})
    made.folder.mkdir(parents=True)
    (made.folder / "worker.log").symlink_to("/dev/full")
    with closing(Keeper(made)) as keeper:
        failed = play(keeper, 1, kind=Failed)[-1]
        assert isinstance(failed, Failed)
        assert failed.failure.kind is FailureClass.ENVIRONMENTAL
        play(keeper, 2)


def test_a_player_that_cannot_be_imported_is_a_failure_of_the_machine(tmp_path):
    made = setting(tmp_path)
    with closing(Keeper(type(made)(**{**vars(made), "player": "no_such_module:open_player"}))) as keeper:
        (failed,) = play(keeper, 1, kind=Failed)
    assert isinstance(failed, Failed)
    assert failed.failure.kind is FailureClass.ENVIRONMENTAL
    assert "no_such_module" in failed.failure.message
