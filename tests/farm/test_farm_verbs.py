"""`av-synth status`, `retry` and `cancel` on a store whose farm is dead, and while it works."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from av_synth import store as stores
from av_synth.cli import status as status_verb
from av_synth.cli.app import status as av_synth
from av_synth.farm.model import Failure, FailureClass, PlannedRun, Recipe
from av_synth.farm.planning import plan
from av_synth.farm.records import quarantine
from av_synth.farm.records.journal import Journal, read_journal
from av_synth.farm.records.lease import driver_lease, stop_asked
from av_synth.farm.status import words
from av_synth.farm.status.eta import Span
from av_synth.farm.status.metrics import FILE, Metrics
from av_synth.farm.status.progress import Progress
from av_synth.report.campaign import write_campaign_report
from tests.farm import campaign_events as told
from tests.farm.committing import commit

IDS = tuple(f"{n:x}" * 20 for n in range(5))
RUNS = tuple(PlannedRun(run_id, Recipe("s.yaml", None, 0), "Town01") for run_id in IDS)
FIGURES = {"attempt": 1, "slot": 0, "machine": "machine-a", "cpu_s": 80.0, "bytes": 7, "frames": 100, "played": True}
EVENTS = (
    {"event": "opened", "pid": 1, "machine": "h", "workers": 2},
    *(
        {"event": "committed", "run": run_id, "wall_s": 100.0, "held": run_id != IDS[0], "never_began": 1, **FIGURES}
        for run_id in IDS[:2]
    ),
    {
        "event": "failed",
        "run": IDS[3],
        "attempt": 1,
        "slot": 1,
        "machine": "machine-a",
        "charged": True,
        "kind": "transient",
        "error": "StalledError",
        "message": "no tick for 60 s",
    },
    {"event": "quarantined", "run": IDS[3], "attempts": 2, "why": "it failed twice alike, with StalledError"},
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign of five runs: 0 and 1 are committed, 3 is in quarantine, and its farm is dead."""
    root = tmp_path_factory.mktemp("made")
    (root / "campaign.yaml").write_text("name: night\n")
    plan.freeze(plan.Plan(RUNS, {}, {}, ()), SimpleNamespace(files={}, origins={}, path=root / "campaign.yaml"), root)
    for run_id in IDS[:2]:
        commit(root, run_id)
    log = root / "worker.log"
    log.write_text("killed\n")
    failure = Failure(FailureClass.TRANSIENT, "StalledError", "no tick for [bold]60 s\nat all", "machine-a", (log,))
    for attempt in (1, 2):
        quarantine.note(root, IDS[3], attempt, failure)
    quarantine.put(root, RUNS[3])
    with Journal(root) as journal:
        for event in EVENTS:
            journal.append(event)
    return root


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "store", copy_function=os.link))


