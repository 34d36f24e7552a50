"""Standing surfaces stay put: each lidar turn, put into the world, lies on the walls of the turn before.

The turn before is laid out as a grid of ring by azimuth. A point belongs to an upright surface when its neighbour in
the ring above or below is more above it than behind it; the surface's direction comes from its neighbours in its own
ring. Each upright point of a turn is looked up in the grid of the turn before and its distance from that surface is
taken along the surface's normal. A rigid correction (x, y, yaw) is then fitted to these distances, as in point-to-plane
ICP (Chen and Medioni 1992) with Cauchy weights. In a true dataset it is centimetres; a lidar file of another frame, a
mirrored axis or a wrong pose makes it the distance that was driven.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, inverse, move
from av_synth.verify.reading.clouds import Sweep, ring_elevations_deg
from av_synth.verify.reading.model import Annotation, Data, Scene

Indices = npt.NDArray[np.int64]

_OWN_BODY_M = 3.5  # nearer returns may be the ego itself, which moves along
_FARTHEST_M = 60.0  # ring and azimuth gaps are too wide to tell surfaces beyond
_GATE_M = 2.0
_MATCHES = 100
_SHIFT_M = 0.2  # a car at 15 km/h drives that in a turn of 50 ms; fits of true turns are within 0.05 m
_OBSERVABLE = 0.05  # share of the (balanced) surfaces that must face a direction for its shift to count
_FACING = 25.0  # and so many points: on an open road, 20 at the ends of hedges and on posts say nothing
# So many points, and such a share, must have come nearer by most of a shift: in a tunnel 35 of 4,000 do by chance, and
# 64 of 254 on one front of a house whose windows lie 0.3 m deep, where two beams pass from wall to windows. Of 1,070
# turns that were shifted by what was driven, all but 1 % have more than 40; of 146 of four further runs, all have 180.
_TELLING, _TELLING_SHARE = 80, 0.02
_EXPLAINED = 0.7  # a true shift takes most of the distances away; wrong matches at corners stay
_FACINGS = 6
_CAUCHY_M = (1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.1)  # from wide, so that a large shift is not taken for wrong matches
_BOX_MARGIN_M = 0.4
_MIRRORED = 3  # turns that have to fit if an axis is turned round


@dataclass(frozen=True)
class Upright:
    """The upright surface points of a turn.

    Attributes:
        points: (K, 3) in the lidar frame.
        normals: (K, 2), horizontal and unit, in the lidar frame.
        grid: (R, C) ring by azimuth, index into `points`, -1 for none.
        phase: where in a column of the grid the beams fire, 0 to 1.
        ring_elevations_deg: (R,), rising; NaN for rings that are not known.
    """

    points: Array
    normals: Array
    grid: Indices
    phase: float
    ring_elevations_deg: Array


def _upright_surfaces(sweep: Sweep) -> Upright:
    """Find the points of a turn that lie on upright surfaces, with the surfaces' normals."""
    flat_m = np.hypot(sweep.points[:, 0], sweep.points[:, 1])
    kept = np.flatnonzero((flat_m > _OWN_BODY_M) & (flat_m < _FARTHEST_M))
    points, rings, flat_m = sweep.points[kept], sweep.rings[kept], flat_m[kept]
    elevations = ring_elevations_deg(sweep)[:, 1]
    if len(points) == 0:
        return Upright(points, np.zeros((0, 2)), np.full((len(elevations), 16), -1, dtype=np.int64), 0.0, elevations)
    columns = max(16, int(np.bincount(sweep.rings).max()))
    grid = np.full((len(elevations), columns), -1, dtype=np.int64)
    # columns are centred on the directions in which beams fire, or rounding would put two of them into one column
    phase = float(np.angle(np.mean(np.exp(2j * math.pi * _turn(points) * columns)))) / (2.0 * math.pi)
    grid[rings, _column(points, columns, phase)] = np.arange(len(points))

    above, below = _neighbour(grid, 1, 0), _neighbour(grid, -1, 0)
    left, right = _neighbour(grid, 0, -1), _neighbour(grid, 0, 1)
    rows, cols = np.nonzero(grid >= 0)
    own, a, b, up, down = (g[rows, cols] for g in (grid, left, right, above, below))
    rises = np.zeros(len(own), dtype=np.bool_)
    for other in (up, down):
        rise_m = np.abs(points[other, 2] - points[own, 2])
        rises |= (other >= 0) & (rise_m > 0.05) & (rise_m > 1.5 * np.abs(flat_m[other] - flat_m[own]))
    along = points[b, :2] - points[a, :2]
    length_m = np.maximum(np.linalg.norm(along, axis=1), 1e-6)
    bend_m = np.linalg.norm(points[own, :2] - (points[a, :2] + points[b, :2]) / 2.0, axis=1)
    straight = (a >= 0) & (b >= 0) & (length_m < 2.0) & (bend_m < 0.02 + 0.1 * length_m)
    good = rises & straight
    index = np.full(len(points), -1, dtype=np.int64)
    index[own[good]] = np.arange(int(good.sum()))
    normals = np.stack([-along[good, 1], along[good, 0]], axis=1) / length_m[good, None]
    filled = grid >= 0
    grid[filled] = index[grid[filled]]
    return Upright(points[own[good]], normals, grid, phase, elevations)


