"""How our own child processes are started."""

from __future__ import annotations

import subprocess
import sys
from multiprocessing.connection import Connection, Pipe
from typing import IO

from av_synth.launch.tree import vow

_DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


def python(code: str, abrupt: bool = True) -> list[str]:
    """The command that runs code in a fresh interpreter, which imports nothing from the folder it is started in.

    It ends with this process (see `tree`): with `abrupt` at once, else only if it sees to that itself.
    """
    return _interpreter(f"{vow(abrupt)}; {code}")


def _interpreter(code: str) -> list[str]:
    return [sys.executable, "-c", f"import sys; sys.path[:] = [entry for entry in sys.path if entry]; {code}"]


def start_child(
    module: str, log: IO[bytes] | None, abrupt: bool = True, *, heir: bool = False
) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start a fresh interpreter that calls `child(handle)` of a module, and return it with our end of a pipe to it.

    It ignores SIGINT from its first line on, and so does what it starts: a terminal sends that to all of its processes,
    and this one decides.

    Args:
        module: its `child` makes a `Connection` of the handle.
        log: gets what it says; if None, our standard error gets its.
        abrupt: whether it is killed when this process ends; if not, it ends itself when the pipe closes.
        heir: its work begins when this process ends. No signal to all of our process group ends it, and it starts to
            the end though this process has ended meanwhile, of which its pipe tells.
    """
    here, there = Pipe()
    with there:
        code = f"{_DEAF}; from {module} import child; child({there.fileno()})"
        process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            _interpreter(code) if heir else python(code, abrupt),
            stdin=subprocess.DEVNULL,
            stdout=log if log is not None else subprocess.DEVNULL,
            stderr=log,
            pass_fds=[there.fileno()],
            start_new_session=heir,
        )
    return process, here
