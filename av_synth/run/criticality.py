"""How critical a run was: the ego against everybody near it, at every recorded frame and over the whole run.

A function of the states alone: it needs no sensors, and looks at the run when it is over, all frames at once.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from av_synth.director.footprints import UPRIGHT, footprint
from av_synth.geometry.transforms import Array
from av_synth.log.state import WorldState
from av_synth.metrics import (
    METRICS,
    Footprints,
    decelerations_to_avoid_crash_mps2,
    distances_m,
    encroachments,
    headways_s,
    required_decelerations_mps2,
    time_exposed_s,
    time_integrated_s2,
    times_to_collision_s,
)
from av_synth.metrics.headway import STANDING_MPS

RANGE_M = 60.0
"""Nobody further from the ego is measured, but those whom the scenario names."""
EXPOSED_TTC_S = 3.0
"""Threshold of TET and TIT; 3 s as in Minderhoud and Bovy (2001), for drivers without assistance."""
_WORST_IS_GREATEST = frozenset({"drac_mps2", "required_deceleration_mps2"})


@dataclass(frozen=True)
class Measurement:
    """A metric between two actors at a recorded time; times to collision that never come are infinite."""

    time_us: int
    actor_id: int
    other_id: int
    metric: str
    value: float


@dataclass(frozen=True)
class PairCriticality:
    """The ego and one other over a run.

    Attributes:
        actor_id: the other.
        role: the other's.
        figures: `least_ttc_s`, `least_distance_m`, `greatest_drac_mps2` and so on, with `pet_s`, `encroachment_s` (how
            long the other is on the ego's ground), `tet_s` and `tit_s2`; only those that are finite, nor any
            deceleration or duration of 0.
        at_us: recorded time of each least and greatest figure.
    """

    actor_id: int
    role: str
    figures: Mapping[str, float]
    at_us: Mapping[str, int]

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {**vars(self), "figures": dict(self.figures), "at_us": dict(self.at_us)}


@dataclass(frozen=True)
class Criticality:
    """What was measured of a run: every frame's values, and one entry for each pair, by actor id."""

    measurements: tuple[Measurement, ...]
    pairs: tuple[PairCriticality, ...]


def measure(states: Sequence[WorldState], ego_id: int, named: Collection[str]) -> Criticality:
    """Measure the ego against everybody whom the scenario names, and who moves within `RANGE_M`.

    Where one of `METRICS` has no finite value at a frame, or no deceleration is needed, there is none.

    Args:
        states: recorded frames in order, evenly spaced; the ego is in all.
        ego_id: the ego's.
        named: roles that count wherever they are, and if they stand still throughout.
    """
    ego = _track(states, ego_id)
    measurements: list[Measurement] = []
    pairs = []
    for actor_id, role, frames in _others(states, ego_id, named):
        mine, track = ego[frames], _track([states[k] for k in frames], actor_id)
        between_m = np.linalg.norm(track.centre_m - mine.centre_m, axis=-1)
        corners_m = sum(float(np.linalg.norm(one.half_m, axis=-1).max()) for one in (track, mine))
        if role not in named and between_m.min() > RANGE_M + corners_m:
            continue  # most of the town's traffic, at little cost
        values = _values(mine, track)
        near = (values["distance_m"] <= RANGE_M) | (role in named)
        if not near.any():
            continue
        times_us = [states[k].time_us for k in frames]
        values = {metric: np.where(near, found, math.nan) for metric, found in values.items()}
        for metric in METRICS:
            series = zip(times_us, values[metric].tolist(), strict=True)
            measurements += [Measurement(t, ego_id, actor_id, metric, value) for t, value in series if isfinite(value)]
        figures, at_us = _figures(values, times_us)
        met = encroachments(mine, track, np.array(times_us, dtype=np.float64) * 1e-6)
        durations = {"pet_s": met.post_s, "encroachment_s": met.b_s or math.inf}
        figures |= {name: value for name, value in durations.items() if isfinite(value)}
        pairs.append(PairCriticality(actor_id, role, figures, at_us))
    return Criticality(tuple(measurements), tuple(pairs))


def _others(states: Sequence[WorldState], ego_id: int, named: Collection[str]) -> Iterator[tuple[int, str, list[int]]]:
    """Actors that count, with the indices of the frames that they are in."""
    infos = {actor_id: info for state in states for actor_id, info in state.infos.items() if actor_id != ego_id}
    for actor_id in sorted(infos):
        frames = [k for k, state in enumerate(states) if actor_id in state.actors]
        role = infos[actor_id].role
        moves = (abs(states[k].actors[actor_id].velocity_mps).max() > STANDING_MPS for k in frames)
        if role in named or any(moves):
            yield actor_id, role, frames


def _track(states: Sequence[WorldState], actor_id: int) -> Footprints:
    """The footprint of an actor at each frame, as `director.footprints` has it."""
    info = states[0].infos[actor_id]
    poses = np.array([state.actors[actor_id].world_from_actor for state in states])
    velocities = np.array([state.actors[actor_id].velocity_mps for state in states])
    centres = poses[:, :2, 3] + poses[:, :2, :3] @ np.asarray(info.box_centre_m, dtype=np.float64)
    half = np.tile(np.asarray(info.size_lwh_m, dtype=np.float64)[:2] / 2.0, (len(states), 1))
    for k in np.flatnonzero(poses[:, 2, 2] <= UPRIGHT):
        half[k] = footprint(states[k], actor_id).half_m
    yaws = np.arctan2(poses[:, 1, 0], poses[:, 0, 0])
    return Footprints(centres, yaws, half, velocities[:, :2])


def _values(ego: Footprints, other: Footprints) -> dict[str, Array]:
    found = {
        "ttc_s": times_to_collision_s(ego, other),
        "distance_m": distances_m(ego, other),
        "drac_mps2": decelerations_to_avoid_crash_mps2(ego, other),
        "required_deceleration_mps2": required_decelerations_mps2(ego, other),
        "headway_s": headways_s(ego, other),
    }
    for metric in _WORST_IS_GREATEST:
        found[metric] = np.where(found[metric] > 0.0, found[metric], math.nan)
    return found


def _figures(values: Mapping[str, Array], times_us: Sequence[int]) -> tuple[dict[str, float], dict[str, int]]:
    """Least and greatest values and when, and for how long and how far TTC was under its threshold."""
    figures, at_us = {}, {}
    for metric in METRICS:
        series = np.where(np.isfinite(values[metric]), values[metric], math.nan)
        if np.isnan(series).all():
            continue
        greatest = metric in _WORST_IS_GREATEST
        name = f"{'greatest' if greatest else 'least'}_{metric}"
        worst = int(np.nanargmax(series) if greatest else np.nanargmin(series))
        figures[name], at_us[name] = float(series[worst]), times_us[worst]
    ttc = np.where(np.isnan(values["ttc_s"]), math.inf, values["ttc_s"])
    step_s = (times_us[1] - times_us[0]) * 1e-6 if len(times_us) > 1 else 0.0
    exposed = {
        "tet_s": time_exposed_s(ttc, step_s, EXPOSED_TTC_S),
        "tit_s2": time_integrated_s2(ttc, step_s, EXPOSED_TTC_S),
    }
    return figures | {name: value for name, value in exposed.items() if value > 0.0}, at_us
