"""One frame as triggers, players and drivers look at it: boxes, places along the ego's path, and who sees whom."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import carla
import numpy as np

from av_synth.director.footprints import eye, footprint, touching
from av_synth.director.roads.path import Path
from av_synth.log.state import WorldState
from av_synth.metrics import Footprint, in_sight
from av_synth.scenario.words import Arm


@dataclass(frozen=True)
class Along:
    """Where an actor is along the ego's path: stations of its rear and front, offset of its middle, and its speed.

    `speed_mps` counts along the path, `along` tells whether it faces that way; `half_width_m` is half of what it takes
    up across the path.
    """

    rear_m: float
    front_m: float
    offset_m: float
    speed_mps: float
    along: bool = True
    half_width_m: float = 0.0

    @property
    def middle_m(self) -> float:
        """The station of its centre."""
        return (self.rear_m + self.front_m) / 2.0

    def gap_m(self, other: Along) -> float:
        """Free length between the two; negative where they are side by side."""
        return max(self.rear_m - other.front_m, other.rear_m - self.front_m)


@dataclass
class Scene:
    """What views of all frames share.

    Attributes:
        path: the ego's.
        ids: the simulator's id of everybody who is on stage, by the scenario's name; those taken out, not there yet, or
            gone have none.
        anchors: stations of the road's features.
        places: station of everybody's middle at recorded time zero, by name.
        map: the town's.
        light: what the light of an arm of the ego's junction shows; None if it has none.
        begun_us, over_us: when events last began and were over, by name; who begins again is not over.
        travelled_m: how far everybody has come since recorded time zero, by name; see `count`.
        standing: the footprints of those who are parked.
    """

    path: Path
    ids: dict[str, int]
    anchors: Mapping[str, float]
    map: carla.Map
    light: Callable[[Arm | None], str | None]
    places: dict[str, float] = field(default_factory=dict)
    begun_us: dict[str, int] = field(default_factory=dict)
    over_us: dict[str, int] = field(default_factory=dict)
    travelled_m: dict[str, float] = field(default_factory=dict)
    standing: dict[int, Footprint] = field(default_factory=dict)
    _counted_us: int = 0

    def count(self, state: WorldState) -> None:
        """Take a recorded frame into account; being put elsewhere is no way that one comes."""
        passed_s, self._counted_us = (state.time_us - self._counted_us) * 1e-6, state.time_us
        for name, actor_id in self.ids.items():
            speed = math.hypot(*state.actors[actor_id].velocity_mps[:2])
            self.travelled_m[name] = self.travelled_m.get(name, 0.0) + speed * passed_s

    def of(self, state: WorldState) -> View:
        """A frame."""
        return View(self, state)


class View:
    """One frame; whatever is asked for twice is worked out once."""

    def __init__(self, scene: Scene, state: WorldState) -> None:
        self.scene = scene
        self.state = state
        self._boxes: dict[int, Footprint] = {}
        self._along: dict[int, Along] = {}

    @property
    def time_us(self) -> int:
        """Recorded time."""
        return self.state.time_us

    def box(self, actor_id: int) -> Footprint:
        """An actor's footprint."""
        found = self._boxes.get(actor_id) or self.scene.standing.get(actor_id)
        if found is None:
            found = self._boxes[actor_id] = footprint(self.state, actor_id)
            if self.state.infos[actor_id].parked:
                self.scene.standing[actor_id] = found
        return found

    def along(self, actor_id: int) -> Along:
        """Where an actor is along the ego's path."""
        found = self._along.get(actor_id)
        if found is None:
            found = self._along[actor_id] = along(self.box(actor_id), self.scene.path)
        return found

    def others(self, *but: int) -> list[Footprint]:
        """The footprints of everybody but some."""
        return [self.box(actor_id) for actor_id in self.state.actors if actor_id not in but]

    def acceleration_mps2(self, actor_id: int) -> float:
        """Along its heading."""
        state = self.state.actors[actor_id]
        return float(state.acceleration_mps2 @ state.world_from_actor[:3, 0])

    def touched(self, actor_id: int) -> bool:
        """Whether anybody or anything else touches an actor; what it tows or carries does not count."""
        role, known = self.state.infos[actor_id].role, self.scene.ids.values()
        own = (f"{role}_rear", f"{role}_load_")
        others = (
            other
            for other, info in self.state.infos.items()
            if other != actor_id and (other in known or not info.role.startswith(own))
        )
        box = self.box(actor_id)
        return any(touching(box, self.box(other)) for other in others)

    def sees(self, by: int, of: int) -> bool:
        """Whether one sees another past everybody else."""
        return in_sight(eye(self.state, by), self.box(of), self.others(by, of))

    def anchor_m(self, name: str) -> float | None:
        """The station of a feature of the road, or of an actor at this frame; None for somebody who is not there."""
        if name in self.scene.anchors:
            return self.scene.anchors[name]
        actor_id = self.scene.ids.get(name)
        return None if actor_id is None else self.along(actor_id).middle_m


def along(box: Footprint, path: Path) -> Along:
    """Project a box onto a path."""
    station, offset = path.project(box.centre_m)
    heading = path.heading_rad(station)
    forward = np.array([math.cos(heading), math.sin(heading)])
    faces = box.axes @ forward
    reach, across = float(np.abs(faces) @ box.half_m), float(np.abs(faces[::-1]) @ box.half_m)
    speed = float(box.velocity_mps @ forward)
    return Along(station - reach, station + reach, offset, speed, float(faces[0]) >= 0.0, across)
