"""Van, truck, ambulance and bus, sized after CARLA's blueprints of the same id.

CARLA's box of the bus is 3.9 m wide over its mirrors, wider than a lane; here it is 2.9 m.
"""

from __future__ import annotations

from av_synth.simulator.bodies.cars import WHITE
from av_synth.simulator.bodies.model import Body
from av_synth.simulator.bodies.rears import BOX_TRUCK_REAR, BUS_FRONT, BUS_REAR, VAN_REAR
from av_synth.simulator.bodies.shapes import BLUE_LAMP, DARK, GLASS, PLASTIC, RED_LAMP, STEEL, Colour, Finish
from av_synth.simulator.bodies.shell import Section, Shell
from av_synth.simulator.bodies.skin import Skin
from av_synth.simulator.bodies.vehicles import Details, Patch, vehicle
from av_synth.simulator.scene import Material, Tag

_SECOND = {"generation": "2"}
_ORANGE = Finish(Material.MATTE, (226, 96, 30))


def _box_sections(back: float, front: float, half: float, sill: float, belt: float, roof: float) -> tuple[Section, ...]:
    """A cargo body with slightly rounded ends."""
    return tuple(
        Section(x, sill, half - cut, belt, half - cut, roof - cut, half - 0.035 - cut, 0.015)
        for x, cut in ((back, 0.035), (back + 0.03, 0.0), (front - 0.03, 0.0), (front, 0.035))
    )


def van() -> Body:
    """A tall panel van, 5.92 x 1.99 x 2.57 m."""
    shell = Shell(
        sections=(
            Section(-2.950, 0.46, 0.82, 1.20, 0.82, 2.42, 0.74, 0.015),
            Section(-2.920, 0.42, 0.87, 1.22, 0.87, 2.48, 0.79, 0.020),
            Section(-2.800, 0.36, 0.90, 1.24, 0.90, 2.52, 0.80, 0.030),
            Section(0.300, 0.34, 0.905, 1.24, 0.90, 2.53, 0.80, 0.040),
            Section(0.950, 0.34, 0.905, 1.23, 0.90, 2.45, 0.79, 0.040),
            Section(1.200, 0.34, 0.905, 1.22, 0.89, 2.27, 0.78, 0.036),
            Section(1.900, 0.34, 0.905, 1.18, 0.87, 1.48, 0.77, 0.030),
            Section(2.120, 0.34, 0.905, 1.15, 0.85, 1.27, 0.76, 0.030),
            Section(2.500, 0.35, 0.895, 1.08, 0.83, 1.16, 0.72, 0.030),
            Section(2.780, 0.37, 0.850, 0.96, 0.78, 1.03, 0.66, 0.022),
            Section(2.900, 0.40, 0.780, 0.84, 0.70, 0.91, 0.59, 0.015),
            Section(2.950, 0.44, 0.680, 0.72, 0.60, 0.78, 0.52, 0.010),
        ),
        axles_x=(-1.72, 1.95),
        wheel_radius_m=0.345,
        side_windows=((0.78, 1.78),),
        top_windows=((1.12, 2.10),),
        cladding=True,
    )
    details = Details(
        track_m=1.60,
        mirror=(1.62, 1.46, 0.994),
        head=Patch((2.8, 0.66, 0.86), 30.0, 0.28, 0.22),
        tail=Patch((-2.95, 0.74, 1.06), 172.0, 0.12, 0.56),
        middle=(
            Patch((2.9, 0.0, 0.80), 0.0, 0.76, 0.13),
            Patch((2.9, 0.0, 0.52), 0.0, 1.1, 0.10, finish=PLASTIC),
            *VAN_REAR,
        ),
        sides=(Patch((-1.0, 0.0, 0.62), 90.0, 3.4, 0.06, finish=PLASTIC),),
        front_plate_z=0.56,
        rear_plate_z=0.84,
        seams=(-0.55, 0.70, 1.60),
        wheel_width_m=0.225,
    )
    colours: tuple[Colour, ...] = ((228, 228, 224), (24, 62, 110), (120, 124, 128), (190, 150, 30))
    return vehicle(
        "vehicle.mercedes.sprinter",
        [shell],
        details,
        tag=Tag.TRUCK,
        base_type="van",
        colours=colours,
        mass_kg=2400.0,
        more=_SECOND,
    )


