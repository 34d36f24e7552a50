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

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Body, Part
from av_synth.simulator.raycast.crowd import Aimed, Crowd, Near, Thing
from av_synth.simulator.raycast.path import Float32s as Float32s
from av_synth.simulator.raycast.path import Path, dot
from av_synth.simulator.raycast.prototype import Prototype
from av_synth.simulator.scene import Instance, Mesh, Scene, Tag
from av_synth.simulator.wheel_parts import is_steered, parted

_AT_HAND_M = 3.0  # the sensor's own vehicle, and what stands beside it
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
        velocity: computes `surface_velocity_mps`, which few ask for.
    """

    range_m: Float32s
    actor_id: npt.NDArray[np.uint32]
    tag: npt.NDArray[np.uint8]
    material: npt.NDArray[np.uint8]
    normal: Float32s
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
        trace = _Trace(origins, np.ascontiguousarray(rays), max_range_m, share, near, source)
        trace.meet(self._town, self._crowd(scene, eye, lasting=share is not None), ignore)
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


@dataclass(frozen=True)
class _Struck:
    """Rays (M,) that meet thing `k`: what kinds of triangles (M,), and their normals (M, 3), world axes."""

    k: int
    rays: Indices
    kind: npt.NDArray[np.uint16]
    normal: Float32s

    def of(self, rows: Indices) -> _Struck:
        """Some of them."""
        return _Struck(self.k, self.rays.take(rows), self.kind.take(rows), self.normal.take(rows, axis=0))


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
        self._things: Sequence[Thing] = ()
        self._whose = np.zeros(count, dtype=np.int32)  # 1 is the first thing; 0 the town, and nothing

    def meet(self, town: Prototype, crowd: Crowd, ignore: frozenset[int]) -> None:
        """Meet the town, and each thing that is not to be ignored."""
        self._things = crowd.things
        felt = [thing.instance.actor_id not in ignore for thing in crowd.things]
        if self._near is None:
            self._meet_town(town, [])
            for k in np.flatnonzero(felt).tolist():
                self._take(self._struck(k, self._aimed(crowd.things[k])))
            return
        aimed = [each for each in self._near.aimed(crowd) if felt[each.k]]
        # what is at hand stands before most of the town that is behind it: Embree need not look that far
        at_hand = [0.0 <= each.nearest_m < _AT_HAND_M for each in aimed]
        self._meet_town(town, [self._sought(each) for each, first in zip(aimed, at_hand, strict=True) if first])
        for each, first in zip(aimed, at_hand, strict=True):
            if not first:
                self._take(self._sought(each))

    def _meet_town(self, town: Prototype, before: Sequence[_Struck | None]) -> None:
        origins = np.broadcast_to(self._origins, self._rays.shape).astype(np.float32)
        triangle, _ = town.run(origins, self._rays, self._limit)
        # most rays meet it: as `_take`, for all at once
        self._hit = triangle >= 0
        place = np.maximum(triangle, 0)
        self._kind: npt.NDArray[np.uint16] = town.kinds.take(place) * self._hit
        self._normal = town.normals.take(place, axis=0)
        self._normal[np.flatnonzero(~self._hit)] = 0.0
        for struck in before:
            if struck is not None:
                free = ~self._hit.take(struck.rays) | (self._whose.take(struck.rays) > 0)
                self._take(struck.of(np.flatnonzero(free)))

    def _sought(self, aimed: Aimed) -> _Struck | None:
        """What of a thing rays meet before what they have met so far."""
        return self._struck(aimed.k, aimed.rays[self._limit.take(aimed.rays) > aimed.nearest_m])

    def _struck(self, k: int, rays: Indices) -> _Struck | None:
        prototype, _, path = self._things[k]
        if not len(rays):
            return None
        share = None if self._share is None else self._share.take(rays)
        origins: Array | Path = self._origins
        if self._source is not None:
            origins = self._source
        elif self._origins.ndim > 1:
            origins = self._origins.take(rays, axis=0)
        local_origins, local_rays = path.inside(origins, self._rays.take(rays, axis=0), share)
        triangle, distance = prototype.run(local_origins, local_rays, self._limit.take(rays))
        struck = np.flatnonzero(triangle >= 0)
        if not len(struck):
            return None
        rays, triangle = rays.take(struck), triangle.take(struck)
        self._limit[rays] = distance.take(struck)
        share = None if share is None else share.take(struck)
        normal = path.outward(prototype.normals.take(triangle, axis=0), share)
        return _Struck(k, rays, prototype.kinds.take(triangle), normal)

    def _take(self, struck: _Struck | None) -> None:
        if struck is None:
            return
        rays = struck.rays
        self._hit[rays] = True
        self._whose[rays] = struck.k + 1
        self._kind[rays] = struck.kind
        self._normal[rays] = struck.normal

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

    def hits(self) -> Hits:
        away = np.flatnonzero(dot(self._normal, self._rays) > 0.0)
        self._normal[away] = -self._normal.take(away, axis=0)
        actors = np.array([0, *(thing.instance.actor_id for thing in self._things)], dtype=np.uint32)
        return Hits(
            np.where(self._hit, self._limit, np.float32(np.inf)),
            actors.take(self._whose),
            self._kind.astype(np.uint8),
            (self._kind >> 8).astype(np.uint8),
            self._normal,
            self._velocity,
        )

    def _velocity(self) -> Float32s:
        still = np.zeros(3)
        moves = np.array([still, *(thing.instance.velocity_mps for thing in self._things)])
        spins = np.array([still, *(thing.instance.angular_velocity_radps for thing in self._things)])
        at = np.array([still, *(thing.instance.world_from_body[:3, 3] for thing in self._things)])
        velocity: Float32s = moves.astype(np.float32).take(self._whose, axis=0)
        rays = np.flatnonzero(spins.any(axis=1).take(self._whose))
        whose = self._whose.take(rays)
        origins = self._origins if self._origins.ndim == 1 else self._origins.take(rays, axis=0)
        arm = origins + self._rays.take(rays, axis=0) * self._limit.take(rays)[:, None] - at.take(whose, axis=0)
        velocity[rays] = moves.take(whose, axis=0) + np.cross(spins.take(whose, axis=0), arm)
        return velocity
