"""One step of all vehicles at once: a planar bicycle model with actuator lag, engine, brakes, drag and tyre grip.

The rear axle is the model's point: it moves along the heading at speed u, and sideways at slip s, which only a
contact or an impulse can cause and the tyres take away. The yaw rate follows u tan(steer) / wheelbase as far as the
grip mu g / u allows (R. Rajamani, Vehicle Dynamics and Control, 2nd ed., sections 2.2 and 4.3 for the friction circle).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Weather
from av_synth.simulator.town.relief import FLAT, Relief
from av_synth.simulator.world.arrays import CURVE_KNOTS, CURVE_STEP_KMH, BodyArrays, Span, span

GRAVITY_MPS2 = 9.81
_DRY_FRICTION = 0.9
_LAG_S = np.array([0.10, 0.06, 0.08])  # throttle, brake, steering
_LEAST_SPIN_UP = 0.01
_ROLLING_MPS2 = 0.15
_ENGINE_BRAKE_MPS2 = 0.45
_LEAN_PER_MPS2 = np.array([0.0020, 0.0022])  # radians of pitch and roll; wheels stay within 2 cm of the road
_LEAN_LAG_S = 0.15
_RIDE_LAG_S = 0.06  # how fast the body follows a kerb
_DROP_M = 0.15  # a larger gap under the wheels is a fall

Ground = Callable[[Array, Array], Array]


class _Heading(NamedTuple):
    """Headings (R,) with their cosines and sines."""

    rad: Array
    cos: Array
    sin: Array

    @staticmethod
    def of(rad: Array) -> _Heading:
        return _Heading(rad, np.cos(rad), np.sin(rad))


def road_friction(weather: Weather) -> float:
    """Coefficient of friction between tyre and road: 0.9 dry, 0.7 with standing water.

    Source: J. Y. Wong, Theory of Ground Vehicles, table 1.3 (wet asphalt: peak 0.5 to 0.7). CARLA's Traffic Manager
    takes turns as if it were 0.6 in any weather (MotionPlanStage, GetTurnTargetVelocity).
    """
    wet = max(weather.wetness, 0.6 * weather.precipitation, weather.precipitation_deposits) / 100.0
    return _DRY_FRICTION - 0.2 * min(max(wet, 0.0), 1.0)


def step_vehicles(arrays: BodyArrays, dt: float, friction: float, ground: Ground, relief: Relief = FLAT) -> None:
    """Move every vehicle that simulates physics by `dt` seconds, in place.

    Args:
        arrays: all bodies.
        dt: seconds.
        friction: between tyre and road.
        ground: height of the ground, hills and kerbs.
        relief: the hills alone: bodies go along with them at once, and follow kerbs softly.
    """
    moved = np.flatnonzero(arrays.is_vehicle & arrays.physics & ~arrays.attached)
    if len(moved) == 0:
        return
    rows = span(moved)
    _actuate(arrays, rows, dt)
    pose = arrays.pose[rows]
    heading = _Heading.of(np.arctan2(pose[:, 1, 0], pose[:, 0, 0]))
    _, cos, sin = heading
    vx, vy = arrays.velocity[rows, 0], arrays.velocity[rows, 1]
    rate = arrays.angular[rows, 2]
    rear = arrays.rear_x[rows]
    u = vx * cos + vy * sin
    slip = vy * cos - vx * sin + rate * rear

    flying = arrays.falling[rows]
    grip = friction * arrays.tyre[rows] * GRAVITY_MPS2
    by_x, by_y = relief.slope(pose[:, 0, 3], pose[:, 1, 3])
    climb = by_x * cos + by_y * sin
    uphill = GRAVITY_MPS2 * climb / (1.0 + climb**2)
    u_new, slip_new, rate_new = _tyres(arrays, rows, dt, grip, u, slip, rate, uphill)
    push = arrays.force[rows] * (dt / arrays.mass[rows])[:, None]
    u_new = np.where(flying, u, u_new) + push[:, 0] * cos + push[:, 1] * sin
    slip_new = np.where(flying, slip, slip_new) + push[:, 1] * cos - push[:, 0] * sin
    twist = arrays.torque[rows] / arrays.inertia[rows] * dt
    rate_new = np.where(flying, rate, rate_new) + twist
    u_new, slip_new = u_new + twist * arrays.com[rows, 1], slip_new + twist * (rear - arrays.com[rows, 0])
    held = arrays.holds_velocity[rows]
    u_new = np.where(held, arrays.held_velocity[rows, 0], u_new)
    slip_new = np.where(held, arrays.held_velocity[rows, 1], slip_new)

    still = (u_new == 0.0) & (slip_new == 0.0) & (rate_new == 0.0) & (u == 0.0) & ~flying & arrays.still[rows]
    resting, going = moved[still], moved[~still]
    arrays.velocity[resting] = 0.0
    arrays.angular[resting] = 0.0
    if len(going):
        go = ~still if len(resting) else slice(None)
        rows, count = span(going), len(going)
        before = np.where(held, u_new, u), np.where(held, slip_new, slip), rate
        after = u_new, slip_new, rate_new
        heading = _Heading(*(v[go] for v in heading))
        hill = _under_wheels(arrays, rows, heading, relief.height_m) if not relief.is_flat else None
        heading = _move(arrays, rows, dt, heading, [v[go] for v in before], [v[go] for v in after])
        rise, turn = np.zeros(count), np.zeros((count, 2))
        if hill is not None:
            now = _under_wheels(arrays, rows, heading, relief.height_m)
            rise, turn = now[0] - hill[0], now[1] - hill[1]
        _ride(arrays, rows, dt, heading, ground, rise, turn)


def _actuate(arrays: BodyArrays, rows: Span, dt: float) -> None:
    """First-order lag of throttle, brake and steering; close enough is there, so that standstill is exact."""
    asked, before = arrays.asked[rows], arrays.pedals[rows]
    now = before + (asked - before) * (1.0 - np.exp(-dt / _LAG_S))
    spin_up = arrays.spin_up[rows]
    if (spin_up != 1.0).any():
        follow = 1.0 - np.exp(-dt / (_LAG_S[0] * np.maximum(spin_up, _LEAST_SPIN_UP)))
        slower = before[:, 0] + (asked[:, 0] - before[:, 0]) * follow
        now[:, 0] = np.where(spin_up != 1.0, slower, now[:, 0])
    arrays.pedals[rows] = np.where(np.abs(asked - now) < 1e-4, asked, now)


def _tyres(
    arrays: BodyArrays, rows: Span, dt: float, grip: Array, u: Array, slip: Array, rate: Array, uphill: Array
) -> tuple[Array, Array, Array]:
    """Speed of the rear axle along and across the heading, and yaw rate, after `dt` on the ground.

    `uphill` is what a slope takes away along the heading, m/s2.
    """
    throttle, brake, steer = arrays.pedals[rows].T
    speed, mass = np.abs(u), arrays.mass[rows]
    knot = np.minimum(speed * 3.6 / CURVE_STEP_KMH, CURVE_KNOTS - 1.001)
    low = knot.astype(np.intp)
    curve = arrays.steer_curve[rows]
    at = np.arange(len(u))
    share = curve[at, low] + (curve[at, low + 1] - curve[at, low]) * (knot - low)
    angle = -steer * arrays.max_steer[rows] * share
    pulls = arrays.pull_share[rows]
    strength = pulls[at, low] + (pulls[at, low + 1] - pulls[at, low]) * (knot - low)
    strength = np.where(arrays.shifting_s[rows] > 0.0, 0.0, strength)

    # along the heading: pull, then everything that can only slow down, which stops at zero
    top = arrays.top_speed[rows]
    fade = np.minimum(np.maximum((top - speed) / (0.1 * top), 0.0), 1.0)
    pull = np.minimum(arrays.pull_n[rows], arrays.power_w[rows] / np.maximum(speed, 0.5)) * strength / mass
    room = np.sqrt(np.maximum(grip**2 - (u * rate) ** 2, (0.3 * grip) ** 2))
    drive = arrays.drive_sign[rows] * np.minimum(throttle * pull * fade, 0.7 * room)
    brakes = brake * arrays.brake_n[rows] / mass + arrays.hand_brake[rows] * arrays.hand_brake_n[rows] / mass
    engine = _ENGINE_BRAKE_MPS2 * (1.0 - throttle) * arrays.engine_drag[rows]
    idle = np.where(arrays.drive_sign[rows] != 0.0, engine, 0.0)
    tyres = np.minimum(brakes, room) + np.minimum(_ROLLING_MPS2, room) + np.minimum(idle, room)
    slow = tyres + arrays.drag_kg_m[rows] * u**2 / mass
    pulled = u + (drive - uphill) * dt
    u_new = np.sign(pulled) * np.maximum(np.abs(pulled) - slow * dt, 0.0)

    # across: the tyres take sideways slip away, and turn the car as fast as they grip
    slip_new = np.sign(slip) * np.maximum(np.abs(slip) - grip * dt, 0.0)
    wanted = u_new * np.tan(angle) / arrays.wheelbase[rows]
    limit = 0.95 * grip / np.maximum(np.abs(u_new), 0.5)
    wanted = np.minimum(np.maximum(wanted, -limit), limit)
    turn = grip * mass * arrays.wheelbase[rows] / (2.0 * arrays.inertia[rows]) * dt
    rate_new = rate + np.minimum(np.maximum(wanted - rate, -turn), turn)
    return u_new, slip_new, rate_new


def _move(
    arrays: BodyArrays, rows: Span, dt: float, start: _Heading, before: list[Array], after: list[Array]
) -> _Heading:
    """Carry the rear axle along, and place the actor's origin, velocity and lean around it; returns the heading.

    `before` and `after` are speed along and across the heading and yaw rate; the way is that of their mean, so that
    places and velocities of successive frames agree.
    """
    rear = arrays.rear_x[rows]
    ahead, aside, turning = (0.5 * (old + new) for old, new in zip(before, after, strict=True))
    u_old, (u, slip, rate) = before[0], after
    _, cos_mid, sin_mid = _Heading.of(start.rad + 0.5 * turning * dt)
    end = _Heading.of(start.rad + turning * dt)
    _, cos, sin = end
    arrays.pose[rows, 0, 3] += (ahead * cos_mid - aside * sin_mid) * dt + rear * (start.cos - cos)
    arrays.pose[rows, 1, 3] += (ahead * sin_mid + aside * cos_mid) * dt + rear * (start.sin - sin)
    arrays.rolled_m[rows] += ahead * dt
    across = slip - rate * rear
    arrays.velocity[rows, 0], arrays.velocity[rows, 1] = u * cos - across * sin, u * sin + across * cos
    arrays.angular[rows, 2] = rate

    load = _columns((u - u_old) / dt, u * rate)  # the nose rises, and the left side in a left turn
    lean = arrays.lean[rows]
    target = np.minimum(np.maximum(load, -10.0), 10.0) * _LEAN_PER_MPS2 * arrays.lean_share[rows][:, None]
    lean = lean + (target - lean) * (1.0 - np.exp(-dt / _LEAN_LAG_S))
    arrays.lean[rows] = np.where(np.abs(lean) < 5e-5, 0.0, lean)
    return end


def _under_wheels(arrays: BodyArrays, rows: Span, heading: _Heading, ground: Ground) -> tuple[Array, Array]:
    """Height (R,) at the origin of the plane under the four wheels, and its pitch and roll (R, 2)."""
    pose = arrays.pose[rows]
    _, cos, sin = heading
    rear, base, track = arrays.rear_x[rows], arrays.wheelbase[rows], arrays.half_track[rows]
    along, aside = np.empty((len(cos), 4)), np.empty((len(cos), 4))
    along[:, :2], along[:, 2:] = rear[:, None], (rear + base)[:, None]
    aside[:, ::2], aside[:, 1::2] = track[:, None], -track[:, None]
    height = ground(
        pose[:, 0, 3, None] + along * cos[:, None] - aside * sin[:, None],
        pose[:, 1, 3, None] + along * sin[:, None] + aside * cos[:, None],
    )
    rear_left, rear_right, front_left, front_right = height.T
    front, back = (front_left + front_right) / 2.0, (rear_left + rear_right) / 2.0
    left, right = (rear_left + front_left) / 2.0, (rear_right + front_right) / 2.0
    slope = _columns(np.arctan2(front - back, base), np.arctan2(left - right, 2 * track))
    return back + (front - back) * (-rear / base), slope


def _ride(
    arrays: BodyArrays, rows: Span, dt: float, heading: _Heading, ground: Ground, rise_m: Array, turn_rad: Array
) -> None:
    """Height, pitch and roll from the ground under the four wheels and the lean; falls where there is a gap.

    `rise_m` (R,) and `turn_rad` (R, 2) are by how much the hills under the wheels rose and tilted in this step.
    """
    pose = arrays.pose[rows]
    floor, slope = _under_wheels(arrays, rows, heading, ground)
    last = pose[:, 2, 3].copy()  # for what it is compared with when the new one is written
    old = last + np.where(arrays.falling[rows], 0.0, rise_m)
    gap = old - floor
    gravity = arrays.gravity[rows]
    follow = 1.0 - np.exp(-dt / _RIDE_LAG_S)

    falling = (arrays.falling[rows] | (gap > _DROP_M)) & gravity
    fall = np.where(falling, arrays.fall_mps[rows] - GRAVITY_MPS2 * dt, 0.0)
    dropped = old + fall * dt
    landed = falling & (dropped <= floor)
    rode = np.where(np.abs(gap) < 5e-4, floor, old - gap * follow)
    free = np.where(gap < 0.0, rode, old + arrays.fall_mps[rows] * dt)  # no gravity: keep height, or drift
    z = np.where(falling, np.maximum(dropped, floor), np.where(gravity, rode, free))
    arrays.falling[rows] = (falling & ~landed) | (~gravity & (gap > _DROP_M))
    arrays.fall_mps[rows] = np.where(falling & ~landed, fall, np.where(gravity, 0.0, arrays.fall_mps[rows]))
    arrays.velocity[rows, 2] = (z - last) / dt

    # the body follows the slope under the wheels as softly as it follows the height; in the air nothing tilts it
    nose_up = np.arcsin(np.minimum(np.maximum(pose[:, 2, 0], -1.0), 1.0))
    before = _columns(nose_up, np.arctan2(pose[:, 2, 1], pose[:, 2, 2]))
    target = slope + arrays.lean[rows]
    tilted = before + turn_rad
    tilt = tilted + (target - tilted) * follow
    tilt = np.where(np.abs(target - tilt) < 2e-5, target, tilt)
    tilt = np.where((falling & ~landed)[:, None], before, tilt)
    _write_pose(arrays, rows, heading, tilt, z)
    turn = (tilt - before) / dt
    _, cos, sin = heading
    arrays.angular[rows, 0] = turn[:, 1] * cos + turn[:, 0] * sin
    arrays.angular[rows, 1] = turn[:, 1] * sin - turn[:, 0] * cos
    calm = (np.abs(tilt - before) < 1e-9) & (arrays.lean[rows] == 0.0)
    arrays.still[rows] = calm[:, 0] & calm[:, 1] & ~arrays.falling[rows] & (z == last)


def _columns(first: Array, second: Array) -> Array:
    """(R, 2) of (R,) and (R,)."""
    both = np.empty((len(first), 2))
    both[:, 0], both[:, 1] = first, second
    return both


def _write_pose(arrays: BodyArrays, rows: Span, heading: _Heading, tilt: Array, z: Array) -> None:
    """Rotation Rz(yaw) Ry(-pitch) Rx(roll), pitch nose up, and height."""
    _, cy, sy = heading
    cp, sp = np.cos(tilt[:, 0]), np.sin(tilt[:, 0])
    cr, sr = np.cos(tilt[:, 1]), np.sin(tilt[:, 1])
    pose = arrays.pose
    pose[rows, 0, 0], pose[rows, 0, 1], pose[rows, 0, 2] = cy * cp, -sy * cr - cy * sp * sr, sy * sr - cy * sp * cr
    pose[rows, 1, 0], pose[rows, 1, 1], pose[rows, 1, 2] = sy * cp, cy * cr - sy * sp * sr, -cy * sr - sy * sp * cr
    pose[rows, 2, 0], pose[rows, 2, 1], pose[rows, 2, 2] = sp, cp * sr, cp * cr
    pose[rows, 2, 3] = z
