"""CARLA's frames: left-handed metres (x forward, y right, z up) and degrees. Nothing else in the toolkit knows them.

With S = diag(1, -1, 1), a right-handed matrix is S M S of the left-handed one, so y and yaw change sign, and
OpenDRIVE's world is our world. Unreal's rotator turns yaw about z, then pitch (nose up positive), then roll.
Source: CARLA 0.9.16, LibCarla/source/carla/geom/Transform.h and Rotation.h.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import carla
import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array

Numbers = tuple[float, ...]
# Angles on the wire are multiples of this: finer ones, which float32 has near zero, are lost where an angle becomes a
# quaternion or a matrix and an angle again, in which only the sum of all matters.
_FINEST_DEG = 2.0**-30
_POLAR, _AXIAL = np.array([1.0, -1.0, 1.0]), np.array([-1.0, 1.0, -1.0])  # signs between the two hands

CM_PER_M = 100.0
"""CARLA's recorder writes Unreal's centimetres; the client speaks metres."""


def matrix_from_carla(location_m: Iterable[float], pitch_deg: float, yaw_deg: float, roll_deg: float) -> Array:
    """Right-handed `world_from_actor` (4, 4) of a CARLA location (3,) in metres and rotation in degrees."""
    p, y, r = math.radians(pitch_deg), math.radians(yaw_deg), math.radians(roll_deg)
    cp, sp, cy, sy, cr, sr = math.cos(p), math.sin(p), math.cos(y), math.sin(y), math.cos(r), math.sin(r)
    left, right, up = location_m
    rows = (  # Unreal's matrix, with the signs of S M S; written out, as this is asked for every actor at every tick
        (cp * cy, -(cy * sp * sr - sy * cr), -cy * sp * cr - sy * sr, float(left)),
        (-(cp * sy), sy * sp * sr + cy * cr, -(-sy * sp * cr + cy * sr), -float(right)),
        (sp, -(-cp * sr), cp * cr, float(up)),
        (0.0, 0.0, 0.0, 1.0),
    )
    if not math.isfinite(p + y + r + left + right + up):
        raise ValueError(f"want a finite transform, got {rows}")
    return np.array(rows)


def carla_from_matrix(world_from_actor: Array) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """CARLA's ((x, y, z) in metres, (pitch, yaw, roll) in degrees) of a right-handed `world_from_actor` (4, 4)."""
    x, y, z = (float(v) for v in world_from_actor[:3, 3])
    m = world_from_actor
    pitch = math.degrees(math.asin(max(-1.0, min(1.0, float(m[2, 0])))))
    yaw = math.degrees(math.atan2(-float(m[1, 0]), float(m[0, 0])))
    roll = math.degrees(math.atan2(float(m[2, 1]), float(m[2, 2])))
    return (x, -y, z), (pitch, yaw, roll)


def carla_from_matrices(world_from_actor: Array) -> Array:
    """`carla_from_matrix` of many: x, y, z, pitch, yaw, roll (N, 6) of right-handed poses (N, 4, 4)."""
    m = world_from_actor
    found = np.empty((len(m), 6))
    found[:, :3] = m[:, :3, 3]
    np.negative(found[:, 1], out=found[:, 1])
    found[:, 3] = np.arcsin(np.clip(m[:, 2, 0], -1.0, 1.0))
    found[:, 4] = np.arctan2(-m[:, 1, 0], m[:, 0, 0])
    found[:, 5] = np.arctan2(m[:, 2, 1], m[:, 2, 2])
    np.degrees(found[:, 3:], out=found[:, 3:])
    return found


def told_poses(world_from_actor: Array) -> Array:
    """Poses (N, 4, 4) as they are after the wire, whose numbers are of 32 bits: what clients are told, in our axes.

    What is told already stays as it is to the bit, also if it came back by way of quaternions (but not what points
    straight up or down, where yaw and roll are one).
    """
    m = world_from_actor
    turned = np.stack(
        [
            np.arcsin(np.clip(m[:, 2, 0], -1.0, 1.0)),
            np.arctan2(-m[:, 1, 0], m[:, 0, 0]),
            np.arctan2(m[:, 2, 1], m[:, 2, 2]),
        ]
    )
    degrees = _float32(np.rint(np.degrees(turned) / _FINEST_DEG) * _FINEST_DEG)
    degrees[degrees == -180.0] = 180.0
    turned = np.radians(degrees)
    (sp, sy, sr), (cp, cy, cr) = np.sin(turned), np.cos(turned)
    told = np.zeros_like(m)  # as in `matrix_from_carla`
    told[:, 0, 0], told[:, 0, 1], told[:, 0, 2] = cp * cy, -(cy * sp * sr - sy * cr), -cy * sp * cr - sy * sr
    told[:, 1, 0], told[:, 1, 1], told[:, 1, 2] = -(cp * sy), sy * sp * sr + cy * cr, -(-sy * sp * cr + cy * sr)
    told[:, 2, 0], told[:, 2, 1], told[:, 2, 2] = sp, cp * sr, cp * cr
    told[:, :3, 3] = _float32(m[:, :3, 3])
    told[:, 3, 3] = 1.0
    return told


def told_vectors(vectors: Array) -> Array:
    """Velocities (N, 3) as they are after the wire."""
    return _float32(vectors)


