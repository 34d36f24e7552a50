"""Stock props of CARLA for parks and gardens: tables and chairs, things to play on, plants in pots.

Each is one row: what it is made of. Sizes are usual ones.
"""

from __future__ import annotations

from av_synth.simulator.bodies.model import Body
from av_synth.simulator.bodies.pieces import Piece, ball, block, built, drum, rod, sheet
from av_synth.simulator.bodies.shapes import DARK, PLASTIC, STEEL, Finish
from av_synth.simulator.scene import Material

_WOOD = Finish(Material.MATTE, (134, 92, 58))
_PALE_WOOD = Finish(Material.MATTE, (176, 138, 92))
_STONE = Finish(Material.MATTE, (168, 164, 154))
_TERRACOTTA = Finish(Material.MATTE, (168, 92, 62))
_LEAF, _DARK_LEAF = Finish(Material.FOLIAGE, (64, 112, 50)), Finish(Material.FOLIAGE, (44, 82, 44))
_BLOSSOM = Finish(Material.FOLIAGE, (196, 90, 120))
_RED, _BLUE = Finish(Material.MATTE, (192, 34, 32)), Finish(Material.MATTE, (40, 78, 150))
_WHITE = Finish(Material.MATTE, (236, 236, 232))
_GREEN, _GREY = Finish(Material.MATTE, (44, 92, 62)), Finish(Material.MATTE, (120, 122, 124))
_STRAW, _CLOTH = Finish(Material.MATTE, (206, 172, 92)), Finish(Material.MATTE, (196, 196, 206))
_IRON = Finish(Material.METAL, (70, 74, 78))

_Row = tuple[str, float, tuple[Piece, ...]]


def _table(length: float, width: float, height: float, finish: Finish) -> tuple[Piece, ...]:
    a, b = length / 2, width / 2
    legs = [(x, y) for x in (-0.86 * a, 0.86 * a) for y in (-0.84 * b, 0.84 * b)]
    return (
        block((-a, -b, height - 0.04), (a, b, height), finish),
        *(rod((x, y, 0.025), (x, y, height - 0.05), 0.025, finish) for x, y in legs),
    )


def _pot(radius: float, height: float, finish: Finish, *plants: Piece) -> tuple[Piece, ...]:
    profile = ((0.72 * radius, 0.0), (0.9 * radius, 0.7 * height), (radius, 0.75 * height), (radius, height))
    return (drum(profile, finish), *plants)


def _trough(length: float, width: float, height: float, finish: Finish, leaf: Finish) -> tuple[Piece, ...]:
    a, b = length / 2, width / 2
    tops = (-0.66, -0.22, 0.22, 0.66)
    return (
        block((-b, -a, 0.0), (b, a, height), finish),
        *(ball((0.0, y * a, height + 0.1), (0.8 * b, 0.30 * a, 0.24), leaf) for y in tops),
    )


def _bush(z: float, radius: float, leaf: Finish) -> tuple[Piece, ...]:
    r = radius
    spots = ((0.0, 0.0, 0.0), (0.45, 0.2, -0.2), (-0.35, 0.4, -0.15), (-0.2, -0.45, -0.2), (0.1, 0.0, 0.4))
    return tuple(ball((x * r, y * r, z + dz * r), (0.7 * r, 0.7 * r, 0.62 * r), leaf) for x, y, dz in spots)


def _frame(half: float, height: float, spread: float, finish: Finish) -> tuple[Piece, ...]:
    """Two pairs of leaning legs with a bar across, along y."""
    legs = tuple(
        rod((x, y, 0.035), (0.0, y, height - 0.05), 0.035, finish) for y in (-half, half) for x in (-spread, spread)
    )
    return (*legs, rod((0.0, -half, height - 0.04), (0.0, half, height - 0.04), 0.04, finish))


