"""What the lidars saw: turns, thinned to a bound, and what of it stands still, gathered over the run.

A turn is of all lidars that measured at one frame, in the ego's axes of then. Classes are those of the run's labels,
which it has at keyframes only; elsewhere they are UNKNOWN, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.export.scene import Record, Scene
from av_synth.geometry.boxes import points_inside
from av_synth.geometry.transforms import Array, apply
from av_synth.log.taxonomy import CATEGORIES
from av_synth.report.viewer.bodies import Bodies, Log
from av_synth.report.viewer.pack import Pack

UNKNOWN = 255
_BYTES_PER_POINT = 8
_CM = 0.01
_FARTHEST_M = 320.0  # a signed 16-bit number of centimetres
_FEWEST = 6_000  # points of a turn, before turns between keyframes are left out
_MOST = 16_000
_APART_US = 100_000
_STRUCTURE_POINTS = 120_000
_VOXEL_M, _GROUND_VOXEL_M = 0.25, 0.9
_NAMES = tuple(name for name, _ in CATEGORIES)
_EGO = _NAMES.index("vehicle.ego")
_NOISE = _NAMES.index("noise")
_STANDING = frozenset(k for k, name in enumerate(_NAMES) if name.startswith(("static.", "static_object.")))
# the lanes are drawn from the map
_GROUND = frozenset({_NAMES.index("flat.terrain"), _NAMES.index("flat.other")})


@dataclass(frozen=True)
class _Turn:
    """Points (N, 3) in the ego's axes, intensity 0 to 255, class, and whether any label ties each to an actor."""

    points: npt.NDArray[np.float32]
    intensity: npt.NDArray[np.uint8]
    category: npt.NDArray[np.uint8]
    of_actor: npt.NDArray[np.bool_]


def add_structure(pack: Pack, scene: Scene, log: Log, origin: Array) -> None:
    """Add what the labelled turns saw of what belongs to no actor, one point a voxel, as metres from `origin`."""
    places, kinds = [np.empty((0, 3))], [np.empty(0, dtype=np.uint8)]
    for frame, records in _by_frame(scene).items():
        if any(record.is_keyframe for record in records):
            turn = _read(scene, records, log.at(frame))
            kept = np.isin(turn.category, [*_STANDING, *_GROUND]) & ~turn.of_actor
            places.append(apply(scene.world_from_ego(frame), turn.points[kept]) - origin)
            kinds.append(turn.category[kept])
    points, category = np.concatenate(places), np.concatenate(kinds)
    ground = np.isin(category, list(_GROUND))
    coarser = 1.0
    first = _one_a_voxel(points, ground, coarser)
    while len(first) > _STRUCTURE_POINTS:
        coarser *= 1.25
        first = _one_a_voxel(points, ground, coarser)
    points, category = points[first], category[first]
    unit_m = max(_CM, float(np.abs(points).max(initial=0.0)) / 32_000.0)
    pack.add("structure", np.round(points / unit_m).astype(np.int16))
    pack.add("structure_kinds", category)
    pack.about["structureUnit"] = unit_m


def _one_a_voxel(points: Array, ground: npt.NDArray[np.bool_], coarser: float) -> npt.NDArray[np.intp]:
    """Indices of the first point in each voxel; those of the ground are larger."""
    sides = np.where(ground, _GROUND_VOXEL_M, _VOXEL_M)[:, None] * coarser
    cells = np.floor(points / sides).astype(np.int64) + (1 << 19)
    key = ((cells[:, 0] << 40) | (cells[:, 1] << 20) | cells[:, 2]) * 2 + ground
    return np.sort(np.unique(key, return_index=True)[1])


