"""Which bodies of the catalogue does the judge know? Each alone in a street, from several sides; JSON on stdout.

    python -m tools.bench_bodies --judge yolox_nano_coco.onnx [--out FOLDER] [BLUEPRINT_ID ...]

All vehicles and people without a list. Writes bodies.jpg into FOLDER: all pictures of up to eight bodies.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import carla
import numpy as np

from av_synth import rig as rigs
from av_synth.errors import UserError
from av_synth.geometry.carla import matrix_from_transform, transform_from_matrix
from av_synth.geometry.transforms import Array, from_yaw
from av_synth.launch import launch_embedded
from av_synth.scenario.weather import PRESETS
from av_synth.session import Session, open_session
from av_synth.simulator.bodies import catalogue
from tools.realism_frames import Shot, camera_for_one_tick, take_down
from tools.realism_judge import Judge, fitted
from tools.realism_score import QUESTIONS, SCORE_AT_LEAST, Picture, by_body, match
from tools.realism_sheet import thumbnail, write_sheet
from tools.realism_truth import found, truths

_TOWN, _TICK_US, _CARRIER = "AvSynth02", 50_000, "vehicle.audi.a2"
_PLACES, _DISTANCES_M, _LIFT_M = 2, (8.0, 16.0), 0.6
_LONG_M = 5.0  # longer bodies are that much further away: in pieces is how the judge sees what is wider than 416 pixels
_AZIMUTHS = 3  # at each place and distance another part of a turn
_SHOWN = 8


def main(arguments: Sequence[str]) -> int:
    """Look at each body, print; returns the exit status: 2 if it could not begin."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--judge", default="", help="path of yolox_nano_coco.onnx")
    parser.add_argument("--out", type=Path, default=Path("out/realism"))
    parser.add_argument("bodies", nargs="*", help="blueprint ids; all vehicles and people if left out")
    asked = parser.parse_args(arguments)
    known = [name for name, body in catalogue().items() if body.kind in ("vehicle", "walker")]
    try:
        judge = Judge(asked.judge)
        for name in asked.bodies:
            if name not in known:
                raise UserError(f"{name}: no vehicle and no person of the catalogue; want such as {known[0]}")
    except UserError as error:
        print(f"bench-bodies: {error}", file=sys.stderr)
        return 2
    bodies = asked.bodies or known
    pictures, shown = [], []
    with (
        tempfile.TemporaryDirectory() as cache,
        launch_embedded(_TOWN) as address,
        open_session(address, _TOWN, _TICK_US, 0, Path(cache)) as session,
    ):
        for shot in _shots(session, bodies):
            bgr, scale = fitted(shot.bgr)
            picture = Picture(truths(shot, scale, shot.label.instance), found(judge, bgr, shot, scale))
            pictures.append(picture)
            if len(bodies) <= _SHOWN:
                matches = [match(picture, each, SCORE_AT_LEAST) for each in QUESTIONS.values()]
                shown.append(thumbnail(bgr, shot.title, picture, matches))
    if shown:
        write_sheet(shown, asked.out / "bodies.jpg")
    print(json.dumps(by_body(pictures), indent=1))
    return 0


def _shots(session: Session, bodies: Sequence[str]) -> Iterator[Shot]:
    session.set_weather(PRESETS["clear_noon"])
    camera = next(each for each in rigs.load("nuscenes").cameras if each.channel == "CAM_FRONT")
    places = _places(session.map)
    first = matrix_from_transform(places[0].transform)
    ego = session.spawn(_CARRIER, first @ _up(_LIFT_M), role="ego", parked=True)
    session.tick()  # before, nobody knows what the next frame is called
    for name in bodies:
        further = max(1.0, 2.0 * float(np.max(catalogue()[name].box_half_m[:2])) / _LONG_M)
        for at, (place, least_m) in enumerate(product(places, _DISTANCES_M)):
            distance_m = further * least_m
            ego.set_transform(place.transform)
            for turn in range(_AZIMUTHS):
                part = turn + at / (len(places) * len(_DISTANCES_M))
                pose = _pose(place, distance_m, part * 2.0 * math.pi / _AZIMUTHS, name)
                actor = session.spawn(name, pose @ _up(_LIFT_M), role="body", parked=True)
                actor.set_transform(transform_from_matrix(pose))
                array = camera_for_one_tick(session, ego, np.eye(4), camera, 0)
                state = session.tick()
                seen = array.collect(state)
                take_down(session)
                session.destroy(actor)
                bgr, label = seen.cameras[camera.channel].bgra[..., :3], seen.labels[camera.channel]
                world_from_camera = seen.world_from_ego @ camera.mount.ego_from_sensor
                title, where = f"{name} {distance_m:.0f} m", (_TOWN, "", camera.channel)
                yield Shot("alone", where, title, bgr, label, state, camera, world_from_camera, ego.id)


def _places(town: carla.Map) -> list[carla.Waypoint]:
    """Lanes that run straight for longer than a body is away, far apart from each other."""
    found: list[carla.Waypoint] = []
    for spawn in town.get_spawn_points():
        start = town.get_waypoint(spawn.location)
        ahead = start.next(max(_DISTANCES_M) + 25.0)
        straight = len(ahead) == 1 and not start.is_junction and not ahead[0].is_junction
        if not straight or abs(ahead[0].transform.rotation.yaw - start.transform.rotation.yaw) > 1.0:
            continue
        if all(start.transform.location.distance(other.transform.location) > 100.0 for other in found):
            found.append(start)
        if len(found) == _PLACES:
            return found
    raise UserError(f"{_TOWN}: has {len(found)} straight lanes; want {_PLACES}")


def _pose(place: carla.Waypoint, distance_m: float, turned_rad: float, name: str) -> Array:
    """`world_from_actor` (4, 4) of a body on the lane, so far before the camera's carrier, its nearest side first."""
    body = catalogue()[name]
    ahead = place.next(distance_m + float(np.max(body.box_half_m[:2])))[0].transform
    pose = matrix_from_transform(ahead)
    raised_m = float(body.box_half_m[2] - body.box_centre_m[2])
    return np.asarray(pose @ _up(raised_m) @ from_yaw(0.0, 0.0, 0.0, turned_rad))


def _up(height_m: float) -> Array:
    return from_yaw(0.0, 0.0, height_m, 0.0)


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # threads of the carla client end an interpreter that shuts down