_ROWS: tuple[_Row, ...] = (
    (
        "table",
        45.0,
        (
            *_table(1.80, 0.75, 0.75, _WOOD),
            block((-0.9, 0.62, 0.42), (0.9, 0.90, 0.46), _WOOD),
            block((-0.9, -0.90, 0.42), (0.9, -0.62, 0.46), _WOOD),
            *(block((x - 0.04, -0.90, 0.34), (x + 0.04, 0.90, 0.42), _WOOD) for x in (-0.6, 0.6)),
            *(
                block((x - 0.04, y - 0.04, 0.0), (x + 0.04, y + 0.04, 0.34), _WOOD)
                for x in (-0.6, 0.6)
                for y in (-0.74, 0.74)
            ),
        ),
    ),
    ("plastictable", 8.0, _table(0.90, 0.90, 0.72, _WHITE)),
    (
        "plasticchair",
        3.0,
        (
            *_table(0.46, 0.48, 0.44, _WHITE),
            block((-0.24, -0.24, 0.44), (-0.20, 0.24, 0.86), _WHITE),
            *(block((-0.22, y - 0.025, 0.62), (0.20, y + 0.025, 0.65), _WHITE) for y in (-0.235, 0.235)),
            *(block((0.16, y - 0.02, 0.44), (0.20, y + 0.02, 0.62), _WHITE) for y in (-0.235, 0.235)),
        ),
    ),
    (
        "gardenlamp",
        8.0,
        (
            drum(((0.09, 0.0), (0.09, 0.04), (0.03, 0.06), (0.03, 0.70)), _IRON),
            drum(((0.09, 0.70), (0.11, 0.74), (0.11, 0.92)), _WHITE),
            drum(((0.15, 0.92), (0.13, 0.96), (0.02, 1.04)), _IRON),
        ),
    ),
    (
        "pergola",
        400.0,
        (
            *(
                block((x - 0.07, y - 0.07, 0.0), (x + 0.07, y + 0.07, 2.30), _WOOD)
                for x in (-1.4, 1.4)
                for y in (-1.4, 1.4)
            ),
            *(block((x - 0.05, -1.7, 2.30), (x + 0.05, 1.7, 2.46), _WOOD) for x in (-1.4, 1.4)),
            *(
                block((-1.7, y - 0.03, 2.46), (1.7, y + 0.03, 2.58), _PALE_WOOD)
                for y in (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
            ),
        ),
    ),
    (
        "swing",
        60.0,
        (
            *_frame(1.30, 2.20, 0.80, _RED),
            *(
                piece
                for y in (-0.6, 0.6)
                for piece in (
                    rod((0.0, y - 0.2, 0.5), (0.0, y - 0.2, 2.14), 0.008, STEEL),
                    rod((0.0, y + 0.2, 0.5), (0.0, y + 0.2, 2.14), 0.008, STEEL),
                    block((-0.1, y - 0.24, 0.46), (0.1, y + 0.24, 0.50), DARK),
                )
            ),
        ),
    ),
    (
        "swingcouch",
        50.0,
        (
            *_frame(1.00, 1.80, 0.55, _GREEN),
            block((-0.28, -0.80, 0.46), (0.28, 0.80, 0.56), _CLOTH),
            block((-0.34, -0.80, 0.50), (-0.26, 0.80, 1.00), _CLOTH),
            *(rod((0.0, y, 0.52), (0.0, y, 1.74), 0.012, STEEL) for y in (-0.82, 0.82)),
            block((-0.60, -1.05, 1.80), (0.60, 1.05, 1.86), _GREEN),
        ),
    ),
    (
        "slide",
        70.0,
        (
            *(rod((-0.9, y, 0.04), (-0.7, y, 1.60), 0.03, _BLUE) for y in (-0.25, 0.25)),
            *(
                rod((-0.9 + 0.14 * k, -0.25, 0.25 + 0.27 * k), (-0.9 + 0.14 * k, 0.25, 0.25 + 0.27 * k), 0.02, _BLUE)
                for k in range(5)
            ),
            block((-0.72, -0.27, 1.22), (-0.30, 0.27, 1.28), _RED),
            *(rod((-0.3, y, 1.25), (1.5, y, 0.20), 0.05, _RED) for y in (-0.22, -0.11, 0.0, 0.11, 0.22)),
            *(rod((-0.35, y, 0.04), (-0.35, y, 1.22), 0.03, _BLUE) for y in (-0.25, 0.25)),
            *(rod((1.3, y, 0.04), (1.3, y, 0.30), 0.03, _BLUE) for y in (-0.2, 0.2)),
        ),
    ),
    (
        "trampoline",
        60.0,
        (
            drum(((1.45, 0.66), (1.50, 0.68), (1.50, 0.74), (1.25, 0.75)), _BLUE),
            drum(((1.22, 0.75), (1.22, 0.755)), DARK),
            *(
                rod((1.35 * x, 1.35 * y, 0.03), (1.35 * x, 1.35 * y, 0.68), 0.03, STEEL)
                for x, y in ((1, 0), (0.5, 0.87), (-0.5, 0.87), (-1, 0), (-0.5, -0.87), (0.5, -0.87))
            ),
        ),
    ),
    (
        "barbeque",
        25.0,
        (
            *(
                rod((x, y, 0.02), (0.5 * x, 0.5 * y, 0.70), 0.02, STEEL)
                for x, y in ((0.32, 0.0), (-0.2, 0.28), (-0.2, -0.28))
            ),
            drum(((0.10, 0.66), (0.24, 0.72), (0.30, 0.86)), DARK),
            drum(((0.30, 0.86), (0.27, 0.98), (0.14, 1.06), (0.03, 1.08)), _RED),
            block((-0.03, -0.06, 1.08), (0.03, 0.06, 1.12), _WOOD),
        ),
    ),
    (
        "clothesline",
        20.0,
        (
            *(rod((0.0, y, 0.03), (0.0, y, 1.80), 0.03, STEEL) for y in (-1.5, 1.5)),
            *(rod((-0.5, y, 1.80), (0.5, y, 1.80), 0.02, STEEL) for y in (-1.5, 1.5)),
            *(rod((x, -1.5, 1.80), (x, 1.5, 1.80), 0.006, _WHITE) for x in (-0.45, 0.0, 0.45)),
            block((-0.47, -1.1, 0.95), (-0.43, -0.3, 1.80), _WHITE),
            block((0.43, 0.0, 1.05), (0.47, 0.9, 1.80), _BLUE),
        ),
    ),
    (
        "doghouse",
        45.0,
        (
            block((-0.55, -0.42, 0.05), (0.55, 0.42, 0.62), _WOOD),
            block((-0.5, -0.38, 0.0), (0.5, 0.38, 0.05), DARK),
            block((0.55, -0.20, 0.06), (0.56, 0.20, 0.50), DARK),
            *(
                rod((-0.6, y, z), (0.62, y, z), 0.05, _RED)
                for y, z in (
                    (-0.48, 0.60),
                    (-0.38, 0.68),
                    (-0.28, 0.76),
                    (-0.18, 0.84),
                    (-0.08, 0.91),
                    (0.08, 0.91),
                    (0.18, 0.84),
                    (0.28, 0.76),
                    (0.38, 0.68),
                    (0.48, 0.60),
                )
            ),
            sheet(((-0.42, 0.62), (0.42, 0.62), (0.0, 0.93)), (-0.54, 0.54), _WOOD, upright=True),
        ),
    ),
    (
        "gnome",
        4.0,
        (
            drum(((0.10, 0.0), (0.12, 0.04), (0.10, 0.22), (0.05, 0.27)), _BLUE),
            ball((0.0, 0.0, 0.30), (0.065, 0.06, 0.07), Finish(Material.MATTE, (222, 178, 148))),
            ball((0.05, 0.0, 0.25), (0.05, 0.06, 0.08), _WHITE),
            drum(((0.075, 0.33), (0.04, 0.43), (0.005, 0.52)), _RED),
        ),
    ),
    (
        "wateringcan",
        1.0,
        (
            drum(((0.12, 0.0), (0.12, 0.24), (0.07, 0.27)), _GREEN),
            rod((0.11, 0.0, 0.05), (0.32, 0.0, 0.28), 0.018, _GREEN),
            ball((0.33, 0.0, 0.29), (0.03, 0.045, 0.03), STEEL),
            rod((-0.12, 0.0, 0.08), (-0.2, 0.0, 0.2), 0.012, _GREEN),
            rod((-0.2, 0.0, 0.2), (-0.08, 0.0, 0.3), 0.012, _GREEN),
        ),
    ),
    (
        "haybale",
        220.0,
        (
            rod((0.0, -0.10, 0.62), (0.0, 0.10, 0.62), 0.62, _STRAW),
            rod((0.0, -0.22, 0.62), (0.0, 0.22, 0.62), 0.55, _STRAW),
        ),
    ),
    (
        "haybalelb",
        25.0,
        (
            block((-0.50, -0.24, 0.0), (0.50, 0.24, 0.36), _STRAW),
            *(block((x - 0.01, -0.243, 0.0), (x + 0.01, 0.243, 0.363), DARK) for x in (-0.2, 0.2)),
        ),
    ),
    ("plantpot01", 60.0, _pot(0.34, 0.50, _TERRACOTTA, *_bush(0.80, 0.42, _LEAF))),
    ("plantpot02", 55.0, _pot(0.30, 0.42, _STONE, *_bush(0.66, 0.34, _DARK_LEAF))),
    (
        "plantpot03",
        80.0,
        _pot(0.36, 0.55, _GREY, rod((0.0, 0.0, 0.5), (0.0, 0.0, 1.2), 0.04, _WOOD), *_bush(1.50, 0.45, _LEAF)),
    ),
    ("plantpot04", 120.0, _trough(1.30, 0.46, 0.48, _WOOD, _LEAF)),
    ("plantpot05", 150.0, _trough(1.60, 0.50, 0.55, _STONE, _BLOSSOM)),
    ("plantpot06", 12.0, _pot(0.20, 0.28, _TERRACOTTA, *_bush(0.44, 0.22, _BLOSSOM))),
    (
        "plantpot07",
        70.0,
        _pot(0.32, 0.62, PLASTIC, drum(((0.30, 0.60), (0.34, 0.90), (0.22, 1.40), (0.04, 1.90)), _DARK_LEAF)),
    ),
    ("plantpot08", 10.0, _pot(0.18, 0.24, _BLUE, *_bush(0.38, 0.20, _LEAF))),
)


def stock_garden() -> list[Body]:
    """All of them."""
    return [built(name, mass_kg, pieces) for name, mass_kg, pieces in _ROWS]
