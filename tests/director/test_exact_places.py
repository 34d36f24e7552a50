"""Poses on a named map, ways through places, and coming and going, on the embedded simulator with a straight road."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import carla
import numpy as np
import pytest

from av_synth import documents, scenario
from av_synth.director import Director, find_places
from av_synth.director.footprints import footprint
from av_synth.director.roads.features import entrances
from av_synth.director.roads.new_lines import through
from av_synth.director.roads.poses import locate
from av_synth.director.roads.routes import heading_rad, position
from av_synth.director.roads.starts import known
from av_synth.director.stage import staging
from av_synth.director.stage.casting import Size
from av_synth.director.stage.entrances import appear, vanish
from av_synth.director.stage.spots import farthest_m, spots
from av_synth.director.stage.staging import own_way, put_on_stage
from av_synth.errors import CastError, DocumentError, SpawnError
from av_synth.launch import Address, launch_embedded
from av_synth.log.state import WorldState
from av_synth.run.execute import execute
from av_synth.run.generate import plan
from av_synth.run.spec import RunSpec, Skipped
from av_synth.scenario import ConcreteScenario
from av_synth.scenario.exact import Pose
from av_synth.scenario.road import Road
from av_synth.scenario.scenario import from_document
from av_synth.session import Session, open_session
from tests.director.played import begin
from tests.straight_road import LANE, straight_road

TICK_US = 50_000
STRAIGHT = straight_road(right=2)
EXACT = """road: {town: straight.xodr, length_m: 300, curve: any, pose: {road_id: 7, lane_id: -1, s_m: 3}}
ego: {speed_kmh: 90}
actors:
  slower: {body: car, speed_kmh: 36, at: {pose: {road_id: 7, lane_id: -1, s_m: 40}}}
  passing: {body: car, speed_kmh: 108, at: {pose: {x_m: 50, y_m: -1.5, yaw_deg: 0}}}
  wrong: {body: van, speed_kmh: 54, at: {pose: {road_id: 7, lane_id: -2, s_m: 200, yaw_deg: 180}}}
  child: {body: child, at: {pose: {x_m: 60, y_m: -11, yaw_deg: 90}}}
  cone: {body: cone, at: {pose: {road_id: 7, s_m: 120, offset_m: 6}}}
  later: {body: car, speed_kmh: 36, absent: true, at: {pose: {road_id: 7, lane_id: 1, s_m: 300}}}
"""
LATER = """events:
  - {when: {speed_kmh: {of: cone, min: 1}}, actor: later, do: {appear: {at: {road_id: 7, lane_id: 1, s_m: 300}}}}
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with launch_embedded("AvSynth01", tmp_path_factory.mktemp("log") / "simulator.log") as found:
        yield found


@pytest.fixture(scope="module")
def town(address: Address, tmp_path_factory: pytest.TempPathFactory) -> carla.Map:
    with open_session(address, "AvSynth01", TICK_US, 0, tmp_path_factory.mktemp("cache")) as session:
        return session.map


@pytest.fixture(scope="module")
def straight() -> carla.Map:
    return carla.Map("straight", STRAIGHT)


def drawn(folder: Path, text: str = EXACT, later: str = LATER) -> ConcreteScenario:
    folder.mkdir(exist_ok=True)
    (folder / "straight.xodr").write_text(STRAIGHT)
    head = "name: exact\ndescription: everybody has a pose\nduration_s: 2\n"
    events = later if "later:" in text else ""
    return scenario.draw(from_document(documents.parse(head + text + events, str(folder / "exact.yaml"))), 0)


def by_role(state: WorldState) -> dict[str, int]:
    return {info.role: actor_id for actor_id, info in state.infos.items()}


def test_everybody_is_at_their_pose_at_their_speed_at_time_zero_though_no_run_up_could_lead_there(
    address: Address, tmp_path: Path
) -> None:
    concrete = drawn(tmp_path)
    with open_session(address, concrete.town or "", TICK_US, 0, tmp_path) as session:
        state = begin(Director(concrete, session), session)
    who = by_role(state)
    found = {role: footprint(state, actor_id) for role, actor_id in who.items()}
    # x, y, yaw, km/h
    wanted = {
        "ego": (3, -1.75, 0, 90),
        "slower": (40, -1.75, 0, 36),
        "passing": (50, -1.5, 0, 108),
        "wrong": (200, -5.25, 180, 54),
        "child": (60, -11, 90, 0),
        "cone": (120, 6, 0, 0),
    }

    assert set(who) == set(wanted)
    for role, (x, y, yaw_deg, kmh) in wanted.items():
        assert found[role].centre_m[:2] == pytest.approx([x, y], abs=0.03), role
        assert math.remainder(found[role].yaw_rad - math.radians(yaw_deg), math.tau) == pytest.approx(0, abs=0.01)
        assert np.hypot(*found[role].velocity_mps[:2]) == pytest.approx(kmh / 3.6, abs=0.2)


