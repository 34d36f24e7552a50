"""A camera of 64 by 36 pixels at the front of the ego, and a rig of it."""

from __future__ import annotations

from av_synth.rig.model import Camera, Lidar, Mount, Rig

CAMERA = Camera("CAM_FRONT", Mount((1.5, 0.0, 1.6), (0.5, -0.5, 0.5, -0.5)), 1, 64, 36, 50.0, 50.0, 31.5, 17.5)


def small_rig(*lidars: Lidar, keyframe_every: int = 1) -> Rig:
    """At 20 Hz, that camera and these lidars."""
    return Rig("small", "", 50_000, keyframe_every, (CAMERA,), lidars, ())
