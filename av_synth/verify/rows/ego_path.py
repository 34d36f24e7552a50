"""Where the ego is in a scene, by its poses."""

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
