"""A rig: the ego's sensors, their mounts relative to the rear axle, their optics and their rates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy.typing as npt

from av_synth.geometry import cameras
from av_synth.geometry.lens import Lens
from av_synth.geometry.transforms import Array, matrix_from_quaternion
from av_synth.sensing.inertial import GnssReceiver, Triad
from av_synth.sensing.lidar import LidarDevice
from av_synth.sensing.photo import BASE_ISO
from av_synth.sensing.radar_model import RadarDevice

# what nuScenes' readers want on every sample
MAIN_CAMERA, MAIN_LIDAR = "CAM_FRONT", "LIDAR_TOP"
KEYFRAME_US = 500_000
MAX_RANGE_M, MAX_BEAMS = 400.0, 256
_EDGE_PIECES = 16


@dataclass(frozen=True)
class Mount:
    """`ego_from_sensor`: metres from the ground point under the rear axle, and a unit quaternion (w, x, y, z).

    Sensor axes are nuScenes': OpenCV for cameras; x forward, y left for radars; LIDAR_TOP as nuScenes turns it.
    """

    translation_m: tuple[float, float, float]
    rotation_wxyz: tuple[float, float, float, float]

    @property
    def ego_from_sensor(self) -> Array:
        """The mount as a (4, 4) matrix."""
        return matrix_from_quaternion(self.rotation_wxyz, self.translation_m)


@dataclass(frozen=True)
class Exposure:
    """How an image is exposed.

    Attributes:
        time_ms: how long the shutter is open.
        iso: the gain.
        f_number: with it the exposure is that of these three; None: the simulator's automatic one.
        compensation_ev: powers of two brighter than that.
    """

    time_ms: float
    iso: float
    f_number: float | None
    compensation_ev: float


@dataclass(frozen=True)
class Noise:
    """A sensor's noise, in electrons: the full well that is white at ISO 100, and what reading adds."""

    full_well_e: float
    read_noise_e: float


@dataclass(frozen=True)
class Camera:
    """A camera; intrinsics in pixels; it exposes every `every_ticks` ticks.

    Attributes:
        lens: what bends its images; None for a pinhole.
        exposure: None: the simulator's own.
        motion_blur: what moves while the shutter is open is blurred; None for not.
        noise: None for none.
        read_out_ms: how long a rolling shutter takes from the first row to the last; None: all rows are of one moment.
        vignetting_ev: powers of two of light that the farthest corner loses; None for none.
    """

    channel: str
    mount: Mount
    every_ticks: int
    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    lens: Lens | None = None
    exposure: Exposure | None = None
    motion_blur: bool | None = None
    noise: Noise | None = None
    read_out_ms: float | None = None
    vignetting_ev: float | None = None

    @property
    def iso(self) -> float:
        """The gain."""
        return BASE_ISO if self.exposure is None else self.exposure.iso

    @property
    def edge_pieces(self) -> int:
        """Into how many straight pieces a box's edge is cut to follow it in the image."""
        return 1 if self.lens is None else _EDGE_PIECES

    def project(self, points_camera: npt.ArrayLike) -> tuple[Array, Array]:
        """Pixels (N, 2) and depths (N,) of points (N, 3) in the camera's axes; those of points behind it are void."""
        return cameras.project(points_camera, self.fx_px, self.fy_px, self.cx_px, self.cy_px, self.lens)

    def unproject(self, pixels: npt.ArrayLike, depth_m: npt.ArrayLike) -> Array:
        """Points (N, 3) in the camera's axes of pixels (N, 2) at depths (N,) along the optical axis."""
        return cameras.unproject(pixels, depth_m, self.fx_px, self.fy_px, self.cx_px, self.cy_px, self.lens)


TurnMotion = Literal["none", "raw", "compensated"]
"""What a lidar makes of what moves during its turn."""


@dataclass(frozen=True)
class Firing:
    """How the rays of a lidar that is a device leave it.

    Attributes:
        motion: `none`: a turn is of one moment, the frame's. `raw`: it lasts from the tick before to the frame's, and
            each point is in the lidar's axes of its own moment. `compensated`: so, too, but the motion of the lidar is
            undone, so that points are in its axes of the frame's moment.
        firing_us: by beam from the lowest, after its column's time; None: all of a column at once.
    """

    motion: TurnMotion
    firing_us: tuple[float, ...] | None


