"""What a vehicle's instruments show: speed, engine, drag, and each wheel's load, forces and slip.

The dynamics know a vehicle as one body on a front and a rear axle, so what a wheel does is worked out from how the
body moved in the last step: tyres give all of its acceleration that air and hills do not, shared out by load along
the heading, and by the lever about the centre of mass across it (R. Rajamani, Vehicle Dynamics and Control, 2nd ed.,
sections 2.3 and 4.2.1 for load transfer). Wheels roll without longitudinal slip, as no model of theirs lets them slip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.world.arrays import BodyArrays
from av_synth.simulator.world.drivetrain import engine_rpm
from av_synth.simulator.world.dynamics import GRAVITY_MPS2
from av_synth.simulator.world.model import Actor
from av_synth.simulator.world.wheels import wheel_left_rad

_CRAWL_MPS = 0.1  # slower, the direction in which a hub moves says nothing


@dataclass(frozen=True)
class WheelTelemetry:
    """One wheel: CARLA's WheelTelemetryData. Forces in newtons, forward and to the right; normalised by rest load.

    `lat_slip_deg` is the angle between where the wheel points and where its hub goes, positive to the right.
    """

    tire_friction: float
    lat_slip_deg: float
    long_slip: float
    omega_radps: float
    load_n: float
    normalized_load: float
    torque_nm: float
    long_force_n: float
    lat_force_n: float
    normalized_long_force: float
    normalized_lat_force: float


@dataclass(frozen=True)
class VehicleTelemetry:
    """CARLA's VehicleTelemetryData; `speed_mps` is along the heading, negative backwards, `drag_n` is the air's."""

    speed_mps: float
    steer: float
    throttle: float
    brake: float
    engine_rpm: float
    gear: int
    drag_n: float
    wheels: tuple[WheelTelemetry, ...]


def telemetry(arrays: BodyArrays, k: int, actor: Actor, road_friction: float) -> VehicleTelemetry:
    """What row `k` shows after the last step, its wheels in the order of its physics control.

    Raises:
        WrongActorKind: if the actor is no vehicle.
    """
    vehicle = actor.as_vehicle("get_telemetry_data")
    physics, control = vehicle.physics, vehicle.control
    ahead = float(arrays.velocity[k] @ arrays.pose[k, :3, 0])
    drag = float(arrays.drag_kg_m[k]) * ahead * abs(ahead)
    wheels = _wheels(arrays, k, actor, drag, road_friction) if actor.simulate_physics else ()
    return VehicleTelemetry(
        ahead,
        control.steer,
        control.throttle,
        control.brake,
        engine_rpm(physics, vehicle.gear, ahead, float(arrays.pedals[k, 0])),
        vehicle.gear,
        abs(drag),
        wheels,
    )


def _wheels(arrays: BodyArrays, k: int, actor: Actor, drag: float, road_friction: float) -> tuple[WheelTelemetry, ...]:
    physics = actor.as_vehicle("get_telemetry_data").physics
    mass, accel = float(arrays.mass[k]), _felt(arrays, k)
    rest, loads = _loads(arrays, k, actor, accel)
    total = loads.sum()
    grip = road_friction * float(arrays.tyre[k]) * loads
    shares = loads / total if total > 0.0 else np.zeros_like(loads)
    along = np.clip((mass * accel[0] + drag) * shares, -grip, grip)
    across = np.clip(mass * accel[1] * _across_shares(arrays, k, actor, loads), -grip, grip)
    found = []
    for j, wheel in enumerate(physics.wheels):
        rolls, slip = _hub(arrays, k, wheel.position_m, wheel_left_rad(arrays, k, wheel))
        normal = loads[j] / rest[j] if rest[j] > 0.0 else 0.0
        per_load = normal / loads[j] if loads[j] > 0.0 else 0.0
        found.append(
            WheelTelemetry(
                tire_friction=wheel.tire_friction,
                lat_slip_deg=slip,
                long_slip=0.0,
                omega_radps=rolls / wheel.radius_m,
                load_n=float(loads[j]),
                normalized_load=float(normal),
                torque_nm=float(along[j]) * wheel.radius_m,
                long_force_n=float(along[j]),
                lat_force_n=-float(across[j]),
                normalized_long_force=abs(float(along[j])) * float(per_load),
                normalized_lat_force=abs(float(across[j])) * float(per_load),
            )
        )
    return tuple(found)


def _felt(arrays: BodyArrays, k: int) -> Array:
    """What the tyres give (3,), m/s2, along the heading, to the left and up: acceleration, and what the slope takes."""
    pose = arrays.pose[k]
    cos, sin = pose[:2, 0] / max(float(np.hypot(*pose[:2, 0])), 1e-9)
    x, y, z = arrays.acceleration[k]
    # the body's own lean is on its springs, not under its wheels
    climb = float(np.arcsin(np.clip(pose[2, 0], -1.0, 1.0))) - float(arrays.lean[k, 0])
    bank = float(np.arctan2(pose[2, 1], pose[2, 2])) - float(arrays.lean[k, 1])
    ahead, aside = x * cos + y * sin, y * cos - x * sin
    return np.array([ahead + GRAVITY_MPS2 * math.sin(climb), aside + GRAVITY_MPS2 * math.sin(bank), GRAVITY_MPS2 + z])


def _loads(arrays: BodyArrays, k: int, actor: Actor, accel: Array) -> tuple[Array, Array]:
    """Newtons on each wheel (W,): at rest on the level, and now, for acceleration (3,) forward, left, up; none in air.

    A linear plate: the load of a wheel falls with how far ahead it stands as the vehicle speeds up, and rises with
    how far out it stands in a bend.
    """
    vehicle = actor.as_vehicle("get_telemetry_data")
    places = np.array([wheel.position_m for wheel in vehicle.physics.wheels])[:, :2]
    mass, height = float(arrays.mass[k]), max(vehicle.physics.center_of_mass_m[2], 0.0)
    middle = places.mean(axis=0)
    out = places - middle
    spread = np.maximum((out**2).sum(axis=0), 1e-9)
    lever = arrays.com[k] - middle

    def plate(level: Array, down: float) -> Array:
        tilt = (lever * down - level * height) * mass / spread
        # two wheels in a line cannot carry a load sideways: the rider leans
        tilt = np.where((out**2).sum(axis=0) > 1e-6, tilt, 0.0)
        return np.maximum(mass * down / len(places) + out @ tilt, 0.0)

    rest = plate(np.zeros(2), GRAVITY_MPS2)
    if arrays.falling[k]:
        return rest, np.zeros(len(places))
    return rest, plate(accel[:2], max(float(accel[2]), 0.0))


def _across_shares(arrays: BodyArrays, k: int, actor: Actor, loads: Array) -> Array:
    """Share (W,) of the force across that each wheel gives: by lever between the axles, by load within one."""
    vehicle = actor.as_vehicle("get_telemetry_data")
    xs = np.array([wheel.position_m[0] for wheel in vehicle.physics.wheels])
    rear_share = (float(arrays.rear_x[k]) + float(arrays.wheelbase[k]) - float(arrays.com[k, 0])) / arrays.wheelbase[k]
    front = xs > xs.mean()
    shares = np.zeros(len(xs))
    for axle, share in ((front, 1.0 - rear_share), (~front, rear_share)):
        carried = loads[axle].sum()
        shares[axle] = share * loads[axle] / carried if carried > 0.0 else 0.0
    return shares


def _hub(arrays: BodyArrays, k: int, place: tuple[float, float, float], left_rad: float) -> tuple[float, float]:
    """Speed of a hub along its wheel, m/s, and the angle in degrees, to the right, at which it slips off that way."""
    x, y = arrays.pose[k, :2, :2].T @ arrays.velocity[k, :2]
    rate = float(arrays.angular[k, 2])
    vx, vy = float(x) - rate * place[1], float(y) + rate * place[0]
    cos, sin = math.cos(left_rad), math.sin(left_rad)
    along, aside = vx * cos + vy * sin, vy * cos - vx * sin
    slip = -math.degrees(math.atan2(aside, abs(along))) if math.hypot(along, aside) > _CRAWL_MPS else 0.0
    return along, slip
