"""The session on the embedded simulator, beside a second client that looks at what the first one did."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib import metadata
from pathlib import Path

import carla
import numpy as np
import pytest

from av_synth.errors import (
    CastError,
    ConnectionLostError,
    DataError,
    DocumentError,
    MachineError,
    SimulatorError,
    SpawnError,
)
from av_synth.geometry.transforms import Array, from_yaw, invert, rigid
from av_synth.launch import Address, launch_embedded
from av_synth.run.execute import state_hash
from av_synth.scenario.weather import CARLA_FIELDS, SNOW_FIELDS, Weather
from av_synth.session import Session, Step, actor_from_ego, client_errors, open_session
from av_synth.session import attach as module
from av_synth.session.sky import Sky
from av_synth.session.towns import find_town
from av_synth.session.traffic_manager import on_free_port
from av_synth.simulator.bodies import catalogue

TICK_US = 50_000
CAR, WALKER = "vehicle.audi.a2", "walker.pedestrian.0001"
# a trafficked street, east, as the town's own spawn points have it
STREET: Array = from_yaw(182.5, 58.25, 0.3, 0.0)


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with launch_embedded("AvSynth01", render_threads=1) as address:
        yield address


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def session(address: Address, cache: Path) -> Iterator[Session]:
    with opened(address, cache) as session:
        yield session


@pytest.fixture
def other(address: Address, cache: Path) -> carla.Client:
    """A client that shares nothing with the session's but the simulator."""
    client = carla.Client(address.host, address.port)
    client.set_timeout(20.0)
    client.set_files_base_folder(str(cache))
    return client


def opened(address: Address, cache: Path, town: str = "AvSynth01") -> AbstractContextManager[Session]:
    return open_session(address, town, TICK_US, 5, cache)


def ahead(x_m: float, y_m: float = 0.0) -> Array:
    return STREET @ from_yaw(x_m, y_m, 0.0, 0.0)


def test_an_unknown_town_is_a_cast_error_that_lists_the_towns(address, cache):
    with (
        pytest.raises(CastError, match=rf"{address} has no town 'Town99'; it has AvSynth01, AvSynth02"),
        opened(address, cache, "Town99"),
    ):
        pytest.fail("it opened")


def test_a_town_is_found_by_its_name_with_and_without_its_hash_and_its_path(address, cache, other):
    full = other.get_available_maps()[0]

    for town in (full.rsplit("/", 1)[-1], full):
        with opened(address, cache, town) as session:
            assert full.endswith(session.map.name)


@pytest.mark.parametrize(
    ("town", "found"),
    [
        ("Town01", "/Game/Carla/Maps/Town01"),
        ("Town01_Opt", "/Game/Carla/Maps/Town01_Opt"),
        ("Carla/Maps/Town01", "/Game/Carla/Maps/Town01"),
        ("/Game/Carla/Maps/Town01", "/Game/Carla/Maps/Town01"),
        ("AvSynth01", "/Game/Carla/Maps/AvSynth01_e55d1e81"),
        *((other, None) for other in ("", "1", "own01", "Town1", "Opt", "Maps")),
    ],
)
def test_a_town_is_the_map_of_just_that_name_before_one_that_begins_so(town, found):
    names = ("Town01_Opt", "Town01", "AvSynth01_e55d1e81")

    assert find_town(town, [f"/Game/Carla/Maps/{name}" for name in names]) == found


def test_a_server_of_another_version_is_refused_and_both_are_named(address, cache, monkeypatch):
    monkeypatch.setattr(metadata, "version", {"carla": "0.9.15"}.__getitem__)

    with pytest.raises(MachineError, match=r"is CARLA '0\.9\.16'; want 0\.9\.15"), opened(address, cache):
        pytest.fail("it opened")


def test_nobody_listening_is_a_lost_connection_that_names_the_address(cache, monkeypatch):
    monkeypatch.setattr(module, "RPC_TIMEOUT_S", 0.2)
    with socket.socket() as held:  # bound, so that nobody else listens there
        held.bind(("127.0.0.1", 0))
        nobody = Address("127.0.0.1", held.getsockname()[1])

        with (
            pytest.raises(ConnectionLostError, match=f"simulator at {nobody}, while connecting: .*time-out"),
            opened(nobody, cache),
        ):
            pytest.fail("it opened")


