"""How far the labels of a dataset are off, as a verification of it measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from av_synth.verify import CHECKS, VerifyReport
from av_synth.verify.measures import QUANTITIES


@dataclass(frozen=True)
class Quantity:
    """One figure of labels over the whole dataset: its name, what it is, its unit, of how many, and its spread."""

    name: str
    about: str
    unit: str
    count: int
    mean: float
    p95: float
    largest: float


@dataclass(frozen=True)
class LabelFigures:
    """What a verification says of labels: a sentence, and figures."""

    verdict: str
    rows: tuple[Quantity, ...]

    def sentences(self) -> Iterator[str]:
        """All of it as sentences."""
        yield self.verdict
        for row in self.rows:
            figures = f"mean {row.mean:.3g} {row.unit}, 95 % below {row.p95:.3g}, {row.count} values"
            yield f"{row.name} ({row.about}): {figures}."


def figures_of(report: VerifyReport) -> LabelFigures:
    """The figures of a verification, by class, range and visibility taken together."""
    if report.ok:
        things, checks = sum(report.counts.values()), len(report.counts)
        verdict = f"`av-synth verify` found nothing untrue in {checks} of {len(CHECKS)} checks on {things:,} things."
    else:
        named = ", ".join(f"{check} ({count:,})" for check, count in report.found.items())
        verdict = f"**NOT TRUE**: `av-synth verify` found what is wrong: {named}."
    rows = []
    for name in QUANTITIES:
        spread = report.measures.overall(name)
        if spread.n:
            unit, about = QUANTITIES[name]
            rows.append(Quantity(name, about, unit, spread.n, spread.mean, spread.percentile(0.95), spread.largest))
    return LabelFigures(verdict, tuple(rows))
