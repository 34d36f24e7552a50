"""Where scenario and rig meet: a scenario may name sensors that a rig has not, and have sensors sit otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from av_synth.errors import Problem
from av_synth.geometry.transforms import quaternion_from_matrix, turned
from av_synth.messages import nearest, shown
from av_synth.rig import Rig
from av_synth.rig.model import Camera, Lidar, Mount, Radar
from av_synth.scenario import ConcreteScenario, Scenario
from av_synth.scenario.faults import Fault
from av_synth.scenario.scenario import problem_in

Sensor = TypeVar("Sensor", Camera, Lidar, Radar)
_DIGITS = 12  # of quaternions: what differs between mathematics libraries stays out


def missing_sensors(scenario: Scenario | None, played: ConcreteScenario, rig: Rig | None) -> list[Problem]:
    """The faults of single sensors that a rig has not, each at its place in the scenario; none without a rig.

    A fault of a whole kind of sensors is none of them where a rig has none of the kind. Where nobody has the scenario
    at hand, places are told without file and line.
    """
    if rig is None:
        return []
    known = [sensor.channel for sensors in (rig.cameras, rig.lidars, rig.radars) for sensor in sensors]
    found = []
    for index, event in enumerate(played.events):
        channel = None if event.fault is None else event.fault.channel
        if channel is not None and channel not in known:
            message = f"the rig {rig.name} has no {shown(channel)}; {nearest(channel, known)}"
            found.append(problem_in(scenario, ("events", index, "fault", "sensor"), message))
    return found


def as_mounted(rig: Rig, played: ConcreteScenario) -> Rig:
    """The rig with its sensors where they really are: as the rig says, but for those that are miscalibrated."""
    wrong = [each.fault for each in played.events if each.fault is not None and each.fault.kind == "miscalibration"]

    def placed(modality: str, sensors: Iterable[Sensor]) -> tuple[Sensor, ...]:
        found = []
        for sensor in sensors:
            own = [fault for fault in wrong if fault.concerns(sensor.channel, modality)]
            found.append(replace(sensor, mount=_moved(sensor.mount, own)) if own else sensor)
        return tuple(found)

    if not wrong:
        return rig
    cameras, lidars = placed("camera", rig.cameras), placed("lidar", rig.lidars)
    return replace(rig, cameras=cameras, lidars=lidars, radars=placed("radar", rig.radars))


def as_believed(really: Rig, wanted: Rig) -> Rig:
    """A rig as it really looks, with its sensors where the one that was wanted has them."""
    mounts = wanted.mounts

    def placed(sensors: Iterable[Sensor]) -> tuple[Sensor, ...]:
        return tuple(replace(sensor, mount=mounts[sensor.channel]) for sensor in sensors)

    cameras, lidars = placed(really.cameras), placed(really.lidars)
    return replace(really, cameras=cameras, lidars=lidars, radars=placed(really.radars))


def _moved(mount: Mount, faults: Iterable[Fault]) -> Mount:
    """A mount, turned (about its own place) and moved along the axes of the ego by one fault after the other."""
    matrix = mount.ego_from_sensor
    for fault in faults:
        yaw, pitch, roll = (math.radians(angle) for angle in fault.rotation_deg or (0.0, 0.0, 0.0))
        matrix[:3, :3] = turned(yaw, pitch, roll) @ matrix[:3, :3]
        matrix[:3, 3] += fault.translation_m or (0.0, 0.0, 0.0)
    w, x, y, z = np.round(quaternion_from_matrix(matrix), _DIGITS).tolist()
    at = matrix[:3, 3].tolist()
    return Mount((at[0], at[1], at[2]), (w, x, y, z))
