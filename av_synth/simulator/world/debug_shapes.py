"""Debug shapes: what clients draw into the world, and for how long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from av_synth.errors import DataError
from av_synth.simulator.scene import Stroke

_MOST = 10_000
_SAME_TIME_S = 1e-6


@dataclass(frozen=True)
class _Shape:
    strokes: tuple[Stroke, ...]
    last_frame: float
    ends_s: float


class DebugShapes:
    """The shapes that are there, in the order in which they came."""

    def __init__(self) -> None:
        self._shapes: list[_Shape] = []

    def draw(self, strokes: Sequence[Stroke], life_s: float, frame: int, now_s: float) -> None:
        """Add a shape after a frame, for some seconds; for ever if that is 0, and for the next frame if it is less.

        Raises:
            DataError: if there are too many.
        """
        if sum(len(shape.strokes) for shape in self._shapes) + len(strokes) > _MOST:
            raise DataError(f"draw_debug_shape: more than {_MOST} lines are drawn; want fewer, or shorter lives")
        last_frame = frame + 1 if life_s < 0.0 else math.inf
        self._shapes.append(_Shape(tuple(strokes), last_frame, now_s + life_s if life_s > 0.0 else math.inf))

    def clear(self) -> None:
        """Remove all."""
        self._shapes.clear()

    def strokes(self, frame: int, now_s: float) -> tuple[Stroke, ...]:
        """What there is to draw on a frame; shapes whose time is over are forgotten."""
        self._shapes = [s for s in self._shapes if s.last_frame >= frame and s.ends_s >= now_s - _SAME_TIME_S]
        return tuple(stroke for shape in self._shapes for stroke in shape.strokes)
