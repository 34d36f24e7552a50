"""The exact-frame join: one queue a sensor, and a frame is there as asked or an error says why not."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any, Protocol

from av_synth.errors import SensorMissError


class Measurement(Protocol):
    """What the carla client hands a callback."""

    frame: int


class FrameQueue:
    """Measurements of one sensor, in the order of their arrival.

    Args:
        sensor: name for errors.
        is_due: whether a frame is wanted; others that a server sends all the same are thrown away as they come.
        why_gone: says how the simulator ended, or None while it lives; asked while waiting.
    """

    def __init__(self, sensor: str, is_due: Callable[[int], bool], why_gone: Callable[[], str | None]) -> None:
        self.sensor = sensor
        self.is_due = is_due
        self._why_gone = why_gone
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, measurement: Measurement) -> None:
        """The sensor's callback: nothing but this happens on the client's threads."""
        if self.is_due(measurement.frame):
            self._queue.put(measurement)

    def get(self, frame: int, timeout_s: float) -> Any:
        """The measurement of exactly this frame.

        Raises:
            SensorMissError: if it is late, skipped, doubled, or the simulator has gone.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                measurement = self._queue.get(timeout=min(1.0, max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                gone = self._why_gone()
                if gone is not None:
                    raise SensorMissError(self.sensor, frame, gone) from None
                if time.monotonic() >= deadline:
                    raise SensorMissError(self.sensor, frame, f"did not come within {timeout_s:.0f} s") from None
                continue
            if measurement.frame == frame:
                return measurement
            if measurement.frame > frame:
                raise SensorMissError(self.sensor, frame, f"was skipped: frame {measurement.frame} came instead")
            raise SensorMissError(self.sensor, frame, f"frame {measurement.frame} came late or twice")
