"""Dataset cards: what they say is so, of ours and of others' data, and their document is Croissant."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from av_synth import scenario
from av_synth.card import About, cards, write_card
from av_synth.card.again import again
from av_synth.cli.app import status
from av_synth.errors import UserError
from av_synth.export import nuscenes
from av_synth.farm.records.journal import Journal
from av_synth.mix import mix
from av_synth.rig.loader import load as load_rig
from av_synth.store import canonical_json, replace_file
from av_synth.verify import verify
from tests.audit.plain_dataset import write
from tests.card.croissant_rules import broken
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import TINY, SyntheticTown, build_run
from tests.mix.copies import copied, edit, stripped, table

FORD = '* "Ford Focus" by Ruff; CC-BY-3.0\n'
LICENCE = "https://creativecommons.org/licenses/by/4.0/"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes of three samples; the second has bodies in meshes of somebody's."""
    root = tmp_path_factory.mktemp("card")
    runs = [build_run(root / "store", 0, sensors=TINY, last_frame=20)]
    runs += [build_run(root / "store", 1, sensors=TINY, last_frame=20, attribution=FORD)]
    return export(runs, root / "dataset")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with nothing of ours in it."""
    root = tmp_path_factory.mktemp("foreign")
    town = SyntheticTown("Elsewhere", (35.0, 45.0))
    return stripped(export([build_run(root / "store", 2, town, TINY, last_frame=20)], root / "b", profile="compat"))


@pytest.fixture(scope="module")
def written(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A card beside the dataset, with everything that can be told."""
    out = tmp_path_factory.mktemp("written") / "card"
    about = About("Two cars", LICENCE, "Somebody", "https://example.org/two", "2026-11-22")
    runs = table(dataset, "av_synth")["runs"]
    write_card(dataset, out, about, core_s={runs[0]["run_id"]: 90.0, "another": 5.0}, price=0.04)
    return out


def test_the_document_is_what_croissant_asks_for_and_has_what_it_recommends(written: Path) -> None:
    document = json.loads((written / "croissant.json").read_text())

    assert broken(document, written) == []
    assert (document["name"], document["license"], document["datePublished"]) == ("Two cars", LICENCE, "2026-11-22")
    assert document["citeAs"].startswith("Somebody: Two cars")
    assert document["rai:personalSensitiveInformation"][0].startswith("No real person is in it.")
    assert {one["@id"] for one in document["distribution"]} > {"CAM_FRONT", "LIDAR_TOP", "sample.json"}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda document: document.pop("recordSet"), "the document: has no recordSet"),
        (lambda document: document["distribution"][0].update(contentUrl="x.json"), "scene.json: there is no file x"),
        (lambda document: document["distribution"][0].update(sha256="12"), "scene.json: 12 is no SHA-256"),
        (lambda document: document["recordSet"][0].update(key={"@id": "scene/x"}), "scene: its key is none of"),
        (lambda document: document["recordSet"][0]["field"][1].update({"@id": "scene/token"}), "scene/token: is 2"),
        (lambda document: document["recordSet"][0]["field"][1].update(dataType="text"), "text is no type"),
        (lambda document: document["@context"].pop("rai"), "@context: rai is a prefix"),
    ],
)
def test_a_document_that_is_not_croissant_is_found(spoil: Any, told: str, written: Path) -> None:
    document = json.loads((written / "croissant.json").read_text())
    spoil(document)

    assert any(told in line for line in broken(document, written))


def test_the_path_of_every_field_leads_to_the_values_of_its_table(written: Path, dataset: Path) -> None:
    document = json.loads((written / "croissant.json").read_text())
    files = {one["@id"]: written / one["contentUrl"] for one in document["distribution"] if "contentUrl" in one}
    kinds = {"sc:Text": str, "sc:Integer": int, "sc:Float": (int, float), "sc:Boolean": bool}
    for records in document["recordSet"]:
        for field in records["field"]:
            source = field["source"]
            values = [row[field["name"]] for row in json.loads(files[source["fileObject"]["@id"]].read_text())]
            assert source["extract"]["jsonPath"] == f"$[*].{field['name']}"
            for value in values:
                parts = value if field.get("isArray") else [value]
                assert len(parts) == int(field.get("arrayShape", 1))
                assert all(isinstance(part, kinds[field["dataType"]]) for part in parts)
            if "references" in field:
                target, _, key = field["references"]["field"]["@id"].partition("/")
                assert set(values) <= {row[key] for row in table(dataset, target)}


