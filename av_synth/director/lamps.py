"""A vehicle's lights by the names that scenarios give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import carla

from av_synth.scenario.words import Lamp

_LAMPS: Mapping[Lamp, carla.VehicleLightState] = {
    "position": carla.VehicleLightState.Position,
    "low_beam": carla.VehicleLightState.LowBeam,
    "high_beam": carla.VehicleLightState.HighBeam,
    "brake": carla.VehicleLightState.Brake,
    "left": carla.VehicleLightState.LeftBlinker,
    "right": carla.VehicleLightState.RightBlinker,
    "reverse": carla.VehicleLightState.Reverse,
    "fog": carla.VehicleLightState.Fog,
    "interior": carla.VehicleLightState.Interior,
    "special": carla.VehicleLightState.Special1,
}


def flags_of(names: Iterable[Lamp]) -> int:
    """The bits of carla.VehicleLightState of some lights."""
    flags = 0
    for name in names:
        flags |= int(_LAMPS[name])
    return flags


def hazard() -> int:
    """Both indicators."""
    return flags_of(("left", "right"))
