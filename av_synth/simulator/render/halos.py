"""Lamps as the eye has them: halos around those that it sees, glowing fog, and streaks on wet roads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.lamp_places import Lamp
from av_synth.simulator.render import projection
from av_synth.simulator.render.lamp_light import STREET_COLOUR, shine
from av_synth.simulator.render.lamps import emission
from av_synth.simulator.render.lighting import Lighting
from av_synth.simulator.render.quads import CORNERS
from av_synth.simulator.scene import Material, Scene, View

_REACH_M = 150.0
_GLOW, _GLOW_M = 0.22, 3.0  # of fog around a lamp: how bright, and how far
_LOST = 0.3  # of what fog takes from a lamp's light: most goes on forwards, and still comes from near the lamp
_AROUND_M, _AROUND_PX = 0.12, 1.5  # a lamp is not a point: so far around its middle it is looked for
_LOOKS = np.array([[x, y] for x in (-1.0, -0.5, 0.0, 0.5, 1.0) for y in (-1.0, -0.5, 0.0, 0.5, 1.0)])
_SUNK_M = 0.2  # the middle of a curved lamp lies inside its body

Depths = npt.NDArray[np.float32]


class Glows(NamedTuple):
    """Quads (6, 8) each, camera-relative.

    Attributes:
        halos: light that spreads in the eye: it lies over everything, if only the lamp is seen.
        fog: the same of light that spreads in fog, which takes off it what it will on the way.
        streaks: what wet roads mirror; they lie on the road.
    """

    halos: list[Array]
    fog: list[Array]
    streaks: list[Array]


def glows(
    scene: Scene,
    light: Lighting,
    lamps: Mapping[tuple[str, int], tuple[Lamp, ...]],
    street_lamps_m: Array,
    view: View,
    depths: Callable[[], Depths],
) -> Glows:
    """What lit lamps add to a view; `depths` gives what has been drawn, (H, W), reversed as the renderer has it."""
    eye, right, down, ahead = (view.world_from_camera[:3, k] for k in (3, 0, 1, 2))
    found = Glows([], [], [])
    if light.night <= 0.0:
        return found
    if not light.is_night:  # street lamps come up later than others
        street_lamps_m = street_lamps_m[:0]
    lit = []
    for at, normal, colour in _lit(scene, lamps, street_lamps_m, light.lamps):
        offset = at - eye
        distance = float(np.linalg.norm(offset))
        facing = 1.0 if normal is None else max(float(-normal @ offset) / max(distance, 1e-6), 0.0)
        if distance > _REACH_M or distance < 0.5 or facing <= 0.05 or ahead @ offset < 0.1:
            continue
        lit.append((offset, distance, colour * facing * light.night))
    if not lit:
        return found
    shares = _seen(np.array([offset for offset, _, _ in lit]), view, depths())
    for (offset, distance, strength), share in zip(lit, shares.tolist(), strict=True):
        if light.is_wet:  # by no more than the road is wet
            found.streaks.append(_streak(offset, float(eye[2]), strength * light.wetness * 0.16))
        if share == 0.0:
            continue
        size = (0.25 + 0.012 * distance) * (1.0 + 1.5 * light.fog_share)  # drops of fog send some of it sideways
        spread = CORNERS[:, :1] * right + CORNERS[:, 1:] * down
        found.halos.append(_quad(offset + spread * size, strength * (0.16 * share)))
        depth = _fog(light, float(eye[2]), offset, distance)
        if depth > 0.0:
            # near the eye it would fill the picture
            size = min(_GLOW_M, 0.4 * distance) + 0.03 * distance
            glowing = (
                light.scattering * share * -np.expm1(-depth) * np.exp(-_LOST * (depth + light.haze_per_m * distance))
            )
            found.fog.append(_quad(offset + spread * size, strength * (_GLOW * glowing)))
    return found


def _fog(light: Lighting, eye_height_m: float, offset: Array, distance: float) -> float:
    """Optical depth of the fog before a lamp, as `hazed` in `shaders/light.glsl` has it."""
    height = max(eye_height_m + 0.5 * float(offset[2]), 0.0)
    thinned = float(np.exp(-light.fog_falloff_per_m * height))
    return light.fog_per_m * max(distance - light.fog_start_m, 0.0) * thinned


def _seen(offsets: Array, view: View, depths: Depths) -> Array:
    """How much (N,) of the lamps at `offsets` (N, 3) from the camera nothing stands before, 0..1."""
    points = offsets @ view.world_from_camera[:3, :3]
    metres = points[:, 2:]
    focal, middle = np.array([view.fx_px, view.fy_px]), np.array([view.cx_px, view.cy_px])
    pixels = focal * points[:, :2] / metres + middle
    around = np.maximum(_AROUND_M * focal / metres, _AROUND_PX)
    places = np.rint(pixels[:, None] + around[:, None] * _LOOKS)
    last = np.array([view.width_px - 1, view.height_px - 1])
    u, v = np.moveaxis(np.clip(places, 0, last).astype(np.intp), -1, 0)
    nearest = projection.NEAR_M / np.maximum(metres - _SUNK_M, projection.NEAR_M)  # as `depths` has it
    return np.asarray((depths[v, u] <= nearest).mean(axis=1))


def _lit(
    scene: Scene, lamps: Mapping[tuple[str, int], tuple[Lamp, ...]], street_lamps_m: Array, power: float
) -> list[tuple[Array, Array | None, Array]]:
    """Position (3,), direction (3,) if it has one, and colour (3,) of everything that shines."""
    found: list[tuple[Array, Array | None, Array]] = []
    for instance in scene.instances:
        turn, shift = instance.world_from_body[:3, :3], instance.world_from_body[:3, 3]
        for lamp in lamps[instance.body, instance.pose]:
            glow = lamp.material == Material.GLOW
            colour = lamp.colour * 2.0 if glow else emission(lamp.material, instance.lights, scene.elapsed_s)
            if colour.max() > 0.0:
                normal = None if lamp.all_ways else turn @ lamp.normal
                found.append((turn @ lamp.centre_m + shift, normal, colour))
    given = shine(scene, len(street_lamps_m))
    found += [
        (at, None, STREET_COLOUR * 2.0 * power * each)
        for at, each in zip(street_lamps_m, given, strict=False)  # none of the lamps by day
        if each.any()
    ]
    return found


def _quad(corners: Array, colour: Array) -> Array:
    return np.concatenate([corners, CORNERS, np.tile(colour, (6, 1))], axis=1)


def _streak(offset: Array, eye_height_m: float, colour: Array) -> Array:
    """The reflection of a lamp in a wet road: where a mirror would show it, drawn out towards the eye.

    The ground is taken to be the plane at height 0 under both.
    """
    lamp_height = max(float(offset[2]) + eye_height_m, 0.1)
    flat = np.array([offset[0], offset[1], 0.0])
    distance = max(float(np.linalg.norm(flat)), 1e-6)
    forward = flat / distance
    left = np.array([-forward[1], forward[0], 0.0])
    mirror = distance * eye_height_m / (eye_height_m + lamp_height)
    near, far = mirror * 0.72, min(mirror * 1.28, distance)
    ahead = (near + far) / 2 + CORNERS[:, :1] * (far - near) / 2
    width = 0.06 + 0.010 * mirror
    ground = ahead * forward + CORNERS[:, 1:] * width * left
    ground[:, 2] = 0.02 - eye_height_m
    return _quad(ground, colour)
