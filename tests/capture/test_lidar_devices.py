"""From what rays met to turns: chance by the run, weather by the frame, motion undone or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from av_synth.capture import FrameSet, LidarDevices
from av_synth.capture.frameset import Before
from av_synth.errors import DataError
from av_synth.geometry.transforms import Array, from_yaw, invert
from av_synth.log.state import ActorState, WorldState
from av_synth.rig import Lidar, Mount, Rig
from av_synth.rig.model import Firing
from av_synth.scenario.weather import PRESETS
from av_synth.sensing.air import air
from av_synth.sensing.lidar import LidarDevice, LidarHits
from av_synth.sensing.materials import Material

EGO, OTHER = 1, 2
AIR = air(PRESETS["clear_noon"].to_json())
N = 400
EXACT = LidarDevice(range_noise_m=0.0, range_step_m=0.0, weather=False)


def rig(motion: str, device: LidarDevice = EXACT) -> Rig:
    mount = Mount((1.0, 0.0, 2.0), (1.0, 0.0, 0.0, 0.0))
    lidar = Lidar("LIDAR_TOP", mount, 1, 1, N, 0.0, -1.0, 100.0, device=device, firing=Firing(motion, None))  # type: ignore[arg-type]
    return Rig("own", "", 50_000, 10, (), (lidar,), ())


def state(frame: int, ego: Array, other: Array) -> WorldState:
    still = np.zeros(3)
    actors = {key: ActorState(pose, still, still, still) for key, pose in ((EGO, ego), (OTHER, other))}
    return WorldState(frame, frame * 50_000, actors, {})


def frames(met: LidarHits, begun: tuple[Array, Array], ended: tuple[Array, Array], index: int = 5) -> FrameSet:
    before = Before(state(index - 1, *begun), begun[0])
    hit = {"LIDAR_TOP": met}
    return FrameSet(index, state(index, *ended), ended[0], False, {}, {}, {}, {}, lidar_hits=hit, before=before)


def hits(points_m: Array, time_s: Array, actor_id: Array) -> LidarHits:
    """Walls of plaster at points (N, 3) in the lidar's axes of their moments."""
    n, range_m = len(points_m), np.linalg.norm(points_m, axis=1)
    one = np.ones(n, dtype=np.float32)
    return LidarHits(
        (points_m / range_m[:, None]).astype(np.float32),
        range_m.astype(np.float32),
        one,
        np.full(n, 3, dtype=np.uint8),
        np.full(n, Material.FACADE, dtype=np.uint8),
        actor_id.astype(np.uint32),
        one,
        one,
        time_s.astype(np.float32),
        np.arange(n, dtype=np.int32),
        np.zeros(n, dtype=np.uint8),
    )


@pytest.fixture
def passing() -> FrameSet:
    """The ego turns and drives past a wall; another, whose side half of the rays meet, drives and turns too."""
    begun = from_yaw(0.0, 0.0, 0.0, 0.0), from_yaw(5.0, 4.0, 0.0, 0.5)
    ended = from_yaw(1.5, 0.1, 0.0, 0.04), from_yaw(6.0, 4.5, 0.0, 0.45)
    share = np.linspace(0.0, 0.999, N)
    of_other = np.arange(N) % 2 == 1
    spots = np.stack([np.linspace(-2, 2, N), np.ones(N), np.full(N, 1.0), np.ones(N)], axis=1)
    wall = np.stack([np.linspace(3, 12, N), np.full(N, 7.0), np.full(N, 1.5), np.ones(N)], axis=1)
    points = []
    for k in range(N):
        ego, other = (
            from_yaw(*(a[:3, 3] + share[k] * (b[:3, 3] - a[:3, 3])), (1 - share[k]) * yaw_a + share[k] * yaw_b)
            for (a, b), (yaw_a, yaw_b) in zip(zip(begun, ended, strict=True), ((0.0, 0.04), (0.5, 0.45)), strict=True)
        )
        world = other @ spots[k] if of_other[k] else wall[k]
        points.append((invert(ego @ rig("raw").lidars[0].mount.ego_from_sensor) @ world)[:3])
    return frames(hits(np.array(points), (share - 1.0) * 0.05, np.where(of_other, OTHER, 0)), begun, ended)


def world(seen: FrameSet, points_m: Array) -> Array:
    pose = seen.world_from_ego @ rig("raw").lidars[0].mount.ego_from_sensor
    return points_m @ pose[:3, :3].T + pose[:3, 3]


@pytest.mark.parametrize("motion", ["raw", "compensated"])
def test_what_a_turn_in_motion_met_is_known_at_the_frames_moment(passing, motion):
    turn = LidarDevices("test", 0, rig(motion)).apply(passing, AIR).lidars["LIDAR_TOP"]

    settled, of_other = world(passing, turn.at_frame_m), turn.actor_id == OTHER
    assert len(settled) > 0.95 * N
    np.testing.assert_allclose(settled[~of_other, 1], 7.0, atol=1e-4)
    in_body = (settled - [6.0, 4.5, 0.0]) @ from_yaw(0, 0, 0, 0.45)[:3, :3]
    np.testing.assert_allclose(in_body[of_other, 1], 1.0, atol=1e-4)
    wall = world(passing, turn.points_m)[~of_other, 1]
    if motion == "compensated":
        np.testing.assert_allclose(wall, 7.0, atol=1e-4)
    else:  # as they were measured: what is still seems to move
        assert np.abs(wall - 7.0).max() > 0.2


def test_a_turn_of_one_moment_has_no_times(passing):
    turn = LidarDevices("test", 0, rig("none")).apply(passing, AIR).lidars["LIDAR_TOP"]

    assert turn.settled_m is None
    assert turn.time_s.shape == turn.ring.shape
    assert not turn.time_s.any()


def test_a_turn_in_motion_wants_to_know_the_tick_before(passing):
    with pytest.raises(DataError, match="LIDAR_TOP feels motion, and at frame 5 nobody knows the tick before"):
        LidarDevices("test", 0, rig("raw")).apply(replace(passing, before=None), AIR)


def test_chance_is_of_scenario_seed_and_frame(passing):
    noisy = rig("none", replace(EXACT, range_noise_m=0.05))

    def points(scenario: str, seed: int, seen: FrameSet) -> bytes:
        return LidarDevices(scenario, seed, noisy).apply(seen, AIR).lidars["LIDAR_TOP"].points_m.tobytes()

    assert points("a", 0, passing) == points("a", 0, passing)
    others = {points("a", 1, passing), points("b", 0, passing), points("a", 0, replace(passing, index=6))}
    assert len(others | {points("a", 0, passing)}) == 4


def test_frames_without_devices_are_left_alone(passing):
    seen = replace(passing, lidar_hits={})

    assert LidarDevices("test", 0, rig("none")).apply(seen, AIR) is seen
