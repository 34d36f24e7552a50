"""A motorcycle and a bicycle, each with its rider; the rider's triangles are tagged RIDER."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.figure import FOREARM_M, SHIN_M, THIGH_M, UPPER_ARM_M, Clothes, Pose, bend, build
from av_synth.simulator.bodies.model import Body, Wheel
from av_synth.simulator.bodies.shapes import (
    CHROME,
    DARK,
    GLASS,
    HEADLAMP,
    LEFT_LAMP,
    PAINT,
    PLASTIC,
    RIGHT_LAMP,
    RUBBER,
    STEEL,
    TAIL_LAMP,
    Colour,
    Finish,
    ellipsoid,
    hoop,
    limb,
    tube,
    vec,
)
from av_synth.simulator.bodies.vehicles import vehicle_attributes, vehicle_body
from av_synth.simulator.scene import Material, Mesh, Tag

_SIDES = (1.0, -1.0)


def rider(
    clothes: Clothes,
    seat: npt.ArrayLike,
    neck: npt.ArrayLike,
    head: npt.ArrayLike,
    grip: npt.ArrayLike,
    feet: Array,
    tag: Tag = Tag.RIDER,
) -> list[Mesh]:
    """A rider whose hips are at `seat`, hands at `grip` and its mirror image, shoes' middles at `feet` (2, 3)."""
    middle, top = np.asarray(seat, dtype=np.float64), np.asarray(neck, dtype=np.float64)
    spine = (top - middle) / np.linalg.norm(top - middle)
    hips = np.array([middle + vec(0.0, side * 0.095, 0.0) for side in _SIDES])
    shoulders = np.array([top - 0.06 * spine + vec(0.0, side * 0.185, 0.0) for side in _SIDES])
    fists = np.array([np.asarray(grip) * [1.0, side, 1.0] for side in _SIDES])
    wrists = fists - vec(0.075, 0.0, -0.03)
    ankles = feet + vec(-0.05, 0.0, 0.075)
    pose = Pose(
        hips=hips,
        knees=np.array(
            [bend(hips[k], ankles[k], THIGH_M, SHIN_M, np.array([1.0, s * 0.25, 0.3])) for k, s in _pairs()]
        ),
        ankles=ankles,
        heels=feet - vec(0.075, 0.0, 0.0),
        toes=feet + vec(0.080, 0.0, -0.01),
        waist=(middle + top) / 2 + vec(-0.05, 0.0, 0.02),
        neck=top,
        head=np.asarray(head, dtype=np.float64),
        shoulders=shoulders,
        elbows=np.array(
            [
                bend(shoulders[k], wrists[k], UPPER_ARM_M, FOREARM_M, np.array([-0.2, s * 0.4, -0.7]))
                for k, s in _pairs()
            ]
        ),
        wrists=wrists,
        fists=fists,
    )
    return build(pose, clothes, 1.0, tag)


def _pairs() -> tuple[tuple[int, float], ...]:
    return tuple(enumerate(_SIDES))


_MOTORCYCLE_WHEEL_M, _BICYCLE_WHEEL_M = 0.31, 0.335
_MOTORCYCLE_HUBS_X, _BICYCLE_HUBS_X = (-0.765, 0.785), (-0.495, 0.495)
_CRANK, _SADDLE, _STEER = vec(-0.06, 0.0, 0.29), vec(-0.22, 0.0, 0.84), vec(0.34, 0.0, 0.83)
_BAR = vec(0.02, 0.0, 0.20)  # the middle of the handlebar, from `_STEER`


def hubs_at(hubs_x: tuple[float, float], radius_m: float) -> tuple[Array, Array]:
    """The hubs (3,) of the rear and the front wheel."""
    return vec(hubs_x[0], 0.0, radius_m), vec(hubs_x[1], 0.0, radius_m)


