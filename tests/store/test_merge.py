"""Merging folders of runs: each run once, verified, whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from av_synth import store
from av_synth.errors import AvSynthError, DataError, StoreError, UserError
from av_synth.store import files
from av_synth.store.merge import adopt, merge
from tests.export.synthetic_run import TINY, Rows, build_run


@pytest.fixture
def monday(tmp_path: Path) -> Path:
    for seed in (0, 1):
        build_run(tmp_path / "monday", seed, sensors=TINY)
    return tmp_path / "monday"


@pytest.fixture
def tuesday(tmp_path: Path) -> Path:
    for seed in (1, 2):
        build_run(tmp_path / "tuesday", seed, sensors=TINY)
    return tmp_path / "tuesday"


def test_every_run_is_there_once_and_its_files_are_the_same_ones(monday: Path, tuesday: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    merged = merge([monday, tuesday, monday], tmp_path / "both", lambda done, total: told.append((done, total)))

    assert (merged.runs, merged.doubled) == (3, 1)
    assert told == [(1, 3), (2, 3), (3, 3)]
    runs = store.runs(merged.root)
    assert len(runs) == 3
    for run in runs:
        opened = store.open_run(run, deep=True)
        homes = [root for root in (monday, tuesday) if (root / "runs" / run.name).is_dir()]
        assert any((homes[0] / "runs" / run.name / path).samefile(run / path) for path in opened.files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both", "monday", "tuesday"]


def test_on_a_file_system_without_links_the_runs_are_copied_read_only_and_read_back(
    monday: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    merged = merge([monday], tmp_path / "copy")
    for run in store.runs(merged.root):
        store.open_run(run, deep=True)
        for path in (path for path in run.rglob("*") if path.is_file()):
            assert path.stat().st_nlink == 1
            assert path.stat().st_mode & 0o222 == 0

    copy = shutil.copyfile

    def flip(source: Path, target: Path) -> None:
        copy(source, target)
        if target.name == "000010.jpg":
            target.write_bytes(target.read_bytes()[::-1])

    monkeypatch.setattr(files.shutil, "copyfile", flip)
    with pytest.raises(StoreError, match=r"'blobs/CAM_FRONT/000010\.jpg' is not what was committed"):
        merge([monday], tmp_path / "torn")
    assert not (tmp_path / "torn").exists()


def test_two_runs_of_one_id_that_differ_are_named_with_the_file(monday: Path, tmp_path: Path) -> None:
    def brake(rows: Rows) -> None:
        rows["ticks"].pop()

    other = build_run(tmp_path / "other", 0, sensors=TINY, change=brake)
    with pytest.raises(
        DataError, match=r"are both run .*, but differ in 'tables/ticks\.parquet'; remove the one"
    ) as told:
        merge([monday, tmp_path / "other"], tmp_path / "both")
    assert str(other) in str(told.value)
    assert not (tmp_path / "both").exists()


def test_a_run_that_has_changed_since_it_was_committed_is_refused(monday: Path, tmp_path: Path) -> None:
    victim = store.runs(monday)[1] / "blobs/LIDAR_TOP/000010.pcd.bin"
    content = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(StoreError, match=r"000010\.pcd\.bin' is not what was committed"):
        merge([monday], tmp_path / "both")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["monday"]


def test_nothing_that_is_there_is_ever_merged_into_and_empty_folders_are_told(monday: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    run = store.runs(monday)[0]
    for roots, out, message in (
        ([monday], monday, "there is something already; name a new folder"),
        ([monday], tmp_path / "file", "there is something already"),
        ([monday], tmp_path / "file" / "x", "file is a file; want a place in a folder that can be made"),
        ([monday], run / "merged", "inside .*monday, which is to be joined; name another place"),
        ([monday, tmp_path / "empty"], tmp_path / "both", "empty: has no committed run; want a folder"),
        ([monday], monday / "merged", "inside .*monday, which is to be joined"),
        ([tmp_path / "none"], tmp_path / "both", "none: there is no such folder; want a folder with runs/ in it"),
    ):
        with pytest.raises(AvSynthError, match=message) as told:
            merge(roots, out)
        assert isinstance(told.value, UserError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "monday"]
    assert merge([monday], tmp_path / "empty").runs == 2


def test_a_store_takes_the_runs_of_another_that_it_lacks_and_again_none(monday: Path, tuesday: Path) -> None:
    assert adopt(tuesday, monday) == 1
    assert adopt(tuesday, monday) == 0

    assert len(store.runs(monday)) == 3
    assert all(store.open_run(run, deep=True) for run in store.runs(monday))
    assert not [path for path in (monday / "staging").iterdir() if not path.name.startswith(".")]


def test_a_run_that_is_not_what_was_committed_is_not_taken(monday: Path, tuesday: Path, tmp_path: Path) -> None:
    run = store.runs(tuesday)[0]
    poses = next(run.rglob("*.parquet"))
    poses.chmod(0o644)
    poses.write_bytes(poses.read_bytes()[:-1] + b"x")

    with pytest.raises(StoreError, match=run.name):
        adopt(tuesday, tmp_path / "new")
    assert run.name not in {each.name for each in store.runs(tmp_path / "new")}
