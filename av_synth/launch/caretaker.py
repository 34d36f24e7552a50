"""A caretaker: a small process that gives a server that is not ours back when the process that uses it dies.

A client that dies leaves a synchronous world standing, and its actors in it (docs/reference/ue4-profile.md). The
caretaker holds one end of a pipe whose other end only the client has, is told over it what there is to be undone, and
undoes it when the pipe closes before the client said that it has done so itself. It is in a session of its own, so that
neither Ctrl-C nor the end of the client's process group is its end too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import psutil

from av_synth.launch.child_process import start_child
from av_synth.launch.embedded import Address

if TYPE_CHECKING:
    import carla

_RPC_TIMEOUT_S = 5.0
_TRIES = 3
_END_TIMEOUT_S = 10.0
LONGEST_S = 20.0
"""So long it may take after the end of its client: its tries, and a busy machine."""
_SETTINGS = (
    *("synchronous_mode", "no_rendering_mode", "fixed_delta_seconds", "substepping", "max_substep_delta_time"),
    *("max_substeps", "max_culling_distance", "deterministic_ragdolls", "tile_stream_distance"),
    *("actor_active_distance", "spectator_as_ego"),
)


@dataclass
class _Estate:
    """What a client leaves behind.

    Attributes:
        settings: those that the world is to have.
        found_synchronous: whether its clock stood in somebody's hands before the client came.
        episode: the id of the episode that the client made; None until it has.
        actors: ids, in the order of spawning.
        coming: blueprint and role of who was asked for when the client died, and the id of who carries it, or 0.
        hidden: environment objects.
    """

    settings: Mapping[str, Any]
    found_synchronous: bool
    episode: int | None = None
    actors: list[int] = field(default_factory=list)
    coming: tuple[str, str, int] | None = None
    hidden: list[int] = field(default_factory=list)


class Caretaker:
    """The client's side: tells the caretaker what it does, before or when it does it."""

    def __init__(self, address: Address, settings: carla.WorldSettings, *, found_synchronous: bool) -> None:
        """Have a server watched.

        Args:
            address: of the server.
            settings: that its world is to have in the end.
            found_synchronous: whether it is synchronous now.
        """
        self._process, self._pipe = start_child(__name__, None, heir=True)
        wanted = {name: getattr(settings, name) for name in _SETTINGS}
        self._tell(address.host, address.port, wanted, found_synchronous)

    def episode(self, episode_id: int) -> None:
        """A new episode was made; who is spawned from now on is spawned in it."""
        self._tell("episode", episode_id)

    def spawning(self, type_id: str, role: str, parent_id: int) -> None:
        """Somebody is being asked for."""
        self._tell("spawning", (type_id, role, parent_id))

    def spawned(self, actor_id: int | None) -> None:
        """Who was asked for has come; None: was refused."""
        self._tell("spawned", actor_id)

    def gone(self, ids: Sequence[int]) -> None:
        """Actors were taken away."""
        self._tell("gone", list(ids))

    def hidden(self, ids: Sequence[int]) -> None:
        """Parts of the town are being taken away."""
        self._tell("hidden", list(ids))

    def dismiss(self) -> None:
        """Everything has been undone: the caretaker ends."""
        self._tell("done", None)
        self._pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_TIMEOUT_S)

    def _tell(self, *what: object) -> None:
        with suppress(OSError):  # without its caretaker, a session still undoes what it did
            self._pipe.send(what)


def is_caretaker(process: psutil.Process) -> bool:
    """Whether a process is a caretaker, which nobody may kill; False if it has ended."""
    try:
        return any(__name__ in argument for argument in process.cmdline())
    except psutil.Error:
        return False


def child(handle: int) -> None:
    """The caretaker's side: listen until the client has done everything itself, or died. Leaves by `os._exit`."""
    pipe = Connection(handle)
    try:
        host, port, settings, found_synchronous = pipe.recv()
    except (EOFError, OSError):
        os._exit(0)  # it died before it had changed anything
    estate = _Estate(settings, found_synchronous)
    try:
        while _hear(estate, *pipe.recv()):
            pass
    except (EOFError, OSError):
        said = _give_back(host, port, estate)
        sys.stderr.write(f"caretaker: the client of {host}:{port} died; {said}\n")
        sys.stderr.flush()
    os._exit(0)


def _hear(estate: _Estate, what: str, value: Any) -> bool:
    """Take down what the client says; False at its last word."""
    if what == "episode":
        estate.episode = value
    elif what == "spawning":
        estate.coming = value
    elif what == "spawned":
        estate.coming = None
        estate.actors += [] if value is None else [value]
    elif what == "gone":
        estate.actors = [each for each in estate.actors if each not in value]
    elif what == "hidden":
        estate.hidden += value
    return what != "done"


def _give_back(host: str, port: int, estate: _Estate) -> str:
    import carla  # most sessions end by themselves, and a caretaker that waits needs nothing

    said = "nothing could be given back"
    with tempfile.TemporaryDirectory(prefix="av_synth-") as cache:
        client = carla.Client(host, port)
        client.set_timeout(_RPC_TIMEOUT_S)
        client.set_files_base_folder(cache)
        for _ in range(_TRIES):
            try:
                return _restore(carla, client, estate)
            except RuntimeError as error:
                said = f"nothing could be given back: {str(error).strip()}"
    return said


def _restore(carla: Any, client: Any, estate: _Estate) -> str:
    """Undo what is left to be undone.

    Raises:
        RuntimeError: if the server does not answer.
    """
    world = client.get_world()
    settings = world.get_settings()
    if estate.episode is not None:
        of_others = world.id != estate.episode
    else:  # the client had not come so far as to stop the clock
        of_others = settings.synchronous_mode and not estate.found_synchronous
    if of_others:
        return "somebody else has the world now"
    destroy = [carla.command.DestroyActor(actor_id) for actor_id in reversed(estate.actors)]
    client.apply_batch_sync(destroy, False)
    if estate.hidden:
        world.enable_environment_objects(set(estate.hidden), True)
    for name, value in estate.settings.items():
        setattr(settings, name, value)
    world.apply_settings(settings)
    if estate.coming is not None:
        world.wait_for_tick(_RPC_TIMEOUT_S)  # who is there is known from a snapshot
        found = [actor for actor in world.get_actors() if _is(actor, estate)]
        if len(found) == 1:  # if it is not certain who it is, somebody else's would be destroyed
            client.apply_batch_sync([carla.command.DestroyActor(found[0].id)], False)
    return "its actors are gone, and the world has its settings again"


def _is(actor: Any, estate: _Estate) -> bool:
    """Whether an actor is who the client asked for last."""
    if estate.coming is None or actor.id in estate.actors:
        return False
    type_id, role, parent_id = estate.coming
    mine = actor.type_id == type_id and (actor.parent.id if actor.parent is not None else 0) == parent_id
    return mine and (not role or actor.attributes.get("role_name", role) == role)
