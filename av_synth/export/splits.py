"""Which run is for training and which for testing: what `av-synth split` writes and `export --splits` reads."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from av_synth.errors import DocumentError, Problem, StoreError, UserError
from av_synth.store.files import as_mapping, read_json
from av_synth.store.runs import check_run_id

ALL = "all"
"""Where every run is if nobody splits them."""

FROM = "from_"
"""In front of the name of a dataset of a mix: the list of scenes that came from it, which is no split."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
"""What a split may be called."""


class Draw(NamedTuple):
    """What runs have in common that differ in rig, weather or parameters only: they look alike, so nothing parts them.

    Attributes:
        scenario: its name.
        seed: of the draw.
        town: its name, or whatever tells towns apart.
    """

    scenario: object
    seed: object
    town: object


@dataclass(frozen=True)
class Splits:
    """Splits by name, in the order of the file, each with its run ids; none at all if `runs` is empty."""

    runs: Mapping[str, tuple[str, ...]]

    @staticmethod
    def none() -> Splits:
        """Everything is in one split, `all`."""
        return Splits({})

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the splits."""
        return tuple(self.runs) or (ALL,)

    def of(self, run_id: str) -> str:
        """The split that a run is in."""
        return self._split_of.get(run_id, ALL)

    @cached_property
    def _split_of(self) -> Mapping[str, str]:
        return {run_id: name for name, members in self.runs.items() for run_id in members}

    def without(self, run_ids: Collection[str]) -> Splits:
        """These splits but for some runs; one that has none left stays, empty."""
        return Splits(
            {name: tuple(one for one in members if one not in run_ids) for name, members in self.runs.items()}
        )

    def check(self, run_ids: Sequence[str]) -> None:
        """Raise UserError unless these runs and those of the splits are the same."""
        if not self.runs:
            return
        told = {run_id for members in self.runs.values() for run_id in members}
        for one, others, reason in (
            (set(run_ids), told, "is in no split"),
            (told, set(run_ids), "is in the splits, but is not there to be exported"),
        ):
            if one - others:
                raise UserError(f"run {min(one - others)} {reason}; run `av-synth split` on these runs again")


def read_splits(path: Path, option: str = "--splits") -> Splits:
    """Read a file of splits: JSON with {"splits": {"train": [run id, ...], ...}}.

    Args:
        path: the file.
        option: what the user named it with.

    Raises:
        DocumentError: naming everything that is wrong with it.
    """
    try:
        content = as_mapping(read_json(path), str(path)).get("splits")
    except StoreError as error:
        raise DocumentError([Problem("", option, str(error))]) from error
    if not isinstance(content, dict) or not content:
        raise DocumentError([Problem(str(path), "splits", "want run ids by split, as `av-synth split` writes them")])
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for name, members in content.items():
        if not NAME.fullmatch(name) or name == ALL:
            problems.append(Problem(str(path), "splits", f"got the name {name!r}; want one like train, val, test"))
        if not isinstance(members, list):
            problems.append(Problem(str(path), f"splits.{name}", f"got {type(members).__name__}; want run ids"))
            continue
        for member in members:
            if not isinstance(member, str):
                problems.append(Problem(str(path), f"splits.{name}", f"got {member!r}; want a run id in quotes"))
                continue
            try:
                check_run_id(member)
            except StoreError as error:
                problems.append(Problem(str(path), f"splits.{name}", str(error)))
            if seen.setdefault(member, name) != name:
                problems.append(Problem(str(path), f"splits.{name}", f"run {member} is in {seen[member]} too"))
    if problems:
        raise DocumentError(problems)
    return Splits({name: tuple(members) for name, members in content.items()})
