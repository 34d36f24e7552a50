"""What shells have in common: wheels, lamps, plates, mirrors, seams; and turning it all into a `Body`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.doors import Flank, with_doors
from av_synth.simulator.bodies.model import Body, Wheel, bounds
from av_synth.simulator.bodies.shapes import (
    AMBER_BLINKER,
    CLEAR_BLINKER,
    DARK,
    HEADLAMP,
    LEFT_LAMP,
    PAINT,
    PLATE,
    RIGHT_LAMP,
    STEEL,
    TAIL_LAMP,
    Colour,
    Finish,
    ellipsoid,
    limb,
)
from av_synth.simulator.bodies.shell import Shell
from av_synth.simulator.bodies.skin import Skin, lay, wheel
from av_synth.simulator.scene import Material, Mesh, Tag

Point = tuple[float, float, float]
GAP = Finish(Material.MATTE, (50, 51, 54))  # not black: a thin black line flickers where it is below a pixel
_LAMP_QUADS = (8, 3)  # along and across a lamp; the two outermost columns are the indicator
_BEZEL_M, _BEZEL_QUADS = 0.012, (4, 3)
_DEEP_M, _ENDS_DEEP_M = 0.15, 0.5  # wheel arches are deeper; what is on front and rear goes back along the wings
# a reflector shows the road below, the sky, and the shade of its rim
_HEAD_GLASS = tuple(Finish(HEADLAMP.material, grey) for grey in ((150, 156, 162), HEADLAMP.colour, (96, 102, 110)))
_TAIL_GLASS = tuple(Finish(TAIL_LAMP.material, red) for red in ((104, 12, 14), TAIL_LAMP.colour, (122, 14, 16)))


@dataclass(frozen=True)
class Patch:
    """A patch laid on the shell, as `skin.lay` takes it; what is on a side is mirrored to the other.

    `quads` are those along and across it, None for what is usual where it lies: more where the shell is round.
    """

    centre: Point
    azimuth_deg: float
    width_m: float
    height_m: float
    slant_m: float = 0.0
    finish: Finish = DARK
    proud_m: float = 0.006
    upper: float = 1.0
    quads: tuple[int, int] | None = None


@dataclass(frozen=True)
class Details:
    """What is put on the shells of a vehicle; actor frame, metres.

    Attributes:
        track_m: distance between the middles of the wheels of an axle.
        mirror: (x, z, half width of the vehicle over its mirrors); None without mirrors.
        head, tail: left lamps; the outer end of each is the indicator. None without head lamps.
        front_plate_z, rear_plate_z: heights of the number plates; None without one.
        middle: patches on front and rear, such as a grille; those beside the middle line are on both sides of it.
        sides: patches on the left, mirrored to the right.
        seams: x of the door gaps, rising; a handle sits beside each.
        doors: whether the front doors open, which are between the last two seams.
        wheel_width_m: tyre width.
    """

    track_m: float
    mirror: tuple[float, float, float] | None
    head: Patch | None
    tail: Patch
    front_plate_z: float | None
    rear_plate_z: float | None
    middle: tuple[Patch, ...] = ()
    sides: tuple[Patch, ...] = ()
    seams: tuple[float, ...] = ()
    doors: bool = True
    wheel_width_m: float = 0.205


def _laid(
    onto: Array, patch: Patch, shape: tuple[int, int], proud_m: float, deep_m: float
) -> tuple[Array, list[tuple[int, int, int]]]:
    """Points and faces of a patch that lies on a skin."""
    return lay(
        onto,
        patch.centre,
        patch.azimuth_deg,
        patch.width_m,
        patch.height_m,
        shape=shape,
        slant_m=patch.slant_m,
        proud_m=proud_m,
        deep_m=deep_m,
        upper=patch.upper,
    )


def _press(skin: Skin, onto: Array, patch: Patch, shape: tuple[int, int], deep_m: float = _DEEP_M) -> None:
    """Lay one patch of one finish."""
    points, faces = _laid(onto, patch, patch.quads or shape, patch.proud_m, deep_m)
    if faces:
        skin.triangles(points, faces, patch.finish)


def _mirrored(patch: Patch) -> Patch:
    x, y, z = patch.centre
    return replace(patch, centre=(x, -y, z), azimuth_deg=-patch.azimuth_deg, slant_m=-patch.slant_m)


def _lamp(skin: Skin, onto: Array, lamp: Patch, glass: Sequence[Finish], blinker: Colour) -> None:
    """Lay a lamp on both sides, in a dark bezel; its outer end is the indicator.

    `glass` is what its rows are, from the lower edge up.
    """
    for patch, side in ((lamp, LEFT_LAMP), (_mirrored(lamp), RIGHT_LAMP)):
        wide, high = patch.width_m + 2 * _BEZEL_M, patch.height_m + 2 * _BEZEL_M
        around = replace(patch, width_m=wide, height_m=high, slant_m=patch.slant_m * wide / patch.width_m)
        bezel, framed = _laid(onto, around, _BEZEL_QUADS, 0.008, _ENDS_DEEP_M)
        if not framed:
            continue
        skin.triangles(bezel, framed, DARK)
        points, faces = _laid(np.concatenate([onto, bezel[framed]]), patch, _LAMP_QUADS, 0.008, _ENDS_DEEP_M)
        rows = _LAMP_QUADS[1] + 1
        outer_is_last = patch.centre[1] * np.cos(np.radians(patch.azimuth_deg)) > 0
        blinking = {_LAMP_QUADS[0] - 2, _LAMP_QUADS[0] - 1} if outer_is_last else {0, 1}
        quads = [(min(face) // rows, min(face) % rows) for face in faces]
        outer = Finish(side.material, blinker)
        skin.triangles(points, faces, [outer if column in blinking else glass[row] for column, row in quads])


def _dress(skin: Skin, shell: Shell, details: Details) -> None:
    """Add lamps, plates, patches, seams and handles; `shell` is the one with the doors."""
    onto = skin.corners()
    for patch in details.sides:
        _press(skin, onto, patch, (8, 6))
        _press(skin, onto, _mirrored(patch), (8, 6))
    for patch in details.middle:
        onto = skin.corners()  # one may be laid on another
        for each in (patch, _mirrored(patch)) if patch.centre[1] else (patch,):
            _press(skin, onto, each, (8, 3), _ENDS_DEEP_M)
    covered = skin.corners()
    if details.head is not None:
        _lamp(skin, covered, details.head, _HEAD_GLASS, CLEAR_BLINKER)
    _lamp(skin, covered, details.tail, _TAIL_GLASS, AMBER_BLINKER)
    for z, azimuth in ((details.front_plate_z, 0.0), (details.rear_plate_z, 180.0)):
        if z is None:
            continue
        _press(skin, covered, Patch((0.0, 0.0, z), azimuth, 0.46, 0.11, finish=PLATE), (4, 1))
    for k, x in enumerate(details.seams):
        at = x - shell.shift_x_m
        low, high = shell.at("sill", at), shell.at("belt", at)
        seam = Patch((x, 0.0, (low + high) / 2 + 0.03), 90.0, 0.018, high - low - 0.06, finish=GAP, proud_m=0.004)
        at_handle = (x + (0.14 if k == 0 else -0.14), 0.0, high - 0.09)
        handle = Patch(at_handle, 90.0, 0.17, 0.028, finish=STEEL, proud_m=0.012)
        for patch in (seam, _mirrored(seam)):
            _press(skin, covered, patch, (1, 6))
        for patch in (handle, _mirrored(handle)):
            _press(skin, covered, patch, (2, 1))


def vehicle(
    blueprint_id: str,
    shells: Sequence[Shell],
    details: Details,
    *,
    tag: Tag,
    base_type: str,
    colours: tuple[Colour, ...],
    mass_kg: float,
    special_type: str = "",
    extra: Skin | None = None,
    more: Mapping[str, str] | None = None,
) -> Body:
    """Build a vehicle of four wheels or more.

    Args:
        blueprint_id: CARLA's id.
        shells: the first has the doors and the front axle; a cargo body may follow.
        details: what is put on them.
        tag: class of every triangle.
        base_type: CARLA's attribute.
        colours: recommended paints.
        mass_kg: kerb mass.
        special_type: CARLA's attribute.
        extra: more surfaces, such as a light bar; actor frame.
        more: further fixed attributes.
    """
    skin = Skin()
    for shell in shells:
        shell.build(skin)
    opening = bool(details.seams) and details.doors
    shell_faces = skin.triangle_count if opening else 0
    _dress(skin, shells[0], details)
    dressed_faces = skin.triangle_count if opening else 0
    wheels = _add_wheels(skin, shells, details)
    extras = [] if extra is None else [extra.mesh(tag)]
    mirrors = [] if details.mirror is None else _mirrors(shells[0], details.mirror, tag)
    body = vehicle_body(
        blueprint_id,
        Mesh.merge([skin.mesh(tag), *extras, *mirrors]),
        wheels,
        tag=tag,
        attributes={**vehicle_attributes(base_type, len(wheels), special_type), **(more or {})},
        colours=colours,
        mass_kg=mass_kg,
    )
    if not opening:
        return body
    shift = float(body.wheels[0].position_m[0] - wheels[0].position_m[0])
    first, last = details.seams[-2:]
    carried = details.mirror is not None and first < details.mirror[0] < last
    mirror_faces = sum(len(part.triangles) for part in mirrors) if carried else 0
    return with_doors(body, Flank(first + shift, last + shift, shell_faces, dressed_faces, mirror_faces))


def _add_wheels(skin: Skin, shells: Sequence[Shell], details: Details) -> tuple[Wheel, ...]:
    """Put wheels on every axle, from the rear to the front; those of the front axle steer."""
    wheels = []
    axles = sorted((axle + shell.shift_x_m, shell.wheel_radius_m) for shell in shells for axle in shell.axles_x)
    for axle, radius in axles:
        for side in (1.0, -1.0):
            hub = np.array([axle, side * details.track_m / 2, radius])
            wheel(skin, hub, radius, details.wheel_width_m, side)
            wheels.append(Wheel(hub, radius, steered=axle == axles[-1][0]))
    return tuple(wheels)


def _mirrors(shell: Shell, mirror: tuple[float, float, float], tag: Tag) -> list[Mesh]:
    x, z, half_width = mirror
    parts = []
    for side in (1.0, -1.0):
        root = (x - 0.02, side * (shell.at("belt_w", x - shell.shift_x_m) - 0.03), z - 0.03)
        parts.append(limb(root, (x, side * (half_width - 0.09), z - 0.02), 0.022, 0.02, DARK, tag, 6))
        parts.append(ellipsoid((x, side * (half_width - 0.09), z), (0.06, 0.09, 0.07), PAINT, tag, (8, 6)))
    return parts


def vehicle_attributes(base_type: str, wheels: int, special_type: str = "", has_lights: bool = True) -> dict[str, str]:
    """CARLA's fixed attributes of a vehicle blueprint."""
    return {
        "base_type": base_type,
        "special_type": special_type,
        "number_of_wheels": str(wheels),
        "generation": "1",
        "has_lights": "true" if has_lights else "false",
        "has_dynamic_doors": "false",
        "object_type": "",
    }


def vehicle_body(
    blueprint_id: str,
    mesh: Mesh,
    wheels: tuple[Wheel, ...],
    *,
    tag: Tag,
    attributes: Mapping[str, str],
    colours: tuple[Colour, ...],
    mass_kg: float,
) -> Body:
    """Centre a finished mesh on its box, as CARLA's vehicle origins are, and wrap it up."""
    low, high = bounds([mesh])
    shift = np.array([-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, 0.0])
    moved = replace(mesh, positions_m=(mesh.positions_m + shift.astype(np.float32)).astype(np.float32))
    low, high = bounds([moved])
    return Body(
        blueprint_id=blueprint_id,
        kind="vehicle",
        tag=tag,
        attributes=attributes,
        colours=colours,
        meshes=(moved,),
        box_centre_m=(low + high) / 2,
        box_half_m=(high - low) / 2,
        mass_kg=mass_kg,
        wheels=tuple(replace(w, position_m=w.position_m + shift) for w in wheels),
    )
