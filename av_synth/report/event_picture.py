"""What happens in a scenario, drawn from above as it was really driven: some moments, and a numbered list of events."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from av_synth.director import Event
from av_synth.errors import DataError, StoreError
from av_synth.export.nuscenes.map_reading import read_network
from av_synth.geometry.transforms import Array
from av_synth.report import drawing
from av_synth.report.drawing import Colour, Image
from av_synth.report.event_words import NOTED, event_words
from av_synth.report.road_picture import GROUND, Roads, draw_roads, read_roads
from av_synth.run.watch import Watcher
from av_synth.scenario import ConcreteScenario
from av_synth.scenario.words import EGO

_WIDTH_PX, _MARGIN_PX = 1500, 24
_MOST_PX_PER_M, _MOST_HEIGHT_PX = 16.0, 760
_AROUND_M, _REACH_M = 9.0, 90.0
_NUMBER_PX = 10  # radius of the disc around an event's number
_FINE = 2  # drawn so much larger, then shrunk
_BYSTANDER: Colour = (140, 136, 132)
_COLOURS: tuple[Colour, ...] = (
    (70, 120, 255),
    (90, 215, 255),
    (230, 150, 80),
    (200, 120, 230),
    (120, 220, 120),
    (80, 180, 200),
)


@dataclass(frozen=True)
class _View:
    """How metres become pixels: the ego's way at the start points to the right."""

    centre_m: Array
    turn: Array
    px_per_m: float
    size_px: tuple[int, int]

    def at(self, points_m: Array) -> Array:
        """Pixels (N, 2) of points (N, 2) or (N, 3), world metres."""
        local = (np.atleast_2d(points_m)[:, :2] - self.centre_m) @ self.turn.T * self.px_per_m
        width, height = self.size_px
        return np.stack([width / 2.0 + local[:, 0], height / 2.0 - local[:, 1]], axis=1) * _FINE


def event_picture(watched: Watcher, out: Path) -> Path:
    """Draw a run that was watched and write it as a picture.

    Args:
        watched: the whole run.
        out: the file to write, .png or .jpg.

    Raises:
        DataError: if nothing was watched.
        StoreError: if the file cannot be written.
    """
    if watched.context is None or not watched.states:
        raise DataError("got a run without a frame; want one that was watched from its beginning to its end")
    concrete = watched.context.spec.scenario
    roads = read_roads(read_network(concrete.town or "", watched.context.opendrive))
    names = _named(watched, concrete)
    notes = [event for event in watched.events if event.kind in NOTED]
    view = _view(watched, names)
    moments = _moments(watched, notes)
    panels = [_panel(watched, roads, view, names, notes, first, last) for first, last in moments]
    picture = np.concatenate([_heading(concrete), *panels, _legend(names, notes)])
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(cv2.imencode(out.suffix.lower(), picture)[1].tobytes())
    except OSError as error:
        raise StoreError(f"{out}: cannot be written: {error.strerror}") from error
    return out


def _named(watched: Watcher, concrete: ConcreteScenario) -> dict[int, str]:
    """The ego and the named actors by their ids, the ego first."""
    found = {info.role: actor for actor, info in watched.infos.items()}
    return {found[name]: name for name in (EGO, *concrete.actors) if name in found}


def _tracks(watched: Watcher, actor: int, first: int, last: int) -> Array:
    """Where an actor's box was (N, 2), world metres."""
    states = [state for state in watched.states[first : last + 1] if actor in state.actors]
    return np.array([state.world_from_box(actor)[:2, 3] for state in states]).reshape(-1, 2)


def _view(watched: Watcher, names: dict[int, str]) -> _View:
    ego = next(iter(names))
    pose = watched.states[0].world_from_box(ego)
    turn = pose[:2, :2].T / np.linalg.norm(pose[:2, 0])
    own = _tracks(watched, ego, 0, len(watched.states))
    others = [_tracks(watched, actor, 0, len(watched.states)) for actor in names]
    near = [
        points[np.hypot(*(points[:, None] - own[None]).transpose(2, 0, 1)).min(axis=1) < _REACH_M] for points in others
    ]
    local = np.concatenate(near) @ turn.T
    low, high = local.min(axis=0) - _AROUND_M, local.max(axis=0) + _AROUND_M
    size_m = np.maximum(high - low, (40.0, 22.0))
    width = _WIDTH_PX - 2 * _MARGIN_PX
    px_per_m = min(width / size_m[0], _MOST_HEIGHT_PX / size_m[1], _MOST_PX_PER_M)
    height = round(min(size_m[1] * px_per_m, _MOST_HEIGHT_PX))
    return _View((low + high) / 2.0 @ turn, turn, float(px_per_m), (width, height))


def _moments(watched: Watcher, notes: Sequence[Event]) -> list[tuple[int, int]]:
    """First and last frame of each panel: up to the first event, up to the end of the notes, and to the end."""
    end = len(watched.states) - 1
    times = [state.time_us for state in watched.states]
    frames = sorted({int(np.searchsorted(times, note.time_us)) for note in notes if note.time_us > 0})
    marks = [0, *frames[:1], *frames[-1:], end]
    kept = [marks[0]]
    for mark in marks[1:]:
        if mark - kept[-1] > end * 0.08:
            kept.append(min(mark, end))
    kept[-1] = end if len(kept) > 1 else kept[-1]
    return [(max(0, before), mark) for before, mark in zip([0, *kept], kept, strict=False)]


