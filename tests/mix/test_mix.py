"""Datasets put into one: keys stay closed, shares are as asked, and everything says where it came from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from av_synth.cli.app import status
from av_synth.errors import AvSynthError, DataError, UserError
from av_synth.mix import Mixed, mix
from av_synth.query import SLICES, find, read
from av_synth.verify import verify
from tests.audit.plain_dataset import write
from tests.mix.copies import copied, edit, table

SPLIT = {"train": 0.5, "val": 0.5}


def mixed(out: Path, *datasets: str, **options: Any) -> Mixed:
    return mix(datasets, out, **{"split": SPLIT, **options})


def digests(dataset: Path) -> dict[str, str]:
    return {
        path.relative_to(dataset).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(dataset.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def both(ours: Path, real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of both, the real one first."""
    out = tmp_path_factory.mktemp("both") / "mix"
    return mixed(out, f"real={real}", f"made={ours}", licences={"real": "CC BY-NC-SA 4.0"}).root


def test_a_mix_of_ours_and_somebody_elses_is_true_as_far_as_each_of_them_tells(both: Path) -> None:
    report = verify(both)

    assert [str(problem) for problem in report.problems] == []
    assert report.counts["masks"] == 6  # of ours only
    assert report.counts["sample_chain"] == 12


def test_what_one_of_ours_lacks_is_still_found_in_a_mix(both: Path, tmp_path: Path) -> None:
    spoilt = copied(both, tmp_path / "spoilt")
    edit(spoilt, "label_quality", lambda rows: rows.pop())
    edit(spoilt, "box_2d", lambda rows: rows[0].update(visible_box=[1, 2, 3, 4]))

    assert {problem.check for problem in verify(spoilt).problems} == {"label_quality", "boxes_2d"}


def test_of_a_dataset_with_several_versions_one_is_named(ours: Path, real: Path, tmp_path: Path) -> None:
    several = copied(real, tmp_path / "several")
    tables = next(several.glob("v1.0-*"))
    copied(tables, several / "v1.0-other")

    with pytest.raises(UserError, match=r"has the versions .*v1\.0-other.*; want --version b=FOLDER with one of them"):
        mixed(tmp_path / "mix", str(ours), str(several))
    found = mixed(tmp_path / "mix", str(ours), str(several), versions={"b": tables.name})
    assert found.samples == mixed(tmp_path / "plain", str(ours), str(real)).samples


def test_tokens_and_files_stay_and_files_are_links(both: Path, ours: Path, real: Path) -> None:
    for name in ("scene", "sample", "sample_data", "ego_pose", "sample_annotation", "instance", "log"):
        own = {row["token"] for dataset in (ours, real) for row in table(dataset, name)}
        assert {row["token"] for row in table(both, name)} == own
    for row in table(ours, "sample_data") + table(ours, "lidarseg"):
        assert (both / row["filename"]).samefile(ours / row["filename"])


def test_every_scene_says_where_it_came_from_under_which_licence_and_in_which_split(both: Path, ours: Path) -> None:
    rows = {row["scene_token"]: row for row in table(both, "mix_scene")}
    made = {row["token"]: row["name"] for row in table(ours, "scene")}
    splits = table(both, "splits")

    assert len(rows) == 4
    assert {token: row["scene"] for token, row in rows.items() if row["dataset"] == "made"} == made
    assert {row["licence"] for row in rows.values() if row["dataset"] == "real"} == {"CC BY-NC-SA 4.0"}
    assert splits["from_made"] == splits["synthetic"] == ["scene-0001", "scene-0002"]  # the scenario's list stays
    assert splits["av_synth_val"]
    assert set(splits["av_synth_val"]).isdisjoint(splits["av_synth_train"])
    for row in table(both, "scene"):
        assert row["name"] in splits[f"av_synth_{rows[row['token']]['split']}"]


def test_samples_of_a_mix_are_found_and_counted_by_where_they_came_from(both: Path) -> None:
    facts = list(read(both))

    assert len(find(both, "dataset=made scenario=synthetic")) == len(find(both, "dataset=real")) == 6
    assert {SLICES["dataset"].value(sample, None) for sample in facts} == {"made", "real"}


