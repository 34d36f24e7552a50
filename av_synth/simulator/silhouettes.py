"""What actors would cover in an image if they were alone, and how much of it they do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.simulator.scene import Tag


@dataclass(frozen=True)
class Visibility:
    """How much of one actor a view shows.

    Attributes:
        amodal_px: pixels it would cover if it were alone.
        visible_px: pixels that are its own.
        amodal_box: left, top, right and bottom of those that it would cover alone, in pixel columns and rows; right
            and bottom are the first ones outside.
    """

    actor_id: int
    tag: Tag
    amodal_px: int
    visible_px: int
    amodal_box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Silhouette:
    """What one actor would cover if it were alone.

    Attributes:
        left_px, top_px: column and row in the image at which `covered` begins.
        covered: (H, W) bool, of a part of the image.
    """

    actor_id: int
    tag: Tag
    left_px: int
    top_px: int
    covered: npt.NDArray[np.bool_]


def visible_of(silhouettes: Iterable[Silhouette], actor_id: npt.NDArray[np.uint32]) -> list[Visibility]:
    """How much of each actor that covers a pixel alone is to be seen in a label image (H, W)."""
    visible = np.bincount(actor_id.reshape(-1), minlength=0x10000)
    found = []
    for each in silhouettes:
        rows, columns = np.flatnonzero(each.covered.any(axis=1)), np.flatnonzero(each.covered.any(axis=0))
        if len(rows):
            left, top = each.left_px + int(columns[0]), each.top_px + int(rows[0])
            right, bottom = each.left_px + int(columns[-1]) + 1, each.top_px + int(rows[-1]) + 1
            pixels, seen = int(np.count_nonzero(each.covered)), int(visible[each.actor_id])
            found.append(Visibility(each.actor_id, each.tag, pixels, seen, (left, top, right, bottom)))
    return found