def said(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    found = av_synth([str(argument) for argument in arguments])
    spoken = capsys.readouterr()
    assert found == code, spoken
    assert "Traceback" not in spoken.err
    return spoken.out + spoken.err


def tear(store: Path, run_id: str) -> None:
    path = store / "runs" / run_id / "scenario.json"
    path.unlink()
    path.write_bytes(b"torn")


def test_status_of_a_dead_farm_says_how_far_it_is_what_failed_and_what_to_do(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(store.rglob("*"))
    lines = said(capsys, "status", store).splitlines()

    assert lines[0].startswith(
        "runs: 2 of 5 committed (0.00 GB), 1 of them with expectations that did not hold, "
        "2 of them with events that never began, 1 quar"
    )
    assert lines[0].endswith(", 2 remaining")
    assert lines[1].startswith(f"driver: none; the last one died after: quarantined {IDS[3]} ")
    assert lines[1].endswith(": it failed twice alike, with StalledError")
    assert lines[2] == (
        "pace: 100 s a run (100 s to 100 s), 72 runs an hour and 2.0 frames a second with 2 workers; "
        "about 100 s left (100 s to 100 s)"
    )
    assert lines[3] == "failed attempts: 1 transient"
    log = store / "quarantine" / IDS[3] / "attempt-2/worker.log"
    assert lines[4] == (
        f"quarantined {IDS[3]}: it failed twice alike, with StalledError; "
        f"2 attempts, number 2 on machine-a: transient: StalledError: no tick for [bold]60 s ({log})"
    )
    assert lines[5:] == [
        f"next: av-synth retry {store}: what is in quarantine is to be made again",
        "next: the command that began the campaign resumes it",
    ]
    assert sorted(store.rglob("*")) == before


def test_on_a_terminal_the_same_is_a_table(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    monkeypatch.setattr(status_verb, "console", screen)
    said(capsys, "status", store)
    drawn = screen.file.getvalue()  # type: ignore[attr-defined]

    assert "runs " in drawn
    assert "2 of 5 committed" in drawn
    assert IDS[3] in drawn
    assert "[bold]60 s" in drawn
    assert "next " in drawn


def test_status_for_programs_is_json(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tear(store, IDS[1])
    told = json.loads(said(capsys, "status", store, "--json"))

    assert told["store"] == str(store)
    assert (told["committed"], told["quarantined"], told["remaining"]) == ([IDS[0]], [IDS[3]], [IDS[2], IDS[4]])
    assert list(told["damaged"]) == [IDS[1]]
    assert told["pace"]["left_s"] == {"low": 100.0, "middle": 100.0, "high": 100.0}
    assert told["driver"] is None
    assert told["slots"]["0"]["run"] == IDS[1]


def test_status_while_it_works_says_who_is_at_it_and_what_the_workers_do(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with driver_lease(store):
        lines = said(capsys, "status", store).splitlines()
        assert lines[1].startswith(f"driver: process {os.getpid()} on ")
        assert any(line.startswith(f"worker 0: committed {IDS[1]} (attempt 1) on machine-a at ") for line in lines)
        assert not any(line.startswith("next:") for line in lines)

        told = said(capsys, "cancel", store)
        assert f"process {os.getpid()} on " in told
        assert "is asked to stop" in told
        assert stop_asked(store)
        assert ", asked to stop" in said(capsys, "status", store).splitlines()[1]


def test_status_live_view_metrics_and_page_tell_the_same_time_left(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = told.Clock()
    monkeypatch.setattr(time, "time", clock)
    so_far = Progress(RUNS, committed=IDS[:2], quarantined=[IDS[3]], history=read_journal(store), clock=clock)
    metrics = Metrics(store, so_far, clock=clock, every_s=0.0)
    happens = (
        told.opened(workers=2),
        told.committed(RUNS[1], wall_s=60.0, held=True),
        told.started(RUNS[2], 0),
        told.started(RUNS[4], 1),
        told.failed(RUNS[4], 1),
        told.started(RUNS[4], 1, attempt=2),
    )
    with driver_lease(store), Journal(store) as journal:
        for event in happens:
            clock.now_s += 10.0
            journal.append(dict(event) | {"t": clock.now_s})
            so_far.tell(event)
            metrics.tell(event)
        clock.now_s += 10.0
        metrics.tell(happens[0] | {"event": "draining"})
        left = so_far.snapshot().left_s
        spoken = said(capsys, "status", store)
        page = write_campaign_report(store).read_text()
    samples = [line.split() for line in (store / FILE).read_text().splitlines() if line.startswith("av_synth_left_s")]

    assert left == Span(70.0, 90.0, 90.0)  # runs took 60, 100 and 100 s, and the last has been played for 10 s
    assert [float(value) for _, value in samples] == [left.low, left.middle, left.high]
    assert words.left(left) == "about 90 s left (70 s to 90 s)"
    assert words.left(left) in spoken
    assert words.left(left) in page


def test_what_is_damaged_is_named_by_status_and_moved_aside_by_retry(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tear(store, IDS[1])
    content = store / "runs" / IDS[0] / "rig.json"
    content.unlink()
    content.write_bytes(b"[]")

    spoken = said(capsys, "status", store)
    assert f"damaged {IDS[1]}: {store / 'runs' / IDS[1]}: 'scenario.json' is not what was committed\n" in spoken
    again = "resumes it; what is damaged is kept in quarantine/, and made again"
    assert f"next: the command that began the campaign {again}" in spoken
    spoken = said(capsys, "status", store, "--deep")
    assert f"damaged {IDS[0]}: " in spoken
    assert f"next: the command that began the campaign --deep {again}" in spoken
    assert "not damaged: " + IDS[0] in said(capsys, "retry", store, "--damaged", IDS[0], code=2)

    spoken = said(capsys, "retry", store, "--damaged")
    assert spoken.splitlines() == [
        f"{IDS[1]}: to be made again; what was known of it is in {store}/quarantine/.released/{IDS[1]}-1",
        "the command that began the campaign makes them",
    ]
    assert [path.name for path in stores.runs(store)] == [IDS[0]]
    assert (store / f"quarantine/.released/{IDS[1]}-1/run/scenario.json").read_bytes() == b"torn"
    assert "no run is damaged" in said(capsys, "retry", store, "--damaged")

    assert IDS[0] in said(capsys, "retry", store, "--damaged", "--deep")
    assert stores.runs(store) == []


def test_runs_of_another_version_are_told_as_such_and_stay_when_damaged_ones_are_moved(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tear(store, IDS[0])
    manifest = store / "runs" / IDS[1] / "manifest.json"
    written = json.loads(manifest.read_bytes()) | {"schema_epoch": 1}
    manifest.unlink()
    manifest.write_text(json.dumps(written))

    spoken = said(capsys, "status", store)
    assert "1 quarantined, 1 damaged, 1 of another version, 2 remaining" in spoken
    assert f"of another version {IDS[1]}: {manifest}: schema_epoch 1" in spoken
    assert "resumes it" not in spoken
    assert "not damaged: " + IDS[1] in said(capsys, "retry", store, "--damaged", IDS[1], code=2)
    assert IDS[0] in said(capsys, "retry", store, "--damaged")
    assert [path.name for path in stores.runs(store)] == [IDS[1]]


def test_retry_releases_what_is_in_quarantine_and_says_when_nothing_is(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"not in quarantine: {IDS[0]}" in said(capsys, "retry", store, IDS[0], IDS[3], code=2)
    assert quarantine.listed(store) == (IDS[3],)

    assert f"{IDS[3]}: to be made again" in said(capsys, "retry", store, IDS[3])
    assert quarantine.listed(store) == ()
    assert {"event": "released", "run": IDS[3]}.items() <= read_journal(store)[-1].items()
    assert "2 of 5 committed" in (spoken := said(capsys, "status", store))
    assert "3 remaining" in spoken
    assert "nothing is in quarantine" in said(capsys, "retry", store)


def test_a_driver_that_ended_is_told_with_its_exit_status_whatever_was_released_since(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Journal(store) as journal:
        journal.append({"event": "closed", "exit_code": 3})
    said(capsys, "retry", store)
    for run_id in IDS[2:]:
        commit(store, run_id)
    lines = said(capsys, "status", store).splitlines()

    assert lines[0].startswith("runs: 5 of 5 committed")
    assert lines[1] == "driver: none; the last one ended with exit status 3"
    assert lines[-1] == f"next: av-synth export {store}: what is committed as a dataset"


def test_retry_while_a_driver_is_at_it_is_refused_by_its_name(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with driver_lease(store):
        assert f"is driven by process {os.getpid()} on " in said(capsys, "retry", store, code=2)
    assert quarantine.listed(store) == (IDS[3],)


def test_cancelling_what_nobody_is_at_stops_nobody_later(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nobody is at it, so there is nothing to cancel" in said(capsys, "cancel", store)
    assert not stop_asked(store)


@pytest.mark.parametrize("verb", ["status", "retry", "cancel"])
def test_a_folder_that_is_no_campaigns_is_refused_and_left_alone(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for name in ("none", "empty", "file"):
        refused = f"{tmp_path / name}: has no plan; want a folder that `av-synth campaign --out` wrote"
        assert refused in said(capsys, verb, tmp_path / name, code=2)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_store_that_cannot_be_written_to_is_refused_before_anything_is_begun(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    wanted = "want a folder that can be made and written to"
    for name, why in (("file", "is a file"), ("file/in/it", f"{tmp_path / 'file'} is a file")):
        spoken = said(capsys, "campaign", "weather_grid", "--out", tmp_path / name, code=2)
        assert f"error: {tmp_path / name}: {why}; {wanted}" in spoken

    (store / "logs").write_text("in the way")
    assert f"{store}: {store / 'logs'} cannot be written to; {wanted}" in said(capsys, "retry", store, code=2)
    (store / "logs").unlink()
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK | os.X_OK)  # who is root may write everywhere
    assert f"{store}: cannot be written to; {wanted}" in said(capsys, "retry", store, code=2)
    assert quarantine.listed(store) == (IDS[3],)


def test_hashes_are_for_damaged_runs_only(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--deep: is for --damaged only" in said(capsys, "retry", store, "--deep", code=2)
    assert quarantine.listed(store) == (IDS[3],)


def test_status_writes_the_page_of_a_campaign_wherever_it_is_asked_to(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(store.rglob("*"))
    page = tmp_path / "pages" / "night.html"

    assert said(capsys, "status", store, "--html", page).splitlines()[-1] == f"page: {page}"
    assert "<!doctype html>" in page.read_text()
    assert IDS[3] in page.read_text()
    assert sorted(store.rglob("*")) == before
    assert json.loads(said(capsys, "status", store, "--json", "--html", page))["planned"] == list(IDS)

    assert f"{tmp_path}: is a folder; want the name of a file" in said(
        capsys, "status", store, "--html", tmp_path, code=2
    )
    in_the_way = tmp_path / "file"
    in_the_way.write_text("mine")
    assert "file is a file; want a place in a folder" in said(
        capsys, "status", store, "--html", in_the_way / "a.html", code=2
    )
    no_page = f"{in_the_way}: is there already and is no page of a campaign"
    assert no_page in said(capsys, "status", store, "--html", in_the_way, code=2)
    assert in_the_way.read_text() == "mine"
