"""Street furniture that can be spawned, and the traffic light."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import CATEGORY, Body, bounds
from av_synth.simulator.bodies.shapes import DARK, PLASTIC, RUBBER, STEEL, Colour, Finish, ellipsoid, tube, vec
from av_synth.simulator.bodies.skin import Skin
from av_synth.simulator.scene import Material, Mesh, Tag

TRAFFIC_LIGHT = "traffic.traffic_light"
_ORANGE = Finish(Material.MATTE, (232, 84, 22))
_WHITE = Finish(Material.MATTE, (238, 238, 234))
_RED = Finish(Material.MATTE, (200, 34, 30))
_GREEN = Finish(Material.MATTE, (40, 84, 58))
_POLE = Finish(Material.METAL, (96, 100, 102))
_SIDES = 16  # of what is round
_HEAVY_KG = 40.0  # what nobody carries is static
LAMPS: dict[str, Colour] = {"red": (255, 40, 30), "yellow": (255, 190, 30), "green": (50, 255, 120)}


def _circle(radius_m: float, z_m: float) -> Array:
    turn = np.arange(_SIDES) * (2 * np.pi / _SIDES)
    return np.stack([radius_m * np.cos(turn), radius_m * np.sin(turn), np.full(_SIDES, z_m)], axis=-1)


def turned(profile: list[tuple[float, float]], finish: Finish, tag: Tag) -> Mesh:
    """A solid of revolution about z through (radius, height) from the bottom up."""
    return tube(np.stack([_circle(r, z) for r, z in profile]), finish, tag)


def prop(
    name: str,
    parts: list[Mesh],
    mass_kg: float,
    size: str,
    *,
    tag: Tag | None = None,
    category: str = "",
    colours: tuple[Colour, ...] = (),
) -> Body:
    """Build a prop; its origin stays where it is in the parts.

    Args:
        name: the last part of its id.
        parts: meshes in the actor frame.
        mass_kg: mass; `class_of` says the class by it if no `tag` is given.
        size: CARLA's attribute.
        tag: class of the actor.
        category: nuScenes category, where CARLA has no such prop to tell it by.
        colours: the first is the paint.
    """
    mesh = Mesh.merge(parts)
    low, high = bounds([mesh])
    return Body(
        blueprint_id=f"static.prop.{name}",
        kind="prop",
        tag=class_of(mass_kg) if tag is None else tag,
        attributes={"size": size, **({CATEGORY: category} if category else {})},
        colours=colours,
        meshes=(mesh,),
        box_centre_m=(low + high) / 2,
        box_half_m=(high - low) / 2,
        mass_kg=mass_kg,
    )


def class_of(mass_kg: float) -> Tag:
    """The class of a thing that has no other: whether somebody may carry it away."""
    return Tag.STATIC if mass_kg > _HEAVY_KG else Tag.DYNAMIC


def traffic_cone() -> Body:
    """An orange cone with two white bands, 0.70 m tall."""
    tag = Tag.DYNAMIC
    base = Skin()
    base.box((-0.18, -0.18, 0.0), (0.18, 0.18, 0.035), RUBBER)
    radius = [(z, 0.135 - 0.105 * (z - 0.03) / 0.67) for z in (0.03, 0.22, 0.34, 0.46, 0.56, 0.70)]
    parts = [base.mesh(tag)]
    for k, finish in enumerate((_ORANGE, _WHITE, _ORANGE, _WHITE, _ORANGE)):
        (z0, r0), (z1, r1) = radius[k], radius[k + 1]
        parts.append(turned([(r0, z0), (r1, z1)], finish, tag))
    return prop("trafficcone01", parts, 5.0, "small")


def _street_barrier() -> Body:
    """A red and white plank barrier on two feet, 1.60 m wide across the y axis, 1.05 m tall."""
    tag, skin = Tag.STATIC, Skin()
    for y in (-0.62, 0.62):
        skin.box((-0.25, y - 0.04, 0.0), (0.25, y + 0.04, 0.06), PLASTIC)
        skin.box((-0.025, y - 0.03, 0.06), (0.025, y + 0.03, 1.05), STEEL)
    for low in (0.42, 0.76):
        for k in range(8):
            y = -0.8 + 0.2 * k
            skin.box((-0.045, y, low), (0.045, y + 0.2, low + 0.22), _RED if k % 2 else _WHITE)
    return prop("streetbarrier", [skin.mesh(tag)], 45.0, "medium")


def _trash_can() -> Body:
    """A green bin with a lid, 0.95 m tall."""
    tag = Tag.DYNAMIC
    bin_ = turned([(0.24, 0.0), (0.25, 0.03), (0.29, 0.78), (0.30, 0.80), (0.30, 0.84)], _GREEN, tag)
    lid = turned([(0.315, 0.83), (0.315, 0.86), (0.26, 0.91), (0.12, 0.945), (0.03, 0.95)], PLASTIC, tag)
    return prop("trashcan01", [bin_, lid], 18.0, "medium")


def _construction_barrel() -> Body:
    """An orange and white plastic drum, 1.0 m tall."""
    tag = Tag.DYNAMIC
    heights = (0.0, 0.08, 0.28, 0.44, 0.62, 0.78, 1.0)
    parts = []
    for k, finish in enumerate((RUBBER, _ORANGE, _WHITE, _ORANGE, _WHITE, _ORANGE)):
        wide = 0.33 if k == 0 else 0.29 - 0.012 * k
        parts.append(turned([(wide, heights[k]), (wide - 0.012, heights[k + 1])], finish, tag))
    return prop("barrel", parts, 12.0, "medium")


def _cardboard_box() -> Body:
    """A closed cardboard box, 0.6 x 0.45 x 0.4 m: something lost on the road."""
    card, band, skin = Finish(Material.MATTE, (166, 126, 80)), Finish(Material.MATTE, (196, 172, 130)), Skin()
    skin.box((-0.30, -0.225, 0.0), (0.30, 0.225, 0.40), card)
    skin.box((-0.302, -0.03, 0.10), (0.302, 0.03, 0.403), band)
    return prop("box01", [skin.mesh(Tag.DYNAMIC)], 6.0, "small")


def bench() -> Body:
    """A slatted bench that looks towards +x, 1.6 m long."""
    wood, skin = Finish(Material.MATTE, (122, 82, 50)), Skin()
    for y in (-0.65, 0.65):
        skin.box((-0.24, y - 0.03, 0.0), (-0.18, y + 0.03, 0.86), PLASTIC)
        skin.box((0.18, y - 0.03, 0.0), (0.24, y + 0.03, 0.42), PLASTIC)
        skin.box((-0.24, y - 0.03, 0.38), (0.24, y + 0.03, 0.42), PLASTIC)
    for x in (-0.16, -0.02, 0.12):
        skin.box((x, -0.8, 0.42), (x + 0.12, 0.8, 0.45), wood)
    for z in (0.56, 0.72):
        skin.box((-0.18, -0.8, z), (-0.15, 0.8, z + 0.12), wood)
    return prop("bench01", [skin.mesh(Tag.STATIC)], 60.0, "medium")


def _traffic_light(lit: str) -> Mesh:
    """Mast and two heads, one above the other, with `lit` of the lamps on."""
    mast = [
        turned([(0.16, 0.0), (0.16, 0.12), (0.095, 0.30), (0.075, 5.44), (0.04, 5.50)], _POLE, Tag.POLES),
    ]
    heads = Skin()
    lamps = []
    for middle in (3.2, 4.85):
        heads.box((0.20, -0.17, middle - 0.50), (0.44, 0.17, middle + 0.50), PLASTIC)
        heads.box((0.19, -0.27, middle - 0.60), (0.20, 0.27, middle + 0.60), DARK)
        for z in (middle - 0.36, middle + 0.36):
            heads.box((0.05, -0.03, z - 0.03), (0.20, 0.03, z + 0.03), PLASTIC)
        for k, (name, colour) in enumerate(LAMPS.items()):
            z = middle + 0.32 - 0.32 * k
            dim = Finish(Material.MATTE, (colour[0] // 6 + 8, colour[1] // 6 + 8, colour[2] // 6 + 8))
            glow = Finish(Material.GLOW, colour)
            lamps.append(
                ellipsoid(
                    (0.435, 0.0, z), (0.035, 0.125, 0.125), glow if name == lit else dim, Tag.TRAFFIC_LIGHT, (14, 9)
                )
            )
            _visor(heads, z)
    return Mesh.merge([*mast, heads.mesh(Tag.TRAFFIC_LIGHT), *lamps])


def _visor(skin: Skin, z_m: float) -> None:
    """Half a tube over a lamp, seen from both sides."""
    turn = np.linspace(np.radians(-15), np.radians(195), 9)
    arc = np.stack([np.zeros(9), 0.145 * np.cos(turn), z_m + 0.145 * np.sin(turn)], axis=-1)
    sheet = np.stack([arc + vec(0.43, 0, 0), arc + vec(0.60, 0, 0)])
    sheet[1, :, 0] -= 0.10 * (1 - np.sin(turn)) / 2
    skin.grid(sheet, DARK)
    inner = sheet.copy()
    inner[:, :, 1] *= 0.985
    inner[:, :, 2] = z_m + (inner[:, :, 2] - z_m) * 0.985
    skin.grid(inner, DARK, flip=True)


def traffic_light() -> Body:
    """A traffic light: origin at the foot of its mast, lamps towards +x; poses red, yellow, green, off."""
    meshes = tuple(_traffic_light(lit) for lit in ("red", "yellow", "green", "off"))
    low, high = bounds(meshes)
    return Body(
        blueprint_id=TRAFFIC_LIGHT,
        kind="traffic_light",
        tag=Tag.TRAFFIC_LIGHT,
        attributes={},
        colours=(),
        meshes=meshes,
        box_centre_m=(low + high) / 2,
        box_half_m=(high - low) / 2,
        mass_kg=200.0,
    )


def props() -> list[Body]:
    """All props, and the traffic light last."""
    return [
        traffic_cone(),
        _street_barrier(),
        _trash_can(),
        _construction_barrel(),
        _cardboard_box(),
        bench(),
        traffic_light(),
    ]
