"""The whole audit: what is read once, and who says what of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from av_synth.audit import bias, drift, duplicates, leaks, propose
from av_synth.audit.contents import by_slice, contents, together
from av_synth.audit.domain import domain_coverage, load
from av_synth.audit.model import Audit, Coverage, Finding, by_severity
from av_synth.audit.parameters import coverage_of
from av_synth.errors import UserError
from av_synth.query import version_of

STRENGTHS = (2, 3)
"""Of coverage: all pairs of axes, or all triples."""


def audit(
    dataset: Path,
    against: Sequence[Path] = (),
    odd: str | None = None,
    *,
    strength: int = 2,
    seed: int = 0,
    version: str | None = None,
    against_version: str | None = None,
) -> Audit:
    """Find out whether a dataset in nuScenes format is worth training on. It is not changed.

    Args:
        dataset: the folder that holds v1.0-*/, samples/ and so on; one of av_synth or any other.
        against: other such folders, of earlier batches or a reference, taken together: what is missing, what drifted,
            and what was there before.
        odd: an operational design domain, by its built-in name or the path of a YAML file.
        strength: t of t-wise coverage, 2 or 3.
        seed: of the relabelled scenes that stand for chance; equal data and seed give equal figures.
        version: the dataset's folder of tables, if there are several.
        against_version: that of the others.

    Raises:
        UserError: if the strength is another, a dataset is not there or has no sample, or is to be compared with
            itself.
        DocumentError: if the design domain cannot be read, or says something wrong.
        StoreError: if a dataset cannot be read.
    """
    if strength not in STRENGTHS:
        raise UserError(f"strength {strength}; want {' or '.join(map(str, STRENGTHS))}")
    version = version_of(dataset, version)
    others = [(each, version_of(each, against_version, "--against-version")) for each in against]
    if (dataset.resolve(), version) in [(each.resolve(), its_version) for each, its_version in others]:
        raise UserError(f"{dataset}: is the dataset itself; want another one to compare it with")
    domain = load(odd) if odd is not None else None
    here = contents(dataset, version, domain.axes if domain else ())
    other = together([contents(*each) for each in others]) if others else None
    for batch, paths in ((here, [dataset]), (other, against)):
        if batch is not None and not batch.scenes:
            raise UserError(f"{', '.join(map(str, paths))}: has no sample; want a dataset with scenes in it")
    rng = np.random.default_rng(seed)
    groups, repeated = duplicates.groups_of(here, other)
    distinct = drift.diversity(here, other, rng)
    moved = drift.drifts(here, other, rng) if other else ()
    found: list[Finding] = [
        *duplicates.findings(repeated, other.name if other else ""),
        *leaks.findings(here, groups),
        *bias.one_value_findings(here),
        *bias.over_represented_findings(here),
        *bias.bias_findings(here, rng),
    ]
    if other is not None:
        found += drift.missing_findings(here, other)
        found += drift.drift_findings(moved, here, other)
        found += drift.collapse_findings(distinct, other)
    coverages: list[Coverage] = []
    gaps = []
    for coverage, gap, finding in coverage_of(here, strength, rng):
        coverages.append(coverage)
        gaps.append(gap)
        found += [finding] if finding else []
    missing = None
    if domain is not None:
        coverage, findings, cells = domain_coverage(here, domain, strength)
        coverages.append(coverage)
        found += findings
        missing = domain, cells
    return Audit(
        dataset=str(dataset),
        against=tuple(map(str, against)),
        odd=domain.name if domain else "",
        scenes=len(here.scenes),
        samples=here.samples,
        annotations=here.annotations,
        findings=by_severity(found),
        contents=by_slice(here, other),
        coverage=tuple(coverages),
        duplicates=repeated,
        diversity=distinct,
        drift=moved,
        campaign=propose.proposed(here, other, gaps, missing, found),
    )
