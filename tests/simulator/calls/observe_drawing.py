"""What is drawn into images."""

from __future__ import annotations

import carla
import pytest

from tests.simulator.calls.observed import Pair, proves
from tests.simulator.server_process import ahead

_SIDE_PX = 64
_RED = carla.Color(255, 0, 0)


def _view(pair: Pair) -> carla.Transform:
    return ahead(pair.places[0], 0.0, up_m=2.0)


def _red(pair: Pair) -> set[tuple[int, int]]:
    """Column and row of each pixel of pure red in B's image ahead of the first spawn point."""
    pixels = pair.image(_view(pair), _SIDE_PX)
    found = [k for k in range(_SIDE_PX**2) if pixels[4 * k : 4 * k + 3] == b"\x00\x00\xff"]
    return {(k % _SIDE_PX, k // _SIDE_PX) for k in found}


def _columns(pixels: set[tuple[int, int]]) -> tuple[int, int]:
    return min(x for x, _ in pixels), max(x for x, _ in pixels)


@proves("draw_debug_shape")
def a_shape(pair: Pair) -> None:
    """B's colour camera sees the lines, boxes, arrows and points that A has drawn, for as long as they live."""
    at, debug = _view(pair), pair.a.debug
    left, right = (ahead(at, 10.0, right_m=side).location for side in (-5.0, 5.0))
    debug.draw_line(left, right, 0.05, _RED, 0.12)
    line = _red(pair)
    still, gone = _red(pair), _red(pair)
    debug.draw_box(carla.BoundingBox(ahead(at, 10.0).location, carla.Vector3D(2.0, 2.0, 2.0)), at.rotation, 0.05, _RED)
    box = _red(pair)
    debug.draw_point(ahead(at, 10.0).location, 1.0, _RED, 0.06)
    dot = _red(pair)
    debug.draw_arrow(left, right, 0.05, 2.0, _RED, 0.06)
    arrow = _red(pair)

    assert _columns(line) == pytest.approx((15.5, 47.5), abs=1.0)  # 90 degrees are 64 pixels: 10 m at 10 m are half
    assert len(line) <= 35
    assert (still, gone) == (line, set())
    assert _columns(box) == pytest.approx((23.5, 39.5), abs=1.0)  # its front is 8 m away
    assert {y for _, y in box} >= set(range(25, 39))
    assert 9 <= len(dot) <= 25
    assert len(arrow) > len(line) + 10
    with pytest.raises(RuntimeError, match=r"draw_debug_shape: .* no text and no HUD shapes"):
        pair.wire.ask("draw_debug_shape", [[4, [[0.0, 0.0, 0.0], "text", False]], [255, 0, 0], 1.0, True])


@proves("clear_debug_shape")
def no_shapes(pair: Pair) -> None:
    """B's colour camera no longer sees the line that A has drawn for ever, which a car had hidden before."""
    at = _view(pair)
    left, right = (ahead(at, 10.0, right_m=side, up_m=-1.2).location for side in (-5.0, 5.0))
    pair.a.debug.draw_line(left, right, 0.05, _RED, 0.0)
    whole = _red(pair)
    car = pair.spawn("vehicle.audi.a2", ahead(pair.places[0], 7.0))
    hidden = _red(pair)
    car.destroy()
    again = _red(pair)
    pair.wire.ask("clear_debug_shape")

    assert hidden < whole == again
    assert len(hidden) < len(whole) - 5
    assert _red(pair) == set()
