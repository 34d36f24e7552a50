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
