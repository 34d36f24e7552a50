"""Front doors: panels cut out of the flanks of a finished body, and the body as it is behind them.

A closed door is the body's own skin, so a closed vehicle is the mesh it would be without doors. For an open one the
skin between two seams is taken out and put on a hinge at its front edge, with an inner side; what is left has a dark
recess there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Body, Doors
from av_synth.simulator.bodies.shapes import DARK, PLASTIC, Finish
from av_synth.simulator.scene import Material, Mesh

SIDES = (1.0, -1.0)  # left, right

_OPEN_RAD = np.radians(65.0)
_PANEL_M = 0.055  # thickness of a door
_RECESS_M = 0.45
_SIDEWAYS = 0.45  # of a triangle's normal, from which it belongs to the flank and not to the roof or the floor

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Flank:
    """Where a body's front doors are cut.

    Attributes:
        first_x_m, last_x_m: rear and front edge, actor frame.
        shell: how many of the mesh's first triangles are the shell.
        dressed: how many are the shell and what is laid on it.
        mirrors: how many of the last triangles are mirrors that go with the doors, the left one's first.
    """

    first_x_m: float
    last_x_m: float
    shell: int
    dressed: int
    mirrors: int


def with_doors(body: Body, flank: Flank) -> Body:
    """The body with its front doors; its own mesh stays as it is.

    Args:
        body: a finished vehicle of one mesh.
        flank: where to cut it.
    """
    (mesh,) = body.meshes
    left, right = (_Cut(mesh, flank, side) for side in SIDES)
    behind = [
        _merge(mesh.kept(~taken), *(part for cut in cuts for part in (cut.rest, cut.recess())))
        for taken, cuts in ((left.taken, [left]), (right.taken, [right]), (left.taken | right.taken, [left, right]))
    ]
    return replace(
        body,
        attributes={**body.attributes, "has_dynamic_doors": "true"},
        doors=Doors(
            behind=(behind[0], behind[1], behind[2]),
            panels=(left.panel(), right.panel()),
            hinges_m=np.stack([left.hinge_m, right.hinge_m]),
            open_rad=(-float(_OPEN_RAD), float(_OPEN_RAD)),
        ),
    )


class _Cut:
    """One door of a body: what is taken out of its mesh, and what is left of the triangles that were cut."""

    def __init__(self, mesh: Mesh, flank: Flank, side: float) -> None:
        self._side = side
        number = np.arange(len(mesh.triangles))
        corners = mesh.positions_m[mesh.triangles].astype(np.float64)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        x = corners[..., 0]
        touched = (number < flank.dressed) & (normal[:, 1] * side > _SIDEWAYS)
        touched &= (x.min(axis=1) < flank.last_x_m) & (x.max(axis=1) > flank.first_x_m)
        shell = touched & (number < flank.shell)
        self._sheet, rest = _between(mesh.kept(shell), flank.first_x_m, flank.last_x_m)
        laid, rest_laid = _between(mesh.kept(touched & ~shell), flank.first_x_m, flank.last_x_m)
        last = len(number) - (0 if side < 0 else flank.mirrors // 2)
        mirror = (number >= last - flank.mirrors // 2) & (number < last)
        self.taken: Flags = touched | mirror
        self.rest = _merge(rest, rest_laid)
        self._outside = _merge(self._sheet, laid, mesh.kept(mirror))
        points = self._sheet.positions_m.astype(np.float64)
        front = points[points[:, 0] > flank.last_x_m - 0.1]
        self.hinge_m = np.array([flank.last_x_m, side * (np.abs(front[:, 1]).max() - 0.02), 0.0])

    def panel(self) -> Mesh:
        """The closed door in the frame of its hinge."""
        inside = _painted(_turned(_shifted(self._sheet, self._inwards(_PANEL_M))), PLASTIC)
        whole = _merge(self._outside, inside, _rim(self._sheet, self._inwards(_PANEL_M)))
        return _shifted(whole, -self.hinge_m)

    def recess(self) -> Mesh:
        """What is seen of the body's inside where the door is open."""
        back = _painted(_shifted(self._sheet, self._inwards(_RECESS_M)), DARK, glass=False)
        return _merge(back, _painted(_turned(_rim(self._sheet, self._inwards(_RECESS_M))), PLASTIC, glass=False))

    def _inwards(self, metres: float) -> Array:
        return np.array([0.0, -self._side * metres, 0.0])


def _merge(*parts: Mesh) -> Mesh:
    return Mesh.merge([part for part in parts if len(part.triangles)])


