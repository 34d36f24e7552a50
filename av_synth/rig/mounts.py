"""Where sensors are on a car, and where those with nuScenes' own names look; those with other names look anywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from av_synth.rig.model import MAIN_CAMERA, MAIN_LIDAR, Mount

CAMERAS_DEG: Mapping[str, float] = {
    MAIN_CAMERA: 0.0,
    "CAM_FRONT_LEFT": 55.0,
    "CAM_FRONT_RIGHT": -55.0,
    "CAM_BACK_LEFT": 110.0,
    "CAM_BACK_RIGHT": -110.0,
    "CAM_BACK": 180.0,
}
"""Where nuScenes' cameras look, degrees to the left of ahead."""

_OTHERS_DEG = {
    MAIN_LIDAR: 0.0,
    "RADAR_FRONT": 0.0,
    "RADAR_FRONT_LEFT": 90.0,
    "RADAR_FRONT_RIGHT": -90.0,
    "RADAR_BACK_LEFT": 174.0,
    "RADAR_BACK_RIGHT": -176.0,
}
_SLACK_DEG, _RADAR_SLACK_DEG = 30.0, 60.0
_UPRIGHT = 0.7  # of the up axis, upwards: 45 degrees
_REACH_M = 12.0  # from the rear axle: a long bus
_NEEDED = (MAIN_CAMERA, MAIN_LIDAR)


def why_not_there(mount: Mount) -> str | None:
    """What is wrong with the place of a sensor, or None."""
    if mount.translation_m[2] < 0:
        return f"got z = {mount.translation_m[2]:g}, which is under the road; want 0 or more: z is up"
    far_m = math.hypot(*mount.translation_m)
    if far_m > _REACH_M:
        return f"got a place {far_m:.1f} m from the rear axle; want {_REACH_M:g} at most, in metres"
    return None


def why_not_so(channel: str, mount: Mount) -> str | None:
    """What is wrong with the direction of a sensor with one of nuScenes' names, or None."""
    wanted_deg = CAMERAS_DEG.get(channel, _OTHERS_DEG.get(channel))
    if wanted_deg is None:
        return None
    axes = mount.ego_from_sensor[:3, :3]
    if channel in CAMERAS_DEG:
        view, up = axes[:, 2], -axes[:, 1]
    else:
        view, up = axes[:, 1 if channel == MAIN_LIDAR else 0], axes[:, 2]
    slack_deg = _RADAR_SLACK_DEG if channel.startswith("RADAR") else _SLACK_DEG
    do = "turn it" if channel in _NEEDED else "turn it, or rename it, as other names may look anywhere"
    if up[2] < _UPRIGHT:
        tilt_deg = math.degrees(math.acos(float(np.clip(up[2], -1, 1))))
        return f"got one that is tilted by {tilt_deg:.0f} degrees; want 45 at most of nuScenes' {channel}; {do}"
    yaw_deg = math.degrees(math.atan2(view[1], view[0]))
    if abs(math.remainder(yaw_deg - wanted_deg, 360.0)) > slack_deg:
        want = f"want about {wanted_deg:g}, give or take {slack_deg:g}, where nuScenes' {channel} looks"
        return f"got one that looks {yaw_deg + 0.0:.0f} degrees to the left of ahead; {want}; {do}"
    return None
