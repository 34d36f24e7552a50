"""Where scenario and rig meet: a scenario may name sensors that a rig has not."""

from __future__ import annotations

from av_synth.documents import nearest, shown
from av_synth.errors import Problem
from av_synth.rig import Rig
from av_synth.scenario import ConcreteScenario, Scenario
from av_synth.scenario.scenario import problem_in


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
