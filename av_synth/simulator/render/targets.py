"""Images to draw into, kept by size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import moderngl
import numpy as np

from av_synth.simulator.render.gl_calls import float_depth_texture
from av_synth.simulator.render.programs import MIRROR_UNIT, SMOOTH_UNIT


@dataclass(frozen=True)
class Targets:
    """Framebuffers of one image size on shared attachments: colour and labels, either alone, with flow, and covers.

    Where there is an image of normals, all but the last have it, and with it that of flow.
    """

    colour: moderngl.Texture
    labels: moderngl.Texture
    flow: moderngl.Texture
    normals: moderngl.Texture | None
    depth: moderngl.Texture
    cover: moderngl.Texture
    mirror: moderngl.Texture
    mirror_smooth: moderngl.Texture
    both: moderngl.Framebuffer
    colour_only: moderngl.Framebuffer
    labels_only: moderngl.Framebuffer
    both_and_flow: moderngl.Framebuffer
    labels_and_flow: moderngl.Framebuffer
    cover_only: moderngl.Framebuffer

    @staticmethod
    def create(context: moderngl.Context, width: int, height: int, mirror_part: int, *, normals: bool) -> Targets:
        """Allocate the images of a size in pixels; mirrors are one in so many of them wide and high."""
        colour, cover = context.texture((width, height), 4), context.texture((width, height), 1)
        labels, depth = context.texture((width, height), 1, dtype="u4"), float_depth_texture(context, width, height)
        flow = context.texture((width, height), 2, dtype="f4")
        # labels are always the second output of a program, flow the third, normals the fourth: one text serves all
        normal = context.texture((width, height), 4, dtype="f4") if normals else None
        mirror_size = max(width // mirror_part, 1), max(height // mirror_part, 1)
        rest = [] if normal is None else [labels, flow, normal]
        return Targets(
            colour,
            labels,
            flow,
            normal,
            depth,
            cover,
            _mirror(context, mirror_size, moderngl.NEAREST),
            _mirror(context, mirror_size, moderngl.LINEAR),
            context.framebuffer([colour, *(rest or [labels])], depth),
            context.framebuffer([colour, *rest], depth),
            context.framebuffer([cover, *(rest or [labels])], depth),
            context.framebuffer([colour, *(rest or [labels, flow])], depth),
            context.framebuffer([cover, *(rest or [labels, flow])], depth),
            context.framebuffer([cover]),
        )

    def use_mirrors(self) -> None:
        """Have programs read them."""
        self.mirror.use(MIRROR_UNIT)
        self.mirror_smooth.use(SMOOTH_UNIT)

    def keep_mirrors(self) -> None:
        """Copy what has been drawn into both, smaller: as it is, for the distances, and smoothed.

        The smoothed one says in its alpha how much of a pixel is covered.
        """
        drawn = np.frombuffer(self.colour.read(), np.uint8).reshape(self.colour.height, self.colour.width, 4)
        self.mirror.write(cv2.resize(drawn, self.mirror.size, interpolation=cv2.INTER_NEAREST).tobytes())
        covered = drawn[::2, ::2].copy()
        covered[..., 3] = np.where(covered[..., 3] > 0, 255, 0)
        smooth = cv2.resize(covered, self.mirror.size, interpolation=cv2.INTER_AREA)
        self.mirror_smooth.write(cv2.blur(smooth, (1, 3)).tobytes())  # wet asphalt draws out upwards

    def release(self) -> None:
        """Free the images."""
        flow = (self.both_and_flow, self.labels_and_flow)
        for framebuffer in (self.both, self.colour_only, self.labels_only, self.cover_only, *flow):
            framebuffer.release()
        drawn = (self.colour, self.labels, self.flow, self.normals, self.depth, self.cover)
        for texture in (*drawn, self.mirror, self.mirror_smooth):
            if texture is not None:
                texture.release()


def _mirror(context: moderngl.Context, size: tuple[int, int], between: int) -> moderngl.Texture:
    texture = context.texture(size, 4)
    texture.filter = (between, between)
    texture.repeat_x = texture.repeat_y = False
    return texture
