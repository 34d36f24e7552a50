"""What a store says of its campaign: what was asked, what was made of it, what failed and what it took.

Reads the plan, the committed runs, the quarantine and the journal; the campaign may still run, or its driver may have
been killed. A run is where its directory is; of events, only figures and times are taken.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from av_synth import store
from av_synth.errors import StoreError
from av_synth.farm.model import Event, Failure, FailureClass, PlannedRun
from av_synth.farm.planning import plan
from av_synth.farm.records import committed_runs, quarantine
from av_synth.farm.records.journal import read_journal
from av_synth.farm.records.lease import holder
from av_synth.farm.status.eta import Span, reckoned
from av_synth.report.thumbnails import moment_us
from av_synth.report.weather_words import weather_words
from av_synth.store.files import as_mapping
from av_synth.store.intact import check_intact, what_is_wrong

COMMITTED = "committed"
CUT_OFF = "cut off"
"""What became of an attempt whose driver ended before it did."""


@dataclass(frozen=True)
class Attempt:
    """An attempt that was made: by whom, from when to when (seconds of the wall clock), and what became of it.

    `outcome` is COMMITTED, CUT_OFF or a class of failure; `cpu_s` is known of committed ones.
    """

    run_id: str
    number: int
    machine: str
    slot: int
    begun_s: float
    ended_s: float
    outcome: str
    error: str = ""
    cpu_s: float = 0.0


@dataclass(frozen=True)
class Made:
    """A committed run.

    `held` is how many of its `expectations` did, `never_began` names its events that did not, `problem` says why it
    could not be read.
    """

    run: PlannedRun
    folder: Path
    held: int = 0
    expectations: int = 0
    keyframes: int = 0
    bytes: int = 0
    weather: str = ""
    moment_us: int | None = None
    never_began: tuple[str, ...] = ()
    problem: str = ""

    @property
    def good(self) -> bool:
        """Whether it could be read and all of its expectations held."""
        return not self.problem and self.held == self.expectations


@dataclass(frozen=True)
class GivenUp:
    """A run in quarantine: what is kept of its attempts, by number; `problem`: why that could not be read."""

    run: PlannedRun
    folder: Path
    evidence: Mapping[int, Failure]
    problem: str = ""


@dataclass(frozen=True)
class CampaignFacts:
    """Everything that the page tells. Runs are in order of run id, attempts in order of their end; see `farm.eta`."""

    root: Path
    name: str
    description: str
    text: str
    planned: tuple[PlannedRun, ...]
    made: tuple[Made, ...]
    given_up: tuple[GivenUp, ...]
    attempts: tuple[Attempt, ...]
    left_s: Span | None = None

    @property
    def remaining(self) -> int:
        """Planned runs that are neither committed nor quarantined."""
        return len(self.planned) - len(self.made) - len(self.given_up)


def read_campaign(root: Path) -> CampaignFacts:
    """Read a store.

    Raises:
        UserError: if it has no plan.
        StoreError: if its plan or its journal cannot be read.
        UnreachableError: if its runs are at an address, and nobody answers there.
    """
    asked = plan.read(root)
    there = committed_runs.ids(root)
    given_up = set(quarantine.listed(root)) - there
    events = read_journal(root)
    _, left_s = reckoned(asked.runs, events, there | given_up, time.time() if holder(root) else None)
    return CampaignFacts(
        root=root,
        name=str(asked.campaign.get("name", "")) or root.resolve().name,
        description=str(asked.campaign.get("description", "")),
        text=_read_text(root / plan.FOLDER / plan.CAMPAIGN),
        planned=asked.runs,
        made=tuple(_made(root, run) for run in asked.runs if run.run_id in there),
        given_up=tuple(_given_up(root, run) for run in asked.runs if run.run_id in given_up),
        attempts=tuple(_attempts(events)),
        left_s=left_s,
    )


def scenario(run: PlannedRun) -> str:
    """What a run plays, for people."""
    return run.recipe.scenario.removesuffix(".yaml")


def rig(run: PlannedRun) -> str:
    """What looks, for people."""
    return (run.recipe.rig or "no sensors").removesuffix(".yaml")


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # a plan without it is a plan


def _made(root: Path, run: PlannedRun) -> Made:
    directory = store.run_path(root, run.run_id)
    if not directory.is_dir() and (address := committed_runs.address_of(root)):
        return Made(run, directory, problem=f"is at {address}; `av-synth export {root}` brings it here")
    try:
        check_intact(directory)  # as `status` does
        opened = store.open_run(directory, files=False)
        weather = as_mapping(opened.json("scenario.json").get("weather", {}), "weather")
        outcome: Mapping[str, Any] = opened.json("outcome.json")
        expectations = outcome.get("expectations", [])
        frames = opened.table("sensor_frames", ("time_us", "is_keyframe")).to_pylist()
    except StoreError as error:
        then = "; the command that began the campaign sets it aside and makes it again"
        return Made(run, directory, problem=what_is_wrong(error, then))
    return Made(
        run,
        directory,
        held=sum(bool(one["held"]) for one in expectations),
        expectations=len(expectations),
        keyframes=len({row["time_us"] for row in frames if row["is_keyframe"]}),
        bytes=sum(entry.bytes for entry in opened.files.values()),
        weather=", ".join(weather_words(weather)),
        moment_us=moment_us(expectations),
        never_began=tuple(outcome.get("never_began", ())),
    )


def _given_up(root: Path, run: PlannedRun) -> GivenUp:
    folder = root / quarantine.FOLDER / run.run_id
    try:
        return GivenUp(run, folder, quarantine.evidence(root, run.run_id))
    except StoreError as error:
        return GivenUp(run, folder, {}, str(error))


def _attempts(events: Iterable[Event]) -> Iterator[Attempt]:
    begun: dict[tuple[str, int], Event] = {}
    last_s = 0.0
    for event in events:
        what, key = event.get("event"), (event.get("run", ""), event.get("attempt", 0))
        if what == "started":
            begun[key] = event
        elif what in ("opened", "closed"):  # what the driver before had begun, it did not end
            yield from (_attempt(started, last_s, CUT_OFF) for started in begun.values())
            begun.clear()
        elif what == "failed":  # also before it began: the simulator would not start
            kind = FailureClass(event["kind"]).value
            yield _attempt(begun.pop(key, event), event["t"], kind, str(event["error"]))
        elif what == COMMITTED:
            begin_s = min(begun.pop(key, event)["t"], event["t"] - event["wall_s"])
            yield _attempt({**event, "t": begin_s}, event["t"], COMMITTED, cpu_s=float(event["cpu_s"]))
        last_s = event.get("t", last_s)


def _attempt(started: Event, ended_s: float, outcome: str, error: str = "", cpu_s: float = 0.0) -> Attempt:
    begun_s = float(started["t"])
    return Attempt(
        run_id=started["run"],
        number=int(started["attempt"]),
        machine=str(started["machine"]),
        slot=int(started["slot"]),
        begun_s=begun_s,
        ended_s=max(begun_s, float(ended_s)),  # the wall clock may have been set back
        outcome=outcome,
        error=error,
        cpu_s=cpu_s,
    )
