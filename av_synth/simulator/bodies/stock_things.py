"""Stock props of CARLA that are loose or stand on a pavement: containers, litter, luggage, road works, machines.

Each is one row: what it is made of. Sizes are usual ones; CARLA's `size` attribute goes by the longest side.
"""

from __future__ import annotations

from itertools import pairwise

from av_synth.simulator.bodies.model import Body
from av_synth.simulator.bodies.pieces import Piece, ball, block, built, drum, rod, sheet
from av_synth.simulator.bodies.shapes import DARK, GLASS, PLASTIC, RUBBER, STEEL, Finish
from av_synth.simulator.scene import Material

_CARD = Finish(Material.MATTE, (166, 126, 80))
_TAPE = Finish(Material.MATTE, (196, 172, 130))
_GREEN = Finish(Material.MATTE, (44, 92, 62))
_BLUE = Finish(Material.MATTE, (40, 78, 140))
_RED = Finish(Material.MATTE, (192, 34, 32))
_ORANGE = Finish(Material.MATTE, (232, 84, 22))
_YELLOW = Finish(Material.MATTE, (236, 190, 40))
_WHITE = Finish(Material.MATTE, (236, 236, 232))
_GREY = Finish(Material.MATTE, (120, 122, 124))
_PAPER = Finish(Material.MATTE, (206, 202, 190))
_LEATHER = Finish(Material.MATTE, (92, 58, 36))
_TILE = Finish(Material.MATTE, (176, 112, 84))
_SOIL = Finish(Material.MATTE, (112, 92, 70))
_STONE = Finish(Material.MATTE, (150, 148, 142))
_RUST = Finish(Material.METAL, (128, 92, 70))

_Row = tuple[str, float, tuple[Piece, ...]]


def _box(length: float, width: float, height: float) -> tuple[Piece, ...]:
    a, b = length / 2, width / 2
    return (
        block((-a, -b, 0.0), (a, b, height), _CARD),
        block((-a - 0.002, -0.03, 0.3 * height), (a + 0.002, 0.03, height + 0.002), _TAPE),
    )


def _creased(length: float, width: float, height: float) -> tuple[Piece, ...]:
    """A box that was driven over: leaning sides and open flaps."""
    a, b = length / 2, width / 2
    return (
        sheet(((-a, -b), (a, -0.8 * b), (0.8 * a, b), (-0.9 * a, 0.9 * b)), (0.0, 0.55 * height), _CARD),
        sheet(
            ((-0.8 * a, -0.7 * b), (0.6 * a, -0.9 * b), (0.9 * a, 0.6 * b), (-0.6 * a, b)),
            (0.5 * height, height),
            _TAPE,
        ),
    )


def _bin(finish: Finish, radius: float, height: float) -> tuple[Piece, ...]:
    return (
        drum(((0.86 * radius, 0.0), (0.9 * radius, 0.03), (radius, 0.84 * height)), finish),
        drum(((1.05 * radius, 0.83 * height), (1.05 * radius, 0.87 * height), (0.5 * radius, height)), PLASTIC),
    )


def _square_bin(finish: Finish, half: float, height: float) -> tuple[Piece, ...]:
    return (
        block((-half, -half, 0.04), (half, half, 0.80 * height), finish),
        block((-0.8 * half, -0.8 * half, 0.0), (0.8 * half, 0.8 * half, 0.04), DARK),
        block((-half, -half, 0.92 * height), (half, half, height), finish),
        block((-0.75 * half, -0.75 * half, 0.80 * height), (0.75 * half, 0.75 * half, 0.92 * height), DARK),
    )


def _dumpster(finish: Finish, length: float, width: float, height: float) -> tuple[Piece, ...]:
    """A large container on four small wheels with a lid."""
    a, b = length / 2, width / 2
    wheels = tuple(
        rod((x, y - 0.03, 0.08), (x, y + 0.03, 0.08), 0.055, RUBBER)
        for x in (-0.75 * a, 0.75 * a)
        for y in (-0.75 * b, 0.75 * b)
    )
    return (
        *wheels,
        block((-0.9 * a, -0.85 * b, 0.14), (0.9 * a, 0.85 * b, 0.25), finish),
        block((-a, -b, 0.25), (a, b, 0.84 * height), finish),
        block((-a - 0.02, -b - 0.02, 0.84 * height), (a + 0.02, b + 0.02, 0.92 * height), PLASTIC),
        block((-0.9 * a, -0.8 * b, 0.92 * height), (0.9 * a, 0.8 * b, height), PLASTIC),
    )


