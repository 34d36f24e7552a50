"""The sensor faults of a run, sample by sample."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping

from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.sample_data import SensorRows
from av_synth.export.rows import Row
from av_synth.scenario.faults import Fault
from av_synth.store import Run


def fold_faults(run: Run, names: RunNames, sensor_rows: SensorRows) -> Mapping[str, list[Row]]:
    """By the token of a sample, the faults that any of its data have: its keyframes, and the sweeps that belong to it.

    Args:
        run: the run.
        names: its tokens.
        sensor_rows: its sensor rows.

    Returns:
        One entry for each fault and channel, in order of begin and then of channels: `channel`, `kind`, whatever else
        the scenario says of it, and `since` and `until`: data have it that were taken at `since` or later, and before
        `until`, which is None for a fault that lasts; with `lost` also `lost`, when those of the sample's frames were
        taken that were. Samples without faults are left out.
    """
    times: dict[tuple[str, str], list[int]] = defaultdict(list)  # by channel and sample
    lost: dict[tuple[str, str], list[int]] = defaultdict(list)
    frames = list(sensor_rows.keyframes)
    for table, taken_by in (("sensor_frames", (times,)), ("lost_frames", (times, lost))):
        for row in run.table(table).to_pylist():
            sample = names.sample(frames[min(bisect_left(frames, row["frame"]), len(frames) - 1)])
            for found_by in taken_by:
                found_by[row["channel"], sample].append(names.timestamp(row["time_us"]))
    order = list(sensor_rows.channels)
    there = sorted(times, key=lambda key: order.index(key[0]))
    found: dict[str, list[Row]] = defaultdict(list)
    for event in run.table("events").to_pylist():
        detail = json.loads(event["detail"])
        if "fault" not in detail:
            continue
        fault = Fault.model_validate(detail["fault"], strict=False)  # JSON has lists for tuples
        told = {key: value for key, value in detail["fault"].items() if key != "sensor"}
        since = names.timestamp(event["time_us"])
        until = None if detail["over_us"] is None else names.timestamp(detail["over_us"])
        for channel, sample in there:
            if not fault.concerns(channel, sensor_rows.channels[channel]):
                continue
            over = math.inf if until is None else until
            if any(since <= at < over for at in times[channel, sample]):
                entry = {"channel": channel, **told, "since": since, "until": until}
                if fault.kind == "lost":
                    entry["lost"] = [at for at in lost[channel, sample] if since <= at < over]
                found[sample].append(entry)
    return found