def test_who_is_absent_comes_is_put_elsewhere_and_goes(address: Address, tmp_path: Path) -> None:
    concrete = drawn(tmp_path)
    with open_session(address, concrete.town or "", TICK_US, 0, tmp_path) as session:
        session.tick()
        cast = put_on_stage(concrete, session)
        counts = [len(session.tick().actors)]
        came = appear(concrete, session, cast, "later", Pose(road_id=7, lane_id=1, s_m=250.0))
        state = session.tick()
        counts.append(len(state.actors))
        places = [footprint(state, came.actor.id)]
        moved = appear(concrete, session, cast, "later", Pose(x_m=100.0, y_m=-5.25, yaw_deg=0.0))
        state = session.tick()
        places.append(footprint(state, moved.actor.id))
        vanish(session, moved)
        vanish(session, moved)
        counts.append(len(session.tick().actors))

    assert counts == [6, 7, 6]
    assert moved.actor.id == came.actor.id
    assert cast.members["later"] is moved
    # a tick at 10 m/s after each
    assert places[0].centre_m[:2] == pytest.approx([249.5, 1.75], abs=0.05)
    assert places[1].centre_m[:2] == pytest.approx([100.5, -5.25], abs=0.05)
    assert places[1].velocity_mps[:2] == pytest.approx([10.0, 0.0], abs=0.2)
    assert moved.path.heading_rad(0.0) == pytest.approx(0.0, abs=1e-6)


def test_a_run_on_a_map_out_of_a_file_is_the_same_wherever_the_file_is_and_another_once_it_changed(
    address: Address, tmp_path: Path
) -> None:
    here, there, changed = (drawn(tmp_path / name) for name in ("a", "b", "c"))
    map_file = Path(changed.town or "")
    map_file.write_text(STRAIGHT.replace('length="400"', 'length="401"'))

    found = [execute(RunSpec(each, None), address, wanted=lambda *_: False) for each in (here, there, changed)]

    assert all(isinstance(each, Skipped) for each in found)
    assert found[0].run_id == found[1].run_id != found[2].run_id


def test_a_map_that_is_not_there_is_told_with_the_line_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "exact.yaml"
    file.write_text("name: exact\ndescription: nowhere\nduration_s: 2\n" + EXACT + LATER)

    with pytest.raises(
        DocumentError, match=r"exact.yaml:4: road.town: got 'straight.xodr', and there is no file .*want"
    ):
        plan(str(file), None, 0, {})
    with pytest.raises(DocumentError, match=r"--town: got 'other.xodr', and there is no such file; want"):
        plan(str(file), None, 0, {}, town="other.xodr")


def test_places_by_numbers_of_a_road_and_by_coordinates_are_the_same(straight: carla.Map) -> None:
    for by_road, by_xy in (
        (Pose(road_id=7, lane_id=-2, s_m=80.0, offset_m=0.5), Pose(x_m=80.0, y_m=-4.75, yaw_deg=0.0)),
        (Pose(road_id=7, lane_id=1, s_m=80.0, offset_m=0.5, yaw_deg=10.0), Pose(x_m=80.0, y_m=2.25, yaw_deg=-170.0)),
        (Pose(road_id=7, s_m=80.0, offset_m=-9.0), Pose(x_m=80.0, y_m=-9.0, yaw_deg=0.0)),
    ):
        one, other = locate(straight, by_road), locate(straight, by_xy)

        assert one.point_m == pytest.approx(other.point_m, abs=1e-3)
        assert math.remainder(one.yaw_rad - other.yaw_rad, math.tau) == pytest.approx(0.0, abs=1e-4)
        assert one.lane.lane_id == other.lane.lane_id


def test_numbers_that_the_map_has_not_are_told(straight: carla.Map) -> None:
    for pose in (
        Pose(road_id=8, s_m=1.0),
        Pose(road_id=7, lane_id=-3, s_m=1.0),
        Pose(road_id=7, lane_id=-1, s_m=401.0),
    ):
        with pytest.raises(CastError, match=r"no (lane -\d|reference line) of road \d at s = .* m; want"):
            locate(straight, pose)


