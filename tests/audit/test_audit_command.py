"""`av-synth audit`: of datasets as they are exported, of any others, and what it writes."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from av_synth.audit import audit
from av_synth.cli.app import status
from av_synth.errors import UserError
from tests.audit.plain_dataset import Kind, deal, write
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import TINY, build_run

HOSTILE = "\"><script>alert('x')</script>&amp;"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of which nothing but the noise in their images comes of their seeds."""
    root = tmp_path_factory.mktemp("exported")
    return export([build_run(root / "store", seed, sensors=TINY, last_frame=10) for seed in (0, 1)], root / "dataset")


class Page(HTMLParser):
    """What a browser would make of a page: tags, and text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_what_it_finds_is_said_and_written(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()}
    files = {name: tmp_path / f"out/audit.{name}" for name in ("json", "html")}
    options = [word for name, file in files.items() for word in (f"--{name}", str(file))]

    assert status(["audit", str(exported), *options]) == 0
    said = capsys.readouterr().out
    assert "1 alarm: 2 scenes, 4 samples, " in said
    assert "serious: near-duplicates: 50% of the samples (2 of 4)" in said
    assert "scene-0002 repeats scene-0001 (2 samples)" in said
    told = json.loads(files["json"].read_text())
    assert told["duplicates"]["across"] == 2
    assert told["findings"][0]["figures"]["share"] == 0.5
    assert {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()} == before


def test_slices_are_counted_as_the_tables_say(exported: Path) -> None:
    found = {each.name: {value.value: value.count for value in each.values} for each in audit(exported).contents}
    (path,) = exported.glob("*/sample_annotation.json")
    rows = json.loads(path.read_text())

    assert found["town"] == {"SynthTown": 4}
    assert found["class"]["vehicle.car"] == 4
    assert sum(found["class"].values()) == sum(found["range"].values()) == len(rows)
    assert found["visibility"]["80..100 %"] == sum(row["visibility_token"] == "4" for row in rows)


def foreign(root: Path, seed: int) -> Path:
    """A dataset with nothing beside nuScenes' own tables."""
    dataset = write(root, deal(seed, 12))
    for name in ("av_synth", "sample_truth", "annotation_truth", "splits"):
        (dataset / f"v1.0-trainval/{name}.json").unlink()
    return dataset


def test_a_dataset_that_is_not_ours_is_audited_by_what_it_tells(tmp_path: Path) -> None:
    ours, other = write(tmp_path / "ours", deal(1, 12)), foreign(tmp_path / "other", 2)
    alone, beside = audit(other), audit(ours, [other])

    assert {each.name for each in alone.contents} == {
        *("town", "class", "range", "bearing", "heading", "visibility", "height")
    }
    assert (list(alone.alarms), alone.coverage, alone.campaign) == ([], (), "")
    assert beside.alarms == ()
    assert [each.words for each in beside.findings if each.about == "untold"] == [
        "Only one of the two datasets tells light, scenario, speed, weather; nothing is said of what changed there."
    ]


def test_variety_is_compared_in_what_both_datasets_tell(tmp_path: Path) -> None:
    ours, same = write(tmp_path / "ours", deal(1, 12)), foreign(tmp_path / "same", 1)
    found = audit(ours, [same]).diversity

    assert found.effective_samples == pytest.approx(found.other_effective_samples)
    assert audit(ours).diversity.effective_samples > found.effective_samples + 1.0


def test_official_splits_are_those_that_readers_take_names_for(tmp_path: Path) -> None:
    scenes = deal(3, 4)
    scenes[2] = scenes[1]  # scene-0003 is val's, scene-0002 train's
    dataset = write(tmp_path / "ours", scenes, splits={"all": []})
    assert not any(finding.kind == "leak" for finding in audit(dataset).findings)

    (dataset / "v1.0-trainval/av_synth.json").unlink()
    (leak,) = (finding for finding in audit(dataset).findings if finding.kind == "leak")
    assert leak.words.startswith("The splits train and val share near-duplicates: scene-0002 and scene-0003.")


def test_one_scene_and_a_dataset_in_a_store_are_called_what_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write(tmp_path / "monday/nuscenes", deal(8, 1))

    assert status(["audit", str(dataset), "--against", str(write(tmp_path / "tuesday/nuscenes", deal(9, 2)))]) == 0
    said = capsys.readouterr().out
    assert "no alarm: 1 scene, 5 samples, " in said
    assert "tuesday/nuscenes has it in" in said


def test_images_that_cannot_be_read_are_told_and_compared_with_none(tmp_path: Path) -> None:
    dataset = write(tmp_path / "dataset", [deal(4, 1)[0]] * 2)
    for path in (dataset / "samples/CAM_FRONT").glob("scene-0002*"):
        path.write_bytes(b"")
    found = audit(dataset)

    assert (found.duplicates.across, found.duplicates.samples, found.duplicates.unread) == (0, 5, 5)
    assert "5 samples have no image that can be read" in " ".join(each.words for each in found.findings)