def _bank(finish: Finish, half: float, height: float) -> tuple[Piece, ...]:
    """A bottle or clothes bank with a slot."""
    return (
        block((-half, -half, 0.0), (half, half, 0.85 * height), finish),
        block((-0.85 * half, -0.85 * half, 0.85 * height), (0.85 * half, 0.85 * half, height), finish),
        block((half, -0.5 * half, 0.66 * height), (half + 0.02, 0.5 * half, 0.78 * height), DARK),
        block((half, -0.6 * half, 0.30 * height), (half + 0.01, 0.6 * half, 0.55 * height), _WHITE),
    )


def _litter(*pieces: tuple[float, float, float, Finish]) -> tuple[Piece, ...]:
    """Flat scraps: x, y, half size, finish."""
    return tuple(
        sheet(
            ((x - h, y - 0.6 * h), (x + h, y - h), (x + 0.7 * h, y + h), (x - h, y + 0.8 * h)), (0.0, 0.2 * h), finish
        )
        for x, y, h, finish in pieces
    )


def _tiles(*places: tuple[float, float, float]) -> tuple[Piece, ...]:
    return tuple(
        sheet(
            ((x - h, y - 0.7 * h), (x + 0.8 * h, y - h), (x + h, y + 0.5 * h), (x - 0.3 * h, y + h)), (0.0, 0.05), _TILE
        )
        for x, y, h in places
    )


def _heap(radius: float, height: float, finish: Finish) -> tuple[Piece, ...]:
    r, z = radius, height
    stones = ((0.45, 0.2, 0.12), (-0.3, 0.4, 0.1), (0.1, -0.45, 0.11))
    return (
        drum(
            (
                (0.88 * r, 0.0),
                (r, 0.06 * z),
                (0.95 * r, 0.14 * z),
                (0.65 * r, 0.6 * z),
                (0.25 * r, 0.95 * z),
                (0.05 * r, z),
            ),
            finish,
        ),
        *(ball((x * r, y * r, 0.72 * z), (h * r, 0.8 * h * r, 0.6 * h * r), _STONE) for x, y, h in stones),
    )


def _cone(radius: float, height: float) -> tuple[Piece, ...]:
    bands = ((0.05, _ORANGE), (0.35, _WHITE), (0.55, _ORANGE), (0.75, _WHITE), (0.85, _ORANGE), (1.0, _ORANGE))
    pieces = [block((-1.3 * radius, -1.3 * radius, 0.0), (1.3 * radius, 1.3 * radius, 0.05 * height), RUBBER)]
    for (low, finish), (high, _) in pairwise(bands):
        pieces.append(drum(tuple((radius * (1 - 0.8 * z), z * height) for z in (low, high)), finish))
    return tuple(pieces)


def _warning(finish: Finish, sign: Finish, width: float, height: float) -> tuple[Piece, ...]:
    """A triangular sign on a folding stand that faces +x."""
    half = width / 2
    return (
        rod((-0.25, -0.8 * half, 0.02), (0.25, -0.8 * half, 0.02), 0.02, PLASTIC),
        rod((-0.25, 0.8 * half, 0.02), (0.25, 0.8 * half, 0.02), 0.02, PLASTIC),
        rod((0.0, -0.8 * half, 0.02), (0.0, 0.8 * half, 0.02), 0.02, PLASTIC),
        rod((0.0, 0.0, 0.02), (0.0, 0.0, 0.4 * height), 0.02, STEEL),
        sheet(((-half, 0.25 * height), (half, 0.25 * height), (0.0, height)), (-0.012, 0.012), finish, upright=True),
        sheet(
            (
                (-0.62 * half, 0.25 * height + 0.12 * width),
                (0.62 * half, 0.25 * height + 0.12 * width),
                (0.0, height - 0.24 * width),
            ),
            (0.012, 0.018),
            sign,
            upright=True,
        ),
    )


def _case(length: float, width: float, height: float, finish: Finish) -> tuple[Piece, ...]:
    a, b, handle = length / 2, width / 2, 0.06
    return (
        block((-a, -b, 0.0), (a, b, height), finish),
        block((-a - 0.004, -b - 0.004, 0.46 * height), (a + 0.004, b + 0.004, 0.54 * height), DARK),
        block((-0.25 * a, -0.2 * b, height), (-0.18 * a, 0.2 * b, height + handle), DARK),
        block((0.18 * a, -0.2 * b, height), (0.25 * a, 0.2 * b, height + handle), DARK),
        block((-0.25 * a, -0.2 * b, height + handle), (0.25 * a, 0.2 * b, height + handle + 0.015), DARK),
    )


def _bag(length: float, width: float, height: float, finish: Finish) -> tuple[Piece, ...]:
    a, b = length / 2, width / 2
    return (
        block((-a, -b, 0.0), (a, b, 0.75 * height), finish),
        rod((-0.5 * a, 0.0, 0.75 * height), (0.0, 0.0, height - 0.008), 0.008, DARK),
        rod((0.5 * a, 0.0, 0.75 * height), (0.0, 0.0, height - 0.008), 0.008, DARK),
    )


