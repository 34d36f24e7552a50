"""What a schedule does to a campaign, and what an independent reader says of it after each death and at the end."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from av_synth.errors import UserError
from av_synth.farm.again import make_again
from av_synth.farm.records import lease
from av_synth.farm.status.state import StoreState
from tests.farm import life as lives
from tests.farm import nemesis, reader
from tests.farm.life import Life, Setup, begin, campaign
from tests.farm.nemesis import Fault, Schedule
from tests.farm.taken_ports import Strangers, strangers

MOST_LIVES = 30
HANGS_S = 300.0  # a driver that tells nothing for so long, on whatever machine
GONE_S = 30.0  # on whatever machine, and half of what agents of Ray take alone; how long it took is told
CAP = 3
IN_RUN = re.compile(r"I[24]: runs/([0-9a-f]{20})")
MAY_END = ("kill driver", "interrupt", "interrupt twice")
JUMP_S = {"clock forward": 3600.0, "clock backward": -3600.0}


@dataclass(frozen=True)
class Ground:
    """Where schedules take place.

    Attributes:
        root: a folder; each schedule has one of its own in it.
        marker: by which the processes of this one, and all below it, are known.
        decoy: process id of a `CarlaUE4-Linux` that is nobody's business.
    """

    root: Path
    marker: str
    decoy: int


@dataclass
class Outcome:
    """What a schedule did and what was found.

    Attributes:
        seed: of the schedule.
        findings: each begins with an invariant.
        fired: names of the faults that took place.
        lives: exit status of each driver, negative for a signal.
        cpu_s, wall_s: what it took.
        gone_s: the longest it took after a driver's end until no process was left.
    """

    seed: int
    findings: list[str] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    lives: list[int] = field(default_factory=list)
    cpu_s: float = 0.0
    wall_s: float = 0.0
    gone_s: float = 0.0


def suffer(schedule: Schedule, ground: Ground) -> Outcome:
    """Play a schedule; its folder is removed if nothing was found."""
    home = ground.root / f"{schedule.seed}"
    shutil.rmtree(home, ignore_errors=True)
    good = undisturbed(schedule.plan, ground)
    began_s, cpu_s = time.monotonic(), _cpu_s()
    ordeal = _Ordeal(schedule, ground, home, good)
    ordeal.go()
    outcome = ordeal.outcome
    outcome.wall_s, outcome.cpu_s = time.monotonic() - began_s, _cpu_s() - cpu_s
    if not outcome.findings:
        shutil.rmtree(home)
    return outcome


@cache
def undisturbed(plan: int, ground: Ground) -> Mapping[str, str]:
    """What a campaign without faults commits: a hash by run id.

    Raises:
        RuntimeError: if it does not; nothing could be judged then.
    """
    home = ground.root / f"undisturbed-{os.getpid()}"
    ordeal = _Ordeal(Schedule(0, plan), ground, home, {})
    ordeal.to_the_end()
    reading = reader.read(home / "store", exit_code=0)
    if reading.findings or len(reading.committed) != nemesis.RUNS or ordeal.outcome.lives != [0]:
        raise RuntimeError(f"{home}: {ordeal.outcome} {reading}")
    shutil.rmtree(home)
    return reading.committed


class _Ordeal:
    def __init__(self, schedule: Schedule, ground: Ground, home: Path, good: Mapping[str, str]) -> None:
        self.outcome = Outcome(schedule.seed)
        self._schedule, self._ground, self._good = schedule, ground, good
        self._store, self._tokens = home / "store", home / "tokens"
        self._tokens.mkdir(parents=True)
        self._setup = Setup(
            self._store,
            schedule.runs,
            self._behaviours(),
            fresh=schedule.fresh,
            ray=schedule.ray,
            machines=schedule.machines,
            log=home / "driver.log",
        )
        lives.freeze(self._setup)
        self._told: Counter[str] = Counter()  # events by name
        self._pending = list(schedule.faults)
        self._hits: Counter[str] = Counter(dict.fromkeys(schedule.once, 1))  # by run id
        self._seen: dict[str, str] = {}
        self._damaged: set[str] = set()
        self._full = False
        self._strangers: Strangers | None = None
        self._playing: dict[int, Mapping[str, Any]] = {}  # by slot, what was told when it was started

    def _behaviours(self) -> dict[str, dict[str, Any]]:
        behaviours = {}
        for run_id, name in self._schedule.poisons.items():
            (self._tokens / "poison").touch()
            behaviours[run_id] = {**nemesis.POISONS[name], "while": str(self._tokens / "poison")}
            self.outcome.fired.append(name)
        for run_id, name in self._schedule.once.items():
            (self._tokens / run_id).touch()
            behaviours[run_id] = {**nemesis.ONCE[name], "once": str(self._tokens / run_id)}
        return behaviours

    def go(self) -> None:
        """All of it."""
        early, late = self._schedule.strangers
        if not early + late:
            self._suffer()
            return
        with strangers(self._tokens / "strangers", early, late, self._schedule.seed) as self._strangers:
            self._setup = replace(self._setup, carla=self._strangers.home)
            self._suffer()
            if heard := self._strangers.heard():
                self._find(f"I6: a stranger on a port was told {heard!r}")
            self.outcome.fired += [nemesis.TAKEN] * early + [nemesis.ANSWERS] * self._strangers.came()

    def _suffer(self) -> None:
        deaths = list(self._schedule.deaths)
        self.to_the_end(deaths)
        self._judge(set(self._schedule.poisons))
        if self._schedule.damages or self._schedule.healed:
            self._damage()
            self._retry()
            self.to_the_end()
            self._judge(set() if self._schedule.healed else set(self._schedule.poisons))
        for run_id, name in self._schedule.once.items():
            if not (self._tokens / run_id).exists():
                self.outcome.fired.append(name)

    def to_the_end(self, deaths: list[str] | None = None) -> None:
        """The same command again and again, until the campaign has ended by itself."""
        for _ in range(MOST_LIVES):
            die_at = deaths.pop(0) if deaths else None
            code = self._live(die_at)
            if code in (0, 3) or code == 1:
                return
        self._find(f"I1: it has not ended after {MOST_LIVES} drivers: {self.outcome.lives}")

    def _find(self, *findings: str) -> None:
        self.outcome.findings += findings

    def _live(self, die_at: str | None) -> int:
        life = begin(self._setup, campaign, die_at)
        code = self._attend(life, self._on_event)
        self.outcome.lives.append(code)
        if code == 1:
            self._find(f"I1: the driver failed: {self._setup.log.read_text()[-2000:]}")
        self._look(exit_code=code if code >= 0 else None, at_rest=code >= 0)
        return code

    def _attend(self, life: Life, on_event: Callable[[dict[str, Any], Life], dict[str, Any]]) -> int:
        """Hear what a process of ours tells until it ends; returns its exit status."""
        while life.pipe.poll(HANGS_S):
            try:
                event = life.pipe.recv()
                if "crash" in event:
                    self.outcome.fired.append(event["crash"])
                else:
                    life.pipe.send(on_event(event, life))
            except (EOFError, OSError):
                break
        else:
            self._find(f"I1: process {life.pid} has told nothing for {HANGS_S:.0f} s")
            os.kill(life.pid, signal.SIGKILL)
        life.pipe.close()
        return os.waitstatus_to_exitcode(os.waitpid(life.pid, 0)[1])

    def _look(self, exit_code: int | None, at_rest: bool) -> None:
        """What is there while no driver is."""
        began_s = time.monotonic()
        self._find(*reader.orphans(self._ground.marker, {os.getpid()}, GONE_S, _reap))
        self.outcome.gone_s = max(self.outcome.gone_s, time.monotonic() - began_s)
        _reap()
        for pid in (self._ground.decoy, *([self._strangers.pid] if self._strangers else [])):
            self._find(*reader.lives(pid, "CarlaUE4-Linux"))
        seen = {run_id: was for run_id, was in self._seen.items() if run_id not in self._damaged}
        reading = reader.read(self._store, seen=seen, at_rest=at_rest, exit_code=exit_code)
        self._find(*reading.findings)
        self._seen = {**reading.committed, **self._seen}

    def _on_event(self, event: dict[str, Any], life: Life) -> dict[str, Any]:
        name = event["event"]
        self._told[name] += 1
        self._find(*reader.glance(self._store, self._seen))
        if name == "committed":
            self._status()
        if name == "started":
            self._playing[event["slot"]] = event
        answer: dict[str, Any] = {}
        if name == "paused" and self._full:
            self._full = False
            answer["free"] = lives.GIB
        for fault in [one for one in self._pending if (one.event, one.nth) == (name, self._told[name])]:
            self._pending.remove(fault)
            answer |= self._fire(fault, event, life)
            self.outcome.fired.append(fault.kind)
            if fault.kind in MAY_END:
                break  # what comes at the same event would meet no driver any more
        return answer

    def _status(self) -> None:
        """What `av-synth status` says while the driver works: nothing is damaged, nothing committed is forgotten."""
        state = StoreState.read(self._store, self._schedule.runs)
        if state.damaged or state.unknown or state.driver is None:
            self._find(f"I5: status says damaged {dict(state.damaged)}, not planned {state.unknown}, {state.driver}")
        if missing := set(self._seen) - self._damaged - set(state.committed):
            self._find(f"I5: status does not know of {sorted(missing)}")

    def _fire(self, fault: Fault, event: Mapping[str, Any], life: Life) -> dict[str, Any]:
        """Do it; returns what the driver is told to do to itself."""
        match fault.kind:
            case nemesis.KILL_RAYLET:
                self._kill_raylet()
            case "kill driver":
                os.kill(life.pid, signal.SIGKILL)
            case "interrupt":
                os.kill(life.pid, signal.SIGINT)
            case "interrupt twice":
                os.kill(life.pid, signal.SIGINT)
                os.kill(life.pid, signal.SIGTERM)
            case "second driver":
                self._refused(campaign, "driver")
            case "second driver while the first is stopped":
                os.kill(life.pid, signal.SIGSTOP)
                self._refused(campaign, "driver")
                os.kill(life.pid, signal.SIGCONT)
            case "retry beside the driver":
                self._refused(partial(retry, False), "retry")
            case "ask to stop":
                lease.ask_to_stop(self._store)
            case "disk full":
                self._full = True
                return {"free": 0}
            case "disk full for the driver":
                return {"refused": True}
            case "clock forward" | "clock backward":
                return {"jump_s": JUMP_S[fault.kind]}
            case _:
                self._hit(fault.kind, event["run"], event["pids"])
        return {}

    def _hit(self, kind: str, run_id: str, pids: Sequence[int]) -> None:
        """Do something to the processes that play a run: the worker, then what it has started."""
        self._hits[run_id] += 1
        if kind == "kill its children":
            self._send(pids[1:], signal.SIGKILL)
        elif kind == "kill its actor":
            self._send([reader.parent(pids[0])], signal.SIGKILL)
        else:
            self._send(pids[:1], signal.SIGKILL if kind == "kill worker" else signal.SIGSTOP)

    def _kill_raylet(self) -> None:
        """Lose a machine: one without the head, if there is one."""
        pid = reader.raylets(self._ground.marker)[-1]
        for event in self._playing.values():
            with suppress(OSError):  # it has ended
                self._hits[event["run"]] += reader.parent(reader.parent(event["pids"][0])) == pid
        self._send([pid], signal.SIGKILL)

    def _send(self, pids: Sequence[int], number: int) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _refused(self, work: Callable[[Setup, Connection], int], what: str) -> None:
        """Another one on the same store is refused, and touches nothing."""

        def answer(event: dict[str, Any], _: Life) -> dict[str, Any]:
            self._find(f"I1: a second {what} is at work beside the first: {event}")
            return {}

        code = self._attend(begin(self._setup, work), answer)
        if code != lives.REFUSED:
            self._find(f"I1: a second {what} ended with {code}")

    def _judge(self, poisons: set[str]) -> None:
        """At the end every good run is committed as if nothing had happened, and every poison run is in quarantine."""
        reading = reader.read(self._store)
        # whoever is hit as often as it takes is given up, and rightly
        tolerated = {run_id for run_id, hits in self._hits.items() if hits >= CAP}
        for run_id, was in self._good.items():
            now = reading.committed.get(run_id)
            if run_id in poisons:
                if run_id not in reading.quarantined:
                    self._find(f"I1: poison run {run_id} is not in quarantine")
            elif now is None and run_id not in tolerated:
                self._find(f"I3: run {run_id} is not committed")
            elif now is not None and now != was:
                self._find(f"I3: run {run_id} has other bytes than without faults")
        played = Counter(
            event["run"] for event in reader.events(self._store) if event["event"] == "committed" and event["played"]
        )
        for run_id, times in played.items():
            if times > 1 + (run_id in self._damaged):
                self._find(f"I1: run {run_id} was committed {times} times")

    def _damage(self) -> None:
        reading = reader.read(self._store)
        for kind, run_id in zip(self._schedule.damages, sorted(reading.committed), strict=False):
            damage(self._store / "runs" / run_id, kind)
            self._damaged.add(run_id)
            self.outcome.fired.append(f"damage: {kind}")
        found = {run[1] for finding in reader.read(self._store).findings if (run := IN_RUN.match(finding))}
        if found != self._damaged:
            self._find(f"I2: damaged were {sorted(self._damaged)}, the reader found {sorted(found)}")
        state = StoreState.read(self._store, self._schedule.runs, deep=True)
        if set(state.damaged) != self._damaged:
            self._find(f"I2: damaged were {sorted(self._damaged)}, status says {dict(state.damaged)}")

    def _retry(self) -> None:
        if self._schedule.healed:
            (self._tokens / "poison").unlink()
        deaths = list(self._schedule.retry_deaths)
        for _ in range(MOST_LIVES):
            verbs = partial(retry, self._schedule.seed % 2 == 0, self._schedule.healed)
            life = begin(self._setup, verbs, deaths.pop(0) if deaths else None)
            code = self._attend(life, lambda event, _: {})
            if code == 0:
                return
        self._find("I1: retry has not ended")


def retry(damaged: bool, released: bool, setup: Setup, _: Connection) -> int:
    """`av-synth retry --damaged --deep`, unless that is left to the driver, and `av-synth retry` if asked for."""
    try:
        if damaged:
            make_again(setup.store, damaged=True, deep=True)
        if released:
            make_again(setup.store)
    except UserError:
        return lives.REFUSED
    return 0


def damage(run: Path, kind: str) -> None:
    """What disks and people do to a committed run."""
    name = "manifest.json" if kind == "manifest torn" else "blobs/CAM_FRONT/000000.jpg"
    path = run / name
    path.chmod(0o644)
    match kind:
        case "flipped":
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        case "torn" | "manifest torn":
            os.truncate(path, path.stat().st_size // 2)
        case "missing":
            path.unlink()
        case "added":
            (run / "more.json").write_text("{}")
        case _:
            raise ValueError(kind)


def _cpu_s() -> float:
    own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime


def _reap() -> None:
    """Processes whose parent was killed are ours (see `launch.tree.adopt_orphans`): what they took counts."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
