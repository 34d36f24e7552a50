"""Many cars of the client's Traffic Manager, and what each did by the world's own truth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import carla
import numpy as np
import shapely
from server_process import TICK_S

from av_synth.session.traffic_manager import start_traffic_manager
from av_synth.simulator import town as towns

_LOOK_EVERY = 5  # ticks between two looks at the road under the wheels
_MOVES_MPS = 0.1


@dataclass
class Drive:
    """How one vehicle drove.

    Attributes:
        metres: how far.
        red: how often its nose and then its middle crossed a stop line while the light was red all the time.
        off_road_s: longest time without a wheel, or with its middle off the carriageway.
        stands_s: how long it has stood at the end.
        longest_s: longest it stood.
        place: where it is at the end, x and y in the world.
        removed_s: when the Traffic Manager took it away, which it does with who stands for 90 s; None if it did not.
    """

    metres: float = 0.0
    red: int = 0
    off_road_s: float = 0.0
    stands_s: float = 0.0
    longest_s: float = 0.0
    place: tuple[float, float] = (0.0, 0.0)
    removed_s: float | None = None
    _last: tuple[float, float] | None = None
    _off_s: float = 0.0
    _nosed: dict[int, bool] = field(default_factory=dict)  # stop line -> red when the nose crossed it


class _StopLines:
    """The stop lines of a town: end of a lane before a light, with the light's sign id."""

    def __init__(self, town: towns.Town) -> None:
        self.signs, middles, along, widths = [], [], [], []
        for light in town.traffic_lights:
            for area, heading in zip(light.stop_areas, light.stop_headings_rad, strict=True):
                forward = np.array([math.cos(heading), math.sin(heading)])
                ends = area[np.argsort(area @ forward)[2:]]
                self.signs.append(light.signal_id)
                middles.append(ends.mean(axis=0))
                along.append(forward)
                widths.append(float(np.hypot(*(ends[1] - ends[0]))) / 2.0)
        self.middles = np.array(middles).reshape(-1, 2)
        self.along = np.array(along).reshape(-1, 2)
        self.half_m = np.array(widths)

    def crossed(self, before: tuple[float, float], here: tuple[float, float], heading: np.ndarray) -> list[int]:
        """Which lines a point has crossed on its way along their lanes."""
        if not self.signs:
            return []
        a, b = np.array(before) - self.middles, np.array(here) - self.middles
        was, now = (a * self.along).sum(axis=1), (b * self.along).sum(axis=1)
        aside = np.abs(b[:, 0] * self.along[:, 1] - b[:, 1] * self.along[:, 0])
        found = (was <= 0.0) & (now > 0.0) & (aside < self.half_m) & (self.along @ heading > 0.5)
        return [int(k) for k in np.flatnonzero(found)]


@contextmanager
def traffic(
    client: carla.Client, world: carla.World, count: int, seed: int, *, hybrid: bool = False
) -> Iterator[list[carla.Actor]]:
    """Cars of a seeded, synchronous Traffic Manager at spawn points drawn by the seed.

    With `hybrid` only those near the first, the hero, have physics, and those far from it are put near it.
    """
    manager = start_traffic_manager(client, seed)
    if hybrid:
        manager.set_hybrid_physics_mode(True)
        manager.set_hybrid_physics_radius(70.0)
        manager.set_respawn_dormant_vehicles(True)
        manager.set_boundaries_respawn_dormant_vehicles(25.0, 300.0)
    world.tick()  # the manager's first round goes by its own clock: nobody is there yet
    rng = np.random.default_rng(seed)
    points = world.get_map().get_spawn_points()
    library = world.get_blueprint_library()
    models = sorted(
        b.id
        for b in library.filter("vehicle.*")
        if b.has_attribute("base_type") and b.get_attribute("base_type") == "car"
    )
    cars: list[carla.Actor] = []
    for k in rng.permutation(len(points)):
        if len(cars) == count:
            break
        blueprint = library.find(models[int(rng.integers(len(models)))])
        if hybrid and not cars:
            blueprint.set_attribute("role_name", "hero")
        car = world.try_spawn_actor(blueprint, points[int(k)])
        if car is not None:
            car.set_autopilot(True, manager.get_port())
            cars.append(car)
    try:
        yield cars
    finally:
        manager.shut_down()


def watch(world: carla.World, cars: list[carla.Actor], seconds: float) -> dict[int, Drive]:
    """Tick for some seconds and see how each car drives."""
    town = towns.load(world.get_map().name.rsplit("/", 1)[-1].split("_")[0])
    lines = _StopLines(town)
    lights = {light.get_opendrive_id(): light.id for light in world.get_actors().filter("traffic.traffic_light")}
    watched = {car.id: (car, car.bounding_box.extent) for car in cars}
    found = {actor_id: Drive() for actor_id in watched}
    known = {light_id: world.get_actor(light_id) for light_id in lights.values()}
    for tick in range(round(seconds / TICK_S)):
        world.tick()
        snapshot = world.get_snapshot()
        red = {sign: known[light_id].state == carla.TrafficLightState.Red for sign, light_id in lights.items()}
        looks = tick % _LOOK_EVERY == 0
        for actor_id, (_, half) in watched.items():
            state, drive = snapshot.find(actor_id), found[actor_id]
            if state is None:
                drive.removed_s = tick * TICK_S if drive.removed_s is None else drive.removed_s
                continue
            pose, speed = state.get_transform(), state.get_velocity().length()
            yaw = math.radians(-pose.rotation.yaw)
            heading = np.array([math.cos(yaw), math.sin(yaw)])
            here = (pose.location.x, -pose.location.y)
            _lines(drive, lines, here, heading, half.x, red)
            if drive._last is not None:
                drive.metres += math.dist(drive._last, here)
            drive._last = drive.place = here
            drive.stands_s = drive.stands_s + TICK_S if speed < _MOVES_MPS else 0.0
            drive.longest_s = max(drive.longest_s, drive.stands_s)
            if looks:
                off = _off_road(town, here, heading, half.x * 0.6, half.y * 0.8)
                drive._off_s = drive._off_s + TICK_S * _LOOK_EVERY if off else 0.0
                drive.off_road_s = max(drive.off_road_s, drive._off_s)
    return found


def _lines(
    drive: Drive, lines: _StopLines, here: tuple[float, float], heading: np.ndarray, nose_m: float, red: dict[str, bool]
) -> None:
    if drive._last is None:
        return
    nose = tuple(np.array(here) + heading * nose_m)
    before = tuple(np.array(drive._last) + heading * nose_m)
    for k in lines.crossed(before, nose, heading):
        drive._nosed[k] = red[lines.signs[k]]
    for k in list(drive._nosed):
        drive._nosed[k] &= red[lines.signs[k]]
    for k in lines.crossed(drive._last, here, heading):
        drive.red += int(drive._nosed.pop(k, False))


def _off_road(town: towns.Town, here: tuple[float, float], heading: np.ndarray, ahead_m: float, aside_m: float) -> bool:
    left = np.array([-heading[1], heading[0]])
    signs = [(0, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)]
    points = np.array([np.array(here) + heading * ahead_m * a + left * aside_m * b for a, b in signs])
    on = shapely.contains_xy(town.carriageway, points[:, 0], points[:, 1])
    return not on[0] or not on[1:].any()
