"""Tight and amodal 2D boxes against the instance masks, exactly, and visibility levels against their pixels."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array
from av_synth.verify.pixels.masks import Seen, View
from av_synth.verify.points.counts import annotation_place
from av_synth.verify.reading.model import Annotation, Dataset, Scene
from av_synth.verify.reading.nuscenes_names import VISIBILITY_BOUNDS

_MESH_MARGIN_M = 0.03  # bodies reach up to 2 cm out of their boxes
_MARGIN_PX = 2.5
_LEVEL_SLACK = 0.02
_LEVELS_OFF = 0.15  # of the boxes of a scene that may be one level off, where pixels are few or rounding decides
_LEVELS_LEAST, _LEVEL_PX = 10, 50
_RENDERED = "amodal_render"


def level_of(share: float) -> str:
    """The visibility token of a visible share of pixels."""
    return next((token for token, (_, high) in VISIBILITY_BOUNDS.items() if share < high), "4")


class TightBoxes:
    """Judges the rows of box_2d of one scene, camera by camera."""

    def __init__(self, dataset: Dataset, scene: Scene, findings: Findings) -> None:
        self._dataset = dataset
        self._scene = scene
        self._findings = findings
        self._pixels: dict[str, Array] = defaultdict(lambda: np.zeros(2))
        self._methods: dict[str, str] = {}
        self._known = {a.token: a for found in scene.annotations.values() for a in found}

    def add(self, seen: Seen) -> None:
        """Judge the 2D boxes of one camera keyframe."""
        if "box_2d" not in self._dataset.extras:
            return
        rows: dict[str, dict[str, Any]] = {}
        token = seen.view.data.token
        for row in self._dataset.rows_about("box_2d", token):
            if rows.setdefault(row["sample_annotation_token"], row) is not row:
                message = f"annotation {row['sample_annotation_token']} has two boxes in {seen.view.data.filename}"
                self._findings.add("boxes_2d", f"box_2d.json token={row['token']}", message)
        for annotation, own in zip(seen.annotations, seen.own, strict=True):
            found = rows.pop(annotation.token, None)
            if found is not None:
                self._check(seen.view, annotation, own, found)
            elif len(own):
                place = annotation_place(self._scene, annotation)
                message = f"has {len(own)} pixels in {seen.view.data.filename} and no row in box_2d.json"
                self._findings.add("boxes_2d", place, message)
        for other in rows:
            if other:
                message = f"its annotation {other} is not one of the sample of {seen.view.data.filename}"
                self._findings.add("boxes_2d", f"box_2d.json token={rows[other]['token']}", message)

    def _check(self, view: View, annotation: Annotation, own: Array, row: dict[str, Any]) -> None:
        self._findings.checked("boxes_2d")
        self._pixels[annotation.token] += (len(own), row["amodal_pixels"])
        self._methods[annotation.token] = row["method"]
        place = annotation_place(self._scene, annotation)
        where = f"box_2d in {view.data.channel}"
        visible, amodal = row["visible_box"], row["amodal_box"]
        wanted = [*own.min(axis=0), *(own.max(axis=0) + 1)] if len(own) else []
        if row["visible_pixels"] != len(own):
            message = f"{where}: visible_pixels = {row['visible_pixels']}; its mask has {len(own)}"
            self._findings.add("boxes_2d", place, message)
        if len(visible) != len(wanted):
            message = f"{where}: visible_box = {visible}; its mask has {len(own)} pixels; want [] for none"
            self._findings.add("boxes_2d", place, message)
        elif wanted:
            off = float(np.abs(np.subtract(visible, wanted)).max())
            range_m = self._scene.range_m(annotation)
            self._findings.measures.add("tight_box", annotation.category, range_m, annotation.visibility, off)
            if off > 0:
                swapped = [visible[k] for k in (1, 0, 3, 2)] == wanted
                as_size = visible[:2] == wanted[:2] and np.add(visible[:2], visible[2:]).tolist() == wanted[2:]
                guess = ": x and y are swapped" if swapped else ": it is left, top, width, height" if as_size else ""
                message = f"{where}: visible_box = {visible}; its mask is in {[int(v) for v in wanted]}{guess}"
                self._findings.add("boxes_2d", place, f"{message} (right and bottom exclusive)")
        if row["amodal_pixels"] < row["visible_pixels"]:
            message = f"{where}: amodal_pixels = {row['amodal_pixels']} < visible_pixels = {row['visible_pixels']}"
            self._findings.add("boxes_2d", place, message)
        problem = _amodal_problem(view, annotation, visible, amodal)
        if problem:
            self._findings.add("boxes_2d", place, f"{where}: amodal_box = {amodal}; {problem}")

    def close(self) -> None:
        """Judge visibility levels by the pixels of all cameras together."""
        off = looked = 0
        for token, (visible, amodal) in self._pixels.items():
            annotation = self._known[token]
            if amodal < _LEVEL_PX or not annotation.visibility or self._methods[token] != _RENDERED:
                continue
            self._findings.checked("visibility")
            share = float(min(1.0, visible / amodal))
            options = {level_of(share + slack) for slack in (-_LEVEL_SLACK, 0.0, _LEVEL_SLACK)}
            gap = min(abs(int(option) - int(annotation.visibility)) for option in options)
            range_m = self._scene.range_m(annotation)
            self._findings.measures.add(
                "visibility", annotation.category, range_m, annotation.visibility, gap, annotation.token
            )
            looked += 1
            off += gap > 0
            if gap > 1:
                message = f"visibility {annotation.visibility!r}, but {visible:.0f} of its {amodal:.0f} amodal pixels"
                place = annotation_place(self._scene, annotation)
                self._findings.add("visibility", place, f"{message} ({share:.0%}) are seen; want {level_of(share)!r}")
        if looked >= _LEVELS_LEAST and off > _LEVELS_OFF * looked:
            message = f"{off} of {looked} levels are not those that visible over amodal pixels give"
            self._findings.add("visibility", f"sample_annotation.json ({self._scene.name})", message)


def _amodal_problem(view: View, annotation: Annotation, visible: list[float], amodal: list[float]) -> str:
    if not amodal:
        return "want a box around the visible one" if visible else ""
    left, top, right, bottom = amodal
    if left < 0 or top < 0 or right > view.data.width or bottom > view.data.height or right <= left or bottom <= top:
        return f"want it within the image, {view.data.width} x {view.data.height}"
    if visible and (left > visible[0] or top > visible[1] or right < visible[2] or bottom < visible[3]):
        return f"want it around the visible box {visible}"
    outline = view.outline(annotation, _MESH_MARGIN_M)
    if outline is None:
        return "its 3D box is not before the camera"
    margin_px = _MARGIN_PX + view.slack_px
    low, high = outline.min(axis=0) - margin_px, outline.max(axis=0) + 1 + margin_px
    if left < low[0] or top < low[1] or right > high[0] or bottom > high[1]:
        return f"its projected 3D box is {[round(float(v)) for v in (*low, *high)]}; want it within"
    return ""
