"""A small run made without any simulator, geometrically true: points lie in the boxes that are said to hold them, boxes
are painted where they project, velocities are the derivatives of the positions."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from av_synth import store
from av_synth.geometry.transforms import Array, apply, from_yaw, invert, matrix_from_quaternion, quaternion_from_matrix
from av_synth.metrics import Footprint, distance_m
from av_synth.store import tables
from tests.export.synthetic_labels import KeyframeLabels, happenings

Rows = dict[str, list[dict[str, object]]]
Change = Callable[[Rows], None]

TICK_US = 50_000
LAST_FRAME = 30
KEYFRAME_TICKS = 10
WIDTH, HEIGHT = 160, 90
EGO_ID = 1
EGO_WHEELBASE_M = 2.588
EGO_LWH_M = (4.08, 1.73, 1.56)
RADAR_RECORD = np.dtype(
    [(name, "<f4") for name in ("x", "y", "z")]
    + [("dyn_prop", "i1"), ("id", "<i2")]
    + [(name, "<f4") for name in ("rcs", "vx", "vy", "vx_comp", "vy_comp")]
    + [(name, "i1") for name in ("is_quality_valid", "ambig_state", "x_rms", "y_rms")]
    + [(name, "i1") for name in ("invalid_state", "pdh0", "vx_rms", "vy_rms")]
)


@dataclass(frozen=True, eq=False)  # one is like no other: arrays have no hash
class Sensor:
    channel: str
    modality: str
    ticks: int
    ego_from_sensor: Array
    focal_px: float = 0.0


def _sensor(channel: str, translation: tuple[float, ...], rotation: tuple[float, ...], focal_px: float = 0.0) -> Sensor:
    modality = {"CAM": "camera", "LID": "lidar", "RAD": "radar"}[channel[:3]]
    mount = matrix_from_quaternion(rotation, translation)
    return Sensor(channel, modality, 2 if modality == "lidar" else 5, mount, focal_px)


SENSORS = (
    _sensor("CAM_FRONT", (1.701, 0.016, 1.511), (0.4998, -0.5030, 0.4998, -0.4974), 126.6),
    _sensor("CAM_FRONT_RIGHT", (1.551, -0.493, 1.496), (0.2060, -0.2027, 0.6825, -0.6714), 126.1),
    _sensor("CAM_FRONT_LEFT", (1.524, 0.495, 1.509), (0.6757, -0.6736, 0.2121, -0.2112), 127.3),
    _sensor("CAM_BACK", (0.028, 0.003, 1.579), (0.5038, -0.4974, -0.4942, 0.5045), 80.9),
    _sensor("CAM_BACK_LEFT", (1.036, 0.485, 1.591), (0.6924, -0.7032, -0.1165, 0.1120), 125.7),
    _sensor("CAM_BACK_RIGHT", (1.015, -0.481, 1.562), (0.1228, -0.1324, -0.7004, 0.6905), 126.0),
    _sensor("LIDAR_TOP", (0.944, 0.0, 1.840), (0.7078, -0.0065, 0.0106, -0.7063)),
    _sensor("RADAR_FRONT", (3.412, 0.0, 0.5), (1.0, 0.0, 0.0, 0.0017)),
    _sensor("RADAR_FRONT_LEFT", (2.422, 0.8, 0.78), (0.7172, 0.0, 0.0, 0.6969)),
    _sensor("RADAR_FRONT_RIGHT", (2.422, -0.8, 0.77), (0.7010, 0.0, 0.0, -0.7131)),
    _sensor("RADAR_BACK_LEFT", (-0.562, 0.628, 0.53), (0.0488, 0.0, 0.0, 0.9988)),
    _sensor("RADAR_BACK_RIGHT", (-0.562, -0.618, 0.53), (0.0339, 0.0, 0.0, -0.9994)),
)
TINY = tuple(s for s in SENSORS if s.channel in ("CAM_FRONT", "LIDAR_TOP"))


@dataclass(frozen=True)
class Thing:
    """Moves straight ahead at its speed; start and heading relative to the ego's start."""

    actor_id: int
    category: str
    attribute: str
    lwh_m: tuple[float, float, float]
    x_m: float
    y_m: float
    yaw_rad: float = 0.0
    speed_mps: float = 0.0


