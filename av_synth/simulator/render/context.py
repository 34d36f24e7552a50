"""An off-screen OpenGL 3.3 context: a GPU's by EGL, else of the software library of `software_gl`, or Mesa's by EGL.

That library is younger than the Mesa of many systems, and quicker: 0.49 against 0.61 core-seconds for six cameras.
"""

from __future__ import annotations

import os

import moderngl

from av_synth.errors import LaunchError
from av_synth.simulator.render.egl import egl_context, may_have_gpu
from av_synth.simulator.render.gl_calls import with_unit_depth


def create_context() -> moderngl.Context:
    """Create a context, current in the calling thread, whose clip space has depths from 0 to 1 (for reversed depth).

    `AV_SYNTH_GL` = `egl` or `osmesa` insists on one of the two. Without it EGL is tried first, but where it would be
    software too and the library is in the user's cache it is tried last.

    Raises:
        LaunchError: no OpenGL can be had, with the reason for each way that was tried.
    """
    wanted = os.environ.get("AV_SYNTH_GL", "")
    if wanted not in ("", "egl", "osmesa"):
        raise LaunchError(f"AV_SYNTH_GL = {wanted!r}; want egl, osmesa, or nothing to try both")
    if os.environ.get("LP_NATIVE_VECTOR_WIDTH") == "512":
        os.environ["LP_NATIVE_VECTOR_WIDTH"] = "256"  # Mesa's software rasteriser crashes at 512
    ways = {"egl": egl_context, "osmesa": _osmesa_context}
    order = [wanted] if wanted else sorted(ways, reverse=not may_have_gpu() and _library_is_there())
    reasons = []
    for way in order:
        try:
            return ways[way]()
        except LaunchError as error:
            reasons.append(str(error))
    raise LaunchError("\n".join(reasons))


# that module is a program too, which may not have been loaded before it runs: hence not at the top
def _library_is_there() -> bool:
    from av_synth.simulator.render.software_gl import cache_folder

    return cache_folder().is_dir()


def _osmesa_context() -> moderngl.Context:
    from av_synth.simulator.render.software_gl import osmesa_context

    return with_unit_depth(osmesa_context())
