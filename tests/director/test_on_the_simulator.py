"""The built-in scenarios on the embedded simulator, through the real carla client."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import carla
import numpy as np
import pytest

from av_synth import documents, scenario
from av_synth.director import Director, Event, Outcome
from av_synth.director.footprints import footprint
from av_synth.director.stage.casting import Casting
from av_synth.errors import CastError, SpawnError
from av_synth.labels.boxes import attribute
from av_synth.launch import Address, launch_embedded
from av_synth.log.categories import nuscenes_category
from av_synth.log.state import WorldState
from av_synth.metrics import distance_m
from av_synth.scenario import ConcreteScenario
from av_synth.scenario.scenario import from_document
from av_synth.scenario.words import PEOPLE, THINGS, VEHICLES
from av_synth.session import Session, open_session
from av_synth.verify.reading.nuscenes_names import ATTRIBUTES, CATEGORIES
from tests.director.played import begin

TICK_US = 50_000
TOLD_BY = ("avsynth.category", "base_type", "special_type", "age")
NEAR_MISSES = ("cut_in_wet", "pedestrian_runs_out")
PLAYED = (*NEAR_MISSES, "every_class")
ROAD = "road: {town: AvSynth01, length_m: 60, lanes: 1, parking: [right], pavement: [right]}\n"


@dataclass(frozen=True)
class Played:
    concrete: ConcreteScenario
    director: Director
    states: list[WorldState]
    events: list[Event]
    outcome: Outcome

    def who(self, role: str) -> int:
        return next(actor_id for actor_id, info in self.states[0].infos.items() if info.role == role)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with launch_embedded("AvSynth01", tmp_path_factory.mktemp("log") / "simulator.log") as found:
        yield found


@pytest.fixture(scope="module")
def played(address: Address, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    return {
        name: play(scenario.draw(scenario.load(name), 0), address, tmp_path_factory.mktemp("cache")) for name in PLAYED
    }


def play(concrete: ConcreteScenario, address: Address, cache: Path) -> Played:
    with open_session(address, concrete.town, TICK_US, concrete.seed, cache) as session:
        director = Director(concrete, session)
        state = begin(director, session)
        states, events = [], []
        for _ in range(round(concrete.duration_s * 1e6 / TICK_US) + 1):
            if states:
                director.before_tick(state)
                state = session.tick()
            events += director.observe(state)
            states.append(state)
        return Played(concrete, director, states, events, director.outcome())


def quiet(address: Address, cache: Path, text: str) -> Played:
    begin = "name: small\ndescription: x\nduration_s: 3\n"
    return play(scenario.draw(from_document(documents.parse(begin + text, "small.yaml")), 1), address, cache)


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_a_scenario_shows_its_near_miss_about_half_way_and_no_contact(name: str, played: dict[str, Played]) -> None:
    run = played[name]

    assert run.outcome.held, run.outcome.to_json()
    nearest = next(result for result in run.outcome.expectations if result.name.endswith("ttc_s"))
    assert 0.3 < nearest.time_us * 1e-6 / run.concrete.duration_s < 0.7
    kinds = [event.kind for event in run.events if event.kind != "not_placed"]
    assert kinds[:3] == ["trigger", "seen", "brake"]


@pytest.mark.parametrize("name", PLAYED)
def test_the_ego_is_at_its_start_at_its_speed_when_recording_begins(name: str, played: dict[str, Played]) -> None:
    run = played[name]
    first = run.states[0].actors[run.director.ego.id]
    station, offset = run.director.place.path.project(first.world_from_actor[:3, 3])

    assert run.states[0].time_us == 0
    assert abs(station) < 0.5
    assert abs(offset) < 0.1
    assert np.hypot(*first.velocity_mps[:2]) * 3.6 == pytest.approx(run.concrete.ego.speed_kmh, rel=0.02)


def test_the_pedestrian_is_hidden_by_the_van_until_the_driver_sees_them(played: dict[str, Played]) -> None:
    run = played["pedestrian_runs_out"]
    van, child = (footprint(run.states[0], run.who(role)) for role in ("van", "pedestrian"))
    path = run.director.place.path
    seen = next(event for event in run.events if event.kind == "seen")
    state = run.states[round(seen.time_us / TICK_US)]
    _, offset = path.project(state.actors[run.who("pedestrian")].world_from_actor[:3, 3])

    assert path.project(child.centre_m)[0] - path.project(van.centre_m)[0] > van.half_m[0]
    assert -2.6 < offset < -1.2  # in the gap before the van, not yet in the ego's way


def test_nothing_that_stands_overlaps_or_moves(played: dict[str, Played]) -> None:
    run = played["pedestrian_runs_out"]
    first, last = run.states[0], run.states[-1]
    parked = [actor_id for actor_id, info in first.infos.items() if info.parked]

    assert len(parked) > 20
    boxes = [footprint(first, actor_id) for actor_id in parked]
    assert min(distance_m(a, b) for i, a in enumerate(boxes) for b in boxes[:i]) > 0.4
    for actor_id in parked:
        moved = last.actors[actor_id].world_from_actor - first.actors[actor_id].world_from_actor
        assert not moved.any()
        assert abs(first.actors[actor_id].world_from_actor[2, 3]) < 0.01


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_traffic_moves_and_keeps_out_of_the_ego_lane(name: str, played: dict[str, Played]) -> None:
    run = played[name]
    traffic = [actor_id for actor_id, info in run.states[0].infos.items() if info.role.startswith("traffic")]
    path = run.director.place.path
    speeds = [max(np.hypot(*state.actors[actor_id].velocity_mps[:2]) for state in run.states) for actor_id in traffic]

    assert len(traffic) == len(run.concrete.traffic.bodies)
    assert np.mean(np.array(speeds) > 3.0) > 0.5
    # under way when recording begins, each at its own speed
    begins = [np.hypot(*run.states[0].actors[actor_id].velocity_mps[:2]) for actor_id in traffic]
    assert np.ptp(np.round(begins, 1)) > 2.0
    assert len(set(np.round(begins, 2))) > len(traffic) / 2
    for state in run.states[::10]:
        for actor_id in traffic:
            station, offset = path.project(state.actors[actor_id].world_from_actor[:3, 3])
            assert not (path.begin_m < station < path.end_m and abs(offset) < 1.5)


def test_one_of_each_category_stands_or_moves_near_the_ego_with_each_attribute(played: dict[str, Played]) -> None:
    run = played["every_class"]
    last, ego_id = run.states[-1], run.director.ego.id
    others = {actor_id: info for actor_id, info in last.infos.items() if actor_id != ego_id}
    state = [
        attribute(info, float(np.linalg.norm(last.actors[actor_id].velocity_mps))) for actor_id, info in others.items()
    ]
    far_m = [
        np.linalg.norm(last.world_from_box(actor_id)[:2, 3] - last.world_from_box(ego_id)[:2, 3]) for actor_id in others
    ]
    ground_m = {
        info.role: last.world_from_box(actor_id)[2, 3] - info.size_lwh_m[2] / 2 for actor_id, info in others.items()
    }

    assert {info.category for info in others.values()} == set(CATEGORIES[1:24])
    assert set(state) - {""} == set(ATTRIBUTES)
    assert max(far_m) < 40.0
    for role, height in ground_m.items():
        on_pavement = role in ("child", "stroller", "parent", "dog", "wheelchair", "rack")
        assert height == pytest.approx(0.12 if on_pavement else 0.0, abs=0.02), role


def test_in_the_scene_with_one_of_each_nobody_touches_anybody(played: dict[str, Played]) -> None:
    states = played["every_class"].states[::10]
    assert len(states) > 5
    for state in states:
        boxes = [footprint(state, actor_id) for actor_id in state.actors]
        assert min(distance_m(a, b) for i, a in enumerate(boxes) for b in boxes[:i]) > 0.005


def test_what_is_pushed_or_towed_keeps_its_place_before_or_behind(played: dict[str, Played]) -> None:
    run = played["every_class"]
    for one, other in (("stroller", "parent"), ("bendy_bus", "bendy_bus_rear")):
        apart = [
            np.linalg.norm(state.world_from_box(run.who(one))[:3, 3] - state.world_from_box(run.who(other))[:3, 3])
            for state in run.states
        ]
        moved = run.states[-1].world_from_box(run.who(other)) - run.states[0].world_from_box(run.who(other))
        assert np.ptp(apart) < 0.02
        assert np.linalg.norm(moved[:2, 3]) > 4.0
    assert run.states[0].infos[run.who("bendy_bus_rear")].category == "vehicle.bus.bendy"


def test_the_same_draw_plays_the_same_to_the_bit_in_another_session(
    address: Address, played: dict[str, Played], tmp_path: Path
) -> None:
    name = "cut_in_wet"
    again = play(played[name].concrete, address, tmp_path)

    assert again.events == played[name].events
    for one, two in zip(played[name].states, again.states, strict=True):
        assert one.actors.keys() == two.actors.keys()
        for actor_id in one.actors:
            assert np.array_equal(one.actors[actor_id].world_from_actor, two.actors[actor_id].world_from_actor)


def test_placements_and_manoeuvres_are_where_and_what_the_document_says(address: Address, tmp_path: Path) -> None:
    run = quiet(
        address,
        tmp_path,
        ROAD
        + """ego: {speed_kmh: 18}
