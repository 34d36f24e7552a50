"""Short scenarios that are played on the embedded simulator, and what came of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from av_synth import documents, rig, scenario
from av_synth.director import Director, Event
from av_synth.director.footprints import footprint
from av_synth.geometry.transforms import Array
from av_synth.launch import Address
from av_synth.log.state import WorldState
from av_synth.scenario.scenario import from_document
from av_synth.session import Session, open_session

TICK_US = 50_000
STREET = "road: {town: AvSynth01, length_m: 150, lanes: 2}\n"
PAVED = "road: {town: AvSynth01, length_m: 100, lanes: 1, pavement: [right]}\n"
CROSSROADS = "road: {town: AvSynth01, length_m: 110, curve: any, junction: {ahead_m: AHEAD, control: signals}}\n"
EGO = "ego: {speed_kmh: 30}\n"


def begin(director: Director, session: Session, change: Callable[[Director], None] | None = None) -> WorldState:
    """Set up, and play up to recorded time zero; `change` is done to the director after its first tick."""
    director.setup()
    state = session.tick()
    if change is not None:
        change(director)
    first = session.begin_recording(director.warm_up_ticks)
    while state.frame < first:
        director.before_tick(state)
        state = session.tick()
    return state


class Run:
    """A short scenario that was played: where everybody was at each frame, along the ego's path."""

    def __init__(
        self,
        address: Address,
        cache: Path,
        text: str,
        duration_s: float,
        change: Callable[[Director], None] | None,
        town: str = "AvSynth01",
    ) -> None:
        head = f"name: small\ndescription: x\nduration_s: {duration_s}\n"
        concrete = scenario.draw(from_document(documents.parse(head + text, "small.yaml")), 1)
        with open_session(address, town, TICK_US, 1, cache) as session:
            self.director = director = Director(concrete, session, rig.load("tiny"))
            state = begin(director, session, change)
            self.states: list[WorldState] = []
            self.events: list[Event] = []
            self.lights: list[dict[int, str]] = []
            self.weather: list[dict[str, float]] = []
            self.lamps: list[dict[int, int]] = []
            self.doors: dict[tuple[int, int, int], bool] = {}
            for _ in range(round(duration_s * 1e6 / TICK_US) + 1):
                if self.states:
                    director.before_tick(state)
                    state = session.tick()
                self.events += director.observe(state)
                self.states.append(state)
                self.lights.append(session.traffic_lights())
                self.weather.append(session.weather())
                self.doors |= session.doors()
            self.lamps = [{pair[0]: int(pair[1]) for pair in session.world.get_vehicles_light_states().items()}]
            self.outcome = director.outcome()

    def who(self, role: str) -> int:
        return next(actor_id for actor_id, info in self.states[0].infos.items() if info.role == role)

    def of(self, role: str) -> dict[str, Array]:
        """Time, station, offset, speed, heading relative to the path, and height of the origin of somebody."""
        path, rows = self.director.place.path, []
        for state in self.states:
            box = footprint(state, self.who(role))
            station, offset = path.project(box.centre_m)
            turned = math.remainder(box.yaw_rad - path.heading_rad(station), math.tau)
            height = state.actors[self.who(role)].world_from_actor[2, 3]
            rows.append([state.time_us * 1e-6, station, offset, np.hypot(*box.velocity_mps), turned, height])
        return dict(zip(("t", "s", "d", "v", "yaw", "z"), np.array(rows).T, strict=True))

    def begun(self, do: str) -> float:
        found = (e for e in self.events if e.kind == "trigger" and e.detail.get("do") == do)
        return next(found).time_us * 1e-6

    def verdicts(self) -> dict[str, tuple[object, bool]]:
        return {result.name: (result.reached, result.held) for result in self.outcome.expectations}


Play = Callable[..., Run]


def at(t: Array, values: Array, time_s: float) -> float:
    return float(np.interp(time_s, t, values))
