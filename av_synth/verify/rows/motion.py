"""Boxes over time: sizes, headings, attributes, judged by how things really move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from av_synth.verify.box_and_pose_mistakes import xyzw
from av_synth.verify.findings import Findings, Place
from av_synth.verify.maths import rotation_matrix, turn_between_rad
from av_synth.verify.points.counts import annotation_place
from av_synth.verify.reading.model import Annotation, Scene
from av_synth.verify.reading.nuscenes_names import attribute_family
from av_synth.verify.rows.calibration import heading_problem, step

Track = Sequence[tuple[int, Annotation]]

_LENGTH_M = {"vehicle": (1.5, 35.0), "cycle": (1.0, 3.5), "pedestrian": (0.1, 2.5)}
_HEIGHT_M = {"vehicle": (0.8, 5.5), "cycle": (0.6, 2.6), "pedestrian": (0.5, 2.5)}
# People of av_synth's datasets: labels by hand have lower adults, behind cars and in chairs.
_PERSON_M = {
    "human.pedestrian.adult": (1.4, 2.2),
    "human.pedestrian.child": (0.5, 1.6),
    "human.pedestrian.construction_worker": (1.4, 2.2),
    "human.pedestrian.police_officer": (1.4, 2.2),
}
_SIZE_TOLERANCE_M = 0.02
_FLIP_RAD, _FLIP_S = math.radians(135.0), 0.65  # 270 degrees a second: no car spins so fast, not even in a crash
_SPEED_MPS = {"vehicle": 60.0, "cycle": 60.0, "pedestrian": 40.0}
_PARKED_M = 1.0  # what is pushed so far is moving, not parked, in a sample on the way
# Faster than anyone reverses for long; a car thrown back by a crash rolls out within two samples.
_BACKWARD_MPS = {"vehicle": 3.0, "cycle": 3.0, "pedestrian": 1.0}
_UPRIGHT = 0.99  # cosine of the tilt
_FLAT = 0.2  # of the up axis of who lies
_BACKWARD_STEPS = 3
# A speed that no step before or after has: a crash changes speed and leaves it so. True steps have up to 1.1 m/s.
_SPIKE_MPS = {"vehicle": 8.0, "cycle": 15.0, "pedestrian": 15.0}
_WALKS_MPS, _SIDEWAYS_RAD = (0.7, 4.0), math.radians(60.0)  # who runs faster may be thrown, not run
_SIDEWAYS_STEPS = 3
_MOVES_MPS, _RESTS_MPS = 1.0, 0.02


def check_tracks(scene: Scene, ours: bool, findings: Findings) -> None:
    """Sizes, headings, speeds and attributes of every instance of a scene.

    Args:
        scene: the scene.
        ours: whether sizes must be constant, which av_synth promises; people who label by hand vary them.
        findings: takes what is wrong.
    """
    for track in scene.tracks.values():
        family = attribute_family(track[0][1].category)
        for _, annotation in track:
            where = annotation_place(scene, annotation)
            _check_attributes(where, annotation, family, findings)
            _check_visibility_token(where, annotation, findings)
            _check_size(where, annotation, track[0][1] if ours else annotation, family, findings)
            if ours:
                _check_person(where, annotation, findings)
        _check_upright(scene, track, findings)
        if family is not None:
            _check_headings(scene, track, family, findings)
            _check_spikes(scene, track, family, findings)
            _check_motion_attributes(scene, track, findings)


def check_scene_headings(scene: Scene, findings: Findings) -> None:
    """The headings of what moves fast in a scene are not all off its motion by the same turn."""
    steps = [
        step(before.world_from_box, after.world_from_box, t0, t1)
        for track in scene.tracks.values()
        if attribute_family(track[0][1].category) in ("vehicle", "cycle")
        for (t0, before), (t1, after) in pairwise(track)
        if 0 < t1 - t0 <= _FLIP_S * 1e6
    ]
    findings.checked("headings", len(steps))
    problem = heading_problem(steps)
    if problem:
        where = f"sample_annotation.json ({scene.name})"
        findings.add("headings", where, f"{problem}; want the box's x axis at the front")


def _check_attributes(where: Place, annotation: Annotation, family: str | None, findings: Findings) -> None:
    findings.checked("attributes")
    if len(annotation.attributes) > 1:
        message = f"has attributes {list(annotation.attributes)}; want at most one, or evaluation fails"
        findings.add("attributes", where, message)
    for name in annotation.attributes:
        if name.split(".")[0] != family:
            wanted = f"one of {family}.*" if family else "none"
            findings.add("attributes", where, f"has attribute {name}; its category wants {wanted}")


def _check_visibility_token(where: Place, annotation: Annotation, findings: Findings) -> None:
    findings.checked("visibility")
    if annotation.visibility not in ("", "1", "2", "3", "4"):
        findings.add("visibility", where, f"visibility_token = {annotation.visibility!r}; want '1' to '4' or ''")


def _check_size(
    where: Place, annotation: Annotation, reference: Annotation, family: str | None, findings: Findings
) -> None:
    findings.checked("sizes")
    width, length, height = annotation.size_wlh_m
    size = f"size (width, length, height) = {list(annotation.size_wlh_m)}"
    if family in ("vehicle", "cycle") and width > length:
        message = f"{size} is wider than long: length and width look swapped"
        findings.add("sizes", where, f"{message}; want [width, length, height]")
    if family is not None:
        for name, value, bounds in (("length", length, _LENGTH_M), ("height", height, _HEIGHT_M)):
            low, high = bounds[family]
            if not low <= value <= high:
                findings.add("sizes", where, f"{size}: a {name} of {value:.2f} m; want {low} to {high} m")
    off_m = max(abs(a - b) for a, b in zip(annotation.size_wlh_m, reference.size_wlh_m, strict=True))
    if off_m > _SIZE_TOLERANCE_M:
        message = f"{size} differs by {off_m:.2f} m from token={reference.token} of its instance; want it constant"
        findings.add("sizes", where, message)


def _check_person(where: Place, annotation: Annotation, findings: Findings) -> None:
    height = annotation.size_wlh_m[2]
    low, high = _PERSON_M.get(annotation.category, (height, height))
    if not low <= height <= high:
        others = [name for name, (a, b) in _PERSON_M.items() if a <= height <= b]
        guess = f": is it a {others[0]}, of another category?" if others else ""
        message = f"is {height:.2f} m high; want {low} to {high} m of a {annotation.category}{guess}"
        findings.add("sizes", where, message)


def _check_upright(scene: Scene, track: Track, findings: Findings) -> None:
    """People and cycles may fall, and lie flat from then on; vehicles stand."""
    heights = [float(annotation.world_from_box[2, 2]) for _, annotation in track]
    lying = [annotation for (_, annotation), height in zip(track, heights, strict=True) if height < 0.5]
    falls = attribute_family(track[0][1].category) in ("pedestrian", "cycle")
    if falls and all(abs(height) < _FLAT for height in heights[heights.index(min(heights)) :]):
        return
    if len(lying) * 2 > len(track):
        up = [rotation_matrix(xyzw(annotation.rotation))[2, 2] for _, annotation in track]
        guess = ": its rotations look like x, y, z, w" if min(up) > 0.9 else ""
        message = f"lies on its side in {len(lying)} of {len(track)} samples{guess}; want w, x, y, z with z up"
        findings.add("headings", annotation_place(scene, lying[0]), message)


def _check_headings(scene: Scene, track: Track, family: str, findings: Findings) -> None:
    forward = backward = 0
    for (before_us, before), (after_us, after) in pairwise(track):
        findings.checked("headings")
        seconds = (after_us - before_us) / 1e6
        if seconds <= 0:
            continue
        velocity = (after.world_from_box[:3, 3] - before.world_from_box[:3, 3]) / seconds
        speed = float(np.linalg.norm(velocity))
        if speed > _SPEED_MPS[family]:
            message = f"moves {speed * seconds:.1f} m in {seconds:.2f} s from token={before.token}"
            findings.add("headings", annotation_place(scene, after), f"{message}: instance swapped or jumps")
        elif before.attributes == after.attributes == ("vehicle.parked",) and speed * seconds > _PARKED_M:
            message = f"is parked, and {speed * seconds:.1f} m from where it was parked in token={before.token}"
            findings.add("headings", annotation_place(scene, after), f"{message}: instance swapped or jumps")
        turned_rad = turn_between_rad(before.world_from_box, after.world_from_box)
        if family != "pedestrian" and seconds <= _FLIP_S and turned_rad > _FLIP_RAD:
            message = f"has turned {math.degrees(turned_rad):.0f} degrees in {seconds:.2f} s from token={before.token}"
            wanted = "no car spins so fast: is its yaw off by 180 degrees?"
            findings.add("headings", annotation_place(scene, after), f"{message}; {wanted}")
        if speed >= _BACKWARD_MPS[family]:
            along = float(velocity @ (before.world_from_box[:3, 0] + after.world_from_box[:3, 0])) / (2.0 * speed)
            forward += along > -0.7
            backward += along < -0.7
    if backward >= _BACKWARD_STEPS and backward > 9 * forward:
        message = f"is driven backwards over {backward} samples at {_BACKWARD_MPS[family]:g} m/s or more"
        # for who drives along the world's x axis the two mistakes look the same
        same = min(rotation_matrix(xyzw(annotation.rotation))[2, 2] for _, annotation in track) > _UPRIGHT
        guess = "its yaw looks off by 180 degrees" + (", or its quaternion is x, y, z, w" if same else "")
        findings.add("headings", annotation_place(scene, track[0][1]), f"{message}: {guess}")


def _check_spikes(scene: Scene, track: Track, family: str, findings: Findings) -> None:
    """Nothing moves in one step alone as it does neither before nor after; who walks does not walk sideways."""
    steps = [
        (after, (after.world_from_box[:2, 3] - before.world_from_box[:2, 3]) / (t1 - t0) * 1e6, (t1 - t0) / 1e6)
        for (t0, before), (t1, after) in pairwise(track)
        if 0 < t1 - t0 <= _FLIP_S * 1e6
    ]
    for (_, v0, _), (after, v1, seconds), (_, v2, _) in zip(steps, steps[1:], steps[2:], strict=False):
        if min(np.linalg.norm(v) for v in (v1 - v0, v1 - v2, v1 - (v0 + v2) / 2)) > _SPIKE_MPS[family]:
            message = f"moves {np.linalg.norm(v1) * seconds:.1f} m in {seconds:.2f} s, as in no step before and after"
            findings.add("headings", annotation_place(scene, after), f"{message}: instance swapped or jumps")
    walked = [(a, v) for a, v, _ in steps if _WALKS_MPS[0] < np.linalg.norm(v) < _WALKS_MPS[1]]
    if family == "pedestrian" and len(walked) >= _SIDEWAYS_STEPS:
        off = [math.acos(np.clip(v @ a.world_from_box[:2, 0] / np.linalg.norm(v), -1.0, 1.0)) for a, v in walked]
        if float(np.median(off)) > _SIDEWAYS_RAD:
            message = f"walks {math.degrees(np.median(off)):.0f} degrees (median) off its heading, in {len(off)} steps"
            findings.add("headings", annotation_place(scene, walked[0][0]), f"{message}; want its x axis ahead")


def _check_motion_attributes(scene: Scene, track: Track, findings: Findings) -> None:
    """An attribute is doubted only when the steps before and after agree that it is wrong."""
    for (t0, a), (t1, b), (t2, c) in zip(track, track[1:], track[2:], strict=False):
        if not b.attributes or not t0 < t1 < t2:
            continue
        findings.checked("attributes")
        p, q, r = (annotation.world_from_box[:2, 3] for annotation in (a, b, c))
        speeds = (float(np.linalg.norm(q - p)) / (t1 - t0) * 1e6, float(np.linalg.norm(r - q)) / (t2 - t1) * 1e6)
        state = b.attributes[0].partition(".")[2]
        shown = f"{speeds[0]:.2f} and {speeds[1]:.2f} m/s before and after"
        if state in ("parked", "stopped", "standing", "sitting_lying_down") and min(speeds) > _MOVES_MPS:
            findings.add("attributes", annotation_place(scene, b), f"is {b.attributes[0]} at {shown}; want it to rest")
        if state == "moving" and max(speeds) < _RESTS_MPS:
            findings.add("attributes", annotation_place(scene, b), f"is {b.attributes[0]} at {shown}; want it to move")
