"""Where the ego is in a scene, and how it moves, by its poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.verify.maths import Array
from av_synth.verify.reading.model import Scene

_SAME_US = 2


@dataclass(frozen=True)
class Path:
    """The ego's poses in a scene: times (N,), microseconds, places (N, 3) and rotations (N, 3, 3), world_from_ego."""

    time_us: npt.NDArray[np.int64]
    places: Array
    turns: Array

    @staticmethod
    def of(scene: Scene) -> Path | None:
        """Those of LIDAR_TOP, or of another sensor; None if there are fewer than three."""
        channel = "LIDAR_TOP" if "LIDAR_TOP" in scene.data else next(iter(sorted(scene.data)), "")
        rows = {data.timestamp_us: data.ego_pose.world_from_ego for data in scene.data.get(channel, ())}
        if len(rows) < 3:
            return None
        times = np.array(sorted(rows), dtype=np.int64)
        poses = np.array([rows[int(time)] for time in times])
        return Path(times, poses[:, :3, 3], poses[:, :3, :3])

    def of_point(self, point_m: Sequence[float]) -> Array:
        """Places (N, 3) of a point that is fixed to the ego."""
        moved: Array = self.places + self.turns @ np.asarray(point_m, dtype=np.float64)
        return moved

    def at(self, times_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Which pose is of each time (N,); -1 where none is."""
        near = np.clip(np.searchsorted(self.time_us, times_us - _SAME_US), 0, len(self.time_us) - 1)
        return np.where(np.abs(self.time_us[near] - times_us) <= _SAME_US, near, -1)


class EgoMotion:
    """Where the ego is and how it moves between its poses."""

    def __init__(self, times_us: Array, places: Array, turns: Array) -> None:
        """Of times (N,) that rise, places (N, 3) and rotations (N, 3, 3) of `world_from_ego`."""
        self._times = times_us
        self._places = places
        self._turns = turns
        self.middles = (times_us[1:] + times_us[:-1]) / 2.0
        seconds = np.maximum(np.diff(times_us) / 1e6, 1e-6)
        self.velocities = np.diff(places, axis=0) / seconds[:, None]
        yaws = np.unwrap(np.arctan2(turns[:, 1, 0], turns[:, 0, 0]))
        self.yaw_rates = np.diff(yaws) / seconds

    @staticmethod
    def of(scene: Scene) -> EgoMotion | None:
        """The motion of a scene's ego; None when it has fewer than three poses."""
        path = Path.of(scene)
        return None if path is None else EgoMotion(path.time_us.astype(np.float64), path.places, path.turns)

    def within(self, times_us: Array) -> npt.NDArray[np.intp]:
        """Indices of the times that lie between the first and last pose."""
        return np.flatnonzero((times_us >= self._times[0]) & (times_us <= self._times[-1]))

    def place(self, times_us: Array) -> Array:
        """Positions (N, 3) at times between poses."""
        return np.stack([np.interp(times_us, self._times, self._places[:, k]) for k in range(3)], axis=1)

    def turns(self, times_us: Array) -> Array:
        """The rotations (N, 3, 3) of the poses nearest in time."""
        after = np.clip(np.searchsorted(self._times, times_us), 1, len(self._times) - 1)
        before_is_near = times_us - self._times[after - 1] <= self._times[after] - times_us
        return np.asarray(self._turns[after - before_is_near])

    def speed(self, times_us: Array) -> Array:
        """Speeds (N,) m/s at times."""
        return np.interp(times_us, self.middles, np.linalg.norm(self.velocities[:, :2], axis=1))
