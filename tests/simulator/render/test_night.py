"""Lamps at night: what faces them is lit, what turns its back on them is not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import LABELS, RGB, Instance, VehicleLight, Weather
from tests.simulator.render.conftest import at, camera, scene

NIGHT = Weather(sun_altitude_angle=-30.0, cloudiness=0.0)
SEEN, LIGHTING = 3, 4


def rear(renderer: Renderer, lit_from_m: float | None, *, up_m: float = 0.0) -> npt.NDArray[np.float64]:
    """Brightness, row by row, of the rear of a dark car 20 m ahead; one with headlights stands so far along the road.

    All of it is `up_m` above the origin.
    """
    cars = [at(SEEN, "car", 20.0, z_m=up_m)]
    if lit_from_m is not None:
        pose = from_yaw(lit_from_m, 2.5, up_m, 0.0 if lit_from_m < 20.0 else math.pi)
        lamps = replace(at(LIGHTING, "car", 0.0, lights=int(VehicleLight.LOW_BEAM)), world_from_body=pose)
        cars.append(lamps)
    frames = renderer.render(scene(*cars, weather=NIGHT), camera(z_m=up_m + 1.0), frozenset({RGB, LABELS}))
    assert frames.rgb is not None
    assert frames.actor_id is not None
    seen = frames.actor_id == SEEN
    assert seen.sum() > 150
    rows = [frames.rgb[row][seen[row], :3].mean() for row in np.flatnonzero(seen.any(axis=1))]
    return np.array(rows)


def test_headlights_light_the_rear_of_who_drives_ahead_and_not_of_who_comes_towards_them(renderer: Renderer) -> None:
    dark, from_behind, from_ahead = (np.median(rear(renderer, place)) for place in (None, 6.0, 34.0))
    assert from_behind > dark + 15
    assert from_behind > from_ahead + 10


def test_a_car_without_lights_is_still_to_be_seen_against_the_night(renderer: Renderer) -> None:
    assert np.median(rear(renderer, None)) > 20


def test_a_dipped_beam_lights_what_is_low_most(renderer: Renderer) -> None:
    dark, lit = rear(renderer, None), rear(renderer, 6.0)
    third = len(lit) // 3

    assert (lit - dark)[-third:].mean() > 1.3 * (lit - dark)[:third].mean() > 10.0


@pytest.mark.parametrize("up_m", [-30.0, 30.0])
def test_headlights_light_on_a_hill_and_in_a_valley_what_they_light_on_the_level(
    renderer: Renderer, up_m: float
) -> None:
    np.testing.assert_allclose(rear(renderer, 6.0, up_m=up_m), rear(renderer, 6.0), atol=4.0)


def flank(renderer: Renderer, lights: VehicleLight | None, *, behind_m: float, ahead_m: float) -> float:
    """Mean brightness of the left side of a car, between two places along it; the picture has the front to its left."""
    pose = from_yaw(0.0, 0.0, 0.0, 0.0)
    car = replace(at(SEEN, "car", 0.0, lights=int(lights or 0)), world_from_body=pose)
    view = camera(0.0, 6.0, 1.0, -math.pi / 2)
    frames = renderer.render(scene(car, weather=NIGHT), view, frozenset({RGB, LABELS}))
    assert frames.rgb is not None
    assert frames.actor_id is not None
    columns = [round(view.cx_px - view.fx_px * x_m / 5.1) for x_m in (behind_m, ahead_m)]
    part = slice(min(columns), max(columns))
    pixels = frames.rgb[:, part, :3][frames.actor_id[:, part] == SEEN]
    assert len(pixels) > 150
    return float(pixels.astype(float).mean())


@pytest.mark.parametrize("lights", [VehicleLight.LOW_BEAM, VehicleLight.HIGH_BEAM])
@pytest.mark.parametrize("behind_m", [-1.5, -0.5, 0.5])
def test_headlights_do_not_light_the_sides_of_the_vehicle_behind_them(
    renderer: Renderer, lights: VehicleLight, behind_m: float
) -> None:
    dark = flank(renderer, None, behind_m=behind_m, ahead_m=behind_m + 0.8)
    lit = flank(renderer, lights, behind_m=behind_m, ahead_m=behind_m + 0.8)
    assert lit < dark + 1.0


def test_headlights_do_not_light_the_front_of_who_drives_ahead(renderer: Renderer) -> None:
    def front(*others: Instance) -> float:
        cars = (at(SEEN, "car", 20.0), *others)
        view = camera(32.0, 0.0, 1.0, math.pi)
        frames = renderer.render(scene(*cars, weather=NIGHT), view, frozenset({RGB, LABELS}))
        assert frames.rgb is not None
        assert frames.actor_id is not None
        return float(np.median(frames.rgb[frames.actor_id == SEEN][:, :3].astype(float).mean(axis=1)))

    assert front(at(LIGHTING, "car", 6.0, lights=int(VehicleLight.LOW_BEAM))) < front() + 3.0
