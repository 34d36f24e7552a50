"""What rain, snow and fog take of a lidar's points, counted in the files of runs that differ in weather alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from av_synth import documents, scenario
from av_synth import rig as rigs
from av_synth.launch import Address
from av_synth.rig import Rig
from av_synth.run import RunSpec
from av_synth.scenario.scenario import from_document
from tests.e2e.conftest import record

TEXT = """name: street
description: A street, and nobody in it.
duration_s: 0.5
road: {length_m: 60, town: AvSynth01, lanes: 1, pavement: [right]}
weather: {preset: clear_noon, %s}
ego: {speed_kmh: 0}
"""
BEAMS, COLUMNS, RANGE_M, SEEN, OVERLAP_M = 16, 1084, 100.0, 0.5, 5.0
TOLD = np.dtype([("time_us", "<i4"), ("echo", "u1"), ("weather", "u1")])
FOG = "fog_distance: 0, fog_falloff: 0, fog_density: "


def decibels(per_km: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda range_m: 10.0 ** (-0.2 * per_km * range_m / 1000.0)


def fog(percent: float) -> Callable[[np.ndarray], np.ndarray]:
    """docs/reference/weather.md says what percents are per metre."""
    share = percent / 100.0
    return lambda range_m: np.exp(-2.0 * (0.006 * share + 0.07 * share**2) * range_m)


CASES: dict[str, tuple[str, str, Callable[[np.ndarray], np.ndarray]]] = {
    "goodin, 5 mm/h": ("goodin", "rain_mm_h: 5", lambda range_m: np.exp(-0.02 * 5.0**0.6 * range_m)),
    "goodin, 25 mm/h": ("goodin", "rain_mm_h: 25", lambda range_m: np.exp(-0.02 * 25.0**0.6 * range_m)),
    "itu, 50 mm/h": ("measured", "rain_mm_h: 50", decibels(1.076 * 50.0**0.67)),
    "itu, snow of 6 mm/h": ("measured", "snow_mm_h: 6", decibels((0.0000542 * 905 + 5.4958776) * 6.0**1.38)),
    "hahner, fog of 30 %": ("measured", FOG + "30", fog(30.0)),
    "hahner, fog of 60 %": ("measured", FOG + "60", fog(60.0)),
}


def rig(folder: Path, rain: str) -> Rig:
    """The tiny rig with beams that look up, at what no water is on, and without noise."""
    text = documents.find("sensors", "tiny").read_text()
    even = "    beams: 16\n    columns: 542\n    upper_deg: 10.67\n    lower_deg: -30.67\n"
    assert even in text
    own = (
        f"    beams: {BEAMS}\n    columns: {COLUMNS}\n    upper_deg: 8.0\n    lower_deg: 0.5\n"
        f"    device: {{seen_reflectance: {SEEN}, echoes: 3, range_noise_m: 0, intensity_noise: 0,"
        f" divergence_mrad: 0, rain: {rain}}}\n"
    )
    path = folder / f"{rain}.yaml"
    path.write_text(text.replace(even, own).replace("name: tiny", f"name: {rain}"))
    return rigs.load(str(path))


@pytest.fixture(scope="module")
def seen(address: Address, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By case, the first turn: range and intensity (16, 1084) of the strongest point of each beam, 0 for none."""
    folder = tmp_path_factory.mktemp("losses")
    specs = {
        name: RunSpec(
            scenario.draw(from_document(documents.parse(TEXT % weather, "street.yaml")), 0), rig(folder, rain)
        )
        for name, (rain, weather, _) in {"clear": ("measured", "rain_mm_h: 0", fog(0.0)), **CASES}.items()
    }
    return {
        name: beams(record(folder / str(number), spec, address)[0]) for number, (name, spec) in enumerate(specs.items())
    }


def beams(run: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = np.fromfile(run / "blobs/LIDAR_TOP/000000.pcd.bin", dtype="<f4").reshape(-1, 5).astype(np.float64)
    (times,) = (run / "lidar_times").rglob("000000*")
    told = np.fromfile(times, dtype=TOLD)
    assert len(told) == len(rows)
    rows = rows[told["weather"] == 0][::-1]  # the strongest of a beam comes last
    column = np.rint(np.degrees(np.arctan2(rows[:, 1], rows[:, 0])) / 360.0 * COLUMNS).astype(int) % COLUMNS
    found = np.zeros((2, BEAMS, COLUMNS))
    found[:, rows[:, 4].astype(int), column] = np.linalg.norm(rows[:, :3], axis=1), rows[:, 3]
    return found[0], found[1]


@pytest.mark.parametrize("case", CASES)
def test_points_are_lost_as_the_papers_say(seen, case):
    range_m, intensity = seen["clear"]
    power = intensity / 100.0 * np.minimum(range_m / OVERLAP_M, 1.0) / np.maximum(range_m, 1.0) ** 2
    threshold = SEEN / RANGE_M**2
    # where rounding hides little, and where the threshold, which wavers by a tenth, loses nothing in clear air
    known = (intensity >= 10.0) & (intensity <= 100.0) & (power > 1.3 * threshold)
    doubt = 10.0 * (power * CASES[case][2](range_m) / threshold - 1.0)
    gone = np.where(known, 0.5 - 0.5 * np.vectorize(math.erf)(doubt / math.sqrt(2.0)), 0.0)

    # Goodin's rain makes ranges uncertain by 2 %
    lost = known & (np.abs(seen[case][0] - range_m) > np.maximum(0.5, 0.1 * range_m))
    assert gone.sum() > 100
    assert lost.sum() == pytest.approx(gone.sum(), rel=0.1)
    for near_m, far_m in ((10.0, 25.0), (25.0, 50.0), (50.0, 100.0)):
        ring = known & (range_m >= near_m) & (range_m < far_m)
        if ring.sum() > 200:
            assert lost[ring].mean() == pytest.approx(gone[ring].mean(), rel=0.1, abs=0.02)
