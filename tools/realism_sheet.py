"""The contact sheet: every picture, small, with what was found in it and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tools.realism_score import Box, Matches, Picture

_SCALE = 0.5
_ACROSS = 4
_GREEN, _RED, _YELLOW, _GREY = (80, 220, 60), (50, 50, 255), (0, 220, 255), (150, 150, 150)
_BAND_PX = 26

Pixels = npt.NDArray[np.uint8]


def thumbnail(bgr: Pixels, title: str, picture: Picture, matches: Sequence[Matches]) -> Pixels:
    """A picture at half size under its title: found green, missed red, false alarms yellow, what is ignored grey."""
    small: Pixels = np.asarray(cv2.resize(bgr, None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_AREA), np.uint8)
    found = {at for each in matches for _, at in each.hits}
    missed = {at for each in matches for at in each.missed}
    for at, truth in enumerate(picture.truths):
        if at not in found and at not in missed:
            _draw(small, truth.box, _GREY, "")
    for each in matches:
        for at in each.missed:
            truth = picture.truths[at]
            _draw(small, truth.box, _RED, truth.body.removeprefix("vehicle.").removeprefix("walker.pedestrian."))
        for at, _ in each.hits:
            _draw(small, picture.found[at].box, _GREEN, f"{picture.found[at].label} {picture.found[at].score:.2f}")
        for at in each.false:
            _draw(small, picture.found[at].box, _YELLOW, f"{picture.found[at].label} {picture.found[at].score:.2f}")
    band = np.zeros((_BAND_PX, small.shape[1], 3), dtype=np.uint8)
    cv2.putText(band, title, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([band, small])


def write_sheet(thumbnails: Sequence[Pixels], path: Path) -> None:
    """Lay them out in rows and write them as a picture file."""
    blank = np.zeros_like(thumbnails[0])
    padded = [*thumbnails, *[blank] * (-len(thumbnails) % _ACROSS)]
    rows = [np.concatenate(padded[at : at + _ACROSS], axis=1) for at in range(0, len(padded), _ACROSS)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.concatenate(rows))


def _draw(image: Pixels, box: Box, colour: tuple[int, int, int], text: str) -> None:
    left, top, right, bottom = (round(side * _SCALE) for side in box)
    cv2.rectangle(image, (left, top), (right - 1, bottom - 1), colour, 1)
    if text:
        cv2.putText(image, text, (left, max(10, top - 3)), cv2.FONT_HERSHEY_SIMPLEX, 0.36, colour, 1, cv2.LINE_AA)
