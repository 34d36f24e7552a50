"""How the ego of a run moved, in map coordinates."""

from __future__ import annotations

import numpy as np

from av_synth.export.nuscenes.values import Offset
from av_synth.geometry.transforms import Array
from av_synth.log.motion import EgoMotion
from av_synth.store import Run


def read_ego_motion(run: Run, offset_m: Offset) -> EgoMotion:
    """Of the poses of a run, shifted into the map."""
    table = run.table("ego_poses")

    def columns(*names: str) -> Array:
        return np.stack([table.column(name).to_numpy() for name in names], axis=1)

    pose = columns("x_m", "y_m", "z_m", "qw", "qx", "qy", "qz")
    pose[:, :2] += offset_m
    frame, time_us = (table.column(name).to_numpy().astype(np.int64) for name in ("frame", "time_us"))
    return EgoMotion(frame, time_us, pose, columns("vx_mps", "vy_mps", "vz_mps"))