actors:
  lead: {body: car, speed_kmh: 36, at: {ahead_m: 20}}
  facing: {body: van, at: {ahead_m: 30, lane: oncoming, offset_m: 0.4}}
events:
  - {actor: lead, when: {time_s: 1}, do: {brake: {deceleration_mps2: 4, to_kmh: 18}}}
  - {actor: facing, when: {ego_arrives_in_s: 5}, do: {drive: {speed_kmh: 9}}}
expectations:
  - {of: lead, distance_m: {min: 5}, contact: false}
""",
    )
    path, first, last = run.director.place.path, run.states[0], run.states[-1]
    lead, facing = run.who("lead"), run.who("facing")

    assert path.project(footprint(first, lead).centre_m)[0] == pytest.approx(20, abs=0.6)
    station, offset = path.project(footprint(first, facing).centre_m)
    assert (station, offset) == pytest.approx((30, 3.9), abs=0.05)
    assert math.cos(footprint(first, facing).yaw_rad - path.heading_rad(30)) == pytest.approx(-1, abs=1e-3)
    assert np.hypot(*last.actors[lead].velocity_mps[:2]) == pytest.approx(5.0, abs=0.3)
    half_way = run.states[int(1.75e6 / TICK_US)].actors[lead].velocity_mps
    assert np.hypot(*half_way[:2]) == pytest.approx(10 - 4 * 0.75, abs=0.8)
    assert path.project(footprint(last, facing).centre_m)[0] < station - 1.0
    assert run.outcome.held
    assert {event.kind for event in run.events} == {"trigger"}


def test_rows_park_cycles_without_riders_and_keep_clear_of_what_a_bus_tows(address: Address, tmp_path: Path) -> None:
    run = quiet(
        address,
        tmp_path,
        """road: {town: AvSynth01, length_m: 90, lanes: 2, parking: [left, right]}
