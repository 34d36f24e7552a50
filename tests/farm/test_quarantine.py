"""Quarantine: a run is given up with all of its evidence or not at all, and no evidence is ever lost."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from av_synth import store as stores
from av_synth.errors import StoreError, UserError
from av_synth.farm.failures import of_exception
from av_synth.farm.model import Failure, FailureClass, PlannedRun, Recipe
from av_synth.farm.records import quarantine
from av_synth.farm.records.journal import Journal, read_journal
from tests.farm.dying import every_death, points_of

RUN = "0123456789abcdef0123"
OTHER = "f" * 20
PLANNED = PlannedRun(RUN, Recipe("cut_in.yaml", "tiny.yaml", 7, {"gap_m": 3.5}), "Town01", entry=2)


def failure(store: Path, attempt: int) -> Failure:
    """Of an attempt whose log is longer than what is kept of it; another's log is on another machine."""
    folder = store / "logs" / "worker-0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "worker.log").write_bytes(b"begun\n" + b"." * quarantine.TAIL_BYTES + b"died in attempt %d\n" % attempt)
    return Failure(
        FailureClass.TRANSIENT,
        "StalledError",
        f"attempt {attempt}: no tick",
        "machine-a",
        (folder / "worker.log", Path("/n/x.log")),
    )


def given_up(store: Path, run: PlannedRun = PLANNED) -> Path:
    for n in (1, 2, 3):
        quarantine.note(store, run.run_id, n, failure(store, n))
    return quarantine.put(store, run)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_given_up_keeps_its_recipe_and_of_each_attempt_why_and_the_end_of_the_logs(tmp_path: Path) -> None:
    quarantine.note(tmp_path, RUN, 1, failure(tmp_path, 1))
    assert quarantine.listed(tmp_path) == ()
    quarantine.note(tmp_path, RUN, 2, failure(tmp_path, 2))
    assert list(quarantine.evidence(tmp_path, RUN)) == [1, 2]
    quarantine.note(tmp_path, RUN, 3, failure(tmp_path, 3))

    folder = quarantine.put(tmp_path, PLANNED)

    assert folder == tmp_path / "quarantine" / RUN
    assert quarantine.listed(tmp_path) == (RUN,)
    names = {"recipe.json"} | {f"attempt-{n}/{name}" for n in (1, 2, 3) for name in ("failure.json", "worker.log")}
    assert set(content(folder)) == names
    recipe = json.loads((folder / "recipe.json").read_bytes())
    assert (recipe["run_id"], recipe["town"], recipe["entry"]) == (RUN, "Town01", 2)
    assert Recipe(**{**recipe["recipe"], "without": tuple(recipe["recipe"]["without"])}) == PLANNED.recipe
    told = json.loads((folder / "attempt-2/failure.json").read_bytes())
    assert told == {
        "run": RUN,
        "attempt": 2,
        "machine": "machine-a",
        "kind": "transient",
        "error": "StalledError",
        "message": "attempt 2: no tick",
        "logs": {str(tmp_path / "logs/worker-0/worker.log"): "worker.log", "/n/x.log": None},
        "wall_s": 0.0,
        "cpu_s": 0.0,
    }
    tail = (folder / "attempt-2/worker.log").read_bytes()
    assert len(tail) == quarantine.TAIL_BYTES
    assert tail.endswith(b".died in attempt 2\n")
    kept = quarantine.evidence(tmp_path, RUN)
    assert list(kept) == [1, 2, 3]
    assert kept[3] == Failure(
        FailureClass.TRANSIENT, "StalledError", "attempt 3: no tick", "machine-a", (folder / "attempt-3/worker.log",)
    )


def test_logs_of_one_name_are_all_kept(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "server.log").write_text(name)
    logs = (tmp_path / "a/server.log", tmp_path / "b/server.log")
    quarantine.note(tmp_path, RUN, 1, Failure(FailureClass.TRANSIENT, "e", "m", "n", logs))

    assert [path.read_text() for path in quarantine.evidence(tmp_path, RUN)[1].logs] == ["a", "b"]


