"""How good the evidence for one annotation is: pixels, points, and how well the 3D box fits both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.boxes import points_inside
from av_synth.geometry.transforms import Array
from av_synth.labels.boxes_2d import NOTHING, Box2d, Box3d, PixelBox, Tie, mask_boxes, outline
from av_synth.labels.visibility import Look

_CLEAR = 0.99  # share of an actor that must be seen for its mask to have the box's outline


@dataclass(frozen=True)
class PointEvidence:
    """Lidar points of one turn: the actor's own in its box and outside it; in its box those of ground and others."""

    own_inside: int
    own_outside: int
    ground_inside: int
    foreign_inside: int


@dataclass(frozen=True)
class PixelEvidence:
    """Masks of all cameras.

    Attributes:
        visible_px: pixels tied to the actor for certain.
        amodal_px: pixels that it would fill alone.
        cameras: how many see at least a pixel of it.
        ambiguous: a mask that nothing ties to one actor for certain reaches into its amodal box.
        clear_looks: in how many cameras it is whole, nothing before it and nothing cut off.
        gaps_px: (left, top, right, bottom), how far its mask stays behind the projection of its 3D box at each side,
            negative where it sticks out; of the clear looks, the largest by magnitude; 0 if there is no clear look.
    """

    visible_px: int
    amodal_px: int
    cameras: int
    ambiguous: bool
    clear_looks: int
    gaps_px: tuple[float, float, float, float]


def point_evidence(
    points_m: npt.NDArray[np.float32],
    own: npt.NDArray[np.bool_],
    ground: npt.NDArray[np.bool_],
    lidar_from_box: Array,
    size_lwh_m: Array,
) -> PointEvidence:
    """Count points.

    Args:
        points_m: (N, 3), the lidar's frame.
        own: (N,), those that the actor returned.
        ground: (N,), those of level ground, which lies in the lowest centimetre of a box.
        lidar_from_box: (4, 4).
        size_lwh_m: (3,), as annotated.
    """
    inside = points_inside(lidar_from_box, size_lwh_m, points_m)
    both, under = int((inside & own).sum()), int((inside & ground & ~own).sum())
    return PointEvidence(both, int(own.sum()) - both, under, int(inside.sum()) - both - under)


def pixel_evidence(
    box: Box3d,
    visible_fraction: float,
    boxes: Sequence[Box2d],
    looks: Mapping[str, Look],
    unclear: Mapping[str, Sequence[PixelBox]],
) -> PixelEvidence:
    """What the cameras have of one actor.

    Args:
        box: its 3D box.
        visible_fraction: of the actor over all cameras; stands in where a camera's own share is only estimated.
        boxes: its 2D boxes.
        looks: label images by channel.
        unclear: boxes around ambiguous masks, by channel.
    """
    gaps = []
    for each in boxes:
        measured = each.method == "amodal_render" and each.amodal_px > 0
        share = each.visible_px / each.amodal_px if measured else visible_fraction
        if each.visible_px == 0 or share < _CLEAR:
            continue
        projected = outline(box, looks[each.channel])
        if projected is not None and projected.whole:
            gaps.append(_gaps(projected.bounds_px, each.visible))
    worst = np.array(gaps).reshape(-1, 4)
    side = np.abs(worst).argmax(axis=0)[None] if len(gaps) else None
    left, top, right, bottom = np.take_along_axis(worst, side, axis=0)[0].tolist() if side is not None else (0.0,) * 4
    return PixelEvidence(
        sum(each.visible_px for each in boxes),
        sum(each.amodal_px for each in boxes),
        sum(each.visible_px > 0 for each in boxes),
        any(_meet(each.amodal, other) for each in boxes for other in unclear.get(each.channel, ())),
        len(gaps),
        (left, top, right, bottom),
    )


def unclear_boxes(tie: Tie) -> list[PixelBox]:
    """Boxes around the masks of one camera that nothing ties to one actor for certain."""
    values = [mask.value for mask in tie.masks if mask.ambiguous or not mask.actor_id]
    if not values:
        return []
    boxes = mask_boxes(tie.image)
    return [boxes[value] for value in values]


def _gaps(bounds_px: tuple[float, float, float, float], seen: PixelBox) -> tuple[float, float, float, float]:
    """How far the outermost pixel centres of a mask stay behind a projection."""
    left, top, right, bottom = bounds_px
    return seen[0] - left, seen[1] - top, right - (seen[2] - 1), bottom - (seen[3] - 1)


def _meet(one: PixelBox, other: PixelBox) -> bool:
    if NOTHING in (one, other):
        return False
    return max(one[0], other[0]) < min(one[2], other[2]) and max(one[1], other[1]) < min(one[3], other[3])
