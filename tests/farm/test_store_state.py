"""How far a campaign is: what is in the store is the truth, the journal only tells figures."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from av_synth.farm.model import Failure, FailureClass, PlannedRun, Recipe
from av_synth.farm.records import quarantine
from av_synth.farm.records.journal import Journal
from av_synth.farm.records.lease import ask_to_stop, driver_lease
from av_synth.farm.status.eta import Span
from av_synth.farm.status.state import StoreState
from tests.farm.committing import commit

IDS = tuple(f"{n:x}" * 20 for n in range(6))
CRASHED = Failure(FailureClass.TRANSIENT, "ConnectionLostError", "the simulator died", "machine-a")


def read(store: Path, ids: Iterable[str], *, deep: bool = False) -> StoreState:
    return StoreState.read(store, [PlannedRun(each, Recipe("s.yaml", None, 0), "Town01") for each in ids], deep=deep)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the runs 0 to 3 committed, and 4 in quarantine."""
    root = tmp_path_factory.mktemp("made")
    for run_id in IDS[:4]:
        commit(root, run_id)
    quarantine.note(root, IDS[4], 1, CRASHED)
    quarantine.put(root, PlannedRun(IDS[4], Recipe("s.yaml", None, 0), "Town01"))
    return root


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "store", copy_function=os.link))


def edited(path: Path, content: bytes) -> None:
    path.unlink()  # it is a link to what other tests read
    path.write_bytes(content)


def tell(store: Path, *events: dict[str, object]) -> None:
    with Journal(store) as journal:
        for event in events:
            journal.append(event)


def committed(run_id: str, wall_s: float, **more: object) -> dict[str, object]:
    figures = {"attempt": 1, "slot": 0, "machine": "n", "cpu_s": 2 * wall_s, "bytes": 7, "frames": 100}
    return {"event": "committed", "run": run_id, "wall_s": wall_s, "played": True, "held": True, **figures, **more}


def failed(run_id: str, attempt: int, kind: str = "transient", charged: bool = True) -> dict[str, object]:
    return {
        "event": "failed",
        "run": run_id,
        "attempt": attempt,
        "slot": 1,
        "machine": "n",
        "kind": kind,
        "charged": charged,
    }


def test_every_planned_run_is_in_exactly_one_place(store: Path) -> None:
    state = read(store, reversed(IDS))

    assert state.planned == IDS
    assert state.committed == IDS[:4]
    assert (state.quarantined, state.remaining) == ((IDS[4],), (IDS[5],))
    assert (state.damaged, state.unknown) == ({}, ())
    assert state.bytes == sum(
        path.stat().st_size for path in (store / "runs").rglob("*") if path.is_file() and path.name != "manifest.json"
    )
    assert (state.pace, state.last, state.driver, state.slots) == (None, None, None, {})


def test_a_store_in_which_nothing_was_made_remains(tmp_path: Path) -> None:
    state = read(tmp_path, IDS)

    assert (state.remaining, state.committed, state.bytes) == (IDS, (), 0)
    assert list(tmp_path.iterdir()) == []


def test_runs_that_nobody_planned_are_told_and_left_alone(store: Path) -> None:
    edited(store / "runs" / IDS[3] / "scenario.json", b"torn")
    state = read(store, IDS[:3])

    assert (state.unknown, state.committed, state.damaged) == ((IDS[3],), IDS[:3], {})
    assert state.quarantined == state.remaining == ()


def cut(run: Path) -> None:
    edited(run / "tables/boxes.parquet", b"box")


def lose(run: Path) -> None:
    (run / "blobs/CAM_FRONT/000000.jpg").unlink()


def lose_manifest(run: Path) -> None:
    (run / "manifest.json").unlink()


def tear_manifest(run: Path) -> None:
    edited(run / "manifest.json", (run / "manifest.json").read_bytes()[:-40])


def empty(run: Path) -> None:
    shutil.rmtree(run)
    run.mkdir()


def misname(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_bytes())
    edited(run / "manifest.json", json.dumps(manifest | {"run_id": "f" * 20}).encode())


def flip(run: Path) -> None:
    edited(run / "blobs/CAM_FRONT/000000.jpg", b"Payload")


def add(run: Path) -> None:
    (run / "blobs/CAM_FRONT/000001.jpg").write_bytes(b"more")


@pytest.mark.parametrize(
    ("damage", "told", "deep"),
    [
        (cut, "'tables/boxes.parquet' is not what was committed", False),
        (lose, "'blobs/CAM_FRONT/000000.jpg': No such file", False),
        (lose_manifest, "manifest.json: cannot be read: No such file", False),
        (tear_manifest, "manifest.json: is not JSON", False),
        (empty, "manifest.json: cannot be read: No such file", False),
        (misname, f"is run {'f' * 20} by its manifest", False),
        (flip, "'blobs/CAM_FRONT/000000.jpg' is not what was committed", True),
        (add, "blobs/CAM_FRONT/000001.jpg: is in the run and was not committed", True),
    ],
)
def test_a_committed_run_that_is_broken_is_named_and_neither_done_nor_to_be_done(
    store: Path, damage: Callable[[Path], None], told: str, deep: bool
) -> None:
    damage(store / "runs" / IDS[1])
    state = read(store, IDS, deep=deep)

    assert list(state.damaged) == [IDS[1]]
    assert told in state.damaged[IDS[1]]
    assert state.committed == (IDS[0], *IDS[2:4])
    assert IDS[1] not in (*state.quarantined, *state.remaining)
    if deep:
        assert read(store, IDS).damaged == {}


