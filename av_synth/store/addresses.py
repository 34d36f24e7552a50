"""Folders at fsspec addresses (s3://, gs://, memory://, file://, ...): opened, files sent, their sizes compared."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from av_synth.errors import AvSynthError, StoreError, UserError
from av_synth.messages import nearest

_BATCH = 200  # files that a driver may send at once


@dataclass(frozen=True)
class Remote:
    """A folder on some file system: fsspec's, its path there, and the address as the user wrote it."""

    system: Any
    path: str
    address: str

    def below(self, path: str) -> str:
        """A path on the file system, as it is called in this folder."""
        return str(path).strip("/").removeprefix(self.path.strip("/")).strip("/")


def is_address(text: str) -> bool:
    """Whether it is an address such as s3://bucket/folder, and not a path."""
    return "://" in text


def open_address(address: str) -> Remote:
    """The folder at an address; nothing is read or written yet.

    Raises:
        UserError: if the protocol is unknown, its driver is not installed, or no folder is named.
    """
    import fsspec  # drivers are heavy, and few exports go to an address

    protocol = address.partition("://")[0].rpartition("::")[2]
    try:
        system, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise UserError(f"{address}: the driver of {protocol}:// is not installed: {error}") from error
    except Exception as error:  # a driver of another's: what it refuses at this point is the address
        raise UserError(
            f"{address}: {error if isinstance(error, ValueError) else _reason(error)}{_hint(protocol)}"
        ) from error
    path = str(path).rstrip("/")
    if not protocol:
        raise UserError(f"{address}: has no protocol{_hint(protocol)}")
    if not path:
        raise UserError(f"{address}: names no folder; want one, as in {protocol}://place/dataset")
    return Remote(system, path, address)


def send(remote: Remote, folder: Path, names: Sequence[str], **how: float) -> None:
    """Upload files of a folder, in this order but for those that a driver sends at once; raises whatever it raises.

    Args:
        remote: where to.
        folder: of the files.
        names: theirs in it, with forward slashes.
        how: of the driver, for each of its calls.
    """
    for first in range(0, len(names), _BATCH):
        some = names[first : first + _BATCH]
        remote.system.put([str(folder / name) for name in some], [f"{remote.path}/{name}" for name in some], **how)


def compare(remote: Remote, sizes: Mapping[str, int], before: Collection[str] = (), **how: float) -> None:
    """Every file must be there in its size, else StoreError; what else the dataset before had goes."""
    remote.system.invalidate_cache()
    left = dict(sizes)
    stale = []
    for path, info in remote.system.find(remote.path, detail=True, **how).items():
        name = remote.below(path)
        if name in left:
            if info["size"] != left.pop(name):
                raise StoreError(f"'{name}' has {info['size']} bytes there, {sizes[name]} here")
        elif name in before:
            stale.append(path)
    if left:
        raise StoreError(f"'{min(left)}' is not there")
    for path in stale:
        remote.system.rm_file(path)


@contextmanager
def told_by(remote: Remote, what: str, kind: type[StoreError] = StoreError) -> Iterator[None]:
    """Errors of drivers, of whatever kind they are, as ours."""
    try:
        yield
    except UserError:
        raise
    except AvSynthError as error:
        raise kind(f"{remote.address}: {what}: {error}") from error
    except Exception as error:
        raise kind(f"{remote.address}: {what}: {_reason(error)}") from error


def _hint(protocol: str) -> str:
    import fsspec

    known = fsspec.available_protocols()
    if protocol in known:
        return ""
    like = nearest(protocol, known)
    # of the many that fsspec knows, those that one keeps data at
    return (
        f"; {like if like.startswith('did') else 'want a path, or an address such as s3://, gs://, az:// or file://'}"
    )


def _reason(error: Exception) -> str:
    """What a driver said, without the number of the operating system's error."""
    if isinstance(error, asyncio.TimeoutError) and not str(error):
        return "no answer in time"
    if not isinstance(error, OSError) or not error.strerror:
        return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
