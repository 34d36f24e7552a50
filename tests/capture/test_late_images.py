"""The exact-frame join on a server that sends late, in another order, and sometimes the wrong image."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth.capture import SensorArray
from av_synth.errors import SensorMissError
from av_synth.geometry.transforms import from_yaw
from av_synth.launch import launch_embedded
from av_synth.rig.model import Camera, Mount, Rig
from av_synth.session import actor_from_ego, open_session
from av_synth.simulator.profile import WRONG_EVERY

LOOKING_AHEAD = (0.5, -0.5, 0.5, -0.5)
CAMERAS = tuple(
    Camera(f"CAM_{side}", Mount((x_m, 0.0, 1.6), LOOKING_AHEAD), 1, 64, 36, 50.0, 50.0, 31.5, 17.5)
    for side, x_m in (("FRONT", 1.5), ("BACK", 0.0))
)
RIG = Rig("small", "", 50_000, 1, CAMERAS, (), ())


def test_late_images_are_joined_by_their_frame_and_one_of_another_frame_ends_the_run(tmp_path: Path):
    with (
        launch_embedded("AvSynth01", render_threads=1, profile="ue4+wrong_frames") as address,
        open_session(address, "AvSynth01", 50_000, 5, tmp_path) as session,
    ):
        ego = session.spawn("vehicle.audi.a2", from_yaw(182.5, 58.25, 0.3, 0.0), role="ego")
        begun = session.tick().frame
        first, wrong = session.begin_recording(40), begun + WRONG_EVERY - 1
        sensors = SensorArray(session, ego, actor_from_ego(ego), RIG, first, 0)
        states = [session.tick() for _ in range(begun + 1, wrong)]
        seen = [sensors.collect(state) for state in states if state.frame >= first]
        state = session.tick()
        with pytest.raises(SensorMissError) as caught:
            sensors.collect(state)

    assert [frames.state.frame for frames in seen] == list(range(first, wrong))
    assert all(set(frames.labels) == {"CAM_FRONT", "CAM_BACK"} for frames in seen)
    assert (caught.value.sensor, caught.value.frame) == ("CAM_FRONT (sensor.camera.depth)", wrong)
    assert caught.value.reason == f"frame {wrong - 1} came late or twice"
