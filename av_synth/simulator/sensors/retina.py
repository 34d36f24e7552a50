"""What a DVS camera does with images: events where brightness crosses thresholds between one and the next.

Source of the model: CARLA 0.9.16, Sensor/DVSCamera.cpp, which follows ESIM (Rebecq et al. 2018): brightness runs
straight from image to image, and every time it has changed by a threshold since the last crossing there is an event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.protocol.bodies import EVENT

_STILL = 1e-6  # a change of brightness this small is none
_LEAST_THRESHOLD = 0.01  # of those that are drawn at random
_MOST_EVENTS = 20_000_000  # of one image: a quarter of a gigabyte on the wire
_GREY = (0.114, 0.587, 0.2989)  # shares of blue, green and red


@dataclass(frozen=True)
class Thresholds:
    """A DVS camera's attributes: `up` and `down` are for brighter and darker, with the deviation of each.

    Attributes:
        refractory_ns: a pixel is blind for this long after an event.
        log_eps: brightness is log(log_eps + grey / 255); None for grey itself, 0 to 255.
    """

    up: float
    down: float
    up_stddev: float
    down_stddev: float
    refractory_ns: int
    log_eps: float | None


class Retina:
    """The state of one DVS camera's pixels. Show it images in order."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._last: Array | None = None
        self._level = np.zeros(0)  # of the last crossing
        self._fired_ns = np.zeros(0, dtype=np.int64)  # 0: never
        self._now_ns = 0

    def see(self, pixels: npt.NDArray[np.uint8], elapsed_s: float, random: np.random.Generator) -> npt.NDArray[np.void]:
        """Events since the image before, (N,) of `bodies.EVENT` by time; none for the first image.

        Args:
            pixels: (H, W, 4), blue, green, red, alpha.
            elapsed_s: simulation time of the image.
            random: draws thresholds, for every pixel that changed.

        Raises:
            DataError: if there are too many.
        """
        now, now_ns = self._brightness(pixels), int(elapsed_s * 1e9)
        before, then_ns = self._last, self._now_ns
        self._last, self._now_ns = now, now_ns
        if before is None:
            self._level, self._fired_ns = now.copy(), np.zeros(len(now), dtype=np.int64)
            return np.zeros(0, dtype=EVENT)
        changed = np.flatnonzero(np.abs(now - before) > _STILL)
        begin, end = before[changed], now[changed]
        step = np.where(end > begin, *self._steps(end > begin, random))
        count = float((np.abs(end - self._level[changed]) / np.abs(step)).sum())
        if count > _MOST_EVENTS:
            raise DataError(
                f"DVS camera: {count:.0f} events between two images; want {_MOST_EVENTS} at most: higher thresholds, "
                "fewer pixels, or a shorter sensor_tick"
            )
        found: list[npt.NDArray[np.void]] = []
        while len(changed):
            level = self._level[changed] + step
            crossed = np.where(step > 0.0, (level > begin) & (level <= end), (level < begin) & (level >= end))
            changed, begin, end, step, level = (each[crossed] for each in (changed, begin, end, step, level))
            t_ns = then_ns + ((level - begin) * (now_ns - then_ns) / (end - begin)).astype(np.int64)
            fired = self._fired_ns[changed]
            awake = (fired == 0) | (t_ns - fired >= self._thresholds.refractory_ns)
            self._level[changed] = level
            self._fired_ns[changed[awake]] = t_ns[awake]
            found.append(_events(changed[awake], pixels.shape[1], t_ns[awake], step[awake] > 0.0))
        events = np.concatenate([np.zeros(0, dtype=EVENT), *found])
        return events[np.argsort(events["t_ns"], kind="stable")]

    def _brightness(self, pixels: npt.NDArray[np.uint8]) -> Array:
        flat = pixels.reshape(-1, pixels.shape[-1])
        grey: Array = flat[:, 0] * _GREY[0] + flat[:, 1] * _GREY[1] + flat[:, 2] * _GREY[2]
        eps = self._thresholds.log_eps
        return grey if eps is None else np.log(eps + grey / 255.0)

    def _steps(self, brighter: npt.NDArray[np.bool_], random: np.random.Generator) -> tuple[Array, Array]:
        """By how much brightness has to change for an event, upwards and downwards, of each changed pixel."""
        own = self._thresholds
        steps = []
        drawn = random.standard_normal(len(brighter))
        for mean, stddev, sign in ((own.up, own.up_stddev, 1.0), (own.down, own.down_stddev, -1.0)):
            size = np.maximum(mean + stddev * drawn, _LEAST_THRESHOLD) if stddev > 0.0 else np.full(len(drawn), mean)
            steps.append(sign * size)
        return steps[0], steps[1]


def _events(
    pixel: npt.NDArray[np.intp], width_px: int, t_ns: npt.NDArray[np.int64], brighter: npt.NDArray[np.bool_]
) -> npt.NDArray[np.void]:
    events = np.zeros(len(pixel), dtype=EVENT)
    events["y"], events["x"] = np.divmod(pixel, width_px)
    events["t_ns"], events["brighter"] = t_ns, brighter
    return events
