import carla
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from av_synth.geometry.carla import carla_from_matrix, matrix_from_carla, told_poses, told_spins, told_vectors
from av_synth.geometry.transforms import (
    apply,
    from_yaw,
    invert,
    matrix_from_quaternion,
    quaternion_from_matrix,
    rigid,
    rotate,
    yaw,
)

lengths = st.floats(-1e3, 1e3)
points = st.tuples(lengths, lengths, lengths)
angles_deg = st.floats(-179.0, 179.0)
pitches_deg = st.floats(-89.0, 89.0)
quaternions = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)


@given(quaternions, points, points)
def test_inverse_takes_a_point_back(wxyz, translation, point):
    a_from_b = matrix_from_quaternion(wxyz, translation)

    np.testing.assert_allclose(apply(invert(a_from_b), apply(a_from_b, point)), point, atol=1e-8)


@given(quaternions)
def test_quaternion_survives_the_matrix_and_agrees_with_scipy(wxyz):
    peer = Rotation.from_quat(np.roll(wxyz, -1))
    matrix = matrix_from_quaternion(wxyz)
    back = quaternion_from_matrix(matrix)

    np.testing.assert_allclose(matrix[:3, :3], peer.as_matrix(), atol=1e-9)
    assert back[0] >= 0
    assert abs(abs(np.roll(back, -1) @ peer.as_quat()) - 1) < 1e-9


@given(points, pitches_deg, angles_deg, angles_deg)
def test_carla_conversion_is_the_clients_own_matrix_mirrored_in_y(location, pitch, yaw_deg, roll):
    theirs = carla.Transform(carla.Location(*location), carla.Rotation(pitch, yaw_deg, roll)).get_matrix()
    mirror = np.diag([1.0, -1.0, 1.0, 1.0])

    np.testing.assert_allclose(
        matrix_from_carla(location, pitch, yaw_deg, roll), mirror @ np.array(theirs) @ mirror, atol=1e-3
    )


@given(points, pitches_deg, angles_deg, angles_deg)
def test_carla_conversion_round_trips(location, pitch, yaw_deg, roll):
    back_location, back_rotation = carla_from_matrix(matrix_from_carla(location, pitch, yaw_deg, roll))

    np.testing.assert_allclose(back_location, location, atol=1e-9)
    np.testing.assert_allclose(back_rotation, (pitch, yaw_deg, roll), atol=1e-5)


# also upside down, turned right round, and hardly turned at all
any_deg = st.one_of(angles_deg, st.sampled_from([0.0, -0.0, 90.0, 180.0, -180.0]), st.floats(-1e-7, 1e-7))
any_poses = st.builds(matrix_from_carla, points, st.one_of(pitches_deg, st.floats(-1e-7, 1e-7)), any_deg, any_deg)


@settings(max_examples=40)
@given(st.lists(any_poses, min_size=1, max_size=5))
def test_what_is_told_comes_back_to_the_bit_over_the_wire_and_the_log_whoever_else_is_told_of(worlds):
    told = told_poses(np.array(worlds))
    np.testing.assert_allclose(told, worlds, atol=1e-4)

    for world_from_actor, alone in zip(told, worlds, strict=True):
        assert told_poses(alone[None]).tobytes() == world_from_actor.tobytes()
        location, rotation = np.float32(carla_from_matrix(world_from_actor))  # the snapshot
        read = matrix_from_carla(location.tolist(), *rotation.tolist())  # by the client, for the log
        logged = matrix_from_quaternion(quaternion_from_matrix(read), read[:3, 3])
        place, turn = np.float32(carla_from_matrix(logged))  # of a playback's command
        again = told_poses(matrix_from_carla(place.tolist(), *turn.tolist())[None])
        assert again.tobytes() == world_from_actor.tobytes()
        assert np.float32(carla_from_matrix(again[0])).tobytes() == np.array([location, rotation]).tobytes()


@given(points)
def test_velocities_that_are_told_come_back_to_the_bit(velocity):
    for told in (told_vectors, told_spins):
        once = told(np.array([velocity]))
        np.testing.assert_allclose(once, [velocity], rtol=1e-6, atol=1e-40)
        assert told(once).tobytes() == once.tobytes()


def test_a_left_turn_is_a_positive_heading_here_and_a_negative_one_in_carla():
    left = from_yaw(0.0, 0.0, 0.0, np.pi / 2)

    assert yaw(left) == pytest.approx(np.pi / 2)
    np.testing.assert_allclose(rotate(left, [1.0, 0.0, 0.0]), [0.0, 1.0, 0.0], atol=1e-12)
    assert carla_from_matrix(left)[1][1] == pytest.approx(-90.0)


def test_what_is_not_finite_or_not_a_rotation_is_refused_with_what_came():
    with pytest.raises(ValueError, match="finite"):
        rigid(np.eye(3), [np.nan, 0.0, 0.0])
    with pytest.raises(ValueError, match="non-zero quaternion"):
        matrix_from_quaternion([0.0, 0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match=r"\(3, 3\)"):
        rigid(np.eye(4), [0.0, 0.0, 0.0])