def _shifted(mesh: Mesh, by_m: Array) -> Mesh:
    return replace(mesh, positions_m=(mesh.positions_m + by_m.astype(np.float32)).astype(np.float32))


def _turned(mesh: Mesh) -> Mesh:
    """The same surface seen from its other side."""
    return replace(mesh, normals=-mesh.normals, triangles=np.ascontiguousarray(mesh.triangles[:, ::-1]))


def _painted(mesh: Mesh, finish: Finish, *, glass: bool = True) -> Mesh:
    """In another finish, apart from the glass if it stays."""
    other = (mesh.materials != int(Material.GLASS)) | (not glass)
    colours, materials = mesh.colours.copy(), mesh.materials.copy()
    colours[other], materials[other] = finish.colour, int(finish.material)
    return replace(mesh, colours=colours, materials=materials)


def _rim(sheet: Mesh, by_m: Array) -> Mesh:
    """Walls from the edges of a sheet to where they are when shifted, facing away from the sheet's middle."""
    _, welded = np.unique(np.round(sheet.positions_m.astype(np.float64) * 1e3), axis=0, return_inverse=True)
    sides = np.concatenate([sheet.triangles[:, [k, (k + 1) % 3]] for k in range(3)])
    at = np.asarray(welded).reshape(-1)[sides]
    sides, at = sides[at[:, 0] != at[:, 1]], at[at[:, 0] != at[:, 1]]
    _, kind, count = np.unique(np.sort(at, axis=1), axis=0, return_inverse=True, return_counts=True)
    a, b = sides[count[np.asarray(kind).reshape(-1)] == 1].T
    near = sheet.positions_m
    points = np.stack([near[b], near[a], near[a] + by_m, near[b] + by_m], axis=1)
    normal = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    quads = 4 * np.arange(len(a))[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
    return Mesh(
        points.reshape(-1, 3).astype(np.float32),
        np.repeat(normal, 4, axis=0).astype(np.float32),
        np.repeat(sheet.colours[a], 4, axis=0),
        np.repeat(sheet.materials[a], 4),
        np.repeat(sheet.tags[a], 4),
        quads.reshape(-1, 3).astype(np.uint32),
    )


def _between(mesh: Mesh, first_x_m: float, last_x_m: float) -> tuple[Mesh, Mesh]:
    """Cut a mesh by two planes across x: what lies between them, and the rest."""
    ahead, behind = _halved(mesh, first_x_m)
    rest, inside = _halved(ahead, last_x_m)
    return inside, _merge(behind, rest) if len(behind.triangles) + len(rest.triangles) else behind


def _halved(mesh: Mesh, x_m: float) -> tuple[Mesh, Mesh]:
    """The parts of a mesh ahead of and behind a plane across x."""
    vertices = np.concatenate([mesh.positions_m, mesh.normals], axis=1).astype(np.float64)
    halves = []
    for sign in (1.0, -1.0):
        points: list[Array] = []
        faces: list[tuple[int, int, int]] = []
        owners: list[int] = []
        for triangle in mesh.triangles:
            ring = _clipped(vertices[triangle], sign, x_m)
            faces += [(len(points), len(points) + k, len(points) + k + 1) for k in range(1, len(ring) - 1)]
            points += ring
            owners += [int(triangle[0])] * len(ring)
        data = np.array(points).reshape(-1, 6)
        normal = data[:, 3:] / np.maximum(np.linalg.norm(data[:, 3:], axis=1, keepdims=True), 1e-12)
        halves.append(
            Mesh(
                data[:, :3].astype(np.float32),
                normal.astype(np.float32),
                mesh.colours[owners],
                mesh.materials[owners],
                mesh.tags[owners],
                np.array(faces, dtype=np.uint32).reshape(-1, 3),
            )
        )
    return halves[0], halves[1]


def _clipped(corners: Array, sign: float, x_m: float) -> list[Array]:
    """The part of a triangle (3, 6), position and normal, where sign * (x - x_m) > 0; empty if it has none.

    Source: I. Sutherland and G. Hodgman, Reentrant polygon clipping, CACM 17 (1974).
    """
    ring: list[Array] = []
    depth = sign * (corners[:, 0] - x_m)
    for k in range(3):
        here, there = corners[k], corners[(k + 1) % 3]
        d, e = depth[k], depth[(k + 1) % 3]
        if d >= 0:
            ring.append(here)
        if d * e < 0:
            ring.append(here + (there - here) * (d / (d - e)))
    return ring if len(ring) > 2 and float(depth.max()) > 1e-6 else []
