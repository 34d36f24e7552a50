"""Which way the beams of a lidar's turn point, when each is fired, and which of them may meet a thing.

Source of CARLA's pattern: 0.9.16, Sensor/RayCastSemanticLidar.cpp: channels run from the top down; a tick fires
round(points_per_second * dt / channels) columns, evenly over the angle turned in the tick; the angle wraps within the
horizontal field of view, whose middle is straight ahead. CARLA's angle grows clockwise seen from above, so azimuth
falls here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from av_synth.geometry.transforms import Array, invert
from av_synth.simulator.raycast.crowd import Crowd, Near
from av_synth.simulator.raycast.path import Float32s, Path
from av_synth.simulator.raycast.trace import Indices

_SLACK_RAD = 1e-3  # rounding must not lose a beam
_MAX_KEPT_BEAMS = 250_000  # 4 MB a fan


@dataclass(frozen=True)
class Lidar:
    """CARLA's lidar attributes that shape its rays."""

    channels: int
    upper_deg: float
    lower_deg: float
    points_per_second: int
    rotation_frequency_hz: float
    range_m: float
    horizontal_fov_deg: float

    def turned_deg(self, delta_s: float) -> float:
        """How far it turns in some time."""
        return self.rotation_frequency_hz * self.horizontal_fov_deg * delta_s


@dataclass(frozen=True)
class Head:
    """A lidar by its beams.

    Attributes:
        lidar: CARLA's attributes; its upper and lower end do not count where there are elevations.
        elevations_deg: of each beam, highest first; none: evenly from the upper to the lower end.
        azimuths_deg: how far each beam points to the left of its column, same order; none: 0.
        firing_s: how long after its column's time each beam is fired, same order; none: 0. The head turns meanwhile.
        divergence_rad: of a beam, full angle; 0: beams are lines.
        moves: the turn lasts from the frame before to this one; otherwise it is over in no time on this one.
    """

    lidar: Lidar
    elevations_deg: tuple[float, ...] = ()
    azimuths_deg: tuple[float, ...] = ()
    firing_s: tuple[float, ...] = ()
    divergence_rad: float = 0.0
    moves: bool = False


@dataclass(frozen=True)
class Fan:
    """All beams of a turn.

    Attributes:
        columns: how many there are; beam k is in column k % columns of channel k // columns.
        closed: the first column follows the last.
        elevation_rad: (channels,), from the top.
        azimuth_rad: (columns,), of a beam without an offset, to the left.
        aside_rad: the largest such offset, either way.
        directions: (N, 3) float32, unit, sensor axes (x forward, y left, z up) at the beam's time.
        fired: (N,) float32, how much of the turn is over when a beam is fired.
    """

    columns: int
    closed: bool
    elevation_rad: Array
    azimuth_rad: Array
    aside_rad: float
    directions: Float32s
    fired: Float32s

    def windows(self, corners_m: Array, slack_m: Array, spread_rad: float) -> list[Indices]:
        """Beams that may meet each of M things.

        Args:
            corners_m: (M, K, 3), points that a thing is between, sensor frame.
            slack_m: (M,), how far it may reach beyond.
            spread_rad: how far from a beam's middle rays may point.
        """
        middle = corners_m[:, :, :2].mean(axis=1)
        away = np.hypot(middle[:, 0], middle[:, 1])
        reach = np.hypot(*(corners_m[:, :, :2] - middle[:, None]).transpose(2, 0, 1)).max(axis=1) + slack_m + 1e-3
        near, far = np.maximum(away - reach, 1e-6), away + reach
        spread, bottom = spread_rad + _SLACK_RAD, corners_m[:, :, 2].min(axis=1) - slack_m
        top = corners_m[:, :, 2].max(axis=1) + slack_m
        highest = np.arctan2(top, np.where(top > 0.0, near, far)) + spread
        lowest = np.arctan2(bottom, np.where(bottom < 0.0, near, far)) - spread
        channels = (self.elevation_rad >= lowest[:, None]) & (self.elevation_rad <= highest[:, None])
        ahead = np.arctan2(middle[:, 1], middle[:, 0])
        off = _turned(np.arctan2(corners_m[:, :, 1], corners_m[:, :, 0]) - ahead[:, None])
        # a ray beside its beam is the farther aside the more steeply that points
        level = max(float(np.cos(np.abs(self.elevation_rad).max())), 1e-3)
        aside = np.arcsin(np.minimum(slack_m / near, 1.0)) + self.aside_rad + spread / level
        left, right = off.max(axis=1) + aside, off.min(axis=1) - aside
        column_off = _turned(self.azimuth_rad - ahead[:, None])
        columns = (column_off <= left[:, None]) & (column_off >= right[:, None])
        columns |= ((left >= np.pi) | (right <= -np.pi) | (away <= reach))[:, None]  # the last: all around the sensor
        rows, places = ([np.flatnonzero(flags) for flags in every] for every in (channels, columns))
        return [(up[:, None] * self.columns + across).reshape(-1) for up, across in zip(rows, places, strict=True)]