@dataclass(frozen=True)
class Lidar:
    """A lidar, one whole turn a scan: beams by the table, or evenly spread from `lower_deg` to `upper_deg`.

    Attributes:
        elevations_deg: of each beam, the lowest first; None: evenly spread.
        azimuths_deg: how far each looks to the left of its column's direction; None: all in it.
        horizontal_fov_deg: how wide its turn is, with the middle straight ahead; None: 360.
        device: what it makes of what its rays meet; None: every hit is a point where it is.
        firing: of its rays; there with a device.
    """

    channel: str
    mount: Mount
    every_ticks: int
    beams: int
    columns: int
    upper_deg: float
    lower_deg: float
    range_m: float
    elevations_deg: tuple[float, ...] | None = None
    azimuths_deg: tuple[float, ...] | None = None
    horizontal_fov_deg: float | None = None
    device: LidarDevice | None = None
    firing: Firing | None = None

    @property
    def turn_deg(self) -> float:
        """How wide its turn is."""
        return 360.0 if self.horizontal_fov_deg is None else self.horizontal_fov_deg

    @property
    def table_deg(self) -> tuple[float, ...]:
        """The elevation of each beam, the lowest first."""
        if self.elevations_deg is not None:
            return self.elevations_deg
        step_deg = (self.upper_deg - self.lower_deg) / max(self.beams - 1, 1)
        return tuple(self.upper_deg - step_deg * (self.beams - 1 - ring) for ring in range(self.beams))


@dataclass(frozen=True)
class Radar:
    """A radar with a pyramid-shaped field of view and at most `points` returns a scan.

    `device` is what it makes of what its rays meet; None: every hit is a return.
    """

    channel: str
    mount: Mount
    every_ticks: int
    horizontal_fov_deg: float
    vertical_fov_deg: float
    range_m: float
    points: int
    device: RadarDevice | None = None


@dataclass(frozen=True)
class Imu:
    """An inertial measurement unit, its axes those of the ego.

    Attributes:
        translation_m: where it is, from the ground point under the rear axle.
        rate_hz: samples a second, which divide a million.
        accelerometer: m/s2.
        gyroscope: rad/s.
        tilt_rad, heading_rad: standard deviations of the orientation that it tells.
        attitude_time_s: their correlation time.
    """

    translation_m: tuple[float, float, float]
    rate_hz: int
    accelerometer: Triad
    gyroscope: Triad
    tilt_rad: float
    heading_rad: float
    attitude_time_s: float


@dataclass(frozen=True)
class Gnss:
    """A receiver of navigation satellites: where its antenna is, fixes a second (they divide a million), its errors."""

    translation_m: tuple[float, float, float]
    rate_hz: int
    receiver: GnssReceiver


@dataclass(frozen=True)
class Rig:
    """All sensors of the ego, and the clock they share: ticks of `tick_us`, keyframes every `keyframe_ticks`.

    What measures the ego's own motion (`imu`, `gnss`) looks at nothing.
    """

    name: str
    description: str
    tick_us: int
    keyframe_ticks: int
    cameras: tuple[Camera, ...]
    lidars: tuple[Lidar, ...]
    radars: tuple[Radar, ...]
    imu: Imu | None = None
    gnss: Gnss | None = None

    @property
    def looks(self) -> bool:
        """Whether it has a sensor; without one it is a clock only."""
        return bool(self.cameras or self.lidars or self.radars)

    @property
    def mounts(self) -> Mapping[str, Mount]:
        """Where the sensors are, by channel."""
        sensors: tuple[Camera | Lidar | Radar, ...] = (*self.cameras, *self.lidars, *self.radars)
        return {sensor.channel: sensor.mount for sensor in sensors}

    def to_json(self) -> dict[str, object]:
        """The whole rig as plain JSON values, in declaration order: part of a run's identity.

        What a sensor does not have is left out, so that what sensors learn to have changes no other rig's identity; so
        are an IMU and a GNSS receiver that are not there.
        """
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return told | {group: _without_none(told[group]) for group in ("cameras", "lidars", "radars")}


def _without_none(sensors: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple({name: value for name, value in sensor.items() if value is not None} for sensor in sensors)
