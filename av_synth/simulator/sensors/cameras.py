"""Cameras: one geometry pass for all that share pose, size and intrinsics on a frame."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.sensing.photo import moving
from av_synth.simulator.profile import BLANK_FRAMES, SETTLING_FRAMES, WRONG_EVERY, Profile, object_ids
from av_synth.simulator.protocol import bodies
from av_synth.simulator.protocol.bodies import SensorType
from av_synth.simulator.scene import DEPTH, FLOW, RGB, Scene, Weather
from av_synth.simulator.sensors.drops import wet_lens
from av_synth.simulator.sensors.exposure import Exposure, Message
from av_synth.simulator.sensors.glass import bent, bent_silhouettes
from av_synth.simulator.sensors.metering import metered_ev100
from av_synth.simulator.sensors.retina import Retina
from av_synth.simulator.sensors.spec import CameraSpec
from av_synth.simulator.sensors.strokes import with_strokes
from av_synth.simulator.silhouettes import Silhouette, visible_of

if TYPE_CHECKING:
    from av_synth.simulator.render import Frames, Renderer


_LATE_S = 0.002  # how long images of a frame are held back


def expose_cameras(
    renderer: Renderer,
    scene: Scene,
    exposures: Iterable[Exposure],
    send: Callable[[Message], None],
    profile: Profile,
    retinas: Mapping[int, Retina],
) -> None:
    """Render and send what cameras see, in the order in which each pose first comes up, or late and the other way.

    Args:
        renderer: draws.
        scene: what is seen.
        exposures: of cameras.
        send: takes each message.
        profile: how images are let out.
        retinas: of DVS cameras by actor id; one that is gone sends nothing.

    Raises:
        DataError: if the renderer did not make what it was asked for.
    """
    late: list[Message] = []
    keep = late.append if profile.late_images else send
    for group in _groups(exposures):
        first = group[0]
        view = _spec(first).view(first.world_from_sensor)
        last = next((_last_world_from_camera(each) for each in group if each.last_world_from_sensor is not None), None)
        outputs = frozenset(_spec(exposure).output for exposure in group)
        if any(_spec(exposure).wants_flow for exposure in group):
            outputs |= {FLOW}
        frames = renderer.render(scene, view, outputs | ({DEPTH} if scene.strokes and RGB in outputs else set()), last)
        if scene.strokes and frames.rgb is not None and frames.depth_m is not None:
            frames = replace(frames, rgb=with_strokes(frames.rgb, frames.depth_m, view, scene.strokes))
        bending = _spec(first).bending
        if bending is not None:
            frames, places = bent(frames, bending, _spec(first).read_out_s / first.delta_s)
        for exposure in group:
            seen = _through_lens(exposure, frames, scene)
            if exposure.sensor.kind is SensorType.SEMANTIC_LIDAR:
                silhouettes: Iterable[Silhouette] = renderer.silhouettes(scene, view)
                if bending is not None:
                    silhouettes = bent_silhouettes(silhouettes, bending, places, _spec(first).room_px)
                keep(exposure.message(_visibility(silhouettes, frames)))
            elif exposure.sensor.kind is SensorType.DVS:
                for message in _events(exposure, _pixels(exposure, seen, profile, scene.weather), retinas):
                    keep(message)
            else:
                keep(_photo(exposure, seen, profile, scene.weather))
    if late:
        time.sleep(_LATE_S)
    for message in reversed(late):
        send(message)


def _spec(exposure: Exposure) -> CameraSpec:
    spec = exposure.sensor.spec
    if not isinstance(spec, CameraSpec):
        raise DataError(f"sensor {exposure.sensor.actor_id} is no camera")
    return spec


def _groups(exposures: Iterable[Exposure]) -> list[list[Exposure]]:
    """Those that can share a pass. Cameras of optical flow that came to one pose from different ones cannot."""
    groups: dict[tuple[Any, ...], list[Exposure]] = {}
    origins: dict[tuple[Any, ...], bytes] = {}
    for exposure in exposures:
        key = _key(exposure)
        if exposure.last_world_from_sensor is not None:
            origin = exposure.last_world_from_sensor.tobytes()
            if origins.setdefault(key, origin) != origin:
                key = (*key, origin)
        groups.setdefault(key, []).append(exposure)
    return list(groups.values())


def _last_world_from_camera(exposure: Exposure) -> Array | None:
    last = exposure.last_world_from_sensor
    return None if last is None else _spec(exposure).view(last).world_from_camera


def _key(exposure: Exposure) -> tuple[Any, ...]:
    spec = _spec(exposure)
    return (exposure.world_from_sensor.tobytes(), spec.optics, spec.read_out_s)


def _through_lens(exposure: Exposure, frames: Frames, scene: Scene) -> Frames:
    """What the camera's glass lets through, for cameras of colour."""
    if _spec(exposure).output != RGB or frames.rgb is None:
        return frames
    sensor = exposure.sensor
    age_us = round((exposure.elapsed_s - sensor.begun_s) * 1e6)
    return replace(frames, rgb=wet_lens(frames.rgb, scene.weather, sensor.seed, age_us))


