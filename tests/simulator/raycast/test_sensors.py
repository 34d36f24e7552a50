"""Lidar and radar patterns, as CARLA has them."""

from dataclasses import replace

import numpy as np
import pytest

from av_synth.geometry.transforms import apply, from_yaw
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.raycast import RayScene, lidar, radar
from av_synth.simulator.raycast.fan import Lidar
from av_synth.simulator.scene import Instance, Material, Mesh, Scene, Tag, Weather

NUSCENES = Lidar(32, 10.67, -30.67, 32 * 1084 * 20, 20.0, 100.0, 360.0)


def plain(size_m: float) -> Mesh:
    """Flat ground around the origin."""
    corners = [[-size_m, -size_m, 0], [size_m, -size_m, 0], [size_m, size_m, 0], [-size_m, size_m, 0]]
    return Mesh(
        np.array(corners, dtype=np.float32),
        np.tile(np.float32([0, 0, 1]), (4, 1)),
        np.zeros((4, 3), np.uint8),
        np.full(4, Material.ASPHALT, np.uint8),
        np.full(4, Tag.ROADS, np.uint8),
        np.array([[0, 1, 2], [0, 2, 3]], np.uint32),
    )


@pytest.fixture(scope="module")
def rays() -> RayScene:
    return RayScene(plain(200.0), catalogue())


def scene(*instances: Instance) -> Scene:
    return Scene(11, 0.55, instances, Weather())


def test_channels_run_from_the_top_down_and_all_ground_points_are_on_the_ground(rays: RayScene) -> None:
    world_from_lidar = from_yaw(3.0, -4.0, 1.84, 1.1)
    scan = lidar.scan(rays, scene(), world_from_lidar, NUSCENES, 0.05)
    assert scan.counts.sum() == len(scan.points_m)
    assert scan.counts[0] == 0  # looks up
    assert scan.counts[-1] == 1084
    np.testing.assert_allclose(apply(world_from_lidar, scan.points_m)[:, 2], 0.0, atol=1e-4)
    elevation = np.degrees(np.arcsin(scan.points_m[:, 2] / np.linalg.norm(scan.points_m, axis=1)))
    assert (np.diff(elevation) < 1e-3).all()
    assert elevation[-1] == pytest.approx(-30.67, abs=1e-3)
    np.testing.assert_allclose(scan.cos_incidence, np.sin(np.radians(-elevation)), atol=1e-4)


def test_a_turn_starts_behind_and_goes_clockwise(rays: RayScene) -> None:
    scan = lidar.scan(rays, scene(), from_yaw(0, 0, 1.84, 0), NUSCENES, 0.05)
    last = scan.points_m[-1084:]
    azimuth = np.unwrap(np.arctan2(last[:, 1], last[:, 0]))
    assert abs(azimuth[0]) == pytest.approx(np.pi, abs=1e-4)
    np.testing.assert_allclose(np.diff(azimuth), -2 * np.pi / 1084, atol=1e-5)
    assert scan.end_deg == pytest.approx(0.0)


def test_half_turns_continue_where_the_last_one_ended(rays: RayScene) -> None:
    slow = replace(NUSCENES, rotation_frequency_hz=10.0)
    first = lidar.scan(rays, scene(), from_yaw(0, 0, 1.84, 0), slow, 0.05)
    second = lidar.scan(rays, scene(), from_yaw(0, 0, 1.84, 0), slow, 0.05, first.end_deg)
    assert first.end_deg == pytest.approx(180.0)
    assert (first.points_m[:, 1] > -1e-3).all()  # left half, then right half
    assert (second.points_m[:, 1] < 1e-3).all()
    assert second.end_deg == pytest.approx(0.0)


