"""What a file of configs/assets/ says: which model dresses which bodies, and what of it is what."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Axis = Literal["+x", "-x", "+y", "-y", "+z", "-z"]
Share = Annotated[float, Field(ge=-0.5, le=1.5)]
Point = tuple[Share, Share, Share]
Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]
LookName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Finish(str, Enum):
    """What a substance of a model is on a body."""

    PAINT = "paint"  # takes the actor's colour
    GLASS = "glass"  # dark, mirrors the sky; it is not looked through
    METAL = "metal"
    MATTE = "matte"  # in the substance's colour, without its picture
    TYRE = "tyre"  # matte, and tells where the wheels are, which stay round
    HEAD_LAMP = "head_lamp"
    TAIL_LAMP = "tail_lamp"
    BLINKER = "blinker"
    BADGE = "badge"  # repainted in plain dark plastic: a maker's sign
    LEFT_OUT = "left_out"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Region(_Strict):
    """What lies in a box is something else than its substance: lamps that are only in a picture, say.

    Places are shares of the model's own box, seen as the body stands: forward from the rear to the front, left from
    the right to the left, up from the ground; a region is mirrored to the other side by itself.
    """

    finish: Finish
    low: Point = Field(description="lowest corner: forward, left, up, each 0 to 1")
    high: Point = Field(description="highest corner")
    of: tuple[str, ...] = Field((), description="only of these substances; all if left out")

    @model_validator(mode="after")
    def _low_is_below_high(self) -> Region:
        if not all(low < high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError(
                f"got low {list(self.low)} and high {list(self.high)}; want each of low below that of high"
            )
        return self


class Legs(_Strict):
    """How high the joints of a standing person's legs are, as shares of the height; where they are is found."""

    hip: Annotated[float, Field(gt=0.3, lt=0.7)] = 0.53
    crotch: Annotated[float, Field(gt=0.2, lt=0.6, description="below it the legs are two pieces")] = 0.45
    knee: Annotated[float, Field(gt=0.1, lt=0.45)] = 0.28
    ankle: Annotated[float, Field(gt=0.01, lt=0.15)] = 0.05

    @model_validator(mode="after")
    def _joints_are_in_order(self) -> Legs:
        if not self.ankle < self.knee < self.crotch < self.hip:
            raise ValueError(
                f"got ankle {self.ankle}, knee {self.knee}, crotch {self.crotch}, hip {self.hip}; want them to rise"
            )
        return self


class Arms(_Strict):
    """Which arms of a standing person hang free, so that they swing, and how high their joints are, as for legs."""

    swing: tuple[Literal["left", "right"], ...] = Field(min_length=1, description="their own left and right")
    shoulder: Annotated[float, Field(gt=0.6, lt=0.95)] = 0.82
    armpit: Annotated[float, Field(gt=0.5, lt=0.9, description="below it the arms are pieces of their own")] = 0.74
    elbow: Annotated[float, Field(gt=0.4, lt=0.8)] = 0.62

    @model_validator(mode="after")
    def _joints_are_in_order(self) -> Arms:
        if not self.elbow < self.armpit < self.shoulder:
            raise ValueError(
                f"got elbow {self.elbow}, armpit {self.armpit}, shoulder {self.shoulder}; want them to rise"
            )
        return self


class LookRecipe(_Strict):
    """One look."""

    name: LookName
    title: Text = Field(description="what the model is called, for the attribution")
    file: Text = Field(description="an .obj, .gltf or .glb file: in the package, or relative to this file")
    author: Text | None = Field(None, description="who made it, if not who made all of the file's")
    dresses: tuple[Text, ...] = Field(min_length=1, description="blueprint ids of vehicles or walkers")
    up: Axis = Field("+y", description="which axis of the model is up")
    forward: Axis = Field("+z", description="which axis of the model is forward")
    triangles: int = Field(8000, ge=100, le=20_000, description="at most so many")
    stretch: float = Field(
        0.12, ge=0.0, le=0.5, description="how far an axis may be stretched against the others to fill the body's box"
    )
    finishes: Mapping[str, Finish] = Field(
        default_factory=dict, description="of substances, by name or by a pattern with *; the first that fits holds"
    )
    regions: tuple[Region, ...] = ()
    legs: Legs | None = Field(None, description="of a person, who walks with them")
    arms: Arms | None = Field(None, description="of a person with `legs`, whose arms swing; they stay without")

    @model_validator(mode="after")
    def _whoever_swings_walks(self) -> LookRecipe:
        if self.arms is not None and self.legs is None:
            raise ValueError("arms swing as legs walk; want `legs` too")
        return self


class AssetsFile(_Strict):
    """A file of configs/assets/."""

    package: Text | None = Field(
        None, description="the .sh3f of the package sweethome3d-furniture that the models are in; none: files of yours"
    )
    author: Text
    licence: Text = Field(description="its short name, such as CC-BY-4.0")
    licence_url: Text
    source: Text = Field(description="where the models come from")
    looks: tuple[LookRecipe, ...] = Field(min_length=1)
