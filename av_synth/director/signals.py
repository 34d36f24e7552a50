"""The lights of the ego's junction, by arm."""

from __future__ import annotations

from collections.abc import Mapping

import carla

from av_synth.director.roads.junctions import LIGHTS, Entrance, marks
from av_synth.director.roads.places import Place
from av_synth.scenario.signals import SignalPlan
from av_synth.scenario.words import Arm, Light

_AT_START = SignalPlan(ego="green", opposite="green", left="red", right="red")
_STATES: Mapping[Light, carla.TrafficLightState] = {
    "green": carla.TrafficLightState.Green,
    "yellow": carla.TrafficLightState.Yellow,
    "red": carla.TrafficLightState.Red,
    "off": carla.TrafficLightState.Off,
}


class Signals:
    """The lights of one junction. They are stopped: they change by the scenario alone."""

    def __init__(self, world: carla.World, place: Place) -> None:
        """Find the lights of each arm; none where the ego comes to no junction, or to one without lights."""
        self._lights: dict[Arm | None, tuple[carla.TrafficLight, ...]] = {}
        anchor = place.anchors.get("junction")
        if place.junction is None or anchor is None:
            return
        by_signal = {light.get_opendrive_id(): light for light in world.get_actors().filter("traffic.traffic_light*")}
        seen_from = place.waypoint(anchor - 2.0)
        mine = seen_from.road_id, seen_from.lane_id
        arms: dict[Arm | None, list[Entrance]] = {
            None: [found for found in place.junction.entrances if (found.before.road_id, found.before.lane_id) == mine],
            "opposite": place.junction.on_arm(seen_from, "opposite"),
            "left": place.junction.on_arm(seen_from, "left"),
            "right": place.junction.on_arm(seen_from, "right"),
        }
        for arm, entrances in arms.items():
            found = {str(mark.id) for each in entrances for mark in marks(each.before) if mark.type == LIGHTS}
            found &= by_signal.keys()
            if found:
                self._lights[arm] = tuple(by_signal[signal] for signal in sorted(found))

    def begin(self, plan: SignalPlan | None) -> None:
        """Stop the lights' own cycle and show what the scenario says, else green for the ego and red across."""
        for lights in self._lights.values():
            lights[0].freeze(True)
        self.show({**_AT_START.by_arm(), **({} if plan is None else plan.by_arm())})

    def show(self, states: Mapping[Arm | None, Light]) -> None:
        """Change the lights of some arms; arms without lights have nothing to show."""
        for arm, state in states.items():
            for light in self._lights.get(arm, ()):
                light.set_state(_STATES[state])

    def state(self, arm: Arm | None) -> str | None:
        """What an arm's light shows at the present frame: green, yellow, red or off; None if it has none."""
        lights = self._lights.get(arm)
        return str(lights[0].get_state().name).lower() if lights else None
