"""When an actor first comes into sight: of the ego's driver, or of a sensor of the rig."""

from __future__ import annotations

import math
from collections.abc import Iterator

import carla
import numpy as np
import numpy.typing as npt

from av_synth.director.events.conditions import arrival_s
from av_synth.director.model import ExpectationResult, ranged
from av_synth.director.view import View
from av_synth.geometry import transforms
from av_synth.geometry.transforms import Array
from av_synth.metrics import distance_m, points_to_see, unblocked
from av_synth.rig import Camera, Lidar, Radar, Rig
from av_synth.scenario.expectations import Seen
from av_synth.scenario.words import EGO, Range
from av_synth.session import actor_from_ego


class Sighting:
    """One actor, and whoever is to see it: the driver's eye, or a sensor where it is mounted."""

    def __init__(self, asked: Seen, of: str, rig: Rig | None, ego: carla.Vehicle) -> None:
        self._of, self._ego = of, ego
        sensors: tuple[Camera | Lidar | Radar, ...] = () if rig is None else (*rig.cameras, *rig.lidars, *rig.radars)
        self._sensor = next((sensor for sensor in sensors if sensor.channel == asked.by), None)
        self.judged = asked.by == EGO or self._sensor is not None
        self._actor_from_sensor: Array | None = None
        self._found: tuple[int, float, float] | None = None

    def look(self, view: View) -> None:
        """Look for it at one frame, until it was seen."""
        actor_id = view.scene.ids.get(self._of)
        if self._found is not None or actor_id is None or not self.judged or not self._sees(view, actor_id):
            return
        ego, actor = view.along(self._ego.id), view.along(actor_id)
        away = distance_m(view.box(self._ego.id), view.box(actor_id))
        self._found = view.time_us, max(arrival_s(ego, actor), 0.0), away

    def results(self, name: str, asked: Seen) -> Iterator[ExpectationResult]:
        """What it came to, for each thing asked; infinite for who was never seen."""
        time_us, arrives_s, away_m = self._found or (-1, math.inf, math.inf)
        figures: tuple[tuple[str, Range | None, float], ...] = (
            ("arrival_s", asked.arrival_s, arrives_s),
            ("distance_m", asked.distance_m, away_m),
            ("time_s", asked.time_s, time_us * 1e-6 if self._found else math.inf),
        )
        for what, wanted, reached in figures:
            if wanted is not None:
                yield ranged(f"{name}.{what}", wanted, reached, time_us, judged=self.judged)

    def _sees(self, view: View, actor_id: int) -> bool:
        if self._sensor is None:
            return view.sees(self._ego.id, actor_id)
        if self._actor_from_sensor is None:
            self._actor_from_sensor = actor_from_ego(self._ego) @ self._sensor.mount.ego_from_sensor
        world_from_sensor = view.state.actors[self._ego.id].world_from_actor @ self._actor_from_sensor
        lens = world_from_sensor[:3, 3]
        points = points_to_see(lens, view.box(actor_id))
        inside = _in_view(self._sensor, transforms.apply(transforms.invert(world_from_sensor), points))
        seen = unblocked(lens, points, view.others(self._ego.id, actor_id)) & inside
        return 2 * int(seen.sum()) >= len(points)


def _in_view(sensor: Camera | Lidar | Radar, points: Array) -> npt.NDArray[np.bool_]:
    """Which of some points (N, 3) in the axes of a sensor's mount are in its field of view, (N,)."""
    x, y, z = points.T
    if isinstance(sensor, Camera):
        u, v = sensor.project(points)[0].T
        return (z > 0.1) & (u >= 0) & (u < sensor.width_px) & (v >= 0) & (v < sensor.height_px)
    up, near = np.arctan2(z, np.hypot(x, y)), np.linalg.norm(points, axis=1) <= sensor.range_m
    if isinstance(sensor, Lidar):
        low, high = math.radians(sensor.lower_deg), math.radians(sensor.upper_deg)
        turn = np.abs(np.arctan2(x, y)) <= math.radians(sensor.turn_deg) / 2.0  # its y axis looks ahead
        return near & turn & (up >= low) & (up <= high)
    wide, tall = math.radians(sensor.horizontal_fov_deg) / 2.0, math.radians(sensor.vertical_fov_deg) / 2.0
    return near & (np.abs(np.arctan2(y, x)) <= wide) & (np.abs(up) <= tall)
