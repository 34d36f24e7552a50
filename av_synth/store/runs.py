"""Runs: staged, committed once, read back.

    <root>/staging/<run_id>-<uuid>/   being written; removed on any failure, cleared if the writer was killed
    <root>/runs/<run_id>/             committed: complete, read back and checked, never changed again

The rename that makes `runs/<run_id>` is the commit. If two attempts at one run finish, the first wins and the other
removes its own files.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from av_synth.errors import OtherEpochError, StoreError, UserError, refusals
from av_synth.store.files import (
    as_mapping,
    canonical_json,
    check_relative,
    fsync_directories,
    fsync_tree,
    read_json,
    sha256_of,
    write_file,
)
from av_synth.store.scratch import clear_scratch, scratch

if TYPE_CHECKING:  # tables bring pyarrow, which takes longer to import than a plain look at a store takes
    import pyarrow as pa

SCHEMA_EPOCH = 4
RUNS = "runs"
"""The folder of a store that holds its committed runs."""

STAGING = "staging"
"""The folder of a store for what is being written: `clear_staging` removes what somebody who died had begun there."""

MANIFEST = "manifest.json"
MANIFEST_FIELDS = ("scenario", "rig", "seed", "identity", "provenance", "counts")
"""What `Staging.commit` wants beside what the store fills in itself."""

OPENDRIVE = "map/opendrive.xodr"
"""The map of a run's town."""

REQUIRED_FILES = ("scenario.json", "rig.json", "outcome.json", OPENDRIVE)
RUN_ID = re.compile(r"[0-9a-f]{20}")
# what is missing, is something else, or has been lost by the disk; all else may be otherwise in a moment
_TELL_OF_THE_RUN = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO})


@dataclass(frozen=True)
class FileEntry:
    """One file of a run: relative path, size and SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str


class Staging:
    """A run being written. `write` and `write_table` may be called from several threads at once."""

    def __init__(self, root: Path, run_id: str, directory: Path) -> None:
        self.run_id = run_id
        self.folder = directory
        self._root = root
        self._lock = threading.Lock()
        self._entries: dict[str, FileEntry | None] = {}  # None while the file is being written
        self._closed = False

    def write(self, relpath: str, data: bytes) -> None:
        """Write one file, durably.

        Args:
            relpath: such as 'blobs/LIDAR_TOP/000000.pcd.bin'.
            data: its whole content.

        Raises:
            StoreError: on a bad or doubled name, a failing disk, or after `commit`.
        """
        check_relative(relpath)
        with self._lock:
            if self._closed:
                raise StoreError(f"run {self.run_id}: '{relpath}' came after the commit")
            if relpath in self._entries or relpath == MANIFEST:
                raise StoreError(f"run {self.run_id}: '{relpath}' written twice")
            self._entries[relpath] = None
        write_file(self.folder / relpath, data, durable=True)
        entry = FileEntry(relpath, len(data), hashlib.sha256(data).hexdigest())
        with self._lock:
            self._entries[relpath] = entry

    def write_json(self, relpath: str, value: object) -> None:
        """Write plain JSON values canonically; raises StoreError as `write`, and for NaN."""
        self.write(relpath, canonical_json(value))

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write `tables/<name>.parquet`; raises StoreError as `write`, and if it is not as `tables.TABLES` says."""
        from av_synth.store import tables

        self.write(f"tables/{name}.parquet", tables.encode(name, table))

    def commit(self, fields: Mapping[str, object]) -> Path:
        """Check every file by reading it back, write the manifest last, and rename into place: all or nothing.

        Args:
            fields: plain JSON values for `MANIFEST_FIELDS` (run_id, schema_epoch and files are added here).

        Returns:
            `<root>/runs/<run_id>`: this run, or the one that was committed before it.

        Raises:
            StoreError: if something is missing, still being written, or reads back otherwise than it was written.
        """
        entries = self._close()
        self._check_complete(fields, entries)
        for entry in entries:
            if sha256_of(self.folder / entry.path) != entry.sha256:
                raise StoreError(
                    f"run {self.run_id}: '{entry.path}' reads back otherwise than it was written; check the disk"
                )
            # datasets hold hard links to these files: an edit there must fail, not reach the run
            (self.folder / entry.path).chmod(0o444)
        manifest = {
            "schema_epoch": SCHEMA_EPOCH,
            "run_id": self.run_id,
            **fields,
            "files": [vars(entry) for entry in entries],
        }
        write_file(self.folder / MANIFEST, canonical_json(manifest), durable=True)
        (self.folder / MANIFEST).chmod(0o444)
        fsync_tree(self.folder)
        return self._publish()

    def _publish(self) -> Path:
        final = run_path(self._root, self.run_id)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            os.rename(self.folder, final)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise StoreError(f"{final}: cannot be committed: {error.strerror or error}") from error
            open_run(final)  # whoever came first must be whole; ours goes when the staging is left
        fsync_directories((final.parent, self._root))
        return final

    def _close(self) -> list[FileEntry]:
        with self._lock:
            self._closed = True
            unfinished = sorted(path for path, entry in self._entries.items() if entry is None)
            if unfinished:
                raise StoreError(
                    f"run {self.run_id}: commit while {len(unfinished)} files are being written or failed, "
                    f"such as '{unfinished[0]}'; wait for the writers"
                )
            return [entry for _, entry in sorted(self._entries.items()) if entry is not None]

    def _check_complete(self, fields: Mapping[str, object], entries: list[FileEntry]) -> None:
        if set(fields) != set(MANIFEST_FIELDS):
            raise StoreError(
                f"run {self.run_id}: manifest fields {sorted(fields)}; want exactly {', '.join(MANIFEST_FIELDS)}"
            )
        from av_synth.store import tables

        there = {entry.path for entry in entries}
        wanted = {*REQUIRED_FILES, *(f"tables/{name}.parquet" for name in tables.TABLES.keys() - tables.OPTIONAL)}
        if wanted - there:
            raise StoreError(
                f"run {self.run_id}: never written: {', '.join(sorted(wanted - there))}; "
                "a table without rows is written empty"
            )


