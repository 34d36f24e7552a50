"""How a process ended, in words."""

from __future__ import annotations

import signal


def how_it_ended(code: int) -> str:
    """The end of a process, to be put behind what it is: `code` as `subprocess` gives it, negative for a signal."""
    if code >= 0:
        return f"ended with exit status {code}"
    names = {number.value: number.name for number in signal.Signals}
    hint = "; the kernel does that where memory runs out" if -code == signal.SIGKILL else ""
    return f"was ended by signal {-code} ({names.get(-code, 'unknown')}{hint})"