def motorcycle_parts() -> list[Mesh]:
    """A sports motorcycle by itself, upright."""
    tag, radius = Tag.MOTORCYCLE, _MOTORCYCLE_WHEEL_M
    rear, front = hubs_at(_MOTORCYCLE_HUBS_X, radius)
    parts = []
    for hub, width in ((rear, 0.17), (front, 0.125)):
        parts += [hoop(hub, radius, width, RUBBER, tag), hoop(hub, radius - 0.08, 0.05, STEEL, tag, 20)]
        parts += [spoke(hub, angle, radius - 0.11, 0.016, STEEL, tag) for angle in (0.0, 60.0, 120.0)]
    for side in _SIDES:
        shift = np.array([0.0, side * 0.10, 0.0])
        parts += [
            limb(front + shift, np.array([0.50, side * 0.10, 0.98]), 0.026, 0.028, STEEL, tag),  # fork
            limb(rear + shift, np.array([-0.25, side * 0.10, 0.42]), 0.035, 0.045, PLASTIC, tag),  # swing arm
            limb((0.42, side * 0.12, 0.95), (0.40, side * 0.40, 0.97), 0.018, 0.018, RUBBER, tag),  # bar
            limb((0.62, side * 0.17, 1.06), (0.60, side * 0.30, 1.12), 0.010, 0.010, DARK, tag),
            ellipsoid((0.60, side * 0.345, 1.13), (0.03, 0.075, 0.04), PLASTIC, tag, (8, 5)),
            ellipsoid((0.93, side * 0.085, 0.90), (0.03, 0.065, 0.045), HEADLAMP, tag, (8, 5)),
            ellipsoid((0.80, side * 0.235, 0.93), (0.035, 0.03, 0.018), blinker(side), tag, (6, 5)),
            ellipsoid((-0.93, side * 0.14, 0.84), (0.035, 0.04, 0.018), blinker(side), tag, (6, 5)),
        ]
    parts += [
        hull(
            (
                (-0.30, 0.50, 0.14, 0.20),
                (0.05, 0.52, 0.20, 0.28),
                (0.35, 0.60, 0.21, 0.30),
                (0.62, 0.72, 0.17, 0.24),
                (0.80, 0.84, 0.12, 0.14),
                (0.92, 0.90, 0.07, 0.06),
            ),
            PAINT,
            tag,
        ),
        hull(
            ((-0.22, 0.80, 0.08, 0.04), (-0.05, 0.86, 0.14, 0.10), (0.20, 0.90, 0.15, 0.12), (0.38, 0.88, 0.11, 0.09)),
            PAINT,
            tag,
        ),
        hull(
            (
                (-1.06, 0.94, 0.05, 0.02),
                (-0.85, 0.90, 0.09, 0.06),
                (-0.50, 0.80, 0.12, 0.08),
                (-0.20, 0.74, 0.10, 0.08),
            ),
            PAINT,
            tag,
        ),
        hull(((-0.52, 0.87, 0.10, 0.025), (-0.35, 0.82, 0.12, 0.03), (-0.15, 0.82, 0.11, 0.03)), DARK, tag),
        hull(((0.56, 1.02, 0.12, 0.05), (0.72, 1.03, 0.10, 0.10), (0.84, 0.97, 0.06, 0.05)), GLASS, tag),
        limb((-0.10, -0.14, 0.36), (-0.72, -0.17, 0.52), 0.035, 0.055, CHROME, tag),
        ellipsoid((-1.05, 0.0, 0.91), (0.03, 0.075, 0.03), TAIL_LAMP, tag, (8, 5)),
        limb((-0.95, 0.0, 0.86), (-1.08, 0.0, 0.56), 0.02, 0.03, DARK, tag),
    ]
    return parts


