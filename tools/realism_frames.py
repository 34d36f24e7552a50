"""Pictures of streets: moments of library scenarios, seen by a rig's cameras, each with the truth about it.

A scenario is played without sensors. At the moments that the seed picks, as soon as a camera of the rig has somebody in
view, that one camera is put on the ego for one tick: nothing else is paid for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import carla
import numpy as np

from av_synth import rig as rigs
from av_synth.capture import Extent, LabelImage, SensorArray
from av_synth.director import Director, Event, Outcome
from av_synth.director.faults import Faults
from av_synth.errors import CastError, SpawnError
from av_synth.geometry.boxes import corners
from av_synth.geometry.cameras import project
from av_synth.geometry.transforms import Array, invert
from av_synth.launch import Address
from av_synth.log.state import ActorInfo, WorldState
from av_synth.rig.model import Camera, Rig
from av_synth.run import RunSpec, execute
from av_synth.session import Session
from tools.realism_orders import RIG, Order
from tools.realism_score import LEAST_HEIGHT_PX, LEAST_VISIBLE

_LOOK_EVERY, _APART_TICKS = 4, 40
_RARE = 1_000_000  # ticks: a camera that sees one frame
_TALL_PX, _LARGE_PX = 36.0, 640.0  # of a 3D box in a picture 720 px high, which is taller than what is in it
_INSIDE, _ROWS_PX = 0.75, 720.0
_FAVOUR = 4.0  # of the camera that the seed picks
_PATIENCE_TICKS = 80  # for people, where a scenario has some
_UMBRELLA_M = 0.95
_WITH_THINGS = ("human.pedestrian.stroller", "human.pedestrian.personal_mobility", "human.pedestrian.wheelchair")


@dataclass(frozen=True)
class Shot:
    """One picture and what is known about it.

    Attributes:
        stratum: what it is counted under.
        where: town, scenario and camera.
        title: which one it is.
        bgr: (H, W, 3) uint8.
        label: of the same view.
        state: everybody at that frame.
        world_from_camera: (4, 4).
        ego_id: who carries the camera.
    """

    stratum: str
    where: tuple[str, str, str]
    title: str
    bgr: Any
    label: LabelImage
    state: WorldState
    camera: Camera
    world_from_camera: Array
    ego_id: int


def take(order: Order, address: Address) -> list[Shot]:
    """Play a draw and take its pictures; fewer than ordered where nobody came into view."""
    photography = _Photography(order)
    spec = RunSpec(order.scenario, None, script=photography)
    try:
        execute(spec, address, watch=lambda _state: photography.done)
    except (CastError, SpawnError):
        return []
    return photography.shots


@dataclass
class _Photography:
    """A `run.spec.Script`: the scenario, with somebody who takes pictures of it."""

    order: Order
    shots: list[Shot] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return len(self.shots) >= self.order.shots

    def performer(self, session: Session) -> _Photographer:
        return _Photographer(self, session)

    def to_json(self) -> Mapping[str, Any]:
        return {"photographs": self.order.seed}


class _Photographer:
    """A `run.spec.Performer`: the director, and a camera that appears for one tick."""

    def __init__(self, photography: _Photography, session: Session) -> None:
        self._photography = photography
        self._session = session
        self._director = Director(photography.order.scenario, session, None)
        self._random = np.random.default_rng(photography.order.seed)
        self._rig = rigs.load(RIG)
        ticks = photography.order.scenario.duration_s * 1e6 / session.tick_us
        self._from = sorted(self._random.integers(0, max(1, int(0.8 * ticks)), photography.order.shots).tolist())
        self._favoured = int(self._random.integers(len(self._rig.cameras)))
        self._next_look = 0
        self._camera: tuple[Camera, SensorArray] | None = None
        self._from_ego: Array = np.eye(4)  # until it is asked, after the first tick
        self._tick = -1

    @property
    def warm_up_ticks(self) -> int:
        return self._director.warm_up_ticks

    @property
    def faults(self) -> Faults:
        return self._director.faults

    @property
    def ego(self) -> carla.Actor:
        return self._director.ego

    @property
    def standing(self) -> frozenset[int] | None:
        return self._director.standing

    def actor_from_ego(self) -> Array:
        self._from_ego = self._director.actor_from_ego()
        return self._from_ego

    def setup(self) -> None:
        self._director.setup()

    def observe(self, state: WorldState) -> tuple[Event, ...]:
        return self._director.observe(state)

    def outcome(self) -> Outcome:
        return self._director.outcome()

    def provenance(self) -> Mapping[str, Any]:
        return self._director.provenance()

    def before_tick(self, state: WorldState) -> None:
        self._director.before_tick(state)
        taken = len(self._photography.shots)
        if state.time_us < 0 or self._photography.done:
            return
        self._tick += 1
        if self._tick >= max(self._next_look, self._from[taken]) and self._tick % _LOOK_EVERY == 0:
            camera = self._choose(state)
            if camera is not None:
                seed = self._photography.order.seed
                self._camera = (camera, camera_for_one_tick(self._session, self.ego, self._from_ego, camera, seed))

    def corrected(self, state: WorldState) -> WorldState:
        state = self._director.corrected(state)
        if self._camera is not None:
            camera, array = self._camera
            self._camera = None
            seen = array.collect(state)
            label = seen.labels[camera.channel]
            take_down(self._session)
            self._next_look = self._tick + _APART_TICKS
            shows = any(self._tall(state, k, extent, camera) for k, extent in (label.extent_px or {}).items())
            if not shows:  # what was in view is hidden
                return state
            order = self._photography.order
            where = (str(order.scenario.town), order.scenario.name, camera.channel)
            title = f"{order.stratum} | {' '.join(where)} seed {order.seed} tick {self._tick}"
            mount = camera.mount.ego_from_sensor
            bgr = seen.cameras[camera.channel].bgra[..., :3]
            shot = Shot(
                order.stratum, where, title, bgr, label, state, camera, seen.world_from_ego @ mount, self.ego.id
            )
            self._photography.shots.append(shot)
        return state

    def _choose(self, state: WorldState) -> Camera | None:
        """A camera that has somebody in view, the rather the more of them; None if there is none.

        Where there are people in the scenario, one that has people in view, if that comes soon.
        """
        world_from_ego = state.actors[self.ego.id].world_from_actor @ self._from_ego
        since = self._tick - max(self._next_look, self._from[len(self._photography.shots)])
        wanted = 2.0 if self._photography.order.people and since < _PATIENCE_TICKS else 1.0
        seen = []
        for camera in self._rig.cameras:
            camera_from_world = invert(world_from_ego @ camera.mount.ego_from_sensor)
            worth = [self._interest(state, actor_id, camera, camera_from_world) for actor_id in state.actors]
            seen.append(sum(worth) if max(worth) >= wanted else 0.0)
        weights = np.array(seen)
        weights[self._favoured] *= _FAVOUR
        if weights.sum() == 0.0:
            return None
        self._favoured = int(self._random.integers(len(weights)))
        return self._rig.cameras[int(self._random.choice(len(weights), p=weights / weights.sum()))]

    def _tall(self, state: WorldState, actor_id: int, extent: Extent, camera: Camera) -> bool:
        """Whether somebody is seen so well that it is fair to ask for them."""
        tall_px = (extent.alone_box[3] - extent.alone_box[1]) * _ROWS_PX / camera.height_px
        living = actor_id in state.infos and actor_id != self.ego.id and _worth(state.infos[actor_id]) > 0.0
        return living and tall_px >= LEAST_HEIGHT_PX and extent.visible_px >= LEAST_VISIBLE * extent.alone_px

    def _interest(self, state: WorldState, actor_id: int, camera: Camera, camera_from_world: Array) -> float:
        info = state.infos[actor_id]
        worth = _worth(info)
        if actor_id == self.ego.id or worth == 0.0:
            return 0.0
        box, inside = in_picture(camera_from_world @ state.world_from_box(actor_id), info, camera)
        tall = (box[3] - box[1]) * _ROWS_PX / camera.height_px
        return worth if inside >= _INSIDE and _TALL_PX <= tall <= _LARGE_PX else 0.0


def camera_for_one_tick(
    session: Session, ego: carla.Vehicle, actor_from_ego: Array, camera: Camera, noise_seed: int
) -> SensorArray:
    """A camera, with all its labels, that sees the frame of the next tick."""
    alone = (replace(camera, every_ticks=_RARE),)
    rig = Rig(camera.channel, "", session.tick_us, _RARE, alone, (), ())
    return SensorArray(session, ego, actor_from_ego, rig, session.frame + 1, noise_seed)


def take_down(session: Session) -> None:
    """Take all sensors away."""
    for sensor in session.sensors:
        sensor.stop()
        sensor.destroy()
    session.sensors.clear()


def with_things(info: ActorInfo) -> bool:
    """Whether a pedestrian's box is around a thing too that COCO has apart from the person, or not at all."""
    return info.category in _WITH_THINGS or is_under_umbrella(info)


