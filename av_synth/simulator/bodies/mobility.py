"""Those who move without walking: a wheelchair, a kick scooter and a stroller. One pose each: wheels need no gait.

nuScenes' boxes hold who sits or stands on it; whoever pushes is a pedestrian apart (docs/instructions_nuscenes.md of
its devkit). Sizes: ISO 7176-5 reference user for the wheelchair (1.2 x 0.7 m), shop dimensions for the other two.
"""

from __future__ import annotations

import numpy as np

from av_synth.simulator.bodies.figure import Clothes
from av_synth.simulator.bodies.model import CATEGORY, Body, bounds
from av_synth.simulator.bodies.shapes import (
    DARK,
    PLASTIC,
    RUBBER,
    STEEL,
    Colour,
    Finish,
    ellipsoid,
    hoop,
    limb,
    vec,
)
from av_synth.simulator.bodies.skin import Skin
from av_synth.simulator.bodies.two_wheelers import hull, rider, spoke
from av_synth.simulator.scene import Material, Mesh, Tag

_SIDES = (1.0, -1.0)
_SKIN: Colour = (196, 148, 120)


def rolling(name: str, parts: list[Mesh], category: str, age: str, speeds: str, mass_kg: float, tag: Tag) -> Body:
    """A walker of one pose; its origin is in the middle of its box, as CARLA's capsules are."""
    low, high = bounds(parts)
    mesh = Mesh.merge(parts)
    mesh.positions_m[:] -= ((low + high) / 2).astype(np.float32)
    low, high = bounds([mesh])
    return Body(
        blueprint_id=f"walker.avsynth.{name}",
        kind="walker",
        tag=tag,
        attributes={"gender": "other", "age": age, "generation": "1", "speed": speeds, CATEGORY: category},
        colours=(),
        meshes=(mesh,),
        box_centre_m=(low + high) / 2,
        box_half_m=(high - low) / 2,
        mass_kg=mass_kg,
    )


def wheelchair() -> Body:
    """A manual wheelchair with somebody in it whose hands are on the rims, 1.04 x 0.68 x 1.43 m."""
    tag = Tag.DYNAMIC
    cloth, frame = Finish(Material.MATTE, (26, 28, 34)), Finish(Material.METAL, (150, 34, 40))
    parts = []
    for side in _SIDES:
        hub, caster = vec(-0.10, side * 0.30, 0.305), vec(0.34, side * 0.23, 0.085)
        parts += [
            hoop(hub, 0.305, 0.032, RUBBER, tag),
            hoop(hub + vec(0, side * 0.035, 0), 0.262, 0.016, STEEL, tag, 20),
            hoop(caster, 0.085, 0.032, RUBBER, tag, 12),
            limb(caster, vec(0.32, side * 0.21, 0.26), 0.014, 0.014, STEEL, tag, 6),
            limb(hub, hub - vec(0, side * 0.09, 0), 0.022, 0.022, STEEL, tag, 6),
            limb((-0.26, side * 0.21, 0.20), (-0.31, side * 0.21, 0.95), 0.013, 0.013, frame, tag, 6),
            limb((-0.30, side * 0.21, 0.94), (-0.42, side * 0.21, 0.93), 0.015, 0.017, RUBBER, tag, 6),
            limb((-0.24, side * 0.21, 0.46), (0.30, side * 0.21, 0.46), 0.013, 0.013, frame, tag, 6),
            limb((-0.24, side * 0.21, 0.24), (0.32, side * 0.21, 0.27), 0.013, 0.013, frame, tag, 6),
            limb((0.30, side * 0.21, 0.46), (0.47, side * 0.12, 0.10), 0.013, 0.013, frame, tag, 6),
            limb((-0.25, side * 0.23, 0.70), (0.12, side * 0.23, 0.70), 0.022, 0.022, PLASTIC, tag, 6),
            limb((0.12, side * 0.22, 0.69), (0.14, side * 0.21, 0.46), 0.012, 0.012, frame, tag, 6),
        ]
        parts += [spoke(hub, angle, 0.285, 0.004, STEEL, tag) for angle in (0.0, 45.0, 90.0, 135.0)]
    seat = Skin()
    seat.box((-0.25, -0.21, 0.44), (0.28, 0.21, 0.50), cloth)
    seat.box((-0.325, -0.21, 0.50), (-0.295, 0.21, 0.93), cloth)
    for low_y in (-0.17, 0.02):
        seat.box((0.40, low_y, 0.085), (0.62, low_y + 0.15, 0.105), PLASTIC)
    parts.append(seat.mesh(tag))
    clothes = Clothes((58, 96, 118), (54, 56, 64), (30, 28, 28), _SKIN, (96, 92, 88), 1.0)
    feet = np.array([vec(0.50, side * 0.095, 0.152) for side in _SIDES])
    parts += rider(
        clothes, (-0.10, 0.0, 0.585), (-0.17, 0.0, 1.115), (-0.14, 0.0, 1.285), (0.0, 0.315, 0.575), feet, _WALKER
    )
    return rolling("wheelchair", parts, "human.pedestrian.wheelchair", "adult", "0.0,1.0,1.8", 92.0, _WALKER)


