"""Names the one mistake that explains many findings: undoes known mistakes and sees whether the labels then agree.

Nothing here judges a dataset in which the other checks found nothing: it is only asked why they did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.verify.box_and_pose_mistakes import SIZES, Box, Undo, box_hypotheses, pose_hypotheses
from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, box_corners, box_outline, depth_inside, inverse, move
from av_synth.verify.pixels.masks import Seen
from av_synth.verify.reading.model import Annotation, Data, Scene

_SAMPLES, _BOXES = 8, 6  # looked at, and needed
_BETTER, _RIGHT = 0.25, 0.7  # of the boxes' counts: so many more have to be right, and so many at all
_LEAST_POINTS, _COUNT_SLACK = 3, 1
_PIXELS, _VIEWS = 150, 16  # of an instance and of a camera, that are kept
_MARGIN_M, _MARGIN_PX = 0.03, 1.5
_OUTSIDE_LEFT = 0.35  # of the pixels that were outside their boxes
_FOCALS = (0.5, 0.8, 0.9, 0.95, 1.05, 1.1, 1.25, 2.0)

ReadPoints = Callable[[Data], Array | None]


def explain_counts(scene: Scene, read_points: ReadPoints, findings: Findings) -> None:
    """Why num_lidar_pts are not what the points in the boxes are: boxes, poses, mounts or files?

    Args:
        scene: the scene.
        read_points: reads the points (N, 3) of a lidar row in the sensor's frame; None when there are none.
        findings: takes the mistake, if there is one that explains it.
    """
    rows = list(scene.data.get("LIDAR_TOP", ()))
    keyframes = [
        (k, data) for k, data in enumerate(rows) if data.is_key_frame and scene.annotations.get(data.sample_token)
    ]
    step = max(1, len(keyframes) // _SAMPLES)
    scores: dict[str, list[float]] = {}
    for place, data in keyframes[::step][:_SAMPLES]:
        own = read_points(data)
        if own is None:
            continue
        annotations = scene.annotations[data.sample_token]
        for name, right in _count_trials(scene, rows, place, own, annotations, read_points):
            scores.setdefault(name, []).extend(right)
    _name_best(scores, f"LIDAR_TOP and boxes of {scene.name}", "of num_lidar_pts", findings)


def _count_trials(
    scene: Scene, rows: Sequence[Data], place: int, own: Array, annotations: Sequence[Annotation], read: ReadPoints
) -> Iterator[tuple[str, list[float]]]:
    data = rows[place]
    world = move(data.world_from_sensor, own)
    yield "", _right_counts(world, annotations, _as_is)
    for name, undo in (*SIZES.items(), *box_hypotheses(scene, data)):
        yield name, _right_counts(world, annotations, undo)
    for name, world_from_sensor in pose_hypotheses(data):
        yield name, _right_counts(move(world_from_sensor, own), annotations, _as_is)
    for name, moved in (
        ("lidar points are in the ego's frame; want the sensor's", move(data.ego_pose.world_from_ego, own)),
        ("lidar points are in the world's frame; want the sensor's", own),
        (
            "lidar points have x forward, y left; want x right, y forward",
            _world_of(data, own[:, [1, 0, 2]] * (-1, 1, 1)),
        ),
        ("lidar points are mirrored: x has the wrong sign", _world_of(data, own * (-1, 1, 1))),
        ("lidar points are mirrored: y has the wrong sign", _world_of(data, own * (1, -1, 1))),
        ("lidar points are upside down: z has the wrong sign", _world_of(data, own * (1, 1, -1))),
    ):
        yield name, _right_counts(moved, annotations, _as_is)
    for step, word in ((1, "late"), (-1, "early")):
        if 0 <= place + step < len(rows):
            other = read(rows[place + step])
            if other is not None:
                name = f"LIDAR_TOP is one frame {word}: the file of the frame {'after' if step > 0 else 'before'} fits"
                yield name, _right_counts(_world_of(data, other), annotations, _as_is)
            name = f"ego poses of LIDAR_TOP are one frame {'early' if step < 0 else 'late'}"
            yield name, _right_counts(_world_of(rows[place + step], own), annotations, _as_is)
    yield (
        "num_lidar_pts and num_radar_pts are swapped",
        _right_counts(world, annotations, _as_is, lambda a: a.num_radar_pts),
    )


def _world_of(data: Data, points: Array) -> Array:
    """Points (N, 3) of a row's sensor in the world."""
    return move(data.world_from_sensor, points)


