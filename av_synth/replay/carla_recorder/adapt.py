"""`Recording` -> `StateLog`: what CARLA recorded, to be played back like a run of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from av_synth.director import Event
from av_synth.errors import LogError
from av_synth.geometry.carla import CM_PER_M, flip_y
from av_synth.log.categories import nuscenes_category
from av_synth.log.state import ActorInfo
from av_synth.recording import format as layout
from av_synth.recording.model import Added, Frame, Recording
from av_synth.replay.carla_recorder.resample import JUMP_MPS, resample, times_us, tracks
from av_synth.replay.state_log import Indices, StateLog, listed
from av_synth.run.towns import DEFAULT_TICK_US
from av_synth.scenario.weather import SNOW_FIELDS
from av_synth.scenario.words import EGO

_EGO_ROLES = (layout.HERO, "ego_vehicle", "ego")
_MOST_TICKS = 1_000_000
_MOST_APART_S = 60.0
"""From one frame of a recording to the next: no simulator is as slow as that, but a broken file says anything."""
_DOORS = (0, 1, 2, 3, 6)  # of carla.VehicleDoor: the client knows no bonnet and no boot
_PART_OF_THE_TOWN = "static.prop.mesh"
_PLAYED = ("vehicle.", "walker.", "static.prop.")


def of_recording(
    recording: Recording, tick_us: int = DEFAULT_TICK_US, ego_id: int | None = None
) -> tuple[StateLog, tuple[str, ...]]:
    """A recording as a log with even ticks, and what is lost on the way, in sentences.

    Args:
        recording: what was read.
        tick_us: microseconds from frame to frame of the log.
        ego_id: who carries the sensors; None for the one vehicle whose role_name is hero, ego_vehicle or ego, or the
            only vehicle.

    Raises:
        LogError: if there is no such vehicle or it is not there from the first frame to the last, the recording is
            shorter than a tick or longer than a million, two of its frames are a minute apart, or an id is given to
            two actors.
    """
    added = _by_id(recording)
    times = times_us(recording)
    ticks = _ticks(recording, times, tick_us)
    ego = _ego(recording, added, ego_id)
    played = frozenset(actor_id for actor_id, actor in added.items() if _is_played(actor))
    resampled = {actor_id: resample(track, times, tick_us) for actor_id, track in tracks(recording, played).items()}
    motions = {actor_id: motion for actor_id, (motion, _) in resampled.items() if len(motion.frames)}
    if ego not in motions or len(motions[ego].frames) != ticks:
        raise LogError(f"{recording.name}: actor {ego}, the ego, is not there in every frame; want another ego")
    there = frozenset(motions)
    boxes, towing = _boxes(recording), _towing(recording, there)
    roles = _roles([added[actor_id] for actor_id in motions], ego)
    latest = np.searchsorted(times, np.arange(ticks) * tick_us, side="right") - 1
    seen = [recording.frames[row] for row in latest]  # by tick
    begins = np.minimum(-(-times // tick_us), ticks - 1).tolist()  # by frame: the first tick at which it has happened
    log = StateLog(
        of=recording.name,
        town=recording.map_name,
        tick_us=tick_us,
        ego_id=ego,
        frames=range(ticks),
        run_up=range(0),
        actors={
            actor_id: _info(added[actor_id], roles[actor_id], boxes.get(actor_id), towing.get(actor_id, 0))
            for actor_id in motions
        },
        motions=motions,
        controls={tick: _controls(frame, there) for tick, frame in enumerate(seen)},
        lamps=_lamps(seen, there),
        doors=listed(_doors(recording, begins, there)),
        traffic_lights={tick: _lights(frame) for tick, frame in enumerate(seen)},
        weather=_weather(recording, begins),
        events=listed(_contacts(recording, begins, tick_us)),
    )
    jumps = sum(jumps for actor_id, (_, jumps) in resampled.items() if actor_id in there)
    return log, tuple(_lost(recording, log, times, added, jumps))


def _ticks(recording: Recording, times: Indices, tick_us: int) -> int:
    """How many ticks it has; raises LogError where its times cannot be those of a recording."""
    ticks = int(times[-1]) // tick_us + 1
    if not 2 <= ticks <= _MOST_TICKS:
        raise LogError(
            f"{recording.name}: {recording.duration_s:.3f} s are {ticks:,} frames of {tick_us:,} us; "
            f"want 2 to {_MOST_TICKS:,}"
        )
    apart_s = np.diff(times) / 1e6
    if apart_s.max() > _MOST_APART_S:
        after = recording.frames[int(apart_s.argmax())]
        raise LogError(
            f"{recording.name}: after frame {after.number}, at {after.elapsed_s} s, nothing is recorded for "
            f"{apart_s.max():.1f} s; want frames at most {_MOST_APART_S:g} s apart"
        )
    return ticks


def _by_id(recording: Recording) -> dict[int, Added]:
    found: dict[int, Added] = {}
    for actor in recording.added():
        known = found.setdefault(actor.actor_id, actor)
        if known.type_id != actor.type_id:
            raise LogError(
                f"{recording.name}: actor {actor.actor_id} is a {known.type_id} and later a {actor.type_id}; "
                "want an id for each"
            )
    return found


def _is_played(actor: Added) -> bool:
    return actor.type_id.startswith(_PLAYED) and not actor.type_id.startswith(_PART_OF_THE_TOWN)


def _role(actor: Added) -> str:
    return next((attribute.value for attribute in actor.attributes if attribute.name == "role_name"), "")


def _ego(recording: Recording, added: Mapping[int, Added], ego_id: int | None) -> int:
    vehicles = [actor_id for actor_id, actor in added.items() if actor.type_id.startswith("vehicle.")]
    if ego_id is not None:
        if ego_id not in vehicles:
            raise LogError(
                f"{recording.name}: ego {ego_id} is no vehicle of it; want one of {_listed(added, vehicles)}"
            )
        return ego_id
    for wanted in _EGO_ROLES:
        egos = [actor_id for actor_id in vehicles if _role(added[actor_id]) == wanted]
        if len(egos) == 1:
            return egos[0]
    if len(vehicles) == 1:
        return vehicles[0]
    raise LogError(
        f"{recording.name}: no vehicle, or several, with role_name {' or '.join(_EGO_ROLES)}; "
        f"want one to be the ego: {_listed(added, vehicles) or 'it has no vehicle'}"
    )


def _listed(added: Mapping[int, Added], actor_ids: list[int]) -> str:
    first = [f"{actor_id} ({added[actor_id].type_id})" for actor_id in actor_ids[:10]]
    return ", ".join(first) + (f" and {len(actor_ids) - 10} more" if len(actor_ids) > 10 else "")


def _roles(actors: Iterable[Added], ego: int) -> dict[int, str]:
    """A name of its own for each: its role_name, or what it is, with its id where several would be called so."""
    names = {actor.actor_id: _role(actor) or actor.type_id.split(".")[0] for actor in actors}
    often = Counter(names.values())
    alone = {who: name if often[name] == 1 and name != EGO else f"{name}_{who}" for who, name in names.items()}
    return alone | {ego: EGO}


def _info(actor: Added, role: str, box: Any, towed_by: int) -> ActorInfo:
    attributes = {attribute.name: attribute.value for attribute in actor.attributes}
    centre, size = np.zeros(3), np.zeros(3)
    if box is not None:
        centre, size = flip_y(box["origin_cm"]) / CM_PER_M, 2.0 * box["extent_cm"].astype(np.float64) / CM_PER_M
    category = nuscenes_category(actor.type_id, attributes)
    return ActorInfo(
        actor.actor_id, actor.type_id, role, category, centre, size, attributes=attributes, towed_by=towed_by
    )


def _boxes(recording: Recording) -> dict[int, Any]:
    """The true ones: CARLA writes infinite boxes, inside out, for what has none."""
    return {
        int(box["actor_id"]): box
        for frame in recording.frames
        for box in frame.records(layout.BOUNDING_BOX)
        if np.isfinite(box["origin_cm"]).all() and np.isfinite(box["extent_cm"]).all() and (box["extent_cm"] >= 0).all()
    }


def _towing(recording: Recording, there: frozenset[int]) -> dict[int, int]:
    """Who is attached to whom, of those that are played; sensors are not."""
    pairs = [pair for frame in recording.frames for pair in frame.records(layout.EVENT_PARENT).tolist()]
    return {child: parent for child, parent in pairs if child != parent and {child, parent} <= there}


def _controls(frame: Frame, there: frozenset[int]) -> dict[int, dict[str, float | bool | int]]:
    return {
        int(record["actor_id"]): {
            "throttle": float(record["throttle"]),
            "steer": float(record["steer"]),
            "brake": float(record["brake"]),
            "hand_brake": bool(record["hand_brake"]),
            "reverse": bool(record["gear"] < 0),  # as CARLA's replayer takes it
            "gear": int(record["gear"]),
        }
        for record in frame.records(layout.ANIM_VEHICLE)
        if int(record["actor_id"]) in there
    }


def _lamps(seen: Sequence[Frame], there: frozenset[int]) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = {}
    last: dict[int, int] = {}
    for tick, frame in enumerate(seen):
        now = dict(frame.records(layout.VEHICLE_LIGHT).tolist())
        changed = {who: flags for who, flags in now.items() if who in there and last.get(who) != flags}
        if changed:
            found[tick] = changed
        last |= changed
    return found


def _lights(frame: Frame) -> dict[int, str]:
    records = frame.records(layout.STATE)
    last = len(layout.LIGHT_STATES) - 1
    return {
        actor_id: layout.LIGHT_STATES[min(state, last)]
        for actor_id, state in zip(records["actor_id"].tolist(), records["state"].tolist(), strict=True)
    }


def _doors(
    recording: Recording, begins: Sequence[int], there: frozenset[int]
) -> Iterator[tuple[int, tuple[int, int, bool]]]:
    for frame, tick in zip(recording.frames, begins, strict=True):
        for who, door, is_open in frame.records(layout.VEHICLE_DOOR).tolist():
            if who in there and door in _DOORS:
                yield tick, (who, door, bool(is_open))


def _contacts(recording: Recording, begins: Sequence[int], tick_us: int) -> Iterator[tuple[int, Event]]:
    """Of contacts that last, the beginning: CARLA writes them in every frame."""
    before: frozenset[tuple[int, int]] = frozenset()
    for frame, tick in zip(recording.frames, begins, strict=True):
        records = frame.records(layout.COLLISION)
        now = frozenset(zip(records["actor_id"].tolist(), records["other_id"].tolist(), strict=True))
        for actor_id, other_id in sorted(now - before):
            yield tick, Event(tick * tick_us, "contact", _actor(actor_id), _actor(other_id))
        before = now


def _actor(actor_id: int) -> int:
    return 0 if actor_id == layout.NOT_AN_ACTOR else actor_id


def _weather(recording: Recording, begins: Sequence[int]) -> dict[int, dict[str, float]]:
    return {
        tick: {**dict(zip(layout.WEATHER_FIELDS, record.tolist(), strict=True)), **dict.fromkeys(SNOW_FIELDS, 0.0)}
        for frame, tick in zip(recording.frames, begins, strict=True)
        for record in frame.records(layout.WEATHER)
    }


def _lost(recording: Recording, log: StateLog, times: Indices, added: Mapping[int, Added], jumps: int) -> Iterator[str]:
    steps = np.diff(times)
    if (steps != log.tick_us).any():
        yield (
            f"{len(recording.frames)} frames, {steps.min() / 1000:.1f} to {steps.max() / 1000:.1f} ms apart, become "
            f"{len(log.frames)} of {log.tick_us / 1000:g} ms: places are interpolated along straight lines, rotations "
            "along the shortest turn; lights, controls and doors are those of the last frame before"
        )
    counts = recording.counts()
    if not counts[layout.KINEMATICS]:
        yield "velocities were not recorded (additional_data of start_recorder): they are differences of places"
    yield "accelerations are not in the format: they are differences of velocities"
    if not counts[layout.BOUNDING_BOX]:
        yield "bounding boxes were not recorded (additional_data of start_recorder): sizes are 0 until it is played"
    if not counts[layout.WEATHER]:
        yield "the weather was not recorded (CARLA 0.9.16 does not): choose one"
    if counts[layout.STATE]:
        yield "traffic lights have ids of the server that recorded: they are played in the order of these"
    if counts[layout.ANIM_WALKER]:
        yield "walkers' speeds of animation are not kept: they walk as fast as they move"
    if jumps:
        yield f"{jumps} moves faster than {JUMP_MPS:g} m/s are taken for jumps, and nobody is led through them"
    left_out = Counter(_family(actor) for actor_id, actor in added.items() if actor_id not in log.actors)
    if left_out:
        told = ", ".join(f"{number} {family}" for family, number in sorted(left_out.items()))
        yield f"not played: {told}: they are of the town, or of whoever recorded"
    for packet, number in sorted(recording.passed_over.items()):
        yield f"{number} packets of {layout.NAMES.get(packet, f'an unknown kind ({packet})')} are passed over"


def _family(actor: Added) -> str:
    parts = actor.type_id.split(".")
    return actor.type_id if actor.type_id.startswith(_PART_OF_THE_TOWN) else ".".join(parts[:2])
