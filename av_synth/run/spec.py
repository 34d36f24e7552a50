"""What a run is asked to be, what it turned out to be, and who listens while it is made."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import carla

from av_synth import __version__
from av_synth.capture import FrameSet
from av_synth.director import Event, Outcome
from av_synth.director.faults import Faults
from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.log.state import WorldState
from av_synth.rig.model import Rig
from av_synth.scenario import ConcreteScenario
from av_synth.session import Session
from av_synth.session.boxes import TABLE
from av_synth.store import SCHEMA_EPOCH, canonical_json

Progress = Callable[[int, int], None]
"""Told (frames done, frames in all)."""
Watch = Callable[[WorldState], bool]
"""Shown every recorded state; True ends the run there."""


class Performer(Protocol):
    """Who has everybody move in a run; `director.Director` plays the scenario.

    Call `setup`, tick once, then before every further tick `before_tick`, and once for each recorded frame `observe`;
    at the end `outcome`.

    Attributes:
        warm_up_ticks: ticks from the first one to recorded time zero.
        faults: of the rig's sensors, as far as they have begun.
    """

    warm_up_ticks: int
    faults: Faults

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
        rig: what looks at it; None for no sensors.
        expected: how the state hash of each recorded tick must begin, where the scenario was played before; at a tick
            that differs the run ends. Empty: as it comes.
        script: what is performed instead of the scenario; None for the scenario itself.
    """

    scenario: ConcreteScenario
    rig: Rig | None
    expected: tuple[str, ...] = ()
    script: Script | None = None


@dataclass(frozen=True)
class Planned:
    """What a run turned out to be when it was planned.

    Attributes:
        run_id: its id.
        facts: of the simulator that it was planned on; see `simulator_facts`.
    """

    run_id: str
    facts: Mapping[str, str]

    def check(self, run_id: str, identity: Mapping[str, Any]) -> None:
        """Refuse to play another run than was planned.

        Raises:
            DataError: saying what differs.
        """
        if run_id == self.run_id:
            return
        names = sorted({*self.facts, *identity} - {"scenario", "rig", "schema_epoch"})
        told = [
            f"{name} is {identity.get(name)!r}, planned with {self.facts.get(name)!r}"
            for name in names
            if identity.get(name) != self.facts.get(name)
        ]
        why = "; ".join(told) or "the simulator is alike, so this release of av_synth draws or reads it otherwise"
        raise DataError(
            f"run {self.run_id} would be {run_id} here: {why}; want what it was planned with, or another store"
        )


@dataclass(frozen=True)
class Context:
    """What is known when the first frame is about to be recorded.

    Attributes:
        run_id: 20 hex digits, a hash of `identity`.
        identity: what decides the bytes: scenario, rig, simulator, town, bodies, schema epoch.
        rig: as it really looks (see `capture.SensorArray`), or None.
        ego_id: actor id of the ego.
        opendrive: the town's road network.
        frames: how many will be recorded.
    """

    spec: RunSpec
    run_id: str
    identity: Mapping[str, Any]
    rig: Rig | None
    ego_id: int
    opendrive: str
    frames: int


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
        weather: CARLA's parameters by name.
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


def run_identity(spec: RunSpec, facts: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
    """The run id (20 hex digits of SHA-256) and what it is the hash of: scenario, rig, schema epoch, and these facts.

    Args:
        spec: the run in its town (see `towns.in_town`).
        facts: of the simulator with that town; see `simulator_facts`.
    """
    identity = {
        "schema_epoch": SCHEMA_EPOCH,
        "scenario": spec.scenario.to_json(),
        "rig": None if spec.rig is None else spec.rig.to_json(),
        **({} if spec.script is None else spec.script.to_json()),
        **facts,
    }
    return sha256(canonical_json(identity)).hexdigest()[:20], identity


def simulator_facts(session: Session) -> dict[str, str]:
    """What the simulator, with the town that is loaded, gives to the identity of a run.

    On a server without `avsynth.simulator` the simulator is what was launched, else the version that the server tells,
    and the digests are of what can be read: the OpenDRIVE text, the blueprints, and the table that corrects its boxes.
    """
    said = session.extensions
    told = f"av_synth {said['version']} {said['profile']}" if said else session.address.launched

    def digest(text: str) -> str:
        return sha256(text.encode()).hexdigest()

    facts = {
        "simulator": told or session.client.get_server_version(),
        "town_digest": said.get("town_digest") or digest(session.map.to_opendrive()),
        "bodies_digest": said.get("bodies_digest") or digest(" ".join(sorted(found.id for found in session.library))),
    }
    if not said:
        facts["boxes_digest"] = sha256(TABLE.read_bytes()).hexdigest()
    return facts


def provenance(session: Session) -> dict[str, Any]:
    """What else may decide single bits of images and points: renderer, libraries, processor. No clock."""
    return {
        "av_synth": __version__,
        "renderer": session.extensions.get("gl_renderer", "unknown: the server does not say"),
        "python": platform.python_version(),
        "processor": _processor(),
        "libraries": dict(_libraries()),
    }


@lru_cache(maxsize=1)
def _libraries() -> tuple[tuple[str, str], ...]:
    names = ("carla", "numpy", "opencv-python-headless", "simplejpeg", "pyarrow", "moderngl", "embreex")
    return tuple((name, metadata.version(name)) for name in names)


@lru_cache(maxsize=1)
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
