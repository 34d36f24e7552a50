"""Runs that are committed to an address: none lost, none doubled, none torn, whatever dies between two steps."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fake_farm import Act, FakeFarm, dying_at, events
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractFileSystem
from stand_in import planned, setting

from av_synth import store as stores
from av_synth.cli.app import status
from av_synth.errors import StoreError, UnreachableError, UserError
from av_synth.farm import crash
from av_synth.farm.dispatch.driver import Ended, drive
from av_synth.farm.dispatch.policy import Rules
from av_synth.farm.model import PlannedRun, WorkerSetting
from av_synth.farm.records import committed_runs, quarantine
from av_synth.farm.records.object_store import ObjectStore
from av_synth.farm.status.state import StoreState
from av_synth.farm.workers import outbox
from av_synth.farm.workers.local import LocalRunner
from tests.farm.committing import commit
from tests.farm.dying import every_death
from tests.farm.object_store_ordeal import (
    PLAN,
    RUN,
    attempts,
    files,
    one_of_many_wins,
    play,
    survives_every_death,
    with_plan,
)

SOON = Rules(run_bytes=1, retry_s=0.01)


class Looking(MemoryFileSystem):
    """Has no conditional put but fsspec's own, which looks first and writes then."""

    protocol = "looking"
    pipe_file = AbstractFileSystem.pipe_file


class Deaf(MemoryFileSystem):
    """Does not hear that it is to create."""

    protocol = "deaf"

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        super().pipe_file(path, value)


class Flaky(MemoryFileSystem):
    """Fails at records as it is told to.

    Attributes:
        failing: "before" it is put, or "after"; empty for neither.
    """

    protocol = "flaky"
    failing = ""

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        when = self.failing if "/runs/" in path else ""
        if when == "before":
            raise ConnectionResetError("503 Slow Down")
        super().pipe_file(path, value, mode)
        if when == "after":
            raise ConnectionResetError("the answer was lost")


@pytest.fixture(autouse=True)
def _drivers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for driver in (Looking, Deaf, Flaky):
        fsspec.register_implementation(driver.protocol, driver, clobber=True)
    yield
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    Flaky.failing = ""


def test_a_worker_that_dies_between_any_two_steps_leaves_no_run_or_a_whole_one_and_the_next_makes_it_one(tmp_path):
    deaths = survives_every_death(lambda nth: f"file://{tmp_path}/object_stores/{nth}", tmp_path)
    assert deaths > len(files(commit(tmp_path / "one", RUN.run_id)))


def test_of_many_machines_that_commit_one_run_at_once_one_wins_and_the_others_remove_their_own(tmp_path):
    one_of_many_wins(f"file://{tmp_path}/object_store", tmp_path)


def test_who_is_overtaken_between_its_upload_and_its_record_loses(tmp_path):
    address = f"file://{tmp_path}/object_store"
    object_store, slow, quick = (
        ObjectStore(address),
        commit(tmp_path / "slow", RUN.run_id),
        commit(tmp_path / "quick", RUN.run_id),
    )
    won: list[bool] = []

    def overtake(name: str) -> None:
        if name == "object_store.commit.uploaded" and not won:
            won.append(False)
            won[0] = ObjectStore(address).commit(quick)

    crash.install(overtake)
    try:
        assert not object_store.commit(slow)
    finally:
        crash.install(None)
    assert won == [True]
    assert len(attempts(address)) == 1


def test_a_record_whose_answer_was_lost_counts_and_one_that_was_not_put_is_no_commit_and_is_removed_later(tmp_path):
    object_store, run = ObjectStore("flaky://bucket/object_store"), commit(tmp_path, RUN.run_id)
    Flaky.failing = "before"
    with pytest.raises(
        UnreachableError, match=r"flaky://bucket/object_store: 'runs/a{20}.json' cannot be written: .*503 Slow"
    ):
        object_store.commit(run)
    assert object_store.run_ids() == frozenset()
    assert object_store.remove_lost_attempts([RUN.run_id]) == 0  # the put may still arrive
    assert len(attempts(object_store.address)) == 1

    Flaky.failing = "after"
    assert object_store.commit(run)
    assert not object_store.commit(run)
    assert len(attempts(object_store.address)) == 2
    assert object_store.remove_lost_attempts([RUN.run_id]) == 1
    Flaky.failing = ""
    assert files(object_store.fetch(RUN.run_id, tmp_path / "here")) == files(run)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("object_store", "object_store: is no address; want one such as s3://bucket/folder"),
        ("looking://bucket/a", "looking://bucket/a: its driver cannot make a file only if there is none"),
        ("deaf://bucket/a", "deaf://bucket/a: puts an object in the place of another although it was told not to"),
    ],
)
def test_a_place_without_a_conditional_put_is_refused_and_nothing_stays_there(tmp_path, address, message):
    with pytest.raises(UserError, match=message):
        committed_runs.agree(tmp_path / "out", address)
    assert not (tmp_path / "out").exists()
    assert MemoryFileSystem.store == {}


