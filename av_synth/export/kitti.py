"""KITTI's object detection layout: image_2, velodyne, label_2 and calib of the front camera and the lidar on top.

Source: the readme of KITTI's object development kit (2012/2017) and Geiger et al., CVPR 2012. One keyframe is one
index. Axes are KITTI's: velodyne x forward, y left, z up; camera x right, y down, z forward; a box is placed by
the centre of its bottom face and turned by rotation_y about the camera's y axis, 0 along x.

There is one camera, so P0 to P3 are the same matrix; images are rectified already, so R0_rect is the identity.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError, UserError
from av_synth.export.rows import sides_px, true_mounts_of
from av_synth.export.scene import Box, Keyframe, Scene, Sensor, need, refuse_lenses, tight_box
from av_synth.export.splits import ALL, Splits
from av_synth.geometry.boxes import corners, in_front
from av_synth.geometry.transforms import Array, apply, from_yaw, invert
from av_synth.store import link_or_copy, write_file

CAMERA, LIDAR = "CAM_FRONT", "LIDAR_TOP"
_EVERYTHING = "trainval"  # the ImageSet of every index

_TYPES = {
    "vehicle.car": "Car",
    "vehicle.emergency.police": "Car",
    "vehicle.emergency.ambulance": "Van",
    "vehicle.truck": "Truck",
    "vehicle.bus.rigid": "Misc",
    "vehicle.bus.bendy": "Misc",
    "vehicle.construction": "Misc",
    "vehicle.trailer": "Misc",
    "vehicle.motorcycle": "Misc",
    "vehicle.bicycle": "Cyclist",
    "human.pedestrian.adult": "Pedestrian",
    "human.pedestrian.child": "Pedestrian",
    "human.pedestrian.construction_worker": "Pedestrian",
    "human.pedestrian.police_officer": "Pedestrian",
    "human.pedestrian.personal_mobility": "Misc",
    "human.pedestrian.stroller": "Misc",
    "human.pedestrian.wheelchair": "Person_sitting",
}
"""KITTI's type by nuScenes category; KITTI labels nothing else. Misc is its word for, say, trailers and Segways."""

# share that the cameras see, at least, for KITTI's levels 0 fully visible, 1 partly and 2 largely occluded
_OCCLUDED = (0.8, 0.4, 0.0)
_NOT_PLACED = "-1 -1 -1 -1000 -1000 -1000 -10"  # size, location and turn of what is DontCare
_GRID = np.stack(np.meshgrid(*[np.linspace(-0.95, 0.95, 10)] * 3), -1).reshape(-1, 3)
_VELODYNE_FROM_LIDAR = from_yaw(0.0, 0.0, 0.0, -math.pi / 2)  # nuScenes' lidar has y ahead and x to the right


def write(runs: Sequence[Path], root: Path, splits: Splits, *, image: str = "png", min_pixels: int = 10) -> None:
    """Write training/{image_2,velodyne,label_2,calib}, ImageSets and mapping.txt.

    Args:
        runs: folders of committed runs.
        root: an empty folder.
        splits: their names become ImageSets; `trainval` has everything, and so has `train` if there are no splits.
        image: png, as KITTI has and its readers want, or jpg: the run's own files, smaller, linked.
        min_pixels: what shows fewer pixels is DontCare.

    Raises:
        UserError: if a run has no CAM_FRONT or no LIDAR_TOP, CAM_FRONT has a lens, an option cannot be, or a split is
            called trainval.
        DataError: if a run contradicts itself.
    """
    if image not in ("png", "jpg"):
        raise UserError(f"--option image: got {image!r}; want png or jpg")
    if min_pixels < 0:
        raise UserError(f"--option min_pixels: got {min_pixels}; want 0 or more")
    if _EVERYTHING in splits.names:
        raise UserError(f"KITTI: a split cannot be called {_EVERYTHING}, which is everything; rename it")
    sets = (_EVERYTHING, *splits.names) if splits.runs else (_EVERYTHING, "train")
    for folder in ("training/image_2", "training/velodyne", "training/label_2", "training/calib", "ImageSets"):
        (root / folder).mkdir(parents=True)
    index = 0
    with ExitStack() as stack:
        lists = {name: stack.enter_context((root / f"ImageSets/{name}.txt").open("w")) for name in sets}
        mapping = stack.enter_context((root / "mapping.txt").open("w"))
        for directory in runs:
            scene = Scene(directory)
            camera, lidar = need(scene, CAMERA, "KITTI"), need(scene, LIDAR, "KITTI")
            refuse_lenses(scene, (CAMERA,), "KITTI's calibration")
            split = splits.of(scene.run_id)
            for keyframe in scene.keyframes():
                name = f"{index:06d}"
                _write_keyframe(scene, keyframe, root / "training", name, image, min_pixels)
                write_file(root / f"training/calib/{name}.txt", calibration(camera, lidar).encode())
                for wanted in (_EVERYTHING, "train" if split == ALL else split):
                    lists[wanted].write(name + "\n")
                mapping.write(f"{name} {scene.run_id} {keyframe.frame}\n")
                index += 1


