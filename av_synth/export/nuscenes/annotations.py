"""What the actors of one run are, as rows: instances, annotations chained through time, instance masks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from av_synth.errors import DataError
from av_synth.export.nuscenes.names import RunNames, attribute, category
from av_synth.export.nuscenes.sample_data import Blob, SensorRows
from av_synth.export.nuscenes.values import Offset, rotation_of, translation_of
from av_synth.export.rows import Record, Row
from av_synth.log.taxonomy import ATTRIBUTE_NAMES, CATEGORY_NAMES, attribute_family
from av_synth.store import Run

_MET = ("lidar_own_inside", "lidar_ground_inside", "lidar_foreign_inside")


@dataclass(frozen=True)
class Annotations:
    """Rows of one scene.

    Attributes:
        boxes: of the run's table `boxes` the rows that `annotations` were made of, in the same order.
        visibility_methods: how visibility was got, every way that occurs, sorted.
    """

    boxes: tuple[Record, ...]
    instances: tuple[Row, ...]
    annotations: tuple[Row, ...]
    instance_masks: tuple[Row, ...]
    mask_files: tuple[Blob, ...]
    visibility_methods: tuple[str, ...]


def fold_annotations(run: Run, names: RunNames, sensor_rows: SensorRows, offset_m: Offset) -> Annotations:
    """Turn a run's boxes and masks into rows; an actor is one instance, its boxes a chain in time order.

    Args:
        run: the run.
        names: its tokens.
        sensor_rows: its sensor rows.
        offset_m: what is added to world coordinates.

    Raises:
        DataError: on a box off the keyframes, an unknown category, attribute or visibility, an attribute of another
            family than its category's, an actor of two categories, or a mask that is listed but not there.
    """
    found = run.table("boxes").to_pylist()  # sorted by frame, then actor
    for box in found:
        _check_box(run.run_id, box, sensor_rows.keyframes)
    boxes = annotated(run, found)
    tracks: dict[int, list[Record]] = {}
    for box in boxes:
        tracks.setdefault(box["actor_id"], []).append(box)

    chains: dict[tuple[int, int], tuple[str, str]] = {}
    instances: list[Row] = []
    for actor_id, track in sorted(tracks.items()):
        tokens = ["", *(names.annotation(box["frame"], actor_id) for box in track), ""]
        for index, box in enumerate(track):
            chains[box["frame"], actor_id] = (tokens[index], tokens[index + 2])
        instances.append(_instance(run.run_id, names, track, tokens[1], tokens[-2]))

    annotations = [_annotation(run.run_id, names, box, chains, offset_m) for box in boxes]
    mask_rows, mask_files = _instance_masks(run, names, sensor_rows, set(tracks))
    methods = sorted({box["visibility_method"] for box in boxes if box["visibility"]})
    return Annotations(tuple(boxes), tuple(instances), tuple(annotations), mask_rows, mask_files, tuple(methods))


def annotated(run: Run, boxes: Iterable[Record]) -> list[Record]:
    """Those of a run's boxes that are annotated, in their order.

    nuScenes annotates what at least one lidar or radar point is on (Caesar et al., CVPR 2020, section 3); a lidar that
    fails takes nobody's label away.

    Args:
        run: the run.
        boxes: rows of its table `boxes`, with frame, actor_id, num_lidar_pts and num_radar_pts at least.
    """
    met = _met(run)
    return [
        box for box in boxes if box["num_lidar_pts"] + box["num_radar_pts"] or (box["frame"], box["actor_id"]) in met
    ]


def _met(run: Run) -> set[tuple[int, int]]:
    """(frame, actor) of the boxes in which the lidar met something, whatever fault the points that it gave have."""
    if not any("fault" in json.loads(text) for text in run.table("events")["detail"].to_pylist()):
        return set()
    columns = ["frame", "actor_id", *_MET]
    rows = run.table("quality", columns).to_pylist()
    return {(row["frame"], row["actor_id"]) for row in rows if any(row[name] for name in _MET)}


def _check_box(run_id: str, box: Record, keyframes: Mapping[int, int]) -> None:
    where = f"run {run_id}: box of actor {box['actor_id']} at frame {box['frame']}"
    if keyframes.get(box["frame"]) != box["time_us"]:
        raise DataError(
            f"{where}: {box['time_us']} us is not the time of that keyframe ({keyframes.get(box['frame'])})"
        )
    if box["category"] not in CATEGORY_NAMES:
        raise DataError(f"{where}: category '{box['category']}' is not one of nuScenes' 32")
    family, name = attribute_family(box["category"]), box["attribute"]
    if name and (name not in ATTRIBUTE_NAMES or not family or not name.startswith(family)):
        wanted = f"'{family}...'" if family else "none"
        raise DataError(f"{where}: attribute '{name}' does not fit category '{box['category']}'; want {wanted}")
    if not 0 <= box["visibility"] <= 4:
        raise DataError(f"{where}: visibility {box['visibility']}; want 1 to 4, or 0 for in no camera")
    if min(box["length_m"], box["width_m"], box["height_m"]) <= 0:
        raise DataError(f"{where}: a side is not longer than 0 m")


def _instance(run_id: str, names: RunNames, track: list[Record], first: str, last: str) -> Row:
    kinds = sorted({box["category"] for box in track})
    if len(kinds) > 1:
        raise DataError(f"run {run_id}: actor {track[0]['actor_id']} is {' and '.join(kinds)}; want one category")
    return {
        "token": names.instance(track[0]["actor_id"]),
        "category_token": category(kinds[0]),
        "nbr_annotations": len(track),
        "first_annotation_token": first,
        "last_annotation_token": last,
    }


def _annotation(
    run_id: str, names: RunNames, box: Record, chains: Mapping[tuple[int, int], tuple[str, str]], offset_m: Offset
) -> Row:
    frame, actor_id = box["frame"], box["actor_id"]
    before, after = chains[frame, actor_id]
    return {
        "token": names.annotation(frame, actor_id),
        "sample_token": names.sample(frame),
        "instance_token": names.instance(actor_id),
        "visibility_token": str(max(box["visibility"], 1)),  # what is in no camera is seen to 0 %
        "attribute_tokens": [attribute(box["attribute"])] if box["attribute"] else [],
        "translation": translation_of(box, offset_m),
        "size": [box["width_m"], box["length_m"], box["height_m"]],
        "rotation": rotation_of(box, f"run {run_id}: box of actor {actor_id} at frame {frame}"),
        "prev": before,
        "next": after,
        "num_lidar_pts": box["num_lidar_pts"],
        "num_radar_pts": box["num_radar_pts"],
    }


def _instance_masks(
    run: Run, names: RunNames, sensor_rows: SensorRows, annotated: set[int]
) -> tuple[tuple[Row, ...], tuple[Blob, ...]]:
    """One row per camera keyframe that has a mask; pixel values that evidence does not tie to one actor stay untied."""
    by_image: dict[tuple[str, int], list[Record]] = {}
    for row in run.table("masks").to_pylist():
        by_image.setdefault((row["channel"], row["frame"]), []).append(row)
    rows: list[Row] = []
    files: list[Blob] = []
    for (channel, frame), image in sensor_rows.keyframe_files.items():
        source = f"masks/{channel}/{frame:06d}.png"
        values = by_image.pop((channel, frame), [])
        if source not in run.files and not values:
            continue
        for row in values:
            if row["path"] != source:
                raise DataError(f"run {run.run_id}: mask '{row['path']}' of {channel}, frame {frame}; want '{source}'")
        target = f"instance_masks/{channel}/{PurePosixPath(image).stem}.png"
        files.append(Blob(source, target))
        rows.append(
            {
                "token": names.sample_data(channel, frame),
                "sample_data_token": names.sample_data(channel, frame),
                "filename": target,
                "instances": dict(_tied(names, values, annotated)),
            }
        )
    if by_image:
        raise DataError(f"run {run.run_id}: table masks has (channel, frame) {sorted(by_image)[0]}, no camera keyframe")
    return tuple(rows), tuple(files)


def _tied(names: RunNames, values: list[Record], annotated: set[int]) -> Iterator[tuple[str, str]]:
    for row in values:
        if row["actor_id"] in annotated and not row["ambiguous"]:
            yield str(row["value"]), names.instance(row["actor_id"])
