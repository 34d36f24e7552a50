"""Runs whose cameras have lenses, noise, blur and rolling shutters: datasets verify, and only with their tables."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from av_synth import documents
from av_synth.errors import CastError
from av_synth.launch import Address
from av_synth.run import RunSpec
from av_synth.run.generate import plan
from av_synth.verify import verify
from tests.e2e.conftest import Made, make, record

FRONT = """    lens: {model: plain, k1: -0.3, k2: 0.08, p1: 0.001, p2: -0.0015, k3: -0.005}
    exposure: {time_ms: 8, iso: 400, compensation_ev: -0.5}
    motion_blur: true
    noise: {full_well_e: 8000, read_noise_e: 5}
    vignetting_ev: 1.2
    read_out_ms: 30
"""
FISHEYE = "    lens: {model: fisheye, k1: -0.02, k2: 0.004, k3: -0.001, k4: 0.0001}\n"
BACK = FISHEYE + "    read_out_ms: 40\n"
LAST = {"CAM_FRONT": "    cy_px: 97.901413\n", "CAM_BACK": "    cy_px: 95.955685\n"}


def spec(folder: Path, front: str, back: str = "", duration_s: float = 1.5) -> RunSpec:
    """A street that the ego drives along at once, seen by the tiny rig with more words."""
    text = documents.find("sensors", "tiny").read_text()
    for channel, more in (("CAM_FRONT", front), ("CAM_BACK", back)):
        text = text.replace(LAST[channel], LAST[channel] + more)
    path = folder / "own.yaml"
    path.write_text(text)
    planned = plan("pedestrian_runs_out", str(path), 0, {})
    return RunSpec(replace(planned.scenario, duration_s=duration_s), planned.rig)


@pytest.fixture(scope="module")
def made(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("optics")
    return make(folder / "store", [spec(folder, FRONT, BACK)], address)  # the export verifies what it writes


def table(dataset: Path, name: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads((dataset / "v1.0-trainval" / f"{name}.json").read_text())
    return rows


def test_the_dataset_tells_lenses_and_shutters_of_its_cameras(made: Made) -> None:
    sensors = {row["token"]: row["channel"] for row in table(made.dataset, "sensor")}
    channels = {row["token"]: sensors[row["sensor_token"]] for row in table(made.dataset, "calibrated_sensor")}
    lenses = {channels[row["calibrated_sensor_token"]]: row for row in table(made.dataset, "camera_lens")}
    shutters = {channels[row["calibrated_sensor_token"]]: row for row in table(made.dataset, "camera_shutter")}

    assert {channel: row["model"] for channel, row in lenses.items()} == {"CAM_FRONT": "plain", "CAM_BACK": "fisheye"}
    assert lenses["CAM_FRONT"]["coefficients"] == [-0.3, 0.08, 0.001, -0.0015, -0.005]
    times = {channel: (row["exposure_us"], row["read_out_us"]) for channel, row in shutters.items()}
    assert times == {"CAM_FRONT": (8000, 30000), "CAM_BACK": (0, 40000)}


@pytest.mark.parametrize("name", ["camera_lens", "camera_shutter"])
def test_without_its_table_it_does_not_verify(made: Made, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made.dataset, copy)
    (copy / "v1.0-trainval" / f"{name}.json").unlink()

    assert not {"closure", "mask_in_box", "depth"}.isdisjoint(verify(copy).found)


def test_images_of_equal_runs_are_equal_to_the_byte(address: Address, tmp_path: Path) -> None:
    one, two = (record(tmp_path / name, spec(tmp_path, FRONT, BACK, 0.2), address)[0] for name in ("one", "two"))

    for channel in ("CAM_FRONT", "CAM_BACK"):
        first, second = ((run / "blobs" / channel / "000002.jpg").read_bytes() for run in (one, two))
        assert first == second


def test_a_stock_simulator_makes_the_lens_of_a_larger_pinhole(stock_address: Address, tmp_path: Path) -> None:
    lens = FISHEYE.replace("-0.02", "-0.03")
    made = make(tmp_path / "store", [spec(tmp_path, lens, duration_s=1.0)], stock_address)

    (row,) = table(made.dataset, "camera_lens")
    assert row["model"] == "fisheye"
    frames = made.keyframes[0].ticks[0].frames
    assert frames is not None
    assert frames.cameras["CAM_FRONT"].bgra.shape == frames.cameras["CAM_BACK"].bgra.shape == (180, 320, 4)
    assert np.isfinite(frames.labels["CAM_FRONT"].depth_m).all()


def test_a_stock_simulator_without_rows_or_blur_is_told(stock_address: Address, tmp_path: Path) -> None:
    for words, what in (("    read_out_ms: 20\n", "read_out_ms"), (FRONT.partition("    noise")[0], "motion_blur")):
        with pytest.raises(CastError, match=rf"CAM_FRONT has {what}, which the simulator cannot do"):
            record(tmp_path / what, spec(tmp_path, words, duration_s=0.2), stock_address)
