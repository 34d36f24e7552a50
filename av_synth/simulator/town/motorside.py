"""What stands along a motorway: barriers, guard rails, gantries, a tunnel under its mound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.country import GRASS
from av_synth.simulator.town.furniture import POLE
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.reference import ReferenceLine
from av_synth.simulator.town.roads import Road
from av_synth.simulator.town.shapes import Look, box, circle, faceted, moved, prism, quad, triangulate
from av_synth.simulator.town.signs import lettering
from av_synth.simulator.town.site import Site

Z = KERB_HEIGHT_M
_PIECE_M = 8.0  # of barriers and walls: chords this long stay within 3 cm of the sharpest bend
_CONCRETE = Look((150, 148, 142), Material.MATTE, Tag.WALLS)
_BARRIER = Look((158, 156, 150), Material.MATTE, Tag.GUARD_RAIL)
STEEL = Look((146, 150, 152), Material.METAL, Tag.GUARD_RAIL)
_BOARD_BLUE, _BOARD_WHITE = (30, 66, 128), (222, 222, 218)
# a step barrier, in t and z, clockwise
_BARRIER_TZ = (
    (-0.28, 0.0),
    (-0.28, 0.08),
    (-0.12, 0.32),
    (-0.08, 0.86),
    (0.08, 0.86),
    (0.12, 0.32),
    (0.28, 0.08),
    (0.28, 0.0),
)
_GANTRY_M = 5.7  # clear height
_CEILING_M, _ROOF_M = 5.6, 6.7
_CORE_T_M = 1.1  # half of what stands between the carriageways
_MOUND_M = 14.1  # of earth beside the inner face of a wall
_LAMP_EVERY_M = 12.0
_WING_M = 0.4  # thickness of the walls that hold the mound at its ends


def _extrude(
    line: ReferenceLine,
    s_m: Sequence[float] | Array,
    tz_m: Sequence[tuple[float, float]],
    look: Look,
    *,
    ends: bool = True,
) -> Mesh:
    """Draw a profile of points (t, z) out along a line, through stations; close its ends, if it is convex.

    Faces look to the left of the way from one profile point to the next, seen with t to the right: a solid's profile
    runs clockwise.
    """
    s, profile = np.asarray(s_m, dtype=np.float64), np.asarray(tz_m, dtype=np.float64)
    rings = [np.column_stack([line.points(s, t), np.full(len(s), Z + z)]) for t, z in profile]
    points, n = np.concatenate(rings), len(s)
    cells = []
    for k in range(len(profile) - 1):
        for i in range(n - 1):
            a, b, c, d = k * n + i, k * n + i + 1, (k + 1) * n + i + 1, (k + 1) * n + i
            cells += [[a, b, c], [a, c, d]]
    closed = tuple(tz_m[0]) == tuple(tz_m[-1])
    for k in range(1, len(profile) - 1 - closed) if ends else ():
        cells += [[0, k * n, (k + 1) * n], [n - 1, (k + 2) * n - 1, (k + 1) * n - 1]]
    return faceted(points, cells, look)


def _pieces(begins_m: float, ends_m: float) -> list[tuple[float, float]]:
    cuts = np.linspace(begins_m, ends_m, max(1, math.ceil((ends_m - begins_m) / _PIECE_M)) + 1)
    return [(float(a), float(b)) for a, b in pairwise(cuts)]


def _foot(line: ReferenceLine, s_m: tuple[float, float], low_t: float, high_t: float) -> Array:
    """The four corners of a piece between two offsets, counter-clockwise."""
    begins, ends = s_m
    return line.points([begins, ends, ends, begins], [low_t, low_t, high_t, high_t])


def _yaw(line: ReferenceLine, s_m: tuple[float, float]) -> float:
    return float(line.poses([(s_m[0] + s_m[1]) / 2])[0, 2])


def concrete_barrier(site: Site, line: ReferenceLine, begins_m: float, ends_m: float) -> None:
    """A concrete barrier on a line."""
    pieces = _pieces(begins_m, ends_m)
    for piece in pieces:
        parts = [_extrude(line, piece, _BARRIER_TZ, _BARRIER, ends=False)]
        if piece in (pieces[0], pieces[-1]):  # between them one piece hides the end of the other
            parts += [_barrier_end(line, piece[0], -1), _barrier_end(line, piece[1], 1)]
        site.add("ConcreteBarrier", Tag.GUARD_RAIL, parts, _yaw(line, piece), _foot(line, piece, -0.28, 0.28))


def _barrier_end(line: ReferenceLine, s_m: float, way: int) -> Mesh:
    """What closes a barrier at a station, seen from ahead of it (1) or from behind (-1)."""
    ring = np.array(_BARRIER_TZ)[::-1]
    points = np.column_stack([line.points(np.full(len(ring), s_m), ring[:, 0]), Z + ring[:, 1]])
    return faceted(points, [corners[::way] for corners in triangulate(ring)], _BARRIER)


def guard_rail(site: Site, line: ReferenceLine, begins_m: float, ends_m: float, t_m: float) -> None:
    """A steel rail on posts beside a line."""
    pieces = _pieces(begins_m, ends_m)
    for piece in pieces:
        rail = [(t_m - 0.05, 0.44), (t_m - 0.05, 0.75), (t_m + 0.05, 0.75), (t_m + 0.05, 0.44)]
        x, y = line.point(piece[0], t_m)
        is_end = piece in (pieces[0], pieces[-1])
        parts = [
            _extrude(line, piece, [*rail, rail[0]], STEEL, ends=is_end),
            prism(circle(x, y, 0.05, 4), Z, Z + 0.7, STEEL),
        ]
        site.add("GuardRail", Tag.GUARD_RAIL, parts, _yaw(line, piece), _foot(line, piece, t_m - 0.06, t_m + 0.06))


def gantry(
    site: Site, road: Road, s_m: float, span_t_m: tuple[float, float], boards: Sequence[tuple[float, float, str]]
) -> None:
    """A portal over a carriageway with boards that face its traffic.

    Args:
        site: gets it.
        road: the carriageway.
        s_m: where along it.
        span_t_m: offsets of the right and the left post.
        boards: offset of the middle, width and text of each.
    """
    right, left = span_t_m
    heading = float(road.line.poses([s_m])[0, 2])
    for t in span_t_m:
        foot = circle(*road.line.point(s_m, t), 0.22, 8)
        site.add("GantryPost", Tag.POLES, [prism(foot, Z, Z + _GANTRY_M + 1.5, POLE)], heading, foot)
    x, y = road.line.point(s_m, (right + left) / 2)
    half = (left - right) / 2
    beams = [box([0.0, 0.0, Z + z], [0.14, half, 0.1], POLE) for z in (_GANTRY_M + 0.2, _GANTRY_M + 1.3)]
    beams += [
        box([0.0, float(t), Z + _GANTRY_M + 0.75], [0.06, 0.06, 0.5], POLE) for t in np.arange(-half + 1.0, half, 2.0)
    ]
    site.add("GantryBeam", Tag.POLES, [moved(beam, x, y, 0.0, heading) for beam in beams], heading, None)
    for t, width, text in boards:
        bx, by = road.line.point(s_m, t)
        parts = [moved(part, bx, by, Z + _GANTRY_M + 1.0, heading + math.pi) for part in _board(width, 2.2, text)]
        site.add("GantrySign", Tag.TRAFFIC_SIGNS, parts, heading, None)


def _board(width_m: float, height_m: float, text: str) -> list[Mesh]:
    """A blue board about the origin that looks along +x: a white rim, a line of text and an arrow down to the lane."""
    blue, white = (Look(c, Material.RETRO, Tag.TRAFFIC_SIGNS) for c in (_BOARD_BLUE, _BOARD_WHITE))

    def pane(half_y: float, half_z: float, x: float, look: Look, z: float = 0.0) -> Mesh:
        return quad(
            [x, -half_y, z - half_z], [x, half_y, z - half_z], [x, half_y, z + half_z], [x, -half_y, z + half_z], look
        )

    parts = [
        box(
            [0.2, 0.0, 0.0], [0.04, width_m / 2, height_m / 2], Look((120, 122, 124), Material.METAL, Tag.TRAFFIC_SIGNS)
        )
    ]
    parts += [pane(width_m / 2, height_m / 2, 0.25, white), pane(width_m / 2 - 0.08, height_m / 2 - 0.08, 0.258, blue)]
    parts += [moved(part, 0.0, 0.0, 0.4) for part in lettering(text, 0.2, 1.0, 0.266, white, scale=3.0)]
    parts.append(pane(0.07, 0.22, 0.266, white, -0.45))
    tip = np.array([[0.266, 0.0, -0.95], [0.266, 0.26, -0.62], [0.266, -0.26, -0.62]])
    return [*parts, faceted(tip, [[0, 1, 2]], white)]


def tunnel(site: Site, middle: ReferenceLine, begins_m: float, ends_m: float, wall_t_m: float) -> None:
    """Walls, a roof and lamps over both carriageways, and the mound that they lie under.

    Args:
        site: gets it all.
        middle: the line in the middle of the motorway.
        begins_m: the first portal, along it.
        ends_m: the other portal.
        wall_t_m: from the line to the inner faces of the outer walls.
    """
    mound_t = wall_t_m + _MOUND_M
    for piece in _pieces(begins_m, ends_m):
        yaw = _yaw(middle, piece)
        core = [(-_CORE_T_M, 0.0), (-_CORE_T_M, _CEILING_M), (_CORE_T_M, _CEILING_M), (_CORE_T_M, 0.0)]
        site.add(
            "TunnelCore",
            Tag.WALLS,
            [_extrude(middle, piece, core, _CONCRETE)],
            yaw,
            _foot(middle, piece, -_CORE_T_M, _CORE_T_M),
        )
        for side in (-1, 1):
            _tunnel_side(site, middle, piece, side, yaw, wall_t_m)
        corners = [(-1, _CEILING_M), (-1, _ROOF_M), (1, _ROOF_M), (1, _CEILING_M), (-1, _CEILING_M)]
        slab = [(side * wall_t_m, z) for side, z in corners]
        site.add("TunnelRoof", Tag.WALLS, [_extrude(middle, piece, slab, _CONCRETE)], yaw, None)
    for piece in ((begins_m - _WING_M, begins_m), (ends_m, ends_m + _WING_M)):
        for side in (-1, 1):
            wing = [(wall_t_m, 0.0), (wall_t_m, _ROOF_M), (wall_t_m + 1.0, _ROOF_M), (mound_t, 0.0)]
            low, high = sorted((side * wall_t_m, side * mound_t))
            parts = [_extruded(middle, piece, side, wing, _CONCRETE)]
            site.add("TunnelWing", Tag.WALLS, parts, _yaw(middle, piece), _foot(middle, piece, low, high))
    _tunnel_lamps(site, middle, begins_m, ends_m, (wall_t_m + _CORE_T_M) / 2)


def _extruded(
    middle: ReferenceLine, piece: tuple[float, float], side: int, tz_m: Sequence[tuple[float, float]], look: Look
) -> Mesh:
    """A profile given for the left side, on either side: mirrored, it runs the other way round."""
    profile = [(side * t, z) for t, z in tz_m]
    return _extrude(middle, piece, profile if side > 0 else profile[::-1], look)


def _tunnel_side(
    site: Site, middle: ReferenceLine, piece: tuple[float, float], side: int, yaw: float, wall_t_m: float
) -> None:
    """The outer wall of one carriageway with a pale band, kerbs along both of its walls, and its half of the mound."""
    pale = Look((196, 194, 186), Material.MATTE, Tag.WALLS)
    earth = Look(GRASS, Material.GRASS, Tag.TERRAIN)

    edge, mound_t = wall_t_m + 1.0, wall_t_m + _MOUND_M
    wall = [(wall_t_m, 0.0), (wall_t_m, _ROOF_M), (edge, _ROOF_M), (edge, 0.0)]
    parts = [
        _extruded(middle, piece, side, wall, _CONCRETE),
        _extruded(middle, piece, side, [(wall_t_m - 0.02, 0.15), (wall_t_m - 0.02, 3.4)], pale),
    ]
    parts.append(
        _extruded(middle, piece, side, [(wall_t_m - 0.38, 0.0), (wall_t_m - 0.38, 0.15), (wall_t_m, 0.15)], _CONCRETE)
    )
    parts.append(
        _extruded(
            middle, piece, side, [(_CORE_T_M, 0.15), (_CORE_T_M + 0.38, 0.15), (_CORE_T_M + 0.38, 0.0)], _CONCRETE
        )
    )
    parts.append(_extruded(middle, piece, side, [(edge, 0.0), (edge, _ROOF_M), (mound_t, 0.0)], earth))
    parts.append(_extruded(middle, piece, side, [(0.0, _ROOF_M + 0.02), (edge, _ROOF_M + 0.02)], earth))
    low, high = sorted((side * wall_t_m, side * mound_t))
    site.add("TunnelWall", Tag.WALLS, parts, yaw, _foot(middle, piece, low, high))


def _tunnel_lamps(site: Site, middle: ReferenceLine, begins_m: float, ends_m: float, t_m: float) -> None:
    glow = Look((255, 240, 214), Material.GLOW, Tag.POLES)
    for s in np.arange(begins_m + _LAMP_EVERY_M / 2, ends_m, _LAMP_EVERY_M):
        yaw = float(middle.poses([s])[0, 2])
        for t in (-t_m, t_m):
            x, y = middle.point(float(s), t)
            casing = box([x, y, Z + _CEILING_M - 0.06], [0.8, 0.16, 0.06], POLE, yaw)
            lamp = box([x, y, Z + _CEILING_M - 0.135], [0.72, 0.12, 0.015], glow, yaw)
            site.add("TunnelLamp", Tag.POLES, [casing, lamp], yaw, None)