def test_its_files_are_where_it_says_with_the_hashes_that_it_says(written: Path, dataset: Path) -> None:
    document = json.loads((written / "croissant.json").read_text())
    files = [one for one in document["distribution"] if one["@type"] == "cr:FileObject"]
    sets = [one for one in document["distribution"] if one["@type"] == "cr:FileSet"]

    assert len(files) == 10
    for one in files:
        content = (written / one["contentUrl"]).read_bytes()
        assert (one["sha256"], one["contentSize"]) == (hashlib.sha256(content).hexdigest(), f"{len(content)} B")
    for one in sets:
        found = [path for shape in one["includes"] for path in written.glob(shape)]
        assert len(found) == sum(f"/{one['name']}/" in row["filename"] for row in table(dataset, "sample_data")) > 0


def test_the_page_says_who_is_in_it_what_it_cost_and_how_far_labels_are_off(written: Path, dataset: Path) -> None:
    page = (written / "README.md").read_text()
    report = verify(dataset)
    velocity = report.measures.overall("velocity")

    assert "2 scenes (2 s), 6 labelled samples, 70 3D boxes of 24 instances." in page
    assert "No real person is in it." in page
    assert "90 seconds of one core for 1 run (of 2) with 3 samples: **30 core-seconds for each" in page
    assert "At 0.04 for an hour of one core: 0.001, or 0.000333 for each labelled sample." in page
    assert f"found nothing untrue in {len(report.counts)} of" in page
    assert f"| velocity | true velocity from central differences of the boxes | m/s | {velocity.n} |" in page
    assert "boxes are those of the bodies that it moves, 1 cm larger on each side" in page
    assert FORD.strip() in page
    assert "In 2 of 2 runs an event never began" in page
    assert "All samples have one town: SynthTown." in page
    assert f"Of the dataset: {LICENCE}." in page


def test_a_dataset_that_is_not_true_has_a_card_that_says_so(dataset: Path, tmp_path: Path) -> None:
    spoilt = copied(dataset, tmp_path / "spoilt")
    edit(spoilt, "sample_annotation", lambda rows: [row.update(num_lidar_pts=row["num_lidar_pts"] + 5) for row in rows])

    card = write_card(spoilt)

    assert card.true is False
    assert "**NOT TRUE**: `av-synth verify` found what is wrong: lidar_counts" in card.page.read_text()


def test_of_data_that_we_did_not_make_nothing_is_claimed(foreign: Path, tmp_path: Path) -> None:
    page = write_card(foreign, tmp_path / "card", measure=False).page.read_text()

    assert "nobody here knows whether real people are in them" in page
    assert "How the data came about is not told" in page
    assert "No real person" not in page
    assert "meshes" not in page
    assert "av-synth run" not in page
    assert "| weather | unknown 3 |" in page


def test_the_card_of_a_mix_tells_ours_from_the_rest(dataset: Path, foreign: Path, tmp_path: Path) -> None:
    datasets = (f"real={foreign}", f"made={dataset}")
    mixed = mix(datasets, tmp_path / "mix", split={"train": 1.0}, licences={"real": "CC BY-NC-SA 4.0"})
    page = write_card(mixed.root, measure=False).page.read_text()

    assert "Driving scenes, synthetic and others in nuScenes format: 3 scenes" in page
    assert "In the 2 scenes of av_synth no real person is." in page
    assert "Of the other 1 scene nobody here knows." in page
    assert "Of the scenes from real: CC BY-NC-SA 4.0." in page
    rows = {row["token"]: row["name"] for row in table(mixed.root, "scene")}
    for row in table(mixed.root, "mix_scene"):
        assert f"| {rows[row['scene_token']]} | {row['dataset']} | {row['scene']} | train |" in page
    document = json.loads((mixed.root / "croissant.json").read_text())
    assert broken(document, mixed.root) == []
    assert "mix_scene" in {one["@id"] for one in document["recordSet"]}


