"""Rears of cars, vans, a box truck and a bus, and the face of the bus: windows, gaps, bumpers, plates.

Each is a row of patches of `Details.middle`, in the frame and the measures of the shell that it lies on, and in the
order in which they lie on each other. Lamps and number plates are laid over them.
"""

from __future__ import annotations

from av_synth.simulator.bodies.shapes import CHROME, DARK, GLASS, PLASTIC, STEEL, Finish
from av_synth.simulator.bodies.vehicles import GAP, Patch
from av_synth.simulator.scene import Material

_BEHIND = 180.0  # degrees: what faces back
_THIN_M = 0.003  # so that what lies on what lies on the skin is no further out than a lamp
_GAP_M = 0.014
_REFLECTOR = Finish(Material.RETRO, (112, 14, 18))
_HIGH_LAMP = Finish(Material.MATTE, (112, 14, 16))  # the third brake lamp, which is not on with the tail lamps
_DIGIT = Finish(Material.MATTE, (240, 160, 40))
_WHITE_BAND = Finish(Material.RETRO, (214, 214, 208))


def _on(
    x: float,
    z: float,
    width_m: float,
    height_m: float,
    finish: Finish,
    *,
    y: float = 0.0,
    upper: float = 1.0,
    slant_m: float = 0.0,
    quads: tuple[int, int] = (1, 1),
) -> Patch:
    """A patch that faces back; one beside the middle line is on both sides of it."""
    return Patch((x, y, z), _BEHIND, width_m, height_m, slant_m, finish, _THIN_M, upper, quads)


def _window(
    x: float,
    z: float,
    width_m: float,
    height_m: float,
    *,
    y: float = 0.0,
    upper: float = 1.0,
    frame_m: float = 0.04,
    quads: tuple[int, int] = (4, 2),
) -> tuple[Patch, ...]:
    """A pane in a black frame."""
    wide, high = width_m + 2 * frame_m, height_m + 2 * frame_m
    return (
        _on(x, z, wide, high, DARK, y=y, upper=upper, quads=quads),
        _on(x, z, width_m, height_m, GLASS, y=y, upper=upper, quads=quads),
    )


def _gaps(x: float, low: float, high: float, half_m: float, *, across: tuple[float, ...] = ()) -> tuple[Patch, ...]:
    """Upright gaps on both sides, and level ones between them at heights `across`."""
    upright = _on(x, (low + high) / 2, _GAP_M, high - low, GAP, y=half_m, quads=(1, 4))
    return (upright, *(_on(x, z, 2 * half_m, _GAP_M, GAP, quads=(6, 1)) for z in across))


def _bumper(x: float, z: float, width_m: float, height_m: float, reflector_y: float) -> tuple[Patch, ...]:
    """Dark plastic around the corners, a red reflector on either side."""
    return (
        _on(x, z, width_m, height_m, PLASTIC, quads=(8, 1)),
        _on(x, z - 0.25 * height_m, 0.13, 0.03, _REFLECTOR, y=reflector_y),
    )


def _plate_recess(x: float, z: float) -> tuple[Patch, ...]:
    """The dark edge of the hollow for a number plate at `z`, and the strip above it that its lamps are in."""
    return (
        *(_on(x, z + up, 0.604, 0.025, PLASTIC, quads=(2, 1)) for up in (-0.072, 0.072)),
        _on(x, z, 0.05, 0.119, PLASTIC, y=0.277),
        _on(x, z + 0.098, 0.52, 0.022, CHROME, quads=(2, 1)),
    )


SALOON_REAR = (
    *_bumper(-2.3, 0.45, 1.44, 0.15, 0.56),
    *_plate_recess(-2.3, 0.62),
    _on(-1.0, 1.355, 0.30, 0.022, _HIGH_LAMP, quads=(2, 1)),
)

HATCHBACK_REAR = (
    *_bumper(-2.0, 0.38, 1.60, 0.17, 0.54),
    *_plate_recess(-2.0, 0.66),
    _on(-1.9, 1.07, 0.46, 0.02, PLASTIC, slant_m=0.05, quads=(3, 1)),  # wiper
    _on(-1.7, 1.395, 0.36, 0.03, _HIGH_LAMP, quads=(2, 1)),
)

FOUR_WHEEL_DRIVE_REAR = (
    *_bumper(-2.29, 0.59, 1.72, 0.24, 0.58),
    _on(-2.29, 0.515, 0.74, 0.06, STEEL, quads=(2, 1)),
    *_window(-2.25, 1.40, 1.18, 0.46, upper=0.94, quads=(6, 4)),
    _on(-2.25, 1.20, 0.52, 0.022, PLASTIC, slant_m=0.08, quads=(3, 1)),  # wiper
    _on(-2.25, 1.67, 0.34, 0.03, _HIGH_LAMP, quads=(2, 1)),
    *_plate_recess(-2.29, 0.90),
    *_gaps(-2.29, 0.74, 1.12, 0.585, across=(0.745,)),
)

