"""What noise, biases and losses do to measurements: as much as their attributes say, in CARLA's axes."""

from __future__ import annotations

from itertools import pairwise

import msgpack
import numpy as np
import pytest

from av_synth.geometry.transforms import Array, from_yaw
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.raycast import RayScene
from av_synth.simulator.scene import Scene, Weather
from av_synth.simulator.sensors.exposure import Exposure, Message
from av_synth.simulator.sensors.inertial import expose_gnss, expose_imu
from av_synth.simulator.sensors.rays import expose_lidar
from av_synth.simulator.sensors.spec import GnssSpec, ImuSpec, LidarSpec, make_sensor
from tests.simulator.raycast.test_sensors import plain

POSE = from_yaw(3.0, -4.0, 2.0, 0.7)
EMPTY = Scene(11, 0.55, (), Weather())
SCAN = {
    "channels": "16",
    "range": "60",
    "points_per_second": "320000",
    "rotation_frequency": "20",
    "upper_fov": "-2",
}
LOSSLESS = {"dropoff_general_rate": "0", "dropoff_zero_intensity": "0"}


@pytest.fixture(scope="module")
def rays() -> RayScene:
    return RayScene(plain(200.0), catalogue())


def _exposure(blueprint_id: str, frame: int = 101, **attributes: str) -> Exposure:
    sensor = make_sensor(blueprint_id, attributes, np.eye(4), 9, 3, 2, (100, 5.0))
    return Exposure(sensor, frame, 5.0 + 0.05 * (frame - 100), 0.05, POSE, np.zeros(3))


def _body(message: Message) -> bytes:
    return b"".join(bytes(part) for part in message.parts[1:])


def _cloud(rays: RayScene, **attributes: str) -> Array:
    """Points (N, 4) of one turn over flat ground: x, y, z, intensity."""
    exposure = _exposure("sensor.lidar.ray_cast", **SCAN, **attributes)
    assert isinstance(exposure.sensor.spec, LidarSpec)
    body = _body(expose_lidar(rays, EMPTY, exposure, exposure.sensor.spec))
    return np.frombuffer(body[8 + 4 * 16 :], dtype=np.float32).reshape(-1, 4).astype(float)


def test_a_lidar_loses_points_at_the_general_rate_and_weak_ones_more_often(rays: RayScene) -> None:
    whole = _cloud(rays, **LOSSLESS)
    assert whole[:, 3] == pytest.approx(np.exp(-0.004 * np.linalg.norm(whole[:, :3], axis=1)), abs=1e-5)
    some = _cloud(rays, dropoff_general_rate="0.3", dropoff_zero_intensity="0")
    assert len(some) / len(whole) == pytest.approx(0.7, abs=0.02)

    weak = {"atmosphere_attenuation_rate": "0.05", "dropoff_general_rate": "0"}
    faint = _cloud(rays, **weak, dropoff_zero_intensity="0")
    kept = _cloud(rays, **weak, dropoff_zero_intensity="0.8", dropoff_intensity_limit="0.5")
    edges = [0.0, 0.1, 0.3, 0.5, 1.0]
    share = np.histogram(kept[:, 3], edges)[0] / np.histogram(faint[:, 3], edges)[0]
    middles = [faint[(faint[:, 3] >= a) & (faint[:, 3] < b), 3].mean() for a, b in pairwise(edges)]
    wanted = [min(0.2 + 0.8 * middle / 0.5, 1.0) for middle in middles]
    assert share == pytest.approx(wanted, abs=0.05)
    assert share[3] == 1.0


def test_a_lidars_noise_is_along_the_ray_and_leaves_the_intensity(rays: RayScene) -> None:
    exact, noisy = _cloud(rays, **LOSSLESS), _cloud(rays, **LOSSLESS, noise_stddev="0.2")
    assert (exact[:, 3] == noisy[:, 3]).all()
    far = np.linalg.norm(exact[:, :3], axis=1)
    along = np.einsum("nj,nj->n", noisy[:, :3] - exact[:, :3], exact[:, :3]) / far
    assert along.mean() == pytest.approx(0.0, abs=0.01)
    assert along.std() == pytest.approx(0.2, abs=0.01)
    aside = noisy[:, :3] - exact[:, :3] * (1.0 + along / far)[:, None]
    assert np.abs(aside).max() < 1e-3
    assert (_cloud(rays, **LOSSLESS, noise_stddev="0.2") == noisy).all()
    assert (_cloud(rays, **LOSSLESS, noise_stddev="0.2", noise_seed="1") != noisy).any()


def _fixes(**attributes: str) -> Array:
    """Latitude, longitude and altitude (N, 3) of many frames."""
    found = []
    for frame in range(101, 501):
        exposure = _exposure("sensor.other.gnss", frame, **attributes)
        assert isinstance(exposure.sensor.spec, GnssSpec)
        found.append(msgpack.unpackb(_body(expose_gnss(exposure, exposure.sensor.spec, (42.0, 2.0)))))
    return np.array(found)


def test_gnss_has_the_bias_and_the_noise_of_each_of_its_three() -> None:
    names = {"noise_lat_bias": "0.1", "noise_lon_stddev": "0.002", "noise_alt_bias": "-5", "noise_alt_stddev": "2"}
    errors = _fixes(**names) - _fixes()

    assert errors.mean(axis=0) == pytest.approx([0.1, 0.0, -5.0], abs=0.4)
    assert errors[:, 0].std() == pytest.approx(0.0, abs=1e-9)
    assert errors[:, 1:].std(axis=0) == pytest.approx([0.002, 2.0], rel=0.1)


def test_an_imu_has_carlas_axes_gravity_upwards_its_bias_and_its_noise() -> None:
    turn = np.array([0.0, 0.0, 0.3])
    pull = POSE[:3, :3] @ np.array([1.0, 2.0, 0.0])  # forward and to the left

    def measured(frame: int = 101, **attributes: str) -> tuple[Array, Array, float]:
        exposure = _exposure("sensor.other.imu", frame, **attributes)
        assert isinstance(exposure.sensor.spec, ImuSpec)
        message = expose_imu(exposure, exposure.sensor.spec, pull, turn, 9.81)
        accelerometer, gyroscope, compass = msgpack.unpackb(_body(message))
        return np.array(accelerometer), np.array(gyroscope), compass

    accelerometer, gyroscope, compass = measured()
    assert accelerometer == pytest.approx([1.0, -2.0, 9.81])
    assert gyroscope == pytest.approx([0.0, 0.0, -0.3]), "to the left is negative"
    assert compass == pytest.approx(np.pi / 2 - 0.7), "clockwise from north"

    names = {"noise_accel_stddev_y": "0.5", "noise_gyro_bias_x": "0.2", "noise_gyro_stddev_z": "0.1"}
    many = [measured(frame, **names) for frame in range(101, 501)]
    pulls, turns = (np.array([each[k] for each in many]) for k in (0, 1))
    assert (pulls - accelerometer).std(axis=0) == pytest.approx([0.0, 0.5, 0.0], abs=0.05)
    assert (turns - gyroscope).mean(axis=0) == pytest.approx([0.2, 0.0, 0.0], abs=0.02)
    assert (turns - gyroscope).std(axis=0) == pytest.approx([0.0, 0.0, 0.1], abs=0.01)
