"""What a run is asked to be, what it turned out to be, and who listens while it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import carla

from av_synth.capture import FrameSet
from av_synth.director import Event, Outcome
from av_synth.director.faults import Faults
from av_synth.geometry.transforms import Array
from av_synth.log.state import WorldState
from av_synth.rig.model import Rig
from av_synth.scenario import ConcreteScenario
from av_synth.session import Session

Progress = Callable[[int, int], None]
"""Told (frames done, frames in all)."""
ShowStep = Callable[..., AbstractContextManager[Progress]]
"""Shows a step for as long as its context lasts: called with what it is, and with `counted=False` if nobody counts."""
Watch = Callable[[WorldState], bool]
"""Shown every recorded state; True ends the run there."""


class Performer(Protocol):
    """Who has everybody move in a run; `director.Director` plays the scenario.

    Call `setup`, tick once, then before every further tick `before_tick`, and once for each recorded frame `observe`;
    at the end `outcome`.
    """

    @property
    def warm_up_ticks(self) -> int:
        """Ticks from the first one to recorded time zero."""

    @property
    def faults(self) -> Faults:
        """Of the rig's sensors, as far as they have begun."""

    @property
    def ego(self) -> carla.Actor:
        """Who carries the rig."""

    def actor_from_ego(self) -> Array:
        """`actor_from_ego` (4, 4): the frame of the rig, on the ground; asked after the first tick."""

    @property
    def standing(self) -> frozenset[int] | None:
        """Ids of those who do not move before recorded time zero; None if nobody has to come to rest."""

    def setup(self) -> None:
        """Set the weather, and place everybody."""

    def before_tick(self, state: WorldState) -> None:
        """Send what is asked of everybody for the next tick."""

    def corrected(self, state: WorldState) -> WorldState:
        """The frame with what the simulator cannot tell of it."""

    def observe(self, state: WorldState) -> tuple[Event, ...]:
        """What happened at a recorded frame."""

    def outcome(self) -> Outcome:
        """What became of the expectations."""

    def provenance(self) -> Mapping[str, Any]:
        """What else is to be told of how the run was made."""


class Script(Protocol):
    """What is performed instead of the scenario: a value that can be sent to another process."""

    def performer(self, session: Session) -> Performer:
        """Who performs it in a world."""

    def to_json(self) -> Mapping[str, Any]:
        """What it adds to the identity of a run."""


@dataclass(frozen=True)
class RunSpec:
    """One run to be made.

    Attributes:
        scenario: what is played.
        rig: what looks at it; None for no sensors, as one without any is, whose clock is kept.
        expected: how the state hash of each recorded tick must begin, where the scenario was played before; at a tick
            that differs the run ends. Empty: as it comes.
        script: what is performed instead of the scenario; None for the scenario itself.
    """

    scenario: ConcreteScenario
    rig: Rig | None
    expected: tuple[str, ...] = ()
    script: Script | None = None


@dataclass(frozen=True)
class Context:
    """What is known when the first frame is about to be recorded.

    Attributes:
        run_id: 20 hex digits, a hash of `identity`.
        identity: what decides the bytes: scenario, rig, simulator, town, bodies, schema epoch.
        rig: as it really looks (see `capture.SensorArray`), from where its sensors really are; or None.
        ego_id: actor id of the ego.
        opendrive: the town's road network.
        frames: how many will be recorded.
        axles_m: between the axles of the ego, and between its left and right wheels, where the rig measures its motion;
            else None, as of an ego that has not four wheels.
        devices: see `capture.SensorArray`; empty if no sensor is one.
    """

    spec: RunSpec
    run_id: str
    identity: Mapping[str, Any]
    rig: Rig | None
    ego_id: int
    opendrive: str
    frames: int
    axles_m: tuple[float, float] | None
    devices: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class RunUpTick:
    """One tick between the placing and the first recorded frame.

    Attributes:
        index: below 0; -1 for the one before the first recorded frame.
        state, lamps, doors, traffic_lights: as of `Tick`.
    """

    index: int
    state: WorldState
    lamps: Mapping[int, int]
    doors: Mapping[tuple[int, int, int], bool]
    traffic_lights: Mapping[int, str]


@dataclass(frozen=True)
class Tick:
    """All of one recorded frame.

    Attributes:
        index: 0 for the first.
        state: everybody's state.
        world_from_ego: (4, 4).
        state_hash: of everything that moves; equal in equal runs whatever sensors there are.
        controls: what each vehicle's driver asks for, by actor id.
        lamps: flags (carla.VehicleLightState) of what lights each vehicle has on at this frame, by actor id.
        doors: which doors were to open (else to close), since the tick before; see `Session.doors`.
        traffic_lights: state name by actor id.
        weather: by the names of `scenario.weather.Weather`.
        events: what happened at this frame.
        frames: sensor data; None without a rig.
    """

    index: int
    state: WorldState
    world_from_ego: Array
    state_hash: str
    controls: Mapping[int, Mapping[str, float | bool | int]]
    lamps: Mapping[int, int]
    doors: Mapping[tuple[int, int, int], bool]
    traffic_lights: Mapping[int, str]
    weather: Mapping[str, float]
    events: tuple[Event, ...]
    frames: FrameSet | None


class Sink(Protocol):
    """Listens to a run while it is made."""

    def begin(self, context: Context) -> None:
        """The first frame is about to be recorded."""

    def run_up(self, tick: RunUpTick) -> None:
        """One tick before the first frame; all of them come after `begin`, in order."""

    def tick(self, tick: Tick) -> None:
        """One frame was recorded."""

    def end(self, outcome: Outcome, provenance: Mapping[str, Any]) -> None:
        """All frames were recorded; not called when the run failed."""


@dataclass(frozen=True)
class RunResult:
    """What came of a run: its id, whether it met its expectations, and the hash of every tick."""

    run_id: str
    outcome: Outcome
    state_hashes: tuple[str, ...]


@dataclass(frozen=True)
class Skipped:
    """The caller did not want this run (it has it already), so it was not played."""

    run_id: str
