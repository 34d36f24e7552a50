"""What the program says: progress bars on a terminal, plain lines elsewhere, errors on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

console = Console(highlight=False, soft_wrap=True)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)
_PLAIN_EVERY_S = 5.0


def say(text: str = "") -> None:
    """One line for a person."""
    console.print(text, markup=False)


def err(text: str) -> None:
    """An error message, on stderr."""
    _errors.print(f"error: {text}", style="red", markup=False)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far something is: call the result with (done, all).

    On a terminal a bar that goes away; elsewhere a plain line every five seconds.
    """
    if console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    began = said = time.monotonic()

    def plain(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= _PLAIN_EVERY_S or done == total:
            said = now
            say(f"{what}: {done}/{total} ({now - began:.0f} s)")

    yield plain
