"""Sensor faults, put into what the sensors saw: once, here, whatever the simulator."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from av_synth.capture.frameset import CameraImage, FrameSet, LidarScan, RadarScan
from av_synth.capture.radar_devices import with_ghosts
from av_synth.rig.model import Camera, Lidar, Radar, Rig
from av_synth.scenario.distributions import stream
from av_synth.scenario.faults import Fault, FaultInForce
from av_synth.sensing import faults

Sensor = TypeVar("Sensor", Camera, Lidar, Radar)
Seen = TypeVar("Seen", CameraImage, LidarScan, RadarScan)
# what stays as it is from frame to frame while the fault lasts
_LASTING = ("dirt", "blocked", "beam_loss")
_NOTHING = Fault(sensor="all", kind="blackout")
_NEVER_BACK_US = 1000  # a clock that would go back or stand still goes on by this instead


class SensorFaults:
    """Applies the faults in force to one FrameSet after the other, in the order of frames.

    Chance is the run's own: of scenario, seed, fault, channel and frame, and of nothing else. Where a sensor really is
    (`miscalibration`) is no matter of what it saw: it looked from there.
    """

    def __init__(self, scenario: str, seed: int, rig: Rig) -> None:
        """Of a run: the name of its scenario, its seed, and its sensors as they really look."""
        self._scenario, self._seed = scenario, seed
        self._rig = rig
        self._images: dict[str, CameraImage] = {}  # the last ones, by channel
        self._turns: dict[str, LidarScan] = {}
        self._scans: dict[str, RadarScan] = {}
        self._clocks = _Clocks()

    def apply(self, frames: FrameSet, in_force: Sequence[FaultInForce]) -> FrameSet:
        """The frames as sensors with these faults record them; labels and truth are not touched.

        Args:
            frames: what the sensors saw.
            in_force: the faults at this frame; those of one sensor are applied in this order.
        """
        lost: set[str] = set()
        clocks_us: dict[str, int] = {}

        def all_of(
            modality: str,
            sensors: Sequence[Sensor],
            seen: Mapping[str, Seen],
            spoilt: Callable[[Sensor, Seen, Fault, np.random.Generator], Seen],
            last: dict[str, Seen],
        ) -> dict[str, Seen]:
            recorded = dict(seen)
            for sensor in sensors:
                channel = sensor.channel
                if channel not in seen:
                    continue
                own = [
                    (found.fault, self._chance(found, channel, frames.index))
                    for found in in_force
                    if found.fault.concerns(channel, modality)
                ]
                if any(fault.kind == "lost" and random.random() < (fault.share or 0) for fault, random in own):
                    lost.add(channel)
                    if not frames.is_keyframe:
                        del recorded[channel]
                        continue
                    recorded[channel] = spoilt(sensor, seen[channel], _NOTHING, np.random.default_rng(0))
                else:
                    if channel not in last or all(fault.kind != "frozen" for fault, _ in own):
                        last[channel] = seen[channel]
                        for fault, random in own:
                            last[channel] = spoilt(sensor, last[channel], fault, random)
                    recorded[channel] = last[channel]
                now_us = self._clocks.read(channel, frames.state.time_us, own)
                if now_us != frames.state.time_us:
                    clocks_us[channel] = now_us
            return recorded

        rig = self._rig
        return replace(
            frames,
            cameras=all_of("camera", rig.cameras, frames.cameras, _spoilt_image, self._images),
            lidars=all_of("lidar", rig.lidars, frames.lidars, _spoilt_turn, self._turns),
            radars=all_of("radar", rig.radars, frames.radars, _spoilt_scan, self._scans),
            lidars_before_faults=frames.lidars,
            lost=frozenset(lost),
            clocks_us=clocks_us,
        )

    def _chance(self, found: FaultInForce, channel: str, index: int) -> np.random.Generator:
        when = "" if found.fault.kind in _LASTING else f" {index}"
        return stream(self._scenario, f"fault {found.number} {channel}{when}", self._seed)


class _Clocks:
    """The clocks of the sensors, which never go back."""

    def __init__(self) -> None:
        self._last_us: dict[str, int] = {}

    def read(self, channel: str, true_us: int, own: Sequence[tuple[Fault, np.random.Generator]]) -> int:
        """What a sensor's clock says of a frame that it records."""
        off_ms = 0.0
        for fault, random in own:
            if fault.kind == "clock":
                off_ms += (fault.offset_ms or 0.0) + (fault.jitter_ms or 0.0) * _within(random.standard_normal(), 3.0)
        told_us = true_us + round(1000.0 * off_ms)
        last_us = self._last_us.get(channel)
        self._last_us[channel] = told_us if last_us is None else max(told_us, last_us + _NEVER_BACK_US)
        return self._last_us[channel]


def _within(value: float, most: float) -> float:
    return min(max(value, -most), most)


def _spoilt_image(camera: Camera, seen: CameraImage, fault: Fault, random: np.random.Generator) -> CameraImage:
    image = seen.bgra
    if fault.kind == "blackout":
        return CameraImage(np.zeros_like(image))
    if fault.sigma is not None:
        return CameraImage(faults.noisy(image, fault.sigma, random))
    if fault.radius_deg is not None:
        return CameraImage(faults.blurred(image, camera.fx_px * math.tan(math.radians(fault.radius_deg))))
    if fault.stops is not None:
        return CameraImage(faults.exposed(image, fault.stops))
    if fault.kind == "dirt" and fault.share is not None:
        return CameraImage(faults.dirty(image, fault.share, random))
    if fault.kind == "blocked" and fault.share is not None:
        return CameraImage(faults.blocked(image, fault.share, random))
    return seen


def _spoilt_turn(lidar: Lidar, seen: LidarScan, fault: Fault, random: np.random.Generator) -> LidarScan:
    if fault.sigma_m is not None:
        return replace(seen, points_m=faults.at_noisy_ranges(seen.points_m, fault.sigma_m, lidar.range_m, random))
    if fault.kind == "blackout":
        kept = np.zeros(len(seen.points_m), dtype=np.bool_)
    elif fault.from_deg is not None and fault.to_deg is not None:
        kept = faults.outside_sector(seen.points_m, lidar.mount.ego_from_sensor, fault.from_deg, fault.to_deg)
    elif fault.kind == "beam_loss" and fault.share is not None:
        kept = faults.of_live_beams(seen.ring, lidar.beams, fault.share, random)
    elif fault.kind == "drop" and fault.share is not None:
        kept = faults.not_dropped(len(seen.points_m), fault.share, random)
    else:
        return seen
    return seen.only(kept)


def _spoilt_scan(radar: Radar, seen: RadarScan, fault: Fault, random: np.random.Generator) -> RadarScan:
    points, rates = seen.points_m, seen.range_rate_mps
    if fault.kind == "blackout":
        return seen.only(np.zeros(len(points), dtype=np.bool_))
    if fault.sigma_m is not None:
        return replace(seen, points_m=faults.at_noisy_ranges(points, fault.sigma_m, radar.range_m, random))
    if fault.kind == "drop" and fault.share is not None:
        return seen.only(faults.not_dropped(len(points), fault.share, random))
    if fault.count is not None:
        fov_deg = radar.horizontal_fov_deg, radar.vertical_fov_deg
        more, more_rates = faults.ghosts(fault.count, radar.range_m, fov_deg, random)
        details = seen.details
        if details is not None:
            more[:, 2], details = 0.0, with_ghosts(details, fault.count, random)
        return RadarScan(np.concatenate([points, more]), np.concatenate([rates, more_rates]), details)
    return seen