def test_whole_runs_are_whole_when_every_file_is_read(store: Path) -> None:
    assert read(store, IDS, deep=True) == read(store, IDS)


def test_a_run_that_was_given_up_and_is_there_after_all_is_committed(store: Path) -> None:
    commit(store, IDS[4])
    state = read(store, IDS)

    assert IDS[4] in state.committed
    assert state.quarantined == ()


def test_a_commit_that_the_journal_missed_counts_and_one_that_it_only_says_does_not(store: Path) -> None:
    tell(store, {"event": "opened", "workers": 1}, committed(IDS[5], 10.0))
    state = read(store, IDS)

    assert state.committed == IDS[:4]
    assert state.remaining == (IDS[5],)


def test_attempts_are_those_charged_since_the_run_was_planned_or_released(store: Path) -> None:
    tell(store, failed(IDS[5], 1), failed(IDS[5], 2, "environmental", charged=False), failed(IDS[5], 2))
    tell(store, failed(IDS[5], 2), failed(IDS[3], 1), {"event": "retried", "run": IDS[5], "after_s": 1.0})
    state = read(store, IDS)

    assert state.attempts == {IDS[3]: 1, IDS[5]: 2}  # one that was told twice counts once
    assert state.failures == {"environmental": 1, "transient": 4}

    tell(store, {"event": "released", "run": IDS[5]})
    assert read(store, IDS).attempts == {IDS[3]: 1}
    tell(store, failed(IDS[5], 1))
    assert read(store, IDS).attempts == {IDS[3]: 1, IDS[5]: 1}


def test_the_pace_is_the_median_with_its_quartiles_by_the_last_drivers_workers(store: Path) -> None:
    tell(store, {"event": "opened", "workers": 16}, committed(IDS[0], 10.0), committed(IDS[1], 20.0))
    tell(
        store,
        {"event": "opened", "workers": 2},
        committed(IDS[2], 30.0),
        committed(IDS[3], 60.0, held=False, never_began=2),
    )
    tell(store, committed("9" * 20, 1e6, played=False))  # was there before: nothing was played
    state = read(store, [*IDS, *(f"{n:020x}" for n in range(10, 15))])

    assert len(state.remaining) == 6
    assert state.pace is not None
    assert (state.pace.workers, state.pace.run_s) == (2, Span(17.5, 25.0, 37.5))
    assert state.pace.runs_per_h == pytest.approx(3600 * 2 / 25)
    assert state.pace.frames_per_s == pytest.approx(2 * 400 / 120)
    assert state.pace.cpu_s == 240
    assert state.pace.left_s == Span(3 * 17.5, 3 * 25.0, 3 * 37.5)
    assert state.not_held == (IDS[3],)
    assert state.never_began == {IDS[3]: 2}


@pytest.mark.parametrize(("planned", "left_s"), [(IDS[:5], 0.0), (IDS, 10.0)])
def test_the_last_run_takes_as_long_as_a_run_however_many_workers_there_are(
    store: Path, planned: tuple[str, ...], left_s: float
) -> None:
    tell(store, {"event": "opened", "workers": 8}, committed(IDS[0], 10.0))
    pace = read(store, planned).pace

    assert pace is not None
    assert pace.left_s == Span(left_s, left_s, left_s)


def test_what_each_worker_did_last_is_of_the_last_driver(store: Path) -> None:
    tell(store, {"event": "opened", "workers": 3}, {"event": "started", "run": IDS[0], "slot": 2})
    tell(
        store, {"event": "opened", "workers": 2}, {"event": "started", "run": IDS[5], "slot": 1}, committed(IDS[3], 1.0)
    )
    state = read(store, IDS)

    assert {slot: event["event"] for slot, event in state.slots.items()} == {0: "committed", 1: "started"}
    assert state.last is not None
    assert state.last["run"] == IDS[3]


def test_while_a_driver_is_at_it_the_state_says_so_and_whether_it_was_asked_to_stop(store: Path) -> None:
    with driver_lease(store):
        state = read(store, IDS)
        assert state.driver is not None
        assert (state.driver.pid, state.stopping) == (os.getpid(), False)
        ask_to_stop(store)
        assert read(store, IDS).stopping
    # nobody is at it: whoever begins next is not asked
    assert not read(store, IDS).stopping


def test_events_of_other_versions_and_damaged_lines_are_no_obstacle(store: Path) -> None:
    tell(store, {"event": "comet", "run": 3}, {"what": 1}, {"event": "failed"}, {"event": "committed", "run": IDS[0]})
    with (store / "journal/000001.log").open("ab") as file:
        file.write(b"00000000 {}\n0000")
    state = read(store, IDS)

    assert state.unreadable == ("journal/000001.log:5",)
    assert state.committed == IDS[:4]
