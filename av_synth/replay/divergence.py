"""Where two logs of one scenario part: at which tick, whose state, and what of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from av_synth import store
from av_synth.errors import DataError, UserError
from av_synth.launch import Address
from av_synth.log.origin import origin_of
from av_synth.log.state import ActorState
from av_synth.replay import state_log
from av_synth.replay.request import scenario_of
from av_synth.replay.state_log import StateLog, rig_of_run
from av_synth.run.attempt import again_if_stalled, attempt
from av_synth.run.spec import Progress, RunSpec


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was.

    Attributes:
        who: role of an actor, or `traffic light` and its id.
        what: of their state, with its unit.
        was, found: in words.
        size: how far apart they are, in what the field is told in; infinity where that cannot be said.
    """

    who: str
    what: str
    was: str
    found: str
    size: float

    def __str__(self) -> str:
        return f"{self.who}: {self.what}: was {self.was}, is {self.found}"


@dataclass(frozen=True)
class Divergence:
    """The first frame at which two logs differ, and everything that differs there, the largest difference first."""

    frame: int
    time_us: int
    differences: tuple[Difference, ...]

    def __str__(self) -> str:
        first = self.differences[0] if self.differences else "only in bits that the log does not keep"
        more = f" (and {len(self.differences) - 1} more)" if len(self.differences) > 1 else ""
        return f"diverges at tick {self.frame} ({self.time_us * 1e-6:.2f} s): {first}{more}"


def first_divergence(was: StateLog, found: StateLog) -> Divergence | None:
    """The first frame whose state hash differs, or that one of them has not; None if there is none.

    Raises:
        DataError: if either log has no hashes.
    """
    if not was.hashes or not found.hashes:
        raise DataError(f"log of {was.of if not was.hashes else found.of}: has no state hashes to compare")
    pairs = zip(was.hashes, found.hashes, strict=False)
    frame = next((frame for frame, (before, now) in enumerate(pairs) if before != now), None)
    if frame is None:
        if len(was.frames) == len(found.frames):
            return None
        frame = min(len(was.frames), len(found.frames))
        lengths = Difference("the run", "frames", str(len(was.frames)), str(len(found.frames)), np.inf)
        return Divergence(frame, was.time_us(frame), (lengths,))
    told = sorted(_differences(was, found, frame), key=lambda each: -each.size)
    return Divergence(frame, was.time_us(frame), tuple(told))


def again_of(run: store.Run) -> RunSpec:
    """The run that plays the scenario of a run again: without sensors, by the same clock.

    Raises:
        UserError: if the run is a replay: nobody in it decided anything.
        StoreError: if what it played cannot be read.
    """
    origin = origin_of(run.run_id, run.manifest)
    if origin.run_id != run.run_id:
        raise UserError(
            f"run {run.run_id}: is a replay of {origin.run_id}, in which nothing was simulated; want the run it is of"
        )
    rig = rig_of_run(run)
    return RunSpec(scenario_of(run), None if rig is None else replace(rig, cameras=(), lidars=(), radars=()))


def resimulate(again: RunSpec, address: Address, scratch: Path, on_tick: Progress | None = None) -> StateLog:
    """Play the scenario of a run again, and read the log of that. Where the process that plays it hangs, once more.

    Args:
        again: what is played, by `again_of`.
        address: of the simulator.
        scratch: a folder for the run that is made.
        on_tick: told (frames done, frames in all).

    Raises:
        AvSynthError: whatever `run.attempt` raises.
    """
    made = again_if_stalled(lambda: attempt(again, address, scratch, on_tick))
    return state_log.of_run(store.open_run(store.run_path(scratch, made.run_id)))


def _differences(was: StateLog, found: StateLog, frame: int) -> Iterator[Difference]:
    before, now = was.state(frame), found.state(frame)
    for actor_id in sorted(before.actors.keys() | now.actors.keys()):
        role = (before.infos.get(actor_id) or now.infos[actor_id]).role
        if actor_id in before.actors and actor_id in now.actors:
            yield from _of_actor(role, before.actors[actor_id], now.actors[actor_id])
        else:
            words = {True: "there", False: "not there"}
            there, here = (words[actor_id in state.actors] for state in (before, now))
            yield Difference(f"{role} (actor {actor_id})", "presence", there, here, np.inf)
    lit, shown = was.traffic_lights.get(frame, {}), found.traffic_lights.get(frame, {})
    for light in sorted(lit.keys() | shown.keys()):
        if lit.get(light) != shown.get(light):
            there, here = (str(lights.get(light, "not there")) for lights in (lit, shown))
            yield Difference(f"traffic light {light}", "state", there, here, np.inf)


def _of_actor(role: str, was: ActorState, found: ActorState) -> Iterator[Difference]:
    fields = (
        ("position, m", was.world_from_actor[:3, 3], found.world_from_actor[:3, 3]),
        ("rotation, matrix", was.world_from_actor[:3, :3].ravel(), found.world_from_actor[:3, :3].ravel()),
        ("velocity, m/s", was.velocity_mps, found.velocity_mps),
        ("angular velocity, rad/s", was.angular_velocity_radps, found.angular_velocity_radps),
    )
    for what, before, now in fields:
        off = float(np.abs(before - now).max())
        if off > 0.0:
            there, here = (np.array2string(each, precision=6, suppress_small=True) for each in (before, now))
            yield Difference(role, what, there, here, off)
