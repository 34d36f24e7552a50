"""A small, true nuScenes dataset of boxes on a plane, seen by casting rays: pixels, lidar and radar from one geometry.

It shares no code with the product: positions come from closed-form paths, sensor axes from yaw and pitch, and a pixel's
or a beam's answer is the nearest box that its ray enters.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import synthetic_extras as extras

VERSION = "v1.0-trainval"
START_US = 1_772_000_000_000_000
SAMPLES = 4
WIDTH, HEIGHT, FOCAL = 160, 90, 126.6
BEAMS, COLUMNS = 24, 300
PARKED_LWH = (4.2, 1.8, 1.5)
MESH_GAP = 0.01  # bodies are so much smaller than their boxes, as tight labels are

CAMERAS = {
    "CAM_FRONT": ((1.70, 0.02, 1.51), 0),
    "CAM_FRONT_RIGHT": ((1.55, -0.49, 1.50), -55),
    "CAM_FRONT_LEFT": ((1.52, 0.49, 1.51), 55),
    "CAM_BACK": ((0.03, 0.0, 1.58), 180),
    "CAM_BACK_LEFT": ((1.04, 0.48, 1.59), 110),
    "CAM_BACK_RIGHT": ((1.01, -0.48, 1.56), -110),
    "CAM_FRONT_FAR": ((1.70, -0.02, 0.9), 0),
}
FEW_CAMERAS = ("CAM_FRONT", "CAM_BACK", "CAM_BACK_RIGHT", "CAM_FRONT_FAR")
FOCALS = {"CAM_FRONT_FAR": 400.0}
RADARS = {"RADAR_FRONT": ((3.41, 0.0, 0.5), 0.1), "RADAR_BACK_LEFT": ((-0.56, 0.63, 0.53), 174.4)}
CATEGORIES = ("human.pedestrian.adult", "movable_object.trafficcone", "vehicle.bicycle", "vehicle.car", "vehicle.truck")


@dataclass(frozen=True)
class Thing:
    """A box that moves evenly along its heading; `category` None for the town."""

    name: str
    category: str | None
    lwh: tuple[float, float, float]
    start: tuple[float, float]
    yaw: float
    speed: float = 0.0
    attribute: str = ""
    colour: tuple[int, int, int] = (150, 140, 130)

    def world_from_box(self, t: float) -> np.ndarray:
        x = self.start[0] + math.cos(self.yaw) * self.speed * t
        y = self.start[1] + math.sin(self.yaw) * self.speed * t
        return turned(self.yaw, (x, y, self.lwh[2] / 2))


def turned(yaw: float, place: tuple[float, float, float]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:2, :2] = [[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]]
    matrix[:3, 3] = place
    return matrix


def quaternion(matrix: np.ndarray) -> list[float]:
    """w, x, y, z by the eigenvector of Bar-Itzhack's (2000) symmetric matrix."""
    r = matrix[:3, :3]
    k = np.array(
        [
            [r[0, 0] - r[1, 1] - r[2, 2], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0], r[2, 1] - r[1, 2]],
            [0, r[1, 1] - r[0, 0] - r[2, 2], r[1, 2] + r[2, 1], r[0, 2] - r[2, 0]],
            [0, 0, r[2, 2] - r[0, 0] - r[1, 1], r[1, 0] - r[0, 1]],
            [0, 0, 0, r[0, 0] + r[1, 1] + r[2, 2]],
        ]
    )
    k = k + np.triu(k, 1).T
    x, y, z, w = np.linalg.eigh(k / 3.0)[1][:, -1]
    return [float(v) for v in (np.array([w, x, y, z]) * (1 if w >= 0 else -1))]


def town() -> tuple[Thing, ...]:
    houses = [
        Thing(f"house{k}", None, (12 + k % 3, 8, 9), (25 + 17 * k, y), 0.0, colour=(120 + 20 * (k % 4), 120, 100))
        for y in (44, 78)
        for k in range(6)
    ]
    poles = [Thing(f"pole{k}", None, (0.3, 0.3, 5), (38 + 13 * k, 67), 0.3, colour=(60, 60, 60)) for k in range(5)]
    return (*houses, *poles)


