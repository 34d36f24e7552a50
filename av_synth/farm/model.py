"""What the parts of a farm tell each other. Imports nothing heavy: workers and their keepers start often."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol


class FailureClass(str, Enum):
    """Why an attempt failed, as far as it decides what is done about it.

    ENVIRONMENTAL: disk full, port taken, no GPU: the farm pauses, and no attempt is charged.
    TRANSIENT: simulator crashed or stalled, sensor frame missing, worker or machine lost: charged, tried elsewhere.
    DETERMINISTIC: a scenario that cannot be played, data that is no data: confirmed once, then quarantined.
    CANCELLED: ended by us: not charged.
    """

    ENVIRONMENTAL = "environmental"
    TRANSIENT = "transient"
    DETERMINISTIC = "deterministic"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Recipe:
    """How a run is drawn, of the files that are frozen in the plan's folder.

    Attributes:
        scenario: a file in `plan/scenarios/`, such as 'cut_in_wet.yaml'.
        rig: a file in `plan/rigs/`; None for no sensors.
        seed: of the draw.
        values: parameters chosen together by a design or a search; empty where the seed draws them all.
        overrides: parameters given by hand, as text.
        weather: what the campaign says instead of the scenario's weather; None for the scenario's own.
        town: that it is played in; None for the scenario's own choice.
        without: actors that are taken out.
        ticks: first digits of each tick's state hash, one after the other, where a search has played it.
    """

    scenario: str
    rig: str | None
    seed: int
    values: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)
    weather: Mapping[str, Any] | None = None
    town: str | None = None
    without: tuple[str, ...] = ()
    ticks: str = ""


Affinity = tuple[str, str]
"""Town and rig: what the time of a run depends on most, and what a worker has loaded."""


@dataclass(frozen=True)
class PlannedRun:
    """A run that a campaign asks for.

    Attributes:
        run_id: 20 hex digits, known before it is played.
        recipe: what is played and what looks.
        town: that it is played in.
        entry: which entry of the campaign asked for it, from 0 on.
        frames: how many will be recorded; 0 where nobody has asked yet.
    """

    run_id: str
    recipe: Recipe
    town: str
    entry: int = 0
    frames: int = 0

    @property
    def affinity(self) -> Affinity:
        """Town and rig: runs that share them follow each other on a worker, since loading a town is dear."""
        return self.town, self.recipe.rig or ""


@dataclass(frozen=True)
class Job:
    """An attempt to be made: which run, and 1 for its first attempt."""

    run: PlannedRun
    attempt: int


@dataclass(frozen=True)
class WorkerSetting:
    """What a worker is started with.

    Attributes:
        store: where runs are committed.
        slot: the worker's number.
        player: `module:function` that opens what plays jobs (see `OpenPlayer`).
        options: plain values for it: the simulator, and what it needs to start.
        folder: for the logs of the worker and what it starts.
        cores: what its processes may run on; empty: anything.
        object_store: address that its runs are committed to (see `ObjectStore`); empty: the store itself.
    """

    store: Path
    slot: int
    player: str
    options: Mapping[str, Any]
    folder: Path
    cores: tuple[int, ...] = ()
    object_store: str = ""


@dataclass(frozen=True)
class Failure:
    """How an attempt failed.

    Attributes:
        kind: its class.
        error: the error's type, such as 'ConnectionLostError', or 'stalled', 'worker lost', 'deadline'.
        message: in words.
        machine: name of the machine.
        logs: files that say more, on that machine.
        wall_s, cpu_s: what the attempt took, as `Figures`, as far as its worker could tell; 0 where it died.
    """

    kind: FailureClass
    error: str
    message: str
    machine: str = ""
    logs: tuple[Path, ...] = ()
    wall_s: float = 0.0
    cpu_s: float = 0.0


@dataclass(frozen=True)
class Figures:
    """What an attempt took: seconds, CPU seconds of the worker's whole process tree, bytes committed, frames."""

    wall_s: float
    cpu_s: float
    bytes: int
    frames: int


@dataclass(frozen=True)
class Started:
    """A worker took a job; `pids` are those of its processes, the worker's first."""

    slot: int
    run_id: str
    attempt: int
    pids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Advanced:
    """A worker recorded frames: `done` of `of`; 0 are done while it warms up."""

    slot: int
    run_id: str
    done: int
    of: int


@dataclass(frozen=True)
class Committed:
    """A run is under its final name; `played` is False where it had been there before.

    `held` is of its expectations, `never_began` how many of its events did not.
    """

    slot: int
    run_id: str
    figures: Figures
    played: bool = True
    held: bool = True
    never_began: int = 0


@dataclass(frozen=True)
class Failed:
    """An attempt came to nothing; the worker lives."""

    slot: int
    run_id: str
    failure: Failure


@dataclass(frozen=True)
class Lost:
    """A worker is gone, with whatever it was doing (None: nothing). The runner starts another in its slot."""

    slot: int
    run_id: str | None
    why: str
    machine: str = ""


Report = Started | Advanced | Committed | Failed | Lost

Event = Mapping[str, Any]
"""An event as the journal has it (docs/reference/farm.md): `event` is its name, `t` when it was."""

OnEvent = Callable[[Event | Advanced], None]
"""Told every event of the journal, and how far runs are."""


@dataclass(frozen=True)
class Slot:
    """A place for one worker: its number, the machine, and what it is doing and was made ready for."""

    number: int
    machine: str
    run_id: str | None = None
    affinity: Affinity | None = None


class Runner(Protocol):
    """Workers somewhere: processes of this machine, or actors of a Ray cluster. All calls come from one thread."""

    def slots(self) -> Sequence[Slot]:
        """The workers there are now; a cluster's number may change."""

    def start(self, slot: int, job: Job) -> None:
        """Hand a job to a free worker; returns at once."""

    def poll(self, timeout_s: float) -> Sequence[Report]:
        """What the workers have told since the last call; waits so long if there is nothing. Never raises for them."""

    def kill(self, slot: int) -> None:
        """End a worker's whole process tree at once; it is replaced, and `poll` tells nothing of the job."""

    def close(self) -> None:
        """End every worker and leave no process behind. May be called twice."""


@dataclass(frozen=True)
class Played:
    """What came of a job.

    Attributes:
        played: False where the run had been committed before.
        held: whether the run met its expectations.
        frames: recorded.
        bytes: committed.
        never_began: how many of its events did not.
    """

    played: bool
    held: bool
    frames: int
    bytes: int
    never_began: int = 0


class Player(Protocol):
    """What plays jobs, with the simulator that it has opened."""

    def play(self, job: Job, on_tick: Callable[[int, int], None]) -> Played:
        """Commit a run, or find it committed.

        Args:
            job: what to play.
            on_tick: to be told (frames done, frames in all); 0 are done while it warms up.

        Raises:
            Exception: whatever `failures.of_exception` knows the class of. Nothing was committed.
        """


OpenPlayer = Callable[[WorkerSetting], AbstractContextManager[Player]]
"""Opens a player; leaving it ends whatever it has started. Both happen in the main thread of a worker."""
