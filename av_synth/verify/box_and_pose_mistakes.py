"""Single mistakes that people make when they write boxes, poses and mounts, each undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from av_synth.verify.maths import Array, inverse, pose, rotation_matrix
from av_synth.verify.reading.model import Annotation, Data, Scene

Size = tuple[float, float, float]
Box = tuple[Array, Size]
"""`world_from_box` (4, 4) and width, length, height."""

Undo = Callable[[Annotation], Box]


def xyzw(rotation: Sequence[float]) -> tuple[float, ...]:
    """A rotation w, x, y, z that was written as x, y, z, w."""
    return (rotation[3], *rotation[:3])


def conjugate(rotation: Sequence[float]) -> tuple[float, ...]:
    """A rotation that was written the other way round."""
    return (rotation[0], *(-v for v in rotation[1:]))


def _quarter(annotation: Annotation) -> Box:
    turn = np.eye(4)
    turn[:2, :2] = [[0, -1], [1, 0]]
    return annotation.world_from_box @ turn, annotation.size_wlh_m


def _raised(heights: float) -> Undo:
    def undo(annotation: Annotation) -> Box:
        matrix = annotation.world_from_box.copy()
        matrix[2, 3] += heights * annotation.size_wlh_m[2]
        return matrix, annotation.size_wlh_m

    return undo


def _scaled(factor: float) -> Undo:
    def undo(annotation: Annotation) -> Box:
        width, length, height = annotation.size_wlh_m
        return annotation.world_from_box, (factor * width, factor * length, factor * height)

    return undo


def _ordered(order: tuple[int, int, int]) -> Undo:
    def undo(annotation: Annotation) -> Box:
        a, b, c = (annotation.size_wlh_m[k] for k in order)
        return annotation.world_from_box, (a, b, c)

    return undo


def _turned(change: Callable[[Sequence[float]], Sequence[float]]) -> Undo:
    return lambda a: (pose(change(a.rotation), a.translation), a.size_wlh_m)


def _mirrored(annotation: Annotation) -> Box:
    matrix = annotation.world_from_box.copy()
    matrix[1] *= -1.0
    matrix[:, 1] *= -1.0
    return matrix, annotation.size_wlh_m


SIZES: Mapping[str, Undo] = {
    "length and width are swapped: sizes are [length, width, height], want [width, length, height]": _ordered(
        (1, 0, 2)
    ),
    "height is not last in sizes: want [width, length, height]": _ordered((2, 1, 0)),
    "length and height are swapped in sizes: want [width, length, height]": _ordered((0, 2, 1)),
    "sizes are half extents; want whole ones": _scaled(2.0),
    "sizes are twice as large as the things": _scaled(0.5),
}
"""What is wrong with a box's size, and the box without it."""

_PLACES: Mapping[str, Undo] = {
    "box rotations are x, y, z, w; want w, x, y, z": _turned(xyzw),
    "box rotations are inverted (yaw has the wrong sign); want world from box": _turned(conjugate),
    "yaw of boxes is off by 90 degrees: want the x axis along the length": _quarter,
    "translations are at the bottom of boxes; want the centre": _raised(0.5),
    "translations are at the top of boxes; want the centre": _raised(-0.5),
    "y of boxes has the wrong sign (left-handed axes)": _mirrored,
}
"""What is wrong with where a box is, and the box without it."""


def box_hypotheses(scene: Scene, data: Data) -> Iterator[tuple[str, Undo]]:
    """Those of `_PLACES`, and those that need the scene: other frames of reference, other samples."""
    yield from _PLACES.items()
    for name, world_from_frame in (
        ("translations and rotations of boxes are in the ego's frame; want the world's", data.ego_pose.world_from_ego),
        ("translations and rotations of boxes are in the sensor's frame; want the world's", data.world_from_sensor),
    ):
        yield name, lambda a, m=world_from_frame: (m @ a.world_from_box, a.size_wlh_m)  # type: ignore[misc]
    for step, word in ((1, "late"), (-1, "early")):
        yield f"annotations are one sample {word}", _from_sample(scene, step)


def _from_sample(scene: Scene, step: int) -> Undo:
    """The box of the same instance in the sample after (or before)."""
    tokens = [sample.token for sample in scene.samples]
    places = {token: k for k, token in enumerate(tokens)}
    boxes = {(t, a.sample_token): a for t, track in scene.tracks.items() for _, a in track}

    def undo(annotation: Annotation) -> Box:
        place = places[annotation.sample_token] + step
        other = boxes.get((annotation.instance_token, tokens[place])) if 0 <= place < len(tokens) else None
        return (other or annotation).world_from_box, annotation.size_wlh_m

    return undo


def pose_hypotheses(data: Data) -> Iterator[tuple[str, Array]]:
    """Mistakes in the mount or the ego pose of a row, and its `world_from_sensor` (4, 4) without them."""
    ego, mount = data.ego_pose, data.calibration
    world_from_ego, ego_from_sensor = ego.world_from_ego, mount.ego_from_sensor
    channel = mount.channel
    for change, name in ((xyzw, "is x, y, z, w; want w, x, y, z"), (conjugate, "is inverted; want ego from sensor")):
        turned = pose(change(mount.rotation), mount.translation)
        yield f"the mount's rotation of {channel} {name}", world_from_ego @ turned
    yield f"the mount of {channel} is sensor from ego; want ego from sensor", world_from_ego @ inverse(ego_from_sensor)
    for change, name in ((xyzw, "x, y, z, w; want w, x, y, z"), (conjugate, "inverted; want world from ego")):
        yield f"ego pose rotations are {name}", pose(change(ego.rotation), ego.translation) @ ego_from_sensor
    yield "ego poses are ego from world; want world from ego", inverse(world_from_ego) @ ego_from_sensor
    turn = pose((0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    yield "yaw of ego poses is off by 180 degrees", world_from_ego @ turn @ ego_from_sensor
    sideways = np.eye(4)
    sideways[:3, :3] = rotation_matrix(mount.rotation)
    yield f"the mount's translation of {channel} is missing or wrong", world_from_ego @ sideways
