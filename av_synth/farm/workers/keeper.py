"""The parent's end of one worker process."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

from av_synth.errors import LaunchError
from av_synth.farm.model import Advanced, Affinity, Committed, Failed, Job, Lost, Report, Started, WorkerSetting
from av_synth.launch.caretaker import LONGEST_S, is_caretaker
from av_synth.launch.child_process import start_child
from av_synth.launch.exits import how_it_ended

_WORKER = "av_synth.farm.workers.worker"
TIDY_UP_S = 10.0  # for a worker that is asked to end: its player closes what it has opened
GONE_S = 10.0  # for killed processes; those of the kernel's uninterruptible sleep take longest
_LOOK_EVERY_S = 0.05


class Keeper:
    """Starts a worker, hands it jobs, hears what it says, and knows every process of it.

    Workers die with the thread that started them: keep it in a main thread.

    Attributes:
        job: what it was given and has not finished.
        affinity: town and rig of the last job it was given, so of what it has loaded.
        worked: whether it has come so far as to open its player.
    """

    def __init__(self, setting: WorkerSetting) -> None:
        """Start the worker; what it and its player say goes to `worker.log` in its folder.

        Raises:
            LaunchError: if it cannot be started.
        """
        self.setting = setting
        self.job: Job | None = None
        self.affinity: Affinity | None = None
        self.worked = False
        self._lost = self._asked = False
        try:
            setting.folder.mkdir(parents=True, exist_ok=True)
            with (setting.folder / "worker.log").open("ab") as log:
                self._process, self.pipe = start_child(_WORKER, log)
        except OSError as error:
            raise LaunchError(f"worker {setting.slot}: cannot be started: {error.strerror or error}") from error
        self._root = psutil.Process(self._process.pid)  # it is there until it is waited for
        self._tree = [self._root]
        with suppress(OSError):  # it is dead already, which `poll` finds
            self.pipe.send(setting)

    @property
    def busy(self) -> bool:
        """Whether it has a job."""
        return self.job is not None

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker's process and those below it, as last seen."""
        return tuple(process.pid for process in self._tree)

    def give(self, job: Job) -> None:
        """Have it play a job; it must have none."""
        self.job, self.affinity = job, job.run.affinity
        with suppress(OSError):  # it is dead, which `poll` finds
            self.pipe.send(job)

    def poll(self, timeout_s: float) -> list[Report]:
        """What it has said; waits so long if there is nothing. Its death is `Lost`, once, and the last of all.

        When it has died, what it had started has been ended too.
        """
        reports: list[Report] = []
        while not self._lost and self.pipe.poll(0.0 if reports else timeout_s):
            try:
                said: Report = self.pipe.recv()
            except (EOFError, OSError):
                reports.append(self._bury())
                break
            reports.append(said)
            if isinstance(said, Started):
                self.worked = True
                self._remember(said.pids)
            elif isinstance(said, Advanced):
                self._look()
            elif isinstance(said, Committed | Failed):
                self.job = None
        return reports

    def kill(self) -> None:
        """End the worker and everything below it at once; nothing is told of it any more. May be called twice."""
        if not self._lost:
            self._look()
            self._end_all()
            self._lost, self.job = True, None
            self.pipe.close()

    def ask_to_end(self) -> None:
        """Have an idle worker close its player and end; `close` waits for that."""
        if not self._lost and not self.busy:
            self._look()
            self.pipe.close()
            self._asked = True

    def close(self) -> None:
        """End the worker, politely if it is idle, and whatever is left of its tree. May be called twice."""
        self.ask_to_end()
        if self._asked:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(TIDY_UP_S)
        self.kill()

    def _bury(self) -> Lost:
        self._end_all()
        code = self._process.poll()
        ended = "was killed and does not end" if code is None else how_it_ended(code)
        run_id = self.job.run.run_id if self.job is not None else None
        self._lost, self.job = True, None
        self.pipe.close()
        log = self.setting.folder / "worker.log"
        return Lost(self.setting.slot, run_id, f"the worker {ended}; its log is {log}", platform.node())

    def _look(self) -> None:
        """Remember what there is; once the worker is gone nobody can tell what was below it."""
        found = [process for process in self._tree if process.is_running()]
        with suppress(psutil.NoSuchProcess):
            found += self._root.children(recursive=True)
        self._tree = list(dict.fromkeys(found))

    def _remember(self, pids: tuple[int, ...]) -> None:
        """As the worker told: it may be dead by now, and what was below it has another parent then."""
        found = list(self._tree)
        for pid in pids:
            with suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(pid))
        self._tree = list(dict.fromkeys(found))

    def _end_all(self) -> None:
        """SIGKILL the tree. Each process is stopped before its children are listed: what is stopped starts no other.

        Caretakers are left to give back what the others used, and waited for.
        """
        known: dict[psutil.Process, None] = {}
        caretakers: list[psutil.Process] = []
        found = list(self._tree)
        while found:
            caretakers += filter(is_caretaker, found)
            found = [process for process in found if process not in caretakers]
            known |= dict.fromkeys(found)
            for process in found:
                with suppress(psutil.Error):
                    process.suspend()
            below = []
            for process in found:
                with suppress(psutil.Error):
                    below += process.children()
            found = [process for process in below if process not in known and process not in caretakers]
        for process in known:
            with suppress(psutil.Error):
                process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GONE_S)
        wait_for_end(known, GONE_S)
        wait_for_end(caretakers, LONGEST_S)


def wait_for_end(processes: Iterable[psutil.Process], at_most_s: float) -> list[psutil.Process]:
    """Wait until processes have ended; returns those that have not."""
    until_s = time.monotonic() + at_most_s
    while (left := _alive(processes)) and time.monotonic() < until_s:
        psutil.wait_procs(left, timeout=_LOOK_EVERY_S)
    return left


def _alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that are neither gone nor waiting for their parent to hear of their end."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
