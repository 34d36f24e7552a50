"""What an IMU and a GNSS receiver measured: true data raise no alarm, and each mistake is named."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic_dataset as synthetic
from mistakes import edit_json
from synthetic_copies import Copy, link_tree

from av_synth.verify import verify
from av_synth.verify.findings import Findings
from av_synth.verify.rows.motion_sensors import check_motion_sensors
from av_synth.verify.verifier import open_dataset

IMU, GNSS = "scene-0002_ms_imu.json", "scene-0002_gnss.json"
LEVER_M, ANTENNA_M = (0.0, 0.0, 0.5), (1.0, 0.0, 1.5)
STEP = 0.001
TRIADS = {
    "linear_accel": ("accelerometer", {"bias": 0.05, "drift": 0.02, "noise_density": 0.003, "scale_error": 0.001}),
    "rotation_rate": ("gyroscope", {"bias": 0.002, "drift": 0.001, "noise_density": 0.0004, "scale_error": 0.001}),
}
RECEIVER = {"bias_m": [0.8, 0.8, 1.5], "drift_m": [0.5, 0.5, 0.9], "noise_m": [0.1, 0.1, 0.2]}
RECEIVER_REST = {"drift_time_s": 20.0, "velocity_noise_mps": [0.05, 0.05, 0.1], "outage_every_s": 5.0, "outage_s": 1.0}


def wandering(count: int, deviation: np.ndarray, step_s: float, random: np.random.Generator) -> np.ndarray:
    """A Gauss-Markov process of 20 s."""
    kept = math.exp(-step_s / 20.0)
    values = [deviation * random.standard_normal(3)]
    for _ in range(count - 1):
        values.append(kept * values[-1] + math.sqrt(1 - kept**2) * deviation * random.standard_normal(3))
    return np.array(values)


def written(rows: dict[str, np.ndarray], times: list[int]) -> bytes:
    listed = {key: (values if key == "lost" else values.round(9)).tolist() for key, values in rows.items()}
    return json.dumps([{**{k: v[i] for k, v in listed.items()}, "utime": at} for i, at in enumerate(times)]).encode()


def add_imu(root: Path, random: np.random.Generator) -> dict[str, Any]:
    """Errors on top of the messages that the dataset has, which are true at 100 Hz; returns the device's row."""
    rows = json.loads((root / "can_bus" / IMU).read_text())
    row: dict[str, Any] = {"message": "ms_imu", "translation_m": LEVER_M, "rate_hz": 100, "scale_errors": {}}
    row |= {"tilt_rad": 0.005, "heading_rad": 0.02, "attitude_time_s": 5.0}
    said, truth = {}, {}
    for key, (name, numbers) in TRIADS.items():
        true = np.array([message[key] for message in rows])
        constant = numbers["bias"] * random.standard_normal(3)
        bias = constant + wandering(len(rows), np.full(3, numbers["drift"]), 0.01, random)
        noise = 10 * numbers["noise_density"] * random.standard_normal(true.shape)
        scale = numbers["scale_error"] * random.standard_normal(3)
        step = STEP if key == "linear_accel" else 1e-4
        said[key] = np.round(((1 + scale) * true + bias + noise) / step) * step
        truth |= {key: true, f"{key}_bias": bias, f"{key}_noise": noise}
        row["scale_errors"][key] = scale.tolist()
        row[name] = {**numbers, "drift_time_s": 20.0, "random_walk": 0.0, "limit": 40.0, "resolution": step}
    truth["q"] = np.array([message["q"] for message in rows])
    said["q"] = truth["q"]
    times = [message["utime"] for message in rows]
    (root / "can_bus" / IMU).unlink()
    (root / "can_bus" / IMU).write_bytes(written(said, times))
    (root / "can_bus_truth" / IMU).write_bytes(written(truth, times))
    return row


