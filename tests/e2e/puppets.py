"""A run that is driven by nothing but what the log of another says: tick by tick everybody is put where they were."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import carla
import numpy as np

from av_synth.director import Event, Outcome
from av_synth.director.faults import Faults
from av_synth.geometry.carla import angular_to_carla, transform_from_matrix, vector_to_carla
from av_synth.geometry.transforms import matrix_from_quaternion, rigid
from av_synth.log.state import WorldState
from av_synth.scenario.weather import Weather
from av_synth.session import Session
from av_synth.store import Run

command = carla.command


class Puppets:
    """Stands where a `Director` stands."""

    def __init__(self, run: Run, session: Session) -> None:
        self.faults, self.standing = Faults(), frozenset[int]()
        self._run, self._session = run, session
        self._states, self._lights = self._rows("run_up", "states"), self._rows("run_up_lights", "traffic_lights")
        self._lamps, self._doors, self._weather = self._rows("lamps"), self._rows("doors"), self._rows("weather")
        self._controls, self._events = self._rows("controls"), self._rows("events")
        self._made = min(self._states) - 1  # the last frame of the log that was made
        self.warm_up_ticks = -min(self._states)
        self._actors: dict[int, carla.Actor] = {}

    def _rows(self, *tables: str) -> dict[int, list[dict[str, Any]]]:
        found = defaultdict(list)
        for row in (row for table in tables for row in self._run.table(table).to_pylist()):
            found[row.pop("frame")].append(row)
        return found

    def setup(self) -> None:
        self._session.set_weather(Weather(**self._weather[0][0]))
        last_id = self._nobody()
        for row in self._run.table("actors").to_pylist():
            while last_id < row["actor_id"] - 1:  # these were measured, and taken away
                last_id = self._nobody()
            blueprint = self._session.library.find(row["type_id"])
            may = {attribute.id for attribute in blueprint if attribute.is_modifiable} - {"role_name"}
            given = {name: value for name, value in json.loads(row["attributes"]).items() if name in may}
            towing, high = self._actors.get(row["towed_by"]), rigid(np.eye(3), [0.0, 0.0, 100.0 + 5.0 * last_id])
            actor = self._session.spawn(
                row["type_id"], high, role=row["role"], attributes=given, parked=row["parked"], towed_by=towing
            )
            actor.set_simulate_physics(False)
            actor.set_collisions(False)
            self._actors[actor.id], last_id = actor, actor.id
            self.ego = actor if row["is_ego"] else getattr(self, "ego", actor)
            assert actor.id == row["actor_id"]
        self.lights = {light.id: light for light in self._session.world.get_actors().filter("traffic.traffic_light*")}
        self._session.world.freeze_all_traffic_lights(True)
        self._put()

    def _nobody(self) -> int:
        gone = self._session.spawn_unlabelled("static.prop.trafficcone01", rigid(np.eye(3), [0.0, 0.0, 90.0]))
        gone.destroy()
        return int(gone.id)

    def before_tick(self, _state: WorldState) -> None:
        self._put()

    def _put(self) -> None:
        self._made, before = self._made + 1, self._made
        frame = self._made
        commands: list[Any] = []
        for row in self._states[frame]:
            actor_id = row["actor_id"]
            pose = matrix_from_quaternion([row[f"q{axis}"] for axis in "wxyz"], [row[f"{axis}_m"] for axis in "xyz"])
            velocity = np.array([row[f"v{axis}_mps"] for axis in "xyz"])
            spin = angular_to_carla([row[f"w{axis}_radps"] for axis in "xyz"])
            commands += [
                command.ApplyTransform(actor_id, transform_from_matrix(pose)),
                command.ApplyTargetVelocity(actor_id, vector_to_carla(velocity)),
                command.ApplyTargetAngularVelocity(actor_id, carla.Vector3D(*spin.tolist())),
            ]
        for row in self._controls[frame]:
            commands.append(command.ApplyVehicleControl(row.pop("actor_id"), carla.VehicleControl(**row)))
        for row in self._lamps[frame]:
            commands.append(command.SetVehicleLightState(row["actor_id"], row["flags"]))
        self._session.send(commands, "putting")
        for row in self._doors[before]:
            vehicle = self._actors[row["actor_id"]]
            self._session.move_door(vehicle, carla.VehicleDoor(row["door"]), opened=row["open"])
        for row in self._lights[frame]:
            self.lights[row["actor_id"]].set_state(carla.TrafficLightState.names[row["state"]])
        for row in self._weather[frame]:
            self._session.world.set_weather(carla.WeatherParameters(**row))

    def observe(self, _state: WorldState) -> tuple[Event, ...]:
        told = self._events[self._made]
        return tuple(
            Event(row["time_us"], row["kind"], row["actor_id"], row["other_id"], json.loads(row["detail"]))
            for row in told
        )

    def outcome(self) -> Outcome:
        return Outcome(())
