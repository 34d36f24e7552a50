"""Everything a user may ask of an actor: one method a call, each checked, each done or refused by name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array, invert
from av_synth.simulator.profile import Profile
from av_synth.simulator.world.ackermann import AckermannController
from av_synth.simulator.world.arrays import BodyArrays
from av_synth.simulator.world.errors import ActorNotFound, NotSupported, WrongActorKind
from av_synth.simulator.world.model import (
    AckermannControl,
    AckermannSettings,
    Actor,
    LightState,
    TrafficLightState,
    VehicleControl,
    VehiclePhysics,
    VehicleState,
    WalkerControl,
    WalkerState,
)
from av_synth.simulator.world.physics import check_physics, hold_gear, load_row
from av_synth.simulator.world.traffic_lights import LightGroup, show_light
from av_synth.simulator.world.walkers import foot_offset


class Commands:
    """The part of `World` that changes actors. Vectors are right-handed, world axes, SI, unless said.

    Every method raises `ActorNotFound` for an unknown id, `WrongActorKind` where the call is for another kind of
    actor, `DataError` for numbers that are not finite, and `NotSupported` for what the simulator cannot do.
    """

    actors: dict[int, Actor]
    _arrays: BodyArrays
    _groups: dict[int, LightGroup]
    _controllers: dict[int, AckermannController]
    _children: dict[int, list[int]]
    _asked: dict[int, VehicleControl]  # since the last step, and
    _due: dict[int, VehicleControl]  # before it; of a profile whose controls come late
    profile: Profile

    def get(self, call: str, actor_id: int) -> Actor:
        """The actor with that id; an error names the call."""
        actor = self.actors.get(actor_id)
        if actor is None:
            raise ActorNotFound(call, actor_id)
        return actor

    # -- placement ----------------------------------------------------------------------------------------------

    def set_transform(self, actor_id: int, world_from_actor: Array) -> None:
        """Put an actor somewhere at once; an attached one keeps its new place relative to its parent."""
        actor = self.get("set_actor_transform", actor_id)
        pose = finite("set_actor_transform", world_from_actor, (4, 4))
        actor.world_from_actor[:] = pose
        if actor.parent_from_actor is not None:
            actor.parent_from_actor = invert(self.actors[actor.parent_id].world_from_actor) @ pose
        if actor_id in self._arrays:
            k = self._arrays.row(actor_id)
            self._arrays.falling[k] = self._arrays.still[k] = False
            self._arrays.fall_mps[k] = 0.0
            self._arrays.lean[k] = 0.0
            self._arrays.placed[k] = True
        self._carry_children(actor_id)

    def set_location(self, actor_id: int, location_m: npt.ArrayLike) -> None:
        """Put an actor's origin (3,) somewhere and leave its heading."""
        actor = self.get("set_actor_location", actor_id)
        pose = actor.world_from_actor.copy()
        pose[:3, 3] = finite("set_actor_location", location_m, (3,))
        self.set_transform(actor_id, pose)

    def _carry_children(self, parent_id: int) -> list[int]:
        """Put what is attached to an actor, and to that in turn, in its place; ids of all who may carry somebody."""
        parents = [parent_id]  # no recursion: a client may attach a thousand actors, each to the one before
        for parent in parents:
            carried = [self.actors[child_id] for child_id in self._children.get(parent, ())]
            for child in carried:
                if child.parent_from_actor is not None:
                    child.world_from_actor[:] = self._arrays.told(self.actors[parent])[0] @ child.parent_from_actor
                    parents.append(child.id)
        return parents

    # -- motion -------------------------------------------------------------------------------------------------

    def set_simulate_physics(self, actor_id: int, enabled: bool) -> None:
        """Switch a body's physics; without it the body stays where it is put, but still stops others."""
        actor, k = self._with_body("set_actor_simulate_physics", actor_id)
        if actor.kind == "traffic_light" and enabled:
            raise NotSupported("set_actor_simulate_physics", "traffic lights are fixed to the ground")
        if actor.simulate_physics == enabled:
            return
        actor.simulate_physics = enabled
        arrays = self._arrays
        arrays.physics[k] = enabled
        arrays.still[k] = arrays.falling[k] = False
        arrays.velocity[k] = arrays.angular[k] = 0.0
        arrays.knock[k] = arrays.pedals[k] = arrays.fall_mps[k] = 0.0
        if actor.vehicle is not None:
            actor.vehicle.shown_wheels.clear()

    def set_enable_gravity(self, actor_id: int, enabled: bool) -> None:
        """Without gravity a body keeps its height where nothing is under it."""
        actor, k = self._with_body("set_actor_enable_gravity", actor_id)
        actor.gravity = enabled
        self._arrays.gravity[k] = enabled
        self._arrays.still[k] = False

    def set_collisions(self, actor_id: int, enabled: bool) -> None:
        """Let a body take part in contacts, or pass through everything."""
        actor, k = self._with_body("set_actor_collisions", actor_id)
        if actor.kind == "traffic_light" and enabled:
            raise NotSupported("set_actor_collisions", "a traffic light's pole is part of the town's footprints")
        actor.collisions = enabled
        self._arrays.collides[k] = enabled

    def set_dead(self, actor_id: int) -> None:
        """A dead vehicle stops with its hand brake on, a dead walker stands; neither follows its control again."""
        actor, k = self._with_body("set_actor_dead", actor_id)
        actor.dead = True
        self._arrays.asked[k] = self._arrays.walk[k] = 0.0
        if actor.vehicle is not None:
            actor.vehicle.ackermann = None
            self._arrays.hand_brake[k] = 1.0

    # -- vehicles -----------------------------------------------------------------------------------------------

    def apply_vehicle_control(self, actor_id: int, control: VehicleControl) -> None:
        """Set pedals and wheel, within their ranges; they hold until the next control."""
        call = "apply_control_to_vehicle"
        actor, k, vehicle = self._vehicle(call, actor_id)
        if not np.isfinite(control.throttle + control.brake + control.steer):  # one array a tick and vehicle is dear
            raise DataError(f"{call}: got {control}; want finite numbers")
        if actor.dead:
            return
        vehicle.ackermann = None
        self._controllers.pop(actor_id, None)
        if self.profile.late_controls:
            self._asked[actor_id] = control
        else:
            self._drive(k, vehicle, control)

    def _act_late(self) -> None:
        """Carry out what was asked before the last step."""
        for actor_id, control in self._due.items():
            vehicle = self.actors[actor_id].vehicle if actor_id in self.actors else None
            if vehicle is not None:
                self._drive(self._arrays.row(actor_id), vehicle, control)
        self._due, self._asked = self._asked, {}

    def _drive(self, k: int, vehicle: VehicleState, control: VehicleControl) -> None:
        arrays = self._arrays
        if arrays.actors[k].dead:  # also of a control that was asked for before and comes late
            return
        vehicle.control = control
        arrays.asked[k] = control.throttle, control.brake, control.steer
        arrays.hand_brake[k] = float(control.hand_brake)
        sign = -1.0 if control.reverse else 1.0
        if control.manual_gear_shift:
            sign = float(np.sign(control.gear))
        arrays.drive_sign[k] = sign
        body = arrays.actors[k].body
        if body is not None:
            hold_gear(arrays, k, body, vehicle)

    def apply_ackermann_control(self, actor_id: int, control: AckermannControl) -> None:
        """Hand a vehicle to its Ackermann controller with these targets."""
        call = "apply_ackermann_control_to_vehicle"
        actor, _, vehicle = self._vehicle(call, actor_id)
        numbers = (control.steer_rad, control.steer_speed_radps, control.speed_mps, control.acceleration_mps2)
        finite(call, (*numbers, control.jerk_mps3), (5,))
        if actor.dead:
            return
        vehicle.ackermann = control
        self._controllers.setdefault(actor_id, AckermannController())

    def ackermann_settings(self, actor_id: int) -> AckermannSettings:
        """Gains of a vehicle's Ackermann controller."""
        return self._vehicle("get_ackermann_controller_settings", actor_id)[2].ackermann_settings

    def apply_ackermann_settings(self, actor_id: int, settings: AckermannSettings) -> None:
        """Change the gains of a vehicle's Ackermann controller."""
        call = "apply_ackermann_controller_settings"
        vehicle = self._vehicle(call, actor_id)[2]
        s = settings
        finite(call, (s.speed_kp, s.speed_ki, s.speed_kd, s.accel_kp, s.accel_ki, s.accel_kd), (6,))
        vehicle.ackermann_settings = settings

    def apply_physics_control(self, actor_id: int, physics: VehiclePhysics) -> None:
        """Change a vehicle's physics; `VehiclePhysics` says what acts."""
        actor, k, vehicle = self._vehicle("apply_physics_control", actor_id)
        if actor.body is None:
            raise WrongActorKind("apply_physics_control", actor_id, actor.kind, "vehicle with a body")
        check_physics(physics)
        vehicle.physics = physics
        load_row(self._arrays, k, actor.body, physics)
        self._arrays.still[k] = False

    def set_lights(self, actor_id: int, lights: int) -> None:
        """Switch a vehicle's lights, CARLA's VehicleLightState bits; brake lamps also follow the pedal."""
        self._vehicle("set_vehicle_light_state", actor_id)[0].lights = int(lights) & 0xFFFFFFFF

    # -- walkers ------------------------------------------------------------------------------------------------

    def apply_walker_control(self, actor_id: int, control: WalkerControl) -> None:
        """Let a walker go along a direction at a speed, from the next step on until the next control."""
        call = "apply_control_to_walker"
        actor, k, walker = self._walker(call, actor_id)
        x, y, _ = finite(call, control.direction, (3,))
        speed = float(finite(call, (control.speed_mps,), (1,))[0])
        if control.jump:
            raise NotSupported(call, "walkers cannot jump")
        if actor.dead:
            return
        walker.control = control
        length = float(np.hypot(x, y))
        self._arrays.walk[k] = (0.0, 0.0) if length < 1e-9 else (x / length * speed, y / length * speed)

    def set_walker_state(self, actor_id: int, world_from_actor: Array, speed_mps: float) -> None:
        """Lead a walker, as the client's walker AI does: its place and heading now, and the speed it goes at.

        The height asked for is that of its feet, and its origin comes to lie half its height above, as CARLA's sources
        have it. One that simulates physics, which the walker AI switches off, stands on the ground instead.
        """
        call = "set_walker_state"
        actor, k, walker = self._walker(call, actor_id)
        pose = finite(call, world_from_actor, (4, 4))
        speed = float(finite(call, (speed_mps,), (1,))[0])
        if actor.dead:
            return
        arrays = self._arrays
        forward = pose[:2, 0] / max(float(np.hypot(pose[0, 0], pose[1, 0])), 1e-9)
        arrays.pose[k, :2, 3] = pose[:2, 3]
        arrays.pose[k, :3, :3] = [[forward[0], -forward[1], 0.0], [forward[1], forward[0], 0.0], [0.0, 0.0, 1.0]]
        arrays.walk[k] = forward * speed
        arrays.led[k] = True
        if not actor.simulate_physics:
            arrays.velocity[k, :2] = forward * speed
            arrays.pose[k, 2, 3] = pose[2, 3] + foot_offset(arrays, np.array([k]))[0]
        walker.control = WalkerControl((float(forward[0]), float(forward[1]), 0.0), speed)
        self._carry_children(actor_id)

    # -- traffic lights -----------------------------------------------------------------------------------------

    def set_traffic_light_state(self, actor_id: int, state: LightState) -> None:
        """Show a colour now; the cycle goes on from where it is unless it is frozen."""
        show_light(self._light("set_traffic_light_state", actor_id), LightState(state))

    def set_traffic_light_times(
        self, actor_id: int, *, green_s: float | None = None, yellow_s: float | None = None, red_s: float | None = None
    ) -> None:
        """Change how long the colours of a light, and of those of its phase, last; red is the wait before the next."""
        call = "set_traffic_light_time"
        light = self._light(call, actor_id)
        times = {"green_s": green_s, "yellow_s": yellow_s, "red_s": red_s}
        given = {name: float(value) for name, value in times.items() if value is not None}
        if any(not np.isfinite(value) or value < 0.0 for value in given.values()):
            raise DataError(f"{call}: got {given}; want seconds, 0 or more")
        for other in self._groups[light.group].of_phase(light.phase):
            for name, value in given.items():
                setattr(other, name, value)

    def freeze_all_traffic_lights(self, frozen: bool) -> None:
        """Stop, or let go on, every cycle of the town."""
        for group in self._groups.values():
            group.freeze(frozen)

    def freeze_traffic_light(self, actor_id: int, frozen: bool) -> None:
        """Stop, or let go on, the cycle of a light's group."""
        self._groups[self._light("freeze_traffic_light", actor_id).group].freeze(frozen)

    def reset_traffic_light_group(self, actor_id: int) -> None:
        """Start the cycle of a light's group again."""
        self._groups[self._light("reset_traffic_light_group", actor_id).group].reset()

    def reset_all_traffic_lights(self) -> None:
        """Start every cycle again."""
        for group in self._groups.values():
            group.reset()

    def traffic_light_group(self, actor_id: int) -> tuple[int, ...]:
        """Ids of all lights in a light's group, itself included."""
        group = self._light("get_group_traffic_lights", actor_id).group
        return tuple(
            actor.id
            for actor in self.actors.values()
            if actor.traffic_light is not None and actor.traffic_light.group == group
        )

    # -- finding, with errors that name the call ----------------------------------------------------------------

    def _with_body(self, call: str, actor_id: int) -> tuple[Actor, int]:
        actor = self.get(call, actor_id)
        if actor_id not in self._arrays:
            raise WrongActorKind(call, actor_id, actor.kind, "vehicle, walker or prop")
        return actor, self._arrays.row(actor_id)

    def _movable(self, call: str, actor_id: int) -> tuple[Actor, int]:
        actor, k = self._with_body(call, actor_id)
        if not actor.simulate_physics:
            raise NotSupported(call, f"actor {actor_id} does not simulate physics; switch it on first")
        return actor, k

    def _launch(self, k: int, upward_mps: float) -> None:
        self._arrays.still[k] = False
        if self._arrays.physics[k] and upward_mps > 0.0:
            self._arrays.falling[k] = True
            self._arrays.fall_mps[k] += upward_mps

    def _vehicle(self, call: str, actor_id: int) -> tuple[Actor, int, VehicleState]:
        actor = self.get(call, actor_id)
        vehicle = actor.as_vehicle(call)
        return actor, self._arrays.row(actor_id), vehicle

    def _walker(self, call: str, actor_id: int) -> tuple[Actor, int, WalkerState]:
        actor = self.get(call, actor_id)
        if actor.walker is None:
            raise WrongActorKind(call, actor_id, actor.kind, "walker")
        return actor, self._arrays.row(actor_id), actor.walker

    def _light(self, call: str, actor_id: int) -> TrafficLightState:
        actor = self.get(call, actor_id)
        if actor.traffic_light is None:
            raise WrongActorKind(call, actor_id, actor.kind, "traffic light")
        return actor.traffic_light


def finite(call: str, values: npt.ArrayLike, shape: tuple[int, ...]) -> Array:
    """The values as an array; raises `DataError` in the name of the call unless they are finite and of that shape."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise DataError(f"{call}: got {array.tolist()}; want finite numbers of shape {shape}")
    return array
