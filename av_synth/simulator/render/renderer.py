"""The renderer: a scene and a view in, images out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.quality import DEFAULT, Quality
from av_synth.simulator.render import projection
from av_synth.simulator.render.antialias import opaque, smooth_edges
from av_synth.simulator.render.context import create_context
from av_synth.simulator.render.drawing import Painter
from av_synth.simulator.render.geometry import Meshes, pack
from av_synth.simulator.render.placement import Placed, place
from av_synth.simulator.render.targets import Targets
from av_synth.simulator.scene import DEPTH, FLOW, LABELS, NORMALS, RGB, Mesh, Scene, Tag, View
from av_synth.simulator.silhouettes import Silhouette

_OUTPUTS = frozenset({RGB, DEPTH, LABELS, FLOW, NORMALS})
_SIZES_KEPT, _PIXELS_KEPT = 4, 40_000_000  # 21 bytes a pixel
_LARGEST_PX = 8192  # side of what is averaged


class TaggedMeshes(Meshes, Protocol):
    """What the renderer wants of a body: meshes by pose, and the tag of the actor as a whole. See `bodies.Body`."""

    @property
    def tag(self) -> Tag:
        """The class of the actor."""


@dataclass(frozen=True)
class Frames:
    """What was asked for of one view; row 0 is the top of the image, and all images agree pixel by pixel.

    Attributes:
        rgb: (H, W, 4) uint8, blue, green, red, alpha (255).
        depth_m: (H, W) float32, metres along the optical axis; 1000 in the sky and beyond.
        tag: (H, W) uint8, `Tag` of the surface, SKY where there is none.
        actor_id: (H, W) uint32, 0 for the town and the sky.
        flow_px: (H, W, 2) float32, by how many pixels, to the right and down, the surface point in a pixel has moved in
            the image since the frame before; 4 times the image's size where it was behind the camera.
        normal: (H, W, 3) float32, unit normal of the surface, world axes, as the mesh's corners have it; 0 in the sky.
    """

    rgb: npt.NDArray[np.uint8] | None = None
    depth_m: npt.NDArray[np.float32] | None = None
    tag: npt.NDArray[np.uint8] | None = None
    actor_id: npt.NDArray[np.uint32] | None = None
    flow_px: npt.NDArray[np.float32] | None = None
    normal: npt.NDArray[np.float32] | None = None


class Renderer:
    """Draws scenes of one town and one catalogue of bodies. To be used in the thread that made it.

    Equal scenes and views give equal bytes, whatever was drawn before, on the same `description`. All views of a frame
    should come with the same `Scene` object: what they share, such as the shadow map, is then drawn once.

    Attributes:
        description: the GL renderer and version, which pixels depend on.
    """

    def __init__(self, town_mesh: Mesh, catalogue: Mapping[str, TaggedMeshes], quality: Quality = DEFAULT) -> None:
        """Create a GL context in the calling thread and upload everything.

        Raises:
            LaunchError: no OpenGL can be had.
        """
        self._context = create_context()
        self.description = f"{self._context.info['GL_RENDERER']}, OpenGL {self._context.info['GL_VERSION']}"
        self._geometry = pack(town_mesh, catalogue)
        self._tags = {name: Tag(body.tag) for name, body in catalogue.items()}
        self._quality = quality
        self._painter = Painter(self._context, self._geometry, town_mesh, catalogue, quality)
        self._targets: dict[tuple[int, int, bool], Targets] = {}

    def close(self) -> None:
        """Free the context and everything in it; the renderer cannot be used afterwards."""
        self._context.release()

    def render(
        self, scene: Scene, view: View, outputs: frozenset[str], last_world_from_camera: Array | None = None
    ) -> Frames:
        """Draw what is asked for of RGB, DEPTH, LABELS, FLOW and NORMALS in one pass over the geometry.

        Args:
            scene: what is seen.
            view: from where.
            outputs: what is wanted.
            last_world_from_camera: (4, 4), where the camera was on the frame before, for flow; None: in the same place.

        Raises:
            DataError: another output, a body or pose that is not in the catalogue, or a view that cannot be drawn.
        """
        if not outputs or not outputs <= _OUTPUTS:
            raise DataError(f"camera outputs: got {sorted(outputs)}; want some of {sorted(_OUTPUTS)}")
        projection.check(view)
        last_view = None
        if FLOW in outputs:
            last_view = (
                view if last_world_from_camera is None else replace(view, world_from_camera=last_world_from_camera)
            )
            projection.check(last_view)
        placed = place(self._geometry, scene, view, None if last_view is None else last_view.world_from_camera[:3, 3])
        with self._context:
            large = RGB in outputs and 1 < self._quality.across <= _LARGEST_PX // max(view.width_px, view.height_px)
            rgb = self._averaged(scene, view, placed) if large else None
            targets = self._target(view, normals=NORMALS in outputs)
            if RGB in outputs and not large:
                self._painter.colour(scene, view, placed, targets, LABELS in outputs, last_view)
                rgb = _colour(targets)
            elif outputs != {RGB}:
                self._painter.labels(view, placed, targets, last_view)
            if rgb is not None:
                rgb = smooth_edges(rgb) if self._quality.smooth_edges else opaque(rgb)
            return replace(_read(targets, view, outputs), rgb=rgb)

    def _averaged(self, scene: Scene, view: View, placed: list[Placed]) -> npt.NDArray[np.uint8]:
        """Colour drawn larger, and made as large as the view wants it."""
        large = projection.enlarged(view, self._quality.across)
        targets = self._target(large, normals=False)
        self._painter.colour(scene, large, placed, targets, labels=False)
        size = view.width_px, view.height_px
        return np.asarray(cv2.resize(_colour(targets), size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def silhouettes(self, scene: Scene, view: View) -> list[Silhouette]:
        """Every actor that may cover a pixel when drawn alone, in the order of the scene.

        Raises:
            DataError: as `render`.
        """
        projection.check(view)
        placed = place(self._geometry, scene, view)
        found = []
        with self._context:
            self._painter.look(view)
            for actor, parts in groupby(placed, key=lambda item: item.instance.actor_id):
                items = list(parts)
                alone = self._alone(view, items, self._target(view, normals=False))
                if alone is not None:
                    found.append(Silhouette(actor, self._tags[items[0].instance.body], *alone))
        return found

    def _alone(
        self, view: View, items: list[Placed], targets: Targets
    ) -> tuple[int, int, npt.NDArray[np.bool_]] | None:
        """Which pixels an actor covers alone, its body and its open doors: left, top, and the rest; None for none."""
        around = []
        for item in items:
            corners = projection.box_corners(item.shape.centre_m, item.shape.half_m)
            pose = item.instance.world_from_body
            bounds = projection.pixel_bounds(view, corners @ pose[:3, :3].T + pose[:3, 3])
            if bounds is not None:
                around.append(bounds)
        if not around:
            return None
        x, y = (min(each[k] for each in around) for k in (0, 1))
        bounds = (x, y, max(each[0] + each[2] for each in around) - x, max(each[1] + each[3] for each in around) - y)
        covered = np.any([self._painter.cover(item, targets, bounds) for item in items], axis=0)
        return bounds[0], bounds[1], np.asarray(covered)

    def _target(self, view: View, *, normals: bool) -> Targets:
        size = (view.width_px, view.height_px, normals)
        if size not in self._targets:
            while self._targets and (
                len(self._targets) >= _SIZES_KEPT
                or size[0] * size[1] + sum(width * height for width, height, _ in self._targets) > _PIXELS_KEPT
            ):
                self._targets.pop(next(iter(self._targets))).release()
            self._targets[size] = Targets.create(
                self._context, view.width_px, view.height_px, self._quality.mirror_part, normals=normals
            )
        return self._targets[size]


def _colour(targets: Targets) -> npt.NDArray[np.uint8]:
    return np.frombuffer(targets.colour.read(), np.uint8).reshape(targets.colour.height, targets.colour.width, 4)


def _read(targets: Targets, view: View, outputs: frozenset[str]) -> Frames:
    shape = (view.height_px, view.width_px)
    depth = tag = actor = flow = normal = None
    if DEPTH in outputs:
        stored: npt.NDArray[np.float32] = np.frombuffer(targets.depth.read(), np.float32).reshape(shape)
        near, far = np.float32(projection.NEAR_M), np.float32(projection.FAR_M)
        # never divided by 0, and never less than `far` where nothing is
        depth = np.maximum(stored, near / far / 2)
        np.minimum(np.divide(near, depth, out=depth), far, out=depth)  # in place: fresh memory costs as much again
    if LABELS in outputs:
        # the words that the programs write are tag x 65536 + actor
        words = np.frombuffer(targets.labels.read(), np.uint32).reshape(shape)
        tag = np.asarray(cv2.extractChannel(words.view(np.uint8).reshape(*shape, 4), 2), dtype=np.uint8)
        actor = words & np.uint32(0xFFFF)
    if FLOW in outputs:
        halves: npt.NDArray[np.float32] = np.frombuffer(targets.flow.read(), np.float32).reshape(*shape, 2)
        flow = halves * np.array([view.width_px / 2.0, view.height_px / 2.0], dtype=np.float32)
    if NORMALS in outputs and targets.normals is not None:
        normal = np.frombuffer(targets.normals.read(), np.float32).reshape(*shape, 4)[..., :3]
    return Frames(None, depth, tag, actor, flow, normal)
