"""Where meshes have lamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh

_LAMP_MATERIALS = (
    *(Material.LAMP_FRONT, Material.LAMP_BRAKE, Material.LAMP_LEFT, Material.LAMP_RIGHT),
    *(Material.LAMP_BLUE, Material.LAMP_RED, Material.GLOW),
)
_STREET_LAMP_ABOVE_M = 3.0  # the ground
_AROUND_M = 4.0
_ALL_WAYS = 0.1  # a mean of normals that is shorter than this points nowhere


@dataclass(frozen=True)
class Lamp:
    """A cluster of lamp triangles: its `Material`, middle (3,) and mean outward normal (3,) in the mesh's frame.

    `all_ways`: they look to all sides, as those of a box do, and their mean says nothing.
    """

    material: int
    centre_m: Array
    normal: Array
    colour: Array
    all_ways: bool = False


def find(mesh: Mesh, within_m: float = 0.35) -> tuple[Lamp, ...]:
    """The lamps of a mesh: triangles of one lamp material whose middles lie within a distance of the first."""
    materials = mesh.materials[mesh.triangles[:, 0]]
    lamps = []
    for material in _LAMP_MATERIALS:
        chosen = mesh.triangles[materials == int(material)]
        if not len(chosen):
            continue
        middles = mesh.positions_m[chosen].mean(axis=1).astype(np.float64)
        normals = mesh.normals[chosen].mean(axis=1).astype(np.float64)
        colours = (mesh.colours[chosen].mean(axis=1) / 255.0) ** 2
        left = np.ones(len(chosen), dtype=bool)
        while left.any():
            first = middles[np.argmax(left)]
            cluster = left & (np.linalg.norm(middles - first, axis=1) <= within_m)
            left &= ~cluster
            normal = normals[cluster].mean(axis=0)
            length = float(np.linalg.norm(normal))
            normal /= max(length, 1e-6)
            colour = colours[cluster].mean(axis=0)
            lamps.append(Lamp(int(material), middles[cluster].mean(axis=0), normal, colour, length < _ALL_WAYS))
    return tuple(lamps)


def street_lamps(town: Mesh) -> tuple[Array, Array]:
    """Where the town's street lamps are (N, 3), everything high up that glows; and the height of the ground there."""
    at = np.array([lamp.centre_m for lamp in find(town, within_m=1.2)]).reshape(-1, 3)
    ground = _lowest_around_m(town, at)
    high = at[:, 2] - ground > _STREET_LAMP_ABOVE_M
    return at[high], ground[high]


def _lowest_around_m(town: Mesh, at_m: Array) -> Array:
    """Height (N,) of the lowest point of a mesh within some metres of each place (N, 3)."""
    if not len(at_m):
        return np.zeros(0)
    corner = town.positions_m[:, :2].min(axis=0) - _AROUND_M
    cells = ((town.positions_m[:, :2] - corner) / _AROUND_M).astype(int)
    lowest = np.full(cells.max(axis=0) + 2, np.inf)
    np.minimum.at(lowest, (cells[:, 0], cells[:, 1]), town.positions_m[:, 2])
    here = ((at_m[:, :2] - corner) / _AROUND_M).astype(int)
    around = [lowest[here[:, 0] + x, here[:, 1] + y] for x in (-1, 0, 1) for y in (-1, 0, 1)]
    return np.asarray(np.min(around, axis=0), dtype=float)
