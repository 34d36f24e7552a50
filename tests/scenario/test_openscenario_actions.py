"""What each private action of OpenSCENARIO is in our words, and what is said where it is only nearly so."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth.errors import DocumentError
from av_synth.scenario.openscenario import import_file
from tests.scenario.xosc import at, course, entity, event, lane, lane_change, speed, start, write

EVERYBODY = entity("Ego") + entity("Other") + entity("Child", "pedestrian")
INIT = start("Ego", lane(-1, 50), "20") + start("Other", lane(-1, 90), "15")
ALONG = start("Child", lane(-2, 100))


def relative_speed(value: float, kind: str, continuous: str, seconds: float = 2) -> str:
    dynamics = f'<SpeedActionDynamics dynamicsShape="linear" dynamicsDimension="time" value="{seconds}"/>'
    how = f'speedTargetValueType="{kind}" continuous="{continuous}"'
    target = f'<RelativeTargetSpeed entityRef="Ego" value="{value}" {how}/>'
    return (
        f"<LongitudinalAction><SpeedAction>{dynamics}<SpeedActionTarget>{target}</SpeedActionTarget></SpeedAction>"
        "</LongitudinalAction>"
    )


def profile(*entries: str) -> str:
    inside = "".join(f"<SpeedProfileEntry {entry}/>" for entry in entries)
    return (
        f'<LongitudinalAction><SpeedProfileAction followingMode="position">{inside}</SpeedProfileAction>'
        "</LongitudinalAction>"
    )


def keeps(told: str) -> str:
    return f'<LongitudinalAction><LongitudinalDistanceAction entityRef="Ego" {told}/></LongitudinalAction>'


def meets(final: str) -> str:
    return (
        f'<SynchronizeAction masterEntityRef="Ego"><TargetPositionMaster>{lane(-1, 200)}</TargetPositionMaster>'
        f"<TargetPosition>{lane(-1, 300)}</TargetPosition><FinalSpeed>{final}</FinalSpeed></SynchronizeAction>"
    )


def met(final_kmh: float) -> object:
    places = {"at": {"x_m": 301.4, "y_m": -1.75}, "who_at": {"x_m": 201.4, "y_m": -1.75}}
    return {"arrive_together": {"who": "ego", **places, "final_kmh": final_kmh}}


def matched(**how: float) -> object:
    return {"match_speed": {"who": "ego", **how}}


def aside(target: str, hardest: str = "") -> str:
    return (
        f'<LateralAction><LaneOffsetAction><LaneOffsetActionDynamics dynamicsShape="sinusoidal" {hardest}/>'
        f"<LaneOffsetTarget>{target}</LaneOffsetTarget></LaneOffsetAction></LateralAction>"
    )


def changes_lane(by: str, value: float, whose: str = "Other", lanes: int = 1) -> str:
    action = lane_change(f'<RelativeTargetLane entityRef="{whose}" value="{lanes}"/>')
    return action.replace('dynamicsDimension="time" value="3.0"', f'dynamicsDimension="{by}" value="{value}"')


def lights(kind: str, mode: str = "on") -> str:
    light = f'<LightType><VehicleLight vehicleLightType="{kind}"/></LightType><LightState mode="{mode}"/>'
    return f"<AppearanceAction><LightStateAction>{light}</LightStateAction></AppearanceAction>"


def way(*places: str) -> str:
    stops = "".join(f'<Waypoint routeStrategy="shortest"><Position>{place}</Position></Waypoint>' for place in places)
    route = f'<Route name="r" closed="false">{stops}</Route>'
    return f"<RoutingAction><AssignRouteAction>{route}</AssignRouteAction></RoutingAction>"


def acquires(place: str) -> str:
    return f"<RoutingAction><AcquirePositionAction>{place}</AcquirePositionAction></RoutingAction>"


def turned(roll_rad: float) -> str:
    """Put where it is, rolled."""
    orientation = f'<Orientation type="relative" r="{roll_rad}"/>'
    place = f'<RelativeObjectPosition entityRef="Child" dx="0" dy="0">{orientation}</RelativeObjectPosition>'
    return f"<TeleportAction><Position>{place}</Position></TeleportAction>"


ABSOLUTE = '<AbsoluteTargetLaneOffset value="0.5"/>'
LIGHT_ON, LIGHT_OFF = lights("warningLights"), lights("lowBeam", "off")
OWN_PLACE = '<Position><RelativeObjectPosition entityRef="Child" dx="{}" dy="0"/></Position>'
ENDS = "".join(f'<Vertex time="{time}">{OWN_PLACE.format(x)}</Vertex>' for time, x in ((0, 0), (4, 8)))
OWN_LINE = course(
    f"<Polyline>{ENDS}</Polyline>",
    '<Timing domainAbsoluteRelative="relative" scale="1" offset="0"/>',
)
THERE = f"<Position>{lane(-2, 250)}</Position>"
ROUTE = way(lane(-1, 100), lane(-2, 200))
PEDAL = '<OverrideControllerValueAction><Brake active="{}" value="1"/></OverrideControllerValueAction>'


def of_the_event(
    tmp_path: Path, who: str, action: str, init: str = INIT + ALONG
) -> tuple[list[object], list[tuple[str, str]], bool]:
    """What somebody does in the one event of a file, what is said of that and its fate, and whether the story holds."""
    told = import_file(write(tmp_path, event("Does", who, action, at(3)), entities=EVERYBODY, init=init, version="1.2"))
    events = told.scenario.fill({}).model_dump(mode="json", exclude_unset=True).get("events", [])
    said = [(entry.fate, entry.why) for entry in told.report.entries if entry.why and entry.what != "StartTrigger"]
    return [one["do"] for one in events], said, told.report.same_story


@pytest.mark.parametrize(
    ("who", "action", "do"),
    [
        ("Other", speed("10", "linear", "distance", 50), {"drive": {"speed_kmh": 36.0, "over_m": 50.0}}),
        ("Other", relative_speed(5, "delta", "false"), matched(faster_kmh=18.0, acceleration_mps2=5.0)),
        ("Other", relative_speed(0.5, "factor", "true"), matched(factor=0.5, keeps_to_it=True, acceleration_mps2=2.5)),
        ("Other", relative_speed(0.5, "factor", "true", 0), matched(factor=0.5, keeps_to_it=True, at_once=True)),
        ("Other", keeps('timeGap="1.5" freespace="true" continuous="true"'), {"follow": {"who": "ego", "gap_s": 1.5}}),
        ("Other", meets('<AbsoluteSpeed value="10"/>'), met(36.0)),
        # a cosine that moves d in T has at most pi^2 d / (2 T^2)
        ("Other", aside(ABSOLUTE, 'maxLateralAcc="0.5"'), {"lane_change": {"offset_m": 0.5, "duration_s": 2.221}}),
        ("Other", changes_lane("time", 0), {"lane_change": {"to": "left", "duration_s": 0.5}}),
        ("Other", changes_lane("time", 2, "Other", 0), {"lane_change": {"offset_m": 0.0, "duration_s": 2.0}}),
        ("Other", changes_lane("time", 2, "Child", 0), {"lane_change": {"into": "child", "duration_s": 2.0}}),
        ("Other", LIGHT_ON, {"lights": {"on": ["left", "right"]}}),
        ("Other", LIGHT_OFF, {"lights": {"on": []}}),
        ("Other", ROUTE, {"take_route": {"through": [{"x_m": 201.4, "y_m": -5.25}]}}),
        ("Other", acquires(THERE), {"take_route": {"through": [{"x_m": 251.4, "y_m": -5.25}]}}),
        (
            "Other",
            f"<TeleportAction>{THERE}</TeleportAction>",
            {"appear": {"at": {"x_m": 251.4, "y_m": -5.25, "yaw_deg": 0.0}}},
        ),
        ("Child", speed("0"), {"wait": {}}),
        ("Child", speed("2"), {"walk": {"speed_kmh": 7.2, "direction": "along"}}),
        ("Child", turned(1.57), {"fall": {}}),
        ("Child", OWN_LINE, {"cross": {"speed_kmh": 7.2, "distance_m": 8.0}}),
    ],
)
def test_an_action_that_there_are_words_for_is_kept(tmp_path: Path, who: str, action: str, do: object) -> None:
    assert of_the_event(tmp_path, who, action) == ([do], [], True)


def test_a_pedestrian_told_a_speed_walks_against_the_ego_where_it_faces_it(tmp_path: Path) -> None:
    walks = {"walk": {"speed_kmh": 7.2, "direction": "against"}}

    assert of_the_event(tmp_path, "Child", speed("2"), INIT + start("Child", lane(1, 200))) == ([walks], [], True)


@pytest.mark.parametrize(
    ("who", "action", "do", "why"),
    [
        ("Other", speed("-3"), {"reverse": {"speed_kmh": 10.8}}, ["backwards along its own line, at 40 km/h at most"]),
        (
            "Other",
            speed("90", "cubic", "time", 4),
            {"drive": {"speed_kmh": 200.0, "over_s": 4.0}},
            ["evenly instead of by a cubic curve", "at 200 km/h, the greatest speed there is"],
        ),
        (
            "Other",
            speed("10", "linear", "rate", 50),
            {"drive": {"speed_kmh": 36.0, "acceleration_mps2": 12.0}},
            ["at 12 m/s2, the hardest there is"],
        ),
        (
            "Other",
            profile('speed="10" time="2"', 'speed="20"', 'speed="5" time="0"'),
            {"speed_profile": {"points": [[0.0, 54.0], [2.0, 36.0], [7.0, 18.0]]}},
            ["between entries without times it changes its speed by 2 m/s2"],
        ),
        (
            "Other",
            keeps('distance="20" freespace="false" continuous="false"'),
            {"follow": {"who": "ego", "gap_m": 15.4}},
            ["the free length by the sizes that the file gives the two", "it goes on keeping the gap once it has it"],
        ),
        (
            "Other",
            meets(
                '<RelativeSpeedToMaster value="-5" speedTargetValueType="delta"><SteadyState/></RelativeSpeedToMaster>'
            ),
            met(54.0),
            ["its speed there by what the other was last told", "without the stretch of steady speed before"],
        ),
        (
            "Other",
            aside('<RelativeTargetLaneOffset entityRef="Ego" value="-0.4"/>'),
            {"lane_change": {"offset_m": -0.4, "duration_s": 2.0}},
            ["its offset by what the other was last told", "in 2 s, where the file leaves it open"],
        ),
        (
            "Other",
            aside(ABSOLUTE, 'maxLateralAcc="500"'),
            {"lane_change": {"offset_m": 0.5, "duration_s": 0.5}},
            ["in a duration as near as there is"],
        ),
        (
            "Other",
            changes_lane("rate", 2),  # pi / 2 times as fast in the middle of 3.5 m
            {"lane_change": {"to": "left", "duration_s": 2.749}},
            ["its duration by the rate and the lane's width"],
        ),
        (
            "Other",
            changes_lane("distance", 60),
            {"lane_change": {"to": "left", "duration_s": 4.0}},
            ["its duration by the distance and the speed it was last told"],
        ),
        (
            "Other",
            changes_lane("time", 90),
            {"lane_change": {"to": "left", "duration_s": 30.0}},
            ["in 30 s, as near as there is"],
        ),
        (
            "Child",
            speed("20"),
            {"walk": {"speed_kmh": 40.0, "direction": "along"}},
            ["at 40 km/h, the fastest that people are"],
        ),
        (
            "Child",
            relative_speed(0.1, "factor", "false"),
            {"walk": {"speed_kmh": 7.2, "direction": "along"}},
            ["a pedestrian's speed is told by what the other was last told"],
        ),
        (
            "Child",
            ROUTE,
            {"follow_course": {"line": [[100.0, -5.25], [200.0, -5.25]]}},
            ["a pedestrian walks straight from place to place"],
        ),
    ],
)
def test_an_action_that_is_only_nearly_so_is_told(
    tmp_path: Path, who: str, action: str, do: object, why: list[str]
) -> None:
    assert of_the_event(tmp_path, who, action) == ([do], [("nearly", each) for each in why], True)


@pytest.mark.parametrize(
    ("who", "action", "why", "same"),
    [
        ("Other", profile('speed="-10" time="2"'), "driving backwards by a negative speed has no words", False),
        (
            "Other",
            keeps('distance="9" freespace="true" continuous="true" displacement="leadingReferencedEntity"'),
            "keeping ahead of somebody at a distance has no words",
            False,
        ),
        ("Child", turned(0.0), "getting up has no words", False),
        ("Other", lights("beacon"), "there is no light such as beacon", True),
        (
            "Other",
            '<VisibilityAction graphics="false" traffic="true" sensors="true"/>',
            "everybody is always to be seen by everything",
            True,
        ),
        (
            "Other",
            "<AppearanceAction><AnimationAction><AnimationType/></AnimationAction></AppearanceAction>",
            "looks and gestures are not played",
            True,
        ),
        (
            "Other",
            f"<ControllerAction>{PEDAL.format('true')}</ControllerAction>",
            "pedals and wheel are not set by hand",
            False,
        ),
        (
            "Other",
            '<ControllerAction><AssignControllerAction activateLateral="true"/></ControllerAction>',
            "a controller of its own drives it there",
            False,
        ),
        ("Other", '<ActivateControllerAction longitudinal="true"/>', "a controller of its own drives it there", True),
    ],
)
def test_an_action_without_words_is_lost_and_may_change_the_story(
    tmp_path: Path, who: str, action: str, why: str, same: bool
) -> None:
    assert of_the_event(tmp_path, who, action) == ([], [("lost", why)], same)


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (aside(""), "LaneOffsetAction: has no offset; want one"),
        (changes_lane("time", 2).replace("RelativeTargetLane", "NoLane"), "LaneChangeTarget: has no lane; want one"),
        (speed("5").replace("AbsoluteTargetSpeed", "NoSpeed"), "SpeedAction: has no target speed; want one"),
    ],
)
def test_an_action_that_does_not_say_where_to_is_a_mistake(tmp_path: Path, action: str, why: str) -> None:
    with pytest.raises(DocumentError, match=why):
        of_the_event(tmp_path, "Other", action)
