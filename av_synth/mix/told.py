"""What a mix says of itself: where each scene came from, its splits, and what av_synth said of its datasets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av_synth
from av_synth.export import attribution
from av_synth.export.contents import MARKER
from av_synth.export.nuscenes import official
from av_synth.export.splits import ALL, FROM
from av_synth.mix.fold import EXTRAS, Fold
from av_synth.mix.ingredients import MIX_SCENE, Row
from av_synth.query import read_json
from av_synth.store import canonical_json, write_file

_SCHEMA = 1
_PREDICTION = "maps/prediction/prediction_scenes.json"
_FUTURE_SAMPLES = 12  # that a prediction is scored on: 6 s
_LICENCES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")
_UNKNOWN = "not told"
_FOLDERS = ("can_bus", "maps/expansion")  # what some readers want of all scenes if there is such a folder


@dataclass(frozen=True)
class Portion:
    """What is of one dataset.

    Attributes:
        fold: how its rows became those of the mix.
        left_out: its tables of which nobody knows what belongs to which scene.
    """

    fold: Fold
    left_out: Sequence[str]

    @property
    def name(self) -> str:
        """Of the dataset."""
        return self.fold.ingredient.name

    @property
    def scenes(self) -> int:
        """How many are of it."""
        return len(self.fold.taken)

    @property
    def samples(self) -> int:
        """How many are of it."""
        return sum(one.samples for one in self.fold.taken)

    @property
    def licence(self) -> str:
        """What its data may be used for: as the user says, or the file of its that does."""
        ingredient = self.fold.ingredient
        found = next((name for name in _LICENCES if (ingredient.root / name).is_file()), "")
        return ingredient.licence or (f"see its file {found}" if found else _UNKNOWN)

    @property
    def attribution(self) -> str:
        """Whose the looks in it are; '' if it does not say."""
        path = self.fold.ingredient.tables / attribution.FILE
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def told(self) -> Row:
        """What mix.json says of it."""
        ingredient = self.fold.ingredient
        return {
            "name": self.name,
            "version": ingredient.version,
            "av_synth": ingredient.made_by.get("av_synth", ""),
            "licence": self.licence,
            "scenes": self.scenes,
            "samples": self.samples,
            "tables_left_out": list(self.left_out),
            "tokens_replaced": dict(sorted(self.fold.tokens.changed.items())),
            "logfiles_replaced": dict(self.fold.logfiles),
            "locations_replaced": {old: new for old, new in self.fold.locations.items() if old != new},
        }

    def scene_rows(self, split_of: Mapping[str, str]) -> Iterator[Row]:
        """Rows of `mix_scene`."""
        ingredient = self.fold.ingredient
        has = [name for name in EXTRAS if ingredient.has(name)]
        has += [name for name in _FOLDERS if (ingredient.root / name).is_dir()]
        for one in self.fold.taken:
            before = ingredient.came_from.get(one.scene.token, {})
            inner = before.get("dataset", "")
            token = self.fold.tokens(one.scene.token)
            yield {
                "token": token,
                "scene_token": token,
                "dataset": f"{self.name}/{inner}" if inner else self.name,
                "scene": before.get("scene", one.scene.name),
                "split": split_of[self.fold.scenes[one.scene.token]],
                "licence": ingredient.licence or before.get("licence", self.licence),
                "av_synth": before.get("av_synth", ingredient.made_by.get("av_synth", "")),
                "samples_left_out": len(one.scene.samples) - one.samples,
                "has": before.get("has", has),
            }


def write_documents(
    root: Path,
    version: str,
    portions: Sequence[Portion],
    split_of: Mapping[str, str],
    splits: Sequence[str],
    asked: Mapping[str, Any],
) -> None:
    """Write what is no table of nuScenes: mix.json, mix_scene.json, splits.json, av_synth.json and the like.

    Args:
        root: the new folder.
        version: its folder of tables.
        portions: what is of each dataset.
        split_of: split by the name of a scene.
        splits: names of all splits.
        asked: how it was mixed.

    Raises:
        StoreError: if something cannot be read or written.
    """
    tables = root / version
    rows = [row for portion in portions for row in portion.scene_rows(split_of)]
    write_file(tables / f"{MIX_SCENE}.json", canonical_json(rows))
    told = {"schema": _SCHEMA, "av_synth": av_synth.__version__, **asked, "datasets": [p.told() for p in portions]}
    write_file(tables / "mix.json", canonical_json(told))
    write_file(tables / "splits.json", canonical_json(_lists(portions, split_of, splits)))
    if runs := [run for portion in portions for run in _runs(portion)]:
        towns = [town for portion in portions for town in _towns(portion)]
        made = {"schema": 1, "av_synth": av_synth.__version__, "profile": "mix", "runs": runs, "towns": towns}
        write_file(tables / MARKER, canonical_json(made))
    if attributed := [f"{portion.name}:\n{portion.attribution}" for portion in portions if portion.attribution]:
        write_file(tables / attribution.FILE, "\n".join(attributed).encode())
    if any((portion.fold.ingredient.root / _PREDICTION).is_file() for portion in portions):
        predicted = {scene: tokens for portion in portions for scene, tokens in _predicted(portion).items()}
        write_file(root / _PREDICTION, canonical_json(predicted))


def _lists(portions: Sequence[Portion], split_of: Mapping[str, str], splits: Sequence[str]) -> dict[str, list[str]]:
    """Names of scenes by list: the splits, one for each dataset, and what its datasets have beside splits."""
    lists = {ALL: sorted(split_of)}
    lists |= {official.listed(name): sorted(s for s, own in split_of.items() if own == name) for name in splits}
    lists |= {f"{FROM}{portion.name}": sorted(portion.fold.scenes.values()) for portion in portions}
    carried: dict[str, set[str]] = defaultdict(set)
    for portion in portions:
        called = {one.scene.name: portion.fold.scenes[one.scene.token] for one in portion.fold.taken}
        for name, members in portion.fold.ingredient.lists_of_some.items():
            carried[name] |= {called[scene] for scene in members if scene in called}
    return {name: sorted(scenes) for name, scenes in carried.items() if scenes} | lists


def _runs(portion: Portion) -> Iterator[Row]:
    fold = portion.fold
    for token, name in fold.scenes.items():
        run = fold.ingredient.runs.get(token)
        if run is not None:
            pairs = [fold.known(pair) for pair in run.get("criticality", ())]
            location = fold.locations.get(run.get("location", ""), run.get("location", ""))
            yield {**run, "scene": name, "scene_token": fold.tokens(token), "criticality": pairs, "location": location}


def _towns(portion: Portion) -> Iterator[Row]:
    for town in portion.fold.ingredient.made_by.get("towns", ()):
        if town["location"] in portion.fold.locations:
            yield {**town, "location": portion.fold.locations[town["location"]]}


def _predicted(portion: Portion) -> dict[str, list[str]]:
    """Tokens of what can be predicted, by scene; of a scene that was cut, those whose future is left."""
    fold = portion.fold
    told: Mapping[str, Sequence[str]] = read_json(fold.ingredient.root / _PREDICTION, {})
    found = {}
    for one in fold.taken:
        last = one.samples - 1 - _FUTURE_SAMPLES if one.cut else len(one.scene.samples)
        place = {token: k for k, token in enumerate(one.scene.samples)}
        pairs = (text.rpartition("_") for text in told.get(one.scene.name, ()))
        found[fold.scenes[one.scene.token]] = [
            f"{fold.tokens(instance)}_{fold.tokens(sample)}" for instance, _, sample in pairs if place[sample] <= last
        ]
    return found
