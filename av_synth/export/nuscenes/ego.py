"""The ego of a run: who it is, how it moved in map coordinates, and where it was at any time."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from av_synth.errors import DataError
from av_synth.export.nuscenes.values import Offset
from av_synth.export.rows import Record
from av_synth.geometry.transforms import Array, matrix_from_quaternion
from av_synth.log.motion import EgoMotion
from av_synth.store import Run


def ego_of(run: Run) -> Record:
    """The ego's row of the table `actors`.

    Raises:
        DataError: if the run has none, or several.
    """
    egos: list[Record] = [row for row in run.table("actors").to_pylist() if row["is_ego"]]
    if len(egos) != 1:
        raise DataError(f"run {run.run_id}: table actors has {len(egos)} rows with is_ego; want one")
    return egos[0]


def read_ego_motion(run: Run, offset_m: Offset) -> EgoMotion:
    """Of the poses of a run, shifted into the map."""
    table = run.table("ego_poses")

    def columns(*names: str) -> Array:
        return np.stack([table.column(name).to_numpy() for name in names], axis=1)

    pose = columns("x_m", "y_m", "z_m", "qw", "qx", "qy", "qz")
    pose[:, :2] += offset_m
    frame, time_us = (table.column(name).to_numpy().astype(np.int64) for name in ("frame", "time_us"))
    return EgoMotion(frame, time_us, pose, columns("vx_mps", "vy_mps", "vz_mps"))


class EgoAt:
    """Where a run's ego was at a time: between two ticks as `EgoMotion` has it; outside the log, straight on.

    Attributes:
        offset_m: what is added to world coordinates.
    """

    def __init__(self, run: Run, offset_m: Offset) -> None:
        """Of a run; nothing is read before the first question."""
        self._run, self.offset_m = run, offset_m

    @cached_property
    def _motion(self) -> EgoMotion:
        return read_ego_motion(self._run, self.offset_m)

    def __call__(self, time_us: int) -> tuple[list[float], list[float]]:
        """Rotation (w, x, y, z) and translation of `map_from_ego`.

        Args:
            time_us: microseconds since the first recorded frame; may be below 0.
        """
        logged_us = self._motion.time_us
        within_us = min(max(time_us, int(logged_us[0])), int(logged_us[-1]))
        then = self._motion.at(np.array([within_us], dtype=np.int64))
        rotation = then.orientation[0]
        over_ground_mps = matrix_from_quaternion(rotation)[:3, :3] @ then.velocity_mps[0]
        place = then.position_m[0] + over_ground_mps * (time_us - within_us) * 1e-6
        return rotation.tolist(), place.tolist()
