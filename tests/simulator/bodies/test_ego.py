"""The ego carries the real nuScenes rig: every mount is clear of its body, and no camera looks mostly at it."""

import numpy as np
import pytest

from av_synth.geometry.transforms import matrix_from_quaternion
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.raycast import RayScene
from av_synth.simulator.scene import Instance, Mesh, Scene, Weather

EGO = "vehicle.audi.a2"
CAMERAS = {  # translation, quaternion (w, x, y, z), fx, cx, cy
    "CAM_FRONT": ((1.7008, 0.0159, 1.5110), (0.4998, -0.5030, 0.4998, -0.4974), 1266.4, 816.3, 491.5),
    "CAM_FRONT_RIGHT": ((1.5508, -0.4934, 1.4957), (0.2060, -0.2027, 0.6825, -0.6714), 1260.8, 808.0, 495.3),
    "CAM_FRONT_LEFT": ((1.5239, 0.4946, 1.5093), (0.6757, -0.6736, 0.2121, -0.2112), 1272.6, 826.6, 479.8),
    "CAM_BACK": ((0.0283, 0.0035, 1.5791), (0.5038, -0.4974, -0.4942, 0.5045), 809.2, 829.2, 481.8),
    "CAM_BACK_LEFT": ((1.0357, 0.4848, 1.5910), (0.6924, -0.7032, -0.1165, 0.1120), 1256.7, 792.1, 492.8),
    "CAM_BACK_RIGHT": ((1.0149, -0.4806, 1.5624), (0.1228, -0.1324, -0.7004, 0.6905), 1259.5, 807.3, 501.2),
}
OTHERS = {
    "LIDAR_TOP": (0.9437, 0.0, 1.8402),
    "RADAR_FRONT": (3.412, 0.0, 0.5),
    "RADAR_FRONT_LEFT": (2.422, 0.8, 0.78),
    "RADAR_FRONT_RIGHT": (2.422, -0.8, 0.77),
    "RADAR_BACK_LEFT": (-0.562, 0.628, 0.53),
    "RADAR_BACK_RIGHT": (-0.562, -0.618, 0.53),
}
MOUNTS = {**{name: camera[0] for name, camera in CAMERAS.items()}, **OTHERS}


@pytest.fixture(scope="module")
def actor_from_ego() -> np.ndarray:
    rear = [wheel.position_m for wheel in catalogue()[EGO].wheels if not wheel.steered]
    shift = np.eye(4)
    shift[0, 3] = np.mean(rear, axis=0)[0]
    return shift


@pytest.fixture(scope="module")
def rays() -> RayScene:
    far = np.array([[900, 900, -9], [901, 900, -9], [900, 901, -9]], dtype=np.float32)
    nothing = Mesh(
        far,
        np.tile(np.float32([0, 0, 1]), (3, 1)),
        np.zeros((3, 3), np.uint8),
        np.zeros(3, np.uint8),
        np.zeros(3, np.uint8),
        np.array([[0, 1, 2]], np.uint32),
    )
    return RayScene(nothing, catalogue())


SCENE = Scene(0, 0.0, (Instance(1, EGO, 0, np.eye(4)),), Weather())


def test_the_wheelbase_is_that_of_the_car_of_the_rig() -> None:
    wheels = catalogue()[EGO].wheels
    front, rear = (np.mean([w.position_m[0] for w in wheels if w.steered == s]) for s in (True, False))
    assert front - rear == pytest.approx(2.59, abs=1e-6)


@pytest.mark.parametrize("channel", sorted(MOUNTS))
def test_every_mount_is_three_centimetres_outside_the_body(
    channel: str, actor_from_ego: np.ndarray, rays: RayScene
) -> None:
    point = actor_from_ego[:3, :3] @ np.array(MOUNTS[channel]) + actor_from_ego[:3, 3]
    mesh = catalogue()[EGO].meshes[0]
    corner = mesh.positions_m[mesh.triangles].astype(np.float64)
    near = corner[np.linalg.norm(corner - point, axis=2).min(axis=1) < 0.6]
    share = np.array([(i / 60, j / 60) for i in range(61) for j in range(61 - i)])
    weights = np.column_stack([share, 1 - share.sum(axis=1)])
    distance = min((np.linalg.norm(weights @ triangle - point, axis=1).min() for triangle in near), default=np.inf)
    assert distance >= 0.03
    above = rays.trace(SCENE, point, np.array([[0.0, 0.0, 1.0]]), 10.0)
    assert np.isinf(above.range_m[0])  # nothing above it: it is not inside


@pytest.mark.parametrize("channel", sorted(CAMERAS))
def test_the_ego_fills_little_of_its_own_cameras(channel: str, actor_from_ego: np.ndarray, rays: RayScene) -> None:
    translation, quaternion, focal, cx, cy = CAMERAS[channel]
    world_from_camera = actor_from_ego @ matrix_from_quaternion(quaternion, translation)
    u, v = np.meshgrid(np.arange(5, 1600, 10), np.arange(5, 900, 10))
    directions = np.stack([(u - cx) / focal, (v - cy) / focal, np.ones(u.shape)], axis=-1).reshape(-1, 3)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    hits = rays.trace(SCENE, world_from_camera[:3, 3], directions @ world_from_camera[:3, :3].T, 50.0)
    assert (hits.actor_id == 1).mean() < 0.12
