"""One turn of a lidar as a device fires it: every beam at its own time, as wide as it is, and through glass.

Only geometry: which surfaces a beam meets, how much of it meets each, and when. What a device makes of that is decided
where the data are used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.sensing.materials import Material
from av_synth.simulator.raycast import edges
from av_synth.simulator.raycast.fan import Fan, Head, Watch, fan
from av_synth.simulator.raycast.path import Float32s, Path, rows
from av_synth.simulator.raycast.trace import Hits, Indices, RayScene
from av_synth.simulator.scene import Scene

_PANES = 2  # that a beam goes through
_PANE_M = 0.025  # both faces of a pane, and what it is glued onto
_TOGETHER_M = 0.15  # parts of a beam on one thing that face it and are nearer to each other are one candidate
# Of a beam along its normal a pane lets this much through: what UN Regulation No. 43 wants at least, for visible light,
# of windows that a driver looks ahead through. At other angles it loses more by reflection: C. Schlick, An Inexpensive
# BRDF Model for Physically-based Rendering, Comput. Graph. Forum 13 (1994), eq. 15, for refractive index 1.5.
_PANE_TRANSMITS, _NORMAL_REFLECTION = 0.70, 0.04


@dataclass(frozen=True)
class Candidates:
    """What beams met: M surfaces, by beam, and along it the nearest first.

    Attributes:
        beam: (M,), index into the fan.
        number: (M,) uint32, 0 for a beam's nearest.
        points_m: (M, 3) float32, along the beam's middle, axes of the sensor at the beam's time.
        cos_incidence: (M,) float32, between the way back and the surface's normal.
        actor_id: (M,) uint32, 0 for the town.
        tag, material: (M,) uint8.
        weight: (M,) float32, how much of the beam meets this, 0 to 1.
        transmission: (M,) float32, what the glass in between lets through, there and back; 1 without any.
    """

    beam: Indices
    number: npt.NDArray[np.uint32]
    points_m: Float32s
    cos_incidence: Float32s
    actor_id: npt.NDArray[np.uint32]
    tag: npt.NDArray[np.uint8]
    material: npt.NDArray[np.uint8]
    weight: Float32s
    transmission: Float32s


@dataclass(frozen=True)
class Turn:
    """A turn: its beams, what they met, and when each was fired, (N,) float32 seconds before the frame (0 or less)."""

    fan: Fan
    candidates: Candidates
    time_s: Float32s


def turn(
    rays: RayScene,
    scene: Scene,
    head: Head,
    world_from_sensor: Array,
    last_world_from_sensor: Array | None,
    delta_s: float,
    start_deg: float,
) -> Turn:
    """Fire the beams of a tick of `delta_s`, beginning at CARLA's angle `start_deg`.

    Args:
        rays: the town and the bodies.
        scene: what stands where.
        head: the beams.
        world_from_sensor: (4, 4), on this frame.
        last_world_from_sensor: (4, 4), on the frame before; None: it stood where it stands.
        delta_s: simulated time of the tick.
        start_deg: CARLA's horizontal angle at its beginning.

    Raises:
        DataError: if a pose is not finite.
    """
    spread = fan(head, delta_s, start_deg)
    firing = _Firing(rays, scene, spread, head, Path(world_from_sensor, last_world_from_sensor if head.moves else None))
    time_s = (spread.fired - 1.0) * np.float32(delta_s) if head.moves else np.zeros_like(spread.fired)
    return Turn(spread, _ordered(spread, firing.found()), time_s)


@dataclass(frozen=True)
class _Met:
    """What rays met, one row for each surface; `share` is how much of its beam a ray stands for."""

    beam: Indices
    range_m: Float32s
    cos: Float32s
    actor_id: npt.NDArray[np.uint32]
    tag: npt.NDArray[np.uint8]
    material: npt.NDArray[np.uint8]
    share: Float32s
    transmission: Float32s

    def rows(self, which: Indices) -> _Met:
        # take is several times faster than an index in brackets
        return _Met(*(getattr(self, name).take(which) for name in self.__dataclass_fields__))

    @staticmethod
    def joined(parts: list[_Met]) -> _Met:
        return _Met(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Met.__dataclass_fields__))


@dataclass(frozen=True)
class _Batch:
    """Rays (N,) and what they met first.

    Attributes:
        hits: what they met.
        world: (N, 3), where they point, world axes.
        beam: (N,), whose they are.
        passed: (N,) metres of the beam before they begin.
        clear: (N,), how much of the light comes that far, there and back.
    """

    hits: Hits
    world: Float32s
    beam: Indices
    passed: Float32s
    clear: Float32s

    @staticmethod
    def of(hits: Hits, world: Float32s, beam: Indices) -> _Batch:
        """Rays that begin at the sensor."""
        return _Batch(hits, world, beam, np.zeros(len(beam), np.float32), np.ones(len(beam), np.float32))

    def read(self, which: npt.NDArray[np.bool_] | None = None) -> _Met:
        """What they met, or those of them of beams `which`."""
        hits, found = self.hits, np.isfinite(self.hits.range_m)
        met = np.flatnonzero(found if which is None else found & which.take(self.beam))
        return _Met(
            self.beam.take(met),
            hits.range_m.take(met) + self.passed.take(met),
            hits.cos_incidence.take(met),
            hits.actor_id.take(met),
            hits.tag.take(met),
            hits.material.take(met),
            np.ones(len(met), dtype=np.float32),
            self.clear.take(met),
        )

    def behind(self) -> tuple[Float32s, Indices, Float32s, Float32s]:
        """Rays that go on behind glass: `world`, `beam`, `passed` and `clear` of them."""
        glass = np.flatnonzero(self.hits.material == Material.GLASS)
        world = rows(self.world, glass)
        passed = self.passed.take(glass) + self.hits.range_m.take(glass) + np.float32(_PANE_M)
        clear = self.clear.take(glass) * _transmitted(self.hits.cos_incidence.take(glass)) ** 2
        return world, self.beam.take(glass), passed, clear


class _Firing:
    """Fires the beams of a fan, or thinner rays within them, each at its time."""

    def __init__(self, rays: RayScene, scene: Scene, spread: Fan, head: Head, path: Path) -> None:
        self._rays, self._scene, self._fan, self._head, self._path = rays, scene, spread, head, path
        self._watch = Watch(spread, path, head)

    def found(self) -> _Met:
        """Everything that the beams met."""
        everything = np.arange(len(self._fan.directions))
        world = self._world(self._fan.directions, everything)
        middles = _Batch.of(self._fire(world, everything), world, everything)
        split = self._split(middles) if self._head.divergence_rad > 0.0 else everything[:0]
        if not len(split):
            return _Met.joined([batch.read() for batch in self._pierced([middles])])
        beam, directions = edges.around(self._fan, split, self._head.divergence_rad)
        thin = self._world(directions, beam)
        batches = self._pierced([middles, _Batch.of(self._fire(thin, beam), thin, beam)])
        mixed = np.zeros(len(everything), dtype=bool)
        mixed[split] = True
        whole, shared = (_Met.joined([batch.read(which) for batch in batches]) for which in (~mixed, mixed))
        shared.share[:] = 1.0 / edges.RAYS_A_BEAM
        return _Met.joined([whole, _grouped(shared, self._head.divergence_rad)])

    def _split(self, middles: _Batch) -> Indices:
        """Beams on whose rim something else is than in their middle."""
        hits = middles.hits
        points = self._points(hits, middles.world, middles.beam)
        beam, directions = edges.probes(self._fan, hits, points, self._head.divergence_rad)
        if not len(beam):
            return beam
        rim = self._world(directions, beam)
        found = self._fire(rim, beam)
        apart = edges.differ(
            hits, beam, rows(points, beam), found, np.arange(len(beam)), self._points(found, rim, beam)
        )
        return np.unique(beam[apart])

    def _points(self, hits: Hits, world: Float32s, beam: Indices) -> Float32s:
        """What was met (N, 3), from where the sensor is on this frame, world axes; 0 for nothing."""
        reach = np.where(np.isfinite(hits.range_m), hits.range_m, np.float32(0.0))
        points: Float32s = world * reach[:, None]
        if self._head.moves and self._path.travel_m > 0.0:
            points += self._path.origins_from(Path(self._path.now), self._fan.fired.take(beam))
        return points

    def _world(self, directions: Float32s, beam: Indices) -> Float32s:
        return self._path.outward(directions, self._fan.fired.take(beam) if self._head.moves else None)

    def _origins(self, beam: Indices) -> Array:
        """Where the sensor is when beams are fired: (3,), or (N, 3) if it goes on meanwhile."""
        if not self._head.moves or self._path.travel_m == 0.0:
            return self._path.now[:3, 3]
        return self._path.origins(self._fan.fired.take(beam))

    def _fire(
        self, world: Float32s, beam: Indices, reach_m: npt.ArrayLike | None = None, ahead_m: Float32s | None = None
    ) -> Hits:
        """What rays (N, 3) in world axes meet first, within `reach_m` from `ahead_m` before the sensor on."""
        origins = self._origins(beam)
        if ahead_m is not None:
            origins = origins + world.astype(np.float64) * ahead_m[:, None]
        own = len(beam) == len(self._fan.directions) and ahead_m is None
        return self._rays.trace(
            self._scene,
            origins,
            world,
            self._head.lidar.range_m if reach_m is None else reach_m,
            share=self._fan.fired.take(beam) if self._head.moves else None,
            near=self._watch if own else self._watch.over(beam, ahead=ahead_m is not None),
            source=self._path if origins.ndim > 1 and ahead_m is None else None,
        )

    def _pierced(self, batches: list[_Batch]) -> list[_Batch]:
        """Rays, and those that go on behind what of them is glass."""
        last = batches
        for _ in range(_PANES):
            world, beam, passed, clear = zip(*(batch.behind() for batch in last), strict=True)
            of, before = np.concatenate(beam), np.concatenate(passed)
            if not len(of):
                break
            rays = np.concatenate([each.T for each in world], axis=1).T
            left = np.maximum(np.float32(self._head.lidar.range_m) - before, 0.0)
            last = [_Batch(self._fire(rays, of, left, before), rays, of, before, np.concatenate(clear))]
            batches = batches + last
        return batches


def _transmitted(cosine: Float32s) -> Float32s:
    """How much of a beam goes through a pane that it meets at an angle with this cosine, (N,)."""
    reflected = _NORMAL_REFLECTION + (1.0 - _NORMAL_REFLECTION) * (1.0 - cosine) ** 5
    through: Float32s = np.float32(_PANE_TRANSMITS) * ((1.0 - reflected) / (1.0 - _NORMAL_REFLECTION)) ** 2
    return through


def _grouped(parts: _Met, divergence_rad: float) -> _Met:
    """Parts of a beam on one thing and near each other as one, by range: shares add up, the rest is their mean."""
    if not len(parts.beam):
        return parts
    thing = parts.actor_id.astype(np.int64) << 8 | parts.material
    parts = parts.rows(np.lexsort((parts.range_m, thing, parts.beam)))
    # a beam that strikes one face flatly meets it over some length
    cosine = np.clip(np.abs(parts.cos), 0.01, 1.0)
    length = parts.range_m * np.float32(divergence_rad) * np.sqrt(1.0 - cosine**2) / cosine
    new = np.ones(len(parts.beam), dtype=bool)
    new[1:] = (
        (np.diff(parts.beam) != 0)
        | (parts.actor_id[1:] != parts.actor_id[:-1])
        | (parts.material[1:] != parts.material[:-1])
        | (np.diff(parts.range_m) > _TOGETHER_M + np.minimum(length[1:], length[:-1]))
    )
    starts = np.flatnonzero(new)
    share = np.add.reduceat(parts.share, starts)

    def middle(values: Float32s) -> Float32s:
        return (np.add.reduceat(values * parts.share, starts) / share).astype(np.float32)

    grouped = _Met(
        parts.beam[starts],
        middle(parts.range_m),
        middle(parts.cos),
        parts.actor_id[starts],
        parts.tag[starts],
        parts.material[starts],
        share,
        middle(parts.transmission),
    )
    return grouped.rows(np.lexsort((grouped.range_m, grouped.beam)))


def _ordered(spread: Fan, found: _Met) -> Candidates:
    """Candidates by beam; those of one beam are by range already."""
    if (np.diff(found.beam) < 0).any():
        found = found.rows(np.argsort(found.beam, kind="stable"))
    place = np.arange(len(found.beam))
    first = np.ones(len(place), dtype=bool)
    first[1:] = np.diff(found.beam) != 0
    return Candidates(
        found.beam,
        (place - np.maximum.accumulate(np.where(first, place, 0))).astype(np.uint32),
        rows(spread.directions, found.beam) * found.range_m[:, None],
        found.cos,
        found.actor_id,
        found.tag,
        found.material,
        found.share,
        found.transmission,
    )
