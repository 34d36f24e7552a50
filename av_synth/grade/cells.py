"""Cells: what objects and detections are put under, one for each combination of values of the slices asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from av_synth.errors import UserError
from av_synth.grade.matching import Indices
from av_synth.query import SampleFacts, Slice, Thing, sliced

_NOWHERE = -1
"""The cell of a detection that nobody can put under one, because it says nothing that the slice asks for."""

_TOLD_BY_BOXES = ("range", "height")


@dataclass
class Slicing:
    """Slices whose values are told together, such as weather and light.

    Attributes:
        slices: one or more of them.
        placed: whether a detection that is for nobody has a cell, too: one of the sample, or one that its box tells.
    """

    slices: tuple[Slice, ...]
    placed: bool
    _cells: dict[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def cells(self) -> tuple[Mapping[str, str], ...]:
        """What is in each cell so far: values by the names of slices."""
        names = [each.name for each in self.slices]
        return tuple(dict(zip(names, values, strict=True)) for values in self._cells)

    def of_object(self, sample: SampleFacts, thing: Thing) -> int:
        """The cell of somebody in a sample."""
        values = tuple(each.value(sample, thing) for each in self.slices)
        return self._cells.setdefault(values, len(self._cells))

    def of_detection(self, sample: SampleFacts, box: Thing) -> int:
        """The cell of a detection, of which `box` has what it says."""
        return self.of_object(sample, box) if self.placed else _NOWHERE


def object_cells(slicings: Sequence[Slicing], sample: SampleFacts, things: Sequence[Thing]) -> Indices:
    """The cells (K, N) of somebody in a sample."""
    found = [[slicing.of_object(sample, thing) for thing in things] for slicing in slicings]
    return np.array(found, dtype=np.int64).reshape(len(slicings), len(things))


def detection_cells(slicings: Sequence[Slicing], sample: SampleFacts, boxes: Sequence[Thing]) -> Indices:
    """The cells (K, N) of detections in a sample, of which `boxes` have what they say."""
    found = [[slicing.of_detection(sample, box) for box in boxes] for slicing in slicings]
    return np.array(found, dtype=np.int64).reshape(len(slicings), len(boxes))


def slicings(by: str | Sequence[str], *, told_by_boxes: bool) -> tuple[Slicing, ...]:
    """What 'weather,range,weather+light' asks for: each by itself, and two together.

    Args:
        by: a text with commas, or a list.
        told_by_boxes: whether detections are boxes in 3D, which tell how far away and how high somebody is.

    Raises:
        UserError: if there is no slice of a name.
    """
    wanted = by.split(",") if isinstance(by, str) else by
    found: dict[tuple[str, ...], Slicing] = {}
    for each in wanted:
        if not each.strip():
            if isinstance(by, str) and not by.strip():
                break
            raise UserError(f"slices {by!r}: one has no name; want such as weather,range or weather+light")
        slices = sliced(each.split("+"))
        placed = all(one.of_sample or (told_by_boxes and one.name in _TOLD_BY_BOXES) for one in slices)
        found.setdefault(tuple(one.name for one in slices), Slicing(slices, placed))
    return tuple(found.values())
