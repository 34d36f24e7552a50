"""Coming on stage and leaving it while the scenario is played: who appears is spawned, who vanishes destroyed."""

from __future__ import annotations

import carla
import numpy as np

from av_synth.director.model import Stage
from av_synth.director.roads.poses import Located, locate
from av_synth.director.stage.cast import Cast, Member
from av_synth.director.stage.placement import box_pose, settle, spawn_at, upright
from av_synth.director.stage.spots import exact_spot
from av_synth.director.stage.staging import own_way, switch_on
from av_synth.geometry.carla import vector_from_carla, vector_to_carla
from av_synth.geometry.transforms import Array
from av_synth.scenario.concrete import ConcreteScenario
from av_synth.scenario.exact import Pose
from av_synth.scenario.model import Actor
from av_synth.scenario.words import EGO, is_person


def appear(concrete: ConcreteScenario, stage: Stage, cast: Cast, name: str, pose: Pose) -> Member:
    """Put somebody at a pose at once: who is absent is spawned there, who is on stage is put there.

    A vehicle that is on stage keeps its speed, along its new heading; one that comes has the speed that the scenario
    says it begins with. Both go on along the lane that is there.

    Returns:
        The member as it now is, with its path from there on; `cast.members` has it too, the ego apart.

    Raises:
        CastError: if the pose is not on the map, or its route cannot be taken from there.
        SpawnError: if the simulator refuses the place to who is absent.
    """
    there = locate(stage.map, pose)
    before = cast.ego if name == EGO else cast.members.get(name)
    if before is not None and stage.has(before.actor):
        member = _put(concrete, stage, cast, before, there)
    else:
        member = _come(concrete, stage, cast, name, there)
    if name != EGO:
        cast.members[name] = member
    return member


def vanish(stage: Stage, member: Member) -> None:
    """Take somebody off the stage, with what they tow; nothing if they are not there."""
    if stage.has(member.actor):
        stage.destroy(member.actor)


def _come(concrete: ConcreteScenario, stage: Stage, cast: Cast, name: str, there: Located) -> Member:
    actor, role = concrete.actors[name], cast.roles[name]
    size = cast.casting.size(role.type_id)
    spot = exact_spot(there, size)
    speed = 0.0 if actor.stands or is_person(actor.body) else actor.speed_kmh / 3.6
    path, offset, turn = own_way(stage.map, actor, spot, cast.place, 0.0, concrete.duration_s)
    world_from_actor = box_pose(path, 0.0, offset, turn, size)
    spawned, refused = spawn_at(stage, cast.casting, role, name, actor, world_from_actor)
    member = Member(name, actor, spawned, size, path, offset, turn, speed, refused=refused)
    if not actor.stands:
        settle(stage, spawned, upright(actor.body, size, world_from_actor))
    if speed > 0.0:
        _speed_up(stage, member, world_from_actor)
    if isinstance(spawned, carla.Vehicle):
        switch_on(concrete, member)
    return member


def _put(concrete: ConcreteScenario, stage: Stage, cast: Cast, before: Member, there: Located) -> Member:
    velocity = vector_from_carla(before.actor.get_velocity())
    speed = float(np.hypot(*velocity[:2]))
    spec = before.spec or Actor.model_validate({"body": concrete.ego.body, "at": {"ahead_m": 0.0}})
    spot = exact_spot(there, before.size)
    path, offset, turn = own_way(stage.map, spec, spot, cast.place, 0.0, concrete.duration_s, speed_mps=speed)
    world_from_actor = box_pose(path, 0.0, offset, turn, before.size)
    member = Member(before.name, before.spec, before.actor, before.size, path, offset, turn, speed)
    settle(stage, member.actor, upright(spec.body, member.size, world_from_actor))
    if not spec.stands:  # who was moved along a course until now had no physics
        stage.send([carla.command.SetSimulatePhysics(member.actor.id, True)], "physics of")
    if not (spec.stands or is_person(spec.body)):
        _speed_up(stage, member, world_from_actor)
    return member


def _speed_up(stage: Stage, member: Member, world_from_actor: Array) -> None:
    velocity = vector_to_carla(member.speed_mps * world_from_actor[:3, 0])
    stage.send([carla.command.ApplyTargetVelocity(member.actor.id, velocity)], "the speed of")
