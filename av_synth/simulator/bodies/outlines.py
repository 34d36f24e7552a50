"""Outlines that stock cars are cut to: a hatchback, a small bus, a bubble, a wedge and a boxy four-wheel drive."""

from __future__ import annotations

from dataclasses import replace

from av_synth.simulator.bodies.rears import MICROBUS_REAR
from av_synth.simulator.bodies.shapes import GLASS, PLASTIC, STEEL, Finish
from av_synth.simulator.bodies.shell import Section, Shell
from av_synth.simulator.bodies.silhouettes import Silhouette
from av_synth.simulator.bodies.vehicles import Details, Patch
from av_synth.simulator.scene import Material

_BRUSHED = Finish(Material.METAL, (150, 153, 156))
_SLOT = Finish(Material.MATTE, (26, 27, 29))

HATCHBACK = Silhouette(
    Shell(
        sections=(
            Section(-2.000, 0.42, 0.66, 0.72, 0.62, 0.82, 0.54, 0.010),
            Section(-1.965, 0.36, 0.75, 0.85, 0.71, 0.97, 0.59, 0.014),
            Section(-1.900, 0.30, 0.82, 0.94, 0.765, 1.12, 0.60, 0.018),
            Section(-1.780, 0.25, 0.85, 0.96, 0.79, 1.29, 0.585, 0.024),
            Section(-1.640, 0.22, 0.862, 0.96, 0.80, 1.395, 0.575, 0.030),
            Section(-1.300, 0.20, 0.868, 0.95, 0.81, 1.435, 0.58, 0.036),
            Section(-0.500, 0.18, 0.870, 0.935, 0.815, 1.455, 0.585, 0.040),
            Section(0.050, 0.18, 0.870, 0.920, 0.81, 1.435, 0.58, 0.040),
            Section(0.280, 0.18, 0.870, 0.915, 0.81, 1.375, 0.58, 0.036),
            Section(0.800, 0.18, 0.868, 0.895, 0.79, 1.090, 0.61, 0.034),
            Section(1.050, 0.18, 0.865, 0.885, 0.765, 0.970, 0.64, 0.034),
            Section(1.350, 0.18, 0.860, 0.860, 0.75, 0.915, 0.63, 0.034),
            Section(1.680, 0.19, 0.820, 0.790, 0.71, 0.845, 0.58, 0.030),
            Section(1.880, 0.22, 0.730, 0.690, 0.63, 0.745, 0.50, 0.022),
            Section(1.965, 0.26, 0.600, 0.600, 0.52, 0.645, 0.41, 0.014),
            Section(2.000, 0.30, 0.440, 0.500, 0.37, 0.540, 0.30, 0.010),
        ),
        axles_x=(-1.30, 1.20),
        wheel_radius_m=0.31,
        side_windows=((-1.60, -1.26), (-1.20, -0.40), (-0.33, 0.78)),
        top_windows=((-1.92, -1.68), (0.22, 1.02)),
    ),
    Details(
        track_m=1.48,
        mirror=(0.52, 0.99, 0.97),
        head=Patch((1.8, 0.62, 0.66), 40.0, 0.32, 0.13, slant_m=0.04),
        tail=Patch((-1.9, 0.68, 0.86), 150.0, 0.16, 0.24),
        middle=(
            Patch((2.0, 0.0, 0.34), 0.0, 0.74, 0.11),
            Patch((2.0, 0.0, 0.58), 0.0, 0.56, 0.06),
            Patch((-2.0, 0.0, 0.48), 180.0, 0.80, 0.08, finish=PLASTIC),
        ),
        front_plate_z=0.40,
        rear_plate_z=0.66,
        seams=(-1.16, -0.37, 0.52),
    ),
)

SHORT_HATCHBACK = Silhouette(  # with three doors
    replace(HATCHBACK.shell, side_windows=((-1.58, -0.62), (-0.54, 0.78))),
    replace(HATCHBACK.details, seams=(-0.58, 0.52)),
)

