"""What the director needs of a session, and what it tells about a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import carla

from av_synth.geometry.transforms import Array


class Stage(Protocol):
    """A synchronous world on which a scenario is played; `session.Session` is one."""

    client: carla.Client
    world: carla.World
    map: carla.Map
    tick_us: int
    seed: int

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
            'resume', 'contact', 'not_placed' (a parked or traffic vehicle found no room).
        actor_id: who; 0 for nobody.
        other_id: the other party; 0 for nobody.
        detail: plain JSON values.
    """

    time_us: int
    kind: str
    actor_id: int = 0
    other_id: int = 0
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """A metric between two actors at a recorded time; times to collision that never come are infinite."""

    time_us: int
    actor_id: int
    other_id: int
    metric: str
    value: float


_END = {"min": "at least", "max": "at most"}


@dataclass(frozen=True)
class ExpectationResult:
    """One expectation after the run.

    Attributes:
        name: actor and metric, such as 'pedestrian.ttc_s'.
        asked: what had to hold: {'min': .., 'max': ..} or a bool.
        reached: what was measured; infinity where it never came to that.
        held: whether it holds.
        time_us: when it was reached, recorded time; -1 if never.
    """

    name: str
    asked: Mapping[str, float] | bool
    reached: float | bool
    held: bool
    time_us: int = -1

    def __str__(self) -> str:
        if isinstance(self.asked, bool):
            asked, reached = ("yes", "no")[not self.asked], ("yes", "no")[not self.reached]
        else:
            limits = {end: f"{self.asked[end]:g}" for end in _END if end in self.asked}
            asked = " to ".join(
                limits.values() if len(limits) == 2 else (f"{_END[end]} {limits[end]}" for end in limits)
            )
            reached = f"{self.reached:.2f}"
        when = f" at {self.time_us / 1e6:.2f} s" if self.time_us >= 0 else ""
        return f"{self.name}: {reached}{when} (asked: {asked}): {'held' if self.held else 'NOT HELD'}"


@dataclass(frozen=True)
class Outcome:
    """What became of a run's expectations, and further figures about it."""

    expectations: tuple[ExpectationResult, ...]
    figures: Mapping[str, float] = field(default_factory=dict)

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
                    "asked": result.asked if isinstance(result.asked, bool) else dict(result.asked),
                    "reached": _finite(result.reached),
                    "held": result.held,
                    "time_us": result.time_us,
                }
                for result in self.expectations
            ],
            "figures": {name: _finite(value) for name, value in self.figures.items()},
        }


def _finite(value: float | bool) -> float | bool | None:
    return value if isinstance(value, bool) or math.isfinite(value) else None
