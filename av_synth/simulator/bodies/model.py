"""What a body is: meshes, a tight box, wheels and the CARLA attributes that never change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Mesh, Tag
from av_synth.simulator.wheel_parts import hull, wheels

Kind = Literal["vehicle", "walker", "prop", "traffic_light"]

STEPS = 16
"""Poses of the gait of whoever walks: one stride in so many meshes."""
CATEGORY = "avsynth.category"
"""Fixed attribute with the nuScenes category of what CARLA has no blueprint of (docs/reference/extensions.md)."""
TOWS, HITCH_X = "avsynth.tows", "avsynth.hitch_x"
"""Fixed attributes: the blueprint that a vehicle pulls, and where its hitch is, metres forward of the origin."""


@dataclass(frozen=True)
class Wheel:
    """One wheel of a vehicle: its hub in the actor frame (3,), in metres, and its radius."""

    position_m: Array
    radius_m: float
    steered: bool


@dataclass(frozen=True)
class Doors:
    """The front doors of a vehicle, left and right; closed they are part of the body's mesh.

    Attributes:
        behind: the body without the left, the right, and both doors, in the actor frame.
        panels: the doors as they are when closed, each in the frame of its hinge.
        hinges_m: (2, 3), where those frames are in the actor frame: axes as the actor's, origin at the ground.
        open_rad: how far each is turned about z when it is open.
    """

    behind: tuple[Mesh, Mesh, Mesh]
    panels: tuple[Mesh, Mesh]
    hinges_m: Array
    open_rad: tuple[float, float]


@dataclass(frozen=True)
class Rolling:
    """The wheels of a vehicle, which turn; pointing ahead they are part of the body's mesh.

    Attributes:
        hull: the body without them, in the actor frame.
        wheels: each in the frame of its hub, axes as the actor's; in the order of `Body.wheels`. Behind those of a
            two-wheeler may be mudguard and fork of the front one, which are steered with it.
        hubs_m: (W, 3), where those frames are in the actor frame.
        radii_m, half_m: (W,), of the mesh, and half its width; the radius of what does not roll is infinite.
        room_m: (W,), from the hub to the side of the body's box.
        steered: (W,) bool, which of them show where they are steered to.
        rake_rad: how far back the axis leans about which they are steered; it goes through the hub.
    """

    hull: Mesh
    wheels: tuple[Mesh, ...]
    hubs_m: Array
    radii_m: Array
    half_m: Array
    room_m: Array
    steered: npt.NDArray[np.bool_]
    rake_rad: float = 0.0


@dataclass(frozen=True)
class Part:
    """Meshes, one per pose, that stand in a scene for a part of a body; the class of the actor; the body's picture."""

    meshes: tuple[Mesh, ...]
    tag: Tag
    texture: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Body:
    """Everything the simulator knows of one blueprint that can be seen.

    The actor frame is x forward, y left, z up. Its origin is on the ground under the middle of the box, for
    walkers in the middle of the box, as CARLA has it.

    Attributes:
        blueprint_id: CARLA's id, such as vehicle.audi.a2.
        kind: which family of actors it belongs to.
        tag: the class of the actor; single triangles may differ (a rider on a bicycle).
        attributes: CARLA attributes that are fixed for the blueprint. A walker's `speed` holds CARLA's three
            recommended values (still, walking, running, m/s) separated by commas.
        colours: recommended sRGB paints; empty where nothing is painted.
        meshes: one per pose, in the actor frame: 1 for rigid bodies, 16 steps of a gait for walkers; red, yellow,
            green and off for a traffic light.
        box_centre_m, box_half_m: (3,), actor frame; every face is within 2 cm of the mesh of every pose.
        mass_kg: kerb mass, rider included.
        wheels: rear left, rear right, front left, front right, or rear, front.
        stride_m: the distance walked in one turn through the poses; 0 where there is no gait.
        doors: those that open; None where none does.
        rolling: its wheels as parts; None where they cannot be told from the rest.
        power_kw: of the engine; 0 for what is usual in the class of the vehicle.
        top_mps: top speed; 0 for what is usual in the class.
        texture: (H, W, 3) sRGB, the picture that `TEXTURED` triangles of all meshes show; None where there is none.
    """

    blueprint_id: str
    kind: Kind
    tag: Tag
    attributes: Mapping[str, str]
    colours: tuple[tuple[int, int, int], ...]
    meshes: tuple[Mesh, ...]
    box_centre_m: Array
    box_half_m: Array
    mass_kg: float
    wheels: tuple[Wheel, ...] = ()
    stride_m: float = 0.0
    doors: Doors | None = None
    rolling: Rolling | None = None
    power_kw: float = 0.0
    top_mps: float = 0.0
    texture: npt.NDArray[np.uint8] | None = None


