"""Writes the world down, frame by frame, as CARLA's recorder does."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from av_synth.errors import LogError
from av_synth.recording import format as layout
from av_synth.recording.write import DURATION_AT, encode_frame, encode_header
from av_synth.simulator.recorder.folder import Folder
from av_synth.simulator.recorder.frames import Definitions, FrameMaker
from av_synth.simulator.world import World

log = logging.getLogger(__name__)


class _Open:
    """A recording that is being written: each frame in one go, so that the file is whole whenever we end."""

    def __init__(self, path: Path, descriptor: int, frames: FrameMaker) -> None:
        self.path = path
        self._descriptor = descriptor
        self._frames = frames
        self._number = 0
        self._begun_s = 0.0
        self._last_s = 0.0
        self._last_at = 0
        self._bytes = 0

    def add(self, world: World) -> None:
        """Write the frame that the world shows; raises LogError or OSError."""
        if self._number == 0:
            self._begun_s = world.elapsed_s
        elapsed_s = round(world.elapsed_s - self._begun_s, 9)  # sums of ticks differ in their last bits
        data = encode_frame(self._frames.frame(world, self._number + 1, elapsed_s))
        if self._bytes + len(data) > layout.MAX_BYTES or self._number == layout.MAX_FRAMES:
            raise LogError(f"is as long as a recording may be, {self._number} frames")
        begin = self._bytes
        self.append(data)
        if self._number:
            duration = layout.DURATION.pack(elapsed_s - self._last_s)
            os.pwrite(self._descriptor, duration, self._last_at + DURATION_AT)
        self._last_at, self._last_s = begin, elapsed_s
        self._number += 1

    def append(self, data: bytes) -> None:
        """Write all of it or, where there is no room say, nothing; raises OSError."""
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            os.ftruncate(self._descriptor, self._bytes)
            raise
        self._bytes += len(data)

    def close(self) -> None:
        os.close(self._descriptor)


class Recorder:
    """At most one recording at a time; the engine's lock is held by whoever calls."""

    def __init__(self, folder: Folder, definitions: Definitions) -> None:
        self._folder = folder
        self._definitions = definitions
        self._open: _Open | None = None

    def start(self, name: str, map_name: str, *, additional_data: bool) -> Path:
        """Begin a recording with the next frame, and end the one that there is.

        Raises:
            LogError: if there can be no such file.
        """
        self.stop()
        header = encode_header(map_name, int(time.time()))
        path, descriptor = self._folder.create(name)
        begun = _Open(path, descriptor, FrameMaker(self._definitions, additional_data=additional_data))
        try:
            begun.append(header)
        except OSError as error:
            begun.close()
            raise LogError(f"{path}: cannot be written: {error.strerror}") from error
        self._open = begun
        return path

    def stop(self) -> None:
        """End the recording, if there is one."""
        ended, self._open = self._open, None
        if ended is not None:
            ended.close()

    def after_step(self, world: World) -> None:
        """Write down the frame that was made; what cannot be written ends the recording, and not the world."""
        if self._open is None:
            return
        try:
            self._open.add(world)
        except (LogError, OSError) as error:
            log.warning("the recording ends: %s: %s", self._open.path, error)
            self.stop()
