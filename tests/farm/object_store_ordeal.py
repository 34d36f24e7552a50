"""What an object store must survive, at any address: on a disk in the tests, on an S3 server by hand.

pip install 'av-synth[s3]' 'moto[s3]' flask flask-cors
python -m tests.farm.object_store_ordeal
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from av_synth import store as stores
from av_synth.errors import StoreError
from av_synth.farm import crash
from av_synth.farm.model import Job, PlannedRun, Played, Recipe, WorkerSetting
from av_synth.farm.records.object_store import ObjectStore
from av_synth.farm.workers import outbox
from av_synth.store import addresses
from tests.farm.committing import commit
from tests.farm.dying import every_death

RUN = PlannedRun("a" * 20, Recipe("s.yaml", None, 0), "Town01")
PLAN = {"plan.json": b"{}", "scenarios/s.yaml": b"name: s"}


def with_plan(address: str, folder: Path) -> ObjectStore:
    """An object store with a plan, which workers want to see."""
    for name, content in PLAN.items():
        stores.write_file(folder / name, content)
    object_store = ObjectStore(address)
    object_store.check()
    object_store.freeze(folder)
    return object_store


class Small:
    """Plays by committing a run with hardly anything in it, where none is."""

    def __init__(self, setting: WorkerSetting) -> None:
        self._store = setting.store

    def play(self, job: Job, on_tick: Callable[[int, int], None]) -> Played:
        assert {name: (self._store / "plan" / name).read_bytes() for name in PLAN} == PLAN
        if stores.run_path(self._store, job.run.run_id).exists():
            return Played(False, True, 0, 0)
        commit(self._store, job.run.run_id)
        return Played(True, True, 0, 0)


@contextmanager
def small(setting: WorkerSetting) -> Iterator[Small]:
    yield Small(setting)


def play(address: str, machine: Path) -> Played:
    """What a worker does on a machine with a job."""
    setting = WorkerSetting(machine, 0, "", {}, machine / "logs", object_store=address)
    with outbox.opened(setting, small) as player:
        return player.play(Job(RUN, 1), lambda *_: None)


@contextmanager
def a_death_at_each_file() -> Iterator[None]:
    """While this lasts, files are uploaded one by one, and a process may die before each."""
    send = addresses.send

    def one_by_one(remote: addresses.Remote, folder: Path, names: list[str], **how: float) -> None:
        for name in names:
            crash.point(f"upload {name}")
            send(remote, folder, [name], **how)

    addresses.send = one_by_one
    try:
        yield
    finally:
        addresses.send = send


def survives_every_death(address: Callable[[int], str], folder: Path) -> int:
    """Kill a worker between any two steps of sending a run; how many deaths that were.

    Whoever looks finds no run, or a whole one; the next worker on that machine makes it one; and when what was left
    is cleared, there is one attempt and nothing to send.
    """
    machine = {}

    def once(nth: int) -> None:
        play(address(nth), machine[nth])

    deaths = 0
    with a_death_at_each_file():
        machine[0] = folder / "0"
        object_store = with_plan(address(0), folder / "plan-0")
        for nth in every_death(once):
            before = object_store.run_ids()
            for run_id in before:
                object_store.fetch(run_id, folder / f"seen-{nth}")
            played = play(address(nth), machine[nth])
            assert not (played.played and before), "a run that was committed has been played again"
            assert object_store.run_ids() == {RUN.run_id}
            object_store.remove_lost_attempts([RUN.run_id])
            record = object_store.record(RUN.run_id)
            assert record is not None
            assert attempts(address(nth)) == {record.attempt}
            there = object_store.fetch(RUN.run_id, folder / f"there-{nth}")
            assert files(there) == files(commit(folder / f"again-{nth}", RUN.run_id))
            assert [path for path in (machine[nth] / "outbox").rglob("runs/*") if path.is_dir()] == []
            deaths = nth
            machine[nth + 1] = folder / str(nth + 1)
            object_store = with_plan(address(nth + 1), folder / f"plan-{nth + 1}")
    return deaths


def one_of_many_wins(address: str, folder: Path, many: int = 6) -> None:
    """Several machines commit copies of a run at once."""
    object_store = with_plan(address, folder / "plan")
    copies = [commit(folder / str(number), RUN.run_id) for number in range(many)]
    with ThreadPoolExecutor(many) as pool:
        won = list(pool.map(lambda copy: ObjectStore(address).commit(copy), copies))
    record = object_store.record(RUN.run_id)
    assert sorted(won) == [False] * (many - 1) + [True]
    assert record is not None
    assert attempts(address) == {record.attempt}


def attempts(address: str, run_id: str = RUN.run_id) -> set[str]:
    """What is at an address of attempts at a run."""
    import fsspec

    system, root = fsspec.core.url_to_fs(address)
    system.invalidate_cache()
    found = system.find(f"{root}/attempts/{run_id}")
    return {str(path).partition(f"/attempts/{run_id}/")[2].partition("/")[0] for path in found}


def files(run: Path) -> dict[str, bytes]:
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def main() -> None:
    """All of it on a server that speaks S3, and what that server must refuse."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    import fsspec

    fsspec.filesystem("s3").mkdir("bucket")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        deaths = survives_every_death(lambda nth: f"s3://bucket/deaths/{nth}", folder / "deaths")
        one_of_many_wins("s3://bucket/race", folder / "race", 16)
        server.stop()
        try:
            play("s3://bucket/race", folder / "late")
        except StoreError as error:
            sys.stdout.write(f"with the server gone: {error}\n")
    sys.stdout.write(f"{deaths} deaths and a race of 16 on {host}:{port}: nothing lost, nothing doubled\n")


if __name__ == "__main__":
    main()