_ROWS: tuple[_Row, ...] = (
    # containers
    ("bin", 22.0, _dumpster(_GREEN, 0.72, 0.56, 1.06)),
    ("container", 120.0, _dumpster(_GREEN, 1.36, 1.06, 1.36)),
    ("clothcontainer", 160.0, _bank(_BLUE, 0.58, 1.90)),
    (
        "glasscontainer",
        150.0,
        (
            drum(((0.62, 0.0), (0.66, 0.08), (0.66, 1.10), (0.45, 1.46), (0.12, 1.60)), _GREEN),
            drum(((0.10, 1.60), (0.10, 1.66)), STEEL),
            ball((0.62, 0.0, 1.05), (0.06, 0.14, 0.14), DARK),
        ),
    ),
    ("box02", 8.0, _box(0.70, 0.50, 0.50)),
    ("box03", 4.0, _box(0.45, 0.35, 0.30)),
    ("creasedbox01", 3.0, _creased(0.62, 0.48, 0.26)),
    ("creasedbox02", 3.0, _creased(0.72, 0.40, 0.18)),
    ("creasedbox03", 2.0, _creased(0.46, 0.42, 0.30)),
    ("trashcan02", 16.0, _bin(_GREY, 0.27, 0.82)),
    ("trashcan03", 26.0, _square_bin(_GREEN, 0.25, 1.05)),
    ("trashcan04", 24.0, _square_bin(_GREY, 0.22, 0.95)),
    ("trashcan05", 14.0, _bin(_BLUE, 0.24, 0.72)),
    # litter
    (
        "colacan",
        0.02,
        (
            drum(((0.028, 0.0), (0.033, 0.008), (0.033, 0.108), (0.027, 0.120)), _RED),
            drum(((0.025, 0.120), (0.025, 0.122)), STEEL),
        ),
    ),
    ("garbage01", 1.0, _litter((0.0, 0.0, 0.16, _PAPER), (0.24, 0.10, 0.10, _CARD), (-0.20, 0.16, 0.12, _WHITE))),
    ("garbage02", 1.0, _litter((0.05, 0.0, 0.20, _CARD), (-0.22, -0.10, 0.09, _PAPER))),
    ("garbage03", 1.0, _litter((0.0, 0.06, 0.12, _WHITE), (0.20, -0.12, 0.13, _PAPER), (-0.18, -0.10, 0.08, _RED))),
    ("garbage04", 1.0, (*_litter((0.0, 0.0, 0.14, _PAPER)), drum(((0.04, 0.0), (0.05, 0.14)), _WHITE))),
    (
        "garbage05",
        1.0,
        (
            *_litter((0.10, 0.05, 0.15, _CARD), (-0.15, 0.0, 0.10, _PAPER)),
            rod((-0.2, 0.15, 0.04), (0.05, 0.18, 0.04), 0.035, _GREEN),
        ),
    ),
    ("garbage06", 1.0, (ball((0.0, 0.0, 0.09), (0.14, 0.12, 0.09), DARK), *_litter((0.2, 0.1, 0.10, _PAPER)))),
    (
        "plasticbag",
        0.1,
        (ball((0.0, 0.0, 0.11), (0.15, 0.11, 0.11), _WHITE), drum(((0.03, 0.20), (0.07, 0.26)), _WHITE)),
    ),
    (
        "platformgarbage01",
        60.0,
        (
            *(block((-0.6, y - 0.07, 0.0), (0.6, y + 0.07, 0.10), _TAPE) for y in (-0.33, 0.0, 0.33)),
            *(block((x - 0.07, -0.4, 0.10), (x + 0.07, 0.4, 0.13), _TAPE) for x in (-0.53, -0.27, 0.0, 0.27, 0.53)),
            block((-0.45, -0.3, 0.13), (0.1, 0.2, 0.55), _CARD),
            ball((0.32, 0.05, 0.33), (0.22, 0.24, 0.20), DARK),
            block((-0.1, -0.3, 0.55), (0.08, 0.1, 0.72), _TAPE),
        ),
    ),
    # what people carry
    ("shoppingbag", 2.0, _bag(0.34, 0.16, 0.46, _TAPE)),
    ("purse", 0.8, _bag(0.30, 0.12, 0.34, _LEATHER)),
    (
        "shoppingtrolley",
        6.0,
        (
            block((-0.16, -0.19, 0.12), (0.16, 0.19, 0.70), _RED),
            block((-0.17, -0.2, 0.66), (0.17, 0.2, 0.72), DARK),
            rod((-0.16, -0.17, 0.09), (-0.16, -0.13, 0.09), 0.07, RUBBER),
            rod((-0.16, 0.13, 0.09), (-0.16, 0.17, 0.09), 0.07, RUBBER),
            rod((-0.18, -0.16, 0.1), (-0.22, -0.16, 0.98), 0.012, STEEL),
            rod((-0.18, 0.16, 0.1), (-0.22, 0.16, 0.98), 0.012, STEEL),
            rod((-0.22, -0.17, 0.98), (-0.22, 0.17, 0.98), 0.018, RUBBER),
            block((0.10, -0.15, 0.0), (0.14, 0.15, 0.12), STEEL),
        ),
    ),
    ("briefcase", 4.0, _case(0.44, 0.11, 0.32, _LEATHER)),
    ("travelcase", 14.0, (*_case(0.46, 0.27, 0.68, _BLUE), rod((-0.15, 0.1, 0.0), (0.15, 0.1, 0.0), 0.02, RUBBER))),
    (
        "guitarcase",
        5.0,
        (
            sheet(
                (
                    (-0.20, 0.0),
                    (0.20, 0.0),
                    (0.22, 0.22),
                    (0.13, 0.38),
                    (0.17, 0.52),
                    (0.10, 0.64),
                    (-0.10, 0.64),
                    (-0.17, 0.52),
                    (-0.22, 0.22),
                ),
                (-0.06, 0.06),
                DARK,
                upright=True,
            ),
            sheet(((-0.06, 0.62), (0.06, 0.62), (0.08, 1.02), (-0.08, 1.02)), (-0.05, 0.05), DARK, upright=True),
        ),
    ),
    (
        "bike helmet",
        0.3,
        (ball((0.0, 0.0, 0.08), (0.14, 0.10, 0.08), _WHITE), block((0.08, -0.05, 0.0), (0.15, 0.05, 0.03), DARK)),
    ),
    (
        "motorhelmet",
        1.5,
        (ball((0.0, 0.0, 0.13), (0.15, 0.125, 0.13), _RED), ball((0.06, 0.0, 0.14), (0.10, 0.11, 0.06), GLASS)),
    ),
    (
        "mobile",
        0.2,
        (
            block((-0.075, -0.036, 0.0), (0.075, 0.036, 0.008), DARK),
            block((-0.068, -0.033, 0.008), (0.068, 0.033, 0.009), GLASS),
        ),
    ),
    # road works and debris
    ("constructioncone", 5.0, _cone(0.15, 0.75)),
    ("trafficcone02", 3.0, _cone(0.11, 0.50)),
    (
        "ironplank",
        90.0,
        (block((-1.2, -0.6, 0.0), (1.2, 0.6, 0.025), _RUST), block((-1.1, -0.1, 0.025), (-0.9, 0.1, 0.035), STEEL)),
    ),
    ("warningconstruction", 12.0, _warning(_RED, _YELLOW, 0.90, 1.25)),
    (
        "trafficwarning",
        60.0,
        (
            block((-0.55, -0.45, 0.0), (0.55, 0.45, 0.10), DARK),
            block((-0.4, -0.4, 0.10), (0.4, 0.4, 0.60), _YELLOW),
            rod((0.0, 0.0, 0.6), (0.0, 0.0, 1.4), 0.05, STEEL),
            block((-0.03, -0.75, 1.30), (0.05, 0.75, 2.20), DARK),
            *(
                ball((0.06, y, z), (0.02, 0.06, 0.06), _YELLOW)
                for y, z in (
                    (-0.5, 1.75),
                    (-0.25, 1.75),
                    (0.0, 1.75),
                    (0.25, 1.75),
                    (0.5, 1.75),
                    (0.3, 1.95),
                    (0.3, 1.55),
                )
            ),
        ),
    ),
    ("warningaccident", 3.0, _warning(_RED, _WHITE, 0.45, 0.46)),
    ("brokentile01", 4.0, _tiles((0.0, 0.0, 0.22), (0.30, 0.18, 0.12))),
    ("brokentile02", 4.0, _tiles((0.0, 0.05, 0.18), (-0.28, -0.15, 0.14), (0.26, -0.1, 0.09))),
    ("brokentile03", 3.0, _tiles((0.05, 0.0, 0.15), (-0.2, 0.12, 0.12))),
    ("brokentile04", 3.0, _tiles((0.0, 0.0, 0.25), (0.1, 0.32, 0.08))),
    ("dirtdebris02", 80.0, _heap(0.85, 0.45, _SOIL)),
    ("dirtdebris03", 50.0, _heap(0.60, 0.30, _STONE)),
)


def stock_things() -> list[Body]:
    """All of them."""
    return [built(name, mass_kg, pieces) for name, mass_kg, pieces in _ROWS]
