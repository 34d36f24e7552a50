"""Drives are recorded, told of and replayed."""

from __future__ import annotations

from dataclasses import dataclass

import carla
import pytest

from tests.simulator.calls.observed import Pair, proves
from tests.simulator.server_process import ahead

_FILE = "calls.log"
_FRAMES = 20


@dataclass(frozen=True)
class _Drive:
    """A car that stands where it began, and where B saw it on each frame of its recorded drive."""

    car: carla.Vehicle
    places: list[carla.Location]

    def frame_of(self, place: carla.Location) -> int | None:
        """The recorded frame on which the car was there; None for elsewhere."""
        return next((k for k, each in enumerate(self.places) if each.distance(place) < 0.01), None)


def _recorded(pair: Pair, role_name: str = "driver") -> _Drive:
    """One second at 10 m/s, which A has recorded."""
    car = pair.spawn("vehicle.audi.a2", pair.places[0], role_name=role_name)
    pair.tick(10)
    start = pair.seen(car).get_transform()
    car.enable_constant_velocity(carla.Vector3D(10.0, 0.0, 0.0))
    pair.client_a.start_recorder(_FILE, False)
    places = []
    for _ in range(_FRAMES):
        pair.tick()
        places.append(pair.seen(car).get_location())
    pair.client_a.stop_recorder()
    car.disable_constant_velocity()
    car.apply_control(carla.VehicleControl(brake=1.0))
    pair.tick(40)
    car.set_transform(start)
    pair.tick()
    return _Drive(car, places)


def _replay(pair: Pair, ticks: int) -> None:
    pair.client_a.replay_file(_FILE, 0.0, 0.0, 0)
    pair.tick(ticks)


@proves("start_recorder")
def a_recording(pair: Pair) -> None:
    """B is told the car and the 20 frames that are in the file which A has recorded."""
    drive = _recorded(pair)
    told = pair.client_b.show_recorder_file_info(_FILE, True)

    assert f"Create {drive.car.id}: vehicle.audi.a2" in told
    assert f"Frames: {_FRAMES}\n" in told


@proves("stop_recorder")
def the_end_of_a_recording(pair: Pair) -> None:
    """B is told the same of the file as before, frames after A has ended the recording."""
    _recorded(pair)
    before = pair.client_b.show_recorder_file_info(_FILE, False)
    pair.tick(5)

    assert pair.client_b.show_recorder_file_info(_FILE, False) == before


@proves("show_recorder_file_info")
def what_is_in_a_recording(pair: Pair) -> None:
    """B is told the map, and how many seconds A has recorded."""
    _recorded(pair)
    told = pair.client_b.show_recorder_file_info(_FILE, False)

    assert "Map: AvSynth01\n" in told
    assert "Duration: 0.95 seconds" in told


@proves("show_recorder_collisions")
def collisions_of_a_recording(pair: Pair) -> None:
    """B is told that A's car hit another one, by both ids."""
    other = pair.spawn("vehicle.audi.a2", ahead(pair.places[0], 8.0))
    drive = _recorded(pair)
    told = pair.client_b.show_recorder_collisions(_FILE, "a", "a")

    assert {str(drive.car.id), str(other.id)} <= set(told.split())


@proves("show_recorder_actors_blocked")
def who_stood_in_a_recording(pair: Pair) -> None:
    """B is told that another car of A's stood still, and not that the one that drove did."""
    other = pair.spawn("vehicle.audi.a2", pair.places[1])
    drive = _recorded(pair)
    told = pair.client_b.show_recorder_actors_blocked(_FILE, 0.5, 100.0).split()

    assert str(other.id) in told
    assert str(drive.car.id) not in told


@proves("replay_file")
def a_replay(pair: Pair) -> None:
    """B sees the car on each frame where it was on that frame of A's recording."""
    drive = _recorded(pair)
    pair.client_a.replay_file(_FILE, 0.0, 0.0, 0)
    seen = []
    for _ in range(_FRAMES):
        pair.tick()
        seen.append(drive.frame_of(pair.seen(drive.car).get_location()))

    assert seen == list(range(_FRAMES))


@proves("stop_replayer")
def the_end_of_a_replay(pair: Pair) -> None:
    """B sees the car stay where it was when A ended the replay."""
    drive = _recorded(pair)
    _replay(pair, 5)
    pair.client_a.stop_replayer(True)
    pair.tick(5)

    assert drive.frame_of(pair.seen(drive.car).get_location()) == 4


@proves("set_replayer_time_factor")
def a_faster_replay(pair: Pair) -> None:
    """B sees the car on the fifth frame of the replay where it was on the ninth of the recording, at twice its pace."""
    drive = _recorded(pair)
    pair.client_a.set_replayer_time_factor(2.0)
    _replay(pair, 5)

    assert drive.frame_of(pair.seen(drive.car).get_location()) == 8


@proves("set_replayer_ignore_hero")
def a_replay_without_the_hero(pair: Pair) -> None:
    """B sees the car whose role is hero stand during a replay that is to ignore it."""
    drive = _recorded(pair, role_name="hero")
    stood = pair.seen(drive.car).get_location()
    pair.client_a.set_replayer_ignore_hero(True)
    _replay(pair, 10)

    assert pair.seen(drive.car).get_location().distance(stood) < 0.01


@proves("set_replayer_ignore_spectator")
def a_replay_with_the_spectator(pair: Pair) -> None:
    """B sees the spectator back where it was recorded, in a replay that is not to ignore it."""
    spectator = pair.a.get_spectator()
    recorded = ahead(pair.places[0], 0.0, up_m=30.0)
    spectator.set_transform(recorded)
    _recorded(pair)
    spectator.set_transform(carla.Transform(carla.Location(1.0, 2.0, 3.0)))
    pair.tick()
    pair.client_a.set_replayer_ignore_spectator(False)
    _replay(pair, 3)

    assert pair.b.get_spectator().get_location().distance(recorded.location) == pytest.approx(0.0, abs=0.01)
