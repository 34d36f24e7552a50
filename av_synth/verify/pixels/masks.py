"""Instance masks against boxes and visibility levels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.lens import Bend, bent_outline, to_pixels
from av_synth.verify.maths import (
    Array,
    box_corners,
    box_outline,
    clip_to_image,
    depth_inside,
    inverse,
    move,
    polygon_area,
)
from av_synth.verify.points.actors import SceneActors, has_points
from av_synth.verify.points.counts import SamplePoints, annotation_place
from av_synth.verify.reading.blobs import locate, png_layout
from av_synth.verify.reading.model import Annotation, Data, Dataset, Mask, Scene
from av_synth.verify.reading.nuscenes_names import VISIBILITY_BOUNDS
from av_synth.verify.rolling import Rolling

Labels = npt.NDArray[np.uint16]

_MESH_MARGIN_M = 0.03  # bodies reach up to 2 cm out of their boxes
_OUTLINE_MARGIN_PX = 1.5  # a pixel belongs to what covers its middle, and an edge pixel may round either way
_OUTSIDE_SHARE = 0.005
LEAST_PX = 50
"""A mask with fewer pixels says nothing of where its thing is."""
# Labels may end at some range. How near a thing surely is follows from its pixels; nuScenes evaluates up to 50 m.
_MISSING_PX, _MISSING_M = 30, 50.0
_TIGHT_PX, _TIGHT_DEPTH_M, _TIGHT_VIEWS = 40, 8.0, 3
_TIGHT_HEIGHT, _TIGHT_WIDTH = 0.87, 0.55  # bodies reach 0.93 of their outline's height; a box 1.2 times too large 0.83
# Near by, a long body does not reach the nearest edges of its box: its roof and wheels are behind these. 68 bodies fill
# 0.99 or more of the height of the middle half of their boxes, and 0.91 at most of that of boxes 1.2 times too large.
_MIDDLE, _MIDDLE_HEIGHT = 0.5, 0.95
_LEVEL_SLACK = 0.05
_WHOLE = 0.999
_LEAST_FILL, _LEAST_FILL_PX = 0.1, 400  # the thinnest body, a bicycle from behind, fills a quarter of its outline
_STILL = 0.05  # metres, and sines: what has moved less before the camera is where it was


@dataclass(frozen=True)
class View:
    """A camera keyframe: its row, intrinsic (3, 3) and `camera_from_world` (4, 4).

    `bend` is its lens, if it has one; `rolling` how its rows are of several moments, if they are and flow tells.
    """

    data: Data
    intrinsic: Array
    camera_from_world: Array
    bend: Bend | None = None
    rolling: Rolling | None = None

    @staticmethod
    def of(data: Data, flow: npt.NDArray[np.uint16] | None = None) -> View | None:
        """The view of a camera's row, with its flow image (H, W, 3) if there is one; None without usable intrinsics."""
        matrix = data.calibration.intrinsic
        if matrix is None or min(matrix[0, 0], matrix[1, 1]) <= 0 or matrix[2].tolist() != [0, 0, 1]:
            return None
        lens = data.calibration.lens
        bend = None if lens is None else Bend(matrix, *lens, (data.width, data.height))
        rolling = Rolling.of(flow, data.calibration.read_out_us)
        return View(data, matrix, inverse(data.world_from_sensor), bend, rolling)

    def project(self, points_camera: Array) -> Array:
        """Pixels (N, 2) of camera-frame points (N, 3) with depth > 0; whole numbers are the middles of pixels."""
        pixels = to_pixels(self.intrinsic, self.bend, points_camera)
        return pixels if self.rolling is None else self.rolling.when_read(pixels)

    def at_once(self, pixels: Array) -> Array:
        """Where what is at pixels (N, 2) was at the moment of the frame, which is that of all boxes and points."""
        return pixels if self.rolling is None else self.rolling.at_once(pixels)

    @property
    def slack_px(self) -> float:
        """How far a rolling shutter moves what is in the image, by which boxes there may differ from projected ones."""
        return 0.0 if self.rolling is None else self.rolling.most_px

    def straight(self, pixels: Array) -> Array:
        """Where pixels (N, 2) would be in a pinhole's image of the same intrinsics."""
        return pixels if self.bend is None else self.bend.straighten(pixels)

    def outline(self, annotation: Annotation, margin_m: float | None = None) -> Array | None:
        """The projected outline (K, 2) of a box; None when it is not in front or has no area.

        With a margin it is that of what may be seen of the thing: the box made larger, with room for open doors.
        """
        size_wlh_m = annotation.size_wlh_m if margin_m is None else annotation.room_wlh_m
        corners = box_corners(annotation.world_from_box, size_wlh_m, margin_m or 0.0)
        corners = move(self.camera_from_world, corners)
        outline = box_outline(self.intrinsic, corners) if self.bend is None else bent_outline(self.bend, corners)
        return outline if outline is not None and len(outline) >= 3 else None

    def nearest_m(self, annotation: Annotation) -> float:
        """The smallest depth of a box's corners, negative when some are behind."""
        corners = box_corners(annotation.world_from_box, annotation.size_wlh_m)
        return float(move(self.camera_from_world, corners)[:, 2].min())