def check(root: Path) -> None:
    """Raise DataError unless every index of trainval has its four files, and nothing else has."""
    wanted = (root / "ImageSets/trainval.txt").read_text().split()
    for folder in ("image_2", "velodyne", "label_2", "calib"):
        there = sorted(path.stem for path in (root / "training" / folder).iterdir())
        if there != sorted(wanted):
            raise DataError(f"KITTI: training/{folder} has {len(there)} files, ImageSets/trainval.txt {len(wanted)}")


def _write_keyframe(scene: Scene, keyframe: Keyframe, folder: Path, name: str, image: str, min_pixels: int) -> None:
    records = keyframe.records
    if CAMERA not in records or LIDAR not in records:
        raise DataError(f"run {scene.run_id}: keyframe {keyframe.frame} is not of both {CAMERA} and {LIDAR}")
    source = scene.run.path(records[CAMERA].path)
    if image == "jpg":
        link_or_copy(source, folder / f"image_2/{name}.jpg")
    else:
        write_file(folder / f"image_2/{name}.png", _png(source))
    cloud = scene.lidar(records[LIDAR])
    points = apply(_VELODYNE_FROM_LIDAR, cloud[:, :3])
    velodyne = np.column_stack([points, cloud[:, 3] / 255.0]).astype("<f4")
    write_file(folder / f"velodyne/{name}.bin", velodyne.tobytes())
    lines = list(_labels(scene, keyframe, scene.sensors[CAMERA], min_pixels))
    write_file(folder / f"label_2/{name}.txt", "".join(f"{line}\n" for line in lines).encode())


def _png(source: Path) -> bytes:
    pixels = cv2.imread(str(source), cv2.IMREAD_COLOR)
    if pixels is None:
        raise DataError(f"{source}: not an image")
    return bytes(cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1])


def calibration(camera: Sensor, lidar: Sensor) -> str:
    """KITTI's calib file: x = P2 R0_rect Tr_velo_to_cam x_velodyne. The IMU stands at the ego's origin."""
    p = np.column_stack([camera.camera_matrix, np.zeros(3)])
    camera_from_ego = invert(camera.ego_from_sensor)
    ego_from_velodyne = lidar.ego_from_sensor @ invert(_VELODYNE_FROM_LIDAR)
    rows = {f"P{number}": p for number in range(4)}
    rows["R0_rect"] = np.eye(3)
    rows["Tr_velo_to_cam"] = (camera_from_ego @ ego_from_velodyne)[:3]
    rows["Tr_imu_to_velo"] = invert(ego_from_velodyne)[:3]
    return "".join(f"{name}: {' '.join(f'{value:.12e}' for value in row.ravel())}\n" for name, row in rows.items())


def _labels(scene: Scene, keyframe: Keyframe, camera: Sensor, min_pixels: int) -> Iterator[str]:
    """Lines of label_2: what the camera sees and the lidar hits; DontCare for what cannot be placed or told apart."""
    mount = true_mounts_of(scene.run).get(CAMERA, camera.ego_from_sensor)  # labels are of what is in the image
    camera_from_world = invert(keyframe.world_from_ego @ mount)
    seen = {}
    unclear: list[tuple[int, int, int, int]] = []
    for mask in scene.masks(CAMERA, keyframe.frame):
        pixels = int(mask.pixels.sum())
        if mask.ambiguous and (not mask.actor_id or scene.categories.get(mask.actor_id) in _TYPES):
            unclear += _pieces(mask.pixels)
        elif pixels and mask.actor_id and not mask.ambiguous:
            seen[mask.actor_id] = pixels, mask
    for box in keyframe.boxes:
        kind = _type(box)
        if kind is None or box.actor_id not in seen:
            continue
        pixels, mask = seen[box.actor_id]
        bounds, share = _bounds(scene, keyframe, camera, camera_from_world, box)
        if box.num_lidar_pts == 0 or pixels < min_pixels or bounds is None:
            yield _dont_care(*tight_box(mask.pixels))
        else:
            yield _line(kind, camera, camera_from_world @ box.world_from_box, box, bounds, share)
    for piece in unclear:
        yield _dont_care(*piece)


