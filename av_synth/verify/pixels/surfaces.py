"""Classes of lidar points against what else knows of surfaces: semantic images, the map's mask, the ego's own body."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maps.masks import on_foreground, read_map_mask
from av_synth.verify.maths import Array, move
from av_synth.verify.pixels.masks import View
from av_synth.verify.points.counts import SamplePoints
from av_synth.verify.reading.blobs import png_layout
from av_synth.verify.reading.model import Data, Dataset, Scene
from av_synth.verify.reading.nuscenes_names import CATEGORIES, category_index
from av_synth.verify.reading.values import inside

_SURFACES = tuple(k for k, name in enumerate(CATEGORIES) if name.startswith(("flat.", "static.")))
_DEPTH_SHARE = 0.02  # of the depth: what is not seen past an edge agrees within it
_AGREE, _LEAST = 0.9, 100  # of the points of a class, or on the pixels of one, in a scene; true data have 0.99
_ON_MAP, _MAP_LEAST = 0.98, 100
_EGO = category_index("vehicle.ego")
_BODY_M = ((-0.9, 3.5), (-0.8, 0.8), (0.3, 2.0))  # of any car that carries sensors, from the ground at its rear axle
_BODY_LEAST = 300  # points in it that are no drops of rain; lidars that see their own car have 1,270 and more
_BODY_STRAYS = 0.01  # drops of rain that are nearer than the bonnet


class SurfaceCheck:
    """Counts, over a scene, of what classes the points and the pixels under them are."""

    def __init__(self, dataset: Dataset, scene: Scene, findings: Findings) -> None:
        self._scene = scene
        self._findings = findings
        self._category = np.full(256, -1, dtype=np.int64)
        for index, category in dataset.surface_categories.items():
            if index < len(self._category):
                self._category[index] = category
        self._pairs = np.zeros((len(CATEGORIES), len(CATEGORIES)), dtype=np.int64)  # of points, of pixels

    def add(self, view: View, semantic: npt.NDArray[np.uint8], depth_m: Array, cloud: SamplePoints) -> None:
        """Count the points of a lidar keyframe that a camera sees, by depth, away from edges of its semantic image."""
        if cloud.classes is None or semantic.shape != depth_m.shape:
            return
        camera = move(view.camera_from_world, cloud.world)
        ahead = np.flatnonzero(camera[:, 2] > 0.5)
        at = np.rint(view.project(camera[ahead])).astype(np.int64)
        inside = (at >= 1).all(axis=1) & (at[:, 0] < semantic.shape[1] - 1) & (at[:, 1] < semantic.shape[0] - 1)
        ahead, at = ahead[inside], at[inside]
        middle = semantic[at[:, 1], at[:, 0]]
        kept = np.abs(depth_m[at[:, 1], at[:, 0]] - camera[ahead, 2]) < _DEPTH_SHARE * camera[ahead, 2]
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            kept &= semantic[at[:, 1] + dy, at[:, 0] + dx] == middle
        points, pixels = cloud.classes[ahead[kept]], self._category[middle[kept]]
        known = pixels >= 0
        np.add.at(self._pairs, (points[known], pixels[known]), 1)

    def close(self) -> None:
        """Judge each class of surfaces, by the points of it and by the pixels of it."""
        where = f"lidarseg and semantic images of {self._scene.name}"
        surfaces = np.array(_SURFACES)
        for index in _SURFACES:
            of_point, of_pixel = self._pairs[index], np.zeros(len(CATEGORIES), dtype=np.int64)
            of_pixel[surfaces] = self._pairs[surfaces, index]
            name = CATEGORIES[index]
            self._judge(where, index, of_point, f"points of {name} are seen on pixels of it")
            self._judge(where, index, of_pixel, f"points seen on pixels of {name} are of it")

    def _judge(self, where: str, index: int, counts: npt.NDArray[np.int64], what: str) -> None:
        total = int(counts.sum())
        if total < _LEAST:
            return
        self._findings.checked("surfaces", total)
        if counts[index] < _AGREE * total:
            others = np.where(np.arange(len(counts)) == index, -1, counts)
            message = (
                f"{int(counts[index])} of {total} {what}, {int(others.max())} are {CATEGORIES[int(others.argmax())]}"
            )
            wanted = f"want {_AGREE:.0%}: are the classes, or semantic_class.json, mistaken or shifted?"
            self._findings.add("surfaces", where, f"{message}; {wanted}")


class OwnBodyCheck:
    """Where any points of a lidar are of the ego, or it surely sees it, all in the middle of its body are.

    A lidar that sees the car that carries it sees it in every turn. Points there in some turns alone are of something
    that who carries it stands in: somebody on foot may carry one, and stand in a bush.
    """

    def __init__(self, scene: Scene, findings: Findings) -> None:
        self._scene, self._findings = scene, findings
        self._turns: list[tuple[Data, npt.NDArray[np.uint8]]] = []  # classes of the points in the body
        self._labelled: set[int] = set()  # places of turns in which some point is of the ego

    def add(self, data: Data, points: Array, classes: npt.NDArray[np.uint8]) -> None:
        """Look at the points (N, 3) of a keyframe, in the lidar's axes, and at their classes (N,)."""
        own = move(data.calibration.ego_from_sensor, points)
        inside = np.all([(own[:, k] > low) & (own[:, k] < high) for k, (low, high) in enumerate(_BODY_M)], axis=0)
        if (classes == _EGO).any():
            self._labelled.add(len(self._turns))
        self._turns.append((data, classes[inside]))

    def close(self) -> None:
        """Judge each turn."""
        always = bool(self._labelled) or all(len(own) >= _BODY_LEAST for _, own in self._turns)
        for place, (data, own) in enumerate(self._turns):
            if place not in self._labelled and not (always and len(own) >= _BODY_LEAST):
                continue
            self._findings.checked("surfaces", len(own))
            others = own[own != _EGO]
            if len(others) > max(1, _BODY_STRAYS * len(own)):
                most = CATEGORIES[int(np.bincount(others).argmax())]
                message = (
                    f"{len(others)} of {len(own)} points in the ego's own body are not vehicle.ego but mostly {most}"
                )
                wanted = "want vehicle.ego, or, if who carries the lidar is no car and stands in that, another moment"
                where = f"lidarseg of {self._scene.sample_name(data.sample_token)}"
                self._findings.add("surfaces", where, f"{message}; {wanted} (replay --at)")


