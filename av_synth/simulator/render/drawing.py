"""Everything between a scene and filled framebuffers: the order of drawing, and what each program is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import moderngl
import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.quality import Quality
from av_synth.simulator.render import frame_block, projection
from av_synth.simulator.render.contact import contact_quads
from av_synth.simulator.render.geometry import Geometry, Meshes
from av_synth.simulator.render.glare import sun_pixel, veils
from av_synth.simulator.render.halos import glows
from av_synth.simulator.render.hiding import Hiding
from av_synth.simulator.render.lamp_light import LampLight
from av_synth.simulator.render.lamps import emission, find_all, fronts_m
from av_synth.simulator.render.lighting import Lighting, cloud_drift, lighting
from av_synth.simulator.render.placement import Placed, moved_from_body
from av_synth.simulator.render.programs import (
    FRAME_BINDING,
    LAMP_UNIT,
    NOISE_UNIT,
    PICTURE_UNIT,
    PLACES_UNIT,
    SHADOW_UNIT,
    WAYS_UNIT,
    WETTABLE,
    Drawable,
    Extras,
    Programs,
    Variant,
)
from av_synth.simulator.render.quads import Quads
from av_synth.simulator.render.rain import streaks
from av_synth.simulator.render.shadows import NO_SHADOWS, ShadowMaps, Shadows
from av_synth.simulator.render.snow import flakes
from av_synth.simulator.render.spray import puffs
from av_synth.simulator.render.targets import Targets
from av_synth.simulator.render.textures import Pictures, noise_texture, places_texture
from av_synth.simulator.scene import Material, Mesh, Scene, View, Weather

# What usually hides other things comes first, for hidden pixels are not shaded.
_ORDER = (
    Material.PAINT,
    Material.TEXTURED,
    Material.MATTE,
    Material.GLASS,
    Material.METAL,
    Material.LAMP_FRONT,
    Material.LAMP_BRAKE,
    Material.LAMP_LEFT,
    Material.LAMP_RIGHT,
    Material.LAMP_BLUE,
    Material.LAMP_RED,
    Material.GLOW,
    Material.FOLIAGE,
    Material.FACADE,
    Material.GRASS,
)
_RINGS_M = (25.0, 60.0, 130.0)
"""The town is drawn in rings around the camera, near ones first, for the same reason."""
_NEAR_RING = 1
"""The last ring whose walls and trees hide others; what is beyond is asked for before it is drawn."""
_PLACES = np.array([_ORDER.index(m) if m in _ORDER else len(_ORDER) + m for m in Material])
_MURKY_PER_M = 0.001  # haze from which it is reckoned for each pixel, for it bends within large triangles
_SUN_PX = 3  # how far around the sun's middle is looked whether something hides it
_LAMPS = tuple(material for material in Material if material.name.startswith("LAMP_"))
_NO_LAMPS = (0.0, 0.0, 0.0)
_EVERYTHING, _NOTHING = (True, True, True, True), (False, False, False, False)
_ANY_LIGHT = lighting(Weather())


class _Part(NamedTuple):
    """Chunks of the town, by number, that are drawn by one program; those of vast triangles apart."""

    material: int
    vast: bool
    near: bool
    chunks: list[int]

    def under(self, variant: Variant) -> Variant:
        return replace(variant, murky=True) if self.vast else variant


class Painter:
    """Fills framebuffers. All that it keeps between frames can be told from the scene and the view alone."""

    def __init__(
        self,
        context: moderngl.Context,
        geometry: Geometry,
        town_mesh: Mesh,
        bodies: Mapping[str, Meshes],
        quality: Quality,
    ) -> None:
        self._context, self._geometry = context, geometry
        vertices, indices = context.buffer(geometry.vertices.tobytes()), context.buffer(geometry.indices.tobytes())
        self._programs = programs = Programs(context, vertices, indices)
        self._frame = context.buffer(reserve=frame_block.SIZE, dynamic=True)
        self._noise = noise_texture(context)
        self._pictures = Pictures(context, bodies)
        self._shadows = Shadows(context, programs, geometry, quality.shadow_px)
        self._places: moderngl.Texture | None = None  # made when somebody first wants optical flow
        self._lamps = find_all(bodies)
        self._lamp_light = LampLight(context, programs, town_mesh, fronts_m(bodies, self._lamps))
        self._contact = Quads(context, programs, "contact", "3f 3f", "in_position", "in_square")
        self._spray = Quads(context, programs, "spray", "3f 2f 2f", "in_position", "in_square", "in_puff")
        self._snow = Quads(context, programs, "snow", "3f 2f 1f", "in_position", "in_square", "in_dense")
        glow = "3f 2f 3f", "in_position", "in_square", "in_colour"
        self._glow, self._lit_fog = Quads(context, programs, "glow", *glow), Quads(context, programs, "fog", *glow)

    def colour(
        self,
        scene: Scene,
        view: View,
        placed: list[Placed],
        targets: Targets,
        labels: bool,
        last_view: View | None = None,
    ) -> None:
        """Draw a view in colour, in labels too if wanted, and in optical flow if the view of the frame before is given.

        For flow, `placed` must be with it too. Normals are drawn where `targets` have an image of them.
        """
        light, eye = lighting(scene.weather), view.world_from_camera[:3, 3]
        shadow, lamp_map = NO_SHADOWS, _NO_LAMPS
        if light.is_night:
            lamp_map = self._lamp_light.update(scene, eye, light.lamps)
        else:
            self._shadows.update(scene, light, eye)
            shadow = self._shadows.uniforms(eye)
        self._write_frame(light, view, scene.elapsed_s, shadow, lamp_map, last_view)
        self._shadows.texture.use(SHADOW_UNIT)
        self._noise.use(NOISE_UNIT)
        self._lamp_light.texture.use(LAMP_UNIT)
        self._lamp_light.ways.use(WAYS_UNIT)
        targets.use_mirrors()

        extras = _extras(targets, last_view)
        framebuffer = targets.both_and_flow if extras.flow else targets.both if labels else targets.colour_only
        self._begin(framebuffer)
        murky = light.haze_per_m + light.fog_per_m > _MURKY_PER_M
        variant = Variant(light.is_night, light.is_wet, murky, light.is_white)

        def draw(items: list[Placed], kinds: Sequence[int], parts: Iterable[_Part]) -> None:
            bodies = _by_material(items)
            for material in (kind for kind in kinds if kind in bodies):
                program = self._programs.surface(material, variant, extras)
                self._draw_bodies(program, material, bodies[material], scene.elapsed_s)
            for part in parts:
                program = self._programs.surface(part.material, part.under(variant), extras)
                self._draw_town(program, part.chunks, view, last_view)

        near, far, dry, ground = self._by_distance(placed, view)
        draw(near, _ORDER, (part for part in dry if part.near))
        far, shown = self._not_hidden(view, targets, far, [*(part for part in dry if not part.near), *ground])
        draw(far, _ORDER, (part for part in shown if part.material not in WETTABLE))
        if light.is_wet:
            targets.keep_mirrors()
        # last, for it mirrors the rest
        draw([*near, *far], WETTABLE, (part for part in shown if part.material in WETTABLE))
        self._light_sky(light, scene.elapsed_s, extras)
        self._draw_sky(view, label_only=False, extras=extras)
        self._draw_overlays(scene, view, placed, light, framebuffer, targets)

    def look(self, view: View) -> None:
        """Take a view without light, for `cover`."""
        self._write_frame(_ANY_LIGHT, view, 0.0, NO_SHADOWS, _NO_LAMPS, None)

    def labels(self, view: View, placed: list[Placed], targets: Targets, last_view: View | None = None) -> None:
        """Draw a view's labels and depth alone, or with the extras of `colour`: the same geometry, no shading."""
        self._write_frame(_ANY_LIGHT, view, 0.0, NO_SHADOWS, _NO_LAMPS, last_view)
        extras = _extras(targets, last_view)
        self._begin(targets.labels_and_flow if extras.flow else targets.labels_only)
        program = self._programs.labels(extras)

        def draw(items: list[Placed], parts: Iterable[_Part]) -> None:
            for item in items:
                _take_place(program, item)
                program.draw(item.shape.count, item.shape.first)
            self._draw_town(program, [chunk for part in parts for chunk in part.chunks], view, last_view)

        near, far, dry, ground = self._by_distance(placed, view)
        draw(near, (part for part in dry if part.near))
        draw(*self._not_hidden(view, targets, far, [*(part for part in dry if not part.near), *ground]))
        self._draw_sky(view, label_only=True, extras=extras)

    def cover(self, item: Placed, targets: Targets, bounds: tuple[int, int, int, int]) -> npt.NDArray[np.bool_]:
        """Which pixels a body covers alone in the view that was taken last.

        `bounds` is a rectangle x, y, width, height of the image; the result has its height and width.
        """
        self._context.enable_only(moderngl.CULL_FACE)
        targets.cover_only.use()
        targets.cover_only.clear(viewport=bounds)
        program = self._programs.cover()
        program.write("relative_from_body", item.matrix)
        program.draw(item.shape.count, item.shape.first)
        # rows of any length: no padding to 4 bytes
        read = np.frombuffer(targets.cover_only.read(bounds, 1, alignment=1), np.uint8)
        return np.asarray(read.reshape(bounds[3], bounds[2]) > 0)

    def _write_frame(
        self,
        light: Lighting,
        view: View,
        elapsed_s: float,
        shadow: ShadowMaps,
        lamp_map: tuple[float, float, float],
        last_view: View | None,
    ) -> None:
        clip, eye = projection.clip_from_relative(view), view.world_from_camera[:3, 3]
        last_clip = clip if last_view is None else projection.clip_from_relative(last_view)
        self._frame.write(frame_block.pack(light, clip, last_clip, eye, elapsed_s, shadow, lamp_map))
        self._frame.bind_to_uniform_block(FRAME_BINDING)
        if last_view is not None:
            if self._places is None:
                self._places = places_texture(self._context, self._geometry.vertices["position"])
            self._places.use(PLACES_UNIT)

    def _begin(self, framebuffer: moderngl.Framebuffer) -> None:
        framebuffer.use()
        framebuffer.clear(depth=0.0)  # reversed: 0 is infinitely far
        self._context.depth_func = ">="
        self._context.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._context.cull_face = "back"
        self._context.front_face = "cw"  # the image is drawn upside down, which turns triangles round

    def _by_distance(
        self, placed: list[Placed], view: View
    ) -> tuple[list[Placed], list[Placed], list[_Part], list[_Part]]:
        """Near and far bodies, and what stands of the town and what lies below it, near parts first."""
        eye_m = view.world_from_camera[:3, 3]
        away_m = [float(np.linalg.norm(item.instance.world_from_body[:3, 3] - eye_m)) for item in placed]
        near = [item for item, distance in zip(placed, away_m, strict=True) if distance <= _RINGS_M[_NEAR_RING]]
        far = [item for item, distance in zip(placed, away_m, strict=True) if distance > _RINGS_M[_NEAR_RING]]
        town = self._town_in_rings(view)
        dry = [part for part in town if part.material not in WETTABLE]
        return near, far, dry, [part for part in town if part.material in WETTABLE]

    def _not_hidden(
        self, view: View, targets: Targets, placed: list[Placed], parts: list[_Part]
    ) -> tuple[list[Placed], list[_Part]]:
        """What is not wholly behind what was drawn so far: there is more town behind the next houses than before."""
        town, hiding = self._geometry.town, Hiding(_depths(targets, view), view)
        chunks = [chunk for part in parts for chunk in part.chunks]
        around = projection.box_corners(np.zeros(3), np.ones(3))
        hidden = hiding.hides(town.centres_m[chunks][:, None] + around * town.halves_m[chunks][:, None])
        gone = {chunk for chunk, is_hidden in zip(chunks, hidden.tolist(), strict=True) if is_hidden}
        shown = [part._replace(chunks=[chunk for chunk in part.chunks if chunk not in gone]) for part in parts]
        if placed:
            poses = np.stack([item.instance.world_from_body for item in placed])
            boxes = np.stack([projection.box_corners(item.shape.centre_m, item.shape.half_m) for item in placed])
            corners = np.einsum("nij,nkj->nki", poses[:, :3, :3], boxes) + poses[:, None, :3, 3]
            placed = [item for item, hid in zip(placed, hiding.hides(corners).tolist(), strict=True) if not hid]
        return placed, [part for part in shown if part.chunks]

    def _town_in_rings(self, view: View) -> list[_Part]:
        """What the view may see of the town, near rings first."""
        town = self._geometry.town
        seen = np.flatnonzero(projection.frustum(view).boxes(town.centres_m, town.halves_m))
        beside = np.abs(town.centres_m[seen] - view.world_from_camera[:3, 3]) - town.halves_m[seen]
        distances = np.linalg.norm(np.maximum(beside, 0.0), axis=1)
        rings, places, vast = np.searchsorted(_RINGS_M, distances), _PLACES[town.materials[seen]], town.vast[seen]
        parts: list[_Part] = []
        before = None
        for at in np.lexsort((distances, vast, places, rings)).tolist():
            k, kind = seen[at], (rings[at], places[at], vast[at])
            if kind != before:
                before = kind
                parts.append(_Part(int(town.materials[k]), bool(vast[at]), bool(rings[at] <= _NEAR_RING), []))
            parts[-1].chunks.append(int(k))
        return parts

    def _draw_town(self, program: Drawable, chunks: list[int], view: View, last_view: View | None) -> None:
        matrix, eye_m = np.eye(4), view.world_from_camera[:3, 3]
        matrix[:3, 3] = -eye_m
        if last_view is not None:
            still = np.eye(4)
            program.write("moved_from_body", moved_from_body(still, still, eye_m, last_view.world_from_camera[:3, 3]))
            program.write("last_vertex", _word(0))
        program.write("relative_from_body", matrix.T.astype("<f4").tobytes())
        program.write("actor", _word(0))
        program.write("paint", _vector(np.full(3, 0.4)))
        program.write("emission", _vector(np.zeros(3)))
        firsts, counts = self._geometry.town.firsts[chunks], self._geometry.town.counts[chunks]
        for first, count in zip(firsts.tolist(), counts.tolist(), strict=True):
            program.draw(count, first)

    def _light_sky(self, light: Lighting, elapsed_s: float, extras: Extras) -> None:
        program = self._programs.sky(False, extras)
        program.write("terms", light.sky_terms.astype("<f4").tobytes())
        program.write("disc", _vector(light.sun_disc))
        program.write("drift", _vector(np.append(cloud_drift(light, elapsed_s), light.veil)))

    def _draw_sky(self, view: View, *, label_only: bool, extras: Extras) -> None:
        program = self._programs.sky(label_only, extras)
        self._context.enable_only(moderngl.DEPTH_TEST)
        # a corner of clip space (x, y, 1) as a direction in the world
        rays = np.eye(4)
        rays[:3, :3] = np.linalg.inv(projection.clip_from_relative(view)[[0, 1, 3], :3])
        program.write("relative_from_clip", rays.T.astype("<f4").tobytes())
        program.draw(3)

    def _draw_bodies(
        self, program: Drawable, material: int, parts: list[tuple[Placed, int, int]], elapsed_s: float
    ) -> None:
        for item, first, count in parts:
            _take_place(program, item)
            if material == Material.PAINT:
                program.write("paint", _vector((np.array(item.instance.colour) / 255.0) ** 2))
            elif material == Material.TEXTURED:
                self._pictures.use(item.instance.body, PICTURE_UNIT)
            elif material in _LAMPS:
                program.write("emission", _vector(emission(material, item.instance.lights, elapsed_s)))
            program.draw(count, first)

    def _sky_share(self, framebuffer: moderngl.Framebuffer, pixel: tuple[int, int]) -> float:
        """How much of what is around a pixel is sky, 0..1."""
        size = 2 * _SUN_PX + 1
        x, y = (max(at - _SUN_PX, 0) for at in pixel)
        bounds = (x, y, min(size, framebuffer.width - x), min(size, framebuffer.height - y))
        depths = np.frombuffer(framebuffer.read(bounds, attachment=-1, dtype="f4", alignment=1), np.float32)
        return float(np.mean(depths == 0.0))

    def _draw_overlays(
        self,
        scene: Scene,
        view: View,
        placed: list[Placed],
        light: Lighting,
        framebuffer: moderngl.Framebuffer,
        targets: Targets,
    ) -> None:
        """Contact shadows, spray, halos, rain and glare: colour alone, on top of what is there."""
        dazzling = sun_pixel(view, light)
        framebuffer.depth_mask = False  # they are no surfaces: depth, labels and flow stay as they are
        others = len(framebuffer.color_attachments) - 1
        framebuffer.color_mask = (_EVERYTHING, *[_NOTHING] * others) if others else _EVERYTHING  # type: ignore[assignment]  # stub
        framebuffer.use()
        self._context.enable_only(moderngl.DEPTH_TEST | moderngl.BLEND)
        self._context.blend_func = moderngl.ZERO, moderngl.SRC_COLOR
        pairs = [(item.instance, item.whole) for item in placed if item.whole is not None]
        self._contact.draw(contact_quads(pairs, view.world_from_camera[:3, 3]))
        self._context.blend_func = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA
        self._spray.draw(puffs(scene, view, placed, light))
        self._snow.draw(flakes(scene, view, light))
        self._context.blend_func = moderngl.ONE, moderngl.ONE
        street = self._lamp_light.street_lamps_m
        found = glows(scene, light, self._lamps, street, view, lambda: _depths(targets, view))
        veil = veils(view, light, 0.0 if dazzling is None else self._sky_share(framebuffer, dazzling))
        self._glow.draw([*found.streaks, *streaks(scene, view, light), *veil])
        self._context.enable_only(moderngl.BLEND)  # what spreads in the eye is not cut by what is near the lamp
        self._glow.draw(found.halos)
        self._lit_fog.draw(found.fog)
        framebuffer.depth_mask = True
        framebuffer.color_mask = (_EVERYTHING,) * (1 + others) if others else _EVERYTHING  # type: ignore[assignment]