def _truck_cab() -> Shell:
    return Shell(
        sections=(
            Section(0.980, 0.50, 0.98, 1.22, 0.98, 2.20, 0.86, 0.02),
            Section(1.020, 0.42, 1.00, 1.22, 1.00, 2.26, 0.88, 0.03),
            Section(1.900, 0.40, 1.00, 1.20, 1.00, 2.27, 0.88, 0.04),
            Section(2.080, 0.40, 1.00, 1.18, 0.99, 2.20, 0.87, 0.04),
            Section(2.400, 0.40, 0.99, 1.14, 0.97, 1.36, 0.88, 0.03),
            Section(2.470, 0.40, 0.98, 1.11, 0.95, 1.20, 0.88, 0.02),
            Section(2.550, 0.42, 0.93, 1.00, 0.89, 1.08, 0.82, 0.02),
            Section(2.590, 0.46, 0.85, 0.86, 0.80, 0.93, 0.73, 0.01),
        ),
        axles_x=(1.72,),
        wheel_radius_m=0.40,
        side_windows=((1.22, 2.26),),
        top_windows=((2.04, 2.45),),
    )


def truck() -> Body:
    """A small box truck with a cab over its engine, 5.20 x 2.62 (over mirrors) x 2.47 m."""
    cargo = Shell(
        sections=_box_sections(-2.59, 0.92, 1.10, 0.60, 1.45, 2.44),
        axles_x=(-1.45,),
        wheel_radius_m=0.40,
        side_windows=(),
        top_windows=(),
    )
    details = Details(
        track_m=1.80,
        mirror=(2.30, 1.66, 1.31),
        head=Patch((2.5, 0.68, 0.76), 12.0, 0.26, 0.16),
        tail=Patch((-2.6, 0.88, 0.80), 178.0, 0.30, 0.12),
        middle=(
            Patch((2.6, 0.0, 0.90), 0.0, 1.0, 0.14),
            Patch((2.6, 0.0, 0.56), 0.0, 1.5, 0.12, finish=PLASTIC),
            *BOX_TRUCK_REAR,
        ),
        sides=(
            Patch((-0.83, 0.0, 1.62), 90.0, 3.0, 0.55, slant_m=0.22, finish=WHITE),
            Patch((-0.83, 0.0, 0.68), 90.0, 3.3, 0.05, finish=PLASTIC),
        ),
        front_plate_z=0.56,
        rear_plate_z=0.70,
        seams=(1.20, 2.02),
        wheel_width_m=0.28,
    )
    frame = Skin()
    frame.box((-2.5, -0.45, 0.48), (2.1, 0.45, 0.66), DARK)
    frame.box((-2.56, -0.98, 0.36), (-2.48, 0.98, 0.48), PLASTIC)  # under-run bar
    colours: tuple[Colour, ...] = ((170, 18, 24), (226, 226, 222), (34, 62, 110))
    return vehicle(
        "vehicle.carlamotors.carlacola",
        [_truck_cab(), cargo],
        details,
        tag=Tag.TRUCK,
        base_type="truck",
        colours=colours,
        mass_kg=4600.0,
        extra=frame,
    )


def _ambulance_cab() -> Shell:
    return Shell(
        sections=(
            Section(0.600, 0.40, 0.93, 1.16, 0.92, 1.86, 0.74, 0.03),
            Section(1.000, 0.36, 0.93, 1.15, 0.92, 1.88, 0.74, 0.04),
            Section(1.250, 0.36, 0.93, 1.14, 0.91, 1.78, 0.74, 0.04),
            Section(1.800, 0.36, 0.93, 1.12, 0.89, 1.28, 0.80, 0.03),
            Section(1.980, 0.36, 0.93, 1.11, 0.88, 1.19, 0.82, 0.03),
            Section(2.700, 0.38, 0.92, 1.06, 0.87, 1.12, 0.80, 0.03),
            Section(3.000, 0.40, 0.89, 1.00, 0.84, 1.05, 0.76, 0.02),
            Section(3.130, 0.44, 0.82, 0.88, 0.77, 0.94, 0.70, 0.01),
            Section(3.170, 0.50, 0.74, 0.74, 0.69, 0.80, 0.62, 0.01),
        ),
        axles_x=(2.30,),
        wheel_radius_m=0.38,
        side_windows=((0.85, 1.70),),
        top_windows=((1.18, 1.96),),
    )


