"""Rays against the town and everything that stands in a frame.

One Embree scene holds the town and one holds each mesh of each body in its own frame; all are built once. A ray that
meets an actor's bounding sphere is turned into the actor's frame and traced there, no farther than its nearest hit so
far. Nothing is rebuilt from frame to frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from embreex import mesh_construction, rtcore_scene

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Body, Part
from av_synth.simulator.raycast.sweep import first_contact
from av_synth.simulator.scene import Instance, Mesh, Scene, Tag
from av_synth.simulator.wheel_parts import is_steered, parted

_STEERED_M = 40.0  # beyond it a wheel gets a return or two

Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Hits:
    """What each of N rays met first.

    Attributes:
        range_m: (N,) float32, distance along the ray; inf where nothing was met.
        actor_id: (N,) uint32; 0 is the town, and where nothing was met.
        tag: (N,) uint8, `Tag` of the triangle; 0 where nothing was met.
        normal: (N, 3) float32, unit normal of the triangle in world axes, turned towards where the ray came from.
        surface_velocity_mps: (N, 3) float32, world axes: that of the actor, with its rotation.
    """

    range_m: Float32s
    actor_id: npt.NDArray[np.uint32]
    tag: npt.NDArray[np.uint8]
    normal: Float32s
    surface_velocity_mps: Float32s


@dataclass(frozen=True)
class Contact:
    """What a sphere met that was pushed along a line: how far it went, the actor's id (0: the town), the `Tag`."""

    distance_m: float
    actor_id: int
    tag: Tag


class _Prototype:
    """One mesh in its own frame, with what a hit on a triangle means."""

    def __init__(self, mesh: Mesh) -> None:
        self._vertices = np.ascontiguousarray(mesh.positions_m, dtype=np.float32)
        self._faces = np.ascontiguousarray(mesh.triangles, dtype=np.int32)
        self._scene = rtcore_scene.EmbreeScene()
        self._geometry = mesh_construction.TriangleMesh(self._scene, self._vertices, self._faces)
        first = mesh.triangles[:, 0]
        self.tags = mesh.tags[first]
        corners = self._vertices[self._faces].astype(np.float64)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        self.normals = (normal / np.maximum(length, 1e-12)).astype(np.float32)
        low, high = self._vertices.min(axis=0), self._vertices.max(axis=0)
        self.centre_m = ((low + high) / 2).astype(np.float64)
        self.radius_m = float(np.linalg.norm(self._vertices - self.centre_m, axis=1).max())

    def run(self, origins: Float32s, directions: Float32s, limit_m: Float32s) -> tuple[npt.NDArray[np.int32], Float32s]:
        """Triangle (-1 for none) and distance of the nearest hit of each ray within `limit_m`."""
        out = self._scene.run(origins, directions, limit_m, output=True)
        return out["primID"], out["tfar"]

    def sweep(self, start_m: Array, direction: Array, distance_m: float, radius_m: float) -> tuple[float, int]:
        """How far a sphere goes before it touches a triangle, and which; inf and -1 for none within `distance_m`."""
        ends = np.stack([start_m, start_m + direction * distance_m])
        low, high = ends.min(axis=0) - radius_m, ends.max(axis=0) + radius_m
        lows, highs = self._boxes
        near = np.flatnonzero((lows[0] <= high[0]) & (highs[0] >= low[0]))
        for axis in (1, 2):
            near = near[(lows[axis, near] <= high[axis]) & (highs[axis, near] >= low[axis])]
        if not len(near):
            return np.inf, -1
        found = first_contact(self._vertices[self._faces[near]].astype(np.float64), start_m, direction, radius_m)
        first = int(np.argmin(found))
        return (float(found[first]), int(near[first])) if found[first] <= distance_m else (np.inf, -1)

    @cached_property
    def _boxes(self) -> tuple[Float32s, Float32s]:
        """Lowest and highest corner of each triangle, both (3, T)."""
        corners = self._vertices[self._faces]
        low, high = corners.min(axis=1), corners.max(axis=1)
        return np.ascontiguousarray(low.T), np.ascontiguousarray(high.T)