@contextmanager
def stage(root: Path, run_id: str) -> Iterator[Staging]:
    """Begin writing a run; leaving without `commit`, or by an exception, removes everything written.

    Args:
        root: the store's folder; made if it is not there.
        run_id: 20 lower-case hex digits.

    Raises:
        StoreError: if the id is of another form or the folder cannot be made.
    """
    root = Path(root)
    check_run_id(run_id)
    with scratch(root / STAGING, run_id) as directory:
        yield Staging(root, run_id, directory)


def clear_staging(root: Path) -> tuple[Path, ...]:
    """Remove the stagings whose writers are dead; returns what was removed. Runs being written are left alone."""
    return clear_scratch(Path(root) / STAGING)


@dataclass(frozen=True)
class Run:
    """A committed run.

    Attributes:
        folder: `<root>/runs/<run_id>`.
        run_id: 20 hex digits.
        manifest: the whole manifest.
        files: by relative path.
    """

    folder: Path
    run_id: str
    manifest: Mapping[str, object]
    files: Mapping[str, FileEntry]

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Table `name`, sorted by its key, or some columns of it; raises StoreError if it cannot be read.

        One of `tables.OPTIONAL` that the run lacks is empty.
        """
        from av_synth.store import tables

        if name in tables.OPTIONAL and f"tables/{name}.parquet" not in self.files:
            return tables.from_rows(name, ())
        path = self.path(f"tables/{name}.parquet")
        try:
            return tables.read(name, path, columns)
        except StoreError as error:
            raise StoreError(f"{error}; {_again(self.folder, error)}") from error

    def path(self, relpath: str) -> Path:
        """Where a file of this run is, once it has been compared with its hash: what is taken is what was committed.

        Raises:
            StoreError: if the manifest does not list it, or it is not what was committed.
        """
        if relpath not in self.files:
            raise StoreError(f"run {self.run_id}: has no file '{relpath}'")
        entry = self.files[relpath]
        _check_file(self.folder, entry, deep=False)
        if sha256_of(self.folder / relpath) != entry.sha256:
            raise StoreError(
                f"{self.folder}: '{relpath}' is not what was committed; {_again(self.folder)}; "
                "its size is as it was: `av-synth status STORE --deep` finds all such runs"
            )
        return self.folder / relpath

    def json(self, relpath: str) -> Mapping[str, object]:
        """The JSON object in 'scenario.json', 'rig.json' or 'outcome.json'; raises StoreError if it is not one."""
        return as_mapping(read_json(self.path(relpath)), str(self.folder / relpath))


def open_run(path: Path, *, deep: bool = False, files: bool = True) -> Run:
    """Open a committed run.

    Args:
        path: the folder of the run.
        deep: read every file and compare its hash, not only its size (`Run.path` compares that of the file it gives).
        files: look whether every file is there; without, only the manifest is read.

    Raises:
        OtherEpochError: if it is of another schema epoch.
        StoreError: if there is no manifest, or a file is missing or has changed.
    """
    path = Path(path)
    where = path / MANIFEST
    try:
        manifest = as_mapping(read_json(where), str(where))
    except StoreError as error:
        raise StoreError(f"{error}; {_again(path, error)}") from error
    if not isinstance(manifest.get("schema_epoch"), int):
        raise StoreError(
            f"{where}: has no schema_epoch, so it is not of a run; want the folder of a run; if that was one, "
            f"{_again(path)}"
        )
    if manifest["schema_epoch"] != SCHEMA_EPOCH:
        raise OtherEpochError(
            f"{where}: schema_epoch {manifest['schema_epoch']}; this av_synth reads {SCHEMA_EPOCH}; "
            "want the av_synth that wrote it, or another store"
        )
    try:
        run_id = check_run_id(str(manifest["run_id"]))
        listed: object = manifest["files"]
        if not isinstance(listed, list):
            raise TypeError("files is not a list")
        entries = [FileEntry(check_relative(row["path"]), int(row["bytes"]), str(row["sha256"])) for row in listed]
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{where}: not a manifest of a run: {error!r}; {_again(path)}") from error
    if files:
        for entry in entries:
            _check_file(path, entry, deep)
    return Run(path, run_id, manifest, {entry.path: entry for entry in entries})


def _check_file(directory: Path, entry: FileEntry, deep: bool) -> None:
    try:
        size = os.stat(f"{directory}/{entry.path}").st_size  # a run has thousands of files, and a Path is slow to make
    except OSError as error:
        raise StoreError(
            f"{directory}: '{entry.path}': {error.strerror or error}; {_again(directory, error)}"
        ) from error
    if size != entry.bytes or (deep and sha256_of(directory / entry.path) != entry.sha256):
        raise StoreError(f"{directory}: '{entry.path}' is not what was committed; {_again(directory)}")


def is_passing(error: BaseException) -> bool:
    """Whether a run could not be read for a reason that tells nothing of it: a stale handle, no right, no memory."""
    return bool(refusals(error) - _TELL_OF_THE_RUN)


def _again(directory: Path, error: BaseException | None = None) -> str:
    """What to do about a run that is not whole any more: while it is there, it is not played again."""
    if error is not None and is_passing(error):
        return "that says nothing of the run; try again when it can be read"
    return f"move {directory} away and make the run again"


def runs(root: Path) -> list[Path]:
    """Folders of all committed runs, in order of run id; one that has lost its manifest is opened in vain."""
    folder = Path(root) / RUNS
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if RUN_ID.fullmatch(path.name) and path.is_dir())


def stores_in(folder: Path) -> list[Path]:
    """The stores among the folders in a folder, by name: `av-synth vary` leaves some."""
    return sorted(path for path in Path(folder).iterdir() if runs(path))


def need_runs(root: Path) -> list[Path]:
    """As `runs`, of a folder that the user named; raises UserError if there is none."""
    root = Path(root)
    found = runs(root)
    if not found:
        why = (
            "has no committed run" if root.is_dir() else "is no folder" if root.exists() else "there is no such folder"
        )
        raise UserError(
            f"{root}: {why}; want a folder with runs/ in it, as `av-synth run --out` or `av-synth merge` wrote"
        )
    return found


def run_path(root: Path, run_id: str) -> Path:
    """Where the run is once it is committed; raises StoreError on a malformed id."""
    return Path(root) / RUNS / check_run_id(run_id)


def check_run_id(run_id: str) -> str:
    """Return the id if it is 20 lower-case hex digits; raises StoreError otherwise."""
    if not RUN_ID.fullmatch(run_id):
        raise StoreError(f"run id '{run_id}': want 20 lower-case hex digits")
    return run_id
