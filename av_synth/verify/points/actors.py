"""Which actor each lidar point is on: files of ids, and whether ids and the boxes that hold the points agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, inverse, move
from av_synth.verify.points.counts import SamplePoints, annotation_place, box_owners, inside_box
from av_synth.verify.reading.blobs import locate, only_row
from av_synth.verify.reading.model import Annotation, Data, Dataset, Scene

Ids = npt.NDArray[np.uint32]

_LEAST, _SHARE = 5, 0.9  # points in exactly one box of their category; bodies that touch share their outermost ones
_REST_M = 0.005  # between samples: what moves less is where it was
_SURE_INSIDE_M = 0.005
_MOVING_LEAST = 3  # points of what moves: where its box would be is known to some decimetres only


def read_ids(dataset: Dataset, scene: Scene, data: Data, n: int, findings: Findings) -> Ids | None:
    """The actor id of each of `n` points of a lidar keyframe, 0 for none; None, maybe with a finding, for no file."""
    if "lidar_instance" not in dataset.extras:
        return None
    where, row = only_row(dataset, scene, data, "lidar_instance", "point_actors", findings)
    path = None if row is None else locate(dataset, row["filename"], where, findings)
    return None if path is None else _read(path, n, where, findings)


def _read(path: Path, n: int, where: str, findings: Findings) -> Ids | None:
    size = path.stat().st_size
    if size != 4 * n:
        message = f"{path.name} has {size} bytes for {n} points; want one little-endian uint32 a point"
        findings.add("point_actors", where, message)
        return None
    return np.fromfile(path, dtype="<u4")


class SceneActors:
    """The actors of a scene's instances, as instance_actor.json has them."""

    def __init__(self, dataset: Dataset, scene: Scene, findings: Findings) -> None:
        self._scene = scene
        self._findings = findings
        self._actor_of: dict[str, int] = {}
        for instance in scene.tracks if "instance_actor" in dataset.extras else ():
            rows = dataset.rows_about("instance_actor", instance)
            findings.checked("point_actors")
            if len(rows) == 1:
                self._actor_of[instance] = rows[0]["actor_id"]
            else:
                where = f"instance_actor.json ({scene.name})"
                findings.add("point_actors", where, f"has {len(rows)} rows of instance {instance}; want exactly one")

    def actor(self, instance: str) -> int | None:
        """The actor id of an instance, where it is known."""
        return self._actor_of.get(instance)

    def add(self, sample_token: str, cloud: SamplePoints) -> None:
        """Compare the ids of points in exactly one box of their category with the box's actor."""
        if cloud.actors is None or cloud.classes is None or not self._actor_of:
            return
        annotations = self._scene.annotations.get(sample_token, ())
        surely, _ = box_owners(cloud.world, annotations, cloud.classes)
        for k, annotation in enumerate(annotations):
            ids = cloud.actors[surely == k]
            wanted = self._actor_of.get(annotation.instance_token)
            if len(ids) < _LEAST or wanted is None:
                continue
            self._findings.checked("point_actors", len(ids))
            if float((ids == wanted).mean()) >= _SHARE:
                continue
            self._tell(annotation, ids, wanted)

    def _tell(self, annotation: Annotation, ids: Ids, wanted: int) -> None:
        found, counts = np.unique(ids, return_counts=True)
        most = int(found[counts.argmax()])
        others = {actor: instance for instance, actor in self._actor_of.items()}
        whose = f", which is instance {others[most]}" if most in others else ""
        message = f"{int((ids == wanted).sum())} of {len(ids)} points in its box alone are of its actor {wanted}"
        place = annotation_place(self._scene, annotation)
        self._findings.add("point_actors", place, f"{message}; most are of {most}{whose}")


def has_points(track: Sequence[tuple[int, Annotation]], time_us: int, own: Array) -> bool:
    """Whether lidar points (N, 3) of a thing, in the world, lie where its box would be at a time without annotation.

    A box without points may be left out, as nuScenes does. What rests between the samples around, or around the
    nearest, has one certain box; where else it moves, a few points must do.
    """
    before = [a for t, a in track if t < time_us][-1:]
    after = [a for t, a in track if t > time_us][:1]
    near = before + after
    if len(own) == 0 or not near:
        return False
    ends = _ends(track, before, after)
    if ends is None or float(np.linalg.norm(np.subtract(ends[0].translation, ends[1].translation))) > _REST_M:
        return len(own) >= _MOVING_LEAST
    return bool(inside_box(move(inverse(near[0].world_from_box), own), near[0], -_SURE_INSIDE_M).any())


def _ends(
    track: Sequence[tuple[int, Annotation]], before: Sequence[Annotation], after: Sequence[Annotation]
) -> tuple[Annotation, Annotation] | None:
    """Two annotations between which, or next to which, a time lies; None when there is only one in all."""
    if before and after:
        return before[0], after[0]
    if len(track) < 2:
        return None
    return (track[-2][1], track[-1][1]) if before else (track[0][1], track[1][1])
