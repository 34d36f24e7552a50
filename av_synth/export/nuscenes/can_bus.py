"""CAN bus messages of a scene, in the files and with the keys, units and ranges of nuScenes' CAN bus expansion.

They come from what the run logged of its ego: poses, velocities, pedals. What each message is made of, `can_messages`
says. Where the rig has an IMU, its message is what that measured; a GNSS receiver has a message that nuScenes has not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.export.nuscenes.can_messages import COLUMNS, PERIODS_US, TYRE_WIDTH_M, Body, Columns, Moment
from av_synth.export.nuscenes.ego import ego_of, read_ego_motion
from av_synth.export.nuscenes.measured import TRUTH, fold_measured
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.route import Roads
from av_synth.export.nuscenes.values import Offset
from av_synth.export.rows import Record
from av_synth.geometry.transforms import Array
from av_synth.log.motion import EgoMotion, Times
from av_synth.store import Run

_CAR = Body(wheelbase_m=2.6, track_m=1.5)
_SLOWEST_MPS = 1.0
"""Below this a path has no curvature worth the name, and the wheels are taken to turn evenly between what they had."""


def can_files(run: Run, names: RunNames, scene: str, offset_m: Offset, roads: Roads) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files of one scene, as in 'can_bus/scene-0001_pose.json'.

    Args:
        run: the run.
        names: its timestamps.
        scene: what the scene is called.
        offset_m: what is added to world coordinates.
        roads: the town's lanes.

    Raises:
        DataError: if the log has no ego.
    """
    motion = read_ego_motion(run, offset_m)
    measured = fold_measured(run, offset_m)
    ego = ego_of(run)
    body = _body(run, ego, motion, offset_m)
    pedals = _Pedals(run, ego["actor_id"], motion)
    moments = {}
    for period_us in sorted(set(PERIODS_US.values())):
        times = motion.grid(period_us)
        wheel_rad = _wheel_angle(motion, body, times)
        moments[period_us] = Moment(times, motion.at(times), body, wheel_rad, pedals.at(times))
    meta: dict[str, object] = {}
    for message, period_us in PERIODS_US.items():
        now = moments[period_us]
        columns, time_us = measured.said.get(message) or (COLUMNS[message](now), now.time_us)
        columns = _in_order(columns, time_us + names.timestamp(0))
        meta[message] = _statistics(columns)
        yield f"can_bus/{scene}_{message}.json", _encode(_rows(columns))
    for folder, found in (("can_bus", measured.extra), (TRUTH, measured.truth)):
        for message, (columns, time_us) in found.items():
            columns = _in_order(columns, time_us + names.timestamp(0))
            yield f"{folder}/{scene}_{message}.json", _encode(_rows(columns))
    driven = moments[PERIODS_US["pose"]].motion
    route = roads.route(driven.position_m, _headings(driven.orientation))
    yield f"can_bus/{scene}_route.json", _encode(route)
    yield f"can_bus/{scene}_meta.json", _encode(meta)


class _Pedals:
    """What the ego's driver asked for; at rest where the run logs no controls."""

    def __init__(self, run: Run, ego_id: int, motion: EgoMotion) -> None:
        table = run.table("controls")
        mine = table.filter(table.column("actor_id").to_numpy() == ego_id)
        frames = mine.column("frame").to_numpy()
        known = np.isin(frames, motion.frame)
        self._time_us = motion.time_us[np.searchsorted(motion.frame, frames[known])]
        self._values = {
            name: mine.column(name).to_numpy(zero_copy_only=False)[known].astype(np.float64)
            for name in ("throttle", "brake", "hand_brake")
        }

    def at(self, time_us: Times) -> dict[str, Array]:
        """Values (N,): a tick's control was in force from the tick before it."""
        if not len(self._time_us):
            return {name: np.zeros(len(time_us)) for name in self._values}
        index = np.minimum(np.searchsorted(self._time_us, time_us), len(self._time_us) - 1)
        return {name: np.clip(values[index], 0.0, 1.0) for name, values in self._values.items()}