def _turn(points: Array) -> Array:
    return np.asarray(np.arctan2(points[:, 1], points[:, 0]) / (2.0 * math.pi) + 0.5)


def _column(points: Array, columns: int, phase: float) -> Indices:
    return np.asarray(np.rint(_turn(points) * columns - phase).astype(np.int64) % columns)


def _neighbour(grid: Indices, rings: int, columns: int) -> Indices:
    shifted = np.roll(grid, -columns, axis=1)
    if rings:
        shifted = np.roll(shifted, -rings, axis=0)
        shifted[-1 if rings > 0 else 0] = -1
    return shifted


@dataclass(frozen=True)
class Fit:
    """How a turn must be moved to lie on the one before.

    Attributes:
        shift_m: the length of the correction, yaw counted at the middle point's distance; 0 when it explains little.
        matches: how many points were compared.
        middle_m: their middle distance from the surfaces before the correction.
    """

    shift_m: float
    matches: int
    middle_m: float


def fit(before: Upright, after: Upright, keep: npt.NDArray[np.bool_], before_from_after: Array) -> Fit:
    """Fit the correction of `before_from_after` (4, 4) that puts a turn on the surfaces of the one before."""
    moved = move(before_from_after, after.points[keep])
    hit = _look_up(before, moved)
    moved, hit = moved[hit >= 0], hit[hit >= 0]
    gap = moved[:, :2] - before.points[hit, :2]
    near = np.linalg.norm(gap, axis=1) < _GATE_M
    moved, normals, gap = moved[near], before.normals[hit[near]], gap[near]
    if len(moved) < _MATCHES:
        return Fit(0.0, len(moved), 0.0)
    residual = np.sum(normals * gap, axis=1)
    radius_m = max(1.0, float(np.median(np.hypot(moved[:, 0], moved[:, 1]))))
    lever = (normals[:, 1] * moved[:, 0] - normals[:, 0] * moved[:, 1]) / radius_m
    jacobian = np.column_stack([normals, lever])
    balance = _balance(normals)
    values, vectors = np.linalg.eigh(jacobian.T @ (jacobian * balance[:, None]) / balance.sum())
    facing = np.sum((jacobian @ vectors) ** 2, axis=0)
    observable = vectors[:, (values > _OBSERVABLE) & (facing > _FACING)]
    seen = jacobian @ observable
    solution = np.zeros(3)
    for scale_m in _CAUCHY_M:
        left = residual + jacobian @ solution
        weight = balance / (1.0 + (left / scale_m) ** 2)
        step = np.linalg.lstsq(seen.T @ (seen * weight[:, None]), -seen.T @ (left * weight), rcond=None)[0]
        solution = solution + observable @ step
    nearer = jacobian @ solution
    cost, cost_left = (float(balance @ np.minimum(np.abs(r), 1.0)) for r in (residual, residual + nearer))
    telling = int((np.abs(nearer) > 0.5 * np.linalg.norm(solution)).sum())
    explained = cost_left < _EXPLAINED * cost and telling > max(_TELLING, _TELLING_SHARE * len(moved))
    middle_m = float(np.median(np.abs(residual)))
    return Fit(float(np.linalg.norm(solution)) if explained else 0.0, len(moved), middle_m)


def _balance(normals: Array) -> Array:
    """Weights that let the few surfaces across a street say as much as the many along it."""
    facing = np.floor(np.arctan2(normals[:, 1], normals[:, 0]) / math.pi * _FACINGS).astype(np.int64) % _FACINGS
    return np.asarray(1.0 / np.maximum(np.bincount(facing, minlength=_FACINGS), _MATCHES)[facing])


def _look_up(before: Upright, points: Array) -> Indices:
    """The upright point of the turn before in the direction of each point, -1 for none."""
    known = np.flatnonzero(~np.isnan(before.ring_elevations_deg))
    if len(known) == 0:
        return np.full(len(points), -1, dtype=np.int64)
    elevation = np.degrees(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1])))
    table = before.ring_elevations_deg[known]
    ring = known[np.searchsorted((table[1:] + table[:-1]) / 2.0, elevation)]
    columns = before.grid.shape[1]
    column = _column(points, columns, before.phase)
    found = before.grid[ring, column]
    for aside in (-1, 1):
        found = np.where(found >= 0, found, before.grid[ring, (column + aside) % columns])
    return np.asarray(found)


