"""image_annotations.json: 2D boxes around the corners of projected 3D boxes, held against those corners.

Source of the rule: nuscenes-devkit 1.2.0, scripts/export_2d_annotations_as_json.py. It cuts at 1600 x 900 pixels
whatever the size of the images.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from av_synth.verify.findings import Findings
from av_synth.verify.maths import box_corners, move
from av_synth.verify.pixels.masks import View
from av_synth.verify.points.counts import annotation_place
from av_synth.verify.reading.model import Annotation, Data, Dataset, Scene
from av_synth.verify.reading.values import are_numbers, has_file, read_json, short

_NAME = "image_annotations.json"
_OFF_PX = 1.0
_SCRIPT_PX = (1600, 900)


def check_image_annotations(dataset: Dataset, findings: Findings) -> None:
    """Each row's box is that of its own annotation in its own image; the table has no tokens and may be absent."""
    path = dataset.root / dataset.version / _NAME
    rows = read_json(path, "image_annotations", findings) if has_file(path) else []
    if not isinstance(rows, list):
        findings.add("image_annotations", _NAME, f"is {short(rows)}; want an array of objects")
        return
    views = {
        data.token: (scene, data)
        for scene in dataset.scenes
        for channel in scene.channels("camera")
        for data in scene.data[channel]
        if data.is_key_frame
    }
    known = {a.token: a for scene in dataset.scenes for found in scene.annotations.values() for a in found}
    by_view: dict[str, list[tuple[Annotation, list[float]]]] = defaultdict(list)
    for place, row in enumerate(rows):
        findings.checked("image_annotations")
        problem = _problem(row, views, known)
        if problem:
            findings.add("image_annotations", f"{_NAME} row {place}", problem)
        else:
            by_view[row["sample_data_token"]].append((known[row["sample_annotation_token"]], row["bbox_corners"]))
    for token, told in by_view.items():
        _check_view(dataset, *views[token], told, findings)


def _problem(row: Any, views: Mapping[str, tuple[Scene, Data]], known: Mapping[str, Annotation]) -> str:
    if not isinstance(row, dict) or not are_numbers(row.get("bbox_corners"), 4):
        return f"is {short(row)}; want an object with bbox_corners of 4 numbers"
    shown, about = row.get("sample_data_token"), row.get("sample_annotation_token")
    if not isinstance(shown, str) or shown not in views:
        return f"sample_data_token = {short(shown)} is not a camera's keyframe"
    sample = views[shown][1].sample_token
    if not isinstance(about, str) or about not in known or known[about].sample_token != sample:
        return f"sample_annotation_token = {short(about)} is not of the sample of its image"
    return ""


def _check_view(
    dataset: Dataset, scene: Scene, data: Data, told: list[tuple[Annotation, list[float]]], findings: Findings
) -> None:
    view = View.of(data)
    if view is None:
        return
    boxes = np.concatenate([box_corners(a.world_from_box, a.size_wlh_m) for a, _ in told])
    corners = move(view.camera_from_world, boxes).reshape(-1, 8, 3)
    # corners behind the camera are left out, as the script does
    before = [own[own[:, 2] > 0] for own in corners]
    ahead = [shapely.MultiPoint(view.project(own)) for own in before]
    hulls = shapely.convex_hull(ahead)
    wanted = np.array([corners_px for _, corners_px in told])
    off = np.full(len(told), np.inf)
    sizes = ((data.width, data.height), *(() if dataset.ours else (_SCRIPT_PX,)))
    for size in sizes:
        bounds = shapely.bounds(shapely.intersection(hulls, shapely.box(0, 0, *size)))
        off = np.fmin(off, np.abs(bounds - wanted).max(axis=1))
    # where a lens puts what it does not see is nobody's to say
    off[[view.bend is not None and not view.bend.sees(own) for own in before]] = 0.0
    for place in np.flatnonzero(~(off <= _OFF_PX)).tolist():
        annotation, corners_px = told[place]
        bounds = shapely.bounds(shapely.intersection(hulls[place], shapely.box(0, 0, *sizes[0]))).round(1).tolist()
        message = f"bbox_corners in {data.channel} = {np.round(corners_px, 1).tolist()}, in {_NAME}"
        place_of = annotation_place(scene, annotation)
        findings.add("image_annotations", place_of, f"{message}; the corners of its own box are in {bounds}")
