"""A worker's folder on the disk of its machine, for runs that are committed to a depot.

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
from av_synth.farm.records.depot import Depot
from av_synth.farm.records.whereabouts import OUTBOX

_LEFT_S = 40.0  # for what was left; a worker that has not begun after 200 s is taken for one that hangs


class Sender:
    """Plays jobs by a player, and commits to a depot what that has committed in its folder; a `model.Player`."""

    def __init__(self, player: Player, home: Path, depot: Depot) -> None:
        self._player, self._home, self._depot = player, home, depot

    def play(self, job: Job, on_tick: Callable[[int, int], None]) -> Played:
        """Commit a run, or find it committed.

        Raises:
            UnreachableError: if the depot cannot be reached. A run that has been played stays, and is sent later.
            Exception: whatever the player raises.
        """
        there = self._depot.record(job.run.run_id)
        if there is not None:
            return Played(False, there.held, job.run.frames, there.bytes)
        played = self._player.play(job, on_tick)
        frames = job.run.frames
        directory = stores.run_path(self._home, job.run.run_id)
        # whoever watches hears of each part, so that a slow line is not taken for a worker that hangs
        _send(directory, self._depot, lambda: on_tick(frames, frames))
        return played


@contextmanager
def opened(setting: WorkerSetting, open_player: OpenPlayer) -> Iterator[Sender]:
    """Send what is left in a worker's folder, fetch the plan of the depot, and open a player there.

    Raises:
        UnreachableError: if it cannot be reached from this machine, or has no plan.
        Exception: whatever opening the player raises.
    """
    try:
        depot = Depot(setting.depot)
    except UserError as error:  # the driver's machine could: here a package is missing
        raise UnreachableError(str(error)) from error
    home = home_of(setting)
    _send_left(home, depot)
    # it may be of another campaign, and the player's processes are gone that read it
    shutil.rmtree(home / FOLDER, ignore_errors=True)
    if not depot.fetch_plan(home):
        raise UnreachableError(
            f"{depot.address}: has no plan any more; the command that began the campaign puts it there"
        )
    with open_player(replace(setting, store=home)) as player:
        yield Sender(player, home, depot)


def home_of(setting: WorkerSetting) -> Path:
    """The folder of a worker; of another address it is another one, also on a machine where the store's path is old."""
    which = hashlib.sha256(setting.depot.encode()).hexdigest()[:8]
    return setting.store / OUTBOX / which / f"worker-{setting.slot}"


def _send_left(home: Path, depot: Depot) -> None:
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
            _send(directory, depot, in_time)
        except _TooSlowError:  # it goes when it is its turn, or when another has committed it
            return


class _TooSlowError(Exception):
    """What was left takes too long to send."""


def _send(directory: Path, depot: Depot, on_sent: Callable[[], None]) -> None:
    depot.commit(directory, on_sent)
    crash.point("outbox.sent")
    shutil.rmtree(directory)
    crash.point("outbox.removed")
