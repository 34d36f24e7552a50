"""One measurement to be made, and the message it becomes."""

from __future__ import annotations

from dataclasses import dataclass

from av_synth.geometry.transforms import Array
from av_synth.simulator.protocol.bodies import header
from av_synth.simulator.sensors.spec import Sensor


@dataclass(frozen=True)
class Message:
    """Bytes for the subscribers of a stream, in pieces."""

    stream_id: int
    parts: list[bytes | memoryview]


@dataclass(frozen=True)
class Exposure:
    """A sensor at the pose and the moment at which it measures.

    Attributes:
        world_from_sensor: (4, 4), x forward, y left, z up.
        velocity_mps: (3,), world axes, of the point where the sensor sits.
        delta_s: length of the frame.
        last_world_from_sensor: (4, 4), the pose on the frame before, for sensors of optical flow and lidars in motion.
    """

    sensor: Sensor
    frame: int
    elapsed_s: float
    delta_s: float
    world_from_sensor: Array
    velocity_mps: Array
    last_world_from_sensor: Array | None = None

    def message(self, body: list[bytes | memoryview]) -> Message:
        """The body with the header in front."""
        head = header(self.sensor.kind, self.frame, self.elapsed_s, self.world_from_sensor)
        return Message(self.sensor.stream_id, [head, *body])
