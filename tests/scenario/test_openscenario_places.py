"""Places of OpenSCENARIO: everybody is where the file says, from when it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth.scenario.exact import Pose
from av_synth.scenario.model import ScenarioModel
from av_synth.scenario.openscenario import import_file
from tests.scenario.xosc import at, by_entity, course, event, lane, speed, start, write

EGO = start("Ego", lane(-1, 50), "20")
BACK = '<Orientation type="relative" h="3.14159"/>'
MIDDLE_M = 1.4  # the centres of these cars ahead of their rear axles


def imported(file: Path) -> ScenarioModel:
    return import_file(file).scenario.fill({})


def teleport(position: str) -> str:
    return f"<TeleportAction><Position>{position}</Position></TeleportAction>"


def xy(pose: Pose | None) -> tuple[float | None, float | None]:
    assert pose is not None
    return pose.x_m, pose.y_m


def test_who_first_comes_later_is_not_there_before(tmp_path: Path) -> None:
    comes = event("Comes", "Other", teleport(lane(-2, 200)), at(5))

    found = imported(write(tmp_path, comes, init=EGO))

    assert found.actors["other"].absent
    (only,) = found.events
    assert only.when.time_s == 5
    assert only.do is not None
    assert only.do.appear is not None


def test_who_comes_again_is_there_from_the_start(tmp_path: Path) -> None:
    found = imported(write(tmp_path, event("Comes", "Other", teleport(lane(-2, 200)), at(5))))

    assert not found.actors["other"].absent


def test_an_ego_that_comes_later_is_there_from_the_start_and_that_is_told(tmp_path: Path) -> None:
    comes = event("Comes", "Ego", teleport(lane(-2, 200)), at(5))

    found = import_file(write(tmp_path, comes, init=start("Other", lane(-1, 90))))

    assert xy(found.scenario.fill({}).road.pose) == (200 + MIDDLE_M, -5.25)
    assert any("from the start" in entry.why for entry in found.report.of("nearly"))


VERTICES = "".join(
    f'<Vertex><Position><WorldPosition x="{x}" y="{y}"/></Position></Vertex>'
    for x, y in ((90, -2), (120, -2), (120, 8))
)
SYNCHRONISE = (
    f'<SynchronizeAction masterEntityRef="Ego"><TargetPositionMaster>{lane(-1, 150)}</TargetPositionMaster>'
    f"<TargetPosition>{lane(1, 160)}</TargetPosition></SynchronizeAction>"
)
WORLD = '<WorldPosition x="150" y="-1.75"/>'
ROUTE = '<RoutingAction><AcquirePositionAction><Position><WorldPosition x="200" y="-2"/></Position>' + (
    "</AcquirePositionAction></RoutingAction>"
)


@pytest.mark.parametrize(
    ("action", "places"),
    [
        (teleport(lane(-2, 200)), [(200 + MIDDLE_M, -5.25)]),
        (teleport(lane(1, 200)), [(200 - MIDDLE_M, 1.75)]),
        (SYNCHRONISE, [(150 + MIDDLE_M, -1.75), (160 - MIDDLE_M, 1.75)]),
        (ROUTE, [(200 + MIDDLE_M, -2)]),
        (course(f"<Polyline>{VERTICES}</Polyline>"), [(90 + MIDDLE_M, -2), (120, -2 + MIDDLE_M), (120, 8 + MIDDLE_M)]),
    ],
)
def test_places_in_the_story_are_those_of_centres_too(
    tmp_path: Path, action: str, places: list[tuple[float, float]]
) -> None:
    (only,) = imported(write(tmp_path, event("Goes", "Other", action, at(3)))).events

    do = only.do
    assert do is not None
    found = [
        *([xy(do.appear.at)] if do.appear else ()),
        *([xy(do.arrive_together.who_at), xy(do.arrive_together.at)] if do.arrive_together else ()),
        *(xy(one) for one in (do.take_route.through if do.take_route else ())),
        *(do.follow_course.line if do.follow_course else ()),
    ]
    assert [point for pair in found for point in pair] == pytest.approx([point for pair in places for point in pair])


@pytest.mark.parametrize("position", [lane(-1, 150), WORLD])
def test_a_place_that_is_reached_is_reached_by_the_centre(tmp_path: Path, position: str) -> None:
    reach = f'<ReachPositionCondition tolerance="1"><Position>{position}</Position></ReachPositionCondition>'

    (only,) = imported(write(tmp_path, event("Goes", "Other", speed("5"), by_entity("Other", reach)))).events

    assert only.when.near is not None
    assert xy(only.when.near.at) == (150 + MIDDLE_M, -1.75)


def test_a_course_told_by_who_drives_it_begins_at_its_centre(tmp_path: Path) -> None:
    vertices = "".join(
        f'<Vertex><Position><RelativeObjectPosition entityRef="Other" dx="{x}" dy="0"/></Position></Vertex>'
        for x in (0, 30)
    )

    (only,) = imported(
        write(tmp_path, event("Goes", "Other", course(f"<Polyline>{vertices}</Polyline>"), at(3)))
    ).events

    assert only.do is not None
    assert only.do.follow_course is not None
    assert only.do.follow_course.line == ((0, 0), (30, 0))


def on_route(place: str) -> str:
    stops = "".join(
        f'<Waypoint routeStrategy="shortest"><Position>{lane(-1, s)}</Position></Waypoint>' for s in (50, 100, 150, 250)
    )
    route = f'<RouteRef><Route name="r" closed="false">{stops}</Route></RouteRef>'
    return f"<RoutePosition>{route}<InRoutePosition>{place}</InRoutePosition></RoutePosition>"


@pytest.mark.parametrize(
    ("ego", "other", "place"),
    [
        (lane(-1, 50), on_route('<FromLaneCoordinates pathS="180" laneId="-1" laneOffset="0"/>'), (231.4, -1.75)),
        (lane(-1, 50), on_route('<FromLaneCoordinates pathS="30" laneId="-2" laneOffset="1"/>'), (81.4, -4.25)),
        (lane(-1, 50), on_route('<FromRoadCoordinates pathS="30" t="-5"/>'), (81.4, -5)),
        (lane(1, 50), '<RelativeRoadPosition entityRef="Ego" ds="10" dt="1"/>', (38.6, 2.75)),
        (lane(1, 50, BACK), '<RelativeRoadPosition entityRef="Ego" ds="10" dt="1"/>', (61.4, 2.75)),
        (lane(-1, 50), '<RelativeRoadPosition entityRef="Ego" ds="10" dt="-3.5"/>', (61.4, -5.25)),
        (lane(-1, 50, BACK), '<RelativeRoadPosition entityRef="Ego" ds="10" dt="-3.5"/>', (38.6, -5.25)),
        (lane(-1, 50), '<RoadPosition roadId="7" s="80" t="-2"/>', (81.4, -2)),
    ],
)
def test_positions_by_road_and_route_count_as_the_road_runs(
    tmp_path: Path, ego: str, other: str, place: tuple[float, float]
) -> None:
    found = imported(write(tmp_path, init=start("Ego", ego, "20") + start("Other", other)))

    assert xy(found.actors["other"].at.pose) == pytest.approx(place, abs=0.02)


def test_a_road_position_counts_from_the_reference_line_not_from_the_middle_of_lanes(tmp_path: Path) -> None:
    other = start("Other", '<RoadPosition roadId="7" s="80" t="-2"/>')
    file = write(tmp_path, init=EGO + other)
    road = tmp_path / "straight.xodr"
    road.write_text(road.read_text().replace("<lanes>", '<lanes><laneOffset s="0" a="3" b="0" c="0" d="0"/>'))

    assert xy(imported(file).actors["other"].at.pose) == pytest.approx((81.4, -2.0), abs=0.02)
