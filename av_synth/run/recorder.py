"""The sink that writes the folder of a run: blobs as they come, tables at the end, one commit."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from av_synth.capture import FrameSet
from av_synth.director import Outcome
from av_synth.geometry.transforms import invert, rotate
from av_synth.rig.model import Rig
from av_synth.run import encode, motion_sensors, rows
from av_synth.run.keyframe import Encoder, Labeller
from av_synth.run.log_tables import LogTables
from av_synth.run.rows import Row
from av_synth.run.sensors import as_believed
from av_synth.run.spec import Context, RunUpTick, Tick
from av_synth.store import OPENDRIVE, Staging, stage, tables

_ENCODERS = 2
_PENDING = 48  # encoded blobs waiting at most; when it is full, the tick waits, and nothing is lost


class Recorder:
    """Writes one run under `<root>/runs/`; leaving the context without a commit leaves nothing behind.

    Attributes:
        path: the folder of the committed run, once `end` has been called.
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
        self._log = LogTables(context.ego_id)
        staging = self._staging
        staging.write_json("scenario.json", context.spec.scenario.to_json())
        really, wanted = context.rig, context.spec.rig
        believed = None if really is None or wanted is None else as_believed(really, wanted)
        staging.write_json("rig.json", None if believed is None else believed.to_json())
        staging.write(OPENDRIVE, context.opendrive.encode())
        if really is not None and believed is not None:
            self._believed = believed.mounts
            self._rows["sensors"] += rows.sensors(believed)
            self._rows["true_mounts"] += rows.true_mounts(believed, really)
            self._rows["lenses"] += rows.lenses(really)
            self._rows["shutters"] += rows.shutters(really)
            self._rows["lidar_devices"] += rows.lidar_devices(really, context.devices)
            self._rows["lidar_beams"] += rows.lidar_beams(really, context.devices)
            self._rows["axles"] += rows.axles(context.ego_id, context.axles_m)
            self._labeller = Labeller(really, context.ego_id)

    def run_up(self, tick: RunUpTick) -> None:
        """Log a tick before the first frame."""
        self._log.run_up(tick)

    def tick(self, tick: Tick) -> None:
        """Log the frame; encode and write what the sensors saw of it."""
        self._check_encoders()
        self._log.tick(tick)
        if tick.frames is not None and self._context.rig is not None:
            self._write_blobs(tick.frames, self._context.rig)
            if tick.frames.is_keyframe:
                self._write_labels(tick.frames)

    def end(self, outcome: Outcome, provenance: Mapping[str, Any]) -> None:
        """Wait for the encoders, write the tables, read everything back, and commit."""
        for future in self._pending:
            future.result()
        context = self._context
        pairs = self._log.end(context.spec.scenario.actors.keys()).pairs
        written = self._rows | self._log.rows
        if context.rig is not None:
            written |= motion_sensors.rows(context.rig, context.spec.scenario, self._log.rows["ego_poses"])
        names = [name for name in tables.TABLES if name not in tables.OPTIONAL or written.get(name)]
        for name in names:
            self._staging.write_table(name, tables.from_rows(name, written.get(name, [])))
        self._staging.write_json("outcome.json", outcome.to_json())
        self._staging.write_json("criticality.json", {"pairs": [pair.to_json() for pair in pairs]})
        self.path = self._staging.commit(
            {
                "scenario": context.spec.scenario.name,
                "rig": None if context.rig is None else context.rig.name,
                "seed": context.spec.scenario.seed,
                "identity": context.identity,
                "provenance": provenance,
                "counts": {name: len(written.get(name, [])) for name in names},
            }
        )

    def _check_encoders(self) -> None:
        done = [future for future in self._pending if future.done()]
        self._pending = [future for future in self._pending if not future.done()]
        for future in done:
            future.result()

    def _write(self, path: str, encoder: Encoder) -> None:
        self._places.acquire()

        def work() -> None:
            try:
                self._staging.write(path, encoder())
            finally:
                self._places.release()

        self._pending.append(self._pool.submit(work))

    def _write_blobs(self, frames: FrameSet, rig: Rig) -> None:
        sizes = {camera.channel: (camera.width_px, camera.height_px) for camera in rig.cameras}
        now = {"frame": frames.index, "time_us": frames.state.time_us, "is_keyframe": frames.is_keyframe}
        self._rows["lost_frames"] += [{"channel": channel, **now} for channel in frames.lost]
        self._rows["clock_times"] += [
            {"channel": channel, "frame": frames.index, "told_us": told_us}
            for channel, told_us in frames.clocks_us.items()
        ]
        for channel, image in frames.cameras.items():
            self._blob(frames, channel, "jpg", partial(encode.jpeg, image), sizes[channel])
        for channel, turn in frames.lidars.items():
            self._blob(frames, channel, "pcd.bin", partial(encode.lidar_bin, turn))
            if turn.time_s is not None:
                self._write(f"lidar_times/{channel}/{frames.index:06d}.bin", partial(encode.lidar_times, turn))
        for radar in rig.radars:
            if radar.channel in frames.radars:
                scan = frames.radars[radar.channel]
                # a radar takes away the ego's motion by where it believes to be
                world_from_radar = frames.world_from_ego @ self._believed[radar.channel].ego_from_sensor
                over_ground = frames.state.velocity_at(self._context.ego_id, world_from_radar[:3, 3])
                velocity = rotate(invert(world_from_radar), over_ground)
                self._blob(frames, radar.channel, "pcd", partial(encode.radar_pcd, scan, velocity))
                if scan.details is not None:
                    name = f"radar_truth/{radar.channel}/{frames.index:06d}.bin"
                    self._write(name, partial(encode.radar_truth, scan.details))

    def _blob(
        self,
        frames: FrameSet,
        channel: str,
        suffix: str,
        encoder: Encoder,
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

    def _write_labels(self, frames: FrameSet) -> None:
        labels = self._labeller.label(frames)
        for path, encoder in labels.files.items():
            self._write(path, encoder)
        for table, found in labels.rows.items():
            self._rows[table] += found
