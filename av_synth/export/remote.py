"""Datasets at fsspec addresses (s3://, gs://, memory://, file://, ...): uploaded file by file, with a marker last.

An object store cannot swap folders. So a dataset there is whole if, and only if, `_av_synth_complete.json` is there:
while it is replaced, the marker is away and `_av_synth_uploading.json` says whose half-made files these are, so that
the next try may go on top of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av_synth
from av_synth.documents import nearest
from av_synth.errors import AvSynthError, StoreError, UserError
from av_synth.export.contents import MARKER, refuse_others
from av_synth.store import canonical_json

COMPLETE = "_av_synth_complete.json"
UPLOADING = "_av_synth_uploading.json"
_BATCH = 200  # files that a driver may send at once


@dataclass(frozen=True)
class Remote:
    """A folder on some file system: fsspec's, its path there, and the address as the user wrote it."""

    system: Any
    path: str
    address: str


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


def refuse_foreign(remote: Remote, form: str) -> None:
    """Raise UserError if something is there that is no dataset, whole or half, of this format that av_synth wrote."""
    with told_by(remote, "cannot be looked at"):
        if remote.system.isfile(remote.path):
            raise UserError(f"{remote.address}: a file is in the way; name another place")
        there = _entries(remote)
        if not there:
            return
        marker = _marker(remote)
        if marker is None:
            raise UserError(
                f"{remote.address}: holds '{min(there)}', and no dataset that av_synth wrote; name another place"
            )
        if marker.get("format") != form:
            raise UserError(f"{remote.address}: holds a dataset in the format {marker.get('format')}, not {form}")
        found = (_below(remote, path) for path in remote.system.find(remote.path))
        refuse_others(remote.address, found, {*_own(marker), COMPLETE, UPLOADING})


def upload(folder: Path, remote: Remote, form: str) -> None:
    """Put a finished dataset in place of what is there: all files, then a look at their sizes, then the marker.

    Args:
        folder: the dataset, checked.
        remote: where it goes.
        form: name of its format.

    Raises:
        UserError: if something is there that may not go (see `refuse_foreign`); then nothing is changed.
        StoreError: if anything fails; then there is no marker of a whole dataset.
    """
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    system, root = remote.system, remote.path
    refuse_foreign(remote, form)
    told = {"format": form, "av_synth": av_synth.__version__, "files": len(sizes), "bytes": sum(sizes.values())}
    with told_by(remote, f"upload failed, so there is no {COMPLETE}; run the command again"):
        before = _own(_marker(remote) or {})
        system.makedirs(root, exist_ok=True)
        _put(remote, UPLOADING, {"format": form, "paths": sorted(before.union(sizes))})
        if system.exists(f"{root}/{COMPLETE}"):
            system.rm_file(f"{root}/{COMPLETE}")
        for parent in sorted({name.rpartition("/")[0] for name in sizes} - {""}):
            system.makedirs(f"{root}/{parent}", exist_ok=True)
        # what tells a reader that a dataset is there goes last, even if it does not know the marker
        send(remote, folder, sorted(sizes, key=lambda name: (name.rpartition("/")[2] == MARKER, name)))
        compare(remote, sizes, before)
        _put(remote, COMPLETE, {**told, "paths": sorted(sizes)})
        system.rm_file(f"{root}/{UPLOADING}")


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
        name = _below(remote, path)
        if name in left:
            if info["size"] != left.pop(name):
                raise StoreError(f"'{name}' has {info['size']} bytes there, {sizes[name]} here")
        elif name in before:
            stale.append(path)
    if left:
        raise StoreError(f"'{min(left)}' is not there")
    for path in stale:
        remote.system.rm_file(path)


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


def _below(remote: Remote, path: str) -> str:
    return str(path).strip("/").removeprefix(remote.path.strip("/")).strip("/")


def _entries(remote: Remote) -> set[str]:
    """Names of what is in the folder; empty if there is none."""
    remote.system.invalidate_cache()
    try:
        found = remote.system.ls(remote.path, detail=False)
    except FileNotFoundError:
        return set()
    return {_below(remote, path).partition("/")[0] for path in found} - {""}


def _marker(remote: Remote) -> Mapping[str, Any] | None:
    """What the marker of a whole dataset says, or that of a half one; None if there is neither."""
    for name in (COMPLETE, UPLOADING):
        try:
            content = json.loads(remote.system.cat_file(f"{remote.path}/{name}"))
        except FileNotFoundError:
            continue
        except ValueError:
            return None
        return content if isinstance(content, dict) else None
    return None


def _own(marker: Mapping[str, Any]) -> set[str]:
    """The files of a dataset whose marker this is; none if an earlier av_synth wrote it, without saying."""
    listed = marker.get("paths")
    return set(map(str, listed)) if isinstance(listed, list) else set()


def _put(remote: Remote, name: str, content: Mapping[str, object]) -> None:
    remote.system.pipe_file(f"{remote.path}/{name}", canonical_json(dict(content)))


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
