"""Files that survive a crash: durable writes, safe relative names, atomic exchange of folders."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from av_synth.errors import StoreError

_COMPONENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}")
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def check_relative(path: str) -> str:
    """Return `path` if it is a plain relative name with forward slashes, such as 'blobs/CAM_FRONT/000010.jpg'.

    Raises:
        StoreError: if it is absolute, climbs, hides or has characters that some file system refuses.
    """
    if not all(_COMPONENT.fullmatch(part) for part in path.split("/")):
        raise StoreError(f"file name '{path}': want a relative path of parts like {_COMPONENT.pattern}, joined by '/'")
    return path


def canonical_json(value: object) -> bytes:
    """UTF-8 JSON with sorted keys, one-space indent and a final newline: equal values give equal bytes.

    Raises:
        StoreError: if something is not a plain JSON value, NaN and infinity included.
    """
    try:
        return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError
        raise StoreError(f"not plain JSON: {error}") from error


def in_utf8(text: str) -> str:
    """Text from outside, where what UTF-8 does not have, such as a byte of a path that is none, is spelt out."""
    return text.encode("utf-8", "backslashreplace").decode()


def read_json(path: Path) -> object:
    """The content of a JSON file.

    Raises:
        StoreError: if it cannot be read or parsed.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: is not JSON: {error}") from error


def write_file(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Create a new file, its folders included.

    Args:
        path: where nothing is yet.
        data: its whole content.
        durable: wait until the disk has it. What is staged for `replace_directory` need not be waited for one by one.

    Raises:
        StoreError: if the file exists or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, "xb", data, durable)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error


def replace_file(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write a file in one step, its folders included: what was there stays until the new one is whole.

    Args:
        path: where it goes.
        data: its whole content.
        durable: wait until the disk has it.

    Raises:
        StoreError: if it cannot be written.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(new, "wb", data, durable)
        os.replace(new, path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error


def _write(path: Path, mode: str, data: bytes, durable: bool) -> None:
    with path.open(mode) as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def fsync_directories(directories: Iterable[Path]) -> None:
    """Wait until the disk has the entries of these directories.

    Raises:
        StoreError: if the disk refuses.
    """
    for directory in directories:
        try:
            handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StoreError(f"{directory}: not safely on disk: {error.strerror or error}") from error


def fsync_tree(root: Path) -> None:
    """Wait until the disk has the entries of a directory and of every directory in it."""
    fsync_directories(Path(folder) for folder, _, _ in os.walk(root))


def sync_file_system(path: Path) -> None:
    """Wait until the disk has everything written so far to the file system that a path is on.

    One call for thousands of small files: waiting for each by itself takes milliseconds a file. Linux has it for one
    file system (syncfs, Linux 2.6.39); elsewhere all of them are waited for.

    Raises:
        StoreError: if the disk refuses.
    """
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            if syncfs(handle) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
        finally:
            os.close(handle)
    except OSError as error:
        raise StoreError(f"{path}: not safely on disk: {error.strerror or error}") from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hex.

    Raises:
        StoreError: if it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` the same file as `source` where the file system can, else a copy of it.

    Raises:
        StoreError: if neither works.
    """
    try:
        try:
            os.link(source, target)
        except OSError as error:
            # another disk, too many links, or a file system without links
            if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS):
                raise
            shutil.copyfile(source, target)
    except OSError as error:
        raise StoreError(f"{target}: cannot be linked or copied from {source}: {error.strerror or error}") from error


def replace_directory(new: Path, final: Path) -> None:
    """Put directory `new` at the path `final`; what was there is removed. A reader sees the old or the new one whole.

    Whatever was written into `new` is on disk before that, so who wrote it need not have waited.

    The two must be on one file system. Linux exchanges two names in one step (renameat2, Linux 3.15); on a file system
    that cannot, the old directory is set aside first and, for that instant, nothing is at `final`.

    Raises:
        StoreError: if it cannot be done.
    """
    sync_file_system(new)
    try:
        if not final.exists():
            os.rename(new, final)
        else:
            _exchange(new, final)
            shutil.rmtree(new)
    except OSError as error:
        raise StoreError(f"{final}: cannot be replaced by {new}: {error.strerror or error}") from error
    fsync_directories({final.parent, new.parent})


def _exchange(first: Path, second: Path) -> None:
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is not None:
        if renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0:
            return
        code = ctypes.get_errno()
        if code not in (errno.ENOSYS, errno.EINVAL):
            raise OSError(code, os.strerror(code))
    aside = first.with_name(first.name + ".old")
    os.rename(second, aside)
    try:
        os.rename(first, second)
    except OSError:
        os.rename(aside, second)
        raise
    os.rename(aside, first)


def as_mapping(value: object, where: str) -> Mapping[str, object]:
    """Return `value` if it is a JSON object.

    Raises:
        StoreError: if it is anything else.
    """
    if not isinstance(value, dict):
        raise StoreError(f"{where}: want a JSON object, got {type(value).__name__}")
    return value
