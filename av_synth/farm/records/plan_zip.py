"""A plan's folder as one file, which an object store puts in one step."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from av_synth.errors import StoreError

_DATE = (1980, 1, 1, 0, 0, 0)  # of everything in it, so that equal folders are equal bytes


def pack(folder: Path) -> bytes:
    """The files of a folder, and of those in it, as a zip file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _DATE)
            into.writestr(name, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def unpack(content: bytes, where: str) -> dict[str, bytes]:
    """What `pack` packed, by relative paths with forward slashes.

    Args:
        content: of the zip file.
        where: it was found, for messages.

    Raises:
        StoreError: if it is none, or has names that lead out of its folder.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            files = {name: packed.read(name) for name in packed.namelist()}
    except zipfile.BadZipFile as error:
        raise StoreError(f"{where}: is no plan that av_synth wrote: {error}") from error
    for name in files:
        if name.startswith("/") or ".." in name.split("/"):
            raise StoreError(f"{where}: is no plan that av_synth wrote: it has '{name}'")
    return files