def test_a_host_that_has_no_address_is_a_lost_connection(cache):
    with (
        pytest.raises(ConnectionLostError, match=r"no\.\.where:2000, while connecting"),
        opened(Address("no..where", 2000), cache),
    ):
        pytest.fail("it opened")


def test_only_what_the_client_throws_is_a_lost_connection(address):
    with (
        pytest.raises(ConnectionLostError, match=f"{address}, while looking: time-out$"),
        client_errors(address, "looking"),
    ):
        raise RuntimeError("time-out\n")
    with pytest.raises(ZeroDivisionError), client_errors(address, "looking"):
        raise ZeroDivisionError


@pytest.mark.parametrize("type_id", ["vehicle.nobody.built", "vehicle.*", ""])
def test_an_unknown_blueprint_is_a_cast_error(session, type_id):
    with pytest.raises(CastError, match=r"got blueprint '.*'; want one of its library"):
        session.spawn(type_id, STREET, role="van")


def test_an_unknown_attribute_is_a_cast_error_of_actors_and_of_sensors(session):
    with pytest.raises(CastError, match=f"blueprint {CAR} has no attribute 'wings'"):
        session.spawn(CAR, STREET, role="van", attributes={"wings": "2"})
    ego = session.spawn(CAR, STREET, role="ego")
    with pytest.raises(CastError, match=r"blueprint sensor\.camera\.rgb has no attribute 'wings'"):
        session.spawn_sensor("sensor.camera.rgb", {"wings": "2"}, ego, np.eye(4))

    assert session.sensors == []


@pytest.mark.parametrize(("name", "value"), [("color", "purple"), ("number_of_wheels", "3")])
def test_an_attribute_value_that_the_blueprint_refuses_is_a_cast_error(session, name, value):
    with pytest.raises(CastError, match=f"{CAR}: got {name} = '{value}': "):
        session.spawn(CAR, STREET, role="van", attributes={name: value})


def test_a_blocked_place_is_a_spawn_error_with_role_and_coordinates_in_our_frame(session):
    session.spawn(CAR, STREET, role="first")
    session.tick()

    with pytest.raises(SpawnError, match=rf"^second \({CAR}\) at x=182\.50 y=58\.25: .*collision"):
        session.spawn(CAR, STREET, role="second")
    assert {info.role for info in session.tick().infos.values()} == {"first"}


def test_extensions_are_found_out_from_the_blueprint_library(session):
    assert {"version", "profile", "quality", "bodies_digest", "town_digest", "gl_renderer"} <= set(session.facts())
    assert session.has_attribute("sensor.camera.rgb", "avsynth.cx")
    assert not session.has_attribute("sensor.camera.rgb", "avsynth.wings")
    assert not session.has_attribute("sensor.camera.*", "avsynth.cx")


def test_ticks_give_consecutive_frames_and_time_zero_is_where_recording_begins(session):
    with pytest.raises(DataError, match="begin_recording before the first tick"):
        session.begin_recording(1)
    first = session.tick()
    origin = session.begin_recording(3)
    states = [first, *(session.tick() for _ in range(5))]

    assert [state.frame for state in states] == list(range(first.frame, first.frame + 6))
    assert origin == first.frame + 3
    assert first.time_us == 0  # nothing was said about time zero yet
    assert [state.time_us for state in states[1:]] == [-2 * TICK_US, -TICK_US, 0, TICK_US, 2 * TICK_US]


def test_a_frame_that_somebody_else_made_is_an_error(session, other):
    frame = session.tick().frame
    other.get_world().tick()

    with pytest.raises(DataError, match=f"tick after frame {frame} gave frame {frame + 2}"):
        session.tick()


