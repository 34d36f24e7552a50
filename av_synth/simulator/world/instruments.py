"""What can be read off a vehicle, its instruments and its wheels, and off all bodies at once."""

from __future__ import annotations

from av_synth.simulator.profile import WORN_GRIP
from av_synth.simulator.scene import Weather
from av_synth.simulator.world.arrays import AllTold
from av_synth.simulator.world.dynamics import road_friction
from av_synth.simulator.world.given_forces import GivenForces
from av_synth.simulator.world.model import WheelAngles
from av_synth.simulator.world.telemetry import VehicleTelemetry, telemetry
from av_synth.simulator.world.wheels import wheel_angles


class Instruments(GivenForces):
    """The part of `World` that reads bodies; errors are those of `Commands`."""

    weather: Weather

    def all_told(self) -> AllTold:
        """What clients are told of all bodies; of the rest, their own poses and velocities."""
        return self._arrays.all_told()

    def telemetry(self, actor_id: int) -> VehicleTelemetry:
        """What a vehicle's instruments showed after the last step."""
        actor, k, _ = self._vehicle("get_telemetry_data", actor_id)
        return telemetry(self._arrays, k, actor, self._friction())

    def wheel_angles(self, call: str, actor_id: int, wheel: int) -> WheelAngles:
        """Where a wheel of a vehicle points and how far it has rolled; an error names the call."""
        actor, k, _ = self._vehicle(call, actor_id)
        return wheel_angles(self._arrays, k, actor, wheel, call)

    def _friction(self) -> float:
        """Between tyres and road, in this weather."""
        return road_friction(self.weather) * (WORN_GRIP if self.profile.worn_tyres else 1.0)
