"""A CARLA that is started, and fails in every way that it can, played by a stand-in with its command line."""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import signal
import socket
import stat
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import carla
import psutil
import pytest

from av_synth.errors import (
    ConnectionLostError,
    DocumentError,
    LaunchError,
    MachineError,
    PortTakenError,
    StalledError,
)
from av_synth.launch import ready
from av_synth.launch.carla import launch_carla
from av_synth.launch.carla_spec import CarlaSpec, spec_from
from av_synth.launch.choose import simulator_at
from av_synth.launch.gpu import gpus_of, need_gpu
from av_synth.launch.guard import running
from av_synth.launch.ports import lease_block
from av_synth.launch.stall import Patience
from av_synth.run import RunResult, RunSpec
from av_synth.run.attempt import attempt
from av_synth.run.generate import plan
from tests.launch import stand_in_carla
from tests.launch.processes import parent, still_there, watched


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stand_in_carla.unpack(tmp_path_factory.mktemp("carla"))


@pytest.fixture(scope="module")
def run() -> RunSpec:
    planned = plan("pedestrian_runs_out", None, 0, {})
    return RunSpec(replace(planned.scenario, duration_s=0.5), None)


def spec(folder: Path, *faults: str, **more: object) -> CarlaSpec:
    return spec_from({"carla": str(folder), "arguments": [f"-stand-in-{fault}" for fault in faults], **more})


def impatient() -> float:
    """A clock that has leapt beyond every deadline whenever it is read again."""
    return next(LEAPS)


LEAPS = itertools.count(step=100.0)


def refused(spec: CarlaSpec, log: Path, error: type[LaunchError] = LaunchError, **more: object) -> str:
    """What launching it fails with; nothing is left of it."""
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    with pytest.raises(error) as caught, launch_carla(spec, log, **more):
        pytest.fail("it was ready")
    assert type(caught.value) is error
    assert {each.pid for each in psutil.Process().children(recursive=True)} <= before
    return str(caught.value)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_is_found_by_the_option_listens_on_leased_ports_and_answers_a_client(folder, tmp_path):
    with simulator_at(f"carla:{folder}", tmp_path / "log") as address:
        client = carla.Client(address.host, address.port)
        client.set_timeout(60.0)
        assert client.get_server_version() == "0.9.16"
        assert address.launched == "carla 0.9.16 Epic"
        assert address.why_gone() is None
        assert is_open(address.port + 1)
        with lease_block() as other:
            assert other.first != address.port
        (program,) = running(address.process)
        assert program.cmdline()[1:4] == [
            str(folder / stand_in_carla.BINARY),
            "CarlaUE4",
            f"-carla-rpc-port={address.port}",
        ]

        os.kill(program.pid, signal.SIGSEGV)
        assert address.why_gone(wait_s=60.0) == "the simulator process was ended by signal 11 (SIGSEGV)"
    assert not is_open(address.port)
    assert not is_open(address.port + 1)
    assert (tmp_path / "log").read_text().startswith(stand_in_carla.SAYS_FIRST)


def test_one_that_ignores_sigterm_is_killed_with_what_it_started_and_its_ports_are_free_again(folder, tmp_path):
    with launch_carla(spec(folder, "stubborn"), tmp_path / "log", grace_s=0.1) as address:
        assert address.process is not None
        handles = [os.pidfd_open(each.pid) for each in running(address.process)]
        assert len(handles) == 3
    assert address.process.returncode == -signal.SIGKILL
    assert not is_open(address.port)
    for handle in handles:
        with pytest.raises(ProcessLookupError):
            signal.pidfd_send_signal(handle, 0)
        os.close(handle)


def test_a_port_that_a_stranger_took_is_left_to_him_and_the_next_block_is_used(folder, tmp_path, monkeypatch):
    strangers = []

    def start_behind_a_stranger(starting: ready.Starting, *args: object, **more: object) -> str:
        if not strangers:
            strangers.append(socket.create_server(("127.0.0.1", starting.port)))
        return ready.wait_until_ready(starting, *args, **more)

    monkeypatch.setattr("av_synth.launch.carla.wait_until_ready", start_behind_a_stranger)
    with launch_carla(spec(folder), tmp_path / "log") as address, strangers[0] as stranger:
        taken = stranger.getsockname()[1]
        assert address.port > taken
        assert is_open(taken)
    assert not is_open(address.port)