ego: {speed_kmh: 10}
actors:
  right: {body: bendy_bus, parked: true, at: {ahead_m: 40, lane: parking_right}}
  after: {body: car, parked: true, at: {beyond: right, gap_m: 1, lane: parking_right}}
  left: {body: bendy_bus, parked: true, at: {ahead_m: 30, lane: parking_left, heading: against}}
  past: {body: car, parked: true, at: {beyond: left, gap_m: 1, lane: parking_left}}
parked:
  - {side: right, from_m: 0, to_m: 85, bodies: [bicycle, motorcycle, trailer, car, bendy_bus]}
  - {side: left, from_m: 0, to_m: 85, bodies: [bicycle, motorcycle, trailer, car, bendy_bus]}
traffic: {vehicles: 3, bodies: [bendy_bus]}
""",
    )
    state, rears = run.states[-1], "_rear"
    stood = {actor_id: info for actor_id, info in state.infos.items() if info.parked}
    boxes = {info.role: footprint(state, actor_id) for actor_id, info in stood.items()}
    apart = {
        (one, other): distance_m(boxes[one], boxes[other])
        for one in boxes
        for other in boxes
        if one < other != one + rears
    }
    path = run.director.place.path
    ends = {role: path.project(box.centre_m)[0] for role, box in boxes.items()}

    assert {info.category for info in stood.values()} >= {"vehicle.bicycle", "vehicle.motorcycle", "vehicle.trailer"}
    assert {attribute(info, 0.0) for info in stood.values()} == {"vehicle.parked", "cycle.without_rider"}
    assert min(apart.values()) > 0.4
    assert ends["after"] > ends["right"] > ends["right_rear"] + 8.0
    assert ends["past"] > ends["left_rear"] > ends["left"] + 8.0
    for number in range(3):
        front, rear = (state.actors[run.who(f"traffic_{number}{end}")] for end in ("", rears))
        assert np.linalg.norm(rear.velocity_mps) == pytest.approx(np.linalg.norm(front.velocity_mps), abs=0.8)


def test_where_only_what_a_vehicle_tows_is_refused_a_parked_one_stands_one_of_the_traffic_is_not_there_and_it_is_told(
    address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn = Session.spawn

    def without_tows(session: Session, *arguments: Any, **options: Any) -> carla.Actor:
        if options.get("towed_by") is not None:
            raise SpawnError(f"{options['role']}: refused")
        return spawn(session, *arguments, **options)

    monkeypatch.setattr(Session, "spawn", without_tows)
    run = quiet(
        address,
        tmp_path,
        ROAD
        + "ego: {speed_kmh: 10}\nparked: [{side: right, from_m: 0, to_m: 25, bodies: [bendy_bus]}]\n"
        + "traffic: {vehicles: 1, bodies: [bendy_bus]}\n",
    )
    parked = [info.role for info in run.states[0].infos.values() if info.parked]

    assert parked == ["parked_0_0"]
    assert "traffic_0" not in {info.role for info in run.states[0].infos.values()}
    assert [dict(event.detail) for event in run.events if event.kind == "not_placed"] == [
        {"role": "parked_0_0_rear", "reason": "parked_0_0_rear: refused"},
        {"role": "traffic_0", "reason": "traffic_0_rear: refused"},
    ]


def test_a_road_that_the_town_has_not_is_said_before_anything_is_placed(address: Address, tmp_path: Path) -> None:
    with pytest.raises(CastError, match=r"no road fits.*none with 5 lane\(s\) in its direction"):
        quiet(address, tmp_path, "road: {town: AvSynth01, length_m: 60, lanes: 5}\nego: {speed_kmh: 18}\n")


def test_a_body_that_the_simulator_has_not_is_said_with_what_it_has(address: Address, tmp_path: Path) -> None:
    with pytest.raises(CastError, match=r"no 'vehicle.bat.mobile'; its library has .*vehicle\.audi\.a2"):
        quiet(address, tmp_path, ROAD + "ego: {speed_kmh: 18, body: vehicle.bat.mobile}\n")
    with pytest.raises(CastError, match=r"no 'vehicle.audi.a22'; .*; did you mean 'vehicle\.audi\.a2'\?$"):
        quiet(address, tmp_path, ROAD + "ego: {speed_kmh: 18, body: vehicle.audi.a22}\n")


class WithoutExtensions:
    """A world whose library has only what is CARLA's own."""

    def __init__(self, world: carla.World) -> None:
        self._world = world

    def get_blueprint_library(self) -> list[carla.ActorBlueprint]:
        return [blueprint for blueprint in self._world.get_blueprint_library() if "avsynth" not in blueprint.id]


