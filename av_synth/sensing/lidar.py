"""A lidar as a device: what it reports of what its rays met. Geometry comes in, measurements go out.

Powers are relative: 1 is what a white matte surface, met head on at one metre through nothing, would send back. A
surface of brightness b at r metres sends b x weight x transmission x exp(-2 x optical depth) x overlap(r) / r^2: the
lidar equation, as C. Goodin, D. Carruth, M. Doude and C. Hudson write it (Predicting the Influence of Rain on LIDAR in
ADAS, Electronics 8(1):89, 2019), with the overlap of R. H. Rasshofer, M. Spies and H. Spies (Influences of weather
phenomena on automotive laser radar systems, Advances in Radio Science 9, 2011). What is below the power that
`LidarDevice.seen_reflectance` has at `LidarDevice.range_m` is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from av_synth.sensing.air import Air
from av_synth.sensing.pulses import Pulses, merged, reported
from av_synth.sensing.surfaces import brightness, intensity

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Echoes:
    """What the rays of one turn met. Candidates of one beam share ring and column, and stand next to each other.

    A beam that met nothing may be there with one candidate of range infinity and weight 0: weather may be in its way.

    Attributes:
        directions: (M, 3) unit, the sensor's axes at the time of the ray.
        range_m: (M,), inf where nothing was met.
        cos_incidence: (M,), of the angle between ray and surface normal; the sign does not matter.
        tag: (M,) CARLA's CityObjectLabel.
        material: (M,) `materials.Material`; `surfaces.UNKNOWN` from simulators that do not tell it.
        actor_id: (M,), 0 is the static world.
        weight: (M,) share of the beam's footprint that meets this surface; 1 for a whole beam.
        transmission: (M,) share of the light that glass in between lets through there and back; 1 for none.
        time_s: (M,) of the ray, relative to the frame, 0 at most.
        column: (M,) number of the firing in the turn.
        ring: (M,), 0 is the lowest beam.
    """

    directions: Floats
    range_m: Floats
    cos_incidence: Floats
    tag: Bytes
    material: Bytes
    actor_id: npt.NDArray[np.uint32]
    weight: Floats
    transmission: Floats
    time_s: Floats
    column: npt.NDArray[np.int32]
    ring: Bytes


@dataclass(frozen=True)
class LidarDevice:
    """A make of lidar. The defaults are those of a 32-beam spinning sensor of 905 nm, as nuScenes' car had.

    Attributes:
        min_range_m: nothing nearer is reported.
        range_m: nothing farther is reported.
        seen_reflectance: of a matte surface that, met head on in clear air, is found every other time at `range_m`.
        overlap_m: from where on the receiver sees all of the beam; nearer, it sees a share of it that grows evenly.
        range_noise_m: standard deviation of the range of a strong echo; it grows as echoes get weak.
        range_step_m: ranges are whole multiples of it; 0 for any.
        intensity_noise: standard deviation of the intensity, as a share of it.
        pulse_m: half the length of a pulse in metres (0.75 for 5 ns): what is nearer together is one echo.
        echoes: how many echoes of a beam are reported, the strongest first; 1 to 3.
        divergence_mrad: full angle of a beam, for drops and flakes that it meets; 0: it meets none.
        weather: whether what is in the air takes light away and sends some back.
        rain: whose extinction rain has. `measured`: the air's own, which cameras see by; `goodin`: 0.01 R^0.6 per
            metre at R mm/h and a range noise of 2 %, as Goodin et al. (2019) have it, thirty times more.
    """

    min_range_m: float = 1.0
    range_m: float = 100.0
    seen_reflectance: float = 0.1
    overlap_m: float = 5.0
    range_noise_m: float = 0.02
    range_step_m: float = 0.002
    intensity_noise: float = 0.05
    pulse_m: float = 0.75
    echoes: int = 1
    divergence_mrad: float = 3.0
    weather: bool = True
    rain: Literal["measured", "goodin"] = "measured"


@dataclass(frozen=True)
class LidarReturns:
    """What the device reports of a turn: as beams come in `Echoes`, the echoes of one beam by falling power.

    Attributes:
        points_m: (N, 3), the sensor's axes at the time of the ray.
        intensity: (N,) whole numbers: 0 to 100 is percent of what a white matte surface met head on sends back, beyond
            it up to 255 is what retroreflectors send.
        ring: (N,), 0 is the lowest beam.
        column: (N,) number of the firing in the turn.
        time_s: (N,) relative to the frame, 0 at most.
        echo: (N,), 0 is the strongest of its beam.
        actor_id: (N,), 0 for the static world and for weather.
        tag: (N,) CARLA's CityObjectLabel, 0 for weather.
        is_weather: (N,) whether a drop, a flake, or fog, dust or spray sent it back, and no surface.
    """

    points_m: Floats
    intensity: Floats
    ring: Bytes
    column: npt.NDArray[np.int32]
    time_s: Floats
    echo: Bytes
    actor_id: npt.NDArray[np.uint32]
    tag: Bytes
    is_weather: Bools


_FADES = 0.1  # standard deviation of a receiver's threshold, as a share of it


def measured(
    echoes: Echoes,
    device: LidarDevice,
    air: Air,
    random: np.random.Generator,
) -> LidarReturns:
    """What `device` reports of a turn.

    Args:
        echoes: what its rays met.
        device: what it is.
        air: what is between.
        random: decides noise, and where drops and flakes are: the same, the same returns.
    """
    wetness = air.wetness if device.weather else 0.0
    bright = brightness(echoes.material, echoes.tag, echoes.actor_id, echoes.cos_incidence, wetness)
    bright *= echoes.weight * echoes.transmission
    beam = _beams(echoes)
    met = np.flatnonzero((bright > 0.0) & (echoes.range_m < np.float32(device.range_m + device.pulse_m)))
    range_m = np.maximum(echoes.range_m[met], np.float32(0.01))
    power = bright[met] * _received(range_m, device)
    pulses = merged(Pulses(beam[met], met, range_m, power, np.zeros(len(met), dtype=np.bool_)), device.pulse_m)
    return _reported(echoes, pulses, device, random)


def _beams(echoes: Echoes) -> npt.NDArray[np.int64]:
    """Numbers (M,) of the candidates' beams, from 0."""
    begins = np.zeros(len(echoes.ring), dtype=np.int64)
    begins[1:] = (echoes.ring[1:] != echoes.ring[:-1]) | (echoes.column[1:] != echoes.column[:-1])
    return np.cumsum(begins)


