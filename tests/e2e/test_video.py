"""Videos of runs: their pictures, their pace, boxes on those they are of, the view from above, and what cannot be."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from av_synth import documents, scenario, store
from av_synth.cli.app import status
from av_synth.launch import Address
from av_synth.replay import state_log
from av_synth.report import drawing
from av_synth.report.video import arrange
from av_synth.report.video_cameras import Cameras
from av_synth.run import RunSpec
from av_synth.scenario.scenario import from_document
from tests.e2e.conftest import Made, record

ALONE = """name: alone
description: The ego drives on a road of its own.
duration_s: 0.5
road: {town: AvSynth01, length_m: 50}
ego: {speed_kmh: 36}
"""


def pictures(path: Path) -> list[np.ndarray]:
    reader = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    return [np.asarray(picture) for there, picture in iter(reader.read, (False, None)) if there]


def filled(picture: np.ndarray) -> int:
    """How many columns of the bar of time are filled."""
    return int((picture[-1].astype(int).mean(axis=1) > 100).sum())


@pytest.mark.parametrize("codec", ["VP9", "H.264"])
def test_a_video_has_every_picture_of_the_time_asked_for_at_its_pace_and_replaces_the_one_before(
    codec: str,
    tiny: Made,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if codec == "VP9":
        monkeypatch.setitem(sys.modules, "av.codec", None)  # as if it were not installed
    else:
        pytest.importorskip("av")
    out = tmp_path / "videos" / "slow.mp4"
    wish = ["video", str(tiny.runs[0]), "--out", str(out), "--width", "640", "--at", "3.2s..3.6s"]
    assert status([*wish[:-1], "3.2s"]) == 0
    (alone,) = pictures(out)
    assert status([*wish, "--speed", "0.5", "--boxes"]) == 0

    shown = pictures(out)
    reader = cv2.VideoCapture(str(out), cv2.CAP_FFMPEG)
    assert (len(shown), reader.get(cv2.CAP_PROP_FPS)) == (5, 5.0)  # the cameras of `tiny` see ten times a second
    assert all(picture.shape == alone.shape and picture.shape[1] == 640 for picture in shown)
    assert np.diff([filled(picture) for picture in shown]).min() > 100
    said = capsys.readouterr().out
    assert f"video: {out} ({codec}, 640x{alone.shape[0]}, 5 pictures, 5 per second)" in said
    assert ("PowerPoint and QuickTime want H.264: pip install 'av-synth[video]'" in said) == (codec == "VP9")
    assert [path.name for path in out.parent.iterdir()] == ["slow.mp4"]


def test_a_webp_shows_what_the_cameras_saw_as_long_as_it_took(tiny: Made, tmp_path: Path) -> None:
    out = tmp_path / "video.webp"
    wish = ["--out", str(out), "--width", "640", "--at", "3.2s..3.4s", "--speed", "0.3"]
    assert status(["video", str(tiny.runs[0]), *wish]) == 0

    _, video = cv2.imreadanimation(str(out))
    assert list(video.durations) == [333, 334, 333]
    run = store.open_run(tiny.runs[0])
    cameras = Cameras(run, state_log.of_run(run), {}, boxes=False)
    area = arrange(cameras.rows, 640).cameras["CAM_BACK"]
    for frame, shown in zip((64, 66, 68), video.frames, strict=True):
        seen = cameras.picture(cameras.rows[1][0], frame, (area.width, area.height))
        part = shown[area.y : area.y + area.height, area.x : area.x + area.width, :3]
        assert cv2.PSNR(np.ascontiguousarray(part), seen) > 28.0


def test_boxes_are_drawn_around_those_whom_the_masks_show(tiny: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    run = store.open_run(tiny.runs[0])
    log = state_log.of_run(run)
    plain, boxed = (Cameras(run, log, {}, boxes=boxes) for boxes in (False, True))
    channels = {camera.channel: camera for row in plain.rows for camera in row}
    rows = [row for row in run.table("boxes_2d").to_pylist() if row["visible_px"] > 300 and row["actor_id"] != 8]
    inside = [row for row in rows if row["amodal_left_px"] > 2 and row["amodal_right_px"] < 318]
    assert len(inside) > 20
    for row in inside[::4]:
        camera = channels[row["channel"]]
        monkeypatch.setattr(boxed, "_in_sight", lambda *_, actor=row["actor_id"]: {actor})
        boxed._drawn.clear()
        views = [cameras.picture(camera, row["frame"], camera.size_px) for cameras in (plain, boxed)]
        ys, xs = np.nonzero(np.abs(np.subtract(*views, dtype=int)).max(axis=2) > 12)
        drawn = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        left, top, right, bottom = (row[f"amodal_{side}_px"] for side in ("left", "top", "right", "bottom"))
        assert drawn[0] <= left < right <= drawn[2]
        assert drawn[1] <= top < bottom <= drawn[3]
        # the corners of a box stand out of what is rounded, and lines have a width
        assert (right - left) * (bottom - top) > 0.4 * (drawn[2] - drawn[0]) * (drawn[3] - drawn[1])


def test_a_camera_that_fell_silent_says_for_how_long(tiny: Made) -> None:
    run = store.open_run(tiny.runs[0])
    cameras = Cameras(run, state_log.of_run(run), {}, boxes=False)
    camera = cameras.rows[0][0]
    silent = replace(camera, frames=camera.frames[:5], paths=camera.paths[:5])
    late = [cameras.picture(silent, frame, camera.size_px) for frame in (8, 10, 11)]
    never = cameras.picture(replace(camera, frames=(), paths=()), 8, camera.size_px)

    on_time = cameras.picture(camera, camera.frames[4], camera.size_px)
    assert np.array_equal(late[0], on_time)  # the next one is not due yet
    red = [int((np.abs(each.astype(int) - drawing.BAD) < 40).all(axis=2).sum()) for each in (on_time, *late[2:], never)]
    assert min(red[1:]) > red[0] + 20


def test_a_run_without_cameras_is_seen_from_above(
    address: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = scenario.draw(from_document(documents.parse(ALONE, "alone.yaml")), 0)
    path, _, _ = record(tmp_path, RunSpec(drawn, None), address)
    out = tmp_path / "above.webp"

    assert status(["video", str(path), "--out", str(out), "--width", "640"]) == 0
    _, video = cv2.imreadanimation(str(out))
    assert list(video.durations) == [50] * 11  # every tick
    first, last = video.frames[0][..., :3].astype(int), video.frames[-1][..., :3].astype(int)
    assert np.abs(first - last)[:300].max() > 60  # 5 m on, the broken line has moved under the ego
    assert "the run has no cameras; it is seen from above only" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--out", "video.avi"], "--out video.avi: cannot tell what to write; want a name that ends in .mp4 or .webp"),
        (["--out", "notes.mp4"], "notes.mp4: is there already and is no video; name another file, or --force"),
        (["--out", "pipe.mp4"], "pipe.mp4: is there already and is no video"),
        (["--out", "folder.mp4"], "folder.mp4: is a folder; want a name for the video"),
        (
            ["--out", "notes.mp4/video.mp4"],
            "notes.mp4 is a file; want a place in a folder that can be made and written to",
        ),
        (["--out", "new.mp4", "--width", "10000"], "--width: got 10000; want 640 to 3840"),
        (["--out", "new.mp4", "--speed", "0"], "--speed: got 0; want 0.05 to 4"),
        (["--out", "new.mp4", "--at", "5s..700s"], "--at: got 5s..700s; the run ends after 5 s"),
    ],
)
def test_a_video_that_cannot_be_is_refused_and_nothing_is_touched(
    options: list[str],
    why: str,
    tiny: Made,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "notes.mp4").write_text("dear all")
    os.mkfifo(tmp_path / "pipe.mp4")  # nobody ever writes to it

    assert status(["video", str(tiny.runs[0]), *options]) == 2
    told = capsys.readouterr()
    assert why in " ".join(told.err.split())
    assert "making a video" not in told.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.mp4", "notes.mp4", "pipe.mp4"]
    assert (tmp_path / "notes.mp4").read_text() == "dear all"