def _depths(targets: Targets, view: View) -> npt.NDArray[np.float32]:
    """(H, W), as drawn so far."""
    return np.frombuffer(targets.depth.read(), np.float32).reshape(view.height_px, view.width_px)


def _extras(targets: Targets, last_view: View | None) -> Extras:
    return Extras(last_view is not None, targets.normals is not None)


def _by_material(placed: list[Placed]) -> dict[int, list[tuple[Placed, int, int]]]:
    """(item, first, count) of every part of every body, by material."""
    parts: dict[int, list[tuple[Placed, int, int]]] = {}
    for item in placed:
        chunks = item.shape.chunks
        for material, first, count in zip(chunks.materials, chunks.firsts, chunks.counts, strict=True):
            parts.setdefault(int(material), []).append((item, int(first), int(count)))
    return parts


def _take_place(program: Drawable, item: Placed) -> None:
    program.write("relative_from_body", item.matrix)
    program.write("actor", _word(item.instance.actor_id))
    if item.moved:
        program.write("moved_from_body", item.moved)
        program.write("last_vertex", _word(item.last_vertex))


def _word(number: int) -> bytes:
    return number.to_bytes(4, "little", signed=number < 0)


def _vector(xyz: Array) -> bytes:
    return xyz.astype("<f4").tobytes()
