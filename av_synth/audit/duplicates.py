"""Near-duplicates: samples that look the same and are labelled the same.

Both must hold. Draws of one scenario at one place look alike and are labelled otherwise, and that is what they are
for; fog looks like fog. So runs that differ in nothing but their seed count only if nothing came of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from av_synth.audit.contents import Contents, Labelled
from av_synth.audit.model import Duplicates, Finding, Repeated, Severity

_MOST_BITS = 6  # of 64, that may differ in images that look the same; of images of two places it is 32 +- 4
_MOST_OFF_M = 0.5
_ROWS = 512  # compared with all others at once
_MOST_SCENES = 100
_SHARE_OF_SERIOUS, _SHARE_OF_STILL = 0.1, 0.2
_BITS = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)

Place = tuple[int, int]
"""Of a sample: number of its scene, number in it."""


def groups_of(contents: Contents) -> tuple[list[list[Place]], Duplicates]:
    """Groups of samples that are all near-duplicates of one another, or of some between them; and their figures."""
    alike: dict[tuple[tuple[str, int], ...], list[Place]] = defaultdict(list)
    unread = 0
    for number, scene in enumerate(contents.scenes):
        for k, sample in enumerate(scene.samples):
            if sample.fingerprint is None:
                unread += 1
                continue
            classes = Counter(labelled.category for labelled in sample.layout)
            alike[tuple(sorted(classes.items()))].append((number, k))
    leaders: dict[Place, Place] = {}
    for places in alike.values():
        for first, second in _pairs(contents, places):
            _join(leaders, first, second)
    groups: dict[Place, list[Place]] = defaultdict(list)
    for place in sorted(leaders):
        groups[_leader(leaders, place)].append(place)
    found = [groups[leader] for leader in sorted(groups)]
    return found, _figures(contents, found, contents.samples - unread, unread)


def findings(duplicates: Duplicates) -> Iterator[Finding]:
    """What is to be said of them."""
    total = max(duplicates.samples, 1)
    if duplicates.across:
        share = duplicates.across / total
        pairs = [f"{pair.scene} repeats {pair.first} ({pair.samples} samples)" for pair in duplicates.scenes]
        shown = "; ".join(pairs[:3]) + (f"; and {len(pairs) - 3} more" if len(pairs) > 3 else "")
        words = (
            f"{share:.0%} of the samples ({duplicates.across} of {duplicates.samples}) look and are labelled the same "
            f"as one of another scene: {shown}. They teach nothing new; leave them out."
        )
        severity: Severity = "serious" if share >= _SHARE_OF_SERIOUS else "warning"
        figures = {"samples": duplicates.across, "share": share, "scenes": pairs}
        yield Finding("near-duplicates", severity, "across scenes", words, figures)
    if duplicates.within > _SHARE_OF_STILL * total:
        share = duplicates.within / total
        words = (
            f"{share:.0%} of the samples ({duplicates.within} of {duplicates.samples}) look and are labelled the same "
            "as an earlier one of their own scene: the ego stands and nobody moves. Shorter scenes cost less."
        )
        figures = {"samples": duplicates.within, "share": share}
        yield Finding("near-duplicates", "note", "within scenes", words, figures)
    if duplicates.unread:
        words = f"{duplicates.unread} samples have no image that can be read, and are compared with no other."
        yield Finding("unread", "note", "images", words, {"samples": duplicates.unread})


def _figures(contents: Contents, groups: Sequence[Sequence[Place]], samples: int, unread: int) -> Duplicates:
    across = within = 0
    pairs: Counter[tuple[int, int]] = Counter()
    for group in groups:
        first = group[0][0]
        for scene, places in groupby(group, key=lambda place: place[0]):
            size = sum(1 for _ in places)
            if scene == first:
                within += size - 1
            else:
                across += size
                pairs[scene, first] += size
    most = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:_MOST_SCENES]
    name = [scene.name for scene in contents.scenes]
    repeated = tuple(Repeated(name[scene], name[first], count) for (scene, first), count in most)
    return Duplicates(samples, across, within, repeated, unread)


def _pairs(contents: Contents, places: Sequence[Place]) -> Iterator[tuple[Place, Place]]:
    """Near-duplicates among samples with equally many of each class."""
    bits = np.array([contents.scenes[scene].samples[k].fingerprint for scene, k in places], np.uint64)
    for begin in range(0, len(places), _ROWS):
        rows = bits[begin : begin + _ROWS]
        apart = _BITS[(rows[:, None] ^ bits[None, begin:])[..., None].view(np.uint8)].sum(axis=-1)
        for row, column in np.argwhere(apart <= _MOST_BITS).tolist():
            first, second = places[begin + row], places[begin + column]
            if row < column and _same_layout(
                *(contents.scenes[scene].samples[k].layout for scene, k in (first, second))
            ):
                yield first, second


def _same_layout(first: Sequence[Labelled], second: Sequence[Labelled]) -> bool:
    """Whether everybody of the one has somebody of the same class at the same place in the other."""
    for category in {labelled.category for labelled in first}:
        here, there = (
            np.array([(each.x_m, each.y_m) for each in layout if each.category == category])
            for layout in (first, second)
        )
        apart: npt.NDArray[np.float64] = np.linalg.norm(here[:, None] - there[None], axis=-1)
        if apart.min(axis=1).max() > _MOST_OFF_M or len(set(apart.argmin(axis=1).tolist())) < len(here):
            return False
    return True


def _leader(leaders: dict[Place, Place], place: Place) -> Place:
    while leaders.setdefault(place, place) != place:
        place = leaders[place]
    return place


def _join(leaders: dict[Place, Place], first: Place, second: Place) -> None:
    low, high = sorted((_leader(leaders, first), _leader(leaders, second)))
    leaders[high] = low
