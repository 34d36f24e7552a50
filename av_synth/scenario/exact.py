"""Places by their coordinates on a named map, and what happens there; scenarios from elsewhere are full of them.

Coordinates are OpenDRIVE's: right-handed metres, x east, y north, headings counter-clockwise from x.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from av_synth.documents import Strict
from av_synth.scenario.words import EGO, Name, SpeedKmh, check_times


class Pose(Strict):
    """An exact place on a named map: by x and y, or by road, lane and s as the map's file counts them."""

    x_m: float | None = Field(default=None, description="east, OpenDRIVE's axes: right-handed")
    y_m: float | None = Field(default=None, description="north")
    road_id: int | None = Field(default=None, description="instead: the road's number in the map's file")
    lane_id: Annotated[int, Field(ge=-50, le=50)] | None = Field(
        default=None, description="with road_id: the lane, negative on the right; the reference line if left out"
    )
    s_m: Annotated[float, Field(ge=0)] | None = Field(default=None, description="with road_id: along the road")
    offset_m: float | None = Field(
        default=None, description="with road_id: to the left, as the road runs, of the lane's centre or reference line"
    )
    yaw_deg: Annotated[float, Field(ge=-360, le=360)] | None = Field(
        default=None,
        description="heading, counter-clockwise from x, with road_id from the lane's direction; the lane's if left out",
    )

    @model_validator(mode="after")
    def _one(self) -> Pose:
        by_xy, by_road = (self.x_m, self.y_m), (self.road_id, self.s_m)
        if (None in by_xy) == (None in by_road):
            raise ValueError("want x_m and y_m, or road_id and s_m")
        rest = (*by_road, self.lane_id, self.offset_m) if None in by_road else by_xy
        if any(value is not None for value in rest):
            raise ValueError("want either x_m and y_m, or road_id, s_m, lane_id and offset_m")
        return self


Way = Annotated[tuple[Pose, ...], Field(max_length=200)]
"""Places in turn; at each fork the way that leads to the next of them is taken."""


class Near(Strict):
    """Somebody's centre is near a place of a named map."""

    of: Name | None = Field(default=None, description="who; the event's own actor if left out")
    at: Pose = Field(description="the place")
    within_m: Annotated[float, Field(gt=0, le=1000)] = Field(description="as near as this, seen from above")


class TakeRoute(Strict):
    """Goes on by other ways than those its route said."""

    through: Way = Field(min_length=1, description="places of a named map, in turn; it stays in its lane")


class ArriveTogether(Strict):
    """Keeps changing its speed so that it is at its place when another is at theirs."""

    who: Name = Field(default=EGO, description="the other, who is not influenced")
    at: Pose = Field(description="its own place")
    who_at: Pose = Field(description="the other's place")
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
    frame: Literal["map", "own"] = Field(
        default="map", description="what x and y are: the map's, or ahead and to the left of where it is as it begins"
    )

    @model_validator(mode="after")
    def _one(self) -> Course:
        if bool(self.timed) == bool(self.line) or len(self.timed or self.line) < 2:
            raise ValueError("want exactly one of timed and line, with two points or more")
        check_times("timed", [time for time, _, _ in self.timed])
        return self
