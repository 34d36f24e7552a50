"""Profiles: which names scenes and towns get, and into how many datasets the runs go."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.errors import DataError, UserError
from av_synth.export.dataset import check_dataset, export_dataset
from av_synth.export.nuscenes import official, parts
from av_synth.export.nuscenes.profiles import Part, named_parts
from av_synth.export.nuscenes.sources import Source
from av_synth.export.splits import Splits
from av_synth.log.origin import Origin
from av_synth.verify import verify
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import TINY, Rows, SyntheticTown, build_run


def source(number: int, seed: int | None = None, town: int = 0, scenario: str = "cut_in") -> Source:
    run_id = hashlib.sha256(str(number).encode()).hexdigest()[:20]
    key = (f"Town{town:02d}", hashlib.sha256(str(town).encode()).hexdigest())
    return Source(Path(run_id), run_id, scenario, number if seed is None else seed, key, Origin(run_id))


def sources(count: int, families: int | None = None, towns: int = 1) -> list[Source]:
    made = [source(i, i % families if families else None, i % towns) for i in range(count)]
    return sorted(made, key=lambda some: some.run_id)


def names(part: Part, official_names: list[str]) -> set[str]:
    return {name for _, name in part.scenes} & set(official_names)


@pytest.mark.parametrize(
    ("count", "version", "val", "train"),
    [
        *((1, "v1.0-mini", 1, 0), (2, "v1.0-mini", 2, 0), (3, "v1.0-mini", 2, 1), (10, "v1.0-mini", 2, 8)),
        *((11, "v1.0-trainval", 2, 9), (100, "v1.0-trainval", 18, 82), (835, "v1.0-trainval", 150, 685)),
    ],
)
def test_scenes_take_official_names_of_both_splits(count: int, version: str, val: int, train: int) -> None:
    (part,) = named_parts(sources(count), "compat", None, Splits.none())
    held_out, trained = official.names(version)
    assert (part.folder, part.version) == ("", version)
    assert (len(names(part, held_out)), len(names(part, trained))) == (val, train)
    assert [run.run_id for run, _ in part.scenes] == [run.run_id for run in sources(count)]


def test_no_scene_has_a_name_whose_can_data_the_devkit_refuses() -> None:
    found = {name for version in ("v1.0-mini", "v1.0-trainval") for some in official.names(version) for name in some}
    assert not {f"scene-{number:04d}" for number in official.CAN_BLACKLIST} & found
    assert len(found) == 150 + 685


def test_few_training_scenes_are_spread_over_the_parts_of_the_official_list() -> None:
    """The devkit's prediction challenge keeps the first 200 of the list apart."""
    _, trained = official.names("v1.0-trainval")
    first = {f"scene-{number:04d}" for number in official.TRAIN[:200]}
    assert 4 <= len(first & set(trained[:20])) <= 8


@given(count=st.integers(1, 60), families=st.integers(1, 20), towns=st.integers(1, 3), seed=st.randoms())
@settings(max_examples=60, deadline=None)
def test_names_do_not_depend_on_order_and_no_draw_is_in_both_splits(
    count: int, families: int, towns: int, seed: object
) -> None:
    found = named_parts(sources(count, families, towns), "compat", None, Splits.none())
    assert found == named_parts(sources(count, families, towns), "compat", None, Splits.none())
    named = [scene for part in found for scene in part.scenes]
    assert sorted(run.run_id for run, _ in named) == [run.run_id for run in sources(count, families, towns)]
    sides: dict[object, set[bool]] = {}
    for part in found:
        held_out, _ = official.names(part.version)
        assert len({name for _, name in part.scenes}) == len(part.scenes)
        for run, name in part.scenes:
            sides.setdefault((run.town_key, run.seed), set()).add(name in held_out)
    assert all(len(side) == 1 for side in sides.values())
    if len(sides) > 1:
        assert {True, False} == set().union(*sides.values()) or count == 2


def test_runs_of_one_draw_stay_together_even_if_all_are_training() -> None:
    (part,) = named_parts(sources(5, families=1), "compat", None, Splits.none())
    assert (part.version, len(names(part, official.names("v1.0-mini")[0]))) == ("v1.0-mini", 0)


def test_more_runs_than_names_make_several_datasets_each_with_both_splits() -> None:
    found = named_parts(sources(1000), "compat", None, Splits.none())
    assert [(part.folder, part.version, len(part.scenes)) for part in found] == [
        ("part-00", "v1.0-trainval", 500),
        ("part-01", "v1.0-trainval", 500),
    ]
    held_out, _ = official.names("v1.0-trainval")
    assert [len(names(part, held_out)) for part in found] == [90, 90]
    assert [len(part.scenes) for part in named_parts(sources(25), "compat", "v1.0-mini", Splits.none())] == [9, 9, 7]
    assert [len(part.scenes) for part in named_parts(sources(10_000), "native", None, Splits.none())] == [9978, 22]


def test_more_towns_than_official_locations_make_several_datasets() -> None:
    found = named_parts(sources(12, towns=6), "compat", None, Splits.none())
    assert [len(part.locations) for part in found] == [4, 2]
    assert [key[0] for part in found for key in part.locations] == [f"Town{i:02d}" for i in range(6)]
    for part in found:
        assert sorted(name for some in part.locations.values() for name in some) == sorted(official.LOCATIONS)
    assert list(found[1].locations.values()) == [
        ("boston-seaport", "singapore-onenorth", "singapore-queenstown"),
        ("singapore-hollandvillage",),
    ]


def test_unknown_profiles_and_versions_without_names_are_refused() -> None:
    with pytest.raises(UserError, match="profile 'kitti': want native or compat"):
        named_parts(sources(1), "kitti", None, Splits.none())
    with pytest.raises(UserError, match="has no official scenes with labels"):
        named_parts(sources(1), "compat", "v1.0-test", Splits.none())


