"""Which way the beams of a lidar's turn point, when each is fired, and which of them may meet a thing.

Source of CARLA's pattern: 0.9.16, Sensor/RayCastSemanticLidar.cpp: channels run from the top down; a tick fires
round(points_per_second * dt / channels) columns, evenly over the angle turned in the tick; the angle wraps within the
horizontal field of view, whose middle is straight ahead. CARLA's angle grows clockwise seen from above, so azimuth
falls here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array, invert
from av_synth.simulator.raycast.crowd import AT_HAND_M, Aimed, Crowd, Near
from av_synth.simulator.raycast.path import Float32s, Path
from av_synth.simulator.raycast.prototype import Prototype
from av_synth.simulator.raycast.trace import Indices

Flags = npt.NDArray[np.bool_]

_SLACK_RAD = 1e-3  # rounding must not lose a beam
_MAX_KEPT_BEAMS = 250_000  # 4 MB a fan
_RATTLE = 1e-6  # metres and radians: what moves less against the sensor than that is bolted to it


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
class Windows:
    """Beams that may meet each of M things.

    Attributes:
        channels, columns: (M, channels) and (M, columns), whether the beams of one may.
        beams: of each thing; fewer than all of its columns and channels perhaps.
    """

    channels: Flags
    columns: Flags
    beams: list[Indices]

    def bits(self) -> list[npt.NDArray[np.uint64]]:
        """Which of 64 things at a time each beam may meet: a bit for each in the words (N,) of the beams."""
        chunks = (slice(k, k + 64) for k in range(0, len(self.beams), 64))
        return [(_packed(self.channels[k])[:, None] & _packed(self.columns[k])).reshape(-1) for k in chunks]


@dataclass(frozen=True, eq=False)
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

    @cached_property
    def column(self) -> Float32s:
        """The number (N,) of each beam's column."""
        return np.tile(np.arange(self.columns, dtype=np.float32), len(self.elevation_rad))

    @cached_property
    def _headings(self) -> Array:
        """Where columns point, seen from above, (2, columns)."""
        return np.stack([np.cos(self.azimuth_rad), np.sin(self.azimuth_rad)])

    @cached_property
    def _level(self) -> float:
        """How much of the steepest beam is level: a ray beside it is the farther aside the more steeply it points."""
        return max(float(np.cos(np.abs(self.elevation_rad).max())), 1e-3)

    def windows(self, corners_m: Array, slack_m: Array, spread_rad: float) -> Windows:
        """Beams that may meet each of M things.

        Args:
            corners_m: (M, K, 3), points that a thing is between, sensor frame; the first eight are a box, in the order
                of `Prototype.corners_m`.
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
        aside = np.arcsin(np.minimum(slack_m / near, 1.0)) + self.aside_rad + spread / self._level
        left, right = off.max(axis=1) + aside, off.min(axis=1) - aside
        around = (left >= np.pi) | (right <= -np.pi) | (away <= reach)
        # by cosines: angles would have to be brought back to one turn for each thing and column
        least = np.where(around, -2.0, np.cos(np.minimum(0.5 * (left - right), np.pi)) - 1e-12)
        towards = ahead + 0.5 * (left + right)
        columns = np.stack([np.cos(towards), np.sin(towards)], axis=1) @ self._headings >= least[:, None]
        rows, places = ([np.flatnonzero(flags) for flags in every] for every in (channels, columns))
        beams = [(up[:, None] * self.columns + across).reshape(-1) for up, across in zip(rows, places, strict=True)]
        for k in np.flatnonzero(around & (top < 0.0)):
            beams[k] = self._under(corners_m[k], float(slack_m[k]), float(top[k]), float(lowest[k]), spread)
        return Windows(channels, columns, beams)

    def _under(self, corners_m: Array, slack_m: float, top_m: float, lowest_rad: float, spread_rad: float) -> Indices:
        """Beams that may meet a thing around the sensor and below it: those that leave it above its top do not."""
        edges = corners_m[[4, 2], :2] - corners_m[0, :2]
        sides = np.concatenate([edges, -edges]) / np.maximum(np.linalg.norm(edges, axis=1), 1e-9)[[0, 1, 0, 1], None]
        reach_m = np.maximum((corners_m[:, :2] @ sides.T).max(axis=0) + slack_m, 0.0)
        angle = np.arccos(np.clip(sides @ self._headings, -1.0, 1.0)) + self.aside_rad + spread_rad / self._level
        ends_m = np.where(angle < 1.5, reach_m[:, None] / np.cos(np.minimum(angle, 1.5)), np.inf).min(axis=0)
        up = self.elevation_rad[:, None]
        return np.flatnonzero((up <= np.arctan2(top_m, ends_m) + spread_rad) & (up >= lowest_rad))


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
        self._aimed: list[Aimed] = []
        self._bits: list[npt.NDArray[np.uint64]] = []

    @property
    def eye_m(self) -> Array:
        """(3,), where the sensor is on this frame, world frame."""
        return self._path.now[:3, 3]

    def aimed(self, crowd: Crowd) -> list[Aimed]:
        """Beams that may meet things, the nearest thing first."""
        self._look(crowd)
        return self._aimed

    def over(self, beam: Indices, *, ahead: bool) -> Near:
        """The same for rays that are of these beams (M,); `ahead`: they begin away from the sensor."""
        return _Over(self, beam, ahead)

    def among(self, crowd: Crowd, beam: Indices) -> Iterator[Aimed]:
        """The same of rays that are of these beams (M,)."""
        self._look(crowd)
        for word, of_beams in enumerate(self._bits):
            bits = of_beams.take(beam)
            at = np.flatnonzero(bits)
            bits = bits.take(at)
            some = int(np.bitwise_or.reduce(bits, initial=np.uint64(0)))
            for place, each in enumerate(self._aimed[64 * word : 64 * word + 64]):
                if some >> place & 1:
                    rays = at.take(np.flatnonzero(bits & np.uint64(1 << place)))
                    yield Aimed(each.k, rays, each.nearest_m)

    def _look(self, crowd: Crowd) -> None:
        if crowd is self._crowd:
            return
        self._crowd, self._aimed, self._bits = crowd, [], []
        if not crowd.instances:
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
        nearest = np.maximum(np.linalg.norm(middle, axis=1) - girth - bend / 8.0 - 1e-3, 0.0)
        there = np.argsort(nearest, kind="stable")
        there = there[nearest[there] < self._range_m]
        windows = self._fan.windows(corners[there], bend[there] / 8.0, self._spread)
        self._aimed = [
            (self._bolted(crowd, k) if away < AT_HAND_M else None) or Aimed(k, beams, away)
            for k, beams, away in zip(there.tolist(), windows.beams, nearest[there].tolist(), strict=True)
        ]
        self._bits = windows.bits()

    def _bolted(self, crowd: Crowd, k: int) -> Aimed | None:
        """Beams that meet a thing that the sensor is bolted to: the same in every turn; None for another thing."""
        own, now = crowd.path(k), self._path.now
        place, before = (invert(thing) @ eye for thing, eye in ((own.now, now), (own.last, self._path.last)))
        if np.abs(place - before).max() > _RATTLE:
            return None
        rays, triangle, distance = _met_from(crowd.prototypes[k], self._fan, place.round(6).tobytes(), self._range_m)
        return Aimed(k, rays, 0.0, (triangle, distance))


class _Over:
    """`Watch` for rays within its beams."""

    def __init__(self, watch: Watch, beam: Indices, ahead: bool) -> None:
        self._watch, self._beam, self._ahead = watch, beam, ahead

    @property
    def eye_m(self) -> Array:
        """As the watch's."""
        return self._watch.eye_m

    def aimed(self, crowd: Crowd) -> list[Aimed]:
        """Rays that may meet things, the nearest thing first; of rays that begin elsewhere nobody knows how near."""
        found = self._watch.among(crowd, self._beam)
        return [each._replace(nearest_m=-1.0) for each in found] if self._ahead else list(found)


