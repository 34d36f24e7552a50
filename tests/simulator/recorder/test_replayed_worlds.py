"""What sensors see of a replayed world, recordings as functions of time, and ids that are asked for."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from av_synth.errors import LogError
from av_synth.geometry.transforms import Array, from_yaw, yaw
from av_synth.recording import Added, Frame, Recording, read, table
from av_synth.recording import format as layout
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.recorder.folder import Folder
from av_synth.simulator.recorder.recorder import Recorder
from av_synth.simulator.recorder.replayer import Replayer
from av_synth.simulator.recorder.timeline import Timeline
from av_synth.simulator.scene import Scene
from av_synth.simulator.town import load
from av_synth.simulator.world import VehicleControl, WalkerControl, World
from av_synth.simulator.world.doors import move_door
from av_synth.simulator.world.ids import LAST_BODY_ID, Ids

TICK_S, TICKS = 0.05, 60
BUS, REAR = "vehicle.avsynth.bendy_bus", catalogue()["vehicle.avsynth.bendy_bus"].attributes["avsynth.tows"]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files may grow to so many bytes; what would make them larger is written as far as that, then refused."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@dataclass
class Stage:
    """A world with its recorder and replayer."""

    folder: Path

    def __post_init__(self) -> None:
        self.world = World(load("AvSynth01"), catalogue())
        library = {definition.id: definition for definition in self.world.definitions()}
        self.recorder = Recorder(Folder(self.folder), lambda: library)
        self.replayer = Replayer(self.world, self.world.spawn, self.world.destroy, lambda: library)

    def step(self) -> Scene:
        self.replayer.before_step(TICK_S)
        self.world.step(TICK_S)
        self.replayer.after_step()
        self.recorder.after_step(self.world)
        return self.world.scene()

    def replay(self, recording: Recording, start_s: float = 0.0) -> None:
        self.replayer.start(recording, start_s, 0.0, 0, np.eye(4), sensors=False)


def attached(stage: Stage) -> list[Scene]:
    """A bus with its rear section turns, a box on a car goes with it, a door opens and closes, somebody walks."""
    world = stage.world
    front = world.spawn(BUS, {}, from_yaw(250.0, 58.25, 0.1, 0.0))
    hook = float(front.body.attributes["avsynth.hitch_x"]) - float(catalogue()[REAR].attributes["avsynth.hitch_x"])
    world.spawn(REAR, {}, from_yaw(hook, 0.0, 0.0, 0.0), front.id)
    car = world.spawn("vehicle.audi.a2", {}, from_yaw(200.0, 61.75, 0.1, np.pi))
    world.spawn("static.prop.box01", {}, from_yaw(0.2, 0.1, 1.7, 0.4), car.id)
    walker = world.spawn("walker.pedestrian.0001", {}, from_yaw(180.0, 52.5, 1.1, 0.0))
    stage.recorder.start("attached.log", "AvSynth01", additional_data=True)
    scenes = []
    for tick in range(TICKS):
        world.apply_vehicle_control(front.id, VehicleControl(throttle=0.8, steer=0.3))
        world.apply_vehicle_control(car.id, VehicleControl(throttle=1.0, steer=-0.1))
        world.apply_walker_control(walker.id, WalkerControl((1.0, 0.1, 0.0), 1.5))
        if tick in (10, 45):
            move_door(car, 0, opened=tick == 10)
        scenes.append(stage.step())
    stage.recorder.stop()
    return scenes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module")
def scenes(folder: Path) -> list[Scene]:
    return attached(Stage(folder))


def test_sensors_see_a_replay_as_they_saw_what_was_recorded(folder, scenes):
    stage = Stage(folder)
    stage.replay(read(folder / "attached.log"))
    for tick, scene in enumerate(scenes):
        replayed = stage.step()
        pairs = list(zip(scene.instances, replayed.instances, strict=True))

        assert [(a.actor_id, a.body, a.colour, a.lights) for a, _ in pairs] == [
            (b.actor_id, b.body, b.colour, b.lights) for _, b in pairs
        ], tick
        for seen, again in pairs:
            assert np.abs(seen.world_from_body - again.world_from_body).max() < 1e-3, (tick, seen.body)
            faster = np.abs(seen.velocity_mps - again.velocity_mps).max()
            if seen.body.startswith("static."):  # no recording tells of their velocities: differences of places
                assert faster < 0.5 or tick < 10, (tick, seen.body)
                continue
            assert faster < 1e-3, (tick, seen.body)
            assert np.abs(seen.angular_velocity_radps - again.angular_velocity_radps).max() < 1e-3, (tick, seen.body)
    assert len({instance.body for scene in scenes for instance in scene.instances}) > 7  # and doors


def test_from_the_middle_doors_that_stand_open_are_open(folder, scenes):
    stage = Stage(folder)
    stage.replay(read(folder / "attached.log"), 1.5)
    for _ in range(14):  # as long as a door takes
        replayed = stage.step()

    assert [each.body for each in replayed.instances] == [each.body for each in scenes[43].instances]


def test_who_is_attached_to_whom_is_played(folder, scenes):
    stage = Stage(folder)
    stage.replay(read(folder / "attached.log"))
    stage.step()
    parents = {
        actor.blueprint_id: stage.world.actors[actor.parent_id].blueprint_id
        for actor in stage.world.actors.values()
        if actor.parent_id
    }

    assert parents == {REAR: BUS, "static.prop.box01": "vehicle.audi.a2"}


def test_an_actor_of_the_same_id_and_blueprint_is_taken_and_one_of_another_is_left_alone(folder, scenes):
    stage = Stage(folder)
    recording = read(folder / "attached.log")
    bus, car = (next(a.actor_id for a in recording.added() if a.type_id == kind) for kind in (BUS, "vehicle.audi.a2"))
    same = stage.world.spawn(BUS, {}, from_yaw(300.0, 58.25, 0.1, 0.0), wanted_id=bus)
    other = stage.world.spawn("vehicle.audi.tt", {}, from_yaw(160.0, 58.25, 0.1, 0.0), wanted_id=car)
    stage.world.apply_vehicle_control(same.id, VehicleControl(throttle=1.0))
    stage.world.set_target_velocity(same.id, (9.0, 0.0, 0.0))
    stage.step()
    stood = other.world_from_actor.copy()
    stage.replay(recording)
    for _ in range(3):
        stage.step()

    played = [a.id for a in stage.world.actors.values() if a.blueprint_id == "vehicle.audi.a2"]
    assert (same.id, other.id) == (bus, car)
    assert [a.id for a in stage.world.actors.values() if a.blueprint_id == BUS] == [bus]
    assert np.linalg.norm(same.velocity_mps) < 2.0  # of the recording, not what it had
    assert played != [car]
    assert len(played) == 1
    assert np.abs(other.world_from_actor[:2, 3] - stood[:2, 3]).max() < 0.01


def moving(places: list[tuple[float, float]], step_s: float = 0.1) -> Recording:
    """A recording of a car (7) at x in centimetres, turned by degrees."""
    car = Added(7, layout.VEHICLE, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0, "vehicle.audi.a2", ())
    frames = [
        Frame(k + 1, k * step_s, step_s, tables={6: table(6, [(7, (x, 0.0, 0.0), (0.0, 0.0, turn))])})
        for k, (x, turn) in enumerate(places)
    ]
    return Recording("made", "AvSynth01", 0, (replace(frames[0], added=(car,)), *frames[1:]))


def place(timeline: Timeline, time_s: float) -> Array:
    return dict(timeline.motions(*timeline.at(time_s)))[7].world_from_actor


def test_between_frames_places_go_straight_and_headings_the_shortest_way():
    timeline = Timeline(moving([(0.0, 170.0), (100.0, -170.0)]))

    assert place(timeline, 0.05)[0, 3] == pytest.approx(0.5)
    assert abs(yaw(place(timeline, 0.05))) == pytest.approx(np.pi)
    assert yaw(place(timeline, 0.025)) == pytest.approx(np.radians(-175.0))


def test_velocities_that_are_not_in_a_file_are_differences_of_places_to_the_last_frame():
    timeline = Timeline(moving([(0.0, 0.0), (100.0, 0.0), (300.0, 0.0)]))
    speeds = [dict(timeline.motions(number, 0.0))[7].velocity_mps[0] for number in range(3)]

    assert speeds == pytest.approx([10.0, 20.0, 20.0])


@pytest.mark.parametrize("x_cm", [1e10, -3e38])
def test_a_place_where_nobody_can_be_is_refused(x_cm):
    with pytest.raises(LogError, match=r"made: frame 2: places to"):
        Timeline(moving([(0.0, 0.0), (x_cm, 0.0)]))


def test_who_is_created_gets_the_id_that_is_wanted_only_if_it_is_free_and_of_its_kind():
    ids = Ids()

    assert ids.take(True, 0, ()) == 1
    assert ids.take(True, 12, ()) == 12
    assert ids.take(True, 12, {12}) == 13
    assert ids.take(True, 1_000_004, ()) == 14
    assert ids.take(True, LAST_BODY_ID + 1, ()) == 15
    assert ids.take(False, 3, ()) == 1_000_000
    assert ids.take(False, 1_000_007, ()) == 1_000_007
    assert ids.take(False, 0, ()) == 1_000_008


def test_after_the_end_everybody_is_at_rest_and_moves_by_physics_again(folder, scenes):
    stage = Stage(folder)
    stage.replay(read(folder / "attached.log"))
    for _ in range(TICKS):
        stage.step()
    moved = {a.id for a in stage.world.actors.values() if np.linalg.norm(a.velocity_mps) > 0.5}
    stage.replayer.stop(keep_actors=True)
    there = [actor for actor in stage.world.actors.values() if actor.id in moved]

    assert {actor.kind for actor in there} == {"vehicle", "walker", "prop"}
    assert [actor.velocity_mps.tolist() for actor in there] == [[0.0, 0.0, 0.0]] * len(there)
    assert all(actor.simulate_physics and actor.collisions for actor in there if actor.kind != "prop")


def test_a_recording_cannot_move_traffic_lights(folder):
    stage = Stage(folder)
    light = next(actor for actor in stage.world.actors.values() if actor.traffic_light is not None)
    stood = light.world_from_actor.copy()
    there = tuple(float(100.0 * value) for value in stood[:3, 3] * (1.0, -1.0, 1.0))
    added = Added(7, layout.TRAFFIC_LIGHT, there, (0.0, 0.0, 0.0), 0, light.blueprint_id, ())
    recording = moving([(0.0, 0.0), (100.0, 0.0)])
    states = {layout.STATE: table(layout.STATE, [(7, 1, 1.5, 3)])}
    first, second = recording.frames
    second = replace(second, tables={**second.tables, **states})
    stage.replay(replace(recording, frames=(replace(first, added=(added,), tables=states), second)))
    for _ in range(3):
        stage.step()

    shown = light.traffic_light
    assert (shown.state.name, shown.elapsed_s, shown.frozen) == ("OFF", 1.5, True)
    assert (light.world_from_actor == stood).all()


def test_a_recording_that_finds_no_more_room_ends_with_its_last_whole_frame(tmp_path):
    stage = Stage(tmp_path)
    path = stage.recorder.start("short.log", "AvSynth01", additional_data=False)
    stage.step()
    after_one = path.stat().st_size
    stage.step()
    after_two = path.stat().st_size
    with room_for(2 * after_two - after_one - 1):
        stage.step()
    stage.step()

    assert path.stat().st_size == after_two
    assert [frame.number for frame in read(path).frames] == [1, 2]


def test_a_recording_that_finds_no_room_at_all_is_refused_and_leaves_nothing_open(tmp_path):
    stage = Stage(tmp_path)
    before = os.listdir("/proc/self/fd")
    with room_for(10), pytest.raises(LogError, match=r"none\.log: cannot be written: File too large"):
        stage.recorder.start("none.log", "AvSynth01", additional_data=False)

    assert len(os.listdir("/proc/self/fd")) == len(before)
    stage.step()
    assert (tmp_path / "none.log").read_bytes() == b""
