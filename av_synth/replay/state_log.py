"""The state log of a run, frame by frame: who was where, what their drivers asked for, lights, weather, events."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from av_synth.director import Event
from av_synth.errors import StoreError, UserError
from av_synth.geometry.transforms import Array, matrix_from_quaternion
from av_synth.log.origin import Origin, origin_of
from av_synth.log.state import ActorInfo, ActorState, WorldState
from av_synth.rig import Rig
from av_synth.run.towns import tick_us_of
from av_synth.scenario.words import EGO
from av_synth.store import Run

Indices = npt.NDArray[np.int64]
Row = dict[str, Any]
_Value = TypeVar("_Value")
_NUMBERS = (
    *("x_m", "y_m", "z_m", "qw", "qx", "qy", "qz", "vx_mps", "vy_mps", "vz_mps"),
    *("wx_radps", "wy_radps", "wz_radps", "ax_mps2", "ay_mps2", "az_mps2"),
)


@dataclass(frozen=True)
class ActorMotion:
    """Where one actor was and how it moved, for some frames in a row or with gaps.

    Attributes:
        frames: (F,) ascending; those before time zero are negative.
        poses: (F, 7), x, y, z in metres and the quaternion w, x, y, z of `world_from_actor`.
        rates: (F, 9), velocity, angular velocity, acceleration, world axes, SI.
    """

    frames: Indices
    poses: Array
    rates: Array


@dataclass(frozen=True)
class StateLog:
    """Everything that a run's log says. Frames count from 0; those before recorded time zero are negative.

    Attributes:
        of: the run's id, or the name of the file it was read from.
        town: the map's name.
        tick_us: microseconds from frame to frame.
        ego_id: who carried the sensors.
        frames: those that were recorded, from 0 on.
        run_up: those between the placing and the first recorded one, as far as they are known; it ends at 0.
        actors: who took part, by id.
        motions: how they moved, by id.
        controls: what each vehicle's driver asked for, by frame and actor (carla.VehicleControl's fields).
        lamps: carla.VehicleLightState by frame and actor, at frames at which it changed.
        doors: (actor, carla.VehicleDoor, open) by frame, asked for after that frame.
        traffic_lights: state name by frame and actor.
        weather: by the names of `scenario.weather.Weather`, by frame, at frames at which it changed.
        events: by frame.
        hashes: the state hash of each recorded frame; empty if they are not known.
        origin: whose log was played back when this one was made; None if that was nobody's.
    """

    of: str
    town: str
    tick_us: int
    ego_id: int
    frames: range
    run_up: range
    actors: Mapping[int, ActorInfo]
    motions: Mapping[int, ActorMotion]
    controls: Mapping[int, Mapping[int, Mapping[str, float | bool | int]]]
    lamps: Mapping[int, Mapping[int, int]]
    doors: Mapping[int, tuple[tuple[int, int, bool], ...]]
    traffic_lights: Mapping[int, Mapping[int, str]]
    weather: Mapping[int, Mapping[str, float]]
    events: Mapping[int, tuple[Event, ...]]
    hashes: tuple[str, ...] = ()
    origin: Origin | None = None

    @property
    def first(self) -> int:
        """The first frame that is known, recorded or before."""
        return self.run_up.start

    def state(self, frame: int) -> WorldState:
        """Everybody's state at a frame.

        Raises:
            StoreError: if the log has no such frame.
        """
        if not self.first <= frame < self.frames.stop:
            raise StoreError(f"log of {self.of}: has no frame {frame}; want {self.first} to {self.frames.stop - 1}")
        there = self._rows.get(frame, {})
        actors = {actor_id: self._state_of(actor_id, row) for actor_id, row in there.items()}
        infos = {actor_id: self.actors[actor_id] for actor_id in actors}
        return WorldState(frame, frame * self.tick_us, actors, infos)

    def there(self, frame: int) -> frozenset[int]:
        """Who is there at a frame; nobody at one that the log has not."""
        return frozenset(self._rows.get(frame, ()))

    def weather_at(self, frame: int) -> Mapping[str, float]:
        """The weather that a frame was played in: that of the last change up to it, or of the first there is.

        Raises:
            UserError: if the log says nothing of it.
        """
        changes = sorted(self.weather)
        if not changes:
            raise UserError(f"log of {self.of}: says nothing of the weather; want --weather")
        return self.weather[max((at for at in changes if at <= frame), default=changes[0])]

    def time_us(self, frame: int) -> int:
        """Microseconds from recorded time zero."""
        return frame * self.tick_us

    def id_of(self, role: str) -> int | None:
        """Actor id of who has a role: a name in the scenario, or `ego`; None if nobody has."""
        if role == EGO:
            return self.ego_id
        return next((actor_id for actor_id, info in self.actors.items() if info.role == role), None)

    def info_of(self, role: str) -> ActorInfo:
        """What does not change about who has a role.

        Raises:
            StoreError: if nobody has it.
        """
        actor_id = self.id_of(role)
        if actor_id is None:
            raise StoreError(f"log of {self.of}: nobody in it is called {role}; want one of {', '.join(self.roles)}")
        return self.actors[actor_id]

    @property
    def roles(self) -> tuple[str, ...]:
        """What those who took part are called, sorted."""
        return tuple(sorted({info.role for info in self.actors.values()}))

    @cached_property
    def _rows(self) -> Mapping[int, Mapping[int, int]]:
        """By frame, in order of actor ids, which row of an actor's motion is that of the frame."""
        found: dict[int, dict[int, int]] = defaultdict(dict)
        for actor_id in sorted(self.motions):
            for row, frame in enumerate(self.motions[actor_id].frames.tolist()):
                found[frame][actor_id] = row
        return found

    def _state_of(self, actor_id: int, row: int) -> ActorState:
        motion = self.motions[actor_id]
        pose, rates = motion.poses[row], motion.rates[row]
        return ActorState(matrix_from_quaternion(pose[3:], pose[:3]), rates[:3], rates[3:6], rates[6:])


