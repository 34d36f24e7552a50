"""Whether a server is of the version of the carla client, which speaks with no other."""

from __future__ import annotations

from importlib import metadata

from av_synth.errors import MachineError


def need_client_version(version: str, where: str) -> None:
    """Refuse a server of another version.

    Args:
        version: as the server tells it; a build may have more behind a dash.
        where: the server, as the message names it.

    Raises:
        MachineError: naming both versions.
    """
    wanted = metadata.version("carla")
    if version.partition("-")[0] != wanted:
        raise MachineError(f"{where} is CARLA {version!r}; want {wanted}, the version of the client")
