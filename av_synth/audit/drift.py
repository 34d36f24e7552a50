"""What a dataset lacks, has too much of, and has lost in variety, beside another one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from av_synth.audit import nulls
from av_synth.audit.contents import COUNTED, Contents, values_of
from av_synth.audit.features import NOT_OF_ALL, effective_samples
from av_synth.audit.model import Diversity, Drift, Finding, Severity
from av_synth.audit.nulls import ALPHA, Array

_SOME, _MUCH = 0.1, 0.25  # of the population stability index
_COLLAPSED, _FAR_COLLAPSED = 0.8, 0.5  # of the ratio of distinct samples
_MAYBE = 0.1  # probability of chance from which on nothing is said
_TOLD_VALUES = 3


def drifts(here: Contents, other: Contents, rng: np.random.Generator) -> tuple[Drift, ...]:
    """Every slice that both tell, against scenes that are put into the two at random."""
    first, scenes = len(here.scenes), len(here.scenes) + len(other.scenes)
    labels = nulls.relabelled(rng, scenes, first)
    found = []
    for name in (each.name for each in COUNTED if each.name in here.told & other.told):
        values = values_of(name, here, other)
        counts = np.concatenate([here.counts(name, values), other.counts(name, values)])
        now, before = counts[:first].sum(axis=0), counts[first:].sum(axis=0)
        by_chance = labels @ counts
        # not the divergence: where values are rare it swings more, and finds less
        observed = float(nulls.association(np.stack([now, before])))
        p = nulls.p_value(observed, nulls.association(np.stack([by_chance, now + before - by_chance], axis=1)))
        found.append(Drift(name, nulls.stability_index(now, before), nulls.divergence_bits(now, before), p))
    corrected = nulls.holm([drift.p for drift in found])
    return tuple(Drift(one.slice, one.psi, one.divergence_bits, p) for one, p in zip(found, corrected, strict=True))


def drift_findings(found: tuple[Drift, ...], here: Contents, other: Contents) -> Iterator[Finding]:
    """What is to be said of slices that moved, and of those that cannot be compared."""
    moved = [drift for drift in found if drift.psi >= _SOME]
    # whole numbers beside a fraction: of many scenes they are larger than any float
    few = math.comb(len(here.scenes) + len(other.scenes), len(here.scenes)) < len(found) / ALPHA
    for name in _elsewhere(here, other):
        words = f"No {name} of this dataset is one of {other.name}; what comes of that shows under the other slices."
        yield Finding("drift", "note", name, words, {})
    for drift in moved:
        if drift.slice in _elsewhere(here, other):
            continue
        values = values_of(drift.slice, here, other)
        now, before = (nulls.shares(each.counts(drift.slice, values).sum(axis=0)) for each in (here, other))
        order = np.argsort(now - before, kind="stable")
        more = [_share(values[k], now[k], before[k]) for k in order[::-1][:_TOLD_VALUES] if now[k] - before[k] > 0.01]
        less = [_share(values[k], now[k], before[k]) for k in order[:_TOLD_VALUES] if now[k] - before[k] < -0.01]
        figures = {"psi": drift.psi, "divergence_bits": drift.divergence_bits, "p": drift.p, "more": more, "less": less}
        told = f"over-represented: {', '.join(more) or 'nothing'}; under-represented: {', '.join(less) or 'nothing'}"
        if drift.p <= ALPHA:
            severity: Severity = "serious" if drift.psi >= _MUCH else "warning"
            words = f"{drift.slice} is not as in {other.name} (PSI {drift.psi:.2f}): {told}."
            yield Finding("drift", severity, drift.slice, words, figures)
        elif few or drift.p <= _MAYBE:
            words = f"{drift.slice} may differ ({told}); so few scenes cannot tell that from chance (p {drift.p:.2g})."
            yield Finding("drift", "note", drift.slice, words, figures)
    untold = sorted(here.told ^ other.told)
    if untold:
        words = f"Only one of the two datasets tells {', '.join(untold)}; nothing is said of what changed there."
        yield Finding("drift", "note", "untold", words, {"slices": untold})


def missing_findings(here: Contents, other: Contents) -> Iterator[Finding]:
    """Values that the other dataset has and this one has not: the likelier by chance, the milder."""
    scenes, others = len(here.scenes), len(other.scenes)
    apart = _elsewhere(here, other)
    wanted = [each for each in COUNTED if each.name in here.told & other.told and each.name not in apart]
    tests = sum(len(values_of(each.name, other)) for each in wanted)
    for each in wanted:
        for value in values_of(each.name, other):
            having = int(np.count_nonzero(other.counts(each.name, [value])))
            if any(scene.counts[each.name][value] for scene in here.scenes):
                continue
            # that all scenes with it are among those of the other
            p = min(1.0, nulls.all_of_one_kind(having, others, scenes + others) * tests)
            figures = {"scenes": 0, "scenes_of_other": having, "of_scenes_of_other": others, "p": p}
            there = f"{other.name} has it in {having} of {others}"
            what = f"{each.name} {value} is in none of {scenes} scenes; {there}"
            if p <= ALPHA:
                severity: Severity = "serious" if each.name in ("class", "weather", "light") else "warning"
                yield Finding("missing", severity, f"{each.name}={value}", f"{what}.", figures)
            else:
                words = f"{what}, which may be chance."
                yield Finding("missing", "note", f"{each.name}={value}", words, figures)


def diversity(here: Contents, other: Contents | None, rng: np.random.Generator) -> Diversity:
    """How many distinct samples there are in effect; beside another dataset, in what both of them tell."""
    if other is None:
        return Diversity(float(effective_samples(_spreads(here, bare=False).sum(axis=0))), None, None)
    bare = not NOT_OF_ALL.issubset(here.told & other.told)
    spreads = np.concatenate([_spreads(here, bare), _spreads(other, bare)])
    first, total = len(here.scenes), spreads.sum(axis=0)
    mine = spreads[:first].sum(axis=0)
    now, before = float(effective_samples(mine)), float(effective_samples(total - mine))
    if now > _COLLAPSED * before:
        return Diversity(now, before, None)
    labels = nulls.relabelled(rng, len(spreads), first)
    mine_only = np.zeros((1, len(spreads)))
    mine_only[0, :first] = 1.0
    p = nulls.p_value(float(_lost(mine_only, spreads)[0]), _lost(labels, spreads))
    return Diversity(now, before, p)


def collapse_findings(found: Diversity, other: Contents) -> Iterator[Finding]:
    """What is to be said if there are fewer distinct samples than there were."""
    before, p = found.other_effective_samples, found.p
    if before is None or p is None or p > ALPHA:
        return
    ratio = found.effective_samples / before
    words = (
        f"The samples are as diverse as {found.effective_samples:.1f} distinct ones, those of {other.name} as "
        f"{before:.1f}: the variety has collapsed to {ratio:.0%}."
    )
    figures = {"effective_samples": found.effective_samples, "other": before, "ratio": ratio, "p": p}
    yield Finding("collapse", "serious" if ratio < _FAR_COLLAPSED else "warning", "diversity", words, figures)


def _elsewhere(here: Contents, other: Contents) -> list[str]:
    """Slices of the datasets' own words in which the two have nothing in common: a real one was driven elsewhere."""
    both = [name for name in ("scenario", "town") if name in here.told & other.told]
    return [name for name in both if not set(values_of(name, here)) & set(values_of(name, other))]


def _lost(labels: Array, spreads: Array) -> Array:
    """By labels (N, scenes), how much less diverse those are that have one than the others: a logarithm of a ratio.

    Of the Vendi score of order 2 (Pasarkar and Dieng 2024), the inverse of the spectrum's sum of squares, because that
    of a sum of scenes comes of their products in pairs, without a spectrum.
    """
    flat = spreads.reshape(len(spreads), -1)
    products, sizes = flat @ flat.T, np.trace(spreads, axis1=1, axis2=2)

    def score(chosen: Array) -> Array:
        return (chosen @ sizes) ** 2 / np.einsum("ns,st,nt->n", chosen, products, chosen, optimize=True)

    return np.log(score(1.0 - labels)) - np.log(score(labels))


def _spreads(batch: Contents, bare: bool) -> Array:
    return np.stack([scene.bare_spread if bare else scene.spread for scene in batch.scenes])


def _share(value: str, now: float, before: float) -> str:
    return f"{value} ({now:.0%}, there {before:.0%})"
