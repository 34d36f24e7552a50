"""The director's parts that need no simulator: the path, the controllers, the triggers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.director.control import SpeedControl, Steering, pure_pursuit_rad, smooth_step
from av_synth.director.path import Path
from av_synth.director.triggers import arrival_s
from av_synth.director.view import Along

ANGLES = np.linspace(0.0, 0.5, 60)
BEND = Path(np.column_stack([200 * np.sin(ANGLES), 200 * (1 - np.cos(ANGLES)), np.linspace(0, 2, 60)]), 20)


@settings(max_examples=60, deadline=None)
@given(st.floats(-30, 64), st.floats(-8, 8))
def test_projecting_a_point_of_the_path_gives_its_station_and_offset_back(s_m: float, d_m: float) -> None:
    station, offset = BEND.project(BEND.point(s_m, d_m))

    assert station == pytest.approx(s_m, abs=0.05)
    assert offset == pytest.approx(d_m, abs=0.02)


def test_a_path_goes_straight_on_beyond_its_ends_and_turns_actors_with_it() -> None:
    pose = BEND.pose(BEND.end_m + 50.0, 2.0, math.pi)

    assert BEND.project(pose[:3, 3]) == pytest.approx((BEND.end_m + 50.0, 2.0), abs=1e-6)
    assert pose[:3, 0] @ BEND.pose(BEND.end_m)[:3, 0] == pytest.approx(-1.0, abs=1e-6)
    with pytest.raises(ValueError, match="two finite points"):
        Path(np.zeros((1, 3)), 0)


@pytest.mark.parametrize(("pull", "brakes", "drag"), [(3.4, 8.0, 0.3), (1.8, 6.0, 0.6), (6.0, 10.0, 0.15)])
def test_speed_control_holds_a_speed_and_brakes_as_asked_on_very_different_vehicles(
    pull: float, brakes: float, drag: float
) -> None:
    control, speed, dt = SpeedControl(12.0), 12.0, 0.05
    speeds, pedals = [], np.zeros(2)

    def drive(target: float, seconds: float) -> None:
        nonlocal speed, pedals
        for _ in range(round(seconds / dt)):
            asked = np.array(control.pedals(speed, target, 2.0, 4.0, dt))
            pedals = pedals + (asked - pedals) * 0.5  # the actuators' lag
            speed = max(speed + (pedals[0] * pull - pedals[1] * brakes - drag) * dt, 0.0)
            speeds.append(speed)

    drive(12.0, 10.0)
    assert np.abs(np.array(speeds[-40:]) - 12.0).max() < 0.1

    speeds.clear()
    drive(0.0, 2.0)
    assert (speeds[9] - speeds[29]) / 1.0 == pytest.approx(4.0, abs=0.8)
    drive(0.0, 3.0)
    assert speed == 0.0


def test_steering_is_towards_the_aim_with_carlas_sign_and_share() -> None:
    steering = Steering(2.6, math.radians(70), ((0.0, 1.0), (100.0, 0.5)))

    assert pure_pursuit_rad(10.0, 1.0, 2.6) > 0
    assert steering.command(math.radians(7), 0.0) == pytest.approx(-0.1)
    assert steering.command(math.radians(7), 100 / 3.6) == pytest.approx(-0.2)
    assert steering.command(9.0, 0.0) == -1.0
    assert [smooth_step(t) for t in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_gaps_and_arrivals_along_the_path() -> None:
    ego, ahead, beside = Along(0, 4, 0, 10), Along(24, 26, -3, 0), Along(2, 6, 3.5, 9)

    assert ahead.gap_m(ego) == ego.gap_m(ahead) == 20
    assert beside.gap_m(ego) < 0
    assert arrival_s(ego, ahead) == pytest.approx(2.1)
    assert arrival_s(Along(0, 4, 0, 0), ahead) == math.inf
