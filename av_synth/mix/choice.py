"""Which scenes go into a mix, by shares and a seed, and which of them no split may part."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from av_synth.errors import DataError, UserError
from av_synth.mix.ingredients import HELD_APART, GivenScene

BY = {"scene": "shares are of scenes", "sample": "shares are of samples; the last scene taken of a dataset may be cut"}


@dataclass(frozen=True)
class Taken:
    """A scene that is taken, and how many of its samples, from its first on."""

    scene: GivenScene
    samples: int

    @property
    def cut(self) -> bool:
        """Whether its end is left out."""
        return self.samples < len(self.scene.samples)


def choose(
    pools: Mapping[str, Sequence[GivenScene]],
    shares: Mapping[str, float] | None,
    by: str = "scene",
    total: int | None = None,
    seed: int = 0,
) -> dict[str, list[Taken]]:
    """Take scenes of several datasets, as many as the shares allow.

    Args:
        pools: the scenes that there are, by dataset.
        shares: by dataset, adding up to 1; None takes everything.
        by: one of `BY`.
        total: how many scenes, or samples, in all; None for as many as can be had.
        seed: another one takes other scenes.

    Raises:
        UserError: if a dataset has no share, or not enough for its share.
    """
    if by not in BY:
        raise UserError(f"--by: got {by!r}; want one of {', '.join(BY)}")
    if shares is None:
        if total is not None:
            raise UserError("--total: is told with --ratio only; without it everything is taken")
        if by != "scene":
            raise UserError("--by: is told with --ratio only; without it everything is taken")
        return {name: [Taken(scene, len(scene.samples)) for scene in pool] for name, pool in pools.items()}
    if set(shares) != set(pools):
        raise UserError(f"--ratio: has {', '.join(shares)}; want a share for each of {', '.join(pools)}")
    there = {name: sum(_size(scene, by) for scene in pool) for name, pool in pools.items()}
    wanted = _wanted(there, shares, by, total)
    return {name: _first(pool, wanted[name], by, seed) for name, pool in pools.items()}


def _size(scene: GivenScene, by: str) -> int:
    return 1 if by == "scene" else len(scene.samples)


def _wanted(there: Mapping[str, int], shares: Mapping[str, float], by: str, total: int | None) -> dict[str, int]:
    """How many of each, by largest remainders."""
    most = min(there[name] / share for name, share in shares.items())
    count = math.floor(most + 1e-9) if total is None else total
    exact = {name: share * count for name, share in shares.items()}
    wanted = {name: math.floor(value + 1e-9) for name, value in exact.items()}
    for name in sorted(exact, key=lambda name: (wanted[name] - exact[name], name)):
        if sum(wanted.values()) < count and wanted[name] < there[name]:
            wanted[name] += 1
    for name, number in wanted.items():
        if not 0 < number <= there[name]:
            told = f"{number} of {count} {by}s would be of {name}, which has {there[name]}"
            raise UserError(f"--ratio: {told}; want 1 at least and no more than there are: another --ratio or --total")
    if sum(wanted.values()) < count:
        raise UserError(f"--ratio: {count} {by}s are more than there are at these shares: another --ratio or --total")
    return wanted


def _first(pool: Sequence[GivenScene], wanted: int, by: str, seed: int) -> list[Taken]:
    """So many of a dataset, in an order that is a hash of seed and scene; then by name again."""
    taken: list[Taken] = []
    for scene in sorted(pool, key=lambda scene: _hash(seed, scene.ingredient, scene.token)):
        if wanted:
            share = min(wanted, _size(scene, by))
            wanted -= share
            taken.append(Taken(scene, share if by == "sample" else len(scene.samples)))
    return sorted(taken, key=lambda one: one.scene.name)


def families(taken: Sequence[Taken]) -> list[list[Taken]]:
    """Scenes that no split may part, because they are of one drive, run or draw, or twins; in order of the first."""
    found: list[tuple[set[str], list[Taken]]] = []
    for one in taken:
        kin, members = set(one.scene.kin), [one]
        others = []
        for family in found:
            if family[0] & kin:
                kin |= family[0]
                members = [*family[1], *members]
            else:
                others.append(family)
        found = [*others, (kin, members)]
    order = {id(one): place for place, one in enumerate(taken)}
    return sorted((members for _, members in found), key=lambda members: min(order[id(one)] for one in members))


def divide(taken: Sequence[Taken], ratio: Mapping[str, float], seed: int, *, anew: bool = False) -> list[str]:
    """The split of each scene, in the order given; no family is in two.

    A family stays where its datasets have it; of the others the largest are placed first, each where most samples are
    lacking.

    Args:
        taken: the scenes.
        ratio: shares of samples by split.
        seed: another one gives another division.
        anew: whatever the datasets say.

    Raises:
        DataError: if datasets have scenes of one family in two splits, or in one that the ratio lacks though it has
            others of theirs.
    """
    lacking = {name: share * sum(one.samples for one in taken) for name, share in ratio.items()}
    split_of: dict[int, str] = {}

    def place(family: Sequence[Taken], name: str) -> None:
        lacking[name] -= _samples(family)
        split_of.update({id(one): name for one in family})

    waiting = []
    for family in families(taken):
        kept = "" if anew else _kept(family, ratio)
        if kept:
            place(family, kept)
        else:
            waiting.append(family)
    waiting.sort(key=lambda family: (-_samples(family), _hash(seed, *map(_known_as, family))))
    for index, family in enumerate(waiting):
        empty = [name for name in ratio if name not in split_of.values()]  # none stays so if there are enough
        place(family, max(empty if len(waiting) - index <= len(empty) else ratio, key=lacking.__getitem__))
    return [split_of[id(one)] for one in taken]


def _kept(family: Sequence[Taken], ratio: Mapping[str, float]) -> str:
    """The split that a family is in already; '' if nobody says."""
    known = {one.scene.split: one for one in family if one.scene.split}
    if len(ratio) == 1 or HELD_APART.isdisjoint(ratio):  # nothing is held out of it, or all names are new
        return ""
    for name in sorted(known.keys() - ratio.keys()):
        told = f"{_known_as(known[name])} is in {name}, which --split lacks, and would be in another split"
        raise DataError(f"{told}; name {name} in --split too, or give --resplit to divide all anew")
    if len(known) > 1:
        (first, one), (second, other) = sorted(known.items())[:2]
        shared = ", ".join(sorted(one.scene.kin & other.scene.kin)) or "others of their family"
        told = f"{_known_as(one)} is in {first} and {_known_as(other)} in {second}, and both are of {shared}"
        raise DataError(f"{told}: that would leak; leave one dataset out, or give --resplit to divide all anew")
    return next(iter(known), "")


def _known_as(one: Taken) -> str:
    return f"{one.scene.ingredient}/{one.scene.name}"


def _samples(family: Sequence[Taken]) -> int:
    return sum(one.samples for one in family)


def _hash(*key: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, key)).encode()).hexdigest()
