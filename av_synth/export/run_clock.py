"""When a run was made, for readers who want to know: a function of the run id alone, so that no clock has a say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property

_YEAR_START = datetime(2026, 1, 1, tzinfo=timezone.utc)
_YEAR_SECONDS = 360 * 24 * 3600


@dataclass(frozen=True)
class RunClock:
    """The time of one run.

    Attributes:
        run_id: 20 hex digits.
    """

    run_id: str

    @cached_property
    def start(self) -> datetime:
        """The run's pretended start: a whole second of 2026, drawn by the run id."""
        return _YEAR_START + timedelta(seconds=int(self.run_id, 16) % _YEAR_SECONDS)

    def timestamp(self, time_us: int) -> int:
        """Microseconds since the Unix epoch of `time_us` microseconds after the first recorded frame."""
        return self._start_us + time_us

    @cached_property
    def _start_us(self) -> int:
        return (self.start - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)
