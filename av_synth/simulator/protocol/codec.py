"""Values to and from their wire shapes: structs are arrays, angles degrees, axes CARLA's.

Writers return lists of plain Python numbers (msgpack refuses numpy's); readers check type, length and finiteness.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from av_synth.geometry.carla import carla_from_matrix, flip_y, matrix_from_carla
from av_synth.geometry.transforms import Array
from av_synth.simulator.protocol.calls import ArgumentError, Packed, pack
from av_synth.simulator.scene import Weather

Item = TypeVar("Item")
_MAX_COORDINATE_M = 1e7
MAX_ITEMS = 20_000  # of one array: what is asked for at once is also done at once, while others wait
_MAX_POINTS = 256  # of a curve: each vehicle keeps its own
_MAX_NUMBER = 1e12
_WEATHER_NUMBERS = 14  # CARLA's; snow, which comes after them, is none of its
_MIN_INTEGER, _MAX_INTEGER = -(2**31), 2**32 - 1  # CARLA's integers are of 32 bits, with a sign or without
_quoted = reprlib.Repr()  # a value may be megabytes, or nested deeper than `repr` goes
_quoted.maxlevel, _quoted.maxlist, _quoted.maxdict, _quoted.maxstring, _quoted.maxother = 3, 4, 4, 40, 40


def shown(value: Any) -> str:
    """A value as an error quotes it: its beginning, however long or deep it is."""
    return _quoted.repr(value)[:80]


def number(value: Any) -> float:
    """Read a finite float.

    Raises:
        ArgumentError: if it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= _MAX_NUMBER:
        raise ArgumentError(f"got {shown(value)}; want a finite number up to {_MAX_NUMBER:g}")
    return float(value)


def integer(value: Any, low: int = _MIN_INTEGER, high: int = _MAX_INTEGER) -> int:
    """Read an integer (an enum travels as one) within bounds; raises ArgumentError."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ArgumentError(f"got {shown(value)}; want an integer from {low} to {high}")
    return value


def flag(value: Any) -> bool:
    """Read a boolean; raises ArgumentError."""
    if not isinstance(value, bool):
        raise ArgumentError(f"got {shown(value)}; want a boolean")
    return value


def text(value: Any, at_most: int | None = None) -> str:
    """Read a string, of so many characters at most; raises ArgumentError."""
    if not isinstance(value, str):
        raise ArgumentError(f"got {type(value).__name__}; want a string")
    if at_most is not None and len(value) > at_most:
        raise ArgumentError(f"got {shown(value)} of {len(value)} characters; want {at_most} at most")
    return value


def items(value: Any, at_least: int = 0) -> list[Any]:
    """Read an array of at least so many elements, and of `MAX_ITEMS` at most; raises ArgumentError."""
    if not isinstance(value, list) or len(value) < at_least:
        raise ArgumentError(f"got {shown(value)}; want an array of {at_least} or more")
    if len(value) > MAX_ITEMS:
        raise ArgumentError(f"got an array of {len(value)}; want {MAX_ITEMS} at most, the rest in further calls")
    return value


def optional(value: Any, read: Callable[[Any], Item]) -> Item | None:
    """Read [False] as None and [True, v] as read(v); raises ArgumentError."""
    parts = items(value, 1)
    return read(items(parts, 2)[1]) if flag(parts[0]) else None


def numbers(value: Any, count: int) -> list[float]:
    """Read an array of `count` finite numbers (more may follow); raises ArgumentError."""
    return [number(part) for part in items(value, count)[:count]]


def read_vector(value: Any) -> Array:
    """A Location or Vector3D as (3,), our axes, in the unit it came in; raises ArgumentError."""
    return flip_y(_coordinates(value))


def _coordinates(value: Any) -> list[float]:
    """A Location or Vector3D as it travels, CARLA's axes; raises ArgumentError."""
    found = numbers(value, 3)
    if max(map(abs, found)) > _MAX_COORDINATE_M:
        raise ArgumentError(f"got {found}; want coordinates below {_MAX_COORDINATE_M:g}")
    return found


def read_axial(value: Any) -> Array:
    """A torque or an angular impulse as (3,) about our axes (an axial vector: x and z change sign)."""
    negated: Array = -flip_y(numbers(value, 3))  # in Unreal's unit they are large
    return negated


