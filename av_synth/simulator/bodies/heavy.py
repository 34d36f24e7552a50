"""A bendy bus in two sections, a wheel loader and a semi-trailer: what CARLA has no blueprint of.

nuScenes annotates each section of a bendy bus by itself, and a trailer apart from what pulls it. The rear section is a
prop that the front one tows (`world.towing`); the trailer stands on its legs and is never driven.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from av_synth.simulator.bodies.model import CATEGORY, HITCH_X, TOWS, Body, Wheel
from av_synth.simulator.bodies.parked_cycles import over_its_middle
from av_synth.simulator.bodies.props import prop
from av_synth.simulator.bodies.shapes import (
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
)
from av_synth.simulator.bodies.shell import Section, Shell
from av_synth.simulator.bodies.skin import Skin, wheel
from av_synth.simulator.bodies.vehicles import Details, Patch, vehicle, vehicle_attributes, vehicle_body
from av_synth.simulator.scene import Material, Mesh, Tag

_SIDES = (1.0, -1.0)
_BUS_PAINT: tuple[Colour, ...] = ((176, 34, 40), (36, 84, 138), (226, 226, 222))
_ARM = Finish(Material.METAL, (206, 158, 24))
_BELLOWS, _FOLD = Finish(Material.MATTE, (44, 46, 50)), Finish(Material.MATTE, (66, 68, 72))
_BEACON = Finish(Material.MATTE, (236, 128, 24))
_RED, _WHITE = Finish(Material.MATTE, (188, 30, 32)), Finish(Material.MATTE, (236, 236, 232))
_REAR_SECTION = "avsynth_bendy_bus_rear"
_JOINT_M = 0.90  # between the two sections


def _across(side: float, near: float, far: float) -> tuple[float, float]:
    """From right to left, between two distances from the middle line on one side."""
    return (near, far) if side > 0 else (-far, -near)


def _flat_end(x_m: float) -> Section:
    """The cross-section at the joint."""
    return Section(x_m, 0.34, 1.25, 1.46, 1.25, 3.10, 1.14, 0.05)


def bendy_bus() -> Body:
    """The front section of an articulated bus with its bellows, 10.5 x 2.9 (over mirrors) x 3.2 m."""
    shell = Shell(
        sections=(
            _flat_end(-4.60),
            _flat_end(-4.40),
            Section(4.250, 0.30, 1.25, 1.42, 1.25, 3.12, 1.14, 0.07),
            Section(4.450, 0.30, 1.25, 1.40, 1.25, 3.06, 1.13, 0.06),
            Section(4.700, 0.31, 1.24, 1.26, 1.23, 1.80, 1.14, 0.03),
            Section(4.780, 0.33, 1.20, 1.14, 1.18, 1.34, 1.12, 0.02),
            Section(4.850, 0.38, 1.10, 0.96, 1.07, 1.06, 1.02, 0.01),
        ),
        axles_x=(-2.75, 2.95),
        wheel_radius_m=0.48,
        side_windows=(*((x, x + 1.24) for x in (-4.30, -2.98, -1.66, -0.34, 0.98)), (2.40, 4.25)),
        top_windows=((4.42, 4.78),),
        step_m=0.9,
    )
    details = Details(
        track_m=2.10,
        mirror=(4.66, 2.10, 1.45),
        head=Patch((4.8, 0.86, 0.78), 10.0, 0.34, 0.16),
        tail=Patch((-4.6, 1.16, 2.70), 180.0, 0.10, 0.20),
        middle=(
            Patch((4.8, 0.0, 0.52), 0.0, 1.9, 0.16, finish=PLASTIC),
            Patch((4.5, 0.0, 2.86), 0.0, 1.7, 0.22, finish=DARK),
        ),
        front_plate_z=0.66,
        rear_plate_z=None,
        wheel_width_m=0.30,
    )
    extra = Skin()
    folds = np.linspace(-4.60 - _JOINT_M, -4.60, 8)
    for k, (low, high) in enumerate(pairwise(folds)):
        deep = 0.10 if k % 2 else 0.0
        extra.box((low, -1.20 + deep, 0.50 + deep), (high, 1.20 - deep, 3.02 - deep), _FOLD if k % 2 else _BELLOWS)
    for low_x in (1.05, 3.50):  # doors on the right
        for x in (low_x, low_x + 1.05):
            extra.box((x, -1.262, 0.42), (x + 0.03, -1.2, 2.6), DARK)
    body = vehicle(
        "vehicle.avsynth.bendy_bus",
        [shell],
        details,
        tag=Tag.BUS,
        base_type="bus",
        colours=_BUS_PAINT,
        mass_kg=10800.0,
        extra=extra,
    )
    shift = float(body.wheels[0].position_m[0]) - shell.axles_x[0]
    hitch = f"{-4.60 - _JOINT_M / 2 + shift:.4f}"
    more = {CATEGORY: "vehicle.bus.bendy", TOWS: f"static.prop.{_REAR_SECTION}", HITCH_X: hitch}
    return replace(body, attributes={**body.attributes, **more})


def bendy_bus_rear() -> Body:
    """The rear section of the articulated bus, 7.2 x 2.5 x 3.2 m: a prop on one axle, towed by the front one."""
    front_m, back_m, axle_m = 3.60, -3.58, -0.95
    shell = Shell(
        sections=(
            Section(back_m, 0.48, 1.14, 1.46, 1.14, 2.96, 1.06, 0.02),
            Section(back_m + 0.05, 0.40, 1.21, 1.46, 1.21, 3.06, 1.12, 0.03),
            Section(back_m + 0.18, 0.34, 1.25, 1.46, 1.25, 3.10, 1.14, 0.05),
            _flat_end(front_m - 0.2),
            _flat_end(front_m),
        ),
        axles_x=(axle_m,),
        wheel_radius_m=0.48,
        side_windows=tuple((x, x + 1.28) for x in (-3.25, -1.88, -0.51, 0.86, 2.23)),
        top_windows=(),
        step_m=0.9,
    )
    details = Details(
        track_m=2.10,
        mirror=None,
        head=None,
        tail=Patch((-3.6, 0.96, 1.00), 176.0, 0.16, 0.46),
        middle=(
            Patch((-3.6, 0.0, 2.10), 180.0, 1.9, 0.90, finish=GLASS),
            Patch((-3.6, 0.0, 0.95), 180.0, 1.5, 0.30),
        ),
        front_plate_z=None,
        rear_plate_z=0.60,
        wheel_width_m=0.30,
    )
    doors = Skin()
    for x in (0.70, 1.75):
        doors.box((x, -1.262, 0.42), (x + 0.03, -1.2, 2.6), DARK)
    body = vehicle(
        f"static.prop.{_REAR_SECTION}",
        [shell],
        details,
        tag=Tag.BUS,
        base_type="",
        colours=_BUS_PAINT[:1],
        mass_kg=6200.0,
        extra=doors,
    )
    shift = float(body.wheels[0].position_m[0]) - axle_m
    hitch = f"{front_m + _JOINT_M / 2 + 0.02 + shift:.4f}"  # the two boxes just do not touch
    attributes = {"size": "big", CATEGORY: "vehicle.bus.bendy", HITCH_X: hitch}
    return replace(body, kind="prop", attributes=attributes)


def wheel_loader() -> Body:
    """A wheel loader with its bucket down, 7.4 x 2.6 x 3.4 m."""
    skin, radius = Skin(), 0.74
    skin.slab(((-3.05, 0.95), (-1.0, 0.95), (-1.0, 2.05), (-2.75, 1.98), (-3.05, 1.80)), (-0.78, 0.78), PAINT)
    skin.slab(((-3.35, 0.80), (-2.70, 0.80), (-2.70, 1.40), (-3.35, 1.34)), (-1.05, 1.05), DARK)  # counterweight
    skin.box((-3.07, -0.60, 1.42), (-3.04, 0.60, 1.76), PLASTIC)  # radiator grille
    skin.box((-2.9, -0.42, 0.62), (0.55, 0.42, 0.96), DARK)  # rear frame
    skin.box((-1.05, -0.95, 0.96), (0.20, 0.95, 1.34), PAINT)  # under the cab
    skin.slab(((-0.98, 1.34), (0.50, 1.34), (0.28, 2.95), (-0.88, 2.95)), (-0.72, 0.72), GLASS)
    for x0, x1 in ((-1.02, -0.92), (0.44, 0.24), (-0.38, -0.36)):
        for side in _SIDES:
            y = side * 0.735
            skin.slab(
                ((x0 - 0.05, 1.30), (x0 + 0.05, 1.30), (x1 + 0.05, 2.97), (x1 - 0.05, 2.97)), (y - 0.03, y + 0.03), DARK
            )
    skin.box((-1.06, -0.84, 2.95), (0.42, 0.84, 3.12), PAINT)
    skin.box((-0.80, -0.10, 3.12), (-0.60, 0.10, 3.32), _BEACON)
    skin.box((-2.05, 0.38, 1.98), (-1.93, 0.50, 2.75), DARK)  # exhaust
    skin.box((0.55, -0.50, 0.62), (2.05, 0.50, 1.50), PAINT)  # front frame
    skin.slab(((0.75, 1.50), (1.55, 1.50), (1.35, 2.02), (0.95, 2.02)), (-0.50, 0.50), PAINT)
    for side in _SIDES:
        for hub_x in (-1.65, 1.35):
            skin.slab(
                ((hub_x - 0.80, 1.52), (hub_x + 0.80, 1.52), (hub_x + 0.55, 1.62), (hub_x - 0.55, 1.62)),
                _across(side, 0.72, 1.26),
                DARK,
            )
        arm = _across(side, 0.52, 0.66)
        skin.slab(((1.05, 1.80), (2.35, 1.28), (2.45, 1.50), (1.15, 2.05)), arm, _ARM)
        skin.slab(((2.35, 1.28), (2.85, 0.42), (3.05, 0.52), (2.45, 1.50)), arm, _ARM)
    skin.slab(((1.35, 1.45), (2.65, 0.95), (2.70, 1.05), (1.40, 1.57)), (-0.10, 0.10), STEEL)  # tilt cylinder
    _bucket(skin)
    _loader_lamps(skin)
    wheels = []
    for hub_x in (-1.65, 1.35):
        for side in _SIDES:
            hub = np.array([hub_x, side * 0.98, radius])
            wheel(skin, hub, radius, 0.55, side, spokes=10)
            wheels.append(Wheel(hub, radius, steered=hub_x > 0))
    return vehicle_body(
        "vehicle.avsynth.wheel_loader",
        skin.mesh(Tag.TRUCK),
        tuple(wheels),
        tag=Tag.TRUCK,
        attributes={**vehicle_attributes("truck", 4), CATEGORY: "vehicle.construction"},
        colours=((226, 170, 22),),
        mass_kg=13500.0,
    )


def _bucket(skin: Skin) -> None:
    """A bucket that is open to the front, its edge just above the ground."""
    outer = ((2.75, 1.15), (2.62, 0.72), (2.72, 0.36), (3.00, 0.16), (3.95, 0.10))
    inner = ((2.84, 1.12), (2.72, 0.72), (2.81, 0.42), (3.05, 0.24), (3.95, 0.15))
    for k in range(len(outer) - 1):
        skin.slab((outer[k], outer[k + 1], inner[k + 1], inner[k]), (-1.28, 1.28), _ARM)
    for side in _SIDES:
        edge = _across(side, 1.22, 1.28)
        skin.slab(((2.66, 0.72), (2.76, 0.40), (3.03, 0.20), (3.92, 0.13), (3.55, 0.75), (2.80, 1.13)), edge, _ARM)


def _loader_lamps(skin: Skin) -> None:
    for side in _SIDES:
        blinker = LEFT_LAMP if side > 0 else RIGHT_LAMP
        for low_x, lamp, near, far in ((1.55, HEADLAMP, 0.36, 0.52), (-3.37, TAIL_LAMP, 0.80, 0.98)):
            front = low_x > 0
            z, deep = (1.62, 0.14) if front else (1.10, 0.03)
            low, high = _across(side, near, far)
            skin.box((low_x, low, z), (low_x + deep, high, z + 0.14), lamp)
            low, high = _across(side, far, far + 0.08)
            skin.box((low_x, low, z), (low_x + deep, high, z + 0.14), blinker)


def trailer() -> Body:
    """A semi-trailer that stands on its legs, 9.0 x 2.5 x 3.8 m."""
    skin, radius, axles = Skin(), 0.50, (-3.35, -2.20)
    skin.box((-4.42, -1.25, 1.16), (4.48, 1.25, 3.80), PAINT)
    for y in (-0.50, 0.38):
        skin.box((-4.40, y, 0.92), (4.30, y + 0.12, 1.16), DARK)
    for side in _SIDES:
        stripe, strip = _across(side, 1.25, 1.262), _across(side, 1.25, 1.266)
        skin.box((-4.40, stripe[0], 1.18), (4.46, stripe[1], 1.36), _RED)
        for x in (-3.9, -2.4, -0.9, 0.6, 2.1, 3.6):  # reflectors
            skin.box((x, strip[0], 1.23), (x + 0.7, strip[1], 1.31), _WHITE)
        leg = _across(side, 0.62, 0.76)
        skin.box((2.15, leg[0], 0.06), (2.29, leg[1], 1.16), STEEL)  # landing legs
        skin.box((2.07, leg[0] - 0.06, 0.0), (2.37, leg[1] + 0.06, 0.06), STEEL)
        guard = _across(side, 1.16, 1.20)
        for z in (0.55, 0.85):
            skin.box((-1.35, guard[0], z), (1.80, guard[1], z + 0.12), STEEL)
        for x in (-1.2, 0.2, 1.6):
            skin.box((x, guard[0], 0.55), (x + 0.08, guard[1], 1.16), STEEL)
        lamp = _across(side, 0.86, 1.06)
        skin.box((-4.47, lamp[0], 0.98), (-4.42, lamp[1], 1.12), TAIL_LAMP)
        blinker = _across(side, 1.06, 1.20)
        skin.box((-4.47, blinker[0], 0.98), (-4.42, blinker[1], 1.12), LEFT_LAMP if side > 0 else RIGHT_LAMP)
        bars = _across(side, 0.30, 0.34)
        skin.box((-4.46, bars[0], 1.20), (-4.42, bars[1], 3.72), STEEL)  # bars of the rear doors
        flap = _across(side, 0.72, 1.22)
        skin.box((-4.02, flap[0], 0.28), (-3.99, flap[1], 0.95), RUBBER)
    skin.box((-4.435, -0.012, 1.18), (-4.42, 0.012, 3.78), DARK)  # between the rear doors
    skin.box((-4.44, -1.22, 0.98), (-4.36, 1.22, 1.14), DARK)
    skin.box((-4.44, -1.15, 0.44), (-4.34, 1.15, 0.56), _RED)  # under-run bar
    for y in (-0.7, 0.62):
        skin.box((-4.42, y, 0.5), (-4.36, y + 0.08, 1.0), DARK)
    wheels = []
    for x in axles:
        skin.box((x - 0.06, -1.0, radius - 0.06), (x + 0.06, 1.0, radius + 0.06), DARK)
        for side in _SIDES:
            hub = np.array([x, side * 0.98, radius])
            wheel(skin, hub, radius, 0.50, side)
            wheels.append(Wheel(hub, radius, steered=False))
    parts: list[Mesh] = over_its_middle([skin.mesh(Tag.TRUCK)])
    return prop(
        "avsynth_trailer",
        parts,
        5600.0,
        "big",
        tag=Tag.TRUCK,
        category="vehicle.trailer",
        colours=((212, 214, 212),),
    )


def heavies() -> list[Body]:
    """Bendy bus, loader and trailer."""
    return [bendy_bus(), bendy_bus_rear(), wheel_loader(), trailer()]
