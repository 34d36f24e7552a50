"""What the traffic lights of the ego's junction show."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from av_synth.documents import Strict
from av_synth.scenario.words import Arm


class SignalPlan(Strict):
    """What the lights of the ego's junction show, by arm; arms that are left out stay as they are."""

    ego: Literal["green", "yellow", "red", "off"] | None = Field(default=None, description="the ego's own arm")
    opposite: Literal["green", "yellow", "red", "off"] | None = Field(default=None, description="the one across")
    left: Literal["green", "yellow", "red", "off"] | None = Field(default=None, description="the one from the left")
    right: Literal["green", "yellow", "red", "off"] | None = Field(default=None, description="the one from the right")

    def by_arm(self) -> dict[Arm | None, str]:
        """State by arm; None is the ego's own."""
        keys: tuple[tuple[Arm | None, str | None], ...] = (
            (None, self.ego),
            ("opposite", self.opposite),
            ("left", self.left),
            ("right", self.right),
        )
        return {arm: state for arm, state in keys if state is not None}
