"""Worlds made from the user's own OpenDRIVE file, on any server that speaks CARLA's protocol."""

from __future__ import annotations

from pathlib import Path

import carla

from av_synth.errors import CastError, DocumentError, Problem
from av_synth.launch import Address

MAX_BYTES = 20_000_000
TIMED_OUT = "time-out"  # begins the client's message when nobody answers


def read_opendrive(path: Path) -> str:
    """Text of an OpenDRIVE file.

    Raises:
        DocumentError: if it cannot be read, is larger than 20 MB, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _wrong(path, f"byte {error.start} is not UTF-8; want an OpenDRIVE file in UTF-8") from error
    if len(content) > MAX_BYTES:
        raise _wrong(path, f"larger than {MAX_BYTES / 1e6:.0f} MB; want a smaller map")
    return text


def generate_world(client: carla.Client, address: Address, town: str, opendrive: str) -> carla.World:
    """Have the server make a world of an OpenDRIVE text (CARLA's standalone mode); its map is called OpenDriveMap.

    Raises:
        CastError: if the server cannot use the text.
        RuntimeError: if it does not answer.
    """
    # the walls that Unreal's server puts along the roads would be in every picture
    parameters = carla.OpendriveGenerationParameters(wall_height=0.0)
    try:
        return client.generate_opendrive_world(opendrive, parameters)
    except RuntimeError as error:
        if address.why_gone() is not None or TIMED_OUT in str(error):
            raise
        raise CastError(f"simulator at {address} can make no town of {town}: {str(error).strip()}") from error


def _wrong(path: Path, message: str) -> DocumentError:
    return DocumentError([Problem(str(path), "", message)])
