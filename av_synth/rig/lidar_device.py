"""What a rig says of a lidar that is a device: its physics, and when its rays leave it (where they point: `loader`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from av_synth.documents import Strict
from av_synth.rig.model import Firing, TurnMotion
from av_synth.sensing.lidar import LidarDevice
from av_synth.sensing.receiver import RainLaw

Microseconds = Annotated[float, Field(ge=0, le=10_000)]

_PLAIN = LidarDevice()


class LidarDeviceEntry(Strict):
    """What a lidar makes of what its rays meet; `{}` is a 32-beam spinning sensor of 905 nm, as nuScenes' car had."""

    min_range_m: float = Field(default=_PLAIN.min_range_m, ge=0, le=10, description="nothing nearer is measured")
    seen_reflectance: float = Field(
        default=_PLAIN.seen_reflectance,
        gt=0,
        le=1,
        description="of a matte surface that, met head on in clear air, is found every other time at `range_m`",
    )
    overlap_m: float = Field(
        default=_PLAIN.overlap_m, ge=0, le=50, description="from where on the receiver sees all of the beam"
    )
    range_noise_m: float = Field(
        default=_PLAIN.range_noise_m, ge=0, le=1, description="the standard deviation of a strong echo's range"
    )
    range_step_m: float = Field(
        default=_PLAIN.range_step_m, ge=0, le=1, description="ranges are whole multiples of it; 0 for any"
    )
    intensity_noise: float = Field(
        default=_PLAIN.intensity_noise, ge=0, le=1, description="standard deviation of the intensity, as a share of it"
    )
    pulse_m: float = Field(
        default=_PLAIN.pulse_m,
        gt=0,
        le=20,
        description="half the length of a pulse (0.75 m for 5 ns): what is nearer together is one echo",
    )
    echoes: int = Field(default=_PLAIN.echoes, ge=1, le=3, description="the most points of one beam, strongest first")
    divergence_mrad: float = Field(
        default=_PLAIN.divergence_mrad, ge=0, le=20, description="the full angle of a beam; 0: a line"
    )
    weather: bool = Field(
        default=_PLAIN.weather, description="whether what is in the air takes light and sends it back"
    )
    rain: RainLaw = Field(
        default=_PLAIN.rain,
        description="whose extinction rain has: the air's own, or that of Goodin et al. (2019), thirty times more",
    )
    motion: TurnMotion = Field(
        default="none",
        description="none: a turn is of one moment; raw: it lasts a tick, points are in the lidar's axes of their own "
        "moments; compensated: so, too, with the lidar's own motion undone",
    )
    firing_us: tuple[Microseconds, ...] | None = Field(
        default=None,
        description="when each beam fires after its column begins, from the lowest; all at once if left out",
    )

    def device(self, range_m: float) -> LidarDevice:
        """The physics of it."""
        return LidarDevice(range_m=range_m, **self.model_dump(exclude={"motion", "firing_us"}))

    def firing(self) -> Firing:
        """How its rays leave it."""
        return Firing(self.motion, self.firing_us)