def test_a_compat_dataset_is_true_and_has_the_files_of_all_four_locations(tmp_path: Path) -> None:
    runs = [
        build_run(tmp_path / "store", seed, SyntheticTown(name), TINY) for seed, name in enumerate(("B", "A", "A", "B"))
    ]
    dataset = export(runs, tmp_path / "dataset", profile="compat")
    assert verify(dataset).problems == ()
    assert parts(dataset) == [dataset]
    tables = {path.stem: json.loads(path.read_text()) for path in (dataset / "v1.0-mini").glob("*.json")}
    assert {row["name"] for row in tables["scene"]} == {"scene-0061", "scene-0553", "scene-0103", "scene-0916"}
    assert {row["location"] for row in tables["log"]} == {"boston-seaport", "singapore-hollandvillage"}
    assert {path.stem for path in (dataset / "maps").glob("*.png")} == set(official.LOCATIONS.values())
    assert {(town["town"], town["location"]) for town in tables["av_synth"]["towns"]} == {
        ("A", "boston-seaport"),
        ("B", "singapore-hollandvillage"),
    }
    assert {run["town"] for run in tables["av_synth"]["runs"]} == {"A", "B"}
    assert (dataset / "can_bus/scene-0103_pose.json").is_file()


def test_several_datasets_appear_together_or_not_at_all(tmp_path: Path) -> None:
    runs = [build_run(tmp_path / "store", seed, SyntheticTown(f"T{seed}"), TINY, last_frame=10) for seed in range(5)]
    before = export(runs[:1], tmp_path / "dataset")
    assert parts(before) == [before]

    def miscount(rows: Rows) -> None:
        for row in rows["boxes"]:
            row["num_lidar_pts"] = 4000
        for row in rows["actors"]:
            row["role"] = row["role"] or "somebody"

    untrue = build_run(tmp_path / "other", 4, SyntheticTown("T4"), TINY, miscount, 10)
    with pytest.raises(DataError, match="part-01 of the dataset does not verify") as caught:
        export([*runs[:4], untrue], tmp_path / "dataset", check_dataset, profile="compat")
    assert re.search(rf"\[lidar_counts\] .* \(somebody of run {untrue.name}\)$", str(caught.value), re.MULTILINE)
    assert str(caught.value).endswith(f"`av-synth export STORE --leave-out {untrue.name}` goes without")
    assert (before / "v1.0-trainval").is_dir()

    dataset = export(runs, tmp_path / "dataset", profile="compat")
    assert [path.name for path in parts(dataset)] == ["part-00", "part-01"]
    assert [len(json.loads((path / "v1.0-mini/scene.json").read_text())) for path in parts(dataset)] == [4, 1]
    export(runs[:2], tmp_path / "dataset")  # ours, so it may be replaced
    (dataset / "part-00").mkdir()
    with pytest.raises(UserError, match="'part-00', which is no part of a dataset"):
        export(runs[:2], tmp_path / "dataset")


def test_a_run_may_be_left_out_of_the_dataset_of_a_store(tmp_path: Path) -> None:
    first, other = (build_run(tmp_path, seed, SyntheticTown("T"), TINY, last_frame=10) for seed in (0, 1))
    dataset = Path(export_dataset(tmp_path, leave_out=[first.name[:8]]))
    (told,) = json.loads((dataset / "v1.0-trainval/av_synth.json").read_text())["runs"]
    assert told["run_id"] == other.name
    for asked, why in (
        (["f" * 21], "is none of them; want the id of a run, such as"),
        ([""], "is how several begin; want"),
        ([first.name, other.name], "that is all 2 runs; want one that stays"),
    ):
        with pytest.raises(UserError, match=why):
            export_dataset(tmp_path, leave_out=asked)


def test_a_run_that_is_left_out_may_be_in_the_splits_all_the_same(tmp_path: Path) -> None:
    first, other = (build_run(tmp_path, seed, SyntheticTown("T"), TINY, last_frame=10) for seed in (0, 1))
    file = _splits(tmp_path / "splits.json", {"train": [other.name], "val": [first.name]})
    dataset = Path(export_dataset(tmp_path, splits=file, leave_out=[first.name]))
    listed = json.loads((dataset / "v1.0-trainval/splits.json").read_text())
    assert listed["av_synth_train"] == listed["all"] == ["scene-0001"]
    assert not listed.get("av_synth_val")
    coco = Path(export_dataset(tmp_path, form="coco", splits=file, leave_out=[first.name]))
    assert json.loads((coco / "annotations/instances_val.json").read_text())["images"] == []
    with pytest.raises(UserError, match=f"run {other.name} is in no split"):
        export_dataset(tmp_path, splits=_splits(tmp_path / "few.json", {"val": [first.name]}), leave_out=[first.name])


def _splits(file: Path, runs: dict[str, list[str]]) -> Path:
    file.write_text(json.dumps({"splits": runs}))
    return file


@pytest.mark.parametrize("version", ["v1.0-mini", "v1.0-trainval"])
def test_splits_of_the_users_own_decide_which_official_names_the_runs_get(version: str) -> None:
    runs = sources(8)
    ids = [run.run_id for run in runs]
    by_hand = Splits({"val": (ids[0],), "train": (*ids[1:4], *ids[5:]), "test": (ids[4],)})
    (part,) = named_parts(runs, "compat", version, by_hand)
    held_out, trained = official.names(version)
    assert {run.run_id for run, name in part.scenes if name in trained} == set(by_hand.runs["train"])
    assert {run.run_id for run, name in part.scenes if name in held_out} == {ids[0], ids[4]}
