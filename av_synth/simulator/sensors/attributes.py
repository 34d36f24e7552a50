"""Attributes of a sensor as numbers, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping

from av_synth.simulator.world.errors import SpawnRefused
from av_synth.simulator.world.sensor_blueprints import sensor_defaults


class Reader:
    """Reads numbers out of attributes; a missing one has its blueprint's default.

    Every method raises SpawnRefused if the value is out of range.

    Attributes:
        blueprint_id: of the sensor.
        names: what was read so far.
    """

    def __init__(self, blueprint_id: str, attributes: Mapping[str, str]) -> None:
        self.blueprint_id = blueprint_id
        self._attributes = {**sensor_defaults(blueprint_id), **attributes}
        self.names: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether sensors of this kind have an attribute."""
        return name in self._attributes

    def number(self, name: str, low: float, high: float) -> float:
        """An attribute as a number from `low` to `high`."""
        raw = self._text(name)
        try:
            value = float(raw.lower().removesuffix("f"))  # CARLA's own defaults have it here and there
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise SpawnRefused(f"{self.blueprint_id}: {name} = {raw!r}; want a number from {low:g} to {high:g}")
        return value

    def numbers(self, name: str, count: int, low: float, high: float) -> tuple[float, ...]:
        """An attribute as `count` numbers from `low` to `high` with spaces between them, or as none at all."""
        words = self._text(name).split()
        try:
            values = tuple(float(word) for word in words)
        except ValueError:
            values = (math.nan,)
        if values and not (len(values) == count and all(low <= value <= high for value in values)):
            raise SpawnRefused(
                f"{self.blueprint_id}: {name} = {self._text(name)!r}; want nothing, or {count} numbers from {low:g} to "
                f"{high:g}, with spaces between them"
            )
        return values

    def integer(self, name: str, low: int, high: int) -> int:
        """An attribute as a whole number from `low` to `high`."""
        value = self.number(name, low, high)
        if value != int(value):
            raise SpawnRefused(f"{self.blueprint_id}: {name} = {value}; want a whole number")
        return int(value)

    def word(self, name: str) -> str:
        """An attribute as it is; that it is one of a few was seen to when the blueprint was taken."""
        return self._text(name)

    def flag(self, name: str) -> bool:
        """An attribute as true or false."""
        return self._text(name).lower() in ("true", "1")

    def three(self, pattern: str, names: tuple[str, str, str]) -> tuple[float, float, float]:
        """Three attributes whose names differ in one word."""
        x, y, z = (self.number(pattern.format(name), -1e9, 1e9) for name in names)
        return x, y, z

    def _text(self, name: str) -> str:
        self.names.add(name)
        return self._attributes[name]
