"""Quads that are made anew for each frame on the CPU: contact shadows, halos, pools of light."""

from __future__ import annotations

import moderngl
import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.render.programs import Programs

CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, -1], [1, 1], [-1, 1]], dtype=np.float64)
"""The two triangles of a quad, in its own square."""

_BYTES = 1 << 20


class Quads:
    """A buffer of quads and the one program that draws them."""

    def __init__(self, context: moderngl.Context, programs: Programs, name: str, layout: str, *inputs: str) -> None:
        self._buffer = context.buffer(reserve=_BYTES, dynamic=True)
        self._program = programs.quads(name, self._buffer, layout, *inputs)

    def draw(self, quads: list[Array], **uniforms: bytes) -> None:
        """Draw quads of (6, floats a vertex) each; those beyond the buffer's megabyte are left out."""
        if not quads:
            return
        for name, data in uniforms.items():
            self._program.write(name, data)
        fitting = quads[: _BYTES // (quads[0].size * 4)]
        self._buffer.orphan()
        self._buffer.write(np.concatenate(fitting).astype("<f4").tobytes())
        self._program.draw(6 * len(fitting))
