"""All observations, for the test that makes them and for the table that tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from tests.simulator.calls.observed import OBSERVATIONS, Observation

for _theme in ("actors", "drawing", "episode", "parts", "recordings", "town", "vehicles"):
    import_module(f"tests.simulator.calls.observe_{_theme}")  # registers what it observes


def every() -> Mapping[str, Observation]:
    """By the name of the call, in the order of the alphabet."""
    return dict(sorted(OBSERVATIONS.items()))
