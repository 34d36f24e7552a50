"""CARLA's own walker AI, which runs in the client, in our towns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import carla
import numpy as np
import numpy.typing as npt
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from av_synth.simulator import town as towns
from av_synth.simulator.town import Town
from tests.simulator.own_map import own_map
from tests.simulator.server_process import connect, fresh_world
from tests.straight_road import straight_road

TICKS_A_SECOND = 20
DEEP_M = 0.2  # that far into a road nobody gets by walking along its kerb
OTHERS = ("AvSynth02", "AvSynth03", "AvSynth05", "AvSynth06")
EACH_TOWN = ["AvSynth01", *(pytest.param(name, marks=pytest.mark.long) for name in OTHERS)]


@pytest.fixture(scope="module")
def client(native_port: int, tmp_path_factory: pytest.TempPathFactory) -> carla.Client:
    client = connect(native_port, tmp_path_factory.mktemp("cache"))
    client.set_timeout(60.0)
    return client


@dataclass
class Crowd:
    """People led by the AI, all over a town."""

    world: carla.World
    walkers: list[carla.Walker]
    controllers: list[carla.WalkerAIController]

    @staticmethod
    def of(world: carla.World, count: int, *, seed: int, crossing: float) -> Crowd:
        world.tick()
        world.set_pedestrians_seed(seed)
        world.set_pedestrians_cross_factor(crossing)
        library = world.get_blueprint_library()
        blueprint = library.find("walker.pedestrian.0001")
        walkers: list[carla.Walker] = []
        while len(walkers) < count:
            place = world.get_random_location_from_navigation() + carla.Location(z=1.0)
            walker = world.try_spawn_actor(blueprint, carla.Transform(place))
            walkers += [] if walker is None else [walker]
        ai = library.find("controller.ai.walker")
        controllers = [world.spawn_actor(ai, carla.Transform(), attach_to=walker) for walker in walkers]
        world.tick()
        for controller in controllers:
            controller.start()
        for controller in controllers:
            controller.go_to_location(world.get_random_location_from_navigation())
            controller.set_max_speed(1.5)
        return Crowd(world, walkers, controllers)

    def walk(self, seconds: float) -> npt.NDArray[np.float64]:
        """(T, N, 3), where each was at every tick, in the right-handed world; heights are of the feet."""
        seen = []
        for _ in range(round(seconds * TICKS_A_SECOND)):
            self.world.tick()
            snapshot = self.world.get_snapshot()
            at = [snapshot.find(walker.id).get_transform().location for walker in self.walkers]
            seen.append([(p.x, -p.y, p.z) for p in at])
        box = self.walkers[0].bounding_box
        return np.array(seen) - [0.0, 0.0, box.extent.z - box.location.z]


@cache
def carriageway(name: str) -> BaseGeometry:
    """What of a town's carriageway is not a crosswalk, without its edges."""
    town = towns.load(name)
    corners = [(p.x, -p.y) for p in carla.Map(name, town.opendrive).get_crosswalks()]
    zebras, ring = [], []
    for corner in corners:
        ring.append(corner)
        if len(ring) > 1 and ring[0] == corner:
            zebras.append(shapely.Polygon(ring).buffer(DEEP_M, join_style="mitre"))
            ring = []
    road = shapely.difference(town.carriageway.buffer(-DEEP_M), shapely.union_all(zebras))
    shapely.prepare(road)
    return road


def walls(town: Town) -> BaseGeometry:
    area = shapely.union_all([shapely.Polygon(foot.polygon) for foot in town.footprints])
    shapely.prepare(area)
    return area


