"""What a rig may say of sensors of the ego's own motion."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from av_synth import documents, rig
from av_synth.errors import DocumentError
from av_synth.rig import Rig
from av_synth.sensing.inertial import Triad
from av_synth.store import canonical_json

TINY = documents.find("sensors", "tiny").read_text()


def with_more(folder: Path, told: str) -> Rig:
    """The tiny rig with more lines."""
    path = folder / "own.yaml"
    path.write_text(f"{TINY}\n{told}\n")
    return rig.load(str(path))


def test_what_is_told_in_degrees_is_kept_in_radians_and_what_is_not_told_is_true(tmp_path: Path) -> None:
    told = "imu: {translation_m: [0.5, 0, 1], gyroscope: {bias_degps: 0.2, range_degps: 300}, heading_deg: 2}"
    imu = with_more(tmp_path, told).imu

    assert imu is not None
    assert (imu.translation_m, imu.rate_hz, imu.tilt_rad) == ((0.5, 0.0, 1.0), 100, 0.0)
    assert imu.accelerometer == Triad()
    assert imu.gyroscope == Triad(bias=math.radians(0.2), limit=math.radians(300))
    assert imu.heading_rad == math.radians(2)


def test_a_receivers_errors_are_east_north_and_up(tmp_path: Path) -> None:
    told = "gnss: {translation_m: [1, 0, 1.5], horizontal: {bias_m: 0.5}, vertical: {noise_m: 2}}"
    gnss = with_more(tmp_path, told).gnss

    assert gnss is not None
    assert gnss.receiver.bias_m == (0.5, 0.5, 0.0)
    assert gnss.receiver.noise_m == (0.0, 0.0, 2.0)
    assert gnss.receiver.outage_every_s is None


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("imu: {rate_hz: 30}", "imu.rate_hz: got 30; want samples a whole number of microseconds apart, as with 32"),
        ("imu: {rate_hz: 1000}", "imu.rate_hz: got 1000; want 20 to 500"),
        ("imu: {gyroscope: {bias_mps2: 0.1}}", "imu.gyroscope.bias_mps2: unknown key; did you mean"),
        ("imu: {accelerometer: {drift_time_s: 0}}", "accelerometer.drift_time_s: got 0; want 1 to 100000"),
        ("imu: {accelerometer: {range_mps2: 5}}", "accelerometer.range_mps2: got 5; want 15 to 2000"),
        ("imu: {accelerometer: {noise_density_mps2: -1}}", "noise_density_mps2: got -1; want 0 to 10"),
        ("gnss: {rate_hz: 5}", "gnss.translation_m: is missing"),
        ("gnss: {translation_m: [0, 0, 0], rate_hz: 0}", "gnss.rate_hz: got 0; want 1 to 100"),
        ("gnss: {translation_m: [0, 0, 0], outages: {every_s: 10}}", "gnss.outages.length_s: is missing"),
        ("gps: {translation_m: [0, 0, 0]}", "gps: unknown key"),
    ],
)
def test_what_no_device_has_is_refused_in_words(tmp_path: Path, told: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        with_more(tmp_path, told)

    assert said in str(caught.value)


def test_a_rig_without_them_is_the_rig_it_was_and_one_with_them_is_read_back(tmp_path: Path) -> None:
    full = with_more(tmp_path, "imu: {accelerometer: {bias_mps2: 0.1}}\ngnss: {translation_m: [1, 0, 1.5]}")

    assert not {"imu", "gnss"} & rig.load("tiny").to_json().keys()
    assert {"imu", "gnss"} <= full.to_json().keys()
    assert TypeAdapter(Rig).validate_json(canonical_json(full.to_json())) == full
