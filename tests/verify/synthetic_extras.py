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
GROUND, WALL = 24, 28
CITY = {"human.pedestrian.adult": 12, "vehicle.bicycle": 13, "vehicle.car": 14, "vehicle.truck": 15}
ROAD, BUILDING, SKY, DYNAMIC = 1, 3, 11, 21
Add = Callable[..., object]


def semantic_classes(add: Add, token: Callable[..., str]) -> None:
    names = {ROAD: "roads", BUILDING: "buildings", SKY: "sky", 12: "pedestrians", 13: "rider", 14: "car", 15: "truck"}
    by_class = {city: name for name, city in CITY.items()}
    for index, name in {**names, DYNAMIC: "dynamic", 0: "unlabeled"}.items():
        category = token(by_class[index]) if index in by_class else ""
        add("semantic_class", token=token("semantic", index), index=index, name=name, category_token=category)


def write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


def label_images(root: Path, channel: str, stem: str, thing: np.ndarray, depth_m: np.ndarray, things: Any) -> dict:
    """Semantic, depth and (zero) flow images of a keyframe; returns their names."""
    classes = np.array([CITY.get(t.category, DYNAMIC) if t.category else BUILDING for t in things] + [SKY, ROAD])
    names = {kind: f"{kind}/{channel}/{stem}.png" for kind in ("semantic", "depth", "flow")}
    write_png(root / names["semantic"], classes[thing].astype(np.uint8))
    centimetres = np.rint(np.where(np.isfinite(depth_m), depth_m * 100, 0))
    write_png(root / names["depth"], np.where(centimetres > 65535, 0, centimetres).astype(np.uint16))
    flow = np.full((*thing.shape, 3), 2**15, dtype=np.uint16)
    flow[..., 0] = 1  # OpenCV writes blue first: valid, v, u
    write_png(root / names["flow"], flow)
    return names


def extent(own: np.ndarray) -> list[int]:
    """[left, top, right, bottom] of a boolean image, right and bottom exclusive."""
    rows, columns = np.nonzero(own)
    return [int(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)] if len(rows) else []


def point_labels(root: Path, version: str, token: str, thing: np.ndarray, things: Any) -> tuple[str, str]:
    """lidarseg and panoptic files of a lidar keyframe; returns their names."""
    of_thing = [ALL_CATEGORIES.index(t.category) if t.category else WALL for t in things]
    classes = np.array([*of_thing, GROUND], dtype=np.uint8)[thing]
    ids = np.array([*(k + 1 if t.category else 0 for k, t in enumerate(things)), 0], dtype=np.uint16)[thing]
    names = f"lidarseg/{version}/{token}_lidarseg.bin", f"panoptic/{version}/{token}_panoptic.npz"
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
    classes.tofile(root / names[0])
    np.savez_compressed(root / names[1], data=1000 * classes.astype(np.uint16) + ids)
    return names


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
            "accel": accel.round(4).tolist(),
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
    put("steeranglefeedback", [{"utime": m["utime"], "value": 2.0 * m["rotation_rate"][2]} for m in fast])
    put("route", [m["pos"][:2] for m in every(0.5)])
    put("meta", {"pose": {"message_count": len(every(0.02)), "message_freq": 50.0, "timespan": end_s, "var_stats": {}}})
    speed = [float(np.hypot(*m["vel"][:2])) * 3.6 for m in fast]
    monitor = {
        **dict.fromkeys(("available_distance", "battery_level", "brake", "brake_switch", "gear_position"), 0),
        **dict.fromkeys(("left_signal", "rear_left_rpm", "rear_right_rpm", "right_signal", "steering"), 0.0),
        **dict.fromkeys(("steering_speed", "throttle", "yaw_rate"), 0.0),
    }
    put(
        "vehicle_monitor",
        [{**monitor, "utime": m["utime"], "vehicle_speed": v} for m, v in zip(fast[::50], speed[::50], strict=True)],
    )
    sensors = dict.fromkeys(("brake_sensor", "steering_sensor", "throttle_sensor"), 0.1)
    put("zoesensors", [{**sensors, "utime": m["utime"]} for m in fast])
    info = ("FL_wheel_speed", "FR_wheel_speed", "RL_wheel_speed", "RR_wheel_speed", "left_solar", "longitudinal_accel")
    info += ("meanEffTorque", "odom", "pedal_cc", "regen", "requestedTorqueAfterProc", "right_solar", "steer_corrected")
    info += ("steer_offset_can", "steer_raw", "transversal_accel")
    zeros = dict.fromkeys(info, 0.0)
    put("zoe_veh_info", [{**zeros, "utime": m["utime"], "odom_speed": v} for m, v in zip(fast, speed, strict=True)])


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
