"""Opening a session: the first half of the protocol (see `steps` and docs/how-to/attach.md); and its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import carla

from av_synth.errors import OccupiedError
from av_synth.launch import Address, Caretaker
from av_synth.launch.versions import need_client_version
from av_synth.session.errors import client_errors
from av_synth.session.session import RPC_TIMEOUT_S, Session
from av_synth.session.steps import OnStep, Step, unheard
from av_synth.session.towns import TownChoice, load_town

_CONNECT_TIMEOUT_S = 15.0
GRACE_S = 10.0  # a caretaker may be giving the world back just now
_LOOK_EVERY_S = 0.25
_OF_SOMEBODY = ("vehicle", "walker", "sensor", "controller")


@contextmanager
def open_session(
    address: Address,
    town: str | TownChoice,
    tick_us: int,
    seed: int,
    cache: Path,
    on_step: OnStep = unheard,
) -> Iterator[Session]:
    """Connect, take the world, load the town into a new episode, make it synchronous; undo all that at the end.

    Args:
        address: where the simulator listens, and whose it is.
        town: map name, with or without its path; path of an OpenDRIVE file, ending with .xodr; or how to choose one.
        tick_us: length of a tick, microseconds.
        seed: for the Traffic Manager and the walkers.
        cache: a folder for the client's map files; a fresh one avoids stale maps.
        on_step: told of each step when it has been made.

    Raises:
        MachineError: if the server is of another version.
        OccupiedError: if it is not ours and somebody uses it, and it is not to be adopted.
        CastError: if it has no such town, or none that fits, or can make none of the file.
        DocumentError: if there is no such file.
        ConnectionLostError: if it does not answer.
    """
    client = _connect(address, cache)
    on_step(Step.CONNECTED)
    world = _free_world(address, client)
    on_step(Step.EMPTY)
    with client_errors(address, "reading the settings"):
        settings = world.get_settings()
    found_synchronous = settings.synchronous_mode
    if found_synchronous:  # whoever ticked it is gone, or will be: it gets a clock of its own
        settings.synchronous_mode, settings.fixed_delta_seconds = False, None
    caretaker = None if address.ours else Caretaker(address, settings, found_synchronous=found_synchronous)
    try:
        on_step(Step.SAVED)
        with client_errors(address, "loading the town"):
            world = load_town(client, address, town)
            if caretaker is not None:
                caretaker.episode(world.id)
            session = Session(address, client, world, settings, tick_us, seed, caretaker, on_step)
    except BaseException:
        if caretaker is not None:
            with suppress(RuntimeError):
                world.apply_settings(settings)
            caretaker.dismiss()
        raise
    try:
        session.reached(Step.LOADED)
        with client_errors(address, "making the world synchronous"):
            session.take_over()
        yield session
    finally:
        session.close()


def _connect(address: Address, cache: Path) -> carla.Client:
    """A client of the server there.

    Raises:
        MachineError: if the server is of another version.
        ConnectionLostError: if it does not answer.
    """
    with client_errors(address, "connecting"):
        client = carla.Client(address.host, address.port)
        client.set_timeout(min(_CONNECT_TIMEOUT_S, RPC_TIMEOUT_S))
        client.set_files_base_folder(str(cache))
        version = client.get_server_version()
        client.set_timeout(RPC_TIMEOUT_S)
    need_client_version(version, f"simulator at {address}")
    return client


def _free_world(address: Address, client: carla.Client) -> carla.World:
    """The world as it is there; raises OccupiedError if somebody uses it, unless it is ours or to be adopted."""
    with client_errors(address, "looking at the world"):
        world = client.get_world()
        if not (address.ours or address.adopt):
            _refuse_occupied(address, world)
    return world


def _refuse_occupied(address: Address, world: carla.World) -> None:
    """Look whether somebody uses a world; wait a little for who is just leaving it.

    Raises:
        OccupiedError: if it is synchronous, or somebody's actors are in it.
    """
    deadline = time.monotonic() + GRACE_S
    while (why := _why_occupied(world)) is not None:
        if time.monotonic() >= deadline:
            raise OccupiedError(
                f"simulator at {address} is not free: {why}; want an empty world with a clock of its own, or --adopt, "
                "which takes the world over: all that is in it is destroyed"
            )
        time.sleep(_LOOK_EVERY_S)


def _why_occupied(world: carla.World) -> str | None:
    """What says that somebody uses a world, or None. Spectator, traffic lights and signs are the world's own."""
    found = Counter(actor.type_id.split(".")[0] for actor in world.get_actors())
    there = [f"{found[kind]} of {kind}.*" for kind in _OF_SOMEBODY if found[kind]]
    if world.get_settings().synchronous_mode:
        there.insert(0, "it is synchronous, so another client ticks it, or did and has died")
    return " and ".join(there) or None
