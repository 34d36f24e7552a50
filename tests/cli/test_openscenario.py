"""`av-synth openscenario`: files in and out, with a report for people and one for programs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from av_synth import scenario
from av_synth.cli.app import status
from tests.scenario.xosc import at, event, speed, write


def test_a_file_comes_in_and_what_became_of_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, event("Brakes", "Other", speed("$Slow"), at(3)), parameters=declared("Slow", "5"))

    assert status(["openscenario", "import", path.name, "--set", "Slow=8"]) == 0

    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("0 lost; nothing lost that changes who does what")
    assert said[-1] == "scenario: their_scenario.yaml"
    found = scenario.load("their_scenario.yaml")
    (one,) = found.fill({}).events
    assert one.do is not None
    assert one.do.drive is not None
    assert one.do.drive.speed_kmh == pytest.approx(28.8)


def test_the_report_is_json_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, event("Dances", "Other", "<DanceAction/>", at(3)))

    assert status(["openscenario", "import", str(path), "--out", str(tmp_path / "y" / "x.yaml"), "--json"]) == 0

    report = json.loads(capsys.readouterr().out)
    assert report["same_story"] is False
    assert any(part["changes"] for part in report["parts"])
    assert (tmp_path / "y" / "x.yaml").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["their_scenario.xosc", "--set", "Slaw=3"], "there is no parameter 'Slaw'; did you mean 'Slow'?"),
        (["nothing.xosc"], "cannot be read: No such file or directory"),
        (["straight.xodr"], "is not OpenSCENARIO"),
        (["."], "is no file; want a file that ends in .xosc"),
        (["pipe.xosc"], "is no file; want a file that ends in .xosc"),
        (["catalog.xosc"], "is a catalog; want a scenario"),
        (["bomb.xosc"], "declares a document type; want none"),
        (["their_scenario.xosc", "--out", "Mine.yaml"], "--out: got 'Mine.yaml'; want a scenario's name and .yaml"),
        (["their_scenario.xosc", "--out", "bomb.xosc/x.yaml"], "bomb.xosc is a file; want a place in a folder"),
    ],
)
def test_what_cannot_come_in_is_said_and_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, parameters=declared("Slow", "5"))
    os.mkfifo("pipe.xosc")
    head = '<OpenSCENARIO><FileHeader revMajor="1" revMinor="0"/>'
    Path("catalog.xosc").write_text(f'{head}<Catalog name="vehicles"/></OpenSCENARIO>')
    Path("bomb.xosc").write_text('<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;">]><OpenSCENARIO>&c;</OpenSCENARIO>')

    assert status(["openscenario", "import", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("*.yaml"))


def test_a_scenario_goes_out_and_what_is_lost_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "cut_in.xosc"

    assert status(["openscenario", "export", "cut_in_wet", "--seed", "3", "--out", str(out)]) == 0

    assert 'revMinor="2"' in out.read_text()
    assert "ego.reaction: LOST, changes who does what" in capsys.readouterr().out


def test_a_file_that_is_there_is_written_over_only_when_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path)
    ours, theirs = tmp_path / "mine.yaml", tmp_path / "cut_in.xosc"
    for one in (ours, theirs):
        one.write_text("mine")
    both = (
        ["openscenario", "import", str(path), "--out", str(ours)],
        ["openscenario", "export", "cut_in_wet", "--out", str(theirs)],
    )

    assert [status(one) for one in both] == [2, 2]
    assert (ours.read_text(), theirs.read_text()) == ("mine", "mine")
    assert capsys.readouterr().err.count("is there already; want another, or --force") == 2
    assert [status([*one, "--force"]) for one in both] == [0, 0]
    assert ours.read_text().startswith("# Imported from their_scenario.xosc")
    assert "<OpenSCENARIO>" in theirs.read_text()


def declared(name: str, value: str) -> str:
    """A declaration of a parameter."""
    return f'<ParameterDeclaration name="{name}" parameterType="double" value="{value}"/>'
