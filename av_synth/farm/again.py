"""Runs that are to be made again by the next driver: those in quarantine, or committed ones that are damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from av_synth.errors import UserError
from av_synth.farm.dispatch.disk import need_folder
from av_synth.farm.planning import plan
from av_synth.farm.records import committed_runs, quarantine
from av_synth.farm.records.damaged_runs import look_at
from av_synth.farm.records.journal import Journal
from av_synth.farm.records.lease import driver_lease
from av_synth.store.intact import what_is_wrong


def make_again(
    store: Path, run_ids: Sequence[str] = (), *, damaged: bool = False, deep: bool = False
) -> tuple[Path, ...]:
    """Have runs made again by the next driver; nothing is deleted.

    Args:
        store: the store's folder.
        run_ids: those meant; empty for all that are in quarantine, or damaged.
        damaged: not those in quarantine, but committed runs that are damaged.
        deep: to find these, read every file and compare its hash.

    Returns:
        Where what was known of each is now.

    Raises:
        UserError: if there is no plan, a driver has the store, or a run is not what is meant; nothing has changed then.
        StoreError: if one cannot be moved.
    """
    planned = plan.read(store).runs  # before anything is made in what may be no store
    need_folder(store)
    with driver_lease(store), Journal(store) as journal:
        if not damaged:
            return quarantine.release(store, run_ids or quarantine.listed(store), journal.append)
        if committed_runs.address_of(store):
            raise UserError("--damaged: the runs are at an address; want `av-synth pull`, which compares every hash")
        found = look_at(store, frozenset(run.run_id for run in planned), deep=deep).damaged
        wanted = sorted(set(run_ids or found))
        if sound := [run_id for run_id in wanted if run_id not in found]:
            raise UserError(f"{store}: not damaged: {', '.join(sound)}; `av-synth status {store}` lists what is")
        return tuple(quarantine.set_aside(store, each, what_is_wrong(found[each]), journal.append) for each in wanted)
