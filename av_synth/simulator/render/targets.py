"""Images to draw into, kept by size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import moderngl
import numpy as np

from av_synth.simulator.render.gl_calls import float_depth_texture


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
    both: moderngl.Framebuffer
    colour_only: moderngl.Framebuffer
    labels_only: moderngl.Framebuffer
    both_and_flow: moderngl.Framebuffer
    labels_and_flow: moderngl.Framebuffer
    cover_only: moderngl.Framebuffer

    @staticmethod
    def create(context: moderngl.Context, width: int, height: int, mirror_part: int, *, normals: bool) -> Targets:
        """Allocate the images of a size in pixels; `mirror` is one in so many of them wide and high."""
        colour, cover = context.texture((width, height), 4), context.texture((width, height), 1)
        labels, depth = context.texture((width, height), 1, dtype="u4"), float_depth_texture(context, width, height)
        flow = context.texture((width, height), 2, dtype="f4")
        # labels are always the second output of a program, flow the third, normals the fourth: one text serves all
        normal = context.texture((width, height), 4, dtype="f4") if normals else None
        rest = [] if normal is None else [labels, flow, normal]
        return Targets(
            colour,
            labels,
            flow,
            normal,
            depth,
            cover,
            _mirror(context, max(width // mirror_part, 1), max(height // mirror_part, 1)),
            context.framebuffer([colour, *(rest or [labels])], depth),
            context.framebuffer([colour, *rest], depth),
            context.framebuffer([cover, *(rest or [labels])], depth),
            context.framebuffer([colour, *(rest or [labels, flow])], depth),
            context.framebuffer([cover, *(rest or [labels, flow])], depth),
            context.framebuffer([cover]),
        )

    def keep_mirror(self) -> None:
        """Copy what has been drawn into `mirror`, which is smaller."""
        drawn = np.frombuffer(self.colour.read(), np.uint8).reshape(self.colour.height, self.colour.width, 4)
        self.mirror.write(cv2.resize(drawn, self.mirror.size, interpolation=cv2.INTER_NEAREST).tobytes())

    def release(self) -> None:
        """Free the images."""
        flow = (self.both_and_flow, self.labels_and_flow)
        for framebuffer in (self.both, self.colour_only, self.labels_only, self.cover_only, *flow):
            framebuffer.release()
        for texture in (self.colour, self.labels, self.flow, self.normals, self.depth, self.cover, self.mirror):
            if texture is not None:
                texture.release()


def _mirror(context: moderngl.Context, width: int, height: int) -> moderngl.Texture:
    texture = context.texture((width, height), 4)
    texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
    texture.repeat_x = texture.repeat_y = False
    return texture