def actors(scene: int) -> tuple[Thing, ...]:
    shift = 3.0 * scene
    return (
        Thing("lead", "vehicle.car", (4.4, 1.8, 1.5), (64 + shift, 58.5), 0.05, 7.5, "vehicle.moving", (30, 40, 200)),
        Thing("oncoming", "vehicle.car", (4.7, 1.9, 1.6), (86, 62), math.pi, 8.0, "vehicle.moving", (200, 120, 30)),
        Thing("parked", "vehicle.car", PARKED_LWH, (66, 54.2), 0.02, 0.0, "vehicle.parked", (60, 170, 60)),
        Thing("truck", "vehicle.truck", (7.5, 2.5, 3.2), (72, 65.8), math.pi, 0.0, "vehicle.parked", (210, 210, 220)),
        Thing("behind", "vehicle.car", (4.5, 1.8, 1.5), (34, 58.4), 0.0, 6.0, "vehicle.moving", (150, 40, 150)),
        Thing("walker", CATEGORIES[0], (0.6, 0.7, 1.75), (63, 66), -1.5, 1.5, "pedestrian.moving", (30, 200, 220)),
        Thing("cyclist", CATEGORIES[2], (1.8, 0.6, 1.75), (50, 62), math.pi, 4.0, "cycle.with_rider", (240, 60, 60)),
        Thing("cone", CATEGORIES[1], (0.4, 0.4, 0.8), (60, 56.6), 0.0, colour=(20, 110, 250)),
    )


def world_from_ego(scene: int, t: float) -> np.ndarray:
    """Straight on at 6 m/s in scene 0, a gentle left bend at 5 m/s in scene 1."""
    if scene == 0:
        return turned(0.03, (50 + 6 * t * math.cos(0.03), 58.3 + 6 * t * math.sin(0.03), 0.0))
    rate, speed = 0.12, 5.0
    x, y = 52 + speed / rate * math.sin(rate * t), 58.0 + speed / rate * (1 - math.cos(rate * t))
    return turned(rate * t, (x, y, 0.0))


def mount(place: tuple[float, float, float], yaw_deg: float, modality: str) -> np.ndarray:
    """`ego_from_sensor`: camera z ahead and y down, lidar y ahead, radar x ahead."""
    ahead = turned(math.radians(yaw_deg), place)
    axes = {"camera": [[0, 0, 1], [-1, 0, 0], [0, -1, 0]], "lidar": [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]}
    if modality in axes:
        ahead[:3, :3] = ahead[:3, :3] @ np.array(axes[modality], dtype=float)
    return ahead


@dataclass
class Cast:
    """What rays hit: distance (inf for the sky), the place of the thing in the list (-1 ground, -2 sky), the axis."""

    distance: np.ndarray
    thing: np.ndarray
    axis: np.ndarray


def cast(origin: np.ndarray, rays: np.ndarray, things: tuple[Thing, ...], t: float) -> Cast:
    distance = np.full(len(rays), np.inf)
    thing = np.full(len(rays), -2)
    axis = np.zeros(len(rays), dtype=int)
    down = rays[:, 2] < -1e-6
    distance[down] = -origin[2] / rays[down, 2]
    thing[down] = -1
    far = distance > 90
    distance[far], thing[far] = np.inf, -2
    for k, box in enumerate(things):
        pose = box.world_from_box(t)
        start, way = pose[:3, :3].T @ (origin - pose[:3, 3]), rays @ pose[:3, :3]
        half = np.array(box.lwh) / 2 - (MESH_GAP if box.category else 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            first, last = (-half - start) / way, (half - start) / way
        enter, leave = np.minimum(first, last), np.maximum(first, last)
        entry = enter.max(axis=1)
        hit = (entry < leave.min(axis=1)) & (entry > 0.05) & (entry < distance) & (entry < 90)
        distance[hit], thing[hit], axis[hit] = entry[hit], k, enter.argmax(axis=1)[hit]
    return Cast(distance, thing, axis)


def pixel_rays(focal: float) -> np.ndarray:
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH]
    rays = np.stack([(u - 81.0) / focal, (v - 46.0) / focal, np.ones_like(u, dtype=float)], axis=-1).reshape(-1, 3)
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def paint(origin: np.ndarray, rays: np.ndarray, seen: Cast, things: tuple[Thing, ...]) -> np.ndarray:
    """BGR image: shaded faces, a chequered ground of road and grass, a sky; a photograph's small noise."""
    colour = np.full((len(rays), 3), (235.0, 205.0, 170.0))
    ground = seen.thing == -1
    at = origin + rays[ground] * seen.distance[ground, None]
    colour[ground] = (95 + 25 * ((np.floor(at[:, 0]) + np.floor(at[:, 1])) % 2))[:, None]
    colour[ground] *= np.where(extras.ground(at[:, 1], False, False, True)[:, None], (0.7, 1.1, 0.95), 1.0)
    base = np.array([thing.colour for thing in things], dtype=float)
    solid = seen.thing >= 0
    colour[solid] = base[seen.thing[solid]] * np.array([0.75, 0.9, 1.1])[seen.axis[solid], None]
    noise = np.random.default_rng(7).normal(0, 2, colour.shape)
    return np.clip(colour + noise, 0, 255).astype(np.uint8).reshape(HEIGHT, WIDTH, 3)


