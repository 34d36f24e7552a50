"""Places that cannot be written to: one answer of all verbs, before any work."""

from __future__ import annotations

import os

import pytest

from av_synth.cli.app import status

WANT_FILE = "/proc cannot be written to; want a place in a folder that can be made and written to"
WANT_FOLDER = "/proc cannot be written to; want a folder that can be made and written to"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("export STORE --dataset /proc/x", f"/proc/x: {WANT_FILE}"),
        ("export STORE --format kitti --dataset /proc/none/x", f"/proc/none/x: {WANT_FILE}"),
        ("split STORE --file /proc/x.json", f"--file: /proc/x.json: {WANT_FILE}"),
        ("merge STORE --out /proc/x", f"--out: /proc/x: {WANT_FILE}"),
        ("mix a=STORE/nuscenes b=STORE/nuscenes --out /proc/x", f"--out: /proc/x: {WANT_FILE}"),
        ("verify STORE/nuscenes --report /proc/x", f"--report: /proc/x: {WANT_FOLDER}"),
        ("card STORE/nuscenes --out /proc/x", f"--out: /proc/x: {WANT_FOLDER}"),
        ("audit STORE/nuscenes --json /proc/x.json", f"--json: /proc/x.json: {WANT_FILE}"),
        ("audit STORE/nuscenes --html /proc/x.html", f"--html: /proc/x.html: {WANT_FILE}"),
        ("video STORE --out /proc/x.mp4", f"--out: /proc/x.mp4: {WANT_FILE}"),
        ("video STORE --out /proc/x.mp4 --force", f"--out: /proc/x.mp4: {WANT_FILE}"),
        ("view STORE --html /proc/x", f"--html: /proc/x: {WANT_FILE}"),
        ("status STORE --html /proc/x.html", f"--html: /proc/x.html: {WANT_FILE}"),
        ("recorder write STORE /proc/x.log", f"FILE: /proc/x.log: {WANT_FILE}"),
        ("scenarios show cut_in_wet --out /proc/x.png", f"--out: /proc/x.png: {WANT_FILE}"),
        ("openscenario export cut_in_wet --out /proc/x.xosc", f"--out: /proc/x.xosc: {WANT_FILE}"),
        ("search cut_in_wet --target ttc=0.5..1 --out /proc/x.yaml", f"--out: /proc/x.yaml: {WANT_FILE}"),
        ("probe localhost:1 --out /proc/x.yaml", f"--out: /proc/x.yaml: {WANT_FILE}"),
        ("campaign weather_grid --out /proc/x", f"/proc/x: {WANT_FOLDER}"),
        ("campaign weather_grid --dry-run --out /proc/x", f"/proc/x: {WANT_FOLDER}"),
        ("run cut_in_wet --rig tiny --out /proc/x", "--out: got '/proc/x': No such file or directory; want a folder"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_told_before_any_work_in_one_way(command, told, store, capsys):
    before = sorted(os.walk(store))

    assert status(command.replace("STORE", str(store)).split()) == 2

    assert f"error: {told}" in capsys.readouterr().err
    assert sorted(os.walk(store)) == before
