"""Leaks: what a model is tested on, and was trained on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from av_synth.audit.contents import Contents
from av_synth.audit.duplicates import Place
from av_synth.audit.model import Finding
from av_synth.errors import StoreError
from av_synth.export.nuscenes import official
from av_synth.export.splits import ALL, FROM

Splits = dict[str, frozenset[str]]
"""Names of scenes by split."""

_OFFICIAL = {"v1.0-trainval": ("train", "val"), "v1.0-mini": ("mini_train", "mini_val")}
_SHOWN = 3


def _splits_of(contents: Contents) -> Splits:
    """The splits that a dataset is divided into: those of its splits.json.

    But for `all`, the lists of scenarios, and those of the datasets of a mix. Where it says none, those of nuScenes'
    official lists, if all its scenes are named so, as readers take them; but for datasets of ours whose names only
    happen to be there.

    Raises:
        StoreError: if splits.json is not readable.
    """
    names = {scene.name for scene in contents.scenes}
    scenarios = {scene.values.get("scenario") for scene in contents.scenes}
    origins = contents.tables.rows("mix_scene", optional=True)
    of_datasets = {f"{FROM}{name}" for row in origins for name in str(row.get("dataset", "")).split("/")}
    told = contents.tables.json("splits", {})
    if not isinstance(told, dict) or not all(isinstance(members, list) for members in told.values()):
        raise StoreError(f"{contents.tables.folder / 'splits.json'}: want names of scenes by split")
    found = {
        name: frozenset(map(str, members)) & names
        for name, members in told.items()
        if name not in {ALL, *scenarios, *of_datasets}
    }
    named_by_chance = contents.tables.json("av_synth", {}).get("profile") == "native"
    if not found and not named_by_chance:
        lists = _OFFICIAL.get(contents.tables.folder.name, ())
        by_list = {name: frozenset(official.SPLITS[name]) for name in lists}
        if names <= frozenset().union(*by_list.values()):
            found = {name: members & names for name, members in by_list.items()}
    return {name: members for name, members in found.items() if members}


def findings(contents: Contents, groups: Sequence[Sequence[Place]]) -> Iterator[Finding]:
    """What two splits have in common, of which one is not to know the other.

    Args:
        contents: the dataset.
        groups: near-duplicates in it.
    """
    splits = _splits_of(contents)
    tables = contents.tables
    scenes = {row["token"]: row for row in tables.rows("scene")}
    runs = {str(run.get("scene")): run for run in tables.json("av_synth", {}).get("runs", [])}
    twins = [
        (scenes[row["scene_token"]]["name"], scenes[row["counterpart_scene_token"]]["name"])
        for row in tables.rows("counterfactuals", optional=True)
        if row["scene_token"] in scenes and row["counterpart_scene_token"] in scenes
    ]
    log_of = {row["name"]: row["log_token"] for row in scenes.values()}
    kinds: list[tuple[str, str, Sequence[tuple[str, str]]]] = [
        ("scenes of one run", "serious", _alike(runs, ("run_id",))),
        ("counterfactual twins", "serious", twins),
        ("scenes of one draw (scenario, seed and town)", "serious", _alike(runs, ("scenario", "seed", "town"))),
        ("scenes of one log", "warning", _equal(log_of)),
        ("near-duplicates", "serious", _near(contents, groups)),
    ]
    for one, other in combinations(splits, 2):
        if "train" in one and "train" in other:  # such as train and train_detect, of which one is part of the other
            continue
        both = sorted(splits[one] & splits[other])
        if both:
            yield _finding(one, other, "the same scenes", "serious", [(name, name) for name in both])
        known = {(name, name) for name in both}
        for what, severity, pairs in kinds:
            found = [pair for pair in _across(pairs, splits[one], splits[other]) if pair not in known]
            if found:
                known.update(found)
                yield _finding(one, other, what, severity, found)


def _finding(one: str, other: str, what: str, severity: Any, pairs: Sequence[tuple[str, str]]) -> Finding:
    shown = [f"{a} and {b}" if a != b else a for a, b in pairs]
    more = f", and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    words = (
        f"The splits {one} and {other} share {what}: {', '.join(shown[:_SHOWN])}{more}. "
        f"Figures on {other} are not of something new; put them into one split."
    )
    return Finding("leak", severity, f"{one} and {other}", words, {"what": what, "scenes": shown, "count": len(shown)})


def _across(pairs: Sequence[tuple[str, str]], one: frozenset[str], other: frozenset[str]) -> list[tuple[str, str]]:
    """Pairs with one scene in each of two splits, that of the first split first."""
    found = [(a, b) for a, b in pairs if a in one and b in other] + [
        (b, a) for a, b in pairs if b in one and a in other
    ]
    return sorted(set(found))


def _alike(runs: Mapping[str, Mapping[str, Any]], keys: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of scenes whose runs agree in all of some keys."""
    told = {scene: tuple(run.get(key) for key in keys) for scene, run in runs.items()}
    return _equal({scene: key for scene, key in told.items() if None not in key})


def _equal(told: Mapping[str, object]) -> list[tuple[str, str]]:
    groups: dict[object, list[str]] = defaultdict(list)
    for scene, key in sorted(told.items()):
        groups[key].append(scene)
    return [pair for members in groups.values() for pair in combinations(members, 2)]


def _near(contents: Contents, groups: Sequence[Sequence[Place]]) -> list[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for group in groups:
        names = sorted({contents.scenes[scene].name for scene, _ in group})
        found.update(combinations(names, 2))
    return sorted(found)
