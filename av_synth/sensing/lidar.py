"""A lidar as a device: what it reports of what its rays met. Geometry comes in, measurements go out.

Powers are relative: 1 is what a white matte surface, met head on at one metre through nothing, would send back. A
surface of brightness b at r metres sends b x weight x transmission x exp(-2 x optical depth) x overlap(r) / r^2: the
lidar equation, as C. Goodin, D. Carruth, M. Doude and C. Hudson write it (Predicting the Influence of Rain on LIDAR in
ADAS, Electronics 8(1):89, 2019), with the overlap of R. H. Rasshofer, M. Spies and H. Spies (Influences of weather
phenomena on automotive laser radar systems, Advances in Radio Science 9, 2011). What is below the power that
`LidarDevice.seen_reflectance` has at `LidarDevice.range_m` is lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from av_synth.sensing.air import Air
from av_synth.sensing.drops import drops, rain, snow
from av_synth.sensing.haze import haze
from av_synth.sensing.pulses import merge, ranked
from av_synth.sensing.receiver import Path, RainLaw, Receiver, Scattered
from av_synth.sensing.spray import Plumes, Wake, plumes
from av_synth.sensing.surfaces import brightness, intensity

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.integer]


@dataclass(frozen=True)
class LidarHits:
    """What the rays of one turn met. Candidates of one beam share ring and column, and stand next to each other.

    A beam that met nothing may be there with one candidate of range infinity and weight 0: weather may be in its way.

    Attributes:
        directions: (M, 3) unit, the sensor's axes at the time of the ray.
        range_m: (M,), inf where nothing was met.
        cos_incidence: (M,), of the angle between ray and surface normal; the sign does not matter.
        tag: (M,) CARLA's CityObjectLabel.
        material: (M,) `materials.Material`; `materials.UNKNOWN` from simulators that do not tell it.
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
        range_noise_m: standard deviation of the range of a strong echo from shot to shot; weak ones have more; 0:
            none has any.
        range_step_m: ranges are whole multiples of it; 0 for any.
        intensity_noise: standard deviation of the intensity, as a share of it.
        pulse_m: half the length of a pulse in metres (0.75 for 5 ns): what is nearer together is one echo.
        echoes: how many echoes of a beam are reported, the strongest first; 1 to 3.
        divergence_mrad: full angle of a beam, for drops and flakes that it meets; 0: it meets none.
        weather: whether what is in the air takes light away and sends some back.
        rain: whose extinction rain has. `measured`: the air's own, which cameras see by; `goodin`: 0.01 R^0.6 per metre
            at R mm/h and a range noise of 2 %, as Goodin et al. (2019) have it, thirty times more.
    """

    min_range_m: float = 1.0
    range_m: float = 100.0
    seen_reflectance: float = 0.1
    overlap_m: float = 5.0
    range_noise_m: float = 0.0025
    range_step_m: float = 0.002
    intensity_noise: float = 0.03
    pulse_m: float = 0.75
    echoes: int = 1
    divergence_mrad: float = 3.0
    weather: bool = True
    rain: RainLaw = "measured"

    @property
    def receiver(self) -> Receiver:
        """What of it receives."""
        threshold = self.seen_reflectance / self.range_m**2
        return Receiver(
            threshold, self.overlap_m, self.pulse_m, self.min_range_m, self.range_m, self.divergence_mrad / 1000.0
        )


@dataclass(frozen=True)
class LidarReturns:
    """What the device reports of a turn: as beams come in `LidarHits`, the echoes of one beam by falling power.

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


_FADES = np.float32(0.1)  # standard deviation of a receiver's threshold, as a share of it
_SURELY = np.float32(5.0)  # of them away from it nothing is in doubt
# noise of ranges at the threshold, as a share of the pulse; it falls with the root of power (Kilic et al. 2021, see
# `drops`). The share is that of a real HDL-32E (docs/explanation/lidar.md)
_WEAK = np.float32(0.035)
_UP = (0.0, 0.0, 1.0)
_NOWHERE_M = 1e4  # the range of beams that meet nothing