def test_the_ego_stays_as_far_off_its_lane_as_its_pose_is_and_lanes_are_counted_from_there(straight: carla.Map) -> None:
    road = Road(town="straight.xodr", length_m=300.0, pose=Pose(x_m=50.0, y_m=-2.5, yaw_deg=0.0), lanes=9, curve="left")

    (place,) = find_places(straight, road, 60.0, 0.5)

    assert place.path.point(0.0)[:2] == pytest.approx([50.0, -2.5], abs=1e-6)
    assert place.path.point(200.0)[:2] == pytest.approx([250.0, -2.5], abs=1e-3)
    assert place.path.point(-60.0)[:2] == pytest.approx([-10.0, -2.5], abs=1e-3)
    assert place.lane_offset_m("right", 20.0) == pytest.approx(-2.75, abs=1e-3)
    assert place.lane_offset_m("oncoming", 20.0) == pytest.approx(4.25, abs=1e-3)


def test_who_faces_against_all_lanes_drives_against_them() -> None:
    one_way = carla.Map("one_way", STRAIGHT.replace(f"<left>{LANE.format(1)}</left>", ""))
    road = Road(town="a.xodr", length_m=50.0, pose=Pose(road_id=7, lane_id=-1, s_m=200.0, yaw_deg=180.0))

    (place,) = find_places(one_way, road, 10.0, 0.0)

    assert place.path.point(40.0)[:2] == pytest.approx([160.0, -1.75], abs=1e-3)
    assert (place.turn_rad, place.shift_m) == pytest.approx((0.0, 0.0), abs=1e-6)


def test_at_each_fork_the_way_that_leads_to_the_next_place_is_taken(town: carla.Map) -> None:
    tried = 0
    for before in entrances(known(town.name, town.to_opendrive()).junctions, roundabouts=False):
        (junction,) = {point.junction_id for point in before.next(3.0)}
        entrance = known(town.name, town.to_opendrive()).junctions[junction]
        for _, last in next(each.ways for each in entrance.entrances if each.before.id == before.id):
            beyond = last.next(12.0)[0]
            if beyond.is_junction:
                continue
            x, y, _ = position(beyond)
            path = through(town, before, [Pose(x_m=float(x), y_m=float(y))], 90.0)
            station, offset = path.project(position(beyond))

            assert abs(offset) < 0.3
            assert path.heading_rad(station) == pytest.approx(
                path.heading_rad(station) + math.remainder(heading_rad(beyond) - path.heading_rad(station), math.tau),
                abs=0.1,
            )
            tried += 1
    assert tried > 20


def test_a_place_that_cannot_be_reached_is_left_out_and_the_way_leads_on(straight: carla.Map) -> None:
    start = locate(straight, Pose(road_id=7, lane_id=-1, s_m=50.0)).lane

    path = through(straight, start, [Pose(road_id=7, lane_id=1, s_m=20.0), Pose(x_m=200.0, y_m=5.0)], 200.0)

    assert path.point(199.0)[:2] == pytest.approx([249.0, -1.75], abs=1e-3)


CITY = """road: {town: AvSynth01, length_m: 60, lanes: 1, parking: [right], pavement: [right]}
ego: {speed_kmh: 18}
actors:
  parked: {body: car, parked: true, at: {ahead_m: 30, lane: parking_right}}
  cyclist: {body: bicycle, speed_kmh: 12, at: {ahead_m: 15}}
"""


