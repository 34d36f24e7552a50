"""Points against boxes: recounts at every sample, boxes on the ground, radar speeds of what stands still."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings, Place
from av_synth.verify.maths import Array, inverse, move
from av_synth.verify.reading.clouds import Sweep
from av_synth.verify.reading.model import Annotation, Data, Sample, Scene
from av_synth.verify.reading.nuscenes_names import category_index

_COUNT_MARGIN_M = 0.0002  # float32 is off by 4e-6 m at 100 m in the lidar frame, by 3e-5 m at 500 m in the world
_GROUND_REACH_M = 1.5
_GROUND_POINTS, _GROUND_STRAYS = 15, 3  # so many of the lowest points may be stray reflections
_GROUND_RANGE_M = 15.0
_GROUND_GAP_M = (-0.3, 0.5)  # kerbs are 0.12 m and slopes tilt the ground under a box; half a car is 0.75 m
_SUNK_M, _SUNK_BOXES = -0.12, 5  # of the middle box of a scene, where slopes and kerbs only lower the ground
_RADAR_POINTS = 30
_RADAR_KINDS, _RADAR_MIXED = 50, 0.5  # returns of a kind, and the part of them that dyn_prop may call another
_RESTING_MPS, _MOVING_MPS = 0.3, 2.0
_RADAR_SPEED_MPS = 1.0  # of the median point: radars are good to 0.1 m/s, poses 0.1 s apart to less


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


def check_ground(scene: Scene, points: Mapping[str, SamplePoints], findings: Findings) -> None:
    """Over its samples, the middle gap between an instance's box and the ground that the lidar sees around it is small.

    A box whose translation is at its foot instead of its centre is off by half its height. Only boxes near the lidar
    are judged: further away the ground between two beams, or behind parked cars, is not seen at all.
    """
    gaps: dict[str, list[float]] = defaultdict(list)
    for sample_token, cloud in points.items():
        free = cloud.world[cloud.owner < 0]
        for annotation in scene.annotations.get(sample_token, ()):
            away_m = float(np.hypot(*np.subtract(annotation.translation, cloud.lidar)[:2]))
            if away_m > _GROUND_RANGE_M or not annotation.upright:
                continue
            _, local = near_box(free, annotation, _GROUND_REACH_M)
            width, length, height = annotation.size_wlh_m
            reach = np.array([length, width]) / 2.0 + _GROUND_REACH_M
            # trees above and roofs beside it are not its ground, even where nothing lower is seen
            low = (local[:, 2] > -height / 2.0 - _GROUND_REACH_M) & (local[:, 2] < height / 4.0)
            around = np.sort(local[low & (np.abs(local[:, :2]) <= reach).all(axis=1), 2])
            if len(around) >= _GROUND_POINTS:
                gaps[annotation.instance_token].append(-height / 2.0 - float(around[_GROUND_STRAYS]))
    middle = float(np.median([np.median(found) for found in gaps.values()])) if len(gaps) >= _SUNK_BOXES else 0.0
    if middle < _SUNK_M:
        message = f"boxes are sunk into the ground around them, {middle:+.2f} m (median of {len(gaps)} things)"
        wanted = "want the centre half the height above the ground"
        findings.add("ground", f"sample_annotation.json ({scene.name})", f"{message}; {wanted}")
    for token, found in gaps.items():
        findings.checked("ground")
        gap = float(np.median(found))
        if not _GROUND_GAP_M[0] <= gap <= _GROUND_GAP_M[1]:
            annotation = scene.tracks[token][0][1]
            where = f"instance.json token={token} ({scene.name}, {annotation.category})"
            message = f"the bottom of its box is {gap:+.2f} m from the ground around it, over {len(found)} samples"
            findings.add("ground", where, f"{message}; want the box's centre half its height above the ground")


def radar_speed_errors(
    data: Data, neighbours: tuple[Data, Data], records: npt.NDArray[np.void], boxes: Iterable[Annotation]
) -> tuple[Array, Array]:
    """How wrong the speeds of returns outside all boxes are, if what they come from stands still.

    Args:
        data: the scan's row.
        neighbours: the rows before and after it in its chain, for the radar's own velocity.
        records: the scan.
        boxes: annotations whose returns are left out, with 0.5 m around them.

    Returns:
        Per return, m/s: the error of the relative radial speed, and the length of the compensated velocity.
    """
    points = xyz(records)
    world = move(data.world_from_sensor, points)
    keep = np.ones(len(points), dtype=np.bool_)
    for annotation in boxes:
        near, local = near_box(world, annotation, 0.5)
        keep[near[inside_room(local, annotation, 0.5)]] = False
    before, after = neighbours
    seconds = (after.timestamp_us - before.timestamp_us) / 1e6
    moved = after.world_from_sensor[:3, 3] - before.world_from_sensor[:3, 3]
    own = data.world_from_sensor[:3, :3].T @ (moved / seconds)
    flat = points[keep, :2]
    towards = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    relative = np.stack([records["vx"], records["vy"]], axis=1)[keep].astype(np.float64)
    compensated = np.stack([records["vx_comp"], records["vy_comp"]], axis=1)[keep].astype(np.float64)
    radial = np.sum(relative * towards, axis=1)
    # the ego's motion is taken away by where the radar is believed to look
    believed = data.as_told.world_from_sensor[:3, :3].T @ (moved / seconds)
    left_over = towards * (towards @ (believed - own)[:2])[:, None]
    return np.abs(radial + towards @ own[:2]), np.linalg.norm(compensated - left_over, axis=1)


def check_radar_speeds(scene: Scene, channel: str, relative: Array, compensated: Array, findings: Findings) -> None:
    """Over a scene, the middle return of a radar from what stands still has the speed that the ego gives it."""
    if len(relative) < _RADAR_POINTS:
        return
    findings.checked("radar_velocity", len(relative))
    for name, errors in (("vx, vy", relative), ("vx_comp, vy_comp", compensated)):
        middle = float(np.median(errors))
        if middle > _RADAR_SPEED_MPS:
            message = f"{name} of {len(errors)} returns outside boxes are off by {middle:.2f} m/s (median)"
            wanted = "want relative speeds, positive going away, and compensated ones without the ego's motion"
            findings.add("radar_velocity", f"{channel} of {scene.name}", f"{message}; {wanted}")


def check_radar_kinds(scene: Scene, channel: str, scans: Sequence[npt.NDArray[np.void]], findings: Findings) -> None:
    """Over a scene, dyn_prop calls most of what rests stationary and most of what moves moving.

    Source of the numbers: nuScenes' schema, 0 moving, 1 stationary, 2 oncoming, 6 crossing moving.
    """
    records = np.concatenate(scans)
    records = records[(records["invalid_state"] == 0) & (records["ambig_state"] == 3)]  # what the devkit keeps
    speed = np.hypot(records["vx_comp"], records["vy_comp"])
    for name, chosen, wrong, wanted in (
        (f"slower than {_RESTING_MPS:g} m/s", speed < _RESTING_MPS, (0, 2, 6), "stationary (1, or 3, 5, 7)"),
        (f"faster than {_MOVING_MPS:g} m/s", speed > _MOVING_MPS, (1,), "moving (0, 2 or 6)"),
    ):
        kinds = records["dyn_prop"][chosen]
        if len(kinds) < _RADAR_KINDS:
            continue
        findings.checked("radar_velocity", len(kinds))
        n = int(np.isin(kinds, wrong).sum())
        if n > _RADAR_MIXED * len(kinds):
            message = (
                f"dyn_prop of {n} of {len(kinds)} returns {name} (compensated) is {int(np.bincount(kinds).argmax())}"
            )
            findings.add("radar_velocity", f"{channel} of {scene.name}", f"{message}; want {wanted}")
