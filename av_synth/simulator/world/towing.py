"""What is towed: a rear section follows the hitch of its vehicle, and its wheels roll without slipping sideways.

The hitch leads, the axle follows along the line to it (a tractrix; R. Rajamani, Vehicle Dynamics and Control, 2nd ed.,
section 2.2, the same no-slip assumption as for the vehicle). It has no weight of its own: the vehicle does not feel it,
and it touches nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import HITCH_X, TOWS, Body
from av_synth.simulator.world.arrays import BodyArrays
from av_synth.simulator.world.dynamics import Ground

_TELEPORT_M = 5.0  # further in one step than anything drives: it was put there, and is straight again
_STILL_M = 1e-7


@dataclass(frozen=True)
class Hitch:
    """Metres forward of the origins: the hitch on the vehicle and on what it tows, and the axle of the latter."""

    on_vehicle_m: float
    on_towed_m: float
    axle_m: float

    @staticmethod
    def between(vehicle: Body | None, towed: Body | None) -> Hitch | None:
        """The hitch between two bodies; None where the one is not made to tow the other."""
        if vehicle is None or towed is None or vehicle.attributes.get(TOWS) != towed.blueprint_id:
            return None
        axle_m = float(np.mean([wheel.position_m[0] for wheel in towed.wheels]))
        return Hitch(float(vehicle.attributes[HITCH_X]), float(towed.attributes[HITCH_X]), axle_m)


def tow(arrays: BodyArrays, towed: int, vehicle: int, hitch: Hitch, dt: float, ground: Ground) -> None:
    """Let row `towed` follow row `vehicle` for a step of `dt` seconds; pose and velocities, in place."""
    lead, pose = arrays.pose[vehicle], arrays.pose[towed]
    hook = lead[:3, 3] + hitch.on_vehicle_m * lead[:3, 0]
    before = pose[:3, 3] + hitch.on_towed_m * pose[:3, 0]
    arrays.velocity[towed] = arrays.angular[towed] = 0.0
    way = float(np.linalg.norm(hook - before))
    if way < _STILL_M:
        return
    old, heading = pose[:3, 3].copy(), float(np.arctan2(pose[1, 0], pose[0, 0]))
    length = hitch.on_towed_m - hitch.axle_m
    straight = way > _TELEPORT_M
    axle = hook - length * lead[:3, 0] if straight else pose[:3, 3] + hitch.axle_m * pose[:3, 0]
    yaw = float(np.arctan2(hook[1] - axle[1], hook[0] - axle[0]))
    x, y = hook[0] - length * np.cos(yaw), hook[1] - length * np.sin(yaw)
    pitch = float(np.arctan2(hook[2] - float(ground(np.array([x]), np.array([y]))[0]), length))
    pose[:3, :3] = _rotation(yaw, pitch)
    pose[:3, 3] = hook - hitch.on_towed_m * pose[:3, 0]
    if not straight:
        arrays.velocity[towed] = (pose[:3, 3] - old) / dt
        arrays.angular[towed, 2] = float(np.arctan2(np.sin(yaw - heading), np.cos(yaw - heading))) / dt


def _rotation(yaw: float, pitch: float) -> Array:
    """Rz(yaw) Ry(-pitch), nose up for a positive pitch."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    return np.array([[cy * cp, -sy, -cy * sp], [sy * cp, cy, -sy * sp], [sp, 0.0, cp]])
