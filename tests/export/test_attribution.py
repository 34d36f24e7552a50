"""Whose meshes are shown is said beside the pictures, in every format."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth.export import formats
from tests.export.synthetic_run import TINY, build_run

FORD, BUS = '* "Ford Focus" by Ruff; CC-BY-3.0\n', '* "City bus" by Scopia; CC-BY-3.0\n'


@pytest.mark.parametrize(("form", "beside"), [("nuscenes", "category.json"), ("coco", "av_synth.json")])
def test_a_dataset_says_whose_the_looks_of_its_runs_are_each_once(form: str, beside: str, tmp_path: Path) -> None:
    runs = [build_run(tmp_path / "runs", k, sensors=TINY, attribution=told) for k, told in enumerate((FORD, BUS, FORD))]

    dataset = formats.export(form, runs, tmp_path / "dataset")

    (told,) = dataset.rglob("ATTRIBUTION")
    assert told.read_text() == f"{BUS}\n{FORD}"
    assert (told.parent / beside).exists()


def test_where_all_bodies_are_procedural_there_is_nobody_to_name(tmp_path: Path) -> None:
    dataset = formats.export("coco", [build_run(tmp_path / "runs", 0, sensors=TINY)], tmp_path / "dataset")

    assert not (dataset / "ATTRIBUTION").exists()
