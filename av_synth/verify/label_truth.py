"""How far labels are off, by class, range and visibility: boxes against masks, points, pixels and motion."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, inverse, move
from av_synth.verify.pixels.masks import SceneMasks, Seen, View
from av_synth.verify.points.counts import SamplePoints, annotation_place, inside_room
from av_synth.verify.reading.model import Annotation, Dataset, Scene
from av_synth.verify.reading.nuscenes_names import attribute_family, category_index

_SIDES_PX = 20  # of an object's smaller extent: below, a side of 1 px is noise
_FULLY = 0.97  # of its amodal pixels, where they are known, for something to be seen whole
_OUTSIDE_MARGIN_M = 0.08  # bodies reach up to 2 cm out of boxes, and the range of a lidar is good to a few cm
_OUTSIDE_LEAST, _OUTSIDE_SHARE = 20, 0.1
# lidar and camera are so far apart: without a depth image a point this far off the box may be beside it
_BEHIND_M = 0.5
_FACE_LEAST, _FACE_M, _FACING = 30, 0.25, 0.3
_GAP_M, _GAP_SAMPLES, _ELSEWHERE_M = 0.6, 2, 1.0
_HEADING_MPS = 2.0


class LabelTruth:
    """Measures one scene; judges only what no true label does."""

    def __init__(self, dataset: Dataset, scene: Scene, findings: Findings) -> None:
        self._dataset = dataset
        self._scene = scene
        self._findings = findings
        self._outside: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._gaps: dict[str, list[tuple[float, Array]]] = defaultdict(list)

    def add_view(self, seen: Seen, depth_m: Array | None, points: SamplePoints | None) -> None:
        """Measure what one camera keyframe shows."""
        whole = self._whole(seen.view)
        for annotation, own in zip(seen.annotations, seen.own, strict=True):
            if annotation.token in whole and len(own):
                self._measure_sides(seen.view, annotation, own)
        if points is not None:
            self._count_outside(seen, depth_m, points)

    def _whole(self, view: View) -> set[str]:
        """Annotations that this camera sees whole: by box_2d where it is, else by their visibility level."""
        rows = self._dataset.rows_about("box_2d", view.data.token)
        if rows:
            return {
                row["sample_annotation_token"]
                for row in rows
                if row["visible_pixels"] >= _FULLY * max(row["amodal_pixels"], 1)
            }
        found = self._scene.annotations.get(view.data.sample_token, ())
        return {annotation.token for annotation in found if annotation.visibility == "4"}

    def _measure_sides(self, view: View, annotation: Annotation, own: Array) -> None:
        pixels = view.outline(annotation)
        if pixels is None or view.nearest_m(annotation) < 1.0:
            return
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        limit = np.array([view.data.width - 1, view.data.height - 1])
        if (high - low).min() < _SIDES_PX or (low < 1).any() or (high > limit - 1).any():
            return
        own = view.at_once(own)
        sides = np.abs(np.r_[own.min(axis=0) - 0.5 - low, own.max(axis=0) + 0.5 - high])
        range_m = self._scene.range_m(annotation)
        for name, value in zip(("left", "top", "right", "bottom"), sides, strict=True):
            quantity, token = f"box_{name}", view.data.token
            self._findings.measures.add(
                quantity, annotation.category, range_m, annotation.visibility, float(value), annotation.token, token
            )

    def _count_outside(self, seen: Seen, depth_m: Array | None, points: SamplePoints) -> None:
        """Count points that the camera sees on an instance (by mask, depth and class) and that are outside its box."""
        if depth_m is None and points.classes is None:
            return
        camera = move(seen.view.camera_from_world, points.world)
        ahead = np.flatnonzero(camera[:, 2] > 0.5)
        at = np.rint(seen.view.project(camera[ahead])).astype(np.int64)
        inside = (at >= 1).all(axis=1) & (at[:, 0] < seen.labels.shape[1] - 1) & (at[:, 1] < seen.labels.shape[0] - 1)
        ahead, at = ahead[inside], at[inside]
        around = [seen.labels[at[:, 1] + dy, at[:, 0] + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        middle = around[4]
        firm = np.all(np.stack(around) == middle, axis=0) & (middle > 0)
        if depth_m is not None and depth_m.shape == seen.labels.shape:
            firm &= np.abs(depth_m[at[:, 1], at[:, 0]] - camera[ahead, 2]) < 0.05 + 0.01 * camera[ahead, 2]
        for annotation, value in zip(seen.annotations, seen.values, strict=True):
            if value is None:
                continue
            own = ahead[firm & (middle == value)]
            if points.classes is not None:
                own = own[points.classes[own] == category_index(annotation.category)]
            local = move(inverse(annotation.world_from_box), points.world[own])
            if depth_m is None:
                # what is seen past an edge by one of the two is no error of the box
                near = inside_room(local, annotation, _BEHIND_M)
                local = local[near]
            if len(local) == 0:
                continue
            self._findings.checked("box_points", len(local))
            outside = int((~inside_room(local, annotation, _OUTSIDE_MARGIN_M)).sum())
            range_m, level = self._scene.range_m(annotation), annotation.visibility
            share = outside / len(local)
            self._findings.measures.add(
                "points_outside", annotation.category, range_m, level, share, annotation.token, seen.view.data.token
            )
            self._outside[annotation.token][0] += outside
            self._outside[annotation.token][1] += len(local)

    def add_points(self, sample_token: str, points: SamplePoints) -> None:
        """Measure which faces of each box its points touch."""
        for k, annotation in enumerate(self._scene.annotations.get(sample_token, ())):
            own = points.world[points.owner == k]
            if len(own) < _FACE_LEAST:
                continue
            if points.classes is not None:
                same = points.classes[points.owner == k] == category_index(annotation.category)
                own = own[same]
            if len(own) < _FACE_LEAST:
                continue
            local = move(inverse(annotation.world_from_box), own)
            lidar = move(inverse(annotation.world_from_box), points.lidar[None])[0]
            gaps = _face_gaps(local, lidar, annotation)
            if not gaps:
                continue
            self._findings.checked("box_points")
            range_m, level = self._scene.range_m(annotation), annotation.visibility
            touched = float(sum(gap < _FACE_M for gap in gaps))
            self._findings.measures.add("faces_touched", annotation.category, range_m, level, touched)
            self._findings.measures.add("lidar_gap", annotation.category, range_m, level, gaps[0], annotation.token)
            places = np.concatenate([points.lidar[:2], annotation.world_from_box[:2, 3]])
            self._gaps[annotation.instance_token].append((gaps[0], places))

    def close(self, masks: SceneMasks | None) -> None:
        """Judge what was gathered, and what needs all sensors of a sample."""
        known = {a.token: a for found in self._scene.annotations.values() for a in found}
        for token, (outside, total) in self._outside.items():
            if total >= _OUTSIDE_LEAST and outside > _OUTSIDE_SHARE * total:
                message = f"{outside} of {total} lidar points on its pixels are outside its box"
                place = annotation_place(self._scene, known[token])
                self._findings.add("box_points", place, f"{message}; want the box around all of it")
        for instance, found in self._gaps.items():
            least_m = min(gap for gap, _ in found)
            if len(found) >= _GAP_SAMPLES and least_m > _GAP_M and _seen_anew([places for _, places in found]):
                annotation = self._scene.tracks[instance][0][1]
                message = f"the face of its box towards the lidar is {least_m:.2f} m or more from any of its points"
                place = annotation_place(self._scene, annotation)
                self._findings.add("box_points", place, f"{message} in {len(found)} samples: is the box too large?")
        self._measure_evidence(masks)
        for track in self._scene.tracks.values():
            self._measure_heading(track)

    def _measure_evidence(self, masks: SceneMasks | None) -> None:
        for sample, found in self._scene.annotations.items():
            if masks is None or not masks.complete(sample):
                continue
            for annotation in found:
                points = annotation.num_lidar_pts + annotation.num_radar_pts
                none = points == 0 and masks.visible_px(annotation.token) == 0
                level = annotation.visibility
                self._findings.measures.add(
                    "without_evidence", annotation.category, self._scene.range_m(annotation), level, float(none)
                )

    def _measure_heading(self, track: Sequence[tuple[int, Annotation]]) -> None:
        if attribute_family(track[0][1].category) not in ("vehicle", "cycle"):
            return
        for (t0, before), (t1, after) in pairwise(track):
            moved = after.world_from_box[:2, 3] - before.world_from_box[:2, 3]
            if t1 <= t0 or float(np.linalg.norm(moved)) / (t1 - t0) * 1e6 < _HEADING_MPS or t1 - t0 > 650_000:
                continue
            facing = before.world_from_box[:2, 0] + after.world_from_box[:2, 0]
            cosine = float(moved @ facing) / max(float(np.linalg.norm(moved) * np.linalg.norm(facing)), 1e-9)
            off = math.degrees(math.acos(float(np.clip(cosine, -1, 1))))
            range_m = self._scene.range_m(before)
            self._findings.measures.add("heading", before.category, range_m, before.visibility, off, before.token)


def _seen_anew(places: Sequence[Array]) -> bool:
    """Whether lidar or box came elsewhere meanwhile: while both stand, what hides a face once hides it always."""
    return bool(np.ptp(np.stack(places), axis=0).max() > _ELSEWHERE_M)


def _face_gaps(local: Array, lidar: Array, annotation: Annotation) -> list[float]:
    """Per upright face that looks at the lidar, the one that does most first, how far the nearest point is from it."""
    width, length, _ = annotation.size_wlh_m
    found: list[tuple[float, float]] = []
    for axis, half in ((0, length / 2), (1, width / 2)):
        sign = 1.0 if lidar[axis] > 0 else -1.0
        distance = sign * lidar[axis] - half
        facing = distance / max(float(np.hypot(lidar[0], lidar[1])), 1e-9)
        if facing > _FACING:
            found.append((-facing, float(np.maximum(half - sign * local[:, axis], 0.0).min())))
    return [gap for _, gap in sorted(found)]
