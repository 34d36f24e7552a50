"""Things that lie on the road or are pushed along it: debris, a rubbish bag, a shopping cart."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Body
from av_synth.simulator.bodies.parked_cycles import over_its_middle
from av_synth.simulator.bodies.props import prop, turned
from av_synth.simulator.bodies.shapes import PLASTIC, RUBBER, STEEL, Finish, ellipsoid, hoop, limb, tube, vec
from av_synth.simulator.bodies.skin import Skin
from av_synth.simulator.scene import Material, Mesh, Tag

_TAG = Tag.DYNAMIC
_SOIL, _CONCRETE = Finish(Material.MATTE, (112, 92, 70)), Finish(Material.MATTE, (150, 148, 142))
_BRICK, _WOOD = Finish(Material.MATTE, (156, 78, 56)), Finish(Material.MATTE, (170, 132, 86))
_CARD = Finish(Material.MATTE, (170, 130, 84))
_STONES = (  # x, y, z, half size, turn in degrees, finish
    (0.46, 0.10, 0.11, 0.12, 20.0, _CONCRETE),
    (-0.30, 0.42, 0.10, 0.11, 50.0, _BRICK),
    (0.06, -0.42, 0.10, 0.10, 10.0, _BRICK),
    (-0.52, -0.12, 0.09, 0.09, 70.0, _CONCRETE),
    (0.20, 0.18, 0.26, 0.13, 35.0, _CONCRETE),
    (-0.14, -0.06, 0.31, 0.10, 60.0, _BRICK),
    (0.30, -0.24, 0.17, 0.10, 80.0, _BRICK),
)


def _rubble() -> Body:
    """A heap of soil with broken concrete, bricks and a plank, 1.5 x 1.2 x 0.42 m."""
    turn = np.arange(18) * (2 * np.pi / 18)
    uneven = 1.0 + 0.10 * np.sin(3 * turn + 0.6) + 0.06 * np.cos(5 * turn)
    rings = [
        np.stack([0.62 * r * uneven * np.cos(turn), 0.50 * r * uneven * np.sin(turn), np.full(18, z)], axis=-1)
        for r, z in ((1.0, 0.0), (0.96, 0.05), (0.74, 0.17), (0.44, 0.27), (0.15, 0.31))
    ]
    parts = [tube(np.stack(rings), _SOIL, _TAG)]
    for x, y, z, half, angle, finish in _STONES:
        parts.append(_block(vec(x, y, z), vec(half, 0.75 * half, 0.65 * half), angle, 18.0, finish))
    parts.append(_block(vec(-0.06, 0.02, 0.24), vec(0.78, 0.06, 0.018), 155.0, 9.0, _WOOD))
    for mesh in parts:
        mesh.positions_m[:, 2] = np.maximum(mesh.positions_m[:, 2], 0.0)
    return prop("dirtdebris01", over_its_middle(parts), 60.0, "medium", tag=_TAG)


def _block(middle: Array, half: Array, turn_deg: float, tilt_deg: float, finish: Finish) -> Mesh:
    """A box of half sizes (3,) around a place, tilted and then turned."""
    skin = Skin()
    skin.box((-half).tolist(), half.tolist(), finish)
    mesh = skin.mesh(_TAG)
    a, b = np.radians(turn_deg), np.radians(tilt_deg)
    turn = np.array([[np.cos(a), -np.sin(a), 0.0], [np.sin(a), np.cos(a), 0.0], [0.0, 0.0, 1.0]])
    tilt = np.array([[np.cos(b), 0.0, np.sin(b)], [0.0, 1.0, 0.0], [-np.sin(b), 0.0, np.cos(b)]])
    rotation = (turn @ tilt).astype(np.float32)
    mesh.positions_m[:] = mesh.positions_m @ rotation.T + middle.astype(np.float32)
    mesh.normals[:] = mesh.normals @ rotation.T
    return mesh


def _rubbish_bag() -> Body:
    """A full rubbish bag with a knot, 0.62 x 0.58 x 0.66 m."""
    plastic = Finish(Material.METAL, (34, 36, 40))
    turn = np.arange(16) * (2 * np.pi / 16)
    folds = 1.0 + 0.05 * np.cos(8 * turn)
    profile = ((0.20, 0.0), (0.27, 0.03), (0.31, 0.16), (0.30, 0.30), (0.22, 0.44), (0.10, 0.53), (0.035, 0.56))
    rings = [
        np.stack([r * folds * np.cos(turn), 0.93 * r * folds * np.sin(turn), np.full(16, z)], axis=-1)
        for r, z in profile
    ]
    knot = turned([(0.035, 0.55), (0.03, 0.58), (0.085, 0.64), (0.07, 0.66)], plastic, _TAG)
    return prop("trashbag", [tube(np.stack(rings), plastic, _TAG), knot], 12.0, "small")


def _shopping_cart() -> Body:
    """A wire shopping cart with boxes in it, handle towards -x, 0.98 x 0.58 x 1.03 m."""
    red = Finish(Material.MATTE, (190, 30, 36))
    parts = []
    low, high = (-0.30, 0.36, 0.17, 0.52), (-0.38, 0.44, 0.235, 0.92)  # back, front, half width, height

    def corner(ring: tuple[float, float, float, float], ahead: bool, side: float) -> Array:
        return vec(ring[1] if ahead else ring[0], side * ring[2], ring[3])

    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        between = tuple(a + share * (b - a) for a, b in zip(low, high, strict=True))
        ring = (between[0], between[1], between[2], between[3])
        ends = [corner(ring, ahead, side) for ahead, side in ((False, 1.0), (True, 1.0), (True, -1.0), (False, -1.0))]
        thick = 0.011 if share in (0.0, 1.0) else 0.006
        parts += [limb(a, b, thick, thick, STEEL, _TAG, 4) for a, b in zip(ends, [*ends[1:], ends[0]], strict=True)]
    for share in np.linspace(0.0, 1.0, 6):
        for side in (1.0, -1.0):
            foot, top = (corner(r, False, side) * (1 - share) + corner(r, True, side) * share for r in (low, high))
            parts.append(limb(foot, top, 0.006, 0.006, STEEL, _TAG, 4))
        left, right = (corner(low, False, side) * (1 - share) + corner(low, True, side) * share for side in (1.0, -1.0))
        parts.append(limb(left, right, 0.006, 0.006, STEEL, _TAG, 4))
    for y in (-0.5, 0.0, 0.5):
        parts += [
            limb(corner(low, True, y), corner(high, True, y), 0.006, 0.006, STEEL, _TAG, 4),
            limb(corner(low, False, y), corner(high, False, y), 0.006, 0.006, STEEL, _TAG, 4),
        ]
    for side in (1.0, -1.0):
        for x in (-0.30, 0.40):
            wheel_y = side * (0.26 if x < 0 else 0.20)
            parts += [
                hoop((x, wheel_y, 0.062), 0.062, 0.032, RUBBER, _TAG, 12),
                ellipsoid((x, wheel_y, 0.062), (0.035, 0.012, 0.035), PLASTIC, _TAG, (8, 5)),
                limb((x, wheel_y, 0.07), (x - 0.01, side * 0.18, 0.16), 0.014, 0.014, STEEL, _TAG, 4),
            ]
        parts += [
            limb((-0.31, side * 0.25, 0.16), (0.40, side * 0.18, 0.16), 0.014, 0.014, STEEL, _TAG, 4),
            limb((-0.31, side * 0.25, 0.16), (-0.42, side * 0.24, 0.90), 0.014, 0.014, STEEL, _TAG, 4),
            limb((-0.42, side * 0.24, 0.90), (-0.50, side * 0.24, 1.00), 0.014, 0.014, STEEL, _TAG, 4),
        ]
    parts.append(limb((-0.50, -0.25, 1.00), (-0.50, 0.25, 1.00), 0.022, 0.022, red, _TAG, 8))
    child_seat = Skin()
    child_seat.box((-0.37, -0.20, 0.72), (-0.34, 0.20, 0.90), red)
    goods = Skin()
    goods.box((-0.27, -0.16, 0.535), (0.02, 0.17, 0.86), _CARD)
    goods.box((0.05, -0.15, 0.535), (0.33, 0.14, 0.80), Finish(Material.MATTE, (70, 120, 76)))
    return prop(
        "shoppingcart", over_its_middle([*parts, child_seat.mesh(_TAG), goods.mesh(_TAG)]), 28.0, "medium", tag=_TAG
    )


def loose_things() -> list[Body]:
    """Debris, bag and cart."""
    return [_rubble(), _rubbish_bag(), _shopping_cart()]
