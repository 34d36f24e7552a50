"""What rigs say of a camera's lens, exposure and noise."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from av_synth.documents import Strict
from av_synth.geometry.lens import COEFFICIENTS, Lens
from av_synth.sensing.photo import BASE_ISO

VIEW_DEG = (5.0, 150.0)
"""Across, of a pinhole; images are useless beyond."""
_MIDDLE = (0.35, 0.65)  # of an image's side: principal points of real cameras are within 3 % of the middle

Coefficient = Annotated[float, Field(ge=-10, le=10)]


class LensEntry(Strict):
    """What bends a camera's images, by OpenCV's coefficients; labels are of the bent images, too."""

    model: Literal["plain", "fisheye"] = Field(description="cv2.projectPoints' model, or cv2.fisheye's")
    k1: Coefficient = Field(default=0.0, description="radial; below 0 straight lines bulge outwards, as in a barrel")
    k2: Coefficient = Field(default=0.0, description="radial")
    k3: Coefficient = Field(default=0.0, description="radial")
    k4: Coefficient = Field(default=0.0, description="radial, of a fisheye alone")
    p1: Coefficient = Field(default=0.0, description="tangential, not of a fisheye")
    p2: Coefficient = Field(default=0.0, description="tangential, not of a fisheye")

    @model_validator(mode="after")
    def _own_coefficients(self) -> LensEntry:
        foreign = [name for name in ("k4", "p1", "p2") if getattr(self, name) and name not in COEFFICIENTS[self.model]]
        if foreign:
            raise ValueError(f"got {foreign[0]}; a {self.model} lens has {', '.join(COEFFICIENTS[self.model])}")
        return self

    def lens(self) -> Lens:
        """The lens itself."""
        return Lens(self.model, tuple(getattr(self, name) for name in COEFFICIENTS[self.model]))


class ExposureEntry(Strict):
    """How an image is exposed: as the simulator's automatic exposure does, or by hand, if `f_number` is given."""

    time_ms: float = Field(ge=0.01, le=50, description="how long the shutter is open")
    iso: float = Field(default=BASE_ISO, ge=25, le=102_400, description="the gain, which noise grows with")
    f_number: float | None = Field(
        default=None, ge=0.5, le=64, description="with it, brightness follows from time, gain and f-number"
    )
    compensation_ev: float = Field(default=0.0, ge=-10, le=10, description="powers of two brighter")


class NoiseEntry(Strict):
    """A sensor's noise: shot noise, which is the light's own, and read noise."""

    full_well_e: float = Field(ge=100, le=1_000_000, description="electrons of white at ISO 100")
    read_noise_e: float = Field(default=0.0, ge=0, le=1000, description="electrons that reading adds")


def why_implausible(width_px: int, height_px: int, pinhole_px: float | None, cx_px: float, cy_px: float) -> str | None:
    """What no real camera has, or None; `pinhole_px` is the focal length of a camera without a lens, else None."""
    for name, at, side in (("cx_px", cx_px, width_px), ("cy_px", cy_px, height_px)):
        least, most = (share * side for share in _MIDDLE)
        if not least <= at <= most:
            return f"{name} = {at:g} of {side} pixels; want it near the middle, {least:g} to {most:g}"
    if pinhole_px is None:
        return None
    view_deg = 2.0 * math.degrees(math.atan(width_px / 2.0 / pinhole_px))
    if VIEW_DEG[0] <= view_deg <= VIEW_DEG[1]:
        return None
    most_px, least_px = (width_px / 2.0 / math.tan(math.radians(edge_deg / 2.0)) for edge_deg in VIEW_DEG)
    want = f"want {VIEW_DEG[0]:g} to {VIEW_DEG[1]:g} degrees: fx_px from {math.ceil(least_px)} to {int(most_px)}"
    return f"got fx_px = {pinhole_px:g} over {width_px} pixels, a view of {view_deg:.3g} degrees; {want}"
