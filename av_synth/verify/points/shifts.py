"""Boxes that are shifted, told by boxes and lidar points alone: all that plain nuScenes has.

Only the parts of boxes above their feet are looked at, where no ground or kerb is near. Nothing here knows which points
are a thing's own: what is told has to hold for many boxes, or in every sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, inverse, move
from av_synth.verify.points.counts import SamplePoints, above_foot, annotation_place, inside_box, near_box
from av_synth.verify.reading.model import Annotation, Scene
from av_synth.verify.reading.nuscenes_names import attribute_family

_MOVED_M = 1.0  # from sample to sample, for boxes of two samples to hold different points
_MOST, _LEAST, _BETTER = 50, 60, 2.0  # points counted of one box, in all, and how many times more another sample has
_NEAR_M, _FAR_M = 0.1, 0.5  # out of a box: between them is air, and in a shifted dataset the vehicle
_SHELL_POINTS, _SHELL_SHARE = 50, 0.06  # in and around a vehicle's boxes; 1 of 500 vehicles of 25 scenes has 0.08
_SHELL_VEHICLES, _SHELL_PART = 3, 0.25  # of the vehicles of a scene
_PARKED, _PARKED_SAMPLES, _TOGETHER_M = 4, 3, 0.2  # labels by hand tremble by less; those of av_synth do not at all
_SIDE_POINTS, _SIDE_SAMPLES, _SIDE_M = 12, 3, 0.3  # mirrors keep a flank up to 0.21 m inside its box
_SIDE_OFF_M = 1.0  # the lidar is so far beside a box whose flank it sees
_FLANK = 0.98  # of the points are not further out than the flank
_FLANK_LONG, _FLANK_HIGH = 0.8, 0.8  # of a box: noses and tails are round, and roofs are narrow

Clouds = Mapping[str, SamplePoints]
Track = Sequence[tuple[int, Annotation]]


def check_shifts(scene: Scene, clouds: Clouds, findings: Findings) -> None:
    """Judge the boxes of a scene by the lidar points of its samples."""
    families = {token: attribute_family(track[0][1].category) for token, track in scene.tracks.items()}
    _check_late(scene, [scene.tracks[token] for token, family in families.items() if family], clouds, findings)
    tracks = [scene.tracks[token] for token, family in families.items() if family == "vehicle"]
    _check_shells(scene, tracks, clouds, findings)
    _check_parked(scene, tracks, findings)
    for track in tracks:
        _check_sides(scene, track, clouds, findings)


def _upper(world: Array, annotation: Annotation, reach_m: float = 0.0) -> Array:
    """The points (N, 3) around a box that are above its foot and not above it, in the box's frame."""
    _, local = near_box(world, annotation, reach_m)
    return np.asarray(local[above_foot(local, annotation) & (local[:, 2] <= annotation.size_wlh_m[2] / 2)])


def _check_late(scene: Scene, tracks: Sequence[Track], clouds: Clouds, findings: Findings) -> None:
    """What moves is in its box of the very sample, not in that of the sample before or after."""
    counts, boxes = np.zeros(3), 0
    for track in tracks:
        for three in zip(track, track[1:], track[2:], strict=False):
            found = [annotation for _, annotation in three]
            places = [np.array(annotation.translation) for annotation in found]
            cloud = clouds.get(found[1].sample_token)
            if cloud is None or min(np.linalg.norm(places[1] - places[k]) for k in (0, 2)) < _MOVED_M:
                continue
            boxes += 1
            counts += [min(_MOST, int(inside_box(_upper(cloud.world, a), a, 0.0).sum())) for a in found]
    if counts.max() < _LEAST:
        return
    findings.checked("box_points", boxes)
    for place, word in ((2, "late"), (0, "early")):
        if counts[place] == counts.max() and counts[place] > _BETTER * counts[1]:
            message = f"annotations are one sample {word}: {counts[place]:.0f} lidar points are in what moves if its"
            other = "after" if word == "late" else "before"
            message = f"{message} boxes are those of the sample {other}, {counts[1]:.0f} as they are"
            findings.add("box_points", f"sample_annotation.json ({scene.name})", message)


