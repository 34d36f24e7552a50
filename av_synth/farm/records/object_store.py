"""An object store: an address (s3://, gs://, ...) that runs are committed to by machines that share no folder.

    <address>/plan.zip                              the frozen plan
    <address>/attempts/<run_id>/<32 hex digits>/    files of a run; nobody looks at them but through a record
    <address>/runs/<run_id>.json                    the record: which of the attempts is the run

An object store cannot rename. There the commit is one conditional put: the record is made only if there is none
(`If-None-Match: *`, `ifGenerationMatch=0`; pipe_file with mode="create" in fsspec), when every file of the attempt is
there. Whoever comes second is refused. As no record is ever written over, an attempt that another record has won over
can never be committed: it may be removed at any time, whoever may still be writing it. No other attempt is removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from av_synth import store as stores
from av_synth.errors import AvSynthError, StoreError, UnreachableError, UserError
from av_synth.farm import crash
from av_synth.farm.planning.plan import FILE, FOLDER
from av_synth.farm.records.plan_zip import pack, unpack
from av_synth.store import addresses
from av_synth.store.addresses import Remote
from av_synth.store.files import (
    canonical_json,
    fsync_directories,
    sha256_of,
    sync_file_system,
    write_file,
)
from av_synth.store.runs import MANIFEST, RUNS, STAGING, check_run_id, open_run, run_path

PLAN = "plan.zip"
_ATTEMPTS = "attempts"
_RECORD = re.compile(r"([0-9a-f]{20})\.json")
_ATTEMPT = re.compile(r"[0-9a-f]{32}")
_BATCH = 25  # files that a driver sends or fetches at once
_ANSWER_S = 60.0  # for an answer: a network that swallows everything must not look like a worker that hangs ...
_SLOWEST_BYTES_S = 1e5  # ... and a slow one not like such a network


@dataclass(frozen=True)
class Record:
    """The commit of a run.

    Attributes:
        run_id: 20 hex digits.
        attempt: the folder of its files, 32 hex digits.
        manifest_sha256: of its manifest, which has the hashes of all other files.
        bytes: of those.
        held: whether the run met its expectations.
        never_began: how many of its events did not.
    """

    run_id: str
    attempt: str
    manifest_sha256: str
    bytes: int
    held: bool
    never_began: int = 0


class ObjectStore:
    """What is at an address. Every method raises UnreachableError if the object store does not answer, or refuses."""

    def __init__(self, address: str) -> None:
        """Nothing is read or written yet.

        Raises:
            UserError: if the address is none, or its driver is not installed or can only look first and write then.
        """
        from fsspec.asyn import AsyncFileSystem
        from fsspec.implementations.local import LocalFileSystem

        if not addresses.is_address(address):
            raise UserError(f"{address}: is no address; want one such as s3://bucket/folder or gs://bucket/folder")
        self._remote = addresses.open_address(address)
        self.address = address.rstrip("/")
        self._on_disk = isinstance(self._remote.system, LocalFileSystem)
        self._can_wait = isinstance(self._remote.system, AsyncFileSystem)
        if not self._on_disk and not _has_conditional_put(self._remote.system):
            raise UserError(
                f"{address}: its driver cannot make a file only if there is none, so that two machines could commit "
                "one run; want s3:// or gs://, or --out on a file system that all machines share"
            )

    def check(self) -> None:
        """Find out by trying whether a second conditional put of one name is refused there, and what is put is found.

        Raises:
            UserError: if it is not.
        """
        name = f"probe-{uuid.uuid4().hex}"
        try:
            first, second = self._create(name, b"first"), self._create(name, b"second")
            listed = name in self._names("")
        except StoreError:
            with suppress(StoreError):
                self._remove(name)
            raise
        self._remove(name)
        if not first or second:
            raise UserError(
                f"{self.address}: puts an object in the place of another although it was told not to (If-None-Match), "
                "so that two machines could commit one run; want an object store that knows conditional puts"
            )
        if not listed:
            raise UnreachableError(f"{self.address}: what is put there is not listed at once; want a store where it is")

    def freeze(self, folder: Path) -> None:
        """Put a plan there, if there is none.

        Raises:
            UserError: if there is another.
        """
        if self._create(PLAN, pack(folder)):
            return
        there = self._plan()
        if there is not None and there.get(FILE) != (folder / FILE).read_bytes():
            raise UserError(f"{self.address}: has the plan of another campaign; want another address for this one")

    def fetch_plan(self, store: Path) -> bool:
        """Write the plan that is there into a folder that has none; False if there is none there.

        Raises:
            StoreError: if it is no plan, or cannot be written.
        """
        files = self._plan()
        if files is None:
            return False
        with stores.scratch(store / STAGING, FOLDER) as new:
            for name, content in files.items():
                write_file(new / name, content)
                (new / name).chmod(0o444)
            sync_file_system(new)
            with suppress(OSError):  # another worker was first
                os.rename(new, store / FOLDER)
        if not (store / FOLDER / FILE).is_file():
            raise StoreError(f"{store / FOLDER}: cannot be made; want a folder that can be written to")
        return True

    def run_ids(self) -> frozenset[str]:
        """Ids of all committed runs, by one listing."""
        return frozenset(found[1] for name in self._names(RUNS) if (found := _RECORD.fullmatch(name)))

    def record(self, run_id: str) -> Record | None:
        """The commit of a run; None: it is not committed.

        Raises:
            StoreError: if what is there is no record.
        """
        name = f"{RUNS}/{check_run_id(run_id)}.json"
        content = self._read(name)
        if content is None:
            return None
        try:
            told: dict[str, Any] = json.loads(content)
            found = Record(**told)
            if found.run_id != run_id or not _ATTEMPT.fullmatch(found.attempt):
                raise ValueError(f"is of {found.attempt} of run {found.run_id}")
        except (TypeError, ValueError) as error:
            again = "remove it, and the run is made again"
            raise StoreError(f"{self.address}/{name}: is no record of this run: {error}; {again}") from error
        return found

    def commit(self, directory: Path, on_sent: Callable[[], object] = lambda: None) -> bool:
        """Commit a run that is whole on this machine's disk.

        Args:
            directory: of the run, as `store.runs` has it. It stays.
            on_sent: called each time that some more files are there; what it raises ends the commit.

        Returns:
            Whether this copy of it is the run now; False if another had been committed before.

        Raises:
            StoreError: if it cannot be read here. Whatever fails, it is committed whole or not at all.
        """
        run = open_run(directory)
        if self.record(run.run_id) is not None:
            return False
        sizes = {name: entry.bytes for name, entry in run.files.items()}
        manifest = (directory / MANIFEST).read_bytes()
        outcome = run.json("outcome.json")
        never_began = outcome.get("never_began", [])
        record = Record(
            run.run_id,
            uuid.uuid4().hex,
            hashlib.sha256(manifest).hexdigest(),
            sum(sizes.values()),
            bool(outcome.get("held", True)),
            len(never_began) if isinstance(never_began, list) else 0,
        )
        place = self._place(record)
        try:
            self._upload(directory, sizes | {MANIFEST: len(manifest)}, place, on_sent)
        except BaseException:
            self._discard(place)
            raise
        crash.point("object_store.commit.uploaded")
        won = self._create(f"{RUNS}/{run.run_id}.json", canonical_json(asdict(record)))
        crash.point("object_store.commit.put")
        if not won:
            self._discard(place)
        return won

    def fetch(self, run_id: str, store: Path) -> Path:
        """Bring a committed run into the runs/ of a folder: compared with its hashes, then by one rename.

        Raises:
            StoreError: if it is not committed, is not what was committed, or cannot be written; nothing is in runs/.
        """
        final = run_path(store, run_id)
        if final.is_dir():
            return final
        record = self.record(run_id)
        if record is None:
            raise StoreError(f"{self.address}: has no run {run_id}")
        place = self._place(record)
        again = f"remove {self.address}/{RUNS}/{run_id}.json, and the command that began the campaign makes it again"
        with stores.scratch(store / STAGING, run_id) as new:
            self._download(place, {MANIFEST: 0}, new, again)
            if hashlib.sha256((new / MANIFEST).read_bytes()).hexdigest() != record.manifest_sha256:
                raise StoreError(f"{place.address}: '{MANIFEST}' is not what was committed; {again}")
            run = open_run(new, files=False)
            self._download(place, {name: entry.bytes for name, entry in run.files.items()}, new, again)
            wrong = [name for name, entry in run.files.items() if sha256_of(new / name) != entry.sha256]
            if wrong or run.run_id != run_id:
                raise StoreError(
                    f"{place.address}: '{min(wrong, default=MANIFEST)}' is not what was committed; {again}"
                )
            for path in new.rglob("*"):
                if path.is_file():
                    path.chmod(0o444)
            sync_file_system(new)
            crash.point("object_store.fetch.compared")
            try:
                final.parent.mkdir(parents=True, exist_ok=True)
                os.rename(new, final)
            except OSError as error:
                if not final.is_dir():
                    raise StoreError(f"{final}: cannot be made: {error.strerror or error}") from error
            fsync_directories((final.parent, store))
        return final

    def remove_lost_attempts(self, run_ids: Iterable[str]) -> int:
        """Remove the attempts at these runs that lost, of whoever died or was refused; how many.

        Those at a run that is not committed stay: one of them may be committed in this moment.
        """
        removed = 0
        for run_id in run_ids:
            record = self.record(run_id)
            if record is None:
                continue
            left = sorted(self._names(f"{_ATTEMPTS}/{run_id}") - {record.attempt})
            for attempt in left:
                self._remove(f"{_ATTEMPTS}/{run_id}/{attempt}")
            removed += len(left)
        return removed

    def _create(self, name: str, content: bytes) -> bool:
        """Put an object if there is none of this name; whether it is this one.

        What the store answered may be lost on the way, and a driver that then tries again is refused because of its own
        first try. So what is there decides, not the answer.
        """
        try:
            with self._told(f"'{name}' cannot be written"):
                if self._on_disk:
                    self._create_on_disk(Path(self._path(name)), content)
                else:
                    how = self._within(_ANSWER_S + len(content) / _SLOWEST_BYTES_S)
                    self._remote.system.pipe_file(self._path(name), content, mode="create", **how)
        except UnreachableError:
            there = self._read(name)
            if there is None:
                raise
            return there == content
        return True

    def _create_on_disk(self, path: Path, content: bytes) -> None:
        """For a disk: what fsspec has looks first and writes then; a link is made, or is not, in one step."""
        new = Path(self._path(_ATTEMPTS)) / f"{uuid.uuid4().hex}.new"
        try:
            write_file(new, content, durable=True)
            sync_file_system(new)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(new, path)
            fsync_directories((path.parent,))
        finally:
            new.unlink(missing_ok=True)

    def _upload(self, directory: Path, sizes: dict[str, int], place: Remote, on_sent: Callable[[], object]) -> None:
        what, names = "cannot be uploaded", sorted(sizes)
        if self._on_disk:  # object stores have no folders
            with addresses.told_by(place, what, UnreachableError):
                for parent in sorted({name.rpartition("/")[0] for name in names}):
                    place.system.makedirs(f"{place.path}/{parent}".rstrip("/"), exist_ok=True)
        for first in range(0, len(names), _BATCH):
            some = names[first : first + _BATCH]
            how = self._within(_ANSWER_S + sum(sizes[name] for name in some) / _SLOWEST_BYTES_S)
            with addresses.told_by(place, what, UnreachableError):
                addresses.send(place, directory, some, **how)
            on_sent()
        with addresses.told_by(place, what, UnreachableError):
            addresses.compare(place, sizes, (), **self._within(_ANSWER_S))

    def _download(self, place: Remote, sizes: dict[str, int], folder: Path, again: str) -> None:
        names, gone = sorted(sizes), None
        for parent in {(folder / name).parent for name in names}:
            parent.mkdir(parents=True, exist_ok=True)
        for first in range(0, len(names), _BATCH):
            some = names[first : first + _BATCH]
            there, here = [f"{place.path}/{name}" for name in some], [str(folder / name) for name in some]
            how = self._within(_ANSWER_S + sum(sizes[name] for name in some) / _SLOWEST_BYTES_S)
            with addresses.told_by(place, "cannot be downloaded", UnreachableError):
                try:
                    place.system.get(there, here, **how)
                except FileNotFoundError as error:  # of the address: the folders here have just been made
                    gone = error
            if gone is not None:
                raise StoreError(f"{place.address}: what was committed is gone: {gone}; {again}") from gone

    def _within(self, seconds: float) -> dict[str, float]:
        """For a driver's call: how long it may take, where drivers can be told so."""
        return {"timeout": seconds} if self._can_wait else {}

    def _read(self, name: str) -> bytes | None:
        with self._told(f"'{name}' cannot be read"):
            try:
                return bytes(self._remote.system.cat_file(self._path(name), **self._within(_ANSWER_S)))
            except FileNotFoundError:
                return None

    def _names(self, folder: str) -> set[str]:
        """Names of what is in a folder; none if there is no such folder."""
        self._remote.system.invalidate_cache()
        with self._told(f"'{folder or '.'}' cannot be listed"):
            try:
                found = self._remote.system.ls(self._path(folder), detail=False, **self._within(_ANSWER_S))
            except FileNotFoundError:
                return set()
            return {str(path).rstrip("/").rpartition("/")[2] for path in found}

    def _remove(self, name: str) -> None:
        self._remote.system.invalidate_cache()
        with self._told(f"'{name}' cannot be removed"), suppress(FileNotFoundError):
            self._remote.system.rm(self._path(name), recursive=True, **self._within(_ANSWER_S))

    def _discard(self, place: Remote) -> None:
        """Remove an attempt that will never be committed; what cannot be removed only takes space until later."""
        with suppress(AvSynthError):
            self._remove(place.path.removeprefix(self._remote.path + "/"))

    def _place(self, record: Record) -> Remote:
        name = f"{_ATTEMPTS}/{record.run_id}/{record.attempt}"
        return Remote(self._remote.system, self._path(name), f"{self.address}/{name}")

    def _path(self, name: str) -> str:
        return f"{self._remote.path}/{name}".rstrip("/")

    def _told(self, what: str) -> Any:
        return addresses.told_by(self._remote, what, UnreachableError)

    def _plan(self) -> dict[str, bytes] | None:
        content = self._read(PLAN)
        return None if content is None else unpack(content, f"{self.address}/{PLAN}")


def _has_conditional_put(system: Any) -> bool:
    """Whether a driver has a put of its own: fsspec's, which it has otherwise, looks first and writes then."""
    from fsspec.asyn import AsyncFileSystem
    from fsspec.spec import AbstractFileSystem

    if isinstance(system, AsyncFileSystem):
        return type(system)._pipe_file is not AsyncFileSystem._pipe_file
    return type(system).pipe_file is not AbstractFileSystem.pipe_file