def _kick_scooter() -> Body:
    """An electric kick scooter with somebody in a helmet standing on it, 1.05 x 0.55 x 1.84 m."""
    tag = Tag.DYNAMIC
    black = Finish(Material.METAL, (40, 42, 46))
    parts = []
    for x in (-0.42, 0.43):
        parts += [
            hoop((x, 0.0, 0.105), 0.105, 0.05, RUBBER, tag, 16),
            ellipsoid((x, 0.0, 0.105), (0.06, 0.022, 0.06), STEEL, tag, (10, 5)),
        ]
    deck = Skin()
    deck.box((-0.34, -0.075, 0.085), (0.30, 0.075, 0.125), black)
    deck.box((-0.32, -0.068, 0.125), (0.28, 0.068, 0.130), RUBBER)
    parts += [
        deck.mesh(tag),
        limb((-0.34, 0.0, 0.11), (-0.42, 0.0, 0.17), 0.03, 0.02, black, tag),
        limb((0.28, 0.0, 0.11), (0.415, 0.0, 0.24), 0.035, 0.03, black, tag),
        limb((0.43, 0.0, 0.11), (0.31, 0.0, 1.10), 0.026, 0.020, black, tag),
        limb((0.31, 0.25, 1.10), (0.31, -0.25, 1.10), 0.016, 0.016, RUBBER, tag, 6),
        ellipsoid((0.335, 0.0, 1.02), (0.02, 0.03, 0.03), Finish(Material.MATTE, (226, 230, 234)), tag, (8, 5)),
    ]
    clothes = Clothes((196, 82, 46), (40, 46, 62), (228, 226, 220), _SKIN, (34, 36, 40), 1.0)
    head = np.array([-0.01, 0.0, 1.71])
    feet = np.array([vec(0.13, 0.045, 0.175), vec(-0.15, -0.045, 0.175)])
    parts += rider(clothes, (-0.07, 0.0, 1.005), (-0.035, 0.0, 1.54), head, (0.30, 0.225, 1.125), feet, _WALKER)
    helmet = Finish(Material.MATTE, (232, 232, 228))
    parts.append(ellipsoid(head + vec(-0.012, 0.0, 0.060), (0.128, 0.100, 0.088), helmet, _WALKER))
    category = "human.pedestrian.personal_mobility"
    return rolling("scooter", parts, category, "adult", "0.0,2.8,5.5", 96.0, _WALKER)


def stroller() -> Body:
    """A stroller with a baby in it, 1.05 x 0.56 x 1.06 m; nobody pushes it."""
    tag = Tag.DYNAMIC
    cloth, lining = Finish(Material.MATTE, (38, 62, 92)), Finish(Material.MATTE, (214, 206, 190))
    parts = []
    for side in _SIDES:
        rear, front = vec(-0.27, side * 0.255, 0.145), vec(0.38, side * 0.20, 0.105)
        bar = vec(-0.55, side * 0.20, 1.02)
        parts += [
            hoop(rear, 0.145, 0.045, RUBBER, tag, 20),
            ellipsoid(rear, (0.07, 0.018, 0.07), STEEL, tag, (10, 5)),
            hoop(front, 0.105, 0.04, RUBBER, tag, 16),
            ellipsoid(front, (0.05, 0.016, 0.05), STEEL, tag, (10, 5)),
            limb(front + vec(0, -side * 0.03, 0), (-0.10, side * 0.21, 0.58), 0.014, 0.014, STEEL, tag, 6),
            limb((-0.10, side * 0.21, 0.58), bar, 0.014, 0.014, STEEL, tag, 6),
            limb(rear - vec(0, side * 0.03, 0), (0.02, side * 0.20, 0.50), 0.014, 0.014, STEEL, tag, 6),
        ]
    basket = Skin()
    basket.box((-0.24, -0.18, 0.20), (0.24, 0.18, 0.32), DARK)
    parts += [
        limb((-0.27, -0.24, 0.145), (-0.27, 0.24, 0.145), 0.012, 0.012, STEEL, tag, 6),
        limb((-0.55, -0.20, 1.02), (-0.55, 0.20, 1.02), 0.020, 0.020, RUBBER, tag, 6),
        basket.mesh(tag),
        hull(
            (
                (-0.34, 0.66, 0.12, 0.12),
                (-0.28, 0.62, 0.18, 0.17),
                (-0.05, 0.56, 0.205, 0.15),
                (0.25, 0.54, 0.195, 0.12),
                (0.40, 0.55, 0.165, 0.09),
                (0.44, 0.56, 0.10, 0.06),
            ),
            cloth,
            tag,
        ),
        ellipsoid((-0.20, 0.0, 0.74), (0.19, 0.215, 0.30), cloth, tag, (14, 9)),  # the hood
        ellipsoid((-0.035, 0.0, 0.76), (0.05, 0.175, 0.215), lining, tag, (12, 7)),  # and what is seen inside it
        ellipsoid((0.20, 0.0, 0.64), (0.21, 0.165, 0.075), lining, tag),  # a blanket
        ellipsoid((0.035, 0.0, 0.755), (0.072, 0.066, 0.080), Finish(Material.MATTE, _SKIN), _WALKER, (10, 7)),
    ]
    return rolling("stroller", parts, "human.pedestrian.stroller", "child", "0.0,1.2,2.4", 22.0, tag)


_WALKER = Tag.PEDESTRIANS


def rolling_walkers() -> list[Body]:
    """Wheelchair, scooter and stroller."""
    return [wheelchair(), _kick_scooter(), stroller()]
