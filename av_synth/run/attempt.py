"""One attempt at a run, in a process of its own that the caller watches.

The carla client is native code with threads that outlive whatever they talk to: when its server dies, it waits for its
time-outs or ends its whole process. So it lives in a child: the caller watches the child and the simulator, and the
death of either is an error here, at once, and nothing more. So is the child's silence (see `launch.stall`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from av_synth import store
from av_synth.errors import AvSynthError, ConnectionLostError, SimulatorError, StalledError
from av_synth.launch import Address
from av_synth.launch.child_process import start_child
from av_synth.launch.exits import how_it_ended
from av_synth.launch.stall import Patience, Pulse
from av_synth.run.execute import execute
from av_synth.run.identity import Planned
from av_synth.run.recorder import Recorder
from av_synth.run.spec import Progress, RunResult, RunSpec, Skipped

_LOOK_EVERY_S = 0.1
_PATIENCE = Patience()
_TIDY_UP_S = 20.0  # for a child that was asked to end: it gives a simulator that is not ours its own time back


@dataclass(frozen=True)
class _Job:
    """What the child is told: what to play, where, into which store, and whose the simulator is."""

    spec: RunSpec
    address: Address  # without the process, which is the parent's
    simulator_is_ours: bool
    out: Path
    planned: Planned | None

    def wanted(self, run_id: str, identity: Mapping[str, Any]) -> bool:
        """Whether to play it: not where it is there already."""
        if self.planned is not None:
            self.planned.check(run_id, identity)
        return not store.run_path(self.out, run_id).exists()


def attempt(
    spec: RunSpec,
    address: Address,
    out: Path,
    on_tick: Progress | None = None,
    patience: Patience = _PATIENCE,
    *,
    planned: Planned | None = None,
    folder: Path | None = None,
) -> RunResult | Skipped:
    """Play a run and commit it under `<out>/runs/`; skip it if it is there already.

    Args:
        spec: what to play and what looks.
        address: where the simulator listens; one that is ours is watched.
        out: the store.
        on_tick: told (frames done, frames in all); 0 are done while it warms up.
        patience: how long the child may be silent.
        planned: what the run must be.
        folder: what the client says goes to `client.log` in it; `<out>/logs` if None.

    Raises:
        ConnectionLostError: the simulator died.
        StalledError: the child was silent for too long.
        SimulatorError: the carla client died.
        DataError: the run is not as it was planned.
        AvSynthError: whatever else `execute` raises. Nothing was committed.
    """
    said = folder or logs(out)
    said.mkdir(parents=True, exist_ok=True)
    with (said / "client.log").open("ab") as log:
        # at an address that is not ours it gives the simulator its own time back first
        process, here = start_child(__name__, log, abrupt=address.process is not None)
    with here:
        try:
            with suppress(OSError):  # it is dead already, which `_watch` finds
                here.send(_Job(spec, replace(address, process=None), address.process is not None, out, planned))
            return _watch(here, process, address, said, on_tick, Pulse(patience))
        except SimulatorError as error:
            # whatever the client made of it, the death of the simulator is the reason
            if (gone := address.why_gone(wait_s=1.0)) is not None:
                raise ConnectionLostError(
                    f"{gone}, and the run with it; its log is {said / 'simulator.log'}"
                ) from error
            raise
        finally:
            end_child(process, politely=address.process is None)
            store.clear_staging(out)


def again_if_stalled(play: Callable[[], RunResult | Skipped]) -> RunResult | Skipped:
    """Play by an attempt, and once more if its process hung: that is rare, and by chance (see `launch.stall`).

    Raises:
        StalledError: if the second hung as well.
        AvSynthError: whatever else an attempt raises.
    """
    try:
        return play()
    except StalledError:
        return play()


def logs(out: Path) -> Path:
    """The folder in a store for what the simulator and the client say."""
    return out / "logs"


def _watch(
    here: Connection,
    process: subprocess.Popen[bytes],
    address: Address,
    folder: Path,
    on_tick: Progress | None,
    pulse: Pulse,
) -> RunResult | Skipped:
    while True:
        if here.poll(_LOOK_EVERY_S):
            try:
                said = here.recv()
            except (EOFError, ConnectionResetError):
                raise SimulatorError(
                    f"the carla client {how_it_ended(process.wait())}; its log is {folder / 'client.log'}"
                ) from None
            if isinstance(said, BaseException):
                raise said
            if isinstance(said, RunResult | Skipped):
                return said
            pulse.tick(*said)
            if on_tick is not None:
                on_tick(*said)
        elif address.why_gone() is not None:
            raise SimulatorError("the simulator is gone")
        elif (why := pulse.why_stalled()) is not None:
            raise StalledError(f"the process that plays the run {why} and was ended; logs are in {folder}")


def end_child(process: subprocess.Popen[bytes], politely: bool) -> None:
    """End a child; `politely` if it uses a simulator that is not ours, to which it gives its own time back first."""
    if politely:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_TIDY_UP_S)
    process.kill()
    process.wait()


def child(handle: int) -> None:
    """Play the job that comes over the pipe, and say what came of it. Leaves by `os._exit`.

    Threads of the carla client that live when an interpreter shuts down end it by std::terminate.
    """
    signal.signal(signal.SIGTERM, interrupt)
    pipe = Connection(handle)
    job: _Job = pipe.recv()
    threading.Thread(target=outlive_nobody, args=(pipe, job.simulator_is_ours), daemon=True).start()
    try:
        with Recorder(job.out) as recorder:
            pipe.send(
                execute(
                    job.spec,
                    job.address,
                    [recorder],
                    on_tick=lambda done, of: pipe.send((done, of)),
                    wanted=job.wanted,
                )
            )
    except AvSynthError as error:
        pipe.send(error)
    except Exception:  # noqa: BLE001  the parent raises it
        pipe.send(RuntimeError(f"in the process that plays the run:\n{traceback.format_exc()}"))
    finally:
        os._exit(0)


def interrupt(*_: object) -> None:
    """What SIGTERM does in a child that has something to give back first."""
    raise KeyboardInterrupt


def outlive_nobody(pipe: Connection, simulator_is_ours: bool) -> None:
    """Wait for the parent's end (it says nothing after the job), and end with it."""
    with suppress(EOFError, OSError):
        pipe.recv()
    if not simulator_is_ours:
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(_TIDY_UP_S)
    os._exit(1)
