"""What single drops and flakes in a lidar's beams send back.

The model is that of V. Kilic, D. Hegde, V. Sindagi, A. B. Cooper, M. A. Foster and V. M. Patel, Lidar Light Scattering
Augmentation (LISA), arXiv:2107.07004 (2021): a drop of diameter D sends its brightness x min((D / beam)^2, 1) back from
its range. They draw every drop of a beam, hundreds; here only those are drawn that a receiver can find, a few in
a hundred beams: their number is Poisson's, by range and size, all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from av_synth.sensing.receiver import Depth, Receiver, Scattered

_RANGES = 64
_SMALLEST_MM = 0.05


@dataclass(frozen=True)
class Particles:
    """What falls, by an exponential law of sizes: `per_m3_mm` x exp(-`slope_per_mm` x diameter) a cubic metre and mm.

    Attributes:
        swell: how much larger they are than the diameters of that law, which are those of the water in them.
        brightness: of one that fills the beam.
    """

    per_m3_mm: float
    slope_per_mm: float
    swell: float
    brightness: float


def rain(rain_mm_h: float) -> Particles:
    """Drops by J. S. Marshall and W. M. Palmer, The Distribution of Raindrops with Size (1948).

    They are as bright as water met head on by Fresnel's law, ((n - 1) / (n + 1))^2, as Kilic et al. have it.
    """
    return Particles(8000.0, 4.1 * rain_mm_h**-0.21, 1.0, (0.328 / 2.328) ** 2)


def snow(water_mm_h: float) -> Particles:
    """Flakes by K. L. S. Gunn and J. S. Marshall, The Distribution with Size of Aggregate Snowflakes (1958).

    Their law is of the water in flakes. Flakes are ten times as large by volume (0.1 g/cm3) and as bright as 0.9, as
    M. J. Hahner et al. have them (LiDAR Snowfall Simulation for Robust 3D Object Detection, CVPR 2022).
    """
    return Particles(3800.0 * water_mm_h**-0.87, 2.55 * water_mm_h**-0.48, 10.0 ** (1.0 / 3.0), 0.9)


def drops(beams: int, falling: Particles, depth: Depth, receiver: Receiver, random: np.random.Generator) -> Scattered:
    """Drops in beams that would be found if nothing stood before them.

    Args:
        beams: how many beams there are.
        falling: what falls.
        depth: the optical depth of ways to ranges (K,), of beams that rise so much.
        receiver: who listens.
        random: decides where they are and how large.
    """
    edges = np.geomspace(max(receiver.min_range_m, 0.1), max(receiver.range_m, 1.0), _RANGES + 1)
    middle = np.sqrt(edges[1:] * edges[:-1]).astype(np.float32)
    beam_mm = 1000.0 * receiver.divergence_rad * middle
    full = falling.brightness * np.exp(-2.0 * depth(middle, 0.0)) * receiver.catches(middle)
    # what a drop has to have for the threshold: nothing helps one where a full beam of them is not enough
    least_mm = np.maximum(beam_mm * np.sqrt(receiver.threshold / full) / falling.swell, _SMALLEST_MM)
    density = falling.per_m3_mm / falling.slope_per_mm * np.exp(-falling.slope_per_mm * least_mm)
    count = np.where(full > receiver.threshold, density * np.pi / 4.0 * (beam_mm * 1e-3) ** 2 * np.diff(edges), 0.0)
    found = random.poisson(count * beams)
    low_m, wide_m, least_mm = (
        np.repeat(each.astype(np.float32), found) for each in (edges[:-1], np.diff(edges), least_mm)
    )
    beam = random.integers(0, max(beams, 1), len(low_m), dtype=np.int32)
    range_m = low_m + wide_m * random.random(len(low_m), dtype=np.float32)
    more_mm = random.standard_exponential(len(low_m), dtype=np.float32) / np.float32(falling.slope_per_mm)
    size_mm = np.float32(falling.swell) * (least_mm + more_mm)
    share = np.minimum(size_mm / (np.float32(1000.0 * receiver.divergence_rad) * range_m), np.float32(1.0)) ** 2
    sent = np.float32(falling.brightness) * share * np.exp(-2.0 * depth(range_m, 0.0)) * receiver.catches(range_m)
    return Scattered(beam, range_m, sent, once=False)
