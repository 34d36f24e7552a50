"""Processes that are killed for real: nothing that they started is left, stopped or not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from av_synth.launch.child_process import python
from av_synth.launch.guard import end_guarded, running, start_guarded
from tests.launch.processes import LIMIT_S, parent, pids, still_there, watched

# a child of ours that says who it is, and then does nothing, not even see its pipe close
IDLE = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
# a foreign program: it, its child, and the child of that in a session of its own say who they are; all ignore SIGTERM
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0 and os.fork() == 0:
    os.setsid()
os.write(1, b"%d\\n" % os.getpid())
while True:
    time.sleep(1000)
"""


@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_a_child_ends_with_a_parent_that_was_killed(stopped):
    starts = f"import subprocess\nfrom av_synth.launch.child_process import python\nsubprocess.Popen(python({IDLE!r}))"
    with parent(starts) as process, watched(*pids(process, 1)) as handles:
        (child,) = handles
        if stopped:
            os.kill(child, signal.SIGSTOP)
        process.kill()

        assert still_there(handles) == []


def test_a_child_that_another_thread_started_outlives_the_thread_and_ends_with_the_process_though_it_is_stopped():
    sees_to_it = "import os; print(flush=True); os.read(0, 1); print(os.getpid(), flush=True); os.read(0, 1)"
    starts = (
        "import subprocess, threading\n"
        "from av_synth.launch.child_process import python\n"
        "def start():\n"
        "    global child\n"
        f"    command = python({sees_to_it!r})\n"
        "    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)\n"
        "    child.stdout.readline()\n"
        "thread = threading.Thread(target=start)\n"
        "thread.start(), thread.join()\n"
        "child.stdin.write(b'!')\n"
        "print(child.stdout.readline().decode(), end='', flush=True)\n"
    )
    with parent(starts) as process, watched(*pids(process, 1)) as handles:
        (child,) = handles
        os.kill(child, signal.SIGSTOP)
        process.kill()

        assert still_there(handles) == []


def test_a_child_whose_parent_has_gone_already_does_nothing():
    code = f"from av_synth.launch.tree import die_with_parent; die_with_parent({os.getpid()}, 9); print('done')"
    grandchild = [
        "-c",
        f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {code!r}]).returncode)",
    ]

    ours = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    not_ours = subprocess.run([sys.executable, *grandchild], capture_output=True, text=True, check=False)
    assert (ours.returncode, ours.stdout) == (0, "done\n")
    assert (not_ours.returncode, not_ours.stdout) == (1, "")


def test_an_heir_whose_parent_is_killed_while_it_starts_still_does_its_work(tmp_path):
    told = tmp_path / "told"
    starts = (
        "import os, signal\n"
        f"os.environ['PYTHONPATH'] = {str(Path(__file__).parents[2])!r}\n"
        "from av_synth.launch.child_process import start_child\n"
        "process, pipe = start_child('tests.launch.heir', None, heir=True)\n"
        "os.kill(process.pid, signal.SIGSTOP)\n"
        f"pipe.send({str(told)!r})\n"
        "print(process.pid, flush=True)\n"
    )
    with parent(starts) as process, watched(*pids(process, 1)) as handles:
        (heir,) = handles
        process.kill()
        process.wait()
        os.kill(heir, signal.SIGCONT)

        assert still_there(handles) == []
    assert told.read_text() == "done"


def test_what_is_asked_to_end_at_once_is_told_so_only_from_the_main_thread():
    assert python("pass")[-1].endswith(f"die_with_parent({os.getpid()}, {int(signal.SIGKILL)}); pass")
    assert python("pass", abrupt=False)[-1].endswith(f"die_with_parent({os.getpid()}, {int(signal.SIGCONT)}); pass")


