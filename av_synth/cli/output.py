"""What the program says: progress bars on a terminal, plain lines elsewhere, errors on stderr."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from av_synth.director import Outcome
from av_synth.errors import AvSynthError, DocumentError

console = Console(highlight=False, soft_wrap=True, emoji=False)  # :x: is part of a path or a name
_errors = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
_PLAIN_EVERY_S = 5.0
_MOST_PROBLEMS = 25  # of one document: the rest is told once these are put right


def say(text: str = "", style: str | None = None) -> None:
    """One line for a person."""
    console.print(text, style=style, markup=False)


def say_item(name: str, text: str, width: int) -> None:
    """A name and what is to be said of it, beside each other; wrapped on a terminal, one line elsewhere."""
    head = f"  {name:<{width}}  "
    text = " ".join(text.split())
    if console.is_terminal:
        text = textwrap.fill(text, max(30, console.width - len(head)), break_long_words=False)
    say(head + text.replace("\n", "\n" + " " * len(head)))


def say_outcome(outcome: Outcome) -> None:
    """What became of a run's expectations, which of its events never began, and who but the ego touched."""
    for expectation in outcome.expectations:
        say(f"  {expectation}", None if expectation.held else "yellow")
    if outcome.never_began:
        say(f"  never began: {', '.join(outcome.never_began)}", "yellow")
    for touched in outcome.touched:
        say(f"  touched: {touched}", "yellow")


def note(text: str) -> None:
    """What is worth to be told beside what was asked for, on stderr."""
    _errors.print(f"note: {text}", style="yellow", markup=False)


def err(text: str) -> None:
    """An error message, on stderr."""
    _errors.print(f"error: {text}", style="red", markup=False)


def told(error: AvSynthError) -> str:
    """An error as the user reads it: of very many problems in a document, the first."""
    if isinstance(error, DocumentError) and len(error.problems) > _MOST_PROBLEMS:
        more = len(error.problems) - _MOST_PROBLEMS
        return f"{DocumentError(error.problems[:_MOST_PROBLEMS])}\n... and {more:,} more"
    return str(error)


@contextmanager
def progress(what: str, *, counted: bool = True) -> Iterator[Callable[[int, int], None]]:
    """Show how far something is: call the result with (done, all).

    On a terminal a bar that goes away; elsewhere a line when it begins and one every five seconds.

    Args:
        what: what is being done, such as 'exporting out/first'.
        counted: False if nobody can say how far it is: only that it goes on, and for how long.
    """
    if not console.is_terminal:
        yield _plain(what)
        return
    counts = (MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    bar_width = max(8, min(40, console.width - len(what) - 30))
    columns = (TextColumn("{task.description}"), BarColumn(bar_width), *(counts if counted else counts[1:2]))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain(what: str) -> Callable[[int, int], None]:
    began = said = time.monotonic()
    say(f"{what} ...")

    def tell(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= _PLAIN_EVERY_S or done == total:
            said = now
            say(f"{what}: {done}/{total} ({now - began:.0f} s)")

    return tell
