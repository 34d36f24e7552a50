"""`Recording` -> `StateLog`: what CARLA recorded, to be played back like a run of ours."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from av_synth.director import Event
from av_synth.errors import LogError
from av_synth.geometry.carla import CM_PER_M, flip_y
from av_synth.log.categories import nuscenes_category
from av_synth.log.state import ActorInfo
from av_synth.replay.carla_recorder import format as layout
from av_synth.replay.carla_recorder.model import Added, Recording
from av_synth.replay.carla_recorder.resample import JUMP_MPS, US_PER_S, Indices, Resampled, resample, times_us, tracks
from av_synth.replay.state_log import Motion, StateLog
from av_synth.run.towns import DEFAULT_TICK_US

Value = TypeVar("Value")

EGO_ROLES = ("hero", "ego_vehicle", "ego")
MOST_TICKS = 1_000_000
MOST_APART_S = 60.0
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
    ticks = int(times[-1]) // tick_us + 1
    if not 2 <= ticks <= MOST_TICKS:
        raise LogError(
            f"{recording.name}: {recording.duration_s:.3f} s are {ticks:,} frames of {tick_us:,} us; "
            f"want 2 to {MOST_TICKS:,}"
        )
    if np.diff(times).max() > MOST_APART_S * US_PER_S:
        after = recording.frames[int(np.diff(times).argmax())]
        raise LogError(
            f"{recording.name}: after frame {after.number}, at {after.elapsed_s} s, nothing is recorded for "
            f"{np.diff(times).max() / US_PER_S:.1f} s; want frames at most {MOST_APART_S:g} s apart"
        )
    ego = _ego(recording, added, ego_id)
    played = frozenset(actor_id for actor_id, actor in added.items() if _is_played(actor))
    motions = {actor_id: resample(track, times, tick_us) for actor_id, track in tracks(recording, played).items()}
    if ego not in motions or len(motions[ego].ticks) != ticks:
        raise LogError(f"{recording.name}: actor {ego}, the ego, is not there in every frame; want another ego")
    there = {actor_id for actor_id, motion in motions.items() if len(motion.ticks)}
    boxes, towing = _boxes(recording), _towing(recording, there)
    roles = _roles([added[actor_id] for actor_id in sorted(there)], ego)
    seen = np.searchsorted(times, np.arange(ticks) * tick_us, side="right") - 1
    log = StateLog(
        of=recording.name,
        town=recording.map_name,
        tick_us=tick_us,
        ego_id=ego,
        frames=range(ticks),
        run_up=range(0),
        actors={
            actor_id: _info(added[actor_id], roles[actor_id], boxes.get(actor_id), towing.get(actor_id, 0))
            for actor_id in sorted(there)
        },
        motions={actor_id: _motion(motions[actor_id]) for actor_id in sorted(there)},
        controls={tick: _controls(recording, int(row), there) for tick, row in enumerate(seen)},
        lamps=_lamps(recording, seen, there),
        doors=_grouped(recording, times, tick_us, lambda row: _doors(recording, row, there)),
        traffic_lights={tick: _lights(recording, int(row)) for tick, row in enumerate(seen)},
        weather=_weather(recording, times, tick_us),
        events=_grouped(recording, times, tick_us, lambda row: _contacts(recording, row, tick_us, times)),
    )
    return log, tuple(_lost(recording, log, added, motions))


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
    for wanted in EGO_ROLES:
        egos = [actor_id for actor_id in vehicles if _role(added[actor_id]) == wanted]
        if len(egos) == 1:
            return egos[0]
    if len(vehicles) == 1:
        return vehicles[0]
    raise LogError(
        f"{recording.name}: no vehicle, or several, with role_name {' or '.join(EGO_ROLES)}; "
        f"want one to be the ego: {_listed(added, vehicles) or 'it has no vehicle'}"
    )


def _listed(added: Mapping[int, Added], actor_ids: list[int]) -> str:
    first = [f"{actor_id} ({added[actor_id].type_id})" for actor_id in actor_ids[:10]]
    return ", ".join(first) + (f" and {len(actor_ids) - 10} more" if len(actor_ids) > 10 else "")


def _roles(actors: Iterable[Added], ego: int) -> dict[int, str]:
    """A name of its own for each: its role_name, or what it is, with its id where several would be called so."""
    names = {actor.actor_id: _role(actor) or actor.type_id.split(".")[0] for actor in actors}
    often = Counter(names.values())
    alone = {who: name if often[name] == 1 and name != "ego" else f"{name}_{who}" for who, name in names.items()}
    return alone | {ego: "ego"}


def _info(actor: Added, role: str, box: Any, towed_by: int) -> ActorInfo:
    attributes = {attribute.name: attribute.value for attribute in actor.attributes}
    centre, size = np.zeros(3), np.zeros(3)
    if box is not None:
        centre, size = flip_y(box["origin_cm"]) / CM_PER_M, 2.0 * box["extent_cm"].astype(np.float64) / CM_PER_M
    category = nuscenes_category(actor.type_id, attributes)
    return ActorInfo(
        actor.actor_id, actor.type_id, role, category, centre, size, attributes=attributes, towed_by=towed_by
    )


def _motion(found: Resampled) -> Motion:
    return Motion(found.ticks.astype(np.float64), found.poses, found.rates)


def _boxes(recording: Recording) -> dict[int, Any]:
    """The true ones: CARLA writes infinite boxes, inside out, for what has none."""
    return {
        int(box["actor_id"]): box
        for frame in recording.frames
        for box in frame.records(layout.BOUNDING_BOX)
        if np.isfinite(box["origin_cm"]).all() and np.isfinite(box["extent_cm"]).all() and (box["extent_cm"] >= 0).all()
    }


def _towing(recording: Recording, there: set[int]) -> dict[int, int]:
    """Who is attached to whom, of those that are played; sensors are not."""
    pairs = [pair for frame in recording.frames for pair in frame.records(layout.EVENT_PARENT).tolist()]
    return {child: parent for child, parent in pairs if child != parent and {child, parent} <= there}


def _controls(recording: Recording, row: int, there: set[int]) -> dict[int, dict[str, float | bool | int]]:
    return {
        int(record["actor_id"]): {
            "throttle": float(record["throttle"]),
            "steer": float(record["steer"]),
            "brake": float(record["brake"]),
            "hand_brake": bool(record["hand_brake"]),
            "reverse": bool(record["gear"] < 0),  # as CARLA's replayer takes it
            "gear": int(record["gear"]),
        }
        for record in recording.frames[row].records(layout.ANIM_VEHICLE)
        if int(record["actor_id"]) in there
    }


def _lamps(recording: Recording, seen: Indices, there: set[int]) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = {}
    last: dict[int, int] = {}
    for tick, row in enumerate(seen.tolist()):
        now = dict(recording.frames[row].records(layout.VEHICLE_LIGHT).tolist())
        changed = {who: flags for who, flags in now.items() if who in there and last.get(who) != flags}
        if changed:
            found[tick] = changed
        last |= changed
    return found


def _lights(recording: Recording, row: int) -> dict[int, str]:
    records = recording.frames[row].records(layout.STATE)
    last = len(layout.LIGHT_STATES) - 1
    return {
        actor_id: layout.LIGHT_STATES[min(state, last)]
        for actor_id, state in zip(records["actor_id"].tolist(), records["state"].tolist(), strict=True)
    }


def _doors(recording: Recording, row: int, there: set[int]) -> list[tuple[int, int, bool]]:
    records = recording.frames[row].records(layout.VEHICLE_DOOR)
    return [(who, door, bool(is_open)) for who, door, is_open in records.tolist() if who in there and door in _DOORS]


def _contacts(recording: Recording, row: int, tick_us: int, times: Indices) -> list[Event]:
    """Of contacts that last, the beginning: CARLA writes them in every frame."""
    before = _touching(recording, row - 1) if row else frozenset()
    time_us = _tick_from(int(times[row]), tick_us, int(times[-1])) * tick_us
    return [
        Event(time_us, "contact", _actor(actor_id), _actor(other_id))
        for actor_id, other_id in sorted(_touching(recording, row) - before)
    ]


def _actor(actor_id: int) -> int:
    return 0 if actor_id == layout.NOT_AN_ACTOR else actor_id


def _touching(recording: Recording, row: int) -> frozenset[tuple[int, int]]:
    records = recording.frames[row].records(layout.COLLISION)
    return frozenset(zip(records["actor_id"].tolist(), records["other_id"].tolist(), strict=True))


def _weather(recording: Recording, times: Indices, tick_us: int) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for row, frame in enumerate(recording.frames):
        for record in frame.records(layout.WEATHER):
            tick = _tick_from(int(times[row]), tick_us, int(times[-1]))
            found[tick] = dict(zip(layout.WEATHER_FIELDS, record.tolist(), strict=True))
    return found


def _tick_from(time_us: int, tick_us: int, last_us: int) -> int:
    """The first tick at which what was recorded then has happened, of those that there are."""
    return min(-(-time_us // tick_us), last_us // tick_us)


def _grouped(
    recording: Recording, times: Indices, tick_us: int, of_row: Callable[[int], Iterable[Value]]
) -> dict[int, tuple[Value, ...]]:
    found: dict[int, list[Value]] = defaultdict(list)
    for row in range(len(recording.frames)):
        for value in of_row(row):
            found[_tick_from(int(times[row]), tick_us, int(times[-1]))].append(value)
    return {tick: tuple(values) for tick, values in found.items()}


def _lost(
    recording: Recording, log: StateLog, added: Mapping[int, Added], motions: Mapping[int, Resampled]
) -> Iterator[str]:
    steps = np.diff(times_us(recording))
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
    jumps = sum(motion.jumps for actor_id, motion in motions.items() if actor_id in log.actors)
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
