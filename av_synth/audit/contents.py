"""What is in a dataset, counted scene by scene: scenes are what chance deals, so nothing is kept that is larger."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from av_synth.audit.features import bare, features, look, spread
from av_synth.audit.model import SliceContents, ValueCount
from av_synth.audit.nulls import Array, entropy_nats
from av_synth.query import SLICES, UNKNOWN, SampleFacts, Slice, Tables, Thing, as_number, read
from av_synth.query.conditions import Value

COUNTED = tuple(each for name, each in SLICES.items() if name != "scene")
_ONLY_IF_TOLD = {"ttc": "ttc_s"}  # slices that have a value for whom nothing is told, if it is told of others
CONDITION_SLICES = ("weather", "light", "town")


@dataclass(frozen=True)
class Labelled:
    """Who is in a sample: by category, where from the ego (x ahead, y left, metres)."""

    category: str
    x_m: float
    y_m: float


@dataclass(frozen=True)
class SampleLook:
    """A sample as it is compared with others; `fingerprint` is None if its image could not be read."""

    token: str
    fingerprint: int | None
    layout: tuple[Labelled, ...]


@dataclass(frozen=True)
class SceneContents:
    """What is in a scene.

    Attributes:
        name: of the scene.
        values: what is so of its first sample: scenario, town, rig, seed, parameters.* ...
        fields: what anything is told by in it.
        counts: by slice and value, samples or things.
        instances: by class: of how many somebodies.
        domain: how many samples or things have such values of the axes that were asked for (`None`: another one).
        samples: as they are compared.
        spread, bare_spread: what it adds to diversity, with and without what not all datasets tell.
    """

    name: str
    values: Mapping[str, Value]
    fields: frozenset[str]
    counts: Mapping[str, Counter[str]]
    instances: Counter[str]
    domain: Counter[tuple[str | None, ...]]
    samples: tuple[SampleLook, ...]
    spread: Array
    bare_spread: Array


@dataclass(frozen=True)
class Contents:
    """A dataset.

    Attributes:
        name: what it is called in words.
        tables: its tables.
        scenes: by name.
        told: slices of which anything is known.
    """

    name: str
    tables: Tables
    scenes: tuple[SceneContents, ...]
    told: frozenset[str]

    def counts(self, name: str, values: Sequence[str]) -> Array:
        """(scenes, values) of counts of a slice."""
        return np.array([[scene.counts[name][value] for value in values] for scene in self.scenes], float)

    @property
    def samples(self) -> int:
        """How many."""
        return sum(len(scene.samples) for scene in self.scenes)

    @property
    def annotations(self) -> int:
        """How many."""
        return sum(len(sample.layout) for scene in self.scenes for sample in scene.samples)


def contents(dataset: Path, version: str | None = None, axes: Sequence[Slice] = ()) -> Contents:
    """Read a dataset, its tables and the images of its front camera's keyframes.

    Args:
        dataset: the folder that holds v1.0-*/, samples/ and so on.
        version: the folder of tables, if there are several.
        axes: slices whose combinations are counted.

    Raises:
        UserError: if there is no such dataset.
        StoreError: if it cannot be read.
    """
    tables = Tables(dataset, version)
    scenes = tuple(
        _scene(dataset, name, list(samples), axes)
        for name, samples in groupby(read(dataset, version), key=lambda sample: sample.scene)
    )
    told = set()
    for each in COUNTED:
        field = _ONLY_IF_TOLD.get(each.name)
        if any(
            scene.counts[each.name].keys() - {UNKNOWN} and (field is None or field in scene.fields) for scene in scenes
        ):
            told.add(each.name)
    return Contents(_name(dataset.resolve()), tables, scenes, frozenset(told))


def _name(dataset: Path) -> str:
    """The folder's name; of one in a store, which is called by its format, that of the store too."""
    return f"{dataset.parent.name}/{dataset.name}" if dataset.name == "nuscenes" else dataset.name


