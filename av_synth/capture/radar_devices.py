"""The radars of a rig that are devices: what they report of what their rays met, whatever the simulator."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from av_synth.capture.frameset import FrameSet, RadarDetails, RadarScan
from av_synth.geometry.transforms import Array, invert, rotate, yaw
from av_synth.rig.model import Radar, Rig
from av_synth.scenario.distributions import stream
from av_synth.sensing.air import Air
from av_synth.sensing.radar import measured
from av_synth.sensing.radar_model import Bodies, Origin, RadarDevice, RadarField, RadarReturns
from av_synth.sensing.radar_tracks import NUMBERS, UNKNOWN, Tracks, follow
from av_synth.sensing.radio_air import attenuation_db_m


@dataclass(frozen=True)
class _Last:
    """The scan before of a radar: where it was (4, 4), when, and its tracks."""

    world_from_radar: Array
    time_us: int
    tracks: Tracks


class RadarDevices:
    """Makes scans of what radars' rays met, of one FrameSet after the other.

    Chance is the run's own: of scenario, seed, channel and frame, and of nothing else.
    """

    def __init__(self, scenario: str, seed: int, rig: Rig, ego_id: int) -> None:
        """Of a run: the name of its scenario, its seed, its sensors, and who carries them."""
        self._scenario, self._seed, self._ego_id = scenario, seed, ego_id
        self._radars = [(radar, radar.device) for radar in rig.radars if radar.device is not None]
        self._last: dict[str, _Last] = {}

    def apply(self, frames: FrameSet, air: Air) -> FrameSet:
        """The frames with the scans of all radars.

        Args:
            frames: with the hits of those that are devices.
            air: what is in it at this frame.
        """
        loss_db_m = attenuation_db_m(air)
        made = {
            radar.channel: self._scan(radar, device, frames, loss_db_m)
            for radar, device in self._radars
            if radar.channel in frames.radar_hits
        }
        return replace(frames, radars={**frames.radars, **made}, radar_hits={}) if made else frames

    def _scan(self, radar: Radar, device: RadarDevice, frames: FrameSet, loss_db_m: float) -> RadarScan:
        world_from_radar = frames.world_from_ego @ radar.mount.ego_from_sensor
        bodies = _bodies(frames, world_from_radar, self._ego_id)
        field = RadarField(radar.horizontal_fov_deg, radar.vertical_fov_deg, radar.range_m, radar.points)
        random = stream(self._scenario, f"radar {radar.channel} {frames.index}", self._seed)
        hits = frames.radar_hits[radar.channel]
        returns = measured(hits, bodies, field, device, loss_db_m, random)
        last = self._last.get(radar.channel)
        tracks = follow(
            None if last is None else last.tracks,
            returns,
            bodies.own_velocity_mps,
            -yaw(radar.mount.ego_from_sensor),
            np.eye(4) if last is None else invert(world_from_radar) @ last.world_from_radar,
            0.0 if last is None else (frames.state.time_us - last.time_us) / 1e6,
        )
        self._last[radar.channel] = _Last(world_from_radar, frames.state.time_us, tracks)
        return _scan(returns, tracks)


def with_ghosts(details: RadarDetails, count: int, random: np.random.Generator) -> RadarDetails:
    """Those of a scan to which a fault has added `count` returns of nothing, as strong as cars are."""
    known = details.margin_db if len(details.margin_db) else np.zeros(1, dtype=np.float32)
    like = RadarDetails(
        range_sigma_m=np.full(count, 0.1, dtype=np.float32),
        azimuth_sigma_rad=np.full(count, 0.01, dtype=np.float32),
        rate_sigma_mps=np.full(count, 0.02, dtype=np.float32),
        rcs_dbsm=np.round(random.normal(5.0, 5.0, count)).astype(np.float32),
        margin_db=random.choice(known, count),
        recognised=np.zeros(count, dtype=np.bool_),
        track=random.integers(0, NUMBERS, count),
        dynamics=np.full(count, UNKNOWN, dtype=np.uint8),
        actor_id=np.zeros(count, dtype=np.uint32),
        origin=np.full(count, Origin.GHOST, dtype=np.uint8),
    )
    return RadarDetails(
        **{name: np.concatenate([values, getattr(like, name)]) for name, values in vars(details).items()}
    )


def _bodies(frames: FrameSet, world_from_radar: Array, ego_id: int) -> Bodies:
    """The actors around a radar, in its axes."""
    state = frames.state
    radar_from_world = invert(world_from_radar)
    ids = [actor_id for actor_id in sorted(state.infos) if actor_id != ego_id]
    return Bodies(
        np.array(ids, dtype=np.uint32),
        np.array([yaw(radar_from_world @ state.actors[each].world_from_actor) for each in ids]),
        np.array([state.infos[each].size_lwh_m for each in ids], dtype=np.float64).reshape(-1, 3),
        rotate(radar_from_world, np.array([state.actors[each].velocity_mps for each in ids]).reshape(-1, 3)),
        rotate(radar_from_world, state.velocity_at(ego_id, world_from_radar[:3, 3])),
    )


def _scan(returns: RadarReturns, tracks: Tracks) -> RadarScan:
    flat = np.zeros((len(returns.range_m), 3), dtype=np.float32)
    flat[:, :2] = tracks.place_m
    names = ("range_sigma_m", "azimuth_sigma_rad", "rate_sigma_mps", "rcs_dbsm", "margin_db")
    details = RadarDetails(
        **{name: getattr(returns, name).astype(np.float32) for name in names},
        recognised=returns.recognised,
        track=tracks.number,
        dynamics=tracks.dynamics,
        actor_id=returns.actor_id,
        origin=returns.origin,
    )
    return RadarScan(flat, returns.range_rate_mps.astype(np.float32), details)
