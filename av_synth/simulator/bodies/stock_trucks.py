"""Stock lorries of CARLA that have a shape of their own: a heavy goods vehicle on three axles and a fire engine."""

from __future__ import annotations

from dataclasses import replace

from av_synth.simulator.bodies.cars import WHITE
from av_synth.simulator.bodies.model import Body
from av_synth.simulator.bodies.shapes import BLUE_LAMP, DARK, PAINT, PLASTIC, STEEL, Finish
from av_synth.simulator.bodies.shell import Section, Shell
from av_synth.simulator.bodies.skin import Skin
from av_synth.simulator.bodies.vehicles import Details, Patch, vehicle
from av_synth.simulator.scene import Material, Tag

_SHUTTER = Finish(Material.METAL, (186, 189, 192))
_STRIPE = Finish(Material.MATTE, (236, 200, 40))
_BOX = Finish(Material.MATTE, (226, 228, 228))
_RADIUS_M = 0.50


def _cab(rear: float, front: float, roof: float, axle: float, windows: tuple[tuple[float, float], ...]) -> Shell:
    """A cab over its engine, 2.50 m wide: upright, its windscreen from side to side."""
    half = 1.24
    return Shell(
        sections=(
            Section(rear, 0.50, half - 0.04, 1.62, half - 0.04, roof - 0.12, half - 0.14, 0.02),
            Section(rear + 0.05, 0.42, half, 1.62, half, roof - 0.05, half - 0.10, 0.04),
            Section(front - 0.62, 0.38, half, 1.60, half, roof - 0.05, half - 0.10, 0.05),
            Section(front - 0.40, 0.38, half, 1.58, half - 0.01, roof - 0.20, half - 0.10, 0.05),
            Section(front - 0.16, 0.38, half - 0.01, 1.54, half - 0.03, 1.78, half - 0.07, 0.03),
            Section(front - 0.10, 0.38, half - 0.03, 1.48, half - 0.06, 1.58, half - 0.10, 0.02),
            Section(front - 0.03, 0.40, half - 0.08, 1.30, half - 0.12, 1.40, half - 0.18, 0.01),
            Section(front, 0.46, half - 0.18, 1.06, half - 0.22, 1.16, half - 0.28, 0.01),
        ),
        axles_x=(axle,),
        wheel_radius_m=_RADIUS_M,
        side_windows=windows,
        top_windows=((front - 0.42, front - 0.15),),
        step_m=0.7,
    )


def _chassis(rear: float, front: float, axles: tuple[float, ...]) -> Shell:
    """The frame under what a lorry carries, as wide as its tyres, with arches at its axles."""
    return Shell(
        sections=tuple(Section(x, 0.52, 1.20, 0.92, 1.20, 1.00, 1.18, 0.0) for x in (rear, rear + 0.05, front)),
        axles_x=axles,
        wheel_radius_m=_RADIUS_M,
        side_windows=(),
        top_windows=(),
        finish=PLASTIC,
        step_m=0.7,
    )


def _heavy_goods_vehicle() -> Body:
    """A box lorry with a sleeper cab on three axles, 7.9 x 2.9 (over mirrors) x 3.6 m."""
    details = Details(
        track_m=2.04,
        mirror=(3.50, 2.20, 1.43),
        head=Patch((3.9, 0.86, 0.72), 10.0, 0.34, 0.20),
        tail=Patch((-3.95, 0.92, 0.80), 178.0, 0.34, 0.14),
        middle=(
            Patch((3.9, 0.0, 1.14), 0.0, 1.60, 0.34),
            Patch((3.9, 0.0, 0.80), 0.0, 1.30, 0.20),
            Patch((3.9, 0.0, 1.16), 0.0, 0.30, 0.06, finish=STEEL, proud_m=0.014),
        ),
        front_plate_z=0.56,
        rear_plate_z=0.70,
        seams=(2.44, 3.42),
        doors=False,
        wheel_width_m=0.32,
    )
    box = Skin()
    box.box((-3.94, -1.27, 1.02), (1.92, 1.27, 3.60), _BOX)
    for side in (1.0, -1.0):
        low, high = sorted((side * 1.27, side * 1.28))
        box.box((-3.92, low, 1.02), (1.90, high, 1.16), STEEL)
        box.box((-2.60, low, 1.80), (0.60, high, 2.70), Finish(Material.MATTE, (40, 84, 140)))
    box.box((-3.95, -0.012, 1.06), (-3.94, 0.012, 3.56), DARK)
    box.box((-3.95, -0.50, 1.06), (-3.945, -0.44, 3.56), STEEL)
    box.box((-3.95, 0.44, 1.06), (-3.945, 0.50, 3.56), STEEL)
    box.slab(((2.10, 3.05), (2.85, 3.05), (2.40, 3.50), (2.10, 3.56)), (-1.05, 1.05), PAINT)  # wind deflector
    body = vehicle(
        "vehicle.carlamotors.european_hgv",
        [_cab(2.02, 3.95, 3.12, 2.95, ((2.46, 3.40),)), _chassis(-3.94, 2.00, (-2.85, -1.55))],
        details,
        tag=Tag.TRUCK,
        base_type="truck",
        colours=((228, 228, 224), (170, 24, 28), (30, 70, 130), (40, 42, 46)),
        mass_kg=11500.0,
        extra=box,
    )
    return replace(body, power_kw=265.0, top_mps=25.0)


