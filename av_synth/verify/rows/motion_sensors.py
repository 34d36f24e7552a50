"""What the ego's IMU and GNSS receiver measured: against the truth beside it, and against the ego's poses.

Errors have to be what `motion_sensor.json` says of the device. An axis says (1 + scale error) * truth + bias + noise in
its range and in its steps; noise is as wide as its density asks for, biases are no larger than their deviations allow,
and change no faster. Bounds are six standard deviations, so true data fail once in millions of scenes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array
from av_synth.verify.reading.model import Dataset, Scene
from av_synth.verify.reading.tables import Row
from av_synth.verify.reading.values import are_numbers, has_file, is_integer, is_number, read_json, short
from av_synth.verify.rows.ego_path import Path
from av_synth.verify.rows.motion_paths import Samples, check_felt, check_places, check_turn

_CHECK = "motion_sensors"
_SIZES: Mapping[str, Mapping[str, int]] = {
    "ms_imu": {"linear_accel": 3, "rotation_rate": 3, "q": 4},
    "gnss": {"pos": 3, "vel": 3},
}
_ERRORS: Mapping[str, Mapping[str, int]] = {
    "ms_imu": {f"{key}_{error}": 3 for key in ("linear_accel", "rotation_rate") for error in ("bias", "noise")},
    "gnss": {"pos_bias": 3, "pos_noise": 3, "vel_noise": 3},
}
_TRIADS = {"linear_accel": "accelerometer", "rotation_rate": "gyroscope"}
_TRIAD_KEYS = ("bias", "drift", "drift_time_s", "random_walk", "noise_density", "scale_error", "resolution")
_WIDE = 6.0  # standard deviations
_ROUNDED = 2e-6  # messages have six digits
_LEAST = 30  # samples, for a spread


@dataclass(frozen=True)
class _Process:
    """Standard deviations of what an error is made of: (3,) or one for all axes, as in the device."""

    constant: Array
    drift: Array
    drift_time_s: float
    walk: float
    noise: Array
    period_s: float

    def largest(self, seconds: Array) -> Array:
        """How large a bias may be, (N, 3), a time (N,) after the start."""
        spread: Array = np.sqrt(self.constant**2 + self.drift**2 + (self.walk**2 * seconds)[:, None])
        return _WIDE * spread

    @property
    def step(self) -> Array:
        """The standard deviation of a bias's change from sample to sample, (3,)."""
        wandered = 2.0 * self.drift**2 * -math.expm1(-self.period_s / self.drift_time_s)
        return np.sqrt(wandered + self.walk**2 * self.period_s)


def check_motion_sensors(dataset: Dataset, scene: Scene, findings: Findings) -> None:
    """Check what each device of a scene measured."""
    for row in dataset.rows_about("motion_sensor", scene.token):
        where = f"motion_sensor.json token={row['token']} ({scene.name})"
        message = row["message"]
        if message not in _SIZES or not 0 < row["rate_hz"] <= 1000:
            wanted = f"want one of {', '.join(_SIZES)}, at 1 to 1000 Hz"
            findings.add(_CHECK, where, f"message = {short(message)}, rate_hz = {row['rate_hz']}; {wanted}")
            continue
        if problem := _device_problem(row):
            findings.add(_CHECK, where, problem)
            continue
        name = f"{scene.name}_{message}.json"
        said = _read(dataset, f"can_bus/{name}", _SIZES[message], findings)
        truth = _read(dataset, f"can_bus_truth/{name}", {**_SIZES[message], **_ERRORS[message]}, findings)
        if said is None or truth is None:
            continue
        findings.checked(_CHECK, len(truth.time_us))
        if message == "ms_imu":
            _check_imu(scene, row, name, said, truth, findings)
        else:
            _check_gnss(scene, row, name, said, truth, findings)


