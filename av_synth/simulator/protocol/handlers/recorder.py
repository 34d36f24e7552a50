"""Recordings: the world is written down, recordings are told of, and played back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from av_synth.recording import Recording, read
from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import codec
from av_synth.simulator.protocol.calls import ArgumentError, CallError, CallTable, Kind
from av_synth.simulator.protocol.codec import flag, integer, number, text
from av_synth.simulator.recorder import texts
from av_synth.simulator.recorder.cast import can_play, is_sensor
from av_synth.simulator.recorder.replayer import MAX_TIME_FACTOR

TABLE: CallTable[Engine] = CallTable()


@TABLE.value
def start_recorder(engine: Engine, name: Any, additional_data: Any = False) -> str:
    """Record from the next frame on; answer the file's path."""
    engine.replayer.stop(keep_actors=True)
    return str(engine.recorder.start(text(name), engine.town.name, additional_data=flag(additional_data)))


@TABLE.void
def stop_recorder(engine: Engine) -> None:
    """End the recording, if there is one."""
    engine.recorder.stop()


@TABLE.unlocked(Kind.VALUE)
def show_recorder_file_info(engine: Engine, name: Any, show_all: Any = False) -> str:
    """What is in a recording."""
    everything = flag(show_all)
    path, recording = _find(engine, name)
    return texts.not_found(path) if recording is None else texts.file_info(recording, everything=everything)


@TABLE.unlocked(Kind.VALUE)
def show_recorder_collisions(engine: Engine, name: Any, first: Any, second: Any) -> str:
    """Who collided with whom in a recording."""
    kinds = _character(first), _character(second)
    path, recording = _find(engine, name)
    return texts.not_found(path) if recording is None else texts.collisions(recording, *kinds)


@TABLE.unlocked(Kind.VALUE)
def show_recorder_actors_blocked(engine: Engine, name: Any, min_time: Any = 30.0, min_distance: Any = 10.0) -> str:
    """Who stood still in a recording: for how many seconds at least, within how many centimetres."""
    least_s, least_cm = number(min_time), number(min_distance)
    path, recording = _find(engine, name)
    return texts.not_found(path) if recording is None else texts.actors_blocked(recording, least_s, least_cm)


@TABLE.unlocked(Kind.VALUE)
def replay_file(
    engine: Engine,
    name: Any,
    start: Any = 0.0,
    duration: Any = 0.0,
    follow_id: Any = 0,
    replay_sensors: Any = False,
    offset: Any = None,
) -> str:
    """Play a recording from the next frame on, in its own town; answer what is played.

    CARLA answers a text also where there is no such file: nothing would happen, so here that is an error.
    """
    start_s, duration_s, followed, sensors = number(start), number(duration), integer(follow_id), flag(replay_sensors)
    follower = np.eye(4) if offset is None else codec.read_transform(offset)
    with engine.lock:
        engine.recorder.stop()
    path, recording = _find(engine, name)
    if recording is None:
        raise CallError(f"replay_file: {texts.not_found(path).strip()}")
    town = engine.find_town(recording.map_name)
    if town.digest != engine.town.digest:
        engine.load(recording.map_name, reset_settings=True)
    blueprints = sorted({added.type_id for added in recording.added()})
    if sensors:
        for type_id in filter(is_sensor, blueprints):
            engine.sensors.prepare(type_id)
    with engine.lock:
        played_s = engine.replayer.start(recording, start_s, duration_s, followed, follower, sensors=sensors)
        unknown = [type_id for type_id in blueprints if not can_play(type_id, engine.definitions)]
        ignored = [
            *(["Hero vehicle"] if engine.replayer.ignore_hero else ()),
            *(["Spectator camera"] if engine.replayer.ignore_spectator else ()),
        ]
        factor = engine.replayer.time_factor
    return texts.replaying(path, recording.frames[-1].elapsed_s, played_s, factor, ignored, ", ".join(unknown))


@TABLE.void
def stop_replayer(engine: Engine, keep_actors: Any) -> None:
    """End the replay, if there is one, and remove whom it created unless they are to be kept."""
    engine.replayer.stop(keep_actors=flag(keep_actors))


@TABLE.void
def set_replayer_time_factor(engine: Engine, time_factor: Any) -> None:
    """How many recorded seconds pass in a second."""
    factor = number(time_factor)
    if not 0.0 <= factor <= MAX_TIME_FACTOR:
        raise ArgumentError(f"got {factor}; want 0 to {MAX_TIME_FACTOR:g}")
    engine.replayer.time_factor = factor


@TABLE.void
def set_replayer_ignore_hero(engine: Engine, ignore_hero: Any) -> None:
    """Whether replays leave out who has the role hero."""
    engine.replayer.ignore_hero = flag(ignore_hero)


@TABLE.void
def set_replayer_ignore_spectator(engine: Engine, ignore_spectator: Any) -> None:
    """Whether replays leave the spectator where it is."""
    engine.replayer.ignore_spectator = flag(ignore_spectator)


def _find(engine: Engine, name: Any) -> tuple[Path, Recording | None]:
    """A recording, None if there is no such file; raises LogError as `read`."""
    path = engine.recordings.path_of(text(name))
    return path, read(path) if path.is_file() else None


def _character(value: Any) -> str:
    """A C++ char travels as its number."""
    return chr(integer(value, 0, 127)) if isinstance(value, int) else text(value)
