"""What the page asks for, as bytes: made when it is first asked for, and kept within bounds."""

from __future__ import annotations

import json
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from av_synth import store
from av_synth.errors import DataError
from av_synth.report.browse.model import STRIP_PX, Opened, Source
from av_synth.report.drawing import CLASS_COLOURS
from av_synth.report.thumbnails import strip_jpeg
from av_synth.report.weather_words import CLEAR_DAY, SIGNS

_OPEN_SCENES = 6
_SMALL_BYTES = 96_000_000  # of small pictures, kept in memory
_CM_PER_M = 100.0
_MOST_CARDS = 100  # in one answer: the first ones are seen while others are read


class Library:
    """A source, read on demand. May be used by several threads at once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._lock = threading.RLock()
        self._viewer_lock = threading.Lock()  # of its own: a viewer takes seconds
        self._ids = list(source.ids())
        self._places = {scene: place for place, scene in enumerate(self._ids)}
        self._cards: list[dict[str, object]] = []
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._small: OrderedDict[tuple[str, str], bytes | None] = OrderedDict()
        self._small_bytes = 0
        self._viewers: tempfile.TemporaryDirectory[str] | None = None
        self.made = 0
        """How many small pictures were made so far, those included that were made again."""

    def close(self) -> None:
        """Remove the 3D viewers that were made."""
        if self._viewers is not None:
            self._viewers.cleanup()

    def __contains__(self, scene: object) -> bool:
        return scene in self._places

    def ids(self) -> list[str]:
        """Of all scenes, in their order."""
        return self._ids

    def index(self, first: int, most: int = _MOST_CARDS) -> bytes:
        """The list from a place on, as JSON: as many cards as one answer may have, and how many there are in all."""
        end = min(len(self._ids), max(0, first) + most)
        for place in range(len(self._cards), end):
            with self._lock:  # taken anew for each, so that pictures are not kept waiting
                if place == len(self._cards):
                    self._cards.append(self.source.card(self._ids[place]).to_json())
        return as_json({**self._about(), "total": len(self._ids), "scenes": self._cards[max(0, first) : end]})

    def _about(self) -> dict[str, object]:
        colours = {name: "#{2:02x}{1:02x}{0:02x}".format(*bgr) for name, bgr in CLASS_COLOURS.items()}
        weather = [*(name for name, *_ in SIGNS), CLEAR_DAY]
        return {"title": self.source.title, "kind": self.source.kind, "colours": colours, "weather": weather}

    def scene(self, scene: str) -> bytes:
        """All that is in a scene, as JSON."""
        return as_json(self.open(scene).detail.to_json())

    def picture(self, scene: str, frame: int, channel: str) -> Path | None:
        """The file of a camera's picture; None if there is none."""
        opened = self.open(scene)
        return opened.picture(frame, channel) if 0 <= frame < len(opened.detail.frames) else None

    def points(self, scene: str, frame: int) -> bytes | None:
        """A lidar turn: little-endian int16 x, y, z in centimetres, ego frame, and intensity; None if there is none."""
        opened = self.open(scene)
        points = opened.points_ego(frame) if 0 <= frame < len(opened.detail.frames) else None
        if points is None:
            return None
        values = np.column_stack([points[:, :3] * _CM_PER_M, points[:, 3]])
        within = (np.abs(values) < np.iinfo(np.int16).max).all(axis=1)
        return bytes(np.round(values[within]).astype("<i2").tobytes())

    def thumbnail(self, scene: str) -> bytes | None:
        """A small JPEG of a scene: of a camera, of a run without one from above; None if there is nothing to show."""
        return self._made("thumbnail", scene, lambda: self.source.thumbnail(scene))

    def strip(self, scene: str) -> bytes | None:
        """Small pictures of the front camera's keyframes beside each other, a JPEG; None if it has no camera."""

        def make() -> bytes | None:
            paths = self.open(scene).front()
            return strip_jpeg(paths, STRIP_PX) if any(paths) else None

        return self._made("strip", scene, make)

    def viewer(self, scene: str) -> Path | None:
        """The 3D viewer of a run, made when it is first asked for; None for what is no run."""
        directory = self.source.run_folder(scene)
        if directory is None:
            return None
        with self._viewer_lock:
            self._viewers = self._viewers or tempfile.TemporaryDirectory(prefix="av-synth-view-")
            out = Path(self._viewers.name) / f"{self._places[scene]}.html"
            if not out.exists():
                write_viewer(directory, out)
        return out

    def open(self, scene: str) -> Opened:
        """A scene, kept open for a while; raises AvSynthError if it cannot be read."""
        with self._lock:
            opened = self._opened.pop(scene, None) or self.source.open(scene)
            self._opened[scene] = opened
            if len(self._opened) > _OPEN_SCENES:
                self._opened.popitem(last=False)
            return opened

    def _made(self, kind: str, scene: str, make: Callable[[], bytes | None]) -> bytes | None:
        key = kind, scene
        with self._lock:
            if key in self._small:
                self._small.move_to_end(key)
                return self._small[key]
        picture = make()
        with self._lock:
            self.made += 1
            if key not in self._small:
                self._small[key] = picture
                self._small_bytes += len(picture or b"")
            while self._small_bytes > _SMALL_BYTES:
                self._small_bytes -= len(self._small.popitem(last=False)[1] or b"")
        return picture


def write_viewer(directory: Path, out: Path) -> None:
    """Write the 3D viewer of a run as one HTML file; raises AvSynthError if it cannot be."""
    from av_synth.report import viewer  # brings what only it needs

    viewer.write_viewer(store.open_run(directory), out)


def image_kind(data: bytes) -> str:
    """The media type of an image by its first bytes.

    Raises:
        DataError: if it is neither JPEG nor PNG: nothing else is shown.
    """
    for start, kind in ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png")):
        if data.startswith(start):
            return kind
    raise DataError("not a JPEG or PNG image")


def as_json(value: object) -> bytes:
    """JSON in UTF-8, without spaces."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
