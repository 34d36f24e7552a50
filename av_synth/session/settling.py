"""Whether those who were spawned in the air have come to rest on the ground."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

import numpy as np

from av_synth.errors import UnsettledError
from av_synth.log.state import ActorState, WorldState

SETTLE_S = 1.5  # of simulated time: a fall from 0.35 m takes 0.27 s, and springs swing on a while
STILL_MPS = 0.05
_FALLS_MPS = 0.1  # at standstill; who drives rises and sinks with the road, by a quarter of the way at most
_STEEPEST = 0.25
_ROCKS_MPS2 = 2.0  # over a crest of 200 m at 70 km/h it is 1.9
_QUIET_LOOKS = 3  # one after the other: who swings is still for a moment at each turn


class Settling:
    """Looks at the first frames after a spawn until everybody has been still for a moment.

    What is looked at is where actors are, not how fast they are said to be: one that was moved by `set_transform` says
    that it has no speed. Whoever is to stand must stand; whoever drives may neither fall nor rock. Parked vehicles
    have no physics and are where they were put.
    """

    def __init__(self, tick_us: int, standing: Collection[int]) -> None:
        """Of a world with ticks of this length; `standing` are the ids of those who are not to move yet."""
        self._dt_s = tick_us * 1e-6
        self._standing = frozenset(standing)
        self._last: deque[WorldState] = deque(maxlen=3)
        self._quiet: dict[int, int] = {}  # looks in a row at which somebody was still
        self._waited_s = -self._dt_s
        self._why: dict[int, str] = {}

    def settled(self, state: WorldState) -> bool:
        """Look at the next frame; whether everybody has been still for some looks in a row.

        Raises:
            UnsettledError: if they should have been by now; names who falls, rocks or rolls.
        """
        self._last.append(state)
        self._waited_s += self._dt_s
        waiting = [
            actor_id
            for actor_id, info in state.infos.items()
            if not info.parked and self._quiet.get(actor_id, 0) < _QUIET_LOOKS
        ]
        for actor_id in waiting:
            why = self._restless(actor_id)
            self._quiet[actor_id] = self._quiet.get(actor_id, 0) + 1 if why is None else 0
            self._why[actor_id] = why or self._why.get(actor_id, "has not been seen for long enough")
        waiting = [actor_id for actor_id in waiting if self._quiet[actor_id] < _QUIET_LOOKS]
        if waiting and self._waited_s >= SETTLE_S:
            who = [f"{state.infos[actor_id].role} (actor {actor_id}) {self._why[actor_id]}" for actor_id in waiting]
            raise UnsettledError(f"{self._waited_s:.2f} s after they were placed: {'; '.join(who)}; want all at rest")
        return not waiting

    def _restless(self, actor_id: int) -> str | None:
        """What somebody does who is not still, or None."""
        if len(self._last) < 3:
            return "has not been seen for long enough"
        seen: list[ActorState | None] = [state.actors.get(actor_id) for state in self._last]
        first, middle, last = (None if each is None else each.world_from_actor[:3, 3] for each in seen)
        if first is None or middle is None or last is None:
            return "has not been seen for long enough"
        before, now = (middle - first) / self._dt_s, (last - middle) / self._dt_s
        aside_mps = float(np.hypot(now[0], now[1]))
        up_mps, rocks_mps2 = float(now[2]), abs(float(now[2] - before[2])) / self._dt_s
        if actor_id in self._standing and aside_mps > STILL_MPS:
            return f"rolls at {aside_mps:.2f} m/s"
        if abs(up_mps) > _FALLS_MPS + _STEEPEST * aside_mps:
            return f"{'rises' if up_mps > 0.0 else 'falls'} at {abs(up_mps):.2f} m/s"
        return f"rocks at {rocks_mps2:.1f} m/s2" if rocks_mps2 > _ROCKS_MPS2 else None