def motorcycle() -> Body:
    """A sports motorcycle with a helmeted rider leaning forward, 2.19 x 0.87 x 1.53 m."""
    parts = motorcycle_parts()
    suit = Clothes((30, 32, 36), (26, 26, 29), (18, 18, 18), (30, 30, 32), (186, 30, 34), 1.04)
    head = np.array([0.26, 0.0, 1.37])
    feet = np.array([[-0.30, side * 0.20, 0.36] for side in _SIDES])
    parts += rider(suit, (-0.34, 0.0, 0.93), (0.14, 0.0, 1.25), head, (0.42, 0.33, 1.00), feet)
    parts += [
        ellipsoid(head + vec(-0.005, 0.0, 0.015), (0.145, 0.120, 0.145), PAINT, Tag.RIDER),
        ellipsoid(head + vec(0.060, 0.0, 0.020), (0.092, 0.098, 0.065), GLASS, Tag.RIDER, (10, 6)),
    ]
    return cycle(
        "vehicle.yamaha.yzf",
        parts,
        hubs_at(_MOTORCYCLE_HUBS_X, _MOTORCYCLE_WHEEL_M),
        _MOTORCYCLE_WHEEL_M,
        tag=Tag.MOTORCYCLE,
        base_type="motorcycle",
        colours=((22, 52, 140), (170, 24, 28), (34, 34, 36)),
        mass_kg=270.0,
    )


def bicycle_parts(paint: Finish = PAINT, *, fine: bool = True) -> list[Mesh]:
    """A cross bicycle by itself, upright; not `fine`, it has less than half the triangles."""
    tag, radius = Tag.BICYCLE, _BICYCLE_WHEEL_M
    rear, front = hubs_at(_BICYCLE_HUBS_X, radius)
    crank, saddle, steer = _CRANK, _SADDLE, _STEER
    round_, sides, spokes = (24, 6, (0.0, 36.0, 72.0, 108.0, 144.0)) if fine else (14, 4, (0.0, 60.0, 120.0))
    parts = []
    for hub in (rear, front):
        parts.append(hoop(hub, radius, 0.042, RUBBER, tag, round_))
        if fine:
            parts.append(hoop(hub, radius - 0.04, 0.02, STEEL, tag))
        parts += [spoke(hub, angle, radius - 0.04, 0.0035, STEEL, tag) for angle in spokes]
    tubes: list[tuple[npt.ArrayLike, npt.ArrayLike]] = [
        (crank, saddle),
        (saddle - vec(0, 0, 0.1), steer),
        (crank, steer - vec(0, 0, 0.1)),
    ]
    tubes += [
        (rear + vec(0, s * 0.05, 0), end)
        for s in _SIDES
        for end in (crank + vec(0, s * 0.03, 0), saddle - vec(0, 0, 0.12))
    ]
    tubes += [(front + vec(0, s * 0.05, 0), steer + vec(0.0, s * 0.035, -0.06)) for s in _SIDES]
    parts += [limb(a, b, 0.017, 0.017, paint, tag, sides) for a, b in tubes]
    bar = steer + _BAR
    for side in _SIDES:
        pedal = crank + np.array([0.17 * side, side * 0.14, 0.0])
        parts += [
            limb(crank + vec(0, side * 0.06, 0), pedal - vec(0, side * 0.05, 0), 0.012, 0.012, STEEL, tag, sides),
            limb(pedal - vec(0, side * 0.05, 0), pedal + vec(0, side * 0.05, 0), 0.016, 0.016, PLASTIC, tag, sides),
            limb(bar, bar + vec(-0.05, side * 0.29, 0.0), 0.013, 0.015, PLASTIC, tag, sides),
        ]
    parts += [
        limb(steer - vec(0, 0, 0.12), bar, 0.018, 0.014, STEEL, tag, sides),
        limb(saddle, saddle + vec(-0.02, 0, 0.10), 0.014, 0.014, STEEL, tag, sides),
        limb(saddle + vec(-0.12, 0, 0.12), saddle + vec(0.13, 0, 0.12), 0.065, 0.028, DARK, tag, 8 if fine else 6),
    ]
    if fine:
        parts += [
            ellipsoid(bar + vec(0.05, 0, -0.06), (0.035, 0.03, 0.03), HEADLAMP, tag, (8, 5)),
            ellipsoid(saddle + vec(-0.10, 0, -0.06), (0.02, 0.02, 0.03), TAIL_LAMP, tag, (8, 5)),
            hoop(crank - vec(0, 0.05, 0), 0.09, 0.012, STEEL, tag, 16),
        ]
    return parts


