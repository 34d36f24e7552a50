"""Bodies that are moved and not driven: along a trajectory, over and down to the road, off a vehicle's rear."""

from __future__ import annotations

import math
from typing import Protocol

import carla
import numpy as np

from av_synth.director.stage.casting import Size
from av_synth.director.view import View
from av_synth.geometry.carla import transform_from_matrix, vector_to_carla
from av_synth.geometry.transforms import Array, from_yaw, rigid
from av_synth.session.commands import Command

_GRAVITY_MPS2 = 9.81
_SLIDE_MPS2 = 5.0  # of somebody who fell, over asphalt
_FACE_S = 0.1  # headings are taken over twice this
_STILL_M = 0.02
LOAD_HEIGHT_M, _LOAD_AIR_M = 0.5, 0.05  # where a load is: above the road, behind the vehicle's box


class Body(Protocol):
    """Somebody without physics."""

    speed_mps: float

    def move(self, view: View, dt_s: float) -> list[Command]:
        """Its place at the next tick."""

    def over(self, view: View) -> bool:
        """Whether it has come to its end."""

    def released(self) -> list[Command]:
        """What gives it back to its controls."""


class Tracked:
    """Goes through points of the ego's path at given times, straight between them, and faces where it goes."""

    def __init__(
        self, actor: carla.Actor, points: tuple[tuple[float, float, float], ...], view: View, *, walks: bool
    ) -> None:
        self.speed_mps = 0.0
        self._actor_id = actor.id
        self._path = view.scene.path
        self._began_us = view.time_us
        self._walks = walks
        pose = view.state.actors[actor.id].world_from_actor
        self._pose = pose.copy()
        station, offset = self._path.project(pose[:3, 3])
        self._above_m = float(pose[2, 3] - self._path.point(station)[2])
        centre = view.state.infos[actor.id].box_centre_m
        self._centre_m = np.array([float(centre[0]), float(centre[1]), 0.0])
        if points[0][0] > 0.0:
            station, offset = self._path.project(view.box(actor.id).centre_m)
            points = ((0.0, station, offset), *points)
        self._times, self._stations, self._offsets = (np.array(column) for column in zip(*points, strict=True))

    def move(self, view: View, dt_s: float) -> list[Command]:
        """Its place at the next tick."""
        now_s = (view.time_us - self._began_us) * 1e-6 + dt_s
        here, before, after = (self._at(now_s + lead) for lead in (0.0, -_FACE_S, _FACE_S))
        velocity = (self._at(now_s) - self._at(now_s - dt_s)) / dt_s if now_s <= self._times[-1] else np.zeros(3)
        pose = self._pose
        if float(np.hypot(*(after - before)[:2])) > _STILL_M:
            yaw = math.atan2(after[1] - before[1], after[0] - before[0])
            pose = from_yaw(0.0, 0.0, 0.0, yaw)
        pose = pose.copy()
        pose[:3, 3] = here - pose[:3, :3] @ self._centre_m
        pose[2, 3] += self._above_m
        self._pose, self.speed_mps = pose, float(np.hypot(*velocity[:2]))
        return placed(self._actor_id, pose, velocity)

    def over(self, view: View) -> bool:
        """After its last point."""
        return view.time_us >= self._began_us + self._times[-1] * 1e6

    def released(self) -> list[Command]:
        """Physics again, at the speed it has."""
        velocity = self._pose[:3, 0] * self.speed_mps
        commands: list[Command] = [carla.command.SetSimulatePhysics(self._actor_id, True)]
        if not self._walks:
            commands.append(carla.command.ApplyTargetVelocity(self._actor_id, vector_to_carla(velocity)))
        return commands

    def _at(self, time_s: float) -> Array:
        station = float(np.interp(time_s, self._times, self._stations))
        return self._path.point(station, float(np.interp(time_s, self._times, self._offsets)))


