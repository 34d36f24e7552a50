"""Telling a process that plays slowly from one that hangs, by when it told of a tick last.

The carla client can hang for good where none of its time-outs looks: its Traffic Manager wakes its thread without
holding the lock that the thread waits with (LibCarla, TrafficManagerLocal.cpp, SynchronousTick), so that once in some
hundred thousand ticks, more often on a busy machine, both wait for each other. Nothing inside that process can end
this; whoever started it can end the process.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

_SLOW = 20.0  # times the median tick
_REMEMBERED = 101  # ticks
_PULSE_S = 1.0


@dataclass(frozen=True)
class Patience:
    """How long a process may be silent.

    Attributes:
        begin_s: while it connects, loads a town and places actors.
        tick_s: during a tick; 20 times as long as the median of those before, if that is longer.
        end_s: while it writes what is left, reads it back and commits.
    """

    begin_s: float = 180.0
    tick_s: float = 60.0
    end_s: float = 600.0


class Pulse:
    """When a process told of a tick last, and whether it has been silent for too long since.

    Times are of the monotonic clock, which stands still while the machine sleeps and does not jump, or of another
    `clock` that tells seconds.
    """

    def __init__(self, patience: Patience, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._took_s: deque[float] = deque(maxlen=_REMEMBERED)
        self.begin()

    def begin(self) -> None:
        """A run begins."""
        self._last_s, self._done, self._of = self._clock(), -1, 0

    def tick(self, done: int, of: int) -> None:
        """Frame `done` of `of` is done; 0 before the first."""
        now = self._clock()
        if self._done >= 0:
            self._took_s.append((now - self._last_s) / max(done - self._done, 1))
        self._last_s, self._done, self._of = now, done, of

    def why_stalled(self) -> str | None:
        """What it did not do for too long, or None."""
        if self._done < 0:
            limit_s, what = self._patience.begin_s, "begun to play"
        elif self._done == self._of:
            limit_s, what = self._patience.end_s, "committed what it had played"
        else:
            slow_s = _SLOW * median(self._took_s) if self._took_s else 0.0
            limit_s, what = max(self._patience.tick_s, slow_s), f"got beyond frame {self._done} of {self._of}"
        silent_s = self._clock() - self._last_s
        return f"has not {what} for {silent_s:.0f} s" if silent_s > limit_s else None


def at_times(tell: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Progress (frames done, frames in all) that is passed on at first, then once a second, and at the last frame."""
    last_s = float("-inf")

    def told(done: int, of: int) -> None:
        nonlocal last_s
        now = time.monotonic()
        if now - last_s >= _PULSE_S or done == of:
            last_s = now
            tell(done, of)

    return told
