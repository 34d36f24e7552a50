"""Targets: what a search asks for, such as `ttc=0.5..1.5, contact=false`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from av_synth.errors import DocumentError, Problem
from av_synth.messages import nearest


@dataclass(frozen=True)
class Metric:
    """What can be asked for: in words, its unit, and whether the run's value is the least or the greatest of its ticks.

    `most` is taken instead of what is larger, infinity too, where values are compared with each other.
    """

    words: str
    unit: str
    least: bool
    most: float


CONTACT = "contact"
METRICS = {
    "ttc": Metric("least time to collision", "s", True, 10.0),
    "pet": Metric("post-encroachment time", "s", True, 10.0),
    "distance": Metric("least distance between the boxes", "m", True, 50.0),
    "headway": Metric("least time gap of the one behind, in one lane", "s", True, 10.0),
    "drac": Metric("greatest deceleration rate to avoid the crash", "m/s2", False, 20.0),
    "deceleration": Metric("hardest braking of the ego, over 0.3 s", "m/s2", False, 20.0),
    CONTACT: Metric("whether they touch", "", False, 1.0),
}
_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_CONDITION = re.compile(
    rf"(?P<name>\w+)\s*(?:=\s*(?P<low>{_NUMBER})\s*\.\.\s*(?P<high>{_NUMBER})"
    rf"|<=?\s*(?P<below>{_NUMBER})|>=?\s*(?P<above>{_NUMBER})|=\s*(?P<word>true|false|yes|no))"
)
_WANT = "want METRIC=LOW..HIGH, METRIC<HIGH, METRIC>LOW or contact=false"


@dataclass(frozen=True)
class Condition:
    """One metric and the range that it is to be in, both ends included; contact is 1 or 0."""

    metric: str
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a run's value is in the range."""
        return self.low <= value <= self.high

    def lost(self, so_far: float) -> bool:
        """Whether nothing that comes can bring it into the range: a least only shrinks, a greatest grows."""
        return so_far < self.low if METRICS[self.metric].least else so_far > self.high

    @property
    def aim(self) -> float:
        """The value to try for: the middle, or a little inside of the only end."""
        inside = 0.1 * max(abs(self.low if math.isfinite(self.low) else self.high), 0.1)
        if math.isinf(self.low):
            return self.high - inside
        return self.low + inside if math.isinf(self.high) else (self.low + self.high) / 2.0

    def missed_by(self, value: float) -> float:
        """How far a value is out of the range, as a share of what the metric can be; 0 inside."""
        most = METRICS[self.metric].most
        capped = min(value, most)
        return max(self.low - capped, capped - self.high, 0.0) / most

    def __str__(self) -> str:
        if self.metric == CONTACT:
            return f"{CONTACT}={'true' if self.low > 0.0 else 'false'}"
        if math.isinf(self.low):
            return f"{self.metric}<{self.high:g}"
        return f"{self.metric}>{self.low:g}" if math.isinf(self.high) else f"{self.metric}={self.low:g}..{self.high:g}"


@dataclass(frozen=True)
class Target:
    """What a search asks for: all of the conditions."""

    conditions: tuple[Condition, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it needs."""
        return tuple(condition.metric for condition in self.conditions)

    def reached(self, measured: Mapping[str, float]) -> bool:
        """Whether a run's values are what was asked for."""
        return all(condition.holds(measured[condition.metric]) for condition in self.conditions)

    def lost(self, so_far: Mapping[str, float]) -> bool:
        """Whether a run cannot reach it any more, by the metrics that are known before its end."""
        return any(one.lost(so_far[one.metric]) for one in self.conditions if one.metric in so_far)

    def missed_by(self, measured: Mapping[str, float]) -> float:
        """How far a run is from it, over all conditions; 0 where it is reached."""
        return sum(condition.missed_by(measured[condition.metric]) for condition in self.conditions)

    def __str__(self) -> str:
        return ", ".join(map(str, self.conditions))


def parse_target(text: str) -> Target:
    """Read a target: conditions with commas between them.

    Raises:
        DocumentError: with everything that is wrong.
    """
    found: dict[str, Condition] = {}
    problems: list[str] = []
    for part in map(str.strip, text.split(",")):
        match = _CONDITION.fullmatch(part)
        name = match["name"] if match else re.split(r"\W", part)[0]
        if name not in METRICS:
            problems.append(f"no metric {name!r}; {nearest(name, METRICS)}" if name else f"got {part!r}; {_WANT}")
        elif match is None or (match["word"] is not None) != (name == CONTACT):
            problems.append(f"got {part!r}; {'want contact=true or contact=false' if name == CONTACT else _WANT}")
        elif name in found:
            problems.append(f"{name} is given twice; want one range")
        else:
            found[name] = _condition(name, match)
            if not found[name].low <= found[name].high:
                problems.append(f"got {part!r}; want LOW..HIGH")
    if problems:
        raise DocumentError([Problem("", "--target", problem) for problem in problems])
    return Target(tuple(found.values()))


def _condition(name: str, match: re.Match[str]) -> Condition:
    if match["word"] is not None:
        wanted = match["word"] in ("true", "yes")
        return Condition(name, 0.5 if wanted else -math.inf, math.inf if wanted else 0.5)
    low, high = match["low"] or match["above"], match["high"] or match["below"]
    return Condition(name, float(low) if low else -math.inf, float(high) if high else math.inf)
