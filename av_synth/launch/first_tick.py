"""Asking a fresh server what it is and for its first tick, in a process of its own: see `run.attempt` for why."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

import carla

_CALL_S = 10.0  # of each call; whoever started us knows when to stop
_PAUSE_S = 0.2
Answer = TypeVar("Answer")


def child(handle: int) -> None:
    """Take a port of this machine over the pipe; send ('version', text), ('world', map) and ('tick', frame).

    And ('error', text) whenever the client has failed to get one of them.
    """
    pipe = Connection(handle)
    try:
        client = carla.Client("127.0.0.1", pipe.recv())
        client.set_timeout(_CALL_S)
        pipe.send(("version", _answered(pipe, client.get_server_version)))
        world = _answered(pipe, client.get_world)
        pipe.send(("world", _answered(pipe, world.get_map).name))
        pipe.send(("tick", _answered(pipe, lambda: world.wait_for_tick(_CALL_S)).frame))
    except (EOFError, OSError):  # it is not asked any more
        pass
    finally:
        os._exit(0)


def _answered(pipe: Connection, ask: Callable[[], Answer]) -> Answer:
    """What a server answers that may need minutes before it does."""
    while True:
        try:
            return ask()
        except RuntimeError as error:  # the client has no other; most say that it timed out
            pipe.send(("error", str(error).strip()))
            time.sleep(_PAUSE_S)
