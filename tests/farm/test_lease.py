"""The lease: one driver a store, whoever dies."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

from av_synth.errors import StoreError, UserError
from av_synth.farm.records import lease
from av_synth.farm.records.lease import ask_to_stop, driver_lease, forget_stop, holder, stop_asked


def child_that_drives(store: Path) -> int:
    """A process that has the lease when this returns, and keeps it until it is killed."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with driver_lease(store):
                os.write(told, b"x")
                signal.pause()
        finally:
            os._exit(1)
    os.close(told)
    with os.fdopen(ready, "rb") as pipe:
        assert pipe.read(1) == b"x"
    return child


def test_a_second_driver_is_refused_by_name_until_the_first_is_killed(tmp_path: Path) -> None:
    child = child_that_drives(tmp_path)
    try:
        with (
            pytest.raises(UserError, match=f"is driven by process {child} on .* since 20.*av-synth cancel"),
            driver_lease(tmp_path),
        ):
            pytest.fail("two drivers")
        found = holder(tmp_path)
        assert found is not None
        assert (found.pid, found.machine) == (child, os.uname().nodename)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    assert holder(tmp_path) is None
    with driver_lease(tmp_path):
        found = holder(tmp_path)
        assert found is not None
        assert found.pid == os.getpid()
    assert holder(tmp_path) is None
    assert (tmp_path / lease.LOCK).read_bytes() == b""


def test_a_driver_that_fails_leaves_the_store_free(tmp_path: Path) -> None:
    with pytest.raises(KeyError), driver_lease(tmp_path):
        raise KeyError
    with driver_lease(tmp_path):
        assert holder(tmp_path) is not None


def test_a_store_that_nobody_ever_drove_has_no_holder_and_looking_leaves_nothing(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_who_only_looks_keeps_no_driver_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = os.open(tmp_path / lease.LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)
    waited = []

    def looked(seconds: float) -> None:
        waited.append(seconds)
        fcntl.flock(looking, fcntl.LOCK_UN)

    monkeypatch.setattr(time, "sleep", looked)
    with driver_lease(tmp_path):
        assert len(waited) == 1
    os.close(looking)


def test_who_looks_for_ever_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = os.open(tmp_path / lease.LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _: None)

    with (
        pytest.raises(UserError, match="is driven by a process that has not said its name yet"),
        driver_lease(tmp_path),
    ):
        pytest.fail("somebody had it")
    os.close(looking)


@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_is_refused_with_what_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(handle: int, how: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(StoreError, match=r"driver\.lock: cannot be locked: .*; want a file system with flock"),
        driver_lease(tmp_path),
    ):
        pytest.fail("without a lock")


def test_a_store_that_is_not_there_cannot_be_driven(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match=r"none/driver\.lock: cannot be made: No such file"),
        driver_lease(tmp_path / "none"),
    ):
        pytest.fail("nowhere")


def test_a_driver_is_asked_to_stop_by_a_file_and_one_that_begins_forgets_it(tmp_path: Path) -> None:
    assert ask_to_stop(tmp_path) is None
    assert not stop_asked(tmp_path)
    with driver_lease(tmp_path):
        asked = ask_to_stop(tmp_path)
        assert asked is not None
        assert asked.pid == os.getpid()
        assert stop_asked(tmp_path)
        forget_stop(tmp_path)
        assert not stop_asked(tmp_path)
        forget_stop(tmp_path)
