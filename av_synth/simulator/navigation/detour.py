"""Writes a navigation mesh as LibCarla reads it: one tile of Detour's format 7 in a file of its own.

One tile holds a town, so that a random place is as likely anywhere: Detour draws a tile first, whatever is on it.
The layouts are those of Detour's DetourNavMesh.h with references of 32 bit, and of LibCarla's nav/Navigation.cpp.
Detour's axes are x, height, z; they are CARLA's x, z and y.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from av_synth.errors import SimulatorError
from av_synth.geometry.transforms import Array
from av_synth.simulator.navigation.ground import AGENT_HEIGHT_M, AGENT_RADIUS_M
from av_synth.simulator.navigation.polygons import MAX_CORNERS, PolygonMesh

_FILE_MAGIC, _FILE_VERSION = b"TESM", 1
_TILE_MAGIC, _TILE_VERSION = b"VAND", 7
_TILE_REFERENCE = 1 << 16  # the first tile, before it was ever changed, beside up to 16 bit for the polygon
_MAX_POLYGONS = 0x7FFF  # neighbours are 15 bit
_MAX_VERTICES = 0xFFFF
_CLIMB_M = 0.3
_CELL_M = 0.1  # of the tree of bounds, which counts in 16 bit
_MAX_CELLS = 65_000
_ON_EDGE = (1, 4, 16)  # the flag of a triangle's edge that is one of its polygon's

_POLYGON = np.dtype(
    [
        ("first_link", "<u4"),
        ("vertices", "<u2", MAX_CORNERS),
        ("neighbours", "<u2", MAX_CORNERS),
        ("flags", "<u2"),
        ("count", "u1"),
        ("area", "u1"),
    ]
)
_LINK_BYTES = 12
_DETAIL = np.dtype([("vertex", "<u4"), ("triangle", "<u4"), ("vertices", "u1"), ("triangles", "u1"), ("", "u1", 2)])
_NODE = np.dtype([("low", "<u2", 3), ("high", "<u2", 3), ("index", "<i4")])


class TooLargeError(SimulatorError):
    """A mesh has more polygons or vertices than a tile can number."""


def write(mesh: PolygonMesh) -> bytes:
    """The bytes of the file.

    Raises:
        TooLargeError: if the mesh does not fit.
    """
    count = len(mesh.polygons)
    if count > _MAX_POLYGONS or len(mesh.vertices_m) > _MAX_VERTICES:
        raise TooLargeError(
            f"{count} polygons with {len(mesh.vertices_m)} vertices; {_MAX_POLYGONS} and {_MAX_VERTICES} are the most"
        )
    vertices = (mesh.vertices_m[:, [0, 2, 1]] * [1.0, 1.0, -1.0]).astype("<f4")  # CARLA's y points to the other side
    low, high = vertices.min(axis=0) - np.float32(0.5), vertices.max(axis=0) + np.float32(0.5)
    tile = _tile(mesh, vertices, low, high)
    size = high - low
    header = struct.pack(
        "<4s2i5f2i", _FILE_MAGIC, _FILE_VERSION, 1, *low.tolist(), float(size[0]), float(size[2]), 1, 1 << 16
    )
    return header + struct.pack("<Ii", _TILE_REFERENCE, len(tile)) + tile


def _tile(mesh: PolygonMesh, vertices: npt.NDArray[np.float32], low: Array, high: Array) -> bytes:
    count = len(mesh.polygons)
    links = sum(n >= 0 for beyond in mesh.neighbours for n in beyond)
    links += 1  # Detour writes to the last one, be it used or not
    per_cell = 1.0 / max(_CELL_M, float((high - low).max()) / _MAX_CELLS)
    details, triangles = _details(mesh)
    tree = _tree(mesh, vertices, low, per_cell)
    header = struct.pack(
        "<4s4iI9i10f",
        *(_TILE_MAGIC, _TILE_VERSION, 0, 0, 0, 0),
        *(count, len(vertices), links, count, 0, len(triangles), len(tree), 0, count),
        *(AGENT_HEIGHT_M, AGENT_RADIUS_M, _CLIMB_M, *low.tolist(), *high.tolist(), per_cell),
    )
    parts = (header, vertices, _polygons(mesh), bytes(links * _LINK_BYTES), details, triangles, tree)
    return b"".join(part if isinstance(part, bytes) else part.tobytes() for part in parts)


def _polygons(mesh: PolygonMesh) -> npt.NDArray[np.void]:
    """Detour makes the links between neighbours itself; a neighbour is its number plus one, 0 is none."""
    table = np.zeros(len(mesh.polygons), dtype=_POLYGON)
    for k, (corners, beyond, area) in enumerate(zip(mesh.polygons, mesh.neighbours, mesh.areas, strict=True)):
        table["vertices"][k, : len(corners)] = corners
        table["neighbours"][k, : len(corners)] = [n + 1 for n in beyond]
        table["count"][k] = len(corners)
        table["area"][k] = int(area)
        table["flags"][k] = 1 << int(area)
    return table


def _details(mesh: PolygonMesh) -> tuple[npt.NDArray[np.void], npt.NDArray[np.uint8]]:
    """The triangles that heights are taken from: a fan from each polygon's first corner, and which edges are its own.

    Detour ends the process if a polygon has no edge that is said to be its own.
    """
    table = np.zeros(len(mesh.polygons), dtype=_DETAIL)
    triangles: list[tuple[int, int, int, int]] = []
    for k, corners in enumerate(mesh.polygons):
        n = len(corners)
        table["triangle"][k], table["triangles"][k] = len(triangles), n - 2
        for i in range(1, n - 1):
            own = (i == 1, True, i == n - 2)
            triangles.append((0, i, i + 1, sum(bit for bit, is_own in zip(_ON_EDGE, own, strict=True) if is_own)))
    return table, np.array(triangles, dtype=np.uint8)


def _tree(mesh: PolygonMesh, vertices: npt.NDArray[np.float32], low: Array, per_cell: float) -> npt.NDArray[np.void]:
    """Bounds of the polygons as a binary tree in depth-first order; a branch knows how many nodes to leave out."""
    cells = (vertices - low) * np.float32(per_cell)
    bounds = np.array(
        [
            (np.floor(cells[list(corners)].min(axis=0)), np.ceil(cells[list(corners)].max(axis=0)))
            for corners in mesh.polygons
        ]
    )
    nodes = np.zeros(2 * len(bounds) - 1, dtype=_NODE)
    todo = [(0, np.arange(len(bounds)))]
    while todo:
        at, members = todo.pop()
        lowest, highest = bounds[members, 0].min(axis=0), bounds[members, 1].max(axis=0)
        nodes["low"][at], nodes["high"][at] = lowest, highest
        if len(members) == 1:
            nodes["index"][at] = members[0]
            continue
        nodes["index"][at] = -(2 * len(members) - 1)
        axis = int(np.argmax(highest - lowest))
        members = members[np.argsort(bounds[members, 0, axis], kind="stable")]
        half = len(members) // 2
        todo += [(at + 1, members[:half]), (at + 2 * half, members[half:])]
    return nodes