def beams() -> tuple[np.ndarray, np.ndarray]:
    elevation = np.radians(np.linspace(-28, 10, BEAMS))
    azimuth = np.radians(np.arange(COLUMNS) * 360.0 / COLUMNS)
    e, a = (m.ravel() for m in np.meshgrid(elevation, azimuth, indexing="ij"))
    return np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=1), np.repeat(
        np.arange(BEAMS), COLUMNS
    )


def inside(points: np.ndarray, thing: Thing, t: float) -> int:
    pose = thing.world_from_box(t)
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    return int((np.abs(local) <= np.array(thing.lwh) / 2).all(axis=1).sum())


RADAR_HEADER = """# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS x y z dyn_prop id rcs vx vy vx_comp vy_comp is_quality_valid ambig_state x_rms y_rms invalid_state pdh0 vx_rms vy_rms
SIZE 4 4 4 1 2 4 4 4 4 4 1 1 1 1 1 1 1 1
TYPE F F F I I F F F F F I I I I I I I I
COUNT 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
WIDTH {n}
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS {n}
DATA binary
"""  # noqa: E501


@dataclass
class Builder:
    """Writes the dataset; `tables` grow scene by scene."""

    root: Path
    scenes: tuple[int, ...] = (0, 1)
    cameras: tuple[str, ...] = FEW_CAMERAS
    tables: dict[str, list[dict]] = field(default_factory=dict)
    loose_boxes: list[dict] = field(default_factory=list)

    def token(self, *parts: object) -> str:
        return hashlib.md5("|".join(map(str, parts)).encode()).hexdigest()

    def add(self, table: str, **row: object) -> dict:
        self.tables.setdefault(table, []).append(dict(row))
        return self.tables[table][-1]

    def write(self) -> None:
        for index, name in enumerate(extras.ALL_CATEGORIES):
            self.add("category", token=self.token(name), name=name, description="", index=index)
        extras.semantic_classes(self.add, self.token)
        for name in ("vehicle.moving", "vehicle.stopped", "vehicle.parked", "cycle.with_rider", "cycle.without_rider"):
            self.add("attribute", token=self.token(name), name=name, description="")
        for name in ("pedestrian.sitting_lying_down", "pedestrian.standing", "pedestrian.moving"):
            self.add("attribute", token=self.token(name), name=name, description="")
        for token, level in (("1", "v0-40"), ("2", "v40-60"), ("3", "v60-80"), ("4", "v80-100")):
            self.add("visibility", token=token, level=level, description="")
        for channel in (*self.cameras, "LIDAR_TOP", *RADARS):
            modality = {"CAM": "camera", "LID": "lidar", "RAD": "radar"}[channel[:3]]
            self.add("sensor", token=self.token(channel), channel=channel, modality=modality)
        self._map()
        for scene in self.scenes:
            SceneBuilder(self, scene).build()
        folder = self.root / VERSION
        folder.mkdir(parents=True)
        for table, rows in self.tables.items():
            (folder / f"{table}.json").write_text(json.dumps(rows, indent=0))
        (folder / "image_annotations.json").write_text(json.dumps(self.loose_boxes))
        (folder / "splits.json").write_text(json.dumps({"all": [f"scene-{k + 1:04d}" for k in self.scenes]}))
        (folder / "av_synth.json").write_text(json.dumps({"schema": 1}))
        prediction = self.root / "maps/prediction/prediction_scenes.json"
        prediction.parent.mkdir()
        prediction.write_text(json.dumps({f"scene-{k + 1:04d}": [] for k in self.scenes}))

    def _map(self) -> None:
        mask = np.zeros((1500, 1500), dtype=np.uint8)
        mask[1500 - 680 : 1500 - 510] = 255
        (self.root / "maps").mkdir(parents=True)
        cv2.imwrite(str(self.root / "maps/0123456789abcdef0123456789abcdef.png"), mask)
        extras.write_png(self.root / "maps/basemap/plane.png", 255 - mask[::2, ::2])
        (self.root / "maps/expansion").mkdir()
        (self.root / "maps/expansion/plane.json").write_text(json.dumps(extras.MapBuilder().build()))
        logs = [self.token("log", scene) for scene in self.scenes]
        name = "maps/0123456789abcdef0123456789abcdef.png"
        self.add("map", token=self.token("map"), category="semantic_prior", filename=name, log_tokens=logs)


