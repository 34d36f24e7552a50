"""Which class a failure is of: what was raised, or that a worker was lost or had to be ended."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

from av_synth import errors
from av_synth.farm.model import Failure, FailureClass, Lost
from av_synth.store.files import in_utf8

_ENVIRONMENTAL = FailureClass.ENVIRONMENTAL
_TRANSIENT = FailureClass.TRANSIENT
_DETERMINISTIC = FailureClass.DETERMINISTIC

KINDS: Mapping[type[BaseException], FailureClass] = {
    errors.AvSynthError: _DETERMINISTIC,
    errors.UserError: _DETERMINISTIC,
    errors.DocumentError: _DETERMINISTIC,
    errors.CastError: _DETERMINISTIC,
    errors.LogError: _DETERMINISTIC,
    errors.SimulatorError: _TRANSIENT,
    errors.LaunchError: _TRANSIENT,  # it may be the town that it was to begin with
    errors.MachineError: _ENVIRONMENTAL,  # a port, a GPU, a driver, a binary: no fault of the run that was to be played
    errors.PortTakenError: _ENVIRONMENTAL,
    errors.ConnectionLostError: _TRANSIENT,
    errors.OccupiedError: _ENVIRONMENTAL,
    errors.UnsettledError: _TRANSIENT,
    errors.StalledError: _TRANSIENT,
    errors.SpawnError: _TRANSIENT,
    errors.SensorMissError: _TRANSIENT,
    errors.DataError: _DETERMINISTIC,
    errors.StoreError: _TRANSIENT,  # unless the disk says why, see `_OF_THE_MACHINE`
    errors.UnreachableError: _ENVIRONMENTAL,  # network, credentials, 5xx
    errors.OtherEpochError: _DETERMINISTIC,
    MemoryError: _TRANSIENT,
    ImportError: _ENVIRONMENTAL,  # a library or the player is not installed there
    KeyboardInterrupt: FailureClass.CANCELLED,
    Exception: _DETERMINISTIC,  # a mistake of ours: it is confirmed once
    BaseException: _TRANSIENT,
}
"""By type; what is not in it is of the class of the nearest type that it derives from."""

_OF_THE_MACHINE = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EIO,
        errno.EACCES,
        errno.EPERM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EAGAIN,  # no process or thread could be started
        errno.EADDRINUSE,
        errno.ESTALE,
    }
)
_LONGEST = 3500  # characters of a message: what a worker sends is written into its pipe at once or not at all


def of_exception(error: BaseException, machine: str = "", logs: tuple[Path, ...] = ()) -> Failure:
    """How an attempt failed that raised an error.

    Args:
        error: what was raised. What the operating system refused, anywhere among its causes, counts for more than its
            type: a full disk, a taken port.
        machine: name of the machine.
        logs: files that say more.
    """
    kind = next(KINDS[base] for base in type(error).__mro__ if base in KINDS)
    if errors.refusals(error) & _OF_THE_MACHINE:
        kind = _ENVIRONMENTAL
    return Failure(kind, type(error).__name__, in_utf8(str(error) or repr(error))[:_LONGEST], machine, logs)


def closes_player(error: str) -> bool:
    """Whether a worker opens a fresh player after an error of this name: it may be the simulator's state that made it.

    What was asked and cannot be is no fault of the simulator.
    """
    kind = getattr(errors, error, None)
    return not (isinstance(kind, type) and issubclass(kind, errors.UserError))


def of_loss(lost: Lost) -> Failure:
    """How an attempt failed whose worker died, or whose machine is gone."""
    return Failure(_TRANSIENT, "worker lost", lost.why, lost.machine)


def of_watchdog(error: str, why: str, machine: str) -> Failure:
    """How an attempt failed that was ended because it took too long: `error` is 'stalled' or 'deadline'."""
    return Failure(_TRANSIENT, error, why, machine)
