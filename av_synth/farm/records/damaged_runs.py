"""Committed runs that are not what was committed any more: a driver that begins has them made again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from av_synth.errors import OtherEpochError, StoreError
from av_synth.farm.records import quarantine
from av_synth.store.intact import check_intact, what_is_wrong
from av_synth.store.runs import is_passing, runs


@dataclass(frozen=True)
class Looked:
    """What there is of a campaign's runs.

    Attributes:
        sizes: bytes of those that are whole, as far as was looked.
        damaged: what is wrong with the others,
        other: but for those that another version of av_synth has written.
        unknown: ids of runs that were not planned; they are not looked at.
    """

    sizes: Mapping[str, int]
    damaged: Mapping[str, StoreError]
    other: Mapping[str, OtherEpochError]
    unknown: tuple[str, ...]


def look_at(store: Path, planned: Collection[str], *, deep: bool = False) -> Looked:
    """Look at all committed runs of a store, by `store.intact`, in order of their ids; nothing is changed.

    Raises:
        StoreError: if one cannot be read, and that tells nothing of the run (`store.runs.is_passing`).
    """
    sizes: dict[str, int] = {}
    damaged: dict[str, StoreError] = {}
    other: dict[str, OtherEpochError] = {}
    unknown = []
    for path in runs(store):
        if path.name not in planned:
            unknown.append(path.name)
            continue
        try:
            sizes[path.name] = check_intact(path, deep=deep)
        except OtherEpochError as error:
            other[path.name] = error
        except StoreError as error:
            if is_passing(error):
                raise
            if path.is_dir():  # else it has been set aside just now
                damaged[path.name] = error
    return Looked(sizes, damaged, other, tuple(unknown))


def set_damaged_aside(store: Path, looked: Looked, tell: quarantine.Tell) -> None:
    """Move what is damaged to where released evidence is, so that it is made again; nothing is deleted.

    Args:
        store: the store's folder.
        looked: what there is.
        tell: called before each is moved.

    Raises:
        OtherEpochError: if one is not damaged, but of another version of av_synth; then nothing has changed.
        StoreError: if one cannot be moved; it is where it was.
    """
    for other in looked.other.values():
        raise other
    for run_id, error in looked.damaged.items():
        quarantine.set_aside(store, run_id, what_is_wrong(error), tell)