def _device_problem(row: Row) -> str:
    """What is wrong with the numbers of a device."""
    if row["message"] == "gnss":
        receiver = row.get("receiver")
        vectors = ("bias_m", "drift_m", "noise_m", "velocity_noise_mps")
        if (
            isinstance(receiver, dict)
            and all(are_numbers(receiver.get(key), 3) and min(receiver[key]) >= 0 for key in vectors)
            and _positive(receiver, "drift_time_s")
            and "outage_every_s" in receiver
        ):
            return ""
        return f"receiver = {short(receiver)}; want {', '.join(vectors)}, drift_time_s and outage_every_s"
    drawn = row.get("scale_errors")
    for key, name in _TRIADS.items():
        triad = row.get(name)
        if (
            not isinstance(triad, dict)
            or not all(is_number(triad.get(k)) and triad[k] >= 0 for k in _TRIAD_KEYS)
            or "limit" not in triad
        ):
            return f"{name} = {short(triad)}; want {', '.join(_TRIAD_KEYS)}, none below 0, and limit"
        if not _positive(triad, "drift_time_s") or not (triad["limit"] is None or _positive(triad, "limit")):
            return f"{name}: drift_time_s = {short(triad['drift_time_s'])}, limit = {short(triad['limit'])}"
        if not isinstance(drawn, dict) or not are_numbers(drawn.get(key), 3):
            return f"scale_errors = {short(drawn)}; want three numbers for {key}"
    if not all(is_number(row.get(key)) for key in ("tilt_rad", "heading_rad")):
        return f"tilt_rad = {short(row.get('tilt_rad'))}, heading_rad = {short(row.get('heading_rad'))}; want numbers"
    return ""


def _positive(values: Mapping[str, Any], key: str) -> bool:
    return is_number(values.get(key)) and values[key] > 0


def _read(dataset: Dataset, name: str, sizes: Mapping[str, int], findings: Findings) -> Samples | None:
    """A file of messages whose rows have vectors of these sizes; None, with a finding, when it is none."""
    path = dataset.root / name
    if not has_file(path):
        findings.add(_CHECK, name, "is missing; motion_sensor.json tells of such a device")
        return None
    rows = read_json(path, _CHECK, findings)
    if rows is None:
        return None
    problem = _rows_problem(rows, sizes)
    if problem:
        findings.add(_CHECK, name, problem)
        return None
    columns = {key: np.array([row[key] for row in rows], dtype=np.float64).reshape(-1, n) for key, n in sizes.items()}
    lost = np.array([row.get("lost", False) for row in rows], dtype=np.bool_)
    return Samples(np.array([row["utime"] for row in rows], dtype=np.int64), columns, lost)


def _rows_problem(rows: Any, sizes: Mapping[str, int]) -> str:
    if not isinstance(rows, list):
        return f"is {short(rows)}; want a list of messages"
    for k, row in enumerate(rows):
        if not isinstance(row, dict) or not is_integer(row.get("utime"), 0, 2**62):
            return f"message {k} is {short(row)}; want an object with an integer utime"
        for key, n in sizes.items():
            if not are_numbers(row.get(key), n):
                return f"message {k} has {key} = {short(row.get(key))}; want {n} finite numbers"
        if not isinstance(row.get("lost", False), bool):
            return f"message {k} has lost = {short(row['lost'])}; want true or false"
    if any(b["utime"] <= a["utime"] for a, b in pairwise(rows)):
        return "utime does not rise; want messages in time order"
    return ""


