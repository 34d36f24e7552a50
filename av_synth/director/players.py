"""Players: those who move by the scenario, each turning what it sees into one control a tick."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import carla
import numpy as np

from av_synth.director.cast import Member
from av_synth.director.control import (
    WALKER_ACCELERATION_MPS2,
    SpeedControl,
    Steering,
    look_ahead_m,
    pure_pursuit_rad,
    smooth_step,
)
from av_synth.director.path import Path
from av_synth.geometry import transforms
from av_synth.geometry.carla import vector_to_carla
from av_synth.geometry.transforms import Array
from av_synth.log.state import WorldState
from av_synth.scenario.manoeuvres import Do

USUAL_ACCELERATION_MPS2 = 2.0
USUAL_DECELERATION_MPS2 = 3.0
CHANGE_LOOK_M = 20.0  # the lane that is changed into is measured this far ahead


class Player(Protocol):
    """Somebody who moves by the scenario."""

    actor: carla.Actor

    def begin(self, do: Do, state: WorldState) -> None:
        """Start a manoeuvre."""

    def control(self, state: WorldState, dt_s: float) -> object:
        """The command (carla.command.*) for the next tick."""


@dataclass
class SpeedPlan:
    """What speed a vehicle is to get to and how hard."""

    target_mps: float
    acceleration_mps2: float = USUAL_ACCELERATION_MPS2
    deceleration_mps2: float = USUAL_DECELERATION_MPS2


class VehiclePlayer:
    """A vehicle that keeps its offset from the path and its speed, and changes both when told to."""

    def __init__(self, member: Member, ego_path: Path) -> None:
        self.actor = member.actor
        self._ego_path = ego_path
        self.plan = SpeedPlan(member.speed_mps)
        self._path = member.path
        self._from_m = self._to_m = member.offset_m
        self._change_began_us, self._change_s = 0, 1.0
        self._speed = SpeedControl(member.speed_mps)
        self._steering = Steering.of(member.actor, 2.0 * float(member.size.half_m[0]))

    def begin(self, do: Do, state: WorldState) -> None:
        """Start a manoeuvre."""
        if do.cut_in is not None:
            self._from_m, self._to_m = self._offset_at(state.time_us), self._ego_lane_m(state)
            self._change_began_us, self._change_s = state.time_us, do.cut_in.duration_s
            if do.cut_in.speed_kmh is not None:
                self.plan = SpeedPlan(do.cut_in.speed_kmh / 3.6)
        elif do.drive is not None:
            acceleration = do.drive.acceleration_mps2
            self.plan = SpeedPlan(do.drive.speed_kmh / 3.6, acceleration, acceleration)
        elif do.brake is not None:
            target = min(do.brake.to_kmh / 3.6, self.plan.target_mps)
            self.plan = SpeedPlan(target, USUAL_ACCELERATION_MPS2, do.brake.deceleration_mps2)

    def control(self, state: WorldState, dt_s: float) -> object:
        """Pedals and steering for the next tick."""
        me = state.actors[self.actor.id]
        heading = transforms.yaw(me.world_from_actor)
        speed = float(me.velocity_mps[0] * math.cos(heading) + me.velocity_mps[1] * math.sin(heading))
        plan = self.plan
        throttle, brake = self._speed.pedals(
            speed, plan.target_mps, plan.acceleration_mps2, plan.deceleration_mps2, dt_s
        )
        angle = self._aim_rad(me.world_from_actor, speed, state.time_us)
        steer = self._steering.command(angle, speed)
        control = carla.VehicleControl(throttle=throttle, steer=steer, brake=brake)
        return carla.command.ApplyVehicleControl(self.actor.id, control)

    def _aim_rad(self, world_from_actor: Array, speed_mps: float, time_us: int) -> float:
        rear = world_from_actor[:3, 3] - world_from_actor[:3, 0] * self._steering.wheelbase_m / 2.0
        station, _ = self._path.project(rear)
        ahead = look_ahead_m(speed_mps)
        lead_us = int(ahead / max(speed_mps, 1.0) * 1e6)
        aim = self._path.point(station + ahead, self._offset_at(time_us + lead_us))
        local = world_from_actor[:3, :3].T @ (aim - rear)
        return pure_pursuit_rad(float(local[0]), float(local[1]), self._steering.wheelbase_m)

    def _ego_lane_m(self, state: WorldState) -> float:
        """Offset of the ego's lane from its own path, a little ahead of where it is."""
        station, _ = self._ego_path.project(state.actors[self.actor.id].world_from_actor[:3, 3])
        _, offset = self._path.project(self._ego_path.point(station + CHANGE_LOOK_M))
        return offset

    def _offset_at(self, time_us: int) -> float:
        share = smooth_step((time_us - self._change_began_us) * 1e-6 / self._change_s)
        return self._from_m + (self._to_m - self._from_m) * share


class WalkerPlayer:
    """A pedestrian: stands, then runs straight ahead for a distance, and stands again."""

    def __init__(self, actor: carla.Walker) -> None:
        self.actor = actor
        self._goal_mps = 0.0
        self._speed_mps = 0.0
        self._distance_m = 0.0
        self._began_m: Array | None = None
        self._way: Array | None = None

    def begin(self, do: Do, state: WorldState) -> None:
        """Start a manoeuvre."""
        if do.cross is not None:
            pose = state.actors[self.actor.id].world_from_actor
            self._began_m = pose[:2, 3].copy()
            self._way = pose[:3, 0].copy()
            self._goal_mps = do.cross.speed_kmh / 3.6
            self._distance_m = do.cross.distance_m

    def control(self, state: WorldState, dt_s: float) -> object:
        """Direction and speed for the next tick."""
        pose = state.actors[self.actor.id].world_from_actor
        way = pose[:3, 0] if self._way is None else self._way
        if self._began_m is not None and float(np.hypot(*(pose[:2, 3] - self._began_m))) >= self._distance_m:
            self._goal_mps = 0.0
        step = WALKER_ACCELERATION_MPS2 * dt_s
        self._speed_mps += min(max(self._goal_mps - self._speed_mps, -step), step)
        control = carla.WalkerControl(vector_to_carla(way), self._speed_mps)
        return carla.command.ApplyWalkerControl(self.actor.id, control)
