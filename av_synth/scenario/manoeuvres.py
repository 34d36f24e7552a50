"""What actors do: the manoeuvres of vehicles, of people, and of the ego."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from av_synth.documents import Strict
from av_synth.scenario.exact import Appear, ArriveTogether, Course, TakeRoute, Vanish
from av_synth.scenario.words import (
    EGO,
    Body,
    Lamp,
    Listed,
    Name,
    Seconds,
    Side,
    SlowKmh,
    SpeedKmh,
    Turn,
    at_most_one,
    check_times,
    exactly_one,
)

HARDEST_MPS2 = 12
Acceleration = Annotated[float, Field(gt=0, le=HARDEST_MPS2)]
SHORTEST_CHANGE_S, LONGEST_CHANGE_S = 0.5, 30
Duration = Annotated[float, Field(ge=SHORTEST_CHANGE_S, le=LONGEST_CHANGE_S)]
Offset = Annotated[float, Field(ge=-20, le=20)]


class Drive(Strict):
    """Takes another speed."""

    speed_kmh: SpeedKmh = Field(description="the new speed")
    acceleration_mps2: Acceleration = Field(default=2.0, description="how fast it gets there, up or down")
    over_s: Annotated[float, Field(gt=0, le=600)] | None = Field(
        default=None, description="instead: it gets there evenly in so long"
    )
    over_m: Annotated[float, Field(gt=0, le=5000)] | None = Field(
        default=None, description="instead: it gets there evenly over such a way"
    )
    at_once: bool = Field(default=False, description="instead: it has that speed at once, whatever its engine can do")

    @model_validator(mode="after")
    def _one(self) -> Drive:
        at_most_one(self, "acceleration_mps2", "at_once", "over_m", "over_s")
        return self


class MatchSpeed(Strict):
    """Takes a speed told by somebody else's."""

    who: Name = Field(default=EGO, description="whose")
    faster_kmh: Annotated[float, Field(ge=-200, le=200)] = Field(default=0.0, description="so much faster than that")
    factor: Annotated[float, Field(ge=0, le=10)] = Field(default=1.0, description="so many times that, and then faster")
    keeps_to_it: bool = Field(default=False, description="it goes on doing so when the other changes its speed")
    acceleration_mps2: Acceleration = Field(default=2.0, description="how fast it gets there, up or down")
    at_once: bool = Field(default=False, description="instead: it has that speed at once, whatever its engine can do")

    @model_validator(mode="after")
    def _one(self) -> MatchSpeed:
        at_most_one(self, "acceleration_mps2", "at_once")
        return self


class SpeedProfile(Strict):
    """Follows speeds over time."""

    points: tuple[tuple[float, float], ...] = Field(
        min_length=1, max_length=100, description="[seconds since the event began, km/h], straight lines between"
    )

    @model_validator(mode="after")
    def _in_order(self) -> SpeedProfile:
        check_times("points", [time for time, _ in self.points])
        if any(speed < 0 for _, speed in self.points):
            raise ValueError("points: want speeds of 0 or more")
        return self


class Follow(Strict):
    """Keeps a time gap to somebody ahead, at most its own speed."""

    who: Name = Field(default=EGO, description="whom")
    gap_s: Annotated[float, Field(ge=0.2, le=10)] = Field(default=1.5, description="time gap")
    gap_m: Annotated[float, Field(gt=0, le=500)] | None = Field(default=None, description="instead: free length")

    @model_validator(mode="after")
    def _one(self) -> Follow:
        at_most_one(self, "gap_s", "gap_m")
        return self


class Brake(Strict):
    """Brakes."""

    deceleration_mps2: Acceleration = Field(description="how hard")
    to_kmh: SpeedKmh = Field(default=0.0, description="down to this speed")


class Stop(Strict):
    """Stops with its front at a place, evenly, and waits."""

    ahead_m: Annotated[float, Field(ge=-1000, le=1000)] = Field(description="station of the ego's path, from `of`")
    of: Name = Field(default="start", description="a feature of the road, or an actor's place at the start")
    wait_s: Seconds | None = Field(default=None, description="then drives on; stays if left out")


class LaneChange(Strict):
    """Changes lane, or shifts sideways."""

    to: Side | None = Field(default=None, description="one lane to the left or right")
    lanes: Annotated[int, Field(ge=1, le=6)] = Field(default=1, description="with to: so many lanes")
    into: Name | None = Field(default=None, description="instead: into the lane that this actor is then in")
    aside: Annotated[int, Field(ge=-6, le=6)] = Field(
        default=0, description="with into: into the lane so many to the left of that, negative: to the right"
    )
    lane_id: Annotated[int, Field(ge=-50, le=50)] | None = Field(
        default=None, description="instead: into the lane with this number in the map, negative on the right"
    )
    offset_m: Offset | None = Field(default=None, description="instead: to this offset from its own lane's centre")
    duration_s: Duration = Field(default=3.0, description="from leaving one line to reaching the other")
    speed_kmh: SpeedKmh | None = Field(default=None, description="the speed it takes meanwhile")

    @model_validator(mode="after")
    def _one(self) -> LaneChange:
        ways = [name for name in ("to", "into", "lane_id", "offset_m") if getattr(self, name) is not None]
        if len(ways) != 1:
            raise ValueError(f"got {' and '.join(ways) or 'none'}; want exactly one of to, into, lane_id, offset_m")
        if self.to is None and "lanes" in self.model_fields_set:
            raise ValueError("lanes goes with to; want it left out")
        if self.into is None and "aside" in self.model_fields_set:
            raise ValueError("aside goes with into; want it left out")
        return self


