"""A dataset that goes into a mix: its tables, and what must be known of its scenes before any is taken."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from av_synth.errors import DocumentError, Problem, StoreError, UserError
from av_synth.export.contents import MARKER
from av_synth.export.nuscenes import official
from av_synth.export.splits import ALL, NAME, Draw
from av_synth.query import joining, read_json, version_of

Row = dict[str, Any]

MIX_SCENE = "mix_scene"
"""The table of a mix that says where each scene came from; it is here because a mix may go into another."""

HELD_APART = frozenset({"train", "val", "test"})
"""Splits that scenes stay in; other ones, such as that of a scenario, are lists of some scenes."""

_PREFIXES = ("av_synth_", "mini_")  # in front of the name of a split, where readers have lists of their own


@dataclass(frozen=True)
class Ingredient:
    """A dataset in nuScenes format that goes into a mix.

    Attributes:
        name: what the mix calls it.
        root: the folder that file names are relative to.
        version: its folder of tables.
        licence: what the user says that its data may be used for; '' if nothing.
    """

    name: str
    root: Path
    version: str
    licence: str = ""

    @property
    def tables(self) -> Path:
        """The folder of its tables."""
        return self.root / self.version

    def has(self, table: str) -> bool:
        """Whether it has a table of that name."""
        return (self.tables / f"{table}.json").is_file()

    def rows(self, table: str) -> list[Row]:
        """The rows of a table; none if it is not there.

        Raises:
            StoreError: if it cannot be read, or is no array of rows.
        """
        content = self.json(f"{table}.json", [])
        if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
            raise StoreError(f"{self.tables / table}.json: want one array of objects; av-synth verify says more")
        return content

    def json(self, name: str, default: Any) -> Any:
        """A JSON file among its tables, or what to take where there is none.

        Raises:
            StoreError: if it cannot be read.
        """
        return read_json(self.tables / name, default)

    @cached_property
    def made_by(self) -> Mapping[str, Any]:
        """What av_synth.json says; empty of a dataset that av_synth did not make."""
        found: Mapping[str, Any] = self.json(MARKER, {})
        return found

    @cached_property
    def runs(self) -> Mapping[str, Row]:
        """What av_synth.json says of the run behind each scene, by the scene's token."""
        return {run["scene_token"]: run for run in self.made_by.get("runs", ())}

    @cached_property
    def lists(self) -> Mapping[str, Sequence[str]]:
        """Names of scenes by the names of the lists in splits.json."""
        found: Mapping[str, Sequence[str]] = self.json("splits.json", {})
        return found

    @property
    def lists_of_some(self) -> Mapping[str, Sequence[str]]:
        """Those of them that are no splits: scenes of a scenario, or of a dataset of an earlier mix."""
        return {name: scenes for name, scenes in self.lists.items() if name != ALL and _held_apart(name) is None}

    @cached_property
    def came_from(self) -> Mapping[str, Row]:
        """Rows about its scenes, by their tokens, if it is a mix itself."""
        return {row["scene_token"]: row for row in self.rows(MIX_SCENE)}


@dataclass(frozen=True)
class GivenScene:
    """A scene that may be taken.

    Attributes:
        ingredient: name of its dataset.
        token, name: of the scene, there.
        samples: tokens in time order.
        content: a hash of what is in it: scenes of one token and one content are the same scene.
        kin: what it shares with scenes that no split may part it from: a drive, a run, a draw, a twin.
        split: where its dataset has it, such as `val`; '' if it does not say.
    """

    ingredient: str
    token: str
    name: str
    samples: tuple[str, ...]
    content: str
    kin: frozenset[str]
    split: str


