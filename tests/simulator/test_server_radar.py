"""`avsynth.radar.device` through the official client: a grid of rays, whom and what they met, and how fast that is."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from av_synth.geometry.carla import matrix_from_transform, motion_from_numbers, motion_numbers
from av_synth.geometry.transforms import apply, rotate
from av_synth.sensing.materials import Material
from av_synth.sensing.radar_rays import RayGrid, ray_grid

POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("cos", "<f4"), ("id", "<u4"), ("tag", "<u4")])
GRID = RayGrid(80.0, 16.0, 120.0, 60.0, 18.0)
RADAR = {
    "horizontal_fov": "80",
    "vertical_fov": "16",
    "range": "120",
    "avsynth.near_range": "60",
    "avsynth.far_fov": "18",
}
CAR, ROAD = 14, 1
BUMPER = carla.Transform(carla.Location(x=1.0, z=0.6))  # inside the ego's body


class Measured:
    """A message of the sensor."""

    def __init__(self, data: carla.SemanticLidarMeasurement) -> None:
        rows = np.frombuffer(data.raw_data, dtype=POINT)
        assert data.channels == 2
        assert data.get_point_count(0) == data.get_point_count(1) == len(rows) // 2
        self.hits, facts = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        # x forward, y left, z up
        self.points = np.stack([self.hits["x"], -self.hits["y"], self.hits["z"]], axis=1).astype(float)
        self.range_m = np.linalg.norm(self.points, axis=1)
        self.rate, self.material, self.normal = (
            facts["x"].astype(float),
            facts["y"].astype(int),
            facts["z"].astype(float),
        )
        self.ray = facts["cos"].astype(int)
        self.frame, self.raw, self.pose = data.frame, bytes(data.raw_data), matrix_from_transform(data.transform)


def test_the_rays_are_the_grid_meet_the_car_ahead_and_not_the_own_and_are_the_same_in_every_scan(stage):
    one, other = (stage.attach("avsynth.radar.device", BUMPER, **RADAR) for _ in range(2))
    stage.world.tick()
    seen = Measured(stage.next(one))

    assert Measured(stage.next(other)).raw == seen.raw
    rays = ray_grid(GRID)
    np.testing.assert_allclose(seen.points / seen.range_m[:, None], rays.directions[seen.ray], atol=1e-5)
    assert (np.diff(seen.ray) > 0).all()
    assert (seen.range_m <= rays.limit_m[seen.ray] + 1e-3).all()
    assert (seen.range_m > rays.from_m[seen.ray]).all()
    assert stage.ego.id not in seen.hits["id"]
    car = seen.hits["id"] == stage.other.id
    assert car.sum() > 50
    assert set(seen.hits["tag"][car]) == {CAR}
    assert {int(Material.PAINT), int(Material.GLASS)} < set(seen.material[car])
    assert 12.0 - 4.0 < np.median(seen.range_m[car]) < 12.0
    road = seen.hits["tag"] == ROAD
    assert set(seen.material[road]) <= {Material.ASPHALT, Material.MARKING}
    assert np.median(np.abs(np.abs(seen.normal[car]) - np.pi)) < 0.6  # its rear faces the radar


def test_range_rates_are_those_of_the_surface_against_the_radar_with_the_turns_of_both(stage):
    stage.attach("avsynth.radar.device", BUMPER, **RADAR)
    for _ in range(10):
        stage.world.tick()
        stage.next(stage.sensors[0])
    forward = stage.ego.get_transform().get_forward_vector()
    stage.ego.set_target_velocity(forward * 12.0)
    stage.ego.set_target_angular_velocity(carla.Vector3D(z=25.0))
    stage.other.set_target_velocity(forward * -6.0)
    stage.other.set_target_angular_velocity(carla.Vector3D(z=-60.0))
    stage.world.tick()
    seen = Measured(stage.next(stage.sensors[0]))

    snapshot = stage.world.get_snapshot()
    assert snapshot.frame == seen.frame
    world = apply(seen.pose, seen.points)
    toward = rotate(seen.pose, seen.points / seen.range_m[:, None])

    def at(actor: carla.Actor, points: np.ndarray) -> np.ndarray:
        pose, velocity, spin, _ = motion_from_numbers(motion_numbers(snapshot.find(actor.id)))
        return velocity + np.cross(spin, points - pose[:3, 3])

    own = at(stage.ego, seen.pose[:3, 3])
    car = seen.hits["id"] == stage.other.id
    assert car.sum() > 30
    expected = np.einsum("nj,nj->n", toward, -np.broadcast_to(own, world.shape))
    expected[car] += np.einsum("nj,nj->n", toward[car], at(stage.other, world[car]))
    assert np.ptp(seen.rate[car]) > 1.0  # one side of it comes faster than the other
    np.testing.assert_allclose(seen.rate, expected, atol=0.01)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"avsynth.rows": "0"}, "avsynth.rows"), ({"avsynth.azimuth_step": "0.01", "avsynth.rows": "900"}, "rays a scan")],
)
def test_radars_that_cannot_be_are_refused_with_what_is_wanted(stage, wrong, told):
    with pytest.raises(RuntimeError, match=told):
        stage.attach("avsynth.radar.device", BUMPER, **{**RADAR, **wrong})
