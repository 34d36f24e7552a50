"""What a sensor is, read from its attributes and checked once, at spawn."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from av_synth.geometry.lens import COEFFICIENTS, Lens
from av_synth.geometry.transforms import Array
from av_synth.sensing.lens import Bending, Optics, bending, rolling_room_px, why_too_wide
from av_synth.sensing.radar_rays import RayGrid
from av_synth.simulator.protocol.bodies import SensorType
from av_synth.simulator.raycast.radar import Radar
from av_synth.simulator.scene import DEPTH, FLOW, LABELS, NORMALS, RGB, View
from av_synth.simulator.sensors.attributes import Reader
from av_synth.simulator.sensors.development import AS_RENDERED, Development
from av_synth.simulator.sensors.lidars import LIDARS, MAX_POINTS_PER_SECOND, HeadSpec, LidarSpec, read_lidar
from av_synth.simulator.sensors.retina import Thresholds
from av_synth.simulator.world.errors import SpawnRefused

# camera axes are OpenCV's (x right, y down, z forward) in the actor's (x forward, y left, z up)
_ACTOR_FROM_CAMERA = np.array(
    [[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)
VISIBILITY = "avsynth.camera.visibility"
CAMERAS: Mapping[str, tuple[SensorType, str]] = {
    "sensor.camera.rgb": (SensorType.RGB, RGB),
    "sensor.camera.depth": (SensorType.DEPTH, DEPTH),
    "sensor.camera.semantic_segmentation": (SensorType.SEMANTIC_SEGMENTATION, LABELS),
    "sensor.camera.instance_segmentation": (SensorType.INSTANCE_SEGMENTATION, LABELS),
    "sensor.camera.optical_flow": (SensorType.OPTICAL_FLOW, FLOW),
    "sensor.camera.normals": (SensorType.NORMALS, NORMALS),
    "sensor.camera.dvs": (SensorType.DVS, RGB),
    VISIBILITY: (SensorType.SEMANTIC_LIDAR, LABELS),
}
_GRID_RADAR = "avsynth.radar.device"
_MAX_IMAGE_PX = 8192
_PHASE = "avsynth.frame_phase"
_SEEDS = ("noise_seed", "avsynth.noise_seed")
_MAX_PIXELS = 8192 * 4320  # 8K: 140 MB an image, and five times that to draw it
_MAX_GRID_RAYS = 400_000


@dataclass(frozen=True)
class Schedule:
    """When data is due: every `period` frames of `phase`, or every `tick_s` seconds of simulation (0: each frame).

    The seconds count, as in CARLA, from the first frame after the spawn, which has data. A schedule that `drifts` waits
    for `tick_s` from its last data on, and so loses what a tick lasts longer.
    """

    period: int
    phase: int
    tick_s: float
    begun_s: float
    drifts: bool = False

    def due(self, frame: int, elapsed_s: float, delta_s: float) -> bool:
        """Whether the sensor measures on this frame, which lasted `delta_s`."""
        if (frame - self.phase) % self.period != 0:
            return False
        if self.tick_s <= delta_s:
            return True
        if self.drifts:
            frames = round((elapsed_s - self.begun_s) / delta_s) - 1
            return frames % math.ceil(self.tick_s / delta_s - 1e-6) == 0
        # stateless: the number of whole ticks since the first frame grew in this one; 1 us of slack for float time
        age = elapsed_s - delta_s - self.begun_s + 1e-6
        return math.floor(age / self.tick_s) != math.floor((age - delta_s) / self.tick_s)


@dataclass(frozen=True)
class CameraSpec:
    """A camera; pixels, integer coordinates being pixel centres. `output` is what the renderer is asked for.

    Images in colour are developed, and blurred by what moves in the `exposure_s` that the shutter is open; `thresholds`
    are those of a DVS camera, None for all others. A rolling shutter takes `read_out_s` for all rows; 0: it is global.
    """

    output: str
    optics: Optics
    development: Development = AS_RENDERED
    thresholds: Thresholds | None = None
    exposure_s: float = 0.0
    read_out_s: float = 0.0

    @property
    def wants_flow(self) -> bool:
        """Whether its images are made of how far things move from frame to frame."""
        return self.output == FLOW or self.exposure_s > 0.0 or self.read_out_s > 0.0

    @property
    def fov_deg(self) -> float:
        """Horizontal field of view."""
        return math.degrees(2.0 * math.atan(self.optics.width_px / (2.0 * self.optics.focal_px)))

    @property
    def room_px(self) -> int:
        """How far a rolling shutter may move things in the image."""
        return rolling_room_px(self.optics) if self.read_out_s > 0.0 else 0

    @property
    def bending(self) -> Bending | None:
        """What lens and shutter do to the image; None for a pinhole whose rows are all of one moment."""
        if self.read_out_s > 0.0:
            return bending(self.optics, self.room_px)
        return None if self.optics.lens is None else bending(self.optics)

    def view(self, world_from_sensor: Array) -> View:
        """What is drawn for the camera when the sensor, looking along its x, stands at `world_from_sensor` (4, 4)."""
        drawn = self.optics if self.bending is None else self.bending.source
        return View(
            world_from_sensor @ _ACTOR_FROM_CAMERA,
            drawn.width_px,
            drawn.height_px,
            drawn.focal_px,
            drawn.focal_px,
            drawn.cx_px,
            drawn.cy_px,
        )


@dataclass(frozen=True)
class RadarSpec:
    """A radar: rays spread at random over its field of view."""

    pattern: Radar
    points_per_second: int


@dataclass(frozen=True)
class GridRadarSpec:
    """A radar whose rays are a grid, the same in every scan."""

    grid: RayGrid


@dataclass(frozen=True)
class GnssSpec:
    """Bias and standard deviation of latitude, longitude (degrees) and altitude (metres)."""

    bias: tuple[float, float, float]
    stddev: tuple[float, float, float]


@dataclass(frozen=True)
class ImuSpec:
    """Standard deviation of acceleration (m/s2) and turn rate (rad/s), and bias of the latter; CARLA's axes x, y, z."""

    accel_stddev: tuple[float, float, float]
    gyro_bias: tuple[float, float, float]
    gyro_stddev: tuple[float, float, float]


