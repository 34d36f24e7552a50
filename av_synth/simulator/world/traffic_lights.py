"""Traffic lights: groups whose phases take turns, and which light a vehicle stands at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.town.model import TrafficLight
from av_synth.simulator.world.model import LightState, TrafficLightState


class LightGroup:
    """The lights of one junction: phase after phase goes green, yellow, and all red before the next.

    A phase's times are those of its first light, so setting a time on any light of a phase is done for the phase.
    """

    def __init__(self, lights: Sequence[TrafficLightState]) -> None:
        self.lights = tuple(lights)
        self.phases = tuple(sorted({light.phase for light in lights}))
        self._first = [self.of_phase(phase)[0] for phase in self.phases]
        self.frozen = False
        self.reset()

    def reset(self) -> None:
        """Start the cycle again: the first phase is green, all others red."""
        self.turn, self.stage, self.elapsed_s = 0, LightState.GREEN, 0.0
        self._show()
        for light in self.lights:
            light.elapsed_s = 0.0  # also of those that are red before and after

    def freeze(self, frozen: bool) -> None:
        """Stop the cycle where it is, or let it go on."""
        self.frozen = frozen
        for light in self.lights:
            light.frozen = frozen

    def of_phase(self, phase: int) -> tuple[TrafficLightState, ...]:
        """Lights that are green together."""
        return tuple(light for light in self.lights if light.phase == phase)

    def step(self, dt: float) -> None:
        """Let `dt` seconds pass; several stages may end in one step."""
        if self.frozen:
            return
        for light in self.lights:
            light.elapsed_s += dt
        self.elapsed_s += dt
        for _ in range(3 * len(self.phases)):  # zero times must not turn for ever
            limit = self._limit()
            if self.elapsed_s < limit - 1e-9:
                return
            self.elapsed_s -= limit
            self._next()

    def _limit(self) -> float:
        first = self._first[self.turn]
        return {LightState.GREEN: first.green_s, LightState.YELLOW: first.yellow_s}.get(self.stage, first.red_s)

    def _next(self) -> None:
        if self.stage is LightState.GREEN:
            self.stage = LightState.YELLOW
        elif self.stage is LightState.YELLOW:
            self.stage = LightState.RED
        else:
            self.turn, self.stage = (self.turn + 1) % len(self.phases), LightState.GREEN
        self._show()

    def _show(self) -> None:
        for light in self.lights:
            show_light(light, self.stage if light.phase == self.phases[self.turn] else LightState.RED)


def show_light(light: TrafficLightState, state: LightState, elapsed_s: float | None = None) -> None:
    """Change a light's colour and start its clock again if it differs, or set the clock too."""
    if light.state is not state:
        light.state, light.elapsed_s = state, 0.0
    if elapsed_s is not None:
        light.elapsed_s = elapsed_s


class StopAreas:
    """Where vehicles are "at" a light: inside one of its stop areas, and heading along its lane."""

    def __init__(self, lights: Sequence[tuple[int, TrafficLight]]) -> None:
        """`lights` are (actor id, light of the town)."""
        areas = [
            (actor_id, np.asarray(area, dtype=np.float64), heading)
            for actor_id, light in lights
            for area, heading in zip(light.stop_areas, light.stop_headings_rad, strict=True)
        ]
        self.ids = [actor_id for actor_id, _, _ in areas]
        self._corners = np.array([area for _, area, _ in areas]).reshape(-1, 4, 2)
        edges = np.roll(self._corners, -1, axis=1) - self._corners
        # positive on the inside whichever way round the corners come
        self._edges = edges * np.sign(_twice_area(self._corners))[:, None, None]
        self._middles = self._corners.mean(axis=1)
        self._reach_m = np.abs(self._corners - self._middles[:, None]).max(axis=(1, 2), initial=0.0)
        headings = np.array([heading for _, _, heading in areas])
        self._along = np.stack([np.cos(headings), np.sin(headings)], axis=1).reshape(-1, 2)

    def at(self, positions: Array, forward: Array) -> list[int]:
        """Actor id of the light each vehicle is at, 0 for none; positions and headings are (N, 2)."""
        found = [0] * len(positions)
        # most vehicles are near none: only pairs that are close are looked at
        away_x, away_y = (np.abs(positions[:, k, None] - self._middles[:, k]) for k in (0, 1))
        near = (away_x <= self._reach_m) & (away_y <= self._reach_m)
        vehicle, area = np.nonzero(near)
        offset = positions[vehicle, None] - self._corners[area]
        side = self._edges[area, :, 0] * offset[..., 1] - self._edges[area, :, 1] * offset[..., 0]
        inside = (side >= 0.0).all(axis=1) & ((forward[vehicle] * self._along[area]).sum(axis=1) > 0.5)
        for k, which in zip(vehicle[inside][::-1].tolist(), area[inside][::-1].tolist(), strict=True):
            found[k] = self.ids[which]  # the first of several
        return found


def _twice_area(corners: Array) -> Array:
    after = np.roll(corners, -1, axis=1)
    return np.asarray((corners[..., 0] * after[..., 1] - corners[..., 1] * after[..., 0]).sum(axis=1))