class CutIn(Strict):
    """Changes into the ego's lane."""

    duration_s: Duration = Field(default=2.5, description="from leaving its lane's centre to reaching the ego's")
    speed_kmh: SpeedKmh | None = Field(default=None, description="the speed it takes meanwhile; its own if left out")


class Merge(Strict):
    """Changes from an acceleration lane into the next one, before it ends."""

    duration_s: Duration = Field(default=3.5, description="how long the lane change takes")
    speed_kmh: SpeedKmh | None = Field(default=None, description="the speed it takes meanwhile")


class Overtake(Strict):
    """Changes lane, passes somebody, and comes back."""

    who: Name = Field(default=EGO, description="whom")
    side: Side = Field(default="left", description="on which side it passes")
    speed_kmh: SpeedKmh = Field(description="how fast it passes")
    back_gap_m: Annotated[float, Field(ge=0, le=200)] = Field(
        default=8.0, description="free length before it changes back"
    )
    duration_s: Duration = Field(default=2.5, description="of each lane change")


class Swerve(Strict):
    """Jerks aside and comes back."""

    offset_m: Offset = Field(description="how far, positive to the left")
    duration_s: Duration = Field(default=2.0, description="there and back")


class Drift(Strict):
    """Drifts off its line, and does not come back."""

    offset_m: Offset = Field(description="how far in the end, positive to the left")
    rate_mps: Annotated[float, Field(gt=0, le=3)] = Field(default=0.4, description="how fast, sideways")


class Reverse(Strict):
    """Drives backwards along its own line."""

    speed_kmh: SlowKmh = Field(description="how fast")
    distance_m: Annotated[float, Field(gt=0, le=200)] | None = Field(
        default=None, description="how far; it stops there; without end if left out"
    )


class TurnAt(Strict):
    """Turns at the next junction of its way, whatever its route said."""

    to: Turn = Field(description="where to")
    speed_kmh: SpeedKmh | None = Field(default=None, description="the speed it takes in the turn")


class UTurn(Strict):
    """Turns around into the lane that runs the other way."""

    speed_kmh: SlowKmh = Field(default=12.0, description="how fast")
    radius_m: Annotated[float, Field(ge=3, le=25)] = Field(default=5.5, description="of the half circle")


class RunLight(Strict):
    """Drives into the junction although its light is red; the ego's is green."""

    speed_kmh: SpeedKmh | None = Field(default=None, description="how fast; its own speed if left out")


class OpenDoor(Strict):
    """Opens a door."""

    side: Side = Field(default="left", description="whose door")


class Meet(Strict):
    """Keeps changing its speed so that it and the ego come to where their ways cross at set times."""

    before_ego_s: Annotated[float, Field(ge=-10, le=10)] = Field(
        description="its middle is there so long before the ego's front; negative: after"
    )
    until_s: Annotated[float, Field(ge=0, le=20)] = Field(
        default=1.0, description="it stops adjusting when either of the two is this near, and keeps its speed"
    )
    min_kmh: SpeedKmh = Field(default=5.0, description="it never goes slower")
    max_kmh: SpeedKmh = Field(default=80.0, description="or faster")

    @model_validator(mode="after")
    def _ordered(self) -> Meet:
        if not self.min_kmh < self.max_kmh:
            raise ValueError(f"min_kmh = {self.min_kmh:g}; want it below max_kmh = {self.max_kmh:g}")
        return self


class LoseControl(Strict):
    """Its tyres lose their hold, and a jerk of the wheel sends it off its line."""

    grip: Annotated[float, Field(gt=0, le=1)] = Field(default=0.3, description="share of its tyres' friction left")
    steer: Annotated[float, Field(ge=-1, le=1)] = Field(
        default=0.4, description="the jerk, as CARLA's steer: positive to the right"
    )
    duration_s: Duration = Field(default=1.5, description="how long the wheel is held")


class Stall(Strict):
    """The engine fails: it rolls out, hazard lights on."""

    deceleration_mps2: Acceleration = Field(default=1.2, description="of the rolling out")


class Drop(Strict):
    """Loses something from its rear."""

    body: Body = Field(default="debris", description="what falls")
    slides_mps2: Acceleration = Field(default=4.0, description="how fast the thing comes to rest on the road")


class Lamps(Strict):
    """Switches lights: what is listed is on, the other ones of these are off."""

    on: Listed[Lamp] = Field(
        max_length=10,
        description="`left` and `right` are the indicators, both are the hazard lights, `special` the blue ones",
    )


