"""Values to bytes and back: CARLA's axes, struct shapes and sensor bodies."""

from __future__ import annotations

import math
import struct

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.protocol import bodies, codec, structs
from av_synth.simulator.protocol.bodies import SensorType
from av_synth.simulator.protocol.calls import ArgumentError
from av_synth.simulator.protocol.handlers import CALLS
from av_synth.simulator.world.physics import default_physics

coordinate = st.floats(-5000.0, 5000.0)
angle = st.floats(-179.0, 179.0)


@given(coordinate, coordinate, coordinate, st.floats(-89.0, 89.0), angle, angle)
def test_a_transform_is_read_back_as_it_was_sent(x, y, z, pitch, yaw, roll):
    wire = [[x, y, z], [pitch, yaw, roll]]

    location, rotation = codec.transform(codec.read_transform(wire))

    assert location == pytest.approx([x, y, z], abs=1e-9)
    assert rotation == pytest.approx([pitch, yaw, roll], abs=1e-6)


def test_left_and_right_change_hands_on_the_wire():
    wire = codec.transform(from_yaw(1.0, 2.0, 3.0, math.radians(30.0)))

    assert wire == [pytest.approx([1.0, -2.0, 3.0]), pytest.approx([0.0, -30.0, 0.0])]
    assert codec.bounding_box(np.array([1.0, 2.0, 3.0]), np.ones(3), math.radians(10.0), 7) == [
        [1.0, -2.0, 3.0],
        [1.0, 1.0, 1.0],
        [0.0, pytest.approx(-10.0), 0.0],
        7,
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, "1", True, None, 1e300, [1.0]])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(ArgumentError, match="want a finite number"):
        codec.number(value)


def test_an_error_quotes_the_beginning_of_what_was_sent_however_long_or_deep_it_is():
    nested: list[object] = []
    for _ in range(5000):
        nested = [nested]

    assert len(codec.shown(nested)) < 40
    assert codec.shown("x" * 1_000_000).startswith("'xxx")
    assert len(codec.shown([b"y" * 1000] * 1000)) <= 80


def test_pedals_and_steering_end_at_their_ranges():
    control = structs.read_vehicle_control([1.5, -2.0, -0.5, False, False, False, 0])

    assert (control.throttle, control.steer, control.brake) == (1.0, -1.0, 0.0)


def test_physics_of_fewer_wheels_than_the_vehicle_has_are_refused():
    physics = default_physics(catalogue()["vehicle.audi.a2"])
    wire = structs.physics_control(np.eye(4), physics)
    wire[15].pop()

    with pytest.raises(ArgumentError, match="got 3 wheels; want the vehicle's 4"):
        structs.read_physics_control(wire, physics)


@pytest.mark.parametrize("curve", [0, 14], ids=["of the torque", "of the steering"])
def test_a_curve_has_so_many_points_and_no_more(curve):
    physics = default_physics(catalogue()["vehicle.audi.a2"])
    wire = structs.physics_control(np.eye(4), physics)
    wire[curve] = [[float(k), 1.0] for k in range(256)]
    assert structs.read_physics_control(wire, physics)

    with pytest.raises(ArgumentError, match="got a curve of 257 points; want 256 at most"):
        structs.read_physics_control([*wire[:curve], [*wire[curve], [256.0, 1.0]], *wire[curve + 1 :]], physics)


def test_optional_settings_travel_as_optional_and_zero_means_variable():
    fields = codec.settings(codec.EpisodeSettings(synchronous=True, fixed_delta_s=0.05))

    assert fields[:3] == [True, False, [True, 0.05]]
    assert codec.read_settings(fields).fixed_delta_s == 0.05
    assert codec.read_settings([*fields[:2], [True, 0.0], *fields[3:]]).fixed_delta_s is None
    assert codec.read_settings(fields[:6]).tile_stream_distance_m == 3000.0


