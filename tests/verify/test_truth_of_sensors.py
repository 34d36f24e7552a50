"""Where the ego was at the times that wrong clocks tell, by the records of good ones, however few there are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from av_synth.verify.findings import Findings
from av_synth.verify.reading.model import Dataset, Scene
from av_synth.verify.reading.records import Calibration, Data, EgoPose
from av_synth.verify.rows.faults import SceneFaults
from av_synth.verify.rows.sensor_truth import check_sensor_truth

BRAKES_MPS2, FROM_MPS, LATE_US = 8.0, 16.0, 30_000


def record(channel: str, at_us: int, off_m: float = 0.0) -> Data:
    """Of a braking ego; `off_m` is how far its pose is off."""
    seconds = at_us / 1e6
    x = FROM_MPS * seconds - BRAKES_MPS2 * seconds**2 / 2.0 + off_m
    mount = Calibration(channel, channel, "radar", (1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), None)
    pose = EgoPose(f"{channel}{at_us}", at_us, (x, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))
    return Data(pose.token, "sample", at_us, "pcd", False, 0, 0, "", "", "", mount, pose)


def late(at_us: int, off_m: float = 0.0) -> Data:
    """Of a clock that is late, at a time at which it is really taken."""
    told = record("RADAR_LATE", at_us + LATE_US, off_m)
    return replace(record("RADAR_LATE", at_us, off_m), told=told)


def turned(data: Data) -> Data:
    """Of a sensor that sits otherwise than the car believes, and has a good clock."""
    there = replace(data.calibration, rotation=(0.9998477, 0.0, 0.0, 0.0174524))
    return replace(data, calibration=there, told=data)


def said(good: tuple[Data, ...], wrong: Data) -> list[str]:
    scene = Scene("s", "scene-0001", "", 0, "", "", "", "", (), {"RADAR": good, "RADAR_LATE": (wrong,)}, {}, {})
    dataset = Dataset(Path(), "", (scene,), {}, None, False, {}, {}, {})
    findings = Findings()
    check_sensor_truth(dataset, scene, SceneFaults(dataset, scene, findings), findings)
    return [problem.message for problem in findings.report("", "").problems if "from where it was" in problem.message]


FEW = tuple(record("RADAR", at_us) for at_us in (0, 50_000, 100_000, 500_000, 550_000))
ALL = tuple(record("RADAR", at_us) for at_us in range(0, 600_000, 50_000))


def test_a_braking_ego_is_no_lie_where_most_frames_of_good_clocks_were_lost():
    assert said(FEW, late(280_000)) == []


@pytest.mark.parametrize(("good", "off_m"), [(FEW, 0.6), (ALL, 0.1)])
def test_a_pose_that_is_off_is_found_and_the_nearer_the_more_poses_there_are(good, off_m):
    assert len(said(good, late(280_000, off_m))) == 2


def test_a_sensor_that_sits_otherwise_than_believed_tells_where_the_ego_was():
    assert len(said(tuple(map(turned, ALL)), late(280_000, 0.1))) == 2