def _panel(
    watched: Watcher, roads: Roads, view: _View, names: dict[int, str], notes: Sequence[Event], first: int, last: int
) -> Image:
    """The scene at frame `last`: roads, bodies, the ways of the named since `first`, their names, numbers of events."""
    width, height = view.size_px
    canvas: Image = np.full((height * _FINE, width * _FINE, 3), GROUND, dtype=np.uint8)
    reach_m = float(np.hypot(width, height)) / 2.0 / view.px_per_m
    draw_roads(canvas, roads, view.at, view.centre_m, reach_m, view.px_per_m * _FINE)
    state = watched.states[last]
    for actor in sorted(state.actors, key=lambda each: each in names):
        colour = _colour(names, actor)
        if actor in names:
            front_px = watched.infos[actor].size_lwh_m[0] / 2.0 * view.px_per_m * _FINE
            _way(canvas, view, _tracks(watched, actor, first, last), front_px, colour)
        corners = view.at(_outline(watched, actor, last, named=actor in names))
        drawing.fill(canvas, corners, colour, 0.95 if actor in names else 0.7)
        drawing.polyline(canvas, corners, (20, 18, 16), 2)
    picture = np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    for actor, name in names.items():
        if actor in state.actors:
            corners = view.at(_outline(watched, actor, last, named=True)) / _FINE
            drawing.plate(
                picture, float(corners[:, 0].min()), float(corners[:, 1].min()) - 2, name, 10, _colour(names, actor)
            )
    _numbers(picture, watched, view, notes, last)
    drawing.plate(picture, 8, 26, f"{state.time_us / 1e6:.1f} s", 12, drawing.INK)
    framed: Image = np.full((height + 10, _WIDTH_PX, 3), drawing.BACKGROUND, dtype=np.uint8)
    framed[:height, _MARGIN_PX : _MARGIN_PX + width] = picture
    return framed


def _numbers(picture: Image, watched: Watcher, view: _View, notes: Sequence[Event], last: int) -> None:
    """Where events happened up to a frame, each with its number in the list."""
    times = [state.time_us for state in watched.states]
    taken: list[Array] = []
    for number, note in enumerate(notes, 1):
        frame = min(int(np.searchsorted(times, note.time_us)), len(times) - 1)
        if frame <= last and note.actor_id in watched.states[frame].actors:
            where = view.at(watched.states[frame].world_from_box(note.actor_id)[None, :2, 3])[0] / _FINE
            while any(np.hypot(*(where - other)) < 2 * _NUMBER_PX for other in taken):
                where[0] += 2.0 * _NUMBER_PX  # what happened at one place stands in a row
            taken.append(where)
            _number(picture, where, number)


def _colour(names: dict[int, str], actor: int) -> Colour:
    if actor not in names:
        return _BYSTANDER
    number = list(names).index(actor)
    return drawing.INK if number == 0 else _COLOURS[(number - 1) % len(_COLOURS)]


def _way(canvas: Image, view: _View, track: Array, front_px: float, colour: Colour) -> None:
    """The way since the panel before, with an arrow before the body's front."""
    if len(track) < 2 or np.hypot(*(track[-1] - track[0])) < 0.5:
        return
    points = view.at(track)
    drawing.polyline(canvas, points, colour, 3, closed=False)
    step = points[-1] - points[max(0, len(points) - 4)]
    length = float(np.hypot(*step))
    if length > 1.0:
        ahead = step / length
        side = np.array([-ahead[1], ahead[0]])
        tip = points[-1] + ahead * (front_px + 40)
        head = np.array([tip, tip - ahead * 20 + side * 9, tip - ahead * 20 - side * 9])
        drawing.line(canvas, points[-1], tip - ahead * 10, colour, 3)
        drawing.fill(canvas, head, colour, 1.0)


def _outline(watched: Watcher, actor: int, frame: int, *, named: bool) -> Array:
    """Corners (4, 2) of a box, world metres; people are drawn large enough to be seen."""
    half = np.maximum(np.asarray(watched.infos[actor].size_lwh_m)[:2] / 2.0, 0.35 if named else 0.2)
    pose = watched.states[frame].world_from_box(actor)
    corners: Array = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * half @ pose[:2, :2].T + pose[:2, 3]
    return corners


def _number(picture: Image, where: Array, number: int) -> None:
    x, y = round(float(where[0])), round(float(where[1])) + 20
    cv2.circle(picture, (x, y), _NUMBER_PX, (20, 18, 16), -1, cv2.LINE_AA)
    cv2.circle(picture, (x, y), _NUMBER_PX, drawing.INK, 1, cv2.LINE_AA)
    drawing.text(picture, (x - drawing.text_width(str(number), 9) / 2, y + 5), str(number), 9)


def _heading(concrete: ConcreteScenario) -> Image:
    told = " ".join(concrete.description.split())
    lines = textwrap.wrap(told, 170)
    canvas: Image = np.full((58 + 20 * len(lines), _WIDTH_PX, 3), drawing.BACKGROUND, dtype=np.uint8)
    drawing.text(canvas, (_MARGIN_PX, 32), f"{concrete.name}, seed {concrete.seed}, {concrete.town}", 15, bold=True)
    for number, line in enumerate(lines):
        drawing.text(canvas, (_MARGIN_PX, 58 + 20 * number), line, 10, drawing.FAINT)
    return canvas


def _legend(names: dict[int, str], notes: Sequence[Event]) -> Image:
    canvas: Image = np.full((30 + 24 * max(1, len(notes)), _WIDTH_PX, 3), drawing.BACKGROUND, dtype=np.uint8)
    for number, note in enumerate(notes, 1):
        y = 4 + 24 * number
        _number(canvas, np.array([_MARGIN_PX + 10, y - 25]), number)
        drawing.text(
            canvas,
            (_MARGIN_PX + 30, y),
            f"{note.time_us / 1e6:.2f} s   {event_words(names, note.kind, note.actor_id, note.other_id, note.detail)}",
            10,
        )
    return canvas
