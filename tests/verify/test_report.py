"""The report of a verification: figures, page and quarantine list."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mistakes import half_turn
from synthetic_copies import Copy
from synthetic_dataset import FEW_CAMERAS

from av_synth.errors import UserError
from av_synth.verify import VerifyReport, verify, write_report
from av_synth.verify.measures import QUANTITIES, Measures


@pytest.fixture(scope="module")
def report(one_scene: Path) -> VerifyReport:
    """Of a dataset in which nothing is wrong."""
    return verify(one_scene)


def files(root: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(root.rglob("*")) if p.is_file()}


def test_a_report_has_errors_by_class_range_and_visibility_and_pictures_of_the_worst(
    report: VerifyReport, tmp_path: Path
) -> None:
    write_report(report, tmp_path / "truth", quarantine=True)

    figures = json.loads((tmp_path / "truth/report.json").read_text())
    page = (tmp_path / "truth/index.html").read_text()
    cars = [m for m in figures["measures"] if m["quantity"] == "box_left" and m["class"] == "vehicle.car"]
    assert figures["ok"]
    assert {m["range"] for m in cars} == {"0-20 m"}
    assert all(m["n"] > 0 and m["max"] < 2.5 and m["visibility"] == "4" for m in cars)
    assert {m["quantity"] for m in figures["measures"]} <= set(QUANTITIES)
    assert abs(figures["sensors"]["CAM_FRONT"]["focal_percent"]) < 0.05
    assert abs(figures["sensors"]["CAM_FRONT"]["move_m"]) < 0.01
    assert page.count("data:image/jpeg;base64,") >= 5
    assert json.loads((tmp_path / "truth/quarantine.json").read_text())["entries"] == []


def test_the_page_asks_for_nothing_from_outside_itself(report: VerifyReport, tmp_path: Path) -> None:
    write_report(report, tmp_path)

    page = (tmp_path / "index.html").read_text()

    assert not re.findall(r"https?:|<script|<link|@import|url\(", page)
    assert all(source.startswith("data:image/jpeg;base64,") for source in re.findall(r'src="([^"]*)"', page))
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "report.json"}


def test_what_is_unfit_is_quarantined_with_its_reasons_and_the_dataset_stays_as_it_was(
    copy: Copy, tmp_path: Path
) -> None:
    unfit = copy.annotations("oncoming")
    copy.edit_annotations(unfit, half_turn)
    (copy.root / copy.files("CAM_BACK", keyframes=False)[0]).unlink()
    before = files(copy.root)

    write_report(verify(copy.root), tmp_path / "truth", quarantine=True)

    entries = json.loads((tmp_path / "truth/quarantine.json").read_text())["entries"]
    by_kind = {entry["kind"]: entry for entry in entries}
    assert set(by_kind) == {"annotation", "scene"}
    assert by_kind["annotation"]["annotation"] == unfit[0]
    assert by_kind["annotation"]["scene"] == by_kind["scene"]["scene"] == "scene-0001"
    assert "off by 180 degrees" in by_kind["annotation"]["reasons"][0]["message"]
    assert "is missing" in by_kind["scene"]["reasons"][0]["message"]
    assert files(copy.root) == before
    assert "off by 180 degrees" in (tmp_path / "truth/index.html").read_text()


def test_a_dataset_whose_tables_are_broken_is_quarantined_as_a_whole(copy: Copy, tmp_path: Path) -> None:
    copy.edit("sample", lambda rows: rows[0].pop("timestamp"))

    write_report(verify(copy.root), tmp_path / "truth", quarantine=True)

    (entry,) = json.loads((tmp_path / "truth/quarantine.json").read_text())["entries"]
    assert (entry["kind"], entry["scene"], entry["annotation"]) == ("dataset", "", "")


def test_one_report_of_one_dataset_has_the_same_bytes_every_time(
    one_scene: Path, report: VerifyReport, tmp_path: Path
) -> None:
    for name, told in (("a", report), ("b", verify(one_scene))):
        write_report(told, tmp_path / name, quarantine=True)

    for name in ("report.json", "index.html", "quarantine.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_labels_are_linked_to_the_page_of_their_run_if_it_lies_beside_the_report(copy: Copy, tmp_path: Path) -> None:
    told = {"schema": 1, "runs": [{"scene": "scene-0001", "run_id": "0123456789abcdef0123"}]}
    copy.write(copy.root / "v1.0-trainval/av_synth.json", json.dumps(told).encode())
    unfit = copy.annotations("oncoming")
    copy.edit_annotations(unfit, half_turn)
    report = verify(copy.root)
    write_report(report, tmp_path)
    assert "viewer-" not in (tmp_path / "index.html").read_text()
    (tmp_path / "viewer-0123456789abcdef0123.html").touch()

    write_report(report, tmp_path)

    page = (tmp_path / "index.html").read_text()
    row = next(row for row in copy.rows("sample_annotation") if row["token"] == unfit[0])
    link = f"viewer-0123456789abcdef0123.html#sample={row['sample_token']}&amp;follow={row['instance_token']}"
    assert page.count(f'href="{link}"') >= 2  # of the finding and of the picture


def test_a_report_inside_the_dataset_is_refused(copy: Copy) -> None:
    report = verify(copy.root)

    with pytest.raises(UserError, match="want a folder outside it"):
        write_report(report, copy.root / "truth")
    assert not (copy.root / "truth").exists()


def test_somebody_elses_page_is_not_written_over(report: VerifyReport, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("my thesis")
    with pytest.raises(UserError, match=r"has an index\.html of something else"):
        write_report(report, tmp_path)
    assert (tmp_path / "index.html").read_text() == "my thesis"
    write_report(report, tmp_path / "own")
    write_report(report, tmp_path / "own")


def test_a_torn_report_is_no_report(report: VerifyReport, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("my thesis")
    (tmp_path / "report.json").write_text('{"checks"')

    with pytest.raises(UserError, match=r"has an index\.html of something else"):
        write_report(report, tmp_path)


def test_labels_in_images_that_are_smaller_than_said_have_no_picture(copy: Copy, tmp_path: Path) -> None:
    copy.edit_annotations(copy.annotations("oncoming"), half_turn)
    for channel in FEW_CAMERAS:
        for name in copy.files(channel, keyframes=True):
            copy.write(name, cv2.imencode(".jpg", np.full((4, 4, 3), 80, np.uint8))[1].tobytes())

    write_report(verify(copy.root), tmp_path / "report")

    assert "off by 180 degrees" in (tmp_path / "report/index.html").read_text()


def test_files_outside_the_dataset_are_not_read_whatever_the_tables_say(copy: Copy, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    cv2.imwrite(str(secret), np.full((90, 160, 3), (7, 199, 83), np.uint8))

    def point_out(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["filename"] = str(secret)

    copy.edit("sample_data", point_out)
    report = verify(copy.root)
    write_report(report, tmp_path / "report")
    assert "want a relative path inside the dataset" in str(report.problems)
    assert "data:image" not in (tmp_path / "report" / "index.html").read_text()


def test_percentiles_are_good_to_a_twentieth_and_means_are_exact() -> None:
    measures = Measures()
    for k in range(1, 1001):
        measures.add("velocity", "vehicle.car", 30.0, "4", k / 100)
    measures.add("velocity", "vehicle.car", 30.0, "4", math.nan)
    measures.add("velocity", "vehicle.car", 95.0, "4", 1.0)

    ((quantity, cell, spread),) = measures.rows()

    assert (quantity, cell, spread.n) == ("velocity", ("vehicle.car", "20-40 m", "4"), 1000)
    assert spread.mean == pytest.approx(5.005)
    assert spread.percentile(0.5) == pytest.approx(5.0, rel=0.05)
    assert spread.percentile(0.95) == pytest.approx(9.5, rel=0.05)
    assert spread.largest == 10.0
