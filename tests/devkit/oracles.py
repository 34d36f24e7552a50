"""Questions to a finished dataset that the official nuscenes-devkit answers; usable on any dataset of ours.

    nusc = load(dataset)
    assert detection(nusc, tmp_path).ap == dict.fromkeys(..., 1.0)
    assert recount_points(nusc) == []
    assert max(velocity_errors(nusc, run_dirs).values()) < 0.1

Scoring perfect predictions proves the links between tables, not that labels are true; recounting, velocities and
`mask_leaks` compare one sensor, or the simulator's own states, with another.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
from pyquaternion import Quaternion

from av_synth import store
from av_synth.export.nuscenes import RunNames

matplotlib.use("Agg")  # the devkit's evaluation imports pyplot

from nuscenes import NuScenes
from nuscenes.eval.common.config import config_factory
from nuscenes.eval.detection.evaluate import DetectionEval
from nuscenes.eval.detection.utils import category_to_detection_name
from nuscenes.eval.tracking.evaluate import TrackingEval
from nuscenes.eval.tracking.utils import category_to_tracking_name
from nuscenes.utils.data_classes import LidarPointCloud, RadarPointCloud
from nuscenes.utils.geometry_utils import points_in_box, view_points
from nuscenes.utils.splits import create_splits_scenes


@dataclass(frozen=True)
class DetectionReport:
    """What the official detection evaluation says, for each class that the ground truth has after its own filters.

    Attributes:
        ap: mean average precision over the four distances, by class.
        errors: by class, the true-positive errors trans_err (m), scale_err, orient_err (rad), vel_err (m/s), attr_err;
            those that the class does not have, or that have no true value, are left out.
        boxes: ground-truth boxes by class.
    """

    ap: Mapping[str, float]
    errors: Mapping[str, Mapping[str, float]]
    boxes: Mapping[str, int]


def load(dataset: Path, version: str = "v1.0-trainval") -> NuScenes:
    """The dataset, as the devkit sees it."""
    return NuScenes(version=version, dataroot=str(dataset), verbose=False)


def split_samples(nusc: NuScenes, split: str) -> list[Mapping[str, Any]]:
    """Samples of the scenes that splits.json or the devkit lists under a name."""
    splits = create_splits_scenes() | json.loads((Path(nusc.dataroot) / nusc.version / "splits.json").read_text())
    return [s for s in nusc.sample if nusc.get("scene", s["scene_token"])["name"] in splits[split]]


def perfect_predictions(nusc: NuScenes, split: str = "all") -> dict[str, object]:
    """A submission that says exactly what the annotations say; velocities as the devkit derives them."""
    results: dict[str, list[dict[str, object]]] = {}
    for sample in split_samples(nusc, split):
        boxes = results[sample["token"]] = []
        for annotation in (nusc.get("sample_annotation", token) for token in sample["anns"]):
            name = category_to_detection_name(annotation["category_name"])
            if name is None:
                continue
            attributes = [nusc.get("attribute", token)["name"] for token in annotation["attribute_tokens"]]
            boxes.append(
                {
                    "sample_token": sample["token"],
                    "translation": annotation["translation"],
                    "size": annotation["size"],
                    "rotation": annotation["rotation"],
                    "velocity": np.nan_to_num(nusc.box_velocity(annotation["token"])[:2]).tolist(),
                    "detection_name": name,
                    "detection_score": 1.0,
                    "attribute_name": attributes[0] if attributes else "",
                }
            )
    meta = {f"use_{source}": False for source in ("camera", "lidar", "radar", "map", "external")}
    return {"meta": meta, "results": results}


def detection(
    nusc: NuScenes, folder: Path, split: str = "all", predictions: Mapping[str, object] | None = None
) -> DetectionReport:
    """Run the official detection evaluation.

    Args:
        nusc: the dataset.
        folder: where the evaluation may write.
        split: a name in splits.json, or one of the devkit's own.
        predictions: a submission; perfect ones by default.
    """
    folder.mkdir(parents=True, exist_ok=True)
    submission = folder / "submission.json"
    submission.write_text(json.dumps(predictions or perfect_predictions(nusc, split)))
    config = config_factory("detection_cvpr_2019")
    evaluation = DetectionEval(nusc, config, str(submission), split, str(folder / "evaluation"), verbose=False)
    metrics, _ = evaluation.evaluate()
    counts = Counter(box.detection_name for box in evaluation.gt_boxes.all)
    ap = {name: float(np.mean([metrics.get_label_ap(name, d) for d in config.dist_ths])) for name in counts}
    errors = {
        name: {
            metric: float(metrics.get_label_tp(name, metric))
            for metric in ("trans_err", "scale_err", "orient_err", "vel_err", "attr_err")
            if not math.isnan(metrics.get_label_tp(name, metric))
        }
        for name in counts
    }
    return DetectionReport(ap, errors, dict(counts))


def perfect_tracks(nusc: NuScenes, split: str = "all") -> dict[str, Any]:
    """A tracking submission that says exactly what the annotations say."""
    results: dict[str, list[dict[str, object]]] = {}
    for sample in split_samples(nusc, split):
        boxes = results[sample["token"]] = []
        for annotation in (nusc.get("sample_annotation", token) for token in sample["anns"]):
            name = category_to_tracking_name(annotation["category_name"])
            if name is None:
                continue
            boxes.append(
                {
                    **{key: annotation[key] for key in ("sample_token", "translation", "size", "rotation")},
                    "velocity": np.nan_to_num(nusc.box_velocity(annotation["token"])[:2]).tolist(),
                    "tracking_id": annotation["instance_token"],
                    "tracking_name": name,
                    "tracking_score": 1.0,
                }
            )
    meta = {f"use_{source}": False for source in ("camera", "lidar", "radar", "map", "external")}
    return {"meta": meta, "results": results}


def tracking(
    nusc: NuScenes, folder: Path, split: str = "all", tracks: Mapping[str, object] | None = None
) -> Mapping[str, Mapping[str, float]]:
    """Run the official tracking evaluation.

    Args:
        nusc: the dataset.
        folder: where the evaluation may write.
        split: a name in splits.json, or one of the devkit's own.
        tracks: a submission; perfect tracks by default.

    Returns:
        By class that the ground truth has: amota, motar, recall (1 is perfect) and ids, identity switches.
    """
    folder.mkdir(parents=True, exist_ok=True)
    submission = folder / "tracks.json"
    submission.write_text(json.dumps(tracks or perfect_tracks(nusc, split)))
    config = config_factory("tracking_nips_2019")
    evaluation = TrackingEval(
        config, str(submission), split, str(folder / "tracking"), nusc.version, nusc.dataroot, verbose=False
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        metrics, _ = evaluation.evaluate()
    there = {box.tracking_name for scene in evaluation.tracks_gt.values() for boxes in scene.values() for box in boxes}
    wanted = ("amota", "motar", "recall", "ids")
    return {name: {metric: float(metrics.label_metrics[metric][name]) for metric in wanted} for name in there}


def recount_points(nusc: NuScenes, samples: Iterable[Mapping[str, Any]] | None = None) -> list[str]:
    """Count points in every box with the devkit, radars unfiltered; returns a sentence for each count that differs.

    Lidar points that lidarseg calls noise, of rain or fog, count for no box.
    """
    wrong = []
    for sample in nusc.sample if samples is None else samples:
        counted: Counter[tuple[str, str]] = Counter()
        for token in sample["data"].values():
            modality = nusc.get("sample_data", token)["sensor_modality"]
            if modality == "camera":
                continue
            path, boxes, _ = nusc.get_sample_data(token)
            points = _cloud(path, modality)[:3]
            if token == sample["data"]["LIDAR_TOP"] and "lidarseg" in nusc.table_names:
                labels = Path(nusc.dataroot) / nusc.get("lidarseg", token)["filename"]
                points = points[:, np.fromfile(labels, dtype=np.uint8) != 0]
            for box in boxes:
                counted[box.token, modality] += int(points_in_box(box, points).sum())
        for annotation in (nusc.get("sample_annotation", token) for token in sample["anns"]):
            for modality in ("lidar", "radar"):
                said, found = annotation[f"num_{modality}_pts"], counted[annotation["token"], modality]
                if said != found:
                    what = f"{annotation['category_name']} {annotation['token']}"
                    wrong.append(f"{what}: num_{modality}_pts {said}, the devkit counts {found}")
    return wrong


def velocity_errors(nusc: NuScenes, run_dirs: Sequence[Path]) -> dict[str, float]:
    """Distance in m/s between the devkit's `box_velocity` and the simulator's velocity, by annotation token.

    The devkit divides the way between two annotations by the time between them, so it is compared with the mean, over
    that time, of the velocities in the runs' states.
    """
    errors = {}
    for run in map(store.open_run, run_dirs):
        names = RunNames(run.run_id)
        states = run.table("states")
        actor, time_s = states["actor_id"].to_numpy(), states["time_us"].to_numpy() * 1e-6
        velocity = np.stack([states[name].to_numpy() for name in ("vx_mps", "vy_mps", "vz_mps")], axis=1)
        boxes = [box for box in run.table("boxes").to_pylist() if box["num_lidar_pts"] + box["num_radar_pts"]]
        when = {names.annotation(box["frame"], box["actor_id"]): box["time_us"] * 1e-6 for box in boxes}
        for box in boxes:
            token = names.annotation(box["frame"], box["actor_id"])
            derived = nusc.box_velocity(token)
            if np.isnan(derived).any():
                continue
            annotation = nusc.get("sample_annotation", token)
            first, last = when[annotation["prev"] or token], when[annotation["next"] or token]
            rows = (actor == box["actor_id"]) & (time_s >= first - 1e-9) & (time_s <= last + 1e-9)
            steps = np.diff(time_s[rows])[:, None]
            way = ((velocity[rows][1:] + velocity[rows][:-1]) / 2 * steps).sum(axis=0)
            mean = way / (last - first)
            errors[token] = float(np.linalg.norm(derived - mean))
    return errors


def load_blobs(nusc: NuScenes) -> Counter[str]:
    """Load every file with the devkit's own readers; returns how many of each channel, sweeps included."""
    loaded: Counter[str] = Counter()
    for record in nusc.sample_data:
        path = nusc.get_sample_data_path(record["token"])
        if record["sensor_modality"] == "camera":
            image = cv2.imread(path)
            if image is None or image.shape[:2] != (record["height"], record["width"]):
                raise ValueError(f"{path}: not an image of {record['width']} x {record['height']}")
        else:
            _cloud(path, record["sensor_modality"])
        loaded[record["channel"]] += 1
    return loaded


