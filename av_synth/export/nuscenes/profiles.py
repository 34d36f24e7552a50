"""What the scenes and places of a dataset are called, and into how many datasets the runs go.

`native`: scenes are numbered in order of run id, towns keep their names. `compat`: everything has names that tools with
hard-coded lists know. Either way the names do not depend on the order in which the runs are given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from av_synth.errors import UserError
from av_synth.export.nuscenes import official
from av_synth.export.nuscenes.sources import Source, TownKey, part_name
from av_synth.export.splits import Draw, Splits

PROFILES = ("native", "compat")
_TRAINVAL, _MINI = "v1.0-trainval", "v1.0-mini"


@dataclass(frozen=True)
class Part:
    """One dataset.

    Attributes:
        folder: its folder in the export; '' if it is the only one.
        version: name of its folder of tables.
        scenes: runs in order of id, and what their scenes are called.
        locations: for each of its towns, names of places. The first is where its logs say they were made; under the
            others, too, readers find the town's map.
    """

    folder: str
    version: str
    scenes: tuple[tuple[Source, str], ...]
    locations: Mapping[TownKey, tuple[str, ...]]


def named_parts(sources: Sequence[Source], profile: str, version: str | None, by_hand: Splits) -> list[Part]:
    """Name the scenes of an export, in as many parts as the names make necessary.

    Args:
        sources: the runs in order of id.
        profile: one of `PROFILES`.
        version: name of the folder of tables; None for what fits the profile.
        by_hand: splits that the user made. Runs in one whose name begins with `train` get official names for training,
            all others for validation.

    Raises:
        UserError: on an unknown profile, or a version for which it has no names.
    """
    if profile not in PROFILES:
        raise UserError(f"profile '{profile}': want {' or '.join(PROFILES)}")
    if profile == "native":
        found = _native(sources, version or _TRAINVAL)
    elif version in (None, _MINI, _TRAINVAL):
        found = [part for towns in _by_towns(sources) for part in _compat(towns, version, by_hand)]
    else:
        raise UserError(f"version '{version}' has no official scenes with labels; want {_MINI} or {_TRAINVAL}")
    if len(found) == 1:
        return found
    return [replace(part, folder=part_name(index)) for index, part in enumerate(found)]


def _native(sources: Sequence[Source], version: str) -> list[Part]:
    numbers = list(official.scene_numbers())
    keys = sorted({source.town_key for source in sources})
    towns = [town for town, _ in keys]
    # two contents of one name get names of their own
    locations = {key: (key[0] if towns.count(key[0]) == 1 else f"{key[0]}-{key[1][:8]}",) for key in keys}
    parts = []
    for first in range(0, len(sources), len(numbers)):
        some = sources[first : first + len(numbers)]
        scenes = tuple((source, official.scene_name(number)) for source, number in zip(some, numbers, strict=False))
        here = {source.town_key for source in some}
        parts.append(Part("", version, scenes, {key: locations[key] for key in keys if key in here}))
    return parts


def _by_towns(sources: Sequence[Source]) -> Iterable[list[Source]]:
    """The runs of four towns at a time: so many locations have official names."""
    keys = sorted({source.town_key for source in sources})
    for first in range(0, len(keys), len(official.LOCATIONS)):
        some = set(keys[first : first + len(official.LOCATIONS)])
        yield [source for source in sources if source.town_key in some]


def _compat(sources: Sequence[Source], version: str | None, by_hand: Splits) -> list[Part]:
    families = _families(sources)
    if version is None:
        held_out, trained = _split(families, _MINI, by_hand)
        small = len(held_out) <= len(official.MINI_VAL) and len(trained) <= len(official.MINI_TRAIN)
        version = _MINI if small else _TRAINVAL
    held_out, trained = _split(families, version, by_hand)
    val, train = official.names(version)
    count = max(math.ceil(len(held_out) / len(val)), math.ceil(len(trained) / len(train)))
    parts = []
    for index in range(count):
        named = [*zip(held_out[index::count], val, strict=False), *zip(trained[index::count], train, strict=False)]
        scenes = tuple(sorted(named, key=lambda scene: scene[0].run_id))
        parts.append(Part("", version, scenes, _standard_locations(source for source, _ in scenes)))
    return parts


def _families(sources: Sequence[Source]) -> list[list[Source]]:
    """Runs of one draw of a scenario; the largest family first."""
    families: dict[Draw, list[Source]] = {}
    for source in sources:
        families.setdefault(Draw(source.scenario, source.seed, source.town_key), []).append(source)
    return sorted(families.values(), key=lambda family: (-len(family), family[0].run_id))


def _split(families: Sequence[Sequence[Source]], version: str, by_hand: Splits) -> tuple[list[Source], list[Source]]:
    """Runs for validation and for training, in order of id, as the user has split them, else no family in both.

    Validation gets its official share, rounded up; in `v1.0-mini` both of its names, because evaluations of lidar
    segmentation need every scene of a split. One family alone is validation while it fits, else training.
    """
    if by_hand.runs:
        everything = sorted((source for family in families for source in family), key=lambda source: source.run_id)
        training = {source.run_id for source in everything if by_hand.of(source.run_id).startswith("train")}
        return (
            [source for source in everything if source.run_id not in training],
            [source for source in everything if source.run_id in training],
        )
    val, train = official.names(version)
    count = sum(map(len, families))
    share = math.ceil(count * len(val) / (len(val) + len(train)))
    wanted = max(share, min(count, len(val))) if version == _MINI else share
    held_out: list[Source] = []
    kept: list[Sequence[Source]] = []
    for family in families:
        if len(held_out) + len(family) <= wanted:
            held_out += family
        else:
            kept.append(family)
    if not held_out and len(kept) > 1:
        held_out += kept.pop()  # the smallest
    trained = [source for family in kept for source in family]
    return sorted(held_out, key=lambda source: source.run_id), sorted(trained, key=lambda source: source.run_id)


def _standard_locations(sources: Iterable[Source]) -> dict[TownKey, tuple[str, ...]]:
    """Towns by name take the official locations in turn; what is left over goes to the first as well.

    Readers load the maps of all four locations, whichever of them a dataset has.
    """
    keys = sorted({source.town_key for source in sources})
    names = list(official.LOCATIONS)
    spare = tuple(names[len(keys) :])
    return {key: (name, *(spare if key == keys[0] else ())) for key, name in zip(keys, names, strict=False)}