def lengths(way: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N,) metres that each of a walk (T, N, 3) went."""
    return np.linalg.norm(np.diff(way[..., :2], axis=0), axis=2).sum(axis=0)


def among(area: BaseGeometry, places: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return shapely.contains_xy(area, places[..., 0], places[..., 1])


@pytest.mark.parametrize("name", EACH_TOWN)
def test_random_places_are_on_the_pavement(client, name):
    world = fresh_world(client, name)
    world.tick()
    town = towns.load(name)
    places = [world.get_random_location_from_navigation() for _ in range(100)]
    at = np.array([(p.x, -p.y, p.z) for p in places])
    assert not among(town.carriageway, at).any()
    assert not among(walls(town), at).any()
    assert np.abs(at[:, 2] - town.ground_height_m(at[:, 0], at[:, 1])).max() < 0.3
    assert (np.ptp(at[:, :2], axis=0) > 150.0).all()


@pytest.mark.parametrize("name", EACH_TOWN)
def test_a_crowd_walks_for_a_minute_through_no_wall_and_crosses_where_it_may(client, name):
    town = towns.load(name)
    way = Crowd.of(fresh_world(client, name), 20, seed=5, crossing=0.0).walk(60.0)
    assert (lengths(way) > 40.0).all()
    assert not among(walls(town), way).any()
    assert not among(carriageway(name), way).any()
    off = np.abs(way[2:, :, 2] - town.ground_height_m(way[2:, :, 0], way[2:, :, 1]))
    assert off.max() < 0.2  # beside a kerb, which the mesh is straighter than
    assert (off < 0.05).mean() > 0.95


@pytest.mark.parametrize(("crossing", "gets_there"), [(1.0, True), (0.0, False)])
def test_roads_are_crossed_by_those_who_may(client, crossing, gets_there):
    world = fresh_world(client)
    world.tick()
    world.set_pedestrians_cross_factor(crossing)
    # before a road the client waits while the nearest light is green, however far away, in the first world of a process
    world.freeze_all_traffic_lights(True)
    for light in world.get_actors().filter("traffic.traffic_light"):
        light.set_state(carla.TrafficLightState.Red)
    here, there = carla.Location(300.0, -52.0, 0.12), carla.Location(300.0, -68.0, 0.12)  # far from any crosswalk
    library = world.get_blueprint_library()
    walker = world.spawn_actor(library.find("walker.pedestrian.0002"), carla.Transform(here + carla.Location(z=1.0)))
    controller = world.spawn_actor(library.find("controller.ai.walker"), carla.Transform(), attach_to=walker)
    world.tick()
    controller.start()
    controller.go_to_location(there)
    controller.set_max_speed(1.5)
    crowd = Crowd(world, [walker], [controller])
    way = crowd.walk(14.0)
    assert among(carriageway("AvSynth01"), way).any() == gets_there
    assert (np.hypot(way[:, 0, 0] - there.x, way[:, 0, 1] + there.y).min() < 1.5) == gets_there


def test_the_same_seed_gives_the_same_walk(client):
    ways = [Crowd.of(fresh_world(client), 8, seed=seed, crossing=0.5).walk(5.0) for seed in (3, 3, 4)]
    assert (ways[0] == ways[1]).all()
    assert np.abs(ways[0][0] - ways[2][0]).max() > 10.0


def test_speeds_are_kept_and_who_is_stopped_stands(client):
    crowd = Crowd.of(fresh_world(client), 4, seed=6, crossing=0.0)
    for controller in crowd.controllers:
        controller.set_max_speed(0.8)
    crowd.walk(3.0)
    assert 0.7 < max(np.hypot(w.get_velocity().x, w.get_velocity().y) for w in crowd.walkers) < 0.9
    assert lengths(crowd.walk(5.0)).max() < 4.1
    for controller in crowd.controllers:
        controller.stop()
    crowd.walk(0.1)
    assert lengths(crowd.walk(1.0)).max() == 0.0


def test_where_nobody_can_walk_there_is_no_place(client):
    world = client.generate_opendrive_world(straight_road())
    assert world.get_random_location_from_navigation() is None
    assert client.get_required_files("Nav", False) == []


def test_people_walk_on_a_map_that_was_sent(client):
    world = client.generate_opendrive_world(own_map())
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 1.0 / TICKS_A_SECOND
    world.apply_settings(settings)
    way = Crowd.of(world, 3, seed=1, crossing=0.0).walk(5.0)
    assert (lengths(way) > 1.0).all()


def test_files_are_named_by_what_is_in_them(client):
    names = []
    narrower = own_map().replace('a="3.5"', 'a="3.3"')
    assert narrower != own_map()
    for text in (own_map(), narrower, own_map()):
        client.generate_opendrive_world(text)
        names.append(list(client.get_required_files("Nav", False)))
    assert names[0] == names[2] != names[1]
    assert len(names[0]) == len(names[1]) == 1
    assert client.get_required_files("TM", False) == []
    with pytest.raises(RuntimeError, match="get_required_files"):
        client.request_file("Carla/Maps/Nav/AvSynth01.bin")
