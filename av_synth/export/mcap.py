"""MCAP, one file a run, with Foxglove's protobuf schemas: every record of every sensor, poses, boxes, events.

Source: mcap.dev, "MCAP format specification"; foxglove.dev, "Foxglove schemas". Needs the extra `av-synth[mcap]`.
Frames of reference: `world`, `ego` and one for each sensor, by its channel; cameras have OpenCV's axes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from av_synth.errors import DataError, UserError
from av_synth.export.scene import LIDAR_COLUMNS, Box, Keyframe, Record, Scene, Sensor, refuse_lenses
from av_synth.export.splits import Splits
from av_synth.geometry.lens import PLAIN
from av_synth.geometry.transforms import Array, quaternion_from_matrix
from av_synth.log.taxonomy import RADAR_POINT
from av_synth.store import Run

_CHUNK_BYTES = 4 << 20
_COLOURS = {
    "vehicle": (0.2, 0.6, 1.0, 0.4),
    "human": (1.0, 0.5, 0.1, 0.4),
    "animal": (1.0, 0.3, 0.6, 0.4),
}
_OTHER = (0.7, 0.7, 0.7, 0.4)
_TYPES = {"<f4": "FLOAT32", "|i1": "INT8", "<i2": "INT16"}

Stamped = tuple[int, str, Any]
"""Microseconds since the run's first frame, topic, message."""


def write(runs: Sequence[Path], root: Path, splits: Splits) -> None:
    """Write <run id>.mcap for each run.

    Raises:
        UserError: if the packages of `av-synth[mcap]` are not installed, or a camera has a fisheye's lens.
        DataError: if a run contradicts itself.
    """
    schemas = _Schemas()
    for directory in runs:
        scene = Scene(directory)
        refuse_lenses(scene, scene.sensors, "MCAP", PLAIN)
        _write_scene(scene, root / f"{scene.run_id}.mcap", schemas, splits.of(scene.run_id))


def check(root: Path) -> None:
    """Raise DataError unless every file can be read to its end and holds messages."""
    reader = _module("mcap.reader")
    for path in sorted(root.glob("*.mcap")):
        with path.open("rb") as file:
            summary = reader.make_reader(file).get_summary()
        if summary is None or summary.statistics is None or not summary.statistics.message_count:
            raise DataError(f"{path.name}: no messages; the disk may be full")


class _Schemas:
    """Foxglove's message classes by name."""

    def __init__(self) -> None:
        self.writer = _module("mcap_protobuf.writer").Writer
        self._classes: dict[str, Any] = {}

    def __call__(self, name: str, at_us: int | None = None, /, **fields: Any) -> Any:
        """A new message, with its time stamp if it has one."""
        if name not in self._classes:
            self._classes[name] = getattr(_module(f"foxglove_schemas_protobuf.{name}_pb2"), name)
        message = self._classes[name](**fields)
        if at_us is not None:
            message.timestamp.FromMicroseconds(at_us)
        return message


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(f"format mcap: {error}; pip install 'av-synth[mcap]'") from error


def _write_scene(scene: Scene, path: Path, schemas: _Schemas, split: str) -> None:
    with path.open("wb") as file:
        writer = schemas.writer(file, chunk_size=_CHUNK_BYTES)
        written = 0
        for time_us, topic, message in _messages(scene, schemas):
            # whole nanoseconds: an integer of microseconds since 1970 has room for them
            at_ns = scene.clock.timestamp(time_us) * 1000
            writer.write_message(topic, message, log_time=at_ns, publish_time=at_ns, sequence=written)
            written += 1
        if not written:
            raise DataError(f"run {scene.run_id}: no sensor has a record, so there is nothing to write")
        writer.add_metadata("av_synth", _told(scene.run, split))
        writer.finish()


def _told(run: Run, split: str) -> dict[str, str]:
    return {"run_id": run.run_id, "split": split} | {
        key: str(run.manifest.get(key)) for key in ("scenario", "seed", "rig")
    }


def _messages(scene: Scene, schemas: _Schemas) -> Iterator[Stamped]:
    """Everything in time order: at one time the poses, then what the sensors saw, then labels, then events."""
    events = deque(scene.run.table("events").to_pylist())
    keyframes = {keyframe.frame: keyframe for keyframe in scene.keyframes()}
    records = scene.records
    for index, record in enumerate(records):
        if index == 0 or records[index - 1].frame != record.frame:
            yield from _events(scene, schemas, events, record.time_us)
            yield from _poses(scene, schemas, record)
        yield from _seen(scene, schemas, record)
        last_of_frame = index + 1 == len(records) or records[index + 1].frame != record.frame
        if last_of_frame and record.frame in keyframes:
            yield record.time_us, "/labels/boxes", _boxes(scene, schemas, keyframes[record.frame])
    yield from _events(scene, schemas, events, None)


def _events(
    scene: Scene, schemas: _Schemas, events: deque[Mapping[str, Any]], before_us: int | None
) -> Iterator[Stamped]:
    """The events before a time, all that are left if it is None; they are taken off."""
    while events and (before_us is None or events[0]["time_us"] < before_us):
        row = events.popleft()
        text = f"{row['kind']} actor {row['actor_id']} other {row['other_id']} {row['detail']}"
        at_us = scene.clock.timestamp(row["time_us"])
        yield row["time_us"], "/events", schemas("Log", at_us, level="INFO", name=row["kind"], message=text)


