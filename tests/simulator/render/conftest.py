"""A small world with known geometry: flat ground, one wall, and bodies whose outlines can be computed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest

from av_synth.geometry.cameras import BODY_FROM_CAMERA
from av_synth.geometry.transforms import Array, from_yaw
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import Instance, Material, Mesh, Scene, Tag, View, Weather

WALL_X_M = 60.0
FLAG_CORNERS_M = np.array([[0.0, -1.0, -1.0], [0.0, 1.3, -0.6], [0.0, 0.2, 1.1]])
FLAG_LATER_M = np.array([[0.0, -0.9, -1.0], [0.4, 0.8, -0.5], [-0.3, 0.6, 0.8]])


@dataclass(frozen=True)
class SimpleBody:
    meshes: tuple[Mesh, ...]
    tag: Tag
    texture: npt.NDArray[np.uint8] | None = None


def mesh(
    corners_m: npt.ArrayLike, triangles: npt.ArrayLike, material: Material, tag: Tag, colour: tuple[int, int, int]
) -> Mesh:
    """A flat-shaded mesh: every triangle (T, 3) of indices into corners (V, 3) gets corners of its own."""
    points = np.asarray(corners_m, dtype=np.float32)[np.asarray(triangles)]
    normals = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    count = 3 * len(points)
    return Mesh(
        points.reshape(-1, 3),
        np.repeat(normals, 3, axis=0),
        np.tile(np.array(colour, dtype=np.uint8), (count, 1)),
        np.full(count, int(material), dtype=np.uint8),
        np.full(count, int(tag), dtype=np.uint8),
        np.arange(count, dtype=np.uint32).reshape(-1, 3),
    )


def box(
    low_m: npt.ArrayLike, high_m: npt.ArrayLike, material: Material, tag: Tag, colour: tuple[int, int, int]
) -> Mesh:
    low, high = np.asarray(low_m, dtype=float), np.asarray(high_m, dtype=float)
    corners = [
        [(low, high)[i][0], (low, high)[j][1], (low, high)[k][2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)
    ]
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return mesh(corners, triangles, material, tag, colour)


def town() -> Mesh:
    ground = mesh(
        [[-400, -400, 0], [400, -400, 0], [400, 400, 0], [-400, 400, 0]],
        [[0, 1, 2], [0, 2, 3]],
        Material.ASPHALT,
        Tag.ROADS,
        (110, 110, 110),
    )
    wall = box([WALL_X_M, -200, 0], [WALL_X_M + 1, 200, 5], Material.FACADE, Tag.BUILDINGS, (180, 160, 140))
    return Mesh.merge([ground, wall])


def bodies() -> dict[str, SimpleBody]:
    car = [
        box([-2, -0.9, 0.2], [2, 0.9, 1.5], Material.PAINT, Tag.CAR, (255, 255, 255)),
        box([-2.1, 0.5, 0.7], [-2.0, 0.8, 0.9], Material.LAMP_BRAKE, Tag.CAR, (120, 20, 20)),
        box([-2.1, -0.8, 0.7], [-2.0, -0.5, 0.9], Material.LAMP_BRAKE, Tag.CAR, (120, 20, 20)),
    ]
    # cards that face -x, as seen by a camera that looks along +x
    card = mesh(FLAG_CORNERS_M, [[0, 2, 1]], Material.MATTE, Tag.STATIC, (200, 60, 60))
    later = mesh(FLAG_LATER_M, [[0, 2, 1]], Material.MATTE, Tag.STATIC, (200, 60, 60))
    # corners elsewhere in the list, so that they are not the same points
    other = replace(later, triangles=later.triangles[:, [1, 2, 0]])
    rider = [
        box([-0.5, -0.2, 0.1], [0.5, 0.2, 0.9], Material.MATTE, Tag.BICYCLE, (40, 40, 160)),
        box([-0.2, -0.2, 0.9], [0.2, 0.2, 1.7], Material.MATTE, Tag.RIDER, (160, 40, 40)),
    ]
    return {
        "car": SimpleBody((Mesh.merge(car),), Tag.CAR),
        "card": SimpleBody((card,), Tag.STATIC),
        "flag": SimpleBody((card, later), Tag.STATIC),
        "lamp": SimpleBody((card, other), Tag.STATIC),
        "bicycle": SimpleBody((Mesh.merge(rider),), Tag.BICYCLE),
    }


def camera(
    x_m: float = 0.0, y_m: float = 0.0, z_m: float = 1.5, yaw_rad: float = 0.0, *, size: tuple[int, int] = (320, 180)
) -> View:
    """A level camera with an off-centre principal point, looking along its heading."""
    pose: Array = from_yaw(x_m, y_m, z_m, yaw_rad) @ BODY_FROM_CAMERA
    width, height = size
    return View(pose, width, height, 0.8 * width, 0.8 * width, 0.51 * width + 0.37, 0.53 * height + 0.21)


def scene(*instances: Instance, weather: Weather | None = None, frame: int = 7) -> Scene:
    return Scene(frame, 2.0, instances, weather or Weather())


def at(actor_id: int, body: str, x_m: float, y_m: float = 0.0, z_m: float = 0.0, **more: object) -> Instance:
    return Instance(actor_id, body, 0, from_yaw(x_m, y_m, z_m, 0.0), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def renderer() -> Iterator[Renderer]:
    renderer = Renderer(town(), bodies())
    yield renderer
    renderer.close()
