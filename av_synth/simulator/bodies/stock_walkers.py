"""Stock pedestrians of CARLA beside those of `people`: few figures, dressed and sized for each by a fixed seed.

Numbers, ages, genders and generations are those of CARLA 0.9.16's 52 pedestrians, its speeds (still, walking, running)
those of its blueprints; what they wear and carry is ours. Source: Docs/catalogue_pedestrians.md, and lists of the
library's content that its users have published.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from av_synth.simulator.bodies.figure import TALL_M, Clothes
from av_synth.simulator.bodies.head import Tones, tones
from av_synth.simulator.bodies.model import Body, bounds
from av_synth.simulator.bodies.people import Held, Person
from av_synth.simulator.bodies.shapes import Colour
from av_synth.simulator.bodies.walkers import walker
from av_synth.simulator.scene import Mesh

_WOMEN = (15, 19, 20, 21, 22, 23, 31, 35, 36, 37, 40, 41, 42, 43, 44)
_MEN = (16, 17, 18, 24, 25, 26, 27, 28, 29, 33, 34, 38, 39, 45, 46, 47, 52)
_GIRLS, _BOYS = (11, 48, 49), (13,)
_TEENAGERS = {50: "female", 51: "male"}
_SPEEDS = {"adult": "0.0,1.7,4.0", "teenager": "0.0,1.1,2.0", "child": "0.0,1.1,2.0"}
_FIRST_GENERATION_TO, _THIRD_GENERATION_FROM = 14, 50

_TOPS: tuple[Colour, ...] = (
    *((176, 38, 48), (44, 66, 98), (214, 208, 196), (232, 190, 64), (58, 92, 68), (92, 88, 130), (28, 30, 34)),
    *((206, 120, 60), (120, 150, 170), (150, 60, 96), (96, 76, 60), (226, 226, 222), (40, 110, 120)),
)
_TROUSERS: tuple[Colour, ...] = (
    *((38, 44, 66), (70, 68, 62), (34, 36, 40), (52, 60, 84), (104, 96, 84), (84, 78, 70), (130, 118, 96)),
)
_SHOES: tuple[Colour, ...] = ((30, 28, 30), (52, 36, 26), (196, 190, 184), (230, 228, 222), (96, 40, 40))
_SKINS: tuple[Colour, ...] = ((198, 150, 124), (182, 134, 106), (162, 114, 86), (141, 96, 70), (92, 62, 46))
_HAIR: tuple[Colour, ...] = ((62, 40, 26), (30, 24, 20), (120, 86, 50), (18, 16, 16), (186, 146, 84), (110, 108, 106))
_BAGS: tuple[Colour, ...] = ((70, 60, 52), (34, 38, 40), (90, 84, 60), (134, 48, 58), (32, 44, 88), (40, 42, 50))
_LAST_MARK = 9
_MARKS: tuple[Colour, ...] = tuple((mark, 0, 0) for mark in range(1, _LAST_MARK + 1))


def _person(number: int, gender: str, age: str) -> Person:
    """Who one of them is: the same each time."""
    rng = np.random.default_rng([5201, number])

    def one(of: tuple[Colour, ...]) -> Colour:
        return of[int(rng.integers(len(of)))]

    low, high = {"child": (1.06, 1.34), "teenager": (1.52, 1.66)}.get(
        age, (1.58, 1.74) if gender == "female" else (1.70, 1.88)
    )
    held: tuple[Held, ...] = ("ball", "phone") if age == "child" else ("phone", "cup", "parcel")
    look = rng.random(2)
    clothes = Clothes(
        top=one(_TOPS),
        trousers=one(_TROUSERS),
        shoes=one(_SHOES),
        skin=one(_SKINS),
        hair=one(_HAIR),
        girth=1.0 if age != "adult" or look[0] < 0.7 else 1.08,
        skirt=gender == "female" and age == "adult" and look[1] < 0.4,
        hood=gender == "male" and look[1] < 0.25,
        head=1.24 if age == "child" else 1.0,
        long_hair=gender == "female",
    )
    return Person(
        f"{number:04d}",
        gender,
        age,
        round(float(rng.uniform(low, high)), 2),
        clothes,
        held[int(rng.integers(len(held)))],
        one(_BAGS),
        low_bag=bool(rng.random() < 0.4),
        generation="1" if number <= _FIRST_GENERATION_TO else "3" if number >= _THIRD_GENERATION_FROM else "2",
    )


def _everybody() -> list[Person]:
    women = [_person(number, "female", "adult") for number in _WOMEN]
    men = [_person(number, "male", "adult") for number in _MEN]
    girls = [_person(number, "female", "child") for number in _GIRLS]
    boys = [_person(number, "male", "child") for number in _BOYS]
    teenagers = [_person(number, gender, "teenager") for number, gender in _TEENAGERS.items()]
    return sorted([*women, *men, *girls, *boys, *teenagers], key=lambda person: person.number)


def _figure(person: Person) -> Person:
    """Somebody of 1.75 m of the same shape, whose colours are marks: what many can share."""
    top, trousers, shoes, skin, hair, bag, shade, lips, brows = _MARKS
    marked = Tones(skin, shade, lips, hair, brows)
    clothes = replace(person.clothes, top=top, trousers=trousers, shoes=shoes, skin=skin, hair=hair, tones=marked)
    nobody = replace(person, number="0000", gender="", age="adult", generation="")
    return replace(nobody, height_m=TALL_M, clothes=clothes, bag=bag)


def _dressed(figure: Body, person: Person) -> Body:
    """The figure in somebody's size and colours."""
    scale, clothes = person.height_m / TALL_M, person.clothes
    of_head = tones(clothes.skin, clothes.hair)
    worn = np.array(
        [
            *((0, 0, 0), clothes.top, clothes.trousers, clothes.shoes, clothes.skin, clothes.hair, person.bag),
            *(of_head.shade, of_head.lips, of_head.brows),
        ],
        dtype=np.uint8,
    )

    def dressed(mesh: Mesh) -> Mesh:
        red, rest = mesh.colours[:, 0], mesh.colours[:, 1:].any(axis=1)
        marked = ~rest & (red >= 1) & (red <= _LAST_MARK)
        colours = np.where(marked[:, None], worn[np.where(marked, red, 0)], mesh.colours)
        return replace(mesh, positions_m=mesh.positions_m * np.float32(scale), colours=colours)

    meshes = tuple(dressed(mesh) for mesh in figure.meshes)
    low, high = bounds(meshes)
    return replace(
        figure,
        blueprint_id=person.blueprint_id,
        attributes={
            **figure.attributes,
            "gender": person.gender,
            "age": person.age,
            "generation": person.generation,
            "speed": _SPEEDS[person.age],
        },
        meshes=meshes,
        box_centre_m=(low + high) / 2,
        box_half_m=(high - low) / 2,
        mass_kg=person.mass_kg,
        stride_m=figure.stride_m * scale,
    )


def stock_walkers() -> list[Body]:
    """All of them, by number."""
    figures: dict[Person, Body] = {}
    bodies = []
    for person in _everybody():
        shape = _figure(person)
        if shape not in figures:
            figures[shape] = walker(shape)
        bodies.append(_dressed(figures[shape], person))
    return bodies
