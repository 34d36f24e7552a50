"""What goes beyond the 13 tables in the synthetic dataset: lidar classes, label images, CAN bus, vector map, truth."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ALL_CATEGORIES = (
    *("noise", "animal", "human.pedestrian.adult", "human.pedestrian.child", "human.pedestrian.construction_worker"),
    *("human.pedestrian.personal_mobility", "human.pedestrian.police_officer", "human.pedestrian.stroller"),
    *("human.pedestrian.wheelchair", "movable_object.barrier", "movable_object.debris"),
    *("movable_object.pushable_pullable", "movable_object.trafficcone", "static_object.bicycle_rack"),
    *("vehicle.bicycle", "vehicle.bus.bendy", "vehicle.bus.rigid", "vehicle.car", "vehicle.construction"),
    *("vehicle.emergency.ambulance", "vehicle.emergency.police", "vehicle.motorcycle", "vehicle.trailer"),
    *("vehicle.truck", "flat.driveable_surface", "flat.other", "flat.sidewalk", "flat.terrain", "static.manmade"),
    *("static.other", "static.vegetation", "vehicle.ego"),
)
ROAD_POINT, PAVEMENT_POINT, GRASS_POINT, WALL = 24, 26, 27, 28
CITY = {"human.pedestrian.adult": 12, "vehicle.bicycle": 13, "vehicle.car": 14, "vehicle.truck": 15}
ROAD, PAVEMENT, BUILDING, GRASS, SKY, DYNAMIC = 1, 2, 3, 10, 11, 21
WHEELBASE_M, STEERING_RATIO, WHEEL_M, GRAVITY = 2.6, 16.0, 0.305, 9.81
FIRST_ACTOR = 100
Add = Callable[..., object]


def semantic_classes(add: Add, token: Callable[..., str]) -> None:
    names = {ROAD: "roads", PAVEMENT: "sidewalks", BUILDING: "buildings", GRASS: "terrain", SKY: "sky"}
    names |= {12: "pedestrians", 13: "rider", 14: "car", 15: "truck"}
    by_class = {city: name for name, city in CITY.items()}
    by_class |= {ROAD: "flat.driveable_surface", PAVEMENT: "flat.sidewalk", BUILDING: "static.manmade"}
    by_class[GRASS] = "flat.terrain"
    for index, name in {**names, DYNAMIC: "dynamic", 0: "unlabeled"}.items():
        category = token(by_class[index]) if index in by_class else ""
        add("semantic_class", token=token("semantic", index), index=index, name=name, category_token=category)


def write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


def ground(y: np.ndarray, road: int, pavement: int, grass: int) -> np.ndarray:
    """What the ground is at a place: a road along x between pavements."""
    return np.where((y > 52) & (y < 67), road, np.where((y > 51) & (y < 68), pavement, grass))


def label_images(
    root: Path,
    channel: str,
    stem: str,
    thing: np.ndarray,
    depth_m: np.ndarray,
    y: np.ndarray,
    moved_px: np.ndarray,
    things: Any,
) -> dict:
    """Semantic, depth and flow images of a keyframe; returns their names."""
    classes = np.array([CITY.get(t.category, DYNAMIC) if t.category else BUILDING for t in things] + [SKY, ROAD])
    names = {kind: f"{kind}/{channel}/{stem}.png" for kind in ("semantic", "depth", "flow")}
    semantic = np.where(thing == -1, ground(y, ROAD, PAVEMENT, GRASS), classes[thing])
    write_png(root / names["semantic"], semantic.astype(np.uint8))
    centimetres = np.rint(np.where(np.isfinite(depth_m), depth_m * 100, 0))
    write_png(root / names["depth"], np.where(centimetres > 65535, 0, centimetres).astype(np.uint16))
    known = np.isfinite(moved_px).all(axis=-1) & (np.abs(moved_px) < 500).all(axis=-1)
    values = np.rint(np.where(known[..., None], moved_px, 0) * 64 + 2**15)
    # OpenCV writes blue first: valid, v, u
    write_png(root / names["flow"], np.dstack([known, values[..., 1], values[..., 0]]).astype(np.uint16))
    return names


def corners_px(camera_from_box: np.ndarray, lwh: tuple[float, float, float], focal: float) -> np.ndarray | None:
    """The corners (8, 2) of a box in an image; None unless all are before the camera."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    corners = signs * np.array(lwh) / 2 @ camera_from_box[:3, :3].T + camera_from_box[:3, 3]
    return corners[:, :2] / corners[:, 2:] * focal + (81.0, 46.0) if corners[:, 2].min() > 0.1 else None