MICROBUS = Silhouette(
    Shell(
        sections=(
            Section(-2.250, 0.45, 0.70, 0.90, 0.66, 1.35, 0.58, 0.02),
            Section(-2.220, 0.40, 0.79, 1.08, 0.76, 1.60, 0.64, 0.03),
            Section(-2.120, 0.34, 0.845, 1.12, 0.82, 1.74, 0.67, 0.05),
            Section(-1.900, 0.30, 0.860, 1.13, 0.84, 1.80, 0.68, 0.08),
            Section(1.500, 0.28, 0.860, 1.13, 0.84, 1.82, 0.68, 0.10),
            Section(1.760, 0.28, 0.860, 1.13, 0.83, 1.78, 0.68, 0.09),
            Section(1.960, 0.28, 0.850, 1.12, 0.82, 1.55, 0.70, 0.06),
            Section(2.110, 0.29, 0.830, 1.09, 0.80, 1.22, 0.72, 0.03),
            Section(2.200, 0.32, 0.770, 0.98, 0.74, 1.08, 0.64, 0.02),
            Section(2.250, 0.38, 0.680, 0.82, 0.64, 0.92, 0.52, 0.01),
        ),
        axles_x=(-1.15, 1.25),
        wheel_radius_m=0.32,
        side_windows=((-2.02, -1.22), (-1.12, -0.32), (-0.22, 0.58), (0.70, 1.72)),
        top_windows=((1.79, 2.09),),
    ),
    Details(
        track_m=1.38,
        mirror=(1.80, 1.24, 0.96),
        head=Patch((2.2, 0.60, 0.78), 10.0, 0.22, 0.22),
        tail=Patch((-2.2, 0.66, 0.84), 170.0, 0.13, 0.34),
        middle=(
            Patch((2.25, 0.0, 0.46), 0.0, 1.30, 0.10, finish=STEEL),
            *MICROBUS_REAR,
        ),
        sides=(Patch((-0.1, 0.0, 1.03), 90.0, 3.9, 0.04, finish=STEEL),),
        front_plate_z=0.60,
        rear_plate_z=0.70,
        seams=(-0.27, 0.64, 1.74),
        wheel_width_m=0.185,
    ),
)

BUBBLE = Silhouette(
    Shell(
        sections=(
            Section(-1.260, 0.40, 0.38, 0.64, 0.36, 0.76, 0.30, 0.01),
            Section(-1.220, 0.34, 0.50, 0.76, 0.48, 0.92, 0.39, 0.02),
            Section(-1.080, 0.27, 0.61, 0.83, 0.57, 1.12, 0.44, 0.03),
            Section(-0.800, 0.22, 0.69, 0.88, 0.64, 1.32, 0.48, 0.04),
            Section(-0.350, 0.19, 0.73, 0.90, 0.69, 1.44, 0.50, 0.05),
            Section(0.150, 0.18, 0.735, 0.90, 0.70, 1.45, 0.50, 0.05),
            Section(0.500, 0.18, 0.735, 0.89, 0.69, 1.36, 0.51, 0.045),
            Section(0.850, 0.20, 0.700, 0.87, 0.66, 1.08, 0.50, 0.04),
            Section(1.080, 0.24, 0.620, 0.80, 0.58, 0.88, 0.46, 0.03),
            Section(1.200, 0.28, 0.500, 0.68, 0.46, 0.74, 0.36, 0.02),
            Section(1.260, 0.34, 0.340, 0.54, 0.31, 0.59, 0.24, 0.01),
        ),
        axles_x=(-0.80, 0.766),
        wheel_radius_m=0.27,
        side_windows=((-0.78, -0.12), (-0.05, 0.62)),
        top_windows=((-1.10, -0.84), (0.44, 0.98)),
    ),
    Details(
        track_m=1.23,
        mirror=(0.62, 0.98, 0.86),
        head=Patch((1.1, 0.50, 0.72), 36.0, 0.17, 0.17),
        tail=Patch((-1.1, 0.44, 0.70), 150.0, 0.10, 0.18),
        middle=(Patch((1.26, 0.0, 0.60), 0.0, 0.90, 0.035, finish=STEEL),),
        front_plate_z=0.46,
        rear_plate_z=0.55,
        wheel_width_m=0.145,
    ),
)

