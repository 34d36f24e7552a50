"""What people wear by profession: helmets, caps and reflecting bands. All of it is inside the reach of the gait."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.figure import Pose
from av_synth.simulator.bodies.people import Person
from av_synth.simulator.bodies.shapes import Finish, tube
from av_synth.simulator.scene import Material, Mesh, Tag

_SILVER = Finish(Material.RETRO, (206, 212, 208))
_SIDES = 12


def worn(person: Person, pose: Pose, scale: float, tag: Tag) -> list[Mesh]:
    """Hat and bands of a person in a pose."""
    parts = []
    if person.hat:
        parts.append(_hat(person, pose.head, scale, tag))
    if person.bands:
        girth = scale * person.clothes.girth
        spine = pose.neck - pose.waist
        parts += [
            _ring(pose.waist + share * spine, spine, 0.030 * scale, (deep * girth, wide * girth), tag)
            for share, deep, wide in ((0.02, 0.110, 0.156), (0.42, 0.126, 0.184))
        ]
        for k in range(2):
            shin = pose.ankles[k] - pose.knees[k]
            parts.append(_ring(pose.knees[k] + 0.45 * shin, -shin, 0.028 * scale, (0.058 * girth, 0.058 * girth), tag))
    return parts


def _ring(middle: Array, along: Array, half_m: float, reach: tuple[float, float], tag: Tag) -> Mesh:
    """A band around `middle` across `along`, as deep and as wide as `reach` (half sizes)."""
    axis = along / np.linalg.norm(along)
    front = np.cross([0.0, 1.0, 0.0], axis)
    turn = np.arange(_SIDES) * (2 * np.pi / _SIDES)
    ring = reach[0] * np.cos(turn)[:, None] * front + reach[1] * np.sin(turn)[:, None] * np.array([0.0, 1.0, 0.0])
    return tube(np.stack([middle - half_m * axis + ring, middle + half_m * axis + ring]), _SILVER, tag)


def _hat(person: Person, head: Array, scale: float, tag: Tag) -> Mesh:
    """A round hat: a brim (of a cap: a peak) and a crown that ends just above the head."""
    size, finish = scale * person.clothes.head, Finish(Material.MATTE, person.hat_colour)
    brim, peak = (0.020, 0.035) if person.hat == "helmet" else (0.004, 0.075)
    turn = np.arange(_SIDES) * (2 * np.pi / _SIDES)
    cosine, sine = np.cos(turn), np.sin(turn)
    foot = np.stack([-0.012 + (0.112 + brim) * cosine + peak * np.maximum(cosine, 0.0) ** 3, (0.096 + brim) * sine], 1)
    rings = [(foot, 0.050), (foot, 0.060)]
    # a cap is wider at the top than at the head
    dome = (
        ((1.0, 0.064), (0.92, 0.110), (0.60, 0.140))
        if person.hat == "helmet"
        else ((1.0, 0.064), (1.16, 0.115), (1.0, 0.130))
    )
    rings += [(np.stack([-0.012 + 0.112 * share * cosine, 0.096 * share * sine], 1), z) for share, z in dome]
    points = [np.column_stack([flat, np.full(_SIDES, z)]) * size + head for flat, z in rings]
    return tube(np.stack(points), finish, tag)
