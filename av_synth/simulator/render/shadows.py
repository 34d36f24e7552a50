"""The shadow atlas: a fine map around the camera, and a coarse one of the whole town.

The town's share of both is drawn once and kept; what moves is drawn into the fine one for each scene, and afterwards
only the rectangles that it darkened are made good again.
"""

from __future__ import annotations

import moderngl
import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.render.geometry import Geometry
from av_synth.simulator.render.gl_calls import Copier, float_depth_texture
from av_synth.simulator.render.lighting import Lighting
from av_synth.simulator.render.programs import Drawable, Programs
from av_synth.simulator.render.projection import Frustum
from av_synth.simulator.scene import Instance, Material, Scene

NEAR_M = 128.0
"""Side of the square, seen from the light, that the fine map covers."""
_SNAP_M = np.array([16.0, 16.0, 64.0])
"""The fine map moves in steps of this across and along the light: nearly always all cameras of a car share it."""
_DEPTH_M = 256.0
_SOFT_PX = 384  # a light without an edge: one texel, 33 cm, is how soft its shadow is
_GROUND = (Material.ASPHALT, Material.PAVING, Material.MARKING, Material.GRASS)  # receive shadows, cast none


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
        casts = ~np.isin(geometry.town.materials, [int(m) for m in _GROUND])
        self._casters = np.flatnonzero(casts)
        town = geometry.town
        low = (town.centres_m - town.halves_m)[casts].min(axis=0, initial=0.0)
        high = (town.centres_m + town.halves_m)[casts].max(axis=0, initial=1.0)
        self._town_centre, self._town_radius = (low + high) / 2, float(np.linalg.norm(high - low) / 2) + 1.0
        self._near_of: tuple[bytes, int] | None = None
        self._scene: Scene | None = None
        self._far_of = b""

    def update(self, scene: Scene, light: Lighting, eye_m: Array) -> None:
        """Draw what has changed of the shadows in `scene` around a camera at `eye_m` (3,) in the world."""
        axes = _light_axes(light.key_direction)
        self._resolution = self._side_px if light.sharp else _SOFT_PX
        centre = np.round(axes @ eye_m / _SNAP_M) * _SNAP_M
        self._near = _ortho(axes, centre, NEAR_M / 2, _DEPTH_M)
        self._far = _ortho(axes, axes @ self._town_centre, self._town_radius, self._town_radius)
        near_of, far_of = (self._near.tobytes(), self._resolution), self._far.tobytes()
        if self._far_of != far_of:
            self._far_of = far_of
            self._draw_town(self._framebuffer, self._far, (0, self._side_px, self._side_px, self._side_px))
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

    def uniforms(self, eye_m: Array) -> tuple[Array, Array, Array, float]:
        """For the frame block: near map from relative (4, 4), scale and offset (3,) to the far map, near map's size."""
        relative = np.eye(4)
        relative[:3, 3] = eye_m
        unit = np.diag([0.5, 0.5, 1.0, 1.0])
        unit[:2, 3] = 0.5
        near, far = unit @ self._near @ relative, unit @ self._far @ relative
        scale = np.array([far[k, :3] @ near[k, :3] / (near[k, :3] @ near[k, :3]) for k in range(3)])
        offset = far[:3, 3] - scale * near[:3, 3]
        # the far map is the upper half of the atlas
        scale[1], offset[1] = scale[1] / 2, offset[1] / 2 + 0.5
        return near, scale, offset, self._resolution / self._side_px

    def _draw_town(
        self, framebuffer: moderngl.Framebuffer, clip_from_world: Array, viewport: tuple[int, int, int, int]
    ) -> None:
        framebuffer.use()
        framebuffer.viewport = viewport
        framebuffer.clear(depth=1.0, viewport=viewport)
        program, town = self._begin(), self._geometry.town
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
        for instance in instances:
            shape = self._geometry.shapes[instance.body, instance.pose]
            matrix = self._near @ instance.world_from_body
            middle = matrix[:3, :3] @ shape.centre_m + matrix[:3, 3]
            radius = shape.radius_m * 2.0 / NEAR_M
            if np.abs(middle[:2]).max() > 1.0 + radius or abs(middle[2] - 0.5) > 0.5 + radius:
                continue
            program.write("clip_from_body", matrix.T.astype("<f4").tobytes())
            program.draw(shape.count, shape.first)
            around = np.array([middle[:2] - radius, middle[:2] + radius]) * 0.5 + 0.5
            edges = np.floor(around * self._resolution) + np.array([[-1.0], [2.0]])
            (x0, y0), (x1, y1) = np.clip(edges, 0, self._resolution).astype(int).tolist()
            darkened.append((x0, y0, x1 - x0, y1 - y0))
        self._context.polygon_offset = 0.0, 0.0
        return darkened

    def _begin(self) -> Drawable:
        self._context.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._context.cull_face, self._context.front_face = "back", "ccw"
        self._context.depth_func = "<="
        self._context.polygon_offset = 2.0, 4.0
        return self._programs.shadow()


def _light_axes(direction: Array) -> Array:
    """Rows: two axes across the light (3,), (3,) and the way it travels, into the ground."""
    side = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    across = np.cross(side, direction)
    across /= np.linalg.norm(across)
    return np.stack([across, np.cross(direction, across), -direction])


def _ortho(axes: Array, centre: Array, half_m: float, half_depth_m: float) -> Array:
    """(4, 4) from the world to clip space of a box in light axes: x and y -1..1, z 0..1."""
    matrix = np.eye(4)
    scale = np.array([1.0 / half_m, 1.0 / half_m, 0.5 / half_depth_m])
    matrix[:3, :3] = axes * scale[:, None]
    matrix[:3, 3] = -centre * scale + np.array([0.0, 0.0, 0.5])
    return matrix


def _planes(clip_from_world: Array) -> Frustum:
    """The box that an orthographic matrix maps to clip space."""
    rows, last = clip_from_world[:3], np.array([0.0, 0.0, 0.0, 1.0])
    planes = [last + rows[0], last - rows[0], last + rows[1], last - rows[1], rows[2], last - rows[2]]
    planes = [plane / np.linalg.norm(plane[:3]) for plane in planes]
    return Frustum(np.stack(planes))
