"""Many rotations at once, as unit quaternions (N, 4): w, x, y, z, Hamilton's, as nuScenes has them."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array


def continuous(turn: Array) -> Array:
    """The same rotations with signs such that neighbours lie in one half of the sphere."""
    flips = np.where((turn[1:] * turn[:-1]).sum(axis=1) < 0, -1.0, 1.0)
    return turn * np.concatenate([[1.0], np.cumprod(flips)])[:, None]


def product(a: Array, b: Array) -> Array:
    """Hamilton product of quaternions (N, 4)."""
    real = a[:, :1] * b[:, :1] - (a[:, 1:] * b[:, 1:]).sum(axis=1, keepdims=True)
    return np.concatenate([real, a[:, :1] * b[:, 1:] + b[:, :1] * a[:, 1:] + cross(a[:, 1:], b[:, 1:])], axis=1)


def cross(a: Array, b: Array) -> Array:
    """Cross product (N, 3): numpy's own takes ten times as long for short arrays."""
    x, y, z = a.T
    u, v, w = b.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=1)


def conjugate(turn: Array) -> Array:
    """The inverse rotations of unit quaternions (N, 4)."""
    return turn * np.array([1.0, -1.0, -1.0, -1.0])


def unit(turn: Array) -> Array:
    """Quaternions (N, 4), made as long as 1."""
    scaled: Array = turn / np.linalg.norm(turn, axis=1, keepdims=True)
    return scaled


def turn_of(vector: Array) -> Array:
    """Quaternions (N, 4) of rotation vectors (N, 3) in radians."""
    angle = np.linalg.norm(vector, axis=1, keepdims=True)
    return np.concatenate([np.cos(angle / 2), vector * np.sinc(angle / (2 * np.pi)) / 2], axis=1)


def vector_of(turn: Array) -> Array:
    """Rotation vectors (N, 3) in radians of unit quaternions (N, 4), the short way round."""
    turn = turn * np.where(turn[:, :1] < 0, -1.0, 1.0)
    sine = np.linalg.norm(turn[:, 1:], axis=1, keepdims=True)
    angle = 2 * np.arctan2(sine, turn[:, :1])
    # angle / sine goes to 2 where nothing turns
    return turn[:, 1:] * np.divide(angle, sine, out=np.full_like(sine, 2.0), where=sine > 1e-12)


def turned_by(turn: Array, vectors: Array) -> Array:
    """Vectors (N, 3), each turned by its unit quaternion of (N, 4)."""
    real, imaginary = turn[:, :1], turn[:, 1:]
    half = 2 * cross(imaginary, vectors)
    turned: Array = vectors + real * half + cross(imaginary, half)
    return turned
