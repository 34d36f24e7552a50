"""Stock two-wheelers of CARLA besides the sports motorcycle and the cross bicycle, each with its rider.

Sizes: the makers' data of the models that the blueprints are named after; riders are 1.75 m tall.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.figure import Clothes
from av_synth.simulator.bodies.model import Body
from av_synth.simulator.bodies.shapes import (
    CHROME,
    DARK,
    GLASS,
    HEADLAMP,
    PAINT,
    PLASTIC,
    RUBBER,
    STEEL,
    TAIL_LAMP,
    Finish,
    ellipsoid,
    hoop,
    limb,
    vec,
)
from av_synth.simulator.bodies.two_wheelers import blinker, cycle, hubs_at, hull, motorcycle_parts, rider, spoke
from av_synth.simulator.scene import Material, Mesh, Tag

_SIDES = (1.0, -1.0)
_LEATHER, _BLUE_JEANS = (34, 32, 32), (58, 76, 108)


@dataclass(frozen=True)
class _Frame:
    """A bicycle: places (x, z) on its middle line, metres from the ground under its middle.

    Attributes:
        radius: of the wheels.
        hubs: x of the rear and the front one.
        crank, saddle, head, bar: bottom bracket, top of the seat tube, top of the head tube, middle of the handlebar.
        grip: (x, half width, z) of a hand.
        tyre: width of a tyre.
        low: the top tube goes down to the crank instead of the saddle.
    """

    radius: float
    hubs: tuple[float, float]
    crank: tuple[float, float]
    saddle: tuple[float, float]
    head: tuple[float, float]
    bar: tuple[float, float]
    grip: tuple[float, float, float]
    tyre: float
    low: bool = False


_ROAD = _Frame(
    0.335, (-0.495, 0.495), (-0.09, 0.28), (-0.26, 0.90), (0.34, 0.86), (0.42, 0.92), (0.55, 0.20, 0.88), 0.026
)
_CITY = _Frame(
    0.355, (-0.57, 0.56), (-0.10, 0.30), (-0.30, 0.84), (0.28, 0.92), (0.30, 1.12), (0.10, 0.29, 1.10), 0.042, low=True
)


def _at(place: tuple[float, float], y: float = 0.0) -> Array:
    return vec(place[0], y, place[1])


def _bicycle(frame: _Frame) -> list[Mesh]:
    """Wheels, tubes, pedals, saddle and handlebar."""
    tag = Tag.BICYCLE
    rear, front = hubs_at(frame.hubs, frame.radius)
    crank, saddle, head, bar = (_at(place) for place in (frame.crank, frame.saddle, frame.head, frame.bar))
    parts: list[Mesh] = []
    for hub in (rear, front):
        parts += [
            hoop(hub, frame.radius, frame.tyre, RUBBER, tag),
            hoop(hub, frame.radius - frame.tyre, 0.018, STEEL, tag),
        ]
        parts += [
            spoke(hub, angle, frame.radius - 0.03, 0.003, STEEL, tag) for angle in (0.0, 36.0, 72.0, 108.0, 144.0)
        ]
    foot = crank + vec(0.03, 0, 0.08) if frame.low else saddle - vec(0, 0, 0.1)
    tubes = [(crank, saddle), (foot, head), (crank, head - vec(0, 0, 0.1)), (head - vec(0, 0, 0.13), head)]
    for side in _SIDES:
        off = vec(0, side * 0.05, 0)
        tubes += [
            (rear + off, crank + 0.6 * off),
            (rear + off, saddle - vec(0, 0, 0.12)),
            (front + off, head - vec(0, 0, 0.12)),
        ]
    parts += [limb(a, b, 0.017, 0.017, PAINT, tag, 6) for a, b in tubes]
    for side in _SIDES:
        pedal = crank + vec(0.17 * side, side * 0.12, 0.0)
        grip = vec(frame.grip[0], side * frame.grip[1], frame.grip[2])
        bend = vec(frame.bar[0] + 0.06, side * frame.grip[1], frame.bar[1])
        parts += [
            limb(crank + vec(0, side * 0.06, 0), pedal, 0.012, 0.012, STEEL, tag, 6),
            limb(pedal - vec(0, side * 0.03, 0), pedal + vec(0, side * 0.06, 0), 0.016, 0.016, PLASTIC, tag, 6),
            limb(bar, bend, 0.012, 0.012, STEEL, tag, 6),
            limb(bend, grip, 0.013, 0.015, RUBBER, tag, 6),
        ]
    parts += [
        limb(head, bar, 0.015, 0.013, STEEL, tag, 6),
        limb(saddle, saddle + vec(-0.02, 0, 0.10), 0.014, 0.014, STEEL, tag, 6),
        limb(saddle + vec(-0.13, 0, 0.12), saddle + vec(0.12, 0, 0.12), 0.065, 0.026, DARK, tag),
        hoop(crank - vec(0, 0.05, 0), 0.09, 0.012, STEEL, tag, 16),
        ellipsoid(saddle + vec(-0.10, 0, -0.06), (0.02, 0.02, 0.03), TAIL_LAMP, tag, (8, 5)),
        ellipsoid(bar + vec(0.06, 0, -0.09), (0.035, 0.03, 0.03), HEADLAMP, tag, (8, 5)),
    ]
    return parts


def _guards(hub: Array, reach: float, first_deg: float, last_deg: float) -> list[Mesh]:
    """A mudguard around a wheel, in straight pieces."""
    angles = np.radians(np.linspace(first_deg, last_deg, 7))
    rim = [hub + reach * vec(np.cos(a), 0.0, np.sin(a)) for a in angles]
    return [limb(a, b, 0.026, 0.026, DARK, Tag.BICYCLE, 6) for a, b in pairwise(rim)]


def _pedals(frame: _Frame) -> Array:
    return np.array([_at(frame.crank) + vec(0.17 * s - 0.01, s * 0.14, 0.06) for s in _SIDES])


def _road_bicycle() -> Body:
    """A racing bicycle with drop handlebars, its rider bent over them."""
    clothes = Clothes((206, 44, 46), (26, 26, 30), (226, 226, 224), (198, 150, 124), (40, 30, 24), 0.94)
    head = vec(0.34, 0.0, 1.50)
    parts = _bicycle(_ROAD)
    parts += rider(clothes, (-0.28, 0.0, 1.06), (0.22, 0.0, 1.36), head, (0.53, 0.20, 0.92), _pedals(_ROAD))
    helmet = Finish(Material.MATTE, (236, 236, 232))
    parts.append(ellipsoid(head + vec(-0.015, 0.0, 0.065), (0.145, 0.100, 0.082), helmet, Tag.RIDER))
    return cycle(
        "vehicle.diamondback.century",
        parts,
        hubs_at(_ROAD.hubs, _ROAD.radius),
        _ROAD.radius,
        tag=Tag.BICYCLE,
        base_type="bicycle",
        colours=((34, 36, 40), (196, 40, 36), (226, 226, 222)),
        mass_kg=84.0,
    )


def _city_bicycle() -> Body:
    """A Dutch bicycle with mudguards and a carrier, its rider upright."""
    rear, front = hubs_at(_CITY.hubs, _CITY.radius)
    parts = _bicycle(_CITY)
    parts += _guards(rear, _CITY.radius + 0.03, 40.0, 200.0) + _guards(front, _CITY.radius + 0.03, 20.0, 150.0)
    for side in _SIDES:
        carrier = (vec(-0.88, side * 0.07, 0.80), vec(-0.36, side * 0.07, 0.80))
        parts += [
            limb(*carrier, 0.010, 0.010, STEEL, Tag.BICYCLE, 6),
            limb(rear + vec(0, side * 0.07, 0), vec(-0.80, side * 0.07, 0.80), 0.008, 0.008, STEEL, Tag.BICYCLE, 6),
        ]
    parts.append(limb((-0.85, 0.0, 0.81), (-0.40, 0.0, 0.81), 0.05, 0.05, PLASTIC, Tag.BICYCLE, 6))
    parts.append(limb((-0.50, -0.06, 0.36), (-0.06, -0.06, 0.31), 0.055, 0.095, DARK, Tag.BICYCLE, 6))  # chain case
    clothes = Clothes((64, 96, 88), (56, 52, 50), (40, 32, 28), (196, 148, 116), (52, 36, 26), 0.98)
    head = vec(-0.14, 0.0, 1.72)
    parts += rider(clothes, (-0.34, 0.0, 1.00), (-0.20, 0.0, 1.54), head, (0.13, 0.28, 1.13), _pedals(_CITY))
    return cycle(
        "vehicle.gazelle.omafiets",
        parts,
        (rear, front),
        _CITY.radius,
        tag=Tag.BICYCLE,
        base_type="bicycle",
        colours=((26, 27, 30), (40, 74, 60), (120, 30, 40)),
        mass_kg=98.0,
    )


def _sports_motorcycle() -> Body:
    """A sports motorcycle, its rider flat over the tank."""
    suit = Clothes((28, 30, 32), (28, 30, 32), (18, 18, 18), (30, 30, 32), (60, 160, 60), 1.02)
    head = vec(0.30, 0.0, 1.33)
    feet = np.array([[-0.34, side * 0.20, 0.38] for side in _SIDES])
    parts = motorcycle_parts()
    parts += rider(suit, (-0.36, 0.0, 0.93), (0.17, 0.0, 1.22), head, (0.42, 0.33, 1.00), feet)
    parts += _full_helmet(head)
    body = cycle(
        "vehicle.kawasaki.ninja",
        [replace(part, positions_m=part.positions_m * np.float32(0.955)) for part in parts],
        hubs_at((-0.765 * 0.955, 0.785 * 0.955), 0.31 * 0.955),
        0.31 * 0.955,
        tag=Tag.MOTORCYCLE,
        base_type="motorcycle",
        colours=((60, 170, 50), (30, 31, 34), (226, 226, 222)),
        mass_kg=255.0,
    )
    return replace(body, power_kw=93.0, top_mps=66.0)


def _full_helmet(head: Array) -> list[Mesh]:
    return [
        ellipsoid(head + vec(-0.005, 0.0, 0.015), (0.145, 0.120, 0.145), PAINT, Tag.RIDER),
        ellipsoid(head + vec(0.060, 0.0, 0.020), (0.092, 0.098, 0.065), GLASS, Tag.RIDER, (10, 6)),
    ]


def _wheel(hub: Array, radius: float, width: float, tag: Tag) -> list[Mesh]:
    angles = (0.0, 45.0, 90.0, 135.0)
    rim = radius - 0.6 * width
    return [
        hoop(hub, radius, width, RUBBER, tag),
        hoop(hub, rim, 0.05, CHROME, tag, 20),
        *(spoke(hub, angle, rim - 0.01, 0.010, CHROME, tag) for angle in angles),
    ]


def _cruiser() -> Body:
    """A long, low cruiser with a high handlebar, its rider leaning back with his feet ahead."""
    tag, radius, hubs_x = Tag.MOTORCYCLE, 0.325, (-0.80, 0.83)
    rear, front = hubs_at(hubs_x, radius)
    parts = [*_wheel(rear, radius, 0.17, tag), *_wheel(front, radius, 0.12, tag)]
    for side in _SIDES:
        off = vec(0.0, side * 0.09, 0.0)
        parts += [
            limb(front + off, (0.42, side * 0.09, 0.92), 0.024, 0.026, CHROME, tag),
            limb(rear + off, (-0.20, side * 0.10, 0.40), 0.030, 0.034, STEEL, tag),
            limb(rear + off, (-0.52, side * 0.12, 0.66), 0.026, 0.026, CHROME, tag),
            limb((0.40, side * 0.06, 0.94), (0.34, side * 0.26, 1.14), 0.015, 0.015, CHROME, tag, 6),
            limb((0.34, side * 0.26, 1.14), (0.16, side * 0.40, 1.10), 0.017, 0.020, RUBBER, tag, 6),
            ellipsoid((0.30, side * 0.40, 1.26), (0.02, 0.06, 0.04), CHROME, tag, (8, 5)),
            limb((0.32, side * 0.30, 1.13), (0.30, side * 0.38, 1.24), 0.008, 0.008, CHROME, tag, 6),
            ellipsoid((0.46, side * 0.20, 0.92), (0.03, 0.035, 0.03), blinker(side), tag, (8, 5)),
            ellipsoid((-1.02, side * 0.16, 0.62), (0.03, 0.035, 0.03), blinker(side), tag, (8, 5)),
            limb((0.46, side * 0.10, 0.34), (0.46, side * 0.30, 0.33), 0.020, 0.020, RUBBER, tag, 6),
            # the two cylinders of a V
            limb((0.02, side * 0.10, 0.40), (0.16, side * 0.12, 0.68), 0.085, 0.095, STEEL, tag),
            limb((0.02, side * 0.10, 0.40), (-0.16, side * 0.12, 0.66), 0.085, 0.095, STEEL, tag),
        ]
    parts += [
        hull(((-0.34, 0.40, 0.10, 0.12), (0.0, 0.36, 0.15, 0.15), (0.34, 0.40, 0.10, 0.13)), DARK, tag),
        hull(
            ((-0.06, 0.80, 0.09, 0.06), (0.10, 0.84, 0.16, 0.11), (0.30, 0.86, 0.14, 0.10), (0.42, 0.88, 0.07, 0.05)),
            PAINT,
            tag,
        ),
        hull(
            (
                (-0.62, 0.72, 0.10, 0.04),
                (-0.40, 0.68, 0.16, 0.06),
                (-0.16, 0.72, 0.14, 0.05),
                (-0.02, 0.78, 0.09, 0.04),
            ),
            DARK,
            tag,
        ),
        hull(
            (
                (-1.12, 0.52, 0.06, 0.04),
                (-1.00, 0.64, 0.09, 0.05),
                (-0.80, 0.70, 0.10, 0.05),
                (-0.56, 0.66, 0.10, 0.05),
            ),
            PAINT,
            tag,
        ),
        hull(
            ((0.62, 0.64, 0.06, 0.03), (0.80, 0.69, 0.08, 0.035), (1.00, 0.62, 0.07, 0.03), (1.12, 0.50, 0.05, 0.02)),
            PAINT,
            tag,
        ),
        limb((0.10, -0.16, 0.34), (-0.95, -0.19, 0.34), 0.035, 0.050, CHROME, tag),
        limb((0.10, -0.18, 0.46), (-0.88, -0.21, 0.44), 0.032, 0.046, CHROME, tag),
        ellipsoid((0.52, 0.0, 0.90), (0.09, 0.085, 0.085), CHROME, tag),
        ellipsoid((0.585, 0.0, 0.90), (0.035, 0.072, 0.072), HEADLAMP, tag, (12, 6)),
        ellipsoid((-1.11, 0.0, 0.58), (0.025, 0.06, 0.035), TAIL_LAMP, tag, (8, 5)),
    ]
    clothes = Clothes(_LEATHER, _BLUE_JEANS, (40, 30, 26), (198, 150, 124), (30, 30, 32), 1.08)
    head = vec(-0.30, 0.0, 1.44)
    feet = np.array([[0.44, side * 0.22, 0.38] for side in _SIDES])
    parts += rider(clothes, (-0.38, 0.0, 0.82), (-0.34, 0.0, 1.30), head, (0.17, 0.38, 1.13), feet)
    parts.append(ellipsoid(head + vec(-0.02, 0.0, 0.045), (0.130, 0.110, 0.105), DARK, Tag.RIDER))
    body = cycle(
        "vehicle.harley-davidson.low_rider",
        parts,
        (rear, front),
        radius,
        tag=tag,
        base_type="motorcycle",
        colours=((30, 31, 34), (120, 24, 28), (40, 62, 90)),
        mass_kg=385.0,
    )
    return replace(body, power_kw=64.0, top_mps=50.0)


def _scooter() -> Body:
    """A scooter with a leg shield and small wheels, its rider sitting upright."""
    tag, radius, hubs_x = Tag.MOTORCYCLE, 0.225, (-0.62, 0.66)
    rear, front = hubs_at(hubs_x, radius)
    parts = [*_wheel(rear, radius, 0.10, tag), *_wheel(front, radius, 0.09, tag)]
    for side in _SIDES:
        parts += [
            ellipsoid((-0.56, side * 0.14, 0.48), (0.33, 0.10, 0.19), PAINT, tag, (14, 9)),
            limb((0.38, side * 0.04, 1.00), (0.28, side * 0.32, 1.02), 0.018, 0.018, RUBBER, tag, 6),
            ellipsoid((0.36, side * 0.36, 1.16), (0.02, 0.06, 0.045), CHROME, tag, (8, 5)),
            limb((0.34, side * 0.24, 1.02), (0.36, side * 0.34, 1.14), 0.008, 0.008, CHROME, tag, 6),
            ellipsoid((0.49, side * 0.20, 0.72), (0.03, 0.035, 0.03), blinker(side), tag, (8, 5)),
            ellipsoid((-0.86, side * 0.15, 0.56), (0.03, 0.035, 0.03), blinker(side), tag, (8, 5)),
            limb(front + vec(0, side * 0.07, 0), (0.46, side * 0.04, 0.66), 0.022, 0.026, STEEL, tag),
        ]
    parts += [
        _shield(tag),
        limb((-0.22, 0.0, 0.26), (0.34, 0.0, 0.26), 0.14, 0.13, PAINT, tag, 10),
        limb((0.44, 0.0, 0.52), (0.38, 0.0, 0.98), 0.05, 0.04, PAINT, tag),
        hull(((0.28, 1.01, 0.08, 0.04), (0.38, 1.03, 0.12, 0.07), (0.48, 1.03, 0.08, 0.06)), PAINT, tag),
        ellipsoid((0.475, 0.0, 1.03), (0.03, 0.062, 0.062), HEADLAMP, tag, (12, 6)),
        hull(
            ((0.46, 0.44, 0.05, 0.04), (0.62, 0.48, 0.075, 0.04), (0.80, 0.42, 0.07, 0.04), (0.90, 0.30, 0.04, 0.03)),
            PAINT,
            tag,
        ),
        hull(
            (
                (-0.80, 0.76, 0.10, 0.04),
                (-0.50, 0.77, 0.14, 0.05),
                (-0.20, 0.76, 0.12, 0.05),
                (-0.06, 0.73, 0.06, 0.03),
            ),
            DARK,
            tag,
        ),
        hull(((-0.74, 0.62, 0.10, 0.11), (-0.45, 0.62, 0.13, 0.12), (-0.16, 0.58, 0.09, 0.14)), PAINT, tag),
        ellipsoid((-0.90, 0.0, 0.60), (0.025, 0.06, 0.04), TAIL_LAMP, tag, (8, 5)),
        limb((-0.30, -0.14, 0.24), (-0.72, -0.15, 0.30), 0.03, 0.045, STEEL, tag),
    ]
    clothes = Clothes((196, 186, 160), (44, 52, 78), (120, 80, 50), (196, 148, 116), (40, 30, 26), 1.0)
    head = vec(-0.20, 0.0, 1.56)
    feet = np.array([[0.10, side * 0.11, 0.40] for side in _SIDES])
    parts += rider(clothes, (-0.36, 0.0, 0.87), (-0.26, 0.0, 1.40), head, (0.29, 0.31, 1.05), feet)
    parts.append(ellipsoid(head + vec(-0.02, 0.0, 0.035), (0.140, 0.120, 0.125), PAINT, Tag.RIDER))
    body = cycle(
        "vehicle.vespa.zx125",
        parts,
        (rear, front),
        radius,
        tag=tag,
        base_type="motorcycle",
        colours=((190, 206, 196), (190, 34, 36), (226, 214, 180), (60, 96, 130)),
        mass_kg=188.0,
    )
    return replace(body, power_kw=7.5, top_mps=25.0)


def _shield(tag: Tag) -> Mesh:
    """The leg shield: a bent plate, wider at the top."""
    return hull(
        ((0.36, 0.30, 0.18, 0.03), (0.42, 0.46, 0.24, 0.18), (0.46, 0.62, 0.25, 0.26), (0.49, 0.72, 0.20, 0.16)),
        PAINT,
        tag,
    )


def stock_cycles() -> list[Body]:
    """Two bicycles, a sports motorcycle, a cruiser and a scooter."""
    return [_road_bicycle(), _city_bicycle(), _sports_motorcycle(), _cruiser(), _scooter()]
