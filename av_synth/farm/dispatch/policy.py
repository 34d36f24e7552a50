"""What is done about a failure: by its class, how often it came, and where. Pure: the caller tells the time.

Retried are the failures that say nothing of the run; a run that fails alike again, or three times, is given up with its
evidence. A place (a machine, or a slot) that fails runs which succeed elsewhere is left out. Where nothing can be
played at all the farm waits, with longer and longer pauses, and tries again with one run.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from av_synth.farm.model import Failure, FailureClass
from av_synth.launch.stall import Patience

CHARGED = (FailureClass.TRANSIENT, FailureClass.DETERMINISTIC)
"""Classes of failures that count as attempts."""

_VARYING = re.compile(r"[0-9a-f]*\d[0-9a-f]*")  # ports, process ids, seconds, folders of this attempt


@dataclass(frozen=True)
class Rules:
    """The judgement of a farm, in numbers.

    Attributes:
        attempts: that may be charged to a run.
        retry_s: pause before a transient failure's second attempt; four times as long before the third.
        window, share: the breaker: more than this share of so many charged attempts failed, the last ones.
        distinct: so many runs that failed at a place and succeeded elsewhere take it out.
        out_s: for how long a place is taken out before one run tries it again; twice as long each time after.
        pause_s, longest_pause_s: likewise of a place whose environment fails.
        pause_limit_s: the farm ends when nothing could be played for so long.
        patience: with silent workers: with opening their player and with beginning to play, with a tick, with
            committing. Some seconds more than `run.attempt` has with its child, which knows better what hangs.
        deadline_times: an attempt may take so many times what is usual for its town and rig,
        deadline_least_s: but at least this,
        deadline_unknown_s: and this where nothing of its town and rig has been committed yet.
        run_bytes: of the largest run, as long as none has been committed (`estimate.most_bytes` reckons it): twice that
            a slot has to be free on the disk.
    """

    attempts: int = 3
    retry_s: float = 2.0
    window: int = 50
    share: float = 0.2
    distinct: int = 3
    out_s: float = 600.0
    pause_s: float = 5.0
    longest_pause_s: float = 300.0
    pause_limit_s: float = 3600.0
    patience: Patience = field(default_factory=lambda: Patience(begin_s=200.0, tick_s=65.0, end_s=620.0))
    deadline_times: float = 3.0
    deadline_least_s: float = 600.0
    deadline_unknown_s: float = 7200.0
    run_bytes: int = 256_000_000


@dataclass(frozen=True)
class Retry:
    """Play it again after so long; `elsewhere`: not where it has failed, if there is another place."""

    after_s: float
    elsewhere: bool


@dataclass(frozen=True)
class Quarantine:
    """Give it up; `why` in words, without what the last attempt said: that is told of each attempt."""

    why: str


@dataclass(frozen=True)
class Pause:
    """Nothing is wrong with the run: it is played again when the place where it failed works again."""

    why: str


def charged(failures: Sequence[Failure]) -> int:
    """How many attempts these failures cost."""
    return sum(failure.kind in CHARGED for failure in failures)


def after(run_id: str, failures: Sequence[Failure], rules: Rules) -> Retry | Quarantine | Pause:
    """What to do about a run that has failed.

    Args:
        run_id: 20 hex digits; decides how its pauses differ from those of others, so that they do not all end at once.
        failures: of the run so far, the last one last.
        rules: the numbers.
    """
    last = failures[-1]
    count = charged(failures)
    if count >= rules.attempts:
        return Quarantine(f"{count} attempts failed, the last with {last.error}")
    if last.kind is FailureClass.ENVIRONMENTAL:
        return Pause(f"{last.error}: {last.message}")
    if last.kind is FailureClass.CANCELLED:
        return Retry(0.0, elsewhere=False)
    if last.kind is FailureClass.DETERMINISTIC:
        if any(_alike(last, before) for before in failures[:-1]):
            return Quarantine(f"it failed twice alike, with {last.error}")
        return Retry(0.0, elsewhere=True)
    jitter = 0.5 + int(run_id[:8], 16) / 2**32
    return Retry(rules.retry_s * 4.0 ** (count - 1) * jitter, elsewhere=True)


def _alike(one: Failure, other: Failure) -> bool:
    """Of one type and message, but for numbers."""
    return (one.kind, one.error, _VARYING.sub("#", one.message)) == (
        other.kind,
        other.error,
        _VARYING.sub("#", other.message),
    )


class Breaker:
    """Looks at the last charged attempts of all runs together: when too many fail, the fault is not theirs."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        # None: well; else where it failed
        self._ended: deque[tuple[str | int, ...] | None] = deque(maxlen=rules.window)
        self._last = ""

    def count(self, failure: Failure | None, where: Sequence[str | int] = ()) -> None:
        """An attempt ended: well (None), or with a failure at some places; one that is not charged does not count."""
        if failure is None:
            self._ended.append(None)
        elif failure.kind in CHARGED:
            self._ended.append(tuple(where))
            self._last = f"{failure.error}: {failure.message}"

    def forget(self, where: str | int) -> None:
        """What failed at a place was the place's fault, and it has been taken out."""
        kept = [ended for ended in self._ended if ended is None or where not in ended]
        self._ended.clear()
        self._ended.extend(kept)

    def why(self) -> str | None:
        """Why nothing more should be started, or None; not before the window is full."""
        failed, window = sum(ended is not None for ended in self._ended), self._rules.window
        if len(self._ended) < window or failed <= self._rules.share * window:
            return None
        return f"{failed} of the last {window} attempts failed, the last with {self._last}; see their logs"


