"""Signs on poles: give way, stop, speed limits, children, crosswalks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.furniture import POLE, Z
from av_synth.simulator.town.roads import CHILDREN, CROSSWALK, GIVE_WAY, SPEED_LIMIT, STOP, TRAFFIC_LIGHT, Road, Signal
from av_synth.simulator.town.shapes import Look, circle, moved, prism, quad, smooth
from av_synth.simulator.town.site import Site

_MAX_KMH = 199
_PLATE_HEIGHT_M = 2.4  # of a plate's middle above the pavement
RED, WHITE, _BLACK, _BLUE, BACK = (
    Look(colour, material, Tag.TRAFFIC_SIGNS)
    for colour, material in (
        ((172, 38, 36), Material.RETRO),
        ((220, 220, 216), Material.RETRO),
        ((28, 28, 30), Material.MATTE),
        ((30, 74, 140), Material.RETRO),
        ((120, 122, 124), Material.METAL),
    )
)
_DEPTH_M = 0.006  # one layer of paint before the next
_UPRIGHT = np.array([[0.0, 0.42], [-0.45, -0.36], [0.45, -0.36]])

# digits and a few letters as on a pocket calculator, with an upright h in the middle
_SEGMENTS = {
    "0": "abcdef", "1": "bc", "2": "abdeg", "3": "abcdg", "4": "bcfg", "5": "acdfg", "6": "acdefg", "7": "abc",
    "8": "abcdefg", "9": "abcdfg", "S": "acdfg", "T": "ah", "O": "abcdef", "P": "abefg",
    "A": "abcefg", "E": "adefg", "I": "h",
}  # fmt: skip
_STROKES = {
    "a": (0, 0.13, 1), "g": (0, 0, 1), "d": (0, -0.13, 1), "h": (0, 0, 2),
    "f": (-0.06, 0.065, 0), "b": (0.06, 0.065, 0), "e": (-0.06, -0.065, 0), "c": (0.06, -0.065, 0),
}  # fmt: skip


class _Face(NamedTuple):
    """What an object with this sign is called, and its plate by value: about the plate's middle, looking along +x."""

    name: str
    plate: Callable[[float], list[Mesh]]


def put_up_signs(site: Site, roads: Iterable[Road]) -> None:
    """Stand all signs of some roads; traffic lights are bodies of their own."""
    for road in roads:
        for signal in road.signals:
            if signal.kind != TRAFFIC_LIGHT:
                _put_up_sign(site, road, signal)


def _put_up_sign(site: Site, road: Road, signal: Signal) -> None:
    """Stand a sign where the OpenDRIVE text has it, facing its traffic."""
    x, y = road.line.point(signal.s_m, signal.t_m)
    facing = float(road.line.poses([signal.s_m])[0, 2]) + (math.pi if signal.along else 0.0)
    stand_sign(site, signal.kind, signal.value, (x, y, Z), facing)


def stand_sign(site: Site, kind: str, value: float, foot_m: npt.ArrayLike, facing_rad: float) -> None:
    """Stand a sign on its post.

    Args:
        site: gets it.
        kind: by Germany's catalogue of signs; one that has no face here gets a blank plate.
        value: of a speed limit, km/h.
        foot_m: (3,), where it stands.
        facing_rad: where its traffic comes from.
    """
    x, y, z = (float(v) for v in np.asarray(foot_m))
    readable = kind != SPEED_LIMIT or 1 <= round(value) <= _MAX_KMH
    face = _FACES.get(kind, _BLANK) if readable else _BLANK
    parts = [
        moved(prism(circle(0, 0, 0.035, 6), 0.0, 2.75, POLE), x, y, z),
        *(moved(part, x, y, z + _PLATE_HEIGHT_M, facing_rad) for part in face.plate(value)),
    ]
    site.add(face.name, Tag.TRAFFIC_SIGNS, parts, facing_rad, circle(x, y, 0.05, 6))


def _disc(polygon_yz: Array, layer: int, look: Look) -> Mesh:
    """A flat convex (K, 2) shape in y and z that looks along +x; layer 0 is the plate's own."""
    k = len(polygon_yz)
    (ay, az), (by, bz) = polygon_yz[1] - polygon_yz[0], polygon_yz[2] - polygon_yz[1]
    ring = polygon_yz if ay * bz > az * by else polygon_yz[::-1]
    points = np.column_stack([np.full(k, 0.05 + layer * _DEPTH_M), ring])
    return smooth(points, np.tile([1.0, 0.0, 0.0], (k, 1)), [[0, i, i + 1] for i in range(1, k - 1)], look)


def _back(polygon_yz: Array) -> Mesh:
    k = len(polygon_yz)
    points = np.column_stack([np.full(k, 0.045), polygon_yz])
    return smooth(points, np.tile([-1.0, 0.0, 0.0], (k, 1)), [[0, i + 1, i] for i in range(1, k - 1)], BACK)


def _give_way(_value: float) -> list[Mesh]:
    triangle = np.array([[0.0, -0.4], [0.45, 0.38], [-0.45, 0.38]])
    return [_disc(triangle, 0, RED), _disc(triangle * 0.66 + [0.0, 0.04], 1, WHITE), _back(triangle)]


