"""Correcting a draw that misses its target on another simulator: root-finding in its trigger parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from av_synth.errors import DocumentError, Problem
from av_synth.messages import nearest
from av_synth.scenario.distributions import DECIMALS
from av_synth.scenario.expressions import Value, references
from av_synth.scenario.scenario import Scenario
from av_synth.search.target import CONTACT, METRICS, Condition, Target

_MOST_PARAMETERS = 3
MOST_TRIES = 8
_FIRST_STEP = 0.25  # of a parameter's range
_SMALLEST_STEP = 1e-3
_FLAT = 1e-4  # a metric that changes less, of all it can be, does not depend on the parameter
_CLEAR_M = 0.5  # the distance to try for where nothing but `no contact` was asked

Measured = Mapping[str, float]
Play = Callable[[Mapping[str, Value]], Measured]


@dataclass(frozen=True)
class Corrected:
    """What came of a correction: the last values, what was measured with them, whether they reach it, and the tries."""

    values: dict[str, Value]
    measured: Measured
    reached: bool
    tries: int


def trigger_parameters(scenario: Scenario, named: Sequence[str], fixed: Mapping[str, str]) -> tuple[str, ...]:
    """The numeric parameters that a correction may change: those named, else the first that the events wait by.

    Raises:
        DocumentError: if one that is named is no free numeric parameter, or too many are.
    """
    usable = [name for name, one in scenario.parameters.items() if one.limits is not None and name not in fixed]
    problems = [f"{name!r} is no numeric parameter that is free; {nearest(name, usable)}" for name in named]
    problems = [problem for problem, name in zip(problems, named, strict=True) if name not in usable]
    if len(named) > _MOST_PARAMETERS:
        problems.append(f"got {len(named)} parameters; want at most {_MOST_PARAMETERS}")
    if problems:
        raise DocumentError([Problem("", "--correct", problem) for problem in problems])
    if named:
        return tuple(dict.fromkeys(named))
    events = scenario.document.keys.get("events", [])
    waits = [event.get("when") for event in events if isinstance(event, dict)]
    pending, found = [name for _, name in references(waits)][::-1], dict[str, None]()
    while pending:
        name = pending.pop(0)
        if name in scenario.chance.derived:
            pending += scenario.chance.derived[name].uses()
        elif name in usable:
            found[name] = None
    return tuple(found)[:_MOST_PARAMETERS]


def correct(
    scenario: Scenario,
    target: Target,
    names: Sequence[str],
    values: Mapping[str, Value],
    measured: Measured,
    play: Play,
) -> Corrected:
    """Change one parameter after the other within its range until the target is reached, or the tries are used up.

    Each try goes where a straight line through the last two would meet what is aimed for; between two tries on either
    side of it, halfway if the line leads out (the safeguarded secant method; R. P. Brent, Algorithms for Minimization
    without Derivatives, 1973, chapter 4).

    Args:
        scenario: whose parameters.
        target: what is asked for.
        names: the parameters, in order.
        values: of the draw that missed.
        measured: what it came to.
        play: plays a draw on the simulator that counts.
    """
    found = Corrected(dict(values), measured, target.reached(measured), 0)
    for name in names:
        if found.reached or found.tries >= MOST_TRIES:
            break
        found = _along(scenario, target, name, found, play)
    return found


def _along(scenario: Scenario, target: Target, name: str, begun: Corrected, play: Play) -> Corrected:
    distribution = scenario.parameters[name]
    low, high = distribution.limits or (0.0, 0.0)
    span = high - low
    error = _error(target, begun.measured)
    points = [(float(begun.values[name]), error(begun.measured))]
    best, tries = begun, begun.tries
    here = points[0][0]
    step = _FIRST_STEP * span
    aim = here + step if high - here >= here - low else here - step
    while tries < MOST_TRIES:
        value: Value = min(max(round(aim, DECIMALS), low), high)
        if distribution.values is not None:
            value = min(distribution.values, key=lambda each: abs(float(each) - aim))
        if any(abs(float(value) - known) < _SMALLEST_STEP * span for known, _ in points):
            break
        changed = {**begun.values, name: value}
        if not scenario.chance.allows(changed):
            break
        measured, tries = play(changed), tries + 1
        now = Corrected(changed, measured, target.reached(measured), tries)
        if now.reached:
            return now
        if target.missed_by(measured) < target.missed_by(best.measured):
            best = now
        points.append((float(value), error(measured)))
        if abs(points[-1][1] - points[-2][1]) < _FLAT:
            break
        aim = min(max(_next(points), low), high)
    return Corrected(best.values, best.measured, best.reached, tries)


def _next(points: Sequence[tuple[float, float]]) -> float:
    (x0, e0), (x1, e1) = points[-2:]
    guess = x1 - e1 * (x1 - x0) / (e1 - e0)
    below = [x for x, e in points if e < 0.0]
    above = [x for x, e in points if e >= 0.0]
    if below and above:
        left, right = min(((a, b) for a in below for b in above), key=lambda pair: abs(pair[0] - pair[1]))
        if not min(left, right) < guess < max(left, right):
            return (left + right) / 2.0
    return guess


def _error(target: Target, measured: Measured) -> Callable[[Measured], float]:
    """The signed distance from what is aimed for, of the condition that is missed most; contact by the distance."""
    numeric = [one for one in target.conditions if one.metric != CONTACT] or [
        Condition("distance", _CLEAR_M, math.inf) if one.high < 1.0 else Condition("distance", -math.inf, 0.0)
        for one in target.conditions
    ]
    worst = max(numeric, key=lambda one: one.missed_by(measured[one.metric]))
    most = METRICS[worst.metric].most
    return lambda found: (min(found[worst.metric], most) - worst.aim) / most
