from types import SimpleNamespace

import pytest

from av_synth.capture.join import FrameQueue
from av_synth.errors import SensorMissError


def queue_of(*frames: int, period: int = 1, gone: str | None = None) -> FrameQueue:
    queue = FrameQueue("CAM_FRONT", lambda frame: frame % period == 0, lambda: gone)
    for frame in frames:
        queue.put(SimpleNamespace(frame=frame))
    return queue


def test_the_frame_asked_for_is_given():
    queue = queue_of(40, 41)

    assert queue.get(40, 1.0).frame == 40
    assert queue.get(41, 1.0).frame == 41


def test_frames_that_are_not_due_are_passed_over():
    assert queue_of(41, 42, 43, 44, period=4).get(44, 1.0).frame == 44


def test_late_frame_is_an_error_not_a_skip():
    with pytest.raises(SensorMissError, match=r"CAM_FRONT: frame 41: frame 40 came late or twice") as caught:
        queue_of(40, 41).get(41, 1.0)

    assert (caught.value.sensor, caught.value.frame) == ("CAM_FRONT", 41)


def test_a_skipped_frame_names_the_one_that_came():
    with pytest.raises(SensorMissError, match="frame 40: was skipped: frame 42 came instead"):
        queue_of(42).get(40, 1.0)


def test_a_missing_frame_is_an_error_after_the_bound():
    with pytest.raises(SensorMissError, match="frame 40: did not come within 0 s"):
        queue_of().get(40, 0.0)


def test_a_dead_simulator_is_named_before_the_bound_is_over():
    with pytest.raises(SensorMissError, match="signal 9"):
        queue_of(gone="the simulator process ended with signal 9").get(40, 60.0)
