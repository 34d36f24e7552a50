"""Start the embedded simulator as a process of its own, and end it whatever happens."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from av_synth import __version__
from av_synth.errors import DocumentError, LaunchError, Problem
from av_synth.launch.child_process import python
from av_synth.launch.cores import CORE_COUNT
from av_synth.launch.exits import how_it_ended

_READY_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 5.0
_SERVE = "from av_synth.simulator.__main__ import main; sys.exit(main())"


DEFAULT_QUALITY = "default"


def simulator_name(version: str, profile: str, quality: str) -> str:
    """What an embedded simulator is called in the identity of runs: with its quality where that is not the usual."""
    return " ".join(["av_synth", version, profile, *[f"quality {quality}"] * (quality != DEFAULT_QUALITY)])


@dataclass(frozen=True)
class Address:
    """Where a simulator listens.

    Attributes:
        process: its process; None if it is not ours.
        launched: what it is, such as 'av_synth 0.1.0 ue4 bodies 0f3a..', with a digest of its bodies; '' if it is not
            ours.
        adopt: whether a world there that is not empty may be taken over, if it is not ours.
    """

    host: str
    port: int
    process: subprocess.Popen[str] | None = None
    launched: str = ""
    adopt: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def ours(self) -> bool:
        """Whether we launched it: nobody else uses it, and it ends with us."""
        return self.launched != ""

    def why_gone(self, wait_s: float = 0.0) -> str | None:
        """How our process ended, or None if it lives for `wait_s` longer or is not ours."""
        if self.process is None:
            return None
        try:
            code = self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return None
        return f"the simulator process {how_it_ended(code)}"


def parse_address(text: str, wanted: str = "HOST:PORT") -> Address:
    """Read HOST:PORT.

    Args:
        text: what `--simulator` was given.
        wanted: what it may be, as the error says.

    Raises:
        DocumentError: if it is not one.
    """
    found = re.fullmatch(r"([^\s/]+):([0-9]{1,5})", text)
    if found is None or not 0 < int(found[2]) < 65536:
        raise DocumentError([Problem("", "--simulator", f"got {text!r}; want {wanted}")])
    return Address(found[1], int(found[2]))


@contextmanager
def launch_embedded(
    town: str,
    log: Path | None = None,
    render_threads: int | None = None,
    profile: str = "native",
    quality: str = DEFAULT_QUALITY,
) -> Iterator[Address]:
    """Run the embedded simulator on free loopback ports while the context lasts.

    The child holds the read end of a pipe of ours as its standard input and ends when that closes, so that a killed
    parent leaves no simulator and no open port behind.

    Args:
        town: the town to begin with.
        log: where its standard error goes; nowhere if None.
        render_threads: threads of the software renderer; one for each core that this process may use if None.
        profile: `ue4` for the habits of Unreal's server (docs/reference/ue4-profile.md).
        quality: of pictures (docs/reference/quality.md).

    Raises:
        DocumentError: if there is no such profile or quality.
        LaunchError: if it ends or stays silent before it is ready.
    """
    threads = render_threads or CORE_COUNT
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "LP_NUM_THREADS": str(threads),
        "LP_NATIVE_VECTOR_WIDTH": "256",  # llvmpipe crashes with 512
    }
    command = [*python(_SERVE), "--port", "0", "--town", town, f"--profile={profile}", f"--quality={quality}"]
    command.append("--with-parent")
    sink: IO[bytes] | int = log.open("ab") if log is not None else subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603  our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink, text=True, env=environment
    )
    if not isinstance(sink, int):
        sink.close()
    try:
        host, port, bodies = _wait_until_ready(process, log)
        yield Address(host, port, process, f"{simulator_name(__version__, profile, quality)} bodies {bodies[:20]}")
    finally:
        _end(process)


def _wait_until_ready(process: subprocess.Popen[str], log: Path | None) -> tuple[str, int, str]:
    """Host, port, and the digest of the bodies."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    stdout = process.stdout
    if stdout is None:
        raise LaunchError("the simulator has no standard output to say `ready` on")

    def read() -> None:
        for line in stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True, name="simulator-stdout").start()
    where = f"; its log is {log}" if log is not None else ""
    while True:
        try:
            line = lines.get(timeout=_READY_TIMEOUT_S)
        except queue.Empty:
            raise LaunchError(f"the simulator was not ready after {_READY_TIMEOUT_S:.0f} s{where}") from None
        if line == "":
            raise LaunchError(f"the simulator {how_it_ended(process.wait())} before it was ready{where}")
        if line.startswith("refused "):
            raise DocumentError([Problem("", "--simulator", line.removeprefix("refused ").strip())])
        words = line.split()
        if words and words[0] == "ready":
            host, _, port = words[1].rpartition(":")
            return host, int(port), words[2]


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
