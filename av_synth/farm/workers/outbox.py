"""A worker's folder on the disk of its machine, for runs that are committed to an object store.

A run is played and made whole there as in any store, then uploaded and committed, then removed there. What a worker
that died had finished is sent by the next one in its place, if that takes no longer than a worker may take to begin.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from av_synth import store as stores
from av_synth.errors import OtherEpochError, StoreError, UnreachableError, UserError, refusals
from av_synth.farm import crash
from av_synth.farm.model import Job, OpenPlayer, Played, Player, WorkerSetting
from av_synth.farm.planning.plan import FOLDER
from av_synth.farm.records.committed_runs import OUTBOX
from av_synth.farm.records.object_store import ObjectStore

_LEFT_S = 40.0  # for what was left; a worker that has not begun after 200 s is taken for one that hangs


class Sender:
    """Plays jobs by a player, and commits to an object store what that has committed here; a `model.Player`."""

    def __init__(self, player: Player, home: Path, object_store: ObjectStore) -> None:
        self._player, self._home, self._object_store = player, home, object_store

    def play(self, job: Job, on_tick: Callable[[int, int], None]) -> Played:
        """Commit a run, or find it committed.

        Raises:
            UnreachableError: if the address cannot be reached. A run that has been played stays, and is sent later.
            Exception: whatever the player raises.
        """
        there = self._object_store.record(job.run.run_id)
        if there is not None:
            return Played(False, there.held, job.run.frames, there.bytes, there.never_began)
        played = self._player.play(job, on_tick)
        frames = job.run.frames
        directory = stores.run_path(self._home, job.run.run_id)
        # whoever watches hears of each part, so that a slow line is not taken for a worker that hangs
        _send(directory, self._object_store, lambda: on_tick(frames, frames))
        return played


@contextmanager
def opened(setting: WorkerSetting, open_player: OpenPlayer) -> Iterator[Sender]:
    """Send what is left in a worker's folder, fetch the plan of the object store, and open a player there.

    Raises:
        UnreachableError: if it cannot be reached from this machine, or has no plan.
        Exception: whatever opening the player raises.
    """
    try:
        object_store = ObjectStore(setting.object_store)
    except UserError as error:  # the driver's machine could: here a package is missing
        raise UnreachableError(str(error)) from error
    home = home_of(setting)
    _send_left(home, object_store)
    # it may be of another campaign, and the player's processes are gone that read it
    shutil.rmtree(home / FOLDER, ignore_errors=True)
    if not object_store.fetch_plan(home):
        raise UnreachableError(
            f"{object_store.address}: has no plan any more; the command that began the campaign puts it there"
        )
    with open_player(replace(setting, store=home)) as player:
        yield Sender(player, home, object_store)


def home_of(setting: WorkerSetting) -> Path:
    """The folder of a worker; of another address it is another one, also on a machine where the store's path is old."""
    which = hashlib.sha256(setting.object_store.encode()).hexdigest()[:8]
    return setting.store / OUTBOX / which / f"worker-{setting.slot}"


def _send_left(home: Path, object_store: ObjectStore) -> None:
    until_s = time.monotonic() + _LEFT_S

    def in_time() -> None:
        if time.monotonic() > until_s:
            raise _TooSlowError

    for directory in stores.runs(home):
        try:
            stores.open_run(directory)
        except OtherEpochError:  # that version may send it
            continue
        except StoreError as error:
            # its removal was cut short, and it is committed or played again; unless the disk only refuses to read it
            if refusals(error) <= {errno.ENOENT}:
                shutil.rmtree(directory)
            continue
        try:
            _send(directory, object_store, in_time)
        except _TooSlowError:  # it goes when it is its turn, or when another has committed it
            return


class _TooSlowError(Exception):
    """What was left takes too long to send."""


def _send(directory: Path, object_store: ObjectStore, on_sent: Callable[[], None]) -> None:
    object_store.commit(directory, on_sent)
    crash.point("outbox.sent")
    shutil.rmtree(directory)
    crash.point("outbox.removed")
