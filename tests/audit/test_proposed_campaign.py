"""The campaign that an audit proposes is one, and fills what is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from av_synth.audit import Audit, audit
from av_synth.farm.planning import campaign as campaigns
from tests.audit.plain_dataset import CLASSES, LIBRARY, Kind, deal, write

CUT_IN = Kind(scenarios=(LIBRARY,))


def entries(found: Audit, folder: Path) -> list[dict[str, Any]]:
    """What the farm reads of it; it refuses what cannot be drawn."""
    path = folder / "gaps.yaml"
    path.write_text(found.campaign)
    loaded = campaigns.load(str(path))
    assert loaded.recipes
    return list(yaml.safe_load(found.campaign)["runs"])


def test_draws_of_missing_combinations_hold_them(tmp_path: Path) -> None:
    found = audit(write(tmp_path / "few", deal(3, 10, CUT_IN)))
    (coverage,) = found.coverage
    asked = entries(found, tmp_path)

    assert (coverage.what, coverage.kind) == ("cut_in_wet", "parameters")
    assert 0 < coverage.covered < coverage.possible == 189
    assert coverage.expected == pytest.approx(coverage.covered, rel=0.15)
    assert {(entry["scenario"], entry["rig"]) for entry in asked} == {("cut_in_wet", "tiny")}
    more = [
        replace(scene, seed=entry["seeds"][0], values=tuple(entry["set"].items()))
        for scene, entry in zip(deal(8, len(asked), CUT_IN), asked, strict=True)
    ]
    (filled,) = audit(write(tmp_path / "more", deal(3, 10, CUT_IN) + more)).coverage
    assert filled.covered > coverage.covered + 0.8 * len(coverage.missing)


def test_tables_of_pairs_count_scenes_whatever_the_strength(tmp_path: Path) -> None:
    dataset = write(tmp_path / "twice", deal(3, 4, CUT_IN) * 2)
    (pairs,), (triples,) = (audit(dataset, strength=strength).coverage for strength in (2, 3))

    assert triples.tables == pairs.tables
    assert sum(count or 0 for row in triples.tables[0].scenes for count in row) == 8


def test_who_is_missing_is_drawn_by_the_scenarios_that_had_them_else_by_the_one_that_has_everybody(
    tmp_path: Path,
) -> None:
    grown = Kind(classes=tuple(name for name in CLASSES if "child" not in name))
    whole, few = deal(4, 20, CUT_IN), deal(5, 20, grown)
    reference = write(tmp_path / "whole", whole)
    found = audit(write(tmp_path / "few", few), [reference])
    assert entries(found, tmp_path)[0]["scenario"] == "cut_in_wet"

    odd = tmp_path / "mine.yaml"
    odd.write_text(f"name: mine\ndescription: All.\naxes: {{class: [{', '.join(CLASSES)}]}}")
    first, *_ = entries(audit(tmp_path / "few", odd=str(odd)), tmp_path)
    assert (first["scenario"], first["rig"]) == ("every_class", "tiny")


def test_scenarios_that_the_library_has_not_are_covered_by_what_occurs_and_not_proposed(tmp_path: Path) -> None:
    scenes = deal(6, 8, CUT_IN)
    dataset = write(tmp_path / "mine", scenes)
    path = dataset / "v1.0-trainval/av_synth.json"
    path.write_text(path.read_text().replace("cut_in_wet", "mine"))
    found = audit(dataset)

    (coverage,) = found.coverage
    assert (coverage.what, coverage.expected) == ("mine", None)
    assert 0 < coverage.covered < coverage.possible
    assert found.campaign == ""


def test_values_that_the_librarys_scenario_cannot_have_drawn_are_of_another_one(tmp_path: Path) -> None:
    dataset = write(tmp_path / "faster", deal(6, 8, CUT_IN))
    path = dataset / "v1.0-trainval/av_synth.json"
    told = json.loads(path.read_text())
    told["runs"][3]["parameters"]["ego_speed_kmh"] = 90.0
    path.write_text(json.dumps(told))

    (coverage,) = audit(dataset).coverage
    assert (coverage.what, coverage.expected) == ("cut_in_wet", None)
    named = [each for pair in coverage.tables for each in zip(pair.axes, (pair.rows, pair.columns), strict=True)]
    (speeds,) = {words for name, words in named if name == "ego_speed_kmh"}
    assert speeds[-1].endswith("..90")


def test_draws_that_are_crowded_together_are_an_alarm(tmp_path: Path) -> None:
    near = (("ego_speed_kmh", 48.5), ("gap_m", 10.6))
    scenes = [replace(scene, values=near) for scene in deal(7, 30, CUT_IN)]

    (alarm,) = audit(write(tmp_path / "crowded", scenes)).alarms
    assert (alarm.kind, alarm.about) == ("coverage", "cut_in_wet")
    assert "The draws are crowded together. Missing: " in alarm.words
