"""Details of OpenSCENARIO files that are easily lost: delays, names, orders, weather, and what does not go out."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth import documents, scenario
from av_synth.scenario.model import ScenarioModel
from av_synth.scenario.openscenario import export, import_file
from tests.scenario.xosc import (
    at,
    by_entity,
    by_value,
    course,
    entity,
    event,
    lane,
    lane_change,
    speed,
    start,
    write,
)

EGO = start("Ego", lane(-1, 50), "20")


def imported(file: Path) -> ScenarioModel:
    return import_file(file).scenario.fill({})


def after(ref: str) -> str:
    return by_value(
        f'<StoryboardElementStateCondition storyboardElementType="event" storyboardElementRef="{ref}" '
        'state="startTransition"/>'
    )


def test_delays_of_who_sets_a_value_and_who_asks_for_it_add_up(tmp_path: Path) -> None:
    setting = '<GlobalAction><ParameterAction parameterRef="p"><SetAction value="1"/></ParameterAction></GlobalAction>'
    late = by_value('<SimulationTimeCondition value="3" rule="greaterThan"/>', 2.0)
    sets = event("Sets", "Other", "@", late).replace("<PrivateAction>@</PrivateAction>", setting)
    asks = by_value('<ParameterCondition parameterRef="p" rule="equalTo" value="1"/>', 1.0)
    declared = '<ParameterDeclaration name="p" parameterType="integer" value="0"/>'

    (only,) = imported(write(tmp_path, sets, event("Goes", "Other", speed("9"), asks), parameters=declared)).events

    assert (only.when.time_s, only.when.delay_s) == (3, 3)


@pytest.mark.parametrize(("ref", "first"), [("GoG::GoM::Go", "go"), ("TooG::GoM::Go", "go_2"), ("TooG/GoM:Go", "go_2")])
def test_a_name_with_those_around_it_means_that_one(tmp_path: Path, ref: str, first: str) -> None:
    two = event("Go", "Other", speed("5"), at(3)) + event("Go", "Ego", speed("5"), at(6)).replace('"GoG"', '"TooG"')

    found = imported(write(tmp_path, two, event("Then", "Other", speed("9"), after(ref))))

    assert found.events[-1].when.after is not None
    assert found.events[-1].when.after.event == first


def test_a_name_of_several_is_told(tmp_path: Path) -> None:
    two = event("Go", "Other", speed("5"), at(3)) + event("Go", "Ego", speed("5"), at(6)).replace('"GoG"', '"TooG"')

    report = import_file(write(tmp_path, two, event("Then", "Other", speed("9"), after("Go")))).report

    assert any("'Go' is the name of 2 parts" in entry.why for entry in report.of("lost"))
    assert not report.same_story


@pytest.mark.parametrize(("lanes", "seconds"), [(-1, 3.5), (-2, 7.0)])
def test_a_lane_change_by_rate_takes_as_long_as_it_is_wide(tmp_path: Path, lanes: int, seconds: float) -> None:
    action = lane_change(f'<RelativeTargetLane entityRef="Other" value="{lanes}"/>').replace(
        'dynamicsShape="sinusoidal" dynamicsDimension="time" value="3.0"',
        'dynamicsShape="linear" dynamicsDimension="rate" value="1"',
    )

    (only,) = imported(write(tmp_path, event("Goes", "Other", action, at(3)))).events

    assert only.do is not None
    assert only.do.lane_change is not None
    assert only.do.lane_change.duration_s == seconds


@pytest.mark.parametrize(
    ("sky", "why"),
    [
        ('cloudState="free"><Precipitation precipitationType="snow" precipitationIntensity="5"/', "snow falls as rain"),
        ('fractionalCloudCover="nineOktas"><Fog visualRange="50"/', "a sky that is not to be seen"),
    ],
)
def test_weather_that_is_only_nearly_so_is_told(tmp_path: Path, sky: str, why: str) -> None:
    weather = f'<Environment name="e"><Weather {sky}></Weather></Environment>'
    first = f"<GlobalAction><EnvironmentAction>{weather}</EnvironmentAction></GlobalAction>"

    report = import_file(write(tmp_path, init=first + EGO)).report

    assert any(entry.why.startswith(why) for entry in report.entries)


def test_places_at_the_start_are_found_in_whatever_order_they_are_told_by_each_other(tmp_path: Path) -> None:
    names = [f"C{number}" for number in range(8)]
    placed = "".join(
        start(name, f'<RelativeLanePosition entityRef="{other}" dLane="0" ds="10" offset="0"/>')
        for name, other in zip(names, [*names[1:], "New"], strict=True)
    )
    new = (
        f'<GlobalAction><EntityAction entityRef="New"><AddEntityAction><Position>{lane(-1, 90)}</Position>'
        "</AddEntityAction></EntityAction></GlobalAction>"
    )
    everybody = "".join(entity(name) for name in ("Ego", "New", *names))

    found = imported(write(tmp_path, entities=everybody, init=placed + EGO + new))

    assert {name: actor.at.pose.x_m for name, actor in found.actors.items() if actor.at.pose} == {
        "new": 91.4,
        **{f"c{number}": 171.4 - 10 * number for number in range(8)},
    }


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("when: {none: [{gap_m: 10, for_s: 3}]}, do: {brake: {deceleration_mps2: 3}}", "of its own"),
        ("when: {none: [{time_s: 3, delay_s: 2}]}, do: {brake: {deceleration_mps2: 3}}", "of its own"),
        ("when: {none: [{speed_kmh: 20, anew: true}]}, do: {brake: {deceleration_mps2: 3}}", "of its own"),
        ("when: {time_s: 2}, do: {lights: {on: []}}", "none of its lights is ever on"),
    ],
)
def test_what_would_go_out_as_something_else_is_lost(told: str, why: str) -> None:
    text = (
        "name: small\ndescription: x\nduration_s: 10\nroad: {town: AvSynth01, length_m: 150, lanes: 2}\n"
        "ego: {speed_kmh: 30}\nactors:\n  other: {body: car, speed_kmh: 30, at: {ahead_m: 20}}\n"
        f"events:\n  - {{actor: other, {told}}}\n"
    )
    small = scenario.scenario.from_document(documents.parse(text, "small.yaml"))

    report = export(scenario.draw(small, 1), small.document).report

    assert any(why in entry.why for entry in report.of("lost"))


def place_within(metres: float) -> str:
    return by_entity(
        "Ego",
        f'<DistanceCondition value="{metres}" freespace="false" rule="lessThan"><Position>{lane(-1, 100)}</Position>'
        "</DistanceCondition>",
    )


FASTER = speed("5").replace(
    '<AbsoluteTargetSpeed value="5"/>',
    '<RelativeTargetSpeed entityRef="Ego" value="100" speedTargetValueType="delta" continuous="false"/>',
)
ONE_POINT = course(f"<Polyline><Vertex><Position>{lane(-1, 100)}</Position></Vertex></Polyline>")


@pytest.mark.parametrize(
    ("action", "condition", "why"),
    [
        (speed("5"), place_within(2000), "want more than 0 and at most 1000"),
        (FASTER, at(3), "want -200 to 200"),
        (lane_change('<RelativeTargetLane entityRef="Other" value="7"/>'), at(3), "want 1 to 6"),
        (ONE_POINT, at(3), "with two points or more"),
    ],
)
def test_what_the_language_refuses_is_lost_by_itself(tmp_path: Path, action: str, condition: str, why: str) -> None:
    file = write(tmp_path, event("Bad", "Other", action, condition), event("Good", "Other", speed("9"), at(4)))

    found = import_file(file)

    (lost,) = found.report.of("lost")
    assert why in lost.why
    assert (lost.what, lost.changes) == ("Event 'Bad'", True)
    assert [one.name for one in found.scenario.fill({}).events] == ["good"]


def test_more_events_than_a_scenario_can_have_are_lost_and_told(tmp_path: Path) -> None:
    found = import_file(write(tmp_path, *(event(f"E{number}", "Other", speed("5"), at(3)) for number in range(310))))

    assert len(found.scenario.fill({}).events) == 300
    assert len(found.report.of("lost")) == 10


@pytest.mark.parametrize(
    ("first", "second", "when"),
    [
        (at(100), at(4), {"time_s": 4.0}),
        (at(100), at(200), None),
        (by_value('<SimulationTimeCondition value="100" rule="lessThan"/>'), at(4), {"time_s": 0.0}),
        (by_value('<SimulationTimeCondition value="100" rule="lessThan"/>', 2.0), at(100), {"time_s": 0, "delay_s": 2}),
    ],
)
def test_times_after_the_end_are_never(tmp_path: Path, first: str, second: str, when: dict[str, float] | None) -> None:
    either = event("Goes", "Other", speed("5"), f"{first}</ConditionGroup><ConditionGroup>{second}")

    found = [one.when.model_dump(exclude_defaults=True) for one in imported(write(tmp_path, either)).events]

    assert found == ([] if when is None else [when])


@pytest.mark.parametrize(("town", "named"), [("map.osm", "unknown"), ("straight.XODR", "straight.XODR")])
def test_maps_are_known_by_their_names_endings(tmp_path: Path, town: str, named: str) -> None:
    file = write(tmp_path, town=town)
    (tmp_path / "straight.xodr").rename(tmp_path / "straight.XODR")

    assert imported(file).road.town == named


TIMING = '<Timing domainAbsoluteRelative="relative" scale="1" offset="0"/>'


def vertices(*times: float | None) -> str:
    clocks = ["" if time is None else f' time="{time}"' for time in times]
    places = [f"<Position>{lane(-1, 100 + 20 * number)}</Position>" for number in range(len(times))]
    inside = [f"<Vertex{clock}>{place}</Vertex>" for clock, place in zip(clocks, places, strict=True)]
    return f"<Polyline>{''.join(inside)}</Polyline>"


def test_a_closed_line_leads_back_to_its_beginning(tmp_path: Path) -> None:
    action = course(vertices(None, None, None), closed="true")

    (only,) = imported(write(tmp_path, event("Goes", "Other", action, at(3)))).events

    assert only.do is not None
    assert only.do.follow_course is not None
    assert [round(x) for x, _ in only.do.follow_course.line] == [101, 121, 139, 99]


@pytest.mark.parametrize(
    ("action", "condition", "why"),
    [
        (course(vertices(0, None, 9), TIMING), at(3), "not all points of its line have times"),
        (course(vertices(0, 4, 9), TIMING, "true"), at(3), "does not go back to where its line begins"),
        (
            speed("5"),
            by_entity("Ego", '<AccelerationCondition value="2" rule="greaterThan" direction="lateral"/>'),
            "an acceleration that is lateral has no words",
        ),
    ],
)
def test_what_was_dropped_is_told(tmp_path: Path, action: str, condition: str, why: str) -> None:
    report = import_file(write(tmp_path, event("Goes", "Other", action, condition), version="1.2")).report

    assert any(why in entry.why for entry in report.entries)
