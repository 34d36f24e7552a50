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

from av_synth.audit.contents import Contents, Labelled, SceneContents
from av_synth.audit.model import Duplicates, Finding, Repeated, Severity

_MOST_BITS = 6  # of 64, that may differ in images that look the same; of images of two places it is 32 +- 4
_MOST_OFF_M = 0.5
_ROWS = 512  # compared with all others at once
_MOST_SCENES = 100
_SHARE_OF_SERIOUS, _SHARE_OF_STILL = 0.1, 0.2
_BITS = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)

Place = tuple[int, int]
"""Of a sample: number of its scene, number in it."""


def groups_of(here: Contents, other: Contents | None = None) -> tuple[list[list[Place]], Duplicates]:
    """Near-duplicates.

    Args:
        here: a dataset.
        other: another one, whose samples may be repeated in it.

    Returns:
        Groups of samples of the dataset that are all near-duplicates of one another, or of some between them; and
        figures.
    """
    scenes = (*(other.scenes if other else ()), *here.scenes)
    mine = len(scenes) - len(here.scenes)
    alike: dict[tuple[tuple[str, int], ...], list[Place]] = defaultdict(list)
    unread = 0
    for number, scene in enumerate(scenes):
        for k, sample in enumerate(scene.samples):
            if sample.fingerprint is None:
                unread += number >= mine
                continue
            classes = Counter(labelled.category for labelled in sample.layout)
            alike[tuple(sorted(classes.items()))].append((number, k))
    leaders: dict[Place, Place] = {}
    for places in alike.values():
        for first, second in _pairs(scenes, places):
            _join(leaders, first, second)
    groups: dict[Place, list[Place]] = defaultdict(list)
    for place in sorted(leaders):
        groups[_leader(leaders, place)].append(place)
    found = [groups[leader] for leader in sorted(groups)]
    names = [scene.name for scene in scenes]
    ours = [[(scene - mine, k) for scene, k in group if scene >= mine] for group in found]
    return [group for group in ours if group], _figures(names, mine, found, here.samples - unread, unread)


def findings(duplicates: Duplicates, other: str) -> Iterator[Finding]:
    """What is to be said of them; `other` is the name of the other dataset."""
    total = max(duplicates.samples, 1)
    for where, about, count, scenes in (
        ("another scene", "across scenes", duplicates.across, duplicates.scenes),
        (f"{other}", f"of {other}", duplicates.before, duplicates.scenes_before),
    ):
        if not count:
            continue
        share = count / total
        pairs = [f"{pair.scene} repeats {pair.first} ({pair.samples} samples)" for pair in scenes]
        shown = "; ".join(pairs[:3]) + (f"; and {len(pairs) - 3} more" if len(pairs) > 3 else "")
        words = (
            f"{share:.0%} of the samples ({count} of {duplicates.samples}) look and are labelled the same "
            f"as one of {where}: {shown}. They teach nothing new; leave them out."
        )
        severity: Severity = "serious" if share >= _SHARE_OF_SERIOUS else "warning"
        figures = {"samples": count, "share": share, "scenes": pairs}
        yield Finding("near-duplicates", severity, about, words, figures)
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


def _figures(
    names: Sequence[str], mine: int, groups: Sequence[Sequence[Place]], samples: int, unread: int
) -> Duplicates:
    """Figures of groups over the scenes of both datasets, of which ours begin with number `mine`."""
    across = within = before = 0
    pairs: Counter[tuple[int, int]] = Counter()
    for group in groups:
        ours = [place for place in group if place[0] >= mine]
        if ours and group[0][0] < mine:
            before += len(ours)
            pairs.update((scene, group[0][0]) for scene, _ in ours)
        for scene, places in groupby(ours, key=lambda place: place[0]):
            size = sum(1 for _ in places)
            if scene == ours[0][0]:
                within += size - 1
            else:
                across += size
                pairs[scene, ours[0][0]] += size
    most = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    here, there = (
        tuple(Repeated(names[scene], names[first], count) for (scene, first), count in some[:_MOST_SCENES])
        for some in ([one for one in most if one[0][1] >= mine], [one for one in most if one[0][1] < mine])
    )
    return Duplicates(samples, across, within, here, before, there, unread)


def _pairs(scenes: Sequence[SceneContents], places: Sequence[Place]) -> Iterator[tuple[Place, Place]]:
    """Near-duplicates among samples with equally many of each class."""
    bits = np.array([scenes[scene].samples[k].fingerprint for scene, k in places], np.uint64)
    for begin in range(0, len(places), _ROWS):
        rows = bits[begin : begin + _ROWS]
        apart = _BITS[(rows[:, None] ^ bits[None, begin:])[..., None].view(np.uint8)].sum(axis=-1)
        for row, alike in enumerate(apart <= _MOST_BITS):
            first = places[begin + row]
            for column in np.flatnonzero(alike[row + 1 :]).tolist():
                second = places[begin + row + 1 + column]
                if _same_layout(*(scenes[scene].samples[k].layout for scene, k in (first, second))):
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
