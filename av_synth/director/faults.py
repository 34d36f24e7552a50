"""Which faults the sensors have at a frame, by the events of the scenario."""

from __future__ import annotations

import math

from av_synth.scenario.faults import Fault, FaultInForce


class Faults:
    """The faults that have begun, in their order."""

    def __init__(self) -> None:
        self._begun: list[tuple[int, float, FaultInForce]] = []  # from when, until when

    def begin(self, fault: Fault, for_s: float | None, time_us: int) -> int | None:
        """Let sensors fail from this frame on.

        Returns:
            The recorded time, microseconds, at which it is over; None if it never is.
        """
        over_us = None if for_s is None else time_us + round(for_s * 1e6)
        until_us = math.inf if over_us is None else over_us
        self._begun.append((time_us, until_us, FaultInForce(len(self._begun), fault)))
        return over_us

    def at(self, time_us: int) -> tuple[FaultInForce, ...]:
        """Those in force at a recorded time; the frame at which one is over is good again."""
        return tuple(fault for since_us, until_us, fault in self._begun if since_us <= time_us < until_us)
