"""What is wholly behind what has been drawn already: it need not be drawn, and no pixel shows that it was not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.render.projection import NEAR_M
from av_synth.simulator.scene import View

_BLOCK_PX = 8
_LEAST_M = 0.5  # what comes nearer than this is never taken for hidden
_SURELY = 1.001  # nearer by so much, for programs reckon in 32 bits


class Hiding:
    """The depth of an image that is half drawn: of each block of pixels the farthest."""

    def __init__(self, stored: npt.NDArray[np.float32], view: View) -> None:
        """Take the depth (H, W) as it is stored, `NEAR_M` by metres, and 0 where nothing was drawn."""
        self._view = view
        # rows first, which lie in memory one behind the other; each way what is left over makes a smaller block
        whole = len(stored) // _BLOCK_PX * _BLOCK_PX
        rows = stored[:whole].reshape(-1, _BLOCK_PX, stored.shape[1]).min(axis=1)
        if whole < len(stored):
            rows = np.vstack([rows, stored[whole:].min(axis=0)])
        self._farthest = np.minimum.reduceat(rows, np.arange(0, stored.shape[1], _BLOCK_PX), axis=1)

    def hides(self, corners_m: Array) -> npt.NDArray[np.bool_]:
        """Of which boxes, each by its corners (N, 8, 3) in the world, nothing is seen: (N,), never a false yes."""
        view = self._view
        points = (corners_m - view.world_from_camera[:3, 3]) @ view.world_from_camera[:3, :3]
        nearest = points[:, :, 2].min(axis=1)
        ahead = np.maximum(points[:, :, 2], _LEAST_M)
        u = view.fx_px * points[:, :, 0] / ahead + view.cx_px + 0.5
        v = view.fy_px * points[:, :, 1] / ahead + view.cy_px + 0.5
        # a pixel more on each side, for what is drawn is rounded
        first = [np.clip(at.min(axis=1) - 1.0, 0, most - 1) for at, most in ((v, view.height_px), (u, view.width_px))]
        last = [np.clip(at.max(axis=1) + 1.0, 0, most - 1) for at, most in ((v, view.height_px), (u, view.width_px))]
        top, left = (at.astype(int) // _BLOCK_PX for at in first)
        bottom, right = (at.astype(int) // _BLOCK_PX + 1 for at in last)
        wanted = np.where(nearest > _LEAST_M, NEAR_M * _SURELY / np.maximum(nearest, _LEAST_M), np.inf)
        blocks = zip(top.tolist(), bottom.tolist(), left.tolist(), right.tolist(), wanted.tolist(), strict=True)
        return np.array([self._farthest[a:b, c:d].min() > least for a, b, c, d, least in blocks], dtype=bool)
