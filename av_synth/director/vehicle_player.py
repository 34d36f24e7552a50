"""A vehicle that is driven by the scenario: it keeps its line and its pace, and changes both when told to."""

from __future__ import annotations

import math
from dataclasses import replace

import carla
import numpy as np

from av_synth.director import ways
from av_synth.director.cast import Member
from av_synth.director.control import SpeedControl, Steering, look_ahead_m, pure_pursuit_rad
from av_synth.director.courses import Course, Line, drift, swerve
from av_synth.director.kinematics import Body, Falling, Tracked
from av_synth.director.lamps import flags_of, hazard
from av_synth.director.players import Command, Manoeuvres, Running
from av_synth.director.speeds import (
    USUAL_ACCELERATION_MPS2,
    Backwards,
    Behind,
    Keep,
    Me,
    Meeting,
    Pace,
    SpeedPlan,
    StopAt,
    careful,
    meeting_point,
    profile,
)
from av_synth.director.view import View
from av_synth.errors import CastError
from av_synth.geometry import transforms
from av_synth.geometry.transforms import Array
from av_synth.scenario.manoeuvres import Do, LaneChange, Overtake, Stop
from av_synth.scenario.model import EventSpec
from av_synth.scenario.words import EGO

GO_BACK_S = 2.5  # to the line that one kept to before
TURN_IN_S = 1.5  # from one's line to that of a turn
RUNNING_OUT_MPS2 = 0.8  # of somebody who lost control and has no pedal pressed


