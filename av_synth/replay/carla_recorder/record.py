"""`StateLog` -> `Recording`: a run of ours as CARLA's recorder would have written it with additional data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from av_synth.errors import LogError, StoreError
from av_synth.geometry.carla import CM_PER_M, angular_to_carla, flip_y, recorded_from_matrix
from av_synth.log.state import ActorInfo, WorldState
from av_synth.recording import format as layout
from av_synth.recording.model import Added, Attribute, Frame, Recording
from av_synth.recording.write import encode, signed_gear, table
from av_synth.replay.state_log import StateLog
from av_synth.scenario.weather import SNOW_FIELDS
from av_synth.store import replace_file

_ROLE = "role_name"
_TEXTS = frozenset({_ROLE, "object_type", "base_type", "special_type", "gender", "age", "ros_name"})
_OURS = "avsynth"
_KINDS = {"vehicle.": layout.VEHICLE, "walker.": layout.WALKER}


def write(log: StateLog, path: Path, uids: Mapping[str, int] | None = None) -> tuple[str, ...]:
    """Write a log as a recorder file, in one step; returns what is lost, in sentences.

    Args:
        log: of a run.
        path: where the file goes, its folders included; what was there stays until the new one is whole.
        uids: number of each blueprint in the library of the CARLA that is to play it; see `uids_of`.

    Raises:
        LogError: if it cannot be written, or something does not fit the format.
    """
    recording, lost = recording_of(log, uids)
    try:
        replace_file(path, encode(recording))
    except StoreError as error:
        raise LogError(str(error)) from error
    return lost


def uids_of(recording: Recording) -> dict[str, int]:
    """The numbers that the blueprints in a recording have in the library of the server that made it."""
    return {actor.type_id: actor.uid for actor in recording.added()}


def recording_of(log: StateLog, uids: Mapping[str, int] | None = None) -> tuple[Recording, tuple[str, ...]]:
    """A log as a `Recording`, dated 1970 so that equal logs give equal files, and what is lost, in sentences.

    Raises:
        LogError: if a number does not fit the format.
    """
    numbers = uids or {}
    frames = tuple(_frames(log, numbers))
    return Recording(log.of, log.town, 0, frames), tuple(_lost(log, numbers))


def _frames(log: StateLog, uids: Mapping[str, int]) -> Iterator[Frame]:
    here: frozenset[int] = frozenset()
    known: set[int] = set()
    lamps = _before(log.lamps, log.frames.start)
    collisions = 0
    for frame in log.frames:
        state, now = log.state(frame), log.there(frame)
        lamps |= log.lamps.get(frame, {})
        new = sorted(now - here)
        boxed = [actor_id for actor_id in new if actor_id not in known]
        towed = [(actor_id, log.actors[actor_id].towed_by) for actor_id in new if log.actors[actor_id].towed_by]
        hits = [(event.actor_id, event.other_id) for event in log.events.get(frame, ()) if event.kind == "contact"]
        tables: dict[int, Sequence[tuple[Any, ...]]] = {
            layout.EVENT_DEL: [(actor_id,) for actor_id in sorted(here - now)],
            layout.EVENT_PARENT: towed,
            layout.COLLISION: [_collision(log, collisions + at, *pair) for at, pair in enumerate(hits)],
            layout.POSITION: [(actor_id, *_pose(state, actor_id)) for actor_id in sorted(now)],
            layout.STATE: [_light(*item) for item in sorted(log.traffic_lights.get(frame, {}).items())],
            layout.ANIM_VEHICLE: [_control(*item) for item in sorted(log.controls.get(frame, {}).items())],
            layout.ANIM_WALKER: [_walk(state, actor_id) for actor_id in _of(log, now, "walker.")],
            layout.VEHICLE_LIGHT: [(actor_id, lamps[actor_id]) for actor_id in sorted(now & lamps.keys())],
            layout.KINEMATICS: [_motion(state, actor_id) for actor_id in _of(log, now, "vehicle.", "walker.")],
            layout.BOUNDING_BOX: [_box(log.actors[actor_id]) for actor_id in boxed],
            layout.VEHICLE_DOOR: _doors(log, frame),
            layout.WEATHER: _weather(log, frame),
        }
        yield Frame(
            frame + 1,
            log.time_us(frame) / 1e6,
            log.tick_us / 1e6 if frame != log.frames[-1] else -1.0,  # as CARLA leaves it
            tuple(_added(log, state, actor_id, uids) for actor_id in new),
            {packet: table(packet, rows) for packet, rows in tables.items()},
        )
        here, known, collisions = now, known | now, collisions + len(hits)


def _of(log: StateLog, actor_ids: frozenset[int], *families: str) -> list[int]:
    return sorted(actor_id for actor_id in actor_ids if log.actors[actor_id].type_id.startswith(families))


def _before(changes: Mapping[int, Mapping[int, int]], frame: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for at in sorted(changes):
        if at < frame:
            found |= changes[at]
    return found


def _pose(state: WorldState, actor_id: int) -> tuple[Any, Any]:
    return recorded_from_matrix(state.actors[actor_id].world_from_actor)


def _added(log: StateLog, state: WorldState, actor_id: int, uids: Mapping[str, int]) -> Added:
    actor = log.actors[actor_id]
    location, euler = _pose(state, actor_id)
    values = dict(actor.attributes) | ({_ROLE: layout.HERO} if actor_id == log.ego_id else {})
    kind = next((kind for family, kind in _KINDS.items() if actor.type_id.startswith(family)), layout.OTHER)
    attributes = tuple(Attribute(_type_of(name, value), name, value) for name, value in sorted(values.items()))
    return Added(actor_id, kind, location, euler, uids.get(actor.type_id, 0), actor.type_id, attributes)


def _type_of(name: str, value: str) -> int:
    """An attribute's type, which the client does not tell: by its name where that is known, else by its value."""
    if name in _TEXTS:
        return layout.STRING
    if name == "color":
        return layout.COLOUR
    if value in ("true", "false"):
        return layout.BOOL
    for kind, parse in ((layout.INT, int), (layout.FLOAT, float)):
        try:
            parse(value)
        except ValueError:
            continue
        return kind
    return layout.STRING


