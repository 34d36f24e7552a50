"""Workers that are processes of this machine."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait

from av_synth.errors import LaunchError
from av_synth.farm.model import Job, Lost, Report, Slot, WorkerSetting
from av_synth.farm.workers.keeper import Keeper

FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


def next_pause(worked: bool, in_vain: int) -> tuple[int, float]:
    """How long a slot waits for another worker: none after the first death in a row, that may be anything; then longer.

    Args:
        worked: whether the worker that died had come so far as to open its player.
        in_vain: how many in a row before it had not.

    Returns:
        How many in a row have not now, and the seconds.
    """
    in_vain = 0 if worked else in_vain + 1
    return in_vain, 0.0 if in_vain < 2 else min(FIRST_PAUSE_S * 2.0 ** (in_vain - 2), _LONGEST_PAUSE_S)


class LocalRunner:
    """Keeps one worker a setting, and starts another where one has died; a `model.Runner`.

    Where a slot's workers die one after the other before their player was open, the pauses between them grow.
    """

    def __init__(self, settings: Sequence[WorkerSetting], clock: Callable[[], float] = time.monotonic) -> None:
        """Start the workers.

        Args:
            settings: one a slot, of different numbers.
            clock: tells the time in seconds, for the pauses.

        Raises:
            LaunchError: if one cannot be started.
        """
        self._settings = {setting.slot: setting for setting in settings}
        self._clock = clock
        self._keepers: dict[int, Keeper] = {}
        # by slot: workers that died one after the other before their player was open
        self._in_vain: dict[int, int] = {}
        self._not_before_s: dict[int, float] = {}
        try:
            for slot, setting in self._settings.items():
                self._keepers[slot] = Keeper(setting)
        except LaunchError:
            self.close()
            raise

    def slots(self) -> Sequence[Slot]:
        """The workers there are now, without those that are waiting to be replaced."""
        self._replace()
        return [
            Slot(slot, platform.node(), keeper.job.run.run_id if keeper.job else None, keeper.affinity)
            for slot, keeper in sorted(self._keepers.items())
        ]

    def start(self, slot: int, job: Job) -> None:
        """Hand a job to a free worker; returns at once."""
        self._keepers[slot].give(job)

    def poll(self, timeout_s: float) -> Sequence[Report]:
        """What the workers have told since the last call; waits so long if there is nothing."""
        self._replace()
        by_pipe = {keeper.pipe: keeper for keeper in self._keepers.values()}
        now_s = self._clock()
        next_s = min((max(at_s - now_s, 0.0) for at_s in self._not_before_s.values()), default=timeout_s)
        reports: list[Report] = []
        for pipe in wait(list(by_pipe), min(timeout_s, next_s)):
            keeper = next(known for one, known in by_pipe.items() if one is pipe)
            told = keeper.poll(0.0)
            reports += told
            if told and isinstance(told[-1], Lost):
                self._gone(keeper)
        self._replace()
        return reports

    def kill(self, slot: int) -> None:
        """End a worker's whole process tree at once; it is replaced, and `poll` tells nothing of the job."""
        keeper = self._keepers.get(slot)
        if keeper is not None:  # else it has died, and `poll` has told
            keeper.kill()
            self._gone(keeper)

    def close(self) -> None:
        """End every worker and leave no process behind. May be called twice."""
        idle = [keeper for keeper in self._keepers.values() if not keeper.busy]
        for keeper in idle:
            keeper.ask_to_end()  # all at once, so that they close their simulators side by side
        for keeper in self._keepers.values():
            keeper.close()
        self._keepers.clear()
        self._not_before_s.clear()
        self._settings.clear()

    def _gone(self, keeper: Keeper) -> None:
        slot = keeper.setting.slot
        del self._keepers[slot]
        self._in_vain[slot], pause_s = next_pause(keeper.worked, self._in_vain.get(slot, 0))
        self._not_before_s[slot] = self._clock() + pause_s

    def _replace(self) -> None:
        now_s = self._clock()
        for slot, at_s in sorted(self._not_before_s.items()):
            if at_s <= now_s:
                del self._not_before_s[slot]
                try:
                    self._keepers[slot] = Keeper(self._settings[slot])
                except LaunchError:
                    self._in_vain[slot], pause_s = next_pause(False, self._in_vain[slot])
                    self._not_before_s[slot] = now_s + max(pause_s, FIRST_PAUSE_S)