class VehiclePlayer:
    """A vehicle with a course and a pace."""

    def __init__(self, member: Member, ego_line: Line) -> None:
        self.actor = member.actor
        self.name = member.name
        self.line = Line(member.path, member.offset_m)
        self.pace: Pace = Keep(SpeedPlan(member.speed_mps))
        self.cap: SpeedPlan | None = None
        self.careful = member.spec is not None and member.spec.careful
        self.lamps = 0
        self._half_m = member.size.half_m[:2]
        self._ego_line = ego_line
        self._course = Course(self.line)
        self._speed = SpeedControl(member.speed_mps)
        self._steering = Steering.of(member.actor, 2.0 * float(member.size.half_m[0]))
        self._manoeuvres = Manoeuvres()
        self._wheel: float | None = None
        self._body: Body | None = None
        self._extra: list[Command] = []

    # -- manoeuvres ---------------------------------------------------------------------------------------------

    def begin(self, event: EventSpec, view: View) -> None:
        """Start a manoeuvre; see `Player`."""
        do = event.do
        if do is None:
            return
        me = self._me(view)
        if do.follow_trajectory is not None or do.fall is not None:
            self._let_go(event, view)
        elif do.lose_control is not None:
            self._lose_control(event, view)
        elif do.lights is not None:
            before = self.lamps
            self._manoeuvres.begin(Running(event, "lamps", lambda _: True, lambda _: self._light(before)), view)
            self._light(flags_of(do.lights.on))
        elif do.open_door is not None:
            door = carla.VehicleDoor.FL if do.open_door.side == "left" else carla.VehicleDoor.FR
            self.actor.open_door(door)
            self._manoeuvres.begin(Running(event, "door", lambda _: True, lambda _: self.actor.close_door(door)), view)
        elif do.drop is not None:  # the load goes by itself
            self._manoeuvres.begin(Running(event, "load", lambda _: True, lambda _: None), view)
        elif do.overtake is not None:
            self._overtake(event, do.overtake, view)
        elif not self._begin_course(event, me, view):
            self._begin_pace(event, me, view)

    def _begin_course(self, event: EventSpec, me: Me, view: View) -> bool:
        """Start what changes the line, with the speed that goes with it; False if it is nothing of that kind."""
        do = event.do
        position = view.box(self.actor.id).centre_m
        if do is None:
            return False
        speed_kmh: float | None = None
        change = do.lane_change or do.cut_out
        if change is not None:
            self._change(event, self._line_of(change, view), change.duration_s, view)
            speed_kmh = change.speed_kmh
        elif do.cut_in is not None:
            heading = self.line.path.heading_rad(me.station_m)
            self._change(event, ways.facing(self._ego_line, position, heading), do.cut_in.duration_s, view)
            speed_kmh = do.cut_in.speed_kmh
        elif do.merge is not None:
            left_s = (self.line.path.end_m - me.station_m) / max(me.speed_mps, 1.0)
            line = ways.beside(view.scene.map, self.line, position, "left")
            self._change(event, line, max(min(do.merge.duration_s, left_s), 1.0), view)
            speed_kmh = do.merge.speed_kmh
        elif do.turn is not None:
            line = ways.turning(view.scene.map, self.line, position, do.turn.to, self.name)
            self._change(event, line, TURN_IN_S, view)
            speed_kmh = do.turn.speed_kmh
        elif do.u_turn is not None:
            line = ways.turned_round(view.scene.map, self.line, position, do.u_turn.radius_m, self.name)
            self._change(event, line, 0.5, view)
            speed_kmh = do.u_turn.speed_kmh
        elif do.swerve is not None:
            shift, lasts_us = do.swerve, do.swerve.duration_s * 1e6
            began_us = view.time_us
            self._course.wander(swerve(shift.offset_m, shift.duration_s), began_us)
            self._run(event, "course", lambda now: now.time_us - began_us >= lasts_us, view)
        elif do.drift is not None:
            self._course.wander(drift(do.drift.offset_m, do.drift.rate_mps), view.time_us)
            until_us = view.time_us + abs(do.drift.offset_m) / do.drift.rate_mps * 1e6
            self._run(event, "course", lambda now: now.time_us >= until_us, view)
        else:
            return False
        if speed_kmh is not None:
            self.pace = Keep(SpeedPlan(speed_kmh / 3.6))
        return True

    def _begin_pace(self, event: EventSpec, me: Me, view: View) -> None:
        if event.do is None:
            return
        before = self.pace
        self.pace = pace = self._steady(event.do, me, view) or self._bound(event.do, me, view) or before

        def undo(_: View) -> None:
            self.pace = before

        self._manoeuvres.begin(Running(event, "pace", lambda now: pace.over(self._me(now), now), undo), view)

    def _steady(self, do: Do, me: Me, view: View) -> Pace | None:
        """The pace of a manoeuvre that is told by speeds and times alone."""
        own = self.pace.plan(me, view)
        if do.drive is not None:
            rate = do.drive.acceleration_mps2
            return Keep(SpeedPlan(do.drive.speed_kmh / 3.6, rate, rate))
        if do.speed_profile is not None:
            return profile(do.speed_profile.points, me, view)
        if do.follow is not None:
            return Behind(do.follow.who, do.follow.gap_s, own)
        if do.brake is not None:
            target = min(do.brake.to_kmh / 3.6, own.target_mps)
            return Keep(SpeedPlan(target, USUAL_ACCELERATION_MPS2, do.brake.deceleration_mps2))
        if do.run_light is not None:
            self.careful = False
            speed_kmh = do.run_light.speed_kmh
            return None if speed_kmh is None else Keep(SpeedPlan(speed_kmh / 3.6))
        if do.stall is not None:
            self._light(self.lamps | hazard())
            return Keep(SpeedPlan(0.0, USUAL_ACCELERATION_MPS2, do.stall.deceleration_mps2))
        return None

    def _bound(self, do: Do, me: Me, view: View) -> Pace | None:
        """The pace of a manoeuvre that is bound to a place."""
        if do.stop is not None:
            return StopAt(self._station_of(do.stop, view), do.stop.wait_s, self.pace)
        if do.reverse is not None:
            distance_m = math.inf if do.reverse.distance_m is None else do.reverse.distance_m
            return Backwards(me.station_m, distance_m, do.reverse.speed_kmh / 3.6)
        if do.meet is None:
            return None
        half_widths = float(self._half_m[1]) + float(view.box(view.scene.ids[EGO]).half_m[1])
        found = meeting_point(self.line, me.station_m, self._ego_line, half_widths)
        if found is None:
            raise CastError(f"{self.name}: meet: its way does not come to the ego's; want a route or lane that does")
        limits = do.meet.min_kmh / 3.6, do.meet.max_kmh / 3.6
        return Meeting(*found, self._ego_line, do.meet.before_ego_s, do.meet.until_s, limits)

    def _run(self, event: EventSpec, slot: str, over: object, view: View) -> None:
        """Note what changes the line; ended by the scenario, the vehicle goes back to the one before."""
        line, pace = self.line, self.pace

        def undo(now: View) -> None:
            self.pace = pace
            self.line = line
            self._course.change(line, now.box(self.actor.id).centre_m, now.time_us, GO_BACK_S)

        self._manoeuvres.begin(Running(event, slot, over, undo), view)  # type: ignore[arg-type]

    def _change(self, event: EventSpec, line: Line, duration_s: float, view: View) -> None:
        self._run(event, "course", lambda now: self._course.changed(now.time_us), view)
        self._head_for(line, duration_s, view)

    def _head_for(self, line: Line, duration_s: float, view: View) -> None:
        self._course.change(line, view.box(self.actor.id).centre_m, view.time_us, duration_s)
        self.line = line

    def _line_of(self, change: LaneChange, view: View) -> Line:
        position = view.box(self.actor.id).centre_m
        if change.to is not None:
            return ways.beside(view.scene.map, self.line, position, change.to)
        return ways.shifted(view.scene.map, self.line, position, change.offset_m or 0.0)

    def _station_of(self, stop: Stop, view: View) -> float:
        """The station on its own path of a place told along the ego's."""
        anchor = view.scene.places.get(stop.of, view.anchor_m(stop.of))
        point = self._ego_line.path.point((anchor or 0.0) + stop.ahead_m)
        return self.line.path.project(point)[0]

    def _overtake(self, event: EventSpec, overtake: Overtake, view: View) -> None:
        """Out, past, and back: three parts, one after the other."""
        position = view.box(self.actor.id).centre_m
        before = self.line
        passing = ways.beside(view.scene.map, self.line, position, overtake.side)
        self.pace = Keep(SpeedPlan(overtake.speed_kmh / 3.6, USUAL_ACCELERATION_MPS2 * 1.5))
        returning = False

        def over(now: View) -> bool:
            nonlocal returning
            if returning:
                return self._course.changed(now.time_us)
            if not self._course.changed(now.time_us) or self._ahead_of_m(overtake.who, now) < overtake.back_gap_m:
                return False
            self._head_for(before, overtake.duration_s, now)
            returning = True
            return False

        self._run(event, "course", over, view)
        self._head_for(passing, overtake.duration_s, view)

    def _ahead_of_m(self, who: str, view: View) -> float:
        """Free length from somebody's front to one's own rear, along one's own path."""
        actor_id = view.scene.ids.get(who)
        if actor_id is None:
            return math.inf
        box = view.box(actor_id)
        station, _ = self.line.path.project(box.centre_m)
        return self._me(view).station_m - station - float(self._half_m[0]) - float(box.half_m[0])

    def _lose_control(self, event: EventSpec, view: View) -> None:
        lose = event.do.lose_control if event.do is not None else None
        if lose is None:
            return
        usual = self.actor.get_physics_control()
        slippery = self.actor.get_physics_control()
        wheels = list(slippery.wheels)
        for wheel in wheels:
            wheel.tire_friction *= lose.grip
        slippery.wheels = wheels
        self._wheel = lose.steer
        self._extra.append(carla.command.ApplyVehiclePhysicsControl(self.actor.id, slippery))
        until_us = view.time_us + lose.duration_s * 1e6

        def undo(_: View) -> None:
            self._wheel = None
            self._extra.append(carla.command.ApplyVehiclePhysicsControl(self.actor.id, usual))

        def over(now: View) -> bool:
            if now.time_us < until_us:
                return False
            undo(now)
            return True

        self._manoeuvres.begin(Running(event, "wheel", over, undo), view)

    def _let_go(self, event: EventSpec, view: View) -> None:
        """Be moved, not driven: along a trajectory, or over and down to the road."""
        do = event.do
        if do is None:
            return
        body: Body
        if do.follow_trajectory is not None:
            body = Tracked(self.actor, do.follow_trajectory.points, view)
        else:
            body = Falling(self.actor, 0.6 if do.fall is None else do.fall.duration_s, view)
        self._body = body

        def undo(now: View) -> None:
            if self._body is body and isinstance(body, Tracked):  # who lies stays
                self._body = None
                self._extra += body.released()
                path = self.line.path
                self.line = Line(path, path.project(now.box(self.actor.id).centre_m)[1])
                self._course = Course(self.line)
                self._speed = SpeedControl(body.speed_mps)
                self.pace = Keep(SpeedPlan(body.speed_mps))

        def over(now: View) -> bool:
            if not body.over(now):
                return False
            undo(now)
            return True

        self._manoeuvres.begin(Running(event, "body", over, undo), view)

    def _light(self, flags: int) -> None:
        self.lamps = flags
        self._extra.append(carla.command.SetVehicleLightState(self.actor.id, flags))

    def ended(self, view: View) -> list[EventSpec]:
        """The manoeuvres that are over."""
        return self._manoeuvres.ended(view)

    # -- control ------------------------------------------------------------------------------------------------

    def control(self, view: View, dt_s: float) -> list[Command]:
        """Pedals and steering for the next tick."""
        extra, self._extra = self._extra, []
        if self._body is not None:
            return [*extra, *self._body.move(view, dt_s)]
        me = self._me(view)
        control = (
            self._backwards(me, view, dt_s) if isinstance(self.pace, Backwards) else self._forwards(me, view, dt_s)
        )
        return [*extra, carla.command.ApplyVehicleControl(self.actor.id, control)]

    def _forwards(self, me: Me, view: View, dt_s: float) -> carla.VehicleControl:
        if self._wheel is not None:
            self._speed = SpeedControl(me.speed_mps)
            return carla.VehicleControl(throttle=0.0, steer=self._wheel, brake=0.0)
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
        aim = self._course.aim(rear, ahead_m, time_us)
        local = pose[:3, :3].T @ (aim - rear)
        angle = pure_pursuit_rad(float(local[0]), float(local[1]), self._steering.wheelbase_m)
        return self._steering.command(angle, speed_mps)

    def _me(self, view: View) -> Me:
        state = view.state.actors[self.actor.id]
        heading = transforms.yaw(state.world_from_actor)
        speed = float(state.velocity_mps[0] * math.cos(heading) + state.velocity_mps[1] * math.sin(heading))
        station, _ = self.line.path.project(view.box(self.actor.id).centre_m)
        return Me(self.actor.id, self.line, station, speed, np.asarray(self._half_m))
