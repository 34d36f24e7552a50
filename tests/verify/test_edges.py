"""Edges of masks, held against images that are made here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from av_synth.verify.findings import Findings
from av_synth.verify.pixels.edges import EdgeCheck

HEIGHT, WIDTH, FRAMES = 90, 160, 6


def judge(boxed: bool) -> Findings:
    """A bright bar moves on; each mask has it where it is two frames later, with a box or without."""
    findings = Findings()
    scene = cast(Any, SimpleNamespace(name="scene-0001", sample_name=lambda token: f"sample {token}"))
    check = EdgeCheck(scene, "CAM_FRONT", findings)
    for frame in range(FRAMES):
        image, labels = np.full((HEIGHT, WIDTH), 90, np.uint8), np.zeros((HEIGHT, WIDTH), np.uint16)
        image[5:85, 10 + 8 * frame : 70 + 8 * frame] = 200
        labels[5:85, 26 + 8 * frame : 86 + 8 * frame] = 7
        seen = SimpleNamespace(labels=labels, values=[7, None] if boxed else [None])
        check.add(cast(Any, SimpleNamespace(filename=f"{frame}.jpg", sample_token=str(frame))), image, cast(Any, seen))
    check.close()
    return findings


@pytest.mark.parametrize("boxed", [True, False])
def test_masks_of_another_frame_are_found_by_what_has_a_box_and_the_rim_of_the_ego_says_nothing(boxed: bool) -> None:
    assert (judge(boxed).count("image_on_masks") > 0) is boxed


def turned(left: int, over: bool) -> Findings:
    """A bright bar from a column on that stands still; the image is turned over, or not."""
    findings = Findings()
    scene = cast(Any, SimpleNamespace(name="scene-0001", sample_name=lambda token: f"sample {token}"))
    check = EdgeCheck(scene, "CAM_FRONT", findings)
    for frame in range(FRAMES):
        image, labels = np.full((HEIGHT, WIDTH), 90, np.uint8), np.zeros((HEIGHT, WIDTH), np.uint16)
        image[5:80, left : left + 60] = 200
        labels[5:80, left : left + 60] = 7
        data = cast(Any, SimpleNamespace(filename=f"{frame}.jpg", sample_token=str(frame)))
        check.add(data, image[:, ::-1] if over else image, cast(Any, SimpleNamespace(labels=labels, values=[7])))
    check.close()
    return findings


@pytest.mark.parametrize(("left", "over", "found"), [(50, False, False), (10, False, False), (10, True, True)])
def test_what_is_alike_on_both_sides_and_in_the_middle_is_not_taken_for_an_image_turned_over(left, over, found):
    assert (turned(left, over).count("image_on_masks") > 0) is found
