"""Pictures of vehicles whose wheels are turned: the wheels alone differ, near enough to be seen, and so do labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.bodies.model import shown
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import DEPTH, FLOW, LABELS, RGB, Instance, Material, Scene, VehicleLight, View, Weather
from tests.simulator.render.conftest import town

CAR = "vehicle.audi.tt"
ROLLING = catalogue()[CAR].rolling
STANDS = Instance(5, CAR, 0, from_yaw(0.0, 0.0, 0.0, 0.0))
EVERYTHING = frozenset({RGB, LABELS, FLOW, DEPTH})


@pytest.fixture(scope="module")
def garage() -> Iterator[Renderer]:
    bodies = {name: catalogue()[name] for name in (CAR, "vehicle.dodge.charger_police")}
    renderer = Renderer(town(), shown(bodies))
    yield renderer
    renderer.close()


def turned(steer_rad: float, rolled_rad: float):
    """From the body to its wheels (4, 4, 4), the front ones steered."""
    poses = np.tile(np.eye(4), (4, 1, 1))
    roll = np.array(
        [[np.cos(rolled_rad), 0, np.sin(rolled_rad)], [0, 1, 0], [-np.sin(rolled_rad), 0, np.cos(rolled_rad)]]
    )
    for k, hub in enumerate(ROLLING.hubs_m):
        poses[k, :3, :3] = from_yaw(0.0, 0.0, 0.0, steer_rad if k > 1 else 0.0)[:3, :3] @ roll
        poses[k, :3, 3] = hub
    return poses


def from_side(distance_m: float = 4.0) -> View:
    """At the height of the hubs, on the right, looking left."""
    pose = np.array([[1.0, 0, 0, 0.0], [0, 0, 1.0, -distance_m], [0, -1.0, 0, 0.6], [0, 0, 0, 1.0]])
    return View(pose, 320, 120, 250.0, 250.0, 160.0, 60.0)


def drawn(renderer, *instances, view=None, weather=None, elapsed_s=0.0):
    return renderer.render(Scene(1, elapsed_s, instances, weather or Weather()), view or from_side(), EVERYTHING)


def differs(one, other):
    """Share of pixels, and whose labels are others."""
    return np.mean(np.abs(one.rgb[..., :3].astype(int) - other.rgb[..., :3]).max(axis=2) > 12), np.mean(
        one.actor_id != other.actor_id
    )


def test_wheels_that_point_ahead_look_as_in_the_mesh_and_turned_ones_differ_where_they_are(garage):
    whole = drawn(garage, STANDS)
    ahead = drawn(garage, replace(STANDS, wheels=turned(0.0, 0.0)))
    rolled = drawn(garage, replace(STANDS, wheels=turned(0.0, 0.6)))
    steered = drawn(garage, replace(STANDS, wheels=turned(0.5, 0.0)))

    assert differs(whole, ahead)[0] < 0.0005  # light that the body keeps from them is reckoned for them alone
    assert differs(whole, ahead)[1] == 0.0
    assert 0.005 < differs(whole, rolled)[0] < 0.08
    assert differs(whole, rolled)[1] < 0.002
    columns = np.flatnonzero((np.abs(whole.depth_m - steered.depth_m) > 0.05).any(axis=0))
    hub = 160.0 + 250.0 * ROLLING.hubs_m[3, 0] / (4.0 + ROLLING.hubs_m[3, 1])
    assert len(columns) > 10
    assert (np.abs(columns - hub) < 45.0).all()


def test_wheels_that_are_small_in_a_view_are_drawn_with_the_body(garage):
    far = from_side(30.0)
    steered = replace(STANDS, wheels=turned(0.5, 0.3))

    np.testing.assert_array_equal(drawn(garage, STANDS, view=far).rgb, drawn(garage, steered, view=far).rgb)


def test_the_flow_of_a_rolling_wheel_is_that_of_its_rim(garage):
    rolling = replace(STANDS, wheels=turned(0.0, 0.1), last_wheels=turned(0.0, 0.0))
    flow = drawn(garage, rolling).flow_px
    hub = ROLLING.hubs_m[3]
    scale = 250.0 / (4.0 + hub[1] - ROLLING.half_m[3])
    column, row = int(160 + scale * hub[0]), int(60 + scale * (0.6 - hub[2]))
    up = int(0.5 * ROLLING.radii_m[3] * scale)

    assert flow[row - up, column, 0] == pytest.approx(0.1 * up, abs=0.5)  # its top goes forward, to the right
    assert flow[row + up, column, 0] == pytest.approx(-0.1 * up, abs=0.5)
    assert np.abs(flow[20, 160]).max() == 0.0


def test_flashing_lights_shine_in_turns_when_they_are_on_by_day_and_night(garage):
    police = replace(STANDS, body="vehicle.dodge.charger_police")
    lit = replace(police, lights=int(VehicleLight.SPECIAL))
    body = catalogue()[police.body]
    (mesh,) = body.meshes
    blue = mesh.positions_m[mesh.materials == Material.LAMP_BLUE].mean(axis=0)
    for altitude in (50.0, -20.0):
        view = from_side(5.0)
        row = int(60 + 250.0 * (0.6 - blue[2]) / (5.0 + blue[1] - 0.225))
        column = int(160 + 250.0 * blue[0] / (5.0 + blue[1] - 0.225))
        off, on, other = (
            drawn(garage, each, view=view, weather=Weather(sun_altitude_angle=altitude), elapsed_s=at).rgb[row, column]
            for each, at in ((police, 0.1), (lit, 0.1), (lit, 0.4))
        )
        assert max(abs(on.astype(int) - off)) > 60, altitude
        assert max(abs(other.astype(int) - off)) < 10, altitude