@dataclass(frozen=True)
class Seen:
    """What one camera keyframe shows of the boxes of its sample.

    Attributes:
        view: the camera.
        labels: the instance mask (H, W).
        annotations: those of the sample.
        values: per annotation, its pixel value; None when it has no pixel.
        own: per annotation, its pixels (N, 2) as x, y.
    """

    view: View
    labels: Labels
    annotations: Sequence[Annotation]
    values: Sequence[int | None]
    own: Sequence[Array]


class Standpoints:
    """Where things were before the cameras of a scene: what is where it was, before the same camera, is no new view."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], Array] = {}

    def is_new(self, view: View, annotation: Annotation) -> bool:
        """Whether a box is elsewhere before this camera than when it last was at a new place there."""
        key = view.data.channel, annotation.instance_token
        place = view.camera_from_world @ annotation.world_from_box
        before = self._places.get(key)
        if before is not None and np.abs(place - before).max() < _STILL:
            return False
        self._places[key] = place
        return True


@dataclass(frozen=True)
class _Fill:
    """How much of the width and height of a box's outline its pixels fill in a view, and how much height they need."""

    channel: str
    across: float
    up: float
    least_up: float


def _read_mask(dataset: Dataset, mask: Mask, data: Data, where: str, findings: Findings) -> Labels | None:
    """Read an instance mask (H, W) uint16, checking its place, layout and size."""
    findings.checked("masks")
    path = locate(dataset, mask.filename, where, findings)
    if path is None:
        return None
    layout = png_layout(path)
    if layout != (data.width, data.height, 16, 0):
        wanted = f"({data.width}, {data.height}, 16, 0), a 16-bit grey PNG of the image's size"
        findings.add("masks", where, f"{mask.filename}: (width, height, bits, colour type) = {layout}; want {wanted}")
        return None
    labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if labels is None or labels.shape != (data.height, data.width):
        findings.add("masks", where, f"{mask.filename} cannot be decoded")
        return None
    return np.asarray(labels, dtype=np.uint16)


def _pixels_by_value(labels: Labels) -> dict[int, Array]:
    """For each value but 0, its pixels (N, 2) as x, y."""
    rows, columns = np.nonzero(labels)
    if len(rows) == 0:
        return {}
    values = labels[rows, columns]
    order = np.argsort(values, kind="stable")
    found, starts = np.unique(values[order], return_index=True)
    groups = np.split(order, starts[1:])
    return {
        int(value): np.stack([columns[group], rows[group]], axis=1).astype(np.float64)
        for value, group in zip(found, groups, strict=True)
    }


def _points_on(view: View, own: npt.NDArray[np.bool_], points: SamplePoints, depth_m: Array | None) -> Array:
    """Points (N, 3), in the world, on the middle of pixels (H, W) whose depth, where it is known, is theirs."""
    camera = move(view.camera_from_world, points.world)
    ahead = np.flatnonzero(camera[:, 2] > 0.5)
    at = np.rint(view.project(camera[ahead])).astype(np.int64)
    inside = (at >= 1).all(axis=1) & (at[:, 0] < own.shape[1] - 1) & (at[:, 1] < own.shape[0] - 1)
    ahead, at = ahead[inside], at[inside]
    firmly = np.all([own[at[:, 1] + dy, at[:, 0] + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)], axis=0)
    if depth_m is not None and depth_m.shape == own.shape:
        firmly &= np.abs(depth_m[at[:, 1], at[:, 0]] - camera[ahead, 2]) < 0.05 + 0.01 * camera[ahead, 2]
    return np.asarray(points.world[ahead[firmly]])


