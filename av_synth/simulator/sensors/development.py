"""What `exposure_compensation` and `gamma` do to an image: one table from its bytes to other bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

_GAMMA = 2.2  # of an image that nobody changed
# the tone curve of shaders/light.glsl: light x (1 + LIFT x light) / (KNEE + light), before its square root
_LIFT, _KNEE = 0.09, 0.62


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
    dark = 1.0 - shown
    light = (np.sqrt(dark * dark + 4.0 * _LIFT * _KNEE * shown) - dark) / (2.0 * _LIFT)
    light *= 2.0**development.compensation
    shown = np.minimum(light * (1.0 + _LIFT * light) / (_KNEE + light), 1.0)
    return np.asarray(np.rint(255.0 * shown ** (0.5 * _GAMMA / development.gamma)), dtype=np.uint8)
