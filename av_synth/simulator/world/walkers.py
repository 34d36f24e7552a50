"""One step of everything that moves but is no vehicle: walkers along their control, loose props sliding to rest."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.town.relief import FLAT, Relief
from av_synth.simulator.world.arrays import BodyArrays, Rows
from av_synth.simulator.world.dynamics import GRAVITY_MPS2, Ground

_TURN_RADPS = 8.0
_SLIDE_MPS2 = 5.0  # a body sliding over asphalt or pavement
_SPIN_DECAY_RADPS2 = 8.0
_STEP_UP_LAG_S = 0.08
_DROP_M = 0.2


def step_walkers(arrays: BodyArrays, dt: float, ground: Ground, relief: Relief = FLAT) -> None:
    """Walkers go at the speed they want at once, face where they go, and stand on the ground. In place."""
    rows = np.flatnonzero(arrays.is_walker & arrays.physics & ~arrays.attached)
    if len(rows) == 0:
        return
    walk, led = arrays.walk[rows], arrays.led[rows]
    pushed = arrays.knock[rows] + arrays.force[rows, :2] * (dt / arrays.mass[rows])[:, None]
    knock = _towards_zero(pushed, _SLIDE_MPS2 * dt)
    velocity = walk + knock
    arrays.knock[rows] = knock
    arrays.velocity[rows, :2] = velocity
    moved = np.where(led[:, None], 0.0, velocity * dt)
    hill = _hill_m(arrays, rows, relief)
    arrays.pose[rows, :2, 3] += moved
    walking = np.hypot(walk[:, 0], walk[:, 1])

    pose = arrays.pose[rows]
    yaw = np.arctan2(pose[:, 1, 0], pose[:, 0, 0])
    wanted = np.where(walking > 0.0, np.arctan2(walk[:, 1], walk[:, 0]), yaw)
    off = np.arctan2(np.sin(wanted - yaw), np.cos(wanted - yaw))
    turn = np.where(led, 0.0, np.clip(off, -_TURN_RADPS * dt, _TURN_RADPS * dt))
    arrays.angular[rows] = 0.0
    arrays.angular[rows, 2] = turn / dt
    _face(arrays, rows[turn != 0.0], (yaw + turn)[turn != 0.0])
    _stand(arrays, rows, dt, ground, _hill_m(arrays, rows, relief) - hill)


def step_props(arrays: BodyArrays, dt: float, ground: Ground, relief: Relief = FLAT) -> None:
    """Props that simulate physics slide and spin to rest, and fall to the ground. In place."""
    rows = np.flatnonzero(~arrays.is_vehicle & ~arrays.is_walker & arrays.physics & ~arrays.attached)
    if len(rows) == 0:
        return
    arrays.velocity[rows, :2] += arrays.force[rows, :2] * (dt / arrays.mass[rows])[:, None]
    arrays.angular[rows, 2] += arrays.torque[rows] / arrays.inertia[rows] * dt
    arrays.velocity[rows, :2] = _towards_zero(arrays.velocity[rows, :2], _SLIDE_MPS2 * dt)
    spin = arrays.angular[rows, 2]
    spin = np.sign(spin) * np.maximum(np.abs(spin) - _SPIN_DECAY_RADPS2 * dt, 0.0)
    arrays.angular[rows, 2] = spin
    hill = _hill_m(arrays, rows, relief)
    arrays.pose[rows, :2, 3] += arrays.velocity[rows, :2] * dt
    pose = arrays.pose[rows]
    yaw = np.arctan2(pose[:, 1, 0], pose[:, 0, 0])
    _face(arrays, rows[spin != 0.0], (yaw + spin * dt)[spin != 0.0])
    _stand(arrays, rows, dt, ground, _hill_m(arrays, rows, relief) - hill)


def foot_offset(arrays: BodyArrays, rows: Rows) -> Array:
    """How far the lowest point of the body is below the actor's origin, (R,) metres."""
    return np.asarray(arrays.half[rows, 2] - arrays.centre[rows, 2])


def _towards_zero(vectors: Array, step: float) -> Array:
    length = np.hypot(vectors[:, 0], vectors[:, 1])
    keep = np.maximum(length - step, 0.0) / np.maximum(length, 1e-12)
    return np.asarray(vectors * keep[:, None])


def _face(arrays: BodyArrays, rows: Rows, yaw: Array) -> None:
    cos, sin = np.cos(yaw), np.sin(yaw)
    upright = np.zeros((len(rows), 3, 3))
    upright[:, 0, 0], upright[:, 0, 1], upright[:, 1, 0], upright[:, 1, 1], upright[:, 2, 2] = cos, -sin, sin, cos, 1.0
    arrays.pose[rows, :3, :3] = upright


def _hill_m(arrays: BodyArrays, rows: Rows, relief: Relief) -> Array:
    return relief.height_m(arrays.pose[rows, 0, 3], arrays.pose[rows, 1, 3])


def _stand(arrays: BodyArrays, rows: Rows, dt: float, ground: Ground, carried_m: Array) -> None:
    """Follow the ground, softly over kerbs, at once where a walker was led; fall where it is far below.

    `carried_m` (R,) is how much the hills under them rose in this step, which they follow at once too.
    """
    last = arrays.pose[rows, 2, 3]
    old = last + np.where(arrays.falling[rows], 0.0, carried_m)
    floor = ground(arrays.pose[rows, 0, 3], arrays.pose[rows, 1, 3]) + foot_offset(arrays, rows)
    gap, gravity = old - floor, arrays.gravity[rows]
    falling = (arrays.falling[rows] | (gap > _DROP_M)) & gravity
    fall = np.where(falling, arrays.fall_mps[rows] - GRAVITY_MPS2 * dt, 0.0)
    dropped = old + fall * dt
    stepped = np.where(np.abs(gap) < 5e-4, floor, old - gap * (1.0 - np.exp(-dt / _STEP_UP_LAG_S)))
    z = np.where(falling, np.maximum(dropped, floor), stepped)
    z = np.where(arrays.led[rows], floor, np.where(gravity | (gap < 0.0), z, old))
    in_air = falling & (dropped > floor) & ~arrays.led[rows]
    arrays.falling[rows] = in_air
    arrays.fall_mps[rows] = np.where(in_air, fall, 0.0)
    arrays.pose[rows, 2, 3] = z
    arrays.velocity[rows, 2] = (z - last) / dt
