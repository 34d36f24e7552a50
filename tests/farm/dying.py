"""A process that dies between two steps, as if by SIGKILL: no `finally` and no exit handler of it runs."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

from av_synth.farm import crash

KILLED = 9
_FAILED = 1


def dies_at(nth: int, action: Callable[[], object]) -> bool:
    """Do something in a child that dies when it comes to its `nth` crash point, from 0 on.

    Returns:
        Whether it died; False: it has fewer points, and did all of it.
    """
    child = os.fork()
    if child == 0:
        code = _FAILED
        try:
            left = iter(range(nth))
            crash.install(lambda _: None if next(left, None) is not None else os._exit(KILLED))
            action()
            code = 0
        except BaseException:  # noqa: BLE001  told by the child, since only its exit status reaches the parent
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED), "see the traceback above"
    return code == KILLED


def every_death(action: Callable[[int], object]) -> Iterator[int]:
    """Have `action(n)` die at its nth crash point, for every one it has.

    Yields n after each death, and at the end once more, when it has lived.
    """
    for nth in count():
        died = dies_at(nth, partial(action, nth))
        yield nth
        if not died:
            return


def points_of(action: Callable[[], object]) -> list[str]:
    """The names of the crash points that an action comes to."""
    names: list[str] = []
    crash.install(names.append)
    try:
        action()
    finally:
        crash.install(None)
    return names
