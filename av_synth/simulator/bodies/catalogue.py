"""The catalogue of everything that can stand in a scene."""

from __future__ import annotations

from functools import cache

from av_synth.simulator.bodies import cars, props, trucks, two_wheelers, walkers
from av_synth.simulator.bodies.model import Catalogue


@cache
def catalogue() -> Catalogue:
    """All bodies; built once, in about a second."""
    return Catalogue([*cars.cars(), *trucks.trucks(), *two_wheelers.two_wheelers(), *walkers.walkers(), *props.props()])
