"""A run as a video: its cameras, the view from above, and a line of what happens, at the rate of the recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from av_synth.errors import UserError
from av_synth.replay import state_log
from av_synth.replay.request import scenario_of, window
from av_synth.replay.state_log import StateLog
from av_synth.report import drawing
from av_synth.report.drawing import Colour, Image
from av_synth.report.event_words import NOTED, event_words
from av_synth.report.run_from_above import FRESH_S, Mark, RunFromAbove, roads_of
from av_synth.report.video_cameras import Camera, Cameras
from av_synth.report.video_file import refuse_target, video_file
from av_synth.run.criticality import EXPOSED_TTC_S
from av_synth.scenario.words import EGO
from av_synth.store import Run

_WIDTHS_PX = (640, 3840)
_SPEEDS = (0.05, 4.0)
_WIDTH_PX: Mapping[str, int] = {".mp4": 1920, ".webp": 960}
_GAP_PX = 4
_LINE = 0.034  # height of the line of words, of the video's width
_BAR = 0.004  # height of the bar of time
_WIDE = 2.0  # cameras that are together so much wider than high have the view from above below them, others beside
_LEAST_BELOW = 0.15  # height of that view below the cameras, of the video's width
_SCREEN = 9.0 / 16.0
_MOST_TTC_S = 9.95  # longer ones are not worth a number
_BAD_TTC_S = 1.5  # time that is left for one to react, and no more
_CAREFUL: Colour = (70, 190, 245)


@dataclass(frozen=True)
class Area:
    """A rectangle of the video, pixels."""

    x: int
    y: int
    width: int
    height: int

    def put(self, canvas: Image, picture: Image) -> None:
        """Lay a picture of this size there."""
        canvas[self.y : self.y + self.height, self.x : self.x + self.width] = picture


@dataclass(frozen=True)
class Layout:
    """Where everything is: cameras by channel, the view from above, and the line below them."""

    size_px: tuple[int, int]
    cameras: Mapping[str, Area]
    above: Area
    line: Area


@dataclass(frozen=True)
class _Note:
    """An event in words, and where it happened (2,), if somebody did it."""

    frame: int
    words: str
    where_m: np.ndarray | None
    bad: bool


@dataclass(frozen=True)
class Video:
    """A video that can be made: where to, how many pictures a second, and of how many cameras."""

    path: Path
    rate_hz: float
    cameras: int
    _pictures: _Pictures

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self._pictures.layout.size_px

    @property
    def pictures(self) -> int:
        """How many there are."""
        return len(self._pictures.frames)

    def write(self, on_picture: Callable[[int, int], None]) -> str:
        """Make it; what is there already is replaced once the new one is whole.

        Args:
            on_picture: told how many pictures are done, and how many there will be.

        Returns:
            What it is coded with.

        Raises:
            StoreError: if a picture cannot be read, or the video not be written.
        """
        with video_file(self.path, self.size_px, self.rate_hz) as file:
            for done, frame in enumerate(self._pictures.frames, 1):
                file.add(self._pictures(frame))
                on_picture(done, self.pictures)
        return file.codec


def plan_video(
    run: Run,
    out: Path,
    *,
    at: str | None = None,
    speed: float = 1.0,
    width_px: int | None = None,
    boxes: bool = False,
    force: bool = False,
) -> Video:
    """See whether a video of a run can be made as it is wished, and read what it shows; nothing is written yet.

    Args:
        run: a committed run; without a camera it is seen from above only.
        out: the file, an .mp4 or a .webp.
        at: which part, as `replay.request.window` has it; None for all.
        speed: of the video; 1 is real time.
        width_px: of the video; None for 1920, of a WebP 960.
        boxes: whether the boxes of who is seen are drawn in the cameras.
        force: whether to replace a file that is no video.

    Raises:
        UserError: if the target or a wish cannot be.
        StoreError: if the run cannot be read.
    """
    refuse_target(out, force=force)
    if out.resolve().is_relative_to(run.folder.resolve()):
        raise UserError(f"--out {out}: is within the run itself; name another place")
    width = _WIDTH_PX[out.suffix.lower()] if width_px is None else width_px
    for option, value, (least, most) in (("--width", width, _WIDTHS_PX), ("--speed", speed, _SPEEDS)):
        if not least <= value <= most:
            raise UserError(f"{option}: got {value:g}; want {least:g} to {most:g}")
    log = state_log.of_run(run)
    first, last = (log.frames[0], log.frames[-1]) if at is None else window(at, log)
    pictures = _Pictures(run, log, first, last, width, boxes=boxes)
    rate_hz = speed * 1e6 / (pictures.frames.step * log.tick_us)
    return Video(out, rate_hz, len(pictures.layout.cameras), pictures)


class _Pictures:
    """Draws the video's pictures one by one."""

    def __init__(self, run: Run, log: StateLog, first: int, last: int, width_px: int, *, boxes: bool) -> None:
        scenario = scenario_of(run)
        ids = {role: log.id_of(role) for role in (EGO, *scenario.actors)}
        names = {actor: role for role, actor in ids.items() if actor is not None}
        self._log, self._first, self._last = log, first, last
        self._heading = f"{scenario.name}, seed {scenario.seed}"
        self._cameras = Cameras(run, log, names, boxes=boxes)
        channels = [camera for row in self._cameras.rows for camera in row]
        step = min((camera.every_ticks for camera in channels), default=1)
        taken = [frame for camera in channels for frame in camera.frames if first <= frame <= last]
        self.frames = range(min(taken, default=first), last + 1, step)
        self.layout = arrange(self._cameras.rows, width_px)
        self._notes = _notes(log, names)
        marks = [Mark(note.frame, note.where_m, note.bad) for note in self._notes if note.where_m is not None]
        above = self.layout.above
        self._above = RunFromAbove(log, roads_of(run, log), names, marks, (above.width, above.height))
        self._ttc = _least_ttc(run, log)

    def __call__(self, frame: int) -> Image:
        """The picture of a frame, (H, W, 3) uint8 BGR."""
        width, height = self.layout.size_px
        canvas: Image = np.full((height, width, 3), drawing.BACKGROUND, dtype=np.uint8)
        for row in self._cameras.rows:
            for camera in row:
                area = self.layout.cameras[camera.channel]
                area.put(canvas, self._cameras.picture(camera, frame, (area.width, area.height)))
        self.layout.above.put(canvas, self._above.picture(frame))
        self._words(canvas, frame)
        self._bar(canvas, frame)
        return canvas

    def _words(self, canvas: Image, frame: int) -> None:
        """Time, speed, TTC and what has just happened, each at a place of its own, so that nothing jumps."""
        line, log = self.layout.line, self._log
        unit = line.width / 100.0
        base, text = line.y + 0.64 * line.height, max(9.0, 0.3 * line.height)
        ego = log.state(frame).actors[log.ego_id]
        drawing.text(canvas, (1.0 * unit, base), f"{log.time_us(frame) * 1e-6:.2f} s", text, bold=True)
        speed_kmh = 3.6 * float(np.hypot(*ego.velocity_mps[:2]))
        drawing.text(canvas, (11.0 * unit, base), f"{speed_kmh:.0f} km/h", text)
        value, who = self._ttc.get(frame, (np.inf, ""))
        words, colour = "TTC  -", drawing.FAINT
        if value <= _MOST_TTC_S:
            words = f"TTC {value:.1f} s  {who}"
            colour = drawing.BAD if value < _BAD_TTC_S else _CAREFUL if value < EXPOSED_TTC_S else drawing.INK
        drawing.text(canvas, (20.0 * unit, base), _cut(words, text, 21.0 * unit), text, colour)
        right = 99.0 * unit - drawing.text_width(self._heading, text)
        told = [note for note in self._notes if 0 <= log.time_us(frame - note.frame) < FRESH_S * 1e6]
        now = "; ".join(note.words for note in told if note.frame == told[-1].frame)
        now = _cut(now, text, right - 43.0 * unit)
        drawing.text(canvas, (42.0 * unit, base), now, text, drawing.BAD if told and told[-1].bad else _CAREFUL)
        drawing.text(canvas, (right, base), self._heading, text, drawing.FAINT)

    def _bar(self, canvas: Image, frame: int) -> None:
        """How far the video is, along its lower edge, with its events."""
        line = self.layout.line
        high = max(2, round(_BAR * line.width))
        top, bottom = line.y + line.height - high, line.y + line.height

        def x(at: int) -> int:
            return round((line.width - 1) * (at - self._first) / max(1, self._last - self._first))

        canvas[top:bottom] = drawing.PANEL
        canvas[top:bottom, : x(frame) + 1] = drawing.FAINT
        for note in self._notes:
            if self._first <= note.frame <= self._last:
                canvas[top - high : bottom, x(note.frame) : x(note.frame) + 2] = drawing.BAD if note.bad else _CAREFUL


