"""A body of the catalogue in a look: the same box, weight and movements, another mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.assets.look import Look
from av_synth.simulator.bodies.model import Body, bounds
from av_synth.simulator.bodies.projected_lamps import with_lamps
from av_synth.simulator.bodies.rolling import with_wheels
from av_synth.simulator.bodies.striding import walking
from av_synth.simulator.scene import Mesh, Tag

_MISPLACED_M = np.array([0.9, 0.45, 0.15])  # how far a look's wheel may be from where the body has it


def dressed(body: Body, look: Look) -> Body:
    """The body in the look, which fills its box.

    Riders stay as they are, and the look fills the box of what they sit on. A body that opens a door shows the
    procedural mesh meanwhile, for `doors` stays; all sensors see the same.

    Raises:
        DataError: the look does not fit the body.
    """
    walks = len(body.meshes) > 1
    if walks and not len(look.joints_m):
        raise DataError(f"look {look.name}: {body.blueprint_id} walks; want a look with `legs`")
    poses = walking(look, body) if walks else [(look.points_m.astype(np.float64), look.normals.astype(np.float64))]
    rider, ridden = (None, None) if walks else _apart(body.meshes[0])
    around = body.meshes if ridden is None else (ridden,)
    low, high = bounds(around)
    place = _Place(body, look, low, high, poses)
    meshes = tuple(place.filled(points, normals) for points, normals in poses)
    if body.kind == "vehicle":
        meshes = (with_lamps(meshes[0], body.meshes[0]),)
    if rider is not None:
        meshes = (Mesh.merge([*meshes, rider]),)
    worn = replace(body, meshes=meshes, texture=look.texture if look.texture.size else None, rolling=None)
    return worn if body.rolling is None else with_wheels(worn, _owners(worn, look))


def _owners(body: Body, look: Look) -> npt.NDArray[np.int64]:
    """The wheel of the body that each triangle (T,) of its mesh is of; -1 for none."""
    (mesh,) = body.meshes
    of_look = look.wheel[look.triangles]
    of_look = np.where((of_look == of_look[:, :1]).all(axis=1), of_look[:, 0], -1)
    # what is laid on the look and who rides on it come after its own triangles
    owners = np.full(len(mesh.triangles), -1, dtype=np.int64)
    for number in range(len(look.hubs_m)):
        mine = np.flatnonzero(of_look == number)
        if len(mine):
            low, high = bounds([replace(mesh, positions_m=mesh.positions_m[mesh.triangles[mine]].reshape(-1, 3))])
            for k, wheel in enumerate(body.wheels):
                if np.all(np.abs((low + high) / 2 - wheel.position_m) < _MISPLACED_M):
                    owners[mine] = k
    return owners


def _apart(mesh: Mesh) -> tuple[Mesh, Mesh] | tuple[None, None]:
    """Who rides on a body, and what they ride; None and None for nobody."""
    rides = mesh.tags[mesh.triangles[:, 0]] == int(Tag.RIDER)
    return (mesh.kept(rides), mesh.kept(~rides)) if rides.any() else (None, None)


class _Place:
    """The box (low to high, (3,) each) that a look fills with all of its poses, and how it is stretched for that.

    Raises:
        DataError: one axis is stretched more against the others than the look allows.
    """

    def __init__(self, body: Body, look: Look, low: Array, high: Array, poses: list[tuple[Array, Array]]) -> None:
        self._tag, self._look, self._middle = body.tag, look, (low + high) / 2
        least = np.min([points.min(axis=0) for points, _ in poses], axis=0)
        most = np.max([points.max(axis=0) for points, _ in poses], axis=0)
        self._from = (least + most) / 2
        self._scale = (high - low) / (most - least)
        against = self._scale / np.median(self._scale) - 1.0
        if np.abs(against).max() > look.stretch + 1e-9:
            worst = int(np.argmax(np.abs(against)))
            raise DataError(
                f"look {look.name}: {(most - least).round(2).tolist()} cannot fill the box of {body.blueprint_id}, "
                f"{(high - low).round(2).tolist()} m: its {('length', 'width', 'height')[worst]} would be stretched "
                f"by {against[worst]:+.0%} against the others; want at most {look.stretch:.0%}"
            )

    def filled(self, points: Array, normals: Array) -> Mesh:
        """One pose (V, 3) in its place; wheels are stretched as much along as upwards."""
        look, scale = self._look, self._scale
        moved, middle = points * scale, self._from * scale
        of_wheel = look.wheel >= 0
        if of_wheel.any():
            hub = look.hubs_m[look.wheel[of_wheel], 0].astype(np.float64)
            moved[of_wheel, 0] = hub * scale[0] + (points[of_wheel, 0] - hub) * scale[2]
            middle = (moved.min(axis=0) + moved.max(axis=0)) / 2
        stretched = normals / scale
        stretched /= np.maximum(np.linalg.norm(stretched, axis=1, keepdims=True), 1e-12)
        return Mesh(
            (moved + self._middle - middle).astype(np.float32),
            stretched.astype(np.float32),
            look.colours,
            look.materials,
            np.full(len(points), int(self._tag), dtype=np.uint8),
            look.triangles,
            look.uvs,
        )
