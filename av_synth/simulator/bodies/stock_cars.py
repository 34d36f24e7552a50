"""Stock cars of CARLA that are cut to a common silhouette: one row a model, with the measures of the real car.

Source: the makers' data sheets of the model that the blueprint is named after; of engines one that was sold in it.
What CARLA says of each (type, generation, doors that open): Docs/catalogue_vehicles.md and Docs/bp_library.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from av_synth.simulator.bodies.cars import COUPE, FOUR_WHEEL_DRIVE, LARGE_SALOON, SALOON
from av_synth.simulator.bodies.model import Body
from av_synth.simulator.bodies.outlines import BUBBLE, HATCHBACK, MICROBUS, OPEN_FOUR_WHEELER, SHORT_HATCHBACK, WEDGE
from av_synth.simulator.bodies.shapes import BLUE_LAMP, CHROME, DARK, PLASTIC, RED_LAMP, RUBBER, STEEL, Colour, Finish
from av_synth.simulator.bodies.silhouettes import Measures, Silhouette, stretched
from av_synth.simulator.bodies.skin import Skin
from av_synth.simulator.bodies.vehicles import Details, Patch, vehicle
from av_synth.simulator.scene import Material, Tag

Paints = tuple[Colour, ...]
_USUAL: Paints = ((28, 29, 32), (196, 199, 202), (232, 232, 230), (92, 96, 102), (120, 24, 28), (32, 58, 104))
_BRIGHT: Paints = ((176, 30, 34), (226, 226, 222), (30, 84, 150), (232, 178, 40), (34, 36, 40))
_GRILLE = Finish(Material.MATTE, (20, 21, 23))
_SIGN = Finish(Material.MATTE, (244, 226, 120))
_KMH = 1 / 3.6
_PLAIN_LARGE = Silhouette(LARGE_SALOON.shell, replace(LARGE_SALOON.details, sides=()))


@dataclass(frozen=True)
class _Model:
    """One row of the table.

    Attributes:
        name: what follows "vehicle." in the blueprint's id.
        outline: what it is cut from.
        measures: of the real car.
        mass_kg: kerb mass.
        power_kw, top_kmh: of the engine, and the top speed.
        paints: recommended colours.
        new: of CARLA's second generation, whose front doors open.
        special: CARLA's special_type.
        base: CARLA's base_type.
        face: patches beyond those of the outline, in the model's own measures.
        head, tail: left lamps instead of the outline's.
        bare: without what the outline has on its middle line.
        on_top: what stands on or hangs from the shell.
    """

    name: str
    outline: Silhouette
    measures: Measures
    mass_kg: float
    power_kw: float
    top_kmh: float
    paints: Paints = _USUAL
    new: bool = False
    special: str = ""
    base: str = "car"
    tag: Tag = Tag.CAR
    face: tuple[Patch, ...] = ()
    head: Patch | None = None
    tail: Patch | None = None
    bare: bool = False
    on_top: Callable[[Measures], Skin] | None = None


def _front(z: float, width: float, height: float, finish: Finish = _GRILLE, y: float = 0.0) -> Patch:
    return Patch((2.5, y, z), 0.0, width, height, finish=finish)


def _over(z: float, width: float, height: float, finish: Finish) -> Patch:
    """What is on top of another patch at the front."""
    return Patch((2.5, 0.0, z), 0.0, width, height, finish=finish, proud_m=0.012)


def _light_bar(of: Measures) -> Skin:
    skin, low = Skin(), of.height_m - 0.02
    skin.box((-0.40, -0.10, low), (-0.14, 0.10, low + 0.07), DARK)
    skin.box((-0.40, -0.56, low + 0.02), (-0.14, -0.10, low + 0.11), BLUE_LAMP)
    skin.box((-0.40, 0.10, low + 0.02), (-0.14, 0.56, low + 0.11), RED_LAMP)
    front = of.length_m / 2
    skin.box((front - 0.01, -0.42, 0.42), (front + 0.05, 0.42, 0.72), _GRILLE)  # push bar
    return skin


def _taxi_sign(of: Measures) -> Skin:
    skin, low = Skin(), of.height_m - 0.03
    skin.slab(((-0.34, low), (-0.10, low), (-0.14, low + 0.16), (-0.30, low + 0.16)), (-0.30, 0.30), _SIGN)
    return skin


def _fenders(of: Measures) -> Skin:
    """Flat wings over all wheels, bumpers, and the spare wheel on the tail."""
    skin, radius, outer = Skin(), of.wheel_radius_m, of.width_m / 2 + 0.06
    front = of.length_m / 2 - of.front_m
    for axle in (front, front - of.wheelbase_m):
        for side in (1.0, -1.0):
            low, high = sorted((side * (outer - 0.30), side * outer))
            top, reach = 2 * radius + 0.12, radius + 0.12
            over = ((-reach, top - 0.20), (-reach, top - 0.14), (-0.7 * reach, top), (0.7 * reach, top))
            edge = [
                *over,
                (reach, top - 0.14),
                (reach, top - 0.20),
                (0.66 * reach, top - 0.05),
                (-0.66 * reach, top - 0.05),
            ]
            for k in range(4):  # a bent strip, piece by piece: slabs are convex
                a, b, c, d = edge[k], edge[k + 1], edge[(7 - k) % 8], edge[(8 - k) % 8]
                ring = [(axle + x, z) for x, z in (a, b, c, d)]
                if k:
                    skin.slab(ring[::-1], (low, high), PLASTIC)
    for x, half in ((of.length_m / 2 + 0.02, 0.72), (-of.length_m / 2 - 0.02, 0.70)):
        skin.box((x - 0.07, -half, 0.50), (x + 0.07, half, 0.64), PLASTIC)
    _spare_wheel(skin, -of.length_m / 2 - 0.02, 0.98, 0.37)
    return skin


def _spare_wheel(skin: Skin, x_m: float, z_m: float, radius_m: float) -> None:
    """A wheel on the tail, its axle along x."""
    turn = np.arange(21) * (2 * np.pi / 20)
    rings = [
        np.stack([np.full(21, x_m - out), r * np.sin(turn), z_m + r * np.cos(turn)], axis=-1)
        for out, r in ((0.0, radius_m), (0.20, radius_m), (0.22, 0.62 * radius_m), (0.19, 0.55 * radius_m), (0.19, 0.0))
    ]
    finishes = [[RUBBER] * 20, [RUBBER] * 20, [STEEL] * 20, [STEEL] * 20]
    skin.grid(np.stack(rings), finishes)


_MODELS: tuple[_Model, ...] = (
    _Model(
        "audi.etron",
        HATCHBACK,
        Measures(4.90, 1.935, 2.19, 1.63, 2.93, 0.91, 1.655, 0.38, 0.255),
        2565.0,
        300.0,
        200.0,
        special="electric",
        face=(_front(0.72, 1.00, 0.30), _over(0.72, 0.90, 0.02, CHROME)),
        tail=Patch((-2.4, 0.55, 1.02), 168.0, 0.62, 0.09),
    ),
    _Model(
        "bmw.grandtourer",
        HATCHBACK,
        Measures(4.56, 1.80, 2.04, 1.61, 2.78, 0.84, 1.56, 0.32),
        1505.0,
        110.0,
        205.0,
        face=(_front(0.72, 0.24, 0.15, y=0.15),),
    ),
    _Model(
        "chevrolet.impala",
        _PLAIN_LARGE,
        Measures(5.42, 2.03, 2.10, 1.40, 3.02, 0.93, 1.59, 0.345),
        1700.0,
        205.0,
        185.0,
        ((34, 52, 84), (150, 26, 30), (222, 216, 198), (32, 34, 36)),
        bare=True,
        face=(_front(0.60, 1.50, 0.20), _over(0.60, 1.40, 0.02, CHROME), _front(0.40, 1.30, 0.10, CHROME)),
        head=Patch((2.6, 0.66, 0.62), 6.0, 0.40, 0.15),
        tail=Patch((-2.7, 0.62, 0.66), 178.0, 0.56, 0.12),
    ),
    _Model(
        "citroen.c3", HATCHBACK, Measures(4.00, 1.75, 2.01, 1.49, 2.54, 0.83, 1.48, 0.315), 1050.0, 81.0, 188.0, _BRIGHT
    ),
    _Model(
        "dodge.charger_2020",
        _PLAIN_LARGE,
        Measures(5.04, 1.905, 2.18, 1.48, 3.06, 0.97, 1.62, 0.36, 0.245),
        1960.0,
        272.0,
        240.0,
        ((24, 25, 28), (150, 24, 28), (226, 226, 222), (74, 78, 84)),
        new=True,
        face=(_front(0.62, 1.36, 0.16),),
        tail=Patch((-2.5, 0.46, 0.84), 176.0, 0.84, 0.13),
    ),
    _Model(
        "dodge.charger_police_2020",
        LARGE_SALOON,
        Measures(5.04, 1.905, 2.18, 1.48, 3.06, 0.97, 1.62, 0.36, 0.245),
        2010.0,
        272.0,
        240.0,
        ((20, 20, 22),),
        new=True,
        special="emergency",
        on_top=_light_bar,
        tail=Patch((-2.5, 0.46, 0.84), 176.0, 0.84, 0.13),
    ),
    _Model(
        "ford.crown",
        _PLAIN_LARGE,
        Measures(5.38, 1.99, 2.20, 1.48, 2.91, 1.07, 1.60, 0.34),
        1870.0,
        167.0,
        195.0,
        ((232, 180, 26),),
        new=True,
        special="taxi",
        on_top=_taxi_sign,
        face=(_front(0.66, 0.84, 0.15, CHROME), _over(0.66, 0.78, 0.10, _GRILLE)),
    ),
    _Model(
        "ford.mustang",
        COUPE,
        Measures(4.66, 1.80, 1.90, 1.31, 2.74, 0.86, 1.48, 0.33),
        1390.0,
        169.0,
        185.0,
        ((160, 26, 30), (24, 60, 110), (28, 29, 32), (40, 74, 56)),
        bare=True,
        face=(_front(0.62, 1.00, 0.22), _over(0.62, 0.16, 0.08, CHROME), _front(0.40, 1.05, 0.07, CHROME)),
        head=Patch((2.2, 0.66, 0.585), 8.0, 0.20, 0.18),
        tail=Patch((-2.3, 0.52, 0.68), 178.0, 0.44, 0.14),
    ),
    _Model(
        "jeep.wrangler_rubicon",
        OPEN_FOUR_WHEELER,
        Measures(4.00, 1.62, 2.00, 1.84, 2.42, 0.66, 1.57, 0.40, 0.255),
        1850.0,
        209.0,
        180.0,
        ((70, 78, 56), (176, 36, 32), (34, 35, 38), (206, 160, 60)),
        on_top=_fenders,
    ),
    _Model(
        "lincoln.mkz_2017",
        SALOON,
        Measures(4.925, 1.865, 2.12, 1.475, 2.85, 1.00, 1.585, 0.335, 0.245),
        1700.0,
        183.0,
        220.0,
        face=(_front(0.62, 0.80, 0.18), _over(0.62, 0.74, 0.02, STEEL)),
        tail=Patch((-2.4, 0.42, 0.90), 174.0, 0.80, 0.07),
    ),
    _Model(
        "lincoln.mkz_2020",
        SALOON,
        Measures(4.925, 1.865, 2.12, 1.475, 2.85, 1.00, 1.585, 0.335, 0.245),
        1715.0,
        183.0,
        220.0,
        new=True,
        face=(_front(0.60, 0.86, 0.22, CHROME), _over(0.60, 0.78, 0.16, _GRILLE)),
        tail=Patch((-2.4, 0.42, 0.90), 174.0, 0.80, 0.07),
    ),
    _Model(
        "mercedes.coupe",
        COUPE,
        Measures(5.03, 1.90, 2.11, 1.41, 2.945, 0.87, 1.62, 0.345, 0.255),
        1995.0,
        335.0,
        250.0,
        face=(_front(0.62, 0.84, 0.22), _over(0.62, 0.76, 0.025, CHROME)),
    ),
    _Model(
        "mercedes.coupe_2020",
        COUPE,
        Measures(4.69, 1.81, 2.02, 1.405, 2.84, 0.79, 1.57, 0.33, 0.235),
        1505.0,
        135.0,
        235.0,
        new=True,
        face=(_front(0.62, 0.80, 0.22), _over(0.62, 0.72, 0.025, CHROME)),
    ),
    _Model(
        "micro.microlino",
        BUBBLE,
        Measures(2.52, 1.473, 1.66, 1.50, 1.566, 0.48, 1.23, 0.27, 0.145),
        513.0,
        12.5,
        90.0,
        ((226, 226, 222), (40, 120, 140), (214, 120, 40), (150, 28, 34)),
        special="electric",
    ),
    _Model(
        "mini.cooper_s",
        SHORT_HATCHBACK,
        Measures(3.71, 1.683, 1.91, 1.41, 2.467, 0.68, 1.455, 0.305),
        1205.0,
        128.0,
        225.0,
        _BRIGHT,
        head=Patch((1.7, 0.60, 0.68), 28.0, 0.24, 0.22),
    ),
    _Model(
        "mini.cooper_s_2021",
        SHORT_HATCHBACK,
        Measures(3.88, 1.727, 1.93, 1.414, 2.495, 0.80, 1.49, 0.31),
        1250.0,
        141.0,
        235.0,
        _BRIGHT,
        new=True,
        head=Patch((1.8, 0.62, 0.68), 28.0, 0.25, 0.22),
        face=(_front(0.58, 0.74, 0.20),),
    ),
    _Model(
        "nissan.micra",
        HATCHBACK,
        Measures(3.72, 1.66, 1.86, 1.54, 2.43, 0.70, 1.46, 0.29, 0.175),
        965.0,
        59.0,
        165.0,
        _BRIGHT,
    ),
    _Model(
        "nissan.patrol_2021",
        FOUR_WHEEL_DRIVE,
        Measures(5.315, 1.995, 2.20, 1.94, 3.075, 0.97, 1.705, 0.40, 0.275),
        2715.0,
        298.0,
        210.0,
        new=True,
        face=(_front(0.90, 0.96, 0.34, CHROME), _over(0.90, 0.84, 0.27, _GRILLE)),
    ),
    _Model("seat.leon", HATCHBACK, Measures(4.26, 1.784, 1.98, 1.46, 2.636, 0.85, 1.54, 0.32), 1250.0, 110.0, 215.0),
    _Model(
        "tesla.cybertruck",
        WEDGE,
        Measures(5.68, 2.03, 2.41, 1.79, 3.635, 0.86, 1.72, 0.445, 0.285),
        3009.0,
        447.0,
        180.0,
        (),
        new=True,
        special="electric",
        base="truck",
        tag=Tag.TRUCK,
    ),
    _Model(
        "toyota.prius",
        SALOON,
        Measures(4.54, 1.76, 1.99, 1.49, 2.70, 0.95, 1.52, 0.315),
        1375.0,
        90.0,
        180.0,
        tail=Patch((-2.2, 0.66, 0.92), 155.0, 0.16, 0.34),
    ),
    _Model(
        "volkswagen.t2",
        MICROBUS,
        Measures(4.505, 1.72, 1.92, 1.94, 2.40, 1.10, 1.385, 0.325, 0.185),
        1300.0,
        50.0,
        130.0,
        ((198, 92, 40), (90, 150, 160), (214, 200, 160), (60, 90, 70)),
        base="van",
    ),
    _Model(
        "volkswagen.t2_2021",
        MICROBUS,
        Measures(4.44, 1.775, 1.97, 1.985, 2.40, 1.08, 1.43, 0.335, 0.205),
        1650.0,
        85.0,
        150.0,
        ((196, 60, 40), (40, 96, 130), (222, 222, 216)),
        new=True,
        base="van",
    ),
)


def _details(model: _Model, laid: Details) -> Details:
    return replace(
        laid,
        doors=model.new,
        head=model.head or laid.head,
        tail=model.tail or laid.tail,
        middle=(*(() if model.bare else laid.middle), *model.face),
    )


def _build(model: _Model) -> Body:
    cut = stretched(model.outline, model.measures)
    body = vehicle(
        f"vehicle.{model.name}",
        [cut.shell],
        _details(model, cut.details),
        tag=model.tag,
        base_type=model.base,
        colours=model.paints,
        mass_kg=model.mass_kg,
        special_type=model.special,
        extra=None if model.on_top is None else model.on_top(model.measures),
        more={"generation": "2" if model.new else "1"},
    )
    return replace(body, power_kw=model.power_kw, top_mps=model.top_kmh * _KMH)


def stock_cars() -> list[Body]:
    """All of them, by name."""
    return [_build(model) for model in _MODELS]
