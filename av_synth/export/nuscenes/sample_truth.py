"""sample_truth: for each sample how critical it is, what has happened, the weather, and the ego as a box."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pyarrow as pa

from av_synth.errors import DataError
from av_synth.export.nuscenes.ego import ego_of
from av_synth.export.nuscenes.faults import fold_faults
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.sample_data import SensorRows
from av_synth.export.nuscenes.values import Offset, rotation_of, translation_of
from av_synth.export.rows import Record, Row
from av_synth.geometry.transforms import matrix_from_quaternion
from av_synth.store import Run

_NO_PHASE = frozenset({"not_placed", "placed_in_another", "not_done"})  # of the placing, or what did not happen


def fold_sample_truth(
    run: Run, names: RunNames, sensor_rows: SensorRows, annotated: Collection[tuple[int, int]], offset_m: Offset
) -> Iterator[Row]:
    """One row for each sample.

    Args:
        run: the run.
        names: its tokens.
        sensor_rows: its sensor rows.
        annotated: (frame, actor) of each annotation.
        offset_m: what is added to world coordinates.

    Raises:
        DataError: if the run has not one ego, or no weather or state of the ego at a keyframe.
    """
    actors: dict[int, Record] = {actor["actor_id"]: actor for actor in run.table("actors").to_pylist()}
    frames = list(sensor_rows.keyframes)
    criticality = _criticality(run, names, frames, {actor_id for _, actor_id in annotated}, actors)
    began = [(row["frame"], _phase(row, actors)) for row in run.table("events").to_pylist()]
    began += _opened(run, actors)
    faults = fold_faults(run, names, sensor_rows)
    weather = run.table("weather").to_pylist()
    changes = [row["frame"] for row in weather]
    egos = _ego_boxes(run, frames, offset_m)
    for frame in frames:
        since = bisect_right(changes, frame) - 1
        if since < 0:
            raise DataError(f"run {run.run_id}: table weather has no row at frame {frame} or before")
        if frame not in egos:
            raise DataError(f"run {run.run_id}: table states has no row of the ego at frame {frame}")
        yield {
            "token": names.sample(frame),
            "sample_token": names.sample(frame),
            "criticality": criticality[frame],
            "phase": list(dict.fromkeys(name for at, name in began if name and at <= frame)),
            "faults": faults.get(names.sample(frame), []),
            "weather": {name: value for name, value in weather[since].items() if name != "frame"},
            "ego": egos[frame],
        }


def _opened(run: Run, actors: Mapping[int, Record]) -> Iterator[tuple[int, str]]:
    """Whose doors are open, from which frame on; a part of a run may begin after the event that had them opened."""
    for row in run.table("doors").to_pylist():
        if row["open"] and row["actor_id"] in actors:
            yield row["frame"], f"{actors[row['actor_id']]['role']}.open_door"


def _criticality(
    run: Run, names: RunNames, frames: list[int], annotated: Collection[int], actors: Mapping[int, Record]
) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {frame: [] for frame in frames}
    rows = run.table("metrics")
    for row in rows.filter(pa.array(np.isin(rows["frame"].to_numpy(), frames))).to_pylist():
        pair = [row["actor_id"], row["other_id"]]
        tokens = [names.instance(actor_id) if actor_id in annotated else "" for actor_id in pair]
        roles = [str(actors[actor_id]["role"]) if actor_id in actors else "" for actor_id in pair]
        found[row["frame"]].append(
            {
                "metric": row["metric"],
                "value": row["value"],
                "instance_token": tokens[0],
                "other_instance_token": tokens[1],
                "role": roles[0],
                "other_role": roles[1],
            }
        )
    return found


def _ego_boxes(run: Run, frames: list[int], offset_m: Offset) -> dict[int, Row]:
    """The ego as nuScenes would annotate it, and its true velocity, by frame."""
    states, ego = run.table("states"), ego_of(run)
    wanted = np.isin(states["frame"].to_numpy(), frames) & (states["actor_id"].to_numpy() == ego["actor_id"])
    boxes: dict[int, Row] = {}
    for state in states.filter(pa.array(wanted)).to_pylist():
        rotation = rotation_of(state, f"run {run.run_id}: the ego at frame {state['frame']}")
        map_from_actor = matrix_from_quaternion(rotation, translation_of(state, offset_m))
        centre = map_from_actor @ [*(ego[f"box_{axis}_m"] for axis in "xyz"), 1.0]
        boxes[state["frame"]] = {
            "translation": centre[:3].tolist(),
            "size": [ego["width_m"], ego["length_m"], ego["height_m"]],
            "rotation": rotation,
            "velocity": [state[f"v{axis}_mps"] for axis in "xyz"],
        }
    return boxes


def _phase(event: Record, actors: Mapping[int, Record]) -> str:
    """Who and what: 'pedestrian.cross' for an event of the scenario, 'ego.brake' for what came of it; or 'weather'.

    Of a sensor that fails it is, as in 'CAM_FRONT.blackout', which and how.
    """
    if event["kind"] in _NO_PHASE:
        return ""
    if event["kind"] == "trigger":
        detail = json.loads(event["detail"])
        if "fault" in detail:
            return f"{detail['fault']['sensor']}.{detail['fault']['kind']}"
        return f"{detail['role']}.{detail['do']}" if "do" in detail else next(iter(detail))
    role = actors[event["actor_id"]]["role"] if event["actor_id"] in actors else ""
    return f"{role or event['actor_id']}.{event['kind']}"
