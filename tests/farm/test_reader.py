"""The reader that judges the farm has teeth: it finds whatever is broken in a store, and nothing in a whole one."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stand_in import planned, write

from av_synth import store as stores
from av_synth.farm.model import Failure, FailureClass
from av_synth.farm.records import quarantine
from av_synth.farm.records.journal import Journal
from tests.farm import reader

COMMITTED, POISON, REMAINING = planned(1).run_id, planned(2).run_id, planned(3).run_id
STRANGER = planned(4).run_id


def failed(attempt: int, **other: Any) -> dict[str, Any]:
    told = {"event": "failed", "run": POISON, "attempt": attempt, "slot": 0, "machine": "here", "kind": "transient"}
    return told | {"error": "stalled", "message": "has not begun", "logs": ["logs/worker-0/worker.log"]} | other


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a committed run, one in quarantine after two attempts, and one that remains."""
    root = tmp_path_factory.mktemp("whole")
    (root / "plan").mkdir()
    runs = [{"run_id": run_id} for run_id in sorted((COMMITTED, POISON, REMAINING))]
    (root / "plan" / "plan.json").write_text(json.dumps({"runs": runs}))
    log = root / "logs" / "worker-0" / "worker.log"
    log.parent.mkdir(parents=True)
    log.write_text("what it said\n")
    with stores.stage(root, COMMITTED) as staging:
        write(staging, COMMITTED)
    with Journal(root) as journal:
        for attempt in (1, 2):
            failure = Failure(FailureClass.TRANSIENT, "stalled", "has not begun", "here", (log,))
            quarantine.note(root, POISON, attempt, failure)
            journal.append(failed(attempt, charged=True))
        quarantine.put(root, planned(2))
        journal.append({"event": "quarantined", "run": POISON, "attempts": 2})
    return root


@pytest.fixture
def broken(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "store")


def in_run(store: Path, name: str = "blobs/CAM_FRONT/000000.jpg") -> Path:
    path = store / "runs" / COMMITTED / name
    path.chmod(0o644)
    return path


def flip(store: Path) -> None:
    data = bytearray(in_run(store).read_bytes())
    data[100] ^= 1
    in_run(store).write_bytes(data)


def journal(store: Path, *events: dict[str, Any]) -> None:
    with Journal(store) as writer:
        for event in events:
            writer.append(event)


def replan(store: Path, *run_ids: str) -> None:
    (store / "plan" / "plan.json").write_text(json.dumps({"runs": [{"run_id": run_id} for run_id in run_ids]}))


def in_failure(store: Path, **other: Any) -> None:
    path = store / "quarantine" / POISON / "attempt-1" / "failure.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | other))


def copy_to_quarantine(store: Path) -> None:
    shutil.copytree(store / "quarantine" / POISON, store / "quarantine" / COMMITTED)


def damage_the_journal(store: Path) -> None:
    path = store / "journal" / "000001.log"
    path.write_bytes(path.read_bytes().replace(b"stalled", b"stolled", 1))


def forget_the_logs(store: Path) -> None:
    shutil.rmtree(store / "logs")
    for log in store.glob("quarantine/*/attempt-*/*.log"):
        log.unlink()


BREAKS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a run is planned twice": ("I1: ", lambda s: replan(s, COMMITTED, COMMITTED, POISON, REMAINING)),
    "a committed run is unknown": (f"I1: run {COMMITTED} is in the store", lambda s: replan(s, POISON, REMAINING)),
    "a run in quarantine is unknown": (f"I1: run {POISON} is in the store", lambda s: replan(s, COMMITTED, REMAINING)),
    "a run is committed and in quarantine": ("I1: ", copy_to_quarantine),
    "the journal has an unknown run": ("I1: the journal", lambda s: journal(s, {"event": "started", "run": STRANGER})),
    "a byte is flipped": ("I2: ", flip),
    "a file is torn": ("I2: ", lambda s: os.truncate(in_run(s), 1000)),
    "a file is missing": ("I2: ", lambda s: in_run(s, "map/opendrive.xodr").unlink()),
    "a file is too many": ("I2: ", lambda s: (s / "runs" / COMMITTED / "more.json").write_text("{}")),
    "a run has another's id": ("I2: ", lambda s: (s / "runs" / COMMITTED).rename(s / "runs" / REMAINING)),
    "a manifest is missing": ("I4: ", lambda s: in_run(s, "manifest.json").unlink()),
    "a manifest is torn": ("I4: ", lambda s: os.truncate(in_run(s, "manifest.json"), 1000)),
    "a run is an empty folder": ("I4: ", lambda s: (s / "runs" / REMAINING).mkdir()),
    "a staged folder is among the runs": ("I4: ", lambda s: (s / "runs" / f"{REMAINING}-{'0' * 32}").mkdir()),
    "a run is a link": ("I4: ", lambda s: (s / "runs" / REMAINING).symlink_to(s / "runs" / COMMITTED)),
    "the plan is torn": ("I4: ", lambda s: os.truncate(s / "plan" / "plan.json", 30)),
    "a run in quarantine is no folder": ("I4: ", lambda s: (s / "quarantine" / REMAINING).write_text("")),
    "evidence is torn": ("I4: ", lambda s: os.truncate(s / "quarantine" / POISON / "attempt-2" / "failure.json", 9)),
    "a recipe is missing": ("I4: ", lambda s: (s / "quarantine" / POISON / "recipe.json").unlink()),
    "a committed run is gone": ("I5: ", lambda s: shutil.rmtree(s / "runs" / COMMITTED)),
    "a committed run is another": ("I5: ", lambda s: in_run(s, "outcome.json").write_text("[]")),
    "staging is left": ("I6: staging/", lambda s: (s / "staging" / f"{REMAINING}-{'0' * 32}").mkdir(parents=True)),
    "a lease is left": ("I6: staging/", lambda s: (s / "staging" / f"{REMAINING}-{'0' * 32}.lease").write_text("")),
    "there are too many attempts": ("I7: ", lambda s: journal(s, *(failed(n, charged=True) for n in (3, 4)))),
    "a failure has no class": ("I7: ", lambda s: journal(s, failed(1, kind="bad luck"))),
    "evidence has no class": ("I7: ", lambda s: in_failure(s, kind=None)),
    "a failure has no machine": ("I8: ", lambda s: journal(s, failed(1, machine=""))),
    "a failure has no attempt": ("I8: ", lambda s: journal(s, failed(0))),
    "a failure has no run": ("I8: ", lambda s: journal(s, failed(1, run=None))),
    "a failure has no log": ("I8: a failure has no log", forget_the_logs),
    "evidence has no machine": ("I8: ", lambda s: in_failure(s, machine="")),
    "evidence names no log": ("I8: ", lambda s: in_failure(s, logs={})),
    "a run in quarantine has no attempt": (
        "I8: ",
        lambda s: [shutil.rmtree(path) for path in s.glob(f"quarantine/{POISON}/attempt-*")],
    ),
    "the journal is damaged": ("I8: the journal", damage_the_journal),
}