def check_on_map(dataset: Dataset, scene: Scene, clouds: Mapping[str, SamplePoints], findings: Findings) -> None:
    """Points of roads and pavements are on the foreground of the map's mask, which av_synth makes of the same."""
    names = [name for name, logfiles in dataset.map_files.items() if scene.logfile in logfiles]
    labelled = [(cloud.world, cloud.classes) for cloud in clouds.values() if cloud.classes is not None]
    if not dataset.ours or not names or not labelled:
        return
    path = inside(dataset.root, names[0])
    if path is None or (png_layout(path) or (0, 0, 0, 0))[2:] != (8, 0):
        return
    found = read_map_mask(dataset, names[0], path)
    if found is None:
        return
    # the face of a kerb is where the foreground may end
    mask = np.asarray(cv2.dilate(found, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    for name in ("flat.driveable_surface", "flat.sidewalk"):
        places = np.concatenate([world[classes == category_index(name), :2] for world, classes in labelled])
        if len(places) < _MAP_LEAST:
            continue
        findings.checked("surfaces", len(places))
        _, on = on_foreground(mask, places)
        if on < _ON_MAP * len(places):
            message = f"{on} of {len(places)} lidar points of {name} in {scene.name} are on its foreground"
            findings.add("surfaces", names[0], f"{message}; want {_ON_MAP:.0%}: is the mask shifted?")
