"""The file format of CARLA's recorder: packets, the records in them, and how large a file may be.

Little-endian, packed: a header (version, magic, date in seconds from 1970, map), then packets (id, size in bytes, data)
in frames between a start and an end. Strings are a 16-bit length and UTF-8; vectors three 32-bit floats, in Unreal's
centimetres, left-handed, rotations as roll, pitch, yaw in degrees. Most data is a 16-bit count and that many records.

Source: CARLA 0.9.16, Docs/ref_recorder_binary_file_format.md, and CarlaRecorder*.h and .cpp in
Unreal/CarlaUE4/Plugins/Carla/Source/Carla/Recorder, which have the packets that the page does not tell of. Weather came
after 0.9.16 (carla#9556). CARLA on Unreal 5 writes vectors as 64-bit floats under the same version.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np

VERSION = 1
MAGIC = "CARLA_RECORDER"

FRAME_START, FRAME_END, EVENT_ADD, EVENT_DEL, EVENT_PARENT, COLLISION, POSITION, STATE = range(8)
ANIM_VEHICLE, ANIM_WALKER, VEHICLE_LIGHT = 8, 9, 10
KINEMATICS, BOUNDING_BOX = 12, 13
PHYSICS, LIGHT_TIMES = 15, 16
VEHICLE_DOOR, WEATHER = 21, 24

NAMES: Mapping[int, str] = {
    FRAME_START: "frame start",
    FRAME_END: "frame end",
    EVENT_ADD: "actors added",
    EVENT_DEL: "actors removed",
    EVENT_PARENT: "parents",
    COLLISION: "collisions",
    POSITION: "positions",
    STATE: "traffic lights",
    ANIM_VEHICLE: "vehicle controls",
    ANIM_WALKER: "walker speeds",
    VEHICLE_LIGHT: "vehicle lights",
    11: "street lights",
    KINEMATICS: "velocities",
    BOUNDING_BOX: "bounding boxes",
    14: "platform time",
    PHYSICS: "physics control",
    LIGHT_TIMES: "traffic light times",
    17: "trigger volumes",
    18: "frame counter",
    19: "walker bones",
    20: "visual time",
    VEHICLE_DOOR: "vehicle doors",
    22: "wheel angles",
    23: "biker animation",
    WEATHER: "weather",
}
"""Every packet that CARLA writes, by its id; ids over 100 are anybody's."""

WEATHER_FIELDS = (
    *("cloudiness", "precipitation", "precipitation_deposits", "wind_intensity", "sun_azimuth_angle"),
    *("sun_altitude_angle", "fog_density", "fog_distance", "fog_falloff", "wetness", "scattering_intensity"),
    *("mie_scattering_scale", "rayleigh_scattering_scale", "dust_storm"),
)

_ID = ("actor_id", "<u4")
_POSE = (("location_cm", "<f4", 3), ("euler_deg", "<f4", 3))

RECORDS: Mapping[int, np.dtype[np.void]] = {
    EVENT_DEL: np.dtype([_ID]),
    EVENT_PARENT: np.dtype([_ID, ("parent_id", "<u4")]),
    COLLISION: np.dtype([("number", "<u4"), _ID, ("other_id", "<u4"), ("hero", "u1"), ("other_hero", "u1")]),
    POSITION: np.dtype([_ID, *_POSE]),
    STATE: np.dtype([_ID, ("frozen", "u1"), ("elapsed_s", "<f4"), ("state", "u1")]),
    ANIM_VEHICLE: np.dtype(
        [_ID, ("steer", "<f4"), ("throttle", "<f4"), ("brake", "<f4"), ("hand_brake", "u1"), ("gear", "<i4")]
    ),
    ANIM_WALKER: np.dtype([_ID, ("speed_cmps", "<f4")]),
    VEHICLE_LIGHT: np.dtype([_ID, ("flags", "<u4")]),
    KINEMATICS: np.dtype([_ID, ("velocity_mps", "<f4", 3), ("spin_degps", "<f4", 3)]),
    BOUNDING_BOX: np.dtype([_ID, ("origin_cm", "<f4", 3), ("extent_cm", "<f4", 3)]),
    LIGHT_TIMES: np.dtype([_ID, ("green_s", "<f4"), ("yellow_s", "<f4"), ("red_s", "<f4")]),
    VEHICLE_DOOR: np.dtype([_ID, ("door", "u1"), ("open", "u1")]),
    WEATHER: np.dtype([(name, "<f4") for name in WEATHER_FIELDS]),
}
"""The packets that are a count and records of one size, and that are read; locations and rotations are CARLA's."""

WRITTEN = tuple(packet for packet in RECORDS if packet not in (KINEMATICS, LIGHT_TIMES, VEHICLE_DOOR, WEATHER))
"""Those that are written in every frame, with or without records, as CARLA does."""

MAYBE_INFINITE = frozenset({BOUNDING_BOX})
"""CARLA itself writes NaN and infinities for the boxes of what has none, the spectator say."""

NOT_AN_ACTOR = 0xFFFFFFFF
"""The id, in a collision, of what was hit and is no actor."""

HERO = "hero"
"""CARLA's word for the ego's role: its tools look for it."""

OTHER, VEHICLE, WALKER, TRAFFIC_LIGHT, SENSOR = 0, 1, 2, 3, 5
"""Kinds of actors; 4 are traffic signs."""

LIGHT_STATES = ("Red", "Yellow", "Green", "Off", "Unknown")
BOOL, INT, FLOAT, STRING, COLOUR = range(5)
"""Types of a blueprint's attributes."""

PACKET = struct.Struct("<BI")
FRAME = struct.Struct("<Qdd")
DURATION = struct.Struct("<d")
COUNT = struct.Struct("<H")
HEADER = struct.Struct("<H")
DATE = struct.Struct("<q")
ADDED = struct.Struct("<IB6fI")

MAX_BYTES = 512 << 20
"""Of a file. Twenty minutes of fifty actors at 20 Hz are 150 MB."""
MAX_FRAMES = 1_000_000
MAX_S = 1e6
"""Of a frame's time, eleven days."""
MAX_ADDED = 100_000
MAX_COUNT = 0xFFFF
"""Of records in a packet, and of bytes in a string: they are counted in 16 bits."""