def test_an_address_has_one_plan_and_gives_it_to_every_machine(tmp_path):
    object_store = with_plan("memory://bucket/object_store", tmp_path / "plan")
    object_store.freeze(tmp_path / "plan")
    assert object_store.fetch_plan(tmp_path / "machine")
    assert files(tmp_path / "machine" / "plan") == PLAN

    (tmp_path / "plan" / "plan.json").write_bytes(b"[]")
    with pytest.raises(
        UserError, match="memory://bucket/object_store: has the plan of another campaign; want another address"
    ):
        object_store.freeze(tmp_path / "plan")


def test_a_run_that_is_not_what_was_committed_is_not_brought_here_and_what_to_do_is_told(tmp_path):
    object_store, run = ObjectStore("memory://bucket/object_store"), commit(tmp_path, RUN.run_id)
    object_store.commit(run)
    record = object_store.record(RUN.run_id)
    assert record is not None
    name = f"/bucket/object_store/attempts/{RUN.run_id}/{record.attempt}/blobs/CAM_FRONT/000000.jpg"
    MemoryFileSystem.store[name].getbuffer()[0] ^= 1

    with pytest.raises(StoreError, match=r"'blobs/CAM_FRONT/000000.jpg' is not what was committed; remove memory://"):
        object_store.fetch(RUN.run_id, tmp_path / "here")
    del MemoryFileSystem.store[name]
    with pytest.raises(StoreError, match=r"what was committed is gone: .*000000.jpg; remove memory://") as told:
        object_store.fetch(RUN.run_id, tmp_path / "here")
    assert not isinstance(told.value, UnreachableError)
    assert stores.runs(tmp_path / "here") == []


def test_bringing_runs_here_survives_a_death_at_any_step(tmp_path):
    address = f"file://{tmp_path}/object_store"
    run = commit(tmp_path / "made", RUN.run_id)
    ObjectStore(address).commit(run)
    for nth in every_death(lambda nth: committed_runs.pull(tmp_path / str(nth), address=address)):
        for seen in stores.runs(tmp_path / str(nth)):
            assert files(stores.open_run(seen, deep=True).folder) == files(run)
        assert sum(committed_runs.pull(tmp_path / str(nth), address=address)) == 1
        assert len(stores.runs(tmp_path / str(nth))) == 1


def test_workers_that_share_no_folder_commit_to_an_address_and_another_machine_finds_nothing_to_play(tmp_path, capsys):
    address, runs = f"file://{tmp_path}/object_store", [planned(number) for number in range(3)]
    first, second = tmp_path / "first", tmp_path / "second"
    with_plan(address, tmp_path / "plan")
    mishap = {runs[1].run_id: {"do": "kill", "at": 3, "attempts": 1}}
    for store in (first, second):
        committed_runs.agree(store, address)
        machines = [store / f"machine-{slot}" for slot in (0, 1)]
        workers = [
            replace(setting(machine, slot, runs=mishap), object_store=address) for slot, machine in enumerate(machines)
        ]
        with closing(LocalRunner(workers[: 2 if store is first else 1])) as farm:
            assert drive(runs, store, farm, SOON) == Ended(0, "", 3, 0, 0)
        assert [path for path in store.rglob("runs/*") if path.is_dir()] == []

    assert [len(events(store, "committed")) for store in (first, second)] == [3, 0]
    assert committed_runs.ids(second) == {run.run_id for run in runs}
    state = StoreState.read(first, runs)
    assert (state.committed, state.object_store) == (tuple(sorted(run.run_id for run in runs)), address)
    assert committed_runs.tidy(first, finished=True) == 0

    for counts in (
        "3 brought and compared with their hashes, 0 were there",
        "0 brought and compared with their hashes, 3",
    ):
        assert status(["pull", address, "--out", str(tmp_path / "third")]) == 0
        assert counts in capsys.readouterr().out.replace("\n", " ")
    assert {path.name for path in stores.runs(tmp_path / "third")} == committed_runs.ids(first)


def at(address: str, store: Path) -> Callable[..., Act]:
    """Play for a fake farm: a run is committed to an address."""

    def played(job: Any, _: Any) -> Act:
        ObjectStore(address).commit(commit(store.parent / "machine", job.run.run_id))
        return Act("lie")  # there is nothing in the store itself

    return played