def test_what_nuscenes_has_for_training_and_validation_stays_there(both: Path) -> None:
    splits = table(both, "splits")

    assert "scene-0103" in splits["av_synth_val"]  # of mini_val
    assert "scene-0061" in splits["av_synth_train"] or "scene-0916" in splits["av_synth_val"]


def is_played_back(dataset: Path) -> None:
    def change(made: Any) -> None:
        first, second = made["runs"]
        second["provenance"] = {"replay": {"origin": {"run_id": first["run_id"], "frame": 0, "actor_ids": {}}}}

    edit(dataset, "av_synth", change)


def is_a_twin(dataset: Path) -> None:
    first, second = (row["token"] for row in table(dataset, "scene"))
    row = {"token": second, "scene_token": second, "counterpart_scene_token": first, "samples": {}, "instances": {}}
    edit(dataset, "counterfactuals", lambda rows: rows.append(row))


def is_of_one_draw(dataset: Path) -> None:
    edit(dataset, "av_synth", lambda made: made["runs"][1].update(seed=made["runs"][0]["seed"]))


def is_of_one_drive(dataset: Path) -> None:
    log = table(dataset, "scene")[0]["log_token"]
    edit(dataset, "scene", lambda rows: rows[1].update(log_token=log))


@pytest.mark.parametrize("related", [is_played_back, is_a_twin, is_of_one_draw, is_of_one_drive])
def test_scenes_that_belong_together_are_in_one_split_and_strangers_are_not(
    related: Any, ours: Path, real: Path, tmp_path: Path
) -> None:
    kin = copied(ours, tmp_path / "kin")
    related(kin)
    datasets = (f"made={kin}", f"real={real}")
    split = dict.fromkeys(("one", "two", "three"), 0.25)

    together = table(mixed(tmp_path / "mix", *datasets, split=split).root, "mix_scene")
    apart = table(mixed(tmp_path / "apart", f"made={ours}", f"real={real}", split=split).root, "mix_scene")

    assert len({row["split"] for row in together if row["dataset"] == "made"}) == 1
    assert len({row["split"] for row in apart if row["dataset"] == "made"}) == 2


def test_words_are_joined_by_name_and_points_keep_their_classes(ours: Path, real: Path, tmp_path: Path) -> None:
    other = copied(real, tmp_path / "other")
    edit(other, "category", lambda rows: [row.update(token=f"other-{row['name']}") or row.pop("index") for row in rows])
    names = {row["token"]: row["name"] for row in table(other, "category")}
    edit(
        other,
        "instance",
        lambda rows: [row.update(category_token=f"other-{name(real, row['category_token'])}") for row in rows],
    )
    root = mixed(tmp_path / "mix", str(other), str(ours)).root
    joined = table(root, "category")

    assert sorted(names.values()) == sorted(row["name"] for row in joined)
    assert {row["name"]: row["index"] for row in joined} == {
        row["name"]: row["index"] for row in table(ours, "category")
    }
    assert verify(root).ok


def name(dataset: Path, token: str) -> str:
    return next(row["name"] for row in table(dataset, "category") if row["token"] == token)


def test_shares_are_of_scenes_or_of_samples_and_a_seed_says_which(ours: Path, real: Path, tmp_path: Path) -> None:
    datasets = (f"a={ours}", f"b={real}")
    scenes = mixed(tmp_path / "scenes", *datasets, shares={"a": 0.5, "b": 0.5}, total=2)
    samples = mixed(
        tmp_path / "samples", *datasets, by="sample", shares={"a": 0.2, "b": 0.8}, total=5, split={"x": 1.0}
    )

    told = table(scenes.root, "mix")
    assert (told["ratio"], told["total"], told["resplit"]) == ({"a": 0.5, "b": 0.5}, 2, False)
    assert [portion.scenes for portion in scenes.portions] == [1, 1]
    assert [portion.samples for portion in samples.portions] == [1, 4]
    assert [row["samples_left_out"] for row in table(samples.root, "mix_scene")] in ([2, 0, 2], [2, 2, 0])
    assert [str(problem) for problem in verify(samples.root).problems] == []
    picked = set()
    for seed in range(6):
        again = mixed(tmp_path / f"{seed}", *datasets, shares={"a": 0.5, "b": 0.5}, total=2, seed=seed)
        picked.add(tuple(row["scene"] for row in table(again.root, "mix_scene")))
    assert len(picked) > 1


