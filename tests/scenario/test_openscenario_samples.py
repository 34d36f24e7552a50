"""OpenSCENARIO files of others: each imports with a report, and most without a loss that changes who does what."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth import scenario
from av_synth.scenario.openscenario import Imported, export, import_file

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


def is_scenario(path: Path) -> bool:
    """Whether a file is no catalog and no variation of parameters."""
    text = path.read_text("utf-8-sig")
    return "<Catalog " not in text and "<ParameterValueDistribution" not in text


FILES = [path for path in sorted(SAMPLES.rglob("*.xosc")) if is_scenario(path)]
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not FILES, reason=f"no OpenSCENARIO files of others under {SAMPLES}: their import goes untested"
    ),
]


@pytest.fixture(scope="module")
def imported() -> dict[Path, Imported]:
    return {path: import_file(path) for path in FILES}


def test_every_file_imports_and_tells_of_its_parts(imported: dict[Path, Imported]) -> None:
    assert len(imported) == 99
    assert all(one.report.entries for one in imported.values())


def test_most_files_lose_nothing_that_changes_who_does_what(imported: dict[Path, Imported]) -> None:
    same = [path for path, one in imported.items() if one.report.same_story]

    assert len(same) >= 81


def test_what_was_imported_can_be_exported_and_comes_back(imported: dict[Path, Imported], tmp_path: Path) -> None:
    for path, one in list(imported.items())[::9]:
        concrete = scenario.draw(one.scenario, 0)
        written = export(concrete, one.scenario.document)
        again = tmp_path / path.name
        again.write_text(written.text)

        back = scenario.draw(import_file(again).scenario, 0)

        assert written.report.same_story, path
        assert back.road.pose == concrete.road.pose
        assert {name: actor.body for name, actor in back.actors.items()} == {
            name: actor.body for name, actor in concrete.actors.items()
        }
        assert back.duration_s == concrete.duration_s