@lru_cache(maxsize=16)
def _met_from(
    prototype: Prototype, fan: Fan, prototype_from_sensor: bytes, range_m: float
) -> tuple[Indices, npt.NDArray[np.int32], Float32s]:
    """Which beams meet a mesh, in which triangle and how far away, from a pose (4, 4) of float64 in its frame."""
    pose = np.frombuffer(prototype_from_sensor).reshape(4, 4)
    origins = np.broadcast_to(pose[:3, 3].astype(np.float32), fan.directions.shape)
    limit_m = np.full(len(fan.directions), range_m, dtype=np.float32)
    triangle, distance = prototype.run(origins, fan.directions @ pose[:3, :3].T.astype(np.float32), limit_m)
    rays = np.flatnonzero(triangle >= 0)
    return rays, triangle.take(rays), distance.take(rays)


def _packed(flags: Flags) -> npt.NDArray[np.uint64]:
    """Flags (64 or fewer, N) as N words, the lowest bit first."""
    octets = np.zeros((flags.shape[1], 8), dtype=np.uint8)
    packed = np.packbits(flags, axis=0, bitorder="little")
    octets[:, : len(packed)] = packed.T
    return octets.view("<u8")[:, 0]


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
    directions = np.ascontiguousarray(grid.reshape(-1, 3).T, dtype=np.float32).T
    fired = (np.arange(columns) / max(columns, 1) + firing[:, None]).reshape(-1).astype(np.float32)
    for array in (directions, fired):
        array.setflags(write=False)
    closed = lidar.horizontal_fov_deg >= 360.0 and abs(turned_deg - 360.0) < 1e-6
    return Fan(columns, closed, elevation, azimuth, float(np.abs(aside).max()), directions, fired)


_kept_fan = lru_cache(maxsize=16)(_fan)
