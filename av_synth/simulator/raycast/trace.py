"""Rays against the town and everything that stands in a frame.

One Embree scene holds the town and one holds each mesh of each body in its own frame; all are built once. A ray that
meets an actor's bounding sphere is turned into the actor's frame and traced there, no farther than its nearest hit so
far. Nothing is rebuilt from frame to frame. Rays of a turn that lasts are fired one after the other: each meets actors
where they are at its own time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Body, Part
from av_synth.simulator.raycast.bundle import Bundle
from av_synth.simulator.raycast.crowd import AT_HAND_M, Aimed, Crowd, Near
from av_synth.simulator.raycast.path import Float32s as Float32s
from av_synth.simulator.raycast.path import Path, dot, rows
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
        normal: (N, 3) float32, unit normal of the triangle in world axes, turned towards where the ray came from; 0
            where nothing was met.
        cos_incidence: (N,) float32, between the way back and the normal; 0 where nothing was met.
        velocity: computes `surface_velocity_mps`, which few ask for.
    """

    range_m: Float32s
    actor_id: npt.NDArray[np.uint32]
    tag: npt.NDArray[np.uint8]
    material: npt.NDArray[np.uint8]
    normal: Float32s
    cos_incidence: Float32s
    velocity: Callable[[], Float32s]

    @cached_property
    def surface_velocity_mps(self) -> Float32s:
        """(N, 3), world axes: that of the actor, with its rotation."""
        return self.velocity()


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
        source: Path | None = None,
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
            source: on whose way all origins are, at their shares, if they are: faster, too.

        Raises:
            DataError: if shapes do not fit, something is not finite, or an instance is not in the catalogue.
        """
        origins, rays = np.asarray(origins_m, dtype=np.float64), np.asarray(directions, dtype=np.float32)
        if rays.ndim != 2 or rays.shape[1] != 3 or origins.shape not in ((3,), rays.shape):
            raise DataError(f"rays: want origins (3,) or (N, 3), directions (N, 3); got {origins.shape}, {rays.shape}")
        if not (np.isfinite(rays).all() and np.isfinite(origins).all()):
            raise DataError("rays: an origin or a direction is not finite")
        eye = origins.reshape(-1, 3)[:1].sum(axis=0) if near is None else near.eye_m
        trace = _Trace(origins, np.asfortranarray(rays), max_range_m, share, near, source)
        trace.meet(self._town, self._crowd(scene, eye, lasting=share is not None), ignore)
        return trace.hits()

    def _crowd(self, scene: Scene, eye_m: Array, *, lasting: bool) -> Crowd:
        """What stands in a scene; several batches of rays in a row look at the same."""
        key = eye_m.tobytes()
        if self._kept is None or self._kept[0] is not scene or self._kept[1:3] != (lasting, key):
            parts = [part for instance in scene.instances for part in _shown(instance, eye_m)]
            self._kept = scene, lasting, key, Crowd(parts, [self._prototype(part) for part in parts], lasting=lasting)
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


@dataclass(frozen=True)
class _Struck:
    """Rays (M,) that meet things (M,), the nearest last; kinds (M,) of triangles, and normals (M, 3), world axes."""

    thing: Indices
    rays: Indices
    kind: npt.NDArray[np.uint16]
    normal: Float32s


class _Trace:
    """The nearest hits so far of one batch of rays."""

    def __init__(
        self,
        origins: Array,
        rays: Float32s,
        max_range_m: float | npt.ArrayLike,
        share: Float32s | None,
        near: Near | None,
        source: Path | None,
    ) -> None:
        count = len(rays)
        self._origins, self._rays, self._share, self._near, self._source = origins, rays, share, near, source
        self._limit = np.broadcast_to(np.asarray(max_range_m, dtype=np.float32), (count,)).copy()
        self._whose = np.zeros(count, dtype=np.int32)  # 1 is the first thing; 0 the town, and nothing

    def meet(self, town: Prototype, crowd: Crowd, ignore: frozenset[int]) -> None:
        """Meet the town, and each thing that is not to be ignored."""
        self._crowd = crowd
        felt = [instance.actor_id not in ignore for instance in crowd.instances]
        if self._near is None:
            self._meet_town(town, [])
            everywhere = (Aimed(k, self._aimed(k), -1.0) for k in np.flatnonzero(felt).tolist())
            for struck in self._sought(list(everywhere)):
                self._take(struck)
            return
        aimed = [each for each in self._near.aimed(crowd) if felt[each.k]]
        # what is at hand stands before most of the town that is behind it: Embree need not look that far
        at_hand = [0.0 <= each.nearest_m < AT_HAND_M for each in aimed]
        self._meet_town(town, self._sought([each for each, first in zip(aimed, at_hand, strict=True) if first]))
        for struck in self._sought([each for each, first in zip(aimed, at_hand, strict=True) if not first]):
            self._take(struck)

    def _meet_town(self, town: Prototype, before: Sequence[_Struck]) -> None:
        origins = np.broadcast_to(self._origins.astype(np.float32), self._rays.shape)
        triangle, _ = town.run(origins, self._rays, self._limit)
        # most rays meet it: as `_take`, for all at once
        self._hit = triangle >= 0
        self._kind: npt.NDArray[np.uint16] = town.kinds.take(triangle)
        self._normal = rows(town.normals, triangle)
        behind = self._hit.copy()
        for struck in before:
            self._take(struck, behind)

    def _sought(self, aimed: Sequence[Aimed]) -> list[_Struck]:
        """What of things rays meet before what they have met so far."""
        known = [self._known(each.k, each.rays, *each.met) for each in aimed if each.met is not None]
        return known + self._struck([each for each in aimed if each.met is None])

    def _known(self, k: int, rays: Indices, triangle: npt.NDArray[np.int32], distance: Float32s) -> _Struck:
        """What of thing `k` rays meet of which it is known what they do, before what they have met so far."""
        first = np.flatnonzero(distance <= self._limit.take(rays))
        rays, triangle = rays.take(first), triangle.take(first)
        self._limit[rays] = distance.take(first)
        prototype, share = self._crowd.prototypes[k], None if self._share is None else self._share.take(rays)
        normal = self._crowd.path(k).outward(rows(prototype.normals, triangle), share)
        return _Struck(np.full(len(rays), k), rays, prototype.kinds.take(triangle), normal)

    def _struck(self, aimed: Sequence[Aimed]) -> list[_Struck]:
        """What of several things rays meet before what they have met so far."""
        if not aimed:
            return []
        rays, place = np.concatenate([each.rays for each in aimed]), np.arange(len(aimed))
        place = np.repeat(place, [len(each.rays) for each in aimed])
        nearest_m = np.array([each.nearest_m for each in aimed], dtype=np.float32)
        before = np.flatnonzero(self._limit.take(rays) > nearest_m.take(place))
        if not len(before):
            return []
        rays, place = rays.take(before), place.take(before)
        left = np.flatnonzero(np.bincount(place, minlength=len(aimed)))
        cuts = np.searchsorted(place, [*left, len(aimed)]).tolist()
        things = np.array([each.k for each in aimed])
        share = None if self._share is None else self._share.take(rays)
        bundle = Bundle([self._crowd.path(k) for k in things[left].tolist()], cuts, share)
        origins: Array | Path = self._origins
        if self._source is not None:
            origins = self._source
        elif self._origins.ndim > 1:
            origins = self._origins.take(rays, axis=0)
        local_origins, local_rays = bundle.inward(origins, rows(self._rays, rays))
        triangle, limit = np.empty(len(rays), dtype=np.int32), np.empty(len(rays), dtype=np.float32)
        of_things = [
            (self._crowd.prototypes[k], slice(*ends))
            for k, ends in zip(things[left].tolist(), pairwise(cuts), strict=True)
        ]
        for prototype, own in of_things:
            limit[own] = self._limit.take(rays[own])
            triangle[own], self._limit[rays[own]] = prototype.run(local_origins[own], local_rays[own], limit[own])
        struck = np.flatnonzero(triangle >= 0)
        struck = struck.take(np.flatnonzero(limit.take(struck) == self._limit.take(rays.take(struck))))
        kind, normal = np.empty(len(struck), dtype=np.uint16), np.empty((3, len(struck)), dtype=np.float32)
        for (prototype, _), (first, end) in zip(
            of_things, pairwise(np.searchsorted(struck, cuts).tolist()), strict=True
        ):
            met = triangle.take(struck[first:end])
            kind[first:end], normal[:, first:end] = prototype.kinds.take(met), rows(prototype.normals, met).T
        return [_Struck(things.take(place.take(struck)), rays.take(struck), kind, bundle.outward(normal.T, struck))]

    def _take(self, struck: _Struck, behind: npt.NDArray[np.bool_] | None = None) -> None:
        """Rays have met this, those apart that have met something `behind` (N,) which is before it."""
        which = None if behind is None else np.flatnonzero(~behind.take(struck.rays))
        thing, rays, kind = (
            each if which is None else each.take(which) for each in (struck.thing, struck.rays, struck.kind)
        )
        self._hit[rays] = True
        self._whose[rays] = thing + 1
        self._kind[rays] = kind
        for axis in range(3):
            normal = struck.normal[:, axis]
            self._normal[:, axis][rays] = normal if which is None else normal.take(which)

    def _aimed(self, k: int) -> Indices:
        """Rays that pass through the sphere around a thing, before what they have met so far."""
        prototype, path = self._crowd.prototypes[k], self._crowd.path(k)
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

    def hits(self) -> Hits:
        along = dot(self._normal, self._rays)
        self._normal *= (np.float32(1.0) - np.float32(2.0) * (along > 0.0))[:, None]
        actors = np.array([0, *(instance.actor_id for instance in self._crowd.instances)], dtype=np.uint32)
        self._limit[np.flatnonzero(~self._hit)] = np.inf
        return Hits(
            self._limit,
            actors.take(self._whose),
            self._kind.astype(np.uint8),
            (self._kind >> 8).astype(np.uint8),
            self._normal,
            np.abs(along),
            self._velocity,
        )

    def _velocity(self) -> Float32s:
        still, things = np.zeros(3), self._crowd.instances
        moves = np.array([still, *(instance.velocity_mps for instance in things)])
        spins = np.array([still, *(instance.angular_velocity_radps for instance in things)])
        at = np.array([still, *(instance.world_from_body[:3, 3] for instance in things)])
        velocity: Float32s = moves.astype(np.float32).take(self._whose, axis=0)
        rays = np.flatnonzero(spins.any(axis=1).take(self._whose))
        whose = self._whose.take(rays)
        origins = self._origins if self._origins.ndim == 1 else self._origins.take(rays, axis=0)
        arm = origins + self._rays.take(rays, axis=0) * self._limit.take(rays)[:, None] - at.take(whose, axis=0)
        velocity[rays] = moves.take(whose, axis=0) + np.cross(spins.take(whose, axis=0), arm)
        return velocity