def test_the_page_has_everything_loads_nothing_and_believes_no_name(tmp_path: Path) -> None:
    odd, page, gaps = (tmp_path / name for name in ("odd.yaml", "page.html", "gaps.yaml"))
    odd.write_text("name: mine\ndescription: Dry.\naxes: {weather: [dry, snow], light: [day, night]}")
    reference = write(tmp_path / "reference", deal(6, 8))
    dataset = write(tmp_path / "dataset", deal(5, 8, Kind(towns=(HOSTILE,), scenarios=("cut_in_wet",))))
    options = ["--against", str(reference), "--odd", str(odd), "--html", str(page), "--campaign", str(gaps)]

    assert status(["audit", str(dataset), *options]) == 0
    found = Page(page)
    for words in (HOSTILE, "Coverage of the design domain mine", "Coverage of the scenario cut_in_wet", "Drift"):
        assert words in found.words
    assert gaps.read_text() in found.words
    assert {tag for tag, _ in found.tags} & {"script", "link", "img", "iframe", "object"} == set()
    assert {key for _, told in found.tags for key in told} & {"src", "href", "onerror", "onload"} == set()
    (policy,) = (told["content"] for tag, told in found.tags if tag == "meta" and "http-equiv" in told)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_a_campaign_is_written_only_if_there_is_something_to_fill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = foreign(tmp_path / "other", 7)

    assert status(["audit", str(dataset), "--campaign", str(tmp_path / "gaps.yaml")]) == 0
    assert "campaign: none, because nothing is missing" in capsys.readouterr().out
    assert not (tmp_path / "gaps.yaml").exists()


@pytest.mark.parametrize("option", ["--json", "--html", "--campaign"])
def test_nothing_is_written_into_the_dataset(exported: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert status(["audit", str(exported), option, str(exported / "audit.out")]) == 2
    assert f"{option}: {exported / 'audit.out'} is in the dataset" in " ".join(capsys.readouterr().err.split())
    assert not (exported / "audit.out").exists()


@pytest.mark.parametrize("option", ["--json", "--html", "--campaign"])
def test_an_audit_takes_the_place_of_an_audit_only(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    file = tmp_path / "file"
    for mine in ('{"mine": 1}', "<!doctype html><p>mine", "name: mine"):
        file.write_text(mine)
        assert status(["audit", str(exported), option, str(file)]) == 2
        assert f"{option}: {file}: is there already and is no " in capsys.readouterr().err
        assert file.read_text() == mine


def test_nothing_is_written_into_what_it_is_held_against_nor_twice_into_one_file(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write(tmp_path / "other", deal(7, 3))
    scenes = other / "v1.0-trainval" / "scene.json"
    before = scenes.read_bytes()
    assert status(["audit", str(exported), "--against", str(other), "--json", str(scenes)]) == 2
    assert f"--json: {scenes} is in the dataset" in capsys.readouterr().err
    assert scenes.read_bytes() == before

    file = str(tmp_path / "found")
    assert status(["audit", str(exported), "--json", file, "--html", file]) == 2
    assert f"--html: {file} is that of --json too; want a file for each" in capsys.readouterr().err


def test_scenes_with_nobody_in_them_are_audited_and_a_dataset_without_scenes_is_refused(tmp_path: Path) -> None:
    empty = [replace(scene, people=()) for scene in deal(10, 3)]
    found = audit(write(tmp_path / "empty", empty), [write(tmp_path / "reference", deal(11, 3))], odd="urban")

    assert (found.annotations, found.duplicates.across) == (0, 0)
    assert "class vehicle.car; none of 3 scenes has it" not in " ".join(each.words for each in found.findings)
    assert any("does not tell class, range" in each.words for each in found.findings)
    with pytest.raises(UserError, match=r"/[^:]*: has no sample"):
        audit(write(tmp_path / "nothing", []))


def test_what_cannot_be_audited_is_refused_with_words(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        audit(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is the dataset itself; want another one"):
        audit(exported, [exported])
    twice = shutil.copytree(exported, tmp_path / "twice", copy_function=os.link)
    version = next(twice.glob("v1.0-*")).name
    shutil.copytree(twice / version, twice / "v1.0-other")
    with pytest.raises(UserError, match=r"twice: has the versions .*; want --against-version with one of them"):
        audit(exported, [twice])
    assert audit(exported, [twice], against_version=version).against == (str(twice),)
    assert audit(twice, [twice], version=version, against_version="v1.0-other").drift
    with pytest.raises(UserError, match="strength 4; want 2 or 3"):
        audit(exported, strength=4)
    assert status(["audit", str(exported), "--html", str(tmp_path)]) == 2