def _body(run: Run, ego: Record, motion: EgoMotion, offset_m: Offset) -> Body:
    """As logged, or from the ego's box: its front axle is then taken to be as far before the box's middle.

    Whoever carries the sensors without having wheels gets the messages of a car that moves as they do.
    """
    if ego["type_id"].startswith(("walker.", "static.")):
        return _CAR
    for row in run.table("axles").to_pylist():
        return Body(row["wheelbase_m"], row["track_m"])
    states = run.table("states", ("frame", "actor_id", "x_m", "y_m"))
    mine = states.filter(states.column("actor_id").to_numpy() == ego["actor_id"]).slice(0, 1).to_pylist()
    if not mine or mine[0]["frame"] != motion.frame[0]:
        raise DataError(f"run {run.run_id}: table states has no row of the ego at frame {motion.frame[0]}")
    actor = np.array([mine[0]["x_m"] + offset_m[0], mine[0]["y_m"] + offset_m[1]])
    start = motion.at(motion.time_us[:1])
    half_m = float((actor - start.position_m[0, :2]) @ _headings(start.orientation)[0]) + ego["box_x_m"]
    return Body(2 * half_m, ego["width_m"] - TYRE_WIDTH_M)


def _wheel_angle(motion: EgoMotion, body: Body, time_us: Times) -> Array:
    """Angle (N,) of the front wheels that the path of the rear axle takes, radians, left positive.

    Kinematic bicycle: tan(angle) = wheelbase * yaw rate / speed. CARLA's control says a share of a greatest angle that
    no log has; the path says the angle itself.
    """
    log = motion.at(motion.time_us)
    speed = log.velocity_mps[:, 0]
    rolls = np.abs(speed) > _SLOWEST_MPS
    if not rolls.any():
        return np.zeros(len(time_us))
    angle = np.arctan(body.wheelbase_m * log.rotation_rate_radps[rolls, 2] / speed[rolls])
    between: Array = np.interp(time_us, motion.time_us[rolls], angle)
    return between


def _headings(orientation: Array) -> Array:
    """Directions (N, 2) of the x axes of bodies with orientations (N, 4)."""
    w, x, y, z = orientation.T
    return np.stack([1 - 2 * (y * y + z * z), 2 * (x * y + w * z)], axis=1)


def _in_order(columns: Columns, time_us: Times) -> Columns:
    columns = {**columns, "utime": time_us}
    return {key: columns[key] for key in sorted(columns)}


def _rows(columns: Columns) -> list[dict[str, object]]:
    count = len(np.asarray(columns["utime"]))
    listed = [[values] * count if isinstance(values, int) else values.tolist() for values in columns.values()]
    return [dict(zip(columns, values, strict=True)) for values in zip(*listed, strict=True)]


def _statistics(columns: Columns) -> dict[str, object]:
    """What meta says about one kind of message; of vectors, over all their components."""
    times = np.asarray(columns["utime"])
    timespan_s = float(times[-1] - times[0]) * 1e-6
    stats: dict[str, dict[str, float]] = {}
    for width in (1, 3, 4):
        keys = [key for key, column in columns.items() if _width(column) == width]
        if not keys:
            continue
        values = np.zeros((len(times), len(keys), width))
        for index, key in enumerate(keys):
            values[:, index] = np.asarray(columns[key]).reshape(-1, width)
        told = _measures(values, "") | _measures(np.diff(values, axis=0) if len(times) > 1 else values * 0, "_diff")
        for index, key in enumerate(keys):
            stats[key] = {name: float(measured[index]) for name, measured in told.items()}
    return {
        "message_count": len(times),
        "message_freq": round((len(times) - 1) / timespan_s, 6) if timespan_s else 0.0,
        "timespan": timespan_s,
        "var_stats": {key: stats[key] for key in columns},
    }


def _width(column: npt.NDArray[Any] | int) -> int:
    return 1 if isinstance(column, int) or column.ndim == 1 else column.shape[1]


def _measures(values: Array, suffix: str) -> dict[str, Array]:
    """Of values (N, keys, components), measures (keys,)."""
    found = {
        "max": values.max((0, 2)),
        "mean": values.mean((0, 2)),
        "min": values.min((0, 2)),
        "std": values.std((0, 2)),
    }
    return {name + suffix: measured for name, measured in found.items()}


def _encode(value: object) -> bytes:
    return json.dumps(value, allow_nan=False).encode()