def test_a_card_in_its_dataset_goes_when_the_dataset_is_written_anew_and_nothing_of_the_user_does(
    dataset: Path, tmp_path: Path
) -> None:
    own = copied(dataset, tmp_path / "own")
    before = {path.name for path in own.iterdir()}
    first = write_card(own, measure=False)
    content = first.page.read_bytes(), first.document.read_bytes()
    again_written = write_card(own, measure=False)

    assert {path.name for path in own.iterdir()} == before | {"README.md", "croissant.json"}
    assert (again_written.page.read_bytes(), again_written.document.read_bytes()) == content
    nuscenes.refuse_place(own)
    (own / "README.md").unlink()
    (own / "README.md").write_text("mine")
    with pytest.raises(UserError, match=r"README.md: is there already and is no card of av-synth; move it, or name"):
        write_card(own, measure=False)
    (own / "README.md").unlink()
    with pytest.raises(UserError, match=r"croissant.json: is there already and is no document of a card"):
        write_card(own, measure=False)
    (own / "README.md").mkdir()
    with pytest.raises(UserError, match=r"README.md: is a folder; want the name of a file"):
        write_card(own, measure=False)


def drawn(**changes: Any) -> dict[str, Any]:
    """What av_synth.json would say of a run of a built-in scenario."""
    concrete, rig = scenario.draw(scenario.load("cut_in_wet"), 3), load_rig("tiny")
    identity = {"scenario": concrete.to_json(), "rig": rig.to_json(), "simulator": "av_synth 0.1.0 native quality fast"}
    told = {"run_id": "1f", "scenario": "cut_in_wet", "rig": "tiny", "seed": 3, "provenance": {}}
    return json.loads(canonical_json({**told, "identity": {**identity, **changes}}))


def test_a_card_whose_writing_was_cut_short_is_written_again(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def cut_short(path: Path, content: bytes, *, durable: bool) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        replace_file(path, content, durable=durable)

    monkeypatch.setattr(cards, "replace_file", cut_short)
    with pytest.raises(KeyboardInterrupt):
        write_card(dataset, tmp_path, measure=False)
    monkeypatch.undo()

    assert write_card(dataset, tmp_path, measure=False).document.is_file()


def test_the_command_of_a_run_asks_for_the_very_draw_or_says_that_it_does_not() -> None:
    found = again(drawn())

    assert found.reason == ""
    assert found.command.startswith("av-synth run cut_in_wet --rig tiny --seed 3 --town AvSynth01 --set change_s=")
    assert found.command.endswith("--simulator embedded@fast --out out/again")
    other = drawn()["identity"]["scenario"]
    other["weather"]["fog_density"] = 33.0
    assert "draws otherwise" in again(drawn(scenario=other)).reason
    assert "rig tiny of this version is another" in again(drawn(rig={"name": "tiny"})).reason
    assert "was made on 0.9.16" in again(drawn(simulator="0.9.16")).reason
    assert "no built-in one" in again({**drawn(), "scenario": "of_my_own"}).reason
    assert again({**drawn(), "provenance": {"replay": {"origin": {"run_id": "77"}}}}).command == ""


def test_the_command_reads_what_a_campaign_wrote_down_of_its_runs(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = copied(dataset, tmp_path / "store" / "nuscenes")
    with Journal(tmp_path / "store") as journal:
        for run in table(own, "av_synth")["runs"]:
            figures = {"cpu_s": 12.0, "wall_s": 6.0, "bytes": 1, "frames": 21}
            journal.append({"event": "committed", "run": run["run_id"], "played": True, **figures})

    assert status(["card", str(own), "--no-verify", "--price-per-core-hour", "0.5", "--name", "Mine"]) == 0
    assert "cost: 4 core-seconds for each labelled sample" in capsys.readouterr().out
    page = (own / "README.md").read_text()
    assert page.startswith("# Mine\n")
    assert "24 seconds of one core for 2 runs with 6 samples" in page
    assert status(["card", str(tmp_path / "nowhere")]) == 2
    assert status(["card", str(own), "--no-verify", "--date", "22/11/2026"]) == 2


def test_what_cannot_have_a_card_or_an_account_is_said(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    empty = write(tmp_path / "empty", [])
    for words, told in (
        ([str(dataset), "--date", "2026-02-30"], "--date: got '2026-02-30'; want YYYY-MM-DD"),
        ([str(dataset), "--store", str(tmp_path / "none")], "there is no such folder; want a store"),
        ([str(tmp_path / "file")], "file: is no folder; want the folder of a nuScenes dataset"),
        ([str(empty)], "has no sample; want a dataset with scenes in it"),
    ):
        assert status(["card", *words, "--no-verify"]) == 2
        assert told in capsys.readouterr().err
    assert not (empty / "README.md").exists()