def together(batches: Sequence[Contents]) -> Contents:
    """Several datasets as one, of which is told what all of them tell.

    Args:
        batches: at least one; tables are those of the first.
    """
    name = batches[0].name if len(batches) == 1 else f"{batches[0].name} and {len(batches) - 1} more"
    scenes = tuple(scene for batch in batches for scene in batch.scenes)
    return Contents(name, batches[0].tables, scenes, frozenset.intersection(*(batch.told for batch in batches)))


def values_of(name: str, *batches: Contents) -> list[str]:
    """Known values of a slice that occur in datasets, in the slice's order."""
    there = {value for batch in batches for scene in batch.scenes for value in scene.counts[name]} - {UNKNOWN}
    order = SLICES[name].values
    return [value for value in order if value in there] + sorted(there - set(order))


def by_slice(here: Contents, other: Contents | None) -> tuple[SliceContents, ...]:
    """Every slice of which anything is known, with the other dataset's shares beside ours."""
    return tuple(_sliced(each, here, other) for each in COUNTED if each.name in here.told)


def _sliced(each: Slice, here: Contents, other: Contents | None) -> SliceContents:
    beside = other if other is not None and each.name in other.told else None
    values = values_of(each.name, here, *([beside] if beside else []))
    counts = here.counts(each.name, values)
    total = counts.sum(axis=0)
    others = beside.counts(each.name, values).sum(axis=0) if beside else None
    rows = tuple(
        ValueCount(
            value,
            int(total[k]),
            int(np.count_nonzero(counts[:, k])),
            float(total[k] / max(total.sum(), 1.0)),
            None if others is None else float(others[k] / max(others.sum(), 1.0)),
        )
        for k, value in enumerate(values)
    )
    entropy = float(entropy_nats(total))
    return SliceContents(each.name, each.about, each.of_sample, rows, entropy, math.exp(entropy))


def _scene(dataset: Path, name: str, samples: list[SampleFacts], axes: Sequence[Slice]) -> SceneContents:
    counts: dict[str, Counter[str]] = {each.name: Counter() for each in COUNTED}
    instances: dict[str, str] = {}
    domain: Counter[tuple[str | None, ...]] = Counter()
    looks, vectors = [], []
    fields: set[str] = set()
    for sample in samples:
        for each in COUNTED:
            if each.of_sample:
                counts[each.name][each.value(sample, None)] += 1
        labelled = []
        for thing in sample.things:
            fields.update(thing.values)
            if thing.annotation_token:
                labelled.append(thing)
                instances[thing.instance_token] = str(thing.values["category"])
                for each in COUNTED:
                    if not each.of_sample:
                        counts[each.name][each.value(sample, thing)] += 1
        domain.update(_combinations(sample, labelled, axes))
        seen = look(dataset / sample.file) if sample.file else None
        looks.append(
            SampleLook(sample.sample_token, seen.fingerprint if seen else None, tuple(map(_labelled, labelled)))
        )
        vectors.append(features(sample, seen))
    stacked = np.stack(vectors)
    by_class = Counter(instances.values())
    return SceneContents(
        name,
        samples[0].values,
        frozenset(fields),
        counts,
        by_class,
        domain,
        tuple(looks),
        spread(stacked),
        spread(bare(stacked)),
    )


def _combinations(
    sample: SampleFacts, labelled: Sequence[Thing], axes: Sequence[Slice]
) -> Iterator[tuple[str | None, ...]]:
    """Values of the axes, once for each thing; of a sample with nobody in it, those of the sample."""
    if not axes:
        return
    for thing in labelled or (None,):
        yield tuple(each.value(sample, thing) if each.of_sample or thing else None for each in axes)


def _labelled(thing: Thing) -> Labelled:
    range_m, bearing_deg = (as_number(thing.values.get(field)) or 0.0 for field in ("range_m", "bearing_deg"))
    bearing_rad = math.radians(bearing_deg)
    return Labelled(str(thing.values["category"]), range_m * math.cos(bearing_rad), range_m * math.sin(bearing_rad))
