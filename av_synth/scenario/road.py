"""Where a scenario happens: the road it needs, found in any town that has one, and places along it.

Positions are given along the ego's *path*: the centre line of its lane, on through junctions as the scenario says, with
s = 0 where the ego's centre is at recorded time zero, s growing ahead and offsets positive to the left.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from av_synth.documents import Strict
from av_synth.scenario.exact import Pose, Way
from av_synth.scenario.words import Arm, Exact, Listed, Metres, Name, Range, Side, Town, Turn

Lane = Literal[
    "same",
    "left",
    "left_2",
    "right",
    "right_2",
    "oncoming",
    "oncoming_2",
    "parking_left",
    "parking_right",
    "pavement_left",
    "pavement_right",
    "shoulder_left",
    "shoulder_right",
    "verge_left",
    "verge_right",
]
ANCHORS = ("start", "junction", "junction_exit", "crossing", "crest", "tunnel", "tunnel_exit", "entry", "exit")
SHORTEST_ROAD_M, LONGEST_ROAD_M = 10, 3000
Ahead = Annotated[float, Field(ge=5, le=1000, description="from the ego's start, along its path")]


class Junction(Strict):
    """A junction that the ego comes to."""

    ahead_m: Ahead = Field(description="from the ego's start to where the junction begins, its stop line")
    control: Literal["signals", "stop", "give_way", "priority", "none"] | None = Field(
        default=None,
        description="what rules the ego's arm: lights, a stop or give-way sign, such signs on the others only, nothing",
    )
    arms: Annotated[int, Field(ge=3, le=6)] | None = Field(default=None, description="how many roads meet")
    turn: Turn = Field(default="straight", description="where the ego goes")
    after_m: Annotated[float, Field(ge=0, le=500)] = Field(default=30.0, description="road needed behind the junction")


class Roundabout(Strict):
    """A roundabout that the ego drives into."""

    ahead_m: Ahead = Field(description="from the ego's start to the give-way line")
    exit: Annotated[int, Field(ge=1, le=6)] = Field(default=2, description="which exit the ego takes, counted")
    after_m: Annotated[float, Field(ge=0, le=500)] = Field(default=30.0, description="road needed behind it")


class Feature(Strict):
    """Something on the way."""

    ahead_m: Ahead = Field(description="from the ego's start to where it begins")


FEATURES = ("junction", "roundabout", "crossing", "crest", "tunnel", "entry", "exit", "pose")


class Road(Strict):
    """The road that the scenario needs, found in a town's map; ties are broken by the draw."""

    town: Town | None = Field(
        default=None,
        description="a town's name, or the path of an .xodr file from here; any town that has such a road if left out",
    )
    length_m: float = Field(
        ge=SHORTEST_ROAD_M, le=LONGEST_ROAD_M, description="road ahead of the ego's start, along its path"
    )
    lanes: Exact | None = Field(default=None, description="driving lanes in the ego's direction")
    ego_lane: Literal["leftmost", "rightmost", "middle", "entry"] = Field(
        default="rightmost", description="the lane the ego starts in; `entry` is the acceleration lane before `entry`"
    )
    oncoming: bool | None = Field(default=None, description="whether there must, or must not, be an oncoming lane")
    parking: Listed[Side] = Field(default=(), description="sides that must have a parking lane")
    pavement: Listed[Side] = Field(default=(), description="sides that must have a pavement")
    shoulder: Listed[Side] = Field(default=(), description="sides that must have a hard shoulder")
    curve: Literal["straight", "left", "right", "any"] = Field(default="straight", description="how it runs")
    radius_m: Range | None = Field(default=None, description="with curve left or right: its tightest radius")
    speed_limit_kmh: Range | None = Field(default=None, description="the speed limit")
    junction: Junction | None = Field(default=None, description="a junction ahead; there is none if left out")
    roundabout: Roundabout | None = Field(default=None, description="a roundabout ahead")
    crossing: Feature | None = Field(default=None, description="a zebra crossing outside junctions")
    crest: Feature | None = Field(default=None, description="a crest that hides what is behind")
    tunnel: Feature | None = Field(default=None, description="the mouth of a tunnel")
    entry: Feature | None = Field(default=None, description="the end of an acceleration lane, on the right")
    exit: Feature | None = Field(default=None, description="the beginning of an exit lane, on the right")
    pose: Pose | None = Field(default=None, description="exactly here; needs `town`")
    through: Way = Field(default=(), description="with pose: places that the ego's path leads through, in turn")

    @model_validator(mode="after")
    def _sane(self) -> Road:
        given = [name for name in FEATURES if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"got {' and '.join(given)}; want at most one of {', '.join(FEATURES)}")
        if self.pose is not None and self.town is None:
            raise ValueError("pose needs a town to be in; want town too")
        if self.through and self.pose is None:
            raise ValueError("through goes with pose; want it left out")
        if self.radius_m is not None and self.curve not in ("left", "right"):
            raise ValueError(f"radius_m goes with curve left or right, not with {self.curve}")
        if self.ego_lane == "entry" and self.entry is None:
            raise ValueError("ego_lane: entry needs the feature `entry`")
        return self

    @property
    def feature(self) -> str | None:
        """The name of the feature that it asks for; None where it asks for none, or is told by a pose."""
        return next((name for name in FEATURES if name != "pose" and getattr(self, name) is not None), None)

    @property
    def anchors(self) -> tuple[str, ...]:
        """What places may be measured from on such a road."""
        found = ["start"]
        if self.junction is not None or self.roundabout is not None:
            found += ["junction", "junction_exit"]
        if self.tunnel is not None:
            found += ["tunnel", "tunnel_exit"]
        return (*found, *(name for name in ("crossing", "crest", "entry", "exit") if getattr(self, name) is not None))


