"""What a camera's lens makes of the images that were drawn for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from av_synth.sensing import lens
from av_synth.sensing.lens import Bending
from av_synth.simulator.silhouettes import Silhouette

if TYPE_CHECKING:
    from av_synth.simulator.render import Frames

_EDGE_PX = 32  # pieces of a rectangle's side, to find where a lens puts it
_ROOM_PX = 2


def bent(frames: Frames, bending: Bending, read_out: float) -> tuple[Frames, npt.NDArray[np.intp]]:
    """The images behind a lens: colour bilinear, ids and classes of the nearest pixel, and depth of the surface there.

    Args:
        frames: as drawn for `bending.source`.
        bending: the lens's.
        read_out: share of the time from frame to frame that a rolling shutter takes to read all rows; 0 for none.

    Returns:
        The images, and the place (H, W) in the flattened source that each pixel's labels are of.
    """
    at, places = bending.at, bending.nearest
    if read_out > 0.0 and frames.flow_px is not None:
        at = lens.rolled(bending, frames.flow_px, read_out)
        places = lens.nearest(at, bending.source)
    seen = replace(
        frames,
        rgb=None if frames.rgb is None else lens.colour(frames.rgb, at),
        depth_m=None if frames.depth_m is None else lens.depth(frames.depth_m, at, places),
        tag=None if frames.tag is None else lens.pick(frames.tag, places),
        actor_id=None if frames.actor_id is None else lens.pick(frames.actor_id, places),
        flow_px=None if frames.flow_px is None else lens.flow(frames.flow_px, bending, places),
        normal=None if frames.normal is None else lens.pick(frames.normal, places),
    )
    return seen, places


def bent_silhouettes(
    silhouettes: Iterable[Silhouette], bending: Bending, places: npt.NDArray[np.intp], room_px: int
) -> Iterator[Silhouette]:
    """The same behind a lens; those that are not in its image are left out.

    Args:
        silhouettes: in the source.
        bending: the lens's.
        places: (H, W), as from `bent`.
        room_px: how far a rolling shutter may have moved them.
    """
    rows, columns = np.divmod(places, bending.source.width_px)
    for each in silhouettes:
        left, top, right, bottom = _where(each, bending, room_px + _ROOM_PX)
        if left >= right or top >= bottom:
            continue
        part = slice(top, bottom), slice(left, right)
        row, column = rows[part] - each.top_px, columns[part] - each.left_px
        height, width = each.covered.shape
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        covered = np.zeros(inside.shape, dtype=np.bool_)
        covered[inside] = each.covered[row[inside], column[inside]]
        yield Silhouette(each.actor_id, each.tag, left, top, covered)


def _where(silhouette: Silhouette, bending: Bending, room_px: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part of the image that a silhouette's rectangle can be in."""
    height, width = silhouette.covered.shape
    share = np.linspace(0.0, 1.0, _EDGE_PX + 1)
    none, all_of = np.zeros_like(share), np.ones_like(share)
    sides = [(share, none), (share, all_of), (none, share), (all_of, share)]
    around = np.concatenate([np.stack(side, axis=1) for side in sides]) * [width, height]
    there = bending.distorted(around + np.array([silhouette.left_px, silhouette.top_px]))
    low = np.maximum(np.floor(there.min(axis=0)) - room_px, 0).astype(int)
    edge = [bending.camera.width_px, bending.camera.height_px]
    high = np.minimum(np.ceil(there.max(axis=0)) + 1 + room_px, edge).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
