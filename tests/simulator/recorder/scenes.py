"""A short scene with everything that a recorder writes, and what clients are told of each frame."""

from __future__ import annotations

from typing import Any

import carla

from tests.simulator.server_process import ahead

TICKS = 100
LIGHTS_ON = carla.VehicleLightState(carla.VehicleLightState.LowBeam | carla.VehicleLightState.Fog)


class Scene:
    """A car drives into a hero's car and its lamps change; somebody walks; a third car comes late and goes early."""

    def __init__(self, world: carla.World) -> None:
        self.world = world
        library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
        hero = library.find("vehicle.tesla.model3")
        hero.set_attribute("role_name", "hero")
        self.third = library.find("vehicle.audi.tt")
        self.place = points[9]
        self.car = world.spawn_actor(library.find("vehicle.audi.a2"), points[0])
        self.hero = world.spawn_actor(hero, ahead(points[0], 15.0))
        self.walker = world.spawn_actor(
            library.find("walker.pedestrian.0001"), ahead(points[1], 3.0, right_m=4.0, up_m=1.0)
        )
        self.light = world.get_actors().filter("traffic.traffic_light")[0]
        self.bump = world.spawn_actor(
            library.find("sensor.other.collision"), carla.Transform(carla.Location(x=2.0)), attach_to=self.car
        )

    def play(self) -> list[dict[int, Any]]:
        """What clients are told of each of TICKS frames."""
        self.car.apply_control(carla.VehicleControl(throttle=1.0, steer=0.02))
        self.walker.apply_control(carla.WalkerControl(carla.Vector3D(0.98, -0.2, 0.0), 1.4))
        told = []
        for tick in range(TICKS):
            if tick == 20:
                third = self.world.spawn_actor(self.third, self.place)
            if tick == 30:
                self.car.set_light_state(LIGHTS_ON)
                self.light.set_state(carla.TrafficLightState.Yellow)
            if tick == 40:
                self.car.open_door(carla.VehicleDoor.FL)
            if tick == 70:
                third.destroy()
            if tick == 80:
                self.car.apply_control(carla.VehicleControl(throttle=0.5, reverse=True))
            self.world.tick()
            told.append(told_of(self.world))
        return told


def told_of(world: carla.World) -> dict[int, Any]:
    """Blueprint, numbers (x, y, z, pitch, yaw, roll, velocity) and what else is told of each actor but sensors."""
    snapshot, found = world.get_snapshot(), {}
    for actor in world.get_actors([each.id for each in snapshot]):
        if actor.type_id.startswith(("sensor", "spectator")):
            continue
        of = snapshot.find(actor.id)
        place, turn, speed = of.get_transform().location, of.get_transform().rotation, of.get_velocity()
        numbers = (place.x, place.y, place.z, turn.pitch, turn.yaw, turn.roll, speed.x, speed.y, speed.z)
        found[actor.id] = actor.type_id, numbers, _state(actor)
    return found


def _state(actor: carla.Actor) -> Any:
    if isinstance(actor, carla.Vehicle):
        control = actor.get_control()
        pedals = (control.throttle, control.brake, control.steer, control.hand_brake, control.reverse, control.gear)
        return pedals, int(actor.get_light_state())
    if isinstance(actor, carla.Walker):
        return round(actor.get_control().speed, 4)
    return actor.state, round(actor.get_elapsed_time(), 4), actor.is_frozen()


def differences(told: dict[int, Any], replayed: dict[int, Any]) -> list[str]:
    """Where two frames differ: places and velocities by more than a millimetre, angles by 0.01 degrees."""
    found = [f"{who}: there once" for who in told.keys() ^ replayed.keys()]
    for who in told.keys() & replayed.keys():
        (kind, numbers, state), (kind_too, numbers_too, state_too) = told[who], replayed[who]
        apart = [abs(a - b) for a, b in zip(numbers, numbers_too, strict=True)]
        turned = [min(angle, 360.0 - angle) for angle in apart[3:6]]
        if (kind, state) != (kind_too, state_too):
            found.append(f"{who}: {kind} {state}, {kind_too} {state_too}")
        if max(apart[:3] + apart[6:]) > 1e-3 or max(turned) > 0.01:
            found.append(f"{who}: {numbers}, {numbers_too}")
    return found
