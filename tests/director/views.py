"""Frames in which everybody is where a test says, for the director's parts that need no simulator."""

from __future__ import annotations

import math
from collections.abc import Mapping

import carla
import numpy as np

from av_synth.director.roads.path import Path
from av_synth.director.view import Scene, View
from av_synth.geometry.transforms import from_yaw
from av_synth.log.state import ActorInfo, ActorState, WorldState

EGO_ID, OTHER_ID = 1, 2
ROAD = """<?xml version="1.0"?>
<OpenDRIVE><header revMajor="1" revMinor="4" name="one" north="0" south="0" east="0" west="0"/>
<road name="one" length="100" id="1" junction="-1">
<planView><geometry s="0" x="0" y="2" hdg="0" length="100"><line/></geometry></planView>
<lanes><laneSection s="0"><center><lane id="0" type="none" level="false"/></center>
<right><lane id="-1" type="driving" level="false"><width sOffset="0" a="4" b="0" c="0" d="0"/></lane></right>
</laneSection></lanes></road></OpenDRIVE>"""
"""One lane from x = 0 to 100, 4 m wide, its middle on the x axis."""

Placed = tuple[str, float, float, float, float]
"""Role, x, y, yaw and speed along it."""


def straight(length_m: float, *, yaw_rad: float = 0.0, through: tuple[float, float] = (0.0, 0.0)) -> Path:
    """A straight path whose station 0 is at a point."""
    s = np.arange(-length_m, length_m + 1.0)
    points = np.column_stack([through[0] + s * math.cos(yaw_rad), through[1] + s * math.sin(yaw_rad), 0 * s])
    return Path(points, int(length_m))


def frame(time_s: float, everybody: Mapping[int, Placed], accelerates_mps2: float = 0.0) -> WorldState:
    """Cars of 4 x 2 x 1.5 m; the ego's acceleration is told."""
    actors, infos = {}, {}
    for actor_id, (role, x, y, yaw, speed) in everybody.items():
        ahead = np.array([math.cos(yaw), math.sin(yaw), 0.0])
        pushed = ahead * (accelerates_mps2 if actor_id == EGO_ID else 0.0)
        actors[actor_id] = ActorState(from_yaw(x, y, 0.0, yaw), speed * ahead, np.zeros(3), pushed)
        size = np.array([4.0, 2.0, 1.5])
        infos[actor_id] = ActorInfo(actor_id, "vehicle.audi.a2", role, "vehicle.car", np.array([0, 0, 0.75]), size)
    return WorldState(round(time_s * 20), round(time_s * 1e6), actors, infos)


def scene(path: Path, **ids: int) -> Scene:
    """A scene of some on a path, on the map of `ROAD`, without lights."""
    return Scene(path, {"ego": EGO_ID, **ids}, {"start": 0.0}, carla.Map("one", ROAD), lambda _: None)


def look(stage: Scene, state: WorldState) -> View:
    """A frame, counted."""
    stage.count(state)
    return stage.of(state)
