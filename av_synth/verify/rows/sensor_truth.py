"""Sensors that the car is wrong about: mounts, clocks and lost frames are what the faults of the scene say.

What the car believes is in calibrated_sensor, sample_data and ego_pose; calibration_truth and clock_truth have what was
true. Everything else that is verified goes by the truth, so that pixels and points find a truth that is false.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, turn_between_rad
from av_synth.verify.reading.model import Data, Dataset, Scene
from av_synth.verify.reading.tables import Row
from av_synth.verify.reading.values import are_numbers, is_number
from av_synth.verify.rows.ego_path import EgoMotion
from av_synth.verify.rows.faults import SceneFaults

_SAME_M, _SAME_RAD = 1e-4, 1e-4  # numbers of JSON, composed anew
_SIGMAS, _ROUND_US = 3.0, 2  # jitter is cut there
_WAIT_US = 1000  # by so much a clock goes on that would go back
_PATH_M, _PATH_RAD = 0.05, 0.06  # from poses 50 ms apart: straight between them, turned as the nearest
_TICK_S, _HARDEST_MPS2 = 0.05, 12.0  # between poses further apart, where frames were lost, it may have braked so hard
_GAP, _NO_GAP = 1.5, 0.5  # of a channel's period


def check_sensor_truth(dataset: Dataset, scene: Scene, faults: SceneFaults, findings: Findings) -> None:
    """Hold what was true against what the faults of a scene say, channel by channel."""
    for channel, rows in scene.data.items():
        _check_mount(dataset, scene, rows, faults, findings)
        _check_clock(scene, channel, rows, faults, findings)
        if dataset.ours:
            _check_gaps(scene, channel, rows, faults, findings)
    _check_poses(scene, findings)


def _check_mount(dataset: Dataset, scene: Scene, rows: Sequence[Data], faults: SceneFaults, findings: Findings) -> None:
    """The true mount is the one that is believed, turned and moved as the faults say, in all samples alike."""
    told, true = rows[0].as_told.calibration, rows[0].calibration
    moves = [[row for row in faults.in_force(data) if row["kind"] == "miscalibration"] for data in rows]
    entries = dataset.rows_about("calibration_truth", told.token)
    if not entries and not any(moves):
        return
    findings.checked("faults")
    where = f"calibrated_sensor.json token={told.token} ({scene.name} {told.channel})"
    if len(entries) > 1:
        findings.add("faults", where, f"has {len(entries)} rows in calibration_truth.json; want one at most")
    if any([_numbers(row) for row in found] != [_numbers(row) for row in moves[0]] for found in moves):
        findings.add("faults", where, "is miscalibrated in some samples only, or otherwise; want all samples alike")
    wanted = told.ego_from_sensor.copy()
    for row in moves[0]:
        yaw, pitch, roll, *move = _numbers(row)
        wanted[:3, :3] = _turned(yaw, pitch, roll) @ wanted[:3, :3]
        wanted[:3, 3] += move
    off_m = float(np.linalg.norm(true.ego_from_sensor[:3, 3] - wanted[:3, 3]))
    off_rad = turn_between_rad(true.ego_from_sensor, wanted)
    if off_m > _SAME_M or off_rad > _SAME_RAD:
        said = "is told to be miscalibrated" if moves[0] else "is not told to be miscalibrated"
        message = f"the true mount is {off_m:.4f} m and {math.degrees(off_rad):.3f} degrees off: it {said}"
        findings.add("faults", where, f"{message}, and calibration_truth.json says otherwise")


def _numbers(row: Row) -> list[float]:
    """Yaw, pitch and roll in degrees, x, y and z in metres; what is not told is 0."""
    turn, move = row.get("rotation_deg"), row.get("translation_m")
    return [
        *(turn if isinstance(turn, list) and are_numbers(turn, 3) else (0.0, 0.0, 0.0)),
        *(move if isinstance(move, list) and are_numbers(move, 3) else (0.0, 0.0, 0.0)),
    ]


def _turned(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Array:
    """(3, 3) about the ego's axes: left about z, its front up about y, to the right about x; the last one first."""
    z, y, x = (math.radians(angle) for angle in (yaw_deg, -pitch_deg, roll_deg))
    about_z = np.array([[math.cos(z), -math.sin(z), 0.0], [math.sin(z), math.cos(z), 0.0], [0.0, 0.0, 1.0]])
    about_y = np.array([[math.cos(y), 0.0, math.sin(y)], [0.0, 1.0, 0.0], [-math.sin(y), 0.0, math.cos(y)]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, math.cos(x), -math.sin(x)], [0.0, math.sin(x), math.cos(x)]])
    return np.asarray(about_z @ about_y @ about_x)


