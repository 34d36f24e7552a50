"""What vehicles need beside themselves for what they are to do: a load to lose, doors to open."""

from __future__ import annotations

from collections.abc import Iterator

import carla
import numpy as np

from av_synth.director.manoeuvres.kinematics import LOAD_HEIGHT_M, Load
from av_synth.director.model import Stage
from av_synth.director.stage.cast import Cast
from av_synth.director.stage.casting import Casting
from av_synth.errors import CastError
from av_synth.geometry.transforms import rigid
from av_synth.scenario.concrete import ConcreteScenario
from av_synth.scenario.model import EventSpec

_DOORS = "has_dynamic_doors"


def refuse_doors(concrete: ConcreteScenario, stage: Stage, cast: Cast) -> None:
    """See that whoever opens a door has one, be they on stage already or not.

    Raises:
        CastError: if somebody's body has none that open.
    """
    library = stage.world.get_blueprint_library()
    for event in concrete.events:
        if event.do is None or event.do.open_door is None or event.actor is None or event.actor in concrete.without:
            continue
        type_id = cast.roles[event.actor].type_id
        blueprint = library.find(type_id)
        if not (blueprint.has_attribute(_DOORS) and blueprint.get_attribute(_DOORS).as_bool()):
            with_doors = sorted(
                found.id for found in library if found.has_attribute(_DOORS) and found.get_attribute(_DOORS).as_bool()
            )
            raise CastError(
                f"{event.actor} is to open a door, and {type_id} has none that open; this simulator's vehicles with "
                f"such doors: {', '.join(with_doors) or 'none'}"
            )


def hang_loads(concrete: ConcreteScenario, stage: Stage, cast: Cast) -> Iterator[tuple[EventSpec, Load]]:
    """Spawn what is to be lost at the rears of those who lose it; with the event that lets go of each.

    Raises:
        CastError: if the library has nothing of that kind.
        SpawnError: if the simulator refuses the place.
    """
    dropping = [
        event for event in concrete.events if event.do is not None and event.do.drop and event.actor in cast.members
    ]
    if not dropping:
        return
    casting = Casting(stage.client, stage.world, cast.place.path.pose(0.0))
    for number, event in enumerate(dropping):
        if event.actor is None or event.do is None or event.do.drop is None:
            continue
        member = cast.members[event.actor]
        role = casting.role(event.do.drop.body, concrete.picks[event.actor])
        size = casting.size(role.type_id)
        high = cast.place.path.pose(0.0) @ rigid(np.eye(3), [0.0, 0.0, 40.0 + 5.0 * number + LOAD_HEIGHT_M])
        actor: carla.Actor = stage.spawn(
            role.type_id, high, role=f"{event.actor}_load_{number}", attributes=role.attributes
        )
        actor.set_simulate_physics(False)
        actor.set_collisions(False)
        yield event, Load(actor, size, member.actor, member.size)
