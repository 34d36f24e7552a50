"""Stock props of CARLA that stand in streets: benches, shelters, signs, kiosks, machines, fountains.

Each is one row: what it is made of. What has a front shows it towards +x. Sizes are usual ones.
"""

from __future__ import annotations

from itertools import pairwise

from av_synth.simulator.bodies.model import Body
from av_synth.simulator.bodies.pieces import Piece, block, built, drum, rod, sheet
from av_synth.simulator.bodies.shapes import DARK, GLASS, RUBBER, STEEL, Finish
from av_synth.simulator.scene import Material

_WOOD = Finish(Material.MATTE, (134, 92, 58))
_PALE_WOOD = Finish(Material.MATTE, (176, 138, 92))
_STONE = Finish(Material.MATTE, (168, 164, 154))
_RED, _BLUE = Finish(Material.MATTE, (192, 34, 32)), Finish(Material.MATTE, (40, 78, 150))
_YELLOW, _WHITE = Finish(Material.MATTE, (236, 190, 40)), Finish(Material.MATTE, (236, 236, 232))
_GREEN = Finish(Material.MATTE, (44, 92, 62))
_WATER = Finish(Material.GLASS, (70, 104, 120))
_IRON = Finish(Material.METAL, (70, 74, 78))

_Row = tuple[str, float, tuple[Piece, ...]]


def _bench(length: float, seat: Finish, legs: Finish, *, back: bool) -> tuple[Piece, ...]:
    half = length / 2
    pieces = [block((x, -half, 0.42), (x + 0.12, half, 0.46), seat) for x in (-0.20, -0.06, 0.08)]
    for y in (-0.8 * half, 0.8 * half):
        pieces += [
            block((-0.20, y - 0.03, 0.0), (-0.14, y + 0.03, 0.90 if back else 0.42), legs),
            block((0.14, y - 0.03, 0.0), (0.20, y + 0.03, 0.42), legs),
        ]
    if back:
        pieces += [block((-0.14, -half, z), (-0.11, half, z + 0.12), seat) for z in (0.58, 0.76)]
    return tuple(pieces)


def _sign(height: float, board: Piece, *more: Piece) -> tuple[Piece, ...]:
    """A board on a post that faces +x."""
    return (rod((0.0, 0.0, 0.035), (0.0, 0.0, height - 0.035), 0.035, STEEL), board, *more)


def _round_board(z: float, radius: float, x: float, finish: Finish) -> Piece:
    eight = (
        (1.0, 0.0),
        (0.71, 0.71),
        (0.0, 1.0),
        (-0.71, 0.71),
        (-1.0, 0.0),
        (-0.71, -0.71),
        (0.0, -1.0),
        (0.71, -0.71),
    )
    return sheet([(radius * y, z + radius * up) for y, up in eight], (x, x + 0.012), finish, upright=True)


def _bus_stop(length: float, *, advertisement: bool) -> tuple[Piece, ...]:
    """A shelter, open towards +x."""
    half = length / 2
    posts = tuple(
        rod((x, y, 0.04), (x, y, 2.36), 0.04, _IRON) for x in (-0.65, 0.45) for y in (-0.96 * half, 0.96 * half)
    )
    poster = (block((-0.6, half - 0.10, 0.25), (0.4, half - 0.02, 2.1), _BLUE),) if advertisement else ()
    return (
        *posts,
        *poster,
        block((-0.80, -half, 2.36), (0.75, half, 2.48), _IRON),
        block((-0.66, -0.94 * half, 0.35), (-0.64, 0.94 * half, 2.10), GLASS),
        block((-0.60, -0.94 * half, 0.35), (0.0, -0.92 * half, 2.10), GLASS),
        block((-0.58, -0.6 * half, 0.44), (-0.20, 0.6 * half, 0.49), _WOOD),
        rod((-0.40, -0.5 * half, 0.03), (-0.40, -0.5 * half, 0.44), 0.03, _IRON),
        rod((-0.40, 0.5 * half, 0.03), (-0.40, 0.5 * half, 0.44), 0.03, _IRON),
    )