def _cut(words: str, height_px: float, room_px: float) -> str:
    while words and drawing.text_width(words, height_px) > room_px:
        words = words[:-1]
    return words


def arrange(rows: Sequence[Sequence[Camera]], width_px: int) -> Layout:
    """Where everything is in a video of a width: cameras in rows of one height, the view from above where most is left.

    Args:
        rows: of cameras, from left to right; none for the view from above alone.
        width_px: of the video; it may come out a pixel narrower, because coders want even sizes.
    """
    width = width_px // 2 * 2
    line_height = round(_LINE * width)
    if rows and max(map(len, rows)) == 1:  # in a column they would leave the view from above a square, half of it empty
        rows = [[camera for (camera,) in rows]]
    if not rows:
        above = Area(0, 0, width, round(_SCREEN * width) - line_height)
        return _layout(width, {}, above, line_height)
    aspects = [[camera.size_px[0] / camera.size_px[1] for camera in row] for row in rows]
    widest, gaps = max(map(sum, aspects)), _GAP_PX * (max(map(len, rows)) - 1)
    beside = widest / len(rows) < _WIDE
    # beside, that view is a square as high as the cameras are together
    spare = (width - gaps - _GAP_PX * len(rows)) / (widest + len(rows)) if beside else (width - gaps) / widest
    high = int(spare)
    block = len(rows) * (high + _GAP_PX)
    room = width - block if beside else width
    areas: dict[str, Area] = {}
    for number, row in enumerate(rows):
        widths = [int(aspect * spare) for aspect in aspects[number]]
        x = (room - sum(widths) - _GAP_PX * (len(row) - 1)) // 2
        for camera, wide in zip(row, widths, strict=True):
            areas[camera.channel] = Area(x, number * (high + _GAP_PX), wide, high)
            x += wide + _GAP_PX
    if beside:
        above = Area(room + _GAP_PX, 0, block - _GAP_PX, block - _GAP_PX)
    else:
        left = max(round(_LEAST_BELOW * width), round(_SCREEN * width) - line_height - block)
        above = Area(0, block, width, left)
    return _layout(width, areas, above, line_height)


