"""What of a town is there at present: clients may hide its things one by one, or unload layers of it as in CARLA."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from enum import IntFlag

import numpy as np

from av_synth.simulator.scene import Mesh, Tag
from av_synth.simulator.town.model import EnvironmentObject, Footprint, Town
from av_synth.simulator.world.level_cars import LevelCar


class Layer(IntFlag):
    """CARLA 0.9.16's MapLayer, as far as a town here has something of it; it has no decals and no particles."""

    BUILDINGS = 0x1
    FOLIAGE = 0x4
    GROUND = 0x8
    PARKED_VEHICLES = 0x10
    PROPS = 0x40
    STREET_LIGHTS = 0x80
    WALLS = 0x100


ALL_LAYERS = 0xFFFF
_LAYERS = {
    Tag.BUILDINGS: Layer.BUILDINGS,
    Tag.VEGETATION: Layer.FOLIAGE,
    Tag.WALLS: Layer.WALLS,
    Tag.FENCES: Layer.WALLS,
    Tag.GUARD_RAIL: Layer.WALLS,
    Tag.STATIC: Layer.PROPS,
    Tag.POLES: Layer.PROPS,
    Tag.TERRAIN: Layer.GROUND,
    Tag.GROUND: Layer.GROUND,
}
_GROUND = (Tag.TERRAIN, Tag.GROUND)  # roads and pavements stay, as in CARLA


class Scenery:
    """The things of a town and which of them are there. Whoever changes it tells the world and the sensors.

    Attributes:
        level_cars: parked cars that are parts of the town.
        mesh: what sensors see of the town, without parked cars.
    """

    def __init__(self, town: Town, level_cars: tuple[LevelCar, ...]) -> None:
        """Everything is there."""
        self.level_cars = level_cars
        self.mesh: Mesh = town.mesh
        self._town = town
        self._hidden: frozenset[int] = frozenset()
        self._layers = ALL_LAYERS

    @property
    def things(self) -> list[EnvironmentObject]:
        """What is listed: the things of all layers that are loaded, hidden ones too, as CARLA has it."""
        own = [thing for thing in self._town.environment_objects if self._is_loaded(_layer_of(thing))]
        return own + ([car.thing for car in self.level_cars] if self._is_loaded(Layer.PARKED_VEHICLES) else [])

    @property
    def parked(self) -> tuple[LevelCar, ...]:
        """The parked cars that are there."""
        return tuple(car for car in self.level_cars if self._is_there(car.thing.id, Layer.PARKED_VEHICLES))

    @property
    def is_whole(self) -> bool:
        """Whether all but parked cars is there."""
        return self.mesh is self._town.mesh

    @property
    def footprints(self) -> tuple[Footprint, ...]:
        """What stops vehicles and walkers, without parked cars."""
        if self.is_whole:
            return self._town.footprints
        gone = {thing.footprint for thing in self._town.environment_objects if not self._stands(thing)}
        return tuple(each for index, each in enumerate(self._town.footprints) if index not in gone)

    def show(self, object_ids: Collection[int], shown: bool) -> None:
        """Show or hide things."""
        self._hidden = self._hidden - set(object_ids) if shown else self._hidden | set(object_ids)
        self._remake()

    def load(self, layers: int, loaded: bool) -> None:
        """Bring back or take away all of some layers, `Layer` bits; other bits mean nothing here."""
        self._layers = self._layers | layers if loaded else self._layers & ~layers
        self._remake()

    def _remake(self) -> None:
        """Take out the triangles of what is not there; those of the things end the town's mesh, in their order."""
        whole = self._town.mesh
        counts = [thing.triangles for thing in self._town.environment_objects]
        stand = [self._stands(thing) for thing in self._town.environment_objects]
        ground = np.ones(len(whole.triangles) - sum(counts), dtype=bool)
        if not self._is_loaded(Layer.GROUND):
            ground = ~np.isin(whole.tags[whole.triangles[: len(ground), 0]], [int(tag) for tag in _GROUND])
        kept = np.concatenate([ground, np.repeat(np.array(stand, dtype=bool), counts)])
        self.mesh = whole if kept.all() else replace(whole, triangles=whole.triangles[kept])

    def _stands(self, thing: EnvironmentObject) -> bool:
        return self._is_there(thing.id, _layer_of(thing))

    def _is_there(self, object_id: int, layer: int) -> bool:
        return object_id not in self._hidden and self._is_loaded(layer)

    def _is_loaded(self, layer: int) -> bool:
        return not layer & ~self._layers


def _layer_of(thing: EnvironmentObject) -> int:
    """The layer of a thing; 0 for what cannot be unloaded, as traffic signs cannot in CARLA."""
    if thing.tag is Tag.POLES and "Lamp" in thing.name:
        return Layer.STREET_LIGHTS
    return _LAYERS.get(thing.tag, 0)