def of_run(run: Run) -> StateLog:
    """The state log of a committed run.

    Raises:
        StoreError: if a table is missing, torn or contradicts another.
    """
    rows = _rows_of(run, "actors")
    actors = {row["actor_id"]: _actor(row) for row in rows}
    egos = [row["actor_id"] for row in rows if row["is_ego"]]
    ticks = _rows_of(run, "ticks")
    frames = [row["frame"] for row in ticks]
    if len(egos) != 1 or not frames or frames != list(range(len(frames))):
        raise StoreError(f"{run.folder}: its log has {len(egos)} egos and frames {frames[:1]}..; want one, from 0 on")
    motions = _motions(run)
    unknown = sorted(set(motions) - set(actors))
    if unknown:
        raise StoreError(f"{run.folder}: table 'states' has actor {unknown[0]}, which table 'actors' has not")
    before = min((int(motion.frames[0]) for motion in motions.values() if len(motion.frames)), default=0)
    return StateLog(
        of=run.run_id,
        town=str(run.json("scenario.json").get("town")),
        tick_us=_tick_us(run, ticks),
        ego_id=egos[0],
        frames=range(len(frames)),
        run_up=range(min(before, 0), 0),
        actors=actors,
        motions=motions,
        controls=_by_frame((row.pop("frame"), row.pop("actor_id"), row) for row in _rows_of(run, "controls")),
        lamps=_by_frame((row["frame"], row["actor_id"], row["flags"]) for row in _rows_of(run, "lamps")),
        doors=listed((row["frame"], (row["actor_id"], row["door"], row["open"])) for row in _rows_of(run, "doors")),
        traffic_lights=_by_frame(
            (row["frame"], row["actor_id"], row["state"])
            for name in ("run_up_lights", "traffic_lights")
            for row in _rows_of(run, name)
        ),
        weather={row.pop("frame"): row for row in _rows_of(run, "weather")},
        events=listed((row["frame"], _event(row)) for row in _rows_of(run, "events")),
        hashes=tuple(row["state_hash"] for row in ticks),
        origin=origin_of(run.run_id, run.manifest),
    )


def rig_of_run(run: Run) -> Rig | None:
    """The rig of a committed run, as it really looked; None if it had none.

    Raises:
        StoreError: if that cannot be read.
    """
    try:
        return TypeAdapter(Rig | None).validate_json(run.path("rig.json").read_bytes())
    except ValidationError as error:
        raise StoreError(f"{run.folder}: rig.json: not the rig of a run: {error.errors()[0]['msg']}") from error


def _rows_of(run: Run, table: str) -> list[Row]:
    rows: list[Row] = run.table(table).to_pylist()
    return rows


def _actor(row: Row) -> ActorInfo:
    return ActorInfo(
        **{name: row[name] for name in ("actor_id", "type_id", "role", "category", "parked", "box_source", "towed_by")},
        box_centre_m=np.array([row["box_x_m"], row["box_y_m"], row["box_z_m"]]),
        size_lwh_m=np.array([row["length_m"], row["width_m"], row["height_m"]]),
        attributes=json.loads(row["attributes"]),
    )


def _motions(run: Run) -> dict[int, ActorMotion]:
    tables = [run.table(name) for name in ("run_up", "states")]
    ids, frames = (np.concatenate([table[key].to_numpy() for table in tables]) for key in ("actor_id", "frame"))
    numbers = np.stack([np.concatenate([table[name].to_numpy() for table in tables]) for name in _NUMBERS], axis=1)
    order = np.lexsort((frames, ids))
    ids, frames, numbers = ids[order], frames[order].astype(np.int64), numbers[order]
    starts = np.flatnonzero(np.diff(ids, prepend=-1))
    ends = [*starts[1:].tolist(), len(ids)]
    return {
        int(ids[start]): ActorMotion(frames[start:end], numbers[start:end, :7], numbers[start:end, 7:])
        for start, end in zip(starts.tolist(), ends, strict=True)
    }


def _tick_us(run: Run, ticks: list[Row]) -> int:
    return int(ticks[1]["time_us"] - ticks[0]["time_us"]) if len(ticks) > 1 else tick_us_of(rig_of_run(run))


def _event(row: Row) -> Event:
    return Event(row["time_us"], row["kind"], row["actor_id"], row["other_id"], json.loads(row["detail"]))


def _by_frame(rows: Iterable[tuple[int, int, Any]]) -> dict[int, dict[int, Any]]:
    found: dict[int, dict[int, Any]] = defaultdict(dict)
    for frame, actor_id, value in rows:
        found[frame][actor_id] = value
    return dict(found)


def listed(rows: Iterable[tuple[int, _Value]]) -> dict[int, tuple[_Value, ...]]:
    """Values by their frame, in the order in which they come."""
    found: dict[int, list[_Value]] = defaultdict(list)
    for frame, value in rows:
        found[frame].append(value)
    return {frame: tuple(values) for frame, values in found.items()}