def test_when_strangers_take_every_port_it_gives_up_and_says_who(folder, tmp_path, monkeypatch):
    def behind_a_stranger(starting: ready.Starting, *args: object, **more: object) -> str:
        with socket.create_server(("127.0.0.1", starting.port)):
            return ready.wait_until_ready(starting, *args, **more)

    monkeypatch.setattr("av_synth.launch.carla.wait_until_ready", behind_a_stranger)

    said = refused(spec(folder, "hang"), tmp_path / "log", PortTakenError)
    assert re.fullmatch(rf"port [0-9]+ was free, and now process {os.getpid()} listens there", said)


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_when_whoever_started_it_is_killed_nothing_is_left_not_even_a_lease(folder, tmp_path, stopped):
    starts = (
        "from pathlib import Path\n"
        "from av_synth.launch.carla import launch_carla\n"
        "from av_synth.launch.carla_spec import spec_from\n"
        f"spec = spec_from({{'carla': {str(folder)!r}, 'arguments': ['-stand-in-stubborn', '-stand-in-deaf']}})\n"
        "tells = lambda: print('looks', flush=True) or 0.0\n"
        f"with launch_carla(spec, Path({str(tmp_path)!r}) / 'log', clock=tells): pass\n"
    )
    with parent(starts) as process:
        asked: list[int] = []  # ports; who asks there has begun, and so it is bound to its parent
        while not asked:
            assert process.stdout is not None
            assert process.stdout.readline() == "looks\n"
            below = {each.pid for each in psutil.Process(process.pid).children(recursive=True)}
            asked = [each.raddr.port for each in psutil.net_connections("tcp") if each.raddr and each.pid in below]
        with watched(*below) as handles:
            for pid in below if stopped else ():
                os.kill(pid, signal.SIGSTOP)
            process.kill()

            assert still_there(handles) == []
    lease = os.open(Path(tempfile.gettempdir()) / f"av_synth-ports-{os.getuid()}" / str(asked[0]), os.O_RDWR)
    fcntl.flock(lease, fcntl.LOCK_EX)  # waits for the last process that has inherited it
    os.close(lease)


@pytest.mark.parametrize(
    ("text", "error", "advice"),
    [
        (stand_in_carla.OUT_OF_MEMORY, MachineError, "the GPU's memory is full: run fewer simulators on it"),
        ("Cannot find a compatible Vulkan driver (ICD).", MachineError, "there is no Vulkan driver: install the GPU's"),
        ("Refusing to run with the root privileges.", MachineError, "Unreal does not run as root: start it as another"),
        ("with error VK_ERROR_DEVICE_LOST", LaunchError, "the GPU's driver was lost"),
        ("bind: Address already in use", PortTakenError, "somebody else took one of its ports"),
        ("Malloc Size=65538", LaunchError, "its log "),
    ],
)
def test_one_that_ends_at_once_is_told_with_what_its_log_says_and_what_to_do(folder, tmp_path, text, error, advice):
    log = tmp_path / "log"
    log.write_text("Refusing to run with the root privileges.\n")  # of another start

    said = refused(spec(folder, f"crash={text}"), log, error)
    assert "CARLA was ended by signal 11 (SIGSEGV) before it was ready" in said
    assert advice in said
    whole = f"{stand_in_carla.SAYS_FIRST}{text}\nSignal 11 caught."
    assert said.endswith("\n  ".join([f"its log {log} ends with", *whole.splitlines()]))


def test_one_that_never_listens_is_given_up_at_the_deadline(folder, tmp_path):
    said = refused(spec(folder, "hang"), tmp_path / "log", clock=impatient)

    assert re.match("CARLA in 180 s has not listened on port [0-9]+; ", said)


def test_one_that_listens_elsewhere_is_found_out(folder, tmp_path, monkeypatch):
    elsewhere = threading.Event()
    others = set(psutil.Process().children(True))
    monkeypatch.setattr(ready, "_listens", lambda server: elsewhere.set() or False)

    def clock() -> float:
        """Until it does, on both of its ports."""
        below = set(psutil.Process().children(True)) - others if elsewhere.is_set() else set()
        return 1000.0 if len(ready.listens_on({each.pid for each in below})) == 2 else 0.0

    said = refused(spec(folder, "elsewhere"), tmp_path / "log", clock=clock)

    port, others = re.match(
        "CARLA in 180 s has not listened on port ([0-9]+); it listens on ([0-9, ]+); ", said
    ).groups()
    assert others == f"{int(port) + 4}, {int(port) + 5}"


def test_one_that_listens_and_never_answers_is_given_up_at_the_deadline(folder, tmp_path):
    asked = threading.Event()

    def clock() -> float:
        return impatient() if asked.is_set() else 0.0

    start_child = ready.start_child
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ready, "start_child", lambda *of: asked.set() or start_child(*of))
        said = refused(spec(folder, "deaf"), tmp_path / "log", clock=clock)

    assert said.startswith("CARLA in 180 s has not told its version; ")


