"""What six nuScenes cameras of the embedded simulator cost: a street by day and on a wet night, every label target.

`.venv/bin/python tools/bench_cameras.py`; under a minute. Processor time, of one thread; each figure beside its limit
and beside the same pictures without colour, which is what the geometry alone costs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

# before the renderer is loaded: what is measured is one core
os.environ["LP_NUM_THREADS"] = "1"

import cv2
import numpy as np

from av_synth import rig as rigs
from av_synth.geometry.transforms import from_yaw
from av_synth.simulator import town as towns
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.bodies.model import shown
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import DEPTH, LABELS, RGB, Instance, Scene, Tag, VehicleLight, View, Weather

TOWN, SPAWN_POINT = "AvSynth03", 7
VEHICLES, ROUNDS = 40, 3
EVERYTHING, GEOMETRY = frozenset({RGB, DEPTH, LABELS}), frozenset({DEPTH, LABELS})
WEATHERS = {
    "clear day": (Weather(cloudiness=10.0, sun_altitude_angle=40.0, sun_azimuth_angle=130.0), 0.6),
    "wet night": (Weather(80.0, 30.0, 60.0, sun_altitude_angle=-30.0, wetness=90.0), 1.0),
}
REAR_AXLE_M = 1.4  # behind the middle of the car, where a rig's mounts are measured from


def street(weather: Weather) -> tuple[Scene, np.ndarray]:
    """A scene of cars at the spawn points around one, and the (4, 4) pose of the rig that stands there."""
    town, bodies = towns.load(TOWN), catalogue()
    points = sorted(
        town.spawn_points, key=lambda p: float(np.linalg.norm(p[:3, 3] - town.spawn_points[SPAWN_POINT][:3, 3]))
    )
    models = [name for name, body in bodies.items() if body.tag == Tag.CAR]
    lights = int(VehicleLight.LOW_BEAM | VehicleLight.POSITION) if weather.sun_altitude_angle < 0.0 else 0
    cars = [
        Instance(k + 1, models[k % len(models)], 0, point @ from_yaw(0.0, 0.0, -0.3, 0.0), lights=lights)
        for k, point in enumerate(points[1 : 1 + VEHICLES])
    ]
    return Scene(1, 0.0, tuple(cars), weather), points[0] @ from_yaw(-REAR_AXLE_M, 0.0, -0.3, 0.0)


def views(world_from_rig: np.ndarray) -> dict[str, View]:
    """What each camera of the rig sees from there."""
    return {
        camera.channel: View(
            world_from_rig @ camera.mount.ego_from_sensor,
            camera.width_px,
            camera.height_px,
            camera.fx_px,
            camera.fy_px,
            camera.cx_px,
            camera.cy_px,
        )
        for camera in rigs.load("nuscenes").cameras
    }


def spent_s(draw: Callable[[], object]) -> float:
    """Least processor seconds of some rounds, after one that is not counted."""
    draw()
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        draw()
        times.append(time.process_time() - began)
    return min(times)


def measure() -> list[dict[str, Any]]:
    """The figures, as `make bench` prints them."""
    cv2.setNumThreads(1)
    renderer = Renderer(towns.load(TOWN).mesh, shown(catalogue()))
    figures: list[dict[str, Any]] = []
    for name, (weather, limit_s) in WEATHERS.items():
        scene, rig = street(weather)
        cameras = views(rig)

        def sample(*seen: View, outputs: frozenset[str] = EVERYTHING, scene: Scene = scene) -> None:
            moved = replace(scene)  # another scene: nothing of the last one may be taken for granted
            for view in seen:
                renderer.render(moved, view, outputs)

        each = {channel: round(spent_s(partial(sample, view)), 4) for channel, view in cameras.items()}
        whole_s = spent_s(partial(sample, *cameras.values()))
        bare_s = spent_s(partial(sample, *cameras.values(), outputs=GEOMETRY))
        row = {"name": f"six 1600x900 cameras, {name}, core-seconds", "seconds": round(whole_s, 3)}
        figures.append(
            {**row, "against": "its limit", "peer_seconds": limit_s, "ratio": round(whole_s / limit_s, 3)}
            | {"geometry_alone_s": round(bare_s, 3), "each_camera_s": each, "renderer": renderer.description}
        )
    renderer.close()
    return figures


if __name__ == "__main__":
    print(json.dumps({"figures": measure()}, indent=1))