def test_where_a_place_is_refused_to_anybody_the_next_road_is_taken_and_nobody_is_left_behind(
    address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn, refused = Session.spawn, []

    def once(session: Session, *arguments: Any, **options: Any) -> carla.Actor:
        if options["role"] == "cyclist" and len(refused) < 2:  # the second is the same place, a kerb higher
            refused.append(1)
            raise SpawnError("cyclist: refused")
        return spawn(session, *arguments, **options)

    concrete = drawn(tmp_path, CITY)
    starts = []
    with open_session(address, "AvSynth01", TICK_US, 0, tmp_path) as session:
        starts.append(put_on_stage(concrete, session).place.path.point(0.0))
    monkeypatch.setattr(Session, "spawn", once)
    with open_session(address, "AvSynth01", TICK_US, 0, tmp_path) as session:
        cast = put_on_stage(concrete, session)
        roles = sorted(info.role for info in session.tick().infos.values())
        starts.append(cast.place.path.point(0.0))

    assert roles == ["cyclist", "ego", "parked"]
    assert float(np.hypot(*(starts[1] - starts[0])[:2])) > 1.0


def test_where_every_place_is_refused_to_somebody_it_is_told_who_is_close_by(
    address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn = Session.spawn

    def never(session: Session, *arguments: Any, **options: Any) -> carla.Actor:
        if options["role"] == "cyclist":
            raise SpawnError("cyclist: refused")
        return spawn(session, *arguments, **options)

    monkeypatch.setattr(Session, "spawn", never)
    monkeypatch.setattr(staging, "_MOST_SPAWNED", 2)
    told = r"AvSynth01: wherever the road fits \(2 tried\), cyclist: refused, \d\.\d m from 'parked'; want it where"
    with open_session(address, "AvSynth01", TICK_US, 0, tmp_path) as session, pytest.raises(CastError, match=told):
        put_on_stage(drawn(tmp_path, CITY.replace("ahead_m: 15", "ahead_m: 28")), session)


def test_who_is_placed_beyond_the_end_of_the_ego_path_is_on_its_lane_there(town: carla.Map, tmp_path: Path) -> None:
    flow = "flows: [{lane: oncoming, first_m: 150, speed_kmh: 30, vehicles: 2}]\n"
    concrete = drawn(tmp_path, CITY + flow)
    place = next(iter(find_places(town, concrete.road, 20.0, 0.0)))
    longer = place.reaching(farthest_m(concrete, place))
    there = longer.waypoint(150.0)

    assert place.path.end_m < 70.0
    assert longer.path.project(position(there)) == pytest.approx((150.0, 0.0), abs=1.0)
    assert longer.path.point(40.0) == pytest.approx(place.path.point(40.0), abs=1e-9)


def test_who_is_placed_where_the_road_has_ended_is_told(straight: carla.Map) -> None:
    road = Road(town="a.xodr", length_m=100.0, pose=Pose(road_id=7, lane_id=-1, s_m=250.0))
    (place,) = find_places(straight, road, 10.0, 0.0)

    assert place.reaching(140.0).path.end_m > 139.0
    with pytest.raises(CastError, match="the road ends 150 m ahead of the ego's start, and somebody is placed 200 m"):
        place.reaching(200.0)


def test_where_a_route_takes_a_turn_that_its_lane_has_not_the_place_is_refused(town: carla.Map, tmp_path: Path) -> None:
    text = """road: {town: AvSynth01, length_m: 40, curve: any, junction: {ahead_m: 20}}
ego: {speed_kmh: 18}
actors:
  turns: {body: car, speed_kmh: 18, route: left, at: {ahead_m: 8}}
"""
    concrete = drawn(tmp_path, text)
    actor, size = concrete.actors["turns"], Size(np.zeros(3), np.array([2.0, 1.0, 0.8]))
    turned, refused = [], []
    for place in find_places(town, concrete.road, 15.0, 0.0):
        spot = spots(concrete, town, place, {"turns": size})["turns"]
        try:
            path, _, _ = own_way(town, actor, spot, place, 2.0, 8.0)
        except CastError as error:
            refused.append(str(error))
            continue
        headings = [path.heading_rad(float(s)) - path.heading_rad(0.0) for s in np.arange(0.0, path.end_m)]
        turned.append(max(math.remainder(heading, math.tau) for heading in headings))

    assert min(turned) > math.radians(30.0)
    assert set(refused) == {"'car' cannot go left at junction 1 of its way, as its route says; want another route"}


def test_searching_the_same_road_again_gives_the_same_places(town: carla.Map, tmp_path: Path) -> None:
    road = drawn(tmp_path, CITY).road
    starts = [
        [place.path.point(0.0).round(6).tolist() for place in find_places(town, road, before_m, 0.0)]
        for before_m in (41.0, 44.9, 41.0)
    ]

    assert starts[0] == starts[1] == starts[2]
    with pytest.raises(CastError, match="none with 903 m before and 60 m ahead, straight without a junction; choose"):
        next(iter(find_places(town, road, 903.0, 0.0)))
    with pytest.raises(CastError, match="none with 902 m before"):
        next(iter(find_places(town, road, 902.0, 0.0)))


def test_a_search_through_all_towns_looks_each_map_up_once(address: Address) -> None:
    towns = carla.Client(address.host, address.port).get_available_maps()

    assert known.cache_parameters()["maxsize"] >= len(towns) > 1


def test_who_stands_where_another_does_is_there_as_the_scenario_says_and_that_is_told(
    address: Address, tmp_path: Path
) -> None:
    bike = "  bike: {body: bicycle, parked: true, at: {pose: {x_m: 201, y_m: -5.25, yaw_deg: 90}}}\n"
    appears = "events: [{when: {time_s: 0.05}, actor: later, do: {appear: {at: {x_m: 120, y_m: 6, yaw_deg: 0}}}}]\n"
    concrete = drawn(tmp_path, EXACT.replace("body: van, speed_kmh: 54", "body: van, parked: true") + bike, appears)
    with open_session(address, concrete.town or "", TICK_US, 0, tmp_path) as session:
        state = begin(director := Director(concrete, session), session)
        events = list(director.observe(state))
        for _ in range(2):
            director.before_tick(state)
            state = session.tick()
            events += director.observe(state)
    who = by_role(state)
    told = [(event.time_us, event.actor_id, event.detail["role"]) for event in events if "placed" in event.kind]

    assert footprint(state, who["bike"]).centre_m[:2] == pytest.approx([201.0, -5.25], abs=0.05)
    assert told == [(0, who["bike"], "bike"), (50_000, who["later"], "later")]


def test_who_stands_where_the_ego_does_is_there_too_and_that_is_told(address: Address, tmp_path: Path) -> None:
    hit = "  hit: {body: car, parked: true, at: {pose: {x_m: 3, y_m: -1.75, yaw_deg: 0}}}\n"
    concrete = drawn(tmp_path, EXACT + hit)
    with open_session(address, concrete.town or "", TICK_US, 0, tmp_path) as session:
        state = begin(director := Director(concrete, session), session)
        told = [event.detail["role"] for event in director.observe(state) if event.kind == "placed_in_another"]

    assert footprint(state, by_role(state)["hit"]).centre_m[:2] == pytest.approx([3.0, -1.75], abs=0.05)
    assert told == ["hit"]


def test_what_cannot_be_at_an_exact_place_is_not_said_of_many(address: Address, tmp_path: Path) -> None:
    beside = EXACT.replace("{pose: {road_id: 7, lane_id: -1, s_m: 40}}", "{ahead_m: 30, lane: parking_right}")
    concrete = drawn(tmp_path, beside)
    with (
        open_session(address, concrete.town or "", TICK_US, 0, tmp_path) as session,
        pytest.raises(CastError, match=r"at the pose of the road, the road has no lane 'parking_right' at 30 m"),
    ):
        put_on_stage(concrete, session)


def test_who_is_far_from_every_road_goes_straight_on(straight: carla.Map, tmp_path: Path) -> None:
    road = Road(town="a.xodr", length_m=80.0, pose=Pose(x_m=100.0, y_m=-60.0, yaw_deg=45.0))

    (place,) = find_places(straight, road, 10.0, 0.0)

    side_m = 50.0 / math.sqrt(2.0)
    assert place.path.point(50.0)[:2] == pytest.approx([100.0 + side_m, -60.0 + side_m], abs=1e-6)


def test_who_comes_on_an_arm_from_before_another_junction_comes_to_the_ego_junction(
    town: carla.Map, tmp_path: Path
) -> None:
    text = """road: {town: AvSynth01, length_m: 40, curve: any, junction: {ahead_m: 20}}
ego: {speed_kmh: 18}
actors:
  early: {body: car, speed_kmh: 50, route: right, at: {arm: left, before_m: 140}}
"""
    concrete = drawn(tmp_path, text)
    actor, size = concrete.actors["early"], Size(np.zeros(3), np.array([2.0, 1.0, 0.8]))
    ways, kept = 0, 0
    for place in find_places(town, concrete.road, 15.0, 0.0):
        try:
            spot = spots(concrete, town, place, {"early": size})["early"]
        except CastError:  # no such arm
            continue
        path, _, _ = own_way(town, actor, spot, place, 2.0, 20.0)
        apart = np.hypot(*(path.points_m - spot.path.point(0.0))[:, :2].T)
        ways, kept = ways + 1, kept + (len(path.points_m) == len(spot.path.points_m))

        assert float(apart.min()) < 1.5
    assert ways > kept > 0
