"""Lidar points and masks of frames around, both made here: trucks that follow a camera, and trucks that cross."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from av_synth.verify.findings import Findings
from av_synth.verify.pixels.masks import Seen, View
from av_synth.verify.points.counts import SamplePoints
from av_synth.verify.points.timing import MaskTiming
from av_synth.verify.reading.model import Annotation

HEIGHT, WIDTH, FRAME_S, SAMPLES = 180, 320, 0.25, 5
INTRINSIC = np.array([[200.0, 0, 160], [0, 200.0, 90], [0, 0, 1]])
SENSOR = np.array([[0, 0, 1.0, 0], [-1.0, 0, 0, 0], [0, -1.0, 0, 1.7], [0, 0, 0, 1.0]])
WLH = (2.6, 5.2, 2.5)
BODY_M = 0.07  # so much less wide and high is the body than what the lidar sees: glass, mirrors, a ladder


def findings_of(start: tuple[float, float], velocity: tuple[float, float], late: int = 0) -> list[str]:
    """What is found of a truck whose face is there, ahead and to the left, with a camera late by so many frames."""
    findings = Findings()
    rows = [
        SimpleNamespace(
            timestamp_us=round(k * FRAME_S * 1e6), world_from_sensor=SENSOR, channel="CAM_BACK", sample_token=f"s{k}"
        )
        for k in range(2 * SAMPLES + 1)
    ]
    speed = np.array([*velocity, 0.0])
    scene = SimpleNamespace(name="scene-0001", data={"CAM_BACK": tuple(rows)}, velocity=lambda _: speed)
    check = MaskTiming(cast(Any, scene), "CAM_BACK", findings)
    y, z = (axis.ravel() for axis in np.meshgrid(np.linspace(-1.3, 1.3, 14), np.linspace(0.1, 2.5, 10)))
    for k in range(1, 2 * SAMPLES, 2):
        face = np.array([*start, 0.0]) + speed * k * FRAME_S
        place = (float(face[0]) + WLH[1] / 2, float(face[1]), WLH[2] / 2)
        truck = Annotation(
            f"a{k}", f"s{k}", "truck", "vehicle.truck", (), "4", place, (1.0, 0.0, 0.0, 0.0), WLH, 9, 0, "", ""
        )
        world = face + np.stack([np.zeros_like(y), y, z], axis=1)
        view = View(cast(Any, rows[k]), INTRINSIC, np.linalg.inv(SENSOR))
        shown = face - speed * late * FRAME_S
        corners = np.array(
            [[0, 1.3 - BODY_M, 0.3], [0, -1.3 + BODY_M, 0.3], [0, -1.3 + BODY_M, 2.38], [0, 1.3 - BODY_M, 2.38]]
        )
        camera = (shown + corners - SENSOR[:3, 3]) @ SENSOR[:3, :3]
        labels = np.zeros((HEIGHT, WIDTH), np.uint16)
        cv2.fillConvexPoly(labels, np.rint(view.project(camera)).astype(np.int32), 7)
        own = np.argwhere(labels == 7)[:, ::-1].astype(float)
        points = SamplePoints(np.zeros(3), world, np.zeros(len(world), np.int64), np.ones(len(world), np.int64))
        check.add(Seen(view, labels, [truck], [7], [own]), k, points)
    check.close()
    return [str(problem) for problem in findings.report("d", "v").problems]


def test_a_truck_that_comes_nearer_slowly_says_nothing_of_frames_in_which_it_is_a_little_smaller() -> None:
    assert findings_of((22.0, 0.0), (-6.0, 0.0)) == []


@pytest.mark.parametrize(("late", "word"), [(1, "late"), (-1, "early")])
def test_a_camera_that_is_a_frame_off_is_found_by_what_crosses_before_it(late: int, word: str) -> None:
    assert findings_of((12.0, -4.0), (0.0, 3.0)) == []

    found = findings_of((12.0, -4.0), (0.0, 3.0), late)

    assert len(found) == 1
    assert f"CAM_BACK is one frame {word}" in found[0]
