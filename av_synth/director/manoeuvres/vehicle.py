"""A vehicle's hands and feet: it keeps its line and its pace by wheel and pedals, or is moved."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import carla
import numpy as np

from av_synth.director.lamps import hazard
from av_synth.director.manoeuvres.control import SpeedControl, Steering, look_ahead_m, pure_pursuit_rad
from av_synth.director.manoeuvres.kinematics import Body
from av_synth.director.manoeuvres.map_courses import MapCourse
from av_synth.director.manoeuvres.own_lanes import prolonged
from av_synth.director.manoeuvres.paces import USUAL_ACCELERATION_MPS2, Backwards, Keep, Me, Pace, SpeedPlan, careful
from av_synth.director.manoeuvres.players import Manoeuvres, Running
from av_synth.director.model import Stage
from av_synth.director.roads.courses import Course, Line
from av_synth.director.roads.path import Path
from av_synth.director.stage.cast import Member
from av_synth.director.view import View
from av_synth.geometry import transforms
from av_synth.geometry.carla import vector_to_carla
from av_synth.geometry.transforms import Array
from av_synth.scenario.model import EventSpec
from av_synth.session.commands import Command


class Vehicle:
    """A vehicle with a course and a pace.

    Attributes:
        line: where it drives, or is on its way to.
        course: how it gets there, wandering included.
        pace: at what speed.
        cap: what its driver allows at most.
        careful: whether it brakes for whoever is ahead.
        lamps: CARLA's flags of the lights that are on, but for `hazards`.
        hazards: whether both indicators are on as well, for it has stalled.
        ego_line: the ego's line.
        half_m: half its length and width.
        wheel: how the wheel is held, whatever the line; None while it is steered.
        body: what moves it instead; None while it drives.
    """

    def __init__(self, member: Member, ego_line: Line, stage: Stage, lamps: int) -> None:
        self.actor = member.actor
        self.name = member.name
        self.line = Line(member.path, member.offset_m)
        self.course = Course(self.line)
        self.pace: Pace = Keep(SpeedPlan(member.speed_mps))
        self.cap: SpeedPlan | None = None
        self.careful = member.spec is not None and member.spec.careful
        self.lamps, self.hazards = lamps, False
        self.ego_line = ego_line
        self.half_m = member.size.half_m[:2]
        self.wheel: float | None = None
        self.body: Body | None = None
        self._stage = stage
        self._beyond_end: Path | None = None  # its own, once it is known to lead no further
        self._speed = SpeedControl(member.speed_mps)
        self._steering = Steering.of(member.actor, 2.0 * float(member.size.half_m[0]))
        self._manoeuvres = Manoeuvres()
        self._extra: list[Command] = []

    def run(
        self, event: EventSpec, slot: str, over: Callable[[View], bool], undo: Callable[[View], None], view: View
    ) -> None:
        """Note that a manoeuvre has begun; see `players.Running`."""
        self._manoeuvres.begin(Running(event, slot, over, undo), view)

    def ended(self, view: View) -> list[EventSpec]:
        """The manoeuvres that are over."""
        return self._manoeuvres.ended(view)

    def position_m(self, view: View) -> Array:
        """The middle (2,) of its box."""
        return view.box(self.actor.id).centre_m

    def head_for(self, line: Line, duration_s: float, view: View) -> None:
        """Be on another line after so long."""
        self.course.change(line, self.position_m(view), view.time_us, duration_s)
        self.line = line

    @property
    def lit(self) -> int:
        """CARLA's flags of all the lights that are on."""
        return self.lamps | hazard() if self.hazards else self.lamps

    def light(self, lamps: int, *, hazards: bool) -> None:
        """Have these lights on, the hazard lights too if so, and no others."""
        self.lamps, self.hazards = lamps, hazards
        self.send(carla.command.SetVehicleLightState(self.actor.id, self.lit))

    def has_speed(self, speed_mps: float, view: View) -> None:
        """Go at a speed at once, along its heading."""
        forward = view.state.actors[self.actor.id].world_from_actor[:3, 0]
        self.send(carla.command.ApplyTargetVelocity(self.actor.id, vector_to_carla(speed_mps * forward)))
        self._speed = SpeedControl(speed_mps)

    def move_door(self, door: carla.VehicleDoor, *, opened: bool) -> None:
        """Have a door opened or closed."""
        self._stage.move_door(self.actor, door, opened=opened)

    def send(self, *commands: Command) -> None:
        """Send these along with the next tick's control."""
        self._extra += commands

    def goes_on(self, body: Body, view: View, *, at_end: bool) -> None:
        """Drive on from where a body came to; see `moved.Moved`."""
        course = body if isinstance(body, MapCourse) else None
        path = course.rest(self.position_m(view)) if course is not None and at_end else self.line.path
        if course is not None and at_end and self.backs:
            path = path.reversed()
        self.line = Line(path, path.project(self.position_m(view))[1])
        self.course = Course(self.line)
        self._speed = SpeedControl(body.speed_mps)
        if course is None or course.is_timed:
            self.pace = Keep(SpeedPlan(body.speed_mps))

    @property
    def backs(self) -> bool:
        """Whether it drives backwards."""
        return isinstance(self.pace, Backwards)

    def plan(self, view: View) -> SpeedPlan:
        """What its pace, and whoever is in its way, want; bends do not count."""
        me = self.me(view)
        return self._allowed(self.pace.plan(me, view), me, view)

    def control(self, view: View, dt_s: float) -> list[Command]:
        """What to send for the next tick: what manoeuvres want sent, and what moves it."""
        extra, self._extra = self._extra, []
        if self.body is not None:
            return [*extra, *self.body.move(view, dt_s)]
        return [*extra, *self.drive(view, dt_s)]

    def drive(self, view: View, dt_s: float) -> list[Command]:
        """Pedals and steering for the next tick."""
        me = self._on_its_way(view)
        control = self._backwards(me, view, dt_s) if self.backs else self._forwards(me, view, dt_s)
        return [carla.command.ApplyVehicleControl(self.actor.id, control)]

    def _on_its_way(self, view: View) -> Me:
        """Itself; its way goes on along the lane in which it ends, if there is one."""
        me = self.me(view)
        path = self.line.path
        if me.station_m + look_ahead_m(me.speed_mps) < path.end_m or self._beyond_end is path:
            return me
        longer = prolonged(view.scene.map, path)
        if longer is None:
            self._beyond_end = path
            return me
        self.line = Line(longer, self.line.offset_m)
        self.course.go_on(longer)
        return self.me(view)

    def _forwards(self, me: Me, view: View, dt_s: float) -> carla.VehicleControl:
        if self.wheel is not None:
            self._speed = SpeedControl(me.speed_mps)
            return carla.VehicleControl(throttle=0.0, steer=self.wheel, brake=0.0)
        plan = self._plan(me, view)
        throttle, brake = self._speed.pedals(
            me.speed_mps, plan.target_mps, plan.acceleration_mps2, plan.deceleration_mps2, dt_s
        )
        pose = view.state.actors[self.actor.id].world_from_actor
        ahead = look_ahead_m(me.speed_mps)
        lead_us = int(ahead / max(me.speed_mps, 1.0) * 1e6)
        return carla.VehicleControl(
            throttle=throttle, steer=self._steer(pose, ahead, view.time_us + lead_us, me.speed_mps), brake=brake
        )

    def _backwards(self, me: Me, view: View, dt_s: float) -> carla.VehicleControl:
        if me.speed_mps > 0.2:  # it stands first
            throttle, brake = self._speed.pedals(me.speed_mps, 0.0, USUAL_ACCELERATION_MPS2, 4.0, dt_s)
            return carla.VehicleControl(throttle=throttle, brake=brake)
        plan = self.pace.plan(me, view)
        back = max(-me.speed_mps, 0.0)
        throttle, brake = self._speed.pedals(
            back, plan.target_mps, plan.acceleration_mps2, plan.deceleration_mps2, dt_s
        )
        pose = view.state.actors[self.actor.id].world_from_actor
        steer = self._steer(pose, -look_ahead_m(back), view.time_us, back)
        return carla.VehicleControl(throttle=throttle, steer=steer, brake=brake, reverse=True)

    def _plan(self, me: Me, view: View) -> SpeedPlan:
        plan = self.pace.plan(me, view)
        bend = me.line.limit_mps(me.station_m + 0.3 * me.speed_mps)
        if bend < plan.target_mps:
            plan = replace(plan, target_mps=bend, deceleration_mps2=max(plan.deceleration_mps2, 4.0))
        if me.station_m > me.line.path.end_m and self._beyond_end is me.line.path:
            plan = replace(plan, target_mps=0.0)
        return self._allowed(plan, me, view)

    def _allowed(self, plan: SpeedPlan, me: Me, view: View) -> SpeedPlan:
        if self.careful:
            plan = careful(me, view, plan)
        cap = self.cap
        if cap is None:
            return plan
        if cap.target_mps < plan.target_mps:
            return cap
        return replace(plan, acceleration_mps2=min(plan.acceleration_mps2, cap.acceleration_mps2))

    def _steer(self, pose: Array, ahead_m: float, time_us: int, speed_mps: float) -> float:
        rear = pose[:3, 3] - pose[:3, 0] * self._steering.wheelbase_m / 2.0
        aim = self.course.aim(rear, ahead_m, time_us)
        local = pose[:3, :3].T @ (aim - rear)
        angle = pure_pursuit_rad(float(local[0]), float(local[1]), self._steering.wheelbase_m)
        return self._steering.command(angle, speed_mps)

    def me(self, view: View) -> Me:
        """Itself at a frame."""
        state = view.state.actors[self.actor.id]
        heading = transforms.yaw(state.world_from_actor)
        speed = float(state.velocity_mps[0] * math.cos(heading) + state.velocity_mps[1] * math.sin(heading))
        line = self.body.line if isinstance(self.body, MapCourse) else self.line
        station, _ = line.path.project(view.box(self.actor.id).centre_m)
        return Me(self.actor.id, line, station, speed, np.asarray(self.half_m))