@dataclass(frozen=True)
class CollisionSpec:
    """Contacts of the parent."""


@dataclass(frozen=True)
class ObstacleSpec:
    """A sphere of `radius_m` is pushed ahead by `distance_m`; `only_actors`: it goes through the town."""

    distance_m: float
    radius_m: float
    only_actors: bool


Spec = CameraSpec | LidarSpec | HeadSpec | RadarSpec | GridRadarSpec | GnssSpec | ImuSpec | CollisionSpec | ObstacleSpec


@dataclass(frozen=True)
class Sensor:
    """A spawned sensor.

    Attributes:
        seed: of its random numbers. It depends on its mount and its attributes but for the phase, which follows from
            the frame's number: so neither other sensors change it, nor how long the world has run.
        begun_frame, begun_s: frame and simulation time at its spawn.
    """

    actor_id: int
    parent_id: int
    kind: SensorType
    stream_id: int
    schedule: Schedule
    spec: Spec | None
    seed: int
    begun_frame: int
    begun_s: float

    def random(self, frame: int) -> np.random.Generator:
        """The sensor's random numbers of one frame."""
        return np.random.default_rng((self.seed, self.age(frame)))

    def age(self, frame: int) -> int:
        """Frames since the spawn: unlike the frame's number it is the same in every run of a scenario."""
        return frame - self.begun_frame


