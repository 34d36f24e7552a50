"""In which order a connection is answered while its client goes over to a new episode.

Between the answer to `load_new_episode` and its own `get_sensor_token` the official client has no episode, and whatever
thread of it looks at one ends the process. A Traffic Manager that runs by itself asks for the settings all the time,
over the same connection, and looks at the episode as soon as it is answered. So all but the three calls by which a
client takes over an episode wait until it has. And it looks at the episode between two of its calls too: the answer to
`load_new_episode` itself waits until the Traffic Manager has asked something, which is when it stands still.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Request = tuple[int, str, "list[Any]"]
"""Id, name and params of a call."""
HELD_S = 1.0
"""How long at most calls are held, once nothing more comes: another client may go over otherwise, or not at all."""
SETTLE_S = 0.25
"""How long at most a load is not answered because the client's Traffic Manager has not asked anything yet; one that is
stepped by its client never does."""
_MOST_HELD_BYTES = 4_000_000  # more than any client asks in that time without being answered
_FIRST = ("version", "get_episode_info")
_LAST = "get_sensor_token"
_LOAD = "load_new_episode"
_MANAGER = "add_traffic_manager_running"
_OF_OTHERS = ("query_lights_state",)  # by the thread that receives snapshots, when the lights have changed


def is_of_manager(name: str) -> bool:
    """Whether a call that comes during a load may be a Traffic Manager's."""
    return name not in _OF_OTHERS


class Reloading:
    """Orders the requests of one connection."""

    def __init__(self) -> None:
        self._reloads = False
        self._has_manager = False
        self._held: list[Request] = []
        self._held_bytes = 0

    @property
    def holds(self) -> bool:
        """Whether requests wait for others."""
        return bool(self._held)

    def must_settle(self, name: str) -> bool:
        """Whether the answer to a call waits until the client's Traffic Manager waits too, SETTLE_S at most."""
        return self._has_manager and name == _LOAD

    def refused(self, name: str) -> None:
        """Note that a call has failed: a client whose load has stays in its episode."""
        if name == _LOAD:
            self._reloads = False

    def ordered(self, requests: Sequence[Request], received_bytes: int) -> Iterator[Request]:
        """The requests that are to be answered now, in that order; all of them where too much would be held.

        Each is to be answered, and `refused` told of, before the next one is taken.

        Args:
            requests: that are whole now.
            received_bytes: that have come since the last call, whole requests or not.
        """
        if self._reloads:
            self._held_bytes += received_bytes
        for request in requests:
            name = request[1]
            self._has_manager = self._has_manager or name == _MANAGER
            if self._reloads and name == _LAST:
                yield request
                yield from self.let_go()
            elif self._reloads and name not in _FIRST:
                self._held.append(request)
            else:
                self._reloads = self._reloads or name == _LOAD
                yield request
        if self._held_bytes > _MOST_HELD_BYTES:
            yield from self.let_go()

    def let_go(self) -> list[Request]:
        """What was held; nothing is held any more."""
        held, self._held, self._held_bytes, self._reloads = self._held, [], 0, False
        return held