WEDGE = Silhouette(
    Shell(
        sections=(
            Section(-2.840, 0.50, 0.94, 1.14, 0.90, 1.24, 0.84, 0.000),
            Section(-2.800, 0.42, 0.98, 1.17, 0.95, 1.26, 0.87, 0.000),
            Section(-1.600, 0.37, 1.000, 1.17, 0.97, 1.450, 0.80, 0.004),
            Section(-0.600, 0.35, 1.000, 1.15, 0.97, 1.620, 0.70, 0.006),
            Section(0.280, 0.34, 1.000, 1.13, 0.97, 1.770, 0.60, 0.008),
            Section(0.340, 0.34, 1.000, 1.13, 0.97, 1.770, 0.60, 0.008),
            Section(1.000, 0.34, 1.000, 1.10, 0.965, 1.545, 0.69, 0.006),
            Section(1.700, 0.34, 1.000, 1.06, 0.955, 1.300, 0.78, 0.004),
            Section(2.450, 0.37, 0.975, 0.99, 0.920, 1.040, 0.85, 0.002),
            Section(2.780, 0.44, 0.900, 0.88, 0.850, 0.930, 0.80, 0.000),
            Section(2.840, 0.52, 0.820, 0.80, 0.780, 0.850, 0.74, 0.000),
        ),
        axles_x=(-1.80, 1.835),
        wheel_radius_m=0.44,
        side_windows=((-0.75, 0.26), (0.34, 1.55)),
        top_windows=((0.36, 2.00),),
        finish=_BRUSHED,
        cladding=True,
        arch_gap_m=0.07,
    ),
    Details(
        track_m=1.72,
        mirror=(1.42, 1.20, 1.20),
        head=Patch((2.8, 0.66, 0.86), 8.0, 0.44, 0.035),
        tail=Patch((-2.8, 0.52, 1.12), 180.0, 0.80, 0.045),
        middle=(
            Patch((2.82, 0.0, 0.60), 0.0, 1.50, 0.16, finish=PLASTIC),
            Patch((-2.84, 0.0, 0.58), 180.0, 1.60, 0.14, finish=PLASTIC),
            Patch((-2.84, 0.0, 0.90), 180.0, 1.24, 0.012, finish=_SLOT),
        ),
        front_plate_z=0.66,
        rear_plate_z=0.72,
        seams=(-0.72, 0.30, 1.36),
        wheel_width_m=0.285,
    ),
)

OPEN_FOUR_WHEELER = Silhouette(
    Shell(
        sections=(
            Section(-1.900, 0.56, 0.78, 1.04, 0.76, 1.62, 0.69, 0.010),
            Section(-1.870, 0.50, 0.80, 1.10, 0.78, 1.74, 0.70, 0.015),
            Section(-1.760, 0.46, 0.805, 1.11, 0.79, 1.77, 0.705, 0.020),
            Section(0.100, 0.44, 0.805, 1.11, 0.79, 1.78, 0.71, 0.024),
            Section(0.280, 0.44, 0.805, 1.11, 0.79, 1.75, 0.71, 0.024),
            Section(0.560, 0.44, 0.795, 1.12, 0.78, 1.26, 0.715, 0.020),
            Section(0.640, 0.46, 0.770, 1.11, 0.755, 1.15, 0.69, 0.020),
            Section(1.000, 0.50, 0.700, 1.08, 0.685, 1.12, 0.61, 0.026),
            Section(1.760, 0.54, 0.610, 1.05, 0.600, 1.09, 0.52, 0.024),
            Section(1.800, 0.56, 0.600, 1.03, 0.590, 1.07, 0.50, 0.010),
        ),
        axles_x=(-1.15, 1.25),
        wheel_radius_m=0.40,
        side_windows=((-1.76, -0.72), (-0.60, 0.50)),
        top_windows=((0.30, 0.60),),
        cladding=True,
        arch_gap_m=0.07,
    ),
    Details(
        track_m=1.56,
        mirror=(0.46, 1.20, 0.93),
        head=Patch((1.8, 0.44, 0.90), 0.0, 0.19, 0.19),
        tail=Patch((-1.9, 0.70, 0.92), 178.0, 0.13, 0.22),
        middle=(
            *(Patch((1.8, y, 0.88), 0.0, 0.045, 0.24, finish=_SLOT) for y in (0.0, 0.08, 0.16, 0.24)),
            Patch((-1.9, 0.0, 1.42), 180.0, 1.16, 0.42, finish=GLASS),
        ),
        front_plate_z=None,
        rear_plate_z=None,
        seams=(-0.66, 0.36),
        wheel_width_m=0.255,
    ),
)
