"""A mesh as its file has it, before it is a look of anything."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array

PLAIN = (200, 200, 200)
"""sRGB of what no file describes."""

Integers = npt.NDArray[np.int64]
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Substance:
    """What a part of a model is made of: its name there, sRGB colour, and an (H, W, 3) sRGB picture if it has one."""

    name: str
    colour: tuple[int, int, int]
    picture: Picture | None = None


@dataclass(frozen=True)
class Model:
    """Triangles of several substances.

    Attributes:
        points: (P, 3), in the file's own axes and unit.
        triangles: (T, 3), indices of points, counter-clockwise seen from outside if the file is right.
        uvs: (T, 3, 2), of each corner, 0..1 from the top left of the picture, beyond where it repeats; 0 without one.
        substance: (T,), index of what each triangle is made of.
        substances: of everything.
    """

    points: Array
    triangles: Integers
    uvs: Array
    substance: Integers
    substances: tuple[Substance, ...]

    def kept(self, chosen: npt.NDArray[np.bool_]) -> Model:
        """The model with some of its triangles (T,) only, and the points that they need."""
        used, index = np.unique(self.triangles[chosen], return_inverse=True)
        triangles = np.asarray(index, dtype=np.int64).reshape(-1, 3)
        return Model(self.points[used], triangles, self.uvs[chosen], self.substance[chosen], self.substances)


def decoded(content: bytes, where: str) -> Picture:
    """An (H, W, 3) sRGB picture from the bytes of a PNG or JPEG file.

    Raises:
        DataError: it is none; `where` names it.
    """
    picture = None
    with suppress(cv2.error):  # it has nothing in it, or far too many pixels
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError(f"{where}: is not a picture that can be read; want PNG or JPEG")
    return np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8)


def welded(model: Model) -> Model:
    """The model with points that are in one place made one, and without triangles that have no area.

    Files repeat points where a normal or a texture breaks; what is connected is only seen when they are one.
    """
    grain = max(float(np.ptp(model.points, axis=0).max()), 1e-9) * 2e-5
    _, first, index = np.unique(
        np.round(model.points / grain).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    triangles = np.asarray(index, dtype=np.int64).reshape(-1)[model.triangles]
    points = model.points[first]
    a, b, c = (points[triangles[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    whole = (triangles[:, 0] != triangles[:, 1]) & (triangles[:, 1] != triangles[:, 2])
    whole &= (triangles[:, 2] != triangles[:, 0]) & (area > grain * grain)
    return Model(points, triangles, model.uvs, model.substance, model.substances).kept(whole)


def distinct(model: Model) -> Model:
    """The model without triangles that are there twice, from whichever side: some files have all of them so."""
    _, first = np.unique(np.sort(model.triangles, axis=1), axis=0, return_index=True)
    chosen = np.zeros(len(model.triangles), dtype=bool)
    chosen[first] = True
    return model.kept(chosen)
