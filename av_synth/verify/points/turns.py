"""Lidars that are devices: when each point was measured, by which beam, what of it is weather, and where it was then.

`lidar_device.json` tells what a lidar is, `lidar_time.json` names a file of 6 bytes a point for each of its turns. What
is said there is held against the points: put back to where they were measured, they are in the directions of the
device's beams, and at the times at which its head looked there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, inverse, move, turn_between_rad
from av_synth.verify.pixels.flow import EgoPath
from av_synth.verify.points.actors import Ids, SceneActors
from av_synth.verify.reading.blobs import locate, only_row
from av_synth.verify.reading.clouds import Sweep, turn_problem
from av_synth.verify.reading.model import Annotation, Data, Dataset, Scene
from av_synth.verify.reading.tables import Row

Flags = npt.NDArray[np.bool_]

_RECORD = np.dtype([("time_us", "<i4"), ("echo", "u1"), ("weather", "u1")])
_RING_DEG, _LEAST = 0.02, 20  # of a beam's middle elevation; points to tell
_WIDE_DEG = 0.1  # of nearly all its points: float32 and ego poses between ticks are good to a few thousandths
_LATE_SHARE = 0.002  # of a turn, between a time and the direction that goes with it: two columns of a thousand
_NEAR_M = 0.3  # beyond a device's range and before its nearest, for noise
_IN_THE_AIR = ("precipitation", "snow_mm_h", "fog_density", "dust_storm", "wetness", "precipitation_deposits")


@dataclass(frozen=True)
class Turn:
    """A lidar's turn, and what its times and the ego's motion say of it.

    Attributes:
        sweep: as it is stored.
        measured: (N, 3), in the lidar's axes of each point's own moment.
        at_once: (N, 3), in its axes of the frame's moment, as if only the lidar had moved.
        time_us: (N,), of each point from the frame's moment; 0 of a lidar that is no device.
        weather: (N,), which points are of no surface.
    """

    sweep: Sweep
    measured: Array
    at_once: Array
    time_us: npt.NDArray[np.int64]
    weather: Flags

    @property
    def solid(self) -> Sweep:
        """What is of surfaces, at the frame's moment."""
        return Sweep(self.at_once[~self.weather], self.sweep.rings[~self.weather])


