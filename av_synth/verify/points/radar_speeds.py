"""Speeds that a radar gives: of what stands still, with and without the ego's own; and by what kind it calls them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, move
from av_synth.verify.points.counts import inside_room, near_box, xyz
from av_synth.verify.reading.model import Annotation, Data, Scene

_RADAR_POINTS = 30
_RADAR_KINDS, _RADAR_MIXED = 50, 0.5  # returns of a kind, and the part of them that dyn_prop may call another
_RESTING_MPS, _MOVING_MPS = 0.3, 2.0
_RADAR_SPEED_MPS = 1.0  # of the median point: radars are good to 0.1 m/s, poses 0.1 s apart to less


def radar_speed_errors(
    data: Data, neighbours: tuple[Data, Data], records: npt.NDArray[np.void], boxes: Iterable[Annotation]
) -> tuple[Array, Array]:
    """How wrong the speeds of returns outside all boxes are, if what they come from stands still.

    Args:
        data: the scan's row.
        neighbours: the rows before and after it in its chain, for the radar's own velocity.
        records: the scan.
        boxes: annotations whose returns are left out, with 0.5 m around them.

    Returns:
        Per return, m/s: the error of the relative radial speed, and the length of the compensated velocity.
    """
    points = xyz(records)
    world = move(data.world_from_sensor, points)
    keep = np.ones(len(points), dtype=np.bool_)
    for annotation in boxes:
        near, local = near_box(world, annotation, 0.5)
        keep[near[inside_room(local, annotation, 0.5)]] = False
    before, after = neighbours
    seconds = (after.timestamp_us - before.timestamp_us) / 1e6
    moved = after.world_from_sensor[:3, 3] - before.world_from_sensor[:3, 3]
    own = data.world_from_sensor[:3, :3].T @ (moved / seconds)
    flat = points[keep, :2]
    towards = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    relative = np.stack([records["vx"], records["vy"]], axis=1)[keep].astype(np.float64)
    compensated = np.stack([records["vx_comp"], records["vy_comp"]], axis=1)[keep].astype(np.float64)
    radial = np.sum(relative * towards, axis=1)
    # the ego's motion is taken away by where the radar is believed to look
    believed = data.as_told.world_from_sensor[:3, :3].T @ (moved / seconds)
    left_over = towards * (towards @ (believed - own)[:2])[:, None]
    return np.abs(radial + towards @ own[:2]), np.linalg.norm(compensated - left_over, axis=1)


def check_radar_speeds(scene: Scene, channel: str, relative: Array, compensated: Array, findings: Findings) -> None:
    """Over a scene, the middle return of a radar from what stands still has the speed that the ego gives it."""
    if len(relative) < _RADAR_POINTS:
        return
    findings.checked("radar_velocity", len(relative))
    for name, errors in (("vx, vy", relative), ("vx_comp, vy_comp", compensated)):
        middle = float(np.median(errors))
        if middle > _RADAR_SPEED_MPS:
            message = f"{name} of {len(errors)} returns outside boxes are off by {middle:.2f} m/s (median)"
            wanted = "want relative speeds, positive going away, and compensated ones without the ego's motion"
            findings.add("radar_velocity", f"{channel} of {scene.name}", f"{message}; {wanted}")


def check_radar_kinds(scene: Scene, channel: str, scans: Sequence[npt.NDArray[np.void]], findings: Findings) -> None:
    """Over a scene, dyn_prop calls most of what rests stationary and most of what moves moving.

    Source of the numbers: nuScenes' schema, 0 moving, 1 stationary, 2 oncoming, 6 crossing moving.
    """
    records = np.concatenate(scans)
    records = records[(records["invalid_state"] == 0) & (records["ambig_state"] == 3)]  # what the devkit keeps
    speed = np.hypot(records["vx_comp"], records["vy_comp"])
    for name, chosen, wrong, wanted in (
        (f"slower than {_RESTING_MPS:g} m/s", speed < _RESTING_MPS, (0, 2, 6), "stationary (1, or 3, 5, 7)"),
        (f"faster than {_MOVING_MPS:g} m/s", speed > _MOVING_MPS, (1,), "moving (0, 2 or 6)"),
    ):
        kinds = records["dyn_prop"][chosen]
        if len(kinds) < _RADAR_KINDS:
            continue
        findings.checked("radar_velocity", len(kinds))
        n = int(np.isin(kinds, wrong).sum())
        if n > _RADAR_MIXED * len(kinds):
            message = (
                f"dyn_prop of {n} of {len(kinds)} returns {name} (compensated) is {int(np.bincount(kinds).argmax())}"
            )
            findings.add("radar_velocity", f"{channel} of {scene.name}", f"{message}; want {wanted}")