class RayScene:
    """Casts rays at the town and at the instances of a frame."""

    def __init__(self, town_mesh: Mesh, catalogue: Mapping[str, Body | Part]) -> None:
        self._catalogue = catalogue
        self._town = _Prototype(town_mesh)
        self._prototypes: dict[tuple[str, int], _Prototype] = {}

    def trace(
        self,
        scene: Scene,
        origins_m: npt.ArrayLike,
        directions: npt.ArrayLike,
        max_range_m: float | npt.ArrayLike,
        ignore: frozenset[int] = frozenset(),
    ) -> Hits:
        """Find what each ray meets first.

        Args:
            scene: what stands where.
            origins_m: (3,), shared by all rays, or (N, 3); world frame.
            directions: (N, 3), unit, world frame.
            max_range_m: one for all, or (N,); nothing farther is met.
            ignore: actor ids that rays pass through.

        Raises:
            DataError: if shapes do not fit, something is not finite, or an instance is not in the catalogue.
        """
        origins, rays = np.asarray(origins_m, dtype=np.float64), np.asarray(directions, dtype=np.float32)
        if rays.ndim != 2 or rays.shape[1] != 3 or origins.shape not in ((3,), rays.shape):
            raise DataError(f"rays: want origins (3,) or (N, 3), directions (N, 3); got {origins.shape}, {rays.shape}")
        if not (np.isfinite(rays).all() and np.isfinite(origins).all()):
            raise DataError("rays: an origin or a direction is not finite")
        middle = origins.reshape(-1, 3)[:1].sum(axis=0)
        trace = _Trace(origins, np.ascontiguousarray(rays), max_range_m)
        trace.meet_town(self._town)
        for instance in scene.instances:
            if instance.actor_id not in ignore:
                for part in _shown(instance, middle):
                    trace.meet(self._prototype(part), part)
        return trace.hits()

    def sweep(
        self,
        scene: Scene,
        start_m: Array,
        direction: Array,
        distance_m: float,
        radius_m: float,
        *,
        ignore: frozenset[int] = frozenset(),
        town: bool = True,
    ) -> Contact | None:
        """Push a sphere along a line and tell what it touches first.

        Args:
            scene: what stands where.
            start_m: (3,), its middle at first, world frame.
            direction: (3,), unit, world frame.
            distance_m: how far it is pushed.
            radius_m: its radius, above 0.
            ignore: actors that it goes through.
            town: whether the town is in its way.

        Raises:
            DataError: if an instance is not in the catalogue.
        """
        first, contact = np.inf, None
        if town:
            first, triangle = self._town.sweep(start_m, direction, distance_m, radius_m)
            contact = Contact(first, 0, Tag(self._town.tags[triangle])) if triangle >= 0 else None
        for instance in scene.instances:
            if instance.actor_id in ignore:
                continue
            prototype, pose = self._prototype(instance), instance.world_from_body
            to_middle = pose[:3, :3] @ prototype.centre_m + pose[:3, 3] - start_m
            aside = to_middle - direction * np.clip(to_middle @ direction, 0.0, distance_m)
            if np.linalg.norm(aside) > radius_m + prototype.radius_m * 1.001:
                continue
            local = (start_m - pose[:3, 3]) @ pose[:3, :3], direction @ pose[:3, :3]
            found, triangle = prototype.sweep(*local, distance_m, radius_m)
            if found < first:
                first, contact = found, Contact(found, instance.actor_id, Tag(prototype.tags[triangle]))
        return contact

    def _prototype(self, instance: Instance) -> _Prototype:
        key = (instance.body, instance.pose)
        found = self._prototypes.get(key)
        if found is None:
            body = self._catalogue.get(instance.body)
            if body is None or not 0 <= instance.pose < len(body.meshes):
                raise DataError(
                    f"actor {instance.actor_id}: no pose {instance.pose} of {instance.body} in the catalogue"
                )
            found = self._prototypes[key] = _Prototype(body.meshes[instance.pose])
        return found