@pytest.mark.parametrize(("yaw_rad", "pitch_rad"), [(0.0, 0.0), (2.1, 0.03), (-0.7, -0.05)])
def test_a_parked_vehicle_is_where_it_was_put_in_a_right_handed_world(session, yaw_rad, pitch_rad):
    c, s = np.cos(pitch_rad), np.sin(pitch_rad)
    nose_down = rigid([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]], [0.0, 0.0, 0.0])
    pose = from_yaw(182.5, 58.25, 0.4, yaw_rad) @ nose_down
    van = session.spawn("vehicle.mercedes.sprinter", pose, role="van", parked=True)
    for _ in range(5):
        state = session.tick()

    np.testing.assert_allclose(state.actors[van.id].world_from_actor[:3, 3], pose[:3, 3], atol=1e-3)
    np.testing.assert_allclose(state.actors[van.id].world_from_actor[:3, :3], pose[:3, :3], atol=1e-5)
    np.testing.assert_array_equal(state.actors[van.id].velocity_mps, 0.0)
    body = catalogue()["vehicle.mercedes.sprinter"]
    info = state.infos[van.id]
    assert (info.role, info.category, info.parked) == ("van", "vehicle.car", True)
    np.testing.assert_allclose(info.size_lwh_m, 2.0 * body.box_half_m, atol=1e-5)
    np.testing.assert_allclose(info.box_centre_m, body.box_centre_m, atol=1e-5)


@pytest.mark.parametrize("type_id", [CAR, "vehicle.mitsubishi.fusorosa", "vehicle.yamaha.yzf"])
@pytest.mark.parametrize("yaw_rad", [0.0, 2.1])
def test_the_egos_frame_lies_under_the_middle_of_the_rear_axle(session, type_id, yaw_rad):
    ego = session.spawn(type_id, from_yaw(182.5, 58.25, 60.0, yaw_rad), role="ego", parked=True)
    session.tick()
    found = actor_from_ego(ego)
    rear = min(wheel.position_m[0] for wheel in catalogue()[type_id].wheels)

    np.testing.assert_allclose(found, rigid(np.eye(3), [rear, 0.0, 0.0]), atol=2e-3)


def test_controls_lights_and_weather_are_there_under_their_names(session):
    car = session.spawn(CAR, STREET, role="ego")
    session.spawn(WALKER, ahead(12.0, 8.0), role="child")
    session.tick()
    weather = session.weather()
    car.apply_control(carla.VehicleControl(throttle=0.25, steer=-0.5, brake=0.125, hand_brake=True, reverse=True))
    session.tick()

    assert set(session.controls()) == {car.id}
    control = session.controls()[car.id]
    assert set(control) == {"throttle", "steer", "brake", "hand_brake", "reverse", "gear"}
    assert [control[name] for name in ("throttle", "steer", "brake", "hand_brake")] == [0.25, -0.5, 0.125, True]
    lights = session.traffic_lights()
    assert len(lights) > 3
    assert list(lights) == sorted(lights)
    assert set(lights.values()) <= {"Red", "Yellow", "Green", "Off", "Unknown"}
    assert tuple(weather) == tuple(Weather().to_json())
    assert all(isinstance(value, float) for value in weather.values())


def test_doors_that_were_told_to_open_are_ajar_until_they_are_told_to_close(session):
    car = session.spawn(CAR, STREET, role="parked")
    session.move_door(car, carla.VehicleDoor.FL, opened=True)
    session.move_door(car, carla.VehicleDoor.FR, opened=True)
    opened = session.tick()
    session.move_door(car, carla.VehicleDoor.FL, opened=False)

    assert opened.ajar == {car.id: frozenset({0, 1})}
    assert session.tick().ajar == {car.id: frozenset({1})}


def test_every_weather_field_of_the_client_is_read():
    fields = {name for name in dir(carla.WeatherParameters()) if not name.startswith("_") and name[0].islower()}

    assert set(CARLA_FIELDS) == fields


