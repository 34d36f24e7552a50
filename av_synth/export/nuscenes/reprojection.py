"""image_annotations: 2D boxes around projected 3D boxes, as nuScenes' own script derives them.

Source: nuscenes-devkit 1.2.0, scripts/export_2d_annotations_as_json.py. Such boxes are loose and take no notice of what
stands before the object; `box_2d` has tight ones. The script cuts at 1600 x 900 whatever the images' size; here the
image's own size is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import shapely

from av_synth.export.nuscenes.annotations import Annotations
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.sample_data import SensorRows
from av_synth.export.rows import Record, Row, lenses_of, pose_of, true_mounts_of
from av_synth.geometry.boxes import corners
from av_synth.geometry.cameras import project
from av_synth.geometry.lens import Lens
from av_synth.geometry.transforms import Array, apply, invert
from av_synth.store import Run


def fold_image_annotations(
    run: Run, names: RunNames, sensor_rows: SensorRows, annotations: Annotations
) -> Iterator[Row]:
    """One row for each annotation in each camera's picture, in the order of the script's output."""
    cameras = {row["channel"]: row for row in run.table("sensors").to_pylist() if row["modality"] == "camera"}
    poses = {row["frame"]: row for row in run.table("ego_poses").to_pylist()}
    by_frame: dict[int, list[tuple[Record, Row]]] = {}
    for box, row in zip(annotations.boxes, annotations.annotations, strict=True):
        by_frame.setdefault(box["frame"], []).append((box, row))
    corners_world = {frame: np.array([_corners(box) for box, _ in pairs]) for frame, pairs in by_frame.items()}
    lenses, true_mounts = lenses_of(run), true_mounts_of(run)
    for (channel, frame), filename in sensor_rows.keyframe_files.items():
        if frame not in by_frame:
            continue
        camera = cameras[channel]
        mount = true_mounts.get(channel, pose_of(camera))  # labels are of what is in the picture
        camera_from_world = invert(pose_of(poses[frame]) @ mount)
        around = apply(camera_from_world, corners_world[frame].reshape(-1, 3))
        for place, bounds in _bounds(around, camera, lenses.get(channel)):
            box, row = by_frame[frame][place]
            yield _row(box, row, bounds, names.sample_data(channel, frame), filename)


def _corners(box: Record) -> Array:
    return corners(pose_of(box), [box["length_m"], box["width_m"], box["height_m"]])


def _bounds(corners_camera: Array, camera: Record, lens: Lens | None) -> Iterator[tuple[int, Sequence[float]]]:
    """Which boxes, of corners (8 N, 3), are in the picture, each with the bounds of its corners' hull cut at the edge.

    Corners behind the camera are left out, as the script does. What is left of the hull must have an area: of a point
    or a line the script makes nothing.
    """
    intrinsics = (camera["fx_px"], camera["fy_px"], camera["cx_px"], camera["cy_px"])
    pixels, depth = project(corners_camera, *intrinsics, lens)
    ahead = np.flatnonzero(depth > 0)
    boxes, group = np.unique(ahead // 8, return_inverse=True)
    if not len(boxes):
        return
    hulls = shapely.convex_hull(shapely.multipoints(shapely.points(pixels[ahead]), indices=group))
    cut = shapely.intersection(hulls, shapely.box(0, 0, camera["width_px"], camera["height_px"]))
    for place in np.flatnonzero(shapely.area(cut) > 0.0).tolist():
        yield int(boxes[place]), shapely.bounds(cut[place]).tolist()


def _row(box: Record, annotation: Mapping[str, object], bounds: Sequence[float], token: str, filename: str) -> Row:
    return {
        "attribute_tokens": annotation["attribute_tokens"],
        "bbox_corners": list(bounds),
        "category_name": box["category"],
        "filename": filename,
        "instance_token": annotation["instance_token"],
        "next": annotation["next"],
        "num_lidar_pts": annotation["num_lidar_pts"],
        "num_radar_pts": annotation["num_radar_pts"],
        "prev": annotation["prev"],
        "sample_annotation_token": annotation["token"],
        "sample_data_token": token,
        "visibility_token": annotation["visibility_token"],
    }
