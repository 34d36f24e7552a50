"""What a detector found, held against what was there: matching, what is ignored, precision, recall, average precision.

The rules are COCO's (Lin et al. 2014; pycocotools' cocoeval): detections by falling score each take the free object
that they overlap most, at an intersection over union of at least one half; one that takes none but an ignored object,
or that is itself too small to count, is neither a hit nor a false alarm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

IOU_AT_LEAST = 0.5
SCORE_AT_LEAST = 0.3  # what YOLOX's own demo shows; never tuned
LEAST_HEIGHT_PX, LEAST_VISIBLE = 40.0, 0.6
_RECALLS = np.linspace(0.0, 1.0, 101)

Box = tuple[float, float, float, float]
"""left, top, right, bottom in pixels of the image that the judge sees; right and bottom are outside."""


@dataclass(frozen=True)
class Truth:
    """One object that a picture shows.

    Attributes:
        group: what it is counted as: `car`, `large` (trucks, buses, trailers ...), `person`, `rider`, `cycle` ...
        accepts: classes of the detector that name it rightly.
        kin: classes that name it nearly: a truck called a car.
        box: around the pixels that are its own.
        visible: share of it that is in the picture and not hidden.
        distance_m: to the camera.
        body: its blueprint id.
        counts: False for what is ignored whatever its size: the ego, and animals.
    """

    group: str
    accepts: frozenset[str]
    kin: frozenset[str]
    box: Box
    visible: float
    distance_m: float
    body: str
    counts: bool = True

    @property
    def large_enough(self) -> bool:
        """Whether it is to be found: neither small nor hidden."""
        return self.counts and height(self.box) >= LEAST_HEIGHT_PX and self.visible >= LEAST_VISIBLE


@dataclass(frozen=True)
class Found:
    """One detection: its class by COCO's name, score, box, and the distance (m) of the surface in its middle."""

    label: str
    score: float
    box: Box
    distance_m: float = 0.0


@dataclass(frozen=True)
class Picture:
    """What one picture shows and what was found in it."""

    truths: tuple[Truth, ...]
    found: tuple[Found, ...]


@dataclass(frozen=True)
class Question:
    """What is asked for.

    Attributes:
        groups: of truths that are to be found.
        labels: classes whose detections may be false alarms.
        lenient: near classes name an object too, and on an object of another group they are no false alarm.
        near_m, far_m: only what is there.
        bodies: only these blueprint ids; empty for all.
    """

    groups: frozenset[str]
    labels: frozenset[str]
    lenient: bool = False
    near_m: float = 0.0
    far_m: float = np.inf
    bodies: frozenset[str] = frozenset()

    def wants(self, truth: Truth) -> bool:
        """Whether an object is to be found."""
        return (
            truth.large_enough
            and truth.group in self.groups
            and self.near_m <= truth.distance_m < self.far_m
            and (not self.bodies or truth.body in self.bodies)
        )

    def named(self, truth: Truth, label: str) -> bool:
        """Whether a class is a name of an object."""
        return label in truth.accepts or (self.lenient and label in truth.kin)

    def minds(self, found: Found) -> bool:
        """Whether a detection of nothing is a false alarm."""
        tall = height(found.box) >= LEAST_HEIGHT_PX
        return found.label in self.labels and tall and self.near_m <= found.distance_m < self.far_m


QUESTIONS = {
    "car": Question(frozenset({"car"}), frozenset({"car"})),
    "person": Question(frozenset({"person"}), frozenset({"person"})),
    "person with things": Question(frozenset({"person with things"}), frozenset()),
    "rider": Question(frozenset({"rider"}), frozenset({"person"})),
    "cycle": Question(frozenset({"cycle"}), frozenset({"bicycle", "motorcycle"})),
    "large": Question(frozenset({"large"}), frozenset({"truck", "bus"})),
}
"""By the group that is asked for."""


@dataclass(frozen=True)
class Matches:
    """What became of a picture.

    Attributes:
        hits: (detection, object) by their places in the picture.
        missed: objects that were to be found.
        false: detections of nothing.
    """

    hits: tuple[tuple[int, int], ...]
    missed: tuple[int, ...]
    false: tuple[int, ...]