def _held_apart(name: str) -> str | None:
    """What a list of splits.json is a split of, such as `val` of `av_synth_val`; None of a list of just some scenes."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name if name in HELD_APART else None


def open_ingredients(
    named: Sequence[str], licences: Mapping[str, str], versions: Mapping[str, str]
) -> list[Ingredient]:
    """The datasets that a user names, as FOLDER or NAME=FOLDER; those without a name are a, b, c and so on.

    Args:
        named: two at least.
        licences: by name of a dataset, in words.
        versions: by name of a dataset, its folder of tables, of those that have several.

    Raises:
        DocumentError: with every one that is not there, or has a name that is taken or cannot be one.
        UserError: if there are fewer than two, or a licence or version is of none of them.
        StoreError: if what is there is no dataset.
    """
    if len(named) < 2:
        raise UserError(
            "mix: want two datasets at least; `av-synth export` writes them, and any nuScenes folder is one"
        )
    found: dict[str, Ingredient] = {}
    problems = []
    for place, text in enumerate(named):
        name, equals, folder = text.partition("=")
        if not equals or Path(text).is_dir():
            name, folder = chr(ord("a") + place), text
        if not NAME.fullmatch(name):
            problems.append(Problem("", text, f"got the name {name!r}; want one like real or synthetic"))
        elif name in found:
            problems.append(Problem("", text, f"the name {name} is given twice; want NAME=FOLDER with another"))
        else:
            try:
                version = version_of(Path(folder), versions.get(name), f"--version {name}=FOLDER")
                found[name] = Ingredient(name, Path(folder), version, licences.get(name, ""))
            except UserError as error:
                problems.append(Problem("", "", str(error)))
    if problems:
        raise DocumentError(problems)
    for option, told in (("--licence", licences), ("--version", versions)):
        if unknown := sorted(told.keys() - found.keys()):
            raise UserError(f"{option}: {unknown[0]} is none of {', '.join(found)}")
    return list(found.values())


def scenes_of(ingredient: Ingredient) -> list[GivenScene]:
    """The scenes of a dataset, by name.

    Raises:
        StoreError: if its tables lack what the format has.
    """
    with joining(ingredient.tables):
        return _scenes_of(ingredient)


def _scenes_of(ingredient: Ingredient) -> list[GivenScene]:
    samples: dict[str, list[Row]] = defaultdict(list)
    for row in ingredient.rows("sample"):
        samples[row["scene_token"]].append(row)
    logs = {row["token"]: row["logfile"] for row in ingredient.rows("log")}
    twins: dict[str, set[str]] = defaultdict(set)
    for row in ingredient.rows("counterfactuals"):
        twins[row["scene_token"]].add(f"scene {row['counterpart_scene_token']}")
    contents = _contents(ingredient, samples)
    splits = _splits(ingredient)
    found = []
    for row in sorted(ingredient.rows("scene"), key=lambda scene: str(scene["name"])):
        token = row["token"]
        ordered = sorted(samples[token], key=lambda sample: int(sample["timestamp"]))
        kin = {f"scene {token}", f"log {logs[row['log_token']]}", *twins[token], *_kin_of(ingredient.runs.get(token))}
        tokens = tuple(sample["token"] for sample in ordered)
        split = splits.get(row["name"], "")
        found.append(GivenScene(ingredient.name, token, row["name"], tokens, contents[token], frozenset(kin), split))
    return found


def _kin_of(run: Row | None) -> Iterable[str]:
    """What av_synth tells of a scene: its run, the run that it plays back, and the draw that both are of."""
    if run is None:
        return
    yield f"run {run['run_id']}"
    replay = (run.get("provenance") or {}).get("replay") or {}
    if "origin" in replay:
        yield f"run {replay['origin']['run_id']}"
    draw = Draw(run.get("scenario"), run.get("seed"), run.get("town"))
    yield "draw " + "\x1f".join(map(str, draw))


def _contents(ingredient: Ingredient, samples: Mapping[str, Sequence[Row]]) -> dict[str, str]:
    """By scene, a hash of when its samples are and of what is annotated in them."""
    scene_of = {row["token"]: scene for scene, rows in samples.items() for row in rows}
    lines: dict[str, list[str]] = {row["token"]: [] for row in ingredient.rows("scene")}
    for scene, rows in samples.items():
        lines[scene] += [f"{row['token']} {row['timestamp']}" for row in rows]
    for row in ingredient.rows("sample_annotation"):
        lines[scene_of[row["sample_token"]]].append(json.dumps(row, sort_keys=True))
    return {scene: sha256("\n".join(sorted(told)).encode()).hexdigest() for scene, told in lines.items()}


def _splits(ingredient: Ingredient) -> dict[str, str]:
    """By name of a scene, the split that it is in: by splits.json, by an earlier mix, or by nuScenes' own lists."""
    found = {}
    if ingredient.made_by.get("profile", "compat") == "compat":  # names are those of nuScenes, or nobody knows
        # two scenes of mini_train are of val too, which is told last and holds
        order = ("train", "mini_train", "val", "mini_val")
        official_split = {name: split.removeprefix("mini_") for split in order for name in official.SPLITS[split]}
        for row in ingredient.rows("scene"):
            if row["name"] in official_split:
                found[row["name"]] = official_split[row["name"]]
    for name, members in ingredient.lists.items():
        if (held := _held_apart(name)) is not None:
            found |= dict.fromkeys(members, held)
    return found
