"""Passenger cars, sized after CARLA's blueprints of the same id (the ego after the car of the nuScenes rig)."""

from __future__ import annotations

from av_synth.simulator.bodies.model import Body
from av_synth.simulator.bodies.rears import FOUR_WHEEL_DRIVE_REAR, HATCHBACK_REAR, SALOON_REAR
from av_synth.simulator.bodies.shapes import BLUE_LAMP, DARK, PLASTIC, RED_LAMP, STEEL, Colour, Finish
from av_synth.simulator.bodies.shell import Section, Shell
from av_synth.simulator.bodies.silhouettes import Silhouette
from av_synth.simulator.bodies.skin import Skin
from av_synth.simulator.bodies.vehicles import Details, Patch, vehicle
from av_synth.simulator.scene import Material, Tag

_COLOURS: tuple[Colour, ...] = ((176, 180, 184), (28, 29, 32), (232, 232, 230), (120, 24, 28), (32, 58, 104))
WHITE = Finish(Material.MATTE, (236, 236, 236))

SALOON = Silhouette(
    Shell(
        sections=(
            Section(-2.385, 0.42, 0.55, 0.66, 0.50, 0.72, 0.46, 0.010),
            Section(-2.350, 0.36, 0.66, 0.78, 0.62, 0.86, 0.55, 0.015),
            Section(-2.250, 0.30, 0.79, 0.89, 0.74, 0.985, 0.62, 0.020),
            Section(-2.050, 0.25, 0.87, 0.955, 0.80, 1.055, 0.62, 0.025),
            Section(-1.800, 0.22, 0.91, 0.965, 0.83, 1.120, 0.60, 0.030),
            Section(-1.300, 0.20, 0.925, 0.960, 0.85, 1.310, 0.575, 0.032),
            Section(-0.700, 0.18, 0.925, 0.945, 0.855, 1.420, 0.57, 0.036),
            Section(-0.200, 0.17, 0.925, 0.925, 0.855, 1.443, 0.575, 0.040),
            Section(0.250, 0.17, 0.925, 0.910, 0.85, 1.405, 0.575, 0.040),
            Section(0.900, 0.17, 0.925, 0.890, 0.83, 1.135, 0.62, 0.034),
            Section(1.250, 0.17, 0.920, 0.875, 0.80, 0.985, 0.66, 0.030),
            Section(1.600, 0.18, 0.915, 0.850, 0.79, 0.925, 0.65, 0.030),
            Section(2.000, 0.19, 0.880, 0.785, 0.75, 0.845, 0.60, 0.028),
            Section(2.230, 0.21, 0.780, 0.700, 0.67, 0.755, 0.53, 0.020),
            Section(2.340, 0.25, 0.640, 0.610, 0.55, 0.650, 0.43, 0.015),
            Section(2.385, 0.30, 0.470, 0.500, 0.40, 0.540, 0.32, 0.010),
        ),
        axles_x=(-1.32, 1.555),
        wheel_radius_m=0.34,
        side_windows=((-1.35, -0.50), (-0.44, 0.85)),
        top_windows=((-1.90, -0.95), (0.22, 1.20)),
    ),
    Details(
        track_m=1.58,
        mirror=(0.62, 0.99, 1.08),
        head=Patch((2.1, 0.68, 0.665), 38.0, 0.36, 0.10, slant_m=0.06),
        tail=Patch((-2.2, 0.64, 0.85), 157.0, 0.42, 0.14),
        middle=(
            Patch((2.3, 0.0, 0.31), 0.0, 0.80, 0.08),
            *SALOON_REAR,
        ),
        front_plate_z=0.42,
        rear_plate_z=0.62,
        seams=(-1.10, -0.47, 0.55),
        wheel_width_m=0.235,
    ),
)

