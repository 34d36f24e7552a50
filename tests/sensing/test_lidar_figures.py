"""What tools/lidar_figures.py says of turns whose figures are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tools.lidar_figures import table


def turn(noise_m: float, step_deg: float) -> np.ndarray:
    """Rows (N, 4) of 32 beams into a ball of 8 m around the sensor, whose intensities are 0 to 99."""
    random = np.random.default_rng(2)
    azimuth, elevation = np.meshgrid(
        np.radians(np.arange(0.0, 360.0, step_deg)), np.radians(np.linspace(-30.67, 10.67, 32)), indexing="ij"
    )
    range_m = 8.0 + noise_m * random.standard_normal(azimuth.shape)
    flat = np.cos(elevation)
    points = [flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)]
    rows = np.stack([*(each * range_m for each in points), random.integers(0, 100, azimuth.shape)], axis=-1)
    return rows.reshape(-1, 4).astype("<f4")


@pytest.mark.parametrize("kind", ["ply", "pcd.bin"])
def test_noise_spacing_and_intensities_of_a_known_turn_are_found(tmp_path: Path, kind: str):
    rows = turn(0.01, 1.0 / 3.0)
    if kind == "ply":
        empty = np.zeros((50, 4), "<f4")
        data = b"ply\nformat binary_little_endian 1.0\nend_header\n" + rows.tobytes() + empty.tobytes()
    else:
        data = np.hstack([rows, np.zeros((len(rows), 1), "<f4")]).tobytes()
    path = tmp_path / f"turn.{kind}"
    path.write_bytes(data)

    lines = dict(line.strip("| ").split(" | ") for line in table([path]).splitlines()[2:])

    assert lines["returns"] == "34560"  # not those at the sensor itself
    assert lines["ring spacing, degrees"] == "1.334 to 1.334"
    assert float(lines["range noise from 5 to 10 m, mm"]) == pytest.approx(10.0, rel=0.1)
    assert lines["range noise from 20 to 40 m, mm"] == "nan"
    assert float(lines["intensity 40 to 59, %"]) == pytest.approx(20.0, abs=1.0)
    assert lines["intensity 101 to 255, %"] == "0.0"


def test_a_turn_of_finer_steps_has_the_same_noise(tmp_path: Path):
    for name, step_deg in (("fine", 1.0 / 6.0), ("coarse", 1.0 / 3.0)):
        rows = turn(0.01, step_deg)
        (tmp_path / f"{name}.pcd.bin").write_bytes(np.hstack([rows, np.zeros((len(rows), 1), "<f4")]).tobytes())

    lines = table([tmp_path / "fine.pcd.bin", tmp_path / "coarse.pcd.bin"]).splitlines()

    fine, coarse = next(line for line in lines if "from 5 to 10" in line).strip("| ").split(" | ")[1:]
    assert float(fine) == pytest.approx(float(coarse), rel=0.1)