class SceneTurns:
    """The turns of one lidar of a scene."""

    def __init__(self, dataset: Dataset, scene: Scene, channel: str, findings: Findings) -> None:
        """Look for what is told of the lidar."""
        self._dataset, self._scene, self._findings = dataset, scene, findings
        self.device: Row | None = None
        for row in dataset.rows_about("lidar_device", scene.data[channel][0].calibration.token):
            problem = _device_problem(row)
            if problem:
                findings.add("lidar_devices", f"lidar_device.json token={row['token']} ({scene.name})", problem)
            else:
                self.device = row
        self._path = EgoPath(scene)
        self._rings: dict[int, list[Array]] = {}
        self._before = {sample.token: sample.prev for sample in scene.samples}
        self._where = f"{channel} of {scene.name}"

    def read(self, data: Data, sweep: Sweep, *, whole: bool) -> Turn:
        """What is told of a turn's points, checked unless a fault has changed them."""
        none = np.zeros(len(sweep.points), dtype=np.int64)
        plain = Turn(sweep, sweep.points, sweep.points, none, np.zeros(len(none), dtype=np.bool_))
        device = self.device
        if device is None:
            return plain
        told = self._told(data, len(none))
        if told is None:
            return plain
        time_us = told["time_us"].astype(np.int64)
        measured = at_once = sweep.points
        if time_us.any() and device["turn_us"]:
            carry = _Carry(self._begun(data, device["turn_us"]), data.world_from_sensor, time_us / device["turn_us"])
            if device["motion"] == "raw":
                at_once = carry.to_frame(sweep.points)
            else:
                measured = carry.to_moments(sweep.points)
        turn = Turn(sweep, measured, at_once, time_us, told["weather"] == 1)
        if whole:
            self._check(data, device, turn, told)
        return turn

    def _told(self, data: Data, n: int) -> npt.NDArray[np.void] | None:
        where, row = only_row(self._dataset, self._scene, data, "lidar_time", "lidar_devices", self._findings)
        path = None if row is None else locate(self._dataset, row["filename"], where, self._findings)
        if path is None:
            return None
        size = path.stat().st_size
        if size != n * _RECORD.itemsize:
            message = f"{path.name} has {size} bytes for {n} points; want {_RECORD.itemsize} each"
            self._findings.add("lidar_devices", where, message)
            return None
        return np.fromfile(path, dtype=_RECORD)

    def _begun(self, data: Data, turn_us: int) -> Array:
        """Where the lidar was when the turn began; as the ego goes on, where no pose of before is."""
        now, mount = data.ego_pose.world_from_ego, data.calibration.ego_from_sensor
        before = self._path.at(data.timestamp_us - turn_us)
        if before is None and (after := self._path.at(data.timestamp_us + turn_us)) is not None:
            return np.asarray(now @ inverse(after[0]) @ now @ mount)
        return np.asarray((now if before is None else before[0]) @ mount)

    def _check(self, data: Data, device: Row, turn: Turn, told: npt.NDArray[np.void]) -> None:
        where = f"{data.filename} ({self._scene.name})"
        elevation = _elevation_deg(turn.measured)
        for ring, wanted_deg in enumerate(device["elevations_deg"]):
            own = elevation[turn.sweep.rings == ring] - wanted_deg
            if len(own):
                self._rings.setdefault(ring, []).append(own)
        problem = (
            _record_problem(device, told, turn.time_us)
            or _reach_problem(device, turn)
            or turn_problem(turn.measured, device["horizontal_fov_deg"])
            or _time_problem(device, turn)
            or self._weather_problem(data, turn)
        )
        if problem:
            self._findings.add("lidar_devices", where, problem)

    def _weather_problem(self, data: Data, turn: Turn) -> str:
        """Points are of the weather only if there is some: of sweeps at the keyframe before or after."""
        if not turn.weather.any():
            return ""
        moments = [data.sample_token] if data.is_key_frame else [data.sample_token, self._before[data.sample_token]]
        rows = [row for token in moments for row in self._dataset.rows_about("sample_truth", token)]
        if not rows or not all(_is_clear(row.get("weather")) for row in rows):
            return ""
        return f"{int(turn.weather.sum())} points are told to be of the weather, which sample_truth says is clear"

    def close(self) -> None:
        """Judge the beams over the scene: a ring is where the table has it."""
        for ring, parts in sorted(self._rings.items()):
            off = np.concatenate(parts)
            if len(off) < _LEAST:
                continue
            self._findings.checked("lidar_devices", len(off))
            middle, wide = float(np.median(off)), float(np.quantile(np.abs(off), 0.95))
            if abs(middle) > _RING_DEG or wide > _WIDE_DEG:
                wanted = f"{self.device['elevations_deg'][ring]:g} degrees" if self.device else ""
                message = (
                    f"ring {ring} is {middle:+.3f} degrees (median; 95 % within {wide:.3f}) from its beam's {wanted}"
                )
                self._findings.add("lidar_devices", self._where, f"{message}; want it within {_RING_DEG}")


def _is_clear(weather: object) -> bool:
    return isinstance(weather, dict) and all(weather.get(name, 0.0) == 0.0 for name in _IN_THE_AIR)


def _device_problem(row: Row) -> str:
    beams, aside = len(row["elevations_deg"]), len(row["azimuths_deg"])
    if beams != aside:
        return f"has {beams} elevations and {aside} azimuths; want one of each for a beam"
    lasts = row["motion"] != "none"
    return "" if (row["turn_us"] > 0) == lasts else f"turn_us = {row['turn_us']} with motion {row['motion']!r}"


def _record_problem(device: Row, told: npt.NDArray[np.void], time_us: npt.NDArray[np.int64]) -> str:
    if len(told) == 0:
        return ""
    turn_us = device["turn_us"]
    if time_us.max() > 0 or time_us.min() < -turn_us:
        return f"has times from {time_us.min()} to {time_us.max()} us; want {-turn_us} to 0, within the turn"
    if told["echo"].max() >= device["echoes"]:
        return f"has an echo {told['echo'].max()}; want below {device['echoes']}"
    return "" if told["weather"].max() <= 1 else f"weather = {told['weather'].max()}; want 0 or 1"


def _reach_problem(device: Row, turn: Turn) -> str:
    if len(turn.measured) == 0:
        return ""
    away_m = np.linalg.norm(turn.measured, axis=1)
    near, far = device["min_range_m"] - _NEAR_M, device["range_m"] + _NEAR_M
    if away_m.min() < near or away_m.max() > far:
        span = f"{away_m.min():.2f} to {away_m.max():.2f} m"
        return f"has points {span} away; its device measures {device['min_range_m']:g} to {device['range_m']:g} m"
    if turn.sweep.rings.max() >= len(device["elevations_deg"]):
        return f"has ring {turn.sweep.rings.max()}; its device has {len(device['elevations_deg'])} beams"
    return ""


