"""Road networks of others, through the real client: each loads, is as high as its map says, and can be driven."""

from __future__ import annotations

import math
import queue
from pathlib import Path

import carla
import numpy as np
import numpy.typing as npt
import pytest
from server_process import connect

from av_synth.simulator import town as towns

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
FILES = sorted(SAMPLES.rglob("*.xodr"))
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not FILES, reason=f"no OpenDRIVE files of others under {SAMPLES}: their towns go untested"),
]
ROOM_M = 60.0  # on a road's last metres the Traffic Manager removes a vehicle


@pytest.fixture(scope="module")
def client(native_port: int, tmp_path_factory: pytest.TempPathFactory) -> carla.Client:
    client = connect(native_port, tmp_path_factory.mktemp("cache"))
    client.set_timeout(60.0)
    return client


def place(location: carla.Location) -> npt.NDArray[np.float64]:
    return np.array([location.x, location.y, location.z])


def route(waypoint: carla.Waypoint) -> npt.NDArray[np.float64]:
    """(N, 3) a point a metre along a lane and those that follow it."""
    way = []
    for _ in range(int(ROOM_M)):
        way.append(place(waypoint.transform.location))
        following = waypoint.next(1.0)
        if not following:
            break
        waypoint = following[0]
    return np.array(way)


def bend(waypoint: carla.Waypoint) -> float:
    """How far a lane turns within the room that the drive takes, degrees."""
    yaws = [waypoint.next(way)[0].transform.rotation.yaw for way in (ROOM_M / 4, ROOM_M / 2, ROOM_M)]
    return max(abs(math.remainder(yaw - waypoint.transform.rotation.yaw, 360.0)) for yaw in yaws)


def test_there_are_as_many_files_as_there_were():
    assert len(FILES) == 26


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_ground_of_a_file_is_that_of_its_map_at_200_places(path):
    town = towns.find(str(path))
    waypoints = carla.Map(path.stem, town.opendrive).generate_waypoints(2.0)
    rng = np.random.default_rng(7)
    at = np.array(
        [
            (w.transform.location.x, -w.transform.location.y, w.transform.location.z)
            for w in (waypoints[k] for k in rng.integers(len(waypoints), size=200))
        ]
    )
    off = np.abs(town.ground_height_m(at[:, 0], at[:, 1]) - at[:, 2])

    assert off.max() < 0.02
    assert not np.isnan(town.surface.height_m(at[:, :2])).any()
    assert (town.surface.height_m(at[:, :2]) > town.land.height_m(at[:, :2])).all()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_car_stands_on_the_road_of_a_file_and_drives_along_it_and_a_camera_sees_it(client, path):
    world = client.generate_opendrive_world(path.read_text(encoding="utf-8-sig"))
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    roads, library = world.get_map(), world.get_blueprint_library()
    starts = [(pose, roads.get_waypoint(pose.location)) for pose in roads.get_spawn_points()]
    start, lane = min((s for s in starts if s[1].next(ROOM_M)), key=lambda s: bend(s[1]))
    car = world.spawn_actor(library.find("vehicle.audi.a2"), start)
    for _ in range(10):
        world.tick()
    stood = car.get_location()
    way = route(lane)
    for _ in range(100):  # at 7 m/s, uphill too
        nearest = int(np.argmin(np.linalg.norm(way - place(car.get_location()), axis=1)))
        inverse = np.array(car.get_transform().get_inverse_matrix())
        forward, right = (inverse @ [*way[nearest + 6], 1.0])[:2]
        steer = float(np.clip(np.arctan2(right, forward), -1.0, 1.0))
        fast = car.get_velocity().length() > 7.0
        car.apply_control(carla.VehicleControl(throttle=0.0 if fast else 1.0, steer=steer))
        world.tick()
    drove = car.get_location()
    frames: queue.SimpleQueue[carla.Image] = queue.SimpleQueue()
    blueprint = library.find("sensor.camera.semantic_segmentation")
    blueprint.set_attribute("image_size_x", "160")
    blueprint.set_attribute("image_size_y", "90")
    above = carla.Transform(carla.Location(x=-8.0, z=5.0), carla.Rotation(pitch=-20.0))
    camera = world.spawn_actor(blueprint, above, attach_to=car)
    camera.listen(frames.put)
    world.tick()
    classes = np.frombuffer(frames.get(timeout=30).raw_data, dtype=np.uint8).reshape(90, 160, 4)[..., 2]
    camera.destroy()

    assert lane.lane_type == carla.LaneType.Driving
    assert stood.z == pytest.approx(roads.get_waypoint(stood).transform.location.z, abs=0.03)
    assert drove.distance(stood) > 20.0
    off = np.abs(way - place(drove))
    nearest = int(np.argmin(np.linalg.norm(off, axis=1)))
    assert np.hypot(*off[nearest, :2]) < 0.8
    assert off[nearest, 2] < 0.1
    assert {1, 14} <= set(np.unique(classes).tolist())
