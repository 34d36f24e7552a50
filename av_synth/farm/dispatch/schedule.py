"""Which run is played next where: loading a town is dear, and a run that failed is better off elsewhere."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from av_synth.farm.model import Affinity, PlannedRun, Slot


@dataclass(frozen=True)
class _Again:
    """A run that failed: when it may be played again, and where it failed."""

    run: PlannedRun
    due_s: float
    failed_at: frozenset[tuple[str, int]]

    def may(self, slot: Slot, places: Sequence[Slot]) -> bool:
        """Whether it may be played there: not on a machine where it failed if there is another, else not in a slot."""
        machines, slots = {machine for machine, _ in self.failed_at}, {number for _, number in self.failed_at}
        if any(place.machine not in machines for place in places):
            return slot.machine not in machines
        if any(place.number not in slots for place in places):
            return slot.number not in slots
        return True


class Schedule:
    """The runs that wait."""

    def __init__(self, runs: Iterable[PlannedRun]) -> None:
        """In the order in which they are to be played, as far as that is free."""
        self._fresh: dict[Affinity, deque[PlannedRun]] = {}
        self._again: list[_Again] = []
        for run in runs:
            self.put_last(run)

    def __len__(self) -> int:
        return len(self._again) + sum(len(waiting) for waiting in self._fresh.values())

    def put_last(self, run: PlannedRun) -> None:
        """It waits behind all others of its town and rig."""
        self._fresh.setdefault(run.affinity, deque()).append(run)

    def put_again(self, run: PlannedRun, due_s: float, failed_at: Iterable[tuple[str, int]]) -> None:
        """It has failed at these (machine, slot): it is played at another place, from `due_s` on and before others."""
        self._again.append(_Again(run, due_s, frozenset(failed_at)))

    def next_s(self, now_s: float) -> float:
        """When the next of those that failed becomes due; infinite if there is none."""
        return min((one.due_s for one in self._again if one.due_s > now_s), default=float("inf"))

    def take(
        self, slot: Slot, slots: Sequence[Slot], now_s: float, shunned: Affinity | None = None
    ) -> PlannedRun | None:
        """The next run for a slot, which is taken out; None if there is none for it now.

        What a worker has loaded comes first, then runs that failed elsewhere, then the town and rig with most runs for
        each worker that has it.

        Args:
            slot: the free one.
            slots: all that runs may be started in, sooner or later, this one included.
            now_s: the time.
            shunned: town and rig that could not be loaded there just now: they come last.
        """
        loaded = Counter(place.affinity for place in slots if place.number != slot.number)

        def dearness(affinity: Affinity) -> tuple[bool, bool]:
            return affinity == shunned, affinity != slot.affinity

        due = [one for one in self._again if one.due_s <= now_s and one.may(slot, slots)]
        again = min(due, key=lambda one: dearness(one.run.affinity), default=None)
        fresh = min(
            self._fresh,
            key=lambda affinity: (*dearness(affinity), -len(self._fresh[affinity]) / (1 + loaded[affinity])),
            default=None,
        )
        if again is not None and (fresh is None or dearness(again.run.affinity) <= dearness(fresh)):
            self._again.remove(again)
            return again.run
        if fresh is None:
            return None
        waiting = self._fresh[fresh]
        run = waiting.popleft()
        if not waiting:
            del self._fresh[fresh]
        return run
