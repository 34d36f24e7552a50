"""Flow images against depth and the ego's motion: what stands still moves in the image as the camera does."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.lens import to_pixels
from av_synth.verify.maths import Array, inverse, move
from av_synth.verify.pixels.masks import View
from av_synth.verify.reading.model import Scene
from av_synth.verify.rolling import TICK_US, flow_px

Flow = npt.NDArray[np.uint16]

_STILL = (1, 2, 3, 24)  # CARLA's CityObjectLabel: roads, pavements, buildings, road lines
_COLUMNS, _LEAST = 200, 50
_NEAR_M = 0.3
# of the middle pixel: true images are off by 0.01 to 0.2 px; between poses 0.1 s apart a body pitches a little
_OFF_PX, _OFF_SHARE, _OFF_RAD = 0.5, 0.1, 0.003
_GAP_US = 150_000
_SAME_US = 1000
_SCALE_SLACK = 0.2


class EgoPath:
    """Where the ego is at any time, from the poses of all sensors of a scene."""

    def __init__(self, scene: Scene) -> None:
        poses = {d.timestamp_us: d.ego_pose.world_from_ego for rows in scene.data.values() for d in rows}
        self._times = np.array(sorted(poses), dtype=np.int64)
        self._poses = [poses[int(t)] for t in self._times]

    def at(self, time_us: int) -> tuple[Array, bool] | None:
        """The pose (4, 4) at a time and whether it is interpolated; None away from all poses.

        Places and axes are interpolated evenly, and the axes made orthogonal again by their singular values.
        """
        k = int(np.searchsorted(self._times, time_us))
        for near in (k - 1, k):
            if 0 <= near < len(self._times) and abs(int(self._times[near]) - time_us) <= _SAME_US:
                return self._poses[near], False
        if not 0 < k < len(self._times) or int(self._times[k] - self._times[k - 1]) > _GAP_US:
            return None
        share = (time_us - int(self._times[k - 1])) / int(self._times[k] - self._times[k - 1])
        mixed = np.asarray((1 - share) * self._poses[k - 1] + share * self._poses[k])
        u, _, vt = np.linalg.svd(mixed[:3, :3])
        mixed[:3, :3] = u @ vt
        return mixed, True


def check_flow(
    path: EgoPath, view: View, semantic: npt.NDArray[np.uint8], depth_m: Array, flow: Flow, findings: Findings
) -> None:
    """The flow of roads, pavements and buildings is what depth and the camera's motion since the last tick make it.

    Args:
        path: the ego's.
        view: the camera.
        semantic: CityObjectLabel of each pixel (H, W).
        depth_m: (H, W), NaN where nothing is.
        flow: (H, W, 3) as KITTI has it, red (u), green (v), blue (1 where known).
        findings: takes what is wrong.
    """
    before = path.at(view.data.timestamp_us - TICK_US)
    if before is None or not semantic.shape == depth_m.shape == flow.shape[:2]:
        return
    step = max(1, semantic.shape[1] // _COLUMNS)
    rows, columns = (
        grid.ravel() for grid in np.mgrid[step // 2 : semantic.shape[0] : step, 0 : semantic.shape[1] : step]
    )
    kept = np.isin(semantic[rows, columns], _STILL) & (flow[rows, columns, 2] == 1)
    kept &= np.nan_to_num(depth_m[rows, columns]) > _NEAR_M
    rows, columns = rows[kept], columns[kept]
    at = np.stack([columns, rows], axis=1).astype(np.float64)
    now = view.at_once(at)  # of a rolling shutter, each row is of another moment
    rays = np.c_[view.straight(now), np.ones(len(at))] @ np.linalg.inv(view.intrinsic).T
    was = move(
        inverse(before[0] @ view.data.calibration.ego_from_sensor),
        move(view.data.world_from_sensor, rays * depth_m[rows, columns, None]),
    )
    ahead = was[:, 2] > _NEAR_M
    if ahead.sum() < _LEAST:
        return
    findings.checked("flow", int(ahead.sum()))
    wanted = now[ahead] - to_pixels(view.intrinsic, view.bend, was[ahead])
    said = flow_px(flow[rows, columns][ahead])
    size = float(np.median(np.linalg.norm(wanted, axis=1)))
    limit = _OFF_PX + _OFF_SHARE * size + (_OFF_RAD * float(view.intrinsic[0, 0]) if before[1] else 0.0)
    off = _middle(said, wanted)
    if off > limit:
        message = f"its flow on roads, pavements and buildings is {off:.2f} px (median) off the {size:.2f} px"
        message += f" that depth and ego poses give{_guess(said, wanted, limit)}"
        findings.add("flow", f"flow of {view.data.filename}", f"{message}; want pixels from the last tick to this one")


def _middle(said: Array, wanted: Array) -> float:
    return float(np.median(np.linalg.norm(said - wanted, axis=1)))


def _guess(said: Array, wanted: Array, limit: float) -> str:
    """The one known mistake that explains flow (N, 2); '' for none."""
    u, v = said.T
    changed: Mapping[str, Array] = {
        "its sign is turned": -said,
        "u and v are swapped": said[:, ::-1],
        "v is counted upwards": np.stack([u, -v], axis=1),
        "u is counted to the left": np.stack([-u, v], axis=1),
    }
    off = {name: _middle(values, wanted) for name, values in changed.items()}
    best = min(off, key=lambda name: off[name])
    if off[best] <= limit:
        return f": {best}"
    scale = float(np.sum(said * said)) / max(float(np.sum(said * wanted)), 1e-9)
    if abs(scale - 1.0) > _SCALE_SLACK and _middle(said / scale, wanted) <= limit:
        return f": it is {scale:.2f} times too large"
    return ": it is zero" if not said.any() else ""