def test_a_path_that_is_no_utf_8_is_told_as_well_as_it_can_be(tmp_path: Path) -> None:
    log = Path(os.fsdecode(bytes(tmp_path) + b"/\xff.log"))
    log.write_text("died")
    told = of_exception(FileNotFoundError(2, "No such file or directory", str(log)), "n", (log,))
    assert r"/\udcff.log" in told.message
    quarantine.note(tmp_path, RUN, 1, replace(told, message=str(log)))

    kept = quarantine.evidence(tmp_path, RUN)[1]
    assert kept.message == rf"{tmp_path}/\udcff.log"
    assert [path.read_text() for path in kept.logs] == ["died"]


def test_attempts_of_one_number_are_all_kept_each_once_and_nothing_is_left_in_staging(tmp_path: Path) -> None:
    for n in (5, 5, 1, 1):
        quarantine.note(tmp_path, RUN, 1, failure(tmp_path, n))

    noted = tmp_path / "quarantine/.noted" / RUN
    told = {path.name: json.loads((path / "failure.json").read_bytes())["message"] for path in noted.iterdir()}
    assert told == {"attempt-1": "attempt 5: no tick", "attempt-1.1": "attempt 1: no tick"}
    assert quarantine.evidence(tmp_path, RUN)[1].message == "attempt 1: no tick"
    assert list((tmp_path / "staging").iterdir()) == []


def test_giving_up_twice_changes_nothing(tmp_path: Path) -> None:
    before = content(given_up(tmp_path))
    quarantine.put(tmp_path, PLANNED)

    assert content(tmp_path / "quarantine" / RUN) == before


def test_a_run_is_given_up_whole_or_not_at_all_whenever_the_driver_dies(tmp_path: Path) -> None:
    def give_up(nth: int) -> None:
        store = tmp_path / str(nth)
        for n in (1, 2, 2, 3):  # an attempt that was noted before an earlier driver died is noted again
            quarantine.note(store, RUN, n, failure(store, n))
            with (store / "acknowledged").open("a") as file:
                file.write(str(n))
        quarantine.put(store, PLANNED)

    names = points_of(lambda: give_up(1000))
    whole = content(tmp_path / "1000/quarantine")
    assert {name.rpartition(".")[2] for name in names} == {"written", "placed", "noted", "complete"}
    for nth in every_death(give_up):
        store = tmp_path / str(nth)
        found = quarantine.listed(store)
        assert found == () or content(store / "quarantine").keys() == whole.keys()
        acknowledged = (store / "acknowledged").read_text() if (store / "acknowledged").exists() else ""
        assert set(map(int, acknowledged)) <= set(quarantine.evidence(store, RUN))
        for number, kept in quarantine.evidence(store, RUN).items():
            assert kept.message == f"attempt {number}: no tick"
            assert kept.logs[0].read_bytes().endswith(b"died in attempt %d\n" % number)
        if not found:
            give_up(nth)
        stores.clear_staging(store)
        assert quarantine.listed(store) == (RUN,)
        assert content(store / "quarantine").keys() == whole.keys()
        assert list((store / "staging").iterdir()) == []
    assert nth == len(names)


def test_a_released_run_leaves_its_evidence_beside_that_of_earlier_times(tmp_path: Path) -> None:
    places = []
    for _ in range(2):
        before = content(given_up(tmp_path))
        with Journal(tmp_path) as journal:
            places += quarantine.release(tmp_path, [RUN], journal.append)
        assert content(places[-1]) == before
        assert quarantine.listed(tmp_path) == ()
        assert quarantine.evidence(tmp_path, RUN) == {}

    assert [path.name for path in places] == [f"{RUN}-1", f"{RUN}-2"]
    assert [(event["event"], event["run"]) for event in read_journal(tmp_path)] == [("released", RUN)] * 2


