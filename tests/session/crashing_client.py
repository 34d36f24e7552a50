"""Clients that are killed in the middle: a process that forks one for each line `PORT STEP` that it reads.

A client plays a short run on a simulator at PORT that is not its own, and kills itself with SIGKILL as soon as it has
made STEP; `UNTOLD` is when its first actor was spawned and the caretaker was not told. Once the town is loaded a
stranger, a client of the same process that no caretaker knows, places an actor of its own. This imports everything
once, so that a client costs little; it is a process of its own because a carla client does not survive a fork.
"""

from __future__ import annotations

import os
import signal
import sys
from tempfile import mkdtemp

import carla

from av_synth import documents, scenario
from av_synth.launch import Address, Caretaker
from av_synth.rig.model import Lidar, Mount
from av_synth.run import RunSpec, execute
from av_synth.scenario.scenario import from_document
from av_synth.session import Step
from tests.small_camera import small_rig

UNTOLD = "UNTOLD"
STRANGER = "vehicle.audi.a2"
QUIET = """name: quiet
description: The ego drives down a street; a car is parked beside it, and another is on its way.
duration_s: 0.5
road: {town: AvSynth01, length_m: 50}
ego: {speed_kmh: 30}
traffic: {vehicles: 1}
"""
RIG = small_rig(
    Lidar("LIDAR_TOP", Mount((1.0, 0.0, 1.8), (1.0, 0.0, 0.0, 0.0)), 1, 4, 90, 10.0, -20.0, 50.0), keyframe_every=2
)


def spec() -> RunSpec:
    return RunSpec(scenario.draw(from_document(documents.parse(QUIET, "quiet.yaml")), 1), RIG)


def place_stranger(port: int) -> None:
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(20.0)
    client.set_files_base_folder(mkdtemp())
    world = client.get_world()
    pose = world.get_map().get_spawn_points()[-1]
    world.spawn_actor(world.get_blueprint_library().find(STRANGER), pose)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def play_until(port: int, step: str) -> None:
    if step == UNTOLD:
        Caretaker.spawned = lambda *_: die()

    def on_step(made: Step) -> None:
        if made is Step.LOADED:
            place_stranger(port)
        if made.name == step:
            die()

    execute(spec(), Address("127.0.0.1", port), on_step=on_step)
    os._exit(0)


def main() -> None:
    for line in sys.stdin:
        port, step = line.split()
        pid = os.fork()
        if pid == 0:
            play_until(int(port), step)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
