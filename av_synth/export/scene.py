"""What the writers of formats read of a run: sensors, records, poses, keyframes with boxes, masks; with every check."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError, UserError
from av_synth.export.rows import lenses_of, pose_of
from av_synth.export.run_clock import RunClock
from av_synth.geometry.cameras import project
from av_synth.geometry.lens import Lens
from av_synth.geometry.transforms import Array
from av_synth.log.taxonomy import RADAR_POINT, channel_order
from av_synth.store import Run, open_run

LIDAR_COLUMNS = ("x", "y", "z", "intensity", "ring")

# of nuScenes' .pcd: source nuscenes-devkit 1.2.0, utils/data_classes.py
_RADAR_HEADER_LINES = 11


@dataclass(frozen=True)
class Sensor:
    """A sensor and where it sits; the sizes and intrinsics of what is no camera are 0.

    Attributes:
        channel: such as CAM_FRONT.
        modality: camera, lidar or radar.
        ego_from_sensor: (4, 4).
        size_px: width, height.
        intrinsics_px: fx, fy, cx, cy; integer coordinates are pixel centres.
        lens: what bends its images; None for a pinhole.
    """

    channel: str
    modality: str
    ego_from_sensor: Array
    size_px: tuple[int, int]
    intrinsics_px: tuple[float, float, float, float]
    lens: Lens | None = None

    @property
    def camera_matrix(self) -> Array:
        """(3, 3), of OpenCV's axes."""
        fx, fy, cx, cy = self.intrinsics_px
        return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])

    def project(self, points_camera: Array) -> tuple[Array, Array]:
        """Pixels (N, 2) and depths (N,) of points (N, 3) in the camera's axes; those of points behind it are void."""
        return project(points_camera, *self.intrinsics_px, self.lens)


@dataclass(frozen=True)
class Record:
    """One measurement: frame, microseconds since the run's first frame, and its file, relative to the run."""

    channel: str
    frame: int
    time_us: int
    is_keyframe: bool
    path: str


@dataclass(frozen=True)
class Box:
    """A labelled actor at a keyframe: a row of the run's table `boxes`.

    Attributes:
        visibility: nuScenes' level, 1 to 4; 0 for what is in no camera's field of view.
        world_from_box: (4, 4); the origin is the centre of the box, x its heading.
        size_lwh_m: length, width, height.
        velocity_mps: (3,), world axes.
    """

    actor_id: int
    category: str
    attribute: str
    visibility: int
    visible_fraction: float
    world_from_box: Array
    size_lwh_m: tuple[float, float, float]
    velocity_mps: tuple[float, float, float]
    num_lidar_pts: int
    num_radar_pts: int


@dataclass(frozen=True)
class Keyframe:
    """What is labelled: one record of each channel, and every box, hidden ones too."""

    frame: int
    time_us: int
    world_from_ego: Array
    records: Mapping[str, Record]
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Mask:
    """The pixels of an image that show one actor.

    Attributes:
        actor_id: 0 for pixels that nothing ties to one.
        ambiguous: the tie is not certain.
        pixels: (H, W) bool.
    """

    actor_id: int
    ambiguous: bool
    pixels: npt.NDArray[np.bool_]


