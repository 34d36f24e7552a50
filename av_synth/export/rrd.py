"""Rerun's .rrd, one file a run: every record of every sensor, poses, boxes, metrics over time, events.

Source: rerun.io/docs, "Archetypes"; ref.rerun.io, "Python APIs". Needs the extra `av-synth[rerun]`. Written column by
column, because what is logged row by row gets the clock's time. Entities are a tree of frames of reference: `world`,
`world/ego`, `world/ego/<CHANNEL>`; cameras have OpenCV's axes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError, UserError
from av_synth.export.rows import pose_of
from av_synth.export.rrd_bytes import START_BYTES, Steady
from av_synth.export.scene import Record, Scene, Sensor, refuse_lenses
from av_synth.export.splits import Splits
from av_synth.geometry.transforms import Array, quaternion_from_matrix
from av_synth.log.taxonomy import CATEGORIES

_VERSION = "0.23."
_WORLD, _EGO = "world", "world/ego"
_CLASSES = {name: index for index, (name, _) in enumerate(CATEGORIES)}
_RADAR_RADIUS_M = 0.25

Columns = tuple[str, Sequence[tuple[int, int]], Any]
"""Entity, (frame, microseconds since the run's first frame) of each row, the rows of components."""


def write(runs: Sequence[Path], root: Path, splits: Splits) -> None:
    """Write <run id>.rrd for each run.

    Raises:
        UserError: if the package of `av-synth[rerun]` is not installed, or switched off, or a camera has a lens.
        DataError: if a run contradicts itself.
    """
    rerun = _rerun()
    strict = rerun.error_utils.strict_mode()
    rerun.set_strict_mode(True)  # else a mistake is a warning, and its data is left out
    try:
        for directory in runs:
            scene = Scene(directory)
            refuse_lenses(scene, scene.sensors, "Rerun's Pinhole")
            _write_scene(scene, root / f"{scene.run_id}.rrd", rerun, splits.of(scene.run_id))
    finally:
        rerun.set_strict_mode(strict)


def check(root: Path) -> None:
    """Raise DataError unless every file is one recording that holds data."""
    for path in sorted(root.glob("*.rrd")):
        try:
            recording = _rerun().dataframe.load_recording(path)
        except (RuntimeError, ValueError) as error:
            raise DataError(f"{path.name}: {error}; the disk may be full") from error
        if not recording.schema().component_columns():
            raise DataError(f"{path.name}: no data; the disk may be full")


def _rerun() -> Any:
    try:
        rerun = import_module("rerun")
    except ImportError as error:
        raise UserError(f"format rrd: {error}; pip install 'av-synth[rerun]'") from error
    if not rerun.__version__.startswith(_VERSION):
        found = f"rerun-sdk {rerun.__version__} is installed; want {_VERSION}*, whose files later ones read"
        raise UserError(f"format rrd: {found}; pip install 'av-synth[rerun]'")
    return rerun


def _write_scene(scene: Scene, path: Path, rerun: Any, split: str) -> None:
    if not scene.records:
        raise DataError(f"run {scene.run_id}: no sensor has a record, so there is nothing to write")
    recording = rerun.RecordingStream("av_synth", recording_id=scene.run_id, send_properties=False)
    if not rerun.is_enabled(recording):
        raise UserError("format rrd: the environment variable RERUN switches rerun-sdk off; unset it")
    stream, steady = recording.binary_stream(), Steady()
    with path.open("wb") as file:
        for number, _ in enumerate(_sent(scene, rerun, recording, split)):
            messages = stream.read()
            file.write((b"" if number else messages[:START_BYTES]) + steady(messages))
    recording.disconnect()


def _sent(scene: Scene, rerun: Any, recording: Any, split: str) -> Iterator[None]:
    """Send everything, and stop after each piece, so that it can be taken away."""
    yield recording.send_recording_name(f"{scene.run.manifest.get('scenario')} {scene.run_id}")
    yield recording.send_recording_start_time_nanos(scene.clock.timestamp(0) * 1000)
    told = {key: str(scene.run.manifest.get(key)) for key in ("scenario", "seed", "rig")}
    yield recording.send_property("av_synth", rerun.AnyValues(run_id=scene.run_id, split=split, **told))
    for entity, archetype in _fixed(scene, rerun):
        yield recording.log(entity, archetype, static=True)
    for entity, rows, columns in _columns(scene, rerun):
        frames, times_us = np.array(rows, dtype=np.int64).T
        times = rerun.TimeColumn("sim_time", duration=times_us.astype("timedelta64[us]"))
        yield recording.send_columns(entity, [times, rerun.TimeColumn("frame", sequence=frames)], columns)


def _fixed(scene: Scene, rerun: Any) -> Iterator[tuple[str, Any]]:
    """What holds at all times: axes, names of classes, where sensors sit, intrinsics."""
    yield _WORLD, rerun.ViewCoordinates.RIGHT_HAND_Z_UP
    yield _WORLD, rerun.AnnotationContext([(index, name) for name, index in _CLASSES.items()])
    for sensor in scene.sensors.values():
        entity = f"{_EGO}/{sensor.channel}"
        translation, rotation = _pose(sensor.ego_from_sensor)
        yield entity, rerun.Transform3D(translation=translation, quaternion=rotation)
        if sensor.modality == "camera":
            matrix = sensor.camera_matrix
            matrix[:2, 2] += 0.5  # theirs are 0 at the image's corner: their default centre is half of its size
            yield entity, rerun.Pinhole(image_from_camera=matrix, resolution=sensor.size_px)
        elif sensor.modality == "radar":
            yield entity, rerun.Points3D.from_fields(radii=_RADAR_RADIUS_M)


def _columns(scene: Scene, rerun: Any) -> Iterator[Columns]:
    yield from _ego(scene, rerun)
    for record in scene.records:
        yield from _seen(scene, rerun, record, scene.sensors[record.channel])
    yield from _boxes(scene, rerun)
    yield from _metrics(scene, rerun)
    yield from _events(scene, rerun)


def _ego(scene: Scene, rerun: Any) -> Iterator[Columns]:
    poses = scene.run.table("ego_poses").to_pylist()
    rows = [(row["frame"], row["time_us"]) for row in poses]
    translations, rotations = zip(*(_pose(pose_of(row)) for row in poses), strict=True)
    yield _EGO, rows, rerun.Transform3D.columns(translation=np.array(translations), quaternion=np.array(rotations))
    speeds = [float(np.linalg.norm([row[f"v{axis}_mps"] for axis in "xyz"])) for row in poses]
    yield "metrics/speed_mps/ego", rows, rerun.Scalars.columns(scalars=speeds)


def _seen(scene: Scene, rerun: Any, record: Record, sensor: Sensor) -> Iterator[Columns]:
    entity, rows = f"{_EGO}/{record.channel}", [(record.frame, record.time_us)]
    if sensor.modality == "camera":
        data = scene.run.path(record.path).read_bytes()
        yield entity, rows, rerun.EncodedImage.columns(blob=[data], media_type=["image/jpeg"])
    elif sensor.modality == "lidar":
        points = scene.lidar(record)
        cloud = rerun.Points3D.columns(positions=points[:, :3], colors=_colours(points[:, 3]))
        classes = _point_classes(scene, record, len(points))
        # written where there are none, too: else those of the keyframe before would hold for other points
        classed = rerun.Points3D.columns(class_ids=classes)
        yield entity, rows, [*cloud.partition([len(points)]), *classed.partition([len(classes)])]
    else:
        returns = scene.radar(record)
        places = np.column_stack([returns[axis] for axis in "xyz"])
        speeds = np.column_stack([returns["vx_comp"], returns["vy_comp"], np.zeros(len(returns), np.float32)])
        yield entity, rows, rerun.Points3D.columns(positions=places).partition([len(returns)])
        arrows = rerun.Arrows3D.columns(origins=places, vectors=speeds).partition([len(returns)])
        yield f"{entity}/velocity", rows, arrows


def _point_classes(scene: Scene, record: Record, points: int) -> npt.NDArray[np.uint8]:
    """Category index of each point of a keyframe; of a sweep, or of a run that has no such labels, none."""
    path = f"lidarseg/{record.channel}/{record.frame:06d}.bin"
    if path not in scene.run.files:
        return np.zeros(0, np.uint8)
    classes = np.fromfile(scene.run.path(path), dtype=np.uint8)
    if len(classes) != points:
        raise DataError(f"run {scene.run_id}: {path}: {len(classes)} labels of {points} points")
    return classes


def _colours(intensity: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """RGB (N, 3) of intensities (N,), 0 to 255."""
    values = np.clip(np.round(intensity), 0, 255).astype(np.uint8)
    table = np.asarray(cv2.applyColorMap(np.arange(256, dtype=np.uint8), cv2.COLORMAP_TURBO), dtype=np.uint8)
    return table.reshape(256, 3)[values, ::-1]


def _boxes(scene: Scene, rerun: Any) -> Iterator[Columns]:
    """All boxes of a keyframe, in place of those of the one before."""
    keyframes = list(scene.keyframes())
    boxes = [box for keyframe in keyframes for box in keyframe.boxes]
    if not boxes:
        return
    centres, rotations = zip(*(_pose(box.world_from_box) for box in boxes), strict=True)
    columns = rerun.Boxes3D.columns(
        half_sizes=np.array([box.size_lwh_m for box in boxes]) / 2,
        centers=np.array(centres),
        quaternions=np.array(rotations),
        labels=[f"{box.category} {box.actor_id}" for box in boxes],
        class_ids=[_CLASSES[box.category] for box in boxes],
    )
    rows = [(keyframe.frame, keyframe.time_us) for keyframe in keyframes]
    yield "world/boxes", rows, columns.partition([len(keyframe.boxes) for keyframe in keyframes])


def _metrics(scene: Scene, rerun: Any) -> Iterator[Columns]:
    """A metric of two actors is an entity, `metrics/<metric>/<actor>_<other>`."""
    series: dict[str, list[tuple[int, int, float]]] = {}
    for row in scene.run.table("metrics").to_pylist():
        entity = f"metrics/{row['metric']}/{row['actor_id']}_{row['other_id']}"
        series.setdefault(entity, []).append((row["frame"], row["time_us"], row["value"]))
    for entity, values in sorted(series.items()):
        yield entity, [value[:2] for value in values], rerun.Scalars.columns(scalars=[value[2] for value in values])


def _events(scene: Scene, rerun: Any) -> Iterator[Columns]:
    events = scene.run.table("events").to_pylist()
    if not events:
        return
    texts = [f"{row['kind']} actor {row['actor_id']} other {row['other_id']} {row['detail']}" for row in events]
    rows = [(row["frame"], row["time_us"]) for row in events]
    yield "events", rows, rerun.TextLog.columns(text=texts, level=["INFO"] * len(events))


def _pose(a_from_b: Array) -> tuple[Array, Array]:
    """Translation (3,) and quaternion (4,), x y z w."""
    return a_from_b[:3, 3], np.roll(quaternion_from_matrix(a_from_b), -1)
