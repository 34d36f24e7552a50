"""The curve between light and the values of images.

Source: IEC 61966-2-1 (sRGB).
"""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array


def light_of(values: Array) -> Array:
    """Light, linear and 0..1, of values 0..1, of any shape."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def values_of(light: Array) -> Array:
    """Values 0..1 of light, linear and 0..1, of any shape."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