class Scene:
    """A committed run, read on demand."""

    def __init__(self, directory: Path) -> None:
        self.run: Run = open_run(directory)
        self.run_id = self.run.run_id
        self.clock = RunClock(self.run_id)

    @cached_property
    def sensors(self) -> Mapping[str, Sensor]:
        """Sensors by channel, in nuScenes' order."""
        lenses = lenses_of(self.run)
        rows = sorted(self.run.table("sensors").to_pylist(), key=lambda row: channel_order(row["channel"]))
        return {
            row["channel"]: Sensor(
                row["channel"],
                row["modality"],
                pose_of(row),
                (row["width_px"], row["height_px"]),
                (row["fx_px"], row["fy_px"], row["cx_px"], row["cy_px"]),
                lenses.get(row["channel"]),
            )
            for row in rows
        }

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """Every measurement, by time and then by channel in nuScenes' order; its sensor and its pose are there."""
        columns = ("channel", "frame", "time_us", "is_keyframe", "path")
        found = [Record(*(row[name] for name in columns)) for row in self.run.table("sensor_frames").to_pylist()]
        for record in found:
            if record.channel not in self.sensors:
                raise DataError(f"run {self.run_id}: table sensor_frames has {record.channel}, table sensors has not")
            pose = self._poses.get(record.frame)
            if pose is None or pose[0] != record.time_us:
                raise DataError(f"run {self.run_id}: {record.channel} at frame {record.frame}: no ego pose of then")
        order = {channel: index for index, channel in enumerate(self.sensors)}
        return tuple(sorted(found, key=lambda record: (record.time_us, order[record.channel])))

    def world_from_ego(self, frame: int) -> Array:
        """The ego's pose (4, 4) at a frame that has a record."""
        return self._poses[frame][1]

    @cached_property
    def _poses(self) -> Mapping[int, tuple[int, Array]]:
        return {row["frame"]: (row["time_us"], pose_of(row)) for row in self.run.table("ego_poses").to_pylist()}

    @cached_property
    def categories(self) -> Mapping[int, str]:
        """NuScenes category by actor; '' for what nuScenes does not annotate, the ego among it."""
        rows = self.run.table("actors").select(["actor_id", "category", "is_ego"]).to_pylist()
        return {row["actor_id"]: "" if row["is_ego"] else row["category"] for row in rows}

    def keyframes(self) -> Iterator[Keyframe]:
        """The keyframes in time order.

        Raises:
            DataError: if a box is of no keyframe.
        """
        records: dict[tuple[int, int], dict[str, Record]] = {}
        for record in self.records:
            if record.is_keyframe:
                records.setdefault((record.frame, record.time_us), {})[record.channel] = record
        boxes: dict[tuple[int, int], list[Box]] = {when: [] for when in records}
        for row in self.run.table("boxes").to_pylist():
            when = row["frame"], row["time_us"]
            if when not in boxes:
                raise DataError(f"run {self.run_id}: box of actor {row['actor_id']} at frame {when[0]}: no keyframe")
            boxes[when].append(_box(row))
        for (frame, time_us), channels in records.items():
            yield Keyframe(frame, time_us, self.world_from_ego(frame), channels, tuple(boxes[frame, time_us]))

    def mask_file(self, channel: str, frame: int) -> str | None:
        """The instance mask of a camera keyframe, be it an empty one, relative to the run; None if there is none."""
        path = f"masks/{channel}/{frame:06d}.png"
        return path if path in self.run.files else None

    def masks(self, channel: str, frame: int) -> tuple[Mask, ...]:
        """What the instance mask of a camera keyframe shows, in order of actor, certain ones first.

        Raises:
            DataError: if it is no mask of this camera, or shows more of an actor than there is of it.
        """
        rows = self._mask_rows.get((channel, frame), [])
        if not rows:
            return ()
        path = self.run.path(rows[0]["path"])
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        width, height = self.sensors[channel].size_px
        if image is None or image.shape != (height, width):
            raise DataError(f"run {self.run_id}: {rows[0]['path']}: not a grey PNG of {width} by {height} pixels")
        values: dict[tuple[int, bool], list[int]] = {}  # one actor may have several
        for row in rows:
            values.setdefault((row["actor_id"], row["ambiguous"]), []).append(row["value"])
            self._refuse_more_than_there_is(channel, frame, row["actor_id"])
        return tuple(Mask(*key, np.isin(image, group)) for key, group in sorted(values.items()))

    def _refuse_more_than_there_is(self, channel: str, frame: int, actor_id: int) -> None:
        """See that no more of an actor is seen in an image than it would fill alone: pixels are another's, else."""
        row = self.boxes_2d.get((channel, frame, actor_id))
        if row is not None and row["visible_px"] > row["amodal_px"]:
            who = f"actor {actor_id} ({self._roles[actor_id] or self.categories[actor_id]})"
            raise DataError(
                f"run {self.run_id}: {channel} at frame {frame}: masks of {who} have {row['visible_px']} pixels, and "
                f"alone it would fill {row['amodal_px']}: some are another's; leave the run out (--leave-out), or make "
                "it again"
            )

    @cached_property
    def _roles(self) -> Mapping[int, str]:
        return {row["actor_id"]: row["role"] for row in self.run.table("actors").to_pylist()}

    def tied(self, channel: str, frame: int) -> dict[int, int]:
        """Actor by pixel value of an instance mask; values without a certain tie to one actor are left out."""
        rows = self._mask_rows.get((channel, frame), [])
        return {row["value"]: row["actor_id"] for row in rows if row["actor_id"] and not row["ambiguous"]}

    @cached_property
    def _mask_rows(self) -> Mapping[tuple[str, int], list[Mapping[str, Any]]]:
        found: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
        for row in self.run.table("masks").to_pylist():
            found.setdefault((row["channel"], row["frame"]), []).append(row)
        return found

    @cached_property
    def boxes_2d(self) -> Mapping[tuple[str, int, int], Mapping[str, Any]]:
        """Rows of the table `boxes_2d` by (channel, frame, actor_id); empty for a run that has no such table."""
        if "tables/boxes_2d.parquet" not in self.run.files:
            return {}
        rows = self.run.table("boxes_2d").to_pylist()
        return {(row["channel"], row["frame"], row["actor_id"]): row for row in rows}

    def lidar(self, record: Record) -> npt.NDArray[np.float32]:
        """Points (N, 5) of a lidar turn, columns `LIDAR_COLUMNS`: metres in the lidar's axes, intensity 0 to 255."""
        return self._blob(record, np.dtype("<f4"), len(LIDAR_COLUMNS) * 4).reshape(-1, len(LIDAR_COLUMNS))

    def radar(self, record: Record) -> npt.NDArray[Any]:
        """Returns (N,) of a radar scan as `RADAR_POINT`; the one of an empty scan, which is not a number, is gone."""
        points = self._blob(record, RADAR_POINT, RADAR_POINT.itemsize, _RADAR_HEADER_LINES)
        return points[np.isfinite(points["x"])]

    def _blob(self, record: Record, dtype: np.dtype[Any], row_bytes: int, header_lines: int = 0) -> Any:
        data = self.run.path(record.path).read_bytes()
        start = 0
        for _ in range(header_lines):
            start = data.find(b"\n", start) + 1
        end = len(data) - (1 if header_lines else 0)  # a .pcd has one byte behind its last record
        if (end - start) % row_bytes:
            raise DataError(f"run {self.run_id}: {record.path}: {end - start} bytes are no rows of {row_bytes}")
        return np.frombuffer(data[start:end], dtype=dtype)


