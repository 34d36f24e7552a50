"""What a campaign will take: from runs that it has committed, else from short trials on its own simulator."""

from __future__ import annotations

import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from av_synth import store
from av_synth.farm.model import Event, PlannedRun
from av_synth.farm.planning.recipes import Desk
from av_synth.farm.workers.worker import cpu_s
from av_synth.launch import Address
from av_synth.rig.model import Camera, Lidar, Radar, Rig
from av_synth.run import RunResult, RunSpec, Skipped
from av_synth.run.attempt import again_if_stalled, attempt

_TRIAL_S = 1.0  # of recorded time
_TRIALS = 3  # of a rig at most: its kinds with the most runs

_PIXEL_BYTES, _POINT_BYTES, _TIME_BYTES, _RETURN_BYTES, _BARE_BYTES = 0.5, 22, 6, 60, 1_000_000
"""Of images, lidar points and radar returns with their labels, the times of points, and a run's tables and documents.

Rounded up from what was measured: of this, 20 runs with the rig `tiny` took 86 to 90 %, 5 with `nuscenes` 49 to 59 %
(whose larger images are compressed better).
"""

Kind = tuple[str, str | None]
"""A scenario's file and a rig's."""


@dataclass(frozen=True)
class Cost:
    """What runs take: CPU seconds of all processes, seconds one after the other, and bytes committed."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    bytes: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s, self.bytes + other.bytes)

    def __mul__(self, factor: float) -> Cost:
        return Cost(self.cpu_s * factor, self.wall_s * factor, self.bytes * factor)


@dataclass(frozen=True)
class Rate:
    """What a run of a kind takes: something for itself, and something for each recorded frame."""

    start: Cost
    frame: Cost

    def of(self, frames: int) -> Cost:
        """What a run of so many frames takes."""
        return self.start + self.frame * frames


@dataclass(frozen=True)
class Estimate:
    """What a campaign will take.

    Attributes:
        runs: how many are to be made.
        total: of all of them.
        how: where the figures come from, in words.
    """

    runs: int
    total: Cost
    how: str

    @property
    def core_hours(self) -> float:
        """Hours of one core."""
        return self.total.cpu_s / 3600.0

    def wall_s(self, workers: int, cores: int) -> float:
        """Seconds until all are made: the workers are busy all the time, and so are at most the cores."""
        return max(self.total.wall_s / workers, self.total.cpu_s / cores)


def kind_of(run: PlannedRun) -> Kind:
    """Runs of one kind take alike."""
    return run.recipe.scenario, run.recipe.rig


def estimate(
    runs: Sequence[PlannedRun],
    events: Iterable[Event],
    done: frozenset[str],
    measure: Callable[[PlannedRun], Rate],
) -> Estimate:
    """Estimate what is left of a campaign.

    Args:
        runs: all that are planned.
        events: of the store's journal; what was committed is what is gone by, wherever a run of the same rig was.
        done: ids of the runs that are committed.
        measure: makes a trial of a run; asked for rigs of which none was committed.
    """
    known = _committed(runs, events)
    count = sum(len(found) for found in known.values())
    rates = {kind: _mean(found) for kind, found in known.items()}
    left = [run for run in runs if run.run_id not in done]
    tried = 0
    for rig in dict.fromkeys(run.recipe.rig for run in left):
        if any(kind[1] == rig for kind in rates):
            continue
        kinds = Counter(kind_of(run) for run in left if run.recipe.rig == rig).most_common(_TRIALS)
        for kind, _ in kinds:
            rates[kind] = measure(next(run for run in left if kind_of(run) == kind))
            tried += 1
    by_rig: dict[str | None, list[Rate]] = defaultdict(list)
    for kind, rate in rates.items():
        by_rig[kind[1]].append(rate)
    means = {rig: _mean(found) for rig, found in by_rig.items()}
    total = Cost()
    for run in left:
        total += (rates.get(kind_of(run)) or means[run.recipe.rig]).of(run.frames)
    told = [f"{count} committed runs"] if count else []
    told += [f"{tried} trial{'s' * (tried > 1)} of at most {_TRIAL_S:g} s on this machine"] if tried else []
    return Estimate(len(left), total, " and ".join(told) or "nothing that is left to do")


def _committed(runs: Sequence[PlannedRun], events: Iterable[Event]) -> dict[Kind, list[Rate]]:
    """What was told of runs that were played, by kind, as rates without a start of their own."""
    planned = {run.run_id: run for run in runs}
    found: dict[Kind, list[Rate]] = defaultdict(list)
    for event in events:
        run = planned.get(str(event.get("run")))
        if event["event"] == "committed" and event["played"] and run is not None and event["frames"]:
            cost = Cost(event["cpu_s"], event["wall_s"], event["bytes"])
            found[kind_of(run)].append(Rate(Cost(), cost * (1.0 / event["frames"])))
    return found


def _mean(rates: Sequence[Rate]) -> Rate:
    share = 1.0 / len(rates)
    start, frame = Cost(), Cost()
    for rate in rates:
        start, frame = start + rate.start * share, frame + rate.frame * share
    return Rate(start, frame)


def most_bytes(runs: Iterable[PlannedRun], rig_of: Callable[[str | None], Rig | None]) -> int:
    """Bytes that the largest of some runs takes at most, by what its rig records; see `_PIXEL_BYTES`.

    Args:
        runs: those that are planned.
        rig_of: gives the rig of a recipe, such as `Desk.rig`.
    """
    longest: dict[str | None, int] = {}
    for run in runs:
        longest[run.recipe.rig] = max(run.frames, longest.get(run.recipe.rig, 0))
    return max((_most_bytes(rig_of(name), frames) for name, frames in longest.items()), default=0)


def _most_bytes(rig: Rig | None, frames: int) -> int:
    if rig is None:
        return _BARE_BYTES

    def times(sensor: Camera | Lidar | Radar) -> int:
        return -(-frames // sensor.every_ticks)

    pixels = sum(times(camera) * camera.width_px * camera.height_px for camera in rig.cameras)
    points = sum(times(lidar) * lidar.beams * lidar.columns * _bytes_of_a_ray(lidar) for lidar in rig.lidars)
    returns = sum(times(radar) * radar.points for radar in rig.radars)
    return _BARE_BYTES + round(_PIXEL_BYTES * pixels) + points + _RETURN_BYTES * returns


def _bytes_of_a_ray(lidar: Lidar) -> int:
    """Of its point, or of as many as a device may make of it, each with its time."""
    return _POINT_BYTES if lidar.device is None else lidar.device.echoes * (_POINT_BYTES + _TIME_BYTES)


def trial(spec: RunSpec, address: Address, folder: Path) -> Rate:
    """Play the first second of a run, and measure: CPU time of this process and of all it has started.

    What a frame takes is measured from the first recorded frame to the last, the rest is a run's own.

    Args:
        spec: what to play and what looks.
        address: where the simulator listens; the CPU time of one that is not ours is nobody's.
        folder: where the run is written, to be thrown away.

    Raises:
        AvSynthError: as `run.attempt`.
    """
    short = replace(spec.scenario, duration_s=min(_TRIAL_S, spec.scenario.duration_s))
    at: dict[int, tuple[float, float]] = {}
    frames = 0

    def look(done: int, of: int) -> None:
        nonlocal frames
        frames = of
        if done in (1, of):
            at[done] = cpu_s(), time.monotonic()

    began = 0.0, 0.0
    with tempfile.TemporaryDirectory(dir=folder, prefix="trial-") as name:
        out = Path(name)

        def play() -> RunResult | Skipped:
            nonlocal began
            began = cpu_s(), time.monotonic()  # of the one that is measured
            return attempt(replace(spec, scenario=short), address, out, look, folder=folder)

        result = again_if_stalled(play)
        ended = cpu_s(), time.monotonic()
        files = store.open_run(store.run_path(out, result.run_id), files=False).files
    whole = sum(entry.bytes for entry in files.values())
    later = sum(entry.bytes for entry in files.values() if _frame_of(entry.path) > 0)
    steps = frames - 1
    frame = Cost((at[frames][0] - at[1][0]) / steps, (at[frames][1] - at[1][1]) / steps, later / steps)
    took = Cost(ended[0] - began[0], ended[1] - began[1], whole)
    start = took + frame * -frames
    return Rate(Cost(max(start.cpu_s, 0.0), max(start.wall_s, 0.0), max(start.bytes, 0.0)), frame)


def _frame_of(path: str) -> int:
    """The frame that a file of a run is of; 0 where it is of none."""
    digits = path.rpartition("/")[2].partition(".")[0]
    return int(digits) if digits.isdigit() else 0


def trials(files: Path, simulator: Callable[[], Address], folder: Path) -> Callable[[PlannedRun], Rate]:
    """What `estimate` measures with: trials of runs of a plan, on a simulator that is asked for."""
    desk = Desk(files)
    return lambda run: trial(desk.run(run.recipe), simulator(), folder)
