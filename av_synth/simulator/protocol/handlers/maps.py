"""The map: its road description, spawn points, what stands in it, and rays through it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np

from av_synth.geometry.transforms import Array, apply, from_yaw, yaw
from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import codec
from av_synth.simulator.protocol.calls import ArgumentError, CallError, CallTable, Kind
from av_synth.simulator.protocol.codec import flag, integer, items, number, numbers, text
from av_synth.simulator.scene import Scene, Tag
from av_synth.simulator.world.scenery import ALL_LAYERS, Scenery

TABLE: CallTable[Engine] = CallTable()
_ANY_TAG = 255
_MAX_HITS = 64
_STEP_M = 0.01  # beyond a hit, before the ray goes on


@TABLE.unlocked(Kind.VOID)
def load_new_episode(engine: Engine, name: Any, reset_settings: Any = True, layers: Any = 65535) -> None:
    """Load a town, or some layers of it, into a new episode."""
    # a Traffic Manager hears of the new episode from the old one's observer, and goes over to it
    with nullcontext() if engine.traffic_managers else engine.streams.hushed():
        engine.load(text(name), reset_settings=flag(reset_settings), layers=integer(layers, 0, ALL_LAYERS))
    with engine.lock:
        engine.replayer.set_defaults()  # not in `load`, by which a replay goes to its own town, with its own settings


@TABLE.unlocked(Kind.VOID)
def load_map_layer(engine: Engine, layers: Any) -> None:
    """Bring layers of the town back."""
    wanted = integer(layers, 0, ALL_LAYERS)
    engine.change_scenery(lambda scenery: scenery.load(wanted, True))


@TABLE.unlocked(Kind.VOID)
def unload_map_layer(engine: Engine, layers: Any) -> None:
    """Take layers of the town away, in every town and not only in those with _Opt behind their name."""
    wanted = integer(layers, 0, ALL_LAYERS)
    engine.change_scenery(lambda scenery: scenery.load(wanted, False))


@TABLE.unlocked(Kind.VOID)
def copy_opendrive_to_file(engine: Engine, opendrive: Any, parameters: Any) -> None:
    """Build the town of an OpenDRIVE text; `load_new_episode("OpenDriveMap")` follows.

    The parameters are about a mesh that is made otherwise here (docs/reference/towns.md): they are read and have no
    effect.
    """
    numbers(parameters, 4)
    for value in items(parameters, 7)[4:]:
        flag(value)
    engine.take_opendrive(text(opendrive))


@TABLE.value
def get_map_info(engine: Engine) -> list[Any]:
    """MapInfo: name and recommended spawn points."""
    return [engine.map_name, [_spawn_point(point) for point in engine.town.spawn_points]]


@TABLE.value
def get_map_data(engine: Engine) -> str:
    """The OpenDRIVE text."""
    return engine.town.opendrive


@TABLE.value
def get_environment_objects(engine: Engine, tag: Any) -> list[Any]:
    """EnvironmentObjects of a class, or of all (255)."""
    wanted = _tag(tag)
    found = []
    for thing in engine.world.scenery.things:
        if wanted in (_ANY_TAG, int(thing.tag)):
            x, y, z = (float(v) for v in thing.centre_m)
            pose = from_yaw(x, y, z, thing.yaw_rad)
            box = codec.bounding_box(thing.centre_m, thing.half_m, thing.yaw_rad)
            found.append([codec.transform(pose), box, thing.id, thing.name, int(thing.tag)])
    return found


@TABLE.unlocked(Kind.VOID)
def enable_environment_objects(engine: Engine, ids: Any, enable: Any) -> None:
    """Show or hide things of the town, for sensors and for who drives there."""
    wanted, shown = {integer(v, 0, 2**64 - 1) for v in items(ids)}, flag(enable)

    def change(scenery: Scenery) -> None:
        strangers = wanted - {thing.id for thing in scenery.things}
        if strangers:
            raise CallError(f"enable_environment_objects: no environment objects {sorted(strangers)[:5]}")
        scenery.show(wanted, shown)

    engine.change_scenery(change)


@TABLE.value
def get_all_level_BBs(engine: Engine, tag: Any) -> list[Any]:  # noqa: N802  CARLA's name
    """World boxes of a class or of all (255): environment objects, then actors, spawned ones included as in CARLA."""
    wanted = _tag(tag)
    boxes = [
        codec.bounding_box(thing.centre_m, thing.half_m, thing.yaw_rad)
        for thing in engine.world.scenery.things
        if wanted in (_ANY_TAG, int(thing.tag))
    ]
    for actor in engine.world.actors.values():
        if actor.body is not None and actor.box is not None and wanted in (_ANY_TAG, int(actor.body.tag)):
            centre = apply(actor.world_from_actor, actor.box[0])
            boxes.append(codec.bounding_box(centre, actor.box[1], yaw(actor.world_from_actor), actor.id))
    return boxes


@TABLE.value
def get_names_of_all_objects(engine: Engine) -> list[str]:
    """Names of environment objects."""
    return [thing.name for thing in engine.world.scenery.things]


@TABLE.unlocked(Kind.VALUE)  # rays wait for the lidars that are being made, and for who reads those
def cast_ray(engine: Engine, start: Any, end: Any) -> list[Any]:
    """LabelledPoints where the segment meets surfaces, one after the other."""
    at, goal = codec.read_vector(start), codec.read_vector(end)
    scene = engine.scene()
    found: list[Any] = []
    while len(found) < _MAX_HITS:
        hit = _first_hit(engine, scene, at, goal - at, float(np.linalg.norm(goal - at)))
        if hit is None:
            break
        found.append([codec.vector(hit[0]), hit[1]])
        rest = goal - hit[0]
        length = float(np.linalg.norm(rest))
        if length <= _STEP_M:
            break
        at = hit[0] + rest / length * _STEP_M
    return found


@TABLE.unlocked(Kind.VALUE)
def project_point(engine: Engine, location: Any, direction: Any, distance: Any) -> list[Any]:
    """Whether, and where, the first surface is met from a point along a direction: [bool, LabelledPoint]."""
    at, along, reach = codec.read_vector(location), codec.read_vector(direction), number(distance)
    hit = _first_hit(engine, engine.scene(), at, along, reach)
    return [False, [[0.0, 0.0, 0.0], 0]] if hit is None else [True, [codec.vector(hit[0]), hit[1]]]


def _spawn_point(point: Array) -> list[list[float]]:
    """A spawn point as the snapshot tells of who was spawned there: due west is 180 degrees, not -180."""
    location, (pitch, yaw_deg, roll) = codec.transform(point)
    return [location, [pitch, 180.0 if yaw_deg < -179.9999 else yaw_deg, roll]]  # 32 bits make -180 of the rest


def _first_hit(engine: Engine, scene: Scene, at: Array, along: Array, reach_m: float) -> tuple[Array, int] | None:
    length = float(np.linalg.norm(along))
    if length < 1e-9 or reach_m <= 0.0:
        return None
    unit = along / length
    hits = engine.sensors.cast(scene, at, unit[None, :].astype(np.float32), reach_m)
    distance = float(hits.range_m[0])
    return (at + unit * distance, int(hits.tag[0])) if np.isfinite(distance) else None


def _tag(value: Any) -> int:
    tag = integer(value)
    if tag != _ANY_TAG and tag not in [int(known) for known in Tag]:
        raise ArgumentError(f"got class {tag}; want 0 to {max(Tag).value}, or {_ANY_TAG} for all")
    return tag
