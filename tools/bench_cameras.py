"""What six nuScenes cameras of the embedded simulator cost: a street by day and on a wet night, colour and labels.

`python -m tools.bench_cameras`; a minute. Processor time, of one thread: beside its limit, beside the same
pictures without colour, which is what the geometry alone costs, at each quality, and beside pygfx on the same street.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
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
from av_synth.simulator.quality import DEFAULT, FAST, HIGH
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import (
    DEPTH,
    FLOW,
    LABELS,
    NORMALS,
    RGB,
    Instance,
    Scene,
    Tag,
    VehicleLight,
    View,
    Weather,
)

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
    town, bodies, figures = towns.load(TOWN).mesh, shown(catalogue()), []
    whole_s: dict[tuple[str, str], float] = {}
    colour_s = 0.0
    for quality in (DEFAULT, FAST, HIGH):
        renderer = Renderer(town, bodies, quality)
        for name, (weather, limit_s) in WEATHERS.items():
            scene, rig = street(weather)
            seen = tuple(views(rig).values())
            sample = partial(_draw, renderer, scene)
            took_s = whole_s[quality.name, name] = spent_s(partial(sample, seen, EVERYTHING))
            if quality is DEFAULT:
                each = {channel: spent_s(partial(sample, [view], EVERYTHING)) for channel, view in views(rig).items()}
                bare_s = spent_s(partial(sample, seen, GEOMETRY))
                figures += _of_default(name, limit_s, took_s, each, bare_s)
                figures[-1] |= {
                    "with_normals_and_flow_s": round(spent_s(partial(sample, seen, EVERYTHING | {NORMALS, FLOW})), 3),
                    "renderer": renderer.description,
                }
                colour_s = colour_s or spent_s(partial(sample, seen, frozenset({RGB})))
            else:
                usual_s = whole_s[DEFAULT.name, name]
                row = {"name": f"six 1600x900 cameras, {name}, quality {quality.name}, core-seconds"}
                figures.append({**row, **_beside(took_s, "quality default", usual_s)})
        renderer.close()
    return [*figures, _beside_pygfx(colour_s)]


def _draw(renderer: Renderer, scene: Scene, seen: Sequence[View], outputs: frozenset[str]) -> None:
    moved = replace(scene)  # another scene: nothing of the last one may be taken for granted
    for view in seen:
        renderer.render(moved, view, outputs)


def _beside(took_s: float, against: str, peer_s: float) -> dict[str, Any]:
    times = {"seconds": round(took_s, 3), "against": against, "peer_seconds": round(peer_s, 3)}
    return {**times, "ratio": round(took_s / peer_s, 3)}


def _of_default(
    name: str, limit_s: float, took_s: float, each_s: dict[str, float], bare_s: float
) -> list[dict[str, Any]]:
    """One camera by itself, with all that cameras share; and six."""
    one = {"name": f"a 1600x900 camera, {name}, colour and every label, core-seconds"}
    six = {"name": f"six 1600x900 cameras, {name}, colour and every label, core-seconds"}
    rounded = {channel: round(seconds, 4) for channel, seconds in each_s.items()}
    return [
        {**one, **_beside(sum(each_s.values()) / 6, "geometry alone", bare_s / 6), "each_s": rounded},
        {**six, **_beside(took_s, "its limit", limit_s), "geometry_alone_s": round(bare_s, 3)},
    ]


def _beside_pygfx(colour_s: float) -> dict[str, Any]:
    """Colour alone of the same street in the same run, for pygfx draws no labels beside; or why it is not there."""
    name = {"name": "six 1600x900 cameras, clear day, colour alone, core-seconds", "seconds": round(colour_s, 3)}
    command = [sys.executable, "-m", "tools.bench_peer"]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603  our own program
    if done.returncode != 0:
        return {**name, "against": "pygfx", "missing": done.stderr.strip()[-500:]}
    peer = json.loads(done.stdout.splitlines()[-1])
    if "missing" in peer:
        return {**name, "against": "pygfx", "missing": peer["missing"]}
    return {
        **name,
        **_beside(colour_s, peer.pop("renderer"), peer.pop("seconds")),
        "each_of_the_peer_s": peer["each_camera_s"],
    }


if __name__ == "__main__":
    print(json.dumps({"figures": measure()}, indent=1))
