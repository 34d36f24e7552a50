"""OpenSCENARIO in: who does what when is the same, what is not is told, and what is wrong is told with its line."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest

from av_synth import scenario
from av_synth.errors import DocumentError
from av_synth.scenario.model import EventSpec, ScenarioModel
from av_synth.scenario.openscenario import Imported, import_file, tree
from tests.scenario.xosc import (
    at,
    by_entity,
    by_value,
    entity,
    event,
    lane,
    lane_change,
    speed,
    start,
    write,
)

BEHIND = (
    '<RelativeDistanceCondition entityRef="Ego" relativeDistanceType="longitudinal" value="5" freespace="true" '
    'rule="lessThan"/>'
)
BRAKES = event("Brakes", "Other", speed("0", dynamics=-6), at(3))


def model(imported: Imported) -> ScenarioModel:
    return imported.scenario.fill(imported.scenario.defaults)


def only(imported: Imported) -> EventSpec:
    (one,) = model(imported).events
    return one


def mistake(path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        import_file(path)
    return str(caught.value)


def test_places_are_those_of_centres_on_the_files_own_map(tmp_path: Path) -> None:
    found = model(import_file(write(tmp_path)))

    ego, other = found.road.pose, found.actors["other"].at.pose
    assert found.road.town == "straight.xodr"
    assert ego is not None
    assert other is not None
    # positions tell the rear axle; the boxes' middles are 1.4 m ahead of it
    assert (ego.x_m, ego.y_m, ego.yaw_deg) == pytest.approx((51.4, -1.75, 0.0), abs=0.01)
    assert (other.x_m, other.y_m) == pytest.approx((91.4, -1.75), abs=0.01)
    assert (found.ego.speed_kmh, found.actors["other"].speed_kmh) == (72.0, 54.0)
    assert found.duration_s == 12


def test_the_map_is_named_from_where_the_yaml_goes_and_found_from_there(tmp_path: Path) -> None:
    target = tmp_path / "ours" / "mine.yaml"
    imported = import_file(write(tmp_path), target)
    target.parent.mkdir()
    target.write_text(imported.text)

    drawn = scenario.draw(scenario.load(str(target)), 0)

    assert imported.scenario.name == "mine"
    assert model(imported).road.town == "../straight.xodr"
    assert Path(drawn.town).resolve() == (tmp_path / "straight.xodr").resolve()


@pytest.mark.parametrize("out", ["Mine.yaml", "mine.yml", "mine", "mine 2.yaml"])
def test_a_name_that_no_scenario_can_have_is_refused_with_one_that_it_can(tmp_path: Path, out: str) -> None:
    with pytest.raises(DocumentError, match=r"--out: got .*; want a scenario's name and .yaml, such as mine"):
        import_file(write(tmp_path), tmp_path / out)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
def test_every_version_is_read(tmp_path: Path, version: str) -> None:
    imported = import_file(write(tmp_path, BRAKES, version=version))

    assert imported.report.version == version
    assert imported.report.same_story
    assert only(imported).do is not None


def test_places_relative_to_others_are_found_along_lanes(tmp_path: Path) -> None:
    near = '<RelativeLanePosition entityRef="Ego" dLane="-1" ds="30" offset="0.5"/>'
    facing = lane(1, 200)
    everybody = entity("Ego") + entity("Other") + entity("Facing")
    init = start("Other", near) + start("Ego", lane(-1, 50)) + start("Facing", facing)
    found = model(import_file(write(tmp_path, entities=everybody, init=init)))

    other, against = found.actors["other"].at.pose, found.actors["facing"].at.pose
    assert other is not None
    assert against is not None
    assert (other.x_m, other.y_m) == pytest.approx((81.4, -4.75), abs=0.01)
    assert (against.x_m, against.y_m) == pytest.approx((198.6, 1.75), abs=0.01)
    assert abs(against.yaw_deg or 0.0) == pytest.approx(180.0)


def test_parameters_and_expressions_are_worked_out(tmp_path: Path) -> None:
    declared = (
        '<ParameterDeclaration name="Kmh" parameterType="double" value="90"/>'
        '<ParameterDeclaration name="Mps" parameterType="double" value="${$Kmh / 3.6}"/>'
    )
    init = start("Ego", lane(-1, 50), "$Mps") + start("Other", lane(-1, 90), "${max(1, $Mps - 5)}")
    path = write(tmp_path, parameters=declared, init=init)

    assert model(import_file(path)).ego.speed_kmh == pytest.approx(90)
    assert model(import_file(path)).actors["other"].speed_kmh == pytest.approx(72)
    assert model(import_file(path, values={"Kmh": "36"})).ego.speed_kmh == pytest.approx(36)


@pytest.mark.parametrize(
    ("target", "do"),
    [
        ('<RelativeTargetLane entityRef="Other" value="1"/>', {"to": "left"}),
        ('<RelativeTargetLane entityRef="Other" value="-2"/>', {"to": "right", "lanes": 2}),
        ('<AbsoluteTargetLane value="-2"/>', {"lane_id": -2}),
        ('<RelativeTargetLane entityRef="Ego" value="1"/>', {"into": "ego", "aside": 1}),
    ],
)
def test_lane_changes_keep_their_target(tmp_path: Path, target: str, do: dict[str, object]) -> None:
    one = only(import_file(write(tmp_path, event("Changes", "Other", lane_change(target), at(2)))))

    assert one.do is not None
    assert one.do.lane_change is not None
    assert one.do.lane_change.model_dump(exclude_unset=True) == {**do, "duration_s": 3.0}


def test_a_lane_change_into_the_egos_lane_is_a_cut_in(tmp_path: Path) -> None:
    target = '<RelativeTargetLane entityRef="Ego" value="0"/>'
    gap = by_entity("Other", BEHIND, edge="rising", delay=0.5)
    one = only(import_file(write(tmp_path, event("CutIn", "Other", lane_change(target), gap))))

    assert one.name == "cut_in"
    assert one.do is not None
    assert one.do.cut_in is not None
    assert one.when.gap_m is not None
    assert (one.when.gap_m.of, one.when.gap_m.to, one.when.gap_m.max) == ("other", "ego", 5.0)
    assert (one.when.anew, one.when.delay_s) == (True, 0.5)


def test_events_wait_for_each_other_and_for_their_act(tmp_path: Path) -> None:
    over = (
        '<StoryboardElementStateCondition storyboardElementType="action" storyboardElementRef="BrakesA" '
        'state="completeState"/>'
    )
    goes = event("Goes", "Other", speed("10"), by_value(over, delay=2))
    moved = by_entity("Ego", '<TraveledDistanceCondition value="30"/>')
    first, second = model(import_file(write(tmp_path, BRAKES, goes, begins=moved))).events

    assert first.when.then is not None
    assert [one.kind for one in first.when.then] == ["travelled_m", "time_s"]
    assert second.when.then is not None
    after = second.when.then[1]
    assert after.after is not None
    assert (after.after.event, after.after.done, after.delay_s) == ("brakes", True, 2.0)


def test_a_pedestrian_told_a_speed_goes_where_it_faces(tmp_path: Path) -> None:
    across = lane(-2, 100, f'<Orientation type="relative" h="{math.pi / 2}"/>')
    everybody = entity("Ego") + entity("Child", "pedestrian")
    init = start("Ego", lane(-1, 50), "10") + start("Child", across)
    one = only(import_file(write(tmp_path, event("Runs", "Child", speed("2"), at(1)), entities=everybody, init=init)))

    assert one.do is not None
    assert one.do.cross is not None
    assert one.do.cross.speed_kmh == pytest.approx(7.2)


def test_trajectories_are_points_of_the_map_with_their_times(tmp_path: Path) -> None:
    points = "".join(
        f'<Vertex time="{time}"><Position><WorldPosition x="{x}" y="{y}"/></Position></Vertex>'
        for time, x, y in ((0, 90, -1.75), (2, 120, -1.75), (4, 150, -5.25))
    )
    line = f'<Trajectory name="t" closed="false"><Shape><Polyline>{points}</Polyline></Shape></Trajectory>'
    timing = '<TimeReference><Timing domainAbsoluteRelative="relative" scale="2" offset="1"/></TimeReference>'
    mode = '<TrajectoryFollowingMode followingMode="position"/>'
    action = f"<RoutingAction><FollowTrajectoryAction>{line}{timing}{mode}</FollowTrajectoryAction></RoutingAction>"
    one = only(import_file(write(tmp_path, event("Follows", "Other", action, at(1)))))

    assert one.do is not None
    assert one.do.follow_course is not None
    # its centre is 1.4 m ahead of the points, along the line
    assert one.do.follow_course.timed == ((1.0, 91.4, -1.75), (5.0, 121.391, -1.912), (9.0, 151.391, -5.412))


def test_nurbs_of_a_quarter_circle_are_round(tmp_path: Path) -> None:
    weights = (1.0, math.sqrt(0.5), 1.0)
    corners = ((10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
    points = "".join(
        f'<ControlPoint weight="{weight}"><Position><WorldPosition x="{x}" y="{y}"/></Position></ControlPoint>'
        for weight, (x, y) in zip(weights, corners, strict=True)
    )
    knots = "".join(f'<Knot value="{value}"/>' for value in (0, 0, 0, 1, 1, 1))
    line = f'<Trajectory name="t" closed="false"><Shape><Nurbs order="3">{points}{knots}</Nurbs></Shape></Trajectory>'
    rest = '<TimeReference><None/></TimeReference><TrajectoryFollowingMode followingMode="follow"/>'
    action = f"<RoutingAction><FollowTrajectoryAction>{line}{rest}</FollowTrajectoryAction></RoutingAction>"
    one = only(import_file(write(tmp_path, event("Follows", "Other", action, at(1)))))

    assert one.do is not None
    assert one.do.follow_course is not None
    centre = round(math.hypot(10.0, 1.4), 1)  # the points are those of the rear axle
    assert {round(math.hypot(x, y), 1) for x, y in one.do.follow_course.line} == {centre}


def test_what_has_no_words_is_told_and_said_to_change_the_story(tmp_path: Path) -> None:
    action = (
        '<LateralAction><LateralDistanceAction entityRef="Ego" distance="2" freespace="true" continuous="true"/>'
        "</LateralAction>"
    )
    imported = import_file(write(tmp_path, BRAKES, event("Beside", "Other", action, at(5))))

    assert not imported.report.same_story
    (lost,) = [entry for entry in imported.report.entries if entry.changes]
    assert lost.what == "LateralAction"
    assert lost.where.startswith(f"{tmp_path}/their_scenario.xosc:")
    assert "LateralDistanceAction" in lost.why
    assert [one.name for one in model(imported).events] == ["brakes"]
    assert "LOST, changes who does what" in imported.text


def test_an_element_nobody_knows_is_never_dropped_silently(tmp_path: Path) -> None:
    teleports = event("Odd", "Other", "<DanceAction/>", at(2))
    report = import_file(write(tmp_path, teleports)).report

    assert any("DanceAction" in entry.why for entry in report.of("lost"))
    assert not report.same_story


def test_without_the_map_lanes_are_kept_as_road_lane_and_s(tmp_path: Path) -> None:
    imported = import_file(write(tmp_path, town="Town04"))
    found = model(imported)

    assert "Town04" in imported.report.needs
    assert found.road.pose is not None
    assert (found.road.pose.road_id, found.road.pose.lane_id, found.road.pose.s_m) == (7, -1, 51.4)


def test_world_positions_of_files_made_for_carla_are_mirrored(tmp_path: Path) -> None:
    place = f'<WorldPosition x="100" y="50" z="0" h="{math.pi / 2}"/>'
    init = start("Ego", place) + start("Other", place.replace("100", "120"))
    found = model(import_file(write(tmp_path, init=init, town="Town01", description="CARLA:Two")))

    assert found.road.pose is not None
    assert (found.road.pose.x_m, found.road.pose.y_m, found.road.pose.yaw_deg) == (100.0, -50.0, -90.0)


def test_catalogs_are_found_from_the_file_and_their_parameters_set(tmp_path: Path) -> None:
    (tmp_path / "cars").mkdir()
    (tmp_path / "cars" / "any.xosc").write_text(
        '<OpenSCENARIO><FileHeader revMajor="1" revMinor="0"/><Catalog name="Cars"><Vehicle name="big" '
        'vehicleCategory="$Kind"><ParameterDeclarations><ParameterDeclaration name="Kind" parameterType="string" '
        'value="car"/></ParameterDeclarations></Vehicle></Catalog></OpenSCENARIO>'
    )
    reference = (
        '<ScenarioObject name="Other"><CatalogReference catalogName="Cars" entryName="big"><ParameterAssignments>'
        '<ParameterAssignment parameterRef="Kind" value="truck"/></ParameterAssignments></CatalogReference>'
        "</ScenarioObject>"
    )
    catalogs = '<VehicleCatalog><Directory path="cars"/></VehicleCatalog>'
    path = write(tmp_path, entities=entity("Ego") + reference, catalogs=catalogs)

    assert model(import_file(path)).actors["other"].body == "truck"
    wrong = mistake(write(tmp_path, entities=entity("Ego") + reference.replace('"big"', '"bug"'), catalogs=catalogs))
    assert "their_scenario.xosc:10" in wrong
    assert "did you mean 'big'?" in wrong


def test_a_catalog_that_is_not_there_is_told_and_the_vehicle_guessed(tmp_path: Path) -> None:
    reference = (
        '<ScenarioObject name="Other"><CatalogReference catalogName="Cars" entryName="truck_1"/></ScenarioObject>'
    )
    imported = import_file(write(tmp_path, entities=entity("Ego") + reference))

    assert model(imported).actors["other"].body == "truck"
    assert any("there is no catalog 'Cars'" in entry.why for entry in imported.report.of("nearly"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("</OpenSCENARIO>", ""), "is not well-formed XML"),
        (('revMajor="1"', 'revMajor="3"'), ":3: FileHeader: got version 3.1; want one of 1.0, 1.1, 1.2, 1.3"),
        (("<OpenSCENARIO>", "<!DOCTYPE x [<!ENTITY a 'b'>]><OpenSCENARIO>"), ":2: declares a document type"),
        (('entityRef="Other"', 'entityRef="Othr"'), "there is no entity 'Othr'"),
        (('s="50"', 's="fifty"'), ":15: LanePosition.s: got 'fifty'; want a number"),
        (('laneId="-1"', 'laneId="1e99"'), "LanePosition.laneId: got '1e99'; want a whole number"),
        (("straight.xodr", "crooked.xodr"), "want the map beside the scenario"),
        (('vehicleCategory="car"', 'vehicleCategory="trailer"'), "no vehicle that could carry the sensors"),
        (("<Storyboard>", "<Storybored>"), "is not well-formed XML: mismatched tag"),
        (('value="20"', 'value="$Fast"'), "there is no parameter 'Fast'"),
        (('value="20"', 'value="${20 / 0}"'), "'${20 / 0}' has no value"),
        (('value="20"', 'value="${().x}"'), "has no value"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = write(tmp_path, BRAKES)
    path.write_text(path.read_text().replace(*change))

    assert message in mistake(path)


def test_parameters_that_follow_from_themselves_are_told(tmp_path: Path) -> None:
    pair = (("A", "$B"), ("B", "${$A + 1}"))
    declared = "".join(
        f'<ParameterDeclaration name="{name}" parameterType="double" value="{value}"/>' for name, value in pair
    )

    assert "follows from itself: A -> B -> A; want no circle" in mistake(write(tmp_path, parameters=declared))


def test_values_that_break_their_constraints_are_told(tmp_path: Path) -> None:
    declared = (
        '<ParameterDeclaration name="A" parameterType="double" value="70"><ConstraintGroup>'
        '<ValueConstraint rule="lessOrEqual" value="60"/></ConstraintGroup></ParameterDeclaration>'
    )

    assert "got '70'; want lessOrEqual 60" in mistake(write(tmp_path, parameters=declared))


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("<Catalog name='a'/>", "is a catalog; want a scenario"),
        ("<ParameterValueDistribution/>", "varies another file's parameters"),
        ("", "has no Storyboard"),
    ],
)
def test_other_kinds_of_files_are_told_apart(tmp_path: Path, inside: str, message: str) -> None:
    path = tmp_path / "a.xosc"
    path.write_text(f'<OpenSCENARIO><FileHeader revMajor="1" revMinor="1"/>{inside}</OpenSCENARIO>')

    assert message in mistake(path)


def test_a_manoeuvre_of_a_catalog_that_is_not_there_is_lost_and_changes_the_story(tmp_path: Path) -> None:
    reference = '<CatalogReference catalogName="Manoeuvres" entryName="overtakes"/>'
    group = (
        '<ManeuverGroup maximumExecutionCount="1" name="G"><Actors selectTriggeringEntities="false">'
        f'<EntityRef entityRef="Other"/></Actors>{reference}</ManeuverGroup>'
    )
    report = import_file(write(tmp_path, group)).report

    (lost,) = [entry for entry in report.entries if entry.changes]
    assert lost.what == "CatalogReference 'overtakes'"
    assert "there is no catalog 'Manoeuvres'" in lost.why


def test_who_is_taken_away_at_the_start_and_never_comes_back_is_left_out(tmp_path: Path) -> None:
    away = '<GlobalAction><EntityAction entityRef="Other"><DeleteEntityAction/></EntityAction></GlobalAction>'
    init = start("Ego", lane(-1, 50), "20") + start("Other", lane(-1, 90), "15") + away
    follows = event("Goes", "Ego", speed("9"), by_entity("Other", BEHIND))
    imported = import_file(write(tmp_path, BRAKES, follows, init=init))

    assert model(imported).actors == {}
    assert model(imported).events == ()
    assert {entry.why for entry in imported.report.of("lost")} == {
        "it is never there",
        "it is about somebody who is never there",
    }
    assert imported.report.same_story


def test_values_that_double_each_other_have_an_end(tmp_path: Path) -> None:
    names = "abcdefghijklmnop"
    declared = '<ParameterDeclaration name="a" parameterType="string" value="xxxxxxxx"/>' + "".join(
        f'<ParameterDeclaration name="{two}" parameterType="string" value="${one}${one}"/>'
        for one, two in pairwise(names)
    )

    assert "comes to more than 10000 characters" in mistake(write(tmp_path, parameters=declared))


def test_a_route_that_goes_by_itself_is_a_mistake(tmp_path: Path) -> None:
    reference = '<CatalogReference catalogName="routes" entryName="round"/>'
    by_itself = (
        f"<RoutePosition><RouteRef>{reference}</RouteRef>"
        '<InRoutePosition><FromLaneCoordinates pathS="3" laneId="-1"/></InRoutePosition></RoutePosition>'
    )
    waypoint = f'<Waypoint routeStrategy="shortest"><Position>{by_itself}</Position></Waypoint>'
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "routes.xosc").write_text(
        f'<OpenSCENARIO><Catalog name="routes"><Route name="round" closed="false">{waypoint * 2}</Route></Catalog>'
        "</OpenSCENARIO>"
    )
    catalogs = '<RouteCatalog><Directory path="routes"/></RouteCatalog>'

    found = mistake(write(tmp_path, init=start("Ego", lane(-1, 50)) + start("Other", by_itself), catalogs=catalogs))

    assert found.endswith("what it refers to refers to itself, or goes too deep; want no circle")


def test_a_file_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path)
    monkeypatch.setattr(tree, "MAX_ELEMENTS", 20)

    assert "has more than 20 elements; want fewer" in mistake(path)


SETS = (
    '<ManeuverGroup maximumExecutionCount="1" name="G"><Actors selectTriggeringEntities="false"/><Maneuver name="M">'
    '<Event name="Sets" priority="override"><Action name="A"><GlobalAction><ParameterAction parameterRef="Go">'
    '<SetAction value="2"/></ParameterAction></GlobalAction></Action><StartTrigger><ConditionGroup>'
    f"{at(4)}</ConditionGroup></StartTrigger></Event></Maneuver></ManeuverGroup>"
)


@pytest.mark.parametrize(
    ("limit", "when"),
    [
        ("1", {"time_s": 4.0}),
        ("0", {"time_s": 0.0}),
    ],
)
def test_a_parameter_that_an_event_sets_is_told_by_that_event(
    tmp_path: Path, limit: str, when: dict[str, object]
) -> None:
    asked = by_value(f'<ParameterCondition parameterRef="Go" value="{limit}" rule="greaterThan"/>')
    declared = '<ParameterDeclaration name="Go" parameterType="integer" value="1"/>'
    imported = import_file(write(tmp_path, event("Slows", "Other", speed("3"), asked), SETS, parameters=declared))

    assert only(imported).when.model_dump(exclude_unset=True) == when
    assert imported.report.same_story
    assert imported.report.of("lost") == []


@pytest.mark.parametrize(("who", "same"), [("Other", True), ("Ego", False)])
def test_who_triggers_is_not_asked_where_only_who_acts_can(tmp_path: Path, who: str, same: bool) -> None:
    slow = '<SpeedCondition value="9" rule="lessThan"/>'
    chosen = event("Slows", "Other", speed("3"), by_entity(who, slow)).replace('Entities="false', 'Entities="true')

    assert import_file(write(tmp_path, chosen)).report.same_story == same
