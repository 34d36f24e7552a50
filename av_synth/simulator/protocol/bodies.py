"""What sensors send: a header of 48 bytes and a body, little-endian, in CARLA's axes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import msgpack
import numpy as np
import numpy.typing as npt

from av_synth.geometry.carla import angular_to_carla, carla_from_matrix, flip_y
from av_synth.geometry.transforms import Array

Pixels = npt.NDArray[np.uint8]
_DEPTH_RANGE_M = 1000.0
_FLOW_RANGE = np.float32(2.0)


class SensorType(IntEnum):
    """The number in the header that tells the client which body follows (0.9.16's; they move between versions)."""

    COLLISION = 0
    DEPTH = 1
    NORMALS = 2
    DVS = 3
    GNSS = 4
    IMU = 5
    LANE_INVASION = 6
    OBSTACLE = 7
    OPTICAL_FLOW = 8
    RADAR = 9
    SEMANTIC_LIDAR = 10
    LIDAR = 11
    RGB = 13
    SEMANTIC_SEGMENTATION = 14
    INSTANCE_SEGMENTATION = 15
    WORLD_OBSERVER = 17


_HEADER = struct.Struct("<QQd6f")


def header(kind: SensorType, frame: int, elapsed_s: float, world_from_sensor: Array | None = None) -> bytes:
    """The header; the sensor's pose is `world_from_sensor` (4, 4), or the origin for the world observer."""
    if world_from_sensor is None:
        return _HEADER.pack(kind, frame, elapsed_s, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    location, rotation = carla_from_matrix(world_from_sensor)
    return _HEADER.pack(kind, frame, elapsed_s, *location, *rotation)


def image(width_px: int, height_px: int, fov_deg: float, pixels: npt.NDArray[Any]) -> list[bytes | memoryview]:
    """An image body; `pixels` is (H, W, 4) uint8, BGRA, or (H, W, 2) float32 of optical flow, row 0 on top."""
    return [struct.pack("<IIf", width_px, height_px, fov_deg), _raw(pixels)]


def depth_pixels(depth_m: npt.NDArray[np.float32]) -> Pixels:
    """Depth (H, W) in metres as CARLA's 24 bits, low byte in R, middle in G, high in B; 1000 m and beyond is white."""
    scaled = np.clip(depth_m, 0.0, _DEPTH_RANGE_M).astype(np.float64) * ((2**24 - 1) / _DEPTH_RANGE_M)
    value = np.ascontiguousarray(np.rint(scaled), dtype="<u4").view(np.uint8).reshape(*depth_m.shape, 4)
    return _bgra(value[..., 2], value[..., 1], value[..., 0])


def semantic_pixels(tag: npt.NDArray[np.uint8]) -> Pixels:
    """Class of each pixel (H, W), in R."""
    return _bgra(0, 0, tag)


def instance_pixels(tag: npt.NDArray[np.uint8], actor_id: npt.NDArray[np.uint32]) -> Pixels:
    """Class of each pixel in R, and the actor's id: low byte in G, high byte in B (0: the static world)."""
    ids = np.ascontiguousarray(actor_id, dtype="<u4").view(np.uint8).reshape(*actor_id.shape, 4)
    return _bgra(ids[..., 1], ids[..., 0], tag)


def flow_pixels(flow_px: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Optical flow (H, W, 2) in pixels to the right and down, as CARLA sends it: in halves of the image, y up, -2 to 2.

    Both are displacements since the frame before, at the pixel where a point is now. Source: CARLA,
    OpticalFlowCamera.cpp, which unpacks Unreal's velocity buffer: clip space, this frame less the one before.
    """
    height, width = flow_px.shape[:2]
    scale = np.array([2.0 / width, -2.0 / height], dtype=np.float32)
    # adding 0 turns -0.0 into 0.0
    return np.asarray(np.clip(flow_px * scale, -_FLOW_RANGE, _FLOW_RANGE) + np.float32(0.0), dtype="<f4")


def normal_pixels(normal: npt.NDArray[np.float32]) -> Pixels:
    """Unit normals (H, W, 3) in our world axes as CARLA sends them: along x, y, z of its world in R, G, B, 0 for -1.

    1 is 255; no normal at all, as the sky has it, is 128 in each. Source: carla#8810 and, for 0.9, #8859; before them
    normals were the camera's.
    """
    coded = np.rint((normal * np.array([1.0, -1.0, 1.0], dtype=np.float32) + 1.0) * 127.5).astype(np.uint8)
    return _bgra(coded[..., 2], coded[..., 1], coded[..., 0])


def _bgra(blue: Pixels | int, green: Pixels | int, red: Pixels) -> Pixels:
    pixels: Pixels = np.empty((*red.shape, 4), dtype=np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2], pixels[..., 3] = blue, green, red, 255
    return pixels


EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("t_ns", "<i8"), ("brighter", "u1")])


def dvs(width_px: int, height_px: int, fov_deg: float, events: npt.NDArray[np.void]) -> list[bytes | memoryview]:
    """The body of a DVS camera: that of an image, with events for pixels; `events` is (N,) of EVENT, by time."""
    return image(width_px, height_px, fov_deg, events)


def lidar(angle_rad: float, channel_points: list[npt.NDArray[np.float32]]) -> list[bytes | memoryview]:
    """A lidar body; per channel, from the top, (N, 4) float32: x, y, z in our axes of the sensor, intensity."""
    points = np.concatenate([np.asarray(p, dtype="<f4").reshape(-1, 4) for p in channel_points])
    points[:, 1] *= -1.0
    return [_lidar_head(angle_rad, [len(points) for points in channel_points]), _raw(points)]


SEMANTIC_POINT = np.dtype([("xyz", "<f4", (3,)), ("cos", "<f4"), ("actor_id", "<u4"), ("tag", "<u4")])


def semantic_lidar(angle_rad: float, channel_points: list[npt.NDArray[np.void]]) -> list[bytes | memoryview]:
    """A semantic lidar body; per channel, from the top, (N,) of SEMANTIC_POINT in our axes of the sensor."""
    points = np.concatenate(channel_points).astype(SEMANTIC_POINT)
    points["xyz"][:, 1] *= -1.0
    return [_lidar_head(angle_rad, [len(points) for points in channel_points]), _raw(points)]


def beams(
    angle_rad: float, counts: Sequence[int], hits: npt.NDArray[np.void], facts: npt.NDArray[np.void]
) -> list[bytes | memoryview]:
    """The body of an `avsynth.lidar.device`: the channels of `semantic_lidar`, then as many with the facts of each hit.

    Args:
        angle_rad: CARLA's horizontal angle after the tick.
        counts: hits of each channel, from the top.
        hits: (N,) of SEMANTIC_POINT in our axes of the sensor, channel after channel; it is changed to CARLA's.
        facts: (N,) of SEMANTIC_POINT: seconds, weight, transmission; column; candidate; material.
    """
    hits["xyz"][:, 1] *= -1.0
    return [_lidar_head(angle_rad, [*counts, *counts]), _raw(hits), _raw(facts)]


def visibility(rows: Sequence[tuple[int, int, int, int, tuple[int, int, int, int]]]) -> list[bytes | memoryview]:
    """The body of an avsynth.camera.visibility: a semantic lidar of two channels, each with one point per actor.

    The first channel has two counts: x, pixels of the actor drawn alone; y, pixels of it really seen. The second has
    the box around those drawn alone: x left, y top, z right, cos bottom. float32 holds counts exactly up to 2^24.

    Args:
        rows: actor id, class, pixels alone, pixels seen, box (left, top, right, bottom; the last two exclusive).
    """
    counts, boxes = np.zeros(len(rows), dtype=SEMANTIC_POINT), np.zeros(len(rows), dtype=SEMANTIC_POINT)
    for count, around, (actor_id, tag, amodal_px, visible_px, box) in zip(counts, boxes, rows, strict=True):
        count["xyz"], around["xyz"], around["cos"] = (amodal_px, visible_px, 0.0), box[:3], box[3]
        for point in (count, around):
            point["actor_id"], point["tag"] = actor_id, tag
    return [_lidar_head(0.0, [len(counts), len(boxes)]), _raw(np.concatenate([counts, boxes]))]


def radar_hits(
    hits: npt.NDArray[np.void],
    range_rate_mps: npt.NDArray[np.float32],
    material: npt.NDArray[np.uint8],
    normal_rad: npt.NDArray[np.float32],
    ray: npt.NDArray[np.intp],
) -> list[bytes | memoryview]:
    """The body of an avsynth.radar.device: a semantic lidar of two channels, each with one detection per hit.

    The first is `hits`, (N,) of SEMANTIC_POINT in our axes of the sensor; the second has of each its range rate (x),
    its material (y), where its normal points, to the left (z), and the number of its ray (cos), which float32 holds
    exactly up to 2^24.
    """
    more = np.zeros(len(hits), dtype=SEMANTIC_POINT)
    more["xyz"], more["cos"] = np.stack([range_rate_mps, material, normal_rad], axis=-1), ray
    for name in ("actor_id", "tag"):
        more[name] = hits[name]
    hits["xyz"][:, 1] *= -1.0
    return [_lidar_head(0.0, [len(hits), len(more)]), _raw(np.concatenate([hits, more]))]


def _lidar_head(angle_rad: float, counts: Sequence[int]) -> bytes:
    return struct.pack(f"<fI{len(counts)}I", angle_rad, len(counts), *counts)


def radar(velocity_mps: Array, azimuth_rad: Array, altitude_rad: Array, depth_m: Array) -> list[bytes | memoryview]:
    """A radar body; velocity positive when receding, azimuth positive to the left here and to the right in CARLA."""
    rows = np.stack([velocity_mps, -np.asarray(azimuth_rad), altitude_rad, depth_m], axis=-1).astype("<f4")
    return [_raw(rows)]


def _raw(array: npt.NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def gnss(latitude_deg: float, longitude_deg: float, altitude_m: float) -> list[bytes | memoryview]:
    """A GNSS body."""
    return [msgpack.packb([latitude_deg, longitude_deg, altitude_m])]


def imu(
    accelerometer_mps2: Array, gyroscope_radps: Array, compass_rad: float, accel_error: Array, gyro_error: Array
) -> list[bytes | memoryview]:
    """An IMU body from vectors (3,) in our axes of the sensor, and errors (3,) along CARLA's axes, in equal units."""
    pull = flip_y(accelerometer_mps2) + accel_error
    turn = np.radians(angular_to_carla(gyroscope_radps)) + gyro_error
    return [msgpack.packb([[float(v) for v in pull], [float(v) for v in turn], compass_rad])]


def collision(actor: list[Any], other: list[Any], impulse_ns: Array) -> list[bytes | memoryview]:
    """A collision body: who (Actor), with whom (Actor), and the impulse (3,) in newton seconds, our world axes."""
    return [msgpack.packb([actor, other, [float(v) for v in flip_y(impulse_ns)]])]


def obstacle(actor: list[Any], other: list[Any], distance_m: float) -> list[bytes | memoryview]:
    """The body of an obstacle detector: who looks (Actor), what is in the way (Actor), and how far ahead it is."""
    return [msgpack.packb([actor, other, distance_m])]
