"""Depth images against lidar points: do camera, lidar, mounts, focal length and clocks agree?

A lidar point that is put into the camera has a depth there, and the depth image has one at its pixel. Where the surface
is flat, the inverse of depth is linear in pixels, so a small error of mount or focal length moves the point along a
known slope. The error that explains most is fitted by least squares with Cauchy weights over all keyframes of a scene.
Whether the camera is a frame late is judged by putting the points into where it was a frame before or after.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, inverse, move
from av_synth.verify.pixels.masks import Seen, View
from av_synth.verify.points.counts import SamplePoints
from av_synth.verify.reading.model import Data, Scene

_Pixels = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
_Rows = npt.NDArray[np.intp]

_NEAR_M, _FAR_M = 1.5, 60.0
_WINDOW_PX = 3  # slopes are taken over twice this: a depth of 10 m is kept to 0.1 %, and so is its slope
_FLAT = 0.01  # of the inverse depth, by which a flat surface may bend over the window
_MOST_POINTS = 6000  # an image: more say no more
_CLOSE_SHARE, _CLOSE_M = 0.03, 0.05  # of depth: what is not an edge agrees within it
_AGREE = 0.6  # of points on flat surfaces: camera and lidar are half a metre apart and look behind different edges
_LEAST = 100
_CAUCHY = (0.05, 0.02, 0.01, 0.005, 0.005)
_SURE = 8.0  # times its standard deviation, which counts neighbouring points as if they erred independently
_TURN_DEG, _MOVE_M, _FOCAL = 0.25, 0.04, 0.006  # on a bare road, focal length and place are told apart badly
_GATE = 0.2
_MOUNT_M = 0.25  # a car drives further from frame to frame than mounts are mistaken
_MOVED_M = 0.1
_SHIFT_GAIN = 0.75  # the cost of the right frame is that much lower


@dataclass(frozen=True)
class Residual:
    """What is wrong with a camera against the lidar, and how sure that is.

    Attributes:
        turn_deg: rotation (3,) about the camera's x, y, z axes.
        move_m: translation (3,) along them.
        focal: relative error of the focal length.
        sigma: standard deviations (7,) of turn (deg), move (m) and focal.
        points: how many points it is from.
    """

    turn_deg: Array
    move_m: Array
    focal: float
    sigma: Array
    points: int


class DepthCheck:
    """Gathers one camera's depth images of one scene and judges them together."""

    def __init__(self, scene: Scene, channel: str, findings: Findings) -> None:
        self._scene = scene
        self._channel = channel
        self._findings = findings
        self._jacobians: list[Array] = []
        self._errors: list[Array] = []
        self._costs: dict[int, list[float]] = {-1: [], 0: [], 1: []}
        self._frame_px: list[float] = []
        self._agree = self._total = 0

    def add(self, view: View, place: int, depth_m: Array, points: SamplePoints, seen: Seen | None) -> None:
        """Take a depth image (H, W) in metres; `place` is that of its row in the channel's chain.

        By the mask that goes with it, points are left out before which something else stands, for the camera: its own
        vehicle, which a lidar looks through, or one that a lidar on the roof looks over.
        """
        if depth_m.shape != (view.data.height, view.data.width):
            return
        at, rows = _in_view(view, view.camera_from_world, points.world, depth_m.shape)
        if seen is not None:
            shown = seen.labels[at[:, 1], at[:, 0]] == _value_of(points.owner[rows], seen)
            at, rows = at[shown], rows[shown]
        world = points.world[rows]
        sample = _sample(depth_m, at)
        camera = move(view.camera_from_world, world)
        bend = np.abs(sample[:, 1:3] + sample[:, 3:5] - 2 * sample[:, :1]).max(axis=1, initial=0.0)
        flat = bend < _FLAT * sample[:, 0]  # also leaves out what has no depth around it
        camera, at, sample = camera[flat], at[flat], sample[flat]
        if len(camera) < _LEAST:
            return
        beside = view.project(camera) - at
        inverse_depth = sample[:, 0] + np.sum(_slopes(sample) * beside, axis=1)
        error = camera[:, 2] * inverse_depth - 1.0
        close = np.abs(error) < _CLOSE_SHARE + _CLOSE_M / camera[:, 2]
        self._agree += int(close.sum())
        self._total += len(close)
        self._findings.checked("depth", len(close))
        near = np.abs(error) < _GATE
        self._jacobians.append(_jacobian(view, camera[near], sample[near]))
        self._errors.append(error[near])
        self._compare_frames(view, place, depth_m, points)

    def _compare_frames(self, view: View, place: int, depth_m: Array, points: SamplePoints) -> None:
        """How badly the points fit when the camera was where it is one frame before or after."""
        rows = self._scene.data[self._channel]
        if not 0 < place < len(rows) - 1:
            return
        others = {k: rows[place + k] for k in (-1, 0, 1)}
        moved = others[1].world_from_sensor[:3, 3] - others[-1].world_from_sensor[:3, 3]
        if float(np.linalg.norm(moved)) < 2 * _MOVED_M:
            return
        still = points.world[points.owner < 0]
        costs = {k: _cost(view, row, depth_m, still) for k, row in others.items()}
        if all(cost is not None for cost in costs.values()):
            self._frame_px.append(_apart_px(view, others[0], others[1], still))
            for k, cost in costs.items():
                self._costs[k].append(float(cost or 0.0))

    def close(self) -> Residual | None:
        """Judge agreement and time shift; returns the fitted error of mount and focal length, to be judged together."""
        where = f"{self._channel} of {self._scene.name}"
        if self._total >= _LEAST and self._agree < _AGREE * self._total:
            share = f"{self._agree} of {self._total} lidar points on flat surfaces"
            message = f"{share} have the depth that the depth image has; want {_AGREE:.0%}"
            self._findings.add("depth", where, f"{message}: metres along the axis times 100, of this very frame?")
        if self._costs[0]:
            self._judge_frames(where)
        if not self._errors:
            return None
        residual = fit(np.concatenate(self._jacobians), np.concatenate(self._errors))
        if residual is not None:
            name, measures = self._channel, self._findings.measures
            measures.sensor(name, "turn_deg", float(np.linalg.norm(residual.turn_deg)))
            measures.sensor(name, "move_m", float(np.linalg.norm(residual.move_m)))
            measures.sensor(name, "focal_percent", 100 * residual.focal)
            measures.sensor(name, "depth_agreement", self._agree / max(self._total, 1))
        return residual

    def _judge_frames(self, where: str) -> None:
        self._findings.checked("time_shift", len(self._costs[0]))
        cost = {k: float(np.mean(found)) for k, found in self._costs.items()}
        curve = cost[-1] - 2 * cost[0] + cost[1]
        offset = 0.5 * (cost[-1] - cost[1]) / curve if curve > 0 else 0.0
        offset_px = float(np.clip(offset, -1, 1)) * float(np.median(self._frame_px))
        self._findings.measures.sensor(self._channel, "time_error_px", offset_px)
        best = min(cost, key=lambda k: cost[k])
        if best and cost[best] < _SHIFT_GAIN * cost[0]:
            late = "late" if best < 0 else "early"
            message = (
                f"{self._channel} is one frame {late}: lidar points fit its depth images {cost[0] / cost[best]:.1f}"
            )
            self._findings.add("time_shift", where, f"{message} times better from where it was a frame away")


