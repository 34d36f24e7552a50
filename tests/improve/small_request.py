"""An improvement that is as small as one can be, and nothing shown of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from av_synth.improve import Request
from av_synth.improve.space import Space


@contextmanager
def unshown(*_: object, **__: object) -> Iterator[Any]:
    """As `Step` wants it."""
    yield lambda *_: None


def request(space: Space, store: Path, **changes: Any) -> Request:
    """A first batch of four runs and one round of as many, half of them by shares."""
    return replace(Request(space, store, "colours:Colours", budget=4, held_out_runs=1, floor=0.5), **changes)
