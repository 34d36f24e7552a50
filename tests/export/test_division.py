"""Splits: near the ratio, nothing alike in two of them, equal for equal runs, and stable when asked to be."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest

from av_synth.errors import DocumentError, UserError
from av_synth.export.division import BY, DEFAULT_RATIO, Division, divide, parse_ratio, write_splits
from av_synth.export.splits import Splits, read_splits
from av_synth.store import SCHEMA_EPOCH, canonical_json

RATIO = parse_ratio(DEFAULT_RATIO)


def make(root: Path, scenario: str, seed: int, rig: str = "tiny", town: str = "A") -> Path:
    """What of a run says which others it is like."""
    run_id = hashlib.sha256(f"{scenario}/{seed}/{rig}/{town}".encode()).hexdigest()[:20]
    folder = root / "runs" / run_id
    folder.mkdir(parents=True)
    data = canonical_json({"town": town})
    (folder / "scenario.json").write_bytes(data)
    files = [{"path": "scenario.json", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}]
    manifest = {"schema_epoch": SCHEMA_EPOCH, "run_id": run_id, "scenario": scenario, "seed": seed, "rig": rig}
    (folder / "manifest.json").write_bytes(canonical_json(manifest | {"files": files}))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Four scenarios in two towns, 25 draws each, every fifth draw with two rigs: 120 runs."""
    return [
        make(tmp_path, scenario, seed, rig, "AB"[index % 2])
        for index, scenario in enumerate(("cut_in", "run_out", "left_turn", "merge"))
        for seed in range(25)
        for rig in (("tiny", "nuscenes") if seed % 5 == 0 else ("tiny",))
    ]


def sizes(division: Division) -> dict[str, int]:
    return {name: len(members) for name, members in division.splits.runs.items()}


@pytest.mark.parametrize("by", BY)
def test_every_run_is_in_one_split_and_what_belongs_together_stays_together(by: str, runs: list[Path]) -> None:
    ratio = parse_ratio("train=1,val=1")
    division = divide(runs, ratio, by)
    told = [run_id for members in division.splits.runs.values() for run_id in members]
    assert sorted(told) == sorted(path.name for path in runs)
    where: dict[object, set[str]] = {}
    for path in runs:
        manifest = json.loads((path / "manifest.json").read_text())
        town = json.loads((path / "scenario.json").read_text())["town"]
        key = {
            "draw": (manifest["scenario"], manifest["seed"], town),
            "scenario": manifest["scenario"],
            "town": town,
            "run": path.name,
        }[by]
        where.setdefault(key, set()).add(division.splits.of(path.name))
    assert {len(splits) for splits in where.values()} == {1}
    assert sum(division.groups.values()) == len(where)
    assert sizes(division) == {"train": 60, "val": 60}


@pytest.mark.parametrize("seed", range(10))
def test_shares_are_met_as_nearly_as_whole_groups_allow(seed: int, runs: list[Path]) -> None:
    counts = sizes(divide(runs, RATIO, seed=seed))
    assert abs(counts["train"] - 84) <= 1
    assert abs(counts["val"] - 18) <= 1
    assert abs(counts["test"] - 18) <= 1


def test_the_order_of_the_runs_does_not_matter_and_another_seed_does(runs: list[Path]) -> None:
    first = divide(runs, RATIO)
    random.Random(3).shuffle(runs)
    assert divide(runs, RATIO) == first
    assert divide(runs, RATIO, seed=1) != first


@pytest.mark.parametrize("count", range(3, 9))
def test_every_split_has_something_when_there_are_groups_enough(count: int, tmp_path: Path) -> None:
    runs = [make(tmp_path, "cut_in", seed) for seed in range(count)]
    assert min(sizes(divide(runs, RATIO)).values()) >= 1


def test_too_few_groups_are_told_with_what_would_help(tmp_path: Path) -> None:
    runs = [make(tmp_path, "cut_in", seed) for seed in range(2)]
    with pytest.raises(
        UserError, match=r"2 draws in 2 runs cannot fill 3 splits; want runs of more seeds, or fewer in --ratio$"
    ):
        divide(runs, RATIO)
    with pytest.raises(UserError, match="cannot fill 3 splits; want more scenarios, or fewer in --ratio, or --by draw"):
        divide(runs, RATIO, "scenario")
    with pytest.raises(UserError, match="--by: got 'weather'; want one of draw, scenario, town, run"):
        divide(runs, RATIO, "weather")


def test_runs_that_were_split_before_stay_where_they_are_with_their_whole_group(tmp_path: Path) -> None:
    old = [make(tmp_path, "cut_in", seed) for seed in range(20)]
    before = divide(old, RATIO).splits
    added = [make(tmp_path, "cut_in", seed) for seed in range(20, 80)]
    twin = make(tmp_path, "cut_in", 7, rig="nuscenes")
    after = divide([*old, *added, twin], RATIO, keep=before).splits

    assert all(after.of(run.name) == before.of(run.name) for run in old)
    assert after.of(twin.name) == before.of(old[7].name)
    counts = {name: len(members) for name, members in after.runs.items()}
    assert abs(counts["train"] - 0.7 * 81) <= 1
    assert counts["val"] + counts["test"] == 81 - counts["train"]


def test_what_cannot_be_kept_is_told(tmp_path: Path) -> None:
    runs = [make(tmp_path, "cut_in", seed) for seed in range(4)]
    first, second, *_ = (path.name for path in runs)
    with pytest.raises(UserError, match="--keep: has the split 'night'; want a share for it in --ratio"):
        divide(runs, RATIO, keep=Splits({"night": (first,)}))
    halves = parse_ratio("train=1,test=1")
    runs.append(make(tmp_path, "other", 0))
    with pytest.raises(UserError, match="belong together, but are in test and train; leave --keep out"):
        divide(runs, halves, "scenario", keep=Splits({"train": (first,), "test": (second,)}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "train",
        "train=",
        "train=0",
        "train=-1",
        "train=inf",
        "train=nan",
        "a b=1",
        "train=1,train=2",
        "all=1",
        "A=1",
    ],
)
def test_a_ratio_that_is_none_is_told(text: str) -> None:
    with pytest.raises(DocumentError, match=r"--ratio: got .*; want distinct names and shares above 0: train=0\.7"):
        parse_ratio(text)


def test_shares_need_not_add_up_to_one() -> None:
    assert parse_ratio("train=8, val=1,test=1") == {"train": 0.8, "val": 0.1, "test": 0.1}


def test_the_file_is_read_back_and_nothing_but_such_a_file_is_replaced(runs: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "splits.json"
    for seed in range(2):
        division = divide(runs, RATIO, seed=seed)
        write_splits(path, division, RATIO, seed)
        assert read_splits(path) == division.splits
    assert json.loads(path.read_text())["by"] == "draw"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["runs", "splits.json"]
    path.write_text('{"theses": 95}')
    with pytest.raises(UserError, match="is there and is no file of splits"):
        write_splits(path, division, RATIO, 0)
    assert path.read_text() == '{"theses": 95}'