def test_equal_arguments_give_equal_bytes(ours: Path, real: Path, both: Path, tmp_path: Path) -> None:
    again = mixed(tmp_path / "again", f"real={real}", f"made={ours}", licences={"real": "CC BY-NC-SA 4.0"}).root

    assert digests(again) == digests(both)


def test_a_scene_that_is_in_both_is_taken_once(ours: Path, tmp_path: Path) -> None:
    twice = mixed(tmp_path / "mix", str(ours), str(copied(ours, tmp_path / "same")))

    assert twice.doubled == 2
    assert [row["dataset"] for row in table(twice.root, "mix_scene")] == ["a", "a"]


def test_tokens_that_mean_something_else_are_replaced_wherever_they_stand(ours: Path, tmp_path: Path) -> None:
    other = copied(ours, tmp_path / "other")
    edit(
        other,
        "sample_annotation",
        lambda rows: [row.update(num_radar_pts=0, size=[x + 1e-4 for x in row["size"]]) for row in rows],
    )
    both = mixed(tmp_path / "mix", str(ours), str(other)).root
    report = verify(both)

    assert [str(problem) for problem in report.problems] == []
    for table_name in ("scene", "sample", "sample_data", "sample_annotation", "instance", "lidarseg", "box_2d"):
        tokens = [row["token"] for row in table(both, table_name)]
        assert len(tokens) == len(set(tokens)) == 2 * len(table(ours, table_name))
    assert table(both, "log") == table(ours, "log")  # one drive is one log
    poses = {row["token"] for row in table(both, "ego_pose")}
    assert all(row["token"] == row["ego_pose_token"] and row["token"] in poses for row in table(both, "sample_data"))
    assert [row["name"] for row in table(both, "scene")] == [f"scene-000{k}" for k in (1, 2, 3, 4)]
    splits = table(both, "splits")
    runs = {run["scene"]: run["run_id"] for run in table(both, "av_synth")["runs"]}
    assert {runs[scene] for scene in splits["av_synth_train"]}.isdisjoint(
        {runs[scene] for scene in splits["av_synth_val"]}
    )


def test_a_place_with_another_map_gets_a_name_of_its_own(ours: Path, tmp_path: Path) -> None:
    other = copied(ours, tmp_path / "other")
    (path,) = (other / "maps" / "expansion").iterdir()
    content = path.read_text()
    path.unlink()
    path.write_text(content + " ")
    edit(other, "sample_annotation", lambda rows: rows[0].update(num_radar_pts=9))
    both = mixed(tmp_path / "mix", str(ours), str(other)).root

    assert {row["location"] for row in table(both, "log")} == {"SynthTown", "SynthTown-b"}
    assert {path.name for path in (both / "maps" / "expansion").iterdir()} == {"SynthTown.json", "SynthTown-b.json"}
    assert {run["location"] for run in table(both, "av_synth")["runs"]} == {"SynthTown", "SynthTown-b"}


def test_labels_of_points_are_in_the_folder_of_the_version_and_all_official_locations_have_their_maps(
    ours: Path, mini: Path, tmp_path: Path
) -> None:
    root = mixed(tmp_path / "mix", str(ours), str(mini)).root
    folders = {row["filename"].rpartition("/")[0] for name in ("lidarseg", "panoptic") for row in table(root, name)}

    assert folders == {"lidarseg/v1.0-trainval", "panoptic/v1.0-trainval"}
    assert [str(problem) for problem in verify(root).problems] == []
    maps = {path.stem for path in (root / "maps" / "expansion").iterdir()}
    assert maps == {"SynthTown"} | {path.stem for path in (mini / "maps" / "expansion").iterdir()}
    assert len(maps) == 5


