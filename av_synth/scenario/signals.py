"""What the traffic lights of the ego's junction show."""

from __future__ import annotations

from pydantic import Field

from av_synth.documents import Strict
from av_synth.scenario.words import Arm, Light


class SignalPlan(Strict):
    """What the lights of the ego's junction show, by arm; arms that are left out stay as they are."""

    ego: Light | None = Field(default=None, description="the ego's own arm")
    opposite: Light | None = Field(default=None, description="the one across")
    left: Light | None = Field(default=None, description="the one from the left")
    right: Light | None = Field(default=None, description="the one from the right")

    def by_arm(self) -> dict[Arm | None, Light]:
        """State by arm; None is the ego's own."""
        keys: tuple[tuple[Arm | None, Light | None], ...] = (
            (None, self.ego),
            ("opposite", self.opposite),
            ("left", self.left),
            ("right", self.right),
        )
        return {arm: state for arm, state in keys if state is not None}
