"""The tables of a run: names, columns, types, keys.

Time is integer microseconds from the run's first recorded frame, frames count from 0, those of the run-up (`run_up`,
`run_up_lights`, `lamps` and `doors` have some) are below 0, the world is right-handed metres,
quaternions are unit length w, x, y, z. Values are always there and finite: a quantity that is undefined has no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class TableSpec:
    """One table: its columns, and the columns its rows are sorted by.

    Attributes:
        schema: column names and types; nothing is nullable.
        key: sort columns; no two rows may agree in all of them.
        about: what its rows are, in a sentence.
    """

    schema: pa.Schema
    key: tuple[str, ...]
    about: str


_POSITION = ("x_m", "y_m", "z_m")
_POSE = (*_POSITION, "qw", "qx", "qy", "qz")
_VELOCITY = ("vx_mps", "vy_mps", "vz_mps")
_FELT = ("ax_mps2", "ay_mps2", "az_mps2", "wx_radps", "wy_radps", "wz_radps")
_WEATHER = (
    "cloudiness",
    "precipitation",
    "precipitation_deposits",
    "wind_intensity",
    "sun_azimuth_angle",
    "sun_altitude_angle",
    "fog_density",
    "fog_distance",
    "fog_falloff",
    "wetness",
    "scattering_intensity",
    "mie_scattering_scale",
    "rayleigh_scattering_scale",
    "dust_storm",
    "snow_mm_h",
    "snow_cover",
)

_I32, _I64, _U16, _U32, _F64, _STR, _BOOL = (
    pa.int32(),
    pa.int64(),
    pa.uint16(),
    pa.uint32(),
    pa.float64(),
    pa.string(),
    pa.bool_(),
)


def _floats(names: Iterable[str]) -> dict[str, pa.DataType]:
    return dict.fromkeys(names, _F64)


def _ints(names: Iterable[str]) -> dict[str, pa.DataType]:
    return dict.fromkeys(names, _I32)


_STATE = {"frame": _I32, "time_us": _I64, "actor_id": _U32} | _floats(
    (*_POSE, *_VELOCITY, "wx_radps", "wy_radps", "wz_radps", "ax_mps2", "ay_mps2", "az_mps2")
)
_TRAFFIC_LIGHT = {"frame": _I32, "actor_id": _U32, "state": _STR}


def _spec(about: str, key: tuple[str, ...], columns: Mapping[str, pa.DataType]) -> TableSpec:
    return TableSpec(pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()]), key, about)


TABLES: Mapping[str, TableSpec] = {
    "actors": _spec(
        "who took part; box_* is the centre of the bounding box in the actor's frame; attributes: a JSON object "
        "of those of the blueprint as the client reads them; towed_by is the actor it is attached to, 0 for none",
        ("actor_id",),
        {"actor_id": _U32, "role": _STR, "type_id": _STR, "category": _STR}
        | _floats(("length_m", "width_m", "height_m", "box_x_m", "box_y_m", "box_z_m"))
        | {"box_source": _STR, "parked": _BOOL, "is_ego": _BOOL, "attributes": _STR, "towed_by": _U32},
    ),
    "states": _spec(
        "world_from_actor of every actor at every tick; velocities and accelerations in world axes",
        ("frame", "actor_id"),
        _STATE,
    ),
    "run_up": _spec(
        "the same of the ticks between the placing and the first recorded frame: what is seen may have a past",
        ("frame", "actor_id"),
        _STATE,
    ),
    "ego_poses": _spec(
        "world_from_ego: the ground point under the rear axle",
        ("frame",),
        {"frame": _I32, "time_us": _I64} | _floats((*_POSE, *_VELOCITY)),
    ),
    "controls": _spec(
        "what the driver of each vehicle asks for at a frame",
        ("frame", "actor_id"),
        {"frame": _I32, "actor_id": _U32}
        | _floats(("throttle", "steer", "brake"))
        | {"hand_brake": _BOOL, "reverse": _BOOL, "gear": _I32},
    ),
    "traffic_lights": _spec("the state of each light at every tick", ("frame", "actor_id"), _TRAFFIC_LIGHT),
    "run_up_lights": _spec(
        "the same of the ticks before the first recorded frame", ("frame", "actor_id"), _TRAFFIC_LIGHT
    ),
    "lamps": _spec(
        "carla.VehicleLightState's flags, as set: one row where a vehicle is there first, and one wherever they change",
        ("frame", "actor_id"),
        {"frame": _I32, "actor_id": _U32, "flags": _U32},
    ),
    "doors": _spec(
        "what was asked of a door (carla.VehicleDoor) after a frame, for the next",
        ("frame", "actor_id", "door"),
        {"frame": _I32, "actor_id": _U32, "door": _I32, "open": _BOOL},
    ),
    "weather": _spec(
        "one row at frame 0 and one wherever something changes", ("frame",), {"frame": _I32} | _floats(_WEATHER)
    ),
    "events": _spec(
        "what happened, as it happened; ids are 0 where nobody is meant",
        ("frame", "kind", "actor_id", "other_id", "detail"),
        {"frame": _I32, "time_us": _I64, "kind": _STR, "actor_id": _U32, "other_id": _U32, "detail": _STR},
    ),
    "ticks": _spec(
        "the hash of all that moves, equal in equal runs with any rig or none",
        ("frame",),
        {"frame": _I32, "time_us": _I64, "state_hash": _STR},
    ),
    "sensors": _spec(
        "ego_from_sensor and intrinsics (0 for what is no camera)",
        ("channel",),
        {"channel": _STR, "modality": _STR}
        | _floats(_POSE)
        | {"width_px": _I32, "height_px": _I32}
        | _floats(("fx_px", "fy_px", "cx_px", "cy_px")),
    ),
    "lenses": _spec(
        "what bends the images of cameras that are no pinholes, by OpenCV's coefficients; 0 for what a model lacks",
        ("channel",),
        {"channel": _STR, "model": _STR} | _floats(("k1", "k2", "p1", "p2", "k3", "k4")),
    ),
    "shutters": _spec(
        "cameras that blur what moves, or read one row after the other; 0 us: none, or all rows at once. The frame's "
        "moment is in the middle of both",
        ("channel",),
        {"channel": _STR, "exposure_us": _I32, "read_out_us": _I32},
    ),
    "true_mounts": _spec(
        "ego_from_sensor of sensors that really sit otherwise than `sensors`, which is what the car believes, says",
        ("channel",),
        {"channel": _STR} | _floats(_POSE),
    ),
    "lidar_devices": _spec(
        "lidars that are devices. A turn is of one moment (motion none), or lasts `turn_us` up to the frame's, its "
        "points in the lidar's axes of each one's moment (raw) or of the frame's (compensated). rays: embedded, stock",
        ("channel",),
        {"channel": _STR, "columns": _I32}
        | _floats(("horizontal_fov_deg", "min_range_m", "range_m", "divergence_mrad"))
        | {"echoes": _I32, "motion": _STR, "turn_us": _I32, "rays": _STR},
    ),
    "lidar_beams": _spec(
        "their beams, ring 0 the lowest: where each looks, to the left of its column, and when it fires, after that",
        ("channel", "ring"),
        {"channel": _STR, "ring": _I32} | _floats(("elevation_deg", "azimuth_deg", "firing_us")),
    ),
    "sensor_frames": _spec(
        "each file of a sensor; width and height are 0 for what is no camera",
        ("channel", "frame"),
        {"channel": _STR, "frame": _I32, "time_us": _I64, "is_keyframe": _BOOL, "path": _STR}
        | {"width_px": _I32, "height_px": _I32},
    ),
    "clock_times": _spec(
        "files of sensors whose clock was wrong: told_us is its time, time_us in `sensor_frames` when it really was",
        ("channel", "frame"),
        {"channel": _STR, "frame": _I32, "told_us": _I64},
    ),
    "lost_frames": _spec(
        "what a sensor saw and did not deliver: keyframes have an empty file instead, other frames none",
        ("channel", "frame"),
        {"channel": _STR, "frame": _I32, "time_us": _I64, "is_keyframe": _BOOL},
    ),
    "boxes": _spec(
        "keyframes only; world_from_box, whose origin is the centre of the box",
        ("frame", "actor_id"),
        {"frame": _I32, "time_us": _I64, "actor_id": _U32, "category": _STR, "attribute": _STR}
        | {"visibility": _I32, "visibility_method": _STR, "visible_fraction": _F64}
        | _floats((*_POSE, "length_m", "width_m", "height_m", *_VELOCITY))
        | {"num_lidar_pts": _I32, "num_radar_pts": _I32},
    ),
    "masks": _spec(
        "one row per value that occurs in an instance mask; actor_id 0 = not tied to an actor",
        ("channel", "frame", "value"),
        {"channel": _STR, "frame": _I32, "path": _STR, "value": _U16, "actor_id": _U32}
        | {"pixels": _I32, "ambiguous": _BOOL},
    ),
    "boxes_2d": _spec(
        "boxes in keyframe images, pixels, right and bottom exclusive: around what is seen of an actor (all 0 "
        "where nothing is), and around what it would fill if nothing stood before it",
        ("channel", "frame", "actor_id"),
        {"channel": _STR, "frame": _I32, "actor_id": _U32}
        | _ints(("visible_px", "left_px", "top_px", "right_px", "bottom_px"))
        | _ints(("amodal_px", "amodal_left_px", "amodal_top_px", "amodal_right_px", "amodal_bottom_px"))
        | {"method": _STR},
    ),
    "quality": _spec(
        "what there is to tell for and against each row of `boxes`; gap_* only where clear_looks is not 0",
        ("frame", "actor_id"),
        {"frame": _I32, "actor_id": _U32}
        | _ints(("visible_px", "amodal_px", "cameras"))
        | {"ambiguous": _BOOL, "clear_looks": _I32}
        | _floats(("gap_left_px", "gap_top_px", "gap_right_px", "gap_bottom_px"))
        | _ints(("lidar_own_inside", "lidar_own_outside", "lidar_ground_inside", "lidar_foreign_inside")),
    ),
    "metrics": _spec(
        "criticality of two actors at a frame; what is infinite has no row",
        ("frame", "metric", "actor_id", "other_id"),
        {"frame": _I32, "time_us": _I64, "actor_id": _U32, "other_id": _U32, "metric": _STR, "value": _F64},
    ),
    "axles": _spec(
        "how far the ego's axles are apart, and its left and right wheels; where the rig has an IMU or a GNSS receiver",
        ("actor_id",),
        {"actor_id": _U32} | _floats(("wheelbase_m", "track_m")),
    ),
    "imu": _spec(
        "what the rig's IMU said, ego axes: specific force, turning, and its own orientation, `world_from_ego`",
        ("time_us",),
        {"time_us": _I64} | _floats((*_FELT, "qw", "qx", "qy", "qz")),
    ),
    "imu_truth": _spec(
        "what it would have said without error, and its errors: it says (1 + scale) times the truth, plus bias and "
        "noise, within its range, in its steps",
        ("time_us",),
        {"time_us": _I64}
        | _floats((*_FELT, "qw", "qx", "qy", "qz"))
        | _floats(f"{error}_{name}" for error in ("bias", "noise") for name in _FELT)
        | _floats(f"scale_{name.partition('_')[0]}" for name in _FELT),
    ),
    "gnss": _spec(
        "the fixes of the rig's GNSS receiver: where its antenna is and how it moves; none while reception is lost",
        ("time_us",),
        {"time_us": _I64} | _floats((*_POSITION, *_VELOCITY)),
    ),
    "gnss_truth": _spec(
        "where its antenna was, its errors, and whether reception was lost",
        ("time_us",),
        {"time_us": _I64}
        | _floats((*_POSITION, *_VELOCITY))
        | _floats(f"{error}_{name}" for error in ("bias", "noise") for name in _POSITION)
        | _floats(f"noise_{name}" for name in _VELOCITY)
        | {"lost": _BOOL},
    ),
}


OPTIONAL = frozenset(
    {"lenses", "shutters", "lidar_devices", "lidar_beams", "axles", "imu", "imu_truth", "gnss", "gnss_truth"}
    | {"true_mounts", "clock_times", "lost_frames"}
)
"""Tables that a run has only if there are rows for them."""
