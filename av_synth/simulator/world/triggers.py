"""Friction triggers: boxes that give the tyres of the vehicles in them another friction until they leave.

As CARLA's FrictionTrigger.cpp has it: every wheel's friction is set while vehicle and box overlap, and set back to
what it was before. Extents are half sizes in centimetres, and the box turns with its actor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from av_synth.simulator.world.arrays import BodyArrays
from av_synth.simulator.world.contacts import Boxes, rows_overlapping
from av_synth.simulator.world.model import Actor
from av_synth.simulator.world.physics import load_row

FRICTION_TRIGGER_ID = "static.trigger.friction"
Slipping = dict[int, tuple[float, ...]]
"""By id of a vehicle that is in a trigger: the friction that each of its wheels had before."""

_MOST_FRICTION = 100.0  # as much as a client may ask for with a physics control


def apply_friction(actors: Mapping[int, Actor], arrays: BodyArrays, slipping: Slipping) -> None:
    """Give vehicles that came into a trigger its friction, and those that left one their own; both change in place.

    Where several triggers overlap, the one that was spawned last counts.

    Args:
        actors: all actors.
        arrays: all bodies.
        slipping: who was in a trigger before; is updated.
    """
    triggers = [actor for actor in actors.values() if actor.kind == "trigger"]
    if not (triggers or slipping):
        return
    inside: dict[int, float] = {}
    bodies = Boxes.of_arrays(arrays)
    for trigger in triggers:
        rows = rows_overlapping(_box_of(trigger), bodies, arrays.is_vehicle)
        inside |= dict.fromkeys((arrays.actors[row].id for row in rows), _value(trigger, "friction"))
    for vehicle_id in [known for known in slipping if known not in inside]:
        before = slipping.pop(vehicle_id)
        if vehicle_id in actors:
            _set_friction(actors[vehicle_id], arrays, before)
    for vehicle_id, friction in inside.items():
        vehicle = actors[vehicle_id]
        now = tuple(wheel.tire_friction for wheel in vehicle.as_vehicle("apply_friction").physics.wheels)
        slipping.setdefault(vehicle_id, now)
        wanted = (min(max(friction, 0.0), _MOST_FRICTION),) * len(now)
        if now != wanted:
            _set_friction(vehicle, arrays, wanted)


def _value(trigger: Actor, name: str) -> float:
    return float(trigger.attributes[name].rstrip("fF"))


def _box_of(trigger: Actor) -> Boxes:
    half = 0.01 * np.array([[abs(_value(trigger, f"extent_{axis}")) for axis in "xyz"]])
    return Boxes.of(trigger.world_from_actor[None], np.zeros((1, 3)), half)


def _set_friction(actor: Actor, arrays: BodyArrays, frictions: tuple[float, ...]) -> None:
    vehicle = actor.as_vehicle("apply_friction")
    if actor.body is None or len(frictions) != len(vehicle.physics.wheels):
        return
    wheels = tuple(
        replace(wheel, tire_friction=friction)
        for wheel, friction in zip(vehicle.physics.wheels, frictions, strict=True)
    )
    vehicle.physics = replace(vehicle.physics, wheels=wheels)
    row = arrays.row(actor.id)
    load_row(arrays, row, actor.body, vehicle.physics)
    arrays.still[row] = False
