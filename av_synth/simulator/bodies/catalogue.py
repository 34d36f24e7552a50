"""The catalogue of everything that can stand in a scene."""

from __future__ import annotations

from functools import cache

from av_synth.simulator.assets.wardrobe import Wardrobe, in_use
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
from av_synth.simulator.bodies.dressing import dressed
from av_synth.simulator.bodies.model import Catalogue
from av_synth.simulator.bodies.rolling import with_wheels
from av_synth.simulator.cache import cached


@cache
def catalogue() -> Catalogue:
    """All bodies, in the looks that are in use; built once a machine, in about five seconds, and kept.

    Raises:
        DataError: a look that is in use is damaged or does not fit.
    """
    wardrobe = in_use()
    if wardrobe is None:
        return procedural()
    return cached(f"bodies-{wardrobe.digest()[:16]}", lambda: _dressed(wardrobe))


def procedural() -> Catalogue:
    """All bodies as this package makes them."""
    return cached("bodies", _build)


def _dressed(wardrobe: Wardrobe) -> Catalogue:
    plain = procedural()
    looks = {name: wardrobe.look(name) for name in wardrobe.names()}
    worn = wardrobe.worn
    bodies = (dressed(body, looks[worn[name]]) if name in worn else body for name, body in plain.items())
    return Catalogue(bodies, wardrobe.attribution())


def _build() -> Catalogue:
    vehicles = [*cars.cars(), *trucks.trucks(), *heavy.heavies(), *two_wheelers.two_wheelers()]
    people = [*walkers.walkers(), *mobility.rolling_walkers(), animals.dog()]
    things = [*parked_cycles.parked_cycles(), *loose.loose_things(), *props.props()]
    stock = [*stock_cars.stock_cars(), *stock_trucks.stock_trucks(), *stock_cycles.stock_cycles()]
    stock += [*stock_walkers.stock_walkers(), *stock_things.stock_things()]
    stock += [*stock_furniture.stock_furniture(), *stock_garden.stock_garden()]
    bodies = [*vehicles, *people, *things, *stock]
    return Catalogue(with_wheels(body) if body.kind == "vehicle" else body for body in bodies)
