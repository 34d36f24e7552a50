"""Reads a navigation mesh as Detour does: one tile of format 7 in LibCarla's file."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SIDEWALK, CROSSWALK, ROAD = 1, 2, 3


@dataclass(frozen=True)
class Mesh:
    """Corners of each polygon (K, 3) in the world (right-handed, z up), its neighbours (0: none), area and flags."""

    corners: list[npt.NDArray[np.float64]]
    neighbours: list[list[int]]
    areas: npt.NDArray[np.int64]
    flags: npt.NDArray[np.int64]
    triangles: list[npt.NDArray[np.uint8]]
    nodes: npt.NDArray[np.void]
    low: npt.NDArray[np.float64]
    per_cell: float
    rest: bytes

    def of(self, area: int) -> list[int]:
        return np.flatnonzero(self.areas == area).tolist()


def read(data: bytes) -> Mesh:
    magic, version, tiles, *_ = struct.unpack_from("<3i5f2i", data)
    assert (magic, version, tiles) == (int.from_bytes(b"MSET", "big"), 1, 1)
    reference, size = struct.unpack_from("<Ii", data, 40)
    assert reference != 0
    assert size == len(data) - 48
    tile = data[48:]
    head = struct.unpack_from("<5iI9i10f", tile)
    assert head[:2] == (int.from_bytes(b"DNAV", "big"), 7)
    polygons, vertices, links, details, extra, triangles, nodes, joints, _ = head[6:15]
    assert (details, extra, joints) == (polygons, 0, 0)
    at = 100
    points = np.frombuffer(tile, "<f4", 3 * vertices, at).reshape(-1, 3).astype(np.float64)
    at += 12 * vertices
    layout = [("link", "<u4"), ("v", "<u2", 6), ("n", "<u2", 6), ("flags", "<u2"), ("count", "u1"), ("area", "u1")]
    table = np.frombuffer(tile, layout, polygons, at)
    at += 32 * polygons + 12 * links
    detail = np.frombuffer(tile, [("v", "<u4"), ("t", "<u4"), ("nv", "u1"), ("nt", "u1"), ("", "u2")], polygons, at)
    at += 12 * polygons
    fans = np.frombuffer(tile, "u1", 4 * triangles, at).reshape(-1, 4)
    at += 4 * triangles
    tree = np.frombuffer(tile, [("low", "<u2", 3), ("high", "<u2", 3), ("index", "<i4")], nodes, at)
    at += 16 * nodes
    world = points[:, [0, 2, 1]] * [1.0, -1.0, 1.0]
    return Mesh(
        [world[p["v"][: p["count"]]] for p in table],
        [p["n"][: p["count"]].tolist() for p in table],
        table["area"].astype(int),
        table["flags"].astype(int),
        [fans[d["t"] : d["t"] + d["nt"]] for d in detail],
        tree,
        np.array(head[18:21]),
        head[24],
        tile[at:],
    )
