"""What lamps do at night: a map of the light they throw on the ground, their halos, and their streaks on wet roads."""

from __future__ import annotations

from collections.abc import Mapping

import moderngl
import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.lamp_places import Lamp, street_lamps
from av_synth.simulator.render.lamps import HEADLIGHT, beam_reach_m, emission
from av_synth.simulator.render.lighting import Lighting
from av_synth.simulator.render.programs import Programs
from av_synth.simulator.render.quads import CORNERS, Quads
from av_synth.simulator.scene import Instance, Material, Mesh, Scene

_MAP_M = 256.0
"""Side of the square around the camera in which lamps light the ground."""
_MAP_PX = 512
_SNAP_M = 16.0
_POOL_RADIUS_M = 15.0
_HEAD_M = 1.5  # more than half a lamp, and a pixel of the map
_HALO_REACH_M = 150.0
_STREET_COLOUR = np.array([1.0, 0.74, 0.42])
_BEAM_HALF_WIDTH_M = 16.0


class LampLight:
    """The light map: what lamps throw on the ground in a square of `_MAP_M` around the camera.

    Attributes:
        texture: of linear RGB.
        ways: of the horizontal way to the lamps, world axes, as long as the sum of that red, green and blue.
    """

    def __init__(
        self, context: moderngl.Context, programs: Programs, town: Mesh, fronts_m: Mapping[tuple[str, int], float]
    ) -> None:
        self._context, self._fronts_m = context, fronts_m
        self.texture = context.texture((_MAP_PX, _MAP_PX), 4, dtype="f2")
        self.texture.repeat_x = self.texture.repeat_y = False
        self.ways = context.texture((_MAP_PX, _MAP_PX), 2, dtype="f2")
        self.ways.repeat_x = self.ways.repeat_y = False
        self._framebuffer = context.framebuffer([self.texture, self.ways])
        self._quads = Quads(context, programs, "pool", "2f 2f 3f", "in_position", "in_square", "in_colour")
        self.street_lamps_m = street_lamps(town)

    def update(self, scene: Scene, eye_m: Array, power: float) -> tuple[float, float, float]:
        """Draw the map for `scene` around a camera at `eye_m`, lamps at a power of 0..1.

        Returns:
            Scale and offsets from the world to 0..1.
        """
        centre = np.round(eye_m[:2] / _SNAP_M) * _SNAP_M
        scale = 1.0 / _MAP_M
        place = (scale, 0.5 - float(centre[0]) * scale, 0.5 - float(centre[1]) * scale)
        self._framebuffer.use()
        self._framebuffer.clear()
        self._context.enable_only(moderngl.BLEND)
        self._context.blend_func = moderngl.ONE, moderngl.ONE
        near = np.abs(self.street_lamps_m[:, :2] - centre).max(axis=1) < _MAP_M / 2 + _POOL_RADIUS_M
        shine = _shine(scene, len(self.street_lamps_m))
        vertices = [_pool(self.street_lamps_m[k], shine[k], power) for k in np.flatnonzero(near)]
        for i in scene.instances:
            if beam_reach_m(i.lights) > 0:
                vertices.append(_beam(i, self._fronts_m[i.body, i.pose], beam_reach_m(i.lights), power))
        self._quads.draw(vertices, map=np.array(place, dtype="<f4").tobytes())
        return place


def _shine(scene: Scene, count: int) -> Array:
    """How much each of the town's street lamps shines, (N, 3), as `Scene.street_light`."""
    return np.ones((count, 3)) if scene.street_light is None else scene.street_light


def _pool(lamp_m: Array, shine: Array, power: float) -> Array:
    """The round pool (6, 7) of one street lamp; of one that is off a small one, below 0, that darkens its head."""
    lit = bool(shine.any())
    colour = np.tile(_STREET_COLOUR * 0.62 * power * shine if lit else np.full(3, -power), (6, 1))
    return np.concatenate([lamp_m[:2] + CORNERS * (_POOL_RADIUS_M if lit else _HEAD_M), CORNERS, colour], axis=1)


def _beam(instance: Instance, front_m: float, reach_m: float, power: float) -> Array:
    """The quad (6, 7) that a vehicle's headlights light, ahead of them: they are `front_m` ahead of its origin.

    x + 2 tells the shader that it is a beam.
    """
    forward = instance.world_from_body[:2, 0] / max(float(np.linalg.norm(instance.world_from_body[:2, 0])), 1e-6)
    left = np.array([-forward[1], forward[0]])
    ahead, across = (CORNERS[:, :1] + 1) / 2, CORNERS[:, 1:]
    start = (instance.world_from_body[:3, :3] @ np.array([front_m, 0.0, 0.0]) + instance.world_from_body[:3, 3])[:2]
    ground = start + ahead * reach_m * forward + across * _BEAM_HALF_WIDTH_M * left
    return np.concatenate([ground, ahead + 2.0, across, np.tile(HEADLIGHT * 1.5 * power, (6, 1))], axis=1)


def halos(
    scene: Scene,
    light: Lighting,
    lamps: Mapping[tuple[str, int], tuple[Lamp, ...]],
    street_lamps_m: Array,
    world_from_camera: Array,
) -> list[Array]:
    """Quads (6, 8) each, camera-relative, of the glow around lit lamps and of their streaks on a wet road."""
    eye, right, down = world_from_camera[:3, 3], world_from_camera[:3, 0], world_from_camera[:3, 1]
    quads = []
    for at, normal, colour in _lit(scene, lamps, street_lamps_m, light.lamps):
        offset = at - eye
        distance = float(np.linalg.norm(offset))
        facing = 1.0 if normal is None else max(float(-normal @ offset) / max(distance, 1e-6), 0.0)
        if distance > _HALO_REACH_M or distance < 0.5 or facing <= 0.05 or world_from_camera[:3, 2] @ offset < 0.1:
            continue
        strength = colour * facing * light.night
        size = (0.25 + 0.012 * distance) * (1.0 + 1.5 * light.fog_share)  # drops of fog send some of it sideways
        # a little towards the eye, or half of it would lie inside the lamp's own body
        centre = offset * (1.0 - min(0.25 / distance, 0.5))
        spread = CORNERS[:, :1] * right * size + CORNERS[:, 1:] * down * size
        quads.append(_quad(centre + spread, strength * 0.16))
        if light.is_wet:  # by no more than the road is wet
            quads.append(_streak(offset, float(eye[2]), strength * light.wetness * 0.16))
    return quads


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
                found.append((turn @ lamp.centre_m + shift, turn @ lamp.normal, colour))
    shine = _shine(scene, len(street_lamps_m))
    found += [
        (at, None, _STREET_COLOUR * 2.0 * power * given)
        for at, given in zip(street_lamps_m, shine, strict=False)  # none of the lamps by day
        if given.any()
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
