"""`av-synth scenarios show`: an event from above, as it was really driven."""

from __future__ import annotations

import re

import cv2
import numpy as np

from av_synth.cli.app import status

OWN = """name: own
description: A van drives past a child.
duration_s: 1
road: {town: AvSynth01, length_m: 60, lanes: 1, pavement: [right]}
ego: {speed_kmh: 36}
actors:
  child: {body: child, at: {ahead_m: 25, lane: pavement_right, heading: left}}
events:
  - {actor: child, when: {time_s: 0.5}, do: {cross: {speed_kmh: 5}}}
expectations:
  - {of: child, contact: false}
"""
EGO, CHILD, ASPHALT = (240, 238, 235), (70, 120, 255), (72, 68, 66)


def pixels(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Columns of the pixels of a colour (BGR)."""
    return np.nonzero((np.abs(image.astype(int) - colour) < 6).all(axis=2))[1]


def test_a_scenario_is_drawn_as_it_was_played_with_road_ego_actor_and_notes(tmp_path, capsys):
    own, picture = tmp_path / "own.yaml", tmp_path / "pictures" / "own.png"
    own.write_text(OWN)

    assert status(["scenarios", "show", str(own), "--out", str(picture)]) == 0

    said = capsys.readouterr().out
    assert "own: A van drives past a child." in said
    assert "child.contact: no (asked: no): held" in said
    assert re.search(rf"^picture: {re.escape(str(picture))}$", said, re.MULTILINE)
    image = cv2.imread(str(picture))
    assert image.shape[1] == 1500
    assert len(pixels(image, ASPHALT)) > image[..., 0].size / 10
    panels = image[80:-60]  # between the heading and the list of events
    ego, child = pixels(panels, EGO), pixels(panels, CHILD)
    px_per_m = 16.0
    # the middle of where the ego was in three panels, 0 to 10 m on its way, and the child 25 m from its start
    assert 15 * px_per_m < np.median(child) - np.median(ego) < 25 * px_per_m


def test_a_picture_takes_the_place_of_pictures_only(tmp_path, capsys):
    own, notes = tmp_path / "own.yaml", tmp_path / "notes.png"
    own.write_text(OWN)
    notes.write_text("mine")

    assert status(["scenarios", "show", str(own), "--out", str(own)]) == 2
    assert f"--out: got '{own}'; want a name that ends in .png or .jpg" in capsys.readouterr().err
    assert status(["scenarios", "show", str(own), "--out", str(notes)]) == 2
    assert f"--out: {notes}: is there already and is no picture; move it, or name another" in capsys.readouterr().err
    assert (own.read_text(), notes.read_text()) == (OWN, "mine")