def add_turns(pack: Pack, scene: Scene, log: Log, most_bytes: int) -> None:
    """Add turns until `most_bytes` (uncompressed) are full: every keyframe, others evenly; points on actors first.

    Args:
        pack: where to.
        scene: the run.
        log: who is where.
        most_bytes: may be too few for all of a keyframe's points.
    """
    by_frame = _by_frame(scene)
    most = max(0, most_bytes // _BYTES_PER_POINT)
    chosen = _chosen(by_frame, most // _FEWEST)
    each = min(most // max(1, len(chosen)), _MOST)
    rows: list[npt.NDArray[np.int16]] = [np.empty((0, 3), dtype=np.int16)]
    intensity, category = [np.empty(0, dtype=np.uint8)], [np.empty(0, dtype=np.uint8)]
    seen: list[int] = []
    for frame in chosen:
        bodies = log.at(frame)
        turn = _read(scene, by_frame[frame], bodies)
        kept = _thinned(turn, bodies, each)
        rows.append(np.round(turn.points[kept] / _CM).astype(np.int16))
        intensity.append(turn.intensity[kept])
        category.append(turn.category[kept])
        seen.append(len(turn.points))
    pack.add("lidar_points", np.concatenate(rows))
    pack.add("lidar_intensity", np.concatenate(intensity))
    pack.add("lidar_kinds", np.concatenate(category))
    pack.about["turns"] = [
        {"frame": frame, "count": len(kept), "seen": all_, "key": any(r.is_keyframe for r in by_frame[frame])}
        for frame, kept, all_ in zip(chosen, rows[1:], seen, strict=True)
    ]


def _by_frame(scene: Scene) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {}
    for record in scene.records:
        if scene.sensors[record.channel].modality == "lidar":
            found.setdefault(record.frame, []).append(record)
    return found


def _chosen(by_frame: Mapping[int, Sequence[Record]], most: int) -> list[int]:
    """Frames: keyframes, fewer if there is no room for all, and as many others between them as there is room for."""
    keys = [frame for frame, records in by_frame.items() if any(record.is_keyframe for record in records)]
    if len(keys) >= most:
        step = -(-len(keys) // max(1, most))
        return keys[::step]
    others: list[int] = []
    due_us = 0
    for frame, (first, *_) in by_frame.items():
        if first.is_keyframe or first.time_us >= due_us:
            due_us = first.time_us + _APART_US
            others += [] if first.is_keyframe else [frame]
    step = -(-len(others) // (most - len(keys)))
    return sorted({*keys, *others[:: max(1, step)]})


def _thinned(turn: _Turn, bodies: Bodies, most: int) -> npt.NDArray[np.intp]:
    """Indices of at most so many points: first those on actors, then of the others every so many."""
    if len(turn.points) <= most:
        return np.arange(len(turn.points))
    on_actor = turn.of_actor.copy()
    for ego_from_box, size in bodies.others:
        on_actor |= points_inside(ego_from_box, size, turn.points)
    first, others = np.flatnonzero(on_actor), np.flatnonzero(~on_actor)
    if len(first) > most:
        return _every(first, most)
    return np.sort(np.concatenate([first, _every(others, most - len(first))]))


def _every(indices: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).astype(np.intp)] if most else indices[:0]


def _read(scene: Scene, records: Sequence[Record], bodies: Bodies) -> _Turn:
    """The points of lidars at one frame, without those that met nothing or the ego's own body."""
    parts = [_one(scene, record, bodies) for record in records]
    return _Turn(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Turn.__dataclass_fields__))


def _one(scene: Scene, record: Record, bodies: Bodies) -> _Turn:
    values = scene.lidar(record)
    points = apply(scene.sensors[record.channel].ego_from_sensor, values[:, :3]).astype(np.float32)
    name = f"{record.channel}/{record.frame:06d}.bin"
    category = _labels(scene, f"lidarseg/{name}", np.uint8, len(values), UNKNOWN).astype(np.uint8)
    actor = _labels(scene, f"lidar_actors/{name}", np.dtype("<u4"), len(values), 0)
    good = np.isfinite(points).all(axis=1) & (np.abs(points) < _FARTHEST_M).all(axis=1)
    good &= ~np.isin(category, (_EGO, _NOISE))
    if bodies.own is not None:  # where there are no classes
        good &= ~points_inside(*bodies.own, points)
    intensity = np.clip(np.round(values[:, 3]), 0, 255).astype(np.uint8)
    return _Turn(points[good], intensity[good], category[good], (actor != 0)[good])


def _labels(scene: Scene, path: str, kind: npt.DTypeLike, count: int, nothing: int) -> npt.NDArray[np.integer]:
    """One label a point from a file of the run, `nothing` for all of them where it has no such file."""
    if path not in scene.run.files:
        return np.full(count, nothing, dtype=kind)
    values = np.fromfile(scene.run.path(path), dtype=kind)
    if len(values) != count:
        raise DataError(f"run {scene.run_id}: {path}: {len(values)} labels of {count} points")
    return values
