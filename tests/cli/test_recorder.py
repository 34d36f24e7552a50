"""`av-synth recorder`: what is in a recorder file, and runs as such files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from av_synth.cli.app import status
from av_synth.recording import read
from tests.export.synthetic_run import build_run
from tests.replay.recorder_bytes import SAMPLE, WALKER, added, frame, header


def test_what_is_in_a_file_is_told_and_what_would_be_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "test1.log").write_bytes(SAMPLE)

    assert status(["recorder", "info", str(tmp_path / "test1.log")]) == 0
    said = capsys.readouterr().out
    assert "test1.log: map Town06, recorded 2020-09-13 12:26 UTC\n3 frames, 0.100 s\n" in said
    assert "          1  vehicle.audi.a2\n" in said
    assert "          6  positions\n" in said
    assert "lost, or not as it was:\n" in said
    assert "  1 packets of platform time are passed over\n" in said

    assert status(["recorder", "info", str(tmp_path / "test1.log"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["map"], found["frames"], found["records"]["collisions"]) == ("Town06", 3, 3)
    assert "accelerations are not in the format: they are differences of velocities" in found["lost"]


def test_a_file_that_cannot_be_played_is_looked_at_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test1.log").write_bytes(header() + frame(1, 0.0, added(WALKER)) + frame(2, 0.05))

    assert status(["recorder", "info", str(tmp_path / "test1.log")]) == 0
    assert "cannot be played back: test1.log: no vehicle, or several, with role_name" in capsys.readouterr().out


def test_a_run_is_written_and_what_is_lost_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = build_run(tmp_path, 0, sensors=(), last_frame=10)
    (tmp_path / "theirs.log").write_bytes(SAMPLE)
    target = tmp_path / "ours.log"

    assert status(["recorder", "write", str(run), str(target), "--like", str(tmp_path / "theirs.log")]) == 0
    said = capsys.readouterr().out
    assert "\n  the map is written as SynthTown: CARLA must have a map of that name\n" in said
    assert "not known, written as 0 and refused by it: synthetic.box; give --like a recording" in said
    assert said.endswith(f"recording: {target}\n")
    assert len(read(target).frames) == 11


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("recorder info none.log", "none.log: cannot be read: No such file or directory"),
        ("recorder info text.log", "text.log: byte 2: got b'"),
        ("recorder write nothing new.log", "nothing: there is no such folder; want the folder of a run"),
        ("recorder write run text.log/in/new.log", "text.log is a file; want a place in a folder that"),
        ("recorder write nothing text.log", "FILE: text.log is there already; want another, or --force"),
        ("replay run --resimulate --ego 3", "--ego: goes without --resimulate, which looks with nothing"),
        ("replay run --ego 3 --out out", "--ego: goes with a file of CARLA's recorder; a run says who its ego is"),
    ],
)
def test_what_cannot_be_is_said_without_a_traceback(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    build_run(tmp_path / "run", 0, sensors=(), last_frame=1)
    (tmp_path / "text.log").write_text("no recording, but a text that is long enough")

    assert status(command.split()) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