def test_of_a_whole_store_it_says_nothing_and_knows_what_became_of_each_run(whole):
    reading = reader.read(whole)

    assert reading.findings == []
    assert set(reading.committed) == {COMMITTED}
    assert (reading.quarantined, reading.remaining) == ({POISON}, {REMAINING})
    assert reader.read(whole, seen=reading.committed).findings == []


@pytest.mark.parametrize("what", BREAKS)
def test_it_finds_that(what, whole, broken):
    expected, damage = BREAKS[what]
    seen = reader.read(whole).committed
    damage(broken)

    found = reader.read(broken, seen=seen).findings
    assert [finding for finding in found if finding.startswith(expected)], found


@pytest.mark.parametrize(
    ("exit_code", "there"), [(0, "runs remain"), (0, "runs are in quarantine"), (3, "runs remain")]
)
def test_it_finds_an_exit_status_that_is_not_true(whole, exit_code, there):
    assert [finding for finding in reader.read(whole, exit_code=exit_code).findings if there in finding]


def test_it_finds_that_nothing_is_in_quarantine_where_the_exit_status_says_so(broken):
    replan(broken, COMMITTED)
    shutil.rmtree(broken / "quarantine")

    assert "I1: it ended with 3, and no run is in quarantine" in reader.read(broken, exit_code=3).findings


def test_attempts_count_anew_when_a_run_is_released(broken):
    journal(broken, failed(3, charged=True), {"event": "released", "run": POISON}, failed(1, charged=True))

    assert reader.read(broken).findings == []


def test_a_line_that_its_writer_did_not_finish_is_no_finding(broken):
    text = b'{"event":"committed"}'
    with (broken / "journal" / "000001.log").open("ab") as file:
        file.write(b"%08x %s" % (zlib.crc32(text), text))  # all but the newline

    assert reader.read(broken).findings == []


@pytest.mark.parametrize("name", ["driver.lock", f"staging/{REMAINING}-{'0' * 32}.lease"])
def test_it_finds_a_lock_that_is_held(name, broken):
    path = broken / name
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = reader.read(broken).findings
        assert len(found) == 1
        assert "held" in found[0]
        assert reader.read(broken, at_rest=False).findings == []


@pytest.fixture
def marked() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    marker = uuid.uuid4().hex
    command = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]
    environment = os.environ | {reader.MARKER: marker}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield marker, process
        process.kill()


def test_it_finds_a_process_of_ours_also_a_stopped_one_and_nobody_elses(marked):
    marker, process = marked
    assert reader.orphans(uuid.uuid4().hex, within_s=0.0) == []
    assert reader.orphans(marker, spared=[process.pid], within_s=0.0) == []
    assert [finding for finding in reader.orphans(marker, within_s=0.0) if f"process {process.pid}" in finding]
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    assert [finding for finding in reader.orphans(marker, within_s=0.0) if "is left: T " in finding]
    process.kill()
    assert reader.orphans(marker, within_s=60.0) == []


def test_it_finds_that_somebody_elses_process_was_touched(marked):
    _, process = marked
    comm = Path(f"/proc/{process.pid}/comm").read_text().strip()
    assert reader.lives(process.pid, comm) == []
    assert reader.lives(process.pid, "CarlaUE4-Linux")
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    assert reader.lives(process.pid, comm)
    process.kill()
    process.wait()
    assert reader.lives(process.pid, comm)


def test_the_reader_shares_nothing_with_what_it_judges():
    assert "import av_synth" not in (source := Path(reader.__file__).read_text())
    assert "from av_synth" not in source