class Falling:
    """Falls over to its right and slides to rest. Its box lies with it: it is the body's own, turned by a quarter."""

    def __init__(self, actor: carla.Actor, duration_s: float, view: View) -> None:
        state = view.state.actors[actor.id]
        self._actor_id = actor.id
        self._began_us, self._duration_s = view.time_us, duration_s
        self._pose = state.world_from_actor.copy()
        self._velocity = np.array([*state.velocity_mps[:2], 0.0])
        self.speed_mps = float(np.hypot(*self._velocity[:2]))
        info = view.state.infos[actor.id]
        half = np.asarray(info.size_lwh_m, dtype=np.float64) / 2.0
        # the lower right edge of its box, which stays on the ground
        self._edge_m = np.asarray(info.box_centre_m, dtype=np.float64) - np.array([0.0, half[1], half[2]])

    def move(self, view: View, dt_s: float) -> list[Command]:
        """Its place at the next tick."""
        now_s = (view.time_us - self._began_us) * 1e-6 + dt_s
        slides_s = min(now_s, self.speed_mps / _SLIDE_MPS2)
        share = min(now_s / self._duration_s, 1.0)
        angle = math.pi / 2 * share * share  # faster and faster
        way = self._velocity / max(self.speed_mps, 1e-9)
        slid_m = self.speed_mps * slides_s - 0.5 * _SLIDE_MPS2 * slides_s**2
        c, s = math.cos(angle), math.sin(angle)
        over = rigid(np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]]), np.zeros(3))
        moved = rigid(np.eye(3), self._edge_m) @ over @ rigid(np.eye(3), -self._edge_m)
        pose = self._pose @ moved
        pose[:3, 3] += way * slid_m
        return placed(self._actor_id, pose, way * max(self.speed_mps - _SLIDE_MPS2 * now_s, 0.0))

    def over(self, view: View) -> bool:
        """Once it lies still."""
        return view.time_us >= self._began_us + max(self._duration_s, self.speed_mps / _SLIDE_MPS2) * 1e6

    def released(self) -> list[Command]:
        """Nothing: it stays lying."""
        return []


class Load:
    """Something at a vehicle's rear, which comes off, falls and slides to rest."""

    def __init__(self, actor: carla.Actor, size: Size, vehicle: carla.Actor, vehicle_size: Size) -> None:
        self.actor = actor
        self._vehicle_id = vehicle.id
        behind = float(vehicle_size.centre_m[0] - vehicle_size.half_m[0] - size.half_m[0]) - _LOAD_AIR_M
        self._vehicle_from_load = rigid(np.eye(3), [behind, 0.0, LOAD_HEIGHT_M])
        self._began_us: int | None = None
        self._slides_mps2 = 1.0
        self._pose = np.eye(4)
        self._velocity = np.zeros(3)
        self._ground_m = 0.0

    def come_off(self, slides_mps2: float, view: View) -> None:
        """Let go of it."""
        vehicle = view.state.actors[self._vehicle_id]
        self._began_us, self._slides_mps2 = view.time_us, slides_mps2
        self._pose = vehicle.world_from_actor @ self._vehicle_from_load
        self._velocity = np.array([*vehicle.velocity_mps[:2], 0.0])
        self._ground_m = float(vehicle.world_from_actor[2, 3])

    def move(self, view: View, dt_s: float) -> list[Command]:
        """Its place at the next tick."""
        if self._began_us is None:
            vehicle = view.state.actors[self._vehicle_id]
            step = np.eye(4)
            step[:3, 3] = vehicle.velocity_mps * dt_s
            return placed(
                self.actor.id, step @ vehicle.world_from_actor @ self._vehicle_from_load, vehicle.velocity_mps
            )
        now_s = (view.time_us - self._began_us) * 1e-6 + dt_s
        speed = float(np.hypot(*self._velocity[:2]))
        slides_s = min(now_s, speed / self._slides_mps2)
        way = self._velocity / max(speed, 1e-9)
        pose = self._pose.copy()
        pose[:3, 3] += way * (speed * slides_s - 0.5 * self._slides_mps2 * slides_s**2)
        pose[2, 3] = max(float(self._pose[2, 3]) - 0.5 * _GRAVITY_MPS2 * now_s**2, self._ground_m)
        return placed(self.actor.id, pose, way * max(speed - self._slides_mps2 * now_s, 0.0))


def placed(actor_id: int, world_from_actor: Array, velocity_mps: Array) -> list[Command]:
    """Commands that put a body somewhere; its velocity is for whoever measures it, a radar for one."""
    return [
        carla.command.SetSimulatePhysics(actor_id, False),
        carla.command.ApplyTransform(actor_id, transform_from_matrix(world_from_actor)),
        carla.command.ApplyTargetVelocity(actor_id, vector_to_carla(velocity_mps)),
    ]