def _check_imu(scene: Scene, row: Row, name: str, said: Samples, truth: Samples, findings: Findings) -> None:
    if truth.lost.any():
        findings.add(_CHECK, name, f"{int(truth.lost.sum())} messages are told to be lost; an IMU loses none")
        return
    if not _check_times(name, row, said.time_us, truth, findings) or len(truth.time_us) < 2:
        return
    seconds = (truth.time_us - truth.time_us[0]) * 1e-6
    biases: dict[str, float] = {}
    for key, triad_name in _TRIADS.items():
        triad = row[triad_name]
        scale = np.array(row["scale_errors"][key], dtype=np.float64)
        if np.abs(scale).max() > _WIDE * triad["scale_error"] + 1e-12:
            message = f"scale_errors of {key} are {_told(scale)}; their deviation is {triad['scale_error']}"
            findings.add(_CHECK, name, message)
        process = _process(triad, 1.0 / row["rate_hz"])
        true, bias, noise = (truth.columns[f"{key}{error}"] for error in ("", "_bias", "_noise"))
        exact = (1.0 + scale) * true + bias + noise
        within = np.ones(exact.shape, dtype=np.bool_)
        if triad["limit"] is not None:
            within = np.abs(exact) < triad["limit"]
            exact = np.clip(exact, -triad["limit"], triad["limit"])
        error = said.columns[key] - true
        _check_sum(name, key, said.columns[key], exact, triad["resolution"], findings)
        _check_process(name, key, seconds, bias, noise, process, findings)
        _check_spread(name, key, error - scale * true, within, process, triad["resolution"], findings)
        biases[key] = _check_mean(name, key, error, true, triad, process, seconds, findings)
    wide = _WIDE * math.hypot(math.sqrt(2.0) * row["tilt_rad"], row["heading_rad"])
    path = Path.of(scene)
    check_turn(name, path, said, truth, wide + 1e-6, findings)
    if path is not None:
        densities = {key: row[triad]["noise_density"] for key, triad in _TRIADS.items()}
        check_felt(name, path, said, row["translation_m"], biases, densities, findings)


def _check_gnss(scene: Scene, row: Row, name: str, said: Samples, truth: Samples, findings: Findings) -> None:
    receiver = row["receiver"]
    if receiver["outage_every_s"] is None and truth.lost.any():
        findings.add(_CHECK, name, f"reception is lost {int(truth.lost.sum())} times; its device never loses it")
    if not _check_times(name, row, said.time_us, truth, findings):
        return
    there = ~truth.lost
    errors = {key: truth.columns[key] for key in _ERRORS["gnss"]}
    total = {"pos": errors["pos_bias"] + errors["pos_noise"], "vel": errors["vel_noise"]}
    for key, error in total.items():
        _check_sum(name, key, said.columns[key], (truth.columns[key] + error)[there], 0.0, findings)
    period_s = 1.0 / row["rate_hz"]
    vectors = {key: np.array(receiver[key], dtype=np.float64) for key in ("bias_m", "drift_m", "noise_m")}
    process = _Process(
        vectors["bias_m"], vectors["drift_m"], receiver["drift_time_s"], 0.0, vectors["noise_m"], period_s
    )
    seconds: Array = (truth.time_us - truth.time_us[:1]).astype(np.float64) * 1e-6
    _check_process(name, "pos", seconds, errors["pos_bias"], errors["pos_noise"], process, findings)
    _check_noise(name, "vel", errors["vel_noise"], np.array(receiver["velocity_noise_mps"]), findings)
    path = Path.of(scene)
    if path is not None:
        check_places(name, path, truth, row["translation_m"], findings)


def _check_times(name: str, row: Row, times: npt.NDArray[np.int64], truth: Samples, findings: Findings) -> bool:
    """Measurements are at the times of their truth where reception was not lost, a period apart."""
    wanted = truth.time_us[~truth.lost]
    if len(times) != len(wanted) or (times != wanted).any():
        findings.add(
            _CHECK, name, f"has {len(times)} messages; want one at each of the {len(wanted)} times of the truth"
        )
        return False
    steps = np.unique(np.diff(truth.time_us))
    if len(steps) and (len(steps) > 1 or abs(int(steps[0]) * row["rate_hz"] - 1_000_000) > row["rate_hz"]):
        message = f"has messages {[int(step) for step in steps[:4]]} us apart; want {row['rate_hz']} a second"
        findings.add(_CHECK, name, message)
        return False
    return True


def _process(triad: Mapping[str, float], period_s: float) -> _Process:
    constant, drift, density = (np.full(3, triad[key]) for key in ("bias", "drift", "noise_density"))
    return _Process(
        constant, drift, triad["drift_time_s"], triad["random_walk"], density / math.sqrt(period_s), period_s
    )


def _check_sum(name: str, key: str, said: Array, exact: Array, step: float, findings: Findings) -> None:
    """What was said is the truth and its errors, rounded to the device's steps."""
    off = np.abs(said - exact)
    wrong = off > step / 2 + _ROUNDED
    if wrong.any():
        message = (
            f"{key} is up to {off.max():.3g} off the truth with its errors in {int(wrong.any(axis=1).sum())} messages"
        )
        findings.add(_CHECK, name, f"{message}; want it within {step / 2 + _ROUNDED:.3g}")


