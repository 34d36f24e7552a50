"""What a rig may say of a camera beside its pinhole."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth import documents, rig
from av_synth.errors import DocumentError
from av_synth.geometry.lens import Lens
from av_synth.rig import Camera
from av_synth.rig.model import Exposure, Noise

TINY = documents.find("sensors", "tiny").read_text()
LAST = "    cy_px: 97.901413\n"


def front(folder: Path, told: str) -> Camera:
    """CAM_FRONT of the tiny rig with one more line."""
    path = folder / "own.yaml"
    path.write_text(TINY.replace(LAST, f"{LAST}    {told}\n"))
    return next(camera for camera in rig.load(str(path)).cameras if camera.channel == "CAM_FRONT")


def test_coefficients_are_kept_in_opencvs_order_and_zero_where_nothing_is_said(tmp_path: Path) -> None:
    plain = front(tmp_path, "lens: {model: plain, k1: -0.3, p2: 0.001, k3: 0.02}")
    fisheye = front(tmp_path, "lens: {model: fisheye, k4: 0.001, k1: -0.02}")

    assert plain.lens == Lens("plain", (-0.3, 0.0, 0.0, 0.001, 0.02))
    assert fisheye.lens == Lens("fisheye", (-0.02, 0.0, 0.0, 0.001))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("lens: {k1: -0.3}", "cameras.CAM_FRONT.lens.model: is missing"),
        ("lens: {model: fish_eye}", "cameras.CAM_FRONT.lens.model: got 'fish_eye'; did you mean 'fisheye'?"),
        ("lens: {model: fisheye, p1: 0.1}", "CAM_FRONT.lens: got p1; a fisheye lens has k1, k2, k3, k4"),
        ("lens: {model: plain, k1: -1.5}", "cameras.CAM_FRONT: lens turns back inside the image"),
        ("lens: {model: plain, k5: 1}", "cameras.CAM_FRONT.lens.k5: unknown key"),
        ("exposure: {iso: 200}", "cameras.CAM_FRONT.exposure.time_ms: is missing"),
        ("exposure: {time_ms: 80}", "cameras.CAM_FRONT.exposure.time_ms: got 80; want 0.01 to 50"),
        ("noise: {full_well_e: 5}", "cameras.CAM_FRONT.noise.full_well_e: got 5; want 100 to 1e+06"),
        ("motion_blur: true", "cameras.CAM_FRONT: got motion_blur without exposure; want exposure: {time_ms"),
        ("vignetting_ev: 0", "cameras.CAM_FRONT.vignetting_ev: got 0; want more than 0 and at most 8"),
    ],
)
def test_what_no_camera_has_is_refused_in_words(tmp_path: Path, told: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        front(tmp_path, told)

    assert said in str(caught.value)


def test_exposure_and_noise_are_as_told_and_gain_is_100_where_nothing_is(tmp_path: Path) -> None:
    told = front(tmp_path, "exposure: {time_ms: 4, f_number: 2.8, iso: 400}\n    noise: {full_well_e: 9000}")

    assert told.exposure == Exposure(time_ms=4, iso=400, f_number=2.8, compensation_ev=0)
    assert told.noise == Noise(full_well_e=9000, read_noise_e=0)
    assert told.iso == 400
    assert front(tmp_path, "vignetting_ev: 1").iso == 100


def test_only_what_a_camera_has_is_part_of_a_rigs_identity(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(TINY.replace(LAST, f"{LAST}    lens: {{model: plain, k1: -0.1}}\n"))
    cameras = rig.load(str(path)).to_json()["cameras"]

    assert isinstance(cameras, tuple)
    assert [camera.get("lens") for camera in cameras] == [
        {"model": "plain", "coefficients": (-0.1, 0.0, 0.0, 0.0, 0.0)},
        None,
    ]
    assert "lens" not in cameras[1]