def _bounds(
    scene: Scene, keyframe: Keyframe, camera: Sensor, camera_from_world: Array, box: Box
) -> tuple[Sequence[float] | None, float]:
    """Left, top, right, bottom in pixels of a thing alone, None if its box is behind the camera; its visible share."""
    row = scene.boxes_2d.get((CAMERA, keyframe.frame, box.actor_id))
    if row is None or not row["amodal_px"]:
        return projected(camera, camera_from_world, box), box.visible_fraction
    # of this camera, and of the shape instead of the box
    left, top, right, bottom = sides_px(row, "amodal_")
    return (left, top, right - 1.0, bottom - 1.0), row["visible_px"] / row["amodal_px"]


def _pieces(pixels: npt.NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom, the last two exclusive, of each connected piece of a mask (H, W), in their order.

    Pixels of nobody are all over the image: one box around them would hide what is labelled between them.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(pixels.astype(np.uint8), connectivity=8)
    boxes = stats[1:, : cv2.CC_STAT_AREA].tolist()  # the first is what is around them
    return sorted((left, top, left + width, top + height) for left, top, width, height in boxes)


def _dont_care(left: int, top: int, right: int, bottom: int) -> str:
    return f"DontCare -1 -1 -10 {left:.2f} {top:.2f} {right - 1:.2f} {bottom - 1:.2f} {_NOT_PLACED}"


def _type(box: Box) -> str | None:
    if box.attribute == "pedestrian.sitting_lying_down":
        return "Person_sitting"
    if box.category == "vehicle.bicycle" and box.attribute == "cycle.without_rider":
        return "Misc"
    return _TYPES.get(box.category)


def _line(kind: str, camera: Sensor, camera_from_box: Array, box: Box, bounds: Sequence[float], visible: float) -> str:
    x, y, z = apply(camera_from_box, [0.0, 0.0, -box.size_lwh_m[2] / 2])
    heading = camera_from_box[:3, 0]
    rotation_y = math.atan2(-heading[2], heading[0])
    alpha = rotation_y - math.atan2(x, z)
    alpha = math.atan2(math.sin(alpha), math.cos(alpha))
    length, width, height = box.size_lwh_m
    occluded = next(level for level, share in enumerate(_OCCLUDED) if visible >= share)
    numbers = (*bounds, height, width, length, x, y, z, rotation_y)
    return f"{kind} {_truncation(camera, camera_from_box, box):.2f} {occluded} {alpha:.2f} " + " ".join(
        f"{number:.2f}" for number in numbers
    )


def _truncation(camera: Sensor, camera_from_box: Array, box: Box) -> float:
    """Share of the box's volume that lies outside the image, 0 to 1."""
    pixels, depth = camera.project(apply(camera_from_box, _GRID * (np.asarray(box.size_lwh_m) / 2)))
    inside = (depth > 0) & (pixels >= -0.5).all(axis=1) & (pixels < np.asarray(camera.size_px) - 0.5).all(axis=1)
    return float(1.0 - inside.mean())


def projected(camera: Sensor, camera_from_world: Array, box: Box) -> tuple[float, float, float, float] | None:
    """Left, top, right, bottom in pixels of the box, hidden parts included, cut by the edge of the image.

    None if no corner is ahead of the camera.
    """
    ahead = in_front(corners(camera_from_world @ box.world_from_box, box.size_lwh_m))
    if len(ahead) == 0:
        return None
    pixels, _ = camera.project(ahead)
    most = np.asarray(camera.size_px) - 1.0
    low, high = np.clip(pixels.min(axis=0), 0.0, most), np.clip(pixels.max(axis=0), 0.0, most)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