THINGS = (
    Thing(2, "vehicle.car", "vehicle.moving", (4.5, 1.8, 1.5), 22.0, 3.5, math.pi, 6.0),
    Thing(3, "vehicle.emergency.police", "vehicle.parked", (4.9, 1.9, 1.6), 12.0, -3.6),
    Thing(4, "vehicle.truck", "vehicle.moving", (7.5, 2.4, 3.0), 26.0, 0.0, 0.0, 8.0),
    Thing(5, "vehicle.bus.rigid", "vehicle.stopped", (10.2, 2.6, 3.3), -16.0, 3.5, math.pi),
    Thing(6, "human.pedestrian.adult", "pedestrian.moving", (0.5, 0.6, 1.8), 17.0, -5.5, math.pi / 2, 1.4),
    Thing(7, "human.pedestrian.child", "pedestrian.standing", (0.4, 0.4, 1.2), 10.0, 6.5, -1.0),
    Thing(8, "vehicle.bicycle", "cycle.with_rider", (1.8, 0.6, 1.7), 6.0, -2.3, 0.05, 4.0),
    Thing(9, "vehicle.motorcycle", "cycle.with_rider", (2.1, 0.8, 1.5), -11.0, 0.0, 0.0, 8.0),
    Thing(10, "movable_object.trafficcone", "", (0.4, 0.4, 0.9), 14.5, 6.5),
    Thing(11, "movable_object.barrier", "", (0.5, 2.0, 1.0), 19.0, 7.5, 0.3),
    Thing(12, "vehicle.trailer", "vehicle.parked", (6.0, 2.2, 2.5), -9.0, -5.0),
    Thing(13, "vehicle.construction", "vehicle.parked", (5.0, 2.5, 3.0), 28.0, 9.0, 0.4),
)


@dataclass(frozen=True)
class SyntheticTown:
    """A straight road, 3.5 m a lane, with parking lanes and pavements, along x through `origin_m`."""

    name: str = "SynthTown"
    origin_m: tuple[float, float] = (30.0, 40.0)
    length_m: float = 150.0

    @property
    def opendrive(self) -> str:
        lanes = ("driving", 3.5), ("parking", 2.5), ("sidewalk", 4.0)

        def side(sign: int) -> str:
            return "".join(
                f'<lane id="{sign * i}" type="{kind}" level="false">'
                f'<width sOffset="0" a="{width}" b="0" c="0" d="0"/></lane>'
                for i, (kind, width) in sorted(enumerate(lanes, 1), reverse=sign > 0)
            )

        return (
            '<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4" name="" version="1" north="0" south="0" '
            'east="0" west="0"><geoReference><![CDATA[+proj=tmerc +lat_0=0 +lon_0=0 +datum=WGS84]]></geoReference>'
            f'</header><road name="" length="{self.length_m}" id="0" junction="-1"><planView>'
            f'<geometry s="0" x="{self.origin_m[0]}" y="{self.origin_m[1]}" hdg="0" length="{self.length_m}"><line/>'
            "</geometry></planView><elevationProfile/><lateralProfile/><lanes>"
            f'<laneSection s="0"><left>{side(1)}</left><center><lane id="0" type="none" level="false"/></center>'
            f"<right>{side(-1)}</right></laneSection></lanes></road></OpenDRIVE>"
        )

    @property
    def world_from_start(self) -> Array:
        return from_yaw(self.origin_m[0] + 40.0, self.origin_m[1] - 1.75, 0.0, 0.0)


