"""What is shown of a campaign at one moment, and a failure in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from av_synth.farm.model import Event, FailureClass, PlannedRun
from av_synth.farm.status.eta import Span

ADVICE: Mapping[str, str] = {
    FailureClass.ENVIRONMENTAL.value: "no attempt is charged; put the machine right and it goes on by itself",
    FailureClass.TRANSIENT.value: "it is tried again by itself; if it goes on like this, read the logs",
    FailureClass.DETERMINISTIC.value: "it is played once more to be sure; `av-synth run` plays it alone to see why",
    FailureClass.CANCELLED.value: "the same command plays it again",
}
"""What to do about a failure, by its class."""


@dataclass(frozen=True)
class WorkerSnapshot:
    """A worker: what it plays (None: nothing), how many frames are done of how many, seconds since the last one."""

    slot: int
    machine: str
    run: PlannedRun | None = None
    attempt: int = 0
    done: int = 0
    of: int = 0
    quiet_s: float = 0.0


@dataclass(frozen=True)
class Trouble:
    """A failed attempt, in words, with where to read more and what to do."""

    run_id: str
    attempt: int
    machine: str
    kind: str
    error: str
    message: str
    log: str
    advice: str


@dataclass(frozen=True)
class CampaignSnapshot:
    """A campaign at one moment.

    Attributes:
        planned: runs; each is committed, quarantined or remaining.
        committed: runs that are there.
        quarantined: runs given up.
        remaining: runs still to come, those that are being played included.
        running: runs being played.
        not_held: committed runs whose expectations did not hold, as far as the events tell.
        never_began: committed runs some of whose events never began, as far as the events tell.
        runs_per_h: played and committed in the last hour; None before the first.
        frames_per_s: recorded by all workers, lately; None before the first.
        bytes: committed, as far as the events tell.
        elapsed_s: since this driver began.
        left_s: until nothing remains; None until a run has been committed, and where nothing more is started.
        workers: by slot.
        attempts: ended attempts by class of failure, and 'committed'.
        lost: workers that were lost and replaced.
        troubles: the last failures, newest last.
        note: why nothing is started, if so; else ''.
    """

    planned: int
    committed: int
    quarantined: int
    remaining: int
    running: int
    not_held: int
    never_began: int
    runs_per_h: float | None
    frames_per_s: float | None
    bytes: int
    elapsed_s: float
    left_s: Span | None
    workers: tuple[WorkerSnapshot, ...]
    attempts: Mapping[str, int]
    lost: int
    troubles: tuple[Trouble, ...]
    note: str


def trouble(event: Event) -> Trouble:
    """A `failed` event in words."""
    logs = event.get("logs") or ()
    kind = FailureClass(event["kind"]).value
    return Trouble(
        run_id=str(event["run"]),
        attempt=int(event["attempt"]),
        machine=str(event.get("machine", "")),
        kind=kind,
        error=str(event["error"]),
        message=str(event["message"]),
        log=str(logs[0]) if logs else "",
        advice=ADVICE[kind],
    )
