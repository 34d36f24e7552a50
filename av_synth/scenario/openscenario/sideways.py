"""Lane changes and offsets of OpenSCENARIO as our manoeuvres."""

from __future__ import annotations

import math

from av_synth.scenario.manoeuvres import LONGEST_CHANGE_S, SHORTEST_CHANGE_S
from av_synth.scenario.openscenario.context import Actor, Context, Words, rounded
from av_synth.scenario.openscenario.places import LANE_WIDTH_M
from av_synth.scenario.openscenario.tree import Element
from av_synth.scenario.words import EGO


def lane_change(context: Context, one: Element, me: Actor) -> list[Words]:
    """What a LaneChangeAction does."""
    target = one.need("LaneChangeTarget")
    absolute, relative = target.find("AbsoluteTargetLane"), target.find("RelativeTargetLane")
    width = context.places.beside(me.first) if me.first is not None else LANE_WIDTH_M
    if relative is not None and context.actor(relative) is me:
        lanes = abs(relative.whole("value"))
        width = width * lanes if lanes else me.offset_m
    lasts: Words = {"duration_s": _sideways_s(context, one, one.need("LaneChangeActionDynamics"), me, width)}
    if one.number("targetLaneOffset", 0.0) != 0:
        context.report.nearly(one, "to the middle of the lane, without its offset")
    me.offset_m = 0.0
    if absolute is not None:
        return [{"lane_change": {"lane_id": absolute.whole("value"), **lasts}}]
    if relative is None:
        raise target.wrong("has no lane; want one")
    who, steps = context.actor(relative), relative.whole("value")
    if who is me:
        if steps == 0:
            return [{"lane_change": {"offset_m": 0.0, **lasts}}]
        several: Words = {"lanes": abs(steps)} if abs(steps) > 1 else {}
        return [{"lane_change": {"to": "left" if steps > 0 else "right", **several, **lasts}}]
    if steps != 0:
        return [{"lane_change": {"into": who.entity.name, "aside": steps, **lasts}}]
    if who.entity.name == EGO:
        return [{"cut_in": lasts}]
    return [{"lane_change": {"into": who.entity.name, **lasts}}]


def _sideways_s(context: Context, one: Element, dynamics: Element, me: Actor, aside_m: float) -> float:
    shape, kind = dynamics.word("dynamicsShape"), dynamics.word("dynamicsDimension", "time")
    value = abs(dynamics.number("value", 0.0))
    aside_m = max(abs(aside_m), 0.1)
    if shape == "step" or value == 0:
        time = SHORTEST_CHANGE_S
    elif kind == "time":
        time = value
    elif kind == "rate":
        # the mean rate; that of the standard's sinusoidal and cubic shapes is greater in the middle
        time = aside_m / value * {"sinusoidal": math.pi / 2.0, "cubic": 1.5}.get(shape, 1.0)
        context.report.nearly(one, "its duration by the rate and the lane's width")
    else:
        time = value / max(me.speed_mps, 1.0)
        context.report.nearly(one, "its duration by the distance and the speed it was last told")
    if not SHORTEST_CHANGE_S <= time <= LONGEST_CHANGE_S:
        context.report.nearly(one, f"in {min(max(time, SHORTEST_CHANGE_S), LONGEST_CHANGE_S):g} s, as near as there is")
    return rounded(min(max(time, SHORTEST_CHANGE_S), LONGEST_CHANGE_S))


def lane_offset(context: Context, one: Element, me: Actor) -> list[Words]:
    """What a LaneOffsetAction does."""
    target = one.find("LaneOffsetTarget", "AbsoluteTargetLaneOffset")
    relative = one.find("LaneOffsetTarget", "RelativeTargetLaneOffset")
    if target is not None:
        offset = target.number("value")
    elif relative is not None:
        offset = context.actor(relative).offset_m + relative.number("value")
        context.report.nearly(one, "its offset by what the other was last told")
    else:
        raise one.wrong("has no offset; want one")
    moved = max(abs(offset - me.offset_m), 0.1)
    me.offset_m = offset
    hardest = one.need("LaneOffsetActionDynamics").number("maxLateralAcc", 0.0)
    # a cosine over time T moves d with at most pi^2 d / (2 T^2)
    time = math.pi * math.sqrt(moved / (2.0 * hardest)) if hardest > 0 else 2.0
    if hardest <= 0:
        context.report.nearly(one, "in 2 s, where the file leaves it open")
    elif not SHORTEST_CHANGE_S <= time <= LONGEST_CHANGE_S:
        context.report.nearly(one, "in a duration as near as there is")
    time = min(max(time, SHORTEST_CHANGE_S), LONGEST_CHANGE_S)
    return [{"lane_change": {"offset_m": rounded(offset), "duration_s": rounded(time)}}]
