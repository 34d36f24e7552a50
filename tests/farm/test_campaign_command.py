"""`av-synth campaign`: what it refuses before anything is played, and the whole way once."""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
from fake_farm import FakeFarm
from small_campaign import campaign

from av_synth import store
from av_synth.cli.app import status
from av_synth.errors import UnreachableError
from av_synth.farm import conduct
from av_synth.farm.planning import plan as plans
from av_synth.farm.planning.campaign import load
from av_synth.farm.records.journal import Journal, read_journal
from av_synth.farm.records.lease import driver_lease
from av_synth.launch import Address

TINY = "  - {scenario: short.yaml, rig: tiny, seeds: [0, 1], towns: [AvSynth01]}\n"
BLIND = "  - {scenario: short.yaml, rig: none, seeds: [2], towns: [AvSynth01]}\n"


@pytest.mark.parametrize(
    ("runs", "more", "options", "message"),
    [
        (TINY, "", ["--price-per-core-hour", "1"], "--price-per-core-hour: is told with --dry-run only"),
        (TINY, "simulator: here:2000\n", ["--workers", "2"], "--workers: got 2; want 1, because the simulator at"),
        (TINY, "simulator: here:2000\n", ["--workers", "2", "--dry-run"], "--workers: got 2; want 1"),
        (
            TINY,
            "simulator: here:2000\n",
            ["--ray", "local"],
            "--ray: got 'local', and the simulator at here:2000 plays",
        ),
        (TINY, "", ["--commit-to", "bucket/a", "--dry-run"], "bucket/a: is no address; want one such as s3://"),
        (TINY, "", ["--commit-to", "memory://a"], "--commit-to: got 'memory://a'; want an address that all"),
        (TINY + BLIND, "", [], "few.yaml:5: runs[1].rig: is none, and others have sensors; want"),
        (TINY + BLIND, "", ["--dry-run"], "few.yaml:5: runs[1].rig: is none, and others have sensors; want"),
        (TINY, "simulator: here:2000\n", ["--ray", "local", "--dry-run"], "--ray: got 'local', and the simulator at"),
        (TINY.replace("tiny", "tyni"), "", [], "few.yaml:4: runs[0].rig: got 'tyni'; did you mean 'tiny'?"),
        (TINY.replace("[0, 1]", "[-1]"), "", [], "few.yaml:4: runs[0].seeds[0]: got -1; want at least 0"),
    ],
    ids=[
        *("price", "workers", "workers of a dry run", "ray", "commit to", "memory"),
        *("blind", "blind of a dry run", "ray of a dry run", "rig", "document"),
    ],
)
def test_what_cannot_be_is_refused_with_exit_status_2_and_nothing_is_written(
    tmp_path, capsys, runs, more, options, message
):
    path = campaign(tmp_path, runs, more)

    assert status(["campaign", str(path), "--out", str(tmp_path / "out"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.fixture
def begun(address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A campaign, and a store with its plan; its runs are committed at once, without files."""
    path, out = campaign(tmp_path, TINY), tmp_path / "out"
    asked = load(str(path))
    plans.freeze(plans.make(asked, address, tmp_path / "plan.log"), asked, out)
    monkeypatch.setattr(conduct, "_runner", lambda _asked, out, *_: nullcontext(FakeFarm(out)))
    monkeypatch.setattr(conduct, "export_dataset", lambda out, form: out / form)
    return path, out


def test_a_page_that_cannot_be_written_costs_neither_the_dataset_nor_the_exit_status(begun, capsys, monkeypatch):
    def fail(_out: Path) -> None:
        raise UnreachableError("s3://far: nobody answers")

    monkeypatch.setattr("av_synth.report.campaign.write_campaign_report", fail)

    assert status(["campaign", str(begun[0]), "--out", str(begun[1])]) == 0
    told = capsys.readouterr().out
    assert "dataset: " in told
    assert "no report: s3://far: nobody answers" in told


def test_a_store_that_is_driven_is_refused_before_anything_is_planned_or_started(tmp_path, capsys):
    path, out = campaign(tmp_path, TINY, "simulator: localhost:1\n"), tmp_path / "out"
    out.mkdir()

    with driver_lease(out):
        assert status(["campaign", str(path), "--out", str(out)]) == 2

    assert f"{out}: is driven by process {os.getpid()} on " in capsys.readouterr().err


def test_a_complete_campaign_whose_budget_is_spent_is_gone_on_with_and_exported_and_one_that_is_not_is_refused(
    begun, capsys
):
    path, out = begun
    assert status(["campaign", str(path), "--out", str(out), "--no-export"]) == 0
    path.write_text(path.read_text() + "budget: {core_hours: 0.000001}\n")
    ended = next(event for event in read_journal(out) if event["event"] == "committed")
    with Journal(out) as journal:
        journal.append({**ended, "cpu_s": 3600.0})

    assert status(["campaign", str(path), "--out", str(out)]) == 0
    assert "dataset: " in capsys.readouterr().out

    shutil.rmtree(store.run_path(out, ended["run"]))
    assert status(["campaign", str(path), "--out", str(out)]) == 2
    assert "core-hours are spent, the budget is 1e-06; want a larger one" in capsys.readouterr().err


def test_a_look_at_a_campaign_tells_what_is_left_its_price_and_by_what_both_are_known(begun, capsys):
    path, out = begun
    command = ["campaign", str(path), "--out", str(out)]
    assert status([*command, "--no-export"]) == 0
    shutil.rmtree(store.runs(out)[0])
    capsys.readouterr()

    assert status([*command, "--dry-run", "--price-per-core-hour", "0.5"]) == 0

    told = capsys.readouterr().out
    assert "few: 2 runs in AvSynth01, 1 of them yet to be made" in told
    assert " at 0.5 a core-hour" in told
    assert "measured by 2 committed runs" in told


@pytest.mark.long
def test_a_campaign_is_looked_at_made_gone_on_with_and_exported(tmp_path, capsys):
    path, out = campaign(tmp_path, TINY + TINY.replace("tiny", str(tmp_path / "other.yaml"))), tmp_path / "out"
    (tmp_path / "other.yaml").write_text(_other_rig())
    command = ["campaign", str(path), "--out", str(out), "--workers", "2"]

    assert status([*command, "--dry-run", "--price-per-core-hour", "0.5"]) == 0
    assert "few: 4 runs in AvSynth01, 4 of them yet to be made" in capsys.readouterr().out
    assert status([*command, "--no-export"]) == 0
    assert not (out / "nuscenes").exists()
    assert [path.name for path in store.runs(out)] == [run.run_id for run in plans.read(out).runs]
    before = len(read_journal(out))
    assert status(command) == 0
    assert (out / "nuscenes" / "v1.0-trainval" / "scene.json").is_file()
    assert [event["event"] for event in read_journal(out)[before:]] == ["opened", "closed"]
    assert status([*command, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "0 of them yet to be made" in told
    assert "measured by 4 committed runs" in told


@pytest.mark.long
def test_a_campaign_is_committed_to_an_address_brought_here_and_exported_on_another_machine(tmp_path, capsys):
    path, address = campaign(tmp_path, TINY), f"file://{tmp_path}/object_store"
    command = ["campaign", str(path), "--workers", "2", "--commit-to", address, "--out"]

    assert status([*command, str(tmp_path / "one"), "--no-export"]) == 0
    assert store.runs(tmp_path / "one") == []
    assert status([*command, str(tmp_path / "two")]) == 0
    assert f"2 committed, 0 in quarantine, 0 remaining: {address}" in capsys.readouterr().out
    assert [event["event"] for event in read_journal(tmp_path / "two")] == ["planned", "opened", "closed"]
    assert status(["export", str(tmp_path / "one")]) == 0
    scenes = [(tmp_path / name / "nuscenes" / "v1.0-trainval" / "scene.json").read_bytes() for name in ("one", "two")]
    assert scenes[0] == scenes[1]
    assert status(["status", str(tmp_path / "one")]) == 0
    assert f"committed to: {address}" in capsys.readouterr().out
    assert status(["status", str(tmp_path / "one"), "--deep"]) == 2
    assert "want `av-synth pull`, which compares every hash" in capsys.readouterr().err


def _other_rig() -> str:
    from av_synth import documents

    return documents.find("sensors", "tiny").read_text().replace("name: tiny", "name: other")
