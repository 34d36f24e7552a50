"""Workers on a Ray cluster, or on a Ray that is started on this machine for as long as a campaign takes.

Ray places workers and tells which of them are lost. It retries nothing and restarts nothing, and no run's data passes
through it. The only module that imports ray, which is not needed for anything else.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from av_synth import __version__
from av_synth.errors import ConnectionLostError, DocumentError, LaunchError, Problem, UserError
from av_synth.farm.model import Affinity, Committed, Failed, Job, Lost, Report, Slot, Started, WorkerSetting
from av_synth.farm.workers.keeper import GONE_S, TIDY_UP_S
from av_synth.farm.workers.local import next_pause
from av_synth.farm.workers.private_ray import private_ray, protect
from av_synth.farm.workers.ray_answers import REACH_S, expect_ray
from av_synth.farm.workers.ray_worker import Needs, RayWorker

TRIES = 3  # to start a private Ray
PATIENCE_S = 600.0  # for the first worker: a cluster that grows on demand has to start a machine
COUNT_EVERY_S = 5.0  # how often it is counted how many workers the cluster has room for
_LISTEN_S = 1.0  # an actor listens so long to a worker that plays ...
_GLANCE_S = 0.2  # ... and so long to an idle one, because a job has to wait for that
_STORE_BYTES = 80 << 20  # the smallest object store that Ray starts with
_WHY_LENGTH = 200


@contextmanager
def connected(address: str, cores: int) -> Iterator[None]:
    """Be connected to Ray while the context lasts.

    Args:
        address: 'local' to start a private Ray on this machine; 'auto' for the one that runs on it; HOST:PORT of a
            cluster that it is part of; ray://HOST:PORT of any other (Ray's client server).
        cores: that a private Ray hands out.

    Raises:
        DocumentError: if the address is none of these.
        UserError: if Ray is not installed, does not start, or cannot be reached.
    """
    place = re.fullmatch(r"(?:ray://)?([^\s/:]+):([0-9]{1,5})", address)
    if address not in ("local", "auto") and (place is None or not 0 < int(place[2]) < 65536):
        wanted = "local, auto, HOST:PORT or ray://HOST:PORT"
        raise DocumentError([Problem("", "--ray", f"got {address!r}; want {wanted}")])
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # else it prints what happens to actors; `poll` tells it
    if address == "local":
        protect(imported="ray" in sys.modules)
    ray = _ray()
    if place is not None:
        expect_ray(address, place[1], int(place[2]))
    with private_ray(cores) if address == "local" else nullcontext(address) as where:
        try:
            ray.init(address=where, log_to_driver=False, configure_logging=False)
        except Exception as error:  # Ray raises bare ones too
            ray.shutdown()
            raise UserError(
                f"--ray {address}: {_in_a_line(error)}; want the Ray and Python versions of the cluster here, a "
                "machine of the cluster (from any other, ray://HOST:10001), and where it asks for a token, "
                "RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH"
            ) from error
        try:
            yield
        finally:
            ray.shutdown()


def serve(handle: int, cores: int, folder: str) -> NoReturn:
    """What the process of a private Ray does: start it, tell where it is, and wait to be killed.

    Args:
        handle: gets the address, or why there is none, see `private_ray`.
        cores: that it hands out.
        folder: for what it writes; made here, so that whoever removes it is there before it.
    """
    try:
        os.mkdir(folder, 0o700)
        said = {"address": start(cores, folder)}
    except Exception as error:  # noqa: BLE001  Ray raises bare ones; whoever listens tells them
        said = {"error": _in_a_line(error)}
    os.write(handle, json.dumps(said).encode() + b"\n")
    os.close(handle)
    while True:
        signal.pause()


def start(cores: int, folder: str) -> str:
    """Start a Ray that ends with this process, and return its address.

    It gives itself 30 s for that, which a busy machine may not have.
    """
    ray = _ray()
    for left in reversed(range(TRIES)):
        try:
            ray.init(
                address="local",
                num_cpus=cores,
                include_dashboard=False,
                object_store_memory=_STORE_BYTES,
                log_to_driver=False,
                configure_logging=False,
                _temp_dir=folder,
            )
        except Exception:
            ray.shutdown()
            if not left:
                raise
        else:
            break
    return str(ray.get_runtime_context().gcs_address)


@dataclass
class _Place:
    """An actor and what is known of its worker."""

    number: int
    actor: Any
    hello: Any
    asked: Any = None  # the call that it listens in
    given: list[Any] = field(default_factory=list)
    machine: str | None = None  # None until it has said hello
    run_id: str | None = None
    affinity: Affinity | None = None
    worked: bool = False

    @property
    def calls(self) -> list[Any]:
        return [call for call in (self.hello, *self.given, self.asked) if call is not None]


class RayRunner:
    """Keeps one worker an actor, and starts another where one was lost; a `model.Runner`.

    A worker is a process of its own, so that a crash of its client takes no actor with it, and it dies with its actor.
    """

    def __init__(
        self,
        setting: Callable[[int], WorkerSetting],
        needs: Needs,
        workers: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Start the workers, and wait until one of them is there.

        Args:
            setting: of a slot's number, from 0 on. Its folders have to be the same on all machines.
            needs: of each worker.
            workers: how many, also if there is no room yet; None for as many as there is room for at any time.
            clock: tells the time in seconds, for the pauses.
            patience_s: how long it waits for the first worker.

        Raises:
            UserError: if there is no room for any.
            LaunchError: if none starts.
            ConnectionLostError: if the cluster does not answer; so do all methods but `close`.
        """
        self._ray = _ray()
        self._setting = setting
        self._needs = needs
        self._workers = workers
        self._clock = clock
        self._actor = self._ray.remote(RayWorker)
        self._places: dict[int, _Place] = {}
        self._in_vain: dict[int, int] = {}
        self._not_before_s: dict[int, float] = {}
        self._room = 0
        self._resources: dict[str, float] = {}
        self._counted_s = -math.inf
        self._closed = False
        with self._reached():
            self._count()
        if self._room == 0:
            raise UserError(
                f"--ray: no machine of the cluster has {self._resources}; want one that has, or --workers N if the "
                "cluster grows on demand"
            )
        try:
            self._wait_for_one(patience_s)
        except BaseException:
            self.close()
            raise

    def slots(self) -> Sequence[Slot]:
        """The workers there are now, without those that are still being started."""
        self._fill()
        return [
            Slot(place.number, place.machine, place.run_id, place.affinity)
            for _, place in sorted(self._places.items())
            if place.machine is not None
        ]

    def start(self, slot: int, job: Job) -> None:
        """Hand a job to a free worker; returns at once."""
        place = self._places[slot]
        place.run_id, place.affinity = job.run.run_id, job.run.affinity
        with self._reached():
            place.given.append(place.actor.give.remote(job))

    def poll(self, timeout_s: float) -> Sequence[Report]:
        """What the workers have told since the last call; waits so long if there is nothing."""
        until_s = time.monotonic() + timeout_s
        reports: list[Report] = []
        while True:
            reports += self._turn(max(until_s - time.monotonic(), 0.0))
            if reports or time.monotonic() >= until_s:
                return reports

    def kill(self, slot: int) -> None:
        """End a worker's whole process tree at once; it is replaced, and `poll` tells nothing of the job.

        The actor is killed; its worker dies with it, and what the worker has started with the worker.
        """
        place = self._places.get(slot)
        if place is not None:  # else it was lost, and `poll` has told
            with self._reached():
                self._drop(place)

    def close(self) -> None:
        """End every worker and leave no process behind. May be called twice."""
        self._closed = True
        places, self._places = list(self._places.values()), {}
        with suppress(ConnectionLostError), self._reached():
            closing = [place.actor.close.remote() for place in places if place.machine is not None]
            if closing:  # all at once, so that they close their simulators side by side
                self._ray.wait(closing, num_returns=len(closing), timeout=_LISTEN_S + TIDY_UP_S + 2 * GONE_S)
            for place in places:
                self._ray.kill(place.actor)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """What Ray says where it does not answer, in our words."""
        try:
            yield
        except (ConnectionError, self._ray.exceptions.RayError) as error:
            raise ConnectionLostError(f"Ray does not answer any more: {_why(error)}") from error

    def _wait_for_one(self, patience_s: float) -> None:
        until_s = time.monotonic() + patience_s
        lost: list[Report] = []
        while not self.slots():
            lost += self.poll(_LISTEN_S)
            if lost and len(lost) >= self._room and isinstance(last := lost[-1], Lost):
                raise LaunchError(f"no worker could be started; the last one, on {last.machine or '?'}: {last.why}")
            if time.monotonic() > until_s:
                raise LaunchError(f"no worker after {patience_s:.0f} s; want machines that have {self._resources} free")

    def _turn(self, timeout_s: float) -> list[Report]:
        """Listen to all, until one has told something or at most so long."""
        self._fill()
        for place in self._places.values():
            if place.machine is not None and place.asked is None:
                place.asked = place.actor.poll.remote(_GLANCE_S if place.run_id is None else _LISTEN_S)
        owner = {call: place for place in self._places.values() for call in place.calls}
        next_s = min(self._not_before_s.values(), default=math.inf) - self._clock()
        timeout_s = min(timeout_s, max(next_s, _GLANCE_S))
        if not owner:
            time.sleep(timeout_s)
            return []
        with self._reached():
            ready, _ = self._ray.wait(list(owner), timeout=timeout_s)
            if ready:
                ready, _ = self._ray.wait(list(owner), num_returns=len(owner), timeout=0)
        reports: list[Report] = []
        for call in ready:
            if self._places.get(owner[call].number) is owner[call]:  # it may have been dropped in this turn
                reports += self._answer(owner[call], call)
        return reports

    def _answer(self, place: _Place, call: Any) -> list[Report]:
        try:
            said = self._ray.get(call, timeout=REACH_S)
            if call == place.hello:
                place.hello, (place.machine, version) = None, said
                if version != __version__:
                    raise LaunchError(f"has av_synth {version}; want {__version__}, as here")
        except (self._ray.exceptions.RayError, LaunchError) as error:
            self._drop(place)
            return [Lost(place.number, place.run_id, _why(error), place.machine or "")]
        if call != place.asked:
            place.given = [other for other in place.given if other != call]
            return []
        place.asked = None
        reports: list[Report] = said
        for report in reports:
            if isinstance(report, Started):
                place.worked = True
            elif isinstance(report, Committed | Failed):
                place.run_id = None
            elif isinstance(report, Lost):
                self._drop(place)
        return reports

    def _drop(self, place: _Place) -> None:
        """Kill an actor; after two that came to nothing in a row, the next has to wait, as `LocalRunner`'s."""
        del self._places[place.number]
        self._ray.kill(place.actor)
        self._in_vain[place.number], pause_s = next_pause(place.worked, self._in_vain.get(place.number, 0))
        self._not_before_s[place.number] = self._clock() + pause_s

    def _fill(self) -> None:
        """As many actors as are wanted; those that find no room yet make a cluster grow that can."""
        if self._closed:
            return
        now_s = self._clock()
        with self._reached():
            if now_s - self._counted_s >= COUNT_EVERY_S:
                self._count()
            for number in sorted(self._places, reverse=True):
                if len(self._places) > self._room and self._places[number].machine is None:
                    self._ray.kill(self._places.pop(number).actor)
            self._not_before_s = {slot: at_s for slot, at_s in self._not_before_s.items() if at_s > now_s}
            taken = self._places.keys() | self._not_before_s.keys()
            for number in range(self._room):
                if number not in taken and len(taken) < self._room:
                    taken.add(number)
                    self._places[number] = self._seated(number)

    def _seated(self, number: int) -> _Place:
        setting = self._setting(number)
        # an actor stands in another folder
        setting = replace(setting, store=setting.store.absolute(), folder=setting.folder.absolute())
        resources = dict(self._resources)
        actor = self._actor.options(
            num_cpus=resources.pop("CPU", 0),
            num_gpus=resources.pop("GPU", 0),
            memory=resources.pop("memory", None),
            resources=resources,
            scheduling_strategy="SPREAD",
            max_restarts=0,
            max_task_retries=0,
        ).remote(setting)
        return _Place(number, actor, actor.hello.remote())

    def _count(self) -> None:
        """How many workers there is room for."""
        machines = [machine["Resources"] for machine in self._ray.nodes() if machine["Alive"]]
        if not machines:  # not even that of the head: none will join any more
            raise ConnectionLostError("Ray has no machine left; start it again, and the same command goes on")
        self._resources = self._needs.resources(machines)
        room = [
            min(math.floor(machine.get(name, 0.0) / amount) for name, amount in self._resources.items())
            for machine in machines
        ]
        self._room = sum(room) if self._workers is None else self._workers
        self._counted_s = self._clock()


def _ray() -> Any:
    """The library, imported when it is needed: that takes a quarter of a second, and it may not be installed.

    Raises:
        UserError: if it is not.
    """
    try:
        import grpc  # noqa: F401  `expect_ray` needs it
        import ray
    except ModuleNotFoundError as error:
        raise UserError("--ray: Ray is not installed; want `pip install 'av-synth[farm]'`") from error
    return ray


def _in_a_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _why(error: BaseException) -> str:
    """The last line: above it stand names of classes, places in files, advice."""
    lines = str(error).strip().splitlines()
    return (lines[-1].strip() if lines else type(error).__name__)[:_WHY_LENGTH]
