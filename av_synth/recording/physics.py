"""The one packet whose records differ in length: the physics control of vehicles.

A record is an id, twelve numbers and a flag, and four lists, each a 32-bit count and 32-bit floats. Source:
CarlaRecorderPhysicsControl.cpp and carla::rpc in CARLA 0.9.16; releases before had wheels of other lengths.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from av_synth.errors import LogError

Rows = tuple[tuple[float, ...], ...]

_HEAD = struct.Struct("<I5f?4f3f")
_COUNT = struct.Struct("<I")
_WIDTHS = (2, 3, 2, 12)


@dataclass(frozen=True)
class Physics:
    """A vehicle's physics control, in CARLA's units.

    Attributes:
        numbers: maximum rpm, moment of inertia, damping at full throttle, with and without clutch, use of the automatic
            gearbox, strength of the clutch, final ratio, mass, drag coefficient; centre of mass x, y, z.
        torque_curve: pairs.
        forward_gears: ratio, down ratio, up ratio.
        steering_curve: pairs.
        wheels: friction, damping, maximum steer, radius, brake torque, hand brake torque, lateral stiffness at maximum
            load and its value, longitudinal stiffness; place x, y, z.
    """

    actor_id: int
    numbers: tuple[float, ...]
    torque_curve: Rows
    forward_gears: Rows
    steering_curve: Rows
    wheels: Rows


def encode_physics(found: Physics) -> bytes:
    """A record's bytes.

    Raises:
        LogError: if a number does not fit the 32 bits that the format has for it.
    """
    try:
        parts = [_HEAD.pack(found.actor_id, *found.numbers)]
        for rows in (found.torque_curve, found.forward_gears, found.steering_curve, found.wheels):
            parts.append(_COUNT.pack(len(rows)))
            parts += [struct.pack(f"<{len(row)}f", *row) for row in rows]
    except (OverflowError, struct.error) as error:
        raise LogError(f"recorder file: physics control of actor {found.actor_id}: {error}") from error
    return b"".join(parts)


def decode_physics(data: bytes, count: int) -> tuple[Physics, ...] | None:
    """So many records, of all of the bytes; None if they are of another layout."""
    found, at = [], 0
    try:
        for _ in range(count):
            actor_id, *numbers = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            lists = []
            for width in _WIDTHS:
                (length,) = _COUNT.unpack_from(data, at)
                at += _COUNT.size
                size = length * 4 * width
                if size > len(data) - at:
                    return None
                lists.append(tuple(struct.iter_unpack(f"<{width}f", data[at : at + size])))
                at += size
            found.append(Physics(actor_id, tuple(numbers), *lists))
    except struct.error:
        return None
    return tuple(found) if at == len(data) else None
