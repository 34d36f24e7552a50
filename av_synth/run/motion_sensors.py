"""What the rig's IMU and GNSS receiver said of a run, and what was true, as rows of its tables.

It is made from the log of the ego alone, so it is the same on every simulator whose ego moves alike, and in replays.
Chance is the run's own: of scenario, seed, sensor and kind of error, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from av_synth.geometry import quaternions
from av_synth.geometry.transforms import Array
from av_synth.log.motion import EgoMotion, Times
from av_synth.rig.model import Gnss, Imu, Rig
from av_synth.run.rows import Row
from av_synth.scenario import ConcreteScenario
from av_synth.scenario.distributions import stream
from av_synth.sensing.inertial import Chance, attitude, receiver_errors, told, triad_errors

_Chances = Callable[[str], Chance]
_SECOND_US = 1_000_000


def rows(rig: Rig, scenario: ConcreteScenario, ego_poses: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of `imu`, `imu_truth`, `gnss` and `gnss_truth`, of what the rig has.

    Args:
        rig: the sensors.
        scenario: the draw, whose name and seed decide.
        ego_poses: the rows of that table, in time order.
    """
    if rig.imu is None and rig.gnss is None:
        return {}
    motion = _motion(ego_poses)

    def chance_of(sensor: str) -> Chance:
        return lambda kind: stream(scenario.name, f"{sensor} {kind}", scenario.seed)

    found: dict[str, list[Row]] = {}
    if rig.imu is not None:
        found |= _imu(rig.imu, motion, chance_of)
    if rig.gnss is not None:
        found |= _gnss(rig.gnss, motion, chance_of("gnss"))
    return found


def _motion(ego_poses: Sequence[Row]) -> EgoMotion:
    def column(*names: str) -> Array:
        return np.array([[row[name] for name in names] for row in ego_poses], dtype=np.float64)

    frame, time_us = (np.array([row[name] for row in ego_poses], dtype=np.int64) for name in ("frame", "time_us"))
    pose = column("x_m", "y_m", "z_m", "qw", "qx", "qy", "qz")
    return EgoMotion(frame, time_us, pose, column("vx_mps", "vy_mps", "vz_mps"))


def _imu(imu: Imu, motion: EgoMotion, chance_of: _Chances) -> dict[str, list[Row]]:
    period_us = _SECOND_US // imu.rate_hz
    times = motion.grid(period_us)
    true = motion.at(times).at_point(imu.translation_m)
    said: dict[str, Array] = {}
    truth: dict[str, Array] = {}
    for sensor, triad, name, exact in (
        ("accelerometer", imu.accelerometer, "a{}_mps2", true.specific_force_mps2),
        ("gyroscope", imu.gyroscope, "w{}_radps", true.rotation_rate_radps),
    ):
        errors = triad_errors(triad, len(times), period_us / _SECOND_US, chance_of(f"imu {sensor}"))
        said |= _axes(name, told(triad, exact, errors))
        truth |= _axes(name, exact) | _axes(f"bias_{name}", errors.bias) | _axes(f"noise_{name}", errors.noise)
        truth |= _axes(f"scale_{name.partition('_')[0]}", np.tile(errors.scale_error, (len(times), 1)))
    turn = attitude(
        true.orientation, imu.tilt_rad, imu.heading_rad, imu.attitude_time_s, period_us / _SECOND_US, chance_of("imu")
    )
    said |= _quaternion(turn)
    truth |= _quaternion(true.orientation)
    return {"imu": _rows(times, said), "imu_truth": _rows(times, truth)}


def _gnss(gnss: Gnss, motion: EgoMotion, chance: Chance) -> dict[str, list[Row]]:
    period_us = _SECOND_US // gnss.rate_hz
    times = motion.grid(period_us)
    true = motion.at(times).at_point(gnss.translation_m)
    velocity = quaternions.turned_by(true.orientation, true.velocity_mps)
    errors = receiver_errors(gnss.receiver, len(times), period_us / _SECOND_US, chance)
    said = _axes("{}_m", true.position_m + errors.bias_m + errors.noise_m)
    said |= _axes("v{}_mps", velocity + errors.velocity_noise_mps)
    truth = _axes("{}_m", true.position_m) | _axes("v{}_mps", velocity)
    truth |= _axes("bias_{}_m", errors.bias_m) | _axes("noise_{}_m", errors.noise_m)
    truth |= _axes("noise_v{}_mps", errors.velocity_noise_mps)
    received = ~errors.lost
    return {
        "gnss": _rows(times[received], {name: values[received] for name, values in said.items()}),
        "gnss_truth": _rows(times, {**truth, "lost": errors.lost}),
    }


def _axes(name: str, vectors: Array) -> dict[str, Array]:
    """Columns (N,) of vectors (N, 3)."""
    return {name.format(axis): values for axis, values in zip("xyz", vectors.T, strict=True)}


def _quaternion(turn: Array) -> dict[str, Array]:
    return {f"q{part}": values for part, values in zip("wxyz", turn.T, strict=True)}


def _rows(time_us: Times, columns: Mapping[str, npt.NDArray[np.float64] | npt.NDArray[np.bool_]]) -> list[Row]:
    listed = [time_us.tolist(), *(values.tolist() for values in columns.values())]
    return [dict(zip(("time_us", *columns), values, strict=True)) for values in zip(*listed, strict=True)]