def read_transform(value: Any) -> Array:
    """A Transform as a right-handed (4, 4), metres; raises ArgumentError."""
    location, rotation = items(value, 2)[:2]
    pitch, yaw, roll = numbers(rotation, 3)
    return matrix_from_carla(_coordinates(location), pitch, yaw, roll)


def vector(values: Array) -> list[float]:
    """A vector (3,) in our axes as a Location or Vector3D."""
    return [float(values[0]), -float(values[1]), float(values[2])]


def transform(world_from_actor: Array) -> list[list[float]]:
    """A (4, 4) as a Transform."""
    location, rotation = carla_from_matrix(world_from_actor)
    return [list(location), list(rotation)]


def bounding_box(centre_m: Array, half_m: Array, yaw_rad: float = 0.0, actor_id: int = 0) -> list[Any]:
    """A BoundingBox: centre in its parent's frame, half sizes, heading."""
    half = [float(v) for v in half_m]
    return [vector(centre_m), half, [0.0, -math.degrees(yaw_rad), 0.0], actor_id]


NO_BOX: list[Any] = bounding_box(np.zeros(3), np.zeros(3))


def read_weather(value: Any) -> Weather:
    """WeatherParameters, 14 floats; raises ArgumentError."""
    return Weather(*numbers(value, _WEATHER_NUMBERS))


@lru_cache(maxsize=16)
def weather(value: Weather) -> Packed:
    """WeatherParameters as 14 floats, packed: Traffic Managers ask for them at every tick."""
    return Packed(pack([float(v) for v in astuple(value)[:_WEATHER_NUMBERS]]))


@dataclass(frozen=True)
class EpisodeSettings:
    """CARLA's settings; the embedded simulator acts on the first three and keeps the others for reading back.

    Attributes:
        fixed_delta_s: the length of a tick; None for a variable one.
    """

    synchronous: bool = False
    no_rendering: bool = False
    fixed_delta_s: float | None = None
    substepping: bool = True
    max_substep_delta_s: float = 0.01
    max_substeps: int = 10
    max_culling_distance_m: float = 0.0
    deterministic_ragdolls: bool = True
    tile_stream_distance_m: float = 3000.0
    actor_active_distance_m: float = 2000.0
    spectator_as_ego: bool = True


def read_settings(value: Any) -> EpisodeSettings:
    """EpisodeSettings.

    Raises:
        ArgumentError: if a field has the wrong type, or the tick is not between 1 ms and 10 s.
    """
    parts = items(value, 6)
    defaults = EpisodeSettings()
    parts = [*parts, *[None] * (11 - len(parts))]
    delta = optional(parts[2], number)
    if delta == 0.0:  # how clients of older versions say "variable"
        delta = None
    if delta is not None and not 0.001 <= delta <= 10.0:
        raise ArgumentError(f"fixed_delta_seconds = {delta}; want 0.001 to 10.0, or none")
    return EpisodeSettings(
        synchronous=flag(parts[0]),
        no_rendering=flag(parts[1]),
        fixed_delta_s=delta,
        substepping=flag(parts[3]),
        max_substep_delta_s=number(parts[4]),
        max_substeps=integer(parts[5], 0, 2**31 - 1),
        max_culling_distance_m=_or(parts[6], number, defaults.max_culling_distance_m),
        deterministic_ragdolls=_or(parts[7], flag, defaults.deterministic_ragdolls),
        tile_stream_distance_m=_or(parts[8], number, defaults.tile_stream_distance_m),
        actor_active_distance_m=_or(parts[9], number, defaults.actor_active_distance_m),
        spectator_as_ego=_or(parts[10], flag, defaults.spectator_as_ego),
    )


def settings(value: EpisodeSettings) -> list[Any]:
    """EpisodeSettings as its 11 fields."""
    fields: list[Any] = list(astuple(value))
    fields[2] = [False] if value.fixed_delta_s is None else [True, value.fixed_delta_s]
    return fields


def _or(value: Any, read: Callable[[Any], Item], default: Item) -> Item:
    return default if value is None else read(value)


def pairs(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Points of a curve as Vector2D."""
    return [[float(x), float(y)] for x, y in points]


def read_pairs(value: Any) -> tuple[tuple[float, float], ...]:
    """Vector2D of a curve, `_MAX_POINTS` at most; raises ArgumentError."""
    points = items(value)
    if len(points) > _MAX_POINTS:
        raise ArgumentError(f"got a curve of {len(points)} points; want {_MAX_POINTS} at most")
    return tuple((x, y) for x, y in (numbers(point, 2) for point in points))
