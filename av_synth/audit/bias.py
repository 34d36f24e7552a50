"""Who occurs only, or mostly, under one condition: what a model may learn in place of what it should."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from av_synth.audit import nulls
from av_synth.audit.contents import CONDITION_SLICES, Contents, values_of
from av_synth.audit.model import Finding
from av_synth.audit.nulls import ALPHA, Array

_MANY_SCENES = 6  # from so many on, one value alone is no chance: of two equally frequent ones, once in 32
_MOST = 0.8  # of all that are under a slice's values
_STRONG = 0.3  # of Cramer's V
_ALPHA_OF_EACH = ALPHA / 2  # there are two ways to ask for bias, and together they are one kind


def one_value_findings(here: Contents) -> Iterator[Finding]:
    """Conditions that are the same throughout."""
    scenes = len(here.scenes)
    if scenes < 2:
        return
    for name in (*CONDITION_SLICES, "scenario"):
        values = values_of(name, here)
        if name not in here.told or len(values) != 1:
            continue
        alarm = scenes >= _MANY_SCENES and name != "scenario"
        words = f"All {scenes} scenes have {name} {values[0]}: what is learned of them may hold there only. " + (
            "Draw some in others." if name == "scenario" else f"Draw some of them in another {name}."
        )
        figures = {"scenes": scenes, "value": values[0]}
        yield Finding("one value", "warning" if alarm else "note", f"{name}={values[0]}", words, figures)


def over_represented_findings(here: Contents) -> Iterator[Finding]:
    """Values that have almost everything, though there are others: what is rare is learned from little."""
    for name in (*CONDITION_SLICES, "scenario", "class"):
        values = values_of(name, here)
        if name not in here.told or len(values) < 2:
            continue
        counts = here.counts(name, values).sum(axis=0)
        share = nulls.shares(counts)
        most, least = int(share.argmax()), int(share.argmin())
        if share[most] < _MOST:
            continue
        words = f"{name} {values[most]} has {share[most]:.0%} of what is there, {values[least]} has {share[least]:.1%}."
        figures = {"share": float(share[most]), "least": values[least], "share_of_least": float(share[least])}
        yield Finding("over-represented", "note", f"{name}={values[most]}", words, figures)


def bias_findings(here: Contents, rng: np.random.Generator) -> Iterator[Finding]:
    """Classes that go with conditions."""
    classes = values_of("class", here)
    conditions = [
        (name, values) for name in CONDITION_SLICES if name in here.told and len(values := values_of(name, here)) > 1
    ]
    if not classes or not conditions:
        return
    instances = np.array([[scene.instances[each] for each in classes] for scene in here.scenes], float)
    order = np.argsort(rng.random((nulls.RELABELLINGS, len(here.scenes))), axis=1)
    measured = []
    for name, values in conditions:
        held = nulls.shares(here.counts(name, values))
        observed = float(nulls.association(instances.T @ held))
        by_chance = nulls.association(np.einsum("sc,nsv->ncv", instances, held[order], optimize=True))
        measured.append((name, values, held, observed, nulls.p_value(observed, by_chance)))
    corrected = nulls.holm([p for *_, p in measured])
    tests = len(classes) * sum(len(values) for _, values in conditions)  # a class may be under any one value only
    for (name, values, held, observed, _), p in zip(measured, corrected, strict=True):
        alone = list(_alone(classes, instances, name, values, held, tests))
        yield from alone
        if observed >= _STRONG and p <= _ALPHA_OF_EACH and not any(finding.severity != "note" for finding in alone):
            yield _associated(classes, instances, name, values, held, observed, p)


def _alone(
    classes: list[str], instances: Array, name: str, values: list[str], held: Array, tests: int
) -> Iterator[Finding]:
    """Classes that occur under one value only, though there are others."""
    scenes = len(held)
    for k, category in enumerate(classes):
        there = instances[:, k] > 0
        under = held[there].sum(axis=0)
        only = int(under.argmax())
        if np.count_nonzero(under) != 1:
            continue
        having, having_value = int(there.sum()), int(np.count_nonzero(held[:, only] == 1.0))
        p = min(1.0, nulls.all_of_one_kind(having, having_value, scenes) * tests)
        if p > _ALPHA_OF_EACH:
            continue
        words = (
            f"{category} occurs in {name} {values[only]} only, in {having} scenes; {having_value} of all {scenes} "
            f"scenes are so. A model may take {values[only]} for a sign of it."
        )
        figures = {"scenes": having, "scenes_of_value": having_value, "of_scenes": scenes, "p": p}
        yield Finding("bias", "serious", f"{category}, {name}={values[only]}", words, figures)


def _associated(
    classes: list[str], instances: Array, name: str, values: list[str], held: Array, observed: float, p: float
) -> Finding:
    table = instances.T @ held
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / max(table.sum(), 1.0)
    strongest = np.unravel_index(int(np.argmax((table - expected) / np.sqrt(np.maximum(expected, 1e-9)))), table.shape)
    k, v = int(strongest[0]), int(strongest[1])
    mine, usual = table[k, v] / table[k].sum(), table[:, v].sum() / table.sum()
    words = (
        f"Which classes occur goes with {name} (Cramer's V {observed:.2f}): most of all, {mine:.0%} of {classes[k]} "
        f"are in {name} {values[v]}, of all classes {usual:.0%}."
    )
    figures = {"cramers_v": observed, "p": p, "share": float(mine), "share_of_all": float(usual)}
    return Finding("bias", "warning", f"{classes[k]}, {name}={values[v]}", words, figures)
