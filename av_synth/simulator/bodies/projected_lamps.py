"""Lamps of a procedural vehicle laid on a look that has none of their kind: every vehicle shows what it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from embreex import mesh_construction, rtcore_scene

from av_synth.simulator.scene import Material, Mesh

_LAMPS = (Material.LAMP_FRONT, Material.LAMP_BRAKE, Material.LAMP_LEFT, Material.LAMP_RIGHT)
_PROUD_M = 0.012
_STEP_M = 0.15  # a triangle that lies over a greater one, such as from boot to window, is left out

Flags = npt.NDArray[np.bool_]


def with_lamps(mesh: Mesh, procedural: Mesh) -> Mesh:
    """The mesh of a look with the lamps that it lacks at its front and at its rear, from the procedural mesh."""
    found = [mesh]
    for ahead in (True, False):
        for material in _LAMPS:
            wanted = _of(procedural, material, ahead=ahead)
            if wanted.any() and not _of(mesh, material, ahead=ahead).any():
                found.append(_laid(mesh, procedural, wanted, ahead=ahead))
    return Mesh.merge([part for part in found if len(part.triangles)])


def _of(mesh: Mesh, material: Material, *, ahead: bool) -> Flags:
    """Which triangles (T,) are lamps of a kind at the front, or at the rear."""
    middle = mesh.positions_m[mesh.triangles, 0].mean(axis=1)
    return (mesh.materials[mesh.triangles[:, 0]] == int(material)) & ((middle > 0) == ahead)


def _laid(onto: Mesh, procedural: Mesh, wanted: Flags, *, ahead: bool) -> Mesh:
    """Triangles of the procedural mesh moved along x to where they lie on another; not those beside it or on a step."""
    sign = 1.0 if ahead else -1.0
    lamps = procedural.kept(wanted)
    points = lamps.positions_m.copy()
    scene = rtcore_scene.EmbreeScene()
    mesh_construction.TriangleMesh(scene, onto.positions_m, onto.triangles.astype(np.int32))
    start = points.copy()
    start[:, 0] = sign * 50.0
    inwards = np.tile(np.array([-sign, 0.0, 0.0], dtype=np.float32), (len(start), 1))
    met = scene.run(start, inwards, output=True)
    hit = met["primID"] >= 0
    points[:, 0] = np.where(hit, sign * (50.0 - met["tfar"] + _PROUD_M), points[:, 0])
    bent_m = np.ptp(points[lamps.triangles, 0], axis=1) - np.ptp(lamps.positions_m[lamps.triangles, 0], axis=1)
    whole = lamps.triangles[hit[lamps.triangles].all(axis=1) & (bent_m < _STEP_M)]
    return replace(lamps, positions_m=points, triangles=whole, uvs=np.zeros((len(points), 2), dtype=np.float32))
