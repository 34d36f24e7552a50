"""Rays against the town and everything that stands in a frame.

One Embree scene holds the town and one holds each mesh of each body in its own frame; all are built once. A ray that
meets an actor's bounding sphere is turned into the actor's frame and traced there, no farther than its nearest hit so
far. Nothing is rebuilt from frame to frame. Rays of a turn that lasts are fired one after the other: each meets actors
where they are at its own time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Body, Part
from av_synth.simulator.raycast.crowd import Crowd, Near, Thing
from av_synth.simulator.raycast.path import Float32s as Float32s
from av_synth.simulator.raycast.path import Path
from av_synth.simulator.raycast.prototype import Prototype
from av_synth.simulator.scene import Instance, Mesh, Scene, Tag
from av_synth.simulator.wheel_parts import is_steered, parted

_STEERED_M = 40.0  # beyond it a wheel gets a return or two

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Hits:
    """What each of N rays met first.

    Attributes:
        range_m: (N,) float32, distance along the ray; inf where nothing was met.
        actor_id: (N,) uint32; 0 is the town, and where nothing was met.
        tag: (N,) uint8, `Tag` of the triangle; 0 where nothing was met.
        material: (N,) uint8, `Material` of the triangle; 0 where nothing was met.
        normal: (N, 3) float32, unit normal of the triangle in world axes, turned towards where the ray came from.
        surface_velocity_mps: (N, 3) float32, world axes: that of the actor, with its rotation.
    """

    range_m: Float32s
    actor_id: npt.NDArray[np.uint32]
    tag: npt.NDArray[np.uint8]
    material: npt.NDArray[np.uint8]
    normal: Float32s
    surface_velocity_mps: Float32s


@dataclass(frozen=True)
class Contact:
    """What a sphere met that was pushed along a line: how far it went, the actor's id (0: the town), the `Tag`."""

    distance_m: float
    actor_id: int
    tag: Tag


class RayScene:
    """Casts rays at the town and at the instances of a frame."""

    def __init__(self, town_mesh: Mesh, catalogue: Mapping[str, Body | Part]) -> None:
        self._catalogue = catalogue
        self._town = Prototype(town_mesh)
        self._prototypes: dict[tuple[str, int], Prototype] = {}
        self._kept: tuple[Scene, bool, bytes, Crowd] | None = None

    def trace(
        self,
        scene: Scene,
        origins_m: npt.ArrayLike,
        directions: npt.ArrayLike,
        max_range_m: float | npt.ArrayLike,
        ignore: frozenset[int] = frozenset(),
        *,
        share: Float32s | None = None,
        near: Near | None = None,
    ) -> Hits:
        """Find what each ray meets first.

        Args:
            scene: what stands where.
            origins_m: (3,), shared by all rays, or (N, 3); world frame.
            directions: (N, 3), unit, world frame.
            max_range_m: one for all, or (N,); nothing farther is met.
            ignore: actor ids that rays pass through.
            share: (N,), when each ray is fired: 0 on the frame before, 1 on this one. None: all on this one.
            near: for rays in some order, which makes that faster than looking at each.

        Raises:
            DataError: if shapes do not fit, something is not finite, or an instance is not in the catalogue.
        """
        origins, rays = np.asarray(origins_m, dtype=np.float64), np.asarray(directions, dtype=np.float32)
        if rays.ndim != 2 or rays.shape[1] != 3 or origins.shape not in ((3,), rays.shape):
            raise DataError(f"rays: want origins (3,) or (N, 3), directions (N, 3); got {origins.shape}, {rays.shape}")
        if not (np.isfinite(rays).all() and np.isfinite(origins).all()):
            raise DataError("rays: an origin or a direction is not finite")
        eye = origins.reshape(-1, 3)[:1].sum(axis=0) if near is None else near.eye_m
        trace = _Trace(origins, np.ascontiguousarray(rays), max_range_m, share, near)
        trace.meet_town(self._town)
        trace.meet(self._crowd(scene, eye, lasting=share is not None), ignore)
        return trace.hits()

    def _crowd(self, scene: Scene, eye_m: Array, *, lasting: bool) -> Crowd:
        """What stands in a scene; several batches of rays in a row look at the same."""
        key = eye_m.tobytes()
        if self._kept is None or self._kept[0] is not scene or self._kept[1:3] != (lasting, key):
            parts = [part for instance in scene.instances for part in _shown(instance, eye_m)]
            things = [
                Thing(self._prototype(i), i, Path(i.world_from_body, i.last_world_from_body if lasting else None))
                for i in parts
            ]
            self._kept = scene, lasting, key, Crowd(things)
        return self._kept[3]

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

    def _prototype(self, instance: Instance) -> Prototype:
        key = (instance.body, instance.pose)
        found = self._prototypes.get(key)
        if found is None:
            body = self._catalogue.get(instance.body)
            if body is None or not 0 <= instance.pose < len(body.meshes):
                raise DataError(
                    f"actor {instance.actor_id}: no pose {instance.pose} of {instance.body} in the catalogue"
                )
            found = self._prototypes[key] = Prototype(body.meshes[instance.pose])
        return found


def _shown(instance: Instance, eye_m: Array) -> Iterable[Instance]:
    """What rays from near `eye_m` (3,) meet of an instance: steered wheels where they are, if they are near.

    To rays, a wheel that rolls is as round as one that stands.
    """
    away = instance.world_from_body[:3, 3] - eye_m
    return parted(instance) if is_steered(instance) and away @ away < _STEERED_M**2 else (instance,)