def add_gnss(root: Path, random: np.random.Generator) -> dict[str, Any]:
    start_us = json.loads((root / "can_bus/scene-0002_pose.json").read_text())[0]["utime"]
    seconds = np.arange(0, 16) * 0.1
    poses = np.array([synthetic.world_from_ego(1, t) for t in seconds])
    place = poses[:, :3, 3] + poses[:, :3, :3] @ np.array(ANTENNA_M)
    velocity = poses[:, :3, :3] @ np.array([5.0, 0.12 * ANTENNA_M[0], 0.0])
    bias = np.array(RECEIVER["bias_m"]) * random.standard_normal(3)
    bias = bias + wandering(len(seconds), np.array(RECEIVER["drift_m"]), 0.1, random)
    noise = np.array(RECEIVER["noise_m"]) * random.standard_normal(place.shape)
    turned = np.array(RECEIVER_REST["velocity_noise_mps"]) * random.standard_normal(place.shape)
    lost = (seconds > 0.65) & (seconds < 0.95)
    times = [start_us + round(t * 1e6) for t in seconds]
    truth = {"pos": place, "vel": velocity, "pos_bias": bias, "pos_noise": noise, "vel_noise": turned, "lost": lost}
    said = {"pos": (place + bias + noise)[~lost], "vel": (velocity + turned)[~lost]}
    there = [at for at, gone in zip(times, lost, strict=True) if not gone]
    (root / "can_bus" / GNSS).write_bytes(written(said, there))
    (root / "can_bus_truth" / GNSS).write_bytes(written(truth, times))
    return {"message": "gnss", "translation_m": ANTENNA_M, "rate_hz": 10, "receiver": RECEIVER | RECEIVER_REST}


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene in a gentle left bend, with an IMU and a receiver."""
    root = synthetic.build(tmp_path_factory.mktemp("bend"), (1,))
    (root / "can_bus_truth").mkdir()
    random = np.random.default_rng(5)
    scene = json.loads((root / synthetic.VERSION / "scene.json").read_text())[0]
    rows = [add_imu(root, random), add_gnss(root, random)]
    rows = [{"token": f"device{k}", "scene_token": scene["token"], **row} for k, row in enumerate(rows)]
    (root / synthetic.VERSION / "motion_sensor.json").write_text(json.dumps(rows))
    return root


@pytest.fixture
def copy(true: Path, tmp_path: Path) -> Copy:
    return Copy(link_tree(true, tmp_path / "copy"))


def problems(root: Path) -> list[str]:
    """What the check alone finds."""
    dataset, findings = open_dataset(root), Findings()
    for scene in dataset.scenes:
        check_motion_sensors(dataset, scene, findings)
    return [str(problem) for problem in findings.report(str(root), "").problems]


def edit(name: str, change: Callable[[dict[str, Any]], object], *folders: str) -> Callable[[Copy], None]:
    """A change of each message of a file, in the folders that are named."""

    def apply(copy: Copy) -> None:
        for folder in folders:
            edit_json(copy, f"{folder}/{name}", lambda rows: [change(row) for row in rows])

    return apply


def times_two(key: str, *others: str) -> Callable[[dict[str, Any]], None]:
    def change(row: dict[str, Any]) -> None:
        for name in (key, *others):
            if name in row:
                row[name] = [2 * value for value in row[name]]

    return change


def moved(key: str, by: tuple[float, float, float]) -> Callable[[dict[str, Any]], None]:
    def change(row: dict[str, Any]) -> None:
        row[key] = [value + step for value, step in zip(row[key], by, strict=True)]

    return change


def device(change: Callable[[list[dict[str, Any]]], object]) -> Callable[[Copy], None]:
    return lambda copy: copy.edit("motion_sensor", change)


BOTH, SAID, TRUTH = ("can_bus", "can_bus_truth"), "can_bus", "can_bus_truth"


def biased_beyond(copy: Copy) -> None:
    edit(IMU, moved("rotation_rate", (0.05, 0.0, 0.0)), SAID)(copy)
    edit(IMU, moved("rotation_rate_bias", (0.05, 0.0, 0.0)), TRUTH)(copy)


def bias_that_jitters(copy: Copy) -> None:
    def change(row: dict[str, Any]) -> None:
        row["linear_accel_bias"][0] += 0.02 * (-1) ** (row["utime"] // 10_000)
        row["linear_accel_noise"][0] -= 0.02 * (-1) ** (row["utime"] // 10_000)

    edit(IMU, change, TRUTH)(copy)


def noise_with_a_mean(copy: Copy) -> None:
    edit(IMU, moved("linear_accel_noise", (0.02, 0.0, 0.0)), TRUTH)(copy)
    edit(IMU, moved("linear_accel_bias", (-0.02, 0.0, 0.0)), TRUTH)(copy)


def no_gravity(copy: Copy) -> None:
    edit(IMU, moved("linear_accel", (0.0, 0.0, -9.81)), *BOTH)(copy)


def turned_the_other_way(copy: Copy) -> None:
    def change(row: dict[str, Any]) -> None:
        row["rotation_rate"] = [-value for value in row["rotation_rate"]]

    edit(IMU, change, *BOTH)(copy)


def q_in_another_order(copy: Copy) -> None:
    edit(IMU, lambda row: row.update(q=[*row["q"][1:], row["q"][0]]), *BOTH)(copy)


def lost(copy: Copy) -> None:
    device(lambda rows: rows[1]["receiver"].update(outage_every_s=None))(copy)


def message_that_an_imu_loses(copy: Copy) -> None:
    edit_json(copy, f"{SAID}/{IMU}", list.pop)
    edit_json(copy, f"{TRUTH}/{IMU}", lambda rows: rows[-1].update(lost=True))


def forget_last(folder: str, name: str) -> Callable[[Copy], None]:
    return lambda copy: edit_json(copy, f"{folder}/{name}", list.pop)


MISTAKES: dict[str, tuple[Callable[[Copy], None], str]] = {
    "noise that is not told": (edit(IMU, moved("linear_accel", (0.01, 0, 0)), SAID), "off the truth with its errors"),
    "a bias beyond the device": (biased_beyond, "the bias of rotation_rate reaches 0.05"),
    "a mean beyond the device": (biased_beyond, "rotation_rate less its truth is 0.05"),
    "a bias that jitters": (bias_that_jitters, "the bias of linear_accel changes from sample to sample by 0.04"),
    "noise with a mean": (noise_with_a_mean, "the noise of linear_accel has means 0.0194, "),
    "noise twice as wide": (edit(IMU, times_two("rotation_rate_noise"), TRUTH), "the noise of rotation_rate by 0.008"),
    "less noise than the device has": (
        device(lambda rows: rows[0]["accelerometer"].update(noise_density=0.006)),
        "linear_accel, the truth aside, changes from sample to sample by 0.04",
    ),
    "scales beyond the device": (
        device(lambda rows: rows[0]["scale_errors"].update(linear_accel=[0.01, 0, 0])),
        "scale_errors of linear_accel are 0.01, 0, 0; their deviation is 0.001",
    ),
    "no gravity": (no_gravity, "linear_accel, integrated over a second, leads 9.8"),
    "turned the other way": (turned_the_other_way, "rotation_rate, integrated over a second, leads 0.236 rad"),
    "an orientation that is off": (
        edit(IMU, lambda row: row.update(q=[1.0, 0.0, 0.0, 0.0]), SAID),
        "rad off the true orientation; want at most",
    ),
    "an orientation in another order": (q_in_another_order, "the true q is 3.0"),
    "an antenna elsewhere": (edit(GNSS, moved("pos", (30.0, 0.0, 0.0)), *BOTH), "the true pos is 30.00 m"),
    "velocities in km/h": (
        edit(GNSS, lambda row: row.update(vel=[3.6 * v for v in row["vel"]]), TRUTH),
        "the true vel is 12.",
    ),
    "a fix that is not where its errors put it": (edit(GNSS, moved("pos", (0, 1, 0)), SAID), "pos is up to 1 off"),
    "a receiver that never loses reception": (lost, "reception is lost 3 times; its device never loses it"),
    "a fix that is missing": (forget_last(SAID, GNSS), "has 12 messages; want one at each of the 13 times"),
    "a truth that is missing": (forget_last(TRUTH, IMU), "messages; want one at each of the 150 times"),
    "another rate": (device(lambda rows: rows[0].update(rate_hz=50)), "has messages [10000] us apart; want 50"),
    "another message": (device(lambda rows: rows[0].update(message="imu")), "message = 'imu', rate_hz = 100; want one"),
    "a device without numbers": (
        device(lambda rows: rows[0]["gyroscope"].update(drift=None)),
        "gyroscope = {'bias': 0.002, 'drift': None",
    ),
    "a device that does not say its limit": (
        device(lambda rows: rows[0]["accelerometer"].pop("limit")),
        "accelerometer = {'bias': 0.05",
    ),
    "an IMU that loses a message": (message_that_an_imu_loses, "1 messages are told to be lost; an IMU loses none"),
    "a receiver without numbers": (device(lambda rows: rows[1].update(receiver={})), "receiver = {}; want bias_m"),
    "no file": (lambda copy: (copy.root / TRUTH / GNSS).unlink(), "is missing; motion_sensor.json tells"),
    "a vector of two": (edit(IMU, lambda row: row["q"].pop(), SAID), "message 0 has q = ["),
}


def test_true_data_of_a_bend_raise_no_alarm(true: Path) -> None:
    report = verify(true)

    assert report.ok, str(report)
    assert report.counts["motion_sensors"] > 160


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named(copy: Copy, name: str) -> None:
    make, says = MISTAKES[name]
    make(copy)

    found = problems(copy.root)

    assert any(says in text for text in found), f"none says {says!r}: {found}"


ODD = (None, "", -1, 0, 1e7, True, [], [1e7, -1e7, 0.0])


@pytest.mark.parametrize("place", [0, 1])
def test_odd_numbers_of_a_device_are_findings_or_nothing_never_an_exception(true: Path, place: int) -> None:
    """Of those that are not looked at when tables are read."""
    dataset = open_dataset(true)
    (rows,) = dataset.extras["motion_sensor"].values()

    def keys(values: dict[str, Any]) -> list[tuple[str, ...]]:
        inner = [(key, *rest) for key, value in values.items() if isinstance(value, dict) for rest in keys(value)]
        return [(key,) for key in values] + inner

    read = {"token", "scene_token", "message", "translation_m", "rate_hz"}
    for key in keys(rows[place]):
        for odd in ODD if key[0] not in read else ():
            changed = json.loads(json.dumps(rows))
            target = changed[place]
            for name in key[:-1]:
                target = target[name]
            target[key[-1]] = odd
            extras = {"motion_sensor": {rows[0]["scene_token"]: (changed[place],)}}
            check_motion_sensors(replace(dataset, extras=extras), dataset.scenes[0], Findings())


@pytest.mark.parametrize("name", [IMU, GNSS])
@pytest.mark.parametrize("folder", [SAID, TRUTH])
def test_odd_messages_are_findings_or_nothing_never_an_exception(copy: Copy, folder: str, name: str) -> None:
    rows = json.loads((copy.root / folder / name).read_text())
    dataset = open_dataset(copy.root)
    odd = [[], {}, None, rows[:1], rows[:2], [*rows, 3], [{}], [*rows, rows[-1]]]
    odd += [[*rows[:-1], {**rows[-1], key: value}] for key in rows[0] for value in ODD]
    for content in odd:
        copy.write(f"{folder}/{name}", json.dumps(content).encode())
        check_motion_sensors(dataset, dataset.scenes[0], Findings())
