"""Sensor faults, put into what the sensors saw: once, here, whatever the simulator."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from av_synth.capture.frameset import CameraImage, FrameSet, LidarScan, RadarScan
from av_synth.rig.model import Camera, Lidar, Radar, Rig
from av_synth.scenario.distributions import stream
from av_synth.scenario.faults import Fault, FaultInForce
from av_synth.sensing import faults

Sensor = TypeVar("Sensor", Camera, Lidar, Radar)
Seen = TypeVar("Seen", CameraImage, LidarScan, RadarScan)
# what stays as it is from frame to frame while the fault lasts
_LASTING = ("dirt", "beam_loss")


class SensorFaults:
    """Applies the faults in force to one FrameSet after the other, in the order of frames.

    Chance is the run's own: of scenario, seed, fault, channel and frame, and of nothing else.
    """

    def __init__(self, scenario: str, seed: int, rig: Rig) -> None:
        """Of a run: the name of its scenario, its seed, and its sensors as they really look."""
        self._scenario, self._seed = scenario, seed
        self._rig = rig
        self._images: dict[str, CameraImage] = {}  # the last ones, by channel
        self._turns: dict[str, LidarScan] = {}
        self._scans: dict[str, RadarScan] = {}

    def apply(self, frames: FrameSet, in_force: Sequence[FaultInForce]) -> FrameSet:
        """The frames as sensors with these faults record them; labels and truth are not touched.

        Args:
            frames: what the sensors saw.
            in_force: the faults at this frame; those of one sensor are applied in this order.
        """

        def all_of(
            modality: str,
            sensors: Sequence[Sensor],
            seen: Mapping[str, Seen],
            spoilt: Callable[[Sensor, Seen, Fault, np.random.Generator], Seen],
            last: dict[str, Seen],
        ) -> dict[str, Seen]:
            for sensor in sensors:
                channel = sensor.channel
                own = [found for found in in_force if found.fault.concerns(channel, modality)]
                if channel not in seen or (channel in last and any(found.fault.kind == "frozen" for found in own)):
                    continue
                value = seen[channel]
                for found in own:
                    when = "" if found.fault.kind in _LASTING else f" {frames.index}"
                    random = stream(self._scenario, f"fault {found.number} {channel}{when}", self._seed)
                    value = spoilt(sensor, value, found.fault, random)
                last[channel] = value
            return {channel: last[channel] for channel in seen}

        rig = self._rig
        return replace(
            frames,
            cameras=all_of("camera", rig.cameras, frames.cameras, _spoilt_image, self._images),
            lidars=all_of("lidar", rig.lidars, frames.lidars, _spoilt_turn, self._turns),
            radars=all_of("radar", rig.radars, frames.radars, _spoilt_scan, self._scans),
            lidars_before_faults=frames.lidars,
        )


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
    if fault.share is not None:
        return CameraImage(faults.dirty(image, fault.share, random))
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
    elif fault.share is not None:
        kept = faults.not_dropped(len(seen.points_m), fault.share, random)
    else:
        return seen
    return LidarScan(**{name: values[kept] for name, values in vars(seen).items()})


def _spoilt_scan(radar: Radar, seen: RadarScan, fault: Fault, random: np.random.Generator) -> RadarScan:
    points, rates = seen.points_m, seen.range_rate_mps
    if fault.kind == "blackout":
        return RadarScan(points[:0], rates[:0])
    if fault.sigma_m is not None:
        return RadarScan(faults.at_noisy_ranges(points, fault.sigma_m, radar.range_m, random), rates)
    if fault.share is not None:
        kept = faults.not_dropped(len(points), fault.share, random)
        return RadarScan(points[kept], rates[kept])
    if fault.count is not None:
        fov_deg = radar.horizontal_fov_deg, radar.vertical_fov_deg
        more, more_rates = faults.ghosts(fault.count, radar.range_m, fov_deg, random)
        return RadarScan(np.concatenate([points, more]), np.concatenate([rates, more_rates]))
    return seen
