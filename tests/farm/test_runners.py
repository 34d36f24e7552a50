"""Workers of this machine, and of a Ray: all of them are heard, the dead are replaced, and none is left behind."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace

import grpc
import psutil
import pytest
from stand_in import planned, setting

from av_synth.errors import ConnectionLostError, DataError, DocumentError, LaunchError, UserError
from av_synth.farm.model import Committed, Job, Lost, Report, Runner, Slot, Started, WorkerSetting
from av_synth.farm.workers import ray_answers, ray_farm, ray_worker
from av_synth.farm.workers.local import FIRST_PAUSE_S, LocalRunner
from av_synth.farm.workers.ray_farm import RayRunner
from av_synth.farm.workers.ray_worker import Needs, RayWorker

LONG_S = 120.0  # nothing here takes so long, however busy the machine
Farm = Callable[..., Runner]
Clock = Callable[[], float]


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    """One private Ray for all tests; it starts slowly."""
    others = set(psutil.Process().children(recursive=True))
    with ray_farm.connected("local", 2):
        yield
        below = set(psutil.Process().children(recursive=True)) - others
    assert len(below) > 3
    assert not [one for one in below if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(params=["local", "ray"])
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Farm]:
    """Makes runners of `slots` workers with options of the stand-in, and closes them."""
    if request.param == "ray":
        request.getfixturevalue("ray")
    made: list[Runner] = []

    def make(slots: int, clock: Clock | None = None, **options: object) -> Runner:
        clocks = () if clock is None else (clock,)
        if request.param == "ray":
            made.append(RayRunner(on(tmp_path, **options), Needs(), slots, *clocks))
        else:
            made.append(LocalRunner([setting(tmp_path, slot, **options) for slot in range(slots)], *clocks))
        return made[-1]

    yield make
    for runner in made:
        runner.close()


def on(store: Path, **options: object) -> Callable[[int], WorkerSetting]:
    return lambda slot: setting(store, slot, **options)


def until(runner: Runner, done: Callable[[list[Report]], bool]) -> list[Report]:
    reports: list[Report] = []
    while not done(reports):
        new = runner.poll(LONG_S)
        assert new, f"nothing was told in {LONG_S:.0f} s"
        reports += new
    return reports


def some(kind: type[Report], count: int = 1) -> Callable[[list[Report]], bool]:
    return lambda reports: sum(isinstance(one, kind) for one in reports) >= count


def all_there(runner: Runner, count: int) -> None:
    """Wait for workers that are being started; they tell nothing."""
    while len(runner.slots()) < count:
        assert list(runner.poll(0.1)) == []


def started(runner: Runner, slot: int, number: int) -> list[psutil.Process]:
    """Give a job; the processes of its worker, which hangs."""
    runner.start(slot, Job(planned(number), 1))
    (report,) = (one for one in until(runner, some(Started)) if isinstance(one, Started))
    assert (report.slot, report.run_id, report.attempt) == (slot, planned(number).run_id, 1)
    return [psutil.Process(pid) for pid in report.pids]


def ended_all(processes: list[psutil.Process]) -> bool:
    """Whether none of them is left, which may take the kernel and Ray a moment."""
    for _ in range(int(10 * LONG_S)):
        left = [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
        if not left:
            return True
        psutil.wait_procs(left, timeout=0.1)
    return False


def test_each_worker_plays_what_it_was_given_and_all_are_heard(farm):
    runner = farm(2)
    all_there(runner, 2)
    assert runner.slots() == [Slot(slot, os.uname().nodename) for slot in (0, 1)]
    for slot in (0, 1):
        runner.start(slot, Job(planned(slot), 1))
    assert [slot.run_id for slot in runner.slots()] == [planned(0).run_id, planned(1).run_id]

    reports = until(runner, some(Committed, 2))

    assert {(one.slot, one.run_id) for one in reports if isinstance(one, Committed)} == {
        (slot, planned(slot).run_id) for slot in (0, 1)
    }
    assert [(slot.run_id, slot.affinity) for slot in runner.slots()] == [(None, ("Town01", "tiny.yaml"))] * 2
    assert list(runner.poll(0.0)) == []


def test_a_worker_that_is_killed_is_lost_and_another_plays_in_its_slot(farm):
    runner = farm(1, runs={planned(0).run_id: {"do": "hang", "attempts": 1}}, child=["cat"])
    processes = started(runner, 0, 0)
    processes[0].kill()

    lost = until(runner, some(Lost))[-1]

    assert isinstance(lost, Lost)
    assert (lost.slot, lost.run_id, lost.machine) == (0, planned(0).run_id, os.uname().nodename)
    assert ended_all(processes)
    all_there(runner, 1)
    runner.start(0, Job(planned(0), 2))
    assert isinstance(until(runner, some(Committed))[-1], Committed)


def test_a_slot_that_is_killed_tells_nothing_of_its_job_and_is_free_again(farm):
    runner = farm(1, runs={planned(0).run_id: {"do": "hang"}}, child=["cat"])
    processes = started(runner, 0, 0)
    for process in reversed(processes):  # what is stopped has to end too
        process.suspend()

    runner.kill(0)

    assert ended_all(processes)
    all_there(runner, 1)
    assert runner.slots() == [Slot(0, os.uname().nodename)]
    runner.start(0, Job(planned(1), 1))
    assert {one.run_id for one in until(runner, some(Committed))} == {planned(1).run_id}


def test_workers_that_die_one_after_the_other_with_nothing_done_are_replaced_ever_later(tmp_path):
    now = 0.0
    runner = LocalRunner([setting(tmp_path, open={"do": "exit"})], lambda: now)
    waited = []
    for attempt in range(4):
        runner.start(0, Job(planned(0), attempt + 1))
        until(runner, some(Lost))
        before = now
        while not runner.slots():
            now += FIRST_PAUSE_S / 2.0
        waited.append(now - before)
    runner.close()
    assert waited == [0.0, FIRST_PAUSE_S, 2.0 * FIRST_PAUSE_S, 4.0 * FIRST_PAUSE_S]


def test_a_worker_of_a_cluster_that_dies_at_its_first_job_has_worked_if_its_player_was_open(ray, tmp_path):
    runner = RayRunner(on(tmp_path, runs={planned(0).run_id: {"do": "exit"}}), Needs(), 1)
    for attempt in (1, 2):
        all_there(runner, 1)
        runner.start(0, Job(planned(0), attempt))
        until(runner, some(Lost))
    assert runner._in_vain == {0: 0}
    runner.close()


def test_nothing_is_left_when_it_is_closed_twice_with_a_job_in_hand(farm):
    runner = farm(2, runs={planned(0).run_id: {"do": "hang"}}, child=["cat"])
    all_there(runner, 2)
    for slot in (0, 1):
        runner.start(slot, Job(planned(slot), 1))
    reports = until(runner, lambda told: some(Started, 2)(told) and some(Committed)(told))
    processes = [psutil.Process(pid) for one in reports if isinstance(one, Started) for pid in one.pids]
    runner.close()
    runner.close()
    assert runner.slots() == []
    assert len(processes) == 4
    assert ended_all(processes)


def test_an_actor_that_is_killed_is_a_lost_worker_and_nothing_of_it_is_left(ray, tmp_path):
    with closing(RayRunner(on(tmp_path, runs={"*": {"do": "hang"}}, child=["cat"]), Needs(), 1)) as runner:
        processes = started(runner, 0, 0)
        processes[0].parent().kill()

        (lost,) = until(runner, some(Lost))

        assert isinstance(lost, Lost)
        assert (lost.slot, lost.run_id, lost.machine) == (0, planned(0).run_id, os.uname().nodename)
        assert "worker process has died" in lost.why
        assert ended_all(processes)
        all_there(runner, 1)


def test_a_ray_that_has_lost_its_last_machine_is_not_waited_for(ray, tmp_path, monkeypatch):
    import ray as library

    now = 0.0
    with closing(RayRunner(on(tmp_path), Needs(), 1, lambda: now)) as runner:
        monkeypatch.setattr(library, "nodes", lambda: [{"Alive": False, "Resources": {"CPU": 2.0}}])
        now += ray_farm.COUNT_EVERY_S
        with pytest.raises(ConnectionLostError, match="Ray has no machine left; start it again, and the same command"):
            runner.poll(0.0)


def test_there_are_as_many_workers_as_the_cluster_has_room_for_and_none_where_there_is_no_room(ray, tmp_path):
    with closing(RayRunner(on(tmp_path), Needs(cpus=0.5))) as runner:
        all_there(runner, 4)
        assert [slot.number for slot in runner.slots()] == [0, 1, 2, 3]

    with pytest.raises(UserError, match=r"no machine of the cluster has {'CPU': 99}; .*--workers N"):
        RayRunner(on(tmp_path), Needs(cpus=99))
    with pytest.raises(LaunchError, match=r"no worker after 0 s; want machines that have {'CPU': 99} free"):
        RayRunner(on(tmp_path), Needs(cpus=99), 1, patience_s=0.0)


def test_a_worker_takes_a_share_of_a_gpu_and_a_carla_slot_where_a_machine_has_some():
    needs = Needs(cpus=3.0, gpus=0.5, memory_bytes=6 << 30, carla=True)
    plain = {"CPU": 3.0, "GPU": 0.5, "memory": float(6 << 30)}

    assert needs.resources([{"CPU": 8.0}]) == plain
    assert needs.resources([{"CPU": 8.0}, {"CPU": 8.0, "carla_slot": 2.0}]) == plain | {"carla_slot": 1.0}
    assert Needs().resources([{"CPU": 8.0, "carla_slot": 2.0}]) == {"CPU": 1.0}


def test_where_no_worker_can_start_it_says_on_which_machine_and_why(ray, tmp_path, monkeypatch):
    (tmp_path / "logs").write_text("a file, so that there is no folder for the worker's log")
    with pytest.raises(LaunchError, match=r"no worker could be started.*worker 0: cannot be started: Not a directory"):
        RayRunner(on(tmp_path), Needs(), 1)

    monkeypatch.setattr(ray_farm, "__version__", "0.0.0")
    with pytest.raises(LaunchError, match=rf"on {os.uname().nodename}: has av_synth .*; want 0\.0\.0, as here"):
        RayRunner(on(tmp_path / "other"), Needs(), 1)


def test_what_a_worker_tells_stays_small_enough_for_a_message(tmp_path, monkeypatch):
    place = RayWorker(setting(tmp_path))
    try:
        place.give(Job(planned(0), 1))
        monkeypatch.setattr(ray_worker, "MOST_BYTES", 10)
        with pytest.raises(DataError, match=r"told \d+ bytes at once; want 10 at most"):
            place.poll(LONG_S)
    finally:
        place.close()


@pytest.mark.parametrize("address", ["", "remote", "host:", "host:0", "host:65536", "http://host:8265", "ray://host"])
def test_an_address_of_no_ray_is_a_mistake(address):
    with pytest.raises(DocumentError, match=r"--ray: got .*; want local, auto, HOST:PORT or ray://HOST:PORT"):
        ray_farm.connected(address, 1).__enter__()


def test_where_nobody_listens_it_says_so_at_once():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
        with pytest.raises(UserError, match=rf"--ray {address}: nobody answers there"):
            ray_farm.connected(address, 1).__enter__()


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_where_somebody_listens_and_says_nothing_it_gives_up_in_seconds(scheme, monkeypatch):
    assert ray_answers.REACH_S + ray_answers.ANSWER_S <= 15.0
    monkeypatch.setattr(ray_answers, "ANSWER_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"{scheme}127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(UserError, match=rf"--ray {address}: what listens there .*; want HOST:PORT of a cluster"):
            ray_farm.connected(address, 1).__enter__()


def test_where_somebody_else_answers_it_says_that_this_is_no_ray():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            with suppress(OSError):  # the listener is closed
                while True:
                    listener.accept()[0].sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

        threading.Thread(target=greet, daemon=True).start()
        with pytest.raises(UserError, match="what listens there does not speak Ray's protocol"):
            ray_farm.connected(f"127.0.0.1:{listener.getsockname()[1]}", 1).__enter__()
        listener.shutdown(socket.SHUT_RDWR)

    other = grpc.server(ThreadPoolExecutor(1))
    port = other.add_insecure_port("127.0.0.1:0")
    other.start()
    with pytest.raises(UserError, match="what listens there speaks Ray's protocol, but has no such service"):
        ray_farm.connected(f"127.0.0.1:{port}", 1).__enter__()
    other.stop(None).wait()


def test_a_ray_is_known_when_it_answers(ray):
    import ray as library

    host, _, port = library.get_runtime_context().gcs_address.rpartition(":")
    ray_answers.expect_ray(f"{host}:{port}", host, int(port))
    with pytest.raises(UserError, match=r"has no such service.*ray://HOST:PORT of its client server"):
        ray_answers.expect_ray(f"ray://{host}:{port}", host, int(port))


def test_without_ray_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'av-synth\[farm\]'"):
        ray_farm.connected("local", 1).__enter__()


def test_a_private_ray_that_does_not_get_ready_in_time_is_started_again_twice(tmp_path, monkeypatch):
    fake = """
from pathlib import Path
tried = Path(__file__).with_name("tried")
def init(**options):
    with tried.open("a") as file:
        file.write(options["address"] + "\\n")
    raise Exception("The current node\\ntimed out during startup.")
def shutdown():
    pass
"""
    (tmp_path / "ray.py").write_text(fake)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]))
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())  # here it comes to no call

    with pytest.raises(UserError, match="no Ray could be started: The current node timed out during startup"):
        ray_farm.connected("local", 1).__enter__()

    assert (tmp_path / "tried").read_text() == "local\n" * 3