def extent(own: np.ndarray) -> list[int]:
    """[left, top, right, bottom] of a boolean image, right and bottom exclusive."""
    rows, columns = np.nonzero(own)
    return [int(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)] if len(rows) else []


def point_labels(
    root: Path, version: str, token: str, thing: np.ndarray, y: np.ndarray, things: Any
) -> tuple[str, str, str]:
    """lidarseg, panoptic and actor files of a lidar keyframe; returns their names."""
    of_thing = [ALL_CATEGORIES.index(t.category) if t.category else WALL for t in things]
    classes = np.array([*of_thing, ROAD_POINT], dtype=np.uint8)[thing]
    classes = np.where(thing < 0, ground(y, ROAD_POINT, PAVEMENT_POINT, GRASS_POINT), classes).astype(np.uint8)
    ids = np.array([*(k + 1 if t.category else 0 for k, t in enumerate(things)), 0], dtype=np.uint16)[thing]
    names = (
        f"lidarseg/{version}/{token}_lidarseg.bin",
        f"panoptic/{version}/{token}_panoptic.npz",
        f"lidar_instances/LIDAR_TOP/{token}.bin",
    )
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
    classes.tofile(root / names[0])
    np.savez_compressed(root / names[1], data=1000 * classes.astype(np.uint16) + ids)
    np.where(ids > 0, ids + FIRST_ACTOR, 0).astype("<u4").tofile(root / names[2])
    return names


def radar_truth(root: Path, token: str, thing: np.ndarray, actors: int) -> str:
    """Whom each return of a scan is of: an actor (0), a wall (1) or the ground (2); returns the file's name."""
    name = f"radar_truth/{token}.bin"
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    truth = np.zeros(len(thing), dtype=[("actor_id", "<u4"), ("origin", "u1")])
    acts = (thing >= 0) & (thing < actors)
    truth["actor_id"] = np.where(acts, thing + FIRST_ACTOR + 1, 0)
    truth["origin"] = np.where(acts, 0, np.where(thing >= 0, 1, 2))
    truth.tofile(root / name)
    return name