def is_under_umbrella(info: ActorInfo) -> bool:
    """Whether an actor is a pedestrian with an umbrella: nobody else is as wide and as deep as that."""
    wide = float(min(info.size_lwh_m[:2])) >= _UMBRELLA_M
    return is_pedestrian(info) and info.category not in _WITH_THINGS and wide


def is_pedestrian(info: ActorInfo) -> bool:
    """Whether an actor is one to nuScenes."""
    return info.category.startswith("human.pedestrian.")


def _worth(info: ActorInfo) -> float:
    """How much somebody adds to a picture: people are rarer than vehicles."""
    if is_pedestrian(info):
        return 0.0 if with_things(info) else 2.0
    return float(info.category.startswith("vehicle."))


def in_picture(camera_from_box: Array, info: ActorInfo, camera: Camera) -> tuple[Sequence[float], float]:
    """The bounds of a 3D box in a camera's image, and which share of them is in it; none if part of it is behind."""
    around = corners(camera_from_box, info.size_lwh_m)
    if around[:, 2].min() < 0.2:
        return (0.0, 0.0, 0.0, 0.0), 0.0
    pixels, _ = project(around, camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    edge = np.array([camera.width_px, camera.height_px]) - 0.5
    kept = np.clip(high, -0.5, edge) - np.clip(low, -0.5, edge)
    return (*low, *high), float(np.prod(kept) / np.prod(high - low))
