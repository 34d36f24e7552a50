"""How long runs take, and how long a campaign still takes: reckoned here for all who tell it, from events alone."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import quantiles

from av_synth.farm.model import Affinity, Event, PlannedRun

_ENOUGH = 4  # of fewer runs quartiles say little: such a town is taken to be like the others
_REMEMBERED = 200  # times of runs by affinity: of very long campaigns, the recent ones


@dataclass(frozen=True)
class Span:
    """Seconds and their range: the median, and the quartiles below and above it."""

    low: float
    middle: float
    high: float


def span(values: Iterable[float]) -> Span | None:
    """Median and quartiles; None of nothing."""
    values = list(values)
    if len(values) < 2:
        return Span(values[0], values[0], values[0]) if values else None
    return Span(*quantiles(values, n=4, method="inclusive"))


class Reckoning:
    """Folds the events of a campaign's drivers, in order.

    Attributes:
        workers: of the last driver.
        drains: whether that driver starts nothing more.
    """

    def __init__(self, runs: Mapping[str, PlannedRun]) -> None:
        """Know nothing but the planned runs, by their ids."""
        self.workers = 0
        self.drains = False
        self._runs = runs
        self._walls: dict[Affinity, deque[float]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))
        self._begun: dict[object, tuple[PlannedRun, float]] = {}  # by slot: what is being played, and since when
        self._useful_s = self._wasted_s = 0.0

    def tell(self, event: Event, at_s: float) -> None:
        """Take in an event of a time; what does not say what it should is passed over."""
        what, slot, run = event.get("event"), event.get("slot"), self._runs.get(str(event.get("run")))
        if what == "opened":
            self.workers = max(1, int(event.get("workers", 1)))
        if what in ("opened", "draining", "breaker"):
            self.drains = what != "opened"
        if what in ("opened", "closed"):
            self._begun.clear()
        elif what == "started" and run is not None:
            self._begun[slot] = run, at_s
        elif what in ("failed", "lost", "committed"):
            begun = self._begun.get(slot)
            if begun is not None and (what == "lost" or begun[0] is run):
                del self._begun[slot]
                # the time that a commit took is told by itself
                self._wasted_s += 0.0 if what == "committed" else max(0.0, at_s - begun[1])
            if what == "committed" and event.get("played", True) and run is not None and "wall_s" in event:
                self._walls[run.affinity].append(float(event["wall_s"]))
                self._useful_s += float(event["wall_s"])

    def run_s(self) -> Span | None:
        """What a run takes, from the start of its attempt to its commit; None until one has been played."""
        return span(wall for some in self._walls.values() for wall in some)

    def left_s(self, remaining: Mapping[Affinity, int], now_s: float | None) -> Span | None:
        """How long it takes until nothing remains, if runs take as long as each quartile of those so far.

        What attempts that failed have taken is added in the proportion seen so far. What has been played for longer
        than usual counts as about to end.

        Args:
            remaining: runs that are neither committed nor quarantined, those being played included.
            now_s: the time, of the clock by which events were told; None where nobody is at it.

        Returns:
            None where no run has been committed yet, there is no worker, or nothing more is started.
        """
        left = {affinity: count for affinity, count in remaining.items() if count > 0}
        if not left:
            return Span(0.0, 0.0, 0.0)
        pooled = self.run_s()
        begun = [] if now_s is None else [(run.affinity, now_s - since_s) for run, since_s in self._begun.values()]
        begun = [(affinity, spent_s) for affinity, spent_s in begun if affinity in left]
        workers = len(begun) or self.workers
        if pooled is None or not workers or self.drains:
            return None
        known = {a: (span(self._walls[a]) if len(self._walls[a]) >= _ENOUGH else None) or pooled for a in left}
        waste = self._wasted_s / self._useful_s if self._useful_s else 0.0

        def seconds(quartile: str) -> float:
            each = {affinity: float(getattr(found, quartile)) for affinity, found in known.items()}
            spent = [min(max(spent_s, 0.0), each[affinity]) for affinity, spent_s in begun]
            total = sum(count * each[affinity] for affinity, count in left.items()) - sum(spent)
            # never less than a single run needs, however many workers there are
            if sum(left.values()) > len(begun):
                longest = max(each.values())
            else:
                longest = max(each[affinity] - spent_s for (affinity, _), spent_s in zip(begun, spent, strict=True))
            return max(total * (1.0 + waste) / workers, longest)

        return Span(seconds("low"), seconds("middle"), seconds("high"))


def reckoned(
    runs: Iterable[PlannedRun], events: Iterable[Event], is_ended: Iterable[str], now_s: float | None
) -> tuple[Reckoning, Span | None]:
    """What a store tells of how long its campaign still takes.

    Args:
        runs: all that are planned.
        events: of its journal.
        is_ended: ids of the runs that do not remain.
        now_s: the time by the wall clock, as events have it; None where nobody is at it.

    Returns:
        The reckoning, and `left_s` of it.
    """
    planned = {run.run_id: run for run in runs}
    reckoning = Reckoning(planned)
    for event in events:
        reckoning.tell(event, float(event.get("t", 0.0)))
    remaining = Counter(planned[run_id].affinity for run_id in planned.keys() - set(is_ended))
    return reckoning, reckoning.left_s(remaining, now_s)