def _poses(scene: Scene, schemas: _Schemas, record: Record) -> Iterator[Stamped]:
    at_us = scene.clock.timestamp(record.time_us)
    world_from_ego = scene.world_from_ego(record.frame)
    yield (
        record.time_us,
        "/ego/pose",
        schemas("PoseInFrame", at_us, frame_id="world", pose=_pose(schemas, world_from_ego)),
    )
    links = [("world", "ego", world_from_ego)]
    links += [("ego", sensor.channel, sensor.ego_from_sensor) for sensor in scene.sensors.values()]
    transforms = [
        schemas(
            "FrameTransform",
            at_us,
            parent_frame_id=parent,
            child_frame_id=child,
            translation=_vector(schemas, matrix[:3, 3]),
            rotation=_quaternion(schemas, matrix),
        )
        for parent, child, matrix in links
    ]
    yield record.time_us, "/tf", schemas("FrameTransforms", transforms=transforms)


def _seen(scene: Scene, schemas: _Schemas, record: Record) -> Iterator[Stamped]:
    sensor = scene.sensors[record.channel]
    at_us = scene.clock.timestamp(record.time_us)
    if sensor.modality == "camera":
        data = scene.run.path(record.path).read_bytes()
        image = schemas("CompressedImage", at_us, frame_id=sensor.channel, data=data, format="jpeg")
        yield record.time_us, f"/{sensor.channel}/image", image
        yield record.time_us, f"/{sensor.channel}/calibration", _calibration(schemas, sensor, at_us)
    elif sensor.modality == "lidar":
        points = scene.lidar(record)
        dtype = np.dtype([(name, "<f4") for name in LIDAR_COLUMNS])
        yield record.time_us, f"/{sensor.channel}/points", _cloud(schemas, sensor, at_us, points.tobytes(), dtype)
    else:
        data = scene.radar(record).tobytes()
        yield record.time_us, f"/{sensor.channel}/points", _cloud(schemas, sensor, at_us, data, RADAR_POINT)


def _calibration(schemas: _Schemas, sensor: Sensor, at_us: int) -> Any:
    matrix = sensor.camera_matrix
    return schemas(
        "CameraCalibration",
        at_us,
        frame_id=sensor.channel,
        width=sensor.size_px[0],
        height=sensor.size_px[1],
        distortion_model="plumb_bob",
        D=[0.0] * 5 if sensor.lens is None else list(sensor.lens.coefficients),
        K=matrix.ravel().tolist(),
        R=np.eye(3).ravel().tolist(),
        P=np.column_stack([matrix, np.zeros(3)]).ravel().tolist(),
    )


def _cloud(schemas: _Schemas, sensor: Sensor, at_us: int, data: bytes, dtype: np.dtype[Any]) -> Any:
    fields, offset = [], 0  # the records are packed
    for name in dtype.names or ():
        fields.append(schemas("PackedElementField", name=name, type=_TYPES[dtype[name].str], offset=offset))
        offset += dtype[name].itemsize
    return schemas(
        "PointCloud",
        at_us,
        frame_id=sensor.channel,
        pose=_pose(schemas, np.eye(4)),
        point_stride=dtype.itemsize,
        fields=fields,
        data=data,
    )


def _boxes(scene: Scene, schemas: _Schemas, keyframe: Keyframe) -> Any:
    """All boxes of a keyframe, in place of those of the one before."""
    at_us = scene.clock.timestamp(keyframe.time_us)
    deletion = schemas("SceneEntityDeletion", at_us, type="ALL")
    return schemas(
        "SceneUpdate", deletions=[deletion], entities=[_entity(schemas, at_us, box) for box in keyframe.boxes]
    )


def _entity(schemas: _Schemas, at_us: int, box: Box) -> Any:
    told = {
        "category": box.category,
        "attribute": box.attribute,
        "visible_fraction": f"{box.visible_fraction:.3f}",
        "num_lidar_pts": box.num_lidar_pts,
        "num_radar_pts": box.num_radar_pts,
        "velocity_mps": " ".join(f"{part:.3f}" for part in box.velocity_mps),
    }
    r, g, b, a = _COLOURS.get(box.category.split(".")[0], _OTHER)
    cube = schemas(
        "CubePrimitive",
        pose=_pose(schemas, box.world_from_box),
        size=_vector(schemas, np.array(box.size_lwh_m)),
        color=schemas("Color", r=r, g=g, b=b, a=a),
    )
    metadata = [schemas("KeyValuePair", key=key, value=str(value)) for key, value in told.items()]
    return schemas("SceneEntity", at_us, frame_id="world", id=str(box.actor_id), metadata=metadata, cubes=[cube])


def _vector(schemas: _Schemas, values: Array) -> Any:
    x, y, z = map(float, values)
    return schemas("Vector3", x=x, y=y, z=z)


def _quaternion(schemas: _Schemas, a_from_b: Array) -> Any:
    w, x, y, z = map(float, quaternion_from_matrix(a_from_b))
    return schemas("Quaternion", w=w, x=x, y=y, z=z)


def _pose(schemas: _Schemas, a_from_b: Array) -> Any:
    return schemas("Pose", position=_vector(schemas, a_from_b[:3, 3]), orientation=_quaternion(schemas, a_from_b))