def _as_is(annotation: Annotation) -> Box:
    return annotation.world_from_box, annotation.size_wlh_m


def _right_counts(
    world: Array,
    annotations: Iterable[Annotation],
    undo: Undo,
    said: Callable[[Annotation], int] = lambda a: a.num_lidar_pts,
) -> list[float]:
    right: list[float] = []
    for annotation in annotations:
        matrix, (width, length, height) = undo(annotation)
        local = move(inverse(matrix), world)
        n = int((np.abs(local) <= np.array([length, width, height]) / 2).all(axis=1).sum())
        if max(n, annotation.num_lidar_pts, annotation.num_radar_pts) >= _LEAST_POINTS:
            wanted = said(annotation)
            right.append(float(wanted >= _LEAST_POINTS and abs(n - wanted) <= _COUNT_SLACK))
    return right


def _name_best(scores: dict[str, list[float]], where: str, what: str, findings: Findings) -> None:
    base = scores.pop("", [])
    if len(base) < _BOXES or not scores:
        return
    findings.checked("diagnosis")
    before = float(np.mean(base))
    name, found = max(scores.items(), key=lambda item: float(np.mean(item[1])) if item[1] else 0.0)
    after = float(np.mean(found)) if found else 0.0
    if after >= _RIGHT and after > before + _BETTER:
        findings.add("diagnosis", where, f"{name}; with that undone {after:.0%} {what} are right, now {before:.0%}")


@dataclass(frozen=True)
class _Shown:
    data: Data
    place: int
    intrinsic: Array
    annotation: Annotation
    pixels: Array