@dataclass
class _Place:
    """A machine or a slot; see `Places`.

    Attributes:
        why: why it is left alone, in words; empty if it is not.
        until_s: until when; later, one run at a time tries it.
        times: it was left alone, one after the other.
        out: it is left alone because of what failed there, not because of its environment.
        failed: runs that failed there since the last one that was committed there.
        suspect: those of them that have succeeded elsewhere.
        unclear: those of them that have not been tried elsewhere yet.
    """

    why: str = ""
    until_s: float = float("-inf")
    times: int = 0
    out: bool = False
    failed: set[str] = field(default_factory=set)
    suspect: set[str] = field(default_factory=set)
    unclear: set[str] = field(default_factory=set)


class Places:
    """Which machines (by name) and slots (by number) may be given runs."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._places: dict[str | int, _Place] = {}

    def usable(self, where: str | int, now_s: float) -> bool:
        """Whether runs may be started at a place; one at a time if it is on trial."""
        place = self._places.get(where)
        return place is None or now_s >= place.until_s

    def why(self, where: str | int) -> str:
        """Why a place is left alone, or on trial; empty if it is neither."""
        place = self._places.get(where)
        return place.why if place is not None else ""

    def pause(self, where: str | int, why: str, now_s: float) -> float | None:
        """The environment of a place fails: for how long to leave it alone, or None: it is being left alone already."""
        place = self._places.setdefault(where, _Place())
        return self._leave(place, why, now_s, self._rules.pause_s, self._rules.longest_pause_s)

    def doubtful(self, where: str | int) -> bool:
        """Whether so many runs failed there, and have not been tried elsewhere yet, that one should wait for that."""
        place = self._places.get(where)
        return place is not None and len(place.unclear) >= self._rules.distinct

    def tried(self, here: Sequence[str | int], run_id: str) -> None:
        """An attempt at a run ended: it tells about the other places where it failed before."""
        for where, place in self._places.items():
            if where not in here:
                place.unclear.discard(run_id)

    def failed(self, where: str | int, run_id: str, now_s: float) -> float | None:
        """A charged attempt failed at a place; for how long to leave it alone if that was its trial, else None."""
        place = self._places.setdefault(where, _Place())
        place.failed.add(run_id)
        place.unclear.add(run_id)
        return self._leave(place, place.why, now_s, self._rules.out_s) if place.out else None

    def advanced(self, where: str | int, now_s: float) -> None:
        """A run records frames at a place: what was wrong with its environment is not any more."""
        place = self._places.get(where)
        if place is not None and not place.out and now_s >= place.until_s:
            place.why = ""

    def committed(self, here: Sequence[str | int], run_id: str, now_s: float) -> list[tuple[str | int, str, float]]:
        """A run was committed.

        Args:
            here: the places where it was.
            run_id: which.
            now_s: the time.

        Returns:
            Places that are taken out because of it: which, why, and for how long.
        """
        for where in here:
            place = self._places.get(where)
            if place is not None and now_s >= place.until_s:
                del self._places[where]
        taken_out = []
        for where, place in sorted(self._places.items(), key=str):
            if run_id in place.failed and where not in here:
                place.suspect.add(run_id)
                if len(place.suspect) >= self._rules.distinct and not place.out:
                    why = f"{len(place.suspect)} runs failed there that succeeded elsewhere, and none succeeded there"
                    for_s = self._leave(place, why, now_s, self._rules.out_s)
                    if for_s is not None:
                        place.out = True
                        taken_out.append((where, why, for_s))
        return taken_out

    def _leave(
        self, place: _Place, why: str, now_s: float, first_s: float, longest_s: float = float("inf")
    ) -> float | None:
        if now_s < place.until_s:
            return None  # what was at work there when it began
        for_s = min(first_s * 2.0**place.times, longest_s)
        place.why, place.until_s = why, now_s + for_s
        place.times += 1
        return for_s
