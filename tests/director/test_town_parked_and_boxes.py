"""What the director makes of a server with Unreal's habits: parked cars of the town, wrong boxes, kerbs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import carla
import numpy as np
import pytest

from av_synth.director.stage.casting import Casting
from av_synth.director.stage.placement import spawn_named
from av_synth.director.stage.town_parked import ROLE, replace_parked
from av_synth.errors import CastError, SpawnError
from av_synth.geometry.carla import vector_from_carla
from av_synth.geometry.transforms import Array, from_yaw
from av_synth.launch import Address, launch_embedded
from av_synth.scenario.model import Actor
from av_synth.scenario.road import Placement
from av_synth.session import Session, boxes, open_session
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.profile import UE4

STREET: Array = from_yaw(182.5, 58.25, 0.3, 0.0)
PAVEMENT: Array = from_yaw(182.5, 52.5, 0.0, 0.0)  # on it, by the road's height


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with launch_embedded("AvSynth01", render_threads=1, profile="ue4") as address:
        yield address


@pytest.fixture
def session(address: Address, tmp_path: Path) -> Iterator[Session]:
    with open_session(address, "AvSynth01", 50_000, 5, tmp_path) as session:
        yield session


def test_every_parked_car_of_the_town_has_an_actor_with_a_true_box_in_its_place(session):
    things = session.world.get_environment_objects(carla.CityObjectLabel.Car)
    events = list(replace_parked(session, Casting(session.client, session.world, STREET)))
    state = session.tick()
    replaced = {info.role: actor_id for actor_id, info in state.infos.items()}

    assert events == []
    assert len(things) >= 3
    assert replaced.keys() == {ROLE.format(index) for index in range(len(things))}
    for index, thing in enumerate(sorted(things, key=lambda thing: thing.name)):
        actor_id = replaced[ROLE.format(index)]
        info, box = state.infos[actor_id], state.world_from_box(actor_id)
        extent = thing.bounding_box.extent
        np.testing.assert_allclose(box[:3, 3], vector_from_carla(thing.bounding_box.location), atol=0.02)
        np.testing.assert_allclose(info.size_lwh_m, 2.0 * np.array([extent.x, extent.y, extent.z]), atol=0.01)
        assert info.category == "vehicle.car"
        assert info.parked


def test_a_town_without_parked_cars_is_left_alone(tmp_path):
    with (
        launch_embedded("AvSynth01", render_threads=1) as address,
        open_session(address, "AvSynth01", 50_000, 5, tmp_path) as session,
    ):
        assert list(replace_parked(session, Casting(session.client, session.world, STREET))) == []
        assert session.tick().infos == {}


def test_a_place_that_is_taken_is_told(session):
    thing = min(session.world.get_environment_objects(carla.CityObjectLabel.Car), key=lambda thing: thing.name)
    session.world.enable_environment_objects({thing.id}, False)
    x, y, _ = vector_from_carla(thing.bounding_box.location).tolist()
    session.spawn("vehicle.audi.a2", from_yaw(x, y, 1.0, 0.3), role="squatter", parked=True)
    events = list(replace_parked(session, Casting(session.client, session.world, STREET)))

    assert [(event.kind, event.detail["role"]) for event in events] == [("not_placed", ROLE.format(0))]


@pytest.mark.parametrize("kind", ["vehicle", "walker"])
def test_boxes_that_are_reported_wrong_are_corrected_to_those_of_the_bodies(session, kind):
    casting, bodies = Casting(session.client, session.world, STREET), catalogue()
    wrong = [
        body
        for body in bodies.values()
        if body.kind == kind and UE4.offers(body.blueprint_id) and not np.allclose(UE4.box(body)[1], body.box_half_m)
    ]

    assert len(wrong) >= 6
    for body in wrong:
        size = casting.size(body.blueprint_id)
        np.testing.assert_allclose(size.centre_m, body.box_centre_m, atol=1e-4)
        np.testing.assert_allclose(size.half_m, body.box_half_m, atol=1e-4)


def test_a_correction_is_for_the_box_that_it_names_and_no_other(session):
    table = {entry.blueprint: entry for entry in boxes.corrections()}
    bus = session.spawn("vehicle.mitsubishi.fusorosa", STREET, role="bus")
    info = session.tick().infos[bus.id]
    centre, half = UE4.box(catalogue()["vehicle.mitsubishi.fusorosa"])
    other = boxes.ActorBox(centre, half * [1.0, 1.02, 1.0], boxes.REPORTED)

    assert info.box_source == "corrected"
    assert boxes._same(table["vehicle.mitsubishi.fusorosa"].reported, boxes.ActorBox(centre, half, boxes.REPORTED))
    assert not boxes._same(table["vehicle.mitsubishi.fusorosa"].reported, other)


def test_the_table_has_every_body_that_is_reported_wrong_as_it_is_now():
    bodies = catalogue()
    table = {entry.blueprint: entry for entry in boxes.corrections()}

    for blueprint_id, body in bodies.items():
        centre, half = UE4.box(body)
        if (
            body.kind == "traffic_light"
            or not UE4.offers(blueprint_id)
            or (np.allclose(centre, body.box_centre_m) and np.allclose(half, body.box_half_m))
        ):
            continue
        entry = table[blueprint_id]  # tools/measure_boxes.py writes it
        np.testing.assert_allclose(entry.reported.half_m, half, atol=1e-3)
        np.testing.assert_allclose(entry.box.centre_m, body.box_centre_m, atol=1e-3)
        np.testing.assert_allclose(entry.box.half_m, body.box_half_m, atol=1e-3)


def test_a_body_whose_box_has_no_width_and_no_correction_is_refused_by_name(session, monkeypatch):
    monkeypatch.setattr(boxes, "corrections", lambda: ())
    casting = Casting(session.client, session.world, STREET)

    with pytest.raises(
        CastError, match=r"box of \[1\.66, 0\.0, 1\.72\] m for 'vehicle\.bh\.crossbike', and boxes\.yaml"
    ):
        casting.size("vehicle.bh.crossbike")
    assert not session.world.get_actors().filter("vehicle.*")


def test_somebody_who_would_stand_in_a_kerb_is_put_higher(session):
    casting = Casting(session.client, session.world, STREET)
    role = casting.role("walker.pedestrian.0001", 0.0)
    size = casting.size(role.type_id)
    adult = Actor.model_construct(body="adult", parked=False, at=Placement.model_construct())
    walker = spawn_named(session, casting, role, "walker", adult, PAVEMENT)
    for _ in range(20):
        state = session.tick()

    assert state.world_from_box(walker.id)[2, 3] - size.half_m[2] == pytest.approx(0.12, abs=0.01)
    with pytest.raises(SpawnError, match="collision"):
        spawn_named(session, casting, role, "twin", adult, PAVEMENT)
