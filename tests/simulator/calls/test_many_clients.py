"""Several clients at once, those that come late, and those that die."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import carla
import pytest
from carla import command

from tests.simulator.server_process import connect

_DYING = """
import sys, carla
client = carla.Client("127.0.0.1", int(sys.argv[1]))
client.set_timeout(20.0)
client.set_files_base_folder(sys.argv[2])
world = client.get_world()
library = world.get_blueprint_library()
car = world.spawn_actor(library.find("vehicle.audi.tt"), world.get_map().get_spawn_points()[5])
lidar = world.spawn_actor(library.find("sensor.lidar.ray_cast"), carla.Transform(), attach_to=car)
lidar.listen(lambda data: None)
print(car.id, flush=True)
while True:
    world.tick()
"""


@pytest.fixture
def caches(tmp_path_factory):
    return tmp_path_factory.mktemp("caches")


def test_who_comes_late_finds_the_world_as_it_is_before_any_frame(pair, caches):
    car = pair.car()
    pair.a.set_weather(carla.WeatherParameters.HardRainSunset)
    frame = pair.tick().frame

    late = connect(pair.port, caches).get_world()

    deadline = time.monotonic() + 20.0
    while late.get_snapshot().frame == 0 and time.monotonic() < deadline:  # the stream brings it, and nobody ticks
        time.sleep(0.01)
    assert late.get_snapshot().frame == frame
    assert late.get_actor(car.id).get_location() == pair.seen(car).get_location()
    assert late.get_weather() == carla.WeatherParameters.HardRainSunset
    assert late.get_settings() == pair.a.get_settings()


def test_frames_that_many_ask_for_at_once_are_made_one_after_the_other(pair, caches):
    first = pair.tick().frame
    worlds = [connect(pair.port, caches / str(k)).get_world() for k in range(3)]

    with ThreadPoolExecutor(len(worlds)) as pool:
        made = [
            frame for frames in pool.map(lambda world: [world.tick() for _ in range(10)], worlds) for frame in frames
        ]

    assert sorted(made) == list(range(first + 1, first + 31))


def test_what_many_spawn_at_once_are_different_actors_that_everybody_sees(pair, caches):
    clients = [connect(pair.port, caches / str(k)) for k in range(3)]
    blueprint = pair.library.find("vehicle.audi.a2")

    def spawn(k: int) -> list[int]:
        batch = [command.SpawnActor(blueprint, pair.places[k + 3 * n]) for n in range(4)]
        return [answer.actor_id for answer in clients[k].apply_batch_sync(batch, False)]

    with ThreadPoolExecutor(len(clients)) as pool:
        spawned = [actor_id for ids in pool.map(spawn, range(3)) for actor_id in ids]
    pair.tick()

    assert len(set(spawned)) == 12
    assert {actor.id for actor in pair.b.get_actors().filter("vehicle.*")} == set(spawned)


def test_one_client_takes_over_and_destroys_what_another_has_spawned(pair):
    car = pair.car()
    pair.seen(car).apply_control(carla.VehicleControl(throttle=0.7))
    pair.b.tick()
    for _ in range(10):
        pair.a.tick()

    assert car.get_control().throttle == pytest.approx(0.7)
    assert car.get_velocity().length() > 0.5
    assert pair.seen(car).destroy()
    pair.a.tick()
    assert car.id not in {actor.id for actor in pair.a.get_actors()}


def test_a_client_that_is_killed_leaves_its_actors_and_the_world_goes_on_for_the_others(pair, caches):
    process = subprocess.Popen([sys.executable, "-c", _DYING, str(pair.port), str(caches)], stdout=subprocess.PIPE)
    with process:
        car_id = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)

    before = pair.tick().frame
    pair.tick(5)

    assert pair.b.get_snapshot().frame == before + 5
    assert pair.b.get_actor(car_id).type_id == "vehicle.audi.tt"
    assert pair.b.get_actor(car_id).destroy()
