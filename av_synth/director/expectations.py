"""Measuring what a scenario expects, frame by frame, and the verdict at the end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from itertools import combinations

import carla
import numpy as np

from av_synth.director.footprints import touching
from av_synth.director.model import Event, ExpectationResult, Outcome, Touched, ranged
from av_synth.director.sighting import Sighting
from av_synth.director.view import View
from av_synth.geometry.transforms import Array
from av_synth.metrics import (
    Footprint,
    Footprints,
    arrivals_s,
    decelerations_to_avoid_crash_mps2,
    distances_m,
    headways_s,
    post_encroachment_s,
    times_to_collision_s,
)
from av_synth.rig import Rig
from av_synth.scenario.concrete import ConcreteScenario
from av_synth.scenario.expectations import Expectation
from av_synth.scenario.words import EGO, Range

BRAKING_S = 0.3  # decelerations are means over this
Track = dict[int, Footprint]
"""Somebody's box by recorded time, at the frames at which they are there."""


class Judge:
    """Follows the ego and the named actors over a run, and judges the expectations at its end.

    Two are judged over the frames at which both are there. An actor that was taken out, or is never there, never comes
    near anybody: times and distances are infinite, there is no contact.
    """

    def __init__(self, concrete: ConcreteScenario, rig: Rig | None, ego: carla.Vehicle) -> None:
        self._expectations = concrete.expectations
        self._tracks: dict[str, Track] = {name: {} for name in (EGO, *concrete.actors)}
        self._times_us: list[int] = []
        self._touched_us: dict[str, int] = {}
        self._sightings: dict[int, Sighting] = {
            index: Sighting(expectation.seen, expectation.of, rig, ego)
            for index, expectation in enumerate(self._expectations)
            if expectation.seen is not None
        }

    def measure(self, view: View) -> list[Event]:
        """Take one recorded frame into account; tells of contacts with the ego."""
        now, ids = view.time_us, view.scene.ids
        self._times_us.append(now)
        events = []
        ego = view.box(ids[EGO])
        for name, track in self._tracks.items():
            if name not in ids:
                continue
            box = track[now] = view.box(ids[name])
            if name != EGO and name not in self._touched_us and touching(ego, box):
                self._touched_us[name] = now
                events.append(Event(now, "contact", ids[EGO], ids[name]))
        for sighting in self._sightings.values():
            sighting.look(view)
        return events

    def outcome(self) -> Outcome:
        """The verdict over the frames so far."""
        results = [
            result
            for index, expectation in enumerate(self._expectations)
            for result in self._results(index, expectation)
        ]
        figures: dict[str, float] = {}
        for name, other in sorted({(item.of, item.to) for item in self._expectations if item.of != item.to}):
            pair = self._pair(name, other)
            figures |= {
                f"{pair.name}.least_ttc_s": float(pair.ttc_s.min(initial=math.inf)),
                f"{pair.name}.least_distance_m": float(pair.distance_m.min(initial=math.inf)),
                f"{pair.name}.post_encroachment_s": pair.pet_s,
            }
        return Outcome(tuple(results), figures, touched=tuple(self._others_touched()))

    def _others_touched(self) -> Iterator[Touched]:
        """Named actors but the ego who came to touch; not who did from the first, as a load on its truck does."""
        for one, other in combinations([name for name in self._tracks if name != EGO], 2):
            tracks = self._tracks[one], self._tracks[other]
            boxes = ((time_us, box, tracks[1][time_us]) for time_us, box in tracks[0].items() if time_us in tracks[1])
            first_us = next((time_us for time_us, *two in boxes if touching(*two)), None)
            if first_us is not None and first_us != next(time_us for time_us in tracks[0] if time_us in tracks[1]):
                yield Touched(one, other, first_us)

    def _pair(self, name: str, other: str) -> _Pair:
        shown = name if other == EGO else other if name == EGO else f"{name}-{other}"
        return _Pair(shown, self._tracks[name], self._tracks[other])

    def _results(self, index: int, asked: Expectation) -> Iterator[ExpectationResult]:
        pair = self._pair(asked.of, asked.to)
        name, times = pair.name, pair.times_us
        least = ((asked.ttc_s, "ttc_s", pair.ttc_s), (asked.distance_m, "distance_m", pair.distance_m))
        for wanted, metric, values in least:
            if wanted is not None:
                yield _extreme(f"{name}.{metric}", wanted, values, times)
        if asked.pet_s is not None:
            yield ranged(f"{name}.pet_s", asked.pet_s, pair.pet_s, -1)
        if asked.gap_s is not None:
            yield _extreme(f"{name}.gap_s", asked.gap_s, pair.gap_s, times)
        if asked.drac_mps2 is not None:
            yield _extreme(f"{name}.drac_mps2", asked.drac_mps2, pair.drac_mps2, times, greatest=True)
        if asked.contact is not None:
            yield pair.touched(asked.contact)
        if asked.first is not None:
            yield pair.precedence(asked.first, asked.of, asked.to)
        if asked.seen is not None:
            yield from self._sightings[index].results(f"{asked.of}.seen_by_{asked.seen.by.lower()}", asked.seen)
        yield from self._own(asked)

    def _own(self, asked: Expectation) -> Iterator[ExpectationResult]:
        """Of one's own speed and braking."""
        track = self._tracks[asked.of]
        times, speeds = list(track), np.array([math.hypot(*box.velocity_mps) for box in track.values()])
        if asked.least_kmh is not None:
            yield _extreme(f"{asked.of}.least_kmh", asked.least_kmh, speeds * 3.6, times)
        if asked.greatest_kmh is not None:
            yield _extreme(f"{asked.of}.greatest_kmh", asked.greatest_kmh, speeds * 3.6, times, greatest=True)
        if asked.deceleration_mps2 is not None:
            step_us = self._times_us[1] - self._times_us[0] if len(self._times_us) > 1 else 1_000_000
            span = max(round(BRAKING_S * 1e6 / step_us), 1)
            braking = (speeds[:-span] - speeds[span:]) / (span * step_us * 1e-6)
            there = np.subtract(times[span:], times[:-span]) == span * step_us  # all the while
            after = np.array(times[span:])[there].tolist()
            yield _extreme(
                f"{asked.of}.deceleration_mps2", asked.deceleration_mps2, braking[there], after, greatest=True
            )


