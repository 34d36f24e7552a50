"""How our own child processes are started."""

from __future__ import annotations

import sys


def python(code: str) -> list[str]:
    """The command that runs code in a fresh interpreter, which imports nothing from the folder it is started in."""
    return [sys.executable, "-c", f"import sys; sys.path[:] = [entry for entry in sys.path if entry]; {code}"]