def bicycle() -> Body:
    """A cross bicycle with a rider in a helmet, 1.66 x 0.60 x 1.72 m."""
    parts, crank, bar = bicycle_parts(), _CRANK, _STEER + _BAR
    clothes = Clothes((216, 176, 40), (36, 40, 52), (60, 60, 64), (196, 148, 120), (58, 42, 30), 0.98)
    feet = np.array([crank + vec(0.17 * s - 0.01, s * 0.14, 0.06) for s in _SIDES])
    head = np.array([0.17, 0.0, 1.57])
    parts += rider(clothes, (-0.24, 0.0, 0.995), (0.08, 0.0, 1.415), head, bar + vec(-0.03, 0.24, 0.03), feet)
    helmet = Finish(Material.MATTE, (40, 92, 160))
    parts.append(ellipsoid(head + vec(-0.01, 0.0, 0.065), (0.135, 0.100, 0.085), helmet, Tag.RIDER))
    return cycle(
        "vehicle.bh.crossbike",
        parts,
        hubs_at(_BICYCLE_HUBS_X, _BICYCLE_WHEEL_M),
        _BICYCLE_WHEEL_M,
        tag=Tag.BICYCLE,
        base_type="bicycle",
        colours=((40, 44, 48), (160, 30, 34), (30, 86, 140)),
        mass_kg=92.0,
    )


def spoke(hub: Array, angle_deg: float, reach_m: float, radius_m: float, finish: Finish, tag: Tag) -> Mesh:
    """A pair of spokes through the hub."""
    angle = np.radians(angle_deg)
    along = reach_m * np.array([np.cos(angle), 0.0, np.sin(angle)])
    return limb(hub - along, hub + along, radius_m, radius_m, finish, tag, 4)


def hull(sections: tuple[tuple[float, float, float, float], ...], finish: Finish, tag: Tag) -> Mesh:
    """A streamlined body through ellipses (x, middle height, half width, half height), x rising."""
    turn = np.arange(12) * (2 * np.pi / 12)
    rings = [np.stack([np.full(12, x), w * np.cos(turn), z + h * np.sin(turn)], axis=-1) for x, z, w, h in sections]
    return tube(np.stack(rings), finish, tag)


def blinker(side: float) -> Finish:
    """The indicator of a side, left at +1."""
    return LEFT_LAMP if side > 0 else RIGHT_LAMP


def cycle(
    blueprint_id: str,
    parts: list[Mesh],
    hubs: tuple[Array, Array],
    radius_m: float,
    *,
    tag: Tag,
    base_type: str,
    colours: tuple[Colour, ...],
    mass_kg: float,
) -> Body:
    """Build a vehicle on two wheels.

    Args:
        blueprint_id: CARLA's id.
        parts: all of it, the rider too, upright.
        hubs: of the rear and the front wheel, (3,) each.
        radius_m: of both wheels.
        tag: class of the actor.
        base_type: CARLA's attribute.
        colours: recommended paints.
        mass_kg: with its rider.
    """
    rear, front = hubs
    return vehicle_body(
        blueprint_id,
        Mesh.merge(parts),
        (Wheel(rear, radius_m, steered=False), Wheel(front, radius_m, steered=True)),
        tag=tag,
        attributes=vehicle_attributes(base_type, 2, has_lights=base_type == "motorcycle"),
        colours=colours,
        mass_kg=mass_kg,
    )


def two_wheelers() -> list[Body]:
    """Motorcycle and bicycle."""
    return [motorcycle(), bicycle()]