def ego_on_map(nusc: NuScenes) -> dict[str, float]:
    """Share of the lidar's ego poses that stand on the map mask, by scene name."""
    shares = {}
    for scene in nusc.scene:
        mask = nusc.get("map", nusc.get("log", scene["log_token"])["map_token"])["mask"]
        poses = []
        token = nusc.get("sample", scene["first_sample_token"])["data"]["LIDAR_TOP"]
        while token:
            record = nusc.get("sample_data", token)
            poses.append(nusc.get("ego_pose", record["ego_pose_token"])["translation"][:2])
            token = record["next"]
        places = np.array(poses)
        shares[scene["name"]] = float(mask.is_on_mask(places[:, 0], places[:, 1]).mean())
    return shares


def mask_leaks(nusc: NuScenes, margin_px: int = 2) -> dict[tuple[str, str], float]:
    """Share of an instance's mask pixels outside its box as the devkit projects it, by (sample_data, instance) token.

    Boxes that reach behind the camera are left out: their projection is no hull.

    Args:
        nusc: the dataset.
        margin_px: how far outside the hull a pixel may lie and still count as inside.
    """
    leaks = {}
    table = json.loads((Path(nusc.dataroot) / nusc.version / "instance_mask.json").read_text())
    for row in table:
        mask = cv2.imread(str(Path(nusc.dataroot) / row["filename"]), cv2.IMREAD_UNCHANGED)
        boxes = {nusc.get("sample_annotation", b.token)["instance_token"]: b for b in _boxes(nusc, row)}
        for value, instance in row["instances"].items():
            corners = boxes[instance].corners() if instance in boxes else None
            if corners is None or corners[2].min() < 0.1:
                continue
            calibration = nusc.get("sample_data", row["sample_data_token"])["calibrated_sensor_token"]
            intrinsic = np.array(nusc.get("calibrated_sensor", calibration)["camera_intrinsic"])
            hull = cv2.convexHull(view_points(corners, intrinsic, normalize=True)[:2].T.astype(np.float32))
            inside = np.zeros(mask.shape, np.uint8)
            cv2.fillConvexPoly(inside, np.round(hull).astype(np.int32), 1)
            inside = cv2.dilate(inside, np.ones((2 * margin_px + 1,) * 2, np.uint8))
            pixels = mask == int(value)
            leaks[row["sample_data_token"], instance] = 1.0 - float(inside[pixels].mean())
    return leaks


def _boxes(nusc: NuScenes, row: Mapping[str, Any]) -> list[Any]:
    """Boxes of a keyframe image in the camera's frame, those outside the image included."""
    record = nusc.get("sample_data", row["sample_data_token"])
    calibration = nusc.get("calibrated_sensor", record["calibrated_sensor_token"])
    pose = nusc.get("ego_pose", record["ego_pose_token"])
    boxes = nusc.get_boxes(record["token"])
    for box in boxes:
        for frame in (pose, calibration):
            box.translate(-np.array(frame["translation"]))
            box.rotate(Quaternion(frame["rotation"]).inverse)
    return boxes


def _cloud(path: str, modality: str) -> np.ndarray:
    if modality == "lidar":
        return LidarPointCloud.from_file(path).points
    everything = {"invalid_states": list(range(18)), "dynprop_states": list(range(8)), "ambig_states": list(range(5))}
    return RadarPointCloud.from_file(path, **everything).points
