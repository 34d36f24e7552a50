"""A lens before the images of a wider pinhole view: everything is where OpenCV's undistortion looks for it."""

from __future__ import annotations

import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.geometry.cameras import project, unproject
from av_synth.geometry.lens import Lens
from av_synth.sensing.lens import Optics, bending, colour, depth, flow, pick, why_too_wide

BARREL = Optics(160, 90, 110.0, 82.0, 41.0, Lens("plain", (-0.3, 0.08, 0.001, -0.002, 0.0)))
CUSHION = Optics(160, 90, 110.0, 82.0, 41.0, Lens("plain", (0.25, 0.05, 0.0, 0.0, 0.0)))
FISHEYE = Optics(160, 90, 85.0, 82.0, 41.0, Lens("fisheye", (-0.02, 0.003, 0.0, 0.0)))
CAMERAS = pytest.mark.parametrize("camera", [BARREL, CUSHION, FISHEYE], ids=["barrel", "cushion", "fisheye"])
PIXELS = np.stack(np.meshgrid(np.arange(160), np.arange(90)), axis=-1).reshape(-1, 2).astype(float)


def pinhole(view: Optics) -> tuple[float, float, float, float]:
    return view.focal_px, view.focal_px, view.cx_px, view.cy_px


def wall(view: Optics, *, lens: bool) -> np.ndarray:
    """Depth (H, W) of a slanted plane, z = 10 + 0.3 x - 0.5 y, seen by a camera."""
    columns, rows = np.meshgrid(np.arange(view.width_px), np.arange(view.height_px))
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    rays = unproject(pixels, np.ones(len(pixels)), *pinhole(view), view.lens if lens else None)
    return (10.0 / (1.0 - 0.3 * rays[:, 0] + 0.5 * rays[:, 1])).reshape(columns.shape).astype(np.float32)


@CAMERAS
def test_each_pixel_is_looked_for_where_its_ray_meets_the_wider_view(camera: Optics) -> None:
    bent = bending(camera)
    rays = unproject(PIXELS, np.ones(len(PIXELS)), *pinhole(camera), camera.lens)
    there, _ = project(rays, *pinhole(bent.source))

    np.testing.assert_allclose(bent.at.reshape(2, -1).T, there, atol=1e-3)
    assert bent.at.min() >= 1.0
    assert (bent.at.max(axis=(1, 2)) <= [bent.source.width_px - 2, bent.source.height_px - 2]).all()
    np.testing.assert_allclose(bent.distorted(there), PIXELS, atol=1e-6)


@CAMERAS
def test_the_wider_view_is_as_fine_as_the_image_everywhere(camera: Optics) -> None:
    at = bending(camera).at
    for axis in (1, 2):
        assert np.hypot(*np.diff(at, axis=axis)).min() > 0.98


@CAMERAS
def test_depth_is_that_of_the_surface_in_the_middle_of_the_pixel(camera: Optics) -> None:
    bent = bending(camera)

    seen = depth(wall(bent.source, lens=False), bent.at, bent.nearest)

    off = np.abs(seen / wall(camera, lens=True) - 1.0)
    assert np.quantile(off, 0.999) < 2e-4
    assert off.max() < 0.03  # where the plane is so steep that it may as well be an edge


def test_depth_at_an_edge_is_of_one_of_its_sides() -> None:
    bent = bending(BARREL)
    two = np.where(np.arange(bent.source.width_px) < 90, 5.0, 50.0).astype(np.float32)

    seen = depth(np.tile(two, (bent.source.height_px, 1)), bent.at, bent.nearest)

    assert np.minimum(np.abs(seen / 5.0 - 1.0), np.abs(seen / 50.0 - 1.0)).max() < 0.02
    assert (np.abs(seen / 5.0 - 1.0) < 0.02).any()
    assert (np.abs(seen / 50.0 - 1.0) < 0.02).any()


def test_labels_are_of_the_nearest_pixel_and_colours_of_the_four_around() -> None:
    bent = bending(BARREL)
    ids = np.arange(bent.source.width_px * bent.source.height_px, dtype=np.uint32)
    ids = ids.reshape(bent.source.height_px, bent.source.width_px)
    image = np.repeat((np.arange(bent.source.width_px) % 2 * 200).astype(np.uint8)[None], bent.source.height_px, 0)

    rows, columns = np.divmod(pick(ids, bent.nearest), bent.source.width_px)
    stripes = colour(np.repeat(image[..., None], 4, axis=2), bent.at)

    assert np.abs(columns - bent.at[0]).max() <= 0.5
    assert np.abs(rows - bent.at[1]).max() <= 0.5
    away = np.abs((bent.at[0] % 2) - 1.0)  # from an odd column
    assert np.abs(stripes[..., 0] - 200.0 * (1.0 - away)).max() < 8.0


@CAMERAS
def test_a_pixel_less_its_flow_is_where_its_point_was(camera: Optics) -> None:
    """Flow of a wall before a camera that moved 0.4 m ahead and 0.1 m to the side."""
    bent, moved = bending(camera), np.array([0.1, 0.0, 0.4])
    view = bent.source
    columns, rows = np.meshgrid(np.arange(view.width_px), np.arange(view.height_px))
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    points = unproject(pixels, wall(view, lens=False).ravel(), *pinhole(view))
    before, _ = project(points + moved, *pinhole(view))
    straight = (pixels - before).reshape(view.height_px, view.width_px, 2).astype(np.float32)

    said = flow(straight, bent, bent.nearest).reshape(-1, 2)

    own = unproject(PIXELS, wall(camera, lens=True).ravel(), *pinhole(camera), camera.lens)
    wanted = PIXELS - project(own + moved, *pinhole(camera), camera.lens)[0]
    assert np.linalg.norm(wanted, axis=1).max() > 2.0
    assert np.linalg.norm(said - wanted, axis=1).max() < 0.1


def test_lenses_without_a_view_that_covers_them_are_refused_with_the_reason() -> None:
    folded = Optics(160, 90, 60.0, 80.0, 45.0, Lens("plain", (-0.4, 0.0, 0.0, 0.0, 0.0)))
    wide = Optics(160, 90, 60.0, 80.0, 45.0, Lens("fisheye", (0.0, 0.0, 0.0, 0.0)))
    huge = Optics(4096, 1024, 1700.0, 2048.0, 512.0, Lens("fisheye", (0.0, 0.0, 0.0, 0.0)))

    assert why_too_wide(BARREL) is None
    assert "turns back" in str(why_too_wide(folded))
    assert "off its axis; want 75 at most: a longer focal length (fx_px), or a smaller image" in str(why_too_wide(wide))
    assert "want 8192 a side at most" in str(why_too_wide(huge))
    with pytest.raises(DataError, match="160x90 pixels: turns back"):
        bending(folded)