class SceneMasks:
    """Gathers what the masks of a scene show of each box, sample by sample and over all cameras."""

    def __init__(self, dataset: Dataset, scene: Scene, actors: SceneActors, findings: Findings) -> None:
        self._dataset = dataset
        self._actors = actors
        self._scene = scene
        self._findings = findings
        self._visible_px: dict[str, int] = defaultdict(int)
        self._outline_px: dict[str, float] = defaultdict(float)
        self._tight: dict[str, list[_Fill]] = defaultdict(list)
        self._standpoints = Standpoints()
        self._cut: set[str] = set()
        self._incomplete: set[str] = set()
        self._known = {annotation.token: annotation for found in scene.annotations.values() for annotation in found}

    def add(
        self,
        data: Data,
        mask: Mask,
        points: SamplePoints | None,
        depth_m: Array | None,
        flow: npt.NDArray[np.uint16] | None = None,
    ) -> Seen | None:
        """Judge the mask of one camera keyframe; returns what it shows, or None when it cannot be read."""
        where = f"instance_mask.json token={mask.token} ({self._scene.sample_name(data.sample_token)} {data.channel})"
        labels = _read_mask(self._dataset, mask, data, where, self._findings)
        view = View.of(data, flow)
        if labels is None or view is None:
            self._incomplete.add(data.sample_token)
            return None
        annotations = self._scene.annotations.get(data.sample_token, ())
        by_instance = {annotation.instance_token: annotation for annotation in annotations}
        pixels = _pixels_by_value(labels)
        for value, instance in mask.instances.items():
            if instance not in self._scene.tracks:
                self._findings.add("masks", where, f"its instance {instance} is not of this scene")
            elif instance in by_instance or points is None:
                self._findings.checked("missing_boxes")
            else:
                self._check_annotated(where, view, instance, labels == value, points, depth_m)
        by_value = {instance: value for value, instance in mask.instances.items() if value in pixels}
        values = [by_value.get(annotation.instance_token) for annotation in annotations]
        none = np.zeros((0, 2))
        own = [none if value is None else pixels[value] for value in values]
        for annotation, shown in zip(annotations, own, strict=True):
            self._check_box(view, annotation, shown)
        return Seen(view, labels, annotations, values, own)

    def complete(self, sample_token: str) -> bool:
        """Whether every camera of a sample has a mask that could be read."""
        return sample_token not in self._incomplete

    def visible_px(self, annotation_token: str) -> int:
        """The pixels of an annotation in all cameras so far."""
        return self._visible_px[annotation_token]

    def missing(self, sample_token: str) -> None:
        """Say that a camera of a sample has no mask, so that visible pixels cannot be added up."""
        self._incomplete.add(sample_token)

    def _check_annotated(
        self,
        where: str,
        view: View,
        instance: str,
        own: npt.NDArray[np.bool_],
        points: SamplePoints,
        depth_m: Array | None,
    ) -> None:
        """An instance that a camera sees near by, and that has lidar points, is annotated.

        Args:
            where: the mask.
            view: the camera.
            instance: the token of an instance without annotation in this sample.
            own: its pixels (H, W).
            points: the lidar keyframe of the sample.
            depth_m: the depth image (H, W); None when there is none.
        """
        self._findings.checked("missing_boxes")
        track = self._scene.tracks[instance]
        width, length, height = track[0][1].size_wlh_m
        n = int(own.sum())
        farthest_m = float(view.intrinsic[0, 0]) * float(np.sqrt(height * float(np.hypot(length, width)) / max(n, 1)))
        if n < _MISSING_PX or farthest_m >= _MISSING_M:
            return
        actor = self._actors.actor(instance)
        if points.actors is not None and actor is not None:
            hits = points.world[points.actors == actor]
        else:
            hits = _points_on(view, own, points, depth_m)
        lidar = self._scene.keyframe(view.data.sample_token, "LIDAR_TOP") or view.data
        if has_points(track, lidar.timestamp_us, hits):
            message = f"{n} pixels and {len(hits)} lidar points show instance {instance} within {farthest_m:.0f} m"
            self._findings.add("missing_boxes", where, f"{message}, but this sample has no annotation of it")

    def _check_box(self, view: View, annotation: Annotation, own: Array) -> None:
        outline = view.outline(annotation)
        width, height = view.data.width, view.data.height
        inside = np.zeros((0, 2)) if outline is None else clip_to_image(outline, width, height)
        self._visible_px[annotation.token] += len(own)
        self._outline_px[annotation.token] += polygon_area(inside)
        if outline is not None and 0.0 < polygon_area(inside) < _WHOLE * polygon_area(outline):
            self._cut.add(annotation.token)
        if len(own) < LEAST_PX:
            return
        self._findings.checked("mask_in_box")
        roomy = view.outline(annotation, _MESH_MARGIN_M)
        outside = (
            len(own) if roomy is None else int((depth_inside(roomy, view.at_once(own)) < -_OUTLINE_MARGIN_PX).sum())
        )
        if outside > _OUTSIDE_SHARE * len(own):
            message = f"{outside} of its {len(own)} mask pixels in {view.data.channel} are outside its projected box"
            wanted = f"want at most {_OUTSIDE_SHARE:.1%}: are box, size, calibration and mask of the same instant?"
            self._findings.add("mask_in_box", annotation_place(self._scene, annotation), f"{message}; {wanted}")
        if annotation.visibility == "4" and outline is not None:
            self._note_tightness(view, annotation, outline, own)

    def _note_tightness(self, view: View, annotation: Annotation, outline: Array, own: Array) -> None:
        (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
        within = left >= 0 and top >= 0 and right <= view.data.width - 1 and bottom <= view.data.height - 1
        if not within or bottom - top < _TIGHT_PX or view.nearest_m(annotation) < _TIGHT_DEPTH_M:
            return
        if not self._standpoints.is_new(view, annotation):
            return
        seen = np.ptp(own, axis=0) + 2.0  # both end pixels, and one of rounding
        across, up = float(seen[0] / max(right - left, 1.0)), float(seen[1] / (bottom - top))
        wide, long, high = annotation.size_wlh_m
        middle = view.outline(replace(annotation, size_wlh_m=(_MIDDLE * wide, _MIDDLE * long, high)))
        part = 1.0 if middle is None else float(np.ptp(middle[:, 1]) / (bottom - top))
        fill = _Fill(view.data.channel, across, up, min(_TIGHT_HEIGHT, _MIDDLE_HEIGHT * part))
        self._tight[annotation.instance_token].append(fill)

    def close(self) -> None:
        """Judge what needs all cameras of all samples: visibility levels and the tightness of boxes."""
        for token, annotation in self._known.items():
            if annotation.sample_token not in self._incomplete and annotation.visibility in VISIBILITY_BOUNDS:
                self._check_visibility(annotation, self._visible_px[token], self._outline_px[token])
        for instance, views in self._tight.items():
            if len(views) < _TIGHT_VIEWS:
                continue
            self._findings.checked("box_in_mask")
            # the best view counts, as in others something low or thin may hide an edge
            across, best = max(view.across for view in views), max(views, key=lambda view: view.up / view.least_up)
            if best.up < best.least_up or across < _TIGHT_WIDTH:
                annotation = self._scene.tracks[instance][0][1]
                where = f"instance.json token={instance} ({self._scene.name}, {annotation.category})"
                message = f"its pixels fill at most {across:.0%} of its box's width and {best.up:.0%} of its height"
                clear = f"{len(views)} clear views of {', '.join(sorted({view.channel for view in views}))}"
                wanted = f"want {_TIGHT_WIDTH:.0%} and {best.least_up:.0%}: is the box too large?"
                self._findings.add("box_in_mask", where, f"{message} in {clear}; {wanted}")

    def _check_visibility(self, annotation: Annotation, visible_px: int, outline_px: float) -> None:
        """The body is inside the outline, so the visible share of the body is at least that of the outline.

        The other way round, a body fills a fair part of its outline, but not of a corner that the image's border cuts.
        """
        if outline_px < _LEAST_FILL_PX:
            return
        self._findings.checked("visibility")
        low, high = VISIBILITY_BOUNDS[annotation.visibility]
        fill = visible_px / outline_px
        message = f"visibility {annotation.visibility!r} says {low:.0%} to {high:.0%} of it is seen; "
        message += f"its {visible_px} mask pixels are {fill:.0%} of its box's outline in all cameras"
        if fill > high + _LEVEL_SLACK and not annotation.doors_open:  # they are outside the outline
            self._findings.add("visibility", annotation_place(self._scene, annotation), f"{message}, so more is seen")
        elif low >= 0.6 and fill < _LEAST_FILL and annotation.token not in self._cut:
            self._findings.add("visibility", annotation_place(self._scene, annotation), f"{message}, so less is seen")