COUPE = Silhouette(
    Shell(
        sections=(
            Section(-2.080, 0.38, 0.52, 0.62, 0.47, 0.68, 0.42, 0.010),
            Section(-2.030, 0.32, 0.66, 0.74, 0.61, 0.81, 0.52, 0.015),
            Section(-1.900, 0.26, 0.81, 0.855, 0.74, 0.925, 0.58, 0.022),
            Section(-1.650, 0.21, 0.885, 0.895, 0.80, 1.010, 0.58, 0.030),
            Section(-1.100, 0.17, 0.915, 0.895, 0.83, 1.215, 0.55, 0.036),
            Section(-0.500, 0.15, 0.910, 0.885, 0.82, 1.328, 0.54, 0.040),
            Section(-0.150, 0.15, 0.905, 0.875, 0.82, 1.340, 0.54, 0.042),
            Section(0.150, 0.15, 0.905, 0.870, 0.82, 1.290, 0.55, 0.040),
            Section(0.700, 0.15, 0.905, 0.850, 0.80, 1.045, 0.60, 0.034),
            Section(0.950, 0.15, 0.905, 0.835, 0.785, 0.940, 0.62, 0.034),
            Section(1.250, 0.16, 0.905, 0.815, 0.78, 0.900, 0.62, 0.034),
            Section(1.650, 0.18, 0.870, 0.760, 0.75, 0.830, 0.58, 0.030),
            Section(1.900, 0.20, 0.770, 0.685, 0.66, 0.740, 0.52, 0.022),
            Section(2.030, 0.24, 0.620, 0.600, 0.53, 0.640, 0.42, 0.015),
            Section(2.080, 0.28, 0.450, 0.500, 0.38, 0.530, 0.30, 0.010),
        ),
        axles_x=(-1.21, 1.26),
        wheel_radius_m=0.325,
        side_windows=((-0.95, -0.35), (-0.29, 0.66)),
        top_windows=((-1.60, -0.70), (0.12, 0.92)),
    ),
    Details(
        track_m=1.58,
        mirror=(0.52, 0.93, 0.995),
        head=Patch((1.8, 0.66, 0.645), 40.0, 0.34, 0.12, slant_m=0.03),
        tail=Patch((-1.9, 0.66, 0.76), 150.0, 0.34, 0.11),
        middle=(
            Patch((2.0, 0.0, 0.43), 0.0, 0.62, 0.22),
            Patch((-2.0, 0.0, 0.40), 180.0, 1.00, 0.09, finish=PLASTIC),
        ),
        front_plate_z=0.40,
        rear_plate_z=0.56,
        seams=(-0.42, 0.50),
        wheel_width_m=0.24,
    ),
)

FOUR_WHEEL_DRIVE = Silhouette(
    Shell(
        sections=(
            Section(-2.290, 0.50, 0.72, 0.98, 0.69, 1.16, 0.62, 0.010),
            Section(-2.265, 0.46, 0.79, 1.08, 0.755, 1.52, 0.65, 0.012),
            Section(-2.200, 0.42, 0.835, 1.10, 0.795, 1.70, 0.665, 0.018),
            Section(-2.060, 0.38, 0.86, 1.11, 0.82, 1.775, 0.67, 0.028),
            Section(-1.400, 0.36, 0.865, 1.11, 0.825, 1.805, 0.675, 0.040),
            Section(-0.300, 0.34, 0.865, 1.10, 0.825, 1.815, 0.68, 0.044),
            Section(0.250, 0.34, 0.865, 1.09, 0.825, 1.785, 0.675, 0.040),
            Section(0.450, 0.34, 0.865, 1.085, 0.82, 1.700, 0.675, 0.034),
            Section(0.950, 0.34, 0.865, 1.075, 0.81, 1.240, 0.70, 0.028),
            Section(1.100, 0.34, 0.865, 1.070, 0.81, 1.150, 0.71, 0.026),
            Section(1.700, 0.36, 0.860, 1.040, 0.80, 1.105, 0.70, 0.030),
            Section(2.050, 0.38, 0.840, 1.000, 0.78, 1.060, 0.68, 0.028),
            Section(2.200, 0.40, 0.800, 0.940, 0.74, 1.000, 0.64, 0.020),
            Section(2.290, 0.46, 0.700, 0.780, 0.65, 0.860, 0.56, 0.012),
        ),
        axles_x=(-1.28, 1.35),
        wheel_radius_m=0.39,
        side_windows=((-2.02, -1.30), (-1.22, -0.40), (-0.33, 0.86)),
        top_windows=((0.30, 1.05),),
        cladding=True,
    ),
    Details(
        track_m=1.48,
        mirror=(0.70, 1.20, 0.965),
        head=Patch((2.2, 0.60, 0.84), 18.0, 0.30, 0.15),
        tail=Patch((-2.25, 0.72, 0.98), 165.0, 0.14, 0.36),
        middle=(
            Patch((2.25, 0.0, 0.84), 0.0, 0.74, 0.17),
            Patch((2.25, 0.0, 0.83), 0.0, 0.70, 0.025, finish=STEEL),
            Patch((2.25, 0.0, 0.53), 0.0, 1.1, 0.12, finish=PLASTIC),
            *FOUR_WHEEL_DRIVE_REAR,
        ),
        front_plate_z=0.56,
        rear_plate_z=0.90,
        seams=(-1.26, -0.36, 0.72),
        wheel_width_m=0.25,
    ),
)

