"""Places by their coordinates on a named map, and what happens there; scenarios from elsewhere are full of them.

Coordinates are OpenDRIVE's: right-handed metres, x east, y north, headings counter-clockwise from x.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from av_synth.documents import Strict
from av_synth.scenario.words import EGO, Name, SpeedKmh

Heading = Annotated[float, Field(ge=-360, le=360)]
Way = Annotated[tuple[tuple[float, float], ...], Field(max_length=200)]
"""Places [x, y] in turn; at each fork the way that leads to the next of them is taken."""


class Pose(Strict):
    """An exact place on a named map."""

    x_m: float = Field(description="east, OpenDRIVE's axes: right-handed")
    y_m: float = Field(description="north")
    yaw_deg: Heading | None = Field(
        default=None, description="heading, counter-clockwise from x; the lane's if left out"
    )


class Near(Strict):
    """Somebody's centre is near a place of a named map."""

    of: Name | None = Field(default=None, description="who; the event's own actor if left out")
    x_m: float = Field(description="the place, OpenDRIVE's axes")
    y_m: float = Field(description="the place, OpenDRIVE's axes")
    within_m: Annotated[float, Field(gt=0, le=1000)] = Field(description="as near as this, seen from above")


class TakeRoute(Strict):
    """Goes on by other ways than those its route said."""

    through: Way = Field(min_length=1, description="places [x, y] of a named map, in turn; it stays in its lane")


class ArriveTogether(Strict):
    """Keeps changing its speed so that it is at its place when another is at theirs."""

    who: Name = Field(default=EGO, description="the other, who is not influenced")
    x_m: float = Field(description="its own place, OpenDRIVE's axes")
    y_m: float = Field(description="its own place")
    who_x_m: float = Field(description="the other's place")
    who_y_m: float = Field(description="the other's place")
    final_kmh: SpeedKmh | None = Field(default=None, description="its speed there; whatever it then has if left out")


class Appear(Strict):
    """Is at a place at once, wherever it was, and whether or not it was there at all."""

    at: Pose = Field(description="the place")


class Vanish(Strict):
    """Is gone at once."""


class Course(Strict):
    """A line over the map, driven or walked exactly."""

    timed: tuple[tuple[float, float, float], ...] = Field(
        default=(), max_length=5000, description="[seconds since the event began, x, y]"
    )
    line: tuple[tuple[float, float], ...] = Field(
        default=(), max_length=5000, description="instead: [x, y], at the speed that it has or is told to take"
    )

    @model_validator(mode="after")
    def _one(self) -> Course:
        if bool(self.timed) == bool(self.line) or len(self.timed or self.line) < 2:
            raise ValueError("want exactly one of timed and line, with two points or more")
        times = [time for time, _, _ in self.timed]
        if times != sorted(set(times)) or (times and times[0] < 0):
            raise ValueError("timed: want times from 0 on that increase")
        return self
