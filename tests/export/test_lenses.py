"""Lenses in formats: told where there is a place for them, and refused where there is none."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from av_synth.errors import UserError
from av_synth.export import coco, kitti, mcap, openlabel, rrd, webdataset
from av_synth.export.nuscenes import RunNames
from av_synth.export.splits import Splits
from av_synth.geometry.lens import Lens
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SENSORS, Rows, build_run

TINY = tuple(s for s in SENSORS if s.channel in ("CAM_FRONT", "CAM_BACK", "LIDAR_TOP"))
PLAIN = Lens("plain", (-0.1, 0.02, 0.001, -0.002, 0.003))
FISHEYE = Lens("fisheye", (-0.02, 0.003, 0.0, 0.0))
ALL = ("k1", "k2", "p1", "p2", "k3", "k4")


def a_run(root: Path, model: str, coefficients: dict[str, float]) -> Path:
    """A run whose front camera has a lens; its painted images have none."""

    def change(rows: Rows) -> None:
        rows["lenses"] = [{"channel": "CAM_FRONT", "model": model, **dict.fromkeys(ALL, 0.0), **coefficients}]

    return build_run(root, 0, sensors=TINY, change=change, last_frame=10)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = ("k1", "k2", "p1", "p2", "k3")
    told = dict(zip(names, PLAIN.coefficients, strict=True))
    return a_run(tmp_path_factory.mktemp("plain"), "plain", told)


@pytest.fixture(scope="module")
def fisheye(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_run(tmp_path_factory.mktemp("fisheye"), "fisheye", {"k1": -0.02, "k2": 0.003})


def test_nuscenes_has_the_pinhole_and_a_table_of_lenses_beside_it(plain: Path, tmp_path: Path) -> None:
    dataset = export([plain], tmp_path / "dataset")
    calibrated = RunNames(plain.name).calibrated_sensor("CAM_FRONT")

    rows = json.loads((dataset / "v1.0-trainval/camera_lens.json").read_text())
    assert rows == [
        {
            "token": calibrated,
            "calibrated_sensor_token": calibrated,
            "model": "plain",
            "coefficients": list(PLAIN.coefficients),
        }
    ]
    sensors = {row["token"]: row for row in json.loads((dataset / "v1.0-trainval/calibrated_sensor.json").read_text())}
    assert np.shape(sensors[calibrated]["camera_intrinsic"]) == (3, 3)


def test_a_dataset_of_pinholes_has_no_table_of_lenses(tmp_path: Path) -> None:
    run = build_run(tmp_path / "store", 0, sensors=TINY, last_frame=10)
    dataset = export([run], tmp_path / "dataset")

    assert not (dataset / "v1.0-trainval/camera_lens.json").exists()
    assert not (run / "tables/lenses.parquet").exists()


def test_formats_with_a_place_for_a_lens_have_it(plain: Path, tmp_path: Path) -> None:
    wanted = {"model": "plain", "coefficients": list(PLAIN.coefficients)}
    for name, module in (("coco", coco), ("webdataset", webdataset), ("openlabel", openlabel)):
        (tmp_path / name).mkdir()
        module.write([plain], tmp_path / name, Splits.none())

    (labels,) = (json.loads(path.read_text()) for path in (tmp_path / "coco").rglob("*.json"))
    lenses = {image["channel"]: image.get("lens") for image in labels["images"]}
    assert lenses == {"CAM_FRONT": wanted, "CAM_BACK": None}

    with tarfile.open(next((tmp_path / "webdataset").rglob("*.tar"))) as tar:
        told = next(member for member in tar.getmembers() if member.name.endswith(".json"))
        content = tar.extractfile(told)
        assert content is not None
        sensors = json.loads(content.read())["sensors"]
    assert (sensors["CAM_FRONT"]["lens"], "lens" in sensors["CAM_BACK"]) == (wanted, False)

    streams = json.loads(next((tmp_path / "openlabel").glob("*.json")).read_text())["openlabel"]["streams"]
    pinholes = {name: streams[name]["stream_properties"]["intrinsics_pinhole"] for name in ("CAM_FRONT", "CAM_BACK")}
    assert pinholes["CAM_FRONT"]["distortion_coeffs"] == wanted["coefficients"]
    assert pinholes["CAM_BACK"]["distortion_coeffs"] == [0.0] * 5


def test_formats_without_a_place_for_a_lens_refuse_it(plain: Path, fisheye: Path, tmp_path: Path) -> None:
    for run, module, form in (
        (plain, kitti, "KITTI"),
        (plain, rrd, "Rerun"),
        (fisheye, openlabel, "OpenLABEL"),
        (fisheye, mcap, "MCAP"),
    ):
        root = tmp_path / form
        root.mkdir()
        with pytest.raises(UserError, match=rf"CAM_FRONT has a \w+ lens, of which {form}.* cannot tell; want a rig"):
            module.write([run], root, Splits.none())
