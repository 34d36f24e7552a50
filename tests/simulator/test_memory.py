"""What is over leaves nothing: episodes after episodes, the simulator keeps no more than after the first few."""

from __future__ import annotations

import gc
import socket
import statistics
from collections import Counter
from collections.abc import Iterator

import carla
import numpy as np
import pytest

from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol.codec import EpisodeSettings
from av_synth.simulator.protocol.streams import StreamServer
from tools import bench_simulator

KEPT = 8  # objects of one kind; fewer than the episodes that could leave one each
EPISODES, WARM_UP = 300, 20


@pytest.fixture
def engine() -> Iterator[Engine]:
    streams = StreamServer(socket.create_server(("127.0.0.1", 0)))
    streams.start()
    engine = Engine("AvSynth01", streams)
    yield engine
    streams.stop()


def _play(engine: Engine) -> None:
    engine.load("AvSynth01", reset_settings=True)
    engine.apply_settings(EpisodeSettings(synchronous=True, fixed_delta_s=0.05))
    for k in range(20):
        car = engine.spawn("vehicle.audi.a2", {}, from_yaw(3000.0 + 20.0 * k, 3000.0, 0.5, 0.0))
    for blueprint in ("sensor.lidar.ray_cast", "sensor.other.imu", "sensor.other.collision"):
        engine.wire_actor(engine.spawn(blueprint, {}, np.eye(4), car.id))
    engine.world.set_target_velocity(car.id, np.array([-30.0, 0.0, 0.0]))  # into the one behind
    for _ in range(30):
        engine.tick()
    for actor_id in [*engine.world.actors][5::2]:
        engine.destroy(actor_id)


def _objects() -> Counter[str]:
    gc.collect()
    return Counter(type(thing).__qualname__ for thing in gc.get_objects())


def test_an_episode_that_is_over_leaves_no_objects(engine):
    for _ in range(10):  # what is imported, and kept, on first use
        _play(engine)
    _objects()  # which keeps something itself on first use
    before = _objects()
    for _ in range(9):
        _play(engine)

    grown = {name: count - before[name] for name, count in _objects().items() if count > before[name] + KEPT}
    assert grown == {}


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_memory_is_flat_over_three_hundred_episodes_in_two_towns_with_cameras_and_lidars():
    with bench_simulator.simulator() as (pid, port):
        client = carla.Client("127.0.0.1", port)
        client.set_timeout(120.0)
        series = []
        for number in range(EPISODES):
            town = ("AvSynth01", "AvSynth03")[number // 5 % 2]
            bench_simulator.play_episode(client, number, vehicles=50, ticks=100, town=town)
            series.append(bench_simulator.resident_mb(pid))

    # the larger of two towns: memory of one that is left goes back only in part
    early, late = (statistics.median(part) for part in (series[WARM_UP : 2 * WARM_UP], series[-WARM_UP:]))
    assert late < 1.05 * early, [round(each) for each in series[::10]]
