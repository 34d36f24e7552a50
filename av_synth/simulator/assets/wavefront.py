"""Reading of Wavefront OBJ files with their MTL libraries.

Source: Wavefront, Object Files (.obj), Advanced Visualizer Manual, Appendix B1; P. Bourke, MTL material format, 1995.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from av_synth.errors import DataError
from av_synth.simulator.assets.files import Files, beside
from av_synth.simulator.assets.model import PLAIN, Model, Substance, decoded


def read_obj(files: Files, name: str) -> Model:
    """Read an OBJ file, the MTL files that it names, and their pictures.

    A substance that no MTL file describes is plain grey; a picture that is missing leaves the colour.

    Raises:
        DataError: the file is missing or broken, with the line.
    """
    reader = _Reader(files, name)
    for number, words in _lines(files.read(name)):
        try:
            reader.take(words)
        except (ValueError, IndexError) as error:
            raise DataError(f"{name}:{number}: {' '.join(words)[:60]!r} cannot be understood: {error}") from error
    return reader.model()


def _lines(content: bytes) -> Iterator[tuple[int, list[str]]]:
    text = content.decode("utf-8", errors="replace").replace("\\\n", " ")
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if words and not words[0].startswith("#"):
            yield number, words


class _Reader:
    """What was read so far of an OBJ file."""

    def __init__(self, files: Files, name: str) -> None:
        self._files, self._name = files, name
        self._points: list[list[float]] = []
        self._places: list[list[float]] = []
        self._triangles: list[tuple[int, int, int]] = []
        self._uvs: list[tuple[list[float], list[float], list[float]]] = []
        self._substance: list[int] = []
        self._substances: dict[str, Substance] = {}
        self._numbers: dict[str, int] = {}
        self._now = self._number("")

    def take(self, words: list[str]) -> None:
        """Read one line."""
        kind, rest = words[0], words[1:]
        if kind == "v":
            x, y, z = (float(word) for word in rest[:3])
            self._points.append([x, y, z])
        elif kind == "vt":
            self._places.append([float(rest[0]), 1.0 - float(rest[1]) if len(rest) > 1 else 0.0])
        elif kind == "usemtl":
            self._now = self._number(" ".join(rest))
        elif kind == "mtllib":
            self._library(" ".join(rest))
        elif kind == "f":
            self._face(rest)

    def _number(self, substance: str) -> int:
        return self._numbers.setdefault(substance, len(self._numbers))

    def _face(self, corners: list[str]) -> None:
        points, uvs = [], []
        for corner in corners:
            parts = corner.split("/")
            points.append(_index(parts[0], len(self._points)))
            # some exporters name places that they did not write
            place = int(parts[1]) if len(parts) > 1 and parts[1] else 0
            uvs.append(self._places[place - (place > 0)] if 0 < abs(place) <= len(self._places) else [0.0, 0.0])
        if len(points) < 3:
            raise ValueError("want three corners or more")
        for k in range(1, len(points) - 1):
            self._triangles.append((points[0], points[k], points[k + 1]))
            self._uvs.append((uvs[0], uvs[k], uvs[k + 1]))
            self._substance.append(self._now)

    def _library(self, named: str) -> None:
        path = beside(self._name, named)
        if not self._files.has(path):
            return
        now, colour, picture = "", PLAIN, ""
        found: list[tuple[str, tuple[int, int, int], str]] = []
        for number, words in _lines(self._files.read(path)):
            try:
                if words[0] == "newmtl":
                    found.append((now, colour, picture))
                    now, colour, picture = " ".join(words[1:]), PLAIN, ""
                elif words[0] == "Kd":
                    red, green, blue = (round(255 * min(max(float(word), 0.0), 1.0)) for word in words[1:4])
                    colour = (red, green, blue)
                elif words[0] == "map_Kd":
                    picture = beside(path, words[-1] if words[1].startswith("-") else " ".join(words[1:]))
            except (ValueError, IndexError) as error:
                raise DataError(f"{path}:{number}: {' '.join(words)[:60]!r} cannot be understood: {error}") from error
        for each, shade, image in [*found[1:], (now, colour, picture)]:
            drawn = decoded(self._files.read(image), image) if image and self._files.has(image) else None
            self._substances[each] = Substance(each, shade, drawn)

    def model(self) -> Model:
        """Everything that was read."""
        if not self._triangles:
            raise DataError(f"{self._name}: has no faces; want a mesh")
        triangles = np.array(self._triangles, dtype=np.int64)
        return Model(
            np.array(self._points, dtype=np.float64).reshape(-1, 3),
            triangles,
            np.array(self._uvs, dtype=np.float64).reshape(-1, 3, 2),
            np.array(self._substance, dtype=np.int64),
            tuple(self._substances.get(name, Substance(name, PLAIN)) for name in self._numbers),
        )


def _index(word: str, count: int) -> int:
    number = int(word)
    place = number - 1 if number > 0 else count + number
    if number == 0 or not 0 <= place < count:
        raise ValueError(f"there is no point {number} of {count}")
    return place
