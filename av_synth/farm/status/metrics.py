"""Figures of a campaign for Prometheus, as a text file that the node exporter's textfile collector reads.

<store>/metrics.prom    replaced whole every few seconds while a driver works, and at its end (docs/reference/farm.md)
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from av_synth.farm.failures import closes_player
from av_synth.farm.model import Advanced, Event, FailureClass
from av_synth.farm.status.progress import Progress

FILE = "metrics.prom"

_EVERY_S = 5.0
_TICK_BUCKETS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_CLASSES = ("committed", *(kind.value for kind in FailureClass))
_LOST = "worker lost"
_OTHERWISE = (_LOST, "not committed")
"""Errors of attempts that close no player: a lost worker has an event of its own; who told of a commit goes on."""
_BY_US = ("stalled", "deadline")
"""Errors of attempts that were ended by ending their worker, which nobody calls lost."""


class Metrics:
    """Counts what `Progress` does not, and writes all of it. `tell` comes after `Progress.tell`, in the same thread."""

    def __init__(
        self, store: Path, progress: Progress, *, clock: Callable[[], float] = time.monotonic, every_s: float = _EVERY_S
    ) -> None:
        """Write nothing yet.

        Args:
            store: the store's folder; free space is that of its disk.
            progress: of the campaign.
            clock: seconds, monotonic.
            every_s: the file is written at most so often.
        """
        self._path = Path(store) / FILE
        self._progress = progress
        self._clock = clock
        self._every_s = every_s
        self._written_s: float | None = None
        self._frames: dict[int, tuple[str, int, float]] = {}  # by worker: run, frames done, when
        self._restarts = dict.fromkeys((_LOST, "attempt failed", *_BY_US), 0)
        self._orphans = 0
        self._registry = CollectorRegistry(auto_describe=False)
        self._tick_s = Histogram(
            "av_synth_tick_seconds",
            "Seconds from one recorded frame of a worker to its next, mean of each report.",
            buckets=_TICK_BUCKETS_S,
            registry=self._registry,
        )
        self._registry.register(_Families(self._families))

    def tell(self, event: Event | Advanced) -> None:
        """Count an event, and write the file if it is due."""
        if isinstance(event, Advanced):
            self._advanced(event)
        elif event.get("event") == "lost":
            self._restarts[_LOST] += 1
        elif event.get("event") == "failed" and event["kind"] != FailureClass.CANCELLED.value:
            if event["error"] not in _OTHERWISE and closes_player(event["error"]):
                self._restarts[event["error"] if event["error"] in _BY_US else "attempt failed"] += 1
        elif event.get("event") == "opened":
            self._orphans += int(event["orphans"])
        if not isinstance(event, Advanced) and event.get("event") == "closed":
            self._write()
        else:
            self.beat()

    def beat(self) -> None:
        """Write the file if it is due; to be called also while nothing happens."""
        if self._written_s is None or self._clock() - self._written_s >= self._every_s:
            self._write()

    def _advanced(self, report: Advanced) -> None:
        now = self._clock()
        run_id, done, then = self._frames.get(report.slot, ("", 0, now))
        # the first frames of a run wait for a town to load: that is no tick
        if run_id == report.run_id and report.done > done > 0:
            self._tick_s.observe((now - then) / (report.done - done))
        self._frames[report.slot] = (report.run_id, report.done, now)

    def _write(self) -> None:
        self._written_s = self._clock()
        new = self._path.with_name(f".{FILE}.new")
        # these are for looking at: a disk that is full is met, and told of, where runs are written
        with suppress(OSError):
            new.write_bytes(generate_latest(self._registry))
            os.replace(new, self._path)

    def _families(self) -> Iterable[Metric]:
        snapshot = self._progress.snapshot()
        runs = GaugeMetricFamily("av_synth_runs_total", "Runs of the plan by where they are now.", labels=["state"])
        states = {
            "committed": snapshot.committed,
            "quarantined": snapshot.quarantined,
            "running": snapshot.running,
            "waiting": snapshot.remaining - snapshot.running,
        }
        for state, count in states.items():
            runs.add_metric([state], count)
        yield runs
        if snapshot.left_s is not None:
            left = GaugeMetricFamily(
                "av_synth_left_seconds", "Until nothing remains, as runs take by their quartiles.", labels=["estimate"]
            )
            for name, seconds in vars(snapshot.left_s).items():
                left.add_metric([name], seconds)
            yield left
        attempts = CounterMetricFamily(
            "av_synth_attempts_total", "Ended attempts by class of failure, or committed.", labels=["class"]
        )
        for kind in _CLASSES:
            attempts.add_metric([kind], snapshot.attempts.get(kind, 0))
        yield attempts
        busy = GaugeMetricFamily("av_synth_worker_busy", "1 while a worker plays a run.", labels=["slot", "machine"])
        for worker in snapshot.workers:
            busy.add_metric([str(worker.slot), worker.machine], worker.run is not None)
        yield busy
        restarts = CounterMetricFamily(
            "av_synth_sim_restarts_total", "Simulators started anew after a failure.", labels=["reason"]
        )
        for reason, count in self._restarts.items():
            restarts.add_metric([reason], count)
        yield restarts
        with suppress(OSError):
            free = shutil.disk_usage(self._path.parent).free
            yield GaugeMetricFamily("av_synth_disk_free_bytes", "Free space where the store is.", value=free)
        yield CounterMetricFamily(
            "av_synth_orphans_killed_total", "Processes that earlier drivers had left behind.", value=self._orphans
        )


class _Families(Collector):
    """What prometheus_client asks for metrics when it writes."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()
