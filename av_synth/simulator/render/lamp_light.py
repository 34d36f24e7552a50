"""What lamps do at night: a map of the light they throw on the ground."""

from __future__ import annotations

from collections.abc import Mapping

import moderngl
import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.lamp_places import street_lamps
from av_synth.simulator.render.lamps import HEADLIGHT, beam_reach_m
from av_synth.simulator.render.programs import Programs
from av_synth.simulator.render.quads import CORNERS, Quads
from av_synth.simulator.scene import Instance, Mesh, Scene

_MAP_M = 256.0
"""Side of the square around the camera in which lamps light the ground."""
_MAP_PX = 512
_SNAP_M = 16.0
_POOL_RADIUS_M = 15.0
_HEAD_M = 1.5  # more than half a lamp, and a pixel of the map
STREET_COLOUR = np.array([1.0, 0.74, 0.42])
"""Of the light of street lamps by themselves."""
_BEAM_HALF_WIDTH_M = 16.0
_VERTEX = ("in_position", "in_square", "in_colour", "in_ground")


class LampLight:
    """The light map: what lamps throw on the ground in a square of `_MAP_M` around the camera.

    Attributes:
        texture: of linear RGB.
        ways: of the horizontal way to the lamps, world axes, as long as the sum of that red, green and blue; and that
            sum times how much higher than the camera the ground is that they stand on, in metres.
    """

    def __init__(
        self, context: moderngl.Context, programs: Programs, town: Mesh, fronts_m: Mapping[tuple[str, int], float]
    ) -> None:
        self._context, self._fronts_m = context, fronts_m
        self.texture = context.texture((_MAP_PX, _MAP_PX), 4, dtype="f2")
        self.texture.repeat_x = self.texture.repeat_y = False
        self.ways = context.texture((_MAP_PX, _MAP_PX), 4, dtype="f2")
        self.ways.repeat_x = self.ways.repeat_y = False
        self._framebuffer = context.framebuffer([self.texture, self.ways])
        self._quads = Quads(context, programs, "lamp_light", "2f 2f 3f 1f", *_VERTEX)
        self.street_lamps_m, self._grounds_m = street_lamps(town)

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
        given = shine(scene, len(self.street_lamps_m))
        vertices = [
            _over(self._grounds_m[k] - eye_m[2], _pool(self.street_lamps_m[k], given[k], power))
            for k in np.flatnonzero(near)
        ]
        for i in scene.instances:
            if beam_reach_m(i.lights) > 0:
                beam = _beam(i, self._fronts_m[i.body, i.pose], beam_reach_m(i.lights), power)
                vertices.append(_over(i.world_from_body[2, 3] - eye_m[2], beam))
        self._quads.draw(vertices, map=np.array(place, dtype="<f4").tobytes())
        return place


def _over(ground_m: float, vertices: Array) -> Array:
    return np.concatenate([vertices, np.full((len(vertices), 1), ground_m)], axis=1)


def shine(scene: Scene, count: int) -> Array:
    """How much each of the town's street lamps shines, (N, 3), as `Scene.street_light`."""
    return np.ones((count, 3)) if scene.street_light is None else scene.street_light


def _pool(lamp_m: Array, shine: Array, power: float) -> Array:
    """The round pool (6, 7) of one street lamp; of one that is off a small one, below 0, that darkens its head."""
    lit = bool(shine.any())
    colour = np.tile(STREET_COLOUR * 0.62 * power * shine if lit else np.full(3, -power), (6, 1))
    return np.concatenate([lamp_m[:2] + CORNERS * (_POOL_RADIUS_M if lit else _HEAD_M), CORNERS, colour], axis=1)


def _beam(instance: Instance, front_m: float, reach_m: float, power: float) -> Array:
    """The quad (6, 7) that a vehicle's headlights light, ahead of them: they are `front_m` ahead of its origin.

    x + 2 tells the shader that it is a beam.
    """
    forward = instance.world_from_body[:2, 0] / max(float(np.linalg.norm(instance.world_from_body[:2, 0])), 1e-6)
    left = np.array([-forward[1], forward[0]])
    ahead, across = (CORNERS[:, :1] + 1) / 2, CORNERS[:, 1:]
    start = instance.world_from_body[:2, 0] * front_m + instance.world_from_body[:2, 3]
    ground = start + ahead * reach_m * forward + across * _BEAM_HALF_WIDTH_M * left
    return np.concatenate([ground, ahead + 2.0, across, np.tile(HEADLIGHT * 1.5 * power, (6, 1))], axis=1)
