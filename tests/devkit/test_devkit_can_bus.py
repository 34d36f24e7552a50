"""The official NuScenesCanBus reads our messages, and they agree with the ego poses of the dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from nuscenes.can_bus.can_bus_api import NuScenesCanBus
from pyquaternion import Quaternion

from tests.devkit import oracles
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SENSORS, SyntheticTown, build_run

LIDAR = tuple(s for s in SENSORS if s.channel == "LIDAR_TOP")
TOWNS = (SyntheticTown(), SyntheticTown("BelowZero", (-50.0, -30.0)))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("can")
    runs = [build_run(root / "store", seed, town, LIDAR) for seed, town in enumerate(TOWNS)]
    return export(runs, root / "dataset")


@pytest.fixture(scope="module")
def can(dataset: Path) -> NuScenesCanBus:
    return NuScenesCanBus(str(dataset))


def test_the_devkit_reads_and_plots_every_message_of_every_scene(
    can: NuScenesCanBus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)
    for scene in ("scene-0001", "scene-0002"):
        can.print_all_message_stats(scene)
        for message in can.can_messages:
            can.print_message_stats(scene, message)
            for key in can.get_messages(scene, message)[0]:
                if key != "utime":
                    can.plot_message_data(scene, message, key)
                    plt.close()
        can.plot_baseline_route(scene)
        plt.close()
    assert "rotation_rate" in capsys.readouterr().out


def test_no_scene_strays_from_its_route(can: NuScenesCanBus) -> None:
    assert can.list_misaligned_routes() == []
    assert can.list_misaligned_routes(max_misalignment=0.05) == ["scene-0001", "scene-0002"]


def test_can_poses_are_the_ego_poses_at_keyframes(dataset: Path, can: NuScenesCanBus) -> None:
    nusc: Any = oracles.load(dataset)
    for sample in nusc.sample:
        scene = nusc.get("scene", sample["scene_token"])["name"]
        ego = nusc.get("ego_pose", sample["data"]["LIDAR_TOP"])
        poses = can.get_messages(scene, "pose")
        pose = min(poses, key=lambda message: abs(message["utime"] - sample["timestamp"]))
        assert np.linalg.norm(np.subtract(pose["pos"], ego["translation"])) < 0.02
        turn = Quaternion(pose["orientation"]).inverse * Quaternion(ego["rotation"])
        assert abs(turn.degrees) < 0.2


def test_every_keyframe_has_a_last_message_of_its_own_with_16_numbers(dataset: Path, can: NuScenesCanBus) -> None:
    """As BEVFormer reads them: the last message up to the keyframe, its values in the order of the file."""
    nusc: Any = oracles.load(dataset)
    found = set()
    for sample in nusc.sample:
        scene = nusc.get("scene", sample["scene_token"])["name"]
        message = [m for m in can.get_messages(scene, "pose") if m["utime"] <= sample["timestamp"]][-1]
        found.add((scene, message["utime"]))
        rest = [value for key in message if key not in ("utime", "pos", "orientation") for value in message[key]]
        assert len(message["pos"] + message["orientation"] + rest) == 16
        assert rest[2] == pytest.approx(9.8, abs=0.1)  # accel, rotation_rate, vel
        assert rest[6] == pytest.approx(8.0, abs=0.2)
    assert len(found) == len(nusc.sample)