def bounds(meshes: Iterable[Mesh]) -> tuple[Array, Array]:
    """Lowest and highest corner (3,), (3,) in metres of the box around all meshes."""
    parts = [mesh.positions_m for mesh in meshes]
    low = np.min([part.min(axis=0) for part in parts], axis=0).astype(np.float64)
    high = np.max([part.max(axis=0) for part in parts], axis=0).astype(np.float64)
    return low, high


class Catalogue(Mapping[str, Body]):
    """All bodies by blueprint id, in a fixed order.

    Attributes:
        attribution: whose the looks of bodies are; empty where all are procedural.
    """

    def __init__(self, bodies: Iterable[Body], attribution: str = "") -> None:
        self._bodies = {body.blueprint_id: body for body in bodies}
        self.attribution = attribution

    def __getitem__(self, blueprint_id: str) -> Body:
        return self._bodies[blueprint_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bodies)

    def __len__(self) -> int:
        return len(self._bodies)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of all that can change a picture, a scan or a movement.

        Positions are rounded to 0.1 mm and normals left out, for a processor's last bit must not change a run's id.
        """
        digest = hashlib.sha256()
        for body in self._bodies.values():
            digest.update(
                f"{body.blueprint_id} {body.kind} {int(body.tag)} {body.mass_kg} {body.stride_m:.4f}".encode()
            )
            digest.update(repr((sorted(body.attributes.items()), body.colours)).encode())
            if body.power_kw or body.top_mps:
                digest.update(f"{body.power_kw} {body.top_mps}".encode())
            for wheel in body.wheels:
                digest.update(_tenths_of_mm(wheel.position_m) + f"{wheel.radius_m:.4f} {wheel.steered}".encode())
            meshes = body.meshes
            if body.doors is not None:
                digest.update(_tenths_of_mm(body.doors.hinges_m) + f"{body.doors.open_rad}".encode())
                meshes = (*meshes, *body.doors.behind, *body.doors.panels)
            if body.rolling is not None:
                digest.update(_tenths_of_mm(body.rolling.hubs_m) + f"{body.rolling.steered.tolist()}".encode())
                if body.rolling.rake_rad:
                    digest.update(f"{body.rolling.rake_rad:.4f}".encode())
                meshes = (*meshes, body.rolling.hull, *body.rolling.wheels)
            for mesh in meshes:
                digest.update(_tenths_of_mm(mesh.positions_m))
                for array in (mesh.colours, mesh.materials, mesh.tags, mesh.triangles):
                    digest.update(np.ascontiguousarray(array).tobytes())
                if mesh.uvs is not None:
                    digest.update(b"uvs" + np.round(mesh.uvs * 65535.0).astype("<i4").tobytes())
            if body.texture is not None:
                digest.update(f"texture {body.texture.shape}".encode() + np.ascontiguousarray(body.texture).tobytes())
        return digest.hexdigest()


def behind_doors(blueprint_id: str) -> str:
    """What `shown` calls a body without the doors that are open; poses as `Doors.behind`."""
    return f"{blueprint_id}#behind_doors"


def door_panels(blueprint_id: str) -> str:
    """What `shown` calls the doors of a body; poses: left, right."""
    return f"{blueprint_id}#doors"


def shown(bodies: Mapping[str, Body]) -> dict[str, Body | Part]:
    """Everything that an `Instance.body` may name: the bodies, then the parts of those with doors or wheels."""
    parts: dict[str, Body | Part] = {}
    for name, body in bodies.items():
        if body.doors is not None:
            parts[behind_doors(name)] = Part(body.doors.behind, body.tag, body.texture)
            parts[door_panels(name)] = Part(body.doors.panels, body.tag, body.texture)
        if body.rolling is not None:
            parts[hull(name)] = Part((body.rolling.hull,), body.tag, body.texture)
            parts[wheels(name)] = Part(body.rolling.wheels, body.tag, body.texture)
    return {**bodies, **parts}


def _tenths_of_mm(points_m: npt.ArrayLike) -> bytes:
    return np.round(np.asarray(points_m, dtype=np.float64) * 1e4).astype("<i4").tobytes()
