"""What stands in, on a CARLA that only knows centred pinholes with a field of view, for a rig's cameras."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from av_synth.capture.frameset import CameraImage, LabelImage
from av_synth.rig.model import Camera
from av_synth.sensing import lens
from av_synth.sensing.lens import Bending, Optics, bending

Crop = tuple[int, int, int, int]
"""left, top, width, height in pixels."""


@dataclass(frozen=True)
class StandIn:
    """How a stock server gives a camera's image.

    Attributes:
        seen: the camera that the pixels obey in the end.
        crop: what is kept of the server's image.
        attributes: of the server's camera.
        bending: what then makes the camera's image of it; None for a pinhole, whose image it is.
    """

    seen: Camera
    crop: Crop
    attributes: Mapping[str, str]
    bending: Bending | None = None


def stock_stand_in(camera: Camera) -> StandIn:
    """What to ask of the server for a camera, and what to do with it.

    A lens is put before the images of a wider pinhole camera. That one's principal point is where the server has it,
    so the image is that of the camera as it was wanted.
    """
    if camera.lens is None:
        return StandIn(*stock_camera(camera))
    bent = bending(Optics(camera.width_px, camera.height_px, camera.fx_px, camera.cx_px, camera.cy_px, camera.lens))
    source = bent.source
    wider = replace(
        camera,
        width_px=source.width_px,
        height_px=source.height_px,
        fx_px=source.focal_px,
        fy_px=source.focal_px,
        cx_px=source.cx_px,
        cy_px=source.cy_px,
        lens=None,
    )
    seen, crop, attributes = stock_camera(wider)
    moved = np.array([[[seen.cx_px - source.cx_px]], [[seen.cy_px - source.cy_px]]], dtype=np.float32)
    there = replace(source, cx_px=seen.cx_px, cy_px=seen.cy_px)
    return StandIn(camera, crop, attributes, Bending(bent.camera, there, bent.at + moved))


def bent_image(image: CameraImage, bent: Bending) -> CameraImage:
    """The image behind a lens."""
    return CameraImage(lens.colour(image.bgra, bent.at))


def bent_labels(label: LabelImage, bent: Bending) -> LabelImage:
    """The labels behind a lens; there are no extents, which no stock server tells."""
    places = bent.nearest
    return LabelImage(
        lens.pick(label.tag, places),
        lens.pick(label.instance, places),
        lens.depth(label.depth_m, bent.at, places),
        None,
        None if label.flow_px is None else lens.flow(label.flow_px, bent, places),
    )


def stock_camera(camera: Camera) -> tuple[Camera, Crop, dict[str, str]]:
    """How a CARLA that only knows centred cameras with a field of view gives this camera's picture.

    It renders the smallest larger image whose middle is at the principal point, to be cropped. The crop is at whole
    pixels, so the principal point moves by up to half a pixel: the camera returned is the one that the pixels obey.
    In pixel-centre coordinates the middle of an image W wide is (W - 1) / 2.

    Returns:
        The camera as seen, the crop (left, top, width, height), and the blueprint attributes.
    """

    def fit(size_px: int, centre_px: float) -> tuple[int, int]:
        # left + centre + 0.5 = full / 2, with left >= 0 and left + size <= full
        left = max(0, math.ceil(size_px - 2 * (centre_px + 0.5)))
        full = round(2 * (left + centre_px + 0.5))
        return left, max(full, left + size_px)

    left, full_width = fit(camera.width_px, camera.cx_px)
    top, full_height = fit(camera.height_px, camera.cy_px)
    fov_deg = math.degrees(2 * math.atan(full_width / (2 * camera.fx_px)))
    seen = replace(
        camera,
        fy_px=camera.fx_px,
        cx_px=(full_width - 1) / 2 - left,
        cy_px=(full_height - 1) / 2 - top,
    )
    attributes = {"image_size_x": str(full_width), "image_size_y": str(full_height), "fov": repr(fov_deg)}
    return seen, (left, top, camera.width_px, camera.height_px), attributes
