"""Who drives the ego once recording begins: the scenario, CARLA's Traffic Manager, or a user's own agent."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import carla
import numpy as np

from av_synth.director.manoeuvres.vehicle_player import VehiclePlayer
from av_synth.director.view import View
from av_synth.errors import CastError
from av_synth.geometry.carla import location_from_point, transform_from_matrix
from av_synth.geometry.transforms import Array
from av_synth.scenario.model import EventSpec
from av_synth.session.commands import Command

_ROUTE_STEP_M = 2.0
_PATH_STEP_M = 5.0  # the Traffic Manager's own spacing of a path

AgentClass = Callable[[carla.Vehicle, list[carla.Transform], float], Any]


def load_agent(driver: str) -> AgentClass:
    """A user's agent, by `module:Class`.

    Raises:
        CastError: if there is no such module or class, or what it names is none.
    """
    module_name, _, class_name = driver.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise CastError(
            f"ego.driver: {driver!r}: module {module_name!r} cannot be imported: {error}; want one that Python finds: "
            "installed, in the present folder, or on PYTHONPATH"
        ) from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type) or not callable(getattr(found, "run_step", None)):
        raise CastError(f"ego.driver: {driver!r}: {module_name} has no class {class_name!r} with a run_step method")
    made: AgentClass = found
    return made


class AgentPlayer:
    """The ego in the hands of a user's agent from recorded time zero on; before, it drives to its start."""

    def __init__(self, until_start: VehiclePlayer, agent: AgentClass, driver: str, speed_kmh: float) -> None:
        self.actor = until_start.actor
        self._until_start = until_start
        self._made_by, self._name, self._speed_kmh = agent, driver, speed_kmh
        self._agent: Any = None

    def begin(self, _event: EventSpec, _view: View) -> None:
        """Nothing: the agent does as it likes, and the director tells of what it leaves undone."""

    def ended(self, _view: View) -> list[EventSpec]:
        """Nothing that begins here."""
        return []

    def control(self, view: View, dt_s: float) -> list[Command]:
        """What the agent says.

        Raises:
            CastError: if it says something else than a carla.VehicleControl.
        """
        if view.time_us < 0:
            return self._until_start.control(view, dt_s)
        if self._agent is None:
            self._agent = self._made_by(self.actor, route(view), self._speed_kmh)
        said = self._agent.run_step()
        if not isinstance(said, carla.VehicleControl):
            got = type(said).__name__
            raise CastError(f"ego.driver: {self._name!r}: run_step gave {got}; want a carla.VehicleControl")
        return [carla.command.ApplyVehicleControl(self.actor.id, said)]


class AutopilotPlayer:
    """The ego in the hands of the Traffic Manager from recorded time zero on, along its path."""

    def __init__(self, until_start: VehiclePlayer, manager: carla.TrafficManager, speed_kmh: float) -> None:
        self.actor = until_start.actor
        self._until_start, self._manager, self._speed_kmh = until_start, manager, speed_kmh
        self._handed_over = False

    def begin(self, _event: EventSpec, _view: View) -> None:
        """Nothing: it does as it likes, and the director tells of what it leaves undone."""

    def ended(self, _view: View) -> list[EventSpec]:
        """Nothing that begins here."""
        return []

    def control(self, view: View, dt_s: float) -> list[Command]:
        """Nothing, once it is handed over."""
        if view.time_us < 0:
            return self._until_start.control(view, dt_s)
        if not self._handed_over:
            self._handed_over = True
            manager, ego = self._manager, self.actor
            ego.set_autopilot(True, manager.get_port())
            manager.auto_lane_change(ego, False)
            manager.set_desired_speed(ego, self._speed_kmh)
            manager.set_path(ego, [location_from_point(point) for point in _points(view, _PATH_STEP_M)])
        return []


def route(view: View) -> list[carla.Transform]:
    """The ego's path from where it starts, a transform every few metres."""
    path = view.scene.path
    stations: Sequence[float] = np.arange(0.0, path.end_m, _ROUTE_STEP_M).tolist()
    return [transform_from_matrix(path.pose(s)) for s in stations]


def _points(view: View, step_m: float) -> list[Array]:
    path = view.scene.path
    return [path.point(s) for s in np.arange(step_m, path.end_m, step_m).tolist()]
