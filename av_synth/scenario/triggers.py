"""When something begins: conditions over states, and how they are joined."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from av_synth.documents import Strict, Written
from av_synth.scenario.exact import Near
from av_synth.scenario.words import EGO, Arm, Light, Metres, Name, Range, Seconds, at_most, exactly_one

MODIFIERS = ("for_s", "delay_s", "anew")


class Between(Range):
    """A range of something between two actors; a number alone means `max`."""

    of: Name | None = Field(default=None, description="one of the two; the event's own actor if left out")
    to: Name = Field(default=EGO, description="the other")


class Gap(Between):
    """A range of the room between two; a number alone means `max`."""

    centres: bool = Field(default=False, description="from centre to centre instead of the free room")
    ahead: bool = Field(default=False, description="it counts only while `to` is ahead of `of`")


class Own(Range):
    """A range of something of one actor."""

    of: Name | None = Field(default=None, description="whose; the event's own actor if left out")


class Whose(Strict):
    """One actor."""

    of: Name | None = Field(default=None, description="who; the event's own actor if left out")


class Touch(Strict):
    """Two actors touch."""

    of: Name | None = Field(default=None, description="one of the two; the event's own actor if left out")
    to: Name | None = Field(default=EGO, description="the other; nothing for whoever or whatever it is")

    @model_serializer(mode="wrap")
    def _with_nobody(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """`to` is in a dump without nothings too: left out it would be read back as the ego."""
        return {**handler(self), "to": self.to}


class Speed(Own):
    """A range of somebody's speed in km/h; a number alone means `max`."""


class Reaches(Whose):
    """Somebody's centre passes a station of the ego's path."""

    ahead_m: Metres = Field(description="the station, counted from `anchor`")
    anchor: Name = Field(default="start", description="a feature of the road, or another actor's present place")


class Region(Whose):
    """Somebody's centre is in a stretch of road: between two stations and two offsets of the ego's path."""

    from_m: Metres = Field(description="the first station")
    to_m: Metres = Field(description="the last")
    left_m: Annotated[float, Field(ge=-50, le=50)] = Field(default=2.0, description="its left border")
    right_m: Annotated[float, Field(ge=-50, le=50)] = Field(default=-2.0, description="its right border")
    anchor: Name = Field(default="start", description="what the stations count from")

    @model_validator(mode="after")
    def _ordered(self) -> Region:
        if not (self.from_m < self.to_m and self.right_m < self.left_m):
            raise ValueError("want from_m below to_m, and right_m below left_m")
        return self


class Sight(Strict):
    """Whether one sees another past everything that stands between."""

    by: Name = Field(default=EGO, description="who looks")
    of: Name | None = Field(default=None, description="at whom; the event's own actor if left out")


class SignalState(Strict):
    """The light of an arm of the ego's junction."""

    arm: Arm | None = Field(default=None, description="which arm; the ego's own if left out")
    state: Light = Field(description="what it shows")


class Progress(Strict):
    """Another event, by its name."""

    event: Name = Field(description="the event's `name`")
    after_s: Seconds = Field(default=0.0, description="so long after it began")
    done: bool = Field(default=False, description="count from when its manoeuvre was over, not from when it began")


_AtMost = BeforeValidator(at_most)
_Number = Written({"type": "number"})
_Gap = Annotated[Gap, _AtMost, _Number]
_Between = Annotated[Between, _AtMost, _Number]


class When(Strict):
    """What an event waits for: exactly one condition, or several joined by all, any, none or then."""

    time_s: Seconds | None = Field(default=None, description="recorded time")
    ego_arrives_in_s: float | None = Field(
        default=None,
        ge=0,
        le=60,
        description="time until the ego's front is level with the actor, at the ego's present speed",
    )
    crosses_before_ego_s: float | None = Field(
        default=None,
        ge=-5,
        le=30,
        description="with cross: it is in the middle of the ego's path so long before the ego, did nobody brake",
    )
    ego_gap_m: float | None = Field(
        default=None, ge=0, le=500, description="free length between actor and ego along the path has shrunk to this"
    )
    gap_m: _Gap | None = Field(default=None, description="free length between two along the ego's path")
    gap_s: _Gap | None = Field(default=None, description="the same in seconds at the speed of the one behind")
    distance_m: _Gap | None = Field(default=None, description="least distance between two boxes")
    ttc_s: _Between | None = Field(default=None, description="time to collision of two boxes")
    speed_kmh: Annotated[Speed, _AtMost, _Number] | None = Field(default=None, description="somebody's speed")
    aside_m: _Gap | None = Field(default=None, description="free width between two, across the ego's path")
    faster_kmh: _Between | None = Field(default=None, description="the speed of `of` less that of `to`")
    acceleration_mps2: Own | None = Field(default=None, description="somebody's acceleration along its heading")
    travelled_m: Own | None = Field(default=None, description="the way somebody has come since recorded time zero")
    contact: Touch | None = Field(default=None, description="two touch")
    near: Near | None = Field(default=None, description="somebody is near a place of a named map")
    lane_ends: Whose | None = Field(default=None, description="somebody has come to where its lane ends")
    off_road: Whose | None = Field(default=None, description="somebody's centre is off every driving lane")
    reaches: Reaches | None = Field(default=None, description="somebody passes a station of the ego's path")
    region: Region | None = Field(default=None, description="somebody is in a stretch of road")
    sees: Sight | None = Field(default=None, description="one sees another")
    loses_sight: Sight | None = Field(default=None, description="one saw another and no longer does")
    signal: SignalState | None = Field(default=None, description="a traffic light shows something")
    after: Progress | None = Field(default=None, description="another event has begun, or is over")
    all: tuple[When, ...] | None = Field(default=None, min_length=1, max_length=10, description="all of these at once")
    any: tuple[When, ...] | None = Field(default=None, min_length=1, max_length=10, description="one of these")
    none: tuple[When, ...] | None = Field(default=None, min_length=1, max_length=10, description="not one of these")
    then: tuple[When, ...] | None = Field(
        default=None, min_length=2, max_length=10, description="these, one after the other"
    )
    for_s: Seconds = Field(default=0.0, description="it must hold for so long without a break")
    delay_s: Seconds = Field(default=0.0, description="and then so much time passes")
    anew: bool = Field(default=False, description="it counts only once it has not held: it must come to hold")

    @model_validator(mode="after")
    def _one(self) -> When:
        exactly_one(self, "condition", beside=MODIFIERS)
        return self

    @property
    def kind(self) -> str:
        """The key of its condition."""
        return next(iter(self.model_fields_set.difference(MODIFIERS)))