def _fire_engine() -> Body:
    """A fire engine with a crew cab, shutters and ladders, 8.2 x 2.9 (over mirrors) x 3.2 m."""
    details = Details(
        track_m=2.04,
        mirror=(3.62, 2.20, 1.43),
        head=Patch((4.1, 0.86, 0.78), 10.0, 0.34, 0.20),
        tail=Patch((-4.1, 0.98, 1.02), 178.0, 0.22, 0.34),
        middle=(
            Patch((4.1, 0.0, 1.14), 0.0, 1.40, 0.28),
            Patch((4.1, 0.0, 0.62), 0.0, 2.00, 0.16, finish=WHITE),
        ),
        sides=(Patch((2.6, 0.0, 1.30), 90.0, 2.6, 0.12, finish=_STRIPE),),
        front_plate_z=0.60,
        rear_plate_z=0.70,
        seams=(1.50, 2.46, 3.52),
        wheel_width_m=0.32,
    )
    body = vehicle(
        "vehicle.carlamotors.firetruck",
        [_cab(1.30, 4.10, 2.92, 2.95, ((2.50, 3.48),)), _chassis(-4.08, 1.28, (-1.75,))],
        details,
        tag=Tag.TRUCK,
        base_type="truck",
        colours=((190, 22, 26),),
        mass_kg=13800.0,
        special_type="emergency",
        extra=_pump_body(),
        more={"generation": "2"},
    )
    return replace(body, power_kw=220.0, top_mps=28.0)


def _pump_body() -> Skin:
    """The pump, lockers with shutters, ladders over them, blue lamps."""
    skin = Skin()
    skin.box((-4.08, -1.26, 1.00), (0.95, 1.26, 2.52), PAINT)
    skin.box((0.95, -0.90, 1.00), (1.30, 0.90, 2.20), DARK)  # the pump, between cab and lockers
    for side in (1.0, -1.0):
        low, high = sorted((side * 1.26, side * 1.268))
        for x in (-3.95, -2.30, -0.65):
            skin.box((x, low, 1.40), (x + 1.45, high, 2.30), _SHUTTER)
        skin.box((-4.06, low, 1.12), (0.93, high, 1.26), _STRIPE)
        for x in (-3.95, -2.30, -0.65):  # the bars that shutters are lifted by
            bar = sorted((side * 1.268, side * 1.285))
            skin.box((x + 0.1, bar[0], 1.44), (x + 1.35, bar[1], 1.48), DARK)
    skin.box((-4.09, -0.80, 1.20), (-4.08, 0.80, 2.16), _SHUTTER)
    skin.box((-4.10, -1.10, 2.26), (-4.08, 1.10, 2.44), _STRIPE)
    for y in (-0.85, -0.45, 0.45, 0.85):  # two ladders
        skin.box((-3.90, y - 0.03, 3.08), (1.10, y + 0.03, 3.16), STEEL)
    for y in (-0.65, 0.65):
        for k in range(12):
            x = -3.7 + 0.42 * k
            skin.box((x, y - 0.20, 3.10), (x + 0.04, y + 0.20, 3.14), STEEL)
        for x in (-3.2, 0.4):  # what they lie on
            skin.box((x, y - 0.25, 2.52), (x + 0.08, y - 0.17, 3.08), STEEL)
            skin.box((x, y + 0.17, 2.52), (x + 0.08, y + 0.25, 3.08), STEEL)
    skin.box((2.75, -1.00, 2.95), (3.10, -0.10, 3.14), BLUE_LAMP)
    skin.box((2.75, 0.10, 2.95), (3.10, 1.00, 3.14), BLUE_LAMP)
    skin.box((2.80, -0.10, 2.95), (3.05, 0.10, 3.08), DARK)
    for y in (-1.15, 1.0):
        skin.box((-4.05, y, 2.52), (-3.90, y + 0.15, 2.68), BLUE_LAMP)
    return skin


def stock_trucks() -> list[Body]:
    """Both."""
    return [_heavy_goods_vehicle(), _fire_engine()]
