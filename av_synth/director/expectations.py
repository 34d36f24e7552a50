"""Measuring what a scenario expects, frame by frame, and the verdict at the end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from av_synth.director.footprints import footprint
from av_synth.director.model import Event, ExpectationResult, Measurement
from av_synth.log.state import WorldState
from av_synth.metrics import Footprint, contact, distance_m, post_encroachment_s, time_to_collision_s
from av_synth.scenario.expectations import Expectation
from av_synth.scenario.words import Range


@dataclass
class Pair:
    """The ego and one actor over a run: least time to collision, least distance, contact, and where both went."""

    name: str
    ego_id: int
    actor_id: int
    ttc_s: float = math.inf
    ttc_at_us: int = -1
    distance_m: float = math.inf
    distance_at_us: int = -1
    contact_at_us: int = -1
    _mine: list[Footprint] = field(default_factory=list)
    _others: list[Footprint] = field(default_factory=list)
    _times_s: list[float] = field(default_factory=list)

    def measure(self, state: WorldState) -> tuple[tuple[Measurement, ...], tuple[Event, ...]]:
        """Take one recorded frame into account."""
        ego, other = footprint(state, self.ego_id), footprint(state, self.actor_id)
        ttc, apart, now = time_to_collision_s(ego, other), distance_m(ego, other), state.time_us
        self._mine.append(ego)
        self._others.append(other)
        self._times_s.append(now * 1e-6)
        if ttc < self.ttc_s:
            self.ttc_s, self.ttc_at_us = ttc, now
        if apart < self.distance_m:
            self.distance_m, self.distance_at_us = apart, now
        events: tuple[Event, ...] = ()
        if self.contact_at_us < 0 and contact(ego, other):
            self.contact_at_us = now
            events = (Event(now, "contact", self.ego_id, self.actor_id),)
        values = (("ttc_s", ttc), ("distance_m", apart))
        return tuple(Measurement(now, self.ego_id, self.actor_id, metric, value) for metric, value in values), events

    @property
    def post_encroachment_s(self) -> float:
        """The post-encroachment time over all frames so far."""
        return post_encroachment_s(self._mine, self._others, self._times_s)


def results(expectations: Sequence[Expectation], pairs: Mapping[str, Pair]) -> Iterator[ExpectationResult]:
    """What each expectation came to, in the scenario's order."""
    for expectation in expectations:
        pair = pairs[expectation.of]
        if expectation.ttc_s is not None:
            yield _ranged(f"{pair.name}.ttc_s", expectation.ttc_s, pair.ttc_s, pair.ttc_at_us)
        if expectation.distance_m is not None:
            yield _ranged(f"{pair.name}.distance_m", expectation.distance_m, pair.distance_m, pair.distance_at_us)
        if expectation.contact is not None:
            touched = pair.contact_at_us >= 0
            held = touched == expectation.contact
            yield ExpectationResult(f"{pair.name}.contact", expectation.contact, touched, held, pair.contact_at_us)


def _ranged(name: str, asked: Range, reached: float, at_us: int) -> ExpectationResult:
    held = (asked.min is None or reached >= asked.min) and (asked.max is None or reached <= asked.max)
    return ExpectationResult(name, asked.model_dump(exclude_none=True), reached, held, at_us)