def test_snow_is_an_actor_that_changes_with_the_weather_and_ends_with_it(address, cache, other):
    with opened(address, cache) as session:
        session.set_weather(Weather(fog_density=20.0, snow_mm_h=2.5, snow_cover=40.0))
        ego = session.spawn(CAR, STREET, role="ego")
        session.set_weather(Weather(fog_density=20.0, snow_mm_h=0.1, snow_cover=60.0))
        session.tick()

        bringers = session.world.get_actors().filter("avsynth.weather.snow")
        told = [{name: float(each.attributes[f"avsynth.{name}"]) for name in SNOW_FIELDS} for each in bringers]
        assert told == [{"snow_mm_h": 0.1, "snow_cover": 60.0}]
        assert session.weather() == pytest.approx(Weather(fog_density=20.0, **told[0]).to_json())
        session.set_weather(Weather())
        session.tick()
        assert not session.world.get_actors().filter("avsynth.weather.snow")
        session.set_weather(Weather(snow_cover=60.0))

    with opened(address, cache) as session:
        assert session.spawn(CAR, STREET, role="ego").id == ego.id  # snow takes no id of a body
        assert not session.world.get_actors().filter("avsynth.weather.snow")


def test_snow_is_refused_where_there_is_none_to_be_had(session):
    sky = Sky(session.client, session.world, session.library.filter("vehicle.*"))
    sky.show(Weather(precipitation=50.0))
    with pytest.raises(CastError, match="snow_mm_h = 0, snow_cover = 5: this simulator has no blueprint avsynth"):
        sky.show(Weather(snow_cover=5.0))


def test_an_actor_that_vanishes_is_a_data_error_that_names_its_role(session, other):
    van = session.spawn(CAR, STREET, role="van")
    session.spawn(CAR, ahead(12.0), role="taxi")
    session.tick()
    other.apply_batch_sync([carla.command.DestroyActor(van.id)], False)

    with pytest.raises(DataError, match=rf"van \(actor {van.id}\) is not in the snapshot of frame \d+: it vanished"):
        session.tick()


def test_a_command_that_is_refused_says_which_and_to_whom(session, other):
    van = session.spawn(CAR, STREET, role="van")
    taxi = session.spawn(CAR, ahead(12.0), role="taxi")
    session.tick()
    other.apply_batch_sync([carla.command.DestroyActor(van.id)], False)
    still = [carla.command.SetSimulatePhysics(each.id, False) for each in (taxi, van)]
    session.before_time_zero(1, still)
    session.begin_recording(1)

    for refused, what in (
        (lambda: session.send(still, "physics of"), "physics of"),
        (lambda: session.destroy(van), "taking away"),
        (session.tick, "what was due before time zero of"),
    ):
        with pytest.raises(SimulatorError, match=rf"^{what} van \(actor {van.id}\) was refused by .*not found"):
            refused()


@pytest.mark.parametrize("how", ["in order", "by an error"])
def test_a_session_leaves_nobody_behind_and_gives_the_world_its_own_time_back(address, cache, other, how):
    try:
        with opened(address, cache) as session:
            session.tick()  # a client lists the actors of the last snapshot that it got
            before = {actor.id for actor in session.world.get_actors()}
            ego = session.spawn(CAR, STREET, role="ego")
            child = session.spawn(WALKER, ahead(12.0, 8.0), role="child")
            cone = session.spawn_unlabelled("static.prop.trafficcone01", ahead(20.0))
            session.destroy(child)
            camera = session.spawn_sensor("sensor.camera.rgb", {}, ego, np.eye(4))
            camera.listen(lambda image: None)
            last = session.tick().frame
            assert {ego.id, cone.id, camera.id} <= {actor.id for actor in session.world.get_actors()} - before
            assert other.get_world().get_settings().synchronous_mode
            if how == "by an error":
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass

    world = other.get_world()
    while world.wait_for_tick(20.0).frame <= last:  # it runs by itself
        pass
    assert not world.get_settings().synchronous_mode
    assert world.get_settings().fixed_delta_seconds is None
    assert {actor.id for actor in world.get_actors()} == before
    session.close()  # once more does no harm


def test_a_traffic_manager_that_comes_after_the_first_spawn_is_an_error(session):
    session.spawn(CAR, STREET, role="ego")

    with pytest.raises(DataError, match="want it before"):
        session.traffic_manager()


