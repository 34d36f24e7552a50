"""A run whose ego turns left at a junction, felt by an IMU and followed by a GNSS receiver: files, truth, verifier."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import carla
import numpy as np
import pytest
from nuscenes.can_bus.can_bus_api import NuScenesCanBus

from av_synth import documents, rig, scenario
from av_synth.director import Outcome
from av_synth.export.dataset import export_dataset
from av_synth.geometry.transforms import Array
from av_synth.launch import Address
from av_synth.run import Context, RunSpec, RunUpTick, Tick
from av_synth.scenario.scenario import from_document
from av_synth.verify import verify
from tests.devkit import oracles
from tests.e2e.conftest import Made, record

LEFT_TURN = """
name: left_turn
description: The ego drives up to a junction and turns left there, behind a car that goes straight on.
duration_s: 5.5
road: {town: AvSynth01, length_m: 30, junction: {ahead_m: 8, turn: left, after_m: 20}}
weather: {preset: clear_noon}
ego: {speed_kmh: 25}
actors:
  ahead: {body: car, speed_kmh: 25, at: {ahead_m: 20}}
"""
SMALL = """
name: small
description: What readers of nuScenes want, and sensors of the ego's own motion.
cameras:
  CAM_FRONT:
    {translation_m: [1.7, 0, 1.5], rotation: {}, every_ticks: 10,
     width_px: 160, height_px: 90, fx_px: 126.6, cx_px: 81.4, cy_px: 48.9}
lidars:
  LIDAR_TOP:
    {translation_m: [0.94, 0, 1.84], rotation: {}, beams: 16, columns: 360, upper_deg: 10, lower_deg: -30, range_m: 60}
"""
DEVICES = """
imu:
  translation_m: [0.5, 0.2, 0.6]
  accelerometer:
    bias_mps2: 0.05
    drift_mps2: 0.01
    drift_time_s: 20
    random_walk_mps2: 0.001
    noise_density_mps2: 0.003
    scale_error: 0.001
    range_mps2: 40
    resolution_mps2: 0.002
  gyroscope:
    bias_degps: 0.1
    drift_degps: 0.02
    drift_time_s: 20
    noise_density_degps: 0.02
    scale_error: 0.001
    range_degps: 300
    resolution_degps: 0.01
  tilt_deg: 0.3
  heading_deg: 1
  attitude_time_s: 5
gnss:
  translation_m: [1.0, 0.0, 1.5]
  rate_hz: 10
  horizontal: {bias_m: 0.8, drift_m: 0.5, noise_m: 0.1, velocity_noise_mps: 0.05}
  vertical: {bias_m: 1.5, drift_m: 0.9, noise_m: 0.2, velocity_noise_mps: 0.1}
  drift_time_s: 30
  outages: {every_s: 4, length_s: 1}
"""


@dataclass(frozen=True)
class Messages:
    """Of one kind, by key: (N, d); times in seconds from the scene's first sample."""

    seconds: Array
    columns: dict[str, Array]


def spec(folder: Path, duration_s: float = 5.5) -> RunSpec:
    path = folder / "own.yaml"
    path.write_text(SMALL + DEVICES)
    text = LEFT_TURN.replace("duration_s: 5.5", f"duration_s: {duration_s}")
    return RunSpec(scenario.draw(from_document(documents.parse(text, "left_turn.yaml")), 3), rig.load(str(path)))


class Wheels:
    """A sink that asks the simulator at every frame how far the ego's front wheels point to the left, radians."""

    def __init__(self, address: Address) -> None:
        self._client = carla.Client(address.host, address.port)
        self.angles: list[float] = []

    def begin(self, context: Context) -> None:
        found = self._client.get_world().get_actor(context.ego_id)
        assert isinstance(found, carla.Vehicle)
        self._ego = found

    def run_up(self, tick: RunUpTick) -> None:
        pass

    def tick(self, tick: Tick) -> None:
        both = carla.VehicleWheelLocation.FL_Wheel, carla.VehicleWheelLocation.FR_Wheel
        self.angles.append(-float(np.radians(np.mean([self._ego.get_wheel_steer_angle(each) for each in both]))))

    def end(self, outcome: Outcome, provenance: Mapping[str, Any]) -> None:
        pass


@pytest.fixture(scope="module")
def wheels(address: Address) -> Wheels:
    return Wheels(address)


@pytest.fixture(scope="module")
def made(address: Address, wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("motion")
    run, result, kept = record(folder / "store", spec(folder), address, wheels)
    dataset = export_dataset(folder / "store")  # which verifies what it writes
    return Made(folder / "store", (run,), (result,), dataset, oracles.load(dataset), (kept,))


def messages(made: Made, message: str, folder: str = "can_bus") -> Messages:
    rows = json.loads((made.dataset / folder / f"scene-0001_{message}.json").read_text())
    start_us = made.nusc.sample[0]["timestamp"]
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0] if key != "utime"}
    return Messages(np.array([row["utime"] - start_us for row in rows]) * 1e-6, columns)