def make_sensor(
    blueprint_id: str,
    attributes: Mapping[str, str],
    parent_from_sensor: Array | None,
    actor_id: int,
    parent_id: int,
    stream_id: int,
    now: tuple[int, float],
    *,
    drifts: bool = False,
) -> Sensor:
    """Read a sensor's attributes; `now` is the frame and the simulation time of its spawn, `drifts` see `Schedule`.

    Raises:
        SpawnRefused: if the simulator has no such sensor, or a value is out of range.
    """
    if not is_built(blueprint_id):
        raise SpawnRefused(f"{blueprint_id}: the embedded simulator has no such sensor")
    read = Reader(blueprint_id, attributes)
    kind, spec = _spec(blueprint_id, read)
    schedule = _schedule(read, now[1], drifts)
    for name in filter(read.has, _SEEDS):
        read.integer(name, -(2**63), 2**63)  # part of the key below
    mount = np.eye(4) if parent_from_sensor is None else parent_from_sensor
    what = {name: value for name, value in attributes.items() if name != _PHASE}
    key = f"{blueprint_id}|{sorted(what.items())}|{np.round(mount, 4).tolist()}"
    return Sensor(actor_id, parent_id, kind, stream_id, schedule, spec, zlib.crc32(key.encode()), *now)


def acting_attributes(blueprint_id: str) -> frozenset[str]:
    """Names of the attributes that change what a sensor of this kind does; all others are taken and passed over."""
    read = Reader(blueprint_id, {})
    _spec(blueprint_id, read)
    _schedule(read, 0.0, drifts=False)
    return frozenset(read.names.union(filter(read.has, _SEEDS)))


def is_built(blueprint_id: str) -> bool:
    """Whether the simulator can make data for this sensor (or needs none, as for lane invasion)."""
    return blueprint_id in CAMERAS or blueprint_id in LIDARS or blueprint_id in _OTHERS or blueprint_id == _GRID_RADAR


def casts_rays(blueprint_id: str) -> bool:
    """Whether a sensor of this kind meets the meshes of the world by rays."""
    return blueprint_id in (*LIDARS, _GRID_RADAR, "sensor.other.radar", "sensor.other.obstacle")


_OTHERS = {
    "sensor.other.radar": SensorType.RADAR,
    "sensor.other.gnss": SensorType.GNSS,
    "sensor.other.imu": SensorType.IMU,
    "sensor.other.collision": SensorType.COLLISION,
    "sensor.other.lane_invasion": SensorType.LANE_INVASION,
    "sensor.other.obstacle": SensorType.OBSTACLE,
}


def _schedule(read: Reader, begun_s: float, drifts: bool) -> Schedule:
    return Schedule(
        read.integer("avsynth.frame_period", 1, 1_000_000),
        read.integer(_PHASE, -1_000_000, 1_000_000),
        read.number("sensor_tick", 0.0, 1e6),
        begun_s,
        drifts,
    )


def _spec(blueprint_id: str, read: Reader) -> tuple[SensorType, Spec | None]:
    if blueprint_id in CAMERAS:
        kind, output = CAMERAS[blueprint_id]
        return kind, _camera(kind, output, read)
    if blueprint_id in LIDARS:
        return LIDARS[blueprint_id], read_lidar(read)
    if blueprint_id == _GRID_RADAR:
        return SensorType.SEMANTIC_LIDAR, _grid_radar(read)
    kind = _OTHERS[blueprint_id]
    if kind is SensorType.RADAR:
        return kind, RadarSpec(
            Radar(
                read.number("horizontal_fov", 0.1, 179.0),
                read.number("vertical_fov", 0.1, 179.0),
                read.number("range", 0.1, 10_000.0),
            ),
            read.integer("points_per_second", 1, MAX_POINTS_PER_SECOND),
        )
    if kind is SensorType.GNSS:
        names = ("lat", "lon", "alt")
        return kind, GnssSpec(read.three("noise_{}_bias", names), read.three("noise_{}_stddev", names))
    if kind is SensorType.IMU:
        axes = ("x", "y", "z")
        return kind, ImuSpec(
            read.three("noise_accel_stddev_{}", axes),
            read.three("noise_gyro_bias_{}", axes),
            read.three("noise_gyro_stddev_{}", axes),
        )
    if kind is SensorType.OBSTACLE:
        return kind, ObstacleSpec(
            read.number("distance", 0.0, 10_000.0), read.number("hit_radius", 0.001, 1000.0), read.flag("only_dynamics")
        )
    return kind, CollisionSpec() if kind is SensorType.COLLISION else None


