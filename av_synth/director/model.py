"""What the director needs of a session, and what it tells about a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import carla

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.scenario.weather import Weather
from av_synth.scenario.words import Range
from av_synth.session.commands import Command


class Stage(Protocol):
    """A synchronous world on which a scenario is played; `session.Session` is one."""

    client: carla.Client
    world: carla.World
    map: carla.Map
    tick_us: int
    seed: int

    def set_weather(self, weather: Weather) -> None:
        """Set the weather of the next frame; that which a scenario begins with before anybody is spawned."""

    def spawn(
        self,
        type_id: str,
        world_from_actor: Array,
        *,
        role: str,
        attributes: Mapping[str, str] | None = None,
        parked: bool = False,
        towed_by: carla.Actor | None = None,
    ) -> carla.Actor:
        """Place an actor that the labels will know; SpawnError if the simulator refuses the place."""

    def has(self, actor: carla.Actor) -> bool:
        """Whether it was placed, and not taken away since."""

    def destroy(self, actor: carla.Actor) -> None:
        """Take an actor that was placed away, with what it tows."""

    def send(self, commands: Sequence[Command], what: str) -> None:
        """Have commands carried out now; SimulatorError that says what and to whom if one is refused."""

    def move_door(self, vehicle: carla.Vehicle, door: carla.VehicleDoor, *, opened: bool) -> None:
        """Have a vehicle's door opened or closed."""

    def before_time_zero(self, ticks: int, commands: Sequence[Command]) -> None:
        """Have commands (carla.command.*) sent before the tick that is so many ticks before recorded time zero."""

    def hide_town_objects(self, ids: Sequence[int]) -> None:
        """Take parts of the town (ids of environment objects) away."""

    def traffic_manager(self) -> carla.TrafficManager:
        """The session's own Traffic Manager, seeded and synchronous."""


@dataclass(frozen=True)
class Event:
    """Something that happened at a recorded frame.

    Attributes:
        time_us: recorded time.
        kind: 'trigger' (an event of the scenario began), 'seen', 'brake' (the ego's driver saw a hazard, reacted),
            'resume', 'contact', 'not_placed' (a parked or traffic vehicle found no room), 'placed_in_another'
            (somebody is at an exact pose that the simulator refused, for what is there already), 'not_done' (an event
            of the scenario was due, but who was to act is not there, or is the ego and driven by somebody else).
        actor_id: who; 0 for nobody.
        other_id: the other party; 0 for nobody.
        detail: plain JSON values.
    """

    time_us: int
    kind: str
    actor_id: int = 0
    other_id: int = 0
    detail: Mapping[str, object] = field(default_factory=dict)


_END = {"min": "at least", "max": "at most"}


@dataclass(frozen=True)
class ExpectationResult:
    """One expectation after the run.

    Attributes:
        name: actor and metric, such as 'pedestrian.ttc_s'; with the other party where that is not the ego.
        asked: what had to hold: {'min': .., 'max': ..}, a bool, or who was to be first.
        reached: what was measured; infinity where it never came to that, None where nobody was first.
        held: whether it holds; what was not judged counts as held.
        time_us: when it was reached, recorded time; -1 if never.
        margin: how far inside what was asked it is, in its own unit; negative: outside. Of `contact`, the metres
            between the two at their nearest; of `first`, the seconds from the one to the other.
        judged: False where this run cannot tell, for want of the sensor that was asked for.
    """

    name: str
    asked: Mapping[str, float] | bool | str
    reached: float | bool | str | None
    held: bool
    time_us: int = -1
    margin: float = math.nan
    judged: bool = True

    def __str__(self) -> str:
        if isinstance(self.asked, Mapping):
            limits = {end: f"{self.asked[end]:g}" for end in _END if end in self.asked}
            asked = " to ".join(
                limits.values() if len(limits) == 2 else (f"{_END[end]} {limits[end]}" for end in limits)
            )
        else:
            asked = _said(self.asked)
        if not self.judged:
            return f"{self.name}: not judged (asked: {asked}): this run has no such sensor"
        when = f" at {self.time_us / 1e6:.2f} s" if self.time_us >= 0 else ""
        unit = {bool: " m", str: " s"}.get(type(self.asked), "")  # of others it is in the name
        by = f", by {abs(self.margin):.2f}{unit}" if math.isfinite(self.margin) else ""
        verdict = "held" if self.held else "NOT HELD"
        return f"{self.name}: {_said(self.reached)}{when} (asked: {asked}): {verdict}{by}"


def ranged(name: str, asked: Range, reached: float, at_us: int, *, judged: bool = True) -> ExpectationResult:
    """A figure against a range."""
    ends = [reached - asked.min] if asked.min is not None else []
    ends += [asked.max - reached] if asked.max is not None else []
    limits = asked.model_dump(exclude_none=True)
    return ExpectationResult(name, limits, reached, not judged or asked.holds(reached), at_us, min(ends), judged)


def _said(value: float | bool | str | None) -> str:
    if value is None:
        return "nobody"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:.2f}"


@dataclass(frozen=True)
class Touched:
    """Two actors, by their names, whose boxes touched and had not when both had come; and when they first did."""

    of: str
    to: str
    time_us: int

    def __str__(self) -> str:
        return f"{self.of} and {self.to} at {self.time_us * 1e-6:.2f} s"


@dataclass(frozen=True)
class Outcome:
    """What became of a run's expectations, further figures about it, and the events that never began.

    `touched` is of named actors other than the ego, whose own contacts are events.
    """

    expectations: tuple[ExpectationResult, ...]
    figures: Mapping[str, float] = field(default_factory=dict)
    never_began: tuple[str, ...] = ()
    touched: tuple[Touched, ...] = ()

    @property
    def held(self) -> bool:
        """Whether everything that was expected came to be."""
        return all(result.held for result in self.expectations)

    def to_json(self) -> dict[str, object]:
        """As plain JSON values; what is infinite becomes null."""
        return {
            "held": self.held,
            "expectations": [
                {
                    "name": result.name,
                    "asked": dict(result.asked) if isinstance(result.asked, Mapping) else result.asked,
                    "reached": _finite(result.reached),
                    "held": result.held,
                    "time_us": result.time_us,
                    "margin": _finite(result.margin),
                    "judged": result.judged,
                }
                for result in self.expectations
            ],
            "figures": {name: _finite(value) for name, value in self.figures.items()},
            "never_began": list(self.never_began),
            # only where there is one, so that all other outcomes are written as they were
            **({"touched": [vars(each) for each in self.touched]} if self.touched else {}),
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Outcome:
        """What `to_json` told; raises DataError if it is not that."""
        try:
            results = [
                replace(found, reached=_reached(found), margin=math.nan if found.margin is None else found.margin)
                for found in (ExpectationResult(**told) for told in values["expectations"])
            ]
            figures = {name: math.inf if value is None else value for name, value in values["figures"].items()}
            touched = tuple(Touched(**told) for told in values.get("touched", ()))
            return Outcome(tuple(results), figures, tuple(values["never_began"]), touched)
        except (AttributeError, KeyError, TypeError) as error:
            raise DataError(f"not an outcome of a run: {error!r}") from error


def _reached(told: ExpectationResult) -> float | bool | str | None:
    """What was reached, of what was told of it: infinity is told as None, and so is nobody."""
    return math.inf if told.reached is None and isinstance(told.asked, Mapping) else told.reached


def _finite(value: float | bool | str | None) -> float | bool | str | None:
    return value if value is None or isinstance(value, bool | str) or math.isfinite(value) else None