MICROBUS_REAR = (
    *_window(-2.2, 1.37, 1.10, 0.42, upper=0.93, quads=(6, 3)),
    _on(-2.2, 1.19, 0.44, 0.02, PLASTIC, slant_m=0.06, quads=(3, 1)),  # wiper
    *_gaps(-2.2, 0.56, 1.10, 0.52, across=(1.08,)),  # of the engine lid, with the tailgate above it
    _on(-2.2, 1.12, 0.20, 0.04, STEEL),
    *_plate_recess(-2.2, 0.70),
    _on(-2.25, 0.48, 1.40, 0.13, PLASTIC, quads=(8, 1)),
    _on(-2.25, 0.49, 1.36, 0.05, STEEL, quads=(8, 1)),
    _on(-2.25, 0.575, 0.12, 0.045, _REFLECTOR, y=0.44),
)

VAN_REAR = (
    *_bumper(-2.95, 0.54, 1.80, 0.20, 0.62),
    _on(-2.95, 0.63, 0.70, 0.03, DARK),  # step
    *_gaps(-2.95, 0.67, 2.36, 0.65, across=(0.67, 2.36)),
    _on(-2.95, 1.515, 0.025, 1.69, GAP, quads=(1, 4)),  # between the doors
    *_window(-2.95, 1.84, 0.50, 0.66, y=0.325, upper=0.96, quads=(2, 2)),
    *(_on(-2.95, z, 0.10, 0.06, DARK, y=0.69) for z in (1.50, 2.20)),  # hinges
    _on(-2.95, 1.22, 0.24, 0.06, DARK),  # handle
    *_plate_recess(-2.95, 0.84),
    _on(-2.95, 2.405, 0.34, 0.035, _HIGH_LAMP),
)

BOX_TRUCK_REAR = (
    _on(-2.6, 0.74, 2.14, 0.27, PLASTIC, quads=(4, 1)),  # sill of the box, with lamps and plate
    _on(-2.6, 0.66, 0.14, 0.05, _REFLECTOR, y=0.56),
    *_gaps(-2.6, 0.92, 2.34, 0.99, across=(0.92, 2.34)),
    _on(-2.6, 1.63, 0.03, 1.42, GAP),  # between the doors
    *(_on(-2.6, 1.63, 0.045, 1.46, STEEL, y=y) for y in (0.20, 0.74)),  # locking rods
    *(_on(-2.6, 1.25, 0.24, 0.06, DARK, y=y) for y in (0.20, 0.74)),  # and their handles
    *(_on(-2.6, z, 0.14, 0.07, STEEL, y=0.95) for z in (1.10, 1.63, 2.16)),  # hinges
    _on(-2.6, 1.00, 0.34, 0.06, _REFLECTOR, y=0.52),
    _on(-2.6, 1.00, 0.34, 0.06, _WHITE_BAND, y=0.18),
    _on(-2.6, 2.375, 0.12, 0.04, _HIGH_LAMP, y=0.90),
)

_LOUVRES = tuple(0.92 + 0.085 * k for k in range(6))

BUS_REAR = (
    *_bumper(-5.1, 0.605, 2.30, 0.248, 0.80),
    *_window(-5.1, 2.10, 2.06, 0.86, frame_m=0.06, upper=0.97, quads=(8, 2)),
    _on(-5.1, 2.775, 1.30, 0.28, DARK, quads=(2, 1)),  # line number
    *(_on(-5.1, 2.775, 0.05, 0.18, _DIGIT, y=y) for y in (0.08, 0.24)),
    *_gaps(-5.1, 0.78, 1.52, 0.76, across=(0.78, 1.52)),  # of the engine flap
    *(_on(-5.1, z, 1.30, 0.045, DARK) for z in _LOUVRES),
    _on(-5.1, 1.57, 0.44, 0.05, _HIGH_LAMP),
    _on(-5.1, 2.86, 0.10, 0.05, _HIGH_LAMP, y=0.96),
)

BUS_FRONT = (
    Patch((5.1, 0.0, 0.80), 0.0, 1.16, 0.13, proud_m=_THIN_M, quads=(4, 1)),  # grille between the lamps
    Patch((5.1, 0.0, 2.84), 0.0, 1.50, 0.28, proud_m=_THIN_M, quads=(4, 2)),  # line number
    *(Patch((5.1, y, 2.84), 0.0, 0.05, 0.18, finish=_DIGIT, proud_m=_THIN_M, quads=(1, 1)) for y in (0.08, 0.24)),
)
