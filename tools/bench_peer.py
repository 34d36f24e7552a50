"""What six cameras of the street that `bench_cameras` draws cost in pygfx, an optional peer, as JSON.

`python -m tools.bench_peer [FOLDER]`: a process of its own, for its driver and ours are parts of one Mesa. It
gets the same triangles, colours and cameras, vertex colours in place of our materials, a sky, ambient light, a sun with
its shadow map, and smoothed edges; colour alone, for it draws no labels beside. With a FOLDER its pictures are written
there. Where pygfx or a Vulkan driver is missing it says what to install.
"""

from __future__ import annotations

import importlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator import town as towns
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.bodies.model import shown
from av_synth.simulator.render import projection
from av_synth.simulator.render.lighting import lighting
from av_synth.simulator.scene import Mesh, Scene, View
from tools.bench_cameras import TOWN, WEATHERS, spent_s, street, views

_WANTED = "want `pip install pygfx` (0.17 was tried) and a Vulkan driver (Debian: mesa-vulkan-drivers)"
_GL_FROM_CV = np.diag([1.0, -1.0, -1.0, 1.0])  # pygfx's cameras look along -z, y up
_TILE_M = 32.0
_SHADOW_M, _SUN_M, _BIAS = 128.0, 200.0, 5e-4


class Peer:
    """The street in pygfx: the town in tiles, each body once, and a piece for every car."""

    def __init__(self, gfx: Any, town: Mesh, scene: Scene, rig: Array, size: tuple[int, int]) -> None:
        self._gfx = gfx
        self._canvas = importlib.import_module("rendercanvas.offscreen").OffscreenRenderCanvas(size=size)
        self._renderer = gfx.renderers.WgpuRenderer(self._canvas, pixel_ratio=1, ppaa="fxaa")
        self._scene = gfx.Scene()
        light = lighting(scene.weather)
        self._scene.add(gfx.Background.from_color(*(_srgb(each) for each in (light.zenith, light.horizon))))
        self._scene.add(gfx.AmbientLight(_srgb(light.sky_light), 0.9))
        self._scene.add(self._sun(light.key_direction, rig[:3, 3]))
        self._material = gfx.MeshStandardMaterial(color_mode="vertex", roughness=0.8, metalness=0.0, side="front")
        self._pieces: list[tuple[Any, Array, Array]] = []
        self._middle_m = rig[:3, 3]
        self._put_town(town)
        self._put_bodies(scene)

    @property
    def description(self) -> str:
        """The adapter's name."""
        info = self._renderer.device.adapter.info
        return f"pygfx {self._gfx.__version__} on {info['device']}, {info['description']}"

    def picture(self, view: View) -> np.ndarray:
        """(H, W, 4) uint8, red, green, blue, alpha, of what the view may see."""
        seen = projection.frustum(view)
        for piece, centre, half in self._pieces:
            piece.visible = bool(seen.boxes(centre[None], half[None])[0]) or piece.cast_shadow
        aspect = view.width_px / view.height_px
        # its angle is that of the mean of width and height
        angle = 2.0 * np.degrees(np.arctan(view.height_px / view.fy_px * (1.0 + aspect) / 4.0))
        camera = self._gfx.PerspectiveCamera(angle, aspect, depth_range=(0.1, projection.FAR_M))
        camera.local.matrix = view.world_from_camera @ _GL_FROM_CV
        self._canvas.request_draw(partial(self._renderer.render, self._scene, camera))
        return np.asarray(self._canvas.draw())

    def _sun(self, direction: Array, at_m: Array) -> Any:
        sun = self._gfx.DirectionalLight("#fff4e0", 3.0, cast_shadow=True)
        sun.local.position = at_m + direction * _SUN_M
        sun.target.local.position = at_m
        shadow = sun.shadow
        shadow.camera.width = shadow.camera.height = _SHADOW_M
        shadow.camera.depth_range = (1.0, 2.0 * _SUN_M)
        shadow.bias, shadow.cull_mode = _BIAS, "none"
        self._scene.add(sun.target)
        return sun

    def _put_town(self, town: Mesh) -> None:
        cells = np.floor(town.positions_m[town.triangles].mean(axis=1)[:, :2] / _TILE_M).astype(int)
        order = np.lexsort(cells.T)
        starts = np.flatnonzero(np.concatenate([[True], (np.diff(cells[order], axis=0) != 0).any(axis=1)]))
        for part in np.split(order, starts[1:]):
            used, triangles = np.unique(town.triangles[part], return_inverse=True)
            self._put(self._geometry(town, used, triangles.reshape(-1, 3)), town.positions_m[used], np.eye(4))

    def _put_bodies(self, scene: Scene) -> None:
        bodies, made = shown(catalogue()), {}
        for instance in scene.instances:
            mesh = bodies[instance.body].meshes[instance.pose]
            if instance.body not in made:
                made[instance.body] = self._geometry(mesh, np.arange(len(mesh.positions_m)), mesh.triangles)
            pose = instance.world_from_body
            self._put(made[instance.body], mesh.positions_m @ pose[:3, :3].T + pose[:3, 3], pose)

    def _put(self, geometry: Any, points_world: Array, world_from_mesh: Array) -> None:
        piece = self._gfx.Mesh(geometry, self._material)
        piece.local.matrix = world_from_mesh
        low, high = points_world.min(axis=0).astype(float), points_world.max(axis=0).astype(float)
        centre, half = (low + high) / 2, (high - low) / 2
        within = bool((np.abs(centre - self._middle_m)[:2] - half[:2] < _SHADOW_M / 2).all())
        piece.cast_shadow = within and high[2] - low[2] > 0.5
        piece.receive_shadow = True
        self._scene.add(piece)
        self._pieces.append((piece, centre, half))

    def _geometry(self, mesh: Mesh, used: np.ndarray, triangles: np.ndarray) -> Any:
        return self._gfx.Geometry(
            indices=np.ascontiguousarray(triangles, dtype=np.int32),
            positions=np.ascontiguousarray(mesh.positions_m[used], dtype=np.float32),
            normals=np.ascontiguousarray(mesh.normals[used], dtype=np.float32),
            colors=np.ascontiguousarray((mesh.colours[used] / 255.0) ** 2, dtype=np.float32),
        )


def _srgb(linear: Array) -> tuple[float, float, float]:
    red, green, blue = np.sqrt(np.clip(linear, 0.0, 1.0)).tolist()
    return red, green, blue


def measure(folder: Path | None) -> dict[str, Any]:
    """Seconds of each camera, of all six, and what drew them; or what is missing."""
    try:
        gfx: Any = importlib.import_module("pygfx")
    except ImportError as error:
        return {"missing": f"{error}; {_WANTED}"}
    scene, rig = street(WEATHERS["clear day"][0])
    cameras = views(rig)
    first = next(iter(cameras.values()))
    try:
        peer = Peer(gfx, towns.load(TOWN).mesh, scene, rig, (first.width_px, first.height_px))
    except Exception as error:  # noqa: BLE001  whatever wgpu says where there is no driver
        return {"missing": f"{type(error).__name__}: {error}; {_WANTED}"}

    def sample() -> None:
        for view in cameras.values():
            peer.picture(view)

    each = {channel: round(spent_s(partial(peer.picture, view)), 4) for channel, view in cameras.items()}
    if folder is not None:
        for channel, view in cameras.items():
            cv2.imwrite(str(folder / f"{channel}.png"), peer.picture(view)[..., 2::-1])
    return {"seconds": round(spent_s(sample), 3), "each_camera_s": each, "renderer": peer.description}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]) if sys.argv[1:] else None)))
