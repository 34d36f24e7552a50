"""Places of OpenSCENARIO: everybody is where the file says, from when it says."""

from __future__ import annotations

from pathlib import Path

from av_synth.scenario.exact import Pose
from av_synth.scenario.model import ScenarioModel
from av_synth.scenario.openscenario import import_file
from tests.scenario.xosc import at, event, lane, start, write

EGO = start("Ego", lane(-1, 50), "20")
MIDDLE_M = 1.4  # the centres of these cars ahead of their rear axles


def imported(file: Path) -> ScenarioModel:
    return import_file(file).scenario.fill({})


def teleport(position: str) -> str:
    return f"<TeleportAction><Position>{position}</Position></TeleportAction>"


def xy(pose: Pose | None) -> tuple[float | None, float | None]:
    assert pose is not None
    return pose.x_m, pose.y_m


def test_who_first_comes_later_is_not_there_before(tmp_path: Path) -> None:
    comes = event("Comes", "Other", teleport(lane(-2, 200)), at(5))

    found = imported(write(tmp_path, comes, init=EGO))

    assert found.actors["other"].absent
    (only,) = found.events
    assert only.when.time_s == 5
    assert only.do is not None
    assert only.do.appear is not None


def test_who_comes_again_is_there_from_the_start(tmp_path: Path) -> None:
    found = imported(write(tmp_path, event("Comes", "Other", teleport(lane(-2, 200)), at(5))))

    assert not found.actors["other"].absent


def test_an_ego_that_comes_later_is_there_from_the_start_and_that_is_told(tmp_path: Path) -> None:
    comes = event("Comes", "Ego", teleport(lane(-2, 200)), at(5))

    found = import_file(write(tmp_path, comes, init=start("Other", lane(-1, 90))))

    assert xy(found.scenario.fill({}).road.pose) == (200 + MIDDLE_M, -5.25)
    assert any("from the start" in entry.why for entry in found.report.of("nearly"))