def _received(range_m: Floats, device: LidarDevice) -> Floats:
    """Share (K,) of what comes back from a distance that the receiver catches, 1 being all of it at one metre."""
    sees = np.minimum(range_m / np.float32(max(device.overlap_m, 1e-3)), np.float32(1.0))
    return np.asarray(sees / (range_m * range_m), dtype=np.float32)


def _reported(echoes: Echoes, pulses: Pulses, device: LidarDevice, random: np.random.Generator) -> LidarReturns:
    """What becomes of pulses: lost or found, with noise."""
    threshold = np.float32(device.seen_reflectance / device.range_m**2)
    noise = random.standard_normal((3, len(pulses.beam)), dtype=np.float32)
    range_m = pulses.range_m + noise[1] * np.float32(device.range_noise_m) * np.sqrt(1.0 + threshold / pulses.power)
    if device.range_step_m > 0.0:
        range_m = np.rint(range_m / np.float32(device.range_step_m)) * np.float32(device.range_step_m)
    shown = intensity(pulses.power / _received(pulses.range_m, device))
    shown = np.rint(np.clip(shown * (1.0 + np.float32(device.intensity_noise) * noise[2]), 0.0, 255.0))
    found = pulses.power > threshold * (1.0 + np.float32(_FADES) * noise[0])
    found &= (range_m >= device.min_range_m) & (range_m <= device.range_m)
    index = np.flatnonzero(found)
    kept, echo = reported(replace(pulses, row=np.arange(len(found)))[index], device.echoes)
    chosen, row = kept.row, pulses.row[kept.row]
    weather = kept.is_weather
    return LidarReturns(
        points_m=echoes.directions[row] * range_m[chosen, None],
        intensity=shown[chosen],
        ring=echoes.ring[row],
        column=echoes.column[row],
        time_s=echoes.time_s[row],
        echo=echo,
        actor_id=np.where(weather, np.uint32(0), echoes.actor_id[row]),
        tag=np.where(weather, np.uint8(0), echoes.tag[row]),
        is_weather=weather,
    )