def need(scene: Scene, channel: str, form: str) -> Sensor:
    """The sensor of a channel.

    Raises:
        UserError: if the run's rig has none.
    """
    if channel not in scene.sensors:
        raise UserError(f"run {scene.run_id}: its rig has no {channel}, and {form} cannot be written without")
    return scene.sensors[channel]


def refuse_lenses(scene: Scene, channels: Collection[str], form: str, *carried: str) -> None:
    """See to it that a format has a place for the lenses of some cameras.

    Args:
        scene: the run.
        channels: of the cameras; others are passed over.
        form: the format's name.
        carried: models of lenses that it can tell.

    Raises:
        UserError: if there is a lens of another model.
    """
    for channel, sensor in scene.sensors.items():
        if channel in channels and sensor.lens is not None and sensor.lens.model not in carried:
            wanted = "want a rig with pinholes, or nuscenes, coco or webdataset, which tell of lenses"
            message = f"{channel} has a {sensor.lens.model} lens, of which {form} cannot tell"
            raise UserError(f"run {scene.run_id}: {message}; {wanted}")


def lens_told(sensor: Sensor) -> dict[str, object]:
    """A camera's lens as OpenCV has it, under the key `lens`; nothing of a pinhole."""
    if sensor.lens is None:
        return {}
    return {"lens": {"model": sensor.lens.model, "coefficients": list(sensor.lens.coefficients)}}


def tight_box(pixels: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the true pixels (H, W): columns and rows, the last two exclusive; 0 for none."""
    columns, rows = np.flatnonzero(pixels.any(axis=0)), np.flatnonzero(pixels.any(axis=1))
    if not len(columns):
        return (0, 0, 0, 0)
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _box(row: Mapping[str, Any]) -> Box:
    return Box(
        row["actor_id"],
        row["category"],
        row["attribute"],
        row["visibility"],
        row["visible_fraction"],
        pose_of(row),
        (row["length_m"], row["width_m"], row["height_m"]),
        (row["vx_mps"], row["vy_mps"], row["vz_mps"]),
        row["num_lidar_pts"],
        row["num_radar_pts"],
    )
