"""Points against boxes: recounts at every sample, and whose points they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings, Place
from av_synth.verify.maths import Array, inverse, move
from av_synth.verify.reading.clouds import Sweep
from av_synth.verify.reading.model import Annotation, Data, Sample, Scene
from av_synth.verify.reading.nuscenes_names import category_index

_COUNT_MARGIN_M = 0.0002  # float32 is off by 4e-6 m at 100 m in the lidar frame, by 3e-5 m at 500 m in the world
_FOOT = 0.25  # of its height


@dataclass(frozen=True)
class SamplePoints:
    """The lidar keyframe of a sample.

    Attributes:
        lidar: (3,), where the lidar is in the world.
        world: (N, 3), its points in the world.
        owner: (N,), the place of the annotation in whose box each point is, -1 for none.
        boxes: (N,), in how many boxes each point is.
        classes: (N,), lidarseg's category index of each point; None when there is no such file.
        actors: (N,), the id of the actor that each point is on, 0 for none; None when there is no such file.
        rims: (K, 3), points in the world at which something stands before something else; None when not asked for.
    """

    lidar: Array
    world: Array
    owner: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.int64]
    classes: npt.NDArray[np.uint8] | None = None
    actors: npt.NDArray[np.uint32] | None = None
    rims: Array | None = None


def count_lidar(scene: Scene, sample: Sample, data: Data, sweep: Sweep, findings: Findings) -> None:
    """Recount the lidar points of every box of a sample, as they are stored."""
    world = move(data.world_from_sensor, sweep.points)
    for annotation in scene.annotations.get(sample.token, ()):
        _, local = near_box(world, annotation, 0.0)
        low, high = (inside_box(local, annotation, margin) for margin in (-_COUNT_MARGIN_M, _COUNT_MARGIN_M))
        findings.checked("lidar_counts")
        if not low.sum() <= annotation.num_lidar_pts <= high.sum():
            message = f"num_lidar_pts = {annotation.num_lidar_pts}; {data.filename} has {_span(low, high)} in the box"
            findings.add("lidar_counts", annotation_place(scene, annotation), message)


def points_of(scene: Scene, sample: Sample, data: Data, world: Array) -> SamplePoints:
    """Lidar points (N, 3) of a sample, in the world, and in which of its boxes they are."""
    owner, boxes = np.full(len(world), -1, dtype=np.int64), np.zeros(len(world), dtype=np.int64)
    for k, annotation in enumerate(scene.annotations.get(sample.token, ())):
        near, local = near_box(world, annotation, 0.0)
        inside = near[inside_box(local, annotation, _COUNT_MARGIN_M)]
        owner[inside] = k
        boxes[inside] += 1
    return SamplePoints(data.world_from_sensor[:3, 3], world, owner, boxes)


def _span(low: npt.NDArray[np.bool_], high: npt.NDArray[np.bool_]) -> str:
    a, b = int(low.sum()), int(high.sum())
    return f"{a}" if a == b else f"{a} to {b}"


def annotation_place(scene: Scene, annotation: Annotation) -> Place:
    """Where a finding about an annotation is."""
    name = scene.sample_name(annotation.sample_token)
    text = f"sample_annotation.json token={annotation.token} ({name}, {annotation.category})"
    return Place(text, scene.name, annotation.token)


def near_box(world: Array, annotation: Annotation, reach_m: float) -> tuple[npt.NDArray[np.int64], Array]:
    """Indices of the points within a box's bounding sphere, and those points in the box's frame."""
    centre = np.array(annotation.translation)
    radius = float(np.linalg.norm(annotation.size_wlh_m)) / 2.0 + _COUNT_MARGIN_M + reach_m
    rough = np.flatnonzero(np.abs(world[:, 0] - centre[0]) <= radius)
    rough = rough[np.abs(world[rough, 1] - centre[1]) <= radius]
    return rough, move(inverse(annotation.world_from_box), world[rough])


def inside_box(local: Array, annotation: Annotation, margin_m: float) -> npt.NDArray[np.bool_]:
    """Which points (N, 3) of a box's frame are inside it, made larger by a margin on every side."""
    return _inside(local, annotation.size_wlh_m, margin_m)


def inside_room(local: Array, annotation: Annotation, margin_m: float) -> npt.NDArray[np.bool_]:
    """As `inside_box`, with room for open doors."""
    return _inside(local, annotation.room_wlh_m, margin_m)


def above_foot(local: Array, annotation: Annotation) -> npt.NDArray[np.bool_]:
    """Which points (N, 3) of a box's frame are above its lowest quarter, where points of the ground and kerbs are."""
    return np.asarray(local[:, 2] > (_FOOT - 0.5) * annotation.size_wlh_m[2])


def _inside(local: Array, size_wlh_m: tuple[float, float, float], margin_m: float) -> npt.NDArray[np.bool_]:
    width, length, height = size_wlh_m
    inside = np.abs(local[:, 0]) <= length / 2.0 + margin_m
    inside &= np.abs(local[:, 1]) <= width / 2.0 + margin_m
    return np.asarray(inside & (np.abs(local[:, 2]) <= height / 2.0 + margin_m))


def box_owners(
    world: Array, annotations: Sequence[Annotation], categories: npt.NDArray[np.uint16] | npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Per point, the one box of its category that it is surely in (-1), and whether it may be in one at all."""
    surely = np.full(len(world), -1, dtype=np.int64)
    times = np.zeros(len(world), dtype=np.int64)
    perhaps = np.zeros(len(world), dtype=np.bool_)
    for k, annotation in enumerate(annotations):
        near, local = near_box(world, annotation, 0.0)
        own = categories[near] == category_index(annotation.category)
        inner = near[own & inside_box(local, annotation, -_COUNT_MARGIN_M)]
        outer = near[own & inside_box(local, annotation, _COUNT_MARGIN_M)]
        surely[inner] = k
        times[outer] += 1
        perhaps[outer] = True
    surely[times != 1] = -1
    return surely, perhaps


def count_radar(
    scene: Scene, sample: Sample, scans: Iterable[tuple[Data, npt.NDArray[np.void]]], findings: Findings
) -> None:
    """Recount the radar points, of all radars together and unfiltered, of every box of a sample."""
    clouds = [move(data.world_from_sensor, xyz(records)) for data, records in scans]
    world = np.concatenate(clouds) if clouds else np.zeros((0, 3))
    for annotation in scene.annotations.get(sample.token, ()):
        _, local = near_box(world, annotation, 0.0)
        low, high = (inside_box(local, annotation, margin) for margin in (-_COUNT_MARGIN_M, _COUNT_MARGIN_M))
        findings.checked("radar_counts")
        if not low.sum() <= annotation.num_radar_pts <= high.sum():
            message = f"num_radar_pts = {annotation.num_radar_pts}; the sample's radars have {_span(low, high)} in it"
            findings.add("radar_counts", annotation_place(scene, annotation), message)


def xyz(records: npt.NDArray[np.void]) -> Array:
    """The positions (N, 3) of radar records, metres, in the radar's frame."""
    return np.stack([records["x"], records["y"], records["z"]], axis=1).astype(np.float64)