class Watch:
    """Tells which beams of a turn may meet what moves in the world while the sensor itself is on its way.

    It is a `crowd.Near` for the fan's own beams; `over` makes one for other rays.

    Args:
        fan: of the beams.
        path: of the sensor.
        head: whose beams they are.
    """

    def __init__(self, fan: Fan, path: Path, head: Head) -> None:
        self._fan, self._path = fan, path
        self._spread, self._range_m = head.divergence_rad / 2.0, head.lidar.range_m
        self._crowd: Crowd | None = None
        self._windows: list[Indices] = []
        self._nearest = np.zeros(0)

    @property
    def eye_m(self) -> Array:
        """(3,), where the sensor is on this frame, world frame."""
        return self._path.now[:3, 3]

    def aimed(self, crowd: Crowd, k: int) -> tuple[Indices, float]:
        """Beams that may meet thing k, and how far away it is at least."""
        if crowd is not self._crowd:
            self._crowd = crowd
            self._look(crowd)
        return self._windows[k], float(self._nearest[k])

    def over(self, beam: Indices, *, ahead: bool) -> Near:
        """The same for rays that are of these beams (M,); `ahead`: they begin away from the sensor."""
        return _Over(self, beam, len(self._fan.directions), ahead)

    def _look(self, crowd: Crowd) -> None:
        if not crowd.things:
            return
        now, last = invert(self._path.now), invert(self._path.last)
        first, second = (
            crowd.corners_m[:, half] @ pose[:3, :3].T + pose[:3, 3]
            for half, pose in ((slice(8), last), (slice(8, 16), now))
        )
        corners = np.concatenate([first, second], axis=1)
        distance = np.linalg.norm(corners, axis=2)
        # Seen from the sensor, points go along curves. An eighth of the largest second derivative, the turn being one
        # unit of time, is how far a curve may be from the straight line between its ends.
        speed = crowd.travel_m + crowd.turn_rad * crowd.arm_m + self._path.travel_m
        spin = self._path.turn_rad
        bend = spin**2 * (distance.max(axis=1) + speed) + 2.0 * spin * speed + crowd.turn_rad**2 * crowd.arm_m
        middle = corners.mean(axis=1)
        girth = np.linalg.norm(corners - middle[:, None], axis=2).max(axis=1)
        self._nearest = np.maximum(np.linalg.norm(middle, axis=1) - girth - bend / 8.0 - 1e-3, 0.0)
        there = np.flatnonzero(self._nearest < self._range_m)
        windows = self._fan.windows(corners[there], bend[there] / 8.0, self._spread)
        nothing = np.zeros(0, dtype=np.intp)
        self._windows = [nothing] * len(crowd.things)
        for k, window in zip(there, windows, strict=True):
            self._windows[k] = window


class _Over:
    """`Watch` for rays within its beams."""

    def __init__(self, watch: Watch, beam: Indices, beams: int, ahead: bool) -> None:
        self._watch, self._beam, self._ahead = watch, beam, ahead
        self._wanted = np.zeros(beams, dtype=bool)

    @property
    def eye_m(self) -> Array:
        """As the watch's."""
        return self._watch.eye_m

    def aimed(self, crowd: Crowd, k: int) -> tuple[Indices, float]:
        """Rays that may meet thing k, and how far away it is at least."""
        beams, nearest_m = self._watch.aimed(crowd, k)
        self._wanted[beams] = True
        rays = np.flatnonzero(self._wanted[self._beam])
        self._wanted[beams] = False
        return rays, 0.0 if self._ahead else nearest_m


def _turned(angle_rad: Array) -> Array:
    """The same angles from -pi to pi."""
    return (angle_rad + np.pi) % (2.0 * np.pi) - np.pi


def fan(head: Head, delta_s: float, start_deg: float) -> Fan:
    """The beams of the turn that begins at CARLA's angle `start_deg` and lasts for `delta_s`."""
    beams = head.lidar.points_per_second * delta_s
    return (_kept_fan if beams <= _MAX_KEPT_BEAMS else _fan)(head, delta_s, start_deg)


def _fan(head: Head, delta_s: float, start_deg: float) -> Fan:
    lidar = head.lidar
    turned_deg = lidar.turned_deg(delta_s)
    columns = int(lidar.points_per_second * delta_s / lidar.channels + 0.5)
    angle = start_deg + turned_deg / max(columns, 1) * np.arange(columns)
    azimuth = -np.radians(angle % lidar.horizontal_fov_deg - lidar.horizontal_fov_deg / 2)
    nothing = (0.0,) * lidar.channels
    evenly = tuple(np.linspace(lidar.upper_deg, lidar.lower_deg, lidar.channels))
    elevation = np.radians(head.elevations_deg or evenly)
    firing = np.array(head.firing_s or nothing) / delta_s
    aside = np.radians(np.array(head.azimuths_deg or nothing) - turned_deg * firing)
    # adding 0 would make 0 of -0, and other bytes of the same rays
    across = azimuth + np.where(aside == 0.0, -0.0, aside)[:, None]
    level, height = np.cos(elevation)[:, None], np.sin(elevation)[:, None]
    grid = np.stack([level * np.cos(across), level * np.sin(across), np.broadcast_to(height, across.shape)], -1)
    directions = grid.reshape(-1, 3).astype(np.float32)
    fired = (np.arange(columns) / max(columns, 1) + firing[:, None]).reshape(-1).astype(np.float32)
    for array in (directions, fired):
        array.setflags(write=False)
    closed = lidar.horizontal_fov_deg >= 360.0 and abs(turned_deg - 360.0) < 1e-6
    return Fan(columns, closed, elevation, azimuth, float(np.abs(aside).max()), directions, fired)


_kept_fan = lru_cache(maxsize=16)(_fan)
