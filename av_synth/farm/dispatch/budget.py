"""A campaign's budget while it is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from av_synth.farm.model import Advanced, Event
from av_synth.farm.planning.document import Budget


class BudgetWatch:
    """Counts what attempts took, failed ones too, and says once when a budget is spent."""

    def __init__(self, budget: Budget, history: Iterable[Event], on_spent: Callable[[], object]) -> None:
        """Begin with what earlier drivers spent.

        Args:
            budget: of the campaign; `runs` is looked at when it is read.
            history: events of the store's journal.
            on_spent: called once, by what is spent when nothing is left of something.
        """
        self._budget = budget
        self._core_s = self._bytes = 0.0
        self._on_spent: Callable[[], object] | None = None
        for event in history:
            self.tell(event)
        self._on_spent = on_spent

    @property
    def core_hours(self) -> float:
        """Spent so far."""
        return self._core_s / 3600.0

    @property
    def gigabytes(self) -> float:
        """Written so far."""
        return self._bytes / 1e9

    def why_empty(self) -> str | None:
        """What is spent, in words; None while there is something left of everything."""
        hours, gigabytes = self.core_hours, self.gigabytes
        if self._budget.core_hours is not None and hours >= self._budget.core_hours:
            return f"{hours:.3g} core-hours are spent, the budget is {self._budget.core_hours:g}"
        if self._budget.gigabytes is not None and gigabytes >= self._budget.gigabytes:
            return f"{gigabytes:.3g} GB are written, the budget is {self._budget.gigabytes:g}"
        return None

    def tell(self, event: Event | Advanced) -> None:
        """Count an event of the driver."""
        if isinstance(event, Advanced):
            return
        if event.get("event") == "failed":
            self._core_s += event.get("cpu_s", 0.0)
        elif event.get("event") == "committed" and event["played"]:
            self._core_s += event["cpu_s"]
            self._bytes += event["bytes"]
        else:
            return
        if self._on_spent is not None and self.why_empty() is not None:
            self._on_spent()
            self._on_spent = None