def test_what_is_committed_decides_at_the_end_not_what_workers_told(tmp_path):
    address, store, runs = "flaky://bucket/object_store", tmp_path / "out", [planned(number) for number in range(2)]
    committed_runs.agree(store, address)
    why = "2 runs that were committed are gone; the same command makes them again"
    for play_, ended in (
        (lambda *_: Act("lie"), Ended(4, why, 0, 0, 2)),
        (at(address, store), Ended(0, "", 2, 0, 0)),
        (lambda *_: Act("for ever"), Ended(0, "", 2, 0, 0)),
    ):
        farm = FakeFarm(store, play_)
        assert drive(runs, store, farm, SOON, clock=farm.clock) == ended


def test_a_driver_that_dies_between_any_two_steps_loses_and_doubles_nothing_that_workers_have_committed(tmp_path):
    runs = [planned(number) for number in range(2)]

    def farm_at(number: int) -> tuple[str, FakeFarm]:
        """Workers whose commit nobody hears of at the first attempt: they die."""
        address, store = f"memory://bucket/{number}", tmp_path / str(number) / "out"
        committed_runs.agree(store, address)
        play_ = at(address, store)
        return address, FakeFarm(store, lambda job, _: replace(play_(job, _), end="die" if job.attempt == 1 else "lie"))

    _, whole = farm_at(-1)
    with dying_at(-1) as reached:
        assert drive(runs, whole.store, whole, SOON, clock=whole.clock) == Ended(0, "", 2, 0, 0)
    for number in sorted({name: reached.index(name) for name in reached}.values()):  # each kind of step once
        address, farm = farm_at(number)
        with dying_at(number):
            drive(runs, farm.store, farm, SOON, clock=farm.clock)
        before = committed_runs.ids(farm.store)
        again = FakeFarm(farm.store, farm.play)
        assert drive(runs, farm.store, again, SOON, clock=again.clock) == Ended(0, "", 2, 0, 0), reached[number]
        assert before <= committed_runs.ids(farm.store) == {run.run_id for run in runs}
        assert not before & {job.run.run_id for _, job in again.jobs}, reached[number]
        ObjectStore(address).remove_lost_attempts([run.run_id for run in runs])
        assert {len(attempts(address, run.run_id)) for run in runs} == {1}


def test_a_store_that_has_begun_stays_where_its_runs_are_committed(tmp_path):
    committed_runs.agree(tmp_path / "there", "memory://bucket/one/")
    assert json.loads((tmp_path / "there" / "object_store.json").read_text()) == {"address": "memory://bucket/one"}
    commit(tmp_path / "here", RUN.run_id)
    for store, before in (("there", "commits its runs to memory://bucket/one"), ("here", "has begun with runs of its")):
        with pytest.raises(UserError, match=f"{before}.*; want the same --commit-to as then, or another --out"):
            committed_runs.agree(tmp_path / store, "memory://bucket/two")


@pytest.mark.parametrize("left_s", [3600.0, -1.0], ids=["", "and then is slow"])
def test_a_store_that_does_not_answer_costs_nothing_that_has_been_played(tmp_path, monkeypatch, left_s):
    monkeypatch.setattr(outbox, "_LEFT_S", left_s)
    with_plan("flaky://bucket/object_store", tmp_path / "plan")
    Flaky.failing = "before"
    with pytest.raises(UnreachableError):
        play("flaky://bucket/object_store", tmp_path / "machine")
    assert len([path for path in (tmp_path / "machine").rglob("runs/*") if path.is_dir()]) == 1
    Flaky.failing = ""
    assert not play("flaky://bucket/object_store", tmp_path / "machine").played  # it has been sent before, or is now
    assert ObjectStore("flaky://bucket/object_store").run_ids() == {RUN.run_id}


def test_what_may_be_whole_stays_in_the_outbox_and_what_was_being_removed_goes(tmp_path, monkeypatch):
    address = "memory://bucket/object_store"
    with_plan(address, tmp_path / "frozen")
    committed_runs.agree(tmp_path, address)
    home = outbox.home_of(WorkerSetting(tmp_path, 0, "", {}, tmp_path / "logs", object_store=address))
    old, refused, removed = (commit(home, digit * 20) for digit in "bcd")
    manifest = old / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text('{"schema_epoch": 1}')
    (removed / "scenario.json").unlink()
    stat = os.stat

    def fail(path, **how):
        if str(path).startswith(f"{refused}/"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return stat(path, **how)

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", fail)
        play(address, tmp_path)
    assert stores.runs(home) == [old, refused]

    quarantine.put(tmp_path, PlannedRun("c" * 20, RUN.recipe, "Town01"))
    committed_runs.tidy(tmp_path, finished=True)
    assert stores.runs(home) == [old, refused]


@pytest.mark.parametrize("address", ["nowhere://bucket/object_store", "memory://bucket/without_a_plan"])
def test_what_a_machine_lacks_is_no_fault_of_the_run_that_it_was_given(tmp_path, address):
    with pytest.raises(UnreachableError):
        play(address, tmp_path)
