"""The sink that writes a run directory: blobs as they come, tables at the end, one commit."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from av_synth.capture import FrameSet
from av_synth.director import Outcome
from av_synth.errors import DataError
from av_synth.geometry.transforms import Array, invert, quaternion_from_matrix, rotate
from av_synth.labels import BoxLabel, echoes_of, label_boxes, tie_instances
from av_synth.labels.boxes_2d import Tie
from av_synth.labels.visibility import Look
from av_synth.log.state import ActorInfo, WorldState
from av_synth.rig.model import Rig
from av_synth.run import encode
from av_synth.run.criticality import measure
from av_synth.run.keyframe import Labeller
from av_synth.run.spec import Context, RunUpTick, Tick
from av_synth.store import Staging, stage, tables

_ENCODERS = 2
_PENDING = 48  # encoded blobs waiting at most; when it is full, the tick waits, and nothing is lost

Row = dict[str, Any]


class Recorder:
    """Writes one run under `<root>/runs/`; leaving the context without a commit leaves nothing behind.

    Attributes:
        path: the committed run directory, once `end` has been called.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.path: Path | None = None
        self._stack = ExitStack()
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._pending: list[Future[None]] = []
        self._places = threading.BoundedSemaphore(_PENDING)

    def __enter__(self) -> Recorder:
        self._pool = self._stack.enter_context(ThreadPoolExecutor(_ENCODERS, thread_name_prefix="encode"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._stack.__exit__(kind, error, trace)

    def begin(self, context: Context) -> None:
        """Open the staging directory and write what is known from the start."""
        self._context = context
        self._staging: Staging = self._stack.enter_context(stage(self._root, context.run_id))
        self._last_weather: Mapping[str, float] = {}
        self._last_lamps: Mapping[int, int] = {}
        self._states: list[WorldState] = []
        self._frames: dict[int, int] = {}  # recorded frame by its time
        staging = self._staging
        staging.write_json("scenario.json", context.spec.scenario.to_json())
        staging.write_json("rig.json", None if context.rig is None else context.rig.to_json())
        staging.write("map/opendrive.xodr", context.opendrive.encode())
        if context.rig is not None:
            self._rows["sensors"] = _sensor_rows(context.rig)
            self._labeller = Labeller(context.rig, context.ego_id)

    def run_up(self, tick: RunUpTick) -> None:
        """Log a tick before the first frame."""
        self._rows["run_up"] += _state_rows(tick.index, tick.state)
        self._rows["run_up_lights"] += _traffic_light_rows(tick)
        self._log_lamps_and_doors(tick)

    def tick(self, tick: Tick) -> None:
        """Log the frame; encode and write what the sensors saw of it."""
        self._check_encoders()
        self._states.append(tick.state)
        self._frames[tick.state.time_us] = tick.index
        self._log(tick)
        if tick.frames is not None and self._context.rig is not None:
            self._write_blobs(tick.frames, self._context.rig)
            if tick.frames.is_keyframe:
                self._label(tick.frames, self._context.rig)

    def end(self, outcome: Outcome, provenance: Mapping[str, Any]) -> None:
        """Wait for the encoders, write the tables, read everything back, and commit."""
        for future in self._pending:
            future.result()
        context = self._context
        self._rows["actors"] = self._actor_rows()
        critical = measure(self._states, context.ego_id, context.spec.scenario.actors.keys())
        self._rows["metrics"] = [
            {"frame": self._frames[found.time_us], **vars(found)} for found in critical.measurements
        ]
        for name in tables.TABLES:
            self._staging.write_table(name, tables.from_rows(name, self._rows[name]))
        self._staging.write_json("outcome.json", outcome.to_json())
        self._staging.write_json("criticality.json", {"pairs": [pair.to_json() for pair in critical.pairs]})
        self.path = self._staging.commit(
            {
                "scenario": context.spec.scenario.name,
                "rig": None if context.rig is None else context.rig.name,
                "seed": context.spec.scenario.seed,
                "identity": context.identity,
                "provenance": provenance,
                "counts": {name: len(self._rows[name]) for name in tables.TABLES},
            }
        )

    def _check_encoders(self) -> None:
        done = [future for future in self._pending if future.done()]
        self._pending = [future for future in self._pending if not future.done()]
        for future in done:
            future.result()

    def _write(self, path: str, encoder: Callable[[], bytes]) -> None:
        self._places.acquire()

        def work() -> None:
            try:
                self._staging.write(path, encoder())
            finally:
                self._places.release()

        self._pending.append(self._pool.submit(work))

    def _write_blobs(self, frames: FrameSet, rig: Rig) -> None:
        sizes = {camera.channel: (camera.width_px, camera.height_px) for camera in rig.cameras}
        for channel, image in frames.cameras.items():
            self._blob(frames, channel, "jpg", partial(encode.jpeg, image), sizes[channel])
        for channel, turn in frames.lidars.items():
            self._blob(frames, channel, "pcd.bin", partial(encode.lidar_bin, turn))
        for radar in rig.radars:
            if radar.channel in frames.radars:
                scan = frames.radars[radar.channel]
                world_from_radar = frames.world_from_ego @ radar.mount.ego_from_sensor
                over_ground = frames.state.velocity_at(self._context.ego_id, world_from_radar[:3, 3])
                velocity = rotate(invert(world_from_radar), over_ground)
                self._blob(frames, radar.channel, "pcd", partial(encode.radar_pcd, scan, velocity))

    def _blob(
        self,
        frames: FrameSet,
        channel: str,
        suffix: str,
        encoder: Callable[[], bytes],
        size_px: tuple[int, int] = (0, 0),
    ) -> None:
        path = f"blobs/{channel}/{frames.index:06d}.{suffix}"
        self._write(path, encoder)
        self._rows["sensor_frames"].append(
            {
                "channel": channel,
                "frame": frames.index,
                "time_us": frames.state.time_us,
                "is_keyframe": frames.is_keyframe,
                "path": path,
                "width_px": size_px[0],
                "height_px": size_px[1],
            }
        )

    def _label(self, frames: FrameSet, rig: Rig) -> None:
        looks = {
            camera.channel: Look(
                frames.labels[camera.channel], camera, frames.world_from_ego @ camera.mount.ego_from_sensor
            )
            for camera in rig.cameras
            if camera.channel in frames.labels
        }
        ties: dict[str, Tie] = {}
        echoes = echoes_of(frames, rig)
        for channel, look in looks.items():
            image, masks = tie_instances(look.label, look.camera, look.world_from_camera, frames.state, echoes)
            ties[channel] = Tie(image, masks)
            path = f"masks/{channel}/{frames.index:06d}.png"
            self._write(path, partial(encode.mask_png, image))
            self._rows["masks"] += [
                {"channel": channel, "frame": frames.index, "path": path, **vars(mask)} for mask in masks
            ]
        boxes = label_boxes(frames, rig, looks, self._context.ego_id)
        self._rows["boxes"] += [_box_row(frames, box) for box in boxes]
        more = self._labeller.label(frames, looks, ties, boxes)
        for path, encoder in more.files.items():
            self._write(path, encoder)
        for table, rows in more.rows.items():
            self._rows[table] += rows

    def _log(self, tick: Tick) -> None:
        at = {"frame": tick.index, "time_us": tick.state.time_us}
        self._rows["states"] += _state_rows(tick.index, tick.state)
        velocity = tick.state.velocity_at(self._context.ego_id, tick.world_from_ego[:3, 3])
        self._rows["ego_poses"].append({**at, **_pose(tick.world_from_ego), **_vector("v{}_mps", velocity)})
        self._rows["controls"] += [
            {"frame": tick.index, "actor_id": actor_id, **control} for actor_id, control in tick.controls.items()
        ]
        self._rows["traffic_lights"] += _traffic_light_rows(tick)
        self._log_lamps_and_doors(tick)
        if tick.weather != self._last_weather:
            self._rows["weather"].append({"frame": tick.index, **tick.weather})
            self._last_weather = tick.weather
        late = [event for event in tick.events if 0 <= event.time_us != tick.state.time_us]
        if late:
            raise DataError(f"frame {tick.index}: an event of another frame came with it: {late[0]}")
        self._rows["events"] += [
            {
                **at,
                "kind": event.kind,
                "actor_id": event.actor_id,
                "other_id": event.other_id,
                "detail": json.dumps(event.detail, sort_keys=True),
            }
            for event in tick.events
        ]
        self._rows["ticks"].append({**at, "state_hash": tick.state_hash})

    def _log_lamps_and_doors(self, tick: Tick | RunUpTick) -> None:
        self._rows["lamps"] += [
            {"frame": tick.index, "actor_id": actor_id, "flags": flags}
            for actor_id, flags in tick.lamps.items()
            if self._last_lamps.get(actor_id) != flags
        ]
        self._last_lamps = tick.lamps
        self._rows["doors"] += [
            {"frame": frame, "actor_id": actor_id, "door": door, "open": opened}
            for (frame, actor_id, door), opened in tick.doors.items()
        ]

    def _actor_rows(self) -> list[Row]:
        if not self._states:
            raise DataError(f"run {self._context.run_id}: it ended without a frame")
        infos: dict[int, ActorInfo] = {}  # of those too who came, or went, while it was recorded
        for state in self._states:
            infos |= state.infos
        return [
            {
                "actor_id": info.actor_id,
                "role": info.role,
                "type_id": info.type_id,
                "category": info.category,
                **_size(info.size_lwh_m),
                **_vector("box_{}_m", info.box_centre_m),
                "box_source": info.box_source,
                "parked": info.parked,
                "is_ego": info.actor_id == self._context.ego_id,
                "attributes": json.dumps(dict(info.attributes), sort_keys=True),
                "towed_by": info.towed_by,
            }
            for info in infos.values()
        ]


def _state_rows(frame: int, state: WorldState) -> list[Row]:
    return [
        {
            "frame": frame,
            "time_us": state.time_us,
            "actor_id": actor_id,
            **_pose(actor.world_from_actor),
            **_vector("v{}_mps", actor.velocity_mps),
            **_vector("w{}_radps", actor.angular_velocity_radps),
            **_vector("a{}_mps2", actor.acceleration_mps2),
        }
        for actor_id, actor in state.actors.items()
    ]


def _traffic_light_rows(tick: Tick | RunUpTick) -> list[Row]:
    return [
        {"frame": tick.index, "actor_id": actor_id, "state": state} for actor_id, state in tick.traffic_lights.items()
    ]


def _vector(pattern: str, values: Array) -> Row:
    return {pattern.format(axis): float(value) for axis, value in zip("xyz", values, strict=True)}


def _size(lwh_m: Array) -> Row:
    return {name: float(value) for name, value in zip(("length_m", "width_m", "height_m"), lwh_m, strict=True)}


def _pose(a_from_b: Array) -> Row:
    quaternion = quaternion_from_matrix(a_from_b)
    return _vector("{}_m", a_from_b[:3, 3]) | {
        f"q{axis}": float(value) for axis, value in zip("wxyz", quaternion, strict=True)
    }


def _box_row(frames: FrameSet, label: BoxLabel) -> Row:
    return {
        "frame": frames.index,
        "time_us": frames.state.time_us,
        "actor_id": label.actor_id,
        "category": label.category,
        "attribute": label.attribute,
        "visibility": label.visibility.level,
        "visibility_method": label.visibility.method,
        "visible_fraction": label.visibility.fraction,
        **_pose(label.world_from_box),
        **_size(label.size_lwh_m),
        **_vector("v{}_mps", label.velocity_mps),
        "num_lidar_pts": label.num_lidar_pts,
        "num_radar_pts": label.num_radar_pts,
    }


def _sensor_rows(rig: Rig) -> list[Row]:
    rows = []
    for modality, sensors in (("camera", rig.cameras), ("lidar", rig.lidars), ("radar", rig.radars)):
        for sensor in sensors:
            optics = {"width_px": 0, "height_px": 0, "fx_px": 0.0, "fy_px": 0.0, "cx_px": 0.0, "cy_px": 0.0}
            if modality == "camera":
                optics = {name: getattr(sensor, name) for name in optics}
            rows.append(
                {"channel": sensor.channel, "modality": modality, **_pose(sensor.mount.ego_from_sensor), **optics}
            )
    return rows
