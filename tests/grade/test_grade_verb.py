"""`av-synth grade` says the figures as a table, the worst first."""

from __future__ import annotations

import json
from pathlib import Path

import few_tables
import pytest

from av_synth.cli.app import status
from av_synth.grade import grade


def test_the_verb_says_what_the_library_finds_and_writes_it(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = few_tables.submission(dataset)
    results, figures = tmp_path / "results.json", tmp_path / "figures.json"
    results.write_text(json.dumps(sent))
    words = ["grade", str(dataset), str(results), "--by", "weather,ttc,scene", "--json", str(figures)]
    assert status(words) == 0
    said = capsys.readouterr().out.splitlines()
    grades = grade(dataset, sent, "weather,ttc,scene")
    assert json.loads(figures.read_text()) == grades.to_json()
    assert grades.metrics is not None
    assert any(line.startswith(f"mAP {grades.metrics.mean_ap:.4f}  NDS {grades.metrics.nds:.4f}") for line in said)
    table = [line.split("  ")[0] for line in said[said.index("") + 2 :]]
    small = table.index("too small to say anything:")
    assert table[0] == "everything"
    named = [" ".join(f"{key}={value}" for key, value in each.slice_values.items()) for each in grades.slices]
    assert table[1:small] + table[small + 1 : -1] == named
    assert len(table[small + 1 : -1]) == 10
    (fog,) = (line for line in said if line.startswith("weather=fog"))
    (of_fog,) = (each for each in grades.slices if each.slice_values == {"weather": "fog"})
    assert f"  {of_fog.recall:.3f} ({of_fog.recall_low:.3f}..{of_fog.recall_high:.3f})  " in fog
    assert [line.split()[-2:] for line in said if line.startswith("ttc=0..1 s")] == [["-", "-"]]


def test_boxes_in_images_are_graded_too_and_a_split_of_them_is_refused(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [row["filename"] for row in few_tables.rows(dataset, "sample_data") if row["width"]]
    found = tmp_path / "found.json"
    found.write_text(json.dumps({"images": {file: [] for file in files}}))
    assert status(["grade", str(dataset), str(found), "--images", "--classes"]) == 0
    said = capsys.readouterr().out
    assert f"{len(files)} images, " in said
    assert "0.000 (0.000.." in said
    assert "mAP" not in said
    assert status(["grade", str(dataset), str(found), "--images", "--split", "all"]) == 2
    assert "--split: not with --images" in capsys.readouterr().err
    assert status(["grade", str(dataset), str(found)]) == 2
    assert "want an object with 'results'" in capsys.readouterr().err


def test_figures_do_not_take_the_place_of_what_is_graded(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    results.write_text(json.dumps(few_tables.submission(dataset)))
    scenes = dataset / "v1.0-trainval" / "scene.json"
    before = results.read_bytes(), scenes.read_bytes()
    for file, told in ((results, "is what is read"), (scenes, "is in the dataset")):
        assert status(["grade", str(dataset), str(results), "--json", str(file)]) == 2
        assert f"--json: {file} {told}, which is not changed" in capsys.readouterr().err
    assert (results.read_bytes(), scenes.read_bytes()) == before


def test_figures_take_the_place_of_figures_only(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, figures, mine = tmp_path / "results.json", tmp_path / "figures.json", tmp_path / "mine.json"
    results.write_text(json.dumps(few_tables.submission(dataset)))
    mine.write_text("[1]")
    for file, code in ((figures, 0), (figures, 0), (mine, 2), (tmp_path, 2)):
        assert status(["grade", str(dataset), str(results), "--json", str(file)]) == code
    told = capsys.readouterr().err
    assert f"--json: {mine}: is there already and is no file of grades; move it, or name another file" in told
    assert f"--json: {tmp_path}: is a folder; want the name of a file" in told
    assert mine.read_text() == "[1]"


def test_a_score_that_is_no_number_is_refused(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(["grade", str(dataset), str(tmp_path / "none"), "--score", "nan"]) == 2
    assert "--score: got nan; want a number" in capsys.readouterr().err
