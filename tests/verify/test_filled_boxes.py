"""How far a body fills its box, in masks that are made here: a van behind a camera, with a low nose and wheels."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from av_synth.verify.findings import Findings
from av_synth.verify.pixels.masks import SceneMasks
from av_synth.verify.reading.model import Annotation

HEIGHT, WIDTH = 180, 320
INTRINSIC = np.array([[190.0, 0, 160], [0, 190.0, 90], [0, 0, 1]])
SENSOR = np.array([[0, 0, 1.0, 0], [-1.0, 0, 0, 0], [0, -1.0, 0, 1.58], [0, 0, 0, 1.0]])
LWH = np.array([5.95, 2.0, 2.59])
# the side of the van, its nose towards the camera: roof, back, rear and front wheel, bumper, bonnet
SIDE = [(2.1, 2.52), (5.93, 2.52), (5.93, 0.3), (5.1, 0.02), (1.1, 0.02), (0.02, 0.35), (0.02, 1.2)]


def findings_of(folder: Path, noses_m: list[float], larger: float = 1.0) -> list[str]:
    """What is found where the van's nose is so far ahead, sample by sample, and its boxes are so much too large."""
    findings = Findings()
    vans = []
    for k, nose_m in enumerate(noses_m):
        place = (nose_m + LWH[0] / 2, 0.6, LWH[2] / 2)
        length, width, high = (LWH * larger).tolist()
        vans.append(
            Annotation(
                f"a{k}",
                f"s{k}",
                "van",
                "vehicle.car",
                (),
                "4",
                place,
                (1.0, 0.0, 0.0, 0.0),
                (width, length, high),
                9,
                0,
                "",
                "",
            )
        )
    scene = SimpleNamespace(
        name="scene-0001",
        annotations={van.sample_token: (van,) for van in vans},
        tracks={"van": [(k, van) for k, van in enumerate(vans)]},
        sample_name=str,
    )
    masks = SceneMasks(cast(Any, SimpleNamespace(root=folder)), cast(Any, scene), cast(Any, None), findings)
    for k, nose_m in enumerate(noses_m):
        body = np.array([(nose_m + x, 0.6 + side * 0.98, z) for x, z in SIDE for side in (-1, 1)])
        camera = (body - SENSOR[:3, 3]) @ SENSOR[:3, :3]
        pixels = camera[:, :2] / camera[:, 2:] * INTRINSIC[0, 0] + INTRINSIC[:2, 2]
        labels = np.zeros((HEIGHT, WIDTH), np.uint16)
        cv2.fillConvexPoly(labels, cv2.convexHull(np.rint(pixels).astype(np.int32)), 7)
        cv2.imwrite(str(folder / f"{k}.png"), labels)
        calibration = SimpleNamespace(intrinsic=INTRINSIC, lens=None, read_out_us=0)
        data = SimpleNamespace(
            channel="CAM_BACK",
            sample_token=f"s{k}",
            width=WIDTH,
            height=HEIGHT,
            calibration=calibration,
            world_from_sensor=SENSOR,
        )
        mask = SimpleNamespace(token=f"m{k}", filename=f"{k}.png", instances={7: "van"})
        masks.add(cast(Any, data), cast(Any, mask), None, None)
    masks.close()
    return [str(problem) for problem in findings.report("d", "v").problems if problem.check == "box_in_mask"]


def test_a_van_that_stands_before_a_camera_that_stands_is_seen_once(tmp_path: Path) -> None:
    assert findings_of(tmp_path, [9.4] * 11, larger=1.2) == []


def test_a_long_body_near_by_need_not_reach_the_nearest_edges_of_its_box(tmp_path: Path) -> None:
    assert findings_of(tmp_path, [8.2, 8.3, 8.4, 8.5]) == []


@pytest.mark.parametrize("nose_m", [9.4, 11.0, 14.0])
def test_a_box_too_large_is_found_from_three_standpoints_and_its_instance_and_camera_are_named(
    nose_m: float, tmp_path: Path
) -> None:
    found = findings_of(tmp_path, [nose_m, nose_m + 0.1, nose_m + 0.2, nose_m + 0.2], larger=1.2)

    assert len(found) == 1
    assert "token=van" in found[0]
    assert "in 3 clear views of CAM_BACK; want 55% and" in found[0]
