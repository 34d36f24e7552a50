"""What stands away from towns: noise barriers and emergency phones by motorways, poles with wires, tufts on verges."""

from __future__ import annotations

import math

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.frontage import outer_edge_m
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.roads import Road
from av_synth.simulator.town.shapes import Look, box, circle, moved, prism, quad, rectangle, smooth
from av_synth.simulator.town.signs import lettering
from av_synth.simulator.town.site import Site

Z = KERB_HEIGHT_M
_PANEL_M = 4.0
_BARRIER_M = 3.2
_PANELS = ((104, 120, 92), (112, 126, 98), (128, 112, 88), (98, 114, 90))
_PHONE_EVERY_M = 200.0
_MARKER_EVERY_M = 100.0
_POLE_EVERY_M = 42.0
_POLE_M = 7.5
_TUFT_EVERY_M = 6.0
_GRASSES = ((86, 106, 56), (94, 112, 58))
_BLADES = 7  # of each colour in a tuft
_POST = Look((120, 122, 122), Material.METAL, Tag.WALLS)


def noise_barrier(site: Site, road: Road, span_m: tuple[float, float], t_m: float) -> None:
    """A wall of panels between posts beside a road, where there is room."""
    for k, s in enumerate(np.arange(*span_m, _PANEL_M)):
        middle = float(s) + _PANEL_M / 2
        (x, y), yaw = road.line.point(middle, t_m), float(road.line.poses([middle])[0, 2])
        foot = rectangle(x, y, _PANEL_M / 2 - 0.02, 0.1, yaw)
        if not site.is_free(foot, 0.0):
            continue
        look = Look(_PANELS[(k // 3) % len(_PANELS)], Material.MATTE, Tag.WALLS)
        parts = [
            prism(foot, Z, Z + _BARRIER_M, look),
            moved(box([-_PANEL_M / 2, 0.0, _BARRIER_M / 2], [0.1, 0.14, _BARRIER_M / 2 + 0.1], _POST), x, y, Z, yaw),
        ]
        site.add("NoiseBarrier", Tag.WALLS, parts, yaw, foot)


def phones_and_markers(site: Site, road: Road, t_m: float) -> None:
    """Orange emergency phones, and plates that count the hundreds of metres, in a line beside a road."""
    orange, white = (Look(c, Material.MATTE, Tag.STATIC) for c in ((214, 106, 32), (220, 220, 214)))
    for s in np.arange(60.0, road.line.length_m - 20.0, _PHONE_EVERY_M):
        (x, y), yaw = road.line.point(float(s), t_m), float(road.line.poses([float(s)])[0, 2])
        foot = rectangle(x, y, 0.22, 0.22, yaw)
        if site.is_free(foot, 0.1):
            parts = [box([0, 0, 0.75], [0.2, 0.2, 0.75], orange), box([0, 0, 1.62], [0.22, 0.22, 0.12], white)]
            site.add("EmergencyPhone", Tag.STATIC, [moved(part, x, y, Z, yaw) for part in parts], yaw, foot)
    blue, ink = (Look(c, Material.RETRO, Tag.TRAFFIC_SIGNS) for c in ((34, 72, 132), (220, 220, 216)))
    steel = Look((132, 134, 136), Material.METAL, Tag.TRAFFIC_SIGNS)
    for k, s in enumerate(np.arange(30.0, road.line.length_m - 20.0, _MARKER_EVERY_M)):
        (x, y), yaw = road.line.point(float(s), t_m), float(road.line.poses([float(s)])[0, 2])
        foot = circle(x, y, 0.04, 6)
        if site.is_free(foot, 0.1):
            plate = quad([0.05, -0.24, 1.1], [0.05, 0.24, 1.1], [0.05, 0.24, 1.5], [0.05, -0.24, 1.5], blue)
            face = [plate, *(moved(part, 0.0, 0.0, 1.3) for part in lettering(str(k % 10), 0.19, 1.0, 0.056, ink))]
            parts = [moved(part, x, y, Z, yaw + math.pi) for part in face]
            parts.append(prism(foot, Z, Z + 1.5, steel))
            site.add("MarkerSign", Tag.TRAFFIC_SIGNS, parts, yaw + math.pi, foot)


def poles_along(site: Site, road: Road, side: int, span_m: tuple[float, float], away_m: float) -> None:
    """Wooden poles with two wires from each to the next."""
    wood = Look((96, 80, 64), Material.MATTE, Tag.POLES)
    wire = Look((40, 40, 42), Material.MATTE, Tag.POLES)
    before: tuple[float, float] | None = None
    for s in np.arange(*span_m, _POLE_EVERY_M):
        x, y = road.line.point(float(s), outer_edge_m(road, side, float(s)) + side * away_m)
        foot = circle(x, y, 0.14, 6)
        if not site.is_free(foot, 0.3):
            before = None
            continue
        yaw = float(road.line.poses([float(s)])[0, 2])
        parts = [
            prism(foot, Z, Z + _POLE_M, wood, scale=0.7),
            box([x, y, Z + _POLE_M - 0.4], [0.05, 0.8, 0.06], wood, yaw),
        ]
        if before is not None:
            parts += [_wire(before, (x, y), yaw, at, wire) for at in (-0.7, 0.7)]
        site.add("TelegraphPole", Tag.POLES, parts, yaw, foot)
        before = x, y


def _wire(a: tuple[float, float], b: tuple[float, float], yaw_rad: float, at_m: float, look: Look) -> Mesh:
    """A wire that hangs a little, seen from both sides."""
    ox, oy = -math.sin(yaw_rad) * at_m, math.cos(yaw_rad) * at_m
    parts = []
    for k in range(4):
        ends = []
        for share in (k / 4, (k + 1) / 4):
            z = Z + _POLE_M - 0.3 - 2.4 * share * (1.0 - share)
            ends.append((a[0] + (b[0] - a[0]) * share + ox, a[1] + (b[1] - a[1]) * share + oy, z))
        (px, py, pz), (qx, qy, qz) = ends
        p, q, r, s = [px, py, pz], [qx, qy, qz], [qx, qy, qz + 0.03], [px, py, pz + 0.03]
        parts += [quad(p, q, r, s, look), quad(s, r, q, p, look)]
    return Mesh.merge(parts)


def _blades(feet: Array, colour: tuple[int, int, int], rng: np.random.Generator) -> Mesh:
    """Some blades of grass about each of some places (N, 3), seen from both sides and lit as the ground is."""
    foot = np.repeat(feet, _BLADES, axis=0) + rng.uniform(-0.3, 0.3, (len(feet) * _BLADES, 3)) * [1.0, 1.0, 0.0]
    angle = rng.uniform(0.0, 2 * math.pi, len(foot))
    half = rng.uniform(0.008, 0.022, (len(foot), 1)) * np.column_stack(
        [np.cos(angle), np.sin(angle), np.zeros(len(foot))]
    )
    tip = foot + rng.uniform([-0.1, -0.1, 0.05], [0.1, 0.1, 0.2], foot.shape)
    front = np.stack([foot - half, foot + half, tip], axis=1)
    both = np.concatenate([front, front[:, ::-1]]).reshape(-1, 3)
    up = np.tile([0.0, 0.0, 1.0], (len(both), 1))
    look = Look(colour, Material.GRASS, Tag.VEGETATION)
    return smooth(both, up, np.arange(len(both)).reshape(-1, 3), look)


def tufts_along(site: Site, road: Road, side: int, rng: np.random.Generator) -> None:
    """High grass and flowers at the outer edge of a verge."""
    at = np.arange(8.0, road.line.length_m - 8.0, _TUFT_EVERY_M) + rng.uniform(0.0, 4.0)
    for low in range(0, len(at), 8):
        count = len(at[low : low + 8])
        s, away = at[low : low + 8] + rng.uniform(-2.0, 2.0, count), rng.uniform(0.1, 1.6, count)
        edge = [outer_edge_m(road, side, float(v)) for v in s]
        feet = np.column_stack([road.line.points(s, np.array(edge) + side * away), np.full(count, Z - 0.02)])
        mesh = Mesh.merge([_blades(feet, colour, rng) for colour in _GRASSES])
        site.add("GrassTuft", Tag.VEGETATION, [mesh], 0.0, None)
