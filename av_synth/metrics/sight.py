"""Whether a driver can see somebody past everything that stands between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.metrics.boxes import Footprint

_SEEN_AT = (0.55, 0.9)  # shares of the target's height: the trunk and the head
_PARALLEL_M = 1e-12


def in_sight(eye_m: Array, target: Footprint, occluders: Iterable[Footprint]) -> bool:
    """Whether at least half of the sampled points of a target can be seen from an eye point.

    Args:
        eye_m: (3,), world frame.
        target: who is looked at; points on its outline's diagonal width, at two heights, are sampled.
        occluders: boxes that block sight, opaque from bottom to top.
    """
    seen = unblocked(eye_m, points_to_see(eye_m, target), list(occluders))
    return 2 * int(seen.sum()) >= len(seen)


def points_to_see(eye_m: Array, target: Footprint) -> Array:
    """(6, 3): points across a target as seen from an eye point (3,), at two heights; half of them make it seen."""
    toward = target.centre_m - eye_m[:2]
    across = np.array([-toward[1], toward[0]]) / max(float(np.hypot(*toward)), 1e-6)
    reach = float(np.abs(target.axes @ across) @ target.half_m) * 0.9
    height = target.top_m - target.bottom_m
    return np.array(
        [
            [*(target.centre_m + side * reach * across), target.bottom_m + share * height]
            for side in (-1.0, 0.0, 1.0)
            for share in _SEEN_AT
        ]
    )


def unblocked(start_m: Array, ends_m: Array, boxes: Sequence[Footprint]) -> npt.NDArray[np.bool_]:
    """(N,): whether the segments from one point (3,) to others (N, 3) pass through none of the boxes.

    The slab test in each box's own axes.
    """
    if not boxes:
        return np.ones(len(ends_m), dtype=np.bool_)
    axes = np.array([box.axes for box in boxes])
    heights = np.array([[box.bottom_m, box.top_m] for box in boxes])
    half = np.column_stack([[box.half_m for box in boxes], (heights[:, 1] - heights[:, 0]) / 2.0])
    begin = np.column_stack(
        [
            np.einsum("bij,bj->bi", axes, start_m[:2] - np.array([box.centre_m for box in boxes])),
            start_m[2] - heights.mean(axis=1),
        ]
    )
    way = ends_m - start_m
    run = np.concatenate(
        [np.einsum("bij,nj->nbi", axes, way[:, :2]), np.broadcast_to(way[:, None, 2:], (len(way), len(boxes), 1))], -1
    )
    parallel = np.abs(run) < _PARALLEL_M
    step = np.where(parallel, 1.0, run)
    one, two = (-half - begin) / step, (half - begin) / step
    within = np.abs(begin) <= half
    enter = np.where(parallel, np.where(within, -np.inf, np.inf), np.minimum(one, two)).max(-1)
    leave = np.where(parallel, np.where(within, np.inf, -np.inf), np.maximum(one, two)).min(-1)
    through = np.maximum(enter, 0.0) <= np.minimum(leave, 1.0)
    return np.asarray(~through.any(axis=1))
