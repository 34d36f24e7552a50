"""Rolling shutters: where what a row shows was at the moment of the frame, by the flow images.

Rows are read one after the other, the middle one at the timestamp of the frame. Until its row is read, a point goes on
in the image as it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.verify.maths import Array

TICK_US = 50_000
"""Flow is from the previous tick of the simulator to this one."""

_ZERO, _PER_PX = 2**15, 64.0  # KITTI's encoding
_ROUNDS = 3
_MOST = 0.998  # of the pixels, by whose way boxes may be off


def flow_px(flow: npt.NDArray[np.uint16]) -> Array:
    """Pixels (..., 2) to the right and down of a flow image (..., 3) as KITTI has it; its third channel says where."""
    return np.asarray((flow[..., :2].astype(np.float64) - _ZERO) / _PER_PX)


@dataclass(frozen=True, eq=False)
class Rolling:
    """The flow of one image of a rolling shutter.

    Attributes:
        flow_px: (H, W, 2), to the right and down, since the previous tick; 0 where it is not known.
        share: of a tick that reading all rows takes.
    """

    flow_px: Array
    share: float

    @staticmethod
    def of(flow: npt.NDArray[np.uint16] | None, read_out_us: int) -> Rolling | None:
        """That of a flow image (H, W, 3) as KITTI has it; None without one, or if all rows are of one moment."""
        if flow is None or read_out_us == 0:
            return None
        return Rolling(np.where(flow[..., 2:] == 1, flow_px(flow), 0.0), read_out_us / TICK_US)

    @property
    def most_px(self) -> float:
        """How far most pixels are from where they would be at the moment of the frame."""
        when = self._when(np.arange(self.flow_px.shape[0]))
        return float(np.quantile(np.abs(self.flow_px).max(axis=2) * np.abs(when)[:, None], _MOST))

    def at_once(self, pixels: Array) -> Array:
        """Where what is at pixels (N, 2) was at the moment of the frame."""
        return np.asarray(pixels - self._moves(pixels))

    def when_read(self, pixels: Array) -> Array:
        """Where what was at pixels (N, 2) at the moment of the frame is in the image."""
        there = pixels
        for _ in range(_ROUNDS):
            there = pixels + self._moves(there)
        return np.asarray(there)

    def _moves(self, pixels: Array) -> Array:
        height, width = self.flow_px.shape[:2]
        columns = np.clip(np.rint(pixels[:, 0]), 0, width - 1).astype(np.int64)
        rows = np.clip(np.rint(pixels[:, 1]), 0, height - 1).astype(np.int64)
        return np.asarray(self.flow_px[rows, columns] * self._when(pixels[:, 1])[:, None])

    def _when(self, rows: npt.NDArray[Any]) -> Array:
        return np.asarray(((rows + 0.5) / self.flow_px.shape[0] - 0.5) * self.share)
