"""What an audit says: findings in plain language, and the figures behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["serious", "warning", "note"]
"""`serious` and `warning` are alarms; a `note` is worth knowing and may be chance, or meant."""

Kind = Literal[
    "missing",
    "one value",
    "over-represented",
    "bias",
    "coverage",
    "near-duplicates",
    "drift",
    "collapse",
    "leak",
    "unread",
]

_ORDER = ("serious", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that an audit found.

    Attributes:
        kind: what kind of thing.
        severity: how bad it is.
        about: what it is about: a slice with its value, two splits, a scenario.
        words: what was found, and what can be done, for people.
        figures: the numbers that the words stand on, and names, by name.
    """

    kind: Kind
    severity: Severity
    about: str
    words: str
    figures: Mapping[str, object]


@dataclass(frozen=True)
class ValueCount:
    """How much of a dataset is under one value of a slice.

    Attributes:
        value: the value, such as '10..20 m'.
        count: so many samples, or things in samples.
        scenes: scenes with any.
        share: 0 to 1, of all that are under a known value.
        other_share: the same of the other dataset; None without one, or where it does not tell.
    """

    value: str
    count: int
    scenes: int
    share: float
    other_share: float | None


@dataclass(frozen=True)
class SliceContents:
    """A dataset told apart by one slice.

    Attributes:
        name, about, of_sample: of the slice.
        values: what was counted, in the slice's order.
        entropy_nats: of the shares (Shannon, natural logarithm).
        effective_values: exp of it: so many equally frequent values would be as diverse.
    """

    name: str
    about: str
    of_sample: bool
    values: tuple[ValueCount, ...]
    entropy_nats: float
    effective_values: float


@dataclass(frozen=True)
class PairTable:
    """How many scenes have each combination of the values of two axes; None where it cannot be.

    Attributes:
        axes: names of both.
        rows, columns: values of the first and of the second.
        scenes: (rows, columns) of counts.
    """

    axes: tuple[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    scenes: tuple[tuple[int | None, ...], ...]


Combination = Mapping[str, str]
"""Values by axis."""


@dataclass(frozen=True)
class Coverage:
    """Which combinations of values occur together.

    Attributes:
        what: the scenario or the design domain that the axes are of.
        kind: 'parameters' of a scenario, or 'domain'.
        strength: t: combinations of so many axes.
        scenes: that were looked at.
        possible, covered: combinations that can be, and those of them that occur.
        expected: how many of as many draws of the scenario would be covered, on average; None where nobody can say.
        missing: combinations that do not occur, at most 200.
        tables: of pairs of axes, at most 12.
    """

    what: str
    kind: Literal["parameters", "domain"]
    strength: int
    scenes: int
    possible: int
    covered: int
    expected: float | None
    missing: tuple[Combination, ...]
    tables: tuple[PairTable, ...]


@dataclass(frozen=True)
class Repeated:
    """Two scenes with samples that look and are labelled the same."""

    scene: str
    first: str
    samples: int


@dataclass(frozen=True)
class Duplicates:
    """Samples that look and are labelled the same.

    Attributes:
        samples: that could be compared.
        across: those that repeat a sample of an earlier scene.
        within: those that repeat an earlier sample of their own scene and of no other: mostly the ego stands still.
        scenes: pairs of scenes, those with most samples first, at most 100.
        before: those that repeat a sample of the other dataset; 0 without one.
        scenes_before: pairs of a scene and one of the other dataset, likewise.
        unread: samples whose image could not be read, which are not compared.
    """

    samples: int
    across: int
    within: int
    scenes: tuple[Repeated, ...]
    before: int
    scenes_before: tuple[Repeated, ...]
    unread: int


@dataclass(frozen=True)
class Diversity:
    """How many distinct samples there are in effect (`features` says in what space, and after whom).

    Attributes:
        effective_samples: Vendi score.
        other_effective_samples: of the other dataset; None without one.
        p: of so much less by chance, scenes put into the two at random; None if that was not asked
    """

    effective_samples: float
    other_effective_samples: float | None
    p: float | None


@dataclass(frozen=True)
class Drift:
    """How far a slice is from the other dataset's.

    Attributes:
        slice: its name.
        psi: population stability index.
        divergence_bits: Jensen-Shannon divergence, 0 (equal) to 1 (nothing in common).
        p: that the slice goes so far with which dataset it is (Cramer's V) by chance, scenes put into the two at
            random; corrected for the number of slices.
    """

    slice: str
    psi: float
    divergence_bits: float
    p: float


@dataclass(frozen=True)
class Audit:
    """What is in a dataset, and whether it is worth training on.

    Attributes:
        dataset, against, odd: what was looked at, beside what, for which design domain ('' for none).
        scenes, samples, annotations: how many.
        findings: alarms first.
        contents: by slice.
        coverage: of the parameters of each scenario, and of the design domain.
        duplicates, diversity: of samples.
        drift: by slice; empty without another dataset.
        campaign: text of a YAML file for `av-synth campaign` that fills the largest gaps; '' if there is none to fill.
    """

    dataset: str
    against: tuple[str, ...]
    odd: str
    scenes: int
    samples: int
    annotations: int
    findings: tuple[Finding, ...]
    contents: tuple[SliceContents, ...]
    coverage: tuple[Coverage, ...]
    duplicates: Duplicates
    diversity: Diversity
    drift: tuple[Drift, ...]
    campaign: str

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """Findings that are no mere notes."""
        return tuple(finding for finding in self.findings if finding.severity != "note")

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {"schema": 1, **asdict(self)}


def by_severity(findings: list[Finding]) -> tuple[Finding, ...]:
    """The worst first, else in their order."""
    return tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.severity)))
