"""Lamps: where bodies and the town have them, which are lit, and the light they throw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.render.geometry import Meshes
from av_synth.simulator.scene import Material, Mesh, VehicleLight

HEADLIGHT = np.array([1.0, 0.93, 0.78])
"""Colour of head lamps and of their beams."""
_AMBER, _RED = np.array([1.0, 0.42, 0.05]), np.array([1.0, 0.045, 0.03])
_LAMP_MATERIALS = (Material.LAMP_FRONT, Material.LAMP_BRAKE, Material.LAMP_LEFT, Material.LAMP_RIGHT, Material.GLOW)
_TAIL_LAMPS = VehicleLight.POSITION | VehicleLight.LOW_BEAM | VehicleLight.HIGH_BEAM
_STREET_LAMP_ABOVE_M = 3.0
_BLINKS_PER_S = 1.5


@dataclass(frozen=True)
class Lamp:
    """A cluster of lamp triangles: its `Material`, middle (3,) and mean outward normal (3,) in the mesh's frame."""

    material: int
    centre_m: Array
    normal: Array
    colour: Array


def find(mesh: Mesh, within_m: float = 0.35) -> tuple[Lamp, ...]:
    """The lamps of a mesh: triangles of one lamp material whose middles lie within a distance of the first."""
    materials = mesh.materials[mesh.triangles[:, 0]]
    lamps = []
    for material in _LAMP_MATERIALS:
        chosen = mesh.triangles[materials == int(material)]
        middles = mesh.positions_m[chosen].mean(axis=1).astype(np.float64)
        normals = mesh.normals[chosen].mean(axis=1).astype(np.float64)
        colours = (mesh.colours[chosen].mean(axis=1) / 255.0) ** 2
        left = np.ones(len(chosen), dtype=bool)
        while left.any():
            first = middles[np.argmax(left)]
            cluster = left & (np.linalg.norm(middles - first, axis=1) <= within_m)
            left &= ~cluster
            normal = normals[cluster].mean(axis=0)
            normal /= max(float(np.linalg.norm(normal)), 1e-6)
            lamps.append(Lamp(int(material), middles[cluster].mean(axis=0), normal, colours[cluster].mean(axis=0)))
    return tuple(lamps)


def find_all(bodies: Mapping[str, Meshes]) -> dict[tuple[str, int], tuple[Lamp, ...]]:
    """The lamps of every pose of every body."""
    return {(name, pose): find(mesh) for name, body in bodies.items() for pose, mesh in enumerate(body.meshes)}


def street_lamps(town: Mesh) -> Array:
    """Where the town's street lamps are (N, 3): everything high up that glows."""
    positions = [lamp.centre_m for lamp in find(town, within_m=1.2) if lamp.centre_m[2] > _STREET_LAMP_ABOVE_M]
    return np.array(positions).reshape(-1, 3)


def emission(material: int, lights: int, elapsed_s: float) -> Array:
    """What a lamp of a body gives off, linear RGB (3,), by the light bits of its actor and the simulated time."""
    if material == Material.LAMP_FRONT:
        if lights & VehicleLight.HIGH_BEAM:
            return HEADLIGHT * 6.0
        return HEADLIGHT * (4.0 if lights & VehicleLight.LOW_BEAM else 1.0 if lights & VehicleLight.POSITION else 0.0)
    if material == Material.LAMP_BRAKE:
        return _RED * (2.6 if lights & VehicleLight.BRAKE else 0.55 if lights & _TAIL_LAMPS else 0.0)
    bit = VehicleLight.LEFT_BLINKER if material == Material.LAMP_LEFT else VehicleLight.RIGHT_BLINKER
    on = bool(lights & bit) and (elapsed_s * _BLINKS_PER_S) % 1.0 < 0.5
    return _AMBER * (2.4 if on else 0.0)


def beam_reach_m(lights: int) -> float:
    """How far headlights light the road with these light bits; 0 where they are off."""
    return 70.0 if lights & VehicleLight.HIGH_BEAM else 42.0 if lights & VehicleLight.LOW_BEAM else 0.0
