"""The lamps of bodies: where they are, which are lit, and the light they throw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.lamp_places import Lamp, find
from av_synth.simulator.render.geometry import Meshes
from av_synth.simulator.scene import Material, Mesh, VehicleLight

HEADLIGHT = np.array([1.0, 0.93, 0.78])
"""Colour of head lamps and of their beams."""
_AMBER, _RED = np.array([1.0, 0.42, 0.05]), np.array([1.0, 0.045, 0.03])
_TAIL_LAMPS = VehicleLight.POSITION | VehicleLight.LOW_BEAM | VehicleLight.HIGH_BEAM
_BLUE = np.array([0.04, 0.16, 1.0])
_AHEAD = 0.3  # of the normal of a head lamp, along the body
_BLINKS_PER_S, _FLASHES_PER_S = 1.5, 2.0


def find_all(bodies: Mapping[str, Meshes]) -> dict[tuple[str, int], tuple[Lamp, ...]]:
    """The lamps of every pose of every body."""
    return {(name, pose): find(mesh) for name, body in bodies.items() for pose, mesh in enumerate(body.meshes)}


def fronts_m(
    bodies: Mapping[str, Meshes], lamps: Mapping[tuple[str, int], tuple[Lamp, ...]]
) -> dict[tuple[str, int], float]:
    """How far ahead of its origin every pose of every body has its head lamps; or else its foremost point."""
    return {key: _front_m(bodies[key[0]].meshes[key[1]], found) for key, found in lamps.items()}


def _front_m(mesh: Mesh, lamps: tuple[Lamp, ...]) -> float:
    front = [lamp for lamp in lamps if lamp.material == Material.LAMP_FRONT and not lamp.all_ways]
    ahead = [float(lamp.centre_m[0]) for lamp in front if lamp.normal[0] > _AHEAD]
    return max(ahead) if ahead else float(mesh.positions_m[:, 0].max(initial=0.0))


def emission(material: int, lights: int, elapsed_s: float) -> Array:
    """What a lamp of a body gives off, linear RGB (3,), by the light bits of its actor and the simulated time."""
    if material == Material.LAMP_FRONT:
        if lights & VehicleLight.HIGH_BEAM:
            return HEADLIGHT * 6.0
        return HEADLIGHT * (4.0 if lights & VehicleLight.LOW_BEAM else 1.0 if lights & VehicleLight.POSITION else 0.0)
    if material == Material.LAMP_BRAKE:
        return _RED * (2.6 if lights & VehicleLight.BRAKE else 0.55 if lights & _TAIL_LAMPS else 0.0)
    if material in (Material.LAMP_BLUE, Material.LAMP_RED):
        first = (elapsed_s * _FLASHES_PER_S) % 1.0 < 0.5
        if not lights & VehicleLight.SPECIAL or first != (material == Material.LAMP_BLUE):
            return np.zeros(3)
        return (_BLUE if first else _RED) * 5.0
    bit = VehicleLight.LEFT_BLINKER if material == Material.LAMP_LEFT else VehicleLight.RIGHT_BLINKER
    on = bool(lights & bit) and (elapsed_s * _BLINKS_PER_S) % 1.0 < 0.5
    return _AMBER * (2.4 if on else 0.0)


def beam_reach_m(lights: int) -> float:
    """How far headlights light the road with these light bits; 0 where they are off."""
    return 70.0 if lights & VehicleLight.HIGH_BEAM else 42.0 if lights & VehicleLight.LOW_BEAM else 0.0
