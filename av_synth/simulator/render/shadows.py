"""The shadow atlas: a fine map around the camera, and a coarse one of the whole town.

The town's share of both is drawn once and kept; what moves is drawn into the fine one for each scene, and afterwards
only the rectangles that it darkened are made good again.
"""

from __future__ import annotations

from typing import NamedTuple

import moderngl
import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.render.geometry import Geometry
from av_synth.simulator.render.gl_calls import Copier, float_depth_texture
from av_synth.simulator.render.lighting import Lighting
from av_synth.simulator.render.programs import GROUND, Drawable, Programs
from av_synth.simulator.render.projection import FAR_M, Frustum
from av_synth.simulator.scene import Instance, Scene

NEAR_M = 96.0
"""Width of the rectangle, seen from the light, that the fine map covers."""
_STEP = 0.125
"""The fine map moves by so much of its sides: whole texels, and nearly always all cameras of a car share it."""
_HIGH_M = 20.0
"""Walls further up are as well seen in the coarse map, and where the sun is low that makes the fine one finer."""
_DEPTH_STEP_M = 64.0
_SOFT_PX = 288  # a light without an edge: one texel, 33 cm, is how soft its shadow is
_LIFT_TEXELS = 1.0
"""What casts shadows looks for them so far in front of itself, or it would find its own.

It is not moved away from the light instead: a shadow that begins behind what casts it lets light in at its foot. The
coarse map alone is drawn so, by `_FAR_SLOPE` texels' worth of how steeply it looks away.
"""
_FAR_SLOPE = 2.0


class ShadowMaps(NamedTuple):
    """What shaders are told of the atlas.

    Attributes:
        from_relative: (4, 4), from the camera to the fine map: x and y -1..1, z 0..1 and the same in both maps.
        atlas: (2, 4), scale x, y and offset x, y from there to the atlas, to the fine map in it and to the coarse one.
        lift_m: how far in front of itself what casts shadows looks for them.
    """

    from_relative: Array
    atlas: Array
    lift_m: float


NO_SHADOWS = ShadowMaps(np.eye(4), np.zeros((2, 4)), 0.0)


