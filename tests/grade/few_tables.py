"""A dataset in nuScenes format of tables alone: ten classes, a bicycle rack, fog in every other scene.

Everybody is somewhere around the ego and moves evenly. Some have no points, some are far away, one is annotated once
only, so that nobody knows its velocity, and one has no attribute.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

VERSION = "v1.0-trainval"
SAMPLES = 3
WIDTH, HEIGHT, FOCAL = 320, 180, 250.0
ATTRIBUTES = {
    "vehicle.car": "vehicle.moving",
    "vehicle.truck": "vehicle.parked",
    "vehicle.bus.rigid": "vehicle.stopped",
    "vehicle.trailer": "vehicle.parked",
    "vehicle.construction": "vehicle.parked",
    "human.pedestrian.adult": "pedestrian.moving",
    "human.pedestrian.child": "pedestrian.standing",
    "vehicle.motorcycle": "cycle.with_rider",
    "vehicle.bicycle": "cycle.without_rider",
    "movable_object.trafficcone": "",
    "movable_object.barrier": "",
    "static_object.bicycle_rack": "",
    "animal": "",
}
NAMES = {
    "vehicle.bus.rigid": "bus",
    "vehicle.construction": "construction_vehicle",
    "human.pedestrian.adult": "pedestrian",
    "human.pedestrian.child": "pedestrian",
    "movable_object.trafficcone": "traffic_cone",
    **{f"vehicle.{name}": name for name in ("car", "truck", "trailer", "motorcycle", "bicycle")},
    "movable_object.barrier": "barrier",
}
Row = dict[str, Any]


def turned(yaw_rad: float) -> list[float]:
    return [math.cos(yaw_rad / 2), 0.0, 0.0, math.sin(yaw_rad / 2)]


class _Tables:
    def __init__(self, scenes: int, seed: int, extras: bool) -> None:
        self.rows: dict[str, list[Row]] = {}
        self._random = np.random.default_rng(seed)
        self._extras = extras
        for name in ("visibility", "map", "log", "sensor", "calibrated_sensor"):
            self.rows[name] = []
        for level in "1234":
            self.add("visibility", token=level, level=level, description="")
        for category in ATTRIBUTES:
            self.add("category", token=category, name=category, description="")
        for attribute in sorted({*ATTRIBUTES.values()} - {""}):
            self.add("attribute", token=attribute, name=attribute, description="")
        self.add("log", token="log", logfile="log", vehicle="", date_captured="2026-01-01", location="Town")
        self.add("map", token="map", log_tokens=["log"], category="semantic_prior", filename="maps/none.png")
        for channel, modality in (("LIDAR_TOP", "lidar"), ("CAM_FRONT", "camera")):
            camera = modality == "camera"
            self.add("sensor", token=channel, channel=channel, modality=modality)
            self.add(
                "calibrated_sensor",
                token=channel,
                sensor_token=channel,
                translation=[1.5, 0.0, 1.5],
                rotation=[0.5, -0.5, 0.5, -0.5] if camera else [1.0, 0.0, 0.0, 0.0],
                camera_intrinsic=[[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]] if camera else [],
            )
        for scene in range(scenes):
            self._scene(scene)

    def add(self, table: str, **row: Any) -> None:
        self.rows.setdefault(table, []).append(row)

    def _scene(self, scene: int) -> None:
        tokens = [f"s{scene}.{k}" for k in range(SAMPLES)]
        ends = {"first_sample_token": tokens[0], "last_sample_token": tokens[-1]}
        name = f"scene-{scene + 1:04d}"
        self.add("scene", token=name, name=name, description="", log_token="log", nbr_samples=SAMPLES, **ends)
        for k, token in enumerate(tokens):
            around = {"prev": tokens[k - 1] if k else "", "next": tokens[k + 1] if k + 1 < SAMPLES else ""}
            stamp = 1_770_000_000_000_000 + scene * 60_000_000 + k * 500_000
            self.add("sample", token=token, timestamp=stamp, scene_token=name, **around)
            for channel in ("LIDAR_TOP", "CAM_FRONT"):
                data = f"{token}.{channel}"
                self.add("ego_pose", token=data, timestamp=stamp, rotation=turned(0.3), translation=[4.0 * k, 7.0, 0.0])
                camera = channel == "CAM_FRONT"
                self.add(
                    "sample_data",
                    token=data,
                    sample_token=token,
                    ego_pose_token=data,
                    calibrated_sensor_token=channel,
                    timestamp=stamp,
                    fileformat="jpg" if camera else "pcd",
                    is_key_frame=True,
                    width=WIDTH if camera else 0,
                    height=HEIGHT if camera else 0,
                    filename=f"samples/{channel}/{token}",
                    prev="",
                    next="",
                )
            if self._extras:
                fog = 80.0 if scene % 2 else 0.0
                weather = dict.fromkeys(("precipitation", "snow_mm_h", "wetness"), 0.0)
                weather |= {"fog_density": fog, "sun_altitude_angle": 40.0}
                near = {"metric": "ttc_s", "value": 0.7, "instance_token": "", "other_instance_token": f"{name}.0"}
                self.add("sample_truth", token=token, sample_token=token, weather=weather, criticality=[near])
        rack = self._random.uniform(-15.0, 15.0, 2)
        for place, category in enumerate([*ATTRIBUTES, "vehicle.bicycle", "vehicle.car", "human.pedestrian.adult"]):
            self._instance(scene, f"{name}.{place}", category, rack if "bicycle" in category and place < 13 else None)

    def _instance(self, scene: int, instance: str, category: str, at: np.ndarray | None) -> None:
        """Around the ego, or on a place; of bicycles the first is in the rack."""
        rng = self._random
        start = at if at is not None else np.array([10.0, 7.0]) + rng.uniform(-38.0, 38.0, 2)
        speed, yaw, size = rng.normal(size=2) * 2.0, rng.uniform(-3.0, 3.0), rng.uniform(0.6, 3.0, 3)
        if category == "static_object.bicycle_rack":
            size, speed = np.array([3.0, 3.0, 2.5]), np.zeros(2)
        there = range(SAMPLES) if not instance.endswith(".14") else range(1)
        tokens = ["", *(f"{instance}@{k}" for k in there), ""]
        ends = {"first_annotation_token": tokens[1], "last_annotation_token": tokens[-2]}
        self.add("instance", token=instance, category_token=category, nbr_annotations=len(there), **ends)
        for k in there:
            x, y = start + speed * 0.5 * k
            self.add(
                "sample_annotation",
                token=tokens[k + 1],
                sample_token=f"s{scene}.{k}",
                instance_token=instance,
                attribute_tokens=[ATTRIBUTES[category]]
                if ATTRIBUTES[category] and not instance.endswith(".15")
                else [],
                visibility_token="4",
                translation=[float(x), float(y), float(size[2] / 2)],
                size=[float(v) for v in size],
                rotation=turned(yaw),
                num_lidar_pts=int(rng.integers(0, 8)),
                num_radar_pts=int(rng.integers(0, 2)),
                prev=tokens[k],
                next=tokens[k + 2],
            )


def build(root: Path, scenes: int = 10, seed: int = 0, *, extras: bool = True) -> Path:
    """Write the tables under `root` and return it; without `extras` only those that nuScenes has."""
    tables = _Tables(scenes, seed, extras).rows
    folder = root / VERSION
    folder.mkdir(parents=True)
    (root / "maps").mkdir()
    (root / "maps" / "none.png").touch()
    for name, rows in tables.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    splits = {"all": [row["name"] for row in tables["scene"]], "two": ["scene-0002", "scene-0003"]}
    (folder / "splits.json").write_text(json.dumps(splits))
    return root


def rows(dataset: Path, table: str) -> list[Row]:
    return json.loads((dataset / VERSION / f"{table}.json").read_text())


def write(dataset: Path, table: str, content: list[Row]) -> None:
    (dataset / VERSION / f"{table}.json").write_text(json.dumps(content))


def submission(dataset: Path, seed: int = 0, missed: Callable[[Mapping[str, Any]], bool] | None = None) -> Row:
    """Detections around what is annotated: some twice, some off, turned, or under another class, with scores that
    occur again; nobody is detected of whose annotation `missed` is true."""
    rng = np.random.default_rng(seed)
    category_of = {row["token"]: row["category_token"] for row in rows(dataset, "instance")}
    found: dict[str, list[Row]] = {row["token"]: [] for row in rows(dataset, "sample")}
    for row in rows(dataset, "sample_annotation"):
        name = NAMES.get(category_of[row["instance_token"]])
        if name is None or (missed and missed(row)):
            continue
        for _ in range(rng.integers(0, 4) if missed is None else 1):
            off = rng.normal(size=2) * 0.8 if missed is None else np.zeros(2)
            found[row["sample_token"]].append(
                {
                    "sample_token": row["sample_token"],
                    "translation": [row["translation"][0] + off[0], row["translation"][1] + off[1], 1.0],
                    "size": (np.array(row["size"]) * rng.uniform(0.8, 1.3, 3)).tolist(),
                    "rotation": turned(rng.uniform(-3.0, 3.0)),
                    "velocity": rng.normal(size=2).tolist(),
                    "detection_name": name if missed or rng.random() < 0.9 else "car",
                    "detection_score": float(np.round(rng.random(), 1)),
                    "attribute_name": ATTRIBUTES[category_of[row["instance_token"]]] if rng.random() < 0.8 else "",
                }
            )
    meta = {f"use_{source}": False for source in ("camera", "lidar", "radar", "map", "external")}
    return {"meta": meta, "results": found}
