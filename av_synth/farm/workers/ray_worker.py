"""A worker's place on a cluster: what it takes of a machine, and the actor that holds its keeper."""

from __future__ import annotations

import pickle
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from av_synth import __version__
from av_synth.errors import DataError
from av_synth.farm.model import Job, Report, WorkerSetting
from av_synth.farm.workers.keeper import Keeper

# of a worker's reports at a time: what is smaller than 100 KiB never gets into Ray's object store
MOST_BYTES = 64 << 10
SLOT = "carla_slot"


@dataclass(frozen=True)
class Needs:
    """What a worker takes of a machine, with its simulator.

    Attributes:
        cpus: cores.
        gpus: 0.25 where four workers share one.
        memory_bytes: 0 to leave it to the machine.
        carla: whether it also takes one `carla_slot`, in a cluster with a machine that says how many it has.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0
    carla: bool = False

    def resources(self, machines: Sequence[Mapping[str, float]]) -> dict[str, float]:
        """By the names of Ray, without those that are 0; `machines` are what each has in all."""
        slots = 1.0 if self.carla and any(SLOT in machine for machine in machines) else 0.0
        wanted = {"CPU": self.cpus, "GPU": self.gpus, "memory": float(self.memory_bytes), SLOT: slots}
        return {name: amount for name, amount in wanted.items() if amount > 0}


EMBEDDED_NEEDS = Needs()
CARLA_NEEDS = Needs(cpus=3.0, gpus=0.5, memory_bytes=6 << 30, carla=True)
"""A rule of thumb, which nobody has measured; `carla_slot`, and the GPUs that machines say they have, correct it."""


class RayWorker:
    """The actor: holds the keeper of one worker. Pure Python, since nothing may crash it.

    Ray calls it in the main thread of its process, to whose life that of the worker is bound.
    """

    def __init__(self, setting: WorkerSetting) -> None:
        self._keeper = Keeper(setting)

    def hello(self) -> tuple[str, str]:
        """The machine, and the version of av_synth."""
        return platform.node(), __version__

    def give(self, job: Job) -> None:
        """Hand it a job."""
        self._keeper.give(job)

    def poll(self, timeout_s: float) -> list[Report]:
        """What it has told.

        Raises:
            DataError: if that is more than reports are.
        """
        reports = self._keeper.poll(timeout_s)
        size = len(pickle.dumps(reports))
        if size > MOST_BYTES:
            raise DataError(f"a worker told {size} bytes at once; want {MOST_BYTES} at most")
        return reports

    def close(self) -> None:
        """End it."""
        self._keeper.close()
