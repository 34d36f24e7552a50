"""Files of CARLA's recorder by hand, as its format page and its sources say: nothing of ours is used to make them."""

from __future__ import annotations

import struct

FRAME_START, FRAME_END, EVENT_ADD, POSITION, KINEMATICS = 0, 1, 2, 6, 12


def text(value: str) -> bytes:
    return struct.pack("<H", len(value.encode())) + value.encode()


def header(
    map_name: str = "Town06", version: int = 1, magic: str = "CARLA_RECORDER", date: int = 1_600_000_000
) -> bytes:
    return struct.pack("<H", version) + text(magic) + struct.pack("<q", date) + text(map_name)


def packet(number: int, payload: bytes) -> bytes:
    return struct.pack("<BI", number, len(payload)) + payload


def records(number: int, layout: str, *rows: tuple[float, ...]) -> bytes:
    return packet(number, struct.pack("<H", len(rows)) + b"".join(struct.pack("<" + layout, *row) for row in rows))


def frame(number: int, elapsed_s: float, *packets: bytes, duration_s: float = 0.05) -> bytes:
    start = packet(FRAME_START, struct.pack("<Qdd", number, duration_s, elapsed_s))
    return start + b"".join(packets) + packet(FRAME_END, b"")


def actor(actor_id: int, kind: int, type_id: str, attributes: dict[str, tuple[int, str]], uid: int = 7) -> bytes:
    known = b"".join(bytes([of]) + text(name) + text(value) for name, (of, value) in attributes.items())
    head = struct.pack("<IB6fI", actor_id, kind, *[0.0] * 6, uid)
    return head + text(type_id) + struct.pack("<H", len(attributes)) + known


def added(*actors: bytes) -> bytes:
    return packet(EVENT_ADD, struct.pack("<H", len(actors)) + b"".join(actors))


def positions(*rows: tuple[float, ...]) -> bytes:
    """Rows of id, x, y, z in centimetres, roll, pitch, yaw in degrees; y is to the right."""
    return records(POSITION, "I6f", *rows)


HERO = actor(24, 1, "vehicle.audi.a2", {"role_name": (3, "hero"), "color": (4, "16,16,16")})
WALKER = actor(30, 2, "walker.pedestrian.0002", {"speed": (2, "1.4")})
SAMPLE = (
    header()
    + frame(
        1,
        0.0,
        added(HERO, WALKER, actor(9, 0, "spectator", {})),
        records(3, "I"),
        records(4, "II"),
        positions((24, 100, 200, 30, 0, 0, 90), (30, 500, -200, 90, 0, 0, -90), (9, 0, 0, 900, 0, -30, 0)),
        records(7, "IBfB", (11, 1, 2.5, 2)),
        records(8, "I3fBi", (24, -0.25, 0.5, 0.0, 0, 2)),
        records(9, "If", (30, 140)),
        records(10, "II", (24, 3)),
        records(KINEMATICS, "I6f", (24, 10, 2, 0, 0, 0, 90), (30, 0, -1.5, 0, 0, 0, 0)),
        records(13, "I6f", (24, 10, 0, 75, 200, 90, 75), (9, *[float("nan")] * 3, *[float("-inf")] * 3)),
        packet(14, struct.pack("<d", 1.25)),
        records(21, "IBB", (24, 0, 1)),
        records(24, "14f", (90, 60, 50, 30, 10, -5, 20, 15, 0.5, 70, 1, 0.03, 0.0331, 0)),
        packet(177, b"anything"),
    )
    + frame(
        2,
        0.05,
        records(5, "IIIBB", (0, 24, 30, 1, 0)),
        positions((24, 150, 210, 30, 0, 0, 94.5), (30, 500, -207.5, 90, 0, 0, -90)),
        records(7, "IBfB", (11, 1, 2.5, 0)),
        records(KINEMATICS, "I6f", (24, 10, 2, 0, 0, 0, 90), (30, 0, -1.5, 0, 0, 0, 0)),
    )
    + frame(
        3,
        0.1,
        records(3, "I", (30,)),
        records(5, "IIIBB", (1, 24, 30, 1, 0), (2, 24, 0xFFFFFFFF, 1, 0)),
        positions((24, 200, 220, 30, 0, 0, 99)),
        records(KINEMATICS, "I6f", (24, 10, 2, 0, 0, 0, 90)),
        duration_s=-1,
    )
)
"""Three frames of a hero who turns right, and of somebody on foot who is gone in the last one."""
