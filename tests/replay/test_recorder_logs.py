"""Recordings of CARLA as logs to play back, and logs of runs as recordings: the same story, and what is lost."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.director import Event
from av_synth.errors import LogError
from av_synth.geometry.transforms import from_yaw, matrix_from_quaternion, quaternion_from_matrix, yaw
from av_synth.log.state import ActorInfo
from av_synth.recording import decode, encode
from av_synth.recording import format as layout
from av_synth.recording.model import Recording
from av_synth.replay.carla_recorder import of_recording, recording_of, uids_of, write
from av_synth.replay.state_log import ActorMotion, StateLog, of_run
from av_synth.scenario.weather import SNOW_FIELDS
from av_synth.store import open_run
from tests.export.synthetic_run import Rows, build_run
from tests.replay.recorder_bytes import HERO, SAMPLE, WALKER, actor, added, frame, header, packet, positions, records

FRAMES, TICK_US = 5, 50_000
EGO, WALKS, TRAILER = 7, 9, 12
WEATHER = {
    **dict(zip(layout.WEATHER_FIELDS, np.linspace(0.0, 65.0, 14).tolist(), strict=True)),
    **dict.fromkeys(SNOW_FIELDS, 0.0),
}


def info(actor_id: int, type_id: str, role: str, size: tuple[float, float, float], **more: object) -> ActorInfo:
    facts = ActorInfo(actor_id, type_id, role, "", np.array([0.1, 0.2, 0.8]), np.array(size))
    return replace(facts, **more)


def motion(actor_id: int, frames: list[int]) -> ActorMotion:
    """Somewhere for each, tilted, with rates of its own."""
    pose = [[3.0 + 2 * at, -actor_id, 0.5, *np.array([0.9, 0.1, -0.2, 0.3]) / math.sqrt(0.95)] for at in frames]
    rates = [[40.0, -1.0, 0.25, 0.1, 0.2, -0.3, 0.0, 0.0, 0.0]] * len(frames)
    return ActorMotion(np.array(frames), np.array(pose), np.array(rates))


def a_log() -> StateLog:
    """An ego with a trailer, and somebody on foot who comes and goes."""
    control = {"throttle": 0.5, "steer": -0.25, "brake": 0.0, "hand_brake": False, "reverse": True, "gear": -1}
    actors = (
        info(EGO, "vehicle.audi.a2", "ego", (4.0, 1.8, 1.6), attributes={"color": "16,16,16", "generation": "2"}),
        info(WALKS, "walker.pedestrian.0002", "pedestrian", (0.6, 0.6, 1.8), attributes={"role_name": "pedestrian"}),
        info(TRAILER, "static.prop.avsynth_rear", "rear", (6.0, 2.2, 2.5), towed_by=EGO, parked=True),
    )
    every = list(range(FRAMES))
    return StateLog(
        of="3d17e46d96e2a2ac84c9",
        town="Town06",
        tick_us=TICK_US,
        ego_id=EGO,
        frames=range(FRAMES),
        run_up=range(-2, 0),
        actors={each.actor_id: each for each in actors},
        motions={
            EGO: motion(EGO, [-2, -1, *every]),
            WALKS: motion(WALKS, [1, 2, 3]),
            TRAILER: motion(TRAILER, every),
        },
        controls={at: {EGO: control} for at in every},
        lamps={-2: {EGO: 1}, 3: {EGO: 9}},
        doors={-1: ((EGO, 1, True),), 2: ((EGO, 1, False),)},
        traffic_lights={at: {3: "Red", 4: "Green" if at < 2 else "Yellow"} for at in every},
        weather={0: WEATHER, 3: WEATHER | {"fog_density": 40.0, "snow_cover": 5.0}},
        events={1: (Event(TICK_US, "seen", EGO, WALKS), Event(TICK_US, "contact", EGO, WALKS))},
    )


@pytest.fixture(scope="module")
def there_and_back() -> tuple[StateLog, StateLog, tuple[str, ...]]:
    """A log, what is read of the file that is written of it, and what was lost at writing."""
    recording, lost = recording_of(a_log())
    return a_log(), of_recording(decode(encode(recording), "back.log"))[0], lost


def test_a_log_that_was_written_and_read_has_everybody_where_they_were(there_and_back):
    log, back, _ = there_and_back

    assert (back.of, back.town, back.tick_us, back.ego_id) == ("back.log", "Town06", TICK_US, EGO)
    assert back.frames == log.frames
    for at in log.frames:
        told, found = log.state(at).actors, back.state(at).actors
        assert found.keys() == told.keys()
        for actor_id in told:
            np.testing.assert_allclose(
                found[actor_id].world_from_actor, told[actor_id].world_from_actor, rtol=0, atol=2e-5
            )
    for actor_id in (EGO, WALKS):
        np.testing.assert_allclose(back.motions[actor_id].rates - log.motions[actor_id].rates[0], 0, atol=1e-5)


def test_a_log_that_was_written_and_read_tells_the_same_story(there_and_back):
    log, back, _ = there_and_back

    assert back.controls == log.controls
    assert back.lamps == {0: {EGO: 1}, 3: {EGO: 9}}
    assert back.doors == {0: ((EGO, 1, True),), 2: ((EGO, 1, False),)}
    assert back.traffic_lights == log.traffic_lights
    assert back.events == {1: (Event(TICK_US, "contact", EGO, WALKS),)}
    for at in (0, 3):
        assert back.weather[at] == pytest.approx(log.weather[at] | dict.fromkeys(SNOW_FIELDS, 0.0))
    assert back.weather.keys() == {0, 3}


def test_a_log_that_was_written_and_read_has_the_same_actors(there_and_back):
    log, back, _ = there_and_back

    assert {who: each.type_id for who, each in back.actors.items()} == {w: e.type_id for w, e in log.actors.items()}
    assert {who: each.towed_by for who, each in back.actors.items()} == {EGO: 0, WALKS: 0, TRAILER: EGO}
    assert {who: each.role for who, each in back.actors.items()} == {EGO: "ego", WALKS: "pedestrian", TRAILER: "static"}
    assert back.actors[EGO].attributes == {"color": "16,16,16", "generation": "2", "role_name": "hero"}
    for actor_id, told in log.actors.items():
        np.testing.assert_allclose(back.actors[actor_id].size_lwh_m, told.size_lwh_m, rtol=1e-6)
        np.testing.assert_allclose(back.actors[actor_id].box_centre_m, told.box_centre_m, rtol=1e-6)


def test_what_a_file_cannot_hold_is_said(there_and_back):
    told = "\n".join(there_and_back[2])

    for sentence in (
        "the 2 ticks before the first recorded frame are not in the file",
        "CARLA has no snow: it is not in the file",
        "a recording has no events but contacts: not in the file are 1 seen",
        "CARLA has no blueprint static.prop.avsynth_rear: its replayer leaves these actors out",
        "written as 0 and refused by it: vehicle.audi.a2, walker.pedestrian.0002;",
        "a log has no places of traffic lights",
        "the ego's role_name is written as 'hero'",
    ):
        assert sentence in told


def test_the_numbers_of_blueprints_come_from_a_recording_of_the_server_that_is_to_play_it():
    numbers = uids_of(decode(SAMPLE))
    recording, lost = recording_of(a_log(), numbers)

    assert numbers == {"vehicle.audi.a2": 7, "walker.pedestrian.0002": 7, "spectator": 7}
    assert [(each.type_id, each.uid) for each in recording.added()] == [
        ("vehicle.audi.a2", 7),
        ("static.prop.avsynth_rear", 0),
        ("walker.pedestrian.0002", 7),
    ]
    assert not any("refused by it" in sentence for sentence in lost)


def test_attributes_have_the_types_that_carla_wants_of_them():
    attributes = {"color": "1,2,3", "role_name": "7", "sticky_control": "true", "speed": "1.4", "generation": "2"}
    log = a_log()
    log = replace(log, actors={**log.actors, EGO: replace(log.actors[EGO], attributes=attributes | {"size": "small"})})

    (ego, *_) = recording_of(log)[0].added()
    assert {each.name: each.kind for each in ego.attributes} == {
        "color": layout.COLOUR,
        "role_name": layout.STRING,
        "sticky_control": layout.BOOL,
        "speed": layout.FLOAT,
        "generation": layout.INT,
        "size": layout.STRING,
    }


def test_a_recorder_file_is_turned_into_our_axes_and_units():
    log, _ = of_recording(decode(SAMPLE))
    state = log.state(0)

    np.testing.assert_allclose(state.actors[24].world_from_actor[:3, 3], (1.0, -2.0, 0.3), atol=1e-6)
    assert yaw(state.actors[24].world_from_actor) == pytest.approx(-math.pi / 2)
    np.testing.assert_allclose(state.actors[24].velocity_mps, (10.0, -2.0, 0.0))
    np.testing.assert_allclose(state.actors[24].angular_velocity_radps, (0.0, 0.0, -math.pi / 2))
    np.testing.assert_allclose(log.actors[24].size_lwh_m, (4.0, 1.8, 1.5), rtol=1e-6)
    assert list(log.actors) == [24, 30]
    assert log.there(2) == {24}
    assert log.weather[0]["sun_altitude_angle"] == -5.0
    assert log.events == {1: (Event(50_000, "contact", 24, 30),), 2: (Event(100_000, "contact", 24, 0),)}


def uneven(times_s: list[float], *more: bytes, kinematics: bool = False) -> Recording:
    """An ego that drives 20 m/s to the right and turns by 40 degrees a second, over 180 degrees."""
    frames = []
    for number, at in enumerate(times_s, 1):
        heading = (170 + 40 * at + 180) % 360 - 180
        speed = [records(layout.KINEMATICS, "I6f", (24, 0, 20, 0, 0, 0, 40))] if kinematics else []
        rows = positions((24, 0, 2000 * at, 0, 0, 0, heading))
        frames.append(frame(number, at, *([added(HERO), *more] if number == 1 else []), rows, *speed))
    return decode(header() + b"".join(frames))


@pytest.mark.parametrize("kinematics", [True, False])
def test_frames_at_uneven_times_become_even_ones_by_interpolation(kinematics):
    log, lost = of_recording(uneven([0.0, 0.013, 0.041, 0.097, 0.16, 0.161, 0.33], kinematics=kinematics))

    assert log.frames == range(7)
    for at in log.frames:
        found = log.state(at).actors[24]
        wanted = from_yaw(0.0, -20 * at * 0.05, 0.0, -math.radians(170 + 40 * at * 0.05))
        np.testing.assert_allclose(found.world_from_actor, wanted, atol=1e-5)
        np.testing.assert_allclose(found.velocity_mps, (0.0, -20.0, 0.0), atol=2e-3)
        np.testing.assert_allclose(found.angular_velocity_radps, (0.0, 0.0, -math.radians(40)), atol=1e-3)
        np.testing.assert_allclose(found.acceleration_mps2, 0.0, atol=0.1)
    assert lost[0].startswith("7 frames, 1.0 to 169.0 ms apart, become 7 of 50 ms: places are interpolated")
    assert ("velocities were not recorded" in "".join(lost)) is not kinematics


def test_nobody_is_led_through_a_jump():
    there = [
        positions((24, 0, 0, 0, 0, 0, 0)),
        positions((24, 0, 0, 0, 0, 0, 0)),
        positions((24, 90_000, 0, 0, 0, 0, 0)),
    ]
    data = [frame(at + 1, 0.08 * at, *([added(HERO)] if not at else []), rows) for at, rows in enumerate(there)]
    log, lost = of_recording(decode(header() + b"".join(data)))

    assert [log.state(at).actors[24].world_from_actor[0, 3] for at in log.frames] == [0.0, 0.0, 0.0, 0.0]
    assert [np.abs(log.state(at).actors[24].velocity_mps).max() for at in log.frames] == [0.0] * 4
    assert any(sentence.startswith("1 moves faster than 150 m/s are taken for jumps") for sentence in lost)


OTHER = actor(25, 1, "vehicle.tesla.model3", {"role_name": (3, "scenario")})
NOBODY = actor(24, 1, "vehicle.audi.a2", {})
STANDS = positions((24, 0, 0, 0, 0, 0, 0), (25, 900, 0, 0, 0, 0, 0))


def two(first: bytes, *, second: bytes = STANDS, at: float = 0.05) -> Recording:
    return decode(header() + frame(1, 0.0, first, STANDS) + frame(2, at, second), "two.log")


def test_the_ego_is_the_hero_or_who_is_said_to_be():
    assert of_recording(two(added(OTHER, HERO)))[0].ego_id == 24
    assert of_recording(two(added(OTHER, HERO)), ego_id=25)[0].ego_id == 25
    assert of_recording(two(added(NOBODY)))[0].ego_id == 24
    alike = actor(25, 1, "vehicle.tesla.model3", {"role_name": (3, "autopilot")})
    again = actor(24, 1, "vehicle.audi.a2", {"role_name": (3, "autopilot")})
    log, _ = of_recording(two(added(alike, again, HERO.replace(b"\x18\0\0\0", b"\x19\0\0\1", 1))), ego_id=24)
    assert {who: each.role for who, each in log.actors.items()} == {24: "ego", 25: "autopilot_25"}


@pytest.mark.parametrize(
    ("recording", "ego_id", "message"),
    [
        (two(added(OTHER, NOBODY)), None, "want one to be the ego: 25 (vehicle.tesla.model3), 24 (vehicle.audi.a2)"),
        (two(added(WALKER)), None, "want one to be the ego: it has no vehicle"),
        (two(added(HERO)), 30, "two.log: ego 30 is no vehicle of it; want one of 24 (vehicle.audi.a2)"),
        (two(added(HERO), second=positions()), None, "actor 24, the ego, is not there in every frame"),
        (two(added(HERO), at=0.04), None, "0.040 s are 1 frames of 50,000 us; want 2 to 1,000,000"),
        (two(added(HERO), at=9e5), None, "900000.000 s are 18,000,001 frames of 50,000 us; want 2 to 1,000,000"),
        (two(added(HERO), at=100.0), None, "after frame 1, at 0.0 s, nothing is recorded for 100.0 s"),
        (two(added(HERO, NOBODY.replace(b"a2", b"a3"))), None, "is a vehicle.audi.a2 and later a vehicle.audi.a3"),
    ],
)
def test_a_recording_that_cannot_be_played_says_why(recording, ego_id, message):
    with pytest.raises(LogError) as refused:
        of_recording(recording, ego_id=ego_id)

    assert message in str(refused.value)


def test_a_recording_with_a_byte_wrong_is_played_or_refused_and_never_anything_else():
    outcomes = set()
    for at in range(0, len(SAMPLE), 5):
        data = bytearray(SAMPLE)
        data[at] ^= 0x81
        try:
            log, _ = of_recording(decode(bytes(data)))
        except LogError:
            outcomes.add("refused")
        else:
            outcomes.add(f"{len(log.frames)} frames")

    assert {"refused", "3 frames"} <= outcomes


quaternions = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: math.hypot(*q) > 0.1)


@settings(max_examples=50)
@given(st.tuples(*[st.floats(-2000, 2000)] * 3), quaternions, st.tuples(*[st.floats(-60, 60)] * 6))
def test_any_pose_and_motion_comes_back(place, quaternion, rates):
    turned = quaternion_from_matrix(matrix_from_quaternion(quaternion))
    one = ActorMotion(np.arange(2), np.array([[*place, *turned]] * 2), np.array([[*rates, 0.0, 0.0, 0.0]] * 2))
    log = replace(a_log(), frames=range(2), run_up=range(0), motions={EGO: one})

    found = of_recording(decode(encode(recording_of(log)[0])))[0].state(1).actors[EGO]
    told = log.state(1).actors[EGO]
    np.testing.assert_allclose(found.world_from_actor[:3, 3], told.world_from_actor[:3, 3], atol=1e-4)
    np.testing.assert_allclose(found.world_from_actor[:3, :3], told.world_from_actor[:3, :3], atol=2e-5)
    np.testing.assert_allclose([*found.velocity_mps, *found.angular_velocity_radps], rates, atol=1e-5)


def as_vehicles(rows: Rows) -> None:
    for row in rows["actors"]:
        row["type_id"] = f"vehicle.synthetic.{row['actor_id']}"


def test_a_committed_run_becomes_a_file_that_is_the_same_every_time_and_plays_the_same(tmp_path: Path):
    log = of_run(open_run(build_run(tmp_path, 0, sensors=(), change=as_vehicles, last_frame=10)))
    for name in ("one.log", "two.log"):
        write(log, tmp_path / name)
    data = (tmp_path / "one.log").read_bytes()

    assert data == (tmp_path / "two.log").read_bytes()
    assert data.startswith(header("SynthTown", date=0) + packet(0, struct.pack("<Qdd", 1, 0.05, 0.0)))
    back, _ = of_recording(decode(data))
    assert back.frames == log.frames
    for at in log.frames:
        assert places(back, at) == pytest.approx(places(log, at), abs=1e-4)


def places(log: StateLog, at: int) -> Mapping[tuple[int, int], float]:
    return {
        (who, axis): float(each.world_from_actor[axis, 3])
        for who, each in log.state(at).actors.items()
        for axis in range(3)
    }


def test_a_number_that_does_not_fit_is_refused_when_it_is_written():
    log = a_log()
    far = replace(log.motions[EGO], poses=log.motions[EGO].poses * [1e37, 1, 1, 1, 1, 1, 1])

    with pytest.raises(LogError, match="positions with a number that does not fit 32 bits"):
        recording_of(replace(log, motions={EGO: far}))


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "none").touch()

    with pytest.raises(LogError, match="cannot be written: Not a directory"):
        write(a_log(), tmp_path / "none" / "in" / "x.log")
