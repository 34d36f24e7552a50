"""Velocities that are given, impulses and forces: the part of the world that pushes bodies about."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.world.arrays import com_offset
from av_synth.simulator.world.commands import Commands, finite
from av_synth.simulator.world.errors import NotSupported

_REACH_M = 1000.0  # from a body to where it is pushed: each push from afar would carry it off, and the next one further
_TILT_RADPS = 0.2  # angular velocities about level axes below this are a car's own rocking, above it a wish


class GivenForces(Commands):
    """The part of `World` that pushes actors. Vectors are right-handed, world axes, SI, unless said.

    Errors are those of `Commands`. A body is pushed at its centre of mass unless a place is given, as PhysX does it;
    it turns about the vertical only, and about its centre of mass.
    """

    def set_target_velocity(self, actor_id: int, velocity_mps: npt.ArrayLike) -> None:
        """Give an actor a velocity (3,) at once; one without physics keeps it without moving (for Doppler)."""
        call = "set_actor_target_velocity"
        actor, k = self._with_body(call, actor_id)
        velocity = finite(call, velocity_mps, (3,))
        if actor.kind == "walker" and actor.simulate_physics:
            raise NotSupported(call, "a walker goes where its WalkerControl says; use apply_control_to_walker")
        self._arrays.velocity[k] = velocity
        self._launch(k, float(velocity[2]))

    def set_target_angular_velocity(self, actor_id: int, angular_velocity_radps: npt.ArrayLike) -> None:
        """Give an actor an angular velocity (3,) about world axes at once; with physics only z acts."""
        call = "set_actor_target_angular_velocity"
        actor, k = self._with_body(call, actor_id)
        angular = finite(call, angular_velocity_radps, (3,))
        if actor.simulate_physics and float(np.hypot(angular[0], angular[1])) > _TILT_RADPS:
            raise NotSupported(call, f"bodies turn about the vertical only, got {angular.tolist()} rad/s")
        self._arrays.angular[k] = angular
        self._arrays.still[k] = False

    def enable_constant_velocity(self, actor_id: int, velocity_mps: npt.ArrayLike) -> None:
        """Hold a vehicle at a level velocity (3,) in its own axes, whatever its pedals say; it can still be steered."""
        call = "enable_actor_constant_velocity"
        _, k, _ = self._vehicle(call, actor_id)
        velocity = finite(call, velocity_mps, (3,))
        if velocity[2] != 0.0:
            raise NotSupported(call, f"vehicles are held at speeds along the road only, got z = {velocity[2]} m/s")
        self._arrays.held_velocity[k] = velocity[:2]
        self._arrays.holds_velocity[k] = True
        self._arrays.still[k] = False

    def disable_constant_velocity(self, actor_id: int) -> None:
        """Give a vehicle back to its pedals."""
        _, k, _ = self._vehicle("disable_actor_constant_velocity", actor_id)
        self._arrays.holds_velocity[k] = False

    def add_impulse(self, actor_id: int, impulse_ns: npt.ArrayLike) -> None:
        """Hit a body with physics with an impulse (3,) in newton seconds."""
        _, k = self._movable("add_actor_impulse", actor_id)
        change = finite("add_actor_impulse", impulse_ns, (3,)) / self._arrays.mass[k]
        if self._arrays.is_walker[k]:
            self._arrays.knock[k] += change[:2]
        else:
            self._arrays.velocity[k] += change
        self._launch(k, float(change[2]))

    def add_impulse_at(self, actor_id: int, impulse_ns: npt.ArrayLike, place_m: npt.ArrayLike) -> None:
        """Hit a body with a level impulse (3,) in newton seconds at a place (3,) in the world: it is pushed and turned.

        A walker is pushed only: it faces where its WalkerControl says.
        """
        call = "add_actor_impulse_at_location"
        k, impulse, moment = self._off_centre(call, actor_id, impulse_ns, place_m)
        self.add_impulse(actor_id, impulse)
        self._turn(k, moment)

    def add_force(self, actor_id: int, force_n: npt.ArrayLike) -> None:
        """Push a body with physics with a level force (3,) in newtons, during the next step."""
        _, k = self._movable("add_actor_force", actor_id)
        force = finite("add_actor_force", force_n, (3,))
        if force[2] != 0.0:
            raise NotSupported("add_actor_force", f"bodies are pushed in the plane only, got z = {force[2]} N")
        self._arrays.force[k] += force

    def add_force_at(self, actor_id: int, force_n: npt.ArrayLike, place_m: npt.ArrayLike) -> None:
        """Push a body with a level force (3,) in newtons at a place (3,) in the world, during the next step."""
        k, force, moment = self._off_centre("add_actor_force_at_location", actor_id, force_n, place_m)
        self._arrays.force[k] += force
        self._arrays.torque[k] += moment

    def add_angular_impulse(self, actor_id: int, impulse_nms: npt.ArrayLike) -> None:
        """Spin a body with physics about the vertical with an angular impulse (3,) in N m s."""
        k, about_z = self._spin("add_actor_angular_impulse", actor_id, impulse_nms)
        self._turn(k, about_z)

    def add_torque(self, actor_id: int, torque_nm: npt.ArrayLike) -> None:
        """Twist a body with physics about the vertical with a torque (3,) in N m, during the next step."""
        k, about_z = self._spin("add_actor_torque", actor_id, torque_nm)
        self._arrays.torque[k] += about_z

    def _spin(self, call: str, actor_id: int, vector: npt.ArrayLike) -> tuple[int, float]:
        actor, k = self._movable(call, actor_id)
        x, y, z = finite(call, vector, (3,))
        if actor.kind == "walker":
            raise NotSupported(call, "a walker faces where its WalkerControl says")
        if x != 0.0 or y != 0.0:
            raise NotSupported(call, f"bodies turn about the vertical only, got x = {x}, y = {y}")
        return k, float(z)

    def _off_centre(
        self, call: str, actor_id: int, push: npt.ArrayLike, place_m: npt.ArrayLike
    ) -> tuple[int, Array, float]:
        """Row, push (3,) and its moment about the vertical through the centre of mass; none about a walker's."""
        _, k = self._movable(call, actor_id)
        x, y, z = finite(call, push, (3,))
        place = finite(call, place_m, (3,))
        if z != 0.0:
            raise NotSupported(call, f"upwards off its centre a body would tip over, which it cannot; got z = {z}")
        arrays = self._arrays
        lever = place[:2] - arrays.pose[k, :2, 3] - com_offset(arrays, k)
        if float(np.hypot(*lever)) > _REACH_M:
            at = f"{place.tolist()}, {float(np.hypot(*lever)):g} m away"
            raise DataError(f"{call}: got a place at {at}; want one on actor {actor_id}, {_REACH_M:g} m away at most")
        moment = 0.0 if arrays.is_walker[k] else float(lever[0] * y - lever[1] * x)
        return k, np.array([x, y, z]), moment

    def _turn(self, k: int, moment_nms: float) -> None:
        """Change the rate at which a body turns about its centre of mass; its origin goes along."""
        arrays = self._arrays
        rate = moment_nms / arrays.inertia[k]
        x, y = com_offset(arrays, k)
        arrays.angular[k, 2] += rate
        arrays.velocity[k, 0] += rate * y
        arrays.velocity[k, 1] -= rate * x
        arrays.still[k] = False
