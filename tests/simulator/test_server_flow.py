"""Optical flow through the official client: a pixel less its flow is where its surface was on the frame before."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import carla
import numpy as np
import pytest
from server_process import ahead
from stage import Stage

from av_synth.capture import decode
from av_synth.geometry.cameras import BODY_FROM_CAMERA, project, unproject
from av_synth.geometry.carla import matrix_from_transform
from av_synth.geometry.transforms import Array, apply, invert

KINDS = ("optical_flow", "depth", "instance_segmentation")
WIDTH, HEIGHT, FOCAL_PX = 240, 136, 120.0
SIZE = {"image_size_x": str(WIDTH), "image_size_y": str(HEIGHT)}
PINHOLE = (FOCAL_PX, FOCAL_PX, (WIDTH - 1) / 2, (HEIGHT - 1) / 2)
PIXELS = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=-1).reshape(-1, 2).astype(float)
FRAMES = 12
SKY_M = 999.0


@dataclass(frozen=True)
class Shot:
    """What one camera saw on one frame, and where everybody was."""

    flow_px: Array
    depth_m: Array
    ids: Array
    world_from_camera: Array
    poses: dict[int, Array]

    @property
    def points_world(self) -> Array:
        return apply(self.world_from_camera, unproject(PIXELS, self.depth_m.ravel(), *PINHOLE))


@dataclass(frozen=True)
class Drive:
    """What a camera on the ego and one at the road saw, frame by frame, and who was there."""

    other_id: int
    parked_id: int
    walker_id: int
    shots: list[tuple[Shot, Shot]]


def record_drive(client: carla.Client) -> Drive:
    """An ego that turns, with a car before it that brakes, a parked car and a walker."""
    stage = Stage(client)
    walkers = stage.library.find("walker.pedestrian.0004")
    walker = stage.world.spawn_actor(walkers, ahead(stage.place, 14.0, right_m=3.5, up_m=1.0))
    parked = stage.world.spawn_actor(stage.library.find("vehicle.audi.tt"), ahead(stage.place, 22.0))
    beside = ahead(stage.place, 6.0, right_m=4.0, up_m=1.6)
    beside.rotation.yaw -= 70.0
    on_ego = [stage.attach(f"sensor.camera.{kind}", **SIZE) for kind in KINDS]
    on_road = [stage.attach(f"sensor.camera.{kind}", beside, free=True, **SIZE) for kind in KINDS]

    def shoot() -> tuple[Shot, Shot]:
        stage.world.tick()
        images = [[stage.next(camera) for camera in cameras] for cameras in (on_ego, on_road)]
        snapshot = stage.world.get_snapshot()
        ids = [actor.id for actor in (stage.ego, stage.other, parked, walker)]
        poses = {each: matrix_from_transform(snapshot.find(each).get_transform()) for each in ids}
        first, second = (
            Shot(
                decode.flow_px(flow, None),
                decode.depth_m(depth, None),
                decode.tag_and_instance(instance, None)[1],
                matrix_from_transform(flow.transform) @ BODY_FROM_CAMERA,
                {0: np.eye(4), **poses},
            )
            for flow, depth, instance in images
        )
        return first, second

    for _ in range(20):  # the cars settle
        shoot()
    walker.apply_control(carla.WalkerControl(stage.place.get_right_vector() * -1.0, 1.6))
    for car in (stage.ego, stage.other):
        car.set_target_velocity(stage.place.get_forward_vector() * 6.0)
    stage.ego.apply_control(carla.VehicleControl(throttle=0.5, steer=-0.35))
    stage.other.apply_control(carla.VehicleControl(brake=0.2, steer=0.2))
    shots = [shoot() for _ in range(FRAMES)]
    stage.clear()
    return Drive(stage.other.id, parked.id, walker.id, shots)


@pytest.fixture(scope="module")
def drive(client: carla.Client) -> Drive:
    return record_drive(client)


def pairs(drive: Drive, camera: int) -> list[tuple[Shot, Shot]]:
    shots = [pair[camera] for pair in drive.shots]
    return list(itertools.pairwise(shots))


def last_world(last: Shot, now: Shot, actor_id: int, points_world: Array) -> Array:
    """Where points (N, 3) of a rigid actor, or of the town (0), were on the frame before."""
    return apply(last.poses[actor_id] @ invert(now.poses[actor_id]), points_world)


def sampled(last: Shot, at_px: Array) -> tuple[Array, Array]:
    """Surface points (N, 3) that the frame before shows at `at_px`, and whether there is one smooth surface there.

    1 / depth is linear across a plane, so it is interpolated between the four pixels around.
    """
    u, v = np.floor(at_px).astype(int).T
    inside = (u >= 0) & (v >= 0) & (u < WIDTH - 1) & (v < HEIGHT - 1)
    u, v = np.clip(u, 0, WIDTH - 2), np.clip(v, 0, HEIGHT - 2)
    inverse = 1.0 / last.depth_m.astype(float)
    bend = np.zeros_like(inverse)
    bend[1:-1] = np.abs(np.diff(inverse, 2, axis=0))
    bend[:, 1:-1] = np.maximum(bend[:, 1:-1], np.abs(np.diff(inverse, 2, axis=1)))
    flat = bend / inverse**2 < 0.02  # metres
    corners = [(v, u), (v, u + 1), (v + 1, u), (v + 1, u + 1)]
    a, b, c, d = (inverse[corner] for corner in corners)
    s, t = (at_px - np.floor(at_px)).T
    depth = 1.0 / ((a * (1 - s) + b * s) * (1 - t) + (c * (1 - s) + d * s) * t)
    points = apply(last.world_from_camera, unproject(at_px, depth, *PINHOLE))
    return points, inside & np.all([flat[corner] for corner in corners], axis=0)


@pytest.mark.parametrize("camera", [0, 1])
def test_every_pixel_less_its_flow_lands_on_the_same_point_of_its_surface(drive, camera):
    landed: list[Array] = []
    movers = {0, drive.other_id, drive.parked_id}
    for last, now in pairs(drive, camera):
        there = PIXELS - now.flow_px.reshape(-1, 2)
        for actor_id in sorted(movers):
            own = (now.ids.ravel() == actor_id) & (now.depth_m.ravel() < SKY_M)
            before = last_world(last, now, actor_id, now.points_world[own])
            wanted, depth = project(apply(invert(last.world_from_camera), before), *PINHOLE)
            assert not own.any() or np.abs(there[own] - wanted).max() < 0.5, actor_id

            found, smooth = sampled(last, there[own])
            hidden = depth > np.linalg.norm(found - last.world_from_camera[:3, 3], axis=1) + 0.5
            seen = smooth & ~hidden & (depth < 60.0)
            landed.append(np.linalg.norm(found - before, axis=1)[seen])
    distances = np.concatenate(landed)
    assert len(distances) > 100_000
    assert (distances < 0.05).mean() > 0.99


def test_nothing_but_the_car_flows_past_a_standing_camera(drive):
    assert (drive.shots[0][1].ids == drive.other_id).sum() > 1000
    for _, now in pairs(drive, 1):
        car, still = now.ids == drive.other_id, now.ids == 0
        assert still.sum() > 20_000
        assert not now.flow_px[still].any()
        assert (np.linalg.norm(now.flow_px[car], axis=1) > 0.5).all()


def test_a_walker_flows_by_its_steps_too(drive):
    walker, seen, landed, swing_px = drive.walker_id, 0, 0, []
    for last, now in pairs(drive, 0):
        own = (now.ids == walker).ravel()
        there = (PIXELS - now.flow_px.reshape(-1, 2))[own]
        before = last_world(last, now, walker, now.points_world[own])
        rigid_px, _ = project(apply(invert(last.world_from_camera), before), *PINHOLE)
        v, u = np.rint(there[:, 1]).astype(int), np.rint(there[:, 0]).astype(int)
        around = [last.ids[v + i, u + j] == walker for i in (-1, 0, 1) for j in (-1, 0, 1)]
        seen += own.sum()
        landed += np.any(around, axis=0).sum()
        swing_px += list(np.linalg.norm(there - rigid_px, axis=1))
    assert landed > 0.98 * seen > 300  # a thin arm may have been between two pixels
    assert 0.5 < max(swing_px) < 4.0
    assert np.median(swing_px) < 0.5


def test_the_sky_turns_with_the_camera_and_does_not_come_nearer(drive):
    for last, now in pairs(drive, 0):
        sky = (now.depth_m >= SKY_M).ravel()
        rays = now.points_world[sky] - now.world_from_camera[:3, 3] + last.world_from_camera[:3, 3]
        wanted, _ = project(apply(invert(last.world_from_camera), rays), *PINHOLE)
        assert sky.sum() > 1000
        assert np.abs((PIXELS - now.flow_px.reshape(-1, 2))[sky] - wanted).max() < 0.05


def test_equal_drives_flow_alike_to_the_last_bit(client, drive):
    again = record_drive(client)
    for one, other in zip(drive.shots, again.shots, strict=True):
        assert [shot.flow_px.tobytes() for shot in one] == [shot.flow_px.tobytes() for shot in other]


def test_a_camera_that_is_new_or_leaves_out_frames_sees_the_flow_of_one_that_is_always_there(client):
    stage = Stage(client)
    stage.ego.set_target_velocity(stage.place.get_forward_vector() * 6.0)
    always = stage.attach("sensor.camera.optical_flow", **SIZE)
    start = stage.world.tick()
    stage.next(always)
    phase = str((start + 3) % 3)
    rare = stage.attach("sensor.camera.optical_flow", **SIZE, avsynth__frame_period="3", avsynth__frame_phase=phase)
    seen = {}
    for _ in range(4):
        if len(seen) == 3:
            late = stage.attach("sensor.camera.optical_flow", **SIZE)
        frame = stage.world.tick()
        seen[frame] = bytes(stage.next(always).raw_data)
    images = [stage.next(each) for each in (rare, late)]
    stage.clear()

    assert [image.frame for image in images] == [start + 3, start + 4]
    for image in images:
        assert bytes(image.raw_data) == seen[image.frame]
        assert np.abs(decode.flow_px(image, None)).max() > 3.0


def test_a_camera_that_is_carried_about_by_hand_sees_its_own_motion(client):
    stage = Stage(client)
    for _ in range(20):  # the cars settle
        stage.world.tick()
    where = ahead(stage.place, 0.0, up_m=1.6)
    cameras = [stage.attach(f"sensor.camera.{kind}", where, free=True, **SIZE) for kind in KINDS[:2]]
    places = [where, ahead(where, 0.5), ahead(where, 0.5, right_m=0.3), ahead(where, 1.5)]
    images = []
    for place in places:
        for camera in cameras:
            camera.set_transform(place)
        stage.world.tick()
        images.append([stage.next(camera) for camera in cameras])
    stage.clear()

    assert not decode.flow_px(images[0][0], None).any()
    for (last, _), (flow, depth) in itertools.pairwise(images):
        metres = decode.depth_m(depth, None).ravel()
        now_world = matrix_from_transform(flow.transform) @ BODY_FROM_CAMERA
        points = apply(now_world, unproject(PIXELS, metres, *PINHOLE))
        last_world_from_camera = matrix_from_transform(last.transform) @ BODY_FROM_CAMERA
        wanted, depth_then = project(apply(invert(last_world_from_camera), points), *PINHOLE)
        solid = (metres < SKY_M) & (depth_then > 0.1) & ((wanted > 0) & (wanted < [WIDTH, HEIGHT])).all(axis=1)
        error = np.abs(PIXELS - decode.flow_px(flow, None).reshape(-1, 2) - wanted)[solid]
        assert solid.sum() > 10_000
        assert error.max() < 0.05
