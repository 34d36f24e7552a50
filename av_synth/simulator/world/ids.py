"""Ids of an episode's actors: what has a body counts from 1, everything else from a million.

So sensors, controllers and the spectator never shift the ids of bodies, nor with them any order of sums.
"""

from __future__ import annotations

from collections.abc import Container

from av_synth.simulator.world.level_cars import FIRST_LEVEL_ID

_FIRST_BODILESS = 1_000_000
LAST_BODY_ID = FIRST_LEVEL_ID - 1


class Ids:
    """Gives out ids, each once.

    Attributes:
        next_body: the id that the next body gets.
    """

    def __init__(self) -> None:
        self.next_body = 1
        self._next_bodiless = _FIRST_BODILESS

    def take(self, bodily: bool, wanted: int, taken: Container[int]) -> int:
        """An id for a new actor: the one that is wanted if it is of its kind and nobody has it, else the next."""
        low, high = (1, LAST_BODY_ID) if bodily else (_FIRST_BODILESS, 2**32 - 2)
        if not low <= wanted <= high or wanted in taken:
            wanted = self.next_body if bodily else self._next_bodiless
        if bodily:
            self.next_body = max(self.next_body, wanted + 1)
        else:
            self._next_bodiless = max(self._next_bodiless, wanted + 1)
        return wanted
