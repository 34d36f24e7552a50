"""A vehicle that is driven by the scenario: it keeps its line and its pace, and changes both when told to."""

from __future__ import annotations

import carla

from av_synth.director.lamps import flags_of
from av_synth.director.manoeuvres.line_changes import begin_line
from av_synth.director.manoeuvres.moved import let_go
from av_synth.director.manoeuvres.pace_changes import begin_pace
from av_synth.director.manoeuvres.vehicle import Vehicle
from av_synth.director.view import View
from av_synth.scenario.manoeuvres import LoseControl
from av_synth.scenario.model import EventSpec


class VehiclePlayer(Vehicle):
    """A vehicle with a course and a pace."""

    _usual: carla.VehiclePhysicsControl | None = None  # while it has lost its hold of the road: what it had before

    def begin(self, event: EventSpec, view: View) -> None:
        """Start a manoeuvre; see `Player`."""
        do = event.do
        if do is None:
            return
        if do.follow_trajectory is not None or do.follow_course is not None or do.fall is not None:
            self.send(carla.command.ApplyVehicleControl(self.actor.id, carla.VehicleControl()))  # its feet are off
            slot = "body" if do.follow_course is None else "course"
            self.run(event, slot, *let_go(self, do, view), view)
        elif do.lose_control is not None:
            self._lose_control(event, do.lose_control, view)
        elif do.lights is not None:
            before, stalled = self.lamps, self.hazards
            self.light(flags_of(do.lights.on), hazards=False)

            def undo(_: View) -> None:
                self.light(before, hazards=stalled or self.hazards)  # it may have stalled meanwhile

            self.run(event, "lamps", lambda _: True, undo, view)
        elif do.open_door is not None:
            side = do.open_door.side
            door = carla.VehicleDoor.FL if side == "left" else carla.VehicleDoor.FR
            self.move_door(door, opened=True)
            self.run(event, f"{side} door", lambda _: True, lambda _: self.move_door(door, opened=False), view)
        elif do.drop is not None:  # the load goes by itself
            self.run(event, "load", lambda _: True, lambda _: None, view)
        elif not begin_line(self, event, view):
            begin_pace(self, event, view)

    def _lose_control(self, event: EventSpec, lose: LoseControl, view: View) -> None:
        slippery = self.actor.get_physics_control()
        usual = self._usual = self.actor.get_physics_control() if self._usual is None else self._usual
        wheels = list(slippery.wheels)
        for wheel, before in zip(wheels, usual.wheels, strict=True):
            wheel.tire_friction = before.tire_friction * lose.grip
        slippery.wheels = wheels
        self.wheel = lose.steer
        self.send(carla.command.ApplyVehiclePhysicsControl(self.actor.id, slippery))
        until_us = view.time_us + lose.duration_s * 1e6

        def undo(_: View) -> None:
            self.wheel = self._usual = None
            self.send(carla.command.ApplyVehiclePhysicsControl(self.actor.id, usual))

        def over(now: View) -> bool:
            if now.time_us < until_us:
                return False
            undo(now)
            return True

        self.run(event, "wheel", over, undo, view)
