"""Formats: found by name, ours and those of installed packages; datasets that replace only their like."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from av_synth.errors import AvSynthError, DataError, StoreError, UserError
from av_synth.export import contents, formats
from av_synth.export.splits import Splits, read_splits
from av_synth.store import files
from tests.export.plug_in import CENSUS, install
from tests.export.synthetic_run import TINY, build_run
from tests.export.trees import tree


@pytest.fixture(scope="module")
def run_dirs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("store")
    return [build_run(root, seed, sensors=TINY) for seed in range(2)]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def census(site: Path) -> None:
    install(site, "head_count", "census = head_count")


@pytest.mark.usefixtures("census")
def test_a_format_of_an_installed_package_is_written_like_one_of_ours(run_dirs: list[Path], tmp_path: Path) -> None:
    splits = Splits({"train": (run_dirs[0].name,), "val": (run_dirs[1].name,)})
    target = formats.export("census", [*reversed(run_dirs), run_dirs[0]], tmp_path / "out", {"least": "4"}, splits)

    rows = [line.split(",") for line in (target / "census.csv").read_text().splitlines()]
    assert [row[:2] for row in rows[:1]] == [[sorted(run_dirs)[0].name, splits.of(sorted(run_dirs)[0].name)]]
    assert {row[0] for row in rows} == {path.name for path in run_dirs}
    assert ["vehicle.car", "4"] in [row[2:] for row in rows]
    assert "human.pedestrian.child" not in {row[2] for row in rows}, "it is there three times only"
    marker = json.loads((target / contents.MARKER).read_text())
    assert (marker["format"], marker["options"]) == ("census", {"least": 4, "title": "census"})
    assert marker["entries"] == ["av_synth.json", "av_synth_files.txt", "census.csv"]
    assert (target / contents.LIST).read_text().splitlines() == marker["entries"]
    assert [run["split"] for run in marker["runs"]] == [splits.of(path.name) for path in sorted(run_dirs)]


@pytest.mark.usefixtures("census")
def test_it_is_listed_with_its_options_and_the_package_that_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    found = formats.load("census")

    assert "census" in formats.names()
    assert (found.origin, found.summary) == (
        "head_count",
        "How many boxes of each category the runs have, as one table.",
    )
    assert found.defaults == {"least": 0, "title": "census"}


@pytest.mark.usefixtures("census")
def test_every_wrong_option_is_named(run_dirs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError) as wrong:
        formats.export("census", run_dirs, tmp_path / "out", {"leest": "3", "least": "many"})

    assert str(wrong.value).splitlines() == [
        "--option leest: no option of the format census; did you mean 'least'?",
        "--option least: got 'many'; want a whole number",
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("census")
def test_a_check_that_fails_leaves_the_old_dataset_as_it_was(run_dirs: list[Path], tmp_path: Path) -> None:
    target = formats.export("census", run_dirs, tmp_path / "out")
    before = (target / "census.csv").read_bytes()

    with pytest.raises(DataError, match="nobody was counted"):
        formats.export("census", run_dirs, target, {"least": "1000"})

    assert (target / "census.csv").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "site"]


BROKEN = {
    "cannot be loaded: ModuleNotFoundError": ("census = head_counts", CENSUS),
    "cannot be loaded: AttributeError": ("census = head_count:Writer", CENSUS),
    "cannot be loaded: ZeroDivisionError": ("census = head_count", "1 / 0"),
    "has no function write": ("census = head_count", "write = 3"),
    r"want write\(runs, root, splits, ...\)": ("census = head_count", "def write(root, runs, splits): ..."),
    "its option 'least' needs a plain default": ("census = head_count", "def write(runs, root, splits, *, least): ..."),
    "its option 'path' needs a plain default": (
        "census = head_count",
        "def write(runs, root, splits, *, path=None): ...",
    ),
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_package_that_cannot_be_used_is_named_with_the_reason(
    message: str, site: Path, run_dirs: list[Path], tmp_path: Path
) -> None:
    install(site, "head_count", *BROKEN[message])

    with pytest.raises(UserError, match=f"format 'census' of the package head_count.*{message}"):
        formats.export("census", run_dirs, tmp_path / "out")
    assert formats.load("nuscenes").origin == "av_synth", "the others go on working"


@pytest.mark.parametrize(("name", "others"), [("nuscenes", "av_synth and by head_count"), ("census", "a and by b")])
def test_two_packages_with_a_format_of_one_name_are_both_named(name: str, others: str, site: Path) -> None:
    for package in ["head_count"] if name == "nuscenes" else ["a", "b"]:
        install(site, package, f"{name} = {package}")

    with pytest.raises(UserError, match=f"format '{name}': offered by {others}; uninstall or rename one"):
        formats.load(name)


def test_a_name_that_no_format_has_brings_the_nearest(run_dirs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="format: got 'nuscene'; did you mean 'nuscenes'"):
        formats.export("nuscene", run_dirs, tmp_path / "out")


@pytest.mark.parametrize("name", ["census", "nuscenes"])
@pytest.mark.parametrize("replaced", [True, False])
@pytest.mark.usefixtures("census")
def test_what_comes_to_the_place_while_the_dataset_is_written_is_not_removed(
    replaced: bool, name: str, run_dirs: list[Path], tmp_path: Path
) -> None:
    target = tmp_path / "out"
    if replaced:
        formats.export(name, run_dirs, target)
    before = tree(target)

    def work_on(staging: Path) -> None:
        target.mkdir(exist_ok=True)
        (target / "thesis.tex").write_text("x")

    with pytest.raises(UserError, match=r"holds 'thesis\.tex'"):
        formats.export(name, run_dirs, target, check=work_on)
    after = tree(target)
    assert after.pop("thesis.tex")
    assert after == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "site"]


def test_a_dataset_of_nuscenes_is_known_for_one_by_the_other_formats(run_dirs: list[Path], tmp_path: Path) -> None:
    dataset = formats.export("nuscenes", run_dirs[:1], tmp_path / "in_parts" / "part-00")
    for target in (dataset, dataset.parent):
        with pytest.raises(UserError, match="holds a dataset in the format nuscenes, not coco; name another place"):
            formats.export("coco", run_dirs, target)


@pytest.mark.usefixtures("census")
def test_a_package_has_no_say_in_what_is_replaced(site: Path, run_dirs: list[Path], tmp_path: Path) -> None:
    install(site, "greedy", "greedy = greedy", CENSUS + "\n\ndef refuse_place(target):\n    pass\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match=r"holds 'thesis\.tex', and no dataset that av_synth wrote"):
        formats.export("greedy", run_dirs, tmp_path / "out")
    (tmp_path / "out" / "thesis.tex").unlink()
    target = formats.export("greedy", run_dirs, tmp_path / "out")
    assert json.loads((target / contents.MARKER).read_text())["format"] == "greedy"


@pytest.mark.usefixtures("census")
def test_nothing_but_a_dataset_of_the_same_format_is_ever_replaced(
    site: Path, run_dirs: list[Path], tmp_path: Path
) -> None:
    install(site, "other", "register = other")
    target = formats.export("census", run_dirs, tmp_path / "out")
    formats.export("census", run_dirs[:1], target, {"title": "second"})
    assert sorted(path.name for path in target.iterdir()) == ["av_synth.json", "av_synth_files.txt", "second.csv"]

    for name, place, message in (
        ("register", target, "holds a dataset in the format census, not register"),
        ("nuscenes", target, "holds 'av_synth.json', which is no part of a dataset"),
        ("census", target / "second.csv", "a file is in the way"),
        ("census", tmp_path, "no dataset that av_synth wrote"),
        ("census", run_dirs[0] / "out", "inside run"),
    ):
        with pytest.raises(UserError, match=message):
            formats.export(name, run_dirs, place)
    (target / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match=r"holds 'thesis\.tex', which is no part of the dataset"):
        formats.export("census", run_dirs, target)
    assert sorted(path.name for path in target.iterdir()) == [
        *("av_synth.json", "av_synth_files.txt", "second.csv", "thesis.tex")
    ]


@pytest.mark.parametrize(("name", "folder"), [("coco", "images/CAM_FRONT"), ("nuscenes", "samples/LIDAR_TOP/mine")])
def test_files_that_somebody_put_anywhere_into_a_dataset_are_named_and_not_removed(
    name: str, folder: str, run_dirs: list[Path], tmp_path: Path
) -> None:
    target = formats.export(name, run_dirs, tmp_path / "out")
    (target / folder).mkdir(exist_ok=True)
    for note in "abcd":
        (target / folder / note).write_text("x")
    (target / folder / "link").symlink_to(tmp_path)
    before = tree(target)

    named = ", ".join(f"'{folder}/{note}'" for note in "abc")
    with pytest.raises(UserError, match=f"holds {named} and 2 more, which are no part of the dataset; move them"):
        formats.export(name, run_dirs, target)
    assert tree(target) == before


def test_a_dataset_without_a_list_of_its_files_is_left_alone(run_dirs: list[Path], tmp_path: Path) -> None:
    target = formats.export("coco", run_dirs, tmp_path / "out")
    for path in target.rglob(contents.LIST):
        path.unlink()

    with pytest.raises(UserError, match=r"cannot be told from yours: move .*out away or name another place"):
        formats.export("coco", run_dirs, target)


def test_a_writer_may_not_write_the_marker_itself(site: Path, run_dirs: list[Path], tmp_path: Path) -> None:
    install(
        site, "forger", "forged = forger", 'def write(runs, root, splits):\n    (root / "av_synth.json").write_text("")'
    )
    with pytest.raises(DataError, match=r"format 'forged' of the package forger: wrote av_synth\.json"):
        formats.export("forged", run_dirs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_splits_and_the_runs_must_be_about_the_same_runs(run_dirs: list[Path], tmp_path: Path) -> None:
    first, second = (path.name for path in run_dirs)
    for splits, message in (
        (Splits({"train": (first,)}), f"run {second} is in no split"),
        (Splits({"train": (first, second, "0" * 20)}), f"run {'0' * 20} is in the splits, but is not there"),
    ):
        with pytest.raises(UserError, match=message):
            formats.export("nuscenes", run_dirs, tmp_path / "out", splits=splits)
    assert not (tmp_path / "out").exists()


def test_splits_of_ones_own_are_in_the_nuscenes_dataset_under_names_that_its_readers_look_up(
    run_dirs: list[Path], tmp_path: Path
) -> None:
    first, second = (path.name for path in sorted(run_dirs))
    splits = Splits({"train": (second,), "night": (first,)})
    target = formats.export("nuscenes", run_dirs, tmp_path / "out", splits=splits)

    written = json.loads((target / "v1.0-trainval" / "splits.json").read_text())
    assert written == {
        "all": ["scene-0001", "scene-0002"],
        "synthetic": ["scene-0001", "scene-0002"],
        "night": ["scene-0001"],
        "av_synth_train": ["scene-0002"],
    }


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("synthetic", "night"), "split 'synthetic': splits.json calls it 'synthetic', .* for scenario synthetic too"),
        (("train", "av_synth_train"), "split 'av_synth_train': .* 'av_synth_train', .* for split 'train' too; rename"),
        (("av_synth_val", "val"), "split 'val': .* calls it 'av_synth_val', .* for split 'av_synth_val' too; rename"),
        (("all", "night"), "split 'all': .* for all scenes too; rename it"),
    ],
)
@pytest.mark.parametrize("profile", ["native", "compat"])
def test_no_two_lists_of_scenes_in_a_nuscenes_dataset_have_one_name(
    profile: str, names: tuple[str, str], message: str, run_dirs: list[Path], tmp_path: Path
) -> None:
    splits = Splits({name: (path.name,) for name, path in zip(names, run_dirs, strict=True)})
    with pytest.raises(UserError, match=message):
        formats.export("nuscenes", run_dirs, tmp_path / "out", {"profile": profile}, splits)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", [name for name in formats.names() if name != "nuscenes"])
def test_the_same_runs_give_the_same_bytes_in_any_order_and_from_any_place(
    name: str, run_dirs: list[Path], tmp_path: Path
) -> None:
    moved = [Path(shutil.copytree(path, tmp_path / "elsewhere" / path.name)) for path in run_dirs]
    orders = [*itertools.permutations(run_dirs), [*run_dirs, *moved], moved]
    trees = [tree(formats.export(name, order, tmp_path / str(index))) for index, order in enumerate(orders)]

    assert all(other == trees[0] for other in trees[1:])
    assert len(trees[0]) >= 3


@pytest.mark.parametrize("name", formats.names())
def test_the_disk_is_waited_for_once_and_not_file_by_file(
    name: str, run_dirs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_fsync, real_sync = os.fsync, files.sync_file_system
    waited: list[int] = []
    synced: list[bool] = []

    def fsync(handle: int) -> None:
        waited.append(os.fstat(handle).st_mode)
        real_fsync(handle)

    def sync(path: Path) -> None:
        synced.append(any(path.iterdir()))
        real_sync(path)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(files, "sync_file_system", sync)
    formats.export(name, run_dirs, tmp_path / "out")
    assert synced == [True], "all that was written is waited for before it is swapped in"
    assert waited
    assert all(map(stat.S_ISDIR, waited))


@pytest.mark.parametrize("name", formats.names())
def test_every_format_tells_what_it_is_and_a_run_of_another_epoch_is_refused_by_all(
    name: str, run_dirs: list[Path], tmp_path: Path
) -> None:
    old = Path(shutil.copytree(run_dirs[0], tmp_path / "store" / run_dirs[0].name))
    manifest = json.loads((old / "manifest.json").read_text())
    (old / "manifest.json").unlink()
    (old / "manifest.json").write_text(json.dumps(manifest | {"schema_epoch": 0}))

    assert formats.load(name).summary.endswith(".")
    with pytest.raises(AvSynthError, match="schema_epoch 0"):
        formats.export(name, [old], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize("name", formats.names())
def test_an_image_that_is_not_what_was_committed_gets_into_no_dataset(
    name: str, run_dirs: list[Path], tmp_path: Path
) -> None:
    rotten = Path(shutil.copytree(run_dirs[0], tmp_path / "store" / run_dirs[0].name, copy_function=os.link))
    image = rotten / "blobs/CAM_FRONT/000010.jpg"
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 1
    image.unlink()
    image.write_bytes(data)

    with pytest.raises(StoreError, match=f"'blobs/CAM_FRONT/000010.jpg' is not what was committed; move {rotten} away"):
        formats.export(name, [rotten], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


A, B = "a" * 20, "b" * 20
MISTAKES = {
    "want run ids by split": "{}",
    "No such file": None,
    "want a JSON object, got list": "[]",
    "got the name 'all'": json.dumps({"splits": {"all": [A]}}),
    "got the name '../x'": json.dumps({"splits": {"../x": [A]}}),
    "got str; want run ids": json.dumps({"splits": {"train": A}}),
    "run id 'x': want 20 lower-case hex digits": json.dumps({"splits": {"train": ["x"]}}),
    r"splits\.train: got \['a'\]; want a run id in quotes": json.dumps({"splits": {"train": [["a"]]}}),
    "got 11111111111111111111; want a run id in quotes": json.dumps({"splits": {"train": [int("1" * 20)]}}),
    f"run {A} is in train too": json.dumps({"splits": {"train": [A], "val": [B, A]}}),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_file_of_splits_that_is_none_is_told_why(message: str, tmp_path: Path) -> None:
    text = MISTAKES[message]
    if text is not None:
        (tmp_path / "splits.json").write_text(text)
    with pytest.raises(AvSynthError, match=message) as wrong:
        read_splits(tmp_path / "splits.json")
    assert wrong.value.exit_code == 2


def test_the_example_of_the_documents_works(site: Path, run_dirs: list[Path], tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "own-format.md").read_text()
    code = text.partition("```python\n")[2].partition("```")[0]
    install(site, "boxes_csv", "boxes_csv = boxes_csv", code)

    target = formats.export("boxes_csv", run_dirs, tmp_path / "out", {"least_points": "5"})
    header, *rows = (target / "boxes.csv").read_text().splitlines()
    assert header == "run,split,time_us,actor,category,x_m,y_m,z_m"
    assert all(row.split(",")[1] == "all" for row in rows)
    with pytest.raises(DataError, match="lower least_points"):
        formats.export("boxes_csv", run_dirs, target, {"least_points": "100000"})