def can_bus(root: Path, scene: str, start_us: int, end_s: float, pose: Callable[[float], np.ndarray], quaternion: Any):
    """All messages of a scene, from the ego's path."""
    (root / "can_bus").mkdir(exist_ok=True)

    def put(message: str, content: object) -> None:
        (root / "can_bus" / f"{scene}_{message}.json").write_text(json.dumps(content))

    def motion(t: float) -> dict[str, Any]:
        h = 1e-3
        here, ahead, behind = pose(t), pose(t + h), pose(t - h)
        velocity = here[:3, :3].T @ (ahead[:3, 3] - behind[:3, 3]) / (2 * h)
        accel = here[:3, :3].T @ (ahead[:3, 3] - 2 * here[:3, 3] + behind[:3, 3]) / h**2
        yaws = [math.atan2(m[1, 0], m[0, 0]) for m in (behind, ahead)]
        return {
            "accel": (accel + here[:3, :3].T @ (0.0, 0.0, GRAVITY)).round(4).tolist(),
            "orientation": quaternion(here),
            "pos": here[:3, 3].tolist(),
            "rotation_rate": [0.0, 0.0, (yaws[1] - yaws[0]) / (2 * h)],
            "utime": start_us + round(t * 1e6),
            "vel": velocity.tolist(),
        }

    def every(step_s: float) -> list[dict[str, Any]]:
        return [motion(k * step_s) for k in range(round(end_s / step_s) + 1)]

    put("pose", every(0.02))
    imu = ("accel", "orientation", "rotation_rate", "utime")
    names = {"accel": "linear_accel", "orientation": "q"}
    fast = every(0.01)
    put("ms_imu", [{names.get(key, key): m[key] for key in imu} for m in fast])
    speed = [float(np.hypot(*m["vel"][:2])) * 3.6 for m in fast]
    turned = [
        STEERING_RATIO * math.atan(WHEELBASE_M * m["rotation_rate"][2] / (v / 3.6))
        for m, v in zip(fast, speed, strict=True)
    ]
    put("steeranglefeedback", [{"utime": m["utime"], "value": v} for m, v in zip(fast, turned, strict=True)])
    put("route", [m["pos"][:2] for m in every(0.5)])
    put("meta", {"pose": {"message_count": len(every(0.02)), "message_freq": 50.0, "timespan": end_s, "var_stats": {}}})
    rpm = [v / 3.6 / WHEEL_M * 60 / (2 * math.pi) for v in speed]
    monitor = {
        **dict.fromkeys(("available_distance", "battery_level", "brake", "brake_switch", "gear_position"), 0),
        **dict.fromkeys(("left_signal", "rear_left_rpm", "rear_right_rpm", "right_signal", "steering"), 0.0),
        **dict.fromkeys(("steering_speed", "throttle", "yaw_rate"), 0.0),
    }
    put(
        "vehicle_monitor",
        [
            {**monitor, "rear_left_rpm": r, "rear_right_rpm": r, "utime": m["utime"], "vehicle_speed": v}
            for m, v, r in zip(fast[::50], speed[::50], rpm[::50], strict=True)
        ],
    )
    sensors = dict.fromkeys(("brake_sensor", "steering_sensor", "throttle_sensor"), 0.1)
    put("zoesensors", [{**sensors, "utime": m["utime"]} for m in fast])
    info = ("FL_wheel_speed", "FR_wheel_speed", "RL_wheel_speed", "RR_wheel_speed", "left_solar", "longitudinal_accel")
    info += ("meanEffTorque", "odom", "pedal_cc", "regen", "requestedTorqueAfterProc", "right_solar", "steer_corrected")
    info += ("steer_offset_can", "steer_raw", "transversal_accel")
    zeros = dict.fromkeys(info, 0.0)
    wheels = ("FL_wheel_speed", "FR_wheel_speed", "RL_wheel_speed", "RR_wheel_speed")
    put(
        "zoe_veh_info",
        [
            {**zeros, **dict.fromkeys(wheels, r), "utime": m["utime"], "odom_speed": v}
            for m, v, r in zip(fast, speed, rpm, strict=True)
        ],
    )


