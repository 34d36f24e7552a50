"""What is known of an OpenSCENARIO file while its parts are put into our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from av_synth.scenario.openscenario.catalogs import Catalogs
from av_synth.scenario.openscenario.entities import Entity
from av_synth.scenario.openscenario.places import RELATIVE, Places, Spot
from av_synth.scenario.openscenario.report import Report, UnsaidError
from av_synth.scenario.openscenario.tree import Element

KMH = 3.6
Words = dict[str, object]
"""A part of a scenario file, as YAML has it."""


@dataclass
class Actor:
    """What is known of an actor at a time of the story.

    Attributes:
        entity: who.
        spot: where it is at the start; None if nothing says it.
        coming: where it comes to be, of who is not there at the start.
        starting_mps: what it drives at the start.
        speed_mps: what it was last told to drive.
        offset_m: how far left of its lane's centre it was last told to be.
        lamps: lights that are on.
        gone: whether it is not there at the start.
        middle_m: how far its centre is ahead of the point that the file's positions tell.
    """

    entity: Entity
    spot: Spot | None = None
    coming: Spot | None = None
    starting_mps: float = 0.0
    speed_mps: float = 0.0
    offset_m: float = 0.0
    lamps: tuple[str, ...] = ()
    gone: bool = False
    middle_m: float = 0.0

    def centred(self, spot: Spot) -> Spot:
        """Where its centre is while the point of it that the file's positions tell is at a place, facing as that."""
        return spot.shifted(self.middle_m, 0.0)

    @property
    def first(self) -> Spot | None:
        """Where it is as far as anything says it: at the start, else as it comes."""
        return self.spot or self.coming


@dataclass
class Context:
    """What is known of the file.

    Attributes:
        actors: by name in the file.
        catalogs, places, report: see there.
        starting: whether what is put into words happens at the very start.
    """

    actors: dict[str, Actor]
    catalogs: Catalogs
    places: Places
    report: Report
    starting: bool = True

    def actor(self, element: Element, attribute: str = "entityRef") -> Actor:
        """Who an element names.

        Raises:
            DocumentError: if there is no such entity.
        """
        name = element.word(attribute)
        if name not in self.actors:
            raise element.wrong(f"there is no entity {name!r}; want one of {', '.join(self.actors)}", attribute)
        return self.actors[name]

    @property
    def spots(self) -> Mapping[str, Spot]:
        """Where everybody is at the start."""
        return {name: actor.spot for name, actor in self.actors.items() if actor.spot is not None}

    def find(self, holder: Element) -> Spot:
        """The place of the one position inside an element.

        Raises:
            UnsaidError: if it cannot be told: on this map, or by somebody who has moved by then.
        """
        one = holder.inside[0] if holder.inside else holder
        if not self.starting and one.tag in RELATIVE and self.actor(one).entity.moves:
            raise UnsaidError("a place told by somebody who moves has no words")
        return self.places.find(holder, self.spots)

    def passed(self, holder: Element, who: Actor) -> Spot:
        """Where somebody's centre is as it comes by a position.

        Raises:
            UnsaidError: see `find`.
        """
        return self.centred_on_way(self.find(holder), holder, who)

    def centred_on_way(self, spot: Spot, holder: Element, who: Actor) -> Spot:
        """As `Actor.centred`; where the position says no heading, who comes by faces as the lane does."""
        one = holder.inside[0]
        if one.tag == "WorldPosition" and "h" not in one.given:
            spot = replace(spot, yaw_rad=spot.yaw_rad - self.places.heading_off_rad(spot))
        return who.centred(spot)


@dataclass
class Happening:
    """One event of the file.

    Attributes:
        element: it.
        gate: what must have held before it waits: the start of its act; None for nothing.
        names: those of our events that stand for it.
        lasts_s: how long what it does takes after it began; None if that is found out while it is played.
    """

    element: Element
    gate: Element | None
    names: list[str] = field(default_factory=list)
    lasts_s: float | None = None


def rounded(value: float, digits: int = 3) -> float:
    """A number as files have it."""
    return round(value, digits) + 0.0
