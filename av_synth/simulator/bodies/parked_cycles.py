"""Two-wheelers that nobody rides, and a rack of them.

They are props: CARLA's vehicles on two wheels always carry a rider, and what is no vehicle cannot be driven.
"""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Body, bounds
from av_synth.simulator.bodies.props import prop
from av_synth.simulator.bodies.shapes import PLASTIC, STEEL, Colour, Finish, limb, vec
from av_synth.simulator.bodies.skin import Skin
from av_synth.simulator.bodies.two_wheelers import bicycle_parts, motorcycle_parts
from av_synth.simulator.scene import Material, Mesh, Tag

_STAND = Finish(Material.METAL, (128, 132, 136))
_SLOTS_Y = (-1.2, -0.4, 0.4, 1.2)


def moved(parts: list[Mesh], by_m: Array) -> Mesh:
    """The parts as one mesh, moved by (3,) metres."""
    mesh = Mesh.merge(parts)
    mesh.positions_m[:] += by_m.astype(np.float32)
    return mesh


def over_its_middle(parts: list[Mesh]) -> list[Mesh]:
    """The parts, moved so that the origin is on the ground under the middle of their box."""
    low, high = bounds(parts)
    return [moved(parts, vec(-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, 0.0))]


def _parked_bicycle() -> Body:
    """A cross bicycle on its side stand, 1.66 x 0.60 x 1.05 m."""
    stand = limb((-0.30, 0.03, 0.33), (-0.24, 0.20, 0.012), 0.012, 0.012, STEEL, Tag.BICYCLE, 6)
    return prop(
        "avsynth_bicycle",
        over_its_middle([*bicycle_parts(), stand]),
        15.0,
        "medium",
        tag=Tag.BICYCLE,
        category="vehicle.bicycle",
        colours=((150, 30, 34),),
    )


def _parked_motorcycle() -> Body:
    """A sports motorcycle on its side stand, 2.19 x 0.83 x 1.18 m."""
    stand = limb((-0.10, 0.12, 0.34), (-0.04, 0.30, 0.02), 0.018, 0.02, PLASTIC, Tag.MOTORCYCLE, 6)
    return prop(
        "avsynth_motorcycle",
        over_its_middle([*motorcycle_parts(), stand]),
        190.0,
        "medium",
        tag=Tag.MOTORCYCLE,
        category="vehicle.motorcycle",
        colours=((34, 58, 140),),
    )


def bicycle_rack() -> Body:
    """Four hoops in a row along y, bicycles at three of them; nuScenes' box holds the bicycles too."""
    paints: tuple[Colour | None, ...] = ((34, 84, 140), None, (176, 150, 40), (52, 54, 58))
    parts = []
    rail = Skin()
    for x in (-0.36, 0.36):
        rail.box((x - 0.03, _SLOTS_Y[0] - 0.1, 0.0), (x + 0.03, _SLOTS_Y[-1] + 0.1, 0.012), _STAND)
    parts.append(rail.mesh(Tag.STATIC))
    for y, paint in zip(_SLOTS_Y, paints, strict=True):
        for a, b in (((-0.36, 0.0), (-0.36, 0.74)), ((-0.36, 0.74), (0.36, 0.74)), ((0.36, 0.74), (0.36, 0.0))):
            parts.append(limb((a[0], y, a[1]), (b[0], y, b[1]), 0.025, 0.025, _STAND, Tag.STATIC, 6))
            parts[-1].positions_m[:, 2] = np.maximum(parts[-1].positions_m[:, 2], 0.0)
        if paint is not None:
            bicycle = bicycle_parts(Finish(Material.METAL, paint), fine=False)
            parts.append(moved(bicycle, vec(0.02, y + 0.17, 0.0)))
    return prop("bikeparking", over_its_middle(parts), 120.0, "big", tag=Tag.STATIC)


def parked_cycles() -> list[Body]:
    """Bicycle, motorcycle and rack."""
    return [_parked_bicycle(), _parked_motorcycle(), bicycle_rack()]
