"""An off-screen OpenGL 3.3 context of EGL: of a GPU's driver, or of Mesa."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import moderngl

from av_synth.errors import LaunchError
from av_synth.simulator.render.gl_calls import with_unit_depth

_EGL = "libEGL.so.1"
_DEVICES = Path("/dev")
_GPUS = ("dri/renderD*", "nvidia[0-9]*")


def may_have_gpu() -> bool:
    """Whether the machine shows this process a GPU; without one EGL can only be software."""
    return any(True for pattern in _GPUS for _ in _DEVICES.glob(pattern))


def egl_context() -> moderngl.Context:
    """A context on EGL, current in the calling thread, with depths from 0 to 1 in clip space.

    Raises:
        LaunchError: with what EGL or the driver says.
    """
    try:
        # EGL hands out every GL function itself, so that no libGL need be there
        settings: Any = {"backend": "egl", "libegl": _EGL, "libgl": _EGL}
        context = moderngl.create_context(standalone=True, require=330, **settings)
    except Exception as error:  # moderngl raises bare Exception for every failure of the driver
        raise LaunchError(f"EGL: {error}") from error
    return with_unit_depth(context)
