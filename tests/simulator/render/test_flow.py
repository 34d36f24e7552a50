"""Optical flow: every pixel less its flow is where its surface point was on the frame before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.geometry.cameras import BODY_FROM_CAMERA, project, unproject
from av_synth.geometry.transforms import Array, apply, from_yaw, invert, rigid
from av_synth.simulator.protocol.bodies import flow_pixels
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import DEPTH, FLOW, LABELS, RGB, Instance, Tag, View, Weather
from tests.simulator.render.conftest import FLAG_CORNERS_M, FLAG_LATER_M, at, camera, scene

WITH_LABELS = frozenset({FLOW, DEPTH, LABELS})
CAR, BICYCLE, PARKED = 3, 4, 5


def where_it_was(view: View, last_world_from_camera: Array, points_last_world: Array) -> Array:
    """Pixels (N, 2) of points of the frame before in the camera of the frame before."""
    points = apply(invert(last_world_from_camera), points_last_world)
    return project(points, view.fx_px, view.fy_px, view.cx_px, view.cy_px)[0]


def pixels_of(view: View) -> Array:
    v, u = np.mgrid[: view.height_px, : view.width_px]
    return np.stack([u.ravel(), v.ravel()], axis=1).astype(float)


def unprojected(view: View, depth_m: Array) -> Array:
    points = unproject(pixels_of(view), depth_m.ravel(), view.fx_px, view.fy_px, view.cx_px, view.cy_px)
    return apply(view.world_from_camera, points)


def test_every_pixel_less_its_flow_is_where_its_surface_was_and_the_sky_only_turns(renderer: Renderer) -> None:
    view = camera(-20.0, 3.0, 1.5, 0.2)
    last_camera = rigid(from_yaw(0, 0, 0, 0.14)[:3, :3], [-20.8, 2.8, 1.45]) @ BODY_FROM_CAMERA
    motions = {
        CAR: from_yaw(0.9, -0.2, 0.0, 0.05),
        BICYCLE: from_yaw(0.0, 0.3, 0.02, -0.1),
        PARKED: np.eye(4),
        0: np.eye(4),
    }
    now = [at(CAR, "car", -10.0, 5.0), at(BICYCLE, "bicycle", -13.0, 2.5), at(PARKED, "car", 0.0, 0.0)]
    before = [replace(i, last_world_from_body=motions[i.actor_id] @ i.world_from_body) for i in now]
    frames = renderer.render(scene(*before), view, WITH_LABELS, last_camera)
    assert frames.flow_px is not None
    assert frames.depth_m is not None
    assert frames.actor_id is not None

    then = pixels_of(view) - frames.flow_px.reshape(-1, 2)
    points, owner, sky = unprojected(view, frames.depth_m), frames.actor_id.ravel(), (frames.tag == Tag.SKY).ravel()
    for actor_id, motion in motions.items():
        own = (owner == actor_id) & ~sky
        assert own.sum() > 300
        wanted = where_it_was(view, last_camera, apply(motion, points[own]))
        assert np.abs(then[own] - wanted).max() < 0.02, actor_id
        assert np.abs(frames.flow_px.reshape(-1, 2)[own]).max() > 3.0
    rays = points[sky] - view.world_from_camera[:3, 3]
    assert sky.sum() > 10_000
    assert np.abs(then[sky] - where_it_was(view, last_camera, rays + last_camera[:3, 3])).max() < 0.02


def test_nothing_flows_where_nothing_moves(renderer: Renderer) -> None:
    view = camera(-31.3, 4.7, 1.5, 0.37)
    still = at(CAR, "car", -20.0, 8.0)
    moving = replace(at(BICYCLE, "bicycle", -24.0, 6.0), last_world_from_body=from_yaw(-24.1, 6.0, 0.0, 0.0))
    for standing in (still, replace(still, last_pose=0, last_world_from_body=still.world_from_body.copy())):
        frames = renderer.render(scene(standing, moving), view, WITH_LABELS, view.world_from_camera.copy())
        assert frames.flow_px is not None
        bicycle = frames.actor_id == BICYCLE
        assert not frames.flow_px[~bicycle].any()
        assert (np.abs(frames.flow_px[bicycle]).max(axis=1) > 0.1).all()


def test_a_body_that_changes_its_shape_flows_from_its_last_shape(renderer: Renderer) -> None:
    view = camera()
    flag = Instance(
        9, "flag", 1, from_yaw(6.0, 0.0, 1.5, 0.3), last_pose=0, last_world_from_body=from_yaw(6.1, 0.2, 1.5, 0.2)
    )
    frames = renderer.render(scene(flag), view, WITH_LABELS)
    assert frames.flow_px is not None
    assert frames.depth_m is not None
    own = (frames.actor_id == 9).ravel()
    in_body = apply(invert(flag.world_from_body), unprojected(view, frames.depth_m)[own])
    # a triangle is linear: shares of its corners tell where its points were
    shares = np.linalg.lstsq(
        np.append(FLAG_LATER_M.T, [[1, 1, 1]], 0), np.append(in_body.T, [[1] * own.sum()], 0), None
    )[0]
    assert flag.last_world_from_body is not None
    last_world = apply(flag.last_world_from_body, shares.T @ FLAG_CORNERS_M)
    wanted = where_it_was(view, view.world_from_camera, last_world)
    flow = frames.flow_px.reshape(-1, 2)[own]
    assert own.sum() > 500
    assert np.abs(pixels_of(view)[own] - flow - wanted).max() < 0.05
    assert np.ptp(flow[:, 0]) > 5.0


def test_a_body_whose_poses_have_other_triangles_flows_as_a_rigid_one(renderer: Renderer) -> None:
    lamp = replace(at(9, "lamp", 6.0, 0.0, 1.5), pose=1, last_pose=0)
    frames = renderer.render(scene(lamp), camera(), WITH_LABELS)
    assert frames.flow_px is not None
    assert (frames.actor_id == 9).sum() > 100
    assert not frames.flow_px.any()


def test_what_was_behind_the_camera_is_marked_as_coming_from_nowhere(renderer: Renderer) -> None:
    view = camera()
    passing = replace(at(CAR, "car", 4.5), last_world_from_body=from_yaw(-6.0, 0.0, 0.0, 0.0))
    frames = renderer.render(scene(passing), view, WITH_LABELS)
    assert frames.flow_px is not None
    car = frames.actor_id == CAR
    assert car.sum() > 1000
    assert (frames.flow_px[car] == [4 * 320, 4 * 180]).all()
    sent = flow_pixels(frames.flow_px)
    assert sent.dtype == np.float32
    assert (sent[car] == [2.0, -2.0]).all()
    assert not sent[~car].any()
    assert not np.signbit(sent[~car]).any()  # no -0.0 either


def test_a_frame_before_that_cannot_be_drawn_is_refused_by_name(renderer: Renderer) -> None:
    for broken in ({"last_pose": 7}, {"last_world_from_body": np.full((4, 4), np.nan)}):
        car = replace(at(8, "car", 9.0), **broken)  # type: ignore[arg-type]
        with pytest.raises(DataError, match=r"actor 8: .* the frame before"):
            renderer.render(scene(car), camera(), frozenset({FLOW}))
        renderer.render(scene(car), camera(), frozenset({LABELS}))


@pytest.mark.parametrize("weather", [Weather(), Weather(wetness=80, sun_altitude_angle=-30, precipitation=50)])
def test_every_choice_of_outputs_gives_the_same_images(renderer: Renderer, weather: Weather) -> None:
    moving = replace(at(CAR, "car", 9.0, 1.0, lights=3), last_world_from_body=from_yaw(9.3, 1.0, 0.0, 0.0))
    world, last = scene(moving, at(BICYCLE, "bicycle", 6.0, -1.0), weather=weather), camera(-0.7).world_from_camera
    whole = renderer.render(world, camera(), frozenset({RGB, DEPTH, LABELS, FLOW}), last)
    plain = ({RGB}, {DEPTH}, {LABELS}, {RGB, DEPTH}, {RGB, DEPTH, LABELS})
    for outputs in (*plain, {FLOW}, {RGB, FLOW}, {LABELS, FLOW}):
        part = renderer.render(world, camera(), frozenset(outputs), last)
        for name, wanted in (
            ("rgb", RGB),
            ("depth_m", DEPTH),
            ("tag", LABELS),
            ("actor_id", LABELS),
            ("flow_px", FLOW),
        ):
            image = getattr(part, name)
            assert (image is not None) == (wanted in outputs)
            assert image is None or image.tobytes() == getattr(whole, name).tobytes()