def _collision(log: StateLog, number: int, actor_id: int, other_id: int) -> tuple[Any, ...]:
    heroes = (actor_id == log.ego_id, other_id == log.ego_id)
    return number, actor_id or layout.NOT_AN_ACTOR, other_id or layout.NOT_AN_ACTOR, *heroes


def _light(actor_id: int, state: str) -> tuple[Any, ...]:
    unknown = len(layout.LIGHT_STATES) - 1
    return actor_id, True, 0.0, layout.LIGHT_STATES.index(state) if state in layout.LIGHT_STATES else unknown


def _control(actor_id: int, control: Mapping[str, Any]) -> tuple[Any, ...]:
    gear = signed_gear(control["gear"], reverse=control["reverse"])
    return actor_id, control["steer"], control["throttle"], control["brake"], control["hand_brake"], gear


def _walk(state: WorldState, actor_id: int) -> tuple[Any, ...]:
    return actor_id, float(np.linalg.norm(state.actors[actor_id].velocity_mps[:2])) * CM_PER_M


def _motion(state: WorldState, actor_id: int) -> tuple[Any, ...]:
    actor = state.actors[actor_id]
    return actor_id, tuple(flip_y(actor.velocity_mps)), tuple(angular_to_carla(actor.angular_velocity_radps))


def _box(info: ActorInfo) -> tuple[Any, ...]:
    return info.actor_id, tuple(flip_y(info.box_centre_m) * CM_PER_M), tuple(info.size_lwh_m * CM_PER_M / 2.0)


def _doors(log: StateLog, frame: int) -> list[tuple[int, int, bool]]:
    if frame != log.frames.start:
        return list(log.doors.get(frame, ()))
    stand = {(who, door): is_open for at in sorted(log.doors) if at <= frame for who, door, is_open in log.doors[at]}
    return [(who, door, is_open) for (who, door), is_open in sorted(stand.items())]


def _weather(log: StateLog, frame: int) -> list[tuple[float, ...]]:
    """The weather of the first frame, and wherever it changes."""
    if not log.weather or (frame != log.frames.start and frame not in log.weather):
        return []
    return [tuple(log.weather_at(frame)[name] for name in layout.WEATHER_FIELDS)]


def _lost(log: StateLog, uids: Mapping[str, int]) -> Iterator[str]:
    yield "places and velocities are 32-bit floats: 1 km from the origin a place is known to 0.1 mm"
    yield "accelerations, wheel angles, the bones of people and the state hashes are not in the file"
    if any(row[name] for row in log.weather.values() for name in SNOW_FIELDS):
        yield "CARLA has no snow: it is not in the file"
    if log.run_up:
        yield f"the {len(log.run_up)} ticks before the first recorded frame are not in the file"
    kinds = Counter(event.kind for at, events in log.events.items() if at in log.frames for event in events)
    del kinds["contact"]
    if kinds:
        told = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        yield f"a recording has no events but contacts: not in the file are {told}"
    types = sorted({actor.type_id for actor in log.actors.values()})
    ours = [type_id for type_id in types if _OURS in type_id]
    if ours:
        yield f"CARLA has no blueprint {', '.join(ours)}: its replayer leaves these actors out"
    numberless = [type_id for type_id in types if type_id not in uids and type_id not in ours]
    if numberless:
        yield (
            "CARLA's replayer spawns by the number of a blueprint in its own library, which no client is told; not "
            f"known, written as 0 and refused by it: {', '.join(numberless)}; give --like a recording of that CARLA "
            "with these in it"
        )
    if log.traffic_lights:
        yield "a log has no places of traffic lights, by which CARLA's replayer finds them: it leaves them as they are"
    if log.weather:
        yield "CARLA 0.9.16 passes over the weather; releases after it play it with replay_weather"
    yield f"the map is written as {log.town}: CARLA must have a map of that name"
    if log.actors[log.ego_id].attributes.get(_ROLE) != layout.HERO:
        yield f"the ego's role_name is written as '{layout.HERO}', by which CARLA's tools know it"
    if any(actor.parked for actor in log.actors.values()):
        yield "that a vehicle is parked is not in the file: it stands"
