"""What must, and what must not, come of a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from av_synth.documents import Matching, Strict
from av_synth.scenario.words import EGO, Name, Range

Looker = Annotated[str, Matching("ego|[A-Z][A-Z0-9_]{0,40}", "ego, or a sensor's channel such as CAM_FRONT")]
PAIR_METRICS = ("ttc_s", "pet_s", "distance_m", "gap_s", "drac_mps2", "contact", "first", "seen")
OWN_METRICS = ("least_kmh", "greatest_kmh", "deceleration_mps2")


class Seen(Strict):
    """When an actor first comes into sight of the ego, or of a sensor of the rig (not judged without that rig)."""

    by: Looker = Field(default=EGO, description="ego, or a channel")
    arrival_s: Range | None = Field(default=None, description="seconds until the ego would be there, when first seen")
    distance_m: Range | None = Field(default=None, description="how far away, when first seen")
    time_s: Range | None = Field(default=None, description="recorded time, when first seen")

    @model_validator(mode="after")
    def _some(self) -> Seen:
        if self.arrival_s is None and self.distance_m is None and self.time_s is None:
            raise ValueError("want at least one of arrival_s, distance_m, time_s")
        return self


class Expectation(Strict):
    """What must hold of an actor, and between it and the ego or another, over the recorded time."""

    of: Name = Field(description="the actor, or ego for its own speed and braking")
    to: Name = Field(default=EGO, description="the other party")
    ttc_s: Range | None = Field(default=None, description="the least time to collision")
    pet_s: Range | None = Field(default=None, description="the post-encroachment time")
    distance_m: Range | None = Field(default=None, description="the least distance between the boxes")
    gap_s: Range | None = Field(default=None, description="the least time gap of the one behind, in one lane")
    drac_mps2: Range | None = Field(default=None, description="the greatest deceleration rate to avoid the crash")
    contact: bool | None = Field(default=None, description="whether they touch")
    first: Name | None = Field(default=None, description="which of the two is first where their ways cross")
    seen: Seen | None = Field(default=None, description="when it comes into sight")
    least_kmh: Range | None = Field(default=None, description="the least speed of `of`")
    greatest_kmh: Range | None = Field(default=None, description="the greatest speed of `of`")
    deceleration_mps2: Range | None = Field(default=None, description="the hardest braking of `of`, over 0.3 s")

    @model_validator(mode="after")
    def _some(self) -> Expectation:
        asked = [name for name in (*PAIR_METRICS, *OWN_METRICS) if getattr(self, name) is not None]
        if not asked:
            raise ValueError(f"want at least one of {', '.join((*PAIR_METRICS, *OWN_METRICS))}")
        between = [name for name in asked if name in PAIR_METRICS]
        if self.of == self.to and between:
            raise ValueError(f"{between[0]} is between two; want another than {self.of!r} in of or to")
        if self.first is not None and self.first not in (self.of, self.to):
            raise ValueError(f"first = {self.first!r}; want {self.of!r} or {self.to!r}")
        return self