def _layout(width: int, cameras: Mapping[str, Area], above: Area, line_height: int) -> Layout:
    top = above.y + above.height
    height = (top + line_height) // 2 * 2
    return Layout((width, height), cameras, above, Area(0, top, width, height - top))


def _notes(log: StateLog, names: Mapping[int, str]) -> list[_Note]:
    notes = []
    for frame in sorted(log.events):
        state = log.state(frame) if frame in log.frames else None
        for event in log.events[frame]:
            if event.kind in NOTED:
                there = state is not None and event.actor_id in state.actors
                where = state.world_from_box(event.actor_id)[:2, 3] if state is not None and there else None
                notes.append(
                    _Note(
                        frame,
                        event_words(names, event.kind, event.actor_id, event.other_id, event.detail),
                        where,
                        event.kind == "contact",
                    )
                )
    return notes


def _least_ttc(run: Run, log: StateLog) -> dict[int, tuple[float, str]]:
    """The least time to collision of the ego at each frame, seconds, and with whom."""
    found: dict[int, tuple[float, str]] = {}
    for row in run.table("metrics").to_pylist():
        if row["metric"] == "ttc_s" and row["value"] < found.get(row["frame"], (np.inf, ""))[0]:
            found[row["frame"]] = (row["value"], log.actors[row["other_id"]].role)
    return found
