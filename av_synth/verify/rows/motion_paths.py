"""What motion sensors measured, held against where the ego's poses say that it went.

Turning, integrated from the ego's own orientation on, has to lead to its orientation a second later. Accelerations,
turned into the world with that and without gravity, have to explain three positions half a second apart: their second
difference over h2 is the mean of the acceleration between, weighted by a triangle. No velocity is needed for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, angles_rad, rotation_matrix
from av_synth.verify.rows.ego_path import Path

_CHECK = "motion_sensors"
_GRAVITY_MPS2 = np.array([0.0, 0.0, 9.80665])
_WINDOW_US, _STEP_US, _WINDOWS = 1_000_000, 5_000, 100
# what poses 50 ms apart leave open; true motion is 0.0001 rad and 0.001 m/s2 off in a turn at a junction
_TURN_RAD, _FELT_MPS2 = 0.003, 0.05
_ORIENTATION_RAD = 0.02
_PLACE_M, _SPEED_MPS, _SPEED_SHARE = 0.15, 0.5, 0.05


@dataclass(frozen=True)
class Samples:
    """The messages of a device: times (N,) in microseconds, vectors (N, d) by key, and which are lost (N,)."""

    time_us: npt.NDArray[np.int64]
    columns: Mapping[str, Array]
    lost: npt.NDArray[np.bool_]


def check_turn(
    name: str, path: Path | None, said: Samples, truth: Samples, wide_rad: float, findings: Findings
) -> None:
    """A unit's own orientation is as near to the true one as it says, and that is the ego's.

    Args:
        name: the file.
        path: the ego's poses.
        said: what was measured.
        truth: what was true, at the same times.
        wide_rad: how far it may be off.
        findings: takes what is wrong.
    """
    own, true = (np.array([rotation_matrix(q) for q in samples.columns["q"]]) for samples in (said, truth))
    off = angles_rad(own.transpose(0, 2, 1) @ true)
    if off.max() > wide_rad:
        message = f"q is up to {off.max():.4f} rad off the true orientation; want at most {wide_rad:.4f} by its device"
        findings.add(_CHECK, name, message)
    if path is None:
        return
    at = path.at(truth.time_us)
    if (at >= 0).sum() >= 3:
        middle = float(np.median(angles_rad(true[at >= 0].transpose(0, 2, 1) @ path.turns[at[at >= 0]])))
        if middle > _ORIENTATION_RAD:
            message = f"the true q is {middle:.3f} rad (median) from ego_pose's rotation; want the same, w, x, y, z"
            findings.add(_CHECK, f"can_bus_truth/{name}", message)


def check_felt(
    name: str,
    path: Path,
    said: Samples,
    point_m: Sequence[float],
    biases: Mapping[str, float],
    densities: Mapping[str, float],
    findings: Findings,
) -> None:
    """What an IMU measured over a second leads to the ego's pose at the end of it, as nearly as the device can tell.

    Args:
        name: the file.
        path: the ego's poses.
        said: what was measured.
        point_m: where the unit is on the ego.
        biases: by key, how far (norm) the mean may be off.
        densities: by key, of white noise.
        findings: takes what is wrong.
    """
    found = _errors_over_a_second(path, said, point_m)
    if found is None:
        return
    turned, felt = found
    findings.checked(_CHECK, len(turned))
    wide = 6.0 * math.sqrt(3.0)
    turn_rad = biases["rotation_rate"] + wide * densities["rotation_rate"] + _TURN_RAD
    half_s = _WINDOW_US * 0.5e-6
    # the triangle's mean of white noise; gravity through the tilt that half a second of turning has left
    noise = wide * densities["linear_accel"] * math.sqrt(2.0 / (3.0 * half_s))
    felt_mps2 = biases["linear_accel"] + noise + (turn_rad - _TURN_RAD) * _GRAVITY_MPS2[2] + _FELT_MPS2
    for key, off, most, unit in (
        ("rotation_rate", turned, turn_rad, "rad from ego_pose's rotation"),
        ("linear_accel", felt, felt_mps2, "m/s2 from what ego_pose's places need"),
    ):
        middle = float(np.median(off))
        if middle > most:
            message = f"{key}, integrated over a second, leads {middle:.3g} {unit} (median of {len(off)})"
            findings.add(_CHECK, name, f"{message}; want at most {most:.3g} by its device")


def _errors_over_a_second(path: Path, said: Samples, point_m: Sequence[float]) -> tuple[Array, Array] | None:
    """Of windows of a second: how far turning leads off (W,), rad, and acceleration (W,), m/s2; None without any."""
    middles, ends = (path.at(path.time_us + part * (_WINDOW_US // 2)) for part in (1, 2))
    covered = (path.time_us >= said.time_us[0]) & (path.time_us + _WINDOW_US <= said.time_us[-1])
    starts = np.flatnonzero((middles >= 0) & (ends >= 0) & covered)
    if not len(starts):
        return None
    starts = starts[:: max(1, len(starts) // _WINDOWS)]
    steps = _WINDOW_US // _STEP_US
    times = path.time_us[starts][:, None] + np.arange(steps + 1) * _STEP_US
    seconds = _STEP_US * 1e-6

    def between(key: str) -> Array:
        parts = [np.interp(times, said.time_us, said.columns[key][:, axis]) for axis in range(3)]
        return np.stack(parts, axis=2)

    rates, forces = between("rotation_rate"), between("linear_accel")
    turn = path.turns[starts]
    mean = np.zeros((len(starts), 3))
    half = steps / 2
    for k in range(steps + 1):
        weight = (half - abs(k - half)) / half**2
        mean += weight * (np.einsum("wij,wj->wi", turn, forces[:, k]) - _GRAVITY_MPS2)
        if k < steps:
            turn = turn @ _rotations((rates[:, k] + rates[:, k + 1]) / 2 * seconds)
    turned = angles_rad(turn.transpose(0, 2, 1) @ path.turns[ends[starts]])
    places = path.of_point(point_m)
    second = places[ends[starts]] - 2.0 * places[middles[starts]] + places[starts]
    return turned, np.linalg.norm(mean - second / (half * seconds) ** 2, axis=1)


def check_places(name: str, path: Path, truth: Samples, point_m: Sequence[float], findings: Findings) -> None:
    """The true places and velocities of an antenna are those of that point of the ego."""
    within = (truth.time_us >= path.time_us[0]) & (truth.time_us <= path.time_us[-1])
    if within.sum() < 3:
        return
    findings.checked(_CHECK, int(within.sum()))
    times, places = truth.time_us[within], path.of_point(point_m)
    velocities = np.diff(places, axis=0) / (np.diff(path.time_us) * 1e-6)[:, None]
    middles = (path.time_us[1:] + path.time_us[:-1]) / 2
    at, moves = (
        np.stack([np.interp(times, known, values[:, axis]) for axis in range(3)], axis=1)
        for known, values in ((path.time_us, places), (middles, velocities))
    )
    off_m = float(np.median(np.linalg.norm(truth.columns["pos"][within] - at, axis=1)))
    if off_m > _PLACE_M:
        message = (
            f"the true pos is {off_m:.2f} m (median) from where ego_pose has the antenna; want {_PLACE_M} m at most"
        )
        findings.add(_CHECK, f"can_bus_truth/{name}", message)
    slack = _SPEED_SHARE * np.linalg.norm(moves, axis=1)
    off_mps = float(np.median(np.linalg.norm(truth.columns["vel"][within] - moves, axis=1) - slack))
    if off_mps > _SPEED_MPS:
        message = f"the true vel is {off_mps:.2f} m/s (median) off the antenna's motion by ego_pose"
        findings.add(_CHECK, f"can_bus_truth/{name}", f"{message}; want m/s, the world's axes")


def _rotations(vectors: Array) -> Array:
    """Rotations (N, 3, 3) of rotation vectors (N, 3), by Rodrigues' formula."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    cross = np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]).transpose(2, 0, 1)
    sine = np.sinc(angle / math.pi)
    versine = np.sinc(angle / (2.0 * math.pi)) ** 2 / 2.0
    rotations: Array = np.eye(3) + sine * cross + versine * (cross @ cross)
    return rotations
