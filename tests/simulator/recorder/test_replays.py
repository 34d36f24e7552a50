"""The recorder and the replayer through the official client."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import carla
import numpy as np
import pytest

from av_synth.cli.app import status
from av_synth.errors import UserError
from av_synth.recording import encode, read
from av_synth.recording import format as layout
from av_synth.replay.carla_recorder import of_recording
from av_synth.simulator.server import Server
from tests.simulator.recorder.scenes import LIGHTS_ON, TICKS, Scene, differences, told_of
from tests.simulator.server_process import connect, fresh_world, running_simulator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outer") / "recordings"


@pytest.fixture(scope="module")
def client(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[carla.Client]:
    with running_simulator("--recordings", str(folder)) as (_, port):
        yield connect(port, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def told(client: carla.Client, folder: Path) -> list[dict[int, Any]]:
    """What clients were told of the frames that are in scene.log."""
    world = fresh_world(client)
    scene = Scene(world)
    path = client.start_recorder("scene.log", True)
    frames = scene.play()
    client.stop_recorder()
    assert path == str(folder / "scene.log")
    # where it was recorded: the actors are still there, elsewhere and with other lamps
    scene.car.set_light_state(carla.VehicleLightState.NONE)
    for _ in range(30):
        world.tick()
    client.replay_file("scene.log", 0.0, 0.0, 0)
    for tick, frame in enumerate(frames):
        world.tick()
        assert differences(frame, told_of(world)) == [], tick
    assert {who for frame in frames for who in frame} >= {scene.car.id, scene.hero.id, scene.walker.id, scene.light.id}
    return frames


@pytest.fixture
def world(client: carla.Client, told: list[dict[int, Any]]) -> carla.World:
    return fresh_world(client)


def who_is(told: dict[int, Any], type_id: str) -> int:
    return next(who for who, (kind, _, _) in told.items() if kind == type_id)


def test_a_replay_in_a_world_that_is_empty_is_the_recording_frame_by_frame_with_the_same_ids(client, world, told):
    text = client.replay_file("scene.log", 0.0, 0.0, 0)

    assert text.splitlines()[1:] == [
        "Total time recorded: 4.95",
        "Replaying from 0 s - 4.95 s (4.95 s) at 1.0x",
        "Ignoring Spectator camera",
    ]
    for tick in range(TICKS):
        world.tick()
        assert differences(told[tick], told_of(world)) == [], tick


def test_after_the_last_frame_everybody_stands_and_can_be_driven_again(client, world, told):
    client.replay_file("scene.log", -0.5, 0.0, 0)
    for _ in range(12):
        world.tick()
    car = world.get_actor(who_is(told[0], "vehicle.audi.a2"))
    stood = car.get_velocity().length(), car.get_control().throttle

    car.apply_control(carla.VehicleControl(throttle=1.0, reverse=True))
    before = car.get_location()
    for _ in range(20):
        world.tick()

    assert stood == (0.0, 0.0)
    assert car.get_location().distance(before) > 0.3


@pytest.mark.parametrize(
    ("start", "duration", "factor", "ticks", "shown"),
    [
        (2.0, 0.0, 1.0, 1, 40),
        (-1.0, 0.0, 1.0, 1, 79),
        (-100.0, 0.0, 1.0, 3, 2),
        (0.0, 0.0, 2.0, 11, 20),
        (1.0, 0.5, 1.0, 11, 30),
    ],
    ids=["from a time", "from before the end", "from before the beginning", "at double speed", "the end of a duration"],
)
def test_a_replay_begins_where_it_is_told_and_goes_as_fast(client, world, told, start, duration, factor, ticks, shown):
    client.set_replayer_time_factor(factor)
    client.replay_file("scene.log", start, duration, 0)
    for _ in range(ticks):
        world.tick()

    assert differences(told[shown], told_of(world)) == []


def test_a_duration_ends_a_replay_where_everybody_is_then(client, world, told):
    car = who_is(told[0], "vehicle.audi.a2")

    assert "\nReplaying from 1 s - 1.5 s (4.95 s) at 1.0x\n" in client.replay_file("scene.log", 1.0, 0.5, 0)
    for _ in range(16):
        world.tick()
    place, last = (np.array(each[car][1]) for each in (told_of(world), told[30]))
    assert np.abs(place[:2] - last[:2]).max() < 0.02
    assert np.linalg.norm(last[6:]) > 1.0
    assert np.abs(place[6:]).max() < 0.01


def test_half_as_fast_everybody_is_between_where_they_were(client, world, told):
    client.set_replayer_time_factor(0.5)
    client.replay_file("scene.log", 1.0, 0.0, 0)
    world.tick()
    world.tick()
    car = who_is(told[0], "vehicle.audi.a2")

    between = 0.5 * (np.array(told[20][car][1]) + told[21][car][1])
    assert told_of(world)[car][1] == pytest.approx(between, abs=1e-3)


def test_what_was_asked_of_replays_ends_with_the_episode(client, world, told):
    client.set_replayer_time_factor(2.0)
    client.set_replayer_ignore_hero(True)
    client.set_replayer_ignore_spectator(False)
    asked = client.replay_file("scene.log", 0.0, 0.0, 0)
    fresh_world(client)
    after = client.replay_file("scene.log", 0.0, 0.0, 0)

    assert "at 2.0x\nIgnoring Hero vehicle\n" in asked
    assert "at 1.0x\nIgnoring Spectator camera\n" in after


def test_the_spectator_follows_somebody(client, world, told):
    car = who_is(told[0], "vehicle.audi.a2")
    client.replay_file("scene.log", 1.0, 0.0, car, False, carla.Transform(carla.Location(x=-8.0, z=3.0)))
    world.tick()

    behind = world.get_actor(car).get_transform().transform(carla.Location(x=-8.0, z=3.0))
    assert world.get_spectator().get_location().distance(behind) < 1e-3


def test_the_hero_and_the_spectator_are_left_out_on_request_only(client, world, told):
    world.get_spectator().set_transform(carla.Transform(carla.Location(x=5.0, z=50.0)))
    world.tick()
    client.start_recorder("spectator.log")
    world.tick()
    client.stop_recorder()
    world.get_spectator().set_transform(carla.Transform(carla.Location(x=9.0)))
    client.set_replayer_ignore_hero(True)

    text = client.replay_file("scene.log", 0.0, 0.0, 0)
    world.tick()
    assert "Ignoring Hero vehicle\n" in text
    assert [a.type_id for a in world.get_actors().filter("vehicle.*")] == ["vehicle.audi.a2"]
    assert world.get_spectator().get_location().x == 9.0

    client.set_replayer_ignore_spectator(False)
    assert "Ignoring Spectator" not in client.replay_file("spectator.log", 0.0, 0.0, 0)
    world.tick()
    assert world.get_spectator().get_location().x == 5.0


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "removed"])
def test_a_replay_that_is_stopped_keeps_or_removes_whom_it_created(client, world, told, keep):
    client.replay_file("scene.log", 0.0, 0.0, 0)
    for _ in range(5):
        world.tick()
    client.stop_replayer(keep)
    stopped = told_of(world)
    world.tick()
    there = told_of(world)

    cars = [who for who, (kind, _, _) in there.items() if kind.startswith(("vehicle", "walker"))]
    assert len(cars) == (3 if keep else 0)
    assert all(there[who][1][:2] == pytest.approx(stopped[who][1][:2], abs=0.02) for who in cars)


def test_sensors_are_played_on_request_where_they_were(client, world, told):
    client.replay_file("scene.log", 0.0, 0.0, 0, True)
    world.tick()

    (bump,) = world.get_actors().filter("sensor.*")
    assert bump.parent.type_id == "vehicle.audi.a2"
    there = bump.parent.get_transform().transform(carla.Location(x=2.0))
    assert bump.get_location().distance(there) < 1e-3


def test_a_world_that_is_not_synchronous_plays_to_the_end(client, world, told):
    settings = world.get_settings()
    settings.synchronous_mode = False
    world.apply_settings(settings)
    client.set_replayer_time_factor(10.0)
    client.replay_file("scene.log", 0.0, 0.0, 0)
    walker = who_is(told[0], "walker.pedestrian.0001")
    goal = carla.Location(*told[-1][walker][1][:3])

    for _ in range(200):  # ten seconds of a world with all the time it wants
        found = world.wait_for_tick().find(walker)
        if found is not None and found.get_transform().location.distance(goal) < 1e-3:
            return
    pytest.fail("it did not come to its last place")


def test_velocities_that_were_not_recorded_are_those_of_the_places(client, world, told):
    scene = Scene(world)
    client.start_recorder("plain.log")
    frames = scene.play()[:40]
    client.stop_recorder()
    world = fresh_world(client)
    client.replay_file("plain.log", 0.0, 0.0, 0)
    car, told_mps, played_mps = scene.car.id, [], []
    for frame in frames:
        world.tick()
        told_mps.append(frame[car][1][6:8])
        played_mps.append(told_of(world)[car][1][6:8])

    assert np.abs(np.array(played_mps) - told_mps).max() < 0.3
    assert np.abs(played_mps).max() > 3.0


def test_what_happens_is_the_same_whether_it_is_recorded_or_not(client, world, told):
    assert Scene(world).play() == told


def test_the_physics_of_a_vehicle_are_as_clients_are_told(client, world, folder):
    car = world.spawn_actor(
        world.get_blueprint_library().find("vehicle.audi.a2"), world.get_map().get_spawn_points()[0]
    )
    world.tick()
    client.start_recorder("physics.log", True)
    world.tick()
    client.stop_recorder()
    told, (found,) = car.get_physics_control(), read(folder / "physics.log").frames[0].physics

    assert found.numbers[:2] == pytest.approx((told.max_rpm, told.moi))
    assert found.numbers[5:10] == pytest.approx(
        (True, told.clutch_strength, told.final_ratio, told.mass, told.drag_coefficient)
    )
    assert found.torque_curve == tuple((point.x, point.y) for point in told.torque_curve)
    assert [wheel[2] for wheel in found.wheels] == pytest.approx([wheel.max_steer_angle for wheel in told.wheels])
    assert found.wheels[0][9:] == pytest.approx(
        (told.wheels[0].position.x, told.wheels[0].position.y, told.wheels[0].position.z)
    )
    assert found.numbers[10:] == pytest.approx((told.center_of_mass.x, told.center_of_mass.y, told.center_of_mass.z))


def test_our_file_is_read_by_the_toolkit(folder, told, capsys):
    recording = read(folder / "scene.log")
    log, _ = of_recording(recording)

    assert status(["recorder", "info", str(folder / "scene.log")]) == 0
    assert "map AvSynth01" in capsys.readouterr().out
    assert encode(recording) == (folder / "scene.log").read_bytes()
    assert [frame.duration_s for frame in recording.frames] == [*[pytest.approx(0.05)] * (TICKS - 1), -1.0]
    assert log.actors[log.ego_id].type_id == "vehicle.tesla.model3"
    assert {event.kind for events in log.events.values() for event in events} == {"contact"}
    counts = recording.counts()
    every = {layout.EVENT_DEL, layout.EVENT_PARENT, layout.KINEMATICS, layout.BOUNDING_BOX, layout.VEHICLE_DOOR}
    assert all(counts[packet] for packet in every | {layout.STATE, layout.LIGHT_TIMES, layout.PHYSICS})


def test_a_simulator_that_is_killed_leaves_a_recording_that_another_one_plays(client, world, folder, tmp_path):
    with running_simulator("--recordings", str(folder)) as (process, port):
        other = connect(port, tmp_path)
        there = fresh_world(other)
        scene = Scene(there)
        other.start_recorder("killed.log", True)
        frames = []
        for _ in range(10):
            there.tick()
            frames.append(told_of(there))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        del scene

    assert "Total time recorded: 0.45\n" in client.replay_file("killed.log", 0.0, 0.0, 0)
    for frame in frames:
        world.tick()
        assert differences(frame, told_of(world)) == []


def test_the_texts_tell_who_came_and_went_and_who_met_whom(client, told, folder):
    car, hero = (who_is(told[0], f"vehicle.{name}") for name in ("audi.a2", "tesla.model3"))
    third = who_is(told[30], "vehicle.audi.tt")

    short, long = (client.show_recorder_file_info("scene.log", everything) for everything in (False, True))
    assert short.startswith("Version: 1\nMap: AvSynth01\nDate: ")
    assert short.endswith("\n\nFrames: 100\nDuration: 4.95 seconds\n")
    assert "\nFrame 21 at 1 seconds\n" in short
    assert f"\n Create {third}: vehicle.audi.tt (1) at (" in short
    assert "\n  role_name = hero\n" in short
    assert f"\nFrame 71 at 3.5 seconds\n Destroy {third}\n" in short
    assert f" with {car} (parent)\n" in short
    assert f"\n Collision id 0 between {hero} (hero)  with {car}\n" in short
    assert "Positions" not in short
    assert long.count("\n Positions: ") == TICKS
    assert f"\n  Id: {car} LowBeam Fog\n" in long
    assert int(LIGHTS_ON) == 0x82
    assert long.count("\n Physics Control events: ") == 2  # at the beginning, and of who came late
    assert f"\n  Id: {car}\n   max_rpm = " in long

    hits = client.show_recorder_collisions("scene.log", "h", "v").splitlines()
    assert hits[4] == f"    Time  Types     Id {'Actor 1':<35}     Id {'Actor 2':<35}"
    assert hits[5].split()[1:] == ["v", "v", str(hero), "vehicle.tesla.model3", str(car), "vehicle.audi.a2"]
    assert len(client.show_recorder_collisions("scene.log", "w", "a").splitlines()) == 8

    still = client.show_recorder_actors_blocked("scene.log", 2.0, 10.0).splitlines()
    assert still[4] == f"    Time     Id {'Actor':<35}   Duration"
    assert [line.split()[2] for line in still[5:-3]] == ["spectator", "vehicle.tesla.model3", "vehicle.audi.tt"]


def test_a_file_that_is_not_there_is_told_and_cannot_be_played(client, told, folder):
    said = f"File {folder / 'none.log'} not found on server\n"

    assert client.show_recorder_file_info("none.log", False) == said
    assert client.show_recorder_collisions("none.log", "a", "a") == said
    assert client.show_recorder_actors_blocked("none.log", 1.0, 1.0) == said
    with pytest.raises(RuntimeError, match=r"none\.log not found on server"):
        client.replay_file("none.log", 0.0, 0.0, 0)


@pytest.mark.parametrize(
    "name", ["../x.log", "/etc/x.log", "a/../../x.log", "", ".", "x\0.log", "link/x.log", "y" * 300]
)
def test_no_name_leads_out_of_the_folder(client, told, folder, name):
    outside = folder.parent / "outside"
    outside.mkdir(exist_ok=True)
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to(outside)

    for call in (client.start_recorder, lambda each: client.show_recorder_file_info(each, False)):
        with pytest.raises(RuntimeError, match=r"recorder file|cannot be written"):
            call(name)
    assert list(outside.iterdir()) == []
    assert sorted(path.name for path in folder.parent.iterdir()) == ["outside", "recordings"]


@pytest.mark.parametrize("path", ["a-file", "a-file/below", "/proc/recordings"])
def test_a_folder_that_cannot_be_written_is_refused_when_it_is_named(tmp_path, path):
    (tmp_path / "a-file").touch()

    with pytest.raises(UserError, match=f"^--recordings: {tmp_path / path}: .*; want a folder that can be written$"):
        Server(port=0, recordings=tmp_path / path)


def test_what_is_no_recording_is_neither_written_over_nor_played(client, world, folder):
    (folder / "notes.txt").write_text("mine")

    with pytest.raises(RuntimeError, match="is there and no recording"):
        client.start_recorder("notes.txt")
    for ask in (
        lambda: client.replay_file("notes.txt", 0.0, 0.0, 0),
        lambda: client.show_recorder_file_info("notes.txt", True),
    ):
        with pytest.raises(RuntimeError, match=r"notes\.txt: byte 2: .* no file of CARLA's recorder"):
            ask()
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_file_that_is_cut_off_says_where_it_is_whole(client, world, folder):
    (folder / "cut.log").write_bytes((folder / "scene.log").read_bytes()[:-7])

    with pytest.raises(RuntimeError, match=r"cut\.log: byte .* whole up to byte .*, 99 frames"):
        client.replay_file("cut.log", 0.0, 0.0, 0)


def test_whatever_stands_in_a_file_the_world_goes_on(client, world, folder):
    chance, whole = random.Random(7), (folder / "scene.log").read_bytes()
    played, refused = 0, []
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(3):
            data[chance.randrange(20, len(data))] = chance.randrange(256)
        (folder / "broken.log").write_bytes(data)
        try:
            client.replay_file("broken.log", chance.uniform(0.0, 4.0), 0.0, 5, True)
            played += 1
        except RuntimeError as error:
            refused.append(str(error))
        for _ in range(3):
            world.tick()

    assert played > 5
    assert len(refused) > 5
    assert [message for message in refused if "internal error" in message] == []


@pytest.mark.parametrize("start", [4.96, 1e9])
def test_a_replay_that_would_begin_after_the_end_is_refused(client, world, start):
    with pytest.raises(RuntimeError, match=r"start .* it is 4\.95 s long"):
        client.replay_file("scene.log", start, 0.0, 0)


def test_a_recording_of_another_town_is_played_there(client, world, told):
    client.load_world("AvSynth02")

    client.replay_file("scene.log", 0.0, 0.0, 0)

    assert "AvSynth01" in client.get_world().get_map().name


def test_a_recording_of_a_town_that_is_not_there_says_so(client, world, folder):
    data = (folder / "scene.log").read_bytes().replace(b"AvSynth01", b"Nowhere01", 1)
    (folder / "nowhere.log").write_bytes(data)

    with pytest.raises(RuntimeError, match="Map 'Nowhere01' not found"):
        client.replay_file("nowhere.log", 0.0, 0.0, 0)


def test_recordings_and_replays_end_with_their_episode(client, world, told, folder):
    client.start_recorder("episode.log")
    for _ in range(3):
        world.tick()
    client.load_world("AvSynth01", False).tick()
    assert len(read(folder / "episode.log").frames) == 3

    client.replay_file("scene.log", 0.0, 0.0, 0)
    client.get_world().tick()
    world = client.load_world("AvSynth01", False)
    for _ in range(25):  # in which the third car would come
        world.tick()
    assert list(world.get_actors().filter("vehicle.*")) == []
