"""All observations, for the test that makes them and for the table that tells of them."""

from __future__ import annotations

from collections.abc import Mapping

# importing them registers what they observe
from tests.simulator.calls import (  # noqa: F401
    observe_actors,
    observe_drawing,
    observe_episode,
    observe_recordings,
    observe_town,
    observe_vehicles,
)
from tests.simulator.calls.observed import OBSERVATIONS, Observation


def every() -> Mapping[str, Observation]:
    """By the name of the call, in the order of the alphabet."""
    return dict(sorted(OBSERVATIONS.items()))
