"""Radars as devices in rig files: defaults, own numbers, mistakes, and what stays as it was without."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth import documents, rig
from av_synth.errors import DocumentError
from av_synth.rig import Rig
from av_synth.sensing.radar_model import RadarDevice, RadarMode

POINTS = "    points: 125\n"


def with_device(folder: Path, text: str) -> Rig:
    path = folder / "own.yaml"
    path.write_text(documents.find("sensors", "tiny").read_text().replace(POINTS, POINTS + text))
    return rig.load(str(path))


def test_the_radars_of_the_nuscenes_rig_are_long_range_units() -> None:
    radars = rig.load("nuscenes").radars
    assert len(radars) == 5
    assert {(radar.range_m, radar.horizontal_fov_deg, radar.points, radar.device) for radar in radars} == {
        (250.0, 120.0, 125, RadarDevice())
    }
    assert {(device.near_range_m, device.far_fov_deg) for device in (radar.device for radar in radars) if device} == {
        (70, 18)
    }


def test_a_radar_without_a_device_says_what_it_always_said(tmp_path: Path) -> None:
    plain, own = rig.load("tiny"), with_device(tmp_path, "    device: {}\n")
    assert plain.radars[0].device is None
    assert "device" not in plain.to_json()["radars"][0]
    assert own.to_json()["radars"][0]["device"]["near"]["range_resolution_m"] == 0.39


def test_every_number_of_a_device_is_taken(tmp_path: Path) -> None:
    device = (
        with_device(
            tmp_path,
            """    device:
      near_range_m: 50
      far_fov_deg: 12
      min_range_m: 0.5
      near: {range_resolution_m: 0.2, azimuth_resolution_deg: 2, square_metre_m: 60}
      far: {range_resolution_m: 1, azimuth_resolution_deg: 1, square_metre_m: 120}
      full_gain_m: 10
      speed_resolution_mps: 0.2
      threshold_db: 15
      recognised: 0.5
      weather: false
""",
        )
        .radars[0]
        .device
    )
    near, far = RadarMode(0.2, 2.0, 60.0), RadarMode(1.0, 1.0, 120.0)
    assert device == RadarDevice(50.0, 12.0, 0.5, near, far, 10.0, 0.2, 15.0, 0.5, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("    device: {recognized: 0.5}\n", "recognised"),
        ("    device: {threshold_db: 1}\n", "threshold_db"),
        ("    device: {near_range_m: 2, min_range_m: 3}\n", "want it below near_range_m = 2.0"),
        ("    device: {near: {range_resolution_m: 0.2}}\n", "azimuth_resolution_deg"),
    ],
)
def test_mistakes_in_a_device_are_told_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        with_device(tmp_path, text)
    assert "radars.RADAR_FRONT.device" in str(caught.value)
    assert said in str(caught.value)
    assert "own.yaml:5" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("    device: {near_range_m: 300}\n", "device.near_range_m = 300; want range_m = "),
        ("    device: {far_fov_deg: 170}\n", "device.far_fov_deg = 170; want horizontal_fov_deg = "),
    ],
)
def test_a_device_that_looks_farther_near_than_at_all_or_wider_far_than_near_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        with_device(tmp_path, text)
    assert said in str(caught.value)
    assert "own.yaml:" in str(caught.value)
    assert with_device(tmp_path, "    device: {}\n").radars[0].device == RadarDevice()
