"""Bounding boxes of actors: as the simulator reports them, or corrected by a table where it is known to be wrong.

A CARLA reports capsules for walkers, no width for two-wheelers, and mirrors as part of trucks:
docs/reference/ue4-profile.md. `boxes.yaml` beside this module has what is right instead. A correction holds for the
reported box that it names and for no other, so that one measured on this simulator's bodies never touches another body
of the same blueprint id.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import carla
import numpy as np
from pydantic import Field

from av_synth import documents
from av_synth.documents import Strict
from av_synth.geometry.carla import vector_from_carla
from av_synth.geometry.transforms import Array

REPORTED, _CORRECTED = "reported", "corrected"
TABLE = Path(__file__).with_name("boxes.yaml")
_SAME_M = 0.01
_SMALLEST_M = 0.02

Vector = tuple[float, float, float]


class BodyBox(Strict):
    """A box in the actor's right-handed frame, in metres."""

    centre_m: Vector = Field(description="[x, y, z]")
    half_m: Vector = Field(description="half of length, width and height")


class Correction(Strict):
    """What a blueprint's box is instead of the one that is reported."""

    blueprint: str = Field(description="a blueprint id")
    source: str = Field(description="who measured it, how")
    reported: BodyBox = Field(description="the box that is wrong")
    box: BodyBox = Field(description="the box that is right")


class BoxTable(Strict):
    """A whole file of corrections."""

    corrections: list[Correction] = Field(description="a list of corrections")


@dataclass(frozen=True)
class ActorBox:
    """Centre and half sizes (3,), metres, actor frame; `source` is 'reported' or 'corrected'."""

    centre_m: Array
    half_m: Array
    source: str

    @property
    def usable(self) -> bool:
        """Whether something can be in it."""
        return bool(np.isfinite([self.centre_m, self.half_m]).all() and (2.0 * self.half_m > _SMALLEST_M).all())


@lru_cache(maxsize=1)
def corrections() -> tuple[Correction, ...]:
    """The table.

    Raises:
        DocumentError: if it is not one.
    """
    return tuple(documents.validate(documents.read(TABLE), BoxTable).corrections)


def actor_box(actor: carla.Actor) -> ActorBox:
    """An actor's box, corrected where the table knows better."""
    box = actor.bounding_box
    reported = ActorBox(
        vector_from_carla(box.location), np.array([box.extent.x, box.extent.y, box.extent.z], dtype=float), REPORTED
    )
    for found in corrections():
        if found.blueprint == actor.type_id and _same(found.reported, reported):
            return ActorBox(np.array(found.box.centre_m), np.array(found.box.half_m), _CORRECTED)
    return reported


def _same(one: BodyBox, other: ActorBox) -> bool:
    return np.allclose(one.centre_m, other.centre_m, atol=_SAME_M) and np.allclose(
        one.half_m, other.half_m, atol=_SAME_M
    )
