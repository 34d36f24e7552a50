"""Processes that we start end with the one that started them, also when that was killed and also when they are stopped.

Linux sends a process a signal of its choice when its parent ends (prctl(2), PR_SET_PDEATHSIG). More exactly, when the
*thread* ends that created it, so that SIGKILL is asked for only where that is the main thread. Elsewhere SIGCONT is,
which harms nobody and wakes up whoever was stopped: it then sees that the pipe from its parent has closed. On other
systems the pipe alone has to do.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

# of linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def vow(abrupt: bool) -> str:
    """Python code by which a child of this thread binds its life to that of this process; it must be run first.

    Args:
        abrupt: False for a child that has something to tidy up when its pipe closes.
    """
    from_main_thread = threading.get_native_id() == os.getpid()
    told = signal.SIGKILL if abrupt and from_main_thread else signal.SIGCONT
    return f"from av_synth.launch.tree import die_with_parent; die_with_parent({os.getpid()}, {int(told)})"


def die_with_parent(parent: int, told: int = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent ends, and end now if it has ended already.

    Args:
        parent: the process that started this one.
        told: SIGKILL if the parent's main thread started this one, else SIGCONT.
    """
    if _prctl(_PR_SET_PDEATHSIG, told) and os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> bool:
    """False where there is no such thing."""
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, ctypes.c_ulong(value)) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value}): {os.strerror(ctypes.get_errno())}")
    return True
