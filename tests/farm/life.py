"""A driver in a process of its own that can really be killed, with workers that can be too, and yet cheap.

Processes are forked from one that has imported everything: a fresh interpreter with what a worker needs takes a quarter
of a CPU second. What `launch.interpreter.start_child` gives a worker, a fork of ours gives it too: no handle but its
pipe, the default signals, and an end with its parent.
"""

from __future__ import annotations

import gc
import importlib
import os
import secrets
import signal
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from av_synth.errors import UserError
from av_synth.farm import crash
from av_synth.farm.dispatch import driver
from av_synth.farm.dispatch.policy import Rules
from av_synth.farm.model import Advanced, PlannedRun, Runner, WorkerSetting
from av_synth.farm.planning import plan
from av_synth.farm.records import journal
from av_synth.farm.workers import keeper, local, ray_farm
from av_synth.farm.workers.local import LocalRunner
from av_synth.farm.workers.ray_worker import Needs
from av_synth.launch.stall import Patience
from av_synth.launch.tree import die_with_parent
from av_synth.store import canonical_json
from tests.farm import victim
from tests.farm.machines import two_machines

GIB = 1 << 30
REFUSED = 2  # exit status
RULES = Rules(
    retry_s=0.01,
    out_s=0.05,
    pause_s=0.05,
    longest_pause_s=0.2,
    patience=Patience(begin_s=6.0, tick_s=6.0, end_s=6.0),
    run_bytes=1 << 20,
)
WITH_FRESH = replace(RULES, patience=Patience(begin_s=120.0, tick_s=120.0, end_s=120.0))  # they import for seconds


@dataclass(frozen=True)
class Setup:
    """What a driver is started with.

    Attributes:
        store: its folder, with the plan in it.
        runs: the plan.
        behaviours: by run id, how the player misbehaves: see `stand_in`, and `Player` for more.
        fresh: whether workers are fresh interpreters, as a user's are, and not forks.
        ray: whether they are actors of a Ray, which the driver starts for itself.
        machines: how many it has; it is a private one if it has one.
        carla: the home of strangers, and of the program that players launch; None if they launch none.
        segment_bytes: of the journal.
        log: gets what drivers say.
    """

    store: Path
    runs: tuple[PlannedRun, ...]
    behaviours: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fresh: bool = False
    ray: bool = False
    machines: int = 1
    carla: Path | None = None
    segment_bytes: int = 2000
    log: Path = Path(os.devnull)
    workers: int = 2

    def settings(self) -> list[WorkerSetting]:
        """One a worker."""
        options: dict[str, Any] = {"runs": dict(self.behaviours), "frames": 2}
        if self.carla is not None:
            options["carla"] = str(self.carla)
        folders = [self.store / "logs" / f"worker-{slot}" for slot in range(self.workers)]
        return [WorkerSetting(self.store, slot, victim.PLAYER, options, folder) for slot, folder in enumerate(folders)]


@dataclass(frozen=True)
class Life:
    """A process of ours and our end of a pipe to it."""

    pid: int
    pipe: Connection


def begin(setup: Setup, work: Callable[[Setup, Connection], int], die_at: str | None = None) -> Life:
    """Do something in a process of its own; its result is the exit status.

    Args:
        setup: handed on.
        work: gets the setup and the other end of the pipe.
        die_at: the crash point at which the process kills itself, the first time that it gets there.
    """
    here, there = Pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        there.close()
        return Life(pid, here)
    code = 1
    try:
        gc.freeze()
        _as_after_exec(parent, os.open(setup.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), there.fileno())
        journal.Journal.__init__.__kwdefaults__["segment_bytes"] = setup.segment_bytes
        local.FIRST_PAUSE_S, driver.LOOK_EVERY_S = 0.05, 0.1
        if not setup.fresh:
            keeper.start_child = start_child

        def die(name: str) -> None:
            if name == die_at:
                there.send({"crash": name})
                os.kill(os.getpid(), signal.SIGKILL)

        crash.install(die)
        code = work(setup, there)
    except BaseException:  # noqa: BLE001  the last frame of a process
        traceback.print_exc()
    finally:
        os._exit(code)


def _as_after_exec(parent: int, log: int, kept: int) -> None:
    """Make of a fork what a child that was started anew would be."""
    die_with_parent(parent)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, kept)
    os.closerange(kept + 1, 1024)  # locks of the parent among them
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Forked(subprocess.Popen[bytes]):
    """A process that was forked, as `subprocess` shows those that it starts."""

    def __init__(self, pid: int) -> None:
        self.pid, self.args, self.returncode = pid, ["a fork"], None
        self.stdin = self.stdout = self.stderr = None
        self._child_created, self._waitpid_lock = True, threading.Lock()


def start_child(module: str, log: IO[bytes], abrupt: bool = True) -> tuple[subprocess.Popen[bytes], Connection]:
    """As `launch.interpreter.start_child`, by a fork."""
    here, there = Pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        there.close()
        return Forked(pid), here
    try:
        gc.freeze()  # what belongs to the parent must not be tidied up here, where its handles are others'
        crash.install(None)
        _as_after_exec(parent, log.fileno(), there.fileno())
        importlib.import_module(module).child(there.fileno())
    finally:
        os._exit(70)


def freeze(setup: Setup) -> None:
    """Write the plan of a campaign, as `farm.planning.plan.freeze` does of one that a simulator was asked for."""
    folder = setup.store / plan.FOLDER
    folder.mkdir(parents=True)
    runs = [asdict(run) for run in setup.runs]
    content = {"version": plan.VERSION, "campaign": {}, "entries": ["chaos"], "facts": {}, "runs": runs}
    (folder / plan.FILE).write_bytes(canonical_json(content))


def campaign(setup: Setup, pipe: Connection) -> int:
    """What `av-synth campaign` does on a store whose plan is there."""
    ear = Instructed(pipe)
    rules = WITH_FRESH if setup.fresh or setup.ray or setup.carla else RULES
    with _runner(setup) as runner:
        try:
            runs = plan.read(setup.store).runs
            ended = driver.drive(runs, setup.store, runner, rules, on_event=ear, usage=ear.usage, deep=True)
        except UserError:
            traceback.print_exc()
            return REFUSED
    return ended.exit_code


@contextmanager
def _runner(setup: Setup) -> Iterator[Runner]:
    settings = setup.settings()
    if not setup.ray:
        with closing(LocalRunner(settings)) as local_runner:
            yield local_runner
        return
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    with (
        two_machines() if setup.machines > 1 else nullcontext("local") as address,
        ray_farm.connected(address, len(settings)),
        closing(ray_farm.RayRunner(settings.__getitem__, Needs(), len(settings))) as runner,
    ):
        yield runner


class Instructed:
    """A driver's ear: each event goes to the nemesis, and what that answers is done before the driver goes on."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._time = time.time
        self.free = GIB

    def __call__(self, event: Mapping[str, Any] | Advanced) -> None:
        """Tell an event."""
        if isinstance(event, Advanced):
            return
        self._pipe.send(dict(event))
        answer = self._pipe.recv()
        self.free = answer.get("free", self.free)
        if "jump_s" in answer:
            jumped, by_s = self._time, float(answer["jump_s"])
            time.time = lambda: jumped() + by_s
        if "refused" in answer:
            victim.patch("write", 1, victim.write_half, until=2)
            victim.patch("fsync", 4, victim.refuse, until=5)
            victim.patch("rename", 1, victim.refuse)

    def usage(self, _: Path) -> SimpleNamespace:
        """How much is free on the disk, as the nemesis has it."""
        return SimpleNamespace(free=self.free)
