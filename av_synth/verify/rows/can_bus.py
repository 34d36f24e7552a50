"""CAN bus messages: files, keys and their order, times, and whether they tell the ego's own motion."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, angles_rad, rotation_matrix
from av_synth.verify.reading.model import Dataset, Scene
from av_synth.verify.reading.values import are_numbers, has_file, is_integer, is_number, read_json, short
from av_synth.verify.rows import can_truth
from av_synth.verify.rows.ego_path import EgoMotion

_FOLDER = "can_bus"
_KEYS: Mapping[str, tuple[str, ...]] = {
    "pose": ("accel", "orientation", "pos", "rotation_rate", "utime", "vel"),
    "ms_imu": ("linear_accel", "q", "rotation_rate", "utime"),
    "steeranglefeedback": ("utime", "value"),
    "vehicle_monitor": (
        *("available_distance", "battery_level", "brake", "brake_switch", "gear_position", "left_signal"),
        *("rear_left_rpm", "rear_right_rpm", "right_signal", "steering", "steering_speed", "throttle", "utime"),
        *("vehicle_speed", "yaw_rate"),
    ),
    "zoesensors": ("brake_sensor", "steering_sensor", "throttle_sensor", "utime"),
    "zoe_veh_info": (
        *("FL_wheel_speed", "FR_wheel_speed", "RL_wheel_speed", "RR_wheel_speed", "left_solar"),
        *("longitudinal_accel", "meanEffTorque", "odom", "odom_speed", "pedal_cc", "regen"),
        *("requestedTorqueAfterProc", "right_solar", "steer_corrected", "steer_offset_can", "steer_raw"),
        *("transversal_accel", "utime"),
    ),
}
_SIZES = {"accel": 3, "orientation": 4, "pos": 3, "rotation_rate": 3, "vel": 3, "linear_accel": 3, "q": 4}
_FILES = (*_KEYS, "route", "meta")
_EXTRA = ("gnss",)  # messages of av_synth; `motion_sensors` looks at them
_IN_ORDER = frozenset({"pose"})  # BEVFormer concatenates its values in file order
_PERIODS_US = {"pose": (5_000, 60_000), "ms_imu": (2_000, 60_000), "vehicle_monitor": (100_000, 600_000)}
_COVER_US = {"vehicle_monitor": 600_000}
_COVER_SLACK_US = 60_000
_NORM_TOLERANCE = 1e-3
# the message nearest in time stands for the sample; half a period of 20 ms at 30 m/s is 0.3 m, less when interpolated
_POSE_M, _POSE_RAD = 0.15, 0.02
_SPEED_MPS, _SPEED_SHARE = 0.5, 0.05
_TURN_RADPS = 0.1
_STEER_RAD = 15.0  # steering wheels turn three times to a side at most


def check_files(dataset: Dataset, findings: Findings) -> None:
    """Files in can_bus/ are named after a scene and a message."""
    folder = dataset.root / _FOLDER
    if not folder.is_dir():
        return
    names = {scene.name for scene in dataset.scenes}
    for path in sorted(folder.iterdir()):
        findings.checked("can_bus")
        scene, _, message = path.name.removesuffix(".json").partition("_")
        if scene not in names or message not in (*_FILES, *_EXTRA) or path.suffix != ".json":
            wanted = f"want <scene name>_<message>.json with a scene of this dataset and one of {', '.join(_FILES)}"
            findings.add("can_bus", f"{_FOLDER}/{path.name}", wanted)


def check_can_bus(dataset: Dataset, scene: Scene, findings: Findings) -> None:
    """Check all messages of a scene, when the dataset has a CAN bus."""
    if not (dataset.root / _FOLDER).is_dir() or not dataset.has(_FOLDER, scene) or not scene.samples:
        return
    motion = EgoMotion.of(scene)
    sound: dict[str, list[dict[str, Any]]] = {}
    for message in _FILES:
        name = f"{scene.name}_{message}.json"
        path = dataset.root / _FOLDER / name
        if "/" in scene.name or not has_file(path):
            if dataset.ours or message == "pose":
                findings.add("can_bus", f"{_FOLDER}/{name}", "is missing; want all messages of each scene")
            continue
        findings.checked("can_bus")
        content = read_json(path, "can_bus", findings)
        if content is None:
            continue
        if message in ("meta", "route"):
            _check_other(name, message, content, sound, dataset.ours, findings)
        elif _check_message(scene, motion, message, name, content, findings):
            sound[message] = content
    if dataset.ours:
        measured = {row["message"] for row in dataset.rows_about("motion_sensor", scene.token)}
        _check_values(scene, motion, sound, measured, findings)


def _check_other(
    name: str, message: str, content: Any, sound: Mapping[str, list[Any]], ours: bool, findings: Findings
) -> None:
    if message == "route":
        if not isinstance(content, list) or not all(are_numbers(v, 2) for v in content):
            findings.add("can_bus", name, "want a list of [x, y]")
    elif not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        findings.add("can_bus", name, "want an object of message name to its statistics")
    elif ours:
        can_truth.check_meta(name, content, {key: len(rows) for key, rows in sound.items()}, findings)


def _check_values(
    scene: Scene,
    motion: EgoMotion | None,
    sound: Mapping[str, list[dict[str, Any]]],
    measured: Collection[str],
    findings: Findings,
) -> None:
    """Check what av_synth promises of values, and the recordings of a real car keep less well.

    Messages that a device has measured are held against that device by `motion_sensors`.
    """
    for message, rows in sound.items():
        name = f"{scene.name}_{message}.json"
        for key in ("accel", "linear_accel"):
            if key in _KEYS[message] and message not in measured:
                can_truth.check_gravity(name, key, rows, findings)
        if message == "pose":
            can_truth.check_acceleration(name, rows, findings)
        if message == "steeranglefeedback" and "pose" in sound:
            can_truth.check_steering(name, rows, sound["pose"], findings)
        times = [row["utime"] for row in rows]
        for key, speed in can_truth.wheel_speeds(message, rows).items():
            if motion is not None:
                _check_speed(name, f"{key} (turns a minute)", times, speed, motion, "rpm", findings)


def _check_message(
    scene: Scene, motion: EgoMotion | None, message: str, name: str, rows: Any, findings: Findings
) -> bool:
    """Check one file; returns whether its rows have the right fields and times."""
    problem = _row_problem(message, rows)
    if problem:
        findings.add("can_bus", name, problem)
        return False
    problem = _time_problem(scene, message, [row["utime"] for row in rows])
    if problem:
        findings.add("can_bus", name, problem)
        return False
    for key in ("orientation", "q"):
        norms = [math.sqrt(sum(v * v for v in row[key])) for row in rows if key in row]
        off = [n for n in norms if abs(n - 1) > _NORM_TOLERANCE]
        if off:
            findings.add("can_bus", name, f"{len(off)} of {len(norms)} {key} have length {off[0]:.4g}; want 1")
    if motion is None:
        return True
    if message == "pose":
        _check_pose(name, rows, motion, findings)
    elif message in ("vehicle_monitor", "zoe_veh_info"):
        key = "vehicle_speed" if message == "vehicle_monitor" else "odom_speed"
        kmh = [float(row[key]) for row in rows]
        _check_speed(
            name, f"{key} (km/h)", [row["utime"] for row in rows], np.array(kmh) / 3.6, motion, "km/h", findings
        )
    elif message == "steeranglefeedback":
        largest = max(abs(row["value"]) for row in rows)
        if largest > _STEER_RAD:
            findings.add("can_bus", name, f"value reaches {largest:.4g}; want the steering wheel's angle in rad")
    return True


def _row_problem(message: str, rows: Any) -> str:
    keys = _KEYS[message]
    if not isinstance(rows, list) or not rows:
        return f"is {short(rows)}; want a list of at least one message"
    for k, row in enumerate(rows):
        if not isinstance(row, dict) or set(row) != set(keys):
            got = sorted(row) if isinstance(row, dict) else short(row)
            return f"message {k} has {got}; want exactly the keys {list(keys)}"
        if message in _IN_ORDER and tuple(row) != keys:
            return f"message {k} has its keys in the order {list(row)}; want {list(keys)}: BEVFormer goes by order"
        for key, value in row.items():
            sound = is_integer(value, 0, 2**62) if key == "utime" else is_number(value)
            if not (are_numbers(value, _SIZES[key]) if key in _SIZES else sound):
                wanted = "an integer of microseconds" if key == "utime" else f"{_SIZES.get(key, 1)} finite numbers"
                return f"message {k} has {key} = {short(value)}; want {wanted}"
    return ""


def _time_problem(scene: Scene, message: str, times: Sequence[int]) -> str:
    falls = sum(b <= a for a, b in pairwise(times))
    if falls:
        return f"utime does not rise {falls} times; want messages in time order"
    first, last = scene.samples[0].timestamp_us, scene.samples[-1].timestamp_us
    slack = _COVER_US.get(message, _COVER_SLACK_US)
    if times[0] > first + slack or times[-1] < last - slack:
        ends = f"{(times[0] - first) / 1e6:+.2f} s to {(times[-1] - last) / 1e6:+.2f} s"
        unit = "" if times[0] > first / 10 else ": is utime in other units than microseconds?"
        return f"covers {ends} from the scene's first and last sample; want all of it{unit}"
    low, high = _PERIODS_US.get(message, (0, 600_000))
    if len(times) > 1 and not low <= float(np.median(np.diff(times))) <= high:
        return f"has a message every {np.median(np.diff(times)):.0f} us; want {low} to {high}"
    if message == "pose":
        at = np.searchsorted(np.array(times), [s.timestamp_us for s in scene.samples])
        if len(np.unique(at)) < len(at):
            return "has two samples at one message; want at least one message between samples"
    return ""


def _check_pose(name: str, rows: list[dict[str, Any]], motion: EgoMotion, findings: Findings) -> None:
    times = np.array([row["utime"] for row in rows], dtype=np.float64)
    kept = motion.within(times)
    if len(kept) < 3:
        return
    findings.checked("can_motion", len(kept))
    times = times[kept]
    off_m = np.linalg.norm(np.array([rows[k]["pos"] for k in kept])[:, :2] - motion.place(times)[:, :2], axis=1)
    speed = motion.speed(times)
    if float(np.median(off_m - 0.01 * speed)) > _POSE_M:
        message = f"pos is {np.median(off_m):.2f} m (median) from ego_pose; want the same place, within {_POSE_M} m"
        findings.add("can_motion", name, message)
    ego_from_world = motion.turns(times).transpose(0, 2, 1)
    said_turns = np.array([rotation_matrix(rows[k]["orientation"]) for k in kept])
    off_rad = float(np.median(angles_rad(ego_from_world @ said_turns)))
    if off_rad > _POSE_RAD:
        message = f"orientation is {math.degrees(off_rad):.1f} degrees (median) from ego_pose's rotation"
        findings.add("can_motion", name, f"{message}; want w, x, y, z of the same pose")
    velocity = np.stack([np.interp(times, motion.middles, motion.velocities[:, k]) for k in range(3)], axis=1)
    own = np.einsum("nij,nj->ni", ego_from_world, velocity)
    said = np.array([rows[k]["vel"] for k in kept], dtype=np.float64)
    wrong = np.linalg.norm(said[:, :2] - own[:, :2], axis=1) - _SPEED_SHARE * speed
    if float(np.median(wrong)) > _SPEED_MPS:
        in_world = float(np.median(np.linalg.norm(said[:, :2] - velocity[:, :2], axis=1)))
        guess = "it is in the world's axes" if in_world < _SPEED_MPS else "want the ego's axes, m/s"
        findings.add("can_motion", name, f"vel is {np.median(wrong):.2f} m/s off ego_pose's derivative; {guess}")
    rate = np.interp(times, motion.middles, motion.yaw_rates)
    off = float(np.median(np.abs(np.array([rows[k]["rotation_rate"][2] for k in kept]) - rate)))
    if off > _TURN_RADPS:
        message = f"rotation_rate's z is {off:.2f} rad/s (median) off ego_pose's turning; want rad/s, left positive"
        findings.add("can_motion", name, message)


def _check_speed(
    name: str, what: str, times: Sequence[int], said_mps: Array, motion: EgoMotion, unit: str, findings: Findings
) -> None:
    at = np.array(times, dtype=np.float64)
    kept = motion.within(at)
    if len(kept) < 3:
        return
    findings.checked("can_motion", len(kept))
    speed = motion.speed(at[kept])
    wrong = float(np.median(np.abs(said_mps[kept] - speed) - _SPEED_SHARE * speed))
    if wrong > _SPEED_MPS:
        message = f"{what} is {wrong:.2f} m/s (median) off the ego's speed of {np.median(speed):.2f} m/s; want {unit}"
        findings.add("can_motion", name, message)
