"""Sensor faults: what can go wrong with a camera, a lidar or a radar, and how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from av_synth.documents import Matching, Strict

_MODALITIES = ("camera", "lidar", "radar")
ALL = "all"
# how nuScenes' channels begin
_PREFIXES: Mapping[str, str] = {"CAM": "camera", "LIDAR": "lidar", "RADAR": "radar"}

Kind = Literal[
    "blackout",
    "frozen",
    "noise",
    "blur",
    "brightness",
    "dirt",
    "sector",
    "drop",
    "beam_loss",
    "range_noise",
    "ghosts",
    "blocked",
    "lost",
    "miscalibration",
    "clock",
]
KINDS: Mapping[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "blackout": (_MODALITIES, ()),
    "frozen": (_MODALITIES, ()),
    "noise": (("camera",), ("sigma",)),
    "blur": (("camera",), ("radius_deg",)),
    "brightness": (("camera",), ("stops",)),
    "dirt": (("camera",), ("share",)),
    "sector": (("lidar",), ("from_deg", "to_deg")),
    "drop": (("lidar", "radar"), ("share",)),
    "beam_loss": (("lidar",), ("share",)),
    "range_noise": (("lidar", "radar"), ("sigma_m",)),
    "ghosts": (("radar",), ("count",)),
    "blocked": (("camera",), ("share",)),
    "lost": (_MODALITIES, ("share",)),
    "miscalibration": (_MODALITIES, ("rotation_deg", "translation_m")),
    "clock": (_MODALITIES, ("offset_ms", "jitter_ms")),
}
"""Of each kind: which sensors can have it, and the keys that say how far it goes; it needs them all, but of those of
`_ANY_OF` only one."""
_ANY_OF = ("miscalibration", "clock")

SensorName = Annotated[
    str,
    Matching(
        "camera|lidar|radar|all|(CAM|LIDAR|RADAR)[A-Z0-9_]{0,40}",
        "camera, lidar, radar, all, or a channel such as CAM_FRONT",
    ),
]
Azimuth = Annotated[float, Field(ge=-360, le=360)]
_Turn = Annotated[float, Field(ge=-20, le=20)]
_Shift = Annotated[float, Field(ge=-1, le=1)]


class Fault(Strict):
    """What goes wrong with one sensor, with all of a kind, or with all. Labels stay those of the scene."""

    sensor: SensorName = Field(description="a channel such as CAM_FRONT, or all of a kind: camera, lidar, radar, all")
    kind: Kind = Field(
        description="of every sensor: blackout (nothing at all), frozen (the last good data again and again), lost "
        "(frames are not there), miscalibration (it sits otherwise than the car believes), clock (its timestamps are "
        "wrong); of cameras: noise, blur, brightness, dirt, blocked; of lidars: sector (no returns from there), "
        "beam_loss; of lidars and radars: drop (returns are lost), range_noise; of radars: ghosts (returns of nothing)"
    )
    sigma: Annotated[float, Field(gt=0, le=128)] | None = Field(
        default=None, description="with noise: its standard deviation, in steps of 255"
    )
    radius_deg: Annotated[float, Field(gt=0, le=5)] | None = Field(
        default=None, description="with blur: as how large a disc a point is seen, in the middle of the image"
    )
    stops: Annotated[float, Field(ge=-10, le=10)] | None = Field(
        default=None, description="with brightness: how much too bright, in factors of two of the light; below 0: dark"
    )
    share: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="with dirt and blocked: of the image that is covered; with drop: of the returns that are lost; "
        "with beam_loss: of the beams that are; with lost: of the frames that are",
    )
    from_deg: Azimuth | None = Field(
        default=None, description="with sector: where it begins, seen from above; 0 is ahead of the ego, 90 to its left"
    )
    to_deg: Azimuth | None = Field(default=None, description="with sector: where it ends, counter-clockwise from there")
    sigma_m: Annotated[float, Field(gt=0, le=20)] | None = Field(
        default=None, description="with range_noise: the standard deviation of the measured range"
    )
    count: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="with ghosts: how many in each scan, anywhere in the field of view"
    )
    rotation_deg: tuple[_Turn, _Turn, _Turn] | None = Field(
        default=None,
        description="with miscalibration: [yaw, pitch, roll], how the sensor is really turned, about the ego's axes, "
        "beside what is believed: to the left, then its front up, then to the right",
    )
    translation_m: tuple[_Shift, _Shift, _Shift] | None = Field(
        default=None,
        description="with miscalibration: [x, y, z], how far ahead, to the left and up, in the ego's axes, it really "
        "is of where it is believed to be",
    )
    offset_ms: Annotated[float, Field(ge=-1000, le=1000)] | None = Field(
        default=None, description="with clock: how much later its timestamps are than its data; below 0: earlier"
    )
    jitter_ms: Annotated[float, Field(gt=0, le=50)] | None = Field(
        default=None, description="with clock: the standard deviation of each timestamp by itself, cut at three of it"
    )

    @model_validator(mode="after")
    def _fits(self) -> Fault:
        sensors, needed = KINDS[self.kind]
        for modality in self.modalities:
            if modality not in sensors:
                able = [kind for kind, (those, _) in KINDS.items() if set(self.modalities) <= set(those)]
                raise ValueError(
                    f"kind = {self.kind}, which no {modality} has; want {', '.join(able)} for sensor = {self.sensor}"
                )
        known = {key for _, keys in KINDS.values() for key in keys}
        given = {key for key in known if getattr(self, key) is not None}
        enough = given and given <= set(needed) if self.kind in _ANY_OF else given == set(needed)
        if not enough:
            got = ", ".join(sorted(given)) or "nothing else"
            joined = " or " if self.kind in _ANY_OF else " and "
            raise ValueError(f"got {got} with kind = {self.kind}; want {joined.join(needed) or 'nothing else'}")
        if self.from_deg is not None and self.to_deg is not None and not 0 < self.to_deg - self.from_deg <= 360:
            message = f"from_deg = {self.from_deg:g}, to_deg = {self.to_deg:g}"
            raise ValueError(f"{message}; want to_deg above from_deg, by 360 at most")
        return self

    @property
    def modalities(self) -> tuple[str, ...]:
        """What kinds of sensors it is about."""
        if self.sensor == ALL:
            return _MODALITIES
        named = next((kind for prefix, kind in _PREFIXES.items() if self.sensor.startswith(prefix)), self.sensor)
        return (named,)

    @property
    def channel(self) -> str | None:
        """The one channel that it is about; None for all of a kind."""
        return None if self.sensor in (ALL, *_MODALITIES) else self.sensor

    def concerns(self, channel: str, modality: str) -> bool:
        """Whether a sensor has it."""
        return channel == self.channel if self.channel is not None else modality in self.modalities


@dataclass(frozen=True)
class FaultInForce:
    """A fault that some sensors have at a frame; `number` tells it from the others of the run, in order of begin."""

    number: int
    fault: Fault