def _stop(_value: float) -> list[Mesh]:
    octagon = circle(0, 0, 0.42, 8)
    parts = [_disc(octagon, 0, WHITE), _disc(octagon * 0.93, 1, RED), _back(octagon)]
    return parts + lettering("STOP", 0.17, 1.0, 0.05 + 2 * _DEPTH_M, WHITE)


def _speed_limit(kmh: float) -> list[Mesh]:
    rim = circle(0, 0, 0.32, 16)
    parts = [_disc(rim, 0, RED), _disc(rim * 0.78, 1, WHITE), _back(rim)]
    pitch = 0.19 if round(kmh) < 100 else 0.15
    return parts + lettering(str(round(kmh)), pitch, pitch / 0.19, 0.05 + 2 * _DEPTH_M, _BLACK)


def _blank_square(_value: float) -> list[Mesh]:
    square = np.array([[-0.3, -0.3], [0.3, -0.3], [0.3, 0.3], [-0.3, 0.3]])
    return [_disc(square, 0, WHITE), _back(square)]


def _children(_value: float) -> list[Mesh]:
    """Two running figures in a warning triangle."""
    parts = [_disc(_UPRIGHT, 0, RED), _disc(_UPRIGHT * 0.72 - [0.0, 0.02], 1, WHITE), _back(_UPRIGHT)]
    for y, size in ((-0.09, 1.0), (0.1, 0.8)):
        parts += [_moved(part, y, -0.13, size) for part in _figure(_BLACK)]
    return parts


def _crosswalk(_value: float) -> list[Mesh]:
    """A figure on bars, in a white triangle on a blue square."""
    square = np.array([[-0.33, -0.33], [0.33, -0.33], [0.33, 0.33], [-0.33, 0.33]])
    parts = [_disc(square, 0, _BLUE), _disc(_UPRIGHT * 0.68 - [0.0, 0.02], 1, WHITE), _back(square)]
    parts += [_bar(y, -0.22, 0.03, 0.025, 0.05 + 2 * _DEPTH_M, _BLACK) for y in (-0.16, -0.05, 0.06, 0.17)]
    return parts + [_moved(part, 0.0, -0.08, 0.75) for part in _figure(_BLACK)]


def _figure(look: Look) -> list[Mesh]:
    """A walking figure, 0.3 m tall, about its waist."""
    legs = (
        [[0.0, 0.02], [-0.08, -0.13], [-0.04, -0.13], [0.03, 0.02]],
        [[-0.03, 0.02], [0.05, -0.13], [0.09, -0.13], [0.03, 0.02]],
    )
    arms = (
        [[-0.1, -0.01], [-0.02, 0.08], [0.02, 0.1], [-0.08, -0.02]],
        [[-0.02, 0.1], [0.08, 0.0], [0.1, 0.01], [0.02, 0.1]],
    )
    shapes = [circle(0.0, 0.14, 0.04, 8), np.array([[-0.035, 0.0], [0.035, 0.0], [0.04, 0.1], [-0.04, 0.1]])]
    return [_disc(shape, 2, look) for shape in (*shapes, *(np.array(limb) for limb in (*legs, *arms)))]


def _moved(mesh: Mesh, y_m: float, z_m: float, scale: float) -> Mesh:
    """A layer scaled and moved in its plane."""
    points = mesh.positions_m.astype(np.float64)
    points[:, 1:] = points[:, 1:] * scale + [y_m, z_m]
    return smooth(points, mesh.normals.astype(np.float64), mesh.triangles, _BLACK)


def lettering(text: str, pitch_m: float, width: float, x_m: float, look: Look, scale: float = 1.0) -> list[Mesh]:
    """A line of text that looks along +x, its middle at y = z = 0; seen from the front, y runs to the right.

    Args:
        text: of the characters that have `_SEGMENTS`.
        pitch_m: from one character to the next.
        width: of a character, as a share of its usual 0.15 m.
        x_m: how far in front.
        look: of the strokes.
        scale: of everything in the plane.
    """
    parts = []
    for k, character in enumerate(text):
        place = (k - (len(text) - 1) / 2) * pitch_m
        for name in _SEGMENTS[character]:
            y, z, way = _STROKES[name]
            half_y, half_z = ((0.016, 0.07), (0.075 * width, 0.016), (0.016, 0.146))[way]
            across, up = scale * (place + y * width), scale * z
            parts.append(_bar(across, up, scale * half_y, scale * half_z, x_m, look))
    return parts


def _bar(y: float, z: float, half_y: float, half_z: float, x: float, look: Look) -> Mesh:
    y0, y1, z0, z1 = y - half_y, y + half_y, z - half_z, z + half_z
    return quad([x, y0, z0], [x, y1, z0], [x, y1, z1], [x, y0, z1], look)


_FACES = {
    GIVE_WAY: _Face("GiveWaySign", _give_way),
    STOP: _Face("StopSign", _stop),
    SPEED_LIMIT: _Face("SpeedLimitSign", _speed_limit),
    CHILDREN: _Face("ChildrenSign", _children),
    CROSSWALK: _Face("CrosswalkSign", _crosswalk),
}
_BLANK = _Face("TrafficSign", _blank_square)
