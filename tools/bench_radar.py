"""What a scan of a radar that is a device costs: rays in a street with 40 cars that move, and their physics.

`python -m tools.bench_radar`; under a minute. Milliseconds of processor time, of one thread, beside one
plain Embree query of the same rays against the town alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from embreex import mesh_construction, rtcore_scene

from av_synth.capture.radar_rays import grid_of, ray_attributes, ray_hits
from av_synth.geometry.transforms import from_yaw, invert, yaw
from av_synth.rig import load
from av_synth.sensing.radar import measured
from av_synth.sensing.radar_model import Bodies, RadarDevice, RadarField
from av_synth.sensing.radar_rays import ray_grid
from av_synth.simulator import town as towns
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.bodies.model import shown
from av_synth.simulator.raycast import RayScene
from av_synth.simulator.scene import Scene
from av_synth.simulator.sensors.exposure import Exposure
from av_synth.simulator.sensors.rays import expose_grid_radar
from av_synth.simulator.sensors.spec import GridRadarSpec, make_sensor
from tools.bench_cameras import TOWN, VEHICLES, WEATHERS, spent_s, street

ROUNDS, SPEED_MPS = 7, 10.0
LIMIT_MS = 10.0  # of rays and physics together: five such radars, ten times a second, are half a core


def spent_ms(action: Callable[[], object]) -> float:
    """Least milliseconds of processor time of an action, of several rounds."""
    return 1000.0 * min(spent_s(action) for _ in range(ROUNDS))


def around(scene: Scene, radar_from_world: np.ndarray, own_mps: np.ndarray) -> Bodies:
    """The cars of a scene in a radar's axes."""
    cars = sorted(scene.instances, key=lambda car: car.actor_id)
    sizes = [2.0 * np.asarray(catalogue()[car.body].box_half_m) for car in cars]
    return Bodies(
        np.array([car.actor_id for car in cars], dtype=np.uint32),
        np.array([yaw(radar_from_world @ car.world_from_body) for car in cars]),
        np.array(sizes),
        np.array([radar_from_world[:3, :3] @ car.velocity_mps for car in cars]),
        own_mps,
    )


def measure() -> list[dict[str, Any]]:
    """The figures, as `make bench` prints them."""
    scene, rig = street(WEATHERS["clear day"][0])
    cars = tuple(replace(car, velocity_mps=SPEED_MPS * car.world_from_body[:3, 0]) for car in scene.instances)
    scene = replace(scene, instances=cars)
    radar, device = load("nuscenes").radars[0], RadarDevice()
    grid = grid_of(radar, device)
    sensor = make_sensor("avsynth.radar.device", ray_attributes(grid), None, 1, 0, 1, (0, 0.0))
    spec, now = sensor.spec, rig @ from_yaw(3.412, 0.0, 0.5, 0.0)
    assert isinstance(spec, GridRadarSpec)  # noqa: S101  for the type alone
    exposure = Exposure(sensor, 1, 0.05, 0.05, now, SPEED_MPS * now[:3, 0])
    rays = RayScene(towns.load(TOWN).mesh, shown(catalogue()))
    scan = SimpleNamespace(raw_data=expose_grid_radar(rays, scene, exposure, spec).parts[-1])
    bodies = around(scene, invert(now), np.array([SPEED_MPS, 0.0, 0.0]))
    field = RadarField(radar.horizontal_fov_deg, radar.vertical_fov_deg, radar.range_m, radar.points)
    fired = ray_grid(grid)
    town = rtcore_scene.EmbreeScene()
    mesh = towns.load(TOWN).mesh
    mesh_construction.TriangleMesh(town, mesh.positions_m, mesh.triangles.astype(np.int32))
    directions = np.ascontiguousarray(fired.directions @ now[:3, :3].T.astype(np.float32))
    origins = np.broadcast_to(now[:3, 3], directions.shape).astype(np.float32)
    limit_m = fired.limit_m.copy()
    plain_ms = spent_ms(lambda: town.run(origins, directions, limit_m, output=True))
    rays_ms = spent_ms(lambda: expose_grid_radar(rays, scene, exposure, spec))

    def physics() -> object:
        return measured(ray_hits(scan, grid), bodies, field, device, 4e-4, np.random.default_rng(0))

    physics_ms = spent_ms(physics)
    found = measured(ray_hits(scan, grid), bodies, field, device, 4e-4, np.random.default_rng(0))
    took_ms = rays_ms + physics_ms
    return [
        {
            "name": f"a radar scan of {len(directions)} rays, {VEHICLES} cars, core-milliseconds",
            "returns": len(found.range_m),
        }
        | {"milliseconds": round(took_ms, 2), "rays_ms": round(rays_ms, 2), "physics_ms": round(physics_ms, 2)}
        | {"against": "its limit", "peer_milliseconds": LIMIT_MS, "ratio": round(took_ms / LIMIT_MS, 3)}
        | {"plain_embree_ms": round(plain_ms, 2)}
    ]


if __name__ == "__main__":
    print(json.dumps({"figures": measure()}, indent=1))
