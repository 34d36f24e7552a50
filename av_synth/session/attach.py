"""Opening a session: connect, load, take the world's clock over; and give it back at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import carla

from av_synth.errors import LaunchError
from av_synth.launch import Address
from av_synth.session.errors import client_errors
from av_synth.session.session import RPC_TIMEOUT_S, Session
from av_synth.session.towns import TownChoice, load_town

CONNECT_TIMEOUT_S = 15.0
CLIENT_VERSION = "0.9.16"


@contextmanager
def open_session(address: Address, town: str | TownChoice, tick_us: int, seed: int, cache: Path) -> Iterator[Session]:
    """Connect, load the town into a new episode, make it synchronous; undo all that at the end.

    Args:
        address: where the simulator listens.
        town: map name, with or without its path; path of an OpenDRIVE file, ending with .xodr; or how to choose one.
        tick_us: fixed time step, microseconds.
        seed: for the Traffic Manager and the walkers.
        cache: a folder for the client's map files; a fresh one avoids stale maps.

    Raises:
        LaunchError: if the server is of another version.
        CastError: if it has no such town, or none that fits, or can make none of the file.
        DocumentError: if there is no such file.
        ConnectionLostError: if it does not answer.
    """
    with client_errors(address, "connecting"):
        client = carla.Client(address.host, address.port)
        client.set_timeout(min(CONNECT_TIMEOUT_S, RPC_TIMEOUT_S))
        client.set_files_base_folder(str(cache))
        version = client.get_server_version()
        client.set_timeout(RPC_TIMEOUT_S)
    if not version.startswith(CLIENT_VERSION):
        raise LaunchError(f"simulator at {address} is CARLA {version}; want {CLIENT_VERSION}, the client's version")
    with client_errors(address, "loading the town"):
        settings_before = client.get_world().get_settings()
        world = load_town(client, address, town)
        session = Session(address, client, world, settings_before, tick_us, seed)
    try:
        with client_errors(address, "making the world synchronous"):
            session.take_over()
        yield session
    finally:
        session.close()
