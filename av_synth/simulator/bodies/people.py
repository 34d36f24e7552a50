"""Who walks: one entry per pedestrian blueprint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from av_synth.simulator.bodies.figure import Clothes
from av_synth.simulator.bodies.shapes import Colour

Held = Literal["phone", "parcel", "ball", "cup", "umbrella"]
Hat = Literal["", "helmet", "cap"]


@dataclass(frozen=True)
class Person:
    """One pedestrian blueprint.

    Attributes:
        number: the last part of the blueprint id; a name where CARLA has nobody like this.
        gender, age: CARLA's values.
        height_m: crown of the head above the ground.
        held: what the hands hold; with an umbrella there is no bag and the stride is natural.
        bag: colour of the backpack, and `low_bag` if it hangs at the hips instead.
        hat: what is on the head, and its colour.
        bands: reflecting bands around chest, arms and legs.
        category: nuScenes category, where CARLA has nobody to tell it by.
        generation: CARLA's attribute.
    """

    number: str
    gender: str
    age: str
    height_m: float
    clothes: Clothes
    held: Held
    bag: Colour = (40, 42, 50)
    low_bag: bool = False
    hat: Hat = ""
    hat_colour: Colour = (0, 0, 0)
    bands: bool = False
    category: str = ""
    generation: str = "1"

    @property
    def blueprint_id(self) -> str:
        """CARLA's id, or one in its style."""
        return f"walker.{'pedestrian' if self.number.isdigit() else 'avsynth'}.{self.number}"

    @property
    def mass_kg(self) -> float:
        """By a body mass index of 22, in the middle of what the WHO calls normal, times the girth."""
        return round(22.0 * self.height_m**2 * self.clothes.girth, 1)


_ADULT_SKIN: tuple[Colour, ...] = ((198, 150, 124), (178, 130, 102), (136, 92, 68), (92, 62, 46))
PEOPLE: tuple[Person, ...] = (
    Person(
        "0001",
        "female",
        "adult",
        1.68,
        Clothes((176, 38, 48), (38, 44, 66), (30, 28, 30), _ADULT_SKIN[0], (62, 40, 26), 0.95, long_hair=True),
        "phone",
        (70, 60, 52),
    ),
    Person(
        "0002",
        "male",
        "adult",
        1.80,
        Clothes((44, 66, 98), (70, 68, 62), (52, 36, 26), _ADULT_SKIN[1], (30, 24, 20), 1.05),
        "cup",
        (34, 38, 40),
    ),
    Person(
        "0003",
        "male",
        "adult",
        1.76,
        Clothes((214, 208, 196), (34, 36, 40), (22, 22, 24), _ADULT_SKIN[2], (18, 16, 16), 1.0),
        "parcel",
        (90, 84, 60),
        low_bag=True,
    ),
    Person(
        "0004",
        "female",
        "adult",
        1.64,
        Clothes(
            (232, 190, 64),
            (52, 60, 84),
            (196, 190, 184),
            _ADULT_SKIN[1],
            (24, 18, 16),
            0.97,
            skirt=True,
            long_hair=True,
        ),
        "phone",
        (134, 48, 58),
        low_bag=True,
    ),
    Person(
        "0005",
        "male",
        "adult",
        1.86,
        Clothes((58, 92, 68), (44, 50, 70), (34, 32, 30), _ADULT_SKIN[0], (120, 86, 50), 1.1),
        "phone",
        (28, 30, 34),
    ),
    Person(
        "0006",
        "female",
        "adult",
        1.71,
        Clothes((92, 88, 130), (30, 30, 34), (26, 24, 26), _ADULT_SKIN[3], (16, 14, 14), 1.0, long_hair=True),
        "umbrella",
        (150, 26, 36),
    ),
    Person(
        "0007",
        "male",
        "elderly",
        1.70,
        Clothes((120, 112, 98), (84, 78, 70), (40, 34, 30), _ADULT_SKIN[0], (200, 200, 198), 1.08),
        "cup",
        (60, 62, 58),
        low_bag=True,
    ),
    Person(
        "0008",
        "male",
        "adult",
        1.78,
        Clothes((28, 30, 34), (104, 96, 84), (230, 228, 222), _ADULT_SKIN[3], (20, 18, 18), 1.02, hood=True),
        "umbrella",
        (32, 44, 88),
    ),
    Person(
        "0009",
        "female",
        "child",
        1.16,
        Clothes(
            (228, 110, 150),
            (74, 90, 140),
            (236, 232, 228),
            _ADULT_SKIN[0],
            (140, 98, 56),
            1.04,
            head=1.3,
            long_hair=True,
        ),
        "ball",
        (120, 60, 150),
    ),
    Person(
        "0010",
        "female",
        "child",
        1.10,
        Clothes(
            (90, 180, 190),
            (220, 90, 110),
            (200, 60, 70),
            _ADULT_SKIN[1],
            (36, 26, 20),
            1.06,
            skirt=True,
            long_hair=True,
            head=1.32,
        ),
        "parcel",
        (240, 170, 60),
    ),
    Person(
        "0012",
        "male",
        "child",
        1.30,
        Clothes((230, 90, 40), (48, 58, 82), (40, 44, 48), _ADULT_SKIN[2], (22, 18, 16), 1.0, head=1.22),
        "ball",
        (40, 90, 170),
    ),
    Person(
        "0014",
        "male",
        "child",
        1.28,
        Clothes((70, 150, 80), (120, 104, 80), (60, 56, 54), _ADULT_SKIN[0], (186, 146, 84), 1.02, head=1.22),
        "phone",
        (180, 30, 40),
    ),
    # CARLA's two police officers
    Person(
        "0030",
        "male",
        "adult",
        1.82,
        Clothes((24, 34, 66), (20, 26, 48), (16, 16, 18), _ADULT_SKIN[0], (60, 44, 30), 1.08),
        "phone",
        (18, 18, 22),
        low_bag=True,
        hat="cap",
        hat_colour=(18, 24, 48),
        bands=True,
        generation="2",
    ),
    Person(
        "0032",
        "female",
        "adult",
        1.70,
        Clothes((24, 34, 66), (20, 26, 48), (16, 16, 18), _ADULT_SKIN[2], (24, 18, 16), 0.98, long_hair=True),
        "phone",
        (18, 18, 22),
        low_bag=True,
        hat="cap",
        hat_colour=(18, 24, 48),
        bands=True,
        generation="2",
    ),
    Person(
        "construction_worker",
        "male",
        "adult",
        1.79,
        Clothes((236, 112, 24), (52, 58, 70), (88, 62, 36), _ADULT_SKIN[1], (40, 30, 24), 1.1),
        "phone",
        (96, 70, 40),
        low_bag=True,
        hat="helmet",
        hat_colour=(240, 200, 30),
        bands=True,
        category="human.pedestrian.construction_worker",
    ),
)
