"""Reads rigs from sensors/*.yaml into the rig model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, field_validator, model_validator

from av_synth import documents
from av_synth.documents import Document, DocumentName, Strict
from av_synth.errors import DocumentError, Problem
from av_synth.geometry.cameras import BODY_FROM_CAMERA
from av_synth.geometry.transforms import Array, from_yaw, quaternion_from_matrix, rigid, turned
from av_synth.rig.camera_optics import ExposureEntry, LensEntry, NoiseEntry, why_implausible
from av_synth.rig.lidar_device import LidarDeviceEntry
from av_synth.rig.model import (
    KEYFRAME_US,
    MAIN_CAMERA,
    MAIN_LIDAR,
    MAX_BEAMS,
    MAX_RANGE_M,
    Camera,
    Exposure,
    Lidar,
    Mount,
    Noise,
    Radar,
    Rig,
)
from av_synth.rig.motion_sensors import GnssEntry, ImuEntry
from av_synth.rig.mounts import why_not_so, why_not_there
from av_synth.rig.radar_device import RadarDeviceEntry
from av_synth.sensing.lens import Optics, why_too_wide

_KIND = "sensors"
NO_RIG = "none"  # as a campaign says it

Metres = Annotated[float, Field(ge=-20, le=20)]
Pixels = Annotated[int, Field(ge=16, le=8192)]
Ticks = Annotated[int, Field(ge=1, le=1000)]
Positive = Annotated[float, Field(gt=0)]

_CHANNEL = re.compile(r"(CAM|LIDAR|RADAR)_[A-Z][A-Z0-9_]{0,40}")


Degrees = Annotated[float, Field(ge=-180, le=180)]
Elevation = Annotated[float, Field(ge=-90, le=90)]

_DIGITS = 12  # of quaternions made of angles: what differs between mathematics libraries stays out of the run id


class Rotation(Strict):
    """How a sensor that looked straight ahead and stood upright is turned: by yaw, then by pitch, then by roll."""

    yaw_deg: Degrees = Field(default=0.0, description="to the left; -90 looks to the right, 180 back")
    pitch_deg: Degrees = Field(default=0.0, description="up; -10 looks a little down")
    roll_deg: Degrees = Field(default=0.0, description="about its line of sight, to the right: clockwise from behind")

    def wxyz(self, body_from_ahead: Array) -> tuple[float, float, float, float]:
        """The same as `rotation_wxyz`, of a sensor with these axes (4, 4) when it looks straight ahead."""
        matrix = turned(*(math.radians(angle) for angle in (self.yaw_deg, self.pitch_deg, self.roll_deg)))
        quaternion = quaternion_from_matrix(rigid(matrix @ body_from_ahead[:3, :3], np.zeros(3)))
        w, x, y, z = (round(float(part), _DIGITS) + 0.0 for part in quaternion)  # + 0.0: no -0.0
        return w, x, y, z


class _Sensor(Strict):
    ahead: ClassVar[Array] = np.eye(4)  # its axes when it looks straight ahead

    translation_m: tuple[Metres, Metres, Metres] = Field(description="[x, y, z] from the rear axle on the ground")
    rotation_wxyz: tuple[float, float, float, float] | None = Field(
        default=None, description="a quaternion [w, x, y, z]; this or `rotation` is needed"
    )
    rotation: Rotation | None = Field(default=None, description="instead: angles in degrees; {} looks straight ahead")
    every_ticks: Ticks = Field(default=1, description="a whole number of ticks between two frames")

    @field_validator("rotation_wxyz")
    @classmethod
    def _unit(cls, value: tuple[float, float, float, float] | None) -> tuple[float, float, float, float] | None:
        norm = math.sqrt(sum(part * part for part in value)) if value else 1.0
        if abs(norm - 1.0) > 1e-3:
            raise ValueError(f"got a quaternion of length {norm:.4f}; want length 1")
        return value

    @model_validator(mode="after")
    def _one_rotation(self) -> _Sensor:
        if (self.rotation_wxyz is None) == (self.rotation is None):
            got = "neither" if self.rotation is None else "both"
            raise ValueError(f"got {got}; want one of rotation: {{yaw_deg, pitch_deg, roll_deg}} and rotation_wxyz")
        return self

    def mount(self) -> Mount:
        wxyz = self.rotation_wxyz or (self.rotation or Rotation()).wxyz(self.ahead)
        return Mount(self.translation_m, wxyz)

    def rest(self) -> dict[str, Any]:
        """What it says beside its mount."""
        return self.model_dump(exclude={"translation_m", "rotation_wxyz", "rotation"})


class CameraEntry(_Sensor):
    """A camera, by its channel: a name that begins with CAM_. Pixels are square."""

    ahead: ClassVar[Array] = BODY_FROM_CAMERA

    width_px: Pixels = Field(description="the image's width in pixels")
    height_px: Pixels = Field(description="the image's height in pixels")
    fx_px: Positive = Field(description="the focal length in pixels")
    fy_px: Positive | None = Field(default=None, description="the vertical focal length; the same as fx_px")
    cx_px: float = Field(description="the principal point's column")
    cy_px: float = Field(description="the principal point's row")
    lens: LensEntry | None = Field(default=None, description="what bends the images; a pinhole if left out")
    exposure: ExposureEntry | None = Field(default=None, description="how bright; automatic if left out")
    motion_blur: bool = Field(default=False, description="whether what moves during `exposure.time_ms` is blurred")
    noise: NoiseEntry | None = Field(default=None, description="none if left out")
    read_out_ms: float | None = Field(
        default=None,
        gt=0,
        le=50,
        description="of a rolling shutter, from the first row to the last; global if left out",
    )
    vignetting_ev: float | None = Field(
        default=None, gt=0, le=8, description="powers of two of light that the farthest corner loses"
    )

    @model_validator(mode="after")
    def _square_pixels(self) -> CameraEntry:
        if self.fy_px is not None and self.fy_px != self.fx_px:
            raise ValueError(f"fy_px = {self.fy_px}; want it equal to fx_px = {self.fx_px}, or left out")
        return self

    @model_validator(mode="after")
    def _plausible(self) -> CameraEntry:
        view_px = None if self.lens else self.fx_px
        wrong = why_implausible(self.width_px, self.height_px, view_px, self.cx_px, self.cy_px)
        if wrong is not None:
            raise ValueError(wrong)
        return self

    @model_validator(mode="after")
    def _blurred_for_some_time(self) -> CameraEntry:
        if self.motion_blur and self.exposure is None:
            raise ValueError(
                "got motion_blur without exposure; want exposure: {time_ms: ...}, for how long it is blurred"
            )
        return self

    @model_validator(mode="after")
    def _drawable(self) -> CameraEntry:
        lens = None if self.lens is None else self.lens.lens()
        wrong = why_too_wide(Optics(self.width_px, self.height_px, self.fx_px, self.cx_px, self.cy_px, lens))
        if wrong is not None:
            raise ValueError(f"lens {wrong}")
        return self


class LidarEntry(_Sensor):
    """A lidar, one whole turn a frame; its channel begins with LIDAR_. Beams are evenly spread, or by a table."""

    ahead: ClassVar[Array] = from_yaw(0.0, 0.0, 0.0, -math.pi / 2)  # its y axis looks ahead, as nuScenes' LIDAR_TOP

    beams: int | None = Field(
        default=None, ge=1, le=MAX_BEAMS, description="the number of beams; needed without a table"
    )
    columns: int = Field(ge=36, le=8192, description="columns a turn")
    upper_deg: float | None = Field(
        default=None, ge=-90, le=90, description="elevation of the highest beam; needed without a table"
    )
    lower_deg: float | None = Field(
        default=None, ge=-90, le=90, description="elevation of the lowest beam; needed without a table"
    )
    elevations_deg: tuple[Elevation, ...] | None = Field(
        default=None,
        description="instead of these three, with a `device`: a table with the elevation of each beam, lowest first",
    )
    azimuths_deg: tuple[Degrees, ...] | None = Field(
        default=None,
        description="with a `device`: how far each beam looks to the left of its column's direction, lowest first",
    )
    horizontal_fov_deg: float = Field(
        default=360.0,
        ge=10,
        le=360,
        description="how wide a turn is, its middle straight ahead; less than all round with a `device`",
    )
    range_m: float = Field(gt=0, le=MAX_RANGE_M, description="the reach in metres")
    device: LidarDeviceEntry | None = Field(
        default=None, description="what it makes of what its rays meet; every hit is a point if left out"
    )

    @model_validator(mode="after")
    def _either_even_or_a_table(self) -> LidarEntry:
        even = {"beams": self.beams, "upper_deg": self.upper_deg, "lower_deg": self.lower_deg}
        given = [name for name, value in even.items() if value is not None]
        table = self.elevations_deg
        if table is None and len(given) < len(even):
            missing = ", ".join(name for name in even if name not in given)
            raise ValueError(f"has no {missing}; want beams, upper_deg and lower_deg, or elevations_deg")
        if table is not None and given:
            raise ValueError(f"got {given[0]} beside elevations_deg; want one of them, as the table says it all")
        if table is not None and (not 0 < len(table) <= MAX_BEAMS or any(a >= b for a, b in pairwise(table))):
            odd = next((f"{a:g} before {b:g}" for a, b in pairwise(table) if a >= b), f"{len(table)} elevations_deg")
            raise ValueError(
                f"got {odd}; want elevations_deg of 1 to {MAX_BEAMS} beams, the lowest first, no two alike"
            )
        if self.upper_deg is not None and self.lower_deg is not None and self.upper_deg <= self.lower_deg:
            raise ValueError(f"upper_deg = {self.upper_deg}; want it above lower_deg = {self.lower_deg}")
        return self

    @model_validator(mode="after")
    def _only_a_device_has_these(self) -> LidarEntry:
        if self.device is None and (self.elevations_deg or self.azimuths_deg):
            raise ValueError("got a table of beams without a device; want device: {}, or its keys")
        if self.device is None and self.horizontal_fov_deg != 360.0:
            message = f"horizontal_fov_deg = {self.horizontal_fov_deg:g} without a device"
            raise ValueError(f"{message}; want device: {{}}, or its keys, or all the way round")
        _sees_something(self.device, self.range_m)
        return self

    @model_validator(mode="after")
    def _a_value_for_each_beam(self) -> LidarEntry:
        firing_us = None if self.device is None else self.device.firing_us
        for name, column in (("azimuths_deg", self.azimuths_deg), ("device.firing_us", firing_us)):
            if column is not None and len(column) != self.number:
                raise ValueError(f"{name} has {len(column)} values; want {self.number}, one for each beam")
        return self

    @property
    def number(self) -> int:
        """How many beams it has."""
        return self.beams or len(self.elevations_deg or ())


class RadarEntry(_Sensor):
    """A radar; its channel begins with RADAR_."""

    horizontal_fov_deg: float = Field(gt=0, lt=180, description="the field of view's width")
    vertical_fov_deg: float = Field(gt=0, lt=180, description="the field of view's height")
    range_m: float = Field(gt=0, le=MAX_RANGE_M, description="the reach in metres")
    points: int = Field(ge=1, le=5000, description="the most returns a scan")
    device: RadarDeviceEntry | None = Field(
        default=None, description="what it makes of what its rays meet; every hit is a return if left out"
    )

    @model_validator(mode="after")
    def _sees(self) -> RadarEntry:
        _sees_something(self.device, self.range_m)
        if self.device is not None:
            said, near_m, far_deg = self.device.model_fields_set, self.device.near_range_m, self.device.far_fov_deg
            if "near_range_m" in said and near_m > self.range_m:
                raise ValueError(f"device.near_range_m = {near_m:g}; want range_m = {self.range_m:g} at most")
            if "far_fov_deg" in said and far_deg > self.horizontal_fov_deg:
                wanted = f"want horizontal_fov_deg = {self.horizontal_fov_deg:g} at most"
                raise ValueError(f"device.far_fov_deg = {far_deg:g}; {wanted}")
        return self


def _sees_something(device: LidarDeviceEntry | RadarDeviceEntry | None, range_m: float) -> None:
    if device is not None and device.min_range_m >= range_m:
        raise ValueError(f"device.min_range_m = {device.min_range_m:g}; want it below range_m = {range_m:g}")


class RigDocument(Strict):
    """A whole rig file. CAM_FRONT and LIDAR_TOP have to be among the sensors: readers of nuScenes want them."""

    name: DocumentName = Field(description="the rig's name")
    description: str = Field(description="what this rig is, in a sentence")
    tick_us: int = Field(default=50_000, ge=1000, le=200_000, description="the step of the world, microseconds")
    keyframe_ticks: Ticks = Field(default=10, description="ticks between keyframes; times tick_us it is half a second")
    cameras: dict[str, CameraEntry] = Field(default={}, description="by their channels")
    lidars: dict[str, LidarEntry] = Field(default={}, description="by their channels")
    radars: dict[str, RadarEntry] = Field(default={}, description="by their channels")
    imu: ImuEntry | None = Field(default=None, description="what feels the ego's motion; the truth if left out")
    gnss: GnssEntry | None = Field(default=None, description="what tells where the ego is; none if left out")


def names() -> tuple[str, ...]:
    """Names of the built-in rigs."""
    return documents.names(_KIND)


def load(name_or_path: str) -> Rig:
    """Load a rig by its built-in name or from a path that ends in .yaml.

    Raises:
        DocumentError: with every mistake in the file.
    """
    if name_or_path == NO_RIG:
        want = f"want one of {', '.join(documents.names(_KIND))}, because a dataset needs sensors"
        other = "a campaign may have runs without, and `av-synth scenarios show` plays and draws one"
        raise DocumentError([Problem("", "rig", f"got {NO_RIG!r}; {want}; {other}")])
    document = documents.read(documents.find(_KIND, name_or_path))
    rates = _rates(document)
    try:
        model = documents.validate(document, RigDocument)
    except DocumentError as error:
        raise DocumentError(documents.in_order([*error.problems, *rates])) from error
    wrong = [*rates, *_across(document, model), *_placed(document, model)]
    if wrong:
        raise DocumentError(documents.in_order(wrong))
    return Rig(
        name=model.name,
        description=model.description.strip(),
        tick_us=model.tick_us,
        keyframe_ticks=model.keyframe_ticks,
        cameras=tuple(_camera(channel, found) for channel, found in model.cameras.items()),
        lidars=tuple(_lidar(channel, found) for channel, found in model.lidars.items()),
        radars=tuple(_radar(channel, found) for channel, found in model.radars.items()),
        imu=None if model.imu is None else model.imu.imu(),
        gnss=None if model.gnss is None else model.gnss.gnss(),
    )


def _camera(channel: str, found: CameraEntry) -> Camera:
    values = found.rest() | {"fy_px": found.fy_px or found.fx_px}
    values["lens"] = None if found.lens is None else found.lens.lens()
    values["exposure"] = None if found.exposure is None else Exposure(**found.exposure.model_dump())
    values["motion_blur"] = found.motion_blur or None
    values["noise"] = None if found.noise is None else Noise(**found.noise.model_dump())
    return Camera(channel=channel, mount=found.mount(), **values)


def _lidar(channel: str, found: LidarEntry) -> Lidar:
    values = found.rest()
    if found.elevations_deg is not None:
        lowest, highest = found.elevations_deg[0], found.elevations_deg[-1]
        values |= {"beams": found.number, "upper_deg": highest, "lower_deg": lowest}
    values["horizontal_fov_deg"] = None if found.horizontal_fov_deg == 360.0 else found.horizontal_fov_deg
    values["device"] = None if found.device is None else found.device.device(found.range_m)
    values["firing"] = None if found.device is None else found.device.firing()
    return Lidar(channel=channel, mount=found.mount(), **values)


def _radar(channel: str, found: RadarEntry) -> Radar:
    device = None if found.device is None else found.device.device()
    return Radar(channel=channel, mount=found.mount(), **found.rest() | {"device": device})


def _groups(model: RigDocument) -> tuple[tuple[str, str, dict[str, _Sensor]], ...]:
    return (
        ("cameras", "CAM", dict(model.cameras)),
        ("lidars", "LIDAR", dict(model.lidars)),
        ("radars", "RADAR", dict(model.radars)),
    )


def _rates(document: Document) -> list[Problem]:
    """Sensors that are not there at every keyframe, also in a document in which other things are wrong."""
    keyframe = document.keys.get("keyframe_ticks", RigDocument.model_fields["keyframe_ticks"].default)
    want = f"want it to divide keyframe_ticks = {keyframe}, so that keyframes have all sensors"
    found = []
    for group in ("cameras", "lidars", "radars"):
        sensors = document.keys.get(group)
        for channel, sensor in sensors.items() if isinstance(sensors, dict) else ():
            every = sensor.get("every_ticks") if isinstance(sensor, dict) else None
            if isinstance(every, int) and every > 0 and isinstance(keyframe, int) and keyframe % every:
                found.append(document.problem((group, channel, "every_ticks"), f"got {every}; {want}"))
    return found


def _placed(document: Document, model: RigDocument) -> Iterable[Problem]:
    """Rules of where sensors are and look: a run of hours is not made of what would be found untrue at its end."""
    for group, _, sensors in _groups(model):
        for channel, sensor in sensors.items():
            rotation = "rotation_wxyz" if sensor.rotation is None else "rotation"
            checks = (("translation_m", why_not_there(sensor.mount())), (rotation, why_not_so(channel, sensor.mount())))
            for key, wrong in checks:
                if wrong:
                    yield document.problem((group, channel, key), wrong)


def _across(document: Document, model: RigDocument) -> Iterable[Problem]:
    """Rules that tie sensors to each other and to the clock."""
    for group, prefix, sensors in _groups(model):
        for channel in sensors:
            if not _CHANNEL.fullmatch(channel) or not channel.startswith(prefix):
                yield document.problem((group, channel), f"got channel {channel!r}; want a name such as {prefix}_FRONT")
    for channel, lidar in model.lidars.items():
        column_us, last_us = model.tick_us / lidar.columns, max((lidar.device and lidar.device.firing_us) or (0.0,))
        if last_us > column_us:
            want = f"want {column_us:.2f} at most: {lidar.columns} columns in tick_us = {model.tick_us} take no longer"
            yield document.problem(("lidars", channel, "device", "firing_us"), f"got {last_us:g}; {want}")
    for group, channel, there in (("cameras", MAIN_CAMERA, model.cameras), ("lidars", MAIN_LIDAR, model.lidars)):
        if channel not in there:
            yield document.problem((group,), f"has no {channel}; readers of nuScenes want it on every sample")
    if model.keyframe_ticks * model.tick_us != KEYFRAME_US:
        rate = 1e6 / (model.keyframe_ticks * model.tick_us)
        want = f"want 2, nuScenes' rate: keyframe_ticks times tick_us = {KEYFRAME_US}"
        yield document.problem(("keyframe_ticks",), f"got {rate:g} keyframes a second; {want}")
