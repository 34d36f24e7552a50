from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from av_synth import __version__
from av_synth.launch import Address, doctor, launch_embedded
from av_synth.launch.carla_spec import CarlaSpec
from av_synth.launch.doctor import Finding, examine
from tests.launch import stand_in_carla


@pytest.fixture
def nobody() -> Iterator[Address]:
    """An address that is held and at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield Address("127.0.0.1", held.getsockname()[1])


def test_all_is_well_on_this_machine_and_a_carla_is_not_needed_for_that(nobody, tmp_path):
    found = {finding.what: finding for finding in examine(tmp_path / "not" / "there" / "yet", nobody)}

    assert set(found) == {"av_synth", "libraries", "GL renderer", "embedded simulator", "disk", "CARLA"}
    assert [finding for finding in found.values() if not finding.good] == []
    assert found["av_synth"].seen.startswith(f"{__version__} on Python 3.")
    assert "carla 0.9.16" in found["libraries"].seen
    assert found["GL renderer"].seen
    assert found["embedded simulator"].seen.startswith("0.9.16 answered on 127.0.0.1:")
    assert found["disk"].seen.endswith(f"GB free at {tmp_path}")
    assert found["CARLA"].seen == f"none at {nobody} (not needed: the embedded simulator is used)"
    assert not (tmp_path / "not").exists()


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(doctor, "_LIBRARIES", ("carla", "no-such-library"))

    assert doctor._libraries() == Finding("libraries", False, "carla 0.9.16, no-such-library NOT INSTALLED")


def test_a_host_without_an_address_is_a_carla_that_is_not_there():
    finding = doctor._carla(Address("no..where", 2000))

    assert finding == Finding("CARLA", True, "none at no..where:2000 (not needed: the embedded simulator is used)")


def test_a_server_of_another_version_is_told_and_needed_as_little_as_any(monkeypatch):
    monkeypatch.setattr(metadata, "version", {"carla": "0.9.15"}.__getitem__)
    with launch_embedded("AvSynth01", render_threads=1) as address:
        finding = doctor._carla(address)

    said = f"the server at {address} is CARLA '0.9.16'; want 0.9.15, the version of the client"
    assert finding == Finding("CARLA", True, f"{said} (not needed: the embedded simulator is used)")


@pytest.mark.long
def test_a_carla_that_starts_is_said_to(tmp_path):
    folder = stand_in_carla.unpack(tmp_path)

    good, seen = started(CarlaSpec(carla=str(folder)))
    assert good
    assert seen.startswith(f"{folder} made a tick as carla 0.9.16 Epic at 127.0.0.1:")


def test_a_carla_that_is_to_be_started_and_does_not_is_a_fault_and_its_log_is_kept(tmp_path):
    folder = stand_in_carla.unpack(tmp_path)

    good, seen = started(CarlaSpec(carla=str(folder), arguments=("-stand-in-crash=of nothing",)))
    assert not good
    log = re.search("its log (.*) ends with", seen)[1]
    assert "of nothing" in Path(log).read_text()
    Path(log).unlink()


def started(spec: CarlaSpec) -> tuple[bool, str]:
    finding = doctor._started(spec)
    assert finding.what == "CARLA"
    return finding.good, finding.seen


def test_a_full_disk_says_how_much_is_wanted(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2.2e9))

    assert doctor._disk(tmp_path) == Finding("disk", False, f"2 GB free at {tmp_path}; want 5")


def test_a_file_where_the_folder_should_be_is_said(tmp_path):
    (tmp_path / "out").write_text("")
    finding = doctor._disk(tmp_path / "out" / "runs")

    assert not finding.good
    assert finding.seen.startswith(f"{tmp_path / 'out'} is no folder that can be written to")


@pytest.mark.parametrize(
    ("program", "seen"),
    [
        ("raise SystemExit('no EGL here')", "no EGL here; try `python -m av_synth.simulator.render.software_gl`"),
        (
            "import os; os.abort()",
            "was ended by signal 6 (SIGABRT); try `python -m av_synth.simulator.render.software_gl`",
        ),
    ],
)
def test_a_renderer_that_fails_or_takes_its_process_with_it_is_a_finding(monkeypatch, program, seen):
    monkeypatch.setattr(doctor, "_RENDERER_PROGRAM", program)

    assert doctor._renderer() == Finding("GL renderer", False, seen)


def test_a_renderer_that_hangs_is_a_finding(monkeypatch):
    monkeypatch.setattr(doctor, "_RENDERER_PROGRAM", "import signal; signal.pause()")
    monkeypatch.setattr(doctor, "_RENDERER_TIMEOUT_S", 0.1)

    assert doctor._renderer() == Finding("GL renderer", False, "none after 0 s")