def test_every_word_casts_its_category_and_what_a_stock_library_lacks_is_said(address: Address, tmp_path: Path) -> None:
    words = (*VEHICLES, *PEOPLE, *THINGS)
    lacking = {"animal", "bendy_bus", "construction_vehicle", "construction_worker", "personal_mobility"}
    lacking |= {"stroller", "trailer", "wheelchair"}
    with open_session(address, "AvSynth01", TICK_US, 0, tmp_path) as session:
        library = {blueprint.id: blueprint for blueprint in session.library}

        def category(type_id: str) -> str:
            return nuscenes_category(type_id, {a.id: str(a.as_str()) for a in library[type_id] if a.id in TOLD_BY})

        extended, stock = (
            Casting(session.client, world, np.eye(4)) for world in (session.world, WithoutExtensions(session.world))
        )
        cast = {word: extended.role(word, 0.5).type_id for word in words}
        parked = {word: extended.role(word, 0.5, parked=True).type_id for word in ("bicycle", "motorcycle", "car")}
        refused = {}
        for word in words:
            try:
                assert stock.role(word, 0.5).type_id in library
            except CastError as error:
                refused[word] = str(error)
        with pytest.raises(CastError, match="no 'bicycle' without a rider"):
            stock.role("bicycle", 0.5, parked=True)

    assert {category(type_id) for type_id in cast.values()} == set(CATEGORIES[1:24])
    assert cast["police"] == cast["police_car"] == "vehicle.dodge.charger_police"
    assert (cast["bicycle"], parked["bicycle"]) == ("vehicle.bh.crossbike", "static.prop.avsynth_bicycle")
    assert (cast["motorcycle"], parked["motorcycle"]) == ("vehicle.yamaha.yzf", "static.prop.avsynth_motorcycle")
    assert cast["bendy_bus"] == "vehicle.avsynth.bendy_bus"
    assert category(parked["car"]) == "vehicle.car"
    assert refused.keys() == lacking
    assert all(f"no {word!r}; its library has " in message for word, message in refused.items())


@pytest.mark.long
@pytest.mark.parametrize("name", PLAYED)
def test_nine_of_ten_draws_meet_their_expectations(name: str, address: Address, tmp_path: Path) -> None:
    drawn = [scenario.draw(scenario.load(name), seed) for seed in range(100, 120)]

    held = [play(concrete, address, tmp_path / str(concrete.seed)).outcome.held for concrete in drawn]

    assert np.mean(held) >= 0.9


@pytest.mark.parametrize("who", ["{body: adult, at: {ahead_m: -8}}", "{body: car, at: {ahead_m: -9}}"])
def test_who_is_in_the_way_of_the_ego_before_time_zero_is_refused_by_name(
    address: Address, tmp_path: Path, who: str
) -> None:
    told = r"'late' and the ego touch [\d.]+ s before time zero, on the way to where they begin; want a place out of"
    with pytest.raises(CastError, match=told) as caught:
        quiet(address, tmp_path, f"{ROAD}ego: {{speed_kmh: 30}}\nactors:\n  late: {who}\n")

    assert caught.value.at == ("actors", "late", "at")
