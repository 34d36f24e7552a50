"""The state log of a run, frame by frame, as rows of its tables."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping

from av_synth.errors import DataError
from av_synth.log.state import ActorInfo, WorldState
from av_synth.run import rows
from av_synth.run.criticality import Criticality, measure
from av_synth.run.rows import Row
from av_synth.run.spec import RunUpTick, Tick


class LogTables:
    """Gathers what everybody did.

    Attributes:
        rows: by table.
    """

    def __init__(self, ego_id: int) -> None:
        """Of a run whose rig the actor `ego_id` carries."""
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self._ego_id = ego_id
        self._weather: Mapping[str, float] = {}
        self._lamps: Mapping[int, int] = {}
        self._states: list[WorldState] = []
        self._frames: dict[int, int] = {}  # recorded frame by its time

    def run_up(self, tick: RunUpTick) -> None:
        """Log a tick before the first frame."""
        self.rows["run_up"] += _states(tick.index, tick.state)
        self.rows["run_up_lights"] += _traffic_lights(tick)
        self._log_lamps_and_doors(tick)

    def tick(self, tick: Tick) -> None:
        """Log a recorded frame.

        Raises:
            DataError: if an event of another frame came with it.
        """
        late = [event for event in tick.events if 0 <= event.time_us != tick.state.time_us]
        if late:
            raise DataError(f"frame {tick.index}: an event of another frame came with it: {late[0]}")
        at = {"frame": tick.index, "time_us": tick.state.time_us}
        self._states.append(tick.state)
        self._frames[tick.state.time_us] = tick.index
        self.rows["ticks"].append({**at, "state_hash": tick.state_hash})
        self.rows["states"] += _states(tick.index, tick.state)
        velocity = tick.state.velocity_at(self._ego_id, tick.world_from_ego[:3, 3])
        self.rows["ego_poses"].append({**at, **rows.pose(tick.world_from_ego), **rows.vector("v{}_mps", velocity)})
        self.rows["controls"] += [
            {"frame": tick.index, "actor_id": actor_id, **control} for actor_id, control in tick.controls.items()
        ]
        self.rows["traffic_lights"] += _traffic_lights(tick)
        self._log_lamps_and_doors(tick)
        if tick.weather != self._weather:
            self.rows["weather"].append({"frame": tick.index, **tick.weather})
            self._weather = tick.weather
        self.rows["events"] += [
            {
                **at,
                "kind": event.kind,
                "actor_id": event.actor_id,
                "other_id": event.other_id,
                "detail": json.dumps(event.detail, sort_keys=True),
            }
            for event in tick.events
        ]

    def end(self, named: Collection[str]) -> Criticality:
        """Log who was there, and measure how critical it was.

        Args:
            named: actors by their names in the scenario, who are measured at any distance.

        Raises:
            DataError: if no frame was logged.
        """
        if not self._states:
            raise DataError("the run ended without a frame")
        infos: dict[int, ActorInfo] = {}  # of those too who came, or went, while it was recorded
        for state in self._states:
            infos |= state.infos
        self.rows["actors"] = [self._actor(info) for info in infos.values()]
        critical = measure(self._states, self._ego_id, named)
        self.rows["metrics"] = [
            {"frame": self._frames[found.time_us], **vars(found)} for found in critical.measurements
        ]
        return critical

    def _log_lamps_and_doors(self, tick: Tick | RunUpTick) -> None:
        self.rows["lamps"] += [
            {"frame": tick.index, "actor_id": actor_id, "flags": flags}
            for actor_id, flags in tick.lamps.items()
            if self._lamps.get(actor_id) != flags
        ]
        self._lamps = tick.lamps
        self.rows["doors"] += [
            {"frame": frame, "actor_id": actor_id, "door": door, "open": opened}
            for (frame, actor_id, door), opened in tick.doors.items()
        ]

    def _actor(self, info: ActorInfo) -> Row:
        return {
            "actor_id": info.actor_id,
            "role": info.role,
            "type_id": info.type_id,
            "category": info.category,
            **rows.size(info.size_lwh_m),
            **rows.vector("box_{}_m", info.box_centre_m),
            "box_source": info.box_source,
            "parked": info.parked,
            "is_ego": info.actor_id == self._ego_id,
            "attributes": json.dumps(dict(info.attributes), sort_keys=True),
            "towed_by": info.towed_by,
        }


def _states(frame: int, state: WorldState) -> list[Row]:
    return [
        {
            "frame": frame,
            "time_us": state.time_us,
            "actor_id": actor_id,
            **rows.pose(actor.world_from_actor),
            **rows.vector("v{}_mps", actor.velocity_mps),
            **rows.vector("w{}_radps", actor.angular_velocity_radps),
            **rows.vector("a{}_mps2", actor.acceleration_mps2),
        }
        for actor_id, actor in state.actors.items()
    ]


def _traffic_lights(tick: Tick | RunUpTick) -> list[Row]:
    return [
        {"frame": tick.index, "actor_id": actor_id, "state": state} for actor_id, state in tick.traffic_lights.items()
    ]