@dataclass
class Tally:
    """Objects and detections over pictures, as a question has them.

    Attributes:
        wanted: objects that were to be found.
        scored: (score, whether it is a hit) of each detection that counts.
    """

    wanted: int = 0
    scored: list[tuple[float, bool]] = field(default_factory=list)

    def recall(self, score_at_least: float) -> float | None:
        """Share of the objects that were found; None if there were none."""
        hits = sum(hit for score, hit in self.scored if score >= score_at_least)
        return hits / self.wanted if self.wanted else None

    def precision(self, score_at_least: float) -> float | None:
        """Share of the detections that are right; None if there were none."""
        kept = [hit for score, hit in self.scored if score >= score_at_least]
        return sum(kept) / len(kept) if kept else None

    def average_precision(self) -> float | None:
        """Mean over 101 recalls of the best precision at that recall or a higher one; None if nothing was wanted."""
        if not self.wanted:
            return None
        ordered = np.array([hit for _, hit in sorted(self.scored, key=lambda each: -each[0])], dtype=float)
        hits = np.cumsum(ordered)
        precision = hits / np.arange(1, len(hits) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        places = np.searchsorted(hits / self.wanted, _RECALLS, side="left")
        return float(np.mean([best[place] if place < len(best) else 0.0 for place in places]))


def height(box: Box) -> float:
    """Of a box, pixels."""
    return box[3] - box[1]


def match(picture: Picture, question: Question, score_at_least: float = 0.0) -> Matches:
    """Match detections of a score with objects, as the module's head says.

    A detection that lies mostly inside an ignored object is ignored too, as in COCO's crowds: what the ignored thing
    is cut into by what stands before it has no box of its own. So is a second name of an object that has several.
    """
    free = {at for at, truth in enumerate(picture.truths) if question.wants(truth)}
    called: dict[int, str] = {}
    wanted, hits, false = frozenset(free), [], []
    order = sorted(range(len(picture.found)), key=lambda at: -picture.found[at].score)
    for at in order:
        found = picture.found[at]
        if found.score < score_at_least:
            continue
        near = [(_iou(found.box, picture.truths[k].box), k) for k in sorted(free)]
        near = [(iou, k) for iou, k in near if iou >= IOU_AT_LEAST and question.named(picture.truths[k], found.label)]
        if near:
            taken = max(near, key=lambda each: each[0])[1]
            free.remove(taken)
            called[taken] = found.label
            hits.append((at, taken))
        elif not (
            not question.minds(found)
            or _ignored(found, picture.truths, wanted, question)
            or _another_name(found, picture.truths, called, question)
        ):
            false.append(at)
    return Matches(tuple(hits), tuple(sorted(free)), tuple(false))


def tally(pictures: Iterable[Picture], question: Question) -> Tally:
    """Count over pictures."""
    total = Tally()
    for picture in pictures:
        matches = match(picture, question)
        total.wanted += len(matches.hits) + len(matches.missed)
        total.scored += [(picture.found[at].score, True) for at, _ in matches.hits]
        total.scored += [(picture.found[at].score, False) for at in matches.false]
    return total


def by_body(pictures: Iterable[Picture]) -> dict[str, dict[str, dict[str, float]]]:
    """By group and blueprint id, the worst first: how many were to be found, and recall, strict and lenient."""
    pictures, told = tuple(pictures), {}
    for group, question in QUESTIONS.items():
        strict, lenient = _each_body(pictures, question), _each_body(pictures, replace(question, lenient=True))
        bodies = {
            body: {
                "objects": len(hits),
                "recall": round(sum(hits) / len(hits), 3),
                "lenient": round(sum(lenient[body]) / len(hits), 3),
            }
            for body, hits in sorted(strict.items())
        }
        if bodies:
            told[group] = dict(sorted(bodies.items(), key=lambda each: each[1]["recall"]))
    return told


def _each_body(pictures: Iterable[Picture], question: Question) -> dict[str, list[bool]]:
    """Of each object that was to be found, whether it was, by blueprint id."""
    seen: dict[str, list[bool]] = defaultdict(list)
    for picture in pictures:
        matches = match(picture, question, SCORE_AT_LEAST)
        for at, hit in [*((at, True) for _, at in matches.hits), *((at, False) for at in matches.missed)]:
            seen[picture.truths[at].body].append(hit)
    return seen


def _another_name(found: Found, truths: Sequence[Truth], called: Mapping[int, str], question: Question) -> bool:
    """Whether a detection is of an object that was found already by another of its names."""
    return any(
        label != found.label
        and question.named(truths[at], found.label)
        and _iou(found.box, truths[at].box) >= IOU_AT_LEAST
        for at, label in called.items()
    )


def _ignored(found: Found, truths: Sequence[Truth], wanted: Collection[int], question: Question) -> bool:
    """Whether a detection is of something that is there and not asked for."""
    for at, truth in enumerate(truths):
        if at in wanted:
            continue
        another = question.lenient and found.label in truth.kin
        if not truth.counts or another or found.label in truth.accepts:
            shared = _shared(found.box, truth.box)
            if shared >= IOU_AT_LEAST * _area(found.box) or _iou(found.box, truth.box) >= IOU_AT_LEAST:
                return True
    return False


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _shared(one: Box, two: Box) -> float:
    return _area((max(one[0], two[0]), max(one[1], two[1]), min(one[2], two[2]), min(one[3], two[3])))


def _iou(one: Box, two: Box) -> float:
    shared = _shared(one, two)
    return shared / (_area(one) + _area(two) - shared) if shared else 0.0
