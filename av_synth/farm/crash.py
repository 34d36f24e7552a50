"""Named points between the steps of a change, where a test can let the process die. Outside tests they do nothing."""

from __future__ import annotations

from collections.abc import Callable

_die: Callable[[str], None] | None = None


def point(name: str) -> None:
    """Between two steps of a change; `name` says where, such as 'journal.append.written'."""
    if _die is not None:
        _die(name)


def install(die: Callable[[str], None] | None) -> None:
    """Have `die` called with the name of every point that is reached from now on, in this process; None ends it."""
    global _die
    _die = die
