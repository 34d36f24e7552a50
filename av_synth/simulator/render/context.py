"""An off-screen OpenGL 3.3 context: EGL where the machine has it, else the software library of `software_gl`."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

import moderngl

from av_synth.errors import LaunchError

_EGL = "libEGL.so.1"
_GL_LOWER_LEFT, _GL_ZERO_TO_ONE = 0x8CA1, 0x935F
_GL_TEXTURE_2D, _GL_DEPTH_COMPONENT, _GL_DEPTH_COMPONENT32F, _GL_FLOAT = 0x0DE1, 0x1902, 0x8CAC, 0x1406


def create_context() -> moderngl.Context:
    """Create a context, current in the calling thread, whose clip space has depths from 0 to 1 (for reversed depth).

    `AV_SYNTH_GL` = `egl` or `osmesa` insists on one of the two; without it EGL is tried first.

    Raises:
        LaunchError: no OpenGL can be had, with the reason for each way that was tried.
    """
    wanted = os.environ.get("AV_SYNTH_GL", "")
    if wanted not in ("", "egl", "osmesa"):
        raise LaunchError(f"AV_SYNTH_GL = {wanted!r}; want egl, osmesa, or nothing to try both")
    if os.environ.get("LP_NATIVE_VECTOR_WIDTH") == "512":
        os.environ["LP_NATIVE_VECTOR_WIDTH"] = "256"  # Mesa's software rasteriser crashes at 512
    if wanted == "osmesa":
        return _osmesa_context()
    try:
        return create_egl_context()
    except LaunchError as error:
        if wanted == "egl":
            raise
        try:
            return _osmesa_context()
        except LaunchError as second:
            raise LaunchError(f"{error}\n{second}") from second


def create_egl_context() -> moderngl.Context:
    """As `create_context`, on EGL alone."""
    try:
        # EGL hands out every GL function itself, so that no libGL need be there
        settings: Any = {"backend": "egl", "libegl": _EGL, "libgl": _EGL}
        context = moderngl.create_context(standalone=True, require=330, **settings)
    except Exception as error:  # moderngl raises bare Exception for every failure of the driver
        raise LaunchError(f"EGL: {error}") from error
    return _with_unit_depth(context)


def _osmesa_context() -> moderngl.Context:
    from av_synth.simulator.render.software_gl import osmesa_context  # a program too: loaded here only where needed

    return _with_unit_depth(osmesa_context())


def _with_unit_depth(context: moderngl.Context) -> moderngl.Context:
    """Set clip-space depth to 0..1, which moderngl has no call for."""
    if "GL_ARB_clip_control" not in context.extensions:
        raise LaunchError(f"{context.info['GL_RENDERER']}: no GL_ARB_clip_control; want OpenGL 4.5 or that extension")
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


def _function(context: moderngl.Context, name: str, *arguments: Any) -> Callable[..., None]:
    """A GL function that moderngl does not wrap."""
    return ctypes.CFUNCTYPE(None, *arguments)(context.mglo._context.load_opengl_function(name))
