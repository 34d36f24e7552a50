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


def blinking(moves_px: int, late: int) -> Findings:
    """A dark car by night, of which two lamps on its roof blink in the frame after each keyframe; it may move on."""
    findings = Findings()
    scene = cast(Any, SimpleNamespace(name="scene-0001", sample_name=lambda token: f"sample {token}"))
    check = EdgeCheck(scene, "CAM_FRONT", findings)
    for frame in range(24):
        left, before = (5 + moves_px * max(k, 0) for k in (frame, frame - late))
        image, labels = np.full((HEIGHT, WIDTH), 40, np.uint8), np.zeros((HEIGHT, WIDTH), np.uint16)
        rows = np.s_[30 - frame // 10 : 80 + frame // 5]  # it comes nearer: no mask is as the one before
        image[rows, before : before + 60] = 25
        if frame % 5 == 3:
            image[28:34, before + 10 : before + 14] = image[28:34, before + 40 : before + 44] = 250
        labels[rows, left : left + 60] = 7
        data = cast(Any, SimpleNamespace(filename=f"{frame}.jpg", sample_token=str(frame)))
        seen = cast(Any, SimpleNamespace(labels=labels, values=[7])) if frame % 5 == 2 else None
        check.add(data, image, seen)
    check.close()
    return findings


@pytest.mark.parametrize(("moves_px", "late", "found"), [(0, 0, False), (4, 0, False), (4, 1, True)])
def test_lamps_that_blink_in_the_dark_are_not_taken_for_masks_of_another_frame(moves_px, late, found):
    assert (blinking(moves_px, late).count("image_on_masks") > 0) is found


def test_a_scene_that_stands_still_is_one_piece_of_evidence() -> None:
    assert turned(10, False).report("d", "v").counts["image_on_masks"] == 1


def on_a_street(kind: str) -> str:
    """A pale animal on a plain road, before houses full of windows; its image may be another one."""
    findings = Findings()
    scene = cast(Any, SimpleNamespace(name="scene-0001", sample_name=lambda token: f"sample {token}"))
    check = EdgeCheck(scene, "CAM_FRONT", findings)
    windows = np.kron(np.indices((30, 40)).sum(axis=0) % 2, np.ones((4, 4)))[:HEIGHT] * 150 + 50
    windows[:, 125:] = 90
    labels, image = np.zeros((HEIGHT, WIDTH), np.uint16), windows.copy()
    labels[52:82, 30:110] = 7
    image[45:] = 90
    image[labels == 7] = 120
    dark = np.random.default_rng(0).normal(20, 5, image.shape)
    shown = {"own": image, "turned": image[::-1], "another's": windows, "dark": dark}[kind].astype(np.uint8)
    data = cast(Any, SimpleNamespace(filename="0.jpg", sample_token="0"))
    check.add(data, shown, cast(Any, SimpleNamespace(labels=labels, values=[7])))
    check.close()
    return "; ".join(map(str, findings.report("d", "v").problems))


@pytest.mark.parametrize(
    ("kind", "says"),
    [("own", ""), ("turned", "are upside down: "), ("another's", "show something else than its masks: "), ("dark", "")],
)
def test_edges_are_held_against_what_is_beside_them_and_not_against_windows_elsewhere(kind, says):
    told = on_a_street(kind)
    assert says in told if says else not told
