"""Lidar points in a box and the mask of what is in it, both made here: a car ahead, seen by a lidar of few beams."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from av_synth.verify.findings import Findings
from av_synth.verify.pixels.masks import Seen, View
from av_synth.verify.pixels.points_on_masks import PointsOnMasks
from av_synth.verify.points.counts import SamplePoints
from av_synth.verify.reading.model import Annotation

HEIGHT, WIDTH, SAMPLES = 270, 480, 20
INTRINSIC = np.array([[350.0, 0, 240], [0, 350.0, 135], [0, 0, 1]])
CAMERA_FROM_WORLD = np.array([[0, -1.0, 0, 0], [0, 0, -1.0, 1.5], [1.0, 0, 0, 0], [0, 0, 0, 1.0]])
CAR_WLH = (1.8, 4.5, 1.5)


def findings_of(start_m: float, step_m: float, body: int, road: int, aside_px: int = 0) -> list[str]:
    """What is found where each sample has so many points of the body and of the road below it, under its bumper."""
    findings = Findings()
    scene = cast(Any, SimpleNamespace(name="scene-0001", sample_name=lambda token: f"sample {token}"))
    check = PointsOnMasks(scene, findings)
    for k in range(SAMPLES):
        rear_m = start_m - step_m * k
        place = (rear_m + CAR_WLH[1] / 2, 0.0, CAR_WLH[2] / 2)
        upright = (1.0, 0.0, 0.0, 0.0)
        car = Annotation(
            f"a{k}", f"s{k}", "car", "vehicle.car", (), "4", place, upright, CAR_WLH, body + road, 0, "", ""
        )
        y = np.linspace(-0.8, 0.8, body + road)
        low = np.arange(body + road) < road
        world = np.stack([np.full_like(y, rear_m + 0.02) + 0.3 * low, y, np.where(low, 0.015, 0.9)], axis=1)
        data = cast(Any, SimpleNamespace(channel="CAM_FRONT", filename="f", sample_token=f"s{k}"))
        view = View(data, INTRINSIC, CAMERA_FROM_WORLD)
        labels = np.zeros((HEIGHT, WIDTH), np.uint16)
        corners = np.array([[-0.88, 1.5 - 1.45, rear_m], [0.88, 1.5 - 0.25, rear_m]])  # wheels and all below are dark
        (left, top), (right, bottom) = np.rint(view.project(corners)).astype(int)
        labels[top : bottom + 1, left + aside_px : right + 1 + aside_px] = 7
        rows, columns = np.nonzero(labels)
        seen = Seen(view, labels, [car], [7], [np.stack([columns, rows], axis=1).astype(float)])
        owner = np.zeros(len(world), dtype=np.int64)
        check.add(seen, SamplePoints(np.zeros(3), world, owner, np.ones(len(world), dtype=np.int64)))
    check.close()
    return [str(problem) for problem in findings.report("d", "v").problems]


@pytest.mark.parametrize("step_m", [0.0, 0.3])
def test_points_of_the_road_under_a_car_are_not_held_against_its_mask(step_m: float) -> None:
    assert findings_of(14.0, step_m, body=4, road=4) == []


def test_points_of_a_body_that_miss_its_mask_are_found_though_each_turn_has_few() -> None:
    found = findings_of(14.0, 0.3, body=4, road=4, aside_px=40)

    assert len(found) == 1
    assert "of 80 lidar points in boxes that are fully visible" in found[0]


def test_points_that_miss_a_mask_in_a_scene_that_stands_still_are_counted_once() -> None:
    assert findings_of(8.0, 0.0, body=4, road=4, aside_px=60) == []
    assert findings_of(8.0, 0.0, body=80, road=4, aside_px=60) != []
