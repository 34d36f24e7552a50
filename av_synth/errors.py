"""Every error that av_synth raises on purpose.

    AvSynthError
    ├── UserError             what was asked cannot be: exit 2, never retried
    │   ├── DocumentError     a YAML file or an option is wrong: where, what it got, what it wanted
    │   ├── CastError         the simulator has nothing that can play a part
    │   └── LogError          a recording is broken, or is none
    ├── SimulatorError        the simulator failed: exit 1, may be retried
    │   ├── LaunchError       it did not start or was never ready
    │   │   └── MachineError      nor will it here, as this machine is: no GPU, no Vulkan, no memory, another version
    │   │       └── PortTakenError  somebody else has its ports
    │   ├── ConnectionLostError  it stopped answering or died
    │   ├── OccupiedError     it is not ours and somebody else uses it
    │   ├── StalledError      the process that plays hangs
    │   ├── SpawnError        it refused to place an actor
    │   ├── UnsettledError    actors or cameras were not still when recording was to begin
    │   └── SensorMissError   a sensor frame is missing, late or of another frame
    ├── DataError             what came back is not usable: exit 1, never retried
    └── StoreError            reading or writing runs and datasets failed: exit 1
        ├── UnreachableError  an object store does not answer, or refuses
        └── OtherEpochError   a run is whole, and was written by another version of av_synth

A message says where, what it got, what was wanted and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class AvSynthError(Exception):
    """Base of every error raised on purpose; `exit_code` is what the command line returns."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled with what the operating system refused, if that was the cause: a full disk is told from others."""
        cause = self.__cause__
        behind = {"__cause__": cause} if isinstance(cause, OSError | AvSynthError) else {}
        return type(self), self.args, {**vars(self), **behind}


class UserError(AvSynthError):
    """What was asked cannot be done; nothing was written."""

    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One mistake in a document: `where` ('scenarios/left.yaml:14'), the key path, and the sentence."""

    where: str
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        key = f"{self.path}: " if self.path else ""
        return f"{place}{key}{self.message}"


class DocumentError(UserError):
    """A YAML document or an option is wrong; carries every problem that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class CastError(UserError):
    """The simulator's blueprint library or map cannot play what the scenario asks for.

    Attributes:
        at: the key path in the scenario of what it cannot play, if whoever raised it knew.
        of_rig: `at` is in the rig: one of its sensors is what cannot be had.
    """

    def __init__(self, message: str, at: tuple[str | int, ...] = (), *, of_rig: bool = False) -> None:
        super().__init__(message)
        self.at = at
        self.of_rig = of_rig


class LogError(UserError):
    """A file that is to be played back is no recording, is broken, or says too little; or one cannot be written."""


class SimulatorError(AvSynthError):
    """The simulator failed; the run may be tried again."""


class LaunchError(SimulatorError):
    """The simulator process did not start, or was never ready."""


class MachineError(LaunchError):
    """This machine, as it is, cannot run the simulator; what was to be played is not to blame."""


class PortTakenError(MachineError):
    """A port that the simulator was given is somebody else's, or there are none left."""


class ConnectionLostError(SimulatorError):
    """The simulator stopped answering or its process ended."""


class OccupiedError(SimulatorError):
    """A simulator that is not ours has actors of somebody else in its world, or a client that ticks it."""


class StalledError(SimulatorError):
    """The process that plays a run was silent for too long and was ended; see `launch.stall`."""


class SpawnError(SimulatorError):
    """The simulator refused to place an actor."""


class UnsettledError(SimulatorError):
    """Actors still fell or rocked, or a camera's exposure still changed, when recording was to begin."""


class SensorMissError(SimulatorError):
    """A sensor's data for a frame is missing, late, doubled or of another frame.

    Attributes:
        sensor: the channel, such as CAM_FRONT.
        frame: the simulator frame that was wanted.
        reason: what was there instead.
    """

    def __init__(self, sensor: str, frame: int, reason: str) -> None:
        self.sensor = sensor
        self.frame = frame
        self.reason = reason
        super().__init__(sensor, frame, reason)

    def __str__(self) -> str:
        return f"{self.sensor}: frame {self.frame}: {self.reason}"


class DataError(AvSynthError):
    """Data from the simulator, or on disk, is not usable (non-finite, wrong shape, contradictory)."""


class StoreError(AvSynthError):
    """Reading or writing a run, a dataset or a store failed."""


class UnreachableError(StoreError):
    """An object store does not answer, or refuses what was asked; the run that was to go there is not at fault."""


class OtherEpochError(StoreError):
    """A run was written by another version of av_synth, in a form that this one does not read."""


def refusals(error: BaseException) -> frozenset[int]:
    """The errno of all that the operating system refused, anywhere among an error and what led to it."""
    found: set[int] = set()
    seen: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in seen:
        seen.append(at)
        if isinstance(at, OSError) and at.errno is not None:
            found.add(at.errno)
        at = at.__cause__ if at.__cause__ is not None or at.__suppress_context__ else at.__context__
    return frozenset(found)
