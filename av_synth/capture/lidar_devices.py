"""Lidars that are devices: the points that they make of what their rays met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from av_synth.capture.frameset import Before, FrameSet, LidarScan
from av_synth.errors import DataError
from av_synth.geometry.motion import Between
from av_synth.geometry.transforms import Array, apply, invert, rigid, rotate
from av_synth.log.state import WorldState
from av_synth.rig.model import Firing, Lidar, Rig
from av_synth.scenario.distributions import stream
from av_synth.sensing.air import Air
from av_synth.sensing.lidar import LidarHits, LidarReturns, measured
from av_synth.sensing.spray import Wake

_TOO_THIN = ("vehicle.bicycle",)  # their wheels throw next to nothing


class LidarDevices:
    """Makes the points of one FrameSet after the other.

    Chance is the run's own: of scenario, seed, channel and frame, and of nothing else.
    """

    def __init__(self, scenario: str, seed: int, rig: Rig) -> None:
        """Of a run: the name of its scenario, its seed, and its sensors."""
        self._scenario, self._seed = scenario, seed
        self._lidars = {lidar.channel: lidar for lidar in rig.lidars}

    def apply(self, frames: FrameSet, air: Air) -> FrameSet:
        """The frames with the turns of all lidars.

        Args:
            frames: with the hits of those that are devices.
            air: what is in it at this frame.

        Raises:
            DataError: if a device feels motion and nobody looked a tick earlier.
        """
        turns = {
            channel: self._turn(self._lidars[channel], hits, frames, air) for channel, hits in frames.lidar_hits.items()
        }
        return replace(frames, lidars={**frames.lidars, **turns}, lidar_hits={}) if turns else frames

    def _turn(self, lidar: Lidar, hits: LidarHits, frames: FrameSet, air: Air) -> LidarScan:
        if lidar.device is None or lidar.firing is None:
            raise DataError(f"{lidar.channel} has hits of a device and is no device")
        random = stream(self._scenario, f"lidar {lidar.channel} {frames.index}", self._seed)
        sensor_from_world = invert(frames.world_from_ego @ lidar.mount.ego_from_sensor)
        x, y, z = rotate(sensor_from_world, (0.0, 0.0, 1.0)).tolist()
        returns = measured(
            hits,
            lidar.device,
            air,
            random,
            up=(x, y, z),
            height_m=lidar.mount.translation_m[2],
            wakes=_wakes(frames.state, sensor_from_world) if air.wetness else (),
        )
        if lidar.firing.motion == "none":
            return _scan(returns)
        if frames.before is None:
            raise DataError(f"{lidar.channel} feels motion, and at frame {frames.index} nobody knows the tick before")
        return _moved(returns, lidar, lidar.firing, frames, frames.before)


def _wakes(state: WorldState, sensor_from_world: Array) -> list[Wake]:
    """The vehicles that may throw spray, the ego among them."""
    found = []
    for actor_id in sorted(state.infos):
        info = state.infos[actor_id]
        if info.category.startswith("vehicle.") and info.category not in _TOO_THIN:
            world_from_box = state.world_from_box(actor_id)
            length_m, width_m, height_m = (float(side) for side in info.size_lwh_m)
            ground = rigid(np.eye(3), (0.0, 0.0, -height_m / 2.0))
            speed_mps = float(state.actors[actor_id].velocity_mps @ world_from_box[:3, 0])
            body = sensor_from_world @ world_from_box @ ground
            found.append(Wake(body, (length_m, width_m, height_m), speed_mps))
    return found


def _scan(returns: LidarReturns) -> LidarScan:
    """A turn of one moment."""
    return LidarScan(
        points_m=returns.points_m,
        intensity=returns.intensity,
        ring=returns.ring,
        actor_id=returns.actor_id,
        tag=returns.tag,
        time_s=np.zeros(len(returns.ring), dtype=np.float32),
        echo=returns.echo,
        is_weather=returns.is_weather,
    )


def _moved(returns: LidarReturns, lidar: Lidar, firing: Firing, frames: FrameSet, before: Before) -> LidarScan:
    """A turn that lasted from the tick before to this one."""
    now = frames.world_from_ego @ lidar.mount.ego_from_sensor
    begun = before.world_from_ego @ lidar.mount.ego_from_sensor
    tick_s = (frames.state.time_us - before.state.time_us) / 1e6
    share = 1.0 + returns.time_s.astype(np.float64) / tick_s
    world = Between(begun, now).apply(share, returns.points_m)
    compensated = apply(invert(now), world).astype(np.float32)
    earlier, later = before.state.actors, frames.state.actors
    for actor_id in np.unique(returns.actor_id).tolist():
        if actor_id in earlier and actor_id in later:  # 0 is the town
            own = returns.actor_id == actor_id
            way = Between(earlier[actor_id].world_from_actor, later[actor_id].world_from_actor)
            world[own] = apply(later[actor_id].world_from_actor, way.undo(share[own], world[own]))
    return replace(
        _scan(returns),
        points_m=compensated if firing.motion == "compensated" else returns.points_m,
        time_s=returns.time_s,
        settled_m=apply(invert(now), world).astype(np.float32),
    )
