"""Images to draw into, kept by size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import moderngl
import numpy as np

from av_synth.simulator.render.gl_calls import float_depth_texture


@dataclass(frozen=True)
class Targets:
    """Framebuffers of one image size on shared attachments: colour and labels, either alone, with flow, and covers."""

    colour: moderngl.Texture
    labels: moderngl.Texture
    flow: moderngl.Texture
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
    def create(context: moderngl.Context, width: int, height: int) -> Targets:
        """Allocate the images of a size in pixels."""
        colour, cover = context.texture((width, height), 4), context.texture((width, height), 1)
        labels, depth = context.texture((width, height), 1, dtype="u4"), float_depth_texture(context, width, height)
        flow = context.texture((width, height), 2, dtype="f4")
        # labels are always the second output of a program, flow the third, so that one text serves all
        return Targets(
            colour,
            labels,
            flow,
            depth,
            cover,
            _mirror(context, width, height),
            context.framebuffer([colour, labels], depth),
            context.framebuffer([colour], depth),
            context.framebuffer([cover, labels], depth),
            context.framebuffer([colour, labels, flow], depth),
            context.framebuffer([cover, labels, flow], depth),
            context.framebuffer([cover]),
        )

    def keep_mirror(self) -> None:
        """Copy what has been drawn into `mirror`, at a quarter of the size."""
        drawn = np.frombuffer(self.colour.read(), np.uint8).reshape(self.colour.height, self.colour.width, 4)
        self.mirror.write(cv2.resize(drawn, self.mirror.size, interpolation=cv2.INTER_NEAREST).tobytes())

    def release(self) -> None:
        """Free the images."""
        flow = (self.both_and_flow, self.labels_and_flow)
        for framebuffer in (self.both, self.colour_only, self.labels_only, self.cover_only, *flow):
            framebuffer.release()
        for texture in (self.colour, self.labels, self.flow, self.depth, self.cover, self.mirror):
            texture.release()


def _mirror(context: moderngl.Context, width: int, height: int) -> moderngl.Texture:
    texture = context.texture((max(width // 4, 1), max(height // 4, 1)), 4)
    texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
    texture.repeat_x = texture.repeat_y = False
    return texture