def _time_problem(device: Row, turn: Turn) -> str:
    """The head turns clockwise from half of its turn to the left; a point's time is when it looked there.

    Columns and firing order are the device's. Axes are nuScenes': y is ahead, x to the right.
    """
    if not turn.time_us.any():
        return ""
    rings, turn_us = turn.sweep.rings, float(device["turn_us"])
    fov_deg = device["horizontal_fov_deg"]
    left_deg = (
        np.degrees(np.arctan2(-turn.measured[:, 0], turn.measured[:, 1])) - np.array(device["azimuths_deg"])[rings]
    )
    # the head turns on while the beams of a column fire one after the other
    late = turn.time_us / turn_us + 1.0 - (fov_deg / 2.0 - left_deg) / fov_deg
    off = float(np.median(np.abs((late + 0.5) % 1.0 - 0.5)))
    if off <= _LATE_SHARE:
        return ""
    return f"times are {off:.1%} of a turn (median) from when the head looked there; want {_LATE_SHARE:.1%} at most"


def _elevation_deg(points: Array) -> Array:
    return np.asarray(np.degrees(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1]))))


class _Carry:
    """Moves points between a lidar's axes of their own moments and those of the frame's."""

    def __init__(self, begun: Array, now: Array, share: Array) -> None:
        """Of a lidar that was at `begun` (4, 4) a turn ago; `share` (N,) of a turn is when points were measured."""
        relative = inverse(now) @ begun  # at a share of -1
        self._shift_m = -share[:, None] * relative[:3, 3]
        angle = turn_between_rad(np.eye(4), relative)
        skew = (relative[:3, :3] - relative[:3, :3].T) / (2.0 * math.sin(angle)) if angle > 1e-9 else np.zeros((3, 3))
        self._skew, self._angle = skew, -share * angle

    def to_frame(self, points: Array) -> Array:
        """Points (N, 3) of their own moments in the axes of the frame's."""
        return self._turned(points, self._angle) + self._shift_m

    def to_moments(self, points: Array) -> Array:
        """The way back."""
        return self._turned(points - self._shift_m, -self._angle)

    def _turned(self, points: Array, angle: Array) -> Array:
        once = points @ self._skew.T
        twice = once @ self._skew.T
        return np.asarray(points + np.sin(angle)[:, None] * once + (1.0 - np.cos(angle))[:, None] * twice)


def settled(dataset: Dataset, scene: Scene, data: Data, turn: Turn, ids: Ids | None, actors: SceneActors) -> Array:
    """Where in the world what points (N, 3) of a keyframe met is at its moment: what moves has gone on since.

    Without the actors of points, or of annotations, nothing is known of what moves by itself.
    """
    world = move(data.world_from_sensor, turn.at_once)
    if ids is None or not turn.time_us.any():
        return world
    for annotation in scene.annotations.get(data.sample_token, ()):
        own = ids == (actors.actor(annotation.instance_token) or -1)
        if own.any():
            seconds = turn.time_us[own] / 1e6
            velocity, yaw_radps = _motion(dataset, scene, annotation)
            centre = np.array(annotation.translation)
            arm = world[own] - centre - seconds[:, None] * velocity
            angle = -yaw_radps * seconds
            x = np.cos(angle) * arm[:, 0] - np.sin(angle) * arm[:, 1]
            y = np.sin(angle) * arm[:, 0] + np.cos(angle) * arm[:, 1]
            world[own] = centre + np.stack([x, y, arm[:, 2]], axis=1)
    return world


def _motion(dataset: Dataset, scene: Scene, annotation: Annotation) -> tuple[Array, float]:
    """Velocity (3,), true if that is told, and turn of a box, radians a second, by those before and after."""
    rows: tuple[Mapping[str, list[float]], ...] = dataset.rows_about("annotation_truth", annotation.token)
    velocity = np.array(rows[0]["velocity"]) if rows else scene.velocity(annotation)
    track = scene.tracks[annotation.instance_token]
    at = next(k for k, (_, each) in enumerate(track) if each.sample_token == annotation.sample_token)
    (t0, before), (t1, after) = track[max(at - 1, 0)], track[min(at + 1, len(track) - 1)]
    if t1 <= t0:
        return velocity, 0.0
    first, last = (math.atan2(each.world_from_box[1, 0], each.world_from_box[0, 0]) for each in (before, after))
    return velocity, ((last - first + math.pi) % (2.0 * math.pi) - math.pi) / (t1 - t0) * 1e6
