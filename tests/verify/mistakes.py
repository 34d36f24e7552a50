"""Mistakes that are made in a copy of the synthetic dataset: what has to be said of each, and the edits they share."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from synthetic_copies import Copy

from av_synth.verify import verify
from av_synth.verify.reading import clouds

Mutation = Callable[[Copy], object]
Told = list[tuple[str, str]]


class Mistakes:
    """The mistakes of one file of tests, each with the checks that have to find it, and a pattern for each of these."""

    def __init__(self) -> None:
        self._told: dict[Mutation, Told] = {}

    def found_by(self, check: str, says: str = "") -> Callable[[Mutation], Mutation]:
        """Register a mistake: one finding of the check has to match the pattern. May be stacked."""

        def register(mutation: Mutation) -> Mutation:
            self._told.setdefault(mutation, []).append((check, says))
            return mutation

        return register

    def each(self) -> pytest.MarkDecorator:
        """Has a test run once for each mistake, as `mutation` and `told`."""
        found = [pytest.param(mutation, told, id=mutation.__name__) for mutation, told in self._told.items()]
        return pytest.mark.parametrize(("mutation", "told"), found)


def assert_found(copy: Copy, mutation: Mutation, told: Told) -> None:
    mutation(copy)

    problems = verify(copy.root).problems

    for check, says in told:
        found = [str(problem) for problem in problems if problem.check == check]
        assert any(re.search(says, text) for text in found), (
            f"no {check} says {says!r}: {found[:5]}; all: {[str(problem) for problem in problems][:5]}"
        )


def rotate(wxyz: list[float], yaw: float) -> list[float]:
    w, x, y, z = wxyz
    c, s = math.cos(yaw / 2), math.sin(yaw / 2)
    return [w * c - z * s, x * c + y * s, y * c - x * s, z * c + w * s]


def half_turn(row: dict[str, Any]) -> None:
    w, x, y, z = row["rotation"]
    row["rotation"] = [-z, y, -x, w]


def edit_cloud(copy: Copy, path: str, edit: Callable[[np.ndarray], np.ndarray]) -> None:
    copy.change(path, lambda raw: edit(np.frombuffer(raw, "<f4").reshape(-1, 5).copy()).tobytes())


def edit_radar(copy: Copy, path: str, edit: Callable[[np.ndarray], object]) -> None:
    def change(raw: bytes) -> bytes:
        at = raw.index(b"DATA binary\n") + 12
        records = np.frombuffer(raw[at:-1], clouds.RADAR_RECORD).copy()
        edit(records)
        return raw[:at] + records.tobytes() + raw[-1:]

    copy.change(path, change)


def edit_image(copy: Copy, path: str, edit: Callable[[np.ndarray], np.ndarray]) -> None:
    read = cv2.imread(str(copy.root / path), cv2.IMREAD_UNCHANGED)
    suffix = path[path.rindex(".") :]
    copy.write(path, cv2.imencode(suffix, np.ascontiguousarray(edit(read)))[1].tobytes())


def edit_json(copy: Copy, path: str, edit: Callable[[Any], object]) -> None:
    content = json.loads((copy.root / path).read_text())
    edit(content)
    copy.write(path, json.dumps(content).encode())


def shift_files(copy: Copy, paths: list[str]) -> None:
    """Each file gets the content of the one before."""
    contents = [(copy.root / path).read_bytes() for path in paths]
    for path, content in zip(paths[1:], contents[:-1], strict=True):
        copy.write(path, content)


def swap_files(copy: Copy, a: str, b: str) -> None:
    first, second = (copy.root / a).read_bytes(), (copy.root / b).read_bytes()
    copy.write(a, second)
    copy.write(b, first)
