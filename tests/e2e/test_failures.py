"""What happens when the simulator dies, and what a user is told."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest


@pytest.mark.parametrize("when", ["while the first frames are made", "in the middle"])
def test_a_simulator_that_dies_is_one_message_exit_status_one_and_nothing_kept(tmp_path, when):
    process = start_run(tmp_path, stderr=subprocess.PIPE)
    simulator = wait_for_child(process.pid, "av_synth.simulator")
    turns = 1 if when == "while the first frames are made" else 20
    wait_for(lambda: len(list((tmp_path / "staging").glob("*/blobs/LIDAR_TOP/*"))) >= turns)
    simulator.kill()
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 1, stderr
    assert "error: " in stderr
    assert "was ended by signal 9" in stderr
    assert "Traceback" not in stderr
    assert not list((tmp_path / "runs").glob("*"))
    assert not [path for path in (tmp_path / "staging").rglob("*") if path.is_file()]


def test_a_killed_command_leaves_no_simulator_and_no_run(tmp_path):
    process = start_run(tmp_path, stderr=subprocess.DEVNULL)
    simulator = wait_for_child(process.pid, "av_synth.simulator")
    wait_for(lambda: any((tmp_path / "staging").glob("*/blobs/LIDAR_TOP/*")))
    process.kill()
    process.wait()

    psutil.wait_procs([simulator], timeout=10)
    assert not simulator.is_running()
    assert not list((tmp_path / "runs").glob("*"))


def start_run(out: Path, stderr: int) -> subprocess.Popen[str]:
    # its own process: a carla client whose server died cannot be used again in the same one
    command = [sys.executable, "-m", "av_synth.cli", "run", "cut_in_wet", "--rig", "tiny", "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, text=True)


def wait_for_child(pid: int, module: str) -> psutil.Process:
    found: list[psutil.Process] = []

    def look() -> bool:
        found[:] = [
            child for child in psutil.Process(pid).children() if any(module in part for part in child.cmdline())
        ]
        return bool(found)

    wait_for(look)
    return found[0]


def wait_for(condition, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