def ambulance() -> Body:
    """A box ambulance with a bonnet, 6.37 x 2.35 (over mirrors) x 2.43 m."""
    cargo = Shell(
        sections=_box_sections(-3.17, 0.78, 1.08, 0.44, 1.40, 2.34),
        axles_x=(-1.60,),
        wheel_radius_m=0.38,
        side_windows=(),
        top_windows=(),
    )
    details = Details(
        track_m=1.76,
        mirror=(1.62, 1.32, 1.175),
        head=Patch((3.0, 0.64, 0.78), 14.0, 0.28, 0.20),
        tail=Patch((-3.2, 0.90, 0.82), 178.0, 0.22, 0.26),
        middle=(
            Patch((3.1, 0.0, 0.78), 0.0, 0.80, 0.18),
            Patch((3.1, 0.0, 0.56), 0.0, 1.2, 0.10, finish=STEEL),
            Patch((-3.2, 0.0, 1.38), 180.0, 0.02, 1.6),
            Patch((-3.2, 0.0, 1.80), 180.0, 1.1, 0.45, finish=GLASS),
        ),
        sides=(
            Patch((-1.2, 0.0, 1.24), 90.0, 3.8, 0.26, finish=_ORANGE),
            Patch((-2.2, 0.0, 1.85), 90.0, 0.9, 0.42, finish=GLASS),
        ),
        front_plate_z=0.58,
        rear_plate_z=0.58,
        seams=(0.86, 1.60),
        wheel_width_m=0.26,
    )
    lights = Skin()
    for y in (-0.72, 0.72):
        lights.box((0.42, y - 0.26, 2.33), (0.70, y + 0.26, 2.43), RED_LAMP if y > 0 else BLUE_LAMP)
        lights.box((-3.10, y - 0.18, 2.33), (-2.92, y + 0.18, 2.42), RED_LAMP if y > 0 else BLUE_LAMP)
    return vehicle(
        "vehicle.ford.ambulance",
        [_ambulance_cab(), cargo],
        details,
        tag=Tag.TRUCK,
        base_type="van",
        colours=((236, 236, 232),),
        mass_kg=4300.0,
        special_type="emergency",
        extra=lights,
        more=_SECOND,
    )


def bus() -> Body:
    """A city bus, 10.27 x 2.90 (over mirrors) x 3.25 m."""
    shell = Shell(
        sections=(
            Section(-5.125, 0.48, 1.14, 1.46, 1.14, 2.96, 1.06, 0.02),
            Section(-5.080, 0.40, 1.21, 1.46, 1.21, 3.06, 1.12, 0.03),
            Section(-4.950, 0.34, 1.25, 1.46, 1.25, 3.12, 1.14, 0.05),
            Section(4.550, 0.30, 1.25, 1.42, 1.25, 3.14, 1.14, 0.08),
            Section(4.750, 0.30, 1.25, 1.40, 1.25, 3.08, 1.13, 0.07),
            Section(4.980, 0.31, 1.24, 1.28, 1.23, 1.90, 1.14, 0.03),
            Section(5.060, 0.33, 1.20, 1.16, 1.18, 1.36, 1.12, 0.02),
            Section(5.125, 0.38, 1.10, 0.96, 1.07, 1.06, 1.02, 0.01),
        ),
        axles_x=(-2.55, 3.25),
        wheel_radius_m=0.48,
        side_windows=(*((x, x + 1.22) for x in (-4.75, -3.47, -2.19, -0.91, 0.37, 1.65)), (2.93, 4.50)),
        top_windows=((4.70, 5.05),),
        cladding=True,
        step_m=0.7,
    )
    details = Details(
        track_m=2.10,
        mirror=(4.95, 2.10, 1.45),
        head=Patch((5.1, 0.86, 0.78), 10.0, 0.34, 0.16),
        tail=Patch((-5.1, 0.98, 1.16), 176.0, 0.18, 0.66),
        middle=(
            Patch((5.1, 0.0, 0.52), 0.0, 1.9, 0.16, finish=PLASTIC),
            *BUS_FRONT,
            *BUS_REAR,
        ),
        front_plate_z=0.55,
        rear_plate_z=0.60,
        wheel_width_m=0.30,
    )
    arms = Skin()
    for low_x in (1.75, 4.05 - 0.32):  # doors on the right: a dark frame in the flank
        arms.box((low_x, -1.262, 0.42), (low_x + 0.03, -1.2, 2.6), DARK)
        arms.box((low_x + 1.05, -1.262, 0.42), (low_x + 1.08, -1.2, 2.6), DARK)
    colours: tuple[Colour, ...] = ((196, 160, 34), (36, 84, 138), (226, 226, 222), (150, 30, 34))
    return vehicle(
        "vehicle.mitsubishi.fusorosa",
        [shell],
        details,
        tag=Tag.BUS,
        base_type="bus",
        colours=colours,
        mass_kg=10500.0,
        extra=arms,
        more=_SECOND,
    )


def trucks() -> list[Body]:
    """Van, truck, ambulance and bus."""
    return [van(), truck(), ambulance(), bus()]
