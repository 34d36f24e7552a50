"""Pieces that simple props are put together from: blocks, drums, rods, balls and flat sheets, each of one finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from av_synth.simulator.bodies.model import Body, bounds
from av_synth.simulator.bodies.props import class_of, prop, turned
from av_synth.simulator.bodies.shapes import Finish, ellipsoid, limb
from av_synth.simulator.bodies.skin import Skin
from av_synth.simulator.scene import Mesh, Tag

_Place = tuple[float, float, float]
Piece = Callable[[Tag], Mesh]

_SIZES = ((0.3, "tiny"), (0.8, "small"), (2.0, "medium"))  # CARLA's `size` up to so many metres


def block(low: _Place, high: _Place, finish: Finish) -> Piece:
    """An upright box between two corners."""

    def made(tag: Tag) -> Mesh:
        skin = Skin()
        skin.box(low, high, finish)
        return skin.mesh(tag)

    return made


def drum(profile: Sequence[tuple[float, float]], finish: Finish) -> Piece:
    """A solid of revolution about z through (radius, height), from the bottom up."""
    return lambda tag: turned(list(profile), finish, tag)


def rod(start: _Place, end: _Place, radius_m: float, finish: Finish) -> Piece:
    """A round bar."""
    return lambda tag: limb(start, end, radius_m, radius_m, finish, tag, 8)


def ball(centre: _Place, radii: _Place, finish: Finish) -> Piece:
    """An ellipsoid."""
    return lambda tag: ellipsoid(centre, radii, finish, tag)


def sheet(
    outline: Sequence[tuple[float, float]], between: tuple[float, float], finish: Finish, *, upright: bool = False
) -> Piece:
    """A convex outline of some thickness: flat on the ground (x, y), or `upright` (y, z) and facing +x.

    Args:
        outline: its corners, counter-clockwise seen from above, or from the front.
        between: where it begins and ends along z, or along x.
        finish: of all of it.
        upright: whether it stands.
    """

    def made(tag: Tag) -> Mesh:
        skin = Skin()
        edge = np.array(outline, dtype=np.float64)
        count = len(edge)
        low, high = np.full((count, 1), between[0]), np.full((count, 1), between[1])
        rings = [np.hstack([level, edge]) if upright else np.hstack([edge, level]) for level in (low, high)]
        fan = [(0, k, k + 1) for k in range(1, count - 1)]
        faces = [*((a, c, b) for a, b, c in fan), *((count + a, count + b, count + c) for a, b, c in fan)]
        for k in range(count):
            a, b = k, (k + 1) % count
            faces += [(a, b, count + b), (a, count + b, count + a)]
        skin.triangles(np.concatenate(rings), faces, finish)
        return skin.mesh(tag)

    return made


def built(name: str, mass_kg: float, pieces: Sequence[Piece]) -> Body:
    """A prop of some pieces, standing on the ground over the middle of its box."""
    tag = class_of(mass_kg)
    mesh = Mesh.merge([piece(tag) for piece in pieces])
    low, high = bounds([mesh])
    middle = np.array([low[0] + high[0], low[1] + high[1], 2.0 * low[2]]) / 2.0
    mesh.positions_m[:] -= middle.astype(np.float32)
    longest = float((high - low).max())
    size = next((word for most, word in _SIZES if longest <= most), "big")
    return prop(name, [mesh], mass_kg, size, tag=tag)
