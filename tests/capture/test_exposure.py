"""Whether a camera's exposure has settled: by its last images, and on a server whose first ones are black."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from av_synth.capture import SensorArray
from av_synth.capture.exposure import sample, why_unstable
from av_synth.errors import UnsettledError
from av_synth.geometry.transforms import from_yaw
from av_synth.launch import launch_embedded
from av_synth.session import actor_from_ego, open_session
from tests.small_camera import small_rig

RIG = small_rig()


def scene(gain: float, seed: int = 1) -> np.ndarray:
    """Pixels (N, 3) of some scene, so many times as bright."""
    pixels = np.random.default_rng(seed).uniform(20.0, 150.0, (500, 3))
    return np.clip(pixels * gain, 0.0, 255.0).astype(np.uint8)


def test_images_of_one_exposure_are_stable_and_those_that_become_brighter_or_darker_are_not():
    assert why_unstable([scene(1.0)] * 5) is None
    assert why_unstable([scene(1.0 + 0.01 * step) for step in range(5)]) is None
    assert why_unstable([scene(1.5 - 0.1 * step) for step in range(5)]).startswith("became 0.73 times as bright")
    assert why_unstable([scene(1.0 + 0.1 * step) for step in range(5)]).startswith("became 1.40 times as bright")


def test_a_bright_thing_that_comes_into_the_picture_is_no_change_of_exposure():
    seen = [scene(1.0) for _ in range(5)]
    for step, pixels in enumerate(seen):
        pixels[: 40 * step] = 240

    assert np.mean(seen[-1]) > 1.3 * np.mean(seen[0])
    assert why_unstable(seen) is None


def test_a_blank_image_is_told_and_a_night_too_dark_to_tell_is_stable():
    assert why_unstable([scene(0.0), *[scene(1.0)] * 4]) == "was blank in 1 of its last 5 images, 0 everywhere"
    assert why_unstable([scene(0.02), scene(0.04)]) is None
    assert why_unstable([]) is None


def test_the_fourth_channel_of_an_image_means_nothing():
    image = np.dstack([np.full((36, 64, 3), 7, np.uint8), np.full((36, 64), 255, np.uint8)])

    assert set(sample(image).ravel().tolist()) == {7}


@pytest.mark.long
def test_a_recording_that_would_begin_with_wrong_exposure_is_refused_and_one_after_two_seconds_is_not(tmp_path: Path):
    with (
        launch_embedded("AvSynth01", render_threads=1, profile="ue4") as address,
        open_session(address, "AvSynth01", 50_000, 5, tmp_path) as session,
    ):
        ego = session.spawn("vehicle.audi.a2", from_yaw(182.5, 58.25, 0.3, 0.0), role="ego")
        state = session.tick()
        for ticks, message in ((7, "CAM_FRONT was blank in 2 of its last 5 images"), (40, None)):
            sensors = SensorArray(session, ego, actor_from_ego(ego), RIG, session.begin_recording(ticks), 0)
            for _ in range(ticks - 2):
                state = session.tick()
                sensors.warm_up(state)
            state = session.tick()
            if message is None:
                sensors.warm_up(state)
            else:
                with pytest.raises(UnsettledError, match=rf"frame {state.frame}, the last before recording: {message}"):
                    sensors.warm_up(state)
            state = session.tick()
            assert sensors.collect(state).cameras.keys() == {"CAM_FRONT"}