class Cross(Strict):
    """A pedestrian crosses, straight ahead of where it faces."""

    speed_kmh: SlowKmh = Field(description="how fast")
    distance_m: Annotated[float, Field(gt=0, le=100)] = Field(default=12.0, description="how far; it stops there")
    stop_after_m: Annotated[float, Field(ge=0, le=100)] | None = Field(
        default=None, description="it hesitates after so many metres"
    )
    stop_s: Seconds = Field(default=0.0, description="for so long, and then goes on")
    turn_back: bool = Field(default=False, description="it goes back instead of on")


class Walk(Strict):
    """A pedestrian walks along the road."""

    speed_kmh: SlowKmh = Field(default=4.5, description="how fast")
    direction: Literal["along", "against"] = Field(default="along", description="seen from the ego")
    distance_m: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        default=None, description="how far; without end if left out"
    )


class Wait(Strict):
    """Stands still; a vehicle brakes gently to a stop first."""


class Fall(Strict):
    """A pedestrian, or a rider with the two-wheeler, falls and stays lying."""

    duration_s: Annotated[float, Field(ge=0.2, le=3)] = Field(default=0.6, description="until it lies")


class Trajectory(Strict):
    """Follows a trajectory given point by point, whatever the dynamics, or until another way or speed is asked for."""

    points: tuple[tuple[float, float, float], ...] = Field(
        min_length=2,
        max_length=2000,
        description="[seconds since the event began, station, offset] along the ego's path",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Trajectory:
        check_times("points", [time for time, _, _ in self.points])
        return self


class Do(Strict):
    """What an actor does: exactly one of the keys."""

    drive: Drive | None = Field(default=None, description="takes another speed")
    speed_profile: SpeedProfile | None = Field(default=None, description="follows speeds over time")
    follow: Follow | None = Field(default=None, description="keeps a time gap to somebody ahead")
    brake: Brake | None = Field(default=None, description="brakes")
    stop: Stop | None = Field(default=None, description="stops at a place")
    lane_change: LaneChange | None = Field(default=None, description="changes lane, or shifts sideways")
    cut_in: CutIn | None = Field(default=None, description="changes into the ego's lane")
    cut_out: LaneChange | None = Field(default=None, description="leaves the ego's lane")
    merge: Merge | None = Field(default=None, description="joins from an acceleration lane")
    overtake: Overtake | None = Field(default=None, description="passes somebody and comes back")
    swerve: Swerve | None = Field(default=None, description="jerks aside and comes back")
    drift: Drift | None = Field(default=None, description="drifts off its line")
    reverse: Reverse | None = Field(default=None, description="drives backwards")
    turn: TurnAt | None = Field(default=None, description="turns at the next junction")
    u_turn: UTurn | None = Field(default=None, description="turns around")
    run_light: RunLight | None = Field(default=None, description="drives into the junction at red")
    open_door: OpenDoor | None = Field(default=None, description="opens a door")
    meet: Meet | None = Field(default=None, description="times itself to the ego's arrival, in closed loop")
    lose_control: LoseControl | None = Field(default=None, description="skids")
    stall: Stall | None = Field(default=None, description="breaks down")
    drop: Drop | None = Field(default=None, description="loses a load")
    lights: Lamps | None = Field(default=None, description="switches lights")
    follow_trajectory: Trajectory | None = Field(default=None, description="moves point by point")
    follow_course: Course | None = Field(default=None, description="moves along a line over the map")
    match_speed: MatchSpeed | None = Field(default=None, description="takes a speed told by somebody else's")
    take_route: TakeRoute | None = Field(default=None, description="goes on by other ways")
    arrive_together: ArriveTogether | None = Field(default=None, description="is at a place when another is at theirs")
    appear: Appear | None = Field(default=None, description="is at a place at once")
    vanish: Vanish | None = Field(default=None, description="is gone at once")
    cross: Cross | None = Field(default=None, description="a pedestrian crosses")
    walk: Walk | None = Field(default=None, description="a pedestrian walks along the road")
    wait: Wait | None = Field(default=None, description="stands still")
    fall: Fall | None = Field(default=None, description="falls over")

    @model_validator(mode="after")
    def _one(self) -> Do:
        exactly_one(self, "manoeuvre")
        return self

    @property
    def kind(self) -> str:
        """The key of its manoeuvre."""
        return next(iter(self.model_fields_set))


_OF_PEOPLE_ALONE = ("cross", "walk")
ANYWHERE = ("appear", "vanish")  # what things do too
OF_PEOPLE = (
    *_OF_PEOPLE_ALONE,
    "wait",
    "fall",
    "follow_trajectory",
    "follow_course",
    "arrive_together",
    "appear",
    "vanish",
)
OF_VEHICLES = tuple(name for name in Do.model_fields if name not in _OF_PEOPLE_ALONE)
OF_EGO = (
    "drive",
    "speed_profile",
    "follow",
    "brake",
    "stop",
    "lane_change",
    "cut_out",
    "merge",
    "overtake",
    "swerve",
    "drift",
    "reverse",
    "stall",
    "lights",
    "follow_course",
    "match_speed",
    "take_route",
    "arrive_together",
    "appear",
)