def _check_clock(scene: Scene, channel: str, rows: Sequence[Data], faults: SceneFaults, findings: Findings) -> None:
    """Timestamps are off by what the faults say, or wait where the clock would go back."""
    before_us: int | None = None
    for data in rows:
        told_us, off_us = data.as_told.timestamp_us, data.as_told.timestamp_us - data.timestamp_us
        clocks = [row for row in faults.in_force(data) if row["kind"] == "clock"]
        offset_us = sum(1000.0 * _number(row, "offset_ms") for row in clocks)
        slack_us = sum(1000.0 * _SIGMAS * _number(row, "jitter_ms") for row in clocks) + _ROUND_US
        waits = before_us is not None and told_us == before_us + _WAIT_US and off_us > offset_us
        before_us = told_us
        if clocks or off_us:
            findings.checked("faults")
        if abs(off_us - offset_us) > slack_us and not waits:
            said = f"its clock is told to be off by {offset_us / 1000:g} +- {slack_us / 1000:g} ms"
            where = f"sample_data.json token={data.token} ({scene.name} {channel})"
            findings.add("faults", where, f"its timestamp is {off_us / 1000:g} ms later than its data, and {said}")


def _number(row: Row, key: str) -> float:
    value = row.get(key)
    return float(value) if is_number(value) else 0.0  # type: ignore[arg-type]  # what is a number


def _check_gaps(scene: Scene, channel: str, rows: Sequence[Data], faults: SceneFaults, findings: Findings) -> None:
    """A channel has a frame in every period, or is told to have lost it; and what was lost is not there."""
    there = {data.timestamp_us for data in rows}
    kept = {data.timestamp_us for data in rows if data.is_key_frame}
    lost = faults.lost_us(channel)
    times = sorted(there | lost)
    if len(times) < 3:
        return
    findings.checked("faults", len(times))
    where = f"sample_data.json ({scene.name} {channel})"
    for at in sorted((lost & there) - kept):
        findings.add("faults", where, f"the sweep of {at} is told to be lost, and is there")
    steps = np.diff(np.array(times, dtype=np.float64))
    period_us = max(float(np.median(steps)), 1.0)
    for (before, after), step in zip(pairwise(times), steps, strict=True):
        if step > _GAP * period_us:
            message = f"has no data from {before} to {after}, {step / period_us:.1f} periods"
            findings.add("faults", where, f"{message}, and is not told to have lost any")
        elif step < _NO_GAP * period_us:
            findings.add("faults", where, f"has {before} and {after} within one period: was one of them lost?")


def _check_poses(scene: Scene, findings: Findings) -> None:
    """The ego was where its pose says at the time that was told, and at the true one, by the records of good clocks."""
    wrong = [data for rows in scene.data.values() for data in rows if data.as_told.timestamp_us != data.timestamp_us]
    good = {d.timestamp_us: d for rows in scene.data.values() for d in rows if d.as_told.ego_pose is d.ego_pose}
    if not wrong or len(good) < 3:
        return
    times = np.array(sorted(good), dtype=np.float64)
    poses = np.array([good[at].ego_pose.world_from_ego for at in sorted(good)])
    path = EgoMotion(times, poses[:, :3, 3], poses[:, :3, :3])
    for data in wrong:
        for what, each in (("told", data.as_told), ("true", data)):
            at = np.array([each.timestamp_us], dtype=np.float64)
            if not len(path.within(at)):
                continue
            findings.checked("faults")
            off_m = float(np.linalg.norm(each.ego_pose.world_from_ego[:3, 3] - path.place(at)[0]))
            after = max(1, int(np.searchsorted(times, at[0])))
            gap_s = float(times[after] - times[after - 1]) / 1e6
            slack_m = _PATH_M + float(path.speed(at)[0]) * 1e-3 + _HARDEST_MPS2 * gap_s**2 / 8.0
            slack_rad = _PATH_RAD * max(1.0, gap_s / _TICK_S)
            near = np.eye(4)
            near[:3, :3] = path.turns(at)[0]
            off_rad = turn_between_rad(each.ego_pose.world_from_ego, near)
            if off_m > slack_m or off_rad > slack_rad:
                table = "ego_pose" if what == "told" else "clock_truth"
                message = f"the ego is {off_m:.3f} m and {off_rad:.4f} rad from where it was at the {what} time"
                findings.add("faults", f"{table}.json token={data.token} ({scene.name} {data.channel})", message)