class MapBuilder:
    """A straight road of two lanes a way, along x, each a lane, a connector and a lane."""

    CANVAS = (150.0, 150.0)

    def __init__(self) -> None:
        keys = ("polygon", "line", "node", "drivable_area", "road_segment", "road_block", "lane", "ped_crossing")
        keys += ("walkway", "stop_line", "carpark_area", "road_divider", "lane_divider", "traffic_light")
        keys += ("lane_connector",)
        self.out: dict[str, Any] = {"version": "1.3", "canvas_edge": list(self.CANVAS), **{k: [] for k in keys}}
        self.out |= {"arcline_path_3": {}, "connectivity": {}}

    def node(self, x: float, y: float) -> str:
        token = f"node-{x:g}-{y:g}"
        if not any(n["token"] == token for n in self.out["node"]):
            self.out["node"].append({"token": token, "x": x, "y": y})
        return token

    def line(self, *places: tuple[float, float]) -> str:
        token = f"line-{len(self.out['line'])}"
        self.out["line"].append({"token": token, "node_tokens": [self.node(*p) for p in places]})
        return token

    def box(self, x0: float, x1: float, y0: float, y1: float) -> str:
        token = f"polygon-{len(self.out['polygon'])}"
        nodes = [self.node(*p) for p in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
        self.out["polygon"].append({"token": token, "exterior_node_tokens": nodes, "holes": []})
        return token

    def lane(self, name: str, x0: float, x1: float, y: float, *, connector: bool = False) -> None:
        start, end = (min(x0, x1), max(x0, x1))
        polygon = self.box(start, end, y - 1.75, y + 1.75)
        if connector:
            self.out["lane_connector"].append({"token": name, "polygon_token": polygon})
        else:
            left = y + (1.75 if x1 > x0 else -1.75)
            self.out["lane"].append(
                {
                    "token": name,
                    "polygon_token": polygon,
                    "lane_type": "CAR",
                    "from_edge_line_token": self.line((x0, y - 1.75), (x0, y + 1.75)),
                    "to_edge_line_token": self.line((x1, y - 1.75), (x1, y + 1.75)),
                    "left_lane_divider_segments": [{"node_token": self.node(x0, left), "segment_type": "NIL"}],
                    "right_lane_divider_segments": [],
                }
            )
        yaw = 0.0 if x1 > x0 else math.pi
        self.out["arcline_path_3"][name] = [
            {
                "start_pose": [x0, y, yaw],
                "end_pose": [x1, y, yaw],
                "shape": "LSR",
                "radius": 999.999,
                "segment_length": [0.0, abs(x1 - x0), 0.0],
            }
        ]

    def build(self) -> dict[str, Any]:
        area = self.box(0.0, 150.0, 51.0, 68.0)
        self.out["drivable_area"].append({"token": "area", "polygon_tokens": [area]})
        segment = {"token": "segment", "polygon_token": area, "is_intersection": False, "drivable_area_token": "area"}
        self.out["road_segment"].append(segment)
        for way, y in (("east", 56.75), ("east2", 60.25), ("west", 63.75)):
            xs = (0.0, 60.0, 90.0, 150.0) if way != "west" else (150.0, 90.0, 60.0, 0.0)
            for k, part in enumerate(("a", "b", "c")):
                self.lane(f"{way}-{part}", xs[k], xs[k + 1], y, connector=part == "b")
            names = [f"{way}-{part}" for part in ("a", "b", "c")]
            for k, name in enumerate(names):
                self.out["connectivity"][name] = {
                    "incoming": names[max(0, k - 1) : k],
                    "outgoing": names[k + 1 : k + 2],
                }
        return self.out


EGO_LWH, EGO_CENTRE = (4.08, 1.73, 1.56), (1.3, 0.0, 0.78)


def ego_box(world_from_ego: Callable[[float], np.ndarray], quaternion: Callable[[np.ndarray], list[float]], t: float):  # type: ignore[no-untyped-def]
    """The ego at a time as an annotation has it, and its velocity by central differences."""
    centre = [(world_from_ego(at) @ [*EGO_CENTRE, 1.0])[:3] for at in (t - 1e-4, t, t + 1e-4)]
    length, width, height = EGO_LWH
    return {
        "translation": centre[1].tolist(),
        "size": [width, length, height],
        "rotation": quaternion(world_from_ego(t)),
        "velocity": ((centre[2] - centre[0]) / 2e-4).tolist(),
    }


def outline(world_from_box: np.ndarray, lwh: tuple[float, float, float]) -> np.ndarray:
    """Points (N, 2), 2 cm apart, all round a box seen from above."""
    x, y = lwh[0] / 2, lwh[1] / 2
    along, across = np.linspace(-x, x, round(x * 100)), np.linspace(-y, y, round(y * 100))
    sides = [np.stack([along, np.full_like(along, v)], 1) for v in (-y, y)]
    sides += [np.stack([np.full_like(across, v), across], 1) for v in (-x, x)]
    return np.concatenate(sides) @ world_from_box[:2, :2].T + world_from_box[:2, 3]
