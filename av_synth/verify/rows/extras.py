"""Tables beyond nuScenes: label images and quality of labels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings, Place
from av_synth.verify.maths import Array
from av_synth.verify.pixels.boxes_2d import level_of
from av_synth.verify.pixels.masks import SceneMasks, Seen
from av_synth.verify.points.counts import annotation_place
from av_synth.verify.reading.blobs import locate, png_layout
from av_synth.verify.reading.model import Annotation, Data, Dataset, Scene
from av_synth.verify.reading.tables import Row
from av_synth.verify.reading.values import is_number, short

_LAYOUTS = {"semantic": (8, 0), "depth": (16, 0), "flow": (16, 2)}  # bits, PNG colour type (0 grey, 2 RGB)
# CARLA's CityObjectLabel: roads to sky, and water to rail tracks, are no actors
_STUFF = (*range(1, 12), *range(23, 28))
_STUFF_SHARE, _STUFF_LEAST = 0.05, 200
_DEPTH_PER_M = 100.0
_LEVEL_SLACK = 0.006
_DISTANCE_OFF_M = 0.01
_FROM = " from the ego's origin, the ground under its rear axle, to the box's centre"


def check_rows(dataset: Dataset, findings: Findings) -> None:
    """Tables about annotations, samples and images have one row for each of them."""
    checks = {
        "annotation_truth": ("velocities", _annotations),
        "sample_truth": ("sample_truth", _samples),
        "label_image": ("label_images", _camera_keyframes),
        "label_quality": ("label_quality", _annotations),
    }
    for table, (check, tokens_of) in checks.items():
        if table not in dataset.extras:
            continue
        rows = dataset.extras[table]
        tokens = {token for scene in dataset.scenes if dataset.has(table, scene) for token in tokens_of(scene)}
        findings.checked(check, len(rows))
        for token in sorted(tokens - rows.keys()):
            findings.add(check, f"{table}.json", f"has no row for {token}; want one for each")
        for token in sorted(rows.keys() - tokens):
            findings.add(check, f"{table}.json token={rows[token][0]['token']}", f"is about {token}, which wants none")
        for token, found in rows.items():
            if len(found) > 1:
                findings.add(check, f"{table}.json token={found[1]['token']}", f"is the second row about {token}")


def _annotations(scene: Scene) -> Iterator[str]:
    return (annotation.token for found in scene.annotations.values() for annotation in found)


def _samples(scene: Scene) -> Iterator[str]:
    return (sample.token for sample in scene.samples)


def _camera_keyframes(scene: Scene) -> Iterator[str]:
    return (data.token for channel in scene.channels("camera") for data in scene.data[channel] if data.is_key_frame)


@dataclass(frozen=True)
class LabelImages:
    """What label images a camera keyframe has, None where there is none.

    Attributes:
        semantic: (H, W), CityObjectLabel.
        depth_m: (H, W), NaN where nothing is.
        flow: (H, W, 3) as KITTI has it: u, v, known.
    """

    semantic: npt.NDArray[np.uint8] | None
    depth_m: Array | None
    flow: npt.NDArray[np.uint16] | None


def read_label_images(dataset: Dataset, scene: Scene, data: Data, findings: Findings) -> LabelImages:
    """Read the label images of a camera keyframe, checking their places, layouts and classes."""
    rows = dataset.rows_about("label_image", data.token)
    images: dict[str, npt.NDArray[np.uint16]] = {}
    for kind, (bits, colour) in _LAYOUTS.items() if rows else ():
        name = rows[0][kind]
        if not name:
            continue
        findings.checked("label_images")
        where = f"label_image.json token={rows[0]['token']} ({scene.sample_name(data.sample_token)} {data.channel})"
        path = locate(dataset, name, where, findings)
        if path is None:
            continue
        layout, wanted = png_layout(path), (data.width, data.height, bits, colour)
        if layout != wanted:
            message = f"{name}: (width, height, bits, colour type) = {layout}; want {wanted}"
            findings.add("label_images", where, message)
            continue
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if image is None:
            findings.add("label_images", where, f"{name} cannot be decoded")
        else:
            images[kind] = np.asarray(image)
    semantic = images.get("semantic")
    if semantic is not None:
        _check_classes(dataset, f"{rows[0]['semantic']}", np.unique(semantic), findings)
    depth = images.get("depth")
    metres = None if depth is None else np.where(depth > 0, depth / _DEPTH_PER_M, np.nan)
    flow = images.get("flow")
    return LabelImages(
        None if semantic is None else semantic.astype(np.uint8), metres, None if flow is None else flow[..., ::-1]
    )


def _check_classes(dataset: Dataset, name: str, values: npt.NDArray[np.uint16], findings: Findings) -> None:
    classes = dataset.extras.get("semantic_class")
    if classes is None:
        return
    known = {row["index"] for rows in classes.values() for row in rows}
    odd = [int(v) for v in values if int(v) not in known]
    if odd:
        findings.add("label_images", name, f"has classes {odd[:5]}, which semantic_class.json does not have")


def check_semantic(seen: Seen, semantic: npt.NDArray[np.uint8], findings: Findings) -> None:
    """Pixels of actors are not road, sky or the like in the semantic image of the same frame."""
    if semantic.shape != seen.labels.shape:
        return
    shown = [value for value in seen.values if value is not None]
    own = np.isin(seen.labels, shown)
    if own.sum() < _STUFF_LEAST:
        return
    findings.checked("label_images")
    share = float(np.isin(semantic[own], _STUFF).mean())
    if share > _STUFF_SHARE:
        message = f"{share:.0%} of {int(own.sum())} pixels of annotated instances are road, sky or the like"
        where = f"semantic of {seen.view.data.filename}"
        findings.add("label_images", where, f"{message}; want classes of the very image that the masks are of")


def check_label_quality(dataset: Dataset, scene: Scene, masks: SceneMasks, findings: Findings) -> None:
    """The visible share is that of the level, and the mask's pixels are as many as the masks have."""
    for found in scene.annotations.values():
        for annotation in found:
            for row in dataset.rows_about("label_quality", annotation.token):
                findings.checked("label_quality")
                place = annotation_place(scene, annotation)
                share = row["visible_fraction"]
                if share is not None and annotation.visibility:
                    levels = {level_of(share + slack) for slack in (-_LEVEL_SLACK, 0.0, _LEVEL_SLACK)}
                    if annotation.visibility not in levels:
                        message = f"visibility {annotation.visibility!r}, but label_quality has visible_fraction"
                        findings.add("label_quality", place, f"{message} = {share:.3f}; want {level_of(share)!r}")
                _check_distance(scene, annotation, row, place, findings)
                if dataset.masks is None or not masks.complete(annotation.sample_token):
                    continue
                n = masks.visible_px(annotation.token)
                if row["mask_pixels"] != n and not row["ambiguous"]:
                    message = f"label_quality has mask_pixels = {row['mask_pixels']}; its masks have {n}"
                    findings.add("label_quality", place, message)


def _check_distance(scene: Scene, annotation: Annotation, row: Row, place: Place, findings: Findings) -> None:
    """The distance of label_quality is that from the ego to the box's centre, on the ground, at the lidar keyframe."""
    told, lidar = row.get("distance_m"), scene.keyframe(annotation.sample_token, "LIDAR_TOP")
    if told is None or lidar is None:
        return
    wanted = math.dist(annotation.translation[:2], lidar.ego_pose.translation[:2])
    if not is_number(told) or abs(told - wanted) > _DISTANCE_OFF_M:
        findings.add("label_quality", place, f"label_quality has distance_m = {short(told)}; want {wanted:.2f}{_FROM}")
