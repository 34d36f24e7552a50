"""Several datasets in nuScenes format as one: at chosen shares, with where everything came from, and without leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from av_synth.errors import DataError, UserError
from av_synth.export.rows import JsonTable
from av_synth.export.splits import FROM
from av_synth.mix.choice import Taken, choose, divide
from av_synth.mix.files import Files
from av_synth.mix.fold import EXTRAS, Fold
from av_synth.mix.ingredients import GivenScene, Ingredient, open_ingredients, scenes_of
from av_synth.mix.names import Tokens, scene_names
from av_synth.mix.places import Places
from av_synth.mix.told import Portion, write_documents
from av_synth.mix.vocabulary import Vocabulary
from av_synth.query import joining
from av_synth.store import clear_scratch, need_place, replace_directory, scratch

DEFAULT_SPLIT = "train=0.8,val=0.2"
VERSION = "v1.0-trainval"
"""The folder of tables of every mix: readers know few names, and this one is for scenes of any split."""

_MANDATORY = (
    *("sensor", "category", "attribute", "visibility", "log", "map", "scene", "sample", "calibrated_sensor"),
    *("sample_data", "ego_pose", "sample_annotation", "instance"),
)


@dataclass(frozen=True)
class Mixed:
    """What came of a mix.

    Attributes:
        root: the new dataset.
        portions: what is of each dataset.
        splits: names of scenes by split.
        doubled: how many scenes were in several of the datasets, and were taken once.
    """

    root: Path
    portions: tuple[Portion, ...]
    splits: Mapping[str, tuple[str, ...]]
    doubled: int

    @property
    def samples(self) -> int:
        """How many samples it has."""
        return sum(portion.samples for portion in self.portions)


def mix(
    datasets: Sequence[str],
    out: Path,
    *,
    shares: Mapping[str, float] | None = None,
    by: str = "scene",
    total: int | None = None,
    split: Mapping[str, float],
    resplit: bool = False,
    seed: int = 0,
    licences: Mapping[str, str] | None = None,
    versions: Mapping[str, str] | None = None,
) -> Mixed:
    """Put scenes of several datasets in nuScenes format into one; it appears whole or not at all.

    Files are hard links where the file system can. Rows keep their tokens; where two datasets have one token for
    different things, that of the later one is replaced wherever it stands. Equal arguments give equal bytes.

    Args:
        datasets: folders, or NAME=FOLDER; without a name they are a, b, c and so on.
        out: the new folder; nothing may be there but an empty folder.
        shares: by name, adding up to 1; None takes every scene.
        by: what shares are of: `scene` or `sample` (see `choice.BY`).
        total: how many scenes, or samples; None for as many as the shares allow.
        split: shares of samples by split; scenes that belong together are in one.
        resplit: whether splits that the datasets have are forgotten.
        seed: another one takes other scenes, and divides otherwise.
        licences: what data may be used for, by name of the dataset.
        versions: folders of tables, by name of the dataset, of those that have several.

    Raises:
        UserError: if what is asked cannot be; nothing was written.
        DataError: if datasets contradict each other, a file is missing, or their splits would leak.
        StoreError: if something cannot be read, linked or written.
    """
    out = out.resolve()
    ingredients = open_ingredients(datasets, licences or {}, versions or {})
    _refuse(ingredients, out, split)
    pools, doubled = _pools(ingredients)
    chosen = choose(pools, shares, by, total, seed)
    taken = [one for ingredient in ingredients for one in chosen[ingredient.name]]
    places = divide(taken, split, seed, anew=resplit)
    names = scene_names([one.scene.name for one in taken])
    splits = {
        name: tuple(sorted(scene for scene, own in zip(names, places, strict=True) if own == name)) for name in split
    }
    called = {(one.scene.ingredient, one.scene.token): name for one, name in zip(taken, names, strict=True)}
    split_of = {scene: name for name, members in splits.items() for scene in members}
    stem = f".{out.name}.staging"
    clear_scratch(out.parent, stem)
    with scratch(out.parent, stem) as staging:
        portions = _write(staging, ingredients, chosen, called)
        asked = {
            "by": by,
            "ratio": dict(shares) if shares else None,
            "total": total,
            "split": dict(split),
            "resplit": resplit,
            "seed": seed,
        }
        write_documents(staging, VERSION, portions, split_of, list(split), asked)
        replace_directory(staging, out)
    return Mixed(out, tuple(portions), splits, doubled)


def _refuse(ingredients: Sequence[Ingredient], out: Path, split: Mapping[str, float]) -> None:
    for ingredient in ingredients:
        if (name := f"{FROM}{ingredient.name}") in split:
            raise UserError(f"--split: {name} is the list of all scenes of {ingredient.name}; want another name")
    for ingredient in ingredients:
        if ingredient.root.resolve() in (out, *out.parents):
            raise UserError(f"{out}: inside {ingredient.root}, which is to be mixed; name another place")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out}: there is something already; name a new folder")
    need_place("--out", out)  # it is staged beside


def _pools(ingredients: Sequence[Ingredient]) -> tuple[dict[str, list[GivenScene]], int]:
    """The scenes that there are, by dataset; one that is in several is of the first."""
    seen: set[tuple[str, str]] = set()
    pools: dict[str, list[GivenScene]] = {}
    doubled = 0
    for ingredient in ingredients:
        pools[ingredient.name] = []
        given = scenes_of(ingredient)
        if not given:
            raise UserError(f"{ingredient.root}: has no scene; want a dataset with scenes in it")
        for scene in given:
            if (scene.token, scene.content) in seen:
                doubled += 1
                continue
            seen.add((scene.token, scene.content))
            pools[ingredient.name].append(scene)
    return pools, doubled


def _write(
    root: Path,
    ingredients: Sequence[Ingredient],
    chosen: Mapping[str, Sequence[Taken]],
    called: Mapping[tuple[str, str], str],
) -> list[Portion]:
    tables_dir = root / VERSION
    tables_dir.mkdir(parents=True)
    used = [ingredient for ingredient in ingredients if chosen[ingredient.name]]
    vocabulary, files = Vocabulary(used), Files(root)
    places = Places(files)
    portions = []
    with ExitStack() as stack:
        names = (*_MANDATORY, "semantic_class", *EXTRAS)
        tables = {
            name: stack.enter_context(JsonTable(tables_dir / f"{name}.json", empty=name in _MANDATORY))
            for name in names
        }
        seen: set[str] = set()
        calibrated: dict[str, object] = {}
        for ingredient in used:
            scenes = {one.scene.token: called[ingredient.name, one.scene.token] for one in chosen[ingredient.name]}
            with joining(ingredient.tables):
                fold = _begun(ingredient, chosen[ingredient.name], scenes, vocabulary, files, places, seen, calibrated)
                more = []
                for table, row in fold.rows():
                    tables[table].add(row)
                    if table == "calibrated_sensor":
                        calibrated[row["token"]] = row
                    if "token" in row:
                        more.append(row["token"])
            seen |= {*more, *places.logs, *(row["token"] for row in places.maps)}
            _place_beside(fold)
            portions.append(Portion(fold, Fold.left_out(ingredient)))
        for ingredient in used:
            places.add_spare(ingredient)
        for table, rows in {**vocabulary.rows, "log": places.logs.values(), "map": places.maps}.items():
            for row in rows:
                tables[table].add(row)
    return portions


def _begun(
    ingredient: Ingredient,
    taken: Sequence[Taken],
    scenes: Mapping[str, str],
    vocabulary: Vocabulary,
    files: Files,
    places: Places,
    seen: set[str],
    calibrated: Mapping[str, object],
) -> Fold:
    """A dataset whose logs and maps are in the mix, about to be gone through."""
    wanted = {row["log_token"] for row in ingredient.rows("scene") if row["token"] in scenes}
    logs = [row for row in ingredient.rows("log") if row["token"] in wanted]
    if len(logs) < len(wanted):
        raise DataError(f"{ingredient.tables}: {len(wanted) - len(logs)} scenes have no row in log.json")
    locations = places.locations(ingredient, logs)
    logs = [{**row, "location": locations[row["location"]]} for row in logs]
    mounts = {
        row["token"]
        for row in ingredient.rows("calibrated_sensor")
        if calibrated.get(row["token"])
        == {**row, "sensor_token": vocabulary.token(ingredient, "sensor", row["sensor_token"])}
    }
    tokens = Tokens(ingredient.name, frozenset(seen), places.shared(logs) | mounts)
    logfiles = places.add_logs(ingredient, logs, tokens)
    places.add_maps(ingredient, wanted, locations, tokens)
    return Fold(ingredient, taken, scenes, VERSION, vocabulary, tokens, logfiles, locations, files)


def _place_beside(fold: Fold) -> None:
    """Link what is found by the name of a scene: messages of the CAN bus."""
    for folder in ("can_bus", "can_bus_truth"):
        for token, name in fold.scenes.items():
            own = next(one.scene.name for one in fold.taken if one.scene.token == token)
            for source in sorted((fold.ingredient.root / folder).glob(f"{own}_*.json")):
                fold.files.place(source, f"{folder}/{name}{source.name.removeprefix(own)}")
