"""Measures on any server which habits of Unreal's it has, as far as they show from outside.

docs/reference/ue4-profile.md lists them. It plays a session of its own: a car, a walker and a two-wheeler, small
cameras, some hundred ticks.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import carla
import numpy as np
import numpy.typing as npt

from av_synth.errors import CastError, SimulatorError, SpawnError
from av_synth.geometry.carla import matrix_from_transform, transform_from_matrix, vector_from_carla, vector_to_carla
from av_synth.geometry.transforms import Array, from_yaw
from av_synth.launch import Address
from av_synth.scenario.weather import PRESETS
from av_synth.sensing.tags import Tag
from av_synth.session.attach import open_session
from av_synth.session.errors import client_errors
from av_synth.session.session import Session

TICK_US = 50_000
FRAMES = 55
NOT_MEASURED = {
    "worn_tyres": "no vehicle is known that this one could be compared with",
    "laden": "no vehicle is known that this one could be compared with",
}
_ABOVE_M = 60.0  # over the houses, where nothing is in the way
_LIFT_M = 0.35
_WAIT_S = 30.0
_GREETING_S = 5.0
_WIDTH, _HEIGHT = 64, 36
_SLOW_TICK_S = 0.12  # no multiple of the tick
_CAMERAS = ("rgb", "depth", "instance_segmentation")
_BRIGHT, _CHANGED = 1.05, 0.8
_FEW_IDS = 64
_OF_A_CAR = (Tag.RIDER, Tag.CAR, Tag.TRUCK, Tag.BUS, Tag.MOTORCYCLE, Tag.BICYCLE)  # whatever it is taken for


@dataclass(frozen=True)
class Finding:
    """One habit: whether the server has it (None: it could not be measured) and what was seen."""

    has: bool | None
    observed: str


@dataclass
class Probed:
    """What a server is like.

    Attributes:
        version: that it tells.
        town: in which it was measured.
        habits: by the name of the switch.
        facts: what both of this simulator's profiles have in common, by a name of its own.
    """

    version: str
    town: str
    habits: dict[str, Finding] = field(default_factory=dict)
    facts: dict[str, Finding] = field(default_factory=dict)

    @property
    def profile(self) -> str:
        """The profile of the embedded simulator that has just these habits."""
        return "native" + "".join(f"+{name}" for name, found in self.habits.items() if found.has)

    def to_json(self) -> dict[str, object]:
        """As plain values, for YAML."""

        def plain(findings: dict[str, Finding]) -> dict[str, object]:
            return {name: {"has": found.has, "observed": found.observed} for name, found in findings.items()}

        measured = {"version": self.version, "town": self.town, "profile": self.profile}
        return {**measured, "habits": plain(self.habits), "facts": plain(self.facts)}


def probe(address: Address, cache: Path) -> Probed:
    """Measure a server, in a new episode of the town that it has loaded; then it is given back.

    Raises:
        OccupiedError: if somebody uses it, and it is not to be adopted.
        SimulatorError: if it cannot be measured.
        CastError: if it has no vehicle, or no place for one.
    """
    with client_errors(address, "asking for the town"):
        client = carla.Client(address.host, address.port)
        client.set_timeout(_WAIT_S)
        client.set_files_base_folder(str(cache))
        town = str(client.get_world().get_map().name)
    with open_session(address, town, TICK_US, 0, cache) as session, client_errors(address, "being measured"):
        return _Probe(session, client.get_server_version()).measure()


class _Probe:
    def __init__(self, session: Session, version: str) -> None:
        self._session = session
        self._found = Probed(version, session.town)
        self._library = {found.id: found for found in session.library}
        points = session.map.get_spawn_points()
        if not points:
            raise CastError(f"simulator at {session.address}: {session.map.name} has no spawn points; want a place")
        self._street = matrix_from_transform(session.map.get_waypoint(points[0].location).transform)

    def measure(self) -> Probed:
        session, habits = self._session, self._found.habits
        session.set_weather(PRESETS["clear_noon"])
        session.tick()
        ours = [name for name in self._library if "avsynth" in name]
        habits["stock_library"] = Finding(not ours, f"{len(self._library)} blueprints, {len(ours)} named avsynth.*")
        self._level_cars()
        self._boxes()
        car = self._spawn_lift()
        self._cameras(car)
        self._late_controls(car)
        self._mute_observer()
        for name, why in NOT_MEASURED.items():
            habits[name] = Finding(None, f"not measured: {why}")
        return self._found

    def _level_cars(self) -> None:
        labels = carla.CityObjectLabel
        found = [
            thing
            for label in (labels.Car, labels.Truck, labels.Bus)
            for thing in self._session.world.get_environment_objects(label)
        ]
        self._found.habits["level_cars"] = Finding(bool(found), f"{len(found)} vehicles are parts of the town")
        self._session.hide_town_objects([thing.id for thing in found])  # they would be in the way

    def _boxes(self) -> None:
        """A walker's box that is as long as wide and about its origin is a capsule's."""
        cycles = [found.id for found in self._vehicles(2)]
        walkers = sorted(name for name in self._library if name.startswith("walker."))
        told, wrong = [], False
        for number, type_id in enumerate((*cycles[:1], *walkers[:1])):
            actor = self._session.spawn_unlabelled(type_id, self._above(5.0 * number))
            box = actor.bounding_box
            half, centre = np.array([box.extent.x, box.extent.y, box.extent.z]), vector_from_carla(box.location)
            told.append(f"{type_id}: half sizes {_told(half)} m about {_told(centre)}")
            capsule = type_id.startswith("walker.") and half[0] == half[1] and np.abs(centre).max() < 1e-3
            wrong = wrong or bool(capsule or half[1] < 0.01)
        self._found.habits["reported_boxes"] = Finding(wrong if told else None, "; ".join(told) or "no such bodies")

    def _spawn_lift(self) -> carla.Actor:
        """Spawn a car on the very ground, and above it where that is refused."""
        cars = self._vehicles(4)
        if not cars:
            raise CastError(f"simulator at {self._session.address}: its library has no vehicle with four wheels")
        type_id = cars[0].id
        try:
            car, refused = self._session.spawn(type_id, self._street, role="car"), ""
        except SpawnError as error:
            refused = str(error)
            car = self._session.spawn(type_id, self._lifted(), role="car")
        told = f"on the ground: {refused or 'spawned'}"
        self._found.habits["spawn_lift"] = Finding(bool(refused), told)
        place = vector_from_carla(car.get_location())
        self._found.facts["no_place_before_the_first_tick"] = Finding(not bool(place.any()), f"at {_told(place)} m")
        self._session.tick()
        wheels = [vector_from_carla(wheel.position) for wheel in car.get_physics_control().wheels]
        off_m = float(np.abs(np.array(wheels) / 100.0 - vector_from_carla(car.get_location())).max()) if wheels else 0.0
        self._found.facts["wheels_in_world_centimetres"] = Finding(
            off_m < 10.0 if wheels else None, f"read so they are {off_m:.2f} m from the car's origin at most"
        )
        moved = self._street @ from_yaw(2.0, 0.0, _LIFT_M, 0.0)
        car.set_simulate_physics(False)
        car.set_transform(transform_from_matrix(moved))
        self._session.tick()
        speed = float(np.linalg.norm(vector_from_carla(car.get_velocity())))
        self._found.facts["no_velocity_when_moved"] = Finding(speed < 1.0, f"2 m in a tick: {speed:.2f} m/s")
        return car

    def _cameras(self, car: carla.Actor) -> None:
        session, arrivals = self._session, list[str]()
        queues: dict[str, queue.SimpleQueue[Any]] = {}
        size = {"image_size_x": str(_WIDTH), "image_size_y": str(_HEIGHT), "fov": "90"}

        def listen(name: str, type_id: str, attributes: dict[str, str], height_m: float) -> None:
            # from behind and above, so that the car is in the picture
            sensor = session.spawn_sensor(type_id, attributes, car, from_yaw(-7.0, 0.0, height_m, 0.0))
            found: queue.SimpleQueue[Any] = queue.SimpleQueue()
            queues[name] = found

            def put(measurement: Any) -> None:
                arrivals.append(name)
                found.put(measurement)

            sensor.listen(put)

        for number, kind in enumerate(_CAMERAS):
            listen(kind, f"sensor.camera.{kind}", size, 3.0 + 0.2 * number)
        imu = {"sensor_tick": str(_SLOW_TICK_S)}
        listen("slow", "sensor.other.imu", imu, 0.0)
        frames = [session.tick().frame for _ in range(FRAMES)]
        images = {kind: [_next(queues[kind]) for _ in frames] for kind in _CAMERAS}
        slow = arrivals.count("slow")
        self._first_frames([_bgr(image) for image in images["rgb"]])
        self._ids(images["instance_segmentation"][-1], car.id)
        habits = self._found.habits
        wrong = sum(image.frame != frame for image, frame in zip(images["depth"], frames, strict=True))
        habits["wrong_frames"] = Finding(wrong > 0, f"{wrong} of {FRAMES} depth images of another frame")
        asked = FRAMES * TICK_US * 1e-6 / _SLOW_TICK_S
        habits["drifting_sensor_tick"] = Finding(
            slow < 0.9 * asked, f"sensor_tick {_SLOW_TICK_S} s: {slow} measurements, {asked:.0f} would be right"
        )
        of_cameras = [name for name in arrivals if name in _CAMERAS]
        in_order = sum(of_cameras[at : at + 3] == list(_CAMERAS) for at in range(0, len(of_cameras), 3))
        habits["late_images"] = Finding(
            in_order < FRAMES // 2, f"cameras came in the order of their spawn at {in_order} of {FRAMES} frames"
        )
        self._late_weather(queues["rgb"])

    def _first_frames(self, images: Sequence[npt.NDArray[np.uint8]]) -> None:
        blank = next((at for at, image in enumerate(images) if image.max() > 0), len(images))
        light = float(images[-1].mean())
        gain = float(images[min(blank, len(images) - 1)].mean()) / max(light, 1.0)
        self._found.habits["blank_first_frames"] = Finding(
            blank > 0 or gain > _BRIGHT, f"{blank} black images, the next {gain:.2f} times as bright as the last"
        )

    def _ids(self, image: Any, car_id: int) -> None:
        blue, green, red = (_bgr(image)[..., channel].astype(int) for channel in range(3))
        ids = green + 256 * blue
        found = sorted({int(each) for each in ids[np.isin(red, _OF_A_CAR)]})
        habits = self._found.habits
        if not found:
            habits["object_ids"] = habits["colliding_ids"] = Finding(None, "the car was not in the picture")
            return
        objects = car_id % 65536 not in found
        habits["object_ids"] = Finding(
            objects, f"the car, actor {car_id}, is seen with id {', '.join(map(str, found))}"
        )
        most = int(ids.max())
        habits["colliding_ids"] = Finding(objects and most < _FEW_IDS, f"the greatest id in the picture is {most}")

    def _late_weather(self, images: queue.SimpleQueue[Any]) -> None:
        session, light = self._session, list[float]()
        session.set_weather(PRESETS["clear_night"])
        for _ in range(20):
            session.tick()
            light.append(float(_bgr(_next(images)).mean()))
        dark = [at for at, each in enumerate(light) if each < _CHANGED * max(light)]
        after = dark[0] + 1 if dark and dark[0] > 0 else 1
        self._found.habits["late_weather"] = Finding(
            after > 1, f"night was to be seen at frame {after} after the change"
        )

    def _late_controls(self, car: carla.Vehicle) -> None:
        session = self._session
        car.set_transform(transform_from_matrix(self._lifted()))
        car.set_simulate_physics(True)
        car.apply_control(carla.VehicleControl())
        for _ in range(20):
            session.tick()
        car.set_target_velocity(vector_to_carla(10.0 * self._street[:3, 0]))
        speeds = []
        for number in range(8):
            if number == 4:
                car.apply_control(carla.VehicleControl(brake=1.0))
            session.tick()
            speeds.append(float(np.linalg.norm(vector_from_carla(car.get_velocity())[:2])))
        slower = -np.diff(speeds) / (TICK_US * 1e-6)
        coasting, first, second = float(slower[2]), float(slower[3]), float(slower[4])
        self._found.habits["late_controls"] = Finding(
            first - coasting < 0.3 < second - coasting if second - coasting > 0.3 else None,
            f"a full brake: {first:.1f} m/s2 at the first tick, {second:.1f} at the second, {coasting:.1f} without",
        )

    def _mute_observer(self) -> None:
        """Connect once more, and hear whether the last frame is told."""
        address = self._session.address
        other = carla.Client(address.host, address.port)
        other.set_timeout(_WAIT_S)
        world = other.get_world()
        deadline = time.monotonic() + _GREETING_S
        while (mute := _frame(world) == 0) and time.monotonic() < deadline:
            time.sleep(0.05)
        told = "nothing was heard" if mute else "the last frame was told"
        self._found.habits["mute_observer"] = Finding(mute, f"between two ticks {told}")

    def _vehicles(self, wheels: int) -> list[carla.ActorBlueprint]:
        found = sorted((each for each in self._session.library.filter("vehicle.*")), key=lambda each: str(each.id))
        return [
            each
            for each in found
            if each.has_attribute("number_of_wheels") and int(each.get_attribute("number_of_wheels")) == wheels
        ]

    def _above(self, aside_m: float) -> Array:
        return self._street @ from_yaw(0.0, aside_m, _ABOVE_M, 0.0)

    def _lifted(self) -> Array:
        return self._street @ from_yaw(0.0, 0.0, _LIFT_M, 0.0)


def _next(measurements: queue.SimpleQueue[Any]) -> Any:
    """The next measurement of a sensor.

    Raises:
        SimulatorError: if none comes.
    """
    try:
        return measurements.get(timeout=_WAIT_S)
    except queue.Empty:
        raise SimulatorError(f"no image came within {_WAIT_S:.0f} s; want one a tick") from None


def _frame(world: carla.World) -> int:
    return int(world.get_snapshot().frame)


def _bgr(image: Any) -> npt.NDArray[np.uint8]:
    pixels: npt.NDArray[np.uint8] = np.frombuffer(image.raw_data, dtype=np.uint8)
    return pixels.reshape(image.height, image.width, 4)[..., :3]


def _told(vector: Array) -> str:
    return ", ".join(f"{each:.2f}" for each in vector.tolist())