def _check_shells(scene: Scene, tracks: Sequence[Track], clouds: Clouds, findings: Findings) -> None:
    """Around the boxes of vehicles is air."""
    shares: list[float] = []
    for track in tracks:
        own = around = 0
        for _, annotation in track:
            cloud = clouds.get(annotation.sample_token)
            if cloud is not None:
                local = _upper(cloud.world, annotation, _FAR_M)
                own += int(inside_box(local, annotation, 0.0).sum())
                outer = inside_box(local, annotation, _FAR_M) & ~inside_box(local, annotation, _NEAR_M)
                around += int(outer.sum())
        if own + around >= _SHELL_POINTS:
            shares.append(around / (own + around))
    findings.checked("box_points", len(shares))
    wrong = sum(share > _SHELL_SHARE for share in shares)
    if wrong >= max(_SHELL_VEHICLES, _SHELL_PART * len(shares)):
        message = f"lidar points are {_NEAR_M:g} to {_FAR_M:g} m out of the boxes of {wrong} of {len(shares)} vehicles"
        wanted = "are boxes shifted, or put into the world with the ego pose of another instant?"
        findings.add("box_points", f"sample_annotation.json ({scene.name})", f"{message}; {wanted}")


def _check_parked(scene: Scene, tracks: Sequence[Track], findings: Findings) -> None:
    """What is parked does not move, all together."""
    spreads = [
        float(np.ptp([annotation.translation[:2] for _, annotation in track], axis=0).max())
        for track in tracks
        if len(track) >= _PARKED_SAMPLES and all(a.attributes == ("vehicle.parked",) for _, a in track)
    ]
    if len(spreads) < _PARKED:
        return
    findings.checked("attributes", len(spreads))
    middle_m = float(np.median(spreads))
    if middle_m > _TOGETHER_M:
        message = f"the boxes of {len(spreads)} parked vehicles move by {middle_m:.2f} m (median) in the scene"
        wanted = "want them at rest: are they put into the world with the ego pose of another instant?"
        findings.add("attributes", f"sample_annotation.json ({scene.name})", f"{message}; {wanted}")


def _check_sides(scene: Scene, track: Track, clouds: Clouds, findings: Findings) -> None:
    """The flank that the lidar sees is at the side of the box."""
    gaps = list(_side_gaps(track, clouds))
    if len(gaps) < _SIDE_SAMPLES:
        return
    findings.checked("box_points")
    if min(gaps) > _SIDE_M:
        message = f"its side is {min(gaps):.2f} m or more inside its box in {len(gaps)} samples"
        place = annotation_place(scene, track[0][1])
        findings.add("box_points", place, f"{message}; want under {_SIDE_M:g} m: is the box aside, or too wide?")


def _side_gaps(track: Track, clouds: Clouds) -> Iterator[float]:
    for _, annotation in track:
        cloud, width = clouds.get(annotation.sample_token), annotation.size_wlh_m[0]
        if cloud is None:
            continue
        lidar = move(inverse(annotation.world_from_box), cloud.lidar[None])[0]
        if abs(lidar[1]) < width / 2 + _SIDE_OFF_M:
            continue
        local = _upper(cloud.world, annotation)
        local = _through_flank(local[inside_box(local, annotation, 0.0)], lidar, annotation)
        if len(local) >= _SIDE_POINTS:
            yield width / 2 - float(np.quantile(local[:, 1] * np.sign(lidar[1]), _FLANK))


def _through_flank(local: Array, lidar: Array, annotation: Annotation) -> Array:
    """The points (N, 3) in a box that are seen through the middle of the flank that looks at the lidar.

    They are on the flank if that is where the box has it. What is seen past the nose or over the roof does not tell:
    another vehicle beside it may hide the flank.
    """
    width, length, height = annotation.size_wlh_m
    to_flank = abs(lidar[1]) - width / 2
    share = to_flank / (abs(lidar[1]) - local[:, 1] * np.sign(lidar[1]))
    across = lidar + share[:, None] * (local - lidar)
    middle = np.abs(across[:, 0]) <= _FLANK_LONG * length / 2
    return np.asarray(local[middle & (across[:, 2] <= (_FLANK_HIGH - 0.5) * height)])
