"""Foreign programs that leave nothing behind: a guard starts them, and ends them with everything that they started.

CARLA ignores SIGTERM at times, outlives whoever started it, and keeps its ports and its GPU's memory. What it was
started with cannot be changed from inside, so that somebody has to look after it who

* sees the pipe from our process close, whatever ended that process;
* adopts what the program starts, also what has left its process group, and kills all of it.

A guard that is killed itself must be no loss: there are two. The outer one starts the inner one, which starts the
program and asks the kernel to kill that with it. Each does the same for what is below it. The outer one ends as the
program ended, with its exit status or by its signal, so that a `Popen` of the guard looks like one of the program.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, NoReturn

import psutil

from av_synth.launch.child_process import python
from av_synth.launch.tree import adopt_orphans, die_with_parent

GRACE_S = 10.0
_MARGIN_S = 30.0  # for a busy machine
_AFTERWARDS_S = 60.0
_NOT_STARTED = 127  # as a shell says it


def start_guarded(
    command: Sequence[str],
    log: IO[bytes] | int = subprocess.DEVNULL,
    *,
    grace_s: float = GRACE_S,
    afterwards: Sequence[str] = (),
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[str]:
    """Start a program that ends when this process does, and everything that it starts with it.

    Any thread may do so.

    Args:
        command: the program itself, not a shell script that starts it, and its arguments.
        log: gets what it says.
        grace_s: how long after SIGTERM it is killed.
        afterwards: a command that is run when it has ended, whatever ended it; it may be run twice.
        pass_fds: open files that it and its guards keep.

    Returns:
        The guard, with the exit status of the program. SIGTERM ends the program, and so does the closing of `stdin`, at
        once.
    """
    told = json.dumps([grace_s, list(command), list(afterwards)])
    return subprocess.Popen(  # noqa: S603  our own interpreter and module
        [*python("from av_synth.launch.guard import guard; guard(sys.argv[1])", abrupt=False), told],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        text=True,
        start_new_session=True,
        pass_fds=pass_fds,
    )


def end_guarded(process: subprocess.Popen[str], grace_s: float = GRACE_S) -> None:
    """End a guarded program: SIGTERM, then SIGKILL. When this returns, nothing that it started lives."""
    process.terminate()
    try:
        process.wait(grace_s + _MARGIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def running(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The guarded program and what it started, without its guards; empty when it has not begun or has ended."""
    try:
        (inner,) = psutil.Process(process.pid).children()
        return inner.children(recursive=True)
    except (psutil.NoSuchProcess, ValueError):
        return []


def guard(told: str) -> NoReturn:
    """What the guard's process does, see `start_guarded`. It holds the read end of a pipe as standard input."""
    grace_s, command, afterwards = json.loads(told)
    outer = os.getpid()
    status = _look_after(lambda: _start_inner(outer, command, grace_s, afterwards), 0, grace_s + _MARGIN_S / 2)
    _run_afterwards(afterwards)
    _leave(status)


def _start_inner(outer: int, command: Sequence[str], grace_s: float, afterwards: Sequence[str]) -> int:
    from_outer, to_inner = os.pipe()  # its writing end stays open in the outer one until that ends
    pid = os.fork()
    if pid:
        os.close(from_outer)
        return pid
    try:
        os.close(to_inner)
        die_with_parent(outer, signal.SIGCONT)
        os.dup2(from_outer, 0)
        status = _look_after(lambda: _start_program(command), 0, grace_s)
        _run_afterwards(afterwards)
        _leave(status)
    except Exception:  # noqa: BLE001  a fork must not go on as its parent would
        traceback.print_exc()
    finally:
        os._exit(1)


def _start_program(command: Sequence[str]) -> int:
    inner = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        die_with_parent(inner)  # lasts through exec
        os.execvp(command[0], list(command))  # noqa: S606  a list of arguments, no shell
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.stderr.flush()
    finally:
        os._exit(_NOT_STARTED)


def _look_after(start: Callable[[], int], control: int, grace_s: float) -> int:
    """Start a child, and return its exit status when nothing below this process lives any more.

    Args:
        start: returns its process id.
        control: when this pipe closes, the child is killed.
        grace_s: how long after SIGTERM, which is passed on, it is killed.
    """
    parent = os.getppid()
    adopt_orphans()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGCONT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # so that it is written to the pipe
    child = start()
    deadline: float | None = None
    while True:
        left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([control, woken], [], [], left_s)
        signals = os.read(woken, 4096) if woken in ready else b""
        if signal.SIGTERM in signals and deadline is None:
            deadline = time.monotonic() + grace_s
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
        while (ended := _reap(os.WNOHANG)) is not None and ended[0]:
            if ended[0] == child:
                _kill_all()
                return ended[1]
        closed = control in ready and not os.read(control, 4096)
        if closed or os.getppid() != parent or (deadline is not None and time.monotonic() >= deadline):
            return _kill_all().get(child, 1)


def _kill_all() -> dict[int, int]:
    """Kill every descendant, also those that are born meanwhile, and return the exit status of each by its id."""
    ended: dict[int, int] = {}
    while True:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                process.kill()
        if (one := _reap(0)) is None:
            return ended
        ended[one[0]] = one[1]


def _reap(options: int) -> tuple[int, int] | None:
    """Process id and exit status of a child that has ended, (0, 0) if all live, None if there is none."""
    try:
        pid, status = os.waitpid(-1, options)
    except ChildProcessError:
        return None
    return pid, os.waitstatus_to_exitcode(status)


def _run_afterwards(command: Sequence[str]) -> None:
    if command:
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(command, stdin=subprocess.DEVNULL, check=False, timeout=_AFTERWARDS_S)  # noqa: S603


def _leave(status: int) -> NoReturn:
    """End as a child ended: with its exit status (0 and more), or by its signal (less)."""
    if status < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError):  # SIGKILL needs none
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)
