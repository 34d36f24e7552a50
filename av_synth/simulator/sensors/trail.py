"""Where sensors were on the frame before: cameras of optical flow, and lidars whose turn lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from av_synth.geometry.transforms import Array
from av_synth.simulator.world.model import Actor

if TYPE_CHECKING:
    from av_synth.simulator.world import World


class Trail:
    """The poses of some sensors on the last frame that was made. Follow a sensor on every frame, due or not."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, Array]] = {}

    def follow(self, actor: Actor, world: World) -> Array:
        """Note where a sensor is on the world's frame, and return where it was on the one before (4, 4).

        A sensor that is new was where it would have been, had it ridden on its parent already; alone, it stood still.
        """
        frame, last = self._seen.get(actor.id, (-1, actor.world_from_actor))
        self._seen[actor.id] = (world.frame, actor.world_from_actor.copy())
        return last if frame == world.frame - 1 else world.last_pose(actor)

    def forget(self, actor_id: int) -> None:
        """A sensor is gone."""
        self._seen.pop(actor_id, None)

    def clear(self) -> None:
        """All sensors are gone."""
        self._seen.clear()
