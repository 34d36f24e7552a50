"""Wheels as pictures show them: rolled as far as frames showed their vehicle go, and steered as its driver asks.

All of it comes from what frames show and from the control, not from how a vehicle is moved, so that one that is put
where a log says it was looks the same to the bit. `wheels` tells clients the angles of the physics, which differ by
roundings. A vehicle whose driver asks for no steering has its wheels the way its path goes: such are those that are
moved without being driven.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Rolling
from av_synth.simulator.world.arrays import CURVE_KNOTS, CURVE_STEP_KMH, BodyArrays
from av_synth.simulator.world.model import Actor

_LAG_S = 0.08  # of the steering, as in the dynamics
_FASTEST_MPS = 90.0  # further in a frame is a jump, which turns no wheel
_RESTS_MPS = 0.003  # less is the rounding of poses, and a body that leans
_CREEPS_MPS = 0.1  # slower than this a path is no line to be steered along
_MOST_RAD = float(np.radians(42.0))  # what an arch has room for
_STRAIGHT_RAD = 1e-6
_SLOW_TELLS_RAD = 1e-4

_Rows: TypeAlias = npt.NDArray[np.intp]
Turned: TypeAlias = tuple[Array, Array]
"""From the body's frame to that of each wheel (W, 4, 4), now and on the frame before."""


def turn_wheels(arrays: BodyArrays, delta_s: float) -> None:
    """Turn the wheels of all vehicles on, after `BodyArrays.show`."""
    arrays.last_rolled_m[:], arrays.last_steer_rad[:] = arrays.shown_rolled_m, arrays.shown_steer_rad
    rows = np.flatnonzero(arrays.is_vehicle & (arrays.wheelbase > 0.0))
    if not len(rows) or delta_s <= 0.0:
        return
    now, last = arrays.shown_pose[rows], arrays.last_pose[rows]
    heading = now[:, :2, 0] + last[:, :2, 0]
    heading /= np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-9)
    rear = arrays.rear_x[rows, None]
    way = now[:, :2, 3] + rear * now[:, :2, 0] - last[:, :2, 3] - rear * last[:, :2, 0]
    ahead = (way * heading).sum(axis=1)
    ahead[np.hypot(way[:, 0], way[:, 1]) > _FASTEST_MPS * delta_s] = 0.0
    ahead[np.abs(ahead) < _RESTS_MPS * delta_s] = 0.0
    arrays.shown_rolled_m[rows] += ahead
    asked = arrays.asked[rows, 2].astype(np.float32).astype(np.float64)  # logs have it so
    turning = last[:, 0, 0] * now[:, 1, 0] - last[:, 1, 0] * now[:, 0, 0]
    wanted = np.where(
        asked != 0.0,
        -asked * arrays.max_steer[rows] * _share(arrays, rows, np.abs(ahead) / delta_s),
        _along_path(ahead / delta_s, turning / delta_s, arrays.wheelbase[rows]),
    )
    before = arrays.shown_steer_rad[rows]
    after = before + (wanted - before) * (1.0 - np.exp(-delta_s / _LAG_S))
    arrays.shown_steer_rad[rows] = np.where(np.abs(wanted - after) < _SLOW_TELLS_RAD, wanted, after)


def _share(arrays: BodyArrays, rows: _Rows, speed_mps: Array) -> Array:
    """What is left of the greatest angle at a speed (R,)."""
    knot = np.minimum(speed_mps * 3.6 / CURVE_STEP_KMH, CURVE_KNOTS - 1.001)
    low = knot.astype(np.intp)
    curve, at = arrays.steer_curve[rows], np.arange(len(rows))
    return np.asarray(curve[at, low] + (curve[at, low + 1] - curve[at, low]) * (knot - low))


def _along_path(speed_mps: Array, turning_radps: Array, wheelbase_m: Array) -> Array:
    """The angle (R,) that takes a path; that of who stands is straight ahead."""
    moves = np.abs(speed_mps) > _CREEPS_MPS
    path = np.arctan(wheelbase_m * turning_radps / np.where(moves, speed_mps, 1.0))
    return np.where(moves, np.clip(path, -_MOST_RAD, _MOST_RAD), 0.0)


