"""Where everybody's box is, seen from the ego, at any frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from av_synth.export.rows import Record, pose_of
from av_synth.export.scene import Scene
from av_synth.geometry.transforms import Array, invert

_NEAR_M = 90.0
_ROOM_M = 0.3  # mirrors and wheels stand out of the box of the ego

Box = tuple[Array, tuple[float, float, float]]
"""`ego_from_box` (4, 4), whose origin is the box's centre, and length, width, height."""


@dataclass(frozen=True)
class Bodies:
    """Boxes at one frame: of those who are near the ego, and its own, a little larger, if it has one."""

    others: tuple[Box, ...]
    own: Box | None


class Log:
    """The states of a run by frame."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._actors = {row["actor_id"]: row for row in scene.run.table("actors").to_pylist()}
        self._states = scene.run.table("states")
        self._frames = self._states.column("frame").to_numpy()

    def at(self, frame: int) -> Bodies:
        """The boxes at a frame that has an ego pose."""
        first, end = np.searchsorted(self._frames, [frame, frame + 1])
        ego_from_world = invert(self._scene.world_from_ego(frame))
        others: list[Box] = []
        own: Box | None = None
        for row in self._states.slice(first, end - first).to_pylist():
            actor = self._actors[row["actor_id"]]
            ego_from_box = ego_from_world @ pose_of(row) @ _centre(actor)
            size = (actor["length_m"], actor["width_m"], actor["height_m"])
            if actor["is_ego"]:
                own = ego_from_box, (size[0] + _ROOM_M, size[1] + _ROOM_M, size[2] + _ROOM_M)
            elif np.hypot(*ego_from_box[:2, 3]) < _NEAR_M:
                others.append((ego_from_box, size))
        return Bodies(tuple(others), own)


def _centre(actor: Record) -> Array:
    actor_from_box = np.eye(4)
    actor_from_box[:3, 3] = [actor[f"box_{axis}_m"] for axis in "xyz"]
    return actor_from_box
