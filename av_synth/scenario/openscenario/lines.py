"""Trajectories of OpenSCENARIO as points: polylines, clothoids, splines of them, and NURBS."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.scenario.openscenario.context import Actor, Context, Words, rounded
from av_synth.scenario.openscenario.places import RELATIVE, Spot
from av_synth.scenario.openscenario.report import UnsaidError
from av_synth.scenario.openscenario.tree import Element

_STEP_M = 1.0
_MOST_STEPS = 4000  # of one piece; those of a longer one are longer
_NURBS_POINTS = 60
Point = tuple[float | None, Spot]
"""Time, if one is given, and place."""


def course(context: Context, action: Element, me: Actor) -> Words:
    """What a FollowTrajectoryAction does, as `follow_course`.

    Raises:
        UnsaidError: if the line or its times have no words, or it cannot be found on the map.
    """
    whole = _trajectory(context, action)
    shape = _shape(whole)
    own = _told_by(context, shape, me)
    points = _found(context, shape)
    if whole.flag("closed"):
        points += _way_back(context, action, points)
    # lines told by who moves need no map, as long as they are told within its lane
    if any(spot.road is not None and not (own and me.first and spot.road == me.first.road) for _, spot in points):
        raise UnsaidError("a line over a map that is not here has no words")
    base = me.first
    if _from_itself(shape):
        base = Spot(0.0, 0.0, 0.0)
        if not own and me.spot is not None:
            points = [(time, me.spot.shifted(spot.x_m, spot.y_m)) for time, spot in points]
    points = list(zip((time for time, _ in points), _centres(me, [spot for _, spot in points]), strict=True))
    if own and base is not None:
        base = me.centred(base)
        points = [(time, replace(spot, x_m=x, y_m=y)) for time, spot in points for x, y in (spot.seen_from(base),)]
    frame: Words = {"frame": "own"} if own else {}
    timing = action.find("TimeReference", "Timing")
    times = [time for time, _ in points if time is not None]
    if timing is None or len(times) < len(points):
        if timing is not None and times:
            context.report.nearly(action, "at its own speed, since not all points of its line have times")
        line = [[rounded(spot.x_m), rounded(spot.y_m)] for _, spot in points]
        return {
            "line": [line[0], *(point for before, point in itertools.pairwise(line) if point != before)],
            **frame,
        }
    if timing.word("domainAbsoluteRelative", "relative") == "absolute" and not context.starting:
        raise UnsaidError("its times count from the scenario's start, and it begins later")
    scale, offset = timing.number("scale", 1.0), timing.number("offset", 0.0)
    timed: list[list[float]] = []
    for time, spot in points:
        at = rounded((time or 0.0) * scale + offset)
        if at >= 0 and (not timed or at > timed[-1][0]):
            timed.append([at, rounded(spot.x_m), rounded(spot.y_m)])
    if len(timed) < 2:
        raise UnsaidError("its times do not increase")
    return {"timed": timed, **frame}


def first_spot(context: Context, action: Element) -> Spot:
    """Where a trajectory begins.

    Raises:
        UnsaidError: see `course`.
    """
    return _found(context, _shape(_trajectory(context, action)))[0][1]


def _centres(me: Actor, spots: Sequence[Spot]) -> Iterator[Spot]:
    """Where its centre is while the point that the file tells goes from place to place."""
    yaw, last = spots[0].yaw_rad, len(spots) - 1
    for index, spot in enumerate(spots):
        begin, end = spots[min(index, last - 1)] if last else spot, spots[min(index + 1, last)]
        if math.hypot(end.x_m - begin.x_m, end.y_m - begin.y_m) > 1e-3:
            yaw = math.atan2(end.y_m - begin.y_m, end.x_m - begin.x_m)
        yield replace(me.centred(replace(spot, yaw_rad=yaw)), yaw_rad=spot.yaw_rad)


def _way_back(context: Context, action: Element, points: Sequence[Point]) -> list[Point]:
    (_, first), (time, _) = points[0], points[-1]
    if time is None:
        return [(None, first)]
    context.report.nearly(action, "it does not go back to where its line begins, since no time is told for that")
    return []


def _trajectory(context: Context, action: Element) -> Element:
    holder = action.find("TrajectoryRef") or action
    line = holder.find("Trajectory")
    reference = holder.find("CatalogReference")
    if line is None and reference is not None:
        line = context.catalogs.entry(reference)
    if line is None:
        raise action.wrong("has no trajectory; want one")
    return line


def _shape(line: Element) -> Element:
    shape = line.need("Shape")
    if not shape.inside:
        raise shape.wrong("is empty")
    return shape.inside[0]


def _told_by(context: Context, shape: Element, me: Actor) -> bool:
    """Whether its places are told by who moves, where it then is."""
    if _from_itself(shape):
        return not (context.starting and me.spot is not None)
    by = {context.actor(one).entity.name for one in shape.walk() if one.tag in RELATIVE}
    if not by or context.starting:
        return False
    if by != {me.entity.name}:
        raise UnsaidError("its line is told by somebody else who has moved by then")
    return True


def _from_itself(shape: Element) -> bool:
    """Whether a line begins where who moves is, without saying so."""
    return shape.tag == "ClothoidSpline" and not any(one.tag == "Position" for one in shape.walk())


def _found(context: Context, shape: Element) -> list[Point]:
    points = list(_points(context, shape))
    if not points:
        raise shape.wrong("has no points; want two or more")
    return points


def _points(context: Context, shape: Element) -> Iterator[Point]:
    if shape.tag == "Polyline":
        for one in shape.all("Vertex"):
            time = one.number("time") if one.given.get("time") else None
            yield time, context.places.find(one.need("Position"), context.spots)
    elif shape.tag == "Clothoid":
        start = context.places.find(shape.need("Position"), context.spots)
        rate = shape.number("curvaturePrime", shape.number("curvatureDot", 0.0))
        begin = shape.number("curvature")
        spots = list(_clothoid(start, begin, rate, _length_m(shape)))
        yield from _timed(spots, _clock(shape, "startTime"), _clock(shape, "stopTime"))
    elif shape.tag == "ClothoidSpline":
        yield from _spline(context, shape)
    elif shape.tag == "Nurbs":
        yield from _nurbs(context, shape)
    else:
        raise UnsaidError(f"a line of the kind {shape.tag} has no words")


def _clock(one: Element, attribute: str) -> float | None:
    return one.number(attribute) if one.given.get(attribute) else None


def _timed(spots: Sequence[Spot], begin: float | None, end: float | None) -> Iterator[Point]:
    for index, spot in enumerate(spots):
        share = index / max(len(spots) - 1, 1)
        yield (None if begin is None or end is None else begin + share * (end - begin)), spot


def _length_m(one: Element) -> float:
    length = one.number("length")
    if length < 0:
        raise one.wrong(f"got {length:g}; want 0 or more", "length")
    return length


def _clothoid(start: Spot, curvature: float, rate: float, length_m: float) -> Iterator[Spot]:
    """Every metre along a line whose curvature grows evenly; headings by the middle of each step."""
    count = min(max(1, math.ceil(length_m / _STEP_M)), _MOST_STEPS)
    step, here = length_m / count, start
    yield here
    for index in range(count):
        middle = curvature + rate * (index + 0.5) * step
        turn = middle * step
        here = replace(here, yaw_rad=here.yaw_rad + turn / 2.0).shifted(step, 0.0)
        here = replace(here, yaw_rad=here.yaw_rad + turn / 2.0)
        yield here


def _spline(context: Context, shape: Element) -> Iterator[Point]:
    here: Spot | None = Spot(0.0, 0.0, 0.0) if _from_itself(shape) else None
    ends = [*(_clock(one, "timeStart") for one in shape.all("ClothoidSplineSegment")), _clock(shape, "timeEnd")]
    for number, one in enumerate(shape.all("ClothoidSplineSegment")):
        position = one.find("PositionStart") or one.find("Position")
        if position is not None:
            here = context.places.find(position, context.spots)
        if here is None:
            raise one.wrong("has no place to begin at; want a position in the first segment")
        here = replace(here, yaw_rad=here.yaw_rad + one.number("hOffset", 0.0))
        length, begin = _length_m(one), one.number("curvatureStart")
        spots = list(_clothoid(here, begin, (one.number("curvatureEnd") - begin) / max(length, 1e-6), length))
        yield from _timed(spots, ends[number], ends[number + 1])
        here = spots[-1]


def _nurbs(context: Context, shape: Element) -> Iterator[Point]:
    """A rational B-spline by de Boor's recursion (L. Piegl, W. Tiller, The NURBS Book, algorithm A4.1)."""
    controls = shape.all("ControlPoint")
    order = shape.whole("order")
    knots = np.array([one.number("value") for one in shape.all("Knot")])
    if not 2 <= order <= len(controls) or len(knots) != len(controls) + order:
        raise shape.wrong(f"has {len(controls)} points, {len(knots)} knots; want points + order = knots", "order")
    if (np.diff(knots) < 0).any():
        raise shape.wrong("its knots do not increase; want each at least as great as the one before")
    for one in controls:
        if one.number("weight", 1.0) <= 0:
            raise one.wrong(f"got {one.word('weight')}; want more than 0", "weight")
    spots = [context.places.find(one.need("Position"), context.spots) for one in controls]
    weights = np.array([one.number("weight", 1.0) for one in controls])
    times = [_clock(one, "time") for one in controls]
    clock = [time for time in times if time is not None]
    timed = len(clock) == len(times)
    columns = [[spot.x_m, spot.y_m, 1.0, time if timed else 0.0] for spot, time in zip(spots, times, strict=True)]
    points = np.array(columns, dtype=np.float64) * weights[:, None]
    for at in np.linspace(knots[order - 1], knots[len(controls)], _NURBS_POINTS):
        x, y, weight, time = _de_boor(points, knots, order - 1, float(at)).tolist()
        yield (time / weight if timed else None), Spot(x / weight, y / weight, 0.0)


def _de_boor(points: Array, knots: Array, degree: int, at: float) -> Array:
    span = min(max(int(np.searchsorted(knots, at, side="right")) - 1, degree), len(points) - 1)
    near = points[span - degree : span + 1].copy()
    for level in range(1, degree + 1):
        for index in range(degree, level - 1, -1):
            left, right = knots[index + span - degree], knots[index + 1 + span - level]
            share = 0.0 if right == left else (at - left) / (right - left)
            near[index] = (1.0 - share) * near[index - 1] + share * near[index]
    found: Array = near[degree]
    return found
