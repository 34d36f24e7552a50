"""Who is on stage: what staging hands to the director."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import carla

from av_synth.director.model import Event
from av_synth.director.roads.path import Path
from av_synth.director.roads.places import Place
from av_synth.director.stage.casting import Casting, Role, Size
from av_synth.geometry.transforms import Array
from av_synth.scenario.model import Actor


@dataclass(frozen=True)
class Member:
    """Somebody, or something, on stage.

    Attributes:
        name: as the scenario names it; `flow_0_3`, `crowd_1_2` for those of flows and crowds.
        spec: what the scenario says of it; None for the ego.
        actor: the simulator's.
        size: its box, as spawned.
        path: its own way: its lane's centre line in its direction of travel, through the junctions on its route;
            station 0 is where the centre of its box is at recorded time zero. People and things have the ego's path, or
            at a pose the line straight on from there.
        offset_m: of its box's centre from that path, positive to the left.
        turn_rad: how far it is turned left of that path at the start.
        speed_mps: along its way, from the start on.
        stroll_m: of those of a crowd, the stations between which they walk up and down.
        refused: why the simulator refused its exact pose, at which it is all the same; empty if it did not.
    """

    name: str
    spec: Actor | None
    actor: carla.Actor
    size: Size
    path: Path
    offset_m: float
    turn_rad: float
    speed_mps: float
    stroll_m: tuple[float, float] | None = None
    refused: str = ""

    def placed_in_another(self, time_us: int) -> Iterator[Event]:
        """What is to be told of its coming, if it is where something else is already."""
        if self.refused:
            yield Event(time_us, "placed_in_another", self.actor.id, detail={"role": self.name, "reason": self.refused})

    @property
    def stands(self) -> bool:
        """Whether it never moves."""
        return self.spec is not None and self.spec.stands

    def ahead(self, along_m: float) -> Array:
        """The point (3,) on the ground so far ahead of where it is at time zero."""
        cos, sin = math.cos(self.turn_rad), math.sin(self.turn_rad)
        return self.path.point(along_m * cos, self.offset_m + along_m * sin)


@dataclass(frozen=True)
class Cast:
    """Everybody on stage, placed and lit; parked rows and background traffic are there too, but nobody's business.

    Attributes:
        place: where it happens.
        ego: the vehicle with the rig.
        members: by name, in the scenario's order; the ego is not among them, nor is who is absent at the start. Whoever
            appears later is put in.
        events: what is to be told of the placing.
        casting: which blueprints there are, and their sizes.
        roles: the blueprint of each named actor, of those who are absent too.
    """

    place: Place
    ego: Member
    members: dict[str, Member]
    events: tuple[Event, ...]
    casting: Casting
    roles: Mapping[str, Role]
