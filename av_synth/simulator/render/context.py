"""An off-screen OpenGL 3.3 context: EGL where the machine has it, else the software library of `software_gl`."""

from __future__ import annotations

import os

import moderngl

from av_synth.errors import LaunchError
from av_synth.simulator.render.egl import egl_context
from av_synth.simulator.render.gl_calls import with_unit_depth


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
        return egl_context()
    except LaunchError as error:
        if wanted == "egl":
            raise
        try:
            return _osmesa_context()
        except LaunchError as second:
            raise LaunchError(f"{error}\n{second}") from second


def _osmesa_context() -> moderngl.Context:
    from av_synth.simulator.render.software_gl import osmesa_context  # a program too: loaded here only where needed

    return with_unit_depth(osmesa_context())
