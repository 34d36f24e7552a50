"""The catalogue of everything that can stand in a scene."""

from __future__ import annotations

from functools import cache

from av_synth.simulator.bodies import (
    animals,
    cars,
    heavy,
    loose,
    mobility,
    parked_cycles,
    props,
    stock_cars,
    stock_cycles,
    stock_furniture,
    stock_garden,
    stock_things,
    stock_trucks,
    stock_walkers,
    trucks,
    two_wheelers,
    walkers,
)
from av_synth.simulator.bodies.model import Catalogue
from av_synth.simulator.cache import cached


@cache
def catalogue() -> Catalogue:
    """All bodies; built once a machine, in about five seconds, and kept."""
    return cached("bodies", _build)


def _build() -> Catalogue:
    vehicles = [*cars.cars(), *trucks.trucks(), *heavy.heavies(), *two_wheelers.two_wheelers()]
    people = [*walkers.walkers(), *mobility.rolling_walkers(), animals.dog()]
    things = [*parked_cycles.parked_cycles(), *loose.loose_things(), *props.props()]
    stock = [*stock_cars.stock_cars(), *stock_trucks.stock_trucks(), *stock_cycles.stock_cycles()]
    stock += [*stock_walkers.stock_walkers(), *stock_things.stock_things()]
    stock += [*stock_furniture.stock_furniture(), *stock_garden.stock_garden()]
    return Catalogue([*vehicles, *people, *things, *stock])