def _shown(instance: Instance, eye_m: Array) -> Iterable[Instance]:
    """What rays from near `eye_m` (3,) meet of an instance: steered wheels where they are, if they are near.

    To rays, a wheel that rolls is as round as one that stands.
    """
    away = instance.world_from_body[:3, 3] - eye_m
    return parted(instance) if is_steered(instance) and away @ away < _STEERED_M**2 else (instance,)


class _Trace:
    """The nearest hits so far of one batch of rays."""

    def __init__(self, origins: Array, rays: Float32s, max_range_m: float | npt.ArrayLike) -> None:
        count = len(rays)
        self._origins, self._rays = origins, rays
        self._limit = np.broadcast_to(np.asarray(max_range_m, dtype=np.float32), (count,)).copy()
        self._hit = np.zeros(count, dtype=bool)
        self._actor_id = np.zeros(count, dtype=np.uint32)
        self._tag = np.zeros(count, dtype=np.uint8)
        self._normal = np.zeros((count, 3), dtype=np.float32)
        self._velocity = np.zeros((count, 3), dtype=np.float32)

    def meet_town(self, town: _Prototype) -> None:
        origins = np.broadcast_to(self._origins, self._rays.shape).astype(np.float32)
        triangle, distance = town.run(origins, self._rays, self._limit)
        rays = np.flatnonzero(triangle >= 0)
        triangle = triangle[rays]
        self._take(rays, distance[rays], town, triangle, town.normals[triangle])

    def meet(self, prototype: _Prototype, instance: Instance) -> None:
        pose = instance.world_from_body
        rotation = pose[:3, :3]
        centre = rotation @ prototype.centre_m + pose[:3, 3]
        rays = self._near(centre, prototype.radius_m)
        if not len(rays):
            return
        origins = self._origins if self._origins.ndim == 1 else self._origins[rays]
        local_origins = np.broadcast_to((origins - pose[:3, 3]) @ rotation, (len(rays), 3)).astype(np.float32)
        local_rays = self._rays[rays] @ rotation.astype(np.float32)
        triangle, distance = prototype.run(local_origins, local_rays, self._limit[rays])
        struck = triangle >= 0
        rays, triangle, distance = rays[struck], triangle[struck], distance[struck]
        self._take(rays, distance, prototype, triangle, prototype.normals[triangle] @ rotation.T.astype(np.float32))
        self._actor_id[rays] = instance.actor_id
        if np.any(instance.velocity_mps) or np.any(instance.angular_velocity_radps):
            origins = self._origins if self._origins.ndim == 1 else self._origins[rays]
            arm = origins + self._rays[rays] * distance[:, None] - pose[:3, 3]
            self._velocity[rays] = instance.velocity_mps + np.cross(instance.angular_velocity_radps, arm)
        else:
            self._velocity[rays] = 0.0

    def _near(self, centre: Array, radius_m: float) -> npt.NDArray[np.intp]:
        """Rays that pass through the sphere, before what they have met so far."""
        to_centre = (centre - self._origins).astype(np.float32)
        if to_centre.ndim == 1:
            along = self._rays @ to_centre
            squared: float | Float32s = float(to_centre @ to_centre)
        else:
            along = np.einsum("nj,nj->n", self._rays, to_centre)
            squared = np.einsum("nj,nj->n", to_centre, to_centre)
        reach = radius_m * 1.001 + 1e-3  # float32 rounding must not lose a grazing ray
        near = (squared - along * along <= reach * reach) & (along >= -reach) & (along - reach <= self._limit)
        return np.flatnonzero(near)

    def _take(
        self,
        rays: npt.NDArray[np.intp],
        distance: Float32s,
        prototype: _Prototype,
        triangle: npt.NDArray[np.int32],
        normal: Float32s,
    ) -> None:
        self._hit[rays] = True
        self._limit[rays] = distance
        self._tag[rays] = prototype.tags[triangle]
        away = np.einsum("nj,nj->n", normal, self._rays[rays]) > 0
        self._normal[rays] = np.where(away[:, None], -normal, normal)

    def hits(self) -> Hits:
        return Hits(
            np.where(self._hit, self._limit, np.float32(np.inf)),
            self._actor_id,
            self._tag,
            self._normal,
            self._velocity,
        )
