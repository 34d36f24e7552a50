"""What `exposure_compensation` and `gamma` do to an image: one table from its bytes to other bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

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
    """

    compensation: float = 0.0
    gamma: float = _GAMMA

    def develop(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """An image (H, W, 4), blue, green, red, alpha, as this camera has it; the same object if nothing changes.

        It works on finished bytes: what was white stays one tone however dark the rest becomes.
        """
        if self == AS_RENDERED:
            return pixels
        developed = pixels.copy()
        developed[..., :3] = _table(self)[pixels[..., :3]]
        return developed


AS_RENDERED = Development()


@lru_cache(maxsize=64)
def _table(development: Development) -> npt.NDArray[np.uint8]:
    shown = (np.arange(256) / 255.0) ** 2
    a, b = _A - _C * shown, _B - _D * shown
    light = (np.sqrt(b * b + 4.0 * a * _E * shown) - b) / (2.0 * a)
    light *= 2.0**development.compensation
    shown = np.minimum(light * (_A * light + _B) / (light * (_C * light + _D) + _E), 1.0)
    return np.asarray(np.rint(255.0 * shown ** (0.5 * _GAMMA / development.gamma)), dtype=np.uint8)
