"""What the devkit has hard-coded is what the compat profile writes, and the devkit's own splits find our scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nuscenes.can_bus.can_bus_api import NuScenesCanBus
from nuscenes.map_expansion import map_api
from nuscenes.map_expansion.bitmap import BitMap
from nuscenes.utils import splits

from av_synth.export.nuscenes import official
from tests.devkit import oracles
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SENSORS, SyntheticTown, build_run

SPLITS = {"train": official.TRAIN, "val": official.VAL}
SPLITS |= {"mini_train": official.MINI_TRAIN, "mini_val": official.MINI_VAL}
SEVEN = tuple(s for s in SENSORS if s.channel[:3] == "CAM" or s.channel == "LIDAR_TOP")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("compat")
    towns = (SyntheticTown("A"), SyntheticTown("B", (-50.0, -30.0)), SyntheticTown("A"), SyntheticTown("A"))
    runs = [build_run(root / "store", seed, town, SEVEN) for seed, town in enumerate(towns)]
    return export(runs, root / "dataset", profile="compat")


@pytest.fixture(scope="module")
def nusc(dataset: Path) -> Any:
    return oracles.load(dataset, "v1.0-mini")


@pytest.mark.parametrize("split", SPLITS)
def test_the_embedded_lists_are_the_devkits(split: str) -> None:
    assert [f"scene-{number:04d}" for number in SPLITS[split]] == getattr(splits, split)


def test_locations_and_the_blacklist_are_the_devkits(dataset: Path) -> None:
    assert set(official.LOCATIONS) == set(map_api.locations)
    assert set(NuScenesCanBus(str(dataset)).can_blacklist) == official.CAN_BLACKLIST


def test_the_predefined_splits_find_every_scene(nusc: Any) -> None:
    assert set(splits.create_splits_logs("mini_val", nusc)) <= {row["logfile"] for row in nusc.log}
    found = {name for split in ("mini_val", "mini_train") for name in splits.create_splits_scenes()[split]}
    assert {row["name"] for row in nusc.scene} <= found


def test_perfect_predictions_score_one_on_the_predefined_split(nusc: Any, tmp_path: Path) -> None:
    report = oracles.detection(nusc, tmp_path, "mini_val")
    assert len(report.ap) == 10
    assert report.ap == pytest.approx(dict.fromkeys(report.ap, 1.0))


def test_the_map_picture_of_every_official_location_is_there(dataset: Path) -> None:
    for location in map_api.locations:
        assert BitMap(str(dataset), location, "semantic_prior").image.max() == 255