LARGE_SALOON = Silhouette(
    Shell(
        sections=(
            Section(-2.475, 0.44, 0.66, 0.72, 0.62, 0.80, 0.55, 0.010),
            Section(-2.440, 0.38, 0.76, 0.85, 0.72, 0.93, 0.62, 0.014),
            Section(-2.330, 0.30, 0.86, 0.945, 0.80, 1.02, 0.68, 0.018),
            Section(-2.000, 0.24, 0.92, 0.980, 0.85, 1.055, 0.69, 0.022),
            Section(-1.700, 0.21, 0.935, 0.980, 0.86, 1.090, 0.66, 0.024),
            Section(-1.150, 0.19, 0.935, 0.965, 0.86, 1.340, 0.59, 0.030),
            Section(-0.700, 0.18, 0.935, 0.955, 0.86, 1.410, 0.59, 0.036),
            Section(-0.100, 0.18, 0.935, 0.940, 0.86, 1.420, 0.595, 0.040),
            Section(0.250, 0.18, 0.935, 0.930, 0.86, 1.370, 0.595, 0.038),
            Section(0.850, 0.18, 0.935, 0.915, 0.85, 1.120, 0.66, 0.032),
            Section(1.120, 0.18, 0.935, 0.905, 0.84, 1.010, 0.70, 0.028),
            Section(1.700, 0.19, 0.930, 0.880, 0.83, 0.955, 0.70, 0.030),
            Section(2.150, 0.21, 0.900, 0.830, 0.80, 0.895, 0.68, 0.028),
            Section(2.350, 0.23, 0.830, 0.770, 0.74, 0.820, 0.62, 0.020),
            Section(2.440, 0.27, 0.730, 0.680, 0.65, 0.730, 0.54, 0.014),
            Section(2.475, 0.32, 0.600, 0.580, 0.54, 0.630, 0.46, 0.010),
        ),
        axles_x=(-1.50, 1.55),
        wheel_radius_m=0.35,
        side_windows=((-1.30, -0.48), (-0.41, 0.80)),
        top_windows=((-1.60, -0.92), (0.22, 1.08)),
    ),
    Details(
        track_m=1.61,
        mirror=(0.60, 1.02, 1.018),
        head=Patch((2.3, 0.66, 0.68), 24.0, 0.40, 0.11, slant_m=0.02),
        tail=Patch((-2.4, 0.56, 0.80), 172.0, 0.50, 0.11),
        middle=(Patch((2.4, 0.0, 0.56), 0.0, 0.90, 0.14), Patch((2.5, 0.0, 0.36), 0.0, 1.0, 0.07, finish=STEEL)),
        sides=(Patch((-0.26, 0.0, 0.61), 90.0, 1.66, 0.56, finish=WHITE),),
        front_plate_z=0.43,
        rear_plate_z=0.62,
        seams=(-1.08, -0.44, 0.56),
        wheel_width_m=0.235,
    ),
)


