"""GL calls that moderngl has no name for."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import moderngl

from av_synth.errors import LaunchError

_GL_LOWER_LEFT, _GL_ZERO_TO_ONE = 0x8CA1, 0x935F
_GL_TEXTURE_2D, _GL_DEPTH_COMPONENT, _GL_DEPTH_COMPONENT32F, _GL_FLOAT = 0x0DE1, 0x1902, 0x8CAC, 0x1406


def with_unit_depth(context: moderngl.Context) -> moderngl.Context:
    """Set clip-space depth to 0..1, which moderngl has no call for.

    Raises:
        LaunchError: the context is too old for that, or for `Copier`.
    """
    for extension in ("GL_ARB_clip_control", "GL_ARB_copy_image"):
        if extension not in context.extensions:
            raise LaunchError(f"{context.info['GL_RENDERER']}: no {extension}; want OpenGL 4.5 or that extension")
    clip_control = _function(context, "glClipControl", ctypes.c_uint, ctypes.c_uint)
    clip_control(_GL_LOWER_LEFT, _GL_ZERO_TO_ONE)
    return context


def float_depth_texture(context: moderngl.Context, width: int, height: int) -> moderngl.Texture:
    """A 32 bit float depth texture: moderngl's own are 24 bit integers, too coarse for reversed depth."""
    texture = context.depth_texture((width, height))
    integer, word = ctypes.c_int, ctypes.c_uint
    arguments = [word, integer, integer, integer, integer, integer, word, word, ctypes.c_void_p]
    allocate = _function(context, "glTexImage2D", *arguments)
    texture.use(0)
    allocate(_GL_TEXTURE_2D, 0, _GL_DEPTH_COMPONENT32F, width, height, 0, _GL_DEPTH_COMPONENT, _GL_FLOAT, None)
    return texture


class Copier:
    """Copies rectangles from one texture to another of the same kind, which moderngl has no call for."""

    def __init__(self, context: moderngl.Context) -> None:
        integer, word = ctypes.c_int, ctypes.c_uint
        side = [word, word, integer, integer, integer, integer]
        self._copy = _function(context, "glCopyImageSubData", *side, *side, integer, integer, integer)

    def copy(self, source: moderngl.Texture, target: moderngl.Texture, bounds: tuple[int, int, int, int]) -> None:
        """Copy what lies within `bounds` (x, y, width, height) to the same place."""
        x, y, width, height = bounds
        place = (_GL_TEXTURE_2D, 0, x, y, 0)
        self._copy(source.glo, *place, target.glo, *place, width, height, 1)


def _function(context: moderngl.Context, name: str, *arguments: Any) -> Callable[..., None]:
    """A GL function that moderngl does not wrap."""
    return ctypes.CFUNCTYPE(None, *arguments)(context.mglo._context.load_opengl_function(name))
