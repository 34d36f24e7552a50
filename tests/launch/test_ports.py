from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from av_synth.errors import PortTakenError
from av_synth.launch import ports
from av_synth.launch.ports import SIZE, lease_block, listeners, listens_on

FIRST = 21_000 + os.getpid() % 700 * 16
HOLDS = "import sys, signal; print('held', flush=True); signal.pause()"


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that no other process of tests on this machine tries at the same time."""
    monkeypatch.setattr(ports, "_FIRST", FIRST)


def test_two_blocks_at_once_have_no_port_in_common_and_one_that_is_given_back_is_leased_again(tmp_path):
    with lease_block(tmp_path) as one, lease_block(tmp_path) as other:
        assert abs(one.first - other.first) >= SIZE
        assert list(one.of_carla) == [one.first, one.first + 1, one.first + 2]
        assert one.name == f"av-synth-{os.getuid()}-{one.first}"
    with lease_block(tmp_path) as again:
        assert again.first == one.first


def test_blocks_lie_below_the_ports_that_the_kernel_takes_by_itself(tmp_path, monkeypatch):
    for text, below in [(f"{FIRST + 99} 60999", FIRST + 99), ("1024 65535", 32_768), ("", 32_768)]:
        (tmp_path / "range").write_text(text)
        monkeypatch.setattr(ports, "_RANGE", tmp_path / "range")
        assert ports._below() == below


@pytest.mark.parametrize("offset", range(SIZE))
def test_a_block_in_which_somebody_listens_is_passed_over(tmp_path, offset):
    with lease_block(tmp_path) as block:
        first = block.first
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", first + offset))
        stranger.listen()

        with lease_block(tmp_path) as other:
            assert other.first > first
        assert os.getpid() in listeners(first + offset)
        assert first + offset in listens_on({os.getpid()})
    assert listeners(first + offset) == set()


def test_a_lease_lasts_as_long_as_anybody_has_it_and_ends_with_him_however_he_ends(tmp_path):
    with lease_block(tmp_path) as block:
        first = block.first
        heir = subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE, pass_fds=[block.lease])
        stranger = subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE)
    for process in (heir, stranger):
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
    with lease_block(tmp_path) as other:
        assert other.first > first

    heir.kill()
    heir.communicate()
    with lease_block(tmp_path) as again:
        assert again.first == first
    stranger.kill()
    stranger.communicate()


def test_where_no_block_is_left_this_is_said(tmp_path, monkeypatch):
    (tmp_path / "range").write_text(f"{FIRST + 2 * SIZE + 1} 60999")
    monkeypatch.setattr(ports, "_RANGE", tmp_path / "range")
    message = f"all blocks of 8 ports from {FIRST} to {FIRST + SIZE} are taken"

    with lease_block(tmp_path), lease_block(tmp_path), pytest.raises(PortTakenError, match=message):
        lease_block(tmp_path).__enter__()


def test_a_folder_for_leases_that_is_somebody_elses_is_not_used(tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(PortTakenError, match="belongs to somebody else"), lease_block(tmp_path / "link"):
        pytest.fail("it was used")

    monkeypatch.setattr(os, "getuid", lambda: Path(tmp_path).stat().st_uid + 1)
    with pytest.raises(PortTakenError, match="belongs to somebody else"), lease_block(tmp_path):
        pytest.fail("it was used")
