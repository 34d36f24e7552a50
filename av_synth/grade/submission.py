"""Submissions of the nuScenes detection task, read and checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from av_synth.errors import UserError
from av_synth.grade.classes import ATTRIBUTES, CLASSES
from av_synth.grade.matching import Floats, Indices

_MOST_BOXES = 500  # of a sample, as the task has it
_NUMBERS = {"translation": 3, "size": 3, "rotation": 4, "velocity": 2}


@dataclass(frozen=True)
class Boxes:
    """Boxes of one sample, N of them, in the world.

    Attributes:
        centre_m: (N, 3) float64.
        size_m: (N, 3) float64: width, length, height.
        yaw_rad: (N,) float64, heading, counter-clockwise.
        velocity_mps: (N, 2) float64, NaN where it is not told.
        class_of: (N,) int64, indices into `CLASSES`.
        attribute: (N,) int64, indices into `ATTRIBUTES`, -1 for none.
        score: (N,) float64; 0 of objects.
    """

    centre_m: Floats
    size_m: Floats
    yaw_rad: Floats
    velocity_mps: Floats
    class_of: Indices
    attribute: Indices
    score: Floats

    def only(self, chosen: np.ndarray) -> Boxes:
        """Some of them, by a mask (N,) or by their indices in an order."""
        return Boxes(**{name: values[chosen] for name, values in vars(self).items()})


def boxes_of(rows: Sequence[Mapping[str, Any]]) -> Boxes:
    """Boxes of rows with the submission's keys, which have been checked."""

    def numbers(key: str, width: int) -> Floats:
        return np.array([row[key] for row in rows], dtype=np.float64).reshape(-1, width)

    w, x, y, z = numbers("rotation", 4).T
    attributes = {name: index for index, name in enumerate(("", *ATTRIBUTES), -1)}
    return Boxes(
        numbers("translation", 3),
        numbers("size", 3),
        np.arctan2(2.0 * (w * z + x * y), w * w + x * x - y * y - z * z),
        numbers("velocity", 2),
        np.array([CLASSES.index(row["detection_name"]) for row in rows], dtype=np.int64),
        np.array([attributes[row["attribute_name"]] for row in rows], dtype=np.int64),
        np.array([row["detection_score"] for row in rows], dtype=np.float64),
    )


def read_results(results: Path | Mapping[str, Any], key: str = "results") -> tuple[str, Mapping[str, Sequence[Any]]]:
    """What results are called in messages, and their lists of detections: by sample token, or by image.

    Args:
        results: a file, or what it holds.
        key: under which they are.

    Raises:
        UserError: if there is no such file, or it is not such.
    """
    name, content = "results", results
    if isinstance(results, Path):
        name = str(results)
        try:
            content = json.loads(results.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(f"{name}: there is no such file; want detections as JSON") from None
        except OSError as error:
            raise UserError(f"{name}: cannot be read: {error.strerror}; want detections as JSON") from error
        except ValueError as error:
            raise UserError(f"{name}: cannot be read as JSON: {error}") from error
    found = content.get(key) if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not all(isinstance(rows, Sequence) for rows in found.values()):
        raise UserError(f"{name}: want an object with {key!r}, which has a list of detections for each key")
    return name, found


def checked(where: str, sample_token: str, rows: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
    """Detections of a sample, if all of them are as the task wants them.

    Raises:
        UserError: which one is not, and why.
    """
    if len(rows) > _MOST_BOXES:
        raise UserError(f"{where}: sample {sample_token}: {len(rows)} detections; want at most {_MOST_BOXES}")
    for place, row in enumerate(rows):
        if wrong := _wrong(sample_token, row):
            raise UserError(f"{where}: sample {sample_token}: detection {place}: {wrong}")
    return rows


def is_number(value: object) -> bool:
    """Whether something is a finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # of an int
        return False


def _wrong(sample_token: str, row: Any) -> str:
    if not isinstance(row, Mapping):
        return f"got {row!r}, want an object"
    for key, width in _NUMBERS.items():
        told: Any = row.get(key)
        # who does not estimate velocities may say NaN
        fits = isinstance(told, Sequence) and len(told) == width
        if not fits or not all(is_number(x) or (key == "velocity" and x != x) for x in told):
            return f"{key}: got {told!r}, want {width} numbers"
    if min(row["size"]) <= 0.0:
        return f"size: got {row['size']!r}, want three numbers above 0"
    if not any(row["rotation"]):
        return f"rotation: got {row['rotation']!r}, want a quaternion that is not 0"
    if row.get("sample_token") != sample_token:
        return f"sample_token: got {row.get('sample_token')!r}, want that of the list it is in"
    if row.get("detection_name") not in CLASSES:
        return f"detection_name: got {row.get('detection_name')!r}, want one of {', '.join(CLASSES)}"
    if not is_number(row.get("detection_score")):
        return f"detection_score: got {row.get('detection_score')!r}, want a number"
    if row.get("attribute_name") not in ("", *ATTRIBUTES):
        return f"attribute_name: got {row.get('attribute_name')!r}, want '' or one of {', '.join(ATTRIBUTES)}"
    return ""
