"""The small words of the scenario language: names, bodies, speeds, ranges, and rules that several models share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from av_synth.documents import Matching, Strict, Written

WANT_NAME = "lower-case letters, digits and _, beginning with a letter"
Name = Annotated[str, Matching("[a-z][a-z0-9_]{0,40}", WANT_NAME)]
Body = Annotated[str, Matching("[a-z][a-z0-9_.]{0,80}", "a category (car, van, child, ...) or a blueprint id")]
TOWN = r"[A-Za-z0-9_]{1,64}|[^\x00-\x1f]{1,400}\.[xX][oO][dD][rR]"
Town = Annotated[str, Matching(TOWN, "a town's name, or the path of an .xodr file")]
FASTEST_KMH, FASTEST_ON_FOOT_KMH = 200, 40
SpeedKmh = Annotated[float, Field(ge=0, le=FASTEST_KMH)]
SlowKmh = Annotated[float, Field(gt=0, le=FASTEST_ON_FOOT_KMH)]
"""Of people, and of vehicles that reverse or turn round."""
Metres = Annotated[float, Field(ge=-1000, le=1000)]
LONGEST_WAIT_S = 3600
Seconds = Annotated[float, Field(ge=0, le=LONGEST_WAIT_S)]
Side = Literal["left", "right"]
Turn = Literal["left", "right", "straight"]
Arm = Literal["left", "right", "opposite"]
Light = Literal["green", "yellow", "red", "off"]
Lamp = Literal["position", "low_beam", "high_beam", "brake", "left", "right", "reverse", "fog", "interior", "special"]

PEOPLE = (
    "adult",
    "child",
    "construction_worker",
    "police_officer",
    "personal_mobility",
    "wheelchair",
    "stroller",
    "animal",
)
TRAILER = "trailer"
VEHICLES = (
    "car",
    "van",
    "truck",
    "bus",
    "bendy_bus",
    "motorcycle",
    "bicycle",
    "police",
    "police_car",
    "ambulance",
    "construction_vehicle",
    TRAILER,
)
THINGS = ("barrier", "cone", "debris", "pushable", "bicycle_rack")
EGO = "ego"


def is_person(body: str) -> bool:
    """Whether a body, by category or by blueprint id, walks or rolls as pedestrians do; animals too."""
    return body in PEOPLE or body.startswith("walker.")


def is_vehicle(body: str) -> bool:
    """Whether a body, by category or by blueprint id, is a vehicle."""
    return body in VEHICLES or body.startswith("vehicle.")


def is_thing(body: str) -> bool:
    """Whether a body, by category or by blueprint id, is a prop."""
    return body in THINGS or body.startswith("static.prop.")


def is_body(body: str) -> bool:
    """Whether a body is any of these, so that there is one."""
    return is_person(body) or is_vehicle(body) or is_thing(body)


def can_drive(body: str) -> bool:
    """Whether a body is a vehicle that somebody drives."""
    return is_vehicle(body) and body != TRAILER


def exactly_one(model: Strict, what: str, *, beside: tuple[str, ...] = ()) -> None:
    """Refuse a model in which not exactly one key was given, those in `beside` not counted.

    Raises:
        ValueError: with the keys it got and those it could have.
    """
    given = sorted(model.model_fields_set - set(beside))
    if len(given) != 1:
        known = ", ".join(name for name in type(model).model_fields if name not in beside)
        raise ValueError(f"got {', '.join(given) or 'none'}; want exactly one {what} of {known}")
    if getattr(model, given[0]) is None:
        raise ValueError(f"{given[0]} has no value; want its keys, or {{}} where it needs none")


def at_most_one(model: Strict, *keys: str) -> None:
    """Refuse a model in which more than one of these keys says something.

    Raises:
        ValueError: with those that do.
    """
    given = [key for key in keys if key in model.model_fields_set and getattr(model, key) not in (None, False)]
    if len(given) > 1:
        raise ValueError(f"got {' and '.join(given)}; want one of them")


def check_times(key: str, times_s: Sequence[float]) -> None:
    """Refuse times that do not go on.

    Raises:
        ValueError: with the key that they are under.
    """
    if list(times_s) != sorted(set(times_s)) or min(times_s, default=0.0) < 0:
        raise ValueError(f"{key}: want times from 0 on that increase")


class Range(Strict):
    """A closed range; either end may be left out."""

    min: float | None = Field(default=None, description="the lower end")
    max: float | None = Field(default=None, description="the upper end")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("want min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min = {self.min}; want it at most max = {self.max}")
        return self

    def in_words(self) -> str:
        """Such as '2', '2 to 5', 'at least 2'."""
        if self.min is None or self.max is None:
            return f"at most {self.max:g}" if self.min is None else f"at least {self.min:g}"
        return f"{self.min:g}" if self.min == self.max else f"{self.min:g} to {self.max:g}"

    def holds(self, value: float) -> bool:
        """Whether a value lies in it."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


def _exact(value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"min": value, "max": value} if number else value


Exact = Annotated[Range, BeforeValidator(_exact), Written({"type": "number"})]
"""A range, or a number for just that one."""


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Word = TypeVar("Word")
Listed = Annotated[tuple[Word, ...], BeforeValidator(_listed), Written({"type": "string"})]
"""A list of names, or a name for a list of just that one."""


def at_most(value: object) -> object:
    """`11` is short for `{max: 11}`: what a trigger waits for has come down to it."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"max": value} if number else value


def is_opendrive(town: str) -> bool:
    """Whether a town is given as the path of an OpenDRIVE file instead of by name."""
    return town.lower().endswith(".xodr")
