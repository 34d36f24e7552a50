"""What the things of a dataset are called in a mix: as they were, unless something else there has that name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import sha256

from av_synth.errors import UserError
from av_synth.export.nuscenes import official


class Tokens:
    """Tokens of one dataset in a mix: those that an earlier one has for something else are replaced everywhere.

    A token is replaced by the same one wherever it stands, so that keys stay closed, and what has one token in several
    tables (`ego_pose` and `sample_data`, `lidarseg` and `sample_data`) keeps that.
    """

    def __init__(self, dataset: str, taken: Collection[str], shared: Collection[str]) -> None:
        """Of a dataset.

        Args:
            dataset: its name.
            taken: tokens of those before it.
            shared: tokens among them that mean the same here.
        """
        self._dataset, self._taken, self._shared = dataset, taken, shared
        self.changed: dict[str, str] = {}

    def __call__(self, token: str) -> str:
        """The token in the mix; '' stays ''."""
        if token not in self._taken or token in self._shared or not token:
            return token
        if token not in self.changed:
            key = f"av_synth mix\x1f{self._dataset}\x1f{token}"
            self.changed[token] = sha256(key.encode()).hexdigest()[:32]
        return self.changed[token]

    def is_shared(self, token: str) -> bool:
        """Whether what has this token is in the mix already, of an earlier dataset."""
        return token in self._shared


def scene_names(wanted: Sequence[str]) -> list[str]:
    """Names of scenes in a mix: the first that has a name keeps it, others get the next number that nobody has.

    Args:
        wanted: the name of each scene in its own dataset, in the order of the datasets.

    Raises:
        UserError: if there are more scenes than numbers.
    """
    claimed = set(wanted)
    free = (name for number in official.scene_numbers() if (name := f"scene-{number:04d}") not in claimed)
    given: list[str] = []
    taken: set[str] = set()
    for name in wanted:
        own = name if name not in taken else next(free, "")
        if not own:
            raise UserError(
                f"mix: {len(wanted)} scenes are more than there are numbers; want fewer, by --ratio and --total"
            )
        taken.add(own)
        given.append(own)
    return given


def beside(name: str, dataset: str, taken: Collection[str]) -> str:
    """A name that nobody has, made of one that somebody has and of the name of the dataset."""
    found, number = f"{name}-{dataset}", 1
    while found in taken:
        number += 1
        found = f"{name}-{dataset}{number}"
    return found
