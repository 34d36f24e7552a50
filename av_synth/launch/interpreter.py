"""How our own child processes are started."""

from __future__ import annotations

import subprocess
import sys
from multiprocessing.connection import Connection, Pipe
from typing import IO


def python(code: str) -> list[str]:
    """The command that runs code in a fresh interpreter, which imports nothing from the folder it is started in."""
    return [sys.executable, "-c", f"import sys; sys.path[:] = [entry for entry in sys.path if entry]; {code}"]


def start_child(module: str, log: IO[bytes]) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start a fresh interpreter that calls `child(handle)` of a module, and return it with our end of a pipe to it.

    Args:
        module: its `child` makes a `Connection` of the handle.
        log: gets what it says.
    """
    here, there = Pipe()
    with there:
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            python(f"from {module} import child; child({there.fileno()})"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[there.fileno()],
        )
    return process, here