def without_first_box(dataset: Path) -> set[str]:
    """Take the first annotation of somebody in each scene away, who stays in its masks and is measured there."""
    starts = {row["first_sample_token"] for row in table(dataset, "scene")}
    shown = {token for row in table(dataset, "instance_mask") for token in row["instances"].values()}
    shown &= {entry["other_instance_token"] for row in table(dataset, "sample_truth") for entry in row["criticality"]}
    gone: dict[str, str] = {}  # by instance
    samples: set[str] = set()
    for row in table(dataset, "sample_annotation"):
        sample, instance = row["sample_token"], row["instance_token"]
        if sample in starts - samples and instance in shown and row["next"]:
            gone[instance] = row["token"]
            samples.add(sample)
    following = {row["token"]: row["next"] for row in table(dataset, "sample_annotation")}
    edit(dataset, "sample_annotation", lambda rows: rows.__setitem__(
        slice(None),
        [{**row, "prev": "" if row["prev"] in gone.values() else row["prev"]} for row in rows
         if row["token"] not in gone.values()],
    ))  # fmt: skip
    for row in (rows := table(dataset, "instance")):
        if row["token"] in gone:
            row["first_annotation_token"] = following[gone[row["token"]]]
            row["nbr_annotations"] -= 1
    edit(dataset, "instance", lambda old: old.__setitem__(slice(None), rows))
    for name in ("annotation_truth", "label_quality", "box_2d", "image_annotations"):
        key = "sample_annotation_token"
        kept = [row for row in table(dataset, name) if row[key] not in gone.values()]
        edit(dataset, name, lambda old, kept=kept: old.__setitem__(slice(None), kept))
    return set(gone)


def test_who_is_in_no_sample_that_is_left_is_named_nowhere(ours: Path, real: Path, tmp_path: Path) -> None:
    late = copied(ours, tmp_path / "late")
    gone = without_first_box(late)
    shares = {"late": 0.25, "real": 0.75}
    root = mixed(tmp_path / "mix", f"late={late}", f"real={real}", by="sample", shares=shares, total=4).root
    masks, truths = table(root, "instance_mask"), table(root, "sample_truth")

    assert len(gone) == 2
    assert len(truths) == 1
    assert masks
    assert not gone & {token for row in masks for token in row["instances"].values()}
    assert not gone & {entry["other_instance_token"] for row in truths for entry in row["criticality"]}
    assert "keys" not in {problem.check for problem in verify(root).problems}


def test_what_cannot_be_predicted_any_more_is_not_asked_for(ours: Path, real: Path, tmp_path: Path) -> None:
    own = copied(ours, tmp_path / "own")
    path = own / "maps" / "prediction" / "prediction_scenes.json"
    firsts = {row["name"]: row["first_sample_token"] for row in table(own, "scene")}
    path.unlink()
    path.write_text(json.dumps({name: [f"somebody_{token}"] for name, token in firsts.items()}))
    shares = {"own": 5 / 8, "real": 3 / 8}
    root = mixed(tmp_path / "mix", f"own={own}", f"real={real}", by="sample", shares=shares, total=8).root
    left = {
        row["name"]: row["nbr_samples"] for row in table(root, "scene") if row["first_sample_token"] in firsts.values()
    }
    asked = json.loads((root / "maps" / "prediction" / "prediction_scenes.json").read_text())

    assert sorted(left.values()) == [2, 3]
    assert {name: len(asked[name]) for name in left} == {name: int(count == 3) for name, count in left.items()}


def test_a_mix_may_go_into_another(both: Path, ours: Path, tmp_path: Path) -> None:
    again = mixed(tmp_path / "mix", f"first={both}", f"more={ours}")

    assert again.doubled == 2
    rows = table(again.root, "mix_scene")
    assert sorted({row["dataset"] for row in rows}) == ["first/made", "first/real"]
    assert [str(problem) for problem in verify(again.root).problems] == []


def spoil_index(dataset: Path) -> None:
    def swap(rows: list[dict[str, Any]]) -> None:
        rows[3]["index"], rows[4]["index"] = rows[4]["index"], rows[3]["index"]

    edit(dataset, "category", swap)


def spoil_file(dataset: Path) -> None:
    next((dataset / "samples" / "CAM_FRONT").iterdir()).unlink()


def spoil_path(dataset: Path) -> None:
    edit(dataset, "sample_data", lambda rows: rows[0].update(filename="../outside.jpg"))