def _photo(exposure: Exposure, frames: Frames, profile: Profile, weather: Weather) -> Message:
    """One image, as the profile lets it out."""
    spec = _spec(exposure)
    message = exposure.message(
        bodies.image(
            spec.optics.width_px, spec.optics.height_px, spec.fov_deg, _pixels(exposure, frames, profile, weather)
        )
    )
    age = exposure.sensor.age(exposure.frame)
    if profile.wrong_frames and exposure.sensor.kind is SensorType.DEPTH and age % WRONG_EVERY == WRONG_EVERY - 1:
        return replace(exposure, frame=exposure.frame - 1).message(message.parts[1:])
    return message


def _events(exposure: Exposure, pixels: Any, retinas: Mapping[int, Retina]) -> list[Message]:
    """What a DVS camera has to say of its image: as in CARLA nothing where nothing changed."""
    spec, sensor = _spec(exposure), exposure.sensor
    retina = retinas.get(sensor.actor_id)
    if retina is None:
        return []
    events = retina.see(pixels, exposure.elapsed_s, sensor.random(exposure.frame))
    body = bodies.dvs(spec.optics.width_px, spec.optics.height_px, spec.fov_deg, events)
    return [exposure.message(body)] if len(events) else []


def _pixels(exposure: Exposure, frames: Frames, profile: Profile, weather: Weather) -> Any:
    """The image (H, W, 4) uint8, or (H, W, 2) float32 of flow, as the profile lets it out."""
    spec = _spec(exposure)
    kind = exposure.sensor.kind
    pixels: Any = None
    if spec.output == RGB and frames.rgb is not None:
        pixels = frames.rgb
        if spec.exposure_s > 0.0 and frames.flow_px is not None:
            pixels = moving(pixels, frames.flow_px, spec.exposure_s / exposure.delta_s)
        pixels = spec.development.develop(pixels, metered_ev100(weather))
    elif kind is SensorType.DEPTH and frames.depth_m is not None:
        pixels = bodies.depth_pixels(frames.depth_m)
    elif kind is SensorType.SEMANTIC_SEGMENTATION and frames.tag is not None:
        pixels = bodies.semantic_pixels(frames.tag)
    elif kind is SensorType.INSTANCE_SEGMENTATION and frames.tag is not None and frames.actor_id is not None:
        ids = frames.actor_id
        ids = object_ids(ids, frames.tag, profile.object_bits) if profile.object_ids else ids
        pixels = bodies.instance_pixels(frames.tag, ids)
    elif kind is SensorType.OPTICAL_FLOW and frames.flow_px is not None:
        pixels = bodies.flow_pixels(frames.flow_px)
    elif kind is SensorType.NORMALS and frames.normal is not None:
        pixels = bodies.normal_pixels(frames.normal)
    width, height = spec.optics.width_px, spec.optics.height_px
    if pixels is None or pixels.shape[:2] != (height, width):
        raise DataError(f"the renderer made no {spec.output} of {width}x{height} pixels")
    age = exposure.sensor.age(exposure.frame)
    if profile.blank_first_frames and age <= BLANK_FRAMES:
        pixels = np.zeros_like(pixels)
    elif profile.blank_first_frames and spec.output == RGB and age <= SETTLING_FRAMES:
        over = 1.0 + math.exp(-age / BLANK_FRAMES)
        pixels = np.minimum(pixels * over, 255.0).astype(np.uint8)
    return pixels


def _visibility(silhouettes: Iterable[Silhouette], frames: Frames) -> list[bytes | memoryview]:
    if frames.actor_id is None:
        raise DataError("the renderer made no labels to count")
    seen = visible_of(silhouettes, frames.actor_id)
    return bodies.visibility([(v.actor_id, int(v.tag), v.amodal_px, v.visible_px, v.amodal_box) for v in seen])