STATIONS = ("ahead_m", "ahead_s", "beyond", "behind", "arm", "pose")


class Placement(Strict):
    """Where an actor is at recorded time zero: one of ahead_m, ahead_s, beyond, behind, arm, pose."""

    ahead_m: Metres | None = Field(default=None, description="to the actor's centre, along the ego's path, from `of`")
    of: Name = Field(default="start", description="with ahead_m: what it counts from: a feature or another actor")
    ahead_s: Annotated[float, Field(ge=-60, le=60)] | None = Field(
        default=None, description="instead: so many seconds ahead of the ego at the ego's speed"
    )
    beyond: Name | None = Field(default=None, description="instead: just past this actor, as the ego sees it")
    behind: Name | None = Field(default=None, description="instead: just before this actor, as the ego comes to it")
    gap_m: float = Field(default=0.5, ge=0, le=100, description="free length left, with `beyond` and `behind`")
    arm: Arm | None = Field(default=None, description="instead: on another arm of the junction, coming to it")
    before_m: Annotated[float, Field(ge=-100, le=500)] | None = Field(
        default=None, description="with arm: from the actor's centre to where the junction begins; negative: beyond"
    )
    pose: Pose | None = Field(default=None, description="instead: exactly here, where the road has a pose too")
    lane: Lane = Field(default="same", description="the lane, seen from the ego; with arm, seen by who comes there")
    offset_m: Annotated[float, Field(ge=-20, le=20)] = Field(
        default=0.0, description="to the left of that lane's centre"
    )
    heading: Literal["along", "against", "left", "right"] | None = Field(
        default=None, description="along the path; against it in oncoming lanes"
    )
    turn_deg: Annotated[float, Field(ge=-180, le=180)] = Field(
        default=0.0, description="turned further to the left by so much"
    )

    @model_validator(mode="after")
    def _one_station(self) -> Placement:
        given = [name for name in STATIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"got {', '.join(given) or 'none'}; want exactly one of {', '.join(STATIONS)}")
        if "gap_m" in self.model_fields_set and not (self.beyond or self.behind):
            raise ValueError("gap_m goes with beyond and behind; want it left out")
        if (self.before_m is None) != (self.arm is None):
            raise ValueError("arm and before_m go together; want both or neither")
        if "of" in self.model_fields_set and self.ahead_m is None:
            raise ValueError("of goes with ahead_m; want it left out")
        beside = {"lane", "offset_m", "heading", "turn_deg"} & self.model_fields_set
        if self.pose is not None and beside:
            raise ValueError(f"{' and '.join(sorted(beside))} do not go with pose; want yaw_deg in it")
        return self
