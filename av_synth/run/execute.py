"""The only tick loop: place, warm up, then for each frame observe, join, hand on, and steer."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import carla
import numpy as np

from av_synth.capture import (
    CameraTraces,
    FrameSet,
    LidarDevices,
    RadarDevices,
    SensorArray,
    SensorFaults,
    lead_ticks,
)
from av_synth.director import Director
from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.launch import Address
from av_synth.log.state import WorldState
from av_synth.rig import Rig
from av_synth.run.identity import provenance, run_identity, simulator_facts
from av_synth.run.sensors import as_mounted
from av_synth.run.spec import (
    Context,
    Performer,
    Progress,
    RunResult,
    RunSpec,
    RunUpTick,
    Sink,
    Skipped,
    Tick,
    Watch,
)
from av_synth.run.towns import in_town, tick_us_of, town_of
from av_synth.scenario import ConcreteScenario
from av_synth.scenario.distributions import stream
from av_synth.scenario.faults import FaultInForce
from av_synth.sensing.air import air
from av_synth.session import OnStep, Session, Step, client_errors, open_session, unheard
from av_synth.session.readings import axles
from av_synth.session.settling import Settling


def execute(
    spec: RunSpec,
    address: Address,
    sinks: Sequence[Sink] = (),
    *,
    on_tick: Progress = lambda *_: None,
    wanted: Callable[[str, Mapping[str, Any]], bool] | None = None,
    watch: Watch | None = None,
    on_step: OnStep = unheard,
) -> RunResult | Skipped:
    """Play a concrete scenario on the simulator at an address and show every frame to the sinks.

    Args:
        spec: what to play and what looks.
        address: where the simulator listens.
        sinks: get every frame, in order.
        on_tick: told (frames done, frames in all) at every tick; 0 are done at those before the first frame.
        wanted: asked once, with the run id and what it is the hash of; if it says no, nothing is played.
        watch: looks at every recorded state, sinks or none, and may end the run; the outcome is of what was played.
        on_step: told of each step of the protocol (docs/how-to/attach.md) when it has been made.

    Raises:
        SimulatorError, DataError: nothing was committed by any sink; also if a tick is not as the spec expects it.
        CastError: the simulator cannot play it.
    """
    rig = spec.rig
    tick_us = tick_us_of(rig)
    with (
        tempfile.TemporaryDirectory(prefix="av_synth-") as cache,
        open_session(
            address, town_of(spec.scenario, tick_us), tick_us, spec.scenario.seed, Path(cache), on_step
        ) as session,
    ):
        spec = in_town(spec, session.town, session.map)
        scenario = spec.scenario
        run_id, identity = run_identity(spec, simulator_facts(session))
        if wanted is not None and not wanted(run_id, identity):
            return Skipped(run_id)
        with client_errors(address, "playing the scenario"):
            director: Performer = (
                Director(scenario, session, rig) if spec.script is None else spec.script.performer(session)
            )
            frames = round(scenario.duration_s * 1e6 / tick_us) + 1
            director.setup()
            run_up: list[RunUpTick] | None = [] if sinks else None
            mounted = None if rig is None else as_mounted(rig, scenario)
            noise_seed = int(stream(scenario.name, "noise of sensors", scenario.seed).integers(2**31))
            state, lamps, sensors, from_ego = _warm_up(
                session, director, mounted, noise_seed, lambda: on_tick(0, frames), run_up
            )
            look = None if sensors is None else _Look(sensors, scenario, director.ego.id)
            context = _context(spec, run_id, identity, session, director.ego, sensors, frames)
            for sink in sinks:
                sink.begin(context)
                for before in run_up or ():
                    sink.run_up(before)
            hashes = []
            for index in range(frames):
                events = director.observe(state)
                lights = session.traffic_lights()
                hashes.append(state_hash(state, lights))
                _check(spec, index, hashes[-1])
                if sinks or look is not None:
                    weather = session.weather()
                    tick = Tick(
                        index=index,
                        state=state,
                        world_from_ego=state.actors[director.ego.id].world_from_actor @ from_ego,
                        state_hash=hashes[-1],
                        controls=session.controls(),
                        lamps=lamps,
                        doors=session.doors(),
                        traffic_lights=lights,
                        weather=weather,
                        events=events,
                        frames=None if look is None else look(state, weather, director.faults.at(state.time_us)),
                    )
                    for sink in sinks:
                        sink.tick(tick)
                on_tick(index + 1, frames)
                if watch is not None and watch(state):
                    break
                if index + 1 < frames:
                    director.before_tick(state)
                    state, lamps = _tick(session, director, heard=bool(sinks))
            session.reached(Step.RECORDED)
            outcome = director.outcome()
            devices = {"devices": context.devices} if context.devices else {}
            made_by = {**provenance(session), **director.provenance(), **devices}
        for sink in sinks:
            sink.end(outcome, made_by)
        return RunResult(run_id, outcome, tuple(hashes))


def _context(
    spec: RunSpec,
    run_id: str,
    identity: Mapping[str, Any],
    session: Session,
    ego: carla.Actor,
    sensors: SensorArray | None,
    frames: int,
) -> Context:
    rig = None if sensors is None else sensors.rig
    measures = rig is not None and (rig.imu is not None or rig.gnss is not None)
    return Context(
        spec,
        run_id,
        identity,
        rig,
        ego.id,
        opendrive=session.map.to_opendrive(),
        frames=frames,
        axles_m=axles(ego) if measures and isinstance(ego, carla.Vehicle) else None,
        devices={} if sensors is None else sensors.devices,
    )


class _Look:
    """What the sensors of a run make of each frame."""

    def __init__(self, sensors: SensorArray, scenario: ConcreteScenario, ego_id: int) -> None:
        whose = scenario.name, scenario.seed, sensors.rig
        self._sensors = sensors
        self._measure = LidarDevices(*whose).apply
        self._detect = RadarDevices(*whose, ego_id).apply
        self._trace = CameraTraces(*whose).apply
        self._spoil = SensorFaults(*whose).apply

    def __call__(self, state: WorldState, weather: Mapping[str, float], in_force: Sequence[FaultInForce]) -> FrameSet:
        there = air(weather)
        frames = self._detect(self._measure(self._sensors.collect(state), there), there)
        return self._spoil(self._trace(frames), in_force)


def _warm_up(
    session: Session,
    director: Performer,
    rig: Rig | None,
    noise_seed: int,
    on_tick: Callable[[], None],
    run_up: list[RunUpTick] | None,
) -> tuple[WorldState, Mapping[int, int], SensorArray | None, Array]:
    """From the placing to the first recorded frame: settle, start the sensors, warm up.

    Meanwhile everybody runs up to where they are to be at time zero, so all of it takes the same time always. `run_up`
    gets its ticks, where somebody listens.

    Returns:
        The state and the lamps at the first recorded frame, the sensors, and `actor_from_ego` (4, 4).

    Raises:
        UnsettledError: if somebody still falls or rocks, or a camera's exposure still changes.
    """
    state, lamps = _tick(session, director, heard=run_up is not None)
    from_ego = director.actor_from_ego()
    first_frame = session.begin_recording(max(1, director.warm_up_ticks))
    sensors, lead = None, lead_ticks(session)
    standing = director.standing
    settling, settled = Settling(session.tick_us, standing or ()), False
    while state.frame < first_frame:
        on_tick()
        if run_up is not None:
            run_up.append(_run_up_tick(session, state, lamps, state.frame - first_frame))
        if not settled and (standing is None or settling.settled(state)):
            settled = True
            session.reached(Step.SETTLED)
        if settled and rig is not None and rig.looks and sensors is None and first_frame - state.frame <= lead:
            sensors = SensorArray(session, director.ego, from_ego, rig, first_frame, noise_seed)
            session.reached(Step.SENSORS)
        if sensors is not None:
            sensors.warm_up(state)
        director.before_tick(state)
        state, lamps = _tick(session, director, heard=run_up is not None)
    session.reached(Step.WARM)
    return state, lamps, sensors, from_ego


def _tick(session: Session, director: Performer, *, heard: bool) -> tuple[WorldState, dict[int, int]]:
    """Advance one step; the new state, and what lamps it shows of whom, where somebody listens."""
    lamps = session.lamps() if heard else {}
    state = director.corrected(session.tick())
    return state, {actor_id: flags for actor_id, flags in lamps.items() if actor_id in state.infos}


def _run_up_tick(session: Session, state: WorldState, lamps: Mapping[int, int], index: int) -> RunUpTick:
    state = replace(state, time_us=index * session.tick_us)  # the first was read before time zero was known
    return RunUpTick(index, state, lamps, session.doors(), session.traffic_lights())


def _check(spec: RunSpec, index: int, found: str) -> None:
    """Compare a tick with the one of the run before.

    Raises:
        DataError: if they differ.
    """
    if spec.expected and (index >= len(spec.expected) or not found.startswith(spec.expected[index])):
        wanted = spec.expected[index] if index < len(spec.expected) else "no such tick"
        raise DataError(
            f"{spec.scenario.name}, seed {spec.scenario.seed}: tick {index} is not as it was when it was searched: "
            f"state hash {found[:8]}.., want {wanted}..; want the simulator, the town and the release it was found with"
        )


def state_hash(state: WorldState, traffic_lights: Mapping[int, str]) -> str:
    """SHA-256 (hex) of every actor's pose and velocities, to the bit, and of the traffic lights; not of sensors."""
    sha = hashlib.sha256()
    for actor_id in sorted(state.actors):
        actor = state.actors[actor_id]
        numbers = (actor.world_from_actor.ravel(), actor.velocity_mps, actor.angular_velocity_radps)
        sha.update(f"{actor_id}:".encode() + np.concatenate(numbers).astype("<f8", copy=False).tobytes())
    sha.update(repr(sorted(traffic_lights.items())).encode())
    return sha.hexdigest()