def measured(
    hits: LidarHits,
    device: LidarDevice,
    air: Air,
    random: np.random.Generator,
    *,
    up: tuple[float, float, float] = _UP,
    height_m: float = 0.0,
    wakes: Sequence[Wake] = (),
) -> LidarReturns:
    """What `device` reports of a turn.

    Args:
        hits: what its rays met.
        device: what it is.
        air: what is between.
        random: decides noise, and where drops and wisps are: the same, the same returns.
        up: unit vector upwards, the sensor's axes.
        height_m: of the sensor above the road, for fog that thins out with height.
        wakes: vehicles that may throw spray, each once.
    """
    receiver = device.receiver
    wetness = air.wetness if device.weather else 0.0
    lies = air.snow_cover if device.weather else 0.0
    bright = brightness(hits.material, hits.tag, hits.actor_id, hits.cos_incidence, wetness, lies)
    bright *= hits.weight * hits.transmission
    bright *= hits.range_m < device.range_m + device.pulse_m
    range_m = np.minimum(np.maximum(hits.range_m, np.float32(0.01)), np.float32(_NOWHERE_M))
    first, beam = _beams(hits)
    power = bright * receiver.catches(range_m)
    merge(beam, range_m, power, receiver.pulse_m)
    pulses = _Pulses(np.arange(len(beam)), beam, range_m, power, np.zeros(len(beam), dtype=np.bool_))
    if device.weather and len(first):
        path = Path.through(air, height_m, device.rain)
        rise = hits.directions @ np.array(up, dtype=np.float32)
        power *= np.exp(-2.0 * path.depth(range_m, rise))
        nearest_m = _of_beams(np.minimum, np.maximum(range_m, np.float32(_NOWHERE_M) * (power <= 0.0)), first, beam)
        behind = plumes(hits.directions, first, nearest_m, wakes, air.wetness, receiver, random)
        if len(behind.depth):
            rows, of = _rows(behind.echo.beam, first, len(beam))
            np.multiply.at(power, rows, np.exp(-2.0 * behind.depth)[of])
        one = device.echoes == 1
        least = _of_beams(np.maximum, power, first, beam) if one else np.zeros(len(first), dtype=np.float32)
        found = [
            each.where(each.range_m < nearest_m.take(each.beam))
            for each in _in_the_air(rise[first], path, receiver, random, behind, least)
        ]
        pulses = _in_front(pulses, first, found, least) if one else _among(pulses, first, found, device)
    return _reported(hits, pulses, device, air, random)


@dataclass(frozen=True)
class _Pulses:
    """What comes back of beams.

    Attributes:
        row: (K,) the candidate that it is; of weather, one of the same beam.
        beam: (K,) rising.
        range_m, power: (K,).
        is_weather: (K,).
    """

    row: Rows
    beam: Rows
    range_m: Floats
    power: Floats
    is_weather: Bools


def _beams(hits: LidarHits) -> tuple[Rows, Rows]:
    """The first candidate (B,) of each beam, and the number (M,) of each candidate's beam."""
    begins = np.ones(len(hits.ring), dtype=np.bool_)
    begins[1:] = (hits.ring[1:] != hits.ring[:-1]) | (hits.column[1:] != hits.column[:-1])
    return np.flatnonzero(begins), np.cumsum(begins, dtype=np.int32) - 1


def _of_beams(least_or_most: np.ufunc, values: Floats, first: Rows, beam: Rows) -> Floats:
    """The least or the most (B,) that candidates (M,) of each beam have; most have one, and need no comparison."""
    found: Floats = values.take(first)
    if len(first) < len(values):
        more = np.flatnonzero(beam[1:] == beam[:-1]) + 1
        least_or_most.at(found, beam.take(more), values.take(more))
    return found


def _rows(beams: Rows, first: Rows, n: int) -> tuple[Rows, ...]:
    """All candidates (K,) of some beams, and the place (K,) in `beams` that each is for."""
    count = np.append(first, n)[beams + 1] - first[beams]
    of = np.repeat(np.arange(len(beams)), count)
    return first[beams][of] + np.arange(len(of)) - (np.cumsum(count) - count)[of], of


def _in_the_air(
    rise: Floats,
    path: Path,
    receiver: Receiver,
    random: np.random.Generator,
    behind: Plumes,
    least: Floats,
) -> Iterator[Scattered]:
    """What fog and dust, drops or flakes, and spray send back, above the power `least` (B,) of each beam."""
    yield haze(rise, path, receiver, random, least)
    for falls, mm_h in ((rain, path.air.rain_mm_h), (snow, path.air.snow_mm_h)):
        if mm_h == 0.0 or receiver.divergence_rad == 0.0:
            continue
        fallen = drops(len(rise), falls(mm_h), path.depth, receiver, random)
        yield fallen.where(fallen.power > least[fallen.beam])
    echo = behind.echo
    power = echo.power * np.exp(-2.0 * path.depth(echo.range_m, rise[echo.beam]))
    enough = np.maximum(least[echo.beam], np.float32(0.5 * receiver.threshold))
    yield replace(echo, power=power).where(power > enough)