class Shadows:
    """Owner of the atlas: `texture`, the fine map in its lower half, the coarse one above, each `side_px` a side."""

    def __init__(self, context: moderngl.Context, programs: Programs, geometry: Geometry, side_px: int) -> None:
        self._context, self._programs, self._geometry, self._side_px = context, programs, geometry, side_px
        self.texture = float_depth_texture(context, side_px, 2 * side_px)
        self.texture.compare_func = "<="
        self.texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self.texture.repeat_x = self.texture.repeat_y = False
        self._framebuffer = context.framebuffer([], self.texture)
        self._town_only = float_depth_texture(context, side_px, side_px)  # the fine map without what moves
        self._town_framebuffer = context.framebuffer([], self._town_only)
        self._copier = Copier(context)
        self._darkened: list[tuple[int, int, int, int]] = []
        casts = ~np.isin(geometry.town.materials, [int(m) for m in GROUND])
        self._casters = np.flatnonzero(casts)
        town = geometry.town
        low = (town.centres_m - town.halves_m)[casts].min(axis=0, initial=0.0)
        high = (town.centres_m + town.halves_m)[casts].max(axis=0, initial=1.0)
        self._town_centre, self._town_half = (low + high) / 2, (high - low) / 2 + 1.0
        self._near_of: tuple[bytes, int] | None = None
        self._scene: Scene | None = None
        self._far_of = b""

    def update(self, scene: Scene, light: Lighting, eye_m: Array) -> None:
        """Draw what has changed of the shadows in `scene` around a camera at `eye_m` (3,) in the world."""
        axes = _light_axes(light.key_direction)
        self._resolution = self._side_px if light.sharp else _SOFT_PX
        town, across = axes @ self._town_centre, np.abs(axes) @ self._town_half
        # a point is as deep in both maps, and none that is seen deeper than they are
        reach_m = max(across[2], abs(float(axes[2] @ eye_m) - town[2]))
        depth_m = FAR_M + _DEPTH_STEP_M * float(np.ceil(reach_m / _DEPTH_STEP_M))
        half = np.array([NEAR_M / 2, _half_height_m(light.key_direction)])
        steps = 2.0 * _STEP * half
        centre = np.append(np.round(axes[:2] @ eye_m / steps) * steps, town[2])
        self._near = _ortho(axes, centre, half, depth_m)
        self._far = _ortho(axes, town, across[:2], depth_m)
        near_of, far_of = (self._near.tobytes(), self._resolution), self._far.tobytes()
        if self._far_of != far_of:
            self._far_of = far_of
            upper = (0, self._side_px, self._side_px, self._side_px)
            self._draw_town(self._framebuffer, self._far, upper, _FAR_SLOPE)
        if self._near_of != near_of:
            self._near_of, self._scene = near_of, None
            whole = (0, 0, self._resolution, self._resolution)
            self._draw_town(self._town_framebuffer, self._near, whole)
            self._darkened = [whole]
        if self._scene is not scene:
            self._scene = scene
            for bounds in self._darkened:
                self._copier.copy(self._town_only, self.texture, bounds)
            self._darkened = self._draw_bodies(scene.instances)

    def uniforms(self, eye_m: Array) -> ShadowMaps:
        """Where a camera at `eye_m` (3,) finds them."""
        relative = np.eye(4)
        relative[:3, 3] = eye_m
        near, far = self._near @ relative, self._far @ relative
        scale = np.sum(far[:2, :3] * near[:2, :3], axis=1) / np.sum(near[:2, :3] ** 2, axis=1)
        offset = far[:2, 3] - scale * near[:2, 3]
        share = self._resolution / self._side_px
        # the coarse map is the upper half of the atlas
        fine = np.array([share / 2, share / 4, share / 2, share / 4])
        coarse = np.array([scale[0] / 2, scale[1] / 4, offset[0] / 2 + 0.5, offset[1] / 4 + 0.75])
        return ShadowMaps(near, np.stack([fine, coarse]), _LIFT_TEXELS * NEAR_M / self._resolution)

    def _draw_town(
        self,
        framebuffer: moderngl.Framebuffer,
        clip_from_world: Array,
        viewport: tuple[int, int, int, int],
        slope: float = 0.0,
    ) -> None:
        framebuffer.use()
        framebuffer.viewport = viewport
        framebuffer.clear(depth=1.0, viewport=viewport)
        program, town = self._begin(), self._geometry.town
        self._context.polygon_offset = slope, 0.0
        program.write("clip_from_body", clip_from_world.T.astype("<f4").tobytes())
        visible = _planes(clip_from_world)
        seen = self._casters[visible.boxes(town.centres_m[self._casters], town.halves_m[self._casters])]
        for k in seen.tolist():
            program.draw(int(town.counts[k]), int(town.firsts[k]))
        self._context.polygon_offset = 0.0, 0.0

    def _draw_bodies(self, instances: tuple[Instance, ...]) -> list[tuple[int, int, int, int]]:
        """Draw bodies into the fine map; returns the rectangles x, y, width, height that they may have changed."""
        self._framebuffer.use()
        self._framebuffer.viewport = (0, 0, self._resolution, self._resolution)
        program, darkened = self._begin(), []
        per_m = np.linalg.norm(self._near[:3, :3], axis=1)
        for instance in instances:
            shape = self._geometry.shapes[instance.body, instance.pose]
            matrix = self._near @ instance.world_from_body
            middle = matrix[:3, :3] @ shape.centre_m + matrix[:3, 3]
            radius = shape.radius_m * per_m
            if (np.abs(middle - [0.0, 0.0, 0.5]) > np.array([1.0, 1.0, 0.5]) + radius).any():
                continue
            program.write("clip_from_body", matrix.T.astype("<f4").tobytes())
            program.draw(shape.count, shape.first)
            around = np.array([middle[:2] - radius[:2], middle[:2] + radius[:2]]) * 0.5 + 0.5
            edges = np.floor(around * self._resolution) + np.array([[-1.0], [2.0]])
            (x0, y0), (x1, y1) = np.clip(edges, 0, self._resolution).astype(int).tolist()
            darkened.append((x0, y0, x1 - x0, y1 - y0))
        return darkened

    def _begin(self) -> Drawable:
        self._context.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._context.cull_face, self._context.front_face = "back", "ccw"
        self._context.depth_func = "<="
        return self._programs.shadow()


def _light_axes(direction: Array) -> Array:
    """Rows: level across the light (3,), up across it (3,), and the way it travels, into the ground.

    What is upright is so in the maps, too: the edges of its shadow run along texels and have no steps.
    """
    side = np.array([0.0, 0.0, 1.0]) if direction[2] < 0.9999 else np.array([0.0, 1.0, 0.0])
    across = np.cross(side, direction)
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(direction, across), -direction])


def _half_height_m(direction: Array) -> float:
    """Half of what the fine map covers up across the light (3,): as much ground as level across, and walls."""
    rise = max(float(direction[2]), 0.0)
    return min(NEAR_M / 2, NEAR_M / 2 * rise + _HIGH_M * float(np.sqrt(1.0 - rise * rise)))


def _ortho(axes: Array, centre: Array, half_m: Array, half_depth_m: float) -> Array:
    """(4, 4) from the world to clip space of a box in light axes, (2,) across: x and y -1..1, z 0..1."""
    matrix = np.eye(4)
    scale = np.append(1.0 / half_m, 0.5 / half_depth_m)
    matrix[:3, :3] = axes * scale[:, None]
    matrix[:3, 3] = -centre * scale + np.array([0.0, 0.0, 0.5])
    return matrix


def _planes(clip_from_world: Array) -> Frustum:
    """The box that an orthographic matrix maps to clip space."""
    rows, last = clip_from_world[:3], np.array([0.0, 0.0, 0.0, 1.0])
    planes = [last + rows[0], last - rows[0], last + rows[1], last - rows[1], rows[2], last - rows[2]]
    planes = [plane / np.linalg.norm(plane[:3]) for plane in planes]
    return Frustum(np.stack(planes))