def test_one_of_another_version_is_named_with_the_one_that_is_wanted(folder, tmp_path):
    said = refused(spec(folder, "version=0.9.15"), tmp_path / "log", MachineError)

    assert re.fullmatch(
        r"the server on port [0-9]+ is CARLA '0\.9\.15'; want 0\.9\.16, the version of the client", said
    )


def test_a_client_that_dies_while_it_asks_is_replaced(folder, tmp_path, monkeypatch):
    started = []
    start_child = ready.start_child

    def short_lived(*of: object) -> object:
        started.append(start_child(*of))
        if len(started) == 1:
            started[0][0].kill()
        return started[-1]

    monkeypatch.setattr(ready, "start_child", short_lived)
    said = refused(spec(folder, "version=0.9.15"), tmp_path / "log", MachineError)

    assert "is CARLA '0.9.15'" in said
    assert len(started) == 2


def test_a_folder_that_is_not_there_is_a_document_error(tmp_path):
    with pytest.raises(DocumentError, match="there is no "), launch_carla(spec(tmp_path / "none"), tmp_path / "log"):
        pytest.fail("it was started")


@pytest.mark.long
def test_one_that_crashes_in_a_tick_costs_the_attempt_only(folder, tmp_path, run):
    with launch_carla(spec(folder, "crash-at=30"), tmp_path / "log") as address:
        with pytest.raises(ConnectionLostError, match=r"the simulator process was ended by signal 11 \(SIGSEGV\)"):
            attempt(run, address, tmp_path)
        assert address.process is not None
        assert running(address.process) == []


@pytest.mark.long
def test_one_that_is_stuck_in_a_tick_is_found_out(folder, tmp_path, run):
    with (
        launch_carla(spec(folder, "stuck-at=30"), tmp_path / "log") as address,
        pytest.raises(StalledError, match="has not got beyond frame "),
    ):
        attempt(run, address, tmp_path, patience=Patience(tick_s=5.0))


@pytest.mark.long
def test_one_that_leaks_grows_as_long_as_it_plays(folder, tmp_path, run):
    with launch_carla(spec(folder, f"leak={10**7}"), tmp_path / "log") as address:
        assert address.process is not None
        before = sum(each.memory_info().rss for each in running(address.process))
        played = attempt(run, address, tmp_path)
        grown = sum(each.memory_info().rss for each in running(address.process)) - before

    assert isinstance(played, RunResult)
    assert grown > len(played.state_hashes) * 10**7


SMI = """#!/bin/sh
echo '<nvidia_smi_log><gpu id="0"><processes>
<process_info><pid>11</pid></process_info><process_info><pid>12</pid></process_info></processes></gpu>
<gpu id="1"><processes><process_info><pid>12</pid></process_info></processes></gpu></nvidia_smi_log>'
"""


def test_a_program_on_another_gpu_than_it_was_given_is_refused(tmp_path, monkeypatch):
    program(tmp_path / "nvidia-smi", SMI)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert [gpus_of({pid}) for pid in (11, 12, 13)] == [{0}, {0, 1}, set()]
    need_gpu(1, {12})
    need_gpu(0, {11})
    need_gpu(1, {13})  # in a container's own numbering nothing is known
    with pytest.raises(MachineError, match="was to be on GPU 1 and is on 0, as nvidia-smi counts them; "):
        need_gpu(1, {11})


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 9\n", "#!/bin/sh\necho no devices\n"])
def test_where_nvidia_smi_says_nothing_nothing_is_known(tmp_path, monkeypatch, text):
    program(tmp_path / "nvidia-smi", text)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert gpus_of({os.getpid()}) == set()


def test_a_container_is_removed_by_its_name_before_and_after(tmp_path, monkeypatch):
    said = tmp_path / "said"
    program(
        tmp_path / "docker",
        f'#!/bin/sh\necho "$@" >> {said}\n[ "$1" = rm ] || {{ echo "No such image: carla"; exit 125; }}\n',
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    told = refused(CarlaSpec(carla="docker:carla", gpu=0), tmp_path / "log", MachineError)

    assert "CARLA ended with exit status 125 before it was ready: the image is not on this machine: pull it" in told
    before, started, *after = said.read_text().splitlines()
    name = re.search("--name (av-synth-[0-9]+-[0-9]+) ", started)[1]
    assert started.startswith("run --rm ")
    assert {before, *after} == {f"rm --force {name}"}
    assert after


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(stat.S_IRWXU)
