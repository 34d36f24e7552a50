"""What a rig may say of a lidar that is a device, and the ones that come with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from av_synth import documents, rig
from av_synth.errors import DocumentError
from av_synth.rig import Lidar
from av_synth.rig.model import Firing
from av_synth.sensing.lidar import LidarDevice

TINY = documents.find("sensors", "tiny").read_text()
EVEN = "    beams: 16\n    columns: 542\n    upper_deg: 10.67\n    lower_deg: -30.67\n"


def top(folder: Path, told: str) -> Lidar:
    """LIDAR_TOP of the tiny rig with these lines in place of those of its beams."""
    path = folder / "own.yaml"
    path.write_text(TINY.replace(EVEN, "    columns: 542\n" + "".join(f"    {line}\n" for line in told.splitlines())))
    return rig.load(str(path)).lidars[0]


def test_a_table_of_beams_says_how_many_there_are_and_where_they_look(tmp_path: Path) -> None:
    found = top(
        tmp_path,
        "elevations_deg: [-20, -5, -1, 10]\nazimuths_deg: [1, -1, 1, -1]\n"
        "device: {echoes: 2, motion: raw, firing_us: [0, 2, 4, 6], divergence_mrad: 1.5, min_range_m: 0.3}",
    )

    assert (found.beams, found.lower_deg, found.upper_deg) == (4, -20.0, 10.0)
    assert found.table_deg == (-20.0, -5.0, -1.0, 10.0)
    assert found.device == LidarDevice(range_m=100.0, echoes=2, divergence_mrad=1.5, min_range_m=0.3)
    assert found.firing == Firing("raw", (0.0, 2.0, 4.0, 6.0))


def test_beams_without_a_table_are_evenly_spread(tmp_path: Path) -> None:
    found = top(tmp_path, "beams: 5\nupper_deg: 10\nlower_deg: -30\nhorizontal_fov_deg: 120\ndevice: {}")

    assert found.table_deg == (-30.0, -20.0, -10.0, 0.0, 10.0)
    assert found.horizontal_fov_deg == 120.0
    assert (found.device, found.firing) == (LidarDevice(), Firing("none", None))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("beams: 4", "LIDAR_TOP: has no upper_deg, lower_deg; want beams, upper_deg and lower_deg, or elevations_deg"),
        (
            "elevations_deg: [1, 2]\nbeams: 2\ndevice: {}",
            "LIDAR_TOP: got beams beside elevations_deg; want one of them",
        ),
        (
            "elevations_deg: [0, 2, 1]\ndevice: {}",
            "got 2 before 1; want elevations_deg of 1 to 256 beams, the lowest first, no two alike",
        ),
        ("elevations_deg: []\ndevice: {}", "got 0 elevations_deg; want elevations_deg of 1 to 256 beams"),
        ("elevations_deg: [1, 2]", "LIDAR_TOP: got a table of beams without a device; want device: {}, or its keys"),
        (
            "beams: 2\nupper_deg: 1\nlower_deg: 0\nhorizontal_fov_deg: 120",
            "LIDAR_TOP: horizontal_fov_deg = 120 without a device; want device: {}, or its keys, or all the way round",
        ),
        ("elevations_deg: [1, 95]\ndevice: {}", "LIDAR_TOP.elevations_deg[1]: got 95; want -90 to 90"),
        (
            "elevations_deg: [1, 2]\ndevice: {firing_us: [0]}",
            "LIDAR_TOP: device.firing_us has 1 values; want 2, one for each beam",
        ),
        (
            "elevations_deg: [1, 2]\nazimuths_deg: [0, 0, 0]\ndevice: {}",
            "LIDAR_TOP: azimuths_deg has 3 values; want 2, one for each beam",
        ),
        (
            "elevations_deg: [1, 2]\ndevice: {firing_us: [0, 93]}",
            "LIDAR_TOP.device.firing_us: got 93; want 92.25 at most: 542 columns in tick_us = 50000 take no longer",
        ),
        ("elevations_deg: [1, 2]\ndevice: {motion: deskewed}", "LIDAR_TOP.device.motion: got 'deskewed'"),
        ("elevations_deg: [1, 2]\ndevice: {echoes: 4}", "LIDAR_TOP.device.echoes: got 4; want 1 to 3"),
        ("elevations_deg: [1, 2]\ndevice: {echos: 2}", "did you mean 'echoes'?"),
    ],
)
def test_what_is_wrong_with_a_lidar_is_told(tmp_path: Path, told: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        top(tmp_path, told)

    assert said in str(caught.value)


def test_a_lidar_that_could_measure_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(TINY.replace("    range_m: 100\n", "    range_m: 9\n    device: {min_range_m: 9}\n"))

    with pytest.raises(DocumentError, match=r"LIDAR_TOP: device\.min_range_m = 9; want it below range_m = 9"):
        rig.load(str(path))


def test_a_lidar_that_is_no_device_is_in_a_runs_identity_as_it_always_was() -> None:
    assert set(rig.load("tiny").to_json()["lidars"][0]) == {  # type: ignore[index]
        *("channel", "mount", "every_ticks", "beams", "columns", "upper_deg", "lower_deg", "range_m")
    }


def test_the_lidars_that_come_with_it_have_the_tables_of_their_makers() -> None:
    beams = {name: rig.load(name).lidars[0] for name in ("nuscenes", "lidar16", "lidar64", "lidar128", "solid_state")}

    np.testing.assert_allclose(beams["nuscenes"].table_deg, np.linspace(-30.67, 10.67, 32), atol=0.001)
    assert beams["lidar16"].table_deg == tuple(range(-15, 16, 2))
    steps = np.diff(beams["lidar64"].table_deg)
    np.testing.assert_allclose(steps, [0.5] * 32 + [1 / 3] * 31, atol=0.002)
    assert (len(beams["lidar128"].table_deg), min(np.diff(beams["lidar128"].table_deg))) == (128, pytest.approx(0.11))
    assert sorted(set(beams["lidar128"].azimuths_deg or ())) == [
        -6.354,
        -4.548,
        -2.732,
        -0.911,
        0.911,
        2.732,
        4.548,
        6.354,
    ]
    assert beams["solid_state"].horizontal_fov_deg == 120.0
    for name, lidar in beams.items():
        firing_us = lidar.firing and lidar.firing.firing_us
        assert max(firing_us or (0.0,)) <= 50_000 / lidar.columns, name  # a column is over before the next


def test_a_table_that_is_even_says_what_upper_and_lower_end_say(tmp_path: Path) -> None:
    table = top(tmp_path, "elevations_deg: [-15, -5, 5, 15]\ndevice: {}")

    assert replace(table, elevations_deg=None).table_deg == pytest.approx(table.table_deg)


@pytest.mark.parametrize(
    ("last", "reach", "channel"),
    [("    lower_deg: -30.67\n", 100, "LIDAR_TOP"), ("    vertical_fov_deg: 10\n", 120, "RADAR_FRONT")],
)
def test_a_device_that_could_see_nothing_is_a_mistake(tmp_path: Path, last: str, reach: int, channel: str) -> None:
    path = tmp_path / "own.yaml"
    blind = f"{last}    range_m: 5\n    device: {{min_range_m: 5}}\n"
    path.write_text(TINY.replace(f"{last}    range_m: {reach}\n", blind))

    with pytest.raises(DocumentError) as caught:
        rig.load(str(path))

    assert f"{channel}: device.min_range_m = 5; want it below range_m = 5" in str(caught.value)
