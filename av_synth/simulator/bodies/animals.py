"""Animals: a dog that trots, in 16 steps whose box never changes.

Diagonal legs move together; the paws swing inside the length of the body, which stays level.
"""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.figure import bend
from av_synth.simulator.bodies.model import CATEGORY, STEPS, Body, bounds
from av_synth.simulator.bodies.shapes import DARK, Finish, ellipsoid, limb, tube, vec
from av_synth.simulator.scene import Material, Mesh, Tag

_TAG = Tag.DYNAMIC  # CARLA's class of animals
_FUR, _LIGHT = Finish(Material.MATTE, (150, 104, 58)), Finish(Material.MATTE, (206, 176, 132))
_COLLAR = Finish(Material.MATTE, (176, 34, 38))
_STANCE, _TRAVEL_M, _LIFT_M, _PAW_M = 0.6, 0.24, 0.07, 0.032
_UPPER_M, _LOWER_M = 0.215, 0.215
_ROOTS = ((0.21, 0.075, 0.455, 0.0), (-0.24, 0.075, 0.46, 0.5))  # x, half width, height of shoulder and hip; phase
_TRUNK = (  # x, middle height, half width, half height, from the rump to the neck
    (-0.36, 0.50, 0.045, 0.055),
    (-0.31, 0.49, 0.090, 0.100),
    (-0.15, 0.48, 0.100, 0.110),
    (0.05, 0.47, 0.105, 0.125),
    (0.22, 0.47, 0.110, 0.140),
    (0.31, 0.50, 0.090, 0.115),
    (0.36, 0.54, 0.060, 0.070),
)


def _paw(phase: float) -> tuple[float, float]:
    """Forward place and height of a paw's middle at a phase of its cycle, which starts as it lands."""
    if phase <= _STANCE:
        return _TRAVEL_M * (0.5 - phase / _STANCE), _PAW_M
    t = (phase - _STANCE) / (1 - _STANCE)
    return _TRAVEL_M * (-0.5 + t * t * (3 - 2 * t)), _PAW_M + _LIFT_M * float(np.sin(np.pi * t)) ** 2


def _legs(step: int) -> list[Mesh]:
    parts = []
    for x, half, z, phase in _ROOTS:
        for side, offset in ((1.0, 0.0), (-1.0, 0.5)):
            ahead, height = _paw((step / STEPS + phase + offset) % 1.0)
            root, paw = vec(x, side * half, z), vec(x + ahead + 0.015, side * half, height)
            wrist = paw + vec(-0.015, 0.0, 0.03)
            joint: Array = bend(root, wrist, _UPPER_M, _LOWER_M, vec(1.0 if x < 0 else -1.0, 0.0, 0.0))
            parts += [
                limb(root, joint, 0.062 if x < 0 else 0.052, 0.036, _FUR, _TAG),
                limb(joint, wrist, 0.034, 0.022, _FUR, _TAG),
                limb(wrist - vec(0.005, 0, 0.03), paw + vec(0.03, 0, 0), _PAW_M, _PAW_M, _LIGHT, _TAG, 6),
            ]
    return parts


def _still() -> list[Mesh]:
    """Everything but the legs."""
    turn = np.arange(12) * (2 * np.pi / 12)
    rings = [np.stack([np.full(12, x), w * np.cos(turn), z + h * np.sin(turn)], axis=-1) for x, z, w, h in _TRUNK]
    parts = [
        tube(np.stack(rings), _FUR, _TAG),
        limb((0.26, 0.0, 0.53), (0.44, 0.0, 0.68), 0.088, 0.066, _FUR, _TAG),
        limb((0.380, 0.0, 0.626), (0.400, 0.0, 0.645), 0.081, 0.078, _COLLAR, _TAG, 12),
        ellipsoid((0.49, 0.0, 0.725), (0.095, 0.072, 0.075), _FUR, _TAG),
        limb((0.52, 0.0, 0.705), (0.635, 0.0, 0.685), 0.046, 0.034, _LIGHT, _TAG),
        ellipsoid((0.668, 0.0, 0.695), (0.014, 0.018, 0.014), DARK, _TAG, (6, 5)),
        limb((-0.34, 0.0, 0.53), (-0.50, 0.0, 0.68), 0.030, 0.014, _FUR, _TAG),
    ]
    for side in (1.0, -1.0):
        parts += [
            ellipsoid((0.45, side * 0.070, 0.725), (0.035, 0.016, 0.065), DARK, _TAG, (8, 6)),
            ellipsoid((0.565, side * 0.043, 0.748), (0.011, 0.011, 0.011), DARK, _TAG, (6, 5)),
        ]
    return parts


def dog() -> Body:
    """A dog the size of a retriever, 1.20 x 0.22 x 0.80 m; its origin is in the middle of its box."""
    still = _still()
    meshes = tuple(Mesh.merge([*_legs(step), *still]) for step in range(STEPS))
    low, high = bounds(meshes)
    for mesh in meshes:
        mesh.positions_m[:] -= ((low + high) / 2).astype(np.float32)
    low, high = bounds(meshes)
    return Body(
        blueprint_id="walker.avsynth.dog",
        kind="walker",
        tag=_TAG,
        attributes={"gender": "other", "age": "adult", "generation": "1", "speed": "0.0,1.2,3.5", CATEGORY: "animal"},
        colours=(),
        meshes=meshes,
        box_centre_m=(low + high) / 2,
        box_half_m=(high - low) / 2,
        mass_kg=32.0,
        stride_m=_TRAVEL_M / _STANCE,
    )
