"""What a turn of a lidar of the embedded simulator costs: 35k beams in a street with 40 cars that move.

`python -m tools.bench_lidar`; under a minute. Milliseconds of processor time, of one thread; each figure
beside its limit, and beside one plain Embree query of the same rays against the same triangles in one mesh. With all
effects is from the pose to the points of a device: wide beams in motion, its message, what it says, and what is
measured of that in rain, behind vehicles that throw spray.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

# before numpy is loaded: as servers have it
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from embreex import mesh_construction, rtcore_scene

from av_synth import rig as rigs
from av_synth.capture.lidar_rays import lidar_attributes, ray_attributes, ray_hits
from av_synth.geometry.transforms import apply, from_yaw, invert
from av_synth.rig.model import Firing
from av_synth.scenario.weather import Weather
from av_synth.sensing.air import air
from av_synth.sensing.lidar import LidarReturns, measured
from av_synth.sensing.spray import Wake
from av_synth.simulator import town as towns
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.bodies.model import shown
from av_synth.simulator.raycast import RayScene
from av_synth.simulator.raycast.fan import fan
from av_synth.simulator.scene import Scene
from av_synth.simulator.sensors.exposure import Exposure
from av_synth.simulator.sensors.lidars import HeadSpec
from av_synth.simulator.sensors.rays import expose_head
from av_synth.simulator.sensors.spec import make_sensor
from tools.bench_cameras import REAR_AXLE_M, TOWN, VEHICLES, WEATHERS, spent_s, street

TICK_S, COLUMNS, BEAMS = 0.05, 1084, 32
ROUNDS = 5
LIMIT_MS, EVERYTHING_LIMIT_MS = 15.0, 25.0  # of a turn at one instant, and with all effects; others have no own
SPIN = {
    "channels": str(BEAMS),
    "range": "100",
    "points_per_second": str(round(BEAMS * COLUMNS / TICK_S)),
    "rotation_frequency": str(1.0 / TICK_S),
    "upper_fov": "10.67",
    "lower_fov": "-30.67",
}
RAIN = {"precipitation": 20.0, "wetness": 80.0, "fog_distance": 0.0, "fog_falloff": 0.0}  # 10 mm/h
WIDE, MOVING = {"avsynth.divergence_mrad": "3"}, {"avsynth.motion": "true"}
HEADS = {
    "at one instant": {},
    "in motion": MOVING,
    "at one instant, beams 3 mrad wide": WIDE,
    "in motion, beams 3 mrad wide": {**WIDE, **MOVING},
}


def moving_street() -> tuple[Scene, np.ndarray, np.ndarray]:
    """A street by day whose cars all go at 10 m/s, that with the lidar too, and where this is and was (4, 4)."""
    scene, rig = street(WEATHERS["clear day"][0])
    back = from_yaw(-10.0 * TICK_S, 0.0, 0.0, 0.01)
    cars = tuple(
        replace(car, last_world_from_body=car.world_from_body @ back, velocity_mps=10.0 * car.world_from_body[:3, 0])
        for car in scene.instances
    )
    stands = rig @ from_yaw(REAR_AXLE_M, 0.0, 0.0, 0.0)
    own = replace(cars[0], world_from_body=stands, last_world_from_body=stands @ back, actor_id=VEHICLES + 1)
    now = rig @ from_yaw(0.94, 0.0, 1.84, 0.0)
    last = stands @ back @ invert(stands) @ now  # it is bolted to its car
    return replace(scene, instances=(own, *cars)), now, last


def one_mesh(scene: Scene) -> rtcore_scene.EmbreeScene:
    """The town and everything that stands in a scene, as one mesh in the world."""
    bodies = shown(catalogue())
    points, faces = [towns.load(TOWN).mesh.positions_m], [towns.load(TOWN).mesh.triangles]
    for instance in scene.instances:
        mesh = bodies[instance.body].meshes[instance.pose]
        faces.append(mesh.triangles + np.uint32(sum(map(len, points))))
        points.append(apply(instance.world_from_body, mesh.positions_m).astype(np.float32))
    whole = rtcore_scene.EmbreeScene()
    mesh_construction.TriangleMesh(whole, np.concatenate(points), np.concatenate(faces).astype(np.int32))
    return whole


def spent_ms(action: Callable[[], object]) -> float:
    """Least milliseconds of processor time of an action, of several rounds."""
    return 1000.0 * min(spent_s(action) for _ in range(ROUNDS))


def exposed(attributes: Mapping[str, str], now: np.ndarray, last: np.ndarray) -> tuple[Exposure, HeadSpec]:
    """An `avsynth.lidar.device` with these attributes when it is at `now` (4, 4), having been at `last`."""
    sensor = make_sensor("avsynth.lidar.device", {**SPIN, **attributes}, None, 1, 0, 1, (0, 0.0))
    assert isinstance(sensor.spec, HeadSpec)  # noqa: S101  for the type alone
    return Exposure(sensor, 1, TICK_S, TICK_S, now, np.zeros(3), last), sensor.spec


def wakes(scene: Scene, sensor_from_world: np.ndarray) -> list[Wake]:
    """The cars, for their spray."""
    bodies, found = catalogue(), []
    for car in scene.instances:
        length_m, width_m, height_m = (2.0 * float(half) for half in bodies[car.body].box_half_m)
        speed_mps = float(np.linalg.norm(car.velocity_mps))
        found.append(Wake(sensor_from_world @ car.world_from_body, (length_m, width_m, height_m), speed_mps))
    return found


def everything(rays: RayScene, scene: Scene, now: np.ndarray, last: np.ndarray) -> Callable[[], LidarReturns]:
    """A turn with all effects: the lidar of the rig `nuscenes`, in motion."""
    lidar = next(lidar for lidar in rigs.load("nuscenes").lidars)
    device, firing = lidar.device, Firing("compensated", None)
    assert device is not None  # noqa: S101  for the type alone
    lidar = replace(lidar, firing=firing)
    tick_us = round(TICK_S * 1e6)
    attributes = {**lidar_attributes(lidar, tick_us), **ray_attributes(lidar, device, firing)}
    exposure, spec = exposed(attributes, now, last)
    there = air(Weather(**RAIN).to_json())
    thrown = wakes(scene, invert(now))
    counts_from, channels = 8, 2 * lidar.beams

    def fire() -> LidarReturns:
        _, head, *points = expose_head(rays, replace(scene), exposure, spec).parts
        counts = np.frombuffer(head, dtype="<u4", offset=counts_from, count=channels)
        angle_rad = float(np.frombuffer(head, dtype="<f4", count=1)[0])
        heard = SimpleNamespace(
            raw_data=b"".join(points), horizontal_angle=angle_rad, get_point_count=lambda k: int(counts[k])
        )
        hits = ray_hits(heard, np.eye(4), lidar, tick_us)
        return measured(hits, device, there, np.random.default_rng(1), height_m=1.84, wakes=thrown)

    return fire


def measure() -> list[dict[str, Any]]:
    """The figures, as `make bench` prints them."""
    scene, now, last = moving_street()
    rays = RayScene(towns.load(TOWN).mesh, shown(catalogue()))
    directions = fan(exposed({}, now, last)[1].head, TICK_S, 0.0).directions @ now[:3, :3].T.astype(np.float32)
    origins = np.broadcast_to(now[:3, 3], directions.shape).astype(np.float32)
    reach_m = np.full(len(directions), float(SPIN["range"]), dtype=np.float32)
    whole = one_mesh(scene)
    plain_ms = spent_ms(lambda: whole.run(origins, directions, reach_m, output=True))
    actions: dict[str, Callable[[], object]] = {}
    for name, attributes in HEADS.items():
        exposure, spec = exposed(attributes, now, last)

        def fire(exposure: Exposure = exposure, spec: HeadSpec = spec) -> None:
            expose_head(rays, replace(scene), exposure, spec)  # another scene: nothing of the last one is known

        actions[name] = fire
    actions["with all effects"] = everything(rays, scene, now, last)
    figures: list[dict[str, Any]] = []
    for name, action in actions.items():
        limit_ms = EVERYTHING_LIMIT_MS if name == "with all effects" else LIMIT_MS
        took_ms = spent_ms(action)
        figures.append(
            {"name": f"a lidar turn of {len(directions)} beams, {VEHICLES} cars and its own, {name}, core-milliseconds"}
            | {"milliseconds": round(took_ms, 2), "against": "its limit", "peer_milliseconds": limit_ms}
            | {"ratio": round(took_ms / limit_ms, 3), "plain_embree_ms": round(plain_ms, 2)}
        )
    return figures


if __name__ == "__main__":
    print(json.dumps({"figures": measure()}, indent=1))