class _Trace:
    """The nearest hits so far of one batch of rays."""

    def __init__(
        self,
        origins: Array,
        rays: Float32s,
        max_range_m: float | npt.ArrayLike,
        share: Float32s | None,
        near: Near | None,
    ) -> None:
        count = len(rays)
        self._origins, self._rays, self._share, self._near = origins, rays, share, near
        self._limit = np.broadcast_to(np.asarray(max_range_m, dtype=np.float32), (count,)).copy()
        self._hit = np.zeros(count, dtype=bool)
        self._actor_id = np.zeros(count, dtype=np.uint32)
        self._tag = np.zeros(count, dtype=np.uint8)
        self._material = np.zeros(count, dtype=np.uint8)
        self._normal = np.zeros((count, 3), dtype=np.float32)
        self._velocity = np.zeros((count, 3), dtype=np.float32)

    def meet_town(self, town: Prototype) -> None:
        origins = np.broadcast_to(self._origins, self._rays.shape).astype(np.float32)
        triangle, distance = town.run(origins, self._rays, self._limit)
        # most rays meet it: as `_take`, for all at once
        self._hit = triangle >= 0
        self._limit = np.where(self._hit, distance, self._limit)
        place = np.maximum(triangle, 0)
        self._tag = town.tags.take(place) * self._hit
        self._material = town.materials.take(place) * self._hit
        normal = town.normals.take(place, axis=0)
        away = np.einsum("nj,nj->n", normal, self._rays) > 0
        self._normal = normal * (np.where(away, np.float32(-1.0), np.float32(1.0)) * self._hit)[:, None]

    def meet(self, crowd: Crowd, ignore: frozenset[int]) -> None:
        for k, thing in enumerate(crowd.things):
            if thing.instance.actor_id not in ignore:
                self._meet(thing, self._aimed(thing) if self._near is None else self._aimed_in(crowd, k, self._near))

    def _meet(self, thing: Thing, rays: Indices) -> None:
        prototype, instance, path = thing
        if not len(rays):
            return
        share = None if self._share is None else self._share[rays]
        origins = self._origins if self._origins.ndim == 1 else self._origins.take(rays, axis=0)
        local_origins = np.ascontiguousarray(np.broadcast_to(path.inward_points(origins, share), (len(rays), 3)))
        local_rays = np.ascontiguousarray(path.inward(self._rays.take(rays, axis=0), share))
        triangle, distance = prototype.run(local_origins, local_rays, self._limit[rays])
        struck = np.flatnonzero(triangle >= 0)
        if not len(struck):
            return
        rays, triangle, distance = rays[struck], triangle[struck], distance[struck]
        share = None if share is None else share[struck]
        self._take(rays, distance, prototype, triangle, path.outward(prototype.normals.take(triangle, axis=0), share))
        self._actor_id[rays] = instance.actor_id
        self._velocity[rays] = instance.velocity_mps
        if instance.angular_velocity_radps.any():
            origins = self._origins if self._origins.ndim == 1 else self._origins[rays]
            arm = origins + self._rays[rays] * distance[:, None] - instance.world_from_body[:3, 3]
            self._velocity[rays] = instance.velocity_mps + np.cross(instance.angular_velocity_radps, arm)

    def _aimed_in(self, crowd: Crowd, k: int, near: Near) -> Indices:
        """Rays that may meet a thing before what they have met so far, by who knows how they are laid out."""
        rays, nearest_m = near.aimed(crowd, k)
        return rays[self._limit[rays] > nearest_m]

    def _aimed(self, thing: Thing) -> Indices:
        """Rays that pass through the sphere around a thing, before what they have met so far."""
        prototype, _, path = thing
        reach = prototype.radius_m * 1.001 + 1e-3  # float32 rounding must not lose a grazing ray
        centre: Array = path.at(prototype.centre_m, 1.0)
        if path.moves and self._share is not None:
            middles = np.broadcast_to(prototype.centre_m.astype(np.float32), self._rays.shape)
            centre = path.origins(self._share) + path.outward(middles, self._share)
        to_centre = (centre - self._origins).astype(np.float32)
        if to_centre.ndim == 1:
            along = self._rays @ to_centre
            squared: float | Float32s = float(to_centre @ to_centre)
        else:
            along = np.einsum("nj,nj->n", self._rays, to_centre)
            squared = np.einsum("nj,nj->n", to_centre, to_centre)
        near = (squared - along * along <= reach * reach) & (along >= -reach) & (along - reach <= self._limit)
        return np.flatnonzero(near)

    def _take(
        self,
        rays: npt.NDArray[np.intp],
        distance: Float32s,
        prototype: Prototype,
        triangle: npt.NDArray[np.int32],
        normal: Float32s,
    ) -> None:
        self._hit[rays] = True
        self._limit[rays] = distance
        self._tag[rays], self._material[rays] = prototype.tags[triangle], prototype.materials[triangle]
        away = np.einsum("nj,nj->n", normal, self._rays.take(rays, axis=0)) > 0
        self._normal[rays] = normal * np.where(away, np.float32(-1.0), np.float32(1.0))[:, None]

    def hits(self) -> Hits:
        return Hits(
            np.where(self._hit, self._limit, np.float32(np.inf)),
            self._actor_id,
            self._tag,
            self._material,
            self._normal,
            self._velocity,
        )
