"""A stand-in that knows more ways to fail: at a given step of writing a run, or once only.

Imports little: workers that start fresh import it too.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from av_synth.errors import ConnectionLostError
from av_synth.farm.model import WorkerSetting
from tests.farm import stand_in
from tests.farm.taken_ports import launched

PLAYER = f"{__name__}:open_player"


class Player(stand_in.StandIn):
    """A stand-in that also knows `do`:

    "limit": no file may be longer than `bytes` during this attempt
    "die": SIGKILL of itself at the `nth` call of `call` (a function of os) from here on, `after` it or before
    "refuse": that call is refused, since the disk is full

    With `once` (a file), a misbehaviour happens only if the file was there, and takes it away.
    """

    def __init__(self, setting: WorkerSetting, beside: subprocess.Popen[bytes]) -> None:
        super().__init__(setting)
        self._beside = beside

    def play(self, job: Any, on_tick: Callable[[int, int], None]) -> Any:
        """As it was, and without what one run has changed for the next."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        originals = {name: getattr(os, name) for name in ("fsync", "rename")}
        try:
            return super().play(job, on_tick)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            for name, original in originals.items():
                setattr(os, name, original)

    def misbehave(self, behaviour: Mapping[str, Any] | None, done: int, attempt: int) -> None:
        """Do what is to be done at this tick."""
        if self._beside.poll() is not None:
            raise ConnectionLostError("what was started beside the player has ended")
        if behaviour is None or done != int(behaviour.get("at", 1)):
            return
        if "once" in behaviour:
            try:
                os.unlink(behaviour["once"])
            except FileNotFoundError:
                return
        if behaviour["do"] == "limit":
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(behaviour["bytes"]), hard))
        elif behaviour["do"] == "die":
            patch(behaviour["call"], int(behaviour["nth"]), _die_after if behaviour["after"] else _die)
        elif behaviour["do"] == "refuse":
            patch(behaviour["call"], int(behaviour["nth"]), refuse)
        else:
            super().misbehave(behaviour, done, attempt)


Call = Callable[..., Any]


def patch(name: str, nth: int, instead: Callable[[Call, Any], Any], until: int | None = None) -> None:
    """Have calls of a function of os, from the `nth` on and the one `until`, done by something else."""
    original, calls = getattr(os, name), 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if nth <= calls <= (until or nth):
            return instead(partial(original, *args, **kwargs), args)
        return original(*args, **kwargs)

    setattr(os, name, call)


def _die(_: Call, __: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_after(call: Call, __: Any) -> None:
    call()
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(_: Call, __: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_half(_: Call, args: Any) -> int:
    handle, data = args
    return os.pwrite(handle, data[: len(data) // 2], os.fstat(handle).st_size)


@contextmanager
def open_player(setting: WorkerSetting) -> Iterator[Player]:
    """What workers are told to open; with the option `carla`, the home of strangers, also what `taken_ports` starts."""
    home = setting.options.get("carla")
    with _cat() if home is None else launched(Path(home), setting.folder / "simulator.log") as beside:
        yield Player(setting, beside)


@contextmanager
def _cat() -> Iterator[subprocess.Popen[bytes]]:
    beside = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        yield beside
    finally:
        beside.kill()
        beside.wait()


def warm() -> None:
    """Have tables without rows, which are all that a stand-in writes, encoded once for all forks of this process."""
    from av_synth.launch import carla  # noqa: F401  they need not import it
    from av_synth.store import tables

    encode = tables.encode
    empty = {name: encode(name, tables.from_rows(name, [])) for name in tables.TABLES}

    def once(name: str, table: Any) -> bytes:
        return encode(name, table) if table.num_rows else empty[name]

    tables.encode = once
