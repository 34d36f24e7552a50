"""Runs divided into splits, so that what looks alike is never in two of them, and no order or clock has a say."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av_synth
from av_synth.errors import DocumentError, Problem, UserError
from av_synth.export.splits import ALL, NAME, Draw, Splits, read_splits
from av_synth.store import canonical_json, need_place, open_run, scratch, write_file

SCHEMA = 1
DEFAULT_RATIO = "train=0.7,val=0.15,test=0.15"
BY = {
    "draw": "runs of one scenario, seed and town stay together, whatever their rig, weather or parameters",
    "scenario": "all runs of one scenario stay together",
    "town": "all runs in one town stay together",
    "run": "every run by itself",
}


@dataclass(frozen=True)
class Division:
    """Runs in splits.

    Attributes:
        splits: run ids by split.
        groups: how many groups are in each split.
        by: one of `BY`.
    """

    splits: Splits
    groups: Mapping[str, int]
    by: str


def parse_ratio(text: str, option: str = "--ratio", example: str = DEFAULT_RATIO) -> dict[str, float]:
    """Shares by name, of text like 'train=0.8,val=0.2'; they need not add up to 1, what is returned does.

    Args:
        text: as the user wrote it.
        option: what it was given with.
        example: of what is wanted.

    Raises:
        DocumentError: if it is not that.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (piece.strip() for piece in part.partition("="))
        try:
            value = float(share)
        except ValueError:
            value = 0.0
        if not NAME.fullmatch(name) or name == ALL or name in shares or not 0.0 < value < float("inf"):
            reason = f"got {text!r}, and cannot use {part!r}; want distinct names and shares above 0: {example}"
            raise DocumentError([Problem("", option, reason)])
        shares[name] = value
    return {name: share / sum(shares.values()) for name, share in shares.items()}


def divide(
    run_dirs: Sequence[Path], ratio: Mapping[str, float], by: str = "draw", seed: int = 0, keep: Splits | None = None
) -> Division:
    """Put runs into splits, as near to the ratio as whole groups allow; each split gets one group at least.

    The largest groups are placed first, among equals in an order that is a hash of seed and group, each where most is
    lacking. The result does not depend on the order of the runs.

    Args:
        run_dirs: folders of committed runs.
        ratio: shares by split.
        by: one of `BY`: what is never divided.
        seed: another one gives another division.
        keep: splits made before: their runs, and all of their groups, stay where they are.

    Raises:
        UserError: if there are fewer groups than splits, `by` is unknown, or `keep` divides a group or has a split that
            the ratio has not.
        StoreError: if a run cannot be read.
    """
    if by not in BY:
        raise UserError(f"--by: got {by!r}; want one of {', '.join(BY)}")
    groups = _groups(run_dirs, by)
    names = list(ratio)
    if len(groups) < len(names):
        finer = "" if by in ("run", "draw") else ", or --by draw"
        few = f"{len(groups)} {by}{'' if len(groups) == 1 else 's'}"
        more = {"draw": "runs of more seeds", "scenario": "more scenarios", "town": "more towns", "run": "more runs"}[
            by
        ]
        raise UserError(
            f"{few} in {len(run_dirs)} runs cannot fill {len(names)} splits; want {more}, or fewer in --ratio{finer}"
        )
    kept = _kept(groups, names, keep or Splits.none())
    total = sum(len(members) for members in groups.values())
    lacking = {name: share * total for name, share in ratio.items()}
    placed: dict[str, list[str]] = {name: [] for name in names}
    counts = dict.fromkeys(names, 0)

    def place(group: str, name: str) -> None:
        placed[name] += groups[group]
        counts[name] += 1
        lacking[name] -= len(groups[group])

    for group, name in kept.items():
        place(group, name)
    waiting = sorted((group for group in groups if group not in kept), key=lambda g: (-len(groups[g]), _hash(seed, g)))
    for index, group in enumerate(waiting):
        empty = [name for name in names if not counts[name]]
        place(group, max(empty if len(waiting) - index <= len(empty) else names, key=lacking.__getitem__))
    return Division(Splits({name: tuple(sorted(members)) for name, members in placed.items()}), counts, by)


def refuse_place(path: Path) -> None:
    """Refuse a place that a file of splits cannot go to, or where something else would be lost.

    Raises:
        UserError: saying what is in the way.
    """
    need_place("--file", path)
    if path.exists():
        try:
            read_splits(path)
        except DocumentError as error:
            raise UserError(f"{path}: is there and is no file of splits; name another with --file") from error


def write_splits(path: Path, division: Division, ratio: Mapping[str, float], seed: int) -> None:
    """Write the file that `export --splits` reads, in one step; only another such file is ever replaced.

    Raises:
        UserError: if something else is at `path`.
        StoreError: if it cannot be written.
    """
    refuse_place(path)
    content = {
        "schema": SCHEMA,
        "av_synth": av_synth.__version__,
        "by": division.by,
        "ratio": dict(ratio),
        "seed": seed,
        "splits": {name: list(members) for name, members in division.splits.runs.items()},
    }
    with scratch(path.parent, f".{path.name}.staging") as staging:
        write_file(staging / path.name, canonical_json(content), durable=True)
        os.replace(staging / path.name, path)


def _groups(run_dirs: Sequence[Path], by: str) -> dict[str, list[str]]:
    """Run ids by group."""
    found: dict[str, list[str]] = {}
    for directory in run_dirs:
        run = open_run(directory, files=False)
        town = run.json("scenario.json").get("town")
        run_id, scenario, seed = (run.manifest.get(key) for key in ("run_id", "scenario", "seed"))
        keys = {"draw": Draw(scenario, seed, town), "scenario": (scenario,), "town": (town,), "run": (run_id,)}
        found.setdefault("\x1f".join(map(str, keys[by])), []).append(str(run_id))
    return found


def _kept(groups: Mapping[str, Sequence[str]], names: Sequence[str], keep: Splits) -> dict[str, str]:
    unknown = [name for name in keep.runs if name not in names]
    if unknown:
        raise UserError(f"--keep: has the split {unknown[0]!r}; want a share for it in --ratio")
    before = {run_id: name for name, members in keep.runs.items() for run_id in members}
    found = {}
    for group, members in groups.items():
        splits = sorted({before[run_id] for run_id in members if run_id in before})
        if len(splits) > 1:
            raise UserError(
                f"--keep: runs {' and '.join(sorted(r for r in members if r in before)[:2])} belong together, "
                f"but are in {' and '.join(splits)}; leave --keep out, or use the --by that it was made with"
            )
        if splits:
            found[group] = splits[0]
    return found


def _hash(seed: int, group: str) -> str:
    return hashlib.sha256(f"{seed}\x1f{group}".encode()).hexdigest()