def test_the_lidar_returns_actors_with_their_ids_and_tags_inside_their_boxes(rays: RayScene) -> None:
    car = Instance(17, "vehicle.tesla.model3", 0, from_yaw(9.0, 3.0, 0.0, 0.5))
    walker = Instance(18, "walker.pedestrian.0002", 4, from_yaw(5.0, -4.0, 0.9, 2.5))
    scan = lidar.scan(rays, scene(car, walker), from_yaw(0, 0, 1.84, 0.2), NUSCENES, 0.05)
    world = apply(from_yaw(0, 0, 1.84, 0.2), scan.points_m)
    for instance, tag in ((car, Tag.CAR), (walker, Tag.PEDESTRIANS)):
        mine = scan.actor_id == instance.actor_id
        body = catalogue()[instance.body]
        local = apply(np.linalg.inv(instance.world_from_body), world[mine]) - body.box_centre_m
        assert mine.sum() > 100
        assert (scan.tag[mine] == tag).all()
        assert (np.abs(local) <= body.box_half_m + 1e-3).all()
    assert (scan.cos_incidence >= -1e-6).all()


def test_radar_velocity_is_negative_for_what_comes_closer(rays: RayScene) -> None:
    ahead = Instance(21, "vehicle.audi.tt", 0, from_yaw(20.0, 0.0, 0.0, 0.0), np.array([5.0, 0.0, 0.0]))
    unit = radar.Radar(20.0, 6.0, 100.0)
    scan = radar.scan(
        rays,
        scene(ahead),
        from_yaw(0, 0, 0.6, 0),
        unit,
        points=400,
        sensor_velocity_mps=(15.0, 0.0, 0.0),
        frame=3,
        key=1,
    )
    car = 0.6 + scan.depth_m * np.sin(scan.altitude_rad) > 1e-3  # what is above the ground
    assert car.sum() > 50
    along = np.cos(scan.azimuth_rad) * np.cos(scan.altitude_rad)
    np.testing.assert_allclose(scan.velocity_mps[car], -10.0 * along[car], atol=1e-3)
    np.testing.assert_allclose(scan.velocity_mps[~car], -15.0 * along[~car], atol=1e-3)


def test_radar_angles_are_right_handed_and_inside_the_field_of_view(rays: RayScene) -> None:
    left = Instance(22, "vehicle.ford.ambulance", 0, from_yaw(20.0, 6.5, 0.0, 0.0))
    unit = radar.Radar(60.0, 10.0, 100.0)
    scan = radar.scan(
        rays, scene(left), from_yaw(0, 0, 0.6, 0), unit, points=500, sensor_velocity_mps=np.zeros(3), frame=3, key=1
    )
    seen = scan.azimuth_rad[0.6 + scan.depth_m * np.sin(scan.altitude_rad) > 1e-3]  # what is above the ground
    assert len(seen) > 20
    assert (seen > 0).all()
    assert np.abs(scan.azimuth_rad).max() <= np.radians(30.0)
    assert np.abs(scan.altitude_rad).max() <= np.radians(5.0)


def test_radar_rays_depend_on_frame_and_key_alone(rays: RayScene) -> None:
    def depths(frame: int, key: int) -> np.ndarray:
        unit = radar.Radar(60.0, 20.0, 100.0)
        pose = from_yaw(0, 0, 0.6, 0)
        scan = radar.scan(rays, scene(), pose, unit, points=64, sensor_velocity_mps=np.zeros(3), frame=frame, key=key)
        return scan.depth_m

    np.testing.assert_array_equal(depths(5, 9), depths(5, 9))
    assert not np.array_equal(depths(5, 9), depths(6, 9))
    assert not np.array_equal(depths(5, 9), depths(5, 10))


def test_the_radar_looks_through_its_own_vehicle(rays: RayScene) -> None:
    own = Instance(23, "vehicle.audi.a2", 0, from_yaw(0.0, 0.0, 0.0, 0.0))
    inside = from_yaw(0.0, 0.0, 0.8, 0.0)
    unit = radar.Radar(30.0, 30.0, 100.0)
    arguments = {"points": 100, "sensor_velocity_mps": np.zeros(3), "frame": 0, "key": 0}
    blocked = radar.scan(rays, scene(own), inside, unit, **arguments)
    free = radar.scan(rays, scene(own), inside, unit, ignore=frozenset({23}), **arguments)
    assert blocked.depth_m.min() < 2.5
    assert free.depth_m.min() > 2.5  # the ground
