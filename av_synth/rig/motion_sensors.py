"""What a rig file says of sensors of the ego's own motion: `imu` and `gnss`."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, field_validator

from av_synth.documents import Strict
from av_synth.rig.model import Gnss, Imu
from av_synth.sensing.inertial import GnssReceiver, Triad

_Metres = Annotated[float, Field(ge=-20, le=20)]
_Place = tuple[_Metres, _Metres, _Metres]
_Acceleration = Annotated[float, Field(ge=0, le=10)]
_Turning = Annotated[float, Field(ge=0, le=100)]
_Error = Annotated[float, Field(ge=0, le=1000)]
_CorrelationTime = Annotated[float, Field(ge=1, le=100_000)]
_SECOND_US = 1_000_000


def _whole_period(rate_hz: int) -> int:
    if _SECOND_US % rate_hz:
        near = min((rate for rate in range(1, 501) if _SECOND_US % rate == 0), key=lambda rate: abs(rate - rate_hz))
        raise ValueError(f"got {rate_hz}; want samples a whole number of microseconds apart, as with {near}")
    return rate_hz


class AccelerometerEntry(Strict):
    """Three accelerometers at right angles. Each number is a standard deviation, but for range and resolution."""

    bias_mps2: _Acceleration = Field(default=0.0, description="of the bias that is new at every start, and then stays")
    drift_mps2: _Acceleration = Field(default=0.0, description="of the part that wanders and comes back")
    drift_time_s: _CorrelationTime = Field(default=100.0, description="correlation time of `drift_mps2`")
    random_walk_mps2: _Acceleration = Field(default=0.0, description="of the part that wanders off, after a second")
    noise_density_mps2: _Acceleration = Field(default=0.0, description="white noise, per square root of a hertz")
    scale_error: float = Field(default=0.0, ge=0, le=0.1, description="of the factor; 0.001 is 0.1 %")
    range_mps2: float | None = Field(default=None, ge=15, le=2000, description="no value is larger; none if left out")
    resolution_mps2: float = Field(default=0.0, ge=0, le=1, description="the step of values; 0 for none")

    def triad(self) -> Triad:
        """The triad itself."""
        return Triad(
            bias=self.bias_mps2,
            drift=self.drift_mps2,
            drift_time_s=self.drift_time_s,
            random_walk=self.random_walk_mps2,
            noise_density=self.noise_density_mps2,
            scale_error=self.scale_error,
            limit=self.range_mps2,
            resolution=self.resolution_mps2,
        )


class GyroscopeEntry(Strict):
    """Three gyroscopes at right angles. Each number is a standard deviation, but for range and resolution."""

    bias_degps: _Turning = Field(default=0.0, description="of the bias that is new at every start, and then stays")
    drift_degps: _Turning = Field(default=0.0, description="of the part that wanders and comes back")
    drift_time_s: _CorrelationTime = Field(default=100.0, description="correlation time of `drift_degps`")
    random_walk_degps: _Turning = Field(default=0.0, description="of the part that wanders off, after a second")
    noise_density_degps: _Turning = Field(default=0.0, description="white noise, per square root of a hertz")
    scale_error: float = Field(default=0.0, ge=0, le=0.1, description="of the factor; 0.001 is 0.1 %")
    range_degps: float | None = Field(default=None, ge=50, le=5000, description="no value is larger; none if left out")
    resolution_degps: float = Field(default=0.0, ge=0, le=10, description="the step of values; 0 for none")

    def triad(self) -> Triad:
        """The triad itself, in radians."""
        return Triad(
            bias=math.radians(self.bias_degps),
            drift=math.radians(self.drift_degps),
            drift_time_s=self.drift_time_s,
            random_walk=math.radians(self.random_walk_degps),
            noise_density=math.radians(self.noise_density_degps),
            scale_error=self.scale_error,
            limit=None if self.range_degps is None else math.radians(self.range_degps),
            resolution=math.radians(self.resolution_degps),
        )


class ImuEntry(Strict):
    """An inertial measurement unit along the ego's axes; the CAN bus message `ms_imu` has what it measures.

    Its orientation is that of a unit with a filter of its own, which wanders about the truth.
    """

    translation_m: _Place = Field(default=(0.0, 0.0, 0.0), description="[x, y, z] from the rear axle on the ground")
    rate_hz: int = Field(default=100, ge=20, le=500, description="samples a second")
    accelerometer: AccelerometerEntry = Field(default=AccelerometerEntry(), description="the truth if left out")
    gyroscope: GyroscopeEntry = Field(default=GyroscopeEntry(), description="the truth if left out")
    tilt_deg: float = Field(default=0.0, ge=0, le=10, description="of its orientation about each horizontal axis")
    heading_deg: float = Field(default=0.0, ge=0, le=45, description="of its orientation about the vertical one")
    attitude_time_s: _CorrelationTime = Field(default=30.0, description="correlation time of both")

    _rate = field_validator("rate_hz")(_whole_period)

    def imu(self) -> Imu:
        """The unit itself."""
        return Imu(
            translation_m=self.translation_m,
            rate_hz=self.rate_hz,
            accelerometer=self.accelerometer.triad(),
            gyroscope=self.gyroscope.triad(),
            tilt_rad=math.radians(self.tilt_deg),
            heading_rad=math.radians(self.heading_deg),
            attitude_time_s=self.attitude_time_s,
        )


class FixEntry(Strict):
    """Standard deviations of the position of a fix: along east and north each, or up."""

    bias_m: _Error = Field(default=0.0, description="of the part that is new at every start, and then stays")
    drift_m: _Error = Field(default=0.0, description="of the part that wanders and comes back")
    noise_m: _Error = Field(default=0.0, description="of the part that is new at every fix")
    velocity_noise_mps: _Error = Field(default=0.0, description="of the velocity, new at every fix")


class OutagesEntry(Strict):
    """When there are no fixes, at random, by exponential distributions."""

    every_s: float = Field(ge=1, le=100_000, description="how long reception lasts, in the mean")
    length_s: float = Field(ge=0.1, le=1000, description="how long there is none then, in the mean")


class GnssEntry(Strict):
    """A receiver of navigation satellites; `can_bus/<scene>_gnss.json` has its fixes."""

    translation_m: _Place = Field(description="of the antenna: [x, y, z] from the rear axle on the ground")
    rate_hz: int = Field(default=10, ge=1, le=100, description="fixes a second")
    horizontal: FixEntry = Field(default=FixEntry(), description="the truth if left out")
    vertical: FixEntry = Field(default=FixEntry(), description="the truth if left out")
    drift_time_s: _CorrelationTime = Field(default=60.0, description="correlation time of `drift_m`")
    outages: OutagesEntry | None = Field(default=None, description="none if left out")

    _rate = field_validator("rate_hz")(_whole_period)

    def gnss(self) -> Gnss:
        """The receiver itself."""

        def axes(name: str) -> tuple[float, float, float]:
            along = float(getattr(self.horizontal, name))
            return along, along, float(getattr(self.vertical, name))

        receiver = GnssReceiver(
            bias_m=axes("bias_m"),
            drift_m=axes("drift_m"),
            drift_time_s=self.drift_time_s,
            noise_m=axes("noise_m"),
            velocity_noise_mps=axes("velocity_noise_mps"),
            outage_every_s=None if self.outages is None else self.outages.every_s,
            outage_s=0.0 if self.outages is None else self.outages.length_s,
        )
        return Gnss(self.translation_m, self.rate_hz, receiver)
