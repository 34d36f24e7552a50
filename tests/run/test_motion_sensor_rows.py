"""What a rig's IMU and GNSS receiver said of a drive, as rows made from the log of the ego alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from av_synth import rig, scenario
from av_synth.geometry.transforms import Array, from_yaw
from av_synth.rig.model import Gnss, Imu, Rig
from av_synth.run import motion_sensors
from av_synth.run.rows import Row, pose, vector
from av_synth.sensing.inertial import GnssReceiver, Triad

EXACT = Imu((0.0, 0.0, 0.0), 100, Triad(), Triad(), 0.0, 0.0, 30.0)
ROUGH = Triad(bias=0.1, drift=0.05, noise_density=0.01, scale_error=0.002)
STILL = GnssReceiver((0.0,) * 3, (0.0,) * 3, 60.0, (0.0,) * 3, (0.0,) * 3, None, 0.0)
RADIUS_M, SPEED_MPS = 25.0, 10.0
DRAW = scenario.draw(scenario.load("cut_in_wet"), 0)


def circle() -> list[Row]:
    """Rows of ego_poses: two seconds to the left, on ground that climbs no hill."""
    found = []
    for frame in range(41):
        yaw = SPEED_MPS / RADIUS_M * frame * 0.05
        here = from_yaw(RADIUS_M * math.sin(yaw) - 7.0, RADIUS_M * (1 - math.cos(yaw)), 0.5, yaw)
        at = {"frame": frame, "time_us": frame * 50_000}
        found.append({**at, **pose(here), **vector("v{}_mps", SPEED_MPS * here[:3, 0])})
    return found


def with_devices(imu: Imu | None = None, gnss: Gnss | None = None) -> Rig:
    return replace(rig.load("tiny"), imu=imu, gnss=gnss)


def column(rows: list[Row], pattern: str) -> Array:
    return np.array([[row[pattern.format(axis)] for axis in "xyz"] for row in rows])


def test_a_rig_without_devices_has_no_rows() -> None:
    assert motion_sensors.rows(rig.load("tiny"), DRAW, circle()) == {}


def test_an_imu_without_errors_feels_the_circle() -> None:
    rows = motion_sensors.rows(with_devices(EXACT), DRAW, circle())["imu"]
    inner = rows[10:-10]

    assert [row["time_us"] for row in rows] == list(range(-20_000, 2_030_000, 10_000))
    pulled = [0.0, SPEED_MPS**2 / RADIUS_M, 9.80665]
    assert column(inner, "a{}_mps2") == pytest.approx(np.tile(pulled, (len(inner), 1)), abs=0.01)
    assert column(rows, "w{}_radps")[:, 2] == pytest.approx(SPEED_MPS / RADIUS_M)


def test_an_imu_aside_feels_the_circle_that_it_is_on_itself() -> None:
    unit = replace(EXACT, translation_m=(0.0, 5.0, 0.0))
    inner = motion_sensors.rows(with_devices(unit), DRAW, circle())["imu"][10:-10]

    pulled = (SPEED_MPS / RADIUS_M) ** 2 * (RADIUS_M - 5.0)
    assert column(inner, "a{}_mps2")[:, 1] == pytest.approx(pulled, abs=0.01)


def test_what_is_said_is_the_truth_scaled_and_its_errors() -> None:
    rows = motion_sensors.rows(with_devices(replace(EXACT, accelerometer=ROUGH, gyroscope=ROUGH)), DRAW, circle())
    said, truth = rows["imu"], rows["imu_truth"]

    for name in ("a{}_mps2", "w{}_radps"):
        scale = column(truth, f"scale_{name[0]}{{}}")
        exact = (1 + scale) * column(truth, name) + column(truth, f"bias_{name}") + column(truth, f"noise_{name}")
        assert column(said, name) == pytest.approx(exact, abs=1e-12)
        assert column(truth, f"noise_{name}").std() == pytest.approx(0.1, rel=0.15)
        assert np.ptp(scale, axis=0) == pytest.approx(0.0, abs=0)
        assert (np.abs(scale) > 1e-6).all()


def test_accelerometers_and_gyroscopes_err_by_themselves_and_every_seed_otherwise() -> None:
    rough = with_devices(replace(EXACT, accelerometer=ROUGH, gyroscope=ROUGH))
    one, again = (motion_sensors.rows(rough, DRAW, circle())["imu_truth"] for _ in range(2))
    other = motion_sensors.rows(rough, replace(DRAW, seed=DRAW.seed + 1), circle())["imu_truth"]
    noise = column(one, "noise_a{}_mps2")

    assert one == again
    assert abs(np.corrcoef(noise[:, 0], column(one, "noise_w{}_radps")[:, 0])[0, 1]) < 0.3
    assert abs(np.corrcoef(noise[:, 0], column(other, "noise_a{}_mps2")[:, 0])[0, 1]) < 0.3


def test_a_receiver_without_errors_follows_its_antenna() -> None:
    rows = motion_sensors.rows(with_devices(gnss=Gnss((1.0, 0.0, 1.5), 10, STILL)), DRAW, circle())
    yaw = SPEED_MPS / RADIUS_M * np.arange(21) * 0.1
    place = [
        RADIUS_M * np.sin(yaw) - 7.0 + np.cos(yaw),
        RADIUS_M * (1 - np.cos(yaw)) + np.sin(yaw),
        np.full(21, 2.0),
    ]

    assert set(rows) == {"gnss", "gnss_truth"}
    assert column(rows["gnss"], "{}_m") == pytest.approx(np.array(place).T, abs=2e-3)
    ahead, aside = SPEED_MPS, SPEED_MPS / RADIUS_M  # of the antenna, 1 m before the rear axle
    moves = [ahead * np.cos(yaw) - aside * np.sin(yaw), ahead * np.sin(yaw) + aside * np.cos(yaw), np.zeros(21)]
    assert column(rows["gnss"], "v{}_mps") == pytest.approx(np.array(moves).T, abs=0.02)


def test_there_is_no_fix_while_reception_is_lost() -> None:
    lossy = replace(STILL, outage_every_s=1.0, outage_s=0.5)
    rows = motion_sensors.rows(with_devices(gnss=Gnss((1.0, 0.0, 1.5), 100, lossy)), DRAW, circle())
    lost = [row["lost"] for row in rows["gnss_truth"]]

    assert 0 < sum(lost) < len(lost)
    received = [row["time_us"] for row in rows["gnss_truth"] if not row["lost"]]
    assert [row["time_us"] for row in rows["gnss"]] == received
