"""Wheels of finished vehicles as parts of their own, cut out of the body's mesh.

A vehicle whose wheels point ahead and have not turned is its whole mesh; hull and wheels together are its triangles.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Body, Rolling
from av_synth.simulator.bodies.shapes import DARK
from av_synth.simulator.scene import Mesh, Tag

_WIDEST_M = 0.35  # half a tyre's width, and more than any
_AROUND = 0.06  # of its radius: how far the middle of what turns with a wheel is from its hub
_WHEELS_OF_A_CAR = 4
_GUARD, _GUARD_M = 1.45, 0.12  # of a front wheel's radius, and to the side: where mudguard and fork are
_RAKE_RAD = {Tag.BICYCLE: math.radians(18.0), Tag.MOTORCYCLE: math.radians(25.0)}  # usual head angles are 72 and 65
_BAKED = -1
_LINER, _LINER_SIDES = 1.1, 14  # of a wheel's radius

Owners = npt.NDArray[np.int64]
"""(T,) the wheel that each triangle is of, by its index in `Body.wheels`, or -1."""


def with_wheels(body: Body, owners: Owners | None = None) -> Body:
    """The body with wheels that turn, if they can be told from the rest of it.

    Args:
        body: of a vehicle; its own mesh stays as it is.
        owners: whose each triangle of its mesh is, of a mesh that has nothing behind its wheels, as those seen from
            outside alone; found by what hangs together around the hubs if None.
    """
    (mesh,) = body.meshes
    hollow = owners is not None
    if owners is None:
        owners = _found(mesh, body)
    if not all((owners == k).any() for k in range(len(body.wheels))):
        return replace(body, rolling=None)
    parts = [mesh.kept(owners == k) for k in range(len(body.wheels))]
    hubs = [_hub(part) for part in parts]
    steered = np.array([wheel.steered for wheel in body.wheels])
    two_wheels = len(parts) < _WHEELS_OF_A_CAR
    if two_wheels:
        front = int(np.argmax(steered))
        guard = _guard(mesh, owners, hubs[front], body.wheels[front].radius_m)
        if guard.any():
            owners = np.where(guard, len(parts), owners)
            parts, hubs, steered = [*parts, mesh.kept(guard)], [*hubs, hubs[front]], np.append(steered, True)
    placed = tuple(
        replace(part, positions_m=(part.positions_m - hub.astype(np.float32)).astype(np.float32))
        for part, hub in zip(parts, hubs, strict=True)
    )
    outward = np.array([1.0 if hub[1] > body.box_centre_m[1] else -1.0 for hub in hubs])
    radii, halves = (np.array(sizes) for sizes in zip(*map(_sizes, placed), strict=True))
    radii[len(body.wheels) :] = np.inf  # a fork does not roll
    liners = [
        _liner(hubs[k], float(radii[k]), float(halves[k]), float(outward[k]), body.tag)
        for k in np.flatnonzero(steered & (hollow and not two_wheels)).tolist()
    ]
    edge = body.box_centre_m[1] + outward * body.box_half_m[1]
    return replace(
        body,
        rolling=Rolling(
            hull=Mesh.merge([mesh.kept(owners == _BAKED), *liners]),
            wheels=placed,
            hubs_m=np.stack(hubs),
            radii_m=radii,
            half_m=halves,
            room_m=outward * (edge - np.array([hub[1] for hub in hubs])),
            steered=steered,
            rake_rad=_RAKE_RAD[body.tag] if two_wheels else 0.0,
        ),
    )


def _guard(mesh: Mesh, owners: Owners, hub: Array, radius_m: float) -> npt.NDArray[np.bool_]:
    """Triangles (T,) of pieces that lie close around a front wheel and are none of it: they are steered with it.

    What of a fork reaches further up stays: it lies along the axis that it turns about.
    """
    piece, _, _ = _pieces(mesh)
    off = np.abs(mesh.positions_m[mesh.triangles].astype(np.float64) - hub)  # (T, 3, 3)
    most = np.zeros((int(piece.max()) + 1, 2))
    np.maximum.at(most, piece, np.stack([np.hypot(off[..., 0], off[..., 2]), off[..., 1]], axis=2).max(axis=1))
    close = np.all(most <= [_GUARD * radius_m, _GUARD_M], axis=1)[piece]
    return np.asarray(close & (owners == _BAKED) & (mesh.tags[mesh.triangles[:, 0]] != int(Tag.RIDER)))


def _hub(part: Mesh) -> Array:
    """The middle of the box around a wheel."""
    low, high = part.positions_m.min(axis=0).astype(np.float64), part.positions_m.max(axis=0).astype(np.float64)
    return np.asarray((low + high) / 2)


def _sizes(wheel: Mesh) -> tuple[float, float]:
    """Radius and half the width of a wheel around its hub."""
    reach = np.abs(wheel.positions_m.astype(np.float64))
    return float(np.hypot(reach[:, 0], reach[:, 2]).max()), float(reach[:, 1].max())


def _liner(hub: Array, radius_m: float, half_m: float, outward: float, tag: Tag) -> Mesh:
    """The inside of a wheel arch, dark: what is seen beside a steered wheel. It faces the wheel alone."""
    across = np.array([0.0, 1.0, 0.0])
    turn = np.linspace(-0.35, np.pi + 0.35, _LINER_SIDES + 1)
    ring = hub + _LINER * radius_m * np.stack([np.cos(turn), 0.0 * turn, np.sin(turn)], axis=1)
    outer, inner = (ring + outward * y * across for y in (half_m - 0.04, -half_m - 0.12))
    middle = hub - outward * (half_m + 0.12) * across
    faces = []
    for k in range(_LINER_SIDES):
        faces += [(outer[k], outer[k + 1], inner[k + 1]), (outer[k], inner[k + 1], inner[k])]
        faces.append((inner[k], inner[k + 1], middle))
    corners = np.array(faces)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    away = np.einsum("ij,ij->i", normal, corners.mean(axis=1) - hub) > 0
    corners[away] = corners[away][:, ::-1]
    normal[away] *= -1.0
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    count = 3 * len(corners)
    return Mesh(
        corners.reshape(-1, 3).astype(np.float32),
        np.repeat(normal, 3, axis=0).astype(np.float32),
        np.tile(np.array(DARK.colour, dtype=np.uint8), (count, 1)),
        np.full(count, int(DARK.material), dtype=np.uint8),
        np.full(count, int(tag), dtype=np.uint8),
        np.arange(count, dtype=np.uint32).reshape(-1, 3),
    )


def _found(mesh: Mesh, body: Body) -> Owners:
    """Pieces of the mesh that hang together, lie within a wheel's place and are centred on its hub."""
    piece, low, high = _pieces(mesh)
    owners: Owners = np.full(len(piece), _BAKED, dtype=np.int64)
    for k, wheel in enumerate(body.wheels):
        off = np.abs((low + high) / 2 - wheel.position_m)[:, [0, 2]].max(axis=1)
        reach = np.maximum(high - wheel.position_m, wheel.position_m - low)
        mine = (off <= _AROUND * wheel.radius_m) & (reach[:, [0, 2]].max(axis=1) <= 1.01 * wheel.radius_m)
        owners[(mine & (reach[:, 1] <= _WIDEST_M))[piece]] = k
    return owners


def _pieces(mesh: Mesh) -> tuple[Owners, Array, Array]:
    """The piece that each triangle (T,) is of, and the lowest and highest corners (P, 3) of all pieces."""
    points = mesh.positions_m.astype(np.float64)
    _, welded = np.unique(np.round(points * 1e4), axis=0, return_inverse=True)
    piece = _hanging_together(np.asarray(welded).reshape(-1)[mesh.triangles])
    count = int(piece.max()) + 1
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    np.minimum.at(low, np.repeat(piece, 3), points[mesh.triangles].reshape(-1, 3))
    np.maximum.at(high, np.repeat(piece, 3), points[mesh.triangles].reshape(-1, 3))
    return piece, low, high


def _hanging_together(faces: npt.NDArray[np.intp]) -> Owners:
    """The piece that each triangle (T, 3) is of: those that share points are of one."""
    piece = np.arange(int(faces.max()) + 1)
    while True:
        least = piece[faces].min(axis=1)
        before = piece.copy()
        for corner in range(3):
            np.minimum.at(piece, faces[:, corner], least)
        piece = piece[piece]
        if np.array_equal(piece, before):
            return np.asarray(np.unique(piece[faces[:, 0]], return_inverse=True)[1], dtype=np.int64).reshape(-1)