class _Pair:
    """Two over a run, a figure for each frame at which both are there."""

    def __init__(self, name: str, one: Track, other: Track) -> None:
        self.name = name
        self.times_us = [time_us for time_us in one if time_us in other]
        self._boxes = [one[time_us] for time_us in self.times_us], [other[time_us] for time_us in self.times_us]
        self._tracks = Footprints.of(self._boxes[0]), Footprints.of(self._boxes[1])

    @cached_property
    def ttc_s(self) -> Array:
        return times_to_collision_s(*self._tracks)

    @cached_property
    def distance_m(self) -> Array:
        return distances_m(*self._tracks)

    @cached_property
    def gap_s(self) -> Array:
        """Of whichever of the two is behind."""
        one, other = self._tracks
        return np.minimum(headways_s(one, other), headways_s(other, one))

    @cached_property
    def drac_mps2(self) -> Array:
        return decelerations_to_avoid_crash_mps2(*self._tracks)

    @cached_property
    def pet_s(self) -> float:
        if not self.times_us:
            return math.inf
        return post_encroachment_s(*self._boxes, [time * 1e-6 for time in self.times_us])

    def touched(self, asked: bool) -> ExpectationResult:
        """Whether they touch, heights included."""
        boxes = zip(self.times_us, *self._boxes, strict=True)
        at_us = next((time_us for time_us, one, other in boxes if touching(one, other)), -1)
        nearest = float(self.distance_m.min(initial=math.inf))
        touched = at_us >= 0
        margin = (0.0 if touched else -nearest) if asked else (nearest if not touched else 0.0)
        return ExpectationResult(f"{self.name}.contact", asked, touched, touched == asked, at_us, margin)

    def precedence(self, asked: str, one: str, other: str) -> ExpectationResult:
        """Who is first on ground that both go over."""
        found = arrivals_s(*self._tracks, np.array(self.times_us) * 1e-6) if self.times_us else None
        if found is None:
            return ExpectationResult(f"{self.name}.first", asked, None, held=False)
        first = one if found[0] <= found[1] else other
        lead_s = abs(found[1] - found[0])
        at_us = round(min(found) * 1e6)
        return ExpectationResult(
            f"{self.name}.first", asked, first, first == asked, at_us, lead_s if first == asked else -lead_s
        )


def _extreme(
    name: str, asked: Range, values: Array, times_us: list[int], *, greatest: bool = False
) -> ExpectationResult:
    """The least value, or the greatest, against what was asked; none at all is infinity, or 0."""
    if not len(values):
        return ranged(name, asked, 0.0 if greatest else math.inf, -1)
    at = int(values.argmax() if greatest else values.argmin())
    reached = float(values[at])
    return ranged(name, asked, reached, times_us[at] if math.isfinite(reached) else -1)
