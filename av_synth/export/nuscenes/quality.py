"""label_quality: for each annotation what a user needs to know to keep it, weigh it, or leave it out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from av_synth.errors import DataError
from av_synth.export.nuscenes.annotations import Annotations
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.rows import Record, Row, sides_px
from av_synth.geometry.transforms import Array
from av_synth.store import Run

_HEADED_MPS = 1.0  # slower, the direction of a velocity says little about a heading
_NEIGHBOUR_S = 1.5  # the devkit's box_velocity takes no neighbours that are farther away, twice that between two


def fold_quality(run: Run, names: RunNames, annotations: Annotations) -> Iterator[Row]:
    """One row for each annotation.

    Raises:
        DataError: if the run's table quality lacks one.
    """
    evidence = {(row["frame"], row["actor_id"]): row for row in run.table("quality").to_pylist()}
    egos = {
        row["frame"]: (row["x_m"], row["y_m"]) for row in run.table("ego_poses", ["frame", "x_m", "y_m"]).to_pylist()
    }
    derived = _derived_velocities(annotations.boxes)
    for box in annotations.boxes:
        key = (box["frame"], box["actor_id"])
        own = names.annotation(*key)
        if key not in evidence:
            raise DataError(f"run {run.run_id}: table quality has no row for actor {key[1]} at frame {key[0]}")
        found = evidence[key]
        velocity = np.array([box[f"v{axis}_mps"] for axis in "xyz"])
        yield {
            "token": own,
            "sample_annotation_token": own,
            "visibility_method": box["visibility_method"],
            "visible_fraction": box["visible_fraction"],
            "mask_pixels": found["visible_px"],
            "amodal_pixels": found["amodal_px"],
            "cameras": found["cameras"],
            "ambiguous": found["ambiguous"],
            "clear_looks": found["clear_looks"],
            "box_gap_px": sides_px(found, "gap_") if found["clear_looks"] else [],
            "lidar_points_own": found["lidar_own_inside"],
            "lidar_points_outside": found["lidar_own_outside"],
            "lidar_points_ground": found["lidar_ground_inside"],
            "lidar_points_foreign": found["lidar_foreign_inside"],
            "distance_m": math.dist((box["x_m"], box["y_m"]), egos[box["frame"]]),
            "speed_mps": float(np.linalg.norm(velocity)),
            "heading_error_rad": _heading_error_rad(box, velocity),
            "velocity_error_mps": _distance(derived.get(key), velocity),
        }


def _heading_error_rad(box: Record, velocity: Array) -> float | None:
    """Angle between the box's x axis and its velocity, 0 to pi; None if it is too slow to have a direction."""
    speed = float(np.linalg.norm(velocity))
    if speed < _HEADED_MPS:
        return None
    w, x, y, z = (box[name] for name in ("qw", "qx", "qy", "qz"))
    ahead = np.array([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)])
    return math.acos(max(-1.0, min(1.0, float(ahead @ velocity) / speed)))


def _distance(derived: Array | None, velocity: Array) -> float | None:
    return None if derived is None else float(np.linalg.norm(derived - velocity))


def _derived_velocities(boxes: Sequence[Record]) -> Mapping[tuple[int, int], Array]:
    """What readers derive from the positions of an annotation's neighbours, by (frame, actor).

    As nuscenes-devkit 1.2.0, NuScenes.box_velocity: from the annotation before to the one after, or from or to the
    annotation itself where there is only one; none if those are too far apart in time.
    """
    tracks: dict[int, list[Record]] = {}
    for box in boxes:
        tracks.setdefault(box["actor_id"], []).append(box)
    velocities = {}
    for actor_id, track in tracks.items():
        for index, box in enumerate(track):
            first, last = track[max(0, index - 1)], track[min(len(track) - 1, index + 1)]
            seconds = (last["time_us"] - first["time_us"]) * 1e-6
            reach = 2 * _NEIGHBOUR_S if first is not box and last is not box else _NEIGHBOUR_S
            if 0.0 < seconds <= reach:
                way = np.array([last[f"{axis}_m"] - first[f"{axis}_m"] for axis in "xyz"])
                velocities[box["frame"], actor_id] = way / seconds
    return velocities
