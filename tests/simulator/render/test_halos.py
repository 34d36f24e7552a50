"""Halos: light that spreads in the eye around the lamps that it sees."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import RGB, Instance, Material, Mesh, Tag, VehicleLight, Weather
from tests.simulator.render.conftest import SimpleBody, box, camera, mesh, scene, town

NIGHT = Weather(sun_altitude_angle=-30.0, cloudiness=0.0)
DENSE = Weather(sun_altitude_angle=-30.0, cloudiness=100.0, fog_density=100.0, fog_distance=0.75, fog_falloff=0.1)
FAR_M = 9.0


def van(lamp: Mesh) -> SimpleBody:
    hull = box([-2, -0.9, 0.2], [2, 0.9, 2.2], Material.PAINT, Tag.CAR, (255, 255, 255))
    return SimpleBody((Mesh.merge([hull, lamp]),), Tag.CAR)


def boxed(left_m: float, right_m: float) -> Mesh:
    """A lamp that stands out as a box does: its faces look all ways."""
    return box([1.98, left_m, 0.9], [2.03, right_m, 1.1], Material.LAMP_FRONT, Tag.CAR, (255, 255, 255))


def flat() -> Mesh:
    corners = [[2.01, -0.15, 0.9], [2.01, 0.15, 0.9], [2.01, 0.15, 1.1], [2.01, -0.15, 1.1]]
    return mesh(corners, [[0, 1, 2], [0, 2, 3]], Material.LAMP_FRONT, Tag.CAR, (255, 255, 255))


def thing(half_m: float) -> SimpleBody:
    low, high = [-0.1, -half_m, 0.0], [0.1, half_m, 3.0]
    return SimpleBody((box(low, high, Material.MATTE, Tag.STATIC, (20, 20, 20)),), Tag.STATIC)


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    bodies = {
        "middle": van(boxed(-0.15, 0.15)),
        "edge": van(boxed(0.55, 0.85)),
        "flat": van(flat()),
        "post": thing(0.03),
        "screen": thing(3.0),
    }
    renderer = Renderer(town(), bodies)
    yield renderer
    renderer.close()


def added(
    renderer: Renderer, body: str, yaw_rad: float, *others: Instance, weather: Weather = NIGHT
) -> npt.NDArray[np.float64]:
    """How much brighter (H, W) a lamp that is on makes a picture."""
    pictures = []
    for lights in (VehicleLight.POSITION, 0):
        car = Instance(3, body, 0, from_yaw(FAR_M, 0.0, 0.0, math.pi + yaw_rad), lights=int(lights))
        frames = renderer.render(
            scene(car, *others, weather=weather), camera(z_m=1.0, size=(640, 360)), frozenset({RGB})
        )
        assert frames.rgb is not None
        pictures.append(frames.rgb[:, :, :3].astype(np.float64).mean(axis=2))
    return np.asarray(pictures[0] - pictures[1])


@pytest.mark.parametrize("body", ["middle", "edge", "flat"])
@pytest.mark.parametrize("yaw_rad", [-0.6, 0.6])
def test_a_halo_is_not_cut_by_the_body_around_its_lamp(renderer: Renderer, body: str, yaw_rad: float) -> None:
    halo = added(renderer, body, yaw_rad)
    rows, columns = np.nonzero(halo > 0.8 * halo.max())
    row, column = round(rows.mean()), round(columns.mean())
    for away in (12, 14, 16):  # outside of the lamp itself
        left, right = halo[row, column - away], halo[row, column + away]
        assert min(left, right) > max(0.4 * max(left, right), 1.0)


def test_a_lamp_that_is_hidden_has_no_halo_and_one_behind_a_post_has_some_of_it(renderer: Renderer) -> None:
    def before(body: str) -> Instance:
        return Instance(4, body, 0, from_yaw(5.0, 0.0, 0.0, 0.0))

    whole = added(renderer, "middle", 0.0).sum()
    assert added(renderer, "middle", 0.0, before("screen")).sum() == 0.0
    assert 0.1 * whole < added(renderer, "middle", 0.0, before("post")).sum() < 0.95 * whole


def test_a_lamp_is_not_seen_through_the_body_that_carries_it(renderer: Renderer) -> None:
    assert added(renderer, "middle", math.pi).sum() == 0.0


def test_fog_glows_around_lamps_further_than_their_halos_reach(renderer: Renderer) -> None:
    def aside(weather: Weather) -> float:
        """What a lamp adds 1.5 to 2 m to the left and right of itself."""
        halo = added(renderer, "flat", 0.0, weather=weather)
        metre = 0.8 * 640 / (FAR_M - 2.0)
        row, column = round(0.53 * 360), round(0.51 * 640)
        near, far = round(1.5 * metre), round(2.0 * metre)
        left, right = halo[row, column - far : column - near], halo[row, column + near : column + far]
        return float(min(left.mean(), right.mean()))

    assert aside(NIGHT) == 0.0
    assert aside(DENSE) > 1.5
    assert aside(replace(DENSE, scattering_intensity=0.0)) == 0.0
    assert aside(replace(DENSE, fog_distance=20.0)) == 0.0


def test_fog_hides_the_street_that_lamps_light_far_away(renderer: Renderer) -> None:
    def lit(weather: Weather) -> float:
        """What a car 50 m ahead, that stands across the road, adds to the road that it lights."""
        pictures = []
        for lights in (VehicleLight.LOW_BEAM, 0):
            car = Instance(3, "flat", 0, from_yaw(50.0, 0.0, 0.0, math.pi / 2), lights=int(lights))
            view = camera(z_m=1.5, size=(640, 360))
            frames = renderer.render(scene(car, weather=weather), view, frozenset({RGB}))
            assert frames.rgb is not None
            pictures.append(frames.rgb[:, :, :3].astype(np.float64).mean(axis=2))
        return float((pictures[0] - pictures[1]).max())

    assert lit(NIGHT) > 30.0
    assert lit(DENSE) < 12.0