def test_releasing_what_is_not_in_quarantine_changes_nothing(tmp_path: Path) -> None:
    given_up(tmp_path)
    with Journal(tmp_path) as journal, pytest.raises(UserError, match=f"not in quarantine: {OTHER}; `av-synth status"):
        quarantine.release(tmp_path, [RUN, OTHER], journal.append)

    assert quarantine.listed(tmp_path) == (RUN,)
    assert read_journal(tmp_path) == []


def test_a_release_that_dies_anywhere_keeps_all_evidence_and_can_be_asked_again(tmp_path: Path) -> None:
    runs = (PLANNED, PlannedRun(OTHER, PLANNED.recipe, "Town01"))

    def prepare(store: Path) -> None:
        for run in runs:
            given_up(store, run)

    def let_go(nth: int) -> None:
        store = tmp_path / str(nth)
        with Journal(store) as journal:
            quarantine.release(store, quarantine.listed(store), journal.append)

    prepare(tmp_path / "1000")
    names = points_of(lambda: let_go(1000))
    whole = {}
    for nth in range(len(names) + 1):
        prepare(tmp_path / str(nth))
        whole[nth] = sorted(content(tmp_path / str(nth) / "quarantine").values())
    for nth in every_death(let_go):
        store = tmp_path / str(nth)
        assert sorted(content(store / "quarantine").values()) == whole[nth]
        # whoever is no longer in quarantine has been told of: its attempts count anew
        told = {event["run"] for event in read_journal(store)}
        assert {run.run_id for run in runs} - set(quarantine.listed(store)) <= told
        let_go(nth)
        assert quarantine.listed(store) == ()
        assert sorted(content(store / "quarantine").values()) == whole[nth]
    assert nth == len(names)


def test_a_damaged_run_that_is_set_aside_is_never_lost_whenever_that_dies(tmp_path: Path) -> None:
    def prepare(store: Path) -> Path:
        run = store / "runs" / RUN
        (run / "blobs").mkdir(parents=True)
        (run / "blobs/000000.jpg").write_bytes(b"torn")
        return run

    def put_aside(nth: int) -> None:
        with Journal(tmp_path / str(nth)) as journal:
            quarantine.set_aside(tmp_path / str(nth), RUN, "'blobs/000000.jpg' is torn", journal.append)

    prepare(tmp_path / "1000")
    names = points_of(lambda: put_aside(1000))
    for nth in range(len(names) + 1):
        prepare(tmp_path / str(nth))
    for nth in every_death(put_aside):
        store = tmp_path / str(nth)
        if (store / "runs" / RUN).exists():
            put_aside(nth)
        stores.clear_staging(store)
        (kept,) = (store / "quarantine/.released").glob("*/run")
        assert content(kept) == {"blobs/000000.jpg": b"torn"}
        damage = json.loads((kept.parent / "damage.json").read_bytes())
        assert damage == {"run": RUN, "message": "'blobs/000000.jpg' is torn"}
        assert stores.runs(store) == []
        assert {event["run"] for event in read_journal(store)} == {RUN}
        assert list((store / "staging").iterdir()) == []
    assert nth == len(names)


def test_a_run_id_that_climbs_is_refused(tmp_path: Path) -> None:
    for wrong in ("../../etc", "", "A" * 20):
        with pytest.raises(StoreError, match="want 20 lower-case hex digits"):
            quarantine.note(tmp_path, wrong, 1, failure(tmp_path, 1))
        with pytest.raises(StoreError, match="want 20 lower-case hex digits"):
            quarantine.put(tmp_path, PlannedRun(wrong, PLANNED.recipe, "Town01"))
        with pytest.raises(StoreError, match="want 20 lower-case hex digits"):
            quarantine.evidence(tmp_path, wrong)


def test_evidence_that_somebody_has_edited_is_told_not_read(tmp_path: Path) -> None:
    path = given_up(tmp_path) / "attempt-1/failure.json"
    path.write_text(path.read_text().replace("transient", "bad luck"))

    with pytest.raises(StoreError, match=r"attempt-1/failure\.json: not what was written of a failed attempt"):
        quarantine.evidence(tmp_path, RUN)
