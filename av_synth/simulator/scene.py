"""What the parts of the simulator hand each other: meshes, what stands where in a frame, and views of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.sensing.materials import Material as Material
from av_synth.sensing.tags import Tag as Tag


class VehicleLight(IntEnum):
    """Bits of CARLA's VehicleLightState that light something here."""

    POSITION = 1
    LOW_BEAM = 2
    HIGH_BEAM = 4
    BRAKE = 8
    RIGHT_BLINKER = 16
    LEFT_BLINKER = 32
    SPECIAL = 512


RGB, DEPTH, LABELS, FLOW, NORMALS = "rgb", "depth", "labels", "flow", "normals"
"""What can be drawn of a view; `render.renderer.Frames` says what each is."""

UNPAINTED = (200, 200, 200)
"""sRGB of whatever could be painted and is not."""


@dataclass(frozen=True)
class Mesh:
    """Triangles with flat per-vertex attributes; the three corners of a triangle share material and tag.

    Attributes:
        positions_m: (V, 3) float32, in the mesh's own frame (town frame, or actor frame for bodies).
        normals: (V, 3) float32, unit, outward.
        colours: (V, 3) uint8, sRGB.
        materials: (V,) uint8, `Material`.
        tags: (V,) uint8, `Tag`.
        triangles: (T, 3) uint32, counter-clockwise seen from outside.
        uvs: (V, 2) float32, where in the body's picture a vertex is: 0..1 to the right and down from its top left
            corner; None where nothing is `TEXTURED`.
    """

    positions_m: npt.NDArray[np.float32]
    normals: npt.NDArray[np.float32]
    colours: npt.NDArray[np.uint8]
    materials: npt.NDArray[np.uint8]
    tags: npt.NDArray[np.uint8]
    triangles: npt.NDArray[np.uint32]
    uvs: npt.NDArray[np.float32] | None = None

    @staticmethod
    def merge(parts: list[Mesh]) -> Mesh:
        """Join meshes of one frame into one."""
        offsets = np.cumsum([0] + [len(part.positions_m) for part in parts[:-1]]).astype(np.uint32)
        return Mesh(
            np.concatenate([part.positions_m for part in parts]),
            np.concatenate([part.normals for part in parts]),
            np.concatenate([part.colours for part in parts]),
            np.concatenate([part.materials for part in parts]),
            np.concatenate([part.tags for part in parts]),
            np.concatenate([part.triangles + offset for part, offset in zip(parts, offsets, strict=True)]),
            _merged_uvs(parts),
        )

    def kept(self, chosen: npt.NDArray[np.bool_]) -> Mesh:
        """Some triangles (T,) of the mesh, with the vertices that they need."""
        used, index = np.unique(self.triangles[chosen], return_inverse=True)
        return Mesh(
            self.positions_m[used],
            self.normals[used],
            self.colours[used],
            self.materials[used],
            self.tags[used],
            np.asarray(index).reshape(-1, 3).astype(np.uint32),
            None if self.uvs is None else self.uvs[used],
        )


def _merged_uvs(parts: list[Mesh]) -> npt.NDArray[np.float32] | None:
    """Those of all parts, 0 for vertices that have none; None if no part has any."""
    if all(part.uvs is None for part in parts):
        return None
    return np.concatenate(
        [np.zeros((len(part.positions_m), 2), np.float32) if part.uvs is None else part.uvs for part in parts]
    )


@dataclass(frozen=True)
class Instance:
    """One body in the world at one frame, or a part of one that moves on its own.

    Attributes:
        actor_id: CARLA actor id, 1..65535 for everything that can be seen.
        body: key of the body in the catalogue (its blueprint id), or of a part of one (`bodies.model.shown`).
        pose: index into `Body.meshes` (a walker's step, a traffic light's lamp).
        world_from_body: (4, 4), the actor's transform.
        velocity_mps, angular_velocity_radps: (3,), world axes.
        colour: sRGB paint colour.
        lights: CARLA's VehicleLightState; `VehicleLight` has the bits that show.
        last_pose, last_world_from_body: pose and (4, 4) transform on the frame before, for optical flow; None if they
            are the same.
        wheels: (W, 4, 4), from the body's frame to that of each wheel that has turned since it stood as in the body's
            mesh; None where none has, or the body's wheels do not turn (`wheel_parts`).
        last_wheels: (W, 4, 4), the same on the frame before; None if they are the same.
    """

    actor_id: int
    body: str
    pose: int
    world_from_body: Array
    velocity_mps: Array = field(default_factory=lambda: np.zeros(3))
    angular_velocity_radps: Array = field(default_factory=lambda: np.zeros(3))
    colour: tuple[int, int, int] = UNPAINTED
    lights: int = 0
    last_pose: int | None = None
    last_world_from_body: Array | None = None
    wheels: Array | None = None
    last_wheels: Array | None = None


@dataclass(frozen=True)
class Weather:
    """CARLA's WeatherParameters: 0..100 where not said otherwise, sun angles in degrees; and snow, which CARLA has not.

    Attributes:
        snow_mm_h: how much falls, as water.
        snow_cover: 0..100, how much of the ground snow lies on.
    """

    cloudiness: float = 5.0
    precipitation: float = 0.0
    precipitation_deposits: float = 0.0
    wind_intensity: float = 10.0
    sun_azimuth_angle: float = 30.0
    sun_altitude_angle: float = 45.0
    fog_density: float = 0.0
    fog_distance: float = 75.0
    fog_falloff: float = 0.2
    wetness: float = 0.0
    scattering_intensity: float = 1.0
    mie_scattering_scale: float = 0.03
    rayleigh_scattering_scale: float = 0.0331
    dust_storm: float = 0.0
    snow_mm_h: float = 0.0
    snow_cover: float = 0.0


@dataclass(frozen=True)
class Stroke:
    """A straight line of a debug shape, between two points (3,) of the world; a dot where they are the same."""

    start_m: Array
    end_m: Array
    thickness_m: float
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class Scene:
    """All that sensors may know of one frame, apart from the town itself, which does not change in an episode.

    Attributes:
        street_light: (N, 3), how much each of `lamp_places.street_lamps` gives off of red, green and blue, linear,
            times what it does by itself; 0 for one that is off. None: all as they are by themselves.
        strokes: what is drawn into colour images, the first one first.
    """

    frame: int
    elapsed_s: float
    instances: tuple[Instance, ...]
    weather: Weather
    street_light: Array | None = None
    strokes: tuple[Stroke, ...] = ()


@dataclass(frozen=True)
class View:
    """A pinhole camera: `world_from_camera` (4, 4) in OpenCV axes, size and intrinsics in pixels."""

    world_from_camera: Array
    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
