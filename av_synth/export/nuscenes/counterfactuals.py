"""Runs of one origin in one dataset: which of them has the instance tokens of all, and who is whose counterpart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from av_synth.export.nuscenes.annotations import Annotations
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.sample_data import SensorRows
from av_synth.export.nuscenes.sources import Source
from av_synth.export.rows import Row


@dataclass(frozen=True)
class _Known:
    """Tokens of what a scene has: of samples by frame of the origin, of instances by actor id there."""

    samples: Mapping[int, str]
    instances: Mapping[int, str]


class Counterfactuals:
    """Tells which runs of a dataset are of one origin, and gathers what they have in common.

    nuScenes has an instance in one scene only. So of several runs of one origin in a dataset one keeps the tokens that
    the origin gives its instances: the origin itself if it is there, else the first by run id. The others have tokens
    of their own, and a row of `counterfactuals` each.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        families: dict[str, list[Source]] = {}
        for source in sources:
            families.setdefault(source.origin.run_id, []).append(source)
        self._families = [
            sorted(family, key=lambda source: (source.run_id != source.origin.run_id, source.run_id))
            for _, family in sorted(families.items())
        ]
        self._first = {source.run_id: family[0].run_id for family in self._families for source in family}
        self._related = {source.run_id for family in self._families if len(family) > 1 for source in family}
        self._known: dict[str, _Known] = {}

    def names(self, source: Source) -> RunNames:
        """What the things of a run are called in this dataset."""
        return RunNames(source.run_id, source.origin if self._first[source.run_id] == source.run_id else None)

    def add(self, source: Source, sensor_rows: SensorRows, annotations: Annotations) -> None:
        """Keep of a run what `rows` wants, if others are of the same origin."""
        if source.run_id not in self._related:
            return
        names, origin = self.names(source), source.origin
        actors = {box["actor_id"] for box in annotations.boxes}
        self._known[source.run_id] = _Known(
            {origin.frame + frame: names.sample(frame) for frame in sensor_rows.keyframes},
            {origin.id_of(actor_id): names.instance(actor_id) for actor_id in sorted(actors)},
        )

    def rows(self) -> Iterator[Row]:
        """One row for each scene that is not the first of its origin, when all runs have been added."""
        for first, *others in self._families:
            for source in others:
                there, here = self._known[first.run_id], self._known[source.run_id]
                scene = self.names(source).scene()
                yield {
                    "token": scene,
                    "scene_token": scene,
                    "counterpart_scene_token": self.names(first).scene(),
                    "samples": _paired(here.samples, there.samples),
                    "instances": _paired(here.instances, there.instances),
                }


def _paired(here: Mapping[int, str], there: Mapping[int, str]) -> dict[str, str]:
    return {token: there[key] for key, token in here.items() if key in there}
