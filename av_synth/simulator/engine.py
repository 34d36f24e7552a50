"""The engine: one world, its clock, its sensors and its streams, and the lock that orders what clients ask."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from av_synth.errors import DocumentError
from av_synth.geometry.transforms import Array
from av_synth.simulator import town as towns
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.navigation import navigation_mesh
from av_synth.simulator.profile import NATIVE, Profile
from av_synth.simulator.protocol import codec, structs
from av_synth.simulator.protocol.calls import CallError, Packed, pack
from av_synth.simulator.protocol.codec import EpisodeSettings
from av_synth.simulator.protocol.snapshot import LIGHTS_CHANGED, MAP_CHANGED, snapshot
from av_synth.simulator.protocol.streams import WORLD_OBSERVER, StreamServer
from av_synth.simulator.protocol.structs import WireActor
from av_synth.simulator.quality import DEFAULT, Quality
from av_synth.simulator.recorder.folder import Folder, user_recordings
from av_synth.simulator.recorder.recorder import Recorder
from av_synth.simulator.recorder.replayer import Replayer
from av_synth.simulator.scene import Scene, Tag
from av_synth.simulator.sensors.spec import is_built
from av_synth.simulator.sensors.suite import Due, SensorSuite
from av_synth.simulator.town import Town
from av_synth.simulator.town.aliases import CARLA_TOWNS
from av_synth.simulator.world import Actor, Definition, SpawnRefused, World
from av_synth.simulator.world.debug_shapes import DebugShapes
from av_synth.simulator.world.scenery import ALL_LAYERS, Scenery
from av_synth.simulator.world.sensor_blueprints import SENSOR_IDS
from av_synth.simulator.world.street_lights import StreetLights

log = logging.getLogger(__name__)

DEFAULT_DELTA_S = 0.05
MAX_ACTORS = 10_000
_MAX_DELTA_S = 0.1  # a longer pause of an asynchronous world is not made up for
_MAP_FOLDER = "Carla/Maps"
_NO_ALIASES: Mapping[str, str] = MappingProxyType({})
_NAVIGATION_FOLDER = f"{_MAP_FOLDER}/Nav"


@dataclass(frozen=True)
class _Frame:
    """A frame that was made and is to be sent."""

    number: int
    snapshot: bytes
    due: Due


class Engine:
    """What the calls act on.

    Attributes:
        lock: held by whatever reads or changes the world; never while waiting for sensors or sockets. A frame is
            made under it and sent after it; frames stay in order because only one is made at a time.
        street_lights: those of the town, for clients to switch.
        debug_shapes: what clients draw into colour images.
        traffic_managers: address by port of the Traffic Managers that clients have announced.
        recordings: the folder that `recorder` writes to.
    """

    def __init__(
        self,
        town_name: str,
        streams: StreamServer,
        profile: Profile = NATIVE,
        recordings: Path | None = None,
        aliases: Mapping[str, str] = _NO_ALIASES,
        quality: Quality = DEFAULT,
    ) -> None:
        """Begin in a town, or in the one that an alias stands for.

        Raises:
            UserError: if there is no such town, or `recordings` cannot be written.
        """
        self.recordings = Folder(recordings or user_recordings())
        if recordings:
            self.recordings.make()
        self.lock = threading.RLock()
        self.streams = streams
        self.traffic_managers: dict[int, str] = {}
        self._ticking = threading.Lock()  # taken before `lock`, by what makes frames
        self._navigating = threading.Lock()  # taken before `lock`, by what makes a navigation mesh
        self._navigation: tuple[str, bytes] | None = None  # of the town with this digest
        self._catalogue = catalogue()
        self._aliases = aliases
        self.town: Town = towns.find(aliases.get(town_name, town_name))
        self._called = town_name if town_name in aliases else _wire_name(self.town.name)
        self._sent = self.town if self._called == towns.OPENDRIVE_TOWN else None  # what that name stands for
        self.world = World(self.town, self._catalogue, [name for name in SENSOR_IDS if is_built(name)], profile)
        self.world.facts["profile"] = profile.name
        self.world.facts["quality"] = quality.name
        if self._catalogue.attribution:
            self.world.facts["attribution"] = self._catalogue.attribution
        self.street_lights = StreetLights(self.town.mesh)
        self.debug_shapes = DebugShapes()
        self._definitions: dict[str, Definition] | None = None
        self._scene_zero = (0, 0.0)  # frame and time at which the scene's clock began
        self.sensors = SensorSuite(streams, self._catalogue, self.town, profile, quality)
        self.recorder = Recorder(self.recordings, self.definitions)
        self.replayer = Replayer(self.world, self.spawn, self.destroy, self.definitions)
        self._warm = False
        self.settings = EpisodeSettings()
        self.apply_settings(self.settings)
        self.navigation()
        streams.publish(WORLD_OBSERVER, [snapshot(self.world, 0.0, MAP_CHANGED)], patient=False)

    @property
    def map_name(self) -> str:
        """The map's name on the wire. Clients cache map files by name alone, so its content is part of it.

        A map that a client sent has CARLA's name, and one that was loaded by an alias has that: scripts look for
        them. Clients fetch the text of a map every time.
        """
        return f"{_MAP_FOLDER}/{self._called}"

    def apply_settings(self, settings: EpisodeSettings) -> None:
        """Take over settings from the next frame on.

        The scene's clock (clouds, rain, blinking lamps) begins when the world becomes synchronous, so that it does
        not matter how long it ran freely before, and anew with the first body, nor how long it stood empty.
        """
        if settings.synchronous and not self.settings.synchronous:
            self._restart_scene_clock()
        self.settings = settings
        # Traffic Managers that are not synchronous ask for these thousands of times a second
        self.packed_settings = Packed(pack(codec.settings(settings)))

    def warm(self) -> None:
        """Make now, and with each town from now on, what else the first sensors of a client wait for."""
        self._warm = True
        self.sensors.warm(self.scene())

    def definitions(self) -> Mapping[str, Definition]:
        """The blueprint library by id."""
        if self._definitions is None:
            self.world.facts["gl_renderer"] = self.sensors.renderer_description  # known from the first camera on
            self._definitions = {value.id: value for value in self.world.definitions()}
        return self._definitions

    def spawn(
        self, blueprint_id: str, attributes: Mapping[str, str], transform: Array, parent_id: int = 0, wanted_id: int = 0
    ) -> Actor:
        """Create an actor; `transform` (4, 4) is relative to the parent where there is one, `wanted_id` an id or 0.

        Raises:
            SpawnRefused: if the blueprint, its attributes or the place do not allow it, or the world is full.
            ActorNotFound: if there is no such parent.
        """
        if len(self.world.actors) >= MAX_ACTORS:
            raise SpawnRefused(f"Spawn failed: {MAX_ACTORS} actors are there; destroy some")
        empty = not self.world.had_bodies
        actor = self.world.spawn(blueprint_id, attributes, transform, parent_id, wanted_id)
        if empty and actor.body is not None and self.settings.synchronous:
            self._restart_scene_clock()
        if actor.kind == "sensor":
            try:
                self.sensors.add(actor, self.world.frame, self.world.elapsed_s)
            except SpawnRefused:
                self.world.destroy(actor.id)
                raise
            if self.sensors.renderer_description != self.world.facts["gl_renderer"]:
                self._definitions = None
        return actor

    def destroy(self, actor_id: int) -> bool:
        """Remove an actor; False if there is none, or it belongs to the town."""
        self.sensors.remove(actor_id)
        return self.world.destroy(actor_id)

    def wire_actor(self, actor: Actor) -> WireActor:
        """An actor as it travels, with the token of its stream if it is a sensor."""
        return structs.actor(actor, self.definitions().get(actor.blueprint_id), self.sensors.token(actor.id))

    def tick(self) -> int:
        """Advance one frame and return its number; its snapshot is out, its sensors are being made.

        First waits until subscribers that announced themselves have arrived and the last frame's sensors are done.

        Raises:
            CallError: if a sensor of the last frame failed.
        """
        with self._ticking:
            self.streams.wait_for_expected()
            self.sensors.finish()
            with self.lock:
                made = self._advance(self.settings.fixed_delta_s or DEFAULT_DELTA_S)
            self._send(made, patient=True)
            return made.number

    def tick_freely(self, elapsed_s: float) -> None:
        """Advance one frame without waiting for anybody, unless the world has become synchronous.

        Args:
            elapsed_s: length of the tick where the settings fix none.
        """
        with self._ticking:
            with self.lock:
                if self.settings.synchronous:
                    return
                made = self._advance(self.settings.fixed_delta_s or min(max(elapsed_s, 0.001), _MAX_DELTA_S))
            self._send(made, patient=False)

    def _advance(self, delta_s: float) -> _Frame:
        self.replayer.before_step(delta_s)
        self.world.step(delta_s)
        self.replayer.after_step()
        self.recorder.after_step(self.world)
        cameras = not self.settings.no_rendering
        due = self.sensors.collect(self.world, self.scene, delta_s, self._describe, cameras=cameras)
        flags = LIGHTS_CHANGED if self.street_lights.changed else 0
        self.street_lights.changed = False
        return _Frame(self.world.frame, snapshot(self.world, delta_s, flags), due)

    def _send(self, frame: _Frame, *, patient: bool) -> None:
        self.streams.publish(WORLD_OBSERVER, [frame.snapshot], patient=patient)
        self.sensors.expose(frame.due, patient=patient)

    def scene(self) -> Scene:
        """What sensors see of the frame, on the scene's own clock."""
        with self.lock:
            frame, begun_s = self._scene_zero
            scene = replace(
                self.world.scene(),
                street_light=self.street_lights.shine(),
                strokes=self.debug_shapes.strokes(self.world.frame, self.world.elapsed_s),
            )
        # rounded: sums of ticks that began elsewhere differ in their last bits
        return replace(scene, frame=scene.frame - frame, elapsed_s=round(scene.elapsed_s - begun_s, 6))

    def change_scenery(self, change: Callable[[Scenery], None]) -> None:
        """Change what of the town is there, for sensors and for who moves, from the next frame on.

        Raises:
            CallError: if a sensor of the last frame failed, or cameras cannot go on.
        """
        with self._ticking:
            self.sensors.finish()
            with self.lock:
                change(self.world.scenery)
                self.world.stand_scenery()
                self.sensors.see(self.world.scenery.mesh)

    def load(self, town_name: str, *, reset_settings: bool, layers: int = ALL_LAYERS) -> None:
        """Begin a new episode in a town (of any spelling `find_town` knows); all actors and sensors are gone.

        An empty name, which `carla.Client.reload_world` sends, is the present town. `layers` of it are there.

        Raises:
            CallError: if there is no such town.
        """
        town, called = self.town, self._called
        if town_name:
            town, alias = self.find_town(town_name), town_name.rsplit("/", 1)[-1]
            called = alias if alias in self._aliases else _wire_name(town.name)
        with self._ticking:
            try:
                self.sensors.finish()
            except CallError as error:
                log.warning("%s; the episode it was for is over", error)
            with self.lock:
                self.recorder.stop()
                self.replayer.drop()
                if town is self.town:
                    self.street_lights.reset()
                else:
                    self.street_lights = StreetLights(town.mesh)
                self.town, self._called = town, called
                self._definitions = None
                self.sensors.reset(self.town)
                self.world.reset(self.town)
                if layers != ALL_LAYERS:
                    self.world.scenery.load(ALL_LAYERS & ~layers, False)
                    self.world.stand_scenery()
                    self.sensors.see(self.world.scenery.mesh)
                self.debug_shapes.clear()
                self._restart_scene_clock()
                if reset_settings:
                    self.apply_settings(EpisodeSettings())
                # clients take only snapshots of a higher frame, so the first of the new episode is a step ahead
                delta_s = self.settings.fixed_delta_s or DEFAULT_DELTA_S
                self.world.step(delta_s)
                first, patient = snapshot(self.world, delta_s, MAP_CHANGED), self.settings.synchronous
            self.navigation()
            if self._warm:
                self.sensors.warm(self.scene())
            self.streams.publish(WORLD_OBSERVER, [first], patient=patient)

    def take_opendrive(self, text: str) -> None:
        """Build the town of an OpenDRIVE text; from now on it is what the name OpenDriveMap stands for.

        Raises:
            CallError: if the text cannot be used.
        """
        try:
            self._sent = towns.from_opendrive(text)
        except DocumentError as error:
            raise CallError(f"copy_opendrive_to_file: {error}") from error

    def find_town(self, name: str) -> Town:
        """The town of AvSynth01, AvSynth01_<hash>, OpenDriveMap, an alias, or any with a path before it.

        Raises:
            CallError: if there is no such town.
            DocumentError: if an alias stands for a file that cannot be used.
        """
        base = name.rsplit("/", 1)[-1]
        if base == towns.OPENDRIVE_TOWN and self._sent is not None:
            return self._sent
        if base in self._aliases:
            return towns.find(self._aliases[base])
        for known in towns.names():
            if base == known or (base.startswith(f"{known}_") and base == _wire_name(known)):
                return towns.load(known)
        hint = "; no OpenDRIVE text was sent" if base == towns.OPENDRIVE_TOWN else ""
        wanted = f"want one of {', '.join((*towns.names(), *self._aliases))}"
        if base in CARLA_TOWNS:
            wanted += ", or start the simulator with --alias carla, which gives its towns CARLA's names"
        raise CallError(f"Map '{name}' not found{hint}; {wanted}")

    def available_maps(self) -> list[str]:
        """Every town as its map is called, and every alias."""
        sent = [] if self._sent is None else [_wire_name(self._sent.name)]
        return [f"/Game/{_MAP_FOLDER}/{name}" for name in (*map(_wire_name, towns.names()), *self._aliases, *sent)]

    def navigation(self) -> tuple[str, bytes]:
        """Name and content of the file of the town's navigation mesh; no content where nobody can walk.

        The content is part of the name, for clients keep such files, and ask for them, by name alone. It is made with
        the town: every client asks for it with its first tick, and waits no longer than it does for any answer.
        """
        with self._navigating:
            with self.lock:
                town, parked = self.town, [car.footprint for car in self.world.scenery.level_cars]
            if self._navigation is None or self._navigation[0] != town.digest:
                self._navigation = town.digest, navigation_mesh(town, parked)
            mesh = self._navigation[1]
        return f"{_NAVIGATION_FOLDER}/{town.name}_{hashlib.sha256(mesh).hexdigest()[:8]}.bin", mesh

    def _restart_scene_clock(self) -> None:
        self._scene_zero = (self.world.frame, self.world.elapsed_s)

    def _describe(self, actor_id: int, tag: Tag) -> WireActor:
        actor = self.world.actors.get(actor_id)
        return structs.static_actor(tag) if actor is None else self.wire_actor(actor)


def _wire_name(name: str) -> str:
    # of the text alone: a list of maps must not build every town
    return name if name == towns.OPENDRIVE_TOWN else f"{name}_{towns.map_hash(name)[:8]}"
