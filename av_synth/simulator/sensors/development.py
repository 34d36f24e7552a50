"""What exposure and `gamma` do to an image: one table from its bytes to other bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

_GAMMA = 2.2  # of an image that nobody changed
# the tone curve of shaders/light.glsl: x (A x + B) / (x (C x + D) + E), before its square root
_A, _B, _C, _D, _E = 1.59, 0.085, 1.553, 0.4675, 0.16


@dataclass(frozen=True)
class Development:
    """How bright an image comes out.

    Attributes:
        compensation: powers of two on the light that falls in.
        gamma: brightness is raised to 2.2 / gamma, so more is brighter.
        ev100: of an exposure by hand; None for the automatic one.
    """

    compensation: float = 0.0
    gamma: float = _GAMMA
    ev100: float | None = None

    def develop(self, pixels: npt.NDArray[np.uint8], metered_ev100: float) -> npt.NDArray[np.uint8]:
        """An image (H, W, 4), blue, green, red, alpha, as this camera has it; the same object if nothing changes.

        It works on finished bytes: what was white stays one tone however dark the rest becomes.

        Args:
            pixels: as the automatic exposure has them.
            metered_ev100: what that stands for.
        """
        if self == AS_RENDERED:
            return pixels
        by_hand = 0.0 if self.ev100 is None else metered_ev100 - self.ev100
        table = _table(round(self.compensation + by_hand, 6), self.gamma)
        return np.asarray(cv2.LUT(pixels, table), dtype=np.uint8)


AS_RENDERED = Development()


@lru_cache(maxsize=64)
def _table(brighter_ev: float, gamma: float) -> npt.NDArray[np.uint8]:
    """New values (256, 1, 4) of each value of blue, green, red and alpha."""
    shown = (np.arange(256) / 255.0) ** 2
    a, b = _A - _C * shown, _B - _D * shown
    light = (np.sqrt(b * b + 4.0 * a * _E * shown) - b) / (2.0 * a)
    light *= 2.0**brighter_ev
    shown = np.minimum(light * (_A * light + _B) / (light * (_C * light + _D) + _E), 1.0)
    colour = np.rint(255.0 * shown ** (0.5 * _GAMMA / gamma)).astype(np.uint8)
    return np.stack([colour, colour, colour, np.arange(256, dtype=np.uint8)], axis=1).reshape(256, 1, 4)
