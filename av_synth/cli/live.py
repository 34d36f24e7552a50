"""A campaign while it runs: a picture that is drawn anew on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from av_synth.cli.output import console as usual_console
from av_synth.farm.model import Advanced, Event, OnEvent
from av_synth.farm.status import words
from av_synth.farm.status.progress import Progress
from av_synth.farm.status.snapshot import CampaignSnapshot, WorkerSnapshot

_REDRAWS_PER_S = 4
_SUMMARY_EVERY_S = 30.0
_KEPT = ("quarantined", "breaker", "released")  # what is told again when the screen is given back
_MOST_KEPT = 20
_NARROW = 70  # columns; below it a worker's machine and town are left out
_SHORT_ID = 10  # characters of a run id, enough to find it
_QUIET_S = 10.0  # a worker without a frame for so long is worth a look
_COLOURS = {"environmental": "yellow", "transient": "magenta", "deterministic": "red", "cancelled": "dim"}


@contextmanager
def shown(
    title: str,
    progress: Progress,
    *,
    also: Sequence[OnEvent] = (),
    console: Console = usual_console,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[OnEvent]:
    """Show a campaign for as long as the context lasts.

    On a terminal the whole screen is used, and given back at the end with a summary and the runs that were given up;
    elsewhere a line is written for each attempt that ended, and a summary every 30 seconds in which something happened.

    Args:
        title: the campaign's name.
        progress: is told every event.
        also: told every event after it.
        console: where to.
        clock: seconds, monotonic.

    Yields:
        What the driver calls with every event and every `Advanced`.
    """
    lines = _Lines(progress, console, clock)
    kept: list[str] = []

    def take(event: Event | Advanced) -> None:
        progress.tell(event)
        for watcher in also:
            watcher(event)
        if not console.is_interactive:
            lines.tell(event)
        elif not isinstance(event, Advanced) and event.get("event") in _KEPT:
            kept.extend(filter(None, [words.told(event, progress.runs)]))

    if console.is_interactive:
        with Live(
            get_renderable=lambda: picture(title, progress.snapshot(), *console.size),
            console=console,
            screen=True,
            refresh_per_second=_REDRAWS_PER_S,
        ):
            yield take
        for line in kept[-_MOST_KEPT:]:
            lines.say(line)
    else:
        yield take
    lines.summary()


class _Lines:
    """Plain lines, for files and for machines that build."""

    def __init__(self, progress: Progress, console: Console, clock: Callable[[], float]) -> None:
        self._progress, self._console, self._clock = progress, console, clock
        self._summed_s = clock()

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def tell(self, event: Event | Advanced) -> None:
        line = None if isinstance(event, Advanced) else words.told(event, self._progress.runs)
        if line is not None:
            self.say(line)
        if self._clock() - self._summed_s >= _SUMMARY_EVERY_S:
            self.summary()

    def summary(self) -> None:
        self._summed_s = self._clock()
        snapshot = self._progress.snapshot()
        self.say(
            "; ".join(
                part for part in (words.counts(snapshot), words.pace(snapshot), words.clean(snapshot.note)) if part
            )
        )


def picture(title: str, snapshot: CampaignSnapshot, width: int, height: int) -> RenderableType:
    """A campaign on a screen of so many columns and rows; what does not fit is left out, and said to be."""
    head = _head(title, snapshot)[: max(1, height - 2)]
    foot = _troubles(snapshot, room=max(0, height - len(head) - 5))
    workers = _workers(snapshot.workers, width, max(1, height - len(head) - len(foot) - 2))
    return Group(*head, workers, *foot)


def _line(*parts: str | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _head(title: str, snapshot: CampaignSnapshot) -> list[RenderableType]:
    bar = Table.grid(padding=(0, 1), expand=True)
    bar.add_column(ratio=1)
    bar.add_column(justify="right", no_wrap=True)
    ended = snapshot.committed + snapshot.quarantined
    share = _line(f"{100.0 * ended / snapshot.planned if snapshot.planned else 100.0:.0f} %")
    bar.add_row(ProgressBar(max(1, snapshot.planned), ended), share)
    parts: list[RenderableType] = [
        _line((words.clean(title), "bold"), f"   {words.duration(snapshot.elapsed_s)}"),
        bar,
        _line(words.counts(snapshot)),
        _line(words.pace(snapshot)),
    ]
    notes = [(f"{kind} {n:,}", _COLOURS[kind]) for kind, n in snapshot.attempts.items() if kind in _COLOURS]
    if snapshot.lost:
        notes.append((f"workers lost {snapshot.lost:,}", "magenta"))
    if notes:
        parts.append(_line("failures: ", *(part for note in notes for part in (note, "  "))))
    if snapshot.not_held:
        parts.append(_line((f"{snapshot.not_held:,} committed runs did not meet their expectations", "yellow")))
    if snapshot.never_began:
        parts.append(_line((f"{snapshot.never_began:,} committed runs have events that never began", "yellow")))
    if snapshot.note:
        parts.append(_line((words.clean(snapshot.note), "bold yellow")))
    return parts


def _workers(workers: Sequence[WorkerSnapshot], width: int, room: int) -> Table:
    wide = width >= _NARROW
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("#", justify="right", no_wrap=True)
    for name, needed, ratio in (("machine", wide, 1), ("scenario", True, 2), ("town", wide, 1)):
        if needed:
            table.add_column(name, no_wrap=True, overflow="ellipsis", ratio=ratio)
    table.add_column("run", no_wrap=True, min_width=_SHORT_ID)
    table.add_column("frames", justify="right", no_wrap=True, min_width=9)
    table.add_column("quiet", justify="right", no_wrap=True, min_width=5)
    hidden = len(workers) - room
    for worker in workers if hidden <= 0 else workers[: room - 1]:
        table.add_row(*(cell for cell, needed in _cells(worker, wide) if needed))
    remark = "workers start" if not workers else f"and {hidden + 1:,} more workers" if hidden > 0 else ""
    if remark:
        table.add_row("", "", Text(remark, style="dim"))
    return table


def _cells(worker: WorkerSnapshot, wide: bool) -> Iterator[tuple[Text, bool]]:
    run = worker.run
    yield Text(str(worker.slot)), True
    yield Text(words.clean(worker.machine)), wide
    if run is None:
        idle = (Text("starts or waits", style="dim"), Text(""), Text(""), Text(""), Text(""))
        yield from zip(idle, (True, wide, True, True, True), strict=True)
        return
    yield Text(words.clean(run.recipe.scenario.removesuffix(".yaml"))), True
    yield Text(words.clean(run.town)), wide
    yield Text(run.run_id[:_SHORT_ID] + (f" ({worker.attempt})" if worker.attempt > 1 else "")), True
    yield Text(f"{worker.done}/{worker.of}" if worker.done else "starts"), True
    yield Text(words.duration(worker.quiet_s), style="bold yellow" if worker.quiet_s > _QUIET_S else ""), True


def _troubles(snapshot: CampaignSnapshot, room: int) -> list[Text]:
    """The last failures, newest first, three lines each."""
    found: list[Text] = []
    for failed in reversed(snapshot.troubles):
        if len(found) + 4 > room // 2 + 1:
            break
        what = f"{words.clean(failed.error)}: {words.clean(failed.message)}"
        where = f"    run {failed.run_id}, attempt {failed.attempt}, machine {words.clean(failed.machine)}"
        found += [_line((what, _COLOURS[failed.kind])), _line((where, "dim")), _line((f"    {failed.advice}", "dim"))]
    return [_line(("last failures", "dim")), *found] if found else []
