"""Rays of lidars that are devices: what is asked of a server for them, and what its measurements say that they met."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from av_synth.capture.lidar_rays import lidar_attributes, ray_attributes, ray_hits, stock_hits, why_not_stock
from av_synth.geometry.transforms import from_yaw
from av_synth.rig import Lidar, Mount
from av_synth.rig.model import Firing
from av_synth.sensing.lidar import LidarDevice
from av_synth.sensing.materials import UNKNOWN

ROW = np.dtype([("xyz", "<f4", 3), ("cos", "<f4"), ("actor_id", "<u4"), ("tag", "<u4")])
LIDAR_FROM_BODY = from_yaw(0.0, 0.0, 0.0, np.pi / 2)
LIDAR = Lidar(
    channel="LIDAR_TOP",
    mount=Mount((0.0, 0.0, 2.0), (1.0, 0.0, 0.0, 0.0)),
    every_ticks=1,
    beams=2,
    columns=4,
    upper_deg=10.0,
    lower_deg=-30.0,
    range_m=100.0,
    elevations_deg=(-30.0, 10.0),
    azimuths_deg=(2.0, 0.0),
    device=LidarDevice(),
    firing=Firing("raw", (0.0, 10.0)),
)
TICK_US = 50_000


def measurement(*channels: list[tuple[Any, ...]], angle_rad: float = 0.0) -> Any:
    """A semantic lidar's, with rows of (xyz, cos, actor, tag) by channel, y to the right as CARLA has it."""
    rows = np.array([row for channel in channels for row in channel], dtype=ROW)
    return SimpleNamespace(
        raw_data=rows.tobytes(), horizontal_angle=angle_rad, get_point_count=lambda channel: len(channels[channel])
    )


def test_a_device_is_asked_for_with_its_highest_beam_first():
    asked = lidar_attributes(LIDAR, TICK_US) | ray_attributes(LIDAR, LidarDevice(), Firing("raw", (0.0, 10.0)))

    assert asked["avsynth.elevations"] == "10.0 -30.0"
    assert asked["avsynth.azimuths"] == "0.0 2.0"
    assert asked["avsynth.firing_us"] == "10.0 0.0"
    assert (asked["avsynth.divergence_mrad"], asked["avsynth.motion"]) == ("3.0", "true")
    assert (asked["channels"], asked["points_per_second"], asked["horizontal_fov"]) == ("2", "160", "360.0")


def test_what_a_ray_met_comes_with_how_it_met_it():
    hits = measurement(
        [((20.0, 0.0, 3.5), 0.9, 7, 14), ((0.0, 30.0, 5.3), 0.8, 0, 3), ((0.0, 40.0, 7.1), 0.7, 0, 1)],
        [((0.0, -10.0, -5.77), 0.5, 0, 1)],
        [((-0.02, 1.0, 1.0), 2, 0, 7), ((-0.01, 0.25, 0.5), 3, 0, 8), ((-0.01, 0.75, 1.0), 3, 1, 1)],
        [((-0.03, 1.0, 1.0), 1, 0, 2)],
    )

    found = ray_hits(hits, LIDAR_FROM_BODY, LIDAR, TICK_US)

    met = found.weight > 0
    np.testing.assert_array_equal(met, [True] * 4 + [False] * 5)
    np.testing.assert_array_equal(found.ring[met], [1, 1, 1, 0])
    np.testing.assert_array_equal(found.column[met], [2, 3, 3, 1])
    np.testing.assert_array_equal(found.material[met], [7, 8, 1, 2])
    np.testing.assert_allclose(found.time_s[met], [-0.02, -0.01, -0.01, -0.03])
    np.testing.assert_allclose(found.weight[met], [1, 0.25, 0.75, 1])
    np.testing.assert_allclose(found.transmission[met], [1, 0.5, 1, 1])
    np.testing.assert_array_equal(found.actor_id[met], [7, 0, 0, 0])
    # nuScenes' axes: ahead is y, and what CARLA has to the right is x
    np.testing.assert_allclose(found.directions[0], np.array([0, 20, 3.5]) / np.hypot(20, 3.5), atol=1e-6)
    np.testing.assert_allclose(found.directions[1, :2] * found.range_m[1], [30, 0], atol=1e-5)


def test_rays_that_met_nothing_are_there_with_their_directions_and_times():
    hits = measurement([((20.0, 0.0, 3.5), 0.9, 7, 14)], [], [((-0.02, 1.0, 1.0), 2, 0, 7)], [])

    found = ray_hits(hits, LIDAR_FROM_BODY, LIDAR, TICK_US)

    lost = found.range_m == np.inf
    assert sorted(zip(found.ring[lost].tolist(), found.column[lost].tolist(), strict=True)) == [
        *((0, column) for column in range(4)),
        *((1, column) for column in (0, 1, 3)),
    ]
    assert set(found.material[lost]) == {UNKNOWN}
    # a turn begins straight behind and goes clockwise: column 1 looks to the left, which is -x of nuScenes' lidar
    x, y, z = found.directions[lost & (found.ring == 0) & (found.column == 1)][0]
    assert np.degrees(np.arctan2(-x, y)) == pytest.approx(92.0, abs=1e-3)
    assert np.degrees(np.arcsin(z)) == pytest.approx(-30.0, abs=1e-3)
    # the head turns on until the second beam fires, 10 us later
    x, y, _ = found.directions[lost & (found.ring == 1) & (found.column == 1)][0]
    assert np.degrees(np.arctan2(-x, y)) == pytest.approx(90.0 - 360.0 * 10 / TICK_US, abs=1e-3)
    np.testing.assert_allclose(found.time_s[lost & (found.ring == 1)], [-0.05 + 1e-5, -0.0375 + 1e-5, -0.0125 + 1e-5])


def test_a_stock_lidar_stands_in_with_columns_by_its_own_angle():
    hits = measurement([((20.0, 0.0, 3.5), 0.9, 7, 14)], [((-7.0, 0.1, -4.0), 0.9, 0, 1)], angle_rad=np.pi / 2)

    found = stock_hits(hits, LIDAR_FROM_BODY, replace(LIDAR, azimuths_deg=None), TICK_US)

    met = found.weight > 0
    np.testing.assert_array_equal(found.ring[met], [1, 0])
    np.testing.assert_array_equal(found.column[met], [1, 3])  # begun a quarter of a turn later
    assert set(found.material[met]) == {UNKNOWN}
    assert not found.time_s.any()
    assert len(found.ring) == 8


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "motion: raw"),
        ({"firing": Firing("none", None)}, "azimuths_deg, beams beside their column"),
        ({"firing": Firing("none", None), "azimuths_deg": None}, ""),
        ({"firing": Firing("none", None), "elevations_deg": (-30.0, 0.0, 10.0), "beams": 3}, "elevations_deg that"),
        (
            {
                "firing": Firing("none", None),
                "elevations_deg": (-30.0, -9.995, 10.0),
                "azimuths_deg": (0.0, 0.005, 0.0),
                "beams": 3,
            },
            "",
        ),
    ],
)
def test_what_a_stock_lidar_cannot_do_is_told(changes, told):
    lidar = replace(LIDAR, **changes)

    assert why_not_stock(lidar, lidar.firing).startswith(told)
    assert bool(why_not_stock(lidar, lidar.firing)) == bool(told)