def _in_front(pulses: _Pulses, first: Rows, found: list[Scattered], least: Floats) -> _Pulses:
    """Pulses with what is in the air in the place of all else in the beams where it is the strongest."""
    power, range_m = least.copy(), np.zeros(len(first), dtype=np.float32)
    for each in found:
        rising = each if each.once else each.where(np.argsort(each.power, kind="stable"))  # the strongest comes last
        above = rising.where(rising.power > power.take(rising.beam))
        power[above.beam], range_m[above.beam] = above.power, above.range_m
    above_all = power > least
    taken = np.flatnonzero(above_all)
    pulses.power[np.flatnonzero(above_all.take(pulses.beam))] = 0.0
    at = first.take(taken)
    pulses.power[at], pulses.range_m[at], pulses.is_weather[at] = power.take(taken), range_m.take(taken), True
    return pulses


def _among(pulses: _Pulses, first: Rows, found: list[Scattered], device: LidarDevice) -> _Pulses:
    """Pulses with what is in the air among them."""
    some = pulses.power > 0.5 * device.receiver.threshold
    beams = [pulses.beam[some], *(each.beam for each in found)]
    order = np.argsort(np.concatenate(beams), kind="stable")
    joined = _Pulses(
        row=np.concatenate([pulses.row[some], *(first[each.beam] for each in found)])[order],
        beam=np.concatenate(beams)[order],
        range_m=np.concatenate([pulses.range_m[some], *(each.range_m for each in found)])[order],
        power=np.concatenate([pulses.power[some], *(each.power for each in found)])[order],
        is_weather=order >= len(beams[0]),
    )
    merge(joined.beam, joined.range_m, joined.power, device.pulse_m)
    return joined


def _reported(
    hits: LidarHits, pulses: _Pulses, device: LidarDevice, air: Air, random: np.random.Generator
) -> LidarReturns:
    """What becomes of pulses: lost or found, with noise."""
    receiver = device.receiver
    threshold = np.float32(receiver.threshold)
    listens = (pulses.range_m >= device.min_range_m) & (pulses.range_m <= device.range_m)
    found = np.flatnonzero(listens & (pulses.power > threshold * (1.0 - _SURELY * _FADES)))
    power = pulses.power.take(found)
    doubtful = np.flatnonzero(power < threshold * (1.0 + _SURELY * _FADES))
    fades = random.standard_normal(len(doubtful), dtype=np.float32)
    lost = power.take(doubtful) <= threshold * (1.0 + _FADES * fades)
    found = np.delete(found, doubtful[lost])
    places, echo = ranked(pulses.beam.take(found), pulses.power.take(found), device.echoes)
    found = found.take(places)
    range_m, power = pulses.range_m.take(found), pulses.power.take(found)
    noise = random.standard_normal((2, len(found)), dtype=np.float32)
    weak_m = _WEAK * np.float32(device.pulse_m if device.range_noise_m > 0.0 else 0.0)
    jitter_m = np.hypot(np.float32(device.range_noise_m), weak_m * np.sqrt(threshold / power))
    if device.weather and device.rain == "goodin":
        jitter_m = np.hypot(jitter_m, range_m * np.float32(0.02 * (1.0 - math.exp(-air.rain_mm_h)) ** 2))
    at_m = range_m + noise[0] * jitter_m
    if device.range_step_m > 0.0:
        at_m = np.rint(at_m / np.float32(device.range_step_m)) * np.float32(device.range_step_m)
    shown = intensity(power / receiver.catches(range_m)) * (1.0 + np.float32(device.intensity_noise) * noise[1])
    at_m = np.clip(at_m, np.float32(device.min_range_m), np.float32(device.range_m))
    row, is_weather = pulses.row.take(found), pulses.is_weather.take(found)
    return LidarReturns(
        points_m=hits.directions.T.take(row, axis=1).T * at_m[:, None],
        intensity=np.rint(np.clip(shown, 0.0, 255.0)),
        ring=hits.ring.take(row),
        column=hits.column.take(row),
        time_s=hits.time_s.take(row),
        echo=echo,
        actor_id=hits.actor_id.take(row) * ~is_weather,
        tag=hits.tag.take(row) * ~is_weather,
        is_weather=is_weather,
    )
