"""Debug shapes, drawn into the images of colour cameras."""

from __future__ import annotations

from typing import Any

import numpy as np

from av_synth.geometry.transforms import Array, apply
from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import codec
from av_synth.simulator.protocol.calls import CallError, CallTable
from av_synth.simulator.protocol.codec import flag, integer, items, number
from av_synth.simulator.scene import Stroke

TABLE: CallTable[Engine] = CallTable()
_POINT, _LINE, _ARROW, _BOX = range(4)
_EDGES = [(a, b) for a in range(8) for b in range(8) if a < b and (a ^ b) in (1, 2, 4)]
_HEAD_SLOPE = 0.5  # how far the lines of an arrow's head spread, by their length


@TABLE.void
def draw_debug_shape(engine: Engine, shape: Any) -> None:
    """Draw points, lines, arrows and boxes into colour images; what CARLA shows on a screen only is refused."""
    (primitive, colour, life_s, persistent) = items(shape, 4)[:4]
    kind, body = items(primitive, 2)[:2]
    if integer(kind) not in (_POINT, _LINE, _ARROW, _BOX):
        raise CallError("draw_debug_shape: the embedded simulator has no screen: it draws no text and no HUD shapes")
    flag(persistent)
    red, green, blue = (integer(part, 0, 255) for part in items(colour, 3)[:3])
    lines, thickness = _lines(kind, items(body))
    strokes = [Stroke(start, end, thickness, (red, green, blue)) for start, end in lines]
    engine.debug_shapes.draw(strokes, number(life_s), engine.world.frame, engine.world.elapsed_s)


@TABLE.void
def clear_debug_shape(engine: Engine) -> None:
    """Remove everything that was drawn."""
    engine.debug_shapes.clear()


def _lines(kind: int, body: list[Any]) -> tuple[list[tuple[Array, Array]], float]:
    """Start and end (3,) of each line of a shape, and their thickness in metres."""
    if kind == _POINT:
        place, size = items(body, 2)[:2]
        return [(codec.read_vector(place), codec.read_vector(place))], number(size)
    if kind == _LINE:
        start, end, thickness = items(body, 3)[:3]
        return [(codec.read_vector(start), codec.read_vector(end))], number(thickness)
    if kind == _ARROW:
        shaft, size = items(body, 2)[:2]
        lines, thickness = _lines(_LINE, items(shaft))
        return [*lines, *_head(*lines[0], number(size))], thickness
    box, rotation, thickness = items(body, 3)[:3]
    centre, half = items(box, 2)[:2]
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * codec.read_vector(half)
    placed = apply(codec.read_transform([centre, rotation]), corners)
    return [(placed[a], placed[b]) for a, b in _EDGES], number(thickness)


def _head(start: Array, end: Array, size_m: float) -> list[tuple[Array, Array]]:
    """The four lines of an arrow's head."""
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
    aside = np.cross(along, [0.0, 0.0, 1.0] if abs(along[2]) < 0.9 else [1.0, 0.0, 0.0])
    aside /= max(float(np.linalg.norm(aside)), 1e-9)
    spread = [side * way for way in (aside, np.cross(along, aside)) for side in (-_HEAD_SLOPE, _HEAD_SLOPE)]
    return [(end, end - size_m * (along + out)) for out in spread]
