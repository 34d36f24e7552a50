"""What a rig's file may say of a radar that is a device."""

from __future__ import annotations

from pydantic import Field, model_validator

from av_synth.documents import Strict
from av_synth.sensing.radar_model import RadarDevice, RadarMode

_WANTED = RadarDevice()


class RadarModeEntry(Strict):
    """What a radar resolves, near or far."""

    range_resolution_m: float = Field(ge=0.01, le=20, description="what is nearer to each other is one return")
    azimuth_resolution_deg: float = Field(ge=0.1, le=30, description="the same across, straight ahead")
    square_metre_m: float = Field(gt=1, le=1000, description="how far ahead a square metre is just detected")


class RadarDeviceEntry(Strict):
    """What a radar makes of what its rays meet; {} is a long-range unit at 77 GHz, as the nuScenes car has them."""

    near_range_m: float = Field(
        default=_WANTED.near_range_m,
        gt=1,
        le=400,
        description="how far it looks outside `far_fov_deg`; `range_m` at most",
    )
    far_fov_deg: float = Field(
        default=_WANTED.far_fov_deg,
        gt=0,
        lt=180,
        description="the width of the field of view in which it looks to the end of `range_m`; of all of it at most",
    )
    min_range_m: float = Field(default=_WANTED.min_range_m, ge=0.1, le=10, description="nothing nearer is reported")
    near: RadarModeEntry = Field(
        default=RadarModeEntry(**vars(_WANTED.near)),
        description="what it resolves up to `near_range_m`: 0.39 m, 3.2 degrees, 70 m if left out",
    )
    far: RadarModeEntry = Field(
        default=RadarModeEntry(**vars(_WANTED.far)),
        description="the same beyond: 1.79 m, 1.6 degrees, 140 m if left out",
    )
    full_gain_m: float = Field(
        default=_WANTED.full_gain_m, ge=0.1, le=400, description="nearer than that, strengths no longer grow"
    )
    speed_resolution_mps: float = Field(
        default=_WANTED.speed_resolution_mps,
        ge=0.01,
        le=5,
        description="of which four apart in one place are two returns",
    )
    threshold_db: float = Field(
        default=_WANTED.threshold_db, ge=3, le=30, description="signal over noise that makes a return"
    )
    recognised: float = Field(
        default=_WANTED.recognised, ge=0, le=1, description="share of ghosts and weak clutter that it marks invalid"
    )
    weather: bool = Field(default=_WANTED.weather, description="whether rain and fog weaken what comes back")

    @model_validator(mode="after")
    def _reaches(self) -> RadarDeviceEntry:
        if self.min_range_m >= self.near_range_m:
            raise ValueError(f"min_range_m = {self.min_range_m}; want it below near_range_m = {self.near_range_m}")
        return self

    def device(self) -> RadarDevice:
        """The device itself."""
        values = vars(self) | {name: RadarMode(**vars(getattr(self, name))) for name in ("near", "far")}
        return RadarDevice(**values)
