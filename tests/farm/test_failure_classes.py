"""Every error has a class, and what the operating system refused counts for more than the error's own name."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from av_synth import errors, store
from av_synth.farm import failures
from av_synth.farm.failures import KINDS, of_exception
from av_synth.farm.model import FailureClass, Lost


def below(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)


def test_every_error_of_the_tree_has_a_class_of_its_own_and_no_class_is_of_an_error_that_is_gone():
    ours = {kind for kind in below(errors.AvSynthError) if kind.__module__ == errors.__name__}
    assert {kind for kind in KINDS if issubclass(kind, errors.AvSynthError)} == ours


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (errors.DocumentError([errors.Problem("", "a", "b")]), FailureClass.DETERMINISTIC),
        (errors.CastError("no such town", ("town",)), FailureClass.DETERMINISTIC),
        (errors.LogError("no recording"), FailureClass.DETERMINISTIC),
        (errors.DataError("NaN"), FailureClass.DETERMINISTIC),
        (errors.ConnectionLostError("gone"), FailureClass.TRANSIENT),
        (errors.StalledError("silent"), FailureClass.TRANSIENT),
        (errors.SensorMissError("CAM_FRONT", 3, "late"), FailureClass.TRANSIENT),
        (errors.LaunchError("it ended before it was ready"), FailureClass.TRANSIENT),
        (errors.MachineError("no GPU"), FailureClass.ENVIRONMENTAL),
        (errors.PortTakenError("2000"), FailureClass.ENVIRONMENTAL),
        (errors.OccupiedError("3 vehicles"), FailureClass.ENVIRONMENTAL),
        (errors.UnsettledError("the van rocks"), FailureClass.TRANSIENT),
        (errors.StoreError("reads back otherwise"), FailureClass.TRANSIENT),
        (errors.UnreachableError("503 Slow Down"), FailureClass.ENVIRONMENTAL),
        (errors.OtherEpochError("schema_epoch 1"), FailureClass.DETERMINISTIC),
        (MemoryError(), FailureClass.TRANSIENT),
        (ModuleNotFoundError("No module named 'carla'"), FailureClass.ENVIRONMENTAL),
        (KeyboardInterrupt(), FailureClass.CANCELLED),
        (RuntimeError("in the process that plays the run: a mistake of ours"), FailureClass.DETERMINISTIC),
        (OSError(errno.ENOENT, "no such file"), FailureClass.DETERMINISTIC),
        (OSError(errno.EMFILE, "too many open files"), FailureClass.ENVIRONMENTAL),
        (OSError(errno.EADDRINUSE, "address in use"), FailureClass.ENVIRONMENTAL),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value.value,
)
def test_an_error_is_of_its_class(error, kind):
    failure = of_exception(error, "machine", (Path("a.log"),))
    assert (failure.kind, failure.error, failure.machine, failure.logs) == (
        kind,
        type(error).__name__,
        "machine",
        (Path("a.log"),),
    )
    assert failure.message


def refuse(code: int) -> Callable[[int], None]:
    def fsync(_handle: int) -> None:
        raise OSError(code, os.strerror(code))

    return fsync


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO], ids=errno.errorcode.get)
def test_a_disk_that_refuses_is_no_fault_of_the_run_whatever_error_it_came_out_as(code, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", refuse(code))
    with pytest.raises(errors.StoreError) as refused:
        store.write_file(tmp_path / "new", b"", durable=True)
    found = refused.value
    assert of_exception(found).kind is FailureClass.ENVIRONMENTAL
    # a run is played in a process of its own, and its error comes over a pipe
    assert of_exception(pickle.loads(pickle.dumps(found))).kind is FailureClass.ENVIRONMENTAL
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError("the recorder failed") from found
    assert of_exception(caught.value).kind is FailureClass.ENVIRONMENTAL


def test_a_full_disk_met_by_the_store_itself_is_known_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", refuse(errno.ENOSPC))
    with pytest.raises(errors.StoreError) as caught, store.stage(tmp_path, "0" * 20) as staging:
        staging.write("scenario.json", b"{}")
    assert of_exception(caught.value).kind is FailureClass.ENVIRONMENTAL


def test_a_full_disk_that_was_dealt_with_before_is_not_the_reason():
    error = errors.DataError("NaN")
    error.__context__ = OSError(errno.ENOSPC, "full")
    assert of_exception(error).kind is FailureClass.ENVIRONMENTAL
    error.__suppress_context__ = True  # as `raise ... from None` does
    assert of_exception(error).kind is FailureClass.DETERMINISTIC


def test_a_message_without_end_is_cut_so_that_it_fits_into_a_pipe():
    assert len(of_exception(RuntimeError("x" * 1_000_000)).message) == 3500


def test_a_lost_worker_and_a_watchdogs_kill_are_transient():
    lost = failures.of_loss(Lost(3, "0" * 20, "the worker was ended by signal 11 (SIGSEGV)", "n1"))
    stalled = failures.of_watchdog("stalled", "was silent", "n2")
    assert (lost.kind, lost.error, lost.machine) == (FailureClass.TRANSIENT, "worker lost", "n1")
    assert lost.message == "the worker was ended by signal 11 (SIGSEGV)"
    assert (stalled.kind, stalled.error, stalled.machine) == (FailureClass.TRANSIENT, "stalled", "n2")
