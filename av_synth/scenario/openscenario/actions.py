"""Private actions of OpenSCENARIO as our manoeuvres."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from av_synth.scenario.manoeuvres import HARDEST_MPS2
from av_synth.scenario.openscenario.context import KMH, Actor, Context, Words, rounded
from av_synth.scenario.openscenario.lines import course
from av_synth.scenario.openscenario.report import UnsaidError
from av_synth.scenario.openscenario.sideways import lane_change, lane_offset
from av_synth.scenario.openscenario.tree import Element
from av_synth.scenario.words import EGO, FASTEST_KMH, FASTEST_ON_FOOT_KMH, Lamp

_FARTHEST_WALK_M = 100.0
_LIES_RAD = 1.0
_ACROSS_RAD = math.radians(45.0)
LAMPS: Mapping[str, Lamp] = {
    "daytimeRunningLights": "position",
    "lowBeam": "low_beam",
    "highBeam": "high_beam",
    "fogLights": "fog",
    "fogLightsFront": "fog",
    "fogLightsRear": "fog",
    "brakeLights": "brake",
    "indicatorLeft": "left",
    "indicatorRight": "right",
    "reversingLights": "reverse",
    "specialPurposeLights": "special",
}


def manoeuvres(context: Context, private: Element, me: Actor) -> list[Words]:
    """What a PrivateAction has somebody do, one after the other; nothing where that is not to be seen.

    Raises:
        UnsaidError: if we have no words for it.
        DocumentError: if the file is wrong there.
    """
    if not private.inside:
        raise private.wrong("is empty; want an action")
    one = private.inside[0]
    if one.tag in ("LongitudinalAction", "LateralAction", "RoutingAction", "AppearanceAction") and one.inside:
        one = one.inside[0]
    if one.tag in ("ControllerAction", "ActivateControllerAction", "AssignControllerAction"):
        _controllers(context, one, me)
        return []
    if one.tag not in _ACTIONS:
        raise UnsaidError(f"there is no such manoeuvre as {one.tag}")
    if not me.entity.moves and one.tag not in ("TeleportAction", "VisibilityAction", "AnimationAction"):
        raise UnsaidError(f"a {me.entity.body} does not move")
    told = len(context.report.entries)
    found = _ACTIONS[one.tag](context, one, me)
    if len(context.report.entries) == told:
        context.report.kept(one)
    return found


def lasts_s(private: Element) -> float | None:
    """How long an action takes as the file tells it; None if that is found out while it is played."""
    dynamics = next((one for one in private.walk() if one.tag.endswith("Dynamics")), None)
    target = next((one for one in private.walk() if one.tag == "AbsoluteTargetSpeed"), None)
    if any(one.tag in ("TeleportAction", "ControllerAction", "LightStateAction") for one in private.walk()):
        return 0.0
    if dynamics is None or not any(one.tag == "SpeedAction" for one in private.walk()):
        return None
    value, kind = dynamics.number("value", 0.0), dynamics.word("dynamicsDimension", "time")
    if dynamics.word("dynamicsShape") != "step":
        return None
    # ScenarioRunner reads a step's time or distance as how long the new speed is kept before the event is over
    if kind == "time":
        return value
    if kind == "distance" and target is not None and target.number("value") > 0:
        return value / target.number("value")
    return 0.0


def relative_mps(context: Context, target: Element) -> float:
    """The speed that a RelativeTargetSpeed comes to, by what the other was last told to drive."""
    base = context.actor(target).speed_mps
    value = target.number("value")
    return base * value if target.word("speedTargetValueType") == "factor" else base + value


def _speed(context: Context, one: Element, me: Actor) -> list[Words]:
    absolute = one.find("SpeedActionTarget", "AbsoluteTargetSpeed")
    relative = one.find("SpeedActionTarget", "RelativeTargetSpeed")
    if absolute is None and relative is None:
        raise one.wrong("has no target speed; want one")
    dynamics = one.need("SpeedActionDynamics")
    if absolute is not None:
        speed = absolute.number("value")
    elif relative is not None:
        speed = relative_mps(context, relative)
    if me.entity.is_person:
        if relative is not None:
            context.report.nearly(one, "a pedestrian's speed is told by what the other was last told")
        me.speed_mps = speed
        return [_walk(context, one, me, speed)]
    how = _pace(context, one, dynamics)
    before, me.speed_mps = me.speed_mps, speed
    if (relative is not None and not context.starting) or (relative is not None and relative.flag("continuous")):
        return [{"match_speed": _match(context, relative, how, before, speed)}]
    if speed < 0:
        context.report.nearly(one, f"backwards along its own line, at {FASTEST_ON_FOOT_KMH:g} km/h at most")
        return [{"reverse": {"speed_kmh": rounded(min(-speed * KMH, FASTEST_ON_FOOT_KMH))}}]
    if speed * KMH > FASTEST_KMH:
        context.report.nearly(one, f"at {FASTEST_KMH:g} km/h, the greatest speed there is")
    return [{"drive": {"speed_kmh": rounded(min(speed * KMH, FASTEST_KMH)), **how}}]


def _pace(context: Context, one: Element, dynamics: Element) -> Words:
    shape, kind = dynamics.word("dynamicsShape"), dynamics.word("dynamicsDimension", "time")
    value = abs(dynamics.number("value", 0.0))
    if shape in ("cubic", "sinusoidal"):
        context.report.nearly(one, f"evenly instead of by a {shape} curve")
    if shape == "step" or value == 0:
        return {"at_once": True}
    if kind == "time":
        return {"over_s": rounded(min(value, 600.0))}
    if kind == "distance":
        return {"over_m": rounded(min(value, 5000.0))}
    if value > HARDEST_MPS2:
        context.report.nearly(one, f"at {HARDEST_MPS2:g} m/s2, the hardest there is")
    return {"acceleration_mps2": rounded(min(value, HARDEST_MPS2))}


def _match(context: Context, target: Element, how: Words, before: float, speed: float) -> Words:
    value, factor = target.number("value"), target.word("speedTargetValueType") == "factor"
    words: Words = {"who": context.actor(target).entity.name}
    words |= {"factor": rounded(value)} if factor else {"faster_kmh": rounded(value * KMH)}
    if target.flag("continuous"):
        words["keeps_to_it"] = True
    if "over_s" in how:
        pace = abs(speed - before) / float(str(how["over_s"]))
        how = {"acceleration_mps2": rounded(min(max(pace, 0.5), HARDEST_MPS2))}
    return {**words, **(how if "at_once" in how else {"acceleration_mps2": how.get("acceleration_mps2", 2.0)})}


def _walk(context: Context, one: Element, me: Actor, speed: float) -> Words:
    """A pedestrian goes where it faces: along the road, or across it."""
    if speed <= 0:
        return {"wait": {}}
    if speed * KMH > FASTEST_ON_FOOT_KMH:
        context.report.nearly(one, f"at {FASTEST_ON_FOOT_KMH:g} km/h, the fastest that people are")
    pace = rounded(min(speed * KMH, FASTEST_ON_FOOT_KMH))
    spot = me.first
    off = 0.0 if spot is None else abs(context.places.heading_off_rad(spot))
    if context.places.town is None or spot is None or _ACROSS_RAD < off < math.pi - _ACROSS_RAD:
        return {"cross": {"speed_kmh": pace, "distance_m": _FARTHEST_WALK_M}}
    ego = next(actor.first for actor in context.actors.values() if actor.entity.name == EGO)
    against = ego is not None and math.cos(spot.yaw_rad - ego.yaw_rad) < 0
    return {"walk": {"speed_kmh": pace, "direction": "against" if against else "along"}}


def _speed_profile(context: Context, one: Element, me: Actor) -> list[Words]:
    if one.given.get("entityRef"):
        raise UnsaidError("a profile of speeds relative to somebody has no words")
    time, points = 0.0, [[0.0, rounded(max(me.speed_mps, 0.0) * KMH)]]
    before = me.speed_mps
    for entry in one.all("SpeedProfileEntry"):
        speed = entry.number("speed")
        if entry.given.get("time"):
            time += entry.number("time")
        else:
            time += max(abs(speed - before) / 2.0, 0.1)
            context.report.nearly(one, "between entries without times it changes its speed by 2 m/s2")
        if speed < 0:
            raise UnsaidError("driving backwards by a negative speed has no words")
        if time > points[-1][0]:
            points.append([rounded(time), rounded(speed * KMH)])
        else:
            points[-1][1] = rounded(speed * KMH)
        before = speed
    me.speed_mps = before
    return [{"speed_profile": {"points": points}}]


def _distance(context: Context, one: Element, me: Actor) -> list[Words]:
    who = context.actor(one)
    if one.word("displacement", "any") == "leadingReferencedEntity":
        raise UnsaidError("keeping ahead of somebody at a distance has no words")
    words: Words = {"who": who.entity.name}
    if one.given.get("timeGap"):
        words["gap_s"] = rounded(min(max(one.number("timeGap"), 0.2), 10.0))
    else:
        gap = one.number("distance")
        if not one.flag("freespace"):
            gap -= (who.entity.length_m + me.entity.length_m) / 2.0
            context.report.nearly(one, "the free length by the sizes that the file gives the two")
        words["gap_m"] = rounded(min(max(gap, 0.5), 500.0))
    me.speed_mps = who.speed_mps
    if not one.flag("continuous"):
        context.report.nearly(one, "it goes on keeping the gap once it has it")
    return [{"follow": words}]


def _synchronise(context: Context, one: Element, me: Actor) -> list[Words]:
    who = context.actor(one, "masterEntityRef" if "masterEntityRef" in one.given else "masterRef")
    theirs = context.passed(one.need("TargetPositionMaster"), who)
    mine = context.passed(one.need("TargetPosition"), me)
    words: Words = {"who": who.entity.name, "at": mine.place(), "who_at": theirs.place()}
    final = one.find("FinalSpeed")
    if final is not None and final.inside:
        told = final.inside[0]
        if told.tag == "AbsoluteSpeed":
            me.speed_mps = told.number("value")
        else:
            me.speed_mps = relative_mps(context, told) if "entityRef" in told.given else who.speed_mps
            if told.tag == "RelativeSpeedToMaster":
                me.speed_mps = who.speed_mps + told.number("value")
            context.report.nearly(one, "its speed there by what the other was last told")
        if told.find("SteadyState") is not None or told.inside:
            context.report.nearly(one, "without the stretch of steady speed before")
        words["final_kmh"] = rounded(min(max(me.speed_mps * KMH, 0.0), FASTEST_KMH))
    return [{"arrive_together": words}]


def _trajectory(context: Context, one: Element, me: Actor) -> list[Words]:
    found = course(context, one, me)
    ahead = _straight_ahead(found)
    if me.entity.is_person and ahead is not None:
        return [{"cross": ahead}]
    if found.get("frame") == "own":
        context.report.nearly(one, "told by where it is as it begins; lanes are taken as straight from there")
    return [{"follow_course": found}]


def _straight_ahead(found: Words) -> Words | None:
    """A line that leads straight ahead in a given time, as `cross`."""
    timed = found.get("timed")
    if found.get("frame") != "own" or not isinstance(timed, list) or len(timed) != 2:
        return None
    (begin, x, y), (end, far, aside) = timed
    if begin or x or y or aside or not 0 < far <= _FARTHEST_WALK_M or far / end * KMH > FASTEST_ON_FOOT_KMH:
        return None
    return {"speed_kmh": rounded(far / end * KMH), "distance_m": rounded(far)}


def through(context: Context, one: Element, me: Actor) -> list[dict[str, object]]:
    """The places that a route leads through, of an AssignRouteAction or AcquirePositionAction.

    Raises:
        UnsaidError: if one cannot be found.
    """
    if one.tag == "AcquirePositionAction":
        spots = [context.passed(one.need("Position"), me)]
    else:
        reference = one.find("CatalogReference")
        route = context.catalogs.entry(reference) if reference is not None else one.need("Route")
        found = context.places.route(route, context.spots)
        stops = [stop.need("Position") for stop in route.all("Waypoint")]
        spots = [context.centred_on_way(spot, stop, me) for spot, stop in zip(found, stops, strict=True)]
    # a route's first place is where it begins, which is behind who is on it
    return [spot.place() for spot in (spots[1:] or spots)]


def _route(context: Context, one: Element, me: Actor) -> list[Words]:
    if me.entity.is_person:
        places = through(context, one, me)
        if me.first is None or any("x_m" not in place for place in places):
            raise UnsaidError("a pedestrian's way over a map that is not here has no words")
        context.report.nearly(one, "a pedestrian walks straight from place to place")
        line = [[rounded(me.first.x_m), rounded(me.first.y_m)], *([one["x_m"], one["y_m"]] for one in places)]
        return [{"follow_course": {"line": [point for index, point in enumerate(line) if point not in line[:index]]}}]
    return [{"take_route": {"through": through(context, one, me)}}]


def _teleport(context: Context, one: Element, me: Actor) -> list[Words]:
    turned = one.find("Position", "RelativeObjectPosition")
    if turned is not None and context.actor(turned) is me and not turned.number("dx") and not turned.number("dy"):
        orientation = turned.find("Orientation")
        if orientation is not None and abs(orientation.number("r", 0.0)) > _LIES_RAD:
            return [{"fall": {}}]
        raise UnsaidError("getting up has no words")
    spot = context.find(one.need("Position"))
    me.coming = me.coming or spot
    return [{"appear": {"at": me.centred(spot).pose()}}]


def _lights(context: Context, one: Element, me: Actor) -> list[Words]:
    kind = next((inside.word("vehicleLightType") for inside in one.walk() if "vehicleLightType" in inside.given), "")
    mode = one.need("LightState").word("mode")
    names = ("left", "right") if kind == "warningLights" else (LAMPS.get(kind, ""),)
    if not names[0]:
        context.report.lost(one, f"there is no light such as {kind or 'its own'}", changes=False)
        return []
    off = tuple(name for name in me.lamps if name not in names)
    me.lamps = off if mode == "off" else tuple(dict.fromkeys([*off, *names]))
    return [{"lights": {"on": list(me.lamps)}}]


def _unseen(context: Context, one: Element, _: Actor) -> list[Words]:
    context.report.lost(one, "looks and gestures are not played", changes=False)
    return []


def _visibility(context: Context, one: Element, _: Actor) -> list[Words]:
    context.report.lost(one, "everybody is always to be seen by everything", changes=False)
    return []


def _controllers(context: Context, one: Element, me: Actor) -> None:
    """Who drives is ours: of controllers only those matter that would do something of their own."""
    report = context.report
    for override in (inside for inside in one.walk() if inside.tag == "OverrideControllerValueAction"):
        if any(inside.flag("active") for inside in override.inside if "active" in inside.given):
            report.lost(override, "pedals and wheel are not set by hand", changes=True)
        else:
            report.kept(override)
    for inside in one.walk():
        if inside.tag not in ("ActivateControllerAction", "AssignControllerAction"):
            continue
        if me.entity.name == EGO:
            report.nearly(inside, "the ego is driven by its `driver`: scripted, or your own as module:Class")
        else:
            report.lost(inside, "a controller of its own drives it there", changes=_acts(inside, me))


def _acts(action: Element, me: Actor) -> bool:
    """Whether a controller takes part in moving somebody."""
    if action.tag == "AssignControllerAction":
        return action.flag("activateLongitudinal") or action.flag("activateLateral")
    on = action.flag("longitudinal", True) or action.flag("lateral", True)
    return on and me.entity.controller is not None


_ACTIONS: Mapping[str, Callable[[Context, Element, Actor], list[Words]]] = {
    "SpeedAction": _speed,
    "SpeedProfileAction": _speed_profile,
    "LongitudinalDistanceAction": _distance,
    "LaneChangeAction": lane_change,
    "LaneOffsetAction": lane_offset,
    "SynchronizeAction": _synchronise,
    "FollowTrajectoryAction": _trajectory,
    "AssignRouteAction": _route,
    "AcquirePositionAction": _route,
    "TeleportAction": _teleport,
    "LightStateAction": _lights,
    "AnimationAction": _unseen,
    "VisibilityAction": _visibility,
}
