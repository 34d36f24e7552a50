"""Whether a driver can see somebody past everything that stands between."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.metrics.boxes import Footprint

SEEN_AT = (0.55, 0.9)  # shares of the target's height: the trunk and the head


def in_sight(eye_m: Array, target: Footprint, occluders: Iterable[Footprint]) -> bool:
    """Whether at least half of the sampled points of a target can be seen from an eye point.

    Args:
        eye_m: (3,), world frame.
        target: who is looked at; points on its outline's diagonal width, at two heights, are sampled.
        occluders: boxes that block sight, opaque from bottom to top.
    """
    toward = target.centre_m - eye_m[:2]
    across = np.array([-toward[1], toward[0]]) / max(float(np.hypot(*toward)), 1e-6)
    reach = float(np.abs(target.axes @ across) @ target.half_m) * 0.9
    height = target.top_m - target.bottom_m
    points = [
        np.array([*(target.centre_m + side * reach * across), target.bottom_m + share * height])
        for side in (-1.0, 0.0, 1.0)
        for share in SEEN_AT
    ]
    blocking = list(occluders)
    seen = sum(not any(blocks(eye_m, point, box) for box in blocking) for point in points)
    return 2 * seen >= len(points)


def blocks(start_m: Array, end_m: Array, box: Footprint) -> bool:
    """Whether a segment between two points (3,) passes through a box (the slab test in the box's own axes)."""
    offset = box.axes @ (start_m[:2] - box.centre_m)
    step = box.axes @ (end_m[:2] - start_m[:2])
    middle_m, half_m = (box.top_m + box.bottom_m) / 2.0, (box.top_m - box.bottom_m) / 2.0
    begin = np.array([*offset, start_m[2] - middle_m])
    run = np.array([*step, end_m[2] - start_m[2]])
    half = np.array([*box.half_m, half_m])
    enter, leave = 0.0, 1.0
    for p, d, h in zip(begin.tolist(), run.tolist(), half.tolist(), strict=True):
        if abs(d) < 1e-12:
            if abs(p) > h:
                return False
            continue
        first, last = sorted(((-h - p) / d, (h - p) / d))
        enter, leave = max(enter, first), min(leave, last)
    return enter <= leave
