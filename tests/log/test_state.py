from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from av_synth.geometry.carla import matrix_from_carla
from av_synth.geometry.transforms import apply, rigid
from av_synth.log.state import ActorInfo, ActorState, WorldState

ACTOR = 7
lengths_m = st.floats(-500.0, 500.0)
vectors_m = st.tuples(lengths_m, lengths_m, lengths_m)
poses = st.builds(
    matrix_from_carla, vectors_m, st.floats(-89.0, 89.0), st.floats(-180.0, 180.0), st.floats(-180.0, 180.0)
)


def world(world_from_actor, box_centre_m) -> WorldState:
    still = np.zeros(3)
    info = ActorInfo(ACTOR, "vehicle.audi.a2", "van", "vehicle.car", np.array(box_centre_m), np.array([4.0, 2.0, 1.5]))
    return WorldState(9, 0, {ACTOR: ActorState(world_from_actor, still, still, still)}, {ACTOR: info})


@given(poses, vectors_m)
def test_a_box_is_the_actors_pose_moved_to_the_boxs_centre_along_the_actors_own_axes(pose, centre_m):
    world_from_box = world(pose, centre_m).world_from_box(ACTOR)

    np.testing.assert_allclose(world_from_box, pose @ rigid(np.eye(3), centre_m), atol=1e-9)
    np.testing.assert_allclose(world_from_box[:3, 3], apply(pose, centre_m), atol=1e-9)
    np.testing.assert_array_equal(world_from_box[:3, :3], pose[:3, :3])


def test_asking_for_a_box_leaves_the_state_as_it_was():
    pose = matrix_from_carla([10.0, -4.0, 0.2], 1.0, 30.0, -2.0)
    state = world(pose.copy(), [1.0, 2.0, 3.0])
    first = state.world_from_box(ACTOR)
    first[:3, 3] = 0.0

    np.testing.assert_array_equal(state.actors[ACTOR].world_from_actor, pose)
    np.testing.assert_allclose(state.world_from_box(ACTOR)[:3, 3], apply(pose, [1.0, 2.0, 3.0]))


def test_a_mount_ahead_of_a_turning_car_moves_sideways_too():
    state = world(rigid(np.eye(3), [100.0, 50.0, 0.0]), [0.0, 0.0, 0.0])
    turning = ActorState(
        state.actors[ACTOR].world_from_actor, np.array([10.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.4]), np.zeros(3)
    )
    state = WorldState(9, 0, {ACTOR: turning}, state.infos)

    np.testing.assert_allclose(state.velocity_at(ACTOR, np.array([103.5, 50.0, 0.5])), [10.0, 1.4, 0.0])
