"""What is shown of a campaign: the events of its driver, folded into counts, rates, an estimate and what went wrong.

    progress = Progress(plan.runs, committed=..., history=events of earlier drivers)
    progress.tell(event)      # each event of the driver, and each `model.Advanced`
    progress.snapshot()       # what the live view, the metrics and the page are drawn from

Events are dicts as the journal has them (docs/reference/farm.md). Nothing here decides anything.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from av_synth.farm.model import Advanced, Affinity, Event, FailureClass, PlannedRun
from av_synth.farm.status.eta import Reckoning
from av_synth.farm.status.snapshot import CampaignSnapshot, Trouble, WorkerSnapshot, trouble
from av_synth.farm.status.words import duration

_RATE_WINDOW_S = 3600.0
_FRAMES_WINDOW_S = 30.0
_SAMPLE_S = 1.0  # frames are counted at most so often: workers report many times a second
_TROUBLES = 5


@dataclass
class _Work:
    """What a worker is doing."""

    run_id: str
    attempt: int
    ticked_s: float
    done: int = 0
    of: int = 0


class Progress:
    """Folds the events of one driver; one thread may tell while another looks."""

    def __init__(
        self,
        runs: Sequence[PlannedRun],
        *,
        committed: Iterable[str] = (),
        quarantined: Iterable[str] = (),
        history: Iterable[Event] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin before the driver does.

        Args:
            runs: all that are planned.
            committed: ids of runs that are in the store already.
            quarantined: ids of runs that are in quarantine already.
            history: events of earlier drivers: for figures and estimates; they say nothing of what is where.
            clock: seconds, monotonic.
        """
        self.runs = {run.run_id: run for run in runs}
        self._clock = clock
        self._lock = threading.Lock()
        self._left: Counter[Affinity] = Counter(run.affinity for run in runs)
        self._committed: set[str] = set()
        self._quarantined: set[str] = set()
        self._not_held: set[str] = set()
        self._never_began: set[str] = set()
        self._reckoning = Reckoning(self.runs)
        self._slots: dict[int, tuple[str, _Work | None]] = {}
        self._attempts: Counter[str] = Counter()
        self._lost = 0
        self._troubles: deque[Trouble] = deque(maxlen=_TROUBLES)
        self._bytes = 0
        self._opened_s = clock()
        self._began_s: float | None = None  # the first attempt: before it, workers start
        self._commits: deque[float] = deque()
        self._frames = 0
        self._frame_samples: deque[tuple[float, int]] = deque()
        self._note = self._pause = ""
        self._paused_s, self._is_idle = clock(), False  # until when, and whether nothing has been started since
        for event in history:
            self._remember(event)
        for run_id in committed:
            self._settle(run_id, self._committed)
        for run_id in quarantined:
            self._settle(run_id, self._quarantined)

    def tell(self, event: Event | Advanced) -> None:
        """Take in what happened; events that say nothing of interest here, or are unknown, are passed over."""
        with self._lock:
            if isinstance(event, Advanced):
                self._advanced(event)
                return
            self._reckoning.tell(event, self._clock())
            take = getattr(self, f"_on_{event.get('event')}", None)
            if take is not None:
                take(event)

    def snapshot(self) -> CampaignSnapshot:
        """The campaign as it is now."""
        with self._lock:
            return self._snapshot(self._clock())

    def _snapshot(self, now: float) -> CampaignSnapshot:
        return CampaignSnapshot(
            planned=len(self.runs),
            committed=len(self._committed),
            quarantined=len(self._quarantined),
            remaining=len(self.runs) - len(self._committed) - len(self._quarantined),
            running=sum(work is not None for _, work in self._slots.values()),
            not_held=len(self._not_held),
            never_began=len(self._never_began),
            runs_per_h=self._runs_per_h(now),
            frames_per_s=self._frames_per_s(now),
            bytes=self._bytes,
            elapsed_s=now - self._opened_s,
            left_s=self._reckoning.left_s(self._left, now),
            workers=tuple(self._worker(slot, now) for slot in sorted(self._slots)),
            attempts=dict(self._attempts),
            lost=self._lost,
            troubles=tuple(self._troubles),
            note=self._note or (self._pause if self._is_idle or now < self._paused_s else ""),
        )

    def _settle(self, run_id: str, where: set[str]) -> None:
        """A planned run remains no longer; one that is committed is not quarantined, whatever was said before."""
        if run_id not in self.runs or run_id in self._committed:
            return
        if run_id not in self._quarantined:
            self._left[self.runs[run_id].affinity] -= 1
        self._quarantined.discard(run_id)
        where.add(run_id)

    def _remember(self, event: Event) -> None:
        self._reckoning.tell(event, float(event.get("t", 0.0)))
        kind = event.get("event")
        if kind == "committed":
            self._count_commit(event)
        elif kind == "failed":
            self._attempts[FailureClass(event["kind"]).value] += 1
        elif kind == "lost":
            self._lost += 1

    def _count_commit(self, event: Event) -> None:
        self._attempts["committed"] += 1
        self._bytes += int(event["bytes"])
        if not event["held"]:
            self._not_held.add(event["run"])
        if event.get("never_began"):  # journals of before say nothing of it
            self._never_began.add(event["run"])

    def _on_opened(self, _event: Event) -> None:
        self._note = ""
        self._opened_s = self._clock()
        self._paused_s = self._clock()
        self._slots.clear()

    def _on_started(self, event: Event) -> None:
        now = self._clock()
        self._began_s = now if self._began_s is None else self._began_s
        self._is_idle = False
        self._slots[event["slot"]] = (event["machine"], _Work(event["run"], int(event["attempt"]), now))

    def _advanced(self, report: Advanced) -> None:
        _, work = self._slots.get(report.slot, ("", None))
        if work is None or work.run_id != report.run_id:  # it was ended meanwhile
            return
        now = self._clock()
        self._count_frames(report.done - work.done, now)
        work.done, work.of, work.ticked_s = report.done, report.of, now

    def _count_frames(self, new: int, now: float) -> None:
        self._frames += max(0, new)
        if not self._frame_samples or now - self._frame_samples[-1][0] >= _SAMPLE_S:
            self._frame_samples.append((now, self._frames))

    def _on_committed(self, event: Event) -> None:
        now = self._clock()
        work = self._free(event)
        self._count_commit(event)
        self._settle(event["run"], self._committed)
        if event["played"]:
            self._commits.append(now)
            self._count_frames(int(event["frames"]) - (work.done if work else 0), now)

    def _on_failed(self, event: Event) -> None:
        self._free(event)
        self._attempts[FailureClass(event["kind"]).value] += 1
        self._troubles.append(trouble(event))

    def _on_lost(self, event: Event) -> None:
        self._lost += 1
        self._slots.pop(event["slot"], None)

    def _on_quarantined(self, event: Event) -> None:
        self._settle(event["run"], self._quarantined)

    def _on_released(self, event: Event) -> None:
        for where in (self._quarantined, *((self._committed,) if "damaged" in event else ())):
            if event["run"] in where:
                where.remove(event["run"])
                self._left[self.runs[event["run"]].affinity] += 1

    def _on_paused(self, event: Event) -> None:
        self._pause = f"paused for {duration(event['for_s'])}: {event['why']}"
        self._paused_s, self._is_idle = self._clock() + float(event["for_s"]), True

    def _on_breaker(self, event: Event) -> None:
        self._note = f"stopped: {event['why']}"

    def _on_draining(self, event: Event) -> None:
        self._note = f"draining: {event['why']}"

    def _on_closed(self, event: Event) -> None:
        self._slots.clear()
        self._note = self._note or f"closed with exit status {event['exit_code']}"

    def _free(self, event: Event) -> _Work | None:
        """Take an ended attempt from its worker, if that is what the worker was doing."""
        for slot, (machine, work) in self._slots.items():
            if work is not None and slot == event.get("slot") and work.run_id == event["run"]:
                self._slots[slot] = (machine, None)
                return work
        return None

    def _worker(self, slot: int, now: float) -> WorkerSnapshot:
        machine, work = self._slots[slot]
        if work is None:
            return WorkerSnapshot(slot, machine)
        run = self.runs.get(work.run_id)
        return WorkerSnapshot(slot, machine, run, work.attempt, work.done, work.of, now - work.ticked_s)

    def _runs_per_h(self, now: float) -> float | None:
        while self._commits and now - self._commits[0] > _RATE_WINDOW_S:
            self._commits.popleft()
        if not self._commits or self._began_s is None or now <= self._began_s:
            return None
        return 3600.0 * len(self._commits) / min(now - self._began_s, _RATE_WINDOW_S)

    def _frames_per_s(self, now: float) -> float | None:
        samples = self._frame_samples
        while len(samples) > 1 and now - samples[1][0] > _FRAMES_WINDOW_S:
            samples.popleft()
        if not samples or now <= samples[0][0]:
            return None
        return (self._frames - samples[0][1]) / (now - samples[0][0])