@pytest.mark.parametrize("killed", ["parent", "outer guard", "inner guard", "program"])
@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_of_a_guarded_program_nothing_is_left_whoever_is_killed(killed, stopped):
    starts = (
        "import sys\n"
        "from av_synth.launch.guard import start_guarded\n"
        f"guard = start_guarded([sys.executable, '-c', {STUBBORN!r}], 1)\n"
        "print(guard.pid, flush=True)\n"
    )
    with parent(starts) as process:
        said = pids(process, 4)
        (outer,) = psutil.Process(process.pid).children()
        (inner,) = outer.children()
        (program,) = inner.children()
        assert {outer.pid, program.pid, *(each.pid for each in program.children(recursive=True))} == set(said)
        with watched(inner.pid, *said) as handles:
            who = {"parent": process.pid, "outer guard": outer.pid, "inner guard": inner.pid, "program": program.pid}
            if stopped:
                for pid in {*handles} - {who[killed]} - ({outer.pid} if killed != "parent" else set()):
                    os.kill(pid, signal.SIGSTOP)
            os.kill(who[killed], signal.SIGKILL)
            if stopped and killed == "program":  # nobody tells a stopped guard; the end of ours does
                process.kill()

            assert still_there(handles) == []


def test_a_guarded_program_ends_with_its_parent_though_a_fork_of_that_holds_the_pipe():
    starts = (
        "import os, sys\n"
        "from av_synth.launch.guard import start_guarded\n"
        f"guard = start_guarded([sys.executable, '-c', {IDLE!r}], 1)\n"
        "os.fork() or print(os.getpid(), flush=True)\n"
    )
    with parent(starts) as process, watched(*pids(process, 2)) as handles:
        (fork,) = {each.pid for each in psutil.Process(process.pid).children()} & set(handles)
        process.kill()

        assert still_there({pid: handle for pid, handle in handles.items() if pid != fork}) == []
        os.kill(fork, signal.SIGKILL)


def test_a_program_ends_with_its_guard_though_the_other_guard_can_do_nothing():
    ours, its = os.pipe()
    process = start_guarded([sys.executable, "-c", IDLE], its)
    os.close(its)
    with os.fdopen(ours) as said, watched(int(said.readline())) as handles:
        (inner,) = psutil.Process(process.pid).children()
        os.kill(process.pid, signal.SIGSTOP)
        inner.kill()

        assert still_there(handles) == []
    os.kill(process.pid, signal.SIGCONT)
    end_guarded(process)
    assert process.returncode == -signal.SIGKILL


def test_a_guard_ends_as_the_program_does(tmp_path):
    for code, status in [("raise SystemExit(7)", 7), ("import os; os.abort()", -signal.SIGABRT)]:
        with (tmp_path / "log").open("ab") as log, start_guarded([sys.executable, "-c", code], log) as process:
            assert process.wait(LIMIT_S) == status

    with (tmp_path / "log").open("ab") as log, start_guarded(["no/such/program"], log) as process:
        assert process.wait(LIMIT_S) == 127
    assert "no/such/program: No such file or directory" in (tmp_path / "log").read_text()


def test_a_program_that_ignores_sigterm_is_killed_with_all_that_it_started_and_the_last_word_is_said(tmp_path):
    last = tmp_path / "last"
    ours, its = os.pipe()
    command = [sys.executable, "-c", STUBBORN]
    process = start_guarded(command, its, grace_s=0.01, afterwards=["touch", str(last)])
    os.close(its)
    with os.fdopen(ours) as said, watched(*(int(said.readline()) for _ in range(3))) as handles:
        assert {each.pid for each in running(process)} == set(handles)

        end_guarded(process, grace_s=0.01)

        assert process.returncode == -signal.SIGKILL
        assert still_there(handles) == []
    assert running(process) == []
    assert last.exists()


def test_a_program_that_ends_at_sigterm_is_not_killed():
    ours, its = os.pipe()
    process = start_guarded([sys.executable, "-c", IDLE], its)
    os.close(its)
    with os.fdopen(ours) as said, watched(int(said.readline())) as handles:
        end_guarded(process)

        assert process.returncode == -signal.SIGTERM
        assert still_there(handles) == []