class Movers:
    """The boxes of a scene that move, at any time between samples."""

    def __init__(self, scene: Scene) -> None:
        self._tracks = [track for track in scene.tracks.values() if _moves(track)]

    def outside(self, world: Array, time_us: int) -> npt.NDArray[np.bool_]:
        """Which points (N, 3) are in none of the boxes, seen from above, with a margin."""
        free = np.ones(len(world), dtype=np.bool_)
        for track in self._tracks:
            place = _place(track, time_us)
            if place is None:
                continue
            (x, y, yaw), (width, length, _) = place, track[0][1].size_wlh_m
            offset = world[:, :2] - (x, y)
            ahead = offset @ (math.cos(yaw), math.sin(yaw))
            aside = offset @ (-math.sin(yaw), math.cos(yaw))
            free &= (np.abs(ahead) > length / 2 + _BOX_MARGIN_M) | (np.abs(aside) > width / 2 + _BOX_MARGIN_M)
        return free


def _moves(track: Sequence[tuple[int, Annotation]]) -> bool:
    places = np.array([annotation.translation for _, annotation in track])
    return bool(np.ptp(places[:, :2], axis=0).max() > 0.05)


def _place(track: Sequence[tuple[int, Annotation]], time_us: int) -> tuple[float, float, float] | None:
    if not track[0][0] - 500_000 <= time_us <= track[-1][0] + 500_000:
        return None
    times = np.array([t for t, _ in track], dtype=np.float64)
    poses = np.array([annotation.world_from_box for _, annotation in track])
    yaws = np.unwrap(np.arctan2(poses[:, 1, 0], poses[:, 0, 0]))
    x, y, yaw = (float(np.interp(time_us, times, v)) for v in (poses[:, 0, 3], poses[:, 1, 3], yaws))
    return x, y, yaw


class StandingCheck:
    """Takes the lidar turns of one scene and channel in time order and judges each against the one before."""

    def __init__(self, scene: Scene, findings: Findings) -> None:
        self._scene = scene
        self._findings = findings
        self._movers = Movers(scene)
        self._before: tuple[Data, Sweep, Upright] | None = None
        self._wrong: list[tuple[Data, Sweep, Data, Sweep]] = []

    def add(self, data: Data, sweep: Sweep) -> None:
        """Judge the next turn."""
        surfaces = _upright_surfaces(sweep)
        if self._before is not None:
            previous, sweep_before, before = self._before
            keep = self._movers.outside(move(data.world_from_sensor, surfaces.points), data.timestamp_us)
            result = fit(before, surfaces, keep, inverse(previous.world_from_sensor) @ data.world_from_sensor)
            if not self._judge(data, previous, result) and len(self._wrong) < _MIRRORED:
                self._wrong.append((previous, sweep_before, data, sweep))
                self._name_mirrored()
        self._before = (data, sweep, surfaces)

    def pause(self) -> None:
        """A turn was left out: the next has none before it."""
        self._before = None

    def _name_mirrored(self) -> None:
        """Say whether the first turns that do not lie on one another do if one of their axes is turned round."""
        for axis in (0, 1) if len(self._wrong) == _MIRRORED else ():
            if all(self._fits_mirrored(axis, *turns) for turns in self._wrong):
                message = f"{self._wrong[0][0].channel} points are mirrored: {'xy'[axis]} has the wrong sign"
                message = f"{message}; with that undone what stands still stays put"
                self._findings.add("lidar_static", f"{self._wrong[0][0].channel} of {self._scene.name}", message)

    def _fits_mirrored(self, axis: int, previous: Data, before: Sweep, data: Data, after: Sweep) -> bool:
        signs = np.where(np.arange(3) == axis, -1.0, 1.0)
        old, new = (_upright_surfaces(Sweep(turn.points * signs, turn.rings)) for turn in (before, after))
        keep = self._movers.outside(move(data.world_from_sensor, new.points), data.timestamp_us)
        result = fit(old, new, keep, inverse(previous.world_from_sensor) @ data.world_from_sensor)
        return result.matches >= _MATCHES and max(result.shift_m, result.middle_m) <= _SHIFT_M

    def _judge(self, data: Data, previous: Data, result: Fit) -> bool:
        """Whether a turn stays put, as far as can be said."""
        if result.matches < _MATCHES:
            return True
        self._findings.checked("lidar_static")
        true = max(result.shift_m, result.middle_m) <= _SHIFT_M
        if not true:
            message = (
                f"what stands still is {max(result.shift_m, result.middle_m):.2f} m away from where it is in "
                f"{previous.filename} ({result.matches} points on upright surfaces, median {result.middle_m:.2f} m)"
            )
            wanted = f"want under {_SHIFT_M} m: is it this frame's file, with its own ego pose and true axes?"
            self._findings.add("lidar_static", f"{data.filename} ({self._scene.name})", f"{message}; {wanted}")
        return true