_POST_WITH_CHAIN: tuple[Piece, ...] = (
    drum(((0.09, 0.0), (0.09, 0.05), (0.045, 0.08), (0.045, 0.82), (0.06, 0.84), (0.06, 0.88), (0.02, 0.93)), _IRON),
)
_CHAIN = ((0.80, 0.0), (0.66, 0.3), (0.58, 0.6), (0.56, 0.75), (0.58, 0.9), (0.66, 1.2), (0.80, 1.5))

_ROWS: tuple[_Row, ...] = (
    ("bench02", 70.0, _bench(1.80, _WOOD, _IRON, back=False)),
    ("bench03", 60.0, _bench(1.50, _PALE_WOOD, _GREEN, back=True)),
    ("busstop", 900.0, _bus_stop(4.2, advertisement=True)),
    ("busstoplb", 700.0, _bus_stop(3.0, advertisement=False)),
    (
        "advertisement",
        180.0,
        (
            block((-0.12, -0.62, 0.0), (0.12, 0.62, 0.18), _IRON),
            block((-0.10, -0.66, 0.18), (0.10, 0.66, 2.30), _IRON),
            block((0.10, -0.58, 0.28), (0.11, 0.58, 2.20), _BLUE),
            block((-0.11, -0.58, 0.28), (-0.10, 0.58, 2.20), _YELLOW),
        ),
    ),
    (
        "atm",
        500.0,
        (
            block((-0.45, -0.42, 0.0), (0.40, 0.42, 1.95), _BLUE),
            block((0.40, -0.36, 0.85), (0.41, 0.36, 1.70), DARK),
            block((0.41, -0.22, 1.25), (0.42, 0.22, 1.58), GLASS),
            block((0.40, -0.24, 0.92), (0.52, 0.24, 1.00), STEEL),
            block((0.40, -0.38, 1.76), (0.415, 0.38, 1.90), _WHITE),
        ),
    ),
    (
        "vendingmachine",
        280.0,
        (
            block((-0.42, -0.48, 0.06), (0.38, 0.48, 1.84), _RED),
            block((-0.36, -0.42, 0.0), (0.32, 0.42, 0.06), DARK),
            block((0.38, -0.44, 0.50), (0.39, 0.22, 1.76), GLASS),
            block((0.38, -0.40, 0.16), (0.395, 0.20, 0.40), DARK),
            block((0.38, 0.28, 0.90), (0.40, 0.42, 1.40), STEEL),
        ),
    ),
    (
        "mailbox",
        60.0,
        (
            block((-0.24, -0.25, 0.14), (0.24, 0.25, 1.05), _BLUE),
            drum(((0.28, 1.05), (0.28, 1.10), (0.20, 1.20), (0.06, 1.24)), _BLUE),
            block((0.24, -0.18, 0.90), (0.26, 0.18, 0.98), DARK),
            *(
                block((x - 0.03, y - 0.03, 0.0), (x + 0.03, y + 0.03, 0.14), DARK)
                for x in (-0.2, 0.2)
                for y in (-0.2, 0.2)
            ),
        ),
    ),
    (
        "kiosk_01",
        1800.0,
        (
            block((-1.10, -1.40, 0.0), (1.10, 1.40, 0.12), _STONE),
            block((-1.02, -1.32, 0.12), (1.02, 1.32, 2.30), _GREEN),
            block((1.02, -1.10, 1.00), (1.04, 1.10, 2.05), DARK),
            block((1.02, -1.15, 0.92), (1.34, 1.15, 1.00), _PALE_WOOD),
            block((-1.25, -1.55, 2.30), (1.55, 1.55, 2.45), _WHITE),
            drum(((1.10, 2.45), (0.60, 2.85), (0.10, 3.00)), _GREEN),
        ),
    ),
    (
        "foodcart",
        260.0,
        (
            block((-0.80, -0.45, 0.40), (0.80, 0.45, 1.00), _RED),
            block((-0.86, -0.50, 1.00), (0.86, 0.50, 1.05), STEEL),
            *(rod((-0.3, y, 0.32), (-0.3, 1.1 * y, 0.32), 0.28, RUBBER) for y in (-0.48, 0.48)),
            *(rod((x, y, 1.05), (x, y, 2.05), 0.02, STEEL) for x in (-0.78, 0.78) for y in (-0.42, 0.42)),
            block((-1.00, -0.65, 2.05), (1.00, 0.65, 2.12), _YELLOW),
            block((-0.70, -0.60, 2.12), (0.70, 0.60, 2.22), _RED),
            rod((0.75, 0.0, 0.02), (0.75, 0.0, 0.40), 0.03, STEEL),
            rod((-1.15, -0.3, 0.9), (-0.8, -0.3, 0.8), 0.02, STEEL),
            rod((-1.15, 0.3, 0.9), (-0.8, 0.3, 0.8), 0.02, STEEL),
        ),
    ),
    (
        "streetsign",
        60.0,
        _sign(
            2.60,
            block((0.035, -0.60, 2.30), (0.05, 0.60, 2.58), _BLUE),
            block((0.05, -0.5, 2.40), (0.055, 0.5, 2.48), _WHITE),
        ),
    ),
    ("streetsign01", 60.0, _sign(2.70, _round_board(2.35, 0.32, 0.035, _RED), _round_board(2.35, 0.24, 0.047, _WHITE))),
    (
        "streetsign04",
        60.0,
        _sign(
            2.80,
            block((0.035, -0.32, 2.10), (0.05, 0.32, 2.76), _BLUE),
            sheet(((-0.2, 2.25), (0.2, 2.25), (0.0, 2.6)), (0.05, 0.055), _WHITE, upright=True),
        ),
    ),
    ("chainbarrierend", 60.0, _POST_WITH_CHAIN),
    (
        "chainbarrier",
        80.0,
        (
            *_POST_WITH_CHAIN,
            *(rod((0.0, y, z), (0.0, further, lower), 0.014, STEEL) for (z, y), (lower, further) in pairwise(_CHAIN)),
        ),
    ),
    (
        "fountain",
        6000.0,
        (
            drum(((2.30, 0.0), (2.30, 0.48), (2.40, 0.50), (2.40, 0.60), (2.15, 0.60)), _STONE),
            drum(((2.10, 0.60), (2.10, 0.61)), _WATER),
            drum(((0.40, 0.6), (0.28, 0.8), (0.22, 1.5), (1.00, 1.75), (1.05, 1.85), (0.92, 1.86)), _STONE),
            drum(((0.16, 1.86), (0.12, 2.3), (0.50, 2.5), (0.52, 2.58), (0.10, 2.62), (0.08, 2.85)), _STONE),
        ),
    ),
    (
        "streetfountain",
        180.0,
        (
            drum(
                ((0.26, 0.0), (0.24, 0.06), (0.15, 0.10), (0.13, 0.85), (0.27, 0.92), (0.27, 0.98), (0.23, 0.99)), _IRON
            ),
            rod((-0.12, 0.0, 0.98), (-0.12, 0.0, 1.14), 0.02, STEEL),
            rod((-0.12, 0.0, 1.14), (0.02, 0.0, 1.12), 0.015, STEEL),
        ),
    ),
    (
        "maptable",
        120.0,
        (
            *(block((-0.05, y - 0.05, 0.0), (0.05, y + 0.05, 0.95), _WOOD) for y in (-0.55, 0.55)),
            block((-0.30, -0.70, 0.95), (0.30, 0.70, 1.02), _WOOD),
            block((-0.26, -0.64, 1.02), (0.26, 0.64, 1.03), _WHITE),
            block((-0.15, -0.30, 1.03), (0.18, 0.25, 1.032), _GREEN),
        ),
    ),
    (
        "calibrator",
        30.0,
        (
            *(
                rod((0.4 * x, 0.4 * y, 0.02), (0.0, 0.0, 0.9), 0.02, _IRON)
                for x, y in ((1, 0), (-0.5, 0.87), (-0.5, -0.87))
            ),
            block((-0.02, -0.5, 0.9), (0.0, 0.5, 1.7), _WHITE),
            *(
                block((0.0, -0.5 + 0.25 * k, 0.9 + 0.2 * row), (0.005, -0.25 + 0.25 * k, 1.1 + 0.2 * row), DARK)
                for row in range(4)
                for k in range(row % 2, 4, 2)
            ),
        ),
    ),
)


def stock_furniture() -> list[Body]:
    """All of them."""
    return [built(name, mass_kg, pieces) for name, mass_kg, pieces in _ROWS]
