"""What bounds front gardens: hedges with uneven tops, fences of boards, walls with a coping."""

from __future__ import annotations

import numpy as np

from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.foliage import leafy
from av_synth.simulator.town.lots import Colour, blocks
from av_synth.simulator.town.shapes import Look, box, prism, rectangle, shade

_HEDGES: tuple[Colour, ...] = ((62, 84, 46), (72, 96, 50), (54, 78, 48), (86, 98, 52))
_BOARDS: tuple[Colour, ...] = ((126, 96, 68), (200, 196, 186), (88, 82, 76), (108, 124, 108))
_BRICKS: tuple[Colour, ...] = ((128, 92, 78), (150, 144, 134), (176, 166, 150), (112, 78, 66))
_LEAF_M = 0.8  # from one clump of leaves to the next


def hedge(half_m: float, thick_m: float, height_m: float, rng: np.random.Generator) -> list[Mesh]:
    """A hedge along x about the origin, `half_m` to both sides and `thick_m` half across."""
    green = _HEDGES[int(rng.integers(len(_HEDGES)))]
    low = height_m * float(rng.uniform(0.85, 1.0))
    body = prism(rectangle(0, 0, half_m, thick_m, 0.0), 0.0, low, Look(green, Material.FOLIAGE, Tag.VEGETATION))
    x = np.arange(-half_m + 0.2, half_m - 0.1, _LEAF_M)
    points = np.column_stack([x, rng.uniform(-0.18, 0.18, len(x)), np.full(len(x), low)])
    up = np.tile([0.0, 0.0, 1.0], (len(x), 1))
    tones = np.array(green) * rng.uniform(0.85, 1.2, (len(x), 1))
    return [body, leafy(points, up, rng.uniform(0.3, 0.42, len(x)), tones, len(x))] if len(x) else [body]


def board_fence(half_m: float, thick_m: float, height_m: float, rng: np.random.Generator) -> list[Mesh]:
    """Upright boards before two rails, which are all that is seen from the garden."""
    colour = _BOARDS[int(rng.integers(len(_BOARDS)))]
    wood, dark = (Look(shade(colour, tone), Material.MATTE, Tag.FENCES) for tone in (1.0, 0.8))
    tall, parts = height_m + 0.25, []
    for z in (0.25, tall - 0.22):
        parts.append(box([0, 0, z], [half_m, 0.025, 0.04], dark))
    front = min(0.04, thick_m)
    at = np.arange(-half_m + 0.08, half_m - 0.06, 0.36).tolist()
    parts += blocks([(x - 0.08, x + 0.08, front, 0.04, tall) for x in at], wood, "f")
    return parts


def garden_wall(half_m: float, thick_m: float, height_m: float, rng: np.random.Generator) -> list[Mesh]:
    """A low wall with a coping and a pier at each end."""
    colour = _BRICKS[int(rng.integers(len(_BRICKS)))]
    brick, stone = (Look(c, Material.MATTE, Tag.WALLS) for c in (colour, shade(colour, 1.25)))
    parts = [prism(rectangle(0, 0, half_m, thick_m, 0.0), 0.0, height_m, brick, top=stone)]
    for end in (-1, 1):
        parts.append(box([end * (half_m - 0.14), 0, (height_m + 0.2) / 2], [0.14, 0.14, (height_m + 0.2) / 2], brick))
    return parts