def _in_view(view: View, camera_from_world: Array, world: Array, shape: tuple[int, ...]) -> tuple[_Pixels, _Rows]:
    """Pixels (N, 2) of the points that fall well within an image, and their rows (N,)."""
    camera = move(camera_from_world, world)
    ahead = np.flatnonzero((camera[:, 2] > _NEAR_M) & (camera[:, 2] < _FAR_M))
    at = np.rint(view.project(camera[ahead]))
    border = _WINDOW_PX
    inside = (at >= border).all(axis=1) & (at[:, 0] < shape[1] - border) & (at[:, 1] < shape[0] - border)
    ahead, at = ahead[inside], at[inside]
    step = max(1, len(ahead) // _MOST_POINTS)
    return at[::step].astype(np.int64), ahead[::step]


def _value_of(owner: npt.NDArray[np.integer], seen: Seen) -> npt.NDArray[np.int64]:
    """The pixel value (N,) of whose points are, by their places among the annotations; 0 for -1, -1 for unseen ones."""
    values = np.array([*(-1 if value is None else value for value in seen.values), 0], dtype=np.int64)
    return values[owner]


def _sample(depth_m: Array, at: _Pixels) -> Array:
    """Inverse depths (N, 5) at pixels: in the middle, left, above, right, below."""
    x, y, d = at[:, 0], at[:, 1], _WINDOW_PX
    return np.asarray(
        1.0 / np.stack([depth_m[y, x], depth_m[y, x - d], depth_m[y - d, x], depth_m[y, x + d], depth_m[y + d, x]], 1)
    )


def _slopes(sample: Array) -> Array:
    """How the inverse depth changes (N, 2) from pixel to pixel, along x and y."""
    return np.asarray((sample[:, 3:5] - sample[:, 1:3]) / (2 * _WINDOW_PX))


def _jacobian(view: View, camera: Array, sample: Array) -> Array:
    """Derivatives (N, 7) of the relative depth error by turn (rad), move (m) and relative focal length.

    The point is moved by p' = p + turn x p + move; its pixel moves along the slope of the inverse depth.
    """
    x, y, z = camera.T
    fx, fy = view.intrinsic[0, 0], view.intrinsic[1, 1]
    slopes = _slopes(sample)
    if view.bend is not None:
        slopes = np.einsum("ni,nij->nj", slopes, view.bend.stretch(camera))
    slope_u, slope_v = slopes.T
    by_x, by_y = slope_u * fx, slope_v * fy
    by_z = sample[:, 0] - slope_u * fx * x / z - slope_v * fy * y / z
    return np.stack(
        [
            by_z * y - by_y * z,
            by_x * z - by_z * x,
            by_y * x - by_x * y,
            by_x,
            by_y,
            by_z,
            slope_u * fx * x + slope_v * fy * y,
        ],
        axis=1,
    )


def fit(jacobian: Array, errors: Array) -> Residual | None:
    """The small error of mount and focal length that explains relative depth errors (N,); None for too few points."""
    if len(errors) < 7 * _LEAST:
        return None
    solution = np.zeros(7)
    weight = np.ones(len(errors))
    # weak priors keep what the scene does not show at zero: 1 degree, 0.1 m, 2 %
    prior = np.diag([1 / math.radians(1.0) ** 2] * 3 + [1 / 0.1**2] * 3 + [1 / 0.02**2]) * 0.01**2
    normal = prior
    for scale in _CAUCHY:
        left = errors + jacobian @ solution
        weight = 1.0 / (1.0 + (left / scale) ** 2)
        normal = jacobian.T @ (jacobian * weight[:, None]) + prior
        solution = -np.linalg.solve(normal, jacobian.T @ (errors * weight))
    left = errors + jacobian @ solution
    spread = 1.5 * float(np.median(np.abs(left))) + 1e-4
    sigma = spread * np.sqrt(np.diag(np.linalg.inv(normal)))
    degrees = np.degrees(solution[:3])
    return Residual(degrees, solution[3:6], float(solution[6]), np.r_[np.degrees(sigma[:3]), sigma[3:]], len(errors))


def _cost(view: View, row: Data, depth_m: Array, world: Array) -> float | None:
    """The mean clipped relative depth error of points, seen from where the camera was at another row."""
    at, rows = _in_view(view, inverse(row.world_from_sensor), world, depth_m.shape)
    kept = world[rows]
    z = move(inverse(row.world_from_sensor), kept)[:, 2]
    seen = depth_m[at[:, 1], at[:, 0]]
    known = ~np.isnan(seen)
    if known.sum() < _LEAST:
        return None
    return float(np.minimum(np.abs(z[known] / seen[known] - 1.0) / _CLOSE_SHARE, 1.0).mean())


def _apart_px(view: View, row: Data, other: Data, world: Array) -> float:
    """The middle distance in pixels between where two rows' cameras see the same standing points."""
    here, there = (move(inverse(r.world_from_sensor), world) for r in (row, other))
    ahead = (here[:, 2] > _NEAR_M) & (there[:, 2] > _NEAR_M) & (here[:, 2] < _FAR_M)
    if not ahead.any():
        return 0.0
    a, b = view.project(here[ahead]), view.project(there[ahead])
    inside = ((a >= 0) & (a <= (row.width, row.height))).all(axis=1)
    return float(np.median(np.linalg.norm(a[inside] - b[inside], axis=1))) if inside.any() else 0.0


def judge_closure(scene: Scene, residuals: Mapping[str, tuple[Data, Residual]], findings: Findings) -> None:
    """Name the camera whose mount or focal length is wrong, or the lidar when all cameras say the same of it."""
    wrong: dict[str, str] = {}
    for channel, (_, residual) in residuals.items():
        findings.checked("closure")
        problem = _problem(residual)
        if problem:
            wrong[channel] = problem
    shared = _shared(residuals, list(wrong)) if len(wrong) >= 2 and len(wrong) == len(residuals) else ""
    if shared:
        findings.add("closure", f"calibrated_sensor.json LIDAR_TOP ({scene.name})", f"{shared}, as all cameras say")
        return
    for channel, problem in wrong.items():
        n = residuals[channel][1].points
        message = f"against the lidar, by {n} points on its depth images, {channel} has {problem}"
        far = float(np.linalg.norm(residuals[channel][1].move_m)) > _MOUNT_M
        wanted = "so far that it may be of another frame" if far else "want its true calibration"
        findings.add("closure", f"calibrated_sensor.json {channel} ({scene.name})", f"{message}; {wanted}")


def _problem(residual: Residual) -> str:
    said: list[str] = []
    for what, unit, values, sigma, most in (
        ("its mount turned by", "degrees", residual.turn_deg, residual.sigma[:3], _TURN_DEG),
        ("its mount moved by", "m", residual.move_m, residual.sigma[3:6], _MOVE_M),
        ("its focal length off by", "%", np.array([100 * residual.focal]), 100 * residual.sigma[6:], 100 * _FOCAL),
    ):
        sure = np.abs(values) > _SURE * sigma
        size = float(np.linalg.norm(values[sure]))
        if size > most:
            said.append(f"{what} {size:.2f} {unit}")
    return " and ".join(said)


def _shared(residuals: Mapping[str, tuple[Data, Residual]], channels: Sequence[str]) -> str:
    """What is wrong with the lidar's mount, if every camera's error is the same one in the ego's frame."""
    turns, moves = [], []
    for channel in channels:
        data, residual = residuals[channel]
        mount = data.calibration.ego_from_sensor
        turn = mount[:3, :3] @ residual.turn_deg
        turns.append(turn)
        # a turn about the camera, as seen from the ego's origin
        moves.append(mount[:3, :3] @ residual.move_m - np.cross(np.radians(turn), mount[:3, 3]))
    spread_deg, spread_m = (float(np.linalg.norm(np.ptp(v, axis=0))) for v in (turns, moves))
    turn_deg, move_m = (float(np.linalg.norm(np.mean(v, axis=0))) for v in (turns, moves))
    if spread_deg < max(0.5 * turn_deg, _TURN_DEG) and spread_m < max(0.5 * move_m, _MOVE_M):
        return f"its mount, or the poses of its scans, are off by {turn_deg:.2f} degrees and {move_m:.2f} m"
    return ""