def turned(arrays: BodyArrays) -> dict[int, Turned]:
    """By row, the wheels of the vehicles whose wheels are not as in the meshes of their bodies."""
    told = arrays.shown_rolled_m, arrays.shown_steer_rad, arrays.last_rolled_m, arrays.last_steer_rad
    moved = np.any([each != 0.0 for each in told], axis=0)
    found = [
        (k, actor, actor.body.rolling)
        for k, actor in enumerate(arrays.actors)
        if actor.vehicle is not None
        and actor.body is not None
        and actor.body.rolling is not None
        and (moved[k] or actor.vehicle.shown_wheels)
    ]
    if not found:
        return {}
    rows = np.array([k for k, _, _ in found], dtype=np.intp)
    rollings = [rolling for _, _, rolling in found]
    counts = [len(rolling.wheels) for rolling in rollings]
    owner = np.repeat(rows, counts)
    parts = _Wheels(arrays, owner, rollings)
    ends = np.cumsum(counts)
    poses = []
    for rolled_m, middle_rad in (
        (arrays.shown_rolled_m, arrays.shown_steer_rad),
        (arrays.last_rolled_m, arrays.last_steer_rad),
    ):
        steer, roll = parts.steered(middle_rad[owner]), rolled_m[owner] / parts.radius_m
        for (_, actor, _), end, count in zip(found, ends.tolist(), counts, strict=True):
            _set_by_hand(actor, steer[end - count : end], roll[end - count : end])
        poses.append(parts.poses(np.clip(steer, -_MOST_RAD, _MOST_RAD) * parts.shows_steering, roll))
    return {
        k: (poses[0][end - count : end], poses[1][end - count : end])
        for k, end, count in zip(rows.tolist(), ends.tolist(), counts, strict=True)
    }


def _set_by_hand(actor: Actor, steer: Array, roll: Array) -> None:
    """Overwrite angles (W,) by those that a client gave to wheels of a vehicle without physics."""
    if actor.vehicle is None or actor.body is None:
        return
    own = np.array([wheel.position_m for wheel in actor.body.wheels])
    for index, angles in actor.vehicle.shown_wheels.items():
        # the physics control counts them from the front, a body from the rear
        k = int(np.argmin(np.linalg.norm(own - actor.vehicle.physics.wheels[index].position_m, axis=1)))
        steer[k], roll[k] = -np.radians(angles.steer_deg), -np.radians(angles.pitch_deg)
        if actor.body.wheels[k].steered:
            steer[len(own) :] = steer[k]


class _Wheels:
    """The wheels of several vehicles, (K,) in all."""

    def __init__(self, arrays: BodyArrays, owner: _Rows, rollings: list[Rolling]) -> None:
        self._hub_m = np.concatenate([each.hubs_m for each in rollings])
        self.radius_m = np.concatenate([each.radii_m for each in rollings])
        self._half_m = np.concatenate([each.half_m for each in rollings])
        self._room_m = np.concatenate([each.room_m for each in rollings])
        self._rake_rad = np.concatenate([np.full(len(each.wheels), each.rake_rad) for each in rollings])
        self.shows_steering = np.concatenate([each.steered for each in rollings])
        self._wheelbase_m = arrays.wheelbase[owner]
        self._ahead_m = self._hub_m[:, 0] - arrays.rear_x[owner]

    def steered(self, middle_rad: Array) -> Array:
        """The angle to the left (K,) of each that is steered, for that of its axle's middle; see `wheels`."""
        turning = np.where(np.abs(middle_rad) < _STRAIGHT_RAD, _STRAIGHT_RAD, middle_rad)
        round_m = self._wheelbase_m / np.tan(turning)
        side = np.sign(round_m)
        angle = np.arctan2(side * self._ahead_m, side * (round_m - self._hub_m[:, 1]))
        angle = np.where(self._rake_rad > 0.0, np.arctan(np.tan(angle) / np.cos(self._rake_rad)), angle)
        return np.where(self.shows_steering & (np.abs(middle_rad) >= _STRAIGHT_RAD), angle, 0.0)

    def poses(self, steer_rad: Array, roll_rad: Array) -> Array:
        """(K, 4, 4) from the body's frame; a steered wheel draws in so far that it stays in the body's box."""
        s, c = np.sin(steer_rad), np.cos(steer_rad)
        leans = self._rake_rad > 0.0
        roll = roll_rad + np.where(self.shows_steering, self._rake_rad, 0.0)
        sr, cr = np.sin(roll), np.cos(roll)
        stands_out = self._half_m * c + np.where(leans, 0.0, self.radius_m) * np.abs(s) - self._room_m
        drawn_in = np.where((s != 0.0) & ~leans, np.maximum(stands_out, 0.0), 0.0)
        poses = np.zeros((len(s), 4, 4))
        poses[:, 0, :3] = np.stack([c * cr, -s, c * sr], axis=1)
        poses[:, 1, :3] = np.stack([s * cr, c, s * sr], axis=1)
        poses[:, 2, 0], poses[:, 2, 2] = -sr, cr
        for k in np.flatnonzero(leans & self.shows_steering).tolist():
            poses[k, :3, :3] = _pitched(-float(self._rake_rad[k])) @ poses[k, :3, :3]
        poses[:, :3, 3] = self._hub_m
        poses[:, 1, 3] -= np.sign(self._hub_m[:, 1]) * drawn_in
        poses[:, 3, 3] = 1.0
        return poses


def _pitched(angle_rad: float) -> Array:
    """Rotation (3, 3) about y."""
    s, c = np.sin(angle_rad), np.cos(angle_rad)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
