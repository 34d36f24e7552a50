"""All sensors of an episode: what is due on a frame, in which thread it is made, and where its bytes go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Catalogue, shown
from av_synth.simulator.profile import NATIVE, Profile
from av_synth.simulator.protocol.calls import CallError
from av_synth.simulator.protocol.geography import geo_reference
from av_synth.simulator.protocol.streams import StreamServer
from av_synth.simulator.protocol.structs import WireActor
from av_synth.simulator.quality import DEFAULT, Quality
from av_synth.simulator.raycast import Hits, RayScene
from av_synth.simulator.scene import LABELS, RGB, Mesh, Scene, Tag, View
from av_synth.simulator.sensors.cameras import expose_cameras
from av_synth.simulator.sensors.exposure import Exposure, Message
from av_synth.simulator.sensors.inertial import expose_collision, expose_gnss, expose_imu
from av_synth.simulator.sensors.lidars import HeadSpec, LidarSpec
from av_synth.simulator.sensors.obstacle import expose_obstacle, in_reach
from av_synth.simulator.sensors.rays import expose_grid_radar, expose_head, expose_lidar, expose_radar
from av_synth.simulator.sensors.retina import Retina
from av_synth.simulator.sensors.spec import (
    CAMERAS,
    CameraSpec,
    CollisionSpec,
    GnssSpec,
    GridRadarSpec,
    ImuSpec,
    ObstacleSpec,
    RadarSpec,
    Sensor,
    acting_attributes,
    casts_rays,
    make_sensor,
)
from av_synth.simulator.sensors.trail import Trail
from av_synth.simulator.sensors.worker import Worker
from av_synth.simulator.town import Town
from av_synth.simulator.world.dynamics import GRAVITY_MPS2
from av_synth.simulator.world.errors import SpawnRefused
from av_synth.simulator.world.model import Actor
from av_synth.simulator.world.sensor_blueprints import sensor_defaults

if TYPE_CHECKING:
    from av_synth.simulator.render import Renderer
    from av_synth.simulator.world import World

log = logging.getLogger(__name__)
_FROM_ABOVE = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 300.0], [0.0, 0.0, 0.0, 1.0]])
_STAMP = View(_FROM_ABOVE, width_px=64, height_px=48, fx_px=16.0, fy_px=16.0, cx_px=32.0, cy_px=24.0)
_BEAMS = (LidarSpec, HeadSpec, RadarSpec, GridRadarSpec, ObstacleSpec)
Describe = Callable[[int, Tag], WireActor]
"""Actor of an id as it travels, or for one that is none the static thing of that class."""


@dataclass(frozen=True)
class Due:
    """What is to be made of one frame, all of it values: the world may go on changing.

    Attributes:
        scene: what cameras and rays look at; None if nothing does.
        photos, beams: of cameras; of lidars, radars and obstacle detectors.
        names: the actors, as they travel, that obstacle detectors may name.
        messages: of the small sensors, made already.
    """

    scene: Scene | None
    photos: tuple[Exposure, ...]
    beams: tuple[Exposure, ...]
    names: Mapping[int, WireActor]
    messages: tuple[Message, ...]


class SensorSuite:
    """Owns the sensors, the thread with the GL context and the thread that traces rays.

    Attributes:
        imu_gravity_mps2: what inertial sensors feel when nothing moves, in this episode.
    """

    def __init__(
        self,
        streams: StreamServer,
        catalogue: Catalogue,
        town: Town,
        profile: Profile = NATIVE,
        quality: Quality = DEFAULT,
    ) -> None:
        self._profile = profile
        self._quality = quality
        self._streams = streams
        self._shown = shown(catalogue)
        self._town = town
        self._mesh = town.mesh
        self._sensors: dict[int, Sensor] = {}
        self._trail = Trail()
        self._retinas: dict[int, Retina] = {}
        self._told_idle: set[tuple[str, str]] = set()
        self._geo_reference = geo_reference(town.opendrive)
        self._graphics = Worker("graphics")
        self._tracing = Worker("tracing")
        self._renderer: Renderer | None = None
        self._rays: RayScene | None = None
        self.imu_gravity_mps2 = GRAVITY_MPS2

    @property
    def renderer_description(self) -> str:
        """The GL renderer's name; empty until the first camera."""
        return self._renderer.description if self._renderer is not None else ""

    def reset(self, town: Town) -> None:
        """Forget all sensors; their streams stay open and silent. Call `finish` before."""
        self._sensors.clear()
        self._trail.clear()
        self._retinas.clear()
        self._told_idle.clear()
        self.imu_gravity_mps2 = GRAVITY_MPS2
        if town.digest != self._town.digest or self._mesh is not self._town.mesh:
            self._town, self._mesh = town, town.mesh
            self._geo_reference = geo_reference(town.opendrive)
            self._graphics.call(self._drop_renderer)
            self._tracing.call(self._drop_rays)

    def see(self, mesh: Mesh) -> None:
        """See this of the town from the next frame on. Call `finish` before.

        Raises:
            CallError: if cameras cannot go on.
        """
        if mesh is self._mesh:
            return
        self._mesh = mesh
        self._tracing.call(self._drop_rays)
        if self._renderer is not None:
            try:
                self._graphics.call(self._drop_renderer)
                self._graphics.call(self._make_renderer)
            except Exception as error:  # GL fails in many ways
                raise CallError(f"no way to render what the town has become: {error}") from error

    def prepare(self, blueprint_id: str) -> None:
        """Make the renderer, or what rays meet, if a sensor of this kind is the first to want it.

        It takes seconds, so hold no lock; its first data would come later than scripts wait.
        """
        if casts_rays(blueprint_id):
            self._tracing.call(self._ray_scene)
        if blueprint_id in CAMERAS and self._renderer is None:
            try:
                self._graphics.call(self._make_renderer)
            except Exception as error:  # noqa: BLE001  `add` tries again, and its failure is the one that counts
                log.debug("no renderer yet: %s", error)

    def warm(self, scene: Scene) -> None:
        """Make all that the first camera and the first lidar would wait for, seconds that scripts do not always grant.

        A picture of `scene` is drawn for nobody: drivers compile what draws only then. Hold no lock. Where there is no
        way to render, the first camera says so.
        """
        self._tracing.call(self._ray_scene)
        self.prepare("sensor.camera.rgb")
        renderer = self._renderer
        if renderer is not None:
            try:
                for output in (RGB, LABELS):
                    self._graphics.call(partial(renderer.render, scene, _STAMP, frozenset({output})))
            except Exception as error:  # noqa: BLE001  as in `prepare`
                log.debug("nothing drawn yet: %s", error)

    def add(self, actor: Actor, frame: int, elapsed_s: float) -> None:
        """Take over a spawned sensor; `prepare` comes before.

        Raises:
            SpawnRefused: if its attributes are out of range, it is not built, or there is no way to render.
        """
        sensor = make_sensor(
            actor.blueprint_id,
            actor.attributes,
            actor.parent_from_actor,
            actor.id,
            actor.parent_id,
            self._streams.new_stream(),
            (frame, elapsed_s),
            drifts=self._profile.drifting_sensor_tick,
        )
        if isinstance(sensor.spec, CameraSpec) and self._renderer is None:
            try:
                self._graphics.call(self._make_renderer)
            except Exception as error:  # GL fails in many ways, and each means: no cameras here
                raise SpawnRefused(f"{actor.blueprint_id}: no way to render: {error}") from error
        self._sensors[actor.id] = sensor
        self._tell_idle(actor)
        if isinstance(sensor.spec, CameraSpec) and sensor.spec.thresholds is not None:
            self._retinas[actor.id] = Retina(sensor.spec.thresholds)

    def _tell_idle(self, actor: Actor) -> None:
        """Say once an episode which attributes somebody set in vain."""
        defaults, acting = sensor_defaults(actor.blueprint_id), acting_attributes(actor.blueprint_id)
        for name, value in actor.attributes.items():
            told = (actor.blueprint_id, name)
            if name in defaults.keys() - acting and value.lower() != defaults[name] and told not in self._told_idle:
                self._told_idle.add(told)
                log.warning("%s: %s = %s changes nothing here", actor.blueprint_id, name, value)

    def remove(self, actor_id: int) -> None:
        """Forget a sensor, if it is one."""
        self._sensors.pop(actor_id, None)
        self._trail.forget(actor_id)
        self._retinas.pop(actor_id, None)

    def has_stream(self, stream_id: int) -> bool:
        """Whether a sensor of this episode sends on this stream."""
        return any(sensor.stream_id == stream_id for sensor in self._sensors.values())

    def token(self, actor_id: int) -> bytes:
        """The token of a sensor's stream; b'' for other actors."""
        sensor = self._sensors.get(actor_id)
        return self._streams.token(sensor.stream_id) if sensor is not None else b""

    def finish(self) -> None:
        """Wait until everything that is due has been made and queued.

        Raises:
            CallError: if a sensor could not be made; the frame lacks it.
        """
        for worker in (self._graphics, self._tracing):
            worker.wait()
        for worker in (self._graphics, self._tracing):
            failure = worker.take_failure()
            if failure is not None:
                raise CallError(f"a sensor of the last frame failed: {failure}")

    def cast(self, scene: Scene, origins_m: Array, directions: Array, range_m: float) -> Hits:
        """Trace single rays (N, 3) against a scene, in the thread that traces."""
        return self._tracing.call(lambda: self._ray_scene().trace(scene, origins_m, directions, range_m))

    def collect(
        self,
        world: World,
        take_scene: Callable[[], Scene],
        delta_s: float,
        describe: Describe,
        *,
        cameras: bool = True,
    ) -> Due:
        """Note everything that is due on the world's frame and that somebody listens to, for `expose`.

        Args:
            world: just stepped.
            take_scene: makes the scene of this frame; asked only if something is due that looks at it.
            delta_s: by how much.
            describe: how actors look in a collision's message.
            cameras: False leaves cameras out.
        """
        followed = [sensor.actor_id for sensor in self._sensors.values() if _looks_back(sensor)]
        last_poses = {actor_id: self._trail.follow(world.actors[actor_id], world) for actor_id in followed}
        due = [sensor for sensor in self._sensors.values() if self._is_due(sensor, world, delta_s)]
        exposures = [_exposure(sensor, world, delta_s, last_poses.get(sensor.actor_id)) for sensor in due]
        photos = tuple(e for e in exposures if isinstance(e.sensor.spec, CameraSpec) and cameras)
        beams = tuple(e for e in exposures if isinstance(e.sensor.spec, _BEAMS))
        scene = take_scene() if photos or beams else None
        messages = tuple(message for e in exposures for message in self._small(e, world, describe))
        return Due(scene, photos, beams, _names(scene, beams, describe), messages)

    def expose(self, due: Due, *, patient: bool) -> None:
        """Start what takes long and send what is made already. Hold no lock: readers may be slow.

        Args:
            due: from `collect`.
            patient: wait for slow readers; otherwise a busy thread or a slow reader misses this frame.
        """

        def send(message: Message) -> None:
            self._streams.publish(message.stream_id, message.parts, patient=patient)

        scene = due.scene
        if scene is not None and due.photos and (patient or not self._graphics.busy):
            self._graphics.submit(lambda: self._photograph(scene, due.photos, send))
        if scene is not None and due.beams and (patient or not self._tracing.busy):
            self._tracing.submit(lambda: self._trace(scene, due, send))
        for message in due.messages:
            send(message)

    def _is_due(self, sensor: Sensor, world: World, delta_s: float) -> bool:
        if not self._streams.wanted(sensor.stream_id):
            return False
        return sensor.schedule.due(world.frame, world.elapsed_s, delta_s)

    def _small(self, exposure: Exposure, world: World, describe: Describe) -> list[Message]:
        spec = exposure.sensor.spec
        if isinstance(spec, GnssSpec):
            return [expose_gnss(exposure, spec, self._geo_reference)]
        if isinstance(spec, ImuSpec):
            return [expose_imu(exposure, spec, *_motion(exposure.sensor, world)[1:], self.imu_gravity_mps2)]
        if isinstance(spec, CollisionSpec):
            parent = exposure.sensor.parent_id
            return [
                expose_collision(exposure, describe(parent, Tag.NONE), describe(other_id, tag), impulse_ns)
                for (other_id, tag), impulse_ns in _impulses(world, parent).items()
            ]
        return []

    def _photograph(self, scene: Scene, cameras: Sequence[Exposure], send: Callable[[Message], None]) -> None:
        if self._renderer is not None:
            expose_cameras(self._renderer, scene, cameras, send, self._profile, self._retinas)

    def _trace(self, scene: Scene, due: Due, send: Callable[[Message], None]) -> None:
        rays = self._ray_scene()
        for exposure in due.beams:
            spec = exposure.sensor.spec
            if isinstance(spec, LidarSpec):
                send(expose_lidar(rays, scene, exposure, spec))
            elif isinstance(spec, HeadSpec):
                send(expose_head(rays, scene, exposure, spec))
            elif isinstance(spec, RadarSpec):
                send(expose_radar(rays, scene, exposure, spec))
            elif isinstance(spec, GridRadarSpec):
                send(expose_grid_radar(rays, scene, exposure, spec))
            elif isinstance(spec, ObstacleSpec):
                for message in expose_obstacle(rays, scene, exposure, spec, due.names):
                    send(message)

    def _ray_scene(self) -> RayScene:
        if self._rays is None:
            self._rays = RayScene(self._mesh, self._shown)
        return self._rays

    def _make_renderer(self) -> None:
        # imported here: a simulator without cameras needs no GL library
        from av_synth.simulator.render import Renderer

        if self._renderer is None:  # two clients may want the first one
            self._renderer = Renderer(self._mesh, self._shown, self._quality)

    def _drop_renderer(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
        self._renderer = None

    def _drop_rays(self) -> None:
        self._rays = None


def _names(scene: Scene | None, beams: Sequence[Exposure], describe: Describe) -> dict[int, WireActor]:
    """The obstacle detectors among `beams` and what they may meet, as they travel; level cars are no actors."""
    ids: set[int] = set()
    for exposure in beams:
        if isinstance(exposure.sensor.spec, ObstacleSpec) and scene is not None:
            ids |= {exposure.sensor.actor_id, *in_reach(exposure, exposure.sensor.spec, scene)}
    return {actor_id: describe(actor_id, Tag.CAR) for actor_id in sorted(ids)}


def _impulses(world: World, actor_id: int) -> dict[tuple[int, Tag], Array]:
    """The whole push (3,) on an actor by (actor, class) that it met: as in CARLA, a frame has one contact with each."""
    pushes: dict[tuple[int, Tag], Array] = {}
    for contact in world.collisions_this_frame:
        if contact.actor_id == actor_id:
            key = (contact.other_id, contact.tag)
            pushes[key] = pushes.get(key, 0.0) + contact.impulse_ns
    return pushes


def _looks_back(sensor: Sensor) -> bool:
    """Whether it matters where a sensor was on the frame before."""
    if isinstance(sensor.spec, HeadSpec):
        return sensor.spec.head.moves
    return isinstance(sensor.spec, CameraSpec) and sensor.spec.wants_flow


def _exposure(sensor: Sensor, world: World, delta_s: float, last_pose: Array | None) -> Exposure:
    velocity = _motion(sensor, world)[0]
    pose = world.actors[sensor.actor_id].world_from_actor.copy()
    return Exposure(sensor, world.frame, world.elapsed_s, delta_s, pose, velocity, last_pose)


def _motion(sensor: Sensor, world: World) -> tuple[Array, Array, Array]:
    """Velocity, acceleration and turn rate (3,), world axes, at the sensor of what carries it."""
    carrier = world.actors.get(sensor.actor_id)
    while carrier is not None and carrier.body is None:
        carrier = world.actors.get(carrier.parent_id)
    if carrier is None:
        return np.zeros(3), np.zeros(3), np.zeros(3)
    pose, velocity, turn = world.told(carrier)
    arm = world.actors[sensor.actor_id].world_from_actor[:3, 3] - pose[:3, 3]
    velocity, turn = velocity + np.cross(turn, arm), turn.copy()
    return velocity, carrier.acceleration_mps2 + np.cross(turn, np.cross(turn, arm)), turn