def told_spins(radians_per_s: Array) -> Array:
    """Angular velocities (N, 3) as they are after the wire, which has them in degrees."""
    spins: Array = np.radians(_float32(np.degrees(radians_per_s)))
    return spins


def _float32(values: Array) -> Array:
    """Through 32 bits and back; no zero is negative."""
    rounded: Array = values.astype(np.float32).astype(np.float64) + 0.0
    return rounded


def transform_from_matrix(world_from_actor: Array) -> carla.Transform:
    """The client's Transform of a right-handed `world_from_actor` (4, 4); likewise of `parent_from_actor`."""
    location, (pitch, yaw, roll) = carla_from_matrix(world_from_actor)
    return carla.Transform(carla.Location(*location), carla.Rotation(pitch, yaw, roll))


def matrix_from_transform(transform: carla.Transform) -> Array:
    """Right-handed `world_from_actor` (4, 4) of the client's Transform.

    Raises:
        ValueError: if it is not finite.
    """
    place, turn = transform.location, transform.rotation
    return matrix_from_carla((place.x, place.y, place.z), turn.pitch, turn.yaw, turn.roll)


def matrix_from_world_box(box: carla.BoundingBox) -> Array:
    """Right-handed `world_from_box` (4, 4) of a bounding box in world axes, as environment objects have them."""
    place, turn = box.location, box.rotation
    return matrix_from_carla((place.x, place.y, place.z), turn.pitch, turn.yaw, turn.roll)


def location_from_point(point_m: Array) -> carla.Location:
    """The client's Location of a point (3,) in metres, in our axes."""
    return carla.Location(*flip_y(point_m).tolist())


def vector_to_carla(vector: Array) -> carla.Vector3D:
    """The client's Vector3D of a direction or velocity (3,), in our axes."""
    return carla.Vector3D(*flip_y(vector).tolist())


def vector_from_carla(vector: carla.Vector3D) -> Array:
    """A direction, velocity or point (3,) in our axes, of the client's Vector3D or Location."""
    return flip_y((vector.x, vector.y, vector.z))


def flip_y(vectors: npt.ArrayLike) -> Array:
    """Turn vectors or points (..., 3) between CARLA's axes and ours, either way."""
    flipped: Array = np.asarray(vectors, dtype=np.float64) * _POLAR
    return flipped


def angular_from_carla(degrees_per_s: npt.ArrayLike) -> Array:
    """Angular velocity (..., 3) in rad/s about our axes, of CARLA's in deg/s (an axial vector: x and z change sign)."""
    ours: Array = np.radians(np.asarray(degrees_per_s, dtype=np.float64)) * _AXIAL
    return ours


def angular_to_carla(radians_per_s: npt.ArrayLike) -> Array:
    """The inverse of `angular_from_carla`: (..., 3) in deg/s about CARLA's axes."""
    carlas: Array = np.degrees(np.asarray(radians_per_s, dtype=np.float64)) * _AXIAL
    return carlas


def spin_to_carla(radians_per_s: Array) -> carla.Vector3D:
    """The client's Vector3D of an angular velocity (3,) in rad/s about our axes."""
    return carla.Vector3D(*angular_to_carla(radians_per_s).tolist())


def motion_numbers(found: carla.ActorSnapshot) -> Numbers:
    """Place, rotation, velocity, angular velocity and acceleration (15 numbers) of a snapshot, as they came."""
    transform, velocity = found.get_transform(), found.get_velocity()
    spin, push = found.get_angular_velocity(), found.get_acceleration()
    place, turn = transform.location, transform.rotation
    return (
        *(place.x, place.y, place.z, turn.pitch, turn.yaw, turn.roll),
        *(velocity.x, velocity.y, velocity.z, spin.x, spin.y, spin.z, push.x, push.y, push.z),
    )


def motion_from_numbers(numbers: Numbers) -> tuple[Array, Array, Array, Array]:
    """`world_from_actor` (4, 4), velocity, angular velocity and acceleration (3,), SI, in our axes.

    Raises:
        ValueError: if the pose is not finite.
    """
    pose = matrix_from_carla(numbers[:3], *numbers[3:6])
    return pose, flip_y(numbers[6:9]), angular_from_carla(numbers[9:12]), flip_y(numbers[12:15])


def matrix_from_recorded(location_cm: Iterable[float], euler_deg: Iterable[float]) -> Array:
    """Right-handed `world_from_actor` (4, 4) of a pose as CARLA's recorder writes it.

    Args:
        location_cm: (3,), Unreal's centimetres.
        euler_deg: (3,), roll, pitch, yaw, in the order of Unreal's FQuat::Euler.

    Raises:
        ValueError: if it is not finite.
    """
    roll, pitch, yaw = euler_deg
    return matrix_from_carla((value / CM_PER_M for value in location_cm), pitch, yaw, roll)


def recorded_from_matrix(world_from_actor: Array) -> tuple[Numbers, Numbers]:
    """The inverse of `matrix_from_recorded`: location (3,) in centimetres; roll, pitch, yaw in degrees."""
    location, (pitch, yaw, roll) = carla_from_matrix(world_from_actor)
    return tuple(value * CM_PER_M for value in location), (roll, pitch, yaw)
