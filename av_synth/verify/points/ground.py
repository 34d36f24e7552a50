"""Boxes stand on the ground that the lidar sees around them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array
from av_synth.verify.points.counts import SamplePoints, near_box
from av_synth.verify.reading.model import Annotation, Scene

_GROUND_REACH_M = 1.5
_GROUND_WIDE_M = 4.0  # around a box whose own ground may be hidden
_GROUND_POINTS, _GROUND_STRAYS = 15, 3  # so many of the lowest points may be stray reflections
_GROUND_RANGE_M = 15.0
_GROUND_GAP_M = (-0.3, 0.5)  # kerbs are 0.12 m and slopes tilt the ground under a box; half a car is 0.75 m
_SUNK_M, _SUNK_BOXES = -0.12, 5  # of the middle box of a scene, where slopes and kerbs only lower the ground


def check_ground(scene: Scene, points: Mapping[str, SamplePoints], findings: Findings) -> None:
    """Over its samples, the middle gap between an instance's box and the ground that the lidar sees around it is small.

    A box whose translation is at its foot instead of its centre is off by half its height. Only boxes near the lidar
    are judged: further away the ground between two beams, or behind parked cars, is not seen at all. Nor may it be seen
    from above the next roof, past which only what stands behind a box is: it is no ground if something low enough for
    the box is a little further.
    """
    gaps: dict[str, list[float]] = defaultdict(list)
    for sample_token, cloud in points.items():
        free = cloud.world[cloud.owner < 0]
        for annotation in scene.annotations.get(sample_token, ()):
            away_m = float(np.hypot(*np.subtract(annotation.translation, cloud.lidar)[:2]))
            if away_m > _GROUND_RANGE_M or not annotation.upright:
                continue
            gap = _gap_m(free, annotation, _GROUND_REACH_M)
            if gap is not None and gap < _GROUND_GAP_M[0] and _stands(_gap_m(free, annotation, _GROUND_WIDE_M)):
                continue
            if gap is not None:
                gaps[annotation.instance_token].append(gap)
    middle = float(np.median([np.median(found) for found in gaps.values()])) if len(gaps) >= _SUNK_BOXES else 0.0
    if middle < _SUNK_M:
        message = f"boxes are sunk into the ground around them, {middle:+.2f} m (median of {len(gaps)} things)"
        wanted = "want the centre half the height above the ground"
        findings.add("ground", f"sample_annotation.json ({scene.name})", f"{message}; {wanted}")
    for token, found in gaps.items():
        findings.checked("ground")
        gap = float(np.median(found))
        if not _stands(gap):
            annotation = scene.tracks[token][0][1]
            where = f"instance.json token={token} ({scene.name}, {annotation.category})"
            message = f"the bottom of its box is {gap:+.2f} m from the ground around it, over {len(found)} samples"
            findings.add("ground", where, f"{message}; want the box's centre half its height above the ground")


def _stands(gap_m: float | None) -> bool:
    return gap_m is not None and _GROUND_GAP_M[0] <= gap_m <= _GROUND_GAP_M[1]


def _gap_m(free: Array, annotation: Annotation, reach_m: float) -> float | None:
    """How far the bottom of a box is above the lowest of the points (N, 3) around it; None for too few of them."""
    _, local = near_box(free, annotation, reach_m)
    width, length, height = annotation.size_wlh_m
    reach = np.array([length, width]) / 2.0 + reach_m
    # trees above and roofs beside it are not its ground, even where nothing lower is seen
    low = (local[:, 2] > -height / 2.0 - _GROUND_REACH_M) & (local[:, 2] < height / 4.0)
    around = np.sort(local[low & (np.abs(local[:, :2]) <= reach).all(axis=1), 2])
    return -height / 2.0 - float(around[_GROUND_STRAYS]) if len(around) >= _GROUND_POINTS else None