def test_the_steps_are_told_in_their_order_once_each_and_none_is_made_after_a_later_one(address, cache):
    told: list[Step] = []
    with open_session(address, "AvSynth01", TICK_US, 5, cache, told.append) as session:
        session.set_weather(Weather())
        session.spawn(CAR, STREET, role="ego")
        session.spawn(CAR, ahead(12.0), role="van")
        session.reached(Step.SENSORS)
        with pytest.raises(DataError, match="SETTLED came after SENSORS; want the steps in their order"):
            session.reached(Step.SETTLED)
        session.set_weather(Weather())

    assert told == [step for step in Step if step not in (Step.SETTLED, Step.WARM, Step.RECORDED)]


def test_the_port_of_a_traffic_manager_is_nobody_elses_while_it_starts(address, cache):
    class Watched:
        """The client, beside somebody else who wants the port."""

        def get_trafficmanager(self, port: int) -> carla.TrafficManager:
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))
            return session.client.get_trafficmanager(port)

    with opened(address, cache) as session:
        manager = on_free_port(Watched())
        manager.shut_down()


def test_the_same_actions_in_a_second_session_of_this_process_give_the_same_states(address, cache):
    first, second = played(address, cache), played(address, cache)

    assert len(set(first)) == 40
    assert first == second


def played(address: Address, cache: Path) -> list[str]:
    """State hashes of a car that drives, one that the Traffic Manager drives, and a walker."""
    hashes = []
    with opened(address, cache) as session:
        port = session.traffic_manager().get_port()
        car = session.spawn(CAR, STREET, role="ego")
        walker = session.spawn(WALKER, ahead(12.0, 8.0), role="child")
        traffic = session.spawn("vehicle.tesla.model3", ahead(25.0), role="traffic")
        state = session.tick()
        traffic.set_autopilot(True, port)
        for number in range(40):
            hashes.append(state_hash(state, session.traffic_lights()))
            car.apply_control(carla.VehicleControl(throttle=0.8, steer=0.02 * (number % 5)))
            walker.apply_control(carla.WalkerControl(carla.Vector3D(0.0, 1.0, 0.0), 1.4))
            state = session.tick()
        moved = invert(STREET) @ state.actors[car.id].world_from_actor
        assert moved[0, 3] > 1.0
        assert np.linalg.norm(state.actors[traffic.id].velocity_mps) > 0.5
    return hashes


OWN_MAP = (
    '<OpenDRIVE><header revMajor="1" revMinor="4"/><road id="1" length="80" junction="-1"><planView>'
    '<geometry s="0" x="0" y="0" hdg="0" length="80"><line/></geometry></planView><lanes><laneSection s="0"><center>'
    '<lane id="0" type="none" level="false"/></center><right><lane id="-1" type="driving" level="false">'
    '<width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection></lanes></road></OpenDRIVE>'
)


def test_a_town_may_be_the_path_of_an_opendrive_file(address, cache, tmp_path):
    path = tmp_path / "mine.xodr"
    path.write_text(OWN_MAP, encoding="utf-8")

    with opened(address, cache, str(path)) as session:
        car = session.spawn(CAR, from_yaw(20.0, -1.75, 0.3, 0.0), role="ego")
        for _ in range(10):
            state = session.tick()

        assert session.map.name.endswith("/OpenDriveMap")
        assert state.actors[car.id].world_from_actor[:3, 3] == pytest.approx([20.0, -1.75, 0.0], abs=0.02)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, DocumentError, "mine.xodr: cannot be read: No such file"),
        (b"\xff\xfe<", DocumentError, "mine.xodr: byte 0 is not UTF-8"),
        (
            b"<OpenDRIVE/>",
            CastError,
            "mine.xodr: copy_opendrive_to_file: OpenDRIVE: no road has a lane of type driving",
        ),
    ],
)
def test_a_file_that_makes_no_town_is_said_with_its_path_and_reason(address, cache, tmp_path, content, error, message):
    path = tmp_path / "mine.xodr"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(error, match=message), opened(address, cache, str(path)):
        pytest.fail("the session began")