def _hatchback() -> Body:
    """The ego: a small hatchback, 4.08 x 1.79 x 1.56 m, wheelbase 2.59 m.

    The table is written from the rear axle, for the mounts of the nuScenes rig must all stay clear of it: the tail is
    round in plan for the rear radars, the roof falls to the front and the back for the roof cameras.
    """
    shell = Shell(
        sections=(
            Section(-0.690, 0.40, 0.40, 0.64, 0.37, 0.70, 0.33, 0.010),
            Section(-0.660, 0.35, 0.47, 0.70, 0.44, 0.82, 0.39, 0.012),
            Section(-0.600, 0.31, 0.54, 0.79, 0.52, 0.96, 0.44, 0.016),
            Section(-0.530, 0.28, 0.605, 0.86, 0.60, 1.10, 0.48, 0.020),
            Section(-0.380, 0.23, 0.75, 0.92, 0.71, 1.365, 0.53, 0.026),
            Section(-0.200, 0.20, 0.83, 0.94, 0.78, 1.425, 0.55, 0.034),
            Section(0.300, 0.19, 0.860, 0.93, 0.80, 1.490, 0.58, 0.044),
            Section(0.850, 0.18, 0.865, 0.91, 0.81, 1.512, 0.59, 0.048),
            Section(1.350, 0.18, 0.862, 0.885, 0.80, 1.465, 0.58, 0.042),
            Section(1.560, 0.18, 0.860, 0.88, 0.79, 1.395, 0.58, 0.038),
            Section(2.000, 0.18, 0.855, 0.86, 0.765, 1.135, 0.61, 0.036),
            Section(2.300, 0.18, 0.845, 0.845, 0.71, 0.955, 0.62, 0.040),
            Section(2.600, 0.18, 0.840, 0.815, 0.70, 0.895, 0.60, 0.040),
            Section(2.950, 0.19, 0.805, 0.750, 0.68, 0.820, 0.57, 0.034),
            Section(3.180, 0.21, 0.700, 0.675, 0.62, 0.735, 0.51, 0.026),
            Section(3.300, 0.24, 0.560, 0.600, 0.50, 0.650, 0.42, 0.018),
            Section(3.370, 0.28, 0.370, 0.480, 0.33, 0.520, 0.27, 0.010),
        ),
        axles_x=(0.0, 2.59),
        wheel_radius_m=0.31,
        side_windows=((-0.12, 0.42), (0.47, 1.20), (1.25, 1.98)),
        top_windows=((-0.56, -0.36), (1.40, 2.28)),
        cladding=True,
        shift_x_m=-1.34,
    )
    details = Details(
        track_m=1.475,
        mirror=(0.52, 0.98, 0.895),
        head=Patch((1.76, 0.62, 0.655), 42.0, 0.34, 0.11, slant_m=0.05),
        tail=Patch((-1.86, 0.64, 0.88), 145.0, 0.28, 0.22),
        middle=(
            Patch((2.0, 0.0, 0.34), 0.0, 0.74, 0.10),
            Patch((2.0, 0.0, 0.575), 0.0, 0.60, 0.045),
            *HATCHBACK_REAR,
        ),
        front_plate_z=0.36,
        rear_plate_z=0.66,
        seams=(-0.92, -0.11, 0.62),
    )
    return vehicle("vehicle.audi.a2", [shell], details, tag=Tag.CAR, base_type="car", colours=_COLOURS, mass_kg=1480.0)


def _sedan() -> Body:
    """A saloon with a flowing roof, 4.79 x 2.16 (over mirrors) x 1.48 m."""
    return vehicle(
        "vehicle.tesla.model3",
        [SALOON.shell],
        SALOON.details,
        tag=Tag.CAR,
        base_type="car",
        colours=_COLOURS,
        mass_kg=1840.0,
        special_type="electric",
    )


def _coupe() -> Body:
    """A low two-door with a round roof, 4.18 x 1.99 (over mirrors) x 1.39 m."""
    colours: tuple[Colour, ...] = ((150, 22, 26), (36, 38, 42), (206, 208, 210), (24, 60, 128))
    return vehicle(
        "vehicle.audi.tt", [COUPE.shell], COUPE.details, tag=Tag.CAR, base_type="car", colours=colours, mass_kg=1400.0
    )


def _off_roader() -> Body:
    """A tall four-wheel drive, 4.60 x 1.93 (over mirrors) x 1.86 m."""
    colours: tuple[Colour, ...] = ((64, 72, 60), (206, 206, 202), (30, 31, 34), (94, 78, 60))
    return vehicle(
        "vehicle.nissan.patrol",
        [FOUR_WHEEL_DRIVE.shell],
        FOUR_WHEEL_DRIVE.details,
        tag=Tag.CAR,
        base_type="car",
        colours=colours,
        mass_kg=2100.0,
    )


def _police_car() -> Body:
    """A large black saloon with white doors and a light bar, 4.97 x 2.04 (over mirrors) x 1.55 m."""
    bar = Skin()
    bar.box((-0.36, -0.10, 1.44), (-0.10, 0.10, 1.50), DARK)
    bar.box((-0.36, -0.55, 1.47), (-0.10, -0.10, 1.55), BLUE_LAMP)
    bar.box((-0.36, 0.10, 1.47), (-0.10, 0.55, 1.55), RED_LAMP)
    return vehicle(
        "vehicle.dodge.charger_police",
        [LARGE_SALOON.shell],
        LARGE_SALOON.details,
        tag=Tag.CAR,
        base_type="car",
        colours=((20, 20, 22),),
        mass_kg=1980.0,
        special_type="emergency",
        extra=bar,
    )


def cars() -> list[Body]:
    """All passenger cars, the ego first."""
    return [_hatchback(), _sedan(), _coupe(), _off_roader(), _police_car()]
