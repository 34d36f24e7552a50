"""Radar returns against what is told to be true of them: whom each is of, and how fast that is.

Returns of an actor are at its box and as fast as it, those of what stands are as fast as the radar itself, to 0.1 m/s
each (the median of a scene). Ghosts and clutter are held to neither; what a device marks invalid has to be one of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, inverse, move
from av_synth.verify.points.actors import SceneActors
from av_synth.verify.points.counts import xyz
from av_synth.verify.reading.blobs import locate, only_row
from av_synth.verify.reading.model import Annotation, Data, Dataset, Scene

Truth = npt.NDArray[np.void]

_RECORD = np.dtype([("actor_id", "<u4"), ("origin", "u1")])
_ACTOR, _STATIC, _CLUTTER, _GHOST = range(4)
_SPEED_MPS = 0.1  # off, in the middle of a scene's returns
_LEAST = 30  # returns
_BOX_M, _BOX_SHARE = 1.0, 0.03  # how far beside its box a return may be: metres, and of its range
_AT_BOX = 0.95  # of all returns of annotated actors


class RadarTruth:
    """The returns of one scene, radar after radar."""

    def __init__(self, dataset: Dataset, scene: Scene, actors: SceneActors, findings: Findings) -> None:
        self._dataset, self._scene, self._findings = dataset, scene, findings
        self._told = {
            channel
            for channel in scene.channels("radar")
            if any(dataset.rows_about("radar_truth", data.token) for data in scene.data[channel])
        }
        self._velocity = self._velocities() if self._told else {}
        self._actors = self._annotated(actors) if self._told else {}
        self._speeds: dict[tuple[str, str], list[Array]] = defaultdict(list)
        self._inside: list[npt.NDArray[np.bool_]] = []

    def _velocities(self) -> Mapping[str, Array]:
        """The true velocity of each annotation, by its token."""
        found = {}
        for boxes in self._scene.annotations.values():
            for annotation in boxes:
                for row in self._dataset.rows_about("annotation_truth", annotation.token):
                    found[annotation.token] = np.array(row["velocity"], dtype=np.float64)
        return found

    def _annotated(self, actors: SceneActors) -> Mapping[tuple[str, int], Annotation]:
        """Annotations by sample and actor."""
        return {
            (sample, actor_id): annotation
            for sample, boxes in self._scene.annotations.items()
            for annotation in boxes
            if (actor_id := actors.actor(annotation.instance_token)) is not None
        }

    def read(self, data: Data, records: npt.NDArray[np.void]) -> Truth | None:
        """What is told of each record of a scan; None, with a finding, where nothing is of a radar that is a device."""
        if data.channel not in self._told:
            return None
        where, row = only_row(self._dataset, self._scene, data, "radar_truth", "radar_truth", self._findings)
        path = None if row is None else locate(self._dataset, row["filename"], where, self._findings)
        if path is None:
            return None
        self._findings.checked("radar_truth", max(len(records), 1))
        content = path.read_bytes()
        if len(content) != _RECORD.itemsize * len(records):
            wanted = f"want {_RECORD.itemsize} for each of {len(records)} returns"
            self._findings.add("radar_truth", where, f"{path.name} has {len(content)} bytes; {wanted}")
            return None
        truth = np.frombuffer(content, dtype=_RECORD)
        problem = _problem(truth, records)
        if problem:
            self._findings.add("radar_truth", where, f"{path.name} {problem}")
            return None
        return truth

    def add(self, data: Data, neighbours: tuple[Data, Data], records: npt.NDArray[np.void], truth: Truth) -> None:
        """Take a keyframe's scan; the rows before and after it in its chain tell the radar's own velocity."""
        before, after = neighbours
        seconds = (after.timestamp_us - before.timestamp_us) / 1e6
        own = (after.world_from_sensor[:3, 3] - before.world_from_sensor[:3, 3]) / seconds
        points = xyz(records)
        world = move(data.world_from_sensor, points)
        toward = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
        toward = toward @ data.world_from_sensor[:3, :3].T
        relative = np.stack([records["vx"], records["vy"], np.zeros(len(records))], axis=1).astype(np.float64)
        rate = np.sum((relative @ data.world_from_sensor[:3, :3].T) * toward, axis=1)
        standing = np.isin(truth["origin"], (_STATIC, _CLUTTER))
        self._speeds[data.channel, "what stands"].append(np.abs(rate + toward @ own)[standing])
        for actor_id in np.unique(truth["actor_id"][truth["origin"] == _ACTOR]):
            annotation = self._actors.get((data.sample_token, int(actor_id)))
            if annotation is None:
                continue
            chosen = np.flatnonzero((truth["actor_id"] == actor_id) & (truth["origin"] == _ACTOR))
            self._at_box(annotation, world[chosen], np.linalg.norm(points[chosen], axis=1))
            velocity = self._velocity.get(annotation.token)
            if velocity is not None:
                error = rate[chosen] - toward[chosen] @ (velocity - own)
                self._speeds[data.channel, "annotated actors"].append(np.abs(error))

    def _at_box(self, annotation: Annotation, world: Array, range_m: Array) -> None:
        """A radar has no elevation, so boxes are as seen from above."""
        local = move(inverse(annotation.world_from_box), world)
        width, length, _ = annotation.room_wlh_m
        reach = _BOX_M + _BOX_SHARE * range_m
        inside = (np.abs(local[:, 0]) <= length / 2.0 + reach) & (np.abs(local[:, 1]) <= width / 2.0 + reach)
        self._inside.append(np.asarray(inside))

    def close(self) -> None:
        """Judge what needs the whole scene."""
        findings, scene = self._findings, self._scene
        for (channel, whose), parts in sorted(self._speeds.items()):
            errors = np.concatenate(parts)
            if len(errors) < _LEAST:
                continue
            findings.checked("radar_truth", len(errors))
            middle = float(np.median(errors))
            if middle > _SPEED_MPS:
                message = f"vx, vy of {len(errors)} returns of {whose} are off by {middle:.2f} m/s (median)"
                findings.add("radar_truth", f"{channel} of {scene.name}", f"{message}; want {_SPEED_MPS:g} at most")
        if self._inside:
            inside = np.concatenate(self._inside)
            if len(inside) >= _LEAST and inside.mean() < _AT_BOX:
                message = f"{(~inside).sum()} of {len(inside)} returns of actors are not at their boxes"
                findings.add(
                    "radar_truth", f"radar_truth.json ({scene.name})", f"{message}; want ids of whom they are of"
                )


def without_ghosts(records: npt.NDArray[np.void], truth: Truth | None) -> npt.NDArray[np.void]:
    """Those records that are of what is there, as far as that is told."""
    return records if truth is None else records[truth["origin"] != _GHOST]


def _problem(truth: Truth, records: npt.NDArray[np.void]) -> str:
    """What is wrong with a file by itself; '' for nothing."""
    if len(truth) and int(truth["origin"].max()) > _GHOST:
        return f"has origin {int(truth['origin'].max())}; want 0 actor, 1 static, 2 clutter or 3 ghost"
    named = truth["actor_id"] > 0
    if np.any(named & np.isin(truth["origin"], (_STATIC, _CLUTTER))) or np.any(~named & (truth["origin"] == _ACTOR)):
        return "names an actor of what stands, or none of an actor's return"
    wrong = int(((records["invalid_state"] != 0) & np.isin(truth["origin"], (_ACTOR, _STATIC))).sum())
    if wrong:
        return f"has {wrong} true returns that the radar marks invalid; want ghosts and clutter alone marked"
    return ""
