"""Tight boxes in the images: around what is seen of each actor, and around all of it as if nothing stood before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from av_synth.geometry.boxes import corners, in_front
from av_synth.geometry.transforms import Array, invert
from av_synth.labels.association import Mask
from av_synth.labels.visibility import Look

PixelBox = tuple[int, int, int, int]
"""left, top, right, bottom in pixel columns and rows; right and bottom are exclusive; all 0 where there is nothing."""

NOTHING: PixelBox = (0, 0, 0, 0)


@dataclass(frozen=True)
class Box3d:
    """`world_from_box` (4, 4) at the box's centre, and its size (3,) without a margin."""

    world_from_box: Array
    size_lwh_m: Array


@dataclass(frozen=True)
class Tie:
    """One camera's mask image (H, W) uint16 and whose each of its values is, as `tie_instances` returns them."""

    image: npt.NDArray[np.uint16]
    masks: tuple[Mask, ...]


@dataclass(frozen=True)
class Box2d:
    """One actor in one camera.

    Attributes:
        visible_px: pixels of masks that are tied to it for certain.
        visible: the box around them.
        amodal_px: pixels that it would fill if nothing stood before it, cut by the image's edge.
        amodal: the box around those.
        method: 'amodal_render' if the simulator drew the actor alone, else 'estimated': from the 3D box's projection,
            which is a little larger than the body in it.
    """

    channel: str
    actor_id: int
    visible_px: int
    visible: PixelBox
    amodal_px: int
    amodal: PixelBox
    method: str


@dataclass(frozen=True)
class Outline:
    """A 3D box in an image.

    Attributes:
        bounds_px: (left, top, right, bottom) of its projection cut at the image's edge, to parts of a pixel.
        area_px: of that projection.
        whole: nothing of it was cut off.
    """

    bounds_px: tuple[float, float, float, float]
    area_px: float
    whole: bool


def mask_boxes(image: npt.NDArray[np.uint16]) -> dict[int, PixelBox]:
    """The box around the pixels of each value of a mask image (H, W), 0 left out."""
    rows, columns = np.nonzero(image)
    values = image[rows, columns]
    if not len(values):
        return {}
    order = np.argsort(values, kind="stable")
    values, rows, columns = values[order], rows[order], columns[order]
    starts = np.flatnonzero(np.diff(values, prepend=0))
    # found row by row and sorted stably, so the first and last pixel of a value are its top and its bottom
    tops, bottoms = rows[starts], rows[np.append(starts[1:], len(rows)) - 1] + 1
    lefts, rights = np.minimum.reduceat(columns, starts), np.maximum.reduceat(columns, starts) + 1
    boxes = np.stack([lefts, tops, rights, bottoms], axis=1).tolist()
    return {value: tuple(box) for value, box in zip(values[starts].tolist(), boxes, strict=True)}


def outline(box: Box3d, look: Look) -> Outline | None:
    """A 3D box in a camera's image; None if it is not in the picture."""
    camera = look.camera
    around = corners(invert(look.world_from_camera) @ box.world_from_box, box.size_lwh_m)
    ahead = in_front(around, camera.edge_pieces)
    if len(ahead) == 0:
        return None
    pixels, _ = camera.project(ahead)
    edge = (-0.5, -0.5, camera.width_px - 0.5, camera.height_px - 0.5)
    if (pixels.max(axis=0) <= edge[:2]).any() or (pixels.min(axis=0) >= edge[2:]).any():
        return None
    hull = shapely.MultiPoint(pixels).convex_hull
    cut = hull.intersection(shapely.box(*edge))
    if cut.area <= 0.0:
        return None
    whole = bool(around[:, 2].min() > 0.0) and shapely.box(*edge).contains(hull)
    return Outline(cut.bounds, float(cut.area), whole)


def boxes_2d(look: Look, channel: str, tie: Tie, boxes: Mapping[int, Box3d]) -> tuple[Box2d, ...]:
    """Boxes in one image of every actor that is in the picture.

    Args:
        look: the label image.
        channel: its camera.
        tie: its masks; those that are ambiguous count for nobody.
        boxes: by actor id, the 3D boxes of all who are to have 2D boxes.
    """
    seen = _visible(tie)
    found = []
    for actor_id, box in sorted(boxes.items()):
        visible_px, visible = seen.get(actor_id, (0, NOTHING))
        extent = None if look.label.extent_px is None else look.label.extent_px.get(actor_id)
        method = "amodal_render"
        if look.label.extent_px is None or (extent is not None and extent.alone_box == NOTHING):
            method = "estimated"
            amodal_px, amodal = _estimate(outline(box, look), visible_px, visible)
        else:
            amodal_px, amodal = (0, NOTHING) if extent is None else (extent.alone_px, extent.alone_box)
        if amodal_px or visible_px:
            found.append(Box2d(channel, actor_id, visible_px, visible, amodal_px, amodal, method))
    return tuple(found)


def _visible(tie: Tie) -> dict[int, tuple[int, PixelBox]]:
    """Pixels and box of all masks of each actor; a simulator may give the parts of one actor several ids."""
    boxes = mask_boxes(tie.image)
    seen: dict[int, tuple[int, PixelBox]] = {}
    for mask in tie.masks:
        if mask.actor_id and not mask.ambiguous:
            pixels, box = seen.get(mask.actor_id, (0, NOTHING))
            seen[mask.actor_id] = (pixels + mask.pixels, join(box, boxes[mask.value]))
    return seen


def join(one: PixelBox, other: PixelBox) -> PixelBox:
    """The box around two boxes."""
    if one == NOTHING or other == NOTHING:
        return other if one == NOTHING else one
    return (min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3]))


def _estimate(projected: Outline | None, visible_px: int, visible: PixelBox) -> tuple[int, PixelBox]:
    """Pixels whose centres the projection covers, and never less than what is seen."""
    if projected is None:
        return visible_px, visible
    left, top, right, bottom = projected.bounds_px
    box = (int(np.ceil(left)), int(np.ceil(top)), int(np.floor(right)) + 1, int(np.floor(bottom)) + 1)
    if box[0] >= box[2] or box[1] >= box[3]:  # between two rows or columns of pixel centres
        return visible_px, visible
    return max(round(projected.area_px), visible_px, 1), join(box, visible)
