"""Datasets of as little as an audit reads: tables, and a small image for each sample, of scenes that chance deals.

Scenes are independent and of one distribution, so whatever two of them of different seeds differ in is chance; defects
are planted by the arguments.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from av_synth import scenario as scenarios
from av_synth.scenario.expressions import Value

CLASSES = ("human.pedestrian.adult", "human.pedestrian.child", "vehicle.bicycle", "vehicle.car", "vehicle.truck")
SCENARIOS = ("mine", "yours")
LIBRARY = "cut_in_wet"
BOTH = (LIBRARY, "mine")
TOWNS = ("AvSynth01", "AvSynth02")
WEATHERS: dict[str, dict[str, float]] = {
    "dry": {"precipitation": 0.0, "fog_density": 0.0, "snow_mm_h": 0.0},
    "rain": {"precipitation": 20.0, "fog_density": 0.0, "snow_mm_h": 0.0},
    "fog": {"precipitation": 0.0, "fog_density": 40.0, "snow_mm_h": 0.0},
}
SUN_DEG = {"day": 50.0, "low sun": 5.0, "night": -20.0}
SAMPLES = 5
WIDTH, HEIGHT = 96, 54
START_US = 1_772_000_000_000_000
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Somebody:
    """Moves straight on, in the ego's axes."""

    category: str
    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float


@dataclass(frozen=True)
class Scene:
    """What happens in a scene, and how its images are made; `values` of parameters that are not drawn by the seed."""

    seed: int
    scenario: str
    town: str
    weather: str
    light: str
    people: tuple[Somebody, ...]
    scenery: int
    quality: int = 90
    shift_m: float = 0.0
    values: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class Kind:
    """What scenes are dealt of, each value equally likely."""

    weathers: tuple[str, ...] = tuple(WEATHERS)
    lights: tuple[str, ...] = tuple(SUN_DEG)
    towns: tuple[str, ...] = TOWNS
    classes: tuple[str, ...] = CLASSES
    scenarios: tuple[str, ...] = SCENARIOS


def deal(seed: int, count: int, kind: Kind | None = None) -> list[Scene]:
    """So many scenes; every class is in about two of three."""
    rng, kind = np.random.default_rng(seed), kind or Kind()
    found = []
    for number in range(count):
        people = [
            Somebody(category, x, y, yaw, speed)
            for category in kind.classes
            if rng.random() < 0.67
            for _ in range(int(rng.integers(1, 4)))
            for x, y, yaw, speed in [rng.uniform((-30.0, -20.0, -3.0, 0.0), (45.0, 20.0, 3.0, 12.0)).tolist()]
        ]
        weather, light, town, scenario = (
            str(rng.choice(list(values))) for values in (kind.weathers, kind.lights, kind.towns, kind.scenarios)
        )
        found.append(
            Scene(seed * 1000 + number, scenario, town, weather, light, tuple(people), int(rng.integers(2**31)))
        )
    return found


def repeated(scene: Scene, seed: int) -> Scene:
    """The same again by another seed, as nobody would notice: boxes 5 cm off, images compressed more."""
    return replace(scene, seed=seed, quality=75, shift_m=0.05)


def write(root: Path, scenes: list[Scene], **tables: object) -> Path:
    """Write a dataset of scenes scene-0001, scene-0002 ...; `tables` are written as they are, such as splits."""
    rows: Rows = {name: [] for name in ("log", "scene", "sample", "sample_data", "ego_pose", "calibrated_sensor")}
    rows |= {name: [] for name in ("instance", "sample_annotation", "sample_truth", "annotation_truth")}
    rows["category"] = [{"token": name, "name": name} for name in CLASSES]
    rows["attribute"] = []
    rows["sensor"] = [
        {"token": "CAM_FRONT", "channel": "CAM_FRONT", "modality": "camera"},
        {"token": "LIDAR_TOP", "channel": "LIDAR_TOP", "modality": "lidar"},
    ]
    rows["calibrated_sensor"] = [{"token": name, "sensor_token": name} for name in ("CAM_FRONT", "LIDAR_TOP")]
    (root / "samples/CAM_FRONT").mkdir(parents=True)
    runs = [_add(root, rows, f"scene-{number:04d}", scene) for number, scene in enumerate(scenes, 1)]
    folder = root / "v1.0-trainval"
    folder.mkdir()
    told = {"splits": {"all": [run["scene"] for run in runs]}, "av_synth": {"profile": "native", "runs": runs}}
    for name, content in (rows | told | tables).items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return root


