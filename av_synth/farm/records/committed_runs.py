"""Where the runs of a store are committed: in its runs/, or at an address that it names (see `object_store`)."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from av_synth import store as stores
from av_synth.errors import StoreError, UserError
from av_synth.farm.planning import plan as plans
from av_synth.farm.records.journal import read_journal
from av_synth.farm.records.quarantine import listed
from av_synth.store.files import as_mapping, canonical_json, read_json, write_file
from av_synth.store.runs import STAGING

if TYPE_CHECKING:  # object stores and their drivers are for few stores
    from av_synth.farm.records.object_store import ObjectStore
    from av_synth.run.spec import ShowStep

FILE = "object_store.json"
OUTBOX = "outbox"
"""Folder in a store where workers keep runs that are still to be sent to its object_store."""


def address_of(store: Path) -> str:
    """The address that the runs of a store are committed to; empty if it is the store itself.

    Raises:
        StoreError: if what the store says about it cannot be read.
    """
    path = Path(store) / FILE
    return str(as_mapping(read_json(path), str(path)).get("address", "")) if path.exists() else ""


def _object_store_of(store: Path) -> ObjectStore | None:
    """That of a store; None if its runs are committed in it. Raises as `address_of`, and as `ObjectStore`."""
    address = address_of(store)
    if not address:
        return None
    from av_synth.farm.records.object_store import ObjectStore

    return ObjectStore(address)


def ids(store: Path) -> frozenset[str]:
    """Ids of the runs that are committed, planned or not.

    Raises:
        UnreachableError: if they are elsewhere, and it does not answer.
    """
    object_store = _object_store_of(store)
    return frozenset(path.name for path in stores.runs(store)) if object_store is None else object_store.run_ids()


def agree(store: Path, address: str | None) -> ObjectStore | None:
    """Have the runs of a store committed to an address, from its first run on; it has been tried out then.

    Args:
        store: made if it is not there.
        address: None for what the store says already.

    Raises:
        UserError: if it has begun with another address or none, or runs cannot be committed there.
        UnreachableError: if nobody answers there.
    """
    known = address_of(store)
    if address is not None and known != address.rstrip("/"):
        if known or plans.is_planned(store) or stores.runs(store):
            began = f"commits its runs to {known}" if known else "has begun with runs of its own"
            raise UserError(f"{store}: {began}; want the same --commit-to as then, or another --out")
        from av_synth.farm.records.object_store import ObjectStore

        object_store = ObjectStore(address)
        object_store.check()
        with stores.scratch(Path(store) / STAGING, "object_store") as new:
            write_file(new / FILE, canonical_json({"address": object_store.address}), durable=True)
            os.rename(new / FILE, Path(store) / FILE)
        return object_store
    known_store = _object_store_of(store)
    if known_store is not None:
        known_store.check()
    return known_store


def tidy(store: Path, *, finished: bool) -> int:
    """Remove what attempts left at the object store of a store whose runs another attempt has committed; how many.

    Args:
        store: whose journal tells which runs were begun more often than once.
        finished: whether no run remains. If none was given up either, nothing on this machine waits to be sent: of a
            run that was given up, the outbox may have all of it.

    What cannot be removed only takes space.
    """
    object_store = _object_store_of(store)
    if object_store is None:
        return 0
    begun = Counter(event["run"] for event in read_journal(store) if event["event"] in ("started", "failed"))
    if finished and not listed(store):
        shutil.rmtree(store / OUTBOX, ignore_errors=True)
    try:
        return object_store.remove_lost_attempts(sorted(run_id for run_id, times in begun.items() if times > 1))
    except StoreError:
        return 0


def bring(store: Path, step: ShowStep) -> None:
    """Bring the runs of a store here that are committed elsewhere and are not here yet, by `pull`; most have none."""
    address = address_of(store)
    if address:
        with step(f"bringing the runs of {address} to {store}") as on_run:
            pull(store, on_run)


def pull(store: Path, on_run: Callable[[int, int], None] = lambda *_: None, address: str = "") -> tuple[int, int]:
    """Bring committed runs into the runs/ of a folder, those that are not there.

    Args:
        store: the runs of its own object store, or
        address: those that are there.
        on_run: told (runs brought, runs in all).

    Returns:
        How many were brought and compared with their hashes, and how many were there and were not looked at.

    Raises:
        UserError: if there are none.
        StoreError: if one cannot be brought, or is not what was committed. Those before it have been brought.
    """
    from av_synth.farm.records.object_store import ObjectStore

    object_store = ObjectStore(address) if address else _object_store_of(store)
    if object_store is None:
        return 0, len(stores.runs(store))
    run_ids = sorted(object_store.run_ids())
    if not run_ids:
        raise UserError(
            f"{object_store.address}: has no committed run; want what `av-synth campaign --commit-to` was given"
        )
    there = sum(stores.run_path(store, run_id).is_dir() for run_id in run_ids)
    for done, run_id in enumerate(run_ids):
        on_run(done, len(run_ids))
        object_store.fetch(run_id, store)
    on_run(len(run_ids), len(run_ids))
    return len(run_ids) - there, there