def spoil_key(dataset: Path) -> None:
    edit(dataset, "instance", lambda rows: rows[0].update(category_token="nobody"))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (spoil_index, "has the index 4, in another dataset 3"),
        (spoil_file, "is not there, and a row names it"),
        (spoil_path, "want a relative path"),
        (spoil_key, "has no token 'nobody', which a row names"),
    ],
)
def test_what_cannot_be_mixed_is_said_and_nothing_is_left(spoil: Any, told: str, ours: Path, tmp_path: Path) -> None:
    other = copied(ours, tmp_path / "other")
    edit(other, "sample_annotation", lambda rows: [row.update(num_radar_pts=9) for row in rows])
    edit(other, "sample", lambda rows: [row.update(timestamp=row["timestamp"] + 1) for row in rows])
    spoil(other)

    with pytest.raises(DataError, match=told):
        mixed(tmp_path / "place" / "mix", str(ours), str(other))
    assert list((tmp_path / "place").iterdir()) == []


@pytest.mark.parametrize(
    ("datasets", "options", "told"),
    [
        (("{ours}",), {}, "want two datasets at least"),
        (("{ours}", "nowhere"), {}, "there is no such folder"),
        (("x={ours}", "x={real}"), {}, "the name x is given twice"),
        (("{ours}", "{real}"), {"shares": {"a": 1.0}}, "want a share for each of a, b"),
        (("{ours}", "{real}"), {"shares": {"a": 0.5, "b": 0.5}, "total": 9}, "which has 2; want 1 at least"),
        (("{ours}", "{real}"), {"total": 1}, "is told with --ratio only"),
        (("{ours}", "{real}"), {"by": "sample"}, "is told with --ratio only"),
        (("{ours}", "{empty}"), {}, "has no scene; want a dataset with scenes in it"),
        (("{ours}", "{real}"), {"split": {"from_a": 1.0}}, "from_a is the list of all scenes of a; want another name"),
        (("{ours}", "{real}"), {"by": "frame"}, "want one of scene, sample"),
        (("{ours}", "{real}"), {"licences": {"c": "MIT"}}, "--licence: c is none of a, b"),
        (("{ours}", "{real}"), {"versions": {"c": "v1.0-mini"}}, "--version: c is none of a, b"),
    ],
)
def test_what_is_asked_wrongly_is_said(
    datasets: tuple[str, ...], options: dict[str, Any], told: str, ours: Path, real: Path, tmp_path: Path
) -> None:
    named = {"ours": ours, "real": real, "empty": write(tmp_path / "empty", [])}
    with pytest.raises(UserError, match=told):
        mixed(tmp_path / "mix", *(text.format(**named) for text in datasets), **options)


def test_nothing_that_is_there_is_replaced(ours: Path, real: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    for out in (tmp_path, ours / "below"):
        with pytest.raises(AvSynthError, match=r"name (a new folder|another place)"):
            mixed(out, str(ours), str(real))


def test_the_command_says_what_it_took_and_how_it_divided(
    ours: Path, real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mix"
    asked = ["mix", f"real={real}", f"made={ours}", "--ratio", "real=0.5,made=0.5", "--out", str(out)]

    assert status([*asked, "--split", "train=0.5,val=0.5", "--licence", "real=CC BY-NC-SA 4.0"]) == 0
    said = capsys.readouterr().out
    assert "made   2 scenes, 6 samples (50%)" in said
    assert "val    2 scenes" in said
    assert status([*asked, "--split", "train=x"]) == 2
    assert "--split" in capsys.readouterr().err


def test_shares_that_so_few_scenes_cannot_have_are_told(
    ours: Path, real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["mix", str(ours), str(real), "--split", "train=1"]
    assert status([*words, "--out", str(tmp_path / "near"), "--ratio", "a=0.5,b=0.5"]) == 0
    assert "the shares are" not in capsys.readouterr().err
    assert status([*words, "--out", str(tmp_path / "far"), "--ratio", "a=0.7,b=0.3"]) == 0
    assert "of so few scenes the shares are 50% of a, 50% of b; another --total" in capsys.readouterr().err
