from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress

import carla
import psutil
import pytest

from av_synth.errors import DocumentError, LaunchError
from av_synth.launch import Address, launch_embedded, parse_address
from av_synth.launch.child_process import start_child


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with launch_embedded("AvSynth01", render_threads=1) as address:
        yield address


def test_a_launched_simulator_answers_a_client_and_is_alive(address):
    client = carla.Client(address.host, address.port)
    client.set_timeout(20.0)

    assert client.get_server_version() == client.get_client_version()
    assert address.why_gone() is None
    assert str(address) == f"127.0.0.1:{address.port}"


def test_who_asks_for_the_first_tick_tells_of_each_answer_and_ends_by_itself(address):
    process, pipe = start_child("av_synth.launch.first_tick", None)
    told = {}
    with pipe:
        pipe.send(address.port)
        while "tick" not in told:
            what, value = pipe.recv()
            told[what] = value

        assert process.wait(120.0) == 0
    assert told["version"] == carla.Client("127.0.0.1", address.port).get_client_version()
    assert "/AvSynth01_" in told["world"]
    assert told["tick"] > 0


def test_a_terminals_ctrl_c_which_all_of_its_processes_get_leaves_a_launched_simulator_to_its_parent(address):
    assert address.process is not None
    os.kill(address.process.pid, signal.SIGINT)

    client = carla.Client(address.host, address.port)
    client.set_timeout(20.0)
    assert client.get_server_version() == client.get_client_version()
    assert address.why_gone() is None


def test_two_at_once_have_ports_of_their_own_and_an_error_leaves_no_process_and_no_open_port_of_one(address):
    with suppress(ZeroDivisionError), launch_embedded("AvSynth01", render_threads=1) as other:
        assert len({address.port, address.port + 1, other.port, other.port + 1}) == 4
        assert all(is_open(each.host, each.port + more) for each in (address, other) for more in (0, 1))
        raise ZeroDivisionError

    assert other.process is not None
    assert other.why_gone().startswith("the simulator process was ended by signal")
    assert not psutil.pid_exists(other.process.pid)
    assert not any(is_open(other.host, other.port + more) for more in (0, 1))
    assert address.why_gone() is None
    assert is_open(address.host, address.port)


def test_a_profile_reaches_the_simulator_and_an_unknown_one_is_an_error_of_the_option():
    with launch_embedded("AvSynth01", render_threads=1, profile="ue4") as address:
        client = carla.Client(address.host, address.port)
        client.set_timeout(20.0)
        blueprints = [blueprint.id for blueprint in client.get_world().get_blueprint_library()]
    assert "vehicle.audi.a2" in blueprints
    assert "avsynth.simulator.facts" not in blueprints

    with (
        pytest.raises(DocumentError, match="--simulator: --profile: got 'ue5'; want native or ue4"),
        launch_embedded("AvSynth01", render_threads=1, profile="ue5"),
    ):
        pytest.fail("it was launched")


def test_a_killed_simulator_is_named_with_the_signal_and_leaving_the_context_still_works():
    with launch_embedded("AvSynth01", render_threads=1) as address:
        assert address.process is not None
        address.process.kill()

        assert (
            address.why_gone(wait_s=10.0)
            == "the simulator process was ended by signal 9 (SIGKILL; the kernel does that where memory runs out)"
        )


def test_a_simulator_ends_when_the_pipe_of_its_parent_closes():
    with launch_embedded("AvSynth01", render_threads=1) as address:
        assert address.process is not None
        assert address.process.stdin is not None
        address.process.stdin.close()

        assert address.why_gone(wait_s=10.0) == "the simulator process ended with exit status 0"
        assert not is_open(address.host, address.port)


def test_a_town_that_does_not_exist_is_a_launch_error_that_names_the_log_which_names_the_towns(tmp_path):
    log = tmp_path / "simulator.log"

    message = f"ended with exit status 2 before it was ready; its log is {re.escape(str(log))}"
    with pytest.raises(LaunchError, match=message), launch_embedded("Nowhere", log):
        pytest.fail("it was ready")

    assert "no town 'Nowhere'; want one of AvSynth01" in log.read_text()
    assert not [each for each in psutil.Process().children() if "Nowhere" in each.cmdline()]


def test_a_simulator_that_is_not_ours_is_never_said_to_be_gone():
    assert Address("127.0.0.1", 1).why_gone() is None


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:2000", "127.0.0.1", 2000), ("farm-7.example:65535", "farm-7.example", 65535), ("::1:1", "::1", 1)],
)
def test_host_and_port_are_read(text, host, port):
    assert parse_address(text) == Address(host, port)
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "localhost", "localhost:", ":2000", "2000"),
        *(
            "localhost:0",
            "localhost:65536",
            "localhost:70000",
            "localhost:-1",
            "localhost:+5",
            "localhost:" + "9" * 5000,
        ),
        *("localhost:port", "localhost:20oo", "localhost:2000.0", "localhost:0x50", "localhost:²", "localhost:٢٠٠٠"),
        *("localhost: 2000", "localhost:2000 ", "local host:2000", "http://localhost:2000", "localhost:2000\n"),
    ],
)
def test_what_is_no_address_is_a_document_error_that_says_what_it_wants(text):
    with pytest.raises(DocumentError, match=r"want HOST:PORT$") as caught:
        parse_address(text)

    assert str(caught.value).startswith("--simulator: got ")


def is_open(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0