class SceneBuilder:
    """One scene: 4 samples at 2 Hz, lidar at 10 Hz, cameras and radars at 4 Hz."""

    def __init__(self, builder: Builder, scene: int) -> None:
        self.out, self.scene = builder, scene
        self.people = actors(scene)
        self.things = (*self.people, *town())
        self.logfile = f"synthetic-{scene}"
        self.start_us = START_US + scene * 60_000_000
        self.calibrations: dict[str, str] = {}
        self.sample_tokens = [self.token("sample", k) for k in range(SAMPLES)]
        self.lidar_points: dict[int, np.ndarray] = {}
        self.radar_points: dict[int, list[np.ndarray]] = {k: [] for k in range(SAMPLES)}
        self.visible = {thing.name: np.zeros((SAMPLES, 2)) for thing in self.people}

    def token(self, *parts: object) -> str:
        return self.out.token(self.scene, *parts)

    def build(self) -> None:
        name = f"scene-{self.scene + 1:04d}"
        self.out.add(
            "log",
            token=self.out.token("log", self.scene),
            logfile=self.logfile,
            vehicle="zoe",
            date_captured="2026-02-25",
            location="plane",
        )
        self.out.add(
            "scene",
            token=self.token("scene"),
            name=name,
            description="boxes on a plane",
            log_token=self.out.token("log", self.scene),
            nbr_samples=SAMPLES,
            first_sample_token=self.sample_tokens[0],
            last_sample_token=self.sample_tokens[-1],
        )
        for k, token in enumerate(self.sample_tokens):
            near = ["", *self.sample_tokens, ""]
            at = self.start_us + k * 500_000
            self.out.add(
                "sample", token=token, timestamp=at, scene_token=self.token("scene"), prev=near[k], next=near[k + 2]
            )
        for channel in self.out.cameras:
            self._channel(channel, mount(*CAMERAS[channel], "camera"), 250, self._camera)
        self._channel("LIDAR_TOP", mount((0.94, 0.0, 1.84), 0.7, "lidar"), 100, self._lidar)
        for channel, (place, yaw) in RADARS.items():
            self._channel(channel, mount(place, yaw, "radar"), 250, self._radar)
        self._annotations()
        end_s = (SAMPLES - 1) * 0.5
        extras.can_bus(self.out.root, name, self.start_us, end_s, lambda t: world_from_ego(self.scene, t), quaternion)

        def ego(t: float) -> np.ndarray:
            return world_from_ego(self.scene, t)

        for k, token in enumerate(self.sample_tokens):
            row = {"criticality": self._criticality(k * 0.5), "phase": ["start"], "faults": []}
            row |= {"weather": {"sun_altitude_angle": 30.0}, "ego": extras.ego_box(ego, quaternion, k * 0.5)}
            self.out.add("sample_truth", token=token, sample_token=self.sample_tokens[k], **row)

    def _criticality(self, t: float) -> list[dict]:
        """How far the ego is from the parked car: the least between points all round their outlines."""
        mine = extras.outline(world_from_ego(self.scene, t) @ turned(0.0, extras.EGO_CENTRE), extras.EGO_LWH)
        found = []
        for thing in self.people:
            if thing.name == "parked":
                apart = mine[:, None] - extras.outline(thing.world_from_box(t), thing.lwh)[None]
                row = {"metric": "distance_m", "value": float(np.sqrt((apart**2).sum(-1)).min())}
                found.append({**row, "instance_token": "", "other_instance_token": self.token(thing.name)})
        return found

    def _channel(self, channel: str, ego_from_sensor: np.ndarray, step_ms: int, take: object) -> None:
        calibration = self.token("calibration", channel)
        camera = channel.startswith("CAM")
        f = FOCALS.get(channel, FOCAL)
        self.out.add(
            "calibrated_sensor",
            token=calibration,
            sensor_token=self.out.token(channel),
            translation=[float(v) for v in ego_from_sensor[:3, 3]],
            rotation=quaternion(ego_from_sensor),
            camera_intrinsic=[[f, 0, 81.0], [0, f, 46.0], [0, 0, 1]] if camera else [],
        )
        times = range(0, (SAMPLES - 1) * 500 + 1, step_ms)
        tokens = ["", *(self.token(channel, ms) for ms in times), ""]
        for k, ms in enumerate(times):
            key = ms % 500 == 0
            suffix = ".jpg" if camera else ".pcd.bin" if channel == "LIDAR_TOP" else ".pcd"
            at = self.start_us + ms * 1000
            folder = f"{'samples' if key else 'sweeps'}/{channel}"
            filename = f"{folder}/{self.logfile}__{channel}__{at}{suffix}"
            (self.out.root / folder).mkdir(parents=True, exist_ok=True)
            ego = world_from_ego(self.scene, ms / 1000)
            sample = -(-ms // 500)
            self.out.add(
                "ego_pose",
                token=tokens[k + 1],
                timestamp=at,
                rotation=quaternion(ego),
                translation=[float(v) for v in ego[:3, 3]],
            )
            self.out.add(
                "sample_data",
                token=tokens[k + 1],
                sample_token=self.sample_tokens[sample],
                ego_pose_token=tokens[k + 1],
                calibrated_sensor_token=calibration,
                timestamp=at,
                fileformat="jpg" if camera else "pcd",
                is_key_frame=key,
                height=HEIGHT if camera else 0,
                width=WIDTH if camera else 0,
                filename=filename,
                prev=tokens[k],
                next=tokens[k + 2],
            )
            take(channel, filename, ego @ ego_from_sensor, ms, tokens[k + 1])

    def _camera(self, channel: str, filename: str, pose: np.ndarray, ms: int, token: str) -> None:
        origin, rays, t = pose[:3, 3], pixel_rays(FOCALS.get(channel, FOCAL)) @ pose[:3, :3].T, ms / 1000
        seen = cast(origin, rays, self.things, t)
        image = paint(origin, rays, seen, self.things)
        cv2.imwrite(str(self.out.root / filename), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
        if ms % 500:
            return
        mask = np.where(seen.thing < len(self.people), seen.thing + 101, 0)
        mask = np.where(seen.thing < 0, 0, mask).astype(np.uint16).reshape(HEIGHT, WIDTH)
        name = f"instance_masks/{channel}/{Path(filename).stem}.png"
        (self.out.root / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(self.out.root / name), mask)
        depth_m = (seen.distance * pixel_rays(FOCALS.get(channel, FOCAL))[:, 2]).reshape(HEIGHT, WIDTH)
        things = seen.thing.reshape(HEIGHT, WIDTH)
        at = origin + rays * np.where(np.isfinite(seen.distance), seen.distance, np.nan)[:, None]
        moved = self._moved_px(channel, pose, at, seen, t).reshape(HEIGHT, WIDTH, 2)
        y = at[:, 1].reshape(HEIGHT, WIDTH)
        stem = Path(filename).stem
        images = extras.label_images(self.out.root, channel, stem, things, depth_m, y, moved, self.things)
        self.out.add("label_image", token=token, sample_data_token=token, **images)
        shown = {}
        for k, thing in enumerate(self.people):
            alone = (cast(origin, rays, (thing,), t).thing == 0).reshape(HEIGHT, WIDTH)
            amodal = int(alone.sum())
            visible = int((mask == k + 101).sum())
            self.visible[thing.name][ms // 500] += (visible, amodal)
            if amodal:
                self.out.add(
                    "box_2d",
                    token=self.token("box_2d", channel, ms, thing.name),
                    sample_data_token=token,
                    sample_annotation_token=self.token(thing.name, ms // 500),
                    visible_box=extras.extent(mask == k + 101),
                    visible_pixels=visible,
                    amodal_box=extras.extent(alone),
                    amodal_pixels=amodal,
                    method="amodal_render",
                )
            corners = extras.corners_px(
                np.linalg.inv(pose) @ thing.world_from_box(t), thing.lwh, FOCALS.get(channel, FOCAL)
            )
            if corners is not None and corners.min() >= 0 and (corners.max(axis=0) <= (WIDTH, HEIGHT)).all():
                self.out.loose_boxes.append(
                    {
                        "sample_data_token": token,
                        "sample_annotation_token": self.token(thing.name, ms // 500),
                        "bbox_corners": [*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()],
                    }
                )
            if visible:
                shown[str(k + 101)] = self.token(thing.name)
        self.out.add("instance_mask", token=self.token(name), sample_data_token=token, filename=name, instances=shown)

    def _moved_px(self, channel: str, pose: np.ndarray, at: np.ndarray, seen: Cast, t: float) -> np.ndarray:
        """By how many pixels (N, 2) each pixel's surface has moved in the last 50 ms."""
        before = world_from_ego(self.scene, t - 0.05) @ np.linalg.inv(world_from_ego(self.scene, t)) @ pose
        was = at.copy()
        for k, thing in enumerate(self.people):
            own = seen.thing == k
            was[own] -= thing.world_from_box(t)[:3, 3] - thing.world_from_box(t - 0.05)[:3, 3]
        focal = FOCALS.get(channel, FOCAL)
        pixels = []
        for matrix, places in ((pose, at), (before, was)):
            local = (places - matrix[:3, 3]) @ matrix[:3, :3]
            with np.errstate(divide="ignore", invalid="ignore"):
                pixels.append(np.where(local[:, 2:] > 0.1, local[:, :2] / local[:, 2:] * focal, np.nan))
        return pixels[0] - pixels[1]

    def _lidar(self, channel: str, filename: str, pose: np.ndarray, ms: int, token: str) -> None:
        rays, rings = beams()
        seen = cast(pose[:3, 3], rays @ pose[:3, :3].T, self.things, ms / 1000)
        hit = np.isfinite(seen.distance) & (seen.distance < 70)
        points = (rays[hit] * seen.distance[hit, None]).astype("<f4")
        intensity = (40 + 20 * (seen.thing[hit] >= 0)).astype("<f4")
        np.column_stack([points, intensity, rings[hit].astype("<f4")]).tofile(self.out.root / filename)
        if ms % 500 == 0:
            self.lidar_points[ms // 500] = points.astype(float) @ pose[:3, :3].T + pose[:3, 3]
            y = self.lidar_points[ms // 500][:, 1]
            names = extras.point_labels(self.out.root, VERSION, token, seen.thing[hit], y, self.things)
            for table, name in zip(("lidarseg", "panoptic", "lidar_instance"), names, strict=True):
                self.out.add(table, token=token, sample_data_token=token, filename=name)

    def _radar(self, channel: str, filename: str, pose: np.ndarray, ms: int, token: str) -> None:
        rng = np.random.default_rng(ms + len(channel))
        azimuth, elevation = rng.uniform(-0.8, 0.8, 60), rng.uniform(-0.1, 0.12, 60)
        rays = np.stack(
            [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=1
        )
        seen = cast(pose[:3, 3], rays @ pose[:3, :3].T, self.things, ms / 1000)
        hit = np.isfinite(seen.distance)
        points = (rays[hit] * seen.distance[hit, None]).astype("<f4")
        seconds = 1e-3
        ego_from_sensor = np.linalg.inv(world_from_ego(self.scene, ms / 1000)) @ pose
        ahead = (world_from_ego(self.scene, ms / 1000 + seconds) @ ego_from_sensor)[:3, 3]
        own = pose[:3, :3].T @ ((ahead - pose[:3, 3]) / seconds)
        records = b""
        for point, k in zip(points, seen.thing[hit], strict=True):
            towards = point[:2] / np.linalg.norm(point[:2])
            thing = self.things[k] if k >= 0 else None
            velocity = np.zeros(3)
            if thing is not None and thing.speed:
                velocity = pose[:3, :3].T @ (thing.world_from_box(0)[:3, 0] * thing.speed)
            comp = towards * float(velocity[:2] @ towards)
            relative = towards * float((velocity - own)[:2] @ towards)
            kind = 0 if thing is not None and thing.speed else 1
            records += struct.pack(
                "<fffbhfffffbbbbbbbb",
                *point,
                kind,
                len(records) // 43,
                5.0,
                *relative,
                *comp,
                1,
                3,
                19,
                19,
                0,
                1,
                16,
                3,
            )
        header = RADAR_HEADER.format(n=len(points)).encode()
        (self.out.root / filename).write_bytes(header + records + b"\n")
        name = extras.radar_truth(self.out.root, token, seen.thing[hit], len(self.people))
        self.out.add("radar_truth", token=token, sample_data_token=token, filename=name)
        if ms % 500 == 0:
            self.radar_points[ms // 500].append(points.astype(float) @ pose[:3, :3].T + pose[:3, 3])

    def _annotations(self) -> None:
        for place, thing in enumerate(self.people):
            instance = self.token(thing.name)
            actor = extras.FIRST_ACTOR + place + 1
            self.out.add("instance_actor", token=instance, instance_token=instance, actor_id=actor)
            tokens = ["", *(self.token(thing.name, k) for k in range(SAMPLES)), ""]
            self.out.add(
                "instance",
                token=instance,
                category_token=self.out.token(thing.category),
                nbr_annotations=SAMPLES,
                first_annotation_token=tokens[1],
                last_annotation_token=tokens[-2],
            )
            for k in range(SAMPLES):
                t = k * 0.5
                pose = thing.world_from_box(t)
                visible, amodal = self.visible[thing.name][k]
                share = visible / amodal if amodal else 0.0
                self.out.add(
                    "sample_annotation",
                    token=tokens[k + 1],
                    sample_token=self.sample_tokens[k],
                    instance_token=instance,
                    attribute_tokens=[self.out.token(thing.attribute)] if thing.attribute else [],
                    visibility_token="1" if share < 0.4 else "2" if share < 0.6 else "3" if share < 0.8 else "4",
                    translation=[float(v) for v in pose[:3, 3]],
                    size=[thing.lwh[1], thing.lwh[0], thing.lwh[2]],
                    rotation=quaternion(pose),
                    num_lidar_pts=inside(self.lidar_points[k], thing, t),
                    num_radar_pts=inside(np.concatenate(self.radar_points[k]), thing, t),
                    prev=tokens[k],
                    next=tokens[k + 2],
                )
                velocity = [float(v) for v in pose[:3, 0] * thing.speed]
                row = {"token": tokens[k + 1], "sample_annotation_token": tokens[k + 1]}
                self.out.add("annotation_truth", **row, velocity=velocity, acceleration=[0.0, 0.0, 0.0])
                self.out.add(
                    "label_quality",
                    **row,
                    visibility_method="amodal_render",
                    visible_fraction=float(share),
                    mask_pixels=int(visible),
                    ambiguous=False,
                    distance_m=math.dist(pose[:2, 3], world_from_ego(self.scene, t)[:2, 3]),
                )


def build(root: Path, scenes: tuple[int, ...] = (0, 1), cameras: tuple[str, ...] = FEW_CAMERAS) -> Path:
    """Write the dataset under `root` and return it; all cameras take almost twice the time of the few."""
    Builder(root, scenes, cameras).write()
    return root