class MaskDiagnosis:
    """Keeps some pixels of each instance, and says which mistake puts them outside their projected boxes."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._shown: dict[str, list[_Shown]] = {}
        self._views: dict[str, int] = {}

    def add(self, seen: Seen, place: int) -> None:
        """Take a camera keyframe; `place` is that of its row in the channel's chain."""
        channel = seen.view.data.channel
        self._views[channel] = self._views.get(channel, 0) + 1
        if self._views[channel] > _VIEWS:
            return
        for annotation, own in zip(seen.annotations, seen.own, strict=True):
            if len(own) >= 50:
                step = max(1, len(own) // _PIXELS)
                shown = _Shown(
                    seen.view.data,
                    place,
                    seen.view.intrinsic,
                    annotation,
                    seen.view.straight(seen.view.at_once(own[::step])),
                )
                self._shown.setdefault(channel, []).append(shown)

    def explain(self, findings: Findings) -> None:
        """Name the mistake of each camera whose masks are not in their boxes."""
        calibrations = {channel: found[0] for channel, found in self._shown.items()}
        for channel, found in sorted(self._shown.items()):
            before = _outside(found, lambda s: _pixels_in(s, s.data.world_from_sensor, s.intrinsic, _as_is))
            if before < 0.02:
                continue
            findings.checked("diagnosis")
            trials = {name: _outside(found, trial) for name, trial in self._trials(channel, calibrations)}
            name, after = min(trials.items(), key=lambda item: item[1])
            if after < _OUTSIDE_LEFT * before:
                message = (
                    f"{name}; with that undone {after:.1%} of mask pixels are outside their boxes, now {before:.0%}"
                )
                findings.add("diagnosis", f"{channel} of {self._scene.name}", message)

    def _trials(
        self, channel: str, calibrations: dict[str, _Shown]
    ) -> Iterator[tuple[str, Callable[[_Shown], npt.NDArray[np.bool_]]]]:
        first = calibrations[channel].data.token
        views = {shown.data.token: shown.data for shown in self._shown[channel]}
        # not those of sizes: pixels are inside any box that is large enough
        boxes = {token: dict(box_hypotheses(self._scene, data)) for token, data in views.items()}
        for name in boxes[first]:
            yield (
                name,
                lambda s, n=name: _pixels_in(s, s.data.world_from_sensor, s.intrinsic, boxes[s.data.token][n]),  # type: ignore[misc]
            )
        poses = {token: dict(pose_hypotheses(data)) for token, data in views.items()}
        for name in poses[first]:
            yield (
                name,
                lambda s, n=name: _pixels_in(s, poses[s.data.token][n], s.intrinsic, _as_is),  # type: ignore[misc]
            )
        rows = self._scene.data[channel]
        for step, word in ((-1, "late"), (1, "early")):
            yield (
                f"{channel} is one frame {word}: its masks are those of a frame {'before' if step < 0 else 'after'}",
                lambda s, step=step: _at_frame(self._scene, rows, s, step),  # type: ignore[misc]
            )
        for other, shown in sorted(calibrations.items()):
            if other != channel:
                mount, matrix = shown.data.calibration.ego_from_sensor, shown.intrinsic
                yield (
                    f"{channel} and {other} are swapped: its masks fit the calibration of {other}",
                    lambda s, m=mount, i=matrix: _pixels_in(s, s.data.ego_pose.world_from_ego @ m, i, _as_is),  # type: ignore[misc]
                )
        for factor in _FOCALS:
            yield (
                f"the focal length of {channel} is wrong: {factor:g} times it fits",
                lambda s, f=factor: _pixels_in(s, s.data.world_from_sensor, _zoomed(s.intrinsic, f), _as_is),  # type: ignore[misc]
            )
        yield (
            f"cx and cy of {channel} are swapped",
            lambda s: _pixels_in(s, s.data.world_from_sensor, _centre_swapped(s.intrinsic), _as_is),
        )
        for name, flip in (("mirrored left to right", (True, False)), ("upside down", (False, True))):
            yield (
                f"masks of {channel} are {name}",
                lambda s, f=flip: _pixels_in(_flipped(s, f), s.data.world_from_sensor, s.intrinsic, _as_is),  # type: ignore[misc]
            )


def _outside(shown: Iterable[_Shown], inside: Callable[[_Shown], npt.NDArray[np.bool_]]) -> float:
    return 1.0 - float(np.mean(np.concatenate([inside(s) for s in shown])))


def _pixels_in(shown: _Shown, world_from_sensor: Array, intrinsic: Array, undo: Undo) -> npt.NDArray[np.bool_]:
    matrix, size = undo(shown.annotation)
    corners = move(inverse(world_from_sensor), box_corners(matrix, size, _MARGIN_M))
    outline = box_outline(intrinsic, corners)
    if outline is None or len(outline) < 3:
        return np.zeros(len(shown.pixels), dtype=np.bool_)
    return np.asarray(depth_inside(outline, shown.pixels) >= -_MARGIN_PX)


def _at_frame(scene: Scene, rows: Sequence[Data], shown: _Shown, step: int) -> npt.NDArray[np.bool_]:
    """The camera where it was a frame before or after, and the box moved there by its own motion."""
    if not 0 <= shown.place + step < len(rows):
        return _pixels_in(shown, shown.data.world_from_sensor, shown.intrinsic, _as_is)
    row = rows[shown.place + step]
    moved = shown.annotation.world_from_box.copy()
    moved[:3, 3] += scene.velocity(shown.annotation) * (row.timestamp_us - shown.data.timestamp_us) / 1e6
    return _pixels_in(shown, row.world_from_sensor, shown.intrinsic, lambda a: (moved, a.size_wlh_m))


def _zoomed(intrinsic: Array, factor: float) -> Array:
    matrix = intrinsic.copy()
    matrix[0, 0] *= factor
    matrix[1, 1] *= factor
    return matrix


def _centre_swapped(intrinsic: Array) -> Array:
    matrix = intrinsic.copy()
    matrix[0, 2], matrix[1, 2] = intrinsic[1, 2], intrinsic[0, 2]
    return matrix


def _flipped(shown: _Shown, flip: tuple[bool, bool]) -> _Shown:
    pixels = shown.pixels.copy()
    for axis, size in enumerate((shown.data.width, shown.data.height)):
        if flip[axis]:
            pixels[:, axis] = size - 1 - pixels[:, axis]
    return _Shown(shown.data, shown.place, shown.intrinsic, shown.annotation, pixels)
