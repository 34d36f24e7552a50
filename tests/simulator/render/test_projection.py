"""Culling must never lose anything, and smoothing edges must bring them closer to the truth."""

from __future__ import annotations

import cv2
import numpy as np

from av_synth.geometry.transforms import matrix_from_quaternion
from av_synth.simulator.render.antialias import smooth_edges
from av_synth.simulator.render.projection import NEAR_M, clip_from_relative, frustum, pixel_bounds
from av_synth.simulator.scene import View


def views(count: int) -> list[View]:
    random = np.random.default_rng(8)
    return [
        View(
            matrix_from_quaternion(random.normal(size=4), random.uniform(-300, 300, 3)),
            640,
            360,
            *random.uniform(200, 900, 2),
            *random.uniform(100, 400, 2),
        )
        for _ in range(count)
    ]


def test_clip_space_is_the_opencv_projection_upside_down_with_reversed_depth() -> None:
    for view in views(20):
        m = view.world_from_camera
        camera = np.array([0.3, -0.2, 1.0]) * 12.5
        clip = clip_from_relative(view) @ np.append(m[:3, :3] @ camera, 1.0)
        ndc = clip[:3] / clip[3]
        u = view.fx_px * camera[0] / camera[2] + view.cx_px
        v = view.fy_px * camera[1] / camera[2] + view.cy_px
        assert np.allclose((ndc[:2] + 1) / 2 * [640, 360], [u + 0.5, v + 0.5])
        assert np.isclose(NEAR_M / ndc[2], 12.5)


def test_culling_never_drops_what_reaches_into_the_image() -> None:
    random = np.random.default_rng(9)
    for view in views(20):
        u, v = random.uniform(-0.5, 639.5, 300), random.uniform(-0.5, 359.5, 300)
        rays = np.stack([(u - view.cx_px) / view.fx_px, (v - view.cy_px) / view.fy_px, np.ones(300)], axis=1)
        camera = rays * random.uniform(NEAR_M, 200, (300, 1))
        seen = camera @ view.world_from_camera[:3, :3].T + view.world_from_camera[:3, 3]
        halves = random.uniform(0, 30, (300, 3))
        centres = seen + random.uniform(-0.999, 0.999, (300, 3)) * halves
        pyramid = frustum(view)
        assert pyramid.boxes(centres, halves).all()
        assert pyramid.spheres(centres, np.linalg.norm(halves, axis=1)).all()
        x, y, width, height = pixel_bounds(view, seen[:5])  # type: ignore[misc]
        assert x <= u[:5].min() + 0.5
        assert u[:5].max() + 0.5 <= x + width
        assert y <= v[:5].min() + 0.5
        assert v[:5].max() + 0.5 <= y + height
        behind = view.world_from_camera[:3, 3] - 5 * view.world_from_camera[:3, 2]
        assert pixel_bounds(view, behind[None]) is None
        assert not pyramid.spheres(behind[None], np.array([4.0]))[0]


def test_smoothing_brings_edges_closer_to_their_exact_coverage() -> None:
    gains = []
    for angle in (3.0, 17.0, 40.0, 63.0, 88.0):
        normal = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        fine_v, fine_u = np.mgrid[:800, :800] / 8.0 - 50.0
        fine = np.where(fine_u * normal[0] + fine_v * normal[1] > 0.3, 210.0, 40.0)
        exact = cv2.resize(fine, (100, 100), interpolation=cv2.INTER_AREA)
        v, u = np.mgrid[:100, :100] - 49.5625
        raw = np.where(u * normal[0] + v * normal[1] > 0.3, 210, 40).astype(np.uint8)
        image = np.dstack([raw] * 4)
        smooth = smooth_edges(image)
        assert (smooth[..., 3] == 255).all()
        before, after = (np.abs(i[..., 0] - exact)[2:-2, 2:-2].sum() for i in (image.astype(float), smooth))
        assert after < 0.9 * before, angle
        gains.append(after / before)
    assert np.mean(gains) < 0.8


def test_smoothing_leaves_flat_images_and_small_ones_alone() -> None:
    flat = np.full((20, 30, 4), 90, dtype=np.uint8)
    assert (smooth_edges(flat)[..., :3] == 90).all()
    noise = np.random.default_rng(1).integers(0, 256, (2, 2, 4), dtype=np.uint8)
    assert np.array_equal(smooth_edges(noise)[..., :3], noise[..., :3])