@given(st.integers(1, 65535))
def test_an_actors_id_is_in_green_and_blue_of_an_instance_pixel(actor_id):
    pixel = bodies.instance_pixels(np.array([[14]], dtype=np.uint8), np.array([[actor_id]], dtype=np.uint32))[0, 0]

    assert (pixel[2], int(pixel[1]) + 256 * int(pixel[0]), pixel[3]) == (14, actor_id, 255)


def test_depth_keeps_a_tenth_of_a_millimetre_and_ends_at_a_kilometre():
    depth = np.array([[0.0, 0.05, 12.3456, 999.9, 1000.0, 5000.0]], dtype=np.float32)

    pixels = bodies.depth_pixels(depth)[0].astype(np.float64)

    metres = (pixels[:, 2] + 256 * pixels[:, 1] + 65536 * pixels[:, 0]) / (2**24 - 1) * 1000.0
    assert metres == pytest.approx(np.minimum(depth[0], 1000.0), abs=1e-4)


def test_flow_travels_in_halves_of_the_image_with_y_up_and_ends_at_2():
    flow_px = np.full((90, 160, 2), [8.0, 9.0], dtype=np.float32)
    flow_px[0, :3] = [[-0.0, 0.0], [640.0, 360.0], [-170.0, -1.0]]
    sent = bodies.flow_pixels(flow_px)

    assert sent.dtype == np.dtype("<f4")
    assert sent[1:] == pytest.approx(np.broadcast_to([0.1, -0.2], (89, 160, 2)), abs=1e-6)
    assert sent[0, :3] == pytest.approx(np.array([[0.0, 0.0], [2.0, -2.0], [-2.0, 1.0 / 45.0]]), abs=1e-6)
    assert not np.signbit(sent[0, 0]).any()


def test_bodies_have_the_lengths_that_the_client_expects():
    assert len(bodies.header(SensorType.RGB, 7, 0.35, np.eye(4))) == 48
    empty = [np.zeros((0, 4), dtype=np.float32)] * 3
    assert b"".join(bodies.lidar(0.5, empty)) == struct.pack("<fI3I", 0.5, 3, 0, 0, 0)
    rows = np.zeros(2, dtype=bodies.SEMANTIC_POINT)
    rows["xyz"], rows["actor_id"], rows["tag"] = (1.0, 2.0, 3.0), 9, 14
    assert b"".join(bodies.semantic_lidar(0.0, [rows]))[12:36] == struct.pack("<4f2I", 1.0, -2.0, 3.0, 0.0, 9, 14)
    one = np.ones(1)
    assert b"".join(bodies.radar(-one, one, one, one)) == struct.pack("<4f", -1.0, -1.0, 1.0, 1.0)
    assert b"".join(bodies.image(2, 1, 90.0, np.zeros((1, 2, 4), dtype=np.uint8))) == struct.pack("<IIf8x", 2, 1, 90.0)
    pull, turn = np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2, 0.3])
    felt = msgpack.unpackb(b"".join(bodies.imu(pull, turn, 1.5, np.zeros(3), np.array([0.0, 0.0, 1.0]))))
    assert felt == [[1.0, -2.0, 3.0], pytest.approx([-0.1, 0.2, 0.7]), 1.5]


def test_every_call_that_the_client_cannot_do_without_has_a_handler():
    needed = (
        "version get_episode_info get_sensor_token get_episode_settings set_episode_settings get_required_files "
        "query_lights_state tick_cue get_map_info get_map_data get_actor_definitions get_actors_by_id spawn_actor "
        "spawn_actor_with_parent destroy_actor get_actor_bounding_box apply_batch get_spectator get_available_maps "
        "load_new_episode get_weather_parameters set_weather_parameters set_actor_transform get_physics_control "
        "get_vehicle_light_states is_traffic_manager_running add_traffic_manager_running destroy_traffic_manager "
        "draw_debug_shape"
    )
    assert set(needed.split()) <= set(CALLS)
