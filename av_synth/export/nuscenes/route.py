"""The route of a scene, as nuScenes' CAN data has it: the way of the ego, and 50 m of road before and after it."""

from __future__ import annotations

import carla
import numpy as np

from av_synth.export.nuscenes.values import Offset
from av_synth.geometry.carla import location_from_point, matrix_from_transform
from av_synth.geometry.transforms import Array

_BEYOND_M = 50.0
_STEP_M = 2.0
_SPACING_M = 0.5
_OFF_ROAD_M = 5.0


class Roads:
    """The lanes of a town, along which its scenes' routes go on."""

    def __init__(self, world: carla.Map, offset_m: Offset) -> None:
        """By the client's reader of the town's file; `offset_m` is added to world coordinates."""
        self._map = world
        self._offset = np.array([*offset_m, 0.0])

    def route(self, positions_m: Array, headings: Array) -> list[list[float]]:
        """The way of the ego, continued along the lanes that it was on.

        A log has no plan, so within the scene the route is where the ego went. Before and after, it keeps to the lane
        and goes as straight on as the lanes do; off the road it ends with the scene.

        Args:
            positions_m: (N, 3), map coordinates, in time order.
            headings: (N, 2), directions of the ego in the map.

        Returns:
            [x, y] in map coordinates, at least two points.
        """
        driven = [positions_m[0]]
        for position in positions_m[1:]:
            if np.linalg.norm(position[:2] - driven[-1][:2]) >= _SPACING_M:
                driven.append(position)
        before = self._beyond(positions_m[0], -headings[0])
        after = self._beyond(positions_m[-1], headings[-1])
        if len(driven) == 1:
            driven.append(positions_m[-1])
        return [[round(float(x), 6), round(float(y), 6)] for x, y, _ in (*reversed(before), *driven, *after)]

    def _beyond(self, position_m: Array, direction: Array) -> list[Array]:
        """Points (3,) along the lane from a place, in the direction (2,), without the place itself."""
        waypoint = self._map.get_waypoint(location_from_point(position_m - self._offset))
        if waypoint is None:
            return []
        centre, heading = self._lane(waypoint)
        if np.linalg.norm(centre - position_m) > _OFF_ROAD_M:
            return []
        forward = float(heading @ direction) >= 0
        points: list[Array] = []
        while len(points) * _STEP_M < _BEYOND_M:
            ways = waypoint.next(_STEP_M) if forward else waypoint.previous(_STEP_M)
            if not ways:
                break
            lanes = [self._lane(way) for way in ways]
            straightest = int(np.argmax([ahead @ heading for _, ahead in lanes]))
            waypoint, (centre, heading) = ways[straightest], lanes[straightest]
            points.append(centre)
        return points

    def _lane(self, waypoint: carla.Waypoint) -> tuple[Array, Array]:
        """Middle (3,) of the lane in map coordinates, and its direction (2,)."""
        pose = matrix_from_transform(waypoint.transform)
        return pose[:3, 3] + self._offset, pose[:2, 0]
