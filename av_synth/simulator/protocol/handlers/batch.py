"""Batches: commands are calls by another name, each with a result of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from av_synth.errors import AvSynthError
from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol.calls import ArgumentError, CallTable, Kind
from av_synth.simulator.protocol.codec import flag, integer, items, optional
from av_synth.simulator.protocol.handlers import actors, lights, motion, unsupported, vehicles, walkers

TABLE: CallTable[Engine] = CallTable()
_HOLD_S, _LET_IN_S = 0.25, 0.001
_SPAWN = 0
_MAX_FOLLOWING = 100
_CONSOLE = 20
_COMMANDS: dict[int, tuple[Callable[..., Any], int]] = {  # what runs, and how many fields it takes
    1: (actors.destroy_actor, 1),
    2: (vehicles.apply_control_to_vehicle, 2),
    3: (vehicles.apply_ackermann_control_to_vehicle, 2),
    4: (walkers.apply_control_to_walker, 2),
    5: (vehicles.apply_physics_control, 2),
    6: (motion.set_actor_transform, 2),
    7: (walkers.set_walker_state, 3),
    8: (motion.set_actor_target_velocity, 2),
    9: (motion.set_actor_target_angular_velocity, 2),
    10: (motion.add_actor_impulse, 2),
    11: (motion.add_actor_force, 2),
    12: (motion.add_actor_angular_impulse, 2),
    13: (motion.add_actor_torque, 2),
    14: (motion.set_actor_simulate_physics, 2),
    15: (motion.set_actor_enable_gravity, 2),
    16: (vehicles.leave_to_traffic_manager, 2),
    17: (unsupported.TABLE.calls["show_vehicle_debug_telemetry"].run, 2),
    18: (vehicles.set_vehicle_light_state, 2),
    19: (motion.set_actor_location, 2),
    _CONSOLE: (unsupported.TABLE.calls["console_command"].run, 1),
    21: (lights.set_traffic_light_state, 2),
}


@TABLE.unlocked(Kind.BARE)
def apply_batch(engine: Engine, commands: Any, do_tick: Any = False) -> list[Any]:
    """Run commands in order, then make a frame if asked; one result each: actor id or error.

    They are run under one lock, but one that takes long lets others in from time to time.
    """
    tick = flag(do_tick)
    for blueprint_id in _spawned_blueprints(items(commands)):
        engine.sensors.prepare(blueprint_id)
    results: list[Any] = []
    while len(results) < len(commands):
        if results:
            time.sleep(_LET_IN_S)  # nobody else gets a lock that is taken again at once
        until = time.monotonic() + _HOLD_S
        with engine.lock:
            while len(results) < len(commands) and time.monotonic() < until:
                results.append(_run(engine, commands[len(results)]))
    if tick and engine.settings.synchronous:
        engine.tick()
    return results


def _spawned_blueprints(commands: list[Any]) -> set[str]:
    """What well-formed commands would spawn; the others are refused when they are run."""
    found = set()
    for command in commands:
        match command:
            case [[int(kind), [[_, str(blueprint_id), *_], *_]], *_] if kind == _SPAWN:
                found.add(blueprint_id)
    return found


def _run(engine: Engine, command: Any) -> list[Any]:
    try:
        variant = items(items(command, 1)[0], 2)
        kind, body = integer(variant[0]), items(variant[1])
        if kind == _SPAWN:
            return [[1, _spawn(engine, body)]]
        if kind not in _COMMANDS:
            raise ArgumentError(f"got command {kind}; want 0 to {max(_COMMANDS)}")
        run, fields = _COMMANDS[kind]
        run(engine, *items(body, fields)[:fields])
        return [[1, integer(body[0])]]
    except ArgumentError as error:
        return [[0, [f"apply_batch: {error}"]]]
    except AvSynthError as error:
        return [[0, [str(error)]]]


def _spawn(engine: Engine, body: list[Any]) -> int:
    """Spawn, then run what is to follow with the new actor's id in place of 0; results of those are lost in CARLA.

    The attachment type is left unread: the official client sends uninitialised memory there.
    """
    description, transform, parent = items(body, 3)[:3]
    parent_id = optional(parent, integer)  # 0 of a FutureActor, which only commands that follow a spawn may have
    following = [items(items(command, 1)[0], 2) for command in (items(body[5]) if len(body) > 5 else [])]
    if len(following) > _MAX_FOLLOWING:
        raise ArgumentError(f"got {len(following)} commands to follow a spawn; want {_MAX_FOLLOWING} at most")
    to_run = [(integer(kind), items(fields, 1)) for kind, fields, *_ in following]
    actor_id = integer(actors.spawn(engine, description, transform, parent_id)[0])
    for kind, fields in to_run:
        own = fields if kind in (_SPAWN, _CONSOLE) else [actor_id, *fields[1:]]
        result = _run(engine, [[kind, own]])[0]
        if result[0] == 0:
            engine.destroy(actor_id)
            raise ArgumentError(f"what was to follow the spawn failed: {result[1][0]}")
    return actor_id