def world_from_ego(town: SyntheticTown, frame: int) -> Array:
    t = frame * TICK_US * 1e-6
    return town.world_from_start @ from_yaw(8.0 * t, 0.2 * t * t, 0.0, math.atan2(0.4 * t, 8.0))


def world_from_box(town: SyntheticTown, thing: Thing, frame: int) -> Array:
    way = thing.speed_mps * frame * TICK_US * 1e-6
    x, y = thing.x_m + way * math.cos(thing.yaw_rad), thing.y_m + way * math.sin(thing.yaw_rad)
    return town.world_from_start @ from_yaw(x, y, thing.lwh_m[2] / 2, thing.yaw_rad)


def velocity(thing: Thing) -> Array:
    return thing.speed_mps * np.array([math.cos(thing.yaw_rad), math.sin(thing.yaw_rad), 0.0])


def ego_to_walker_m(town: SyntheticTown, frame: int) -> float:
    """Between the box of the ego, whose middle is that of its axles, and that of the walker."""
    ego = world_from_ego(town, frame) @ from_yaw(EGO_WHEELBASE_M / 2, 0.0, 0.0, 0.0)
    walker = next(thing for thing in THINGS if thing.actor_id == 6)
    boxes = (ego, EGO_LWH_M), (world_from_box(town, walker, frame), walker.lwh_m)
    return distance_m(*(Footprint.of_box(pose, np.array(size), np.zeros(3)) for pose, size in boxes))


def is_there(thing: Thing, frame: int) -> bool:
    """The child is away around the second keyframe: a chain with a gap."""
    return thing.actor_id != 7 or abs(frame - KEYFRAME_TICKS) > KEYFRAME_TICKS // 2


def there(frame: int) -> list[Thing]:
    return [thing for thing in THINGS if is_there(thing, frame)]


def points_in(world_from_box_: Array, lwh_m: tuple[float, float, float], points_world: Array) -> int:
    inside = np.abs(apply(invert(world_from_box_), points_world)) <= np.asarray(lwh_m) / 2
    return int(inside.all(axis=1).sum())


def build_run(
    root: Path,
    seed: int,
    town: SyntheticTown | None = None,
    sensors: tuple[Sensor, ...] = SENSORS,
    change: Change | None = None,
    last_frame: int = LAST_FRAME,
    attribution: str = "",
    rig: Mapping[str, object] | None = None,
    scenario: Mapping[str, object] | None = None,
) -> Path:
    """Commit a run; equal arguments give equal bytes. `change` may spoil the tables' rows before they are written."""
    town = town or SyntheticTown()
    run_id = hashlib.sha256(f"{seed}/{town.name}/{len(sensors)}".encode()).hexdigest()[:20]
    blobs, rows = recorded(seed, town, sensors, last_frame)
    rows = {name: [dict(row) for row in content] for name, content in rows.items()}
    with store.stage(root, run_id) as staging:
        for path, data in blobs.items():
            staging.write(path, data)
        if change is not None:
            change(rows)
        for name, content in rows.items():
            if name in tables.OPTIONAL and not content:
                continue
            staging.write_table(name, tables.from_rows(name, content))
        staging.write_json("scenario.json", scenario or _scenario(town, seed))
        staging.write_json("rig.json", rig or {"name": "synthetic"})
        held = {"name": "near_miss", "asked": "0.5 s to 1.5 s", "reached": "1.1 s", "held": True}
        staging.write_json("outcome.json", {"expectations": [held], "never_began": ["brake"]})
        staging.write("map/opendrive.xodr", town.opendrive.encode())
        return staging.commit(
            {
                "scenario": (scenario or {}).get("name", "synthetic"),
                "rig": "synthetic",
                "seed": seed,
                "identity": {"seed": seed},
                "provenance": {"renderer": "painted boxes", **({"attribution": attribution} if attribution else {})},
                "counts": {"frames": last_frame + 1},
            }
        )