def _grid_radar(read: Reader) -> GridRadarSpec:
    grid = RayGrid(
        read.number("horizontal_fov", 0.1, 179.0),
        read.number("vertical_fov", 0.1, 179.0),
        read.number("range", 0.1, 10_000.0),
        read.number("avsynth.near_range", 0.0, 10_000.0),
        read.number("avsynth.far_fov", 0.0, 179.0),
        (read.number("avsynth.azimuth_step", 0.01, 90.0), read.number("avsynth.far_azimuth_step", 0.01, 90.0)),
        read.integer("avsynth.rows", 1, 1000),
    )
    wide, far = grid.horizontal_fov_deg / grid.steps_deg[0], grid.far_fov_deg / grid.steps_deg[1]
    if (wide + far) * grid.rows > _MAX_GRID_RAYS:
        raise SpawnRefused(
            f"{read.blueprint_id}: {(wide + far) * grid.rows:.0f} rays a scan; want {_MAX_GRID_RAYS} at most: wider "
            "steps, or fewer rows"
        )
    return GridRadarSpec(grid)


def _camera(kind: SensorType, output: str, read: Reader) -> CameraSpec:
    width = read.integer("image_size_x", 1, _MAX_IMAGE_PX)
    height = read.integer("image_size_y", 1, _MAX_IMAGE_PX)
    if width * height > _MAX_PIXELS:
        raise SpawnRefused(f"{read.blueprint_id}: {width}x{height} pixels; want {_MAX_PIXELS} together at most")
    fov = read.number("fov", 1.0, 170.0)
    focal = read.number("avsynth.fx", -1.0, 1e6)
    cx = read.number("avsynth.cx", -1.0, _MAX_IMAGE_PX)
    cy = read.number("avsynth.cy", -1.0, _MAX_IMAGE_PX)
    optics = Optics(
        width,
        height,
        focal if focal > 0.0 else width / (2.0 * math.tan(math.radians(fov) / 2.0)),
        cx if cx >= 0.0 else (width - 1) / 2.0,
        cy if cy >= 0.0 else (height - 1) / 2.0,
        _lens(read),
    )
    wrong = why_too_wide(optics)
    if wrong is not None:
        raise SpawnRefused(f"{read.blueprint_id}: avsynth.lens {wrong}")
    return CameraSpec(
        output,
        optics,
        _development(read) if output == RGB else AS_RENDERED,
        _thresholds(read) if kind is SensorType.DVS else None,
        read.number("avsynth.exposure_ms", 0.0, 1000.0) / 1000.0 if output == RGB else 0.0,
        read.number("avsynth.read_out_ms", 0.0, 1000.0) / 1000.0,
    )


def _lens(read: Reader) -> Lens | None:
    model = read.word("avsynth.lens")
    values = {name: read.number(f"avsynth.{name}", -10.0, 10.0) for name in ("k1", "k2", "p1", "p2", "k3", "k4")}
    return None if model == "pinhole" else Lens(model, tuple(values[name] for name in COEFFICIENTS[model]))


def _development(read: Reader) -> Development:
    compensation, gamma = read.number("exposure_compensation", -20.0, 20.0), read.number("gamma", 0.1, 100.0)
    by_hand = read.word("exposure_mode") == "manual"
    shutter, iso = read.number("shutter_speed", 1e-3, 1e6), read.number("iso", 1.0, 1e7)
    f_number = read.number("fstop", 0.1, 1000.0)
    # the exposure value of one over so many seconds
    ev100 = math.log2(f_number * f_number * shutter * 100.0 / iso)
    return Development(compensation, gamma, ev100 if by_hand else None)


def _thresholds(read: Reader) -> Thresholds:
    return Thresholds(
        up=read.number("positive_threshold", 1e-3, 1e6),
        down=read.number("negative_threshold", 1e-3, 1e6),
        up_stddev=read.number("sigma_positive_threshold", 0.0, 1e6),
        down_stddev=read.number("sigma_negative_threshold", 0.0, 1e6),
        refractory_ns=read.integer("refractory_period_ns", 0, 10**15),
        log_eps=read.number("log_eps", 1e-9, 1e6) if read.flag("use_log") else None,
    )
