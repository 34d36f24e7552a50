"""The sensor faults of a run, sample by sample."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.sample_data import SensorRows
from av_synth.export.rows import Record, Row
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
        the scenario says of it, and `since` and `until`: data have it whose timestamp is at `since` or later, and
        before `until`, which is None for a fault that lasts. Samples without faults are left out.
    """
    channels = {names.calibrated_sensor(channel): channel for channel in sensor_rows.channels}
    times: dict[tuple[str, str], list[int]] = defaultdict(list)  # by channel and sample
    data: Sequence[Record] = sensor_rows.sample_data
    for row in data:
        times[channels[row["calibrated_sensor_token"]], row["sample_token"]].append(row["timestamp"])
    found: dict[str, list[Row]] = defaultdict(list)
    for event in run.table("events").to_pylist():
        detail = json.loads(event["detail"])
        if "fault" not in detail:
            continue
        fault = Fault.model_validate(detail["fault"])
        told = {key: value for key, value in detail["fault"].items() if key != "sensor"}
        since = names.timestamp(event["time_us"])
        until = None if detail["over_us"] is None else names.timestamp(detail["over_us"])
        for (channel, sample), taken in times.items():
            if not fault.concerns(channel, sensor_rows.channels[channel]):
                continue
            if any(since <= at < (math.inf if until is None else until) for at in taken):
                found[sample].append({"channel": channel, **told, "since": since, "until": until})
    return found
