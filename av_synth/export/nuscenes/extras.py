"""Tables beyond nuScenes, which its readers ignore: label images, 2D boxes, and what was true in the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from av_synth.errors import DataError
from av_synth.export.nuscenes.annotations import Annotations
from av_synth.export.nuscenes.fold import Fold
from av_synth.export.nuscenes.lidar_devices import add_lidar_devices
from av_synth.export.nuscenes.measured import fold_motion_sensors
from av_synth.export.nuscenes.names import RunNames, category, token
from av_synth.export.nuscenes.quality import fold_quality
from av_synth.export.nuscenes.radar_truth import add_radar_truth
from av_synth.export.nuscenes.reprojection import fold_image_annotations
from av_synth.export.nuscenes.sample_data import Blob, SensorRows
from av_synth.export.nuscenes.sample_truth import fold_sample_truth
from av_synth.export.nuscenes.segmentation import fold_segmentation
from av_synth.export.nuscenes.sensor_truth import fold_calibration_truth, fold_clock_truth
from av_synth.export.nuscenes.values import Offset
from av_synth.export.rows import Row, lenses_of, sides_px
from av_synth.log.semantics import SURFACES
from av_synth.store import Run

NOT_EMPTY = (
    *("camera_lens", "camera_shutter", "lidar_device", "lidar_time", "radar_truth", "motion_sensor"),
    *("calibration_truth", "clock_truth"),
)
"""Tables that are there only if they have rows."""
TABLES = (
    *("lidarseg", "panoptic", "image_annotations"),  # nuScenes' own
    *("lidar_instance", "label_image", "semantic_class", "box_2d", "instance_actor"),
    *("annotation_truth", "sample_truth", "label_quality", "counterfactuals"),
    *NOT_EMPTY,
)


def fold_extras(
    run: Run, names: RunNames, sensor_rows: SensorRows, annotations: Annotations, version: str, offset_m: Offset
) -> Fold:
    """Rows and files of every table in `TABLES` for one scene, except semantic_class and counterfactuals.

    Args:
        run: the run.
        names: its tokens.
        sensor_rows: its sensor rows.
        annotations: its annotations: only what they name is in the tables here.
        version: the folder of tables.
        offset_m: what is added to world coordinates.

    Raises:
        DataError: if the run lacks something that it must have for what is annotated.
    """
    fold = fold_segmentation(run, names, sensor_rows, version)
    _add_label_images(run, names, sensor_rows, fold)
    annotated = {(box["frame"], box["actor_id"]) for box in annotations.boxes}
    fold.extend("box_2d", _boxes_2d(run, names, annotated))
    fold.extend("instance_actor", _actors(run, names, {actor_id for _, actor_id in annotated}))
    fold.extend("annotation_truth", _annotation_truth(run, names, annotations))
    fold.extend("sample_truth", fold_sample_truth(run, names, sensor_rows, annotated, offset_m))
    fold.extend("camera_lens", _lenses(run, names))
    fold.extend("camera_shutter", _shutters(run, names))
    add_lidar_devices(run, names, fold)
    add_radar_truth(run, names, sensor_rows, fold)
    fold.extend("motion_sensor", fold_motion_sensors(run, names))
    fold.extend("calibration_truth", fold_calibration_truth(run, names))
    fold.extend("clock_truth", fold_clock_truth(run, names, offset_m))
    fold.extend("label_quality", fold_quality(run, names, annotations))
    fold.extend("image_annotations", fold_image_annotations(run, names, sensor_rows, annotations))
    return fold


def semantic_classes() -> Iterator[Row]:
    """One row for each value that a semantic image may have."""
    for index, (name, nuscenes) in SURFACES.items():
        yield {
            "token": token("semantic_class", index),
            "index": index,
            "name": name,
            "category_token": category(nuscenes) if nuscenes else "",
        }


def _add_label_images(run: Run, names: RunNames, sensor_rows: SensorRows, fold: Fold) -> None:
    cameras = [channel for channel, modality in sensor_rows.channels.items() if modality == "camera"]
    for frame, time_us in sensor_rows.keyframes.items():
        for channel in cameras:
            own = names.sample_data(channel, frame)
            row: Row = {"token": own, "sample_data_token": own}
            for kind in ("semantic", "depth", "flow"):
                source = f"{kind}/{channel}/{frame:06d}.png"
                row[kind] = names.filename(kind, channel, time_us, ".png") if source in run.files else ""
                if row[kind]:
                    fold.files.append(Blob(source, str(row[kind])))
            if row["semantic"]:  # a simulator without label cameras gives none of the three
                fold.add("label_image", row)


def _boxes_2d(run: Run, names: RunNames, annotated: set[tuple[int, int]]) -> Iterator[Row]:
    for box in run.table("boxes_2d").to_pylist():
        channel, frame, actor_id = box["channel"], box["frame"], box["actor_id"]
        if (frame, actor_id) in annotated:
            yield {
                "token": token("box_2d", run.run_id, channel, frame, actor_id),
                "sample_data_token": names.sample_data(channel, frame),
                "sample_annotation_token": names.annotation(frame, actor_id),
                "visible_box": sides_px(box) if box["visible_px"] else [],
                "visible_pixels": box["visible_px"],
                "amodal_box": sides_px(box, "amodal_"),
                "amodal_pixels": box["amodal_px"],
                "method": box["method"],
            }


def _actors(run: Run, names: RunNames, annotated: set[int]) -> Iterator[Row]:
    for actor in run.table("actors").to_pylist():
        if actor["actor_id"] in annotated:
            own = names.instance(actor["actor_id"])
            kept = {key: actor[key] for key in ("actor_id", "role", "type_id", "parked")}
            yield {"token": own, "instance_token": own, **kept}


def _lenses(run: Run, names: RunNames) -> Iterator[Row]:
    for channel, lens in sorted(lenses_of(run).items()):
        own = names.calibrated_sensor(channel)
        coefficients = list(lens.coefficients)
        yield {"token": own, "calibrated_sensor_token": own, "model": lens.model, "coefficients": coefficients}


def _shutters(run: Run, names: RunNames) -> Iterator[Row]:
    for row in run.table("shutters").to_pylist():
        own = names.calibrated_sensor(row["channel"])
        times = {"exposure_us": row["exposure_us"], "read_out_us": row["read_out_us"]}
        yield {"token": own, "calibrated_sensor_token": own, **times}


def _annotation_truth(run: Run, names: RunNames, annotations: Annotations) -> Iterator[Row]:
    accelerations = _accelerations(run, sorted({box["frame"] for box in annotations.boxes}))
    for box in annotations.boxes:
        own = names.annotation(box["frame"], box["actor_id"])
        if (box["frame"], box["actor_id"]) not in accelerations:
            raise DataError(
                f"run {run.run_id}: table states has no row of actor {box['actor_id']} at frame {box['frame']}"
            )
        yield {
            "token": own,
            "sample_annotation_token": own,
            "velocity": [box[f"v{axis}_mps"] for axis in "xyz"],
            "acceleration": accelerations[box["frame"], box["actor_id"]],
        }


def _accelerations(run: Run, frames: list[int]) -> Mapping[tuple[int, int], list[float]]:
    columns = ["frame", "actor_id", "ax_mps2", "ay_mps2", "az_mps2"]
    states = run.table("states", columns).select(columns)
    states = states.filter(pa.array(np.isin(states["frame"].to_numpy(), frames)))
    frame, actor_id, *axes = (column.to_pylist() for column in states.columns)
    return {(f, a): list(vector) for f, a, *vector in zip(frame, actor_id, *axes, strict=True)}