def _check_process(
    name: str, key: str, seconds: Array, bias: Array, noise: Array, process: _Process, findings: Findings
) -> None:
    """Biases as large as their deviations allow, that change as fast; noise as wide as it should be."""
    largest = process.largest(seconds) + _ROUNDED
    if (np.abs(bias) > largest).any():
        worst = np.unravel_index(int(np.argmax(np.abs(bias) - largest)), bias.shape)
        message = f"the bias of {key} reaches {bias[worst]:.4g}; want at most {largest[worst]:.4g} by its device"
        findings.add(_CHECK, name, message)
    _compare(name, f"the bias of {key} changes from sample to sample", np.diff(bias, axis=0), process.step, findings)
    _check_noise(name, key, noise, process.noise, findings)


def _check_noise(name: str, key: str, noise: Array, deviation: Array, findings: Findings) -> None:
    _compare(name, f"the noise of {key}", noise, deviation, findings)
    if len(noise) >= _LEAST:
        middle = np.abs(noise.mean(axis=0))
        allowed = _WIDE * deviation / math.sqrt(len(noise)) + _ROUNDED
        if (middle > allowed).any():
            message = f"the noise of {key} has means {_told(middle)}; want at most {_told(allowed)}"
            findings.add(_CHECK, name, message)


def _check_spread(
    name: str, key: str, error: Array, within: npt.NDArray[np.bool_], process: _Process, step: float, findings: Findings
) -> None:
    """Of measurements themselves: neighbours differ, the truth aside, by noise, a bias's step, and rounding."""
    both = within[1:] & within[:-1]
    if not both.all(axis=0).any():
        return  # cut off at the end of the range
    expected = np.sqrt(2.0 * process.noise**2 + process.step**2 + step**2 / 6.0)
    steps = np.where(both, np.diff(error, axis=0), np.nan)
    # values that hardly move have rounding errors that are all alike
    if step <= process.noise.min():
        _compare(name, f"{key}, the truth aside, changes from sample to sample", steps, expected, findings)


def _check_mean(
    name: str,
    key: str,
    error: Array,
    true: Array,
    triad: Mapping[str, Any],
    process: _Process,
    seconds: Array,
    findings: Findings,
) -> float:
    """Measured less true, in the mean, is no more than the device allows; returns what is allowed of its norm."""
    half_step = triad["resolution"] / 2
    cut = np.zeros(3) if triad["limit"] is None else np.maximum(np.abs(true) - triad["limit"], 0.0).mean(axis=0)
    scaled = _WIDE * triad["scale_error"] * np.abs(true).mean(axis=0)
    noise = _WIDE * process.noise / math.sqrt(len(error))
    allowed = process.largest(seconds[-1:])[0] + scaled + noise + half_step + cut + _ROUNDED
    middle = np.abs(error.mean(axis=0))
    if (middle > allowed).any():
        message = f"{key} less its truth is {_told(middle)} in the mean; want at most {_told(allowed)} by its device"
        findings.add(_CHECK, name, message)
    return float(np.linalg.norm(allowed))


def _compare(name: str, what: str, values: Array, deviation: Array | Sequence[float], findings: Findings) -> None:
    """The spread of values (N, 3) about 0 is a standard deviation (3,), as nearly as so many can tell."""
    wanted = np.asarray(deviation, dtype=np.float64)
    for axis in range(3):
        own = values[:, axis][np.isfinite(values[:, axis])]
        if len(own) < _LEAST:
            continue
        spread = float(np.sqrt(np.mean(own**2)))
        slack = _WIDE / math.sqrt(2.0 * len(own)) * wanted[axis] + _ROUNDED
        if abs(spread - wanted[axis]) > slack:
            message = f"{what} by {spread:.4g} (axis {'xyz'[axis]}); want {wanted[axis]:.4g} by its device"
            findings.add(_CHECK, name, message)


def _told(vector: Array) -> str:
    """Three numbers for a message."""
    return ", ".join(f"{value:.3g}" for value in vector)
