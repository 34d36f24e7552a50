"""Which vehicles, at which samples, a prediction of the next six seconds can be asked for and scored."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from av_synth.export.nuscenes.names import RunNames, category
from av_synth.export.rows import Row
from av_synth.log.taxonomy import CATEGORY_NAMES

FILE = "maps/prediction/prediction_scenes.json"

_FUTURE = 12  # samples, 6 s at 2 Hz: what the challenge's metrics compare
_PAST = 2  # what velocity and acceleration take
_SLACK_US = 150_000  # the devkit's PredictHelper allows as much
_PERIOD_US = 500_000
_WAY_M = 1.0

_VEHICLES = frozenset(category(name) for name in CATEGORY_NAMES if name.startswith("vehicle."))


def prediction_tokens(
    names: RunNames, keyframes: Mapping[int, int], instances: Iterable[Row], annotations: Iterable[Row]
) -> list[str]:
    """'<instance>_<sample>' of one scene, in time order.

    Listed are vehicles that are annotated at this sample, at the two before it and at the twelve after it without a
    gap, at 2 Hz, and that travel a metre or more in the six seconds to come: neither parked nor waiting all along.

    Args:
        names: the run's tokens.
        keyframes: microseconds since the first recorded frame, by keyframe, in time order.
        instances: rows of `instance` of this scene.
        annotations: rows of `sample_annotation` of this scene.
    """
    times = list(keyframes.values())
    if len(times) <= _PAST + _FUTURE:
        return []
    samples = [names.sample(frame) for frame in keyframes]
    vehicles = {str(row["token"]) for row in instances if row["category_token"] in _VEHICLES}
    index = {sample: number for number, sample in enumerate(samples)}
    places: dict[str, dict[int, Any]] = {}
    for row in annotations:
        instance = str(row["instance_token"])
        if instance in vehicles:
            places.setdefault(instance, {})[index[str(row["sample_token"])]] = row["translation"]
    found = []
    for now in range(_PAST, len(times) - _FUTURE):
        window = range(now - _PAST, now + _FUTURE + 1)
        if any(abs(times[other] - times[now] - (other - now) * _PERIOD_US) >= _SLACK_US for other in window):
            continue
        for instance, track in sorted(places.items()):
            if all(other in track for other in window) and _way_m(track, now) >= _WAY_M:
                found.append(f"{instance}_{samples[now]}")
    return found


def _way_m(track: Mapping[int, Any], now: int) -> float:
    steps = ((track[other][:2], track[other + 1][:2]) for other in range(now, now + _FUTURE))
    return sum(math.dist(here, there) for here, there in steps)
