"""What an earlier driver left behind is ended by the next; what has a driver that lives, or is nobody's, is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fake_farm import FakeFarm

from av_synth.farm.dispatch.driver import drive
from av_synth.farm.dispatch.policy import Rules
from av_synth.farm.records.journal import read_journal
from av_synth.farm.workers import orphans

Process = subprocess.Popen[bytes]


@pytest.fixture
def left() -> Iterator[list[Process]]:
    """Processes of this test's driver, of one that is gone, of one of another container, and of nobody."""
    gone = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    gone.wait()
    space, pid, began = orphans._name(os.getpid()).split()
    names = (f"{space} {pid} {began}", f"{space} {gone.pid} 1", f"{space} {pid} {int(began) - 1}", "pid:[1] 1 1", None)
    with ExitStack() as ended:
        yield [ended.enter_context(_waiting(name)) for name in names]


def _waiting(name: str | None, *arguments: str) -> Process:
    environment = {} if name is None else {orphans.DRIVER: name}
    command = [sys.executable, "-I", "-S", "-c", "import sys; print(flush=True); sys.stdin.read()", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_driver_ends_what_one_that_is_gone_left_behind_and_says_how_much_it_was(left, tmp_path, monkeypatch):
    monkeypatch.setattr(orphans, "ENDING_S", 0.0)  # none of them is about to end

    drive([], tmp_path, FakeFarm(tmp_path), Rules())

    assert [process.poll() is None for process in left] == [True, False, False, True, True]
    (opened,) = (event for event in read_journal(tmp_path) if event["event"] == "opened")
    assert opened["orphans"] >= 2  # on this machine


def test_a_caretaker_is_no_orphan_however_long_it_takes(monkeypatch):
    monkeypatch.setattr(orphans, "ENDING_S", 0.0)
    gone = f"{orphans._space()} {os.getpid()} 1"
    with _waiting(gone, "av_synth.launch.caretaker") as caretaker:
        orphans.kill()
        assert caretaker.poll() is None


def test_what_a_driver_starts_says_whose_it_is(monkeypatch):
    monkeypatch.setenv(orphans.DRIVER, "of another")

    orphans.mark()

    assert os.environ[orphans.DRIVER] == orphans._name(os.getpid())
    assert "gone" not in os.environ[orphans.DRIVER]