@lru_cache(maxsize=32)
def recorded(
    seed: int, town: SyntheticTown, sensors: tuple[Sensor, ...], last_frame: int
) -> tuple[Mapping[str, bytes], Rows]:
    """Files and rows of a run, made once for all that ask for the same: whoever changes rows changes copies."""
    blobs: dict[str, bytes] = {}
    recorder = _Recorder(blobs.__setitem__, town, seed)
    for sensor in sensors:
        for frame in range(0, last_frame + 1, sensor.ticks):
            recorder.record(sensor, frame)
    rows = recorder.rows(sensors, last_frame)
    return blobs, rows


def _scenario(town: SyntheticTown, seed: int) -> Mapping[str, object]:
    return {
        "name": "synthetic",
        "description": "Boxes on a\n  straight road.",
        "town": town.name,
        "seed": seed,
        "parameters": {"speed_mps": 8.0},
        "weather": {"cloudiness": 10.0},
    }


class _Recorder:
    """Makes blobs and remembers what the tables must say about them."""

    def __init__(self, write: Callable[[str, bytes], None], town: SyntheticTown, seed: int) -> None:
        self.write, self.town, self.seed = write, town, seed
        self.frames: list[dict[str, object]] = []
        self.masks: list[dict[str, object]] = []
        self.points: dict[tuple[str, int], list[Array]] = {}
        self.pixels: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self.labels = KeyframeLabels(write)

    def record(self, sensor: Sensor, frame: int) -> None:
        world_from_sensor = world_from_ego(self.town, frame) @ sensor.ego_from_sensor
        suffix = {"camera": ".jpg", "lidar": ".pcd.bin", "radar": ".pcd"}[sensor.modality]
        path = f"blobs/{sensor.channel}/{frame:06d}{suffix}"
        is_camera, is_key = sensor.modality == "camera", frame % KEYFRAME_TICKS == 0
        if is_camera:
            data = self._camera(sensor, frame, world_from_sensor, is_key)
        else:
            make = self._lidar if sensor.modality == "lidar" else self._radar
            data, points = make(frame, world_from_sensor)
            self.points.setdefault((sensor.modality, frame), []).append(apply(world_from_sensor, points))
        self.write(path, data)
        self.frames.append(
            {
                "channel": sensor.channel,
                "frame": frame,
                "time_us": frame * TICK_US,
                "is_keyframe": is_key,
                "path": path,
                "width_px": WIDTH if is_camera else 0,
                "height_px": HEIGHT if is_camera else 0,
            }
        )

    def _lidar(self, frame: int, world_from_lidar: Array) -> tuple[bytes, Array]:
        """Ground points of a grid fixed in the world, and points just inside the faces of every box within 60 m."""
        eye = world_from_lidar[:3, 3]
        span = np.arange(-30.0, 30.5, 1.5)
        ground = np.stack(np.meshgrid(span + round(eye[0] / 1.5) * 1.5, span + round(eye[1] / 1.5) * 1.5), -1)
        clouds = [np.column_stack([ground.reshape(-1, 2), np.zeros(span.size**2)])]
        owners = [0, *(thing.actor_id for thing in there(frame))]
        for thing in there(frame):
            pose = world_from_box(self.town, thing, frame)
            half = np.asarray(thing.lwh_m) / 2
            flat = np.abs(apply(invert(pose), clouds[0]))[:, :2] > half[:2] + 0.05
            clouds[0] = clouds[0][flat.any(axis=1)]
            distance = float(np.linalg.norm(pose[:3, 3] - eye))
            rng = np.random.default_rng([self.seed, frame, thing.actor_id])
            local = rng.uniform(-0.97, 0.97, (max(4, min(60, int(1500 / distance))), 3))
            local[np.arange(len(local)), rng.integers(0, 2, len(local))] = 0.97  # onto the front or the left face
            clouds.append(apply(pose, local * half))
        points = apply(invert(world_from_lidar), np.concatenate(clouds)).astype(np.float32)
        elevation = np.degrees(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1])))
        ring = np.round((elevation + 30.67) / 1.333)
        seen = (ring >= 0) & (ring <= 31)
        points, ring = points[seen], ring[seen]
        if frame % KEYFRAME_TICKS == 0:
            actor = np.repeat(np.array(owners, np.uint32), [len(cloud) for cloud in clouds])[seen]
            self.labels.lidar(frame, points, actor, {thing.actor_id: thing.category for thing in there(frame)})
        intensity = 10.0 + np.arange(len(points)) % 50
        cloud = np.column_stack([points, intensity, ring]).astype("<f4")
        return cloud.tobytes(), points.astype(np.float64)

    def _radar(self, frame: int, world_from_radar: Array) -> tuple[bytes, Array]:
        """One return, in the radar's own plane, from every box within 60 m and 45 degrees."""
        records = []
        for thing in there(frame):
            x, y, _ = apply(invert(world_from_radar), world_from_box(self.town, thing, frame)[:3, 3])
            if math.hypot(x, y) < 60.0 and abs(math.atan2(y, x)) < math.radians(45):
                speed = world_from_radar[:3, :3].T @ velocity(thing)
                moving = 0 if thing.speed_mps else 1
                records.append((x, y, 0, moving, len(records), 5, *speed[:2], *speed[:2], 1, 3, 19, 19, 0, 1, 16, 16))
        empty = (math.nan, math.nan, math.nan, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0)
        array = np.array(records or [empty], dtype=RADAR_RECORD)
        sizes = " ".join(str(RADAR_RECORD[i].itemsize) for i in range(18))
        types = " ".join("F" if RADAR_RECORD[i].kind == "f" else "I" for i in range(18))
        header = (
            "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\n"
            f"FIELDS {' '.join(RADAR_RECORD.names or ())}\nSIZE {sizes}\nTYPE {types}\nCOUNT {'1 ' * 17}1\n"
            f"WIDTH {len(array)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(array)}\nDATA binary\n"
        )
        points = np.column_stack([array["x"], array["y"], array["z"]]).astype(np.float64)
        return header.encode() + array.tobytes() + b"\n", points

    def _camera(self, sensor: Sensor, frame: int, world_from_camera: Array, is_key: bool) -> bytes:
        """Boxes as flat silhouettes on sky and road, the nearest on top."""
        image = np.full((HEIGHT, WIDTH, 3), (200, 170, 140), np.uint8)
        image[HEIGHT // 2 :] = np.random.default_rng([self.seed, frame]).integers(80, 100, (HEIGHT // 2, WIDTH, 1))
        mask = np.zeros((HEIGHT, WIDTH), np.uint16)
        seen = {}
        for thing, corners in self._far_to_near(frame, world_from_camera):
            pixels = corners[:, :2] / corners[:, 2:] * sensor.focal_px + (WIDTH / 2, HEIGHT / 2)
            alone = silhouette(pixels)
            image[alone] = (thing.actor_id * 53 % 256, thing.actor_id * 97 % 256, 40)
            mask[alone] = thing.actor_id
            seen[thing.actor_id] = alone
        if is_key:
            path = f"masks/{sensor.channel}/{frame:06d}.png"
            self.write(path, bytes(cv2.imencode(".png", mask)[1]))
            columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
            rays = np.stack([columns - WIDTH / 2, rows - HEIGHT / 2, np.full(rows.shape, sensor.focal_px)], axis=-1)
            ground_m = ground_depth(world_from_camera, rays / sensor.focal_px)
            kinds = {thing.actor_id: thing.category for thing in THINGS}
            self.labels.camera(sensor.channel, frame, mask, seen, kinds, ground_m)
            for actor_id, alone in seen.items():
                amodal, visible = int(alone.sum()), int((mask == actor_id).sum())
                self.pixels.setdefault((frame, actor_id), []).append((visible, amodal))
                if visible:
                    row = {"channel": sensor.channel, "frame": frame, "path": path, "value": actor_id}
                    self.masks.append({**row, "actor_id": actor_id, "pixels": visible, "ambiguous": False})
        return bytes(cv2.imencode(".jpg", image)[1])

    def _far_to_near(self, frame: int, world_from_camera: Array) -> Iterator[tuple[Thing, Array]]:
        signs = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        corners = {}
        for thing in there(frame):
            pose = world_from_box(self.town, thing, frame)
            corners[thing] = apply(invert(world_from_camera) @ pose, signs * np.asarray(thing.lwh_m) / 2)
        for thing in sorted(there(frame), key=lambda t: -float(corners[t][:, 2].mean())):
            if corners[thing][:, 2].min() > 0.3:
                yield thing, corners[thing]

    def rows(self, sensors: tuple[Sensor, ...], last_frame: int) -> Rows:
        """The rows of every table, by its name."""
        frames = range(last_frame + 1)
        rows: Rows = {name: [] for name in tables.TABLES}
        rows["sensor_frames"], rows["masks"] = self.frames, self.masks
        rows["sensors"] = [_sensor_row(sensor) for sensor in sensors]
        rows["actors"] = [_ego_row(), *(_actor_row(thing) for thing in THINGS)]
        for frame in frames:
            when = {"frame": frame, "time_us": frame * TICK_US}
            t = when["time_us"] * 1e-6
            speed = {"vx_mps": 8.0, "vy_mps": 0.4 * t, "vz_mps": 0.0}
            rows["ego_poses"].append({**when, **pose_columns(world_from_ego(self.town, frame)), **speed})
            rows["states"].append(_ego_state(self.town, frame, when, speed))
            pedals = {"throttle": 0.2, "steer": -0.01, "brake": 0.0, "hand_brake": False, "reverse": False, "gear": 2}
            rows["controls"].append({"frame": frame, "actor_id": EGO_ID, **pedals})
            rows["ticks"].append({**when, "state_hash": hashlib.sha256(str(frame).encode()).hexdigest()})
            for thing in THINGS:
                pose = world_from_box(self.town, thing, frame)
                pose[2, 3] = 0.0  # the actor's origin is on the ground
                still = dict.fromkeys(("wx_radps", "wy_radps", "wz_radps", "ax_mps2", "ay_mps2", "az_mps2"), 0.0)
                state = {**when, "actor_id": thing.actor_id, **pose_columns(pose), **velocity_columns(thing), **still}
                rows["states"].append(state)
                if frame % KEYFRAME_TICKS == 0 and is_there(thing, frame):
                    rows["boxes"].append(self._box_row(thing, frame))
        rows["boxes_2d"], rows["quality"] = (
            self.labels.boxes_2d,
            self.labels.quality(rows["boxes"], self._lidar_from_box),
        )
        return rows | happenings(TICK_US, frames, lambda frame: ego_to_walker_m(self.town, frame))

    def _lidar_from_box(self, frame: int, actor_id: int) -> Array:
        lidar = next(sensor for sensor in SENSORS if sensor.modality == "lidar")
        thing = next(thing for thing in THINGS if thing.actor_id == actor_id)
        world_from_lidar = world_from_ego(self.town, frame) @ lidar.ego_from_sensor
        return invert(world_from_lidar) @ world_from_box(self.town, thing, frame)

    def _box_row(self, thing: Thing, frame: int) -> dict[str, object]:
        pose = world_from_box(self.town, thing, frame)
        pixels = self.pixels.get((frame, thing.actor_id), [])
        fraction = sum(v for v, _ in pixels) / max(1, sum(a for _, a in pixels))
        counts = {
            modality: sum(points_in(pose, thing.lwh_m, cloud) for cloud in self.points.get((modality, frame), []))
            for modality in ("lidar", "radar")
        }
        return {
            "frame": frame,
            "time_us": frame * TICK_US,
            "actor_id": thing.actor_id,
            "category": thing.category,
            "attribute": thing.attribute,
            "visibility": 1 + sum(fraction > limit for limit in (0.4, 0.6, 0.8)),
            "visibility_method": "amodal_render",
            "visible_fraction": fraction,
            **pose_columns(pose),
            "length_m": thing.lwh_m[0],
            "width_m": thing.lwh_m[1],
            "height_m": thing.lwh_m[2],
            **velocity_columns(thing),
            "num_lidar_pts": counts["lidar"],
            "num_radar_pts": counts["radar"],
        }


def ground_depth(world_from_camera: Array, rays: Array) -> Array:
    """Depth (...) at which rays (..., 3) of unit depth, in camera axes, meet the ground; a kilometre in the sky."""
    down = -(rays @ world_from_camera[2, :3])
    return np.where(down > 1e-6, world_from_camera[2, 3] / np.maximum(down, 1e-6), 1000.0)


def silhouette(pixels: Array) -> npt.NDArray[np.bool_]:
    """(HEIGHT, WIDTH): pixels whose centres lie in the convex hull of points (N, 2)."""
    hull = cv2.convexHull(pixels.astype(np.float32), clockwise=False)[:, 0].astype(np.float64)
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    inside = np.ones((HEIGHT, WIDTH), bool)
    for (x0, y0), (x1, y1) in zip(hull, np.roll(hull, -1, axis=0), strict=True):
        inside &= (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) >= 0
    return inside


def pose_columns(pose: Array) -> dict[str, object]:
    values = (*pose[:3, 3], *quaternion_from_matrix(pose))
    return dict(zip(("x_m", "y_m", "z_m", "qw", "qx", "qy", "qz"), map(float, values), strict=True))


def velocity_columns(thing: Thing) -> dict[str, object]:
    return dict(zip(("vx_mps", "vy_mps", "vz_mps"), map(float, velocity(thing)), strict=True))


def _sensor_row(sensor: Sensor) -> dict[str, object]:
    is_camera = sensor.modality == "camera"
    return {
        "channel": sensor.channel,
        "modality": sensor.modality,
        **pose_columns(sensor.ego_from_sensor),
        "width_px": WIDTH if is_camera else 0,
        "height_px": HEIGHT if is_camera else 0,
        "fx_px": sensor.focal_px,
        "fy_px": sensor.focal_px,
        "cx_px": WIDTH / 2 if is_camera else 0.0,
        "cy_px": HEIGHT / 2 if is_camera else 0.0,
    }


def _ego_state(town: SyntheticTown, frame: int, when: dict[str, int], speed: dict[str, float]) -> dict[str, object]:
    """The actor's origin is in the middle of its axles."""
    pose = world_from_ego(town, frame) @ from_yaw(EGO_WHEELBASE_M / 2, 0.0, 0.0, 0.0)
    t = frame * TICK_US * 1e-6
    turning = {"wx_radps": 0.0, "wy_radps": 0.0, "wz_radps": 0.05 / (1.0 + (0.05 * t) ** 2)}
    gaining = {"ax_mps2": 0.0, "ay_mps2": 0.4, "az_mps2": 0.0}
    return {**when, "actor_id": EGO_ID, **pose_columns(pose), **speed, **turning, **gaining}


def _ego_row() -> dict[str, object]:
    row = _actor_row(Thing(EGO_ID, "vehicle.car", "vehicle.moving", EGO_LWH_M, 0.0, 0.0))
    return {**row, "role": "ego", "is_ego": True}


def _actor_row(thing: Thing) -> dict[str, object]:
    length, width, height = thing.lwh_m
    return {
        "actor_id": thing.actor_id,
        "role": "",
        "type_id": "synthetic.box",
        "category": thing.category,
        "length_m": length,
        "width_m": width,
        "height_m": height,
        "box_x_m": 0.0,
        "box_y_m": 0.0,
        "box_z_m": height / 2,
        "box_source": "reported",
        "attributes": "{}",
        "towed_by": 0,
        "parked": thing.attribute == "vehicle.parked",
        "is_ego": False,
    }