@lru_cache
def _loaded(name: str) -> scenarios.Scenario:
    return scenarios.load(name)


def _add(root: Path, rows: Rows, name: str, scene: Scene) -> dict[str, Any]:
    rows["log"].append({"token": f"{name}/log", "location": scene.town})
    rows["scene"].append({"token": name, "name": name, "log_token": f"{name}/log"})
    weather = {**WEATHERS[scene.weather], "sun_altitude_angle": SUN_DEG[scene.light]}
    for k, somebody in enumerate(scene.people):
        rows["instance"].append({"token": f"{name}/{k}", "category_token": somebody.category})
    scenery = np.random.default_rng(scene.scenery).uniform(40.0, 220.0, (5, 9)).astype(np.float32)
    for number in range(SAMPLES):
        token, when_s = f"{name}/{number}", 0.5 * number
        rows["sample"].append({"token": token, "scene_token": name, "timestamp": START_US + 500_000 * number})
        rows["sample_truth"].append({"sample_token": token, "weather": weather})
        pose = {"token": token, "translation": [100.0 + 5.0 * when_s, 50.0, 0.0], "rotation": [1.0, 0.0, 0.0, 0.0]}
        rows["ego_pose"].append(pose)
        file = f"samples/CAM_FRONT/{name}-{number}.jpg"
        for channel, filename in (("CAM_FRONT", file), ("LIDAR_TOP", "")):
            data = {"sample_token": token, "is_key_frame": True, "ego_pose_token": token, "filename": filename}
            rows["sample_data"].append({**data, "calibrated_sensor_token": channel})
        image = _image(scene, scenery, number)
        cv2.imwrite(str(root / file), image, [cv2.IMWRITE_JPEG_QUALITY, scene.quality])
        for k, somebody in enumerate(scene.people):
            _annotate(rows, f"{name}/{k}", token, somebody, when_s, scene.shift_m)
    parameters: dict[str, Value] = {"speed_mps": 5.0 + scene.seed % 7}
    if scene.scenario == LIBRARY:
        parameters = _loaded(scene.scenario).chance.draw(scene.seed, dict(scene.values))
    run = {"run_id": name, "scene": name, "scene_token": name, "scenario": scene.scenario, "seed": scene.seed}
    return {**run, "town": scene.town, "rig": "tiny", "parameters": parameters, "weather": weather}


def _image(scene: Scene, scenery: np.ndarray, number: int) -> np.ndarray:
    """Patches that pass by, darker at night."""
    image = cv2.resize(np.roll(scenery, number, axis=1), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(image * (0.3 if scene.light == "night" else 1.0), 0, 255).astype(np.uint8)


def _annotate(rows: Rows, instance: str, sample: str, somebody: Somebody, when_s: float, shift_m: float) -> None:
    way_m = somebody.speed_mps * when_s
    x_m = somebody.x_m + way_m * math.cos(somebody.yaw_rad) + shift_m
    y_m = somebody.y_m + way_m * math.sin(somebody.yaw_rad)
    half = somebody.yaw_rad / 2.0
    token = f"{instance}@{sample}"
    row = {"token": token, "sample_token": sample, "instance_token": instance, "attribute_tokens": []}
    place = {"translation": [100.0 + x_m, 50.0 + y_m, 0.9], "size": [0.8, 1.2, 1.7]}
    turn = {"rotation": [math.cos(half), 0.0, 0.0, math.sin(half)], "visibility_token": str(1 + len(token) % 4)}
    rows["sample_annotation"].append({**row, **place, **turn, "num_lidar_pts": 5, "num_radar_pts": 0})
    velocity = [somebody.speed_mps * math.cos(somebody.yaw_rad), somebody.speed_mps * math.sin(somebody.yaw_rad), 0.0]
    rows["annotation_truth"].append({"sample_annotation_token": token, "velocity": velocity})
