"""Vignetting and noise of a rig's cameras in what a frame holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from av_synth import rig
from av_synth.capture import CameraImage, CameraTraces, FrameSet
from av_synth.log.state import WorldState
from av_synth.rig.model import Exposure, Noise, Rig

NOISE = Noise(full_well_e=8000.0, read_noise_e=5.0)


def rig_with(**changes: object) -> Rig:
    """The tiny rig, of which CAM_FRONT has something."""
    tiny = rig.load("tiny")
    front, back = tiny.cameras
    return replace(tiny, cameras=(replace(front, **changes), back))


def frame(index: int) -> FrameSet:
    image = CameraImage(np.full((180, 320, 4), 120, dtype=np.uint8))
    state = WorldState(index, 0, {}, {})
    return FrameSet(index, state, np.eye(4), False, {"CAM_FRONT": image, "CAM_BACK": image}, {}, {}, {})


def seen(index: int, looks: Rig, seed: int = 1, scenario: str = "one") -> np.ndarray:
    return CameraTraces(scenario, seed, looks).apply(frame(index)).cameras["CAM_FRONT"].bgra


def test_noise_is_of_run_channel_and_frame() -> None:
    noisy = rig_with(noise=NOISE)
    first = seen(0, noisy)

    np.testing.assert_array_equal(seen(0, noisy), first)
    for other in (seen(2, noisy), seen(0, noisy, seed=2), seen(0, noisy, scenario="two")):
        assert (other != first).mean() > 0.2
    assert 1.0 < first[..., :3].std() < 4.0


def test_gain_makes_more_of_it() -> None:
    exposure = Exposure(5.0, 1600.0, None, 0.0)

    assert seen(0, rig_with(noise=NOISE, exposure=exposure)).std() > 3 * seen(0, rig_with(noise=NOISE)).std()


def test_the_dark_corners_are_around_the_principal_point() -> None:
    image = seen(0, rig_with(vignetting_ev=2.0, cx_px=40.0, cy_px=30.0))

    assert image[30, 40, 0] == 120
    assert image[179, 319, 0] < image[0, 319, 0] < image[0, 0, 0] <= 120


def test_cameras_without_either_keep_the_image_that_came() -> None:
    frames = frame(0)
    traced = CameraTraces("one", 1, rig_with(noise=NOISE)).apply(frames)

    assert traced.cameras["CAM_BACK"] is frames.cameras["CAM_BACK"]
    assert CameraTraces("one", 1, rig.load("tiny")).apply(frames) is frames
