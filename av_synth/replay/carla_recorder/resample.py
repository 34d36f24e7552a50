"""A recording's uneven frames at even ticks: places along straight lines, rotations along the shortest turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from av_synth.geometry.carla import angular_from_carla, flip_y, matrix_from_recorded
from av_synth.geometry.transforms import Array
from av_synth.recording.format import KINEMATICS, POSITION
from av_synth.recording.model import Recording
from av_synth.replay.state_log import ActorMotion, Indices

JUMP_MPS = 150.0
"""Whoever is faster between two frames was put elsewhere (ScenarioRunner keeps actors under the ground until they are
wanted), and is not led through what is between."""


@dataclass(frozen=True)
class Track:
    """One actor as recorded, N frames.

    Attributes:
        rows: (N,) which of the recording's frames, ascending.
        poses: (N, 4, 4) `world_from_actor`.
        velocities: (N, 6) velocity in m/s and angular velocity in rad/s, world axes; None if it was not recorded.
    """

    rows: Indices
    poses: Array
    velocities: Array | None


def times_us(recording: Recording) -> Indices:
    """(F,) when each frame was, microseconds from the first."""
    elapsed = np.array([frame.elapsed_s for frame in recording.frames])
    return np.rint((elapsed - elapsed[0]) * 1e6).astype(np.int64)


def tracks(recording: Recording, actor_ids: frozenset[int]) -> Mapping[int, Track]:
    """How each of these actors moved, in our axes; nothing of one that has no position."""
    found: dict[int, tuple[list[int], list[Array]]] = {}
    speeds: dict[int, dict[int, Array]] = {}
    last: dict[int, tuple[bytes, Array]] = {}
    for row, frame in enumerate(recording.frames):
        for record in frame.records(POSITION):
            actor_id = int(record["actor_id"])
            if actor_id in actor_ids:
                if last.get(actor_id, (b"", None))[0] != record.tobytes():  # most of them stand
                    pose = matrix_from_recorded(record["location_cm"].tolist(), record["euler_deg"].tolist())
                    last[actor_id] = record.tobytes(), pose
                rows, poses = found.setdefault(actor_id, ([], []))
                if not rows or rows[-1] != row:  # CARLA before 0.9.12 wrote props twice
                    rows.append(row)
                    poses.append(last[actor_id][1])
        moving = frame.records(KINEMATICS)
        velocity, spin = flip_y(moving["velocity_mps"]), angular_from_carla(moving["spin_degps"])
        for actor_id, six in zip(moving["actor_id"].tolist(), np.hstack([velocity, spin]), strict=True):
            speeds.setdefault(actor_id, {})[row] = six
    return {
        actor_id: Track(np.array(rows), np.stack(poses), _all_of(speeds.get(actor_id, {}), rows))
        for actor_id, (rows, poses) in sorted(found.items())
    }


def _all_of(speeds: Mapping[int, Array], rows: list[int]) -> Array | None:
    return np.stack([speeds[row] for row in rows]) if all(row in speeds for row in rows) else None


def resample(track: Track, frame_times_us: Indices, tick_us: int) -> tuple[ActorMotion, int]:
    """How one actor moved at ticks 0, 1, ... of `tick_us` whose last frame before shows it, and how often it jumped.

    Velocities that were recorded are interpolated, others are those between two frames; accelerations are differences
    of velocities from tick to tick.
    """
    from scipy.spatial.transform import Rotation  # takes a while to import

    ticks = np.arange(int(frame_times_us[-1]) // tick_us + 1)
    latest = np.searchsorted(frame_times_us, ticks * tick_us, side="right") - 1
    at = np.searchsorted(track.rows, latest, side="right") - 1
    there = (at >= 0) & (track.rows[np.maximum(at, 0)] == latest)
    ticks, at = ticks[there], at[there]
    steps = _Steps(track, frame_times_us)
    since_us = ticks * tick_us - frame_times_us[track.rows[at]]
    share = np.where(steps.led[at], since_us / steps.spans_us[at], 0.0)[:, None]
    places = track.poses[at, :3, 3] + share * steps.moves_m[at]
    turned = Rotation.from_rotvec(share * steps.turns_rad[at]) * Rotation.from_matrix(track.poses[at, :3, :3])
    if track.velocities is None:
        motion = steps.velocities[at]
    else:
        ahead = track.velocities[np.minimum(at + 1, len(track.rows) - 1)]
        motion = track.velocities[at] + share * (ahead - track.velocities[at])
    poses = np.hstack([places, turned.as_quat()[:, [3, 0, 1, 2]]])
    rates = np.hstack([motion, _accelerations(ticks, motion[:, :3], tick_us / 1e6)])
    return ActorMotion(ticks, poses, rates), steps.jumps


class _Steps:
    """What becomes of an actor from each of its N frames to the next; `led` says where that is a motion at all.

    Attributes:
        led: (N,) it is there in the very next frame too, and did not jump.
        spans_us: (N,) how long that takes, 1 where it is not led.
        moves_m: (N, 3) how far it comes.
        turns_rad: (N, 3) how it turns, a rotation vector in world axes.
        velocities: (N, 6) what these make; where it is not led, those of the step before.
        jumps: how many jumps there are.
    """

    def __init__(self, track: Track, frame_times_us: Indices) -> None:
        from scipy.spatial.transform import Rotation

        ahead = np.minimum(np.arange(len(track.rows)) + 1, len(track.rows) - 1)
        spans_us = frame_times_us[track.rows[ahead]] - frame_times_us[track.rows]
        self.moves_m = track.poses[ahead, :3, 3] - track.poses[:, :3, 3]
        next_frame = (track.rows[ahead] == track.rows + 1) & (spans_us > 0)
        jumped = next_frame & (np.linalg.norm(self.moves_m, axis=1) > JUMP_MPS * spans_us / 1e6)
        self.led = next_frame & ~jumped
        self.jumps = int(jumped.sum())
        self.spans_us = np.where(self.led, spans_us, 1)
        before = Rotation.from_matrix(track.poses[:, :3, :3])
        self.turns_rad = (Rotation.from_matrix(track.poses[ahead, :3, :3]) * before.inv()).as_rotvec()
        self.velocities = np.hstack([self.moves_m, self.turns_rad]) / (self.spans_us[:, None] / 1e6)
        self.velocities[~self.led] = 0.0
        ends = np.flatnonzero(~self.led[1:] & self.led[:-1] & (track.rows[1:] == track.rows[:-1] + 1)) + 1
        self.velocities[ends] = self.velocities[ends - 1]


def _accelerations(ticks: Indices, velocities: Array, tick_s: float) -> Array:
    """(T, 3): to the next tick; at the last of a stretch as before it, 0 for a stretch of one."""
    found = np.zeros_like(velocities)
    follows = np.diff(ticks) == 1
    found[:-1][follows] = np.diff(velocities, axis=0)[follows] / tick_s
    last = np.flatnonzero(np.append(~follows, True) & np.insert(follows, 0, False))
    found[last] = found[last - 1]
    return found
