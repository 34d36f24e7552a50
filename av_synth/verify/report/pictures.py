"""Pictures of labels: what a camera saw, with the outline of the mask and the projected 3D and tight 2D boxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import VerifyReport
from av_synth.verify.maths import BOX_EDGES, FRONT_CORNERS, Array, box_corners, clip_edge, move
from av_synth.verify.measures import QUANTITIES
from av_synth.verify.pixels.masks import View
from av_synth.verify.reading.model import Annotation, Data, Dataset, Scene
from av_synth.verify.reading.values import inside

Picture = npt.NDArray[np.uint8]

_MOST_PICTURES = 48
_WIDTH_PX, _LEAST_CROP_PX = 420, 60
_MASK, _BOX, _FRONT, _TIGHT = (255, 255, 0), (0, 230, 255), (0, 80, 255), (255, 255, 255)  # blue, green, red


@dataclass(frozen=True)
class Shot:
    """A JPEG of one label, why it is shown, and the token of its annotation."""

    caption: str
    jpeg: bytes
    annotation: str


def worst_labels(dataset: Dataset, report: VerifyReport) -> Iterator[Shot]:
    """Pictures of labels with findings, then of those with the largest errors, each label once."""
    index = _Index(dataset)
    shown: set[str] = set()
    for annotation, data, reason in _reasons(report):
        if len(shown) >= _MOST_PICTURES:
            return
        shot = index.shot(annotation, data, reason) if annotation not in shown else None
        if shot is not None:
            shown.add(annotation)
            yield shot


def _reasons(report: VerifyReport) -> Iterator[tuple[str, str, str]]:
    for finding in report.unfit:
        if finding.annotation:
            yield finding.annotation, "", f"{finding.check}: {finding.message}"
    for place in range(3):
        for quantity, found in report.measures.worst.items():
            if place < len(found):
                worst, unit = found[place], QUANTITIES[quantity][0]
                yield worst.annotation, worst.data, f"{quantity} {worst.value:.3g} {unit}"


class _Index:
    """Finds annotations and the camera that shows one best."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._annotations: Mapping[str, tuple[Scene, Annotation]] = {
            a.token: (s, a) for s in dataset.scenes for found in s.annotations.values() for a in found
        }

    def shot(self, token: str, data_token: str, reason: str) -> Shot | None:
        """A picture of an annotation, in a camera keyframe or in the one that shows most of it."""
        if token not in self._annotations:
            return None
        scene, annotation = self._annotations[token]
        views = [self._view(scene, annotation, channel) for channel in scene.channels("camera")]
        usable = [v for v in views if v is not None and (not data_token or v[0].data.token == data_token)]
        if not usable:
            return None
        view, low, high = max(usable, key=lambda v: float(np.prod(v[2] - v[1])))
        picture = self._draw(view, annotation, low, high)
        if picture is None:
            return None
        name = f"{scene.sample_name(annotation.sample_token)}, {view.data.channel}, {annotation.category}"
        ok, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
        return Shot(f"{name}, visibility {annotation.visibility}: {reason}", jpeg.tobytes(), token) if ok else None

    def _view(self, scene: Scene, annotation: Annotation, channel: str) -> tuple[View, Array, Array] | None:
        data = scene.keyframe(annotation.sample_token, channel)
        view = View.of(data) if data is not None else None
        outline = view.outline(annotation) if view is not None else None
        if view is None or outline is None:
            return None
        size = np.array([view.data.width, view.data.height], dtype=np.float64)
        low, high = np.clip(outline.min(axis=0), 0, size), np.clip(outline.max(axis=0), 0, size)
        return (view, low, high) if (high - low).min() > 1 else None

    def _draw(self, view: View, annotation: Annotation, low: Array, high: Array) -> Picture | None:
        path = inside(self._dataset.root, view.data.filename)
        image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path is not None else None
        if image is None:
            return None
        margin = np.maximum(0.4 * (high - low), _LEAST_CROP_PX / 2)
        left, top = np.maximum(low - margin, 0).astype(int)
        right, bottom = np.minimum(high + margin, (image.shape[1], image.shape[0])).astype(int)
        scale = _WIDTH_PX / max(right - left, 1)
        crop = np.asarray(image)[top:bottom, left:right]
        if not crop.size:  # of an image that is smaller than is said
            return None
        size = (_WIDTH_PX, max(1, round((bottom - top) * scale)))
        way = cv2.INTER_NEAREST if scale > 1 else cv2.INTER_AREA
        picture: Picture = np.ascontiguousarray(cv2.resize(crop, size, interpolation=way), dtype=np.uint8)

        def at(pixels: Array) -> npt.NDArray[np.int32]:
            return np.rint((pixels + 0.5 - (left, top)) * scale).astype(np.int32)

        self._draw_mask(picture, view.data, annotation, (left, top, right, bottom))
        corners = move(view.camera_from_world, box_corners(annotation.world_from_box, annotation.size_wlh_m))
        for a, b in BOX_EDGES:
            ends = clip_edge(corners[a], corners[b])
            if ends is not None:
                colour = _FRONT if a in FRONT_CORNERS and b in FRONT_CORNERS else _BOX
                p, q = np.clip(at(view.project(np.array(ends))), -20000, 20000)
                cv2.line(picture, tuple(map(int, p)), tuple(map(int, q)), colour, 1, cv2.LINE_AA)
        for row in self._dataset.rows_about("box_2d", view.data.token):
            if row["sample_annotation_token"] == annotation.token and row["visible_box"]:
                ends_px = at(np.array(row["visible_box"], dtype=np.float64).reshape(2, 2) - 0.5)
                cv2.rectangle(picture, tuple(map(int, ends_px[0])), tuple(map(int, ends_px[1])), _TIGHT, 1)
        return picture

    def _draw_mask(self, picture: Picture, data: Data, annotation: Annotation, crop: tuple[int, int, int, int]) -> None:
        mask = (self._dataset.masks or {}).get(data.token)
        values = [v for v, instance in mask.instances.items() if instance == annotation.instance_token] if mask else []
        if mask is None or not values:
            return
        path = inside(self._dataset.root, mask.filename)
        labels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path is not None else None
        if labels is None or labels.ndim != 2:
            return
        left, top, right, bottom = crop
        own = np.isin(labels[top:bottom, left:right], values).astype(np.uint8)
        if not own.size:
            return
        wide = cv2.resize(own, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_NEAREST)
        outlines, _ = cv2.findContours(wide, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, outlines, -1, _MASK, 1)