def test_a_left_turn_is_felt_with_the_right_signs_and_sizes(made: Made) -> None:
    """The car brakes for the corner, turns 90 degrees to the left, and gains speed after it."""
    imu, pose = messages(made, "ms_imu"), messages(made, "pose")
    speed = np.interp(imu.seconds, pose.seconds, pose.columns["vel"][:, 0])
    force, rate = imu.columns["linear_accel"], imu.columns["rotation_rate"]
    turning = rate[:, 2] > 0.4

    assert turning.sum() > 100
    assert np.degrees(rate[1:, 2] @ np.diff(imu.seconds)) == pytest.approx(90.0, abs=3.0)
    # centripetal, to the left; the unit is 0.5 m ahead of the rear axle and 0.2 m to the left
    wanted = rate[turning, 2] * speed[turning] - rate[turning, 2] ** 2 * 0.2
    assert np.median(force[turning, 1] - wanted) == pytest.approx(0.0, abs=0.3)
    assert np.median(force[turning, 1]) > 2.5
    assert np.median(force[:, 2]) == pytest.approx(9.81, abs=0.2)
    assert np.corrcoef(np.gradient(speed, imu.seconds), force[:, 0])[0, 1] > 0.9
    assert force[:, 0].min() < -1.5
    assert force[:, 0].max() > 1.0


def test_what_was_measured_is_the_truth_and_the_errors_that_are_told_beside_it(made: Made) -> None:
    imu, truth = messages(made, "ms_imu"), messages(made, "ms_imu", "can_bus_truth")
    (row,) = [row for row in devices(made) if row["message"] == "ms_imu"]
    pose = messages(made, "pose")

    for key, step in (("linear_accel", 0.002), ("rotation_rate", np.radians(0.01))):
        scaled = (1 + np.array(row["scale_errors"][key])) * truth.columns[key]
        exact = scaled + truth.columns[f"{key}_bias"] + truth.columns[f"{key}_noise"]
        assert np.abs(imu.columns[key] - exact).max() <= step / 2 + 2e-6
        assert np.allclose(imu.columns[key] / step, np.round(imu.columns[key] / step), atol=0.02)
    assert truth.columns["linear_accel_noise"].std() == pytest.approx(0.03, rel=0.1)
    assert truth.columns["rotation_rate"][::2] == pytest.approx(pose.columns["rotation_rate"], abs=1e-6)
    assert np.abs(imu.columns["q"] - truth.columns["q"]).max() > 1e-4


def test_fixes_are_where_the_antenna_was_give_or_take_what_the_receiver_errs(made: Made) -> None:
    fixes, truth = messages(made, "gnss"), messages(made, "gnss", "can_bus_truth")
    there = ~truth.columns["lost"]
    poses = {round(p["timestamp"]): p for p in made.nusc.ego_pose}
    start_us = made.nusc.sample[0]["timestamp"]

    assert 0 < there.sum() < len(there) == 56
    assert fixes.seconds == pytest.approx(truth.seconds[there])
    error = truth.columns["pos_bias"] + truth.columns["pos_noise"]
    assert fixes.columns["pos"] == pytest.approx((truth.columns["pos"] + error)[there], abs=1e-6)
    assert fixes.columns["vel"] == pytest.approx((truth.columns["vel"] + truth.columns["vel_noise"])[there], abs=1e-6)
    assert 0.1 < np.abs(error).max() < 6
    for seconds, place in zip(truth.seconds, truth.columns["pos"], strict=True):
        ego = poses[start_us + round(seconds * 1e6)]
        moved = np.subtract(place, ego["translation"])
        assert np.linalg.norm(moved) == pytest.approx(np.hypot(1.0, 1.5), abs=0.01)


def devices(made: Made) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((made.dataset / "v1.0-trainval/motion_sensor.json").read_text())
    return rows


def test_the_steering_wheel_is_turned_as_the_front_wheels_are(made: Made, wheels: Wheels) -> None:
    """The path that the message is made from leads to the angle that the simulator itself tells of the wheels."""
    feedback = messages(made, "steeranglefeedback")
    told = np.interp(np.arange(len(wheels.angles)) * 0.05, feedback.seconds, feedback.columns["value"] / 16.0)

    assert max(wheels.angles) > np.radians(8)
    assert np.sqrt(np.mean(np.square(told - wheels.angles))) < np.radians(0.1)


def test_the_devkit_reads_the_messages_and_takes_no_notice_of_others(made: Made) -> None:
    can = NuScenesCanBus(str(made.dataset))

    for message in can.can_messages:
        assert can.get_messages("scene-0001", message)
    assert sorted(can.get_messages("scene-0001", "ms_imu")[0]) == ["linear_accel", "q", "rotation_rate", "utime"]
    assert set(can.get_messages("scene-0001", "meta")) == set(can.can_messages)
    can.print_all_message_stats("scene-0001")


def test_equal_runs_measure_equal_bytes(address: Address, tmp_path: Path) -> None:
    one, two = (record(tmp_path / name, spec(tmp_path, 0.5), address)[0] for name in ("one", "two"))

    for table in ("imu", "imu_truth", "gnss_truth"):
        first, second = ((run / "tables" / f"{table}.parquet").read_bytes() for run in (one, two))
        assert first == second


def test_another_device_told_in_the_dataset_does_not_verify(made: Made, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made.dataset, copy)
    path = copy / "v1.0-trainval/motion_sensor.json"
    rows = json.loads(path.read_text())
    rows[0]["gyroscope"]["noise_density"] *= 0.5
    path.unlink()
    path.write_text(json.dumps(rows))

    assert verify(made.dataset).ok
    assert set(verify(copy).found) == {"motion_sensors"}
